//! One turn of the loop on made-up embeddings: what is better is promoted, what is not is not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use innkeeper_core::ModelRef;
use innkeeper_heads::{CurveSettings, Example, FitSettings, Head};
use innkeeper_learning::room_tags::{CURVE, Candidate, HEAD, TrainError, Training, register, train};
use innkeeper_learning::{GateSettings, METRICS, Registry};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Pictures, two a room, whose two kinds lie 1.4 apart in a direction turned by `turn` radians from that of the shipped head.
fn pictures(label: &str, source: &str, count: usize, turn: f32, seed: u64) -> Vec<Example> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let picture = |i: usize| {
        let truth = (i / 2).is_multiple_of(2);
        let side = if truth { 1.4 } else { -1.4 };
        let mut v: Vec<f32> = (0..16).map(|_| rng.random_range(-1.0f32..1.0)).collect();
        v[0] += side * turn.cos();
        v[1] += side * turn.sin();
        v[2] += 3.0;
        let length = v.iter().map(|x| x * x).sum::<f32>().sqrt();
        Example {
            embedding: v.into_iter().map(|x| x / length).collect(),
            labels: BTreeMap::from([(label.to_owned(), truth)]),
            group: format!("room {}", i / 2),
            source: source.to_owned(),
            picture: format!("{source} {seed} {i}"),
        }
    };
    (0..count).map(picture).collect()
}

fn turn(
    shipped: Option<&Head>,
    champion: Option<&Head>,
    seed: &[Example],
    own: &[Example],
) -> Result<Candidate, TrainError> {
    let settings = FitSettings::new(ModelRef::new("lite", "1").unwrap());
    let curve = CurveSettings { repeats: 3, ..CurveSettings::default() };
    train(&Training {
        shipped,
        champion,
        seed,
        own,
        settings,
        gate: GateSettings::default(),
        curve,
        repeats: 2,
    })
}

fn shipped() -> Head {
    turn(None, None, &pictures("messy", "seed", 120, 0.0, 1), &[]).unwrap().head
}

#[test]
fn corrections_of_a_hotel_that_looks_different_are_promoted_and_shuffled_ones_are_not() {
    let shipped = shipped();
    let own = pictures("messy", "hotel", 60, 1.2, 2);
    let better = turn(Some(&shipped), Some(&shipped), &[], &own).unwrap();
    assert!(better.verdict.promote, "{:?}", better.verdict);
    assert!(!better.control.as_ref().unwrap().promote, "{:?}", better.control);
    let figures = &better.own["messy"];
    assert!(figures.candidate.unwrap().log_loss < figures.champion.unwrap().log_loss);
    assert_eq!(better.curves[0].points.iter().map(|p| p.corrected).collect::<Vec<_>>(), [0, 10, 30]);

    let mut wrong = own;
    let answers: Vec<bool> = wrong.iter().map(|e| e.labels["messy"]).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    for example in &mut wrong {
        example.labels.insert("messy".into(), answers[rng.random_range(0..answers.len())]);
    }
    let champion = Some(&better.head);
    let worse =
        turn(Some(&shipped), champion, &[], &[pictures("messy", "hotel", 60, 1.2, 2), wrong].concat())
            .unwrap();
    assert!(!worse.verdict.promote, "{:?}", worse.verdict);
}

#[test]
fn the_same_corrections_again_are_no_reason_to_promote() {
    let shipped = shipped();
    let own = pictures("messy", "hotel", 60, 1.2, 2);
    let first = turn(Some(&shipped), Some(&shipped), &[], &own).unwrap();
    let again = turn(Some(&shipped), Some(&first.head), &[], &own).unwrap();
    assert!(!again.verdict.promote, "{:?}", again.verdict);
    assert_eq!(again.head, first.head, "no correction counts twice");
}

#[test]
fn ten_corrections_are_registered_and_wait() {
    let shipped = shipped();
    let own = pictures("messy", "hotel", 10, 1.2, 2);
    let candidate = turn(Some(&shipped), Some(&shipped), &[], &own).unwrap();
    assert!(
        !candidate.verdict.promote && candidate.verdict.reason.contains("too few"),
        "{:?}",
        candidate.verdict
    );
}

#[test]
fn a_label_of_the_hotels_own_is_learnt_judged_and_named() {
    let shipped = shipped();
    let own = pictures("towel_missing", "hotel", 60, 1.5, 3);
    let candidate = turn(Some(&shipped), Some(&shipped), &[], &own).unwrap();
    assert!(candidate.head.label("towel_missing").is_some());
    assert!(candidate.own["towel_missing"].champion.is_none(), "the champion lacks the label");
    assert!(candidate.verdict.promote, "{:?}", candidate.verdict);
    let few = turn(Some(&shipped), Some(&shipped), &[], &own[..6]).unwrap();
    assert!(few.head.label("towel_missing").is_none());
    assert!(
        few.reasons.iter().any(|r| r.starts_with("towel_missing is not in the head")),
        "{:?}",
        few.reasons
    );
}

#[test]
fn there_is_no_candidate_without_examples_or_a_start() {
    assert!(matches!(turn(None, None, &[], &[]), Err(TrainError::Nothing)));
    assert!(matches!(
        turn(None, None, &[], &pictures("messy", "hotel", 30, 0.0, 1)),
        Err(TrainError::NoStart)
    ));
}

#[test]
fn a_candidate_becomes_a_version_with_card_figures_and_curve() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::open(folder.path()).unwrap();
    let name = "room-tags".parse().unwrap();
    let shipped = turn(None, None, &pictures("messy", "seed", 120, 0.0, 1), &[]).unwrap();
    let first = register(&registry, &shipped, "install").unwrap();
    assert!(first.promoted, "the first version has nothing to be better than");
    let own = pictures("messy", "hotel|<b>", 60, 1.2, 2);
    let better = turn(Some(&shipped.head), Some(&shipped.head), &[], &own).unwrap();
    let second = register(&registry, &better, "nightly").unwrap();
    assert!(second.promoted);
    let version = second.record.version;
    assert_eq!(registry.champion(&name).unwrap(), Some(version));
    let head = String::from_utf8(registry.read(&name, version, HEAD).unwrap()).unwrap();
    assert_eq!(Head::from_json(&head).unwrap().labels().collect::<Vec<_>>(), ["messy"]);
    assert!(registry.read(&name, version, CURVE).unwrap().starts_with(b"<svg"));
    let metrics: serde_json::Value =
        serde_json::from_slice(&registry.read(&name, version, METRICS).unwrap()).unwrap();
    assert_eq!(metrics["verdict"]["promote"], true);
    let card = String::from_utf8(registry.read(&name, version, "card.md").unwrap()).unwrap();
    assert!(card.contains("hotel\\|&lt;b>") && card.contains("Against the champion: better"), "{card}");
    assert_eq!(registry.rollback(&name, "anna").unwrap().champion, Some(first.record.version));
}
