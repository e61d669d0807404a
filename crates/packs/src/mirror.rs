//! A folder that may already hold the files, under any names.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::digest::Digest;

/// The files below a folder, by length. The digest decides; the length only says which are worth reading.
#[derive(Debug)]
pub(crate) struct Mirror {
    by_size: HashMap<u64, Vec<PathBuf>>,
}

impl Mirror {
    /// Walks the folder once. What cannot be read is left out: a mirror is a convenience.
    pub(crate) fn index(dir: &Path) -> Self {
        let mut by_size: HashMap<u64, Vec<PathBuf>> = HashMap::new();
        for entry in WalkDir::new(dir).follow_links(true).into_iter().filter_map(Result::ok) {
            if let Ok(meta) = entry.metadata()
                && meta.is_file()
            {
                by_size.entry(meta.len()).or_default().push(entry.into_path());
            }
        }
        for paths in by_size.values_mut() {
            paths.sort();
        }
        Self { by_size }
    }

    /// The first file with this length and digest.
    pub(crate) fn find(&self, size: u64, sha256: Digest) -> Option<&Path> {
        self.by_size
            .get(&size)?
            .iter()
            .find(|path| Digest::of_file(path).is_ok_and(|(found, _)| found == sha256))
            .map(PathBuf::as_path)
    }
}
