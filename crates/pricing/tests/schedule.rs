//! Schedules of a simulated hotel: what they keep, what they say, and what they refuse.
#![allow(clippy::unwrap_used, clippy::panic, clippy::float_cmp)]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use chrono::{Days, NaiveDate};
use innkeeper_hotel::{Booking, Closure, CompetitorPrice, Currency, Event, Money, Rate, RoomTypeName, Stay};
use innkeeper_pricing::history::History;
use innkeeper_pricing::rules::{Cell as RuleCell, OnSale, Priced, Rule, RuleSet};
use innkeeper_pricing::schedule::{
    Cell, Hotel, Question, Reason, ReasonName, Schedule, ScheduleError, Settings,
};
use innkeeper_simulator::{Record, Simulation, Truth, Wanted};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

fn end() -> NaiveDate {
    "2025-02-28".parse().unwrap()
}

fn ahead(days: u64) -> NaiveDate {
    end() + Days::new(days)
}

fn name(text: &str) -> RoomTypeName {
    text.parse().unwrap()
}

/// Tables of a hotel.
#[derive(Clone)]
struct Rows {
    currency: Currency,
    rooms: BTreeMap<RoomTypeName, u32>,
    bookings: Vec<Booking>,
    rates: Vec<Rate>,
    competitors: Vec<CompetitorPrice>,
    events: Vec<Event>,
    closures: Vec<Closure>,
}

impl Rows {
    fn history(&self) -> History<'_> {
        History {
            as_of: end(),
            currency: self.currency,
            rooms: &self.rooms,
            bookings: &self.bookings,
            rates: &self.rates,
            competitors: &self.competitors,
            events: &self.events,
            closures: &self.closures,
            tests: &[],
        }
    }

    fn hotel(&self) -> Hotel {
        Hotel::learn(&self.history(), Settings::default()).unwrap()
    }
}

/// A simulated hotel of 60 rooms and 540 days.
fn simulated(seed: u64, change: impl Fn(&mut Truth)) -> Rows {
    let mut truth = Truth::shipped().unwrap();
    change(&mut truth);
    let currency = truth.currency;
    let settings = innkeeper_simulator::Settings::new(seed, 60, 540, end(), "default".parse().unwrap());
    let simulation = Simulation::new(settings, truth).unwrap();
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
    Rows {
        currency,
        rooms,
        bookings,
        rates,
        competitors: simulation.competitor_prices().collect(),
        events: simulation.events().collect(),
        closures: Vec::new(),
    }
}

static ROWS: LazyLock<Rows> = LazyLock::new(|| simulated(3, |_| ()));

static HOTEL: LazyLock<Hotel> = LazyLock::new(|| ROWS.hotel());

fn asked(from: u64, until: u64) -> Question {
    Question { from: ahead(from), until: ahead(until), room_types: Vec::new(), level: 0.8 }
}

fn rules(json: &str) -> RuleSet {
    let rules: Vec<Rule> = serde_json::from_str(json).unwrap();
    let names: Vec<RoomTypeName> = HOTEL.room_types().map(|(name, _)| name.clone()).collect();
    RuleSet::new(rules, HOTEL.currency(), &names).unwrap()
}

fn none() -> RuleSet {
    rules("[]")
}

fn find<'a>(schedule: &'a Schedule, night: NaiveDate, kind: &RoomTypeName) -> &'a Cell {
    schedule.cells.iter().find(|cell| cell.date == night && cell.room_type == *kind).unwrap()
}

fn reason(cell: &Cell, name: ReasonName) -> Option<&Reason> {
    cell.reasons.iter().find(|reason| reason.name == name)
}

#[test]
fn there_is_a_price_for_each_night_and_type_with_what_it_brings() {
    let schedule = HOTEL.schedule(&asked(1, 60), &none()).unwrap();
    assert_eq!(schedule.cells.len(), 60 * 3);
    let mut changed = 0;
    for cell in &schedule.cells {
        let price =
            cell.suggested_price.unwrap_or_else(|| panic!("{}: {:?}", cell.date, cell.no_price_reason));
        assert!(price > Decimal::ZERO && price.normalize().scale() == 0, "VND has no decimals: {price}");
        assert!((0.0..=1.0).contains(&cell.expected_occupancy.unwrap()), "{cell:?}");
        assert!(cell.expected_bookings.unwrap() >= 0.0);
        let revenue = cell.expected_revenue.unwrap();
        assert!(revenue.lower <= revenue.mean && revenue.mean <= revenue.upper && revenue.level == 0.8);
        assert!(cell.reasons.len() <= 3);
        assert!(cell.curve.iter().any(|point| point.price == price), "the price stands on its own curve");
        assert!(
            cell.curve.windows(2).all(|pair| pair[0].bookings >= pair[1].bookings - 1e-9),
            "{:?}",
            cell.curve
        );
        changed += usize::from(cell.current_price.is_some_and(|current| current != price));
        assert!(cell.confidence.is_some() ^ cell.confidence_reason.is_some());
        assert!(cell.competitor_avg.is_some() ^ cell.competitor_reason.is_some());
    }
    assert!(changed > 20, "a schedule that moves {changed} of 180 prices says nothing");
    let on_sale = |cell: &&Cell| {
        let rates = ROWS.rates.iter().filter(|rate| {
            rate.night == cell.date && rate.room_type == cell.room_type && rate.set_on <= end()
        });
        rates.max_by_key(|rate| rate.set_on).map(|rate| rate.price.amount)
    };
    assert!(schedule.cells.iter().all(|cell| cell.current_price == on_sale(&cell)));
}

#[test]
fn no_price_breaks_a_rule_and_the_rule_that_binds_is_named() {
    let text = r#"[
        {"id": "floor", "kind": "floor", "price": 1500000},
        {"id": "top", "kind": "ceiling", "price": 6000000},
        {"id": "round", "kind": "price_ending", "step": 50000, "offset": 0},
        {"id": "slow", "kind": "max_change_per_day", "percent": 40},
        {"id": "ladder", "kind": "order", "lower": "standard", "higher": "deluxe", "at_least_percent": 10},
        {"id": "weekend", "kind": "minimum_stay", "nights": 2, "scope": {"weekdays": ["Sat"]}}
    ]"#;
    let rules = rules(text);
    let schedule = HOTEL.schedule(&asked(1, 90), &rules).unwrap();
    let mut priced = Vec::new();
    for cell in &schedule.cells {
        let on_sale = HOTEL.on_sale(cell.date, &cell.room_type);
        let of = RuleCell {
            event_kinds: HOTEL.event_kinds(cell.date),
            on_sale: on_sale.map(|sale| OnSale { ..sale }),
            ..RuleCell::new(cell.date, cell.room_type.clone())
        };
        let price = cell.suggested_price.or(cell.current_price);
        assert!(cell.suggested_price.is_some() || cell.no_price_reason.is_some());
        if cell.suggested_price.is_some() {
            priced.push(Priced { cell: of, price });
        }
        assert_eq!(
            cell.minimum_stay,
            (cell.date.format("%a").to_string() == "Sat").then_some(2),
            "{}",
            cell.date
        );
    }
    assert_eq!(rules.broken(&priced), []);
    assert!(priced.len() > 200, "{} of 270 cells have a price", priced.len());
    let bound: Vec<&str> =
        schedule.cells.iter().flat_map(|cell| cell.binding_rules.iter().map(|of| of.rule.as_str())).collect();
    for rule in ["floor", "round"] {
        assert!(bound.contains(&rule), "{rule} binds somewhere");
    }
}

/// Cells whose strongest reasons hold this one, with a rise or a fall.
fn because(schedule: &Schedule, name: ReasonName, rise: bool) -> Vec<&Cell> {
    let mut cells: Vec<&Cell> = schedule
        .cells
        .iter()
        .filter(|cell| reason(cell, name).is_some_and(|reason| (reason.effect > Decimal::ZERO) == rise))
        .collect();
    cells.sort_by_key(|cell| std::cmp::Reverse(reason(cell, name).unwrap().effect.abs()));
    cells
}

/// By how much prices move in the mean, in percent of what they were.
fn moved(cells: &[&Cell], other: &Schedule) -> f64 {
    let each = cells.iter().filter_map(|cell| {
        let (with, without) =
            (cell.suggested_price?, find(other, cell.date, &cell.room_type).suggested_price?);
        Some(100.0 * ((without - with) / with).to_f64()?)
    });
    let each: Vec<f64> = each.collect();
    each.iter().sum::<f64>() / each.len().max(1) as f64
}

#[test]
fn dear_competitors_hold_prices_up_cheap_ones_down_and_without_them_they_move_back() {
    // Guests who look around: what competitors ask matters to them.
    let base = simulated(3, |truth| truth.segments.iter_mut().for_each(|of| of.market_elasticity = 2.0));
    let effect = base.hotel().demand().competitor_effect();
    assert!(effect.is_some_and(|effect| effect.mean > 0.2), "{effect:?}");
    let mut without = base.clone();
    without.competitors.retain(|price| price.night <= end());
    let other = without.hotel().schedule(&asked(20, 40), &none()).unwrap();
    assert!(other.cells.iter().all(|cell| cell.competitor_avg.is_none() && cell.competitor_reason.is_some()));
    for (factor, rise) in [(Decimal::from(3), true), (Decimal::new(3, 1), false)] {
        let mut rows = base.clone();
        // They changed their prices today; what they asked before stays as it was.
        let coming: Vec<CompetitorPrice> =
            rows.competitors.iter().filter(|price| price.night > end()).cloned().collect();
        rows.competitors.retain(|price| price.night <= end() || price.seen_on < end());
        rows.competitors.extend(coming.into_iter().map(|price| CompetitorPrice {
            seen_on: end(),
            price: Money { amount: price.price.amount * factor, ..price.price },
            ..price
        }));
        let schedule = rows.hotel().schedule(&asked(20, 40), &none()).unwrap();
        let cells = because(&schedule, ReasonName::Competitor, rise);
        let against = because(&schedule, ReasonName::Competitor, !rise);
        assert!(cells.len() > 4 * against.len().max(1), "{rise}: {} and {}", cells.len(), against.len());
        let by = moved(&cells, &other);
        assert!((by < -0.5) == rise && by.abs() > 0.5, "{rise}: {by} %");
    }
}

#[test]
fn with_more_rooms_the_prices_that_few_rooms_held_up_fall() {
    let schedule = HOTEL.schedule(&asked(1, 30), &none()).unwrap();
    let held = because(&schedule, ReasonName::RemainingRooms, true);
    assert!(held.len() > 10, "{}", held.len());
    let mut rows = ROWS.clone();
    rows.rooms.values_mut().for_each(|rooms| *rooms *= 4);
    let other = rows.hotel().schedule(&asked(1, 30), &none()).unwrap();
    assert!(moved(&held, &other) < -2.0, "{}", moved(&held, &other));
}

#[test]
fn without_the_event_the_prices_it_held_up_fall() {
    let mut rows = ROWS.clone();
    // A kind of event that the past knows, on nights to come.
    let kind = rows.events.iter().find(|event| event.until < end()).unwrap().kind.clone();
    let (from, until) = (ahead(20), ahead(22));
    rows.events.push(Event { name: "Lantern Days".into(), from, until, kind, known_on: None });
    let schedule = rows.hotel().schedule(&asked(20, 22), &none()).unwrap();
    let other = HOTEL.schedule(&asked(20, 22), &none()).unwrap();
    for rise in [true, false] {
        let cells = because(&schedule, ReasonName::Event, rise);
        let by = moved(&cells, &other);
        assert!(cells.is_empty() || (by < 0.0) == rise, "{rise}: {by}");
        assert!(
            cells.iter().all(|cell| reason(cell, ReasonName::Event).unwrap().words.contains("Lantern Days"))
        );
    }
    assert!(
        !because(&schedule, ReasonName::Event, true).is_empty(),
        "an event that brings guests moves a price"
    );
}

#[test]
fn what_is_booked_later_changes_nothing() {
    let mut rows = ROWS.clone();
    let late = Booking::confirmed(
        "LATE".parse().unwrap(),
        ahead(1),
        Stay { arrival: ahead(10), nights: 2 },
        name("suite"),
    );
    rows.bookings.push(late);
    rows.rates.push(Rate {
        night: ahead(10),
        room_type: name("suite"),
        set_on: ahead(2),
        price: Money::new(Decimal::from(1), rows.currency).unwrap(),
    });
    let (known, other) =
        (HOTEL.schedule(&asked(8, 14), &none()), rows.hotel().schedule(&asked(8, 14), &none()));
    assert_eq!(known.unwrap().cells, other.unwrap().cells);
}

#[test]
fn where_nothing_tells_what_a_price_does_prices_hardly_move_and_the_answer_says_so() {
    let mut rows = ROWS.clone();
    let standing: Vec<Rate> = {
        let mut last: BTreeMap<(NaiveDate, RoomTypeName), Rate> = BTreeMap::new();
        for rate in &rows.rates {
            let place = last.entry((rate.night, rate.room_type.clone())).or_insert_with(|| rate.clone());
            if rate.set_on <= end() && place.set_on <= rate.set_on {
                *place = rate.clone();
            }
        }
        // One price each, for ever.
        last.into_values()
            .map(|rate| Rate { price: Money { amount: Decimal::from(2_000_000), ..rate.price }, ..rate })
            .collect()
    };
    rows.rates = standing;
    let schedule = rows.hotel().schedule(&asked(1, 30), &none()).unwrap();
    assert!(!schedule.demand.identified, "{:?}", schedule.demand);
    assert!(schedule.notes.iter().any(|note| note.note == "prior_elasticity"));
    for cell in &schedule.cells {
        let (price, current) = (cell.suggested_price.unwrap(), cell.current_price.unwrap());
        let change = ((price - current) / current).to_f64().unwrap().abs();
        assert!(change <= 0.1501, "{}: {current} to {price}", cell.date);
    }
}

#[test]
fn questions_that_cannot_be_answered_are_refused() {
    let ask = |question: Question| HOTEL.schedule(&question, &none()).unwrap_err();
    assert!(matches!(ask(asked(9, 8)), ScheduleError::Backwards { .. }));
    assert!(matches!(ask(asked(0, 5)), ScheduleError::Past { .. }));
    assert!(matches!(ask(asked(1, 3650)), ScheduleError::TooManyNights(3650)));
    assert!(matches!(ask(asked(300, 400)), ScheduleError::TooFar { .. }));
    for level in [0.0, 0.499, 1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(ask(Question { level, ..asked(1, 2) }), ScheduleError::Level(_)), "{level}");
    }
    let types =
        |names: &[&str]| Question { room_types: names.iter().map(|of| name(of)).collect(), ..asked(1, 2) };
    assert!(matches!(ask(types(&["cellar"])), ScheduleError::UnknownRoomType(_)));
    assert!(matches!(ask(types(&["suite", "suite"])), ScheduleError::Twice(_)));
    let extreme = Question { from: NaiveDate::MIN, until: NaiveDate::MAX, ..asked(1, 2) };
    assert!(HOTEL.schedule(&extreme, &none()).is_err());
}

#[test]
fn hotels_of_which_little_is_known_are_refused_or_told_so() {
    let learn = |rows: &Rows| Hotel::learn(&rows.history(), Settings::default());
    let mut nothing = ROWS.clone();
    nothing.bookings.clear();
    assert!(matches!(learn(&nothing), Err(ScheduleError::Demand(_))));
    let mut roomless = ROWS.clone();
    roomless.rooms.clear();
    assert!(matches!(learn(&roomless), Err(ScheduleError::NoRooms)));
    roomless.rooms = ROWS.rooms.keys().map(|name| (name.clone(), 0)).collect();
    assert!(matches!(learn(&roomless), Err(ScheduleError::NoRooms)));
    for setting in [
        Settings { night_cost: -1.0, ..Settings::default() },
        Settings { walk_cost: 0.0, ..Settings::default() },
        Settings { caution: f64::NAN, ..Settings::default() },
        Settings { largest_change: 1.5, ..Settings::default() },
    ] {
        assert!(matches!(Hotel::learn(&ROWS.history(), setting), Err(ScheduleError::Setting { .. })));
    }
    // One booking, and one price.
    let mut one = ROWS.clone();
    one.bookings = vec![ROWS.bookings.iter().find(|booking| booking.rate.is_some()).unwrap().clone()];
    one.rates.clear();
    one.competitors.clear();
    let kind = one.bookings[0].room_type.clone();
    let hotel = learn(&one).unwrap();
    let question = Question { room_types: vec![kind.clone()], ..asked(1, 3) };
    match hotel.schedule(&question, &none()) {
        Ok(schedule) => {
            assert!(!schedule.demand.identified);
            assert!(
                schedule
                    .cells
                    .iter()
                    .all(|cell| cell.confidence.is_none() && cell.confidence_reason.is_some())
            );
        }
        Err(error) => assert!(matches!(error, ScheduleError::NoPrices(_)), "{error}"),
    }
}

#[test]
fn a_type_without_rooms_has_no_price_and_the_answer_says_why() {
    let mut rows = ROWS.clone();
    rows.rooms.insert(name("suite"), 0);
    let schedule = rows.hotel().schedule(&asked(1, 5), &none()).unwrap();
    for cell in schedule.cells.iter().filter(|cell| cell.room_type == name("suite")) {
        assert!(cell.suggested_price.is_none() && cell.expected_bookings.is_none() && cell.curve.is_empty());
        assert!(cell.no_price_reason.as_deref().unwrap().contains("no room"));
    }
}

#[test]
fn what_is_not_asked_for_stays_on_sale_and_the_order_holds_beside_it() {
    let order = rules(
        r#"[{"id": "order", "kind": "order", "lower": "standard", "higher": "deluxe", "at_least_percent": 10}]"#,
    );
    let question = Question { room_types: vec![name("standard")], ..asked(1, 60) };
    let schedule = HOTEL.schedule(&question, &order).unwrap();
    assert_eq!(schedule.cells.len(), 60);
    for cell in &schedule.cells {
        let deluxe = HOTEL.on_sale(cell.date, &name("deluxe")).unwrap().price;
        if let Some(price) = cell.suggested_price {
            assert!(deluxe >= price * Decimal::new(11, 1), "{}: {price} beside {deluxe}", cell.date);
        }
    }
}

#[test]
fn guests_who_sleep_in_the_house_are_not_taken_for_ones_who_may_stay_away() {
    let mut rows = ROWS.clone();
    // Every standard room has a guest from today on, for five nights.
    let rooms = rows.rooms[&name("standard")];
    rows.bookings
        .retain(|booking| booking.room_type != name("standard") || booking.stay.departure() <= end());
    for room in 0..rooms {
        let stay = Stay { arrival: end(), nights: 6 };
        let id = format!("HOUSE{room}").parse().unwrap();
        rows.bookings.push(Booking {
            rate: Some(Decimal::from(1_200_000)),
            currency: Some(rows.currency),
            ..Booking::confirmed(id, ahead(0), stay, name("standard"))
        });
    }
    let schedule = rows.hotel().schedule(&asked(1, 3), &none()).unwrap();
    for cell in schedule.cells.iter().filter(|cell| cell.room_type == name("standard")) {
        assert_eq!((cell.on_the_books, cell.rooms_left), (rooms, 0.0), "{}", cell.date);
        assert!(cell.expected_occupancy.unwrap() > 0.999, "{cell:?}");
    }
}

#[test]
fn a_closed_night_gives_no_rooms_and_ends_no_stay() {
    let mut rows = ROWS.clone();
    rows.closures.push(Closure { from: ahead(20), until: ahead(22), room_type: Some(name("deluxe")) });
    let hotel = rows.hotel();
    let schedule = hotel.schedule(&asked(15, 25), &none()).unwrap();
    let (closed, open): (Vec<&Cell>, Vec<&Cell>) = schedule
        .cells
        .iter()
        .filter(|cell| cell.room_type == name("deluxe"))
        .partition(|cell| (ahead(20)..=ahead(22)).contains(&cell.date));
    assert!(closed.iter().all(|cell| cell.suggested_price.is_none() && cell.rooms_left == 0.0));
    assert!(closed.iter().all(|cell| cell.no_price_reason.as_deref().unwrap().contains("closed")));
    assert!(open.iter().all(|cell| cell.suggested_price.is_some()));
    let before = HOTEL.schedule(&asked(15, 25), &none()).unwrap();
    let (with, without) =
        (find(&schedule, ahead(19), &name("deluxe")), find(&before, ahead(19), &name("deluxe")));
    assert!(with.expected_bookings.unwrap() < without.expected_bookings.unwrap(), "stays cannot run through");
}

#[test]
fn a_price_that_a_rule_fixes_has_that_rule_for_its_reason_and_no_other() {
    let fixed = rules(
        r#"[{"id": "fair", "kind": "fixed_price", "price": 2000000, "scope": {"room_types": ["standard"]}}]"#,
    );
    let schedule = HOTEL.schedule(&asked(1, 20), &fixed).unwrap();
    for cell in schedule.cells.iter().filter(|cell| cell.room_type == name("standard")) {
        assert_eq!(cell.suggested_price, Some(Decimal::from(2_000_000)));
        assert!(cell.reasons.iter().all(|reason| reason.name == ReasonName::Rule), "{:?}", cell.reasons);
    }
}

#[test]
fn short_stays_that_a_rule_forbids_are_not_expected() {
    let long = rules(r#"[{"id": "long", "kind": "minimum_stay", "nights": 5}]"#);
    let question = asked(10, 20);
    let (with, without) =
        (HOTEL.schedule(&question, &long).unwrap(), HOTEL.schedule(&question, &none()).unwrap());
    let sum =
        |schedule: &Schedule| schedule.cells.iter().filter_map(|cell| cell.expected_bookings).sum::<f64>();
    assert!(sum(&with) < 0.8 * sum(&without), "{} against {}", sum(&with), sum(&without));
}

#[test]
fn bookings_whose_parts_do_not_agree_and_prices_nobody_can_pay_change_nothing() {
    let mut rows = ROWS.clone();
    let stay = Stay { arrival: ahead(2), nights: u16::MAX };
    rows.bookings.extend(
        (0..1000).map(|n| Booking::confirmed(format!("ODD{n}").parse().unwrap(), end(), stay, name("suite"))),
    );
    for (n, amount) in
        [Decimal::MAX, Decimal::new(1005, 1), Decimal::ZERO, Decimal::from(-5)].into_iter().enumerate()
    {
        let price = Money { amount, currency: rows.currency };
        rows.rates.push(Rate { night: ahead(3), room_type: name("suite"), set_on: end(), price });
        let competitor = format!("odd {n}");
        rows.competitors.push(CompetitorPrice {
            competitor,
            night: ahead(3),
            room_type: None,
            seen_on: end(),
            price,
        });
    }
    let schedule = rows.hotel().schedule(&asked(1, 5), &none()).unwrap();
    let usual = HOTEL.schedule(&asked(1, 5), &none()).unwrap();
    for (odd, cell) in schedule.cells.iter().zip(&usual.cells) {
        assert_eq!((odd.on_the_books, odd.current_price), (cell.on_the_books, cell.current_price));
    }
}
