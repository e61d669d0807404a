//! Room photographs to readiness: tags, what is missing, cleaning minutes.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod error;

pub use error::RoomError;

// Photographs of one room against each other, and whether a photograph is worth looking at.
mod quality;
pub mod reference;

pub use quality::{PhotoProblem, PhotoQuality, QualitySettings};
pub use reference::{CompareSettings, Comparison, Difference, DifferenceKind, Reference, compare};
