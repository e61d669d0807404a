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

/// Minimises the dual over worths of rooms, 0 or more, one night and set of types after the other. The dual is convex and, but
/// for the bounds of prices, smooth, so that steps along single worths reach its minimum. A step is Newton's for the logarithm
/// of the rooms used, which is a straight line in the worth for log-linear demand.
pub(crate) fn duals(network: &Network, sweeps: usize, start: Option<&[f64]>) -> Vec<f64> {
    let mut duals = start.map_or_else(|| vec![0.0; network.capacity.len()], <[f64]>::to_vec);
    let mut stay_bids = network.over_stays(&network.bids(&duals));
    let top = network
        .ladders
        .iter()
        .filter_map(|ladder| ladder.last())
        .fold(0.0_f64, |most, price| most.max(*price));
    let mut slack = vec![0_u8; duals.len()];
    for sweep in 0..sweeps {
        let mut moved = 0.0_f64;
        for cell in 0..duals.len() {
            // Rooms that were not short twice in a row are looked at again every fourth sweep.
            if slack[cell] > 1 && sweep % 4 != 3 {
                continue;
            }
            let (mut used, mut slope) = (0.0, 0.0);
            for place in network.covering_from(cell) {
                let place = *place as usize;
                let flow = &network.flows[place];
                let (rooms, change) = usage(flow, stay_bids[place], network.bounds[place]);
                used += rooms;
                slope += change;
            }
            let rooms = network.capacity[cell].max(0.02);
            let dual = duals[cell];
            if used <= rooms && dual == 0.0 {
                slack[cell] = slack[cell].saturating_add(1);
                continue;
            }
            slack[cell] = 0;
            let step = if slope < -1e-12 {
                (used / rooms).max(1e-9).ln() * used / -slope
            } else {
                // All prices stand at a bound: only a larger worth turns some stays away.
                if used > rooms { 0.1 * top } else { -0.1 * top }
            };
            // A room is never worth more than two of the highest prices here; any worth keeps the bound valid.
            let next = (dual + step.clamp(-0.5 * top, 0.5 * top)).clamp(0.0, 2.0 * top);
            let change = next - dual;
            if change != 0.0 {
                duals[cell] = next;
                moved = moved.max(change.abs());
                for place in network.covering_from(cell) {
                    stay_bids[*place as usize] += change;
                }
            }
        }
        if moved < 1e-5 * top {
            break;
        }
    }
    duals
}

/// Rooms a flow uses at its best price, and how they change with the worth of the stay's rooms.
fn usage(flow: &Flow, bids: f64, (least, most): (f64, f64)) -> (f64, f64) {
    let price = flow.best_price(bids, least, most);
    let margin = flow.margin(price, bids);
    if margin <= 0.0 {
        return (0.0, 0.0);
    }
    let share = flow.response.share(price);
    let rooms = flow.rate * flow.used * share;
    if price <= least || price >= most {
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
        let taken = if margin > 0.0 { flow.rate * flow.response.share(price) } else { 0.0 };
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
