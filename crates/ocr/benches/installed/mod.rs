//! The installed models, for the benchmark and the tests beside it.

use std::error::Error;
use std::path::{Path, PathBuf};

use innkeeper_ocr::{Characters, TextModels, TextReader, TextSettings};
use innkeeper_packs::{Choice, InstalledItem, Library, Manifest, PackChoice};
use innkeeper_runtime::{Model, OnnxRuntime, PoolOptions, Session, SessionOptions};

type Failure = Box<dyn Error + Send + Sync>;

/// A reader as the server runs it, of a pack or of the best that is installed (`auto`): a session per core and
/// model, one thread a session.
pub fn reader(pack: &str, settings: TextSettings) -> Result<TextReader, Failure> {
    let library = Library::new(Manifest::models()?, data_dir()?.join("models"));
    let pack = PackChoice::from_setting(pack);
    let item = |task: &str| only(&library, &pack, task);
    let onnx = item("runtime-library")?;
    let runtime = OnnxRuntime::load(onnx.files.values().next().ok_or("the runtime library has no file")?)?;
    let recognition = item("text-recognition")?;
    let characters = Characters::of_model(&std::fs::read(file(&recognition, "text-recognition.onnx")?)?)?;
    let models = TextModels {
        detection: start(&runtime, &item("text-detection")?, "text-detection.onnx", vec![1, 3, 736, 736])?,
        angle: Some(start(&runtime, &item("text-angle")?, "text-angle.onnx", vec![1, 3, 48, 192])?),
        recognition: start(&runtime, &recognition, "text-recognition.onnx", vec![1, 3, 48, 320])?,
        characters,
    };
    Ok(TextReader::new(models, settings)?)
}

fn start(
    runtime: &OnnxRuntime,
    item: &InstalledItem,
    name: &str,
    warm: Vec<usize>,
) -> Result<Model, Failure> {
    let (runtime, path) = (runtime.clone(), file(item, name)?.to_owned());
    let options = PoolOptions { warm_shapes: vec![vec![warm]], ..PoolOptions::default() };
    let factory = move || -> Result<Box<dyn Session>, innkeeper_runtime::RuntimeError> {
        Ok(Box::new(runtime.session(&path, &SessionOptions::default())?))
    };
    Ok(Model::start(item.item.name(), item.item.clone(), Box::new(factory), options)?)
}

/// Models lie where the program `innkeeper` puts them.
fn data_dir() -> Result<PathBuf, Failure> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    let base = absolute("XDG_DATA_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/share")));
    Ok(base.ok_or("neither XDG_DATA_HOME nor HOME is set")?.join("innkeeper"))
}

fn file<'a>(item: &'a InstalledItem, name: &str) -> Result<&'a Path, Failure> {
    item.file(name).ok_or_else(|| format!("{} has no file {name}", item.item).into())
}

fn only(library: &Library, pack: &PackChoice, task: &str) -> Result<InstalledItem, Failure> {
    match library.choose(pack, task)? {
        Choice::Installed { item, .. } => Ok(item),
        Choice::Absent { why, command, .. } => {
            Err(format!("{why}: {}", command.unwrap_or_else(|| "innkeeper models list".to_owned())).into())
        }
    }
}
