//! Making a head, and bending one towards a hotel's own labels.

use std::collections::{BTreeMap, BTreeSet};

use innkeeper_core::ModelRef;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::calibration::Held;
use crate::example::check_all;
use crate::figures::{band, log_loss};
use crate::logistic::{Pull, Row, Unit, solve};
use crate::split::{digest, grouped_folds};
use crate::{Band, Example, Head, HeadError, LabelHead, Platt};

/// Ridge on the bias of a head made from nothing: nearly free.
const FREE_BIAS: f64 = 1e-3;
/// Examples that an older calibration is worth against a hotel's own.
const HELD_CALIBRATION: f64 = 4.0;
/// Examples that the plain logistic calibration is worth against held-out logits: a few dozen of them pin it down badly.
const PLAIN_CALIBRATION: f64 = 2.0;

/// How heads are fitted.
#[derive(Debug, Clone, PartialEq)]
pub struct FitSettings {
    /// The model whose embeddings the examples are.
    pub embedder: ModelRef,
    /// Of all splits.
    pub seed: u64,
    /// Folds by group, for choosing the ridge and for the calibration, 2 to 20.
    pub folds: usize,
    /// Times the examples are dealt into folds; a held-out logit is the mean over them. 1 to 20.
    pub deals: usize,
    /// Ridges that are compared by cross-validation.
    pub strengths: Vec<f64>,
    /// Ridges towards the older head that are compared when it is refined.
    pub pulls: Vec<f64>,
    /// The ridge towards the older head while there are too few own labels to compare.
    pub first_pull: f64,
    /// Whether both answers weigh the same together, however many examples they have.
    pub balanced: bool,
    /// Precision that decisions must have shown on held-out examples, 0.5 to 0.999 (see [`Band`]).
    pub precision: f64,
    /// Probability without which a single picture is not decided, however good the precision over all is, 0.5 to 0.99.
    pub certainty: f64,
    /// Examples of each kind without which a label is not fitted, at least 2.
    pub least: usize,
    /// By label, pictures ([`Example::picture`]) that lack it because of what they are, a bathroom without an unmade bed: nobody
    /// wondered. Together they weigh as much as those without the label that somebody judged. Calibration, band and figures
    /// leave them out, since in such numbers they would say how rare the label is where nobody looks for it.
    pub background: BTreeMap<String, BTreeSet<String>>,
}

impl FitSettings {
    /// The settings in use, for embeddings of `embedder`.
    pub fn new(embedder: ModelRef) -> Self {
        Self {
            embedder,
            seed: 1,
            folds: 5,
            deals: 3,
            strengths: vec![0.1, 0.03, 0.01, 0.003, 0.001],
            pulls: vec![10.0, 3.0, 1.0, 0.3, 0.1, 0.03],
            first_pull: 1.0,
            balanced: true,
            precision: 0.9,
            certainty: 0.7,
            least: 5,
            background: BTreeMap::new(),
        }
    }

    pub(crate) fn check(&self) -> Result<(), HeadError> {
        let setting = |name, value, allowed| Err(HeadError::Setting { name, value, allowed });
        let ridges = |all: &[f64]| !all.is_empty() && all.iter().all(|r| r.is_finite() && *r > 0.0);
        if !(2..=20).contains(&self.folds) {
            return setting("folds", self.folds as f64, "2 to 20");
        }
        if !(1..=20).contains(&self.deals) {
            return setting("deals", self.deals as f64, "1 to 20");
        }
        if !ridges(&self.strengths) {
            return setting("strengths", f64::NAN, "at least one positive number");
        }
        if !ridges(&self.pulls) || !ridges(&[self.first_pull]) {
            return setting("pulls", f64::NAN, "at least one positive number");
        }
        if !(0.5..=0.999).contains(&self.precision) {
            return setting("precision", self.precision, "0.5 to 0.999");
        }
        if !(0.5..=0.99).contains(&self.certainty) {
            return setting("certainty", self.certainty, "0.5 to 0.99");
        }
        if self.least < 2 {
            return setting("least", self.least as f64, "at least 2");
        }
        Ok(())
    }
}

/// An example of one label.
#[derive(Clone)]
pub(crate) struct Known<'a> {
    /// Index among the examples.
    pub(crate) index: usize,
    pub(crate) x: &'a [f32],
    pub(crate) truth: bool,
    /// Digest of source and group.
    pub(crate) group: String,
    /// See [`FitSettings::background`].
    pub(crate) background: bool,
}

/// The examples that say something about `label`.
pub(crate) fn known<'a>(examples: &'a [Example], label: &str, settings: &FitSettings) -> Vec<Known<'a>> {
    let background = settings.background.get(label);
    let known = examples.iter().enumerate().filter_map(|(index, e)| {
        let truth = *e.labels.get(label)?;
        let group = digest(&[&e.source, &e.group]);
        let background = !truth && background.is_some_and(|pictures| pictures.contains(&e.picture));
        Some(Known { index, x: &e.embedding, truth, group, background })
    });
    known.collect()
}

/// Fold of each: the judged ones as if there was no background; its groups then follow theirs, or are dealt among themselves.
pub(crate) fn deal(known: &[Known<'_>], folds: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let mut fold_of: BTreeMap<&str, usize> = BTreeMap::new();
    for background in [false, true] {
        let items: Vec<(&str, bool)> = known
            .iter()
            .filter(|k| k.background == background && !fold_of.contains_key(k.group.as_str()))
            .map(|k| (k.group.as_str(), k.truth))
            .collect();
        let placed = grouped_folds(&items, folds, rng);
        fold_of.extend(items.into_iter().map(|(group, _)| group).zip(placed));
    }
    known.iter().map(|k| fold_of.get(k.group.as_str()).copied().unwrap_or_default()).collect()
}

pub(crate) fn label_names(examples: &[Example]) -> BTreeSet<&str> {
    examples.iter().flat_map(|e| e.labels.keys().map(String::as_str)).collect()
}

/// (with the label, without it, groups) of those that somebody judged.
fn counts(known: &[Known<'_>]) -> (usize, usize, usize) {
    let judged = || known.iter().filter(|k| !k.background);
    let present = judged().filter(|k| k.truth).count();
    let groups: BTreeSet<&str> = judged().map(|k| k.group.as_str()).collect();
    (present, judged().count() - present, groups.len())
}

/// Makes a head of every label that has at least `settings.least` examples of each kind in at least `settings.folds` groups;
/// other labels are left out.
///
/// Each label is a ridge-logistic unit. Its ridge is the one with least logarithmic loss by cross-validation over groups;
/// calibration and band come from the same held-out logits.
///
/// # Errors
/// [`HeadError::TooFew`] when no label has enough; examples or settings that cannot be used.
pub fn fit(examples: &[Example], settings: &FitSettings) -> Result<Head, HeadError> {
    settings.check()?;
    let dimension = check_all(examples)?;
    let mut most = (String::new(), 0, 0, 0);
    let mut labels = Vec::new();
    for label in label_names(examples) {
        let known = known(examples, label, settings);
        if let Some(made) = fit_label(label, &known, dimension, settings) {
            labels.push(made);
        } else {
            let (present, absent, groups) = counts(&known);
            if most.0.is_empty() || present.min(absent) > most.1.min(most.2) {
                most = (label.to_owned(), present, absent, groups);
            }
        }
    }
    if labels.is_empty() {
        let (label, present, absent, groups) = most;
        return Err(HeadError::TooFew {
            label,
            present,
            absent,
            groups,
            needed: settings.least,
            folds: settings.folds,
        });
    }
    Ok(Head { embedder: settings.embedder.clone(), dimension, labels, trained_on: digests(examples) })
}

fn digests(examples: &[Example]) -> Vec<String> {
    let digests: BTreeSet<String> = examples.iter().map(|e| digest(&[&e.picture])).collect();
    digests.into_iter().collect()
}

/// One label from nothing; `None` when it has too few examples.
pub(crate) fn fit_label(
    label: &str,
    known: &[Known<'_>],
    dimension: usize,
    settings: &FitSettings,
) -> Option<LabelHead> {
    if !enough(known, settings) {
        return None;
    }
    let pulls: Vec<Pull<'_>> = settings
        .strengths
        .iter()
        .map(|&strength| Pull { to: None, strength, bias_strength: FREE_BIAS })
        .collect();
    // Balanced weights take the share of the label out of the logits; the calibration puts it back.
    let (present, absent, _) = counts(known);
    let intercept = if settings.balanced { (present as f64 / absent as f64).ln() } else { 0.0 };
    let held = Some(Held { to: Platt { slope: 1.0, intercept }, strength: PLAIN_CALIBRATION });
    let (best, logits) = choose(known, &[], dimension, &pulls, settings, held)?;
    let platt = Platt::fit(&logits, held);
    let unit = solve(&weighted(known, settings), dimension, best);
    Some(made(label, unit, platt, band_of(&logits, platt, settings), best.strength, known))
}

fn made(label: &str, unit: Unit, platt: Platt, band: Band, strength: f64, known: &[Known<'_>]) -> LabelHead {
    let (positives, negatives, groups) = counts(known);
    let (label, examples) = (label.to_owned(), positives + negatives);
    LabelHead { label, unit, platt, band, strength, examples, positives, groups, figures: None }
}

/// Whether every fold can see both answers.
fn enough(known: &[Known<'_>], settings: &FitSettings) -> bool {
    let (present, absent, groups) = counts(known);
    present.min(absent) >= settings.least && groups >= settings.folds
}

fn band_of(logits: &[(f64, bool)], platt: Platt, settings: &FitSettings) -> Band {
    let scored: Vec<(f64, bool)> = logits.iter().map(|(z, t)| (platt.probability(*z), *t)).collect();
    band(&scored, settings.precision, settings.certainty)
}

/// Rows whose weights add up to their number; with `balanced`, half of it for each answer. The background comes on top and
/// weighs half of it too.
fn weighted<'a>(known: &[Known<'a>], settings: &FitSettings) -> Vec<Row<'a>> {
    let (present, absent, _) = counts(known);
    let half = (present + absent) as f64 / 2.0;
    let background = known.len() - present - absent;
    let weigh = |k: &Known<'_>| match (settings.balanced, present, absent) {
        _ if k.background => (half / background as f64).min(1.0),
        (false, ..) | (_, 0, _) | (_, _, 0) => 1.0,
        _ => half / if k.truth { present } else { absent } as f64,
    };
    known.iter().map(|k| Row { x: k.x, truth: k.truth, weight: weigh(k) }).collect()
}

/// The pull with least held-out loss, and the logits of the judged ones of `known` under it by units that have not seen their groups.
/// `replay` rows are in every training part and are never held out.
fn choose<'p>(
    known: &[Known<'_>],
    replay: &[Row<'_>],
    dimension: usize,
    pulls: &[Pull<'p>],
    settings: &FitSettings,
    held: Option<Held>,
) -> Option<(Pull<'p>, Vec<(f64, bool)>)> {
    let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
    let deals: Vec<Vec<usize>> = (0..settings.deals).map(|_| deal(known, settings.folds, &mut rng)).collect();
    let (mut best, mut least) = (None, f64::INFINITY);
    for pull in pulls {
        let mut logits: Vec<(f64, bool)> = known.iter().map(|k| (0.0, k.truth)).collect();
        for (placed, fold) in
            deals.iter().flat_map(|placed| (0..settings.folds).map(move |fold| (placed, fold)))
        {
            let rest: Vec<Known<'_>> =
                known.iter().zip(placed).filter(|(_, f)| **f != fold).map(|(k, _)| k.clone()).collect();
            let mut rows = weighted(&rest, settings);
            rows.extend_from_slice(replay);
            let unit = solve(&rows, dimension, *pull);
            for ((slot, k), _) in logits.iter_mut().zip(known).zip(placed).filter(|(_, f)| **f == fold) {
                slot.0 += unit.logit(k.x) / settings.deals as f64;
            }
        }
        let logits: Vec<(f64, bool)> =
            logits.into_iter().zip(known).filter(|(_, k)| !k.background).map(|(l, _)| l).collect();
        let platt = Platt::fit(&logits, held);
        let loss: f64 = logits.iter().map(|(z, t)| log_loss(platt.probability(*z) as f32, *t)).sum();
        if loss < least {
            (best, least) = (Some((*pull, logits)), loss);
        }
    }
    best
}

/// Bends `before` towards a hotel's `own` examples.
///
/// Every label the head knows is pulled back to what it was: the ridge acts on the distance from the older unit, so that a few
/// corrections shift it a little and many shift it far. `seed` examples, where they are at hand, are trained on along with the
/// own ones and hold the head to what it knew; they may be none. A label the head does not know yet is fitted from the own
/// examples once there are `settings.least` of each kind. Labels without own examples stay as they are.
///
/// # Errors
/// [`HeadError::Embedder`] when `before` belongs to another embedder than the settings; examples or settings that cannot be used.
pub fn refine(
    before: &Head,
    seed: &[Example],
    own: &[Example],
    settings: &FitSettings,
) -> Result<Head, HeadError> {
    settings.check()?;
    if before.embedder != settings.embedder {
        return Err(HeadError::Embedder {
            head: before.embedder.to_string(),
            given: settings.embedder.to_string(),
        });
    }
    for examples in [seed, own] {
        let dimension = check_all(examples)?;
        if !examples.is_empty() && dimension != before.dimension {
            return Err(HeadError::Dimension { wanted: before.dimension, found: dimension });
        }
    }
    let mut labels: BTreeMap<String, LabelHead> =
        before.labels.iter().map(|l| (l.label.clone(), l.clone())).collect();
    for label in label_names(own) {
        let own = known(own, label, settings);
        let seed = known(seed, label, settings);
        let after = match before.label(label) {
            Some(old) => Some(refine_label(old, &seed, &own, before.dimension, settings)),
            None => fit_label(label, &[seed, own].concat(), before.dimension, settings),
        };
        if let Some(after) = after {
            labels.insert(label.to_owned(), after);
        }
    }
    let mut trained_on: BTreeSet<String> = before.trained_on.iter().cloned().collect();
    trained_on.extend(digests(own));
    trained_on.extend(digests(seed));
    Ok(Head {
        embedder: before.embedder.clone(),
        dimension: before.dimension,
        labels: labels.into_values().collect(),
        trained_on: trained_on.into_iter().collect(),
    })
}

pub(crate) fn refine_label(
    old: &LabelHead,
    seed: &[Known<'_>],
    own: &[Known<'_>],
    dimension: usize,
    settings: &FitSettings,
) -> LabelHead {
    let pull = |strength| Pull { to: Some(&old.unit), strength, bias_strength: strength };
    let replay = weighted(seed, settings);
    let held = Held { to: old.platt, strength: HELD_CALIBRATION };
    let chosen = if enough(own, settings) {
        let pulls: Vec<Pull<'_>> = settings.pulls.iter().map(|&s| pull(s)).collect();
        choose(own, &replay, dimension, &pulls, settings, Some(held))
    } else {
        None
    };
    let mut rows = weighted(own, settings);
    rows.extend(replay);
    let (strength, platt, band) = match &chosen {
        Some((pull, logits)) => {
            let platt = Platt::fit(logits, Some(held));
            (pull.strength, platt, band_of(logits, platt, settings))
        }
        None => (settings.first_pull, old.platt, old.band),
    };
    let unit = solve(&rows, dimension, pull(strength));
    let all = [seed, own].concat();
    let mut after = made(&old.label, unit, platt, band, strength, &all);
    after.examples += old.examples;
    after.positives += old.positives;
    after.groups += old.groups;
    after
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Decision;
    use crate::fixtures::{rooms, settings};

    #[test]
    fn a_label_that_shows_is_learnt_and_the_decisions_hold_on_new_rooms() {
        let head = fit(&rooms("messy", "a", 120, 1.5, 0.0, 1), &settings()).unwrap();
        let new = rooms("messy", "a", 120, 1.5, 0.0, 2);
        let said: Vec<(Decision, bool)> = new
            .iter()
            .map(|e| (head.predict(&e.embedding).unwrap()[0].decision, e.labels["messy"]))
            .collect();
        let decided = said.iter().filter(|(d, _)| *d != Decision::Unsure).count();
        let right =
            said.iter().filter(|(d, t)| *d == if *t { Decision::Present } else { Decision::Absent }).count();
        assert!(decided > 80, "{decided} of 120 were decided");
        assert!(right as f64 / decided as f64 > 0.85, "{right} of {decided}");
    }

    #[test]
    fn the_same_seed_gives_the_same_head() {
        let examples = rooms("messy", "a", 60, 1.0, 0.0, 1);
        assert_eq!(fit(&examples, &settings()).unwrap(), fit(&examples, &settings()).unwrap());
    }

    #[test]
    fn a_label_with_too_few_examples_is_left_out_not_guessed() {
        let mut examples = rooms("messy", "a", 60, 1.0, 0.0, 1);
        for example in examples.iter_mut().take(4) {
            example.labels.insert("towel_missing".into(), true);
        }
        assert_eq!(fit(&examples, &settings()).unwrap().labels().collect::<Vec<_>>(), ["messy"]);
        let none = fit(&rooms("messy", "a", 6, 1.0, 0.0, 1), &settings());
        assert!(matches!(none, Err(HeadError::TooFew { ref label, .. }) if label == "messy"), "{none:?}");
        assert!(matches!(fit(&[], &settings()), Err(HeadError::TooFew { .. })));
    }

    #[test]
    fn a_hotel_where_mess_looks_different_is_learnt_without_forgetting_the_label() {
        let head = fit(&rooms("messy", "a", 120, 1.5, 0.0, 1), &settings()).unwrap();
        let own = rooms("messy", "hotel", 60, 1.5, 0.9, 3);
        let new = rooms("messy", "hotel", 120, 1.5, 0.9, 4);
        let loss = |head: &Head| -> f64 {
            new.iter()
                .map(|e| log_loss(head.predict(&e.embedding).unwrap()[0].probability, e.labels["messy"]))
                .sum()
        };
        let refined = refine(&head, &[], &own, &settings()).unwrap();
        assert!(loss(&refined) < loss(&head), "{} {}", loss(&refined), loss(&head));
        assert!(refined.was_trained_on("hotel 3 1") && !head.was_trained_on("hotel 3 1"));
    }

    #[test]
    fn one_wrong_tap_does_not_turn_a_head_over() {
        let head = fit(&rooms("messy", "a", 120, 1.5, 0.0, 1), &settings()).unwrap();
        let mut tap = rooms("messy", "hotel", 1, 1.5, 0.0, 9);
        let before = head.predict(&tap[0].embedding).unwrap()[0].probability;
        tap[0].labels.insert("messy".into(), before < 0.5);
        let refined = refine(&head, &[], &tap, &settings()).unwrap();
        let others = rooms("messy", "a", 60, 1.5, 0.0, 7);
        let turned = others.iter().filter(|e| {
            let p = |h: &Head| h.predict(&e.embedding).unwrap()[0].probability;
            (p(&head) >= 0.5) != (p(&refined) >= 0.5)
        });
        assert!(turned.count() <= 6);
    }

    #[test]
    fn a_hotel_teaches_a_label_that_no_head_has() {
        let head = fit(&rooms("messy", "a", 60, 1.5, 0.0, 1), &settings()).unwrap();
        let own = rooms("towel_missing", "hotel", 60, 1.5, 1.5, 3);
        let refined = refine(&head, &[], &own, &settings()).unwrap();
        assert_eq!(refined.labels().collect::<Vec<_>>(), ["messy", "towel_missing"]);
        assert_eq!(refined.label("messy"), head.label("messy"), "a label without new examples stays");
        let unchanged = refine(&head, &[], &own[..4], &settings()).unwrap();
        assert_eq!(unchanged.labels().collect::<Vec<_>>(), ["messy"]);
    }

    #[test]
    fn embeddings_that_are_none_are_refused() {
        let mut examples = rooms("messy", "a", 30, 1.0, 0.0, 1);
        let good = fit(&examples, &settings()).unwrap();
        assert!(matches!(good.predict(&[0.0; 16]), Err(HeadError::NotNormalised { .. })));
        assert!(matches!(good.predict(&[f32::NAN; 16]), Err(HeadError::NotNormalised { .. })));
        assert!(matches!(good.predict(&[1.0]), Err(HeadError::Dimension { .. })));
        examples[3].embedding[0] = f32::NAN;
        assert!(matches!(fit(&examples, &settings()), Err(HeadError::NotNormalised { .. })));
        examples[3].embedding = vec![1.0];
        assert!(matches!(fit(&examples, &settings()), Err(HeadError::Dimension { .. })));
        let mut named = rooms("messy", "a", 30, 1.0, 0.0, 1);
        named[0].labels.insert("../etc".into(), true);
        assert!(matches!(fit(&named, &settings()), Err(HeadError::LabelName(_))));
    }
}
