//! Booking curves: what was on the books for a night, as known at the end of each day before it.
//!
//! A booking takes part on a day while it has been made and is not yet known to be cancelled or a no-show. Everything is
//! counted from one compact record a booking, so that a view as of a day ([`BookingCurves::as_of`]) costs one pass and
//! holds nothing that was learnt later.

use std::collections::HashMap;

use chrono::{Datelike, NaiveDate};
use innkeeper_hotel::{Booking, Deposit, RoomTypeName};
use rust_decimal::prelude::ToPrimitive;

/// A day that never comes: the booking was not taken back.
pub const NEVER: i32 = i32::MAX;

/// What is counted of a booking on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Rooms taken in the night that begins on the day.
    Rooms,
    /// Room revenue of that night: the rate of each room taken.
    Revenue,
    /// Arrivals on the day.
    Arrivals,
    /// Departures on the day.
    Departures,
    /// Rooms whose guests were there the night before and stay for the next.
    StayOvers,
}

/// One booking, as days since the common era (`NaiveDate::num_days_from_ce`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Record {
    /// Day on which it was made.
    pub booked: i32,
    /// First night.
    pub arrival: i32,
    /// Day of departure.
    pub departure: i32,
    /// Day on which it became known that it takes no room; [`NEVER`] while it holds.
    pub gone: i32,
    /// Rate a night; `None` where the source does not say.
    pub rate: Option<f32>,
    /// Index into [`BookingCurves::room_types`].
    pub room_type: u32,
    /// Index into [`BookingCurves::kinds`].
    pub kind: u32,
    /// Bookings made on the same day by the same party for the same nights, this one included, at most 255: blocks
    /// are kept or given back together.
    pub block: u8,
}

impl Record {
    /// The days on which `measure` counts this booking: from the first to before the second.
    pub fn days(&self, measure: Measure) -> (i32, i32) {
        match measure {
            Measure::Rooms | Measure::Revenue => (self.arrival, self.departure),
            Measure::Arrivals => (self.arrival, self.arrival.saturating_add(1)),
            Measure::Departures => (self.departure, self.departure.saturating_add(1)),
            Measure::StayOvers => {
                (self.arrival.saturating_add(1), self.departure.max(self.arrival.saturating_add(1)))
            }
        }
    }
}

/// Bookings that are expected to be kept or cancelled alike, from the coarse kind to the fine one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// By deposit.
    pub coarse: u32,
    /// By deposit, segment, customer type and lead time at booking.
    pub middle: u32,
}

/// The bookings of one hotel, ready to be counted by night and lead time.
///
/// Only what is agreed when a booking is made decides its [`Kind`]: never the country, changes, parking or requests,
/// which systems fill in later.
#[derive(Debug, Clone, Default)]
pub struct BookingCurves {
    records: Vec<Record>,
    room_types: Vec<RoomTypeName>,
    kinds: Vec<Kind>,
    coarse: u32,
    middle: u32,
}

/// Numbers names in the order in which they come.
#[derive(Default)]
struct Interner<'a> {
    numbers: HashMap<&'a str, u32>,
}

impl<'a> Interner<'a> {
    fn number(&mut self, text: Option<&'a str>) -> u32 {
        let next = self.numbers.len() as u32 + 1;
        text.map_or(0, |text| *self.numbers.entry(text).or_insert(next))
    }
}

fn number<K: std::hash::Hash + Eq>(numbers: &mut HashMap<K, u32>, key: K) -> u32 {
    let next = numbers.len() as u32;
    *numbers.entry(key).or_insert(next)
}

/// Lead time at booking in steps of about three: same week, fortnight, six weeks, four months, more.
fn lead_step(days: i32) -> u8 {
    match days {
        ..=2 => 0,
        3..=14 => 1,
        15..=45 => 2,
        46..=120 => 3,
        _ => 4,
    }
}

impl BookingCurves {
    /// Reads the bookings once. Rates that are no finite number count as unknown.
    pub fn new<'a>(bookings: impl IntoIterator<Item = &'a Booking>) -> Self {
        let mut texts = Interner::default();
        let mut types: HashMap<&RoomTypeName, u32> = HashMap::new();
        let mut blocks: HashMap<(i32, i32, i32, u32, u32), u32> = HashMap::new();
        let mut owners = Vec::new();
        let (mut coarse, mut middle, mut fine) = (HashMap::new(), HashMap::new(), HashMap::new());
        let mut curves = Self::default();
        for booking in bookings {
            let arrival = booking.stay.arrival.num_days_from_ce();
            let booked = booking.booked_on.num_days_from_ce().min(arrival);
            let gone = if booking.status.takes_a_room() {
                NEVER
            } else {
                booking.status_on.map_or(booked, |day| day.num_days_from_ce())
            };
            let segment = texts.number(booking.segment.as_deref());
            let customer = texts.number(booking.customer_type.as_deref());
            let agent = texts.number(booking.agent.as_deref().or(booking.company.as_deref()));
            let deposit = match booking.deposit {
                None => 0_u8,
                Some(Deposit::None) => 1,
                Some(Deposit::Refundable) => 2,
                Some(Deposit::NonRefundable) => 3,
            };
            let lead = lead_step(arrival.saturating_sub(booked));
            let coarse_number = number(&mut coarse, deposit);
            let middle_number = number(&mut middle, (deposit, segment, customer, lead));
            let kind = number(&mut fine, (middle_number, agent));
            if kind as usize == curves.kinds.len() {
                curves.kinds.push(Kind { coarse: coarse_number, middle: middle_number });
            }
            let room_type = number(&mut types, &booking.room_type);
            if room_type as usize == curves.room_types.len() {
                curves.room_types.push(booking.room_type.clone());
            }
            let departure = arrival.saturating_add(i32::from(booking.stay.nights));
            let owner = (booked, arrival, departure, agent, segment);
            *blocks.entry(owner).or_insert(0) += 1;
            owners.push(owner);
            let rate = booking.rate.and_then(|rate| rate.to_f32()).filter(|rate| rate.is_finite());
            curves.records.push(Record { booked, arrival, departure, gone, rate, room_type, kind, block: 1 });
        }
        for (record, owner) in curves.records.iter_mut().zip(&owners) {
            record.block = blocks.get(owner).map_or(1, |&size| size.clamp(1, 255) as u8);
        }
        curves.coarse = coarse.len() as u32;
        curves.middle = middle.len() as u32;
        curves
    }

    /// The same hotel as known at the end of `day`: bookings made later are not there, and what was taken back later
    /// still holds.
    #[must_use]
    pub fn as_of(&self, day: NaiveDate) -> Self {
        let day = day.num_days_from_ce();
        let records = self
            .records
            .iter()
            .filter(|record| record.booked <= day)
            .map(|record| Record { gone: if record.gone > day { NEVER } else { record.gone }, ..*record })
            .collect();
        Self { records, room_types: self.room_types.clone(), kinds: self.kinds.clone(), ..*self }
    }

    /// The bookings, in the order in which they came.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The room types that were booked, in the order in which they came.
    pub fn room_types(&self) -> &[RoomTypeName] {
        &self.room_types
    }

    /// The fine kinds of bookings; a record's `kind` is an index into them.
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// How many coarse kinds and how many middle kinds there are.
    pub fn coarser(&self) -> (usize, usize) {
        (self.coarse as usize, self.middle as usize)
    }

    /// First day of arrival of any booking; `None` without bookings.
    pub fn first_arrival(&self) -> Option<NaiveDate> {
        self.records.iter().map(|record| record.arrival).min().and_then(NaiveDate::from_num_days_from_ce_opt)
    }

    /// Last day on which any guest leaves; `None` without bookings.
    pub fn last_departure(&self) -> Option<NaiveDate> {
        self.records
            .iter()
            .map(|record| record.departure)
            .max()
            .and_then(NaiveDate::from_num_days_from_ce_opt)
    }

    /// What `measure` comes to on each of `days` days from `first`, with everything that is known here: the truth, once the
    /// days are past. Unknown rates count as zero. `room_type` is an index into [`Self::room_types`].
    pub fn totals(
        &self,
        measure: Measure,
        room_type: Option<u32>,
        first: NaiveDate,
        days: usize,
    ) -> Vec<f64> {
        let first = first.num_days_from_ce();
        let mut totals = vec![0.0; days];
        for record in &self.records {
            if record.gone != NEVER || room_type.is_some_and(|wanted| wanted != record.room_type) {
                continue;
            }
            let weight = weight(record, measure);
            let (from, until) = record.days(measure);
            for total in window(&mut totals, from, until, first) {
                *total += weight;
            }
        }
        totals
    }

    /// The booking curve of one night: what was on the books for it at the end of the day `lead` days before, for each lead
    /// from 0 to `longest`.
    pub fn curve(&self, measure: Measure, night: NaiveDate, longest: u16) -> Vec<f64> {
        let night = night.num_days_from_ce();
        let mut curve = vec![0.0; usize::from(longest) + 1];
        for record in &self.records {
            let (from, until) = record.days(measure);
            if night < from || night >= until {
                continue;
            }
            let oldest = night.saturating_sub(record.booked);
            let newest = if record.gone == NEVER { 0 } else { night.saturating_sub(record.gone) + 1 };
            let weight = weight(record, measure);
            for lead in newest.max(0)..=oldest.min(i32::from(longest)) {
                if let Some(value) = usize::try_from(lead).ok().and_then(|lead| curve.get_mut(lead)) {
                    *value += weight;
                }
            }
        }
        curve
    }
}

fn weight(record: &Record, measure: Measure) -> f64 {
    if measure == Measure::Revenue { record.rate.map_or(0.0, f64::from) } else { 1.0 }
}

/// The part of `totals` (whose first day is `first`) from day `from` to before day `until`.
fn window(totals: &mut [f64], from: i32, until: i32, first: i32) -> &mut [f64] {
    let clamp = |day: i32| usize::try_from(day.saturating_sub(first)).unwrap_or(0).min(totals.len());
    let (from, until) = (clamp(from), clamp(until));
    totals.get_mut(from..until.max(from)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use innkeeper_hotel::{BookingStatus, Stay};

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect(text)
    }

    fn booking(booked_on: &str, arrival: &str, nights: u16) -> Booking {
        Booking::confirmed(
            format!("{booked_on}-{arrival}-{nights}").parse().expect("id"),
            day(booked_on),
            Stay { arrival: day(arrival), nights },
            "deluxe".parse().expect("type"),
        )
    }

    #[test]
    fn a_cancellation_after_the_day_still_counts_as_booked() {
        let kept = booking("2024-01-01", "2024-02-28", 2);
        let lost = Booking {
            status: BookingStatus::Cancelled,
            status_on: Some(day("2024-02-20")),
            ..booking("2024-02-10", "2024-02-28", 2)
        };
        let curves = BookingCurves::new([&kept, &lost]);
        let curve = curves.curve(Measure::Rooms, day("2024-02-29"), 60);
        assert_eq!((curve[0], curve[9], curve[10], curve[19], curve[20]), (1.0, 1.0, 2.0, 2.0, 1.0));
        assert_eq!((curve[59], curve[60]), (1.0, 0.0), "booked 59 days before the leap night");
        let then = curves.as_of(day("2024-02-15"));
        assert_eq!(then.totals(Measure::Rooms, None, day("2024-02-28"), 3), vec![2.0, 2.0, 0.0]);
        assert_eq!(curves.totals(Measure::Rooms, None, day("2024-02-28"), 3), vec![1.0, 1.0, 0.0]);
        assert_eq!(curves.as_of(day("2024-01-31")).records().len(), 1, "not made yet");
    }

    #[test]
    fn arrivals_stay_overs_and_departures_add_up_to_the_nights() {
        let curves = BookingCurves::new([&booking("2024-01-01", "2024-02-28", 3)]);
        let count = |measure| curves.totals(measure, None, day("2024-02-27"), 6);
        assert_eq!(count(Measure::Rooms), vec![0.0, 1.0, 1.0, 1.0, 0.0, 0.0]);
        assert_eq!(count(Measure::Arrivals), vec![0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(count(Measure::StayOvers), vec![0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
        assert_eq!(count(Measure::Departures), vec![0.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn a_room_used_by_day_takes_no_night() {
        let curves = BookingCurves::new([&booking("2024-01-01", "2024-02-28", 0)]);
        assert_eq!(curves.totals(Measure::Rooms, None, day("2024-02-28"), 1), vec![0.0]);
        assert_eq!(curves.totals(Measure::StayOvers, None, day("2024-02-28"), 2), vec![0.0, 0.0]);
    }
}
