//! Is this face good enough to be told apart? Each measure that fails is named.

use innkeeper_core::{Picture, Point, Rect};
use serde::{Deserialize, Serialize};

/// The gate. A face outside any of these limits is reported, but neither recognised nor enrolled.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QualitySettings {
    /// Shorter side of the face box, in pixels of the picture.
    pub min_size: f32,
    /// Shorter side for a photo that is enrolled.
    pub min_size_enrol: f32,
    /// Variance of the Laplacian over the aligned 112-pixel chip, in grey levels squared.
    pub min_sharpness: f32,
    /// Largest rotation in the picture plane, in degrees.
    pub max_roll: f32,
    /// Largest yaw measure, see [`Quality::yaw`].
    pub max_yaw: f32,
    /// Darkest mean grey level of the chip, 0 to 255.
    pub min_brightness: f32,
    /// Brightest mean grey level of the chip, 0 to 255.
    pub max_brightness: f32,
    /// Least standard deviation of the chip's grey levels.
    pub min_contrast: f32,
}

impl Default for QualitySettings {
    /// Limits that let 99 of 100 pictures of LFW through; docs/thresholds.md has the table.
    fn default() -> Self {
        Self {
            min_size: 40.0,
            min_size_enrol: 60.0,
            min_sharpness: 20.0,
            max_roll: 45.0,
            max_yaw: 0.85,
            min_brightness: 30.0,
            max_brightness: 230.0,
            min_contrast: 12.0,
        }
    }
}

/// Why a face does not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum QualityReason {
    /// The box is smaller than the limit.
    TooSmall,
    /// Out of focus, moved, or enlarged from too few pixels.
    Blurred,
    /// Rotated in the picture plane.
    Tilted,
    /// Turned to the side.
    TurnedAway,
    /// Too little light.
    TooDark,
    /// Overexposed.
    TooBright,
    /// Fog, back light, or no face at all.
    LowContrast,
}

impl QualityReason {
    /// What the person at the camera can do about it.
    pub fn hint(self) -> &'static str {
        match self {
            Self::TooSmall => "come closer to the camera",
            Self::Blurred => "hold still and wipe the lens",
            Self::Tilted => "hold the head upright",
            Self::TurnedAway => "look at the camera",
            Self::TooDark => "add light on the face",
            Self::TooBright => "reduce the light on the face",
            Self::LowContrast => "avoid back light and fog on the lens",
        }
    }
}

/// What was measured on one face.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quality {
    /// Shorter side of the box in pixels.
    pub size: f32,
    /// Variance of the Laplacian over the aligned chip.
    pub sharpness: f32,
    /// Rotation in the picture plane in degrees, clockwise positive.
    pub roll: f32,
    /// How far the nose tip stands from the middle between the eyes, along the line of the eyes, in
    /// units of half their distance. 0 is frontal, about 1 is a profile; negative looks left.
    pub yaw: f32,
    /// Mean grey level of the chip, 0 to 255.
    pub brightness: f32,
    /// Standard deviation of the chip's grey levels.
    pub contrast: f32,
    /// 0 to 1, for ranking the photos of one person: the product of size, sharpness and pose terms.
    pub score: f32,
    /// Why the face does not pass; empty when it does.
    pub reasons: Vec<QualityReason>,
}

impl Quality {
    /// Whether the face may be recognised.
    pub fn passes(&self) -> bool {
        self.reasons.is_empty()
    }

    /// Measures one face. `chip` is the aligned chip of `rect` in the original picture.
    pub(crate) fn measure(
        rect: &Rect,
        landmarks: &[Point; 5],
        chip: &Picture,
        limits: &QualitySettings,
    ) -> Self {
        let size = rect.w.min(rect.h);
        let grey: Vec<f32> = chip
            .rgb()
            .chunks_exact(3)
            .map(|p| 0.299 * f32::from(p[0]) + 0.587 * f32::from(p[1]) + 0.114 * f32::from(p[2]))
            .collect();
        let (brightness, variance) = mean_and_variance(&grey);
        let contrast = variance.sqrt();
        let sharpness = laplacian_variance(&grey, chip.width() as usize);
        let (roll, yaw) = pose(landmarks);
        let mut reasons = Vec::new();
        let mut unless = |good: bool, reason| {
            if !good {
                reasons.push(reason);
            }
        };
        // Written so that NaN fails.
        unless(size >= limits.min_size, QualityReason::TooSmall);
        unless(roll.abs() <= limits.max_roll, QualityReason::Tilted);
        unless(yaw.abs() <= limits.max_yaw, QualityReason::TurnedAway);
        unless(brightness >= limits.min_brightness, QualityReason::TooDark);
        unless(brightness <= limits.max_brightness, QualityReason::TooBright);
        unless(contrast >= limits.min_contrast, QualityReason::LowContrast);
        unless(sharpness >= limits.min_sharpness, QualityReason::Blurred);
        let score = (size / 112.0).clamp(0.0, 1.0)
            * (sharpness / (sharpness + 100.0)).clamp(0.0, 1.0)
            * (1.0 - yaw.abs()).clamp(0.05, 1.0);
        Self { size, sharpness, roll, yaw, brightness, contrast, score, reasons }
    }
}

fn mean_and_variance(values: &[f32]) -> (f32, f32) {
    let n = values.len().max(1) as f32;
    let mean = values.iter().sum::<f32>() / n;
    let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f32>() / n;
    (mean, variance)
}

fn laplacian_variance(grey: &[f32], width: usize) -> f32 {
    let rows = grey.len() / width.max(1);
    let mut response = Vec::with_capacity(grey.len());
    for y in 1..rows.saturating_sub(1) {
        for x in 1..width.saturating_sub(1) {
            let at = y * width + x;
            response.push(grey[at - 1] + grey[at + 1] + grey[at - width] + grey[at + width] - 4.0 * grey[at]);
        }
    }
    mean_and_variance(&response).1
}

fn pose(landmarks: &[Point; 5]) -> (f32, f32) {
    let [left, right, nose, ..] = landmarks;
    let (dx, dy) = (right.x - left.x, right.y - left.y);
    let distance = dx.hypot(dy);
    let (mx, my) = (f32::midpoint(left.x, right.x), f32::midpoint(left.y, right.y));
    let along = ((nose.x - mx) * dx + (nose.y - my) * dy) / distance;
    (dy.atan2(dx).to_degrees(), along / (distance / 2.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TEMPLATE_112;

    fn chip(f: impl Fn(u32, u32) -> u8) -> Picture {
        let rgb =
            (0..112).flat_map(|y| (0..112).map(move |x| (x, y))).flat_map(|(x, y)| [f(x, y); 3]).collect();
        Picture::from_rgb(112, 112, rgb).unwrap()
    }

    fn reasons(rect: Rect, landmarks: [Point; 5], chip: &Picture) -> Vec<QualityReason> {
        Quality::measure(&rect, &landmarks, chip, &QualitySettings::default()).reasons
    }

    const BIG: Rect = Rect { x: 0.0, y: 0.0, w: 120.0, h: 150.0 };

    #[test]
    fn each_fault_is_named_and_only_it() {
        let good = chip(|x, y| if (x / 4 + y / 4) % 2 == 0 { 60 } else { 180 });
        assert_eq!(reasons(BIG, TEMPLATE_112, &good), vec![]);
        let small = Rect { w: 20.0, ..BIG };
        assert_eq!(reasons(small, TEMPLATE_112, &good), vec![QualityReason::TooSmall]);
        let smooth = chip(|x, _| 60 + x as u8);
        assert_eq!(reasons(BIG, TEMPLATE_112, &smooth), vec![QualityReason::Blurred]);
        let dark = chip(|x, y| if (x / 4 + y / 4) % 2 == 0 { 0 } else { 40 });
        assert_eq!(reasons(BIG, TEMPLATE_112, &dark), vec![QualityReason::TooDark]);
        let bright = chip(|x, y| if (x / 4 + y / 4) % 2 == 0 { 215 } else { 255 });
        assert_eq!(reasons(BIG, TEMPLATE_112, &bright), vec![QualityReason::TooBright]);
        let mut turned = TEMPLATE_112;
        turned[2].x = turned[1].x;
        assert_eq!(reasons(BIG, turned, &good), vec![QualityReason::TurnedAway]);
        let lying = TEMPLATE_112.map(|p| Point { x: -p.y, y: p.x });
        assert_eq!(reasons(BIG, lying, &good), vec![QualityReason::Tilted]);
    }

    #[test]
    fn landmarks_without_meaning_do_not_pass() {
        let good = chip(|x, y| if (x / 4 + y / 4) % 2 == 0 { 60 } else { 180 });
        let nonsense = [Point { x: f32::NAN, y: 0.0 }; 5];
        assert!(!Quality::measure(&BIG, &nonsense, &good, &QualitySettings::default()).passes());
    }
}
