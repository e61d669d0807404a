//! From rooms that are left, kept and taken to minutes and people.

use chrono::{Days as CalendarDays, NaiveDate};
use innkeeper_forecast::housekeeping::{
    self, CleaningKind, CleaningTimes, Demand, Estimate, HousekeepingSettings, RoomTypeDemand,
    Shift as Worked, Work,
};
use innkeeper_forecast::{DayForecast, Forecast, Target as Count, forecast, forecast_targets};
use innkeeper_frames::curves::Measure;
use innkeeper_hotel::RoomTypeName;

use super::answers::{AccuracyReport, Days, DriverReport, HousekeepingDay, Made, ShiftReport};
use super::engine::{View, accuracy, bounds, notes, refusal, rounded};
use super::question::Shift;
use crate::problem::Problem;

/// What the work of a day is made of.
const COUNTS: [(Count, Measure, &str, CleaningKind); 3] = [
    (Count::CheckOuts, Measure::Departures, "departures", CleaningKind::Full),
    (Count::StayOvers, Measure::StayOvers, "stay_overs", CleaningKind::Light),
    (Count::Arrivals, Measure::Arrivals, "arrivals", CleaningKind::Arrival),
];
/// Days before the forecast that tell how the rooms of a hotel divide into kinds.
const MIX_DAYS: u64 = 90;

/// Why a day of minutes has no confidence.
const UNTRIED_MINUTES: &str = "nothing tells how many minutes a past day took in all; accuracy says how well its departures, stay-overs and arrivals were foreseen";

/// The three counts of each day, in the order of [`COUNTS`].
type Counted = [Forecast; 3];

pub(super) fn make(view: &View<'_>) -> Result<Made, Problem> {
    let counted = counts(view)?;
    let times = view.known.cleaning_times(view.as_of);
    let mix = mix(view);
    let demand = demand(view, &counted, &mix);
    let settings = settings(view.question.shifts.as_deref());
    let work = housekeeping::forecast(&demand, &times, &settings).map_err(|e| Problem::internal(&e))?;
    let booked = view.on_the_books(Measure::Departures);
    let mut notes = counted.first().map_or_else(Vec::new, |counted| notes(&counted.notes));
    notes.extend(times.notes().iter().map(ToString::to_string));
    let days = (0..usize::from(view.question.days))
        .zip(&work)
        .zip(booked)
        .filter_map(|((place, work), on_the_books)| {
            let counts = counted.each_ref().map(|counted| counted.days.get(place));
            let [Some(departures), Some(stay_overs), Some(arrivals)] = counts else { return None };
            day(view, [departures, stay_overs, arrivals], work, &times, &mix, &settings, on_the_books)
        })
        .collect();
    let accuracy: Vec<AccuracyReport> = counted
        .iter()
        .zip(COUNTS)
        .flat_map(|(counted, (_, _, name, _))| accuracy(Some(name), counted, |mae| rounded(mae, 2)))
        .collect();
    Ok(view.made(accuracy, notes, Days::Housekeeping(days)))
}

fn counts(view: &View<'_>) -> Result<Counted, Problem> {
    let history = view.known.history();
    let targets = COUNTS.map(|(target, ..)| target);
    let made = if view.question.room_type.is_some() {
        targets.into_iter().map(|target| forecast(&history, &view.request(target))).collect()
    } else {
        forecast_targets(&history, &view.request(Count::CheckOuts), &targets)
    };
    let made: Vec<Forecast> = made.map_err(|e| refusal(&e))?;
    made.try_into().map_err(|_| Problem::internal(&"a count of guests is missing"))
}

/// How the rooms of each count divide into kinds, as they did lately.
struct Mix(Vec<(RoomTypeName, [f64; 3])>);

fn mix(view: &View<'_>) -> Mix {
    if let Some(only) = &view.question.room_type {
        return Mix(vec![(only.clone(), [1.0; 3])]);
    }
    let first = view.as_of.checked_sub_days(CalendarDays::new(MIX_DAYS)).unwrap_or(view.as_of);
    let total = |measure, place| -> f64 {
        view.booked.totals(measure, Some(place), first, MIX_DAYS as usize + 1).into_iter().sum()
    };
    let mut kinds: Vec<(RoomTypeName, [f64; 3])> = view
        .booked
        .room_types()
        .iter()
        .zip(0_u32..)
        .map(|(name, place)| (name.clone(), COUNTS.map(|(_, measure, ..)| total(measure, place))))
        .collect();
    let wholes = kinds.iter().fold([0.0; 3], |sums, (_, parts)| [0, 1, 2].map(|n| sums[n] + parts[n]));
    let even = 1.0 / kinds.len().max(1) as f64;
    for (_, parts) in &mut kinds {
        for (part, whole) in parts.iter_mut().zip(wholes) {
            *part = if whole > 0.0 { *part / whole } else { even };
        }
    }
    kinds.retain(|(_, parts)| parts.iter().any(|part| *part > 0.0));
    Mix(kinds)
}

impl Mix {
    /// Minutes of one cleaning of a kind, in the mean over the kinds of room.
    fn minutes(&self, times: &CleaningTimes, count: usize, kind: CleaningKind) -> f64 {
        let part = |(name, parts): &(RoomTypeName, [f64; 3])| {
            let each = times.of(name, kind).map_or(0.0, |each| each.mean);
            parts.get(count).copied().unwrap_or(0.0) * each
        };
        self.0.iter().map(part).sum()
    }
}

fn part_of(day: &DayForecast, share: f64) -> Estimate {
    let bounds = bounds(day);
    let value = (day.value * share).max(0.0);
    Estimate {
        value,
        lower: (bounds.lower * share).clamp(0.0, value),
        upper: (bounds.upper * share).max(value),
    }
}

fn demand(view: &View<'_>, counted: &Counted, mix: &Mix) -> Vec<Demand> {
    let [departures, stay_overs, arrivals] = counted;
    let days = departures.days.iter().zip(&stay_overs.days).zip(&arrivals.days);
    days.map(|((departures, stay_overs), arrivals)| Demand {
        date: departures.date,
        level: view.question.level,
        room_types: mix
            .0
            .iter()
            .map(|(room_type, [out, stay, come])| RoomTypeDemand {
                room_type: room_type.clone(),
                departures: part_of(departures, *out),
                stay_overs: part_of(stay_overs, *stay),
                arrivals: part_of(arrivals, *come),
            })
            .collect(),
    })
    .collect()
}

fn settings(shifts: Option<&[Shift]>) -> HousekeepingSettings {
    let Some(shifts) = shifts else { return HousekeepingSettings::default() };
    let worked = |shift: &Shift| Worked {
        name: shift.name.clone(),
        minutes: shift.minutes,
        productive: 1.0,
        share: shift.share,
    };
    HousekeepingSettings { shifts: shifts.iter().map(worked).collect() }
}

fn day(
    view: &View<'_>,
    counts: [&DayForecast; 3],
    work: &Work,
    times: &CleaningTimes,
    mix: &Mix,
    settings: &HousekeepingSettings,
    on_the_books: f64,
) -> Option<HousekeepingDay> {
    let minutes = work.minutes?;
    let [departures, stay_overs, arrivals] = counts;
    let date: NaiveDate = departures.date;
    let closed = view.is_closed(date);
    let shifts: Vec<ShiftReport> = settings
        .shifts
        .iter()
        .zip(&work.staff)
        .map(|(shift, staff)| ShiftReport {
            name: shift.name.clone(),
            predicted_minutes: rounded(minutes.value * shift.share, 1),
            predicted_staff: staff.staff,
            upper_staff: staff.upper,
            minutes_each: rounded(shift.minutes * shift.productive, 1),
        })
        .collect();
    let mut drivers: Vec<DriverReport> = counts
        .into_iter()
        .zip(COUNTS)
        .enumerate()
        .map(|(place, (count, (_, _, name, kind)))| {
            let each = mix.minutes(times, place, kind);
            let what = match kind {
                CleaningKind::Full => "rooms are left and cleaned whole",
                CleaningKind::Light => "rooms are kept and tidied",
                CleaningKind::Arrival => "rooms are made ready for who comes",
            };
            DriverReport {
                name: name.to_owned(),
                effect: rounded(count.value * each, 1),
                words: format!("{:.0} {what}, {each:.0} minutes each", count.value),
            }
        })
        .collect();
    drivers.sort_by(|one, other| other.effect.total_cmp(&one.effect));
    Some(HousekeepingDay {
        date,
        predicted_minutes: rounded(minutes.value, 1),
        lower_bound: rounded(minutes.lower, 1),
        upper_bound: rounded(minutes.upper, 1),
        predicted_staff: shifts.iter().fold(0, |sum, shift| sum.saturating_add(shift.predicted_staff)),
        confidence: None,
        confidence_reason: Some(UNTRIED_MINUTES),
        shifts,
        arrivals: rounded(arrivals.value, 2),
        departures: rounded(departures.value, 2),
        stay_overs: rounded(stay_overs.value, 2),
        on_the_books,
        closed,
        drivers,
    })
}
