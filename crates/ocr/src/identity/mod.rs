//! Identity documents.
//!
//! In comes a picture of a passport, card, visa or licence; out comes an [`IdentityDocument`]: what the
//! machine-readable zone, the barcode and the print say, where each stands, what the check digits prove, and
//! where print and machine-readable part disagree. Nothing is corrected in silence: every character that
//! differs from what was read is listed with its proof.

pub mod aamva;
pub mod barcode;
mod grey;
pub mod mrz;
mod states;
pub mod vietnam;
