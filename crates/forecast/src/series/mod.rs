//! Forecasts of one daily series, from its own past alone.
//!
//! In comes one value a day, some of them missing; out goes a value a day ahead with intervals. Where bookings exist the
//! forecasts on the books are far better; this serves series without bookings.
//!
//! Several members forecast from the same rolling origins. Each horizon weighs them by the squared errors they have made so
//! far, those of late counting most (Bates and Granger, *The combination of forecasts*, 1969). Intervals are quantiles of the
//! errors that the combination itself made at those origins, widened or narrowed until they hold, one origin after the other,
//! what they claim; the share they held is handed out with them.

mod history;
mod intervals;
mod members;
mod rolling;
mod smoothing;
mod yearly;

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{Days, NaiveDate};
use innkeeper_hotel::Event;
use serde::Serialize;

pub use crate::scores::Interval;
use history::History;
pub use rolling::MemberWeight;

/// Fewest observed days that are forecast from: three weeks.
pub const LEAST_DAYS: usize = 21;
/// Longest horizon, in days.
pub const MOST_DAYS: u16 = 365;
/// Days that are looked at, counted from the end: four years. Older ones say little of the next year.
const LONGEST_HISTORY: usize = 1_461;

/// A value a day from `first` on; `None` is a day of which nothing is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Day of the first value.
    pub first: NaiveDate,
    /// One value a day, in any unit.
    pub values: Vec<Option<f64>>,
}

/// What no value can be below or above.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// Lowest possible value.
    pub lower: Option<f64>,
    /// Highest possible value, such as the number of rooms.
    pub upper: Option<f64>,
}

impl Default for Bounds {
    /// Not below zero.
    fn default() -> Self {
        Self { lower: Some(0.0), upper: None }
    }
}

/// What is asked of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesRequest {
    /// Days ahead, 1 to [`MOST_DAYS`]; the first is the day after the last value.
    pub days: u16,
    /// Probabilities the intervals shall claim, each in (0, 1).
    pub levels: Vec<f64>,
    /// What the values can be.
    pub bounds: Bounds,
    /// Days that differ from their weekday and season: holidays, fairs. One that became known after the last value is not used.
    pub events: Vec<Event>,
}

impl Default for SeriesRequest {
    /// Four weeks at 80 %, not below zero.
    fn default() -> Self {
        Self { days: 28, levels: vec![0.8], bounds: Bounds::default(), events: Vec::new() }
    }
}

/// How often intervals held the value, in a back-test in which each knew only what came before it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Coverage {
    /// Probability that was claimed.
    pub level: f64,
    /// Share of the values that lay inside.
    pub share: f64,
    /// Values that were looked at.
    pub n: usize,
}

/// The forecast of a day.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeriesDay {
    /// The day.
    pub date: NaiveDate,
    /// Days ahead, from 1.
    pub horizon: u16,
    /// The value.
    pub value: f64,
    /// One for each level asked for, in that order; a wider level holds the narrower ones, and all hold `value`.
    pub intervals: Vec<Interval>,
    /// What such intervals reached in back-test about this horizon, in the same order. `None` where the history is too short to
    /// have tried thirty, and where every value is the same.
    pub coverage: Vec<Option<Coverage>>,
}

/// Something to know about a forecast.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "note")]
pub enum Note {
    /// So few days that only the weekday is known.
    ColdStart {
        /// Observed days.
        days: usize,
    },
    /// Days without a value.
    Missing {
        /// How many.
        days: usize,
        /// The most in a row.
        longest: usize,
    },
    /// Every value is the same, and so is every forecast.
    Constant {
        /// That value.
        value: f64,
    },
    /// Older days were not looked at.
    OlderLeftOut {
        /// How many.
        days: usize,
    },
    /// Too short a history to know the season of the year.
    NoYear {
        /// Days from the first value to the last.
        days: usize,
    },
    /// From this horizon on nothing could be tried in back-test: intervals go on growing, and their coverage is not known.
    NotTried {
        /// The first such horizon, in days.
        from: u16,
    },
    /// Days of this kind of event are too few to know what it does.
    EventUnknown {
        /// The kind.
        kind: String,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ColdStart { days } => {
                write!(f, "{days} days are few: the forecast is the weekday's mean, with wide intervals")
            }
            Self::Missing { days, longest } => {
                write!(f, "{days} days have no value, at most {longest} in a row")
            }
            Self::Constant { value } => write!(f, "every value is {value}, and so is the forecast"),
            Self::OlderLeftOut { days } => write!(f, "{days} days older than four years were not looked at"),
            Self::NoYear { days } => write!(f, "{days} days do not show the season of the year"),
            Self::NotTried { from } => {
                write!(f, "no back-test reaches {from} days ahead: the coverage there is not known")
            }
            Self::EventUnknown { kind } => {
                write!(f, "too few past days of kind {kind:?} to know what they do")
            }
        }
    }
}

/// The forecast of a series.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeriesForecast {
    /// One entry a day ahead.
    pub days: Vec<SeriesDay>,
    /// Over all horizons that were tried, one for each level asked for.
    pub coverage: Vec<Option<Coverage>>,
    /// Mean absolute error of the combination in back-test up to 7 and up to 28 days ahead, with the number of values.
    pub error: Vec<HorizonError>,
    /// What was combined.
    pub members: Vec<MemberWeight>,
    /// What to know about it.
    pub notes: Vec<Note>,
}

/// Mean absolute error of a back-test over a range of horizons.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct HorizonError {
    /// First horizon, in days.
    pub from: u16,
    /// Last horizon, in days.
    pub until: u16,
    /// Mean absolute error, in the unit of the series.
    pub mae: f64,
    /// Values.
    pub n: usize,
}

/// Why a series cannot be forecast.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SeriesError {
    /// Fewer observed days than [`LEAST_DAYS`].
    #[error("{have} observed days are fewer than the {need} that a forecast needs")]
    TooShort {
        /// Observed days.
        have: usize,
        /// Days needed.
        need: usize,
    },
    /// NaN or infinity among the values.
    #[error("the value of day {index} of the series is not a finite number")]
    NotFinite {
        /// Its place, from 0.
        index: usize,
    },
    /// A horizon outside 1 to [`MOST_DAYS`].
    #[error("a horizon of {0} days; it is 1 to {MOST_DAYS}")]
    Days(u16),
    /// A level that is not in (0, 1), or none.
    #[error("{0} is no level; a level is a probability between 0 and 1")]
    Level(f64),
    /// A bound that is not finite, or a lower one above the upper one.
    #[error("the bounds do not leave room for a value")]
    Bounds,
    /// The days end after the last one the calendar knows.
    #[error("the forecast ends after the last day of the calendar")]
    Calendar,
}

/// Forecasts a series.
///
/// # Errors
/// [`SeriesError`] when the series is too short, holds a value that is no number, or the request makes no sense.
pub fn forecast(series: &Series, request: &SeriesRequest) -> Result<SeriesForecast, SeriesError> {
    check(request)?;
    let mut notes = Vec::new();
    let (history, events) = History::new(series, request, &mut notes)?;
    let dates = dates(&history, request.days)?;
    if let Some(value) = history.constant() {
        let value = request.bounds.clamp(history.unscaled(value));
        notes.push(Note::Constant { value });
        return Ok(constant(value, &dates, request, notes));
    }
    let horizon = usize::from(request.days);
    let mut test = rolling::run(&history, horizon, &mut notes);
    test.add(&events);
    Ok(intervals::forecast(&test, &history, request, &dates, notes))
}

/// Forecasts many series on `threads` threads; the answers are those of [`forecast`], in the same order, whatever the number
/// of threads.
pub fn forecast_all(
    series: &[Series],
    request: &SeriesRequest,
    threads: NonZeroUsize,
) -> Vec<Result<SeriesForecast, SeriesError>> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((at, one)) =
            Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|i| Some((i, series.get(i)?)))
        {
            done.push((at, forecast(one, request)));
        }
        done
    };
    let mut done: Vec<_> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads.get().min(series.len())).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    });
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, answer)| answer).collect()
}

fn check(request: &SeriesRequest) -> Result<(), SeriesError> {
    if request.days == 0 || request.days > MOST_DAYS {
        return Err(SeriesError::Days(request.days));
    }
    if request.levels.is_empty() {
        return Err(SeriesError::Level(0.0));
    }
    if let Some(level) = request.levels.iter().find(|level| !(**level > 0.0 && **level < 1.0)) {
        return Err(SeriesError::Level(*level));
    }
    let finite = [request.bounds.lower, request.bounds.upper].into_iter().flatten().all(f64::is_finite);
    let crossed =
        matches!((request.bounds.lower, request.bounds.upper), (Some(low), Some(high)) if low > high);
    if finite && !crossed { Ok(()) } else { Err(SeriesError::Bounds) }
}

fn dates(history: &History, days: u16) -> Result<Vec<NaiveDate>, SeriesError> {
    let day = |ahead: u16| {
        let after = u64::try_from(history.len()).ok()?.checked_add(u64::from(ahead))?;
        history.first.checked_add_days(Days::new(after))
    };
    (0..days).map(day).collect::<Option<_>>().ok_or(SeriesError::Calendar)
}

/// The same value on every day; nothing was tried, so nothing is said of coverage and errors.
fn constant(value: f64, dates: &[NaiveDate], request: &SeriesRequest, notes: Vec<Note>) -> SeriesForecast {
    let coverage = vec![None; request.levels.len()];
    let day = |(date, horizon): (&NaiveDate, u16)| SeriesDay {
        date: *date,
        horizon,
        value,
        intervals: request
            .levels
            .iter()
            .map(|&level| Interval { level, lower: value, upper: value })
            .collect(),
        coverage: coverage.clone(),
    };
    SeriesForecast {
        days: dates.iter().zip(1..).map(day).collect(),
        error: Vec::new(),
        members: vec![MemberWeight { name: "constant", weights: [1.0; rolling::GROUPS.len()], mae: None }],
        coverage,
        notes,
    }
}

impl Bounds {
    /// `value`, moved to the nearest bound when it is outside.
    pub fn clamp(self, value: f64) -> f64 {
        let value = self.lower.map_or(value, |low| value.max(low));
        self.upper.map_or(value, |high| value.min(high))
    }
}

#[cfg(test)]
mod tests;
