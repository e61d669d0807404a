//! Trains the head of room tags from a folder with a `FILES.tsv` and the feature vectors of its pictures.
//!
//! `room_tags FOLDER VECTORS OUT [REPEATS [RIDGE...]]`
//!
//! VECTORS is what `cargo run -p innkeeper-image-embedding --example embed -- SIDE FOLDER/*/*/*` prints. OUT gets `head.json`,
//! `card.md`, `metrics.json`, `curve.svg` and `pictures`, the SHA-256 of the training pictures. At the end it says folder by
//! folder what is called present: by heads that had not seen the picture, or by the head itself where nobody judged the tag.
#![expect(clippy::print_stdout, reason = "a command that reports to its caller")]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use innkeeper_core::ModelRef;
use innkeeper_heads::{CrossValidation, CurveSettings, Decision, Example, FitSettings, Head, cross_validate};
use innkeeper_learning::GateSettings;
use innkeeper_learning::room_tags::{Training, background_of, labelled, train};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vector {
    file: PathBuf,
    model: ModelRef,
    #[serde(rename = "vector")]
    numbers: Vec<f32>,
}

/// Pictures of one folder: all, those at probability 1/2 or more, those called present, those called absent.
#[derive(Default)]
struct Calls([usize; 4]);

impl Calls {
    fn add(&mut self, probability: f32, decision: Decision) {
        let is = [true, probability >= 0.5, decision == Decision::Present, decision == Decision::Absent];
        for (count, is) in self.0.iter_mut().zip(is) {
            *count += usize::from(is);
        }
    }
}

fn say_by_folder(
    head: &Head,
    validated: &CrossValidation,
    seed: &[Example],
    folders: &[String],
) -> Result<(), Box<dyn Error>> {
    for (label, held) in &validated.held_out {
        let mut calls: BTreeMap<(&str, &str), Calls> = BTreeMap::new();
        let background = validated.background.get(label).into_iter().flatten().map(|h| (h, "background"));
        let judged = held.iter().map(|h| (h, if h.truth { "yes" } else { "no" }));
        for (h, known) in judged.chain(background) {
            let Some(folder) = folders.get(h.example) else { continue };
            calls.entry((folder, known)).or_default().add(h.probability, h.decision);
        }
        for (example, folder) in seed.iter().zip(folders).filter(|(e, _)| !e.labels.contains_key(label)) {
            for tag in head.predict(&example.embedding)?.iter().filter(|t| t.label == *label) {
                calls.entry((folder, "not judged")).or_default().add(tag.probability, tag.decision);
            }
        }
        for ((folder, known), Calls([all, likely, present, absent])) in calls {
            println!(
                "{label} {folder} ({known}): {all} pictures, {likely} likely, {present} present, {absent} absent"
            );
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, vectors, out, rest @ ..] = arguments.as_slice() else {
        return Err("room_tags FOLDER VECTORS OUT [REPEATS [RIDGE...]]".into());
    };
    let (folder, out) = (Path::new(folder), Path::new(out));
    let repeats: u64 = rest.first().map_or(Ok(5), |n| n.parse())?;
    let ridges: Vec<f64> = rest.iter().skip(1).map(|r| r.parse()).collect::<Result<_, _>>()?;
    let mut model = None;
    let mut by_path = BTreeMap::new();
    for line in fs::read_to_string(vectors)?.lines() {
        let read: Vector = serde_json::from_str(line)?;
        let path = read.file.strip_prefix(folder).unwrap_or(&read.file).to_owned();
        model = Some(read.model);
        by_path.insert(path, read.numbers);
    }
    let mut seed = Vec::new();
    let mut folders = Vec::new();
    let mut missing = 0;
    let pictures = labelled(&fs::read_to_string(folder.join("FILES.tsv"))?)?;
    let background = background_of(&pictures);
    for picture in pictures {
        let Some(embedding) = by_path.get(&picture.path) else {
            missing += 1;
            continue;
        };
        let embedding = embedding.clone();
        let folder = picture.path.parent().map(|p| p.display().to_string()).unwrap_or_default();
        folders.push(folder);
        let (labels, group, source) = (picture.labels, picture.group, picture.source);
        seed.push(Example { embedding, labels, group, source, picture: picture.picture });
    }
    println!("{} pictures, {missing} without a vector", seed.len());
    let mut settings = FitSettings::new(model.ok_or("no vectors")?);
    settings.background = background;
    if !ridges.is_empty() {
        settings.strengths = ridges;
    }
    let training = Training {
        shipped: None,
        champion: None,
        seed: &seed,
        own: &[],
        settings,
        gate: GateSettings::default(),
        curve: CurveSettings::default(),
        repeats,
    };
    let candidate = train(&training)?;
    fs::create_dir_all(out)?;
    fs::write(out.join("head.json"), candidate.head.to_json()?)?;
    fs::write(out.join("card.md"), candidate.card())?;
    fs::write(out.join("metrics.json"), serde_json::to_string_pretty(&candidate.metrics())? + "\n")?;
    if let Some(curve) = candidate.curve()? {
        fs::write(out.join("curve.svg"), curve)?;
    }
    let mut pictures: Vec<String> = seed.iter().map(|e| e.picture.clone() + "\n").collect();
    pictures.sort();
    fs::write(out.join("pictures"), pictures.concat())?;
    println!("{}", candidate.card());
    for curve in &candidate.curves {
        for point in &curve.points {
            println!(
                "{} of {} from {} examples, {} corrected: error {:.3} ± {:.3}, log-loss {:.3}, AUC {}",
                curve.label,
                curve.source,
                curve.seed_examples,
                point.corrected,
                point.error.mean,
                point.error.deviation,
                point.log_loss.mean,
                point.auc.map_or_else(|| "–".to_owned(), |a| format!("{:.3}", a.mean)),
            );
        }
    }
    let validated = cross_validate(&seed, &training.settings)?;
    say_by_folder(&candidate.head, &validated, &seed, &folders)
}
