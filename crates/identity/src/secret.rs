use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use rand::TryRngCore;
use rand::rngs::OsRng;

/// Shortest secret that is accepted, in bytes: the width of the hash (RFC 7518, section 3.2).
pub(crate) const MIN_SECRET: usize = 32;

/// Longest secret file that is read, in bytes.
const MAX_SECRET: u64 = 4096;

/// Why there is no signing secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The secret is shorter than 32 bytes.
    #[error("the token secret has {bytes} bytes; at least {MIN_SECRET} are needed")]
    TooShort {
        /// How long it is.
        bytes: usize,
    },
    /// The secret file is far longer than any secret.
    #[error("{path} is not a secret: it is longer than {MAX_SECRET} bytes")]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// The file can be neither read nor created.
    #[error("cannot {doing} {path}: {source}")]
    File {
        /// What was tried.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The system gave no random bytes.
    #[error("the system gave no random bytes: {0}")]
    Random(String),
}

/// Reads `<data_dir>/secrets/jwt.key`, or creates it: 32 random bytes in hexadecimal, readable by its
/// owner only. Two processes that start at once end up with the same secret.
pub(crate) fn load_or_create(data_dir: &Path) -> Result<Vec<u8>, SecretError> {
    let dir = data_dir.join("secrets");
    let path = dir.join("jwt.key");
    if let Some(secret) = read(&path)? {
        return Ok(secret);
    }
    create_private_dir(&dir)?;
    let mut bytes = [0_u8; MIN_SECRET];
    OsRng.try_fill_bytes(&mut bytes).map_err(|e| SecretError::Random(e.to_string()))?;
    let failed = |doing, source| SecretError::File { doing, path: path.clone(), source };
    // A named temporary file is created with mode 0600; it gets its final name only when complete,
    // and only if nobody else was first.
    let mut file = tempfile::Builder::new()
        .prefix(".jwt.key.")
        .tempfile_in(&dir)
        .map_err(|e| failed("create a file beside", e))?;
    file.write_all(format!("{}\n", hex::encode(bytes)).as_bytes())
        .and_then(|()| file.as_file().sync_all())
        .map_err(|e| failed("write", e))?;
    match file.persist_noclobber(&path) {
        Ok(_) => tracing::info!(path = %path.display(), "created the token secret"),
        Err(e) if e.error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(e) => return Err(failed("create", e.error)),
    }
    read(&path)?.ok_or_else(|| failed("read", std::io::ErrorKind::NotFound.into()))
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, SecretError> {
    let failed = |source| SecretError::File { doing: "read", path: path.to_owned(), source };
    let file = match OpenOptions::new().read(true).open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(failed(e)),
    };
    warn_if_others_can_read(path, &file);
    let mut bytes = Vec::new();
    file.take(MAX_SECRET + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_SECRET {
        return Err(SecretError::TooLong { path: path.to_owned() });
    }
    let end = bytes.trim_ascii_end().len();
    bytes.truncate(end);
    check(&bytes)?;
    Ok(Some(bytes))
}

pub(crate) fn check(secret: &[u8]) -> Result<(), SecretError> {
    if secret.len() < MIN_SECRET { Err(SecretError::TooShort { bytes: secret.len() }) } else { Ok(()) }
}

fn create_private_dir(dir: &Path) -> Result<(), SecretError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(|source| SecretError::File { doing: "create", path: dir.to_owned(), source })
}

#[cfg(unix)]
fn warn_if_others_can_read(path: &Path, file: &fs::File) {
    use std::os::unix::fs::PermissionsExt;
    if file.metadata().is_ok_and(|m| m.permissions().mode() & 0o077 != 0) {
        tracing::warn!(path = %path.display(), "others can read the token secret; chmod 600 mends it");
    }
}

#[cfg(not(unix))]
fn warn_if_others_can_read(_path: &Path, _file: &fs::File) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_that_start_at_once_agree_on_one_secret() {
        let dir = tempfile::tempdir().expect("a folder");
        let start = std::sync::Barrier::new(8);
        let secrets: Vec<Vec<u8>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        start.wait();
                        load_or_create(dir.path()).expect("a secret")
                    })
                })
                .collect();
            threads.into_iter().map(|t| t.join().expect("no panic")).collect()
        });
        assert!(secrets.iter().all(|s| *s == secrets[0]));
        assert_eq!(secrets[0].len(), 64);
        let left: Vec<_> = fs::read_dir(dir.path().join("secrets"))
            .expect("the folder")
            .map(|e| e.expect("an entry").file_name())
            .collect();
        assert_eq!(left, ["jwt.key"], "temporary files stayed behind");
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_on_the_machine_can_read_the_secret() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().expect("a folder");
        load_or_create(dir.path()).expect("a secret");
        let mode = |p: &Path| fs::metadata(p).expect("it exists").permissions().mode() & 0o777;
        assert_eq!(mode(&dir.path().join("secrets/jwt.key")), 0o600);
        assert_eq!(mode(&dir.path().join("secrets")), 0o700);
    }

    #[test]
    fn two_installations_have_different_secrets() {
        let [a, b] = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
        assert_ne!(load_or_create(a.path()).expect("a secret"), load_or_create(b.path()).expect("a secret"));
    }

    #[test]
    fn an_emptied_or_bloated_secret_file_is_an_error_and_is_not_replaced() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("secrets/jwt.key");
        fs::create_dir(dir.path().join("secrets")).expect("created");
        fs::write(&path, "\n\n").expect("written");
        assert!(matches!(load_or_create(dir.path()), Err(SecretError::TooShort { bytes: 0 })));
        assert_eq!(fs::read(&path).expect("still there"), b"\n\n");
        fs::write(&path, "x".repeat(5000)).expect("written");
        assert!(matches!(load_or_create(dir.path()), Err(SecretError::TooLong { .. })));
    }
}
