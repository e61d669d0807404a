//! Reads a file of bookings and says how fast, what was rejected and what was assumed:
//! `cargo run --release -p innkeeper-importers --example parse -- FILE [MAPPING.toml]`.
#![expect(clippy::print_stdout, reason = "a command prints")]

use std::time::Instant;

use innkeeper_importers::{ImportReport, Mapping, Settings, Source, bookings};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: parse FILE [MAPPING.toml]")?;
    let mapping = arguments.next().map_or_else(|| Ok(Mapping::default()), Mapping::open)?;
    let begun = Instant::now();
    let mut rows = bookings(Source::open(&path)?, &mapping, &Settings::default())?;
    let mut report = ImportReport::keeping(20);
    let mut nights = 0u64;
    for outcome in &mut rows {
        if let Some((_, _, booking)) = report.take(outcome?) {
            nights += u64::from(booking.stay.nights);
        }
    }
    report.finish(&rows);
    let seconds = begun.elapsed().as_secs_f64();
    let read = report.accepted + report.rejected + report.repeated;
    println!("{read} rows in {seconds:.2} s: {:.0} rows/s; {nights} nights", read as f64 / seconds);
    println!("{} accepted, {} rejected, {} repeated", report.accepted, report.rejected, report.repeated);
    for (code, count) in &report.by_code {
        println!("  {count:>8} {code}");
    }
    for rejection in &report.rejections {
        println!(
            "  line {}: {}: {} {:?}",
            rejection.line, rejection.code, rejection.reason, rejection.values
        );
    }
    for note in &report.notes {
        println!("note: {note}");
    }
    Ok(())
}
