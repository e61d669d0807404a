//! Intervals from what the combination missed: split conformal prediction over rolling origins (Lei, G'Sell, Rinaldo,
//! Tibshirani and Wasserman, *Distribution-free predictive inference for regression*, 2018), the quantiles by horizon and
//! the width scaled until intervals, each made from what came before it, hold what they claim.

use chrono::NaiveDate;

use super::history::History;
use super::rolling::{self, Miss, Test};
use super::{Coverage, HorizonError, Interval, Note, SeriesDay, SeriesForecast, SeriesRequest};

/// Last horizon of each band that has quantiles of its own, in days.
const BANDS: [usize; 14] = [1, 2, 3, 5, 7, 10, 14, 21, 28, 56, 112, 182, 273, 365];
/// Misses that quantiles are taken from, at least, where there are as many at all.
const LEAST_MISSES: usize = 30;
/// Fewest tried intervals that say how the width is to be scaled, and what share was held.
const LEAST_TRIED: usize = 30;
/// Width, against the plain quantiles, where fewer were tried.
const UNTRIED_WIDTH: f64 = 2.0;
/// Aims that are tried, on the way from the first one to certainty.
const AIMS: u32 = 10;
/// Days of a back-test that tell as much as one independent value.
const INDEPENDENT: f64 = 4.0;
/// Limits of the scaling.
const WIDTHS: (f64, f64) = (0.8, 4.0);

/// Quantiles of what was missed about one horizon.
#[derive(Debug, Clone, Copy)]
struct Spread {
    lower: f64,
    middle: f64,
    upper: f64,
}

/// An earlier interval and what it would have taken to hold the value.
struct Tried {
    group: usize,
    origin: usize,
    target: usize,
    /// Factor on the width with which the value lies just inside.
    needed: f64,
}

pub(super) fn forecast(
    test: &Test,
    history: &History,
    request: &SeriesRequest,
    dates: &[NaiveDate],
    mut notes: Vec<Note>,
) -> SeriesForecast {
    let sorted = Sorted::new(&test.misses);
    let reached = sorted.reached();
    if reached < test.path.len() {
        notes.push(Note::NotTried { from: u16::try_from(reached + 1).unwrap_or(super::MOST_DAYS) });
    }
    let levels: Vec<Level> = request.levels.iter().map(|level| Level::new(test, &sorted, *level)).collect();
    let mut order: Vec<usize> = (0..levels.len()).collect();
    order.sort_by(|a, b| levels[*a].claimed.total_cmp(&levels[*b].claimed));
    let mut days = Vec::with_capacity(dates.len());
    for ((&date, horizon), &middle) in dates.iter().zip(1_u16..).zip(&test.path) {
        let value = request.bounds.clamp(history.unscaled(middle));
        let mut intervals = vec![Interval { level: 0.0, lower: value, upper: value }; levels.len()];
        // From the narrowest to the widest, so that none begins or ends inside a narrower one.
        let (mut lower, mut upper) = (value, value);
        for &place in &order {
            let level = &levels[place];
            let (down, up) = level.reach(usize::from(horizon), reached);
            let at = |by: f64| request.bounds.clamp(history.unscaled(middle + by));
            lower = at(down).min(lower);
            upper = at(up).max(upper);
            intervals[place] = Interval { level: level.claimed, lower, upper };
        }
        let group = rolling::group(usize::from(horizon));
        let coverage = |level: &Level| level.coverage[group].filter(|_| usize::from(horizon) <= reached);
        days.push(SeriesDay {
            date,
            horizon,
            value,
            intervals,
            coverage: levels.iter().map(coverage).collect(),
        });
    }
    SeriesForecast {
        days,
        coverage: levels.iter().map(|level| level.overall).collect(),
        error: [(1, 7), (1, 28)]
            .iter()
            .filter_map(|(from, until)| error(test, history, *from, *until))
            .collect(),
        members: test.members.clone(),
        notes,
    }
}

fn error(test: &Test, history: &History, from: u16, until: u16) -> Option<HorizonError> {
    let within = |miss: &&Miss| (usize::from(from)..=usize::from(until)).contains(&miss.horizon);
    let n = test.misses.iter().filter(within).count();
    let mae = test.misses.iter().filter(within).map(|miss| miss.error.abs() / n as f64).sum();
    (n > 0).then(|| HorizonError { from, until, mae: history.unscaled(mae), n })
}

/// The intervals of one level.
struct Level {
    claimed: f64,
    /// Quantiles by band; `None` where nothing was tried.
    spreads: Vec<Option<Spread>>,
    /// Factor on the width, by group of horizons.
    widths: [f64; 3],
    coverage: [Option<Coverage>; 3],
    overall: Option<Coverage>,
}

impl Level {
    fn new(test: &Test, sorted: &Sorted, level: f64) -> Self {
        let tried = tried(test, level);
        // What each origin knew of intervals whose days had come by then.
        let known: Vec<Needed> =
            test.origins.iter().map(|origin| Needed::new(&tried, Some(*origin))).collect();
        let held = |aim: f64| {
            let mut held = [(0_usize, 0_usize); 3];
            for (origin, known) in test.origins.iter().zip(&known) {
                let widths = known.widths(aim);
                for one in tried.iter().filter(|one| one.origin == *origin) {
                    let (inside, n) = &mut held[one.group];
                    *inside += usize::from(one.needed <= widths[one.group]);
                    *n += 1;
                }
            }
            held
        };
        let enough = |held: &[(usize, usize); 3]| {
            let (inside, n) = held.iter().fold((0, 0), |(a, b), (inside, n)| (a + inside, b + n));
            inside as f64 >= level * n as f64
        };
        // The past never is quite like what comes next, so that the plain aim may hold too little: the smallest aim is taken with
        // which the intervals held, one origin after the other, what they claim (Gibbs and Candès, *Adaptive conformal
        // inference under distribution shift*, 2021, move it in the same direction day by day).
        // Of few independent values the quantile lies further out; a tenth less, as the steps only go up.
        let span = test
            .misses
            .last()
            .map_or(1, |last| last.target.saturating_sub(test.origins.first().copied().unwrap_or(0)))
            .max(1);
        let few = level * (1.0 + INDEPENDENT / span as f64) - (1.0 - level) / 10.0;
        let first = few.min(1.0 - (1.0 - level) / 4.0);
        let mut aim = first;
        let mut reached = [(0, 0); 3];
        for step in 0..AIMS {
            aim = first + (1.0 - first) * f64::from(step) / f64::from(AIMS);
            reached = held(aim);
            if enough(&reached) {
                break;
            }
        }
        let held = reached;
        let share = |(inside, n): (usize, usize)| {
            // A share of a handful says nothing.
            (n >= LEAST_TRIED).then(|| Coverage { level, share: inside as f64 / n as f64, n })
        };
        let all = held.iter().fold((0, 0), |(a, b), (inside, n)| (a + inside, b + n));
        Self {
            claimed: level,
            spreads: (0..BANDS.len()).map(|band| sorted.spread(band, level)).collect(),
            widths: Needed::new(&tried, None).widths(aim),
            coverage: held.map(share),
            overall: share(all),
        }
    }

    /// How far the interval reaches down (at most 0) and up (at least 0) from the value. Beyond the last horizon that was tried
    /// it goes on growing as a random walk would.
    fn reach(&self, horizon: usize, reached: usize) -> (f64, f64) {
        let at = horizon.min(reached.max(1));
        let band = band(at);
        let middle = |band: usize| {
            let from = band.checked_sub(1).and_then(|before| BANDS.get(before)).map_or(1, |end| end + 1);
            (from + BANDS[band]) as f64 / 2.0
        };
        let Some(mut spread) = self.spreads.get(band).copied().flatten() else { return (0.0, 0.0) };
        // Between the middles of two bands the quantiles change evenly.
        let other = if (at as f64) < middle(band) { band.checked_sub(1) } else { Some(band + 1) };
        if let Some((other, next)) = other.and_then(|o| Some((o, self.spreads.get(o).copied().flatten()?))) {
            let share = ((at as f64 - middle(band)) / (middle(other) - middle(band))).clamp(0.0, 1.0);
            let mix = |a: f64, b: f64| a + share * (b - a);
            spread = Spread {
                lower: mix(spread.lower, next.lower),
                middle: mix(spread.middle, next.middle),
                upper: mix(spread.upper, next.upper),
            };
        }
        let width = self.widths[rolling::group(horizon)] * (horizon as f64 / at as f64).sqrt();
        let reach = |bound: f64| spread.middle + width * (bound - spread.middle);
        (reach(spread.lower).min(0.0), reach(spread.upper).max(0.0))
    }
}

/// Factors on the width that earlier intervals would have needed, ascending.
struct Needed {
    all: Vec<f64>,
    groups: [Vec<f64>; 3],
}

impl Needed {
    /// Only days before `before` count, where it is given.
    fn new(tried: &[Tried], before: Option<usize>) -> Self {
        let mut groups = [Vec::new(), Vec::new(), Vec::new()];
        for one in tried.iter().filter(|one| before.is_none_or(|before| one.target < before)) {
            groups[one.group].push(one.needed);
        }
        let mut all = groups.concat();
        all.sort_by(f64::total_cmp);
        for group in &mut groups {
            group.sort_by(f64::total_cmp);
        }
        Self { all, groups }
    }

    /// Factors by group of horizons with which the share `aim` would have held.
    fn widths(&self, aim: f64) -> [f64; 3] {
        let factor = |needed: &[f64]| {
            (needed.len() >= LEAST_TRIED).then(|| quantile(needed, aim).clamp(WIDTHS.0, WIDTHS.1))
        };
        let overall = factor(&self.all).unwrap_or(UNTRIED_WIDTH);
        [0, 1, 2].map(|group: usize| factor(&self.groups[group]).unwrap_or(overall))
    }
}

/// The interval of each origin, made of what had been missed before it, against what then came.
fn tried(test: &Test, level: f64) -> Vec<Tried> {
    let mut tried = Vec::new();
    for &origin in &test.origins {
        let known: Vec<Miss> = test.misses.iter().filter(|miss| miss.target < origin).copied().collect();
        if known.len() < LEAST_MISSES {
            continue;
        }
        let sorted = Sorted::new(&known);
        let spreads: Vec<Option<Spread>> = (0..BANDS.len()).map(|band| sorted.spread(band, level)).collect();
        for miss in
            test.misses.iter().filter(|miss| miss.origin == origin && miss.horizon <= sorted.reached())
        {
            let Some(spread) = spreads.get(band(miss.horizon)).copied().flatten() else { continue };
            let away = miss.error - spread.middle;
            let room = if away < 0.0 { spread.middle - spread.lower } else { spread.upper - spread.middle };
            let needed = if away == 0.0 { 0.0 } else { (away.abs() / room.max(1e-12)).min(1e6) };
            tried.push(Tried { group: rolling::group(miss.horizon), origin, target: miss.target, needed });
        }
    }
    tried
}

/// The band of a horizon.
fn band(horizon: usize) -> usize {
    BANDS.iter().position(|end| horizon <= *end).unwrap_or(BANDS.len() - 1)
}

/// Misses by band, ascending in each.
struct Sorted {
    bands: Vec<Vec<f64>>,
    reached: usize,
}

impl Sorted {
    fn new(misses: &[Miss]) -> Self {
        let mut bands = vec![Vec::new(); BANDS.len()];
        for miss in misses {
            bands[band(miss.horizon)].push(miss.error);
        }
        for band in &mut bands {
            band.sort_by(f64::total_cmp);
        }
        Self { bands, reached: misses.iter().map(|miss| miss.horizon).max().unwrap_or(0) }
    }

    /// The longest horizon that was tried.
    fn reached(&self) -> usize {
        self.reached
    }

    /// Quantiles of a band; bands around it help out while there are few.
    fn spread(&self, band: usize, level: f64) -> Option<Spread> {
        let own = self.bands.get(band).filter(|own| own.len() >= LEAST_MISSES);
        let mut pooled;
        let sorted = if let Some(own) = own {
            own
        } else {
            if band > crate::series::intervals::band(self.reached.max(1)) {
                return None;
            }
            pooled = Vec::new();
            for away in 0..BANDS.len() {
                let around = [band.checked_sub(away), (away > 0).then_some(band + away)];
                for errors in around.into_iter().flatten().filter_map(|b| self.bands.get(b)) {
                    pooled.extend_from_slice(errors);
                }
                if pooled.len() >= LEAST_MISSES {
                    break;
                }
            }
            pooled.sort_by(f64::total_cmp);
            &pooled
        };
        if sorted.is_empty() {
            return None;
        }
        Some(Spread {
            lower: quantile(sorted, (1.0 - level) / 2.0),
            middle: quantile(sorted, 0.5),
            upper: quantile(sorted, f64::midpoint(1.0, level)),
        })
    }
}

/// The quantile that a next value of the same kind stays below with probability `share`: place `share (n + 1)` of the sorted
/// values, drawn on evenly beyond the outermost.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let n = sorted.len();
    let (Some(&first), Some(&last)) = (sorted.first(), sorted.last()) else { return 0.0 };
    let place = share * (n + 1) as f64 - 1.0;
    let gap = (last - first) / n as f64;
    if place <= 0.0 {
        return first + place * gap * 2.0;
    }
    let below = place.floor() as usize;
    let Some(&next) = sorted.get(below + 1) else { return last + (place - (n - 1) as f64) * gap * 2.0 };
    sorted[below] + (place - below as f64) * (next - sorted[below])
}
