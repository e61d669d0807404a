use chrono::NaiveDate;
use innkeeper_hotel::{Closure, CompetitorPrice, Event, Guest, Money, Rate, Room, ServiceUse};
use innkeeper_store::{HotelTable, Prediction, Upserted};

use super::*;

fn upserted(inserted: u64, changed: u64, unchanged: u64) -> Upserted {
    Upserted { inserted, changed, unchanged, repeated: 0 }
}

fn guest(n: u32) -> Guest {
    Guest {
        id: format!("GUEST{n:03}").parse().expect("a guest"),
        name: Some(format!("Name of guest {n}")),
        email: Some(format!("guest{n}@example.org")),
        phone: None,
        segment: Some("leisure".to_owned()),
        country: Some("PRT".to_owned()),
    }
}

fn money(amount: &str, currency: &str) -> Money {
    Money { amount: amount.parse().expect(amount), currency: currency.parse().expect(currency) }
}

fn rate(night: &str, set_on: &str, price: &str) -> Rate {
    Rate {
        night: date(night),
        room_type: "deluxe".parse().expect("a type"),
        set_on: date(set_on),
        price: money(price, "VND"),
    }
}

fn prediction(n: u32, guest: Option<&str>) -> Prediction {
    Prediction {
        id: Uuid::now_v7(),
        model_name: if n.is_multiple_of(2) { "forecast" } else { "churn" }.to_owned(),
        model_version: "3".to_owned(),
        prediction_type: "forecast".to_owned(),
        guest: guest.map(|id| id.parse().expect("a guest")),
        input: json!({ "horizon": n, "asked": "a secret question" }),
        output: json!({ "predicted_occupancy": [0.5, null] }),
        confidence: (n > 0).then_some(0.8),
        as_of: Some(date("2025-01-16")),
        created_at: noon() + seconds(i64::from(n)),
    }
}

#[tokio::test]
async fn guests_are_compared_by_what_they_say_and_not_by_their_seal() {
    let house = House::new().await;
    let hotel = house.hotel();
    let mut batch: Vec<Guest> = (0..700).map(guest).collect();
    assert_eq!(hotel.upsert_guests(&batch, None, noon()).await.expect("written"), upserted(700, 0, 0));
    assert_eq!(hotel.upsert_guests(&batch, None, noon()).await.expect("written"), upserted(0, 0, 700));
    let before = hotel.fingerprint(HotelTable::Guests).await.expect("a read");
    assert_eq!((before.rows, before.changes), (700, 1));
    batch[3].phone = Some("+351 123".to_owned());
    batch[650].segment = None;
    assert_eq!(
        hotel.upsert_guests(&batch, None, noon() + seconds(9)).await.expect("written"),
        upserted(0, 2, 698)
    );
    let kept = hotel.guest(&batch[3].id).await.expect("a read").expect("there");
    assert_eq!((&kept.guest, kept.created_at), (&batch[3], noon()), "it keeps the day it was made");
    assert_eq!((kept.clv_predicted, kept.total_bookings), (None, None), "nobody computed them");
    let south = house.store.hotel(&hotel_of("south"));
    assert_eq!(south.guest(&batch[3].id).await.expect("a read"), None);
}

#[tokio::test]
async fn a_guests_name_and_a_predictions_content_are_in_no_byte_of_the_database() {
    let house = House::new().await;
    let hotel = house.hotel();
    hotel.upsert_guests(&[guest(1)], None, noon()).await.expect("written");
    hotel.insert_predictions(&[prediction(1, None)]).await.expect("written");
    let all = bytes(&house);
    for plain in [&b"Name of guest"[..], b"guest1@example.org", b"a secret question", b"predicted_occupancy"]
    {
        assert!(!super::deletion::holds(&all, plain), "{:?}", String::from_utf8_lossy(plain));
    }
    assert!(super::deletion::holds(&all, b"GUEST001"), "the test looks where the rows are");
    let old = house.keys.active();
    house.keys.rotate().expect("a new key");
    while house.store.reseal(1).await.expect("no failure") > 0 {}
    assert!(house.store.seal_counts().await.expect("a read").iter().all(|c| c.key != old));
    let kept = hotel.guest(&guest(1).id).await.expect("a read").expect("there");
    assert_eq!(kept.guest, guest(1));
    assert_eq!(hotel.predictions(None, noon(), 9).await.expect("a read").len(), 1);
}

#[tokio::test]
async fn a_forgotten_guest_is_in_no_row_and_the_bookings_stay() {
    let house = House::new().await;
    let hotel = house.hotel();
    let id = guest(1).id;
    hotel.upsert_guests(&[guest(1), guest(2)], None, noon()).await.expect("written");
    let mut bookings = [booking(1), booking(2), booking(3)];
    bookings[0].guest = Some(id.clone());
    bookings[1].guest = Some(guest(2).id);
    hotel.upsert_bookings(&bookings, None, noon()).await.expect("written");
    let used = ServiceUse { guest: Some(id.clone()), ..service_use(1) };
    hotel.upsert_service_uses(&[used], None, noon()).await.expect("written");
    hotel
        .insert_predictions(&[prediction(1, Some("GUEST001")), prediction(2, Some("GUEST002"))])
        .await
        .expect("written");
    // The same number in another hotel is another guest.
    let south = house.store.hotel(&hotel_of("south"));
    south.upsert_guests(&[guest(1)], None, noon()).await.expect("written");

    let before = hotel.bookings_fingerprint().await.expect("a read");
    let done = hotel.forget_guest(&id, "manager", noon()).await.expect("done").expect("there");
    assert_eq!((done.bookings, done.service_uses, done.predictions), (1, 1, 1));
    assert_eq!(hotel.guest(&id).await.expect("a read"), None);
    let left = hotel.booking(&bookings[0].id).await.expect("a read").expect("there");
    assert_eq!(left, innkeeper_hotel::Booking { guest: None, ..bookings[0].clone() });
    let after = hotel.bookings_fingerprint().await.expect("a read");
    assert_eq!((after.rows, after.changes), (3, before.changes + 1));
    assert_eq!(hotel.fingerprint(HotelTable::Guests).await.expect("a read").rows, 1);
    let entry = hotel.audit_entries(0, 9).await.expect("a read").pop().expect("a row");
    assert_eq!((entry.action.as_str(), entry.actor.as_str()), ("guest.deleted", "manager"));
    assert!(entry.subject.starts_with("guest:") && !entry.subject.contains("GUEST001"), "{}", entry.subject);
    let event = house.store.outbox_pending(99).await.expect("a read").pop().expect("events");
    assert_eq!((event.id, event.topic.as_str()), (done.event_id, "guest.deleted"));
    let events = house.store.outbox_pending(99).await.expect("a read");
    house.store.outbox_delivered(&events.iter().map(|e| e.id).collect::<Vec<_>>()).await.expect("told");
    // Once it was delivered the hotel names the guest nowhere.
    assert_eq!(hotel.forget_guest(&id, "manager", noon()).await.expect("done"), None);
    assert_eq!(
        house.rows("SELECT count(*) FROM outbox WHERE topic = 'guest.deleted'").await,
        0,
        "the event goes once it was delivered"
    );
    assert!(south.guest(&id).await.expect("a read").is_some());
    assert!(house.store.verify_audit().await.expect("a read").is_intact());
}

#[tokio::test]
async fn a_room_knows_its_latest_verdict_and_its_last_cleaning() {
    let house = House::new().await;
    let hotel = house.hotel();
    let rooms = ["101", "201", "202"].map(|number| Room {
        number: room(number),
        room_type: if number == "101" { "standard" } else { "deluxe" }.parse().expect("a type"),
        floor: (number != "101").then_some(-2),
    });
    assert_eq!(hotel.upsert_rooms(&rooms, None, noon()).await.expect("written"), upserted(3, 0, 0));
    assert_eq!(hotel.upsert_rooms(&rooms, None, noon()).await.expect("written"), upserted(0, 0, 3));
    assert_eq!(hotel.rooms().await.expect("a read"), rooms);
    let types: Vec<(String, u64)> =
        hotel.room_types().await.expect("a read").into_iter().map(|(t, n)| (t.to_string(), n)).collect();
    assert_eq!(types, [("deluxe".to_owned(), 2), ("standard".to_owned(), 1)]);
    hotel.record_verdict(verdict("dirty", noon()), None).await.expect("written");
    hotel.record_verdict(verdict("clean", noon() + seconds(60)), None).await.expect("written");
    let told = Cleaning { room_type: Some("suite".to_owned()), ..cleaning("202", noon() + seconds(1), 20) };
    hotel.record_cleanings(&[cleaning("201", noon(), 25), told], noon()).await.expect("written");
    let states = hotel.room_states().await.expect("a read");
    assert_eq!(states.iter().map(|s| &s.room).collect::<Vec<_>>(), rooms.iter().collect::<Vec<_>>());
    assert_eq!((&states[0].status, states[0].last_cleaned_at, states[0].ready), (&None, None, None));
    assert_eq!((states[1].status.as_deref(), states[1].ready), (Some("clean"), Some(true)));
    assert_eq!(states[1].last_checked_by.as_deref(), Some("housekeeper"));
    assert_eq!(states[1].last_checked_at, Some(noon() + seconds(60)));
    assert_eq!(states[1].last_cleaned_at, Some(noon() + TimeDelta::minutes(25)));
    let times = hotel.cleaning_times(noon()..noon() + TimeDelta::minutes(25)).await.expect("a read");
    assert_eq!(times.len(), 1, "the end of the window is left out");
    assert_eq!(times[0].room_type.as_deref(), Some("suite"), "as it was told then");
    let times = hotel.cleaning_times(noon()..noon() + TimeDelta::hours(1)).await.expect("a read");
    assert_eq!(times[1].room_type.as_deref(), Some("deluxe"), "as the list of rooms says");
}

#[tokio::test]
async fn a_price_is_told_as_it_stood_on_the_day_that_is_asked_for() {
    let house = House::new().await;
    let hotel = house.hotel();
    let history = [
        rate("2025-02-01", "2025-01-01", "1500000"),
        rate("2025-02-01", "2025-01-10", "1700000"),
        rate("2025-02-02", "2025-01-20", "1650000"),
    ];
    assert_eq!(hotel.upsert_rates(&history, None, noon()).await.expect("written"), upserted(3, 0, 0));
    let nights = || date("2025-02-01")..date("2025-02-03");
    assert_eq!(hotel.rates(nights()).await.expect("a read"), history);
    let as_of = |day: &str| {
        let (hotel, day) = (hotel.clone(), date(day));
        async move { hotel.rates_as_of(nights(), day).await.expect("a read") }
    };
    assert!(as_of("2024-12-31").await.is_empty());
    assert_eq!(as_of("2025-01-09").await, history[..1]);
    assert_eq!(as_of("2025-01-10").await, history[1..2], "from the end of the day on");
    assert_eq!(as_of("2025-02-01").await, history[1..]);
    let mut corrected = history.clone();
    corrected[1].price = money("1710000", "VND");
    assert_eq!(hotel.upsert_rates(&corrected, None, noon()).await.expect("written"), upserted(0, 1, 2));

    let seen = |competitor: &str, room_type: Option<&str>, seen_on: &str, price: &str| CompetitorPrice {
        competitor: competitor.to_owned(),
        night: date("2025-02-01"),
        room_type: room_type.map(|name| name.parse().expect("a type")),
        seen_on: date(seen_on),
        price: money(price, "KWD"),
    };
    let history = [
        seen("Grand", None, "2025-01-01", "30.125"),
        seen("Grand", None, "2025-01-05", "31.5"),
        seen("Grand", Some("deluxe"), "2025-01-05", "45"),
        seen("Plaza", None, "2025-01-06", "29"),
    ];
    hotel.upsert_competitor_prices(&history, None, noon()).await.expect("written");
    assert_eq!(hotel.competitor_prices(nights()).await.expect("a read"), history);
    let known = hotel.competitor_prices_as_of(nights(), date("2025-01-05")).await.expect("a read");
    assert_eq!(known, history[1..3]);
    let too_fine = Rate { price: money("0.1234567", "EUR"), ..rate("2025-02-01", "2025-01-01", "1") };
    let refused = hotel.upsert_rates(&[too_fine], None, noon()).await;
    assert!(matches!(refused, Err(StoreError::Invalid { field: "price", .. })), "{refused:?}");
}

#[tokio::test]
async fn the_calendar_is_told_by_the_days_it_touches() {
    let house = House::new().await;
    let hotel = house.hotel();
    let event = |name: &str, from: &str, until: &str| Event {
        name: name.to_owned(),
        from: date(from),
        until: date(until),
        kind: "fair".to_owned(),
        known_on: Some(date("2024-06-01")),
    };
    let events = [event("Tết", "2025-01-28", "2025-02-03"), event("Trade fair", "2025-02-04", "2025-02-04")];
    assert_eq!(hotel.upsert_events(&events, None, noon()).await.expect("written"), upserted(2, 0, 0));
    let longer = Event { until: date("2025-02-05"), known_on: None, ..events[1].clone() };
    assert_eq!(
        hotel.upsert_events(std::slice::from_ref(&longer), None, noon()).await.expect("written"),
        upserted(0, 1, 0)
    );
    let days = |from: &str, until: &str| date(from)..date(until);
    assert_eq!(hotel.events(days("2025-02-03", "2025-02-04")).await.expect("a read"), events[..1]);
    assert_eq!(hotel.events(days("2025-02-05", "2025-03-01")).await.expect("a read"), [longer]);
    assert!(hotel.remove_event("Tết", date("2025-01-28")).await.expect("done"));
    assert!(!hotel.remove_event("Tết", date("2025-01-28")).await.expect("nothing"));
    let print = hotel.fingerprint(HotelTable::Events).await.expect("a read");
    assert_eq!((print.rows, print.changes), (1, 3));

    let closed = |room_type: Option<&str>| Closure {
        from: date("2025-07-01"),
        until: date("2025-07-31"),
        room_type: room_type.map(|name| name.parse().expect("a type")),
    };
    let closures = [closed(None), closed(Some("suite"))];
    assert_eq!(hotel.upsert_closures(&closures, None, noon()).await.expect("written"), upserted(2, 0, 0));
    assert_eq!(hotel.upsert_closures(&closures, None, noon()).await.expect("written"), upserted(0, 0, 2));
    assert_eq!(hotel.closures(days("2025-07-31", "2025-08-01")).await.expect("a read"), closures);
    assert!(hotel.closures(days("2025-08-01", "2025-09-01")).await.expect("a read").is_empty());
    assert!(hotel.remove_closure(&closed(None)).await.expect("done"));
    assert_eq!(hotel.closures(days("2025-07-01", "2025-07-02")).await.expect("a read"), closures[1..]);
    let backwards = Event { until: date("2024-01-01"), ..events[0].clone() };
    let refused = hotel.upsert_events(&[backwards], None, noon()).await;
    assert!(matches!(refused, Err(StoreError::Invalid { field: "until", .. })), "{refused:?}");
}

#[tokio::test]
async fn services_are_kept_once_a_day_and_told_by_day() {
    let house = House::new().await;
    let hotel = house.hotel();
    let uses = [service_use(1), service_use(2)];
    assert_eq!(hotel.upsert_service_uses(&uses, None, noon()).await.expect("written"), upserted(2, 0, 0));
    let more = ServiceUse { quantity: 3, amount: None, ..service_use(2) };
    let batch = [uses[0].clone(), more.clone()];
    assert_eq!(hotel.upsert_service_uses(&batch, None, noon()).await.expect("written"), upserted(0, 1, 1));
    let days = date("2025-01-01")..date("2026-01-01");
    assert_eq!(hotel.service_uses(days).await.expect("a read"), batch);
    let none = hotel.service_uses(NaiveDate::MIN..date("2025-01-01")).await.expect("a read");
    assert!(none.is_empty());
}

#[tokio::test]
async fn what_models_said_goes_when_it_is_old() {
    let house = House::new().await;
    let hotel = house.hotel();
    let said: Vec<Prediction> = (0..4).map(|n| prediction(n, None)).collect();
    hotel.insert_predictions(&said).await.expect("written");
    hotel.insert_predictions(&[]).await.expect("nothing");
    let newest_first: Vec<Prediction> = said.iter().rev().cloned().collect();
    assert_eq!(hotel.predictions(None, noon(), 9).await.expect("a read"), newest_first);
    let churn = hotel.predictions(Some("churn"), noon() + seconds(2), 9).await.expect("a read");
    assert_eq!(churn, newest_first[..1]);
    assert_eq!(hotel.predictions(None, noon(), 2).await.expect("a read"), newest_first[..2]);
    let unsure = Prediction { confidence: Some(f64::NAN), ..prediction(5, None) };
    let refused = hotel.insert_predictions(&[prediction(6, None), unsure]).await;
    assert!(matches!(refused, Err(StoreError::Invalid { field: "confidence", .. })), "{refused:?}");
    let again = hotel.insert_predictions(&said[..1]).await;
    assert!(matches!(again, Err(StoreError::Duplicate { what: "the prediction" })), "{again:?}");
    let south = house.store.hotel(&hotel_of("south"));
    assert!(south.predictions(None, noon(), 9).await.expect("a read").is_empty());
    assert_eq!(house.store.prune_predictions(noon() + seconds(2)).await.expect("done"), 2);
    assert_eq!(hotel.predictions(None, noon(), 9).await.expect("a read"), newest_first[..2]);
}

#[tokio::test]
async fn a_copy_of_the_database_tells_the_same_of_the_hotel() {
    let house = House::new().await;
    furnish(&house.store).await;
    let north = house.store.hotel(&hotel("north"));
    // More rows than are copied at a time.
    let many: Vec<_> = (1_000..1_600).map(booking).collect();
    north.upsert_bookings(&many, None, noon()).await.expect("written");
    let target = Dwelling::<crate::sqlite::Place>::new().await;
    house.store.copy_to(&target.store, |_, _, _| ()).await.expect("copied");
    let copy = target.store.hotel(&hotel("north"));
    let days = || date("0001-01-01")..date("9999-01-01");
    let every = innkeeper_store::BookingFilter {
        order: innkeeper_store::BookingOrder::BookedOn,
        ..Default::default()
    };
    let (mut here, mut there) = (Vec::new(), Vec::new());
    for (hotel, rows) in [(&north, &mut here), (&copy, &mut there)] {
        let read = hotel.for_each_booking(&every, |booking| {
            rows.push(booking);
            Ok::<_, StoreError>(())
        });
        assert!(read.await.expect("a read") > 600);
    }
    assert_eq!(here, there);
    assert_eq!(north.fingerprints().await.expect("a read"), copy.fingerprints().await.expect("a read"));
    assert_eq!(north.rooms().await.expect("a read"), copy.rooms().await.expect("a read"));
    let id = guest_of_the_house().id;
    assert!(copy.guest(&id).await.expect("a read").is_some());
    assert_eq!(north.guest(&id).await.expect("a read"), copy.guest(&id).await.expect("a read"));
    assert_eq!(north.rates(days()).await.expect("a read"), copy.rates(days()).await.expect("a read"));
    assert_eq!(
        north.competitor_prices(days()).await.expect("a read"),
        copy.competitor_prices(days()).await.expect("a read")
    );
    assert_eq!(north.events(days()).await.expect("a read"), copy.events(days()).await.expect("a read"));
    assert_eq!(north.closures(days()).await.expect("a read"), copy.closures(days()).await.expect("a read"));
    assert_eq!(
        north.service_uses(days()).await.expect("a read"),
        copy.service_uses(days()).await.expect("a read")
    );
    assert_eq!(
        north.predictions(None, noon(), 9).await.expect("a read"),
        copy.predictions(None, noon(), 9).await.expect("a read")
    );
    assert_eq!(north.imports(9).await.expect("a read"), copy.imports(9).await.expect("a read"));
    // It goes on counting where the original stood.
    copy.upsert_bookings(&[booking(5_000)], None, noon()).await.expect("written");
    let (a, b) = (north.bookings_fingerprint().await.expect("a read"), copy.bookings_fingerprint().await);
    let b = b.expect("a read");
    assert_eq!((b.rows, b.changes), (a.rows + 1, a.changes + 1));
}
