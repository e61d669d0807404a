//! What a purchase is worth: the Gamma-Gamma model of Fader & Hardie (2013).

use serde::{Deserialize, Serialize};

use crate::history::History;
use crate::maximum::{Maximum, Point, best_of, covariance};
use crate::special::{digamma, log_beta, trigamma};
use crate::transactions::{FitError, FitSettings, LEAST_GUESTS, ParameterError, positive};

/// The box: p, q, v against the mean of the amounts.
const BOX: [(f64, f64); 3] = [(1e-4, 1e5), (1e-4, 1e5), (1e-6, 1e8)];
/// From here on a parameter that only grows has no effect that could be seen.
const LARGE: f64 = 1e4;

/// The Gamma-Gamma model. Amounts of a guest are Gamma(p, rate of its own), and the rates are Gamma(q, v) among guests; amounts
/// and times of purchases have nothing to do with each other.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GammaGamma {
    /// Shape of the amounts of one guest; positive.
    pub p: f64,
    /// Shape of the rates among guests; positive. The mean amount of all is finite above 1 only.
    pub q: f64,
    /// Inverse scale of the rates, in the currency of the amounts; positive. Also called gamma.
    pub v: f64,
}

impl GammaGamma {
    /// A model of given parameters.
    ///
    /// # Errors
    /// [`ParameterError`] where one is no positive finite number.
    pub fn new(p: f64, q: f64, v: f64) -> Result<Self, ParameterError> {
        for (name, value) in [("p", p), ("q", q), ("v", v)] {
            positive(name, value)?;
        }
        Ok(Self { p, q, v })
    }

    /// Mean amount of the guest's purchases to come, given those it made: between its own mean and that of all. Without a known
    /// amount it is the mean of all. `None` where the model has no finite mean for it.
    pub fn expected_value(&self, history: &History) -> Option<f64> {
        let (shape, rate) = self.given(history);
        (shape > 1.0).then(|| self.p * rate / (shape - 1.0))
    }

    /// Shape and inverse scale of the rate of the guest.
    pub(crate) fn given(&self, history: &History) -> (f64, f64) {
        let known = history.spend().filter(|mean| *mean > 0.0);
        let x = f64::from(history.frequency());
        known.map_or((self.q, self.v), |mean| (self.q + self.p * x, self.v + x * mean))
    }
}

/// A limit of the spend model that fits as well as anything inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpendLimit {
    /// p grows: a guest spends the same every time.
    SpendsTheSame,
    /// q and v grow together: guests do not differ.
    GuestsAlike,
}

/// Standard errors by the second derivatives at the maximum; `None` for what is a limit, or where the likelihood is flat.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct SpendErrors {
    /// Of p.
    pub p: Option<f64>,
    /// Of q.
    pub q: Option<f64>,
    /// Of v.
    pub v: Option<f64>,
}

/// A spend model fitted to a portfolio.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FittedSpend {
    /// The parameters.
    #[serde(flatten)]
    pub model: GammaGamma,
    /// Logarithm of the likelihood, without the penalty.
    pub log_likelihood: f64,
    /// Standard errors of the parameters.
    pub standard_errors: SpendErrors,
    /// Limits that the fit ran into; empty for a maximum at finite parameters.
    pub limits: Vec<SpendLimit>,
    /// The certificate, as in [`crate::Fitted::gradient`].
    pub gradient: f64,
    /// Newton steps of the best start.
    pub iterations: usize,
    /// Guests it was fitted to: those with repeat purchases of a known positive amount.
    pub guests: usize,
    /// Covariance of the logarithms of p, q, v, as in [`crate::Fitted::log_covariance`].
    pub log_covariance: Option<[[f64; 3]; 3]>,
}

impl std::ops::Deref for FittedSpend {
    type Target = GammaGamma;

    fn deref(&self) -> &GammaGamma {
        &self.model
    }
}

/// Fits by maximum likelihood to the guests who have repeat purchases of a known positive amount.
///
/// # Errors
/// [`FitError`] where these are fewer than [`LEAST_GUESTS`], or no start leads to a maximum.
pub fn fit_spend(histories: &[History]) -> Result<FittedSpend, FitError> {
    fit_spend_with(histories, FitSettings::default())
}

/// [`fit_spend`] with settings; a penalty counts amounts by their mean.
///
/// # Errors
/// As [`fit_spend`], and where the penalty is negative or no number.
pub fn fit_spend_with(histories: &[History], settings: FitSettings) -> Result<FittedSpend, FitError> {
    let penalty = settings.penalty;
    if !penalty.is_finite() || penalty < 0.0 {
        return Err(FitError::Penalty(penalty));
    }
    let mut spenders: Vec<(f64, f64)> = histories
        .iter()
        .filter_map(|history| {
            Some((f64::from(history.frequency()), history.spend().filter(|mean| *mean > 0.0)?))
        })
        .collect();
    if spenders.len() < LEAST_GUESTS {
        return Err(FitError::TooFewAmounts { have: spenders.len() });
    }
    let guests = spenders.len() as f64;
    let scale = spenders.iter().map(|(_, mean)| mean / guests).sum::<f64>();
    for (_, mean) in &mut spenders {
        *mean /= scale;
    }
    let found = climb(&spenders, penalty)?;
    let parameters = found.at.map(f64::exp);
    let mut fixed = found.bound;
    let mut limits = Vec::new();
    if parameters[0] > LARGE {
        limits.push(SpendLimit::SpendsTheSame);
        fixed[0] = true;
    }
    if parameters[1] > LARGE {
        limits.push(SpendLimit::GuestsAlike);
        (fixed[1], fixed[2]) = (true, true);
    }
    let log_covariance = if penalty > 0.0 { None } else { covariance(&found.hessian, &fixed) };
    let [p, q, v] = parameters;
    let model = GammaGamma { p, q, v: v * scale };
    let error = |place: usize, value: f64| {
        let variance = log_covariance.filter(|_| !fixed[place])?[place][place];
        Some(value * variance.sqrt())
    };
    Ok(FittedSpend {
        model,
        log_likelihood: point(&spenders, parameters).value - guests * scale.ln(),
        standard_errors: SpendErrors { p: error(0, model.p), q: error(1, model.q), v: error(2, model.v) },
        limits,
        gradient: found.slope,
        iterations: found.steps,
        guests: spenders.len(),
        log_covariance,
    })
}

fn climb(spenders: &[(f64, f64)], penalty: f64) -> Result<Maximum<3>, FitError> {
    let weight = penalty * spenders.len() as f64;
    let function = |at: &[f64; 3]| {
        let parameters = at.map(f64::exp);
        point(spenders, parameters).penalised(&parameters, weight).by_logarithms(&parameters)
    };
    let bounds = BOX.map(|(low, high)| (f64::ln(low), f64::ln(high)));
    // Means of 1: amounts that vary much, and amounts that hardly do.
    let starts = [[2.0_f64, 3.0, 1.0], [50.0, 50.0, 1.0]].map(|start| start.map(f64::ln));
    best_of(&starts, &bounds, spenders.len() as f64, function).map_err(FitError::from)
}

/// Logarithm of the likelihood with its derivatives by p, q, v; pairs are purchases and their mean.
fn point(spenders: &[(f64, f64)], [p, q, v]: [f64; 3]) -> Point<3> {
    let mut sum = Point::<3>::zero();
    let (digamma_q, trigamma_q) = (digamma(q), trigamma(q));
    for &(x, mean) in spenders {
        let (shape, total) = (p * x, x * mean);
        let all = v + total;
        let (own, others) = (-(v / total).ln_1p(), -(total / v).ln_1p());
        sum.value += shape * own + q * others - log_beta(shape, q) - mean.ln();
        let (digamma_all, trigamma_all) = (digamma(shape + q), trigamma(shape + q));
        sum.gradient[0] += x * (digamma_all - digamma(shape) + own);
        sum.gradient[1] += digamma_all - digamma_q + others;
        sum.gradient[2] += (q * total - shape * v) / (v * all);
        sum.hessian[0][0] += x * x * (trigamma_all - trigamma(shape));
        sum.hessian[0][1] += x * trigamma_all;
        sum.hessian[0][2] -= x / all;
        sum.hessian[1][1] += trigamma_all - trigamma_q;
        sum.hessian[1][2] += total / (v * all);
        sum.hessian[2][2] += (shape + q) / (all * all) - q / (v * v);
    }
    for i in 0..3 {
        for j in 0..i {
            sum.hessian[i][j] = sum.hessian[j][i];
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::special::log_gamma;

    const SPENDERS: [(f64, f64); 4] = [(1.0, 0.3), (3.0, 1.2), (12.0, 0.9), (200.0, 2.4)];

    #[test]
    fn it_is_the_likelihood_of_the_note() {
        for [p, q, v] in [[6.25, 3.74, 0.5], [0.4, 1.1, 3.0], [80.0, 120.0, 1.5]] {
            let want: f64 = SPENDERS
                .iter()
                .map(|(x, z)| {
                    log_gamma(p * x + q) - log_gamma(p * x) - log_gamma(q)
                        + q * v.ln()
                        + (p * x - 1.0) * z.ln()
                        + p * x * x.ln()
                        - (p * x + q) * (v + x * z).ln()
                })
                .sum();
            let got = point(&SPENDERS, [p, q, v]).value;
            assert!((got - want).abs() < 1e-9 * want.abs().max(1e3), "{got} {want}");
        }
    }

    #[test]
    fn derivatives_agree_with_differences() {
        for at in [[6.25, 3.74, 0.5], [0.4, 1.1, 3.0], [80.0, 120.0, 1.5]] {
            let exact = point(&SPENDERS, at);
            for i in 0..3 {
                let step = at[i] * 1e-5;
                let moved = |by: f64| {
                    let mut there = at;
                    there[i] += by;
                    point(&SPENDERS, there)
                };
                let (up, down) = (moved(step), moved(-step));
                let slope = (up.value - down.value) / (2.0 * step);
                let size = exact.gradient[i].abs().max(1e-3 / at[i]);
                assert!(
                    (slope - exact.gradient[i]).abs() < 1e-5 * size,
                    "{at:?} {i}: {slope} {:?}",
                    exact.gradient
                );
                for j in 0..3 {
                    let bend = (up.gradient[j] - down.gradient[j]) / (2.0 * step);
                    let got = exact.hessian[i][j];
                    let size = (exact.hessian[i][i] * exact.hessian[j][j]).abs().sqrt();
                    assert!((bend - got).abs() < 1e-5 * size, "{at:?} {i} {j}: {bend} {got}");
                }
            }
        }
    }

    #[test]
    fn the_mean_to_come_lies_between_the_guest_and_all() {
        let model = GammaGamma::new(6.25, 3.74, 15.44).expect("positive");
        let all = 6.25 * 15.44 / 2.74;
        let with = |x: u32, mean: f64| {
            let history = History::new(x, 9.0, 10.0).and_then(|h| h.with_spend(mean)).expect("valid");
            model.expected_value(&history).expect("finite")
        };
        assert!(all < with(1, 100.0) && with(1, 100.0) < with(9, 100.0) && with(9, 100.0) < 100.0);
        let unknown = History::new(3, 9.0, 10.0).expect("valid");
        assert!((model.expected_value(&unknown).expect("finite") - all).abs() < 1e-12);
        let heavy = GammaGamma::new(0.1, 0.9, 1.0).expect("positive");
        assert_eq!(heavy.expected_value(&unknown), None);
    }
}
