//! Whether a candidate is better than the champion, or only luckier.

use std::collections::{BTreeMap, BTreeSet};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

/// One held-out example as both models judged it. A loss is any score of which less is better; both must be the same score.
#[derive(Debug, Clone, PartialEq)]
pub struct Paired {
    /// Which picture it is: several judgements of one picture are one example.
    pub example: String,
    /// What belongs together: the room, the source. Groups are drawn, not examples.
    pub group: String,
    /// Loss of the champion.
    pub champion: f64,
    /// Loss of the candidate.
    pub candidate: f64,
}

/// How sure one must be.
#[derive(Debug, Clone, PartialEq)]
pub struct GateSettings {
    /// Draws of the bootstrap, at least 200.
    pub draws: usize,
    /// Share of the draws inside the interval, 0.5 to 0.999.
    pub level: f64,
    /// Held-out examples without which nothing is promoted.
    pub least_examples: usize,
    /// Groups without which nothing is promoted.
    pub least_groups: usize,
    /// Of the draws.
    pub seed: u64,
}

impl Default for GateSettings {
    fn default() -> Self {
        Self { draws: 2_000, level: 0.95, least_examples: 20, least_groups: 8, seed: 1 }
    }
}

/// What the gate says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// Whether the candidate should become champion.
    pub promote: bool,
    /// Mean loss of the champion minus that of the candidate: above zero the candidate is better. `None` without examples.
    pub difference: Option<f64>,
    /// Interval of the difference by the bootstrap.
    pub interval: Option<(f64, f64)>,
    /// Share of the draws inside the interval.
    pub level: f64,
    /// Held-out examples compared.
    pub held_out: usize,
    /// Groups among them.
    pub groups: usize,
    /// Why, in one sentence.
    pub reason: String,
}

/// Promotes only what is better: the lower end of the interval of the difference must lie above zero.
///
/// Paired bootstrap (Efron, *Bootstrap methods*, 1979; percentile interval) that draws whole groups with replacement, since
/// pictures of one room are no independent witnesses.
pub fn gate(held_out: &[Paired], settings: &GateSettings) -> Verdict {
    let mut groups: BTreeMap<&str, (f64, usize)> = BTreeMap::new();
    let sound = held_out.iter().filter(|p| p.champion.is_finite() && p.candidate.is_finite());
    for pair in sound.clone() {
        let sum = groups.entry(&pair.group).or_default();
        sum.0 += pair.champion - pair.candidate;
        sum.1 += 1;
    }
    let groups: Vec<(f64, usize)> = groups.into_values().collect();
    let judgements = sound.clone().count();
    let count = sound.map(|p| p.example.as_str()).collect::<BTreeSet<_>>().len();
    let mut verdict = Verdict {
        promote: false,
        difference: mean(groups.iter().copied()),
        interval: None,
        level: settings.level.clamp(0.5, 0.999),
        held_out: count,
        groups: groups.len(),
        reason: String::new(),
    };
    if judgements < held_out.len() {
        verdict.reason = format!("{} losses are not finite numbers", held_out.len() - judgements);
        return verdict;
    }
    if count < settings.least_examples || groups.len() < settings.least_groups {
        verdict.reason = format!(
            "{count} held-out examples in {} groups are too few to tell; {} in {} are needed",
            groups.len(),
            settings.least_examples,
            settings.least_groups
        );
        return verdict;
    }
    let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
    let mut drawn: Vec<f64> = (0..settings.draws.max(200))
        .filter_map(|_| {
            mean((0..groups.len()).filter_map(|_| groups.get(rng.random_range(0..groups.len())).copied()))
        })
        .collect();
    drawn.sort_by(f64::total_cmp);
    let at = |share: f64| drawn.get(((drawn.len() - 1) as f64 * share).round() as usize).copied();
    let tail = (1.0 - verdict.level) / 2.0;
    verdict.interval = at(tail).zip(at(1.0 - tail));
    let Some((low, high)) = verdict.interval else { return verdict };
    verdict.promote = low > 0.0;
    let percent = verdict.level * 100.0;
    verdict.reason = if low > 0.0 {
        format!(
            "better: the loss falls by {low:.4} to {high:.4} ({percent:.0} % interval, {count} held-out examples)"
        )
    } else if high < 0.0 {
        format!("worse: the loss rises by {:.4} to {:.4} ({percent:.0} % interval)", -high, -low)
    } else {
        format!("not shown to be better: the interval of the difference, {low:.4} to {high:.4}, holds zero")
    };
    verdict
}

/// Mean over (sum, number); `None` for nothing.
fn mean(groups: impl Iterator<Item = (f64, usize)>) -> Option<f64> {
    let (sum, count) = groups.fold((0.0, 0), |(s, n), (sum, count)| (s + sum, n + count));
    (count > 0).then(|| sum / count as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(differences: &[f64], per_group: usize) -> Vec<Paired> {
        let pair = |(i, d): (usize, &f64)| Paired {
            example: i.to_string(),
            group: (i / per_group).to_string(),
            champion: 1.0,
            candidate: 1.0 - d,
        };
        differences.iter().enumerate().map(pair).collect()
    }

    #[test]
    fn a_candidate_that_is_better_everywhere_is_promoted_and_the_other_way_round_is_not() {
        let better = gate(&pairs(&[0.2; 40], 2), &GateSettings::default());
        assert!(better.promote && better.reason.starts_with("better"), "{better:?}");
        let worse = gate(&pairs(&[-0.2; 40], 2), &GateSettings::default());
        assert!(!worse.promote && worse.reason.starts_with("worse"), "{worse:?}");
        let same = gate(&pairs(&[0.0; 40], 2), &GateSettings::default());
        assert!(!same.promote, "{same:?}");
    }

    #[test]
    fn ten_better_examples_are_too_few() {
        let verdict = gate(&pairs(&[0.5; 10], 1), &GateSettings::default());
        assert!(!verdict.promote && verdict.reason.contains("too few"), "{verdict:?}");
        assert!(!gate(&[], &GateSettings::default()).promote);
        // Many pictures of few rooms are few rooms.
        assert!(!gate(&pairs(&[0.5; 100], 25), &GateSettings::default()).promote);
    }

    #[test]
    fn many_labels_of_a_few_pictures_are_a_few_pictures() {
        let mut several = pairs(&[0.5; 40], 1);
        for (i, pair) in several.iter_mut().enumerate() {
            pair.example = (i / 4).to_string();
        }
        let verdict = gate(&several, &GateSettings::default());
        assert!(!verdict.promote && verdict.held_out == 10, "{verdict:?}");
    }

    #[test]
    fn one_lucky_room_does_not_carry_a_candidate() {
        let mut differences = vec![-0.01; 40];
        differences[0] = 3.0;
        let verdict = gate(&pairs(&differences, 1), &GateSettings::default());
        assert!(verdict.difference.unwrap() > 0.0 && !verdict.promote, "{verdict:?}");
    }

    #[test]
    fn a_loss_that_is_no_number_promotes_nothing() {
        let mut broken = pairs(&[0.5; 40], 1);
        broken[7].candidate = f64::NAN;
        assert!(!gate(&broken, &GateSettings::default()).promote);
        broken[7].candidate = f64::NEG_INFINITY;
        assert!(!gate(&broken, &GateSettings::default()).promote);
    }

    proptest! {
        #[test]
        fn swapping_the_two_turns_the_verdict_round(differences in prop::collection::vec(-1.0f64..1.0, 20..60)) {
            let there = gate(&pairs(&differences, 1), &GateSettings::default());
            let back = gate(&pairs(&differences.iter().map(|d| -d).collect::<Vec<_>>(), 1), &GateSettings::default());
            prop_assert!(!(there.promote && back.promote));
            let (a, b) = (there.interval.unwrap(), back.interval.unwrap());
            prop_assert!((a.0 + b.1).abs() < 1e-9 && (a.1 + b.0).abs() < 1e-9);
            prop_assert!(a.0 <= there.difference.unwrap() + 1e-9 || !there.promote);
        }
    }
}
