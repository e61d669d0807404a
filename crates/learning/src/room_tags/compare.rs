//! Candidate against champion: by how sure they were, and by how often they were wrong.

use std::collections::BTreeMap;

use innkeeper_heads::{Example, Head, HeldOut};

use crate::{GateSettings, Paired, Verdict, gate};

/// Held-out judgements by label.
pub(super) type Judged = BTreeMap<String, Vec<HeldOut>>;

pub(super) fn only(judged: &Judged, keep: impl Fn(&HeldOut) -> bool) -> Judged {
    let of = |held: &[HeldOut]| held.iter().filter(|h| keep(h)).cloned().collect();
    judged.iter().map(|(label, held)| (label.clone(), of(held))).collect()
}

/// What two heads say of one label of one example: logarithmic loss, and 1 where it falls on the wrong side of 1/2.
pub(super) struct Compared {
    pub(super) label: String,
    pub(super) picture: String,
    pub(super) group: String,
    pub(super) champion: [f64; 2],
    pub(super) candidate: [f64; 2],
}

/// Both judgements of each example. Where the champion lacks the label it is worth what the share of the label is.
pub(super) fn compare(
    examples: &[Example],
    champion: &Judged,
    candidate: &Judged,
    compared: &mut Vec<Compared>,
) {
    let wrong = |probability: f64, truth: bool| f64::from(u8::from((probability >= 0.5) != truth));
    let of = |h: &HeldOut| [h.loss(), wrong(f64::from(h.probability), h.truth)];
    for (label, held) in candidate {
        let known: BTreeMap<usize, [f64; 2]> =
            champion.get(label).into_iter().flatten().map(|h| (h.example, of(h))).collect();
        let positives = held.iter().filter(|h| h.truth).count() as f64;
        let share = (positives + 1.0) / (held.len() as f64 + 2.0);
        for h in held {
            let blind = [-(if h.truth { share } else { 1.0 - share }).ln(), wrong(share, h.truth)];
            compared.push(Compared {
                label: label.clone(),
                picture: examples.get(h.example).map(|e| e.picture.clone()).unwrap_or_default(),
                group: h.group.clone(),
                champion: known.get(&h.example).copied().unwrap_or(blind),
                candidate: of(h),
            });
        }
    }
}

fn is_worse(verdict: &Verdict) -> bool {
    verdict.interval.is_some_and(|(_, high)| high < 0.0)
}

/// The verdicts by log-loss and by errors.
fn measured(compared: &[&Compared], settings: &GateSettings) -> [Verdict; 2] {
    [0, 1].map(|measure: usize| {
        let of = |both: &[f64; 2]| both.get(measure).copied().unwrap_or(f64::NAN);
        let pair = |c: &&Compared| Paired {
            example: c.picture.clone(),
            group: c.group.clone(),
            champion: of(&c.champion),
            candidate: of(&c.candidate),
        };
        gate(&compared.iter().map(pair).collect::<Vec<_>>(), settings)
    })
}

/// Better by one of the two measures and worse by neither.
pub(super) fn decide(compared: &[&Compared], settings: &GateSettings) -> Verdict {
    joined(measured(compared, settings))
}

/// One verdict of both measures.
fn joined([loss, errors]: [Verdict; 2]) -> Verdict {
    if loss.interval.is_none() {
        return loss;
    }
    let promote = (loss.promote && !is_worse(&errors)) || (errors.promote && !is_worse(&loss));
    let word = match (promote, is_worse(&loss) || is_worse(&errors)) {
        (true, _) => "better",
        (false, true) => "worse",
        (false, false) => "not shown to be better",
    };
    let change = |of: &Verdict| {
        of.interval.map_or_else(String::new, |(low, high)| format!("{:+.4} to {:+.4}", -high, -low))
    };
    let reason = format!(
        "{word}: the log-loss changes by {}, the share of errors by {} ({:.0} % intervals, {} held-out examples)",
        change(&loss),
        change(&errors),
        loss.level * 100.0,
        loss.held_out
    );
    let by_errors = is_worse(&errors) || (errors.promote && !loss.promote && !is_worse(&loss));
    Verdict { promote, reason, ..if by_errors { errors } else { loss } }
}

/// Log-loss that a label may lose where it is decided no worse, in nats: a champion that has seen a photograph before is surer
/// of it than anybody who has not.
const SURENESS: f64 = 0.1;

/// [`decide`] over all labels, unless the candidate is worse at one that the champion knows: more often wrong, or less sure by
/// more than [`SURENESS`]. Half the examples are enough to be shown worse.
pub(super) fn judge_labels(champion: &Head, compared: &[Compared], settings: &GateSettings) -> Verdict {
    let mut verdict = decide(&compared.iter().collect::<Vec<_>>(), settings);
    let half = GateSettings {
        least_examples: settings.least_examples / 2,
        least_groups: settings.least_groups / 2,
        ..settings.clone()
    };
    for label in champion.labels().filter(|_| verdict.promote) {
        let of_label: Vec<&Compared> = compared.iter().filter(|c| c.label == label).collect();
        let [loss, errors] = measured(&of_label, &half);
        let unsure = loss.interval.is_some_and(|(_, high)| high < -SURENESS);
        if is_worse(&errors) || unsure {
            let alone = joined([loss, errors]);
            verdict =
                Verdict { promote: false, reason: format!("{label} alone is {}", alone.reason), ..verdict };
            break;
        }
    }
    verdict
}

#[cfg(test)]
mod tests {
    use innkeeper_core::ModelRef;
    use innkeeper_heads::{FitSettings, fit};

    use super::*;

    /// `count` pictures of `label`, whose champion loses 1 and is wrong.
    fn pictures(label: &str, count: usize, loss: f64, wrong: impl Fn(usize) -> bool) -> Vec<Compared> {
        let picture = |i: usize| Compared {
            label: label.to_owned(),
            picture: format!("{label} {i}"),
            group: format!("{label} {i}"),
            champion: [1.0, if i.is_multiple_of(2) { 1.0 } else { 0.0 }],
            candidate: [loss, if wrong(i) { 1.0 } else { 0.0 }],
        };
        (0..count).map(picture).collect()
    }

    fn champion() -> Head {
        let example = |i: usize| Example {
            embedding: if i.is_multiple_of(2) { vec![1.0, 0.0] } else { vec![0.0, 1.0] },
            labels: ["bed_unmade", "messy"].map(|l| (l.to_owned(), i.is_multiple_of(2))).into(),
            group: i.to_string(),
            source: "seed".to_owned(),
            picture: i.to_string(),
        };
        let examples: Vec<Example> = (0..20).map(example).collect();
        fit(&examples, &FitSettings::new(ModelRef::new("lite", "1").unwrap())).unwrap()
    }

    #[test]
    fn a_gain_at_one_label_does_not_pay_for_a_loss_at_another() {
        let mut compared = pictures("messy", 60, 0.2, |_| false);
        let alone = judge_labels(&champion(), &compared, &GateSettings::default());
        assert!(alone.promote, "{alone:?}");
        compared.extend(pictures("bed_unmade", 12, 1.4, |_| true));
        let verdict = judge_labels(&champion(), &compared, &GateSettings::default());
        assert!(!verdict.promote && verdict.reason.starts_with("bed_unmade alone is worse"), "{verdict:?}");
    }

    #[test]
    fn fewer_errors_are_better_even_where_the_loss_stays() {
        let halved = pictures("messy", 60, 1.0, |i| i.is_multiple_of(8));
        let verdict = decide(&halved.iter().collect::<Vec<_>>(), &GateSettings::default());
        assert!(verdict.promote, "{verdict:?}");
        assert!((verdict.difference.unwrap() - 0.3667).abs() < 0.02, "{verdict:?}");
    }

    #[test]
    fn a_lower_loss_does_not_pay_for_more_errors() {
        let all_wrong = pictures("messy", 60, 0.8, |_| true);
        let verdict = decide(&all_wrong.iter().collect::<Vec<_>>(), &GateSettings::default());
        assert!(!verdict.promote && verdict.reason.starts_with("worse"), "{verdict:?}");
        let surer = pictures("messy", 60, 1.4, |_| false);
        let verdict = decide(&surer.iter().collect::<Vec<_>>(), &GateSettings::default());
        assert!(!verdict.promote && is_worse(&verdict), "{verdict:?}");
    }
}
