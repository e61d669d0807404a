//! Days, from the ways in which systems write them.

use chrono::{Duration, NaiveDate, NaiveDateTime, NaiveTime, TimeZone as _};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::words;

/// Years that are believed.
const YEARS: std::ops::RangeInclusive<i32> = 1900..=2200;

/// The order of day and month where both are numbers and the year stands last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DateOrder {
    /// `31/12/2024`
    DayFirst,
    /// `12/31/2024`
    MonthFirst,
}

/// A day, and what was decided on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Day {
    /// The day in the hotel.
    pub(crate) date: NaiveDate,
    /// Whether an instant was written, with its offset from UTC.
    pub(crate) instant: bool,
    /// Whether that instant is midnight as written, as days are that were stored as instants.
    pub(crate) midnight: bool,
}

/// Why a text is not a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DayFlaw {
    /// The order of day and month has to be decided first.
    Undecided,
    /// It is no day, for this reason.
    Wrong(String),
}

/// Reads a day: `2024-12-31`, `2024/12/31`, `20241231`, `31/12/2024`, `31.12.2024`, `31-12-2024`, `31-Dec-2024`, each alone or with
/// a time of day. An instant (a time with `Z` or an offset) is on the day that the clock of `zone` shows, or on the day as written
/// where no zone is known; a time without an offset is the hotel's own.
pub(crate) fn day(text: &str, zone: Option<Tz>, order: Option<DateOrder>) -> Result<Day, DayFlaw> {
    // The T of a time follows a digit; that of `31-August-2024` does not.
    let cut =
        text.as_bytes().windows(2).position(|pair| matches!(pair, [_, b' '] | [b'0'..=b'9', b'T' | b't']));
    let cut = cut.map(|before| before + 1);
    let (date, time) = match cut {
        Some(cut) => (text.get(..cut).unwrap_or_default(), text.get(cut + 1..).unwrap_or_default().trim()),
        None => (text, ""),
    };
    let date = date_of(date, order)?;
    if time.is_empty() {
        return Ok(Day { date, instant: false, midnight: false });
    }
    let wrong = || DayFlaw::Wrong(format!("{} is not a time of day", words::shown(time)));
    let (clock, offset) = time_of(time).ok_or_else(wrong)?;
    let Some(offset) = offset else { return Ok(Day { date, instant: false, midnight: false }) };
    let midnight = clock == NaiveTime::MIN;
    let Some(zone) = zone else { return Ok(Day { date, instant: true, midnight }) };
    let utc = NaiveDateTime::new(date, clock).checked_sub_signed(offset).ok_or_else(wrong)?;
    Ok(Day { date: zone.from_utc_datetime(&utc).date_naive(), instant: true, midnight })
}

/// What a text says about the order of day and month: `None` where it says nothing.
pub(crate) fn evidence(text: &str) -> Option<DateOrder> {
    let date = text.split(['T', 't', ' ']).next().unwrap_or_default();
    let (first, second, year) = year_last(date)?;
    let (first, second): (u32, u32) = (number(first, 2)?, number(second, 2)?);
    number(year, 4).filter(|_| year.len() == 4)?;
    match (first, second) {
        (13..=31, 1..=12) => Some(DateOrder::DayFirst),
        (1..=12, 13..=31) => Some(DateOrder::MonthFirst),
        _ => None,
    }
}

/// The day that year, month and day name.
pub(crate) fn from_parts(year: i64, month: u32, day: u32) -> Result<NaiveDate, String> {
    let Some(year) = i32::try_from(year).ok().filter(|year| YEARS.contains(year)) else {
        return Err(format!("the year {year} is not between {} and {}", YEARS.start(), YEARS.end()));
    };
    NaiveDate::from_ymd_opt(year, month, day).ok_or_else(|| {
        if (1..=12).contains(&month) {
            format!("month {month} of {year} has no day {day}")
        } else {
            format!("there is no month {month}")
        }
    })
}

fn date_of(text: &str, order: Option<DateOrder>) -> Result<NaiveDate, DayFlaw> {
    let unknown =
        || DayFlaw::Wrong(format!("{} is not a date as 2024-12-31 or 31/12/2024", words::shown(text)));
    if let Some((year, month, day)) = year_first(text) {
        return from_parts(i64::from(year), month, day).map_err(DayFlaw::Wrong);
    }
    let (first, second, year) = year_last(text).ok_or_else(unknown)?;
    if year.len() != 4 {
        return Err(DayFlaw::Wrong(format!(
            "{} does not write its year with four digits",
            words::shown(text)
        )));
    }
    let year = i64::from(number(year, 4).ok_or_else(unknown)?);
    let first = number(first, 2).ok_or_else(unknown)?;
    if !second.as_bytes().first().is_some_and(u8::is_ascii_digit) {
        let month = words::month(second).ok_or_else(unknown)?;
        return from_parts(year, month, first).map_err(DayFlaw::Wrong);
    }
    let second = number(second, 2).ok_or_else(unknown)?;
    match order {
        None => Err(DayFlaw::Undecided),
        Some(DateOrder::DayFirst) => from_parts(year, second, first).map_err(DayFlaw::Wrong),
        Some(DateOrder::MonthFirst) => from_parts(year, first, second).map_err(DayFlaw::Wrong),
    }
}

/// `2024-12-31`, `2024/12/31` or `20241231`.
fn year_first(text: &str) -> Option<(u32, u32, u32)> {
    let part = |from: usize, to: usize| number(text.get(from..to)?, to - from);
    match (text.len(), text.as_bytes().get(4), text.as_bytes().get(7)) {
        (10, Some(b'-'), Some(b'-')) | (10, Some(b'/'), Some(b'/')) => {
            Some((part(0, 4)?, part(5, 7)?, part(8, 10)?))
        }
        (8, _, _) => Some((part(0, 4)?, part(4, 6)?, part(6, 8)?)),
        _ => None,
    }
}

/// The three parts of a date whose year stands last, as written.
fn year_last(text: &str) -> Option<(&str, &str, &str)> {
    let mark = ['/', '.', '-'].into_iter().find(|mark| text.contains(*mark))?;
    let mut parts = text.split(mark);
    let (first, second, year) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || first.is_empty() || first.len() > 2 {
        return None;
    }
    Some((first, second, year))
}

/// A number of at most so many digits and nothing but digits.
fn number(text: &str, digits: usize) -> Option<u32> {
    if text.is_empty() || text.len() > digits || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// A time of day, and its offset from UTC where one is written.
fn time_of(text: &str) -> Option<(NaiveTime, Option<Duration>)> {
    let (text, half) = match text.len().checked_sub(2).and_then(|at| Some((text.get(..at)?, text.get(at..)?)))
    {
        Some((rest, half)) if half.eq_ignore_ascii_case("am") => (rest.trim_end(), Some(0)),
        Some((rest, half)) if half.eq_ignore_ascii_case("pm") => (rest.trim_end(), Some(12)),
        _ => (text, None),
    };
    let (clock, offset) = if let Some(clock) = text.strip_suffix(['Z', 'z']) {
        (clock, Some(Duration::zero()))
    } else if let Some(clock) = text.strip_suffix("UTC") {
        (clock.trim_end(), Some(Duration::zero()))
    } else if let Some(at) = text.rfind(['+', '-']) {
        (text.get(..at)?.trim_end(), Some(offset_of(text.get(at..)?)?))
    } else {
        (text, None)
    };
    let mut parts = clock.split(':');
    let (hour, minute) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let second = match parts.next() {
        None => 0,
        Some(second) => {
            let (whole, fraction) = second.split_once(['.', ',']).unwrap_or((second, "0"));
            if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            // A leap second is on the day of the second before it.
            number(whole, 2)?.min(if whole == "60" { 59 } else { u32::MAX })
        }
    };
    if parts.next().is_some() {
        return None;
    }
    let hour = match half {
        None => hour,
        Some(half) => (1..=12).contains(&hour).then_some(hour % 12 + half)?,
    };
    Some((NaiveTime::from_hms_opt(hour, minute, second)?, offset))
}

/// `+07:00`, `+0700` or `+07`, up to 14 hours either way.
fn offset_of(text: &str) -> Option<Duration> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits = text.get(1..)?;
    let (hours, minutes) = match digits.len() {
        2 => (digits, "0"),
        4 => (digits.get(..2)?, digits.get(2..)?),
        _ => digits.split_once(':')?,
    };
    let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
    let minutes = i64::from((minutes < 60).then_some(hours * 60 + minutes)?);
    (minutes <= 14 * 60).then(|| Duration::minutes(sign * minutes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn iso(text: &str) -> NaiveDate {
        text.parse().expect(text)
    }

    fn read(text: &str) -> Result<NaiveDate, DayFlaw> {
        day(text, None, Some(DateOrder::DayFirst)).map(|day| day.date)
    }

    fn in_zone(text: &str, zone: Tz) -> NaiveDate {
        day(text, Some(zone), None).expect(text).date
    }

    #[test]
    fn one_day_is_read_from_each_way_to_write_it() {
        for text in [
            "2024-12-31",
            "2024/12/31",
            "20241231",
            "31/12/2024",
            "31.12.2024",
            "31-12-2024",
            "31-Dec-2024",
            "31/December/2024",
            "2024-12-31T23:59",
            "2024-12-31 23:59:59.123456",
            "31/12/2024 11:59 PM",
            "2024-12-31T23:59:60Z",
            "2024-12-31 00:00:00+00:00",
            "2024-12-31 10:00:00 UTC",
        ] {
            assert_eq!(read(text), Ok(iso("2024-12-31")), "{text}");
        }
        assert_eq!(read("1-Oct-2024"), Ok(iso("2024-10-01")));
        assert_eq!(read("31-August-2024 10:00"), Ok(iso("2024-08-31")));
        assert_eq!(read("1/8/2024 9:05"), Ok(iso("2024-08-01")));
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in [
            "",
            "yesterday",
            "2024-13-01",
            "2023-02-29",
            "2024-02-30",
            "31/04/2024",
            "31/12/24",
            "2024-1-1",
            "45292",
            "9999-12-31",
            "0000-00-00",
            "12/2024",
            "2024-12-31T25:00",
            "2024-12-31T10:61Z",
            "2024-12-31T10:00+15:00",
            "2024-12-31T10:00:00.Z",
            "2024-12-31T13:00 PM",
            "٣١/١٢/٢٠٢٤",
            "31/12/2024/1",
            "-1/-1/2024",
            "é0241231",
            "2024-12-31Té",
        ] {
            let read = read(text);
            assert!(matches!(&read, Err(DayFlaw::Wrong(_))), "{text}: {read:?}");
        }
        assert_eq!(read("29/02/2024"), Ok(iso("2024-02-29")));
    }

    #[test]
    fn the_order_of_day_and_month_is_never_taken_for_granted() {
        assert_eq!(day("03/04/2024", None, None), Err(DayFlaw::Undecided));
        assert_eq!(day("13/04/2024", None, None), Err(DayFlaw::Undecided), "the whole file is asked");
        assert_eq!(
            day("03/04/2024", None, Some(DateOrder::MonthFirst)).map(|d| d.date),
            Ok(iso("2024-03-04"))
        );
        assert_eq!(evidence("03/04/2024"), None);
        assert_eq!(evidence("13/04/2024 10:00"), Some(DateOrder::DayFirst));
        assert_eq!(evidence("4/13/2024"), Some(DateOrder::MonthFirst));
        for nothing in ["13/13/2024", "2024-13-04", "32/01/2024", "13/04/24", "", "//", "0/13/2024"] {
            assert_eq!(evidence(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn the_clock_of_the_hotel_decides_the_day_of_an_instant() {
        let (saigon, lisbon, new_york) = (Tz::Asia__Ho_Chi_Minh, Tz::Europe__Lisbon, Tz::America__New_York);
        assert_eq!(in_zone("2024-02-28T17:00:00Z", saigon), iso("2024-02-29"));
        assert_eq!(in_zone("2024-02-28T16:59:59Z", saigon), iso("2024-02-28"));
        assert_eq!(in_zone("2024-03-01T03:00:00Z", new_york), iso("2024-02-29"));
        assert_eq!(in_zone("2024-03-01T00:30:00+07:00", lisbon), iso("2024-02-29"));
        assert_eq!(in_zone("2024-03-01T03:00:00", new_york), iso("2024-03-01"), "its own clock already");
        // Summer time in Lisbon begins on 31 March and ends on 27 October 2024, at 01:00 UTC.
        assert_eq!(in_zone("2024-03-30T23:30:00Z", lisbon), iso("2024-03-30"));
        assert_eq!(in_zone("2024-03-31T23:30:00Z", lisbon), iso("2024-04-01"));
        assert_eq!(in_zone("2024-10-26T23:30:00Z", lisbon), iso("2024-10-27"));
        assert_eq!(in_zone("2024-10-27T23:30:00Z", lisbon), iso("2024-10-27"));
        // Samoa left out 30 December 2011.
        assert_eq!(in_zone("2011-12-30T09:59:00Z", Tz::Pacific__Apia), iso("2011-12-29"));
        assert_eq!(in_zone("2011-12-30T10:00:00Z", Tz::Pacific__Apia), iso("2011-12-31"));
    }

    #[test]
    fn a_day_stored_as_an_instant_is_noticed() {
        let day = day("2024-03-01T00:00:00Z", Some(Tz::America__New_York), None).expect("an instant");
        assert_eq!((day.date, day.instant, day.midnight), (iso("2024-02-29"), true, true));
    }
}
