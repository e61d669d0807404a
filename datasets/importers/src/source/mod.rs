//! A file as rows of text, whatever it is written in, in constant memory.

mod columnar;
mod delimited;
mod objects;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use csv::ByteRecord;

use columnar::Columnar;
use delimited::Delimited;
use objects::Objects;

/// Longest line that is read, in bytes: 1 MiB. A quotation mark that is never closed ends here too.
pub const MAX_LINE: usize = 1 << 20;
/// Most columns that are read.
pub const MAX_COLUMNS: usize = 1_000;

/// Why a file cannot be read, or not read to its end.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file cannot be opened or read.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// A folder, a pipe or a device: a file is read twice where its dates ask for it.
    #[error("{} is not a file", .0.display())]
    NotAFile(PathBuf),
    /// There is no header line.
    #[error("{} is empty", .0.display())]
    Empty(PathBuf),
    /// The file is text of an encoding that is not UTF-8.
    #[error("{}: {what}; save it as UTF-8", path.display())]
    Encoding {
        /// The file.
        path: PathBuf,
        /// How that was seen.
        what: &'static str,
    },
    /// A line, or a Parquet row, is longer than [`MAX_LINE`].
    #[error("line {line} is longer than {MAX_LINE} bytes; is a quotation mark not closed?")]
    LineTooLong {
        /// Where it begins; the first line is 1.
        line: u64,
    },
    /// A line has more columns than [`MAX_COLUMNS`].
    #[error("line {line} has {columns} columns, more than {MAX_COLUMNS}")]
    TooManyColumns {
        /// Where it begins.
        line: u64,
        /// How many it has.
        columns: usize,
    },
    /// A line holds a NUL byte: the file is not text.
    #[error("line {line} holds a NUL byte; the file is not text")]
    Nul {
        /// Where it begins.
        line: u64,
    },
    /// The JSON text is broken, or holds no list of objects.
    #[error("{}: {what}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The Parquet file is broken, or uses what is not supported.
    #[error("{}: {what}", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}

/// An open file, its header read.
///
/// CSV (commas, semicolons, tabs or bars, decided by the header line; quoted; with or without a byte-order mark; gzipped or not)
/// Parquet, and a JSON list of objects, decided by the first bytes and not by the name. A member of a member is a column with a
/// point: `rate.amount`.
pub struct Source {
    path: PathBuf,
    header: Vec<String>,
    unread: Vec<String>,
    rows: Kind,
}

enum Kind {
    Delimited(Box<Delimited>),
    Columnar(Box<Columnar>),
    Objects(Box<Objects>),
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("path", &self.path)
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

impl Source {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// Where it cannot be opened, is empty, is no file, is not UTF-8, or its header breaks a limit.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, SourceError> {
        let path = path.as_ref();
        let io = |error| SourceError::Io { path: path.to_owned(), error };
        let mut file = File::open(path).map_err(io)?;
        if !file.metadata().map_err(io)?.is_file() {
            return Err(SourceError::NotAFile(path.to_owned()));
        }
        let mut magic = Vec::with_capacity(64);
        file.by_ref().take(64).read_to_end(&mut magic).map_err(io)?;
        std::io::Seek::rewind(&mut file).map_err(io)?;
        let (header, unread, rows) = if magic.starts_with(b"PAR1") {
            let (columnar, unread) = Columnar::open(path, file)?;
            (columnar.header(), unread, Kind::Columnar(Box::new(columnar)))
        } else if Objects::begins(&magic) {
            let (objects, unread) = Objects::open(path, file)?;
            (objects.header(), unread, Kind::Objects(Box::new(objects)))
        } else {
            let (header, delimited) = Delimited::open(path, file, magic.starts_with(&[0x1f, 0x8b]))?;
            (header, Vec::new(), Kind::Delimited(Box::new(delimited)))
        };
        Ok(Self { path: path.to_owned(), header, unread, rows })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names of the columns, as written, in their order.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// Columns of a Parquet file or a JSON list that hold lists, structures or what has no text, and are not read.
    pub fn unread_columns(&self) -> &[String] {
        &self.unread
    }

    /// Opens the same file again, at its first row.
    pub(crate) fn reopen(&self) -> Result<Self, SourceError> {
        Self::open(&self.path)
    }

    /// Reads the next row into `record`; the line on which it begins, or `None` at the end. A row of a Parquet file has the
    /// line that it would have in a CSV file with a header: the first row is line 2.
    pub(crate) fn next(&mut self, record: &mut ByteRecord) -> Result<Option<u64>, SourceError> {
        let line = match &mut self.rows {
            Kind::Delimited(rows) => rows.next(&self.path, record)?,
            Kind::Columnar(rows) => rows.next(&self.path, record)?,
            Kind::Objects(rows) => rows.next(record),
        };
        let Some(line) = line else { return Ok(None) };
        check(record, line)?;
        Ok(Some(line))
    }
}

/// The limits of one row.
fn check(record: &ByteRecord, line: u64) -> Result<(), SourceError> {
    if record.as_slice().len() > MAX_LINE {
        return Err(SourceError::LineTooLong { line });
    }
    if record.len() > MAX_COLUMNS {
        return Err(SourceError::TooManyColumns { line, columns: record.len() });
    }
    if record.as_slice().contains(&0) {
        return Err(SourceError::Nul { line });
    }
    Ok(())
}
