//! The worth of a room when demand is random: a dynamic program for each night and set of types.

use super::flows::Network;
use super::prices::Posted;

/// Numbers of the dynamic programs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grid {
    /// Most bookings expected in one step; smaller is closer to Poisson demand.
    pub step: f64,
    /// Allowed prices tried for each night and type, about; the nearest to the posted one first.
    pub prices: usize,
}

/// More rooms than this keep their fluid worth: demand then varies by less than a twentieth.
const MOST_ROOMS: f64 = 400.0;
/// Rooms times steps of one program; where demand is so much larger than the rooms, the fluid worth is near too.
const MOST_WORK: f64 = 1e6;
/// Steps of a program over and above those that its bookings ask for: few rooms grow dear quickly.
const LEAST_STEPS: f64 = 40.0;
/// Points at which the best income is known, by the worth of a room; straight lines between.
const POINTS: usize = 64;

/// Replaces worths of rooms, `nights x types`, by those that random demand gives them now: `V(rooms) - V(rooms - 1)`. In each
/// program the other nights and sets are paid for at their worths, the other nights' prices stay as posted, and the price of the
/// night itself is chosen anew in each window of time for each number of rooms left. One program comes after the other and
/// pays what those before it found: nights and sets that are short for the same guests must not each charge them in full.
/// `stay_bids` follows.
pub(crate) fn randomise(
    network: &Network,
    posted: &Posted,
    worths: &mut [f64],
    stay_bids: &mut [f64],
    grid: Grid,
) {
    let (types, windows) = (network.types, network.windows);
    let top = network
        .ladders
        .iter()
        .filter_map(|ladder| ladder.last())
        .fold(0.0_f64, |most, price| most.max(*price));
    let width = 1.5 * top / (POINTS - 1) as f64;
    let mut incomes: Vec<Income> = Vec::new();
    let mut table = vec![0.0; windows * POINTS];
    let mut used = vec![0.0; windows];
    let mut value = Vec::new();
    for night in 0..network.nights {
        incomes.clear();
        incomes.extend(
            (0..types).map(|kind| Income::of(network, posted, night * types + kind, stay_bids, grid.prices)),
        );
        for kind in 0..types {
            let cell = night * types + kind;
            let rooms = network.capacity[cell];
            table.fill(0.0);
            used.fill(0.0);
            for income in &incomes[kind..] {
                income.add_best(&mut table, &mut used, width, worths[cell]);
            }
            let most: f64 = used.iter().sum();
            if rooms > MOST_ROOMS || rooms * most > MOST_WORK * grid.step {
                continue;
            }
            let mut worth = 0.0;
            if rooms <= most + 5.0 * most.sqrt() + 2.0 && most > 0.0 {
                let states = rooms.ceil().max(1.0) as usize;
                value.clear();
                value.resize(states + 1, 0.0);
                for window in (0..windows).rev() {
                    let steps = (used[window] * (1.0 / grid.step + LEAST_STEPS / most)).ceil().min(20_000.0);
                    if steps > 0.0 {
                        run(&mut value, &table[window * POINTS..(window + 1) * POINTS], steps, 1.0 / width);
                    }
                }
                let room = |rooms: usize| (value[rooms] - value[rooms - 1]).max(0.0);
                let low = (rooms.floor() as usize).max(1);
                let part = (rooms - low as f64).max(0.0);
                worth = room(low) + part * (room(low.max(states)) - room(low));
            }
            let change = worth - worths[cell];
            if change != 0.0 {
                worths[cell] = worth;
                for place in network.covering_from(cell) {
                    stay_bids[*place as usize] += change;
                }
                for income in &mut incomes[kind..] {
                    income.pay(change);
                }
            }
        }
    }
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
}

impl Income {
    fn of(network: &Network, posted: &Posted, cell: usize, stay_bids: &[f64], most: usize) -> Self {
        let ladder = network.ladder(cell);
        let windows = network.windows;
        let now = ladder[posted.index[cell]];
        let tried = tried(posted.index[cell], ladder.len(), most);
        let prices = tried.len();
        let mut lines = vec![(0.0, 0.0); prices * windows];
        for (tried, price) in tried.into_iter().map(|index| ladder[index]).enumerate() {
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
        Self { lines, prices }
    }

    /// Pays more for the rooms of the night.
    fn pay(&mut self, change: f64) {
        for line in &mut self.lines {
            line.0 -= line.1 * change;
        }
    }

    /// Adds the best income at each worth of a room of this night; `paid` of it is already in the lines. To `used` go the rooms
    /// used when a room is worth nothing: the most that any best price uses, for fewer are used as worth rises.
    fn add_best(&self, table: &mut [f64], used: &mut [f64], width: f64, paid: f64) {
        let windows = table.chunks_exact_mut(POINTS).zip(self.lines.chunks(self.prices)).zip(used);
        for ((points, lines), used) in windows {
            let mut best = [f64::NEG_INFINITY; POINTS];
            for (income, rooms) in lines {
                let (at_nothing, slope) = (income + rooms * paid, rooms * width);
                for (point, best) in best.iter_mut().enumerate() {
                    let income = at_nothing - slope * point as f64;
                    *best = if income > *best { income } else { *best };
                }
            }
            for (total, best) in points.iter_mut().zip(best) {
                *total += best;
            }
            let mut free = (f64::NEG_INFINITY, 0.0);
            for line in lines {
                let income = line.0 + line.1 * paid;
                if income > free.0 {
                    free = (income, line.1);
                }
            }
            *used += free.1;
        }
    }
}

/// Prices to try: all near the posted one, where the worth of a room is decided, then at growing distances.
fn tried(posted: usize, count: usize, most: usize) -> Vec<usize> {
    if count <= most {
        return (0..count).collect();
    }
    let near = most / 4;
    let mut tried = vec![posted];
    let (mut distance, mut step) = (0, 1);
    while tried.len() < most && distance < count {
        distance += step;
        if distance >= near {
            step = (step * 3).div_ceil(2);
        }
        tried.extend(posted.checked_sub(distance));
        tried.extend(Some(posted + distance).filter(|index| *index < count));
    }
    tried
}
