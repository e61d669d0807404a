//! The manifest: which files there are, where they come from, and which pack holds which.

use std::collections::{BTreeMap, BTreeSet};

use innkeeper_core::ModelRef;
use serde::Deserialize;

use crate::digest::Digest;
use crate::source::Source;

/// Version of the manifest's schema that this code reads.
const SCHEMA: u32 = 1;

/// Why a manifest was refused.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not TOML, or a key that is missing, unknown or of another type.
    #[error("{0}")]
    Syntax(#[from] toml::de::Error),
    /// Written for another version of this code.
    #[error("schema {0} is not the one this version reads ({SCHEMA})")]
    Schema(u32),
    /// Well formed, but contradicts itself.
    #[error("{at}: {reason}")]
    Invalid {
        /// The item, task or pack.
        at: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// A checked manifest.
#[derive(Debug, Clone)]
pub struct Manifest {
    tasks: BTreeMap<String, Task>,
    packs: BTreeMap<String, Pack>,
    items: Vec<Item>,
}

/// What a model is for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// One sentence.
    pub about: String,
    /// Names of items, the best first: the order in which "auto" takes what is installed.
    pub prefer: Vec<String>,
    /// Whether every installed item does the task together with the others, instead of the best one alone.
    #[serde(default)]
    pub together: bool,
}

/// A choice of items for the tasks.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    /// One sentence.
    pub about: String,
    /// Task -> names of items, the one to use first.
    pub tasks: BTreeMap<String, Vec<String>>,
}

/// A model, or a set of data: files of one name and version.
#[derive(Debug, Clone)]
pub struct Item {
    /// Name and version.
    pub reference: ModelRef,
    /// What it is for.
    pub task: String,
    /// Licence: an SPDX expression, or a name where there is none.
    pub licence: String,
    /// What the licence asks, in words; always there for non-commercial items.
    pub terms: Option<String>,
    /// Pulled only when the user accepts that, never chosen by "auto".
    pub non_commercial: bool,
    /// Path of the card, beside the manifest.
    pub card: String,
    /// Names of items without which this one cannot be used.
    pub needs: Vec<String>,
    /// Its files, for every platform.
    pub files: Vec<FileSpec>,
}

/// One file of an item.
#[derive(Debug, Clone)]
pub struct FileSpec {
    /// File name as fetched, with folders where a set has them; the installed name too, unless it is
    /// converted.
    pub name: String,
    /// Where it comes from.
    pub source: Source,
    /// Digest of the fetched file.
    pub sha256: Digest,
    /// Length of the fetched file, bytes.
    pub size: u64,
    /// How it is converted before it is installed.
    pub convert: Option<Convert>,
    /// Only on this operating system.
    pub os: Option<String>,
    /// Only on this processor.
    pub arch: Option<String>,
}

/// A conversion at install time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Convert {
    /// Name the converter knows the network by.
    pub network: String,
    /// File name of the result.
    pub installed_as: String,
}

/// Operating system and processor, as Rust names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    /// For example `linux`.
    pub os: String,
    /// For example `x86_64` or `aarch64`.
    pub arch: String,
}

impl Platform {
    /// The machine this program was built for.
    pub fn current() -> Self {
        Self { os: std::env::consts::OS.to_owned(), arch: std::env::consts::ARCH.to_owned() }
    }
}

impl FileSpec {
    /// Name under which the file lies in the installed folder.
    pub fn installed_name(&self) -> &str {
        self.convert.as_ref().map_or(&self.name, |c| &c.installed_as)
    }

    /// True when this machine needs the file.
    pub fn fits(&self, platform: &Platform) -> bool {
        self.os.as_ref().is_none_or(|os| *os == platform.os)
            && self.arch.as_ref().is_none_or(|arch| *arch == platform.arch)
    }

    /// True when some machine needs both.
    fn may_meet(&self, other: &Self) -> bool {
        let meet = |a: &Option<String>, b: &Option<String>| a.is_none() || b.is_none() || a == b;
        meet(&self.os, &other.os) && meet(&self.arch, &other.arch)
    }
}

impl Manifest {
    /// The models of this version of Innkeeper (`models/packs.toml`).
    ///
    /// # Errors
    /// When the compiled-in manifest is wrong, which a test rules out.
    pub fn models() -> Result<Self, ManifestError> {
        Self::parse(include_str!("../../../models/packs.toml"))
    }

    /// The data sets of this version of Innkeeper (`datasets/sets.toml`).
    ///
    /// # Errors
    /// When the compiled-in manifest is wrong, which a test rules out.
    pub fn datasets() -> Result<Self, ManifestError> {
        Self::parse(include_str!("../../../datasets/sets.toml"))
    }

    /// Reads and checks a manifest; the format is described in `models/README.md`.
    ///
    /// # Errors
    /// When it is not TOML, has an unknown key, another schema, or names what does not exist.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let raw: RawManifest = toml::from_str(text)?;
        if raw.schema != SCHEMA {
            return Err(ManifestError::Schema(raw.schema));
        }
        let items = raw.item.into_iter().map(RawItem::check).collect::<Result<Vec<_>, _>>()?;
        let manifest = Self { tasks: raw.tasks, packs: raw.packs, items };
        manifest.check()?;
        Ok(manifest)
    }

    /// All items, in the order of the manifest.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The item of this name.
    pub fn item(&self, name: &str) -> Option<&Item> {
        self.items.iter().find(|i| i.reference.name() == name)
    }

    /// All packs by name.
    pub fn packs(&self) -> &BTreeMap<String, Pack> {
        &self.packs
    }

    /// All tasks by name.
    pub fn tasks(&self) -> &BTreeMap<String, Task> {
        &self.tasks
    }

    fn check(&self) -> Result<(), ManifestError> {
        let mut names = BTreeSet::new();
        for item in &self.items {
            let name = item.reference.name();
            let at = || format!("item {name}");
            if !names.insert(name) || self.packs.contains_key(name) {
                return invalid(at(), "this name is used twice");
            }
            if !self.tasks.contains_key(&item.task) {
                return invalid(at(), format!("task {:?} is not declared", item.task));
            }
            for need in &item.needs {
                match self.item(need) {
                    None => return invalid(at(), format!("needs {need:?}, which does not exist")),
                    // One level only: it keeps "is it usable" a look at two folders, and rules out circles.
                    Some(other) if !other.needs.is_empty() => {
                        return invalid(at(), format!("needs {need:?}, which has needs of its own"));
                    }
                    Some(_) => {}
                }
            }
        }
        for (task, rule) in &self.tasks {
            self.check_names(format!("task {task}"), task, &rule.prefer)?;
            if let Some(bad) = rule.prefer.iter().filter_map(|n| self.item(n)).find(|i| i.non_commercial) {
                return invalid(format!("task {task}"), format!("{} is non-commercial", bad.reference));
            }
        }
        for (pack, rule) in &self.packs {
            if !plain_name(pack) {
                return invalid(format!("pack {pack}"), "not a plain name");
            }
            for (task, chosen) in &rule.tasks {
                if !self.tasks.contains_key(task) {
                    return invalid(format!("pack {pack}"), format!("task {task:?} is not declared"));
                }
                self.check_names(format!("pack {pack}, task {task}"), task, chosen)?;
            }
        }
        Ok(())
    }

    fn check_names(&self, at: String, task: &str, names: &[String]) -> Result<(), ManifestError> {
        for name in names {
            match self.item(name) {
                None => return invalid(at, format!("{name:?} does not exist")),
                Some(item) if item.task != task => {
                    return invalid(at, format!("{name:?} is for {}", item.task));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

/// True for a name that is one plain component of a path and cannot be taken for an option.
pub(crate) fn plain_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-+".contains(&b))
}

/// True for a relative path of such components.
fn plain_path(path: &str) -> bool {
    path.split('/').all(plain_name)
}

fn invalid<T>(at: String, reason: impl Into<String>) -> Result<T, ManifestError> {
    Err(ManifestError::Invalid { at, reason: reason.into() })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawManifest {
    schema: u32,
    #[serde(default)]
    tasks: BTreeMap<String, Task>,
    #[serde(default)]
    packs: BTreeMap<String, Pack>,
    #[serde(default)]
    item: Vec<RawItem>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawItem {
    name: String,
    version: String,
    task: String,
    licence: String,
    terms: Option<String>,
    #[serde(default)]
    non_commercial: bool,
    card: String,
    #[serde(default)]
    needs: Vec<String>,
    file: Vec<RawFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    name: String,
    source: String,
    wheel_tag: Option<String>,
    sdist_sha256: Option<Digest>,
    sha256: Digest,
    size: u64,
    convert: Option<String>,
    installed_as: Option<String>,
    os: Option<String>,
    arch: Option<String>,
}

impl RawItem {
    fn check(self) -> Result<Item, ManifestError> {
        let at = || format!("item {}", self.name);
        let reference = match ModelRef::new(&self.name, &self.version) {
            Ok(reference) if plain_name(&self.name) && plain_name(&self.version) => reference,
            Ok(_) => return invalid(at(), "name and version must begin with a letter or a digit"),
            Err(e) => return invalid(at(), e.to_string()),
        };
        if self.non_commercial && self.terms.is_none() {
            return invalid(at(), "a non-commercial item states its terms");
        }
        if self.file.is_empty() {
            return invalid(at(), "has no files");
        }
        let mut files: Vec<FileSpec> = Vec::with_capacity(self.file.len());
        for raw in self.file {
            let at = format!("item {}, file {}", self.name, raw.name);
            let file = match raw.check() {
                Ok(file) => file,
                Err(reason) => return invalid(at, reason),
            };
            if files.iter().any(|f| f.installed_name() == file.installed_name() && f.may_meet(&file)) {
                return invalid(at, "another file of this item has the same installed name");
            }
            files.push(file);
        }
        Ok(Item {
            reference,
            task: self.task,
            licence: self.licence,
            terms: self.terms,
            non_commercial: self.non_commercial,
            card: self.card,
            needs: self.needs,
            files,
        })
    }
}

impl RawFile {
    fn check(self) -> Result<FileSpec, String> {
        let convert = match (self.convert, self.installed_as) {
            (None, None) => None,
            (Some(network), Some(installed_as)) => Some(Convert { network, installed_as }),
            _ => return Err("convert and installed_as belong together".into()),
        };
        let file = FileSpec {
            source: Source::parse(&self.source, self.wheel_tag.as_deref(), self.sdist_sha256)?,
            name: self.name,
            sha256: self.sha256,
            size: self.size,
            convert,
            os: self.os,
            arch: self.arch,
        };
        if !plain_path(&file.name) || !plain_path(file.installed_name()) {
            return Err("a file name is made of plain components".into());
        }
        if file.installed_name() == crate::record::FILE_NAME {
            return Err("this name is taken by the record of the installation".into());
        }
        if file.size == 0 {
            return Err("a file is not empty".into());
        }
        Ok(file)
    }
}
