//! What a label is worth on pictures its head has not seen.

use serde::{Deserialize, Serialize};

use crate::{Band, Decision};

/// Equal-width bins of the expected calibration error.
const BINS: usize = 10;
/// Probabilities are held this far from 0 and 1 before their logarithm is taken.
const FLOOR: f64 = 1e-6;

/// One picture that was judged by a head that had not seen it.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldOut {
    /// Index of the example.
    pub example: usize,
    /// Its group.
    pub group: String,
    /// What it is.
    pub truth: bool,
    /// Calibrated probability, 0 to 1.
    pub probability: f32,
    /// What the head said.
    pub decision: Decision,
}

impl HeldOut {
    /// Logarithmic loss of the probability, natural logarithm.
    pub fn loss(&self) -> f64 {
        log_loss(self.probability, self.truth)
    }
}

/// Figures of one label over held-out pictures. What cannot be computed (one kind of picture only, no decision) is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    /// Pictures.
    pub n: usize,
    /// Pictures that have the label.
    pub positives: usize,
    /// Area under the receiver operating characteristic; a tie counts half.
    pub auc: Option<f64>,
    /// Share that falls on the right side of probability 1/2.
    pub accuracy: f64,
    /// Harmonic mean of precision and recall at probability 1/2; `None` when no picture has the label and none was called so.
    pub f1: Option<f64>,
    /// Share of the pictures that have the label which are found while at most 5 of 100 others are called so too.
    pub recall_at_5pct: Option<f64>,
    /// Mean logarithmic loss, natural logarithm.
    pub log_loss: f64,
    /// Expected calibration error over ten equal bins of probability.
    pub ece: f64,
    /// Share of the pictures called present that are so.
    pub present_precision: Option<f64>,
    /// Share of the pictures called absent that are so.
    pub absent_precision: Option<f64>,
    /// Share of the pictures on which the head abstains.
    pub unsure: f64,
}

impl Figures {
    /// Figures of held-out judgements; `None` for no judgement at all.
    pub fn of(held: &[HeldOut]) -> Option<Self> {
        if held.is_empty() {
            return None;
        }
        let n = held.len();
        let scored: Vec<(f64, bool)> = held.iter().map(|h| (f64::from(h.probability), h.truth)).collect();
        let share = |count: usize, of: usize| (of > 0).then(|| count as f64 / of as f64);
        let count = |f: &dyn Fn(&HeldOut) -> bool| held.iter().filter(|h| f(h)).count();
        let positives = count(&|h| h.truth);
        let hits = count(&|h| h.truth && h.probability >= 0.5);
        let called = count(&|h| h.probability >= 0.5);
        let right = count(&|h| (h.probability >= 0.5) == h.truth);
        let present = count(&|h| h.decision == Decision::Present);
        let absent = count(&|h| h.decision == Decision::Absent);
        Some(Self {
            n,
            positives,
            auc: area_under_curve(&scored),
            accuracy: right as f64 / n as f64,
            f1: share(2 * hits, positives + called),
            recall_at_5pct: recall_at_false_alarms(&scored, 0.05),
            log_loss: held.iter().map(HeldOut::loss).sum::<f64>() / n as f64,
            ece: calibration_error(&scored),
            present_precision: share(count(&|h| h.truth && h.decision == Decision::Present), present),
            absent_precision: share(count(&|h| !h.truth && h.decision == Decision::Absent), absent),
            unsure: (n - present - absent) as f64 / n as f64,
        })
    }
}

/// Logarithmic loss of one probability.
pub(crate) fn log_loss(probability: f32, truth: bool) -> f64 {
    let p = f64::from(probability).clamp(FLOOR, 1.0 - FLOOR);
    -(if truth { p } else { 1.0 - p }).ln()
}

/// Area under the receiver operating characteristic of (score, truth), by mid-ranks (Mann and Whitney, 1947); a tie counts
/// half. `None` when only one answer occurs.
pub fn area_under_curve(scored: &[(f64, bool)]) -> Option<f64> {
    let positives = scored.iter().filter(|(_, t)| *t).count();
    let negatives = scored.len() - positives;
    if positives == 0 || negatives == 0 {
        return None;
    }
    let mut sorted: Vec<(f64, bool)> = scored.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut below, mut won) = (0usize, 0.0);
    for tie in sorted.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
        let with = tie.iter().filter(|(_, t)| *t).count();
        let without = tie.len() - with;
        won += with as f64 * (below as f64 + without as f64 / 2.0);
        below += without;
    }
    Some(won / (positives as f64 * negatives as f64))
}

/// Largest share of the positives above a threshold at which at most `rate` of the negatives are above it too. `None` when
/// only one answer occurs.
pub fn recall_at_false_alarms(scored: &[(f64, bool)], rate: f64) -> Option<f64> {
    let positives = scored.iter().filter(|(_, t)| *t).count();
    let negatives = scored.len() - positives;
    if positives == 0 || negatives == 0 {
        return None;
    }
    let mut sorted: Vec<(f64, bool)> = scored.to_vec();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let allowed = (rate * negatives as f64 + 1e-9).floor() as usize;
    let (mut found, mut alarms, mut best) = (0usize, 0usize, 0usize);
    for tie in sorted.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
        let with = tie.iter().filter(|(_, t)| *t).count();
        found += with;
        alarms += tie.len() - with;
        if alarms > allowed {
            break;
        }
        best = found;
    }
    Some(best as f64 / positives as f64)
}

/// Expected calibration error (Naeini, Cooper and Hauskrecht, 2015): the distance between mean probability and share of
/// positives in ten equal bins, weighted by the bins' sizes.
fn calibration_error(scored: &[(f64, bool)]) -> f64 {
    let mut bins = [(0.0, 0usize, 0usize); BINS];
    for (p, truth) in scored {
        let bin = &mut bins[((p * BINS as f64) as usize).min(BINS - 1)];
        bin.0 += p;
        bin.1 += usize::from(*truth);
        bin.2 += 1;
    }
    bins.iter().map(|(sum, with, _)| (sum - *with as f64).abs()).sum::<f64>() / scored.len().max(1) as f64
}

/// Precision (with one right and one wrong judgement added, Laplace's rule of succession) of calling `scored` present from
/// each threshold up, and the band that keeps it at `wanted` or better on either side. Whatever the precision above a
/// threshold, nothing is decided that is itself less probable than `surest`, 0.5 to 1.
pub(crate) fn band(scored: &[(f64, bool)], wanted: f64, surest: f64) -> Band {
    let from_top = |truth: bool| {
        let mut sorted: Vec<(f64, bool)> =
            scored.iter().map(|(p, t)| (if truth { *p } else { 1.0 - p }, *t == truth)).collect();
        sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
        let (mut right, mut all, mut reached) = (0usize, 0usize, None);
        for tie in sorted.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
            right += tie.iter().filter(|(_, t)| *t).count();
            all += tie.len();
            if tie[0].0 < surest {
                break;
            }
            if (right as f64 + 1.0) / (all as f64 + 2.0) >= wanted {
                reached = Some(tie[0].0);
            }
        }
        reached
    };
    Band {
        present_from: from_top(true).map(|p| p as f32),
        absent_to: from_top(false).map(|p| (1.0 - p) as f32),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_area_is_that_of_counting_all_pairs() {
        let scored = [(0.9, true), (0.8, false), (0.8, true), (0.3, false), (0.1, true)];
        // Pairs won by positives: 0.9 over both, 0.8 ties one and beats one, 0.1 none.
        assert!((area_under_curve(&scored).unwrap() - 3.5 / 6.0).abs() < 1e-12);
        assert_eq!(area_under_curve(&[(0.5, true)]), None);
    }

    #[test]
    fn one_false_alarm_in_twenty_is_allowed_and_two_are_not() {
        let mut scored: Vec<(f64, bool)> = (0..20).map(|i| (f64::from(i) / 100.0, false)).collect();
        scored.push((0.185, true)); // below one negative
        scored.push((0.175, true)); // below two
        assert_eq!(recall_at_false_alarms(&scored, 0.05), Some(0.5));
        assert_eq!(recall_at_false_alarms(&scored, 0.10), Some(1.0));
        assert_eq!(recall_at_false_alarms(&scored, 0.0), Some(0.0));
    }

    #[test]
    fn a_handful_of_right_answers_is_no_proof_of_precision() {
        let few: Vec<(f64, bool)> = (0..5).map(|i| (0.9 + f64::from(i) / 100.0, true)).collect();
        assert_eq!(band(&few, 0.9, 0.5).present_from, None, "5 of 5 proves no more than 6 in 7");
        let many: Vec<(f64, bool)> = (0..20).map(|i| (0.6 + f64::from(i) / 100.0, true)).collect();
        assert!((band(&many, 0.9, 0.5).present_from.unwrap() - 0.6).abs() < 1e-6);
        assert_eq!(band(&many, 0.9, 0.5).absent_to, None);
    }

    proptest! {
        #[test]
        fn decisions_made_by_the_band_have_its_precision_where_it_was_measured(scored in prop::collection::vec((0.0f64..1.0, any::<bool>()), 1..200)) {
            let band = band(&scored, 0.8, 0.6);
            if let Some(from) = band.present_from {
                let called: Vec<_> = scored.iter().filter(|(p, _)| *p as f32 >= from).collect();
                let right = called.iter().filter(|(_, t)| *t).count();
                prop_assert!((right as f64 + 1.0) / (called.len() as f64 + 2.0) >= 0.8 - 1e-9);
                prop_assert!(from >= 0.6 - 1e-6);
            }
            if let Some(to) = band.absent_to {
                prop_assert!(to <= 0.4 + 1e-6);
            }
        }

        #[test]
        fn figures_are_shares(held in prop::collection::vec((0.0f32..=1.0, any::<bool>()), 1..60)) {
            let held: Vec<HeldOut> = held.into_iter().enumerate().map(|(example, (probability, truth))| HeldOut {
                example, group: example.to_string(), truth, probability, decision: Decision::Unsure,
            }).collect();
            let figures = Figures::of(&held).unwrap();
            for share in [figures.auc, figures.f1, figures.recall_at_5pct, Some(figures.accuracy), Some(figures.ece), Some(figures.unsure)].into_iter().flatten() {
                prop_assert!((0.0..=1.0).contains(&share), "{share}");
            }
            prop_assert!(figures.log_loss.is_finite());
        }
    }
}
