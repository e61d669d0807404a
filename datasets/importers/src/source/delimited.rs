use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::Path;

use csv::ByteRecord;
use flate2::bufread::MultiGzDecoder;

use super::{MAX_LINE, SourceError, check};

/// Bytes the CSV reader asks for at a time.
const BUFFER: usize = 64 << 10;

/// Text with one row a line.
pub(super) struct Delimited {
    reader: csv::Reader<Allowance>,
    /// Whether lines end with `\r\n`, of which the reader leaves the second half to the next row.
    returns: bool,
}

impl Delimited {
    /// Opens the text and reads its header.
    pub(super) fn open(path: &Path, file: File, gzipped: bool) -> Result<(Vec<String>, Self), SourceError> {
        let io = |error| SourceError::Io { path: path.to_owned(), error };
        let file = BufReader::with_capacity(BUFFER, file);
        let mut text: Box<dyn BufRead + Send> = if gzipped {
            Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(file)))
        } else {
            Box::new(file)
        };
        let mut first = Vec::new();
        text.by_ref().take(MAX_LINE as u64).read_until(b'\n', &mut first).map_err(io)?;
        if first.starts_with(&[0xff, 0xfe]) || first.starts_with(&[0xfe, 0xff]) {
            return Err(SourceError::Encoding { path: path.to_owned(), what: "it begins as UTF-16" });
        }
        if first.starts_with(&[0xef, 0xbb, 0xbf]) {
            first.drain(..3);
        }
        let delimiter = delimiter(&first);
        let returns = first.ends_with(b"\r\n");
        // The last line ends as the others do; a blank line more is none.
        let text = Cursor::new(first).chain(text).chain(b"\n".as_slice());
        let whole = Allowance { text: Box::new(text), left: MAX_LINE };
        let mut delimited = Self {
            reader: csv::ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .delimiter(delimiter)
                .buffer_capacity(BUFFER)
                .from_reader(whole),
            returns,
        };
        let mut record = ByteRecord::new();
        let Some(line) = delimited.next(path, &mut record)? else {
            return Err(SourceError::Empty(path.to_owned()));
        };
        check(&record, line)?;
        let names = record.iter().map(|name| std::str::from_utf8(name).map(|name| name.trim().to_owned()));
        let header = names
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| SourceError::Encoding { path: path.to_owned(), what: "the header is not UTF-8" })?;
        Ok((header, delimited))
    }

    /// The next row, and the line on which it begins.
    pub(super) fn next(&mut self, path: &Path, record: &mut ByteRecord) -> Result<Option<u64>, SourceError> {
        self.reader.get_mut().left = MAX_LINE + BUFFER;
        let line = self.reader.position().line();
        match self.reader.read_byte_record(record) {
            // Counted back from where the row ended, for blank lines may have been passed over before it.
            Ok(true) => {
                let within = record.as_slice().iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
                let ended = self.reader.position().line();
                Ok(Some(ended.saturating_sub(within + u64::from(!self.returns)).max(1)))
            }
            Ok(false) => Ok(None),
            Err(_) if self.reader.get_ref().left == 0 => Err(SourceError::LineTooLong { line }),
            Err(error) => Err(SourceError::Io { path: path.to_owned(), error: io_error(error) }),
        }
    }
}

fn io_error(error: csv::Error) -> std::io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => std::io::Error::new(std::io::ErrorKind::InvalidData, format!("{other:?}")),
    }
}

/// A text that gives out so many bytes and then fails, so that one row cannot fill the memory. The CSV reader asks for more
/// only when it has used up what it was given, so an allowance of a row is used up by that row alone.
struct Allowance {
    text: Box<dyn Read + Send>,
    left: usize,
}

impl Read for Allowance {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let room = buffer.len().min(self.left);
        if room == 0 && !buffer.is_empty() {
            return Err(std::io::Error::other("the allowance of a row is used up"));
        }
        let read = self.text.read(buffer.get_mut(..room).unwrap_or_default())?;
        self.left -= read.min(self.left);
        Ok(read)
    }
}

/// What parts the columns of a header: the mark that stands in it most often outside quotation marks; a comma where none does.
fn delimiter(header: &[u8]) -> u8 {
    const MARKS: [u8; 4] = *b",;\t|";
    let mut counts = [0usize; 4];
    let mut quoted = false;
    for byte in header {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => break,
            byte if !quoted => {
                for (mark, count) in MARKS.iter().zip(&mut counts) {
                    *count += usize::from(mark == byte);
                }
            }
            _ => {}
        }
    }
    let most = counts.iter().copied().max().unwrap_or(0);
    MARKS.iter().zip(counts).find(|(_, count)| *count == most).map_or(b',', |(mark, _)| *mark)
}
