//! The protocol of `innkeeper evaluate forecast`: rolling origins for each hotel of a file, then the mean over hotels.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use innkeeper_frames::curves::BookingCurves;
use serde::Serialize;

use crate::backtest::{BacktestReport, Rolling, backtest};
use crate::request::{History, Target};
use crate::scores::{Scores, over};

/// The targets of the protocol, with their keys.
pub const TARGETS: [(&str, Target); 3] =
    [("occupancy", Target::Occupancy), ("revenue", Target::Revenue), ("checkouts", Target::CheckOuts)];

/// The figures of one target; `None` with a line in `reasons` where they could not be computed.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TargetFigures {
    /// Mean absolute error of the first seven days.
    pub mae_7: Option<f64>,
    /// Mean absolute error of all days.
    pub mae_28: Option<f64>,
    /// The latter over the change from week to week inside the history.
    pub mase_28: Option<f64>,
    /// Symmetric mean absolute percentage error, 0 to 2.
    pub smape_28: Option<f64>,
    /// Share of days inside the interval of 80 %.
    pub coverage_80: Option<f64>,
    /// Share of days inside the interval of 95 %.
    pub coverage_95: Option<f64>,
    /// Mean interval score of the interval of 80 %.
    pub interval_score_80: Option<f64>,
    /// Mean width of the interval of 80 %.
    pub width_80: Option<f64>,
    /// Mean pinball loss of the bounds of 80 %.
    pub pinball_80: Option<f64>,
    /// Seconds spent on all forecasts.
    pub seconds: Option<f64>,
}

/// What `innkeeper evaluate forecast` prints. The keys ending in `_28` are of the horizon asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EvaluationReport {
    /// Days ahead.
    pub horizon: u16,
    /// First unknown days.
    pub origins: Vec<NaiveDate>,
    /// Mean over hotels.
    pub targets: BTreeMap<&'static str, TargetFigures>,
    /// The same for each hotel.
    pub hotels: BTreeMap<String, BTreeMap<&'static str, TargetFigures>>,
    /// Why a figure is missing.
    pub reasons: Vec<String>,
}

/// Evaluates hotels by name. A day is compared up to `known_until`, by default the last day of arrival in the file: nights
/// after it are not full yet.
pub fn evaluate(
    hotels: &BTreeMap<String, BookingCurves>,
    origins: &[NaiveDate],
    horizon: u16,
    known_until: Option<NaiveDate>,
    clock: Option<&dyn Fn() -> f64>,
) -> EvaluationReport {
    let mut report = EvaluationReport {
        horizon,
        origins: origins.to_vec(),
        targets: BTreeMap::new(),
        hotels: BTreeMap::new(),
        reasons: Vec::new(),
    };
    for (name, bookings) in hotels {
        let last = bookings.records().iter().map(|record| record.arrival).max();
        let Some(until) = known_until.or(last.and_then(NaiveDate::from_num_days_from_ce_opt)) else {
            report.reasons.push(format!("{name}: no bookings"));
            continue;
        };
        let rolling =
            Rolling { origins: origins.to_vec(), days: horizon, levels: vec![0.8, 0.95], known_until: until };
        let priced = bookings.records().iter().any(|booking| booking.rate.is_some());
        if !priced {
            report.reasons.push(format!("{name}: no booking has a rate, so there is no revenue"));
        }
        let asked: Vec<(&'static str, Target)> =
            TARGETS.into_iter().filter(|(_, target)| priced || *target != Target::Revenue).collect();
        let targets: Vec<Target> = asked.iter().map(|(_, target)| *target).collect();
        match backtest(&History::of(bookings), &targets, &rolling, clock) {
            Ok(made) => {
                if let Some(first) = made.first() {
                    let left_out = first.left_out.iter();
                    report.reasons.extend(left_out.map(|(origin, why)| format!("{name}, {origin}: {why}")));
                }
                let figures =
                    asked.iter().zip(&made).map(|((key, _), made)| (*key, figures(made, horizon))).collect();
                report.hotels.insert(name.clone(), figures);
            }
            Err(error) => report.reasons.push(format!("{name}: {error}")),
        }
    }
    for (key, _) in TARGETS {
        let of: Vec<&TargetFigures> = report.hotels.values().filter_map(|targets| targets.get(key)).collect();
        report.targets.insert(key, mean(&of));
    }
    report
}

fn figures(made: &BacktestReport, horizon: u16) -> TargetFigures {
    let all: Option<Scores> = over(made.outcomes(), 1..=horizon).ok();
    let level = |wanted: f64| {
        all.as_ref().and_then(|all| all.intervals.iter().find(|at| (at.level - wanted).abs() < 1e-9))
    };
    TargetFigures {
        mae_7: over(made.outcomes(), 1..=horizon.min(7)).ok().map(|scores| scores.mae),
        mae_28: all.as_ref().map(|scores| scores.mae),
        mase_28: all.as_ref().and_then(|scores| scores.mase),
        smape_28: all.as_ref().map(|scores| scores.smape),
        coverage_80: level(0.8).map(|at| at.coverage),
        coverage_95: level(0.95).map(|at| at.coverage),
        interval_score_80: level(0.8).map(|at| at.interval_score),
        width_80: level(0.8).map(|at| at.width),
        pinball_80: level(0.8).map(|at| at.pinball),
        seconds: made.seconds,
    }
}

fn mean(of: &[&TargetFigures]) -> TargetFigures {
    let mean = |value: fn(&TargetFigures) -> Option<f64>| {
        let values: Vec<f64> = of.iter().filter_map(|figures| value(figures)).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    let seconds: Vec<f64> = of.iter().filter_map(|figures| figures.seconds).collect();
    TargetFigures {
        mae_7: mean(|figures| figures.mae_7),
        mae_28: mean(|figures| figures.mae_28),
        mase_28: mean(|figures| figures.mase_28),
        smape_28: mean(|figures| figures.smape_28),
        coverage_80: mean(|figures| figures.coverage_80),
        coverage_95: mean(|figures| figures.coverage_95),
        interval_score_80: mean(|figures| figures.interval_score_80),
        width_80: mean(|figures| figures.width_80),
        pinball_80: mean(|figures| figures.pinball_80),
        seconds: (!seconds.is_empty()).then(|| seconds.iter().sum()),
    }
}
