//! Forecasts of occupancy, revenue, check-outs and housekeeping work.
//!
//! In come point-in-time frames and the day up to which they are known; out go, for each day ahead, a value,
//! an interval that covers what it claims, what drives it and how well the same method did in back-test. This room
//! touches nothing: no files, no network, no clock.

pub mod housekeeping;
pub mod plot;
pub mod scores;
pub mod series;
