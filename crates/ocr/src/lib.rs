//! Documents.
//!
//! In comes a decoded [`Picture`](innkeeper_core::Picture) or the bytes of a PDF file; out comes its text as
//! lines and words with boxes and confidence ([`PageText`]), the fields of an invoice or receipt, or those of an
//! identity document, each with where it stands and how sure it is. This room runs models through
//! `innkeeper-runtime` and reads nothing else: no files but the models, no HTTP, no SQL, no clock.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod document;
mod error;
pub mod identity;
pub mod invoice;
mod page;
pub mod pdf;
pub mod text;

pub use document::{Document, Page, is_pdf};
pub use error::OcrError;
pub use page::{Line, PageText, Quad, Word};
pub use pdf::{PdfError, PdfLimits, PdfWorker, Pdfium};
pub use text::{
    Alphabet, Character, Characters, Padding, ReadPage, Reading, Tesseract, TesseractError, TextModels,
    TextReader, TextSettings, TextTimings,
};
