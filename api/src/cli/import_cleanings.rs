//! `import cleanings`: how long cleanings took.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use innkeeper_core::{HotelId, RoomNumber};
use innkeeper_store::Cleaning;
use serde::Deserialize;
use serde_json::json;

use super::{Failure, Outcome, say};
use crate::app::{data_keys, open_store};
use crate::config::Settings;
use crate::service::{CleaningInput, cleanings};

/// Who is told to have recorded what is imported.
const ACTOR: &str = "innkeeper import";
/// Rows written in one transaction.
const BATCH: usize = 500;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A file of comma-separated values with a header line.
    file: PathBuf,
    /// The hotel [default: hotel.default].
    #[arg(long)]
    hotel: Option<HotelId>,
    /// The data directory [default: storage.data_dir, ./data].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// One JSON object instead of words.
    #[arg(long)]
    json: bool,
}

/// A line of the file.
#[derive(Deserialize)]
struct Line {
    room_number: String,
    started_at: String,
    finished_at: String,
    #[serde(default)]
    room_type: Option<String>,
    #[serde(default)]
    tags: Option<String>,
}

impl Line {
    fn row(self) -> Result<Cleaning, String> {
        let time = |name: &str, text: &str| {
            let at = DateTime::parse_from_rfc3339(text.trim());
            at.map(|at| at.with_timezone(&Utc)).map_err(|e| format!("{name} is not an RFC 3339 time: {e}"))
        };
        let room: RoomNumber = self.room_number.trim().parse().map_err(|e| format!("{e}"))?;
        // An empty cell does not say that there was nothing to clean.
        let tags = self.tags.as_deref().filter(|text| !text.trim().is_empty());
        let tags: Option<Vec<String>> = tags.map(|text| {
            text.split(';').map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned).collect()
        });
        let input = CleaningInput {
            room,
            room_type: self.room_type.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty()),
            started_at: time("started_at", &self.started_at)?,
            finished_at: time("finished_at", &self.finished_at)?,
            tags: tags.clone(),
        };
        if let Some(doubt) = cleanings::doubt(&input) {
            return Err(doubt);
        }
        if input.finished_at > Utc::now() {
            return Err("finished_at lies in the future".to_owned());
        }
        Ok(cleanings::row(input, tags, ACTOR))
    }
}

/// A row that was not taken: its line in the file, and why.
struct Rejected {
    line: u64,
    reason: String,
}

fn read(file: &Path) -> Result<(Vec<Cleaning>, Vec<Rejected>), Failure> {
    let failed = |e: &dyn std::fmt::Display| format!("{}: {e}", file.display());
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(file).map_err(|e| failed(&e))?;
    let headers = reader.headers().map_err(|e| failed(&e))?.clone();
    for column in ["room_number", "started_at", "finished_at"] {
        if !headers.iter().any(|h| h == column) {
            return Err(failed(&format!("there is no column {column}")).into());
        }
    }
    let (mut rows, mut rejected) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                rejected.push(Rejected { line, reason: error.to_string() });
                continue;
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        let read: Result<Line, _> = record.deserialize(Some(&headers));
        match read.map_err(|e| e.to_string()).and_then(Line::row) {
            Ok(row) => rows.push(row),
            Err(reason) => rejected.push(Rejected { line, reason }),
        }
    }
    Ok((rows, rejected))
}

pub(super) fn run(args: &Args, settings: Settings) -> Outcome {
    let settings = settings.with_data_dir(args.data_dir.clone());
    let hotel = args.hotel.clone().unwrap_or_else(|| settings.hotel.default.clone());
    let (rows, rejected) = read(&args.file)?;
    let read = rows.len();
    std::fs::create_dir_all(&settings.storage.data_dir)?;
    let written: u64 = tokio::runtime::Runtime::new()?.block_on(async {
        let store = open_store(&settings, data_keys(&settings)?).await?;
        let mut written = 0;
        for batch in rows.chunks(BATCH) {
            written += store.hotel(&hotel).record_cleanings(batch, Utc::now()).await?;
        }
        store.close().await;
        Ok::<_, Failure>(written)
    })?;
    let known = read as u64 - written.min(read as u64);
    if args.json {
        let told: Vec<_> = rejected.iter().map(|r| json!({ "line": r.line, "reason": r.reason })).collect();
        say(json!({ "imported": written, "known_already": known, "rejected": told }))?;
    } else {
        for Rejected { line, reason } in &rejected {
            say(format!("line {line}: {reason}"))?;
        }
        say(format!("{written} imported, {known} known already, {} rejected", rejected.len()))?;
    }
    Ok(if rejected.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_that_is_not_taken_is_told_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("cleanings.csv");
        let lines = [
            "room_number,started_at,finished_at,room_type,tags",
            "201,2025-01-17T10:00:00Z,2025-01-17T10:25:00Z,deluxe,bed_unmade; trash",
            "202,2025-01-17T10:00:00Z,2025-01-17T09:00:00Z,,",
            "2/3,2025-01-17T10:00:00Z,2025-01-17T10:20:00Z,,",
            "204,yesterday,2025-01-17T10:20:00Z,,",
            "205,2025-01-17T10:00:00Z",
            "206,2025-01-17T10:00:00+07:00,2025-01-17T10:30:00+07:00,,",
            "207,2025-01-17T10:00:00Z,2025-01-17T10:00:00.000001Z,,",
        ];
        std::fs::write(&file, lines.join("\n")).unwrap();
        let (rows, rejected) = read(&file).unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].tags.as_deref().unwrap(), ["bed_unmade", "trash"]);
        assert_eq!((&rows[1].room_type, &rows[1].tags), (&None, &None));
        assert_eq!(rejected.iter().map(|r| r.line).collect::<Vec<_>>(), [3, 4, 5, 6, 8]);
        std::fs::write(&file, "room,from,to\n1,2,3\n").unwrap();
        assert!(read(&file).err().unwrap().to_string().contains("room_number"));
    }
}
