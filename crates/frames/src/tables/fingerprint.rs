use std::fmt;

use polars::prelude::{DataFrame, PolarsResult};
use sha2::{Digest, Sha256};

use super::TABLES;

/// SHA-256 of the content of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub(crate) [u8; 32]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Collects bytes before they are hashed: the hash is fast on blocks and slow on single values.
struct Sink {
    hash: Sha256,
    waiting: Vec<u8>,
}

impl Sink {
    fn new() -> Self {
        Self { hash: Sha256::new(), waiting: Vec::with_capacity(1 << 16) }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= 1 << 16 {
            self.hash.update(&self.waiting);
            self.waiting.clear();
        }
    }

    /// A value after a byte that tells it from none.
    fn value(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            None => self.add(&[0]),
            Some(bytes) => {
                self.add(&[1]);
                self.add(bytes);
            }
        }
    }

    fn finish(mut self) -> Fingerprint {
        self.hash.update(&self.waiting);
        Fingerprint(self.hash.finalize().into())
    }

    fn frame(&mut self, frame: &DataFrame) -> PolarsResult<()> {
        self.add(&(frame.height() as u64).to_le_bytes());
        for column in frame.columns() {
            let name = column.name().as_bytes();
            self.add(&(name.len() as u64).to_le_bytes());
            self.add(name);
            if let Ok(texts) = column.str() {
                self.add(b"t");
                for text in texts.iter() {
                    let length = text.map(|text| (text.len() as u64).to_le_bytes());
                    self.value(length.as_ref().map(|length| &length[..]));
                    self.add(text.unwrap_or_default().as_bytes());
                }
            } else if let Ok(dates) = column.date() {
                self.add(b"d");
                for day in dates.physical().iter() {
                    self.value(day.map(i32::to_le_bytes).as_ref().map(|day| &day[..]));
                }
            } else if let Ok(counts) = column.u32() {
                self.add(b"c");
                for count in counts.iter() {
                    self.value(count.map(u32::to_le_bytes).as_ref().map(|count| &count[..]));
                }
            } else if let Ok(integers) = column.i32() {
                self.add(b"i");
                for integer in integers.iter() {
                    self.value(integer.map(i32::to_le_bytes).as_ref().map(|integer| &integer[..]));
                }
            } else if let Ok(flags) = column.bool() {
                self.add(b"f");
                for flag in flags.iter() {
                    self.value(flag.map(|flag| [u8::from(flag)]).as_ref().map(|flag| &flag[..]));
                }
            } else {
                self.add(b"r");
                for real in column.f64()?.iter() {
                    self.value(real.map(f64::to_le_bytes).as_ref().map(|real| &real[..]));
                }
            }
        }
        Ok(())
    }
}

pub(super) fn of_tables(frames: &[DataFrame; 7]) -> PolarsResult<Fingerprint> {
    let mut sink = Sink::new();
    for (table, frame) in TABLES.iter().zip(frames) {
        sink.add(table.name.as_bytes());
        sink.frame(frame)?;
    }
    Ok(sink.finish())
}

/// SHA-256 of the content of a frame.
#[cfg(test)]
pub(crate) fn of_frame(frame: &DataFrame) -> PolarsResult<Fingerprint> {
    let mut sink = Sink::new();
    sink.frame(frame)?;
    Ok(sink.finish())
}
