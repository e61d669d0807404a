//! The order of room types within one night: which prices can go together.
//!
//! Each constraint is `higher >= g(lower)` with a `g` that grows. For such constraints raising every price to the least that
//! the others force either meets a price that cannot be raised, and then nothing goes together, or ends in the least prices
//! that do. That decides the night exactly, however the order branches.

use super::domain::{Prices, share_down, share_up};
use super::rule::WHOLE;

/// An order between two cells of a night, by their positions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    pub lower: usize,
    pub higher: usize,
    /// Ten-thousandths of a percent that `higher` costs more.
    pub percent: i64,
    pub rule: usize,
}

impl Edge {
    /// The least price of `higher` when `lower` costs this much.
    pub fn least_higher(&self, lower: i64) -> i64 {
        share_up(lower, WHOLE + self.percent, WHOLE)
    }

    /// The most that `lower` may cost when `higher` costs this much.
    pub fn most_lower(&self, higher: i64) -> i64 {
        share_down(higher, WHOLE, WHOLE + self.percent)
    }

    /// Whether two prices keep the order.
    pub fn keeps(&self, lower: i64, higher: i64) -> bool {
        self.least_higher(lower) <= higher
    }
}

/// Two cells that no prices bring into order.
#[derive(Debug, Clone)]
pub(super) struct Conflict {
    pub held_up: usize,
    pub held_down: usize,
    /// Whether they counted with what is on sale: the one held up, the one held down.
    pub on_sale: (bool, bool),
    /// Orders from the one to the other.
    pub through: Vec<Edge>,
}

/// What the order leaves of each cell.
#[derive(Debug)]
pub(super) struct Narrowed {
    /// The least price of each cell that others can go with; of cells without an answer what is on sale.
    pub least: Vec<Option<i64>>,
    /// The highest one.
    pub most: Vec<Option<i64>>,
    /// Cells that can have no answer because of the order.
    pub withdrawn: Vec<(usize, Conflict)>,
}

/// Narrows the prices of a night's cells to those that can go together. A cell without prices counts with what is on sale
/// (`on_sale`), or not at all. Where nothing goes together, the cell that is held up and the one that is held down are
/// withdrawn, keep what is on sale, and the others are looked at again. `edges` has no circle.
pub(super) fn narrow<P: Prices>(prices: &[Option<P>], on_sale: &[Option<i64>], edges: &[Edge]) -> Narrowed {
    let lowest = |cell: usize| prices.get(cell)?.as_ref()?.at_or_above(1);
    let mut active: Vec<bool> = (0..prices.len()).map(|cell| lowest(cell).is_some()).collect();
    let mut withdrawn = Vec::new();
    let least = loop {
        match raised(prices, on_sale, edges, &active) {
            Ok(least) => break least,
            Err((conflict, last)) => {
                let ends = [conflict.held_up, conflict.held_down];
                // Between two cells that keep what is on sale, it is the one in the middle that has to give up.
                let hit: Vec<usize> = if ends.iter().any(|end| active[*end]) {
                    ends.into_iter().filter(|end| active[*end]).collect()
                } else {
                    vec![last]
                };
                for cell in hit {
                    active[cell] = false;
                    withdrawn.push((cell, conflict.clone()));
                }
            }
        }
    };
    let mut most: Vec<Option<i64>> = (0..prices.len())
        .map(|cell| if active[cell] { prices[cell].as_ref()?.at_or_below(i64::MAX) } else { on_sale[cell] })
        .collect();
    loop {
        let mut changed = false;
        for edge in edges.iter().filter(|edge| active[edge.lower]) {
            let (Some(low), Some(high)) = (most[edge.lower], most[edge.higher]) else { continue };
            let allowed = edge.most_lower(high);
            if low > allowed {
                most[edge.lower] = prices[edge.lower].as_ref().and_then(|prices| prices.at_or_below(allowed));
                changed = true;
            }
        }
        if !changed {
            return Narrowed { least, most, withdrawn };
        }
    }
}

/// The least price of each cell, or the two cells that cannot go together and the last cell before the clash.
fn raised<P: Prices>(
    prices: &[Option<P>],
    on_sale: &[Option<i64>],
    edges: &[Edge],
    active: &[bool],
) -> Result<Vec<Option<i64>>, (Conflict, usize)> {
    let mut least: Vec<Option<i64>> = (0..prices.len())
        .map(|cell| if active[cell] { prices[cell].as_ref()?.at_or_above(1) } else { on_sale[cell] })
        .collect();
    let mut raised_by: Vec<Option<&Edge>> = vec![None; prices.len()];
    loop {
        let mut changed = false;
        for edge in edges.iter().filter(|edge| active[edge.lower] || active[edge.higher]) {
            let (Some(low), Some(high)) = (least[edge.lower], least[edge.higher]) else { continue };
            let needed = edge.least_higher(low);
            if high >= needed {
                continue;
            }
            let above = prices[edge.higher].as_ref().filter(|_| active[edge.higher]);
            if let Some(price) = above.and_then(|prices| prices.at_or_above(needed)) {
                least[edge.higher] = Some(price);
                raised_by[edge.higher] = Some(edge);
                changed = true;
                continue;
            }
            let (mut held_up, mut through) = (edge.lower, vec![*edge]);
            while let Some(before) = raised_by[held_up] {
                through.push(*before);
                held_up = before.lower;
            }
            through.reverse();
            let last = if active[edge.lower] { edge.lower } else { edge.higher };
            let held_down = edge.higher;
            let on_sale = (!active[held_up], !active[held_down]);
            return Err((Conflict { held_up, held_down, on_sale, through }, last));
        }
        if !changed {
            return Ok(least);
        }
    }
}

/// Prices that go together and are no lower than `from`, which lies between the least and the most that go together.
pub(super) fn completed_up<P: Prices>(
    prices: &[Option<P>],
    edges: &[Edge],
    from: Vec<Option<i64>>,
) -> Vec<Option<i64>> {
    let mut price = from;
    loop {
        let mut changed = false;
        for edge in edges {
            let (Some(low), Some(high)) = (price[edge.lower], price[edge.higher]) else { continue };
            let needed = edge.least_higher(low);
            if high < needed
                && let Some(next) = prices[edge.higher].as_ref().and_then(|prices| prices.at_or_above(needed))
            {
                price[edge.higher] = Some(next);
                changed = true;
            }
        }
        if !changed {
            return price;
        }
    }
}

/// Prices that go together and are no higher than `from`, which lies between the least and the most that go together.
pub(super) fn completed_down<P: Prices>(
    prices: &[Option<P>],
    edges: &[Edge],
    from: Vec<Option<i64>>,
) -> Vec<Option<i64>> {
    let mut price = from;
    loop {
        let mut changed = false;
        for edge in edges {
            let (Some(low), Some(high)) = (price[edge.lower], price[edge.higher]) else { continue };
            let allowed = edge.most_lower(high);
            if low > allowed
                && let Some(next) = prices[edge.lower].as_ref().and_then(|prices| prices.at_or_below(allowed))
            {
                price[edge.lower] = Some(next);
                changed = true;
            }
        }
        if !changed {
            return price;
        }
    }
}

/// The rules of a circle among the edges, if there is one.
pub(super) fn circle(edges: &[Edge]) -> Option<Vec<usize>> {
    // What no edge leads to, or from, is part of no circle.
    let mut left: Vec<&Edge> = edges.iter().collect();
    loop {
        let before = left.len();
        let kept = left.clone();
        left.retain(|edge| {
            kept.iter().any(|other| other.higher == edge.lower)
                && kept.iter().any(|other| other.lower == edge.higher)
        });
        if left.len() == before {
            break;
        }
    }
    // Every edge that is left can be walked on from, so a walk comes back to a room type it has seen.
    let mut walk: Vec<&Edge> = vec![left.first()?];
    loop {
        let last = walk.last()?.higher;
        if let Some(start) = walk.iter().position(|edge| edge.lower == last) {
            return Some(walk[start..].iter().map(|edge| edge.rule).collect());
        }
        walk.push(left.iter().find(|edge| edge.lower == last)?);
    }
}
