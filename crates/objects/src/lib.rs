//! Objects.
//!
//! In comes a decoded [`Picture`](innkeeper_core::Picture); out come the everyday objects in it (the 80 kinds of
//! the COCO data set): name, box in pixels of that picture, and how likely the box is right. How likely is
//! measured for each group of kinds, and groups whose boxes are wrong too often say so ([`Group::decides`]): their
//! counts may be shown, but nothing may be decided by them. [`evaluation`] computes the figures behind that. This
//! room runs one model through `innkeeper-runtime` and reads nothing else: no files, no HTTP, no SQL.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod calibration;
mod detector;
mod error;
pub mod evaluation;
mod labels;

pub use calibration::{DetectorSettings, Group};
pub use detector::{INPUT_SIDE, Object, ObjectDetector};
pub use error::ObjectError;
pub use labels::LABELS;
