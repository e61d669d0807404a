//! `train room-tags`: a head on frozen embeddings, from labelled photos and from what the hotel's people corrected.

use std::collections::BTreeMap;
use std::path::Path;

use innkeeper_core::{HotelId, ModelRef, Picture};
use innkeeper_heads::{CurveSettings, Example, FitSettings, Head};
use innkeeper_learning::room_tags::{self, Candidate, Training, labelled, train};
use innkeeper_learning::{File, GateSettings, Registry, Version};
use innkeeper_runtime::Ticket;
use innkeeper_store::AuditSubject;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::each::each_in_order;
use super::table::table;
use super::train::Args;
use super::{Failure, Outcome, say};
use crate::app::{data_keys, installed, open_store};
use crate::config::Settings;
use crate::models::Loader;
use crate::service::heads::{Heads, ROOM_TAGS, SHIPPED, registry_folder};
use crate::service::room::taught;

/// Who the audit log and the registry say it was.
const ACTOR: &str = "innkeeper train";
/// Cross-validations of the labelled photos, each with its own folds.
const REPEATS: u64 = 5;

/// The labelled photos of a folder, embedded, and how they are fitted.
fn seed(folder: &Path, loader: &Loader, settings: &Settings) -> Result<(Vec<Example>, FitSettings), Failure> {
    let list = folder.join("FILES.tsv");
    let text = std::fs::read_to_string(&list).map_err(|e| format!("{}: {e}", list.display()))?;
    let pictures = labelled(&text).map_err(|e| format!("{}: {e}", list.display()))?;
    let embedder = loader.visual()?.embedder.clone();
    let limits = settings.images.limits();
    let look = |i: usize| -> Result<Option<Example>, Failure> {
        let picture = &pictures[i];
        let path = folder.join(&picture.path);
        let bytes = std::fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let Ok(decoded) = Picture::decode(&bytes, &limits) else {
            eprintln!("{} cannot be decoded and is left out", path.display());
            return Ok(None);
        };
        let features = embedder.features(&decoded, &Ticket::unlimited())?;
        Ok(Some(Example {
            embedding: features.pooled().to_vec(),
            labels: picture.labels.clone(),
            group: format!("{}/{}", picture.source, picture.group),
            source: picture.source.clone(),
            // What was read, not what a list says: the evaluation recognises it by this.
            picture: hex::encode(Sha256::digest(&bytes)),
        }))
    };
    let mut fit = FitSettings::new(embedder.model());
    let mut examples = Vec::new();
    each_in_order(pictures.len(), "photos", look, |i, example| {
        let Some(example) = example? else { return Ok(()) };
        for label in pictures.get(i).into_iter().flat_map(|p| &p.background) {
            fit.background.entry(label.clone()).or_default().insert(example.picture.clone());
        }
        examples.push(example);
        Ok(())
    })?;
    Ok((examples, fit))
}

/// What the hotel's people corrected, as far as it is of this embedder.
fn own(settings: &Settings, hotel: &HotelId, embedder: &ModelRef) -> Result<(Vec<Example>, usize), Failure> {
    installed(settings)?;
    let labels = tokio::runtime::Runtime::new()?.block_on(async {
        let store = open_store(settings, data_keys(settings)?).await?;
        let labels = store.hotel(hotel).labels(ROOM_TAGS, usize::MAX).await;
        store.close().await;
        Ok::<_, Failure>(labels?)
    })?;
    let wanted = embedder.to_string();
    let (mut examples, mut others) = (Vec::new(), 0);
    for taught in labels.iter().flat_map(|label| taught(label, hotel)) {
        if taught.embedder == wanted { examples.push(taught.example) } else { others += 1 }
    }
    Ok((examples, others))
}

/// The head of the build as the first version, so that the first one trained here can be rolled back. Only before that
/// one is promoted: as long as nothing of the hotel's own answers, the head of each new build does.
fn shipped_first(registry: &Registry, shipped: &Head) -> Result<(), Failure> {
    let name = ROOM_TAGS.parse()?;
    if registry.champion(&name)?.is_some() {
        return Ok(());
    }
    let head = shipped.to_json()?;
    let files = [File { name: room_tags::HEAD, bytes: head.as_bytes() }];
    let why = "the head that came with this build";
    let metrics = json!({ SHIPPED: true, "verdict": { "reason": why }, "sources": [] });
    let card = format!("# room-tags\n\nThis is {why}; its card is `models/heads/room-tags` of the source.\n");
    let record = registry.register(&name, &files, &metrics, &card)?;
    registry.promote(&name, record.version, ACTOR)?;
    Ok(())
}

/// Notes in the audit log that a version was registered, and whether it answers.
fn audit(settings: &Settings, hotel: &HotelId, version: &str, promoted: bool) -> Result<(), Failure> {
    let action = if promoted { "model.promoted" } else { "model.registered" };
    tokio::runtime::Runtime::new()?.block_on(async {
        let store = open_store(settings, data_keys(settings)?).await?;
        let subject = AuditSubject::Thing(format!("model:{ROOM_TAGS}"));
        let details = json!({ "model": ROOM_TAGS, "version": version });
        let noted = store.hotel(hotel).audit(ACTOR, action, subject, details).await;
        store.close().await;
        noted?;
        Ok(())
    })
}

/// Puts the head into the registry and lets it answer if it may. The audit log learns of it in between: a version that
/// answers without an entry there must not be.
fn publish(
    registry: &Registry,
    shipped: Option<&Head>,
    files: &[File<'_>],
    (metrics, card): (&Value, &str),
    promote: bool,
    audit: impl FnOnce(&str) -> Result<(), Failure>,
) -> Result<Version, Failure> {
    let name = ROOM_TAGS.parse()?;
    if let Some(shipped) = shipped.filter(|_| promote) {
        shipped_first(registry, shipped)?;
    }
    let version = registry.register(&name, files, metrics, card)?.version;
    audit(&version.to_string())?;
    if promote {
        registry.promote(&name, version, ACTOR)?;
    }
    Ok(version)
}

pub(super) fn run(args: &Args, settings: &Settings) -> Outcome {
    let settings = settings.clone().with_data_dir(args.data_dir.clone());
    let hotel = args.hotel.clone().unwrap_or_else(|| settings.hotel.default.clone());
    let heads = Heads::new(&settings.storage.data_dir);
    heads.refresh();
    let shipped = heads.shipped();
    let (seed, fit) = if let Some(folder) = &args.data {
        seed(folder, &Loader::new(&settings, args.pack.as_deref())?, &settings)?
    } else {
        let none = "this build has no head to refine; bring labelled photos with --data";
        (Vec::new(), FitSettings::new(shipped.as_ref().ok_or(none)?.head.embedder().clone()))
    };
    let embedder = fit.embedder.clone();
    let (own, others) = if args.labels { own(&settings, &hotel, &embedder)? } else { (Vec::new(), 0) };
    if others > 0 {
        eprintln!("{others} corrected photos are of another embedder and are left out");
    }
    let of_embedder = |head: &&Head| *head.embedder() == embedder;
    // What answers on this embedder now is what a candidate has to beat.
    let champion = heads.for_embedder(&hotel, &embedder).head;
    let training = Training {
        shipped: shipped.as_ref().map(|s| s.head.as_ref()).filter(of_embedder),
        champion: champion.as_ref().map(|c| c.head.as_ref()),
        seed: &seed,
        own: &own,
        settings: fit,
        gate: GateSettings::default(),
        curve: CurveSettings::default(),
        repeats: REPEATS,
    };
    let candidate = train(&training)?;
    let svg = candidate.curve()?;
    if let Some(file) = &args.curve {
        if let Some(svg) = &svg {
            std::fs::write(file, svg).map_err(|e| format!("{}: {e}", file.display()))?;
        } else {
            eprintln!("there are too few labels for a curve; {} is not written", file.display());
        }
    }
    let mut told = candidate.metrics();
    told["labels"] = json!({ "photos": own.len(), "of_another_embedder": others });
    if let Some(out) = &args.out {
        // To be looked at, or shipped: no registry learns of it.
        std::fs::create_dir_all(out).map_err(|e| format!("{}: {e}", out.display()))?;
        for (name, text) in [(room_tags::HEAD, candidate.head.to_json()?), ("card.md", candidate.card())] {
            let file = out.join(name);
            std::fs::write(&file, text).map_err(|e| format!("{}: {e}", file.display()))?;
        }
        eprintln!("the head and its card are in {}", out.display());
    } else {
        let registry = Registry::open(&registry_folder(&settings.storage.data_dir, &hotel))?;
        let head = candidate.head.to_json()?;
        let mut files = vec![File { name: room_tags::HEAD, bytes: head.as_bytes() }];
        files.extend(svg.as_ref().map(|svg| File { name: room_tags::CURVE, bytes: svg.as_bytes() }));
        let (metrics, card, promote) = (candidate.metrics(), candidate.card(), candidate.verdict.promote);
        let shipped = shipped.as_ref().map(|shipped| shipped.head.as_ref());
        let note = |version: &str| audit(&settings, &hotel, version, promote);
        let version = publish(&registry, shipped, &files, (&metrics, &card), promote, note)?;
        told["version"] = json!(version.to_string());
        told["promoted"] = json!(promote);
    }
    if args.json {
        return say(told);
    }
    say(render(&candidate, &told))
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |v| format!("{v:.3}"))
}

/// What it learnt, what that is worth, and what the gate says.
fn render(candidate: &Candidate, told: &Value) -> String {
    let mut rows = Vec::new();
    for (label, seed) in &candidate.seed {
        let f = &seed.figures;
        let figures = [f.auc, Some(f.accuracy), f.f1, f.recall_at_5pct, seed.control_auc].map(number);
        rows.push(
            [label.clone(), "data sets, held out".to_owned(), f.n.to_string()]
                .into_iter()
                .chain(figures)
                .collect(),
        );
    }
    for (label, own) in &candidate.own {
        let sides: BTreeMap<_, _> =
            [("hotel, now", &own.champion), ("hotel, candidate", &own.candidate)].into();
        for (who, f) in sides.into_iter().filter_map(|(who, f)| Some((who, f.as_ref()?))) {
            let figures = [f.auc, Some(f.accuracy), f.f1, f.recall_at_5pct, None].map(number);
            rows.push([label.clone(), who.to_owned(), f.n.to_string()].into_iter().chain(figures).collect());
        }
    }
    let header =
        ["tag", "judged on", "photos", "AUC", "accuracy", "F1", "recall at 5 %", "AUC, shuffled labels"];
    let mut lines = vec![table(&header, &rows), String::new(), format!("gate: {}", candidate.verdict.reason)];
    if let Some(control) = &candidate.control {
        lines.push(format!("against a head taught shuffled corrections: {}", control.reason));
    }
    lines.extend(candidate.reasons.iter().cloned());
    if let Some(version) = told["version"].as_str() {
        lines.push(match told["promoted"].as_bool() {
            Some(true) => format!(
                "{ROOM_TAGS}@{version} answers now; `innkeeper models rollback {ROOM_TAGS}` takes it back"
            ),
            _ => format!(
                "{ROOM_TAGS}@{version} is registered but does not answer; `innkeeper models promote` insists"
            ),
        });
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Publishes the shipped head as if it had been trained; the version that answers then.
    fn published(registry: &Registry, promote: bool, noted: bool) -> (bool, Option<Version>) {
        let shipped = innkeeper_heads::shipped_room_tags().unwrap();
        let json = shipped.to_json().unwrap();
        let files = [File { name: room_tags::HEAD, bytes: json.as_bytes() }];
        let note = |_: &str| if noted { Ok(()) } else { Err("the tables are full".into()) };
        let done = publish(registry, Some(&shipped), &files, (&json!({}), "# card"), promote, note);
        (done.is_ok(), registry.champion(&ROOM_TAGS.parse().unwrap()).unwrap())
    }

    #[test]
    fn no_version_answers_of_which_the_audit_log_could_not_be_told() {
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::open(folder.path()).unwrap();
        let first = Some(Version::FIRST);
        assert_eq!(published(&registry, true, false), (false, first), "the shipped one answers still");
        let (done, champion) = published(&registry, true, true);
        assert!(done && champion > first, "{champion:?}");
    }

    #[test]
    fn a_training_that_changes_nothing_leaves_the_answers_to_the_head_of_the_build() {
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::open(folder.path()).unwrap();
        assert_eq!(published(&registry, false, true), (true, None));
        let (_, champion) = published(&registry, true, true);
        let back = registry.rollback(&ROOM_TAGS.parse().unwrap(), "seed").unwrap();
        assert!(
            back.champion.is_some() && champion > back.champion,
            "there is a head of the build to go back to"
        );
    }
}
