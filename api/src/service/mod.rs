//! The pipelines joined with the engines: what a route or a command calls.

mod answers;
mod attendance;
mod enrol;
mod face;
mod gallery;
mod recognise;
mod reindex;

pub(crate) use answers::{DeletedAnswer, EmbeddingAnswer, EnrolAnswer, RecogniseAnswer, ThresholdsReport};
pub(crate) use enrol::{ConsentInput, EnrolInput, ProfileInput};
pub(crate) use face::FaceService;
pub(crate) use gallery::Gallery;
pub(crate) use recognise::{Sight, describe_frame};
