//! Forecasts over HTTP: what the contract promises, from bookings that the tests make up.

use std::collections::BTreeSet;

use chrono::{Datelike, Days, NaiveDate, Utc};
use innkeeper_core::HotelId;
use innkeeper_hotel::{Booking, BookingStatus, Closure, Room, Stay};
use reqwest::Method;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::server::{Caller, House, Server, send, tables};

pub(crate) const OCCUPANCY: &str = "/api/v1/ml/forecast/occupancy";
pub(crate) const REVENUE: &str = "/api/v1/ml/forecast/revenue";
pub(crate) const HOUSEKEEPING: &str = "/api/v1/ml/forecast/housekeeping_demand";
pub(crate) const BACKTEST: &str = "/api/v1/ml/forecast/backtest";

/// Rooms of each kind in the hotels made up here.
pub(crate) const KINDS: [(&str, u32); 2] = [("standard", 30), ("suite", 10)];
/// Rows written at once.
const BATCH: usize = 5000;

pub(crate) fn day(text: &str) -> NaiveDate {
    text.parse().expect(text)
}

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// Bookings of a hotel whose nights are known from `from` until `until`, as its system has them on the evening of `until`:
/// fuller at weekends, some cancelled.
pub(crate) fn bookings(seed: u64, from: NaiveDate, until: NaiveDate) -> Vec<Booking> {
    let mut dice = Dice(seed);
    let mut made = Vec::new();
    for arrival in from.iter_days().take_while(|day| *day <= until + Days::new(60)) {
        let weekend = u64::from(arrival.weekday().num_days_from_monday() >= 4);
        for (kind, rooms) in KINDS {
            for _ in 0..(u64::from(rooms) / 5 + dice.below(3) + weekend * u64::from(rooms) / 8) {
                let (lead, nights) = (dice.below(60), 1 + dice.below(3) as u16);
                let booked_on = arrival - Days::new(lead);
                let id = format!("B{:06}", made.len()).parse().expect("an id");
                let stay = Stay { arrival, nights };
                let mut booking = Booking::confirmed(id, booked_on, stay, kind.parse().expect("a kind"));
                booking.rate = Some(Decimal::from(if kind == "suite" { 200 } else { 90 } + weekend * 20));
                booking.currency = Some("EUR".parse().expect("a currency"));
                let cancelled_on = booked_on + Days::new(dice.below(lead + 1));
                if dice.below(10) == 0 && cancelled_on <= until {
                    (booking.status, booking.status_on) = (BookingStatus::Cancelled, Some(cancelled_on));
                } else if booking.stay.departure() <= until {
                    (booking.status, booking.status_on) =
                        (BookingStatus::Completed, Some(booking.stay.departure()));
                }
                if booked_on <= until {
                    made.push(booking);
                }
            }
        }
    }
    made
}

/// Writes bookings into a hotel, as an import does.
pub(crate) fn import(house: &House, hotel: &str, bookings: &[Booking]) {
    std::fs::create_dir_all(house.data()).expect("the data directory");
    let hotel: HotelId = hotel.parse().expect("a hotel");
    tables(house, async |store| {
        for batch in bookings.chunks(BATCH) {
            store
                .hotel(&hotel)
                .upsert_bookings(batch, None, Utc::now())
                .await
                .expect("the bookings are written");
        }
    });
}

/// Rooms of a hotel: as many of each kind as [`KINDS`] says.
pub(crate) fn build(house: &House, hotel: &str) {
    std::fs::create_dir_all(house.data()).expect("the data directory");
    let numbered = |(floor, (kind, rooms)): (usize, (&str, u32))| {
        let kind = kind.parse::<innkeeper_hotel::RoomTypeName>().expect("a kind");
        let room = move |number: u32| Room {
            number: format!("{}{number:02}", floor + 1).parse().expect("a number"),
            room_type: kind.clone(),
            floor: Some(floor as i32 + 1),
        };
        (1..=rooms).map(room).collect::<Vec<_>>()
    };
    let rooms: Vec<Room> = KINDS.into_iter().enumerate().flat_map(numbered).collect();
    let hotel: HotelId = hotel.parse().expect("a hotel");
    tables(house, async |store| {
        store.hotel(&hotel).upsert_rooms(&rooms, None, Utc::now()).await.expect("the rooms are written");
    });
}

/// The last day that the hotels made up here know.
pub(crate) const UNTIL: &str = "2024-03-10";

/// A house with a hotel `h1` of forty rooms and fourteen months of bookings, the 29th of February in them.
pub(crate) fn house() -> House {
    let house = House::new("default").with("rate_limits.enabled", false);
    build(&house, "h1");
    import(&house, "h1", &bookings(7, day("2023-01-02"), day(UNTIL)));
    house
}

pub(crate) fn days_of(answer: &Value) -> &Vec<Value> {
    answer["forecasts"].as_array().unwrap_or_else(|| panic!("no forecasts: {answer}"))
}

pub(crate) fn number(value: &Value, name: &str) -> f64 {
    value[name].as_f64().unwrap_or_else(|| panic!("{name} is no number: {value}"))
}

/// What every forecast has, whatever it is of.
#[track_caller]
fn check_shape(answer: &Value, predicted: &str, days: usize) {
    let forecasts = days_of(answer);
    assert_eq!(forecasts.len(), days, "{answer}");
    let mut expected = day(answer["as_of"].as_str().expect("as_of"));
    for entry in forecasts {
        expected = expected + Days::new(1);
        assert_eq!(day(entry["date"].as_str().expect("a date")), expected, "a day is missing");
        let (low, value, high) =
            (number(entry, "lower_bound"), number(entry, predicted), number(entry, "upper_bound"));
        assert!(0.0 <= low && low <= value && value <= high && high.is_finite(), "{entry}");
        match entry["confidence"].as_f64() {
            Some(share) => assert!((0.0..=1.0).contains(&share), "{entry}"),
            None => assert!(entry["confidence_reason"].is_string(), "a null without a reason: {entry}"),
        }
        let drivers = entry["drivers"].as_array().expect("drivers");
        assert!(!drivers.is_empty(), "nothing explains {entry}");
        for driver in drivers {
            assert!(driver["name"].is_string() && driver["words"].is_string(), "{driver}");
        }
    }
    for id in ["answer_id", "forecast_id", "event_id"] {
        assert!(answer[id].as_str().is_some_and(|id| id.parse::<Uuid>().is_ok()), "{id}: {answer}");
    }
    assert_eq!(answer["answer_id"], answer["forecast_id"]);
    assert!(answer["model"].as_str().is_some_and(|model| model.starts_with("forecast@")), "{answer}");
    assert!(!answer["method"]["members"].as_array().expect("members").is_empty(), "{answer}");
    assert!(!answer["accuracy"].as_array().expect("accuracy").is_empty(), "{answer}");
    assert!(answer["notes"].is_array(), "{answer}");
}

#[test]
fn a_forecast_has_what_the_contract_promises() {
    let house = house();
    let server = house.serve_only("ml");
    let manager = server.manager();
    let ask = |path: &str, body: Value| manager.post_json(path, &body).json(200);

    let full = ask(OCCUPANCY, json!({"forecast_days": 30, "room_type": "all"}));
    check_shape(&full, "predicted_occupancy", 30);
    assert_eq!(
        (&full["as_of"], &full["room_type"], &full["level"]),
        (&json!(UNTIL), &json!("all"), &json!(0.8))
    );
    for entry in days_of(&full) {
        assert!(number(entry, "upper_bound") <= 1.0, "more than full: {entry}");
        assert_eq!(entry["rooms"], 40);
        let share = number(entry, "predicted_rooms") / 40.0;
        assert!((share - number(entry, "predicted_occupancy")).abs() < 2e-4, "{entry}");
    }
    // The interval of the near days was tried, on days that are known by now.
    assert!(days_of(&full)[0]["confidence"].is_f64(), "{}", days_of(&full)[0]);

    let money = ask(REVENUE, json!({"forecast_days": 14}));
    check_shape(&money, "predicted_revenue", 14);
    assert_eq!(money["currency"], "EUR");

    let work = ask(HOUSEKEEPING, json!({"forecast_days": 7}));
    check_shape(&work, "predicted_minutes", 7);
    for entry in days_of(&work) {
        let shifts = entry["shifts"].as_array().expect("shifts");
        assert!(!shifts.is_empty());
        let minutes: f64 = shifts.iter().map(|shift| number(shift, "predicted_minutes")).sum();
        assert!(
            (minutes - number(entry, "predicted_minutes")).abs() < 0.5,
            "the shifts do not add up: {entry}"
        );
        assert!(number(entry, "predicted_staff") >= 1.0, "{entry}");
    }
    let two = json!([{"name": "early", "minutes": 300, "share": 0.75}, {"name": "late", "minutes": 240, "share": 0.25}]);
    let split = ask(HOUSEKEEPING, json!({"forecast_days": 3, "shifts": two}));
    let names: Vec<&Value> =
        days_of(&split)[0]["shifts"].as_array().expect("shifts").iter().map(|shift| &shift["name"]).collect();
    assert_eq!(names, ["early", "late"]);

    // One day, a year of days, and what is left out.
    check_shape(&ask(OCCUPANCY, json!({"forecast_days": 1})), "predicted_occupancy", 1);
    check_shape(&ask(OCCUPANCY, json!({"forecast_days": 365})), "predicted_occupancy", 365);
    check_shape(&ask(OCCUPANCY, json!({})), "predicted_occupancy", 30);
}

#[test]
fn a_kind_of_room_has_its_own_forecast_and_an_unknown_one_none() {
    let house = house();
    let server = house.serve_only("ml");
    let manager = server.manager();
    let ask = |kind: &str| manager.post_json(OCCUPANCY, &json!({"forecast_days": 7, "room_type": kind}));
    let (all, suites) = (ask("all").json(200), ask("suite").json(200));
    assert_eq!((&suites["room_type"], &days_of(&suites)[0]["rooms"]), (&json!("suite"), &json!(10)));
    let rooms = |answer: &Value| number(&days_of(answer)[0], "predicted_rooms");
    let standard = ask("standard").json(200);
    // The kinds of rooms add up to the hotel.
    let apart = rooms(&suites) + rooms(&standard);
    assert!((rooms(&all) - apart).abs() < 0.5, "{} rooms in all, {apart} by kind", rooms(&all));
    let refused = ask("penthouse").problem(422, "unknown_room_type");
    let listed: Vec<&str> =
        refused["room_types"].as_array().expect("the list").iter().filter_map(Value::as_str).collect();
    assert_eq!(BTreeSet::from_iter(listed), BTreeSet::from(["standard", "suite"]));
}

#[test]
fn a_forecast_of_the_past_knows_nothing_of_what_came_after() {
    let (early, until) = (day("2023-12-20"), day(UNTIL));
    let all = bookings(7, day("2023-01-02"), until);
    // The same hotel, as its system stood on that evening.
    let known: Vec<Booking> = all
        .iter()
        .filter(|booking| booking.booked_on <= early)
        .map(|booking| match booking.status_on {
            Some(on) if on > early => {
                Booking { status: BookingStatus::Confirmed, status_on: None, ..booking.clone() }
            }
            _ => booking.clone(),
        })
        .collect();
    let house = House::new("default").with("rate_limits.enabled", false);
    for (hotel, rows) in [("h1", &all), ("h2", &known)] {
        build(&house, hotel);
        import(&house, hotel, rows);
    }
    let server = house.serve_only("ml");
    let ask = |hotel: &str| {
        let body = json!({"forecast_days": 21, "as_of": early.to_string()});
        server.role("manager", hotel).post_json(OCCUPANCY, &body).json(200)
    };
    let (looked_back, then) = (ask("h1"), ask("h2"));
    assert_eq!(looked_back["as_of"], early.to_string());
    assert_eq!(looked_back["forecasts"], then["forecasts"], "the future leaked into the past");
}

#[test]
fn a_wider_level_is_a_wider_interval() {
    let house = house();
    let server = house.serve_only("ml");
    let manager = server.manager();
    let width = |level: f64| {
        let answer = manager.post_json(OCCUPANCY, &json!({"forecast_days": 14, "level": level})).json(200);
        days_of(&answer).iter().map(|d| number(d, "upper_bound") - number(d, "lower_bound")).sum::<f64>()
    };
    let (narrow, usual, wide) = (width(0.5), width(0.8), width(0.99));
    assert!(narrow < usual && usual < wide, "{narrow} {usual} {wide}");
}

#[test]
fn an_answer_is_a_row_and_an_event_and_can_be_read_back() {
    let house = house();
    let server = house.serve_only("ml");
    let manager = server.manager();
    let answer = manager.post_json(OCCUPANCY, &json!({"forecast_days": 5})).json(200);
    let id = answer["answer_id"].as_str().expect("an id").to_owned();
    let read = manager.get(&format!("/api/v1/ml/forecast/{id}")).json(200);
    assert_eq!((&read["target"], &read["as_of"]), (&json!("occupancy"), &json!(UNTIL)));
    assert_eq!(read["request"]["forecast_days"], 5);
    assert_eq!(read["answer"]["forecasts"], answer["forecasts"]);
    // Nobody else's, and nothing that is none.
    server.role("manager", "h2").get(&format!("/api/v1/ml/forecast/{id}")).problem(404, "answer_not_found");
    manager.get(&format!("/api/v1/ml/forecast/{}", Uuid::nil())).problem(404, "answer_not_found");
    manager.get("/api/v1/ml/forecast/yesterday").problem(400, "invalid_id");
    manager.post_json(OCCUPANCY, &json!({"forecast_days": 5})).json(200);
    server.stop();
    let told = tables(&house, async |store| store.outbox_pending(1000).await.expect("the events"));
    let told: Vec<&Value> =
        told.iter().filter(|event| event.topic == "forecast.made").map(|event| &event.payload).collect();
    assert_eq!(told.len(), 2, "an answer from memory is told too");
    assert_eq!((&told[0]["answer_id"], &told[0]["target"]), (&json!(id), &json!("occupancy")));
    assert_eq!((&told[0]["from"], &told[0]["until"]), (&json!("2024-03-11"), &json!("2024-03-15")));
}

#[test]
fn new_bookings_change_the_next_answer_and_those_of_another_hotel_do_not() {
    let house = house();
    build(&house, "h2");
    let mut others = bookings(99, day("2023-01-02"), day(UNTIL));
    import(&house, "h2", &others[..others.len() / 2]);
    let server = house.serve_only("ml");
    let ask = |hotel: &str| {
        let body = json!({"forecast_days": 7, "as_of": UNTIL});
        server.role("manager", hotel).post_json(OCCUPANCY, &body).json(200)
    };
    let (first, second) = (ask("h1"), ask("h2"));
    assert_ne!(first["forecasts"], second["forecasts"]);
    assert_eq!(ask("h1")["forecasts"], first["forecasts"], "the same question had two answers");
    for booking in &mut others {
        booking.id = format!("N{}", booking.id).parse().expect("an id");
    }
    import(&house, "h2", &others);
    assert_eq!(ask("h1")["forecasts"], first["forecasts"], "another hotel's bookings changed the answer");
    assert_ne!(ask("h2")["forecasts"], second["forecasts"], "an import changed nothing");
}

#[test]
fn many_callers_get_what_one_gets() {
    let house = house();
    let server = house.serve_only("ml");
    let bodies: Vec<(&str, Value)> = (0..40)
        .map(|n| {
            let path = [OCCUPANCY, REVENUE, HOUSEKEEPING][n % 3];
            (path, json!({"forecast_days": 3 + n % 4, "level": if n % 2 == 0 { 0.8 } else { 0.9 }}))
        })
        .collect();
    let token = house.token("manager", "h1");
    let ask = |(path, body): &(&str, Value)| {
        server.with(&token).post_json(path, body).json(200)["forecasts"].clone()
    };
    let together: Vec<Value> = std::thread::scope(|scope| {
        let calls: Vec<_> = bodies.iter().map(|body| scope.spawn(|| ask(body))).collect();
        calls.into_iter().map(|call| call.join().expect("an answer")).collect()
    });
    // A server that remembers nothing, one question after the other.
    drop(server);
    let server = house.serve_only("ml");
    let ask = |(path, body): &(&str, Value)| {
        server.with(&token).post_json(path, body).json(200)["forecasts"].clone()
    };
    for (body, together) in bodies.iter().zip(&together) {
        assert_eq!(&ask(body), together, "{body:?}");
    }
}

#[test]
fn a_hotel_that_is_closed_takes_nobody() {
    let house = house();
    let closure = Closure { from: day("2024-03-13"), until: day("2024-03-15"), room_type: None };
    tables(&house, async |store| {
        let hotel: HotelId = "h1".parse().expect("a hotel");
        store
            .hotel(&hotel)
            .upsert_closures(&[closure], None, Utc::now())
            .await
            .expect("the closure is written");
    });
    let server = house.serve_only("ml");
    let answer = server.manager().post_json(OCCUPANCY, &json!({"forecast_days": 7})).json(200);
    for entry in days_of(&answer) {
        let date = day(entry["date"].as_str().expect("a date"));
        let closed = (day("2024-03-13")..=day("2024-03-15")).contains(&date);
        assert_eq!(entry["closed"], closed, "{entry}");
        let full = number(entry, "predicted_occupancy");
        assert!(if closed { full.abs() < 1e-9 } else { full > 0.1 }, "{entry}");
    }
}

#[test]
fn a_back_test_says_how_good_forecasts_were_and_draws_it() {
    let house = house();
    let server = house.serve_only("ml");
    let scientist = server.role("data-scientist", "h1");
    let body = json!({"target": "occupancy", "origins": ["2024-01-15", "2024-02-05"], "horizon": 14});
    let report = scientist.post_json(BACKTEST, &body).json(200);
    assert_eq!(report["origins"], json!(["2024-01-15", "2024-02-05"]));
    let horizons = report["horizons"].as_array().expect("horizons");
    assert!(!horizons.is_empty(), "{report}");
    for band in horizons {
        assert!(number(band, "mae") >= 0.0 && (0.0..=1.0).contains(&number(band, "coverage")), "{band}");
    }
    let overall = &report["overall"];
    assert!(number(overall, "mae") < 40.0 && number(overall, "width") > 0.0, "{report}");
    let counted = scientist.post_json(BACKTEST, &json!({"count": 2, "horizon": 7})).json(200);
    assert_eq!(counted["origins"].as_array().map(Vec::len), Some(2), "{counted}");
    let draw = |kind: &str| {
        let path = format!("{BACKTEST}?plot={kind}");
        send(scientist.request(Method::POST, &path).json(&body))
    };
    let svg = draw("svg");
    assert_eq!((svg.status, svg.header("content-type")), (200, "image/svg+xml"), "{}", svg.text());
    assert!(svg.text().contains("<svg"), "{}", svg.text());
    let png = draw("png");
    assert_eq!((png.status, png.header("content-type")), (200, "image/png"));
    assert!(png.body.starts_with(b"\x89PNG\r\n\x1a\n"));
    draw("jpeg").problem(400, "bad_request");
}

#[test]
fn what_is_known_and_what_runs_is_told() {
    let house = house();
    let server = house.serve_only("ml");
    let known = server.manager().get("/api/v1/ml/forecast/data").json(200);
    assert_eq!((&known["rooms"], &known["known_until"]), (&json!(40), &json!(UNTIL)), "{known}");
    assert!(number(&known, "bookings") > 1000.0);
    let empty = server.role("manager", "h2").get("/api/v1/ml/forecast/data").json(200);
    assert_eq!((&empty["bookings"], &empty["known_until"]), (&json!(0), &Value::Null));
    // The hotel of the settings has none.
    let health = server.anyone().get("/api/v1/ml/health").json(200);
    assert_eq!((&health["status"], &health["forecasts"]["state"]), (&json!("degraded"), &json!("absent")));
    assert!(
        health["forecasts"]["detail"].as_str().is_some_and(|text| text.contains("innkeeper import bookings"))
    );
    server.manager().post_json(OCCUPANCY, &json!({})).json(200);
    let text = server.anyone().get("/api/v1/ml/metrics").text();
    for line in [
        "ml_predictions_total{prediction_type=\"occupancy\",status=\"success\"} 1",
        "ml_predictions_total{prediction_type=\"revenue\",status=\"failure\"} 0",
        "ml_prediction_duration_seconds_count{prediction_type=\"occupancy\"} 1",
        "innkeeper_forecast_cache_total{outcome=\"miss\"} 1",
    ] {
        assert!(text.contains(line), "no {line} in {text}");
    }
}

#[test]
fn a_service_that_is_not_asked_for_does_not_run() {
    let house = House::new("default").with("models.dir", "/nonexistent");
    let server: Server<'_> = house.serve_only("ml");
    let caller: Caller<'_> = server.manager();
    caller.get("/api/v1/cv/health").problem(503, "service_disabled");
    caller.recognise(b"anything").problem(503, "service_disabled");
    assert_eq!(caller.get("/api/v1/ml/health").status, 200);
    assert!(!server.log().join("\n").contains("not available"), "it looked for models that nobody asked for");
    drop(server);
    let server = house.serve_only("cv");
    server.manager().post_json(OCCUPANCY, &json!({})).problem(503, "service_disabled");
    server.anyone().get("/api/v1/ml/health").problem(503, "service_disabled");
    assert_eq!(server.anyone().get("/api/v1/cv/health").status, 200);
}
