//! The members of a forecast, and what each would have said on every past day.
//!
//! Every member is refitted as the days go by on nights that were known by then, so that its past values are honest and
//! their errors can weigh the members and set the intervals.

use forust_ml::GradientBooster;
use forust_ml::Matrix;
use forust_ml::gradientbooster::ContributionsMethod;
use forust_ml::objective::ObjectiveType;
use forust_ml::sampler::SampleMethod;

use crate::linear::{Linear, Ridge};
use crate::panel::{BANDS, Panel, Row, WIDTH, band_of};
use crate::settings::Settings;

/// The members, in the order of their values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Member {
    /// Books expected to stay, and the pickup of recent nights.
    Recent,
    /// Books expected to stay, and the pickup of the same week last year.
    LastYear,
    /// Ridge regression of what the first misses.
    Linear,
    /// Gradient boosting of what the first misses.
    Boosted,
}

/// How many members there are.
pub(crate) const MEMBERS: usize = 4;

/// A value a member; NaN where it had none.
pub(crate) type Values = [f64; MEMBERS];

/// The rows of one band, by night, with what each member says or would have said.
pub(crate) struct BandRows {
    pub rows: Vec<Row>,
    pub values: Vec<Values>,
    /// The linear member as of the last known day.
    pub linear: Option<Linear>,
}

/// All bands up to the longest horizon, and the booster of the last known day.
pub(crate) struct Members {
    pub bands: Vec<BandRows>,
    pub booster: Option<Booster>,
}

/// A boosted model of the miss of the base, in units of the typical miss of its band.
pub(crate) struct Booster {
    model: GradientBooster,
    scales: Vec<f64>,
    /// Share of the recent pickup that is in what it adds to.
    pickup_share: f64,
}

impl Booster {
    /// What each row's base misses.
    fn values(&self, rows: &[&Row]) -> Vec<f64> {
        let table = columns(rows);
        let predicted = self.model.predict(&Matrix::new(&table, rows.len(), COLUMNS), false);
        predicted.iter().zip(rows).map(|(value, row)| value * self.scale(row)).collect()
    }

    fn scale(&self, row: &Row) -> f64 {
        self.scales.get(band_of(row.horizon)).copied().unwrap_or(1.0)
    }
}

/// The features and the horizon.
const COLUMNS: usize = WIDTH + 1;

fn columns(rows: &[&Row]) -> Vec<f64> {
    let mut table = Vec::with_capacity(rows.len() * COLUMNS);
    for feature in 0..WIDTH {
        table.extend(rows.iter().map(|row| row.features.get(feature).map_or(0.0, |x| f64::from(*x))));
    }
    table.extend(rows.iter().map(|row| row.horizon as f64));
    table
}

/// Horizons that are learnt from within a band: at most four, spread over it.
fn sampled(band: (usize, usize), longest: usize) -> Vec<usize> {
    let (first, last) = (band.0, band.1);
    let step = (last - first + 1).div_ceil(4).max(1);
    (first..=last).filter(|horizon| (horizon - first) % step == 0 && *horizon <= longest).collect()
}

impl Members {
    /// Learns everything as of the last known day of `panel`, for horizons of up to `longest` nights.
    pub fn learn(panel: &Panel, longest: usize, settings: &Settings) -> Self {
        let last_day = panel.known().saturating_sub(1);
        let mut bands: Vec<BandRows> = BANDS
            .iter()
            .take_while(|band| band.0 <= longest)
            .map(|&band| BandRows::learn(panel, band, longest, last_day, settings))
            .collect();
        let booster = boost(&mut bands, last_day, settings);
        Self { bands, booster }
    }

    /// What each member says of a row.
    pub fn values(&self, row: &Row) -> Values {
        let mut values = simple(row);
        if let Some(linear) = self.bands.get(band_of(row.horizon)).and_then(|band| band.linear.as_ref()) {
            values[2] = row.base() + linear.value(&row.features);
        }
        if let Some(booster) = &self.booster {
            values[3] = anchor(row, booster.pickup_share)
                + booster.values(&[row]).first().copied().unwrap_or(f64::NAN);
        }
        values
    }
}

impl Members {
    /// What each feature adds to the linear member, and the rest of what it adds to the base.
    pub fn linear_parts(&self, row: &Row) -> Option<(Vec<f64>, f64)> {
        let linear = self.bands.get(band_of(row.horizon))?.linear.as_ref()?;
        Some(linear.parts(&row.features))
    }

    /// What each feature adds to the boosted member, and the rest, relative to the base of all members.
    pub fn boosted_parts(&self, row: &Row) -> Option<(Vec<f64>, f64)> {
        let booster = self.booster.as_ref()?;
        let scale = booster.scale(row);
        let table = columns(&[row]);
        let mut effects = booster.model.predict_contributions(
            &Matrix::new(&table, 1, COLUMNS),
            ContributionsMethod::Weight,
            false,
        );
        for effect in &mut effects {
            *effect *= scale;
        }
        let rest: f64 = effects.split_off(WIDTH.min(effects.len())).iter().sum();
        Some((effects, rest - (1.0 - booster.pickup_share) * row.pickup))
    }
}

fn simple(row: &Row) -> Values {
    [row.base(), row.last_year.map_or(f64::NAN, |pickup| row.expected + pickup), f64::NAN, f64::NAN]
}

impl BandRows {
    fn learn(
        panel: &Panel,
        band: (usize, usize),
        longest: usize,
        last_day: usize,
        settings: &Settings,
    ) -> Self {
        let horizons = sampled(band, longest);
        let mut rows: Vec<Row> = Vec::new();
        for night in 0..=last_day {
            for &horizon in &horizons {
                if let Some(day) = night.checked_sub(horizon)
                    && day >= settings.first_day
                    && let Some(row) = panel.row(day, horizon)
                    && row.truth.is_some()
                {
                    rows.push(row);
                }
            }
        }
        let mut values: Vec<Values> = rows.iter().map(simple).collect();
        // One solution a week, the last on the last known day.
        let mut ridge = Ridge::new(WIDTH);
        let keep = 0.5_f64.powf(7.0 / settings.ridge_half_life);
        let first_fit = last_day % 7;
        let mut solutions: Vec<Option<Linear>> = Vec::new();
        let mut next = rows.iter().peekable();
        let mut fit_day = first_fit;
        let enough = settings.ridge_nights * horizons.len() as f64;
        let mut seen = 0.0;
        while fit_day <= last_day {
            ridge.forget(keep);
            while let Some(row) = next.next_if(|row| row.night() <= fit_day) {
                if let Some(truth) = row.truth {
                    ridge.add(&row.features, truth - row.base());
                    seen += 1.0;
                }
            }
            solutions.push(if seen >= enough { ridge.solve(settings.ridge_penalty) } else { None });
            fit_day += 7;
        }
        for (row, values) in rows.iter().zip(&mut values) {
            let solution = row.day.checked_sub(first_fit).and_then(|days| solutions.get(days / 7));
            if let Some(Some(linear)) = solution {
                values[2] = row.base() + linear.value(&row.features);
            }
        }
        Self { rows, values, linear: solutions.pop().flatten() }
    }
}

/// Fits the booster every few weeks back from the last known day, and keeps the last.
fn boost(bands: &mut [BandRows], last_day: usize, settings: &Settings) -> Option<Booster> {
    let mut latest = None;
    for fit in (0..settings.boost_fits).rev() {
        let Some(fit_day) = last_day.checked_sub(fit * settings.boost_every) else { continue };
        let scales: Vec<f64> = bands.iter().map(|band| miss(band, fit_day)).collect();
        let rows: Vec<&Row> = bands
            .iter()
            .flat_map(|band| &band.rows)
            .filter(|row| row.night() <= fit_day && (row.night() + row.horizon) % settings.boost_stride == 0)
            .collect();
        let nights = rows.iter().map(|row| row.night()).max().unwrap_or(0);
        if rows.len() < 400 || nights < settings.boost_nights {
            continue;
        }
        let Some(booster) = train(&rows, scales, fit_day, settings) else { continue };
        for band in bands.iter_mut() {
            let ahead: Vec<usize> = (0..band.rows.len())
                .filter(|&i| {
                    band.rows.get(i).is_some_and(|row| {
                        row.day >= fit_day && (fit == 0 || row.day < fit_day + settings.boost_every)
                    })
                })
                .collect();
            let asked: Vec<&Row> = ahead.iter().filter_map(|&i| band.rows.get(i)).collect();
            if asked.is_empty() {
                continue;
            }
            for ((i, miss), row) in ahead.iter().zip(booster.values(&asked)).zip(&asked) {
                if let Some(values) = band.values.get_mut(*i) {
                    values[3] = anchor(row, booster.pickup_share) + miss;
                }
            }
        }
        if fit == 0 {
            latest = Some(booster);
        }
    }
    latest
}

/// What the boosted member adds to: the books expected to stay, and a share of the recent pickup.
fn anchor(row: &Row, share: f64) -> f64 {
    row.expected + share * row.pickup
}

/// The typical miss of the base in a band, as known on a day.
fn miss(band: &BandRows, day: usize) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for row in band.rows.iter().filter(|row| row.night() <= day) {
        if let Some(truth) = row.truth {
            sum += (truth - row.base()).abs();
            count += 1.0;
        }
    }
    if count > 0.0 { (sum / count).max(1e-6) } else { 1.0 }
}

fn train(rows: &[&Row], scales: Vec<f64>, day: usize, settings: &Settings) -> Option<Booster> {
    let table = columns(rows);
    let scale = |row: &Row| scales.get(band_of(row.horizon)).copied().unwrap_or(1.0);
    let targets: Vec<f64> = rows
        .iter()
        .map(|row| row.truth.map_or(0.0, |truth| (truth - anchor(row, settings.boost_pickup)) / scale(row)))
        .collect();
    let weights: Vec<f64> = rows
        .iter()
        .map(|row| 0.5_f64.powf(day.saturating_sub(row.night()) as f64 / settings.boost_half_life))
        .collect();
    let mut model = GradientBooster::default()
        .set_objective_type(ObjectiveType::SquaredLoss)
        .set_iterations(settings.boost_trees)
        .set_learning_rate(settings.boost_rate)
        .set_max_depth(settings.boost_depth)
        .set_max_leaves(settings.boost_leaves)
        .set_min_leaf_weight(settings.boost_leaf_weight)
        .set_l2(settings.boost_l2)
        .set_nbins(64)
        .set_subsample(0.6)
        .set_sample_method(SampleMethod::Random)
        .set_colsample_bytree(0.5)
        .set_base_score(0.0)
        .set_initialize_base_score(false)
        .set_seed(7)
        .set_parallel(false);
    model
        .fit(&Matrix::new(&table, rows.len(), COLUMNS), &targets, &weights, None)
        .map_err(|error| tracing::warn!(%error, "the boosted member could not be fitted"))
        .ok()?;
    Some(Booster { model, scales, pickup_share: settings.boost_pickup })
}
