//! A conditional logit model: which of the candidates of one document is the right one.
//!
//! `McFadden`, "Conditional logit analysis of qualitative choice behavior" (1974): the probability of a candidate is the
//! softmax of a linear score over the candidates of its document. Fitted by accelerated gradient descent on the mean
//! log-loss with a squared pull towards given weights (zero, or those of an earlier ranker).

use serde::{Deserialize, Serialize};

/// Steps of the descent; the loss is convex and smooth, so that more change nothing that is printed.
const STEPS: usize = 600;

/// Candidates of one document: their features, and which one is right.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    /// One row of features per candidate.
    pub features: Vec<Vec<f64>>,
    /// Index of the right one.
    pub right: usize,
}

/// Scores of candidates to probabilities.
pub(super) fn probabilities(weights: &[f64], features: &[Vec<f64>]) -> Vec<f64> {
    let scores: Vec<f64> = features.iter().map(|f| dot(weights, f)).collect();
    let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let exp: Vec<f64> = scores.iter().map(|s| (s - top).exp()).collect();
    let sum: f64 = exp.iter().sum();
    exp.into_iter().map(|e| if sum > 0.0 { e / sum } else { 0.0 }).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Weights that make the right candidates most probable; `pull` is the weight of the squared distance to `towards`.
pub(super) fn fit(choices: &[Choice], towards: &[f64], pull: f64) -> Vec<f64> {
    let n = choices.len().max(1) as f64;
    // The curvature of the log-loss is at most a quarter of the widest spread of squared features.
    let widest = choices
        .iter()
        .flat_map(|c| &c.features)
        .map(|f| f.iter().map(|x| x * x).sum::<f64>())
        .fold(1.0_f64, f64::max);
    let step = 1.0 / (widest + pull);
    let mut weights = towards.to_vec();
    let mut ahead = weights.clone();
    let mut momentum = 1.0_f64;
    for _ in 0..STEPS {
        let mut gradient: Vec<f64> = ahead.iter().zip(towards).map(|(w, t)| pull * (w - t)).collect();
        for choice in choices {
            let p = probabilities(&ahead, &choice.features);
            for (i, (probability, features)) in p.iter().zip(&choice.features).enumerate() {
                let error = probability - f64::from(u8::from(i == choice.right));
                for (g, x) in gradient.iter_mut().zip(features) {
                    *g += error * x / n;
                }
            }
        }
        let next: Vec<f64> = ahead.iter().zip(&gradient).map(|(w, g)| w - step * g).collect();
        let grown = f64::midpoint(1.0, (1.0 + 4.0 * momentum * momentum).sqrt());
        ahead = next
            .iter()
            .zip(&weights)
            .map(|(new, old)| new + (momentum - 1.0) / grown * (new - old))
            .collect();
        momentum = grown;
        weights = next;
    }
    weights
}

/// Probability of being right from the candidate's share of the softmax and from how surely its text was read:
/// Platt scaling (Platt 1999) with two inputs, fitted on documents the weights had not seen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Factor of the logit of the softmax share.
    pub share: f64,
    /// Factor of the logit of the reading confidence.
    pub reading: f64,
    /// Constant.
    pub intercept: f64,
}

impl Default for Calibration {
    fn default() -> Self {
        Self { share: 1.0, reading: 0.0, intercept: 0.0 }
    }
}

/// One answer on a document that was held out.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeldOut {
    /// Share of the softmax of the chosen candidate.
    pub share: f64,
    /// Confidence of its text.
    pub reading: f64,
    /// Whether it was right.
    pub right: bool,
}

fn logit(p: f64) -> f64 {
    let p = p.clamp(0.003, 0.997);
    (p / (1.0 - p)).ln()
}

impl Calibration {
    /// Probability of being right, 0 to 1.
    pub fn confidence(&self, share: f64, reading: f64) -> f64 {
        let z = self.share * logit(share) + self.reading * logit(reading) + self.intercept;
        1.0 / (1.0 + (-z).exp())
    }

    /// Fits to answers on held-out documents. Few answers move it little: the pull towards "the share is the
    /// probability" weighs as much as `PRIOR` answers.
    pub(super) fn fit(answers: &[HeldOut]) -> Self {
        const PRIOR: f64 = 2.0;
        let n = answers.len().max(1) as f64;
        let mut at = Self::default();
        let start = at;
        let step = 0.02;
        for _ in 0..4000 {
            let mut g = [
                PRIOR / n * (at.share - start.share),
                PRIOR / n * (at.reading - start.reading),
                0.1 * PRIOR / n * (at.intercept - start.intercept),
            ];
            for a in answers {
                let error = at.confidence(a.share, a.reading) - f64::from(u8::from(a.right));
                g[0] += error * logit(a.share) / n;
                g[1] += error * logit(a.reading) / n;
                g[2] += error / n;
            }
            // More share or better reading never make an answer less credible.
            at.share = (at.share - step * g[0]).max(0.0);
            at.reading = (at.reading - step * g[1]).max(0.0);
            at.intercept -= step * g[2];
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_feature_that_marks_the_right_candidate_gets_the_weight() {
        let choice = |right: usize| Choice {
            features: (0..3).map(|i| vec![f64::from(u8::from(i == right)), i as f64 / 3.0]).collect(),
            right,
        };
        let choices: Vec<Choice> = [0, 1, 2, 0, 1, 2].map(choice).to_vec();
        let weights = fit(&choices, &[0.0, 0.0], 0.01);
        assert!(weights[0] > 2.0, "{weights:?}");
        assert!(weights[1].abs() < 0.1, "position says nothing here: {weights:?}");
        let p = probabilities(&weights, &choices[1].features);
        assert!(p[1] > 0.8 && (p.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_strong_pull_keeps_the_weights_it_started_from() {
        let choices = vec![Choice { features: vec![vec![1.0], vec![0.0]], right: 1 }];
        let weights = fit(&choices, &[2.0], 100.0);
        assert!((weights[0] - 2.0).abs() < 0.02, "{weights:?}");
    }

    #[test]
    fn answers_that_were_mostly_wrong_lower_the_confidence() {
        let wrong: Vec<HeldOut> =
            (0..40).map(|i| HeldOut { share: 0.9, reading: 0.95, right: i % 4 == 0 }).collect();
        let fitted = Calibration::fit(&wrong);
        assert!(fitted.confidence(0.9, 0.95) < 0.5, "{fitted:?}");
        assert!(
            Calibration::fit(&[]).confidence(0.9, 0.95) > 0.89,
            "without answers the share is the probability"
        );
    }
}
