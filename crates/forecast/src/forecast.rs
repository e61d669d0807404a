//! Forecasts of a hotel: value, intervals, reasons and what the method reached before.

use std::collections::{BTreeMap, HashSet};

use chrono::NaiveDate;
use innkeeper_frames::curves::Measure;

use crate::answer::{
    Bounds, Coverage, DayForecast, Driver, DriverName, Forecast, HorizonError, Note, Shares,
};
use crate::drivers;
use crate::outlook::Outlook;
use crate::panel::BANDS;
use crate::prepare::{Prepared, day_at, listed_days};
use crate::request::{ForecastError, History, Request, Target};
use crate::room_types;
use crate::settings::Settings;

/// Forecasts one target of a hotel or of one of its room types, from what was known at the end of `request.as_of`.
///
/// # Errors
/// [`ForecastError`]: a request out of range, an unknown room type, or too short a history.
pub fn forecast(history: &History<'_>, request: &Request) -> Result<Forecast, ForecastError> {
    if let Some(wanted) = &request.room_type {
        let (_, types) = room_types::forecast_room_types(history, request)?;
        return types
            .into_iter()
            .find(|forecast| forecast.room_type.as_ref() == Some(wanted))
            .ok_or_else(|| ForecastError::UnknownRoomType(wanted.clone()));
    }
    forecast_targets(history, request, &[request.target])?.pop().ok_or(ForecastError::Days(request.days))
}

/// Forecasts several targets of the whole hotel, which share one reading of the bookings; one forecast a target, in their
/// order. `request.target` and `request.room_type` are not looked at.
///
/// # Errors
/// As [`forecast`].
pub fn forecast_targets(
    history: &History<'_>,
    request: &Request,
    targets: &[Target],
) -> Result<Vec<Forecast>, ForecastError> {
    request.check()?;
    let prepared = Prepared::new(history, request.as_of)?;
    hotel(&prepared, history, request, targets)
}

/// One outlook a measure, in the order of `measures`.
pub(crate) fn outlooks(
    prepared: &Prepared,
    history: &History<'_>,
    measures: &[Measure],
    days: usize,
    settings: &Settings,
) -> Vec<Outlook> {
    let rooms = history.rooms(None);
    let wanted: Vec<(Measure, Option<u32>, f64)> =
        measures.iter().map(|&measure| (measure, None, prepared.ceiling(measure, None, rooms))).collect();
    prepared
        .panels(&wanted, &[], days, prepared.known, settings)
        .into_iter()
        .map(|panel| Outlook::learn(panel, days, settings))
        .collect()
}

pub(crate) fn hotel(
    prepared: &Prepared,
    history: &History<'_>,
    request: &Request,
    targets: &[Target],
) -> Result<Vec<Forecast>, ForecastError> {
    if targets.contains(&Target::Revenue)
        && prepared.bookings.records().iter().all(|booking| booking.rate.is_none())
    {
        return Err(ForecastError::NoRates);
    }
    // A hotel that stands empty is not forecast from what it did when it was open, but from its books.
    let empty =
        prepared.notes.iter().any(|note| matches!(note, Note::EmptySince { nights } if *nights >= 28));
    let settings = if empty { Settings::of_books_and_pickup() } else { Settings::default() };
    let mut measures: Vec<Measure> = targets.iter().map(|target| target.measure()).collect();
    if measures.contains(&Measure::Revenue) && !measures.contains(&Measure::Rooms) {
        measures.push(Measure::Rooms);
    }
    let outlooks = outlooks(prepared, history, &measures, usize::from(request.days), &settings);
    let rooms: Vec<DayForecast> = match measures.iter().position(|measure| *measure == Measure::Rooms) {
        Some(place) if measures.contains(&Measure::Revenue) => {
            let outlook = outlooks.get(place).ok_or(ForecastError::Days(request.days))?;
            let effects = Effects::new(prepared, history, outlook);
            days(prepared, history, request, Target::Occupancy, (outlook, &effects), None)?
        }
        _ => Vec::new(),
    };
    targets
        .iter()
        .zip(&outlooks)
        .map(|(&target, outlook)| {
            let occupied = (target == Target::Revenue).then_some(rooms.as_slice());
            let mut notes = prepared.notes.clone();
            notes.extend(unmeasured(outlook, request.days));
            if target == Target::Revenue {
                let bookings =
                    prepared.bookings.records().iter().filter(|record| record.rate.is_none()).count();
                if bookings > 0 {
                    notes.push(Note::Unpriced { bookings });
                }
            }
            let effects = Effects::new(prepared, history, outlook);
            notes.extend(effects.unknown.iter().map(|kind| Note::UnknownEvent { kind: kind.clone() }));
            Ok(Forecast {
                target,
                room_type: None,
                as_of: request.as_of,
                capacity: history.rooms(None),
                days: days(prepared, history, request, target, (outlook, &effects), occupied)?,
                accuracy: accuracy(outlook, request.days),
                notes,
            })
        })
        .collect()
}

/// The first horizon at which nothing could be compared, if there is one.
pub(crate) fn unmeasured(outlook: &Outlook, days: u16) -> Option<Note> {
    (1..=days)
        .find(|&horizon| outlook.error(usize::from(horizon)).is_none())
        .map(|from_horizon| Note::Unmeasured { from_horizon })
}

/// What was reached at the bands up to `days`.
pub(crate) fn accuracy(outlook: &Outlook, days: u16) -> Vec<HorizonError> {
    BANDS
        .iter()
        .filter(|(first, _)| *first <= usize::from(days))
        .filter_map(|&(first, last)| {
            let error = outlook.error(first);
            let [recent_pickup, last_year_pickup, linear, boosted] = outlook.shares(first)?;
            Some(HorizonError {
                from: first as u16,
                until: last as u16,
                mae: error.map(|(mae, _)| mae),
                count: error.map_or(0, |(_, count)| count),
                shares: Shares { recent_pickup, last_year_pickup, linear, boosted },
            })
        })
        .collect()
}

/// What events did to past nights.
struct Effects<'a> {
    /// Kinds by day ahead.
    by_day: BTreeMap<NaiveDate, Vec<&'a str>>,
    /// Indices of past nights by kind.
    past: BTreeMap<&'a str, HashSet<usize>>,
    unknown: Vec<String>,
}

/// Past nights of an event kind that count as much as the belief that it does nothing.
const EVENT_PSEUDO_NIGHTS: f64 = 3.0;

impl<'a> Effects<'a> {
    fn new(prepared: &Prepared, history: &History<'a>, outlook: &Outlook) -> Self {
        let mut by_day: BTreeMap<NaiveDate, Vec<&'a str>> = BTreeMap::new();
        let mut past: BTreeMap<&'a str, HashSet<usize>> = BTreeMap::new();
        let first = day_at(prepared.first, prepared.known.saturating_sub(outlook.panel.known()))
            .unwrap_or(prepared.first);
        for event in history.events {
            if event.known_on.is_some_and(|day| day > prepared.as_of) {
                continue;
            }
            for day in listed_days(event.from, event.until) {
                if day > prepared.as_of {
                    by_day.entry(day).or_default().push(&event.kind);
                } else if let Ok(place) = usize::try_from((day - first).num_days())
                    && outlook.panel.is_usable(place)
                {
                    past.entry(&event.kind).or_default().insert(place);
                }
            }
        }
        let mut unknown: Vec<String> = by_day
            .values()
            .flatten()
            .filter(|kind| !past.contains_key(**kind))
            .map(|kind| (*kind).to_owned())
            .collect();
        unknown.sort();
        unknown.dedup();
        Self { by_day, past, unknown }
    }

    /// What the events of a day add, from what their kind did before at this horizon, with their kinds.
    fn of(&self, day: NaiveDate, horizon: usize, outlook: &Outlook) -> Option<(f64, String)> {
        let mut kinds: Vec<&str> = self.by_day.get(&day)?.clone();
        kinds.sort_unstable();
        kinds.dedup();
        let mut effect = 0.0;
        let mut named = Vec::new();
        for kind in kinds {
            let Some(nights) = self.past.get(kind) else { continue };
            if let Some((miss, count)) = outlook.mean_miss(horizon, nights) {
                let count = count as f64;
                effect += miss * count / (count + EVENT_PSEUDO_NIGHTS);
                named.push(kind);
            }
        }
        (!named.is_empty()).then(|| (effect, named.join(", ")))
    }
}

fn days(
    prepared: &Prepared,
    history: &History<'_>,
    request: &Request,
    target: Target,
    (outlook, effects): (&Outlook, &Effects<'_>),
    occupied: Option<&[DayForecast]>,
) -> Result<Vec<DayForecast>, ForecastError> {
    let covered = Covered::new(outlook, request);
    let rates = occupied.map(|_| usual_rates(prepared));
    (1..=request.days)
        .map(|horizon| {
            let place = usize::from(horizon);
            let calendar = || ForecastError::Calendar(request.as_of);
            let date = day_at(request.as_of, place).ok_or_else(calendar)?;
            let ahead = outlook.ahead(place);
            // Guests still leave on the first day that is not sold.
            let leaving = target == Target::CheckOuts;
            if prepared.closed.contains(&date) && !leaving {
                let would_be = ahead.map_or(0.0, |ahead| ahead.value);
                return Ok(closed_day(date, horizon, would_be, request, occupied.map(|_| 0.0)));
            }
            let ahead = ahead.ok_or_else(ForecastError::never_open)?;
            let ceiling = match (prepared.open_rooms.get(&date), history.rooms(None)) {
                (Some(&open), Some(all)) if !leaving => {
                    open_ceiling(outlook.panel.ceiling, target, open, all)
                }
                _ => outlook.panel.ceiling,
            };
            let mut parts = drivers::parts(outlook, &ahead);
            let event = effects.of(date, place, outlook);
            let effect = event.as_ref().map_or(0.0, |(effect, _)| *effect);
            let mut value = (ahead.value + effect).clamp(0.0, ceiling);
            let mut day_rooms = None;
            let mut rate = None;
            if let Some(occupied) = occupied {
                let rooms = occupied.get(place - 1).map_or(0.0, |day| day.value);
                let (lowest, highest) = rates.unwrap_or((0.0, f64::MAX));
                let asked = if rooms > 0.0 { (value / rooms).clamp(lowest, highest) } else { 0.0 };
                value = asked * rooms;
                day_rooms = Some(rooms);
                rate = (rooms > 0.0).then_some(asked);
            }
            if effect != 0.0 {
                parts.push((DriverName::Event, effect));
            }
            let named = event.as_ref().map(|(_, kinds)| kinds.as_str());
            let bounds = request
                .levels
                .iter()
                .zip(covered.at(place))
                .map(|(&level, coverage)| {
                    let (lower, upper) = outlook.interval(&ahead, level);
                    shifted(level, lower, upper, value - ahead.value, value, ceiling, coverage)
                })
                .collect();
            Ok(DayForecast {
                date,
                horizon,
                value,
                bounds,
                rooms: day_rooms,
                rate,
                drivers: finish(parts, value, target, named, false),
            })
        })
        .collect()
}

/// The most that can be reached on a day on which `open` of `all` rooms are open.
fn open_ceiling(ceiling: f64, target: Target, open: u32, all: u32) -> f64 {
    match target {
        Target::Revenue => ceiling * f64::from(open) / f64::from(all.max(1)),
        _ => ceiling.min(f64::from(open)),
    }
}

/// Bounds moved with the value, kept within what is possible and around the value.
pub(crate) fn shifted(
    level: f64,
    lower: f64,
    upper: f64,
    shift: f64,
    value: f64,
    ceiling: f64,
    coverage: Option<Coverage>,
) -> Bounds {
    let ceiling = ceiling.max(value);
    Bounds {
        level,
        lower: (lower + shift).clamp(0.0, ceiling).min(value),
        upper: (upper + shift).clamp(0.0, ceiling).max(value),
        coverage,
    }
}

/// Coverage reached by band and level, computed once.
pub(crate) struct Covered {
    by_band: Vec<Vec<Option<Coverage>>>,
    levels: usize,
}

impl Covered {
    pub fn new(outlook: &Outlook, request: &Request) -> Self {
        let by_band = BANDS
            .iter()
            .take_while(|(first, _)| *first <= usize::from(request.days))
            .map(|&(first, _)| request.levels.iter().map(|&level| outlook.held(first, level)).collect())
            .collect();
        Self { by_band, levels: request.levels.len() }
    }

    pub fn at(&self, horizon: usize) -> Vec<Option<Coverage>> {
        self.by_band.get(crate::panel::band_of(horizon)).cloned().unwrap_or_else(|| vec![None; self.levels])
    }
}

/// The range of nightly mean rates that was seen, a quarter wider at both ends.
fn usual_rates(prepared: &Prepared) -> (f64, f64) {
    let totals = |measure| prepared.bookings.totals(measure, None, prepared.first, prepared.known);
    let (revenue, rooms) = (totals(Measure::Revenue), totals(Measure::Rooms));
    let (mut lowest, mut highest) = (f64::MAX, 0.0_f64);
    for (revenue, rooms) in revenue.iter().zip(&rooms).filter(|(_, rooms)| **rooms > 0.0) {
        lowest = lowest.min(revenue / rooms);
        highest = highest.max(revenue / rooms);
    }
    // A hotel whose bookings have no rates has none to hold on to.
    if highest <= 0.0 { (0.0, f64::MAX) } else { (0.75 * lowest, 1.25 * highest) }
}

fn closed_day(
    date: NaiveDate,
    horizon: u16,
    would_be: f64,
    request: &Request,
    rooms: Option<f64>,
) -> DayForecast {
    let bounds = request
        .levels
        .iter()
        .map(|&level| Bounds { level, lower: 0.0, upper: 0.0, coverage: None })
        .collect();
    let words = "the hotel is closed".to_owned();
    let drivers = vec![
        Driver { name: DriverName::Closure, effect: -would_be, words },
        Driver { name: DriverName::Other, effect: would_be, words: "were it open".to_owned() },
    ];
    DayForecast { date, horizon, value: 0.0, bounds, rooms, rate: None, drivers }
}

/// Parts that add up to the value, with words, greatest first; `of_type` where they are those of a room type.
pub(crate) fn finish(
    parts: Vec<(DriverName, f64)>,
    value: f64,
    target: Target,
    event: Option<&str>,
    of_type: bool,
) -> Vec<Driver> {
    let mut sums: BTreeMap<DriverName, f64> = BTreeMap::new();
    for (name, effect) in parts {
        *sums.entry(name).or_insert(0.0) += effect;
    }
    let rest = value - sums.values().sum::<f64>();
    if rest.abs() > 1e-9 {
        *sums.entry(DriverName::Limits).or_insert(0.0) += rest;
    }
    let mut drivers: Vec<Driver> = sums
        .into_iter()
        .filter(|(name, effect)| *name == DriverName::OnTheBooks || effect.abs() > 1e-9)
        .map(|(name, effect)| {
            let words = if name == DriverName::Limits && of_type {
                drivers::agreement(effect, target)
            } else {
                drivers::words(name, effect, target, event)
            };
            Driver { name, effect, words }
        })
        .collect();
    drivers.sort_by(|one, other| other.effect.abs().total_cmp(&one.effect.abs()));
    drivers
}
