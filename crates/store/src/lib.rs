//! Tables, migrations, attendance, audit and outbox over SQL.
//!
//! In come people with their consent and face templates, sightings by cameras of people and of strangers,
//! corrections, answers to be corrected, images with what is told of them, verdicts on rooms, cleanings, keys of
//! programs, and privileged acts; out come rows, a verdict on the audit log, and queues for other rooms: vectors of
//! faces and of images to index or remove, photos to remove, events to deliver. Vectors, names, departments, roles,
//! events, kept answers, labels, what is told of images and rooms, and secrets are sealed in the tables with the keys
//! it is given, each for its own row; ids, room numbers, times and the audit log are not. Whatever belongs together is written in one transaction: a
//! sighting and its event, an enrolment and its consent, a deletion and its proof. A commit is on the disk
//! before the call returns.
//!
//! Rows of a hotel are reached through [`HotelStore`], which names the hotel in every statement. The room
//! touches the database it was given, a `SQLite` file or a `PostgreSQL` server, and the clock for the times at
//! which rows are written; all other times come from the caller. Times are stored as microseconds since 1970
//! UTC.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod api_keys;
mod attendance;
mod audit;
mod cleanings;
mod copy;
mod correction;
mod engine;
mod enrolment;
mod error;
mod feedback;
mod image_find;
mod image_list;
mod image_queues;
mod image_removal;
mod image_words;
mod images;
mod item_matches;
mod migrations;
mod naming;
mod outbox;
mod page;
mod people;
mod postgres;
mod queues;
mod removal;
mod schema;
mod scope;
mod seal;
mod secrets;
mod sqlite;
mod store;
mod templates;
mod time;
mod unknown;
mod verdicts;
mod words;

pub use api_keys::{ApiKey, NewApiKey};
pub use attendance::{Attendance, Sighting, SightingOutcome};
pub use audit::{AuditBreak, AuditEntry, AuditFault, AuditHead, AuditSubject, AuditVerdict};
pub use cleanings::Cleaning;
pub use copy::CopyReport;
pub use correction::{Corrected, Correction, MAX_NEGATIVES, NewNegative, RowOutcome};
pub use enrolment::{EmployeeProfile, Enrolled, NewConsent, NewEnrolment, NewTemplate, Replaced};
pub use error::StoreError;
pub use feedback::{Forgotten, KeptAnswer, Label, Labelled, NewKeptAnswer, NewLabel};
pub use image_find::NearImage;
pub use image_list::{ImageFilter, ImagePage};
pub use image_queues::{ImageVectorChange, ImageVectorTask, IndexedImage, Undescribed};
pub use image_removal::DeletedImage;
pub use image_words::{ImageCategory, ItemSide, MatchState, VerdictSource, WordError};
pub use images::{AddedImage, AddedReference, Image, ImageContent, ImagePhoto, ImageVector, NewImage};
pub use item_matches::{ItemMatch, MatchCandidate, MatchFilter, MatchPage, RecordedMatch};
pub use naming::{Named, NamedFace, Naming};
pub use outbox::{
    ATTENDANCE_CORRECTED, ATTENDANCE_RECORDED, CONSENT_WITHDRAWN, FACE_DELETED, FACE_ENROLLED, IMAGE_DELETED,
    IMAGE_INDEXED, LOST_FOUND_MATCHED, OutboxEvent, Pruned, ROOM_VERDICT,
};
pub use page::{Cursor, CursorError};
pub use people::{Employee, Template};
pub use postgres::PostgresSettings;
pub use queues::{MediaTask, VectorChange, VectorTask};
pub use removal::{Deleted, Withdrawn};
pub use seal::SealCount;
pub use store::{HotelStore, Store};
pub use templates::KnownFace;
pub use time::local_day;
pub use unknown::{NewUnknown, UnknownFace, UnknownOutcome};
pub use verdicts::{CorrectedVerdict, RecordedVerdict, Verdict, VerdictPage};
pub use words::{Action, ActionError, Source, SourceError};
