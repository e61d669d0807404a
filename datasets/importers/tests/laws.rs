//! What holds of every file.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

mod given;

use chrono::{Days, NaiveDate};
use given::{import, try_import};
use innkeeper_hotel::{
    Booking, BookingStatus, CompetitorPrice, Deposit, Event, Guest, Party, Rate, Room, Stay,
};
use innkeeper_importers::{BookingWriter, Settings};
use proptest::prelude::*;
use rust_decimal::Decimal;

fn word() -> impl Strategy<Value = String> {
    "[A-Za-zé東;,\"'/ 0-9]{0,20}[A-Za-z東]"
        .prop_map(|text| text.trim().to_owned())
        .prop_filter("a word for nothing", |text| text != "NULL")
}

fn name<T: std::str::FromStr<Err: std::fmt::Debug> + std::fmt::Debug>() -> impl Strategy<Value = T> {
    word().prop_map(|text| text.parse().expect("a name"))
}

fn status() -> impl Strategy<Value = (BookingStatus, Option<u64>)> {
    prop_oneof![
        Just((BookingStatus::Confirmed, None)),
        (0u64..900).prop_map(|after| (BookingStatus::Cancelled, Some(after))),
        (0u64..900).prop_map(|after| (BookingStatus::NoShow, Some(after))),
        proptest::option::of(0u64..900).prop_map(|after| (BookingStatus::Completed, after)),
    ]
}

fn texts() -> impl Strategy<Value = Vec<Option<String>>> {
    proptest::collection::vec(proptest::option::of(word()), 8)
}

fn counts() -> impl Strategy<Value = Vec<Option<u32>>> {
    proptest::collection::vec(proptest::option::of(any::<u32>()), 6)
}

fn booking() -> impl Strategy<Value = Booking> {
    let days = (-10_000i64..50_000, 0u64..3_653, 0u16..=366, status());
    let names = (
        name(),
        name(),
        proptest::option::of(name()),
        proptest::option::of(name()),
        proptest::option::of("[A-Z0-9][0-9.:_-]{0,20}"),
    );
    let money = (
        proptest::option::of((0i64..=1_000_000_000_000, 0u32..=3)),
        proptest::option::of(prop_oneof![Just("EUR"), Just("VND")]),
    );
    let rest = (
        any::<[u16; 3]>(),
        texts(),
        counts(),
        proptest::option::of(0usize..3),
        proptest::option::of(any::<bool>()),
    );
    (days, names, money, rest).prop_map(
        |(
            (arrival, lead, nights, (status, after)),
            (id, room_type, assigned, guest, room),
            (rate, currency),
            (party, mut texts, mut counts, deposit, repeated),
        )| {
            let arrival = NaiveDate::default() + chrono::Duration::days(arrival);
            let booked_on = arrival - Days::new(lead);
            let mut text = || texts.pop().flatten();
            let mut count = || counts.pop().flatten();
            Booking {
                status,
                status_on: after.map(|after| booked_on + Days::new(after)),
                party: Party { adults: party[0], children: party[1], babies: party[2] },
                rate: rate
                    .map(|(amount, scale)| Decimal::new(amount, scale).min(Decimal::from(1_000_000_000))),
                currency: currency.map(|code| code.parse().expect("a currency")),
                guest,
                room_number: room.map(|room| room.parse().expect("a room")),
                assigned_room_type: assigned,
                segment: text(),
                channel: text(),
                customer_type: text(),
                agent: text(),
                company: text(),
                country: text(),
                meal: text(),
                payment_method: text(),
                deposit: deposit
                    .map(|index| [Deposit::None, Deposit::Refundable, Deposit::NonRefundable][index]),
                repeated_guest: repeated,
                previous_cancellations: count(),
                previous_stays: count(),
                changes: count(),
                waiting_days: count(),
                parking_spaces: count(),
                special_requests: count(),
                ..Booking::confirmed(id, booked_on, Stay { arrival, nights }, room_type)
            }
        },
    )
}

/// Reads bytes as every table; what comes of it does not matter, only that something does.
fn read_as_everything(bytes: &[u8], mapping: &str) {
    let settings = Settings { time_zone: Some(chrono_tz::Tz::Pacific__Apia), currency: None };
    let _ = try_import::<Booking>(bytes, mapping, &settings);
    let _ = try_import::<Rate>(bytes, "", &settings);
    let _ = try_import::<CompetitorPrice>(bytes, "", &settings);
    let _ = try_import::<Event>(bytes, "", &settings);
    let _ = try_import::<Guest>(bytes, "", &settings);
    let _ = try_import::<Room>(bytes, "", &settings);
}

/// A value as it might stand in any column.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:?[0-9]{2})?)?",
        "-?[0-9]{0,30}[.,]?[0-9]{0,30}(e-?[0-9]{1,9})?",
        prop_oneof![Just("confirmed"), Just("Canceled"), Just("July"), Just("EUR"), Just("1"), Just("2016")]
            .prop_map(str::to_owned),
        "\\PC{0,12}",
        any::<String>(),
    ]
}

const COLUMNS: &str = "id,hotel,booked_on,lead_time,arrival,departure,nights,room_type,status,status_on,is_canceled,adults,rate,total_amount,currency,night,set_on,seen_on,competitor,price,name,from,until,known_on,number,floor";
const DEMAND: &str = "is_canceled,lead_time,arrival_date_year,arrival_date_month,arrival_date_day_of_month,stays_in_weekend_nights,stays_in_week_nights,reserved_room_type,reservation_status,reservation_status_date,adr";

proptest! {
    #[test]
    fn bookings_that_were_written_are_read_as_they_were(
        bookings in proptest::collection::vec((proptest::option::of(word()), booking()), 1..12)
    ) {
        let mut file = Vec::new();
        let mut writer = BookingWriter::new(&mut file).expect("a header");
        let mut bookings = bookings;
        // An id belongs to one booking.
        for (number, (_, booking)) in bookings.iter_mut().enumerate() {
            booking.id = format!("{}-{number}", booking.id.as_str().chars().take(10).collect::<String>()).parse().expect("an id");
        }
        for (hotel, booking) in &bookings {
            writer.write(hotel.as_deref(), booking).expect("written");
        }
        writer.finish().expect("written");
        let read = import::<Booking>(&file);
        prop_assert!(read.report.rejections.is_empty(), "{:?}", read.report.rejections);
        let hotels: Vec<_> = read.hotels.iter().map(|hotel| hotel.as_deref().map(str::to_owned)).collect();
        prop_assert_eq!(hotels, bookings.iter().map(|(hotel, _)| hotel.clone()).collect::<Vec<_>>());
        prop_assert_eq!(read.rows, bookings.into_iter().map(|(_, booking)| booking).collect::<Vec<_>>());
    }

    #[test]
    fn no_bytes_make_a_reader_fall_over(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        read_as_everything(&bytes, "");
        read_as_everything(&[b"PAR1".as_slice(), &bytes, b"PAR1"].concat(), "");
        read_as_everything(&[b"\x1f\x8b\x08\x00".as_slice(), &bytes].concat(), "");
        read_as_everything(&[COLUMNS.as_bytes(), b"\n", &bytes].concat(), "");
    }

    #[test]
    fn no_values_make_a_reader_fall_over(rows in proptest::collection::vec(proptest::collection::vec(value(), 26), 1..6)) {
        for (header, mapping) in [(COLUMNS, ""), (COLUMNS, "date_order = \"day-first\""), (DEMAND, "missing_status_day = \"reject\"")] {
            let width = header.split(',').count();
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(header.split(',')).expect("written");
            for row in &rows {
                writer.write_record(&row[..width]).expect("written");
            }
            read_as_everything(&writer.into_inner().expect("written"), mapping);
        }
    }
}
