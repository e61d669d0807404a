//! `evaluate forecast`: rolling origins on a file of bookings. The format is described in datasets/README.md.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use chrono::{Days, NaiveDate};
use innkeeper_forecast::plot::{BacktestPlot, HorizonPoint, LevelShare};
use innkeeper_forecast::scores::{Outcome, over};
use innkeeper_forecast::{History, Rolling, TARGETS, Target, backtest, evaluate, rolling_origins};
use innkeeper_frames::curves::{BookingCurves, Measure};
use innkeeper_hotel::Booking;
use innkeeper_importers::{ImportReport, Mapping, Source, bookings, hotel_slug};
use serde_json::{Value, json};

use super::evaluate::Args;
use super::table::table;
use super::{Failure, picture, progress};
use crate::config::Settings;
use crate::service::hotel::of_file;

/// Levels of the intervals that are scored.
const LEVELS: [f64; 2] = [0.8, 0.95];
/// Days between two origins, where nobody names them: no multiple of a week, so that they fall on every weekday.
const STEP: u16 = 19;
/// Most origins that are chosen where nobody names them.
const MOST_ORIGINS: usize = 9;
/// The first origin of the protocol of the published figures, and the file that it is for: its hotels and its arrivals.
const PROTOCOL: &str = "2016-10-30";
const PROTOCOL_HOTELS: [&str; 2] = ["city-hotel", "resort-hotel"];
const PROTOCOL_ARRIVALS: (&str, &str) = ("2015-07-01", "2017-04-30");

/// The bookings of a file.
struct Read {
    /// By hotel.
    hotels: BTreeMap<String, Vec<Booking>>,
    report: ImportReport,
}

fn read(data: &Path, mapping: Option<&Path>, settings: &Settings) -> Result<Read, Failure> {
    let named = |e: &dyn std::fmt::Display| -> Failure { of_file(data, e).into() };
    let mapping = mapping.map(Mapping::open).transpose()?.unwrap_or_default();
    let how = innkeeper_importers::Settings::default();
    let source = Source::open(data).map_err(|e| named(&e))?;
    let mut rows = bookings(source, &mapping, &how).map_err(|e| named(&e))?;
    let mut report = ImportReport::default();
    let mut hotels: BTreeMap<String, Vec<Booking>> = BTreeMap::new();
    for outcome in &mut rows {
        let Some((hotel, _, booking)) = report.take(outcome.map_err(|e| named(&e))?) else { continue };
        let name = match hotel.as_deref() {
            None => settings.hotel.default.to_string(),
            Some(name) => hotel_slug(name).map_or_else(|| name.to_owned(), |slug| slug.to_string()),
        };
        match hotels.get_mut(&name) {
            Some(all) => all.push(booking),
            None => drop(hotels.insert(name, vec![booking])),
        }
    }
    report.finish(&rows);
    if hotels.is_empty() {
        let why = report.rejections.first().map_or_else(
            || "it has no rows".to_owned(),
            |first| format!("line {}: {}", first.line, first.reason),
        );
        return Err(named(&format!("no row is a booking; {why}")));
    }
    Ok(Read { hotels, report })
}

/// First and last arrival of all hotels.
fn arrivals(hotels: &BTreeMap<String, Vec<Booking>>) -> Option<(NaiveDate, NaiveDate)> {
    let all = || hotels.values().flatten().map(|booking| booking.stay.arrival);
    Some((all().min()?, all().max()?))
}

/// The last day of which a file tells the truth. A file that was cut by arrival tells of departures weeks after its last one, and of
/// no other guests there; one that a hotel's system wrote holds arrivals that lie ahead of its last day.
fn known_until(hotels: &BTreeMap<String, Vec<Booking>>) -> Option<NaiveDate> {
    let told = hotels.values().flatten().map(Booking::told_on).max()?;
    Some(arrivals(hotels)?.1.min(told))
}

/// The origins where nobody names them: those of the published figures for the file they were made on, for any other such that
/// they spread over the last third of it.
fn usual_origins(hotels: &BTreeMap<String, Vec<Booking>>, horizon: u16) -> Vec<NaiveDate> {
    let (Some((first, last)), Some(until)) = (arrivals(hotels), known_until(hotels)) else {
        return Vec::new();
    };
    let published = hotels.keys().map(String::as_str).eq(PROTOCOL_HOTELS)
        && (first.to_string(), last.to_string())
            == (PROTOCOL_ARRIVALS.0.to_owned(), PROTOCOL_ARRIVALS.1.to_owned());
    if let (true, Ok(start)) = (published, PROTOCOL.parse::<NaiveDate>()) {
        let later = |n: u64| start.checked_add_days(Days::new(n * u64::from(STEP)));
        return (0..MOST_ORIGINS as u64).filter_map(later).collect();
    }
    let third = (until - first).num_days() / 3 - i64::from(horizon);
    let count = (third / i64::from(STEP) + 1).clamp(1, MOST_ORIGINS as i64);
    rolling_origins(until, horizon, STEP, count as usize)
}

/// The figures of a file.
pub(super) fn forecast(args: &Args, settings: &Settings) -> Result<Value, Failure> {
    if !(1..=365).contains(&args.horizon) {
        return Err("--horizon is 1 to 365 days".into());
    }
    let read = read(&args.data, args.mapping.as_deref(), settings)?;
    let origins = if args.origins.is_empty() {
        usual_origins(&read.hotels, args.horizon)
    } else {
        args.origins.clone()
    };
    let curves: BTreeMap<String, BookingCurves> =
        read.hotels.iter().map(|(name, bookings)| (name.clone(), BookingCurves::new(bookings))).collect();
    let forecasts = curves.len() * origins.len() * TARGETS.len();
    let bar = progress::of_things(forecasts as u64, "forecasts");
    let (started, looked) = (Instant::now(), Cell::new(0));
    // Looked at before and after each forecast.
    let clock = || {
        looked.set(looked.get() + 1);
        bar.set_position(looked.get() / 2);
        started.elapsed().as_secs_f64()
    };
    let until = known_until(&read.hotels);
    let report = evaluate(&curves, &origins, args.horizon, until, Some(&clock));
    bar.finish_and_clear();
    if let Some(file) = &args.plot {
        picture::save(&plotted(&curves, &origins, args.horizon, until), file)?;
        eprintln!("{} is written", file.display());
    }
    let mut told = serde_json::to_value(&report)?;
    let mut reasons: Vec<Value> = told["reasons"].as_array().cloned().unwrap_or_default();
    reasons.extend(short(&curves, &origins, args.horizon, until).into_iter().map(Value::from));
    let counts: BTreeMap<&String, usize> = read.hotels.iter().map(|(name, all)| (name, all.len())).collect();
    let rejected: BTreeMap<&str, u64> =
        read.report.by_code.iter().map(|(code, n)| (code.word(), *n)).collect();
    if read.report.rejected > 0 {
        reasons.push(json!(format!(
            "{} rows are no bookings and are left out: {rejected:?}; `innkeeper import bookings FILE --dry-run` shows them",
            read.report.rejected
        )));
    }
    told["reasons"] = json!(reasons);
    told["bookings"] = json!(counts);
    told["rejected"] = json!(rejected);
    told["notes"] = json!(read.report.notes);
    told["models"] = json!([format!("forecast@{}", env!("CARGO_PKG_VERSION"))]);
    Ok(told)
}

/// What the figures lack because of the horizon or the end of the file.
fn short(
    hotels: &BTreeMap<String, BookingCurves>,
    origins: &[NaiveDate],
    horizon: u16,
    until: Option<NaiveDate>,
) -> Vec<String> {
    let mut told = Vec::new();
    if horizon != 28 {
        told.push(format!("the keys that end in _28 speak of all {horizon} days asked for"));
    }
    if horizon < 7 {
        told.push(format!("the keys that end in _7 speak of {horizon} days"));
    }
    let Some(last) = until else { return told };
    for name in hotels.keys() {
        for origin in origins {
            let known = (last - *origin).num_days() + 1;
            if known < i64::from(horizon) {
                told.push(format!(
                    "{name}, {origin}: what is known ends on {last}, so {} of {horizon} days are compared",
                    known.max(0)
                ));
            }
        }
    }
    told
}

/// Occupancy by horizon over all hotels, beside the same weekday of the last known week.
fn plotted(
    hotels: &BTreeMap<String, BookingCurves>,
    origins: &[NaiveDate],
    horizon: u16,
    until: Option<NaiveDate>,
) -> BacktestPlot {
    let (mut outcomes, mut naive): (Vec<Outcome>, BTreeMap<u16, Vec<f64>>) = Default::default();
    for curves in hotels.values() {
        let Some(known_until) = until else { continue };
        let rolling =
            Rolling { origins: origins.to_vec(), days: horizon, levels: LEVELS.to_vec(), known_until };
        let Ok(made) = backtest(&History::of(curves), &[Target::Occupancy], &rolling, None) else { continue };
        for report in &made {
            outcomes.extend_from_slice(report.outcomes());
            for day in &report.compared {
                let back = 7 * u64::from(day.horizon.div_ceil(7));
                let Some(before) = day.date.checked_sub_days(Days::new(back)) else { continue };
                let then = curves.totals(Measure::Rooms, None, before, 1);
                naive
                    .entry(day.horizon)
                    .or_default()
                    .extend(then.first().map(|then| (day.actual - then).abs()));
            }
        }
    }
    let points = (1..=horizon)
        .filter_map(|h| {
            let scores = over(&outcomes, h..=h).ok()?;
            let misses = naive.get(&h).filter(|misses| !misses.is_empty());
            Some(HorizonPoint {
                horizon: h,
                error: scores.mae,
                baseline: misses.map(|misses| misses.iter().sum::<f64>() / misses.len() as f64),
                coverage: scores
                    .intervals
                    .iter()
                    .map(|at| LevelShare { level: at.level, share: at.coverage })
                    .collect(),
            })
        })
        .collect();
    BacktestPlot {
        title: format!("Occupied rooms, {} origins, {} hotels", origins.len(), hotels.len()),
        quantity: "occupied rooms".to_owned(),
        baseline: "same weekday of the last week".to_owned(),
        points,
    }
}

/// The figures as a table: the mean over hotels, then each hotel.
pub(super) fn render(figures: &Value) -> String {
    let number = |value: &Value, digits: usize| {
        value.as_f64().map_or_else(|| "–".to_owned(), |value| format!("{value:.digits$}"))
    };
    let share = |value: &Value| {
        value.as_f64().map_or_else(|| "–".to_owned(), |value| format!("{:.1} %", 100.0 * value))
    };
    let row = |target: &str, who: &str, of: &Value| {
        vec![
            target.to_owned(),
            who.to_owned(),
            number(&of["mae_7"], 2),
            number(&of["mae_28"], 2),
            number(&of["mase_28"], 3),
            share(&of["coverage_80"]),
            share(&of["coverage_95"]),
            number(&of["interval_score_80"], 1),
            number(&of["seconds"], 2),
        ]
    };
    let hotels = figures["hotels"].as_object().cloned().unwrap_or_default();
    let mut rows = Vec::new();
    for (target, _) in TARGETS {
        rows.push(row(target, "mean", &figures["targets"][target]));
        rows.extend(hotels.iter().map(|(name, of)| row("", name, &of[target])));
    }
    let all = format!("MAE 1-{}", figures["horizon"]);
    let header = [
        "target",
        "hotel",
        "MAE 1-7",
        &all,
        "MASE",
        "80 % held",
        "95 % held",
        "interval score 80 %",
        "seconds",
    ];
    let mut lines = vec![table(&header, &rows)];
    let origins: Vec<&str> =
        figures["origins"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    lines.push(format!("\n{} origins: {}", origins.len(), origins.join(" ")));
    for key in ["reasons", "notes"] {
        let told = figures[key].as_array().into_iter().flatten().filter_map(Value::as_str);
        lines.extend(told.map(|told| format!("{}: {told}", key.trim_end_matches('s'))));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use innkeeper_hotel::Stay;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn hotels(names: &[&str], first: &str, last: &str) -> BTreeMap<String, Vec<Booking>> {
        let booking = |arrival: &str| {
            let stay = Stay { arrival: day(arrival), nights: 1 };
            Booking::confirmed("B1".parse().unwrap(), day(arrival), stay, "A".parse().unwrap())
        };
        names.iter().map(|name| ((*name).to_owned(), vec![booking(first), booking(last)])).collect()
    }

    #[test]
    fn the_published_file_has_the_origins_of_the_published_figures() {
        let origins = usual_origins(&hotels(&["city-hotel", "resort-hotel"], "2015-07-01", "2017-04-30"), 28);
        assert_eq!((origins.len(), origins[0], origins[8]), (9, day("2016-10-30"), day("2017-03-31")));
    }

    #[test]
    fn another_file_is_judged_on_its_last_third_and_never_beyond_its_end() {
        for (first, last, horizon, n) in [
            ("2022-01-01", "2024-12-31", 28, 9),
            ("2024-01-01", "2024-06-30", 28, 2),
            ("2024-01-01", "2024-01-31", 28, 1),
        ] {
            let origins = usual_origins(&hotels(&["seaside"], first, last), horizon);
            assert_eq!(origins.len(), n, "{first} to {last}: {origins:?}");
            let end = *origins.last().unwrap() + Days::new(u64::from(horizon) - 1);
            assert_eq!(end, day(last), "the last day of the last origin is the last one of the file");
        }
    }
}
