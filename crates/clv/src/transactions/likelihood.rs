//! The likelihood of the BG/NBD model with its first and second derivatives.

use std::collections::BTreeMap;

use crate::history::History;
use crate::maximum::Point;

/// The longest age after scaling: parameters of all portfolios are of one size then.
const LONGEST: f64 = 10.0;

/// Guests with the same history.
#[derive(Debug, Clone, Copy)]
struct Alike {
    frequency: f64,
    recency: f64,
    age: f64,
    guests: f64,
}

/// A portfolio as the likelihood needs it: alike guests together, times scaled so that the longest age is 10.
#[derive(Debug)]
pub(super) struct Portfolio {
    alike: Vec<Alike>,
    /// Guests with more than `i` repeat purchases, by `i`.
    more_than: Vec<f64>,
    /// Scaled time for one unit of time.
    pub scale: f64,
    pub guests: f64,
    pub repeats: f64,
    /// Sum of the ages, scaled.
    pub exposure: f64,
}

impl Portfolio {
    pub fn new(histories: &[History]) -> Self {
        let longest = histories.iter().map(History::age).fold(0.0, f64::max);
        let scale = if longest > 0.0 { LONGEST / longest } else { 1.0 };
        // The bits of numbers that are not negative are ordered as the numbers are.
        let mut counts: BTreeMap<(u32, u64, u64), f64> = BTreeMap::new();
        let most = histories.iter().map(History::frequency).max().unwrap_or(0) as usize;
        let mut more_than = vec![0.0; most];
        for history in histories {
            let key = (history.frequency(), history.recency().to_bits(), history.age().to_bits());
            *counts.entry(key).or_default() += 1.0;
            if let Some(last) = (history.frequency() as usize).checked_sub(1) {
                more_than[last] += 1.0;
            }
        }
        for i in (1..most).rev() {
            more_than[i - 1] += more_than[i];
        }
        let alike: Vec<Alike> = counts
            .into_iter()
            .map(|((frequency, recency, age), guests)| Alike {
                frequency: f64::from(frequency),
                recency: f64::from_bits(recency) * scale,
                age: f64::from_bits(age) * scale,
                guests,
            })
            .collect();
        let sum = |of: fn(&Alike) -> f64| alike.iter().map(|a| a.guests * of(a)).sum();
        let (guests, repeats, exposure) = (sum(|_| 1.0), sum(|a| a.frequency), sum(|a| a.age));
        Self { alike, more_than, scale, guests, repeats, exposure }
    }

    /// Logarithm of the likelihood of r, alpha (scaled), a, b, in scaled time. `a` may be 0.
    pub fn value(&self, [r, alpha, a, b]: [f64; 4]) -> f64 {
        let ladder = self.more_than.iter().zip(0_u32..).map(|(guests, i)| {
            let i = f64::from(i);
            guests * ((r + i).ln() - (a / (b + i)).ln_1p())
        });
        let guest = |at: &Alike| {
            let alive = -(r + at.frequency) * (at.age / alpha).ln_1p();
            at.guests * (alive + odds(at.left(-(at.recency / alpha).ln_1p(), alive, [r, a, b])).0)
        };
        ladder.sum::<f64>() - self.repeats * alpha.ln() + self.alike.iter().map(guest).sum::<f64>()
    }

    /// The same with its derivatives by the four parameters; `a` positive.
    pub fn point(&self, parameters: [f64; 4]) -> Point<4> {
        let [r, alpha, a, b] = parameters;
        let mut sum = Point::<4>::zero();
        sum.value = -self.repeats * alpha.ln();
        sum.gradient[1] = -self.repeats / alpha;
        sum.hessian[1][1] = self.repeats / (alpha * alpha);
        for (guests, i) in self.more_than.iter().zip(0_u32..) {
            let i = f64::from(i);
            let (rate, stay, both) = (1.0 / (r + i), 1.0 / (b + i), 1.0 / (a + b + i));
            sum.value += guests * ((r + i).ln() - (a * stay).ln_1p());
            sum.gradient[0] += guests * rate;
            sum.gradient[2] -= guests * both;
            sum.gradient[3] += guests * a * stay * both;
            sum.hessian[0][0] -= guests * rate * rate;
            sum.hessian[2][2] += guests * both * both;
            sum.hessian[2][3] += guests * both * both;
            sum.hessian[3][3] -= guests * a * stay * both * (stay + both);
        }
        for at in &self.alike {
            let Alike { frequency: x, recency, age, guests } = *at;
            let first = waiting(r, alpha, x, age);
            let alive = (r + x) * first.r;
            sum.value += guests * alive;
            if x == 0.0 {
                add(&mut sum, guests, &first);
                continue;
            }
            let second = waiting(r, alpha, x, recency);
            let (more, share) = odds(at.left(second.r, alive, [r, a, b]));
            sum.value += guests * more;
            add(&mut sum, guests * (1.0 - share), &first);
            add(&mut sum, guests * share, &second);
            let stay = 1.0 / (b + x - 1.0);
            sum.gradient[2] += guests * share / a;
            sum.gradient[3] -= guests * share * stay;
            sum.hessian[2][2] -= guests * share / (a * a);
            sum.hessian[3][3] += guests * share * stay * stay;
            let apart = [second.r - first.r, second.alpha - first.alpha, 1.0 / a, -stay];
            let mix = guests * share * (1.0 - share);
            for i in 0..4 {
                for j in i..4 {
                    sum.hessian[i][j] += mix * apart[i] * apart[j];
                }
            }
        }
        for i in 0..4 {
            for j in 0..i {
                sum.hessian[i][j] = sum.hessian[j][i];
            }
        }
        sum
    }
}

impl Alike {
    /// Logarithm of how much more likely it is that the guest left at the last purchase than that it is still one. `waited`
    /// is the logarithm of alpha / (alpha + recency), `alive` that of what a guest contributes who is still one.
    fn left(&self, waited: f64, alive: f64, [r, a, b]: [f64; 3]) -> f64 {
        let x = self.frequency;
        if x == 0.0 { f64::NEG_INFINITY } else { (a / (b + x - 1.0)).ln() + (r + x) * waited - alive }
    }
}

/// Logarithm of one more than the odds, and the share that they stand for.
fn odds(logarithm: f64) -> (f64, f64) {
    let small = (-logarithm.abs()).exp();
    let share = small / (1.0 + small);
    if logarithm > 0.0 { (logarithm + small.ln_1p(), 1.0 - share) } else { (small.ln_1p(), share) }
}

/// Logarithm of alpha / (alpha + time), which is its product with r + x by r, and the derivatives of that product by alpha, by
/// both, and by alpha twice.
struct Waiting {
    r: f64,
    alpha: f64,
    both: f64,
    alpha_twice: f64,
}

fn waiting(r: f64, alpha: f64, x: f64, time: f64) -> Waiting {
    let until = 1.0 / (alpha + time);
    let both = time * until / alpha;
    let slope = (r + x) * both;
    Waiting { r: -(time / alpha).ln_1p(), alpha: slope, both, alpha_twice: -slope * (1.0 / alpha + until) }
}

/// Adds to the upper triangle.
fn add(sum: &mut Point<4>, weight: f64, of: &Waiting) {
    sum.gradient[0] += weight * of.r;
    sum.gradient[1] += weight * of.alpha;
    sum.hessian[0][1] += weight * of.both;
    sum.hessian[1][1] += weight * of.alpha_twice;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::special::{log_gamma, log_sum};

    fn portfolio() -> Vec<History> {
        [(0, 0.0, 30.0), (0, 0.0, 0.0), (1, 3.0, 30.0), (4, 25.0, 26.0), (70, 29.0, 30.0), (2, 1.5, 38.86)]
            .map(|(frequency, recency, age)| History::new(frequency, recency, age).expect("valid"))
            .to_vec()
    }

    /// As it is printed in the paper (equation 6), in the unit of the histories.
    fn printed(history: &History, [r, alpha, a, b]: [f64; 4]) -> f64 {
        let x = f64::from(history.frequency());
        let beta = |p: f64, q: f64| log_gamma(p) + log_gamma(q) - log_gamma(p + q);
        let front = log_gamma(r + x) - log_gamma(r) + r * alpha.ln();
        let alive = beta(a, b + x) - beta(a, b) - (r + x) * (alpha + history.age()).ln();
        let left = if x > 0.0 {
            beta(a + 1.0, b + x - 1.0) - beta(a, b) - (r + x) * (alpha + history.recency()).ln()
        } else {
            f64::NEG_INFINITY
        };
        front + log_sum(alive, left)
    }

    #[test]
    fn it_is_the_likelihood_of_the_paper() {
        let histories = portfolio();
        let scaled = Portfolio::new(&histories);
        for [r, alpha, a, b] in [[0.24, 4.4, 0.79, 2.43], [3.0, 90.0, 0.01, 0.2], [20.0, 1.0, 8.0, 3.0]] {
            let want: f64 = histories.iter().map(|history| printed(history, [r, alpha, a, b])).sum();
            let inner = [r, alpha * scaled.scale, a, b];
            let got = scaled.value(inner) + scaled.repeats * scaled.scale.ln();
            assert!((got - want).abs() < 1e-9 * want.abs(), "{got} {want}");
            assert!((scaled.point(inner).value - scaled.value(inner)).abs() < 1e-9);
        }
    }

    #[test]
    fn derivatives_agree_with_differences() {
        let scaled = Portfolio::new(&portfolio());
        for at in [
            [0.24, 1.1, 0.79, 2.43],
            [3.0, 30.0, 0.01, 0.2],
            [20.0, 0.3, 8.0, 3.0],
            [500.0, 80.0, 40.0, 900.0],
        ] {
            let point = scaled.point(at);
            for i in 0..4 {
                let step = at[i] * 1e-5;
                let moved = |by: f64| {
                    let mut there = at;
                    there[i] += by;
                    there
                };
                let slope = (scaled.value(moved(step)) - scaled.value(moved(-step))) / (2.0 * step);
                let size = point.gradient[i].abs().max(1e-3 / at[i]);
                assert!(
                    (slope - point.gradient[i]).abs() < 2e-5 * size,
                    "{at:?} {i}: {slope} {:?}",
                    point.gradient
                );
                let (up, down) = (scaled.point(moved(step)), scaled.point(moved(-step)));
                for j in 0..4 {
                    let bend = (up.gradient[j] - down.gradient[j]) / (2.0 * step);
                    let size =
                        (point.hessian[i][i] * point.hessian[j][j]).abs().sqrt().max(1e-3 / (at[i] * at[j]));
                    let got = point.hessian[i][j];
                    assert!((bend - got).abs() < 1e-5 * size, "{at:?} {i} {j}: {bend} {got}");
                }
            }
        }
    }

    #[test]
    fn it_stays_a_number_at_the_ends_of_the_box() {
        let scaled = Portfolio::new(&portfolio());
        for r in [1e-6, 1e6] {
            for alpha in [1e-6, 1e7] {
                for a in [1e-9, 1e6] {
                    for b in [1e-9, 1e6] {
                        let point = scaled.point([r, alpha, a, b]);
                        let all = point.gradient.iter().chain(point.hessian.iter().flatten());
                        assert!(point.value.is_finite() && all.clone().all(|v| v.is_finite()), "{point:?}");
                    }
                }
            }
        }
        assert!(scaled.value([0.3, 2.0, 0.0, 1.0]).is_finite());
    }
}
