//! From cosines to decisions: the shipped thresholds and the probability behind a score.

use std::collections::BTreeMap;

use innkeeper_core::ModelRef;
use serde::{Deserialize, Serialize};

use crate::matching::MatchLimits;

const SHIPPED: &str = include_str!("../thresholds.toml");

/// Share of the comparisons between strangers and enrolled people beyond which a [`Tail`] speaks.
pub const TAIL_RATE: f64 = 1e-3;

/// The upper end of the scores of strangers: beyond `start` they follow a generalised Pareto distribution
/// (peaks over threshold; Pickands 1975, Coles 2001).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tail {
    /// Cosine that [`TAIL_RATE`] of the comparisons reach.
    pub start: f32,
    /// How fast their number falls there: to 1/e within this distance, in cosine.
    pub scale: f32,
    /// How that goes on: at zero the same for ever (exponential), below zero ever faster, to an end that no
    /// stranger passes, above zero ever slower. Above -0.5.
    pub shape: f32,
}

impl Tail {
    /// Cosine that a share `rate` of the comparisons reach; `start` where the rate is above [`TAIL_RATE`].
    pub fn at(&self, rate: f64) -> f32 {
        let folds = (TAIL_RATE / rate).ln().max(0.0);
        let shape = f64::from(self.shape);
        let scales = if shape.abs() < 1e-6 { folds } else { (shape * folds).exp_m1() / shape };
        // A cosine above one would match nobody, whatever the gallery.
        (f64::from(self.start) + f64::from(self.scale) * scales).min(0.999) as f32
    }
}

/// What an evaluation found for one embedder.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Lowest cosine of a match between two faces: one cross-identity pair in 10,000 reaches it.
    pub threshold: f32,
    /// Cosine that one cross-identity pair in 100,000 reaches, see [`Calibration::grouping`].
    pub(crate) grouping: f32,
    /// Least distance to the second person, in cosine.
    pub margin: f32,
    /// Share of the looks at strangers that may be answered with somebody's name.
    pub false_names: f64,
    /// Scores of strangers with enrolled people where the margin lets them pass.
    pub strangers: Tail,
    /// A gallery of fewer people is held to the bar of this many. The tail is fitted as in a gallery of 50; with
    /// fewer people there are fewer rivals who make a stranger's best match ambiguous, so it promises too much.
    pub least_people: usize,
    /// Slope of the logistic curve from cosine to probability.
    pub slope: f32,
    /// Intercept of that curve.
    pub intercept: f32,
    /// Which evaluation set these numbers, with its data and command.
    pub evaluation: String,
}

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

    /// When the best of a gallery of `people` is a match. A stranger is compared with all of them and has a
    /// chance at each, so the rate per person must be `false_names` divided by their number. It is people
    /// that count, not templates: a person is one score, [`fused`](crate::matching::fused). Never below the
    /// threshold of pairs.
    pub fn limits(&self, people: usize) -> MatchLimits {
        MatchLimits { threshold: self.bar(&self.strangers, people), margin: self.margin }
    }

    /// The same bar where the strangers' scores have another tail.
    pub(crate) fn bar(&self, strangers: &Tail, people: usize) -> f32 {
        let people = people.max(self.least_people).max(1);
        strangers.at(self.false_names / people as f64).max(self.threshold)
    }

    /// Cosine from which on a face belongs to a group of unknown faces: where one cross-identity pair in
    /// 100,000 is. A wrong name for a whole group costs more than two groups of one person.
    pub fn grouping(&self) -> f32 {
        self.grouping
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
            assert!(c.grouping() > c.threshold);
            assert!(c.strangers.scale > 0.0 && c.strangers.shape > -0.5 && c.strangers.start < 1.0);
            assert!(c.least_people >= 1);
            assert!(c.false_names > 0.0 && c.false_names <= 1e-3, "{model}: strangers are given names");
            assert!(c.confidence(c.threshold) > 0.5, "{model}: a match would be less likely than not");
        }
    }

    #[test]
    fn an_embedder_nobody_evaluated_has_no_threshold() {
        let unknown = ModelRef::new("somebody-elses", "1").unwrap();
        assert!(matches!(Calibration::shipped(&unknown), Err(CalibrationError::Unknown(_))));
    }

    #[test]
    fn the_bar_rises_with_the_people_and_never_falls_below_that_of_pairs() {
        let all: BTreeMap<String, Calibration> = toml::from_str(SHIPPED).unwrap();
        for (model, c) in all {
            assert_eq!(c.limits(0), c.limits(1), "{model}");
            assert_eq!(c.limits(1), c.limits(c.least_people), "{model}: few people are no easier to guard");
            assert!(c.limits(1).threshold >= c.threshold, "{model}");
            let bars = [50, 200, 1000, 5000].map(|people| c.limits(people).threshold);
            assert!(bars[0] > c.threshold && bars.is_sorted_by(|a, b| a < b), "{model}: {bars:?}");
            assert!(c.limits(10).threshold > c.threshold && c.limits(10).threshold <= bars[0], "{model}");
            assert!(c.limits(usize::MAX).threshold < 1.0, "{model}");
        }
    }

    #[test]
    fn a_tail_with_an_end_asks_less_of_a_large_gallery_than_an_exponential_one() {
        let exponential = Tail { start: 0.3, scale: 0.03, shape: 0.0 };
        assert!((exponential.at(TAIL_RATE / 10.0) - 0.3 - 0.03 * std::f32::consts::LN_10).abs() < 1e-6);
        assert!((exponential.at(1.0) - 0.3).abs() < 1e-6, "it says nothing below its start");
        let bounded = Tail { shape: -0.3, ..exponential };
        assert!(bounded.at(1e-6) < exponential.at(1e-6));
        assert!(bounded.at(1e-300) <= 0.4, "start - scale / shape is the end");
        let heavy = Tail { shape: 0.2, ..exponential };
        assert!(heavy.at(1e-6) > exponential.at(1e-6));
    }
}
