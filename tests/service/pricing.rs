//! Prices over HTTP: what the contract promises, rules, decisions and where prices go, from bookings that the tests make up.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use chrono::{DateTime, Days, NaiveDate, Utc};
use innkeeper_core::HotelId;
use innkeeper_hotel::{Booking, BookingStatus, CompetitorPrice, Money, Rate, Stay};
use innkeeper_store::{PriceOverride, PublishTarget};
use reqwest::Method;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::forecast::{KINDS, UNTIL, bookings, build, day, import, number};
use crate::server::{Caller, House, Server, eventually, send, tables};

pub(crate) const OPTIMIZE: &str = "/api/v1/ml/pricing/optimize";
pub(crate) const RULES: &str = "/api/v1/ml/pricing/rules";
pub(crate) const SCHEDULES: &str = "/api/v1/ml/pricing/schedules";
pub(crate) const SIMULATE: &str = "/api/v1/ml/pricing/simulate";
const SCORES: &str = "/api/v1/ml/pricing/overrides/scores";

pub(crate) fn today() -> NaiveDate {
    Utc::now().date_naive()
}

fn euros(amount: i64) -> Money {
    Money { amount: amount.into(), currency: "EUR".parse().expect("a currency") }
}

/// Prices on sale for sixty nights from a day on, each set a month before, in steps of a week.
pub(crate) fn rates(from: NaiveDate) -> Vec<Rate> {
    let mut rates = Vec::new();
    for (place, night) in from.iter_days().take(60).enumerate() {
        for (kind, _) in KINDS {
            let price = if kind == "suite" { 200 } else { 90 } + (place / 7 % 3) as i64 * 10;
            let room_type = kind.parse().expect("a kind");
            rates.push(Rate { night, room_type, set_on: from - Days::new(30), price: euros(price) });
        }
    }
    rates
}

fn sell(house: &House, hotel: &str, rates: &[Rate]) {
    let hotel: HotelId = hotel.parse().expect("a hotel");
    tables(house, async |store| {
        store.hotel(&hotel).upsert_rates(rates, None, Utc::now()).await.expect("the rates are written");
    });
}

/// A house whose hotel `h1` is sold until a day, with prices on sale after it.
pub(crate) fn house_until(until: NaiveDate) -> House {
    let house = House::new("default").with("rate_limits.enabled", false);
    build(&house, "h1");
    import(&house, "h1", &bookings(7, until - Days::new(420), until));
    sell(&house, "h1", &rates(until));
    house
}

/// The same as of long ago: nobody can sell these nights any more, but they have prices.
fn old_house() -> House {
    house_until(day(UNTIL))
}

/// A question for some nights, beginning so many days after a day.
pub(crate) fn asked(after: NaiveDate, ahead: u64, nights: u64) -> Value {
    let start = after + Days::new(ahead);
    json!({"date_range": {"start": start.to_string(), "end": (start + Days::new(nights - 1)).to_string()}})
}

pub(crate) fn cells(answer: &Value) -> &Vec<Value> {
    answer["pricing_schedule"].as_array().unwrap_or_else(|| panic!("no prices: {answer}"))
}

/// The cell of a night and kind of room.
fn cell<'a>(answer: &'a Value, date: &str, kind: &str) -> &'a Value {
    cells(answer)
        .iter()
        .find(|cell| cell["date"] == date && cell["room_type"] == kind)
        .unwrap_or_else(|| panic!("no {kind} on {date}: {answer}"))
}

/// What every cell has, whatever it says.
#[track_caller]
fn check_cell(cell: &Value) {
    for (name, reason) in [
        ("suggested_price", "no_price_reason"),
        ("competitor_avg", "competitor_reason"),
        ("confidence", "confidence_reason"),
    ] {
        assert!(
            cell[name].is_number() || cell[reason].is_string(),
            "{name} is null without a reason: {cell}"
        );
    }
    if let Some(price) = cell["suggested_price"].as_f64() {
        assert!(
            price > 0.0 && (price * 100.0 - (price * 100.0).round()).abs() < 1e-6,
            "no price in euros: {cell}"
        );
        let share = number(cell, "expected_occupancy");
        assert!((0.0..=1.0).contains(&share), "{cell}");
        assert!(number(cell, "expected_bookings") >= 0.0, "{cell}");
        let revenue = &cell["expected_revenue"];
        let (low, mean, high) = (number(revenue, "lower"), number(revenue, "mean"), number(revenue, "upper"));
        assert!(0.0 <= low && low <= mean && mean <= high && high.is_finite(), "{cell}");
    }
    if let Some(share) = cell["confidence"].as_f64() {
        assert!((0.0..=1.0).contains(&share), "{cell}");
    }
    assert!(cell["reasons"].as_array().is_some_and(|reasons| reasons.len() <= 3), "{cell}");
    assert!(cell["curve"].is_null(), "curves are for explain");
}

#[test]
fn a_schedule_has_what_the_contract_promises() {
    let house = old_house();
    let seen = CompetitorPrice {
        competitor: "Grand".to_owned(),
        night: day("2024-03-12"),
        room_type: None,
        seen_on: day("2024-03-09"),
        price: euros(123),
    };
    tables(&house, async |store| {
        let hotel: HotelId = "h1".parse().expect("a hotel");
        store.hotel(&hotel).upsert_competitor_prices(&[seen], None, Utc::now()).await.expect("written");
    });
    let server = house.serve_only("ml");
    let manager = server.manager();
    let body = json!({
        "date_range": {"start": "2024-03-11", "end": "2024-03-17"}, "room_types": ["suite", "standard"]
    });
    let answer = manager.post_json(OPTIMIZE, &body).json(200);
    assert_eq!((&answer["as_of"], &answer["currency"]), (&json!(UNTIL), &json!("EUR")), "{answer}");
    assert_eq!((&answer["tax_inclusive"], &answer["level"]), (&Value::Null, &json!(0.8)));
    assert!(answer["model"].as_str().is_some_and(|model| model.starts_with("pricing@")));
    assert!(answer["demand"]["words"].is_string() && answer["demand"]["elasticities"].is_array(), "{answer}");
    assert_eq!(cells(&answer).len(), 14);
    let order: Vec<(&str, &str)> = cells(&answer)
        .iter()
        .map(|cell| (cell["date"].as_str().expect("a date"), cell["room_type"].as_str().expect("a kind")))
        .collect();
    assert_eq!(order[..3], [("2024-03-11", "suite"), ("2024-03-11", "standard"), ("2024-03-12", "suite")]);
    for cell in cells(&answer) {
        check_cell(cell);
        assert!(cell["suggested_price"].is_number(), "nothing keeps this night from a price: {cell}");
        assert!(cell["current_price"].is_number(), "{cell}");
    }
    assert_eq!(cell(&answer, "2024-03-12", "standard")["competitor_avg"], 123, "{answer}");
    // All kinds of rooms are those that the hotel has.
    let all = manager.post_json(OPTIMIZE, &asked(day(UNTIL), 1, 1)).json(200);
    assert_eq!(cells(&all).len(), KINDS.len());
    // The same question has the same answer, and is a schedule of its own.
    let again = manager.post_json(OPTIMIZE, &body).json(200);
    assert_eq!(answer["pricing_schedule"], again["pricing_schedule"]);
    assert_ne!(answer["schedule_id"], again["schedule_id"]);
    let text = server.anyone().get("/api/v1/ml/metrics").text();
    for line in [
        "ml_predictions_total{prediction_type=\"pricing\",status=\"success\"} 3",
        "ml_predictions_total{prediction_type=\"pricing\",status=\"failure\"} 0",
    ] {
        assert!(text.contains(line), "no {line}");
    }
}

#[test]
fn a_schedule_can_be_read_back_and_explained_by_its_hotel_only() {
    let house = old_house();
    let server = house.serve_only("ml");
    let manager = server.manager();
    let answer = manager.post_json(OPTIMIZE, &asked(day(UNTIL), 1, 3)).json(200);
    let id = answer["schedule_id"].as_str().expect("an id").to_owned();
    let read = manager.get(&format!("{SCHEDULES}/{id}")).json(200);
    assert_eq!((&read["status"], &read["created_by"]), (&json!("proposed"), &json!("manager-1")));
    assert_eq!((&read["first_night"], &read["last_night"]), (&json!("2024-03-11"), &json!("2024-03-13")));
    assert_eq!(read["pricing_schedule"], answer["pricing_schedule"]);
    let listed = manager.get(&format!("{SCHEDULES}?limit=1")).json(200);
    assert_eq!((&listed["schedules"][0]["schedule_id"], &listed["next_cursor"]), (&json!(id), &Value::Null));
    let explain = format!("{SCHEDULES}/{id}/explain");
    let why = manager.get(&format!("{explain}?date=2024-03-12&room_type=suite")).json(200);
    let curve = why["cell"]["curve"].as_array().expect("a curve");
    assert!(curve.len() >= 3, "{why}");
    for two in curve.windows(2) {
        assert!(number(&two[0], "price") < number(&two[1], "price"), "{why}");
        assert!(
            number(&two[0], "bookings") >= number(&two[1], "bookings") - 1e-6,
            "dearer brings more: {why}"
        );
    }
    assert_eq!(why["overrides"], json!([]));
    manager.get(&format!("{explain}?date=2024-03-15&room_type=suite")).problem(404, "cell_not_found");
    manager.get(&format!("{explain}?date=2024-03-12&room_type=yurt")).problem(404, "cell_not_found");
    manager.get(&explain).problem(400, "bad_request");
    // Nobody else's, and none that never was.
    let other = server.role("manager", "h2");
    for path in [
        format!("{SCHEDULES}/{id}"),
        format!("{SCHEDULES}/{id}/export"),
        format!("{explain}?date=2024-03-12&room_type=suite"),
    ] {
        other.get(&path).problem(404, "schedule_not_found");
    }
    other.post_json(&format!("{SCHEDULES}/{id}/approve"), &json!({})).problem(404, "schedule_not_found");
    assert_eq!(other.get(SCHEDULES).json(200)["schedules"], json!([]));
    manager.get(&format!("{SCHEDULES}/{}", Uuid::nil())).problem(404, "schedule_not_found");
    manager.get(&format!("{SCHEDULES}/yesterday")).problem(400, "invalid_id");
    server.stop();
    let told = tables(&house, async |store| store.outbox_pending(99).await.expect("the events"));
    let made: Vec<_> = told.iter().filter(|event| event.topic == "price.schedule_made").collect();
    assert_eq!((made.len(), &made[0].payload["schedule_id"]), (1, &json!(id)));
    assert_eq!(
        (&made[0].payload["from"], &made[0].payload["until"]),
        (&json!("2024-03-11"), &json!("2024-03-13"))
    );
}

#[test]
fn the_price_on_sale_is_told_with_where_it_is_from() {
    let house = house_until(today()).with("pricing.tax_inclusive", true);
    let server = house.serve_only("ml");
    let manager = server.manager();
    let now = manager.get("/api/v1/ml/pricing/current/suite").json(200);
    assert_eq!(
        (&now["room_type"], &now["current_price"], &now["currency"]),
        (&json!("suite"), &json!(200), &json!("EUR"))
    );
    assert_eq!((&now["date"], &now["source"]), (&json!(today().to_string()), &json!("rates")));
    assert_eq!(
        (&now["since"], &now["tax_inclusive"]),
        (&json!((today() - Days::new(30)).to_string()), &json!(true))
    );
    let later = today() + Days::new(8);
    let then = manager.get(&format!("/api/v1/ml/pricing/current/standard?date={later}")).json(200);
    assert_eq!(then["current_price"], 100, "{then}");
    let unknown = manager.get("/api/v1/ml/pricing/current/suite?date=2031-01-01").json(200);
    assert!(unknown["current_price"].is_null() && unknown["reason"].is_string(), "{unknown}");
    manager.get("/api/v1/ml/pricing/current/yurt").problem(422, "unknown_room_type");
    manager.get("/api/v1/ml/pricing/current/suite?date=soon").problem(400, "invalid_timestamp");
    // Somebody who may read prices may not make them.
    let scientist = server.role("data-scientist", "h1");
    scientist.get("/api/v1/ml/pricing/current/suite").json(200);
    scientist.post_json(OPTIMIZE, &asked(today(), 1, 1)).problem(403, "forbidden");
    scientist.post_json(RULES, &json!({})).problem(403, "forbidden");
}

fn put(caller: &Caller<'_>, rules: &Value) -> crate::server::Answer {
    send(caller.request(Method::PUT, RULES).json(&json!({"rules": rules})))
}

#[test]
fn rules_are_kept_by_every_price_and_do_not_contradict_each_other() {
    let house = old_house();
    let server = house.serve_only("ml");
    let manager = server.manager();
    let empty = manager.get(RULES).json(200);
    assert_eq!((&empty["rules"], &empty["currency"]), (&json!([]), &json!("EUR")));
    let free = manager.post_json(OPTIMIZE, &asked(day(UNTIL), 1, 4)).json(200);
    let dearest = cells(&free).iter().map(|cell| number(cell, "suggested_price")).fold(0.0, f64::max);
    let floor = dearest.ceil() + 7.0;
    let rule = json!({"id": "never cheap", "kind": "floor", "price": floor, "note": "the owner said so"});
    let kept = manager.post_json(RULES, &rule).json(201);
    assert_eq!((&kept["rules"][0]["rule"], &kept["rules"][0]["created_by"]), (&rule, &json!("manager-1")));
    let bound = manager.post_json(OPTIMIZE, &asked(day(UNTIL), 1, 4)).json(200);
    for cell in cells(&bound) {
        assert!(number(cell, "suggested_price") >= floor, "{cell}");
        let binding = cell["binding_rules"].as_array().expect("rules");
        assert!(binding.iter().any(|rule| rule["rule"] == "never cheap"), "{cell}");
    }
    // A second one of the same name, one that contradicts it, and those that are none.
    manager.post_json(RULES, &rule).problem(409, "rule_exists");
    let ceiling = json!({"id": "never dear", "kind": "ceiling", "price": floor - 1.0});
    let clash = manager.post_json(RULES, &ceiling).problem(409, "rules_clash");
    assert_eq!(clash["rules"], json!(["never cheap", "never dear"]));
    let told = clash["detail"].as_str().expect("a detail");
    assert!(told.contains("never cheap") && told.contains("never dear"), "{told}");
    for wrong in [
        json!({"id": "x", "kind": "floor"}),
        json!({"id": "x", "kind": "floor", "price": 0}),
        json!({"id": "x", "kind": "floor", "price": 90.005}),
        json!({"id": "x", "kind": "floor", "price": 90, "prize": 1}),
        json!({"id": "x", "kind": "tombola"}),
        json!({"id": "", "kind": "freeze"}),
        json!({"id": "x", "kind": "freeze", "scope": {"weekdays": []}}),
        json!({"id": "x", "kind": "freeze", "scope": {"from": "2025-02-02", "until": "2025-02-01"}}),
        json!({}),
        json!([]),
        json!("floor"),
        Value::Null,
    ] {
        manager.post_json(RULES, &wrong).problem(422, "invalid_rule");
    }
    let foreign = json!({"id": "x", "kind": "floor", "price": 9, "scope": {"room_types": ["yurt"]}});
    manager.post_json(RULES, &foreign).problem(422, "unknown_room_type");
    assert_eq!(
        manager.get(RULES).json(200)["rules"].as_array().map(Vec::len),
        Some(1),
        "a refused rule was kept"
    );
    // A whole set at once: all of it, or nothing.
    let set = json!([ceiling, {"id": "weekend", "kind": "floor", "price": 10, "scope": {"weekdays": ["Fri", "Sat"]}}]);
    assert_eq!(put(&manager, &set).json(200)["rules"].as_array().map(Vec::len), Some(2));
    put(&manager, &json!([ceiling, rule])).problem(409, "rules_clash");
    put(&manager, &json!([ceiling, ceiling])).problem(409, "rule_exists");
    let names = |answer: &Value| -> Vec<String> {
        let rules = answer["rules"].as_array().expect("rules");
        rules.iter().map(|rule| rule["rule"]["id"].as_str().expect("an id").to_owned()).collect()
    };
    assert_eq!(names(&manager.get(RULES).json(200)), ["never dear", "weekend"]);
    let left = manager.delete(&format!("{RULES}/never%20dear")).json(200);
    assert_eq!(names(&left), ["weekend"]);
    manager.delete(&format!("{RULES}/never%20dear")).problem(404, "rule_not_found");
    assert_eq!(server.role("manager", "h2").get(RULES).json(200)["rules"], json!([]));
    put(&manager, &json!([])).json(200);
    let after = manager.post_json(OPTIMIZE, &asked(day(UNTIL), 1, 4)).json(200);
    assert_eq!(after["pricing_schedule"], free["pricing_schedule"], "a rule that is gone still binds");
    server.stop();
    let changed = tables(&house, async |store| store.outbox_pending(99).await.expect("the events"));
    assert_eq!(changed.iter().filter(|event| event.topic == "price.rules_changed").count(), 4);
}

/// A schedule of some nights from tomorrow on, and its address.
fn suggested(manager: &Caller<'_>, nights: u64) -> (Value, String) {
    let answer = manager.post_json(OPTIMIZE, &asked(today(), 1, nights)).json(200);
    let at = format!("{SCHEDULES}/{}", answer["schedule_id"].as_str().expect("an id"));
    (answer, at)
}

#[test]
fn from_a_suggestion_to_a_price_on_sale() {
    let house = house_until(today());
    let server = house.serve_only("ml");
    let manager = server.manager();
    let (answer, at) = suggested(&manager, 5);
    let date = (today() + Days::new(2)).to_string();
    let usual = number(cell(&answer, &date, "suite"), "suggested_price");
    let set = |price: Value, note: &str| {
        let body = json!({"date": date, "room_type": "suite", "price": price, "note": note});
        manager.post_json(&format!("{at}/override"), &body)
    };
    // What nobody can pay, and what a rule forbids.
    for wrong in [json!(0), json!(-5), json!(199.995), json!(2_000_000_000)] {
        set(wrong, "why not").problem(422, "invalid_price");
    }
    set(json!(250), " ").problem(400, "bad_request");
    let scope = json!({"room_types": ["suite"], "from": date, "until": date});
    let cap = json!({"id": "cap", "scope": scope, "kind": "ceiling", "price": usual + 50.0});
    manager.post_json(RULES, &cap).json(201);
    let refused = set(json!(usual + 51.0), "a wedding").problem(422, "rule_broken");
    assert_eq!(refused["rules"][0]["rule"], "cap", "{refused}");
    assert!(refused["detail"].as_str().is_some_and(|told| told.contains("cap")), "{refused}");
    let order = json!({"id": "order", "kind": "order", "lower": "standard", "higher": "suite"});
    manager.post_json(RULES, &order).json(201);
    assert_eq!(set(json!(1), "cheap").problem(422, "rule_broken")["rules"][0]["rule"], "order");
    // Two that are allowed: the later one counts.
    set(json!(usual + 10.0), "a wedding").json(200);
    let done = set(json!(usual + 20.5), "a wedding and a fair").json(200);
    assert_eq!((number(&done, "suggested_price"), &done["override"]["by"]), (usual, &json!("manager-1")));
    let why = manager.get(&format!("{at}/explain?date={date}&room_type=suite")).json(200);
    assert_eq!(why["overrides"].as_array().map(Vec::len), Some(2), "{why}");
    assert!((number(&why["cell"]["override"], "price") - usual - 20.5).abs() < 1e-9);
    let publish = |target: &str| manager.post_json(&format!("{at}/publish"), &json!({"target": target}));
    let early = publish("rates").problem(409, "schedule_state");
    assert_eq!(early["schedule_status"], "proposed");
    // Approved once, and not decided again.
    let approved = manager.post_json(&format!("{at}/approve"), &json!({"note": "good"})).json(200);
    assert_eq!((&approved["status"], &approved["decided_by"]), (&json!("approved"), &json!("manager-1")));
    manager.post_json(&format!("{at}/approve"), &json!({})).problem(409, "schedule_state");
    manager.post_json(&format!("{at}/reject"), &json!({"note": "no"})).problem(409, "schedule_state");
    set(json!(usual), "after all").problem(409, "schedule_state");
    let published = publish("csv").json(200);
    assert_eq!(
        (&published["status"], &published["prices"]),
        (&json!("published"), &json!(10)),
        "{published}"
    );
    let file = manager.get(published["file"].as_str().expect("a file"));
    assert_eq!((file.status, file.header("content-type")), (200, "text/csv; charset=utf-8"));
    let text = file.text();
    let line = text.lines().find(|line| line.starts_with(&format!("\"{date}\",\"suite\""))).expect("a line");
    let columns: Vec<&str> = line.split(',').map(|column| column.trim_matches('"')).collect();
    assert_eq!(columns[2], (usual + 20.5).to_string(), "{line}");
    // What is expected is expected of the price that goes on sale.
    let id = at.rsplit('/').next().expect("an id");
    let tried = json!({
        "prices": [{"date": date, "room_type": "suite", "price": usual + 20.5}], "schedule_id": id
    });
    let tried = &manager.post_json(SIMULATE, &tried).json(200)["prices"][0];
    let column = |place: usize| columns[place].parse::<f64>().expect("a number");
    assert!((column(9) - number(&tried["expected"], "occupancy")).abs() < 1e-9, "{line} {tried}");
    assert!((column(10) - number(&tried["expected"], "bookings")).abs() < 1e-9, "{line} {tried}");
    let more = number(&tried["expected"], "revenue") - number(&tried["expected_at_suggested"], "revenue");
    let mean = number(&cell(&answer, &date, "suite")["expected_revenue"], "mean");
    assert!((column(11) - mean - more).abs() < 0.02, "{line} {tried}");
    let now = manager.get(&format!("/api/v1/ml/pricing/current/suite?date={date}")).json(200);
    assert_eq!((number(&now, "current_price"), &now["since"]), (usual + 20.5, &json!(today().to_string())));
    // Published is published; once more is no harm.
    publish("rates").json(200);
    publish("carrier pigeon").problem(400, "bad_request");
    // The next schedule starts from there.
    let (next, _) = suggested(&manager, 5);
    assert!((number(cell(&next, &date, "suite"), "current_price") - usual - 20.5).abs() < 1e-9);
    server.stop();
    let (entries, events, intact) = tables(&house, async |store| {
        let hotel: HotelId = "h1".parse().expect("a hotel");
        (
            store.hotel(&hotel).audit_entries(0, 99).await.expect("a read"),
            store.outbox_pending(99).await.expect("the events"),
            store.verify_audit().await.expect("a read").is_intact(),
        )
    });
    assert!(intact);
    let acts: Vec<&str> = entries.iter().map(|entry| entry.action.as_str()).collect();
    for act in
        ["price.rules_changed", "price.overridden", "price.schedule_approved", "price.schedule_published"]
    {
        assert!(acts.contains(&act), "{act} is not in {acts:?}");
    }
    let topics: Vec<&str> = events.iter().map(|event| event.topic.as_str()).collect();
    for topic in
        ["price.schedule_made", "price.overridden", "price.schedule_decided", "price.schedule_published"]
    {
        assert!(topics.contains(&topic), "{topic} is not in {topics:?}");
    }
}

#[test]
fn a_rejected_schedule_says_why_and_stays_rejected() {
    let house = house_until(today());
    let server = house.serve_only("ml");
    let manager = server.manager();
    let (_, at) = suggested(&manager, 2);
    manager.post_json(&format!("{at}/reject"), &json!({})).problem(400, "bad_request");
    let rejected = manager.post_json(&format!("{at}/reject"), &json!({"note": "too dear"})).json(200);
    assert_eq!((&rejected["status"], &rejected["note"]), (&json!("rejected"), &json!("too dear")));
    let refused = manager.post_json(&format!("{at}/approve"), &json!({})).problem(409, "schedule_state");
    assert_eq!(refused["schedule_status"], "rejected");
    manager.post_json(&format!("{at}/publish"), &json!({"target": "rates"})).problem(409, "schedule_state");
    let (_, other) = suggested(&manager, 2);
    let page = manager.get(&format!("{SCHEDULES}?limit=1")).json(200);
    assert!(other.ends_with(page["schedules"][0]["schedule_id"].as_str().expect("an id")), "newest first");
    let cursor = page["next_cursor"].as_str().expect("a second page");
    let next = manager.get(&format!("{SCHEDULES}?limit=1&cursor={cursor}")).json(200);
    assert!(at.ends_with(next["schedules"][0]["schedule_id"].as_str().expect("an id")));
    let rejected = manager.get(&format!("{SCHEDULES}?status=rejected")).json(200);
    assert_eq!(rejected["schedules"].as_array().map(Vec::len), Some(1));
    manager.get(&format!("{SCHEDULES}?status=lost")).problem(400, "bad_request");
    manager.get(&format!("{SCHEDULES}?cursor=there")).problem(400, "bad_request");
}

/// Waits for one call, and gives what was sent and where the answer goes.
fn call(listener: &TcpListener) -> (TcpStream, String) {
    let (mut stream, _) = listener.accept().expect("a call");
    stream.set_read_timeout(Some(crate::server::PATIENCE)).expect("a timeout");
    let (mut sent, mut buffer) = (Vec::new(), vec![0_u8; 65_536]);
    loop {
        let read = stream.read(&mut buffer).expect("a request");
        sent.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&sent).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned));
        if body.len() >= length.expect("a length").parse::<usize>().expect("a number") || read == 0 {
            return (stream, text);
        }
    }
}

fn reply(stream: &mut TcpStream, status: u16) {
    let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).expect("an answer");
}

/// Answers one call with this status, and gives what was sent.
fn one_call(listener: &TcpListener, status: u16) -> String {
    let (mut stream, text) = call(listener);
    reply(&mut stream, status);
    text
}

#[test]
fn prices_go_to_the_hotels_system_signed_or_not_at_all() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/prices", listener.local_addr().expect("an address"));
    let mut house = house_until(today());
    let server = house.serve_only("ml");
    let (_, at) = suggested(&server.manager(), 2);
    server.manager().post_json(&format!("{at}/approve"), &json!({})).json(200);
    let publish = |server: &Server<'_>| {
        server.manager().post_json(&format!("{at}/publish"), &json!({"target": "webhook"}))
    };
    publish(&server).problem(409, "publish_target_missing");
    server.stop();
    house.set("pricing.webhook_url", &url);
    house.set("pricing.webhook_secret", "0123456789abcdef");
    let server = house.serve_only("ml");
    // A rule that came after the schedule.
    let stay = json!({"id": "stay", "kind": "minimum_stay", "nights": 3, "scope": {"room_types": ["suite"]}});
    server.manager().post_json(RULES, &stay).json(201);
    // It does not take them, or does not say: nothing is on sale.
    let calls = std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            [one_call(&listener, 500), one_call(&listener, 302), call(&listener).1, one_call(&listener, 204)]
        });
        publish(&server).problem(502, "publish_failed");
        publish(&server).problem(502, "publish_failed");
        let unknown = publish(&server).problem(502, "publish_failed");
        assert!(unknown["detail"].as_str().is_some_and(|told| told.contains("not known")), "{unknown}");
        let date = today() + Days::new(1);
        let path = format!("/api/v1/ml/pricing/current/suite?date={date}");
        assert_ne!(server.manager().get(&path).json(200)["since"], today().to_string());
        assert_eq!(publish(&server).json(200)["publish_target"], "webhook");
        assert_eq!(server.manager().get(&path).json(200)["since"], today().to_string());
        other.join().expect("four calls")
    });
    let id = at.rsplit('/').next().expect("an id");
    for call in &calls {
        let (head, body) = call.split_once("\r\n\r\n").expect("a body");
        let header = |name: &str| {
            let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}: ")));
            line.and_then(|line| line.split_once(": ")).unwrap_or_else(|| panic!("no {name} in {head}")).1
        };
        assert_eq!(header("idempotency-key"), id);
        let told: Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(
            (&told["schedule_id"], &told["hotel"], &told["currency"]),
            (&json!(id), &json!("h1"), &json!("EUR"))
        );
        let prices = told["prices"].as_array().expect("prices");
        assert_eq!(prices.len(), 4, "{told}");
        for line in prices {
            let asked = if line["room_type"] == "suite" { json!(3) } else { Value::Null };
            assert_eq!(line["minimum_stay"], asked, "the least stay is not that of now: {told}");
        }
        let signed = format!("{}.{body}", header("x-innkeeper-timestamp"));
        let signature = header("x-innkeeper-signature");
        assert_eq!(signature, format!("sha256={}", hmac_hex(b"0123456789abcdef", signed.as_bytes())));
    }
    let log = server.log().join("\n");
    assert!(!log.contains("0123456789abcdef"), "the log tells the secret");
    drop(server);
    // Nobody listens.
    drop(listener);
    let server = house.serve_only("ml");
    let refused = publish(&server).problem(502, "publish_failed");
    assert!(refused["detail"].as_str().is_some_and(|told| told.contains("cannot be reached")), "{refused}");
}

#[test]
fn what_the_hotels_system_took_is_on_sale_even_if_nobody_waits_for_the_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/prices", listener.local_addr().expect("an address"));
    let house = house_until(today())
        .with("pricing.webhook_url", url)
        .with("pricing.webhook_secret", "0123456789abcdef");
    let server = house.serve_only("ml");
    let (_, at) = suggested(&server.manager(), 1);
    server.manager().post_json(&format!("{at}/approve"), &json!({})).json(200);
    let body = json!({"target": "webhook"}).to_string();
    let request = format!(
        "POST {at}/publish HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        server.address,
        house.token("manager", "h1"),
        body.len()
    );
    let mut caller = TcpStream::connect(server.address).expect("a connection");
    caller.write_all(request.as_bytes()).expect("a request");
    let (mut stream, _) = call(&listener);
    drop(caller);
    // The server has time to see that nobody waits.
    std::thread::sleep(std::time::Duration::from_millis(300));
    reply(&mut stream, 204);
    eventually("the schedule is published", || {
        (server.manager().get(&at).json(200)["status"] == "published").then_some(())
    });
}

#[test]
fn an_order_holds_beside_room_types_that_the_schedule_does_not_price() {
    let house = house_until(today());
    let server = house.serve_only("ml");
    let manager = server.manager();
    let mut body = asked(today(), 1, 2);
    body["room_types"] = json!(["suite"]);
    let answer = manager.post_json(OPTIMIZE, &body).json(200);
    assert_eq!(cells(&answer).len(), 2);
    let at = format!("{SCHEDULES}/{}", answer["schedule_id"].as_str().expect("an id"));
    let order = json!({"id": "order", "kind": "order", "lower": "standard", "higher": "suite"});
    manager.post_json(RULES, &order).json(201);
    // Standard rooms are on sale at 90.
    let date = (today() + Days::new(1)).to_string();
    let set = |price: i64| {
        let body = json!({"date": date, "room_type": "suite", "price": price, "note": "a test"});
        manager.post_json(&format!("{at}/override"), &body)
    };
    assert_eq!(set(80).problem(422, "rule_broken")["rules"][0]["rule"], "order");
    set(95).json(200);
    manager.post_json(&format!("{at}/approve"), &json!({})).json(200);
    // A wider distance is asked for by now.
    let wider = json!({"id": "order", "kind": "order", "lower": "standard", "higher": "suite", "at_least_percent": 10});
    put(&manager, &json!([wider])).json(200);
    let publish = || manager.post_json(&format!("{at}/publish"), &json!({"target": "rates"}));
    assert_eq!(publish().problem(422, "rule_broken")["rules"][0]["rule"], "order");
    put(&manager, &json!([order])).json(200);
    publish().json(200);
}

#[test]
fn prices_of_another_currency_than_the_hotels_are_not_sold() {
    let house = house_until(today());
    let server = house.serve_only("ml");
    let (_, approved) = suggested(&server.manager(), 2);
    let (_, proposed) = suggested(&server.manager(), 2);
    server.manager().post_json(&format!("{approved}/approve"), &json!({})).json(200);
    server.stop();
    for days in [20, 10] {
        let mut dong = rates(today());
        for rate in &mut dong {
            (rate.set_on, rate.price.currency) =
                (today() - Days::new(days), "VND".parse().expect("a currency"));
        }
        sell(&house, "h1", &dong);
    }
    let server = house.serve_only("ml");
    let manager = server.manager();
    let date = (today() + Days::new(1)).to_string();
    let other = json!({"date": date, "room_type": "suite", "price": 210, "note": "a wedding"});
    for refused in [
        manager.post_json(&format!("{proposed}/override"), &other),
        manager.post_json(&format!("{approved}/publish"), &json!({"target": "rates"})),
    ] {
        let refused = refused.problem(409, "schedule_state");
        let told = refused["detail"].as_str().expect("a detail");
        assert!(told.contains("EUR") && told.contains("VND"), "{told}");
    }
}

/// HMAC-SHA-256 by the book (RFC 2104), in hexadecimal.
fn hmac_hex(secret: &[u8], text: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};
    let mut block = [0_u8; 64];
    block[..secret.len()].copy_from_slice(secret);
    let hash = |pad: u8, text: &[u8]| {
        let key: Vec<u8> = block.iter().map(|byte| byte ^ pad).collect();
        Sha256::new().chain_update(&key).chain_update(text).finalize()
    };
    hex::encode(hash(0x5c, &hash(0x36, text)))
}

#[test]
fn other_prices_can_be_tried_without_writing_anything() {
    let house = old_house();
    let server = house.serve_only("ml");
    let manager = server.manager();
    let answer = manager.post_json(OPTIMIZE, &asked(day(UNTIL), 1, 3)).json(200);
    let date = "2024-03-12";
    let suite = cell(&answer, date, "suite");
    let usual = number(suite, "suggested_price");
    let ask = |price: f64, id: &Value| {
        let prices = json!([{"date": date, "room_type": "suite", "price": price}]);
        let body = if id.is_null() {
            json!({"prices": prices})
        } else {
            json!({"prices": prices, "schedule_id": id})
        };
        manager.post_json(SIMULATE, &body).json(200)
    };
    for id in [&answer["schedule_id"], &Value::Null] {
        let same = ask(usual, id);
        let outcome = &same["prices"][0];
        assert_eq!(outcome["expected"], outcome["expected_at_suggested"], "{same}");
        assert!(
            (number(&outcome["expected"], "occupancy") - number(suite, "expected_occupancy")).abs() < 1e-3,
            "{same}"
        );
        assert_eq!(same["given"], same["suggested"]);
        assert!(!outcome["expected_at_current"].is_null() || outcome["current_price"].is_null(), "{same}");
        let dearer = ask((usual * 1.05).round(), id);
        let (here, there) = (&dearer["prices"][0]["expected"], &dearer["prices"][0]["expected_at_suggested"]);
        assert!(number(here, "bookings") <= number(there, "bookings"), "{dearer}");
        let absurd = ask(900_000.0, id);
        assert!(
            absurd["prices"][0]["expected"].is_null() && absurd["prices"][0]["reason"].is_string(),
            "{absurd}"
        );
        assert_eq!(absurd["given"]["prices"], 0);
    }
    let written = manager.get(SCHEDULES).json(200);
    assert_eq!(written["schedules"].as_array().map(Vec::len), Some(1), "a question became a schedule");
    for (prices, code, status) in [
        (json!([]), "bad_request", 400),
        (json!([{"date": date, "room_type": "suite", "price": 0}]), "invalid_price", 422),
        (
            json!([{"date": date, "room_type": "suite", "price": 1}, {"date": date, "room_type": "suite", "price": 2}]),
            "bad_request",
            400,
        ),
        (json!([{"date": date, "room_type": "yurt", "price": 1}]), "unknown_room_type", 422),
    ] {
        manager.post_json(SIMULATE, &json!({"prices": prices})).problem(status, code);
    }
    let elsewhere = json!({"prices": [{"date": "2024-04-20", "room_type": "suite", "price": 1}], "schedule_id": answer["schedule_id"]});
    manager.post_json(SIMULATE, &elsewhere).problem(404, "cell_not_found");
}

#[test]
fn no_cell_of_a_file_is_a_formula() {
    let house = House::new("default").with("rate_limits.enabled", false);
    let evil = "=HYPERLINK(\"http://evil\")";
    let mut rows = bookings(7, day("2023-01-02"), day(UNTIL));
    for booking in rows.iter_mut().filter(|booking| booking.room_type.as_str() == "suite") {
        booking.room_type = evil.parse().expect("a name");
    }
    import(&house, "h1", &rows);
    let rooms: Vec<innkeeper_hotel::Room> = (1..=20_u32)
        .map(|n| innkeeper_hotel::Room {
            number: format!("{n}").parse().expect("a number"),
            room_type: if n > 5 { "standard" } else { evil }.parse().expect("a name"),
            floor: None,
        })
        .collect();
    tables(&house, async |store| {
        let hotel: HotelId = "h1".parse().expect("a hotel");
        store.hotel(&hotel).upsert_rooms(&rooms, None, Utc::now()).await.expect("written");
    });
    let server = house.serve_only("ml");
    let manager = server.manager();
    let answer = manager.post_json(OPTIMIZE, &asked(day(UNTIL), 1, 2)).json(200);
    assert!(cells(&answer).iter().any(|cell| cell["room_type"] == evil), "{answer}");
    let at = format!("{SCHEDULES}/{}/export", answer["schedule_id"].as_str().expect("an id"));
    let file = manager.get(&format!("{at}?format=csv"));
    assert!(file.header("content-disposition").starts_with("attachment; filename=\"prices-"));
    let text = file.text();
    assert!(text.contains("\"'=HYPERLINK"), "{text}");
    for line in text.lines().skip(1) {
        for cell in line.split(',') {
            let cell = cell.trim_matches('"');
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell} in {line}");
        }
    }
    assert_eq!(text.lines().count(), 1 + cells(&answer).len());
    let json = manager.get(&format!("{at}?format=json")).json(200);
    assert_eq!(json["pricing_schedule"], answer["pricing_schedule"]);
    manager.get(&format!("{at}?format=xlsx")).problem(400, "bad_request");
}

#[test]
fn prices_that_people_set_are_scored_against_what_happened() {
    let house = old_house();
    // Bookings that were taken back bring nothing, also where nobody knows their rate.
    let mut lost = Vec::new();
    for (place, status) in [BookingStatus::Cancelled, BookingStatus::NoShow].into_iter().enumerate() {
        let stay = Stay { arrival: day("2024-02-12"), nights: 2 };
        let id = format!("L{place}").parse().expect("an id");
        let mut booking = Booking::confirmed(id, day("2024-02-05"), stay, "suite".parse().expect("a kind"));
        (booking.status, booking.status_on) = (status, Some(day("2024-02-12")));
        if place == 0 {
            (booking.rate, booking.currency) = (Some(999.into()), "EUR".parse().ok());
        }
        lost.push(booking);
    }
    import(&house, "h1", &lost);
    let brought = |night: NaiveDate| {
        let kept = bookings(7, day(UNTIL) - Days::new(420), day(UNTIL)).into_iter().filter(|booking| {
            booking.status.takes_a_room()
                && booking.room_type.as_str() == "suite"
                && booking.booked_on > day("2024-02-01")
                && (booking.stay.arrival..booking.stay.departure()).contains(&night)
        });
        kept.map(|booking| booking.rate.expect("a rate")).sum::<Decimal>().to_f64().expect("a number")
    };
    let server = house.serve_only("ml");
    let body = json!({
        "date_range": {"start": "2024-02-12", "end": "2024-02-14"}, "room_types": ["suite"], "as_of": "2024-02-01"
    });
    let answer = server.manager().post_json(OPTIMIZE, &body).json(200);
    assert_eq!(answer["as_of"], "2024-02-01");
    let late = server.manager().post_json(OPTIMIZE, &body).json(200);
    let id_of =
        |answer: &Value| -> Uuid { answer["schedule_id"].as_str().expect("an id").parse().expect("an id") };
    let (id, late) = (id_of(&answer), id_of(&late));
    let usual = number(&answer["pricing_schedule"][0], "suggested_price");
    assert_eq!(server.manager().get(SCORES).json(200)["scores"], json!([]));
    server.stop();
    // Set, approved and published back then.
    let hotel: HotelId = "h1".parse().expect("a hotel");
    let noon = |day: &str| -> DateTime<Utc> { format!("{day}T12:00:00Z").parse().expect("a time") };
    let then = noon("2024-02-01");
    let set = |schedule: Uuid, night: &str, by: &str, more: i64, currency: &str| PriceOverride {
        id: Uuid::now_v7(),
        schedule,
        night: day(night),
        room_type: "suite".parse().expect("a kind"),
        suggested: usual.to_string().parse().ok(),
        price: Money {
            amount: (usual as i64 + more).into(),
            currency: currency.parse().expect("a currency"),
        },
        note: "a fair".to_owned(),
        created_by: by.to_owned(),
        created_at: then,
    };
    let all = [
        set(id, "2024-02-12", "ann", 10, "EUR"),
        set(id, "2024-02-13", "bob", 10, "EUR"),
        set(id, "2024-02-14", "cem", 10, "VND"),
        set(late, "2024-02-12", "dan", 15, "EUR"),
    ];
    let on_sale: Vec<Rate> = all
        .iter()
        .filter(|set| set.schedule == id)
        .map(|set| Rate {
            night: set.night,
            room_type: set.room_type.clone(),
            set_on: then.date_naive(),
            price: set.price,
        })
        .collect();
    tables(&house, async |store| {
        let hotel = store.hotel(&hotel);
        for set in &all {
            hotel.override_price(set).await.expect("written").expect("there");
        }
        for schedule in [id, late] {
            hotel
                .decide_price_schedule(schedule, true, None, "ann", then)
                .await
                .expect("done")
                .expect("there");
        }
        // The one in time, and once more when the nights had passed; the other one too late for its night.
        for (schedule, rates, day) in
            [(id, &on_sale[..], "2024-02-01"), (id, &[], "2024-02-20"), (late, &[], "2024-02-13")]
        {
            let done =
                hotel.publish_price_schedule(schedule, PublishTarget::Rates, rates, "ann", noon(day)).await;
            done.expect("done").expect("there");
        }
    });
    let server = house.serve_only("ml");
    let scores = server.manager().get(SCORES).json(200);
    let found = scores["scores"].as_array().expect("scores");
    assert_eq!(
        found.iter().map(|score| &score["by"]).collect::<Vec<_>>(),
        ["cem", "bob", "ann"],
        "a price that was never on sale is scored, or one that was is not: {scores}"
    );
    assert_eq!(found[1]["date"], "2024-02-13");
    for score in &found[1..] {
        let happened = &score["happened"];
        assert!(number(happened, "bookings") >= number(happened, "kept") + 2.0, "{score}");
        let (usual, other) = (&score["expected_at_suggested"], &score["expected_at_override"]);
        assert!(number(usual, "bookings") >= number(other, "bookings"), "{score}");
        let revenue = brought(day(score["date"].as_str().expect("a date")));
        assert!((number(happened, "revenue") - revenue).abs() < 0.01, "{revenue}: {score}");
        assert!((number(score, "gain") - revenue + number(usual, "revenue")).abs() < 0.02, "{score}");
    }
    // Euros are no gain over dong.
    let foreign = &found[0];
    assert!(foreign["gain"].is_null() && foreign["happened"]["revenue"].is_null(), "{foreign}");
    assert!(foreign["reason"].as_str().is_some_and(|told| told.contains("EUR")), "{foreign}");
    let people = scores["people"].as_array().expect("people");
    assert_eq!(people.iter().map(|person| &person["by"]).collect::<Vec<_>>(), ["ann", "bob", "cem"]);
    assert_eq!((&people[0]["overrides"], &people[0]["scored"]), (&json!(1), &json!(1)));
    assert_eq!((&people[2]["scored"], &people[2]["mean_gain"]), (&json!(0), &Value::Null));
    let since = server.manager().get(&format!("{SCORES}?since=2024-02-13")).json(200);
    assert_eq!(since["scores"].as_array().map(Vec::len), Some(2));
    assert_eq!(server.role("manager", "h2").get(SCORES).json(200)["scores"], json!([]));
    server.manager().get(&format!("{SCORES}?limit=0")).problem(400, "bad_request");
}
