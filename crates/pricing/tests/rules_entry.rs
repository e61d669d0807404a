//! What is refused when it is entered, what is said when nothing is allowed, and what hostile input does.
#![expect(clippy::expect_used, clippy::panic, reason = "tests")]

use chrono::{Days, NaiveDate, Weekday};
use innkeeper_hotel::{Currency, RoomTypeName};
use innkeeper_pricing::rules::{
    Action, Cell, CellChoices, CellError, ChannelPrice, Fault, Ladder, OnSale, Priced, Rule, RuleError,
    RuleSet,
};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::{Value, json};

fn name(text: &str) -> RoomTypeName {
    text.parse().expect("a name")
}

fn room_types() -> Vec<RoomTypeName> {
    ["standard", "deluxe", "suite"].map(name).to_vec()
}

fn rule(id: &str, fields: Value) -> Rule {
    let Value::Object(mut fields) = fields else { panic!("fields") };
    fields.insert("id".to_owned(), json!(id));
    serde_json::from_value(Value::Object(fields)).expect("a rule")
}

fn entered(currency: &str, rules: &[(&str, Value)]) -> Result<RuleSet, RuleError> {
    let rules = rules.iter().map(|(id, fields)| rule(id, fields.clone())).collect();
    RuleSet::new(rules, currency.parse::<Currency>().expect("a currency"), &room_types())
}

fn clash(currency: &str, rules: &[(&str, Value)]) -> Vec<String> {
    let error = entered(currency, rules).expect_err("a clash");
    assert!(matches!(error, RuleError::Clash { .. } | RuleError::Circle { .. }), "{error}");
    error.rules().iter().map(ToString::to_string).collect()
}

fn night(day: &str) -> NaiveDate {
    day.parse().expect("a date")
}

fn cell(room_type: &str) -> Cell {
    Cell::new(night("2026-03-06"), name(room_type))
}

fn sold(room_type: &str, price: i64, days: u32) -> Cell {
    let on_sale = Some(OnSale { price: Decimal::from(price), days, at_start_of_day: None });
    Cell { on_sale, ..cell(room_type) }
}

fn grid(prices: &[i64]) -> Vec<Decimal> {
    prices.iter().copied().map(Decimal::from).collect()
}

/// Values that have their top at `best`.
fn peaked(ladder: Ladder, best: i64) -> CellChoices {
    let value = |price: &Decimal| -f64::try_from(*price - Decimal::from(best)).expect("a number").abs();
    let values = ladder.prices().iter().map(value).collect();
    CellChoices { ladder, values, free: Some(Decimal::from(best)) }
}

#[test]
fn a_rule_is_one_flat_object_and_an_unknown_field_is_refused() {
    let text = r#"{"id":"weekend","note":"since 2024","scope":{"room_types":["suite"],"weekdays":["Fri","Sat"],
        "from":"2026-03-01"},"kind":"floor","price":900000}"#;
    let read: Rule = serde_json::from_str(text).expect("a rule");
    let again: Rule = serde_json::from_str(&serde_json::to_string(&read).expect("text")).expect("the same");
    assert_eq!(read, again);
    for wrong in [
        r#"{"id":"a","kind":"floor","price":1,"pirce":2}"#,
        r#"{"id":"a","kind":"freeze","price":1}"#,
        r#"{"id":"a","kind":"floor"}"#,
        r#"{"id":"a","kind":"flor","price":1}"#,
        r#"{"id":"a","kind":"floor","price":1,"scope":{"weekday":["Fri"]}}"#,
        r#"{"id":"a","kind":"floor","price":1,"scope":{"weekdays":["Fry"]}}"#,
        r#"{"id":"a","kind":"floor","price":1e300}"#,
        r#"{"id":"","kind":"freeze"}"#,
        r#"{"id":"a\u0000b","kind":"freeze"}"#,
        r#"{"kind":"freeze"}"#,
        r"[]",
    ] {
        assert!(serde_json::from_str::<Rule>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_rule_that_is_wrong_on_its_own_is_refused() {
    let huge = "79228162514264337593543950335";
    let wrong = |currency: &str, fields: Value| match entered(currency, &[("a", fields.clone())]) {
        Err(RuleError::Invalid { fault, .. }) => fault,
        other => panic!("{fields}: {other:?}"),
    };
    for price in
        [json!(0), json!(-5), json!("1.5"), json!(1_000_000_001), json!(huge), json!(format!("-{huge}"))]
    {
        assert!(matches!(wrong("VND", json!({"kind": "floor", "price": price})), Fault::Price("price", _)));
    }
    wrong("EUR", json!({"kind": "ceiling", "price": "1.005"}));
    wrong("KWD", json!({"kind": "fixed_price", "price": "1.0005"}));
    for percent in [json!(0), json!(-1), json!("0.00001"), json!(1001), json!(huge)] {
        let fault = wrong("VND", json!({"kind": "max_change_per_day", "percent": percent}));
        assert!(matches!(fault, Fault::Percent { .. }));
    }
    let order = |percent: Value| json!({"kind": "order", "lower": "standard", "higher": "suite", "at_least_percent": percent});
    wrong("VND", order(json!(-1)));
    wrong("VND", order(json!(huge)));
    wrong("VND", json!({"kind": "order", "lower": "suite", "higher": "suite"}));
    wrong(
        "VND",
        json!({"kind": "order", "lower": "standard", "higher": "suite", "scope": {"room_types": ["suite"]}}),
    );
    wrong("VND", json!({"kind": "price_ending", "step": 10, "offset": 10}));
    wrong("VND", json!({"kind": "price_ending", "step": 10, "offset": -1}));
    wrong("VND", json!({"kind": "price_ending", "step": 0}));
    wrong("VND", json!({"kind": "price_ending", "step": 1, "offset": "0.99"}));
    wrong("VND", json!({"kind": "minimum_stay", "nights": 0}));
    wrong("VND", json!({"kind": "minimum_stay", "nights": u32::MAX}));
    wrong("VND", json!({"kind": "rate_parity", "channels": []}));
    wrong("VND", json!({"kind": "rate_parity", "channels": [" "]}));
    wrong("VND", json!({"kind": "rate_parity", "channels": ["a"], "tolerance_percent": 100}));
    for scope in [
        json!({"weekdays": []}),
        json!({"room_types": []}),
        json!({"event_kinds": []}),
        json!({"event_kinds": [""]}),
        json!({"from": "2026-03-02", "until": "2026-03-01"}),
        // A Monday and a Tuesday.
        json!({"from": "2026-03-02", "until": "2026-03-03", "weekdays": ["Wed", "Sun"]}),
    ] {
        wrong("VND", json!({"kind": "freeze", "scope": scope}));
    }
    let freeze = json!({"kind": "freeze"});
    let twice = entered("VND", &[("a", freeze.clone()), (" a ", freeze.clone())]);
    assert!(matches!(twice, Err(RuleError::DuplicateId(_))));
    let unknown = entered("VND", &[("a", json!({"kind": "freeze", "scope": {"room_types": ["tent"]}}))]);
    assert!(matches!(unknown, Err(RuleError::UnknownRoomType { .. })));
    let rules = (0..201).map(|number| rule(&number.to_string(), freeze.clone())).collect();
    let many = RuleSet::new(rules, "VND".parse().expect("VND"), &room_types());
    assert!(matches!(many, Err(RuleError::TooMany(201))));
}

#[test]
fn contradictions_are_refused_with_the_rules_that_make_them() {
    let floor = json!({"kind": "floor", "price": 900});
    let ceiling = json!({"kind": "ceiling", "price": 800, "scope": {"room_types": ["suite"]}});
    assert_eq!(clash("VND", &[("high", ceiling.clone()), ("low", floor.clone())]), ["low", "high"]);
    let fixed = |price: i64| json!({"kind": "fixed_price", "price": price});
    assert_eq!(clash("VND", &[("a", fixed(800)), ("b", fixed(900))]).len(), 2);
    assert_eq!(clash("VND", &[("a", fixed(800)), ("f", floor.clone())]), ["f", "a"]);
    let ending = |step: i64, offset: i64| json!({"kind": "price_ending", "step": step, "offset": offset});
    assert_eq!(clash("VND", &[("a", ending(10, 9)), ("b", ending(4, 2))]).len(), 2);
    assert!(entered("VND", &[("a", ending(10, 9)), ("b", ending(4, 1))]).is_ok());
    let tight = json!({"kind": "ceiling", "price": 940});
    let three = clash("VND", &[("e", ending(50, 49)), ("hi", tight), ("lo", floor.clone())]);
    assert_eq!(three, ["lo", "hi", "e"], "900 to 940 holds no 49 or 99");
    let order = |lower: &str, higher: &str, percent: i64| json!({"kind": "order", "lower": lower, "higher": higher, "at_least_percent": percent});
    let only = |kind: &str, price: i64, of: &str| json!({"kind": kind, "price": price, "scope": {"room_types": [of]}});
    let chain = [
        ("ds", order("deluxe", "suite", 10)),
        ("sd", order("standard", "deluxe", 10)),
        ("lo", only("floor", 900, "standard")),
        ("hi", only("ceiling", 1088, "suite")),
        ("other", only("floor", 100, "deluxe")),
    ];
    assert_eq!(clash("VND", &chain), ["lo", "hi", "ds", "sd"]);
    let mut fits = chain.clone();
    fits[3] = ("hi", only("ceiling", 1089, "suite"));
    assert!(entered("VND", &fits).is_ok(), "900, 990 and 1089 are in order");
    let circle = [
        ("a", order("standard", "deluxe", 0)),
        ("b", order("deluxe", "suite", 0)),
        ("c", order("suite", "standard", 0)),
    ];
    assert_eq!(clash("VND", &circle).len(), 3);
    let top = json!({"kind": "floor", "price": 1_000_000_000, "scope": {"room_types": ["standard"]}});
    assert_eq!(clash("KWD", &[("top", top), ("o", order("standard", "suite", 1))]), ["top", "o"]);
}

#[test]
fn scopes_overlap_exactly_where_a_night_is_in_both() {
    let floor = |scope: Value| ("floor", json!({"kind": "floor", "price": 900, "scope": scope}));
    let ceiling = |scope: Value| ("ceiling", json!({"kind": "ceiling", "price": 800, "scope": scope}));
    let apart = [
        (json!({"room_types": ["suite"]}), json!({"room_types": ["deluxe"]})),
        (json!({"until": "2026-03-05"}), json!({"from": "2026-03-06"})),
        (json!({"weekdays": ["Fri", "Sat"]}), json!({"weekdays": ["Sun", "Mon"]})),
        // The common nights are a Thursday to a Saturday.
        (
            json!({"from": "2026-03-05", "weekdays": ["Fri", "Sun"]}),
            json!({"until": "2026-03-07", "weekdays": ["Thu", "Sun"]}),
        ),
    ];
    for (first, second) in apart {
        assert!(entered("VND", &[floor(first.clone()), ceiling(second.clone())]).is_ok(), "{first} {second}");
    }
    let together = [
        (json!({"until": "2026-03-06"}), json!({"from": "2026-03-06"})),
        (json!({"event_kinds": ["fair"]}), json!({"event_kinds": ["concert"]})),
        (json!({"from": "2016-01-01", "until": "2036-01-01"}), json!({"weekdays": ["Wed"]})),
        (
            json!({"from": "2026-03-05", "weekdays": ["Sun"]}),
            json!({"until": "2026-03-08", "weekdays": ["Sun"]}),
        ),
        (json!({"until": "+262142-12-31"}), json!({"from": "-262143-01-01"})),
    ];
    for (first, second) in together {
        assert_eq!(clash("VND", &[floor(first.clone()), ceiling(second)]), ["floor", "ceiling"], "{first}");
    }
}

#[test]
fn a_ladder_holds_the_nearest_allowed_prices_and_what_cut_it() {
    let set = entered(
        "VND",
        &[
            ("lo", json!({"kind": "floor", "price": 104})),
            ("hi", json!({"kind": "ceiling", "price": 151})),
            ("nine", json!({"kind": "price_ending", "step": 10, "offset": 9})),
        ],
    )
    .expect("a set");
    let ladder = set.ladder(&cell("suite"), &grid(&[100, 120, 129, 200])).expect("a ladder");
    assert_eq!(ladder.prices(), grid(&[109, 119, 129, 149]));
    assert_eq!(ladder.bottom().expect("a floor").words, "the floor of 104 holds the price up");
    assert_eq!(ladder.top().expect("a ceiling").rule.as_str(), "hi");
    assert_eq!(ladder.filtered()[0].rule.as_str(), "nine");
    let cents = entered("EUR", &[("e", json!({"kind": "price_ending", "step": 1, "offset": "0.99"}))])
        .expect("a set");
    let ladder = cents.ladder(&cell("suite"), &grid(&[100])).expect("a ladder");
    assert_eq!(ladder.prices(), [Decimal::new(9999, 2), Decimal::new(10_099, 2)]);
    let dinar = entered("KWD", &[("e", json!({"kind": "price_ending", "step": "0.25"}))]).expect("a set");
    let ladder = dinar.ladder(&cell("suite"), &[Decimal::new(10_001, 3)]).expect("a ladder");
    assert_eq!(ladder.prices(), [Decimal::from(10), Decimal::new(1025, 2)]);
}

#[test]
fn a_change_per_day_grows_with_the_days_and_starts_where_the_day_began() {
    let set = entered(
        "VND",
        &[
            ("step", json!({"kind": "max_change_per_day", "percent": 10})),
            ("lo", json!({"kind": "floor", "price": 130})),
        ],
    )
    .expect("a set");
    let ladder = |cell: &Cell| set.ladder(cell, &grid(&[1, 100_000])).expect("a ladder");
    let today = ladder(&sold("suite", 100, 0));
    assert!(today.prices().is_empty());
    let unmet = today.unmet().expect("a reason");
    assert_eq!(unmet.rules.iter().map(ToString::to_string).collect::<Vec<_>>(), ["lo", "step"]);
    assert_eq!(unmet.why, "the floor of 130 and the limit of 10 % on the change per day leave no price");
    assert_eq!(
        ladder(&sold("suite", 100, 3)).prices(),
        grid(&[130]),
        "three days later the floor is in reach"
    );
    assert_eq!(ladder(&sold("suite", 100, u32::MAX)).prices(), grid(&[130, 36_700]));
    assert_eq!(ladder(&cell("suite")).prices(), grid(&[130, 100_000]), "nothing on sale, nothing to change");
    let mut crept = sold("suite", 132, 0);
    crept.on_sale.as_mut().expect("a sale").at_start_of_day = Some(Decimal::from(125));
    assert_eq!(ladder(&crept).prices(), grid(&[130, 137]), "a second change today is no way to 145");
}

#[test]
fn a_freeze_and_parity_keep_what_they_name() {
    let freeze = ("ice", json!({"kind": "freeze", "scope": {"event_kinds": ["fair"]}}));
    let set = entered("VND", std::slice::from_ref(&freeze)).expect("a set");
    let mut frozen = sold("suite", 137, 4);
    frozen.event_kinds.push("fair".to_owned());
    assert_eq!(set.ladder(&frozen, &grid(&[100, 200])).expect("a ladder").prices(), grid(&[137]));
    frozen.on_sale = None;
    let none = set.ladder(&frozen, &grid(&[100, 200])).expect("a ladder");
    assert_eq!(none.unmet().expect("a reason").why, "the freeze has no price on sale to keep");
    frozen.event_kinds.clear();
    assert_eq!(set.ladder(&frozen, &grid(&[100, 200])).expect("a ladder").prices(), grid(&[100, 200]));
    let parity = json!({"kind": "rate_parity", "channels": ["agency"], "tolerance_percent": 5});
    let set = entered("VND", &[("one price", parity)]).expect("a set");
    let own =
        |channel: &str, price: i64| ChannelPrice { channel: channel.to_owned(), price: Decimal::from(price) };
    let mut bound = cell("suite");
    bound.channels = vec![own("agency", 1000), own("telephone", 5000)];
    let ladder = set.ladder(&bound, &grid(&[500, 1000, 2000])).expect("a ladder");
    assert_eq!(ladder.prices(), grid(&[953, 1000, 1052]), "5 percent of our price, not of theirs");
    let broken = set.broken(&[Priced { cell: bound.clone(), price: Some(Decimal::from(1053)) }]);
    assert_eq!(broken[0].rule.as_ref().expect("a rule").as_str(), "one price");
    bound.channels.push(own("agency", 1200));
    assert!(set.ladder(&bound, &grid(&[1000])).expect("a ladder").unmet().is_some(), "two prices far apart");
}

#[test]
fn orders_move_prices_and_are_named() {
    let set = entered(
        "VND",
        &[
            ("sd", json!({"kind": "order", "lower": "standard", "higher": "deluxe"})),
            ("ds", json!({"kind": "order", "lower": "deluxe", "higher": "suite", "at_least_percent": 20})),
            ("hi", json!({"kind": "ceiling", "price": 150, "scope": {"room_types": ["suite"]}})),
            ("stay", json!({"kind": "minimum_stay", "nights": 2})),
            ("longer", json!({"kind": "minimum_stay", "nights": 3, "scope": {"room_types": ["suite"]}})),
        ],
    )
    .expect("a set");
    let prices = grid(&(80..=200).collect::<Vec<i64>>());
    let cells = ["standard", "deluxe", "suite"].map(|room_type| (cell(room_type), prices.clone()));
    let ladders = set.ladders(&cells).expect("ladders");
    let night: Vec<CellChoices> =
        ladders.into_iter().zip([100, 130, 190]).map(|(l, best)| peaked(l, best)).collect();
    let settled = set.settle(&night).expect("settled");
    let found: Vec<Decimal> = settled.iter().filter_map(|answer| answer.price).collect();
    assert_eq!(found, grid(&[100, 125, 150]));
    assert!(settled[0].binding.is_empty());
    assert_eq!(settled[1].binding[0].rule.as_str(), "ds");
    assert_eq!(
        settled[1].binding[0].words,
        "the order of suite at least 20 % over deluxe holds the price down"
    );
    assert_eq!(
        (settled[2].binding[0].rule.as_str(), settled[2].binding[0].action),
        ("hi", Action::HoldsDown)
    );
    let stays: Vec<u32> =
        settled.iter().filter_map(|answer| Some(answer.minimum_stay.as_ref()?.nights)).collect();
    assert_eq!(stays, [2, 2, 3]);
}

#[test]
fn a_cell_without_an_answer_keeps_its_price_on_sale_and_its_neighbours_keep_the_order_beside_it() {
    let set = entered(
        "VND",
        &[
            ("o", json!({"kind": "order", "lower": "standard", "higher": "suite"})),
            (
                "step",
                json!({"kind": "max_change_per_day", "percent": 1, "scope": {"room_types": ["standard"]}}),
            ),
            ("lo", json!({"kind": "floor", "price": 300, "scope": {"room_types": ["standard"]}})),
        ],
    )
    .expect("a set");
    let prices = grid(&[150, 180, 220, 260, 400]);
    let cells = [(sold("standard", 200, 1), prices.clone()), (cell("suite"), prices.clone())];
    let ladders = set.ladders(&cells).expect("ladders");
    let night: Vec<CellChoices> = ladders.into_iter().map(|ladder| peaked(ladder, 150)).collect();
    let settled = set.settle(&night).expect("settled");
    assert!(settled[0].price.is_none() && settled[0].unmet.is_some());
    assert_eq!(settled[1].price, Some(Decimal::from(200)), "not below the 200 that stay on sale");
    assert_eq!(settled[1].binding[0].rule.as_str(), "o");
    // A suite that cannot reach what the standard room keeps says so.
    let held = [
        ("o", json!({"kind": "order", "lower": "standard", "higher": "suite"})),
        ("ice", json!({"kind": "freeze"})),
    ];
    let set = entered("VND", &held).expect("a set");
    let cells = [(sold("standard", 200, 1), prices.clone()), (sold("suite", 190, 1), prices)];
    let ladders = set.ladders(&cells).expect("ladders");
    for ladder in &ladders {
        let unmet = ladder.unmet().expect("a reason");
        assert_eq!(unmet.rules.iter().map(ToString::to_string).collect::<Vec<_>>(), ["ice", "o"]);
        assert_eq!(
            unmet.why,
            "standard cannot go low enough for suite under the freeze and the order of suite over standard"
        );
    }
}

#[test]
fn an_override_is_told_which_rules_it_breaks() {
    let set = entered(
        "EUR",
        &[
            ("lo", json!({"kind": "floor", "price": 90, "scope": {"weekdays": ["Fri"]}})),
            ("hi", json!({"kind": "ceiling", "price": 200})),
            ("e", json!({"kind": "price_ending", "step": 1, "offset": "0.99"})),
            ("step", json!({"kind": "max_change_per_day", "percent": "12.5"})),
            ("ice", json!({"kind": "freeze", "scope": {"until": "2026-03-05"}})),
            ("o", json!({"kind": "order", "lower": "standard", "higher": "suite", "at_least_percent": 50})),
        ],
    )
    .expect("a set");
    let check = |cells: &[(Cell, Option<&str>)]| -> Vec<String> {
        let priced = cells.iter().map(|(cell, price)| Priced {
            cell: cell.clone(),
            price: price.map(|price| price.parse().expect("a price")),
        });
        let broken = set.broken(&priced.collect::<Vec<_>>());
        broken
            .into_iter()
            .map(|broken| broken.rule.map_or_else(String::new, |rule| rule.to_string()))
            .collect()
    };
    assert_eq!(check(&[(sold("standard", 80, 1), Some("89.99"))]), ["lo"]);
    assert_eq!(check(&[(sold("standard", 80, 1), Some("90.99"))]), ["step"]);
    assert_eq!(check(&[(sold("standard", 80, 2), Some("90.99"))]), Vec::<String>::new());
    assert_eq!(check(&[(cell("standard"), Some("300.5"))]), ["hi", "e"]);
    let thursday = Cell { night: night("2026-03-05"), ..sold("standard", 80, 1) };
    assert_eq!(check(&[(thursday, Some("80.99"))]), ["ice"]);
    let suite = (sold("suite", 140, 9), None);
    assert_eq!(check(&[(cell("standard"), Some("99.99")), suite.clone()]), ["o"]);
    assert_eq!(check(&[(cell("standard"), Some("92.99")), suite.clone()]), Vec::<String>::new());
    assert_eq!(check(&[(sold("standard", 100, 1), None), suite]), Vec::<String>::new(), "nothing changes");
    for price in ["0", "-1", "0.001", "79228162514264337593543950335", "-79228162514264337593543950335"] {
        assert_eq!(check(&[(cell("standard"), Some(price))]), [""], "{price}");
    }
    assert_eq!(check(&[(cell("tent"), Some("99.99"))]), [""]);
    let mut own = cell("standard");
    own.channels.push(ChannelPrice { channel: "agency".to_owned(), price: Decimal::MAX });
    assert_eq!(check(&[(own, Some("99.99"))]), Vec::<String>::new());
}

#[test]
fn hostile_cells_are_errors_or_have_no_price() {
    let set = entered("VND", &[("p", json!({"kind": "rate_parity", "channels": ["a"]}))]).expect("a set");
    let good = grid(&[100, 200]);
    assert!(matches!(set.ladder(&cell("tent"), &good), Err(CellError::UnknownRoomType(_))));
    for price in [Decimal::ZERO, Decimal::NEGATIVE_ONE, Decimal::MAX, Decimal::MIN, Decimal::new(15, 1)] {
        let bad = |result: Result<Ladder, CellError>| {
            assert!(matches!(result, Err(CellError::Price { .. })), "{price}");
        };
        bad(set.ladder(&cell("suite"), &[price]));
        let mut sale = sold("suite", 100, 0);
        sale.on_sale = Some(OnSale { price, days: 0, at_start_of_day: None });
        bad(set.ladder(&sale, &good));
        sale.on_sale = Some(OnSale { price: Decimal::ONE, days: 0, at_start_of_day: Some(price) });
        bad(set.ladder(&sale, &good));
        let mut own = cell("suite");
        own.channels.push(ChannelPrice { channel: "a".to_owned(), price });
        bad(set.ladder(&own, &good));
    }
    assert!(matches!(set.ladder(&cell("suite"), &vec![Decimal::ONE; 1001]), Err(CellError::TooMany(1001))));
    let empty = set.ladder(&cell("suite"), &[]).expect("a ladder");
    assert!(empty.prices().is_empty() && empty.unmet().is_some());
    let ladder = |room_type| set.ladder(&cell(room_type), &good).expect("a ladder");
    let choices = |room_type, values: &[f64]| CellChoices {
        ladder: ladder(room_type),
        values: values.to_vec(),
        free: None,
    };
    let settled = set
        .settle(&[
            choices("suite", &[f64::NAN, f64::INFINITY]),
            choices("deluxe", &[f64::MAX, f64::MIN]),
            choices("standard", &[5e-324, f64::NEG_INFINITY]),
        ])
        .expect("settled");
    assert_eq!(settled[0].unmet.as_ref().expect("a reason").why, "no allowed candidate has a value");
    assert_eq!(settled[1].price, Some(Decimal::from(100)));
    assert_eq!(settled[2].price, Some(Decimal::from(100)));
    assert!(matches!(
        set.settle(&[choices("suite", &[1.0])]),
        Err(CellError::Values { values: 1, prices: 2 })
    ));
    let twice = [choices("suite", &[1.0, 2.0]), choices("suite", &[1.0, 2.0])];
    assert!(matches!(set.settle(&twice), Err(CellError::Twice(_))));
    let mut later = cell("deluxe");
    later.night = later.night + Days::new(1);
    let nights = set.ladders(&[(cell("suite"), good.clone()), (later, good)]);
    assert!(matches!(nights, Err(CellError::Nights(..))));
    assert!(set.settle(&[]).expect("nothing").is_empty());
    assert!(RuleSet::new(Vec::new(), "VND".parse().expect("VND"), &[]).is_ok());
}

#[test]
fn two_hundred_hostile_rules_are_read_in_time() {
    let rules: Vec<Rule> = (0..200_u64)
        .map(|number| {
            let from = night("2016-01-01") + Days::new(number * 7);
            let weekdays = [Weekday::Mon, Weekday::Sun];
            let scope = json!({"from": from, "until": from + Days::new(3650), "weekdays": weekdays});
            let kind =
                json!({"kind": "price_ending", "step": 999_999_000 + number, "offset": 5, "scope": scope});
            rule(&number.to_string(), kind)
        })
        .collect();
    let began = std::time::Instant::now();
    let set = RuleSet::new(rules, "KWD".parse().expect("KWD"), &room_types()).expect("all hold at 5");
    println!("200 rules of ten years read in {:?}", began.elapsed());
    let ladder = set.ladder(&Cell::new(night("2022-03-07"), name("suite")), &grid(&[100])).expect("a ladder");
    assert_eq!(ladder.prices(), grid(&[5]));
}

#[test]
fn a_clash_says_on_which_nights() {
    let why = |first: Value, second: Value| {
        let rules = [
            ("a", json!({"kind": "floor", "price": 2000, "scope": first})),
            ("b", json!({"kind": "ceiling", "price": 1000, "scope": second})),
        ];
        entered("VND", &rules).expect_err("a clash").to_string()
    };
    let both = "the floor of 2,000 (a) and the ceiling of 1,000 (b) leave no price for";
    assert_eq!(why(json!({}), json!({})), format!("{both} standard"));
    let friday = json!({"weekdays": ["Fri"], "room_types": ["suite"]});
    assert_eq!(why(friday, json!({})), format!("{both} suite on each Friday"));
    let dated = json!({"from": "2026-03-05", "until": "2026-03-05"});
    assert_eq!(why(dated, json!({})), format!("{both} standard on 2026-03-05"));
    let kinds = |kind: &str| json!({"event_kinds": [kind]});
    let events = why(kinds("fair"), kinds("concert"));
    assert_eq!(events, format!("{both} standard with the events concert and fair"));
}

#[test]
fn a_number_of_json_is_taken_as_it_is_written() {
    let text = r#"[{"id":"e","kind":"price_ending","step":1,"offset":0.99},{"id":"f","kind":"floor","price":99.95}]"#;
    let rules: Vec<Rule> = serde_json::from_str(text).expect("rules");
    let set = RuleSet::new(rules, "EUR".parse().expect("EUR"), &room_types()).expect("a set");
    assert_eq!(set.ladder(&cell("suite"), &grid(&[90])).expect("a ladder").prices(), [Decimal::new(9999, 2)]);
}

#[test]
fn the_longest_ladders_in_the_wrong_order_are_settled_in_time() {
    let names: Vec<RoomTypeName> = (0..10).map(|number| name(&format!("type {number}"))).collect();
    let order = |number: usize| {
        let (lower, higher) = (&names[number / 2], &names[number + 1]);
        rule(
            &number.to_string(),
            json!({"kind": "order", "lower": lower, "higher": higher, "at_least_percent": 3}),
        )
    };
    let set = RuleSet::new((0..9).map(order).collect(), "VND".parse().expect("VND"), &names).expect("a set");
    let prices = grid(&(1000..2000).collect::<Vec<i64>>());
    let cells: Vec<(Cell, Vec<Decimal>)> =
        names.iter().map(|name| (Cell::new(night("2026-03-06"), name.clone()), prices.clone())).collect();
    let mut state = 1_u64;
    let choices: Vec<CellChoices> = set
        .ladders(&cells)
        .expect("ladders")
        .into_iter()
        .map(|ladder| {
            let mut draw = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) as f64
            };
            let values = ladder.prices().iter().map(|_| draw()).collect();
            CellChoices { ladder, values, free: None }
        })
        .collect();
    let began = std::time::Instant::now();
    let settled = set.settle(&choices).expect("settled");
    println!("10 room types with 1000 candidates each in {:?}", began.elapsed());
    assert!(settled.iter().all(|answer| answer.price.is_some()));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is posted, reading and checking it ends without a panic, and what is accepted leaves a price.
    #[test]
    fn any_amounts_are_accepted_or_refused(
        price in any::<i64>(), scale in 0_u32..10, percent in any::<i64>(), step in any::<i64>(), offset in any::<i64>(),
        days in any::<u32>(), sale in any::<i64>(), candidate in any::<i64>(),
    ) {
        let text = |mantissa: i64| Decimal::new(mantissa, scale).to_string();
        for currency in ["VND", "EUR", "KWD"] {
            for kind in [
                json!({"kind": "floor", "price": text(price)}),
                json!({"kind": "max_change_per_day", "percent": text(percent)}),
                json!({"kind": "price_ending", "step": text(step), "offset": text(offset)}),
                json!({"kind": "order", "lower": "standard", "higher": "suite", "at_least_percent": text(percent)}),
                json!({"kind": "rate_parity", "channels": ["a"], "tolerance_percent": text(percent)}),
            ] {
                let Ok(set) = entered(currency, &[("a", kind)]) else { continue };
                let on_sale = Some(OnSale { price: Decimal::new(sale, scale), days, at_start_of_day: None });
                let cell = Cell { on_sale, ..cell("suite") };
                let Ok(ladder) = set.ladder(&cell, &[Decimal::new(candidate, scale)]) else { continue };
                for price in ladder.prices() {
                    let priced = Priced { cell: cell.clone(), price: Some(*price) };
                    prop_assert!(set.broken(&[priced]).is_empty());
                }
            }
        }
    }
}
