//! From a logit to a probability, and to a decision.

use serde::{Deserialize, Serialize};

use crate::logistic::sigmoid;

/// Newton steps; two unknowns need a handful.
const STEPS: usize = 50;

/// The probability of a label: `1 / (1 + exp(-(slope * logit + intercept)))`.
///
/// Platt, *Probabilistic outputs for support vector machines*, 1999, with the softened targets he proposes and the Newton
/// search of Lin, Lin and Weng, 2007. It is fitted on logits of held-out examples only.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Platt {
    /// Never negative: a higher logit is never less probable.
    pub slope: f64,
    /// Added to the scaled logit.
    pub intercept: f64,
}

/// The probabilities at which a head decides. Between them it abstains; a side that no evidence supports is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Band {
    /// From this probability on the label is said to be there, 0.5 to 1.
    pub present_from: Option<f32>,
    /// Up to this probability it is said not to be there, 0 to 0.5.
    pub absent_to: Option<f32>,
}

/// A calibration that a new one is pulled to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held {
    pub(crate) to: Platt,
    /// In examples: so many squared units of slope and intercept cost as much as one example's loss.
    pub(crate) strength: f64,
}

impl Default for Platt {
    fn default() -> Self {
        Self { slope: 1.0, intercept: 0.0 }
    }
}

impl Platt {
    /// Calibrated probability of a logit, 0 to 1.
    pub fn probability(&self, logit: f64) -> f64 {
        sigmoid(self.slope * logit + self.intercept)
    }

    /// Fits slope and intercept to (logit, truth) of held-out examples; `held` keeps them near an older calibration.
    pub(crate) fn fit(scored: &[(f64, bool)], held: Option<Held>) -> Self {
        let positives = scored.iter().filter(|(_, t)| *t).count() as f64;
        let negatives = scored.len() as f64 - positives;
        // Softened targets: no finite number of examples proves certainty.
        let (yes, no) = ((positives + 1.0) / (positives + 2.0), 1.0 / (negatives + 2.0));
        // A ridge too weak to matter keeps the search finite where the logits are all alike.
        let held = held.unwrap_or(Held { to: Self::default(), strength: 1e-3 });
        let mut place = held.to;
        for _ in 0..STEPS {
            let away = [place.slope - held.to.slope, place.intercept - held.to.intercept];
            let mut slope = [held.strength * away[0], held.strength * away[1]];
            let mut bend = [held.strength, 0.0, held.strength];
            for (z, truth) in scored {
                let p = place.probability(*z);
                let force = p - if *truth { yes } else { no };
                let curve = (p * (1.0 - p)).max(1e-9);
                slope[0] += force * z;
                slope[1] += force;
                bend[0] += curve * z * z;
                bend[1] += curve * z;
                bend[2] += curve;
            }
            let determinant = bend[0] * bend[2] - bend[1] * bend[1];
            if determinant <= 0.0 || !determinant.is_finite() {
                break;
            }
            let step = [
                (bend[2] * slope[0] - bend[1] * slope[1]) / determinant,
                (bend[0] * slope[1] - bend[1] * slope[0]) / determinant,
            ];
            // Newton from afar overshoots: hold a step to one unit of slope and two of intercept.
            let short = (1.0 / step[0].abs().max(step[1].abs() / 2.0).max(1e-300)).min(1.0);
            place.slope -= short * step[0];
            place.intercept -= short * step[1];
            if step[0].abs().max(step[1].abs()) < 1e-9 {
                break;
            }
        }
        if place.slope > 0.0 && place.slope.is_finite() && place.intercept.is_finite() {
            place
        } else {
            // The logits say nothing, or the opposite: what is left is the share of the examples.
            Self { slope: 0.0, intercept: ((positives + 1.0) / (negatives + 1.0)).ln() }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn logits_that_are_too_sure_of_themselves_are_taken_back() {
        // Of ten at +4 seven are right, of ten at -4 seven are right.
        let scored: Vec<(f64, bool)> =
            (0..20).map(|i| if i < 10 { (4.0, i < 7) } else { (-4.0, i >= 17) }).collect();
        let fitted = Platt::fit(&scored, None);
        assert!((fitted.probability(4.0) - 0.68).abs() < 0.05, "{fitted:?}");
        assert!((fitted.probability(-4.0) - 0.32).abs() < 0.05, "{fitted:?}");
    }

    #[test]
    fn logits_that_point_the_wrong_way_are_ignored() {
        let scored: Vec<(f64, bool)> = (0..20).map(|i| (f64::from(i) - 10.0, i < 5)).collect();
        let fitted = Platt::fit(&scored, None);
        assert!(fitted.slope.abs() < 1e-12);
        assert!((fitted.probability(3.0) - 6.0 / 22.0).abs() < 1e-9);
    }

    #[test]
    fn three_corrections_do_not_overthrow_a_calibration() {
        let before = Platt { slope: 2.0, intercept: -1.0 };
        let held = Some(Held { to: before, strength: 10.0 });
        let after = Platt::fit(&[(1.0, false), (2.0, false), (0.5, false)], held);
        assert!((after.slope - 2.0).abs() < 0.5 && (after.intercept + 1.0).abs() < 0.5, "{after:?}");
        assert_eq!(Platt::fit(&[], held), before);
    }

    proptest! {
        #[test]
        fn a_probability_is_one_and_never_falls_with_the_logit(scored in prop::collection::vec((-50.0f64..50.0, any::<bool>()), 0..60), a in -60.0f64..60.0, b in -60.0f64..60.0) {
            let fitted = Platt::fit(&scored, None);
            let (low, high) = (fitted.probability(a.min(b)), fitted.probability(a.max(b)));
            prop_assert!((0.0..=1.0).contains(&low) && (0.0..=1.0).contains(&high));
            prop_assert!(low <= high);
        }
    }
}
