//! A folder of installed items.

use std::path::{Path, PathBuf};

use crate::manifest::{Item, Manifest, Platform};
use crate::record::Record;

/// A manifest and the folder its items are installed in.
#[derive(Debug, Clone)]
pub struct Library {
    pub(crate) manifest: Manifest,
    pub(crate) dir: PathBuf,
    pub(crate) platform: Platform,
}

impl Library {
    /// A library below `dir`, which need not exist yet, for the machine this program runs on.
    pub fn new(manifest: Manifest, dir: PathBuf) -> Self {
        Self { manifest, dir, platform: Platform::current() }
    }

    /// The same for another machine, for example to fill a folder that is carried there.
    pub fn for_platform(mut self, platform: Platform) -> Self {
        self.platform = platform;
        self
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Folder of an item, whether it is there or not.
    pub fn item_dir(&self, item: &Item) -> PathBuf {
        self.dir.join(item.reference.name()).join(item.reference.version())
    }

    /// The record of an item whose files are all there.
    pub fn installed(&self, item: &Item) -> Option<Record> {
        let dir = self.item_dir(item);
        Record::read(&dir).filter(|r| r.complete(item, &self.platform, &dir))
    }

    /// True when an item and all it needs are installed.
    pub fn usable(&self, item: &Item) -> bool {
        self.installed(item).is_some()
            && item.needs.iter().all(|n| self.manifest.item(n).is_some_and(|i| self.installed(i).is_some()))
    }
}
