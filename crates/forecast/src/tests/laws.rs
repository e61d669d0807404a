//! What must hold of every forecast.

use chrono::Days;
use innkeeper_frames::curves::BookingCurves;
use innkeeper_hotel::{BookingStatus, Closure, Event, RoomTypeName};

use super::{House, day};
use crate::{
    DriverName, Forecast, ForecastError, History, Note, Request, Target, forecast, forecast_room_types,
    forecast_targets,
};

const ALL: [Target; 5] =
    [Target::Occupancy, Target::Revenue, Target::CheckOuts, Target::Arrivals, Target::StayOvers];

fn request(target: Target) -> Request {
    Request { levels: vec![0.8, 0.5, 0.95, 0.99], ..Request::new(day("2023-06-30"), 28, target) }
}

fn assert_sound(forecast: &Forecast) {
    for day in &forecast.days {
        let shown = || format!("{:?} {day:?}", forecast.target);
        assert!(day.value.is_finite() && day.value >= 0.0, "{}", shown());
        let mut by_level = day.bounds.clone();
        by_level.sort_by(|one, other| one.level.total_cmp(&other.level));
        for bounds in &by_level {
            assert!(
                0.0 <= bounds.lower && bounds.lower <= day.value && day.value <= bounds.upper,
                "{}",
                shown()
            );
            if let Some(coverage) = bounds.coverage {
                assert!((0.0..=1.0).contains(&coverage.reached) && coverage.count > 0, "{}", shown());
            }
        }
        for pair in by_level.windows(2) {
            assert!(pair[1].lower <= pair[0].lower && pair[0].upper <= pair[1].upper, "crossed: {}", shown());
        }
        let parts: f64 = day.drivers.iter().map(|driver| driver.effect).sum();
        assert!((parts - day.value).abs() < 1e-6 * day.value.max(1.0), "parts of {parts}: {}", shown());
    }
}

#[test]
fn nothing_that_was_learnt_later_changes_a_forecast() {
    let as_of = day("2023-06-30");
    let bookings = House::new(1).bookings();
    let known = BookingCurves::new(&bookings);
    let mut shuffled = bookings.clone();
    // Every later fate is turned round, and later bookings are replaced by others.
    shuffled.retain(|booking| booking.booked_on <= as_of || booking.stay.nights % 2 == 0);
    for booking in &mut shuffled {
        if booking.status_on.is_none_or(|day| day > as_of) && booking.stay.arrival > as_of {
            (booking.status, booking.status_on) = match booking.status {
                BookingStatus::Cancelled => (BookingStatus::Confirmed, None),
                _ => (BookingStatus::Cancelled, Some(as_of + Days::new(1))),
            };
        }
        if booking.booked_on > as_of {
            booking.rate = Some(9_999.into());
        }
    }
    let other = BookingCurves::new(&shuffled);
    for target in ALL {
        let (one, two) = (
            forecast(&History::of(&known), &request(target)),
            forecast(&History::of(&other), &request(target)),
        );
        assert_eq!(one.expect("a forecast"), two.expect("a forecast"));
    }
}

#[test]
fn bounds_do_not_cross_and_parts_add_up() {
    let curves = BookingCurves::new(&House::new(2).bookings());
    for forecast in
        forecast_targets(&History::of(&curves), &request(Target::Occupancy), &ALL).expect("forecasts")
    {
        assert_sound(&forecast);
        assert!(forecast.accuracy.iter().all(|at| at.mae.is_some()), "{:?}", forecast.accuracy);
        assert!(forecast.days.iter().all(|day| day.bounds.iter().all(|at| at.coverage.is_some())));
    }
}

#[test]
fn revenue_is_rooms_times_rate() {
    let curves = BookingCurves::new(&House::new(3).bookings());
    let made = forecast_targets(
        &History::of(&curves),
        &request(Target::Revenue),
        &[Target::Revenue, Target::Occupancy],
    )
    .expect("forecasts");
    for (revenue, occupancy) in made[0].days.iter().zip(&made[1].days) {
        let (rooms, rate) = (revenue.rooms.expect("rooms"), revenue.rate.expect("rate"));
        assert!((rooms - occupancy.value).abs() < 1e-9);
        assert!((rooms * rate - revenue.value).abs() < 1e-6);
        assert!((80.0..140.0).contains(&rate), "{rate}");
    }
}

#[test]
fn room_types_add_up_to_the_hotel() {
    let curves = BookingCurves::new(&House::new(4).bookings());
    let capacity: Vec<(RoomTypeName, u32)> =
        ["T0", "T1", "T2", "empty"].iter().map(|name| (name.parse().expect("name"), 40)).collect();
    let history = History { capacity: &capacity, ..History::of(&curves) };
    for target in [Target::Occupancy, Target::Revenue, Target::CheckOuts] {
        let (hotel, types) = forecast_room_types(&history, &request(target)).expect("forecasts");
        assert_sound(&hotel);
        types.iter().for_each(assert_sound);
        assert_eq!(types.len(), 4);
        for (place, day) in hotel.days.iter().enumerate() {
            let sum: f64 = types.iter().map(|forecast| forecast.days[place].value).sum();
            assert!((sum - day.value).abs() < 1e-6 * day.value.max(1.0), "{sum} is not {}", day.value);
        }
        if target == Target::Occupancy {
            assert!(types.iter().all(|forecast| forecast.days.iter().all(|day| day.value <= 40.0 + 1e-9)));
        }
        let one =
            forecast(&history, &Request { room_type: Some("T1".parse().expect("name")), ..request(target) });
        assert_eq!(
            one.expect("a forecast").days,
            types
                .iter()
                .find(|at| at.room_type.as_ref().is_some_and(|name| name.as_str() == "T1"))
                .expect("T1")
                .days
        );
    }
    let unknown = Request { room_type: Some("nowhere".parse().expect("name")), ..request(Target::Occupancy) };
    assert!(matches!(forecast(&history, &unknown), Err(ForecastError::UnknownRoomType(_))));
}

#[test]
fn occupancy_stays_within_the_rooms() {
    let curves = BookingCurves::new(&House::new(5).bookings());
    let capacity = [
        ("T0".parse().expect("name"), 12),
        ("T1".parse().expect("name"), 12),
        ("T2".parse().expect("name"), 11),
    ];
    let history = History { capacity: &capacity, ..History::of(&curves) };
    let made = forecast(&history, &request(Target::Occupancy)).expect("a forecast");
    assert_eq!(made.capacity, Some(35));
    assert!(made.days.iter().all(|day| day.value <= 35.0 && day.bounds.iter().all(|at| at.upper <= 35.0)));
    assert_sound(&made);
}

#[test]
fn a_closed_hotel_sells_nothing_and_learns_nothing_from_it() {
    let curves = BookingCurves::new(&House::new(6).bookings());
    let open = forecast(&History::of(&curves), &request(Target::Occupancy)).expect("a forecast");
    let closures = [
        Closure { from: day("2023-07-05"), until: day("2023-07-09"), room_type: None },
        Closure { from: day("2022-11-01"), until: day("2022-11-20"), room_type: None },
    ];
    let history = History { closures: &closures, ..History::of(&curves) };
    let shut = forecast(&history, &request(Target::Occupancy)).expect("a forecast");
    assert_sound(&shut);
    for (day, before) in shut.days.iter().zip(&open.days) {
        let inside = day.date >= closures[0].from && day.date <= closures[0].until;
        assert_eq!(day.value == 0.0, inside, "{day:?}");
        assert!(inside || (day.value - before.value).abs() < 0.2 * before.value, "{day:?} {before:?}");
    }
    assert!(shut.notes.contains(&Note::ClosedNights { nights: 20 }));
}

#[test]
fn closed_room_types_leave_the_hotel_no_more_than_the_open_ones_hold() {
    let curves = BookingCurves::new(&House::new(8).bookings());
    let capacity: Vec<(RoomTypeName, u32)> =
        ["T0", "T1", "T2"].iter().map(|name| (name.parse().expect("name"), 14)).collect();
    let (from, until) = (day("2023-07-05"), day("2023-07-09"));
    let shut =
        |name: &str, from, until| Closure { from, until, room_type: Some(name.parse().expect("name")) };
    let closures = [
        shut("T0", from, until),
        shut("T0", day("2023-05-01"), day("2023-05-20")),
        shut("T1", until, until),
        shut("T2", until, until),
    ];
    let history = History { capacity: &capacity, closures: &closures, ..History::of(&curves) };
    let (hotel, types) = forecast_room_types(&history, &request(Target::Occupancy)).expect("forecasts");
    assert_sound(&hotel);
    types.iter().for_each(assert_sound);
    for (place, day) in hotel.days.iter().enumerate() {
        let sum: f64 = types.iter().map(|forecast| forecast.days[place].value).sum();
        assert!((sum - day.value).abs() < 1e-6 * day.value.max(1.0), "{sum} is not {}", day.value);
        assert!(types.iter().all(|forecast| forecast.days[place].value <= 14.0 + 1e-6), "{day:?}");
        if day.date >= from && day.date <= until {
            assert!(day.value <= 28.0 && day.bounds.iter().all(|at| at.upper <= 28.0), "{day:?}");
            assert!(types[0].days[place].value == 0.0);
            assert_eq!(day.value == 0.0, day.date == until, "{day:?}");
        }
    }
}

#[test]
fn an_event_does_what_its_kind_did_before() {
    let mut bookings = House { season: 0.0, ..House::new(7) }.bookings();
    let fair = |from: &str, until: &str| Event {
        name: from.to_owned(),
        from: day(from),
        until: day(until),
        kind: "fair".to_owned(),
        known_on: None,
    };
    let mut events: Vec<Event> = Vec::new();
    for start in ["2022-09-06", "2022-11-08", "2023-02-07", "2023-03-14", "2023-05-16"] {
        let from = day(start);
        events.push(fair(start, &(from + Days::new(1)).to_string()));
        // Walk-ins of the fair: forty more rooms that nobody sees coming.
        for number in 0..40 {
            let mut extra = bookings[number].clone();
            extra.id = format!("F{start}{number}").parse().expect("id");
            (extra.booked_on, extra.stay.arrival, extra.stay.nights) = (from, from, 2);
            (extra.status, extra.status_on) = (BookingStatus::Confirmed, None);
            bookings.push(extra);
        }
    }
    let curves = BookingCurves::new(&bookings);
    let plain = forecast(&History { events: &events, ..History::of(&curves) }, &request(Target::Occupancy));
    let plain = plain.expect("a forecast");
    let last = fair("2023-07-11", "2023-07-12");
    events.push(last.clone());
    events.push(Event { kind: "concert".to_owned(), ..fair("2023-07-20", "2023-07-20") });
    let made = forecast(&History { events: &events, ..History::of(&curves) }, &request(Target::Occupancy))
        .expect("a forecast");
    assert_sound(&made);
    assert!(made.notes.contains(&Note::UnknownEvent { kind: "concert".to_owned() }));
    for (day, before) in made.days.iter().zip(&plain.days) {
        let inside = day.date >= last.from && day.date <= last.until;
        let more = day.value - before.value;
        assert!(
            if inside { (12.0..50.0).contains(&more) } else { more.abs() < 1e-9 },
            "{more} on {}",
            day.date
        );
        assert_eq!(day.drivers.iter().any(|driver| driver.name == DriverName::Event), inside);
    }
    // Nobody knew of it yet.
    let late = Event { known_on: Some(day("2023-07-01")), ..last };
    events.truncate(5);
    events.push(late);
    let unknowing =
        forecast(&History { events: &events, ..History::of(&curves) }, &request(Target::Occupancy));
    assert_eq!(unknowing.expect("a forecast").days, plain.days);
}
