//! How well lists foretell what guests take after a day that the model does not see beyond.
//!
//! Protocol. The model learns from the rows before `cut`. Every guest with at least one item of the catalogue
//! before `cut` and at least one after it is asked for once, with the history before `cut` (and, where rows carry
//! a context, once for each context, what was taken in it being the truth). "New" ranks and looks for the
//! items that the guest had not taken before; "repeat" ranks and looks for all. Recall is the share of the
//! sought items among the first k; NDCG counts a hit at place r as 1 / log2(r + 1) over the most that k places
//! could have held. Both are means over guests. The order is that of the scores: no variety, no lots.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::services::{
    Context, FitError, Instance, Interaction, ServiceModel, Settings, Summary, best_first, fit, instances,
};

/// Figures of one way to rank.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// New items: share found among the first k.
    pub recall: f64,
    /// New items: discounted gain of the first k.
    pub ndcg: f64,
    /// All items: share found.
    pub recall_repeat: f64,
    /// All items: discounted gain.
    pub ndcg_repeat: f64,
}

/// Mean probability given, and share that came true.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Reliability {
    /// Mean probability.
    pub predicted: f64,
    /// Share taken.
    pub observed: f64,
    /// Pairs of guest and item.
    pub pairs: usize,
}

/// What an evaluation found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvaluationReport {
    /// The whole model.
    pub model: Figures,
    /// The item model alone, with the first of the settings.
    pub ease: Figures,
    /// The most taken items, the same for all.
    pub popularity: Figures,
    /// Guests asked for new items, and for all items.
    pub n_users: usize,
    /// See `n_users`.
    pub n_users_repeat: usize,
    /// Probabilities of new items among the first k, over all guests with a history, those who took nothing
    /// included; `None` where scores are not probabilities.
    pub reliability_new: Option<Reliability>,
    /// The same with repeats.
    pub reliability_repeat: Option<Reliability>,
    /// What the fit found.
    pub fit: Summary,
}

/// Why there are no figures.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EvaluationError {
    /// The model could not be learnt.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// No known guest took a known item after the cut.
    #[error("no guest with a history took anything of the catalogue from {cut} to {until}")]
    NothingToFind {
        /// First day of the truth.
        cut: NaiveDate,
        /// Last day of it.
        until: NaiveDate,
    },
    /// A list needs a place.
    #[error("lists of length 0 have no figures")]
    NoPlaces,
}

/// Learns before `cut`, looks at what was taken from `cut` to `until`, both included.
///
/// # Errors
/// When the model cannot be learnt, nothing is there to be found or `k` is 0.
pub fn evaluate(
    interactions: &[Interaction],
    cut: NaiveDate,
    until: NaiveDate,
    k: usize,
    settings: &Settings,
) -> Result<EvaluationReport, EvaluationError> {
    if k == 0 {
        return Err(EvaluationError::NoPlaces);
    }
    let model = fit(interactions, cut, settings)?;
    let single = Settings {
        ease: settings.ease.first().copied().into_iter().collect(),
        validation_days: 0,
        ..settings.clone()
    };
    let alone = fit(interactions, cut, &single)?;
    let rows: Vec<&Interaction> = interactions.iter().collect();
    let nothing = Context::default();
    let end = until.succ_opt().unwrap_or(until);
    let (known, _) = instances(&rows, &model.parts, cut, end, &nothing);
    if known.iter().all(|instance| instance.taken.is_empty()) {
        return Err(EvaluationError::NothingToFind { cut, until });
    }
    let mut tally = Tally { k, ..Tally::default() };
    for instance in &known {
        tally.add(&model, &alone, instance);
    }
    let (new, all) = (tally.new as f64, tally.all as f64);
    let mean = |sums: Figures| Figures {
        recall: if new > 0.0 { sums.recall / new } else { 0.0 },
        ndcg: if new > 0.0 { sums.ndcg / new } else { 0.0 },
        recall_repeat: sums.recall_repeat / all,
        ndcg_repeat: sums.ndcg_repeat / all,
    };
    Ok(EvaluationReport {
        model: mean(tally.model),
        ease: mean(tally.ease),
        popularity: mean(tally.popularity),
        n_users: tally.new,
        n_users_repeat: tally.all,
        reliability_new: tally.reliability_new.finish(&model),
        reliability_repeat: tally.reliability_repeat.finish(&model),
        fit: model.summary().clone(),
    })
}

#[derive(Default)]
struct Tally {
    k: usize,
    model: Figures,
    ease: Figures,
    popularity: Figures,
    new: usize,
    all: usize,
    reliability_new: Reliability,
    reliability_repeat: Reliability,
}

impl Tally {
    fn add(&mut self, model: &ServiceModel, alone: &ServiceModel, instance: &Instance<'_>) {
        let guest = &instance.guest;
        let fresh = |item: usize| guest.find(item).is_none();
        let wanted = instance.taken.iter().filter(|item| fresh(**item)).count();
        let model_all = model.ranking(guest, instance.context, true);
        // Guests who took nothing count here, and only here: a probability is of all guests.
        for (new, sums) in [(true, &mut self.reliability_new), (false, &mut self.reliability_repeat)] {
            for (odds, item) in model_all.iter().filter(|(_, item)| !new || fresh(*item)).take(self.k) {
                sums.predicted += crate::regression::sigmoid(*odds);
                sums.observed += f64::from(instance.taken.contains(item));
                sums.pairs += 1;
            }
        }
        if instance.taken.is_empty() {
            return;
        }
        let ease = best_first(
            alone.parts.ease.scores(guest).into_iter().enumerate().map(|(item, score)| (score, item)),
        );
        let popular =
            best_first(model.parts.tables.popularity.iter().enumerate().map(|(item, score)| (*score, item)));
        self.all += 1;
        self.new += usize::from(wanted > 0);
        for (sums, order) in
            [(&mut self.model, &model_all), (&mut self.ease, &ease), (&mut self.popularity, &popular)]
        {
            let hits = |new: bool| -> Vec<bool> {
                order
                    .iter()
                    .filter(|(_, item)| !new || fresh(*item))
                    .take(self.k)
                    .map(|(_, item)| instance.taken.contains(item))
                    .collect()
            };
            if wanted > 0 {
                let found = hits(true);
                sums.recall += recall(&found, wanted);
                sums.ndcg += ndcg(&found, wanted, self.k);
            }
            let found = hits(false);
            sums.recall_repeat += recall(&found, instance.taken.len());
            sums.ndcg_repeat += ndcg(&found, instance.taken.len(), self.k);
        }
    }
}

impl Reliability {
    fn finish(self, model: &ServiceModel) -> Option<Self> {
        let pairs = self.pairs as f64;
        (model.summary().calibrated && self.pairs > 0).then(|| Self {
            predicted: self.predicted / pairs,
            observed: self.observed / pairs,
            pairs: self.pairs,
        })
    }
}

fn recall(hits: &[bool], wanted: usize) -> f64 {
    hits.iter().filter(|hit| **hit).count() as f64 / wanted.max(1) as f64
}

/// Discounted gain of the hits over the most that `k` places could hold of `wanted`, 0 to 1.
pub(crate) fn ndcg(hits: &[bool], wanted: usize, k: usize) -> f64 {
    let gain = |rank: usize| 1.0 / (rank as f64 + 2.0).log2();
    let most: f64 = (0..wanted.min(k)).map(gain).sum();
    let got: f64 = hits.iter().take(k).enumerate().filter(|(_, hit)| **hit).map(|(rank, _)| gain(rank)).sum();
    if most > 0.0 { got / most } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gains_are_those_on_paper() {
        // One of two sought items at the second of three places: (1 / log2 3) / (1 + 1 / log2 3).
        let expected = 0.630_929_753_571 / 1.630_929_753_571;
        assert!((ndcg(&[false, true, false], 2, 3) - expected).abs() < 1e-9);
        assert!((ndcg(&[true, true], 2, 10) - 1.0).abs() < 1e-12);
        assert!(ndcg(&[], 0, 10).abs() < f64::EPSILON);
        assert!((recall(&[true, false], 4) - 0.25).abs() < 1e-12);
    }
}
