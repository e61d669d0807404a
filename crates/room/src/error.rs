use innkeeper_core::PictureError;
use innkeeper_image_embedding::EmbeddingError;
use innkeeper_runtime::RuntimeError;

/// Why a photograph of a room could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RoomError {
    /// A model run failed, was cancelled, came too late or found no place in the queue.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The picture could not be resized.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The picture could not be embedded.
    #[error(transparent)]
    Embedding(#[from] EmbeddingError),
}
