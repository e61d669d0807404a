//! The past of a series as the members see it: no gaps, no huge numbers, no events.

use chrono::{Datelike, Days, NaiveDate};
use innkeeper_hotel::Event;

use super::{LEAST_DAYS, LONGEST_HISTORY, Note, Series, SeriesError, SeriesRequest};

/// Days of an event kind before it is believed as much as ordinary days are.
const EVENT_PRIOR_DAYS: f64 = 3.0;
/// Fewest past days of a kind of event from which its effect is taken.
const LEAST_EVENT_DAYS: usize = 2;
/// Weeks on either side with which a day is compared to find what an event did.
const EVENT_WEEKS: usize = 4;

/// A series without gaps, divided by its largest value, freed of the effect of events.
pub(super) struct History {
    /// Day of the first value.
    pub first: NaiveDate,
    /// One value a day; where `seen` is false it was filled in.
    pub y: Vec<f64>,
    /// Whether the day was observed.
    pub seen: Vec<bool>,
    /// What the values were divided by.
    scale: f64,
}

impl History {
    /// Cuts, checks, fills and scales; the second value is the effect of events on each day ahead.
    pub fn new(
        series: &Series,
        request: &SeriesRequest,
        notes: &mut Vec<Note>,
    ) -> Result<(Self, Vec<f64>), SeriesError> {
        if let Some(index) = series.values.iter().position(|v| v.is_some_and(|v| !v.is_finite())) {
            return Err(SeriesError::NotFinite { index });
        }
        let have = series.values.iter().flatten().count();
        let too_short = |have| SeriesError::TooShort { have, need: LEAST_DAYS };
        let known = series.values.iter().position(Option::is_some).ok_or(too_short(have))?;
        // Days before the first value are not missing: the series had not begun.
        let start = known.max(series.values.len().saturating_sub(LONGEST_HISTORY));
        if start > known {
            notes.push(Note::OlderLeftOut { days: start - known });
        }
        let values = series.values.get(start..).unwrap_or_default();
        let have = values.iter().flatten().count();
        if have < LEAST_DAYS {
            return Err(too_short(have));
        }
        let first = u64::try_from(start).ok().and_then(|days| series.first.checked_add_days(Days::new(days)));
        let first = first.ok_or(SeriesError::Calendar)?;
        let gaps = values.split(Option::is_some).map(<[_]>::len);
        if let Some(longest) = gaps.max().filter(|longest| *longest > 0) {
            notes.push(Note::Missing { days: values.len() - have, longest });
        }
        let largest = values.iter().flatten().fold(0.0_f64, |most, value| most.max(value.abs()));
        let scale = if largest > 0.0 { largest } else { 1.0 };
        let scaled: Vec<Option<f64>> = values.iter().map(|value| value.map(|v| v / scale)).collect();
        let mut history =
            Self { first, seen: scaled.iter().map(Option::is_some).collect(), y: filled(&scaled), scale };
        let ahead = if history.constant().is_some() { Vec::new() } else { history.take_out(request, notes) };
        Ok((history, ahead))
    }

    /// Days from the first value to the last.
    pub fn len(&self) -> usize {
        self.y.len()
    }

    /// Days with a value.
    pub fn observed(&self) -> usize {
        self.seen.iter().filter(|seen| **seen).count()
    }

    /// Weekday of day `t`, 0 to 6; it may lie ahead.
    pub fn weekday(&self, t: usize) -> usize {
        (self.first.weekday().num_days_from_monday() as usize + t) % 7
    }

    /// The value of all days, when they have but one.
    pub fn constant(&self) -> Option<f64> {
        let mut seen = self.y.iter().zip(&self.seen).filter(|(_, seen)| **seen).map(|(y, _)| *y);
        let one = seen.next()?;
        seen.all(|y| y.total_cmp(&one).is_eq() || (y == 0.0 && one == 0.0)).then_some(one)
    }

    /// A value of the members in the unit of the series.
    pub fn unscaled(&self, value: f64) -> f64 {
        (value * self.scale).clamp(f64::MIN, f64::MAX)
    }

    /// Takes the effect of each kind of event out of the past and returns it for the days ahead. The effect is the mean
    /// difference to the same weekday in the weeks around, drawn towards nothing where the days are few.
    fn take_out(&mut self, request: &SeriesRequest, notes: &mut Vec<Note>) -> Vec<f64> {
        let n = self.len();
        let total = n + usize::from(request.days);
        let last = u64::try_from(n - 1).ok().and_then(|days| self.first.checked_add_days(Days::new(days)));
        let known = |event: &&Event| event.known_on.is_none_or(|day| last.is_some_and(|last| day <= last));
        let mut kinds: Vec<&str> = Vec::new();
        let mut touched = vec![false; total];
        let mut of_kind: Vec<(usize, Vec<usize>)> = Vec::new();
        for event in request.events.iter().filter(known) {
            let days = self.days_of(event, total);
            if days.is_empty() {
                continue;
            }
            for &day in &days {
                touched[day] = true;
            }
            let place = kinds.iter().position(|kind| *kind == event.kind).unwrap_or_else(|| {
                kinds.push(&event.kind);
                kinds.len() - 1
            });
            of_kind.push((place, days));
        }
        let mut effects = vec![0.0; total];
        for (place, kind) in kinds.iter().enumerate() {
            let days = || {
                of_kind.iter().filter(move |(at, _)| *at == place).flat_map(|(_, days)| days.iter().copied())
            };
            let differences: Vec<f64> =
                days().filter_map(|day| self.against_neighbours(day, &touched)).collect();
            if differences.len() < LEAST_EVENT_DAYS {
                if days().any(|day| day >= n) {
                    notes.push(Note::EventUnknown { kind: (*kind).to_owned() });
                }
                continue;
            }
            let count = differences.len() as f64;
            let mean = differences.iter().sum::<f64>() / (count + EVENT_PRIOR_DAYS);
            for day in days() {
                effects[day] += mean;
            }
        }
        let ahead = effects.split_off(n);
        for (y, effect) in self.y.iter_mut().zip(&effects) {
            *y -= effect;
        }
        ahead
    }

    /// Days of an event as places in the series and in the days ahead.
    fn days_of(&self, event: &Event, total: usize) -> Vec<usize> {
        let place = |day: NaiveDate| (day - self.first).num_days();
        let (from, until) = (place(event.from).max(0), place(event.until));
        let most = i64::try_from(total).unwrap_or(i64::MAX) - 1;
        (from..=until.min(most)).filter_map(|day| usize::try_from(day).ok()).collect()
    }

    /// An observed day against the mean of the same weekday in the weeks around it, days of events left out.
    fn against_neighbours(&self, day: usize, touched: &[bool]) -> Option<f64> {
        self.seen.get(day).filter(|seen| **seen)?;
        let before = (1..=EVENT_WEEKS).filter_map(|week| day.checked_sub(7 * week));
        let around = before.chain((1..=EVENT_WEEKS).map(|week| day + 7 * week));
        let usable = |at: &usize| self.seen.get(*at) == Some(&true) && touched.get(*at) == Some(&false);
        let values: Vec<f64> = around.filter(usable).filter_map(|at| self.y.get(at).copied()).collect();
        (values.len() >= 2).then(|| self.y[day] - values.iter().sum::<f64>() / values.len() as f64)
    }
}

/// Fills each gap between the same weekdays before and after it, the nearer one counting more.
fn filled(values: &[Option<f64>]) -> Vec<f64> {
    let observed: Vec<f64> = values.iter().flatten().copied().collect();
    let mean = observed.iter().sum::<f64>() / observed.len().max(1) as f64;
    let known = |at: usize| values.get(at).copied().flatten();
    let fill = |t: usize| {
        let weeks = || 1..=values.len() / 7 + 1;
        let before = weeks().find_map(|week| Some((week as f64, known(t.checked_sub(7 * week)?)?)));
        let after = weeks().find_map(|week| Some((week as f64, known(t + 7 * week)?)));
        match (before, after) {
            (Some((near, before)), Some((far, after))) => (before * far + after * near) / (near + far),
            (Some((_, one)), None) | (None, Some((_, one))) => one,
            (None, None) => mean,
        }
    };
    values.iter().enumerate().map(|(t, value)| value.unwrap_or_else(|| fill(t))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_filled_between_the_same_weekdays() {
        let mut values: Vec<Option<f64>> =
            (0..35).map(|t| Some(f64::from(t % 7) + f64::from(t / 7))).collect();
        values[10] = None;
        values[17] = None;
        let y = filled(&values);
        assert!((y[10] - 4.0).abs() < 1e-9 && (y[17] - 5.0).abs() < 1e-9, "{} {}", y[10], y[17]);
        assert!((filled(&[None, Some(2.0)])[0] - 2.0).abs() < 1e-9);
    }
}
