//! What is installed, and whether it is still what was installed.

use std::path::Path;

use innkeeper_core::ModelRef;

use crate::choose::{Choice, PackChoice};
use crate::digest::Digest;
use crate::error::PackError;
use crate::library::Library;
use crate::manifest::{FileSpec, Item};
use crate::pull::Selection;
use crate::record::Record;

/// How much of an item is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// All of it.
    Installed,
    /// A folder is there, but files are missing or of another source; `pull` mends it.
    Incomplete,
    /// Nothing.
    Absent,
}

/// A row of `models list`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The item.
    pub item: ModelRef,
    /// What it is for.
    pub task: String,
    /// Its licence.
    pub licence: String,
    /// True when it may not be used commercially.
    pub non_commercial: bool,
    /// How much of it is there.
    pub state: State,
    /// Length of the files to fetch for this machine, bytes.
    pub download: u64,
    /// The packs that hold it.
    pub packs: Vec<String>,
    /// True when it is the one used for its task.
    pub chosen: bool,
    /// Why it is used, or why not.
    pub why: String,
}

/// A row of `models verify`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The item.
    pub item: ModelRef,
    /// Installed name of the file.
    pub file: String,
    /// What was found.
    pub outcome: Outcome,
}

/// What re-reading a file found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The content that was installed.
    Intact,
    /// Other content; its digest.
    Changed(Digest),
    /// The record says it was installed, and it is not there or cannot be read.
    Missing,
    /// There is no record of a file from the source the manifest names.
    NotRecorded,
    /// The item is not installed.
    NotInstalled,
}

impl Library {
    /// Every item of the manifest, with what is used for its task under `pack`.
    ///
    /// # Errors
    /// When no pack has this name.
    pub fn list(&self, pack: &PackChoice) -> Result<Vec<Listed>, PackError> {
        self.manifest.items().iter().map(|item| self.list_one(item, pack)).collect()
    }

    fn list_one(&self, item: &Item, pack: &PackChoice) -> Result<Listed, PackError> {
        let name = item.reference.name();
        let state = self.state(item);
        let (chosen, why) = match self.choose(pack, &item.task)? {
            Choice::Installed { item: taken, why } if taken.item == item.reference => (true, why),
            Choice::Installed { .. } if self.joins(item, pack)? => {
                (true, format!("{} is done by all that are installed together", item.task))
            }
            Choice::Installed { item: taken, .. } => {
                (false, if item.non_commercial { never(pack) } else { format!("{} comes first", taken.item) })
            }
            Choice::Absent { .. } if item.non_commercial && *pack == PackChoice::Auto => (false, never(pack)),
            Choice::Absent { .. } if state == State::Installed && !self.usable(item) => {
                (false, format!("needs {}", item.needs.join(", ")))
            }
            Choice::Absent { why, .. } => (false, why),
        };
        let in_pack = |names: &Vec<String>| names.iter().any(|n| n == name);
        Ok(Listed {
            item: item.reference.clone(),
            task: item.task.clone(),
            licence: item.licence.clone(),
            non_commercial: item.non_commercial,
            state,
            download: item.files.iter().filter(|f| f.fits(&self.platform)).map(|f| f.size).sum(),
            packs: self
                .manifest
                .packs()
                .iter()
                .filter(|(_, p)| p.tasks.values().any(in_pack))
                .map(|(n, _)| n.clone())
                .collect(),
            chosen,
            why,
        })
    }

    /// Whether the item does its task beside a preferred one.
    fn joins(&self, item: &Item, pack: &PackChoice) -> Result<bool, PackError> {
        let together = self.manifest.tasks().get(&item.task).is_some_and(|task| task.together);
        Ok(together && self.choose_all(pack, &item.task)?.iter().any(|taken| taken.item == item.reference))
    }

    fn state(&self, item: &Item) -> State {
        if self.installed(item).is_some() {
            State::Installed
        } else if self.item_dir(item).exists() {
            State::Incomplete
        } else {
            State::Absent
        }
    }

    /// Reads every installed file again and compares it with its record. Without a selection, items that are
    /// not installed are left out; with one, they are reported.
    ///
    /// # Errors
    /// When nothing has the selected name.
    pub fn verify(&self, what: Option<&Selection>) -> Result<Vec<Verified>, PackError> {
        let items = match what {
            Some(what) => self.select(what)?,
            None => self.manifest.items().iter().filter(|i| self.item_dir(i).exists()).collect(),
        };
        let mut rows = Vec::new();
        for item in items {
            let dir = self.item_dir(item);
            let record = Record::read(&dir);
            for spec in item.files.iter().filter(|f| f.fits(&self.platform)) {
                let outcome =
                    if dir.exists() { look(record.as_ref(), spec, &dir) } else { Outcome::NotInstalled };
                let file = spec.installed_name().to_owned();
                rows.push(Verified { item: item.reference.clone(), file, outcome });
            }
        }
        Ok(rows)
    }
}

fn look(record: Option<&Record>, spec: &FileSpec, dir: &Path) -> Outcome {
    let Some(file) = record.and_then(|r| r.file(spec)) else { return Outcome::NotRecorded };
    match Digest::of_file(&dir.join(&file.name)) {
        Ok((found, _)) if found == file.sha256 => Outcome::Intact,
        Ok((found, _)) => Outcome::Changed(found),
        Err(_) => Outcome::Missing,
    }
}

fn never(pack: &PackChoice) -> String {
    match pack {
        PackChoice::Auto => "non-commercial: never chosen by auto".to_owned(),
        PackChoice::Named(name) => format!("non-commercial: not what pack {name} names"),
    }
}
