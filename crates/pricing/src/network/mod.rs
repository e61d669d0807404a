//! Prices of stays: many nights, nested room types, one optimiser and a hotel to try it in.
//!
//! A stay takes a room on each of its nights, and a guest of a low room type may be given a higher room, so neither nights nor
//! types can be priced alone. The optimiser works in three steps. The fluid problem, in which demand comes as expected, gives
//! the worth of one more room in each night and each set of types (Gallego & van Ryzin 1997, A Multiproduct Dynamic Pricing
//! Problem). A dynamic program for each night and set, in which the other nights are paid for at their worth, makes that worth
//! depend on the rooms and the days that are left (Liu & van Ryzin 2008, On the Choice-Based Linear Programming Model for
//! Network Revenue Management, section 6; Talluri & van Ryzin 2004, The Theory and Practice of Revenue Management, chapter 3).
//! Nightly prices then follow by ascent, one night and type after the other, over the allowed prices.

mod calendar;
mod decomposition;
mod error;
mod flows;
mod fluid;
mod hotel;
mod overbooking;
mod prices;
mod sample;
pub mod simulate;
mod truncation;

pub use calendar::{
    CalendarAnswer, CalendarCell, CalendarInput, CalendarSettings, CellAnswer, Demand, expect_calendar,
    price_calendar,
};
pub use error::NetworkError;
pub use fluid::{FluidSolution, solve_fluid};
pub use hotel::{Hotel, RoomType, Segment, StayClass};
pub use overbooking::overbooking_limit;
pub use sample::sample_hotel;
