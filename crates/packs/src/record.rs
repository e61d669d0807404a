//! What was installed: the `installed.json` beside the files of a version.

use std::fs;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::error::PackError;
use crate::manifest::{FileSpec, Item, Platform};

/// Name of the record in an installed folder.
pub(crate) const FILE_NAME: &str = "installed.json";

const SCHEMA: u32 = 1;

/// The record of one installed version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Version of this format.
    pub schema: u32,
    /// Name of the item.
    pub name: String,
    /// Version of the item.
    pub version: String,
    /// Licence under which it was pulled.
    pub licence: String,
    /// True when the user accepted that the item is for non-commercial use only.
    pub non_commercial: bool,
    /// When the folder was put in place.
    pub installed_at: DateTime<Utc>,
    /// The files.
    pub files: Vec<InstalledFile>,
}

/// One installed file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledFile {
    /// File name in the folder.
    pub name: String,
    /// Digest of the file as it lies there.
    pub sha256: Digest,
    /// Its length, bytes.
    pub size: u64,
    /// Where it was fetched from, as the manifest writes it.
    pub source: String,
    /// Digest of what was fetched.
    pub source_sha256: Digest,
    /// How it was converted, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub converted: Option<Converted>,
}

/// How a file was converted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Converted {
    /// Name of the network.
    pub network: String,
    /// Version of the converter that wrote the file.
    pub converter: String,
}

impl Record {
    pub(crate) fn new(item: &Item, files: Vec<InstalledFile>) -> Self {
        Self {
            schema: SCHEMA,
            name: item.reference.name().to_owned(),
            version: item.reference.version().to_owned(),
            licence: item.licence.clone(),
            non_commercial: item.non_commercial,
            installed_at: Utc::now(),
            files,
        }
    }

    /// Reads the record in a folder; `None` when there is none that this version understands.
    pub(crate) fn read(dir: &Path) -> Option<Self> {
        let text = fs::read_to_string(dir.join(FILE_NAME)).ok()?;
        serde_json::from_str(&text).ok().filter(|r: &Self| r.schema == SCHEMA)
    }

    pub(crate) fn write(&self, dir: &Path) -> Result<(), PackError> {
        let path = dir.join(FILE_NAME);
        let text = serde_json::to_vec_pretty(self)
            .map_err(|e| PackError::io("write", &path)(std::io::Error::other(e)))?;
        crate::pull::write_synced(&path, &text)
    }

    /// The record of a file, when it is of what the manifest names today.
    pub(crate) fn file(&self, spec: &FileSpec) -> Option<&InstalledFile> {
        self.files.iter().find(|f| {
            f.name == spec.installed_name()
                && f.source_sha256 == spec.sha256
                && f.converted.as_ref().map(|c| &c.network) == spec.convert.as_ref().map(|c| &c.network)
        })
    }

    /// True when each file the platform needs is recorded and lies there with the recorded length.
    /// Content is not read: that is what `verify` is for.
    pub(crate) fn complete(&self, item: &Item, platform: &Platform, dir: &Path) -> bool {
        let mut needed = item.files.iter().filter(|f| f.fits(platform)).peekable();
        needed.peek().is_some()
            && needed.all(|spec| {
                self.file(spec).is_some_and(|f| {
                    fs::metadata(dir.join(&f.name)).is_ok_and(|m| m.is_file() && m.len() == f.size)
                })
            })
    }
}
