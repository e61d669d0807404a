//! Questions about the future that make no sense, and hotels that cannot answer any.

use chrono::Days;
use innkeeper_hotel::{Booking, BookingStatus, Stay};
use serde_json::{Value, json};

use crate::forecast::{
    BACKTEST, HOUSEKEEPING, OCCUPANCY, REVENUE, UNTIL, bookings, build, day, days_of, house, import, number,
};
use crate::server::{House, Server};

/// Nothing broke inside, and forecasts are made still.
fn check_unharmed(server: &Server<'_>) {
    server.manager().post_json(OCCUPANCY, &json!({"forecast_days": 1})).json(200);
    let log = server.log().join("\n");
    assert!(!log.contains("\"ERROR\"") && !log.contains("panicked"), "something failed inside: {log}");
}

#[test]
fn a_question_that_makes_no_sense_is_refused_in_every_field() {
    let house = house();
    let server = house.serve_only("ml");
    let manager = server.manager();
    for path in [OCCUPANCY, REVENUE, HOUSEKEEPING] {
        for body in [
            r#"{"forecast_days": 0}"#,
            r#"{"forecast_days": 366}"#,
            r#"{"forecast_days": -1}"#,
            r#"{"forecast_days": 1e99}"#,
            r#"{"forecast_days": 30.5}"#,
            r#"{"forecast_days": "thirty"}"#,
            r#"{"forecast_days": NaN}"#,
            r#"{"forecast_days": 18446744073709551616}"#,
            r#"{"forecast_days": [30]}"#,
            r#"{"level": 0.4}"#,
            r#"{"level": 1.0}"#,
            r#"{"level": -0.8}"#,
            r#"{"level": 1e400}"#,
            r#"{"level": "high"}"#,
            r#"{"room_type": 7}"#,
            r#"{"room_type": "a\u0000b"}"#,
            r#"{"days": 30}"#,
            r#"{"forecast_days": 30, "forecast_days": 31}"#,
            "",
            "{",
        ] {
            let answer = manager.post(path, "application/json", body);
            assert_eq!(answer.status, 400, "{path} {body}: {}", answer.text());
            answer.problem(400, "bad_request");
        }
        let long = json!({"room_type": "x".repeat(100_000)});
        let answer = manager.post_json(path, &long);
        assert!(answer.status == 400 && answer.body.len() < 1000, "{}", answer.text());
        for as_of in ["9999-12-31", "0000-01-01", "2025-02-29", "31.01.2025", "now", "-1", "+262142-12-31"] {
            let answer = manager.post_json(path, &json!({"as_of": as_of}));
            answer.problem(400, "invalid_timestamp");
        }
        // A day that nobody has lived yet.
        manager.post_json(path, &json!({"as_of": "8999-01-01"})).problem(400, "bad_request");
        manager.post(path, "text/plain", "{}").problem(415, "unsupported_media_type");
    }
    let shifts = |shifts: Value| manager.post_json(HOUSEKEEPING, &json!({"shifts": shifts}));
    for wrong in [
        json!([]),
        json!([{"name": "a", "minutes": 0, "share": 1}]),
        json!([{"name": "a", "minutes": 420, "share": 0.5}]),
        json!([{"name": "a", "minutes": 420, "share": 1, "more": 1}]),
        json!([{"name": "", "minutes": 420, "share": 1}]),
        json!(vec![json!({"name": "a", "minutes": 420, "share": 0.1}); 10]),
    ] {
        shifts(wrong).problem(400, "bad_request");
    }
    manager.post_json(OCCUPANCY, &json!({"shifts": []})).problem(400, "bad_request");
    check_unharmed(&server);
}

#[test]
fn a_back_test_that_makes_no_sense_or_is_too_much_is_refused() {
    let house = house();
    let server = house.serve_only("ml");
    let manager = server.manager();
    let many: Vec<String> = (0..400).map(|n| (day("2023-01-02") + Days::new(n)).to_string()).collect();
    for body in [
        json!({"target": "weather"}),
        json!({"horizon": 0}),
        json!({"horizon": 366}),
        json!({"count": 0}),
        json!({"count": 1000}),
        json!({"origins": []}),
        json!({"origins": many}),
        json!({"origins": ["2024-01-15", "2024-01-15"]}),
        json!({"origins": ["2024-01-15"], "count": 2}),
        json!({"level": 1.0}),
    ] {
        let answer = manager.post_json(BACKTEST, &body);
        answer.problem(400, "bad_request");
    }
    for origin in ["yesterday", "9999-12-31", "2025-02-29"] {
        manager.post_json(BACKTEST, &json!({"origins": [origin]})).problem(400, "invalid_timestamp");
    }
    // Of these days nothing is known that could be compared, or learnt from.
    for origin in ["2030-01-01", "2023-01-03"] {
        manager.post_json(BACKTEST, &json!({"origins": [origin]})).problem(422, "history_too_short");
    }
    check_unharmed(&server);
}

#[test]
fn a_hotel_without_a_history_is_told_what_is_missing() {
    let house = House::new("default").with("rate_limits.enabled", false);
    build(&house, "h3");
    import(&house, "h3", &bookings(3, day("2024-03-05"), day(UNTIL)));
    let server = house.serve_only("ml");
    for path in [OCCUPANCY, REVENUE, HOUSEKEEPING, BACKTEST] {
        let nothing =
            server.role("manager", "h2").post_json(path, &json!({})).problem(422, "history_too_short");
        let told = nothing["detail"].as_str().expect("a detail");
        assert!(told.contains("no bookings") && told.contains("innkeeper import bookings"), "{told}");
        let short =
            server.role("manager", "h3").post_json(path, &json!({})).problem(422, "history_too_short");
        let told = short["detail"].as_str().expect("a detail");
        assert!(told.contains("day"), "{told}");
    }
    // Before its first booking no hotel has a history.
    let early = json!({"as_of": "2020-01-01"});
    server.role("manager", "h3").post_json(OCCUPANCY, &early).problem(422, "history_too_short");
}

#[test]
fn three_weeks_are_enough_and_said_so() {
    let house = House::new("default").with("rate_limits.enabled", false);
    build(&house, "h1");
    import(&house, "h1", &bookings(3, day("2024-02-16"), day(UNTIL)));
    let server = house.serve_only("ml");
    let answer = server.manager().post_json(OCCUPANCY, &json!({"forecast_days": 14})).json(200);
    assert_eq!(days_of(&answer).len(), 14);
    assert!(
        !answer["notes"].as_array().expect("notes").is_empty(),
        "a short history is not mentioned: {answer}"
    );
    check_unharmed(&server);
}

#[test]
fn bookings_that_are_strange_break_nothing() {
    let house = House::new("default").with("rate_limits.enabled", false);
    let until = day(UNTIL);
    let mut rows = bookings(5, day("2023-06-01"), until);
    let mut strange = |id: &str, arrival: &str, nights: u16, change: &dyn Fn(&mut Booking)| {
        let arrival = day(arrival);
        let mut booking = Booking::confirmed(
            id.parse().expect("an id"),
            arrival.min(until) - Days::new(1),
            Stay { arrival, nights },
            "standard".parse().expect("a kind"),
        );
        change(&mut booking);
        rows.push(booking);
    };
    strange("day-use", "2024-01-05", 0, &|_| {});
    strange("a-year", "2023-12-01", 366, &|_| {});
    strange("far", "2033-01-01", 3, &|booking| booking.booked_on = until);
    strange("leap", "2024-02-29", 1, &|_| {});
    strange("dear", "2024-01-06", 1, &|booking| booking.rate = Some("999999999".parse().expect("a rate")));
    strange("unpriced", "2024-01-07", 1, &|booking| booking.rate = None);
    build(&house, "h1");
    import(&house, "h1", &rows);
    let server = house.serve_only("ml");
    for (path, name) in [
        (OCCUPANCY, "predicted_occupancy"),
        (REVENUE, "predicted_revenue"),
        (HOUSEKEEPING, "predicted_minutes"),
    ] {
        let answer = server.manager().post_json(path, &json!({"forecast_days": 30})).json(200);
        for entry in days_of(&answer) {
            assert!(number(entry, name).is_finite() && number(entry, "upper_bound").is_finite(), "{entry}");
        }
    }
    check_unharmed(&server);
}

#[test]
fn a_hotel_of_which_no_rooms_are_known_says_what_to_do() {
    let house = House::new("default").with("rate_limits.enabled", false);
    import(&house, "h1", &bookings(7, day("2023-01-02"), day(UNTIL)));
    let server = house.serve_only("ml");
    // Revenue and work need no number of rooms.
    server.manager().post_json(REVENUE, &json!({"forecast_days": 7})).json(200);
    // Of occupancy the most that were ever taken at once stand in for them, and the answer says so.
    let answer = server.manager().post_json(OCCUPANCY, &json!({"forecast_days": 7})).json(200);
    let notes = answer["notes"].to_string();
    assert!(notes.contains("how many rooms") && notes.contains("innkeeper import rooms"), "{notes}");
    assert!(days_of(&answer).iter().all(|entry| number(entry, "predicted_occupancy") <= 1.0));
    assert!((20.0..=60.0).contains(&number(&days_of(&answer)[0], "rooms")), "{answer}");
}

#[test]
fn rooms_that_nobody_ever_took_have_no_occupancy() {
    let house = House::new("default").with("rate_limits.enabled", false);
    let mut rows = bookings(7, day("2023-01-02"), day(UNTIL));
    for booking in rows.iter_mut().filter(|booking| booking.room_type.as_str() == "suite") {
        // A year of zeros: everything was cancelled on the day on which it was booked.
        (booking.status, booking.status_on) = (BookingStatus::Cancelled, Some(booking.booked_on));
    }
    import(&house, "h1", &rows);
    let server = house.serve_only("ml");
    let suites = json!({"forecast_days": 7, "room_type": "suite"});
    let told = server.manager().post_json(OCCUPANCY, &suites).problem(422, "rooms_unknown");
    assert!(told["detail"].as_str().is_some_and(|text| text.contains("innkeeper import rooms")), "{told}");
}

#[test]
fn a_hotel_without_kept_bookings_or_rates_is_told_so() {
    let house = House::new("default").with("rate_limits.enabled", false);
    let mut rows = bookings(7, day("2023-01-02"), day(UNTIL));
    for booking in &mut rows {
        (booking.rate, booking.currency) = (None, None);
    }
    import(&house, "h1", &rows);
    for booking in &mut rows {
        (booking.status, booking.status_on) = (BookingStatus::Cancelled, Some(booking.booked_on));
    }
    import(&house, "h2", &rows);
    let server = house.serve_only("ml");
    let asked = json!({"forecast_days": 7});
    let unpriced = server.manager().post_json(REVENUE, &asked).problem(422, "history_too_short");
    assert!(unpriced["detail"].as_str().is_some_and(|text| text.contains("rate")), "{unpriced}");
    server.manager().post_json(OCCUPANCY, &asked).json(200);
    server.role("manager", "h2").post_json(OCCUPANCY, &asked).problem(422, "history_too_short");
}
