//! From cosines to decisions: the shipped thresholds and the probability behind a score.

use std::collections::BTreeMap;

use innkeeper_core::ModelRef;
use serde::Deserialize;

use crate::matching::MatchLimits;

const SHIPPED: &str = include_str!("../thresholds.toml");

/// What an evaluation found for one embedder.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Lowest cosine of a match between two faces: one cross-identity pair in 10,000 reaches it.
    pub threshold: f32,
    /// By how much the cosine must rise for every tenth part of those pairs.
    pub tail: f32,
    /// Least distance to the second person, in cosine.
    pub margin: f32,
    /// Slope of the logistic curve from cosine to probability.
    pub slope: f32,
    /// Intercept of that curve.
    pub intercept: f32,
    /// Which evaluation set these numbers, with its data and command.
    pub evaluation: String,
}

/// Share of cross-identity pairs that reach [`Calibration::threshold`].
pub const PAIR_RATE: f64 = 1e-4;
/// Share of strangers in front of a camera that may be answered with somebody's name.
pub const FALSE_NAMES: f64 = 3e-4;

/// The shipped thresholds cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CalibrationError {
    /// The file that was compiled in is broken.
    #[error("crates/face/thresholds.toml cannot be read: {0}")]
    Broken(String),
    /// No evaluation has set a threshold for this embedder.
    #[error(
        "no threshold is known for {0}; `innkeeper evaluate face` prints one, crates/face/thresholds.toml takes it"
    )]
    Unknown(ModelRef),
}

impl Calibration {
    /// The shipped numbers for an embedder.
    ///
    /// # Errors
    /// [`CalibrationError::Unknown`] when no evaluation covers this name and version.
    pub fn shipped(embedder: &ModelRef) -> Result<Self, CalibrationError> {
        let mut all: BTreeMap<String, Self> =
            toml::from_str(SHIPPED).map_err(|e| CalibrationError::Broken(e.to_string()))?;
        all.remove(&embedder.to_string()).ok_or_else(|| CalibrationError::Unknown(embedder.clone()))
    }

    /// When the best of a gallery is a match. A stranger is compared with every template and has a chance at
    /// each, so the rate per comparison must be [`FALSE_NAMES`] divided by their number; beyond the rate the
    /// threshold was measured at, the cosine is extrapolated along the tail, which is exponential
    /// (docs/thresholds.md). Up to three templates it is the threshold of pairs.
    pub fn limits(&self, templates: usize) -> MatchLimits {
        let decades = (templates.max(1) as f64 * PAIR_RATE / FALSE_NAMES).log10().max(0.0) as f32;
        // A cosine above one would match nobody, whatever the gallery.
        let threshold = (self.threshold + self.tail * decades).min(0.999);
        MatchLimits { threshold, margin: self.margin }
    }

    /// Cosine from which on a face belongs to a group of unknown faces: where one cross-identity pair in
    /// 100,000 is. A wrong name for a whole group costs more than two groups of one person.
    pub fn grouping(&self) -> f32 {
        self.threshold + self.tail
    }

    /// Probability, 0 to 1, that two faces with this cosine are one person, when before looking both
    /// cases were equally likely (logistic curve fitted to labelled pairs; Platt 1999).
    pub fn confidence(&self, cosine: f32) -> f32 {
        1.0 / (1.0 + (-(self.slope * cosine + self.intercept)).exp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_threshold_names_its_evaluation_and_rises_with_the_score() {
        let all: BTreeMap<String, Calibration> = toml::from_str(SHIPPED).unwrap();
        assert!(!all.is_empty());
        for (model, c) in all {
            model.parse::<ModelRef>().unwrap();
            assert!(c.evaluation.contains("innkeeper evaluate face"), "{model} names no evaluation");
            assert!(c.threshold > 0.0 && c.threshold < 1.0 && c.margin >= 0.0 && c.slope > 0.0);
            assert!(c.tail > 0.0 && c.grouping() > c.threshold);
            assert!(c.confidence(c.threshold) > 0.5, "{model}: a match would be less likely than not");
        }
    }

    #[test]
    fn an_embedder_nobody_evaluated_has_no_threshold() {
        let unknown = ModelRef::new("somebody-elses", "1").unwrap();
        assert!(matches!(Calibration::shipped(&unknown), Err(CalibrationError::Unknown(_))));
    }

    #[test]
    fn the_bar_rises_with_the_gallery_and_never_falls_below_that_of_pairs() {
        let c = Calibration::shipped(&"edgeface-xs@q-a9ae3bc8".parse().unwrap()).unwrap();
        assert!((c.limits(0).threshold - c.threshold).abs() < 1e-6);
        assert!((c.limits(3).threshold - c.threshold).abs() < 1e-6);
        let step = c.limits(1000).threshold - c.limits(100).threshold;
        assert!((step - c.tail).abs() < 1e-6, "ten times the templates cost one tail: {step}");
        assert!(c.limits(usize::MAX).threshold < 1.0);
    }
}
