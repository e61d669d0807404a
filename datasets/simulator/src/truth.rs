//! What is true of the simulated hotel: the numbers of `hotel.toml`.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use innkeeper_hotel::{Currency, Deposit, RoomTypeName};
use serde::{Deserialize, Serialize};

use crate::SimulatorError;

/// Weights by name; they count by their ratios.
pub type Mix = BTreeMap<String, f64>;

/// Everything that is true of the simulated hotel. Each field is described where it stands in `hotel.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Truth {
    /// Currency of every price.
    pub currency: Currency,
    /// Longest lead time in days, 1 to 730; also how far ahead rooms are on sale.
    pub max_lead: u16,
    /// What moves demand as a whole.
    pub demand: Demand,
    /// How the hotel sets its prices.
    pub price: PricePolicy,
    /// The prices around the hotel.
    pub market: Market,
    /// The competitors whose prices are read.
    #[serde(rename = "competitor", default)]
    pub competitors: Vec<Competitor>,
    /// The room types, 1 to 64.
    #[serde(rename = "room_type")]
    pub room_types: Vec<RoomType>,
    /// The guest segments, 1 to 16.
    #[serde(rename = "segment")]
    pub segments: Vec<Segment>,
    /// What a deposit does to cancelling.
    pub deposit: DepositEffect,
    /// Holidays and festivals.
    #[serde(rename = "event", default)]
    pub events: Vec<EventTruth>,
    /// Trade fairs on days that the seed decides.
    pub fairs: Fairs,
    /// How cleaning times spread.
    pub cleaning: CleaningTruth,
    /// What guests use during a stay.
    #[serde(rename = "service", default)]
    pub services: Vec<Service>,
    /// Weights of the guests' countries.
    pub countries: Mix,
}

/// What moves demand as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Demand {
    /// Growth a year, as a power of e; -1 to 1. Demand is at its stated size on the last known day.
    pub trend: f64,
    /// Standard deviation of the logarithm of a night's unexplained demand, 0 to 2.
    pub shock_sd: f64,
    /// Correlation of that shock with the night before, 0 up to 1.
    pub shock_memory: f64,
}

/// How the hotel sets its prices: known, so that the part of a price that follows demand is known too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PricePolicy {
    /// Prices are multiples of this, in major units.
    pub step: f64,
    /// Ratio to the base price by month of arrival.
    pub months: [f64; 12],
    /// Ratio to the base price by weekday of arrival, Monday first.
    pub weekdays: [f64; 7],
    /// Power to which the market's index enters the price, 0 to 2.
    pub follow_market: f64,
    /// Rise of the log price for a share of rooms sold above what is expected at this lead time, 0 to 5.
    pub sensitivity: f64,
    /// Share of rooms that the hotel expects to have sold at arrival, 0 to 1.
    pub target: f64,
    /// Lowest price as a share of the base price, 0.1 to 1.
    pub floor: f64,
    /// Highest price as a share of the base price, 1 to 10.
    pub ceiling: f64,
    /// Days before arrival at whose end the price is set anew.
    pub reviews: Vec<u16>,
    /// Share of arrival nights and room types that take part in a price test, 0 to 1.
    pub test_share: f64,
    /// Multipliers of a test, drawn with equal chance.
    pub test_levels: Vec<f64>,
}

/// The prices around the hotel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Market {
    /// Standard deviation of the logarithm of the index, 0 to 2.
    pub sd: f64,
    /// Correlation of the index with the night before, 0 up to 1.
    pub memory: f64,
    /// Days before the night on which competitors' prices are read.
    pub seen: Vec<u16>,
}

/// A competitor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Competitor {
    /// Its name.
    pub name: String,
    /// Its prices as a share of our base price at an index of 1.
    pub level: f64,
    /// Standard deviation of the logarithm of what is its own, 0 to 2.
    pub noise: f64,
}

/// A room type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoomType {
    /// Its name.
    pub name: RoomTypeName,
    /// Weight in the number of rooms.
    pub share: f64,
    /// Base price a night, in major units.
    pub price: f64,
    /// Room-nights asked for at base prices per room-night there is, 0 to 20.
    pub demand: f64,
    /// Multiplies the elasticity of a segment, 0 to 10.
    pub elasticity: f64,
    /// Mean minutes to clean after a departure, 1 to 240.
    pub departure_minutes: f64,
    /// Mean minutes to clean while the guest stays on, 1 to 240.
    pub stay_over_minutes: f64,
}

/// A guest segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    /// Its name.
    pub name: String,
    /// Weight in the room-nights asked for.
    pub share: f64,
    /// How it leans to room types; 1 for a type that is not named.
    #[serde(default)]
    pub room_types: Mix,
    /// Weights of the weekdays of arrival, Monday first.
    pub weekdays: [f64; 7],
    /// Weights of the months of arrival.
    pub months: [f64; 12],
    /// Median of the log-logistic lead time in days, before whole days are cut; 0.05 to 3,650.
    pub lead_median: f64,
    /// Shape of the log-logistic lead time, 0.2 to 20.
    pub lead_shape: f64,
    /// Weights of stays of 1, 2, … nights; at most 60 of them.
    pub nights: Vec<f64>,
    /// Weights of requests for 1, 2, … rooms at once; at most 50 of them.
    pub rooms: Vec<f64>,
    /// Elasticity of demand to our price, 0 to 10: requests grow with the price to the power of minus this.
    pub elasticity: f64,
    /// Elasticity of demand to the market's index, 0 to 10.
    pub market_elasticity: f64,
    /// Hazard of cancelling a day, far from arrival, 0 to 1.
    pub cancel_daily: f64,
    /// How many times that the hazard rises by at arrival, 0 to 1,000.
    pub cancel_late: f64,
    /// Days over which the rise fades, looking back from arrival; above 0.
    pub cancel_late_days: f64,
    /// Chance that a guest who did not cancel never comes, 0 to 1.
    pub no_show: f64,
    /// What is paid ahead.
    pub deposits: Deposits,
    /// Where the booking comes from.
    pub channels: Mix,
    /// How it is paid.
    pub payments: Mix,
    /// Weights of 1, 2, … grown-ups; at most 10 of them.
    pub adults: Vec<f64>,
    /// Mean number of children, 0 to 10.
    pub children: f64,
    /// Mean number of special requests, 0 to 10.
    pub special_requests: f64,
    /// Mean number of changes to a booking, 0 to 10.
    pub changes: f64,
    /// Chance that a parking space is asked for, 0 to 1.
    pub parking: f64,
    /// Companies that guests of the segment come from; 0 is none.
    pub companies: u16,
    /// How guests come back.
    pub repeat: Repeat,
}

/// Weights of what is paid ahead.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deposits {
    /// Nothing.
    pub none: f64,
    /// A deposit that is given back.
    pub refundable: f64,
    /// A deposit that is kept.
    pub non_refundable: f64,
}

/// How guests come back, after Fader, Hardie and Lee (2005), "Counting Your Customers the Easy Way" (BG/NBD): a guest
/// books at a rate of his own and drops out after each booking but the first with a chance of his own.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// Shape of the gamma distribution of the rates.
    pub r: f64,
    /// Its rate, in days: the mean rate is `r / alpha` bookings a day.
    pub alpha: f64,
    /// First parameter of the beta distribution of the chance to drop out.
    pub a: f64,
    /// Its second parameter: the mean chance is `a / (a + b)`.
    pub b: f64,
}

/// Hazard of cancelling with a deposit, as a share of that without one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepositEffect {
    /// With a deposit that is given back, 0 to 10.
    pub refundable: f64,
    /// With a deposit that is kept, 0 to 10.
    pub non_refundable: f64,
}

impl DepositEffect {
    /// The multiplier of the hazard.
    pub fn of(&self, deposit: Deposit) -> f64 {
        match deposit {
            Deposit::None => 1.0,
            Deposit::Refundable => self.refundable,
            Deposit::NonRefundable => self.non_refundable,
        }
    }
}

/// A holiday or festival: `yearly` or `starts` says when it begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventTruth {
    /// Its name.
    pub name: String,
    /// Its kind: `holiday`, `festival`, …
    pub kind: String,
    /// Month and day on which it begins each year, `MM-DD`; the 29th of February is left out of other years.
    #[serde(default)]
    pub yearly: Option<String>,
    /// Days on which it begins.
    #[serde(default)]
    pub starts: Vec<NaiveDate>,
    /// Its length in days, 1 to 60.
    pub days: u16,
    /// How many days before it begins the hotel knows of it.
    pub known_days: u16,
    /// Multiplies the arrivals of each of its days, by segment; 1 for a segment that is not named.
    pub demand: Mix,
}

/// Trade fairs on days that the seed decides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fairs {
    /// How many a year, 0 to 100.
    pub per_year: f64,
    /// Length of each in days, 1 to 60.
    pub days: u16,
    /// How many days before it begins the hotel knows of one.
    pub known_days: u16,
    /// Multiplies the arrivals of each of its days, by segment; 1 for a segment that is not named.
    pub demand: Mix,
}

/// How cleaning times spread.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CleaningTruth {
    /// Standard deviation of one cleaning's minutes as a share of their mean, 0 to 1.
    pub spread: f64,
    /// The same of a room's own mean.
    pub room_spread: f64,
    /// The same of a housekeeper's own mean.
    pub housekeeper_spread: f64,
    /// Chance that a guest who stays on wants no cleaning that day, 0 to 1.
    pub refused: f64,
}

/// What a service is counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// Each grown-up and child.
    Person,
    /// The room.
    Room,
}

/// A service that guests use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Price of one, in major units.
    pub price: f64,
    /// What it is counted by.
    pub per: Per,
    /// Chance a night, by segment; 0 for a segment that is not named.
    pub chance: Mix,
}

impl Truth {
    /// The truth that comes with Innkeeper.
    ///
    /// # Errors
    /// None that a test has not ruled out.
    pub fn shipped() -> Result<Self, SimulatorError> {
        Self::from_toml(include_str!("../hotel.toml"))
    }

    /// Reads a truth in the form of `hotel.toml`, and checks it.
    ///
    /// # Errors
    /// [`SimulatorError::Toml`] for what is not a truth, [`SimulatorError::Truth`] for a number outside its range.
    pub fn from_toml(text: &str) -> Result<Self, SimulatorError> {
        let truth: Self = toml::from_str(text).map_err(|e| SimulatorError::Toml(e.to_string()))?;
        truth.check()?;
        Ok(truth)
    }

    /// Hazard of cancelling on the day that is `days` before arrival, without a deposit.
    pub fn cancellation_hazard(segment: &Segment, days: u16) -> f64 {
        let rise = segment.cancel_late * (-f64::from(days) / segment.cancel_late_days).exp();
        segment.cancel_daily * (1.0 + rise)
    }

    /// Chance that a booking made `lead` days before arrival is cancelled by then, 0 to 1.
    pub fn cancellation_probability(&self, segment: &Segment, deposit: Deposit, lead: u16) -> f64 {
        let hazard: f64 = (0..=lead).map(|days| Self::cancellation_hazard(segment, days)).sum();
        1.0 - (-hazard * self.deposit.of(deposit)).exp()
    }

    /// Chance of each lead time from 0 to `max_lead` days: the log-logistic lead time cut to whole days.
    pub fn lead_times(&self, segment: &Segment) -> Vec<f64> {
        let at = |days: f64| 1.0 / (1.0 + (days / segment.lead_median).powf(-segment.lead_shape));
        let whole = at(f64::from(self.max_lead) + 1.0);
        (0..=self.max_lead)
            .map(|lead| {
                let from = if lead == 0 { 0.0 } else { at(f64::from(lead)) };
                (at(f64::from(lead) + 1.0) - from) / whole
            })
            .collect()
    }

    /// Elasticity of a segment's demand to the price of a room type.
    pub fn elasticity(segment: &Segment, room_type: &RoomType) -> f64 {
        segment.elasticity * room_type.elasticity
    }
}
