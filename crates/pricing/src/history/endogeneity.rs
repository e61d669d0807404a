//! Whether the history can tell what a price does.
//!
//! Hotels raise prices when demand is high, so that prices and bookings go together and the plain estimate comes out too
//! small, or with the wrong sign. Here it is compared with one that controls for what the price setter saw: the signals of
//! demand, the competitors and the events. That is the regression form of a control function: only the part of the price
//! which these do not explain moves the estimate. The comparison is Hausman's (1978), with the variance of the difference
//! taken from both estimates' influence functions by night, so that neither has to be efficient.

use std::collections::BTreeMap;

use serde::Serialize;

use super::fit::{Design, View};
use super::layout::{Entry, Layout};
use super::poisson::{self, Factor, Fit, Prior, Rows};

/// Fewest bookings from which an elasticity is learnt.
const FEWEST_BOOKINGS: f64 = 300.0;
/// Fewest nights whose price moved by chance.
const FEWEST_MOVES: f64 = 30.0;
/// Smallest standard deviation of the log price that demand does not explain.
const SMALLEST_MOVE: f64 = 0.003;
/// Standard deviations on either side of an interval of 95 %.
const NORMAL_95: f64 = 1.959_964;

/// An elasticity, as percent of requests lost for a percent of price: above 0 where a higher price brings fewer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// Mean.
    pub mean: f64,
    /// Standard deviation or standard error, above 0.
    pub sd: f64,
}

impl Estimate {
    /// The interval of 95 %, as of a normal distribution.
    pub fn interval(&self) -> (f64, f64) {
        (self.mean - NORMAL_95 * self.sd, self.mean + NORMAL_95 * self.sd)
    }
}

/// Why the history cannot tell what a price does.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum Unidentified {
    /// No prices on sale were recorded.
    #[error("the prices on sale were not recorded, and what guests paid depends on who came")]
    NoPricesOnSale,
    /// Too few bookings.
    #[error("{bookings:.0} bookings are too few")]
    FewBookings {
        /// How many.
        bookings: f64,
    },
    /// Nearly all price moves are explained by season and demand.
    #[error(
        "season and demand explain nearly every price: what is left moved by {percent:.2} % on the equal of {nights:.0} nights"
    )]
    NoPriceMoves {
        /// Nights that carry what is left.
        nights: f64,
        /// Its standard deviation, in percent of the price.
        percent: f64,
    },
    /// Higher prices go with more bookings, or might, even with the controls.
    #[error("even beside what was seen of demand, the elasticity may be 0 or less: {lower:.2} to {upper:.2}")]
    MayBeZero {
        /// Lower bound of 95 %.
        lower: f64,
        /// Upper bound.
        upper: f64,
    },
}

/// Whether price moves can be told from moves of demand.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EndogeneityTest {
    /// Elasticity without the controls; `None` where prices never moved.
    pub naive: Option<Estimate>,
    /// Elasticity with the controls, without a prior to speak of; its standard error is robust to whatever belongs to a
    /// night.
    pub controlled: Option<Estimate>,
    /// Controlled less naive.
    pub difference: Option<Estimate>,
    /// Chance of a difference at least as large if prices did not follow demand, 0 to 1.
    pub p_value: Option<f64>,
    /// Elasticity from price moves within a night of arrival alone. Prices that answer to earlier bookings of the same
    /// night pull it up, so that it is a second look and not the estimate.
    pub within_night: Option<Estimate>,
    /// Elasticity from prices that were drawn by chance alone.
    pub randomised: Option<Estimate>,
    /// Share of the variance of log prices, within room types, that the controls do not explain, 0 to 1.
    pub unexplained_share: Option<f64>,
    /// Standard deviation of what they do not explain, in logarithms.
    pub unexplained_sd: Option<f64>,
    /// Effective number of nights and room types whose price moved beside demand: `(Σ v)² / Σ v²` of the squared moves `v`
    /// of each, weighed by expected bookings.
    pub price_changes: f64,
    /// Whether the history tells what a price does.
    pub identified: bool,
    /// Why not.
    pub reason: Option<Unidentified>,
    /// All of this in words.
    pub verdict: String,
}

/// What the estimate of a direction owes to each night: their sum of squares is its variance whatever happens within a
/// night.
pub(super) fn influence(view: &View<'_>, fit: &Fit, direction: &[Entry], nights: usize) -> Vec<f64> {
    let toward = fit.factor.toward(direction);
    let mut by_night = vec![0.0; nights];
    let mut slopes = Vec::new();
    for (row, expected) in fit.expected.iter().enumerate() {
        view.row(row, &fit.beta, &mut slopes);
        let along: f64 = slopes.iter().map(|(column, value)| value * toward[*column]).sum();
        by_night[view.design.cells[row].night] += along * (view.count(row) - expected) / fit.scale;
    }
    by_night
}

fn root_of_squares(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|value| value * value).sum::<f64>().sqrt()
}

/// Chance that a standard normal number lies farther from 0 (Abramowitz and Stegun 1964, 7.1.26; error below 2e-7).
fn two_sided(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let series = [1.061_405_429, -1.453_152_027, 1.421_413_741, -0.284_496_736, 0.254_829_592];
    let sum = series.iter().fold(0.0, |sum, term| sum * t + term) * t;
    (sum * (-x * x).exp()).clamp(0.0, 1.0)
}

/// What is left of log prices beside the controls.
struct Left {
    share: f64,
    sd: f64,
    changes: f64,
}

/// Regresses log prices on every control, weighed by expected bookings.
fn first_stage(design: &Design, expected: &[f64]) -> Option<Left> {
    let size = design.layout.columns();
    let total: f64 = expected.iter().sum();
    if total <= 0.0 {
        return None;
    }
    let mut normal = vec![0.0; size * size];
    let mut right = vec![0.0; size];
    // Columns that follow from each other need a little weight of their own.
    for column in 0..size {
        normal[column * size + column] = 1e-7 * total;
    }
    let mut by_kind = vec![(0.0, 0.0); design.layout.kinds];
    let mut entries: Vec<Entry> = Vec::new();
    let row_of = |row: usize, entries: &mut Vec<Entry>| {
        entries.clear();
        entries.extend(design.base(row, true));
        entries.extend(design.signal_entries(row));
        design.ratios[row].ln()
    };
    for (row, weight) in expected.iter().enumerate() {
        let log = row_of(row, &mut entries);
        let mean = &mut by_kind[design.cells[row].kind];
        *mean = (mean.0 + weight * log, mean.1 + weight);
        for (a, x) in &entries {
            right[*a] += weight * x * log;
            for (b, y) in entries.iter().filter(|(b, _)| b <= a) {
                normal[a * size + b] += weight * x * y;
            }
        }
    }
    let beta = Factor::new(normal, size)?.solve(&right);
    let (mut left, mut all) = (0.0, 0.0);
    let mut moves: BTreeMap<(usize, usize), f64> = BTreeMap::new();
    for (row, weight) in expected.iter().enumerate() {
        let log = row_of(row, &mut entries);
        let cell = &design.cells[row];
        let explained: f64 = entries.iter().map(|(column, value)| beta[*column] * value).sum();
        let (sum, weights) = by_kind[cell.kind];
        let square = weight * (log - explained).powi(2);
        left += square;
        all += weight * (log - sum / weights.max(f64::MIN_POSITIVE)).powi(2);
        *moves.entry((cell.kind, cell.night)).or_default() += square;
    }
    // Prices that never moved leave nothing but rounding.
    if all <= 1e-12 * total {
        return None;
    }
    let squares: f64 = moves.values().map(|square| square * square).sum();
    let changes = if squares > 0.0 { left * left / squares } else { 0.0 };
    Some(Left { share: (left / all).min(1.0), sd: (left / total).sqrt(), changes })
}

/// Elasticity from how a night's bookings spread over its prices, given how many there were in all: the level of the night
/// drops out (a conditional Poisson likelihood; lead curve and weekday as fitted).
fn within_night(view: &View<'_>, fit: &Fit) -> Option<Estimate> {
    let design = view.design;
    let elasticity = fit.beta[Layout::PRICE];
    let mut groups: Vec<Vec<(f64, f64, f64)>> = Vec::new();
    let mut last = None;
    for (row, expected) in fit.expected.iter().enumerate() {
        let cell = &design.cells[row];
        let signals: f64 = design.signal_entries(row).map(|(column, value)| fit.beta[column] * value).sum();
        let log = design.ratios[row].ln();
        // What it would bring at the reference price, signals aside.
        let base = expected * (elasticity * log - signals).exp();
        if last != Some((cell.kind, cell.night)) {
            last = Some((cell.kind, cell.night));
            groups.push(Vec::new());
        }
        if let Some(group) = groups.last_mut() {
            group.push((base, log, cell.count));
        }
    }
    groups.retain(|group| {
        group.iter().map(|cell| cell.2).sum::<f64>() >= 2.0
            && group.iter().any(|cell| (cell.1 - group[0].1).abs() > 1e-9)
    });
    if groups.len() < 30 {
        return None;
    }
    let mut at = elasticity;
    for _ in 0..25 {
        let (mut score, mut curvature, mut squares) = (0.0, 0.0, 0.0);
        for group in &groups {
            let (mut weight, mut first, mut second, mut count, mut seen) = (0.0, 0.0, 0.0, 0.0, 0.0);
            for (base, log, bookings) in group {
                let share = base * (-at * log).exp();
                weight += share;
                first += share * log;
                second += share * log * log;
                count += bookings;
                seen += bookings * log;
            }
            let mean = first / weight;
            let part = count * mean - seen;
            score += part;
            squares += part * part;
            curvature += count * (second / weight - mean * mean);
        }
        if !(curvature > 1e-9 && score.is_finite()) {
            return None;
        }
        let step = (score / curvature).clamp(-2.0, 2.0);
        at += step;
        if step.abs() < 1e-6 {
            return Some(Estimate { mean: at, sd: squares.sqrt() / curvature });
        }
    }
    None
}

fn randomised(view: &View<'_>, prior: &Prior, fit: &Fit, nights: usize) -> Option<Estimate> {
    let mut prior = prior.clone();
    prior.set(Layout::TESTED, 0.0, 10.0);
    let view = View { tests: true, ..*view };
    let fit = poisson::fit(&view, &prior, 1.0, &fit.beta)?;
    let direction = [(Layout::PRICE, 1.0), (Layout::TESTED, 1.0)];
    let sd = root_of_squares(influence(&view, &fit, &direction, nights).into_iter());
    (sd > 0.0).then(|| Estimate { mean: fit.beta[Layout::PRICE] + fit.beta[Layout::TESTED], sd })
}

/// The estimate without controls.
#[derive(Debug, Clone, Copy)]
pub(super) struct Naive<'a> {
    pub fit: &'a Fit,
    pub influence: &'a [f64],
}

/// What is known beside the fits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    pub nights: usize,
    /// Whether prices on sale were recorded.
    pub prices: bool,
    /// Whether there are price tests.
    pub tests: bool,
}

/// Compares the estimates and says whether there is one.
pub(super) fn test(
    view: &View<'_>,
    prior: &Prior,
    naive: Naive<'_>,
    fit: &Fit,
    known: Known,
) -> EndogeneityTest {
    let bookings: f64 = view.design.cells.iter().map(|cell| cell.count).sum();
    let left = first_stage(view.design, &fit.expected);
    let own = influence(view, fit, &[(Layout::PRICE, 1.0)], known.nights);
    let of = |fit: &Fit, influence: &[f64]| {
        let sd = root_of_squares(influence.iter().copied());
        (left.is_some() && sd > 0.0).then(|| Estimate { mean: fit.beta[Layout::PRICE], sd })
    };
    let (plain, controlled) = (of(naive.fit, naive.influence), of(fit, &own));
    let difference = plain.zip(controlled).map(|(plain, controlled)| Estimate {
        mean: controlled.mean - plain.mean,
        sd: root_of_squares(own.iter().zip(naive.influence).map(|(a, b)| a - b)).max(1e-9),
    });
    let p_value = difference.map(|difference| two_sided(difference.mean / difference.sd));
    let nights = left.as_ref().map_or(0.0, |left| left.changes);
    let sd = left.as_ref().map_or(0.0, |left| left.sd);
    let reason = if !known.prices {
        Some(Unidentified::NoPricesOnSale)
    } else if bookings < FEWEST_BOOKINGS {
        Some(Unidentified::FewBookings { bookings })
    } else if nights < FEWEST_MOVES || sd < SMALLEST_MOVE {
        Some(Unidentified::NoPriceMoves { nights, percent: 100.0 * sd })
    } else {
        let (lower, upper) = controlled.map_or((f64::NEG_INFINITY, f64::INFINITY), |it| it.interval());
        (lower <= 0.0).then_some(Unidentified::MayBeZero { lower, upper })
    };
    EndogeneityTest {
        naive: plain,
        controlled,
        difference,
        p_value,
        within_night: left.as_ref().and_then(|_| within_night(view, fit)),
        randomised: if known.tests && left.is_some() {
            randomised(view, prior, fit, known.nights)
        } else {
            None
        },
        unexplained_share: left.as_ref().map(|left| left.share),
        unexplained_sd: left.as_ref().map(|left| left.sd),
        price_changes: nights,
        identified: reason.is_none(),
        reason,
        verdict: verdict(plain, controlled, p_value, reason),
    }
}

fn verdict(
    naive: Option<Estimate>,
    controlled: Option<Estimate>,
    p_value: Option<f64>,
    reason: Option<Unidentified>,
) -> String {
    let compared = match (naive, controlled, p_value) {
        (Some(naive), Some(controlled), Some(p)) if p < 0.05 => format!(
            "Prices followed demand: the elasticity is {:.2} without and {:.2} with what was seen of demand (p {p:.3}).",
            naive.mean, controlled.mean
        ),
        (Some(naive), Some(controlled), Some(_)) if controlled.mean <= 0.0 => format!(
            "Higher prices go with more bookings, without ({:.2}) and with ({:.2}) what was seen of demand: what moved both does \
             not stand in the history.",
            naive.mean, controlled.mean
        ),
        (Some(naive), Some(controlled), Some(p)) => format!(
            "Nothing shows that prices followed demand: the elasticity is {:.2} without and {:.2} with what was seen of \
             demand (p {p:.2}).",
            naive.mean, controlled.mean
        ),
        _ => "Prices did not move.".to_owned(),
    };
    match reason {
        Some(reason) => {
            format!("The history cannot tell what a price does: {reason}. {compared} The prior is used.")
        }
        None => format!(
            "{compared} The second is used; it is right as far as prices followed nothing but what stands in the history."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chances_are_those_of_the_normal_distribution() {
        for (z, chance) in [(0.0, 1.0), (1.0, 0.317_311), (-1.959_964, 0.05), (3.0, 0.002_7)] {
            assert!((two_sided(z) - chance).abs() < 1e-6, "{z}: {}", two_sided(z));
        }
        assert!(two_sided(1e9) < 1e-12);
    }
}
