//! What the model learns from, and what it says about it.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use innkeeper_hotel::{Booking, Closure, CompetitorPrice, Currency, Event, Rate, RoomTypeName};
use serde::Serialize;

/// Most room types of a hotel.
pub const MAX_ROOM_TYPES: usize = 64;

/// What is known of a hotel. Rows that became known after `as_of` may be there; they are not used.
#[derive(Debug, Clone, Copy)]
pub struct History<'a> {
    /// The last known day; it is known whole.
    pub as_of: NaiveDate,
    /// Currency of prices; amounts in another one are left out.
    pub currency: Currency,
    /// Rooms by type. A type that has bookings but is not named here is never taken as full.
    pub rooms: &'a BTreeMap<RoomTypeName, u32>,
    /// Bookings in any order, those that were cancelled included.
    pub bookings: &'a [Booking],
    /// Prices on sale in any order; empty where none were recorded.
    pub rates: &'a [Rate],
    /// Competitors' prices in any order; empty without a feed.
    pub competitors: &'a [CompetitorPrice],
    /// Events of the calendar, past and to come.
    pub events: &'a [Event],
    /// Nights that are not sold.
    pub closures: &'a [Closure],
    /// Nights and room types whose price was drawn by chance, where the hotel made price tests.
    pub tests: &'a [(NaiveDate, RoomTypeName)],
}

/// Why there is no model of demand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DemandError {
    /// No booking of a night can be used.
    #[error("no booking made by {0} can be learnt from")]
    NoBookings(NaiveDate),
    /// More room types than [`MAX_ROOM_TYPES`].
    #[error("{0} room types are more than {MAX_ROOM_TYPES}")]
    TooManyRoomTypes(usize),
    /// A last known day outside of the years 1 to 9990.
    #[error("{0} is outside of the years 1 to 9990")]
    OutsideCalendar(NaiveDate),
    /// The equations of the fit have no solution in numbers that can be held.
    #[error("the model could not be fitted to these bookings")]
    NotFitted,
}

/// Something that a reader of the model must know.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "note")]
pub enum Note {
    /// No prices on sale are known for this room type: the median rate of its bookings for the week of arrival and like
    /// lead times stands for them.
    PricesFromBookings {
        /// The type.
        room_type: RoomTypeName,
    },
    /// Nothing is known of the prices of this room type; its reference price is that of the hotel, or 1.
    NoPrices {
        /// The type.
        room_type: RoomTypeName,
    },
    /// Days on sale without a known price were not learnt from.
    UnpricedDays {
        /// Share of the days on sale, 0 to 1.
        share: f64,
    },
    /// Prices that are not above 0, or in another currency, were left out.
    OddPrices {
        /// How many.
        rows: usize,
    },
    /// Bookings whose parts do not agree were left out.
    OddBookings {
        /// How many.
        bookings: usize,
    },
    /// Rooms used by day take no night and were left out.
    DayUse {
        /// How many.
        bookings: usize,
    },
    /// Bookings of nights on which the type was closed, or had fewer rooms left than a busy day takes, so that others may have
    /// been refused: they and those days were left out.
    WhileFull {
        /// How many.
        bookings: usize,
    },
    /// Bookings made more than [`super::MAX_LEAD`] days ahead take a room but count as no request.
    TooEarly {
        /// How many.
        bookings: usize,
    },
    /// Nobody has booked for a night to come: nights to come were not learnt from.
    NoArrivalsToCome,
    /// Less than a year is known: the season is little more than a guess.
    NoYear {
        /// Nights that are known.
        nights: usize,
    },
    /// The number of rooms of this type is not known: it was never taken as full.
    UnknownRooms {
        /// The type.
        room_type: RoomTypeName,
    },
    /// This type has no room: nothing is expected of it.
    NoRooms {
        /// The type.
        room_type: RoomTypeName,
    },
    /// No competitor's price is known: competitors have no effect in this model.
    NoCompetitors,
    /// What competitors ask did not come out as a reason to book here: they have no effect in this model.
    CompetitorsNotTold {
        /// Percent of requests gained for a percent that they ask more, as it came out: 0 or less.
        estimate: f64,
    },
    /// The history cannot tell what a price does; the elasticity is the prior.
    PriorElasticity {
        /// Why, in words.
        reason: String,
    },
    /// The estimate of a room type or season came out too near 0 for a response; this was taken.
    Floored {
        /// The type.
        room_type: RoomTypeName,
        /// The elasticity that was taken.
        elasticity: f64,
    },
    /// Bookings vary more than Poisson counts; standard errors were widened by the root of this.
    Overdispersed {
        /// Variance over that of a Poisson count.
        ratio: f64,
    },
    /// Prices change so often that changes smaller than this share were taken together.
    MergedPrices {
        /// Share of the price.
        share: f64,
    },
}
