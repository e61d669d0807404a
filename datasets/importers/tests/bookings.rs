//! Rows as bookings: presets, dates, what is rejected and what is assumed.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

mod given;

use chrono::NaiveDate;
use given::{import, mapped, try_import};
use innkeeper_core::RoomNumber;
use innkeeper_hotel::{Booking, BookingStatus, Currency, Deposit, GuestId, RoomTypeName};
use innkeeper_importers::{ImportError, LayoutError, Mapping, MappingError, RejectCode, Settings};

const DEMAND: &str = "hotel,is_canceled,lead_time,arrival_date_year,arrival_date_month,arrival_date_week_number,arrival_date_day_of_month,stays_in_weekend_nights,stays_in_week_nights,adults,children,babies,meal,country,market_segment,distribution_channel,is_repeated_guest,previous_cancellations,previous_bookings_not_canceled,reserved_room_type,assigned_room_type,booking_changes,deposit_type,agent,company,days_in_waiting_list,customer_type,adr,required_car_parking_spaces,total_of_special_requests,reservation_status,reservation_status_date";
const INN: &str = "Booking_ID,no_of_adults,no_of_children,no_of_weekend_nights,no_of_week_nights,type_of_meal_plan,required_car_parking_space,room_type_reserved,lead_time,arrival_year,arrival_month,arrival_date,market_segment_type,repeated_guest,no_of_previous_cancellations,no_of_previous_bookings_not_canceled,avg_price_per_room,no_of_special_requests,booking_status";
const PLAIN: &str = "id,hotel,booked_on,arrival,departure,nights,room_type,status,status_on,rate,currency";

fn day(text: &str) -> NaiveDate {
    text.parse().expect(text)
}

/// A rate as written.
fn written(rate: rust_decimal::Decimal) -> String {
    rate.to_string()
}

/// A row of our own columns, which holds, with some values changed.
fn plain(changes: &[(&str, &str)]) -> String {
    let values = PLAIN.split(',').map(|column| {
        changes.iter().find(|(name, _)| *name == column).map_or(
            match column {
                "id" => "B1",
                "hotel" => "Sea View",
                "booked_on" => "2024-01-10",
                "arrival" => "2024-02-28",
                "departure" => "2024-03-01",
                "nights" => "2",
                "room_type" => "deluxe",
                "status" => "confirmed",
                "rate" => "75.50",
                "currency" => "EUR",
                _ => "",
            },
            |(_, value)| *value,
        )
    });
    format!("{PLAIN}\n{}\n", values.map(|value| format!("\"{value}\"")).collect::<Vec<_>>().join(","))
}

#[test]
fn every_column_of_the_public_file_arrives_in_its_field() {
    let read = import::<Booking>(format!(
        "{DEMAND}\nCity Hotel,1,30,2016,February,9,28,1,2,2,NA,1,HB,PRT,Online TA,TA/TO,1,3,4,A,C,5,Non Refund,9,NULL,6,Transient,62.5,7,8,Canceled,2016-02-01\n"
    ));
    let booking = &read.rows[0];
    assert_eq!(read.hotels[0].as_deref(), Some("City Hotel"));
    assert_eq!((booking.booked_on, booking.stay.arrival), (day("2016-01-29"), day("2016-02-28")));
    assert_eq!((booking.stay.nights, booking.stay.departure()), (3, day("2016-03-02")));
    assert_eq!((booking.status, booking.status_on), (BookingStatus::Cancelled, Some(day("2016-02-01"))));
    assert_eq!((booking.party.adults, booking.party.children, booking.party.babies), (2, 0, 1));
    assert_eq!(booking.rate.map(written).as_deref(), Some("62.5"));
    assert_eq!(
        (booking.room_type.as_str(), booking.assigned_room_type.as_ref().map(RoomTypeName::as_str)),
        ("A", Some("C"))
    );
    let texts = [
        &booking.meal,
        &booking.country,
        &booking.segment,
        &booking.channel,
        &booking.customer_type,
        &booking.agent,
    ];
    let texts: Vec<_> = texts.into_iter().map(|text| text.as_deref().unwrap_or_default()).collect();
    assert_eq!(texts, ["HB", "PRT", "Online TA", "TA/TO", "Transient", "9"]);
    assert_eq!((&booking.company, &booking.currency, &booking.guest), (&None, &None, &None));
    assert_eq!((booking.deposit, booking.repeated_guest), (Some(Deposit::NonRefundable), Some(true)));
    assert_eq!((booking.previous_cancellations, booking.previous_stays), (Some(3), Some(4)));
    let counts = (booking.changes, booking.waiting_days, booking.parking_spaces, booking.special_requests);
    assert_eq!(counts, (Some(5), Some(6), Some(7), Some(8)));
    assert!(
        read.notes("arrival_date_week_number") && read.notes("numbers of people"),
        "{:?}",
        read.report.notes
    );
}

#[test]
fn a_status_that_its_flag_denies_is_no_booking() {
    let row = |flag: &str, status: &str| {
        format!(
            "{DEMAND}\nH,{flag},3,2016,July,1,1,1,2,2,0,0,BB,PRT,O,T,0,0,0,A,A,0,No Deposit,9,NULL,0,T,6,0,0,{status},2016-07-01\n"
        )
    };
    assert_eq!(import::<Booking>(row("1", "Check-Out")).code(), RejectCode::StatusDisagrees);
    assert_eq!(import::<Booking>(row("0", "Canceled")).code(), RejectCode::StatusDisagrees);
    assert_eq!(import::<Booking>(row("1", "No-Show")).rows[0].status, BookingStatus::NoShow);
    assert_eq!(import::<Booking>(row("maybe", "Canceled")).code(), RejectCode::UnknownWord);
}

#[test]
fn a_guest_who_left_early_or_late_is_not_rejected() {
    for on in ["2016-07-02", "2016-07-09"] {
        let read = import::<Booking>(format!(
            "{DEMAND}\nH,0,3,2016,July,1,1,1,2,2,0,0,BB,PRT,O,T,0,0,0,A,A,0,No Deposit,9,NULL,0,T,6,0,0,Check-Out,{on}\n"
        ));
        assert_eq!((read.rows[0].status_on, read.rows[0].stay.nights), (Some(day(on)), 3));
    }
}

#[test]
fn a_cancellation_without_its_day_is_known_on_arrival_and_no_earlier() {
    let text = format!(
        "{INN}\nINN1,2,0,1,2,Meal Plan 1,0,Room_Type 1,10,2018,2,28,Online,0,0,0,60,0,Canceled\nINN2,2,0,1,2,Meal Plan 1,0,Room_Type 1,10,2018,2,28,Online,0,0,0,60,0,Not_Canceled\nINN3,2,0,1,2,Meal Plan 1,0,Room_Type 1,10,2018,2,29,Online,0,0,0,60,0,Not_Canceled\n"
    );
    let read = import::<Booking>(&text);
    assert_eq!(
        (read.rows[0].status, read.rows[0].status_on),
        (BookingStatus::Cancelled, Some(day("2018-02-28")))
    );
    assert_eq!(
        (read.rows[1].status, read.rows[1].status_on),
        (BookingStatus::Confirmed, None),
        "nobody said they came"
    );
    assert_eq!(read.rejected(), [(4, RejectCode::BadDate)]);
    assert!(read.report.rejections[0].reason.contains("month 2 of 2018 has no day 29"));
    assert!(read.notes("1 cancelled bookings and no-shows do not say") && read.notes("Not_Canceled"));
    let strict = mapped::<Booking>(&text, "missing_status_day = \"reject\"");
    assert_eq!(strict.rejected()[0], (2, RejectCode::StatusWithoutDay));
    // A file that has the column and leaves it empty is not helped unasked.
    let empty = plain(&[("status", "cancelled")]);
    assert_eq!(import::<Booking>(&empty).code(), RejectCode::StatusWithoutDay);
    assert_eq!(
        mapped::<Booking>(&empty, "missing_status_day = \"arrival\"").rows[0].status_on,
        Some(day("2024-02-28"))
    );
}

#[test]
fn the_names_of_the_api_are_understood() {
    let read = import::<Booking>(
        "id,guest_id,room_number,check_in_date,check_out_date,status,total_amount,created_at,room_type\n\
         1,G1,201,2024-02-28,2024-03-01,completed,151,2024-01-10T08:00:00,deluxe\n\
         2,G1,201,2024-02-28,2024-02-28,confirmed,40,2024-01-10T08:00:00,deluxe\n",
    );
    let booking = &read.rows[0];
    assert_eq!((booking.booked_on, booking.stay.nights), (day("2024-01-10"), 2));
    assert_eq!(booking.rate.map(written).as_deref(), Some("75.5"));
    assert_eq!(booking.guest.as_ref().map(GuestId::as_str), Some("G1"));
    assert_eq!(booking.room_number.as_ref().map(RoomNumber::as_str), Some("201"));
    assert_eq!((read.rows[1].stay.nights, read.rows[1].rate), (0, None), "a day room has no price a night");
    assert!(read.notes("divided by its nights") && read.notes("stays without nights"));
}

#[test]
fn each_flaw_of_a_row_has_its_code() {
    use RejectCode as C;
    let cases: &[(&[(&str, &str)], C)] = &[
        (&[("nights", "-1"), ("departure", "")], C::NegativeNights),
        (&[("nights", "400"), ("departure", "")], C::TooManyNights),
        (&[("nights", "99999999999999999999")], C::BadNumber),
        (&[("nights", "1.5")], C::BadNumber),
        (&[("nights", ""), ("departure", "")], C::MissingValue),
        (&[("nights", "3")], C::NightsDisagree),
        (&[("nights", ""), ("departure", "2024-02-27")], C::EndsBeforeItBegins),
        (&[("arrival", "")], C::MissingValue),
        (&[("arrival", "2023-02-29")], C::BadDate),
        (&[("arrival", "tomorrow")], C::BadDate),
        (&[("booked_on", "2024-02-29")], C::BookedAfterArrival),
        (&[("booked_on", "1990-01-01")], C::LeadTooLong),
        (&[("booked_on", "")], C::MissingValue),
        (&[("rate", "NaN")], C::BadNumber),
        (&[("rate", "inf")], C::BadNumber),
        (&[("rate", "1e999")], C::BadNumber),
        (&[("rate", "1,234")], C::BadNumber),
        (&[("rate", "-6.38")], C::BadRate),
        (&[("rate", "99999999999")], C::BadRate),
        (&[("currency", "ZZZ")], C::UnknownCurrency),
        (&[("status", "waitlisted")], C::UnknownWord),
        (&[("status", "")], C::MissingValue),
        (&[("status", "no_show")], C::StatusWithoutDay),
        (&[("status", "cancelled"), ("status_on", "2024-01-09")], C::StatusBeforeBooking),
        (&[("room_type", "")], C::MissingValue),
        (&[("room_type", "de\u{7}luxe")], C::ControlCharacter),
        (&[("hotel", "Sea\u{85}View")], C::ControlCharacter),
        (&[("id", "x123456789x123456789x123456789x123456789x123456789x123456789x1234")], C::BadId),
    ];
    for (changes, code) in cases {
        assert_eq!(import::<Booking>(plain(changes)).code(), *code, "{changes:?}");
    }
    assert_eq!(import::<Booking>(plain(&[])).report.accepted, 1);
    assert_eq!(import::<Booking>(format!("{}too,few\n", plain(&[]))).rejected(), [(3, C::WrongFieldCount)]);
    let latin = plain(&[("room_type", "X")])
        .into_bytes()
        .into_iter()
        .map(|byte| if byte == b'X' { 0xe9 } else { byte });
    assert_eq!(import::<Booking>(latin.collect::<Vec<u8>>()).code(), C::NotUtf8);
}

#[test]
fn a_rejection_shows_what_was_wrong_and_nobody_s_name() {
    let read = import::<Booking>(plain(&[("rate", "-6.38")]));
    assert_eq!(read.report.rejections[0].values, [("rate".to_owned(), "-6.38".to_owned())]);
    let read = import::<Booking>(plain(&[("arrival", "jane@example.com")]));
    let shown = format!("{:?}", read.report.rejections);
    assert!(!shown.contains("jane"), "{shown}");
}

#[test]
fn the_order_of_day_and_month_comes_from_the_file_or_not_at_all() {
    let file = |dates: &[(&str, &str)]| {
        let mut text = "id,booked_on,arrival,nights,room_type,status\n".to_owned();
        for (number, (booked, arrival)) in dates.iter().enumerate() {
            let row = format!("{number},{booked},{arrival},1,a,confirmed\n");
            text.push_str(&row);
        }
        text
    };
    let refused = |text: &str| try_import::<Booking>(text, "", &Settings::default()).expect_err("refused");

    let told = import::<Booking>(file(&[
        ("2024-01-01", "2024-01-02"),
        ("01/02/2024", "03/02/2024"),
        ("2024-01-01", "13/02/2024"),
    ]));
    assert_eq!((told.rows[1].booked_on, told.rows[1].stay.arrival), (day("2024-02-01"), day("2024-02-03")));
    assert!(told.notes("the day before the month"));
    let american = import::<Booking>(file(&[("01/02/2024", "03/02/2024"), ("01/02/2024", "01/31/2024")]));
    assert_eq!(american.rows[0].booked_on, day("2024-01-02"));

    let silent = file(&[("01/02/2024", "03/02/2024")]);
    let error = refused(&silent);
    assert!(matches!(&error, ImportError::AmbiguousDates { line: 2, .. }), "{error}");
    assert!(error.to_string().contains("date_order"));
    let asked = mapped::<Booking>(&silent, "date_order = \"month-first\"");
    assert_eq!(asked.rows[0].stay.arrival, day("2024-03-02"));

    let mixed = refused(&file(&[("01/02/2024", "13/02/2024"), ("01/02/2024", "02/28/2024")]));
    assert!(matches!(mixed, ImportError::MixedDates { day_first: 2, month_first: 3 }), "{mixed}");
}

#[test]
fn the_hotel_s_clock_decides_the_day_a_booking_was_made() {
    let text = plain(&[("booked_on", "2024-01-09T17:00:00Z")]);
    let read = |mapping: &str| mapped::<Booking>(&text, mapping);
    assert_eq!(read("time_zone = \"Asia/Ho_Chi_Minh\"").rows[0].booked_on, day("2024-01-10"));
    let unzoned = read("");
    assert_eq!(unzoned.rows[0].booked_on, day("2024-01-09"));
    assert!(unzoned.notes("no time zone is known"));
    let midnights = mapped::<Booking>(
        plain(&[("arrival", "2024-02-28T00:00:00Z"), ("departure", "2024-03-01T00:00:00Z")]),
        "time_zone = \"America/New_York\"",
    );
    assert_eq!(midnights.rows[0].stay.arrival, day("2024-02-27"));
    assert!(midnights.notes("time_zone = \"UTC\""), "{:?}", midnights.report.notes);
}

#[test]
fn equal_rows_without_an_id_stay_separate_bookings() {
    let text = "booked_on,arrival,nights,room_type,status\n".to_owned()
        + &"2024-01-01,2024-01-02,1,a,confirmed\n".repeat(3)
        + "2024-01-01,2024-01-02,1,a,never\n"
        + &"2024-01-01,2024-01-02,1,b,confirmed\n".repeat(2);
    let ids = |read: &given::Read<Booking>| read.rows.iter().map(|row| row.id.clone()).collect::<Vec<_>>();
    let first = import::<Booking>(&text);
    assert_eq!(ids(&first).iter().collect::<std::collections::BTreeSet<_>>().len(), 5);
    assert_eq!(ids(&first), ids(&import::<Booking>(&text)));
    assert!(first.notes("5 bookings have no id of their own"));
}

#[test]
fn an_id_that_is_taken_is_rejected_and_one_that_repeats_is_passed_over() {
    let text = plain(&[]);
    let row = text.lines().nth(1).expect("a row");
    let read = import::<Booking>(format!(
        "{text}{row}\n{}\n{}\n",
        row.replace("deluxe", "suite"),
        row.replace("Sea View", "Hill View")
    ));
    assert_eq!((read.report.accepted, read.report.repeated), (2, 1));
    assert_eq!(read.rejected(), [(4, RejectCode::DuplicateId)]);
}

#[test]
fn a_mapping_feeds_fields_from_a_hotel_s_own_columns() {
    let text = "Res No;Reserviert;Anreise;Nächte;Status;Preis;Notiz\n7;10.01.2024;28.02.2024;2;fix;75,50;NULL\n8;10.01.2024;28.02.2024;2;storno;-;x\n";
    let mapping = r#"
        decimal_mark = "comma"
        missing = ["-", ""]
        missing_status_day = "arrival"
        [columns]
        id = "Res No"
        booked_on = "Reserviert"
        arrival = "Anreise"
        nights = "Nächte"
        rate = "Preis"
        segment = "Notiz"
        [constants]
        room_type = "standard"
        currency = "EUR"
        [statuses]
        "Fix" = "confirmed"
        "STORNO" = "cancelled"
    "#;
    let read = mapped::<Booking>(text, mapping);
    assert_eq!(read.rows[0].rate.map(written).as_deref(), Some("75.50"));
    assert_eq!(read.rows[0].currency.map(Currency::code), Some("EUR"));
    assert_eq!(
        (read.rows[0].room_type.as_str(), read.rows[0].segment.as_deref()),
        ("standard", Some("NULL"))
    );
    assert_eq!((read.rows[1].status, read.rows[1].rate), (BookingStatus::Cancelled, None));
}

#[test]
fn columns_that_cannot_feed_a_table_are_refused_before_the_first_row() {
    let refused = |text: &str, mapping: &str| match try_import::<Booking>(text, mapping, &Settings::default())
    {
        Err(ImportError::Layout(error)) => error,
        other => panic!("{other:?}"),
    };
    let missing = refused("id,arrival,nights,room_type,status\n", "");
    assert!(
        missing.to_string().contains("the day of booking") && missing.to_string().contains("lead_time"),
        "{missing}"
    );
    let unknown = refused(&plain(&[]), "[columns]\nrate = \"Price\"");
    assert!(matches!(unknown, LayoutError::NoSuchColumn { field: "rate", .. }));
    let twice = refused("id,id,booked_on,arrival,nights,room_type,status\n", "");
    assert!(matches!(twice, LayoutError::TwoColumns { field: "id", .. }));
    let foreign = refused(&plain(&[]), "[constants]\nfloor = \"3\"");
    assert!(matches!(foreign, LayoutError::NotOfTheTable { field: "floor", .. }));
}

#[test]
fn a_mapping_file_with_a_slip_is_refused() {
    for text in [
        "[columns]\narival = \"x\"",
        "arrival = \"x\"",
        "time_zone = \"Mars/Olympus\"",
        "date_order = \"d/m\"",
        "[",
        "preset = \"opera\"",
    ] {
        let error = Mapping::from_toml(text).expect_err(text);
        assert!(matches!(error, MappingError::Toml(_) | MappingError::UnknownField(_)), "{error}");
    }
}
