use innkeeper_core::{Picture, Point};

/// A grey picture, 8 bits a pixel, row by row.
pub(crate) struct Grey {
    pub width: u32,
    pub height: u32,
    pub pixels: Vec<u8>,
}

/// A turn that can be undone for points.
pub(crate) struct Turned {
    sine: f32,
    cosine: f32,
    from: Point,
    to: Point,
}

impl Turned {
    /// Where a point of the turned picture lies in the original.
    pub(crate) fn back(&self, p: Point) -> Point {
        let (dx, dy) = (p.x - self.to.x, p.y - self.to.y);
        Point {
            x: self.from.x + dx * self.cosine + dy * self.sine,
            y: self.from.y - dx * self.sine + dy * self.cosine,
        }
    }
}

impl Grey {
    /// Luminance by the weights of ITU-R BT.601.
    pub(crate) fn of(picture: &Picture) -> Self {
        let weigh = |p: &[u8; 3]| {
            ((u32::from(p[0]) * 299 + u32::from(p[1]) * 587 + u32::from(p[2]) * 114 + 500) / 1000) as u8
        };
        let (pixels, _) = picture.rgb().as_chunks::<3>();
        Self { width: picture.width(), height: picture.height(), pixels: pixels.iter().map(weigh).collect() }
    }

    fn at(&self, x: i64, y: i64) -> i32 {
        let x = x.clamp(0, i64::from(self.width) - 1);
        let y = y.clamp(0, i64::from(self.height) - 1);
        self.pixels.get((y * i64::from(self.width) + x) as usize).copied().map_or(255, i32::from)
    }

    /// Turned clockwise by `degrees` on a canvas that holds all of it; what is new is white.
    pub(crate) fn turned(&self, degrees: f32) -> (Self, Option<Turned>) {
        let (sine, cosine) = degrees.to_radians().sin_cos();
        let (w, h) = (self.width as f32, self.height as f32);
        let width = (w * cosine.abs() + h * sine.abs() - 0.01).ceil().max(1.0) as u32;
        let height = (w * sine.abs() + h * cosine.abs() - 0.01).ceil().max(1.0) as u32;
        let turned = Turned {
            sine,
            cosine,
            from: Point { x: w / 2.0, y: h / 2.0 },
            to: Point { x: width as f32 / 2.0, y: height as f32 / 2.0 },
        };
        let mut pixels = Vec::with_capacity(width as usize * height as usize);
        for y in 0..height {
            for x in 0..width {
                let p = turned.back(Point { x: x as f32 + 0.5, y: y as f32 + 0.5 });
                pixels.push(self.sample(p.x - 0.5, p.y - 0.5));
            }
        }
        (Self { width, height, pixels }, Some(turned))
    }

    /// Bilinear; white outside.
    fn sample(&self, x: f32, y: f32) -> u8 {
        if x < -0.5 || y < -0.5 || x > self.width as f32 - 0.5 || y > self.height as f32 - 0.5 {
            return 255;
        }
        let (x0, y0) = (x.floor(), y.floor());
        let (fx, fy) = (x - x0, y - y0);
        let (x0, y0) = (x0 as i64, y0 as i64);
        let row = |y: i64| self.at(x0, y) as f32 * (1.0 - fx) + self.at(x0 + 1, y) as f32 * fx;
        (row(y0) * (1.0 - fy) + row(y0 + 1) * fy).round() as u8
    }

    /// By how many degrees to turn clockwise so that the strongest edges stand upright or lie flat, -45 to 45:
    /// the peak of the histogram of edge directions, folded by a quarter turn. 0 where no direction stands out.
    pub(crate) fn skew(&self) -> f32 {
        const BINS: usize = 180;
        let soft = self.smoothed();
        let mut histogram = [0.0f64; BINS];
        for y in 1..i64::from(self.height) - 1 {
            for x in 1..i64::from(self.width) - 1 {
                // Sobel's operator: plain differences of neighbours favour a few directions.
                let column = |x: i64| soft.at(x, y - 1) + 2 * soft.at(x, y) + soft.at(x, y + 1);
                let row = |y: i64| soft.at(x - 1, y) + 2 * soft.at(x, y) + soft.at(x + 1, y);
                let dx = column(x + 1) - column(x - 1);
                let dy = row(y + 1) - row(y - 1);
                let strength = f64::from(dx * dx + dy * dy);
                if strength > 14_400.0 {
                    let angle = f64::from(dy).atan2(f64::from(dx)).to_degrees().rem_euclid(90.0);
                    histogram[((angle * 2.0) as usize).min(BINS - 1)] += strength.sqrt();
                }
            }
        }
        let smooth = |i: usize| (0..5).map(|d| histogram[(i + BINS + d - 2) % BINS]).sum::<f64>();
        let total: f64 = histogram.iter().sum();
        let Some(peak) = (0..BINS).max_by(|a, b| smooth(*a).total_cmp(&smooth(*b))) else { return 0.0 };
        // Five of 180 bins hold a thirty-sixth of what has no direction.
        if total <= 0.0 || smooth(peak) < total * 2.0 / 36.0 {
            return 0.0;
        }
        // The mean of the bins about the peak is finer than a bin.
        let centre = (0..5).map(|d| histogram[(peak + BINS + d - 2) % BINS] * (d as f64 - 2.0)).sum::<f64>()
            / smooth(peak);
        let angle = (peak as f64 + 0.5 + centre) / 2.0;
        -(if angle > 45.0 { angle - 90.0 } else { angle }) as f32
    }

    fn mean3(&self, x: i64, y: i64) -> i32 {
        (-1..=1)
            .flat_map(|dy| (-1..=1).map(move |dx| (dx, dy)))
            .map(|(dx, dy)| self.at(x + dx, y + dy))
            .sum::<i32>()
            / 9
    }

    fn mapped(&self, f: impl Fn(i64, i64) -> i32) -> Self {
        let pixels = (0..i64::from(self.height))
            .flat_map(|y| (0..i64::from(self.width)).map(move |x| (x, y)))
            .map(|(x, y)| f(x, y).clamp(0, 255) as u8)
            .collect();
        Self { width: self.width, height: self.height, pixels }
    }

    /// Mean over three by three pixels.
    pub(crate) fn smoothed(&self) -> Self {
        self.mapped(|x, y| self.mean3(x, y))
    }

    /// Twice the difference to the local mean added.
    pub(crate) fn sharpened(&self) -> Self {
        self.mapped(|x, y| 3 * self.at(x, y) - 2 * self.mean3(x, y))
    }

    /// Contrast stretched so that the darkest and brightest twentieths become black and white.
    pub(crate) fn stretched(&self) -> Self {
        let mut counts = [0usize; 256];
        for p in &self.pixels {
            counts[usize::from(*p)] += 1;
        }
        let part = self.pixels.len() / 20;
        let reach = |values: &mut dyn Iterator<Item = usize>| {
            let mut seen = 0;
            values
                .map(|v| {
                    seen += counts[v];
                    (v, seen)
                })
                .find(|(_, seen)| *seen > part)
                .map(|(v, _)| v)
        };
        let low = reach(&mut (0..256)).unwrap_or(0) as i32;
        let high = (reach(&mut (0..256).rev()).unwrap_or(255) as i32).max(low + 1);
        self.mapped(|x, y| (self.at(x, y) - low) * 255 / (high - low))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bars() -> Grey {
        let pixels = (0..200 * 120).map(|i| if (i % 200) / 6 % 2 == 0 { 0 } else { 255 }).collect();
        Grey { width: 200, height: 120, pixels }
    }

    #[test]
    fn a_turned_page_says_by_how_much_to_turn_it_back() {
        for degrees in [-20.0f32, -5.0, 0.0, 3.0, 12.0, 31.0] {
            let found = bars().turned(degrees).0.skew();
            assert!((found + degrees).abs() < 1.0, "turned by {degrees}, asked to turn by {found}");
        }
    }

    #[test]
    fn points_of_a_turned_picture_are_found_in_the_original() {
        let (turned, back) = bars().turned(90.0);
        assert_eq!((turned.width, turned.height), (120, 200));
        let p = back.expect("a turn").back(Point { x: 120.0, y: 0.0 });
        assert!(p.x.abs() < 1.0 && p.y.abs() < 1.0, "the top right corner was the top left one: {p:?}");
    }

    #[test]
    fn an_even_picture_has_no_skew_and_breaks_nothing() {
        let even = Grey { width: 3, height: 2, pixels: vec![7; 6] };
        assert!(even.skew().abs() < f32::EPSILON);
        assert_eq!(even.stretched().pixels.len(), 6);
        assert_eq!(even.sharpened().pixels, vec![7; 6]);
        assert_eq!(Grey { width: 1, height: 1, pixels: vec![9] }.turned(45.0).0.pixels.len(), 4);
    }
}
