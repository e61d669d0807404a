//! Landmarks in, upright face chips out.

use innkeeper_core::{Picture, Point, Rect, Resampling};

use crate::FaceError;

/// Where `ArcFace`-style embedders expect the two eyes, the nose tip and the mouth corners, in a chip of
/// 112 x 112 pixels (`InsightFace`).
pub const TEMPLATE_112: [Point; 5] = [
    Point { x: 38.2946, y: 51.6963 },
    Point { x: 73.5318, y: 51.5014 },
    Point { x: 56.0252, y: 71.7366 },
    Point { x: 41.5493, y: 92.3655 },
    Point { x: 70.7299, y: 92.2041 },
];

/// A similarity transform: rotation, uniform scale and shift; `x' = a x - b y + tx`, `y' = b x + a y + ty`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Similarity {
    a: f32,
    b: f32,
    tx: f32,
    ty: f32,
}

impl Similarity {
    /// The least-squares transform that carries `from` onto `to` (Umeyama 1991; in the plane and
    /// without reflection it has this closed form). `None` when all points of `from` coincide.
    pub fn fit(from: &[Point], to: &[Point]) -> Option<Self> {
        let n = from.len().min(to.len()) as f64;
        if n < 2.0 {
            return None;
        }
        let mean = |points: &[Point]| {
            let x = points.iter().map(|p| f64::from(p.x)).sum::<f64>() / n;
            let y = points.iter().map(|p| f64::from(p.y)).sum::<f64>() / n;
            (x, y)
        };
        let ((fx, fy), (gx, gy)) = (mean(from), mean(to));
        let (mut dot, mut cross, mut spread) = (0.0, 0.0, 0.0);
        for (p, q) in from.iter().zip(to) {
            let (px, py) = (f64::from(p.x) - fx, f64::from(p.y) - fy);
            let (qx, qy) = (f64::from(q.x) - gx, f64::from(q.y) - gy);
            dot += px * qx + py * qy;
            cross += px * qy - py * qx;
            spread += px * px + py * py;
        }
        if !(spread.is_finite() && spread > 1e-9) || (dot == 0.0 && cross == 0.0) {
            return None;
        }
        let (a, b) = (dot / spread, cross / spread);
        Some(Self {
            a: a as f32,
            b: b as f32,
            tx: (gx - a * fx + b * fy) as f32,
            ty: (gy - b * fx - a * fy) as f32,
        })
    }

    /// How much longer a line becomes.
    pub fn scale(&self) -> f32 {
        self.a.hypot(self.b)
    }

    /// Where `p` goes.
    pub fn apply(&self, p: Point) -> Point {
        Point { x: self.a * p.x - self.b * p.y + self.tx, y: self.b * p.x + self.a * p.y + self.ty }
    }

    /// The way back. The scale is never zero: [`Similarity::fit`] refuses that.
    fn inverse(&self) -> Self {
        let d = self.a * self.a + self.b * self.b;
        let (a, b) = (self.a / d, -self.b / d);
        Self { a, b, tx: -(a * self.tx - b * self.ty), ty: -(b * self.tx + a * self.ty) }
    }
}

/// The chip of `size` pixels a side that `to_chip` cuts out of `picture`: bilinear, black outside. A
/// large face is first shrunk to twice the chip's resolution, so that fine detail does not alias.
pub(crate) fn chip(picture: &Picture, to_chip: &Similarity, size: u32) -> Result<Picture, FaceError> {
    let back = to_chip.inverse();
    let end = size as f32;
    let corners = [(0.0, 0.0), (end, 0.0), (0.0, end), (end, end)].map(|(x, y)| back.apply(Point { x, y }));
    let fold = |pick: fn(&Point) -> f32| {
        let low = corners.iter().map(pick).fold(f32::INFINITY, f32::min);
        let high = corners.iter().map(pick).fold(f32::NEG_INFINITY, f32::max);
        (low.floor() - 2.0, high.ceil() + 2.0)
    };
    let ((left, right), (top, bottom)) = (fold(|p| p.x), fold(|p| p.y));
    let area = Rect::from_corners(left, top, right, bottom).clipped(picture.width(), picture.height());
    let shrink = to_chip.scale() * 2.0;
    if shrink < 1.0
        && let Some(part) = picture.cropped(&area)
    {
        let side = |s: u32| ((s as f32 * shrink).round() as u32).max(1);
        let small = part.resized(side(part.width()), side(part.height()), Resampling::Area)?;
        let fx = small.width() as f32 / part.width() as f32;
        let fy = small.height() as f32 / part.height() as f32;
        let (dx, dy) = (area.x.floor(), area.y.floor());
        return warp(&small, size, |x, y| {
            let p = back.apply(Point { x, y });
            ((p.x - dx + 0.5) * fx - 0.5, (p.y - dy + 0.5) * fy - 0.5)
        });
    }
    warp(picture, size, |x, y| {
        let p = back.apply(Point { x, y });
        (p.x, p.y)
    })
}

fn warp(picture: &Picture, size: u32, source: impl Fn(f32, f32) -> (f32, f32)) -> Result<Picture, FaceError> {
    let (w, h) = (picture.width() as i64, picture.height() as i64);
    let stride = picture.width() as usize * 3;
    let rgb = picture.rgb();
    let mut out = Vec::with_capacity((size * size * 3) as usize);
    for y in 0..size {
        for x in 0..size {
            let (sx, sy) = source(x as f32, y as f32);
            let (x0, y0) = (sx.floor(), sy.floor());
            let (fx, fy) = (sx - x0, sy - y0);
            let (x0, y0) = (x0 as i64, y0 as i64);
            let weights = [(1.0 - fx) * (1.0 - fy), fx * (1.0 - fy), (1.0 - fx) * fy, fx * fy];
            let mut sum = [0.0f32; 3];
            if x0 >= 0 && y0 >= 0 && x0 + 1 < w && y0 + 1 < h {
                let at = ((y0 * w + x0) * 3) as usize;
                let (upper, lower) = (&rgb[at..at + 6], &rgb[at + stride..at + stride + 6]);
                for (c, s) in sum.iter_mut().enumerate() {
                    let taps = [upper[c], upper[c + 3], lower[c], lower[c + 3]].map(f32::from);
                    *s = taps.iter().zip(weights).map(|(tap, weight)| weight * tap).sum();
                }
            } else {
                for (weight, (dx, dy)) in weights.into_iter().zip([(0, 0), (1, 0), (0, 1), (1, 1)]) {
                    let (px, py) = (x0 + dx, y0 + dy);
                    if px >= 0 && py >= 0 && px < w && py < h {
                        let at = ((py * w + px) * 3) as usize;
                        for (s, v) in sum.iter_mut().zip(&rgb[at..at + 3]) {
                            *s += weight * f32::from(*v);
                        }
                    }
                }
            }
            out.extend(sum.map(|v| (v + 0.5) as u8));
        }
    }
    Ok(Picture::from_rgb(size, size, out)?)
}

/// `[n, 3, size, size]` values of equal square chips, `(v - mean[c]) * factor[c]`, RGB.
pub(crate) fn planes(chip: &Picture, mean: [f32; 3], factor: [f32; 3], out: &mut Vec<f32>) {
    let plane = chip.rgb().len() / 3;
    let base = out.len();
    out.resize(base + 3 * plane, 0.0);
    let (red, rest) = out[base..].split_at_mut(plane);
    let (green, blue) = rest.split_at_mut(plane);
    for (((r, g), b), px) in red.iter_mut().zip(green).zip(blue).zip(chip.rgb().chunks_exact(3)) {
        *r = (f32::from(px[0]) - mean[0]) * factor[0];
        *g = (f32::from(px[1]) - mean[1]) * factor[1];
        *b = (f32::from(px[2]) - mean[2]) * factor[2];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(raw: [(f32, f32); 5]) -> [Point; 5] {
        raw.map(|(x, y)| Point { x, y })
    }

    #[test]
    fn a_turned_scaled_shifted_face_comes_back_onto_the_template() {
        let (sin, cos) = 0.6f32.sin_cos();
        let moved = TEMPLATE_112.map(|p| Point {
            x: 2.5 * (cos * p.x - sin * p.y) + 40.0,
            y: 2.5 * (sin * p.x + cos * p.y) - 7.0,
        });
        let fit = Similarity::fit(&moved, &TEMPLATE_112).unwrap();
        assert!((fit.scale() - 0.4).abs() < 1e-5);
        for (p, q) in moved.iter().zip(TEMPLATE_112) {
            let got = fit.apply(*p);
            assert!((got.x - q.x).abs() < 1e-3 && (got.y - q.y).abs() < 1e-3);
            let home = fit.inverse().apply(got);
            assert!((home.x - p.x).abs() < 1e-3 && (home.y - p.y).abs() < 1e-3);
        }
    }

    #[test]
    fn landmarks_in_one_spot_give_no_transform() {
        assert!(Similarity::fit(&points([(3.0, 3.0); 5]), &TEMPLATE_112).is_none());
        assert!(Similarity::fit(&points([(f32::NAN, 3.0); 5]), &TEMPLATE_112).is_none());
    }

    #[test]
    fn an_unmoved_face_is_copied_and_outside_is_black() {
        let rgb: Vec<u8> = (0..112 * 112 * 3).map(|i| (i % 251) as u8).collect();
        let picture = Picture::from_rgb(112, 112, rgb.clone()).unwrap();
        let still = Similarity::fit(&TEMPLATE_112, &TEMPLATE_112).unwrap();
        let out = chip(&picture, &still, 112).unwrap();
        let worst = out.rgb().iter().zip(&rgb).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        assert!(worst <= 1, "off by {worst}");
        let away = TEMPLATE_112.map(|p| Point { x: p.x + 500.0, y: p.y });
        let out = chip(&picture, &Similarity::fit(&away, &TEMPLATE_112).unwrap(), 112).unwrap();
        assert!(out.rgb().iter().all(|v| *v == 0));
    }

    #[test]
    fn a_large_face_is_shrunk_without_moving() {
        // A bright square whose edges must land where the transform says, within a pixel.
        let (w, h) = (1200u32, 1200u32);
        let rgb = (0..h)
            .flat_map(|y| {
                (0..w).flat_map(move |x| {
                    [if (300..900).contains(&x) && (300..900).contains(&y) { 255 } else { 0 }; 3]
                })
            })
            .collect();
        let picture = Picture::from_rgb(w, h, rgb).unwrap();
        let ten = TEMPLATE_112.map(|p| Point { x: p.x * 10.0, y: p.y * 10.0 });
        let out = chip(&picture, &Similarity::fit(&ten, &TEMPLATE_112).unwrap(), 112).unwrap();
        let value = |x: u32, y: u32| out.rgb()[((y * 112 + x) * 3) as usize];
        assert!(value(28, 50) < 20 && value(32, 50) > 235, "left edge moved");
        assert!(value(87, 50) > 235 && value(92, 50) < 20, "right edge moved");
    }
}
