//! From packs to running pipelines: which installed model does which task, loaded and warmed.

mod visual;

use std::path::{Path, PathBuf};
use std::time::Duration;

use innkeeper_convert::dlib::ShapePredictor;
use innkeeper_core::ModelRef;
use innkeeper_face::{
    Detector, DetectorKind, Embedder, EmbedderKind, FacePipeline, Liveness, LivenessKind, Mtcnn,
    PipelineSettings,
};
use innkeeper_ocr::invoice::{InvoiceReader, Ranker};
use innkeeper_ocr::{
    Characters, PdfLimits, PdfWorker, Pdfium, Tesseract, TextModels, TextReader, TextSettings,
};
use innkeeper_packs::{Choice, InstalledItem, Library, Manifest, PackChoice};
use innkeeper_runtime::{Model, OnnxRuntime, PoolOptions, Session, SessionOptions};

use crate::config::{Inference, Settings};
use crate::service::{CANNOT_BE_LOADED, Documents};

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
    Ocr(#[from] innkeeper_ocr::OcrError),
    #[error("{path}: {source}")]
    Ranker { path: PathBuf, source: innkeeper_ocr::invoice::RankerError },
    #[error("the ranker of the build: {0}")]
    ShippedRanker(innkeeper_ocr::invoice::RankerError),
    #[error(transparent)]
    ImageEmbedding(#[from] innkeeper_image_embedding::EmbeddingError),
    #[error(transparent)]
    Describer(#[from] innkeeper_visual_search::SearchError),
    #[error(transparent)]
    Objects(#[from] innkeeper_objects::ObjectError),
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
/// The tasks of documents.
const TEXT_DETECTION: &str = "text-detection";
const TEXT_ANGLE: &str = "text-angle";
const TEXT_RECOGNITION: &str = "text-recognition";

const PDF_PAGES: &str = "pdf-pages";

/// Most calls of a text model that one document has in its queue.
const TEXT_CALLS: usize = 64;

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

/// PDFium, in processes of this same program.
fn load_pdfium(path: &Path) -> Result<Pdfium, ModelsError> {
    let worker = PdfWorker::this_program(vec!["pdf-worker".into()])
        .map_err(|source| ModelsError::Io { path: path.to_owned(), source })?;
    Ok(Pdfium::load(path, worker)?)
}

/// How a network runs, of which one frame asks `rows` rows at once at most.
fn pool(inference: &Inference, rows: usize, warm: Vec<Vec<usize>>) -> PoolOptions {
    let workers = inference.workers();
    PoolOptions {
        workers,
        // As many frames are analysed at once as there are workers, and a graph of fixed batch one takes a
        // call for each row. A frame that was let in must not be turned away here; admission turns away.
        queue: (workers * rows).saturating_add(inference.max_waiting).max(64),
        // A frame's own rows stay together whatever may be joined.
        max_batch: inference.max_batch.max(PoolOptions::default().max_batch),
        max_joined: inference.max_batch,
        max_delay: Duration::from_millis(inference.batch_delay_ms),
        warm_shapes: warm.into_iter().map(|shape| vec![shape]).collect(),
    }
}

impl Loader {
    /// Loads ONNX Runtime. `pack` overrides the setting.
    pub fn new(settings: &Settings, pack: Option<&str>) -> Result<Self, ModelsError> {
        let library = library(settings)?;
        let runtime = OnnxRuntime::load(&runtime_library(&library)?)?;
        let pack = PackChoice::from_setting(pack.unwrap_or(&settings.models.pack));
        Ok(Self { library, pack, runtime, inference: settings.inference.clone() })
    }

    /// Starts one network of an item. `part` names it among the item's networks, in metrics and threads;
    /// `rows` is the most rows of one frame.
    fn start(
        &self,
        item: &InstalledItem,
        part: Option<&str>,
        path: PathBuf,
        rows: usize,
        warm: Vec<Vec<usize>>,
    ) -> Result<Model, ModelsError> {
        let name = item.item.name();
        let name = part.map_or_else(|| name.to_owned(), |part| format!("{name}-{part}"));
        let options = pool(&self.inference, rows, warm);
        let runtime = self.runtime.clone();
        let factory = move || -> Result<Box<dyn Session>, innkeeper_runtime::RuntimeError> {
            Ok(Box::new(runtime.session(&path, &SessionOptions::default())?))
        };
        Ok(Model::start(&name, item.item.clone(), Box::new(factory), options)?)
    }

    /// What finds and reads text with the chosen pack, warm.
    pub fn text_reader(&self) -> Result<TextReader, ModelsError> {
        let detection = installed(&self.library, &self.pack, TEXT_DETECTION)?;
        let recognition = installed(&self.library, &self.pack, TEXT_RECOGNITION)?;
        let recogniser = file(&recognition, "text-recognition.onnx")?;
        let bytes = std::fs::read(&recogniser)
            .map_err(|source| ModelsError::Io { path: recogniser.clone(), source })?;
        let characters = Characters::of_model(&bytes)?;
        drop(bytes);
        // Pages stand on their heads rarely enough that reading goes on without it.
        let angle = match installed(&self.library, &self.pack, TEXT_ANGLE) {
            Ok(item) => {
                let path = file(&item, "text-angle.onnx")?;
                Some(self.start(&item, None, path, TEXT_CALLS, vec![vec![1, 3, 48, 192]])?)
            }
            Err(ModelsError::NotInstalled { .. }) => None,
            Err(error) => return Err(error),
        };
        let path = file(&detection, "text-detection.onnx")?;
        let models = TextModels {
            detection: self.start(&detection, None, path, 1, vec![vec![1, 3, 736, 736]])?,
            angle,
            recognition: self.start(&recognition, None, recogniser, TEXT_CALLS, vec![vec![1, 3, 48, 320]])?,
            characters,
        };
        Ok(TextReader::new(models, TextSettings::default())?)
    }

    /// What chooses among the amounts, dates and names of an invoice.
    pub fn invoice_reader(settings: &Settings) -> Result<InvoiceReader, ModelsError> {
        let Some(path) = &settings.ocr.ranker else {
            return InvoiceReader::shipped().map_err(ModelsError::ShippedRanker);
        };
        let text =
            std::fs::read_to_string(path).map_err(|source| ModelsError::Io { path: path.clone(), source })?;
        let ranker =
            Ranker::from_json(&text).map_err(|source| ModelsError::Ranker { path: path.clone(), source })?;
        Ok(InvoiceReader::new(ranker))
    }

    /// What opens PDF files, or why nothing does: pictures are read without it.
    fn pdfium(&self) -> Result<Pdfium, String> {
        let path =
            installed(&self.library, &self.pack, PDF_PAGES).and_then(|item| file(&item, "libpdfium.so"));
        match path {
            Ok(path) => load_pdfium(&path).map_err(|error| {
                tracing::error!(%error, "PDF files are not read");
                CANNOT_BE_LOADED.to_owned()
            }),
            Err(_) => Err("model_not_installed".to_owned()),
        }
    }

    /// Everything that reads documents.
    pub fn documents(&self, settings: &Settings) -> Result<Documents, ModelsError> {
        Ok(Documents {
            text: self.text_reader()?,
            invoices: Self::invoice_reader(settings)?,
            limits: settings.images.limits(),
            timezone: settings.hotel.timezone,
            pdfium: self.pdfium(),
            vietnamese: Tesseract::find(None).map_err(|error| error.to_string()),
            pdf_limits: PdfLimits {
                max_bytes: settings.images.max_bytes,
                max_pixels: settings.images.max_pixels,
                ..PdfLimits::default()
            },
            country: settings.ocr.country.clone(),
        })
    }

    /// Detector, embedder and liveness of the chosen pack, warm.
    pub fn face_pipeline(&self, settings: PipelineSettings) -> Result<FacePipeline, ModelsError> {
        let detector = self.detector(&settings)?;
        let embedder = self.embedder(settings.detector.max_faces)?;
        let liveness = self.liveness(settings.detector.max_faces)?;
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
            .canvas_shapes()
            .into_iter()
            .map(|(h, w)| vec![1, 3, h as usize, w as usize])
            .collect();
        Ok(match kind {
            DetectorKind::YuNet => {
                Detector::YuNet(self.start(&item, None, file(&item, "yunet.onnx")?, 1, warm)?)
            }
            DetectorKind::Scrfd => {
                Detector::Scrfd(self.start(&item, None, file(&item, "scrfd-500m.onnx")?, 1, warm)?)
            }
            DetectorKind::Mtcnn => {
                let network = |part, name, rows, side| {
                    self.start(&item, Some(part), file(&item, name)?, rows, vec![vec![1, 3, side, side]])
                };
                Detector::Mtcnn(Mtcnn {
                    pnet: network("pnet", "pnet.onnx", 1, 193)?,
                    rnet: network("rnet", "rnet.onnx", Mtcnn::MAX_CANDIDATES, 24)?,
                    onet: network("onet", "onet.onnx", Mtcnn::MAX_CANDIDATES, 48)?,
                })
            }
        })
    }

    /// The embedder of the chosen pack, warm, for at most `max_faces` faces of a frame.
    pub fn embedder(&self, max_faces: usize) -> Result<Embedder, ModelsError> {
        let item = installed(&self.library, &self.pack, EMBEDDING)?;
        let start = |kind: EmbedderKind, name, side| {
            let rows = if kind.mirrors() { 2 * max_faces } else { max_faces };
            self.start(&item, None, file(&item, name)?, rows, vec![vec![1, 3, side, side]])
        };
        Ok(match item.item.name() {
            "edgeface-xs" => {
                let model = start(EmbedderKind::EdgeFace, "edgeface-xs.onnx", 112)?;
                Embedder::new(EmbedderKind::EdgeFace, model, None)?
            }
            "mobilefacenet" => {
                let model = start(EmbedderKind::MobileFaceNet, "mobilefacenet.onnx", 112)?;
                Embedder::new(EmbedderKind::MobileFaceNet, model, None)?
            }
            "dlib-resnet" => {
                let landmarks = installed(&self.library, &self.pack, LANDMARKS)?;
                let path = file(&landmarks, "shape_predictor_5_face_landmarks.dat")?;
                let bytes = std::fs::read(&path).map_err(|source| ModelsError::Io { path, source })?;
                let predictor = ShapePredictor::read(&bytes)?;
                let model = start(EmbedderKind::DlibResnet, "dlib-resnet.onnx", 150)?;
                Embedder::new(EmbedderKind::DlibResnet, model, Some(predictor))?
            }
            _ => return Err(ModelsError::Unsupported(item.item, EMBEDDING)),
        })
    }

    /// The liveness models, or the reason every answer gives instead of a verdict.
    fn liveness(&self, max_faces: usize) -> Result<Result<Liveness, String>, ModelsError> {
        let mut members = Vec::new();
        for item in self.library.choose_all(&self.pack, LIVENESS)? {
            let start = |part, name, side| {
                self.start(&item, part, file(&item, name)?, max_faces, vec![vec![1, 3, side, side]])
            };
            match item.item.name() {
                "minifasnet" => {
                    let v2 = start(Some("v2"), "minifasnet-v2-2.7.onnx", 80)?;
                    let v1 = start(Some("v1se"), "minifasnet-v1se-4.0.onnx", 80)?;
                    members.push((LivenessKind::MiniFasNetV2, v2));
                    members.push((LivenessKind::MiniFasNetV1Se, v1));
                }
                "suri" => {
                    let suri = start(None, "suri.onnx", 128)?;
                    members.push((LivenessKind::Suri, suri));
                }
                _ => return Err(ModelsError::Unsupported(item.item, LIVENESS)),
            }
        }
        Ok(Liveness::new(members).ok_or_else(|| "model_not_installed".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use innkeeper_core::Picture;
    use innkeeper_face::{TEMPLATE_112, Want};
    use innkeeper_runtime::{Port, RuntimeError, Tensor, Ticket};
    use std::sync::{Arc, Barrier};

    type Answers = fn(&[Tensor]) -> Vec<Tensor>;

    /// A network of one input and one announced output, made of a function.
    struct Fake([Port; 1], Answers);

    impl Session for Fake {
        fn inputs(&self) -> &[Port] {
            &self.0
        }

        fn outputs(&self) -> &[Port] {
            &self.0
        }

        fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, RuntimeError> {
            Ok((self.1)(inputs))
        }
    }

    fn fake(name: &str, shape: &[Option<usize>], options: PoolOptions, answers: Answers) -> Model {
        let shape = shape.to_vec();
        let factory = move || -> Result<Box<dyn Session>, RuntimeError> {
            Ok(Box::new(Fake([Port { name: "x".to_owned(), shape: shape.clone() }], answers)))
        };
        Model::start(name, ModelRef::new("fake", "1").unwrap(), Box::new(factory), options).unwrap()
    }

    #[test]
    fn frames_that_were_let_in_are_not_turned_away_by_a_models_queue() {
        let inference = Inference {
            workers: Some(4),
            max_waiting: 0,
            deadline_ms: 10_000,
            max_batch: 8,
            batch_delay_ms: 0,
        };
        let rows = Mtcnn::MAX_CANDIDATES;
        let model = fake("slow", &[Some(1), Some(1)], pool(&inference, rows, vec![]), |inputs| {
            std::thread::sleep(Duration::from_micros(200));
            inputs.to_vec()
        });
        let together = Arc::new(Barrier::new(4));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let (model, together) = (model.clone(), Arc::clone(&together));
                scope.spawn(move || {
                    let frame = Tensor::new(vec![rows, 1], vec![0.5; rows]).unwrap();
                    together.wait();
                    let answer = model.run(vec![frame], &Ticket::unlimited()).expect("room for every frame");
                    assert_eq!(answer[0].rows(), rows);
                });
            }
        });
    }
    /// The faces of `YuNet`: one, with the eyes, nose and mouth of the template, 8 pixels from the edge.
    fn one_face(inputs: &[Tensor]) -> Vec<Tensor> {
        let [_, _, h, w] = inputs[0].shape()[..] else { panic!("four axes") };
        let mut outputs = Vec::new();
        for values in [1, 1, 4, 10] {
            for stride in [8, 16, 32] {
                let mut data = vec![0.0; (h / stride) * (w / stride) * values];
                if stride == 8 {
                    let face: Vec<f32> = match values {
                        1 => vec![1.0],
                        4 => vec![7.0, 8.0, 9.0f32.ln(), 12.0f32.ln()],
                        _ => TEMPLATE_112.iter().flat_map(|p| [p.x / 8.0, p.y / 8.0]).collect(),
                    };
                    data[..values].copy_from_slice(&face);
                }
                outputs.push(Tensor::new(vec![1, data.len()], data).unwrap());
            }
        }
        outputs
    }

    fn rows_of<const N: usize>(inputs: &[Tensor]) -> Vec<Tensor> {
        let rows = inputs[0].rows();
        vec![Tensor::new(vec![rows, N], (0..rows * N).map(|i| i as f32).collect()).unwrap()]
    }

    #[test]
    fn every_network_tells_the_metrics_what_it_spent_before_and_after_its_run() {
        let one = || PoolOptions { workers: 1, ..PoolOptions::default() };
        let any = [None; 4];
        let detector = fake("yunet", &[Some(1), None, None, None], one(), one_face);
        let embedder = fake("edgeface-xs", &any, one(), rows_of::<512>);
        let liveness = Liveness::new(vec![
            (LivenessKind::MiniFasNetV2, fake("minifasnet-v2", &any, one(), rows_of::<3>)),
            (LivenessKind::MiniFasNetV1Se, fake("minifasnet-v1se", &any, one(), rows_of::<3>)),
            (LivenessKind::Suri, fake("suri", &any, one(), rows_of::<2>)),
        ]);
        let pipeline = FacePipeline::new(
            Detector::YuNet(detector),
            Embedder::new(EmbedderKind::EdgeFace, embedder, None).unwrap(),
            Ok(liveness.unwrap()),
            PipelineSettings::default(),
        );
        let picture = Picture::from_rgb(128, 128, vec![120; 128 * 128 * 3]).unwrap();
        let want = Want { despite_quality: true, ..Want::ALL };
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        let seen = metrics::with_local_recorder(&recorder, || {
            pipeline.analyse(&picture, want, &Ticket::unlimited()).unwrap()
        });
        assert!(seen.faces.len() == 1 && seen.faces[0].embedding.is_some());
        let text = recorder.handle().render();
        let told = |model: &str, stage: &str| {
            let count = format!("innkeeper_stage_seconds_count{{model=\"{model}\",stage=\"{stage}\"}} 1");
            assert!(text.contains(&count), "no {count} in\n{text}");
        };
        for model in pipeline.models() {
            told(model.name(), "preprocess");
            told(model.name(), "postprocess");
        }
        told("frame", "align");
    }
}
