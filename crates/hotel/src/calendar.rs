use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// Something that moves demand for some days: a fair, a holiday, a concert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// What it is called; at most 128 bytes.
    pub name: String,
    /// First day.
    pub from: NaiveDate,
    /// Last day, itself included.
    pub until: NaiveDate,
    /// `holiday`, `fair`, `concert`, …: events of one kind are expected to move demand alike.
    pub kind: String,
    /// Day on which the hotel learnt of it, where that is known; a frame of an earlier day does not hold it.
    pub known_on: Option<NaiveDate>,
}

/// Days on which the hotel, or one kind of room, cannot be sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closure {
    /// First night that is not sold.
    pub from: NaiveDate,
    /// Last night that is not sold, itself included.
    pub until: NaiveDate,
    /// The room type that is closed; `None` is the whole hotel.
    pub room_type: Option<crate::RoomTypeName>,
}
