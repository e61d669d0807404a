//! The pipelines joined with the engines: what a route or a command calls.

mod answers;
pub(crate) mod api_keys;
mod attendance;
pub(crate) mod cleanings;
mod correct;
mod deletion;
mod document_desk;
mod documents;
mod enrol;
mod face;
pub(crate) mod feedback;
pub(crate) mod forecast;
mod gallery;
pub(crate) mod heads;
pub(crate) mod hotel;
pub(crate) mod images;
pub(crate) mod lost_found;
pub(crate) mod pricing;
pub(crate) mod promotion;
mod recent;
mod recognise;
mod reindex;
pub(crate) mod room;
mod room_labels;
mod unknown;
mod value;
mod verify;
mod visual;
mod weighted_cache;

pub(crate) use answers::{
    DeletedAnswer, EmbeddingAnswer, EnrolAnswer, FaceReport, RecogniseAnswer, ThresholdsReport,
};
pub(crate) use cleanings::{CleaningAnswer, CleaningInput};
pub(crate) use correct::{NotThisPersonAnswer, NotThisPersonInput, WrongFace};
pub(crate) use document_desk::{DocumentService, Reader, document_type};
pub(crate) use documents::{CANNOT_BE_LOADED, Documents, IdentityAnswer, InvoiceAnswer};
pub(crate) use enrol::{ConsentInput, EnrolInput, ProfileInput};
pub(crate) use face::FaceService;
pub(crate) use feedback::{FeedbackAnswer, ForgottenAnswer, KeptAnswerReport};
pub(crate) use forecast::ForecastDesk;
pub(crate) use gallery::{CatchUpError, Gallery};
pub(crate) use pricing::PricingDesk;
pub(crate) use promotion::{ModelReport, PromotedAnswer};
pub(crate) use recognise::{Sight, describe_frame};
pub(crate) use room::{
    ReferenceAnswer, ReferencesAnswer, RemovedReference, RoomAnswer, RoomDesk, RoomQuestion, RoomReport,
    describe_room,
};
pub(crate) use unknown::{NamedAnswer, UnknownAnswer};
pub(crate) use value::value;
pub(crate) use verify::VerifyAnswer;
pub(crate) use visual::Visual;
