//! Tables, migrations, attendance, audit and outbox over SQL.
//!
//! In come people with their consent and face templates, sightings by cameras of people and of strangers,
//! corrections, answers to be corrected, images with what is told of them, verdicts on rooms, cleanings, keys of
//! programs, and privileged acts; and, one by one or ten thousand at a time, what a hotel's systems know: rooms, guests,
//! bookings, prices, the calendar, services, and what models made of them; rules for prices, suggested prices, and what
//! people decided about them. Out come rows, as a list or as a stream, a
//! verdict on the audit log, fingerprints that change when a table does, and queues for other rooms: vectors of faces and
//! of images to index or remove, photos to remove, events to deliver. Vectors, names, departments, roles, guests' names and
//! addresses, events, kept answers, labels, predictions, what is told of images and rooms, and secrets are sealed in the
//! tables with the keys it is given, each for its own row; ids, room numbers, times, bookings, prices and what is said about
//! them, and the audit log are not. Whatever belongs together is written in one transaction: a sighting and its event, an enrolment and its consent, a
//! batch of bookings and its counts, a deletion and its proof. A commit is on the disk before the call returns.
//!
//! Rows of a hotel are reached through [`HotelStore`], which names the hotel in every statement. The room
//! touches the database it was given, a `SQLite` file or a `PostgreSQL` server, and the clock for the times at
//! which rows are written; all other times come from the caller. Times are stored as microseconds since 1970
//! UTC, days as days since then.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod api_keys;
mod attendance;
mod audit;
mod batch;
mod booking_row;
mod bookings;
mod bulk;
mod calendar;
mod changes;
mod cleanings;
mod clear;
mod copy;
mod copy_hotel;
mod correction;
mod engine;
mod enrolment;
mod error;
mod feedback;
mod guests;
mod hotel_rooms;
mod image_find;
mod image_list;
mod image_queues;
mod image_removal;
mod image_words;
mod images;
mod imports;
mod item_matches;
mod migrations;
mod money;
mod naming;
mod outbox;
mod page;
mod people;
mod postgres;
mod predictions;
mod price_overrides;
mod price_rules;
mod price_schedules;
mod price_words;
mod prices;
mod queues;
mod removal;
mod schema;
mod scope;
mod seal;
mod secrets;
mod service_uses;
mod sqlite;
mod staff;
mod store;
mod templates;
mod time;
mod unknown;
mod verdicts;
mod words;

pub use api_keys::{ApiKey, NewApiKey};
pub use attendance::{Attendance, Sighting, SightingOutcome};
pub use audit::{AuditBreak, AuditEntry, AuditFault, AuditHead, AuditSubject, AuditVerdict};
pub use bookings::{BookingFilter, BookingOrder, Change, PutBooking};
pub use bulk::{MAX_BATCH, Upserted};
pub use changes::{Fingerprint, HotelTable};
pub use cleanings::Cleaning;
pub use copy::CopyReport;
pub use correction::{Corrected, Correction, MAX_NEGATIVES, NewNegative, RowOutcome};
pub use enrolment::{EmployeeProfile, Enrolled, NewConsent, NewEnrolment, NewTemplate, Replaced};
pub use error::StoreError;
pub use feedback::{Forgotten, KeptAnswer, Label, Labelled, NewKeptAnswer, NewLabel};
pub use guests::{ForgottenGuest, GuestRecord};
pub use hotel_rooms::{CleaningTime, RoomState};
pub use image_find::NearImage;
pub use image_list::{ImageFilter, ImagePage};
pub use image_queues::{ImageVectorChange, ImageVectorTask, IndexedImage, Undescribed};
pub use image_removal::DeletedImage;
pub use image_words::{ImageCategory, ItemSide, MatchState, VerdictSource, WordError};
pub use images::{AddedImage, AddedReference, Image, ImageContent, ImagePhoto, ImageVector, NewImage};
pub use imports::{Import, NewImport};
pub use item_matches::{ItemMatch, MatchCandidate, MatchFilter, MatchPage, RecordedMatch};
pub use naming::{Named, NamedFace, Naming};
pub use outbox::{
    ATTENDANCE_CORRECTED, ATTENDANCE_RECORDED, BOOKING_CHANGED, BOOKINGS_IMPORTED, CONSENT_WITHDRAWN,
    FACE_DELETED, FACE_ENROLLED, FORECAST_MADE, GUEST_DELETED, IMAGE_DELETED, IMAGE_INDEXED,
    LOST_FOUND_MATCHED, OutboxEvent, PRICE_OVERRIDDEN, PRICE_RULES_CHANGED, PRICE_SCHEDULE_DECIDED,
    PRICE_SCHEDULE_MADE, PRICE_SCHEDULE_PUBLISHED, Pruned, ROOM_VERDICT,
};
pub use page::{Cursor, CursorError};
pub use people::{Employee, Template};
pub use postgres::PostgresSettings;
pub use predictions::Prediction;
pub use price_overrides::{Overridden, PriceOverride};
pub use price_rules::{NewPricingRule, PricingRule};
pub use price_schedules::{NewPriceSchedule, PriceSchedule, PriceSchedulePage, ScheduleChange};
pub use price_words::{PriceWordError, PublishTarget, ScheduleStatus};
pub use queues::{MediaTask, VectorChange, VectorTask};
pub use removal::{Deleted, Withdrawn};
pub use seal::SealCount;
pub use store::{HotelStore, Store};
pub use templates::KnownFace;
pub use time::local_day;
pub use unknown::{NewUnknown, UnknownFace, UnknownOutcome};
pub use verdicts::{CorrectedVerdict, RecordedVerdict, Verdict, VerdictPage};
pub use words::{Action, ActionError, Source, SourceError};
