use std::ops::Range;
use std::time::Duration;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use crate::StoreError;
use crate::engine::{Row, get};

/// Microseconds since 1970-01-01T00:00:00Z; anything finer is cut off.
pub(crate) fn micros(at: DateTime<Utc>) -> i64 {
    at.timestamp_micros()
}

/// A duration in microseconds, as long as a number can say.
pub(crate) fn span(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

pub(crate) fn time(row: &Row, column: &'static str) -> Result<DateTime<Utc>, StoreError> {
    DateTime::from_timestamp_micros(get(row, column)?).ok_or(StoreError::Corrupt { column })
}

/// The same for a column that may be null.
pub(crate) fn optional_time(row: &Row, column: &'static str) -> Result<Option<DateTime<Utc>>, StoreError> {
    let Some(at) = get(row, column)? else { return Ok(None) };
    DateTime::from_timestamp_micros(at).map(Some).ok_or(StoreError::Corrupt { column })
}

/// 1970-01-01, counted from the first day of year 1.
const EPOCH: i64 = 719_163;

/// Days since 1970-01-01.
pub(crate) fn day(date: NaiveDate) -> i64 {
    i64::from(date.num_days_from_ce()) - EPOCH
}

/// The day that a column counts.
pub(crate) fn date(days: i64, column: &'static str) -> Result<NaiveDate, StoreError> {
    days.checked_add(EPOCH)
        .and_then(|days| i32::try_from(days).ok())
        .and_then(NaiveDate::from_num_days_from_ce_opt)
        .ok_or(StoreError::Corrupt { column })
}

/// A column of days.
pub(crate) fn read_day(row: &Row, column: &'static str) -> Result<NaiveDate, StoreError> {
    date(get(row, column)?, column)
}

/// The same for a column that may be null.
pub(crate) fn optional_day(row: &Row, column: &'static str) -> Result<Option<NaiveDate>, StoreError> {
    get::<Option<i64>>(row, column)?.map(|days| date(days, column)).transpose()
}

/// The calendar day of `zone` that holds `at`, as instants: from its first moment up to, not including,
/// the first moment of the next day. 23 or 25 hours long where clocks change.
pub fn local_day(at: DateTime<Utc>, zone: Tz) -> Range<DateTime<Utc>> {
    let date = at.with_timezone(&zone).date_naive();
    let start = first_moment(date.and_time(NaiveTime::MIN), zone);
    let end = match date.checked_add_days(Days::new(1)) {
        Some(next) => first_moment(next.and_time(NaiveTime::MIN), zone),
        None => DateTime::<Utc>::MAX_UTC,
    };
    start..end
}

/// Some zones skip midnight when clocks go forward; the day then begins after the gap.
fn first_moment(midnight: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    const STEP: TimeDelta = TimeDelta::minutes(1);
    // Longer than any gap in the zone database (Samoa skipped a whole day).
    const STEPS: i32 = 25 * 60;
    (0..STEPS)
        .filter_map(|n| midnight.checked_add_signed(STEP * n))
        .find_map(|local| zone.from_local_datetime(&local).earliest())
        .map_or_else(|| midnight.and_utc(), |local| local.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().expect("a valid instant")
    }

    #[test]
    fn a_day_of_23_or_25_hours_or_without_midnight_is_still_one_day() {
        for (at, zone, start, end) in [
            ("2025-01-17T08:30:00Z", Tz::UTC, "2025-01-17T00:00:00Z", "2025-01-18T00:00:00Z"),
            // 17:30 UTC is past midnight in Vietnam.
            ("2025-01-17T17:30:00Z", Tz::Asia__Ho_Chi_Minh, "2025-01-17T17:00:00Z", "2025-01-18T17:00:00Z"),
            ("2025-03-30T12:00:00Z", Tz::Europe__Berlin, "2025-03-29T23:00:00Z", "2025-03-30T22:00:00Z"),
            ("2025-10-26T12:00:00Z", Tz::Europe__Berlin, "2025-10-25T22:00:00Z", "2025-10-26T23:00:00Z"),
            // Clocks went from 23:59:59 to 01:00:00.
            ("2018-11-04T12:00:00Z", Tz::America__Sao_Paulo, "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"),
            // 2011-12-30 did not happen in Apia.
            ("2011-12-30T09:00:00Z", Tz::Pacific__Apia, "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"),
        ] {
            assert_eq!(local_day(utc(at), zone), utc(start)..utc(end), "{at} in {zone}");
        }
    }

    #[test]
    fn the_edges_of_time_do_not_panic() {
        for at in [DateTime::<Utc>::MIN_UTC + Days::new(2), DateTime::<Utc>::MAX_UTC - Days::new(2)] {
            assert!(local_day(at, Tz::Asia__Tokyo).contains(&at));
        }
    }
}
