use std::fs;
use std::time::{Duration, SystemTime};

use polars::prelude::*;
use proptest::prelude::*;
use proptest::test_runner::Config;

use super::{Hotel, after, any_hotel, booking, bytes, day};
use crate::{Cache, CacheLimits, Frame, FrameKey, FramesError, Tables};

proptest! {
    #![proptest_config(Config { cases: 16, ..Config::default() })]

    #[test]
    fn tables_from_parquet_are_the_tables_from_rows(hotel in any_hotel(), on in 0_u64..330) {
        let folder = tempfile::tempdir().expect("folder");
        let rows = hotel.tables();
        rows.write(folder.path()).expect("written");
        let read = Tables::read(folder.path()).expect("read");
        prop_assert_eq!(rows.fingerprint().expect("hash"), read.fingerprint().expect("hash"));
        for frame in Frame::ALL {
            let (one, two) =
                (frame.build(&rows.as_of(after(on))).expect("frame"), frame.build(&read.as_of(after(on))).expect("frame"));
            prop_assert_eq!(bytes(&one), bytes(&two), "{}", frame);
        }
    }
}

fn hotel() -> Hotel {
    Hotel::of(
        (1..9)
            .map(|night| {
                booking(&format!("B{night}"), "2024-01-01", &format!("2024-02-0{night}"), 2, "suite")
            })
            .collect(),
    )
}

fn write_bookings(folder: &std::path::Path, frame: &DataFrame) {
    fs::write(folder.join("bookings.parquet"), bytes(frame)).expect("written");
}

#[test]
fn a_folder_without_files_is_a_hotel_without_rows() {
    let folder = tempfile::tempdir().expect("folder");
    let tables = Tables::read(folder.path()).expect("tables");
    assert_eq!(tables.bookings().height(), 0);
    assert_eq!(tables.fingerprint().expect("hash"), Hotel::default().tables().fingerprint().expect("hash"));
}

#[test]
fn a_table_that_does_not_fit_is_refused_by_name() {
    let folder = tempfile::tempdir().expect("folder");
    let good = hotel().tables().bookings().clone();
    let refused = |frame: &DataFrame| {
        write_bookings(folder.path(), frame);
        Tables::read(folder.path()).expect_err("refused")
    };
    let without = good.drop("arrival").expect("dropped");
    assert!(matches!(refused(&without), FramesError::NoColumn { column: "arrival", .. }));
    let mut strange = good.clone();
    strange.with_column(Column::new("status".into(), ["maybe"; 8])).expect("column");
    assert!(matches!(refused(&strange), FramesError::Word { column: "status", .. }));
    let mut gaps = good.clone();
    gaps.with_column(Column::new("nights".into(), [Some(1_u32), None, None, None, None, None, None, None]))
        .expect("column");
    assert!(matches!(refused(&gaps), FramesError::Missing { column: "nights", rows: 7, .. }));
    let mut negative = good.clone();
    negative.with_column(Column::new("nights".into(), [-1_i64; 8])).expect("column");
    assert!(matches!(refused(&negative), FramesError::WrongType { column: "nights", .. }));
    fs::write(folder.path().join("bookings.parquet"), b"PAR1 no table PAR1").expect("written");
    assert!(matches!(Tables::read(folder.path()), Err(FramesError::Parquet { .. })));
}

#[test]
fn columns_of_another_width_or_of_other_names_do_not_hinder_reading() {
    let folder = tempfile::tempdir().expect("folder");
    let tables = hotel().tables();
    let mut wide = tables.bookings().clone();
    wide.with_column(Column::new("nights".into(), [2_i64; 8])).expect("column");
    wide.with_column(Column::new("note".into(), ["extra"; 8])).expect("column");
    let wide = wide.drop("country").expect("dropped").drop("rate").expect("dropped");
    write_bookings(folder.path(), &wide);
    let read = Tables::read(folder.path()).expect("tables");
    assert_eq!(read.bookings().schema(), tables.bookings().schema());
    assert_eq!(read.bookings().column("rate").expect("rate").null_count(), 8);
}

#[test]
fn a_kept_frame_is_the_frame_and_a_spoilt_one_is_made_again() {
    let folder = tempfile::tempdir().expect("folder");
    let cache = Cache::open(&folder.path().join("frames"), CacheLimits::default()).expect("cache");
    let as_of = hotel().tables().as_of(day("2024-02-03"));
    for frame in Frame::ALL {
        let fresh = frame.build(&as_of).expect("frame");
        let path = cache.path(&FrameKey::new(frame, &as_of).expect("key"));
        assert_eq!(bytes(&cache.frame(frame, &as_of).expect("made")), bytes(&fresh));
        let kept = fs::read(&path).expect("kept");
        assert_eq!(bytes(&cache.frame(frame, &as_of).expect("kept")), bytes(&fresh), "{frame}");
        // A file whose content changed, one cut short, one of another frame with its own right hash.
        let sum = path.with_extension("sha256");
        for spoilt in [b"foreign".to_vec(), kept[..kept.len() / 2].to_vec()] {
            fs::write(&path, spoilt).expect("spoilt");
            assert_eq!(bytes(&cache.frame(frame, &as_of).expect("made again")), bytes(&fresh));
            assert_eq!(fs::read(&path).expect("kept again"), kept);
        }
        let foreign = bytes(&df!("a" => [1_i32]).expect("frame"));
        fs::write(&path, &foreign).expect("foreign");
        fs::write(&sum, hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&foreign))).expect("hash");
        assert_eq!(bytes(&cache.frame(frame, &as_of).expect("made again")), bytes(&fresh));
        fs::remove_file(&sum).expect("removed");
        assert_eq!(bytes(&cache.frame(frame, &as_of).expect("made again")), bytes(&fresh));
    }
}

#[test]
fn another_day_or_another_row_is_another_frame() {
    let tables = hotel().tables();
    let mut other = hotel();
    other.bookings[0].rate = None;
    let key = |tables: &Tables, on: &str, frame| FrameKey::new(frame, &tables.as_of(day(on))).expect("key");
    let one = key(&tables, "2024-02-01", Frame::Nights);
    assert_eq!(one, key(&hotel().tables(), "2024-02-01", Frame::Nights));
    assert_ne!(one, key(&tables, "2024-02-02", Frame::Nights));
    assert_ne!(one, key(&tables, "2024-02-01", Frame::Guests));
    assert_ne!(one, key(&other.tables(), "2024-02-01", Frame::Nights));
}

#[test]
fn a_cache_keeps_no_more_than_it_may_and_touches_no_other_file() {
    let folder = tempfile::tempdir().expect("folder");
    fs::write(folder.path().join("note.parquet"), b"mine").expect("written");
    let limits = CacheLimits { bytes: 30_000, age: Duration::from_hours(1) };
    let cache = Cache::open(folder.path(), limits).expect("cache");
    let tables = hotel().tables();
    let frames = || {
        let names = fs::read_dir(folder.path()).expect("folder").flatten();
        names.filter(|name| name.file_name().to_string_lossy().starts_with("nights-")).collect::<Vec<_>>()
    };
    for later in 0..12 {
        cache.frame(Frame::Nights, &tables.as_of(after(31 + later))).expect("frame");
    }
    let bytes: u64 = frames()
        .iter()
        .filter(|file| file.path().extension().is_some_and(|extension| extension == "parquet"))
        .map(|file| file.metadata().expect("about").len())
        .sum();
    assert!(bytes <= limits.bytes && bytes > 0, "{bytes}");
    let tomorrow = SystemTime::now() + Duration::from_hours(24);
    fs::write(folder.path().join(".1.2.unfinished"), b"half").expect("written");
    cache.sweep(tomorrow).expect("swept");
    assert_eq!(frames().len(), 0, "frames and hashes");
    assert!(!folder.path().join(".1.2.unfinished").exists());
    assert!(folder.path().join("note.parquet").exists());
}

#[test]
fn two_that_share_a_cache_get_the_same_frames() {
    let folder = tempfile::tempdir().expect("folder");
    let tables = hotel().tables();
    let right = bytes(&Frame::Nights.build(&tables.as_of(day("2024-02-03"))).expect("frame"));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                // Each its own handle, as two processes have.
                let cache =
                    Cache::open(folder.path(), CacheLimits { bytes: 40_000, ..CacheLimits::default() })
                        .expect("cache");
                for later in 0..8 {
                    let frame = cache.frame(Frame::Nights, &tables.as_of(day("2024-02-03"))).expect("frame");
                    assert_eq!(bytes(&frame), right);
                    cache.frame(Frame::Nights, &tables.as_of(after(later))).expect("frame");
                }
            });
        }
    });
}
