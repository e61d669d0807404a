//! From bookings to panels: which days are known, which of them can be learnt from, and how high a measure can go.

use std::collections::{HashMap, HashSet};

use chrono::{Datelike, Days, NaiveDate};
use innkeeper_frames::curves::{BookingCurves, Measure, NEVER};
use innkeeper_hotel::RoomTypeName;

use crate::Note;
use crate::matrix::{self, Extent, SurvivalSettings};
use crate::panel::Panel;
use crate::request::{ForecastError, History, LEAST_DAYS, LEAST_NIGHTS};
use crate::settings::Settings;

/// First nights of the bookings, which lack the guests who had come before; left out where enough others are known.
const WARM_UP: u64 = 10;

/// A hotel as of a day.
pub(crate) struct Prepared {
    /// Nothing in here was learnt later.
    pub bookings: BookingCurves,
    pub as_of: NaiveDate,
    /// First night that is learnt from.
    pub first: NaiveDate,
    pub known: usize,
    pub usable: Vec<bool>,
    /// Days on which the whole hotel is closed.
    pub closed: HashSet<NaiveDate>,
    /// Rooms that are open on days on which only some room types are, where the rooms are known.
    pub open_rooms: HashMap<NaiveDate, u32>,
    pub notes: Vec<Note>,
}

impl Prepared {
    pub fn new(history: &History<'_>, as_of: NaiveDate) -> Result<Self, ForecastError> {
        let bookings = history.bookings.as_of(as_of);
        let mut notes = Vec::new();
        let kept = bookings.records().iter().filter(|record| record.gone == NEVER);
        let arrival = kept
            .map(|record| record.arrival)
            .min()
            .and_then(NaiveDate::from_num_days_from_ce_opt)
            .filter(|first| *first <= as_of);
        let have = arrival.map_or(0, |first| (as_of - first).num_days() as usize + 1);
        let Some(arrival) = arrival.filter(|_| have >= LEAST_DAYS) else {
            return Err(ForecastError::HistoryTooShort {
                have_days: have,
                need_days: LEAST_DAYS,
                missing: format!(
                    "bookings that arrived on at least {} more days up to {as_of}",
                    LEAST_DAYS - have
                ),
            });
        };
        if have < 84 {
            notes.push(Note::ColdStart { known_days: have });
        } else if have < 371 {
            notes.push(Note::NoYearBefore { known_days: have });
        }
        let calendar = || ForecastError::Calendar(as_of);
        let after = if have >= 84 { WARM_UP } else { 0 };
        let first = arrival.checked_add_days(Days::new(after)).ok_or_else(calendar)?;
        let oldest = as_of.checked_sub_days(Days::new(Settings::MOST_HISTORY)).ok_or_else(calendar)?;
        as_of.checked_add_days(Days::new(800)).ok_or_else(calendar)?;
        let first = first.max(oldest);
        let known = (as_of - first).num_days() as usize + 1;
        let rooms = bookings.totals(Measure::Rooms, None, first, known);
        let (closed, open_rooms) = closed_days(history, &bookings);
        let mut usable = not_missing(&rooms, &mut notes);
        let mut closed_nights = 0;
        for (place, usable) in usable.iter_mut().enumerate() {
            if day_at(first, place).is_some_and(|day| closed.contains(&day)) {
                *usable = false;
                closed_nights += 1;
            }
        }
        if closed_nights > 0 {
            notes.push(Note::ClosedNights { nights: closed_nights });
        }
        if !usable.contains(&true) {
            return Err(ForecastError::never_open());
        }
        let nights = rooms.iter().zip(&usable).filter(|(rooms, usable)| **usable && **rooms > 0.0).count();
        if nights < LEAST_NIGHTS {
            return Err(ForecastError::HistoryTooShort {
                have_days: nights,
                need_days: LEAST_NIGHTS,
                missing: "open nights with at least one guest".to_owned(),
            });
        }
        Ok(Self { bookings, as_of, first, known, usable, closed, open_rooms, notes })
    }

    /// One panel for each measure, of the hotel or of room types (by index), for horizons of up to `days`. `shut` holds, in
    /// the order of `measures`, nights that are not learnt from besides those of the hotel; it may be empty.
    pub fn panels(
        &self,
        measures: &[(Measure, Option<u32>, f64)],
        shut: &[HashSet<NaiveDate>],
        days: usize,
        known: usize,
        settings: &Settings,
    ) -> Vec<Panel> {
        let known = known.min(self.known);
        let skipped = self.known - known;
        let first = day_at(self.first, skipped).unwrap_or(self.first);
        let extent = Extent {
            first: first.num_days_from_ce(),
            nights: known + days + 2,
            leads: days + 10,
            as_of: self.as_of.num_days_from_ce(),
        };
        let wanted: Vec<(Measure, Option<u32>)> =
            measures.iter().map(|&(measure, room_type, _)| (measure, room_type)).collect();
        let survival =
            SurvivalSettings { half_life: settings.survival_half_life, pseudo: settings.survival_pseudo };
        let matrices = matrix::build(&self.bookings, &wanted, &extent, survival);
        let weekday = first.weekday().num_days_from_monday() as usize;
        let phase = f64::from(first.ordinal0()) / 365.25;
        matrices
            .into_iter()
            .zip(measures)
            .enumerate()
            .map(|(number, (matrices, &(measure, room_type, ceiling)))| {
                let truth = self.bookings.totals(measure, room_type, first, known);
                let usable = self.usable_but(skipped, first, shut.get(number));
                Panel::new(matrices, truth, usable, weekday, phase, ceiling, days)
            })
            .collect()
    }

    /// Whether each night from `first`, the one after `skipped` others, can be learnt from when those of `shut` cannot. Where
    /// that leaves none, those of `shut` can: what has always been closed is forecast from its books.
    fn usable_but(&self, skipped: usize, first: NaiveDate, shut: Option<&HashSet<NaiveDate>>) -> Vec<bool> {
        let usable = self.usable.get(skipped..).unwrap_or_default().to_vec();
        let Some(shut) = shut.filter(|shut| !shut.is_empty()) else { return usable };
        let open: Vec<bool> = usable
            .iter()
            .enumerate()
            .map(|(place, usable)| *usable && day_at(first, place).is_none_or(|day| !shut.contains(&day)))
            .collect();
        if open.contains(&true) { open } else { usable }
    }

    /// How many of the last known nights to look at, `usual` or more, so that three weeks of open ones are among them.
    pub fn reach(&self, usual: usize) -> usize {
        let open = self.usable.iter().rev().enumerate().filter(|(_, usable)| **usable);
        open.take(LEAST_DAYS).last().map_or(usual, |(back, _)| usual.max(back + 1))
    }

    /// The highest value that a measure of the hotel can take, as far as is known: rooms for counts, and for what is not
    /// counted in rooms 1.3 times the most there ever was.
    pub fn ceiling(&self, measure: Measure, room_type: Option<u32>, rooms: Option<u32>) -> f64 {
        let seen =
            self.bookings.totals(measure, room_type, self.first, self.known).into_iter().fold(0.0, f64::max);
        match (measure, rooms) {
            (Measure::Revenue, _) => 1.3 * seen,
            (_, Some(rooms)) => f64::from(rooms),
            // The most that ever was is what the hotel has, once it has been full.
            (Measure::Rooms, None) if self.known >= 300 => seen,
            (_, None) => 1.3 * seen,
        }
    }
}

/// The day `place` days after `first`.
pub(crate) fn day_at(first: NaiveDate, place: usize) -> Option<NaiveDate> {
    first.checked_add_days(Days::new(place as u64))
}

/// The days of an event or a closure, both ends included; of one that never ends the first ten years.
pub(crate) fn listed_days(from: NaiveDate, until: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    from.iter_days().take_while(move |day| *day <= until).take(3_660)
}

/// Days on which nothing can be sold, and the rooms that are open on days on which only some types are closed.
fn closed_days(
    history: &History<'_>,
    bookings: &BookingCurves,
) -> (HashSet<NaiveDate>, HashMap<NaiveDate, u32>) {
    let mut closed = HashSet::new();
    let mut types: HashMap<NaiveDate, HashSet<&RoomTypeName>> = HashMap::new();
    for closure in history.closures {
        let days = listed_days(closure.from, closure.until);
        match &closure.room_type {
            None => closed.extend(days),
            Some(name) => {
                for day in days {
                    types.entry(day).or_default().insert(name);
                }
            }
        }
    }
    if types.is_empty() {
        return (closed, HashMap::new());
    }
    let numbers: HashSet<u32> = bookings.records().iter().map(|record| record.room_type).collect();
    let booked: Vec<&RoomTypeName> = bookings
        .room_types()
        .iter()
        .zip(0_u32..)
        .filter(|(_, number)| numbers.contains(number))
        .map(|(name, _)| name)
        .collect();
    let mut open_rooms = HashMap::new();
    for (day, shut) in types {
        let open = |name: &RoomTypeName| !shut.contains(name);
        if history.capacity.is_empty() {
            if !booked.iter().any(|name| open(name)) {
                closed.insert(day);
            }
            continue;
        }
        let rooms = history
            .capacity
            .iter()
            .filter(|(name, _)| open(name))
            .fold(0_u32, |sum, (_, rooms)| sum.saturating_add(*rooms));
        if rooms == 0 {
            closed.insert(day);
        } else {
            open_rooms.insert(day, rooms);
        }
    }
    (closed, open_rooms)
}

/// Nights that count: a hotel that is otherwise busy does not have nights without a single guest, so such nights are holes
/// in the data. The last run is kept: it may be how things stand.
fn not_missing(rooms: &[f64], notes: &mut Vec<Note>) -> Vec<bool> {
    let busy: Vec<f64> = rooms.iter().copied().filter(|rooms| *rooms > 0.0).collect();
    let usual = busy.iter().sum::<f64>() / busy.len().max(1) as f64;
    let mut usable = vec![true; rooms.len()];
    if busy.is_empty() || usual < 8.0 {
        return usable;
    }
    let trailing = rooms.iter().rev().take_while(|rooms| **rooms <= 0.0).count();
    if trailing >= 7 {
        notes.push(Note::EmptySince { nights: trailing });
    }
    let kept = if trailing >= 7 { trailing } else { 0 };
    let mut missing = 0;
    for (usable, rooms) in usable.iter_mut().zip(rooms).take(rooms.len() - kept) {
        if *rooms <= 0.0 {
            *usable = false;
            missing += 1;
        }
    }
    if missing > 0 {
        notes.push(Note::MissingNights { nights: missing });
    }
    usable
}
