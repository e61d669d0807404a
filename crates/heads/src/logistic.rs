//! Logistic units, found by L-BFGS.

/// Corrections kept by L-BFGS.
const MEMORY: usize = 12;
/// Steps after which the search ends in any case.
const STEPS: usize = 200;
/// The search ends when no component of the gradient is larger than this, per unit of total weight.
const FLAT: f64 = 1e-5;
/// Rows whose gradient is summed in 32 bits before it joins the 64-bit sum.
const BLOCK: usize = 32;

/// One judged embedding.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) x: &'a [f32],
    pub(crate) truth: bool,
    /// How much its loss counts.
    pub(crate) weight: f64,
}

/// A logistic unit: the logit is `weights . x + bias`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Unit {
    pub(crate) weights: Vec<f32>,
    pub(crate) bias: f64,
}

impl Unit {
    pub(crate) fn logit(&self, x: &[f32]) -> f64 {
        f64::from(dot(&self.weights, x)) + self.bias
    }
}

/// Where the weights are pulled to, and how hard.
#[derive(Clone, Copy)]
pub(crate) struct Pull<'a> {
    /// The unit they are pulled to; without one the weights are pulled to zero.
    pub(crate) to: Option<&'a Unit>,
    /// Ridge on the weights.
    pub(crate) strength: f64,
    /// Ridge on the bias.
    pub(crate) bias_strength: f64,
}

pub(crate) fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

/// Logarithm of `1 + exp(z)`, without overflow.
fn softplus(z: f64) -> f64 {
    z.max(0.0) + (-z.abs()).exp().ln_1p()
}

pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut lanes = [0f32; LANES];
    let (left, right) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = left.remainder().iter().zip(right.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in left.zip(right) {
        for ((lane, x), y) in lanes.iter_mut().zip(x).zip(y) {
            *lane += x * y;
        }
    }
    lanes.iter().sum::<f32>() + rest
}

/// Minimises the weighted logistic loss plus half the ridge on the distance to `pull.to`.
///
/// Without a unit to be pulled to, the embeddings are centred on their mean (which changes nothing but the speed, the bias
/// being nearly free). L-BFGS after Nocedal and Wright, *Numerical Optimization*, 2006, algorithm 7.4, with backtracking; the
/// loss is convex, so that any start gives the same unit.
pub(crate) fn solve(rows: &[Row<'_>], dimension: usize, pull: Pull<'_>) -> Unit {
    let problem = Problem::new(rows, dimension, pull);
    let mut place = vec![0.0; dimension + 1];
    let (mut value, mut slope) = problem.at(&place);
    let mut memory: Vec<(Vec<f64>, Vec<f64>, f64)> = Vec::with_capacity(MEMORY);
    let flat = FLAT * rows.iter().map(|r| r.weight).sum::<f64>().max(1.0);
    for _ in 0..STEPS {
        if slope.iter().all(|g| g.abs() <= flat) {
            break;
        }
        let direction = direction(&slope, &memory);
        let descent = inner(&direction, &slope);
        if descent >= 0.0 || !descent.is_finite() {
            break;
        }
        let first = if memory.is_empty() { (1.0 / inner(&slope, &slope).sqrt()).min(1.0) } else { 1.0 };
        let mut step = first;
        let mut found = None;
        for _ in 0..40 {
            let next: Vec<f64> = place.iter().zip(&direction).map(|(p, d)| p + step * d).collect();
            let (next_value, next_slope) = problem.at(&next);
            if next_value <= value + 1e-4 * step * descent {
                found = Some((next, next_value, next_slope));
                break;
            }
            step /= 2.0;
        }
        let Some((next, next_value, next_slope)) = found else { break };
        let moved: Vec<f64> = next.iter().zip(&place).map(|(a, b)| a - b).collect();
        let bent: Vec<f64> = next_slope.iter().zip(&slope).map(|(a, b)| a - b).collect();
        let curvature = inner(&moved, &bent);
        if curvature > 1e-12 * inner(&bent, &bent) {
            if memory.len() == MEMORY {
                memory.remove(0);
            }
            memory.push((moved, bent, curvature));
        }
        (place, value, slope) = (next, next_value, next_slope);
    }
    problem.unit(&place)
}

/// The L-BFGS direction: minus the slope, bent by what the last steps showed of the curvature.
fn direction(slope: &[f64], memory: &[(Vec<f64>, Vec<f64>, f64)]) -> Vec<f64> {
    let mut q: Vec<f64> = slope.iter().map(|g| -g).collect();
    let mut shares = Vec::with_capacity(memory.len());
    for (moved, bent, curvature) in memory.iter().rev() {
        let share = inner(moved, &q) / curvature;
        add(&mut q, -share, bent);
        shares.push(share);
    }
    if let Some((_, bent, curvature)) = memory.last() {
        let scale = curvature / inner(bent, bent);
        for v in &mut q {
            *v *= scale;
        }
    }
    for ((moved, bent, curvature), share) in memory.iter().zip(shares.into_iter().rev()) {
        let back = inner(bent, &q) / curvature;
        add(&mut q, share - back, moved);
    }
    q
}

fn inner(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn add(to: &mut [f64], times: f64, what: &[f64]) {
    for (t, w) in to.iter_mut().zip(what) {
        *t += times * w;
    }
}

/// The loss as a function of the distance from the unit pulled to: `dimension` weights, then the bias.
struct Problem<'a> {
    rows: &'a [Row<'a>],
    pull: Pull<'a>,
    /// Logit of each row by the unit pulled to.
    base: Vec<f64>,
    /// What is taken off each embedding.
    centre: Vec<f32>,
}

impl<'a> Problem<'a> {
    fn new(rows: &'a [Row<'a>], dimension: usize, pull: Pull<'a>) -> Self {
        let base = rows.iter().map(|r| pull.to.map_or(0.0, |unit| unit.logit(r.x))).collect();
        let mut centre = vec![0f64; dimension];
        let total: f64 = rows.iter().map(|r| r.weight).sum();
        if pull.to.is_none() && total > 0.0 {
            for row in rows {
                for (c, x) in centre.iter_mut().zip(row.x) {
                    *c += row.weight / total * f64::from(*x);
                }
            }
        }
        Self { rows, pull, base, centre: centre.into_iter().map(|c| c as f32).collect() }
    }

    /// Loss and its slope.
    fn at(&self, place: &[f64]) -> (f64, Vec<f64>) {
        let (shift, bias) = place.split_at(self.centre.len());
        let bias = bias.first().copied().unwrap_or_default();
        let weights: Vec<f32> = shift.iter().map(|v| *v as f32).collect();
        let off = f64::from(dot(&weights, &self.centre));
        let mut loss =
            self.pull.strength / 2.0 * inner(shift, shift) + self.pull.bias_strength / 2.0 * bias * bias;
        let mut slope: Vec<f64> = shift.iter().map(|v| self.pull.strength * v).collect();
        let mut push = 0.0;
        let mut block = vec![0f32; shift.len()];
        for (rows, bases) in self.rows.chunks(BLOCK).zip(self.base.chunks(BLOCK)) {
            block.fill(0.0);
            for (row, base) in rows.iter().zip(bases) {
                let z = base + f64::from(dot(&weights, row.x)) - off + bias;
                loss += row.weight * softplus(if row.truth { -z } else { z });
                let force = row.weight * (sigmoid(z) - f64::from(u8::from(row.truth)));
                push += force;
                let force = force as f32;
                for (b, x) in block.iter_mut().zip(row.x) {
                    *b += force * x;
                }
            }
            for (s, b) in slope.iter_mut().zip(&block) {
                *s += f64::from(*b);
            }
        }
        for (s, c) in slope.iter_mut().zip(&self.centre) {
            *s -= push * f64::from(*c);
        }
        slope.push(push + self.pull.bias_strength * bias);
        (loss, slope)
    }

    fn unit(&self, place: &[f64]) -> Unit {
        let (shift, bias) = place.split_at(self.centre.len());
        let off: f64 = shift.iter().zip(&self.centre).map(|(s, c)| s * f64::from(*c)).sum();
        let bias = bias.first().copied().unwrap_or_default() - off;
        match self.pull.to {
            None => Unit { weights: shift.iter().map(|v| *v as f32).collect(), bias },
            Some(unit) => Unit {
                weights: unit.weights.iter().zip(shift).map(|(w, s)| (f64::from(*w) + s) as f32).collect(),
                bias: unit.bias + bias,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FREE: Pull<'static> = Pull { to: None, strength: 0.1, bias_strength: 1e-3 };

    fn rows(points: &[(f32, f32, bool)]) -> Vec<([f32; 2], bool)> {
        points.iter().map(|(x, y, t)| ([*x, *y], *t)).collect()
    }

    fn solved(points: &[([f32; 2], bool)], pull: Pull<'_>) -> Unit {
        let rows: Vec<Row<'_>> = points.iter().map(|(x, t)| Row { x, truth: *t, weight: 1.0 }).collect();
        solve(&rows, 2, pull)
    }

    #[test]
    fn the_slope_vanishes_at_the_unit_that_is_found() {
        let points = rows(&[
            (0.1, 0.9, true),
            (0.8, 0.2, false),
            (0.3, 0.5, true),
            (0.4, 0.6, false),
            (0.9, 0.9, true),
        ]);
        let pull = Pull { to: None, strength: 0.5, bias_strength: 0.5 };
        let unit = solved(&points, pull);
        // The slope by hand: force of each row times its place, plus the ridge.
        let force: Vec<f64> =
            points.iter().map(|(x, t)| sigmoid(unit.logit(x)) - f64::from(u8::from(*t))).collect();
        for axis in 0..2 {
            let data: f64 = points.iter().zip(&force).map(|((x, _), f)| f * f64::from(x[axis])).sum();
            let ridge = 0.5 * f64::from(unit.weights[axis]);
            // The ridge on the bias acts on the centred bias: its share is small but not zero.
            let mean = points.iter().map(|(x, _)| f64::from(x[axis])).sum::<f64>() / points.len() as f64;
            let off: f64 = force.iter().sum::<f64>() * mean;
            assert!((data + ridge - off).abs() < 1e-3, "axis {axis}: {data} {ridge} {off}");
        }
    }

    #[test]
    fn without_examples_the_unit_stays_where_it_is_pulled_to() {
        let prior = Unit { weights: vec![1.5, -2.0], bias: 0.25 };
        let kept = solve(&[], 2, Pull { to: Some(&prior), strength: 1.0, bias_strength: 1.0 });
        assert_eq!(kept, prior);
    }

    #[test]
    fn a_few_examples_move_a_strongly_held_unit_little_and_a_loosely_held_one_far() {
        let prior = Unit { weights: vec![4.0, 0.0], bias: -2.0 };
        let points = rows(&[(1.0, 0.0, false), (0.9, 0.1, false), (0.0, 1.0, true)]);
        let moved = |strength: f64| {
            let unit = solved(&points, Pull { to: Some(&prior), strength, bias_strength: strength });
            unit.weights.iter().zip(&prior.weights).map(|(a, b)| (a - b).abs()).sum::<f32>()
        };
        assert!(moved(100.0) < 0.1, "{}", moved(100.0));
        assert!(moved(0.01) > 2.0, "{}", moved(0.01));
    }

    proptest! {
        #[test]
        fn separable_and_degenerate_examples_give_finite_units(points in prop::collection::vec((-1.0f32..1.0, -1.0f32..1.0, any::<bool>()), 0..30)) {
            let unit = solved(&rows(&points), FREE);
            prop_assert!(unit.bias.is_finite());
            prop_assert!(unit.weights.iter().all(|w| w.is_finite()));
        }

        #[test]
        fn the_order_of_the_examples_does_not_matter(points in prop::collection::vec((-1.0f32..1.0, -1.0f32..1.0, any::<bool>()), 4..30)) {
            let mut turned = points.clone();
            turned.reverse();
            let (a, b) = (solved(&rows(&points), FREE), solved(&rows(&turned), FREE));
            for (x, y) in a.weights.iter().zip(&b.weights) {
                prop_assert!((x - y).abs() < 2e-2 * (1.0 + x.abs()), "{x} {y}");
            }
        }
    }
}
