//! What the recommendations of rooms promise.
#![allow(clippy::unwrap_used, reason = "a test has no caller to hand an error to")]

use chrono::{Days, NaiveDate};
use innkeeper_recommend::rooms::{
    Budget, Depth, RoomBooking, RoomFitError, RoomModel, RoomOffer, RoomReason, RoomRequest,
    RoomRequestError, RoomSettings, Stay, fit,
};

fn stay(adults: u32, children: u32) -> Stay {
    Stay { property: String::new(), adults, children, nights: 2, lead_days: 10, segment: Some("web".into()) }
}

/// Couples book doubles at about 100, families suites at about 200.
fn bookings() -> Vec<RoomBooking> {
    (0..300_u64)
        .map(|n| {
            let family = n % 3 == 0;
            let odd = n % 10 == 0;
            RoomBooking {
                arrival: NaiveDate::from_ymd_opt(2024, 1, 1).unwrap() + Days::new(n),
                room_type: if family == odd { "double" } else { "suite" }.into(),
                stay: if family { stay(2, 2) } else { stay(2, 0) },
                price: Some(if family { 200.0 } else { 100.0 } + (n % 7) as f64),
            }
        })
        .collect()
}

fn offer(room: &str, room_type: &str, capacity: u32, price: f64) -> RoomOffer {
    RoomOffer {
        room: room.into(),
        room_type: room_type.into(),
        capacity,
        available: true,
        price: Some(price),
        features: vec![],
    }
}

fn model() -> RoomModel {
    fit(&bookings(), &RoomSettings::default()).unwrap()
}

fn ask(stay: &Stay) -> RoomRequest<'_> {
    RoomRequest { stay, budget: None, wishes: &[], k: 5 }
}

#[test]
fn shares_follow_the_counts_and_add_up() {
    let model = model();
    let (couple, family) = (stay(2, 0), stay(2, 2));
    assert!(model.share(&couple, "double") > 0.8);
    assert!(model.share(&family, "suite") > 0.8);
    for stay in [couple, family, stay(9, 9)] {
        let total: f64 = model.types().iter().map(|name| model.share(&stay, name)).sum();
        assert!((total - 1.0).abs() < 1e-9);
    }
    assert_eq!(model.depth(), Depth::Party);
}

#[test]
fn one_booking_is_shrunk_by_hand() {
    // A type never seen starts at one half beside the one that was; in each of the three contexts one booking of
    // another type counts as much as the wider context, which halves it.
    let one = &bookings()[..1];
    let model = fit(one, &RoomSettings { smoothing: 1.0, ..RoomSettings::default() }).unwrap();
    assert!((model.share(&one[0].stay, "never") - 0.5 / 8.0).abs() < 1e-12);
    assert!((model.share(&one[0].stay, "double") - 1.0).abs() < 1e-12);
}

#[test]
fn each_guest_gets_what_such_guests_book() {
    let model = model();
    let offers = [offer("101", "double", 4, 120.0), offer("201", "suite", 4, 120.0)];
    let first = |stay: &Stay| model.recommend(&ask(stay), &offers).unwrap().recommendations[0].clone();
    assert_eq!(first(&stay(2, 0)).room, "101");
    let family = first(&stay(2, 2));
    assert_eq!(family.room, "201");
    assert!(matches!(family.reason, RoomReason::UsualForSuchStays { share } if share > 0.8), "{family:?}");
    assert_eq!(family.estimated_revenue, Some(240.0));
    let total: f64 =
        model.recommend(&ask(&stay(2, 2)), &offers).unwrap().recommendations.iter().map(|r| r.score).sum();
    assert!((total - 1.0).abs() < 1e-9);
}

#[test]
fn what_does_not_fit_is_left_out_and_counted() {
    let model = model();
    let stay = stay(2, 1);
    let offers = [
        offer("1", "double", 2, 90.0),
        RoomOffer { available: false, ..offer("2", "suite", 4, 90.0) },
        offer("3", "suite", 4, 500.0),
        RoomOffer { price: None, ..offer("4", "suite", 4, 0.0) },
        offer("5", "suite", 3, 140.0),
    ];
    let request = RoomRequest { budget: Some(Budget::AtMost { night: 150.0 }), ..ask(&stay) };
    let answer = model.recommend(&request, &offers).unwrap();
    assert_eq!(answer.recommendations.iter().map(|r| r.room.as_str()).collect::<Vec<_>>(), ["5"]);
    let left = answer.left_out;
    assert_eq!((left.too_small, left.not_available, left.over_budget, left.price_unknown), (1, 1, 1, 1));
    let open = model.recommend(&ask(&stay), &offers).unwrap();
    let unpriced = open.recommendations.iter().find(|r| r.room == "4").unwrap();
    assert_eq!(unpriced.estimated_revenue, None);
}

#[test]
fn prices_count_unless_money_does_not() {
    let model = model();
    let stay = stay(2, 0);
    let offers = [offer("1", "double", 2, 160.0), offer("2", "double", 2, 80.0)];
    let list = |budget| model.recommend(&RoomRequest { budget, ..ask(&stay) }, &offers).unwrap();
    let free = list(None);
    assert_eq!(free.recommendations[0].room, "2");
    assert!(
        free.recommendations[0]
            .evidence
            .iter()
            .any(|e| matches!(e.reason, RoomReason::BelowUsualPrice { .. }))
    );
    let high = list(Some(Budget::High));
    assert!((high.recommendations[0].score - 0.5).abs() < 1e-9);
    let low = list(Some(Budget::Low));
    assert_eq!(low.recommendations.len(), 1);
    assert!(low.limit.unwrap() < 110.0);
}

#[test]
fn wishes_and_variety_move_the_list() {
    let model = fit(&bookings(), &RoomSettings { smoothing: 20.0, ..RoomSettings::default() }).unwrap();
    let stay = stay(2, 0);
    let mut offers = vec![
        offer("1", "double", 2, 100.0),
        offer("2", "double", 2, 100.0),
        offer("3", "double", 2, 100.0),
        offer("9", "suite", 2, 100.0),
    ];
    let names = |offers: &[RoomOffer], wishes: &[String]| -> Vec<String> {
        let request = RoomRequest { wishes, k: 3, ..ask(&stay) };
        model.recommend(&request, offers).unwrap().recommendations.into_iter().map(|r| r.room).collect()
    };
    assert_eq!(names(&offers, &[]), ["1", "9", "2"]);
    offers[2].features = vec!["Ocean ".into()];
    let wishes = ["ocean".to_owned(), "OCEAN".to_owned()];
    assert_eq!(names(&offers, &wishes)[0], "3");
    let request = RoomRequest { wishes: &wishes, ..ask(&stay) };
    let first = model.recommend(&request, &offers).unwrap().recommendations[0].clone();
    let fulfilled = first.evidence.iter().filter(|e| matches!(e.reason, RoomReason::HasWish { .. })).count();
    assert_eq!(fulfilled, 1, "a wish said twice counts once");
}

#[test]
fn what_makes_no_sense_is_refused() {
    assert_eq!(fit(&[], &RoomSettings::default()).unwrap_err(), RoomFitError::NoBookings);
    let mut bad = bookings();
    bad[3].price = Some(f64::NAN);
    assert_eq!(fit(&bad, &RoomSettings::default()).unwrap_err(), RoomFitError::Price { row: 3 });
    bad[2].room_type = " ".into();
    assert_eq!(fit(&bad, &RoomSettings::default()).unwrap_err(), RoomFitError::NoType { row: 2 });
    for settings in [
        RoomSettings { smoothing: 0.0, ..RoomSettings::default() },
        RoomSettings { price_sensitivity: f64::NAN, ..RoomSettings::default() },
        RoomSettings { wish: -1.0, ..RoomSettings::default() },
        RoomSettings { diversity: 2.0, ..RoomSettings::default() },
    ] {
        assert_eq!(fit(&bookings(), &settings).unwrap_err(), RoomFitError::Settings);
    }
    let model = model();
    let fine = stay(2, 0);
    let error = |stay: &Stay, budget, offers: &[RoomOffer]| {
        model.recommend(&RoomRequest { budget, ..ask(stay) }, offers).unwrap_err()
    };
    assert_eq!(error(&stay(0, 2), None, &[]), RoomRequestError::NoParty);
    assert_eq!(error(&Stay { nights: 0, ..fine.clone() }, None, &[]), RoomRequestError::NoNight);
    let nan = Some(Budget::AtMost { night: f64::NAN });
    assert_eq!(error(&fine, nan, &[]), RoomRequestError::Budget);
    let offers = [offer("1", "double", 2, f64::INFINITY)];
    assert_eq!(error(&fine, None, &offers), RoomRequestError::Price { offer: 0 });
    let unpriced: Vec<RoomBooking> =
        bookings().into_iter().map(|booking| RoomBooking { price: None, ..booking }).collect();
    let model = fit(&unpriced, &RoomSettings::default()).unwrap();
    let request = RoomRequest { budget: Some(Budget::Low), ..ask(&fine) };
    assert_eq!(model.recommend(&request, &[]).unwrap_err(), RoomRequestError::NoPrices);
}

#[test]
fn extremes_give_finite_numbers() {
    let model = model();
    let huge = Stay { nights: u32::MAX, ..stay(u32::MAX, u32::MAX) };
    let offers = [offer("1", "double", u32::MAX, f64::MAX), offer("2", "hut", u32::MAX, 0.0)];
    let answer = model.recommend(&RoomRequest { k: usize::MAX, ..ask(&huge) }, &offers).unwrap();
    assert_eq!(answer.recommendations.len(), 2);
    assert!(
        answer
            .recommendations
            .iter()
            .all(|r| r.score.is_finite() && r.evidence.iter().all(|e| e.utility.is_finite()))
    );
    assert_eq!(answer.recommendations.iter().find(|r| r.room == "1").unwrap().estimated_revenue, None);
    assert!(
        model.recommend(&RoomRequest { k: 0, ..ask(&huge) }, &offers).unwrap().recommendations.is_empty()
    );
    assert!(model.recommend(&ask(&huge), &[]).unwrap().recommendations.is_empty());
}
