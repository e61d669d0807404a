//! Portfolios and terms that no one would wish for.
#![allow(clippy::expect_used, reason = "for tests")]

use innkeeper_clv::{
    BgNbd, EvaluationError, FitError, FitSettings, History, SpendLimit, Terms, TimeUnit, Transaction,
    ValueError, Valuer, evaluate, fit, fit_spend, fit_with,
};
use proptest::prelude::*;

fn history(frequency: u32, recency: f64, age: f64) -> History {
    History::new(frequency, recency, age).expect("valid")
}

fn spending(frequency: u32, recency: f64, age: f64, mean: f64) -> History {
    history(frequency, recency, age).with_spend(mean).expect("valid")
}

#[test]
fn too_little_is_a_typed_error() {
    assert_eq!(fit(&[]), Err(FitError::TooFewGuests { have: 0 }));
    assert_eq!(fit(&[history(3, 4.0, 9.0)]), Err(FitError::TooFewGuests { have: 1 }));
    assert_eq!(fit(&[history(0, 0.0, 9.0); 50]), Err(FitError::NoRepeats { guests: 50 }));
    assert_eq!(fit(&[history(0, 0.0, 0.0); 50]), Err(FitError::NoRepeats { guests: 50 }));
    assert_eq!(fit_spend(&[history(3, 4.0, 9.0); 50]), Err(FitError::TooFewAmounts { have: 0 }));
    assert_eq!(fit_spend(&[spending(3, 4.0, 9.0, 0.0); 50]), Err(FitError::TooFewAmounts { have: 0 }));
    for penalty in [-1.0, f64::NAN, f64::INFINITY] {
        let settings = FitSettings { penalty };
        assert!(matches!(fit_with(&[history(1, 1.0, 2.0); 20], settings), Err(FitError::Penalty(_))));
    }
}

#[test]
fn portfolios_without_variety_end_in_finite_models() {
    let portfolios = [
        vec![history(1, 1.0, 2.0); 20],
        vec![history(100_000, 1.0, 1.0); 20],
        vec![history(5, 1e-12, 1e9); 20],
        vec![history(1, 5e-324, 1e300); 20],
        [vec![history(0, 0.0, 0.0); 19], vec![history(1, 1e-6, 1e-6)]].concat(),
        [vec![history(0, 0.0, 1e8); 500], vec![history(99_999, 1e8, 1e8)]].concat(),
    ];
    for portfolio in portfolios {
        match fit(&portfolio) {
            Ok(found) => {
                let parameters = [found.r, found.alpha, found.a, found.b, found.log_likelihood];
                assert!(parameters.iter().all(|p| p.is_finite()) && found.gradient <= 1e-8, "{found:?}");
                for time in [0.0, 1.0, 1e7, f64::MAX] {
                    let expected = found.expected_transactions(&portfolio[0], time);
                    let retention = found.retention(&portfolio[0], time);
                    assert!(
                        expected >= 0.0 && (0.0..=1.0).contains(&retention),
                        "{found:?} {time}: {expected}"
                    );
                }
            }
            Err(error) => assert!(matches!(error, FitError::NotConverged { .. }), "{error}"),
        }
    }
}

#[test]
fn one_price_for_all_is_a_limit_that_is_said() {
    let guests: Vec<History> = (1..40).map(|x| spending(x, 5.0, 9.0, 120.0)).collect();
    let found = fit_spend(&guests).expect("fitted");
    assert!(found.limits.contains(&SpendLimit::GuestsAlike), "{found:?}");
    let expected = found.expected_value(&guests[3]).expect("a mean");
    assert!((expected - 120.0).abs() < 0.1, "{expected}");
}

fn portfolio() -> Vec<History> {
    let repeat =
        (1..60_u32).map(|x| spending(1 + x % 9, f64::from(x % 30) + 1.0, 40.0, 50.0 + f64::from(x * x % 97)));
    repeat.chain((0..80).map(|x| history(0, 0.0, f64::from(x % 40)))).collect()
}

#[test]
fn terms_outside_of_their_ranges_are_named() {
    let guests = portfolio();
    let (time, amounts) = (fit(&guests).expect("fitted"), fit_spend(&guests).expect("fitted"));
    let terms = Terms::months(12, TimeUnit::Week);
    for (bad, name) in [
        (Terms { months: 0, ..terms }, "months"),
        (Terms { months: u16::MAX, ..terms }, "months"),
        (Terms { annual_discount: -0.1, ..terms }, "annual_discount"),
        (Terms { annual_discount: f64::NAN, ..terms }, "annual_discount"),
        (Terms { margin: 0.0, ..terms }, "margin"),
        (Terms { level: 1.0, ..terms }, "level"),
        (Terms { draws: u32::MAX, ..terms }, "draws"),
    ] {
        let refused = Valuer::new(&time, &amounts, bad).expect_err("refused");
        assert!(matches!(refused, ValueError::Term { what, .. } if what == name), "{refused}");
    }
}

#[test]
fn the_longest_horizon_of_the_busiest_guest_is_a_number_soon() {
    let guests = portfolio();
    let (time, amounts) = (fit(&guests).expect("fitted"), fit_spend(&guests).expect("fitted"));
    let terms = Terms::months(1_200, TimeUnit::Day);
    let valuer = Valuer::new(&time, &amounts, terms).expect("terms");
    for of in [spending(100_000, 40.0, 40.0, 1e9), spending(1, 1e-9, 1e12, 1e-300), history(0, 0.0, 0.0)] {
        let value = valuer.value(&of).expect("a value");
        let all = [value.expected, value.lower, value.upper, value.expected_transactions, value.retention];
        assert!(all.iter().all(|v| v.is_finite() && *v >= 0.0), "{value:?}");
    }
}

#[test]
fn an_evaluation_without_a_holdout_is_refused() {
    let day = |text: &str| text.parse().expect("a day");
    let one = |date| Transaction { guest: "a".into(), date: day(date), amount: Some(1.0) };
    let nothing = evaluate(&[], day("2026-01-01"), TimeUnit::Day);
    assert_eq!(nothing, Err(EvaluationError::NoHoldout(day("2026-01-01"))));
    let before = evaluate(&[one("2025-12-01")], day("2026-01-01"), TimeUnit::Day);
    assert!(matches!(before, Err(EvaluationError::NoHoldout(_))));
    let alone = evaluate(&[one("2025-12-01"), one("2026-02-01")], day("2026-01-01"), TimeUnit::Day);
    assert!(matches!(alone, Err(EvaluationError::Fit(FitError::TooFewGuests { have: 1 }))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn predictions_are_numbers_in_their_ranges(
        r in -6.0..4.0_f64, alpha in -3.0..5.0_f64, a in -6.0..4.0_f64, b in -6.0..4.0_f64,
        frequency in 0..3_000_u32, share in 0.001..1.0_f64, age in -2.0..5.0_f64, time in -4.0..8.0_f64,
    ) {
        let of = |logarithm: f64| 10.0_f64.powf(logarithm);
        let model = BgNbd::new(of(r), of(alpha), of(a), of(b)).expect("positive");
        let recency = if frequency == 0 { 0.0 } else { of(age) * share };
        let guest = history(frequency, recency, of(age));
        let (alive, retention) = (model.probability_alive(&guest), model.retention(&guest, of(time)));
        let expected = model.expected_transactions(&guest, of(time));
        prop_assert!((0.0..=1.0).contains(&alive) && (0.0..=alive).contains(&retention));
        // At least one is expected as often as at least one comes; and never more than without leaving.
        let most = (of(r) + f64::from(frequency)) / (of(alpha) + of(age)) * of(time);
        prop_assert!(expected >= retention * (1.0 - 1e-6) && expected <= most * (1.0 + 1e-6), "{expected} {retention} {most}");
        let later = history(frequency, recency.min(of(age)), of(age) * 1.5);
        prop_assert!(model.probability_alive(&later) <= alive);
    }

    #[test]
    fn a_fit_of_anything_is_finite_or_a_typed_error(
        guests in prop::collection::vec((0..40_u32, 0.001..1.0_f64, 0.0..100.0_f64, 0.0..1e4_f64), 10..60)
    ) {
        let of = |(frequency, share, age, mean): (u32, f64, f64, f64)| {
            let recency = age * share;
            if frequency == 0 || recency == 0.0 { history(0, 0.0, age) } else { spending(frequency, recency, age, mean) }
        };
        let guests: Vec<History> = guests.into_iter().map(of).collect();
        let found = fit(&guests).expect("there are repeats");
        prop_assert!(found.log_likelihood.is_finite() && found.gradient <= 1e-8);
        if let Ok(amounts) = fit_spend(&guests) {
            prop_assert!(amounts.log_likelihood.is_finite() && amounts.gradient <= 1e-8);
        }
    }
}
