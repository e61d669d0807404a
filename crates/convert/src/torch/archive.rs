//! The two containers of a state dict: a pickle that describes the tensors, and storages of raw bytes.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use zip::ZipArchive;

use super::FORMAT;
use super::pickle::{self, Kind, Record};
use crate::ConvertError;

/// `torch.save` before 1.6: the magic number 0x1950a86a20f9469cfc6c and the protocol 1001, each a pickle.
const LEGACY_PREFIX: &[u8] =
    b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e\x80\x02M\xe9\x03.";

/// Raw little-endian numbers by storage key.
pub(super) enum Storages<'a> {
    Zip(BTreeMap<String, Vec<u8>>),
    Legacy(BTreeMap<String, &'a [u8]>),
}

impl Storages<'_> {
    pub fn get(&self, key: &str) -> Result<&[u8], ConvertError> {
        match self {
            Self::Zip(map) => map.get(key).map(Vec::as_slice),
            Self::Legacy(map) => map.get(key).copied(),
        }
        .ok_or_else(|| ConvertError::malformed(FORMAT, format!("storage {key} is absent")))
    }
}

/// Finds the container of a file and reads the descriptions of its tensors.
pub(super) fn open(bytes: &[u8]) -> Result<(Vec<Record>, Storages<'_>), ConvertError> {
    if let Some(rest) = bytes.strip_prefix(LEGACY_PREFIX) {
        legacy(rest)
    } else if bytes.starts_with(b"PK\x03\x04") {
        zipped(bytes)
    } else {
        Err(ConvertError::malformed(FORMAT, "it starts like neither form of torch.save"))
    }
}

fn zipped(bytes: &[u8]) -> Result<(Vec<Record>, Storages<'static>), ConvertError> {
    let bad = |error: zip::result::ZipError| ConvertError::malformed(FORMAT, error.to_string());
    let mut zip = ZipArchive::new(Cursor::new(bytes)).map_err(bad)?;
    let mut folder = None;
    let mut total = 0_u64;
    for at in 0..zip.len() {
        let file = zip.by_index_raw(at).map_err(bad)?;
        // Written without compression: what is inside cannot be longer than the archive.
        total = total.saturating_add(file.size());
        if let Some(prefix) = file.name().map_err(bad)?.strip_suffix("data.pkl") {
            folder = Some(prefix.to_owned());
        }
    }
    if total > bytes.len() as u64 {
        return Err(ConvertError::TooLarge {
            what: "the unpacked archive",
            found: total,
            limit: bytes.len() as u64,
        });
    }
    let folder = folder.ok_or_else(|| ConvertError::malformed(FORMAT, "no data.pkl in the archive"))?;
    let mut read = |name: &str| -> Result<Vec<u8>, ConvertError> {
        let file = zip.by_name(name).map_err(bad)?;
        let mut content = Vec::new();
        file.take(bytes.len() as u64)
            .read_to_end(&mut content)
            .map_err(|error| ConvertError::malformed(FORMAT, format!("{name}: {error}")))?;
        Ok(content)
    };
    let (object, _) = pickle::load(&read(&format!("{folder}data.pkl"))?)?;
    let records = pickle::records(object)?;
    let mut storages = BTreeMap::new();
    for (_, record) in records.iter().filter(|(_, record)| record.kind != Kind::Skipped) {
        if !storages.contains_key(&record.storage) {
            let content = read(&format!("{folder}data/{}", record.storage))?;
            storages.insert(record.storage.clone(), content);
        }
    }
    Ok((records, Storages::Zip(storages)))
}

fn legacy(bytes: &[u8]) -> Result<(Vec<Record>, Storages<'_>), ConvertError> {
    // The saving machine's byte order and integer sizes; every file in use is little-endian.
    let (_, at) = pickle::load(bytes)?;
    let rest = &bytes[at..];
    let (object, at) = pickle::load(rest)?;
    let records = pickle::records(object)?;
    let rest = &rest[at..];
    let (keys, at) = pickle::load(rest)?;
    let mut rest = &rest[at..];
    let widths: BTreeMap<&str, usize> =
        records.iter().map(|(_, record)| (record.storage.as_str(), record.storage_width)).collect();
    let mut storages = BTreeMap::new();
    for key in pickle::strings(keys)? {
        let (length, tail) =
            rest.split_at_checked(8).ok_or(truncated(bytes, rest, "a storage's length", 8))?;
        let length = length.iter().rev().fold(0_u64, |n, &byte| n << 8 | u64::from(byte));
        // A storage of an unknown class has an unknown width, so what follows it cannot be found.
        let width = widths.get(key.as_str()).ok_or_else(|| {
            ConvertError::malformed(FORMAT, format!("storage {key} belongs to no tensor that can be read"))
        })?;
        let needed = usize::try_from(length).ok().and_then(|n| n.checked_mul(*width)).unwrap_or(usize::MAX);
        let (content, tail) =
            tail.split_at_checked(needed).ok_or(truncated(bytes, tail, "a storage", needed))?;
        storages.insert(key, content);
        rest = tail;
    }
    Ok((records, Storages::Legacy(storages)))
}

fn truncated(bytes: &[u8], rest: &[u8], what: &'static str, needed: usize) -> ConvertError {
    let offset = LEGACY_PREFIX.len() + (bytes.len() - rest.len());
    ConvertError::Truncated { what, offset, needed, left: rest.len() }
}
