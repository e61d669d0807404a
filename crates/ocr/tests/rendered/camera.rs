//! What happens to paper on its way into a file: turned, seen from the side, unevenly lit, out of focus, noisy,
//! compressed.

use image::codecs::jpeg::JpegEncoder;
use image::{Rgb, RgbImage};
use innkeeper_core::{DecodeLimits, Picture, Point};
use innkeeper_ocr::Quad;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::sheet::{Drawn, TrueLine};

/// A camera and how it is held. The default changes nothing but encodes as JPEG of high quality.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Camera {
    pub seed: u64,
    /// Degrees clockwise.
    pub turned: f32,
    /// How far the corners are moved, as a share of the longer side.
    pub perspective: f32,
    /// Table around the sheet, as a share of the longer side.
    pub margin: f32,
    /// Pixels of the photograph for each pixel of the sheet.
    pub scale: f32,
    /// Standard deviation of a Gaussian, in pixels.
    pub blur: f32,
    /// Standard deviation of grey values, 0 to 255.
    pub noise: f32,
    /// 1 keeps the contrast, 0 leaves an even grey.
    pub contrast: f32,
    /// Share of the light that the darkest corner lacks.
    pub shadow: f32,
    /// Quality of the JPEG, 1 to 100.
    pub quality: u8,
}

impl Default for Camera {
    fn default() -> Self {
        Self {
            seed: 0,
            turned: 0.0,
            perspective: 0.0,
            margin: 0.0,
            scale: 1.0,
            blur: 0.0,
            noise: 0.0,
            contrast: 1.0,
            shadow: 0.0,
            quality: 95,
        }
    }
}

/// A photograph of a sheet.
#[derive(Debug, Clone)]
pub struct Photograph {
    /// The file.
    pub jpeg: Vec<u8>,
    /// What was written, where it is in the photograph.
    pub lines: Vec<TrueLine>,
}

impl Photograph {
    /// The file decoded.
    pub fn picture(&self) -> Picture {
        Picture::decode(&self.jpeg, &DecodeLimits::default()).expect("a JPEG")
    }
}

impl Camera {
    /// A telephone held by hand over a table.
    pub fn by_hand(seed: u64) -> Self {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed ^ 0xca);
        Self {
            seed,
            turned: rng.random_range(-4.0..4.0),
            perspective: rng.random_range(0.005..0.03),
            margin: 0.06,
            blur: rng.random_range(0.3..0.9),
            noise: rng.random_range(2.0..7.0),
            contrast: rng.random_range(0.7..1.0),
            shadow: rng.random_range(0.05..0.35),
            quality: rng.random_range(60..90),
            ..Self::default()
        }
    }

    /// An office scanner: nearly straight, even light, a little noise.
    pub fn scanner(seed: u64) -> Self {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed ^ 0x5c);
        Self {
            seed,
            turned: rng.random_range(-0.8..0.8),
            noise: 2.0,
            blur: 0.4,
            quality: 80,
            ..Self::default()
        }
    }

    /// Takes a photograph.
    pub fn shoot(&self, sheet: &Drawn) -> Photograph {
        let rng = &mut ChaCha8Rng::seed_from_u64(self.seed);
        let (w, h) = (sheet.pixels.width() as f32, sheet.pixels.height() as f32);
        let longer = w.max(h);
        let (sin, cos) = self.turned.to_radians().sin_cos();
        let shake = self.perspective * longer;
        let mut corners = [(0.0, 0.0), (w, 0.0), (w, h), (0.0, h)].map(|(x, y)| {
            let (x, y) = (x - w / 2.0, y - h / 2.0);
            let mut moved = || if shake > 0.0 { rng.random_range(-shake..shake) } else { 0.0 };
            let (dx, dy) = (moved(), moved());
            Point { x: (x * cos - y * sin + dx) * self.scale, y: (x * sin + y * cos + dy) * self.scale }
        });
        let margin = self.margin * longer * self.scale;
        let least = |of: fn(&Point) -> f32| corners.iter().map(of).fold(f32::INFINITY, f32::min);
        let most = |of: fn(&Point) -> f32| corners.iter().map(of).fold(f32::NEG_INFINITY, f32::max);
        let (left, top) = (least(|p| p.x) - margin, least(|p| p.y) - margin);
        let width = (most(|p| p.x) + margin - left).round().max(1.0) as u32;
        let height = (most(|p| p.y) + margin - top).round().max(1.0) as u32;
        for corner in &mut corners {
            *corner = Point { x: corner.x - left, y: corner.y - top };
        }
        let to_photograph = projection(w, h, &corners);
        let to_sheet = inverse(&to_photograph);
        let mut pixels = RgbImage::from_fn(width, height, |x, y| {
            let at = project(&to_sheet, Point { x: x as f32 + 0.5, y: y as f32 + 0.5 });
            sampled(&sheet.pixels, at.x - 0.5, at.y - 0.5)
        });
        if self.blur > 0.0 {
            pixels = image::imageops::blur(&pixels, self.blur);
        }
        self.expose(&mut pixels, rng);
        let mut jpeg = Vec::new();
        JpegEncoder::new_with_quality(&mut jpeg, self.quality).encode_image(&pixels).expect("a JPEG");
        let lines = sheet.lines.iter().map(|line| {
            let quad = Quad(line.quad.0.map(|corner| project(&to_photograph, corner)));
            TrueLine { quad, ..line.clone() }
        });
        Photograph { jpeg, lines: lines.collect() }
    }

    /// Contrast, shadow and noise.
    fn expose(&self, pixels: &mut RgbImage, rng: &mut ChaCha8Rng) {
        let (w, h) = (pixels.width() as f32, pixels.height() as f32);
        let dark = Point {
            x: if rng.random_bool(0.5) { w } else { 0.0 },
            y: if rng.random_bool(0.5) { h } else { 0.0 },
        };
        let reach = w.hypot(h);
        for (x, y, pixel) in pixels.enumerate_pixels_mut() {
            let near = 1.0 - (x as f32 - dark.x).hypot(y as f32 - dark.y) / reach;
            let light = 1.0 - self.shadow * near;
            // The sum of four even draws is nearly a Gaussian; its variance is a third.
            let even: f32 = (0..4).map(|_| rng.random_range(-0.5_f32..0.5)).sum();
            let noise = even * 3.0_f32.sqrt() * self.noise;
            for channel in &mut pixel.0 {
                let grey = 128.0 + (f32::from(*channel) - 128.0) * self.contrast;
                *channel = (grey * light + noise).clamp(0.0, 255.0).round() as u8;
            }
        }
    }
}

/// The sheet between pixels, or the table beside it.
fn sampled(sheet: &RgbImage, x: f32, y: f32) -> Rgb<u8> {
    const TABLE: [f32; 3] = [96.0, 78.0, 62.0];
    let (left, top) = (x.floor(), y.floor());
    let (fx, fy) = (x - left, y - top);
    let mut sum = [0.0_f32; 3];
    for (dx, dy, weight) in
        [(0, 0, (1.0 - fx) * (1.0 - fy)), (1, 0, fx * (1.0 - fy)), (0, 1, (1.0 - fx) * fy), (1, 1, fx * fy)]
    {
        let (x, y) = (left as i64 + dx, top as i64 + dy);
        let inside = x >= 0 && y >= 0 && x < i64::from(sheet.width()) && y < i64::from(sheet.height());
        for (channel, total) in sum.iter_mut().enumerate() {
            let value = if inside {
                f32::from(sheet.get_pixel(x as u32, y as u32).0[channel])
            } else {
                TABLE[channel]
            };
            *total += weight * value;
        }
    }
    Rgb(sum.map(|channel| channel.round() as u8))
}

type Projection = [f32; 9];

fn project(m: &Projection, p: Point) -> Point {
    let w = m[6] * p.x + m[7] * p.y + m[8];
    Point { x: (m[0] * p.x + m[1] * p.y + m[2]) / w, y: (m[3] * p.x + m[4] * p.y + m[5]) / w }
}

/// The projection that takes the corners of a `w` x `h` sheet, clockwise from the top left, to `to` (Heckbert,
/// Fundamentals of Texture Mapping and Image Warping, 1989, section 2.2.3).
fn projection(w: f32, h: f32, to: &[Point; 4]) -> Projection {
    let [a, b, c, d] = *to;
    let (dx1, dx2, sx) = (b.x - c.x, d.x - c.x, a.x - b.x + c.x - d.x);
    let (dy1, dy2, sy) = (b.y - c.y, d.y - c.y, a.y - b.y + c.y - d.y);
    let det = dx1 * dy2 - dx2 * dy1;
    let g = (sx * dy2 - dx2 * sy) / det;
    let i = (dx1 * sy - sx * dy1) / det;
    [
        (b.x - a.x + g * b.x) / w,
        (d.x - a.x + i * d.x) / h,
        a.x,
        (b.y - a.y + g * b.y) / w,
        (d.y - a.y + i * d.y) / h,
        a.y,
        g / w,
        i / h,
        1.0,
    ]
}

/// The adjugate, which undoes a projection.
fn inverse(m: &Projection) -> Projection {
    let [a, b, c, d, e, f, g, h, i] = *m;
    [
        e * i - f * h,
        c * h - b * i,
        b * f - c * e,
        f * g - d * i,
        a * i - c * g,
        c * d - a * f,
        d * h - e * g,
        b * g - a * h,
        a * e - b * d,
    ]
}
