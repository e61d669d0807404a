//! Two small regressions by Newton's method: a logistic one and a choice among many.

use nalgebra::{DMatrix, DVector};

/// Newton converges in a handful of steps; more means that the classes can be told apart completely.
const STEPS: usize = 40;

/// One example: features, whether it was taken, and how many examples of the population it stands for.
#[derive(Debug, Clone)]
pub(crate) struct Example {
    pub features: Vec<f64>,
    pub taken: bool,
    pub weight: f64,
}

/// Weights of a logistic regression whose first feature is the constant 1. Those at `not_negative` that come
/// out below zero are left out and the rest is fitted anew. `None` without both outcomes or without a solution.
pub(crate) fn logistic(examples: &[Example], ridge: f64, not_negative: &[usize]) -> Option<Vec<f64>> {
    let width = examples.first()?.features.len();
    if !examples.iter().any(|e| e.taken) || examples.iter().all(|e| e.taken) {
        return None;
    }
    without_negatives(width, not_negative, |kept| {
        newton(kept.len(), |weights, slope, curve| {
            let mut features = vec![0.0; kept.len()];
            for example in examples {
                pick(&mut features, kept, &example.features);
                let chance = sigmoid(dot(&features, weights));
                let miss = example.weight * (f64::from(example.taken) - chance);
                let bend = example.weight * chance * (1.0 - chance);
                accumulate(&features, miss, bend, slope, curve);
            }
            // The constant is not shrunk: it only says how often anything is taken.
            for (place, _) in kept.iter().enumerate().filter(|(_, at)| **at != 0) {
                slope[place] -= ridge * weights[place];
                curve[place * (kept.len() + 1)] += ridge;
            }
            for place in 0..kept.len() {
                curve[place * (kept.len() + 1)] += 1e-9;
            }
        })
    })
}

/// Weights of a conditional logit (`McFadden` 1974): within each group the taken examples are chosen against all,
/// with probability proportional to weight x exp(score). Every group counts once, however much was taken.
pub(crate) fn choice(groups: &[Vec<Example>], ridge: f64, not_negative: &[usize]) -> Option<Vec<f64>> {
    let groups: Vec<&[Example]> = groups
        .iter()
        .map(Vec::as_slice)
        .filter(|group| group.iter().any(|e| e.taken) && !group.iter().all(|e| e.taken))
        .collect();
    let width = groups.first()?.first()?.features.len();
    let shrink = ridge * groups.len() as f64;
    without_negatives(width, not_negative, |kept| {
        newton(kept.len(), |weights, slope, curve| {
            let size = kept.len();
            let mut features = vec![0.0; size];
            for group in &groups {
                let scores: Vec<f64> = group
                    .iter()
                    .map(|e| kept.iter().zip(weights).map(|(at, w)| e.features[*at] * w).sum())
                    .collect();
                let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let masses: Vec<f64> =
                    group.iter().zip(&scores).map(|(e, s)| e.weight * (s - top).exp()).collect();
                let total: f64 = masses.iter().sum();
                let taken = group.iter().filter(|e| e.taken).count() as f64;
                let mut mean = vec![0.0; size];
                for (example, mass) in group.iter().zip(&masses) {
                    pick(&mut features, kept, &example.features);
                    let chance = mass / total;
                    let miss = f64::from(example.taken) / taken - chance;
                    accumulate(&features, miss, chance, slope, curve);
                    for (sum, x) in mean.iter_mut().zip(&features) {
                        *sum += chance * x;
                    }
                }
                for (row, cells) in curve.chunks_exact_mut(size.max(1)).enumerate() {
                    for (cell, other) in cells.iter_mut().zip(&mean).take(row + 1) {
                        *cell -= mean[row] * other;
                    }
                }
            }
            for place in 0..size {
                slope[place] -= shrink * weights[place];
                curve[place * (kept.len() + 1)] += shrink + 1e-9;
            }
        })
    })
}

pub(crate) fn sigmoid(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + (-x).exp())
    } else {
        let e = x.exp();
        e / (1.0 + e)
    }
}

pub(crate) fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(a, b)| a * b).sum()
}

fn pick(into: &mut [f64], kept: &[usize], features: &[f64]) {
    for (slot, at) in into.iter_mut().zip(kept) {
        *slot = features[*at];
    }
}

/// Adds one example's part to the slope and to the lower triangle of the curvature, row by row.
fn accumulate(features: &[f64], miss: f64, bend: f64, slope: &mut [f64], curve: &mut [f64]) {
    let width = features.len();
    for ((place, x), (slot, row)) in
        features.iter().enumerate().zip(slope.iter_mut().zip(curve.chunks_exact_mut(width.max(1))))
    {
        *slot += miss * x;
        let scaled = bend * x;
        for (cell, y) in row.iter_mut().zip(features).take(place + 1) {
            *cell += scaled * y;
        }
    }
}

/// Fits with every feature, then without those that may not be negative and are.
fn without_negatives(
    width: usize,
    not_negative: &[usize],
    fit: impl Fn(&[usize]) -> Option<Vec<f64>>,
) -> Option<Vec<f64>> {
    let mut kept: Vec<usize> = (0..width).collect();
    loop {
        let weights = fit(&kept)?;
        let wrong: Vec<usize> = kept
            .iter()
            .zip(&weights)
            .filter(|(at, weight)| **weight < 0.0 && not_negative.contains(at))
            .map(|(at, _)| *at)
            .collect();
        if wrong.is_empty() {
            let mut full = vec![0.0; width];
            for (at, weight) in kept.iter().zip(weights) {
                full[*at] = weight;
            }
            return Some(full);
        }
        kept.retain(|at| !wrong.contains(at));
    }
}

/// Climbs from zero with the slope and the curvature that `at` adds up; steps are held back so that a flat
/// start cannot throw the weights far away.
fn newton(width: usize, at: impl Fn(&[f64], &mut [f64], &mut [f64])) -> Option<Vec<f64>> {
    let mut weights = vec![0.0; width];
    for _ in 0..STEPS {
        let mut slope = vec![0.0; width];
        let mut cells = vec![0.0; width * width];
        at(&weights, &mut slope, &mut cells);
        let mut curve = DMatrix::from_row_slice(width, width, &cells);
        curve.fill_upper_triangle_with_lower_triangle();
        let step = curve.lu().solve(&DVector::from_vec(slope))?;
        let longest = step.amax();
        if !longest.is_finite() {
            return None;
        }
        let hold = if longest > 2.0 { 2.0 / longest } else { 1.0 };
        for (weight, move_by) in weights.iter_mut().zip(step.iter()) {
            *weight += hold * move_by;
        }
        if longest < 1e-7 {
            break;
        }
    }
    Some(weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(features: &[f64], taken: bool, weight: f64) -> Example {
        Example { features: features.to_vec(), taken, weight }
    }

    #[test]
    fn a_constant_alone_learns_the_share_that_was_taken() {
        let rows = [example(&[1.0], true, 1.0), example(&[1.0], false, 3.0)];
        let weights = logistic(&rows, 0.0, &[]).unwrap();
        assert!((sigmoid(weights[0]) - 0.25).abs() < 1e-6);
    }

    #[test]
    fn a_weight_that_may_not_be_negative_becomes_zero() {
        let rows: Vec<Example> =
            (0..40).map(|i| example(&[1.0, f64::from(i)], i < 20 && i % 3 != 0, 1.0)).collect();
        assert!(logistic(&rows, 0.1, &[]).unwrap()[1] < 0.0);
        assert!(logistic(&rows, 0.1, &[1]).unwrap()[1].abs() < f64::EPSILON);
    }

    #[test]
    fn one_outcome_teaches_nothing() {
        assert!(logistic(&[example(&[1.0], true, 1.0)], 1.0, &[]).is_none());
        assert!(logistic(&[], 1.0, &[]).is_none());
        assert!(choice(&[], 1.0, &[]).is_none());
        assert!(choice(&[vec![example(&[1.0], true, 1.0)]], 1.0, &[]).is_none());
    }

    #[test]
    fn a_choice_finds_the_odds_it_was_made_with() {
        // Of ten groups, eight take the entry with the feature: the odds are 4, the weight is ln 4.
        let groups: Vec<Vec<Example>> =
            (0..10).map(|i| vec![example(&[1.0], i < 8, 1.0), example(&[0.0], i >= 8, 1.0)]).collect();
        let weight = choice(&groups, 0.0, &[]).unwrap()[0];
        assert!((weight - 4.0_f64.ln()).abs() < 1e-5, "{weight}");
    }

    #[test]
    fn classes_that_never_overlap_still_give_finite_weights() {
        let rows: Vec<Example> = (0..20).map(|i| example(&[1.0, f64::from(i)], i >= 10, 1.0)).collect();
        assert!(logistic(&rows, 1e-3, &[]).unwrap().iter().all(|w| w.is_finite()));
    }
}
