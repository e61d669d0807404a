//! Penalised maximum likelihood of Poisson counts by Gauss-Newton steps, and the small Cholesky factor it needs.

use super::layout::Entry;

/// Largest log rate; beyond it a step is cut.
const HIGHEST: f64 = 30.0;
const STEPS: usize = 40;
/// A step that gains less in twice the log likelihood is not taken: it moves nothing by a hundredth of its standard error.
const ENOUGH: f64 = 1e-4;

/// Rows of a regression.
pub(super) trait Rows {
    /// How many.
    fn rows(&self) -> usize;
    /// Logarithm of the expected count of a row, and its slopes by column.
    fn row(&self, row: usize, beta: &[f64], slopes: &mut Vec<Entry>) -> f64;
    /// What was counted.
    fn count(&self, row: usize) -> f64;
}

/// Independent normal priors.
#[derive(Debug, Clone)]
pub(super) struct Prior {
    pub mean: Vec<f64>,
    pub precision: Vec<f64>,
}

impl Prior {
    pub fn of_spreads(spreads: &[f64]) -> Self {
        Self {
            mean: vec![0.0; spreads.len()],
            precision: spreads.iter().map(|sd| (sd * sd).recip()).collect(),
        }
    }

    /// Sets the prior of a column.
    pub fn set(&mut self, column: usize, mean: f64, sd: f64) {
        self.mean[column] = mean;
        self.precision[column] = (sd * sd).recip();
    }

    fn penalty(&self, beta: &[f64]) -> f64 {
        let terms = beta.iter().zip(&self.mean).zip(&self.precision);
        terms.map(|((beta, mean), precision)| precision * (beta - mean).powi(2)).sum::<f64>() / 2.0
    }
}

/// A Cholesky factor, row-major, lower.
#[derive(Debug, Clone)]
pub(super) struct Factor {
    size: usize,
    lower: Vec<f64>,
}

impl Factor {
    /// Of a symmetric matrix whose lower half is given; `None` where it is not positive definite.
    pub fn new(mut matrix: Vec<f64>, size: usize) -> Option<Self> {
        for i in 0..size {
            for j in 0..=i {
                let (before, row) = matrix.split_at_mut(i * size);
                let of_j = if i == j { None } else { Some(&before[j * size..j * size + j]) };
                let dot: f64 = match of_j {
                    Some(other) => other.iter().zip(row.iter()).map(|(a, b)| a * b).sum(),
                    None => row[..j].iter().map(|a| a * a).sum(),
                };
                let left = row[j] - dot;
                if i == j {
                    if !(left.is_finite() && left > 0.0) {
                        return None;
                    }
                    row[j] = left.sqrt();
                } else {
                    row[j] = left / before[j * size + j];
                }
            }
        }
        Some(Self { size, lower: matrix })
    }

    /// Solves for one right side.
    pub fn solve(&self, right: &[f64]) -> Vec<f64> {
        let mut x = right.to_vec();
        for i in 0..self.size {
            let row = &self.lower[i * self.size..i * self.size + i];
            let dot: f64 = row.iter().zip(&x).map(|(a, b)| a * b).sum();
            x[i] = (x[i] - dot) / self.lower[i * self.size + i];
        }
        for i in (0..self.size).rev() {
            let solved = x[i] / self.lower[i * self.size + i];
            x[i] = solved;
            for (j, value) in x.iter_mut().enumerate().take(i) {
                *value -= self.lower[i * self.size + j] * solved;
            }
        }
        x
    }

    /// The inverse times a sparse direction.
    pub fn toward(&self, direction: &[Entry]) -> Vec<f64> {
        let mut right = vec![0.0; self.size];
        for (column, value) in direction {
            right[*column] += value;
        }
        self.solve(&right)
    }

    /// Variance of a sparse combination of the columns.
    pub fn variance(&self, direction: &[Entry]) -> f64 {
        let solved = self.toward(direction);
        direction.iter().map(|(column, value)| value * solved[*column]).sum::<f64>().max(0.0)
    }
}

/// A fitted regression.
#[derive(Debug, Clone)]
pub(super) struct Fit {
    pub beta: Vec<f64>,
    /// Of the negative second derivatives of the penalised log likelihood.
    pub factor: Factor,
    /// Log likelihood, without what depends on counts alone, not divided by the scale.
    pub likelihood: f64,
    /// Variance over that of a Poisson count that was assumed.
    pub scale: f64,
    /// Expected counts.
    pub expected: Vec<f64>,
}

impl Fit {
    /// Pearson's estimate of the variance over that of a Poisson count.
    pub fn pearson(&self, rows: &impl Rows) -> f64 {
        let (mut sum, mut cells) = (0.0, 0.0);
        for (row, expected) in self.expected.iter().enumerate() {
            // Cells in which next to nothing is expected would decide alone.
            if *expected > 0.01 {
                sum += (rows.count(row) - expected).powi(2) / expected;
                cells += 1.0;
            }
        }
        if cells < 50.0 { 1.0 } else { (sum / cells).clamp(0.2, 100.0) }
    }
}

fn likelihood(rows: &impl Rows, beta: &[f64], slopes: &mut Vec<Entry>) -> f64 {
    (0..rows.rows())
        .map(|row| {
            let eta = rows.row(row, beta, slopes);
            if eta > HIGHEST { f64::NEG_INFINITY } else { rows.count(row) * eta - eta.exp() }
        })
        .sum()
}

/// Fits from a start; `None` where numbers overflow.
pub(super) fn fit(rows: &impl Rows, prior: &Prior, scale: f64, start: &[f64]) -> Option<Fit> {
    let size = start.len();
    let mut beta = start.to_vec();
    let mut slopes = Vec::with_capacity(32);
    let mut expected = vec![0.0; rows.rows()];
    let mut best = likelihood(rows, &beta, &mut slopes);
    let mut objective = best / scale - prior.penalty(&beta);
    for step in 0..=STEPS {
        let mut curvature = vec![0.0; size * size];
        let mut gradient: Vec<f64> = beta
            .iter()
            .zip(&prior.mean)
            .zip(&prior.precision)
            .map(|((beta, mean), precision)| precision * (mean - beta))
            .collect();
        for (column, precision) in prior.precision.iter().enumerate() {
            curvature[column * size + column] = *precision;
        }
        for (row, expected) in expected.iter_mut().enumerate() {
            let eta = rows.row(row, &beta, &mut slopes);
            let mean = eta.min(HIGHEST).exp();
            *expected = mean;
            let (error, weight) = ((rows.count(row) - mean) / scale, mean / scale);
            for (place, (a, x)) in slopes.iter().enumerate() {
                gradient[*a] += x * error;
                let heavy = x * weight;
                for (b, y) in &slopes[..=place] {
                    curvature[a.max(b) * size + a.min(b)] += heavy * y;
                }
            }
        }
        let factor = Factor::new(curvature, size)?;
        let move_by = factor.solve(&gradient);
        let gain: f64 = move_by.iter().zip(&gradient).map(|(a, b)| a * b).sum();
        if !gain.is_finite() {
            return None;
        }
        if gain < ENOUGH || step == STEPS {
            return Some(Fit { beta, factor, likelihood: best, scale, expected });
        }
        let mut length = 1.0;
        loop {
            let next: Vec<f64> = beta.iter().zip(&move_by).map(|(beta, by)| beta + length * by).collect();
            let reached = likelihood(rows, &next, &mut slopes);
            let value = reached / scale - prior.penalty(&next);
            if value >= objective - 1e-9 {
                (beta, best, objective) = (next, reached, value);
                break;
            }
            length /= 2.0;
            if length < 1e-6 {
                return Some(Fit { beta, factor, likelihood: best, scale, expected });
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Line(Vec<(f64, f64)>);

    impl Rows for Line {
        fn rows(&self) -> usize {
            self.0.len()
        }
        fn row(&self, row: usize, beta: &[f64], slopes: &mut Vec<Entry>) -> f64 {
            slopes.clear();
            slopes.extend([(0, 1.0), (1, self.0[row].0)]);
            beta[0] + beta[1] * self.0[row].0
        }
        fn count(&self, row: usize) -> f64 {
            self.0[row].1
        }
    }

    #[test]
    fn counts_that_lie_on_the_curve_give_it_back() {
        let rows =
            Line((0..40).map(|i| (f64::from(i) / 10.0, (0.3 + 0.7 * f64::from(i) / 10.0).exp())).collect());
        let prior = Prior::of_spreads(&[1e4, 1e4]);
        let fit = fit(&rows, &prior, 1.0, &[0.0, 0.0]).expect("fit");
        assert!((fit.beta[0] - 0.3).abs() < 1e-3 && (fit.beta[1] - 0.7).abs() < 1e-3, "{:?}", fit.beta);
    }

    #[test]
    fn a_factor_solves_and_refuses_what_is_not_definite() {
        let factor = Factor::new(vec![4.0, 0.0, 2.0, 3.0], 2).expect("factor");
        let x = factor.solve(&[2.0, 5.0]);
        assert!(
            (4.0 * x[0] + 2.0 * x[1] - 2.0).abs() < 1e-12 && (2.0 * x[0] + 3.0 * x[1] - 5.0).abs() < 1e-12
        );
        assert!(Factor::new(vec![1.0, 0.0, 2.0, 1.0], 2).is_none());
        assert!(Factor::new(vec![f64::NAN], 1).is_none());
    }
}
