//! The public bookings: `INNKEEPER_MIRROR` names a folder with `tabular/hotel_bookings_to_2017-04-30.csv.gz`.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use innkeeper_hotel::BookingStatus;
use innkeeper_importers::{ImportReport, Mapping, RejectCode, Settings, Source, bookings, hotel_slug};

fn mirrored(name: &str) -> Option<PathBuf> {
    let path =
        std::env::var_os("INNKEEPER_MIRROR").map(|mirror| PathBuf::from(mirror).join("tabular").join(name));
    let path = path.filter(|path| path.is_file());
    if path.is_none() {
        eprintln!("not run: INNKEEPER_MIRROR has no tabular/{name}");
    }
    path
}

#[test]
fn the_public_bookings_are_all_there() {
    let Some(path) = mirrored("hotel_bookings_to_2017-04-30.csv.gz") else { return };
    let source = Source::open(path).expect("opened");
    let mut rows =
        bookings(source, &Mapping::default(), &Settings::default()).expect("its columns are known");
    let mut report = ImportReport::default();
    let mut ids = BTreeSet::new();
    let mut hotels = BTreeMap::<String, u64>::new();
    let mut statuses = BTreeMap::<&str, u64>::new();
    let (mut day_rooms, mut nobody, mut odd_days) = (0, 0, 0);
    for outcome in &mut rows {
        let Some((hotel, _, booking)) = report.take(outcome.expect("read")) else { continue };
        let hotel = hotel_slug(&hotel.expect("a hotel")).expect("a slug");
        *hotels.entry(hotel.to_string()).or_default() += 1;
        *statuses.entry(booking.status.word()).or_default() += 1;
        day_rooms += u64::from(booking.stay.nights == 0);
        nobody += u64::from(booking.party == innkeeper_hotel::Party::default());
        let left = booking.status == BookingStatus::Completed;
        odd_days += u64::from(left && booking.status_on != Some(booking.stay.departure()));
        ids.insert(booking.id);
    }
    report.finish(&rows);
    assert_eq!((report.accepted, report.rejected), (97_191, 1), "{report:?}");
    assert_eq!(report.by_code, BTreeMap::from([(RejectCode::BadRate, 1)]));
    assert_eq!(report.rejections[0].values, [("adr".to_owned(), "-6.38".to_owned())]);
    assert_eq!(ids.len(), 97_191, "equal rows are bookings of their own");
    let mut all: Vec<_> = hotels.into_iter().collect();
    all.sort();
    assert_eq!(all.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["city-hotel", "resort-hotel"]);
    assert_eq!(all.iter().map(|(_, count)| count).sum::<u64>(), 97_191);
    assert_eq!(statuses, BTreeMap::from([("cancelled", 34_181), ("no_show", 1_042), ("completed", 61_968)]));
    assert_eq!((day_rooms, nobody, odd_days), (666, 159, 23));
}

#[test]
fn reservations_without_a_day_of_cancellation_are_read_with_a_note() {
    let Some(path) = mirrored("inn_hotels_dirty_to_2018-08.csv.gz") else { return };
    let source = Source::open(path).expect("opened");
    let mut rows =
        bookings(source, &Mapping::default(), &Settings::default()).expect("its columns are known");
    let mut report = ImportReport::default();
    for outcome in &mut rows {
        report.take(outcome.expect("read"));
    }
    report.finish(&rows);
    assert_eq!(report.accepted + report.rejected, 25_669);
    // 186 rows hold nothing, 133 no lead time; 37 arrive on 29 February 2018.
    assert_eq!(report.by_code, BTreeMap::from([(RejectCode::MissingValue, 319), (RejectCode::BadDate, 37)]));
    assert!(report.notes.iter().any(|note| note.contains("cancelled bookings and no-shows do not say")));
}
