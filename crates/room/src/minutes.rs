//! How long cleaning will take, from the hotel's own cleanings.
//!
//! The logarithm of the minutes is linear in the count of distinct tags that mean work, with a deviation for each
//! room type that is pulled towards zero: a Bayesian linear model with a normal-inverse-gamma prior (Gelman et al.,
//! "Bayesian Data Analysis", section 14.8), averaged over strengths of the pull by their marginal likelihood
//! (Bayesian model averaging): with few cleanings, the best strength alone is surer than it may be. A type with few cleanings so borrows from all of them, and the answer is a Student t distribution whose
//! median and central 80 % are reported. The hotel's standard minutes count as a few cleanings of that length.
//! Nothing else is assumed: without cleanings and without standard minutes there is no estimate.

use std::collections::{BTreeMap, BTreeSet};

use crate::rules::{Meaning, meaning};
use crate::{Cleaning, CleaningEstimate, RoomContext, RoomStatus, Tag};

/// The share of cleanings that an interval is meant to hold.
pub const LEVEL: f32 = 0.8;
/// Cleanings before an interval is given; of fewer, the spread cannot be known.
pub const LEAST_FOR_INTERVAL: usize = 3;
/// Cleanings that the hotel's standard minutes are worth.
const STANDARD_WEIGHT: f64 = 2.0;
/// What is thought of the spread before the first cleaning, as if two had been seen: 30 % either way.
const PRIOR_SHAPE: f64 = 1.0;
const PRIOR_SPREAD: f64 = 0.3;
/// Room types with a deviation of their own, the most frequent ones; others are judged by all cleanings.
const MOST_TYPES: usize = 32;
/// Variances of the slope and of the deviations, in units of the residual variance, among which the data choose.
const STRENGTHS: [f64; 7] = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0];
/// Hardly any opinion on the level where there are no standard minutes.
const VAGUE: f64 = 1e4;

/// Estimates the minutes of cleaning a room with these tags.
///
/// # Errors
/// A sentence that says why there is no estimate.
pub fn estimate_minutes(
    tags: &[Tag],
    status: RoomStatus,
    context: &RoomContext,
) -> Result<CleaningEstimate, String> {
    match status {
        RoomStatus::Clean => return Err("the room is clean".to_owned()),
        RoomStatus::UnusablePhoto => return Err("no photo can be judged".to_owned()),
        RoomStatus::Dirty | RoomStatus::InProgress | RoomStatus::Occupied | RoomStatus::Maintenance => {}
    }
    let history: Vec<&Cleaning> =
        context.history.iter().filter(|c| c.minutes.is_finite() && c.minutes > 0.0).collect();
    let standard = context.standard_minutes.filter(|minutes| minutes.is_finite() && *minutes > 0.0);
    if history.is_empty() && standard.is_none() {
        return Err("no cleaning times yet".to_owned());
    }
    let model = Times::fit(&history, standard, context.room_type.as_deref())
        .ok_or_else(|| "the cleaning times cannot be fitted".to_owned())?;
    let (median, spread) = model.predict(work(tags.iter().map(|tag| tag.label.as_str())));
    let (low, high) = if history.len() < LEAST_FOR_INTERVAL {
        (None, None)
    } else {
        (Some((median - spread).exp() as f32), Some((median + spread).exp() as f32))
    };
    let of_type =
        history.iter().filter(|c| c.room_type.is_some() && c.room_type == context.room_type).count();
    Ok(CleaningEstimate {
        minutes: median.exp() as f32,
        low,
        high,
        level: LEVEL,
        cleanings: history.len(),
        basis: basis(history.len(), of_type, standard, context.room_type.as_deref()),
    })
}

fn basis(cleanings: usize, of_type: usize, standard: Option<f32>, room_type: Option<&str>) -> String {
    let mut parts = Vec::new();
    if cleanings > 0 {
        let own = room_type.map_or_else(String::new, |name| format!(", {of_type} of them of type {name}"));
        parts.push(format!("{cleanings} cleanings{own}"));
    }
    if let Some(minutes) = standard {
        parts.push(format!("the hotel's standard of {minutes:.0} minutes"));
    }
    let few = if cleanings < LEAST_FOR_INTERVAL { "; too few cleanings for an interval" } else { "" };
    format!("{}{few}", parts.join(" and "))
}

/// How many distinct tags mean work.
fn work<'a>(labels: impl Iterator<Item = &'a str>) -> f64 {
    labels.filter(|label| meaning(label) > Meaning::Look).collect::<BTreeSet<_>>().len() as f64
}

/// The posterior of one choice of strengths.
struct Posterior {
    /// Mean of the coefficients.
    mean: Vec<f64>,
    /// Lower triangle of the Cholesky factor of their precision, in units of the residual's.
    factor: Vec<Vec<f64>>,
    shape: f64,
    rate: f64,
    /// Logarithm of the marginal likelihood, up to a constant of the data.
    evidence: f64,
}

/// A fitted model: coefficients are the level, the slope by work, then a deviation for each type.
struct Times {
    /// One for each choice of strengths, with its weight; the weights sum to 1.
    posteriors: Vec<(f64, Posterior)>,
    /// Where the deviation of the type asked for stands.
    column: Option<usize>,
    /// Work is counted from here, so that level and slope hardly depend on each other.
    middle: f64,
}

impl Times {
    fn fit(history: &[&Cleaning], standard: Option<f32>, room_type: Option<&str>) -> Option<Self> {
        let columns = columns(history, room_type);
        let middle = match history.len() {
            0 => 0.0,
            n => history.iter().map(|c| work(c.tags.iter().map(String::as_str))).sum::<f64>() / n as f64,
        };
        let width = 2 + columns.len();
        let row = |work: f64, room_type: Option<&str>| {
            let mut row = vec![0.0; width];
            (row[0], row[1]) = (1.0, work - middle);
            if let Some(column) = room_type.and_then(|name| columns.get(name)) {
                row[*column] = 1.0;
            }
            row
        };
        let rows: Vec<(Vec<f64>, f64)> = history
            .iter()
            .map(|c| {
                let work = work(c.tags.iter().map(String::as_str));
                (row(work, c.room_type.as_deref()), f64::from(c.minutes).ln())
            })
            .collect();
        let standard = standard.map(|minutes| (row(middle, room_type), f64::from(minutes).ln()));
        let centre = match (&standard, rows.len()) {
            (Some((_, log)), _) => *log,
            (None, n) => rows.iter().map(|(_, log)| log).sum::<f64>() / n.max(1) as f64,
        };
        let mut found = Vec::new();
        for slope in STRENGTHS {
            for deviation in STRENGTHS {
                let mut variances = vec![deviation; width];
                (variances[0], variances[1]) = (VAGUE, slope);
                found.push(posterior(&variances, centre, standard.as_ref(), &rows)?);
            }
        }
        let most = found.iter().map(|p| p.evidence).fold(f64::NEG_INFINITY, f64::max);
        let all: f64 = found.iter().map(|p| (p.evidence - most).exp()).sum();
        let posteriors: Vec<(f64, Posterior)> =
            found.into_iter().map(|p| ((p.evidence - most).exp() / all, p)).collect();
        if !all.is_finite() {
            return None;
        }
        let column = room_type.and_then(|name| columns.get(name)).copied();
        Some(Self { posteriors, column, middle })
    }

    /// Median of the logarithm of the minutes, and how far the central 80 % reach to either side.
    fn predict(&self, work: f64) -> (f64, f64) {
        let (mut mean, mut squares, mut variance, mut freedom) = (0.0, 0.0, 0.0, 0.0);
        for (weight, p) in &self.posteriors {
            let mut row = vec![0.0; p.mean.len()];
            (row[0], row[1]) = (1.0, work - self.middle);
            if let Some(column) = self.column {
                row[column] = 1.0;
            }
            let median = dot(&row, &p.mean);
            let uncertain: f64 = forward(&p.factor, &row).iter().map(|v| v * v).sum();
            mean += weight * median;
            squares += weight * median * median;
            variance += weight * p.rate / p.shape * (1.0 + uncertain);
            freedom = 2.0 * p.shape;
        }
        // What the choices disagree about widens the interval too.
        let scale = (variance + (squares - mean * mean).max(0.0)).sqrt();
        (mean, scale * t_quantile_90(freedom))
    }
}

/// The column of each room type, the type asked for always among them: where it was never cleaned, its deviation is
/// uncertain, and the interval says so.
fn columns<'a>(history: &[&'a Cleaning], room_type: Option<&'a str>) -> BTreeMap<&'a str, usize> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for name in history.iter().filter_map(|c| c.room_type.as_deref()) {
        *counts.entry(name).or_default() += 1;
    }
    if let Some(name) = room_type {
        counts.insert(name, usize::MAX);
    }
    let mut names: Vec<(&str, usize)> = counts.into_iter().collect();
    names.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    names.into_iter().take(MOST_TYPES).enumerate().map(|(i, (name, _))| (name, i + 2)).collect()
}

/// `variances` are of the prior of each coefficient, in units of the residual variance; the level's prior mean is
/// `centre`, the others' zero.
fn posterior(
    variances: &[f64],
    centre: f64,
    standard: Option<&(Vec<f64>, f64)>,
    rows: &[(Vec<f64>, f64)],
) -> Option<Posterior> {
    let width = variances.len();
    // Logarithms are taken from the centre, so every prior mean is zero.
    let mut precision = vec![vec![0.0; width]; width];
    for (i, variance) in variances.iter().enumerate() {
        precision[i][i] = 1.0 / variance;
    }
    let mut moment = vec![0.0; width];
    if let Some((row, log)) = standard {
        add(&mut precision, &mut moment, row, log - centre, STANDARD_WEIGHT);
    }
    let before = cholesky(&precision)?;
    let start = solve(&before, &moment);
    let mut squares = dot(&start, &moment);
    for (row, log) in rows {
        add(&mut precision, &mut moment, row, log - centre, 1.0);
        squares += (log - centre).powi(2);
    }
    let factor = cholesky(&precision)?;
    let mut mean = solve(&factor, &moment);
    let shape = PRIOR_SHAPE + rows.len() as f64 / 2.0;
    let rate = PRIOR_SHAPE * PRIOR_SPREAD.powi(2) + ((squares - dot(&mean, &moment)) / 2.0).max(0.0);
    let log_root = |factor: &[Vec<f64>]| -> f64 { (0..width).map(|i| factor[i][i].ln()).sum() };
    let evidence = log_root(&before) - log_root(&factor) - shape * rate.ln();
    mean[0] += centre;
    Some(Posterior { mean, factor, shape, rate, evidence })
}

fn add(precision: &mut [Vec<f64>], moment: &mut [f64], row: &[f64], value: f64, weight: f64) {
    for (i, x) in row.iter().enumerate().filter(|(_, x)| **x != 0.0) {
        for (j, z) in row.iter().enumerate() {
            precision[i][j] += weight * x * z;
        }
        moment[i] += weight * x * value;
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// The lower factor of a symmetric positive definite matrix; `None` where it is not one.
fn cholesky(matrix: &[Vec<f64>]) -> Option<Vec<Vec<f64>>> {
    let n = matrix.len();
    let mut factor = vec![vec![0.0; n]; n];
    for i in 0..n {
        for j in 0..=i {
            let rest = matrix[i][j] - dot(&factor[i][..j], &factor[j][..j]);
            factor[i][j] = if i == j {
                if rest.is_finite() && rest > 0.0 { rest.sqrt() } else { return None }
            } else {
                rest / factor[j][j]
            };
        }
    }
    Some(factor)
}

/// Solves `factor * x = right`.
fn forward(factor: &[Vec<f64>], right: &[f64]) -> Vec<f64> {
    let mut x: Vec<f64> = Vec::with_capacity(right.len());
    for (i, value) in right.iter().enumerate() {
        x.push((value - dot(&factor[i][..i], &x)) / factor[i][i]);
    }
    x
}

/// Solves `factor * factor' * x = right`.
fn solve(factor: &[Vec<f64>], right: &[f64]) -> Vec<f64> {
    let mut x = forward(factor, right);
    for i in (0..x.len()).rev() {
        let after: f64 = (i + 1..x.len()).map(|k| factor[k][i] * x[k]).sum();
        x[i] = (x[i] - after) / factor[i][i];
    }
    x
}

/// The 0.9 quantile of Student's t, by the expansion of Cornish and Fisher (Abramowitz and Stegun, 26.7.5); right to
/// 0.002 from four degrees of freedom on, and an interval has five at least.
fn t_quantile_90(freedom: f64) -> f64 {
    let z: f64 = 1.281_551_565_5;
    let (z3, z5, z7) = (z.powi(3), z.powi(5), z.powi(7));
    z + (z3 + z) / (4.0 * freedom)
        + (5.0 * z5 + 16.0 * z3 + 3.0 * z) / (96.0 * freedom.powi(2))
        + (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * z) / (384.0 * freedom.powi(3))
}

#[cfg(test)]
mod tests;
