//! From bookings to panels: which days are known, which of them can be learnt from, and how high a measure can go.

use std::collections::HashSet;

use chrono::{Datelike, Days, NaiveDate};
use innkeeper_frames::curves::{BookingCurves, Measure};
use innkeeper_hotel::Closure;

use crate::Note;
use crate::matrix::{self, Extent, SurvivalSettings};
use crate::panel::Panel;
use crate::request::{ForecastError, History, LEAST_DAYS};
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
    /// Days ahead on which the whole hotel is closed.
    pub closed: HashSet<NaiveDate>,
    pub notes: Vec<Note>,
}

impl Prepared {
    pub fn new(history: &History<'_>, as_of: NaiveDate) -> Result<Self, ForecastError> {
        let bookings = history.bookings.as_of(as_of);
        let mut notes = Vec::new();
        let arrival = bookings.first_arrival().filter(|first| *first <= as_of);
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
        let closed = closed_days(history.closures);
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
        if !usable.iter().any(|usable| *usable) {
            return Err(ForecastError::HistoryTooShort {
                have_days: 0,
                need_days: LEAST_DAYS,
                missing: "nights on which the hotel was open".to_owned(),
            });
        }
        Ok(Self { bookings, as_of, first, known, usable, closed, notes })
    }

    /// One panel for each measure, of the hotel or of room types (by index), for horizons of up to `days`.
    pub fn panels(
        &self,
        measures: &[(Measure, Option<u32>, f64)],
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
            .map(|(matrices, &(measure, room_type, ceiling))| {
                let truth = self.bookings.totals(measure, room_type, first, known);
                let usable = self.usable.get(skipped..).unwrap_or_default().to_vec();
                Panel::new(matrices, truth, usable, weekday, phase, ceiling, days)
            })
            .collect()
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

fn closed_days(closures: &[Closure]) -> HashSet<NaiveDate> {
    closures
        .iter()
        .filter(|closure| closure.room_type.is_none())
        .flat_map(|closure| closure.from.iter_days().take_while(|day| *day <= closure.until).take(3_660))
        .collect()
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
