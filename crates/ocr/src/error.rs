use innkeeper_core::PictureError;
use innkeeper_runtime::RuntimeError;

use crate::pdf::PdfError;
use crate::text::TesseractError;

/// Why a document could not be read. That it holds no text is not an error.
#[derive(Debug, thiserror::Error)]
pub enum OcrError {
    /// A model run failed, was cancelled, came too late or found no place in the queue.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The picture could not be resized for a model.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The PDF file could not be read.
    #[error(transparent)]
    Pdf(#[from] PdfError),
    /// The second recogniser for Vietnamese failed; the page as the first one read it is still good.
    #[error(transparent)]
    Tesseract(#[from] TesseractError),
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
    /// The recognition model does not say which characters its outputs stand for, or says it in another way
    /// than one character a line.
    #[error("the recognition model has no usable list of characters: {0}")]
    Characters(String),
    /// The picture shows no identity document that can be read.
    #[error(
        "no identity document was found: no machine-readable zone, no known barcode, no print that names a kind of \
         document or a date of birth"
    )]
    DocumentNotFound,
}
