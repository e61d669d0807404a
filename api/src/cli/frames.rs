//! `frames`: what models learn from, described, and handed out as Parquet.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use clap::Subcommand;
use innkeeper_frames::{ColumnDescription, Frame, FrameDescription, describe};
use polars::prelude::ParquetWriter;
use serde_json::json;

use super::registry::{Place, failed};
use super::table::table;
use super::{Outcome, say};
use crate::app::{data_keys, installed, open_store};
use crate::config::Settings;
use crate::service::hotel;

#[derive(Debug, Subcommand)]
pub(super) enum Frames {
    /// Every frame and what each of its columns means, in which unit, and from when on it is known.
    Describe {
        /// Only this frame.
        name: Option<Frame>,
        /// One JSON object instead of tables.
        #[arg(long)]
        json: bool,
    },
    /// Write a frame as Parquet, as it was known at the end of a day.
    #[command(
        after_help = "Example:\n  innkeeper frames export nights --as-of 2025-01-31 --out nights.parquet\n\nIn a notebook:\n  polars.read_parquet(\"nights.parquet\")"
    )]
    Export {
        /// The frame; `innkeeper frames describe` lists them.
        name: Frame,
        /// The day at whose end everything in the frame was known.
        #[arg(long, value_name = "DATE")]
        as_of: NaiveDate,
        /// The file to write; one that is there is replaced.
        #[arg(long, value_name = "FILE.parquet")]
        out: PathBuf,
        #[command(flatten)]
        place: Place,
    },
}

pub(super) fn run(command: Frames, settings: &Settings) -> Outcome {
    match command {
        Frames::Describe { name, json } => print(name, json),
        Frames::Export { name, as_of, out, place } => export(name, as_of, &out, &place, settings),
    }
}

fn print(only: Option<Frame>, as_json: bool) -> Outcome {
    let frames: Vec<FrameDescription> =
        describe().into_iter().filter(|frame| only.is_none_or(|only| only.name() == frame.name)).collect();
    if as_json {
        return say(serde_json::to_string_pretty(&json!({ "frames": frames }))?);
    }
    say(frames.iter().map(shown).collect::<Vec<_>>().join("\n\n"))
}

/// A frame as a person reads it.
fn shown(frame: &FrameDescription) -> String {
    let row = |column: &ColumnDescription| {
        let may_be_empty = if column.nullable { ", may be empty" } else { "" };
        vec![
            column.name.to_owned(),
            format!("{}{may_be_empty}", column.dtype.word()),
            column.unit.to_owned(),
            column.known.to_owned(),
            column.meaning.to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> = frame.columns.iter().map(row).collect();
    let warning = if frame.point_in_time {
        ""
    } else {
        "\nHolds values as they stand now, whatever the day: not for training."
    };
    format!(
        "{} (version {}): {}, sorted by {}{warning}\n{}",
        frame.name,
        frame.version,
        frame.row,
        frame.sorted_by.join(", "),
        table(&["column", "holds", "unit", "known", "meaning"], &rows)
    )
}

fn export(frame: Frame, as_of: NaiveDate, out: &Path, place: &Place, settings: &Settings) -> Outcome {
    let (hotel, settings) = place.of(settings);
    installed(&settings)?;
    let tables = tokio::runtime::Runtime::new()?.block_on(async {
        let store = open_store(&settings, data_keys(&settings)?).await?;
        let tables = hotel::tables(&store.hotel(&hotel)).await;
        store.close().await;
        tables.map_err(failed)
    })?;
    let mut made = frame.build(&tables.as_of(as_of))?;
    let (rows, columns) = made.shape();
    let named = |e: &dyn std::fmt::Display| format!("{}: {e}", out.display());
    // Written beside it first: a file that is there is whole, the old one or the new one.
    let unfinished = out.with_extension("unfinished");
    let file = std::fs::File::create(&unfinished).map_err(|e| named(&e))?;
    let written = ParquetWriter::new(file).finish(&mut made).map_err(|e| named(&e));
    let written = written.and_then(|_| std::fs::rename(&unfinished, out).map_err(|e| named(&e)));
    if written.is_err() {
        let _ = std::fs::remove_file(&unfinished);
    }
    written?;
    say(format!("{}: {rows} rows, {columns} columns of {frame} as of the end of {as_of}", out.display()))
}
