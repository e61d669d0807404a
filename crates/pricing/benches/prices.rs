//! A schedule of a year: 365 nights, five kinds of room, 100 rooms, two years of bookings of a simulated hotel.
#![allow(clippy::expect_used, missing_docs)]

use std::collections::BTreeMap;
use std::hint::black_box;

use chrono::{Days, NaiveDate};
use criterion::{Criterion, criterion_group, criterion_main};
use innkeeper_hotel::{Event, RoomTypeName};
use innkeeper_pricing::history::History;
use innkeeper_pricing::night::{Scenario, solve};
use innkeeper_pricing::rules::{Rule, RuleSet};
use innkeeper_pricing::schedule::{Hotel, Question, Settings};
use innkeeper_simulator::{Record, Simulation, Truth, Wanted};

const RULES: &str = r#"[
    {"id": "floor", "kind": "floor", "price": 600000},
    {"id": "round", "kind": "price_ending", "step": 10000, "offset": 0},
    {"id": "order", "kind": "order", "lower": "standard", "higher": "deluxe", "at_least_percent": 10}
]"#;

fn schedule(bench: &mut Criterion) {
    let mut truth = Truth::shipped().expect("the shipped truth");
    for (name, like) in [("twin", 0), ("family", 1)] {
        let mut kind = truth.room_types.get(like).expect("a room type").clone();
        kind.name = name.parse().expect("a name");
        truth.room_types.push(kind);
    }
    let end: NaiveDate = "2025-02-28".parse().expect("a day");
    let settings = innkeeper_simulator::Settings::new(1, 100, 730, end, "default".parse().expect("a hotel"));
    let currency = truth.currency;
    let simulation = Simulation::new(settings, truth).expect("a hotel");
    let (mut bookings, mut rates) = (Vec::new(), Vec::new());
    for record in simulation.records(Wanted { bookings: true, rates: true, ..Wanted::NONE }) {
        match record {
            Record::Booking(booking) => bookings.push(*booking),
            Record::Rate(rate) => rates.push(rate),
            _ => {}
        }
    }
    let mut rooms: BTreeMap<RoomTypeName, u32> = BTreeMap::new();
    for room in simulation.rooms() {
        *rooms.entry(room.room_type).or_default() += 1;
    }
    let competitors: Vec<_> = simulation.competitor_prices().collect();
    let events: Vec<Event> = simulation.events().collect();
    let history = History {
        as_of: end,
        currency,
        rooms: &rooms,
        bookings: &bookings,
        rates: &rates,
        competitors: &competitors,
        events: &events,
        closures: &[],
        tests: &[],
    };
    let mut group = bench.benchmark_group("prices");
    group.sample_size(10);
    group.bench_function(format!("learn {} bookings", bookings.len()), |bench| {
        bench.iter(|| Hotel::learn(black_box(&history), Settings::default()));
    });
    let hotel = Hotel::learn(&history, Settings::default()).expect("a hotel");
    let names: Vec<RoomTypeName> = hotel.room_types().map(|(name, _)| name.clone()).collect();
    let rules: Vec<Rule> = serde_json::from_str(RULES).expect("rules");
    let rules = RuleSet::new(rules, currency, &names).expect("rules");
    for nights in [28, 365] {
        let until = end + Days::new(nights);
        let question = Question { from: end + Days::new(1), until, room_types: Vec::new(), level: 0.8 };
        group.bench_function(format!("schedule {nights} nights, {} room types", names.len()), |bench| {
            bench.iter(|| hotel.schedule(black_box(&question), &rules));
        });
    }
    let scenario = Scenario::shipped().expect("scenarios").swap_remove(1);
    let sale = scenario.sale();
    group.bench_function("solve a night of 100 rooms, 120 days, 51 prices", |bench| {
        bench.iter(|| solve(black_box(&sale), &scenario));
    });
    group.finish();
}

criterion_group!(benches, schedule);
criterion_main!(benches);
