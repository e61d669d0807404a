//! The pictures of a set: a folder with a `FILES.tsv` (columns at least `path`, `set`, `label`).
#![allow(dead_code, reason = "each example uses what it needs")]

use std::error::Error;
use std::path::{Path, PathBuf};

use innkeeper_core::{DecodeLimits, Picture};

/// A row of `FILES.tsv`.
pub struct Listed {
    pub path: PathBuf,
    pub set: String,
    pub label: String,
}

/// The rows whose set is among `sets`.
pub fn listed(folder: &Path, sets: &[String]) -> Result<Vec<Listed>, Box<dyn Error>> {
    let mut table =
        csv::ReaderBuilder::new().delimiter(b'\t').quoting(false).from_path(folder.join("FILES.tsv"))?;
    let titles = table.headers()?.clone();
    let column = |title: &str| {
        titles.iter().position(|t| t == title).ok_or_else(|| format!("FILES.tsv has no column {title}"))
    };
    let (path, set, label) = (column("path")?, column("set")?, column("label")?);
    let mut found = Vec::new();
    for row in table.records() {
        let row = row?;
        let cell = |at: usize| row.get(at).unwrap_or_default().to_owned();
        if sets.contains(&cell(set)) {
            found.push(Listed { path: folder.join(cell(path)), set: cell(set), label: cell(label) });
        }
    }
    if found.is_empty() {
        return Err(format!("{} lists no picture of {sets:?}", folder.display()).into());
    }
    Ok(found)
}

pub fn picture(path: &Path) -> Result<Picture, Box<dyn Error>> {
    Ok(Picture::decode(&std::fs::read(path)?, &DecodeLimits::default())?)
}
