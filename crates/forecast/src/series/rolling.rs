//! Rolling origins: what each member would have said, how far off it was, and what their combination would have said.

use serde::Serialize;

use super::history::History;
use super::{Note, members, yearly};

/// Ranges of horizons that have weights of their own, in days.
pub(super) const GROUPS: [(u16, u16); 3] = [(1, 7), (8, 28), (29, super::MOST_DAYS)];
/// Origins that are tried.
const MOST_ORIGINS: usize = 24;
/// Days before the first origin, at least.
const LEAST_KNOWN: usize = 14;
/// Days up to which a history counts as a cold start.
const COLD: usize = 42;
/// Days after which an error counts half.
const HALF_LIFE: f64 = 45.0;
/// Mean errors that every member is thought to have made before the first.
const PRIOR: f64 = 10.0;
/// Weights are the errors squared to the minus this.
const SHARPNESS: f64 = 1.5;

/// What a member counts, and how far off it was.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MemberWeight {
    /// The member.
    pub name: &'static str,
    /// Its share, 0 to 1, in the horizons of 1 to 7, 8 to 28 and 29 or more days.
    pub weights: [f64; 3],
    /// Its mean absolute error over all horizons of the back-test, in the unit of the series; `None` where it could not be tried.
    pub mae: Option<f64>,
}

/// An error of the combination in back-test, in the unit of [`History::y`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Miss {
    /// Days ahead, from 1.
    pub horizon: usize,
    /// Days known when it was said.
    pub origin: usize,
    /// The day it speaks of, as a place in the series.
    pub target: usize,
    /// Actual minus predicted.
    pub error: f64,
}

/// A back-test, and the forecast from all days.
pub(super) struct Test {
    /// The combination for the days ahead, in the unit of [`History::y`].
    pub path: Vec<f64>,
    /// What the combination missed at earlier origins, by origin, then horizon.
    pub misses: Vec<Miss>,
    /// Origins that were tried, ascending.
    pub origins: Vec<usize>,
    pub members: Vec<MemberWeight>,
}

impl Test {
    /// Adds to each day ahead what an event does to it.
    pub fn add(&mut self, events: &[f64]) {
        for (value, effect) in self.path.iter_mut().zip(events) {
            *value += effect;
        }
    }
}

/// The group of a horizon.
pub(super) fn group(horizon: usize) -> usize {
    GROUPS.iter().position(|(_, until)| horizon <= usize::from(*until)).unwrap_or(GROUPS.len() - 1)
}

/// Runs the back-test and combines.
pub(super) fn run(history: &History, horizon: usize, notes: &mut Vec<Note>) -> Test {
    let n = history.len();
    if history.observed() < COLD {
        notes.push(Note::ColdStart { days: history.observed() });
    } else if n < yearly::LEAST_YEAR {
        notes.push(Note::NoYear { days: n });
    }
    let mut origins = origins(n, horizon);
    origins.push(n);
    let members = members::ask(history, &origins, horizon);
    let tallies = Tallies::new(history, &origins, &members, horizon);
    let mut misses = Vec::new();
    let mut path = Vec::new();
    let mut weights = Vec::new();
    for (at, &origin) in origins.iter().enumerate() {
        weights = tallies.weights(&origins, &members, at);
        let combined = combine(&members, &weights, at, horizon);
        if origin == n {
            path = combined;
            break;
        }
        for (h, predicted) in combined.into_iter().enumerate().take(n - origin) {
            let target = origin + h;
            if history.seen[target] {
                misses.push(Miss { horizon: h + 1, origin, target, error: history.y[target] - predicted });
            }
        }
    }
    origins.pop();
    let described = members.iter().zip(weights).enumerate().map(|(m, (member, weights))| MemberWeight {
        name: member.name,
        weights,
        mae: tallies.mae(m).map(|mae| history.unscaled(mae)),
    });
    Test { path, misses, members: described.collect(), origins }
}

/// Evenly spaced origins over the last third, or half where the horizon is long; never a whole number of weeks apart, so that
/// each weekday is forecast from all others.
fn origins(n: usize, horizon: usize) -> Vec<usize> {
    let mut span = (n / 3).clamp(8 * 7, 365);
    if horizon > 28 {
        span = span.max((n / 2).min(horizon + 56));
    }
    let first = n.saturating_sub(span).max(LEAST_KNOWN);
    let mut step = (n - first.min(n)).div_ceil(MOST_ORIGINS).max(1);
    if step.is_multiple_of(7) {
        step += 1;
    }
    let mut origins: Vec<usize> =
        (1..).map_while(|back| n.checked_sub(step * back)).take_while(|origin| *origin >= first).collect();
    origins.reverse();
    origins
}

/// Squared errors of every member at every origin and horizon, beside the mean of all members there.
struct Tallies {
    horizon: usize,
    members: usize,
    /// By origin, horizon, member; NaN where there is none.
    squares: Vec<f64>,
    /// By origin, horizon: mean over the members; NaN where there is none.
    means: Vec<f64>,
    decay: Vec<f64>,
}

impl Tallies {
    fn new(history: &History, origins: &[usize], members: &[members::Member], horizon: usize) -> Self {
        let count = members.len();
        let mut squares = vec![f64::NAN; origins.len() * horizon * count];
        let mut means = vec![f64::NAN; origins.len() * horizon];
        for (at, &origin) in origins.iter().enumerate() {
            for h in 0..horizon.min(history.len() - origin) {
                if !history.seen[origin + h] {
                    continue;
                }
                let (mut sum, mut n) = (0.0, 0.0);
                for (m, member) in members.iter().enumerate() {
                    if let Some(path) = &member.paths[at] {
                        let square = (history.y[origin + h] - path[h]).powi(2);
                        squares[(at * horizon + h) * count + m] = square;
                        sum += square;
                        n += 1.0;
                    }
                }
                means[at * horizon + h] = sum / n;
            }
        }
        let decay = (0..=history.len()).map(|age| 0.5_f64.powf(age as f64 / HALF_LIFE)).collect();
        Self { horizon, members: count, squares, means, decay }
    }

    /// Weights of each member by group of horizons at an origin, from errors that were known by then.
    #[expect(
        clippy::needless_range_loop,
        reason = "members are the rows, groups the columns of several tables"
    )]
    fn weights(&self, origins: &[usize], members: &[members::Member], at: usize) -> Vec<[f64; 3]> {
        let now = origins[at];
        let mut own = vec![[0.0; 3]; self.members];
        let mut all = vec![[0.0; 3]; self.members];
        let (mut sum, mut n) = ([0.0; 3], [0.0; 3]);
        for (earlier, &origin) in origins.iter().enumerate().take(at) {
            for h in 0..self.horizon.min(now - origin) {
                let mean = self.means[earlier * self.horizon + h];
                if mean.is_nan() {
                    continue;
                }
                let weight = self.decay[now - origin - h];
                let group = group(h + 1);
                sum[group] += weight * mean;
                n[group] += weight;
                let place = (earlier * self.horizon + h) * self.members;
                for (m, square) in self.squares[place..place + self.members].iter().enumerate() {
                    if !square.is_nan() {
                        own[m][group] += weight * square;
                        all[m][group] += weight * mean;
                    }
                }
            }
        }
        let mut weights = vec![[0.0; 3]; self.members];
        for group in 0..GROUPS.len() {
            // A group that was never tried is weighed as the one before it.
            let from = (0..=group).rev().find(|g| n[*g] > 0.0).unwrap_or(0);
            let prior = if n[from] > 0.0 { PRIOR * sum[from] / n[from] } else { 1.0 };
            let score = |m: usize| {
                let prior = prior.max(1e-12);
                let before = members.get(m).map_or(1.0, |member| member.prior[group]);
                before * ((all[m][from] + prior) / (own[m][from] + prior)).powf(SHARPNESS)
            };
            let present = |m: &usize| members.get(*m).is_some_and(|member| member.paths[at].is_some());
            let total: f64 = (0..self.members).filter(present).map(score).sum();
            for m in (0..self.members).filter(present) {
                weights[m][group] = score(m) / total;
            }
        }
        weights
    }

    fn mae(&self, member: usize) -> Option<f64> {
        let squares = self.squares.iter().skip(member).step_by(self.members.max(1));
        let errors: Vec<f64> =
            squares.filter(|square| !square.is_nan()).map(|square| square.sqrt()).collect();
        (!errors.is_empty()).then(|| errors.iter().sum::<f64>() / errors.len() as f64)
    }
}

fn combine(members: &[members::Member], weights: &[[f64; 3]], at: usize, horizon: usize) -> Vec<f64> {
    let mut combined = vec![0.0; horizon];
    for (member, weights) in members.iter().zip(weights) {
        if let Some(path) = &member.paths[at] {
            for (h, (sum, value)) in combined.iter_mut().zip(path).enumerate() {
                *sum += weights[group(h + 1)] * value;
            }
        }
    }
    combined
}
