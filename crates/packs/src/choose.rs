//! Which installed item does a task, and why.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use innkeeper_core::ModelRef;

use crate::error::PackError;
use crate::library::Library;
use crate::manifest::Item;

/// The setting `models.pack`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackChoice {
    /// For each task the best item that is installed, never a non-commercial one.
    Auto,
    /// What this pack names, and nothing else.
    Named(String),
}

impl PackChoice {
    /// `auto`, or the name of a pack; whether the pack exists is seen when something is chosen.
    pub fn from_setting(text: &str) -> Self {
        if text == "auto" { Self::Auto } else { Self::Named(text.to_owned()) }
    }
}

/// An item that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledItem {
    /// Name and version.
    pub item: ModelRef,
    /// Its folder.
    pub dir: PathBuf,
    /// Path of each file by its name.
    pub files: BTreeMap<String, PathBuf>,
}

impl InstalledItem {
    /// Path of the file of this name.
    pub fn file(&self, name: &str) -> Option<&Path> {
        self.files.get(name).map(PathBuf::as_path)
    }
}

/// What does a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// This item.
    Installed {
        /// The item.
        item: InstalledItem,
        /// Why this one, in a sentence.
        why: String,
    },
    /// Nothing that is installed and allowed.
    Absent {
        /// What would be taken first; `None` when the pack has nothing for the task.
        wanted: Option<ModelRef>,
        /// The command that installs something for the task; `None` when no pack has it.
        command: Option<String>,
        /// Why there is nothing, in a sentence.
        why: String,
    },
}

impl Library {
    /// The item that does `task`.
    ///
    /// # Errors
    /// When no pack or no task has this name.
    pub fn choose(&self, pack: &PackChoice, task: &str) -> Result<Choice, PackError> {
        let candidates = self.candidates(pack, task)?;
        if let Some(item) = candidates.iter().find(|i| self.usable(i)) {
            return Ok(Choice::Installed { item: self.open(item), why: why_chosen(pack, item, &candidates) });
        }
        Ok(self.absent(pack, task, &candidates))
    }

    /// Every installed item that may do `task`, the preferred one first: for tasks where several opinions are
    /// steadier than one.
    ///
    /// # Errors
    /// When no pack or no task has this name.
    pub fn choose_all(&self, pack: &PackChoice, task: &str) -> Result<Vec<InstalledItem>, PackError> {
        let candidates = self.candidates(pack, task)?;
        Ok(candidates.into_iter().filter(|i| self.usable(i)).map(|i| self.open(i)).collect())
    }

    /// An item's folder and the files this machine needs of it.
    fn open(&self, item: &Item) -> InstalledItem {
        let dir = self.item_dir(item);
        let fits = item.files.iter().filter(|f| f.fits(&self.platform));
        let files = fits.map(|f| (f.installed_name().to_owned(), dir.join(f.installed_name()))).collect();
        InstalledItem { item: item.reference.clone(), dir, files }
    }

    fn candidates(&self, pack: &PackChoice, task: &str) -> Result<Vec<&Item>, PackError> {
        let rule = self.manifest.tasks().get(task).ok_or_else(|| PackError::UnknownTask(task.to_owned()))?;
        let names = match pack {
            PackChoice::Auto => Some(&rule.prefer),
            PackChoice::Named(name) => {
                let Some(pack) = self.manifest.packs().get(name) else {
                    let known = self.manifest.packs().keys().cloned().collect::<Vec<_>>().join(", ");
                    return Err(PackError::UnknownName { name: name.clone(), known });
                };
                pack.tasks.get(task)
            }
        };
        Ok(names.into_iter().flatten().filter_map(|n| self.manifest.item(n)).collect())
    }

    fn absent(&self, pack: &PackChoice, task: &str, candidates: &[&Item]) -> Choice {
        let packs = self.packs_with(task);
        let wanted = candidates.first().map(|i| i.reference.clone());
        let command = |name: &str| format!("innkeeper models pull --pack {name}");
        match (pack, &wanted) {
            (PackChoice::Named(name), Some(item)) => Choice::Absent {
                why: format!("pack {name} takes {item} for {task}, and it is not installed"),
                command: Some(command(name)),
                wanted,
            },
            (PackChoice::Named(name), None) => Choice::Absent {
                why: match packs.first() {
                    Some(other) => format!(
                        "pack {name} has no model for {task}; pack {other} has one, used when models.pack is \
                         \"{other}\" or \"auto\""
                    ),
                    None => format!("no pack has a model for {task}"),
                },
                command: packs.first().map(|p| command(p)),
                wanted,
            },
            (PackChoice::Auto, _) => Choice::Absent {
                why: match packs.as_slice() {
                    [] => format!("no pack has a model for {task}"),
                    [one] => format!("no model for {task} is installed; pack {one} has one"),
                    [best, rest @ ..] => {
                        format!(
                            "no model for {task} is installed; pack {best} has the best one, {} too",
                            rest.join(", ")
                        )
                    }
                },
                command: packs.first().map(|p| command(p)),
                wanted,
            },
        }
    }

    /// Packs that have something commercial use may take for a task, in the order of preference.
    fn packs_with(&self, task: &str) -> Vec<&str> {
        let prefer = self.manifest.tasks().get(task).map(|t| t.prefer.as_slice()).unwrap_or_default();
        let mut packs: Vec<&str> = Vec::new();
        for name in prefer {
            for (pack, rule) in self.manifest.packs() {
                if rule.tasks.get(task).is_some_and(|names| names.first() == Some(name))
                    && !packs.contains(&pack.as_str())
                {
                    packs.push(pack);
                }
            }
        }
        packs
    }
}

fn why_chosen(pack: &PackChoice, item: &Item, candidates: &[&Item]) -> String {
    match pack {
        PackChoice::Named(name) => format!("pack {name} names it for {}", item.task),
        PackChoice::Auto => {
            let before: Vec<&str> = candidates
                .iter()
                .map(|i| i.reference.name())
                .take_while(|n| *n != item.reference.name())
                .collect();
            if before.is_empty() {
                format!("first choice for {}", item.task)
            } else {
                format!("best installed for {}; {} would come first", item.task, before.join(", "))
            }
        }
    }
}
