use innkeeper_hotel::{Booking, Room};
use innkeeper_store::{BookingFilter, EmployeeProfile, HotelTable};

use super::*;

fn person(n: u32, role: &str) -> EmployeeProfile {
    EmployeeProfile {
        id: format!("EMP{n:03}").parse().expect("a number"),
        name: Some(format!("Name {n}")),
        department: None,
        role: Some(role.to_owned()),
    }
}

#[tokio::test]
async fn staff_without_faces_is_written_once_and_only_what_is_said_changes() {
    let house = House::new().await;
    let hotel = house.hotel();
    let mut staff: Vec<EmployeeProfile> = (0..30).map(|n| person(n, "housekeeper")).collect();
    assert_eq!(hotel.record_staff(&staff, noon()).await.expect("written").inserted, 30);
    assert_eq!(hotel.record_staff(&staff, noon()).await.expect("written").unchanged, 30);
    staff[3] = EmployeeProfile { name: None, ..person(3, "head housekeeper") };
    let done = hotel.record_staff(&staff, noon()).await.expect("written");
    assert_eq!((done.inserted, done.changed, done.unchanged), (0, 1, 29));
    let known = hotel.employee(&staff[3].id).await.expect("a read").expect("somebody");
    assert_eq!(known.name.as_deref(), Some("Name 3"), "what is not said is kept");
    assert_eq!(known.role.as_deref(), Some("head housekeeper"));
    assert!(!hotel.has_active_consent(&known.id).await.expect("a read"), "nobody gave a consent");
}

#[tokio::test]
async fn a_hotel_that_is_emptied_loses_its_tables_and_no_other_hotel_a_row() {
    let house = House::new().await;
    let hotel = house.hotel();
    let other = house.store.hotel(&"elsewhere".parse().expect("a hotel"));
    let bookings: Vec<Booking> = (0..40).map(booking).collect();
    let room = Room {
        number: "201".parse().expect("a room"),
        room_type: "deluxe".parse().expect("a type"),
        floor: Some(2),
    };
    for hotel in [&hotel, &other] {
        hotel.upsert_bookings(&bookings, None, noon()).await.expect("written");
        hotel.upsert_rooms(std::slice::from_ref(&room), None, noon()).await.expect("written");
    }
    let before = hotel.fingerprint(HotelTable::Bookings).await.expect("a read");
    assert_eq!(hotel.clear_hotel_tables(noon()).await.expect("emptied"), 41);
    let after = hotel.fingerprint(HotelTable::Bookings).await.expect("a read");
    assert_eq!((after.rows, after.changes), (0, before.changes + 1));
    assert_ne!(after.mark, before.mark, "what was computed from the rows must be computed anew");
    assert_eq!(hotel.count_bookings(&BookingFilter::default()).await.expect("a count"), 0);
    assert!(hotel.rooms().await.expect("a read").is_empty());
    assert_eq!(other.count_bookings(&BookingFilter::default()).await.expect("a count"), 40);
    assert_eq!(other.rooms().await.expect("a read"), [room]);
    assert_eq!(hotel.clear_hotel_tables(noon()).await.expect("emptied"), 0, "there is nothing left");
}
