//! Maximum likelihood for the BG/NBD model, with a certificate, or the limit that it runs into.

use serde::{Deserialize, Serialize};

use super::BgNbd;
use super::likelihood::Portfolio;
use crate::history::History;
use crate::maximum::{Maximum, NotFound, best_of, covariance};

/// Guests below which no model is fitted.
pub const LEAST_GUESTS: usize = 10;

/// The box: r, alpha in time scaled so that the longest age is 10, a, b.
const BOX: [(f64, f64); 4] = [(1e-6, 1e6), (1e-6, 1e7), (1e-9, 1e6), (1e-9, 1e6)];
/// From here on a parameter that only grows or shrinks has no effect that could be seen.
const LARGE: f64 = 1e4;
const SMALL: f64 = 1e-4;
/// Logarithm of the likelihood that the limit without leaving may lack.
const SAME: f64 = 1e-6;

/// How a model is fitted.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct FitSettings {
    /// What the sum of the squared parameters costs, against the mean logarithm of the likelihood, in time scaled so that the
    /// longest age is 10. 0, the default, is maximum likelihood; more than 0 shrinks, and there are no standard errors.
    pub penalty: f64,
}

/// A limit of the model that fits as well as anything inside: the likelihood has no maximum at finite parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// a is 0: nobody leaves, and purchases are a negative binomial process. b has no meaning.
    NobodyLeaves,
    /// a and b grow together: all guests leave with the same probability a / (a + b).
    LeaveAlike,
    /// a and b vanish together: some leave after the first repeat purchase and the others never.
    LeaveAtOnceOrNever,
    /// b vanishes: all leave after the first repeat purchase.
    LeaveAtOnce,
    /// r and alpha grow together: all guests buy at the same rate r / alpha.
    BuyAlike,
}

/// Standard errors by the second derivatives at the maximum; `None` for what is a limit, or where the likelihood is flat.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct StandardErrors {
    /// Of r.
    pub r: Option<f64>,
    /// Of alpha.
    pub alpha: Option<f64>,
    /// Of a.
    pub a: Option<f64>,
    /// Of b.
    pub b: Option<f64>,
}

/// A model fitted to a portfolio. A fit that did not converge is no `Fitted` but [`FitError::NotConverged`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fitted {
    /// The parameters.
    #[serde(flatten)]
    pub model: BgNbd,
    /// Logarithm of the likelihood, without the penalty.
    pub log_likelihood: f64,
    /// Standard errors of the parameters.
    pub standard_errors: StandardErrors,
    /// Limits that the fit ran into; empty for a maximum at finite parameters.
    pub limits: Vec<Limit>,
    /// The certificate: largest derivative of the mean logarithm of the likelihood by the logarithm of a parameter that is
    /// free, at most 1e-8.
    pub gradient: f64,
    /// Newton steps of the best start.
    pub iterations: usize,
    /// Guests it was fitted to.
    pub guests: usize,
    /// Covariance of the logarithms of r, alpha, a, b; rows of what is a limit are 0. `None` where the likelihood is flat, or
    /// a penalty moved the maximum.
    pub log_covariance: Option<[[f64; 4]; 4]>,
}

impl std::ops::Deref for Fitted {
    type Target = BgNbd;

    fn deref(&self) -> &BgNbd {
        &self.model
    }
}

/// Fits by maximum likelihood.
///
/// # Errors
/// [`FitError`] with fewer than [`LEAST_GUESTS`], without a repeat purchase, or where no start leads to a maximum.
pub fn fit(histories: &[History]) -> Result<Fitted, FitError> {
    fit_with(histories, FitSettings::default())
}

/// [`fit`] with settings.
///
/// # Errors
/// As [`fit`], and where the penalty is negative or no number.
pub fn fit_with(histories: &[History], settings: FitSettings) -> Result<Fitted, FitError> {
    let penalty = settings.penalty;
    if !penalty.is_finite() || penalty < 0.0 {
        return Err(FitError::Penalty(penalty));
    }
    if histories.len() < LEAST_GUESTS {
        return Err(FitError::TooFewGuests { have: histories.len() });
    }
    let portfolio = Portfolio::new(histories);
    if portfolio.repeats == 0.0 {
        return Err(FitError::NoRepeats { guests: histories.len() });
    }
    let found = climb(&portfolio, penalty)?;
    let mut parameters = found.at.map(f64::exp);
    let mut fixed = found.bound;
    let mut limits = Vec::new();
    let nobody_leaves = [parameters[0], parameters[1], 0.0, 1.0];
    if penalty == 0.0 && portfolio.value(nobody_leaves) >= found.value - SAME {
        parameters = nobody_leaves;
        limits.push(Limit::NobodyLeaves);
    } else if parameters[2].max(parameters[3]) > LARGE {
        limits.push(Limit::LeaveAlike);
    } else if parameters[2].max(parameters[3]) < SMALL {
        limits.push(Limit::LeaveAtOnceOrNever);
    } else if parameters[3] < SMALL * parameters[2] {
        limits.push(Limit::LeaveAtOnce);
    }
    if !limits.is_empty() {
        (fixed[2], fixed[3]) = (true, true);
    }
    if parameters[0] > LARGE {
        limits.push(Limit::BuyAlike);
        (fixed[0], fixed[1]) = (true, true);
    }
    let log_covariance = if penalty > 0.0 { None } else { covariance(&found.hessian, &fixed) };
    let [r, alpha, a, b] = parameters;
    let model = BgNbd { r, alpha: alpha / portfolio.scale, a, b };
    let error = |place: usize, value: f64| {
        let variance = log_covariance.filter(|_| !fixed[place])?[place][place];
        Some(value * variance.sqrt())
    };
    Ok(Fitted {
        model,
        log_likelihood: portfolio.value(parameters) + portfolio.repeats * portfolio.scale.ln(),
        standard_errors: StandardErrors {
            r: error(0, model.r),
            alpha: error(1, model.alpha),
            a: error(2, model.a),
            b: error(3, model.b),
        },
        limits,
        gradient: found.slope,
        iterations: found.steps,
        guests: histories.len(),
        log_covariance,
    })
}

/// The best of a few climbs, by the logarithms of the parameters.
fn climb(portfolio: &Portfolio, penalty: f64) -> Result<Maximum<4>, FitError> {
    let rate = portfolio.repeats / portfolio.exposure;
    let weight = penalty * portfolio.guests;
    let function = |at: &[f64; 4]| {
        let parameters = at.map(f64::exp);
        portfolio.point(parameters).penalised(&parameters, weight).by_logarithms(&parameters)
    };
    let bounds = BOX.map(|(low, high)| (f64::ln(low), f64::ln(high)));
    // Guests of different rates who leave, guests who hardly leave, few who leave at once, guests who are much alike.
    let starts = [
        [0.3, 0.3 / rate, 0.8, 2.0],
        [1.0, 1.0 / rate, 0.02, 1.0],
        [1.0, 1.0 / rate, 1e-3, 1e-2],
        [5.0, 5.0 / rate, 2.0, 20.0],
    ];
    best_of(&starts.map(|start| start.map(f64::ln)), &bounds, portfolio.guests, function)
        .map_err(FitError::from)
}

impl From<NotFound> for FitError {
    fn from(lost: NotFound) -> Self {
        Self::NotConverged { gradient: lost.slope, iterations: lost.steps }
    }
}

/// Why there is no fitted model.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum FitError {
    /// Fewer guests than [`LEAST_GUESTS`].
    #[error("{have} guests are fewer than the {LEAST_GUESTS} that a fit needs")]
    TooFewGuests {
        /// Guests there are.
        have: usize,
    },
    /// Nobody bought twice: rates and leaving cannot be told apart from nothing.
    #[error("none of {guests} guests bought a second time")]
    NoRepeats {
        /// Guests there are.
        guests: usize,
    },
    /// No start led to a maximum.
    #[error("no start led to a maximum: the best ended at a gradient of {gradient} after {iterations} steps")]
    NotConverged {
        /// As in [`Fitted::gradient`].
        gradient: f64,
        /// Steps until it was given up.
        iterations: usize,
    },
    /// A penalty that is negative or no number.
    #[error("a penalty of {0} is not a number from 0 on")]
    Penalty(f64),
    /// Too few guests whose amounts are known.
    #[error(
        "{have} guests with repeat purchases of known positive amounts are fewer than the {LEAST_GUESTS} that a fit needs"
    )]
    TooFewAmounts {
        /// Guests there are.
        have: usize,
    },
}
