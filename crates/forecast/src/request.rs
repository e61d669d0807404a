//! What is asked of a forecast, and what it is made from.

use chrono::NaiveDate;
use innkeeper_frames::curves::{BookingCurves, Measure};
use innkeeper_hotel::{Closure, Event, RoomTypeName};
use serde::{Deserialize, Serialize};

/// Longest horizon, in days.
pub const MOST_DAYS: u16 = 365;
/// Known days below which no forecast is made.
pub const LEAST_DAYS: usize = 21;

/// Nights with guests below which no forecast is made.
pub(crate) const LEAST_NIGHTS: usize = 14;

/// What is forecast, for each day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Rooms occupied in the night that begins on the day.
    Occupancy,
    /// Room revenue of that night, in the currency of the rates.
    Revenue,
    /// Departures on the day.
    CheckOuts,
    /// Arrivals on the day.
    Arrivals,
    /// Rooms whose guests were there the night before and stay for the next.
    StayOvers,
}

impl Target {
    /// What is counted of the bookings.
    pub fn measure(self) -> Measure {
        match self {
            Self::Occupancy => Measure::Rooms,
            Self::Revenue => Measure::Revenue,
            Self::CheckOuts => Measure::Departures,
            Self::Arrivals => Measure::Arrivals,
            Self::StayOvers => Measure::StayOvers,
        }
    }
}

/// What a hotel knows. More than was known on the day of the request may be given: it is not looked at.
#[derive(Debug, Clone, Copy)]
pub struct History<'a> {
    /// The bookings.
    pub bookings: &'a BookingCurves,
    /// Rooms of each type; empty where they are not known, and then nothing but the most that ever was limits a forecast.
    pub capacity: &'a [(RoomTypeName, u32)],
    /// Days on which demand moves.
    pub events: &'a [Event],
    /// Nights that are not sold.
    pub closures: &'a [Closure],
}

impl<'a> History<'a> {
    /// Bookings of a hotel of which nothing else is known.
    pub fn of(bookings: &'a BookingCurves) -> Self {
        Self { bookings, capacity: &[], events: &[], closures: &[] }
    }

    /// Rooms of the hotel, or of one type; `None` where they are not known.
    pub fn rooms(&self, room_type: Option<&RoomTypeName>) -> Option<u32> {
        match room_type {
            Some(wanted) => self.capacity.iter().find(|(name, _)| name == wanted).map(|(_, rooms)| *rooms),
            None if self.capacity.is_empty() => None,
            None => Some(self.capacity.iter().fold(0, |sum, (_, rooms)| sum.saturating_add(*rooms))),
        }
    }
}

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The last known day; the first forecast is for the day after.
    pub as_of: NaiveDate,
    /// Days ahead, 1 to [`MOST_DAYS`].
    pub days: u16,
    /// What is forecast.
    pub target: Target,
    /// One room type; `None` is the whole hotel.
    pub room_type: Option<RoomTypeName>,
    /// Probabilities that the intervals shall hold, each from 0.5 to 0.99; the first is the one the answer leads with.
    pub levels: Vec<f64>,
}

impl Request {
    /// The whole hotel, with intervals of 80 %.
    pub fn new(as_of: NaiveDate, days: u16, target: Target) -> Self {
        Self { as_of, days, target, room_type: None, levels: vec![0.8] }
    }

    /// Checks days and levels.
    pub(crate) fn check(&self) -> Result<(), ForecastError> {
        if self.days == 0 || self.days > MOST_DAYS {
            return Err(ForecastError::Days(self.days));
        }
        match self.levels.iter().find(|level| !(0.5..=0.99).contains(*level)) {
            Some(level) => Err(ForecastError::Level(*level)),
            None if self.levels.is_empty() => Err(ForecastError::NoLevel),
            None => Ok(()),
        }
    }
}

impl ForecastError {
    /// No known night is open.
    pub(crate) fn never_open() -> Self {
        Self::HistoryTooShort {
            have_days: 0,
            need_days: LEAST_DAYS,
            missing: "nights on which the hotel was open".to_owned(),
        }
    }
}

/// Why there is no forecast.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ForecastError {
    /// Too few known days.
    #[error("{have_days} known days are fewer than the {need_days} that a forecast needs: {missing}")]
    HistoryTooShort {
        /// Days known, from the first arrival of a booking that was kept to the last known day; or open nights with guests,
        /// where these are too few.
        have_days: usize,
        /// Days needed: [`LEAST_DAYS`], or 14 nights with guests.
        need_days: usize,
        /// What would mend it.
        missing: String,
    },
    /// Revenue of bookings none of which has a rate.
    #[error("no booking has a rate: revenue needs the rate of each booking")]
    NoRates,
    /// Days outside 1 to [`MOST_DAYS`].
    #[error("{0} days ahead are not 1 to {MOST_DAYS}")]
    Days(u16),
    /// A level outside 0.5 to 0.99, or not a number.
    #[error("an interval level of {0} is not 0.5 to 0.99")]
    Level(f64),
    /// No level was asked for.
    #[error("no interval level was asked for")]
    NoLevel,
    /// A room type that has neither rooms nor bookings.
    #[error("no room and no booking of type {0}")]
    UnknownRoomType(RoomTypeName),
    /// A day that the calendar does not hold.
    #[error("{0} is too close to an end of the calendar")]
    Calendar(NaiveDate),
    /// No origin of a back-test had a day to compare with.
    #[error("no origin has a day after it that is known")]
    NothingToCompare,
}
