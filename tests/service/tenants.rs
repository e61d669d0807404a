//! Two hotels on one server: whatever one of them asks, it learns nothing of the other, and changes nothing there.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::hostile::check_unharmed;
use crate::matrix::{Operation, operations};
use crate::pictures::{BIDEN, OBAMA, photo};
use crate::rooms::photographs;
use crate::scenes::drawn;
use crate::server::{Answer, ENROL, House, RECOGNISE, Server, enrolment, tables};

const EMPLOYEE: &str = "EMP-OF-H1";
const NAME: &str = "Grace Of The First House";
const ROOM: &str = "201";

/// What must not be seen from elsewhere: the name, and every id that an answer gave.
#[derive(Default)]
struct Secrets {
    ids: BTreeSet<String>,
}

impl Secrets {
    /// Takes the ids out of an answer.
    fn learn(&mut self, value: &Value) {
        match value {
            Value::String(text) if text.len() == 36 && text.matches('-').count() == 4 => {
                self.ids.insert(text.clone());
            }
            Value::Array(all) => all.iter().for_each(|v| self.learn(v)),
            Value::Object(all) => all.values().for_each(|v| self.learn(v)),
            _ => {}
        }
    }

    #[track_caller]
    fn check_kept(&self, answer: &Answer, asked: &str, what: &str) {
        let text = answer.text();
        assert!(!text.contains(NAME), "{what} tells the name: {text}");
        for id in self.ids.iter().filter(|id| !asked.contains(*id)) {
            assert!(!text.contains(id), "{what} tells {id}: {text}");
        }
    }
}

/// A house of two hotels, in which nothing is refused for being too much.
fn house() -> House {
    let house = House::new("default").with("rate_limits.enabled", false);
    house.with("inference.deadline_ms", 600_000).with("images.deadline_ms", 600_000)
}

/// What the first hotel knows of its rooms and things.
struct Belongings {
    picture: String,
    /// Where there are photographs of rooms.
    answer: Option<String>,
    reference: Option<String>,
}

/// Pictures, things that are found and missed, a room with its verdict, reference photo and cleaning.
fn belongings(server: &Server<'_>, secrets: &mut Secrets) -> Belongings {
    let ours = server.manager();
    let room = json!({"category": "room", "room_number": ROOM, "description": NAME});
    let kept = crate::images::keep(&ours, &drawn(1), &room).json(201);
    secrets.learn(&kept);
    let found = json!({"category": "lost_found", "kind": "umbrella", "colour": "blue"});
    secrets.learn(&crate::images::keep(&ours, &drawn(2), &found).json(201));
    let missed = json!({"kind": "umbrella", "colour": "blue", "description": NAME});
    let missed = ours.post_json("/api/v1/cv/lost-found/reports", &missed).json(201);
    assert_eq!(missed["matches"].as_array().map(Vec::len), Some(1), "{missed}");
    secrets.learn(&missed);
    let cleaning = json!({"started_at": "2025-01-17T10:05:00Z", "finished_at": "2025-01-17T10:32:00Z"});
    let path = format!("/api/v1/cv/room/{ROOM}");
    secrets.learn(&ours.post_json(&format!("{path}/cleaning"), &cleaning).json(200));
    let (mut answer, mut reference) = (None, None);
    if let Some(photo) = photographs("messy", "clean").into_iter().next() {
        let body = json!({"room_number": ROOM, "image": STANDARD.encode(&photo), "save": true});
        let judged = ours.post_json("/api/v1/cv/room/analyze", &body).json(200);
        secrets.learn(&judged);
        answer = judged["answer_id"].as_str().map(str::to_owned);
        let kept = ours.post(&format!("{path}/reference"), "image/jpeg", photo).json(201);
        secrets.learn(&kept);
        let id = kept["reference_id"].as_str().expect("an id");
        reference = Some(id.to_owned());
    }
    secrets.learn(&ours.get(&path).json(200));
    Belongings { picture: kept["image_id"].as_str().expect("an id").to_owned(), answer, reference }
}

/// What the first hotel sees of its things; addresses differ from one answer to the next.
fn seen_by_ours(server: &Server<'_>, picture: &str) -> Value {
    fn without_addresses(value: &mut Value) {
        match value {
            Value::Array(all) => all.iter_mut().for_each(without_addresses),
            Value::Object(all) => {
                for name in ["url", "thumbnail_url", "expires_at"] {
                    all.remove(name);
                }
                all.values_mut().for_each(without_addresses);
            }
            _ => {}
        }
    }
    let ours = server.manager();
    let paths = [
        format!("/api/v1/cv/image/{picture}"),
        "/api/v1/cv/lost-found/matches".to_owned(),
        format!("/api/v1/cv/room/{ROOM}"),
        format!("/api/v1/cv/room/{ROOM}/reference"),
    ];
    let mut seen = Value::Array(paths.iter().map(|path| ours.get(path).json(200)).collect());
    without_addresses(&mut seen);
    seen
}

/// Somebody in the first hotel, enrolled and seen; what its answers gave.
fn somebody(server: &Server<'_>) -> Secrets {
    let mut secrets = Secrets::default();
    let mut body = enrolment(EMPLOYEE, &[&photo(OBAMA[0])]);
    body["metadata"]["name"] = json!(NAME);
    secrets.learn(&server.manager().post_json(ENROL, &body).json(201));
    let seen = server.camera().recognise(&photo(OBAMA[1])).json(200);
    assert_eq!(seen["employee_id"], EMPLOYEE);
    secrets.learn(&seen);
    // A face that is nobody's is a secret too.
    secrets.learn(&server.camera().recognise(&photo(BIDEN)).json(200));
    secrets.learn(&server.manager().embedding(EMPLOYEE).json(200));
    assert!(secrets.ids.len() >= 4, "{:?}", secrets.ids);
    secrets
}

#[test]
fn no_operation_shows_or_changes_what_belongs_to_another_hotel() {
    let house = house();
    let server = house.serve();
    let openapi = server.anyone().get("/openapi.json").json(200);
    let all: Vec<Operation> = operations(&openapi).into_iter().filter(|o| !o.needs.is_empty()).collect();
    let mut secrets = somebody(&server);
    let belongings = belongings(&server, &mut secrets);
    // Lists of the first hotel give more ids.
    let ours = server.role("admin", "h1");
    for operation in all.iter().filter(|o| o.method == "GET" && o.parameters.is_empty()) {
        let answer = operation.ask(&ours, &operation.path, None);
        if let Ok(list) = serde_json::from_slice(&answer.body) {
            secrets.learn(&list);
        }
    }
    let before = server.manager().embedding(EMPLOYEE).json(200);
    let things = seen_by_ours(&server, &belongings.picture);
    let receipt = concat!(env!("CARGO_MANIFEST_DIR"), "/../demo/receipt.jpg");
    let receipt = std::fs::read(receipt).expect(receipt);
    let invoice = server.manager().post("/api/v1/cv/ocr/invoice", "image/jpeg", receipt).json(200);
    secrets.learn(&invoice["answer_id"]);

    // Whoever is all-powerful in the second hotel asks for all of it.
    let theirs = server.role("admin", "h2");
    let mut known = Map::new();
    known.insert("employee_id".to_owned(), json!(EMPLOYEE));
    known.insert("answer_id".to_owned(), invoice["answer_id"].clone());
    known.insert("correction".to_owned(), json!({"total_amount": 1}));
    known.insert("image_id".to_owned(), json!(belongings.picture));
    for picture in ["image", "frame"] {
        known.insert(picture.to_owned(), json!(STANDARD.encode(photo(OBAMA[2]))));
    }
    let mut asked = 0;
    for operation in all.iter().filter(|o| !o.path.ends_with("/enroll")) {
        let takes_id = operation.parameters.iter().any(|p| p != "employee_id" && p != "room_number");
        let ids: Vec<&str> =
            if takes_id { secrets.ids.iter().map(String::as_str).collect() } else { vec![""] };
        for id in ids {
            let value = |p: &str| match p {
                "employee_id" => EMPLOYEE.to_owned(),
                "room_number" => ROOM.to_owned(),
                _ => id.to_owned(),
            };
            let path = operation.filled(value);
            let answer = operation.ask(&theirs, &path, operation.body(&openapi, &known).as_ref());
            let what = format!("{} on {path}: {}", operation.name(), answer.status);
            assert!(answer.status < 500, "{what} {}", answer.text());
            // A number is a room of every hotel; of one that nobody photographed all is empty.
            let names_a_room =
                operation.path.contains("{room_number}") && !operation.path.contains("reference_id");
            if !operation.parameters.is_empty() && !names_a_room {
                assert!((400..500).contains(&answer.status), "{what} {}", answer.text());
            }
            secrets.check_kept(&answer, &path, &what);
            asked += 1;
        }
    }
    assert!(asked >= 3, "nothing was asked");
    for open in ["/metrics", "/api/v1/cv/metrics", "/api/v1/cv/health", "/health/ready"] {
        let answer = server.anyone().get(open);
        secrets.check_kept(&answer, open, open);
        assert!(!answer.text().contains(EMPLOYEE), "{open} names people");
    }
    // The face is nobody there, and no score says how near it came.
    let seen = theirs.recognise(&photo(OBAMA[0])).json(200);
    assert_eq!((&seen["employee_id"], &seen["reason"]), (&Value::Null, &json!("nobody_enrolled")));
    assert!(seen["score"].is_null() && seen["second_best_score"].is_null(), "{seen}");

    // Rooms have the same numbers everywhere.
    let room = theirs.get(&format!("/api/v1/cv/room/{ROOM}"));
    secrets.check_kept(&room, ROOM, "the room of this number");
    for body in [
        json!({"image_id": belongings.picture, "threshold": 0}),
        json!({"query_image": STANDARD.encode(drawn(1)), "threshold": 0}),
        json!({"query_text": "umbrella", "match": "tags"}),
        json!({"room_number": ROOM}),
    ] {
        let answer = theirs.post_json("/api/v1/cv/image/search", &body);
        secrets.check_kept(&answer, &body.to_string(), &format!("a search by {body}"));
    }
    if let Some(reference) = &belongings.reference {
        let path = format!("/api/v1/cv/room/{ROOM}/reference/{reference}");
        theirs.delete(&path).problem(404, "reference_not_found");
    }
    if let Some(answer) = &belongings.answer {
        let told = json!({"answer_id": answer, "correction": {"status": "maintenance"}});
        theirs.post_json("/api/v1/feedback", &told).problem(404, "answer_not_found");
    }
    assert_eq!(seen_by_ours(&server, &belongings.picture), things, "something was changed");

    let told = json!({"answer_id": invoice["answer_id"], "correction": {"total_amount": 1}});
    theirs.post_json("/api/v1/feedback", &told).problem(404, "answer_not_found");
    assert_eq!(server.manager().post_json("/api/v1/feedback", &told).json(200)["replaced"], false);
    assert_eq!(server.manager().embedding(EMPLOYEE).json(200), before, "something was changed");
    assert_eq!(server.camera().recognise(&photo(OBAMA[1])).json(200)["employee_id"], EMPLOYEE);
    check_unharmed(&server);
}

#[test]
fn the_same_id_in_two_hotels_is_two_people() {
    let house = house();
    let server = house.serve();
    let secrets = somebody(&server);
    let (ours, theirs) = (server.role("admin", "h1"), server.role("admin", "h2"));
    // Also when it is the same face.
    for face in [BIDEN, OBAMA[0]] {
        let answer = theirs.enrol(EMPLOYEE, &[&photo(face)]);
        secrets.check_kept(&answer, "", "an enrolment");
        answer.json(201);
        secrets.check_kept(&theirs.embedding(EMPLOYEE), "", "a look at it");
        let (here, there) = (ours.embedding(EMPLOYEE).json(200), theirs.embedding(EMPLOYEE).json(200));
        assert_eq!(
            (here["name"].as_str(), there["templates"].as_array().map(Vec::len)),
            (Some(NAME), Some(1))
        );
        assert_ne!(here["templates"][0]["template_id"], there["templates"][0]["template_id"]);
        let picture = if face == BIDEN { photo(BIDEN) } else { photo(OBAMA[1]) };
        let at = format!("{RECOGNISE}?camera_id=lobby&timestamp=2025-01-17T08:30:00Z");
        let seen = theirs.post(&at, "image/jpeg", picture.clone());
        secrets.check_kept(&seen, "", "a sighting");
        let (there, here) = (seen.json(200), ours.post(&at, "image/jpeg", picture).json(200));
        assert_eq!(there["employee_id"], EMPLOYEE);
        assert_ne!(here["attendance"]["id"], there["attendance"]["id"], "one row for two hotels");
        if face == BIDEN {
            assert_eq!(here["employee_id"], Value::Null, "{here}");
        }
        let gone = theirs.forget(EMPLOYEE).json(200);
        assert_eq!((&gone["templates"], &gone["attendance_rows"]), (&json!(1), &json!(1)), "{gone}");
        assert_eq!(ours.recognise(&photo(OBAMA[1])).json(200)["employee_id"], EMPLOYEE);
    }
    theirs.forget(EMPLOYEE).problem(404, "employee_not_enrolled");
    check_unharmed(&server);
}

#[test]
fn the_log_of_a_hotel_and_its_events_are_its_own() {
    let house = house();
    let server = house.serve();
    let secrets = somebody(&server);
    let theirs = server.role("manager", "h2");
    theirs.enrol(EMPLOYEE, &[&photo(BIDEN)]).json(201);
    theirs.forget(EMPLOYEE).json(200);
    theirs.embedding(EMPLOYEE).problem(404, "employee_not_enrolled");
    server.stop();
    tables(&house, async |store| {
        assert!(store.verify_audit().await.expect("the log is read").is_intact());
        for (hotel, subjects) in [("h1", ["manager-1", "camera-1"]), ("h2", ["manager-1", "manager-1"])] {
            let entries = store.hotel(&hotel.parse().expect("a hotel")).audit_entries(0, 1000).await;
            let entries = entries.expect("the log is read");
            assert!(entries.len() >= 2, "{hotel}: {entries:?}");
            for entry in &entries {
                assert!(subjects.contains(&&*entry.actor), "{hotel}: {entry:?}");
                let text = format!("{entry:?}");
                assert!(!text.contains(NAME), "{text}");
                assert!(hotel == "h1" || secrets.ids.iter().all(|id| !text.contains(id)), "{text}");
            }
        }
        let events = store.outbox_pending(1000).await.expect("the events are read");
        let of = |hotel: &str| events.iter().filter(|e| e.hotel.as_str() == hotel).collect::<Vec<_>>();
        // Enrolled and seen here; there only the deletion is left to tell.
        assert!(of("h1").len() >= 2 && !of("h2").is_empty(), "{events:?}");
        assert_eq!(of("h1").len() + of("h2").len(), events.len(), "an event belongs to no hotel");
        for event in of("h2") {
            let text = event.payload.to_string();
            assert!(secrets.ids.iter().all(|id| !text.contains(id)) && !text.contains(NAME), "{text}");
        }
    });
}
