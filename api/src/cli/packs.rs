//! `models` and `datasets`: what is fetched by manifest.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use innkeeper_convert::Network;
use innkeeper_packs::{
    BoxError, Converter, Item, Library, Manifest, Outcome as Verdict, PackChoice, Progress, PullOptions,
    Selection, State,
};
use innkeeper_runtime::{OnnxRuntime, Session, SessionOptions, Tensor};

use super::registry::{self, Place};
use super::table::{size, table};
use super::{Outcome, say};
use crate::config::{Settings, user_data_dir};
use crate::models::{library, runtime_library};
use crate::service::heads::ROOM_TAGS;
use crate::service::promotion::Change;

#[derive(Debug, Subcommand)]
pub(super) enum Models {
    /// Fetch and install the models of a pack, or one model.
    #[command(
        after_help = "INNKEEPER_MIRROR may name a folder that is searched first; the sha256 decides.\n\nExamples:\n  innkeeper models pull --pack default\n  innkeeper models pull --model yunet"
    )]
    Pull {
        /// default, extended, light or research.
        #[arg(long, default_value = "default", conflicts_with = "model")]
        pack: String,
        /// One model instead of a pack.
        #[arg(long)]
        model: Option<String>,
        /// Models for non-commercial research only are fetched; their terms are printed.
        #[arg(long)]
        accept_non_commercial: bool,
    },
    /// Every model: installed or not, which one does what, and why.
    List {
        #[arg(long)]
        json: bool,
    },
    /// Hash every installed file again.
    Verify,
    /// The versions of a model that was trained here, and which answers.
    Versions {
        /// Its name in the registry, such as room-tags.
        name: String,
        #[command(flatten)]
        place: Place,
        #[arg(long)]
        json: bool,
    },
    /// Let a version of a trained model answer; a running server sees it within a second.
    Promote {
        /// Its name in the registry, such as room-tags.
        name: String,
        version: String,
        #[command(flatten)]
        place: Place,
    },
    /// Let the version before answer again.
    Rollback {
        /// Its name in the registry, such as room-tags.
        name: String,
        #[command(flatten)]
        place: Place,
    },
    /// Print the path of an installed model's folder, or of ONNX Runtime's library.
    Path {
        /// A model's name, as `innkeeper models list` prints it.
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Datasets {
    /// Fetch a set.
    Pull {
        /// The set's name.
        name: String,
        /// Where sets live [default: ~/.local/share/innkeeper/datasets].
        #[arg(long, value_name = "DIR")]
        into: Option<PathBuf>,
    },
    /// Print the folder of an installed set.
    Path {
        /// The set's name.
        name: String,
        /// Where sets live [default: ~/.local/share/innkeeper/datasets].
        #[arg(long, value_name = "DIR")]
        into: Option<PathBuf>,
    },
}

/// Files that another version of the converter wrote are converted again.
const CONVERTER: &str = env!("CARGO_PKG_VERSION");

/// Progress bars on a terminal, plain lines elsewhere.
struct Bars(RefCell<Option<ProgressBar>>);

impl Progress for Bars {
    fn begin(&self, file: &str, total: u64) {
        let bar = if total == 0 { ProgressBar::new_spinner() } else { ProgressBar::new(total) };
        let template = if total == 0 {
            "{spinner} {msg} {bytes} {elapsed}"
        } else {
            "{msg:32!} {bar:30} {bytes:>10}/{total_bytes:10} {eta}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(file.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        self.0.replace(Some(bar));
    }

    fn advance(&self, bytes: u64) {
        if let Some(bar) = &*self.0.borrow() {
            bar.inc(bytes);
        }
    }

    fn end(&self, file: &str, outcome: &str) {
        if let Some(bar) = self.0.take() {
            bar.finish_and_clear();
        }
        eprintln!("{file}: {outcome}");
    }

    fn message(&self, text: &str) {
        match &*self.0.borrow() {
            Some(bar) => bar.suspend(|| eprintln!("{text}")),
            None => eprintln!("{text}"),
        }
    }
}

/// Runs a freshly converted network on its reference input and compares with the reference output.
fn check_conversion(runtime: &OnnxRuntime, network: Network, path: &Path) -> Result<f32, BoxError> {
    let mut session = runtime.session(path, &SessionOptions::default())?;
    let reference = innkeeper_convert::reference(network);
    let (shape, data) = reference.input();
    let names: Vec<String> = session.outputs().iter().map(|port| port.name.clone()).collect();
    let outputs: Vec<(String, Vec<usize>, Vec<f32>)> = session
        .run(&[Tensor::new(shape, data)?])?
        .into_iter()
        .zip(names)
        .map(|(tensor, name)| {
            let (shape, data) = tensor.into_parts();
            (name, shape, data)
        })
        .collect();
    Ok(reference.check(&outputs)?)
}

fn mirror() -> Option<PathBuf> {
    std::env::var_os("INNKEEPER_MIRROR").map(PathBuf::from).filter(|p| !p.as_os_str().is_empty())
}

fn pull(library: &Library, selection: &Selection, accept_non_commercial: bool) -> Outcome {
    let convert = |network: &str, bytes: &[u8]| -> Result<Vec<u8>, BoxError> {
        Ok(innkeeper_convert::convert(network.parse::<Network>()?, bytes)?)
    };
    let check = |item: &Item, dir: &Path| -> Result<(), BoxError> {
        for file in &item.files {
            if let Some(conversion) = &file.convert {
                let network: Network = conversion.network.parse()?;
                let runtime = OnnxRuntime::load(&runtime_library(library)?)?;
                let worst = check_conversion(&runtime, network, &dir.join(file.installed_name()))?;
                eprintln!("{network}: converted, off the reference by at most {worst:.1e}");
            }
        }
        Ok(())
    };
    let options = PullOptions {
        mirror: mirror(),
        converter: Some(Converter { version: CONVERTER, convert: &convert }),
        check: Some(&check),
        accept_non_commercial,
        ..PullOptions::default()
    };
    let pulled = library.pull(selection, &options, &Bars(RefCell::new(None)))?;
    for item in &pulled {
        let state = if item.changed { "installed" } else { "already there" };
        say(format!("{}  {state}  {}", item.item, item.dir.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn models(command: Models, settings: &Settings) -> Outcome {
    let library = library(settings)?;
    match command {
        Models::Pull { pack, model, accept_non_commercial } => {
            let selection = match model {
                Some(name) => library.selection(&name)?,
                None => Selection::Pack(pack),
            };
            pull(&library, &selection, accept_non_commercial)
        }
        Models::List { json } => list(&library, settings, json),
        Models::Verify => verify(&library),
        Models::Versions { name, place, json } => registry::versions(&name, json, &place, settings),
        Models::Promote { name, version, place } => {
            registry::change(&name, Change::Promote(version), &place, settings)
        }
        Models::Rollback { name, place } => registry::change(&name, Change::RollBack, &place, settings),
        Models::Path { name } if name == "onnxruntime" => say(runtime_library(&library)?.display()),
        Models::Path { name } => say(installed_dir(&library, &name)?.display()),
    }
}

fn installed_dir(library: &Library, name: &str) -> Result<PathBuf, super::Failure> {
    match library.manifest().item(name) {
        None => Err(format!("there is no {name} in the manifest").into()),
        Some(item) if library.usable(item) => Ok(library.item_dir(item)),
        Some(_) => Err(format!("{name} is not installed").into()),
    }
}

fn list(library: &Library, settings: &Settings, json: bool) -> Outcome {
    let rows = library.list(&PackChoice::from_setting(&settings.models.pack))?;
    let head = registry::in_force(settings);
    if json {
        let mut told: Vec<serde_json::Value> = rows
            .iter()
            .map(|r| {
                serde_json::json!({
                    "model": r.item.to_string(), "task": r.task, "licence": r.licence,
                    "non_commercial": r.non_commercial, "state": state(r.state), "download_bytes": r.download,
                    "packs": r.packs, "chosen": r.chosen, "why": r.why,
                })
            })
            .collect();
        told.extend(head.map(|(model, why)| {
            serde_json::json!({
                "model": model, "task": ROOM_TAGS, "licence": "Apache-2.0", "non_commercial": false,
                "state": "installed", "download_bytes": 0, "packs": [], "chosen": true, "why": why,
            })
        }));
        return say(serde_json::to_string_pretty(&told)?);
    }
    let mut cells: Vec<Vec<String>> = rows
        .iter()
        .map(|r| {
            vec![
                r.task.clone(),
                r.item.to_string(),
                state(r.state).to_owned(),
                if r.chosen { "in use".to_owned() } else { String::new() },
                size(r.download),
                r.licence.clone(),
                r.packs.join(","),
                r.why.clone(),
            ]
        })
        .collect();
    cells.extend(head.map(|(model, why)| {
        let (task, licence) = (ROOM_TAGS.to_owned(), "Apache-2.0".to_owned());
        let own = ["installed", "in use", "-"].map(str::to_owned);
        let [state, used, download] = own;
        vec![task, model, state, used, download, licence, String::new(), why]
    }));
    say(table(&["task", "model", "state", "", "download", "licence", "packs", "why"], &cells))
}

fn state(state: State) -> &'static str {
    match state {
        State::Installed => "installed",
        State::Incomplete => "incomplete",
        State::Absent => "absent",
    }
}

fn verify(library: &Library) -> Outcome {
    let verified = library.verify(None)?;
    let mut bad = 0;
    for file in &verified {
        let text = match &file.outcome {
            Verdict::Intact => "good".to_owned(),
            other => {
                bad += 1;
                format!("{other:?}")
            }
        };
        say(format!("{}  {}  {text}", file.item, file.file))?;
    }
    if verified.is_empty() {
        return Err("no model is installed; run `innkeeper models pull`".into());
    }
    if bad > 0 {
        return Err(format!(
            "{bad} files are not what was installed; `innkeeper models pull` fetches them again"
        )
        .into());
    }
    say(format!("{} files are good", verified.len()))
}

fn sets(into: Option<PathBuf>) -> Result<Library, super::Failure> {
    let dir = match into {
        Some(dir) => dir,
        None => user_data_dir()?.join("datasets"),
    };
    Ok(Library::new(Manifest::datasets()?, dir))
}

pub(super) fn datasets(command: Datasets) -> Outcome {
    match command {
        Datasets::Pull { name, into } => {
            let library = sets(into)?;
            let selection = library.selection(&name)?;
            pull(&library, &selection, false)
        }
        Datasets::Path { name, into } => say(installed_dir(&sets(into)?, &name)?.display()),
    }
}

/// Installed state by task, for `doctor`.
pub(super) fn chosen(
    library: &Library,
    settings: &Settings,
) -> Result<BTreeMap<String, Result<String, String>>, super::Failure> {
    let pack = PackChoice::from_setting(&settings.models.pack);
    let mut out = BTreeMap::new();
    for task in library.manifest().tasks().keys() {
        let state = match library.choose(&pack, task)? {
            innkeeper_packs::Choice::Installed { item, why } => Ok(format!("{} ({why})", item.item)),
            innkeeper_packs::Choice::Absent { command, why, .. } => {
                Err(command.map_or_else(|| why.clone(), |c| format!("{why}; run `{c}`")))
            }
        };
        out.insert(task.clone(), state);
    }
    Ok(out)
}
