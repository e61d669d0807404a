//! Rooms.
//!
//! In come decoded photographs of a hotel room, with reference photographs of the same room where there are some and
//! what the hotel knows of the room; out comes what a housekeeper wants to know: [`RoomStatus`], whether the guest
//! may come in, what is seen and where, what is missing, how long cleaning will take, and why. Three sources have
//! their say and each tag names its own: a head on the photograph's embedding, an object detector, and the
//! comparison with the reference photographs. [`rules`] is the table that makes a status of tags, [`minutes`] the
//! estimate of cleaning times, [`evaluation`] the figures. This room runs models through `innkeeper-runtime` and
//! reads nothing else: no files, no HTTP, no SQL, no clock.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod answer;
mod error;
pub mod evaluation;
pub mod minutes;
mod quality;
mod reader;
pub mod reference;
pub mod rules;
mod verdict;

pub use answer::{
    Cleaning, CleaningEstimate, LabelProbability, ObjectCount, PhotoReading, PhotoVerdict, PreviousVerdict,
    RoomContext, RoomStatus, RoomVerdict, SourceUse, Tag, TagSource,
};
pub use error::RoomError;
pub use minutes::estimate_minutes;
pub use quality::{PhotoProblem, PhotoQuality, QualitySettings};
pub use reader::{RoomReader, RoomSettings};
pub use reference::{CompareSettings, Comparison, Difference, DifferenceKind, Reference, compare};
pub use rules::{Judgement, judge};
