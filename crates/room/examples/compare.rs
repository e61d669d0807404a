//! Where a photo of a room differs from earlier photos of it.
//!
//! `compare PHOTO REFERENCE...`
//!
//! `INNKEEPER_ORT_LIBRARY` names ONNX Runtime's shared library and `INNKEEPER_IMAGE_EMBEDDING` the image embedder as
//! ONNX. Prints the photo's quality and the comparison as JSON; `null` where no reference shows the photo's view.
//! With `COMPARE_ROUNDS=N` the times are those of the fastest of N rounds.
#![expect(clippy::print_stdout, reason = "a command that reports to its caller")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use innkeeper_core::{DecodeLimits, ModelRef, Picture};
use innkeeper_image_embedding::ImageEmbedder;
use innkeeper_room::{CompareSettings, PhotoQuality, QualitySettings, Reference, compare};
use innkeeper_runtime::{Model, OnnxRuntime, PoolOptions, Session, SessionOptions, Ticket};
use serde_json::json;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let files: Vec<String> = std::env::args().skip(1).collect();
    let [photo, references @ ..] = files.as_slice() else { return Err("compare PHOTO REFERENCE...".into()) };
    let embedder = embedder()?;
    let ticket = Ticket::unlimited();
    let open = |path: &str| -> Result<Picture, Failure> {
        Ok(Picture::decode(&std::fs::read(path)?, &DecodeLimits::default())?)
    };
    let photo = open(photo)?;
    let features = embedder.features(&photo, &ticket)?;
    let references = references
        .iter()
        .map(|path| -> Result<Reference, Failure> {
            let picture = Arc::new(open(path)?);
            let features = Arc::new(embedder.features(&picture, &ticket)?);
            Ok(Reference { id: path.clone(), picture, features })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let quality = PhotoQuality::measure(&photo, None, &QualitySettings::default());
    let settings = CompareSettings::default();
    let comparison = compare(&photo, &features, &references, Some(&embedder), &settings, &ticket)?;
    // The fastest round is the one that other programs disturbed least.
    let rounds: usize = std::env::var("COMPARE_ROUNDS").map_or(Ok(1), |n| n.parse())?;
    let fastest = |embedder: Option<&ImageEmbedder>| -> Result<f64, Failure> {
        let mut fastest = f64::INFINITY;
        for _ in 0..rounds {
            let started = Instant::now();
            compare(&photo, &features, &references, embedder, &settings, &ticket)?;
            fastest = fastest.min(started.elapsed().as_secs_f64());
        }
        Ok((fastest * 1e4).round() / 10.0)
    };
    let hints: Vec<&str> = quality.problems.iter().map(|problem| problem.hint()).collect();
    let answer = json!({
        "quality": quality,
        "hints": hints,
        "comparison": comparison,
        "milliseconds": { "with_maps": fastest(Some(&embedder))?, "without_maps": fastest(None)? },
    });
    println!("{}", serde_json::to_string_pretty(&answer)?);
    Ok(())
}

fn embedder() -> Result<ImageEmbedder, Failure> {
    let named = |name: &str| std::env::var_os(name).ok_or(format!("{name} is not set"));
    let runtime = OnnxRuntime::load(Path::new(&named("INNKEEPER_ORT_LIBRARY")?))?;
    let path = Path::new(&named("INNKEEPER_IMAGE_EMBEDDING")?).to_owned();
    let factory = Box::new(move || {
        runtime.session(&path, &SessionOptions::default()).map(|s| Box::new(s) as Box<dyn Session>)
    });
    let options = PoolOptions { workers: 1, ..PoolOptions::default() };
    let name = ModelRef::new("efficientnet-lite0", "1")?;
    Ok(ImageEmbedder::new(Arc::new(Model::start("image-embedding", name, factory, options)?))?)
}
