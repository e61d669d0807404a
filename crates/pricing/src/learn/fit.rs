//! One shape fitted to what was seen: the mode of the posterior, and how well it explains.

use nalgebra::{DMatrix, DVector};

use super::hats::{Between, Hats};
use super::shape::{Prior, Shape};

/// Steps after which a fit is taken as it is.
const MOST_STEPS: usize = 60;
/// Gain of a step below which the mode is reached.
const SMALL_GAIN: f64 = 1e-7;
/// Half the step by which slopes of a shape are measured.
const NUDGE: f64 = 1e-4;
/// Knots of the rate of requests.
const RATE_KNOTS: usize = 10;
/// Knots of a response that changes with the days left.
const RESPONSE_KNOTS: usize = 6;
/// Numbers beyond which a parameter is not followed.
const FARTHEST: f64 = 30.0;

/// Days of one night at one price.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// Mean days left.
    pub days_left: f64,
    /// How many days.
    pub days: f64,
    /// Price relative to the reference.
    pub ratio: f64,
    /// Bookings.
    pub booked: f64,
    /// Whether more may have come.
    pub sold_out: bool,
}

/// What is fitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Form {
    pub shape: Shape,
    /// How far the response may change with the days left, as a share of the usual; 0: not at all.
    pub drift: f64,
    /// How much the rate of requests may bend from knot to knot.
    pub bend: f64,
}

/// A fitted form.
#[derive(Debug, Clone)]
pub(crate) struct Fitted {
    pub form: Form,
    pub evidence: f64,
    values: DVector<f64>,
    layout: Layout,
}

/// Where the parameters stand.
#[derive(Debug, Clone)]
struct Layout {
    rate: Hats,
    /// Each parameter of the shape: its first place, its knots.
    response: Vec<(usize, Hats)>,
    size: usize,
}

impl Layout {
    fn new(form: Form, longest: f64) -> Self {
        let rate = Hats::new(1.0, longest, RATE_KNOTS);
        let mut size = rate.count();
        let mut response = Vec::new();
        for prior in form.shape.priors() {
            let changes = form.drift > 0.0 && prior.drift > 0.0;
            let hats = Hats::new(1.0, longest, if changes { RESPONSE_KNOTS } else { 1 });
            let first = size;
            size += hats.count();
            response.push((first, hats));
        }
        Self { rate, response, size }
    }

    /// Values of the shape's parameters on a day.
    fn response_at(&self, values: &DVector<f64>, days_left: f64) -> Vec<f64> {
        self.response.iter().map(|(first, hats)| read(values, *first, hats.at(days_left))).collect()
    }
}

fn read(values: &DVector<f64>, first: usize, between: Between) -> f64 {
    between.iter().map(|(knot, weight)| weight * values.get(first + knot).copied().unwrap_or_default()).sum()
}

/// What is believed beforehand, as a precision matrix around a mean.
fn believed(form: Form, layout: &Layout, level: f64) -> (DVector<f64>, DMatrix<f64>) {
    let mut mean = DVector::zeros(layout.size);
    let mut precision = DMatrix::zeros(layout.size, layout.size);
    let knots = layout.rate.count();
    for knot in 0..knots {
        mean[knot] = level;
        precision[(knot, knot)] += 1.0 / (knots as f64 * 4.0);
    }
    for knot in 1..knots.saturating_sub(1) {
        add(&mut precision, &[(knot - 1, 1.0), (knot, -2.0), (knot + 1, 1.0)], 1.0 / form.bend.powi(2));
    }
    for knot in 1..knots {
        // A rate that halves or doubles from knot to knot is nothing special.
        add(&mut precision, &[(knot - 1, -1.0), (knot, 1.0)], 1.0);
    }
    for (Prior { mean: at, sd, drift }, (first, hats)) in form.shape.priors().iter().zip(&layout.response) {
        let count = hats.count();
        for knot in 0..count {
            mean[first + knot] = *at;
            precision[(first + knot, first + knot)] += 1.0 / (count as f64 * sd * sd);
        }
        for knot in 1..count {
            let sd = drift * form.drift;
            add(&mut precision, &[(first + knot - 1, -1.0), (first + knot, 1.0)], 1.0 / (sd * sd));
        }
    }
    (mean, precision)
}

/// Adds the square of a difference.
fn add(precision: &mut DMatrix<f64>, parts: &[(usize, f64)], weight: f64) {
    for (row, left) in parts {
        for (column, right) in parts {
            precision[(*row, *column)] += weight * left * right;
        }
    }
}

impl Fitted {
    /// Fits a form; `None` where no mode is found.
    pub fn new(form: Form, seen: &[Seen], longest: f64) -> Option<Self> {
        let layout = Layout::new(form, longest);
        let (booked, days) = seen.iter().fold((0.0, 0.0), |(b, d), row| (b + row.booked, d + row.days));
        let level = ((booked + 0.5) / days.max(1.0)).ln();
        let (mean, precision) = believed(form, &layout, level);
        let mut values = mean.clone();
        let penalty = |values: &DVector<f64>| {
            let away = values - &mean;
            0.5 * away.dot(&(&precision * &away))
        };
        let mut reached = likelihood(form.shape, &layout, &values, seen) - penalty(&values);
        let mut damping = 1e-3;
        let mut information = precision.clone();
        for _ in 0..MOST_STEPS {
            let (slope, curvature) = slopes(form.shape, &layout, &values, seen);
            let slope = slope - &precision * (&values - &mean);
            information = &curvature + &precision;
            let mut gain = None;
            for _ in 0..12 {
                let mut damped = information.clone();
                for place in 0..layout.size {
                    damped[(place, place)] *= 1.0 + damping;
                }
                let step = damped.cholesky()?.solve(&slope);
                let next = (&values + step).map(|value| value.clamp(-FARTHEST, FARTHEST));
                let there = likelihood(form.shape, &layout, &next, seen) - penalty(&next);
                if there.is_finite() && there >= reached {
                    gain = Some(there - reached);
                    (values, reached) = (next, there);
                    damping = (damping * 0.2).max(1e-9);
                    break;
                }
                damping *= 6.0;
            }
            if gain.is_none_or(|gain| gain < SMALL_GAIN) {
                break;
            }
        }
        // Laplace's approximation of the chance of what was seen under this form.
        let half_log = |matrix: &DMatrix<f64>| {
            let root = matrix.clone().cholesky()?;
            Some(root.l().diagonal().iter().map(|value| value.ln()).sum::<f64>())
        };
        let evidence = reached + half_log(&precision)? - half_log(&information)?;
        evidence.is_finite().then_some(Self { form, evidence, values, layout })
    }

    /// Bookings to be expected on a day at a price relative to the reference.
    pub fn expected(&self, days_left: f64, ratio: f64) -> f64 {
        let rate = read(&self.values, 0, self.layout.rate.at(days_left));
        let response = self.layout.response_at(&self.values, days_left);
        let shape = self.form.shape;
        (rate + shape.log_share(ratio, &response) - shape.log_share(1.0, &response)).exp()
    }
}

/// Logarithm of the chance of what was seen, up to a constant of the data.
fn likelihood(shape: Shape, layout: &Layout, values: &DVector<f64>, seen: &[Seen]) -> f64 {
    seen.iter()
        .map(|row| {
            let rate = read(values, 0, layout.rate.at(row.days_left));
            let response = layout.response_at(values, row.days_left);
            let log_mean = row.days.ln() + rate + shape.log_share(row.ratio, &response)
                - shape.log_share(1.0, &response);
            let mean = log_mean.exp();
            if row.sold_out {
                // At least so many: the sum of the tail, relative to its first term.
                row.booked * log_mean - mean + tail_sum(mean, row.booked).ln()
            } else {
                row.booked * log_mean - mean
            }
        })
        .sum()
}

/// `P(N >= count) / P(N = count)` of a Poisson number: 1 + mean/(count+1) + mean²/((count+1)(count+2)) + …
fn tail_sum(mean: f64, count: f64) -> f64 {
    let (mut term, mut sum, mut next) = (1.0, 1.0, count + 1.0);
    for _ in 0..10_000 {
        term *= mean / next;
        sum += term;
        next += 1.0;
        if term < sum * 1e-12 {
            break;
        }
    }
    sum
}

/// Slope of the likelihood and Fisher's information, for the numbers that came: for nights that sold out, those to be expected
/// given that at least so many did (Dempster, Laird and Rubin 1977).
fn slopes(
    shape: Shape,
    layout: &Layout,
    values: &DVector<f64>,
    seen: &[Seen],
) -> (DVector<f64>, DMatrix<f64>) {
    let mut slope = DVector::zeros(layout.size);
    let mut information = DMatrix::zeros(layout.size, layout.size);
    let mut touched: Vec<(usize, f64)> = Vec::with_capacity(16);
    for row in seen {
        let rate = layout.rate.at(row.days_left);
        let mut response = layout.response_at(values, row.days_left);
        let relative =
            |response: &[f64]| shape.log_share(row.ratio, response) - shape.log_share(1.0, response);
        let log_mean = row.days.ln() + read(values, 0, rate) + relative(&response);
        let mean = log_mean.exp();
        let came = if row.sold_out {
            // The mean of those numbers: P(N >= count - 1) / P(N >= count) times the mean.
            let tail = tail_sum(mean, row.booked);
            if row.booked > 0.0 { mean + row.booked / tail } else { mean }
        } else {
            row.booked
        };
        touched.clear();
        touched.extend(rate.iter().filter(|(_, weight)| *weight != 0.0));
        for (place, (first, hats)) in layout.response.iter().enumerate() {
            let at = response.get(place).copied().unwrap_or_default();
            let mut nudged = |by: f64| {
                if let Some(value) = response.get_mut(place) {
                    *value = at + by;
                }
                relative(&response)
            };
            let by = (nudged(NUDGE) - nudged(-NUDGE)) / (2.0 * NUDGE);
            nudged(0.0);
            let knots = hats.at(row.days_left);
            touched.extend(
                knots
                    .iter()
                    .filter(|(_, weight)| *weight != 0.0)
                    .map(|(knot, weight)| (first + knot, weight * by)),
            );
        }
        for (place, by) in &touched {
            slope[*place] += (came - mean) * by;
            for (other, also) in &touched {
                information[(*place, *other)] += mean * by * also;
            }
        }
    }
    (slope, information)
}
