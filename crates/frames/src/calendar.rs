use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};
use polars::prelude::*;

use crate::columns::{counts, date_of, dates, flags, full_days_of, integers, texts};
use crate::frame::{ColumnType, FrameDescription, full, open};
use crate::{AsOf, FramesError, Window};

const ALWAYS: &str = "always";
const EVENTS: &str = "from the day on which the hotel learnt of the event";

pub(crate) const DESCRIPTION: FrameDescription = FrameDescription {
    name: "calendar",
    version: 1,
    row: "a night of the window",
    sorted_by: &["night"],
    point_in_time: true,
    columns: &[
        full("night", ColumnType::Date, "", "the night", ALWAYS),
        full("weekday", ColumnType::Count, "1 to 7", "weekday, Monday is 1", ALWAYS),
        full("weekend", ColumnType::Flag, "", "a Friday or Saturday night", ALWAYS),
        full("day", ColumnType::Count, "1 to 31", "day of the month", ALWAYS),
        full("month", ColumnType::Count, "1 to 12", "month", ALWAYS),
        full("year", ColumnType::Integer, "", "year", ALWAYS),
        full("day_of_year", ColumnType::Count, "1 to 366", "day of the year", ALWAYS),
        full("week", ColumnType::Count, "1 to 53", "week of the year, ISO 8601", ALWAYS),
        full("events", ColumnType::Count, "events", "events on that day", EVENTS),
        open(
            "event_kinds",
            ColumnType::Text,
            "",
            "their kinds, sorted, each once, between commas; empty without one",
            EVENTS,
        ),
        full("holiday", ColumnType::Flag, "", "an event of the kind holiday", EVENTS),
        open(
            "days_to_event",
            ColumnType::Integer,
            "days",
            "to the next event, 0 during one; empty if none is known",
            EVENTS,
        ),
        open(
            "days_since_event",
            ColumnType::Integer,
            "days",
            "since the last event, 0 during one; empty if there was none",
            EVENTS,
        ),
        full("closed", ColumnType::Flag, "", "the whole hotel is not sold", "taken as known always"),
        full(
            "closed_room_types",
            ColumnType::Count,
            "room types",
            "room types that are not sold, where the hotel is open",
            "taken as known always",
        ),
    ],
};

/// The word of the kind of event that is a public holiday.
const HOLIDAY: &str = "holiday";

/// Weekday, season, events and closures of each night, as known at the end of the day. [`describe`](crate::describe) says what each
/// column is. Events before and after the window count for the distances.
///
/// # Errors
/// [`FramesError::Engine`] when a table cannot be read.
pub fn calendar(as_of: &AsOf, window: Window) -> Result<DataFrame, FramesError> {
    let nights = window.nights();
    let days: Vec<i32> = (0..nights as i32).map(|place| window.first_day() + place).collect();
    let night: Vec<NaiveDate> = days.iter().map(|day| date_of(*day)).collect();
    let events = Events::new(as_of, window)?;
    let (closed, closed_types) = closures(as_of, window)?;
    let dated = |of: fn(&NaiveDate) -> u32| night.iter().map(move |night| Some(of(night)));
    let columns = vec![
        dates("night", days.iter().copied().map(Some)),
        counts("weekday", dated(|night| night.weekday().number_from_monday())),
        flags(
            "weekend",
            night.iter().map(|night| Some((5..=6).contains(&night.weekday().number_from_monday()))),
        ),
        counts("day", dated(Datelike::day)),
        counts("month", dated(Datelike::month)),
        integers("year", night.iter().map(|night| Some(night.year()))),
        counts("day_of_year", dated(Datelike::ordinal)),
        counts("week", dated(|night| night.iso_week().week())),
        counts("events", events.count.iter().copied().map(Some)),
        texts("event_kinds", events.kinds.iter().map(Option::as_deref)),
        flags("holiday", events.holiday.iter().copied().map(Some)),
        integers("days_to_event", events.ahead.into_iter()),
        integers("days_since_event", events.behind.into_iter()),
        flags("closed", closed.into_iter().map(Some)),
        counts("closed_room_types", closed_types.into_iter().map(Some)),
    ];
    DESCRIPTION.assemble(nights, columns)
}

/// What the known events say of each night of the window.
struct Events {
    count: Vec<u32>,
    kinds: Vec<Option<String>>,
    holiday: Vec<bool>,
    ahead: Vec<Option<i32>>,
    behind: Vec<Option<i32>>,
}

impl Events {
    fn new(as_of: &AsOf, window: Window) -> Result<Self, FramesError> {
        let table = as_of.events().collect()?;
        let from = full_days_of(&table, "from")?;
        let until = full_days_of(&table, "until")?;
        let kind = table.column("kind")?.str()?;
        // An event that ends before it begins is none.
        let spans: Vec<(i32, i32, &str)> = from
            .into_iter()
            .zip(until)
            .zip(kind.iter())
            .filter(|((from, until), _)| from <= until)
            .map(|((from, until), kind)| (from, until, kind.unwrap_or_default()))
            .collect();
        let nights = window.nights();
        let mut starts: Vec<Vec<&str>> = vec![Vec::new(); nights];
        let mut ends: Vec<Vec<&str>> = vec![Vec::new(); nights + 1];
        for (from, until, kind) in &spans {
            let Some((start, end)) = window.part(i64::from(*from), i64::from(*until) + 1) else { continue };
            if let (Some(starts), Some(ends)) = (starts.get_mut(start), ends.get_mut(end)) {
                starts.push(kind);
                ends.push(kind);
            }
        }
        let mut made = Self {
            count: Vec::with_capacity(nights),
            kinds: Vec::with_capacity(nights),
            holiday: Vec::with_capacity(nights),
            ahead: Vec::new(),
            behind: Vec::new(),
        };
        let mut running = BTreeMap::<&str, u32>::new();
        let mut shown: Option<String> = None;
        for (starts, ends) in starts.iter().zip(&ends) {
            for kind in starts {
                *running.entry(kind).or_default() += 1;
            }
            for kind in ends {
                if let Some(count) = running.get_mut(kind) {
                    *count = count.saturating_sub(1);
                }
            }
            if !(starts.is_empty() && ends.is_empty()) {
                running.retain(|_, count| *count > 0);
                let kinds: Vec<&str> = running.keys().copied().collect();
                shown = (!kinds.is_empty()).then(|| kinds.join(","));
            }
            made.count.push(running.values().sum());
            made.holiday.push(running.keys().any(|kind| kind.eq_ignore_ascii_case(HOLIDAY)));
            made.kinds.push(shown.clone());
        }
        made.ahead = ahead(&spans, window);
        made.behind = behind(&spans, window);
        Ok(made)
    }
}

fn span_of_days(days: i64) -> i32 {
    days.clamp(0, i64::from(i32::MAX)) as i32
}

/// Days from each night to the next event, 0 during one.
fn ahead(spans: &[(i32, i32, &str)], window: Window) -> Vec<Option<i32>> {
    let mut starts: Vec<i64> = spans.iter().map(|(from, _, _)| i64::from(*from)).collect();
    starts.sort_unstable();
    let during = during(spans, window);
    (0..window.nights())
        .map(|place| {
            let night = i64::from(window.first_day()) + place as i64;
            if during.get(place) == Some(&true) {
                return Some(0);
            }
            starts
                .get(starts.partition_point(|start| *start < night))
                .map(|start| span_of_days(start - night))
        })
        .collect()
}

/// Days from the last event to each night, 0 during one.
fn behind(spans: &[(i32, i32, &str)], window: Window) -> Vec<Option<i32>> {
    let mut ends: Vec<i64> = spans.iter().map(|(_, until, _)| i64::from(*until)).collect();
    ends.sort_unstable();
    let during = during(spans, window);
    (0..window.nights())
        .map(|place| {
            let night = i64::from(window.first_day()) + place as i64;
            if during.get(place) == Some(&true) {
                return Some(0);
            }
            let passed = ends.partition_point(|end| *end < night);
            ends.get(passed.checked_sub(1)?).map(|end| span_of_days(night - end))
        })
        .collect()
}

fn during(spans: &[(i32, i32, &str)], window: Window) -> Vec<bool> {
    let mut steps = vec![0_i64; window.nights() + 1];
    for (from, until, _) in spans {
        if let Some((start, end)) = window.part(i64::from(*from), i64::from(*until) + 1) {
            for (place, step) in [(start, 1), (end, -1)] {
                if let Some(value) = steps.get_mut(place) {
                    *value += step;
                }
            }
        }
    }
    let mut level = 0;
    steps
        .into_iter()
        .take(window.nights())
        .map(|step| {
            level += step;
            level > 0
        })
        .collect()
}

/// For each night whether the whole hotel is closed, and how many room types are where it is not.
fn closures(as_of: &AsOf, window: Window) -> Result<(Vec<bool>, Vec<u32>), FramesError> {
    let table = as_of.closures().collect()?;
    let mut closed = vec![false; window.nights()];
    let mut by_type = BTreeMap::<&str, Vec<(usize, usize)>>::new();
    let from = full_days_of(&table, "from")?;
    let until = full_days_of(&table, "until")?;
    for ((from, until), room_type) in
        from.into_iter().zip(until).zip(table.column("room_type")?.str()?.iter())
    {
        let Some(part) = window.part(i64::from(from), i64::from(until) + 1) else { continue };
        match room_type {
            None => {
                if let Some(nights) = closed.get_mut(part.0..part.1) {
                    nights.fill(true);
                }
            }
            Some(room_type) => by_type.entry(room_type).or_default().push(part),
        }
    }
    let mut types = vec![0_u32; window.nights()];
    for mut parts in by_type.into_values() {
        parts.sort_unstable();
        let mut reached = 0;
        for (start, end) in parts {
            let start = start.max(reached);
            if let Some(nights) = types.get_mut(start..end.max(start)) {
                for count in nights.iter_mut() {
                    *count += 1;
                }
            }
            reached = reached.max(end);
        }
    }
    for (count, closed) in types.iter_mut().zip(&closed) {
        if *closed {
            *count = 0;
        }
    }
    Ok((closed, types))
}
