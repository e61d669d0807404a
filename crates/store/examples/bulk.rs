//! How fast bookings go in and come out. Prints seconds and rows a second of a first import, the same file again, a
//! stream of every booking, a stream in order, and one window of arrivals.
//!
//! `cargo run --release -p innkeeper-store --example bulk -- [ROWS] [numbered|hashed] [URL of PostgreSQL]`
//!
//! `numbered` ids grow with the rows, as those of a booking system do; `hashed` ones are in no order, as those of rows
//! without a number of their own.
#![allow(clippy::expect_used, missing_docs)]

use std::io::Write as _;
use std::time::Instant;

use chrono::{Days, NaiveDate, Utc};
use innkeeper_hotel::{Booking, BookingStatus, Stay};
use innkeeper_sealing::KeyRing;
use innkeeper_store::{
    BookingFilter, BookingOrder, HotelStore, MAX_BATCH, NewImport, PostgresSettings, Store, StoreError,
    Upserted,
};
use rust_decimal::Decimal;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// A booking such as a booking system exports, with nearly every field.
fn booking(n: u64, hashed: bool) -> Booking {
    let id = if hashed { hex::encode(&Sha256::digest(n.to_le_bytes())[..16]) } else { format!("BOOK{n:07}") };
    let first: NaiveDate = NaiveDate::from_ymd_opt(2015, 7, 1).expect("a day");
    let arrival = first.checked_add_days(Days::new(n / 250)).expect("a day");
    let lead = n * 7919 % 300;
    let nights = (n % 7 + 1) as u16;
    let text = |choices: &[&str]| Some(choices[(n % choices.len() as u64) as usize].to_owned());
    let stay = Stay { arrival, nights };
    Booking {
        status: if n.is_multiple_of(3) { BookingStatus::Cancelled } else { BookingStatus::Completed },
        status_on: Some(if n.is_multiple_of(3) { arrival } else { stay.departure() }),
        rate: Some(Decimal::new(4_000 + (n * 37 % 20_000) as i64, 2)),
        currency: Some("EUR".parse().expect("a currency")),
        guest: n.is_multiple_of(4).then(|| format!("GUEST{:06}", n * 31 % 400_000).parse().expect("a guest")),
        assigned_room_type: Some("A".parse().expect("a type")),
        segment: text(&["Online TA", "Offline TA/TO", "Direct", "Groups"]),
        channel: text(&["TA/TO", "Direct", "Corporate"]),
        customer_type: text(&["Transient", "Transient-Party"]),
        agent: text(&["9", "240", "14"]),
        country: text(&["PRT", "GBR", "FRA", "ESP", "DEU"]),
        meal: text(&["BB", "HB", "SC"]),
        repeated_guest: Some(n.is_multiple_of(30)),
        previous_cancellations: Some(0),
        previous_stays: Some(0),
        changes: Some((n % 3) as u32),
        waiting_days: Some(0),
        parking_spaces: Some(0),
        special_requests: Some((n % 4) as u32),
        ..Booking::confirmed(
            id.parse().expect("an id"),
            arrival.checked_sub_days(Days::new(lead)).expect("a day"),
            stay,
            ["A", "D", "E", "standard"][(n % 4) as usize].parse().expect("a type"),
        )
    }
}

fn say(what: &str, rows: u64, since: Instant) {
    let seconds = since.elapsed().as_secs_f64();
    writeln!(
        std::io::stdout(),
        "{what:<28} {rows:>9} rows {seconds:>8.2} s {:>10.0} rows/s",
        rows as f64 / seconds
    )
    .expect("a reader");
}

async fn import(hotel: &HotelStore, rows: u64, hashed: bool) -> Result<(Upserted, f64), StoreError> {
    let id = Uuid::now_v7();
    hotel
        .begin_import(&NewImport {
            id,
            kind: "bookings".to_owned(),
            file_name: None,
            file_sha256: None,
            started_by: "bulk".to_owned(),
            started_at: Utc::now(),
        })
        .await?;
    let (mut done, mut making) = (Upserted::default(), 0.0);
    for first in (0..rows).step_by(MAX_BATCH) {
        let begun = Instant::now();
        let batch: Vec<Booking> =
            (first..rows.min(first + MAX_BATCH as u64)).map(|n| booking(n, hashed)).collect();
        making += begun.elapsed().as_secs_f64();
        done += hotel.upsert_bookings(&batch, Some(id), Utc::now()).await?;
    }
    hotel.finish_import(id, rows, 0, Utc::now()).await?;
    Ok((done, making))
}

async fn run(store: &Store, rows: u64, hashed: bool) -> Result<(), StoreError> {
    let hotel = store.hotel(&"default".parse().expect("a hotel"));
    for what in ["first import", "the same again"] {
        let begun = Instant::now();
        let (done, making) = import(&hotel, rows, hashed).await?;
        say(what, rows, begun);
        writeln!(std::io::stdout(), "  {making:.2} s of it making the rows; {done:?}").expect("a reader");
    }
    let whole = BookingFilter::default();
    let ordered = BookingFilter { order: BookingOrder::BookedOn, ..whole.clone() };
    let from = NaiveDate::from_ymd_opt(2016, 1, 1).expect("a day");
    let window = from..from.checked_add_days(Days::new(90)).expect("a day");
    let window = BookingFilter { arrival: Some(window), ..whole.clone() };
    for (what, filter) in
        [("every booking", whole), ("by day of booking", ordered), ("90 days of arrivals", window)]
    {
        let begun = Instant::now();
        let mut nights = 0_u64;
        let read = hotel
            .for_each_booking(&filter, |booking| {
                nights += u64::from(booking.stay.nights);
                Ok::<_, StoreError>(())
            })
            .await?;
        say(what, read, begun);
    }
    let begun = Instant::now();
    let print = hotel.bookings_fingerprint().await?;
    say("fingerprint", print.rows, begun);
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StoreError> {
    let mut arguments = std::env::args().skip(1);
    let rows = arguments.next().map_or(1_000_000, |rows| rows.parse().expect("a number of rows"));
    let hashed = arguments.next().is_some_and(|ids| ids == "hashed");
    let keys = KeyRing::ephemeral().expect("a key");
    let folder = tempfile::tempdir().expect("a folder");
    let store = match arguments.next() {
        Some(url) => Store::connect(&url, &PostgresSettings::default(), keys).await?,
        None => Store::open(&folder.path().join("innkeeper.db"), keys).await?,
    };
    run(&store, rows, hashed).await?;
    store.close().await;
    let size = std::fs::metadata(folder.path().join("innkeeper.db")).map_or(0, |file| file.len());
    if size > 0 {
        writeln!(std::io::stdout(), "file: {} MB", size / 1_000_000).expect("a reader");
    }
    Ok(())
}
