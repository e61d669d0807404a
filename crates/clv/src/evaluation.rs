//! How well transactions to come are foreseen: fitted up to a day, compared with what followed.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::Serialize;

use crate::history::{Guest, History, HistoryError, TimeUnit, Transaction, summarise};
use crate::spend::{SpendLimit, fit_spend};
use crate::transactions::{FitError, Limit, fit};

/// From this many repeat purchases on, guests are compared together.
const TOGETHER: u32 = 7;

/// A fit and its holdout. Errors count transactions of one guest: days with a purchase.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// As in [`crate::BgNbd`].
    pub r: f64,
    /// As in [`crate::BgNbd`].
    pub alpha: f64,
    /// As in [`crate::BgNbd`].
    pub a: f64,
    /// As in [`crate::BgNbd`].
    pub b: f64,
    /// Of the transactions.
    pub log_likelihood: f64,
    /// Limits that the fit ran into.
    pub limits: Vec<Limit>,
    /// The certificate, as in [`crate::Fitted::gradient`].
    pub gradient: f64,
    /// As in [`crate::GammaGamma`]; `None` where amounts could not be fitted.
    pub p: Option<f64>,
    /// As in [`crate::GammaGamma`].
    pub q: Option<f64>,
    /// As in [`crate::GammaGamma`].
    pub v: Option<f64>,
    /// Limits that the fit of the amounts ran into.
    pub spend_limits: Vec<SpendLimit>,
    /// Why there is no fit of the amounts.
    pub spend_missing: Option<String>,
    /// Mean absolute error of the transactions in the holdout.
    pub mae: f64,
    /// Root of the mean squared error of them.
    pub rmse: f64,
    /// The same if each guest went on at the rate of its repeat purchases until then.
    pub past_rate_mae: f64,
    /// As `past_rate_mae`, squared.
    pub past_rate_rmse: f64,
    /// Guests known at the end of the calibration.
    pub n: usize,
    /// Length of the holdout, in the unit that was asked for.
    pub holdout: f64,
    /// Transactions foreseen for all.
    pub predicted_total: f64,
    /// Transactions that followed.
    pub observed_total: f64,
    /// By repeat purchases in the calibration.
    pub groups: Vec<HoldoutGroup>,
}

/// Guests with the same number of repeat purchases in the calibration.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct HoldoutGroup {
    /// Repeat purchases.
    pub frequency: u32,
    /// Whether guests with more are among them.
    pub and_more: bool,
    /// Guests.
    pub guests: usize,
    /// Mean of the transactions that were foreseen.
    pub predicted: f64,
    /// Mean of those that followed.
    pub observed: f64,
}

/// Fits to the transactions up to and with the day `calibration_end`, foresees those after it up to the last day of all, and
/// compares.
///
/// # Errors
/// [`EvaluationError`] where an amount is bad, nothing follows, or the transactions cannot be fitted.
pub fn evaluate(
    transactions: &[Transaction],
    calibration_end: NaiveDate,
    unit: TimeUnit,
) -> Result<Evaluation, EvaluationError> {
    let guests = summarise(transactions, calibration_end, unit)?;
    let last = transactions.iter().map(|t| t.date).max().filter(|last| *last > calibration_end);
    let last = last.ok_or(EvaluationError::NoHoldout(calibration_end))?;
    let holdout = (last - calibration_end).num_days() as f64 / unit.days();
    let histories: Vec<History> = guests.iter().map(|guest| guest.history).collect();
    let fitted = fit(&histories)?;
    let spend = fit_spend(&histories);
    let mut followed: BTreeMap<&str, BTreeSet<NaiveDate>> = BTreeMap::new();
    for transaction in transactions.iter().filter(|t| t.date > calibration_end) {
        followed.entry(&transaction.guest).or_default().insert(transaction.date);
    }
    let mut model = Errors::default();
    let mut past = Errors::default();
    let mut groups: BTreeMap<u32, (usize, f64, f64)> = BTreeMap::new();
    for Guest { guest, history } in &guests {
        let x = history.frequency();
        let predicted = fitted.expected_transactions(history, holdout);
        let observed = followed.get(guest.as_str()).map_or(0.0, |days| days.len() as f64);
        model.add(predicted, observed);
        let rate = if x == 0 { 0.0 } else { f64::from(x) / history.age() };
        past.add(rate * holdout, observed);
        let group = groups.entry(x.min(TOGETHER)).or_default();
        *group = (group.0 + 1, group.1 + predicted, group.2 + observed);
    }
    let groups = groups.into_iter().map(|(frequency, (guests, predicted, observed))| HoldoutGroup {
        frequency,
        and_more: frequency == TOGETHER,
        guests,
        predicted: predicted / guests as f64,
        observed: observed / guests as f64,
    });
    let amounts = spend.as_ref().ok();
    Ok(Evaluation {
        r: fitted.r,
        alpha: fitted.alpha,
        a: fitted.a,
        b: fitted.b,
        log_likelihood: fitted.log_likelihood,
        limits: fitted.limits.clone(),
        gradient: fitted.gradient,
        p: amounts.map(|fitted| fitted.p),
        q: amounts.map(|fitted| fitted.q),
        v: amounts.map(|fitted| fitted.v),
        spend_limits: amounts.map(|fitted| fitted.limits.clone()).unwrap_or_default(),
        spend_missing: spend.as_ref().err().map(ToString::to_string),
        mae: model.mean_absolute(),
        rmse: model.root_mean_square(),
        past_rate_mae: past.mean_absolute(),
        past_rate_rmse: past.root_mean_square(),
        n: guests.len(),
        holdout,
        predicted_total: model.predicted,
        observed_total: model.observed,
        groups: groups.collect(),
    })
}

#[derive(Debug, Default)]
struct Errors {
    count: f64,
    absolute: f64,
    squared: f64,
    predicted: f64,
    observed: f64,
}

impl Errors {
    fn add(&mut self, predicted: f64, observed: f64) {
        let error = predicted - observed;
        self.count += 1.0;
        self.absolute += error.abs();
        self.squared += error * error;
        self.predicted += predicted;
        self.observed += observed;
    }

    fn mean_absolute(&self) -> f64 {
        self.absolute / self.count
    }

    fn root_mean_square(&self) -> f64 {
        (self.squared / self.count).sqrt()
    }
}

/// Why there is no evaluation.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum EvaluationError {
    /// A bad amount.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The transactions could not be fitted.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// No transaction after the calibration.
    #[error("no transaction is after {0}")]
    NoHoldout(NaiveDate),
}
