use innkeeper_core::PictureError;
use innkeeper_runtime::RuntimeError;

/// Why a photograph of a room could not be read, or a room not be judged.
#[derive(Debug, thiserror::Error)]
pub enum RoomError {
    /// A model run failed, was cancelled, came too late or found no place in the queue.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The photograph could not be resized for a model.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The photograph could not be embedded.
    #[error(transparent)]
    Embedding(#[from] innkeeper_image_embedding::EmbeddingError),
    /// The photograph could not be searched for objects.
    #[error(transparent)]
    Objects(#[from] innkeeper_objects::ObjectError),
    /// The tag head could not be applied.
    #[error(transparent)]
    Head(#[from] innkeeper_heads::HeadError),
    /// What a verdict needs is not installed.
    #[error("{what} is not installed; run `{command}`")]
    NotInstalled {
        /// What is missing.
        what: &'static str,
        /// The command that mends it.
        command: &'static str,
    },
    /// There is no photograph to judge by.
    #[error("a room is judged by at least one photograph")]
    NoPhoto,
}
