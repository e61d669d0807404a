//! Members weighed by their recent errors, and intervals from what the weighed forecast missed.
//!
//! The intervals are split-conformal on the honest past values (Vovk et al. 2005; weighted towards the recent as in
//! Barber et al. 2023): misses are divided by a scale learnt from the row, pooled over neighbouring bands, and their
//! lower and upper quantiles taken apart.

use std::collections::HashSet;

use crate::answer::Coverage;
use crate::linear::{Linear, Ridge};
use crate::members::{MEMBERS, Members, Values};
use crate::panel::{Panel, Row, band_of};
use crate::settings::Settings;

/// The weighed past of one band.
struct Band {
    /// Weights of the members as of the last known day.
    weights: Values,
    /// Past rows by night: the last known day, the night, the miss, the scale.
    past: Vec<Past>,
    scale: Option<Linear>,
    typical: f64,
}

#[derive(Clone, Copy)]
struct Past {
    day: usize,
    night: usize,
    miss: f64,
    scale: f64,
}

/// A measure's forecast machinery as of one day.
pub(crate) struct Outlook {
    pub panel: Panel,
    pub members: Members,
    bands: Vec<Band>,
    settings: Settings,
}

/// Everything to the first member.
const FIRST_ONLY: Values = [1.0, 0.0, 0.0, 0.0];

/// The forecast of one night.
#[derive(Debug, Clone)]
pub(crate) struct Ahead {
    pub row: Row,
    pub weights: Values,
    pub value: f64,
    pub scale: f64,
}

/// Past forecasts below which nothing is said about a band.
const LEAST_COMPARED: usize = 20;

const SCALE_WIDTH: usize = 3;

fn scale_features(row: &Row, ceiling: f64) -> [f32; SCALE_WIDTH] {
    [
        row.variance.max(0.0).sqrt() as f32,
        row.base().max(0.0).sqrt() as f32,
        (row.base().clamp(0.0, ceiling) * (ceiling - row.base()).max(0.0)).sqrt() as f32,
    ]
}

impl Outlook {
    pub fn learn(panel: Panel, longest: usize, settings: &Settings) -> Self {
        let members = Members::learn(&panel, longest, settings);
        let last_day = panel.known().saturating_sub(1);
        let bands = members
            .bands
            .iter()
            .map(|band| Band::learn(&band.rows, &band.values, last_day, panel.ceiling, settings))
            .collect();
        Self { panel, members, bands, settings: settings.clone() }
    }

    /// The forecast of `horizon` nights after the last known day.
    pub fn ahead(&self, horizon: usize) -> Option<Ahead> {
        let row = self.panel.row(self.panel.known().checked_sub(1)?, horizon)?;
        let band = self.bands.get(band_of(horizon))?;
        let values = self.members.values(&row);
        let (value, weights) = weigh(&values, &band.weights);
        let scale = match self.measured(band_of(horizon)) {
            Some(place) if place == band_of(horizon) => band.scale_of(&row, self.panel.ceiling),
            // Further ahead than was ever compared: at least as unsure as the nights differ among themselves.
            Some(place) => {
                let nearest =
                    self.bands.get(place).map_or(0.0, |near| near.scale_of(&row, self.panel.ceiling));
                nearest.max(0.8 * self.panel.spread())
            }
            None => self.panel.spread(),
        };
        Some(Ahead { row, weights, value: value.clamp(0.0, self.panel.ceiling), scale })
    }

    /// The interval of a forecast at `level`, in 0 to 1.
    pub fn interval(&self, ahead: &Ahead, level: f64) -> (f64, f64) {
        let last_day = self.panel.known().saturating_sub(1);
        let band = self.measured(band_of(ahead.row.horizon));
        let (low, high) = band
            .and_then(|band| quantiles(&self.pool(band), last_day, level, &self.settings))
            .unwrap_or_else(|| {
                // Nothing was ever compared: as if misses were logistic, which is close to normal.
                let z = ((1.0 + level) / (1.0 - level)).ln() / 1.702;
                (-z, z)
            });
        let lower = (ahead.value + low * ahead.scale).clamp(0.0, self.panel.ceiling);
        let upper = (ahead.value + high * ahead.scale).clamp(0.0, self.panel.ceiling);
        (lower.min(ahead.value), upper.max(ahead.value))
    }

    /// The band itself where enough was compared, else the nearest before it.
    fn measured(&self, band: usize) -> Option<usize> {
        (0..=band)
            .rev()
            .find(|&band| self.bands.get(band).is_some_and(|band| band.past.len() >= LEAST_COMPARED))
    }

    /// Standardised misses of a band and its neighbours, sorted, each with its night.
    fn pool(&self, band: usize) -> Vec<(f64, usize)> {
        let mut pool: Vec<(f64, usize)> = self
            .bands
            .iter()
            .enumerate()
            .filter(|(other, _)| other.abs_diff(band) <= 1)
            .flat_map(|(_, band)| band.past.iter().map(|past| (past.miss / past.scale, past.night)))
            .collect();
        pool.sort_by(|one, other| one.0.total_cmp(&other.0));
        pool
    }

    /// How often the interval of `level` held over the last 40 weeks of back-test at the band of `horizon`, each interval made
    /// from what was known on its day.
    pub fn held(&self, horizon: usize, level: f64) -> Option<Coverage> {
        let band = band_of(horizon);
        let last_day = self.panel.known().saturating_sub(1);
        let pool = self.pool(band);
        let past = &self.bands.get(band)?.past;
        let (mut inside, mut count) = (0_usize, 0_usize);
        for week in 1..=40_usize {
            let Some(fit_day) = last_day.checked_sub(7 * week) else { break };
            let Some((low, high)) = quantiles(&pool, fit_day, level, &self.settings) else { break };
            for past in past.iter().filter(|past| past.day >= fit_day && past.day < fit_day + 7) {
                let standard = past.miss / past.scale;
                inside += usize::from(standard >= low && standard <= high);
                count += 1;
            }
        }
        (count >= LEAST_COMPARED).then(|| Coverage { reached: inside as f64 / count as f64, count })
    }

    /// Mean absolute error in back-test at the band of `horizon`, with the number of forecasts.
    pub fn error(&self, horizon: usize) -> Option<(f64, usize)> {
        let past = &self.bands.get(band_of(horizon))?.past;
        let count = past.len();
        (count >= LEAST_COMPARED)
            .then(|| (past.iter().map(|past| past.miss.abs()).sum::<f64>() / count as f64, count))
    }

    /// Shares of the members at the band of `horizon`; they add up to 1.
    pub fn shares(&self, horizon: usize) -> Option<Values> {
        let mut shares = self.bands.get(band_of(horizon))?.weights;
        let total: f64 = shares.iter().sum();
        for share in &mut shares {
            *share /= total;
        }
        Some(shares)
    }

    /// The mean miss on some past nights at the band of `horizon`, with the number of nights.
    pub fn mean_miss(&self, horizon: usize, nights: &HashSet<usize>) -> Option<(f64, usize)> {
        let past = &self.bands.get(band_of(horizon))?.past;
        let misses: Vec<&Past> = past.iter().filter(|past| nights.contains(&past.night)).collect();
        let distinct = misses.iter().map(|past| past.night).collect::<HashSet<_>>().len();
        let mean = misses.iter().map(|past| past.miss).sum::<f64>() / misses.len().max(1) as f64;
        (distinct > 0).then_some((mean, distinct))
    }
}

/// The weighed value of the members that have one, and the weights used.
fn weigh(values: &Values, weights: &Values) -> (f64, Values) {
    let mut used = [0.0; MEMBERS];
    let mut total = 0.0;
    for ((used, value), weight) in used.iter_mut().zip(values).zip(weights) {
        if value.is_finite() {
            *used = *weight;
            total += weight;
        }
    }
    if total <= 0.0 {
        used = FIRST_ONLY;
        total = 1.0;
    }
    for weight in &mut used {
        *weight /= total;
    }
    let value = values
        .iter()
        .zip(&used)
        .filter(|(_, weight)| **weight > 0.0)
        .map(|(value, weight)| value * weight)
        .sum();
    (value, used)
}

impl Band {
    fn learn(rows: &[Row], values: &[Values], last_day: usize, ceiling: f64, settings: &Settings) -> Self {
        let first_fit = last_day % 7;
        let weeks = last_day / 7 + 1;
        let by_week = weekly_weights(rows, values, first_fit, weeks, settings);
        let mut past: Vec<Past> = Vec::new();
        let mut kept: Vec<&Row> = Vec::new();
        for (row, values) in rows.iter().zip(values) {
            let Some(weights) = row.day.checked_sub(first_fit).and_then(|days| by_week.get(days / 7)) else {
                continue;
            };
            if row.day < (settings.first_day + 14).min(last_day / 3) {
                continue;
            }
            let (value, _) = weigh(values, weights);
            let Some(truth) = row.truth else { continue };
            past.push(Past {
                day: row.day,
                night: row.night(),
                miss: truth - value.clamp(0.0, ceiling),
                scale: 1.0,
            });
            kept.push(row);
        }
        // The scale of the misses, refitted each week.
        let mut ridge = Ridge::new(SCALE_WIDTH);
        let keep = 0.5_f64.powf(7.0 / settings.interval_half_life);
        let mut scales: Vec<(Option<Linear>, f64)> = Vec::new();
        let mut next = past.iter().zip(&kept).peekable();
        let (mut sum, mut count) = (0.0, 0.0);
        for week in 0..weeks {
            let fit_day = first_fit + 7 * week;
            ridge.forget(keep);
            sum *= keep;
            count *= keep;
            while let Some((past, row)) = next.next_if(|(past, _)| past.night <= fit_day) {
                ridge.add(&scale_features(row, ceiling), past.miss.abs());
                sum += past.miss.abs();
                count += 1.0;
            }
            let typical: f64 = if count > 0.0 { sum / count } else { 1.0 };
            scales.push((if count > 20.0 { ridge.solve(0.05) } else { None }, typical.max(1e-6)));
        }
        for (past, row) in past.iter_mut().zip(&kept) {
            if let Some((linear, typical)) =
                past.day.checked_sub(first_fit).and_then(|days| scales.get(days / 7))
            {
                past.scale = scaled(linear.as_ref(), *typical, row, ceiling);
            }
        }
        let (scale, typical) = scales.pop().unwrap_or((None, 1.0));
        Self { weights: by_week.last().copied().unwrap_or(FIRST_ONLY), past, scale, typical }
    }

    fn scale_of(&self, row: &Row, ceiling: f64) -> f64 {
        scaled(self.scale.as_ref(), self.typical, row, ceiling)
    }
}

fn scaled(linear: Option<&Linear>, typical: f64, row: &Row, ceiling: f64) -> f64 {
    linear.map_or(typical, |linear| {
        linear.value(&scale_features(row, ceiling)).clamp(0.4 * typical, 2.5 * typical)
    })
}

/// Weights of the members on each weekly fit day, from the errors known by then relative to the first member's.
fn weekly_weights(
    rows: &[Row],
    values: &[Values],
    first_fit: usize,
    weeks: usize,
    settings: &Settings,
) -> Vec<Values> {
    let keep = 0.5_f64.powf(7.0 / settings.weigh_half_life);
    let mut own = [0.0_f64; MEMBERS];
    let mut reference = [0.0_f64; MEMBERS];
    let mut counts = [0.0_f64; MEMBERS];
    let mut next = rows.iter().zip(values).peekable();
    (0..weeks)
        .map(|week| {
            let fit_day = first_fit + 7 * week;
            for sum in own.iter_mut().chain(&mut reference).chain(&mut counts) {
                *sum *= keep;
            }
            while let Some((row, values)) = next.next_if(|(row, _)| row.night() <= fit_day) {
                let Some(truth) = row.truth else { continue };
                let first = (truth - values[0]).powi(2);
                for (place, value) in values.iter().enumerate() {
                    if value.is_finite() {
                        own[place] += (truth - value).powi(2);
                        reference[place] += first;
                        counts[place] += 1.0;
                    }
                }
            }
            let mut weights = [0.0; MEMBERS];
            for place in 0..MEMBERS {
                if counts[place] >= 28.0 && reference[place] > 0.0 {
                    let ratio = (own[place] / reference[place]).max(1e-3);
                    weights[place] = ratio.powf(-settings.weigh_power);
                }
            }
            if weights.iter().all(|weight| *weight == 0.0) {
                weights[0] = 1.0;
            }
            weights
        })
        .collect()
}

/// Lower and upper quantile of standardised misses known by `day`, older ones weighing less; `None` under twenty.
fn quantiles(pool: &[(f64, usize)], day: usize, level: f64, settings: &Settings) -> Option<(f64, f64)> {
    let weight = |night: usize| 0.5_f64.powf((day - night) as f64 / settings.interval_half_life);
    let known = || pool.iter().filter(|(_, night)| *night <= day);
    let total: f64 = known().map(|(_, night)| weight(*night)).sum();
    let count = known().count();
    if count < LEAST_COMPARED {
        return None;
    }
    let tail = (1.0 - level) / 2.0 * settings.interval_tail;
    let (mut low, mut high) = (None, None);
    let mut below = 0.0;
    for (miss, night) in known() {
        below += weight(*night) / total;
        if low.is_none() && below >= tail {
            low = Some(*miss);
        }
        if high.is_none() && below >= 1.0 - tail {
            high = Some(*miss);
        }
    }
    Some((low?, high.or(pool.last().map(|last| last.0))?))
}
