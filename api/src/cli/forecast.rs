//! `forecast`: what the server would answer, as a table, a plot or JSON.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use clap::ValueEnum;
use innkeeper_forecast::plot::{ForecastPlot, PlotDay};
use serde_json::Value;

use super::registry::{Place, failed};
use super::table::table;
use super::{Failure, Outcome, picture, say};
use crate::app::{data_keys, installed, open_store};
use crate::config::Settings;
use crate::service::forecast::{Asked, Question, Target, answer_once};

/// Drivers of a day that the table has room for.
const DRIVERS: usize = 3;

/// What is forecast.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Name {
    /// Rooms taken a night, as a share of those that can be sold.
    Occupancy,
    /// Room revenue a night.
    Revenue,
    /// Minutes of cleaning a day, and the people it takes.
    HousekeepingDemand,
}

impl From<Name> for Target {
    fn from(name: Name) -> Self {
        match name {
            Name::Occupancy => Self::Occupancy,
            Name::Revenue => Self::Revenue,
            Name::HousekeepingDemand => Self::HousekeepingDemand,
        }
    }
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "The bookings come from `innkeeper import bookings` or `innkeeper simulate`.\n\nExamples:\n  innkeeper forecast occupancy\n  innkeeper forecast revenue --days 90 --room-type deluxe --plot revenue.svg\n  innkeeper forecast housekeeping_demand --days 7 --json\n  innkeeper forecast occupancy --as-of 2025-01-31      # as it would have been said at the end of that day"
)]
pub(super) struct Args {
    /// What to forecast.
    target: Name,
    /// Days ahead, 1 to 365.
    #[arg(long, default_value_t = 30, value_name = "N")]
    days: u16,
    /// One kind of room [default: all of them together].
    #[arg(long, value_name = "TYPE")]
    room_type: Option<String>,
    /// The last day of which everything is taken as known [default: the last one that is].
    #[arg(long, value_name = "DATE")]
    as_of: Option<NaiveDate>,
    /// Share of outcomes that the interval should hold.
    #[arg(long, default_value_t = 0.8, value_name = "SHARE")]
    level: f64,
    /// Draw it, as SVG or PNG by the name of the file.
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// One JSON object instead of a table.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

impl Name {
    /// The key of the prediction in the answer, its heading, and the headings of what else is shown of a day.
    fn columns(self) -> (&'static str, &'static str, &'static [(&'static str, &'static str)]) {
        match self {
            Self::Occupancy => (
                "predicted_occupancy",
                "occupancy",
                &[("predicted_rooms", "rooms"), ("on_the_books", "booked")],
            ),
            Self::Revenue => (
                "predicted_revenue",
                "revenue",
                &[("predicted_rooms", "rooms"), ("predicted_rate", "rate"), ("on_the_books", "booked")],
            ),
            Self::HousekeepingDemand => (
                "predicted_minutes",
                "minutes",
                &[
                    ("predicted_staff", "staff"),
                    ("departures", "departures"),
                    ("stay_overs", "stay-overs"),
                    ("on_the_books", "booked departures"),
                ],
            ),
        }
    }
}

pub(super) fn run(args: &Args, settings: &Settings) -> Outcome {
    let (hotel, settings) = args.place.of(settings);
    installed(&settings)?;
    let zone = settings.hotel.timezone;
    let asked = Asked {
        days: Some(args.days),
        room_type: args.room_type.clone(),
        as_of: args.as_of.map(|day| day.to_string()),
        level: Some(args.level),
        shifts: None,
    };
    let question = Question::new(args.target.into(), asked, zone).map_err(failed)?;
    let made = tokio::runtime::Runtime::new()?.block_on(async {
        let store = open_store(&settings, data_keys(&settings)?).await?;
        let made = answer_once(&store.hotel(&hotel), &hotel, question, zone).await;
        store.close().await;
        made.map_err(failed)
    })?;
    let told = serde_json::to_value(&made)?;
    if let Some(file) = &args.plot {
        draw(args.target, &told, file)?;
        eprintln!("{} is written", file.display());
    }
    if args.json {
        return say(told);
    }
    say(render(args.target, &told))
}

/// The days with their intervals, as a picture.
fn draw(name: Name, told: &Value, file: &Path) -> Result<(), Failure> {
    let (key, heading, _) = name.columns();
    let days = list(&told["forecasts"]);
    let date = |day: &Value| text(&day["date"]).parse::<NaiveDate>().ok();
    let forecast = days
        .iter()
        .filter_map(|day| {
            Some(PlotDay {
                date: date(day)?,
                value: day[key].as_f64()?,
                lower: day["lower_bound"].as_f64()?,
                upper: day["upper_bound"].as_f64()?,
            })
        })
        .collect();
    // Of occupancy the books are in rooms and the curve is a share; of housekeeping they are departures.
    let booked = |day: &Value| match name {
        Name::Occupancy => {
            Some(day["on_the_books"].as_f64()? / day["rooms"].as_f64().filter(|rooms| *rooms > 0.0)?)
        }
        Name::Revenue => day["on_the_books"].as_f64(),
        Name::HousekeepingDemand => None,
    };
    let on_the_books = days.iter().filter_map(|day| Some((date(day)?, booked(day)?))).collect();
    let quantity = match (name, told["currency"].as_str()) {
        (Name::Occupancy, _) => "share of rooms".to_owned(),
        (Name::HousekeepingDemand, _) => "minutes of cleaning".to_owned(),
        (Name::Revenue, Some(currency)) => format!("revenue, {currency}"),
        (Name::Revenue, None) => "revenue".to_owned(),
    };
    let plot = ForecastPlot {
        title: format!("Forecast of {heading}, known to the end of {}", text(&told["as_of"])),
        quantity,
        level: told["level"].as_f64().unwrap_or_default(),
        observed: Vec::new(),
        forecast,
        on_the_books,
    };
    picture::save(&plot, file)
}

/// A share as a percentage, anything else as a number of few digits; a dash where there is none.
fn cell(value: &Value, share: bool) -> String {
    match value.as_f64() {
        None => "–".to_owned(),
        Some(number) if share => format!("{:.0} %", 100.0 * number),
        Some(number) if value.is_u64() || number.abs() >= 1000.0 => format!("{number:.0}"),
        Some(number) => format!("{number:.1}"),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The days with what drives them, how the forecast was made, and how good the same method was.
fn render(name: Name, told: &Value) -> String {
    let (key, heading, more) = name.columns();
    let share = matches!(name, Name::Occupancy);
    let rows: Vec<Vec<String>> = list(&told["forecasts"])
        .iter()
        .map(|day| {
            let date = text(&day["date"]);
            let weekday =
                date.parse::<NaiveDate>().map_or_else(|_| String::new(), |d| d.format("%a").to_string());
            let drivers = list(&day["drivers"]).iter().take(DRIVERS).map(|d| text(&d["words"]).to_owned());
            let closed = day["closed"].as_bool() == Some(true);
            let why: Vec<String> = closed.then(|| "closed".to_owned()).into_iter().chain(drivers).collect();
            let bounds = [key, "lower_bound", "upper_bound"].map(|key| cell(&day[key], share));
            let more = more.iter().map(|(key, _)| cell(&day[*key], false));
            [date.to_owned(), weekday]
                .into_iter()
                .chain(bounds)
                .chain([cell(&day["confidence"], true)])
                .chain(more)
                .chain([why.join("; ")])
                .collect()
        })
        .collect();
    let held = format!("held {}", cell(&told["level"], true));
    let header: Vec<&str> = ["night", "", heading, "from", "to", held.as_str()]
        .into_iter()
        .chain(more.iter().map(|(_, heading)| *heading))
        .chain(["why"])
        .collect();
    let mut parts = vec![table(&header, &rows)];
    let accuracy: Vec<Vec<String>> = list(&told["accuracy"])
        .iter()
        .map(|band| {
            let ahead = list(&band["days_ahead"]);
            let ends: Vec<String> = ahead.iter().map(ToString::to_string).collect();
            vec![
                text(&band["of"]).to_owned(),
                ends.join(" to "),
                cell(&band["mae"], false),
                cell(&band["coverage"], true),
                cell(&band["compared"], false),
                text(&band["reason"]).to_owned(),
            ]
        })
        .collect();
    if !accuracy.is_empty() {
        let header = ["back-test", "days ahead", "MAE", "held", "compared", ""];
        parts.push(table(&header, &accuracy));
    }
    let members: Vec<String> = list(&told["method"]["members"])
        .iter()
        .map(|m| match m["weight"].as_f64() {
            Some(weight) => format!("{} {:.0} %", text(&m["name"]), 100.0 * weight),
            None => text(&m["name"]).to_owned(),
        })
        .collect();
    let currency = told["currency"].as_str().map_or_else(String::new, |c| format!(", amounts in {c}"));
    let mut last = vec![format!(
        "known to the end of {}, room type {}{currency}; {}: {}",
        text(&told["as_of"]),
        text(&told["room_type"]),
        text(&told["model"]),
        text(&told["method"]["name"])
    )];
    if !members.is_empty() {
        last.push(format!("members: {}", members.join(", ")));
    }
    last.extend(list(&told["notes"]).iter().map(|note| format!("note: {}", text(note))));
    parts.push(last.join("\n"));
    parts.join("\n\n")
}
