//! What is asked, and what is fixed about the answer.

use chrono::NaiveDate;
use innkeeper_hotel::RoomTypeName;

use crate::history::DemandError;
use crate::network::NetworkError;
use crate::rules::CellError;

/// Most nights of one schedule.
pub const MOST_NIGHTS: i64 = 366;

/// Which prices.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// First night.
    pub from: NaiveDate,
    /// Last night, itself included.
    pub until: NaiveDate,
    /// Room types; empty: all.
    pub room_types: Vec<RoomTypeName>,
    /// Probability that intervals of revenue shall hold, 0.5 to 0.99.
    pub level: f64,
}

/// What a hotel decides for itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What a sold night costs: cleaning, breakfast, commission. In the currency, 0 or more.
    pub night_cost: f64,
    /// What a guest without a room costs, as a multiple of the usual price; above 0.
    pub walk_cost: f64,
    /// Room types from low to high: a guest of one may be given a room of a later one. Types that are left out follow in the
    /// order of their usual prices.
    pub order: Vec<RoomTypeName>,
    /// No price moves further from the one on sale than this share; 0 to 1.
    pub largest_change: f64,
    /// The same where the history does not tell what a price does; 0 to 1.
    pub unproven_change: f64,
    /// How many standard deviations of what is not known of the guests' answer a price has to be worth more than the one on
    /// sale before it is moved there; 0 believes every estimate, 0 to 5.
    pub caution: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            night_cost: 0.0,
            walk_cost: 2.0,
            order: Vec::new(),
            largest_change: 0.3,
            unproven_change: 0.15,
            caution: 1.0,
        }
    }
}

/// Why there is no schedule.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ScheduleError {
    /// Nothing can be learnt from.
    #[error(transparent)]
    Demand(#[from] DemandError),
    /// The last night is before the first.
    #[error("the range ends on {until}, before it begins on {from}")]
    Backwards {
        /// First night.
        from: NaiveDate,
        /// Last night.
        until: NaiveDate,
    },
    /// More nights than [`MOST_NIGHTS`].
    #[error("{0} nights are more than {MOST_NIGHTS}")]
    TooManyNights(i64),
    /// Nights that are over.
    #[error("{from} is not after {as_of}, the last day that is known")]
    Past {
        /// First night.
        from: NaiveDate,
        /// The last known day.
        as_of: NaiveDate,
    },
    /// Nights beyond what is learnt of lead times.
    #[error("{until} is further ahead than what can be said from {as_of}: the last night is {last}")]
    TooFar {
        /// Last night.
        until: NaiveDate,
        /// The last known day.
        as_of: NaiveDate,
        /// The last night that can be asked for.
        last: NaiveDate,
    },
    /// A room type that the hotel has not.
    #[error("no room and no booking of type {0}")]
    UnknownRoomType(RoomTypeName),
    /// A room type that is asked for twice.
    #[error("{0} is asked for twice")]
    Twice(RoomTypeName),
    /// No rooms are known.
    #[error("no rooms are known, so that nobody can say how many are left")]
    NoRooms,
    /// A level that is none.
    #[error("a level of {0} is not 0.5 to 0.99")]
    Level(f64),
    /// A setting outside of its range.
    #[error("{what} of {given} is not {wanted}")]
    Setting {
        /// Which one.
        what: &'static str,
        /// What it is.
        given: f64,
        /// Its range.
        wanted: &'static str,
    },
    /// No price is known of any room type that is asked for, neither on sale nor of a booking; the first of them.
    #[error("no price of {0} is known: nothing to go out from")]
    NoPrices(RoomTypeName),
    /// A cell that the rules cannot read.
    #[error(transparent)]
    Cell(#[from] CellError),
    /// The optimiser refused its input.
    #[error(transparent)]
    Network(#[from] NetworkError),
}
