use std::fs::{self, File as OpenFile};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::disk::{replace, sync_folder, write_new};
use crate::names::check_file;
use crate::{Name, NameError, Version};

/// File of a model's folder that says which version is champion.
const CHOICE: &str = "champion.json";
/// File of a version's folder that says what lies in it.
const RECORD: &str = "version.json";

/// Name of the model card in every version.
pub const CARD: &str = "card.md";
/// Name of the figures in every version.
pub const METRICS: &str = "metrics.json";
/// Largest file that is registered or read, in bytes.
const LARGEST: u64 = 256 << 20;
/// Changes of the champion that are remembered.
const MOST_CHANGES: usize = 1_000;
/// Leftovers of writers that died are swept when they are this old: a younger one may still be written.
const STALE: Duration = Duration::from_hours(1);

/// Why the registry did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// A name that is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// No such version.
    #[error("{name} has no version {version}")]
    UnknownVersion {
        /// The model.
        name: Name,
        /// The version asked for.
        version: Version,
    },
    /// There is no champion before this one.
    #[error("{0} has no version to roll back to")]
    NothingBefore(Name),
    /// The version has no such file.
    #[error("{name}@{version} has no file {file:?}")]
    UnknownFile {
        /// The model.
        name: Name,
        /// Its version.
        version: Version,
        /// The file asked for.
        file: String,
    },
    /// A file is not what was registered.
    #[error("{place} is not what was registered: {reason}")]
    Damaged {
        /// Path of the file.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// The files to register cannot be taken.
    #[error("cannot be registered: {0}")]
    Refused(String),
    /// The disk did not do it.
    #[error("could not {what} {place}: {error}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Path of the file or folder.
        place: String,
        /// What the system said.
        error: io::Error,
    },
}

/// A file to register.
#[derive(Debug, Clone, Copy)]
pub struct File<'a> {
    /// Its name within the version, such as `model.json`.
    pub name: &'a str,
    /// Its content.
    pub bytes: &'a [u8],
}

/// A file of a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileRecord {
    /// Its name.
    pub name: String,
    /// SHA-256 of its content, in hexadecimal digits.
    pub sha256: String,
    /// Its length in bytes.
    pub size: u64,
}

/// What is recorded of a version when it is registered; it never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The model.
    pub name: Name,
    /// Its version.
    pub version: Version,
    /// When it was registered.
    pub registered_at: DateTime<Utc>,
    /// Its files, sorted by name.
    pub files: Vec<FileRecord>,
}

/// What happened to the champion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// A version was made champion.
    Promoted,
    /// The version before became champion again.
    RolledBack,
}

/// One change of the champion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub kind: ChangeKind,
    /// The champion until then.
    pub from: Option<Version>,
    /// The champion since then.
    pub to: Version,
    /// Who or what did it, in words of the caller.
    pub by: String,
}

/// Which version answers, which one did before, and how it came so.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// The version that answers.
    pub champion: Option<Version>,
    /// The version that [`Registry::rollback`] goes back to.
    pub previous: Option<Version>,
    /// All changes, the newest last.
    pub history: Vec<Change>,
}

/// Versions of trained models in a folder.
///
/// `DIR/NAME/VERSION/` holds the files of a version, its card, its metrics and `version.json` with their digests. A version
/// appears by one rename and never changes. `DIR/NAME/champion.json` says which one answers and is replaced in one step. A
/// process may be killed at any point: what it was doing has then happened wholly or not at all. Processes that write to one
/// folder wait for each other.
#[derive(Debug, Clone)]
pub struct Registry {
    folder: PathBuf,
}

fn failed(what: &'static str, place: &Path) -> impl FnOnce(io::Error) -> RegistryError {
    let place = place.display().to_string();
    move |error| RegistryError::Io { what, place, error }
}

impl Registry {
    /// Opens the registry below `folder`, making the folder where it is missing, and sweeps what dead writers left.
    ///
    /// # Errors
    /// [`RegistryError::Io`].
    pub fn open(folder: &Path) -> Result<Self, RegistryError> {
        fs::create_dir_all(folder).map_err(failed("make", folder))?;
        let registry = Self { folder: folder.to_owned() };
        for name in registry.names()? {
            let folder = registry.folder.join(name.as_str());
            let entries = fs::read_dir(&folder).map_err(failed("list", &folder))?;
            for entry in entries.filter_map(Result::ok) {
                let stale = entry
                    .metadata()
                    .and_then(|m| m.modified())
                    .is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age >= STALE));
                if stale && entry.file_name().to_string_lossy().starts_with(".new-") {
                    let _ = fs::remove_dir_all(entry.path()).or_else(|_| fs::remove_file(entry.path()));
                }
            }
        }
        Ok(registry)
    }

    /// The folder it was opened on.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Names of the models that have a folder, sorted.
    ///
    /// # Errors
    /// [`RegistryError::Io`].
    pub fn names(&self) -> Result<Vec<Name>, RegistryError> {
        let entries = fs::read_dir(&self.folder).map_err(failed("list", &self.folder))?;
        let mut names: Vec<Name> = entries
            .filter_map(Result::ok)
            .filter(|e| e.file_type().is_ok_and(|t| t.is_dir()))
            .filter_map(|e| e.file_name().to_str()?.parse().ok())
            .collect();
        names.sort();
        Ok(names)
    }

    /// Registers a version: its `files`, its `metrics` and its model `card`. It does not answer until it is promoted.
    ///
    /// # Errors
    /// [`RegistryError::Refused`] for no file, a file twice, one that is too large or named as one of the registry's own;
    /// [`RegistryError::Name`], [`RegistryError::Io`].
    pub fn register(
        &self,
        name: &Name,
        files: &[File<'_>],
        metrics: &Value,
        card: &str,
    ) -> Result<Record, RegistryError> {
        let refused = |reason: String| Err(RegistryError::Refused(reason));
        if files.is_empty() {
            return refused("a version without files".to_owned());
        }
        let metrics =
            serde_json::to_vec_pretty(metrics).map_err(|e| RegistryError::Refused(e.to_string()))?;
        let own = [File { name: CARD, bytes: card.as_bytes() }, File { name: METRICS, bytes: &metrics }];
        let mut all = Vec::with_capacity(files.len() + own.len());
        for file in files.iter().chain(&own) {
            check_file(file.name)?;
            if file.name == RECORD || all.iter().any(|f: &File<'_>| f.name == file.name) {
                return refused(format!("the name {} is taken", file.name));
            }
            if file.bytes.len() as u64 > LARGEST {
                return refused(format!("{} has more than {LARGEST} bytes", file.name));
            }
            all.push(*file);
        }
        all.sort_by_key(|f| f.name);
        let (folder, _lock) = self.locked(name)?;
        // Numbers are not used again, even if somebody removed the newest version by hand while it was in use.
        let highest = self.numbers(name)?.into_iter().max();
        let chosen = self.choice(name)?;
        let remembered = chosen.history.iter().map(|c| c.to).max();
        let version = highest.max(remembered).max(chosen.champion).map_or(Version::FIRST, Version::next);
        let record = Record {
            name: name.clone(),
            version,
            registered_at: Utc::now(),
            files: all
                .iter()
                .map(|f| FileRecord {
                    name: f.name.to_owned(),
                    sha256: hex::encode(Sha256::digest(f.bytes)),
                    size: f.bytes.len() as u64,
                })
                .collect(),
        };
        let building = folder.join(format!(".new-{}", uuid::Uuid::now_v7().simple()));
        fs::create_dir(&building).map_err(failed("make", &building))?;
        let written = write_version(&building, &all, &record);
        let place = folder.join(version.to_string());
        let done = written.and_then(|()| fs::rename(&building, &place)).and_then(|()| sync_folder(&folder));
        if let Err(error) = done {
            let _ = fs::remove_dir_all(&building);
            return Err(failed("write", &place)(error));
        }
        Ok(record)
    }

    /// All versions of a model, the oldest first. A folder without a readable record is no version.
    ///
    /// # Errors
    /// [`RegistryError::Io`].
    pub fn versions(&self, name: &Name) -> Result<Vec<Record>, RegistryError> {
        let mut versions: Vec<Record> =
            self.numbers(name)?.into_iter().filter_map(|v| self.record(name, v).ok()).collect();
        versions.sort_by_key(|r| r.version);
        Ok(versions)
    }

    /// What was recorded of one version.
    ///
    /// # Errors
    /// [`RegistryError::UnknownVersion`], [`RegistryError::Damaged`].
    pub fn record(&self, name: &Name, version: Version) -> Result<Record, RegistryError> {
        let unknown = || RegistryError::UnknownVersion { name: name.clone(), version };
        let place = self.place(name, version).join(RECORD);
        let bytes = read_plain(&place)?.ok_or_else(unknown)?;
        let damaged = |reason: String| RegistryError::Damaged { place: place.display().to_string(), reason };
        let record: Record = serde_json::from_slice(&bytes).map_err(|e| damaged(e.to_string()))?;
        if record.name != *name || record.version != version {
            return Err(damaged(format!("it is the record of {}@{}", record.name, record.version)));
        }
        Ok(record)
    }

    /// A file of a version, checked against its digest.
    ///
    /// # Errors
    /// [`RegistryError::UnknownVersion`], [`RegistryError::UnknownFile`], [`RegistryError::Damaged`], [`RegistryError::Io`].
    pub fn read(&self, name: &Name, version: Version, file: &str) -> Result<Vec<u8>, RegistryError> {
        let record = self.record(name, version)?;
        let unknown = || RegistryError::UnknownFile {
            name: name.clone(),
            version,
            file: file.chars().take(64).collect(),
        };
        let listed = record.files.iter().find(|f| f.name == file).ok_or_else(unknown)?;
        check_file(&listed.name)?;
        let place = self.place(name, version).join(&listed.name);
        let damaged = |reason: &str| RegistryError::Damaged {
            place: place.display().to_string(),
            reason: reason.to_owned(),
        };
        let bytes = read_plain(&place)?.ok_or_else(|| damaged("it is gone"))?;
        if hex::encode(Sha256::digest(&bytes)) == listed.sha256 {
            Ok(bytes)
        } else {
            Err(damaged("its SHA-256 is another"))
        }
    }

    /// Which version answers and which one before it; nothing where none was promoted yet.
    ///
    /// # Errors
    /// [`RegistryError::Damaged`], [`RegistryError::Io`].
    pub fn choice(&self, name: &Name) -> Result<Choice, RegistryError> {
        let place = self.folder.join(name.as_str()).join(CHOICE);
        let Some(bytes) = read_plain(&place)? else { return Ok(Choice::default()) };
        serde_json::from_slice(&bytes)
            .map_err(|e| RegistryError::Damaged { place: place.display().to_string(), reason: e.to_string() })
    }

    /// The version that answers.
    ///
    /// # Errors
    /// As [`Registry::choice`].
    pub fn champion(&self, name: &Name) -> Result<Option<Version>, RegistryError> {
        Ok(self.choice(name)?.champion)
    }

    /// Makes a version champion; the champion until then becomes the one to roll back to. Every file of it is read and
    /// checked first. Promoting the champion changes nothing.
    ///
    /// # Errors
    /// [`RegistryError::UnknownVersion`], [`RegistryError::Damaged`], [`RegistryError::Io`].
    pub fn promote(&self, name: &Name, version: Version, by: &str) -> Result<Choice, RegistryError> {
        self.change(name, by, |choice| {
            Ok(if choice.champion == Some(version) {
                None
            } else {
                Some((ChangeKind::Promoted, version, choice.champion))
            })
        })
    }

    /// Makes the champion before this one champion again, in one step. What it rolls back is not kept as the one before:
    /// promote it to have it again.
    ///
    /// # Errors
    /// [`RegistryError::NothingBefore`], [`RegistryError::Damaged`], [`RegistryError::Io`].
    pub fn rollback(&self, name: &Name, by: &str) -> Result<Choice, RegistryError> {
        self.change(name, by, |choice| {
            let before = choice.previous.ok_or_else(|| RegistryError::NothingBefore(name.clone()))?;
            Ok(Some((ChangeKind::RolledBack, before, None)))
        })
    }

    fn change(
        &self,
        name: &Name,
        by: &str,
        decide: impl FnOnce(&Choice) -> Result<Option<(ChangeKind, Version, Option<Version>)>, RegistryError>,
    ) -> Result<Choice, RegistryError> {
        // A model nobody registered gets no folder by being asked for.
        if !self.folder.join(name.as_str()).is_dir() {
            return match decide(&Choice::default())? {
                Some((_, version, _)) => Err(RegistryError::UnknownVersion { name: name.clone(), version }),
                None => Ok(Choice::default()),
            };
        }
        let (folder, _lock) = self.locked(name)?;
        let mut choice = self.choice(name)?;
        let Some((kind, to, previous)) = decide(&choice)? else { return Ok(choice) };
        for file in &self.record(name, to)?.files {
            self.read(name, to, &file.name)?;
        }
        let from = choice.champion;
        let by = by.chars().filter(|c| !c.is_control()).take(200).collect();
        choice.history.push(Change { at: Utc::now(), kind, from, to, by });
        let surplus = choice.history.len().saturating_sub(MOST_CHANGES);
        choice.history.drain(..surplus);
        (choice.champion, choice.previous) = (Some(to), previous);
        let text = serde_json::to_vec_pretty(&choice).map_err(|e| RegistryError::Refused(e.to_string()))?;
        replace(&folder, CHOICE, &text).map_err(failed("write", &folder.join(CHOICE)))?;
        Ok(choice)
    }

    fn place(&self, name: &Name, version: Version) -> PathBuf {
        self.folder.join(name.as_str()).join(version.to_string())
    }

    /// The model's folder and a lock on it, which the system drops when the process dies.
    fn locked(&self, name: &Name) -> Result<(PathBuf, OpenFile), RegistryError> {
        let folder = self.folder.join(name.as_str());
        fs::create_dir_all(&folder).map_err(failed("make", &folder))?;
        sync_folder(&self.folder).map_err(failed("sync", &self.folder))?;
        let place = folder.join(".lock");
        let lock = OpenFile::options().create(true).append(true).open(&place);
        let lock = lock.and_then(|file| file.lock().map(|()| file)).map_err(failed("lock", &place))?;
        Ok((folder, lock))
    }

    /// Numbers that are taken, whatever lies in their folders.
    fn numbers(&self, name: &Name) -> Result<Vec<Version>, RegistryError> {
        let folder = self.folder.join(name.as_str());
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed("list", &folder)(error)),
        };
        Ok(entries.filter_map(Result::ok).filter_map(|e| e.file_name().to_str()?.parse().ok()).collect())
    }
}

fn write_version(building: &Path, files: &[File<'_>], record: &Record) -> io::Result<()> {
    for file in files {
        write_new(&building.join(file.name), file.bytes)?;
    }
    write_new(&building.join(RECORD), &serde_json::to_vec_pretty(record)?)?;
    sync_folder(building)
}

/// A plain file of at most [`LARGEST`] bytes, or `None` where there is none. A link is not followed.
fn read_plain(place: &Path) -> Result<Option<Vec<u8>>, RegistryError> {
    let about = match fs::symlink_metadata(place) {
        Ok(about) => about,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(failed("read", place)(error)),
    };
    if !about.is_file() || about.len() > LARGEST {
        return Err(RegistryError::Damaged {
            place: place.display().to_string(),
            reason: "it is no plain file of a sensible size".to_owned(),
        });
    }
    fs::read(place).map(Some).map_err(failed("read", place))
}
