//! Room types that add up to the hotel.
//!
//! Each type is forecast from its own books and recent pickup; the hotel, which is forecast with every member, decides the sum
//! (top-down reconciliation). What is missing to it is shared out by the types' own values, within their rooms.

use std::collections::HashSet;

use chrono::NaiveDate;
use innkeeper_frames::curves::Measure;
use innkeeper_hotel::RoomTypeName;

use crate::answer::{Bounds, DayForecast, DriverName, Forecast, Note};
use crate::drivers;
use crate::forecast::{Covered, accuracy, finish, hotel, shifted, unmeasured};
use crate::outlook::Outlook;
use crate::prepare::{Prepared, listed_days};
use crate::request::{ForecastError, History, Request, Target};
use crate::settings::Settings;

/// Types that are counted at a time, which bounds the memory of a hotel with a thousand of them.
const CHUNK: usize = 32;

/// Forecasts the hotel and every room type that has rooms or bookings, so that the types add up to the hotel on each day.
/// The types come by name. Departures, arrivals and stay-overs add up likewise. Where the request names a room type only
/// that one is told what drives it.
///
/// # Errors
/// As [`crate::forecast`].
pub fn forecast_room_types(
    history: &History<'_>,
    request: &Request,
) -> Result<(Forecast, Vec<Forecast>), ForecastError> {
    request.check()?;
    let prepared = Prepared::new(history, request.as_of)?;
    let types = names(&prepared, history);
    if let Some(wanted) = &request.room_type
        && !types.iter().any(|(name, _)| name == wanted)
    {
        return Err(ForecastError::UnknownRoomType(wanted.clone()));
    }
    let whole = hotel(&prepared, history, request, &[request.target])?
        .pop()
        .ok_or(ForecastError::Days(request.days))?;
    let mut parts: Vec<Part> = Vec::with_capacity(types.len());
    for chunk in types.chunks(CHUNK) {
        parts.extend(forecast_chunk(&prepared, history, request, chunk, types.len())?);
    }
    for (place, day) in whole.days.iter().enumerate() {
        let values: Vec<f64> =
            parts.iter().map(|part| part.days.get(place).map_or(0.0, |day| day.value)).collect();
        let limits: Vec<f64> = parts.iter().map(|part| part.limit(day.date)).collect();
        for (part, value) in parts.iter_mut().zip(share_out(&values, &limits, day.value)) {
            part.settle(place, value, request.target);
        }
    }
    let forecasts = parts
        .into_iter()
        .map(|part| Forecast {
            target: request.target,
            room_type: Some(part.name),
            as_of: request.as_of,
            capacity: part.rooms,
            days: part.days,
            accuracy: part.accuracy,
            notes: part.notes,
        })
        .collect();
    Ok((whole, forecasts))
}

/// One type while it is being settled.
struct Part {
    name: RoomTypeName,
    rooms: Option<u32>,
    /// What it can reach on an open day.
    ceiling: f64,
    closed: HashSet<NaiveDate>,
    days: Vec<DayForecast>,
    /// What each day is made of; empty where nobody asks.
    parts: Vec<Vec<(DriverName, f64)>>,
    accuracy: Vec<crate::HorizonError>,
    notes: Vec<Note>,
}

impl Part {
    fn limit(&self, day: NaiveDate) -> f64 {
        if self.closed.contains(&day) { 0.0 } else { self.ceiling }
    }

    /// Moves a day to its share of the hotel.
    fn settle(&mut self, place: usize, value: f64, target: Target) {
        let Some(day) = self.days.get_mut(place) else { return };
        let shut = self.closed.contains(&day.date);
        let shift = value - day.value;
        let mut moved = false;
        day.bounds = day
            .bounds
            .iter()
            .map(|bounds| {
                if shut {
                    return Bounds { lower: 0.0, upper: 0.0, coverage: None, ..*bounds };
                }
                let Bounds { level, lower, upper, mut coverage } = *bounds;
                if shift.abs() > 0.25 * (upper - lower) {
                    moved |= coverage.take().is_some();
                }
                shifted(level, lower, upper, shift, value, self.ceiling, coverage)
            })
            .collect();
        day.value = value;
        if let Some(mut parts) = self.parts.get_mut(place).map(std::mem::take) {
            if shut {
                parts.push((DriverName::Closure, shift));
            }
            day.drivers = finish(parts, value, target, None, true);
        }
        if moved && !self.notes.contains(&Note::MovedToHotel) {
            self.notes.push(Note::MovedToHotel);
        }
    }
}

/// Every type that has rooms or bookings, by name, with its index among the bookings.
fn names(prepared: &Prepared, history: &History<'_>) -> Vec<(RoomTypeName, Option<u32>)> {
    // Types first booked after the day are not known yet.
    let booked: HashSet<u32> = prepared.bookings.records().iter().map(|record| record.room_type).collect();
    let mut names: Vec<(RoomTypeName, Option<u32>)> = prepared
        .bookings
        .room_types()
        .iter()
        .zip(0_u32..)
        .filter(|(_, place)| booked.contains(place))
        .map(|(name, place)| (name.clone(), Some(place)))
        .collect();
    for (name, _) in history.capacity {
        if !names.iter().any(|(other, _)| other == name) {
            names.push((name.clone(), None));
        }
    }
    names.sort();
    names
}

fn forecast_chunk(
    prepared: &Prepared,
    history: &History<'_>,
    request: &Request,
    types: &[(RoomTypeName, Option<u32>)],
    all_types: usize,
) -> Result<Vec<Part>, ForecastError> {
    let settings = Settings::of_books_and_pickup();
    let measure = request.target.measure();
    let days = usize::from(request.days);
    let known = prepared.reach(if all_types <= 40 { 420 } else { 120 });
    let ceilings: Vec<f64> = types
        .iter()
        .map(|(name, place)| match (place, history.rooms(Some(name))) {
            (_, Some(rooms)) if measure != Measure::Revenue => f64::from(rooms),
            (None, _) => 0.0,
            (Some(_), rooms) => prepared.ceiling(measure, *place, rooms),
        })
        .collect();
    // A type without bookings is counted as one that nobody booked.
    let wanted: Vec<(Measure, Option<u32>, f64)> = types
        .iter()
        .zip(&ceilings)
        .map(|((_, place), &ceiling)| (measure, Some(place.unwrap_or(u32::MAX)), ceiling))
        .collect();
    let closures: Vec<HashSet<NaiveDate>> = types.iter().map(|(name, _)| closures(history, name)).collect();
    let panels = prepared.panels(&wanted, &closures, days, known, &settings);
    types
        .iter()
        .zip(panels)
        .zip(ceilings)
        .zip(closures)
        .map(|((((name, _), panel), ceiling), closed)| {
            let told = request.room_type.as_ref().is_none_or(|wanted| wanted == name);
            let mut parts = Vec::new();
            let outlook = Outlook::learn(panel, days, &settings);
            let covered = Covered::new(&outlook, request);
            let days = (1..=request.days)
                .map(|horizon| {
                    let place = usize::from(horizon);
                    let calendar = || ForecastError::Calendar(request.as_of);
                    let date = crate::prepare::day_at(request.as_of, place).ok_or_else(calendar)?;
                    let ahead = outlook.ahead(place).ok_or_else(ForecastError::never_open)?;
                    let bounds = request
                        .levels
                        .iter()
                        .zip(covered.at(place))
                        .map(|(&level, coverage)| {
                            let (lower, upper) = outlook.interval(&ahead, level);
                            Bounds { level, lower, upper, coverage }
                        })
                        .collect();
                    if told {
                        parts.push(drivers::parts(&outlook, &ahead));
                    }
                    Ok(DayForecast {
                        date,
                        horizon,
                        value: ahead.value,
                        bounds,
                        rooms: None,
                        rate: None,
                        drivers: Vec::new(),
                    })
                })
                .collect::<Result<Vec<_>, ForecastError>>()?;
            // Guests still leave on the first day that is not sold.
            let closed = if request.target == Target::CheckOuts { HashSet::new() } else { closed };
            Ok(Part {
                name: name.clone(),
                rooms: history.rooms(Some(name)),
                ceiling,
                closed,
                days,
                parts,
                accuracy: accuracy(&outlook, request.days),
                notes: prepared.notes.iter().cloned().chain(unmeasured(&outlook, request.days)).collect(),
            })
        })
        .collect()
}

/// Days on which a type is closed.
fn closures(history: &History<'_>, name: &RoomTypeName) -> HashSet<NaiveDate> {
    history
        .closures
        .iter()
        .filter(|closure| closure.room_type.as_ref() == Some(name))
        .flat_map(|closure| listed_days(closure.from, closure.until))
        .collect()
}

/// Values that add up to `total`: each moves in proportion to itself, between 0 and its limit. Where the limits leave no
/// room the rest is shared by the values alone: the hotel's own limit stands above those of types whose rooms are not known.
fn share_out(values: &[f64], limits: &[f64], total: f64) -> Vec<f64> {
    let mut shares: Vec<f64> =
        values.iter().zip(limits).map(|(value, limit)| value.clamp(0.0, *limit)).collect();
    for _ in 0..50 {
        let missing = total - shares.iter().sum::<f64>();
        if missing.abs() < 1e-9 {
            return shares;
        }
        // Something to share by even where nobody has booked yet.
        let room = |share: f64, limit: f64| {
            if missing < 0.0 {
                share
            } else if share < limit {
                share + 0.01 * limit.min(1e6)
            } else {
                0.0
            }
        };
        let weights: Vec<f64> =
            shares.iter().zip(limits).map(|(share, limit)| room(*share, *limit)).collect();
        let sum: f64 = weights.iter().sum();
        if sum <= 0.0 {
            break;
        }
        for ((share, limit), weight) in shares.iter_mut().zip(limits).zip(&weights) {
            *share = (*share + missing * weight / sum).clamp(0.0, *limit);
        }
    }
    let (sum, open) = (shares.iter().sum::<f64>(), limits.iter().filter(|limit| **limit > 0.0).count());
    if (total - sum).abs() < 1e-9 || open == 0 {
        return shares;
    }
    for (share, _) in shares.iter_mut().zip(limits).filter(|(_, limit)| **limit > 0.0) {
        *share = if sum > 0.0 { *share * total / sum } else { total / open as f64 };
    }
    shares
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn shares_add_up_to_the_hotel_within_the_rooms_of_each_type(
            types in prop::collection::vec((0.0_f64..50.0, 1.0_f64..60.0), 1..20),
            part in 0.0_f64..1.0,
        ) {
            let (values, limits): (Vec<f64>, Vec<f64>) = types.into_iter().unzip();
            let total = part * limits.iter().sum::<f64>();
            let shares = share_out(&values, &limits, total);
            prop_assert!((shares.iter().sum::<f64>() - total).abs() < 1e-6);
            for (share, limit) in shares.iter().zip(&limits) {
                prop_assert!(*share >= 0.0 && *share <= limit + 1e-6, "{share} of {limit}");
            }
        }
    }

    #[test]
    fn a_closed_type_gets_nothing_while_another_is_open() {
        assert_eq!(share_out(&[5.0, 5.0], &[0.0, 20.0], 8.0), vec![0.0, 8.0]);
    }
}
