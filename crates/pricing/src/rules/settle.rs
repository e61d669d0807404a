//! The best prices of one night's room types together.

use chrono::NaiveDate;
use innkeeper_hotel::RoomTypeName;
use rust_decimal::Decimal;
use serde::Serialize;

use super::cell::{Cell, CellError, Unmet};
use super::closure::best_closed_set;
use super::domain::Domain;
use super::ladder::{Ladder, one_night};
use super::order::{Edge, narrow};
use super::set::{MinimumStay, RuleSet};
use super::{Action, Effect};

/// Values are compared as whole multiples of the night's largest one divided by this.
const STEPS: f64 = (1_u64 << 42) as f64;

/// A cell's candidates with what each is worth.
#[derive(Debug, Clone)]
pub struct CellChoices {
    /// The allowed candidates, from [`RuleSet::ladders`] of the same rules.
    pub ladder: Ladder,
    /// Expected profit of each of the ladder's prices, in any unit; a candidate whose value is not finite is not chosen.
    pub values: Vec<f64>,
    /// The price that would be best without any rule, where it was looked for. Without it the rules on the cell itself are not
    /// named as binding.
    pub free: Option<Decimal>,
}

/// The answer for one cell.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Settled {
    /// The night.
    pub night: NaiveDate,
    /// The room type.
    pub room_type: RoomTypeName,
    /// The best price that keeps every rule; `None` leaves on sale what is on sale.
    pub price: Option<Decimal>,
    /// What was expected of that price.
    pub value: Option<f64>,
    /// Why there is no price.
    pub unmet: Option<Unmet>,
    /// The rules because of which the price is not the best one without rules.
    pub binding: Vec<Effect>,
    /// The least number of nights of stays that begin on the night.
    pub minimum_stay: Option<MinimumStay>,
}

/// Candidates with a value, ascending, and their values in steps.
struct Valued {
    prices: Vec<i64>,
    steps: Vec<i64>,
}

impl Valued {
    /// The lowest of the best candidates.
    fn best(&self) -> usize {
        let mut best = 0;
        for (place, step) in self.steps.iter().enumerate() {
            if *step > self.steps[best] {
                best = place;
            }
        }
        best
    }
}

impl RuleSet {
    /// The prices of one night with the greatest sum of values that keep every rule, orders of room types among them; of equal
    /// sums the lowest prices. Exact for every shape of order, up to 2^-42 of the night's greatest value. Where no candidates
    /// go together, the cells that the order would hold up and down past each other get no price, and the others are settled
    /// with what those keep on sale.
    ///
    /// A rule binds a cell if the price that would be best without rules breaks it, or if it is an order and the cell's best
    /// allowed price breaks it beside the prices of the others.
    ///
    /// # Errors
    /// [`CellError`] for cells of two nights, a room type that comes twice, and values that do not fit the prices.
    pub fn settle(&self, night: &[CellChoices]) -> Result<Vec<Settled>, CellError> {
        let cells: Vec<&Cell> = night.iter().map(|choices| &choices.ladder.cell).collect();
        one_night(&cells)?;
        let mut free = Vec::with_capacity(night.len());
        for choices in night {
            let (values, prices) = (choices.values.len(), choices.ladder.minor.len());
            if values != prices {
                return Err(CellError::Values { values, prices });
            }
            free.push(choices.free.map(|price| self.minor("best price without rules", price)).transpose()?);
        }
        let valued = valued(night);
        let edges = self.edges(&cells);
        let on_sale: Vec<Option<i64>> = night.iter().map(|choices| choices.ladder.on_sale).collect();
        let prices: Vec<Option<Vec<i64>>> =
            valued.iter().map(|valued| valued.as_ref().map(|valued| valued.prices.clone())).collect();
        let narrowed = narrow(&prices, &on_sale, &edges);
        let mut unmet: Vec<Option<Unmet>> = night
            .iter()
            .zip(&valued)
            .map(|(choices, valued)| match (&choices.ladder.unmet, valued) {
                (Some(unmet), _) => Some(unmet.clone()),
                (None, None) => {
                    Some(Unmet { rules: Vec::new(), why: "no allowed candidate has a value".to_owned() })
                }
                _ => None,
            })
            .collect();
        let ladders: Vec<&Ladder> = night.iter().map(|choices| &choices.ladder).collect();
        for (cell, conflict) in &narrowed.withdrawn {
            unmet[*cell] = Some(self.out_of_order(&ladders, conflict));
        }
        let ranges: Vec<Option<(usize, usize)>> = (0..night.len())
            .map(|cell| {
                let valued = valued[cell].as_ref().filter(|_| unmet[cell].is_none())?;
                let place = |price: i64| valued.prices.binary_search(&price).ok();
                Some((place(narrowed.least[cell]?)?, place(narrowed.most[cell]?)?))
            })
            .collect();
        let chosen = choose(&valued, &ranges, &edges);
        let minor: Vec<Option<i64>> =
            (0..night.len()).map(|cell| valued[cell].as_ref()?.prices.get(chosen[cell]?).copied()).collect();
        let beside: Vec<Option<i64>> =
            minor.iter().zip(&on_sale).map(|(minor, sale)| minor.or(*sale)).collect();
        let settled = night.iter().enumerate().map(|(cell, choices)| {
            let ladder = &choices.ladder;
            let place = minor[cell].and_then(|minor| ladder.minor.binary_search(&minor).ok());
            let binding = match (minor[cell], &valued[cell]) {
                (Some(price), Some(valued)) => {
                    let best = valued.prices[valued.best()];
                    if price == best {
                        self.binding_on(&ladder.domain, price, free[cell])
                    } else {
                        self.binding_orders(cell, best, &beside, &edges)
                    }
                }
                _ => Vec::new(),
            };
            Settled {
                night: ladder.cell.night,
                room_type: ladder.cell.room_type.clone(),
                price: minor[cell].map(|minor| self.price(minor)),
                value: place.map(|place| choices.values[place]),
                unmet: unmet[cell].take(),
                binding,
                minimum_stay: ladder.minimum_stay.clone(),
            }
        });
        Ok(settled.collect())
    }

    /// The rules of the cell itself that the price which would be best without rules breaks.
    fn binding_on(&self, domain: &Domain, price: i64, free: Option<i64>) -> Vec<Effect> {
        let Some(free) = free.filter(|free| !domain.holds(*free) && *free != price) else {
            return Vec::new();
        };
        let (by, edge, action) = if free < domain.low {
            (domain.low_by, domain.low, Action::HoldsUp)
        } else if free > domain.high {
            (domain.high_by, domain.high, Action::HoldsDown)
        } else {
            (None, free, Action::Rounds)
        };
        let mut binding: Vec<Effect> = by.map(|rule| self.effect(rule, action)).into_iter().collect();
        if !domain.ends(edge) {
            binding.extend(self.endings(domain));
        }
        binding
    }

    /// The orders that the cell's best allowed price breaks beside the prices of the others.
    fn binding_orders(&self, cell: usize, best: i64, beside: &[Option<i64>], edges: &[Edge]) -> Vec<Effect> {
        let mut binding = Vec::new();
        for edge in edges {
            let action = if edge.lower == cell
                && beside[edge.higher].is_some_and(|high| !edge.keeps(best, high))
            {
                Action::HoldsDown
            } else if edge.higher == cell && beside[edge.lower].is_some_and(|low| !edge.keeps(low, best)) {
                Action::HoldsUp
            } else {
                continue;
            };
            binding.push(self.effect(edge.rule, action));
        }
        binding
    }
}

/// The candidates that can be chosen: allowed and with a value.
fn valued(night: &[CellChoices]) -> Vec<Option<Valued>> {
    let finite = night.iter().flat_map(|choices| &choices.values).filter(|value| value.is_finite());
    let greatest = finite.fold(0.0_f64, |greatest, value| greatest.max(value.abs()));
    let of = |choices: &CellChoices| {
        let mut valued = Valued { prices: Vec::new(), steps: Vec::new() };
        for (price, value) in choices.ladder.minor.iter().zip(&choices.values) {
            if value.is_finite() {
                valued.prices.push(*price);
                let share = if greatest > 0.0 { value / greatest } else { 0.0 };
                valued.steps.push((share * STEPS).round() as i64);
            }
        }
        (!valued.prices.is_empty()).then_some(valued)
    };
    night.iter().map(of).collect()
}

/// The place of each cell's chosen candidate within `ranges`, first and last place that the order leaves.
fn choose(
    valued: &[Option<Valued>],
    ranges: &[Option<(usize, usize)>],
    edges: &[Edge],
) -> Vec<Option<usize>> {
    let both = |edge: &&Edge| ranges[edge.lower].is_some() && ranges[edge.higher].is_some();
    let edges: Vec<&Edge> = edges.iter().filter(both).collect();
    // Within what is left to a cell, its best candidate.
    let mut chosen: Vec<Option<usize>> = valued
        .iter()
        .zip(ranges)
        .map(|(valued, range)| {
            let (valued, (first, last)) = (valued.as_ref()?, (*range)?);
            let steps = &valued.steps[first..=last];
            let top = steps.iter().max()?;
            Some(first + steps.iter().position(|step| step == top)?)
        })
        .collect();
    let price = |cell: usize, place: usize| valued[cell].as_ref().map_or(0, |valued| valued.prices[place]);
    let kept = |edge: &Edge, chosen: &[Option<usize>]| match (chosen[edge.lower], chosen[edge.higher]) {
        (Some(low), Some(high)) => edge.keeps(price(edge.lower, low), price(edge.higher, high)),
        _ => true,
    };
    // Only cells that are joined to a broken order, by whatever orders, have to be looked at together.
    let mut together = vec![false; valued.len()];
    for edge in edges.iter().filter(|edge| !kept(edge, &chosen)) {
        together[edge.lower] = true;
    }
    loop {
        let joins = edges.iter().find(|edge| together[edge.lower] != together[edge.higher]);
        let Some(edge) = joins else { break };
        (together[edge.lower], together[edge.higher]) = (true, true);
    }
    if !together.contains(&true) {
        return chosen;
    }
    let mut weights = Vec::new();
    let mut implies = Vec::new();
    // The statement "at least the candidate in this place"; the first place needs none.
    let mut starts = vec![0_usize; valued.len()];
    for cell in (0..valued.len()).filter(|cell| together[*cell]) {
        let (Some(valued), Some((first, last))) = (&valued[cell], ranges[cell]) else { continue };
        starts[cell] = weights.len();
        for place in first + 1..=last {
            if place > first + 1 {
                implies.push((weights.len(), weights.len() - 1));
            }
            weights.push(valued.steps[place] - valued.steps[place - 1]);
        }
    }
    for edge in edges.iter().filter(|edge| together[edge.lower]) {
        let (Some(low), Some(high)) = (ranges[edge.lower], ranges[edge.higher]) else { continue };
        let Some(above) = &valued[edge.higher] else { continue };
        let mut implied = high.0;
        for place in low.0 + 1..=low.1 {
            let needed = edge.least_higher(price(edge.lower, place));
            let place_above = above.prices.partition_point(|price| *price < needed);
            // What the candidate before implies is implied already.
            if place_above > implied {
                implied = place_above;
                implies.push((
                    starts[edge.lower] + place - low.0 - 1,
                    starts[edge.higher] + place_above - high.0 - 1,
                ));
            }
        }
    }
    let held = best_closed_set(&weights, &implies);
    for cell in (0..valued.len()).filter(|cell| together[*cell]) {
        if let Some((first, last)) = ranges[cell] {
            let statements = &held[starts[cell]..starts[cell] + last - first];
            chosen[cell] = Some(first + statements.iter().filter(|held| **held).count());
        }
    }
    chosen
}
