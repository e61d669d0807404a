//! The store through its public face, on real files and a real server: one suite, once for each engine, and
//! what only one of them promises. One binary, because each links the engines.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]
// The suite is compiled for each engine.
#![allow(clippy::duplicate_mod)]

mod postgres;
mod sqlite;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use innkeeper_core::{EmployeeId, HotelId, ModelRef};
use innkeeper_store::{
    EmployeeProfile, HotelStore, NewConsent, NewEnrolment, NewTemplate, Sighting, Store, StoreError,
};
use uuid::Uuid;

/// Where a store can live: a file or a database of its own, which goes when the test ends.
trait Location: Sized {
    async fn new() -> Self;
    /// What [`Self::open`] needs, also in another process.
    fn name(&self) -> String;
    async fn open(name: &str) -> Result<Store, StoreError>;
}

/// A store in a place of its own.
struct Dwelling<P> {
    store: Store,
    place: P,
}

impl<P: Location> Dwelling<P> {
    async fn new() -> Self {
        let place = P::new().await;
        let store = P::open(&place.name()).await.expect("a new database");
        Self { store, place }
    }

    /// The same database once more, as another process would open it.
    async fn again(&self) -> Result<Store, StoreError> {
        P::open(&self.place.name()).await
    }

    fn hotel(&self) -> HotelStore {
        self.store.hotel(&hotel("default"))
    }
}

fn hotel(id: &str) -> HotelId {
    id.parse().expect("a hotel")
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

fn seconds(n: i64) -> TimeDelta {
    TimeDelta::seconds(n)
}
