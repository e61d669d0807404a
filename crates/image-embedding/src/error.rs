use innkeeper_core::PictureError;
use innkeeper_runtime::RuntimeError;

/// Why a picture has no features.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbeddingError {
    /// The model run failed, was cancelled, came too late or found no place in the queue.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The picture could not be resized.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The model takes or gives tensors of another shape than an image embedder does.
    #[error("{model} has {got}, expected {expected}: another model is installed under this name")]
    UnexpectedModel {
        /// The model's name and version.
        model: String,
        /// What it has or gave.
        got: String,
        /// What an image embedder has.
        expected: &'static str,
    },
    /// The model answered with numbers that are not finite, or with zeros only.
    #[error("the features have no direction: a number is not finite, or all are zero")]
    NoDirection,
    /// The side that pictures are brought to is none that the network takes.
    #[error(
        "pictures cannot be brought to {side} pixels a side: a multiple of 32 from {min} to {max} is needed"
    )]
    Side {
        /// The side that was asked for, in pixels.
        side: u32,
        /// The smallest that is taken.
        min: u32,
        /// The largest that is taken.
        max: u32,
    },
}
