use innkeeper_core::PictureError;
use innkeeper_runtime::RuntimeError;

/// Why a picture could not be searched for objects. That there are none is not an error.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// The model run failed, was cancelled, came too late or found no place in the queue.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The picture could not be resized for the model.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The model is not a YOLOX network of the size and kinds that are read here.
    #[error("{model} has {got}, expected {expected}: another model is installed under this name")]
    Unexpected {
        /// The model's name.
        model: String,
        /// What it has.
        got: String,
        /// What is read here.
        expected: &'static str,
    },
}
