//! Frames kept as Parquet files, found again by what they were made of.

use std::fs::{self, DirEntry, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use polars::prelude::{DataFrame, ParquetReader, SerReader};
use sha2::{Digest, Sha256};

use crate::frame::Frame;
use crate::tables::{Fingerprint, file_error, write_parquet};
use crate::{AsOf, FramesError, day_number};

/// Hash written beside each frame; a frame that does not match it is made again.
const SUM: &str = "sha256";
/// Age after which a file that was never finished is thrown away.
const UNFINISHED: Duration = Duration::from_hours(1);

/// How much the cache may keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheLimits {
    /// Bytes of all frames together; the oldest go first.
    pub bytes: u64,
    /// Age after which [`Cache::sweep`] throws a frame away.
    pub age: Duration,
}

impl Default for CacheLimits {
    /// 2 GiB, 30 days.
    fn default() -> Self {
        Self { bytes: 2 << 30, age: Duration::from_hours(30 * 24) }
    }
}

/// What a frame is made of: the tables, the frame and the version of its code, the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FrameKey {
    frame: Frame,
    hash: [u8; 32],
}

impl FrameKey {
    /// The key of a frame as of a day.
    ///
    /// # Errors
    /// [`FramesError::Engine`] when the tables cannot be read.
    pub fn new(frame: Frame, as_of: &AsOf) -> Result<Self, FramesError> {
        let Fingerprint(tables) = as_of.tables().fingerprint()?;
        let description = frame.description();
        let mut hash = Sha256::new();
        hash.update(tables);
        hash.update(description.name.as_bytes());
        hash.update([0]);
        hash.update(description.version.to_le_bytes());
        hash.update(day_number(as_of.day()).to_le_bytes());
        Ok(Self { frame, hash: hash.finalize().into() })
    }

    fn stem(&self) -> String {
        format!("{}-{}", self.frame.name(), hex::encode(self.hash))
    }
}

/// A folder of frames. Several processes may share it: a file is complete or absent, and one that is neither what its name
/// nor what its hash says is made again.
#[derive(Debug)]
pub struct Cache {
    folder: PathBuf,
    limits: CacheLimits,
    unfinished: AtomicU64,
}

impl Cache {
    /// Opens a folder, and makes it, for its owner alone, where it is not there.
    ///
    /// # Errors
    /// [`FramesError::File`] when that is not possible.
    pub fn open(folder: &Path, limits: CacheLimits) -> Result<Self, FramesError> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder).map_err(file_error(folder))?;
        Ok(Self { folder: folder.to_owned(), limits, unfinished: AtomicU64::new(0) })
    }

    /// The frame from its file, or made and kept. A frame that cannot be kept (a full disk) is still answered; a warning
    /// says so.
    ///
    /// # Errors
    /// What making the frame answers.
    pub fn frame(&self, frame: Frame, as_of: &AsOf) -> Result<DataFrame, FramesError> {
        let key = FrameKey::new(frame, as_of)?;
        if let Some(kept) = self.kept(&key) {
            return Ok(kept);
        }
        let made = frame.build(as_of)?;
        if let Err(error) = self.keep(&key, &made) {
            tracing::warn!(frame = frame.name(), %error, "the frame is not kept");
        }
        Ok(made)
    }

    /// Where the frame of a key is kept.
    pub fn path(&self, key: &FrameKey) -> PathBuf {
        self.folder.join(format!("{}.parquet", key.stem()))
    }

    /// The frame of a key, if its file is there, whole, and of the described columns.
    fn kept(&self, key: &FrameKey) -> Option<DataFrame> {
        let path = self.path(key);
        let bytes = read_whole(&path, self.limits.bytes)?;
        let sum = read_whole(&path.with_extension(SUM), 256)?;
        if hex::encode(Sha256::digest(&bytes)).as_bytes() != sum.trim_ascii() {
            tracing::warn!(path = %path.display(), "a kept frame does not match its hash and is made again");
            return None;
        }
        let frame = ParquetReader::new(std::io::Cursor::new(bytes)).set_rechunk(true).finish().ok()?;
        key.frame.description().difference(&frame).is_none().then_some(frame)
    }

    /// Writes the frame under another name, then its hash, then gives both their names.
    fn keep(&self, key: &FrameKey, frame: &DataFrame) -> Result<(), FramesError> {
        let path = self.path(key);
        let number = self.unfinished.fetch_add(1, Ordering::Relaxed);
        let unfinished = self.folder.join(format!(".{}.{number}.unfinished", std::process::id()));
        let kept = write_parquet(&unfinished, frame).and_then(|()| {
            let bytes = fs::read(&unfinished).map_err(file_error(&unfinished))?;
            fs::rename(&unfinished, &path).map_err(file_error(&path))?;
            fs::write(&unfinished, hex::encode(Sha256::digest(&bytes))).map_err(file_error(&unfinished))?;
            let sum = path.with_extension(SUM);
            fs::rename(&unfinished, &sum).map_err(file_error(&sum))
        });
        if kept.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        kept?;
        self.shrink(None)
    }

    /// Throws away frames that are older than the limit, files that were never finished, and then the oldest frames until the
    /// rest fits. Files with other names are left alone.
    ///
    /// # Errors
    /// [`FramesError::File`] when the folder cannot be listed.
    pub fn sweep(&self, now: SystemTime) -> Result<(), FramesError> {
        self.shrink(Some(now))
    }

    fn shrink(&self, now: Option<SystemTime>) -> Result<(), FramesError> {
        let entries = fs::read_dir(&self.folder).map_err(file_error(&self.folder))?;
        let mut kept: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for entry in entries.flatten() {
            let Some((changed, bytes)) = age_and_size(&entry) else { continue };
            let path = entry.path();
            let old = |limit: Duration| {
                now.and_then(|now| now.duration_since(changed).ok()).is_some_and(|age| age > limit)
            };
            if is_unfinished(&path) {
                if old(UNFINISHED) {
                    remove(&path);
                }
            } else if is_frame(&path) {
                if old(self.limits.age) {
                    remove(&path.with_extension(SUM));
                    remove(&path);
                } else {
                    kept.push((changed, bytes, path));
                }
            }
        }
        kept.sort();
        let mut total: u64 = kept.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, bytes, path) in kept {
            if total <= self.limits.bytes {
                break;
            }
            remove(&path.with_extension(SUM));
            remove(&path);
            total = total.saturating_sub(bytes);
        }
        Ok(())
    }
}

fn remove(path: &Path) {
    // Another process may have been first.
    if let Err(error) = fs::remove_file(path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "a kept frame cannot be thrown away");
    }
}

fn age_and_size(entry: &DirEntry) -> Option<(SystemTime, u64)> {
    let about = entry.metadata().ok()?;
    let changed = about.modified().ok()?;
    about.is_file().then_some((changed, about.len()))
}

/// Whether the name is one that [`FrameKey::stem`] gives.
fn is_frame(path: &Path) -> bool {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.split_once('-'));
    path.extension().is_some_and(|extension| extension == "parquet")
        && stem.is_some_and(|(name, hash)| {
            name.parse::<Frame>().is_ok()
                && hash.len() == 64
                && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
}

fn is_unfinished(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "unfinished")
        && path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with('.'))
}

/// The bytes of a plain file that is no larger than `most`.
fn read_whole(path: &Path, most: u64) -> Option<Vec<u8>> {
    let about = fs::symlink_metadata(path).ok()?;
    if !about.is_file() || about.len() > most {
        return None;
    }
    let mut bytes = Vec::with_capacity(about.len() as usize);
    File::open(path).ok()?.take(most).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}
