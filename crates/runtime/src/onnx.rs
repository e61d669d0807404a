use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;
use ort::ep::{CPU, ExecutionProvider};
use ort::logging::LogLevel;
use ort::session::builder::SessionBuilder;
use ort::session::{Session as Graph, SessionInputValue};
use ort::value::{Outlet, TensorElementType, TensorRef, ValueType};

use crate::session::check_inputs;
use crate::{Port, RuntimeError, Session, Tensor};

/// The one library of this process: ONNX Runtime allows one environment, and it is never taken down.
static LOADED: Mutex<Option<Loaded>> = Mutex::new(None);

struct Loaded {
    library: PathBuf,
    environment: Option<Environment>,
}

/// ONNX Runtime's shared library, loaded. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct OnnxRuntime {
    environment: Environment,
    library: PathBuf,
}

/// How a session is built.
///
/// The defaults come from `cargo run -p innkeeper-runtime --example arena` on a YuNet detector: 400 calls on
/// one thread, sides of 160 to 1120 pixels, growth of the process and time of a call (two busy cores, so the
/// times compare with each other only):
///
/// | arena | pattern | 400 sizes | 4 sizes |
/// |---|---|---|---|
/// | off | off | 52 to 88 MiB, 19 to 28 ms | 28 to 58 MiB, 15 to 18 ms |
/// | on | off | 96 MiB, flat after 200 calls, 12 to 21 ms | 33 MiB, flat after 100 calls, 6 to 9 ms |
/// | off | on | 270 MiB and growing, 16 ms | 39 MiB, 6 ms |
/// | on | on | 122 MiB, 11 to 17 ms | 50 MiB, 6 to 10 ms |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionOptions {
    /// Threads inside one call, default 1: the pool already has a session per core.
    pub intra_threads: usize,
    /// Whether the session keeps freed memory for its next call, default true. It then holds what its
    /// largest input needed; limit or bucket the input sizes and memory stays flat.
    pub arena: bool,
    /// Whether the layout of buffers is remembered for every shape ever seen, default false: it grows with
    /// the count of shapes and wins nothing over the arena.
    pub memory_pattern: bool,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self { intra_threads: 1, arena: true, memory_pattern: false }
    }
}

impl OnnxRuntime {
    /// Loads the library from `library`, such as `libonnxruntime.so.1.31.1` of the `onnxruntime` wheel. Loading
    /// the same file again gives the same handle.
    ///
    /// # Errors
    /// [`RuntimeError::LibraryNotFound`] when no file is there; [`RuntimeError::Library`] when it is not
    /// ONNX Runtime, is too old, or another library was loaded before.
    pub fn load(library: &Path) -> Result<Self, RuntimeError> {
        let missing = |_| RuntimeError::LibraryNotFound { path: library.to_owned() };
        let library = library.canonicalize().map_err(missing)?;
        if !library.is_file() {
            return Err(RuntimeError::LibraryNotFound { path: library });
        }
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = loaded.as_ref() {
            if before.library != library {
                let (new, old) = (library.display(), before.library.display());
                return Err(RuntimeError::Library(format!("{new} was asked for, but {old} is loaded")));
            }
            if let Some(environment) = before.environment.clone() {
                return Ok(Self { environment, library });
            }
        }
        let builder = ort::init_from(&library).map_err(|cause| RuntimeError::Library(cause.to_string()))?;
        // From here on the file is mapped, whatever becomes of the environment.
        let slot = loaded.insert(Loaded { library: library.clone(), environment: None });
        let environment = builder.with_name("innkeeper").with_telemetry(false).build();
        let environment = environment.map_err(|cause| RuntimeError::Library(cause.to_string()))?;
        environment.set_log_level(LogLevel::Warning);
        slot.environment = Some(environment.clone());
        tracing::info!(library = %library.display(), "ONNX Runtime loaded");
        Ok(Self { environment, library })
    }

    /// The version in the library's file name, else what the library says about its build.
    pub fn version(&self) -> String {
        let name = self.library.file_name().unwrap_or_default().to_string_lossy();
        match name.split_once(".so.") {
            Some((_, version)) if version.contains('.') => version.to_owned(),
            _ => ort::info().to_owned(),
        }
    }

    /// Loads a model file. Its `PRelu` nodes are computed as `Max(x, slope * x)` where that gives the same
    /// numbers, which halves the time of the networks made of them, and weights too small to count as zero, which
    /// saves two thirds of the time of a network that has many.
    ///
    /// # Errors
    /// [`RuntimeError::ModelLoad`] when the file is missing, is no model, or has an input or output other
    /// than a tensor of 32-bit floats.
    pub fn session(&self, model: &Path, options: &SessionOptions) -> Result<OnnxSession, RuntimeError> {
        let rewritten = std::fs::read(model).ok().and_then(|bytes| innkeeper_convert::faster(&bytes));
        self.session_of(model, rewritten.as_deref(), options)
    }

    /// A session of `graph`, or of the file as it is.
    pub(crate) fn session_of(
        &self,
        model: &Path,
        graph: Option<&[u8]>,
        options: &SessionOptions,
    ) -> Result<OnnxSession, RuntimeError> {
        let failed = |detail: String| RuntimeError::ModelLoad { path: model.to_owned(), detail };
        let mut builder = self.builder(options).map_err(|cause| failed(cause.to_string()))?;
        let graph = match graph {
            Some(bytes) => builder.commit_from_memory(bytes),
            None => builder.commit_from_file(model),
        };
        let graph = graph.map_err(|cause| failed(cause.to_string()))?;
        let inputs = ports(graph.inputs()).map_err(failed)?;
        let outputs = ports(graph.outputs()).map_err(failed)?;
        Ok(OnnxSession { graph, inputs, outputs })
    }

    fn builder(&self, options: &SessionOptions) -> ort::Result<SessionBuilder> {
        let mut builder = Graph::builder(&self.environment)?
            .with_intra_threads(options.intra_threads.max(1))?
            .with_inter_threads(1)?
            .with_intra_op_spinning(false)?
            .with_inter_op_spinning(false)?
            .with_memory_pattern(options.memory_pattern)?
            .with_log_level(LogLevel::Warning)?;
        CPU::default().with_arena_allocator(options.arena).register(&mut builder)?;
        Ok(builder)
    }
}

/// A model run by ONNX Runtime on the CPU.
#[derive(Debug)]
pub struct OnnxSession {
    graph: Graph,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
}

impl Session for OnnxSession {
    fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, RuntimeError> {
        check_inputs(&self.inputs, inputs)?;
        let view = |input| TensorRef::from_array_view(view_of(input)).map(SessionInputValue::from);
        let views =
            inputs.iter().map(view).collect::<Result<Vec<_>, _>>().map_err(RuntimeError::inference)?;
        let outputs = self.graph.run(views.as_slice()).map_err(RuntimeError::inference)?;
        let mut tensors = Vec::with_capacity(self.outputs.len());
        for port in &self.outputs {
            let value = outputs.get(&port.name).ok_or_else(|| missing(&port.name))?;
            let (shape, data) = value.try_extract_tensor::<f32>().map_err(RuntimeError::inference)?;
            let shape = shape.iter().map(|&n| usize::try_from(n)).collect::<Result<Vec<_>, _>>();
            tensors.push(Tensor::new(shape.map_err(RuntimeError::inference)?, data.to_vec())?);
        }
        Ok(tensors)
    }
}

fn view_of(input: &Tensor) -> (&[usize], &[f32]) {
    (input.shape(), input.data())
}

fn missing(output: impl Display) -> RuntimeError {
    RuntimeError::inference(format!("there is no output {output}"))
}

fn ports(outlets: &[Outlet]) -> Result<Vec<Port>, String> {
    let port = |outlet: &Outlet| match outlet.dtype() {
        ValueType::Tensor { ty: TensorElementType::Float32, shape, .. } => {
            let shape = shape.iter().map(|&n| usize::try_from(n).ok()).collect();
            Ok(Port { name: outlet.name().to_owned(), shape })
        }
        other => Err(format!("{} is {other:?}, not a tensor of 32-bit floats", outlet.name())),
    };
    outlets.iter().map(port).collect()
}
