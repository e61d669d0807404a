//! What holds in every simulated hotel.
#![expect(clippy::expect_used, reason = "tests")]

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{Days, NaiveDate};
use innkeeper_hotel::{Booking, BookingStatus, Closure, KnownAt};
use innkeeper_simulator::{CleaningKind, Settings, Simulation, Truth};
use proptest::prelude::*;

fn day(text: &str) -> NaiveDate {
    text.parse().expect(text)
}

fn hotel(settings: Settings) -> Simulation {
    Simulation::new(settings, Truth::shipped().expect("truth")).expect("simulation")
}

fn settings(seed: u64, rooms: u32, days: u32, end: &str) -> Settings {
    Settings::new(seed, rooms, days, day(end), "default".parse().expect("hotel"))
}

fn nights(booking: &Booking) -> impl Iterator<Item = NaiveDate> + use<> {
    booking.stay.arrival.iter_days().take(usize::from(booking.stay.nights))
}

/// Bookings that take a room, by night and type, as known at the end of a day.
fn sold(bookings: &[Booking], known: NaiveDate) -> BTreeMap<(NaiveDate, String), u32> {
    let mut sold = BTreeMap::new();
    for booking in bookings {
        let KnownAt::Known(status) = booking.known_at(known) else { continue };
        if status.takes_a_room() {
            for night in nights(booking) {
                *sold.entry((night, booking.room_type.to_string())).or_default() += 1;
            }
        }
    }
    sold
}

fn check_hotel(simulation: &Simulation) {
    let end = simulation.settings().end;
    let bookings: Vec<Booking> = simulation.bookings().collect();
    let mut capacity = HashMap::<String, u32>::new();
    let mut kinds = HashMap::new();
    for room in simulation.rooms() {
        *capacity.entry(room.room_type.to_string()).or_default() += 1;
        kinds.insert(room.number, room.room_type);
    }
    // No night is oversold, now or as the hotel saw it on earlier days.
    for back in [0, 1, 2, 17, 101] {
        let known = end.checked_sub_days(Days::new(back)).expect("day");
        for ((night, kind), sold) in sold(&bookings, known) {
            assert!(sold <= capacity[&kind], "{sold} {kind} rooms sold for {night} as of {known}");
        }
    }
    let mut slept = HashSet::new();
    let mut last = NaiveDate::MIN;
    for (index, booking) in bookings.iter().enumerate() {
        booking.check().expect("booking");
        assert_eq!(booking.id.as_str(), format!("BOOK{:03}", index + 1));
        assert!(booking.booked_on >= last && booking.booked_on <= end, "bookings are not in order");
        assert!(booking.stay.arrival >= simulation.start() && booking.stay.nights > 0);
        assert!(booking.rate.is_some_and(|rate| !rate.is_zero()));
        last = booking.booked_on;
        assert!(booking.status_on.is_none_or(|on| on <= end), "a status of the future is known");
        let here = booking.status.takes_a_room() && booking.stay.arrival <= end;
        assert_eq!(booking.room_number.is_some(), here, "{booking:?}");
        match booking.status {
            BookingStatus::Completed => assert_eq!(booking.status_on, Some(booking.stay.departure())),
            BookingStatus::NoShow => assert_eq!(booking.status_on, Some(booking.stay.arrival)),
            BookingStatus::Cancelled => assert!(booking.status_on <= Some(booking.stay.arrival)),
            BookingStatus::Confirmed => {
                assert_eq!(booking.status_on, None);
                assert!(booking.stay.departure() > end, "a guest who left is still expected");
            }
        }
        let Some(room) = &booking.room_number else { continue };
        assert_eq!(kinds.get(room), Some(&booking.room_type), "the room is of another type");
        for night in nights(booking) {
            assert!(slept.insert((room.clone(), night)), "two stays in room {room} on {night}");
        }
    }
    for closure in simulation.closures() {
        for booking in &bookings {
            let other = closure.room_type.as_ref().is_some_and(|kind| kind != &booking.room_type);
            let open = nights(booking).all(|night| night < closure.from || night > closure.until);
            assert!(open || other, "{booking:?} in {closure:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_room_holds_two_stays_and_no_night_is_oversold(
        seed in any::<u64>(),
        rooms in prop_oneof![Just(1_u32), Just(2), 3..60_u32],
        days in prop_oneof![Just(1_u32), 2..120_u32],
        closed in prop::option::of((0..200_u64, 0..40_u64, any::<bool>())),
    ) {
        let mut settings = settings(seed, rooms, days, "2024-03-10");
        if let Some((back, length, one_type)) = closed {
            let from = settings.end.checked_sub_days(Days::new(back)).expect("day");
            let room_type = one_type.then(|| "standard".parse().expect("type"));
            let until = from.checked_add_days(Days::new(length)).expect("day");
            settings.closures.push(Closure { from, until, room_type });
        }
        check_hotel(&hotel(settings));
    }
}

#[test]
fn a_thousand_rooms_over_a_leap_day_are_never_oversold() {
    let simulation = hotel(settings(7, 1_000, 60, "2024-03-10"));
    check_hotel(&simulation);
    let leap = simulation.bookings().filter(|b| b.stay.arrival == day("2024-02-29")).count();
    assert!(leap > 100, "{leap} arrivals on the 29th of February");
}

#[test]
fn a_hotel_that_is_closed_all_the_time_sells_nothing_and_counts_what_it_lost() {
    let mut settings = settings(3, 20, 90, "2024-06-30");
    settings.closures.push(Closure { from: day("2020-01-01"), until: day("2030-01-01"), room_type: None });
    let simulation = hotel(settings);
    assert_eq!(simulation.bookings().count() + simulation.rates().count(), 0);
    assert_eq!(simulation.cleanings().count() + simulation.guests().count(), 0);
    let report = simulation.truth_report();
    assert!(report.requests > 0 && report.requests == report.denied);
}

#[test]
fn the_demand_that_is_lost_is_counted_in_the_truth_and_not_booked() {
    let simulation = hotel(settings(5, 30, 200, "2025-08-31"));
    let report = simulation.truth_report();
    assert!(report.denied > 0, "a hotel that is asked for more than it has is never full");
    assert_eq!(simulation.bookings().count() as u64, report.requests - report.denied);
}

#[test]
fn a_booking_pays_what_was_on_sale_the_evening_before() {
    let simulation = hotel(settings(11, 40, 60, "2024-05-31"));
    let mut rates = HashMap::<_, Vec<_>>::new();
    for rate in simulation.rates() {
        assert!(rate.set_on < rate.night && rate.set_on <= simulation.settings().end);
        rates.entry((rate.night, rate.room_type)).or_default().push((rate.set_on, rate.price.amount));
    }
    for booking in simulation.bookings() {
        let on_sale = rates[&(booking.stay.arrival, booking.room_type.clone())]
            .iter()
            .rfind(|(set_on, _)| *set_on < booking.booked_on);
        assert_eq!(booking.rate, on_sale.map(|(_, amount)| *amount), "{booking:?}");
    }
    let tests: Vec<_> = simulation.price_tests().collect();
    assert!(!tests.is_empty());
    for test in tests {
        assert_eq!(rates[&(test.night, test.room_type)].len(), 1, "a price under test was changed");
    }
}

#[test]
fn a_room_is_cleaned_once_a_day_and_only_after_a_night() {
    let simulation = hotel(settings(13, 50, 40, "2024-05-31"));
    let mut nights_in = HashMap::new();
    for booking in simulation.bookings() {
        let Some(room) = &booking.room_number else { continue };
        for night in nights(&booking) {
            nights_in.insert((room.clone(), night), booking.stay.departure());
        }
    }
    let staff: HashSet<_> = simulation.employees().map(|employee| employee.id).collect();
    let mut seen = HashSet::new();
    let mut departures = 0;
    for cleaning in simulation.cleanings() {
        let today = cleaning.started_at.date();
        let before = (cleaning.room_number.clone(), today.pred_opt().expect("day"));
        let leaves = nights_in.get(&before).is_some_and(|departure| *departure == today);
        assert!(nights_in.contains_key(&before), "a room was cleaned in which nobody was");
        assert_eq!(cleaning.kind == CleaningKind::Departure, leaves);
        assert!(seen.insert((cleaning.room_number, today)) && staff.contains(&cleaning.employee));
        departures += u32::from(leaves);
    }
    let left = simulation.bookings().filter(|b| b.status == BookingStatus::Completed).count();
    assert_eq!(departures as usize, left, "a room that was left was not cleaned");
}

#[test]
fn guests_and_services_belong_to_bookings() {
    let simulation = hotel(settings(17, 50, 80, "2024-05-31"));
    let bookings: HashMap<_, _> = simulation.bookings().map(|b| (b.id.clone(), b)).collect();
    let guests: Vec<_> = simulation.guests().collect();
    let booked: HashSet<_> = bookings.values().filter_map(|b| b.guest.clone()).collect();
    assert_eq!(guests.iter().map(|guest| guest.id.clone()).collect::<HashSet<_>>(), booked);
    assert_eq!(guests[0].id.as_str(), "GUEST001");
    let truths: Vec<_> = simulation.guest_truths().collect();
    assert!(truths.iter().map(|t| &t.guest).eq(guests.iter().map(|g| &g.id)));
    let mut uses = 0;
    for used in simulation.service_uses() {
        let booking = &bookings[&used.booking];
        assert!(used.used_on > booking.stay.arrival && used.used_on <= booking.stay.departure());
        assert!(used.used_on <= simulation.settings().end && booking.room_number.is_some());
        assert_eq!(used.guest, booking.guest);
        uses += 1;
    }
    assert!(uses > 100);
}

#[test]
fn a_hotel_does_not_know_of_a_fair_before_it_hears_of_it() {
    let simulation = hotel(settings(19, 10, 400, "2024-05-31"));
    let known: Vec<_> = simulation.events().collect();
    let end = simulation.settings().end;
    assert!(known.iter().all(|event| event.known_on.is_some_and(|on| on <= end)));
    assert!(known.iter().any(|event| event.kind == "holiday" && event.from > end));
    assert!(simulation.truth_report().events.len() > known.len(), "no fair is still unheard of");
    assert!(simulation.competitor_prices().all(|price| price.seen_on <= end && price.night > price.seen_on));
}
