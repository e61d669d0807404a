//! The pipelines joined with the engines: what a route or a command calls.

mod answers;
pub(crate) mod api_keys;
mod attendance;
mod correct;
mod deletion;
mod document_desk;
mod documents;
mod enrol;
mod face;
pub(crate) mod feedback;
mod gallery;
mod recent;
mod recognise;
mod reindex;
mod unknown;
mod verify;
mod visual;

pub(crate) use answers::{
    DeletedAnswer, EmbeddingAnswer, EnrolAnswer, FaceReport, RecogniseAnswer, ThresholdsReport,
};
pub(crate) use correct::{NotThisPersonAnswer, NotThisPersonInput, WrongFace};
pub(crate) use document_desk::{DocumentService, Reader, document_type};
pub(crate) use documents::{CANNOT_BE_LOADED, Documents, IdentityAnswer, InvoiceAnswer};
pub(crate) use enrol::{ConsentInput, EnrolInput, ProfileInput};
pub(crate) use face::FaceService;
pub(crate) use feedback::{FeedbackAnswer, ForgottenAnswer, KeptAnswerReport};
pub(crate) use gallery::Gallery;
pub(crate) use recognise::{Sight, describe_frame};
pub(crate) use unknown::{NamedAnswer, UnknownAnswer};
pub(crate) use verify::VerifyAnswer;
pub(crate) use visual::Visual;
