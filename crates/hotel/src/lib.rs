//! What a hotel's tables hold, as plain values.
//!
//! In come the fields of a booking, a room, a guest, a rate, a competitor's price, an event of the calendar or a day's
//! services, from a file, a form or a simulator; out go values whose parts agree with each other: a stay that ends no earlier
//! than it begins, a cancellation no earlier than the booking, money with its currency. This room touches nothing: no files, no
//! network, no clock.

mod booking;
mod calendar;
mod money;
mod names;
mod prices;
mod rooms;

pub use booking::{
    Booking, BookingError, BookingStatus, Deposit, KnownAt, MAX_LEAD_DAYS, MAX_NIGHTS, Party, Stay,
};
pub use calendar::{Closure, Event};
pub use money::{Currency, Money, MoneyError};
pub use names::{BookingId, GuestId, NameError, RoomTypeName};
pub use prices::{CompetitorPrice, Rate};
pub use rooms::{Guest, Room, ServiceUse};
