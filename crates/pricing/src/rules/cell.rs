//! What is known of one night and room type before it has a price.

use chrono::NaiveDate;
use innkeeper_hotel::RoomTypeName;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::rule::{PriceError, RuleId};

/// The price on sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnSale {
    /// Price per room and night, in major units.
    pub price: Decimal,
    /// Days since it was set; 0 counts as 1.
    pub days: u32,
    /// The price with which today began, where it was changed today. The limit on the change per day then counts from it, so
    /// that several changes in one day are no way around the limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_start_of_day: Option<Decimal>,
}

/// A price that a channel keeps for itself, by contract or by hand, instead of selling at ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelPrice {
    /// Name of the channel, as in the rules.
    pub channel: String,
    /// Price per room and night, in major units.
    pub price: Decimal,
}

/// One night of one room type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// The night.
    pub night: NaiveDate,
    /// The room type.
    pub room_type: RoomTypeName,
    /// Kinds of the events on that night.
    #[serde(default)]
    pub event_kinds: Vec<String>,
    /// The price on sale, where there is one.
    #[serde(default)]
    pub on_sale: Option<OnSale>,
    /// Channels with a price of their own.
    #[serde(default)]
    pub channels: Vec<ChannelPrice>,
}

impl Cell {
    /// A night and room type of which nothing else is known.
    pub fn new(night: NaiveDate, room_type: RoomTypeName) -> Self {
        Self { night, room_type, event_kinds: Vec::new(), on_sale: None, channels: Vec::new() }
    }
}

/// Why a cell cannot be priced: what came in is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CellError {
    /// No room type of the hotel.
    #[error("{0} is no room type of the hotel")]
    UnknownRoomType(RoomTypeName),
    /// An amount that is no price.
    #[error("{what}: {why}")]
    Price {
        /// Which amount.
        what: &'static str,
        /// What is wrong with it.
        why: PriceError,
    },
    /// More candidates than a cell may have.
    #[error("{0} candidates are more than {most}", most = super::MOST_CANDIDATES)]
    TooMany(usize),
    /// A range of candidates that ends before it begins.
    #[error("candidates cannot go from {0} to {1}")]
    Range(Decimal, Decimal),
    /// Fewer than two or too many candidates were asked for.
    #[error("{0} is not from 2 to {most} candidates", most = super::MOST_CANDIDATES)]
    Count(usize),
    /// Cells of several nights where one night was asked for.
    #[error("{0} and {1} are two nights")]
    Nights(NaiveDate, NaiveDate),
    /// A room type that comes twice in one night.
    #[error("{0} comes twice")]
    Twice(RoomTypeName),
    /// Not one value for each price of the ladder.
    #[error("{values} values for {prices} prices")]
    Values {
        /// Values that came.
        values: usize,
        /// Prices of the ladder.
        prices: usize,
    },
}

/// Why a cell has no price although nothing that came in is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unmet {
    /// The rules that together leave no price: first the one that holds it up, then the one that holds it down, then those
    /// through which they meet. Empty where no candidate had a value.
    pub rules: Vec<RuleId>,
    /// The same in words.
    pub why: String,
}
