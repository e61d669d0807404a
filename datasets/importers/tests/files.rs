//! Files of every kind, and the limits they are held to.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

mod given;

use std::io::Write as _;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Float64Array, ListBuilder, RecordBatch, StringArray, StringBuilder,
    TimestampMillisecondArray,
};
use given::{file, import, try_import};
use innkeeper_hotel::{Booking, CompetitorPrice};
use innkeeper_importers::{ImportError, Mapping, Settings, Source, SourceError};
use parquet::arrow::ArrowWriter;

const HEADER: &str = "id,booked_on,arrival,nights,room_type,status,rate";
const ROW: &str = "1,2024-01-10,2024-02-28,2,\"deluxe, sea\",confirmed,75.50";

fn error(bytes: impl AsRef<[u8]>) -> ImportError {
    try_import::<Booking>(bytes, "", &Settings::default()).expect_err("refused")
}

#[test]
fn a_file_is_read_the_same_however_it_was_saved() {
    let plain = format!("{HEADER}\n{ROW}\n");
    let expected = import::<Booking>(&plain).rows;
    assert_eq!((expected.len(), expected[0].room_type.as_str()), (1, "deluxe, sea"));

    let quoted = |mark: &str| {
        let row = ROW.replace("deluxe, sea", "DELUXE").replace(',', mark).replace("DELUXE", "deluxe, sea");
        format!("{}\r\n\r\n{row}", HEADER.replace(',', mark))
    };
    let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    zipped.write_all(plain.as_bytes()).expect("zipped");
    let with_mark = [b"\xef\xbb\xbf".as_slice(), plain.as_bytes()].concat();
    let shouted = plain.replace("booked_on", "\" Booked On \"").replace("room_type", "Room-Type");
    let files: [Vec<u8>; 6] = [
        quoted(";").into(),
        quoted("\t").into(),
        quoted("|").into(),
        zipped.finish().expect("zipped"),
        with_mark,
        shouted.into(),
    ];
    for bytes in files {
        assert_eq!(import::<Booking>(&bytes).rows, expected, "{}", String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn lines_are_counted_as_an_editor_counts_them() {
    let text = format!(
        "{HEADER}\n\n1,2024-01-10,2024-02-28,2,\"two\nlines\",confirmed,1\n2,never,2024-02-28,2,a,confirmed,1\n"
    );
    for text in [text.clone(), text.trim_end().to_owned(), text.replace('\n', "\r\n")] {
        let read = import::<Booking>(text);
        assert_eq!(read.report.rejections.iter().map(|row| row.line).collect::<Vec<_>>(), [3, 5]);
    }
}

#[test]
fn a_parquet_file_gives_the_bookings_of_its_csv() {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(StringArray::from(vec!["1", "2"]))),
        // 2024-01-09T17:30:00Z is 2024-01-10 in Ho Chi Minh City.
        (
            "booked_on",
            Arc::new(
                TimestampMillisecondArray::from(vec![1_704_821_400_000, 1_704_821_400_000])
                    .with_timezone("UTC"),
            ),
        ),
        ("arrival", Arc::new(Date32Array::from(vec![19_781, 19_782]))),
        ("nights", Arc::new(Float64Array::from(vec![2.0, 1.0]))),
        ("room_type", Arc::new(StringArray::from(vec!["deluxe", "suite"]))),
        ("status", Arc::new(StringArray::from(vec!["confirmed", "confirmed"]))),
        ("rate", Arc::new(Float64Array::from(vec![Some(75.5), None]))),
        ("guests", {
            let mut names = ListBuilder::new(StringBuilder::new());
            names.append_value([Some("a")]);
            names.append_null();
            Arc::new(names.finish())
        }),
    ];
    let batch = RecordBatch::try_from_iter(columns).expect("a batch");
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("written");
    let bytes = writer.into_inner().expect("closed");

    let settings = Settings { time_zone: Some(chrono_tz::Tz::Asia__Ho_Chi_Minh), currency: None };
    let read = try_import::<Booking>(&bytes, "", &settings).expect("read");
    let csv = format!(
        "{HEADER}\n1,2024-01-10,2024-02-28,2,deluxe,confirmed,75.5\n2,2024-01-10,2024-02-29,1,suite,confirmed,\n"
    );
    assert_eq!(read.rows, import::<Booking>(csv).rows);
    assert!(read.notes("not read: guests"), "{:?}", read.report.notes);

    // Cut short, it is an error and no half of a file.
    assert!(matches!(error(&bytes[..bytes.len() / 2]), ImportError::Source(SourceError::Parquet { .. })));
    assert!(matches!(error(b"PAR1"), ImportError::Source(SourceError::Parquet { .. })));
}

#[test]
fn what_is_no_table_is_refused_with_its_line() {
    let long = format!("{HEADER}\n{ROW}\n2,{}", "x".repeat(3 << 20));
    assert!(matches!(error(long), ImportError::Source(SourceError::LineTooLong { line: 3 })));
    let open_quote = format!("{HEADER}\n{ROW}\n\"{}", format!("{}\n", ROW.replace('"', "")).repeat(40_000));
    assert!(matches!(error(open_quote), ImportError::Source(SourceError::LineTooLong { line: 3 })));
    let wide = format!("{HEADER}\n{}", ",".repeat(1_000));
    assert!(matches!(
        error(wide),
        ImportError::Source(SourceError::TooManyColumns { line: 2, columns: 1_001 })
    ));
    let nul = format!("{HEADER}\n{ROW}\n2,2024-01-10,2024-02-28,2,a\0b,confirmed,1");
    assert!(matches!(error(nul), ImportError::Source(SourceError::Nul { line: 3 })));
    assert!(matches!(error(""), ImportError::Source(SourceError::Empty(_))));
    assert!(matches!(error("\u{feff}"), ImportError::Source(SourceError::Empty(_))));
    assert!(matches!(error(b"\xff\xfei\0d\0"), ImportError::Source(SourceError::Encoding { .. })));
    assert!(matches!(error(b"id,\xe9t\xe9\n1,2"), ImportError::Source(SourceError::Encoding { .. })));
    assert!(matches!(error(b"\x1f\x8b\x08 not gzip"), ImportError::Source(SourceError::Io { .. })));
    let (folder, _) = file("");
    assert!(matches!(Source::open(folder.path()), Err(SourceError::NotAFile(_))));
    assert!(matches!(Source::open(folder.path().join("none")), Err(SourceError::Io { .. })));
}

#[test]
fn rows_before_a_broken_line_are_given_and_nothing_after_it() {
    let text = format!("{HEADER}\n{ROW}\n2,\0\n3,2024-01-10,2024-02-28,2,a,confirmed,1\n");
    let (_folder, path) = file(text);
    let source = Source::open(path).expect("opened");
    let rows =
        innkeeper_importers::bookings(source, &Mapping::default(), &Settings::default()).expect("columns");
    let read: Vec<bool> = rows.map(|row| row.is_ok()).collect();
    assert_eq!(read, [true, false]);
}

#[test]
fn a_list_of_objects_is_a_file_with_a_column_for_each_member() {
    let mapping = "[columns]\nnight = \"stay.date\"\ncompetitor = \"hotel\"\nprice = \"rate.amount\"\ncurrency = \"rate.currency\"\nseen_on = \"read\"\n";
    let feed = r#"{"source": "shop", "data": {"prices": [
        {"hotel": "Opera", "stay": {"date": "2025-02-01"}, "rate": {"amount": 2300000, "currency": "VND"}, "read": "2025-01-20", "tags": ["a"]},
        {"hotel": "Lake", "stay": {"date": "2025-02-01"}, "rate": {"amount": null, "currency": "VND"}, "read": "2025-01-20"},
        {"hotel": "Old Town", "stay": {"date": "2025-02-02"}, "rate": {"amount": 1999.5, "currency": "EUR"}, "read": "2025-01-20"}
    ]}}"#;
    let read = try_import::<CompetitorPrice>(feed, mapping, &Settings::default()).expect("read");
    let prices: Vec<String> = read
        .rows
        .iter()
        .map(|row| format!("{} {} {}", row.competitor, row.night, row.price.amount))
        .collect();
    assert_eq!(prices, ["Opera 2025-02-01 2300000", "Old Town 2025-02-02 1999.5"]);
    assert_eq!(read.report.rejections.iter().map(|row| row.line).collect::<Vec<_>>(), [3]);
}

#[test]
fn json_that_is_no_list_of_objects_is_refused() {
    for (text, says) in [
        ("{}", "no list"),
        ("[1, 2]", "item 1 of the list"),
        ("[{\"a\": 1}, 2]", "item 2"),
        ("[{\"a\": 1}", "EOF"),
        ("{\"a\": [{\"b\": 1}], \"c\": [{\"d\": 1}]}", "a, c"),
        ("[]", "empty"),
        ("{\"error\": \"no such key\"}", "no list"),
    ] {
        let told = error(text).to_string();
        assert!(told.contains(says), "{text}: {told}");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(error(deep).to_string().contains("recursion"));
}
