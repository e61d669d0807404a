//! The store through its public face, on real files. One binary, because each links the engine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod api_keys;
mod attendance;
mod audit;
mod copy;
mod correction;
mod deletion;
mod durability;
mod enrolment;
mod isolation;
mod queues;
mod sealing;
mod unknown;

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use innkeeper_core::{EmployeeId, HotelId, ModelRef};
use innkeeper_sealing::KeyRing;
use innkeeper_store::{
    EmployeeProfile, HotelStore, NewConsent, NewEnrolment, NewNegative, NewTemplate, NewUnknown, Sighting,
    Store,
};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use tempfile::TempDir;
use uuid::Uuid;

/// A store in a folder of its own, which goes when the test ends.
struct House {
    folder: TempDir,
    keys: KeyRing,
    store: Store,
}

impl House {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let keys = KeyRing::ephemeral().expect("a key");
        let store =
            Store::open(&folder.path().join("innkeeper.db"), keys.clone()).await.expect("a new database");
        Self { folder, keys, store }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("innkeeper.db")
    }

    fn hotel(&self) -> HotelStore {
        self.store.hotel(&hotel("default"))
    }

    /// A connection past the store, as an intruder or an operator would have it.
    async fn raw(&self) -> SqliteConnection {
        SqliteConnectOptions::new().filename(self.path()).connect().await.expect("the file opens")
    }

    /// Rows of a table, over all hotels.
    async fn rows(&self, count: &'static str) -> i64 {
        sqlx::query_scalar(count).fetch_one(&mut self.raw().await).await.expect("a count")
    }
}

fn hotel(id: &str) -> HotelId {
    id.parse().expect("a hotel")
}

/// The same, where a variable is called `hotel`.
fn hotel_of(id: &str) -> HotelId {
    hotel(id)
}

fn person(id: &str) -> EmployeeId {
    id.parse().expect("an employee")
}

fn model(name: &str) -> ModelRef {
    ModelRef::new(name, "1").expect("a model")
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

fn noon() -> DateTime<Utc> {
    at("2025-01-17T12:00:00Z")
}

/// The photo's number names its hash and its key.
fn template(photo: u32, quality: f32) -> NewTemplate {
    NewTemplate {
        id: Uuid::now_v7(),
        model: model("face"),
        vector: vec![photo as f32, -0.25, f32::MIN_POSITIVE, 1.0],
        quality,
        photo_key: Some(format!("photo-{photo}")),
        photo_sha256: format!("{photo:064x}"),
    }
}

fn enrolment(id: &str, templates: Vec<NewTemplate>) -> NewEnrolment {
    NewEnrolment {
        employee: EmployeeProfile {
            id: person(id),
            name: Some(format!("Name of {id}")),
            department: None,
            role: None,
        },
        consent: NewConsent {
            given_at: at("2025-01-01T09:00:00Z"),
            policy_version: "2025-01".to_owned(),
            recorded_by: "manager".to_owned(),
        },
        templates,
        max_templates: 8,
        actor: "manager".to_owned(),
        at: noon(),
    }
}

fn sighting(id: &str, camera: Option<&str>, seen_at: DateTime<Utc>) -> Sighting {
    let day = innkeeper_store::local_day(seen_at, chrono_tz::Tz::UTC);
    Sighting {
        employee_id: person(id),
        camera_id: camera.map(|c| c.parse().expect("a camera")),
        seen_at,
        confidence: 0.98,
        score: 0.61,
        is_alive: Some(true),
        liveness_reason: None,
        model: model("face"),
        action: None,
        window: Duration::from_mins(1),
        day_start: day.start,
        day_end: day.end,
    }
}

/// As [`template`]; each in a group of its own at one camera, to be forgotten after a day.
fn unknown_face(photo: u32, seen_at: DateTime<Utc>) -> NewUnknown {
    NewUnknown {
        id: Uuid::now_v7(),
        group_id: Uuid::now_v7(),
        model: model("face"),
        vector: vec![photo as f32, 0.75],
        quality: 0.5,
        camera: Some("lobby".parse().expect("a camera")),
        seen_at,
        is_alive: Some(true),
        liveness_reason: None,
        photo_key: Some(format!("photo-{photo}")),
        photo_sha256: format!("{photo:064x}"),
        expires_at: seen_at + TimeDelta::days(1),
    }
}

fn seconds(n: i64) -> TimeDelta {
    TimeDelta::seconds(n)
}
