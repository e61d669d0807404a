//! The same seed gives the same hotel, whatever else is read.
#![expect(clippy::expect_used, reason = "tests")]

use std::hash::{DefaultHasher, Hash, Hasher};

use innkeeper_simulator::{Record, Settings, Simulation, Truth, Wanted};

fn simulation(seed: u64) -> Simulation {
    let end = "2024-03-10".parse().expect("day");
    let settings = Settings::new(seed, 60, 150, end, "default".parse().expect("hotel"));
    Simulation::new(settings, Truth::shipped().expect("truth")).expect("simulation")
}

fn hash<T: std::fmt::Debug>(rows: impl Iterator<Item = T>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for row in rows {
        format!("{row:?}").hash(&mut hasher);
    }
    hasher.finish()
}

fn all(simulation: &Simulation) -> u64 {
    hash(simulation.records(Wanted::ALL))
}

#[test]
fn a_seed_gives_the_same_bytes_twice_and_another_seed_does_not() {
    assert_eq!(all(&simulation(1)), all(&simulation(1)));
    assert_ne!(all(&simulation(1)), all(&simulation(2)));
}

#[test]
fn reading_other_tables_first_changes_nothing() {
    let simulation = simulation(4);
    let before = all(&simulation);
    let rooms = hash(simulation.rooms());
    let _ = (simulation.employees().count(), simulation.competitor_prices().count());
    let _ = simulation.cleanings().take(10).count();
    assert_eq!(all(&simulation), before);
    assert_eq!(hash(simulation.rooms()), rooms);
}

#[test]
fn a_table_alone_holds_what_all_tables_at_once_hold() {
    let simulation = simulation(9);
    let records: Vec<Record> = simulation.records(Wanted::ALL).collect();
    macro_rules! only {
        ($kind:ident) => {
            records.iter().filter_map(|record| match record {
                Record::$kind(row) => Some(row.clone()),
                _ => None,
            })
        };
    }
    assert!(only!(Booking).map(|booking| *booking).eq(simulation.bookings()), "bookings");
    assert!(only!(Guest).eq(simulation.guests()), "guests");
    assert!(only!(Rate).eq(simulation.rates()), "rates");
    assert!(only!(ServiceUse).eq(simulation.service_uses()), "services");
    assert!(only!(Cleaning).eq(simulation.cleanings()), "cleanings");
}

#[test]
fn a_guest_stands_before_his_bookings_and_a_booking_before_its_services() {
    let (mut guests, mut bookings) = (std::collections::HashSet::new(), std::collections::HashSet::new());
    for record in simulation(6).records(Wanted::ALL) {
        match record {
            Record::Guest(guest) => assert!(guests.insert(guest.id)),
            Record::Booking(booking) => {
                assert!(booking.guest.is_some_and(|guest| guests.contains(&guest)));
                assert!(bookings.insert(booking.id));
            }
            Record::ServiceUse(used) => assert!(bookings.contains(&used.booking)),
            _ => {}
        }
    }
}
