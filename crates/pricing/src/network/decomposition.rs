//! The worth of a room when demand is random: a dynamic program for each night and set of types.

use super::flows::Network;
use super::prices::Posted;

/// Numbers of the dynamic programs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grid {
    /// Most bookings expected in one step; smaller is closer to Poisson demand.
    pub step: f64,
    /// Allowed prices tried for each night and type, spread over the list.
    pub prices: usize,
}

/// More rooms than this keep their fluid worth: demand then varies by less than a twentieth.
const MOST_ROOMS: f64 = 400.0;
/// Points at which the best income is known, by the worth of a room; straight lines between.
const POINTS: usize = 40;

/// Worth now of a room for each night and set of types, `nights x types`: `V(rooms) - V(rooms - 1)`. In each program the other
/// nights and sets are paid for at `duals`, the other nights' prices stay as posted, and the price of the night itself is
/// chosen anew in each window of time for each number of rooms left.
pub(crate) fn worth(network: &Network, posted: &Posted, duals: &[f64], stay_bids: &[f64], grid: Grid) -> Vec<f64> {
    let (types, windows) = (network.types, network.windows);
    let top = network.ladders.iter().filter_map(|ladder| ladder.last()).fold(0.0_f64, |most, price| most.max(*price));
    let width = 2.0 * top / (POINTS - 1) as f64;
    let mut worth = vec![0.0; duals.len()];
    let mut incomes: Vec<Income> = Vec::new();
    let mut table = vec![0.0; windows * POINTS];
    let mut value = Vec::new();
    for night in 0..network.nights {
        incomes.clear();
        incomes.extend((0..types).map(|kind| Income::of(network, posted, night * types + kind, stay_bids, grid.prices)));
        for kind in 0..types {
            let cell = night * types + kind;
            let rooms = network.capacity[cell];
            let most: f64 = incomes[kind..].iter().map(|income| income.most_used.iter().sum::<f64>()).sum();
            if most <= 0.0 || rooms > most + 5.0 * most.sqrt() + 2.0 {
                continue;
            }
            if rooms > MOST_ROOMS {
                worth[cell] = duals[cell];
                continue;
            }
            table.fill(0.0);
            for income in &incomes[kind..] {
                income.add_best(&mut table, width, duals[cell]);
            }
            let states = rooms.ceil().max(1.0) as usize;
            value.clear();
            value.resize(states + 1, 0.0);
            for window in (0..windows).rev() {
                let used: f64 = incomes[kind..].iter().map(|income| income.most_used[window]).sum();
                let steps = (used / grid.step).ceil().clamp(0.0, 20_000.0);
                if steps > 0.0 {
                    run(&mut value, &table[window * POINTS..(window + 1) * POINTS], steps, 1.0 / width);
                }
            }
            let room = |rooms: usize| (value[rooms] - value[rooms - 1]).max(0.0);
            let low = (rooms.floor() as usize).max(1);
            let part = (rooms - low as f64).max(0.0);
            worth[cell] = room(low) + part * (room(low.max(states)) - room(low));
        }
    }
    worth
}

/// Bellman's equation, `steps` times: the value of a number of rooms grows by the best income at the worth of one of them.
fn run(value: &mut [f64], best: &[f64], steps: f64, per_width: f64) {
    let share = 1.0 / steps;
    let last = (POINTS - 2) as f64;
    for _ in 0..steps as usize {
        // A state needs its lower neighbour before this step, which going upwards would have overwritten.
        let mut before = value[0];
        for state in &mut value[1..] {
            let now = *state;
            let at = ((now - before) * per_width).max(0.0);
            let low = at.min(last);
            let place = low as usize;
            let part = (at - place as f64).min(1.0);
            *state = now + share * (best[place] + part * (best[place + 1] - best[place]));
            before = now;
        }
    }
}

/// Income and rooms used in a cell, by price tried and window.
struct Income {
    /// `(income over the worth of all rooms of the stays, rooms used)`, `windows x prices`.
    lines: Vec<(f64, f64)>,
    prices: usize,
    /// Most rooms used in each window.
    most_used: Vec<f64>,
}

impl Income {
    fn of(network: &Network, posted: &Posted, cell: usize, stay_bids: &[f64], most: usize) -> Self {
        let ladder = network.ladder(cell);
        let prices = ladder.len().min(most);
        let windows = network.windows;
        let mut lines = vec![(0.0, 0.0); prices * windows];
        let now = ladder[posted.index[cell]];
        for tried in 0..prices {
            let price = if prices == 1 { ladder[0] } else { ladder[tried * (ladder.len() - 1) / (prices - 1)] };
            for place in network.covering(cell) {
                let place = *place as usize;
                let flow = &network.flows[place];
                let average = (posted.stays[place] - now + price) / flow.nights as f64;
                let share = flow.response.share(average);
                let (brings, used) = (share * flow.margin(average, stay_bids[place]), share * flow.used);
                let rates = &network.rates[place * windows..(place + 1) * windows];
                for (window, rate) in rates.iter().enumerate() {
                    let line = &mut lines[window * prices + tried];
                    line.0 += rate * brings;
                    line.1 += rate * used;
                }
            }
        }
        let most_used = lines.chunks(prices).map(|tried| tried.iter().fold(0.0_f64, |most, line| most.max(line.1)));
        let most_used = most_used.collect();
        Self { lines, prices, most_used }
    }

    /// Adds the best income at each worth of a room of this night; `paid` of it is already in the lines.
    fn add_best(&self, table: &mut [f64], width: f64, paid: f64) {
        for (points, lines) in table.chunks_exact_mut(POINTS).zip(self.lines.chunks(self.prices)) {
            for (point, total) in points.iter_mut().enumerate() {
                let worth = point as f64 * width - paid;
                let best = lines.iter().fold(f64::NEG_INFINITY, |best, line| best.max(line.0 - line.1 * worth));
                *total += best;
            }
        }
    }
}
