//! What a folder needs beyond the object store: modes, and clearing up after a crash.

use std::fs::{self, DirBuilder, DirEntry};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// An upload that is this old is not going on anymore.
const ABANDONED: Duration = Duration::from_hours(1);

/// Creates a folder and those above it, open to this user only where they are new.
pub(crate) fn create_private_dir(dir: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// Closes a file or folder to everyone but this user.
#[cfg(unix)]
pub(crate) fn make_private(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

/// Closes a file or folder to everyone but this user, where the system knows modes.
#[cfg(not(unix))]
pub(crate) fn make_private(_path: &Path, _mode: u32) -> io::Result<()> {
    Ok(())
}

/// Removes what interrupted writes left over an hour ago: the store writes to `NAME#1` and renames. Listings
/// do not show those, so a deletion would miss them. Returns how many there were.
pub(crate) fn remove_abandoned(dir: &Path, now: SystemTime) -> io::Result<usize> {
    remove_files(dir, &|entry| {
        let age = entry.metadata()?.modified().ok().and_then(|at| now.duration_since(at).ok());
        Ok(is_staged(&entry.file_name().to_string_lossy()) && age.is_some_and(|age| age > ABANDONED))
    })
}

/// Removes everything below a folder that an interrupted write left, and the folder if nothing else is in it.
/// Nothing may be written there meanwhile.
pub(crate) fn remove_staged(dir: &Path) -> io::Result<()> {
    if_there(remove_files(dir, &|entry| Ok(is_staged(&entry.file_name().to_string_lossy()))))?;
    // Refused while there are pictures; the last one to go takes the folder along.
    let _ = fs::remove_dir(dir);
    Ok(())
}

/// Removes what interrupted writes of this one file left. It may not be written meanwhile.
pub(crate) fn remove_staged_of(file: &Path) -> io::Result<()> {
    let (Some(dir), Some(name)) = (file.parent(), file.file_name()) else { return Ok(()) };
    let name = name.to_string_lossy();
    if_there(remove_files(dir, &|entry| {
        let entry = entry.file_name();
        let entry = entry.to_string_lossy();
        Ok(is_staged(&entry) && entry.rsplit_once('#').is_some_and(|(of, _)| of == name))
    }))
}

fn if_there(removed: io::Result<usize>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn remove_files(dir: &Path, unwanted: &impl Fn(&DirEntry) -> io::Result<bool>) -> io::Result<usize> {
    let mut removed = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            removed += remove_files(&entry.path(), unwanted)?;
        } else if kind.is_file() && unwanted(&entry)? {
            fs::remove_file(entry.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

fn is_staged(name: &str) -> bool {
    name.rsplit_once('#').is_some_and(|(_, n)| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}
