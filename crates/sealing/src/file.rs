//! The key file: written whole, beside its place, and moved there, so that it is never half a file.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::ring::{fresh_line, id_of_line};
use crate::{KeyError, KeyId};

const ABOUT: &str = "# Keys that seal this installation's data: 32 bytes in base64, one a line; the first one seals,\n\
     # all open. Without them the data cannot be read: keep a copy elsewhere. `innkeeper keys rotate` adds one.\n";

pub(crate) fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("secrets").join("data.key")
}

fn failed(doing: &'static str, path: &Path) -> impl Fn(std::io::Error) -> KeyError {
    let path = path.to_owned();
    move |source| KeyError::File { doing, path: path.clone(), source }
}

pub(crate) fn read(path: &Path) -> Result<Zeroizing<String>, KeyError> {
    fs::read_to_string(path).map(Zeroizing::new).map_err(failed("read", path))
}

/// Two processes that start at once end up with the same keys.
pub(crate) fn read_or_create(path: &Path) -> Result<Zeroizing<String>, KeyError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let text = Zeroizing::new(format!("{ABOUT}{}\n", *fresh_line()?));
            match beside(path, &text)?.persist_noclobber(path) {
                Ok(_) => sync_folder(path)?,
                Err(e) if e.error.kind() == ErrorKind::AlreadyExists => {}
                Err(e) => return Err(failed("create", path)(e.error)),
            }
            read(path)
        }
        Err(error) => Err(failed("read", path)(error)),
    }
}

/// A complete temporary file, readable by its owner only.
fn beside(path: &Path, text: &str) -> Result<tempfile::NamedTempFile, KeyError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(failed("create", folder))?;
    let mut file = tempfile::Builder::new()
        .prefix(".data.key.")
        .tempfile_in(folder)
        .map_err(failed("create a file beside", path))?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.as_file().sync_all())
        .map_err(failed("write", path))?;
    Ok(file)
}

fn replace(path: &Path, text: &str) -> Result<(), KeyError> {
    beside(path, text)?.persist(path).map_err(|e| failed("replace", path)(e.error))?;
    sync_folder(path)
}

/// A new name is safe on the disk only when its folder is.
fn sync_folder(path: &Path) -> Result<(), KeyError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::File::open(folder).and_then(|f| f.sync_all()).map_err(failed("write", folder))
}

/// How long ago the file was changed; not at all when the clock went back since.
pub(crate) fn age(path: &Path) -> Result<Duration, KeyError> {
    let changed = fs::metadata(path).and_then(|m| m.modified()).map_err(failed("read", path))?;
    Ok(changed.elapsed().unwrap_or_default())
}

/// Puts a key before all others.
pub(crate) fn prepend(path: &Path, line: &str) -> Result<(), KeyError> {
    let old = read(path)?;
    let first_key = old.lines().position(|l| id_of_line(l).is_some()).unwrap_or(0);
    let mut lines: Vec<&str> = old.lines().collect();
    lines.insert(first_key, line);
    replace(path, &Zeroizing::new(lines.join("\n") + "\n"))
}

/// Takes a key out.
pub(crate) fn remove(path: &Path, id: KeyId) -> Result<(), KeyError> {
    let old = read(path)?;
    let lines: Vec<&str> = old.lines().filter(|l| id_of_line(l) != Some(id)).collect();
    replace(path, &Zeroizing::new(lines.join("\n") + "\n"))
}
