//! Pixels between pixels: scaling a picture as the recogniser and detector were trained with, and cutting a
//! quadrangle out of it.

use innkeeper_core::{Picture, PictureError, Point};

use crate::Quad;

/// Bits of a weight.
const BITS: i32 = 11;
const ONE: i32 = 1 << BITS;

/// Where an output column or row takes its two sources from, and the weight of the second one.
struct Tap {
    first: usize,
    second: usize,
    weight: i32,
}

/// Sources of each of `target` positions among `source` ones, pixel centres on pixel centres.
fn taps(source: usize, target: usize) -> Vec<Tap> {
    let step = source as f64 / target as f64;
    let last = source - 1;
    (0..target)
        .map(|i| {
            let at = ((i as f64 + 0.5) * step - 0.5).max(0.0);
            let first = (at as usize).min(last);
            let weight =
                if first == last { 0 } else { ((at - first as f64) * f64::from(ONE)).round() as i32 };
            Tap { first, second: (first + 1).min(last), weight }
        })
        .collect()
}

/// Scales by bilinear interpolation without averaging over the covered pixels, to the resolution of a 2,048th
/// between two of them: what the models saw in training. [`Picture::resized`] averages.
///
/// # Errors
/// [`PictureError::Resize`] when a side is zero.
pub(super) fn scaled(picture: &Picture, width: u32, height: u32) -> Result<Picture, PictureError> {
    if (width, height) == (picture.width(), picture.height()) {
        return Ok(picture.clone());
    }
    if width == 0 || height == 0 {
        return Err(PictureError::Resize(format!("{width} x {height} is no size")));
    }
    let columns = taps(picture.width() as usize, width as usize);
    let rows = taps(picture.height() as usize, height as usize);
    let (from, to) = (picture.width() as usize * 3, width as usize * 3);
    let mut out = vec![0_u8; to * height as usize];
    // Two source rows, already scaled in width; most output rows share theirs with the row above.
    let mut kept = [(usize::MAX, vec![0_i32; to]), (usize::MAX, vec![0_i32; to])];
    for (tap, line) in rows.iter().zip(out.chunks_exact_mut(to)) {
        if kept[1].0 == tap.first {
            kept.swap(0, 1);
        }
        for (slot, row) in kept.iter_mut().zip([tap.first, tap.second]) {
            if slot.0 != row {
                slot.0 = row;
                let pixels = picture.rgb().get(row * from..(row + 1) * from).unwrap_or(&[]);
                spread(pixels, &columns, &mut slot.1);
            }
        }
        let [(_, upper), (_, lower)] = &kept;
        for ((byte, a), b) in line.iter_mut().zip(upper).zip(lower) {
            *byte = ((a * (ONE - tap.weight) + b * tap.weight + (1 << (2 * BITS - 1))) >> (2 * BITS)) as u8;
        }
    }
    Picture::from_rgb(width, height, out)
}

/// One row of pixels scaled in width, values times [`ONE`].
fn spread(pixels: &[u8], columns: &[Tap], out: &mut [i32]) {
    let (pixels, _) = pixels.as_chunks::<3>();
    for (tap, out) in columns.iter().zip(out.as_chunks_mut::<3>().0) {
        let (Some(a), Some(b)) = (pixels.get(tap.first), pixels.get(tap.second)) else { return };
        for c in 0..3 {
            out[c] = i32::from(a[c]) * (ONE - tap.weight) + i32::from(b[c]) * tap.weight;
        }
    }
}

/// Writes a picture into the three planes of a tensor row, blue first, values brought from 0..255 to -1..1.
/// `planes` holds three planes of `columns` numbers a line; what the picture does not reach stays as it is.
pub(super) fn write_planes(picture: &Picture, planes: &mut [f32], columns: usize) {
    let plane = planes.len() / 3;
    if columns == 0 || plane == 0 {
        return;
    }
    let (blue, rest) = planes.split_at_mut(plane);
    let (green, red) = rest.split_at_mut(plane);
    let lines = blue
        .chunks_exact_mut(columns)
        .zip(green.chunks_exact_mut(columns))
        .zip(red.chunks_exact_mut(columns));
    let value = |byte: u8| (f32::from(byte) * (1.0 / 255.0) - 0.5) * 2.0;
    for (pixels, ((blue, green), red)) in picture.rgb().chunks_exact(picture.width() as usize * 3).zip(lines)
    {
        let (pixels, _) = pixels.as_chunks::<3>();
        for ((([r, g, b], blue), green), red) in pixels.iter().zip(blue).zip(green).zip(red) {
            (*blue, *green, *red) = (value(*b), value(*g), value(*r));
        }
    }
}

/// The pixels of a quadrangle, set upright: its top left corner comes to (0, 0), its sides to the longer of each
/// pair of opposite sides in whole pixels. Corners outside the picture are moved to its edge. `None` when a side
/// is shorter than a pixel.
///
/// A projective map (P. S. Heckbert, "Fundamentals of texture mapping and image warping", 1989) sampled with
/// cubic convolution (R. G. Keys, 1981, a = -0.75); an upright quadrangle of whole pixels is copied.
///
/// # Errors
/// [`PictureError::Resize`] never in practice: the size is that of the pixels made.
pub(super) fn cut(picture: &Picture, quad: &Quad) -> Result<Option<Picture>, PictureError> {
    let (w, h) = (picture.width() as f32, picture.height() as f32);
    let corners = quad.0.map(|p| Point { x: p.x.clamp(0.0, w), y: p.y.clamp(0.0, h) });
    let [a, b, c, d] = corners;
    let side = |p: Point, q: Point| (q.x - p.x).hypot(q.y - p.y);
    let width = side(a, b).max(side(c, d)) as u32;
    let height = side(a, d).max(side(b, c)) as u32;
    if width == 0 || height == 0 {
        return Ok(None);
    }
    let whole = corners.iter().all(|p| p.x.fract() == 0.0 && p.y.fract() == 0.0);
    if whole {
        let [a, b, c, d] = corners.map(|p| (p.x as usize, p.y as usize));
        if a.1 == b.1 && b.0 == c.0 && c.1 == d.1 && d.0 == a.0 && a.0 < b.0 && a.1 < d.1 {
            return copied(picture, a, (width as usize, height as usize)).map(Some);
        }
    }
    let Some(map) = Projective::onto(&corners, width as f32, height as f32) else { return Ok(None) };
    let mut rgb = Vec::with_capacity((width * height * 3) as usize);
    let sampler = Cubic::new(picture);
    for y in 0..height {
        for x in 0..width {
            rgb.extend_from_slice(&sampler.at(map.source(x as f32, y as f32)));
        }
    }
    Picture::from_rgb(width, height, rgb).map(Some)
}

/// The pixels of an upright rectangle from `corner` on.
fn copied(
    picture: &Picture,
    corner: (usize, usize),
    (width, height): (usize, usize),
) -> Result<Picture, PictureError> {
    let stride = picture.width() as usize * 3;
    let mut rgb = Vec::with_capacity(width * height * 3);
    for line in picture.rgb().chunks_exact(stride).skip(corner.1).take(height) {
        rgb.extend_from_slice(line.get(corner.0 * 3..(corner.0 + width) * 3).unwrap_or(&[]));
    }
    Picture::from_rgb(width as u32, height as u32, rgb)
}

/// From an upright rectangle to a quadrangle: x = (ax + by + c) / (gx + hy + 1) and the like for y.
pub(super) struct Projective {
    a: f64,
    b: f64,
    c: f64,
    d: f64,
    e: f64,
    f: f64,
    g: f64,
    h: f64,
}

impl Projective {
    /// The map that brings (0, 0), (width, 0), (width, height), (0, height) onto the corners; `None` when three
    /// of them lie on one line so that there is none.
    pub(super) fn onto(corners: &[Point; 4], width: f32, height: f32) -> Option<Self> {
        let [p0, p1, p2, p3] = corners.map(|p| (f64::from(p.x), f64::from(p.y)));
        let (w, h) = (f64::from(width), f64::from(height));
        let sum = (p0.0 - p1.0 + p2.0 - p3.0, p0.1 - p1.1 + p2.1 - p3.1);
        let (one, two) = ((p1.0 - p2.0, p1.1 - p2.1), (p3.0 - p2.0, p3.1 - p2.1));
        let area = one.0 * two.1 - one.1 * two.0;
        if area.abs() < 1e-9 {
            return None;
        }
        let g = (sum.0 * two.1 - sum.1 * two.0) / area;
        let v = (one.0 * sum.1 - one.1 * sum.0) / area;
        Some(Self {
            a: (p1.0 - p0.0 + g * p1.0) / w,
            b: (p3.0 - p0.0 + v * p3.0) / h,
            c: p0.0,
            d: (p1.1 - p0.1 + g * p1.1) / w,
            e: (p3.1 - p0.1 + v * p3.1) / h,
            f: p0.1,
            g: g / w,
            h: v / h,
        })
    }

    /// Where a point of the rectangle lies in the quadrangle.
    pub(super) fn source(&self, x: f32, y: f32) -> (f64, f64) {
        let (x, y) = (f64::from(x), f64::from(y));
        let depth = self.g * x + self.h * y + 1.0;
        ((self.a * x + self.b * y + self.c) / depth, (self.d * x + self.e * y + self.f) / depth)
    }
}

/// Positions between two pixels that are told apart.
const FINE: i64 = 32;

/// Cubic convolution on a picture whose edge pixels go on for ever.
struct Cubic<'a> {
    picture: &'a Picture,
    weights: Vec<[f32; 4]>,
}

impl<'a> Cubic<'a> {
    fn new(picture: &'a Picture) -> Self {
        const A: f32 = -0.75;
        let weights = (0..FINE)
            .map(|i| {
                let t = i as f32 / FINE as f32;
                let near = |t: f32| ((A + 2.0) * t - (A + 3.0)) * t * t + 1.0;
                let far = |t: f32| ((A * t - 5.0 * A) * t + 8.0 * A) * t - 4.0 * A;
                [far(t + 1.0), near(t), near(1.0 - t), far(2.0 - t)]
            })
            .collect();
        Self { picture, weights }
    }

    fn at(&self, (x, y): (f64, f64)) -> [u8; 3] {
        let fine = |v: f64| (v * FINE as f64).round() as i64;
        let (fx, fy) = (fine(x), fine(y));
        let (x, y) = (fx.div_euclid(FINE), fy.div_euclid(FINE));
        let (wx, wy) =
            (&self.weights[fx.rem_euclid(FINE) as usize], &self.weights[fy.rem_euclid(FINE) as usize]);
        let (width, height) = (i64::from(self.picture.width()), i64::from(self.picture.height()));
        let (pixels, _) = self.picture.rgb().as_chunks::<3>();
        let mut sum = [0.0_f32; 3];
        for (row, wy) in (y - 1..).zip(wy) {
            let line = row.clamp(0, height - 1) * width;
            for (column, wx) in (x - 1..).zip(wx) {
                let pixel = &pixels[(line + column.clamp(0, width - 1)) as usize];
                for c in 0..3 {
                    sum[c] += wx * wy * f32::from(pixel[c]);
                }
            }
        }
        sum.map(|v| v.round() as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient(width: u32, height: u32) -> Picture {
        let pixel = |i: u32| [(2 * (i % width)) as u8, (3 * (i / width)) as u8, 40];
        Picture::from_rgb(width, height, (0..width * height).flat_map(pixel).collect()).unwrap()
    }

    fn quad(corners: [(f32, f32); 4]) -> Quad {
        Quad(corners.map(|(x, y)| Point { x, y }))
    }

    #[test]
    fn a_scaled_gradient_keeps_its_slope() {
        let twice = scaled(&gradient(20, 10), 40, 20).unwrap();
        // Column 21 lies at (21 + 0.5) / 2 - 0.5 = 10.25, row 11 at 5.25.
        let at = (11 * 40 + 21) * 3;
        assert_eq!(twice.rgb()[at..at + 3], [21, 16, 40]);
        assert_eq!(twice.rgb()[..3], [0, 0, 40]);
        assert_eq!(twice.rgb()[(20 * 40 - 1) * 3..], [38, 27, 40]);
        assert!(scaled(&gradient(20, 10), 0, 3).is_err());
    }

    #[test]
    fn shrinking_to_a_pixel_and_growing_from_one_keep_inside_the_picture() {
        assert_eq!(scaled(&gradient(9, 9), 1, 1).unwrap().rgb(), [8, 12, 40]);
        let one = Picture::from_rgb(1, 1, vec![1, 2, 3]).unwrap();
        assert_eq!(scaled(&one, 2, 2).unwrap().rgb(), [1, 2, 3].repeat(4));
    }

    #[test]
    fn planes_are_blue_first_and_what_lies_beyond_the_picture_stays_zero() {
        let picture = Picture::from_rgb(1, 2, vec![255, 0, 51, 0, 255, 51]).unwrap();
        let mut planes = vec![0.0; 3 * 2 * 2];
        write_planes(&picture, &mut planes, 2);
        let wanted = [-0.6, 0.0, -0.6, 0.0, -1.0, 0.0, 1.0, 0.0, 1.0, 0.0, -1.0, 0.0];
        assert!(planes.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-6), "{planes:?}");
    }

    #[test]
    fn an_upright_quadrangle_is_copied_pixel_by_pixel() {
        let picture = gradient(30, 20);
        let found =
            cut(&picture, &quad([(3.0, 4.0), (13.0, 4.0), (13.0, 9.0), (3.0, 9.0)])).unwrap().unwrap();
        assert_eq!((found.width(), found.height()), (10, 5));
        assert_eq!(found.rgb()[..3], [6, 12, 40]);
        assert_eq!(found.rgb()[(4 * 10 + 9) * 3..][..3], [24, 24, 40]);
    }

    #[test]
    fn a_tilted_quadrangle_is_sampled_where_its_closed_form_says() {
        let picture = gradient(100, 80);
        // A parallelogram: (u, v) comes from (20 + 0.8 u - 0.6 v, 10 + 0.6 u + 0.8 v).
        let corners = [(20.0, 10.0), (60.0, 40.0), (48.0, 56.0), (8.0, 26.0)];
        let found = cut(&picture, &quad(corners)).unwrap().unwrap();
        assert_eq!((found.width(), found.height()), (50, 20));
        for (u, v) in [(0_u32, 0_u32), (10, 5), (49, 19), (25, 10)] {
            let (x, y) = (20.0 + 0.8 * u as f32 - 0.6 * v as f32, 10.0 + 0.6 * u as f32 + 0.8 * v as f32);
            let at = ((v * 50 + u) * 3) as usize;
            assert!((f32::from(found.rgb()[at]) - 2.0 * x).abs() <= 1.1, "{u} {v}");
            assert!((f32::from(found.rgb()[at + 1]) - 3.0 * y).abs() <= 1.1, "{u} {v}");
        }
    }

    #[test]
    fn a_projective_map_brings_the_corners_onto_the_corners_and_the_middle_to_the_diagonals() {
        let corners = [(10.0, 10.0), (90.0, 20.0), (70.0, 60.0), (15.0, 50.0)].map(|(x, y)| Point { x, y });
        let map = Projective::onto(&corners, 40.0, 20.0).unwrap();
        for (at, wanted) in [(0.0, 0.0), (40.0, 0.0), (40.0, 20.0), (0.0, 20.0)].iter().zip(corners) {
            let (x, y) = map.source(at.0, at.1);
            assert!((x - f64::from(wanted.x)).abs() < 1e-6 && (y - f64::from(wanted.y)).abs() < 1e-6);
        }
        // Lines stay lines: the middle of the rectangle comes to where the diagonals cross.
        let (x, y) = map.source(20.0, 10.0);
        let on = |p: Point, q: Point| {
            (f64::from(q.x - p.x) * (y - f64::from(p.y)) - f64::from(q.y - p.y) * (x - f64::from(p.x))).abs()
        };
        assert!(on(corners[0], corners[2]) < 1e-6 && on(corners[1], corners[3]) < 1e-6);
        let line = [(0.0, 0.0), (1.0, 1.0), (2.0, 2.0), (3.0, 3.0)].map(|(x, y)| Point { x, y });
        assert!(Projective::onto(&line, 4.0, 4.0).is_none());
    }

    #[test]
    fn corners_beyond_the_picture_or_without_a_number_make_no_crop_larger_than_it() {
        let picture = gradient(10, 10);
        let far = quad([(-1e9, -1e9), (1e9, -1e9), (1e9, 1e9), (-1e9, 1e9)]);
        assert_eq!(cut(&picture, &far).unwrap().unwrap().rgb(), picture.rgb());
        assert!(cut(&picture, &quad([(f32::NAN, 0.0); 4])).unwrap().is_none());
        assert!(cut(&picture, &quad([(2.0, 2.0); 4])).unwrap().is_none());
    }
}
