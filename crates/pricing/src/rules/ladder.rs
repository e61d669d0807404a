//! The candidates of a cell that keep its rules.

use rust_decimal::Decimal;

use super::cell::{Cell, CellError, Unmet};
use super::domain::{Domain, Prices};
use super::order::{Conflict, Edge, completed_down, completed_up, narrow};
use super::set::{MinimumStay, RuleSet};
use super::words::listed;
use super::{Action, Effect, MOST_CANDIDATES};

/// The candidates of one cell that keep every rule, orders of room types apart, and what cut the others off.
#[derive(Debug, Clone)]
pub struct Ladder {
    pub(super) cell: Cell,
    pub(super) domain: Domain,
    pub(super) on_sale: Option<i64>,
    /// In minor units, like `prices`.
    pub(super) minor: Vec<i64>,
    prices: Vec<Decimal>,
    bottom: Option<Effect>,
    top: Option<Effect>,
    filtered: Vec<Effect>,
    pub(super) unmet: Option<Unmet>,
    pub(super) minimum_stay: Option<MinimumStay>,
}

impl Ladder {
    /// Which night and room type.
    pub fn cell(&self) -> &Cell {
        &self.cell
    }

    /// Allowed prices, ascending and distinct; none where [`Self::unmet`] says why.
    pub fn prices(&self) -> &[Decimal] {
        &self.prices
    }

    /// The rule that cut candidates off at the bottom.
    pub fn bottom(&self) -> Option<&Effect> {
        self.bottom.as_ref()
    }

    /// The rule that cut candidates off at the top.
    pub fn top(&self) -> Option<&Effect> {
        self.top.as_ref()
    }

    /// The rules that moved candidates in between to prices that may be written.
    pub fn filtered(&self) -> &[Effect] {
        &self.filtered
    }

    /// Why no price is allowed.
    pub fn unmet(&self) -> Option<&Unmet> {
        self.unmet.as_ref()
    }

    /// The least number of nights of stays that begin here.
    pub fn minimum_stay(&self) -> Option<&MinimumStay> {
        self.minimum_stay.as_ref()
    }
}

impl RuleSet {
    /// The allowed candidates of one cell. A candidate that is not allowed is replaced by the nearest allowed prices on both
    /// of its sides, so that a grid is never too coarse for the rules; an empty grid gives an empty ladder. Orders of room
    /// types are not looked at: [`Self::ladders`] does that for a whole night.
    ///
    /// # Errors
    /// [`CellError`] for an unknown room type, amounts that are no prices, and more than [`MOST_CANDIDATES`] candidates.
    pub fn ladder(&self, cell: &Cell, grid: &[Decimal]) -> Result<Ladder, CellError> {
        if grid.len() > MOST_CANDIDATES {
            return Err(CellError::TooMany(grid.len()));
        }
        let (domain, on_sale) = self.domain(cell)?;
        let mut minor = Vec::with_capacity(2 * grid.len() + 2);
        let (mut below, mut above, mut between) = (false, false, false);
        for price in grid {
            let price = self.minor("candidate", *price)?;
            below |= price < domain.low;
            above |= price > domain.high;
            if domain.holds(price) {
                minor.push(price);
            } else {
                between |= domain.low < price && price < domain.high;
                minor.extend([domain.at_or_below(price), domain.at_or_above(price)].into_iter().flatten());
            }
        }
        minor.sort_unstable();
        minor.dedup();
        let unmet = if domain.is_empty() {
            Some(self.leaves_nothing(&domain))
        } else if grid.is_empty() {
            Some(Unmet { rules: Vec::new(), why: "there is no candidate".to_owned() })
        } else {
            None
        };
        let cut =
            |is: bool, by: Option<usize>, action| by.filter(|_| is).map(|rule| self.effect(rule, action));
        Ok(Ladder {
            bottom: cut(below, domain.low_by, Action::HoldsUp),
            top: cut(above, domain.high_by, Action::HoldsDown),
            filtered: if between { self.endings(&domain) } else { Vec::new() },
            minimum_stay: self.minimum_stay(cell),
            prices: minor.iter().map(|minor| self.price(*minor)).collect(),
            cell: cell.clone(),
            domain,
            on_sale,
            minor,
            unmet,
        })
    }

    /// The allowed candidates of all cells of one night. If there are prices at all that keep every rule of the night, orders
    /// of room types among them, the ladders hold such prices, whether the grids do or not. Where there are none, the cells
    /// that the order would hold up and down past each other have none, and say so.
    ///
    /// # Errors
    /// [`CellError`] as in [`Self::ladder`], and for cells of two nights or a room type that comes twice.
    pub fn ladders(&self, night: &[(Cell, Vec<Decimal>)]) -> Result<Vec<Ladder>, CellError> {
        let cells: Vec<&Cell> = night.iter().map(|(cell, _)| cell).collect();
        one_night(&cells)?;
        let mut ladders: Vec<Ladder> =
            night.iter().map(|(cell, grid)| self.ladder(cell, grid)).collect::<Result<_, _>>()?;
        let edges = self.edges(&cells);
        if edges.is_empty() {
            return Ok(ladders);
        }
        let domains: Vec<Option<Domain>> =
            ladders.iter().map(|ladder| ladder.unmet.is_none().then(|| ladder.domain.clone())).collect();
        let on_sale: Vec<Option<i64>> = ladders.iter().map(|ladder| ladder.on_sale).collect();
        let narrowed = narrow(&domains, &on_sale, &edges);
        let all: Vec<&Ladder> = ladders.iter().collect();
        let because = |(cell, conflict): &(usize, Conflict)| (*cell, self.out_of_order(&all, conflict));
        let withdrawn: Vec<(usize, Unmet)> = narrowed.withdrawn.iter().map(because).collect();
        for (cell, unmet) in withdrawn {
            let ladder = &mut ladders[cell];
            (ladder.unmet, ladder.minor, ladder.prices) = (Some(unmet), Vec::new(), Vec::new());
        }
        let active: Vec<Edge> = edges
            .into_iter()
            .filter(|edge| [edge.lower, edge.higher].iter().all(|cell| ladders[*cell].unmet.is_none()))
            .collect();
        let between = |pick: fn(&Vec<i64>) -> Option<&i64>| -> Vec<Option<i64>> {
            let of = |cell: usize| {
                let picked = *pick(&ladders[cell].minor)?;
                Some(picked.clamp(narrowed.least[cell]?, narrowed.most[cell]?))
            };
            (0..ladders.len()).map(of).collect()
        };
        let up = completed_up(&domains, &active, between(|prices| prices.first()));
        let down = completed_down(&domains, &active, between(|prices| prices.last()));
        for (ladder, more) in ladders.iter_mut().zip(up.into_iter().zip(down)) {
            let before = ladder.minor.len();
            for price in [more.0, more.1].into_iter().flatten() {
                if !ladder.minor.contains(&price) {
                    ladder.minor.push(price);
                }
            }
            if ladder.minor.len() > before {
                ladder.minor.sort_unstable();
                ladder.prices = ladder.minor.iter().map(|minor| self.price(*minor)).collect();
            }
        }
        Ok(ladders)
    }

    pub(super) fn endings(&self, domain: &Domain) -> Vec<Effect> {
        domain.ending_by.iter().map(|rule| self.effect(*rule, Action::Rounds)).collect()
    }

    /// Why a cell's own rules leave nothing.
    fn leaves_nothing(&self, domain: &Domain) -> Unmet {
        if let Some(freeze) = domain.impossible_by {
            let why = format!("{} has no price on sale to keep", self.rules[freeze].kind.name());
            return Unmet { rules: vec![self.id(freeze)], why };
        }
        let mut rules: Vec<usize> = [domain.low_by, domain.high_by].into_iter().flatten().collect();
        if domain.low <= domain.high {
            rules.extend(&domain.ending_by);
        }
        rules.dedup();
        let names: Vec<String> = rules.iter().map(|rule| self.rules[*rule].kind.name()).collect();
        let leave = if names.len() == 1 { "leaves" } else { "leave" };
        Unmet {
            rules: rules.iter().map(|rule| self.id(*rule)).collect(),
            why: format!("{} {leave} no price", listed(&names)),
        }
    }

    /// Why two cells of a night have no prices in order.
    pub(super) fn out_of_order(&self, ladders: &[&Ladder], conflict: &Conflict) -> Unmet {
        let (up, down) = (ladders[conflict.held_up], ladders[conflict.held_down]);
        let (up_stays, down_stays) = conflict.on_sale;
        let ends = [up.domain.low_by.filter(|_| !up_stays), down.domain.high_by.filter(|_| !down_stays)];
        // Endings are named where the ranges alone would go together.
        let price = |ladder: &Ladder, stays: bool, own: i64| ladder.on_sale.filter(|_| stays).unwrap_or(own);
        let from = price(up, up_stays, up.domain.low);
        let needed = conflict.through.iter().fold(from, |price, edge| edge.least_higher(price));
        let ranges = needed > price(down, down_stays, down.domain.high);
        let joined = conflict.through.iter().flat_map(|edge| [edge.lower, edge.higher]);
        let stays =
            |cell| (cell == conflict.held_up && up_stays) || (cell == conflict.held_down && down_stays);
        let endings = joined.filter(|cell| !ranges && !stays(*cell));
        let endings = endings.flat_map(|cell| ladders[cell].domain.ending_by.iter().copied());
        let orders = conflict.through.iter().map(|edge| edge.rule);
        let mut rules: Vec<usize> = Vec::new();
        for rule in ends.into_iter().flatten().chain(orders).chain(endings) {
            if !rules.contains(&rule) {
                rules.push(rule);
            }
        }
        let names: Vec<String> = rules.iter().map(|rule| self.rules[*rule].kind.name()).collect();
        let called = |ladder: &Ladder, stays: bool| match ladder.on_sale.filter(|_| stays) {
            Some(price) => {
                format!("{}, which stays on sale at {},", ladder.cell.room_type, self.price(price))
            }
            None => ladder.cell.room_type.to_string(),
        };
        let (low, high) = (called(up, up_stays), called(down, down_stays));
        Unmet {
            rules: rules.iter().map(|rule| self.id(*rule)).collect(),
            why: format!("{low} cannot go low enough for {high} under {}", listed(&names)),
        }
    }
}

/// Whether cells are of one night and of different room types.
pub(super) fn one_night(cells: &[&Cell]) -> Result<(), CellError> {
    for (position, cell) in cells.iter().enumerate() {
        if let Some(first) = cells.first().filter(|first| first.night != cell.night) {
            return Err(CellError::Nights(first.night, cell.night));
        }
        if cells[..position].iter().any(|other| other.room_type == cell.room_type) {
            return Err(CellError::Twice(cell.room_type.clone()));
        }
    }
    Ok(())
}
