//! The answers about what will be: built here, documented by the same types.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Something that moves a forecast.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ForecastDriver)]
pub(crate) struct DriverReport {
    /// What: `on_the_books`, `expected_cancellations`, `recent_pickup`, pace, weekday, season, `last_year`, capacity, event,
    /// closure, limits, other; of housekeeping departures, `stay_overs`, arrivals.
    #[schema(example = "on_the_books")]
    pub name: String,
    /// How much of the prediction it is; the effects add up to the prediction. Of occupancy in rooms, else in the unit of the
    /// prediction.
    pub effect: f64,
    /// The same in words.
    #[schema(example = "61 rooms are booked")]
    pub words: String,
}

/// How many rooms of one night are taken.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct OccupancyDay {
    /// The night that begins on this day.
    #[schema(example = "2025-02-01")]
    pub date: NaiveDate,
    /// Share of the rooms that are taken, 0 to 1.
    #[schema(example = 0.78)]
    pub predicted_occupancy: f64,
    #[schema(example = 0.70)]
    pub lower_bound: f64,
    #[schema(example = 0.85)]
    pub upper_bound: f64,
    /// Share of nights at this distance that the interval held in back-test, 0 to 1; null where there was none.
    #[schema(example = 0.81)]
    pub confidence: Option<f64>,
    /// Why `confidence` is null.
    pub confidence_reason: Option<&'static str>,
    /// The same in rooms.
    pub predicted_rooms: f64,
    pub lower_rooms: f64,
    pub upper_rooms: f64,
    /// Rooms of the hotel, or of this kind.
    pub rooms: u32,
    /// Rooms that are booked so far.
    pub on_the_books: f64,
    /// Whether the hotel, or this kind of room, is closed.
    pub closed: bool,
    /// What moves the number, strongest first.
    pub drivers: Vec<DriverReport>,
}

/// What the rooms of one night bring in.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct RevenueDay {
    /// The night that begins on this day.
    #[schema(example = "2025-02-01")]
    pub date: NaiveDate,
    /// Room revenue in `currency`.
    pub predicted_revenue: f64,
    pub lower_bound: f64,
    pub upper_bound: f64,
    /// Share of nights at this distance that the interval held in back-test, 0 to 1; null where there was none.
    pub confidence: Option<f64>,
    /// Why `confidence` is null.
    pub confidence_reason: Option<&'static str>,
    /// Revenue that is booked so far.
    pub on_the_books: f64,
    /// Rooms taken, as the forecast of occupancy has them; null where the method does not go through rooms.
    pub predicted_rooms: Option<f64>,
    /// Revenue a room taken; null where no room is.
    pub predicted_rate: Option<f64>,
    /// Whether the hotel, or this kind of room, is closed.
    pub closed: bool,
    /// What moves the number, strongest first.
    pub drivers: Vec<DriverReport>,
}

/// One shift of a day.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ShiftReport {
    #[schema(example = "early")]
    pub name: String,
    /// Minutes of work in it.
    pub predicted_minutes: f64,
    /// People it takes.
    pub predicted_staff: u32,
    /// People it takes if the work becomes as much as `upper_bound`.
    pub upper_staff: u32,
    /// Minutes that one person cleans in it.
    pub minutes_each: f64,
}

/// The work of one day.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct HousekeepingDay {
    #[schema(example = "2025-02-01")]
    pub date: NaiveDate,
    /// Minutes of cleaning.
    pub predicted_minutes: f64,
    pub lower_bound: f64,
    pub upper_bound: f64,
    /// People it takes.
    pub predicted_staff: u32,
    /// Null: minutes have no back-test, only the guests behind them (see `accuracy`).
    pub confidence: Option<f64>,
    /// Why `confidence` is null.
    pub confidence_reason: Option<&'static str>,
    pub shifts: Vec<ShiftReport>,
    /// Rooms whose guests come, leave, and stay for another night.
    pub arrivals: f64,
    pub departures: f64,
    pub stay_overs: f64,
    /// Departures that are booked so far.
    pub on_the_books: f64,
    /// Whether the hotel is closed.
    pub closed: bool,
    /// What moves the number, strongest first.
    pub drivers: Vec<DriverReport>,
}

/// One entry a day, beginning after `as_of`.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Days {
    Occupancy(Vec<OccupancyDay>),
    Revenue(Vec<RevenueDay>),
    Housekeeping(Vec<HousekeepingDay>),
}

impl Days {
    /// First and last day.
    pub fn ends(&self) -> Option<(NaiveDate, NaiveDate)> {
        let ends = |dates: &mut dyn DoubleEndedIterator<Item = NaiveDate>| {
            let first = dates.next()?;
            Some((first, dates.next_back().unwrap_or(first)))
        };
        match self {
            Self::Occupancy(days) => ends(&mut days.iter().map(|day| day.date)),
            Self::Revenue(days) => ends(&mut days.iter().map(|day| day.date)),
            Self::Housekeeping(days) => ends(&mut days.iter().map(|day| day.date)),
        }
    }

    /// The mean coverage, over the days that have one.
    pub fn mean_confidence(&self) -> Option<f64> {
        let known: Vec<f64> = match self {
            Self::Occupancy(days) => days.iter().filter_map(|day| day.confidence).collect(),
            Self::Revenue(days) => days.iter().filter_map(|day| day.confidence).collect(),
            Self::Housekeeping(days) => days.iter().filter_map(|day| day.confidence).collect(),
        };
        (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
    }
}

/// A method that has a part in the forecast.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ForecastMember)]
pub(crate) struct MemberReport {
    #[schema(example = "pickup")]
    pub name: String,
    /// Its share, 0 to 1, by its recent errors; all shares add up to 1.
    pub weight: f64,
}

/// How the forecast was made.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ForecastMethod)]
pub(crate) struct MethodReport {
    /// In one sentence.
    pub name: String,
    pub members: Vec<MemberReport>,
}

/// How good the same method was on days that are known by now, at some distances.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ForecastAccuracy)]
pub(crate) struct AccuracyReport {
    /// What it speaks of, where the prediction is made of several forecasts: `departures`, …
    pub of: Option<&'static str>,
    /// From the first to the last day ahead.
    pub days_ahead: [u16; 2],
    /// Mean absolute error, in the unit of the prediction; of occupancy and of guests in rooms.
    pub mae: Option<f64>,
    /// Share of days that the interval held.
    pub coverage: Option<f64>,
    /// Forecasts that were compared.
    pub compared: usize,
    /// Why a field is null.
    pub reason: Option<&'static str>,
    /// What the methods had to say at this distance.
    pub members: Vec<MemberReport>,
}

/// What of an answer is the same however often it is asked.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Made {
    /// The last day of which everything is taken as known.
    #[schema(example = "2025-01-31")]
    pub as_of: NaiveDate,
    /// `all`, or the kind of room.
    #[schema(example = "all")]
    pub room_type: String,
    /// Currency of the amounts (ISO 4217); null where there are none, or the bookings name none.
    #[schema(example = "EUR")]
    pub currency: Option<String>,
    /// Share of outcomes that the intervals should hold.
    #[schema(example = 0.8)]
    pub level: f64,
    /// Name and version of the method.
    #[schema(example = "forecast@0.1.0")]
    pub model: String,
    pub method: MethodReport,
    pub accuracy: Vec<AccuracyReport>,
    /// What whoever reads the numbers should know: how short the history is, which days are missing, what was guessed.
    pub notes: Vec<String>,
    pub forecasts: Days,
}

/// What will be.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ForecastAnswer {
    /// Id of this answer: reads it back, and names it in the log.
    pub answer_id: Uuid,
    /// The same id.
    pub forecast_id: Uuid,
    /// The event `forecast.made`.
    pub event_id: Uuid,
    #[serde(flatten)]
    pub made: Made,
    /// Milliseconds it took, waiting included.
    pub time_ms: f64,
}

/// An answer that was given before.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct KeptForecast {
    pub answer_id: Uuid,
    /// `occupancy`, `revenue` or `housekeeping_demand`.
    #[schema(example = "occupancy")]
    pub target: String,
    /// Name and version of what answered.
    pub model: String,
    pub created_at: DateTime<Utc>,
    pub as_of: Option<NaiveDate>,
    /// What was asked, with what was left out filled in.
    #[schema(value_type = Object)]
    pub request: serde_json::Value,
    /// The answer as it was given.
    #[schema(value_type = Object)]
    pub answer: serde_json::Value,
}
