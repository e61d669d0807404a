//! Regression on weekday, trend and the season of the year, with what is left carried on.
//!
//! The season is a sum of sines (Harvey, *Forecasting, structural time series models and the Kalman filter*, 1989); a ridge
//! keeps the quick ones small, as one year has shown each of them once. Old days count less. What the regression missed of
//! late is added to the days ahead and fades: dynamic harmonic regression with one pole.

use std::f64::consts::TAU;

use super::history::History;

/// Fewest days from which a season of the year is taken: one year and one week.
pub(super) const LEAST_YEAR: usize = 372;
/// Pairs of sine and cosine.
const WAVES: usize = 8;
/// Columns: constant, trend, six weekdays, waves.
const COLUMNS: usize = 8 + 2 * WAVES;
const YEAR: f64 = 365.25;
/// What an observation counts a day later: half after a year.
const KEPT: f64 = 0.998_1;
/// Ridge of the first wave; the k-th has k squared times as much. In days of data.
const RIDGE: f64 = 0.6;
/// Ridge of the trend, in days of data: a slope over one year tells little of the next.
const TREND_RIDGE: f64 = 30.0;
/// How quickly the mean of what is left forgets.
const FORGETS: f64 = 0.15;
/// What stays of it after a day.
const FADES: f64 = 0.95;
/// Days of what is left that are looked at.
const RECENT: usize = 28;

type Row = [f64; COLUMNS];

/// Forecasts from each origin (ascending, the number of days known); `None` before [`LEAST_YEAR`] days.
pub(super) fn forecasts(history: &History, origins: &[usize], horizon: usize) -> Vec<Option<Vec<f64>>> {
    let last = origins.last().copied().unwrap_or(0);
    if last < LEAST_YEAR {
        return vec![None; origins.len()];
    }
    let rows: Vec<Row> = (0..last + horizon).map(|t| row(history, t)).collect();
    let mut normal = [[0.0; COLUMNS]; COLUMNS];
    let mut right = [0.0; COLUMNS];
    let mut at = 0;
    let mut answers = Vec::with_capacity(origins.len());
    for &origin in origins {
        for (t, row) in rows.iter().enumerate().take(origin).skip(at) {
            take_in(&mut normal, &mut right, row, history.seen[t].then_some(history.y[t]));
        }
        at = origin;
        answers.push(if origin < LEAST_YEAR {
            None
        } else {
            solve(&normal, &right).map(|weights| ahead(history, &rows, &weights, origin, horizon))
        });
    }
    answers
}

fn row(history: &History, t: usize) -> Row {
    let mut row = [0.0; COLUMNS];
    let time = t as f64;
    row[0] = 1.0;
    row[1] = time / YEAR;
    let weekday = history.weekday(t);
    if weekday > 0 {
        row[1 + weekday] = 1.0;
    }
    for wave in 0..WAVES {
        let angle = TAU * (wave + 1) as f64 * time / YEAR;
        row[8 + 2 * wave] = angle.sin();
        row[9 + 2 * wave] = angle.cos();
    }
    row
}

#[expect(clippy::needless_range_loop, reason = "the indices are those of the formula")]
fn take_in(normal: &mut [Row; COLUMNS], right: &mut Row, row: &Row, value: Option<f64>) {
    for i in 0..COLUMNS {
        for j in 0..=i {
            normal[i][j] *= KEPT;
        }
        right[i] *= KEPT;
    }
    let Some(value) = value else { return };
    for i in 0..COLUMNS {
        for j in 0..=i {
            normal[i][j] += row[i] * row[j];
        }
        right[i] += row[i] * value;
    }
}

/// Ridge regression by Cholesky's decomposition; `None` when it breaks down.
#[expect(clippy::needless_range_loop, reason = "the indices are those of the formula")]
fn solve(normal: &[Row; COLUMNS], right: &Row) -> Option<Row> {
    let mut l = *normal;
    for i in 0..COLUMNS {
        let ridge = match i {
            0 => 1e-6,
            1 => TREND_RIDGE,
            2..8 => 0.1,
            _ => RIDGE * (((i - 8) / 2 + 1) as f64).powi(2),
        };
        l[i][i] += ridge;
    }
    for i in 0..COLUMNS {
        for j in 0..=i {
            let before: f64 = (0..j).map(|k| l[i][k] * l[j][k]).sum();
            let left = l[i][j] - before;
            if i == j {
                l[i][i] = (left > 1e-12).then(|| left.sqrt())?;
            } else {
                l[i][j] = left / l[j][j];
            }
        }
    }
    let mut x = *right;
    for i in 0..COLUMNS {
        let before: f64 = (0..i).map(|k| l[i][k] * x[k]).sum();
        x[i] = (x[i] - before) / l[i][i];
    }
    for i in (0..COLUMNS).rev() {
        let after: f64 = (i + 1..COLUMNS).map(|k| l[k][i] * x[k]).sum();
        x[i] = (x[i] - after) / l[i][i];
    }
    x.iter().all(|w| w.is_finite()).then_some(x)
}

fn ahead(history: &History, rows: &[Row], weights: &Row, origin: usize, horizon: usize) -> Vec<f64> {
    let fitted = |t: usize| rows[t].iter().zip(weights).map(|(x, w)| x * w).sum::<f64>();
    let (mut left, mut sum) = (0.0, 0.0);
    for t in origin.saturating_sub(RECENT)..origin {
        left *= 1.0 - FORGETS;
        sum *= 1.0 - FORGETS;
        if history.seen[t] {
            left += history.y[t] - fitted(t);
            sum += 1.0;
        }
    }
    let mut left = if sum > 0.0 { left / sum } else { 0.0 };
    let day = |h: usize| {
        left *= FADES;
        fitted(origin + h) + left
    };
    (0..horizon).map(day).collect()
}
