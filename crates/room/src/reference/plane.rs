//! One number a pixel, as floats: what corners, descriptors and differences are computed on.

use innkeeper_core::{Picture, PictureError, Resampling};

/// `width * height` numbers, row by row.
#[derive(Debug, Clone)]
pub(super) struct Plane {
    pub width: usize,
    pub height: usize,
    pub values: Vec<f32>,
}

impl Plane {
    pub fn filled(width: usize, height: usize, value: f32) -> Self {
        Self { width, height, values: vec![value; width * height] }
    }

    /// Rec. 601 luma, 0 to 255.
    pub fn grey(picture: &Picture) -> Self {
        let values = picture
            .rgb()
            .chunks_exact(3)
            .map(|p| 0.299 * f32::from(p[0]) + 0.587 * f32::from(p[1]) + 0.114 * f32::from(p[2]))
            .collect();
        Self { width: picture.width() as usize, height: picture.height() as usize, values }
    }

    /// The value at a whole pixel, the nearest one for pixels outside. The plane has at least one pixel.
    #[inline]
    pub fn at(&self, x: isize, y: isize) -> f32 {
        let x = x.clamp(0, self.width as isize - 1) as usize;
        let y = y.clamp(0, self.height as isize - 1) as usize;
        self.values[y * self.width + x]
    }

    /// The mean over a square of `2 * radius + 1` pixels a side, clipped at the border, in time that does not
    /// depend on the radius.
    pub fn averaged(&self, radius: usize) -> Self {
        let (w, h) = (self.width, self.height);
        let mut rows = vec![0.0_f32; w * h];
        for (source, target) in self.values.chunks_exact(w).zip(rows.chunks_exact_mut(w)) {
            slide(source, target, radius);
        }
        // Whole rows are added and taken away, so that memory is walked in order.
        let mut values = vec![0.0_f32; w * h];
        let mut sum = vec![0.0_f32; w];
        let add = |sum: &mut [f32], row: &[f32], sign: f32| {
            sum.iter_mut().zip(row).for_each(|(s, v)| *s += sign * v);
        };
        for y in 0..h.min(radius) {
            add(&mut sum, &rows[y * w..][..w], 1.0);
        }
        for y in 0..h {
            if y + radius < h {
                add(&mut sum, &rows[(y + radius) * w..][..w], 1.0);
            }
            if y > radius {
                add(&mut sum, &rows[(y - radius - 1) * w..][..w], -1.0);
            }
            let n = ((y + radius).min(h - 1) + 1 - y.saturating_sub(radius)) as f32;
            values[y * w..][..w].iter_mut().zip(&sum).for_each(|(v, s)| *v = s / n);
        }
        Self { width: w, height: h, values }
    }

    /// Smoothed by 1-2-1 along both axes.
    pub fn smoothed(&self) -> Self {
        let (w, h) = (self.width, self.height);
        let mut rows = self.values.clone();
        if w > 2 {
            for (source, target) in self.values.chunks_exact(w).zip(rows.chunks_exact_mut(w)) {
                for (t, s) in target[1..w - 1].iter_mut().zip(source.windows(3)) {
                    *t = 0.25 * (s[0] + 2.0 * s[1] + s[2]);
                }
            }
        }
        let mut values = rows.clone();
        for y in 1..h.saturating_sub(1) {
            let (above, here, below) =
                (&rows[(y - 1) * w..][..w], &rows[y * w..][..w], &rows[(y + 1) * w..][..w]);
            for (x, v) in values[y * w..][..w].iter_mut().enumerate() {
                *v = 0.25 * (above[x] + 2.0 * here[x] + below[x]);
            }
        }
        Self { width: w, height: h, values }
    }
}

/// The running mean of a row.
fn slide(source: &[f32], target: &mut [f32], radius: usize) {
    let n = source.len();
    let mut sum: f32 = source[..n.min(radius)].iter().sum();
    for (x, t) in target.iter_mut().enumerate() {
        if x + radius < n {
            sum += source[x + radius];
        }
        if x > radius {
            sum -= source[x - radius - 1];
        }
        *t = sum / ((x + radius).min(n - 1) + 1 - x.saturating_sub(radius)) as f32;
    }
}

/// The picture with a longer side of at most `side` pixels; smaller ones stay as they are.
pub(super) fn at_most(picture: &Picture, side: u32) -> Result<Picture, PictureError> {
    let longer = picture.width().max(picture.height());
    if longer <= side {
        return Ok(picture.clone());
    }
    let scaled = |n: u32| (u64::from(n) * u64::from(side) / u64::from(longer)).max(1) as u32;
    picture.resized(scaled(picture.width()), scaled(picture.height()), Resampling::Triangle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_running_mean_is_the_mean_of_what_the_square_covers() {
        let (w, h) = (7, 5);
        let plane =
            Plane { width: w, height: h, values: (0..w * h).map(|i| ((i * 37) % 11) as f32).collect() };
        for radius in [0, 1, 2, 9] {
            let averaged = plane.averaged(radius);
            for y in 0..h {
                for x in 0..w {
                    let (mut sum, mut n) = (0.0, 0.0);
                    for v in y.saturating_sub(radius)..=(y + radius).min(h - 1) {
                        for u in x.saturating_sub(radius)..=(x + radius).min(w - 1) {
                            sum += plane.values[v * w + u];
                            n += 1.0;
                        }
                    }
                    assert!(
                        (averaged.values[y * w + x] - sum / n).abs() < 1e-4,
                        "radius {radius} at {x}, {y}"
                    );
                }
            }
        }
    }
}
