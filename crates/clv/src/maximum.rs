//! Maximum of a smooth function in a box: Newton's method with the exact second derivatives, damped where the function is not
//! concave, projected to the box.

/// Largest step in one coordinate: these are logarithms.
const LONGEST_STEP: f64 = 4.0;
/// Steps before it is given up.
const MOST_STEPS: usize = 200;
/// Largest derivative at the maximum, for each observation, that passes as zero.
pub(crate) const FLAT: f64 = 1e-8;
/// Largest gain that a further step may promise.
const GAIN: f64 = 1e-9;

/// A function at one place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Point<const N: usize> {
    pub value: f64,
    pub gradient: [f64; N],
    pub hessian: [[f64; N]; N],
}

impl<const N: usize> Point<N> {
    pub fn zero() -> Self {
        Self { value: 0.0, gradient: [0.0; N], hessian: [[0.0; N]; N] }
    }

    /// Less the sum of the squared `parameters`, `weight` times.
    pub fn penalised(mut self, parameters: &[f64; N], weight: f64) -> Self {
        for (i, parameter) in parameters.iter().enumerate() {
            self.value -= weight * parameter * parameter;
            self.gradient[i] -= 2.0 * weight * parameter;
            self.hessian[i][i] -= 2.0 * weight;
        }
        self
    }

    /// From derivatives by `parameters` to derivatives by their logarithms.
    pub fn by_logarithms(mut self, parameters: &[f64; N]) -> Self {
        for (row, (line, parameter)) in self.hessian.iter_mut().zip(parameters).enumerate() {
            for (entry, other) in line.iter_mut().zip(parameters) {
                *entry *= parameter * other;
            }
            line[row] += parameter * self.gradient[row];
        }
        for (slope, parameter) in self.gradient.iter_mut().zip(parameters) {
            *slope *= parameter;
        }
        self
    }
}

/// Where the maximum is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Maximum<const N: usize> {
    pub at: [f64; N],
    pub value: f64,
    /// Largest derivative that does not push against the box, for each observation.
    pub slope: f64,
    pub steps: usize,
    /// Second derivatives at the maximum.
    pub hessian: [[f64; N]; N],
    /// Coordinates that lie on the box.
    pub bound: [bool; N],
}

/// Not found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct NotFound {
    pub slope: f64,
    pub steps: usize,
}

/// The highest of the maxima that are found from `starts`; where there is none, how near the best came.
pub(crate) fn best_of<const N: usize>(
    starts: &[[f64; N]],
    bounds: &[(f64, f64); N],
    observations: f64,
    function: impl Fn(&[f64; N]) -> Point<N>,
) -> Result<Maximum<N>, NotFound> {
    let mut best: Result<Maximum<N>, NotFound> = Err(NotFound { slope: f64::INFINITY, steps: 0 });
    for start in starts {
        let reached = maximise(*start, bounds, observations, &function);
        let better = match (&best, &reached) {
            (Ok(best), Ok(found)) => found.value > best.value,
            (Err(nearest), Err(lost)) => lost.slope < nearest.slope,
            (Err(_), Ok(_)) => true,
            (Ok(_), Err(_)) => false,
        };
        if better {
            best = reached;
        }
    }
    best
}

/// Climbs from `start`. `observations` scales what passes as flat.
pub(crate) fn maximise<const N: usize>(
    start: [f64; N],
    bounds: &[(f64, f64); N],
    observations: f64,
    function: impl Fn(&[f64; N]) -> Point<N>,
) -> Result<Maximum<N>, NotFound> {
    let clamp = |mut at: [f64; N]| {
        for (value, (low, high)) in at.iter_mut().zip(bounds) {
            *value = value.clamp(*low, *high);
        }
        at
    };
    let mut at = clamp(start);
    let mut point = function(&at);
    let mut slope = f64::INFINITY;
    for steps in 0..MOST_STEPS {
        if !point.value.is_finite() {
            return Err(NotFound { slope, steps });
        }
        let bound: [bool; N] = std::array::from_fn(|i| {
            let (low, high) = bounds[i];
            (at[i] <= low && point.gradient[i] <= 0.0) || (at[i] >= high && point.gradient[i] >= 0.0)
        });
        slope =
            (0..N).filter(|i| !bound[*i]).map(|i| point.gradient[i].abs()).fold(0.0, f64::max) / observations;
        let direction = ascent(&point, &bound);
        let gain: f64 = 0.5 * (0..N).map(|i| direction[i] * point.gradient[i]).sum::<f64>();
        if slope <= FLAT && gain <= GAIN {
            let Point { value, hessian, .. } = point;
            return Ok(Maximum { at, value, slope, steps, hessian, bound });
        }
        let longest = direction.iter().fold(0.0_f64, |longest, d| longest.max(d.abs()));
        let mut share = (LONGEST_STEP / longest).min(1.0);
        // Near the maximum the gain drowns in the rounding of the sum.
        let rounding = 1e-13 * point.value.abs();
        let next = loop {
            let there = clamp(std::array::from_fn(|i| at[i] + share * direction[i]));
            let reached = function(&there);
            if reached.value.is_finite() && reached.value >= point.value + 1e-4 * share * gain - rounding {
                break Some((there, reached));
            }
            share *= 0.5;
            if share < 1e-12 {
                break None;
            }
        };
        let Some((there, reached)) = next else { return Err(NotFound { slope, steps }) };
        at = there;
        point = reached;
    }
    Err(NotFound { slope, steps: MOST_STEPS })
}

/// Newton's direction among the coordinates that are free, with as much damping as makes it go up.
fn ascent<const N: usize>(point: &Point<N>, bound: &[bool; N]) -> [f64; N] {
    let size =
        (0..N).filter(|i| !bound[*i]).map(|i| point.hessian[i][i].abs()).fold(0.0, f64::max).max(1e-300);
    let mut damping = 0.0;
    for _ in 0..60 {
        let matrix = negative(&point.hessian, bound, damping);
        if let Some(lower) = cholesky(&matrix) {
            let right = std::array::from_fn(|i| if bound[i] { 0.0 } else { point.gradient[i] });
            let step = solve(&lower, &right);
            if step.iter().all(|s| s.is_finite()) {
                return step;
            }
        }
        damping = if damping == 0.0 { size * 1e-12 } else { damping * 10.0 };
    }
    [0.0; N]
}

/// The negative of `hessian` with `damping` on its diagonal; the unit matrix where coordinates are bound.
pub(crate) fn negative<const N: usize>(
    hessian: &[[f64; N]; N],
    bound: &[bool; N],
    damping: f64,
) -> [[f64; N]; N] {
    std::array::from_fn(|i| {
        std::array::from_fn(|j| match (bound[i] || bound[j], i == j) {
            (true, same) => f64::from(u8::from(same)),
            (false, true) => damping - hessian[i][j],
            (false, false) => -hessian[i][j],
        })
    })
}

/// The lower triangle whose square is `matrix`; `None` where it is not positive definite.
pub(crate) fn cholesky<const N: usize>(matrix: &[[f64; N]; N]) -> Option<[[f64; N]; N]> {
    let mut lower = [[0.0; N]; N];
    for i in 0..N {
        for j in 0..=i {
            let sum: f64 = (0..j).map(|k| lower[i][k] * lower[j][k]).sum();
            let rest = matrix[i][j] - sum;
            if i == j {
                if rest.is_nan() || rest <= 1e-14 * matrix[i][i].abs() {
                    return None;
                }
                lower[i][i] = rest.sqrt();
            } else {
                lower[i][j] = rest / lower[j][j];
            }
        }
    }
    Some(lower)
}

fn solve<const N: usize>(lower: &[[f64; N]; N], right: &[f64; N]) -> [f64; N] {
    let mut half = [0.0; N];
    for i in 0..N {
        let sum: f64 = (0..i).map(|k| lower[i][k] * half[k]).sum();
        half[i] = (right[i] - sum) / lower[i][i];
    }
    let mut whole = [0.0; N];
    for i in (0..N).rev() {
        let sum: f64 = (i + 1..N).map(|k| lower[k][i] * whole[k]).sum();
        whole[i] = (half[i] - sum) / lower[i][i];
    }
    whole
}

/// What the coordinates of `fixed` leave of the inverse of the negative of `hessian`: the covariance of the estimate, zero
/// in rows and columns of what is fixed. `None` where the function is not strictly concave.
pub(crate) fn covariance<const N: usize>(
    hessian: &[[f64; N]; N],
    fixed: &[bool; N],
) -> Option<[[f64; N]; N]> {
    let lower = cholesky(&negative(hessian, fixed, 0.0))?;
    Some(std::array::from_fn(|i| {
        let column = solve(&lower, &std::array::from_fn(|j| f64::from(u8::from(i == j))));
        std::array::from_fn(|j| if fixed[i] || fixed[j] { 0.0 } else { column[j] })
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rosenbrock's valley, upside down.
    fn valley(at: &[f64; 2]) -> Point<2> {
        let [x, y] = *at;
        Point {
            value: -((1.0 - x).powi(2) + 100.0 * (y - x * x).powi(2)),
            gradient: [2.0 * (1.0 - x) + 400.0 * x * (y - x * x), -200.0 * (y - x * x)],
            hessian: [[-2.0 + 400.0 * (y - 3.0 * x * x), 400.0 * x], [400.0 * x, -200.0]],
        }
    }

    #[test]
    fn the_end_of_the_valley_is_found_and_the_box_is_kept() {
        let free = maximise([-1.2, 1.0], &[(-5.0, 5.0); 2], 1.0, valley).expect("found");
        assert!((free.at[0] - 1.0).abs() < 1e-6 && (free.at[1] - 1.0).abs() < 1e-6, "{free:?}");
        assert_eq!(free.bound, [false, false]);
        let boxed = maximise([-1.2, 1.0], &[(-5.0, 0.5), (-5.0, 5.0)], 1.0, valley).expect("found");
        assert!((boxed.at[0] - 0.5).abs() < 1e-12 && (boxed.at[1] - 0.25).abs() < 1e-6, "{boxed:?}");
        assert_eq!(boxed.bound, [true, false]);
    }

    #[test]
    fn a_function_that_is_no_number_is_refused() {
        let nothing = |_: &[f64; 2]| Point { value: f64::NAN, ..Point::zero() };
        assert!(maximise([0.0; 2], &[(-1.0, 1.0); 2], 1.0, nothing).is_err());
    }

    #[test]
    fn the_covariance_of_a_gaussian_is_its_own() {
        // Covariance [[2, 1], [1, 3]], whose inverse is [[.6, -.2], [-.2, .4]].
        let hessian = [[-0.6, 0.2], [0.2, -0.4]];
        let found = covariance(&hessian, &[false; 2]).expect("concave");
        for (got, want) in found.iter().flatten().zip([2.0, 1.0, 1.0, 3.0]) {
            assert!((got - want).abs() < 1e-12);
        }
        let fixed = covariance(&hessian, &[true, false]).expect("concave");
        assert!(fixed[0].iter().chain([&fixed[1][0]]).all(|entry| entry.abs() < 1e-300) && fixed[1][1] > 2.4);
        assert!(covariance(&[[1.0, 0.0], [0.0, -1.0]], &[false; 2]).is_none());
    }
}
