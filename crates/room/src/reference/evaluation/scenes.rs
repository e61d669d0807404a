//! Photos of known difference: one picture seen by two cameras, with a thing put into one of the views.

use innkeeper_core::{DecodeLimits, Picture, PictureError, Rect, Resampling};
use rand::Rng;

/// How much of a picture a camera sees along each side; the rest is what comes into view when it moves.
const FIELD: f32 = 0.86;

/// Where a camera stands and how it renders light. Everything at zero (gains and gamma at one) is the first photo.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Camera {
    /// Movement along x and y in shares of the frame.
    pub shift: (f32, f32),
    /// 1.05 sees things 5 % larger.
    pub zoom: f32,
    /// Degrees.
    pub rotation: f32,
    /// By how much the scale changes from the middle of the frame to its edge, along x and y.
    pub tilt: (f32, f32),
    /// Gain of every channel.
    pub brightness: f32,
    /// Exponent.
    pub gamma: f32,
    /// Gain of red and of blue on top.
    pub white: (f32, f32),
    /// Standard deviation of a Gaussian blur in shares of the width.
    pub blur: f32,
    /// JPEG quality; `None` leaves the pixels alone.
    pub jpeg: Option<u8>,
    /// Standard deviation of sensor noise in grey levels.
    pub noise: f32,
}

impl Camera {
    /// The first photo.
    pub const STILL: Self = Self {
        shift: (0.0, 0.0),
        zoom: 1.0,
        rotation: 0.0,
        tilt: (0.0, 0.0),
        brightness: 1.0,
        gamma: 1.0,
        white: (1.0, 1.0),
        blur: 0.0,
        jpeg: None,
        noise: 0.0,
    };

    /// Any mixture of what a second visit changes: up to 5 % of shift and zoom, 2 degrees, 3 % of tilt, 30 % of
    /// brightness, gamma 0.8 to 1.25, 10 % of white balance, a blur of 0.3 % of the width, JPEG at 40 to 95, noise.
    pub fn any(random: &mut impl Rng) -> Self {
        let mut within = |most: f32| random.random_range(-most..=most);
        let mut camera = Self {
            shift: (within(0.05), within(0.05)),
            zoom: 1.0 + within(0.05),
            rotation: within(2.0),
            tilt: (within(0.03), within(0.03)),
            brightness: 1.0 + within(0.3),
            gamma: within(0.223).exp(),
            white: (1.0 + within(0.1), 1.0 + within(0.1)),
            ..Self::STILL
        };
        camera.blur = random.random_range(0.0..=0.003);
        camera.jpeg = Some(random.random_range(40..=95));
        camera.noise = random.random_range(0.0..=3.0);
        camera
    }

    /// One change at a time at its limit, with a name for the table.
    pub fn limits(random: &mut impl Rng) -> Vec<(&'static str, Self)> {
        let mut sign = || if random.random_bool(0.5) { 1.0_f32 } else { -1.0 };
        let s = Self::STILL;
        vec![
            ("nothing", s),
            ("shift 5 %", Self { shift: (0.05 * sign(), 0.05 * sign()), ..s }),
            ("zoom 5 %", Self { zoom: 1.0 + 0.05 * sign(), ..s }),
            ("rotation 2 degrees", Self { rotation: 2.0 * sign(), ..s }),
            ("tilt 3 %", Self { tilt: (0.03 * sign(), 0.03 * sign()), ..s }),
            ("30 % brighter", Self { brightness: 1.3, ..s }),
            ("30 % darker", Self { brightness: 0.7, ..s }),
            ("gamma 0.7", Self { gamma: 0.7, ..s }),
            ("gamma 1.4", Self { gamma: 1.4, ..s }),
            ("white balance 10 %", Self { white: (1.0 + 0.1 * sign(), 1.0 + 0.1 * sign()), ..s }),
            ("JPEG 40", Self { jpeg: Some(40), ..s }),
            ("blur 0.4 % of the width", Self { blur: 0.004, ..s }),
        ]
    }

    /// The pixel of the scene that a pixel of the photo shows; photo and scene sizes in pixels.
    fn looks_at(&self, x: f32, y: f32, photo: (f32, f32), scene: (f32, f32)) -> (f32, f32) {
        let (sin, cos) = self.rotation.to_radians().sin_cos();
        let (u, v) = ((x + 0.5) / photo.0 - 0.5, (y + 0.5) / photo.1 - 0.5);
        let depth = (1.0 + 2.0 * (self.tilt.0 * u + self.tilt.1 * v)) * self.zoom;
        let (u, v) = (u * photo.0 / depth, v * photo.1 / depth);
        let (u, v) = (cos * u - sin * v + self.shift.0 * photo.0, sin * u + cos * v + self.shift.1 * photo.1);
        (scene.0 / 2.0 + u - 0.5, scene.1 / 2.0 + v - 0.5)
    }

    /// What the camera sees of `scene`, pixels only moved.
    fn moved(&self, scene: &Picture) -> Result<Picture, PictureError> {
        let side = |n: u32| ((n as f32 * FIELD).round() as u32).max(1);
        let (w, h) = (side(scene.width()), side(scene.height()));
        let (sw, sh) = (scene.width() as usize, scene.height() as usize);
        let source = scene.rgb();
        let mut rgb = Vec::with_capacity((w * h * 3) as usize);
        for y in 0..h {
            for x in 0..w {
                let (u, v) = self.looks_at(x as f32, y as f32, (w as f32, h as f32), (sw as f32, sh as f32));
                let (u, v) = (u.clamp(0.0, (sw - 1) as f32), v.clamp(0.0, (sh - 1) as f32));
                let (i, j) = (u as usize, v as usize);
                let (fx, fy) = (u - i as f32, v - j as f32);
                let (i1, j1) = ((i + 1).min(sw - 1), (j + 1).min(sh - 1));
                for k in 0..3 {
                    let at = |i: usize, j: usize| f32::from(source[(j * sw + i) * 3 + k]);
                    let top = at(i, j) * (1.0 - fx) + at(i1, j) * fx;
                    let bottom = at(i, j1) * (1.0 - fx) + at(i1, j1) * fx;
                    rgb.push((top * (1.0 - fy) + bottom * fy + 0.5) as u8);
                }
            }
        }
        Picture::from_rgb(w, h, rgb)
    }

    /// A photo of `scene`.
    ///
    /// # Errors
    /// [`PictureError`] when the JPEG encoder refuses the size.
    pub fn take(&self, scene: &Picture, random: &mut impl Rng) -> Result<Picture, PictureError> {
        let mut photo = self.moved(scene)?;
        let sigma = self.blur * photo.width() as f32;
        if sigma > 0.05 {
            photo = blurred(&photo, sigma)?;
        }
        let gains = [self.brightness * self.white.0, self.brightness, self.brightness * self.white.1];
        let tables = gains.map(|gain| -> Vec<f32> {
            (0..256).map(|v| 255.0 * (v as f32 / 255.0 * gain).powf(self.gamma)).collect()
        });
        let rgb = photo
            .rgb()
            .iter()
            .enumerate()
            .map(|(i, v)| {
                // Four uniform numbers make a Gaussian good enough for noise.
                let noise = if self.noise > 0.0 {
                    (0..4).map(|_| random.random_range(-1.0_f32..1.0)).sum::<f32>() * 0.866 * self.noise
                } else {
                    0.0
                };
                (tables[i % 3][usize::from(*v)] + noise + 0.5).clamp(0.0, 255.0) as u8
            })
            .collect();
        photo = Picture::from_rgb(photo.width(), photo.height(), rgb)?;
        match self.jpeg {
            Some(quality) => Picture::decode(&photo.to_jpeg(quality)?, &DecodeLimits::default()),
            None => Ok(photo),
        }
    }

    /// Where the camera sees an ellipse inside `area` of a scene of this size: its box in the photo and a grey mask as
    /// large as the photo. `None` when less than 60 % of it are in view.
    pub fn sees(&self, area: &Rect, scene: &Picture) -> Option<(Rect, Vec<bool>)> {
        let side = |n: u32| ((n as f32 * FIELD).round() as u32).max(1);
        let (w, h) = (side(scene.width()), side(scene.height()));
        let size = (scene.width() as f32, scene.height() as f32);
        let mut mask = vec![false; (w * h) as usize];
        let (mut left, mut top, mut right, mut bottom) = (w, h, 0, 0);
        let mut seen = 0_usize;
        for y in 0..h {
            for x in 0..w {
                let (u, v) = self.looks_at(x as f32, y as f32, (w as f32, h as f32), size);
                if within(area, u, v) < 1.0 {
                    mask[(y * w + x) as usize] = true;
                    (left, top) = (left.min(x), top.min(y));
                    (right, bottom) = (right.max(x + 1), bottom.max(y + 1));
                    seen += 1;
                }
            }
        }
        let whole = area.area() * std::f32::consts::FRAC_PI_4;
        (seen as f32 >= 0.6 * whole)
            .then(|| (Rect::from_corners(left as f32, top as f32, right as f32, bottom as f32), mask))
    }
}

/// Below 1 inside the ellipse that fills `area`.
fn within(area: &Rect, x: f32, y: f32) -> f32 {
    let centre = area.centre();
    let (u, v) = ((x - centre.x) / (area.w / 2.0).max(0.5), (y - centre.y) / (area.h / 2.0).max(0.5));
    u * u + v * v
}

/// `scene` with `thing` in the ellipse that fills `area`, soft at its rim.
///
/// # Errors
/// [`PictureError`] when the area has no size.
pub fn with_thing(scene: &Picture, thing: &Picture, area: &Rect) -> Result<Picture, PictureError> {
    let (w, h) = ((area.w.round() as u32).max(1), (area.h.round() as u32).max(1));
    let thing = thing.resized(w, h, Resampling::Triangle)?;
    let (x0, y0) = (area.x.max(0.0) as u32, area.y.max(0.0) as u32);
    let mut rgb = scene.rgb().to_vec();
    for y in 0..h.min(scene.height().saturating_sub(y0)) {
        for x in 0..w.min(scene.width().saturating_sub(x0)) {
            let distance = within(area, (x0 + x) as f32 + 0.5, (y0 + y) as f32 + 0.5).sqrt();
            // About one pixel of soft edge.
            let share = ((1.0 - distance) * area.w.min(area.h) / 2.0 + 0.5).clamp(0.0, 1.0);
            let (to, from) = ((((y0 + y) * scene.width() + x0 + x) * 3) as usize, ((y * w + x) * 3) as usize);
            for k in 0..3 {
                let mixed = f32::from(rgb[to + k]) * (1.0 - share) + f32::from(thing.rgb()[from + k]) * share;
                rgb[to + k] = (mixed + 0.5) as u8;
            }
        }
    }
    Picture::from_rgb(scene.width(), scene.height(), rgb)
}

/// An area `share` of the frame's width wide, as high as the thing's shape asks, in the part of the scene that every
/// camera sees and below its upper third, where things stand and lie.
pub fn place(scene: &Picture, thing: &Picture, share: f32, random: &mut impl Rng) -> Rect {
    let (w, h) = (scene.width() as f32, scene.height() as f32);
    let width = (share * FIELD * w).max(2.0);
    let height = (width * thing.height() as f32 / thing.width() as f32).clamp(2.0, 0.5 * h);
    let (margin_x, margin_y) = (0.16 * w, 0.16 * h);
    let between = |low: f32, high: f32, random: &mut _| {
        if high > low { Rng::random_range(random, low..high) } else { low }
    };
    let x = between(margin_x, w - margin_x - width, random);
    let y = between((0.33 * h).max(margin_y), h - margin_y - height, random);
    Rect { x: x.floor(), y: y.floor(), w: width, h: height }
}

/// Gaussian of any width by three passes of averages along both axes.
///
/// # Errors
/// [`PictureError`] never, as the size stays.
pub fn blurred(picture: &Picture, sigma: f32) -> Result<Picture, PictureError> {
    let radius = (3.0 * sigma).ceil().max(1.0) as isize;
    let weights: Vec<f32> =
        (-radius..=radius).map(|i| (-(i * i) as f32 / (2.0 * sigma * sigma)).exp()).collect();
    let total: f32 = weights.iter().sum();
    let (w, h) = (picture.width() as isize, picture.height() as isize);
    let pass = |source: &[f32], across: bool| -> Vec<f32> {
        let mut out = Vec::with_capacity(source.len());
        for y in 0..h {
            for x in 0..w {
                for k in 0..3 {
                    let sum: f32 = (-radius..=radius)
                        .zip(&weights)
                        .map(|(i, weight)| {
                            let (u, v) = if across {
                                ((x + i).clamp(0, w - 1), y)
                            } else {
                                (x, (y + i).clamp(0, h - 1))
                            };
                            weight * source[((v * w + u) * 3 + k) as usize]
                        })
                        .sum();
                    out.push(sum / total);
                }
            }
        }
        out
    };
    let start: Vec<f32> = picture.rgb().iter().map(|v| f32::from(*v)).collect();
    let rgb = pass(&pass(&start, true), false).iter().map(|v| (v + 0.5) as u8).collect();
    Picture::from_rgb(picture.width(), picture.height(), rgb)
}
