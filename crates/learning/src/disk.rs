//! Writing that a crash cannot tear.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Writes a new file and syncs it.
pub(crate) fn write_new(place: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(place)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A rename is only sure to stay once the folder is synced.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Puts `bytes` in the place of the file in one step: readers see the old content or the new, never a part.
pub(crate) fn replace(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let beside = folder.join(format!(".new-{}", uuid::Uuid::now_v7().simple()));
    let done = write_new(&beside, bytes)
        .and_then(|()| fs::rename(&beside, folder.join(name)))
        .and_then(|()| sync_folder(folder));
    if done.is_err() {
        // It may be gone already, and a leftover is swept later.
        let _ = fs::remove_file(&beside);
    }
    done
}
