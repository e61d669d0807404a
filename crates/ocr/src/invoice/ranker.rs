//! The learned ranker: weights per field, how they were fitted, and how sure they are.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::choice::{Calibration, Choice, HeldOut, fit, probabilities};
use super::evidence::Evidence;
use super::labels::{Example, bare_name, likeness, same_name};
use super::reader::Hints;
use super::{date, total, vendor};

/// Raised when the features change: weights of another set mean nothing.
const FORMAT: u32 = 1;
/// Fields that are ranked.
pub(super) const FIELDS: [&str; 3] = ["total_amount", "date", "vendor.name"];
/// Strengths of the pull towards the starting weights that are compared.
const PULLS: [f64; 6] = [1.0, 0.3, 0.1, 0.03, 0.01, 0.003];
/// Folds inside training, for choosing the pull and for the calibration.
const INNER_FOLDS: usize = 5;

/// Why a ranker could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RankerError {
    /// Not the JSON of a ranker.
    #[error("not a ranker: {0}")]
    Json(#[from] serde_json::Error),
    /// Made for other features than this build computes.
    #[error("the ranker's features of {field} are not those of this build: train it again")]
    Features {
        /// The field.
        field: String,
    },
    /// A format this build does not read.
    #[error("the ranker has format {0}, this build reads {FORMAT}")]
    Format(u32),
}

/// Why a ranker could not be trained or cross-validated.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// No field has enough examples.
    #[error(
        "{examples} examples of {groups} vendors can be used for {field}; at least {needed} of 2 vendors are needed"
    )]
    TooFew {
        /// The field that has most.
        field: &'static str,
        /// Examples whose right candidate is among those found.
        examples: usize,
        /// Vendors among them.
        groups: usize,
        /// How many it takes.
        needed: usize,
    },
    /// Fewer groups than folds.
    #[error("{groups} vendors cannot be put into {folds} folds")]
    TooFewGroups {
        /// Groups in the examples.
        groups: usize,
        /// Folds asked for.
        folds: usize,
    },
}

/// Examples a field needs at least.
const NEEDED: usize = 4;

/// Weights of one field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldModel {
    /// Names of the features, in order.
    pub features: Vec<String>,
    /// Their weights.
    pub weights: Vec<f64>,
    /// Strength of the pull that was chosen.
    pub pull: f64,
    /// Share and reading confidence to probability.
    pub calibration: Calibration,
    /// What it was fitted on.
    pub training: FieldTraining,
}

/// What a field was fitted on.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct FieldTraining {
    /// Examples whose right value was among the candidates.
    pub examples: usize,
    /// Examples that name a right value.
    pub labelled: usize,
    /// Right answers on held-out examples, of `labelled`.
    pub held_out_right: usize,
}

/// What a ranker was fitted on.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Training {
    /// Examples given.
    pub examples: usize,
    /// Vendors among them.
    pub groups: usize,
    /// Seed of the folds.
    pub seed: u64,
}

/// Chooses among candidates for the total, the date and the name of the vendor: one conditional logit model per field.
///
/// Its confidence is the probability that the chosen candidate is right: the candidate's share of the softmax and the
/// confidence with which its text was read, mapped by a logistic function that was fitted on the answers for examples of
/// vendors outside the training folds (Platt scaling), so that mistakes of reading and of choosing both count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ranker {
    format: u32,
    training: Training,
    fields: BTreeMap<String, FieldModel>,
}

impl Ranker {
    /// Reads what [`Ranker::to_json`] wrote.
    ///
    /// # Errors
    ///
    /// [`RankerError`] when it is no ranker, or one for other features.
    pub fn from_json(text: &str) -> Result<Self, RankerError> {
        let ranker: Self = serde_json::from_str(text)?;
        if ranker.format != FORMAT {
            return Err(RankerError::Format(ranker.format));
        }
        for (field, model) in &ranker.fields {
            let known = FIELDS.iter().position(|f| f == field).map(features_of);
            let same = known.is_some_and(|k| {
                k.iter().map(|(name, _)| *name).eq(model.features.iter().map(String::as_str))
            });
            if !same
                || model.weights.len() != model.features.len()
                || !model.weights.iter().all(|w| w.is_finite())
            {
                return Err(RankerError::Features { field: field.clone() });
            }
        }
        Ok(ranker)
    }

    /// As JSON, a few kilobytes.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// What it was fitted on.
    pub fn training(&self) -> &Training {
        &self.training
    }

    /// The model of a field (`total_amount`, `date`, `vendor.name`), where there were enough examples.
    pub fn field(&self, name: &str) -> Option<&FieldModel> {
        self.fields.get(name)
    }

    /// Trains on more examples, pulled towards the weights of this ranker: the fewer examples, the more stays. A field
    /// with too few examples keeps its weights.
    ///
    /// # Errors
    ///
    /// [`TrainError::TooFew`] when no field has enough examples.
    pub fn refined(&self, examples: &[Example], seed: u64) -> Result<Self, TrainError> {
        fit_ranker(&prepare(examples), seed, Some(self))
    }
}

/// Trains a ranker from examples alone: weights start from what a person would give them. The same examples in the same order and the same seed give the same weights.
///
/// # Errors
///
/// [`TrainError::TooFew`] when no field has enough examples.
pub fn train(examples: &[Example], seed: u64) -> Result<Ranker, TrainError> {
    fit_ranker(&prepare(examples), seed, None)
}

/// Names and starting weights of the features of a field, by its place in [`FIELDS`].
fn features_of(field: usize) -> &'static [(&'static str, f64)] {
    match field {
        0 => total::FEATURES,
        1 => date::FEATURES,
        _ => vendor::FEATURES,
    }
}

/// Candidates of one field of one example.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub features: Vec<Vec<f64>>,
    pub reading: Vec<f64>,
    /// Which candidates count as right in the evaluation.
    pub right: Vec<bool>,
    /// The candidate to learn from; a name with a slip of the reader is still the right line.
    pub target: Option<usize>,
    /// Whether the labels name a value.
    pub labelled: bool,
}

/// An example, reduced to what fitting needs.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    pub group: String,
    pub cases: [Case; 3],
}

/// Candidates and labels of all examples.
pub(super) fn prepare(examples: &[Example]) -> Vec<Prepared> {
    examples
        .iter()
        .map(|example| {
            let evidence = Evidence::new(&example.pages, &Hints::default());
            let labels = &example.labels;
            let target = |right: &[bool]| right.iter().position(|r| *r);
            let right: Vec<bool> =
                evidence.totals.iter().map(|c| labels.total_amount.is_some_and(|t| t == c.value)).collect();
            let total = Case {
                target: target(&right),
                right,
                labelled: labels.total_amount.is_some(),
                features: evidence.totals.iter().map(|c| c.features.clone()).collect(),
                reading: evidence
                    .totals
                    .iter()
                    .map(|c| f64::from(evidence.amount_confidence(c.amount)))
                    .collect(),
            };
            let right: Vec<bool> = evidence.dates.iter().map(|c| labels.date == Some(c.value)).collect();
            let date = Case {
                target: target(&right),
                right,
                labelled: labels.date.is_some(),
                features: evidence.dates.iter().map(|c| c.features.clone()).collect(),
                reading: evidence
                    .dates
                    .iter()
                    .map(|c| f64::from(evidence.cell_confidence(c.row, c.cell)))
                    .collect(),
            };
            let name = labels.vendor_name().filter(|n| !bare_name(n).is_empty());
            let right: Vec<bool> =
                evidence.vendors.iter().map(|c| name.is_some_and(|n| same_name(n, &c.value))).collect();
            let nearest = || {
                let alike: Vec<f64> =
                    evidence.vendors.iter().map(|c| name.map_or(0.0, |n| likeness(n, &c.value))).collect();
                let best = (0..alike.len()).max_by(|a, b| alike[*a].total_cmp(&alike[*b]))?;
                (alike[best] >= 0.75).then_some(best)
            };
            let vendor = Case {
                target: target(&right).or_else(nearest),
                right,
                labelled: name.is_some(),
                features: evidence.vendors.iter().map(|c| c.features.clone()).collect(),
                reading: evidence
                    .vendors
                    .iter()
                    .map(|c| f64::from(evidence.rows_confidence(&c.rows)))
                    .collect(),
            };
            Prepared { group: example.group.clone(), cases: [total, date, vendor] }
        })
        .collect()
}

/// Puts groups into folds of about the same number of examples; the seed decides the order. Returns the fold of each
/// example.
pub(super) fn folds(groups: &[&str], count: usize, seed: u64) -> Vec<usize> {
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    for group in groups {
        *sizes.entry(group).or_default() += 1;
    }
    let mut order: Vec<(&str, usize)> = sizes.into_iter().collect();
    // A fixed shuffle: sorted by a hash of the seed and the name (FNV-1a), large groups first.
    let hash = |name: &str| {
        name.bytes()
            .chain(seed.to_le_bytes())
            .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
    };
    order.sort_by_key(|(name, size)| (std::cmp::Reverse(*size), hash(name)));
    let mut load = vec![0_usize; count.max(1)];
    let mut fold_of: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, size) in order {
        let lightest = (0..load.len()).min_by_key(|f| load.get(*f).copied()).unwrap_or(0);
        if let Some(l) = load.get_mut(lightest) {
            *l += size;
        }
        fold_of.insert(name, lightest);
    }
    groups.iter().map(|g| fold_of.get(g).copied().unwrap_or(0)).collect()
}

/// The best candidate by these weights: its index and its share of the softmax.
pub(super) fn best(weights: &[f64], features: &[Vec<f64>]) -> Option<(usize, f64)> {
    let shares = probabilities(weights, features);
    (0..shares.len())
        .max_by(|a, b| {
            shares.get(*a).unwrap_or(&0.0).total_cmp(shares.get(*b).unwrap_or(&0.0)).then(b.cmp(a))
        })
        .map(|i| (i, shares.get(i).copied().unwrap_or(0.0)))
}

pub(super) fn fit_ranker(
    prepared: &[Prepared],
    seed: u64,
    start: Option<&Ranker>,
) -> Result<Ranker, TrainError> {
    let groups: BTreeSet<&str> = prepared.iter().map(|p| p.group.as_str()).collect();
    let mut fields = BTreeMap::new();
    let mut most = (FIELDS[0], 0, 0);
    let mut fitted = 0;
    for (f, field) in FIELDS.iter().enumerate() {
        let cases: Vec<(&str, &Case)> =
            prepared.iter().filter_map(|p| p.cases.get(f).map(|c| (p.group.as_str(), c))).collect();
        let usable = cases.iter().filter(|(_, c)| c.target.is_some()).count();
        let vendors: BTreeSet<&str> =
            cases.iter().filter(|(_, c)| c.target.is_some()).map(|(g, _)| *g).collect();
        let towards = start.and_then(|s| s.field(field));
        if usable < NEEDED || vendors.len() < 2 {
            if usable >= most.1 {
                most = (field, usable, vendors.len());
            }
            if let Some(kept) = towards {
                fields.insert((*field).to_owned(), kept.clone());
            }
            continue;
        }
        fitted += 1;
        fields.insert((*field).to_owned(), fit_field(&cases, features_of(f), seed, towards));
    }
    if fitted == 0 {
        return Err(TrainError::TooFew { field: most.0, examples: most.1, groups: most.2, needed: NEEDED });
    }
    let training = Training { examples: prepared.len(), groups: groups.len(), seed };
    Ok(Ranker { format: FORMAT, training, fields })
}

fn choices(cases: &[(&str, &Case)], keep: impl Fn(usize) -> bool) -> Vec<Choice> {
    cases
        .iter()
        .enumerate()
        .filter(|(i, _)| keep(*i))
        .filter_map(|(_, (_, c))| c.target.map(|right| Choice { features: c.features.clone(), right }))
        .collect()
}

fn fit_field(
    cases: &[(&str, &Case)],
    features: &[(&str, f64)],
    seed: u64,
    start: Option<&FieldModel>,
) -> FieldModel {
    let known: Vec<f64> = features.iter().map(|(_, weight)| *weight).collect();
    let towards = start.map_or(&known, |s| &s.weights);
    let groups: Vec<&str> = cases.iter().map(|(g, _)| *g).collect();
    let distinct = groups.iter().collect::<BTreeSet<_>>().len();
    let count = INNER_FOLDS.min(distinct);
    let fold = folds(&groups, count, seed.wrapping_add(1));
    // The pull with the most right answers on held-out vendors; among equals the one with the least log-loss.
    let mut chosen: Option<(usize, f64, f64, Vec<HeldOut>)> = None;
    for pull in PULLS {
        let mut answers = Vec::new();
        let mut loss = 0.0;
        for held in 0..count {
            let weights = fit(&choices(cases, |i| fold.get(i) != Some(&held)), towards, pull);
            for (i, (_, case)) in cases.iter().enumerate() {
                if fold.get(i) != Some(&held) || !case.labelled {
                    continue;
                }
                if let Some(target) = case.target {
                    let p = probabilities(&weights, &case.features);
                    loss -= p.get(target).copied().unwrap_or(0.0).max(1e-9).ln();
                }
                if let Some((at, share)) = best(&weights, &case.features) {
                    answers.push(HeldOut {
                        share,
                        reading: case.reading.get(at).copied().unwrap_or(0.0),
                        right: case.right.get(at).copied().unwrap_or(false),
                    });
                }
            }
        }
        let right = answers.iter().filter(|a| a.right).count();
        let better = chosen.as_ref().is_none_or(|(r, _, l, _)| right > *r || (right == *r && loss < *l));
        if better {
            chosen = Some((right, pull, loss, answers));
        }
    }
    let (right, pull, _, answers) = chosen.unwrap_or((0, 1.0, 0.0, Vec::new()));
    FieldModel {
        features: features.iter().map(|(name, _)| (*name).to_owned()).collect(),
        weights: fit(&choices(cases, |_| true), towards, pull),
        pull,
        calibration: Calibration::fit(&answers),
        training: FieldTraining {
            examples: cases.iter().filter(|(_, c)| c.target.is_some()).count(),
            labelled: cases.iter().filter(|(_, c)| c.labelled).count(),
            held_out_right: right,
        },
    }
}
