//! The weights between the parts of a score, learnt on the last slice of the known time.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::context::Context;
use super::features::{
    EASE, FIRST_LABEL, HABIT, MOMENTUM, POPULARITY, Parts, SHARED, Shared, activity, decayed, habit,
};
use super::history::{GuestHistory, Interaction};
use crate::evaluation::ndcg;
use crate::regression::{Example, choice, dot, logistic, sigmoid};

/// Entries not taken that are drawn for each guest who took something, and for each who took nothing.
const DRAWN: usize = 200;
const DRAWN_IDLE: usize = 20;

/// Uses and non-uses that a calibration needs.
const LEAST_USES: usize = 30;

/// Places up to which a blend is judged when one is chosen.
const JUDGED: usize = 10;

/// How the parts are weighed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Blend {
    /// For what the guest has not taken yet.
    pub discovery: Shared,
    /// For a guest without history.
    pub newcomer: Shared,
    /// Constant, slope of the discovery score, activity.
    pub calibration: Option<[f64; 4]>,
    /// Constant and slope of the newcomer's score.
    pub newcomer_calibration: Option<[f64; 2]>,
    /// For what the guest took before; always with a calibration.
    pub habit: Option<Vec<f64>>,
}

impl Default for Blend {
    /// What is assumed before anything could be learnt: the item model as it is, labels at their face value.
    fn default() -> Self {
        let mut discovery = [1.0; SHARED];
        discovery[MOMENTUM] = 0.0;
        discovery[POPULARITY] = 0.0;
        let mut newcomer = [1.0; SHARED];
        newcomer[EASE] = 0.0;
        newcomer[MOMENTUM] = 0.0;
        Self { discovery, newcomer, calibration: None, newcomer_calibration: None, habit: None }
    }
}

/// A score as log-odds, and whether they are of a probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LogOdds {
    pub value: f64,
    pub calibrated: bool,
}

impl LogOdds {
    pub fn score(self) -> f64 {
        sigmoid(self.value)
    }
}

impl Blend {
    /// The score of one item for one guest.
    pub fn log_odds(&self, guest: &GuestHistory, item: usize, shared: &Shared) -> LogOdds {
        if guest.owned.is_empty() {
            let rank = dot(&self.newcomer, shared);
            return match self.newcomer_calibration {
                Some([constant, slope]) => LogOdds { value: constant + slope * rank, calibrated: true },
                None => LogOdds { value: rank, calibrated: false },
            };
        }
        let rank = dot(&self.discovery, shared);
        let owned = guest.find(item);
        match (self.calibration, owned, &self.habit) {
            (Some(_), Some(owned), Some(weights)) => {
                LogOdds { value: dot(weights, &habit(guest, owned, shared)), calibrated: true }
            }
            (Some([constant, slope, days, last]), None, _) => {
                let [active, since] = activity(guest);
                LogOdds { value: constant + slope * rank + days * active + last * since, calibrated: true }
            }
            // A thing taken twice as often is twice as likely again: the share of past uses, nothing more.
            (_, Some(owned), _) => {
                LogOdds { value: rank + 2.0 * (1.0 + decayed(owned)).ln(), calibrated: false }
            }
            (None, None, _) => LogOdds { value: rank, calibrated: false },
        }
    }
}

/// A guest in the slice: what was known before it, and what was taken within it in one context.
pub(crate) struct Instance<'a> {
    pub guest: GuestHistory,
    pub context: &'a Context,
    pub taken: BTreeSet<usize>,
}

/// Guests with a history, each once for each context in which they took something, or once with an empty
/// context; then the newcomers. `from` is the first day of the slice, `until` the day after it.
pub(crate) fn instances<'a>(
    rows: &[&'a Interaction],
    parts: &Parts,
    from: NaiveDate,
    until: NaiveDate,
    nothing: &'a Context,
) -> (Vec<Instance<'a>>, Vec<Instance<'a>>) {
    let mut taken: BTreeMap<&str, BTreeMap<&Context, BTreeSet<usize>>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.day >= from && row.day < until) {
        if let Some(place) = parts.history.places.get(&row.item) {
            taken.entry(&row.guest).or_default().entry(&row.context).or_default().insert(*place);
        }
    }
    let mut known = Vec::new();
    for (name, guest) in &parts.history.guests {
        match taken.get(name.as_str()) {
            Some(contexts) => known.extend(contexts.iter().map(|(context, taken)| Instance {
                guest: guest.clone(),
                context,
                taken: taken.clone(),
            })),
            None => {
                known.push(Instance { guest: guest.clone(), context: nothing, taken: BTreeSet::new() });
            }
        }
    }
    let newcomers = taken
        .iter()
        .filter(|(name, _)| !parts.history.known.contains(**name))
        .flat_map(|(_, contexts)| {
            contexts.iter().map(|(context, taken)| Instance {
                guest: GuestHistory::default(),
                context,
                taken: taken.clone(),
            })
        })
        .collect();
    (known, newcomers)
}

/// One example with the guest's activity beside it.
struct Drawn {
    shared: Shared,
    active: [f64; 2],
    taken: bool,
    weight: f64,
}

/// Examples of one kind of blend.
#[derive(Default)]
struct Lesson {
    /// By instance.
    drawn: Vec<Vec<Drawn>>,
}

impl Lesson {
    fn groups(&self, mask: [bool; SHARED]) -> Vec<Vec<Example>> {
        self.drawn
            .iter()
            .map(|group| {
                group
                    .iter()
                    .map(|drawn| Example {
                        features: masked(&drawn.shared, mask).to_vec(),
                        taken: drawn.taken,
                        weight: drawn.weight,
                    })
                    .collect()
            })
            .collect()
    }

    fn enough(&self) -> bool {
        let count = |taken| self.drawn.iter().flatten().filter(|d| d.taken == taken).count();
        count(true) >= LEAST_USES && count(false) >= LEAST_USES
    }

    /// Probability against score; `None` where there is too little to see it, or where it would fall.
    fn calibrate(&self, weights: &Shared, with_activity: bool) -> Option<Vec<f64>> {
        if !self.enough() {
            return None;
        }
        let examples: Vec<Example> = self
            .drawn
            .iter()
            .flatten()
            .map(|drawn| {
                let mut features = vec![1.0, dot(weights, &drawn.shared)];
                if with_activity {
                    features.extend(drawn.active);
                }
                Example { features, taken: drawn.taken, weight: drawn.weight }
            })
            .collect();
        logistic(&examples, 1.0, &[]).filter(|found| found.get(1).is_some_and(|slope| *slope > 0.0))
    }
}

fn masked(shared: &Shared, mask: [bool; SHARED]) -> Shared {
    let mut kept = *shared;
    for (value, keep) in kept.iter_mut().zip(mask) {
        if !keep {
            *value = 0.0;
        }
    }
    kept
}

/// Weights that may not be negative: a guest's history, a trend and a label speak for an item or not at all.
fn not_negative() -> Vec<usize> {
    std::iter::once(EASE).chain([MOMENTUM]).chain(FIRST_LABEL..SHARED).collect()
}

/// A blend and how well it ranked what guests took anew in the slice.
pub(crate) struct Learnt {
    pub blend: Blend,
    /// NDCG@10 of new items within the slice, one for each instance that took a new one, in the same order for
    /// every item model.
    pub gains: Vec<f64>,
}

/// Whether gains are above others of the same guests by more than one standard error of the difference: what is
/// simpler or comes first is kept when they cannot be told apart.
pub(crate) fn is_better(gains: &[f64], than: &[f64]) -> bool {
    let count = gains.len().min(than.len()) as f64;
    if count < 2.0 {
        return false;
    }
    let mean = gains.iter().zip(than).map(|(a, b)| a - b).sum::<f64>() / count;
    let spread = gains.iter().zip(than).map(|(a, b)| (a - b - mean).powi(2)).sum::<f64>() / (count - 1.0);
    mean > (spread / count).sqrt()
}

/// Scores and items, the highest score first; equal scores by the place of the item.
pub(crate) fn best_first(scored: impl Iterator<Item = (f64, usize)>) -> Vec<(f64, usize)> {
    let mut order: Vec<(f64, usize)> = scored.collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    order
}

/// The first `count` of [`best_first`], without ordering the rest.
fn first_best(scored: impl Iterator<Item = (f64, usize)>, count: usize) -> Vec<(f64, usize)> {
    let ahead = |a: &(f64, usize), b: &(f64, usize)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
    let mut all: Vec<(f64, usize)> = scored.collect();
    if all.len() > count && count > 0 {
        all.select_nth_unstable_by(count - 1, ahead);
        all.truncate(count);
    }
    all.sort_by(ahead);
    all
}

/// Learns a blend for these parts from what was taken after them.
pub(crate) fn learn(
    parts: &Parts,
    known: &[Instance<'_>],
    newcomers: &[Instance<'_>],
    rng: &mut ChaCha8Rng,
) -> Learnt {
    let mut blend = Blend::default();
    let mut lesson = Lesson::default();
    let mut habits = Vec::new();
    let mut ranked = Vec::new();
    for instance in known {
        let scores = parts.ease.scores(&instance.guest);
        let active = activity(&instance.guest);
        let labels = parts.tables.labels(instance.context);
        let shared = |item: usize| parts.shared(scores.get(item).copied().unwrap_or(0.0), item, &labels);
        for owned in &instance.guest.owned {
            habits.push(Example {
                features: habit(&instance.guest, owned, &shared(owned.item)),
                taken: instance.taken.contains(&owned.item),
                weight: 1.0,
            });
        }
        let fresh = |item: &usize| instance.guest.find(*item).is_none();
        lesson.drawn.push(draw(instance, scores.len(), rng, active, &shared));
        if instance.taken.iter().any(fresh) {
            ranked.push((instance, scores));
        }
    }
    let judge = |weights: &Shared| -> Vec<f64> {
        ranked
            .iter()
            .map(|(instance, scores)| {
                let labels = parts.tables.labels(instance.context);
                let fresh = |item: usize| instance.guest.find(item).is_none();
                let order = first_best(
                    scores
                        .iter()
                        .enumerate()
                        .filter(|(item, _)| fresh(*item))
                        .map(|(item, ease)| (dot(weights, &parts.shared(*ease, item, &labels)), item)),
                    JUDGED,
                );
                let hits: Vec<bool> = order.iter().map(|(_, item)| instance.taken.contains(item)).collect();
                ndcg(&hits, instance.taken.iter().filter(|item| fresh(**item)).count(), JUDGED)
            })
            .collect()
    };
    let mut best = (!ranked.is_empty()).then(|| {
        let mut alone = [0.0; SHARED];
        alone[EASE] = 1.0;
        (judge(&alone), alone)
    });
    // The simplest first: a longer formula has to rank better to be taken.
    let mut mask = [true; SHARED];
    mask[POPULARITY] = false;
    for mask in [mask, [true; SHARED]] {
        if !lesson.enough() {
            break;
        }
        if let (Some(weights), Some((top, _))) = (weigh(&lesson, mask), &best) {
            let reached = judge(&weights);
            if is_better(&reached, top) {
                best = Some((reached, weights));
            }
        }
    }
    if let Some((_, weights)) = best.as_ref().filter(|_| lesson.enough()) {
        blend.discovery = *weights;
        blend.calibration = lesson.calibrate(weights, true).and_then(|found| found.try_into().ok());
    }
    let used = habits.iter().filter(|example| example.taken).count();
    if blend.calibration.is_some() && used >= LEAST_USES && habits.len() - used >= LEAST_USES {
        // The labels, the trend, past uses and the item model, as they stand in a habit's features.
        let speaking: Vec<usize> = not_negative().iter().map(|at| at + 1).collect();
        blend.habit = logistic(&habits, 1.0, &speaking).filter(|weights| weights.len() == HABIT);
    }
    learn_newcomers(parts, newcomers, rng, &mut blend);
    Learnt { blend, gains: best.map(|(reached, _)| reached).unwrap_or_default() }
}

fn learn_newcomers(parts: &Parts, newcomers: &[Instance<'_>], rng: &mut ChaCha8Rng, blend: &mut Blend) {
    let mut lesson = Lesson::default();
    for instance in newcomers {
        let labels = parts.tables.labels(instance.context);
        let shared = |item: usize| parts.shared(0.0, item, &labels);
        lesson.drawn.push(draw(instance, parts.history.items.len(), rng, [0.0; 2], &shared));
    }
    if !lesson.enough() {
        return;
    }
    let mut mask = [true; SHARED];
    mask[EASE] = false;
    if let Some(weights) = weigh(&lesson, mask) {
        blend.newcomer = weights;
    }
    blend.newcomer_calibration =
        lesson.calibrate(&blend.newcomer, false).and_then(|found| found.try_into().ok());
}

fn weigh(lesson: &Lesson, mask: [bool; SHARED]) -> Option<Shared> {
    choice(&lesson.groups(mask), 1e-3, &not_negative())?.try_into().ok()
}

/// All new items that were taken, and some of those that were not, weighted to stand for the rest.
fn draw(
    instance: &Instance<'_>,
    size: usize,
    rng: &mut ChaCha8Rng,
    active: [f64; 2],
    shared: &dyn Fn(usize) -> Shared,
) -> Vec<Drawn> {
    let mut had = vec![false; size];
    for owned in &instance.guest.owned {
        had[owned.item] = true;
    }
    let fresh = |item: usize| !had[item];
    let mut drawn: Vec<Drawn> = instance
        .taken
        .iter()
        .filter(|item| fresh(**item))
        .map(|item| Drawn { shared: shared(*item), active, taken: true, weight: 1.0 })
        .collect();
    let left: Vec<usize> = (0..size).filter(|item| fresh(*item) && !instance.taken.contains(item)).collect();
    let count = if instance.taken.is_empty() { DRAWN_IDLE } else { DRAWN }.min(left.len());
    // With replacement, unless all are wanted anyway.
    let weight = left.len() as f64 / count.max(1) as f64;
    for turn in 0..count {
        let place = if count == left.len() { turn } else { rng.random_range(0..left.len()) };
        if let Some(item) = left.get(place) {
            drawn.push(Drawn { shared: shared(*item), active, taken: false, weight });
        }
    }
    drawn
}
