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
/// The same for all programs of a calendar: where there are many, each may be smaller only.
const MOST_WORK_TOGETHER: f64 = 2e9;
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
    let dearest = network.dearest();
    let most_work = MOST_WORK.min(MOST_WORK_TOGETHER / network.capacity.len() as f64);
    let mut table = vec![0.0; windows * POINTS];
    let mut used = vec![0.0; windows];
    let mut value = Vec::new();
    let mut changes = vec![0.0; types];
    for night in 0..network.nights {
        let mut incomes = Incomes::of(network, posted, night, stay_bids, grid.prices);
        changes.fill(0.0);
        // What the sets before this one rose by: all guests of this set pay it.
        let mut risen = 0.0;
        for (kind, change) in changes.iter_mut().enumerate() {
            let cell = night * types + kind;
            let rooms = network.capacity[cell];
            let width = 1.5 * dearest[cell] / (POINTS - 1) as f64;
            incomes.leave_below(kind);
            for (window, (points, used)) in table.chunks_exact_mut(POINTS).zip(&mut used).enumerate() {
                *used = incomes.best(kind, window, (risen - worths[cell], width), points);
            }
            let most: f64 = used.iter().sum();
            if rooms > MOST_ROOMS || rooms * most > most_work * grid.step {
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
            *change = worth - worths[cell];
            risen += *change;
            worths[cell] = worth;
        }
        network.charge(night, &mut changes, stay_bids);
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

/// What the guests of a night bring at best, by what a room costs them beyond what is paid already: for each type the highest
/// of the straight lines `income - rooms * cost`, one for each price tried. Kept as where each type turns to its next line, so
/// that the sum over a set of types is one walk along the turns.
struct Incomes {
    types: usize,
    /// Income and rooms of the line that is best where rooms cost least, `windows x types`.
    first: Vec<(f64, f64)>,
    /// Turns of all types of a window, by rising cost.
    turns: Vec<Vec<Turn>>,
}

/// Where a type goes to the next line, and what that changes.
struct Turn {
    at: f64,
    kind: usize,
    income: f64,
    rooms: f64,
}

impl Incomes {
    fn of(network: &Network, posted: &Posted, night: usize, stay_bids: &[f64], most: usize) -> Self {
        let (types, windows) = (network.types, network.windows);
        let mut first = vec![(0.0, 0.0); windows * types];
        let mut turns: Vec<Vec<Turn>> = (0..windows).map(|_| Vec::new()).collect();
        for kind in 0..types {
            let mut lines = lines(network, posted, night * types + kind, stay_bids, most);
            let prices = lines.len() / windows;
            for (window, lines) in lines.chunks_exact_mut(prices).enumerate() {
                let hull = highest(lines);
                if let Some((_, income, rooms)) = hull.first() {
                    first[window * types + kind] = (*income, *rooms);
                }
                turns[window].extend(hull.windows(2).map(|pair| Turn {
                    at: pair[1].0,
                    kind,
                    income: pair[1].1 - pair[0].1,
                    rooms: pair[1].2 - pair[0].2,
                }));
            }
        }
        for turns in &mut turns {
            turns.sort_by(|left, right| left.at.total_cmp(&right.at));
        }
        Self { types, first, turns }
    }

    /// Forgets the types below one.
    fn leave_below(&mut self, kind: usize) {
        for turns in &mut self.turns {
            turns.retain(|turn| turn.kind >= kind);
        }
    }

    /// Writes the best income of the types from `kind` on at points of the cost, the first one and so much apart; hands back the
    /// rooms used at the first, the most that any best price uses. Types below must have been left.
    fn best(&self, kind: usize, window: usize, (from, apart): (f64, f64), points: &mut [f64]) -> f64 {
        let first = &self.first[window * self.types + kind..(window + 1) * self.types];
        let (mut income, mut rooms) =
            first.iter().fold((0.0, 0.0), |(income, rooms), line| (income + line.0, rooms + line.1));
        let mut turns = self.turns[window].iter().peekable();
        let mut at_first = 0.0;
        for (place, point) in points.iter_mut().enumerate() {
            let cost = from + apart * place as f64;
            while let Some(turn) = turns.next_if(|turn| turn.at < cost) {
                income += turn.income;
                rooms += turn.rooms;
            }
            if place == 0 {
                at_first = f64::max(rooms, 0.0);
            }
            *point = income - rooms * cost;
        }
        at_first
    }
}

/// Income over the worth of all rooms of the stays, and rooms used, in a cell: `windows x prices tried`.
fn lines(network: &Network, posted: &Posted, cell: usize, stay_bids: &[f64], most: usize) -> Vec<(f64, f64)> {
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
            let share = flow.share(average);
            let (brings, used) = (share * flow.margin(average, stay_bids[place]), share * flow.used);
            let rates = &network.rates[place * windows..(place + 1) * windows];
            for (window, rate) in rates.iter().enumerate() {
                let line = &mut lines[window * prices + tried];
                line.0 += rate * brings;
                line.1 += rate * used;
            }
        }
    }
    lines
}

/// The lines that are highest somewhere, from many rooms to few: the cost from which each is, its income and its rooms.
fn highest(lines: &mut [(f64, f64)]) -> Vec<(f64, f64, f64)> {
    lines.sort_by(|left, right| right.1.total_cmp(&left.1).then(right.0.total_cmp(&left.0)));
    let mut hull: Vec<(f64, f64, f64)> = Vec::with_capacity(lines.len());
    'lines: for (income, rooms) in lines {
        let mut from = f64::NEG_INFINITY;
        while let Some((since, before, used)) = hull.last() {
            if *rooms >= *used {
                continue 'lines;
            }
            from = (before - *income) / (used - *rooms);
            if from > *since {
                break;
            }
            hull.pop();
            from = f64::NEG_INFINITY;
        }
        hull.push((from, *income, *rooms));
    }
    hull
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
