//! Tables from Parquet and to Parquet: one file a table, `bookings.parquet` and so on.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use polars::prelude::*;

use super::{TABLES, TableColumn, TableDescription, Tables};
use crate::FramesError;
use crate::frame::ColumnType;

pub(crate) fn file_error(path: &Path) -> impl FnOnce(std::io::Error) -> FramesError {
    let path = path.to_owned();
    move |source| FramesError::File { path, source }
}

impl Tables {
    /// Reads the tables of a folder. A table without a file has no rows; columns that may be empty may be absent;
    /// other columns are left out; numbers and dates of another width are turned into the right one.
    ///
    /// # Errors
    /// [`FramesError`] when a file cannot be read or is no Parquet, when a column that each row must have is absent or
    /// has gaps, when a value does not fit its column, and when a status or deposit is not one of its words.
    pub fn read(folder: &Path) -> Result<Self, FramesError> {
        let [bookings, rooms, rates, competitor_prices, events, closures, service_uses] =
            TABLES.map(|table| read_table(folder, table));
        Ok(Self::of([bookings?, rooms?, rates?, competitor_prices?, events?, closures?, service_uses?]))
    }

    /// Writes every table into a folder, which is made where it is not there. Each file is complete or absent: it is
    /// written under another name first.
    ///
    /// # Errors
    /// [`FramesError::File`] or [`FramesError::Parquet`] when a file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), FramesError> {
        fs::create_dir_all(folder).map_err(file_error(folder))?;
        for (table, frame) in TABLES.iter().zip(&self.0.frames) {
            let path = folder.join(format!("{}.parquet", table.name));
            let unfinished = folder.join(format!(".{}.{}.unfinished", table.name, std::process::id()));
            let written = write_parquet(&unfinished, frame)
                .and_then(|()| fs::rename(&unfinished, &path).map_err(file_error(&path)));
            if written.is_err() {
                let _ = fs::remove_file(&unfinished);
            }
            written?;
        }
        Ok(())
    }
}

/// Writes a frame as Parquet, and waits until it is on the disk.
pub(crate) fn write_parquet(path: &Path, frame: &DataFrame) -> Result<(), FramesError> {
    let file = File::create(path).map_err(file_error(path))?;
    let mut buffered = BufWriter::new(&file);
    ParquetWriter::new(&mut buffered)
        .finish(&mut frame.clone())
        .map_err(|source| FramesError::Parquet { path: path.to_owned(), source })?;
    buffered.into_inner().map_err(|error| file_error(path)(error.into_error()))?;
    file.sync_all().map_err(file_error(path))
}

fn read_table(folder: &Path, table: &'static TableDescription) -> Result<DataFrame, FramesError> {
    let path: PathBuf = folder.join(format!("{}.parquet", table.name));
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return table.empty(),
        Err(source) => return Err(FramesError::File { path, source }),
    };
    let unreadable = |source| FramesError::Parquet { path: path.clone(), source };
    let mut reader = ParquetReader::new(file);
    let schema = reader.schema().map_err(unreadable)?;
    let wanted = table
        .columns
        .iter()
        .filter(|column| schema.contains(column.name))
        .map(|column| column.name.to_owned())
        .collect();
    let read = reader.with_columns(Some(wanted)).finish().map_err(unreadable)?;
    let height = read.height();
    let columns = table
        .columns
        .iter()
        .map(|column| fitted(&read, table, column, height))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(DataFrame::new(height, columns)?)
}

/// The column of a file as the table wants it.
fn fitted(
    read: &DataFrame,
    table: &'static TableDescription,
    wanted: &'static TableColumn,
    height: usize,
) -> Result<Column, FramesError> {
    let Ok(found) = read.column(wanted.name) else {
        if wanted.required {
            return Err(FramesError::NoColumn { table: table.name, column: wanted.name });
        }
        return Ok(Column::full_null(wanted.name.into(), height, &wanted.dtype.dtype()));
    };
    let column = found.strict_cast(&wanted.dtype.dtype()).map_err(|source| FramesError::WrongType {
        table: table.name,
        column: wanted.name,
        wanted: wanted.dtype.word(),
        source,
    })?;
    if wanted.required && column.null_count() > 0 {
        return Err(FramesError::Missing {
            table: table.name,
            column: wanted.name,
            rows: column.null_count(),
        });
    }
    if wanted.dtype == ColumnType::Text && !wanted.words.is_empty() {
        let strange = column.str()?.iter().flatten().find(|word| !wanted.words.contains(word));
        if let Some(word) = strange {
            return Err(FramesError::Word {
                table: table.name,
                column: wanted.name,
                word: word.chars().take(32).collect(),
            });
        }
    }
    Ok(column)
}
