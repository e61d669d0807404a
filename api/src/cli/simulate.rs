//! `simulate`: a hotel with known truth, in the tables.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use chrono::{NaiveDate, Utc};
use innkeeper_core::HotelId;
use innkeeper_simulator::{Simulation, Truth};
use serde_json::json;

use super::table::table;
use super::{Failure, Outcome, progress, say};
use crate::app::{data_keys, open_store};
use crate::config::Settings;
use crate::service::hotel::{self, Simulated};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "The same seed, size and last day give the same hotel; a run that was cut short is completed by the same command.\nEmployees have no faces: enrol some with photographs. Cleanings are kept of the last 800 days.\n\nExamples:\n  innkeeper simulate --seed 1 --rooms 100 --days 730\n  innkeeper simulate --seed 2 --rooms 40 --days 1095 --end 2025-01-31 --hotel seaside\n  innkeeper simulate --rooms 100 --days 730 --truth mine.toml --truth-out truth.json"
)]
pub(super) struct Args {
    /// What decides every draw.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Rooms that can be sold.
    #[arg(long, default_value_t = 100, value_name = "R")]
    rooms: u32,
    /// Days of history, the last known day included.
    #[arg(long, default_value_t = 730, value_name = "D")]
    days: u32,
    /// The last known day: bookings are as they stood at its end [default: today in hotel.timezone].
    #[arg(long, value_name = "DATE")]
    end: Option<NaiveDate>,
    /// The hotel to fill [default: hotel.default].
    #[arg(long)]
    hotel: Option<HotelId>,
    /// What is true of the hotel, instead of the numbers shipped (datasets/simulator/hotel.toml).
    #[arg(long, value_name = "FILE.toml")]
    truth: Option<PathBuf>,
    /// Where the truth is written: elasticities, cancellation probabilities, demand of each night.
    #[arg(long, value_name = "FILE.json")]
    truth_out: Option<PathBuf>,
    /// Remove the rooms, guests, bookings, prices, events and cleanings that the hotel holds first.
    #[arg(long)]
    replace: bool,
    /// The data directory [default: storage.data_dir, ./data].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// One JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, settings: Settings) -> Outcome {
    let started = Instant::now();
    let settings = settings.with_data_dir(args.data_dir.clone());
    let hotel = args.hotel.clone().unwrap_or_else(|| settings.hotel.default.clone());
    let zone = settings.hotel.timezone;
    let end = args.end.unwrap_or_else(|| Utc::now().with_timezone(&zone).date_naive());
    let truth = match &args.truth {
        Some(file) => {
            let named = |e: &dyn std::fmt::Display| format!("{}: {e}", file.display());
            let text = std::fs::read_to_string(file).map_err(|e| named(&e))?;
            Truth::from_toml(&text).map_err(|e| named(&e))?
        }
        None => Truth::shipped()?,
    };
    let asked = innkeeper_simulator::Settings::new(args.seed, args.rooms, args.days, end, hotel.clone());
    let simulation = Arc::new(Simulation::new(asked, truth)?);
    let from = simulation.start();
    std::fs::create_dir_all(&settings.storage.data_dir)?;

    // Bookings come by the day on which they were made; the first ones were made before the first night.
    let ahead = i64::from(simulation.truth().max_lead);
    let days = u64::from(args.days).saturating_add(ahead.unsigned_abs());
    let bar = progress::of_things(days, "days");
    let told = |day: NaiveDate| {
        bar.set_position(((day - from).num_days() + ahead).max(0).unsigned_abs());
    };
    let done = tokio::runtime::Runtime::new()?.block_on(async {
        let store = open_store(&settings, data_keys(&settings)?).await?;
        let rows = store.hotel(&hotel);
        let done = hotel::simulate(&rows, Arc::clone(&simulation), zone, args.replace, told).await;
        store.close().await;
        Ok::<_, Failure>(done?)
    });
    bar.finish_and_clear();
    let done = done?;
    if let Some(file) = &args.truth_out {
        let named = |e: std::io::Error| format!("{}: {e}", file.display());
        let out = std::io::BufWriter::new(std::fs::File::create(file).map_err(named)?);
        serde_json::to_writer(out, &simulation.truth_report())?;
    }
    let seconds = started.elapsed().as_secs_f64();
    if args.json {
        let mut told = serde_json::to_value(&done)?;
        if let Some(told) = told.as_object_mut() {
            told.extend([
                ("hotel".to_owned(), json!(hotel.as_str())),
                ("seed".to_owned(), json!(args.seed)),
                ("rooms".to_owned(), json!(args.rooms)),
                ("days".to_owned(), json!(args.days)),
                ("from".to_owned(), json!(from)),
                ("end".to_owned(), json!(end)),
                ("seconds".to_owned(), json!(seconds)),
            ]);
        }
        return say(told);
    }
    say(render(&done))?;
    say(format!(
        "\nhotel {hotel}: {} rooms, nights from {from} to {end}, seed {}, in {seconds:.1} s\n\
         next: innkeeper forecast occupancy --hotel {hotel}",
        args.rooms, args.seed
    ))
}

/// Rows by table, and bookings by where they stand.
fn render(done: &Simulated) -> String {
    let rows: Vec<Vec<String>> = done
        .written
        .iter()
        .map(|(name, counts)| {
            let cells = [counts.inserted, counts.changed, counts.unchanged].map(|n| n.to_string());
            [(*name).to_owned()].into_iter().chain(cells).collect()
        })
        .collect();
    let mut parts = vec![table(&["table", "new", "changed", "there already"], &rows)];
    let rows: Vec<Vec<String>> =
        done.bookings_by_status.iter().map(|(status, n)| vec![(*status).to_owned(), n.to_string()]).collect();
    parts.push(table(&["bookings that are", "n"], &rows));
    parts.extend(done.removed.map(|removed| format!("{removed} rows were removed before")));
    parts.join("\n\n")
}
