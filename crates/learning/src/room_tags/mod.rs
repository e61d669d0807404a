//! One turn of the learning loop for the tags of room photographs.
//!
//! [`labelled`] reads a `FILES.tsv`; the caller embeds the pictures it names and adds what the hotel's people corrected;
//! [`train`] makes a candidate, judges it against the champion on rooms neither has seen, runs the control with shuffled
//! labels and draws the curve; [`register`] puts it into the registry and promotes it if the gate says so.

mod labels;
mod report;
mod train;

pub use labels::{LABELS, LabelledPicture, LabelsError, background_of, labelled, labels_of};
pub use report::{RegisterError, Registered, register};
pub use train::{Candidate, OwnFigures, SeedFigures, SourceCount, TrainError, Training, train};

/// Name of the model in the registry.
pub const NAME: &str = "room-tags";
/// Name of the head's file in a version.
pub const HEAD: &str = "head.json";
/// Name of the curve's file in a version.
pub const CURVE: &str = "curve.svg";
