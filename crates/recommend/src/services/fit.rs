//! From rows to a model.

use chrono::{Days, NaiveDate};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::context::Context;
use super::ease::EaseSettings;
use super::features::{Parts, SHARED};
use super::history::{History, Interaction};
use super::learnt::{Blend, Learnt, instances, is_better, learn};

/// How a model is built and how its lists are put together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Ways to build the item model, at least one; a later one is kept when it ranks better on the last slice of
    /// the known time than those before it by more than one standard error. Each costs one inverse.
    pub ease: Vec<EaseSettings>,
    /// Guests who took an item before it is offered at all; 0 counts as 1.
    pub least_guests: usize,
    /// Items offered at most: the square of it in numbers has to fit the memory.
    pub most_items: usize,
    /// Length of the last slice in days, on which the blend is learnt; a third of the known time at most. It
    /// is the horizon of the probabilities too.
    pub validation_days: u32,
    /// Days that count as lately.
    pub late_days: u32,
    /// Weight of variety against score in a list, 0 to 1.
    pub diversity: f64,
    /// Chance that a place of a list is given by lot, 0 to 1. At 0 nothing can be learnt later about lists that
    /// were not shown.
    pub exploration: f64,
    /// Of the entries that the blend is learnt against.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        let plain = EaseSettings { regularisation: 200.0, half_life: None, damping: 0.0 };
        Self {
            ease: vec![
                plain,
                EaseSettings { regularisation: 20.0, ..plain },
                EaseSettings { regularisation: 100.0, half_life: Some(120.0), ..plain },
            ],
            least_guests: 5,
            most_items: 5_000,
            validation_days: 60,
            late_days: 28,
            diversity: 0.1,
            exploration: 0.05,
            seed: 0,
        }
    }
}

/// Why no model came out.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FitError {
    /// A setting is outside its range.
    #[error("{0}")]
    Settings(&'static str),
    /// Nothing was taken before the day.
    #[error("nothing was taken before {0}")]
    NoInteractions(NaiveDate),
    /// A guest or an item has no name.
    #[error("row {row} names no guest or no item")]
    NoName {
        /// Place in the rows, from 0.
        row: usize,
    },
    /// An amount is not a finite number.
    #[error("row {row}: the amount is not a finite number")]
    Amount {
        /// Place in the rows, from 0.
        row: usize,
    },
    /// No item was taken by enough guests.
    #[error("no item was taken by at least {least} guests")]
    NothingCommon {
        /// Guests asked for.
        least: usize,
    },
    /// The item model has no solution.
    #[error("the item model has no solution with these settings")]
    NoSolution,
}

/// What a fit found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Items that can be offered.
    pub items: usize,
    /// Guests with at least one of them.
    pub guests: usize,
    /// The item model that was kept.
    pub ease: EaseSettings,
    /// NDCG@10 of new items on the last slice, one for each item model that was tried; empty without a slice.
    pub validation_ndcg: Vec<Option<f64>>,
    /// Days of that slice, the horizon of the probabilities; `None` when the known time is too short.
    pub horizon_days: Option<u32>,
    /// Weights for what is new to a guest: item model, rate of late, popularity, segment, season, party, stage.
    pub weights: [f64; SHARED],
    /// Whether scores for guests with a history are probabilities.
    pub calibrated: bool,
    /// Whether scores for guests without one are.
    pub calibrated_for_newcomers: bool,
}

/// What was learnt. Immutable; one may serve many threads.
#[derive(Debug, Clone)]
pub struct ServiceModel {
    pub(crate) parts: Parts,
    pub(crate) blend: Blend,
    pub(crate) settings: Settings,
    summary: Summary,
}

impl ServiceModel {
    /// What the fit found.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Names of the items that can be offered, sorted.
    pub fn items(&self) -> &[String] {
        &self.parts.history.items
    }
}

/// Learns from the rows before `as_of`; rows of that day and later are not read.
///
/// Time: one inverse of items x items for each item model tried, and one more.
///
/// # Errors
/// When a setting or a row is unsound, or when nothing common was taken.
pub fn fit(
    interactions: &[Interaction],
    as_of: NaiveDate,
    settings: &Settings,
) -> Result<ServiceModel, FitError> {
    check(interactions, settings)?;
    let rows: Vec<&Interaction> = interactions.iter().filter(|row| row.day < as_of).collect();
    let first = rows.iter().map(|row| row.day).min().ok_or(FitError::NoInteractions(as_of))?;
    let late = i64::from(settings.late_days);
    let read = |day| History::new(&rows, day, settings.least_guests, settings.most_items);
    let history = read(as_of);
    if history.items.is_empty() {
        return Err(FitError::NothingCommon { least: settings.least_guests.max(1) });
    }
    let known_days = (as_of - first).num_days();
    let slice = i64::from(settings.validation_days).min(known_days / 3);
    let from = u64::try_from(slice)
        .ok()
        .filter(|days| *days > 0)
        .and_then(|days| as_of.checked_sub_days(Days::new(days)));
    let mut tried: Vec<(EaseSettings, Learnt)> = Vec::new();
    if let Some(from) = from {
        let before = read(from);
        if !before.items.is_empty() {
            tried = try_each(&rows, &before, from, as_of, settings)?;
        }
    }
    let validation_ndcg = tried
        .iter()
        .map(|(_, Learnt { gains, .. })| {
            (!gains.is_empty()).then(|| gains.iter().sum::<f64>() / gains.len() as f64)
        })
        .collect();
    let had_slice = !tried.is_empty();
    let kept = tried
        .into_iter()
        .reduce(|best, next| if is_better(&next.1.gains, &best.1.gains) { next } else { best });
    let (ease, blend) = match (kept, settings.ease.first()) {
        (Some((ease, learnt)), _) => (ease, learnt.blend),
        (None, Some(ease)) => (*ease, Blend::default()),
        (None, None) => return Err(FitError::Settings("at least one item model is needed")),
    };
    let parts = Parts::learn(&rows, as_of, history, late, ease).ok_or(FitError::NoSolution)?;
    let summary = Summary {
        items: parts.history.items.len(),
        guests: parts.history.guests.len(),
        ease,
        validation_ndcg,
        horizon_days: had_slice.then_some(slice as u32),
        weights: blend.discovery,
        calibrated: blend.calibration.is_some(),
        calibrated_for_newcomers: blend.newcomer_calibration.is_some(),
    };
    Ok(ServiceModel { parts, blend, settings: settings.clone(), summary })
}

/// Learns a blend for each item model of the settings, as many at once as the machine has cores.
fn try_each(
    rows: &[&Interaction],
    before: &History,
    from: NaiveDate,
    as_of: NaiveDate,
    settings: &Settings,
) -> Result<Vec<(EaseSettings, Learnt)>, FitError> {
    let nothing = Context::default();
    let attempt = |ease: EaseSettings| -> Result<(EaseSettings, Learnt), FitError> {
        let late = i64::from(settings.late_days);
        let parts = Parts::learn(rows, from, before.clone(), late, ease).ok_or(FitError::NoSolution)?;
        let (known, newcomers) = instances(rows, &parts, from, as_of, &nothing);
        let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
        Ok((ease, learn(&parts, &known, &newcomers, &mut rng)))
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut tried = Vec::with_capacity(settings.ease.len());
    for together in settings.ease.chunks(cores) {
        let found: Vec<Result<_, FitError>> = std::thread::scope(|scope| {
            let running: Vec<_> = together.iter().map(|ease| scope.spawn(|| attempt(*ease))).collect();
            running.into_iter().map(|run| run.join().unwrap_or(Err(FitError::NoSolution))).collect()
        });
        for result in found {
            tried.push(result?);
        }
    }
    Ok(tried)
}

fn check(interactions: &[Interaction], settings: &Settings) -> Result<(), FitError> {
    if settings.ease.is_empty() {
        return Err(FitError::Settings("at least one item model is needed"));
    }
    if !settings.ease.iter().all(EaseSettings::is_sound) {
        return Err(FitError::Settings("an item model needs a regularisation and a half-life above 0"));
    }
    if !(0.0..=1.0).contains(&settings.diversity) || !(0.0..=1.0).contains(&settings.exploration) {
        return Err(FitError::Settings("diversity and exploration lie between 0 and 1"));
    }
    if settings.most_items == 0 {
        return Err(FitError::Settings("at least one item has to be allowed"));
    }
    for (row, interaction) in interactions.iter().enumerate() {
        if interaction.guest.trim().is_empty() || interaction.item.trim().is_empty() {
            return Err(FitError::NoName { row });
        }
        if interaction.amount.is_some_and(|amount| !amount.is_finite()) {
            return Err(FitError::Amount { row });
        }
    }
    Ok(())
}
