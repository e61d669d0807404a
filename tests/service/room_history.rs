//! How a room stands over time: photos that come late, corrections of old answers, cleanings that are told twice, photos
//! that are kept.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::rooms::{ANALYZE, FEEDBACK, analyze, house, photographs};
use crate::server::{Caller, tables};

const ROOM: &str = "/api/v1/cv/room/201";

fn correct(staff: &Caller<'_>, answer: &Value, correction: &Value) -> Value {
    let body = json!({"answer_id": answer["answer_id"], "correction": correction});
    staff.post_json(FEEDBACK, &body).json(200)
}

#[test]
fn photos_that_waited_in_a_phone_do_not_undo_what_was_seen_later() {
    let (messy, clean) = (photographs("messy", "messy"), photographs("messy", "clean"));
    let (Some(messy), Some(clean)) = (messy.first(), clean.first()) else { return };
    let house = house();
    let server = house.serve();
    let staff = server.role("staff", "h1");
    let now = analyze(&staff, "201", &[messy]).json(200);
    assert_eq!((&now["current"], now["event_id"].is_string()), (&json!(true), true), "{now}");
    let before = (Utc::now() - TimeDelta::hours(2)).to_rfc3339_opts(SecondsFormat::Secs, true);
    let path = format!("{ANALYZE}?room_number=201&taken_at={before}");
    let late = staff.post(&path, "image/jpeg", clean.clone()).json(200);
    assert_eq!((&late["current"], &late["event_id"]), (&json!(false), &Value::Null), "{late}");
    assert!(late["reasons"].to_string().contains("older than the last verdict"), "{late}");
    let room = staff.get(ROOM).json(200);
    assert_eq!(room["verdict"]["verdict_id"], now["answer_id"], "{room}");
    assert_eq!((&room["status"], &room["ready_for_guest"]), (&now["status"], &json!(false)));
    assert_eq!(room["history"][0]["verdict_id"], late["answer_id"]);
    assert_eq!(room["history"][0]["at"], json!(before));
    server.stop();
    tables(&house, async |store| {
        let events = store.outbox_pending(100).await.expect("the events");
        assert_eq!(events.iter().filter(|e| e.topic == "room.verdict").count(), 1);
    });
}

#[test]
fn a_correction_of_an_answer_before_the_last_is_learnt_and_changes_no_room() {
    let photos = photographs("messy", "messy");
    let (Some(first), Some(second)) = (photos.first(), photos.get(1)) else { return };
    let house = house();
    let server = house.serve();
    let staff = server.role("staff", "h1");
    let old = analyze(&staff, "201", &[first]).json(200);
    let last = analyze(&staff, "201", &[second]).json(200);
    let told = correct(&staff, &old, &json!({"status": "clean", "tags": {"messy": false}}));
    assert_eq!((&told["verdict_id"], told["no_verdict"].is_string()), (&Value::Null, true), "{told}");
    assert_eq!((&told["labels"], &told["status"]), (&json!(1), &last["status"]), "{told}");
    assert_eq!(staff.get(ROOM).json(200)["verdict"]["verdict_id"], last["answer_id"]);
    // Of the last one it holds, and what was said first outlives what is said next.
    let broken = correct(&staff, &last, &json!({"status": "maintenance"}));
    assert_eq!((&broken["status"], broken["no_verdict"].is_null()), (&json!("maintenance"), true));
    let then = correct(&staff, &last, &json!({"tags": {"messy": false}}));
    assert_eq!((&then["status"], &then["ready_for_guest"]), (&json!("maintenance"), &json!(false)), "{then}");
    let room = staff.get(ROOM).json(200);
    assert_eq!(room["verdict"]["verdict_id"], then["verdict_id"]);
    assert!(room["verdict"]["no_estimate"].is_string(), "{room}");
}

#[test]
fn a_tag_denied_of_one_photo_leaves_the_room_dirty_by_the_other() {
    let photos = photographs("messy", "messy");
    let (Some(first), Some(second)) = (photos.first(), photos.get(1)) else { return };
    let house = house();
    let server = house.serve();
    let staff = server.role("staff", "h1");
    let answer = analyze(&staff, "201", &[first, second]).json(200);
    let shows = |part: &Value| part["tags"].to_string().contains("\"messy\"");
    assert!(answer["photos"].as_array().expect("photos").iter().all(shows), "{answer}");
    for photo in [1, 2] {
        let alone = analyze(&staff, "201", &[first, second]).json(200);
        let told = correct(&staff, &alone, &json!({"tags": {"messy": false}, "photo": photo}));
        assert_ne!(told["status"], "clean", "{told}");
        assert_eq!(told["ready_for_guest"], false, "{told}");
    }
}

#[test]
fn a_cleaning_of_which_nobody_knows_the_work_is_not_one_without_work() {
    let house = house();
    let server = house.serve();
    let staff = server.role("staff", "h1");
    let path = format!("{ROOM}/cleaning");
    let unknown = json!({"started_at": "2025-01-01T10:00:00Z", "finished_at": "2025-01-01T10:20:00Z"});
    assert!(staff.post_json(&path, &unknown).json(200)["tags"].is_null());
    assert!(staff.get(ROOM).json(200)["last_cleaning"]["tags"].is_null());
    // Told again with other words, what was written down is told.
    let again = json!({
        "started_at": "2025-01-01T10:00:00Z", "finished_at": "2025-01-01T10:55:00Z", "tags": ["messy"],
    });
    let told = staff.post_json(&path, &again).json(200);
    assert_eq!(
        (&told["recorded"], &told["minutes"], &told["tags"]),
        (&json!(false), &json!(20.0), &Value::Null)
    );
    for finished in ["2025-01-01T11:00:00.000001Z", "2025-01-01T11:00:00Z", "2025-01-02T11:00:01Z"] {
        let odd = json!({"started_at": "2025-01-01T11:00:00Z", "finished_at": finished});
        staff.post_json(&path, &odd).problem(400, "bad_request");
    }
}

#[test]
fn a_photo_that_is_to_be_saved_is_in_the_index_with_its_own_status_and_tags() {
    let (messy, clean) = (photographs("messy", "messy"), photographs("messy", "clean"));
    let (Some(messy), Some(clean)) = (messy.first(), clean.first()) else { return };
    let house = house();
    let server = house.serve();
    let staff = server.role("staff", "h1");
    let photos = [clean, messy].map(|photo| STANDARD.encode(photo));
    let body = json!({"room_number": "201", "images": photos, "save": true});
    let saved = staff.post_json(ANALYZE, &body).json(200);
    assert!(saved["not_saved"].is_null(), "{saved}");
    let ids = saved["image_ids"].as_array().expect("ids");
    assert_eq!(ids.len(), 2);
    for (id, part) in ids.iter().zip(saved["photos"].as_array().expect("photos")) {
        let image = staff.get(&format!("/api/v1/cv/image/{}", id.as_str().expect("an id"))).json(200);
        assert_eq!(image["metadata"]["room_number"], "201", "{image}");
        let mut wanted: Vec<&Value> =
            part["tags"].as_array().expect("tags").iter().map(|t| &t["label"]).collect();
        wanted.push(&part["status"]);
        let tags: Vec<&Value> = image["metadata"]["tags"].as_array().expect("tags").iter().collect();
        assert!(wanted.iter().all(|word| tags.contains(word)), "{tags:?} {part}");
        assert!(tags.iter().all(|word| wanted.contains(word)), "{tags:?} {part}");
    }
    // The verdict is written before; a full disk does not take it back.
    let media = house.data().join("media");
    std::fs::remove_dir_all(&media).expect("it can be removed");
    std::fs::write(&media, "no folder").expect("it can be written");
    let refused = staff.post_json(ANALYZE, &body).json(200);
    assert_eq!((&refused["image_ids"], refused["not_saved"].is_string()), (&json!([]), true), "{refused}");
    let room = staff.get("/api/v1/cv/room/201").json(200);
    assert_eq!(room["verdict"]["verdict_id"], refused["answer_id"]);
}

#[test]
fn a_photo_that_cannot_be_judged_teaches_nothing_whatever_is_said_of_the_room() {
    let photos = photographs("items_grocery", "Juice_Tropicana-Mandarin-Morning");
    let house = house();
    let server = house.serve();
    let staff = server.role("staff", "h1");
    let looked = photos.iter().map(|photo| analyze(&staff, "201", &[photo]).json(200));
    let unusable = |answer: &Value| answer["status"] == "unusable_photo";
    let Some(answer) = looked.into_iter().find(unusable) else {
        assert!(photos.is_empty(), "juice is taken for a room");
        return;
    };
    let told = correct(&staff, &answer, &json!({"tags": {"messy": true}}));
    assert_eq!((&told["labels"], &told["ready_for_guest"]), (&json!(1), &json!(false)), "{told}");
    server.stop();
    tables(&house, async |store| {
        let labels =
            store.hotel(&"h1".parse().expect("a hotel")).labels("room-tags", 9).await.expect("the labels");
        assert!(labels[0].content["photos"][0]["embedding"].is_null(), "{:?}", labels[0]);
    });
}
