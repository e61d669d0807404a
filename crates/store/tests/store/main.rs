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
use innkeeper_core::{EmployeeId, HotelId, ModelRef, RoomNumber};
use innkeeper_hotel::{
    Booking, BookingStatus, Closure, CompetitorPrice, Event, Guest, Money, Rate, Room, RoomTypeName,
    ServiceUse, Stay,
};
use innkeeper_sealing::KeyRing;
use innkeeper_store::{
    Cleaning, Correction, EmployeeProfile, HotelStore, ImageCategory, ImageContent, ImagePhoto, ImageVector,
    ItemSide, MatchCandidate, NewApiKey, NewConsent, NewEnrolment, NewImage, NewImport, NewKeptAnswer,
    NewLabel, NewNegative, NewPriceSchedule, NewPricingRule, NewTemplate, NewUnknown, Prediction,
    PriceOverride, Sighting, Store, StoreError, Verdict, VerdictSource,
};
use rust_decimal::Decimal;
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

fn room(number: &str) -> RoomNumber {
    number.parse().expect("a room")
}

/// A picture of a room; its number names its hash, its keys and its vector.
fn picture(n: u32) -> NewImage {
    NewImage {
        id: Uuid::now_v7(),
        category: ImageCategory::Room,
        room_number: Some(room("201")),
        side: None,
        uploaded_at: noon() + seconds(i64::from(n)),
        taken_at: None,
        created_by: "housekeeper".to_owned(),
        content: ImageContent { tags: vec!["Bed_Made".to_owned()], ..ImageContent::default() },
        photo: Some(ImagePhoto {
            photo_key: format!("image-{n}"),
            thumbnail_key: Some(format!("thumbnail-{n}")),
            sha256: format!("{n:064x}"),
            hash: u64::from(n) << 48 | 0xabcd,
        }),
        vector: Some(ImageVector { model: model("lite"), vector: vec![n as f32, 0.5, -1.0] }),
    }
}

/// A thing that was found, or lost.
fn item(n: u32, side: ItemSide) -> NewImage {
    let content = ImageContent {
        tags: vec!["umbrella".to_owned()],
        description: Some("A black umbrella with a wooden handle".to_owned()),
        contact: Some("guest of 201".to_owned()),
        ..ImageContent::default()
    };
    NewImage { category: ImageCategory::LostFound, side: Some(side), content, ..picture(n) }
}

/// A report of loss without a picture.
fn report(n: u32) -> NewImage {
    NewImage { photo: None, vector: None, ..item(n, ItemSide::Lost) }
}

fn candidate(other: Uuid) -> MatchCandidate {
    MatchCandidate { other, similarity: Some(0.875), reasons: vec!["same handle of wood".to_owned()] }
}

fn verdict(status: &str, created_at: DateTime<Utc>) -> Verdict {
    Verdict {
        id: Uuid::now_v7(),
        room_number: room("201"),
        room_type: Some("deluxe".to_owned()),
        status: status.to_owned(),
        ready: status == "clean",
        source: VerdictSource::Analysis,
        answer_id: None,
        models: vec!["lite@1".to_owned()],
        content: json!({ "tags": ["bed_unmade"], "reasons": ["the bed of the photo is unmade"] }),
        created_by: "housekeeper".to_owned(),
        created_at,
    }
}

fn cleaning(number: &str, started_at: DateTime<Utc>, minutes: i64) -> Cleaning {
    Cleaning {
        id: Uuid::now_v7(),
        room_number: room(number),
        room_type: None,
        started_at,
        finished_at: started_at + TimeDelta::minutes(minutes),
        tags: Some(vec!["towels on the floor".to_owned()]),
        recorded_by: "housekeeper".to_owned(),
    }
}

fn date(text: &str) -> chrono::NaiveDate {
    text.parse().expect("a day")
}

/// A booking of early 2025; each number another one.
fn booking(n: u32) -> Booking {
    let stay =
        Stay { arrival: date("2025-01-20") + chrono::Days::new(u64::from(n % 60)), nights: (n % 5) as u16 };
    Booking {
        status: if n % 4 == 1 { BookingStatus::Cancelled } else { BookingStatus::Completed },
        status_on: Some(stay.arrival),
        rate: Some(Decimal::new(i64::from(n) * 125 + 1, 2)),
        currency: Some("EUR".parse().expect("a currency")),
        guest: n.is_multiple_of(3).then(|| format!("GUEST{n:03}").parse().expect("a guest")),
        segment: Some("Online TA".to_owned()),
        repeated_guest: Some(n.is_multiple_of(2)),
        changes: Some(n % 4),
        ..Booking::confirmed(
            format!("B{n:05}").parse().expect("an id"),
            stay.arrival - chrono::Days::new(u64::from(n % 17)),
            stay,
            "deluxe".parse().expect("a type"),
        )
    }
}

fn service_use(n: u32) -> ServiceUse {
    ServiceUse {
        booking: booking(n).id,
        guest: None,
        service: "massage".to_owned(),
        used_on: booking(n).stay.arrival,
        quantity: 1,
        amount: Some(euros(49)),
    }
}

fn euros(amount: i64) -> Money {
    Money { amount: Decimal::from(amount), currency: "EUR".parse().expect("a currency") }
}

fn guest_of_the_house() -> Guest {
    Guest {
        id: "GUEST001".parse().expect("a guest"),
        name: Some("Name of the guest".to_owned()),
        email: None,
        phone: Some("+84 123".to_owned()),
        segment: None,
        country: None,
    }
}

/// Suggested prices of two nights; not decided.
fn price_schedule(created_at: DateTime<Utc>) -> NewPriceSchedule {
    NewPriceSchedule {
        id: Uuid::now_v7(),
        as_of: date("2025-01-17"),
        first_night: date("2025-02-01"),
        last_night: date("2025-02-02"),
        room_types: vec!["deluxe".parse().expect("a type"), "suite, \"royal\"".parse().expect("a type")],
        content: br#"{"cells":[{"suggested_price":1500000}]}"#.to_vec(),
        created_by: "manager".to_owned(),
        created_at,
    }
}

/// Another price for the first of them.
fn price_override(schedule: Uuid, amount: i64, created_at: DateTime<Utc>) -> PriceOverride {
    PriceOverride {
        id: Uuid::now_v7(),
        schedule,
        night: date("2025-02-01"),
        room_type: "deluxe".parse().expect("a type"),
        suggested: Some(Decimal::from(120)),
        price: euros(amount),
        note: "a wedding next door".to_owned(),
        created_by: "manager".to_owned(),
        created_at,
    }
}

fn pricing_rule(id: &str, price: i64) -> NewPricingRule {
    NewPricingRule { id: id.to_owned(), content: json!({ "id": id, "kind": "floor", "price": price }) }
}

/// Something in each of the tables that batches fill, and in those beside them.
async fn furnish_tables(hotel: &HotelStore) {
    let (night, day) = (date("2025-02-01"), date("2025-01-01"));
    let import = NewImport {
        id: Uuid::now_v7(),
        kind: "bookings".to_owned(),
        file_name: None,
        file_sha256: None,
        started_by: "manager".to_owned(),
        started_at: noon(),
    };
    hotel.begin_import(&import).await.expect("begun");
    hotel.upsert_bookings(&[booking(1), booking(2)], Some(import.id), noon()).await.expect("written");
    hotel.upsert_guests(&[guest_of_the_house()], None, noon()).await.expect("written");
    let room_type: RoomTypeName = "deluxe".parse().expect("a type");
    let new = Room { number: room("201"), room_type: room_type.clone(), floor: Some(2) };
    hotel.upsert_rooms(&[new], None, noon()).await.expect("written");
    let rate = Rate { night, room_type, set_on: day, price: euros(120) };
    hotel.upsert_rates(&[rate], None, noon()).await.expect("written");
    let seen = CompetitorPrice {
        competitor: "Grand".to_owned(),
        night,
        room_type: None,
        seen_on: day,
        price: euros(99),
    };
    hotel.upsert_competitor_prices(&[seen], None, noon()).await.expect("written");
    let event =
        Event { name: "Fair".to_owned(), from: night, until: night, kind: "fair".to_owned(), known_on: None };
    hotel.upsert_events(&[event], None, noon()).await.expect("written");
    hotel
        .upsert_closures(&[Closure { from: night, until: night, room_type: None }], None, noon())
        .await
        .expect("written");
    hotel.upsert_service_uses(&[service_use(1)], None, noon()).await.expect("written");
    let said = Prediction {
        id: Uuid::now_v7(),
        model_name: "forecast".to_owned(),
        model_version: "1".to_owned(),
        prediction_type: "forecast".to_owned(),
        guest: None,
        input: json!({ "horizon": 28 }),
        output: json!({ "predicted_occupancy": 0.5 }),
        confidence: None,
        as_of: Some(day),
        created_at: noon(),
    };
    hotel.insert_predictions(&[said]).await.expect("written");
    hotel
        .replace_pricing_rules(&[], &[pricing_rule("weekend", 900_000)], "manager", noon())
        .await
        .expect("written")
        .expect("there were none");
    let suggested = price_schedule(noon());
    hotel.record_price_schedule(&suggested, &json!({ "schedule_id": suggested.id })).await.expect("written");
    hotel.override_price(&price_override(suggested.id, 130, noon())).await.expect("written").expect("there");
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
        let (gone, found) = (picture(n), item(n + 1, ItemSide::Found));
        let lost = candidate(found.id);
        hotel.add_images(&[gone.clone(), found]).await.expect("kept");
        hotel.delete_image(gone.id, "manager", noon()).await.expect("done").expect("there");
        let told = hotel.add_image(item(n + 2, ItemSide::Lost), &[lost]).await.expect("kept");
        assert_eq!(told.matches.len(), 1);
        hotel.record_verdict(verdict("dirty", noon()), None).await.expect("written");
        hotel.record_cleanings(&[cleaning("201", noon(), 25)], noon()).await.expect("written");
        furnish_tables(&hotel).await;
    }
}

fn seconds(n: i64) -> TimeDelta {
    TimeDelta::seconds(n)
}
