//! EASE: how much having taken one item speaks for another.

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::history::{GuestHistory, History};
use crate::inverse::invert;

/// One way to build the item model. The best of several is chosen on the last slice of the known time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EaseSettings {
    /// What is added to the diagonal before the inverse, in guests; above 0. More of it trusts rare pairs less.
    pub regularisation: f64,
    /// Days after which a thing taken counts half, in learning and in a guest's history; above 0. `None`: a
    /// thing taken counts 1 whatever its age.
    pub half_life: Option<f64>,
    /// Exponent by which a popular item's score is divided by its number of guests; 0 leaves it as it is.
    pub damping: f64,
}

impl EaseSettings {
    pub(crate) fn is_sound(&self) -> bool {
        self.regularisation.is_finite()
            && self.regularisation > 0.0
            && self.damping.is_finite()
            && self.damping.abs() <= 2.0
            && self.half_life.is_none_or(|days| days.is_finite() && days > 0.0)
    }

    /// What a thing taken that many days ago counts.
    pub(crate) fn weight(&self, age: i64) -> f64 {
        self.half_life.map_or(1.0, |days| 0.5_f64.powf(age as f64 / days))
    }
}

/// The learnt matrix B: score = history x B, its diagonal zero.
#[derive(Debug, Clone)]
pub(crate) struct Ease {
    pub settings: EaseSettings,
    size: usize,
    /// Row by row: what having taken the row's item gives to each other item.
    weights: Vec<f32>,
    /// One an item: 1 / guests^damping.
    damping: Vec<f64>,
}

impl Ease {
    /// Cost: n³ for n items. `None` when the matrix has no inverse, which a sound regularisation prevents.
    pub fn learn(history: &History, settings: EaseSettings) -> Option<Self> {
        let size = history.items.len();
        let mut both = DMatrix::<f64>::zeros(size, size);
        let mut guests = vec![0.0_f64; size];
        for guest in history.guests.values() {
            let taken: Vec<(usize, f64)> = guest
                .owned
                .iter()
                .map(|owned| (owned.item, settings.weight(owned.ages.first().copied().unwrap_or(0))))
                .collect();
            for (at, (left, x)) in taken.iter().enumerate() {
                guests[*left] += 1.0;
                for (right, y) in taken.iter().skip(at) {
                    both[(*right, *left)] += x * y;
                }
            }
        }
        for place in 0..size {
            both[(place, place)] += settings.regularisation;
        }
        let inverse = invert(both)?;
        let mut weights = Vec::with_capacity(size * size);
        // The inverse is symmetric: its columns, which lie one after the other, are its rows.
        for row in 0..size {
            for column in 0..size {
                let weight =
                    if row == column { 0.0 } else { -inverse[(column, row)] / inverse[(column, column)] };
                weights.push(weight as f32);
            }
        }
        let damping = guests.iter().map(|count| count.max(1.0).powf(-settings.damping)).collect();
        Some(Self { settings, size, weights, damping })
    }

    /// What having taken `source` gives to `target`, damping included.
    pub fn weight(&self, source: usize, target: usize) -> f64 {
        self.weights.get(source * self.size + target).map_or(0.0, |w| f64::from(*w))
            * self.damping.get(target).copied().unwrap_or(1.0)
    }

    /// One score an item.
    pub fn scores(&self, guest: &GuestHistory) -> Vec<f64> {
        let mut scores = vec![0.0_f64; self.size];
        for owned in &guest.owned {
            let x = self.settings.weight(owned.ages.first().copied().unwrap_or(0));
            let row = self.weights.iter().skip(owned.item * self.size).take(self.size);
            for (score, weight) in scores.iter_mut().zip(row) {
                *score += x * f64::from(*weight);
            }
        }
        for (score, damping) in scores.iter_mut().zip(&self.damping) {
            *score *= damping;
        }
        scores
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;
    use crate::services::{Context, Interaction};

    fn history(taken: &[(&str, &str)]) -> History {
        let rows: Vec<Interaction> = taken
            .iter()
            .map(|(guest, item)| Interaction {
                guest: (*guest).into(),
                item: (*item).into(),
                day: NaiveDate::from_ymd_opt(2025, 1, 1).unwrap(),
                amount: None,
                context: Context::default(),
            })
            .collect();
        let as_of = NaiveDate::from_ymd_opt(2025, 1, 11).unwrap();
        History::new(&rows.iter().collect::<Vec<_>>(), as_of, 1, 100)
    }

    const PLAIN: EaseSettings = EaseSettings { regularisation: 0.5, half_life: None, damping: 0.0 };

    #[test]
    fn two_items_follow_the_formula_on_paper() {
        // Guests: {a, b}, {a, b}, {a}. X'X + 0.5 I = [[3.5, 2], [2, 2.5]]; P = 1/4.75 [[2.5, -2], [-2, 3.5]];
        // B_ab = 2 / 3.5 and B_ba = 2 / 2.5.
        let ease =
            Ease::learn(&history(&[("1", "a"), ("1", "b"), ("2", "a"), ("2", "b"), ("3", "a")]), PLAIN)
                .unwrap();
        assert!((ease.weight(0, 1) - 2.0 / 3.5).abs() < 1e-6);
        assert!((ease.weight(1, 0) - 2.0 / 2.5).abs() < 1e-6);
        assert!(ease.weight(0, 0).abs() < f64::EPSILON);
    }

    #[test]
    fn the_matrix_is_the_minimum_of_the_loss_it_is_named_for() {
        // At the minimum of |X - XB|² + lambda |B|² with a zero diagonal, the gradient vanishes off the diagonal.
        let taken = [
            ("1", "a"),
            ("1", "b"),
            ("1", "c"),
            ("2", "a"),
            ("2", "d"),
            ("3", "b"),
            ("3", "c"),
            ("4", "d"),
            ("4", "a"),
            ("4", "b"),
        ];
        let history = history(&taken);
        let ease = Ease::learn(&history, PLAIN).unwrap();
        let n = history.items.len();
        let mut x = DMatrix::<f64>::zeros(history.guests.len(), n);
        for (row, guest) in history.guests.values().enumerate() {
            for owned in &guest.owned {
                x[(row, owned.item)] = 1.0;
            }
        }
        let b = DMatrix::from_fn(n, n, |i, j| ease.weight(i, j));
        let gradient = x.transpose() * (&x * &b - &x) + &b * PLAIN.regularisation;
        for i in 0..n {
            for j in (0..n).filter(|j| *j != i) {
                assert!(gradient[(i, j)].abs() < 1e-5, "at {i}, {j}: {}", gradient[(i, j)]);
            }
        }
    }

    #[test]
    fn old_things_count_less_and_popular_ones_are_damped() {
        let taken = [("1", "a"), ("1", "b"), ("2", "a"), ("2", "b"), ("3", "a")];
        let settings = EaseSettings { half_life: Some(10.0), ..PLAIN };
        assert!((settings.weight(10) - 0.5).abs() < 1e-12);
        let plain = Ease::learn(&history(&taken), PLAIN).unwrap();
        let damped = Ease::learn(&history(&taken), EaseSettings { damping: 1.0, ..PLAIN }).unwrap();
        assert!((damped.weight(1, 0) - plain.weight(1, 0) / 3.0).abs() < 1e-9);
    }
}
