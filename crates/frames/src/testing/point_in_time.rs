use chrono::Days;
use innkeeper_hotel::{Booking, BookingStatus, KnownAt};
use proptest::prelude::*;
use proptest::test_runner::Config;

use super::{Hotel, after, any_hotel, booking, bytes, day, fill_in, point_in_time_frames};
use crate::tables::of_frame;
use crate::{BookingContext, FeatureSet, Frame, Window, day_number};

/// Whether the outcome of a booking was known at the end of a day.
fn settled(booking: &Booking, on: chrono::NaiveDate) -> bool {
    booking.status != BookingStatus::Confirmed && booking.status_on.is_some_and(|known| known <= on)
}

/// Another future: everything that was known only after the day is changed, left out or added, and all rows change
/// places.
fn another_future(hotel: &Hotel, on: chrono::NaiveDate, choices: &[u32]) -> Hotel {
    let mut choices = choices.iter().copied().cycle();
    let mut choose = || choices.next().unwrap_or_default();
    let later = |days: u32| on.checked_add_days(Days::new(1 + u64::from(days % 50))).expect("a day");
    let mut other = hotel.clone();
    other.bookings.clear();
    for old in &hotel.bookings {
        let mut new = old.clone();
        let choice = choose();
        match old.known_at(on) {
            KnownAt::Unknown => {
                if choice.is_multiple_of(3) {
                    continue;
                }
                new.booked_on = later(choice);
                new.stay.arrival = later(choice + 7);
                new.stay.nights = (choice % 9) as u16;
                new.rate = Some(rust_decimal::Decimal::new(i64::from(choice), 1));
                new.currency = Some("EUR".parse().expect("EUR"));
            }
            KnownAt::Known(_) => {
                if !settled(old, on) {
                    (new.status, new.status_on) = match choice % 4 {
                        0 => (BookingStatus::Confirmed, None),
                        1 => (BookingStatus::Cancelled, Some(later(choice))),
                        2 => (BookingStatus::Completed, Some(later(choice))),
                        _ => (BookingStatus::NoShow, Some(later(choice))),
                    };
                    fill_in(&mut new, choice % 5);
                }
            }
        }
        other.bookings.push(new);
    }
    for extra in 0..choose() % 4 {
        let mut new = booking(&format!("N{extra}"), "2024-01-01", "2024-01-01", 2, "penthouse");
        new.booked_on = later(choose());
        new.stay.arrival = later(choose() + 50);
        new.guest = Some("G0".parse().expect("guest"));
        other.bookings.push(new);
    }
    other.rates.retain(|rate| rate.set_on <= on);
    other.competitor_prices.retain(|price| price.seen_on <= on);
    other.events.retain(|event| event.known_on.is_none_or(|known| known <= on));
    other.service_uses.retain(|used| used.used_on <= on);
    for place in (1..other.bookings.len()).rev() {
        other.bookings.swap(place, choose() as usize % (place + 1));
    }
    other.events.reverse();
    other.service_uses.reverse();
    other
}

proptest! {
    #![proptest_config(Config { cases: 48, ..Config::default() })]

    #[test]
    fn nothing_that_became_known_later_is_in_a_frame(
        hotel in any_hotel(),
        on in 0_u64..330,
        choices in proptest::collection::vec(any::<u32>(), 1..60),
    ) {
        let on = after(on);
        let other = another_future(&hotel, on, &choices);
        let (one, two) = (hotel.tables().as_of(on), other.tables().as_of(on));
        for frame in point_in_time_frames() {
            let (one, two) = (frame.build(&one).expect("frame"), frame.build(&two).expect("frame"));
            prop_assert!(one.equals_missing(&two), "{frame}: {one} {two}");
            prop_assert_eq!(of_frame(&one).expect("hash"), of_frame(&two).expect("hash"), "{}", frame);
            prop_assert_eq!(bytes(&one), bytes(&two), "{}", frame);
        }
    }

    #[test]
    fn a_row_to_answer_for_is_the_row_to_learn_from(hotel in any_hotel(), on in 0_u64..330) {
        let as_of = hotel.tables().as_of(after(on));
        let context = BookingContext::new(&as_of).expect("context");
        for set in [FeatureSet::BookingTime, FeatureSet::FinalValues] {
            let all = context.frame(set).expect("frame");
            let ids: Vec<String> = all.column("id").expect("id").str().expect("text").iter().flatten().map(str::to_owned).collect();
            prop_assert_eq!(ids.len(), hotel.bookings.iter().filter(|booking| booking.booked_on <= after(on)).count());
            for (place, id) in ids.iter().enumerate() {
                let learnt = all.slice(place as i64, 1);
                let known = context.rows_of(&[id.parse().expect("id")], set).expect("row");
                prop_assert!(learnt.equals_missing(&known), "{learnt} {known}");
                let row = hotel.bookings.iter().find(|booking| booking.id.as_str() == id).expect("booking");
                let new = context.rows_for(std::slice::from_ref(row), set).expect("row");
                prop_assert!(learnt.equals_missing(&new), "{learnt} {new}");
            }
        }
    }

    #[test]
    fn the_features_of_a_booking_do_not_change_after_it_was_made(mut hotel in any_hotel(), on in 0_u64..330, more in 1_u64..200) {
        for booking in &mut hotel.bookings {
            booking.currency = None;
        }
        let tables = hotel.tables();
        let early = Frame::Bookings.build(&tables.as_of(after(on))).expect("frame");
        let late = Frame::Bookings.build(&tables.as_of(after(on + more))).expect("frame");
        let late = late.slice(0, early.height());
        for column in early.columns().iter().filter(|column| !["status", "status_on", "lost"].contains(&column.name().as_str())) {
            let then = late.column(column.name()).expect("column");
            prop_assert!(column.equals_missing(then), "{column:?} {then:?}");
        }
    }

    #[test]
    fn rooms_on_the_books_are_those_that_booking_by_booking_counting_finds(hotel in any_hotel(), on in 0_u64..330) {
        let on = after(on);
        let window = Window::new(after(90), after(310)).expect("window");
        let frame = crate::nights(&hotel.tables().as_of(on), window).expect("frame");
        let text = |column: &str, row: usize| super::shown(&frame.slice(row as i64, 1), column).remove(0);
        let night = frame.column("night").expect("night").date().expect("dates").physical().clone();
        let kinds = frame.column("room_type").expect("type").str().expect("text").clone();
        let u32s = |name: &str| -> Vec<u32> { frame.column(name).expect(name).u32().expect("counts").iter().map(Option::unwrap_or_default).collect() };
        let (rooms, arrivals, departures, overs, day_uses) =
            (u32s("rooms_on_books"), u32s("arrivals"), u32s("departures"), u32s("stay_overs"), u32s("day_uses"));
        let revenue: Vec<f64> = frame.column("revenue_on_books").expect("revenue").f64().expect("reals").iter().flatten().collect();
        let usd_or_vnd = hotel.tables().as_of(on).currency().expect("currency").map(str::to_owned);
        for row in 0..frame.height() {
            let (kind, night) = (kinds.get(row).expect("type"), night.get(row).expect("night"));
            let mut counted = (0, 0, 0, 0, 0);
            let mut sum = rust_decimal::Decimal::ZERO;
            for booking in hotel.bookings.iter().filter(|booking| booking.room_type.as_str() == kind) {
                let KnownAt::Known(status) = booking.known_at(on) else { continue };
                if !status.takes_a_room() {
                    continue;
                }
                let (arrival, departure) = (day_number(booking.stay.arrival), day_number(booking.stay.departure()));
                if arrival == departure {
                    counted.4 += u32::from(arrival == night);
                    continue;
                }
                counted.0 += u32::from(arrival <= night && night < departure);
                counted.1 += u32::from(arrival == night);
                counted.2 += u32::from(departure == night);
                counted.3 += u32::from(arrival < night && night < departure);
                if arrival <= night && night < departure && booking.currency.map(|code| code.code().to_owned()) == usd_or_vnd {
                    sum += booking.rate.unwrap_or_default();
                }
            }
            prop_assert_eq!((rooms[row], arrivals[row], departures[row], overs[row], day_uses[row]), counted, "{} {}", kind, night);
            prop_assert!((revenue[row] - rust_decimal::prelude::ToPrimitive::to_f64(&sum).expect("sum")).abs() < 1e-6);
            prop_assert_eq!(text("rooms_sold", row) == "null", night > day_number(on));
        }
    }
}

#[test]
fn the_frame_of_final_values_is_the_one_that_shows_the_future() {
    let mut one = booking("B1", "2024-01-10", "2024-03-01", 2, "suite");
    one.status = BookingStatus::Completed;
    one.status_on = Some(day("2024-03-03"));
    let mut two = one.clone();
    fill_in(&mut one, 1);
    fill_in(&mut two, 4);
    let on = day("2024-02-01");
    let (one, two) = (Hotel::of(vec![one]).tables().as_of(on), Hotel::of(vec![two]).tables().as_of(on));
    assert!(!Frame::BookingsFinalValues.description().point_in_time);
    let frames = |as_of| Frame::BookingsFinalValues.build(as_of).expect("frame");
    assert!(!frames(&one).equals_missing(&frames(&two)));
    assert!(!Frame::Bookings.description().columns.iter().any(|column| column.name == "parking_spaces"));
}

#[test]
fn what_is_filled_in_later_is_empty_until_the_outcome_is_known() {
    let mut row = booking("B1", "2024-01-10", "2024-03-01", 2, "suite");
    fill_in(&mut row, 3);
    row.status = BookingStatus::Cancelled;
    row.status_on = Some(day("2024-02-01"));
    let tables = Hotel::of(vec![row]).tables();
    let columns = [
        "country",
        "changes",
        "parking_spaces",
        "special_requests",
        "waiting_days",
        "room_number",
        "assigned_room_type",
    ];
    let before = tables.as_of(day("2024-01-31")).bookings().collect().expect("rows");
    let on = tables.as_of(day("2024-02-01")).bookings().collect().expect("rows");
    for column in columns {
        assert_eq!(before.column(column).expect(column).null_count(), 1, "{column} before");
        assert_eq!(on.column(column).expect(column).null_count(), 0, "{column} after");
    }
    assert_eq!(super::shown(&before, "status"), ["confirmed"]);
    assert_eq!(super::shown(&on, "status"), ["cancelled"]);
}
