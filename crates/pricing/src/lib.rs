//! Prices of rooms: what demand answers to a price, which price is best, and which prices are allowed.
//!
//! In come counts of bookings by stay date, room type, lead time and price, the rooms that are left, competitors' prices and
//! the hotel's rules; out go prices, what they are expected to bring with intervals, and why. This room touches nothing: no
//! files, no network, no clock.

pub mod experiment;
pub mod history;
pub mod learn;
pub mod network;
pub mod night;
mod response;
pub mod rules;
pub mod schedule;

pub use response::{Family, Response, ResponseError};
