//! Identity documents.
//!
//! In comes a picture of a passport, card, visa or licence; out comes an [`IdentityDocument`]: what the
//! machine-readable zone, the barcode and the print say, where each stands, what the check digits prove, and
//! where print and machine-readable part disagree. Nothing is corrected in silence: every character that
//! differs from what was read is listed with its proof.

pub mod aamva;
mod answer;
pub mod barcode;
mod compare;
mod dates;
mod document;
pub mod evaluation;
mod grey;
mod labels;
pub mod mrz;
mod printed;
mod reader;
mod states;
mod suspicion;
pub mod vietnam;
mod zone;

pub use document::{
    BarcodeAnswer, Compared, DocumentType, FieldEvidence, IdentityDocument, MrzAnswer, PersonName, Source,
    UnknownDocumentType,
};
pub use reader::IdentityReader;
pub use suspicion::may_be_identity;
