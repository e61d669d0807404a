//! A hotel with known truth.
//!
//! In come a seed, a size and a span of days; out go the rooms, guests, bookings, rates, events and cleanings of a hotel
//! whose demand, lead times, cancellations and price elasticity are known to whoever compares a model with them. The same
//! seed gives the same hotel, byte for byte. This room touches nothing: no files, no network, no clock.

mod behaviour;
mod calendar;
mod check;
mod cleaning;
mod draft;
mod engine;
mod error;
mod layout;
mod people;
mod prices;
mod random;
mod record;
mod report;
mod returns;
mod services;
mod simulation;
mod truth;
mod weights;

pub use cleaning::{Cleaning, CleaningKind};
pub use error::SimulatorError;
pub use people::{Employee, GuestTruth};
pub use prices::PriceTest;
pub use record::{Record, Records, Wanted};
pub use report::{CancellationTruth, CellTruth, EventReport, RoomTypeTruth, SegmentTruth, TruthReport};
pub use simulation::{Settings, Simulation};
pub use truth::{
    CleaningTruth, Competitor, Demand, DepositEffect, Deposits, EventTruth, Fairs, Market, Mix, Per,
    PricePolicy, Repeat, RoomType, Segment, Service, Truth,
};

/// Most rooms of a simulated hotel.
pub const MAX_ROOMS: u32 = 100_000;
/// Longest history, in days: a hundred years.
pub const MAX_DAYS: u32 = 36_525;
/// Longest lead time that a truth may state, in days.
pub const MAX_LEAD: u16 = 730;
/// Longest stay that a truth may state, in nights.
pub const MAX_NIGHTS: u16 = 60;
