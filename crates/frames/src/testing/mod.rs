//! Hotels for the tests, and the laws that their frames keep.

mod features;
mod files;
mod hostile;
mod point_in_time;

use chrono::{Days, NaiveDate};
use innkeeper_hotel::{
    Booking, BookingStatus, Closure, CompetitorPrice, Event, Money, Rate, Room, ServiceUse, Stay,
};
use polars::prelude::*;
use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::{Frame, Tables, TablesBuilder};

pub(crate) fn day(text: &str) -> NaiveDate {
    text.parse().expect(text)
}

/// A number of days after 2024-01-01, so that 29 February lies in reach.
pub(crate) fn after(days: u64) -> NaiveDate {
    day("2024-01-01").checked_add_days(Days::new(days)).expect("a day")
}

pub(crate) fn booking(id: &str, booked_on: &str, arrival: &str, nights: u16, room_type: &str) -> Booking {
    Booking {
        rate: Some(Decimal::new(100, 0)),
        ..Booking::confirmed(
            id.parse().expect("id"),
            day(booked_on),
            Stay { arrival: day(arrival), nights },
            room_type.parse().expect("type"),
        )
    }
}

pub(crate) fn money(amount: i64) -> Money {
    Money { amount: Decimal::new(amount, 0), currency: "VND".parse().expect("VND") }
}

/// The rows of a hotel.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hotel {
    pub(crate) bookings: Vec<Booking>,
    pub(crate) rooms: Vec<Room>,
    pub(crate) rates: Vec<Rate>,
    pub(crate) competitor_prices: Vec<CompetitorPrice>,
    pub(crate) events: Vec<Event>,
    pub(crate) closures: Vec<Closure>,
    pub(crate) service_uses: Vec<ServiceUse>,
}

impl Hotel {
    pub(crate) fn of(bookings: Vec<Booking>) -> Self {
        Self { bookings, ..Self::default() }
    }

    pub(crate) fn tables(&self) -> Tables {
        let mut builder = TablesBuilder::new();
        for row in &self.bookings {
            builder.push_booking(row).expect("booking");
        }
        for row in &self.rooms {
            builder.push_room(row).expect("room");
        }
        for row in &self.rates {
            builder.push_rate(row).expect("rate");
        }
        for row in &self.competitor_prices {
            builder.push_competitor_price(row).expect("price");
        }
        for row in &self.events {
            builder.push_event(row).expect("event");
        }
        for row in &self.closures {
            builder.push_closure(row).expect("closure");
        }
        for row in &self.service_uses {
            builder.push_service_use(row).expect("use");
        }
        builder.finish().expect("tables")
    }
}

/// The frame as the bytes of a Parquet file.
pub(crate) fn bytes(frame: &DataFrame) -> Vec<u8> {
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(&mut frame.clone()).expect("Parquet");
    bytes
}

/// The column of a frame as texts, one a row.
pub(crate) fn shown(frame: &DataFrame, column: &str) -> Vec<String> {
    let series = frame.column(column).expect(column).as_materialized_series().clone();
    series.iter().map(|value| value.to_string().trim_matches('"').to_owned()).collect()
}

pub(crate) fn point_in_time_frames() -> impl Iterator<Item = Frame> {
    Frame::ALL.into_iter().filter(|frame| frame.description().point_in_time)
}

fn status() -> impl Strategy<Value = BookingStatus> {
    prop_oneof![
        Just(BookingStatus::Confirmed),
        Just(BookingStatus::Cancelled),
        Just(BookingStatus::Completed),
        Just(BookingStatus::NoShow),
    ]
}

prop_compose! {
    fn any_booking()(
        (arrival, lead, nights, kind) in (0_u64..200, 0_u64..90, 0_u16..9, 0_u8..3),
        (status, delay, rate) in (status(), 0_u64..120, proptest::option::of(0_i64..50_000)),
        (guest, agent, late, children) in
            (proptest::option::of(0_u8..4), proptest::option::of(0_u8..3), 0_u32..4, 0_u16..3),
        dollars in proptest::bool::weighted(0.1),
    ) -> Booking {
        let arrival = after(100 + arrival);
        let booked_on = arrival.checked_sub_days(Days::new(lead)).expect("a day");
        let known = booked_on.checked_add_days(Days::new(delay)).expect("a day");
        let mut made = booking("x", "2024-01-01", "2024-01-01", nights, ["standard", "deluxe", "suite"][usize::from(kind)]);
        made.booked_on = booked_on;
        made.stay.arrival = arrival;
        made.status = status;
        made.status_on = (status != BookingStatus::Confirmed).then_some(known);
        made.rate = rate.map(|cents| Decimal::new(cents, 2));
        made.currency = Some(if dollars { "USD" } else { "VND" }.parse().expect("code"));
        made.guest = guest.map(|guest| format!("G{guest}").parse().expect("guest"));
        made.agent = agent.map(|agent| format!("agent {agent}"));
        made.party.adults = 2;
        made.party.children = children;
        fill_in(&mut made, late);
        made
    }
}

/// Sets what systems fill in after the booking.
pub(crate) fn fill_in(booking: &mut Booking, late: u32) {
    booking.changes = (late > 0).then_some(late);
    booking.parking_spaces = Some(late);
    booking.special_requests = Some(late % 2);
    booking.waiting_days = Some(late * 3);
    booking.country = (late > 1).then(|| format!("C{late}"));
    booking.assigned_room_type = (late > 2).then(|| "suite".parse().expect("type"));
    booking.room_number = (late > 2).then(|| "101".parse().expect("room"));
}

prop_compose! {
    /// A hotel of up to 40 bookings over some 300 days.
    pub(crate) fn any_hotel()(
        mut bookings in proptest::collection::vec(any_booking(), 0..40),
        rates in proptest::collection::vec((0_u64..300, 0_u64..300, 1_i64..500), 0..8),
        events in proptest::collection::vec((0_u64..330, 0_u64..6, proptest::option::of(0_u64..300)), 0..6),
        closures in proptest::collection::vec((0_u64..300, 0_u64..9, any::<bool>()), 0..3),
        services in proptest::collection::vec((any::<prop::sample::Index>(), 0_u64..300, 1_u32..4), 0..9),
        rooms in 0_u8..5,
    ) -> Hotel {
        for (place, booking) in bookings.iter_mut().enumerate() {
            booking.id = format!("B{place}").parse().expect("id");
        }
        let service_uses = if bookings.is_empty() { Vec::new() } else {
            services.iter().map(|(which, used, quantity)| ServiceUse {
                booking: bookings[which.index(bookings.len())].id.clone(),
                guest: None,
                service: "spa".into(),
                used_on: after(*used),
                quantity: *quantity,
                amount: Some(money(i64::from(*quantity) * 7)),
            }).collect()
        };
        Hotel {
            rooms: (0..rooms).map(|room| Room {
                number: format!("10{room}").parse().expect("room"),
                room_type: "deluxe".parse().expect("type"),
                floor: Some(1),
            }).collect(),
            rates: rates.iter().map(|(night, set, price)| Rate {
                night: after(*night), room_type: "deluxe".parse().expect("type"), set_on: after(*set), price: money(*price),
            }).collect(),
            competitor_prices: rates.iter().map(|(night, seen, price)| CompetitorPrice {
                competitor: "the other house".into(), night: after(*night), room_type: None, seen_on: after(*seen), price: money(*price),
            }).collect(),
            events: events.iter().map(|(from, length, known)| Event {
                name: "fair".into(),
                from: after(*from),
                until: after(from + length),
                kind: if length.is_multiple_of(2) { "holiday" } else { "fair" }.into(),
                known_on: known.map(after),
            }).collect(),
            closures: closures.iter().map(|(from, length, all)| Closure {
                from: after(*from),
                until: after(from + length),
                room_type: (!all).then(|| "suite".parse().expect("type")),
            }).collect(),
            service_uses,
            bookings,
        }
    }
}
