//! The installed models, for the benchmark, the examples and the tests beside it.
#![allow(dead_code, reason = "each program asks for what it needs")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use innkeeper_core::ModelRef;
use innkeeper_heads::Head;
use innkeeper_image_embedding::{EmbedderSettings, ImageEmbedder};
use innkeeper_objects::{DetectorSettings, ObjectDetector};
use innkeeper_packs::{Choice, Library, Manifest, PackChoice};
use innkeeper_room::{RoomReader, RoomSettings};
use innkeeper_runtime::{Model, OnnxRuntime, PoolOptions, RuntimeError, Session, SessionOptions};

pub type Failure = Box<dyn Error + Send + Sync>;

/// The shipped head, or the one that `ROOM_HEAD` names.
pub fn head() -> Result<Head, Failure> {
    match std::env::var_os("ROOM_HEAD") {
        Some(path) => Ok(Head::from_json(&std::fs::read_to_string(path)?)?),
        None => Ok(innkeeper_heads::shipped_room_tags()?),
    }
}

/// Model files and the names they go by.
pub struct Files {
    pub library: PathBuf,
    pub embedder: (ModelRef, PathBuf),
    pub detector: Option<(ModelRef, PathBuf)>,
}

impl Files {
    /// What the program `innkeeper` installed. `INNKEEPER_ORT_LIBRARY` may name another runtime library.
    pub fn installed() -> Result<Self, Failure> {
        let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let base =
            absolute("XDG_DATA_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/share")));
        let base = base.ok_or("neither XDG_DATA_HOME nor HOME is set")?;
        let packs = Library::new(Manifest::models()?, base.join("innkeeper/models"));
        let one = |task: &str| -> Result<(ModelRef, PathBuf), Failure> {
            match packs.choose(&PackChoice::Auto, task)? {
                Choice::Installed { item, .. } => {
                    let file = item.files.values().next().ok_or("an item without files")?;
                    Ok((item.item.clone(), file.clone()))
                }
                Choice::Absent { why, command, .. } => {
                    let command = command.unwrap_or_else(|| "innkeeper models list".to_owned());
                    Err(format!("{why}: {command}").into())
                }
            }
        };
        let library = match std::env::var_os("INNKEEPER_ORT_LIBRARY") {
            Some(path) => path.into(),
            None => one("runtime-library")?.1,
        };
        Ok(Self { library, embedder: one("image-embedding")?, detector: one("object-detection").ok() })
    }

    /// A reader as the server runs it: `workers` sessions a model, one thread a session.
    pub fn reader(&self, head: Option<Head>, workers: usize) -> Result<RoomReader, Failure> {
        let runtime = OnnxRuntime::load(&self.library)?;
        let warm = ImageEmbedder::input_shape(&EmbedderSettings::default());
        let embedder = start(&runtime, &self.embedder, warm, workers)?;
        let side = innkeeper_objects::INPUT_SIDE as usize;
        let detector = match &self.detector {
            Some(named) => {
                let model = start(&runtime, named, vec![1, 3, side, side], workers)?;
                Some(Arc::new(ObjectDetector::new(model, DetectorSettings::default())?))
            }
            None => None,
        };
        let embedder = Arc::new(ImageEmbedder::new(embedder)?);
        Ok(RoomReader::new(embedder, head.map(Arc::new), detector, RoomSettings::default())?)
    }
}

fn start(
    runtime: &OnnxRuntime,
    named: &(ModelRef, PathBuf),
    warm: Vec<usize>,
    workers: usize,
) -> Result<Arc<Model>, Failure> {
    let (runtime, path) = (runtime.clone(), named.1.clone());
    let options = PoolOptions { workers, warm_shapes: vec![vec![warm]], ..PoolOptions::default() };
    let factory = move || -> Result<Box<dyn Session>, RuntimeError> {
        Ok(Box::new(runtime.session(Path::new(&path), &SessionOptions::default())?))
    };
    Ok(Arc::new(Model::start(named.0.name(), named.0.clone(), Box::new(factory), options)?))
}
