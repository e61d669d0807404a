//! How many corrections of a new hotel buy how much.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use crate::example::check_all;
use crate::fit::{Known, fit_label, known, refine_label};
use crate::{Example, Figures, FitSettings, Head, HeadError, HeldOut, LabelHead, Spread};

/// What is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct CurveSettings {
    /// Numbers of corrected pictures.
    pub counts: Vec<usize>,
    /// Share of the new source's groups that are kept for testing, 0.1 to 0.9.
    pub test_share: f64,
    /// Draws; each has its own test groups and its own corrected pictures.
    pub repeats: u64,
}

impl Default for CurveSettings {
    fn default() -> Self {
        Self { counts: vec![0, 10, 30, 100], test_share: 0.4, repeats: 20 }
    }
}

impl CurveSettings {
    fn check(&self) -> Result<(), HeadError> {
        if (0.1..=0.9).contains(&self.test_share) {
            return Ok(());
        }
        Err(HeadError::Setting { name: "test_share", value: self.test_share, allowed: "0.1 to 0.9" })
    }
}

/// A head after `corrected` pictures of the new source, on other groups of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CurvePoint {
    /// Pictures of the new source that were corrected.
    pub corrected: usize,
    /// Share judged wrong at probability 1/2, over the draws.
    pub error: Spread,
    /// Logarithmic loss, over the draws.
    pub log_loss: Spread,
    /// Area under the curve, over the draws in which both answers occur.
    pub auc: Option<Spread>,
}

/// The curve of one label for one source held out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LearningCurve {
    /// The label.
    pub label: String,
    /// The source that the starting head had not seen.
    pub source: String,
    /// Examples of other sources the starting head was made from.
    pub seed_examples: usize,
    /// Examples of the new source.
    pub own_examples: usize,
    /// Draws.
    pub repeats: u64,
    /// By number of corrected pictures.
    pub points: Vec<CurvePoint>,
    /// What could not be drawn, and why.
    pub reasons: Vec<String>,
}

/// Holds `source` out, makes a head of `label` from all other sources, corrects it with some pictures of the source and
/// judges it on other groups of the source.
///
/// # Errors
/// [`HeadError::Source`] when no example, or every example, of the label comes from that source; [`HeadError::TooFew`] when
/// the others are too few; examples or settings that cannot be used.
pub fn learning_curve(
    examples: &[Example],
    label: &str,
    source: &str,
    settings: &FitSettings,
    curve: &CurveSettings,
) -> Result<LearningCurve, HeadError> {
    settings.check()?;
    let dimension = check_all(examples)?;
    curve.check()?;
    let of_source = |k: &Known<'_>| examples.get(k.index).is_some_and(|e| e.source == source);
    let (own, others): (Vec<Known<'_>>, Vec<Known<'_>>) =
        known(examples, label, settings).into_iter().filter(|k| !k.background).partition(of_source);
    if own.is_empty() || others.is_empty() {
        return Err(HeadError::Source(source.to_owned()));
    }
    let present = others.iter().filter(|k| k.truth).count();
    let start = fit_label(label, &others, dimension, settings).ok_or_else(|| HeadError::TooFew {
        label: label.to_owned(),
        present,
        absent: others.len() - present,
        groups: others.len(),
        needed: settings.least,
        folds: settings.folds,
    })?;
    Ok(draw_curve(&start, &own, source, others.len(), settings, curve))
}

/// The curve of a hotel's `own` pictures from a head that has not seen them, as [`learning_curve`] draws it.
///
/// # Errors
/// [`HeadError::UnknownLabel`], [`HeadError::Source`] when there are no own examples of the label; examples or settings that
/// cannot be used.
pub fn own_curve(
    start: &Head,
    own: &[Example],
    label: &str,
    settings: &FitSettings,
    curve: &CurveSettings,
) -> Result<LearningCurve, HeadError> {
    settings.check()?;
    curve.check()?;
    let dimension = check_all(own)?;
    let head = start.label(label).ok_or_else(|| HeadError::UnknownLabel(label.chars().take(64).collect()))?;
    let known = known(own, label, settings);
    let Some(first) = known.first().and_then(|k| own.get(k.index)) else {
        return Err(HeadError::Source("own".to_owned()));
    };
    if dimension != start.dimension() {
        return Err(HeadError::Dimension { wanted: start.dimension(), found: dimension });
    }
    Ok(draw_curve(head, &known, &first.source, head.examples(), settings, curve))
}

fn draw_curve(
    start: &LabelHead,
    own: &[Known<'_>],
    source: &str,
    seed_examples: usize,
    settings: &FitSettings,
    curve: &CurveSettings,
) -> LearningCurve {
    let label = &start.label;
    let dimension = start.unit.weights.len();
    let mut drawn: BTreeMap<usize, Vec<Figures>> = BTreeMap::new();
    let mut least_pool = usize::MAX;
    for repeat in 0..curve.repeats {
        let (pool, test) = draw(own, curve.test_share, settings.seed.wrapping_add(repeat));
        least_pool = least_pool.min(pool.len());
        for &count in curve.counts.iter().filter(|c| **c <= pool.len()) {
            let refined = if count == 0 {
                start.clone()
            } else {
                refine_label(start, &[], pool.get(..count).unwrap_or_default(), dimension, settings)
            };
            if let Some(figures) = Figures::of(&judged(&refined, &test)) {
                drawn.entry(count).or_default().push(figures);
            }
        }
    }
    let points = drawn.iter().filter_map(|(&corrected, figures)| {
        let spread = |f: &dyn Fn(&Figures) -> Option<f64>| {
            Spread::of(&figures.iter().filter_map(f).collect::<Vec<_>>())
        };
        Some(CurvePoint {
            corrected,
            error: spread(&|f| Some(1.0 - f.accuracy))?,
            log_loss: spread(&|f| Some(f.log_loss))?,
            auc: spread(&|f| f.auc),
        })
    });
    let reasons = curve.counts.iter().filter(|c| **c > least_pool).map(|count| {
        format!("{count} corrected pictures: {source} has {} pictures of {label}, of which {least_pool} are not kept for testing", own.len())
    });
    LearningCurve {
        label: label.clone(),
        source: source.to_owned(),
        seed_examples,
        own_examples: own.len(),
        repeats: curve.repeats,
        points: points.collect(),
        reasons: reasons.collect(),
    }
}

/// Groups of a source dealt into pictures to correct, in random order, and pictures to test on.
fn draw<'a>(own: &[Known<'a>], test_share: f64, seed: u64) -> (Vec<Known<'a>>, Vec<Known<'a>>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut groups: Vec<&str> = own.iter().map(|k| k.group.as_str()).collect();
    groups.sort_unstable();
    groups.dedup();
    groups.shuffle(&mut rng);
    let kept = ((groups.len() as f64 * test_share).round() as usize).max(1);
    let test: Vec<&str> = groups.into_iter().take(kept).collect();
    let (test, mut pool): (Vec<Known<'a>>, Vec<Known<'a>>) =
        own.iter().cloned().partition(|k| test.contains(&k.group.as_str()));
    pool.shuffle(&mut rng);
    (pool, test)
}

fn judged(head: &LabelHead, test: &[Known<'_>]) -> Vec<HeldOut> {
    let judge = |k: &Known<'_>| {
        let probability = head.probability(k.x);
        HeldOut {
            example: k.index,
            group: k.group.clone(),
            truth: k.truth,
            probability,
            decision: head.decide(probability),
        }
    };
    test.iter().map(judge).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{rooms, settings};

    #[test]
    fn corrections_of_a_hotel_that_looks_different_pay_and_the_curve_says_how_much() {
        let mut examples = rooms("messy", "seed", 120, 1.5, 0.0, 1);
        examples.extend(rooms("messy", "hotel", 150, 1.5, 1.2, 2));
        let counts = CurveSettings { repeats: 6, ..CurveSettings::default() };
        let curve = learning_curve(&examples, "messy", "hotel", &settings(), &counts).unwrap();
        let error: Vec<f64> = curve.points.iter().map(|p| p.error.mean).collect();
        assert_eq!(
            curve.points.iter().map(|p| p.corrected).collect::<Vec<_>>(),
            [0, 10, 30],
            "{:?}",
            curve.reasons
        );
        assert!(error[2] < error[0] * 0.8, "{error:?}");
        assert!(curve.reasons[0].starts_with("100 corrected pictures"), "{:?}", curve.reasons);
    }

    #[test]
    fn no_room_is_corrected_and_tested_in_one_draw() {
        let examples = rooms("messy", "hotel", 60, 1.0, 0.0, 3);
        let own = known(&examples, "messy", &settings());
        for seed in 0..20 {
            let (pool, test) = draw(&own, 0.4, seed);
            assert_eq!(pool.len() + test.len(), 60);
            assert!(pool.iter().all(|p| test.iter().all(|t| t.group != p.group)));
        }
    }

    #[test]
    fn a_source_that_is_not_there_has_no_curve() {
        let examples = rooms("messy", "seed", 60, 1.0, 0.0, 1);
        let curve =
            |source| learning_curve(&examples, "messy", source, &settings(), &CurveSettings::default());
        assert!(matches!(curve("hotel"), Err(HeadError::Source(_))));
        assert!(matches!(curve("seed"), Err(HeadError::Source(_))));
    }
}
