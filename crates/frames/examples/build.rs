//! How long tables and frames of many bookings take.
//!
//! `cargo run --release -p innkeeper-frames --example build -- [BOOKINGS]`: makes that many bookings (a million by default),
//! builds the tables, writes and reads them, and makes every frame. Prints seconds and rows a second of each step, and
//! the memory of the process.

#![expect(clippy::print_stdout, reason = "a command that reports to its caller")]

use std::error::Error;
use std::time::Instant;

use chrono::{Days, NaiveDate};
use innkeeper_frames::{Frame, FramesError, Tables, TablesBuilder, nights};
use innkeeper_hotel::{Booking, BookingStatus, Stay};
use polars::prelude::{Column, DataFrame, IntoLazy, col};
use rust_decimal::Decimal;

/// A stream of numbers that is the same on each run (a linear congruence with the constants of Knuth's MMIX).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

fn a_booking(number: u64, numbers: &mut Numbers, first: NaiveDate) -> Result<Booking, Box<dyn Error>> {
    let booked_on = first + Days::new(numbers.below(1_500));
    let arrival = booked_on + Days::new(numbers.below(120));
    let nights = 1 + numbers.below(6) as u16;
    let types = ["standard", "deluxe", "suite", "family", "studio", "single"];
    let kind = types[numbers.below(6) as usize];
    let stay = Stay { arrival, nights };
    let mut booking = Booking::confirmed(format!("B{number:012}").parse()?, booked_on, stay, kind.parse()?);
    let (status, on) = match numbers.below(10) {
        0..3 => (BookingStatus::Cancelled, booked_on + Days::new(numbers.below(60))),
        3 => (BookingStatus::NoShow, arrival),
        _ => (BookingStatus::Completed, stay.departure()),
    };
    booking.status = status;
    booking.status_on = Some(on);
    booking.rate = Some(Decimal::new(5_000 + numbers.below(20_000) as i64, 2));
    booking.currency = "EUR".parse().ok();
    booking.guest = format!("G{}", numbers.below(400_000)).parse().ok();
    booking.segment =
        Some(["Online TA", "Offline TA/TO", "Direct", "Corporate"][numbers.below(4) as usize].into());
    booking.channel = Some(["TA/TO", "Direct"][numbers.below(2) as usize].into());
    booking.customer_type =
        Some(["Transient", "Transient-Party", "Contract"][numbers.below(3) as usize].into());
    booking.agent = Some(format!("{}", numbers.below(300)));
    booking.country = Some("PRT".into());
    booking.meal = Some("BB".into());
    booking.party.adults = 2;
    booking.previous_stays = Some(0);
    booking.previous_cancellations = Some(0);
    booking.changes = Some(numbers.below(3) as u32);
    Ok(booking)
}

fn said<T, E>(what: &str, rows: usize, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    let start = Instant::now();
    let made = work();
    let seconds = start.elapsed().as_secs_f64();
    println!("{what:<34} {seconds:>8.3} s {:>12.0} rows/s", rows as f64 / seconds);
    made
}

/// The largest memory the process has had, in MiB, where the system tells.
fn peak_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? / 1024)
}

/// Rooms by type and night the other way: one row for each night of each stay, then grouped.
fn expanded(tables: &Tables, day: NaiveDate) -> Result<DataFrame, FramesError> {
    let stays = tables.as_of(day).stays()?;
    let (mut kinds, mut days) = (Vec::new(), Vec::new());
    for row in (0..stays.len()).filter(|row| stays.holds(*row)) {
        for night in 0..stays.nights[row] {
            kinds.push(stays.room_type.codes[row]);
            days.push(stays.arrival[row] + night as i32);
        }
    }
    let rows = kinds.len();
    let frame =
        DataFrame::new(rows, vec![Column::new("kind".into(), kinds), Column::new("night".into(), days)])?;
    let by = [col("kind"), col("night")];
    frame.lazy().group_by(by).agg([col("kind").count().alias("rooms")]).collect().map_err(FramesError::from)
}

fn main() -> Result<(), Box<dyn Error>> {
    let count: u64 = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(1_000_000);
    let rows = count as usize;
    let first = NaiveDate::from_ymd_opt(2021, 1, 1).ok_or("no such day")?;
    let day = first + Days::new(1_300);
    let tables = said("make rows and tables", rows, || -> Result<Tables, Box<dyn Error>> {
        let mut numbers = Numbers(7);
        let mut builder = TablesBuilder::new();
        for number in 0..count {
            builder.push_booking(&a_booking(number, &mut numbers, first)?)?;
        }
        Ok(builder.finish()?)
    })?;
    println!(
        "tables in memory: {} MiB; peak of the process: {:?} MiB",
        tables.memory_bytes() >> 20,
        peak_mib()
    );
    let folder = std::env::temp_dir().join(format!("innkeeper-frames-{}", std::process::id()));
    said("write Parquet", rows, || tables.write(&folder))?;
    drop(tables);
    let tables = said("read Parquet", rows, || Tables::read(&folder))?;
    let _ = std::fs::remove_dir_all(&folder);
    said("fingerprint", rows, || tables.fingerprint())?;
    let as_of = tables.as_of(day);
    let known = as_of.stays()?.len();
    println!("bookings known on {day}: {known}");
    for frame in Frame::ALL {
        said(frame.name(), known, || frame.build(&as_of))?;
    }
    let window = as_of.window()?;
    said("nights by steps", known, || nights(&as_of, window))?;
    said("rooms a night by expanding stays", known, || expanded(&tables, day))?;
    println!("peak of the process: {:?} MiB", peak_mib());
    Ok(())
}
