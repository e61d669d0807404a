//! Rolling origins: forecasts made as if on past days, compared with what came.

use chrono::NaiveDate;
use serde::Serialize;

use crate::forecast::forecast_targets;
use crate::prepare::Prepared;
use crate::request::{ForecastError, History, Request, Target};
use crate::scores::{Interval, Outcome, ScoreError, Scores, WEEK, by_horizon, over, scale};

/// Where a back-test looks.
#[derive(Debug, Clone, PartialEq)]
pub struct Rolling {
    /// First unknown days, one forecast each.
    pub origins: Vec<NaiveDate>,
    /// Days ahead of each, 1 to 365.
    pub days: u16,
    /// Levels of the intervals.
    pub levels: Vec<f64>,
    /// The last day on which what came is known; later days are not compared.
    pub known_until: NaiveDate,
}

/// Origins `step` days apart, the last `days` before the day after `known_until`, so that every horizon has a truth; oldest
/// first.
pub fn rolling_origins(known_until: NaiveDate, days: u16, step: u16, count: usize) -> Vec<NaiveDate> {
    let mut origins: Vec<NaiveDate> = (0..count as u64)
        .filter_map(|place| {
            let back = u64::from(days).saturating_sub(1) + place * u64::from(step.max(1));
            known_until.checked_sub_days(chrono::Days::new(back))
        })
        .collect();
    origins.reverse();
    origins
}

/// One compared day.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    /// First unknown day of its forecast.
    pub origin: NaiveDate,
    /// The day.
    pub date: NaiveDate,
    /// Days ahead.
    pub horizon: u16,
    /// What came.
    pub actual: f64,
    /// What was forecast.
    pub predicted: f64,
    /// The intervals.
    pub intervals: Vec<Interval>,
}

/// The back-test of one target.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BacktestReport {
    /// What was forecast.
    pub target: Target,
    /// Scores of all horizons.
    pub all: Scores,
    /// Scores of the first week.
    pub first_week: Option<Scores>,
    /// Scores of each horizon.
    pub by_horizon: std::collections::BTreeMap<u16, Scores>,
    /// Every compared day.
    pub compared: Vec<Compared>,
    /// Origins left out, each with why.
    pub left_out: Vec<(NaiveDate, String)>,
    /// Seconds spent on forecasts, where a clock was given.
    pub seconds: Option<f64>,
    #[serde(skip)]
    outcomes: Vec<Outcome>,
}

impl BacktestReport {
    /// What was compared, for further scores.
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }
}

/// Why there is no back-test.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BacktestError {
    /// No forecast can be made or compared.
    #[error(transparent)]
    Forecast(#[from] ForecastError),
    /// Nothing could be scored.
    #[error(transparent)]
    Score(#[from] ScoreError),
}

/// Forecasts each target from every origin with nothing known later, and compares; each forecast reads the bookings anew, so
/// that its time is its own. The truth is what `history` holds in all.
/// `clock` gives seconds since any moment, for the time spent; this crate has none of its own.
///
/// # Errors
/// A request out of range, or when no origin could be compared; an origin with too short a history, or for revenue without
/// any rate, is left out and named.
pub fn backtest(
    history: &History<'_>,
    targets: &[Target],
    rolling: &Rolling,
    clock: Option<&dyn Fn() -> f64>,
) -> Result<Vec<BacktestReport>, BacktestError> {
    let mut outcomes: Vec<Vec<Outcome>> = vec![Vec::new(); targets.len()];
    let mut compared: Vec<Vec<Compared>> = vec![Vec::new(); targets.len()];
    let mut seconds = vec![0.0; targets.len()];
    let mut left_out = Vec::new();
    let mut refused = None;
    for &origin in &rolling.origins {
        let as_of = origin.pred_opt().ok_or(ForecastError::Calendar(origin))?;
        for (place, &target) in targets.iter().enumerate() {
            let request =
                Request { levels: rolling.levels.clone(), ..Request::new(as_of, rolling.days, target) };
            let before = clock.map(|clock| clock());
            let made = forecast_targets(history, &request, &[target]);
            if let (Some(clock), Some(before), Some(seconds)) = (clock, before, seconds.get_mut(place)) {
                *seconds += clock() - before;
            }
            let made = match made {
                Ok(mut made) => made.pop().ok_or(ForecastError::NothingToCompare)?,
                Err(error @ (ForecastError::HistoryTooShort { .. } | ForecastError::NoRates)) => {
                    // A short history is short for every target.
                    if place == 0 || error == ForecastError::NoRates {
                        left_out.push((origin, error.to_string()));
                    }
                    if error == ForecastError::NoRates {
                        refused = Some(error);
                    }
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let actual = history.bookings.totals(target.measure(), None, origin, usize::from(rolling.days));
            let usual = usual_change(history, as_of, target)?;
            for (day, actual) in made.days.into_iter().zip(actual) {
                if day.date > rolling.known_until {
                    continue;
                }
                let intervals: Vec<Interval> = day
                    .bounds
                    .iter()
                    .map(|bounds| Interval { level: bounds.level, lower: bounds.lower, upper: bounds.upper })
                    .collect();
                if let (Some(outcomes), Some(compared)) = (outcomes.get_mut(place), compared.get_mut(place)) {
                    outcomes.push(Outcome {
                        horizon: day.horizon,
                        actual,
                        predicted: day.value,
                        scale: usual,
                        intervals: intervals.clone(),
                    });
                    compared.push(Compared {
                        origin,
                        date: day.date,
                        horizon: day.horizon,
                        actual,
                        predicted: day.value,
                        intervals,
                    });
                }
            }
        }
    }
    if outcomes.iter().any(Vec::is_empty) {
        return Err(refused.unwrap_or(ForecastError::NothingToCompare).into());
    }
    targets
        .iter()
        .zip(outcomes)
        .zip(compared)
        .zip(seconds)
        .map(|(((&target, outcomes), compared), seconds)| {
            Ok(BacktestReport {
                target,
                all: over(&outcomes, 1..=rolling.days)?,
                first_week: over(&outcomes, 1..=7).ok(),
                by_horizon: by_horizon(&outcomes)?,
                compared,
                left_out: left_out.clone(),
                seconds: clock.map(|_| seconds),
                outcomes,
            })
        })
        .collect()
}

/// The mean change from week to week inside the history, by which MASE divides.
fn usual_change(
    history: &History<'_>,
    as_of: NaiveDate,
    target: Target,
) -> Result<Option<f64>, BacktestError> {
    let prepared = Prepared::new(history, as_of)?;
    let past = prepared.bookings.totals(target.measure(), None, prepared.first, prepared.known);
    Ok(scale(&past, WEEK)?)
}
