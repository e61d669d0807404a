//! Point-in-time feature frames.
//!
//! In come a hotel's bookings, rooms, rates and events, as rows or as Parquet; out go Polars frames as they were
//! known at the end of a day, for training and for serving alike. This room touches files only where it is
//! told to read tables, write them or cache frames; no SQL, no HTTP, no clock.

mod as_of;
mod bookings;
mod cache;
mod calendar;
mod columns;
pub mod curves;
mod error;
mod frame;
mod guests;
mod nights;
mod stays;
mod tables;
#[cfg(test)]
mod testing;
mod window;

pub use as_of::AsOf;
pub use bookings::{BookingContext, FeatureSet};
pub use cache::{Cache, CacheLimits, FrameKey};
pub use calendar::calendar;
pub use columns::{date_of, day_number};
pub use error::FramesError;
pub use frame::{ColumnDescription, ColumnType, Frame, FrameDescription, describe};
pub use guests::guests;
pub use nights::nights;
pub use stays::{Coded, NO_WORD, STILL_HELD, Stays};
pub use tables::{Fingerprint, TableColumn, TableDescription, Tables, TablesBuilder, describe_tables};
pub use window::{MAX_NIGHTS, Window};
