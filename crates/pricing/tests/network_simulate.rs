//! Policies on the same requests: who earns more, and whether the calendar's forecasts hold.

use innkeeper_pricing::network::simulate::{
    Books, FixedLadder, NetworkPricing, Policy, SeededRules, SingleNight, Stage, compare, paired,
};
use innkeeper_pricing::network::{
    CalendarCell, CalendarInput, CalendarSettings, Demand, Hotel, NetworkError, price_calendar, sample_hotel,
    solve_fluid,
};
use innkeeper_pricing::{Family, Response};

#[test]
fn pricing_the_network_beats_fixed_prices_rules_and_single_nights() {
    let hotel = sample_hotel(14);
    let stage = Stage::new(&hotel).unwrap();
    let mut fixed = FixedLadder::search(&stage, 5000..5010);
    let mut rules = SeededRules::new(&hotel, fixed.prices().to_vec());
    let mut single = SingleNight::new(&hotel).unwrap();
    let mut network = NetworkPricing::new(&hotel, 3);
    let mut policies: [&mut dyn Policy; 4] = [&mut network, &mut single, &mut rules, &mut fixed];
    let comparison = compare(&stage, &mut policies, 0..32).unwrap();
    for policy in &comparison.policies[1..] {
        assert!(policy.first_is_better_by.unwrap().low > 0.0, "{policy:?}");
    }
    // No policy may earn more than the fluid bound, by far more than chance.
    let upper = solve_fluid(&hotel).unwrap().upper;
    assert!(comparison.policies.iter().all(|policy| policy.profit < upper));
    assert!(comparison.policies.iter().all(|policy| policy.occupancy <= 1.0));
}

#[test]
fn the_same_seed_is_the_same_replication() {
    let hotel = sample_hotel(7);
    let stage = Stage::new(&hotel).unwrap();
    assert_eq!(stage.requests(3), stage.requests(3));
    assert_ne!(stage.requests(3), stage.requests(4));
    let mut network = NetworkPricing::new(&hotel, 5);
    let first = stage.play(&stage.requests(3), &mut network);
    stage.play(&stage.requests(4), &mut network);
    assert_eq!(
        stage.play(&stage.requests(3), &mut network),
        first,
        "nothing of a replication is left in the next"
    );
}

/// Posts the same price as long as it is asked.
struct Free;

impl Policy for Free {
    fn name(&self) -> &'static str {
        "free"
    }
    fn restart(&mut self) {}
    fn post(&mut self, books: &Books, prices: &mut [f64]) {
        assert!(books.held.iter().all(|held| *held < 1000));
        prices.fill(0.01);
    }
}

#[test]
fn a_full_house_turns_guests_away_and_walks_those_it_oversold() {
    let mut hotel = sample_hotel(7);
    for segment in &mut hotel.segments {
        segment.no_show = 0.2;
    }
    for class in &mut hotel.classes {
        class.requests.iter_mut().for_each(|requests| *requests *= 5.0);
    }
    let stage = Stage::new(&hotel).unwrap();
    let outcome = stage.play(&stage.requests(1), &mut Free);
    assert!(outcome.refused > 100 && outcome.occupancy > 0.85 && outcome.occupancy <= 1.0, "{outcome:?}");
    assert!(outcome.profit < 0.0, "rooms for nothing cost");
    for segment in &mut hotel.segments {
        (segment.no_show, segment.cancellation) = (0.0, 0.0);
    }
    let stage = Stage::new(&hotel).unwrap();
    let outcome = stage.play(&stage.requests(1), &mut Free);
    assert_eq!(outcome.walked, 0, "when all come nobody is oversold");
}

/// The stays of a hotel with one segment as a calendar, at one price for each type.
fn calendar(hotel: &Hotel, prices: &[f64], lengths: &[f64]) -> CalendarInput {
    let types = hotel.room_types.len();
    let cells = (0..hotel.nights * types).map(|cell| {
        let of = hotel
            .classes
            .iter()
            .filter(|class| class.arrival == cell / types && class.room_type == cell % types);
        let requests = of.clone().flat_map(|class| &class.requests).sum();
        CalendarCell {
            rooms: hotel.room_types[cell % types].rooms,
            rooms_left: f64::from(hotel.room_types[cell % types].rooms),
            come: 0.0,
            minimum_nights: 1,
            night_cost: 15.0,
            demand: of
                .take(1)
                .map(|class| Demand {
                    requests: vec![requests],
                    response: class.response,
                    show_probability: 1.0,
                })
                .collect(),
            prices: vec![prices[cell % types]],
        }
    });
    CalendarInput {
        nights: hotel.nights,
        room_types: types,
        cells: cells.collect(),
        stay_lengths: lengths.to_vec(),
    }
}

#[test]
fn forecasts_of_a_calendar_hold_in_the_simulated_hotel() {
    let mut hotel = sample_hotel(21);
    hotel.classes.retain(|class| class.segment == 0 && class.nights <= 2);
    for segment in &mut hotel.segments {
        (segment.no_show, segment.cancellation) = (0.0, 0.0);
    }
    // One- and two-night stays in the same proportion on all nights but the last.
    let lengths = [0.2 / 0.55, 0.35 / 0.55];
    for prices in [[70.0, 85.0, 140.0], [52.0, 62.0, 100.0]] {
        let stage = Stage::new(&hotel).unwrap();
        let answer =
            price_calendar(&calendar(&hotel, &prices, &lengths), &CalendarSettings::default()).unwrap();
        let revenues: Vec<f64> = (0..200)
            .map(|seed| stage.play(&stage.requests(seed), &mut FixedLadder::new(prices.to_vec())).revenue)
            .collect();
        let mean = revenues.iter().sum::<f64>() / 200.0;
        let deviation = (revenues.iter().map(|revenue| (revenue - mean).powi(2)).sum::<f64>() / 199.0).sqrt();
        let said = answer.revenue_variance.sqrt();
        println!(
            "{prices:?}: revenue {mean:.0} ± {deviation:.0}, forecast {:.0} ± {said:.0}",
            answer.revenue
        );
        assert!((answer.revenue / mean - 1.0).abs() < 0.04, "{} {mean}", answer.revenue);
        assert!(said / deviation > 0.65 && said / deviation < 1.5, "{said} {deviation}");
    }
}

#[test]
fn nothing_is_compared_with_nothing() {
    let hotel = sample_hotel(3);
    let stage = Stage::new(&hotel).unwrap();
    assert!(matches!(compare(&stage, &mut [], 0..5), Err(NetworkError::Size { .. })));
    let mut free = Free;
    assert!(matches!(compare(&stage, &mut [&mut free], 5..5), Err(NetworkError::Size { .. })));
    assert_eq!(paired(&[1.0]), None);
    let same = paired(&[2.0, 2.0, 2.0]).unwrap();
    assert!((same.low - 2.0).abs() < 1e-12 && (same.high - 2.0).abs() < 1e-12);
    let mut none = sample_hotel(3);
    none.classes.iter_mut().for_each(|class| class.requests.clear());
    let stage = Stage::new(&none).unwrap();
    let outcome = stage.play(&stage.requests(1), &mut NetworkPricing::new(&none, 1));
    assert!(outcome.bookings == 0 && outcome.revenue == 0.0);
    let mut flood = sample_hotel(3);
    flood.classes[0].requests[0] = 1e5;
    flood.classes[0].response = Response { family: Family::LogLinear, location: 500.0, scale: 40.0 };
    assert!(matches!(Stage::new(&flood), Err(NetworkError::Number { .. })));
    none.room_types[0].rooms = 0;
    none.room_types[1].rooms = 0;
    none.room_types[2].rooms = 0;
    let stage = Stage::new(&none).unwrap();
    assert!(stage.play(&[], &mut NetworkPricing::new(&none, 1)).occupancy == 0.0);
}
