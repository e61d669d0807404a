//! Tables, migrations, attendance, audit and outbox over SQL.
//!
//! In come people with their consent and face templates, sightings by cameras of people and of strangers,
//! corrections, answers to be corrected, keys of programs, and privileged acts; out come rows, a verdict on the audit log, and three
//! queues for other rooms: vectors to index or remove, photos to remove, events to deliver. Vectors, names,
//! departments, roles, events, kept answers, labels and secrets are sealed in the tables with the keys it is given, each for its
//! own row; ids, times and the audit log are not. Whatever belongs together is written in one transaction: a
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
mod copy;
mod correction;
mod engine;
mod enrolment;
mod error;
mod feedback;
mod migrations;
mod naming;
mod outbox;
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
mod words;

pub use api_keys::{ApiKey, NewApiKey};
pub use attendance::{Attendance, Sighting, SightingOutcome};
pub use audit::{AuditBreak, AuditEntry, AuditFault, AuditHead, AuditSubject, AuditVerdict};
pub use copy::CopyReport;
pub use correction::{Corrected, Correction, MAX_NEGATIVES, NewNegative, RowOutcome};
pub use enrolment::{EmployeeProfile, Enrolled, NewConsent, NewEnrolment, NewTemplate, Replaced};
pub use error::StoreError;
pub use feedback::{Forgotten, KeptAnswer, Label, Labelled, NewKeptAnswer, NewLabel};
pub use naming::{Named, NamedFace, Naming};
pub use outbox::{
    ATTENDANCE_CORRECTED, ATTENDANCE_RECORDED, CONSENT_WITHDRAWN, FACE_DELETED, FACE_ENROLLED, OutboxEvent,
    Pruned,
};
pub use people::{Employee, Template};
pub use postgres::PostgresSettings;
pub use queues::{MediaTask, VectorChange, VectorTask};
pub use removal::{Deleted, Withdrawn};
pub use seal::SealCount;
pub use store::{HotelStore, Store};
pub use templates::KnownFace;
pub use time::local_day;
pub use unknown::{NewUnknown, UnknownFace, UnknownOutcome};
pub use words::{Action, ActionError, Source, SourceError};
