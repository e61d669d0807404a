//! Examples in; a candidate, and what it is worth, out.

use std::collections::{BTreeMap, BTreeSet};

use innkeeper_heads::{
    CurveSettings, Example, Figures, FitSettings, Head, HeadError, HeldOut, LearningCurve, Spread, fit,
    judge, learning_curve, own_curve, refine, refined_validation, repeated, shuffled, shuffled_control,
};
use serde::Serialize;

use crate::{GateSettings, Paired, Verdict, gate};

/// Own examples of each answer without which a label has no curve.
const CURVE_LEAST: usize = 6;

/// Why there is no candidate.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// Neither labelled pictures nor corrections.
    #[error("there is nothing to learn from: no labelled pictures and no corrections")]
    Nothing,
    /// Corrections, but no head that they could correct.
    #[error("corrections need a head to start from: there is none, and no labelled pictures to make one")]
    NoStart,
    /// The head could not be made.
    #[error(transparent)]
    Head(#[from] HeadError),
}

/// What a candidate is made from, and against what it is judged.
#[derive(Debug, Clone)]
pub struct Training<'a> {
    /// The head that corrections start from when there are no `seed` pictures: the shipped one.
    pub shipped: Option<&'a Head>,
    /// The head that answers now; the shipped one where none was promoted yet. Without one the candidate is the first.
    pub champion: Option<&'a Head>,
    /// Labelled pictures of data sets; a new head is made from them. May be empty.
    pub seed: &'a [Example],
    /// What the hotel's people corrected. May be empty.
    pub own: &'a [Example],
    /// How heads are fitted.
    pub settings: FitSettings,
    /// How sure one must be to promote.
    pub gate: GateSettings,
    /// How the curve is drawn.
    pub curve: CurveSettings,
    /// Cross-validations of the seed pictures, each with its own folds.
    pub repeats: u64,
}

/// Figures of a label by repeated cross-validation of the seed pictures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeedFigures {
    /// Of the first repeat.
    pub figures: Figures,
    /// Over the repeats.
    pub auc: Option<Spread>,
    /// Over the repeats.
    pub accuracy: Option<Spread>,
    /// Over the repeats.
    pub f1: Option<Spread>,
    /// Over the repeats.
    pub recall_at_5pct: Option<Spread>,
    /// Area under the curve when the answers are shuffled, which should be near one half.
    pub control_auc: Option<f64>,
}

/// Figures of a label on the hotel's own pictures, each judged by heads that had not seen its group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OwnFigures {
    /// By the head that answers now; `None` where it lacks the label.
    pub champion: Option<Figures>,
    /// By the candidate.
    pub candidate: Option<Figures>,
}

/// A source of examples, as the card names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceCount {
    /// Its name.
    pub source: String,
    /// Pictures.
    pub pictures: usize,
    /// Groups among them.
    pub groups: usize,
    /// Pictures with and without each label.
    pub labels: BTreeMap<String, (usize, usize)>,
}

/// A trained head and everything that is known about it.
#[derive(Debug, Clone, Serialize)]
pub struct Candidate {
    /// The head.
    #[serde(skip)]
    pub head: Head,
    /// What it was made from.
    pub sources: Vec<SourceCount>,
    /// By label.
    pub seed: BTreeMap<String, SeedFigures>,
    /// By label.
    pub own: BTreeMap<String, OwnFigures>,
    /// Candidate against champion on examples neither has seen.
    pub verdict: Verdict,
    /// The same comparison for a head that was taught shuffled answers: it must not be better.
    pub control: Option<Verdict>,
    /// What corrections bought.
    pub curves: Vec<LearningCurve>,
    /// What could not be done, and why.
    pub reasons: Vec<String>,
}

/// Makes a candidate from `training`.
///
/// With seed pictures a new head is made from them, otherwise the shipped head is the start; own corrections bend the start
/// ([`refine`]), always from the start and never from the last champion, so that no correction counts twice. The candidate is
/// compared with the champion on held-out examples by logarithmic loss: on own pictures both are refitted without the groups
/// they are judged on, the champion with those corrections it was trained on; on seed pictures the champion is judged where
/// it has not seen the picture. A label the champion lacks is compared with saying nothing but how often it occurs.
///
/// # Errors
/// [`TrainError`].
pub fn train(training: &Training<'_>) -> Result<Candidate, TrainError> {
    let Training { seed, own, settings, .. } = training;
    let mut reasons = Vec::new();
    if seed.is_empty() && own.is_empty() {
        return Err(TrainError::Nothing);
    }
    let start = if seed.is_empty() {
        training.shipped.cloned().ok_or(TrainError::NoStart)?
    } else {
        fit(seed, settings)?
    };
    let mut head = if own.is_empty() { start.clone() } else { refine(&start, &[], own, settings)? };
    let mut pairs = Vec::new();
    let seed_figures =
        if seed.is_empty() { BTreeMap::new() } else { judge_seed(training, &mut pairs, &mut reasons)? };
    for (label, figures) in &seed_figures {
        head.set_figures(label, figures.figures);
    }
    let (mut own_figures, mut control) = (BTreeMap::new(), None);
    if !own.is_empty() {
        let judged = judge_own(training, &start, &mut pairs, &mut reasons)?;
        own_figures = judged.0;
        control = Some(judged.1);
    }
    let mut verdict = if training.champion.is_none() {
        let reason = "there is no champion to compare with".to_owned();
        Verdict { promote: true, reason, ..gate(&[], &training.gate) }
    } else {
        gate(&pairs, &training.gate)
    };
    if verdict.promote && control.as_ref().is_some_and(|c| c.promote) {
        let reason = "shuffled answers are better than the champion too: the comparison cannot be trusted";
        verdict = Verdict { promote: false, reason: reason.to_owned(), ..verdict };
    }
    for label in labels_in(own).into_iter().chain(labels_in(seed)).filter(|l| head.label(l).is_none()) {
        reasons.push(format!(
            "{label} is not in the head: it takes {} pictures with it and {0} without, from {} rooms",
            settings.least, settings.folds
        ));
    }
    Ok(Candidate {
        sources: sources(seed, own),
        seed: seed_figures,
        own: own_figures,
        verdict,
        control,
        curves: curves(training, &start, &mut reasons),
        reasons,
        head,
    })
}

type Judged = BTreeMap<String, Vec<HeldOut>>;

fn judge_seed(
    training: &Training<'_>,
    pairs: &mut Vec<Paired>,
    reasons: &mut Vec<String>,
) -> Result<BTreeMap<String, SeedFigures>, TrainError> {
    let Training { seed, settings, .. } = training;
    let runs = repeated(seed, settings, training.repeats.max(1))?;
    let Some(first) = runs.first() else { return Ok(BTreeMap::new()) };
    for (label, why) in &first.left_out {
        reasons.push(format!("{label} was not cross-validated: {why}"));
    }
    let control = shuffled_control(seed, settings)?.figures();
    if let Some(champion) = training.champion {
        let by_champion = judge(champion, seed)?;
        let new = |h: &HeldOut| seed.get(h.example).is_some_and(|e| !champion.was_trained_on(&e.picture));
        let unseen = |judged: &Judged| -> Judged {
            judged
                .iter()
                .map(|(l, held)| (l.clone(), held.iter().filter(|h| new(h)).cloned().collect()))
                .collect()
        };
        pair(&unseen(&by_champion), &unseen(&first.held_out), pairs);
    }
    let figures: Vec<BTreeMap<String, Figures>> =
        runs.iter().map(innkeeper_heads::CrossValidation::figures).collect();
    let spread = |label: &str, of: &dyn Fn(&Figures) -> Option<f64>| {
        Spread::of(&figures.iter().filter_map(|f| f.get(label).and_then(of)).collect::<Vec<_>>())
    };
    let all = first.figures().into_iter().map(|(label, figures)| {
        let found = SeedFigures {
            figures,
            auc: spread(&label, &|f| f.auc),
            accuracy: spread(&label, &|f| Some(f.accuracy)),
            f1: spread(&label, &|f| f.f1),
            recall_at_5pct: spread(&label, &|f| f.recall_at_5pct),
            control_auc: control.get(&label).and_then(|f| f.auc),
        };
        (label, found)
    });
    Ok(all.collect())
}

fn judge_own(
    training: &Training<'_>,
    start: &Head,
    pairs: &mut Vec<Paired>,
    reasons: &mut Vec<String>,
) -> Result<(BTreeMap<String, OwnFigures>, Verdict), TrainError> {
    let Training { own, settings, .. } = training;
    let by_candidate = refined_validation(start, own, own, settings)?;
    let mut by_champion = match training.champion {
        None => BTreeMap::new(),
        Some(champion) => {
            let known: Vec<Example> =
                own.iter().filter(|e| champion.was_trained_on(&e.picture)).cloned().collect();
            let gone = champion.trained_on().saturating_sub(known.len() + start.trained_on());
            if !known.is_empty() && gone > 0 {
                reasons.push(format!(
                    "{gone} pictures the champion was trained on are gone: it is judged without them"
                ));
            }
            if known.is_empty() {
                judge(champion, own)?
            } else {
                refined_validation(start, own, &known, settings)?
            }
        }
    };
    // A picture it knows from another label taught it nothing of one that it lacks.
    by_champion.retain(|label, _| training.champion.is_some_and(|champion| champion.label(label).is_some()));
    pair(&by_champion, &by_candidate, pairs);
    let by_control = refined_validation(start, own, &shuffled(own, settings.seed), settings)?;
    let mut control_pairs = Vec::new();
    pair(&by_champion, &by_control, &mut control_pairs);
    let figures = labels_in(own).into_iter().map(|label| {
        let of = |judged: &Judged| judged.get(label).and_then(|held| Figures::of(held));
        (label.to_owned(), OwnFigures { champion: of(&by_champion), candidate: of(&by_candidate) })
    });
    Ok((figures.collect(), gate(&control_pairs, &training.gate)))
}

/// Pairs the two judgements of each example. Where the champion lacks the label it is worth what the share of the label is.
fn pair(champion: &Judged, candidate: &Judged, pairs: &mut Vec<Paired>) {
    for (label, held) in candidate {
        let known: BTreeMap<usize, f64> =
            champion.get(label).into_iter().flatten().map(|h| (h.example, h.loss())).collect();
        let positives = held.iter().filter(|h| h.truth).count() as f64;
        let share = (positives + 1.0) / (held.len() as f64 + 2.0);
        for h in held {
            let blind = -(if h.truth { share } else { 1.0 - share }).ln();
            let by_champion = known.get(&h.example).copied().unwrap_or(blind);
            pairs.push(Paired { group: h.group.clone(), champion: by_champion, candidate: h.loss() });
        }
    }
}

fn curves(training: &Training<'_>, start: &Head, reasons: &mut Vec<String>) -> Vec<LearningCurve> {
    let Training { seed, own, settings, curve, .. } = training;
    let mut curves = Vec::new();
    let both = |examples: &[Example], label: &str, source: Option<&str>| {
        let of = |truth: bool| {
            let known = examples.iter().filter(|e| source.is_none_or(|s| e.source == s));
            known.filter(|e| e.labels.get(label) == Some(&truth)).count()
        };
        of(true).min(of(false)) >= CURVE_LEAST
    };
    for label in labels_in(own).into_iter().filter(|l| both(own, l, None) && start.label(l).is_some()) {
        match own_curve(start, own, label, settings, curve) {
            Ok(drawn) => curves.push(drawn),
            Err(error) => reasons.push(format!("no curve of {label}: {error}")),
        }
    }
    for label in labels_in(seed) {
        let sources: BTreeSet<&str> =
            seed.iter().filter(|e| e.labels.contains_key(label)).map(|e| e.source.as_str()).collect();
        for source in sources.into_iter().filter(|s| both(seed, label, Some(s))) {
            // A source that has nobody to learn from is not a mistake: it has no curve.
            if let Ok(drawn) = learning_curve(seed, label, source, settings, curve) {
                curves.push(drawn);
            }
        }
    }
    for curve in &curves {
        reasons.extend(curve.reasons.iter().cloned());
    }
    curves
}

fn labels_in(examples: &[Example]) -> BTreeSet<&str> {
    examples.iter().flat_map(|e| e.labels.keys().map(String::as_str)).collect()
}

fn sources(seed: &[Example], own: &[Example]) -> Vec<SourceCount> {
    let mut by_source: BTreeMap<&str, Vec<&Example>> = BTreeMap::new();
    for example in seed.iter().chain(own) {
        by_source.entry(&example.source).or_default().push(example);
    }
    let count = |(source, examples): (&str, Vec<&Example>)| {
        let mut labels: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for (label, is) in examples.iter().flat_map(|e| &e.labels) {
            let (with, without) = labels.entry(label.clone()).or_default();
            *(if *is { with } else { without }) += 1;
        }
        let groups: BTreeSet<&str> = examples.iter().map(|e| e.group.as_str()).collect();
        SourceCount { source: source.to_owned(), pictures: examples.len(), groups: groups.len(), labels }
    };
    by_source.into_iter().map(count).collect()
}
