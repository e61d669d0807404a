//! Files that the tests write, and what is read from them.
#![allow(dead_code, reason = "each test file uses its part")]

use std::path::PathBuf;
use std::sync::Arc;

use innkeeper_importers::{Entry, ImportError, ImportReport, Mapping, RejectCode, Settings, Source, read};
use tempfile::TempDir;

/// What came of a file.
#[derive(Debug)]
pub struct Read<T> {
    pub rows: Vec<T>,
    pub hotels: Vec<Option<Arc<str>>>,
    pub report: ImportReport,
}

impl<T> Read<T> {
    /// The line and the code of each rejected row.
    pub fn rejected(&self) -> Vec<(u64, RejectCode)> {
        self.report.rejections.iter().map(|rejection| (rejection.line, rejection.code)).collect()
    }

    /// The code of the only row, which was rejected.
    pub fn code(&self) -> RejectCode {
        assert_eq!((self.report.accepted, self.report.rejected), (0, 1), "{:?}", self.report);
        self.report.rejections[0].code
    }

    /// Whether a note speaks of something.
    pub fn notes(&self, of: &str) -> bool {
        self.report.notes.iter().any(|note| note.contains(of))
    }
}

/// A file of these bytes.
pub fn file(bytes: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("rows");
    std::fs::write(&path, bytes).expect("written");
    (folder, path)
}

/// Reads a file of these bytes.
pub fn try_import<T: Entry>(
    bytes: impl AsRef<[u8]>,
    mapping: &str,
    settings: &Settings,
) -> Result<Read<T>, ImportError> {
    let (_folder, path) = file(bytes);
    let mapping = Mapping::from_toml(mapping).expect("a mapping");
    let mut rows = read::<T>(Source::open(path)?, &mapping, settings)?;
    let mut read = Read { rows: Vec::new(), hotels: Vec::new(), report: ImportReport::default() };
    for outcome in &mut rows {
        if let Some((hotel, _, row)) = read.report.take(outcome?) {
            read.rows.push(row);
            read.hotels.push(hotel);
        }
    }
    read.report.finish(&rows);
    Ok(read)
}

/// Reads a file that can be read.
pub fn import<T: Entry>(bytes: impl AsRef<[u8]>) -> Read<T> {
    mapped(bytes, "")
}

/// Reads a file that can be read, by a mapping.
pub fn mapped<T: Entry>(bytes: impl AsRef<[u8]>, mapping: &str) -> Read<T> {
    try_import(bytes, mapping, &Settings::default()).expect("read to its end")
}
