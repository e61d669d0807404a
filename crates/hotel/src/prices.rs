use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{Money, RoomTypeName};

/// The price that was on sale for a night of a room type, from a day on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// The night.
    pub night: NaiveDate,
    /// What was sold.
    pub room_type: RoomTypeName,
    /// Day from whose end on this price was on sale.
    pub set_on: NaiveDate,
    /// Price of the room for the night.
    pub price: Money,
}

/// What a competitor asked for a night, as seen on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompetitorPrice {
    /// The competitor, by any name; at most 128 bytes.
    pub competitor: String,
    /// The night.
    pub night: NaiveDate,
    /// Which of our room types it compares with; `None` compares with all.
    pub room_type: Option<RoomTypeName>,
    /// Day on which it was seen.
    pub seen_on: NaiveDate,
    /// What was asked.
    pub price: Money,
}
