use innkeeper_core::{Picture, Rect, Resampling};
use innkeeper_runtime::{RuntimeError, Tensor};

use crate::FaceError;

/// Canvas sides are multiples of this, so that a detector meets few shapes and its memory stays flat.
/// All our detectors need multiples of 32.
pub(crate) const CANVAS_STEP: u32 = 64;

/// The shapes (height, width) a detector can meet when it looks at `size` pixels on the longest side.
pub(crate) fn canvas_shapes(size: u32) -> Vec<(u32, u32)> {
    let steps = size.div_ceil(CANVAS_STEP).max(1);
    (1..=steps)
        .flat_map(|h| (1..=steps).map(move |w| (h * CANVAS_STEP, w * CANVAS_STEP)))
        .filter(|(h, w)| *h.max(w) == steps * CANVAS_STEP)
        .collect()
}

/// A picture scaled down to fit, standing in the top left corner of a canvas whose sides are multiples
/// of [`CANVAS_STEP`].
pub(crate) struct Canvas {
    picture: Picture,
    width: u32,
    height: u32,
    scale: f32,
}

impl Canvas {
    /// Scales `picture` so that its longest side is at most `size`; never enlarges.
    pub fn fit(picture: &Picture, size: u32) -> Result<Self, FaceError> {
        let longest = picture.width().max(picture.height());
        let scale = (size as f32 / longest as f32).min(1.0);
        let side = |s: u32| ((s as f32 * scale).round() as u32).clamp(1, size.max(1));
        let scaled = picture.resized(side(picture.width()), side(picture.height()), Resampling::Triangle)?;
        let up = |s: u32| s.div_ceil(CANVAS_STEP) * CANVAS_STEP;
        let (width, height) = (up(scaled.width()), up(scaled.height()));
        Ok(Self { picture: scaled, width, height, scale })
    }

    /// The part of `picture` inside `area`, brought to `size` pixels on its longest side, enlarged if need
    /// be, on a square canvas. Boxes on it count from the corner of the area.
    pub fn close(picture: &Picture, area: &Rect, size: u32) -> Result<Self, FaceError> {
        let scale = size as f32 / area.w.max(area.h);
        let side = |s: f32| ((s * scale).round() as u32).clamp(1, size);
        let part = picture.resized_part(area, side(area.w), side(area.h), Resampling::Triangle)?;
        let side = size.next_multiple_of(CANVAS_STEP);
        Ok(Self { picture: part, width: side, height: side, scale })
    }

    pub fn width(&self) -> u32 {
        self.width
    }

    pub fn height(&self) -> u32 {
        self.height
    }

    /// Canvas pixels per picture pixel, at most 1.
    pub fn scale(&self) -> f32 {
        self.scale
    }

    /// The scaled picture without the canvas around it.
    pub fn picture(&self) -> &Picture {
        &self.picture
    }

    /// `[1, 3, height, width]`, each value `(v - mean) * factor`, the canvas beyond the picture black
    /// (that is, `-mean * factor`); channels in RGB order, or BGR when `bgr`.
    pub fn tensor(&self, bgr: bool, mean: f32, factor: f32) -> Result<Tensor, RuntimeError> {
        let (w, h) = (self.width as usize, self.height as usize);
        let plane = w * h;
        let mut data = vec![-mean * factor; 3 * plane];
        let (red, rest) = data.split_at_mut(plane);
        let (green, blue) = rest.split_at_mut(plane);
        let (red, blue) = if bgr { (blue, red) } else { (red, blue) };
        let row_len = self.picture.width() as usize;
        for (y, row) in self.picture.rgb().chunks_exact(row_len * 3).enumerate() {
            let at = y * w..y * w + row_len;
            let targets =
                red[at.clone()].iter_mut().zip(green[at.clone()].iter_mut()).zip(blue[at].iter_mut());
            for (((r, g), b), px) in targets.zip(row.chunks_exact(3)) {
                *r = (f32::from(px[0]) - mean) * factor;
                *g = (f32::from(px[1]) - mean) * factor;
                *b = (f32::from(px[2]) - mean) * factor;
            }
        }
        Tensor::new(vec![1, 3, h, w], data)
    }

    /// A box on the canvas in pixels of the original picture.
    pub fn to_picture(&self, rect: &Rect) -> Rect {
        rect.scaled(1.0 / self.scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_picture_size_meets_one_of_the_listed_shapes() {
        let shapes = canvas_shapes(640);
        for (w, h) in [(1920, 1080), (1080, 1920), (641, 639), (4000, 20), (640, 480)] {
            let picture = Picture::from_rgb(w, h, vec![0; (w * h * 3) as usize]).unwrap();
            let canvas = Canvas::fit(&picture, 640).unwrap();
            assert!(
                shapes.contains(&(canvas.height(), canvas.width())),
                "{w}x{h} gave {}x{}",
                canvas.width(),
                canvas.height()
            );
        }
    }

    #[test]
    fn channels_swap_and_the_border_is_black() {
        let picture = Picture::from_rgb(1, 1, vec![10, 20, 30]).unwrap();
        let canvas = Canvas::fit(&picture, 640).unwrap();
        let plane = (CANVAS_STEP * CANVAS_STEP) as usize;
        let bgr = canvas.tensor(true, 0.0, 1.0).unwrap();
        assert_eq!((bgr.data()[0], bgr.data()[plane], bgr.data()[2 * plane]), (30.0, 20.0, 10.0));
        let rgb = canvas.tensor(false, 10.0, 0.5).unwrap();
        assert_eq!((rgb.data()[0], rgb.data()[1]), (0.0, -5.0));
    }
}
