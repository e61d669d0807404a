use std::path::PathBuf;
use std::time::Duration;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// No file lies where ONNX Runtime's shared library should be.
    #[error("ONNX Runtime's library was not found at {}", path.display())]
    LibraryNotFound {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The shared library is there but cannot be used.
    #[error("ONNX Runtime's library cannot be used: {0}")]
    Library(String),
    /// A model file cannot be read, or is not a model this runtime can run.
    #[error("the model {} cannot be loaded: {detail}", path.display())]
    ModelLoad {
        /// The model file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// The tensors do not fit the model, or the numbers do not fill the shape.
    #[error("wrong tensor shape: {detail}")]
    Shape {
        /// What was expected and what came.
        detail: String,
    },
    /// The backend failed while it computed.
    #[error("inference failed: {detail}")]
    Inference {
        /// The backend's own words.
        detail: String,
    },
    /// The session panicked; it has been thrown away and will be loaded again.
    #[error("the session panicked: {detail}")]
    Panicked {
        /// The panic's message.
        detail: String,
    },
    /// Every session of the model died and none could be loaded again.
    #[error("{model} has no working session: {detail}")]
    NoSession {
        /// The model's name.
        model: String,
        /// Why the last attempt to load one failed.
        detail: String,
    },
    /// The queue is full; nothing was queued.
    #[error("too many requests wait; try again in {} ms", retry_after.as_millis())]
    Overloaded {
        /// How long the work that waits now will take, by recent service times.
        retry_after: Duration,
    },
    /// The ticket's deadline passed before there was an answer.
    #[error("the deadline passed before there was an answer")]
    DeadlineExceeded,
    /// Nobody wants the answer any more.
    #[error("the request was cancelled")]
    Cancelled,
    /// The model was stopped.
    #[error("the model was stopped")]
    Stopped,
    /// The operating system refused a worker thread.
    #[error("a worker thread could not be started: {0}")]
    Thread(#[source] std::io::Error),
}

impl RuntimeError {
    pub(crate) fn shape(detail: impl Into<String>) -> Self {
        Self::Shape { detail: detail.into() }
    }

    pub(crate) fn inference(cause: impl std::fmt::Display) -> Self {
        Self::Inference { detail: cause.to_string() }
    }
}
