//! Why a price is what it is: each influence is taken out, and the price that would be best without it is looked for.

use chrono::NaiveDate;
use rust_decimal::prelude::ToPrimitive;

use rust_decimal::Decimal;

use super::answer::{Reason, ReasonName};
use super::compose::Worked;
use super::problem::Without;
use super::question::ScheduleError;
use super::words;
use crate::history::Influence;
use crate::network::{CalendarSettings, price_calendar};
use crate::rules::Settled;

/// Reasons that are told.
const TOLD: usize = 3;

/// Cells up to which an influence is taken out as carefully as prices are looked for. Beyond it the worth of rooms is that of
/// demand that comes as expected, which tells which way a price moves in a third of the time.
const MOST_CAREFUL: usize = 600;
/// How hard is looked beyond it.
const LIGHTLY: CalendarSettings =
    CalendarSettings { held_windows: None, passes: 0, fluid_sweeps: 8, price_sweeps: 3 };

/// What can be taken out, and its name.
const INFLUENCES: [(ReasonName, Without); 6] = [
    (ReasonName::Pace, Without::Influence(Influence::Pace)),
    (ReasonName::RemainingRooms, Without::Scarcity),
    (ReasonName::Competitor, Without::Influence(Influence::Competitors)),
    (ReasonName::Event, Without::Influence(Influence::Events)),
    (ReasonName::Weekday, Without::Influence(Influence::Weekday)),
    (ReasonName::Season, Without::Influence(Influence::Season)),
];

/// The strongest reasons of each cell, strongest first. Those of cells outside of the asked nights are left out.
pub(super) fn of(
    worked: &Worked<'_>,
    settled: &[Settled],
    asked: (NaiveDate, NaiveDate),
) -> Result<Vec<Vec<Reason>>, ScheduleError> {
    let wanted: Vec<_> =
        INFLUENCES.into_iter().filter(|(_, without)| worked.matters(*without, asked)).collect();
    let mut found: Vec<Vec<Reason>> = vec![Vec::new(); worked.places.len()];
    let with = worked.best_without(Without::Nothing)?;
    // Each influence is a problem of its own: they are solved beside each other.
    let effects = std::thread::scope(|scope| {
        let solving: Vec<_> = wanted
            .iter()
            .map(|(_, without)| scope.spawn(|| worked.effects(*without, &with, asked)))
            .collect();
        solving
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect::<Result<Vec<_>, ScheduleError>>()
    })?;
    for ((name, _), effects) in wanted.iter().zip(effects) {
        for (at, effect) in effects {
            let words = words::of_reason(*name, effect, worked, at);
            found[at].push(Reason { name: *name, effect, words });
        }
    }
    for (at, settled) in settled.iter().enumerate() {
        if let (Some(price), Some(best), Some(rule)) =
            (settled.price, worked.best[at], settled.binding.first())
            && price != best
        {
            let words = rule.words.clone();
            found[at].push(Reason { name: ReasonName::Rule, effect: price - best, words });
        }
        found[at].sort_by_key(|reason| std::cmp::Reverse(reason.effect.abs()));
        found[at].truncate(TOLD);
    }
    Ok(found)
}

impl Worked<'_> {
    /// By how much an influence moves the best price of each asked cell, where it does.
    fn effects(
        &self,
        without: Without,
        with: &[Option<Decimal>],
        asked: (NaiveDate, NaiveDate),
    ) -> Result<Vec<(usize, Decimal)>, ScheduleError> {
        let out = self.best_without(without)?;
        let inside = self
            .places
            .iter()
            .enumerate()
            .filter(|(_, place)| place.shut.is_none() && (asked.0..=asked.1).contains(&place.night));
        let moved = inside.filter_map(|(at, _)| {
            let effect = with[at]? - out[at]?;
            (!effect.is_zero()).then_some((at, effect))
        });
        Ok(moved.collect())
    }

    /// The best candidates, rules apart, with something taken out.
    fn best_without(&self, without: Without) -> Result<Vec<Option<Decimal>>, ScheduleError> {
        let careful = self.places.len() <= MOST_CAREFUL;
        if careful && without == Without::Nothing {
            return Ok(self.best.clone());
        }
        let settings = if careful { CalendarSettings::default() } else { LIGHTLY };
        let answer = price_calendar(&self.hotel.problem(&self.places, &self.prices, without), &settings)?;
        let cells = answer.cells.iter().enumerate();
        Ok(cells.map(|(at, answer)| self.best_of(at, &self.cautious(at, answer))).collect())
    }

    /// Whether there is anything to take out.
    fn matters(&self, without: Without, asked: (NaiveDate, NaiveDate)) -> bool {
        let mut places = self.places.iter().filter(|place| (asked.0..=asked.1).contains(&place.night));
        match without {
            Without::Influence(Influence::Competitors) => {
                self.hotel.demand.competitor_effect().is_some()
                    && places.any(|place| place.competitor.is_some())
            }
            Without::Influence(Influence::Events) => places.any(|place| !place.rule.event_kinds.is_empty()),
            _ => true,
        }
    }

    /// Share of the rooms that are taken already, in percent.
    pub(super) fn taken(&self, at: usize) -> f64 {
        let place = &self.places[at];
        let rooms = f64::from(self.hotel.types[place.kind].rooms.max(1));
        100.0 * f64::from(place.books.rooms) / rooms
    }

    /// The competitors' price of a cell.
    pub(super) fn competitor(&self, at: usize) -> Option<f64> {
        self.places[at].competitor.and_then(|price| price.to_f64())
    }
}
