//! The tables behind the detector's confidences (`crates/objects/src/calibration.rs`) and its card, as Markdown:
//! `cargo run --release -p innkeeper-objects --example measure -- FOLDER`.
//!
//! FOLDER holds `FILES.tsv` (columns `path`, `set`, `label`) and `boxes.json`, the labelled boxes by path. Boxes are
//! judged on the set `coco_val`; whether anybody is there is asked of that set, of `people`, and of the rooms where
//! nobody is.
#![expect(clippy::print_stdout, reason = "a command that reports to its caller")]

#[path = "../tests/installed/mod.rs"]
mod installed;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::{Path, PathBuf};

use innkeeper_core::{DecodeLimits, Picture, Rect};
use innkeeper_objects::evaluation::{Evaluation, Truth};
use innkeeper_objects::{DetectorSettings, Group, Object, ObjectDetector};
use innkeeper_runtime::Ticket;

type Boxes = BTreeMap<String, Vec<(String, f32, f32, f32, f32)>>;

/// Score from which boxes are in the tables and under the curves.
const LEAST: f32 = 0.2;
/// Score from which a box of luggage in a room without any is listed, and counts as wrong under the curve.
const LUGGAGE: f32 = 0.4;
/// Score of a person from which somebody should look.
const LOOK: f32 = 0.35;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("usage: measure FOLDER")?);
    let settings = DetectorSettings { min_score: 0.01, ..DetectorSettings::default() };
    let detector = installed::detector(settings).ok_or("no object detector is installed")?;
    let boxes: Boxes = serde_json::from_slice(&std::fs::read(folder.join("boxes.json"))?)?;
    let list = std::fs::read_to_string(folder.join("FILES.tsv"))?;
    let mut evaluation = Evaluation::default();
    // Pictures with somebody and without, and with a box of somebody among them.
    let (mut people, mut rooms, mut seen, mut wrong) = (BTreeSet::new(), 0, Vec::new(), Vec::new());
    let mut asked = 0;
    let mut known = BTreeSet::new();
    for row in list.lines().skip(1) {
        let cells: Vec<&str> = row.split('\t').collect();
        let &[path, set, label, _, digest, ..] = cells.as_slice() else { continue };
        let is_room = match set {
            "messy" | "beds" | "pairs" | "floors_dry" => true,
            // In the halls people come and go, and nobody counted them.
            "rooms6" if label != "entrance_hall" => true,
            "coco_val" | "people" if !label.contains("video") => false,
            _ => continue,
        };
        if !known.insert(digest.to_owned()) {
            continue;
        }
        let found = look(&detector, &folder.join(path))?;
        let anybody = found.iter().filter(|object| object.label == "person" && object.score >= LOOK);
        let score = anybody.map(|object| object.score).fold(0.0, f32::max);
        if is_room {
            rooms += 1;
            let luggage = found.iter().filter(|o| o.group() == Group::Luggage && o.score > LUGGAGE);
            wrong.extend(luggage.map(|o| (path.to_owned(), o.label, o.score)));
        } else {
            asked += 1;
            let truths = boxes.get(path).map(Vec::as_slice).unwrap_or_default();
            if set == "people" || truths.iter().any(|(kind, ..)| kind == "person") {
                people.insert(path.to_owned());
            }
            if set == "coco_val" {
                let truth = |(kind, x, y, w, h): &(String, f32, f32, f32, f32)| Truth {
                    label: kind.clone(),
                    area: Rect { x: *x, y: *y, w: *w, h: *h },
                };
                evaluation.add(&found, &truths.iter().map(truth).collect::<Vec<_>>());
            }
        }
        if score > 0.0 {
            seen.push((path.to_owned(), score));
        }
    }
    let figures = evaluation.figures();
    println!("{} labelled pictures; mAP at .5: {:.3}\n", figures.n, figures.map50.unwrap_or(f64::NAN));
    println!(
        "| group | objects | mAP at .5 | boxes | right | slope | intercept |\n|---|---|---|---|---|---|---|"
    );
    for (group, kind) in &figures.groups {
        let judged = evaluation.judged().iter();
        let mut scored: Vec<(f32, bool)> = judged
            .filter(|judged| Group::of(judged.label) == *group && judged.score >= LEAST)
            .map(|judged| (judged.score, judged.right))
            .collect();
        let right = scored.iter().filter(|(_, right)| *right).count();
        let boxes = scored.len();
        if *group == Group::Luggage {
            scored.extend(wrong.iter().map(|(.., score)| (*score, false)));
        }
        let (slope, intercept) = curve(&scored);
        println!(
            "| {group:?} | {} | {:.3} | {boxes} | {right} | {slope:.2} | {intercept:.2} |",
            kind.objects, kind.ap50
        );
    }
    println!("\n| kind | objects | AP at .5 |\n|---|---|---|");
    for (label, kind) in &figures.kinds {
        println!("| {label} | {} | {:.3} |", kind.objects, kind.ap50);
    }
    let right = seen.iter().filter(|(path, _)| people.contains(path)).count();
    println!(
        "\nPeople: {asked} pictures, {} of them with people, and {rooms} rooms with nobody; {} pictures have a box of {LOOK} and more, {right} of them show people.",
        people.len(),
        seen.len()
    );
    for (path, score) in seen.iter().filter(|(path, _)| !people.contains(path)) {
        println!("  nobody: {path} {score:.2}");
    }
    println!("Luggage in the same rooms, above a score of {LUGGAGE}: {}", wrong.len());
    for (path, label, score) in &wrong {
        println!("  {label}: {path} {score:.2}");
    }
    Ok(())
}

fn look(detector: &ObjectDetector, path: &Path) -> Result<Vec<Object>, Box<dyn Error>> {
    let picture = Picture::decode(&std::fs::read(path)?, &DecodeLimits::default())?;
    Ok(detector.detect(&picture, &Ticket::unlimited())?)
}

/// The slope and the intercept of the logistic curve from the logit of a score to the share of right boxes: most likely
/// for the targets of Platt (1999), which keep a few boxes from being taken for certain. By Newton's method.
fn curve(scored: &[(f32, bool)]) -> (f64, f64) {
    let right = scored.iter().filter(|(_, right)| *right).count() as f64;
    let wrong = scored.len() as f64 - right;
    let (high, low) = ((right + 1.0) / (right + 2.0), 1.0 / (wrong + 2.0));
    let (mut slope, mut intercept) = (0.0f64, 0.0f64);
    for _ in 0..50 {
        // A breath of ridge, so that equal scores do not divide by zero.
        let (mut g, mut h) = ([-1e-6 * slope, -1e-6 * intercept], [[1e-6, 0.0], [0.0, 1e-6]]);
        for (score, right) in scored {
            let score = f64::from(score.clamp(1e-4, 1.0 - 1e-4));
            let x = (score / (1.0 - score)).ln();
            let p = 1.0 / (1.0 + (-(slope * x + intercept)).exp());
            let (off, weight) = (if *right { high } else { low } - p, p * (1.0 - p));
            g = [g[0] + off * x, g[1] + off];
            h = [[h[0][0] + weight * x * x, h[0][1] + weight * x], [h[1][0] + weight * x, h[1][1] + weight]];
        }
        let determinant = h[0][0] * h[1][1] - h[0][1] * h[1][0];
        slope += (g[0] * h[1][1] - g[1] * h[0][1]) / determinant;
        intercept += (g[1] * h[0][0] - g[0] * h[1][0]) / determinant;
    }
    (slope, intercept)
}
