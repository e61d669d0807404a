//! The public CDNOW purchases of Fader & Hardie, as they are distributed: columns separated by blanks.

use std::io::{self, BufRead};

use chrono::NaiveDate;

use crate::history::Transaction;

/// Longest line; those of the files have less than forty bytes.
const LONGEST: u64 = 4_096;

/// Reads the master file (guest, date, discs, amount) or the sample of a tenth (the same with a number of its own after the
/// guest), with or without a line of headings; the file must be unpacked. Each transaction has its amount in dollars.
///
/// # Errors
/// [`CdnowError`] where a line cannot be read.
pub fn read(mut lines: impl BufRead) -> Result<Vec<Transaction>, CdnowError> {
    let mut transactions = Vec::new();
    let mut text = Vec::new();
    for line in 1_usize.. {
        text.clear();
        if io::Read::take(&mut lines, LONGEST).read_until(b'\n', &mut text)? == 0 {
            break;
        }
        let refused = |what| CdnowError::Line { line, what };
        let cells = std::str::from_utf8(&text).map_err(|_| refused("no text"))?;
        let cells: Vec<&str> = cells.split_ascii_whitespace().collect();
        let (guest, date, amount) = match cells.as_slice() {
            [] => continue,
            [guest, date, _, amount] | [guest, _, date, _, amount] => (*guest, *date, *amount),
            _ => return Err(refused("neither four nor five columns")),
        };
        if line == 1 && !guest.starts_with(|c: char| c.is_ascii_digit()) {
            continue;
        }
        let date = NaiveDate::parse_from_str(date, "%Y%m%d").map_err(|_| refused("no date like 19970131"))?;
        let amount: f64 = amount.parse().map_err(|_| refused("no amount"))?;
        if !amount.is_finite() || amount < 0.0 {
            return Err(refused("no amount from 0 on"));
        }
        transactions.push(Transaction { guest: guest.to_owned(), date, amount: Some(amount) });
    }
    Ok(transactions)
}

/// Why the purchases were not read.
#[derive(Debug, thiserror::Error)]
pub enum CdnowError {
    /// The source failed.
    #[error("the purchases could not be read: {0}")]
    Source(#[from] io::Error),
    /// A line that is none.
    #[error("line {line}: {what}")]
    Line {
        /// From 1.
        line: usize,
        /// What is wrong.
        what: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let master = " customer_id  date number_of_cds  dollar_value \r\n 00001 19970101  1   11.77\n\n 00002 19970112  1   12.00";
        let read_master = read(master.as_bytes()).expect("read");
        assert_eq!(read_master.len(), 2);
        assert_eq!((read_master[1].guest.as_str(), read_master[1].amount), ("00002", Some(12.0)));
        let sample = read(" 00004 0001 19970118  2   29.73\n".as_bytes()).expect("read");
        assert_eq!(sample[0].date.to_string(), "1997-01-18");
        assert_eq!(sample[0].guest, "00004");
    }

    #[test]
    fn broken_lines_are_named() {
        for (bad, what) in [
            ("1 19970101 1\n", "columns"),
            ("1 19971301 1 2.0\n", "date"),
            ("1 19970101 1 x\n", "amount"),
            ("1 19970101 1 -3\n", "from 0"),
            ("1 19970101 1 NaN\n", "from 0"),
            ("1 1 1 1 1 1\n", "columns"),
        ] {
            let error = read(bad.as_bytes()).expect_err("refused").to_string();
            assert!(error.starts_with("line 1") && error.contains(what), "{error}");
        }
        assert!(read(&[0xff, 0xfe, b'\n'][..]).is_err());
        assert!(read(vec![b'1'; 100_000].as_slice()).is_err());
        assert!(read(&b""[..]).expect("nothing").is_empty());
    }
}
