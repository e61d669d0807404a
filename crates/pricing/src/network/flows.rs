//! What the optimiser works on: flows of requests, rooms left, allowed prices.

use crate::{Family, Response};

/// Requests that are still expected for the same nights and room type, from guests who answer alike. A booking at a stay price
/// `p` brings `paid * p - used * (nights * night_cost + worth of its rooms)`.
#[derive(Debug, Clone)]
pub(crate) struct Flow {
    pub arrival: usize,
    pub nights: usize,
    pub room_type: usize,
    pub response: Response,
    /// Requests still to come whose booking would not be cancelled.
    pub rate: f64,
    /// Share of the price that is paid, after those who do not come.
    pub paid: f64,
    /// Share that comes and takes a room.
    pub used: f64,
    pub night_cost: f64,
}

/// Shares are followed up to here: a response that is read far below the prices it was learnt at can say anything.
const MOST_SHARE: f64 = 1e6;

impl Flow {
    /// The share that books at an average price; cheaper prices than the one at which it is 1e6 bring no more guests.
    pub fn share(&self, price: f64) -> f64 {
        self.response.share(price).min(MOST_SHARE)
    }

    /// The price below which the share grows no more; below any price where it never gets there.
    pub fn saturated_below(&self) -> f64 {
        let Response { family, location, scale } = self.response;
        match family {
            Family::LogLinear => location - scale * MOST_SHARE.ln(),
            Family::Logit => f64::NEG_INFINITY,
            Family::Power => location * (-MOST_SHARE.ln() / scale).exp(),
        }
    }

    /// What a booking brings at an average price of a night, when the rooms are worth `bids` over the stay.
    pub fn margin(&self, price: f64, bids: f64) -> f64 {
        let nights = self.nights as f64;
        self.paid * price * nights - self.used * (nights * self.night_cost + bids)
    }

    /// The best average price between two bounds when the rooms are worth `bids` over the stay. The margin times the share has
    /// one peak for each family, so the bound nearest to the free optimum is the best inside the bounds. Where the share grows
    /// no more, a higher price is better.
    pub fn best_price(&self, bids: f64, least: f64, most: f64) -> f64 {
        let least_margin = self.used / self.paid.max(1e-9) * (self.night_cost + bids / self.nights as f64);
        let Response { family, location, scale } = self.response;
        let free = match family {
            Family::LogLinear => least_margin + scale,
            Family::Logit => {
                least_margin + scale * (1.0 + lambert_of_exp((location - least_margin) / scale - 1.0))
            }
            Family::Power if scale > 1.0 => least_margin * scale / (scale - 1.0),
            Family::Power => most,
        };
        free.max(self.saturated_below()).clamp(least, most)
    }
}

/// `w` with `w + ln w = z`: Lambert's function of `exp(z)`, without the overflow.
fn lambert_of_exp(z: f64) -> f64 {
    if z < -30.0 {
        return z.exp();
    }
    let mut w = if z > 1.5 { z - z.ln() } else { z.exp() / (1.0 + z.exp()) };
    for _ in 0..5 {
        let next = w * (1.0 + z - w.ln()) / (1.0 + w);
        // Newton's error squares: after a step this small nothing is left.
        let near = (next - w).abs() < 1e-5 * next;
        w = next;
        if near {
            break;
        }
    }
    w
}

/// A pricing problem: `nights` x `types` cells, row by row.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    pub nights: usize,
    pub types: usize,
    /// Rooms left for a type and those above it, `nights x types`; 0 or more.
    pub capacity: Vec<f64>,
    pub flows: Vec<Flow>,
    pub windows: usize,
    /// Kept requests of each flow in each window of time from now on, `flows x windows`.
    pub rates: Vec<f64>,
    pub ladders: Vec<Vec<f64>>,
    /// Which of the lists of allowed prices a cell has.
    pub ladder_of: Vec<usize>,
    /// Average prices that a flow can be asked at all.
    pub bounds: Vec<(f64, f64)>,
    cover_starts: Vec<usize>,
    cover: Vec<u32>,
}

impl Network {
    pub fn new(
        nights: usize,
        types: usize,
        left: &[f64],
        flows: Vec<Flow>,
        (windows, rates): (usize, Vec<f64>),
        (ladders, ladder_of): (Vec<Vec<f64>>, Vec<usize>),
    ) -> Self {
        let mut capacity = left.to_vec();
        for night in capacity.chunks_exact_mut(types) {
            for kind in (0..types - 1).rev() {
                night[kind] += night[kind + 1];
            }
            for rooms in night.iter_mut() {
                *rooms = rooms.max(0.0);
            }
        }
        let mut counts = vec![0_usize; nights * types + 1];
        for flow in &flows {
            for night in flow.arrival..flow.arrival + flow.nights {
                counts[night * types + flow.room_type + 1] += 1;
            }
        }
        for cell in 0..nights * types {
            counts[cell + 1] += counts[cell];
        }
        let mut next = counts.clone();
        let mut cover = vec![0_u32; counts[nights * types]];
        let mut bounds = Vec::with_capacity(flows.len());
        for (place, flow) in flows.iter().enumerate() {
            let (mut least, mut most) = (0.0, 0.0);
            for night in flow.arrival..flow.arrival + flow.nights {
                let cell = night * types + flow.room_type;
                cover[next[cell]] = place as u32;
                next[cell] += 1;
                let ladder = &ladders[ladder_of[cell]];
                least += ladder[0];
                most += ladder[ladder.len() - 1];
            }
            bounds.push((least / flow.nights as f64, most / flow.nights as f64));
        }
        Self {
            nights,
            types,
            capacity,
            flows,
            windows,
            rates,
            ladders,
            ladder_of,
            bounds,
            cover_starts: counts,
            cover,
        }
    }

    /// Flows that stay in a cell.
    pub fn covering(&self, cell: usize) -> &[u32] {
        &self.cover[self.cover_starts[cell]..self.cover_starts[cell + 1]]
    }

    /// The dearest price that guests of a type or those above it can be asked in a night, for each cell; 0 where nobody comes.
    pub fn dearest(&self) -> Vec<f64> {
        let mut dearest: Vec<f64> = (0..self.capacity.len())
            .map(|cell| {
                let priced = !self.covering(cell).is_empty();
                self.ladder(cell).last().copied().filter(|_| priced).unwrap_or(0.0)
            })
            .collect();
        for night in dearest.chunks_exact_mut(self.types) {
            for kind in (0..night.len() - 1).rev() {
                night[kind] = night[kind].max(night[kind + 1]);
            }
        }
        dearest
    }

    pub fn ladder(&self, cell: usize) -> &[f64] {
        &self.ladders[self.ladder_of[cell]]
    }

    /// Cells of a flow.
    pub fn cells(&self, flow: &Flow) -> impl Iterator<Item = usize> + use<> {
        let (types, kind) = (self.types, flow.room_type);
        (flow.arrival..flow.arrival + flow.nights).map(move |night| night * types + kind)
    }

    /// Adds what the worth of each set of types of a night rose by to the worth of the stays; `changes` are summed up on the way.
    pub fn charge(&self, night: usize, changes: &mut [f64], stay_bids: &mut [f64]) {
        let mut sum = 0.0;
        for (kind, change) in changes.iter_mut().enumerate() {
            sum += *change;
            *change = sum;
            if sum != 0.0 {
                for place in self.covering(night * self.types + kind) {
                    stay_bids[*place as usize] += sum;
                }
            }
        }
    }

    /// The worth of a room of each type from the worth of each set of types: a room of a type is in its own set and in those of
    /// all lower types, so the worth rises with the type.
    pub fn bids(&self, duals: &[f64]) -> Vec<f64> {
        let mut bids = duals.to_vec();
        for night in bids.chunks_exact_mut(self.types) {
            for kind in 1..night.len() {
                night[kind] += night[kind - 1];
            }
        }
        bids
    }

    /// Sums of a number per cell over the nights of each flow.
    pub fn over_stays(&self, per_cell: &[f64]) -> Vec<f64> {
        self.flows.iter().map(|flow| self.cells(flow).map(|cell| per_cell[cell]).sum()).collect()
    }
}
