//! A hotel with known truth.
//!
//! In come a seed, a size and a span of days; out go the rooms, guests, bookings, rates, events and cleanings of a hotel
//! whose demand, lead times, cancellations and price elasticity are known to whoever compares a model with them. The same
//! seed gives the same hotel, byte for byte. This room touches nothing: no files, no network, no clock.
