use innkeeper_core::{EmbeddingError, PictureError};
use innkeeper_runtime::RuntimeError;

/// Why a frame could not be analysed. That no face was found is not an error.
#[derive(Debug, thiserror::Error)]
pub enum FaceError {
    /// A model run failed, was cancelled, came too late or found no place in the queue.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The picture could not be resized for a model.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The model answered with tensors of another shape than its kind has.
    #[error("{model} answered with {got}, expected {expected}: another model is installed under this name")]
    UnexpectedOutput {
        /// The model's name.
        model: &'static str,
        /// What came.
        got: String,
        /// What its kind has.
        expected: &'static str,
    },
    /// The embedder gave a vector without direction.
    #[error(transparent)]
    Embedding(#[from] EmbeddingError),
    /// A needed companion is missing, such as the landmark predictor of the dlib embedder.
    #[error("{what} is not installed; run `{command}`")]
    NotInstalled {
        /// What is missing.
        what: &'static str,
        /// The command that installs it.
        command: String,
    },
}
