//! What a schedule says.

use chrono::NaiveDate;
use innkeeper_hotel::{Currency, RoomTypeName};
use rust_decimal::Decimal;
use serde::Serialize;

/// Prices for some nights, with what they are expected to bring and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Schedule {
    /// The last known day.
    pub as_of: NaiveDate,
    /// Currency of every amount.
    pub currency: Currency,
    /// One a night and room type, by night, then in the order asked for.
    pub cells: Vec<Cell>,
    /// What is known of how guests answer to prices.
    pub demand: DemandReport,
    /// What to know.
    pub notes: Vec<ScheduleNote>,
}

/// The price of a night of a room type.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cell {
    /// The night.
    pub date: NaiveDate,
    /// What is sold.
    pub room_type: RoomTypeName,
    /// The price to ask; `None` where the night is not sold or no price keeps every rule, with `no_price_reason`.
    pub suggested_price: Option<Decimal>,
    /// Why there is none.
    pub no_price_reason: Option<String>,
    /// The price on sale at the end of the last known day; `None` where none is known.
    pub current_price: Option<Decimal>,
    /// Rooms of the type.
    pub rooms: u32,
    /// Rooms booked by now.
    pub on_the_books: u32,
    /// Rooms that may be sold still: those left after expected cancellations and no-shows, overbooking included.
    pub rooms_left: f64,
    /// Share of the rooms expected to be taken, 0 to 1.
    pub expected_occupancy: Option<f64>,
    /// Rooms that guests who book from now on are expected to take at `suggested_price`, cancellations and no-shows left out.
    pub expected_bookings: Option<f64>,
    /// What the night is expected to bring, bookings on the books included.
    pub expected_revenue: Option<Revenue>,
    /// Mean of what competitors asked, as last seen; `None` with `competitor_reason`.
    pub competitor_avg: Option<Decimal>,
    /// Why there is none.
    pub competitor_reason: Option<String>,
    /// Share of nights whose bookings were within the 80 % interval that a model of eight weeks before gave them, 0 to 1: one
    /// number for the hotel, measured on nights that it did not know. `None` with `confidence_reason`, further ahead too.
    pub confidence: Option<f64>,
    /// Why there is none.
    pub confidence_reason: Option<String>,
    /// What one more room would bring later; a guest who pays less than this and the cost of a night loses the hotel money.
    pub bid_price: Option<f64>,
    /// Least nights of a stay that arrives on the night, where a rule sets one.
    pub minimum_stay: Option<u16>,
    /// Rules but for which the price would be another.
    pub binding_rules: Vec<Binding>,
    /// The strongest reasons, strongest first; at most three.
    pub reasons: Vec<Reason>,
    /// What other prices would bring.
    pub curve: Vec<CurvePoint>,
}

/// Revenue with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Revenue {
    /// The expected amount.
    pub mean: Decimal,
    /// Lower bound.
    pub lower: Decimal,
    /// Upper bound.
    pub upper: Decimal,
    /// Probability that the interval is meant to hold.
    pub level: f64,
}

/// A rule that decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Binding {
    /// Which one.
    pub rule: String,
    /// What it does here, in words.
    pub words: String,
}

/// What moves a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonName {
    /// Bookings come in faster or slower than usual.
    Pace,
    /// Few or many rooms are left for what is still to come.
    RemainingRooms,
    /// What competitors ask.
    Competitor,
    /// An event of the calendar.
    Event,
    /// The weekday.
    Weekday,
    /// The time of the year.
    Season,
    /// A rule of the hotel.
    Rule,
}

/// Why a price is what it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reason {
    /// What.
    pub name: ReasonName,
    /// How much higher the price is than it would be without, in the currency; below zero: lower.
    pub effect: Decimal,
    /// The same in words.
    pub words: String,
}

/// What a price would bring for the night.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CurvePoint {
    /// The price.
    pub price: Decimal,
    /// Rooms that guests who book from now on are expected to take.
    pub bookings: f64,
    /// Revenue expected from them.
    pub revenue: f64,
    /// That less what the nights cost, and less what the rooms would bring otherwise.
    pub profit: f64,
}

/// What is known of how guests answer to prices.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DemandReport {
    /// Whether the hotel's own history tells it; otherwise it is an assumption.
    pub identified: bool,
    /// In words.
    pub words: String,
    /// By room type.
    pub elasticities: Vec<Elasticity>,
    /// The shape that explains best; `None` where the history cannot tell shapes apart, and the log-linear one is assumed.
    pub family: Option<crate::Family>,
    /// What a model that knew only an earlier day expected, beside what came; `None` where that could not be measured.
    pub calibration: Option<crate::history::Calibration>,
    /// Elasticity without regard to why prices changed; `None` where there are no prices.
    pub naive_elasticity: Option<f64>,
    /// Bookings that were learnt from.
    pub bookings: u64,
}

/// How one room type's bookings answer to its price.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Elasticity {
    /// The room type.
    pub room_type: RoomTypeName,
    /// Percent of bookings lost for a percent of price, at the usual price.
    pub mean: f64,
    /// Standard deviation of what is believed.
    pub sd: f64,
}

/// Something a reader of the schedule must know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScheduleNote {
    /// A stable word.
    pub note: String,
    /// In plain words.
    pub words: String,
}
