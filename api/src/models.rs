//! From packs to running pipelines: which installed model does which task, loaded and warmed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use innkeeper_convert::dlib::ShapePredictor;
use innkeeper_core::ModelRef;
use innkeeper_face::{
    Detector, DetectorKind, Embedder, EmbedderKind, FacePipeline, Liveness, LivenessKind, Mtcnn,
    PipelineSettings, canvas_shapes,
};
use innkeeper_packs::{Choice, InstalledItem, Library, Manifest, PackChoice};
use innkeeper_runtime::{Model, OnnxRuntime, PoolOptions, Session, SessionOptions};

use crate::config::{Inference, Settings};

/// Why a pipeline is not there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ModelsError {
    /// Something needed is not installed.
    #[error("no model for {task} is installed; run `{command}`")]
    NotInstalled { task: &'static str, command: String },
    #[error("{0} is chosen for {1}, but this version does not know how to run it")]
    Unsupported(ModelRef, &'static str),
    #[error("{item} lacks its file {file}; run `innkeeper models pull --model {name}`", name = item.name())]
    File { item: ModelRef, file: &'static str },
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Packs(#[from] innkeeper_packs::PackError),
    #[error(transparent)]
    Manifest(#[from] innkeeper_packs::ManifestError),
    #[error(transparent)]
    Runtime(#[from] innkeeper_runtime::RuntimeError),
    #[error(transparent)]
    Face(#[from] innkeeper_face::FaceError),
    #[error(transparent)]
    Convert(#[from] innkeeper_convert::ConvertError),
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
}

/// The tasks of the face pipeline, as `models/packs.toml` names them.
const DETECTION: &str = "face-detection";
const LANDMARKS: &str = "face-landmarks";
const EMBEDDING: &str = "face-embedding";
const LIVENESS: &str = "liveness";
const LIBRARY: &str = "runtime-library";

/// Opens the installed models of a task's pack and loads them into warm pools.
pub(crate) struct Loader {
    library: Library,
    pack: PackChoice,
    runtime: OnnxRuntime,
    inference: Inference,
}

/// The model library of these settings.
pub(crate) fn library(settings: &Settings) -> Result<Library, ModelsError> {
    Ok(Library::new(Manifest::models()?, settings.models_dir()?))
}

/// The installed ONNX Runtime library.
pub(crate) fn runtime_library(library: &Library) -> Result<PathBuf, ModelsError> {
    let item = installed(library, &PackChoice::Auto, LIBRARY)?;
    item.files
        .values()
        .find(|path| path.file_name().is_some_and(|n| n.to_string_lossy().contains("onnxruntime")))
        .cloned()
        .ok_or(ModelsError::File { item: item.item, file: "libonnxruntime" })
}

fn installed(library: &Library, pack: &PackChoice, task: &'static str) -> Result<InstalledItem, ModelsError> {
    match library.choose(pack, task)? {
        Choice::Installed { item, .. } => Ok(item),
        Choice::Absent { command, .. } => Err(ModelsError::NotInstalled {
            task,
            command: command.unwrap_or_else(|| "innkeeper models pull --pack default".to_owned()),
        }),
    }
}

fn file(item: &InstalledItem, name: &'static str) -> Result<PathBuf, ModelsError> {
    let missing = || ModelsError::File { item: item.item.clone(), file: name };
    item.file(name).map(Path::to_owned).ok_or_else(missing)
}

impl Loader {
    /// Loads ONNX Runtime. `pack` overrides the setting.
    pub fn new(settings: &Settings, pack: Option<&str>) -> Result<Self, ModelsError> {
        let library = library(settings)?;
        let runtime = OnnxRuntime::load(&runtime_library(&library)?)?;
        let pack = PackChoice::from_setting(pack.unwrap_or(&settings.models.pack));
        Ok(Self { library, pack, runtime, inference: settings.inference.clone() })
    }

    fn start(
        &self,
        item: &InstalledItem,
        path: PathBuf,
        warm: Vec<Vec<usize>>,
    ) -> Result<Model, ModelsError> {
        let options = PoolOptions {
            workers: self.inference.workers(),
            queue: (self.inference.max_waiting + self.inference.workers()).max(64),
            max_batch: self.inference.max_batch,
            max_delay: Duration::from_millis(self.inference.batch_delay_ms),
            warm_shapes: warm.into_iter().map(|shape| vec![shape]).collect(),
        };
        let runtime = self.runtime.clone();
        let factory = move || -> Result<Box<dyn Session>, innkeeper_runtime::RuntimeError> {
            Ok(Box::new(runtime.session(&path, &SessionOptions::default())?))
        };
        Ok(Model::start(item.item.name(), item.item.clone(), Box::new(factory), options)?)
    }

    /// Detector, embedder and liveness of the chosen pack, warm.
    pub fn face_pipeline(&self, settings: PipelineSettings) -> Result<FacePipeline, ModelsError> {
        let detector = self.detector(&settings)?;
        let embedder = self.embedder()?;
        let liveness = self.liveness()?;
        Ok(FacePipeline::new(detector, embedder, liveness, settings))
    }

    fn detector(&self, settings: &PipelineSettings) -> Result<Detector, ModelsError> {
        let item = installed(&self.library, &self.pack, DETECTION)?;
        let kind = match item.item.name() {
            "yunet" => DetectorKind::YuNet,
            "scrfd-500m" => DetectorKind::Scrfd,
            "mtcnn" => DetectorKind::Mtcnn,
            _ => return Err(ModelsError::Unsupported(item.item, DETECTION)),
        };
        let warm: Vec<Vec<usize>> = settings
            .detector
            .sizes
            .iter()
            .flat_map(|size| canvas_shapes(*size))
            .map(|(h, w)| vec![1, 3, h as usize, w as usize])
            .collect();
        Ok(match kind {
            DetectorKind::YuNet => Detector::YuNet(self.start(&item, file(&item, "yunet.onnx")?, warm)?),
            DetectorKind::Scrfd => {
                Detector::Scrfd(self.start(&item, file(&item, "scrfd-500m.onnx")?, warm)?)
            }
            DetectorKind::Mtcnn => Detector::Mtcnn(Mtcnn {
                pnet: self.start(&item, file(&item, "pnet.onnx")?, vec![vec![1, 3, 193, 193]])?,
                rnet: self.start(&item, file(&item, "rnet.onnx")?, vec![vec![1, 3, 24, 24]])?,
                onet: self.start(&item, file(&item, "onet.onnx")?, vec![vec![1, 3, 48, 48]])?,
            }),
        })
    }

    fn embedder(&self) -> Result<Embedder, ModelsError> {
        let item = installed(&self.library, &self.pack, EMBEDDING)?;
        let warm = |side| vec![vec![1, 3, side, side]];
        Ok(match item.item.name() {
            "edgeface-xs" => {
                let model = self.start(&item, file(&item, "edgeface-xs.onnx")?, warm(112))?;
                Embedder::new(EmbedderKind::EdgeFace, model, None)?
            }
            "mobilefacenet" => {
                let model = self.start(&item, file(&item, "mobilefacenet.onnx")?, warm(112))?;
                Embedder::new(EmbedderKind::MobileFaceNet, model, None)?
            }
            "dlib-resnet" => {
                let landmarks = installed(&self.library, &self.pack, LANDMARKS)?;
                let path = file(&landmarks, "shape_predictor_5_face_landmarks.dat")?;
                let bytes = std::fs::read(&path).map_err(|source| ModelsError::Io { path, source })?;
                let predictor = ShapePredictor::read(&bytes)?;
                let model = self.start(&item, file(&item, "dlib-resnet.onnx")?, warm(150))?;
                Embedder::new(EmbedderKind::DlibResnet, model, Some(predictor))?
            }
            _ => return Err(ModelsError::Unsupported(item.item, EMBEDDING)),
        })
    }

    /// The liveness models, or the reason every answer gives instead of a verdict.
    fn liveness(&self) -> Result<Result<Liveness, String>, ModelsError> {
        let mut members = Vec::new();
        for item in self.library.choose_all(&self.pack, LIVENESS)? {
            let minifas = vec![vec![1, 3, 80, 80]];
            match item.item.name() {
                "minifasnet" => {
                    let v2 = self.start(&item, file(&item, "minifasnet-v2-2.7.onnx")?, minifas.clone())?;
                    let v1 = self.start(&item, file(&item, "minifasnet-v1se-4.0.onnx")?, minifas)?;
                    members.push((LivenessKind::MiniFasNetV2, v2));
                    members.push((LivenessKind::MiniFasNetV1Se, v1));
                }
                "suri" => {
                    let suri = self.start(&item, file(&item, "suri.onnx")?, vec![vec![1, 3, 128, 128]])?;
                    members.push((LivenessKind::Suri, suri));
                }
                _ => return Err(ModelsError::Unsupported(item.item, LIVENESS)),
            }
        }
        Ok(Liveness::new(members).ok_or_else(|| "model_not_installed".to_owned()))
    }
}
