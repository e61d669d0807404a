//! Where text stands: differentiable binarization (M. Liao and others, 2020). A network gives each pixel the
//! probability that it lies in the core of a line; cores become rectangles, rectangles grow to lines.

use std::borrow::Cow;

use innkeeper_core::{Picture, PictureError, Point};
use innkeeper_runtime::{Model, Tensor, Ticket};

use super::contour::Mask;
use super::rectangle::{self, Corners};
use super::sampling;
use super::settings::TextSettings;
use crate::{OcrError, Quad};

/// The detector's strides are divisors of this.
const STEP: u32 = 32;
/// A side below this many pixels is enlarged, and a page this low gets a margin.
const MIN_SIDE: u32 = 30;
/// A page wider than this many times its height gets a margin above and below.
const MAX_ASPECT: u32 = 8;
/// Longest side of the detector's input: what an eight times longer strip of the usual shorter side needs.
const MAX_CANVAS: u32 = 6144;
/// Shortest side of a core and of a line, in pixels of the detector's input.
const MIN_CORE: f32 = 3.0;
const MIN_LINE: f32 = 5.0;

/// A page at the size it is looked at.
pub(super) struct View<'a> {
    pub(super) pixels: Cow<'a, Picture>,
    /// Pixels of the page to one of the view.
    scale: (f32, f32),
    /// Height of the black margin above the page.
    margin: f32,
    page: (f32, f32),
}

/// `side` as the nearest multiple of [`STEP`], ties to the even one, at least one.
fn stepped(side: f64) -> u32 {
    ((side.floor() / f64::from(STEP)).round_ties_even() as u32).max(1) * STEP
}

impl<'a> View<'a> {
    /// Brings the page below the longest side, above the shortest, and gives strips a margin.
    pub(super) fn of(picture: &'a Picture, settings: &TextSettings) -> Result<Self, PictureError> {
        let (width, height) = (picture.width(), picture.height());
        let mut pixels = Cow::Borrowed(picture);
        let reduce = f64::from(settings.max_side.max(STEP)) / f64::from(width.max(height));
        if reduce < 1.0 {
            let side = |s: u32| stepped(f64::from(s) * reduce);
            pixels = Cow::Owned(sampling::scaled(&pixels, side(width), side(height))?);
        }
        let enlarge = f64::from(MIN_SIDE) / f64::from(pixels.width().min(pixels.height()));
        if enlarge > 1.0 {
            let side = |s: u32| stepped((f64::from(s) * enlarge).min(f64::from(settings.max_side)));
            pixels = Cow::Owned(sampling::scaled(&pixels, side(pixels.width()), side(pixels.height()))?);
        }
        let scale = (width as f32 / pixels.width() as f32, height as f32 / pixels.height() as f32);
        let (w, h) = (pixels.width(), pixels.height());
        let mut margin = 0;
        if h <= MIN_SIDE || w > MAX_ASPECT * h {
            margin = ((w / MAX_ASPECT).max(MIN_SIDE) * 2).abs_diff(h) / 2;
            let black = vec![0; (w * margin * 3) as usize];
            pixels =
                Cow::Owned(Picture::from_rgb(w, h + 2 * margin, [&black, pixels.rgb(), &black].concat())?);
        }
        Ok(Self { pixels, scale, margin: margin as f32, page: (width as f32, height as f32) })
    }

    /// From pixels of the view to pixels of the page.
    pub(super) fn on_page(&self, quad: &Quad) -> Quad {
        Quad(quad.0.map(|p| Point {
            x: (p.x * self.scale.0).clamp(0.0, self.page.0),
            y: ((p.y - self.margin) * self.scale.1).clamp(0.0, self.page.1),
        }))
    }

    /// Width and height of the detector's input.
    fn canvas(&self, settings: &TextSettings) -> (u32, u32) {
        let (w, h) = (self.pixels.width(), self.pixels.height());
        let wanted = f64::from(settings.detection_side) / f64::from(w.min(h));
        let least = f64::from(settings.detection_scale.clamp(0.1, 1.0));
        let scale = if wanted > 1.0 {
            wanted.min(f64::from(MAX_CANVAS) / f64::from(w.max(h))).max(1.0)
        } else {
            wanted.max(least)
        };
        (stepped(f64::from(w) * scale), stepped(f64::from(h) * scale))
    }
}

/// The lines of a view, in its pixels, in no order.
pub(super) fn find(
    model: &Model,
    view: &View,
    settings: &TextSettings,
    ticket: &Ticket,
) -> Result<Vec<Quad>, OcrError> {
    let (width, height) = view.canvas(settings);
    let canvas = if (width, height) == (view.pixels.width(), view.pixels.height()) {
        Cow::Borrowed(&*view.pixels)
    } else {
        Cow::Owned(sampling::scaled(&view.pixels, width, height)?)
    };
    let mut input = vec![0.0; (width * height * 3) as usize];
    sampling::write_planes(&canvas, &mut input, width as usize);
    drop(canvas);
    let input = Tensor::new(vec![1, 3, height as usize, width as usize], input)?;
    let outputs = model.run(vec![input], ticket)?;
    let map = outputs.first().filter(|map| map.shape() == [1, 1, height as usize, width as usize]);
    let map = map.ok_or_else(|| OcrError::UnexpectedOutput {
        model: "text detection",
        got: format!("{:?}", outputs.iter().map(Tensor::shape).collect::<Vec<_>>()),
        expected: "one map of the input's size",
    })?;
    Ok(lines(map.data(), (width, height), (view.pixels.width(), view.pixels.height()), settings))
}

/// From a map of probabilities to lines, in pixels of a picture of size `target`.
fn lines(map: &[f32], size: (u32, u32), target: (u32, u32), settings: &TextSettings) -> Vec<Quad> {
    let width = size.0 as usize;
    let borders = Mask::above(map, width, settings.pixel_threshold).borders(settings.max_boxes);
    let line = |border: &Vec<_>| {
        let core = rectangle::least_rectangle(border).filter(|core| core.short_side >= MIN_CORE)?;
        if rectangle::mean_inside(map, width, &core.corners) < settings.box_threshold {
            return None;
        }
        let grown = rectangle::least_rectangle(&rectangle::grown(&core.corners, settings.unclip_ratio))?;
        if grown.short_side < MIN_LINE {
            return None;
        }
        let whole = |v: f32, from: u32, to: u32| {
            (v / from as f32 * to as f32).round_ties_even().clamp(0.0, (to - 1) as f32)
        };
        let corners = grown.corners.map(|(x, y)| (whole(x, size.0, target.0), whole(y, size.1, target.1)));
        large_enough(rectangle::in_reading_order(corners))
    };
    borders.iter().filter_map(line).collect()
}

/// A line whose sides are longer than three pixels.
fn large_enough(corners: Corners) -> Option<Quad> {
    let [a, b, c, d] = corners.map(|(x, y)| Point { x, y });
    let side = |p: Point, q: Point| (q.x - p.x).hypot(q.y - p.y);
    (side(a, b) >= 4.0 && side(a, d) >= 4.0).then_some(Quad([a, b, c, d]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> TextSettings {
        TextSettings::default()
    }

    fn blank(width: u32, height: u32) -> Picture {
        Picture::from_rgb(width, height, vec![255; (width * height * 3) as usize]).unwrap()
    }

    #[test]
    fn a_core_becomes_a_line_on_the_picture_and_a_faint_or_thin_one_does_not() {
        let (w, h) = (160_u32, 96_u32);
        let mut map = vec![0.0_f32; (w * h) as usize];
        let mut fill = |x0: u32, x1: u32, y0: u32, y1: u32, value: f32| {
            for y in y0..y1 {
                map[(y * w + x0) as usize..(y * w + x1) as usize].fill(value);
            }
        };
        fill(40, 120, 20, 30, 0.9);
        fill(40, 120, 50, 60, 0.4);
        fill(40, 120, 80, 81, 0.9);
        let found = lines(&map, (w, h), (w * 2, h * 2), &settings());
        assert_eq!(found.len(), 1);
        // 80 x 10 core, grown by 800 * 1.6 / 180 = 7.1 pixels of the map, twice that on the picture.
        let bounds = found[0].bounds();
        assert!((bounds.x - 66.0).abs() <= 2.0 && (bounds.y - 26.0).abs() <= 2.0, "{bounds:?}");
        assert!((bounds.w - 188.0).abs() <= 4.0 && (bounds.h - 48.0).abs() <= 4.0, "{bounds:?}");
    }

    #[test]
    fn the_input_of_the_detector_is_a_multiple_of_its_stride() {
        let canvas = |w, h| View::of(&blank(w, h), &settings()).unwrap().canvas(&settings());
        assert_eq!(canvas(463, 1013), (736, 1600));
        assert_eq!(canvas(1000, 1400), (992, 1408));
        assert_eq!(canvas(4000, 3000), (1984, 1504));
        for (w, h) in [(1, 1), (3, 2000), (5000, 2), (16_384, 16)] {
            let (cw, ch) = canvas(w, h);
            assert!(cw % STEP == 0 && ch % STEP == 0 && cw > 0 && ch > 0 && cw * ch < 8_000_000, "{w} {h}");
        }
    }

    #[test]
    fn a_strip_gets_a_margin_that_is_taken_off_again() {
        let strip = blank(900, 60);
        let view = View::of(&strip, &settings()).unwrap();
        assert!(view.margin > 0.0 && view.pixels.width() < 8 * view.pixels.height());
        let top = view.on_page(&Quad::from_rect(&innkeeper_core::Rect {
            x: 10.0,
            y: view.margin + 5.0,
            w: 20.0,
            h: 500.0,
        }));
        assert_eq!(top.bounds(), innkeeper_core::Rect { x: 10.0, y: 5.0, w: 20.0, h: 55.0 });
    }

    #[test]
    fn a_large_page_is_mapped_back_to_its_own_pixels() {
        let large = blank(3000, 4000);
        let view = View::of(&large, &settings()).unwrap();
        assert_eq!((view.pixels.width(), view.pixels.height()), (1504, 1984));
        let whole = Quad::from_rect(&innkeeper_core::Rect { x: 0.0, y: 0.0, w: 1504.0, h: 1984.0 });
        assert_eq!(
            view.on_page(&whole).bounds(),
            innkeeper_core::Rect { x: 0.0, y: 0.0, w: 3000.0, h: 4000.0 }
        );
    }
}
