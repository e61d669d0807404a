//! Shapes of the answer of demand to a price.

use serde::{Deserialize, Serialize};

/// How demand falls with the price, prices being taken relative to a reference price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Each unit of price loses the same share of the requests.
    LogLinear,
    /// Each percent of price loses the same share of the requests.
    Power,
    /// What guests would pay is logistic.
    Logit,
    /// What guests would pay is normal.
    Probit,
    /// Two kinds of guests, each logistic, whose shares may change with the days left.
    TwoLogits,
}

/// What is known of a parameter before anything is seen: a normal distribution.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prior {
    pub mean: f64,
    pub sd: f64,
    /// How fast it may change from one knot to the next, where it changes at all.
    pub drift: f64,
}

const fn prior(mean: f64, sd: f64, drift: f64) -> Prior {
    Prior { mean, sd, drift }
}

impl Shape {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::LogLinear, Self::Power, Self::Logit, Self::Probit, Self::TwoLogits];

    /// Whether there are two kinds of guests.
    pub(crate) fn two_kinds(self) -> bool {
        self == Self::TwoLogits
    }

    /// What is believed of its parameters beforehand. Elasticities of about 2 at the reference price, within a factor of
    /// about 3 either way; a price that half of the guests would pay near the reference.
    pub(crate) fn priors(self) -> &'static [Prior] {
        // The logarithm of the elasticity at the reference price.
        const ONE: &[Prior] = &[prior(0.7, 0.8, 0.3)];
        // What half would pay, and the logarithm of the spread around it.
        const LOGISTIC: &[Prior] = &[prior(0.9, 0.5, 0.12), prior(-1.6, 0.7, 0.0)];
        const NORMAL: &[Prior] = &[prior(0.9, 0.5, 0.12), prior(-1.1, 0.7, 0.0)];
        // Log odds of the first kind; its place and spread; place and spread of the second.
        const TWO: &[Prior] = &[
            prior(0.0, 1.5, 1.0),
            prior(1.4, 0.4, 0.0),
            prior(-1.6, 0.6, 0.0),
            prior(0.8, 0.3, 0.0),
            prior(-1.8, 0.6, 0.0),
        ];
        match self {
            Self::LogLinear | Self::Power => ONE,
            Self::Logit => LOGISTIC,
            Self::Probit => NORMAL,
            Self::TwoLogits => TWO,
        }
    }

    /// Logarithm of the share that books at a price of `ratio` times the reference, up to a constant of the shape.
    pub(crate) fn log_share(self, ratio: f64, values: &[f64]) -> f64 {
        let value = |place: usize| values.get(place).copied().unwrap_or_default();
        match self {
            Self::LogLinear => -value(0).exp() * (ratio - 1.0),
            Self::Power => -value(0).exp() * ratio.max(1e-9).ln(),
            Self::Logit => log_logistic((value(0) - ratio) / value(1).exp()),
            Self::Probit => log_normal((value(0) - ratio) / value(1).exp()),
            Self::TwoLogits => log_sum(
                log_logistic(value(0)) + log_logistic((value(1) - ratio) / value(2).exp()),
                log_logistic(-value(0)) + log_logistic((value(3) - ratio) / value(4).exp()),
            ),
        }
    }
}

/// `ln(exp(x) + exp(y))`.
fn log_sum(x: f64, y: f64) -> f64 {
    let most = x.max(y);
    most + ((x - most).exp() + (y - most).exp()).ln()
}

/// `ln(1 / (1 + exp(-x)))`.
fn log_logistic(x: f64) -> f64 {
    if x > 0.0 { -(-x).exp().ln_1p() } else { x - x.exp().ln_1p() }
}

/// Logarithm of the standard normal distribution function, by the approximation of Abramowitz and Stegun (1964), 26.2.17, and
/// by the first terms of the tail's series (26.2.12) where that cancels.
fn log_normal(x: f64) -> f64 {
    if x < -5.0 {
        let square = x * x;
        return -0.5 * square - (-x).ln() - 0.918_938_533_204_672_7
            + (-1.0 / square + 2.5 / (square * square)).max(-0.5);
    }
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let polynomial = t
        * (0.319_381_530
            + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    let tail = (-0.5 * x * x).exp() * 0.398_942_280_401_432_7 * polynomial;
    if x > 0.0 { (-tail).ln_1p() } else { tail.ln() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normal_distribution_is_the_tables() {
        for (x, chance) in [(0.0, 0.5), (1.0, 0.841_344_746), (-2.0, 0.022_750_132), (-4.0, 3.167_124e-5)] {
            assert!((log_normal(x) - f64::ln(chance)).abs() < 4e-3, "{x}");
        }
        assert!((log_normal(-5.0001) - log_normal(-4.9999)).abs() < 5e-3);
        assert!((log_normal(-10.0) - f64::ln(7.619_853e-24)).abs() < 1e-3);
    }

    #[test]
    fn every_shape_falls_with_the_price() {
        for shape in Shape::ALL {
            let values: Vec<f64> = shape.priors().iter().map(|prior| prior.mean).collect();
            let at = |ratio: f64| shape.log_share(ratio, &values);
            assert!(
                (1..60).all(|step| at(0.05 * f64::from(step)) > at(0.05 * f64::from(step + 1))),
                "{shape:?}"
            );
        }
    }
}
