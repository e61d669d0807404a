//! Data that no hotel should have, and some has.

use chrono::Days;
use innkeeper_frames::curves::BookingCurves;
use innkeeper_hotel::{Booking, BookingStatus, Closure, Stay};

use super::{House, day};
use crate::{
    ForecastError, History, Note, Request, Rolling, Target, backtest, forecast, forecast_room_types,
    forecast_targets,
};

fn sound(history: &History<'_>, request: &Request) -> crate::Forecast {
    let made = forecast(history, request).expect("a forecast");
    assert_eq!(made.days.len(), usize::from(request.days));
    for day in &made.days {
        assert!(day.value.is_finite() && day.value >= 0.0, "{day:?}");
        for at in &day.bounds {
            assert!(at.lower.is_finite() && at.upper.is_finite() && at.lower <= at.upper, "{day:?}");
        }
    }
    made
}

#[test]
fn three_weeks_of_history_are_enough_and_less_is_refused_with_what_is_missing() {
    let curves = BookingCurves::new(&House { days: 120, ..House::new(1) }.bookings());
    let history = History::of(&curves);
    let made = sound(&history, &Request::new(day("2022-01-21"), 90, Target::Occupancy));
    assert!(made.notes.contains(&Note::ColdStart { known_days: 21 }));
    assert!(made.notes.iter().any(|note| matches!(note, Note::Unmeasured { .. })));
    assert!(
        made.days.iter().any(|day| day.bounds[0].coverage.is_none()),
        "nothing was ever compared so far ahead"
    );
    let refused = forecast(&history, &Request::new(day("2022-01-20"), 7, Target::Revenue));
    match refused {
        Err(ForecastError::HistoryTooShort { have_days: 20, need_days: 21, missing }) => {
            assert!(missing.contains("1 more day"), "{missing}");
        }
        other => panic!("{other:?}"),
    }
    let none = BookingCurves::default();
    assert!(matches!(
        forecast(&History::of(&none), &Request::new(day("2022-01-20"), 7, Target::Occupancy)),
        Err(ForecastError::HistoryTooShort { have_days: 0, .. })
    ));
}

#[test]
fn one_booking_is_no_history() {
    let booking = Booking::confirmed(
        "B".parse().expect("id"),
        day("2023-01-01"),
        Stay { arrival: day("2023-02-01"), nights: 3 },
        "suite".parse().expect("type"),
    );
    let curves = BookingCurves::new([&booking]);
    for target in [Target::Occupancy, Target::Revenue, Target::CheckOuts] {
        let refused = forecast(&History::of(&curves), &Request::new(day("2023-04-01"), 365, target));
        match refused {
            Err(ForecastError::NoRates) => assert_eq!(target, Target::Revenue),
            Err(ForecastError::HistoryTooShort { have_days: 3, need_days: 14, .. }) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_year_of_nothing_but_cancelled_bookings_is_no_history() {
    let mut bookings = House { days: 500, ..House::new(2) }.bookings();
    for booking in &mut bookings {
        booking.status = BookingStatus::Cancelled;
        booking.status_on = Some(booking.booked_on);
    }
    let curves = BookingCurves::new(&bookings);
    let refused = forecast_targets(
        &History::of(&curves),
        &Request::new(day("2023-04-01"), 60, Target::Occupancy),
        &[Target::Occupancy, Target::Revenue, Target::CheckOuts],
    );
    assert!(matches!(refused, Err(ForecastError::HistoryTooShort { have_days: 0, .. })), "{refused:?}");
}

#[test]
fn missing_days_are_not_taken_for_an_empty_hotel() {
    let bookings = House::new(3).bookings();
    let whole = BookingCurves::new(&bookings);
    let (from, until) = (day("2023-05-20"), day("2023-06-02"));
    let holed: Vec<Booking> = bookings
        .into_iter()
        .filter(|booking| booking.stay.departure() <= from || booking.stay.arrival > until)
        .collect();
    let holed = BookingCurves::new(&holed);
    let request = Request::new(day("2023-06-30"), 14, Target::Occupancy);
    let (one, two) = (sound(&History::of(&whole), &request), sound(&History::of(&holed), &request));
    assert!(two.notes.contains(&Note::MissingNights { nights: 14 }), "{:?}", two.notes);
    for (day, other) in one.days.iter().zip(&two.days) {
        assert!((day.value - other.value).abs() < 0.15 * day.value, "{day:?} {other:?}");
    }
}

#[test]
fn the_leap_day_is_a_day() {
    let curves =
        BookingCurves::new(&House { first: day("2023-09-01"), days: 220, ..House::new(4) }.bookings());
    let made = sound(&History::of(&curves), &Request::new(day("2024-02-20"), 14, Target::Arrivals));
    assert_eq!(made.days[8].date, day("2024-02-29"));
    assert!(made.days[8].value > 3.0);
    sound(&History::of(&curves), &Request::new(day("2024-02-29"), 365, Target::Occupancy));
}

#[test]
fn a_thousand_room_types_still_add_up() {
    let bookings = House { types: 1_000, days: 150, ..House::new(5) }.bookings();
    let curves = BookingCurves::new(&bookings);
    let request = Request::new(day("2022-05-20"), 7, Target::Occupancy);
    let (hotel, types) = forecast_room_types(&History::of(&curves), &request).expect("forecasts");
    assert!(types.len() > 700);
    for (place, day) in hotel.days.iter().enumerate() {
        let sum: f64 = types.iter().map(|forecast| forecast.days[place].value).sum();
        assert!((sum - day.value).abs() < 1e-6 * day.value, "{sum} is not {}", day.value);
    }
}

#[test]
fn bookings_without_rates_have_rooms_and_no_revenue_of_nan() {
    let mut bookings = House { days: 300, ..House::new(6) }.bookings();
    for booking in bookings.iter_mut().step_by(2) {
        booking.rate = None;
    }
    let curves = BookingCurves::new(&bookings);
    let request = Request::new(day("2022-09-30"), 28, Target::Revenue);
    let made = sound(&History::of(&curves), &request);
    assert!(made.notes.iter().any(|note| matches!(note, Note::Unpriced { .. })));
    for booking in &mut bookings {
        booking.rate = None;
    }
    let curves = BookingCurves::new(&bookings);
    assert_eq!(forecast(&History::of(&curves), &request), Err(ForecastError::NoRates));
    sound(&History::of(&curves), &Request { target: Target::Occupancy, ..request });
}

#[test]
fn a_hotel_that_was_closed_for_most_of_a_year_is_forecast_from_what_it_did_before() {
    let (from, until) = (day("2022-08-01"), day("2023-05-31"));
    let mut bookings = House { days: 520, ..House::new(11) }.bookings();
    bookings.retain(|booking| booking.stay.arrival < from || booking.stay.arrival > until);
    let curves = BookingCurves::new(&bookings);
    let closures = [Closure { from, until, room_type: None }];
    let history = History { closures: &closures, ..History::of(&curves) };
    let request = Request::new(day("2023-05-28"), 28, Target::Occupancy);
    let made = sound(&history, &request);
    assert!(made.days[..3].iter().all(|day| day.value == 0.0), "still closed");
    assert!(made.days[10].value > 5.0, "{:?}", made.days[10]);
    let (_, types) = forecast_room_types(&history, &request).expect("forecasts");
    assert_eq!(types.len(), 3);
    let rolling = Rolling {
        origins: vec![day("2022-07-01"), day("2023-05-29")],
        days: 14,
        levels: vec![0.8],
        known_until: day("2023-06-30"),
    };
    let report = backtest(&history, &[Target::Occupancy], &rolling, None).expect("a report");
    assert!(report[0].left_out.is_empty(), "{:?}", report[0].left_out);
}

#[test]
fn requests_out_of_range_are_refused() {
    let curves = BookingCurves::new(&House { days: 60, ..House::new(7) }.bookings());
    let history = History::of(&curves);
    let asked = Request::new(day("2022-02-20"), 28, Target::Occupancy);
    for days in [0, 366] {
        assert_eq!(forecast(&history, &Request { days, ..asked.clone() }), Err(ForecastError::Days(days)));
    }
    for level in [0.49, 0.995, f64::NAN, f64::INFINITY, -1.0] {
        let refused = forecast(&history, &Request { levels: vec![level], ..asked.clone() });
        assert!(matches!(refused, Err(ForecastError::Level(_))), "{refused:?}");
    }
    assert_eq!(forecast(&history, &Request { levels: vec![], ..asked.clone() }), Err(ForecastError::NoLevel));
    let end = Request { as_of: chrono::NaiveDate::MAX, ..asked.clone() };
    assert!(matches!(forecast(&history, &end), Err(ForecastError::Calendar(_))));
    let before = Request { as_of: chrono::NaiveDate::MIN, ..asked };
    assert!(matches!(forecast(&history, &before), Err(ForecastError::HistoryTooShort { have_days: 0, .. })));
}

#[test]
fn a_back_test_leaves_out_and_names_origins_it_cannot_forecast() {
    let curves = BookingCurves::new(&House { days: 200, ..House::new(8) }.bookings());
    let rolling = Rolling {
        origins: vec![day("2022-01-05"), day("2022-05-01")],
        days: 14,
        levels: vec![0.8, 0.95],
        known_until: day("2022-05-10"),
    };
    let made = backtest(&History::of(&curves), &[Target::Occupancy], &rolling, None).expect("a report");
    assert_eq!(made[0].left_out.len(), 1);
    assert_eq!(made[0].left_out[0].0, day("2022-01-05"));
    assert_eq!(made[0].compared.len(), 10, "days after the last known one are not compared");
    assert_eq!(made[0].seconds, None);
    let later = Rolling { origins: vec![day("2022-05-11")], ..rolling };
    assert!(backtest(&History::of(&curves), &[Target::Occupancy], &later, None).is_err());
}

#[test]
fn a_hotel_that_closed_for_good_is_forecast_from_its_books() {
    let curves = BookingCurves::new(&House { days: 200, ..House::new(9) }.bookings());
    let as_of = day("2022-01-01") + Days::new(260);
    let made = sound(&History::of(&curves), &Request::new(as_of, 28, Target::Occupancy));
    assert!(made.notes.iter().any(|note| matches!(note, Note::EmptySince { .. })));
    assert!(made.days.iter().all(|day| day.value < 3.0), "{:?}", made.days[0]);
}
