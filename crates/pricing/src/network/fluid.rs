//! The fluid problem: demand comes as expected, each stay has its own price.

use super::error::NetworkError;
use super::flows::{Flow, Network};
use super::hotel::Hotel;
use super::simulate::Books;
use crate::Family;

/// The fluid problem of a hotel without bookings, solved.
#[derive(Debug, Clone, PartialEq)]
pub struct FluidSolution {
    /// Worth of one more room for a type and those above it, `nights x room types`, row by row.
    pub duals: Vec<f64>,
    /// Worth of a room of each type, `nights x room types`: sums of `duals` over the type and those below it.
    pub bid_prices: Vec<f64>,
    /// Profit that no policy exceeds in expectation: the dual's value (Gallego & van Ryzin 1997, theorem 1).
    pub upper: f64,
    /// Profit of a plan that keeps within the rooms when demand comes as expected.
    pub feasible: f64,
}

impl FluidSolution {
    /// `(upper - feasible) / upper`: how far from optimal the plan can be at most; 0 without any profit to make.
    pub fn gap(&self) -> f64 {
        if self.upper > 0.0 { (self.upper - self.feasible) / self.upper } else { 0.0 }
    }
}

/// Solves the fluid problem of a hotel at the start of its time, without bookings.
///
/// # Errors
/// [`NetworkError`] for a hotel that does not pass [`Hotel::check`].
pub fn solve_fluid(hotel: &Hotel) -> Result<FluidSolution, NetworkError> {
    hotel.check()?;
    let network = hotel.network(&Books::empty(hotel), &[]);
    let duals = duals(&network, 200, None);
    let (upper, feasible) = values(&network, &duals);
    Ok(FluidSolution { bid_prices: network.bids(&duals), duals, upper, feasible })
}

/// Most looks at the guests of a night in one sweep, after the first.
const LOOKS: usize = 8;
/// Steps smaller than this share of the dearest price move demand along a straight line.
const SMALL_STEP: f64 = 1e-3;

/// Minimises the dual over worths of rooms, 0 or more, one night and set of types after the other. The dual is convex and, but
/// for the bounds of prices, smooth, so that steps along single worths reach its minimum. A step is Newton's for the logarithm
/// of the rooms used, which is a straight line in the worth for log-linear demand. The first large steps of a night are
/// followed by another look at its guests; what later and small ones do to the sets after them is taken from that line, so
/// that the work grows with the types, not with their square.
pub(crate) fn duals(network: &Network, sweeps: usize, start: Option<&[f64]>) -> Vec<f64> {
    let types = network.types;
    let mut duals = start.map_or_else(|| vec![0.0; network.capacity.len()], <[f64]>::to_vec);
    let mut stay_bids = network.over_stays(&network.bids(&duals));
    let dearest = network.dearest();
    let top = dearest.iter().copied().fold(0.0_f64, f64::max);
    let mut slack = vec![0_u8; duals.len()];
    // Rooms that each type's guests use in a night, how they change with the worth, and by how much the worth was moved.
    let mut usages = vec![(0.0_f64, 0.0_f64); types];
    let mut moves = vec![0.0_f64; types];
    for sweep in 0..sweeps {
        let mut largest = 0.0_f64;
        for night in 0..network.nights {
            let cells = night * types..(night + 1) * types;
            // Rooms that were not short twice in a row are looked at again every fourth sweep.
            let looked_at = |slack: u8| slack <= 1 || sweep % 4 == 3;
            let Some(lowest) = slack[cells.clone()].iter().position(|slack| looked_at(*slack)) else {
                continue;
            };
            for (cell, usage) in cells.clone().zip(&mut usages).skip(lowest) {
                *usage = night_usage(network, cell, &stay_bids, 0.0);
            }
            let (mut risen, mut looks) = (0.0, LOOKS);
            moves.fill(0.0);
            for (kind, cell) in cells.clone().enumerate().skip(lowest) {
                if !looked_at(slack[cell]) {
                    continue;
                }
                let (used, slope) = (usages[kind..].iter())
                    .fold((0.0, 0.0), |(used, slope), usage| (used + usage.0, slope + usage.1));
                let rooms = network.capacity[cell].max(0.02);
                let dual = duals[cell];
                if used <= rooms && dual == 0.0 {
                    slack[cell] = slack[cell].saturating_add(1);
                    continue;
                }
                slack[cell] = 0;
                let near = dearest[cell].max(dual);
                let step = if slope < -1e-12 {
                    (used / rooms).max(1e-9).ln() * used / -slope
                } else {
                    // All prices stand at a bound: only a larger worth turns some stays away.
                    if used > rooms { 0.1 * near } else { -0.1 * near }
                };
                // A room is never worth more than two of the highest prices here; any worth keeps the bound valid.
                let next = (dual + step.clamp(-0.5 * near, 0.5 * near)).clamp(0.0, 2.0 * top);
                let change = next - dual;
                if change != 0.0 {
                    duals[cell] = next;
                    largest = largest.max(change.abs() / near.max(f64::MIN_POSITIVE));
                    moves[kind] = change;
                    risen += change;
                    if change.abs() > SMALL_STEP * near && looks > 0 {
                        looks -= 1;
                        for (cell, usage) in cells.clone().zip(&mut usages).skip(kind + 1) {
                            *usage = night_usage(network, cell, &stay_bids, risen);
                        }
                    } else {
                        for (used, slope) in usages[kind + 1..].iter_mut().filter(|usage| usage.0 > 0.0) {
                            let factor = (*slope / *used * change).clamp(-20.0, 2.0).exp();
                            (*used, *slope) = (*used * factor, *slope * factor);
                        }
                    }
                }
            }
            network.charge(night, &mut moves, &mut stay_bids);
        }
        if largest < 1e-5 {
            break;
        }
    }
    duals
}

/// Rooms that the guests of a cell use when each stay's rooms are worth so much more, and how that changes with the worth.
fn night_usage(network: &Network, cell: usize, stay_bids: &[f64], more: f64) -> (f64, f64) {
    network.covering(cell).iter().fold((0.0, 0.0), |(used, slope), place| {
        let place = *place as usize;
        let (rooms, change) = usage(&network.flows[place], stay_bids[place] + more, network.bounds[place]);
        (used + rooms, slope + change)
    })
}

/// Rooms a flow uses at its best price, and how they change with the worth of the stay's rooms.
fn usage(flow: &Flow, bids: f64, (least, most): (f64, f64)) -> (f64, f64) {
    let price = flow.best_price(bids, least, most);
    let margin = flow.margin(price, bids);
    if margin <= 0.0 {
        return (0.0, 0.0);
    }
    let share = flow.share(price);
    let rooms = flow.rate * flow.used * share;
    if price <= least || price >= most || price <= flow.saturated_below() {
        return (rooms, 0.0);
    }
    let scale = flow.response.scale;
    let per_margin = match flow.response.family {
        Family::LogLinear => -1.0 / scale,
        Family::Logit => -(1.0 - share) * (1.0 - share) / scale,
        Family::Power => -scale * scale / (price * (scale - 1.0)),
    };
    (rooms, rooms * per_margin * flow.used / flow.paid.max(1e-9) / flow.nights as f64)
}

/// Value of the dual, and of the plan in which each flow is asked its best price and, where rooms would be short, only the part
/// that fits is taken.
pub(crate) fn values(network: &Network, duals: &[f64]) -> (f64, f64) {
    let stay_bids = network.over_stays(&network.bids(duals));
    let mut upper: f64 = duals.iter().zip(&network.capacity).map(|(dual, rooms)| dual * rooms).sum();
    let mut used = vec![0.0; duals.len()];
    let mut plan = Vec::with_capacity(network.flows.len());
    for ((flow, bids), (least, most)) in network.flows.iter().zip(&stay_bids).zip(&network.bounds) {
        let price = flow.best_price(*bids, *least, *most);
        let margin = flow.margin(price, *bids);
        let taken = if margin > 0.0 { flow.rate * flow.share(price) } else { 0.0 };
        upper += taken * margin;
        for cell in network.cells(flow) {
            used[cell] += taken * flow.used;
        }
        plan.push((taken, flow.margin(price, 0.0)));
    }
    let fits = fits(network, &mut used);
    let feasible = network.flows.iter().zip(plan).map(|(flow, (taken, brings))| {
        let part = network.cells(flow).map(|cell| fits[cell]).fold(1.0_f64, f64::min);
        part * taken * brings.max(0.0)
    });
    (upper, feasible.sum())
}

/// The part of a type's demand that fits, from the rooms used by each type.
fn fits(network: &Network, used: &mut [f64]) -> Vec<f64> {
    let types = network.types;
    let mut fits = vec![1.0_f64; used.len()];
    for night in 0..network.nights {
        for kind in (0..types).rev() {
            let cell = night * types + kind;
            if kind + 1 < types {
                used[cell] += used[cell + 1];
            }
            if used[cell] > network.capacity[cell] {
                fits[cell] = network.capacity[cell] / used[cell];
            }
        }
        for kind in 1..types {
            let cell = night * types + kind;
            fits[cell] = fits[cell].min(fits[cell - 1]);
        }
    }
    fits
}
