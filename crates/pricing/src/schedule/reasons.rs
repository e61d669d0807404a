//! Why a price is what it is: each influence is taken out, and the price that would be best without it is looked for.

use chrono::NaiveDate;
use rust_decimal::prelude::ToPrimitive;

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
    let hotel = worked.hotel;
    let mut found: Vec<Vec<Reason>> = vec![Vec::new(); worked.places.len()];
    for (name, without) in INFLUENCES {
        if !worked.matters(without, asked) {
            continue;
        }
        let problem = hotel.problem(&worked.places, &worked.prices, without);
        let other = price_calendar(&problem, &CalendarSettings::default())?;
        for (at, place) in worked.places.iter().enumerate() {
            if !(asked.0..=asked.1).contains(&place.night) || place.shut.is_some() {
                continue;
            }
            let out = worked.best_of(at, &worked.cautious(at, &other.cells[at]));
            let (Some(with), Some(out)) = (worked.best[at], out) else { continue };
            let effect = with - out;
            if !effect.is_zero() {
                let words = words::of_reason(name, effect, worked, at);
                found[at].push(Reason { name, effect, words });
            }
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
