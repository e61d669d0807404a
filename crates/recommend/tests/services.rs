//! What the recommendations of services promise.
#![allow(clippy::unwrap_used, reason = "a test has no caller to hand an error to")]

use chrono::{Days, NaiveDate};
use innkeeper_recommend::evaluation::{EvaluationError, evaluate};
use innkeeper_recommend::services::{
    Context, EaseSettings, FitError, Interaction, NoProbability, Party, Past, Reason, Recommendation,
    Request, ServiceModel, Settings, StayStage, fit,
};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn day(after: u64) -> NaiveDate {
    NaiveDate::from_ymd_opt(2024, 1, 1).unwrap() + Days::new(after)
}

fn row(guest: &str, item: &str, after: u64) -> Interaction {
    Interaction {
        guest: guest.into(),
        item: item.into(),
        day: day(after),
        amount: None,
        context: Context::default(),
    }
}

/// Two kinds of guest over two hundred days: business guests take the laundry, the desk and the shuttle, leisure
/// guests the spa, the tour and the bar; everyone takes breakfast. Repeats happen, breakfast goes with
/// arrivals, and some guests come far more often than others.
fn hotel(seed: u64) -> Vec<Interaction> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut rows = Vec::new();
    for guest in 0..400 {
        let business = guest % 2 == 0;
        let own =
            if business { ["laundry", "desk", "shuttle", "gym"] } else { ["spa", "tour", "bar", "boat"] };
        let other =
            if business { ["spa", "tour", "bar", "boat"] } else { ["laundry", "desk", "shuttle", "gym"] };
        let favourite = own[rng.random_range(0..4)];
        for _ in 0..[1, 1, 2, 4, 8][guest / 2 % 5] {
            let arrival = rng.random_range(0..200);
            for stage in [StayStage::Arrival, StayStage::During] {
                let item = if stage == StayStage::Arrival && rng.random::<f64>() < 0.7 {
                    "breakfast"
                } else if rng.random::<f64>() < 0.4 {
                    favourite
                } else if rng.random::<f64>() < 0.85 {
                    own[rng.random_range(0..4)]
                } else {
                    other[rng.random_range(0..4)]
                };
                rows.push(Interaction {
                    guest: format!("g{guest}"),
                    item: item.into(),
                    day: day(arrival + u64::from(stage == StayStage::During)),
                    amount: Some(if item == "spa" { 50.0 } else { 10.0 }),
                    context: Context {
                        segment: Some(if business { "business" } else { "leisure" }.into()),
                        stage: Some(stage),
                        ..Context::default()
                    },
                });
            }
        }
    }
    rows
}

fn small() -> Settings {
    let ease = EaseSettings { regularisation: 20.0, half_life: None, damping: 0.0 };
    Settings { ease: vec![ease], least_guests: 3, exploration: 0.0, diversity: 0.0, ..Settings::default() }
}

fn ask<'a>(history: &'a [Past], context: &'a Context) -> Request<'a> {
    Request { history, as_of: day(205), context, repeats: true, k: 4, seed: 1 }
}

fn past(items: &[(&str, u64)]) -> Vec<Past> {
    items.iter().map(|(item, after)| Past { item: (*item).into(), day: day(*after) }).collect()
}

fn score_of(model: &ServiceModel, request: &Request<'_>, item: &str) -> f64 {
    let all = Request { k: 1000, ..request.clone() };
    model.recommend(&all, &|_| true).into_iter().find(|entry| entry.item == item).unwrap().score
}

#[test]
fn a_newcomer_gets_what_the_segment_takes() {
    let model = fit(&hotel(1), day(205), &small()).unwrap();
    for (segment, kind) in
        [("business", ["laundry", "desk", "shuttle", "gym"]), ("leisure", ["spa", "tour", "bar", "boat"])]
    {
        let context =
            Context { segment: Some(segment.into()), stage: Some(StayStage::During), ..Context::default() };
        let list = model.recommend(&ask(&[], &context), &|item| item != "breakfast");
        assert_eq!(list.len(), 4);
        assert!(list.iter().all(|entry| kind.contains(&entry.item.as_str())), "{segment}: {list:?}");
        let named = list.iter().flat_map(|entry| &entry.evidence);
        assert!(named.clone().any(|e| e.reason == Reason::PopularWithSegment { segment: segment.into() }));
    }
}

#[test]
fn the_stage_of_the_stay_moves_what_is_offered() {
    let model = fit(&hotel(1), day(205), &small()).unwrap();
    let at = |stage| Context { segment: Some("leisure".into()), stage: Some(stage), ..Context::default() };
    let arrival = score_of(&model, &ask(&[], &at(StayStage::Arrival)), "breakfast");
    let during = score_of(&model, &ask(&[], &at(StayStage::During)), "breakfast");
    assert!(arrival > 2.0 * during, "{arrival} on arrival, {during} later");
    let list = model.recommend(&ask(&[], &at(StayStage::Arrival)), &|_| true);
    assert_eq!(list[0].item, "breakfast");
    let stage = Reason::UsuallyTakenAtThisStage { stage: StayStage::Arrival };
    assert!(list[0].evidence.iter().any(|evidence| evidence.reason == stage), "{list:?}");
}

/// Takes away what a reason names, in the request itself.
fn without(reason: &Reason, item: &str, history: &[Past], context: &Context) -> Option<(Vec<Past>, Context)> {
    let mut context = context.clone();
    let mut history = history.to_vec();
    match reason {
        Reason::BecauseOfItem { item } => history.retain(|past| past.item != *item),
        Reason::Repeat { .. } => history.retain(|past| past.item != item),
        Reason::PopularWithSegment { .. } => context.segment = None,
        Reason::UsualInSeason { .. } => context.season = None,
        Reason::UsualForParty { .. } => context.party = None,
        Reason::UsuallyTakenAtThisStage { .. } => context.stage = None,
        _ => return None,
    }
    Some((history, context))
}

#[test]
fn a_score_falls_by_what_is_said_when_the_evidence_is_taken_away() {
    let model = fit(&hotel(2), day(205), &small()).unwrap();
    let history = past(&[("spa", 150), ("bar", 150), ("spa", 180), ("laundry", 20)]);
    let context =
        Context { segment: Some("leisure".into()), stage: Some(StayStage::During), ..Context::default() };
    let mut kinds = std::collections::BTreeSet::new();
    for repeats in [true, false] {
        let request = Request { repeats, k: 9, ..ask(&history, &context) };
        for entry in model.recommend(&request, &|_| true) {
            let mut falls: Vec<f64> = Vec::new();
            for evidence in &entry.evidence {
                assert!(evidence.score_fall > 0.0);
                falls.push(evidence.score_fall);
                let Some((left, around)) = without(&evidence.reason, &entry.item, &history, &context) else {
                    continue;
                };
                let now = score_of(
                    &model,
                    &Request { history: &left, context: &around, ..request.clone() },
                    &entry.item,
                );
                assert!(
                    (entry.score - now - evidence.score_fall).abs() < 1e-9,
                    "{}: {:?} said {}, fell by {}",
                    entry.item,
                    evidence.reason,
                    evidence.score_fall,
                    entry.score - now
                );
                kinds.insert(format!("{:?}", std::mem::discriminant(&evidence.reason)));
            }
            assert!(falls.windows(2).all(|pair| pair[0] >= pair[1]), "the largest comes first");
            if let Some(first) = entry.evidence.first() {
                assert_eq!(first.reason, entry.reason);
            }
        }
    }
    assert!(kinds.len() >= 3, "several kinds of evidence were tried: {kinds:?}");
}

#[test]
fn repeats_come_only_when_they_are_asked_for() {
    let model = fit(&hotel(3), day(205), &small()).unwrap();
    let history = past(&[("spa", 150), ("spa", 180), ("spa", 190), ("bar", 20)]);
    let context = Context::default();
    let list = |repeats| model.recommend(&Request { repeats, ..ask(&history, &context) }, &|_| true);
    let spa = list(true).into_iter().find(|entry| entry.item == "spa");
    let again = Reason::Repeat { times: 3, last: day(190) };
    assert!(spa.as_ref().is_some_and(|entry| entry.reason == again), "{spa:?} {:?}", model.summary());
    assert!(list(false).iter().all(|entry| entry.item != "spa" && entry.item != "bar"));
}

#[test]
fn what_is_not_available_is_not_offered() {
    let model = fit(&hotel(3), day(205), &small()).unwrap();
    let context = Context::default();
    let list = model.recommend(&ask(&[], &context), &|item| item == "gym");
    assert_eq!(list.iter().map(|entry| entry.item.as_str()).collect::<Vec<_>>(), ["gym"]);
    assert!(model.recommend(&ask(&[], &context), &|_| false).is_empty());
    assert!(model.recommend(&Request { k: 0, ..ask(&[], &context) }, &|_| true).is_empty());
    let all = model.recommend(&Request { k: usize::MAX, ..ask(&[], &context) }, &|_| true);
    assert_eq!(all.len(), model.items().len());
}

#[test]
fn an_unknown_past_is_a_newcomer_and_later_days_are_not_read() {
    let model = fit(&hotel(3), day(205), &small()).unwrap();
    let context = Context::default();
    let newcomer = model.recommend(&ask(&[], &context), &|_| true);
    let strange = past(&[("heliport", 10)]);
    assert_eq!(model.recommend(&ask(&strange, &context), &|_| true), newcomer);
    let future = past(&[("spa", 205), ("spa", 300)]);
    assert_eq!(model.recommend(&ask(&future, &context), &|_| true), newcomer);
}

#[test]
fn revenue_is_the_mean_of_what_was_paid_or_nothing() {
    let mut rows = hotel(4);
    for row in rows.iter_mut().filter(|row| row.item == "bar") {
        row.amount = None;
    }
    let model = fit(&rows, day(205), &small()).unwrap();
    let context = Context::default();
    let all = model.recommend(&Request { k: 99, ..ask(&[], &context) }, &|_| true);
    let revenue = |item: &str| all.iter().find(|entry| entry.item == item).unwrap().estimated_revenue;
    assert_eq!(revenue("spa"), Some(50.0));
    assert_eq!(revenue("bar"), None);
}

#[test]
fn probabilities_come_true() {
    let rows = hotel(5);
    let report = evaluate(&rows, day(150), day(199), 3, &small()).unwrap();
    assert!(report.fit.calibrated);
    // With eight items beside breakfast, guests run out of new things from one slice to the next: the level drifts
    // by a part, never by a factor.
    for found in [report.reliability_new.unwrap(), report.reliability_repeat.unwrap()] {
        let ratio = found.predicted / found.observed;
        assert!(
            (0.65..1.55).contains(&ratio),
            "said {}, came {} of {}",
            found.predicted,
            found.observed,
            found.pairs
        );
    }
    assert!(report.model.ndcg_repeat > report.popularity.ndcg_repeat, "{report:?}");
}

#[test]
fn too_little_time_gives_scores_without_probabilities() {
    let rows: Vec<Interaction> = ["a", "b", "c", "d"]
        .iter()
        .flat_map(|guest| [row(guest, "spa", 1), row(guest, "bar", 2)])
        .chain([row("e", "spa", 2)])
        .collect();
    let model = fit(&rows, day(3), &small()).unwrap();
    let context = Context::default();
    let known = past(&[("spa", 1)]);
    let as_of = day(3);
    let list = model.recommend(&Request { as_of, repeats: false, ..ask(&known, &context) }, &|_| true);
    assert_eq!(list[0].item, "bar");
    assert_eq!((list[0].probability, list[0].no_probability), (None, Some(NoProbability::TooLittleTaken)));
    assert_eq!(list[0].reason, Reason::BecauseOfItem { item: "spa".into() });
    let list = model.recommend(&Request { as_of, ..ask(&[], &context) }, &|_| true);
    assert_eq!(list[0].no_probability, Some(NoProbability::TooFewNewcomers));
    assert!(list.iter().all(|entry| entry.score > 0.0 && entry.score < 1.0));
}

#[test]
fn one_guest_or_one_item_is_enough_where_one_is_asked_for() {
    let settings = Settings { least_guests: 1, ..small() };
    let context = Context::default();
    let one_item = fit(&[row("a", "spa", 1), row("b", "spa", 2)], day(9), &settings).unwrap();
    assert_eq!(one_item.recommend(&ask(&[], &context), &|_| true).len(), 1);
    let one_guest = fit(&[row("a", "spa", 1), row("a", "bar", 2)], day(9), &settings).unwrap();
    let history = past(&[("spa", 1)]);
    let list = one_guest.recommend(&Request { repeats: false, ..ask(&history, &context) }, &|_| true);
    assert_eq!(list[0].item, "bar");
}

#[test]
fn what_cannot_be_learnt_is_refused() {
    let fine = [row("a", "spa", 1), row("b", "spa", 1), row("c", "spa", 1)];
    let error = |rows: &[Interaction], as_of, settings: &Settings| fit(rows, as_of, settings).unwrap_err();
    assert_eq!(error(&[], day(9), &small()), FitError::NoInteractions(day(9)));
    assert_eq!(error(&fine, day(1), &small()), FitError::NoInteractions(day(1)));
    assert_eq!(error(&fine[..2], day(9), &small()), FitError::NothingCommon { least: 3 });
    assert_eq!(error(&[row("", "spa", 1)], day(9), &small()), FitError::NoName { row: 0 });
    assert_eq!(error(&[row("a", " ", 1)], day(9), &small()), FitError::NoName { row: 0 });
    for amount in [f64::NAN, f64::INFINITY] {
        let bad = Interaction { amount: Some(amount), ..row("a", "spa", 1) };
        assert_eq!(error(&[fine[0].clone(), bad], day(9), &small()), FitError::Amount { row: 1 });
    }
    let plain = small().ease[0];
    for settings in [
        Settings { ease: vec![], ..small() },
        Settings { ease: vec![EaseSettings { regularisation: 0.0, ..plain }], ..small() },
        Settings { ease: vec![EaseSettings { regularisation: f64::NAN, ..plain }], ..small() },
        Settings { ease: vec![EaseSettings { half_life: Some(0.0), ..plain }], ..small() },
        Settings { ease: vec![EaseSettings { damping: f64::INFINITY, ..plain }], ..small() },
        Settings { diversity: 1.5, ..small() },
        Settings { exploration: f64::NAN, ..small() },
        Settings { most_items: 0, ..small() },
    ] {
        assert!(matches!(error(&fine, day(9), &settings), FitError::Settings(_)), "{settings:?}");
    }
    assert_eq!(evaluate(&hotel(1), day(100), day(150), 0, &small()), Err(EvaluationError::NoPlaces));
    assert!(matches!(
        evaluate(&hotel(1), day(205), day(300), 10, &small()),
        Err(EvaluationError::NothingToFind { .. })
    ));
}

#[test]
fn the_ends_of_the_calendar_are_days_too() {
    let rows: Vec<Interaction> = (0..6)
        .map(|guest| Interaction { day: NaiveDate::MIN, ..row(&format!("g{guest}"), "spa", 0) })
        .collect();
    let model = fit(&rows, NaiveDate::MAX, &Settings { validation_days: u32::MAX, ..small() }).unwrap();
    let context = Context::default();
    let history = [Past { item: "spa".into(), day: NaiveDate::MIN }];
    let request = Request { as_of: NaiveDate::MAX, ..ask(&history, &context) };
    assert!(model.recommend(&request, &|_| true).iter().all(|entry| entry.score.is_finite()));
    let _ = evaluate(&rows, day(1), NaiveDate::MAX, 10, &small());
}

#[test]
fn the_same_seed_gives_the_same_list_and_another_explores() {
    let settings = Settings { exploration: 0.5, ..small() };
    let (one, two) =
        (fit(&hotel(6), day(205), &settings).unwrap(), fit(&hotel(6), day(205), &settings).unwrap());
    let context = Context::default();
    let history = past(&[("spa", 150)]);
    let list =
        |model: &ServiceModel, seed| model.recommend(&Request { seed, ..ask(&history, &context) }, &|_| true);
    let names = |list: &[Recommendation]| list.iter().map(|entry| entry.item.clone()).collect::<Vec<_>>();
    let mut lists = std::collections::BTreeSet::new();
    for seed in 0..20 {
        assert_eq!(list(&one, seed), list(&two, seed));
        lists.insert(names(&list(&one, seed)));
    }
    assert!(lists.len() > 3);
}

#[test]
fn logged_propensities_are_those_the_model_states_for_the_same_list() {
    let model = fit(&hotel(7), day(205), &Settings { exploration: 0.3, diversity: 0.2, ..small() }).unwrap();
    let context =
        Context { segment: Some("leisure".into()), party: Some(Party::Couple), ..Context::default() };
    let history = past(&[("spa", 150), ("bar", 170)]);
    for seed in 0..20 {
        let request = Request { seed, ..ask(&history, &context) };
        let list = model.recommend(&request, &|_| true);
        let shown: Vec<String> = list.iter().map(|entry| entry.item.clone()).collect();
        let logged: Vec<f64> = list.iter().map(|entry| entry.propensity).collect();
        assert!(logged.iter().all(|p| *p > 0.0 && *p <= 1.0));
        assert_eq!(model.propensities(&request, &|_| true, &shown), logged);
    }
    let strange = ["heliport".to_owned()];
    assert_eq!(model.propensities(&ask(&history, &context), &|_| true, &strange), [0.0]);
}

#[test]
fn the_truth_after_the_cut_does_not_reach_the_model() {
    let rows = hotel(8);
    let mut changed = rows.clone();
    for row in changed.iter_mut().filter(|row| row.day >= day(150)) {
        row.item = "heliport".into();
    }
    let context = Context::default();
    let history = past(&[("spa", 100)]);
    let list = |rows: &[Interaction]| {
        let model = fit(rows, day(150), &small()).unwrap();
        model.recommend(&Request { as_of: day(150), ..ask(&history, &context) }, &|_| true)
    };
    assert_eq!(list(&rows), list(&changed));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_rows_give_a_model_or_a_reason(
        taken in prop::collection::vec((0_u8..6, 0_u8..7, 0_u64..400, prop::option::of(-1e300_f64..1e300), 0_u8..4), 0..60),
        k in 0_usize..12,
        seed in any::<u64>(),
        validation_days in 0_u32..500,
    ) {
        let rows: Vec<Interaction> = taken
            .iter()
            .map(|(guest, item, after, amount, segment)| Interaction {
                amount: *amount,
                context: Context { segment: (*segment > 0).then(|| format!("s{segment}")), ..Context::default() },
                ..row(&format!("g{guest}"), &format!("i{item}"), *after)
            })
            .collect();
        let settings = Settings { least_guests: 1, validation_days, exploration: 0.2, ..Settings::default() };
        if let Ok(model) = fit(&rows, day(401), &settings) {
            let context = Context { segment: Some("s1".into()), ..Context::default() };
            let history = past(&[("i0", 3), ("i1", 300)]);
            let request = Request { as_of: day(401), k, seed, ..ask(&history, &context) };
            let list = model.recommend(&request, &|_| true);
            prop_assert_eq!(list.len(), k.min(model.items().len()));
            for entry in list {
                prop_assert!((0.0..=1.0).contains(&entry.score));
                prop_assert!(entry.propensity > 0.0 && entry.propensity <= 1.0);
                prop_assert_eq!(entry.probability.is_none(), entry.no_probability.is_some());
            }
        } else {
            prop_assert!(rows.is_empty());
        }
    }
}
