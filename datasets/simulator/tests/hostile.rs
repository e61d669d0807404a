//! What cannot be simulated is refused, with its place.
#![expect(clippy::expect_used, reason = "tests")]

use chrono::NaiveDate;
use innkeeper_hotel::Closure;
use innkeeper_simulator::{Settings, Simulation, SimulatorError, Truth};

fn settings(rooms: u32, days: u32, end: NaiveDate) -> Settings {
    Settings::new(1, rooms, days, end, "default".parse().expect("hotel"))
}

fn day(text: &str) -> NaiveDate {
    text.parse().expect(text)
}

fn truth() -> Truth {
    Truth::shipped().expect("truth")
}

fn refused(rooms: u32, days: u32, end: NaiveDate) -> SimulatorError {
    Simulation::new(settings(rooms, days, end), truth()).expect_err("it was simulated")
}

#[test]
fn sizes_and_days_that_no_hotel_has_are_refused() {
    let end = day("2024-02-29");
    assert_eq!(refused(0, 10, end), SimulatorError::Rooms(0));
    assert_eq!(refused(10_000_000, 10, end), SimulatorError::Rooms(10_000_000));
    assert_eq!(refused(10, 0, end), SimulatorError::Days(0));
    assert_eq!(refused(10, u32::MAX, end), SimulatorError::Days(u32::MAX));
    for end in [NaiveDate::MAX, NaiveDate::MIN, day("9999-12-31"), day("0001-06-01")] {
        assert!(matches!(refused(10, 10, end), SimulatorError::OutsideCalendar { .. }), "{end}");
    }
    let last = Simulation::new(settings(3, 10, day("9998-10-01")), truth()).expect("the last year that fits");
    assert!(last.bookings().count() > 0);
}

#[test]
fn a_closure_that_ends_before_it_begins_or_names_no_room_type_is_refused() {
    let mut settings = settings(10, 10, day("2024-02-29"));
    settings.closures = vec![Closure { from: day("2024-02-10"), until: day("2024-02-09"), room_type: None }];
    assert!(matches!(Simulation::new(settings.clone(), truth()), Err(SimulatorError::Closure { .. })));
    let castle = Some("castle".parse().expect("type"));
    settings.closures =
        vec![Closure { from: day("2024-02-10"), until: day("2024-02-10"), room_type: castle }];
    assert!(matches!(Simulation::new(settings.clone(), truth()), Err(SimulatorError::Closure { .. })));
    settings.closures = vec![Closure { from: NaiveDate::MIN, until: NaiveDate::MAX, room_type: None }];
    assert_eq!(Simulation::new(settings, truth()).expect("closed").bookings().count(), 0);
}

#[test]
fn numbers_out_of_range_are_refused_with_their_place() {
    type Damage = fn(&mut Truth);
    let cases: [(&str, Damage); 15] = [
        ("max_lead", |t| t.max_lead = 0),
        ("demand, trend", |t| t.demand.trend = f64::NAN),
        ("demand, shock_memory", |t| t.demand.shock_memory = 1.0),
        ("price, step", |t| t.price.step = 0.0),
        ("price, step", |t| t.price.step = 1.5),
        ("price, months", |t| t.price.months[3] = -1.0),
        ("price, reviews", |t| t.price.reviews.push(0)),
        ("price, test_levels", |t| t.price.test_levels.clear()),
        ("room_type deluxe, price", |t| t.room_types[1].price = f64::INFINITY),
        ("room_type deluxe, name", |t| t.room_types[0].name = t.room_types[1].name.clone()),
        ("segment leisure, elasticity", |t| t.segments[1].elasticity = -0.5),
        ("segment leisure, nights", |t| t.segments[1].nights = vec![0.0, 0.0]),
        ("segment leisure, lead_median", |t| t.segments[1].lead_median = f64::NAN),
        ("segment leisure, rooms", |t| t.segments[1].rooms.clear()),
        ("countries", |t| t.countries.clear()),
    ];
    for (place, damage) in cases {
        let mut damaged = truth();
        damage(&mut damaged);
        let error = Simulation::new(settings(10, 10, day("2024-02-29")), damaged).expect_err(place);
        assert!(matches!(&error, SimulatorError::Truth { field, .. } if field == place), "{place}: {error}");
    }
}

#[test]
fn a_truth_file_with_a_wrong_key_or_a_wrong_number_is_refused() {
    let shipped = include_str!("../hotel.toml");
    for (from, to) in [
        ("max_lead = 365", "max_lead = 365\nlongest_stay = 3"),
        ("currency = \"VND\"", "currency = \"ZZZ\""),
        ("elasticity = 1.6", "elasticity = nan"),
        ("no_show = 0.020", "no_show = -0.020"),
        ("demand = { leisure = 1.8 }", "demand = { pirates = 1.8 }"),
        ("yearly = \"09-01\"", "yearly = \"09-31\""),
        ("lead_median = 28.0", ""),
    ] {
        assert!(shipped.contains(from), "{from}");
        assert!(Truth::from_toml(&shipped.replacen(from, to, 1)).is_err(), "{to:?} was read");
    }
}

#[test]
fn a_trend_that_runs_away_is_refused_before_anything_is_drawn() {
    let mut truth = truth();
    truth.demand.trend = -1.0;
    let error = Simulation::new(settings(10, 36_525, day("2024-02-29")), truth).expect_err("refused");
    assert!(error.to_string().contains("room-nights"), "{error}");
}

#[test]
fn a_festival_on_the_29th_of_february_is_held_in_leap_years_only() {
    let mut truth = truth();
    for event in &mut truth.events {
        event.starts.clear();
        event.yearly = Some("02-29".to_owned());
    }
    let simulation = Simulation::new(settings(5, 1_500, day("2024-12-31")), truth).expect("simulation");
    let mut days: Vec<_> = simulation.events().filter(|e| e.kind == "festival").map(|e| e.from).collect();
    days.dedup();
    assert_eq!(days, [day("2024-02-29")]);
}
