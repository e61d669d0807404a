//! Pull: fetch, convert, check, move into place.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use innkeeper_core::ModelRef;

use crate::digest::Digest;
use crate::error::{BoxError, PackError};
use crate::fetch::{Fetcher, Origin};
use crate::https::Retry;
use crate::library::Library;
use crate::manifest::{FileSpec, Item};
use crate::progress::Progress;
use crate::record::{Converted, InstalledFile, Record};

/// What to pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// Every item of a pack.
    Pack(String),
    /// One item and what it needs.
    Item(String),
}

/// Network name and fetched bytes in, installed bytes out.
pub type ConvertFn<'a> = &'a dyn Fn(&str, &[u8]) -> Result<Vec<u8>, BoxError>;

/// Rewrites fetched bytes as the file that is installed.
#[derive(Clone, Copy)]
pub struct Converter<'a> {
    /// Version of the converter; a file that another version wrote is converted again.
    pub version: &'a str,
    /// The conversion itself.
    pub convert: ConvertFn<'a>,
}

/// Looks at an item's files, in the folder given, before they are moved into place.
pub type Check<'a> = &'a dyn Fn(&Item, &Path) -> Result<(), BoxError>;

/// How to pull.
#[derive(Clone)]
pub struct PullOptions<'a> {
    /// Folder searched, recursively and first, for files of the right digest.
    pub mirror: Option<PathBuf>,
    /// Needed for items with files to convert.
    pub converter: Option<Converter<'a>>,
    /// Runs once for an item when any of its files is new.
    pub check: Option<Check<'a>>,
    /// The user was shown the terms of non-commercial items and accepts them.
    pub accept_non_commercial: bool,
    /// The Python to run pip with.
    pub python: PathBuf,
    /// Further arguments for `pip download`, for example `--index-url`.
    pub pip_args: Vec<String>,
    /// How often a download is tried again.
    pub retry: Retry,
}

impl Default for PullOptions<'_> {
    fn default() -> Self {
        Self {
            mirror: None,
            converter: None,
            check: None,
            accept_non_commercial: false,
            python: PathBuf::from("python3"),
            pip_args: Vec::new(),
            retry: Retry::default(),
        }
    }
}

/// What became of one item.
#[derive(Debug, Clone)]
pub struct Pulled {
    /// The item.
    pub item: ModelRef,
    /// Its folder.
    pub dir: PathBuf,
    /// False when all of it was there already, with the right content.
    pub changed: bool,
    /// Installed name of each file and where it came from.
    pub files: Vec<(String, Origin)>,
}

impl Library {
    /// A pack of this name, or else an item.
    ///
    /// # Errors
    /// [`PackError::UnknownName`], which lists what there is.
    pub fn selection(&self, name: &str) -> Result<Selection, PackError> {
        if self.manifest.packs().contains_key(name) {
            return Ok(Selection::Pack(name.to_owned()));
        }
        if self.manifest.item(name).is_some() {
            return Ok(Selection::Item(name.to_owned()));
        }
        let packs = self.manifest.packs().keys().cloned();
        let items = self.manifest.items().iter().map(|i| i.reference.name().to_owned());
        let known = packs.chain(items).collect::<Vec<_>>().join(", ");
        Err(PackError::UnknownName { name: name.to_owned(), known })
    }

    /// The items of a selection with what they need, in the order of the manifest.
    ///
    /// # Errors
    /// [`PackError::UnknownName`].
    pub fn select(&self, what: &Selection) -> Result<Vec<&Item>, PackError> {
        let mut names: BTreeSet<&str> = BTreeSet::new();
        match what {
            Selection::Pack(pack) => {
                let Some(rule) = self.manifest.packs().get(pack) else {
                    return Err(self.selection(pack).err().unwrap_or(PackError::UnknownTask(pack.clone())));
                };
                names.extend(rule.tasks.values().flatten().map(String::as_str));
            }
            Selection::Item(name) => {
                self.selection(name)?;
                names.insert(name);
            }
        }
        let needs: Vec<&str> = names
            .iter()
            .filter_map(|n| self.manifest.item(n))
            .flat_map(|i| i.needs.iter().map(String::as_str))
            .collect();
        names.extend(needs);
        Ok(self.manifest.items().iter().filter(|i| names.contains(i.reference.name())).collect())
    }

    /// Fetches, verifies, converts, checks and installs what was selected. Blocks; call it from a thread that
    /// may. A second pull into the same folder waits for the first.
    ///
    /// An item is installed whole or not at all; items that were done before an error stay.
    ///
    /// # Errors
    /// See [`PackError`]. Terms and platforms are looked at before anything is fetched.
    pub fn pull(
        &self,
        what: &Selection,
        options: &PullOptions<'_>,
        progress: &dyn Progress,
    ) -> Result<Vec<Pulled>, PackError> {
        let items = self.select(what)?;
        for item in &items {
            self.may_pull(item, options, progress)?;
        }
        let _lock = self.lock(progress)?;
        let staging = self.dir.join(".staging");
        sweep(&staging)?;
        let mut fetcher = Fetcher::new(&staging, options, progress);
        let pulled =
            items.into_iter().map(|item| self.pull_one(item, &staging, &mut fetcher, options, progress));
        let pulled = pulled.collect::<Result<Vec<_>, _>>();
        match sweep(&staging) {
            Ok(()) => pulled,
            Err(error) => pulled.and(Err(error)),
        }
    }

    fn may_pull(
        &self,
        item: &Item,
        options: &PullOptions<'_>,
        progress: &dyn Progress,
    ) -> Result<(), PackError> {
        let terms = item.terms.clone().unwrap_or_default();
        if item.non_commercial {
            if !options.accept_non_commercial {
                let (item, licence) = (item.reference.clone(), item.licence.clone());
                return Err(PackError::NonCommercial { item, licence, terms });
            }
            progress.message(&format!("{}: {}. {terms}", item.reference, item.licence));
        }
        let mut fits = item.files.iter().filter(|f| f.fits(&self.platform)).peekable();
        if fits.peek().is_none() {
            let (os, arch) = (self.platform.os.clone(), self.platform.arch.clone());
            return Err(PackError::Platform { item: item.reference.clone(), os, arch });
        }
        match fits.find_map(|f| f.convert.as_ref().map(|c| (f, c))) {
            Some((file, convert)) if options.converter.is_none() => {
                Err(PackError::NoConverter { file: file.name.clone(), network: convert.network.clone() })
            }
            _ => Ok(()),
        }
    }

    fn lock(&self, progress: &dyn Progress) -> Result<File, PackError> {
        fs::create_dir_all(&self.dir).map_err(PackError::io("create", &self.dir))?;
        let path = self.dir.join(".lock");
        let file = File::create(&path).map_err(PackError::io("create", &path))?;
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {
                progress.message("another pull is running; waiting for it to end");
            }
            Err(TryLockError::Error(e)) => return Err(PackError::io("lock", &path)(e)),
        }
        file.lock().map_err(PackError::io("lock", &path))?;
        Ok(file)
    }

    fn pull_one(
        &self,
        item: &Item,
        staging: &Path,
        fetcher: &mut Fetcher<'_>,
        options: &PullOptions<'_>,
        progress: &dyn Progress,
    ) -> Result<Pulled, PackError> {
        let dir = self.item_dir(item);
        let specs: Vec<&FileSpec> = item.files.iter().filter(|f| f.fits(&self.platform)).collect();
        let old = Record::read(&dir);
        let kept: Vec<Option<&InstalledFile>> =
            specs.iter().map(|spec| old.as_ref().and_then(|r| intact(r, spec, &dir, options))).collect();
        if kept.iter().all(Option::is_some) {
            progress.message(&format!("{} is installed", item.reference));
            let files = specs.iter().map(|s| (s.installed_name().to_owned(), Origin::Kept)).collect();
            return Ok(Pulled { item: item.reference.clone(), dir, changed: false, files });
        }
        progress.message(&format!("{} ({})", item.reference, item.licence));
        let stage = staging.join(format!("{}-{}", item.reference.name(), item.reference.version()));
        fs::create_dir_all(&stage).map_err(PackError::io("create", &stage))?;
        let (mut files, mut origins) = (Vec::new(), Vec::new());
        for (spec, kept) in specs.iter().zip(kept) {
            let to = stage.join(spec.installed_name());
            if let Some(folder) = to.parent() {
                fs::create_dir_all(folder).map_err(PackError::io("create", folder))?;
            }
            let (file, origin) = match kept {
                Some(file) => {
                    let from = dir.join(&file.name);
                    // Some file systems have no links.
                    fs::hard_link(&from, &to)
                        .or_else(|_| fs::copy(&from, &to).map(|_| ()))
                        .map_err(PackError::io("copy", &from))?;
                    (file.clone(), Origin::Kept)
                }
                None => fetch_one(spec, &to, staging, fetcher, options, progress)?,
            };
            origins.push((file.name.clone(), origin));
            files.push(file);
        }
        if let Some(check) = options.check {
            check(item, &stage)
                .map_err(|reason| PackError::Check { item: item.reference.clone(), reason })?;
        }
        Record::new(item, files).write(&stage)?;
        sync_dir(&stage)?;
        put_in_place(&stage, &dir, staging)?;
        tracing::info!(item = %item.reference, dir = %dir.display(), "installed");
        Ok(Pulled { item: item.reference.clone(), dir, changed: true, files: origins })
    }
}

/// The recorded file, when it is what the manifest and the converter of today would give, read anew.
fn intact<'r>(
    record: &'r Record,
    spec: &FileSpec,
    dir: &Path,
    options: &PullOptions<'_>,
) -> Option<&'r InstalledFile> {
    let file = record.file(spec)?;
    let converter = file.converted.as_ref().map(|c| c.converter.as_str());
    if converter.is_some() && converter != options.converter.map(|c| c.version) {
        return None;
    }
    let (found, length) = Digest::of_file(&dir.join(&file.name)).ok()?;
    (found == file.sha256 && length == file.size).then_some(file)
}

fn fetch_one(
    spec: &FileSpec,
    to: &Path,
    staging: &Path,
    fetcher: &mut Fetcher<'_>,
    options: &PullOptions<'_>,
    progress: &dyn Progress,
) -> Result<(InstalledFile, Origin), PackError> {
    let (Some(rule), Some(converter)) = (&spec.convert, options.converter) else {
        let origin = fetcher.fetch(spec, to)?;
        return Ok((installed(spec, spec.sha256, spec.size, None), origin));
    };
    let raw = staging.join(format!("{}.raw", spec.sha256));
    let origin = fetcher.fetch(spec, &raw)?;
    progress.begin(&rule.installed_as, spec.size);
    let bytes = fs::read(&raw).map_err(PackError::io("read", &raw))?;
    let network = rule.network.clone();
    let made = (converter.convert)(&network, &bytes)
        .map_err(|reason| PackError::Convert { network: network.clone(), reason })?;
    write_synced(to, &made)?;
    progress.advance(spec.size);
    progress.end(&rule.installed_as, "converted");
    fs::remove_file(&raw).map_err(PackError::io("remove", &raw))?;
    let converted = Converted { network, converter: converter.version.to_owned() };
    Ok((installed(spec, Digest::of(&made), made.len() as u64, Some(converted)), origin))
}

fn installed(spec: &FileSpec, sha256: Digest, size: u64, converted: Option<Converted>) -> InstalledFile {
    InstalledFile {
        name: spec.installed_name().to_owned(),
        sha256,
        size,
        source: spec.source.to_string(),
        source_sha256: spec.sha256,
        converted,
    }
}

/// Removes what an earlier pull left, but keeps begun downloads to go on with.
fn sweep(staging: &Path) -> Result<(), PackError> {
    fs::create_dir_all(staging).map_err(PackError::io("create", staging))?;
    for entry in fs::read_dir(staging).map_err(PackError::io("read", staging))? {
        let path = entry.map_err(PackError::io("read", staging))?.path();
        if path.extension().is_some_and(|e| e == "part") {
            continue;
        }
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.map_err(PackError::io("remove", &path))?;
    }
    Ok(())
}

/// Moves a finished folder to its place by one rename. A folder that is replaced is moved aside first; a
/// crash between the two leaves the item absent, never mixed.
fn put_in_place(stage: &Path, dir: &Path, staging: &Path) -> Result<(), PackError> {
    let parent = dir.parent().unwrap_or(dir);
    fs::create_dir_all(parent).map_err(PackError::io("create", parent))?;
    let aside = staging.join("replaced");
    let replaces = dir.exists();
    if replaces {
        if aside.exists() {
            fs::remove_dir_all(&aside).map_err(PackError::io("remove", &aside))?;
        }
        fs::rename(dir, &aside).map_err(PackError::io("move", dir))?;
    }
    if let Err(error) = fs::rename(stage, dir) {
        if replaces {
            fs::rename(&aside, dir).map_err(PackError::io("move back", &aside))?;
        }
        return Err(PackError::io("move", stage)(error));
    }
    sync_dir(parent)?;
    if replaces {
        fs::remove_dir_all(&aside).map_err(PackError::io("remove", &aside))?;
    }
    Ok(())
}

/// Writes a file and waits until the disk has it.
pub(crate) fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), PackError> {
    let mut file = File::create(path).map_err(PackError::io("create", path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(PackError::io("write", path))
}

fn sync_dir(dir: &Path) -> Result<(), PackError> {
    File::open(dir).and_then(|d| d.sync_all()).map_err(PackError::io("write", dir))
}
