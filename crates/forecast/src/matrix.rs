//! Night by lead: what was on the books, what of it was expected to stay, and how unsure that was.
//!
//! Survival is learnt as the days go by: at the end of a day only bookings whose arrival has come count. A booking's
//! chance is shrunk from all bookings to its deposit, to its deposit, segment, customer type and lead time, to the same of one
//! agent (empirical Bayes with pseudo-counts), so that a kind seen twice says little.

use std::collections::HashMap;

use innkeeper_frames::curves::{BookingCurves, Measure, NEVER, Record};

/// Days before arrival at which survival is counted; between them it is interpolated.
const GRID: [i32; 17] = [1, 2, 3, 4, 5, 7, 10, 14, 21, 28, 42, 60, 90, 130, 180, 260, 366];
/// How survival is learnt.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SurvivalSettings {
    /// Days after which what was seen counts half.
    pub half_life: f64,
    /// Bookings that the coarser kind is worth when a finer one is judged.
    pub pseudo: f64,
}

/// Which part of a hotel is counted, and over which nights and leads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    /// First night, in days of the common era.
    pub first: i32,
    /// Nights, known and ahead.
    pub nights: usize,
    /// Leads 0 to `leads - 1`.
    pub leads: usize,
    /// The last known day.
    pub as_of: i32,
}

/// The three matrices, night-major.
pub(crate) struct Matrices {
    leads: usize,
    /// On the books.
    pub booked: Vec<f32>,
    /// Of those, expected to stay.
    pub expected: Vec<f32>,
    /// Variance of what stays; a block counts as one decision.
    pub variance: Vec<f32>,
}

impl Matrices {
    /// Zeros.
    fn new(extent: &Extent) -> Self {
        let size = extent.nights * extent.leads;
        Self {
            leads: extent.leads,
            booked: vec![0.0; size],
            expected: vec![0.0; size],
            variance: vec![0.0; size],
        }
    }

    fn at(&self, values: &[f32], night: usize, lead: usize) -> f64 {
        if lead >= self.leads {
            return 0.0;
        }
        values.get(night * self.leads + lead).map_or(0.0, |&value| f64::from(value))
    }

    pub fn booked(&self, night: usize, lead: usize) -> f64 {
        self.at(&self.booked, night, lead)
    }

    pub fn expected(&self, night: usize, lead: usize) -> f64 {
        self.at(&self.expected, night, lead)
    }

    pub fn variance(&self, night: usize, lead: usize) -> f64 {
        self.at(&self.variance, night, lead)
    }

    fn add(&mut self, place: usize, weight: f32, chance: f32, block: f32) {
        if let (Some(booked), Some(expected), Some(variance)) =
            (self.booked.get_mut(place), self.expected.get_mut(place), self.variance.get_mut(place))
        {
            *booked += weight;
            *expected += chance * weight;
            *variance += chance * (1.0 - chance) * weight * weight * block;
        }
    }
}

/// Counts of one kind at the leads of the grid: seen, and kept.
type Counts = [[f32; 2]; GRID.len()];

/// Survival counts of all kinds, as known on one day.
struct Survival {
    all: Counts,
    coarse: Vec<Counts>,
    middle: Vec<Counts>,
    fine: Vec<Counts>,
    /// Chance by lead of the grid, for kinds asked for since the last change.
    chances: Vec<[f32; GRID.len()]>,
    stamps: Vec<u32>,
    stamp: u32,
    settings: SurvivalSettings,
}

impl Survival {
    fn new(curves: &BookingCurves, settings: SurvivalSettings) -> Self {
        let none = [[0.0; 2]; GRID.len()];
        let (coarse, middle) = curves.coarser();
        let fine = curves.kinds().len();
        Self {
            all: none,
            coarse: vec![none; coarse],
            middle: vec![none; middle],
            fine: vec![none; fine],
            chances: vec![[0.0; GRID.len()]; fine],
            stamps: vec![0; fine],
            stamp: 1,
            settings,
        }
    }

    /// Lets `days` go by: older counts weigh less.
    fn age(&mut self, days: i32) {
        let keep = self.faded(days);
        let all = std::iter::once(&mut self.all);
        for counts in all.chain(&mut self.coarse).chain(&mut self.middle).chain(&mut self.fine) {
            for cell in counts {
                cell[0] *= keep;
                cell[1] *= keep;
            }
        }
        self.stamp += 1;
    }

    /// Counts a booking whose arrival has come, as kept unless its loss is known by `day`.
    fn learn(&mut self, curves: &BookingCurves, record: &Record, day: i32) {
        self.count(curves, record, 1.0, if record.gone > day { 1.0 } else { 0.0 });
    }

    /// Takes back that a booking was kept, `days` after it was learnt.
    fn take_back(&mut self, curves: &BookingCurves, record: &Record, days: i32) {
        self.count(curves, record, 0.0, -self.faded(days));
    }

    /// What a count weighs after `days`.
    fn faded(&self, days: i32) -> f32 {
        0.5_f64.powf(f64::from(days) / self.settings.half_life) as f32
    }

    fn count(&mut self, curves: &BookingCurves, record: &Record, seen: f32, kept: f32) {
        let kind = record.kind as usize;
        let Some(parents) = curves.kinds().get(kind) else { return };
        let weight = 1.0 / f32::from(record.block).sqrt();
        for (slot, lead) in GRID.iter().enumerate() {
            let day = record.arrival.saturating_sub(*lead);
            if day < record.booked || day >= record.gone {
                continue;
            }
            let cells = [
                self.all.get_mut(slot),
                self.coarse.get_mut(parents.coarse as usize).and_then(|counts| counts.get_mut(slot)),
                self.middle.get_mut(parents.middle as usize).and_then(|counts| counts.get_mut(slot)),
                self.fine.get_mut(kind).and_then(|counts| counts.get_mut(slot)),
            ];
            for cell in cells.into_iter().flatten() {
                cell[0] += seen * weight;
                cell[1] = (cell[1] + kept * weight).max(0.0);
            }
        }
    }

    /// The chance that a booking of this kind, on the books `lead` days before arrival, is kept.
    fn chance(&mut self, curves: &BookingCurves, kind: usize, lead: i32) -> f32 {
        if self.stamps.get(kind).is_some_and(|&stamp| stamp != self.stamp) {
            self.refresh(curves, kind);
        }
        let Some(chances) = self.chances.get(kind) else { return 1.0 };
        let above = GRID.iter().position(|&grid| grid >= lead).unwrap_or(GRID.len() - 1);
        let high = chances.get(above).copied().unwrap_or(1.0);
        let (Some(&low), Some(&near), Some(&far)) = (
            above.checked_sub(1).and_then(|below| chances.get(below)),
            above.checked_sub(1).and_then(|below| GRID.get(below)),
            GRID.get(above),
        ) else {
            return high;
        };
        let share = ((lead - near) as f32 / (far - near) as f32).clamp(0.0, 1.0);
        low + (high - low) * share
    }

    fn refresh(&mut self, curves: &BookingCurves, kind: usize) {
        let Some(parents) = curves.kinds().get(kind) else { return };
        let pseudo = self.settings.pseudo as f32;
        let levels = [
            Some(&self.all),
            self.coarse.get(parents.coarse as usize),
            self.middle.get(parents.middle as usize),
            self.fine.get(kind),
        ];
        let Some(chances) = self.chances.get_mut(kind) else { return };
        for (slot, chance) in chances.iter_mut().enumerate() {
            // Before anything is known most bookings are kept, fewer of those made long ahead.
            let mut value = 0.95 - 0.05 * (slot as f32 / 4.0);
            for counts in levels.iter().flatten() {
                if let Some([seen, kept]) = counts.get(slot) {
                    value = (kept + pseudo * value) / (seen + pseudo);
                }
            }
            *chance = value;
        }
        if let Some(stamp) = self.stamps.get_mut(kind) {
            *stamp = self.stamp;
        }
    }
}

/// Which measures count a booking, by its room type.
struct Counted {
    of_all: Vec<usize>,
    by_type: HashMap<u32, Vec<usize>>,
}

impl Counted {
    fn new(measures: &[(Measure, Option<u32>)]) -> Self {
        let of_all: Vec<usize> = (0..measures.len())
            .filter(|&i| measures.get(i).is_some_and(|(_, wanted)| wanted.is_none()))
            .collect();
        let mut by_type: HashMap<u32, Vec<usize>> = HashMap::new();
        for (number, (_, wanted)) in measures.iter().enumerate() {
            if let Some(wanted) = wanted {
                by_type.entry(*wanted).or_insert_with(|| of_all.clone()).push(number);
            }
        }
        Self { of_all, by_type }
    }

    fn of(&self, record: &Record) -> &[usize] {
        self.by_type.get(&record.room_type).unwrap_or(&self.of_all)
    }
}

/// Counts the bookings for each wanted measure over night and lead, in one pass over time. `curves` must hold nothing
/// that was learnt after `extent.as_of`; within it the value at night `t` and lead `k` uses what was known at the end of
/// day `t - k` only, except the limit on mistyped rates. Bookings without a rate bring no revenue.
pub(crate) fn build(
    curves: &BookingCurves,
    measures: &[(Measure, Option<u32>)],
    extent: &Extent,
    settings: SurvivalSettings,
) -> Vec<Matrices> {
    let mut matrices: Vec<Matrices> = measures.iter().map(|_| Matrices::new(extent)).collect();
    let last_night = extent.first + extent.nights as i32;
    let leads = extent.leads as i32;
    let mut by_arrival: Vec<&Record> = curves.records().iter().collect();
    by_arrival.sort_unstable_by_key(|record| record.arrival);
    let counted = Counted::new(measures);
    let mut by_booking: Vec<&Record> = by_arrival
        .iter()
        .copied()
        .filter(|record| record.departure >= extent.first && !counted.of(record).is_empty())
        .collect();
    by_booking.sort_by_key(|record| record.booked);
    let highest = highest_rate(curves);
    let price = |record: &Record, measure: Measure| -> f32 {
        if measure == Measure::Revenue {
            // A mistyped rate of a booking that may never come must not carry the forecast of its night.
            record.rate.unwrap_or(0.0).min(if record.arrival > extent.as_of { highest } else { f32::MAX })
        } else {
            1.0
        }
    };
    let mut survival = Survival::new(curves, settings);
    let mut resolved = by_arrival.iter().peekable();
    let mut coming = by_booking.iter().peekable();
    let mut open: Vec<&Record> = Vec::new();
    // Bookings learnt as kept whose loss was recorded later, with the day on which they were learnt.
    let mut late: Vec<(&Record, i32)> = Vec::new();
    let start = extent.first.saturating_sub(leads);
    let mut week = start;
    while week <= extent.as_of {
        while let Some(record) = resolved.next_if(|record| record.arrival <= week) {
            survival.learn(curves, record, week);
            if record.gone > week && record.gone != NEVER {
                late.push((*record, week));
            }
        }
        late.retain(|&(record, learnt)| {
            let lost = record.gone <= week;
            if lost {
                survival.take_back(curves, record, week - learnt);
            }
            !lost
        });
        let end = (week + 6).min(extent.as_of);
        while let Some(record) = coming.next_if(|record| record.booked <= end) {
            open.push(record);
        }
        open.retain(|record| record.arrival > week && record.gone > week);
        for record in &open {
            let from = record.booked.max(week);
            let until = end.min(record.arrival - 1).min(record.gone - 1);
            let block = f32::from(record.block.min(40));
            for day in from..=until {
                if record.arrival - day >= leads {
                    continue;
                }
                let chance = survival.chance(curves, record.kind as usize, record.arrival - day);
                for &number in counted.of(record) {
                    let (Some(&(measure, _)), Some(matrix)) =
                        (measures.get(number), matrices.get_mut(number))
                    else {
                        continue;
                    };
                    let weight = price(record, measure);
                    let (first, past) = record.days(measure);
                    for night in first.max(extent.first)..past.min(last_night).min(day + leads) {
                        let place = (night - extent.first) * leads + (night - day);
                        matrix.add(place as usize, weight, chance, block);
                    }
                }
            }
        }
        survival.age(7);
        week += 7;
    }
    // From the day of arrival on a booking that still holds has come.
    for record in curves.records() {
        if record.arrival > extent.as_of || record.departure < extent.first {
            continue;
        }
        for &number in counted.of(record) {
            let (Some(&(measure, _)), Some(matrix)) = (measures.get(number), matrices.get_mut(number)) else {
                continue;
            };
            let weight = price(record, measure);
            let (first, past) = record.days(measure);
            for night in first.max(extent.first)..past.min(last_night) {
                for day in
                    record.arrival.max(night - leads + 1)..=night.min(extent.as_of).min(record.gone - 1)
                {
                    matrix.add(((night - extent.first) * leads + (night - day)) as usize, weight, 1.0, 1.0);
                }
            }
        }
    }
    matrices
}

/// Ten times the mean of the known rates.
fn highest_rate(curves: &BookingCurves) -> f32 {
    let (mut sum, mut count) = (0.0_f64, 0_u32);
    for rate in curves.records().iter().filter_map(|record| record.rate) {
        sum += f64::from(rate);
        count += 1;
    }
    if count == 0 { 0.0 } else { (10.0 * sum / f64::from(count)) as f32 }
}

#[cfg(test)]
mod tests {
    use chrono::{Datelike, Days};
    use innkeeper_hotel::BookingStatus;

    use super::*;
    use crate::tests::{House, day};

    const SETTINGS: SurvivalSettings = SurvivalSettings { half_life: 180.0, pseudo: 20.0 };

    fn extent(as_of: i32) -> Extent {
        Extent { first: day("2022-01-10").num_days_from_ce(), nights: 160, leads: 40, as_of }
    }

    #[test]
    fn a_loss_that_was_recorded_after_arrival_changes_nothing_before_it_was_known() {
        let mut bookings = House { days: 150, ..House::new(1) }.bookings();
        for booking in bookings.iter_mut().step_by(4) {
            booking.status = BookingStatus::Cancelled;
            booking.status_on = Some(booking.stay.arrival + Days::new(12));
        }
        let curves = BookingCurves::new(&bookings);
        let then = day("2022-03-20");
        let (mid, end) = (then.num_days_from_ce(), day("2022-05-25").num_days_from_ce());
        let measures = [(Measure::Rooms, None)];
        let late = build(&curves.as_of(day("2022-05-25")), &measures, &extent(end), SETTINGS);
        let early = build(&curves.as_of(then), &measures, &extent(mid), SETTINGS);
        let first = extent(mid).first;
        for night in 0..160 {
            for lead in 0..40 {
                if first + night as i32 - lead as i32 <= mid {
                    let (one, other) = (early[0].expected(night, lead), late[0].expected(night, lead));
                    assert!((one - other).abs() < 1e-3, "night {night}, lead {lead}: {one} and {other}");
                }
            }
        }
    }

    #[test]
    fn a_booking_without_a_rate_brings_no_revenue_to_the_books_and_none_to_the_truth() {
        let mut bookings = House { days: 150, cancelled: 0.0, ..House::new(2) }.bookings();
        for booking in bookings.iter_mut().step_by(2) {
            booking.rate = None;
        }
        let curves = BookingCurves::new(&bookings);
        let all = extent(day("2022-05-25").num_days_from_ce());
        let made = build(&curves.as_of(day("2022-05-25")), &[(Measure::Revenue, None)], &all, SETTINGS);
        let truth = curves.totals(Measure::Revenue, None, day("2022-01-10"), 100);
        for (night, truth) in truth.iter().enumerate() {
            assert!((made[0].booked(night, 0) - truth).abs() < 1e-3 * truth.max(1.0), "night {night}");
        }
    }

    #[test]
    fn each_room_type_counts_its_own_bookings_and_the_hotel_counts_all() {
        let curves = BookingCurves::new(&House { days: 150, ..House::new(3) }.bookings());
        let rooms = |wanted| (Measure::Rooms, wanted);
        let measures = [rooms(Some(1)), rooms(None), rooms(Some(0)), rooms(Some(2)), rooms(Some(u32::MAX))];
        let all = extent(day("2022-05-25").num_days_from_ce());
        let made = build(&curves.as_of(day("2022-05-25")), &measures, &all, SETTINGS);
        for night in 0..160 {
            let parts: f64 = [0, 2, 3].iter().map(|&i| made[i].booked(night, 3)).sum();
            assert!((parts - made[1].booked(night, 3)).abs() < 1e-6);
            assert!(made[4].booked(night, 3).abs() < 1e-9);
        }
    }
}
