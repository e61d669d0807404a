use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::{CastOptions, can_cast_types, cast_with_options};
use arrow::datatypes::DataType;
use csv::ByteRecord;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::{MAX_COLUMNS, MAX_LINE, SourceError};

/// Rows that are turned into text at a time.
const BATCH: usize = 4_096;

/// A Parquet file, its columns read side by side.
pub(super) struct Columnar {
    names: Vec<String>,
    reader: ParquetRecordBatchReader,
    /// The batch at hand, as text.
    columns: Vec<StringArray>,
    /// Rows of the batch at hand, and how many of them were given out.
    rows: usize,
    given: usize,
    /// Rows given out before this batch.
    before: u64,
}

impl Columnar {
    /// Opens the file; the second value names the columns that are not read: lists, structures and what has no text.
    pub(super) fn open(path: &Path, file: File) -> Result<(Self, Vec<String>), SourceError> {
        let broken = |what: String| SourceError::Parquet { path: path.to_owned(), what };
        let builder =
            ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| broken(error.to_string()))?;
        let schema = Arc::clone(builder.schema());
        if schema.fields().len() > MAX_COLUMNS {
            return Err(SourceError::TooManyColumns { line: 1, columns: schema.fields().len() });
        }
        let (mut taken, mut names, mut unread) = (Vec::new(), Vec::new(), Vec::new());
        for (index, field) in schema.fields().iter().enumerate() {
            if field.data_type().is_nested() || !can_cast_types(field.data_type(), &DataType::Utf8) {
                unread.push(field.name().clone());
            } else {
                taken.push(index);
                names.push(field.name().clone());
            }
        }
        if names.is_empty() {
            return Err(SourceError::Empty(path.to_owned()));
        }
        let mask = ProjectionMask::roots(builder.parquet_schema(), taken);
        let reader = builder
            .with_projection(mask)
            .with_batch_size(BATCH)
            .build()
            .map_err(|error| broken(error.to_string()))?;
        Ok((Self { names, reader, columns: Vec::new(), rows: 0, given: 0, before: 0 }, unread))
    }

    /// The names of the columns that are read.
    pub(super) fn header(&self) -> Vec<String> {
        self.names.clone()
    }

    /// The next row, and its line as if it stood below a header.
    pub(super) fn next(&mut self, path: &Path, record: &mut ByteRecord) -> Result<Option<u64>, SourceError> {
        let broken = |what: String| SourceError::Parquet { path: path.to_owned(), what };
        while self.given == self.rows {
            self.before += self.rows as u64;
            (self.rows, self.given) = (0, 0);
            let Some(batch) = self.reader.next() else { return Ok(None) };
            let batch = batch.map_err(|error| broken(error.to_string()))?;
            self.columns = batch
                .columns()
                .iter()
                .zip(&self.names)
                .map(|(column, name)| {
                    text(column).map_err(|error| broken(format!("column {name:?}: {error}")))
                })
                .collect::<Result<_, _>>()?;
            self.rows = batch.num_rows();
        }
        let line = self.before + self.given as u64 + 2;
        record.clear();
        let mut bytes = 0;
        for column in &self.columns {
            let value = if column.is_valid(self.given) { column.value(self.given).as_bytes() } else { b"" };
            bytes += value.len();
            if bytes > MAX_LINE {
                return Err(SourceError::LineTooLong { line });
            }
            record.push_field(value);
        }
        self.given += 1;
        Ok(Some(line))
    }
}

/// A column as the text it would be in a CSV file: ISO days, instants with `Z`, points for decimals, nothing for null.
fn text(column: &ArrayRef) -> Result<StringArray, arrow::error::ArrowError> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let column = match column.data_type() {
        // The instant itself, without the rules of the zone it was written in.
        DataType::Timestamp(unit, Some(_)) => {
            cast_with_options(column, &DataType::Timestamp(*unit, Some("+00:00".into())), &options)?
        }
        _ => Arc::clone(column),
    };
    let text = cast_with_options(&column, &DataType::Utf8, &options)?;
    Ok(text.as_string::<i32>().clone())
}
