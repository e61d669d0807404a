use innkeeper_core::{ModelRef, PictureError};
use innkeeper_image_embedding::EmbeddingError;

/// Why a picture could not be described.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// The network gave no features.
    #[error(transparent)]
    Features(#[from] EmbeddingError),
    /// The picture could not be resized.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The descriptor has no direction.
    #[error(transparent)]
    Descriptor(#[from] innkeeper_core::EmbeddingError),
    /// The centre cannot be used.
    #[error(transparent)]
    Centre(#[from] CentreError),
}

/// Why a centre could not be read, measured or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CentreError {
    /// Not the JSON of a centre.
    #[error("not the centre of image vectors: {0}")]
    Json(#[from] serde_json::Error),
    /// The mean has another length than the vectors, or a number that is not finite.
    #[error("the centre has {found} numbers, or one that is not finite; the vectors have {expected}")]
    Numbers {
        /// Numbers in the file.
        found: usize,
        /// Numbers of a vector.
        expected: usize,
    },
    /// It was measured with another network, or with pictures fed at another size.
    #[error("the centre belongs to {centre}, the pictures are embedded by {embedder}: measure it again")]
    OtherModel {
        /// What the centre was measured with.
        centre: ModelRef,
        /// What embeds now.
        embedder: ModelRef,
    },
    /// No pictures to measure it from.
    #[error("a centre is the mean of pictures; there are none")]
    NoPictures,
}
