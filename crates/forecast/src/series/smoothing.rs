//! Exponential smoothing with an additive weekday season and, if wanted, a damped trend: ETS(A,N,A) and ETS(A,Ad,A) of
//! Hyndman, Koehler, Ord and Snyder, *Forecasting with exponential smoothing*, 2008, in error-correction form. A day without a
//! value changes no state.
//!
//! Written here because augurs has no seasonal ETS (its README says so), and because a filter that keeps its parameters
//! answers every rolling origin in one pass.

use super::history::History;

const WEEK: usize = 7;
/// Days whose errors do not count: the state is still finding its level.
const WARM_UP: usize = 14;
/// Largest damping; at 1 a trend of two weeks would be drawn out for a year.
const MOST_DAMPING: f64 = 0.98;
/// Halvings of the step of the search.
const HALVINGS: usize = 4;

/// Parameters, each in [0, 1].
#[derive(Debug, Clone, Copy)]
struct Parameters {
    /// How much of an error moves the level.
    level: f64,
    /// How much moves the trend; 0 in the model without one.
    trend: f64,
    /// How much moves the weekday.
    season: f64,
    /// What is left of the trend after a day.
    damping: f64,
}

#[derive(Debug, Clone)]
struct State {
    level: f64,
    trend: f64,
    season: [f64; WEEK],
}

/// Forecasts from each origin: `origins` ascending, each the number of days known. The parameters of all but the last are
/// those that fit the days before the first origin best, so that no origin knows what came after it.
pub(super) fn forecasts(history: &History, origins: &[usize], horizon: usize, trend: bool) -> Vec<Vec<f64>> {
    let (Some(&first), Some(&last)) = (origins.first(), origins.last()) else { return Vec::new() };
    let start = State::new(history, first);
    let early = fit(history, &start, first, trend);
    let late = if last > first { fit(history, &start, last, trend) } else { early };
    let mut state = start.clone();
    let mut at = 0;
    let mut answers = Vec::with_capacity(origins.len());
    for &origin in origins.iter().take(origins.len() - 1) {
        for t in at..origin {
            state.step(history, t, early);
        }
        at = origin;
        answers.push(state.ahead(origin, horizon, early));
    }
    let mut state = start;
    for t in 0..last {
        state.step(history, t, late);
    }
    answers.push(state.ahead(last, horizon, late));
    answers
}

impl State {
    /// Level and weekdays of the first weeks.
    fn new(history: &History, known: usize) -> Self {
        let days = known.min(4 * WEEK);
        let seen = |t: &usize| history.seen.get(*t) == Some(&true);
        let mean = |days: &mut dyn Iterator<Item = usize>| {
            let (mut sum, mut n) = (0.0, 0_usize);
            for t in days.filter(seen) {
                sum += history.y[t];
                n += 1;
            }
            (n > 0).then(|| sum / n as f64)
        };
        let all = mean(&mut (0..days)).unwrap_or(0.0);
        let mut season = [0.0; WEEK];
        for (weekday, value) in season.iter_mut().enumerate() {
            *value = mean(&mut (weekday..days).step_by(WEEK)).map_or(0.0, |mean| mean - all);
        }
        Self { level: mean(&mut (0..days.min(2 * WEEK))).unwrap_or(all), trend: 0.0, season }
    }

    /// Takes in day `t` and returns its error; `None` where the day has no value.
    fn step(&mut self, history: &History, t: usize, p: Parameters) -> Option<f64> {
        let drift = p.damping * self.trend;
        let season = &mut self.season[t % WEEK];
        let error = history.y[t] - (self.level + drift + *season);
        let error = if history.seen[t] { error } else { 0.0 };
        self.level += drift + p.level * error;
        self.trend = drift + p.trend * error;
        *season += p.season * error;
        history.seen[t].then_some(error)
    }

    fn ahead(&self, from: usize, horizon: usize, p: Parameters) -> Vec<f64> {
        let (mut level, mut drift) = (self.level, self.trend);
        let day = |h: usize| {
            drift *= p.damping;
            level += drift;
            level + self.season[(from + h) % WEEK]
        };
        (0..horizon).map(day).collect()
    }
}

/// The parameters with the least squared one-step error over the first `known` days: a coarse grid, then a search by ever
/// smaller steps (Hooke and Jeeves, *Direct search*, 1961). Deterministic.
fn fit(history: &History, start: &State, known: usize, trend: bool) -> Parameters {
    let cost = |p: Parameters| {
        let mut state = start.clone();
        let mut sum = 0.0;
        for t in 0..known {
            if let Some(error) = state.step(history, t, p).filter(|_| t >= WARM_UP) {
                sum += error * error;
            }
        }
        if sum.is_finite() { sum } else { f64::INFINITY }
    };
    let damping = if trend { 0.9 } else { 0.0 };
    let mut best = Parameters { level: 0.3, trend: if trend { 0.02 } else { 0.0 }, season: 0.1, damping };
    let mut least = cost(best);
    for level in [0.05, 0.5, 0.8] {
        for season in [0.02, 0.2] {
            let tried = Parameters { level, season, ..best };
            let cost = cost(tried);
            if cost < least {
                (best, least) = (tried, cost);
            }
        }
    }
    let mut step = 0.1;
    for _ in 0..HALVINGS {
        let mut moved = true;
        let mut rounds = 0;
        while moved && rounds < 6 {
            moved = false;
            rounds += 1;
            for which in 0..if trend { 4 } else { 2 } {
                for sign in [1.0, -1.0] {
                    let tried = nudged(best, which, sign * step);
                    let cost = cost(tried);
                    if cost < least {
                        (best, least, moved) = (tried, cost, true);
                    }
                }
            }
        }
        step /= 2.0;
    }
    best
}

fn nudged(p: Parameters, which: usize, by: f64) -> Parameters {
    let share = |value: f64, by: f64| (value + by).clamp(0.0, 1.0);
    match which {
        0 => Parameters { level: share(p.level, by).max(1e-3), ..p },
        1 => Parameters { season: share(p.season, by), ..p },
        // A trend moves far less than a level does.
        2 => Parameters { trend: share(p.trend, by / 5.0), ..p },
        _ => Parameters { damping: (p.damping + by).clamp(0.5, MOST_DAMPING), ..p },
    }
}
