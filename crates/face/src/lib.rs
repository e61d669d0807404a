//! Faces.
//!
//! In comes a decoded [`Picture`](innkeeper_core::Picture); out come the faces in it: box, five
//! landmarks, quality with the reasons against it, a liveness verdict (or why there is none) and an
//! embedding, each with the time it took. [`matching`] turns the scores of enrolled templates into an
//! open-set decision, [`enrolment`] judges a set of photos that claim to show one person, [`templates`] says
//! which photos stay and when to ask for new ones, [`grouping`] gathers unknown faces of one person, and
//! [`evaluation`] computes the figures that the shipped thresholds name. This room runs models through
//! `innkeeper-runtime` and reads nothing else: no files but the models, no HTTP, no SQL, no index.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod align;
mod calibration;
mod detect;
mod embed;
pub mod enrolment;
mod error;
pub mod evaluation;
pub mod grouping;
mod liveness;
pub mod matching;
mod pipeline;
mod quality;
pub mod templates;

pub use align::{Similarity, TEMPLATE_112};
pub use calibration::{Calibration, CalibrationError, FALSE_NAMES, PAIR_RATE};
pub use detect::{Detection, Detector, DetectorKind, DetectorSettings, Mtcnn};
pub use embed::{Embedder, EmbedderKind};
pub use error::FaceError;
pub use liveness::{Liveness, LivenessKind, LivenessVerdict};
pub use pipeline::{Face, FacePipeline, FrameAnalysis, PipelineSettings, StageTimings, Want};
pub use quality::{Quality, QualityReason, QualitySettings};
