//! Lives through a simulated hotel and says how fast.
//!
//! `simulate SEED ROOMS DAYS END [all | FILE.csv]`: bookings only; `all` makes every table; a file takes the bookings as
//! CSV in the columns that `innkeeper import bookings` reads.

use std::error::Error;
use std::io::Write;
use std::time::Instant;

use chrono::NaiveDate;
use innkeeper_core::HotelId;
use innkeeper_hotel::{Booking, Deposit};
use innkeeper_simulator::{Record, Settings, Simulation, Truth, Wanted};

const COLUMNS: [&str; 28] = [
    "id",
    "hotel",
    "booked_on",
    "arrival",
    "nights",
    "room_type",
    "status",
    "status_on",
    "rate",
    "currency",
    "guest_id",
    "room_number",
    "segment",
    "channel",
    "adults",
    "children",
    "babies",
    "deposit",
    "customer_type",
    "country",
    "payment_method",
    "company",
    "repeated_guest",
    "previous_cancellations",
    "previous_stays",
    "changes",
    "parking_spaces",
    "special_requests",
];

fn text<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn row(booking: &Booking, hotel: &HotelId) -> [String; COLUMNS.len()] {
    let deposit = booking.deposit.map(|deposit| match deposit {
        Deposit::None => "none",
        Deposit::Refundable => "refundable",
        Deposit::NonRefundable => "non_refundable",
    });
    [
        booking.id.to_string(),
        hotel.to_string(),
        booking.booked_on.to_string(),
        booking.stay.arrival.to_string(),
        booking.stay.nights.to_string(),
        booking.room_type.to_string(),
        booking.status.word().to_owned(),
        text(booking.status_on),
        text(booking.rate),
        text(booking.currency),
        text(booking.guest.as_ref()),
        text(booking.room_number.as_ref()),
        text(booking.segment.as_ref()),
        text(booking.channel.as_ref()),
        booking.party.adults.to_string(),
        booking.party.children.to_string(),
        booking.party.babies.to_string(),
        text(deposit),
        text(booking.customer_type.as_ref()),
        text(booking.country.as_ref()),
        text(booking.payment_method.as_ref()),
        text(booking.company.as_ref()),
        text(booking.repeated_guest),
        text(booking.previous_cancellations),
        text(booking.previous_stays),
        text(booking.changes),
        text(booking.parking_spaces),
        text(booking.special_requests),
    ]
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [seed, rooms, days, end, rest @ ..] = arguments.as_slice() else {
        return Err("simulate SEED ROOMS DAYS END [all | FILE.csv]".into());
    };
    let end: NaiveDate = end.parse()?;
    let hotel: HotelId = "default".parse()?;
    let settings = Settings::new(seed.parse()?, rooms.parse()?, days.parse()?, end, hotel.clone());
    let simulation = Simulation::new(settings, Truth::shipped()?)?;
    let target = rest.first().map(String::as_str);
    let mut writer = match target {
        None | Some("all") => None,
        Some(path) => {
            let mut writer = csv::Writer::from_path(path)?;
            writer.write_record(COLUMNS)?;
            Some(writer)
        }
    };
    let wanted = if target == Some("all") { Wanted::ALL } else { Wanted { bookings: true, ..Wanted::NONE } };
    let begin = Instant::now();
    let (mut bookings, mut records) = (0_u64, 0_u64);
    for record in simulation.records(wanted) {
        records += 1;
        if let Record::Booking(booking) = record {
            bookings += 1;
            if let Some(writer) = &mut writer {
                writer.write_record(row(&booking, &hotel))?;
            }
        }
    }
    if let Some(mut writer) = writer {
        writer.flush()?;
    }
    let seconds = begin.elapsed().as_secs_f64();
    writeln!(
        std::io::stdout(),
        "{bookings} bookings, {records} rows in {seconds:.2} s: {:.0} bookings a second",
        bookings as f64 / seconds
    )?;
    Ok(())
}
