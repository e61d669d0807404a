//! What had happened before a booking was made.
//!
//! "Before" is the end of the day before: of two bookings made on one day none is part of the other's history, so that the
//! history of a booking depends neither on the order of the rows nor on the day as of which it is looked at.

use std::collections::HashMap;

use chrono::{Datelike, NaiveDate};
use polars::prelude::{DataFrame, PolarsResult};

use crate::columns::{amount, counts_of, days_of, full_days_of};
use crate::date_of;
use crate::stays::{Coded, NO_WORD, prices_of};

/// Room type and month of arrival.
type Group = (u32, i32);

fn month_of(arrival: NaiveDate) -> i32 {
    arrival.year() * 12 + arrival.month0() as i32
}

/// The rates of each room type and month of arrival, by the day on which they were booked.
pub(super) struct RateHistory {
    room_types: Vec<String>,
    /// Sorted by day; count and sum of all bookings up to and including that day.
    groups: HashMap<Group, Vec<(i32, u32, i128)>>,
}

impl RateHistory {
    pub(super) fn new(known: &DataFrame, currency: Option<&str>) -> PolarsResult<Self> {
        let room_type = Coded::new(known.column("room_type")?.str()?);
        let booked = full_days_of(known, "booked_on")?;
        let arrival = full_days_of(known, "arrival")?;
        let prices = prices_of(known, "rate", currency)?;
        let mut groups = HashMap::<Group, Vec<(i32, u32, i128)>>::new();
        for (((code, booked), arrival), price) in
            room_type.codes.iter().zip(&booked).zip(&arrival).zip(&prices)
        {
            if let Some(price) = price {
                let group = (*code, month_of(date_of(*arrival)));
                groups.entry(group).or_default().push((*booked, 1, i128::from(*price)));
            }
        }
        for group in groups.values_mut() {
            group.sort_unstable_by_key(|(day, _, _)| *day);
            let (mut count, mut sum) = (0_u32, 0_i128);
            for (_, so_far, total) in group.iter_mut() {
                count += 1;
                sum += *total;
                (*so_far, *total) = (count, sum);
            }
        }
        Ok(Self { room_types: room_type.words, groups })
    }

    /// Bookings with a rate for the same room type and month made before the day `booked`, and the mean of their rates; none
    /// where there are none.
    pub(super) fn before(&self, room_type: &str, arrival: NaiveDate, booked: i32) -> Option<(u32, f64)> {
        let code = self.room_types.binary_search_by(|word| word.as_str().cmp(room_type)).ok()?;
        let group = self.groups.get(&(code as u32, month_of(arrival)))?;
        let earlier = group.partition_point(|(day, _, _)| *day < booked);
        let (_, count, sum) = group.get(earlier.checked_sub(1)?)?;
        Some((*count, amount(*sum) / f64::from(*count)))
    }
}

/// What can happen to a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Booked,
    Stayed,
    /// A stay that was found not to have been one: a no-show or cancellation recorded after the departure.
    StayTakenBack,
    Cancelled,
}

/// Bookings, stays and cancellations so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) bookings: u32,
    pub(super) stays: u32,
    pub(super) cancellations: u32,
}

/// What happened to the bookings of each guest, or agent, and when.
pub(super) struct Earlier {
    column: &'static str,
    words: Vec<String>,
    /// Who, what and on which day, sorted.
    events: Vec<(u32, Kind, i32)>,
}

impl Earlier {
    pub(super) fn new(known: &DataFrame, column: &'static str) -> PolarsResult<Self> {
        let Coded { words, codes } = Coded::new(known.column(column)?.str()?);
        let booked = full_days_of(known, "booked_on")?;
        let arrival = full_days_of(known, "arrival")?;
        let nights = counts_of(known, "nights")?;
        let status = known.column("status")?.str()?;
        let status_on = days_of(known, "status_on")?;
        let mut events = Vec::new();
        let rows = codes.iter().zip(&booked).zip(arrival.iter().zip(&nights));
        for (((who, booked), (arrival, nights)), (status, on)) in rows.zip(status.iter().zip(&status_on)) {
            if *who == NO_WORD {
                continue;
            }
            events.push((*who, Kind::Booked, *booked));
            let departure = crate::columns::clamp_day(i64::from(*arrival) + i64::from(*nights));
            match (status, on) {
                (Some("cancelled" | "no_show"), Some(on)) => {
                    if *on > departure {
                        events.push((*who, Kind::Stayed, departure));
                        events.push((*who, Kind::StayTakenBack, *on));
                    }
                    if status == Some("cancelled") {
                        events.push((*who, Kind::Cancelled, *on));
                    }
                }
                (_, on) => events.push((*who, Kind::Stayed, on.map_or(departure, |on| on.min(departure)))),
            }
        }
        events.sort_unstable();
        Ok(Self { column, words, events })
    }

    /// For each booking what had happened before the day on which it was made; none where it names nobody.
    pub(super) fn before(&self, bookings: &DataFrame, booked: &[i32]) -> PolarsResult<Vec<Option<Seen>>> {
        let who = bookings.column(self.column)?.str()?;
        Ok(who.iter().zip(booked).map(|(who, booked)| Some(self.of(who?, *booked))).collect())
    }

    fn of(&self, who: &str, booked: i32) -> Seen {
        let Ok(code) = self.words.binary_search_by(|word| word.as_str().cmp(who)) else {
            return Seen::default();
        };
        let code = code as u32;
        let count = |kind: Kind| {
            let start = self.events.partition_point(|event| *event < (code, kind, i32::MIN));
            let end = self.events.partition_point(|event| *event < (code, kind, booked));
            end.saturating_sub(start) as u32
        };
        Seen {
            bookings: count(Kind::Booked),
            stays: count(Kind::Stayed).saturating_sub(count(Kind::StayTakenBack)),
            cancellations: count(Kind::Cancelled),
        }
    }
}
