//! The installed image embedder, for the tests, the benchmark and the example. `None` where it is not installed,
//! unless `INNKEEPER_REQUIRE_EXTENDED` is set.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "for tests")]

use std::path::PathBuf;
use std::sync::Arc;

use innkeeper_image_embedding::{EmbedderSettings, ImageEmbedder};
use innkeeper_packs::{Choice, InstalledItem, Library, Manifest, PackChoice};
use innkeeper_runtime::{Model, OnnxRuntime, PoolOptions, RuntimeError, Session, SessionOptions};

/// The embedder of the `auto` pack as the server runs it: one thread a session.
pub fn embedder(settings: EmbedderSettings, workers: usize) -> Option<ImageEmbedder> {
    let (library, item) = (item("runtime-library")?, item("image-embedding")?);
    let runtime = OnnxRuntime::load(library.files.values().next().expect("a library")).expect("loads");
    let path = item.files.values().next().expect("a network").clone();
    let factory = move || -> Result<Box<dyn Session>, RuntimeError> {
        Ok(Box::new(runtime.session(&path, &SessionOptions::default())?))
    };
    let warm_shapes = vec![vec![ImageEmbedder::input_shape(&settings)]];
    let options = PoolOptions { workers, warm_shapes, ..PoolOptions::default() };
    let model =
        Model::start(item.item.name(), item.item.clone(), Box::new(factory), options).expect("starts");
    Some(ImageEmbedder::with_settings(Arc::new(model), settings).expect("an image embedder"))
}

fn item(task: &str) -> Option<InstalledItem> {
    // Models live where the program `innkeeper` puts them.
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base =
        absolute("XDG_DATA_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/share")))?;
    let library = Library::new(Manifest::models().expect("a manifest"), base.join("innkeeper/models"));
    match library.choose(&PackChoice::Auto, task).expect("a task") {
        Choice::Installed { item, .. } => Some(item),
        Choice::Absent { .. } => {
            let absent = format!("nothing is installed for {task}: innkeeper models pull --pack default");
            assert!(std::env::var_os("INNKEEPER_REQUIRE_EXTENDED").is_none(), "{absent}");
            eprintln!("not run: {absent}");
            None
        }
    }
}
