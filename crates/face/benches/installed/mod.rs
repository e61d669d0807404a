//! The installed models and demo photographs, for the benchmark, the example and the tests beside it.

use std::error::Error;
use std::path::{Path, PathBuf};

use innkeeper_convert::dlib::ShapePredictor;
use innkeeper_core::{DecodeLimits, Picture, Resampling};
use innkeeper_face::{
    Detector, Embedder, EmbedderKind, FacePipeline, Liveness, LivenessKind, Mtcnn, PipelineSettings,
};
use innkeeper_packs::{Choice, InstalledItem, Library, Manifest, PackChoice};
use innkeeper_runtime::{Model, OnnxRuntime, PoolOptions, Session, SessionOptions};

type Failure = Box<dyn Error + Send + Sync>;

/// The pipeline of a pack as the server runs it: a session per core and model, one thread a session.
pub fn pipeline(pack: &str, settings: PipelineSettings) -> Result<FacePipeline, Failure> {
    let models = Installed::open(pack)?;
    let embedder = models.embedder()?;
    let detector = models.detector(&settings)?;
    let liveness = models.liveness()?.ok_or_else(|| "model_not_installed".to_owned());
    Ok(FacePipeline::new(detector, embedder, liveness, settings))
}

/// A photograph of the demo set, brought to `side` pixels on its longest side and encoded as JPEG.
pub fn photograph(name: &str, side: u32) -> Result<Vec<u8>, Failure> {
    let library = Library::new(Manifest::datasets()?, data_dir()?.join("datasets"));
    let item = match library.choose(&PackChoice::Auto, "photographs")? {
        Choice::Installed { item, .. } => item,
        Choice::Absent { .. } => {
            return Err("the photographs are not installed: innkeeper datasets pull demo".into());
        }
    };
    let picture = Picture::decode(&std::fs::read(file(&item, name)?)?, &DecodeLimits::default())?;
    let factor = f64::from(side) / f64::from(picture.width().max(picture.height()));
    let scale = |s: u32| ((f64::from(s) * factor).round() as u32).max(1);
    Ok(picture.resized(scale(picture.width()), scale(picture.height()), Resampling::Area)?.to_jpeg(90)?)
}

/// Models and data live where the program `innkeeper` puts them.
fn data_dir() -> Result<PathBuf, Failure> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    let base = absolute("XDG_DATA_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/share")));
    Ok(base.ok_or("neither XDG_DATA_HOME nor HOME is set")?.join("innkeeper"))
}

fn file<'a>(item: &'a InstalledItem, name: &str) -> Result<&'a Path, Failure> {
    item.file(name).ok_or_else(|| format!("{} has no file {name}", item.item).into())
}

struct Installed {
    library: Library,
    pack: PackChoice,
    runtime: OnnxRuntime,
}

impl Installed {
    fn open(pack: &str) -> Result<Self, Failure> {
        let library = Library::new(Manifest::models()?, data_dir()?.join("models"));
        let pack = PackChoice::from_setting(pack);
        let item = only(&library, &pack, "runtime-library")?;
        let path = item.files.values().next().ok_or("the runtime library has no file")?;
        let runtime = OnnxRuntime::load(path)?;
        Ok(Self { library, pack, runtime })
    }

    fn item(&self, task: &str) -> Result<InstalledItem, Failure> {
        only(&self.library, &self.pack, task)
    }

    fn start(&self, item: &InstalledItem, name: &str, warm: Vec<Vec<usize>>) -> Result<Model, Failure> {
        let path = file(item, name)?.to_owned();
        let runtime = self.runtime.clone();
        let options = PoolOptions {
            warm_shapes: warm.into_iter().map(|shape| vec![shape]).collect(),
            ..PoolOptions::default()
        };
        let factory = move || -> Result<Box<dyn Session>, innkeeper_runtime::RuntimeError> {
            Ok(Box::new(runtime.session(&path, &SessionOptions::default())?))
        };
        Ok(Model::start(item.item.name(), item.item.clone(), Box::new(factory), options)?)
    }

    fn detector(&self, settings: &PipelineSettings) -> Result<Detector, Failure> {
        let item = self.item("face-detection")?;
        if item.item.name() == "mtcnn" {
            let warm = |side| vec![vec![1, 3, side, side]];
            return Ok(Detector::Mtcnn(Mtcnn {
                pnet: self.start(&item, "pnet.onnx", warm(193))?,
                rnet: self.start(&item, "rnet.onnx", warm(24))?,
                onet: self.start(&item, "onet.onnx", warm(48))?,
            }));
        }
        let shapes = settings.detector.canvas_shapes().into_iter();
        let warm = shapes.map(|(h, w)| vec![1, 3, h as usize, w as usize]).collect();
        Ok(Detector::YuNet(self.start(&item, "yunet.onnx", warm)?))
    }

    fn embedder(&self) -> Result<Embedder, Failure> {
        let item = self.item("face-embedding")?;
        if item.item.name() == "dlib-resnet" {
            let landmarks = self.item("face-landmarks")?;
            let predictor = std::fs::read(file(&landmarks, "shape_predictor_5_face_landmarks.dat")?)?;
            let model = self.start(&item, "dlib-resnet.onnx", vec![vec![1, 3, 150, 150]])?;
            let predictor = Some(ShapePredictor::read(&predictor)?);
            return Ok(Embedder::new(EmbedderKind::DlibResnet, model, predictor)?);
        }
        let model = self.start(&item, "edgeface-xs.onnx", vec![vec![1, 3, 112, 112]])?;
        Ok(Embedder::new(EmbedderKind::EdgeFace, model, None)?)
    }

    fn liveness(&self) -> Result<Option<Liveness>, Failure> {
        use LivenessKind::{MiniFasNetV1Se, MiniFasNetV2, Suri};
        let mut members = Vec::new();
        for item in self.library.choose_all(&self.pack, "liveness")? {
            let files: &[(LivenessKind, &str, usize)] = match item.item.name() {
                "minifasnet" => &[
                    (MiniFasNetV2, "minifasnet-v2-2.7.onnx", 80),
                    (MiniFasNetV1Se, "minifasnet-v1se-4.0.onnx", 80),
                ],
                _ => &[(Suri, "suri.onnx", 128)],
            };
            for (kind, name, side) in files {
                members.push((*kind, self.start(&item, name, vec![vec![1, 3, *side, *side]])?));
            }
        }
        Ok(Liveness::new(members))
    }
}

fn only(library: &Library, pack: &PackChoice, task: &str) -> Result<InstalledItem, Failure> {
    match library.choose(pack, task)? {
        Choice::Installed { item, .. } => Ok(item),
        Choice::Absent { why, command, .. } => {
            Err(format!("{why}: {}", command.unwrap_or_else(|| "innkeeper models list".to_owned())).into())
        }
    }
}
