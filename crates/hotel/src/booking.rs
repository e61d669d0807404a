use chrono::{Days, NaiveDate};
use innkeeper_core::RoomNumber;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{BookingId, Currency, GuestId, RoomTypeName};

/// Longest stay that is believed, in nights.
pub const MAX_NIGHTS: u16 = 366;
/// Longest lead time that is believed, in days: ten years.
pub const MAX_LEAD_DAYS: i64 = 3_653;
/// Highest rate a night that is believed, in any currency.
const MAX_RATE: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);

/// Why the parts of a booking do not agree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BookingError {
    /// The departure is before the arrival.
    #[error("the departure {departure} is before the arrival {arrival}")]
    EndsBeforeItBegins {
        /// First night.
        arrival: NaiveDate,
        /// Day of departure.
        departure: NaiveDate,
    },
    /// More nights than [`MAX_NIGHTS`].
    #[error("{0} nights are more than {MAX_NIGHTS}")]
    TooLong(i64),
    /// The booking was made after the day of arrival.
    #[error("booked on {booked_on}, after the arrival {arrival}")]
    BookedAfterArrival {
        /// Day of booking.
        booked_on: NaiveDate,
        /// First night.
        arrival: NaiveDate,
    },
    /// The booking was made more than ten years ahead.
    #[error("a lead time of {0} days is more than {MAX_LEAD_DAYS}")]
    TooEarly(i64),
    /// The last status was set before the booking was made.
    #[error("status {status:?} set on {status_on}, before the booking was made on {booked_on}")]
    StatusBeforeBooking {
        /// The status.
        status: BookingStatus,
        /// Day on which it was set.
        status_on: NaiveDate,
        /// Day of booking.
        booked_on: NaiveDate,
    },
    /// A cancelled booking or a no-show without the day on which that became known.
    #[error("a {0:?} booking needs the day on which it became so")]
    StatusWithoutDay(BookingStatus),
    /// A rate below zero or above what is believed.
    #[error("a rate of {0} a night")]
    Rate(Decimal),
}

/// Where a booking stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BookingStatus {
    /// It holds: the guest is expected, or in the house.
    Confirmed,
    /// It was taken back.
    Cancelled,
    /// The guest has left after a stay.
    Completed,
    /// The guest never came.
    NoShow,
}

impl BookingStatus {
    /// Whether it still takes (or took) a room.
    pub fn takes_a_room(self) -> bool {
        matches!(self, Self::Confirmed | Self::Completed)
    }

    /// The word of the API and the tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Cancelled => "cancelled",
            Self::Completed => "completed",
            Self::NoShow => "no_show",
        }
    }
}

/// What was paid ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deposit {
    /// Nothing.
    None,
    /// A deposit that is given back.
    Refundable,
    /// A deposit that is kept.
    NonRefundable,
}

/// The nights of a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stay {
    /// First night.
    pub arrival: NaiveDate,
    /// Nights; 0 is a room used by day, which takes no night.
    pub nights: u16,
}

impl Stay {
    /// The day of departure.
    pub fn departure(&self) -> NaiveDate {
        self.arrival.checked_add_days(Days::new(u64::from(self.nights))).unwrap_or(NaiveDate::MAX)
    }
}

/// Who comes; nobody at all is a room held without names, as group bookings are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// Grown-ups.
    pub adults: u16,
    /// Children.
    pub children: u16,
    /// Infants.
    pub babies: u16,
}

/// What of a booking was known at the end of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownAt {
    /// It had not been made.
    Unknown,
    /// It had been made, and stood so.
    Known(BookingStatus),
}

/// A booking of one room: what was agreed, and its last status with the day on which it became so.
///
/// Fields after `rate` are what systems record beside it; each is `None` where the source does not say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Booking {
    /// Number of the booking.
    pub id: BookingId,
    /// Day on which it was made.
    pub booked_on: NaiveDate,
    /// Its nights.
    pub stay: Stay,
    /// The room type that was booked.
    pub room_type: RoomTypeName,
    /// Where it stands.
    pub status: BookingStatus,
    /// Day on which `status` became known: of the cancellation, the departure, the no-show. `None` for `Confirmed`.
    pub status_on: Option<NaiveDate>,
    /// Who comes.
    pub party: Party,
    /// Price of the room a night, in `currency`; `None` where the source does not say.
    pub rate: Option<Decimal>,
    /// Currency of `rate`; `None` where the source does not say.
    pub currency: Option<Currency>,
    /// The guest.
    pub guest: Option<GuestId>,
    /// The room that was given.
    pub room_number: Option<RoomNumber>,
    /// The room type that was given, where it differs from the one booked or is recorded.
    pub assigned_room_type: Option<RoomTypeName>,
    /// Market segment: `leisure`, `corporate`, `Online TA`, …
    pub segment: Option<String>,
    /// Channel or source: `direct`, `website`, `TA/TO`, …
    pub channel: Option<String>,
    /// Kind of customer: `Transient`, `Group`, …
    pub customer_type: Option<String>,
    /// Travel agency.
    pub agent: Option<String>,
    /// Company that pays.
    pub company: Option<String>,
    /// Country of the guest, filled in at check-in by many systems: not known while the booking is young.
    pub country: Option<String>,
    /// Board: `BB`, `HB`, …
    pub meal: Option<String>,
    /// How it is paid: `credit_card`, `cash`, …
    pub payment_method: Option<String>,
    /// What was paid ahead.
    pub deposit: Option<Deposit>,
    /// Whether the guest had stayed before.
    pub repeated_guest: Option<bool>,
    /// Bookings of this guest that were cancelled before this one.
    pub previous_cancellations: Option<u32>,
    /// Bookings of this guest that were kept before this one.
    pub previous_stays: Option<u32>,
    /// Changes made so far; grows after the booking was made.
    pub changes: Option<u32>,
    /// Days on the waiting list.
    pub waiting_days: Option<u32>,
    /// Parking spaces asked for; grows after the booking was made.
    pub parking_spaces: Option<u32>,
    /// Special requests; grows after the booking was made.
    pub special_requests: Option<u32>,
}

impl Booking {
    /// A booking that holds and of which nothing more is known.
    pub fn confirmed(id: BookingId, booked_on: NaiveDate, stay: Stay, room_type: RoomTypeName) -> Self {
        Self {
            id,
            booked_on,
            stay,
            room_type,
            status: BookingStatus::Confirmed,
            status_on: None,
            party: Party::default(),
            rate: None,
            currency: None,
            guest: None,
            room_number: None,
            assigned_room_type: None,
            segment: None,
            channel: None,
            customer_type: None,
            agent: None,
            company: None,
            country: None,
            meal: None,
            payment_method: None,
            deposit: None,
            repeated_guest: None,
            previous_cancellations: None,
            previous_stays: None,
            changes: None,
            waiting_days: None,
            parking_spaces: None,
            special_requests: None,
        }
    }

    /// Days between booking and arrival, 0 or more.
    pub fn lead_days(&self) -> i64 {
        (self.stay.arrival - self.booked_on).num_days()
    }

    /// The last day of which this row says anything: that of its last status, or of the booking.
    pub fn told_on(&self) -> NaiveDate {
        self.status_on.map_or(self.booked_on, |on| on.max(self.booked_on))
    }

    /// What was known at the end of `day`: a booking cancelled later still counts as confirmed, and a guest who
    /// leaves later is still expected or in the house.
    pub fn known_at(&self, day: NaiveDate) -> KnownAt {
        if self.booked_on > day {
            return KnownAt::Unknown;
        }
        match self.status_on {
            Some(on) if on <= day => KnownAt::Known(self.status),
            _ => KnownAt::Known(BookingStatus::Confirmed),
        }
    }

    /// Checks that the parts agree.
    ///
    /// # Errors
    /// The first [`BookingError`] that is met. A rate is refused below zero or above 10^9; zero is a complimentary room.
    pub fn check(&self) -> Result<(), BookingError> {
        if self.stay.nights > MAX_NIGHTS {
            return Err(BookingError::TooLong(i64::from(self.stay.nights)));
        }
        let lead = self.lead_days();
        if lead < 0 {
            return Err(BookingError::BookedAfterArrival {
                booked_on: self.booked_on,
                arrival: self.stay.arrival,
            });
        }
        if lead > MAX_LEAD_DAYS {
            return Err(BookingError::TooEarly(lead));
        }
        match (self.status, self.status_on) {
            (BookingStatus::Cancelled | BookingStatus::NoShow, None) => {
                return Err(BookingError::StatusWithoutDay(self.status));
            }
            (status, Some(status_on)) if status_on < self.booked_on => {
                return Err(BookingError::StatusBeforeBooking {
                    status,
                    status_on,
                    booked_on: self.booked_on,
                });
            }
            _ => {}
        }
        match self.rate {
            Some(rate) if rate < Decimal::ZERO || rate > MAX_RATE => Err(BookingError::Rate(rate)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect(text)
    }

    fn booking() -> Booking {
        Booking::confirmed(
            "B1".parse().expect("id"),
            day("2024-01-10"),
            Stay { arrival: day("2024-02-28"), nights: 2 },
            "deluxe".parse().expect("type"),
        )
    }

    #[test]
    fn a_cancellation_is_not_known_before_it_happened() {
        let booking =
            Booking { status: BookingStatus::Cancelled, status_on: Some(day("2024-02-01")), ..booking() };
        assert_eq!(booking.known_at(day("2024-01-09")), KnownAt::Unknown);
        assert_eq!(booking.known_at(day("2024-01-31")), KnownAt::Known(BookingStatus::Confirmed));
        assert_eq!(booking.known_at(day("2024-02-01")), KnownAt::Known(BookingStatus::Cancelled));
    }

    #[test]
    fn a_leap_night_is_a_night() {
        assert_eq!(booking().stay.departure(), day("2024-03-01"));
    }

    #[test]
    fn parts_that_disagree_are_named() {
        let early = Booking { booked_on: day("2024-03-01"), ..booking() };
        assert!(matches!(early.check(), Err(BookingError::BookedAfterArrival { .. })));
        let dayless = Booking { status: BookingStatus::NoShow, ..booking() };
        assert_eq!(dayless.check(), Err(BookingError::StatusWithoutDay(BookingStatus::NoShow)));
        let paid_to_stay = Booking { rate: Some(Decimal::new(-638, 2)), ..booking() };
        assert!(matches!(paid_to_stay.check(), Err(BookingError::Rate(_))));
        assert_eq!(Booking { rate: Some(Decimal::ZERO), ..booking() }.check(), Ok(()));
    }
}
