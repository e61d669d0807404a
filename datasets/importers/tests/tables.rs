//! Rows as prices, events, guests and rooms, and the report of an import.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

mod given;

use given::{import, mapped, try_import};
use innkeeper_hotel::{CompetitorPrice, Event, Guest, Rate, Room};
use innkeeper_importers::RejectCode as C;
use innkeeper_importers::{ImportError, ImportReport, RejectCode, Rejection, Settings};

#[test]
fn a_price_needs_a_currency_that_can_pay_it() {
    let text = "night,room_type,set_on,price,currency\n\
                2024-05-01,deluxe,2024-01-01,120.50,EUR\n\
                2024-05-01,deluxe,2024-01-02,120.505,EUR\n\
                2024-05-01,deluxe,2024-01-03,1500000.5,VND\n\
                2024-05-01,deluxe,2024-01-04,-1,EUR\n\
                2024-05-01,deluxe,2024-01-05,100,\n\
                2024-02-30,deluxe,2024-01-05,100,EUR\n";
    let read = import::<Rate>(text);
    assert_eq!((read.rows.len(), read.rows[0].price.amount.to_string().as_str()), (1, "120.50"));
    let codes = [(3, C::TooFine), (4, C::TooFine), (5, C::BadRate), (6, C::MissingValue), (7, C::BadDate)];
    assert_eq!(read.rejected(), codes);

    let settings = Settings { currency: Some("EUR".parse().expect("EUR")), ..Settings::default() };
    let helped = try_import::<Rate>(text, "", &settings).expect("read");
    assert_eq!(helped.report.accepted, 2, "the hotel's currency is taken where a row has none");
    let without = try_import::<Rate>("night,room_type,set_on,price\n", "", &Settings::default());
    assert!(matches!(without, Err(ImportError::Layout(error)) if error.to_string().contains("the currency")));
}

#[test]
fn a_competitor_s_price_is_seen_on_the_hotel_s_day() {
    let read = mapped::<CompetitorPrice>(
        "competitor,night,seen_on,price,currency,room_type\nGrand,2024-05-01,2024-01-01T20:00:00Z,99,EUR,\n,2024-05-01,2024-01-01,99,EUR,a\n",
        "time_zone = \"Asia/Ho_Chi_Minh\"",
    );
    assert_eq!(read.rows[0].seen_on.to_string(), "2024-01-02");
    assert_eq!(read.rows[0].room_type, None);
    assert_eq!(read.rejected(), [(3, RejectCode::MissingValue)]);
}

#[test]
fn an_event_without_a_last_day_lasts_one_and_one_that_ends_before_it_begins_none() {
    let read = import::<Event>(
        "Event,Start Date,End Date,Category,announced_on\n\
         Fair,2024-05-01,2024-05-04,fair,2024-01-01\n\
         Tet,2024-02-10,,holiday,\n\
         Odd,2024-05-04,2024-05-01,fair,\n\
         Endless,2024-01-01,2025-06-01,fair,\n",
    );
    assert_eq!(
        (read.rows[0].until.to_string(), read.rows[0].kind.as_str()),
        ("2024-05-04".to_owned(), "fair")
    );
    assert_eq!((read.rows[1].until, read.rows[1].known_on), (read.rows[1].from, None));
    assert_eq!(read.rejected(), [(4, RejectCode::EndsBeforeItBegins), (5, RejectCode::OutOfRange)]);
    assert!(read.notes("last one day"));
}

#[test]
fn nothing_of_a_guest_is_in_a_report() {
    let read = import::<Guest>(
        "guest_id,name,email,phone,segment,country\n\
         G1,Jane Roe,jane@example.com,555 0100,leisure,NA\n\
         G1,Mary Roe,mary@example.com,555 0101,leisure,PT\n\
         G2,Bad\u{1}Name,bad@example.com,555 0102,leisure,PT\n\
         ,Nobody,no@example.com,555 0103,leisure,PT\n",
    );
    assert_eq!((read.rows.len(), read.rows[0].country.as_deref()), (1, Some("NA")), "Namibia is a country");
    assert_eq!(read.rejected(), [(3, C::DuplicateId), (4, C::ControlCharacter), (5, C::MissingValue)]);
    let report = serde_json::to_string(&read.report).expect("JSON");
    for secret in ["Roe", "Name", "example", "555", "Nobody"] {
        assert!(!report.contains(secret), "{report}");
    }
}

#[test]
fn a_room_keeps_its_number_and_floor() {
    let read =
        import::<Room>("number,type,floor\n101,standard,1\n-1,standard,0\nB2,suite,-2\n201,suite,second\n");
    assert_eq!((read.rows[0].number.as_str(), read.rows[1].floor), ("101", Some(-2)));
    assert_eq!(read.rejected(), [(3, RejectCode::BadId), (5, RejectCode::BadNumber)]);
}

#[test]
fn a_report_counts_every_rejection_and_keeps_the_first() {
    let mut report = ImportReport::keeping(2);
    for line in 2..7 {
        let code = if line % 2 == 0 { RejectCode::BadDate } else { RejectCode::BadRate };
        report.reject(Rejection { line, code, reason: "=1+1, \"quoted\"".to_owned(), values: Vec::new() });
    }
    assert_eq!((report.rejected, report.rejections.len()), (5, 2));
    let json = serde_json::to_value(&report).expect("JSON");
    assert_eq!(json["by_code"], serde_json::json!({"bad_date": 3, "bad_rate": 2}));
    let mut csv = Vec::new();
    report.write_csv(&mut csv).expect("written");
    let text = String::from_utf8(csv).expect("text");
    assert_eq!(
        text.lines().nth(1),
        Some("2,bad_date,\"'=1+1, \"\"quoted\"\"\""),
        "no formula for a spreadsheet"
    );
}

#[test]
fn the_word_of_each_code_is_its_word_in_json() {
    for code in RejectCode::ALL {
        assert_eq!(serde_json::to_value(code).expect("JSON"), code.word());
    }
}
