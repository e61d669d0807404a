//! Which rows are the same row, and which only look alike.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hasher};

use csv::ByteRecord;
use sha2::{Digest, Sha256};

/// What an identifier of a row's own is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identified {
    /// No earlier row has it.
    New,
    /// An earlier row has it, and is the same in every column.
    Repeated,
    /// An earlier row has it, with other values.
    Taken,
}

/// The rows met so far, in 9 bytes for each row without an identifier and 17 for each with one.
#[derive(Default)]
pub(crate) struct Identity {
    /// The first 8 bytes of the hash of each row without an identifier. Two rows whose hashes only begin alike count as equal
    /// here, which makes their identifiers differ by more than they need to, and no worse.
    rows: HashSet<u64>,
    /// How often those were met that were met before.
    again: HashMap<u64, u32>,
    /// The first 12 bytes of the hash of hotel and identifier, and a fingerprint of the row.
    identified: HashMap<[u8; 12], [u8; 4]>,
}

impl Identity {
    /// An identifier for a row that has none: the SHA-256 of its values, and how many equal rows stand before it. The same file
    /// gives the same identifiers; equal rows stay as many as they are.
    pub(crate) fn derived(&mut self, record: &ByteRecord) -> String {
        let hash = hash(record.iter());
        let key = u64::from_le_bytes(first(&hash));
        let before = if self.rows.insert(key) {
            0
        } else {
            let again = self.again.entry(key).or_insert(0);
            *again = again.saturating_add(1);
            *again
        };
        let mut id = format!("row-{}", hex::encode(first::<16>(&hash)));
        if before > 0 {
            // Writing to a string cannot fail.
            let _ = write!(id, "-{before}");
        }
        id
    }

    /// Whether a row's own identifier is new in this file.
    pub(crate) fn identified(&mut self, hotel: &str, id: &str, record: &ByteRecord) -> Identified {
        let key = first(&hash([hotel.as_bytes(), id.as_bytes()].into_iter()));
        let fingerprint = fingerprint(record);
        match self.identified.get(&key) {
            None => {
                self.identified.insert(key, fingerprint);
                Identified::New
            }
            Some(before) if *before == fingerprint => Identified::Repeated,
            Some(_) => Identified::Taken,
        }
    }
}

/// The hash of some values. No value holds a NUL byte, so values parted by it cannot be mistaken for others.
fn hash<'a>(values: impl Iterator<Item = &'a [u8]>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for value in values {
        hash.update(value);
        hash.update([0]);
    }
    hash.finalize().into()
}

fn first<const N: usize>(hash: &[u8; 32]) -> [u8; N] {
    let mut start = [0; N];
    for (to, from) in start.iter_mut().zip(hash) {
        *to = *from;
    }
    start
}

fn fingerprint(record: &ByteRecord) -> [u8; 4] {
    let mut hasher = DefaultHasher::new();
    for value in record {
        hasher.write(value);
        hasher.write_u8(0);
    }
    // Half of the 64 bits are plenty to tell two rows of one identifier apart.
    (hasher.finish() as u32).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(values: &[&str]) -> ByteRecord {
        ByteRecord::from(values.to_vec())
    }

    #[test]
    fn equal_rows_are_as_many_as_they_are_and_the_same_again_next_time() {
        let rows = [row(&["a", "b"]), row(&["ab", ""]), row(&["a", "b"]), row(&["a", "b"])];
        let read = || {
            let mut identity = Identity::default();
            rows.iter().map(|row| identity.derived(row)).collect::<Vec<_>>()
        };
        let ids = read();
        assert_eq!(ids, read());
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 4);
        assert_eq!((format!("{}-1", ids[0]), format!("{}-2", ids[0])), (ids[2].clone(), ids[3].clone()));
        assert!(ids.iter().all(|id| id.parse::<innkeeper_hotel::BookingId>().is_ok()));
    }

    #[test]
    fn an_identifier_belongs_to_one_row_of_one_hotel() {
        let mut identity = Identity::default();
        assert_eq!(identity.identified("a", "1", &row(&["1", "x"])), Identified::New);
        assert_eq!(identity.identified("b", "1", &row(&["1", "x"])), Identified::New);
        assert_eq!(identity.identified("a", "1", &row(&["1", "x"])), Identified::Repeated);
        assert_eq!(identity.identified("a", "1", &row(&["1", "y"])), Identified::Taken);
    }
}
