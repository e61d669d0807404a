//! Which way up a page stands, and setting it upright.

use innkeeper_core::{Picture, PictureError, Point};
use innkeeper_runtime::Ticket;

use crate::{OcrError, Quad};

/// Lines that are asked which way up they stand, the longest ones.
pub(super) const VOTERS: usize = 8;
/// Mean probability of the voters from which on the page is turned round.
const MAJORITY: f32 = 0.6;
/// A line this many times longer than high tells the direction of the page.
const TELLING: f32 = 2.0;
/// Fewest lines that tell a skew.
const FEWEST: usize = 3;

/// A page that is set straight has at most this many times the pixels it had: the canvas round a long page at 44 degrees
/// has many times as many.
const MOST_GROWTH: u64 = 2;
/// Pixels that a page may have when straight, however few it had.
const SMALL: u64 = 32_000_000;
/// Rows that are turned between two looks at the ticket.
const ROWS: u32 = 64;

/// A turn of the page by a multiple of 90 degrees, clockwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Quarter {
    #[default]
    None,
    Right,
    Half,
    Left,
}

impl Quarter {
    pub(crate) fn degrees(self) -> f32 {
        match self {
            Self::None => 0.0,
            Self::Right => 90.0,
            Self::Half => 180.0,
            Self::Left => 270.0,
        }
    }

    /// The multiple nearest to an angle.
    pub(crate) fn nearest(degrees: f32) -> Self {
        match ((degrees / 90.0).round() as i32).rem_euclid(4) {
            1 => Self::Right,
            2 => Self::Half,
            3 => Self::Left,
            _ => Self::None,
        }
    }

    /// Where a point of a turned page lay on the page of `size` before it was turned.
    pub(crate) fn undone(self, p: Point, (width, height): (f32, f32)) -> Point {
        match self {
            Self::None => p,
            Self::Right => Point { x: p.y, y: height - p.x },
            Self::Half => Point { x: width - p.x, y: height - p.y },
            Self::Left => Point { x: width - p.y, y: p.x },
        }
    }

    /// The picture, turned.
    pub(crate) fn of(self, picture: &Picture) -> Result<Picture, PictureError> {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let (pixels, _) = picture.rgb().as_chunks::<3>();
        let rgb = match self {
            Self::None => return Ok(picture.clone()),
            Self::Half => pixels.iter().rev().flatten().copied().collect(),
            Self::Right => turned(pixels, width, (0..width).map(|x| (x, true))),
            Self::Left => turned(pixels, width, (0..width).rev().map(|x| (x, false))),
        };
        let (width, height) = if self == Self::Half { (width, height) } else { (height, width) };
        Picture::from_rgb(width as u32, height as u32, rgb)
    }
}

/// Columns of a picture as rows, each read upwards or downwards.
fn turned(pixels: &[[u8; 3]], width: usize, columns: impl Iterator<Item = (usize, bool)>) -> Vec<u8> {
    let mut rgb = Vec::with_capacity(pixels.len() * 3);
    for (x, upwards) in columns {
        let column = pixels.iter().skip(x).step_by(width);
        if upwards {
            rgb.extend(column.rev().flatten());
        } else {
            rgb.extend(column.flatten());
        }
    }
    rgb
}

fn side(p: Point, q: Point) -> f32 {
    (q.x - p.x).hypot(q.y - p.y)
}

/// Width and height of a quadrangle: its longer sides of each pair.
pub(super) fn size(quad: &Quad) -> (f32, f32) {
    let [a, b, c, d] = quad.0;
    (side(a, b).max(side(c, d)), side(a, d).max(side(b, c)))
}

/// The same quadrangle read downwards: its right side becomes its top.
pub(super) fn downwards(quad: &Quad) -> Quad {
    let [a, b, c, d] = quad.0;
    Quad([b, c, d, a])
}

/// The same quadrangle read from the other end.
pub(super) fn reversed(quad: &Quad) -> Quad {
    let [a, b, c, d] = quad.0;
    Quad([c, d, a, b])
}

/// Whether most of the text runs up or down the page rather than across.
pub(super) fn stands_on_its_side(quads: &[Quad]) -> bool {
    let (mut across, mut along) = (0.0, 0.0);
    for (w, h) in quads.iter().map(size) {
        if w >= TELLING * h {
            across += w;
        } else if h >= TELLING * w {
            along += h;
        }
    }
    along > across
}

/// The quadrangles to be asked which way up they stand: the longest ones, read downwards on a page that stands
/// on its side.
pub(super) fn voters(quads: &[Quad], on_its_side: bool) -> Vec<Quad> {
    let mut voters: Vec<Quad> = quads.iter().map(|q| if on_its_side { downwards(q) } else { *q }).collect();
    voters.retain(|q| {
        let (w, h) = size(q);
        w >= TELLING * h
    });
    voters.sort_by(|a, b| size(b).0.total_cmp(&size(a).0));
    voters.truncate(VOTERS);
    voters
}

/// The turn that sets a page upright whose voters stand on their heads with these probabilities.
pub(super) fn needed(on_its_side: bool, upside_down: &[f32]) -> Quarter {
    let mean = upside_down.iter().sum::<f32>() / upside_down.len().max(1) as f32;
    match (on_its_side, mean > MAJORITY) {
        (false, false) => Quarter::None,
        (false, true) => Quarter::Half,
        // Text that is read downwards was turned to the right.
        (true, false) => Quarter::Left,
        (true, true) => Quarter::Right,
    }
}

/// Degrees by which lines rise to the right (negative: fall), the median by length of those long enough to tell;
/// 0 when there are too few. Turning the page clockwise by it sets it upright.
pub(super) fn skew<'a>(quads: impl Iterator<Item = &'a Quad>) -> f32 {
    let mut angles: Vec<(f32, f32)> = quads
        .filter(|q| {
            let (w, h) = size(q);
            w >= TELLING * h
        })
        .map(|q| {
            let [a, b, c, d] = q.0;
            // The middle line, which corners that were moved to whole pixels disturb least.
            let (dx, dy) = (b.x + c.x - a.x - d.x, b.y + c.y - a.y - d.y);
            (-dy.atan2(dx).to_degrees(), dx.hypot(dy))
        })
        .collect();
    if angles.len() < FEWEST {
        return 0.0;
    }
    angles.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = angles.iter().map(|a| a.1).sum::<f32>() / 2.0;
    let mut sum = 0.0;
    for (angle, weight) in angles {
        sum += weight;
        if sum >= half {
            return angle;
        }
    }
    0.0
}

/// A turn by a small angle about the middle of the page, on a page just large enough.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tilt {
    sin: f32,
    cos: f32,
    from: (f32, f32),
    /// Width and height of the turned page in whole pixels.
    pub(super) to: (u32, u32),
}

impl Tilt {
    /// Clockwise by `degrees`, of a page of this size.
    pub(super) fn clockwise(degrees: f32, width: u32, height: u32) -> Self {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let (w, h) = (width as f32, height as f32);
        let whole = |side: f32| side.ceil().max(1.0) as u32;
        let to = (whole(w * cos.abs() + h * sin.abs()), whole(w * sin.abs() + h * cos.abs()));
        Self { sin, cos, from: (w, h), to }
    }

    /// Whether the turned page is not far larger than the page was.
    pub(super) fn is_affordable(&self) -> bool {
        let before = self.from.0 as u64 * self.from.1 as u64;
        u64::from(self.to.0) * u64::from(self.to.1) <= (before * MOST_GROWTH).max(SMALL)
    }

    /// The turn that is known by the size of the page it made.
    pub(crate) fn known(degrees: f32, from: (f32, f32), to: (u32, u32)) -> Self {
        let (sin, cos) = degrees.to_radians().sin_cos();
        Self { sin, cos, from, to }
    }

    fn centres(&self) -> (Point, Point) {
        let (w, h) = (self.to.0 as f32, self.to.1 as f32);
        (Point { x: self.from.0 / 2.0, y: self.from.1 / 2.0 }, Point { x: w / 2.0, y: h / 2.0 })
    }

    /// Where a point of the page comes to.
    pub(super) fn done(&self, p: Point) -> Point {
        let (from, to) = self.centres();
        let (x, y) = (p.x - from.x, p.y - from.y);
        Point { x: to.x + x * self.cos - y * self.sin, y: to.y + x * self.sin + y * self.cos }
    }

    /// Where a point of the turned page came from.
    pub(crate) fn undone(&self, p: Point) -> Point {
        let (from, to) = self.centres();
        let (x, y) = (p.x - to.x, p.y - to.y);
        Point { x: from.x + x * self.cos + y * self.sin, y: from.y - x * self.sin + y * self.cos }
    }

    /// The picture, turned; its edge goes on where the turned page is larger. The ticket is looked at between blocks
    /// of rows.
    pub(super) fn of(&self, picture: &Picture, ticket: &Ticket) -> Result<Picture, OcrError> {
        const ONE: i32 = 256;
        let (width, height) = (picture.width() as i32, picture.height() as i32);
        let (pixels, _) = picture.rgb().as_chunks::<3>();
        let mut rgb = Vec::with_capacity(self.to.0 as usize * self.to.1 as usize * 3);
        for y in 0..self.to.1 {
            if y % ROWS == 0 {
                ticket.check()?;
            }
            let start = self.undone(Point { x: 0.5, y: y as f32 + 0.5 });
            for x in 0..self.to.0 {
                let along = x as f32;
                let fine = |v: f32| ((v - 0.5) * ONE as f32).round() as i32;
                let (fx, fy) = (fine(start.x + along * self.cos), fine(start.y - along * self.sin));
                let (wx, wy) = (fx.rem_euclid(ONE), fy.rem_euclid(ONE));
                let column = |dx: i32| (fx.div_euclid(ONE) + dx).clamp(0, width - 1);
                let row = |dy: i32| (fy.div_euclid(ONE) + dy).clamp(0, height - 1) * width;
                let at = |dx, dy| pixels[(row(dy) + column(dx)) as usize];
                let (a, b, c, d) = (at(0, 0), at(1, 0), at(0, 1), at(1, 1));
                for i in 0..3 {
                    let upper = i32::from(a[i]) * (ONE - wx) + i32::from(b[i]) * wx;
                    let lower = i32::from(c[i]) * (ONE - wx) + i32::from(d[i]) * wx;
                    rgb.push(((upper * (ONE - wy) + lower * wy + ONE * ONE / 2) / (ONE * ONE)) as u8);
                }
            }
        }
        Ok(Picture::from_rgb(self.to.0, self.to.1, rgb)?)
    }
}

#[cfg(test)]
mod tests {
    use innkeeper_core::Rect;

    use super::*;

    fn quad(x: f32, y: f32, w: f32, h: f32) -> Quad {
        Quad::from_rect(&Rect { x, y, w, h })
    }

    fn close(a: Point, b: Point) -> bool {
        (a.x - b.x).abs() < 1e-2 && (a.y - b.y).abs() < 1e-2
    }

    #[test]
    fn a_turned_picture_and_its_points_go_the_same_way() {
        let picture = Picture::from_rgb(3, 2, (0..18).collect()).unwrap();
        for quarter in [Quarter::None, Quarter::Right, Quarter::Half, Quarter::Left] {
            let turned = quarter.of(&picture).unwrap();
            for y in 0..turned.height() {
                for x in 0..turned.width() {
                    let was = quarter.undone(Point { x: x as f32 + 0.5, y: y as f32 + 0.5 }, (3.0, 2.0));
                    let at = |p: &Picture, x: u32, y: u32| p.rgb()[((y * p.width() + x) * 3) as usize];
                    assert_eq!(at(&turned, x, y), at(&picture, was.x as u32, was.y as u32), "{quarter:?}");
                }
            }
            assert_eq!(Quarter::nearest(quarter.degrees() - 3.0), quarter);
        }
    }

    #[test]
    fn columns_of_text_say_that_the_page_lies_on_its_side_and_short_boxes_do_not() {
        let lines = [quad(0.0, 0.0, 200.0, 20.0), quad(0.0, 40.0, 10.0, 20.0), quad(0.0, 80.0, 10.0, 21.0)];
        assert!(!stands_on_its_side(&lines));
        assert!(stands_on_its_side(&[quad(0.0, 0.0, 20.0, 200.0), quad(40.0, 0.0, 20.0, 90.0)]));
        assert!(!stands_on_its_side(&[]));
    }

    #[test]
    fn the_longest_lines_decide_and_no_voter_leaves_the_page_as_it_is() {
        let many: Vec<Quad> = (0..20).map(|i| quad(0.0, 30.0 * i as f32, 50.0 + i as f32, 20.0)).collect();
        let chosen = voters(&many, false);
        assert_eq!(chosen.len(), VOTERS);
        assert!((size(&chosen[0]).0 - 69.0).abs() < 1e-3);
        assert_eq!(needed(false, &[]), Quarter::None);
        assert_eq!(needed(false, &[0.9, 0.8, 0.3]), Quarter::Half);
        assert_eq!(needed(true, &[0.1, 0.2]), Quarter::Left);
        assert_eq!(needed(true, &[0.9, 0.9]), Quarter::Right);
        assert_eq!(size(&voters(&[quad(0.0, 0.0, 20.0, 200.0)], true)[0]), (200.0, 20.0));
    }

    #[test]
    fn the_skew_is_that_of_most_of_the_text() {
        let page = Tilt::clockwise(-4.0, 800, 1000);
        let tilted = |q: Quad| Quad(q.0.map(|p| page.done(p)));
        let mut quads: Vec<Quad> = (0..5).map(|i| tilted(quad(50.0, 60.0 * i as f32, 400.0, 20.0))).collect();
        quads.push(quad(0.0, 0.0, 100.0, 20.0));
        assert!((skew(quads.iter()) - 4.0).abs() < 0.01, "{}", skew(quads.iter()));
        assert!(skew(quads[..2].iter()).abs() < f32::EPSILON);
    }

    #[test]
    fn what_a_tilt_does_it_undoes_and_the_page_is_large_enough() {
        for degrees in [-30.0, -2.0, 0.7, 44.0] {
            let tilt = Tilt::clockwise(degrees, 300, 500);
            for (x, y) in [(0.0, 0.0), (300.0, 0.0), (300.0, 500.0), (0.0, 500.0), (20.0, 70.0)] {
                let there = tilt.done(Point { x, y });
                assert!(close(tilt.undone(there), Point { x, y }));
                assert!(there.x > -0.01 && there.x < tilt.to.0 as f32 + 0.01);
                assert!(there.y > -0.01 && there.y < tilt.to.1 as f32 + 0.01);
            }
        }
    }

    #[test]
    fn a_long_page_on_a_slant_costs_no_canvas_of_many_times_its_size() {
        assert!(!Tilt::clockwise(44.0, 16_384, 3_051).is_affordable());
        assert!(Tilt::clockwise(3.0, 16_384, 3_051).is_affordable());
        assert!(Tilt::clockwise(44.0, 4_032, 3_024).is_affordable());
    }

    #[test]
    fn a_cancelled_request_does_not_wait_for_its_page_to_be_turned() {
        let picture = Picture::from_rgb(100, 80, vec![0; 100 * 80 * 3]).unwrap();
        let ticket = Ticket::unlimited();
        ticket.cancel();
        assert!(Tilt::clockwise(20.0, 100, 80).of(&picture, &ticket).is_err());
    }

    #[test]
    fn a_mark_on_a_tilted_picture_lies_where_its_point_does() {
        let mut rgb = vec![0_u8; 100 * 80 * 3];
        for y in 30..36 {
            rgb[(y * 100 + 60) * 3..(y * 100 + 66) * 3].fill(255);
        }
        let picture = Picture::from_rgb(100, 80, rgb).unwrap();
        let tilt = Tilt::clockwise(20.0, 100, 80);
        let turned = tilt.of(&picture, &Ticket::unlimited()).unwrap();
        let there = tilt.done(Point { x: 63.0, y: 33.0 });
        let at = (there.y as usize * turned.width() as usize + there.x as usize) * 3;
        assert_eq!(turned.rgb()[at], 255);
        assert_eq!(turned.rgb()[..3], [0; 3]);
    }
}
