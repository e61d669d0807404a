//! The real network on real photographs: `INNKEEPER_MIRROR` names a folder with `vision/boxes.json`.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "for tests")]

mod installed;

use std::collections::BTreeMap;
use std::path::PathBuf;

use innkeeper_core::{DecodeLimits, Picture, Rect};
use innkeeper_objects::evaluation::{Evaluation, Truth};
use innkeeper_objects::{DetectorSettings, Group};
use innkeeper_runtime::Ticket;

type Boxes = BTreeMap<String, Vec<(String, f32, f32, f32, f32)>>;

fn folder() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("INNKEEPER_MIRROR")?).join("vision");
    if folder.join("boxes.json").is_file() {
        return Some(folder);
    }
    eprintln!("not run: no vision/boxes.json in INNKEEPER_MIRROR");
    None
}

fn evaluated(prefix: &str) -> Option<Evaluation> {
    let folder = folder()?;
    let detector = installed::detector(DetectorSettings { min_score: 0.01, ..DetectorSettings::default() })?;
    let boxes: Boxes = serde_json::from_slice(&std::fs::read(folder.join("boxes.json")).unwrap()).unwrap();
    let mut evaluation = Evaluation::default();
    for (path, boxes) in boxes.iter().filter(|(path, _)| path.starts_with(prefix)) {
        let bytes = std::fs::read(folder.join(path)).unwrap();
        let picture = Picture::decode(&bytes, &DecodeLimits::default()).unwrap();
        let truths: Vec<Truth> = boxes
            .iter()
            .map(|(label, x, y, w, h)| Truth {
                label: label.clone(),
                area: Rect { x: *x, y: *y, w: *w, h: *h },
            })
            .collect();
        evaluation.add(&detector.detect(&picture, &Ticket::unlimited()).unwrap(), &truths);
    }
    Some(evaluation)
}

/// The published network reaches a mean average precision of 0.507 on COCO-128 and 0.634 for people; what a picture
/// of everyday things gives here may be a little off, but a box in the wrong scale or a swapped colour is far below.
#[test]
fn people_and_furniture_are_found_as_well_as_the_published_network_finds_them() {
    let Some(evaluation) = evaluated("coco_val") else { return };
    let figures = evaluation.figures();
    println!("{figures:#?}");
    assert!(figures.map50.unwrap() > 0.3, "mAP50 {:?}", figures.map50);
    assert!(figures.kinds["person"].ap50 > 0.5, "{:?}", figures.kinds["person"]);
    // 0.83 was measured; in crowds many a box holds two people. Whether anybody is there is right far more often.
    assert!(figures.groups[&Group::Person].precision.unwrap() > 0.75, "{:?}", figures.groups);
}

#[test]
fn people_in_the_street_are_found_nearly_all() {
    let Some(evaluation) = evaluated("people") else { return };
    let figures = evaluation.figures();
    println!("{figures:#?}");
    assert!(figures.kinds["person"].ap50 > 0.9, "{:?}", figures.kinds["person"]);
}

#[test]
fn pictures_of_any_shape_are_searched() {
    let Some(detector) = installed::detector(DetectorSettings::default()) else { return };
    for (width, height) in [(1, 1), (1, 4000), (9000, 2), (416, 416)] {
        let picture = Picture::from_rgb(width, height, vec![90; (width * height * 3) as usize]).unwrap();
        assert!(detector.detect(&picture, &Ticket::unlimited()).unwrap().is_empty(), "{width} x {height}");
    }
}
