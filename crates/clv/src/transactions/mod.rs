//! How often guests buy and when they leave: the BG/NBD model of Fader, Hardie & Lee (2005).

mod fit;
mod likelihood;

use std::cell::OnceCell;

use serde::{Deserialize, Serialize};

pub use fit::{FitError, FitSettings, Fitted, LEAST_GUESTS, Limit, StandardErrors, fit, fit_with};

use crate::history::History;
use crate::hypergeometric::{Node, beta_rule};

/// Terms after which the series is given up.
const MOST_TERMS: f64 = 300.0;
/// Logarithm of the range of what guests buy, by their probability to leave: a purchase or none to a billion.
const WIDEST: f64 = 20.0;
/// Share of its parts below which a difference has lost too many digits.
const LOST: f64 = 1e-4;

/// The BG/NBD model. A guest buys at a rate that is Gamma(r, alpha) among guests, and after each purchase leaves for good with
/// a probability that is Beta(a, b) among guests.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BgNbd {
    /// Shape of the purchase rates; positive.
    pub r: f64,
    /// Their inverse scale, in the unit of time of the histories; positive. The mean rate is r / alpha.
    pub alpha: f64,
    /// First parameter of the probability to leave. 0 is the limit in which nobody leaves.
    pub a: f64,
    /// Second parameter of it; positive. It has no meaning where `a` is 0. The mean probability is a / (a + b).
    pub b: f64,
}

impl BgNbd {
    /// A model of given parameters.
    ///
    /// # Errors
    /// [`ParameterError`] where one is no positive finite number; `a` may be 0.
    pub fn new(r: f64, alpha: f64, a: f64, b: f64) -> Result<Self, ParameterError> {
        for (name, value) in [("r", r), ("alpha", alpha), ("b", b)] {
            positive(name, value)?;
        }
        if a != 0.0 {
            positive("a", a)?;
        }
        Ok(Self { r, alpha, a, b })
    }

    /// Probability that the guest will buy again at all, 0 to 1 (equation of section 3.2 in Fader, Hardie & Lee, *Computing
    /// P(alive) Using the BG/NBD Model*, 2008). It is 1 for a guest without repeat purchase, who had no occasion to leave:
    /// look at [`Self::retention`] for these.
    pub fn probability_alive(&self, history: &History) -> f64 {
        let x = f64::from(history.frequency());
        if history.frequency() == 0 || self.a == 0.0 {
            return 1.0;
        }
        let silence = ((history.age() - history.recency()) / (self.alpha + history.recency())).ln_1p();
        let left = self.a.ln() - (self.b + x - 1.0).ln() + (self.r + x) * silence;
        1.0 / (1.0 + left.exp())
    }

    /// Transactions expected within `time` after the age of the history, at least 0; 0 where `time` is negative or no number.
    ///
    /// It is equation 10 of Fader, Hardie & Lee (2005), in a form that does not divide by a - 1: by its series where that
    /// converges soon and does not cancel, and else as the mean that it stands for, over the guest's own probability to leave.
    pub fn expected_transactions(&self, history: &History, time: f64) -> f64 {
        self.probability_alive(history) * Alive::new(*self, history).expected(time)
    }

    /// Probability of at least one transaction within `time` after the age of the history, 0 to 1. In closed form: as long
    /// as nothing is bought nobody leaves, so that the first gap of a guest who is still one has a Pareto distribution.
    pub fn retention(&self, history: &History, time: f64) -> f64 {
        let shape = self.r + f64::from(history.frequency());
        let silent = (-shape * self.stretch(history, time).ln_1p()).exp();
        self.probability_alive(history) * (1.0 - silent)
    }

    /// The horizon against what is known of the guest's rate.
    fn stretch(&self, history: &History, time: f64) -> f64 {
        time.max(0.0) / (self.alpha + history.age())
    }
}

/// A guest who is still one.
#[derive(Debug)]
pub(crate) struct Alive<'a> {
    model: BgNbd,
    history: &'a History,
    /// Nodes of the probability to leave; most guests do not need them.
    leaving: OnceCell<Vec<Node>>,
}

impl<'a> Alive<'a> {
    pub fn new(model: BgNbd, history: &'a History) -> Self {
        Self { model, history, leaving: OnceCell::new() }
    }

    /// Transactions expected within `time` of a guest who is still one.
    pub fn expected(&self, time: f64) -> f64 {
        let stretch = self.model.stretch(self.history, time);
        if self.model.a == 0.0 {
            self.shape() * stretch
        } else {
            self.series(stretch).unwrap_or_else(|| self.mean(stretch))
        }
    }

    /// Of the guest's rate.
    fn shape(&self) -> f64 {
        self.model.r + f64::from(self.history.frequency())
    }

    /// With c = a + b + x, u the stretch, z = u / (1 + u) and q = a + b - r - 1, Pfaff's transformation of equation 10 is
    /// (c - 1) / (a - 1) (1 - (1 + u)^(1 - a) F(q, a - 1; c - 1; z)); without its first term the series has the factor
    /// (a - 1) / (c - 1), which is cancelled here. `None` where it converges slowly or digits would be lost.
    fn series(&self, stretch: f64) -> Option<f64> {
        let BgNbd { r, a, b, .. } = self.model;
        let c = a + b + f64::from(self.history.frequency());
        let (q, z) = (a + b - r - 1.0, stretch / (1.0 + stretch));
        let logarithm = stretch.ln_1p();
        let power = (1.0 - a) * logarithm;
        let quotient = if power.abs() < 1e-12 { logarithm } else { power.exp_m1() / (1.0 - a) };
        let mut term = q * z;
        let (mut sum, mut largest) = (term, term.abs());
        let mut n = 1.0;
        while term.abs() > 1e-16 * largest {
            if n > MOST_TERMS {
                return None;
            }
            term *= (q + n) * (a + n - 1.0) / ((c + n - 1.0) * (n + 1.0)) * z;
            sum += term;
            largest = largest.max(term.abs());
            n += 1.0;
        }
        let (plain, rest, growth) = ((c - 1.0) * quotient, power.exp() * sum, power.exp());
        let expected = plain - rest;
        let kept = expected > LOST * plain.abs().max(growth * largest);
        (kept && expected.is_finite()).then_some(expected)
    }

    /// The mean of what a guest buys with a probability p to leave.
    fn mean(&self, stretch: f64) -> f64 {
        let shape = self.shape();
        let of = |node: &Node| {
            let bought = if node.p * stretch * shape < 1e-9 {
                shape * stretch
            } else {
                -(-shape * (node.p * stretch).ln_1p()).exp_m1() / node.p
            };
            node.weight * bought
        };
        let leaving = || beta_rule(self.model.a, self.model.b + f64::from(self.history.frequency()), WIDEST);
        self.leaving.get_or_init(leaving).iter().map(of).sum()
    }
}

pub(crate) fn positive(name: &'static str, value: f64) -> Result<(), ParameterError> {
    if value.is_finite() && value > 0.0 { Ok(()) } else { Err(ParameterError { name, value }) }
}

/// A parameter that is no positive finite number.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("a parameter {name} of {value} is not positive and finite")]
pub struct ParameterError {
    /// Which.
    pub name: &'static str,
    /// Its value.
    pub value: f64,
}

#[cfg(test)]
mod tests;
