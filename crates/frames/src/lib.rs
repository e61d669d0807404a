//! Point-in-time feature frames.
//!
//! In come a hotel's bookings, rooms, rates and events, as rows or as Parquet; out go Polars frames as they were
//! known at the end of a day, for training and for serving alike. This room touches files only where it is
//! told to cache; no SQL, no HTTP, no clock.

pub mod curves;
