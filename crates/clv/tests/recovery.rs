//! Parameters, expectations and intervals on guests whose truth is known.
#![allow(clippy::expect_used, reason = "for tests")]

mod simulated;

use innkeeper_clv::{
    BgNbd, FitSettings, Fitted, FittedSpend, GammaGamma, Limit, SpendLimit, Terms, TimeUnit, Valuer, fit,
    fit_spend, fit_with,
};
use simulated::{Simulated, guests, histories};

fn hotel() -> (BgNbd, GammaGamma) {
    let model = BgNbd::new(0.8, 12.0, 0.9, 2.6).expect("positive");
    (model, GammaGamma::new(5.0, 4.0, 60.0).expect("positive"))
}

fn fitted(guests: &[Simulated]) -> (Fitted, FittedSpend) {
    let histories = histories(guests);
    (fit(&histories).expect("fitted"), fit_spend(&histories).expect("fitted"))
}

#[test]
fn the_parameters_come_back_within_their_standard_errors() {
    let (model, spend) = hotel();
    let (mut inside, mut outside) = (0, 0);
    for seed in 0..8 {
        let (found, amounts) = fitted(&guests(model, spend, 5_000, 0.0, seed));
        assert!(found.limits.is_empty() && found.gradient <= 1e-8 && amounts.gradient <= 1e-8, "{found:?}");
        let errors = (found.standard_errors, amounts.standard_errors);
        for (got, want, error) in [
            (found.r, model.r, errors.0.r),
            (found.alpha, model.alpha, errors.0.alpha),
            (found.a, model.a, errors.0.a),
            (found.b, model.b, errors.0.b),
            (amounts.p, spend.p, errors.1.p),
            (amounts.q, spend.q, errors.1.q),
            (amounts.v, spend.v, errors.1.v),
        ] {
            let error = error.expect("a standard error");
            assert!((got - want).abs() < 4.5 * error && error < 0.5 * want, "{got} {want} {error}");
            if (got - want).abs() < 1.96 * error {
                inside += 1;
            } else {
                outside += 1;
            }
        }
    }
    // 95 % of 56, give or take.
    assert!(inside >= 48, "{inside} of {}", inside + outside);
}

#[test]
fn what_is_expected_comes_on_average() {
    let (model, spend) = hotel();
    let guests = guests(model, spend, 20_000, 40.0, 3);
    let (mut foreseen, mut came, mut alive, mut returned, mut once) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for guest in &guests {
        foreseen += model.expected_transactions(&guest.history, 40.0);
        came += guest.future.len() as f64;
        alive += model.retention(&guest.history, 40.0);
        returned += f64::from(u8::from(!guest.future.is_empty()));
        once += model.probability_alive(&guest.history);
    }
    assert!((foreseen / came - 1.0).abs() < 0.04, "{foreseen} {came}");
    assert!((alive / returned - 1.0).abs() < 0.03, "{alive} {returned}");
    assert!(once > alive);
}

#[test]
fn intervals_of_value_hold_what_they_claim() {
    // Many who stay, so that many intervals are far from 0.
    let (model, spend) = (BgNbd::new(1.5, 6.0, 0.3, 6.0).expect("positive"), hotel().1);
    let unit = TimeUnit::Month;
    let terms = Terms { annual_discount: 0.08, level: 0.8, draws: 200, ..Terms::months(24, unit) };
    let known = guests(model, spend, 2_000, 24.0, 11);
    let (found, amounts) = fitted(&known);
    let valuer = Valuer::new(&found, &amounts, terms).expect("terms");
    let (mut held, mut held_active, mut active, mut foreseen, mut came) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for guest in &known {
        let value = valuer.value(&guest.history).expect("a value");
        assert!(value.parameters_included && 0.0 <= value.lower && value.lower <= value.upper, "{value:?}");
        let brought: f64 =
            guest.future.iter().map(|(time, amount)| amount * 1.08_f64.powf(-time.ceil() / 12.0)).sum();
        let inside = f64::from(u8::from((value.lower..=value.upper).contains(&brought)));
        held += inside;
        foreseen += value.expected;
        came += brought;
        // Of those who surely return, the value is a continuous number, and the interval cannot hide behind 0.
        if value.lower > 0.0 {
            active += 1.0;
            held_active += inside;
        }
    }
    let (all, of_active) = (held / known.len() as f64, held_active / active);
    println!("held {all:.3} of all, {of_active:.3} of {active} whose interval begins above 0");
    assert!(active > 100.0 && (0.74..=0.87).contains(&of_active), "{of_active} of {active}");
    assert!(all >= 0.8, "{all}");
    assert!((foreseen / came - 1.0).abs() < 0.08, "{foreseen} {came}");
}

#[test]
fn the_mean_of_the_futures_is_the_expected_value() {
    let (model, spend) = hotel();
    let (found, amounts) = fitted(&guests(model, spend, 20_000, 0.0, 5));
    let of = innkeeper_clv::History::new(6, 30.0, 33.0).and_then(|h| h.with_spend(25.0)).expect("valid");
    let terms = Terms { level: 0.5, draws: 20_000, ..Terms::months(24, TimeUnit::Month) };
    let half = Valuer::new(&found, &amounts, terms).and_then(|valuer| valuer.value(&of)).expect("a value");
    let wide = Terms { level: 0.95, ..terms };
    let wide = Valuer::new(&found, &amounts, wide).and_then(|valuer| valuer.value(&of)).expect("a value");
    assert!(wide.upper > half.upper && half.upper > half.expected * 0.8 && half.lower >= wide.lower);
    let undiscounted = Terms { annual_discount: 0.0, ..terms };
    let plain =
        Valuer::new(&found, &amounts, undiscounted).and_then(|valuer| valuer.value(&of)).expect("a value");
    assert!(
        (plain.expected - plain.expected_transactions * plain.expected_amount).abs() < 1e-9 * plain.expected
    );
    assert!(plain.expected > half.expected && half.expected > plain.expected / 1.21);
    let share = Terms { margin: 0.25, ..undiscounted };
    let share = Valuer::new(&found, &amounts, share).and_then(|valuer| valuer.value(&of)).expect("a value");
    assert!((share.expected * 4.0 / plain.expected - 1.0).abs() < 1e-12);
    assert!((share.upper * 4.0 / plain.upper - 1.0).abs() < 1e-9, "the same seed draws the same futures");
}

#[test]
fn where_nobody_leaves_the_limit_is_found_and_said() {
    let model = BgNbd::new(1.2, 15.0, 0.0, 1.0).expect("valid");
    let spend = hotel().1;
    let mut said = 0;
    for seed in 0..6 {
        let known = guests(model, spend, 2_000, 0.0, 100 + seed);
        let (found, amounts) = fitted(&known);
        assert!(
            (found.r / model.r - 1.0).abs() < 0.2 && (found.alpha / model.alpha - 1.0).abs() < 0.2,
            "{found:?}"
        );
        // Where chance speaks for a few who leave, they are few.
        assert!(found.a / (found.a + found.b) < 0.01, "{found:?}");
        // Few who leave at once look the same as nobody who leaves.
        let limits = [Limit::NobodyLeaves, Limit::LeaveAtOnceOrNever];
        said += usize::from(limits.iter().any(|limit| found.limits.contains(limit)));
        let valuer = Valuer::new(&found, &amounts, Terms::months(12, TimeUnit::Week)).expect("terms");
        assert!(valuer.value(&known[0].history).expect("a value").parameters_included);
    }
    assert!(said >= 3, "{said}");
}

#[test]
fn where_nobody_has_been_silent_nobody_has_left() {
    let seen = |x: u32, age: f64| {
        let recency = if x == 0 { 0.0 } else { age * 0.98 };
        innkeeper_clv::History::new(x, recency, age).expect("valid")
    };
    let counts = [0, 0, 1, 0, 3, 0, 0, 12, 1, 0, 5, 0, 2].iter().copied().cycle();
    let ages = (0..31_u32).map(|place| 20.0 + f64::from(place)).cycle();
    let known: Vec<_> = counts.zip(ages).take(400).map(|(x, age)| seen(x, age)).collect();
    let found = fit(&known).expect("fitted");
    assert_eq!(found.limits, [Limit::NobodyLeaves]);
    assert!(found.a < 1e-300 && found.standard_errors.a.is_none() && found.standard_errors.r.is_some());
    assert!(known.iter().all(|of| found.probability_alive(of) > 1.0 - 1e-12));
}

#[test]
fn guests_who_are_all_alike_end_in_a_finite_fit_that_says_so() {
    let model = BgNbd::new(1e5, 1e6, 3e4, 1e5).expect("valid");
    let spend = GammaGamma::new(4.0, 1e5, 1e6).expect("valid");
    let (mut alike, mut amounts_alike) = (0, 0);
    for seed in 0..6 {
        let (found, amounts) = fitted(&guests(model, spend, 2_000, 0.0, 40 + seed));
        assert!((found.r / found.alpha / 0.1 - 1.0).abs() < 0.1, "{found:?}");
        assert!((found.a / (found.a + found.b) / (3.0 / 13.0) - 1.0).abs() < 0.1, "{found:?}");
        alike += usize::from(found.limits.contains(&Limit::BuyAlike));
        alike += usize::from(found.limits.contains(&Limit::LeaveAlike));
        amounts_alike += usize::from(amounts.limits.contains(&SpendLimit::GuestsAlike));
    }
    assert!(alike >= 3 && amounts_alike >= 1, "{alike} {amounts_alike}");
}

#[test]
fn a_penalty_shrinks_and_shows_no_standard_errors() {
    let (model, spend) = hotel();
    let known = histories(&guests(model, spend, 2_000, 0.0, 8));
    let free = fit(&known).expect("fitted");
    let shrunk = fit_with(&known, FitSettings { penalty: 0.01 }).expect("fitted");
    let size = |of: &Fitted| of.a.powi(2) + of.b.powi(2) + of.r.powi(2);
    assert!(size(&shrunk) < size(&free) && shrunk.log_likelihood < free.log_likelihood);
    assert!(shrunk.standard_errors.r.is_none() && shrunk.log_covariance.is_none());
}

#[test]
fn the_unit_of_time_and_the_currency_do_not_matter() {
    let (model, spend) = hotel();
    let known = histories(&guests(model, spend, 2_000, 0.0, 9));
    let scaled: Vec<_> = known
        .iter()
        .map(|h| {
            let days =
                innkeeper_clv::History::new(h.frequency(), h.recency() * 7.0, h.age() * 7.0).expect("valid");
            h.spend().map_or(days, |mean| days.with_spend(mean * 25_000.0).expect("valid"))
        })
        .collect();
    let (weeks, days) = (fit(&known).expect("fitted"), fit(&scaled).expect("fitted"));
    assert!((days.alpha / weeks.alpha / 7.0 - 1.0).abs() < 1e-6 && (days.r / weeks.r - 1.0).abs() < 1e-6);
    let (euros, dong) = (fit_spend(&known).expect("fitted"), fit_spend(&scaled).expect("fitted"));
    assert!((dong.v / euros.v / 25_000.0 - 1.0).abs() < 1e-6 && (dong.p / euros.p - 1.0).abs() < 1e-6);
}
