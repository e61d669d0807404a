//! The files behind `import bookings`, `rates`, `competitors`, `events`, `guests` and `rooms`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use chrono_tz::Tz;
use innkeeper_core::HotelId;
use innkeeper_hotel::Currency;
use innkeeper_importers::{Mapping, RejectWriter, Rejection, Table};
use serde_json::{Value, json};

use super::table::table;
use super::{Failure, Outcome, feed, progress, say};
use crate::app::{data_keys, open_store};
use crate::config::Settings;
use crate::service::hotel::{Checked, HotelWritten, ImportFile, check, write};

/// Rejected rows that are printed of each file; `--rejects` keeps all.
const SHOWN: usize = 12;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// CSV with a header line, also gzipped, Parquet, or JSON with a list of objects; or the address of one, https:// (with
    /// what INNKEEPER_FEED_AUTHORIZATION holds, where it is asked for).
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The hotel of rows that name none [default: hotel.default].
    #[arg(long)]
    hotel: Option<HotelId>,
    /// Which column feeds which field, and how its words are read; datasets/README.md describes it.
    #[arg(long, value_name = "FILE.toml")]
    mapping: Option<PathBuf>,
    /// The zone that decides the day of an instant, such as Asia/Ho_Chi_Minh [default: hotel.timezone, unless that is UTC].
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<Tz>,
    /// The currency of amounts that name none, such as EUR.
    #[arg(long, value_name = "CODE")]
    currency: Option<Currency>,
    /// Where every rejected row of one file is written: line, code, reason.
    #[arg(long, value_name = "FILE.csv")]
    rejects: Option<PathBuf>,
    /// Read and report, write nothing.
    #[arg(long)]
    dry_run: bool,
    /// The data directory [default: storage.data_dir, ./data].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// One JSON object instead of tables.
    #[arg(long)]
    json: bool,
}

/// A file that was read to its end, and what was written of it.
struct Done {
    path: PathBuf,
    checked: Checked,
    written: Vec<HotelWritten>,
}

fn named(path: &Path) -> impl Fn(&dyn std::fmt::Display) -> Failure {
    move |error| format!("{}: {error}", path.display()).into()
}

/// Reads every file to its end. Nothing is written before all of them can be read.
fn checked(files: &[ImportFile], rejects: Option<&Path>) -> Result<Vec<Checked>, Failure> {
    let mut writer = match rejects {
        Some(path) => {
            let file = File::create(path).map_err(|e| named(path)(&e))?;
            Some(RejectWriter::new(BufWriter::new(file)).map_err(|e| named(path)(&e))?)
        }
        None => None,
    };
    let mut all = Vec::new();
    for file in files {
        let bar = progress::of_unknown("rows read");
        let checked = check(file, writer.as_mut(), |n| bar.set_position(n));
        bar.finish_and_clear();
        all.push(checked?);
    }
    if let (Some(writer), Some(path)) = (writer, rejects) {
        writer.finish().map_err(|e| named(path)(&e))?;
    }
    Ok(all)
}

pub(super) fn run(of: Table, args: &Args, settings: Settings) -> Outcome {
    let started = Instant::now();
    if args.rejects.is_some() && args.files.len() > 1 {
        return Err("lines are told by their number: with --rejects bring one file at a time".into());
    }
    let settings = settings.with_data_dir(args.data_dir.clone());
    let hotel = args.hotel.clone().unwrap_or_else(|| settings.hotel.default.clone());
    let mapping = args.mapping.as_ref().map(Mapping::open).transpose()?.unwrap_or_default();
    // Whoever never named a zone has not said that the hotel is in Greenwich: days are read as they are written then.
    let named = Some(settings.hotel.timezone).filter(|zone| *zone != Tz::UTC);
    let read = innkeeper_importers::Settings { time_zone: args.time_zone.or(named), currency: args.currency };
    let folder = tempfile::tempdir()?;
    let local: Vec<PathBuf> = args
        .files
        .iter()
        .enumerate()
        .map(|(place, file)| feed::local(file, place, &folder))
        .collect::<Result<_, _>>()?;
    let files: Vec<ImportFile> = local
        .into_iter()
        .map(|path| ImportFile {
            path,
            table: of,
            mapping: mapping.clone(),
            settings: read.clone(),
            hotel: hotel.clone(),
        })
        .collect();
    let checked = checked(&files, args.rejects.as_deref())?;
    let accepted: u64 = checked.iter().map(|c| c.report.accepted).sum();
    let written = if args.dry_run || accepted == 0 {
        checked.iter().map(not_written).collect()
    } else {
        keep(&files, &checked, &settings)?
    };
    let done: Vec<Done> = args
        .files
        .iter()
        .zip(checked)
        .zip(written)
        .map(|((path, checked), written)| Done { path: path.clone(), checked, written })
        .collect();
    let seconds = started.elapsed().as_secs_f64();
    if args.json {
        say(as_json(of, &done, args.dry_run, seconds))?;
    } else {
        say(render(of, &done, args.dry_run, seconds))?;
    }
    Ok(if accepted == 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn not_written(checked: &Checked) -> Vec<HotelWritten> {
    let none = |(hotel, accepted): &(HotelId, u64)| HotelWritten {
        hotel: hotel.clone(),
        import_id: None,
        accepted: *accepted,
        inserted: 0,
        changed: 0,
        unchanged: 0,
    };
    checked.hotels.iter().map(none).collect()
}

/// Writes every file, one after another.
fn keep(
    files: &[ImportFile],
    checked: &[Checked],
    settings: &Settings,
) -> Result<Vec<Vec<HotelWritten>>, Failure> {
    std::fs::create_dir_all(&settings.storage.data_dir)?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let store = open_store(settings, data_keys(settings)?).await?;
        let mut all = Vec::new();
        for (file, checked) in files.iter().zip(checked) {
            let bar = progress::of_things(checked.report.accepted, "rows");
            let written = write(&store, file, checked, |n| bar.set_position(n)).await;
            bar.finish_and_clear();
            all.push(written?);
        }
        store.close().await;
        Ok(all)
    })
}

/// What was written, by hotel over all files.
fn by_hotel(done: &[Done]) -> Vec<HotelWritten> {
    let mut hotels: BTreeMap<String, HotelWritten> = BTreeMap::new();
    for one in done.iter().flat_map(|file| &file.written) {
        let whole = hotels.entry(one.hotel.to_string()).or_insert_with(|| HotelWritten {
            accepted: 0,
            inserted: 0,
            changed: 0,
            unchanged: 0,
            ..one.clone()
        });
        whole.accepted += one.accepted;
        whole.inserted += one.inserted;
        whole.changed += one.changed;
        whole.unchanged += one.unchanged;
    }
    hotels.into_values().collect()
}

/// The first row of a kind, and the file it stands in.
type Example<'a> = Option<(&'a Path, &'a Rejection)>;

/// The kinds of reasons, how often each, and the first row of each.
fn rejections(done: &[Done]) -> Vec<(&'static str, u64, Example<'_>)> {
    let mut codes: BTreeMap<&'static str, (u64, Example<'_>)> = BTreeMap::new();
    for file in done {
        for (code, n) in &file.checked.report.by_code {
            let counted = codes.entry(code.word()).or_default();
            counted.0 += n;
            let first = file.checked.report.rejections.iter().find(|r| r.code == *code);
            counted.1 = counted.1.or(first.map(|first| (file.path.as_path(), first)));
        }
    }
    codes.into_iter().map(|(code, (n, example))| (code, n, example)).collect()
}

fn as_json(of: Table, done: &[Done], dry_run: bool, seconds: f64) -> Value {
    let sum = |of: fn(&Checked) -> u64| done.iter().map(|file| of(&file.checked)).sum::<u64>();
    let files: Vec<Value> = done
        .iter()
        .map(|file| {
            json!({
                "file": file.path.display().to_string(),
                "sha256": file.checked.sha256,
                "read": file.checked.rows(),
                "accepted": file.checked.report.accepted,
                "rejected": file.checked.report.rejected,
                "notes": file.checked.report.notes,
                "hotels": file.written,
            })
        })
        .collect();
    let rejections: Vec<Value> = rejections(done)
        .into_iter()
        .map(|(code, count, example)| {
            let example = example.map(|(path, r)| {
                json!({ "file": path.display().to_string(), "line": r.line, "reason": r.reason, "values": r.values })
            });
            json!({ "code": code, "count": count, "example": example })
        })
        .collect();
    json!({
        "table": of.word(),
        "dry_run": dry_run,
        "read": sum(Checked::rows),
        "accepted": sum(|checked| checked.report.accepted),
        "rejected": sum(|checked| checked.report.rejected),
        "repeated": sum(|checked| checked.report.repeated),
        "hotels": by_hotel(done),
        "rejections": rejections,
        "files": files,
        "seconds": seconds,
    })
}

fn render(of: Table, done: &[Done], dry_run: bool, seconds: f64) -> String {
    let mut parts = Vec::new();
    let files: Vec<Vec<String>> = done
        .iter()
        .map(|file| {
            let report = &file.checked.report;
            let cells = [file.checked.rows(), report.accepted, report.rejected, report.repeated];
            [file.path.display().to_string()].into_iter().chain(cells.map(|n| n.to_string())).collect()
        })
        .collect();
    parts.push(table(&["file", "read", "accepted", "rejected", "repeated"], &files));
    let hotels = by_hotel(done);
    if !hotels.is_empty() {
        let rows: Vec<Vec<String>> = hotels
            .iter()
            .map(|hotel| {
                let written = [hotel.inserted, hotel.changed, hotel.unchanged].map(|n| n.to_string());
                let written = if dry_run { [(); 3].map(|()| "–".to_owned()) } else { written };
                [hotel.hotel.to_string(), hotel.accepted.to_string()].into_iter().chain(written).collect()
            })
            .collect();
        parts.push(table(&["hotel", of.word(), "new", "changed", "there already"], &rows));
    }
    let rejections = rejections(done);
    if !rejections.is_empty() {
        let several = done.len() > 1;
        let rows: Vec<Vec<String>> = rejections
            .iter()
            .take(SHOWN)
            .map(|(code, n, example)| {
                let example = example.map_or_else(
                    || "–".to_owned(),
                    |(path, r)| {
                        let file = if several { format!("{}, ", path.display()) } else { String::new() };
                        format!("{file}line {}: {}", r.line, r.reason)
                    },
                );
                vec![(*code).to_owned(), n.to_string(), example]
            })
            .collect();
        parts.push(table(&["rejected because", "rows", "the first one"], &rows));
    }
    let notes: Vec<String> =
        done.iter().flat_map(|file| &file.checked.report.notes).map(|note| format!("note: {note}")).collect();
    if !notes.is_empty() {
        parts.push(notes.join("\n"));
    }
    let end = if dry_run { "nothing was written, as asked" } else { "done" };
    parts.push(format!("{end}, {seconds:.1} s"));
    parts.join("\n\n")
}
