//! Rooms: photos joined with reference photos, cleanings and verdicts.

mod answers;
mod correction;
mod desk;
mod reading;
mod reference_photos;
mod references;
mod report;
mod teaching;

pub(crate) use answers::{
    ReferenceAnswer, ReferencesAnswer, RemovedReference, RoomAnswer, RoomReport, RoomView,
};
pub(crate) use correction::correct;
pub(crate) use desk::{RoomDesk, RoomQuestion};
pub(crate) use reading::{describe_room, reader};
pub(crate) use teaching::taught;
