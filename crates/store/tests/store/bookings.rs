use innkeeper_hotel::{Booking, BookingStatus, Currency, Deposit, Party};
use innkeeper_store::{BookingFilter, BookingOrder, Change, Fingerprint, HotelTable, NewImport, Upserted};
use rust_decimal::Decimal;

use super::*;

fn upserted(inserted: u64, changed: u64, unchanged: u64) -> Upserted {
    Upserted { inserted, changed, unchanged, repeated: 0 }
}

/// Every booking that the filter lets through, by id.
async fn read(hotel: &HotelStore, filter: &BookingFilter) -> Vec<Booking> {
    let mut all = Vec::new();
    let rows = hotel
        .for_each_booking(filter, |booking| {
            all.push(booking);
            Ok::<_, StoreError>(())
        })
        .await
        .expect("a read");
    assert_eq!(rows, all.len() as u64);
    assert_eq!(hotel.count_bookings(filter).await.expect("a count"), rows);
    if filter.order == BookingOrder::Any {
        all.sort_by(|a, b| a.id.cmp(&b.id));
    }
    all
}

async fn everything(hotel: &HotelStore) -> Vec<Booking> {
    read(hotel, &BookingFilter::default()).await
}

async fn topics(house: &House, topic: &str) -> Vec<serde_json::Value> {
    let events = house.store.outbox_pending(999).await.expect("a read");
    events.into_iter().filter(|event| event.topic == topic).map(|event| event.payload).collect()
}

fn some_import() -> NewImport {
    NewImport {
        id: Uuid::now_v7(),
        kind: "bookings".to_owned(),
        file_name: Some("bookings.csv".to_owned()),
        file_sha256: Some("a".repeat(64)),
        started_by: "manager".to_owned(),
        started_at: noon(),
    }
}

#[tokio::test]
async fn a_file_that_is_read_in_twice_changes_nothing_the_second_time() {
    let house = House::new().await;
    let hotel = house.hotel();
    // More than one statement, and not a whole number of them.
    let batch: Vec<Booking> = (0..1_234).map(booking).collect();
    let import = some_import();
    hotel.begin_import(&import).await.expect("begun");
    let first = hotel.upsert_bookings(&batch, Some(import.id), noon()).await.expect("written");
    assert_eq!(first, upserted(1_234, 0, 0));
    let before = hotel.bookings_fingerprint().await.expect("a read");
    assert_eq!((before.rows, before.changes), (1_234, 1));
    let again = hotel.upsert_bookings(&batch, Some(import.id), noon()).await.expect("written");
    assert_eq!(again, upserted(0, 0, 1_234));
    assert_eq!(hotel.bookings_fingerprint().await.expect("a read"), before, "nothing changed");
    let told = topics(&house, innkeeper_store::BOOKINGS_IMPORTED).await;
    assert_eq!(told.len(), 1, "nothing to tell of the second time");
    assert_eq!((&told[0]["inserted"], &told[0]["import_id"]), (&json!(1_234), &json!(import.id)));
    assert_eq!(everything(&hotel).await, batch);

    assert!(hotel.finish_import(import.id, 2_468, 3, noon() + seconds(9)).await.expect("ended"));
    let kept = hotel.imports(9).await.expect("a read").remove(0);
    assert_eq!((kept.new.clone(), kept.finished_at), (import, Some(noon() + seconds(9))));
    assert_eq!((kept.accepted, kept.rejected), (2_468, 3));
    assert_eq!((kept.inserted, kept.changed, kept.unchanged), (1_234, 0, 1_234));
    assert!(!hotel.finish_import(Uuid::nil(), 0, 0, noon()).await.expect("nothing"));
}

#[tokio::test]
async fn only_what_is_different_counts_as_changed_and_moves_the_fingerprint() {
    let house = House::new().await;
    let hotel = house.hotel();
    let mut batch: Vec<Booking> = (0..600).map(booking).collect();
    hotel.upsert_bookings(&batch, None, noon()).await.expect("written");
    let before = hotel.bookings_fingerprint().await.expect("a read");
    batch[7].status = BookingStatus::Cancelled;
    batch[7].status_on = Some(batch[7].stay.arrival);
    // From something to nothing, and back, are changes too.
    batch[8].rate = None;
    batch[9].country = Some("VNM".to_owned());
    batch.push(booking(600));
    let done = hotel.upsert_bookings(&batch, None, noon()).await.expect("written");
    assert_eq!(done, upserted(1, 3, 597));
    let after = hotel.bookings_fingerprint().await.expect("a read");
    assert_eq!((after.rows, after.changes), (601, 2));
    assert_ne!(after.mark, before.mark);
    let told = topics(&house, innkeeper_store::BOOKINGS_IMPORTED).await;
    assert_eq!(told[1]["changed"], json!(3));
    let filter = BookingFilter { changed_since: Some(before.changes), ..BookingFilter::default() };
    let changed = read(&hotel, &filter).await;
    assert_eq!(changed, [&batch[7], &batch[8], &batch[9], &batch[600]].map(Clone::clone));
    assert_eq!(everything(&hotel).await, batch);
    assert_eq!(hotel.booking(&batch[8].id).await.expect("a read").as_ref(), Some(&batch[8]));
}

#[tokio::test]
async fn of_two_rows_of_one_booking_in_a_batch_the_last_stands() {
    let house = House::new().await;
    let hotel = house.hotel();
    let first = booking(1);
    let last = Booking { meal: Some("FB".to_owned()), ..first.clone() };
    let batch = [first.clone(), booking(2), first, last.clone()];
    let done = hotel.upsert_bookings(&batch, None, noon()).await.expect("written");
    assert_eq!(done, Upserted { inserted: 2, repeated: 2, ..Upserted::default() });
    assert_eq!(everything(&hotel).await, [last, booking(2)]);
    assert_eq!(hotel.bookings_fingerprint().await.expect("a read").rows, 2);
}

#[tokio::test]
async fn a_batch_that_is_too_large_or_wrong_in_one_row_writes_nothing() {
    let house = House::new().await;
    let hotel = house.hotel();
    assert_eq!(hotel.upsert_bookings(&[], None, noon()).await.expect("nothing"), Upserted::default());
    assert!(house.store.hotels().await.expect("a read").is_empty(), "an empty batch creates no hotel");
    let many: Vec<Booking> = (0..10_001).map(booking).collect();
    let refused = hotel.upsert_bookings(&many, None, noon()).await;
    assert!(matches!(refused, Err(StoreError::Invalid { field: "bookings", .. })), "{refused:?}");
    let wrong = |change: fn(&mut Booking)| {
        let mut wrong = booking(2);
        change(&mut wrong);
        [booking(1), wrong]
    };
    let refused = hotel
        .upsert_bookings(&wrong(|b| (b.status, b.status_on) = (BookingStatus::NoShow, None)), None, noon())
        .await;
    assert!(matches!(&refused, Err(StoreError::Booking { id, .. }) if id == "B00002"), "{refused:?}");
    let finest: fn(&mut Booking) =
        |b| b.rate = Some("1.234567890123456789012345678".parse().expect("28 digits"));
    let refused = hotel.upsert_bookings(&wrong(finest), None, noon()).await;
    assert!(matches!(refused, Err(StoreError::Invalid { field: "rate", .. })), "{refused:?}");
    for text in ["x".repeat(257), "a\0b".to_owned()] {
        let mut two = [booking(1), booking(2)];
        two[1].agent = Some(text);
        let refused = hotel.upsert_bookings(&two, None, noon()).await;
        assert!(matches!(refused, Err(StoreError::Invalid { field: "agent", .. })), "{refused:?}");
    }
    let unknown = hotel.upsert_bookings(&[booking(1)], Some(Uuid::nil()), noon()).await;
    assert!(matches!(unknown, Err(StoreError::Invalid { field: "import_id", .. })), "{unknown:?}");
    assert_eq!(house.rows("SELECT count(*) FROM bookings").await, 0);
    assert_eq!(house.rows("SELECT count(*) FROM table_changes").await, 0);
    assert!(house.store.outbox_pending(9).await.expect("a read").is_empty());
}

#[tokio::test]
async fn rates_of_every_currency_and_days_of_every_year_come_back_exactly() {
    let house = House::new().await;
    let hotel = house.hotel();
    let mut batch = Vec::new();
    for (n, (rate, currency)) in [
        ("1500000", Some("VND")),
        ("12.345", Some("KWD")),
        ("0.0001", Some("CLF")),
        ("99.90", Some("EUR")),
        ("83.333333", None),
        ("1000000000", Some("JPY")),
        ("0", Some("USD")),
    ]
    .into_iter()
    .enumerate()
    {
        let mut new = booking(n as u32);
        new.rate = Some(rate.parse::<Decimal>().expect(rate));
        new.currency = currency.map(|code| code.parse::<Currency>().expect(code));
        batch.push(new);
    }
    for (n, day) in
        ["0001-01-01", "1969-12-31", "1970-01-01", "2024-02-29", "9999-12-31"].into_iter().enumerate()
    {
        let mut new = booking(100 + n as u32);
        (new.booked_on, new.stay.arrival) = (date(day), date(day));
        (new.status, new.status_on, new.stay.nights) = (BookingStatus::Confirmed, None, 0);
        batch.push(new);
    }
    hotel.upsert_bookings(&batch, None, noon()).await.expect("written");
    assert_eq!(everything(&hotel).await, batch);
}

#[tokio::test]
async fn a_booking_with_every_field_and_one_with_none_come_back_as_they_were() {
    let house = House::new().await;
    let hotel = house.hotel();
    let bare = Booking::confirmed(
        "bare".parse().expect("an id"),
        date("2025-01-01"),
        innkeeper_hotel::Stay { arrival: date("2025-01-01"), nights: 366 },
        "Zimmer mit Ausblick \u{1F3D4}".parse().expect("a type"),
    );
    let full = Booking {
        id: "full".parse().expect("an id"),
        status: BookingStatus::NoShow,
        status_on: Some(date("2025-01-02")),
        party: Party { adults: 2, children: u16::MAX, babies: 0 },
        rate: Some(Decimal::new(1, 6)),
        currency: Some("EUR".parse().expect("a currency")),
        guest: Some("GUEST001".parse().expect("a guest")),
        room_number: Some(room("201")),
        assigned_room_type: Some("suite".parse().expect("a type")),
        segment: Some("'); DROP TABLE bookings; --".to_owned()),
        channel: Some(String::new()),
        customer_type: Some("Transient".to_owned()),
        agent: Some("9".to_owned()),
        company: Some("NULL".to_owned()),
        country: Some("PRT".to_owned()),
        meal: Some("BB".to_owned()),
        payment_method: Some("cash".to_owned()),
        deposit: Some(Deposit::NonRefundable),
        repeated_guest: Some(false),
        previous_cancellations: Some(u32::MAX),
        previous_stays: Some(1),
        changes: Some(2),
        waiting_days: Some(3),
        parking_spaces: Some(4),
        special_requests: Some(5),
        ..bare.clone()
    };
    let others = [Deposit::None, Deposit::Refundable].map(|deposit| Booking {
        id: format!("{deposit:?}").parse().expect("an id"),
        deposit: Some(deposit),
        ..bare.clone()
    });
    let mut batch = vec![others[0].clone(), others[1].clone(), bare, full.clone()];
    hotel.upsert_bookings(&batch, None, noon()).await.expect("written");
    batch.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(everything(&hotel).await, batch);
    let put = hotel.put_booking(&full, noon()).await.expect("written");
    assert_eq!((put.change, put.event_id), (Change::Unchanged, None));
}

#[tokio::test]
async fn a_change_of_one_booking_is_told_with_it() {
    let house = House::new().await;
    let hotel = house.hotel();
    let new = booking(2);
    let put = hotel.put_booking(&new, noon()).await.expect("written");
    assert_eq!(put.change, Change::Inserted);
    let kept = Booking { status: BookingStatus::Cancelled, status_on: Some(new.stay.arrival), ..new };
    let put = hotel.put_booking(&kept, noon()).await.expect("written");
    assert_eq!(put.change, Change::Changed);
    assert_eq!(hotel.put_booking(&kept, noon()).await.expect("nothing").event_id, None);
    let event = house.store.outbox_pending(9).await.expect("a read").pop().expect("events");
    assert_eq!((Some(event.id), event.topic.as_str()), (put.event_id, "booking.changed"));
    assert_eq!(
        (&event.payload["status"], &event.payload["change"]),
        (&json!("cancelled"), &json!("changed"))
    );
    assert!(!event.payload.to_string().contains("GUEST"), "the event names no guest");
    let now = hotel.bookings_fingerprint().await.expect("a read");
    assert_eq!((now.rows, now.changes), (1, 2));
    assert_eq!(hotel.booking(&kept.id).await.expect("a read"), Some(kept));
}

#[tokio::test]
async fn a_window_holds_the_days_it_names_and_no_other() {
    let house = House::new().await;
    let hotel = house.hotel();
    let mut batch: Vec<Booking> = (0..200).map(booking).collect();
    // One long stay, which the index of arrivals alone would not find by its departure.
    batch[0].stay.nights = 366;
    hotel.upsert_bookings(&batch, None, noon()).await.expect("written");
    let (from, until) = (date("2025-02-03"), date("2025-03-01"));
    let only =
        |keep: &dyn Fn(&Booking) -> bool| batch.iter().filter(|b| keep(b)).cloned().collect::<Vec<_>>();
    let arrival = BookingFilter { arrival: Some(from..until), ..BookingFilter::default() };
    let want = only(&|b| (from..until).contains(&b.stay.arrival));
    assert!(want.len() > 5 && want.len() < 150);
    assert_eq!(read(&hotel, &arrival).await, want);
    let left = batch[0].stay.departure();
    let departure =
        BookingFilter { departure: Some(left..left.succ_opt().expect("a day")), ..Default::default() };
    assert_eq!(read(&hotel, &departure).await, [batch[0].clone()]);
    let departure = BookingFilter { departure: Some(from..until), ..BookingFilter::default() };
    assert_eq!(read(&hotel, &departure).await, only(&|b| (from..until).contains(&b.stay.departure())));
    let booked = BookingFilter { booked: Some(from..until), order: BookingOrder::BookedOn, ..arrival };
    let mut want = only(&|b| (from..until).contains(&b.booked_on) && (from..until).contains(&b.stay.arrival));
    want.sort_by(|a, b| (a.booked_on, &a.id).cmp(&(b.booked_on, &b.id)));
    assert!(!want.is_empty());
    assert_eq!(read(&hotel, &booked).await, want);
}

#[tokio::test]
async fn a_reader_that_fails_ends_the_stream_and_keeps_no_connection() {
    #[derive(Debug)]
    enum Stop {
        Enough,
        Store,
    }
    impl From<StoreError> for Stop {
        fn from(_: StoreError) -> Self {
            Self::Store
        }
    }
    let house = House::new().await;
    let hotel = house.hotel();
    hotel.upsert_bookings(&(0..500).map(booking).collect::<Vec<_>>(), None, noon()).await.expect("written");
    for _ in 0..20 {
        let mut seen = 0;
        let ended = hotel
            .for_each_booking(&BookingFilter::default(), |_| {
                seen += 1;
                if seen == 3 { Err(Stop::Enough) } else { Ok(()) }
            })
            .await;
        assert!(matches!(ended, Err(Stop::Enough)));
        assert_eq!(seen, 3);
    }
    assert_eq!(everything(&hotel).await.len(), 500);
}

#[tokio::test]
async fn bookings_of_one_hotel_are_never_those_of_another() {
    let house = House::new().await;
    let (north, south) = (house.store.hotel(&hotel("north")), house.store.hotel(&hotel("south")));
    let here: Vec<Booking> = (0..3).map(booking).collect();
    let there: Vec<Booking> =
        here.iter().map(|b| Booking { meal: Some("HB".to_owned()), ..b.clone() }).collect();
    assert_eq!(north.upsert_bookings(&here, None, noon()).await.expect("written"), upserted(3, 0, 0));
    let other = south.upsert_bookings(&there, None, noon()).await.expect("the same ids in another hotel");
    assert_eq!(other, upserted(3, 0, 0));
    assert_eq!(everything(&north).await, here);
    assert_eq!(everything(&south).await, there);
    let east = house.store.hotel(&hotel_of("east"));
    assert!(everything(&east).await.is_empty());
    assert_eq!(east.bookings_fingerprint().await.expect("a read"), Fingerprint::default());
    let prints = north.fingerprints().await.expect("a read");
    assert_eq!(prints.len(), HotelTable::ALL.len());
    assert_eq!(prints[2].1, north.fingerprint(HotelTable::Bookings).await.expect("a read"));
    let begun = some_import();
    north.begin_import(&begun).await.expect("begun");
    let foreign = south.upsert_bookings(&[booking(9)], Some(begun.id), noon()).await;
    assert!(matches!(foreign, Err(StoreError::Invalid { field: "import_id", .. })), "{foreign:?}");
    assert!(south.imports(9).await.expect("a read").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn imports_that_run_at_once_count_every_row_once() {
    let house = House::new().await;
    let tasks: Vec<_> = (0..6)
        .map(|_| {
            let hotel = house.hotel();
            tokio::spawn(async move {
                let batch: Vec<Booking> = (0..400).map(booking).collect();
                hotel.upsert_bookings(&batch, None, noon()).await.expect("written")
            })
        })
        .collect();
    let mut sum = Upserted::default();
    for task in tasks {
        sum += task.await.expect("no panic");
    }
    assert_eq!(sum, upserted(400, 0, 2_000));
    assert_eq!(house.hotel().bookings_fingerprint().await.expect("a read").rows, 400);
}
