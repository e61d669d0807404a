//! The numbers that decide, and how they were found.

use super::evidence::MEASURES;

/// A logistic model of one block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Classifier {
    /// One weight a measure.
    pub weights: [f32; MEASURES],
    /// Log odds where every measure is zero.
    pub bias: f32,
}

impl Classifier {
    /// Natural logarithm of probability over counter-probability.
    pub fn log_odds(&self, measures: &[f32; MEASURES]) -> f32 {
        self.bias + self.weights.iter().zip(measures).map(|(w, m)| w * m).sum::<f32>()
    }
}

/// With feature maps.
pub(super) const WITH_MAPS: Classifier =
    Classifier { weights: [2.0, 3.0, 2.0, 4.0, 0.0, 4.0, 0.0, 1.0], bias: -4.0 };

/// Without.
pub(super) const WITHOUT_MAPS: Classifier =
    Classifier { weights: [2.0, 3.0, 2.0, 4.0, 0.0, 0.0, 0.0, 1.0], bias: -4.0 };

/// Log ratio from which a difference is added or removed rather than changed.
pub(super) const LEAN: f32 = 0.5;
