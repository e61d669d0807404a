//! Tables, migrations, attendance, audit and outbox over SQL.
//!
//! In come people with their consent and face templates, sightings by cameras, and privileged acts; out
//! come rows, a verdict on the audit log, and three queues for other rooms: vectors to index or remove,
//! photos to remove, events to deliver. Whatever belongs together is written in one transaction: a
//! sighting and its event, an enrolment and its consent, a deletion and its proof. A commit is on the disk
//! before the call returns.
//!
//! Rows of a hotel are reached through [`HotelStore`], which names the hotel in every statement. The room
//! touches the database it was given, a `SQLite` file or a `PostgreSQL` server, and the clock for the times at
//! which rows are written; all other times come from the caller. Times are stored as microseconds since 1970
//! UTC.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod attendance;
mod audit;
mod engine;
mod enrolment;
mod error;
mod migrations;
mod outbox;
mod people;
mod postgres;
mod queues;
mod removal;
mod schema;
mod scope;
mod sqlite;
mod store;
mod time;

pub use attendance::{Action, ActionError, Attendance, Sighting, SightingOutcome};
pub use audit::{AuditBreak, AuditEntry, AuditFault, AuditHead, AuditSubject, AuditVerdict};
pub use enrolment::{EmployeeProfile, Enrolled, NewConsent, NewEnrolment, NewTemplate, Replaced};
pub use error::StoreError;
pub use outbox::{ATTENDANCE_RECORDED, CONSENT_WITHDRAWN, FACE_DELETED, FACE_ENROLLED, OutboxEvent, Pruned};
pub use people::{Employee, Template};
pub use postgres::PostgresSettings;
pub use queues::{MediaTask, VectorChange, VectorTask};
pub use removal::{Deleted, Withdrawn};
pub use store::{HotelStore, Store};
pub use time::local_day;
