//! Why a price is what it is: each influence is taken out, and the price that would be best without it is looked for.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::answer::{Reason, ReasonName};
use super::compose::Worked;
use super::problem::Without;
use super::question::ScheduleError;
use super::words;
use crate::history::Influence;
use crate::network::{CalendarCell, CalendarInput, CalendarSettings, price_calendar};
use crate::rules::{RuleSet, Settled};

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

/// The strongest reasons of each cell whose price is asked for, strongest first.
pub(super) fn of(
    worked: &Worked<'_>,
    settled: &[Settled],
    rules: &RuleSet,
) -> Result<Vec<Vec<Reason>>, ScheduleError> {
    let wanted: Vec<_> = INFLUENCES.into_iter().filter(|(_, without)| worked.matters(*without)).collect();
    let careful = worked.places.len() <= MOST_CAREFUL;
    let with = if careful { prices(settled) } else { worked.settled_without(Without::Nothing, rules)?.0 };
    // Each influence is a problem of its own: they are solved beside each other.
    let without = std::thread::scope(|scope| {
        let solving: Vec<_> = wanted
            .iter()
            .map(|(_, without)| scope.spawn(|| worked.settled_without(*without, rules)))
            .collect();
        solving
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect::<Result<Vec<_>, ScheduleError>>()
    })?;
    let mut found: Vec<Vec<Reason>> = vec![Vec::new(); worked.places.len()];
    for (at, found) in found.iter_mut().enumerate() {
        let (place, Some(price)) = (&worked.places[at], settled[at].price) else { continue };
        if !place.asked || place.shut.is_some() {
            continue;
        }
        // A price that is far from the one that is told has reasons of its own.
        let near = with[at].is_some_and(|with| (with - price).abs() <= price * Decimal::new(1, 1));
        for ((name, influence), (out, demand)) in wanted.iter().zip(&without).filter(|_| near) {
            let (Some(with), Some(out)) = (with[at], out[at]) else { continue };
            let effect = with - out;
            let ratio = worked.demand[at] / demand[at].max(1e-9);
            if !effect.is_zero() && worked.speaks_of(at, *influence, effect > Decimal::ZERO, ratio) {
                let words = words::of_reason(*name, effect, ratio, worked, at);
                found.push(Reason { name: *name, effect, words });
            }
        }
        if let (Some(best), Some(rule)) = (worked.best[at], settled[at].binding.first())
            && price != best
        {
            found.push(Reason { name: ReasonName::Rule, effect: price - best, words: rule.words.clone() });
        }
        found.sort_by_key(|reason| std::cmp::Reverse(reason.effect.abs()));
        found.truncate(TOLD);
    }
    Ok(found)
}

fn prices(settled: &[Settled]) -> Vec<Option<Decimal>> {
    settled.iter().map(|settled| settled.price).collect()
}

/// The prices that would be settled on, and the requests still to come, by cell.
type Otherwise = (Vec<Option<Decimal>>, Vec<f64>);

impl Worked<'_> {
    /// What would be, with something taken out everywhere.
    fn settled_without(&self, without: Without, rules: &RuleSet) -> Result<Otherwise, ScheduleError> {
        let settings = if self.places.len() <= MOST_CAREFUL { CalendarSettings::default() } else { LIGHTLY };
        let problem = self.hotel.problem(&self.places, &self.prices, without, &self.hotel.stay_lengths);
        let answer = price_calendar(&problem, &settings)?;
        let values = self.cautious_all(&answer);
        let best: Vec<Option<Decimal>> =
            values.iter().enumerate().map(|(at, values)| self.best_of(at, values)).collect();
        Ok((prices(&self.settle(rules, &values, &best)?), requests(&problem)))
    }

    /// Whether an influence can be named as the reason in a cell: it has to be there, and to move its own demand the way it moves
    /// the price. What only comes over from other nights is not told.
    fn speaks_of(&self, at: usize, without: Without, rise: bool, ratio: f64) -> bool {
        let place = &self.places[at];
        let there = match without {
            Without::Influence(Influence::Competitors) => place.competitor.is_some(),
            Without::Influence(Influence::Events) => !place.rule.event_kinds.is_empty(),
            Without::Scarcity => return rise,
            _ => true,
        };
        there && (ratio > 1.0) == rise && (ratio - 1.0).abs() > 0.005
    }

    /// Whether there is anything to take out.
    fn matters(&self, without: Without) -> bool {
        let mut places = self.places.iter().filter(|place| place.asked);
        match without {
            Without::Influence(Influence::Competitors) => {
                self.hotel.demand.competitor_effect().is_some()
                    && places.any(|place| place.competitor.is_some())
            }
            Without::Influence(Influence::Events) => places.any(|place| !place.rule.event_kinds.is_empty()),
            _ => true,
        }
    }

    /// Rooms that guests who begin their stay on the night would take at the price on sale, or the usual one.
    pub(super) fn wanted_today(&self, at: usize) -> f64 {
        let (place, hotel) = (&self.places[at], self.hotel);
        let of = &hotel.types[place.kind];
        let price = place.rule.on_sale.and_then(|sale| sale.price.to_f64()).unwrap_or(of.reference);
        hotel
            .demand
            .response(place.night, &of.name)
            .map_or(0.0, |response| self.demand[at] * response.share(price))
    }
}

/// Requests still to come, by cell.
pub(super) fn requests(problem: &CalendarInput) -> Vec<f64> {
    let of = |cell: &CalendarCell| cell.demand.iter().flat_map(|demand| &demand.requests).sum();
    problem.cells.iter().map(of).collect()
}
