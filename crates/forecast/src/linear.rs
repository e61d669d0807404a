//! Ridge regression by normal equations that forget: one pass over time, a solution whenever one is asked for.

/// Sums of products, older rows weighing less.
#[derive(Debug, Clone)]
pub(crate) struct Ridge {
    width: usize,
    /// Upper triangle by rows of X'X, the intercept last.
    squares: Vec<f64>,
    products: Vec<f64>,
    weight: f64,
}

/// A linear function.
#[derive(Debug, Clone, Default)]
pub(crate) struct Linear {
    /// One a feature.
    pub slopes: Vec<f64>,
    /// Value at zero.
    pub intercept: f64,
    /// Mean of each feature where it was learnt.
    pub means: Vec<f64>,
}

impl Linear {
    pub fn value(&self, features: &[f32]) -> f64 {
        self.intercept + self.slopes.iter().zip(features).map(|(slope, x)| slope * f64::from(*x)).sum::<f64>()
    }

    /// What each feature adds to the value at the means, and that value.
    pub fn parts(&self, features: &[f32]) -> (Vec<f64>, f64) {
        let slopes = || self.slopes.iter().zip(&self.means);
        let effects =
            slopes().zip(features).map(|((slope, mean), x)| slope * (f64::from(*x) - mean)).collect();
        (effects, self.intercept + slopes().map(|(slope, mean)| slope * mean).sum::<f64>())
    }
}

impl Ridge {
    pub fn new(width: usize) -> Self {
        let full = width + 1;
        Self { width, squares: vec![0.0; full * full], products: vec![0.0; full], weight: 0.0 }
    }

    /// Multiplies what was seen by `keep`.
    pub fn forget(&mut self, keep: f64) {
        self.weight *= keep;
        for value in self.squares.iter_mut().chain(&mut self.products) {
            *value *= keep;
        }
    }

    pub fn add(&mut self, features: &[f32], target: f64) {
        let full = self.width + 1;
        let value = |place: usize| features.get(place).map_or(1.0, |x| f64::from(*x));
        for row in 0..full {
            let left = value(row);
            if left == 0.0 {
                continue;
            }
            if let Some(product) = self.products.get_mut(row) {
                *product += left * target;
            }
            if let Some(cells) = self.squares.get_mut(row * full..(row + 1) * full) {
                for (column, cell) in cells.iter_mut().enumerate().skip(row) {
                    *cell += left * value(column);
                }
            }
        }
        self.weight += 1.0;
    }

    /// The solution with a penalty of `penalty` on each slope in units of its feature's standard deviation; the intercept
    /// is free. `None` when the equations have none.
    pub fn solve(&self, penalty: f64) -> Option<Linear> {
        let full = self.width + 1;
        let last = self.width;
        let count = self.weight;
        if count <= 0.0 {
            return None;
        }
        let square = |row: usize, column: usize| {
            let (row, column) = (row.min(column), row.max(column));
            self.squares.get(row * full + column).copied().unwrap_or(0.0)
        };
        let mean = |row: usize| square(row, last) / count;
        let level = self.products.get(last).copied().unwrap_or(0.0) / count;
        // Centred and scaled, so that the penalty means the same for every feature.
        let spread: Vec<f64> =
            (0..last).map(|row| (square(row, row) / count - mean(row) * mean(row)).max(0.0).sqrt()).collect();
        let kept: Vec<usize> =
            (0..last).filter(|&row| spread.get(row).is_some_and(|&spread| spread > 1e-6)).collect();
        let size = kept.len();
        let mut system = vec![0.0; size * size];
        let mut right = vec![0.0; size];
        for (i, &row) in kept.iter().enumerate() {
            let scale = spread.get(row).copied().unwrap_or(1.0);
            if let Some(value) = right.get_mut(i) {
                *value = (self.products.get(row).copied().unwrap_or(0.0) / count - mean(row) * level) / scale;
            }
            for (j, &column) in kept.iter().enumerate() {
                let other = spread.get(column).copied().unwrap_or(1.0);
                if let Some(cell) = system.get_mut(i * size + j) {
                    *cell = (square(row, column) / count - mean(row) * mean(column)) / (scale * other);
                    if i == j {
                        *cell += penalty;
                    }
                }
            }
        }
        let solution = cholesky(&mut system, right, size)?;
        let mut slopes = vec![0.0; last];
        let mut intercept = level;
        for (&row, value) in kept.iter().zip(solution) {
            let slope = value / spread.get(row).copied().unwrap_or(1.0);
            intercept -= slope * mean(row);
            if let Some(cell) = slopes.get_mut(row) {
                *cell = slope;
            }
        }
        (intercept.is_finite() && slopes.iter().all(|slope| slope.is_finite())).then(|| Linear {
            slopes,
            intercept,
            means: (0..last).map(mean).collect(),
        })
    }
}

/// Solves a symmetric positive definite system in place.
fn cholesky(system: &mut [f64], mut right: Vec<f64>, size: usize) -> Option<Vec<f64>> {
    let at =
        |system: &[f64], row: usize, column: usize| system.get(row * size + column).copied().unwrap_or(0.0);
    for row in 0..size {
        for column in 0..=row {
            let (left, upper) = (system.get(row * size..row * size + column)?, column * size);
            let dot: f64 =
                left.iter().zip(system.get(upper..upper + column)?).map(|(one, other)| one * other).sum();
            let value = at(system, row, column) - dot;
            *system.get_mut(row * size + column)? = if row == column {
                if value <= 0.0 {
                    return None;
                }
                value.sqrt()
            } else {
                value / at(system, column, column)
            };
        }
    }
    for row in 0..size {
        let dot: f64 =
            (0..row).map(|column| at(system, row, column) * right.get(column).copied().unwrap_or(0.0)).sum();
        let value = right.get(row).copied().unwrap_or(0.0) - dot;
        *right.get_mut(row)? = value / at(system, row, row);
    }
    for row in (0..size).rev() {
        let dot: f64 = (row + 1..size)
            .map(|column| at(system, column, row) * right.get(column).copied().unwrap_or(0.0))
            .sum();
        let value = right.get(row).copied().unwrap_or(0.0) - dot;
        *right.get_mut(row)? = value / at(system, row, row);
    }
    Some(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_noise_is_found_and_a_flat_feature_left_alone() {
        let mut ridge = Ridge::new(3);
        for i in 0..50_u8 {
            let (x, z) = (f32::from(i), f32::from(i % 7));
            ridge.add(&[x, z, 4.0], f64::from(x).mul_add(2.0, 5.0) - f64::from(z));
        }
        let line = ridge.solve(1e-9).expect("a solution");
        assert!((line.slopes[0] - 2.0).abs() < 1e-4 && (line.slopes[1] + 1.0).abs() < 1e-4, "{line:?}");
        assert!(line.slopes[2].abs() < f64::EPSILON);
        assert!((line.value(&[10.0, 3.0, 4.0]) - 22.0).abs() < 1e-3);
        assert!(Ridge::new(2).solve(0.1).is_none(), "nothing seen");
    }
}
