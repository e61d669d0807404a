//! What a forecast answers.

use chrono::NaiveDate;
use innkeeper_hotel::RoomTypeName;
use serde::Serialize;

use crate::request::Target;

/// Something a reader of the forecast must know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "note")]
pub enum Note {
    /// Less than twelve weeks are known: the forecast rests on what is booked and on recent pickup. From seven weeks on a
    /// regression on the booking curve joins them for the nearest days.
    ColdStart {
        /// Known days.
        known_days: usize,
    },
    /// Less than a year is known: nothing is compared with last year.
    NoYearBefore {
        /// Known days.
        known_days: usize,
    },
    /// Nights without any guest in an otherwise busy hotel were taken as holes in the data.
    MissingNights {
        /// How many.
        nights: usize,
    },
    /// The last known nights have no guest: taken as how things stand.
    EmptySince {
        /// How many.
        nights: usize,
    },
    /// Closed nights were not learnt from.
    ClosedNights {
        /// How many.
        nights: usize,
    },
    /// At these horizons no past forecast could be compared with what came: intervals there rest on shorter horizons.
    Unmeasured {
        /// First such horizon, in days.
        from_horizon: u16,
    },
    /// Some bookings have no rate and count as nothing, in the forecast as in what came.
    Unpriced {
        /// How many.
        bookings: usize,
    },
    /// Coverage was measured before the room types were made to agree with the hotel, and is left out where that moved an
    /// interval by more than a quarter of its width.
    MovedToHotel,
    /// No event of this kind lies in the past: its days are forecast as if there were none.
    UnknownEvent {
        /// The kind.
        kind: String,
    },
}

/// How often intervals of this level, made in back-test at like horizons, held what came.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Coverage {
    /// Share that held, 0 to 1.
    pub reached: f64,
    /// Forecasts that were compared.
    pub count: usize,
}

/// An interval of one level.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bounds {
    /// The probability asked for.
    pub level: f64,
    /// Lower bound, not below 0.
    pub lower: f64,
    /// Upper bound, not below the lower.
    pub upper: f64,
    /// What such intervals reached in back-test; `None` where too few could be compared, on closed days, and where agreement
    /// with the hotel moved the interval of a room type far.
    pub coverage: Option<Coverage>,
}

/// What moves a forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DriverName {
    /// What is booked for the day.
    OnTheBooks,
    /// What of it is expected to be cancelled.
    ExpectedCancellations,
    /// Bookings still to come, as recent days saw them at this horizon.
    RecentPickup,
    /// How bookings come in lately, and how full the days around are.
    Pace,
    /// The weekday.
    Weekday,
    /// The time of the year.
    Season,
    /// The same week last year.
    LastYear,
    /// How full the hotel already is.
    Capacity,
    /// An event of the calendar.
    Event,
    /// The hotel, or the room type, is closed.
    Closure,
    /// Bounds of what is possible, and agreement of room types with the hotel.
    Limits,
    /// The rest of what the models learnt.
    Other,
}

/// One part of a forecast; the parts add up to its value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Driver {
    /// What it is.
    pub name: DriverName,
    /// What it adds, in the unit of the forecast.
    pub effect: f64,
    /// The same in words.
    pub words: String,
}

/// The forecast of one day.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DayForecast {
    /// The day.
    pub date: NaiveDate,
    /// Days ahead, from 1.
    pub horizon: u16,
    /// The expected value: rooms, money or counts by target.
    pub value: f64,
    /// Intervals in the order in which levels were asked for; a higher level holds a lower one.
    pub bounds: Vec<Bounds>,
    /// For revenue: rooms expected to be occupied, which times `rate` is `value`.
    pub rooms: Option<f64>,
    /// For revenue: expected mean rate of the occupied rooms; `None` without rooms.
    pub rate: Option<f64>,
    /// What it is made of, adding up to `value`, greatest effect first.
    pub drivers: Vec<Driver>,
}

/// The error reached in back-test at a range of horizons.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct HorizonError {
    /// First horizon, in days.
    pub from: u16,
    /// Last horizon, in days.
    pub until: u16,
    /// Mean absolute error; `None` where too few could be compared.
    pub mae: Option<f64>,
    /// Forecasts compared.
    pub count: usize,
    /// Share of each member in the forecast.
    pub shares: Shares,
}

/// Shares of the members of a forecast; they add up to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Shares {
    /// Books expected to stay, and recent pickup.
    pub recent_pickup: f64,
    /// Books expected to stay, and last year's pickup.
    pub last_year_pickup: f64,
    /// Ridge regression on the booking curve.
    pub linear: f64,
    /// Gradient boosting on the booking curve.
    pub boosted: f64,
}

/// A forecast.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forecast {
    /// What is forecast.
    pub target: Target,
    /// Of which room type; `None` is the whole hotel.
    pub room_type: Option<RoomTypeName>,
    /// The last known day.
    pub as_of: NaiveDate,
    /// Rooms that there are; `None` where that is not known.
    pub capacity: Option<u32>,
    /// One a day ahead.
    pub days: Vec<DayForecast>,
    /// What was reached in back-test, by range of horizons.
    pub accuracy: Vec<HorizonError>,
    /// What to know.
    pub notes: Vec<Note>,
}
