use chrono::NaiveDate;
use innkeeper_hotel::{BookingStatus, Closure, Event, Room, Stay};
use polars::prelude::*;
use rust_decimal::Decimal;

use super::{Hotel, booking, day, shown};
use crate::{Frame, FramesError, MAX_NIGHTS, Tables, Window, date_of, day_number, nights};

fn builds(tables: &Tables, on: NaiveDate) {
    let as_of = tables.as_of(on);
    for frame in Frame::ALL {
        let made = frame.build(&as_of).expect("frame");
        assert_eq!(frame.description().difference(&made), None);
    }
}

#[test]
fn days_at_the_edges_of_the_calendar_break_nothing() {
    let mut rows = vec![
        booking("a", "2024-01-01", "2024-02-29", 366, "suite"),
        booking("b", "2024-01-01", "2024-02-29", 0, "suite"),
    ];
    for (id, edge) in [("c", NaiveDate::MIN), ("d", NaiveDate::MAX)] {
        let mut row = booking(id, "2024-01-01", "2024-02-29", 366, "suite");
        row.booked_on = edge;
        row.stay = Stay { arrival: edge, nights: 366 };
        row.status = BookingStatus::Cancelled;
        row.status_on = Some(edge);
        row.guest = Some("G".parse().expect("guest"));
        rows.push(row);
        let mut held = booking(&format!("{id}2"), "2024-01-01", "2024-02-29", 366, "suite");
        held.stay.arrival = edge;
        held.guest = Some("G".parse().expect("guest"));
        rows.push(held);
    }
    let mut hotel = Hotel::of(rows);
    for (from, until) in [(NaiveDate::MIN, NaiveDate::MAX), (NaiveDate::MAX, NaiveDate::MIN)] {
        hotel.events.push(Event { name: "e".into(), from, until, kind: "fair".into(), known_on: None });
        hotel.closures.push(Closure { from, until, room_type: None });
    }
    let tables = hotel.tables();
    for on in [NaiveDate::MIN, day("2024-02-29"), NaiveDate::MAX] {
        builds(&tables, on);
    }
    for edge in [NaiveDate::MIN, NaiveDate::MAX, day("2024-02-29")] {
        assert_eq!(date_of(day_number(edge)), edge);
    }
    assert_eq!((date_of(i32::MIN), date_of(i32::MAX)), (NaiveDate::MIN, NaiveDate::MAX));
    assert!(matches!(Window::new(day("2024-01-02"), day("2024-01-01")), Err(FramesError::Window { .. })));
    assert!(matches!(Window::new(NaiveDate::MIN, NaiveDate::MAX), Err(FramesError::Window { .. })));
    let longest = Window::new(date_of(0), date_of(MAX_NIGHTS as i32 - 1)).expect("window");
    assert_eq!(longest.nights() as i64, MAX_NIGHTS);
}

#[test]
fn a_thousand_room_types_have_their_nights_and_a_hundred_thousand_are_refused() {
    let rooms = |count: usize| Hotel {
        rooms: (0..count)
            .map(|number| Room {
                number: "1".parse().expect("room"),
                room_type: format!("type {number}").parse().expect("type"),
                floor: None,
            })
            .collect(),
        ..Hotel::default()
    };
    let window = Window::new(day("2024-01-01"), day("2024-12-31")).expect("window");
    let frame = nights(&rooms(1_000).tables().as_of(day("2024-06-01")), window).expect("frame");
    assert_eq!(frame.height(), 366_000);
    assert!(matches!(
        nights(&rooms(100_000).tables().as_of(day("2024-06-01")), window),
        Err(FramesError::TooLarge { .. })
    ));
}

#[test]
fn a_year_of_zeros_is_a_year_of_rows() {
    let rows = vec![
        booking("a", "2023-01-01", "2023-01-02", 1, "suite"),
        booking("b", "2024-01-01", "2024-01-02", 1, "suite"),
    ];
    let frame = Frame::Nights.build(&Hotel::of(rows).tables().as_of(day("2024-01-02"))).expect("frame");
    assert_eq!(frame.height(), 366);
    let sold = shown(&frame, "rooms_sold");
    assert_eq!(sold.iter().filter(|sold| *sold == "0").count(), 364);
    assert_eq!((sold[0].as_str(), sold[365].as_str()), ("1", "1"));
}

#[test]
fn the_same_id_twice_is_two_bookings_and_said_so() {
    let row = booking("a", "2024-01-01", "2024-02-01", 1, "suite");
    let tables = Hotel::of(vec![row.clone(), row]).tables();
    assert_eq!(tables.repeated_booking_ids().expect("ids"), 1);
    builds(&tables, day("2024-02-01"));
    let frame = Frame::Nights.build(&tables.as_of(day("2024-02-01"))).expect("frame");
    assert_eq!(shown(&frame, "rooms_sold"), ["2"]);
}

#[test]
fn a_rate_that_is_no_number_is_no_rate() {
    let rows =
        (0..5).map(|number| booking(&format!("B{number}"), "2024-01-01", "2024-02-01", 1, "suite")).collect();
    let folder = tempfile::tempdir().expect("folder");
    let tables = Hotel::of(rows).tables();
    tables.write(folder.path()).expect("written");
    let rates = [f64::NAN, f64::INFINITY, -3.0, 1e300, 80.0];
    let mut frame = tables.bookings().clone();
    frame.with_column(Column::new("rate".into(), rates)).expect("column");
    std::fs::write(folder.path().join("bookings.parquet"), super::bytes(&frame)).expect("written");
    let as_of = Tables::read(folder.path()).expect("tables").as_of(day("2024-02-01"));
    builds(as_of.tables(), as_of.day());
    let nights = Frame::Nights.build(&as_of).expect("frame");
    assert_eq!(shown(&nights, "revenue_sold"), ["80.0"]);
    assert_eq!(shown(&nights, "unpriced_on_books"), ["4"]);
    let bookings = Frame::Bookings.build(&as_of).expect("frame");
    assert_eq!(shown(&bookings, "rate"), ["null", "null", "null", "null", "80.0"]);
}

#[test]
fn money_in_another_currency_is_not_added_up() {
    let priced = |id: &str, code: &str| {
        let mut row = booking(id, "2024-01-01", "2024-02-01", 1, "suite");
        row.currency = Some(code.parse().expect("code"));
        row
    };
    let hotel = Hotel::of(vec![priced("a", "EUR"), priced("b", "EUR"), priced("c", "VND")]);
    let as_of = hotel.tables().as_of(day("2024-02-01"));
    assert_eq!(as_of.currency().expect("currency"), Some("EUR"));
    let nights = Frame::Nights.build(&as_of).expect("frame");
    assert_eq!(
        (shown(&nights, "revenue_sold"), shown(&nights, "unpriced_on_books")),
        (vec!["200.0".into()], vec!["1".into()])
    );
}

#[test]
fn sums_of_money_do_not_depend_on_the_order_of_the_rows() {
    let mut rows: Vec<_> = (0..200_i64)
        .map(|number| {
            let mut row = booking(&format!("B{number}"), "2024-01-01", "2024-02-01", 3, "suite");
            row.rate = Some(Decimal::new(number * 7_919 % 100_003, 2));
            row
        })
        .collect();
    let of = |rows: &[_]| {
        Frame::Nights.build(&Hotel::of(rows.to_vec()).tables().as_of(day("2024-02-01"))).expect("frame")
    };
    let one = of(&rows);
    rows.reverse();
    assert_eq!(super::bytes(&one), super::bytes(&of(&rows)));
}
