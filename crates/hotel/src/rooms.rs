use chrono::NaiveDate;
use innkeeper_core::RoomNumber;
use serde::{Deserialize, Serialize};

use crate::{BookingId, GuestId, Money, RoomTypeName};

/// A room that can be sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// The number on the door.
    pub number: RoomNumber,
    /// What it is sold as.
    pub room_type: RoomTypeName,
    /// Its floor, where one is known.
    pub floor: Option<i32>,
}

/// A guest, with what the hotel knows. Name, e-mail and telephone are personal data: the store seals them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guest {
    /// Number in the hotel's guest list.
    pub id: GuestId,
    /// Full name.
    pub name: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
    /// `business`, `leisure`, `corporate`, or the hotel's own word.
    pub segment: Option<String>,
    /// Two letters of ISO 3166-1, or the hotel's own word.
    pub country: Option<String>,
}

/// A service used during a stay: breakfast, laundry, a massage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceUse {
    /// The booking it belongs to.
    pub booking: BookingId,
    /// Who used it, where that is known.
    pub guest: Option<GuestId>,
    /// The service, in the hotel's own words; at most 128 bytes.
    pub service: String,
    /// Day of use.
    pub used_on: NaiveDate,
    /// How many times.
    pub quantity: u32,
    /// What was charged in all, where that is known.
    pub amount: Option<Money>,
}
