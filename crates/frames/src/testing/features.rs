use innkeeper_hotel::{BookingStatus, Closure, Event, Room, ServiceUse};
use rust_decimal::Decimal;

use super::{Hotel, booking, day, money, shown};
use crate::{BookingContext, FeatureSet, Frame, Window, calendar, describe, guests, nights};

#[test]
fn a_frame_has_exactly_the_columns_it_describes_with_and_without_rows() {
    let full = Hotel::of(vec![booking("B1", "2024-01-10", "2024-03-01", 2, "suite")]);
    for tables in [full.tables(), Hotel::default().tables()] {
        let as_of = tables.as_of(day("2024-02-01"));
        for frame in Frame::ALL {
            let made = frame.build(&as_of).expect("frame");
            let described = frame.description();
            assert_eq!(described.difference(&made), None, "{frame}");
            for column in described.columns {
                let dtype = made.column(column.name).expect(column.name).dtype();
                assert_eq!(*dtype, column.dtype.dtype(), "{frame} {}", column.name);
                assert!(!column.meaning.is_empty() && !column.known.is_empty(), "{frame} {}", column.name);
            }
            let by = described.sorted_by.iter().map(|name| (*name).to_owned());
            let sorted = made.sort(by, polars::prelude::SortMultipleOptions::default()).expect("sorted");
            assert!(made.equals_missing(&sorted), "{frame}");
        }
    }
    assert_eq!(describe().len(), Frame::ALL.len());
    for frame in Frame::ALL {
        assert_eq!(frame.name().parse::<Frame>().expect("name"), frame);
    }
    assert!("no frame".parse::<Frame>().is_err());
}

#[test]
fn a_hotel_without_bookings_has_frames_without_rows_and_a_calendar() {
    let as_of = Hotel::default().tables().as_of(day("2024-02-01"));
    for frame in [Frame::Nights, Frame::Bookings, Frame::BookingsFinalValues, Frame::Guests] {
        assert_eq!(frame.build(&as_of).expect("frame").height(), 0, "{frame}");
    }
    assert_eq!(Frame::Calendar.build(&as_of).expect("frame").height(), 366, "the day and a year ahead");
}

#[test]
fn a_leap_night_is_counted_and_a_room_type_without_bookings_has_nights() {
    let mut hotel = Hotel::of(vec![booking("B1", "2024-01-10", "2024-02-28", 2, "suite")]);
    hotel.rooms.push(Room {
        number: "101".parse().expect("room"),
        room_type: "deluxe".parse().expect("type"),
        floor: None,
    });
    hotel.closures.push(Closure {
        from: day("2024-02-29"),
        until: day("2024-02-29"),
        room_type: Some("suite".parse().expect("type")),
    });
    let as_of = hotel.tables().as_of(day("2024-02-28"));
    let window = Window::new(day("2024-02-28"), day("2024-03-01")).expect("window");
    let frame = nights(&as_of, window).expect("frame");
    assert_eq!(shown(&frame, "room_type"), ["deluxe", "deluxe", "deluxe", "suite", "suite", "suite"]);
    assert_eq!(shown(&frame, "rooms"), ["1", "1", "1", "null", "null", "null"]);
    assert_eq!(shown(&frame, "rooms_on_books")[3..], ["1", "1", "0"]);
    assert_eq!(shown(&frame, "departures")[3..], ["0", "0", "1"]);
    assert_eq!(shown(&frame, "stay_overs")[3..], ["0", "1", "0"]);
    assert_eq!(shown(&frame, "closed")[3..], ["false", "true", "false"]);
    assert_eq!(shown(&frame, "rooms_sold")[3..], ["1", "null", "null"]);
    assert_eq!(shown(&frame, "revenue_sold")[3], "100.0");
}

#[test]
fn the_rate_of_a_booking_is_compared_with_earlier_ones_of_its_type_and_month_only() {
    let mut rows = vec![
        booking("a", "2024-01-01", "2024-03-01", 1, "suite"),
        booking("b", "2024-01-02", "2024-03-20", 1, "suite"),
        booking("c", "2024-01-03", "2024-03-30", 3, "suite"),
        booking("d", "2024-01-03", "2024-03-30", 3, "suite"),
        booking("e", "2024-01-04", "2024-04-01", 1, "suite"),
        booking("f", "2024-01-04", "2024-03-01", 1, "deluxe"),
    ];
    rows[1].rate = Some(Decimal::new(300, 0));
    rows[2].rate = Some(Decimal::new(400, 0));
    let context = BookingContext::new(&Hotel::of(rows).tables().as_of(day("2024-01-31"))).expect("context");
    let frame = context.frame(FeatureSet::BookingTime).expect("frame");
    assert_eq!(shown(&frame, "rate_bookings_before"), ["0", "1", "2", "2", "0", "0"]);
    assert_eq!(shown(&frame, "rate_mean_before"), ["null", "100.0", "200.0", "200.0", "null", "null"]);
    assert_eq!(shown(&frame, "rate_ratio"), ["null", "3.0", "2.0", "0.5", "null", "null"]);
    assert_eq!(shown(&frame, "stay_price"), ["100.0", "300.0", "1200.0", "300.0", "100.0", "100.0"]);
}

#[test]
fn a_guests_history_is_what_had_happened_before_the_booking() {
    let of_guest = |mut row: innkeeper_hotel::Booking, status, on: Option<&str>| {
        row.guest = Some("G1".parse().expect("guest"));
        row.agent = Some("agency".into());
        row.status = status;
        row.status_on = on.map(day);
        row
    };
    let rows = vec![
        of_guest(
            booking("a", "2024-01-01", "2024-01-05", 2, "suite"),
            BookingStatus::Completed,
            Some("2024-01-07"),
        ),
        of_guest(
            booking("b", "2024-01-02", "2024-05-01", 2, "suite"),
            BookingStatus::Cancelled,
            Some("2024-02-01"),
        ),
        of_guest(booking("c", "2024-01-07", "2024-06-01", 2, "suite"), BookingStatus::Confirmed, None),
        of_guest(booking("d", "2024-01-08", "2024-06-01", 2, "suite"), BookingStatus::Confirmed, None),
        of_guest(booking("e", "2024-02-02", "2024-06-01", 2, "suite"), BookingStatus::Confirmed, None),
        booking("f", "2024-02-02", "2024-06-01", 2, "suite"),
    ];
    let context = BookingContext::new(&Hotel::of(rows).tables().as_of(day("2024-02-10"))).expect("context");
    let frame = context.frame(FeatureSet::BookingTime).expect("frame");
    assert_eq!(shown(&frame, "guest_bookings_before"), ["0", "1", "2", "3", "4", "null"]);
    assert_eq!(shown(&frame, "guest_stays_before"), ["0", "0", "0", "1", "1", "null"]);
    assert_eq!(shown(&frame, "guest_cancellations_before"), ["0", "0", "0", "0", "1", "null"]);
    assert_eq!(shown(&frame, "agent_cancellations_before"), ["0", "0", "0", "0", "1", "null"]);
    assert_eq!(shown(&frame, "lost"), ["false", "true", "null", "null", "null", "null"]);
}

#[test]
fn weekend_nights_are_those_of_saturday_and_sunday() {
    // 2024-03-01 is a Friday.
    let rows = vec![
        booking("a", "2024-01-01", "2024-03-01", 1, "suite"),
        booking("b", "2024-01-01", "2024-03-01", 3, "suite"),
        booking("c", "2024-01-01", "2024-03-03", 9, "suite"),
        booking("d", "2024-01-01", "2024-03-03", 0, "suite"),
    ];
    let frame = Frame::Bookings.build(&Hotel::of(rows).tables().as_of(day("2024-01-31"))).expect("frame");
    assert_eq!(shown(&frame, "weekend_nights"), ["0", "2", "3", "0"]);
    assert_eq!(shown(&frame, "week_nights"), ["1", "1", "6", "0"]);
    assert_eq!(shown(&frame, "lead_days"), ["60", "60", "62", "62"]);
}

#[test]
fn a_guest_is_worth_the_stays_and_services_that_were_paid() {
    let of_guest = |mut row: innkeeper_hotel::Booking, status, on: Option<&str>| {
        row.guest = Some("G1".parse().expect("guest"));
        row.status = status;
        row.status_on = on.map(day);
        row
    };
    let mut hotel = Hotel::of(vec![
        of_guest(
            booking("a", "2024-01-01", "2024-01-05", 2, "suite"),
            BookingStatus::Completed,
            Some("2024-01-07"),
        ),
        of_guest(
            booking("b", "2024-01-15", "2024-02-05", 1, "suite"),
            BookingStatus::Completed,
            Some("2024-02-06"),
        ),
        of_guest(
            booking("c", "2024-01-15", "2024-02-05", 1, "suite"),
            BookingStatus::NoShow,
            Some("2024-02-05"),
        ),
        of_guest(
            booking("d", "2024-01-15", "2024-05-05", 1, "suite"),
            BookingStatus::Cancelled,
            Some("2024-04-05"),
        ),
    ]);
    let used = |on: &str| ServiceUse {
        booking: "a".parse().expect("id"),
        guest: None,
        service: "spa".into(),
        used_on: day(on),
        quantity: 2,
        amount: Some(money(50)),
    };
    hotel.service_uses = vec![used("2024-01-06"), used("2024-03-02")];
    let frame = guests(&hotel.tables().as_of(day("2024-03-01"))).expect("frame");
    let one = |column: &str| shown(&frame, column).remove(0);
    assert_eq!(frame.height(), 1);
    assert_eq!((one("bookings"), one("stays"), one("no_shows")), ("4".into(), "2".into(), "1".into()));
    assert_eq!(
        (one("cancellations"), one("upcoming")),
        ("0".into(), "1".into()),
        "cancelled later still stands"
    );
    assert_eq!(
        (one("frequency"), one("recency_days"), one("tenure_days")),
        ("1".into(), "31".into(), "56".into())
    );
    assert_eq!((one("room_revenue"), one("service_uses")), ("300.0".into(), "2".into()));
    assert_eq!((one("monetary_total"), one("monetary_mean")), ("350.0".into(), "175.0".into()));
}

#[test]
fn an_event_is_on_the_calendar_from_the_day_it_was_known() {
    let event = |from: &str, until: &str, kind: &str, known: Option<&str>| Event {
        name: kind.to_owned(),
        from: day(from),
        until: day(until),
        kind: kind.to_owned(),
        known_on: known.map(day),
    };
    let events = vec![
        event("2024-02-29", "2024-02-29", "Holiday", None),
        event("2024-03-02", "2024-03-03", "fair", Some("2024-02-10")),
        event("2024-03-03", "2024-03-02", "backwards", None),
    ];
    let closures = vec![
        Closure { from: day("2024-03-01"), until: day("2024-03-01"), room_type: None },
        Closure {
            from: day("2024-03-01"),
            until: day("2024-03-02"),
            room_type: Some("suite".parse().expect("type")),
        },
        Closure {
            from: day("2024-03-02"),
            until: day("2024-03-03"),
            room_type: Some("suite".parse().expect("type")),
        },
    ];
    let hotel = Hotel { events, closures, ..Hotel::default() };
    let window = Window::new(day("2024-02-28"), day("2024-03-04")).expect("window");
    let tables = hotel.tables();
    let early = calendar(&tables.as_of(day("2024-02-09")), window).expect("frame");
    let late = calendar(&tables.as_of(day("2024-02-10")), window).expect("frame");
    assert_eq!(shown(&early, "event_kinds"), ["null", "Holiday", "null", "null", "null", "null"]);
    assert_eq!(shown(&late, "event_kinds"), ["null", "Holiday", "null", "fair", "fair", "null"]);
    assert_eq!(shown(&early, "days_to_event"), ["1", "0", "null", "null", "null", "null"]);
    assert_eq!(shown(&late, "days_to_event"), ["1", "0", "1", "0", "0", "null"]);
    assert_eq!(shown(&late, "days_since_event"), ["null", "0", "1", "0", "0", "1"]);
    assert_eq!(shown(&late, "holiday"), ["false", "true", "false", "false", "false", "false"]);
    assert_eq!(shown(&late, "closed"), ["false", "false", "true", "false", "false", "false"]);
    assert_eq!(shown(&late, "closed_room_types"), ["0", "0", "0", "1", "1", "0"]);
    assert_eq!(shown(&late, "day_of_year")[1], "60");
    assert_eq!(shown(&late, "weekend"), ["false", "false", "true", "true", "false", "false"]);
}
