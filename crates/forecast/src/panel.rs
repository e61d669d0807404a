//! The rows a forecast learns from: one for each known day and horizon, with what was known on that day.
//!
//! A row's base is what is expected to stay of the bookings plus the pickup of recent nights at the same horizon; models learn
//! what the base misses. Horizons are sampled more thinly the further ahead they lie, and neighbours form a band.

use crate::matrix::Matrices;

/// Bands of horizons that one linear model serves, first to last horizon.
pub(crate) const BANDS: [(usize, usize); 15] = [
    (1, 1),
    (2, 2),
    (3, 4),
    (5, 7),
    (8, 11),
    (12, 16),
    (17, 22),
    (23, 30),
    (31, 45),
    (46, 65),
    (66, 95),
    (96, 140),
    (141, 200),
    (201, 280),
    (281, 365),
];

/// The band of a horizon.
pub(crate) fn band_of(horizon: usize) -> usize {
    BANDS.iter().position(|&(_, last)| horizon <= last).unwrap_or(BANDS.len() - 1)
}

/// What a feature speaks of, for the reasons given with a forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Topic {
    Level,
    Books,
    Pickup,
    Weekday,
    Season,
    LastYear,
    Neighbours,
    Capacity,
    Horizon,
}

/// The features and their topics.
pub(crate) const FEATURES: [Topic; 32] = [
    Topic::Books,
    Topic::Books,
    Topic::Pickup,
    Topic::Pickup,
    Topic::Weekday,
    Topic::Weekday,
    Topic::Weekday,
    Topic::Weekday,
    Topic::Weekday,
    Topic::Weekday,
    Topic::Weekday,
    Topic::Season,
    Topic::Season,
    Topic::Season,
    Topic::Season,
    Topic::LastYear,
    Topic::LastYear,
    Topic::LastYear,
    Topic::LastYear,
    Topic::Pickup,
    Topic::Pickup,
    Topic::Neighbours,
    Topic::Weekday,
    Topic::Capacity,
    Topic::Capacity,
    Topic::Horizon,
    Topic::Horizon,
    Topic::Pickup,
    Topic::Level,
    Topic::Books,
    Topic::Books,
    Topic::LastYear,
];

/// Width of a feature row.
pub(crate) const WIDTH: usize = FEATURES.len();

/// One row: the last known day, the horizon, and what was known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    /// Index of the last known day.
    pub day: usize,
    /// Nights ahead, 1 or more.
    pub horizon: usize,
    /// Expected to stay of what is on the books.
    pub expected: f64,
    /// Recent pickup at this horizon.
    pub pickup: f64,
    /// Pickup at this horizon a year ago, where that is known.
    pub last_year: Option<f64>,
    /// Variance of what stays of the books.
    pub variance: f64,
    /// What came; `None` while it is ahead, or where the day is not to be learnt from.
    pub truth: Option<f64>,
    /// The features.
    pub features: [f32; WIDTH],
}

impl Row {
    pub fn night(&self) -> usize {
        self.day + self.horizon
    }

    pub fn base(&self) -> f64 {
        self.expected + self.pickup
    }
}

/// A measure of one hotel or room type by night, with its curves.
pub(crate) struct Panel {
    pub matrices: Matrices,
    /// What each known night came to.
    pub truth: Vec<f64>,
    /// Whether a known night can be learnt from: not closed, not missing.
    pub usable: Vec<bool>,
    /// Weekday of the first night, 0 to 6.
    pub first_weekday: usize,
    /// Day of the year of the first night over 365.25.
    pub first_phase: f64,
    /// The most that was ever reached, or the capacity in the units of the measure.
    pub ceiling: f64,
    /// Sums over nights of truth less expected, by horizon.
    pickup: Vec<Vec<f64>>,
    /// Count of usable nights before each.
    counts: Vec<f64>,
    sums: Vec<f64>,
}

impl Panel {
    /// `longest` is the longest horizon that will be asked for.
    pub fn new(
        matrices: Matrices,
        truth: Vec<f64>,
        usable: Vec<bool>,
        first_weekday: usize,
        first_phase: f64,
        ceiling: f64,
        longest: usize,
    ) -> Self {
        let mut panel = Self {
            matrices,
            truth,
            usable,
            first_weekday,
            first_phase,
            ceiling,
            pickup: Vec::new(),
            counts: Vec::new(),
            sums: Vec::new(),
        };
        let known = panel.truth.len();
        panel.counts = cumulate((0..known).map(|night| f64::from(u8::from(panel.is_usable(night)))));
        panel.sums = cumulate(
            (0..known).map(|night| if panel.is_usable(night) { panel.truth_at(night) } else { 0.0 }),
        );
        panel.pickup = (0..=longest + 1)
            .map(|horizon| {
                cumulate((0..known).map(|night| {
                    if panel.is_usable(night) {
                        panel.truth_at(night) - panel.matrices.expected(night, horizon)
                    } else {
                        0.0
                    }
                }))
            })
            .collect();
        panel
    }

    pub fn known(&self) -> usize {
        self.truth.len()
    }

    pub fn is_usable(&self, night: usize) -> bool {
        self.usable.get(night).copied().unwrap_or(false)
    }

    fn truth_at(&self, night: usize) -> f64 {
        self.truth.get(night).copied().unwrap_or(0.0)
    }

    /// Mean pickup at `horizon` over the usable nights from `from` to `until`, both included; `None` without any.
    fn mean_pickup(&self, horizon: usize, from: usize, until: usize) -> Option<f64> {
        mean(self.pickup.get(horizon)?, &self.counts, from, until)
    }

    /// Standard deviation of the usable nights.
    pub fn spread(&self) -> f64 {
        let usable =
            || (0..self.known()).filter(|night| self.is_usable(*night)).map(|night| self.truth_at(night));
        let count = usable().count().max(1) as f64;
        let mean = usable().sum::<f64>() / count;
        (usable().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt()
    }

    fn mean_level(&self, from: usize, until: usize) -> Option<f64> {
        mean(&self.sums, &self.counts, from, until)
    }

    /// Expected plus recent pickup as of `day` for `night`; the truth when the night is known.
    fn base(&self, day: usize, night: usize) -> Option<f64> {
        if night <= day {
            return self.is_usable(night).then(|| self.truth_at(night));
        }
        let horizon = night - day;
        Some(
            self.matrices.expected(night, horizon)
                + self.mean_pickup(horizon, day.saturating_sub(27), day)?,
        )
    }

    /// Mean over up to `weeks` past nights of the weekday of `night`, as of `day`.
    fn same_weekday(
        &self,
        day: usize,
        night: usize,
        weeks: usize,
        value: impl Fn(usize) -> f64,
    ) -> Option<f64> {
        let back = (night - day).div_ceil(7) * 7;
        let (mut sum, mut count) = (0.0, 0.0);
        for week in 0..weeks {
            let Some(past) = night.checked_sub(back + 7 * week) else { break };
            if self.is_usable(past) {
                sum += value(past);
                count += 1.0;
            }
        }
        (count > 0.0).then(|| sum / count)
    }

    /// The row of `horizon` nights after `day`, with nothing known later; `None` where no past night is usable.
    pub fn row(&self, day: usize, horizon: usize) -> Option<Row> {
        let night = day + horizon;
        let curves = &self.matrices;
        let since = day.saturating_sub(27);
        let expected = curves.expected(night, horizon);
        let booked = curves.booked(night, horizon);
        let variance = curves.variance(night, horizon);
        // After four weeks without a usable night the last 200 nights are the best there is, and then all that is known.
        let half_year = day.saturating_sub(200);
        let pickup = self
            .mean_pickup(horizon, since, day)
            .or_else(|| self.mean_pickup(horizon, half_year, day))
            .or_else(|| self.mean_pickup(horizon, 0, day))?;
        let level = self
            .mean_level(since, day)
            .or_else(|| self.mean_level(half_year, day))
            .or_else(|| self.mean_level(0, day))?;
        let base = expected + pickup;
        let scale = self.ceiling.max(1e-9);
        let latest = self.mean_pickup(horizon, day.saturating_sub(6), day).unwrap_or(pickup);
        let of_weekday = self
            .same_weekday(day, night, 6, |past| self.truth_at(past) - curves.expected(past, horizon))
            .unwrap_or(pickup);
        let level_of_weekday = self.same_weekday(day, night, 4, |past| self.truth_at(past)).unwrap_or(level);
        let (last_year, level_then, expected_then) = self.year_before(day, night, horizon);
        // How the pickup turned between then and the same point last year.
        let turn = last_year.and_then(|then| {
            let point = day.checked_sub(364)?;
            Some(then - self.mean_pickup(horizon, point.saturating_sub(27), point)?)
        });
        let newly = expected - curves.expected(night, horizon + 7);
        let newly_usual = self
            .same_weekday(day, night, 4, |past| {
                curves.expected(past, horizon) - curves.expected(past, horizon + 7)
            })
            .unwrap_or(newly);
        let lately = expected - curves.expected(night, horizon + 3);
        let around = match (self.base(day, night - 1), self.base(day, night + 1)) {
            (Some(before), Some(after)) => f64::midpoint(before, after),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => base,
        };
        let ratio = if level > 0.0 && pickup.abs() < level { level / (level - pickup) } else { 1.0 };
        let weekday = (self.first_weekday + night) % 7;
        let phase = std::f64::consts::TAU * (self.first_phase + night as f64 / 365.25);
        let within = horizon as f64 / BANDS.get(band_of(horizon)).map_or(1.0, |&(_, last)| last as f64);
        let mut values = [0.0; WIDTH];
        let mut at = 0;
        let mut put = |value: f64| {
            if let Some(slot) = values.get_mut(at) {
                *slot = if value.is_finite() { value as f32 } else { 0.0 };
            }
            at += 1;
        };
        put(expected - (level - pickup));
        put(booked - expected);
        put(latest - pickup);
        put((ratio - 1.0) * expected - pickup);
        put(of_weekday - pickup);
        for number in 0..6 {
            put(f64::from(u8::from(weekday == number)));
        }
        let (sine, cosine) = phase.sin_cos();
        let (sine_two, cosine_two) = (2.0 * phase).sin_cos();
        put(sine);
        put(cosine);
        put(sine_two);
        put(cosine_two);
        put(last_year.map_or(0.0, |then| then - pickup));
        put(turn.unwrap_or(0.0));
        put(expected_then.map_or(0.0, |then| expected - then));
        put(level_then.map_or(0.0, |then| then - level));
        put(newly - newly_usual);
        put(lately);
        put(around - base);
        put(level_of_weekday - base);
        put(base / scale);
        put((base / scale) * (base / scale));
        put(within);
        put(within * expected / scale);
        put(pickup);
        put(level);
        put(variance.max(0.0).sqrt());
        put(expected);
        put(level_then.map_or(0.0, |then| then - base));
        let truth = (night < self.known() && self.is_usable(night)).then(|| self.truth_at(night));
        Some(Row { day, horizon, expected, pickup, last_year, variance, truth, features: values })
    }

    /// A year before, the same weekday: pickup at this horizon and level around it, and what was then expected.
    fn year_before(
        &self,
        day: usize,
        night: usize,
        horizon: usize,
    ) -> (Option<f64>, Option<f64>, Option<f64>) {
        let Some(then) = night.checked_sub(364) else { return (None, None, None) };
        let (from, until) = (then.saturating_sub(3), (then + 3).min(day));
        if then + 3 > day || then < 3 {
            return (None, None, None);
        }
        (
            self.mean_pickup(horizon, from, until),
            self.mean_level(then - 1, then + 1),
            self.is_usable(then).then(|| self.matrices.expected(then, horizon)),
        )
    }
}

/// Sums before each place, one more than there are values.
fn cumulate(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut sum = 0.0;
    std::iter::once(0.0)
        .chain(values.map(|value| {
            sum += value;
            sum
        }))
        .collect()
}

fn mean(sums: &[f64], counts: &[f64], from: usize, until: usize) -> Option<f64> {
    let part = |values: &[f64]| Some(values.get(until + 1)? - values.get(from)?);
    let count = part(counts)?;
    (count > 0.5).then(|| part(sums).map(|sum| sum / count)).flatten()
}
