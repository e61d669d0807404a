//! The store through its public face, on real files and a real server: one suite, once for each engine, and
//! what only one of them promises. One binary, because each links the engines.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]
// The suite is compiled for each engine.
#![allow(clippy::duplicate_mod)]

mod postgres;
mod schema;
mod sqlite;

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use innkeeper_core::{EmployeeId, HotelId, ModelRef};
use innkeeper_sealing::KeyRing;
use innkeeper_store::{
    Correction, EmployeeProfile, HotelStore, NewApiKey, NewConsent, NewEnrolment, NewKeptAnswer, NewLabel,
    NewNegative, NewTemplate, NewUnknown, Sighting, Store, StoreError,
};
use serde_json::json;
use uuid::Uuid;

/// Where a store can live: a file or a database of its own, which goes when the test ends.
trait Location: Sized {
    async fn new() -> Self;
    /// What [`Self::open`] needs, also in another process.
    fn name(&self) -> String;
    /// The folder of the keys, which outlives the process.
    fn folder(name: &str) -> &Path;
    /// The keys as an installation has them: in a file.
    fn keys(name: &str) -> KeyRing {
        KeyRing::open(None, Self::folder(name)).expect("keys")
    }
    /// As if the keys had been changed long ago.
    fn settle(name: &str) {
        let file = Self::folder(name).join("secrets/data.key");
        let file = std::fs::File::options().write(true).open(file).expect("the key file");
        file.set_modified(std::time::SystemTime::now() - KeyRing::SETTLING).expect("backdated");
    }
    async fn open_with(name: &str, keys: KeyRing) -> Result<Store, StoreError>;
    async fn open(name: &str) -> Result<Store, StoreError> {
        Self::open_with(name, Self::keys(name)).await
    }
}

/// A store in a place of its own.
struct Dwelling<P> {
    store: Store,
    keys: KeyRing,
    place: P,
}

impl<P: Location> Dwelling<P> {
    async fn new() -> Self {
        let place = P::new().await;
        let keys = P::keys(&place.name());
        let store = P::open_with(&place.name(), keys.clone()).await.expect("a new database");
        Self { store, keys, place }
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

/// The vectors that are kept as not this person.
async fn not_them(hotel: &HotelStore, id: &EmployeeId, face: &ModelRef) -> Vec<Vec<f32>> {
    let known = hotel.known_faces(std::slice::from_ref(id), face).await.expect("a read");
    known.into_values().next().unwrap_or_default().negatives
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

fn negative(n: usize) -> NewNegative {
    NewNegative {
        id: Uuid::now_v7(),
        employee: person("EMP001"),
        model: model("face"),
        vector: vec![n as f32, 0.5],
        shows: None,
    }
}

/// The row of an attendance that told of the wrong person.
fn row(attendance_id: Uuid) -> Correction {
    Correction { attendance_id, window: Duration::from_mins(1), zone: chrono_tz::Tz::UTC }
}

fn api_key(id: &str) -> NewApiKey {
    NewApiKey {
        id: id.to_owned(),
        subject: "lobby-camera".to_owned(),
        role: "camera".to_owned(),
        permissions: Some(vec!["cv:recognize".to_owned()]),
        expires_at: Some(noon() + seconds(3600)),
        created_by: "manager".to_owned(),
        created_at: noon(),
    }
}

/// An invoice that was read, to be forgotten after a day.
fn kept_answer(id: Uuid, created_at: DateTime<Utc>) -> NewKeptAnswer {
    NewKeptAnswer {
        id,
        model: "ocr-fields".to_owned(),
        content: json!({ "pages": ["Vendor of the receipt"], "invoice": { "total_amount": 12.5 } }),
        created_by: "manager".to_owned(),
        created_at,
        expires_at: created_at + TimeDelta::days(1),
    }
}

fn correction_of(answer_id: Uuid, correction: serde_json::Value) -> NewLabel {
    let fields = correction.as_object().expect("an object").keys().cloned().collect();
    NewLabel { answer_id, correction, fields, actor: "clerk".to_owned(), at: noon() }
}

/// Something in every table, for two hotels.
async fn furnish(store: &Store) {
    for (name, n) in [("north", 0), ("south", 100)] {
        let hotel = store.hotel(&hotel(name));
        for id in 0..3 {
            let id_text = format!("EMP{id:03}");
            hotel.enrol(enrolment(&id_text, vec![template(n + id, 0.5)])).await.expect("enrolled");
            hotel.record_sighting(sighting(&id_text, Some("lobby"), noon())).await.expect("seen");
        }
        hotel.record_unknown(unknown_face(n + 7, noon()), Duration::ZERO).await.expect("kept");
        let negative = NewNegative { shows: Some(person("EMP000")), ..negative(n as usize) };
        hotel.correct(negative, None, "manager", noon()).await.expect("kept");
        hotel.delete_person(&person("EMP002"), "manager", noon()).await.expect("done").expect("there");
        hotel.add_api_key(api_key(&format!("key-{n}")), &"a".repeat(64)).await.expect("kept");
        let answer = Uuid::from_u128(u128::from(n) + 1);
        hotel.keep_answer(kept_answer(answer, noon())).await.expect("kept");
        hotel.label(correction_of(answer, json!({ "total_amount": 1 }))).await.expect("done").expect("there");
    }
}

fn seconds(n: i64) -> TimeDelta {
    TimeDelta::seconds(n)
}
