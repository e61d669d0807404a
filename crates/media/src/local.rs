//! What a folder needs beyond the object store: modes, and clearing up after a crash.

use std::fs::{self, DirBuilder};
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

/// Removes what interrupted writes left: the store writes to `NAME#1` and renames. Listings do not show
/// those, so a deletion would miss them. Returns how many there were.
pub(crate) fn remove_abandoned(dir: &Path, now: SystemTime) -> io::Result<usize> {
    let mut removed = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            removed += remove_abandoned(&entry.path(), now)?;
        } else if kind.is_file() && is_staged(&entry.file_name().to_string_lossy()) {
            let age = entry.metadata()?.modified().ok().and_then(|at| now.duration_since(at).ok());
            if age.is_some_and(|age| age > ABANDONED) {
                fs::remove_file(entry.path())?;
                removed += 1;
            }
        }
    }
    Ok(removed)
}

fn is_staged(name: &str) -> bool {
    name.rsplit_once('#').is_some_and(|(_, n)| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}
