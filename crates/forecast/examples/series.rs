//! Forecasts daily series from a CSV file, for `benches/compare_forecast.py`.
//!
//! usage: `series FILE.csv KEYS DATE VALUE ORIGINS HORIZON THREADS [REPEAT]`
//!
//! `KEYS` is the column that tells series apart, `DATE` the day, `VALUE` what is forecast (several columns with commas between
//! them), `ORIGINS` the first unknown days with commas between them. Each series is forecast from each origin, all of it
//! `REPEAT` times over for the clock, on `THREADS` threads. Prints one JSON object: `forecasts` (key, column, origin, values, and the bounds
//! at 0.8 and 0.95 with the actual values that the file has), `seconds` (wall) and `series` (how many forecasts took them).

use std::collections::BTreeMap;
use std::error::Error;
use std::num::NonZeroUsize;
use std::time::Instant;

use chrono::NaiveDate;
use innkeeper_forecast::series::{Series, SeriesRequest, forecast_all};
use serde_json::json;

type Columns = BTreeMap<(String, String), BTreeMap<NaiveDate, f64>>;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, key, date, columns, origins, horizon, threads, rest @ ..] = arguments.as_slice() else {
        return Err("usage: series FILE.csv KEYS DATE VALUE ORIGINS HORIZON THREADS [REPEAT]".into());
    };
    let horizon: u16 = horizon.parse()?;
    let threads: NonZeroUsize = threads.parse()?;
    let repeat: usize = rest.first().map_or(Ok(1), |r| r.parse())?;
    let read = read(&std::fs::read_to_string(file)?, key, date, &columns.split(',').collect::<Vec<_>>())?;
    let mut asked = Vec::new();
    let mut series = Vec::new();
    for origin in origins.split(',') {
        let origin: NaiveDate = origin.parse()?;
        for (name, days) in &read {
            let Some(first) = days.keys().next().copied().filter(|first| *first < origin) else { continue };
            let values = first
                .iter_days()
                .take_while(|day| *day < origin)
                .map(|day| days.get(&day).copied())
                .collect();
            series.push(Series { first, values });
            asked.push((name, origin, days));
        }
    }
    let request = SeriesRequest { days: horizon, levels: vec![0.8, 0.95], ..SeriesRequest::default() };
    let start = Instant::now();
    let mut answers = Vec::new();
    for _ in 0..repeat.max(1) {
        answers = forecast_all(&series, &request, threads);
    }
    let seconds = start.elapsed().as_secs_f64();
    let mut forecasts = Vec::new();
    for (((key, column), origin, days), answer) in asked.into_iter().zip(answers) {
        let answer = answer?;
        let bounds = |place: usize| -> Vec<[f64; 2]> {
            answer.days.iter().filter_map(|d| d.intervals.get(place)).map(|i| [i.lower, i.upper]).collect()
        };
        forecasts.push(json!({
            "key": key, "column": column, "origin": origin,
            "values": answer.days.iter().map(|d| d.value).collect::<Vec<_>>(),
            "bounds_80": bounds(0), "bounds_95": bounds(1),
            "actual": answer.days.iter().map(|d| days.get(&d.date)).collect::<Vec<_>>(),
            "members": answer.members, "coverage": answer.coverage, "error": answer.error,
        }));
    }
    let count = series.len() * repeat.max(1);
    let answer = json!({"forecasts": forecasts, "seconds": seconds, "series": count, "threads": threads});
    #[expect(clippy::print_stdout, reason = "the answer of a program")]
    {
        println!("{answer}");
    }
    Ok(())
}

/// Plain CSV without quotes; a cell that is no number is a missing day.
fn read(text: &str, key: &str, date: &str, columns: &[&str]) -> Result<Columns, Box<dyn Error>> {
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let place =
        |name: &str| header.iter().position(|h| *h == name).ok_or(format!("there is no column {name:?}"));
    let (key, date) = (place(key)?, place(date)?);
    let columns = columns.iter().map(|c| Ok((*c, place(c)?))).collect::<Result<Vec<_>, String>>()?;
    let mut read = Columns::new();
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        let cell = |place: usize| cells.get(place).copied().unwrap_or_default();
        let day: NaiveDate = cell(date).parse()?;
        for (column, place) in &columns {
            let days = read.entry((cell(key).to_owned(), (*column).to_owned())).or_default();
            if let Ok(value) = cell(*place).parse::<f64>() {
                days.insert(day, value);
            }
        }
    }
    Ok(read)
}
