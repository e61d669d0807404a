//! Whether a photograph shows enough to judge a room by, and what to do when it does not.

use innkeeper_core::{Picture, Resampling};
use serde::{Deserialize, Serialize};

use crate::LabelProbability;

/// When a photograph is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QualitySettings {
    /// Least shorter side in pixels.
    pub min_side: u32,
    /// Least grey level that the brightest tenth of the picture reaches, 0 to 255.
    pub min_light: f32,
    /// Least mean grey level, 0 to 255.
    pub min_brightness: f32,
    /// Most mean grey level, 0 to 255.
    pub max_brightness: f32,
    /// Most of the picture that may be burnt out (every channel at 250 or more), 0 to 1.
    pub max_burnt: f32,
    /// Least standard deviation of the grey levels.
    pub min_contrast: f32,
    /// Least [`PhotoQuality::sharpness`].
    pub min_sharpness: f32,
}

impl Default for QualitySettings {
    /// Of 64 photographs of rooms (every seventh of the sets `rooms6`, `messy`, `beds` and `pairs`) none is refused:
    /// their lowest values are a brightness of 76, a light of 121, a contrast of 17 and a sharpness of 1.31, their
    /// highest a brightness of 172 and 14 % burnt out. With a fifth of the light all are refused (light at most 50),
    /// with half one of low contrast (light at least 60); with a Gaussian blur of 1 % of the width all (sharpness at most 1.14), with
    /// 0.6 % half (1.20), with 0.3 % none (1.23). A photo that moved along one direction only keeps its edges along
    /// the other and mostly passes. `measure_quality` prints the same table for other pictures. The bounds of
    /// brightness and of burnt out pixels above and of the size are set by hand.
    fn default() -> Self {
        Self {
            min_side: 160,
            min_light: 60.0,
            min_brightness: 25.0,
            max_brightness: 235.0,
            max_burnt: 0.6,
            min_contrast: 12.0,
            min_sharpness: 1.2,
        }
    }
}

/// Why a photograph is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum PhotoProblem {
    /// Fewer pixels than a thing on the floor needs to be seen.
    TooSmall,
    /// Too little light.
    TooDark,
    /// Overexposed: windows or a flash have burnt out most of the picture.
    TooBright,
    /// Almost one grey: a finger on the lens, steam, a wall.
    LowContrast,
    /// Out of focus or moved.
    Blurred,
    /// The head says that the picture shows something else.
    NoRoom,
}

impl PhotoProblem {
    /// The name in the API; never changes.
    pub fn code(self) -> &'static str {
        match self {
            Self::TooSmall => "too_small",
            Self::TooDark => "too_dark",
            Self::TooBright => "too_bright",
            Self::LowContrast => "low_contrast",
            Self::Blurred => "blurred",
            Self::NoRoom => "no_room",
        }
    }

    /// What the person who took it can do about it.
    pub fn hint(self) -> &'static str {
        match self {
            Self::TooSmall => "send the photo in its original size, not a preview",
            Self::TooDark => "switch on the light and take it again",
            Self::TooBright => "turn away from the window or switch off the flash, and take it again",
            Self::LowContrast => "wipe the lens, keep fingers away from it, and step back from the wall",
            Self::Blurred => "hold the phone still with both hands, let it focus, and take it again",
            Self::NoRoom => "stand in the doorway and take the whole room",
        }
    }
}

/// What was measured on one photograph.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PhotoQuality {
    /// Whether nothing speaks against it.
    pub usable: bool,
    /// What does; empty when it is usable.
    pub problems: Vec<PhotoProblem>,
    /// Shorter side in pixels.
    pub side: u32,
    /// Mean grey level, 0 to 255.
    pub brightness: f32,
    /// Grey level that a tenth of the picture reaches or exceeds, 0 to 255.
    pub light: f32,
    /// Share of the picture that is burnt out, 0 to 1.
    pub burnt: f32,
    /// Standard deviation of the grey levels.
    pub contrast: f32,
    /// Gradients over those of the same picture smoothed, at 256 pixels along the longer side: 1 when smoothing takes
    /// nothing away because there was no detail, about 2 to 3 for a sharp photo. The idea of comparing a picture
    /// with its own blurred copy is Crete et al., "The Blur Effect", 2007.
    pub sharpness: f32,
    /// The probability that the picture shows a room, as the head gives it; `None` where no head could say.
    pub room: Option<f32>,
}

/// Longer side at which a photo is measured, so that thresholds hold for every camera.
const SIDE: u32 = 256;

impl PhotoQuality {
    /// Measures `photo`. `room` is what a tag head says of its showing a room: only where the head is sure that it
    /// does not, the photograph is refused; within the head's abstain band it is usable, and in doubt.
    pub fn measure(photo: &Picture, room: Option<&LabelProbability>, settings: &QualitySettings) -> Self {
        let (w, h) = (photo.width(), photo.height());
        let longer = w.max(h);
        let scaled = |n: u32| (u64::from(n) * u64::from(SIDE) / u64::from(longer)).max(1) as u32;
        let small = if longer > SIDE {
            // Sides are at least 1, so this cannot fail; if it did, the photo itself would be measured.
            photo.resized(scaled(w), scaled(h), Resampling::Area).unwrap_or_else(|_| photo.clone())
        } else {
            photo.clone()
        };
        let grey = grey(&small);
        let n = grey.len().max(1) as f32;
        let brightness = grey.iter().sum::<f32>() / n;
        let contrast = (grey.iter().map(|v| (v - brightness) * (v - brightness)).sum::<f32>() / n).sqrt();
        let burnt = small.rgb().chunks_exact(3).filter(|p| p.iter().all(|c| *c >= 250)).count() as f32 / n;
        let light = reached_by_a_tenth(&grey);
        let sharpness = sharpness(&grey, small.width() as usize);
        let side = w.min(h);
        let mut problems = Vec::new();
        let mut unless = |good: bool, problem| {
            if !good {
                problems.push(problem);
            }
        };
        unless(side >= settings.min_side, PhotoProblem::TooSmall);
        let lit = brightness >= settings.min_brightness && light >= settings.min_light;
        unless(lit, PhotoProblem::TooDark);
        let bright = brightness <= settings.max_brightness && burnt <= settings.max_burnt;
        unless(bright, PhotoProblem::TooBright);
        // In the dark and in glare nothing is sharp or rich in contrast; one reason is enough.
        if lit && bright {
            let contrasted = contrast >= settings.min_contrast;
            unless(contrasted, PhotoProblem::LowContrast);
            unless(!contrasted || sharpness >= settings.min_sharpness, PhotoProblem::Blurred);
        }
        let room_or_doubt =
            |said: &LabelProbability| said.holds != Some(false) && said.probability.is_finite();
        unless(room.is_none_or(room_or_doubt), PhotoProblem::NoRoom);
        Self {
            usable: problems.is_empty(),
            problems,
            side,
            brightness,
            light,
            burnt,
            contrast,
            sharpness,
            room: room.map(|said| said.probability),
        }
    }
}

fn grey(picture: &Picture) -> Vec<f32> {
    picture
        .rgb()
        .chunks_exact(3)
        .map(|p| 0.299 * f32::from(p[0]) + 0.587 * f32::from(p[1]) + 0.114 * f32::from(p[2]))
        .collect()
}

fn reached_by_a_tenth(grey: &[f32]) -> f32 {
    let mut sorted = grey.to_vec();
    let at = sorted.len() * 9 / 10;
    if at < sorted.len() { *sorted.select_nth_unstable_by(at, f32::total_cmp).1 } else { 0.0 }
}

/// See [`PhotoQuality::sharpness`].
fn sharpness(grey: &[f32], width: usize) -> f32 {
    let fine = smoothed(grey, width);
    let coarse = (0..4).fold(fine.clone(), |plane, _| smoothed(&plane, width));
    let (fine, coarse) = (gradient_energy(&fine, width), gradient_energy(&coarse, width));
    // Half a grey level of gradient is noise.
    ((fine + 0.01) / (coarse + 0.01)).sqrt()
}

/// 1-2-1 along both axes; the border stays.
fn smoothed(plane: &[f32], width: usize) -> Vec<f32> {
    let height = plane.len() / width.max(1);
    let mut out = plane.to_vec();
    for y in 1..height.saturating_sub(1) {
        for x in 1..width.saturating_sub(1) {
            let row = |y: usize| {
                let at = y * width + x;
                plane[at - 1] + 2.0 * plane[at] + plane[at + 1]
            };
            out[y * width + x] = (row(y - 1) + 2.0 * row(y) + row(y + 1)) / 16.0;
        }
    }
    out
}

/// Mean square of the central differences.
fn gradient_energy(plane: &[f32], width: usize) -> f32 {
    let height = plane.len() / width.max(1);
    let (mut sum, mut n) = (0.0_f64, 0_usize);
    for y in 2..height.saturating_sub(2) {
        for x in 2..width.saturating_sub(2) {
            let at = y * width + x;
            let (dx, dy) = (plane[at + 1] - plane[at - 1], plane[at + width] - plane[at - width]);
            sum += f64::from(dx * dx + dy * dy);
            n += 1;
        }
    }
    (0.25 * sum / n.max(1) as f64) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(w: u32, h: u32, f: impl Fn(u32, u32) -> u8) -> Picture {
        let rgb = (0..h).flat_map(|y| (0..w).map(move |x| (x, y))).flat_map(|(x, y)| [f(x, y); 3]).collect();
        Picture::from_rgb(w, h, rgb).unwrap()
    }

    fn said(probability: f32, holds: Option<bool>) -> LabelProbability {
        LabelProbability { label: "room".to_owned(), probability, holds }
    }

    fn problems(photo: &Picture, room: Option<&LabelProbability>) -> Vec<PhotoProblem> {
        let quality = PhotoQuality::measure(photo, room, &QualitySettings::default());
        assert_eq!(quality.usable, quality.problems.is_empty());
        quality.problems
    }

    fn boxes(x: u32, y: u32) -> u8 {
        if (x / 24 + y / 24).is_multiple_of(2) { 70 } else { 180 }
    }

    #[test]
    fn each_fault_is_named_and_only_it() {
        assert_eq!(problems(&picture(640, 480, boxes), None), vec![]);
        assert_eq!(problems(&picture(120, 100, boxes), None), vec![PhotoProblem::TooSmall]);
        assert_eq!(problems(&picture(640, 480, |x, y| boxes(x, y) / 8), None), vec![PhotoProblem::TooDark]);
        let glare = picture(640, 480, |x, y| boxes(x, y).saturating_mul(4));
        assert_eq!(problems(&glare, None), vec![PhotoProblem::TooBright]);
        assert_eq!(problems(&picture(640, 480, |_, _| 128), None), vec![PhotoProblem::LowContrast]);
        let wave = |x: u32| (128.0 + 60.0 * (x as f32 / 60.0).sin()) as u8;
        assert_eq!(problems(&picture(640, 480, |x, _| wave(x)), None), vec![PhotoProblem::Blurred]);
        let room = |said: LabelProbability| problems(&picture(640, 480, boxes), Some(&said));
        assert_eq!(room(said(0.001, Some(false))), vec![PhotoProblem::NoRoom]);
        assert_eq!(room(said(f32::NAN, None)), vec![PhotoProblem::NoRoom]);
    }

    #[test]
    fn the_heads_own_band_decides_whether_a_photo_shows_a_room() {
        let room = |said: LabelProbability| problems(&picture(640, 480, boxes), Some(&said));
        assert_eq!(room(said(0.2, Some(false))), vec![PhotoProblem::NoRoom]);
        assert_eq!(room(said(0.02, None)), vec![]);
        assert_eq!(room(said(0.9, Some(true))), vec![]);
    }

    #[test]
    fn a_photo_is_judged_alike_whatever_its_resolution() {
        let scene =
            |side: u32| picture(4 * side, 3 * side, move |x, y| boxes(x * 160 / side, y * 160 / side));
        let measure = |side| PhotoQuality::measure(&scene(side), None, &QualitySettings::default());
        let (small, large) = (measure(160), measure(800));
        assert!((small.sharpness - large.sharpness).abs() < 0.15, "{small:?} {large:?}");
        assert!((small.brightness - large.brightness).abs() < 2.0);
    }

    #[test]
    fn pictures_of_any_shape_are_measured() {
        for (w, h) in [(1, 1), (2, 4000), (4000, 2), (3, 3), (1, 700), (257, 1)] {
            let quality = PhotoQuality::measure(&picture(w, h, boxes), None, &QualitySettings::default());
            assert!(quality.problems.contains(&PhotoProblem::TooSmall));
            assert!(quality.sharpness.is_finite() && quality.contrast.is_finite());
        }
    }

    #[test]
    fn every_problem_has_a_code_that_is_its_name_in_json_and_a_hint() {
        use PhotoProblem::{Blurred, LowContrast, NoRoom, TooBright, TooDark, TooSmall};
        for problem in [TooSmall, TooDark, TooBright, LowContrast, Blurred, NoRoom] {
            assert_eq!(serde_json::to_value(problem).unwrap(), problem.code());
            assert!(problem.hint().len() > 20);
        }
    }
}
