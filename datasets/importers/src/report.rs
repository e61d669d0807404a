use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::outcome::{Outcome, RejectCode, Rejection};
use crate::rows::Rows;

/// Rejected rows that a report keeps unless told otherwise.
const KEPT: usize = 100;

/// What an import did, and why it did not do the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// Rows that were taken.
    pub accepted: u64,
    /// Rows that were not.
    pub rejected: u64,
    /// Rows that repeat an earlier one of the same id, and were passed over.
    pub repeated: u64,
    /// Rejected rows by kind of reason.
    #[serde(serialize_with = "by_word")]
    pub by_code: BTreeMap<RejectCode, u64>,
    /// The first rejected rows.
    pub rejections: Vec<Rejection>,
    /// What was found about the file as a whole, and what had to be assumed.
    pub notes: Vec<String>,
    #[serde(skip)]
    keep: usize,
}

fn by_word<S: Serializer>(counts: &BTreeMap<RejectCode, u64>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(counts.iter().map(|(code, count)| (code.word(), count)))
}

impl Default for ImportReport {
    fn default() -> Self {
        Self::keeping(KEPT)
    }
}

impl ImportReport {
    /// A report that keeps so many rejected rows.
    pub fn keeping(keep: usize) -> Self {
        Self {
            accepted: 0,
            rejected: 0,
            repeated: 0,
            by_code: BTreeMap::new(),
            rejections: Vec::new(),
            notes: Vec::new(),
            keep,
        }
    }

    /// Counts what became of a row, and hands it over where it was understood: the hotel as written, the line, the value.
    pub fn take<T>(&mut self, outcome: Outcome<T>) -> Option<(Option<Arc<str>>, u64, T)> {
        match outcome {
            Outcome::Row { hotel, line, row } => {
                self.accepted += 1;
                Some((hotel, line, row))
            }
            Outcome::Rejected(rejection) => {
                self.reject(rejection);
                None
            }
        }
    }

    /// Counts a rejected row, and keeps it where there is room.
    pub fn reject(&mut self, rejection: Rejection) {
        self.rejected += 1;
        *self.by_code.entry(rejection.code).or_insert(0) += 1;
        if self.rejections.len() < self.keep {
            self.rejections.push(rejection);
        }
    }

    /// Takes over what the rows say about the file as a whole. Called once, at their end.
    pub fn finish<T>(&mut self, rows: &Rows<T>) {
        self.repeated = rows.repeated();
        self.notes.extend(rows.notes());
    }

    /// Writes the rejected rows that were kept as CSV: `line`, `code`, `reason`.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write_csv(&self, writer: impl Write) -> std::io::Result<()> {
        let mut writer = RejectWriter::new(writer)?;
        for rejection in &self.rejections {
            writer.write(rejection)?;
        }
        writer.finish()
    }
}

/// Writes rejected rows as CSV while a file is read: `line`, `code`, `reason`.
pub struct RejectWriter<W: Write> {
    writer: csv::Writer<W>,
}

impl<W: Write> RejectWriter<W> {
    /// Writes the header.
    ///
    /// # Errors
    /// What the writer says.
    pub fn new(writer: W) -> std::io::Result<Self> {
        let mut writer = csv::Writer::from_writer(writer);
        writer.write_record(["line", "code", "reason"])?;
        Ok(Self { writer })
    }

    /// Writes one row.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write(&mut self, rejection: &Rejection) -> std::io::Result<()> {
        let reason = match rejection.reason.chars().next() {
            // A spreadsheet would take it for a formula.
            Some('=' | '+' | '-' | '@') => format!("'{}", rejection.reason),
            _ => rejection.reason.clone(),
        };
        self.writer.write_record([rejection.line.to_string().as_str(), rejection.code.word(), &reason])?;
        Ok(())
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// What the writer says.
    pub fn finish(mut self) -> std::io::Result<()> {
        self.writer.flush()
    }
}
