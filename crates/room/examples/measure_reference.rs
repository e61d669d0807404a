//! What the comparison with reference photos is worth on a folder of pictures.
//!
//! `measure_reference LIBRARY MODEL FOLDER [SCENES] [THREADS]`
//!
//! LIBRARY is ONNX Runtime's shared library, MODEL the image embedder as ONNX, FOLDER holds `FILES.tsv` (path, set,
//! label, group) and `boxes.json`. Rooms are the sets `rooms6`, `messy` (clean), `beds`, `floors_dry` and `pairs` (tidy),
//! at most SCENES of them; things are `items_grocery` and the boxes of `coco_val`. Prints a line of JSON for each
//! of the settings in the JSON list `COMPARE_SETTINGS`, or for those that ship; views are told by the first.
#![expect(clippy::print_stdout, reason = "a command that reports to its caller")]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use innkeeper_core::{DecodeLimits, ModelRef, Picture, Rect, Resampling};
use innkeeper_image_embedding::ImageEmbedder;
use innkeeper_room::CompareSettings;
use innkeeper_room::reference::evaluation::{Material, Photo, measure};
use innkeeper_runtime::{Model, OnnxRuntime, PoolOptions, Session, SessionOptions};

/// Label, x, y, width, height.
type Labelled = (String, f32, f32, f32, f32);
type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [library, model, folder, rest @ ..] = arguments.as_slice() else {
        return Err("measure_reference LIBRARY MODEL FOLDER [SCENES] [THREADS]".into());
    };
    let scenes: usize = rest.first().map_or(Ok(usize::MAX), |n| n.parse())?;
    let threads: usize = rest.get(1).map_or(Ok(1), |n| n.parse())?;
    let embedder = embedder(library, model, threads)?;
    let material = material(Path::new(folder))?;
    let settings: Vec<CompareSettings> = match std::env::var("COMPARE_SETTINGS") {
        Ok(text) => serde_json::from_str(&text)?,
        Err(_) => vec![CompareSettings::default()],
    };
    for figures in measure(&material, Some(&embedder), &settings, scenes, threads)? {
        println!("{}", serde_json::to_string(&figures)?);
    }
    Ok(())
}

fn embedder(library: &str, model: &str, threads: usize) -> Result<ImageEmbedder, Failure> {
    let runtime = OnnxRuntime::load(Path::new(library))?;
    let path = Path::new(model).to_owned();
    let factory = Box::new(move || {
        runtime.session(&path, &SessionOptions::default()).map(|s| Box::new(s) as Box<dyn Session>)
    });
    let options = PoolOptions {
        workers: threads,
        warm_shapes: vec![vec![vec![1, 3, 224, 224]]],
        ..PoolOptions::default()
    };
    let name = ModelRef::new("efficientnet-lite0", "1")?;
    Ok(ImageEmbedder::new(Arc::new(Model::start("image-embedding", name, factory, options)?))?)
}

fn material(folder: &Path) -> Result<Material, Failure> {
    let table = std::fs::read_to_string(folder.join("FILES.tsv"))?;
    let open = |path: &str| -> Result<Picture, Failure> {
        let picture = Picture::decode(&std::fs::read(folder.join(path))?, &DecodeLimits::default())?;
        let longer = picture.width().max(picture.height());
        if longer <= 1280 {
            return Ok(picture);
        }
        let side = |n: u32| n * 1280 / longer;
        Ok(picture.resized(side(picture.width()), side(picture.height()), Resampling::Area)?)
    };
    let mut material = Material { rooms: Vec::new(), things: Vec::new(), pairs: Vec::new() };
    let mut pairs: BTreeMap<String, BTreeMap<String, Photo>> = BTreeMap::new();
    let boxes: BTreeMap<String, Vec<Labelled>> =
        serde_json::from_str(&std::fs::read_to_string(folder.join("boxes.json"))?)?;
    for line in table.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [path, set, label, ..] = fields.as_slice() else { continue };
        match (*set, *label) {
            ("rooms6" | "beds" | "floors_dry", _) | ("messy", "clean") => {
                material.rooms.push(Photo {
                    source: (*set).to_owned(),
                    name: (*path).to_owned(),
                    picture: open(path)?,
                });
            }
            ("pairs", label) => {
                let photo =
                    Photo { source: "pairs".to_owned(), name: (*path).to_owned(), picture: open(path)? };
                let stem = Path::new(path).file_stem().unwrap_or_default().to_string_lossy().into_owned();
                pairs.entry(stem).or_default().insert((*label).to_owned(), photo);
            }
            ("items_grocery", _) => {
                let picture = open(path)?;
                let (w, h) = (picture.width() as f32, picture.height() as f32);
                let middle = Rect { x: 0.2 * w, y: 0.1 * h, w: 0.6 * w, h: 0.8 * h };
                material.things.extend(picture.cropped(&middle));
            }
            ("coco_val", _) => {
                let picture = open(path)?;
                for (_, x, y, w, h) in boxes.get(*path).into_iter().flatten() {
                    if w.min(*h) >= 40.0 && w / h < 3.0 && h / w < 3.0 {
                        material.things.extend(picture.cropped(&Rect { x: *x, y: *y, w: *w, h: *h }));
                    }
                }
            }
            _ => {}
        }
    }
    for mut both in pairs.into_values() {
        if let (Some(tidy), Some(cluttered)) = (both.remove("tidy"), both.remove("cluttered")) {
            material.rooms.push(tidy.clone());
            material.pairs.push((tidy, cluttered));
        }
    }
    Ok(material)
}
