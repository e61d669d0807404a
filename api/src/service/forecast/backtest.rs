//! Forecasts made again as if their future were not known, and compared with what came.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use chrono::NaiveDate;
use innkeeper_core::ErrorCode;
use innkeeper_forecast::plot::{BacktestPlot, HorizonPoint, LevelShare, Picture, PlotError};
use innkeeper_forecast::scores::{Outcome, Scores, by_horizon, over};
use innkeeper_forecast::{
    BacktestError, ForecastError, Rolling, Target as Count, backtest as compare, rolling_origins,
};
use innkeeper_identity::Principal;
use innkeeper_runtime::Ticket;
use serde::Serialize;
use utoipa::ToSchema;

use super::desk::ForecastDesk;
use super::engine::{refusal, rounded};
use super::known::Known;
use super::question::{MAX_DAYS, day_of, level_of, today};
use crate::problem::Problem;
use crate::service::recognise::ms;

/// Days ahead where nobody says how many, and origins.
const HORIZON: u16 = 28;
const COUNT: u16 = 6;
/// Counted origins lie so many days apart: a number that no week divides meets every weekday.
const STEP: u16 = 19;
/// Distances that are told together.
const BANDS: [[u16; 2]; 7] = [[1, 1], [2, 3], [4, 7], [8, 14], [15, 28], [29, 90], [91, 365]];
/// What a day ahead weighs in memory, in bytes.
const DAY_BYTES: usize = 300;

/// A question as a body puts it.
#[derive(Debug, Clone, Default)]
pub(crate) struct BacktestAsked {
    pub target: Option<String>,
    pub origins: Option<Vec<String>>,
    pub count: Option<u16>,
    pub horizon: Option<u16>,
    pub level: Option<f64>,
}

/// Scores of the intervals and values at some distances.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = BacktestScores)]
pub(crate) struct ScoresReport {
    /// From the first to the last day ahead.
    pub days_ahead: [u16; 2],
    /// Mean absolute error: rooms, money, or departures.
    pub mae: f64,
    /// The same as a multiple of the usual change from week to week; null where nothing changes.
    pub mase: Option<f64>,
    /// Symmetric mean absolute percentage error, 0 to 2.
    pub smape: f64,
    /// Share of days that the interval held.
    pub coverage: Option<f64>,
    /// Mean width of the interval.
    pub width: Option<f64>,
    /// Width and misses in one number (Gneiting and Raftery 2007); less is better.
    pub interval_score: Option<f64>,
    /// Mean pinball loss of its two bounds.
    pub pinball: Option<f64>,
    /// Days that were compared.
    pub compared: usize,
}

impl ScoresReport {
    fn new(days_ahead: [u16; 2], scores: &Scores) -> Self {
        let interval = scores.intervals.first();
        Self {
            days_ahead,
            mae: rounded(scores.mae, 3),
            mase: scores.mase.map(|mase| rounded(mase, 4)),
            smape: rounded(scores.smape, 4),
            coverage: interval.map(|interval| rounded(interval.coverage, 4)),
            width: interval.map(|interval| rounded(interval.width, 3)),
            interval_score: interval.map(|interval| rounded(interval.interval_score, 3)),
            pinball: interval.map(|interval| rounded(interval.pinball, 4)),
            compared: scores.n,
        }
    }
}

/// An origin that could not be used.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = BacktestLeftOut)]
pub(crate) struct LeftOut {
    pub origin: NaiveDate,
    pub reason: String,
}

/// How good forecasts were.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct BacktestAnswer {
    /// `occupancy`, `revenue` or `checkouts`.
    #[schema(example = "occupancy")]
    pub target: &'static str,
    /// Name and version of the method.
    pub model: String,
    /// The first night that was not known, of each forecast that was compared.
    pub origins: Vec<NaiveDate>,
    pub left_out: Vec<LeftOut>,
    /// The last day whose outcome is known.
    pub known_until: NaiveDate,
    pub horizon: u16,
    /// Share of outcomes that the intervals should hold.
    pub level: f64,
    /// By how far ahead.
    pub horizons: Vec<ScoresReport>,
    pub overall: ScoresReport,
    /// Milliseconds it took to compute.
    pub time_ms: f64,
}

/// What was found.
pub(crate) struct Backtest {
    pub answer: BacktestAnswer,
    /// Scores of each day ahead, for the picture.
    points: BTreeMap<u16, Scores>,
}

/// What is compared.
struct Plan {
    name: &'static str,
    target: Count,
    origins: Vec<NaiveDate>,
    horizon: u16,
    level: f64,
}

fn refused(detail: impl Into<String>) -> Problem {
    Problem::new(ErrorCode::BadRequest, detail)
}

impl ForecastDesk {
    /// Makes forecasts again, one origin after the other, where no other back-test runs.
    pub async fn backtest(&self, caller: &Principal, asked: BacktestAsked) -> Result<Arc<Backtest>, Problem> {
        let half = self.check(asked)?;
        let known = self.known(&caller.hotel).await?;
        let until = known.until()?.min(today(self.zone));
        let plan = half.plan(until);
        let key = format!("{} {} {:?} {} {}", known.mark, plan.name, plan.origins, plan.horizon, plan.level);
        if let Some(done) = self.tested.get(&key) {
            return Ok(done);
        }
        let kept = Arc::clone(&self.tested);
        let done = self
            .backtests
            .run(move |ticket| {
                if let Some(done) = kept.get(&key) {
                    return Ok(done);
                }
                let done = Arc::new(run(&known, &plan, until, ticket)?);
                kept.put(key, Arc::clone(&done), done.points.len() * DAY_BYTES + 4096);
                Ok(done)
            })
            .await?;
        if caller.hotel == self.default_hotel {
            measure(&done.answer);
        }
        Ok(done)
    }

    /// Checks what can be checked without the tables.
    fn check(&self, asked: BacktestAsked) -> Result<HalfPlan, Problem> {
        let (name, target) = match asked.target.as_deref().unwrap_or("occupancy") {
            "occupancy" => ("occupancy", Count::Occupancy),
            "revenue" => ("revenue", Count::Revenue),
            "checkouts" => ("checkouts", Count::CheckOuts),
            _ => return Err(refused("target is occupancy, revenue or checkouts")),
        };
        let horizon = asked.horizon.unwrap_or(HORIZON);
        if !(1..=MAX_DAYS).contains(&horizon) {
            return Err(refused(format!("horizon must be 1 to {MAX_DAYS}")));
        }
        let most = self.settings.max_origins;
        let wanted = match (asked.origins, asked.count) {
            (Some(_), Some(_)) => return Err(refused("send origins or count, not both")),
            (None, count) => {
                let count = count.unwrap_or(COUNT);
                if count == 0 || usize::from(count) > most {
                    return Err(refused(format!("count must be 1 to {most}")));
                }
                Wanted::Count(usize::from(count))
            }
            (Some(origins), None) => {
                if origins.is_empty() || origins.len() > most {
                    return Err(refused(format!("origins holds 1 to {most} days")));
                }
                let days: Result<Vec<NaiveDate>, Problem> =
                    origins.iter().map(|text| day_of("an origin", text, self.zone)).collect();
                let mut days = days?;
                let asked = days.len();
                days.sort_unstable();
                days.dedup();
                if days.len() < asked {
                    return Err(refused("an origin stands twice"));
                }
                Wanted::Days(days)
            }
        };
        Ok(HalfPlan { name, target, wanted, horizon, level: level_of(asked.level)? })
    }
}

impl ForecastDesk {
    /// The picture of a back-test: error and coverage by how far ahead.
    pub async fn svg(&self, done: Arc<Backtest>) -> Result<String, Problem> {
        draw(move || picture(&done).svg()).await
    }

    /// The same as a PNG file.
    pub async fn png(&self, done: Arc<Backtest>) -> Result<Vec<u8>, Problem> {
        draw(move || picture(&done).png()).await
    }
}

async fn draw<T: Send + 'static>(
    draw: impl FnOnce() -> Result<T, PlotError> + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(draw).await?.map_err(|e| Problem::internal(&e))
}

fn picture(done: &Backtest) -> BacktestPlot {
    let answer = &done.answer;
    let quantity = match answer.target {
        "revenue" => "room revenue",
        "checkouts" => "departures",
        _ => "rooms",
    };
    let points = done.points.iter().map(|(horizon, scores)| HorizonPoint {
        horizon: *horizon,
        error: scores.mae,
        baseline: None,
        coverage: scores
            .intervals
            .iter()
            .map(|interval| LevelShare { level: interval.level, share: interval.coverage })
            .collect(),
    });
    BacktestPlot {
        title: format!("Back-test of {} ({} origins, {})", answer.target, answer.origins.len(), answer.model),
        quantity: quantity.to_owned(),
        baseline: String::new(),
        points: points.collect(),
    }
}

enum Wanted {
    Days(Vec<NaiveDate>),
    Count(usize),
}

/// A plan of which the origins may still depend on what is known.
struct HalfPlan {
    name: &'static str,
    target: Count,
    wanted: Wanted,
    horizon: u16,
    level: f64,
}

impl HalfPlan {
    fn plan(self, until: NaiveDate) -> Plan {
        let origins = match self.wanted {
            Wanted::Days(days) => days,
            Wanted::Count(count) => rolling_origins(until, self.horizon, STEP, count),
        };
        Plan { name: self.name, target: self.target, origins, horizon: self.horizon, level: self.level }
    }
}

fn run(known: &Known, plan: &Plan, until: NaiveDate, ticket: &Ticket) -> Result<Backtest, Problem> {
    let started = Instant::now();
    let history = known.history();
    let mut outcomes: Vec<Outcome> = Vec::new();
    let (mut used, mut left_out) = (Vec::new(), Vec::new());
    let mut shortest = None;
    for &origin in &plan.origins {
        ticket.check()?;
        let rolling = Rolling {
            origins: vec![origin],
            days: plan.horizon,
            levels: vec![plan.level],
            known_until: until,
        };
        // An origin after the last known day has nothing to be compared with.
        let reports = if origin > until {
            Err(BacktestError::Forecast(ForecastError::NothingToCompare))
        } else {
            compare(&history, &[plan.target], &rolling, None)
        };
        match reports {
            Ok(reports) => {
                used.push(origin);
                for report in reports {
                    outcomes.extend_from_slice(report.outcomes());
                }
            }
            Err(BacktestError::Forecast(
                error @ (ForecastError::HistoryTooShort { .. }
                | ForecastError::NoRates
                | ForecastError::NothingToCompare),
            )) => {
                left_out.push(LeftOut { origin, reason: error.to_string() });
                shortest = Some(error);
            }
            Err(BacktestError::Forecast(error)) => return Err(refusal(&error)),
            Err(error @ BacktestError::Score(_)) => return Err(Problem::internal(&error)),
        }
    }
    if outcomes.is_empty() {
        return Err(refusal(&shortest.unwrap_or(ForecastError::NothingToCompare)));
    }
    let overall = over(&outcomes, 1..=plan.horizon).map_err(|e| Problem::internal(&e))?;
    let band = |[first, last]: [u16; 2]| {
        let last = last.min(plan.horizon);
        // A distance at which nothing is known yet has no scores.
        let scores = (first <= last).then(|| over(&outcomes, first..=last).ok())??;
        Some(ScoresReport::new([first, last], &scores))
    };
    Ok(Backtest {
        answer: BacktestAnswer {
            target: plan.name,
            model: super::model(),
            origins: used,
            left_out,
            known_until: until,
            horizon: plan.horizon,
            level: plan.level,
            horizons: BANDS.into_iter().filter_map(band).collect(),
            overall: ScoresReport::new([1, plan.horizon], &overall),
            time_ms: ms(started.elapsed()),
        },
        points: by_horizon(&outcomes).map_err(|e| Problem::internal(&e))?,
    })
}

/// Tells whoever watches how good the model is.
fn measure(answer: &BacktestAnswer) {
    for band in &answer.horizons {
        let ahead = format!("{}-{}", band.days_ahead[0], band.days_ahead[1]);
        metrics::gauge!(
            "ml_model_error", "model" => super::MODEL, "target" => answer.target, "days_ahead" => ahead.clone()
        )
        .set(band.mae);
        if let Some(coverage) = band.coverage {
            metrics::gauge!(
                "ml_model_coverage", "model" => super::MODEL, "target" => answer.target, "days_ahead" => ahead
            )
            .set(coverage);
        }
    }
}
