//! Questions about prices that make no sense, hotels that cannot have any, and many callers at once.

use chrono::{Days, Utc};
use innkeeper_core::HotelId;
use innkeeper_hotel::{Booking, CompetitorPrice, Money, Rate, Stay};
use reqwest::Method;
use serde_json::{Value, json};

use crate::forecast::{UNTIL, bookings, build, day, import};
use crate::pricing::{OPTIMIZE, RULES, SCHEDULES, SIMULATE, asked, cells, house_until, today};
use crate::server::{House, Server, eventually, send, tables};

/// Nothing broke inside.
fn check_unharmed(server: &Server<'_>) {
    let log = server.log().join("\n");
    assert!(!log.contains("\"ERROR\"") && !log.contains("panicked"), "something failed inside: {log}");
}

#[test]
fn a_question_that_makes_no_sense_is_refused_in_every_field() {
    let house = house_until(day(UNTIL));
    let server = house.serve_only("ml");
    let manager = server.manager();
    let range = |start: &str, end: &str| json!({"date_range": {"start": start, "end": end}});
    for (start, end) in [
        ("2024-03-12", "2024-03-11"),
        ("2024-03-11", "2034-03-11"),
        ("1970-01-01", "8999-12-31"),
        ("2024-03-10", "2024-03-11"),
        ("2019-03-11", "2019-03-12"),
        ("2031-03-11", "2031-03-12"),
    ] {
        manager.post_json(OPTIMIZE, &range(start, end)).problem(400, "bad_request");
    }
    for (start, end) in [
        ("soon", "later"),
        ("", ""),
        ("2024-02-30", "2024-03-01"),
        ("9999-12-31", "9999-12-31"),
        ("+262142-12-31", "2024-03-12"),
    ] {
        manager.post_json(OPTIMIZE, &range(start, end)).problem(400, "invalid_timestamp");
    }
    let good = r#""date_range": {"start": "2024-03-11", "end": "2024-03-12"}"#;
    for body in [
        "{}".to_owned(),
        "{".to_owned(),
        String::new(),
        "null".to_owned(),
        format!("[{{{good}}}]"),
        format!("{{{good}, \"level\": 1.0}}"),
        format!("{{{good}, \"level\": 1e400}}"),
        format!("{{{good}, \"level\": \"high\"}}"),
        format!("{{{good}, \"room_types\": \"suite\"}}"),
        format!("{{{good}, \"room_types\": [7]}}"),
        format!("{{{good}, \"room_types\": [\"\"]}}"),
        format!("{{{good}, \"room_types\": [\"suite\", \"suite\"]}}"),
        format!("{{{good}, \"room_types\": [\"a\\u0000b\"]}}"),
        format!("{{{good}, {good}}}"),
        format!("{{{good}, \"more\": 1}}"),
        r#"{"date_range": {"start": "2024-03-11"}}"#.to_owned(),
        r#"{"date_range": ["2024-03-11"]}"#.to_owned(),
        r#"{"date_range": "2024-03-11/2024-03-12"}"#.to_owned(),
    ] {
        let answer = manager.post(OPTIMIZE, "application/json", body.clone());
        assert!(answer.status == 400 && answer.body.len() < 1000, "{body}: {}", answer.text());
        answer.problem(400, "bad_request");
    }
    let mut unknown = range("2024-03-11", "2024-03-12");
    unknown["room_types"] = json!(["suite", "yurt"]);
    let refused = manager.post_json(OPTIMIZE, &unknown).problem(422, "unknown_room_type");
    assert_eq!(refused["room_types"], json!(["standard", "suite"]));
    let many: Vec<String> = (0..10_000).map(|n| format!("type {n}")).collect();
    unknown["room_types"] = json!(many);
    assert!(manager.post_json(OPTIMIZE, &unknown).problem(400, "bad_request").to_string().len() < 1000);
    manager.post(OPTIMIZE, "text/plain", "{}").problem(415, "unsupported_media_type");
    let long = format!("/api/v1/ml/pricing/current/{}", "x".repeat(500));
    manager.get(&long).problem(400, "bad_request");
    manager.get("/api/v1/ml/pricing/current/%00").problem(400, "bad_request");
    manager.get("/api/v1/ml/pricing/current/%FF").problem(400, "bad_request");
    manager.post_json(OPTIMIZE, &range("2024-03-11", "2024-03-11")).json(200);
    check_unharmed(&server);
}

#[test]
fn rules_and_notes_that_are_no_text_of_people_are_refused() {
    let house = house_until(today());
    let server = house.serve_only("ml");
    let manager = server.manager();
    let twice = r#"{"id": "x", "kind": "floor", "price": 1, "price": 2}"#;
    manager.post(RULES, "application/json", twice).problem(400, "bad_request");
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    manager.post(RULES, "application/json", deep).problem(400, "bad_request");
    let many: Vec<Value> =
        (0..1001).map(|n| json!({"id": format!("r{n}"), "kind": "floor", "price": 1})).collect();
    let put = |rules: &[Value]| send(manager.request(Method::PUT, RULES).json(&json!({"rules": rules})));
    put(&many).problem(400, "bad_request");
    put(&many[..300]).problem(422, "invalid_rule");
    // As many as there may be are judged in time.
    assert_eq!(put(&many[..200]).json(200)["rules"].as_array().map(Vec::len), Some(200));
    put(&[]).json(200);
    let answer = manager.post_json(OPTIMIZE, &asked(today(), 1, 2)).json(200);
    let at = format!("{SCHEDULES}/{}", answer["schedule_id"].as_str().expect("an id"));
    let date = (today() + Days::new(1)).to_string();
    for note in ["x".repeat(501), "a\u{0}b".to_owned(), "\u{1b}[31mred".to_owned(), String::new()] {
        let body = json!({"date": date, "room_type": "suite", "price": 150, "note": note});
        manager.post_json(&format!("{at}/override"), &body).problem(400, "bad_request");
        if !note.is_empty() {
            manager.post_json(&format!("{at}/reject"), &json!({"note": note})).problem(400, "bad_request");
        }
    }
    for price in ["1e300", "1e400", "NaN", "true", "[1]", "\"many\"", "null"] {
        let body = format!(r#"{{"date": "{date}", "room_type": "suite", "price": {price}, "note": "x"}}"#);
        manager.post(&format!("{at}/override"), "application/json", body).problem(400, "bad_request");
    }
    let body = json!({"date": "2024-01-01", "room_type": "suite", "price": 150, "note": "x"});
    manager.post_json(&format!("{at}/override"), &body).problem(404, "cell_not_found");
    check_unharmed(&server);
}

#[test]
fn a_hotel_that_cannot_have_prices_is_told_what_is_missing() {
    let house = House::new("default").with("rate_limits.enabled", false);
    build(&house, "empty");
    // Bookings without rooms, without rates, and one booking only.
    import(&house, "roomless", &bookings(7, day("2023-01-02"), day(UNTIL)));
    let mut unpriced = bookings(7, day("2023-01-02"), day(UNTIL));
    for booking in &mut unpriced {
        (booking.rate, booking.currency) = (None, None);
    }
    build(&house, "unpriced");
    import(&house, "unpriced", &unpriced);
    build(&house, "young");
    let stay = Stay { arrival: day(UNTIL), nights: 1 };
    let mut only = Booking::confirmed(
        "B1".parse().expect("an id"),
        day("2024-03-09"),
        stay,
        "suite".parse().expect("a kind"),
    );
    only.rate = Some(100.into());
    only.currency = Some("EUR".parse().expect("a currency"));
    import(&house, "young", &[only]);
    let server = house.serve_only("ml");
    let ask = |hotel: &str| server.role("manager", hotel).post_json(OPTIMIZE, &asked(day(UNTIL), 1, 3));
    let told = ask("empty").problem(422, "history_too_short");
    assert!(told["detail"].as_str().is_some_and(|text| text.contains("innkeeper import bookings")), "{told}");
    ask("nowhere").problem(422, "history_too_short");
    ask("roomless").problem(422, "rooms_unknown");
    ask("unpriced").problem(422, "prices_unknown");
    // One booking is little to learn from: prices with less behind them and said so, or none.
    let young = ask("young");
    match young.status {
        200 => {
            let answer = young.json(200);
            assert_eq!(answer["demand"]["identified"], false, "{answer}");
            for cell in cells(&answer) {
                assert!(cell["confidence"].is_null() && cell["confidence_reason"].is_string(), "{cell}");
            }
        }
        _ => assert_eq!(young.status, 422, "{}", young.text()),
    }
    check_unharmed(&server);
}

#[test]
fn prices_that_are_strange_break_nothing() {
    let house = house_until(day(UNTIL));
    let strange = |night: &str, amount: &str, currency: &str| Rate {
        night: day(night),
        room_type: "suite".parse().expect("a kind"),
        set_on: day(UNTIL),
        price: Money {
            amount: amount.parse().expect("an amount"),
            currency: currency.parse().expect("a currency"),
        },
    };
    let rates = [
        strange("2024-03-11", "0", "EUR"),
        strange("2024-03-12", "-5", "EUR"),
        strange("2024-03-13", "999999999", "EUR"),
        strange("2024-03-14", "0.000001", "EUR"),
        strange("2024-03-15", "2500000", "VND"),
    ];
    let seen = |competitor: &str, amount: &str, currency: &str| CompetitorPrice {
        competitor: competitor.to_owned(),
        night: day("2024-03-11"),
        room_type: None,
        seen_on: day(UNTIL),
        price: Money {
            amount: amount.parse().expect("an amount"),
            currency: currency.parse().expect("a currency"),
        },
    };
    let competitors = [seen("a", "0", "EUR"), seen("b", "-1", "EUR"), seen("c", "900000", "VND")];
    tables(&house, async |store| {
        let hotel: HotelId = "h1".parse().expect("a hotel");
        let hotel = store.hotel(&hotel);
        hotel.upsert_rates(&rates, None, Utc::now()).await.expect("written");
        hotel.upsert_competitor_prices(&competitors, None, Utc::now()).await.expect("written");
    });
    let server = house.serve_only("ml");
    let answer = server.manager().post_json(OPTIMIZE, &asked(day(UNTIL), 1, 7));
    assert!(answer.status == 200 || answer.status == 422, "{}", answer.text());
    if answer.status == 200 {
        for cell in cells(&answer.json(200)) {
            let price = cell["suggested_price"].as_f64();
            // Where the price on sale is strange, the settings leave none far from it.
            let most = cell["current_price"].as_f64().map_or(1e6, |sale| 1e6_f64.max(sale * 1.15));
            assert!(price.is_none_or(|price| price > 0.0 && price <= most), "{cell}");
        }
    }
    server.manager().get("/api/v1/ml/pricing/current/suite?date=2024-03-11").json(200);
    check_unharmed(&server);
}

#[test]
fn whoever_asks_more_than_can_be_done_in_time_is_told_when_to_come_back() {
    let house = house_until(day(UNTIL)).with("pricing.deadline_ms", 1);
    let server = house.serve_only("ml");
    let late = server.manager().post_json(OPTIMIZE, &asked(day(UNTIL), 1, 200));
    late.problem(503, "deadline_exceeded");
    assert_ne!(late.header("retry-after"), "");
    check_unharmed(&server);
}

#[test]
fn what_took_too_long_is_there_for_whoever_comes_back() {
    let house = house_until(day(UNTIL)).with("pricing.deadline_ms", 250);
    let server = house.serve_only("ml");
    eventually("the prices are there in time", || {
        let answer = server.manager().post_json(OPTIMIZE, &asked(day(UNTIL), 1, 60));
        assert!([200, 503].contains(&answer.status), "{}", answer.text());
        (answer.status == 200).then_some(())
    });
    check_unharmed(&server);
}

#[test]
fn many_callers_get_what_one_gets_and_one_of_two_decisions_holds() {
    let house = house_until(today());
    let server = house.serve_only("ml");
    let token = house.token("manager", "h1");
    let ask = || server.with(&token).post_json(OPTIMIZE, &asked(today(), 1, 5)).json(200);
    let together: Vec<Value> = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        calls.into_iter().map(|call| call.join().expect("an answer")).collect()
    });
    for answer in &together {
        assert_eq!(answer["pricing_schedule"], together[0]["pricing_schedule"]);
    }
    let at = format!("{SCHEDULES}/{}", together[0]["schedule_id"].as_str().expect("an id"));
    let decide = |word: &str| {
        server.with(&token).post_json(&format!("{at}/{word}"), &json!({"note": "so it is"})).status
    };
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let words = ["approve", "reject", "approve", "reject", "approve", "reject"];
        let calls: Vec<_> = words.into_iter().map(|word| scope.spawn(move || decide(word))).collect();
        calls.into_iter().map(|call| call.join().expect("a status")).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 5, "{statuses:?}");
    // Rules that are written at once are all there, or those who wrote them know that they are not.
    let add = |n: usize| {
        let rule = json!({"id": format!("rule {n}"), "kind": "floor", "price": 1 + n});
        server.with(&token).post_json(RULES, &rule).status
    };
    let added: Vec<u16> = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..6).map(|n| scope.spawn(move || add(n))).collect();
        calls.into_iter().map(|call| call.join().expect("a status")).collect()
    });
    assert!(added.iter().all(|status| [201, 503].contains(status)), "{added:?}");
    let kept = server.with(&token).get(RULES).json(200)["rules"].as_array().map(Vec::len);
    assert_eq!(kept, Some(added.iter().filter(|status| **status == 201).count()));
    let tried = json!({"prices": [{"date": today().to_string(), "room_type": "suite", "price": 100}]});
    server.with(&token).post_json(SIMULATE, &tried).problem(400, "bad_request");
    check_unharmed(&server);
}
