//! What a way of fitting is worth on groups it has not seen.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use crate::example::{check_all, check_embedding};
use crate::fit::{Known, deal, fit_label, known, label_names};
use crate::split::{digest, grouped_folds};
use crate::{Example, Figures, FitSettings, Head, HeadError, HeldOut, refine};

/// Makes the outer folds' stream another than the inner folds'.
const OUTER: u64 = 0x9e37_79b9_7f4a_7c15;

/// Held-out judgements by label.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CrossValidation {
    /// The judgements of each label that has enough examples, in the order of the examples.
    pub held_out: BTreeMap<String, Vec<HeldOut>>,
    /// Judgements of the background ([`FitSettings::background`]), each by a head that had not seen its group.
    pub background: BTreeMap<String, Vec<HeldOut>>,
    /// Labels that were left out, and why.
    pub left_out: BTreeMap<String, String>,
}

impl CrossValidation {
    /// Figures by label.
    pub fn figures(&self) -> BTreeMap<String, Figures> {
        self.held_out.iter().filter_map(|(label, held)| Some((label.clone(), Figures::of(held)?))).collect()
    }
}

/// Mean of a figure over repeats with other seeds, and how far it strays.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// Mean.
    pub mean: f64,
    /// Standard deviation over the repeats.
    pub deviation: f64,
    /// Least.
    pub least: f64,
    /// Most.
    pub most: f64,
}

impl Spread {
    /// Of some values; `None` for none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let n = values.len() as f64;
        if values.is_empty() {
            return None;
        }
        let mean = values.iter().sum::<f64>() / n;
        let deviation = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Some(Self { mean, deviation, least, most })
    }
}

/// Nested cross-validation by group: for every fold a head is made, its ridge, calibration and band included, from the other
/// folds alone. A group (of one source) is never on both sides.
///
/// # Errors
/// Examples or settings that cannot be used. Labels with too few examples are named in `left_out`.
pub fn cross_validate(examples: &[Example], settings: &FitSettings) -> Result<CrossValidation, HeadError> {
    settings.check()?;
    let dimension = check_all(examples)?;
    let mut result = CrossValidation::default();
    for label in label_names(examples) {
        let known = known(examples, label, settings);
        match held_out(label, &known, dimension, settings) {
            Some(held) => {
                let both = held.into_iter().zip(&known);
                let (easy, judged): (Vec<_>, Vec<_>) = both.partition(|(_, k)| k.background);
                let of = |part: Vec<(HeldOut, &Known<'_>)>| part.into_iter().map(|(h, _)| h).collect();
                result.background.insert(label.to_owned(), of(easy));
                result.held_out.insert(label.to_owned(), of(judged)).map(|_| ())
            }
            None => result
                .left_out
                .insert(label.to_owned(), "a fold had too few examples of one kind".to_owned())
                .map(|_| ()),
        };
    }
    Ok(result)
}

/// The control: the answers of each label are dealt out anew among its examples, then everything runs as in
/// [`cross_validate`]. What still looks like skill was never there.
///
/// # Errors
/// As [`cross_validate`].
pub fn shuffled_control(examples: &[Example], settings: &FitSettings) -> Result<CrossValidation, HeadError> {
    // Without the background: an answer that is dealt to it would count as judged.
    let mut judged = examples.to_vec();
    for example in &mut judged {
        let picture = &example.picture;
        let easy = |label: &str| settings.background.get(label).is_some_and(|p| p.contains(picture));
        example.labels.retain(|label, truth| *truth || !easy(label));
    }
    let settings = FitSettings { background: BTreeMap::new(), ..settings.clone() };
    cross_validate(&shuffled(&judged, settings.seed), &settings)
}

/// The examples with the answers of each label dealt out anew among those that have one.
pub fn shuffled(examples: &[Example], seed: u64) -> Vec<Example> {
    let mut shuffled = examples.to_vec();
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x5eed);
    for label in label_names(examples) {
        let mut answers: Vec<bool> = examples.iter().filter_map(|e| e.labels.get(label).copied()).collect();
        answers.shuffle(&mut rng);
        let places = shuffled.iter_mut().filter_map(|e| e.labels.get_mut(label));
        for (place, answer) in places.zip(answers) {
            *place = answer;
        }
    }
    shuffled
}

/// What heads refined by `lessons` say of the examples in `own`, by label: own groups are dealt into folds, and each fold is
/// judged by `before` bent towards the lessons of other groups. Lessons may be the own examples, some of them, or the same
/// with shuffled answers for a control.
///
/// # Errors
/// As [`refine`].
pub fn refined_validation(
    before: &Head,
    own: &[Example],
    lessons: &[Example],
    settings: &FitSettings,
) -> Result<BTreeMap<String, Vec<HeldOut>>, HeadError> {
    settings.check()?;
    let group_of = |e: &Example| digest(&[&e.source, &e.group]);
    let groups: Vec<String> = own.iter().map(group_of).collect();
    let items: Vec<(&str, bool)> = groups.iter().map(|g| (g.as_str(), false)).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(settings.seed.wrapping_mul(OUTER));
    let placed = grouped_folds(&items, settings.folds, &mut rng);
    let fold_of: BTreeMap<&str, usize> =
        groups.iter().map(String::as_str).zip(placed.iter().copied()).collect();
    let mut judged: BTreeMap<String, Vec<HeldOut>> = BTreeMap::new();
    for fold in 0..settings.folds {
        let elsewhere = |e: &&Example| fold_of.get(group_of(e).as_str()) != Some(&fold);
        let rest: Vec<Example> = lessons.iter().filter(elsewhere).cloned().collect();
        let head = refine(before, &[], &rest, settings)?;
        let here = own.iter().zip(&groups).zip(&placed).enumerate().filter(|(_, (_, f))| **f == fold);
        for (example, ((e, group), _)) in here {
            for (label, truth) in &e.labels {
                let Some(unit) = head.label(label) else { continue };
                let probability = unit.probability(&e.embedding);
                let decision = unit.decide(probability);
                let judgement =
                    HeldOut { example, group: group.clone(), truth: *truth, probability, decision };
                judged.entry(label.clone()).or_default().push(judgement);
            }
        }
    }
    for held in judged.values_mut() {
        held.sort_by_key(|h| h.example);
    }
    Ok(judged)
}

/// What a head says of examples it has not been trained on, by label.
///
/// # Errors
/// Embeddings of another length than the head's.
pub fn judge(head: &Head, examples: &[Example]) -> Result<BTreeMap<String, Vec<HeldOut>>, HeadError> {
    let mut judged: BTreeMap<String, Vec<HeldOut>> = BTreeMap::new();
    for (example, e) in examples.iter().enumerate() {
        check_embedding(&e.embedding, head.dimension())?;
        for (label, truth) in &e.labels {
            let Some(unit) = head.label(label) else { continue };
            let probability = unit.probability(&e.embedding);
            let (decision, group) = (unit.decide(probability), digest(&[&e.source, &e.group]));
            let judgement = HeldOut { example, group, truth: *truth, probability, decision };
            judged.entry(label.clone()).or_default().push(judgement);
        }
    }
    Ok(judged)
}

/// [`cross_validate`] with `repeats` seeds from `settings.seed` on.
///
/// # Errors
/// As [`cross_validate`].
pub fn repeated(
    examples: &[Example],
    settings: &FitSettings,
    repeats: u64,
) -> Result<Vec<CrossValidation>, HeadError> {
    (0..repeats)
        .map(|r| cross_validate(examples, &FitSettings { seed: settings.seed + r, ..settings.clone() }))
        .collect()
}

fn held_out(
    label: &str,
    known: &[Known<'_>],
    dimension: usize,
    settings: &FitSettings,
) -> Option<Vec<HeldOut>> {
    // Another stream than the inner folds have.
    let mut rng = ChaCha8Rng::seed_from_u64(settings.seed.wrapping_mul(OUTER));
    let placed = deal(known, settings.folds, &mut rng);
    let mut held: Vec<Option<HeldOut>> = vec![None; known.len()];
    for fold in 0..settings.folds {
        let rest: Vec<Known<'_>> =
            known.iter().zip(&placed).filter(|(_, f)| **f != fold).map(|(k, _)| k.clone()).collect();
        let head = fit_label(label, &rest, dimension, settings)?;
        for ((slot, k), _) in held.iter_mut().zip(known).zip(&placed).filter(|(_, f)| **f == fold) {
            let probability = head.probability(k.x);
            *slot = Some(HeldOut {
                example: k.index,
                group: k.group.clone(),
                truth: k.truth,
                probability,
                decision: head.decide(probability),
            });
        }
    }
    held.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{rooms, settings};

    #[test]
    fn what_shows_is_found_and_what_does_not_is_not() {
        let examples = rooms("messy", "a", 90, 1.5, 0.0, 1);
        let found = cross_validate(&examples, &settings()).unwrap().figures()["messy"];
        assert!(found.auc.unwrap() > 0.9, "{found:?}");
        assert_eq!(found.n, 90);
        let nothing = shuffled_control(&examples, &settings()).unwrap().figures()["messy"];
        assert!((nothing.auc.unwrap() - 0.5).abs() < 0.2, "{nothing:?}");
        assert!(nothing.log_loss > 0.6, "shuffled labels must leave the head unsure: {nothing:?}");
        assert!(nothing.unsure > 0.8, "{nothing:?}");
    }

    #[test]
    fn rooms_that_are_known_by_sight_do_not_flatter_the_figures() {
        // Three pictures of a room are alike and say nothing of other rooms: a split by picture would find them, one by room
        // must not.
        let mut examples = rooms("messy", "a", 90, 0.0, 0.0, 5);
        for room in examples.chunks_mut(3) {
            let first = room[0].embedding.clone();
            for picture in room {
                picture.embedding.clone_from(&first);
            }
        }
        let by_room = cross_validate(&examples, &settings()).unwrap().figures()["messy"];
        assert!(by_room.auc.unwrap() < 0.75, "{by_room:?}");
        for (i, example) in examples.iter_mut().enumerate() {
            example.group = i.to_string();
        }
        let by_picture = cross_validate(&examples, &settings()).unwrap().figures()["messy"];
        assert!(by_picture.auc.unwrap() > by_room.auc.unwrap() + 0.15, "{by_picture:?}");
    }

    #[test]
    fn a_label_nobody_can_judge_is_named_with_a_reason() {
        let mut examples = rooms("messy", "a", 60, 1.5, 0.0, 1);
        examples[0].labels.insert("towel_missing".into(), true);
        let validated = cross_validate(&examples, &settings()).unwrap();
        assert!(validated.left_out.contains_key("towel_missing"));
        assert!(!validated.held_out.contains_key("towel_missing"));
    }
}
