//! Policies on the scenarios that come with the crate, against figures that were computed elsewhere.

use innkeeper_plot::Picture;
use innkeeper_pricing::learn::{LearnError, PastDay, Shape, learn, learn_among};
use innkeeper_pricing::night::{
    Demand, FixedPrice, PoliciesPlot, PricePolicy, Sale, SaleError, Scenario, ScenarioError, evaluate, play,
    solve, worth,
};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Name, optimum, share of the best fixed price and of the rule of thumb: an independent program in Python found them.
const PUBLISHED: [(&str, f64, f64, f64); 3] =
    [("A", 7627.29, 0.973, 0.960), ("B", 11623.13, 0.952, 0.934), ("C", 5229.32, 1.000, 0.827)];

#[test]
fn the_optimum_is_the_published_one_and_what_is_learnt_comes_near() {
    for (scenario, (name, optimum, fixed, thumb)) in Scenario::shipped().unwrap().iter().zip(PUBLISHED) {
        let found = evaluate(scenario, &[1, 2], &|| ()).unwrap();
        assert_eq!(found.scenario, name);
        assert!((found.optimum - optimum).abs() < 0.01, "{name}: {}", found.optimum);
        let share = |policy| found.policies[policy].share_of_optimum;
        assert!((share("best_fixed_price") - fixed).abs() < 0.001, "{name}: {}", share("best_fixed_price"));
        assert!((share("rule_of_thumb") - thumb).abs() < 0.002, "{name}: {}", share("rule_of_thumb"));
        assert!(share("known_demand") > 0.999_999);
        assert!(found.policies["learned"].worst_seed_share > share("rule_of_thumb"), "{name}");
        assert!(found.policies.values().all(|policy| policy.share_of_optimum <= 1.0 + 1e-9), "{name}");
    }
}

/// A demand that a small hand computation can follow.
struct Halves;

impl Demand for Halves {
    fn expected(&self, _: u32, price: f64) -> f64 {
        if price < 15.0 { 1.0 } else { 0.5 }
    }
}

#[test]
fn one_room_and_two_days_are_as_computed_by_hand() {
    let sale = Sale { rooms: 1, days: 2, cost: 0.0, prices: vec![10.0, 20.0] };
    let plan = solve(&sale, &Halves).unwrap();
    // On the last day 20 x (1 - e^-.5) = 7.87 beats 10 x (1 - e^-1) = 6.32.
    let last = 20.0 * (1.0 - (-0.5_f64).exp());
    let first = 20.0 * (1.0 - (-0.5_f64).exp()) + (-0.5_f64).exp() * last;
    assert!((plan.value(1, 1) - last).abs() < 1e-9 && (plan.value(2, 1) - first).abs() < 1e-9);
    assert!((plan.bid_price(1, 1) - last).abs() < 1e-9 && plan.bid_price(1, 0).abs() < 1e-12);
    assert!((worth(&sale, &Halves, &plan).unwrap() - first).abs() < 1e-9);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn no_fixed_price_beats_the_plan_and_a_room_more_never_hurts(
        rooms in 1_u32..20, days in 1_u32..15, daily in 0.0_f64..5.0, location in 50.0_f64..200.0, scale in 5.0_f64..60.0,
    ) {
        let text = format!(
            "name='x'\nrooms={rooms}\ndays={days}\nbase_price=100.0\ngrid={{lowest=20.0,highest=300.0,step=20.0}}\n\
             requests={{daily={daily:?}}}\n[[segment]]\nname='all'\nresponse={{family='logit',location={location:?},scale={scale:?}}}\n"
        );
        let scenario = Scenario::from_toml(&text).unwrap();
        let sale = scenario.sale();
        let plan = solve(&sale, &scenario).unwrap();
        let best = worth(&sale, &scenario, &plan).unwrap();
        prop_assert!((best - plan.value(days, rooms)).abs() < 1e-6 * (1.0 + best));
        for price in &sale.prices {
            prop_assert!(worth(&sale, &scenario, &FixedPrice(*price)).unwrap() <= best + 1e-6);
        }
        for left in 1..rooms {
            prop_assert!(plan.value(days, left + 1) >= plan.value(days, left) - 1e-6);
        }
    }
}

#[test]
fn numbers_that_make_no_sale_are_refused() {
    let sale = |rooms, days, prices: &[f64]| Sale { rooms, days, cost: 0.0, prices: prices.to_vec() };
    assert!(matches!(solve(&sale(0, 5, &[1.0]), &Halves), Err(SaleError::Size { what: "rooms", .. })));
    assert!(matches!(solve(&sale(5, 20_000, &[1.0]), &Halves), Err(SaleError::Size { what: "days", .. })));
    for prices in [&[][..], &[2.0, 1.0], &[1.0, 1.0], &[f64::NAN], &[-1.0], &[f64::INFINITY]] {
        assert_eq!(solve(&sale(5, 5, prices), &Halves), Err(SaleError::Prices), "{prices:?}");
    }
    let many: Vec<f64> = (0..1000).map(f64::from).collect();
    assert!(matches!(solve(&sale(10_000, 10_000, &many), &Halves), Err(SaleError::TooMuch(_))));
}

#[test]
fn scenarios_that_make_no_sense_are_refused_with_the_field() {
    let good = include_str!("../scenarios/b.toml");
    let with = |from: &str, to: &str| Scenario::from_toml(&good.replace(from, to));
    assert!(with("x", "x").is_ok());
    assert!(matches!(with("rooms = 100", "rooms = 0"), Err(ScenarioError::Sale(_))));
    assert!(matches!(with("step = 5.0", "step = 0.0"), Err(ScenarioError::Sale(SaleError::Prices))));
    assert!(matches!(with("step = 5.0", "step = 1e-9"), Err(ScenarioError::Sale(SaleError::Prices))));
    assert!(matches!(with("share = 0.75", "share = 1.75"), Err(ScenarioError::Shares { day: 1, .. })));
    assert!(matches!(with("scale = 15.0", "scale = -1.0"), Err(ScenarioError::Response { .. })));
    assert!(matches!(with("total = 320.0", "total = nan"), Err(ScenarioError::Number { .. })));
    assert!(matches!(with("ratio = [0.7, 1.3]", "ratio = [1.3, 0.7]"), Err(ScenarioError::Number { .. })));
    assert!(matches!(with("cost = 15.0", "price = 15.0"), Err(ScenarioError::Toml(_))));
}

#[test]
fn what_cannot_tell_is_not_learnt_from() {
    let day = |date, price: f64, booked| PastDay { date, days_left: 1, price, booked, sold_out: false };
    assert!(matches!(learn(&[]), Err(LearnError::TooLittle { .. })));
    assert!(matches!(learn(&[day(0, 100.0, 1)]), Err(LearnError::TooLittle { .. })));
    let one: Vec<PastDay> = (0..50).map(|date| day(date, 100.0, 3)).collect();
    assert!(matches!(learn(&one), Err(LearnError::OnePrice { .. })));
    for price in [0.0, -5.0, f64::NAN, f64::INFINITY] {
        let days: Vec<PastDay> = (0..50).map(|date| day(date, price, 3)).collect();
        assert!(matches!(learn(&days), Err(LearnError::Day { .. })), "{price}");
    }
}

#[test]
fn nights_that_sold_out_do_not_make_demand_look_small() {
    // Ten rooms for eighty requests: the last room is gone within days.
    let text = "name='x'\nrooms=10\ndays=20\nbase_price=100.0\ngrid={lowest=40.0,highest=300.0,step=10.0}\n\
        requests={daily=4.0}\n[[segment]]\nname='all'\nresponse={family='log_linear',scale=60.0}\n";
    let scenario = Scenario::from_toml(text).unwrap();
    let past = scenario.past(&mut ChaCha8Rng::seed_from_u64(7));
    let learnt = learn(&past).unwrap();
    for price in [80.0, 100.0, 120.0] {
        let ratio = learnt.expected(15, price) / scenario.expected(15, price);
        assert!((0.85..1.18).contains(&ratio), "{price}: {ratio}");
    }
}

#[test]
fn what_is_played_has_the_mean_that_is_computed() {
    for scenario in Scenario::shipped().unwrap() {
        let sale = scenario.sale();
        let (plan, fixed) = (solve(&sale, &scenario).unwrap(), FixedPrice(scenario.base_price));
        let played: Vec<Vec<f64>> = (0..300).map(|seed| play(&scenario, &[&plan, &fixed], seed)).collect();
        for (place, computed) in
            [worth(&sale, &scenario, &plan).unwrap(), worth(&sale, &scenario, &fixed).unwrap()]
                .into_iter()
                .enumerate()
        {
            let mean = played.iter().map(|of| of[place]).sum::<f64>() / 300.0;
            let spread = played.iter().map(|of| (of[place] - mean).powi(2)).sum::<f64>() / 299.0;
            let error = (spread / 300.0).sqrt();
            assert!(
                (mean - computed).abs() < 4.0 * error,
                "{}: {mean} +- {error}, {computed}",
                scenario.name
            );
        }
    }
}

/// As many requests every day, at any price.
struct Crowd(f64);

impl Demand for Crowd {
    fn expected(&self, _: u32, _: f64) -> f64 {
        self.0
    }
}

/// Another price with every room left.
struct Each;

impl PricePolicy for Each {
    fn price(&self, _: u32, rooms_left: u32) -> f64 {
        f64::from(rooms_left)
    }
}

#[test]
fn days_with_many_bookings_are_work_too() {
    let sale = Sale { rooms: 10_000, days: 200, cost: 0.0, prices: (1..=100).map(f64::from).collect() };
    assert!(matches!(solve(&sale, &Crowd(1000.0)), Err(SaleError::TooMuch(_))));
    // A policy that asks another price with every room left, on many days with many bookings.
    let sale = Sale { days: 10_000, prices: vec![1.0], ..sale };
    assert!(matches!(worth(&sale, &Crowd(5000.0), &Each), Err(SaleError::TooMuch(_))));
    // One room has few states, yet each price has its chances.
    let sale = Sale { rooms: 1, days: 10_000, cost: 0.0, prices: (1..=100_000).map(f64::from).collect() };
    assert!(matches!(solve(&sale, &Crowd(1.0)), Err(SaleError::TooMuch(_))));
}

#[test]
fn requests_that_fade_add_up_to_their_total() {
    let text = |days: &str| {
        format!(
            "name='x'\nrooms=10\ndays=10000\nbase_price=100.0\ngrid={{lowest=40.0,highest=300.0,step=10.0}}\n\
             requests={{fading={{total=320.0,days={days}}}}}\n[[segment]]\nname='all'\n\
             response={{family='logit',location=100.0,scale=20.0}}\n"
        )
    };
    for days in ["35.0", "1e-3", "1e12", "1e300"] {
        let scenario = Scenario::from_toml(&text(days)).unwrap();
        let sum: f64 = (1..=scenario.days).map(|day| scenario.requests(day)).sum();
        assert!((sum - 320.0).abs() < 1e-6, "{days}: {sum}");
    }
    let scenario = Scenario::from_toml(&text("35.0")).unwrap();
    assert!((scenario.requests(1) / scenario.requests(36) - std::f64::consts::E).abs() < 1e-9);
}

#[test]
fn a_flood_at_low_prices_is_refused() {
    let text = |location: f64, ratio: &str| {
        format!(
            "name='x'\nrooms=10\ndays=3\nbase_price=100.0\ngrid={{lowest=40.0,highest=300.0,step=10.0}}\n\
             requests={{daily=4.0}}\n[[segment]]\nname='all'\n\
             response={{family='log_linear',location={location:?},scale=10.0}}\n[past]\ndates=5\nratio={ratio}\n"
        )
    };
    assert!(Scenario::from_toml(&text(100.0, "[0.7, 1.3]")).is_ok());
    for (location, ratio) in [(490.0, "[0.7, 1.3]"), (170.0, "[0.1, 1.3]"), (1e9, "[0.7, 1.3]")] {
        let found = Scenario::from_toml(&text(location, ratio));
        assert!(
            matches!(found, Err(ScenarioError::Number { what: "requests at the lowest price", .. })),
            "{location} {found:?}"
        );
    }
}

#[test]
fn a_price_below_the_grid_brings_its_guests() {
    // At the lowest price of the grid 2 a day would book, at half of it 5.4: nobody is turned away.
    let text = "name='x'\nrooms=10000\ndays=10\nbase_price=100.0\ngrid={lowest=100.0,highest=300.0,step=10.0}\n\
        requests={daily=2.0}\n[[segment]]\nname='all'\nresponse={family='log_linear',location=100.0,scale=50.0}\n";
    let scenario = Scenario::from_toml(text).unwrap();
    let sale = scenario.sale();
    for price in [50.0, 10.0, 100.0, 150.0] {
        let policy = FixedPrice(price);
        let computed = worth(&sale, &scenario, &policy).unwrap();
        let mean = (0..300).map(|seed| play(&scenario, &[&policy], seed)[0]).sum::<f64>() / 300.0;
        // Poisson bookings at one price: the standard error of the mean.
        let error = (computed * price / 300.0).sqrt();
        assert!((mean - computed).abs() < 4.0 * error, "{price}: {mean} {computed} {error}");
    }
    // A lower price never books fewer of the same requests, and nobody waits for a price of nothing.
    for seed in 0..20 {
        let booked = |price: f64| play(&scenario, &[&FixedPrice(price)], seed)[0] / price;
        let counts: Vec<f64> = [100.0, 99.0, 80.0, 50.0, 20.0, 1.0].map(booked).to_vec();
        assert!(counts.windows(2).all(|pair| pair[0] <= pair[1] + 1e-9), "{counts:?}");
    }
    let power = text.replace("'log_linear',location=100.0,scale=50.0", "'power',location=100.0,scale=9.0");
    let scenario = Scenario::from_toml(&power).unwrap();
    assert!(play(&scenario, &[&FixedPrice(0.0)], 1)[0].abs() < 1e-9);
    assert!((play(&scenario, &[&FixedPrice(0.01)], 1)[0] - 100.0).abs() < 1e-6, "all rooms go");
}

#[test]
fn two_kinds_of_guests_can_be_learnt_without_change() {
    let scenario = &Scenario::shipped().unwrap()[1];
    let past = scenario.past(&mut ChaCha8Rng::seed_from_u64(3));
    let learnt = learn_among(&past, &[Shape::TwoLogits], false).unwrap();
    assert!(learnt.members().iter().all(|member| member.shape == Shape::TwoLogits && !member.changes));
    assert!(learnt.expected(10, 150.0) < learnt.expected(10, 100.0));
    assert!(learn(&past).unwrap().members().iter().all(|of| of.changes || of.shape != Shape::TwoLogits));
}

#[test]
fn the_best_policy_is_told_first() {
    let figures = |share: f64| vec![[share, share, share]];
    let policies = ["poor", "best", "fair"].map(str::to_owned).into_iter().zip([0.5, 0.9, 0.7].map(figures));
    let plot = PoliciesPlot::new("t".to_owned(), "a".to_owned(), vec!["A".to_owned()], policies.collect());
    let words = plot.description();
    let at = |name: &str| words.find(name).unwrap();
    assert!(at("best") < at("fair") && at("fair") < at("poor"), "{words}");
}
