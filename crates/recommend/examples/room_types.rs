//! How often the room type booked is among the first named, on the public hotel bookings.
//!
//! `cargo run --release --example room_types -- rows.csv 2017-01-01`, the file with the columns hotel, arrival, adults,
//! children, segment, lead days, nights, price, room type; the model learns from the arrivals before the day.
#![allow(clippy::print_stdout)]

use std::error::Error;

use chrono::NaiveDate;
use innkeeper_recommend::rooms::{Depth, RoomBooking, RoomSettings, Stay, fit};

type Row = (String, NaiveDate, u32, f64, String, u32, u32, f64, String);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, cut] = arguments.as_slice() else {
        return Err("wanted: the file, the first day tested".into());
    };
    let cut: NaiveDate = cut.parse()?;
    let mut bookings = Vec::new();
    for record in csv::Reader::from_path(path)?.into_deserialize() {
        let (property, arrival, adults, children, segment, lead_days, nights, price, room_type): Row =
            record?;
        let children = children as u32;
        let stay = Stay { property, adults, children, nights, lead_days, segment: Some(segment) };
        let price = (price >= 0.0).then_some(price);
        bookings.push(RoomBooking { arrival, room_type, stay, price });
    }
    let (before, after): (Vec<_>, Vec<_>) = bookings.into_iter().partition(|b| b.arrival < cut);
    for depth in [None, Some(Depth::Party)] {
        let model = fit(&before, &RoomSettings { depth, ..RoomSettings::default() })?;
        let (mut first, mut third) = (0_usize, 0_usize);
        for booking in &after {
            let ranking = model.ranking(&booking.stay);
            let place = ranking.iter().position(|(name, _)| *name == booking.room_type);
            first += usize::from(place == Some(0));
            third += usize::from(place.is_some_and(|place| place < 3));
        }
        let share = |hits: usize| hits as f64 / after.len() as f64;
        println!(
            "{:?}, first {:.4}, among three {:.4}, of {}",
            model.depth(),
            share(first),
            share(third),
            after.len()
        );
    }
    Ok(())
}
