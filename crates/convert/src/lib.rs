//! Network weights that are not ONNX, rewritten as ONNX graphs at install time.
//!
//! In come the bytes of a weights file as its authors published it (`PyTorch` state dicts, dlib's serialised
//! networks and shape predictors); out go the bytes of an ONNX file, or, for dlib's 5-point shape predictor,
//! the predictor itself. Each network has a stored [reference](reference()) of the original's outputs that the
//! converted one is checked against wherever it is installed. Beside that, [`faster`] takes a finished
//! ONNX file and gives one that computes the same numbers faster, and [`metadata`] reads what such a file says
//! about itself. This room touches nothing: no files, no
//! network, no clock, and it runs no network either.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod dlib;
mod edgeface;
mod efficientnet;
mod error;
mod faster;
mod metadata;
mod mtcnn;
mod network;
mod onnx;
mod reference;
mod torch;

pub use error::ConvertError;
pub use faster::faster;
pub use metadata::metadata;
pub use network::{Network, convert};
pub use reference::{Reference, reference};
