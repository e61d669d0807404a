//! Bookings as plain numbers, and what is counted of them alone: lengths of stay, and segments.

use std::collections::{BTreeMap, HashMap};

use chrono::{Datelike, NaiveDate};
use innkeeper_hotel::{Booking, BookingStatus, KnownAt, RoomTypeName};
use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;

use super::input::{DemandError, History, MAX_ROOM_TYPES, Note};
use super::layout::{GROUPS, MAX_LEAD, Night, bucket_of, group_of};

/// Longest stay that is told apart; longer ones count as this long.
pub(super) const LONGEST: usize = 30;
/// Bookings that the coarser share is worth when a finer one is judged.
const PSEUDO: f64 = 20.0;

/// A segment's share of the requests.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SegmentShare {
    /// The segment; `None` gathers bookings that name none.
    pub segment: Option<String>,
    /// Its share, 0 to 1; the shares add up to 1.
    pub share: f64,
}

/// A booking, as known on the last day.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stay {
    pub kind: usize,
    /// Days of the common era.
    pub arrival: i32,
    pub nights: u16,
    pub booked: i32,
    /// Day on which the room became free again, if that is known.
    pub released: Option<i32>,
    /// Rate a night above 0, in the hotel's currency.
    pub rate: Option<f64>,
    pub segment: usize,
}

impl Stay {
    /// Days ahead.
    pub fn lead(&self) -> i32 {
        self.arrival - self.booked
    }
}

/// The bookings of a hotel.
#[derive(Debug)]
pub(super) struct Stays {
    pub kinds: Vec<RoomTypeName>,
    pub segments: Vec<Option<String>>,
    pub list: Vec<Stay>,
}

fn day(date: NaiveDate) -> i32 {
    date.num_days_from_ce()
}

impl Stays {
    /// Reads what was known on `as_of`.
    pub fn read(history: &History<'_>, notes: &mut Vec<Note>) -> Result<Self, DemandError> {
        if !(1..=9990).contains(&history.as_of.year()) {
            return Err(DemandError::OutsideCalendar(history.as_of));
        }
        let mut places: HashMap<&RoomTypeName, usize> = HashMap::new();
        let known = || history.bookings.iter().filter(|booking| booking.booked_on <= history.as_of);
        let named: std::collections::BTreeSet<&RoomTypeName> =
            history.rooms.keys().chain(known().map(|booking| &booking.room_type)).collect();
        if named.len() > MAX_ROOM_TYPES {
            return Err(DemandError::TooManyRoomTypes(named.len()));
        }
        for (place, name) in named.iter().enumerate() {
            places.insert(*name, place);
        }
        let mut segments: HashMap<Option<&str>, usize> = HashMap::new();
        let (mut stays, mut odd, mut by_day) = (Vec::new(), 0, 0);
        for booking in known() {
            if !usable(booking) {
                odd += 1;
                continue;
            }
            if booking.stay.nights == 0 {
                by_day += 1;
                continue;
            }
            let gone = match booking.known_at(history.as_of) {
                KnownAt::Known(BookingStatus::Cancelled | BookingStatus::NoShow) => booking.status_on,
                _ => None,
            };
            let priced = booking.currency.is_none_or(|currency| currency == history.currency);
            let segment = segments.len();
            stays.push(Stay {
                kind: places.get(&booking.room_type).copied().unwrap_or(0),
                arrival: day(booking.stay.arrival),
                nights: booking.stay.nights,
                booked: day(booking.booked_on),
                released: gone.map(day),
                rate: booking
                    .rate
                    .filter(|_| priced)
                    .and_then(|rate| rate.to_f64())
                    .filter(|rate| *rate > 0.0),
                segment: *segments.entry(booking.segment.as_deref()).or_insert(segment),
            });
        }
        if odd > 0 {
            notes.push(Note::OddBookings { bookings: odd });
        }
        if by_day > 0 {
            notes.push(Note::DayUse { bookings: by_day });
        }
        let mut names = vec![None; segments.len()];
        for (name, place) in segments {
            names[place] = name.map(str::to_owned);
        }
        Ok(Self { kinds: named.into_iter().cloned().collect(), segments: names, list: stays })
    }

    /// Chance of each length of stay by room type, from 1 night, shrunk to that of the hotel.
    pub fn lengths(&self) -> Vec<Vec<f64>> {
        let mut all = vec![0.0; LONGEST];
        let mut counts = vec![vec![0.0; LONGEST]; self.kinds.len()];
        for stay in &self.list {
            let at = usize::from(stay.nights).min(LONGEST) - 1;
            all[at] += 1.0;
            counts[stay.kind][at] += 1.0;
        }
        let whole: f64 = all.iter().sum();
        for counts in &mut counts {
            let own: f64 = counts.iter().sum();
            for (count, all) in counts.iter_mut().zip(&all) {
                *count = (*count + PSEUDO * all / whole.max(1.0)) / (own + PSEUDO);
            }
        }
        counts
    }

    /// Shares of the segments by room type, coarse lead time, and weekend or not: shrunk to those of the type, and these to
    /// those of the hotel.
    pub fn shares(&self) -> Vec<Vec<f64>> {
        let many = self.segments.len();
        let mut hotel = vec![0.0; many];
        let mut types = vec![vec![0.0; many]; self.kinds.len()];
        let mut cells = vec![vec![0.0; many]; self.kinds.len() * GROUPS * 2];
        for stay in &self.list {
            let Some(bucket) = u16::try_from(stay.lead()).ok().and_then(bucket_of) else { continue };
            let weekday = Night::of_day(stay.arrival).weekday;
            hotel[stay.segment] += 1.0;
            types[stay.kind][stay.segment] += 1.0;
            cells[share_cell(stay.kind, bucket, weekday)][stay.segment] += 1.0;
        }
        let shrink = |counts: &mut Vec<f64>, toward: &[f64]| {
            let own: f64 = counts.iter().sum();
            for (count, toward) in counts.iter_mut().zip(toward) {
                *count = (*count + PSEUDO * toward) / (own + PSEUDO);
            }
        };
        let even = vec![1.0 / many.max(1) as f64; many];
        shrink(&mut hotel, &even);
        for (kind, counts) in types.iter_mut().enumerate() {
            shrink(counts, &hotel);
            for cell in cells.iter_mut().skip(kind * GROUPS * 2).take(GROUPS * 2) {
                shrink(cell, counts);
            }
        }
        cells
    }

    /// Median rate of bookings by room type, week of arrival and coarse lead time; by type and week; by type.
    pub fn medians(&self) -> Medians {
        let mut fine: HashMap<(usize, i32, usize), Vec<f64>> = HashMap::new();
        let mut weeks: HashMap<(usize, i32), Vec<f64>> = HashMap::new();
        let mut types: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        for stay in &self.list {
            let Some(rate) = stay.rate else { continue };
            let bucket = u16::try_from(stay.lead().clamp(0, i32::from(MAX_LEAD))).ok().and_then(bucket_of);
            let Some(bucket) = bucket else { continue };
            let week = stay.arrival.div_euclid(7);
            fine.entry((stay.kind, week, group_of(bucket))).or_default().push(rate);
            weeks.entry((stay.kind, week)).or_default().push(rate);
            types.entry(stay.kind).or_default().push(rate);
        }
        Medians {
            fine: fine.into_iter().map(|(key, rates)| (key, median(rates))).collect(),
            weeks: weeks.into_iter().map(|(key, rates)| (key, median(rates))).collect(),
            types: types.into_iter().map(|(key, rates)| (key, median(rates))).collect(),
        }
    }
}

/// Whether a booking's parts agree and lie within a believable calendar.
fn usable(booking: &Booking) -> bool {
    booking.check().is_ok()
        && (1..=9995).contains(&booking.stay.arrival.year())
        && booking.booked_on.year() >= 1
}

/// The cell of [`Stays::shares`].
pub(super) fn share_cell(kind: usize, bucket: usize, weekday: usize) -> usize {
    (kind * GROUPS + group_of(bucket)) * 2 + usize::from(matches!(weekday, 4 | 5))
}

/// The median; 0 of nothing.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    let middle = values.len() / 2;
    if values.is_empty() {
        return 0.0;
    }
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// Median rates of bookings.
#[derive(Debug)]
pub(super) struct Medians {
    fine: HashMap<(usize, i32, usize), f64>,
    weeks: HashMap<(usize, i32), f64>,
    types: BTreeMap<usize, f64>,
}

impl Medians {
    /// What was paid around a night at a lead time.
    pub fn at(&self, kind: usize, night: i32, bucket: usize) -> Option<f64> {
        let week = night.div_euclid(7);
        let fine = self.fine.get(&(kind, week, group_of(bucket)));
        fine.or_else(|| self.weeks.get(&(kind, week))).or_else(|| self.types.get(&kind)).copied()
    }

    /// What was paid for a type.
    pub fn of_type(&self, kind: usize) -> Option<f64> {
        self.types.get(&kind).copied()
    }
}
