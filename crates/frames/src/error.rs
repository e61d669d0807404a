use std::path::PathBuf;

use chrono::NaiveDate;
use polars::prelude::PolarsError;

/// Why a table or a frame could not be made.
#[derive(Debug, thiserror::Error)]
pub enum FramesError {
    /// A file or folder could not be read or written.
    #[error("{}: {source}", .path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is not the Parquet it should be.
    #[error("{} is not a table that can be read: {source}", .path.display())]
    Parquet {
        /// Which one.
        path: PathBuf,
        /// What the reader said.
        source: PolarsError,
    },
    /// A column that a table must have is not there.
    #[error("table {table} has no column {column}")]
    NoColumn {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// A column holds another kind of value, which cannot be turned into the right one.
    #[error("column {column} of table {table} is no {wanted}: {source}")]
    WrongType {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The kind it should hold.
        wanted: &'static str,
        /// What the conversion said.
        source: PolarsError,
    },
    /// A column that must have a value in every row has none in some.
    #[error("column {column} of table {table} is empty in {rows} rows")]
    Missing {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// Rows without a value.
        rows: usize,
    },
    /// A text that is not one of the words of its column.
    #[error("{word:?} is not a word of column {column} of table {table}")]
    Word {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The text, at most 32 characters of it.
        word: String,
    },
    /// A window that ends before it begins, or is longer than is believed.
    #[error("a window from {from} to {until} is not one of 1 to {most} nights")]
    Window {
        /// First night.
        from: NaiveDate,
        /// Last night.
        until: NaiveDate,
        /// Most nights.
        most: i64,
    },
    /// The frame would be larger than a hotel's can be.
    #[error("frame {frame} would have {rows} rows, more than {most}")]
    TooLarge {
        /// The frame.
        frame: &'static str,
        /// Its rows.
        rows: usize,
        /// Most rows.
        most: usize,
    },
    /// No frame has this name.
    #[error("no frame is called {0:?}; there are {names}", names = crate::frame::names())]
    UnknownFrame(String),
    /// A frame came out with other columns than it describes.
    #[error("frame {frame} does not have the columns that it describes: {detail}")]
    Undescribed {
        /// The frame.
        frame: &'static str,
        /// What differs.
        detail: String,
    },
    /// The data-frame engine failed.
    #[error(transparent)]
    Engine(#[from] PolarsError),
}
