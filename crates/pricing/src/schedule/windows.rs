//! Requests still to come, in windows of time from now on.

use chrono::{Days, NaiveDate};
use innkeeper_hotel::RoomTypeName;

use super::tables::Tables;
use crate::history::{BUCKETS, DemandModel, Influence, MAX_LEAD};

/// Days from now at which a window ends.
const ENDS: [i64; 8] = [1, 3, 7, 14, 30, 60, 120, MAX_LEAD as i64 + 1];

/// Requests at the reference price whose booking will not be cancelled, for a night and room type, by window; the first window
/// is the day after the last known one.
pub(super) fn requests(
    demand: &DemandModel,
    tables: &Tables,
    (night, room_type): (NaiveDate, &RoomTypeName),
    competitor: Option<f64>,
    without: Option<Influence>,
) -> Vec<f64> {
    let distance = (night - demand.as_of()).num_days();
    // A rate is the same on all days of a bucket of lead times.
    let daily: Vec<f64> = BUCKETS
        .iter()
        .map(|bucket| {
            let rate = demand.requests(night, room_type, bucket.from, competitor, without).unwrap_or(0.0);
            rate * tables.kept.new_booking(i64::from(bucket.from.midpoint(bucket.until)))
        })
        .collect();
    let mut begins = 0;
    ENDS.iter()
        .map(|ends| {
            // Days `begins..ends` from now are lead times of `distance - ends..=distance - 1 - begins`.
            let (near, far) = ((distance - ends).max(0), distance - 1 - begins);
            begins = *ends;
            let days = BUCKETS.iter().zip(&daily).map(|(bucket, rate)| {
                let days = far.min(i64::from(bucket.until)) - near.max(i64::from(bucket.from)) + 1;
                days.max(0) as f64 * rate
            });
            days.sum()
        })
        .collect()
}

/// The nights that prices are looked for: those asked for, and those whose stays reach into them or begin in them.
pub(super) fn around(as_of: NaiveDate, from: NaiveDate, until: NaiveDate, stays: u64) -> Vec<NaiveDate> {
    let tomorrow = as_of.checked_add_days(Days::new(1)).unwrap_or(as_of);
    let first = from.checked_sub_days(Days::new(stays)).unwrap_or(from).max(tomorrow);
    let last = until.checked_add_days(Days::new(stays)).unwrap_or(until);
    first.iter_days().take_while(|night| *night <= last).collect()
}
