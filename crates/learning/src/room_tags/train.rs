//! Examples in; a candidate, and what it is worth, out.

use std::collections::{BTreeMap, BTreeSet};

use innkeeper_heads::{
    CurveSettings, Example, Figures, FitSettings, Head, HeadError, HeldOut, LearningCurve, Spread, fit,
    grouped_folds, judge, learning_curve, own_curve, refine, refined_validation, repeated, shuffled,
    shuffled_control,
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::compare::{Compared, Judged, compare, decide, judge_labels, only};
use crate::{GateSettings, Verdict, gate};

/// Corrections of each answer without which a label is not judged on them: a head that always says the same would win.
const BOTH: usize = 2;
/// The label without which no room can be judged.
const NEEDED: &str = "messy";
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
    /// Candidate against champion on examples neither has seen. It must be better by logarithmic loss or by errors, worse by
    /// neither, worse at no label of the champion, and better than the control; difference and interval are those of the
    /// measure that decided.
    pub verdict: Verdict,
    /// Candidate against a head that was taught shuffled answers: it must be better. `None` where no label has corrections of
    /// both kinds, without which nothing can be shuffled.
    pub control: Option<Verdict>,
    /// What corrections bought.
    pub curves: Vec<LearningCurve>,
    /// What could not be done, and why.
    pub reasons: Vec<String>,
}

/// Makes a candidate from `training`.
///
/// With seed pictures a new head is made from them, otherwise the shipped head is the start; own corrections bend the start
/// ([`refine`], with the seed pictures replayed), always from the start and never from the last champion, so that no correction
/// counts twice. Labels that only the champion knows are carried over. The candidate is compared with the champion on
/// held-out examples, see [`Candidate::verdict`]: on own pictures by heads refitted without the groups they are judged on,
/// against the champion itself where enough corrections are newer than it, else against this start with those corrections it
/// was trained on; on seed pictures where the champion has not seen them. A label the champion lacks is compared with saying
/// nothing but how often it occurs.
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
    let mut head = if own.is_empty() { start.clone() } else { refine(&start, seed, own, settings)? };
    for label in training.champion.map(|champion| head.carry_over(champion)).unwrap_or_default() {
        reasons.push(format!("{label} has too few pictures here: it stays as the champion knows it"));
    }
    let mut compared = Vec::new();
    let seed_figures =
        if seed.is_empty() { BTreeMap::new() } else { judge_seed(training, &mut compared, &mut reasons)? };
    for (label, figures) in seed_figures.iter().filter(|(label, _)| !labels_in(own).contains(label.as_str()))
    {
        head.set_figures(label, figures.figures);
    }
    let (mut own_figures, mut control) = (BTreeMap::new(), None);
    if !own.is_empty() {
        let judged = judge_own(training, &start, &mut compared, &mut reasons)?;
        own_figures = judged.0;
        control = judged.1;
        if !seed.is_empty() {
            reasons
                .push("the cross-validated figures are those of the head before the corrections".to_owned());
        }
    }
    // Of a label that was bent, only what the bent head reached counts.
    for (label, figures) in own_figures.iter().filter_map(|(l, f)| Some((l, f.candidate?))) {
        head.set_figures(label, figures);
    }
    let mut verdict = match training.champion {
        None => {
            let reason = "there is no champion to compare with".to_owned();
            Verdict { promote: true, reason, ..gate(&[], &training.gate) }
        }
        Some(champion) => judge_labels(champion, &compared, &training.gate),
    };
    if training.champion.is_some() && compared.is_empty() && !own.is_empty() {
        let reason = "no label has corrections of both kinds to be judged on".to_owned();
        verdict = Verdict { reason, ..verdict };
    }
    if let Some(control) = control.as_ref().filter(|control| verdict.promote && !control.promote) {
        let reason = format!("no better than a head that was taught shuffled answers: {}", control.reason);
        verdict = Verdict { promote: false, reason, ..verdict };
    }
    if verdict.promote && head.label(NEEDED).is_none() {
        let reason = format!("it does not know {NEEDED}, without which no room can be judged");
        verdict = Verdict { promote: false, reason, ..verdict };
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

fn judge_seed(
    training: &Training<'_>,
    compared: &mut Vec<Compared>,
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
        let by_candidate =
            if training.own.is_empty() { first.held_out.clone() } else { refined_seed(training)? };
        if by_candidate.is_empty() {
            reasons.push("the labelled pictures are too few to compare the champion on them".to_owned());
        }
        let new = |h: &HeldOut| seed.get(h.example).is_some_and(|e| !champion.was_trained_on(&e.picture));
        compare(seed, &only(&by_champion, new), &only(&by_candidate, new), compared);
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

/// What heads made without a fold's groups and bent towards the own corrections say of that fold.
fn refined_seed(training: &Training<'_>) -> Result<Judged, TrainError> {
    let Training { seed, own, settings, .. } = training;
    let groups: Vec<String> = seed.iter().map(|e| format!("{}\u{1f}{}", e.source, e.group)).collect();
    let items: Vec<(&str, bool)> = groups.iter().map(|g| (g.as_str(), false)).collect();
    let placed = grouped_folds(&items, settings.folds, &mut ChaCha8Rng::seed_from_u64(settings.seed));
    let mut judged = Judged::new();
    for fold in 0..settings.folds {
        let in_fold = |inside: bool| -> (Vec<usize>, Vec<Example>) {
            let of = seed.iter().zip(&placed).enumerate().filter(|(_, (_, f))| (**f == fold) == inside);
            of.map(|(i, (e, _))| (i, e.clone())).unzip()
        };
        let ((places, here), (_, rest)) = (in_fold(true), in_fold(false));
        let head = match fit(&rest, settings) {
            // Enough for one head, but not for one without a fold.
            Err(HeadError::TooFew { .. }) => return Ok(Judged::new()),
            made => refine(&made?, &rest, own, settings)?,
        };
        for (label, held) in judge(&head, &here)? {
            let background = settings.background.get(&label);
            let asked = held.into_iter().filter_map(|mut h| {
                h.example = *places.get(h.example)?;
                let picture = &seed.get(h.example)?.picture;
                (h.truth || background.is_none_or(|b| !b.contains(picture))).then_some(h)
            });
            judged.entry(label).or_default().extend(asked);
        }
    }
    Ok(judged)
}

type OwnJudged = (BTreeMap<String, OwnFigures>, Option<Verdict>);

fn judge_own(
    training: &Training<'_>,
    start: &Head,
    compared: &mut Vec<Compared>,
    reasons: &mut Vec<String>,
) -> Result<OwnJudged, TrainError> {
    let Training { seed, own, settings, .. } = training;
    let mut by_candidate = refined_validation(start, seed, own, own, settings)?;
    let mut by_champion = match training.champion {
        None => BTreeMap::new(),
        Some(champion) => {
            let known: Vec<Example> =
                own.iter().filter(|e| champion.was_trained_on(&e.picture)).cloned().collect();
            let rooms: BTreeSet<(&str, &str)> = known.iter().map(room_of).collect();
            let newer: BTreeSet<usize> = (0..own.len())
                .filter(|&i| own.get(i).is_some_and(|e| !rooms.contains(&room_of(e))))
                .collect();
            let newer_rooms: BTreeSet<_> = newer.iter().filter_map(|&i| own.get(i).map(room_of)).collect();
            if known.is_empty() {
                judge(champion, own)?
            } else if newer.len() >= training.gate.least_examples
                && newer_rooms.len() >= training.gate.least_groups
            {
                reasons.push(format!(
                    "the champion knows {} of the corrections: it is judged on the {} of rooms that are new to it",
                    known.len(),
                    newer.len()
                ));
                let new = |h: &HeldOut| newer.contains(&h.example);
                by_candidate = only(&by_candidate, new);
                only(&judge(champion, own)?, new)
            } else {
                reasons.push(format!(
                    "the champion knows {} of the corrections and too few are of rooms that are new to it: in its place \
                     stands this start with those corrections",
                    known.len()
                ));
                refined_validation(start, seed, own, &known, settings)?
            }
        }
    };
    // A picture it knows from another label taught it nothing of one that it lacks.
    by_champion.retain(|label, _| training.champion.is_some_and(|champion| champion.label(label).is_some()));
    let figures = labels_in(own).into_iter().map(|label| {
        let of = |judged: &Judged| judged.get(label).and_then(|held| Figures::of(held));
        (label.to_owned(), OwnFigures { champion: of(&by_champion), candidate: of(&by_candidate) })
    });
    let figures = figures.collect();
    by_candidate.retain(|label, held| {
        let with = held.iter().filter(|h| h.truth).count();
        let both = with.min(held.len() - with) >= BOTH;
        if !both {
            reasons.push(format!(
                "corrections of {label} do not count: {with} say that it is there and {} that it is not, and it takes {BOTH} \
                 of each",
                held.len() - with
            ));
        }
        both
    });
    compare(own, &by_champion, &by_candidate, compared);
    if by_candidate.is_empty() {
        return Ok((figures, None));
    }
    let by_control = refined_validation(start, seed, own, &shuffled(own, settings.seed), settings)?;
    let mut against = Vec::new();
    compare(own, &by_control, &by_candidate, &mut against);
    let control = decide(&against.iter().collect::<Vec<_>>(), &training.gate);
    Ok((figures, Some(control)))
}

fn room_of(example: &Example) -> (&str, &str) {
    (&example.source, &example.group)
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
