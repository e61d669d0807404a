//! Rooms over HTTP: what photos say of them, reference photos, cleanings, corrections, and what is learnt from those.
//!
//! Photographs of rooms come from `INNKEEPER_MIRROR` (`vision/FILES.tsv`); without it those tests say so and end.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use reqwest::blocking::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::hostile::check_unharmed;
use crate::pictures::{claiming, jpeg};
use crate::scenes::drawn;
use crate::server::{Answer, Caller, House, eventually, files, send, tables};

pub(crate) const ANALYZE: &str = "/api/v1/cv/room/analyze";
pub(crate) const FEEDBACK: &str = "/api/v1/feedback";
const MODEL: &str = "/api/v1/models/room-tags";

pub(crate) fn house() -> House {
    House::new("default").with("rate_limits.enabled", false).with("images.deadline_ms", 600_000)
}

/// Photographs of a set with a label, in the order of the list; nothing where there are none.
pub(crate) fn photographs(set: &str, label: &str) -> Vec<Vec<u8>> {
    let required = std::env::var_os("INNKEEPER_REQUIRE_EXTENDED").is_some();
    let folder = std::env::var_os("INNKEEPER_MIRROR").map(|mirror| PathBuf::from(mirror).join("vision"));
    let list = folder.as_ref().and_then(|folder| std::fs::read_to_string(folder.join("FILES.tsv")).ok());
    let (Some(folder), Some(list)) = (folder, list) else {
        assert!(!required, "photographs of rooms are required here, but INNKEEPER_MIRROR has none");
        eprintln!("photographs of rooms: NOT there; name a folder with vision/FILES.tsv in INNKEEPER_MIRROR");
        return Vec::new();
    };
    let rows = list.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let wanted = rows.filter(|row| row.get(1) == Some(&set) && row.get(2) == Some(&label));
    wanted.map(|row| std::fs::read(folder.join(row[0])).expect("a listed photograph")).collect()
}

pub(crate) fn analyze(caller: &Caller<'_>, room: &str, photos: &[&[u8]]) -> Answer {
    let images: Vec<String> = photos.iter().map(|photo| STANDARD.encode(photo)).collect();
    caller.post_json(ANALYZE, &json!({"room_number": room, "images": images}))
}

fn labels(answer: &Value) -> Vec<&str> {
    answer["tags"]
        .as_array()
        .expect("tags")
        .iter()
        .map(|tag| tag["label"].as_str().expect("a label"))
        .collect()
}

/// An answer without what differs from one to the next.
fn content(mut answer: Value) -> Value {
    for name in ["answer_id", "event_id", "time_ms", "kept_until", "taken_at"] {
        answer.as_object_mut().expect("an object").remove(name);
    }
    answer
}

/// The tidy and the cluttered view of one room.
fn pair() -> Option<[Vec<u8>; 2]> {
    let (tidy, cluttered) = (photographs("pairs", "tidy"), photographs("pairs", "cluttered"));
    Some([tidy.into_iter().next()?, cluttered.into_iter().next()?])
}

#[test]
fn a_room_is_judged_the_same_however_its_photo_is_sent_and_every_field_is_there() {
    let photos = photographs("messy", "messy");
    let Some(photo) = photos.first() else { return };
    let house = house();
    let server = house.serve();
    let staff = server.role("staff", "h1");
    let form = Form::new().part("image", Part::bytes(photo.clone())).text("room_number", "201");
    let answers = [
        staff.post_json(ANALYZE, &json!({"image": STANDARD.encode(photo), "room_number": "201"})),
        send(staff.request(Method::POST, ANALYZE).multipart(form)),
        staff.post(&format!("{ANALYZE}?room_number=201"), "image/jpeg", photo.clone()),
    ]
    .map(|answer| answer.json(200));
    let first = &answers[0];
    assert_eq!(first["room_number"], "201");
    assert_ne!(first["status"], "clean", "{first}");
    assert_eq!(first["ready_for_guest"], false);
    assert!(labels(first).contains(&"messy"), "{first}");
    for tag in first["tags"].as_array().expect("tags") {
        assert!(tag["confidence"].is_number() && tag["source"].is_string(), "{tag}");
        assert_eq!(tag["photo"], 1);
    }
    assert!(
        first["estimated_cleaning_time_minutes"].is_null() && first["no_estimate"].is_string(),
        "{first}"
    );
    let sources: Vec<&str> =
        first["sources"].as_array().expect("sources").iter().filter_map(|s| s["source"].as_str()).collect();
    assert_eq!(sources, ["tag_head", "objects", "reference"]);
    assert!(first["models"].as_array().expect("models").iter().any(|m| m == "room-tags@shipped"), "{first}");
    for other in &answers[1..] {
        assert_eq!(content(other.clone())["tags"], content(first.clone())["tags"]);
        assert_ne!(other["answer_id"], first["answer_id"]);
    }
    // The row of the verdict and what was there before.
    let room = staff.get("/api/v1/cv/room/201").json(200);
    assert_eq!(room["status"], first["status"]);
    assert_eq!(room["verdict"]["verdict_id"], answers[2]["answer_id"]);
    assert_eq!(room["history"].as_array().map(Vec::len), Some(2));
    check_unharmed(&server);
    server.stop();
    tables(&house, async |store| {
        let events = store.outbox_pending(100).await.expect("the events");
        let verdicts: Vec<_> = events.iter().filter(|e| e.topic == "room.verdict").collect();
        assert_eq!(verdicts.len(), 3);
        assert_eq!(verdicts[0].payload["room_number"], "201");
        assert_eq!(verdicts[0].payload["status"], first["status"]);
    });
}

#[test]
fn the_worst_of_several_photos_decides_and_each_has_its_part() {
    let (messy, clean) = (photographs("messy", "messy"), photographs("messy", "clean"));
    let (Some(messy), Some(clean)) = (messy.first(), clean.first()) else { return };
    let house = house();
    let server = house.serve();
    let staff = server.role("staff", "h1");
    let tidy = analyze(&staff, "201", &[clean]).json(200);
    assert_eq!(tidy["photos"].as_array().map(Vec::len), Some(1));
    let both = analyze(&staff, "201", &[clean, messy]).json(200);
    assert_ne!(both["status"], "clean", "{both}");
    assert_eq!(both["ready_for_guest"], false);
    assert_eq!(both["photos"].as_array().map(Vec::len), Some(2));
    let messy_in = both["tags"].as_array().expect("tags").iter().find(|t| t["label"] == "messy");
    assert_eq!(messy_in.expect("messy")["photo"], 2);
    // More than may be sent at once, and none.
    let eleven = vec![clean.as_slice(); 11];
    analyze(&staff, "201", &eleven).problem(400, "bad_request");
    analyze(&staff, "201", &[]).problem(400, "bad_request");
}

#[test]
fn a_photo_in_which_nothing_can_be_seen_is_asked_for_again_with_a_hint() {
    let house = house();
    let server = house.serve();
    let staff = server.role("staff", "h1");
    let black = jpeg(&image::DynamicImage::ImageRgb8(image::RgbImage::new(640, 480)));
    let dark = analyze(&staff, "201", &[&black]).json(200);
    assert_eq!(
        (&dark["status"], &dark["ready_for_guest"]),
        (&json!("unusable_photo"), &json!(false)),
        "{dark}"
    );
    let hints = dark["photos"][0]["hints"].as_array().expect("hints");
    assert!(!hints.is_empty(), "{dark}");
    assert!(labels(&dark).is_empty(), "{dark}");
    // As a reference it is refused.
    let path = "/api/v1/cv/room/201/reference";
    let refused = staff.post(path, "image/jpeg", black).problem(422, "photo_quality");
    assert!(refused["hints"].as_array().is_some_and(|hints| !hints.is_empty()), "{refused}");
    assert_eq!(staff.get(path).json(200)["references"], json!([]));
}

#[test]
fn what_is_no_photo_is_refused_and_nothing_is_written() {
    let house = house();
    let server = house.serve();
    let staff = server.role("staff", "h1");
    for (photo, status, code) in [
        (b"this is not a picture".to_vec(), 415, "unsupported_image"),
        (claiming(60_000, 60_000), 413, "image_too_large"),
        (drawn(1)[..4000].to_vec(), 422, "broken_image"),
        (Vec::new(), 415, "unsupported_image"),
    ] {
        analyze(&staff, "201", &[&photo]).problem(status, code);
        let path = "/api/v1/cv/room/201/reference";
        staff.post(path, "image/jpeg", photo).problem(status, code);
    }
    let good = STANDARD.encode(drawn(1));
    for (body, code) in [
        (json!({"image": good}), "bad_request"),
        (json!({"image": good, "room_number": "../201"}), "invalid_id"),
        (json!({"image": good, "room_number": "analyze"}), "invalid_id"),
        (json!({"image": good, "room_number": "201", "taken_at": "yesterday"}), "invalid_timestamp"),
        (
            json!({"image": good, "room_number": "201", "taken_at": "2999-01-01T00:00:00Z"}),
            "invalid_timestamp",
        ),
        (json!({"image": good, "room_number": "201", "room_type": "a\nb"}), "bad_request"),
        (json!({"image": good, "room_number": "201", "save": "perhaps"}), "bad_request"),
        (json!({"image": "%", "room_number": "201"}), "invalid_base64"),
        (json!({"image": good, "room_number": "201", "rom_type": "x"}), "bad_request"),
    ] {
        staff.post_json(ANALYZE, &body).problem(400, code);
    }
    let raw = format!("{ANALYZE}?room_number=201&image=aGVsbG8=");
    staff.post(&raw, "image/jpeg", drawn(1)).problem(400, "bad_request");
    let room = staff.get("/api/v1/cv/room/201").json(200);
    assert!(room["status"].is_null() && room["reasons_for_null"]["status"].is_string(), "{room}");
    check_unharmed(&server);
}

#[test]
fn a_reference_photo_says_what_is_there_that_should_not_be() {
    let Some([tidy, cluttered]) = pair() else { return };
    let house = house().with("room.max_references", 1);
    let server = house.serve();
    let staff = server.role("staff", "h1");
    let path = "/api/v1/cv/room/201/reference";
    let kept = staff.post(&format!("{path}?description=from+the+door"), "image/png", tidy.clone()).json(201);
    let id = kept["reference_id"].as_str().expect("an id").to_owned();
    assert_eq!((&kept["references"], &kept["description"]), (&json!(1), &json!("from the door")));
    staff.post(path, "image/png", tidy.clone()).problem(409, "too_many_references");
    let kept_files = || files(&house.data().join("media")).len();
    assert_eq!(kept_files(), 2, "a photo and its thumbnail");

    let same = analyze(&staff, "201", &[&tidy]).json(200);
    let quiet = &same["photos"][0]["comparison"];
    assert_eq!((&quiet["reference"], &quiet["changed"]), (&json!(id), &json!(false)), "{same}");
    let other = analyze(&staff, "201", &[&cluttered]).json(200);
    let comparison = &other["photos"][0]["comparison"];
    assert_eq!(comparison["changed"], true, "{other}");
    assert!(!comparison["differences"].as_array().expect("differences").is_empty(), "{comparison}");
    assert_eq!(other["ready_for_guest"], false);
    let of_reference = |t: &&Value| t["source"] == "reference" && t["box"]["w"].is_number();
    assert!(other["tags"].as_array().expect("tags").iter().any(|t| of_reference(&t)), "{other}");
    // Another room has no such photo, and neither has the same room of another hotel.
    assert!(analyze(&staff, "202", &[&tidy]).json(200)["photos"][0]["comparison"].is_null());
    let theirs = server.role("admin", "h2");
    assert!(analyze(&theirs, "201", &[&tidy]).json(200)["photos"][0]["comparison"].is_null());
    assert_eq!(theirs.get(path).json(200)["references"], json!([]));
    theirs.delete(&format!("{path}/{id}")).problem(404, "reference_not_found");
    staff.delete(&format!("/api/v1/cv/room/202/reference/{id}")).problem(404, "reference_not_found");

    assert_eq!(staff.delete(&format!("{path}/{id}")).json(200)["complete"], true);
    staff.delete(&format!("{path}/{id}")).problem(404, "reference_not_found");
    assert_eq!(kept_files(), 0, "a removed photo is on the disk");
    assert!(analyze(&staff, "201", &[&tidy]).json(200)["photos"][0]["comparison"].is_null());
    check_unharmed(&server);
}

#[test]
fn nothing_is_said_of_rooms_without_a_token_or_with_the_wrong_one() {
    let house = house();
    let server = house.serve();
    let body = json!({"room_number": "201", "image": STANDARD.encode(drawn(1))});
    server.anyone().post_json(ANALYZE, &body).problem(401, "unauthenticated");
    server.anyone().get("/api/v1/cv/room/201").problem(401, "unauthenticated");
    for role in ["guest", "camera", "data-scientist"] {
        server.role(role, "h1").post_json(ANALYZE, &body).problem(403, "forbidden");
        server.role(role, "h1").get("/api/v1/cv/room/201").problem(403, "forbidden");
    }
    let reader = server.with(house.token_with(&[
        "--subject=seed",
        "--role=staff",
        "--hotel=h1",
        "--permissions=cv:read",
    ]));
    reader.post_json(ANALYZE, &body).json(200);
    // Whoever may only look puts nothing into the index.
    let kept = json!({"room_number": "201", "image": STANDARD.encode(drawn(1)), "save": true});
    reader.post_json(ANALYZE, &kept).problem(403, "forbidden");
    assert_eq!(files(&house.data().join("media")), Vec::<PathBuf>::new());
    reader.post("/api/v1/cv/room/201/reference", "image/jpeg", drawn(1)).problem(403, "forbidden");
    server.role("staff", "h1").post_json(&format!("{MODEL}/rollback"), &json!({})).problem(403, "forbidden");
    server.role("manager", "h1").get(MODEL).json(200);
}

#[test]
fn minutes_come_from_the_cleanings_of_the_hotel_and_from_nothing_else() {
    let photos = photographs("messy", "messy");
    let Some(photo) = photos.first() else { return };
    let house = house();
    let server = house.serve();
    let staff = server.role("staff", "h1");
    let path = "/api/v1/cv/room/201/cleaning";
    let cleaning = |day: u32, minutes: u32| {
        json!({
            "started_at": format!("2025-01-{day:02}T10:00:00Z"),
            "finished_at": format!("2025-01-{day:02}T10:{minutes:02}:00Z"),
            "room_type": "deluxe", "tags": ["messy"],
        })
    };
    for day in 1..=28 {
        let told = staff.post_json(path, &cleaning(day, 20 + day % 10)).json(200);
        assert_eq!(told["recorded"], true);
    }
    assert_eq!(staff.post_json(path, &cleaning(1, 21)).json(200)["recorded"], false, "written twice");
    staff
        .post_json(
            path,
            &json!({"started_at": "2025-01-01T10:00:00Z", "finished_at": "2025-01-01T09:00:00Z"}),
        )
        .problem(400, "bad_request");
    let told = analyze(&staff, "201", &[photo]).json(200);
    assert_eq!(told["room_type"], "deluxe", "of the last cleaning");
    let minutes = told["estimated_cleaning_time_minutes"].as_f64().expect("minutes");
    let (low, high) = (told["cleaning_time"]["low"].as_f64(), told["cleaning_time"]["high"].as_f64());
    assert!((20.0..=30.0).contains(&minutes), "{told}");
    assert!(low.is_some_and(|low| low <= minutes) && high.is_some_and(|high| high >= minutes), "{told}");
    // The other hotel has none.
    let theirs = analyze(&server.role("staff", "h2"), "201", &[photo]).json(200);
    assert!(theirs["estimated_cleaning_time_minutes"].is_null() && theirs["no_estimate"].is_string());
    assert!(staff.get("/api/v1/cv/room/201").json(200)["last_cleaning"]["minutes"].is_number());
}

#[test]
fn a_table_of_cleanings_is_imported_and_each_bad_row_is_told() {
    let house = house();
    let file = house.desk().join("cleanings.csv");
    let rows = "room_number,started_at,finished_at,room_type,tags\n\
                201,2025-01-17T10:00:00Z,2025-01-17T10:25:00Z,deluxe,bed_unmade;messy\n\
                202,2025-01-17T10:00:00Z,2025-01-17T09:00:00Z,,\n";
    std::fs::write(&file, rows).expect("it can be written");
    let data = house.data();
    let args = ["import", "cleanings", file.to_str().expect("text"), "--hotel", "h1", "--json", "--data-dir"];
    let args: Vec<&str> = args.into_iter().chain([data.to_str().expect("text")]).collect();
    for imported in [1, 0] {
        let ran = house.run(&args);
        assert_eq!(ran.code, Some(1), "a row was rejected: {}", ran.stderr);
        let told: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        assert_eq!((&told["imported"], &told["known_already"]), (&json!(imported), &json!(1 - imported)));
        assert_eq!(told["rejected"][0]["line"], 3);
    }
    let server = house.serve();
    let room = server.role("staff", "h1").get("/api/v1/cv/room/201").json(200);
    assert_eq!(room["last_cleaning"]["minutes"], 25.0);
}

/// Says of each of these photos, one room each, whether it shows this tag and whether it is messy.
fn correct_all(
    staff: &Caller<'_>,
    photos: &[Vec<u8>],
    room: impl Fn(usize) -> String,
    tag: &str,
    holds: bool,
) {
    for (i, photo) in photos.iter().enumerate() {
        let answer = analyze(staff, &room(i), &[photo]).json(200);
        let tags = json!({tag: holds, "messy": holds});
        let correction = json!({"answer_id": answer["answer_id"], "correction": {"tags": tags}});
        staff.post_json(FEEDBACK, &correction).json(200);
    }
}

#[test]
fn a_correction_holds_at_once_as_a_verdict_of_its_own_and_an_event() {
    let photos = photographs("messy", "messy");
    let Some(photo) = photos.first() else { return };
    let house = house();
    let server = house.serve();
    let staff = server.role("staff", "h1");
    let answer = analyze(&staff, "201", &[photo]).json(200);
    let told = json!({"answer_id": answer["answer_id"], "correction": {"status": "clean", "tags": {"minibar_open": true}}});
    let theirs = server.role("admin", "h2");
    theirs.post_json(FEEDBACK, &told).problem(404, "answer_not_found");
    let learnt = staff.post_json(FEEDBACK, &told).json(200);
    assert_eq!((&learnt["model"], &learnt["status"]), (&json!("room-tags"), &json!("clean")), "{learnt}");
    let room = staff.get("/api/v1/cv/room/201").json(200);
    assert_eq!(
        (&room["status"], &room["verdict"]["source"]),
        (&json!("clean"), &json!("correction")),
        "{room}"
    );
    assert_eq!(room["open_corrections"], json!([learnt["verdict_id"]]));
    // A second one adds to the first.
    let more = json!({"answer_id": answer["answer_id"], "correction": {"tags": {"minibar_open": false}}});
    let merged = staff.post_json(FEEDBACK, &more).json(200);
    assert_eq!((&merged["replaced"], &merged["labels"]), (&json!(true), &json!(1)));
    for (correction, status, code) in [
        (json!({}), 400, "bad_request"),
        (json!({"tags": {"bed unmade": true}}), 400, "bad_request"),
        (json!({"total_amount": 5}), 422, "unknown_field"),
        (json!({"tags": {"messy": true}, "photo": 2}), 400, "bad_request"),
    ] {
        let body = json!({"answer_id": answer["answer_id"], "correction": correction});
        staff.post_json(FEEDBACK, &body).problem(status, code);
    }
    server.stop();
    tables(&house, async |store| {
        let events = store.outbox_pending(100).await.expect("the events");
        let sources: Vec<_> = events
            .iter()
            .filter(|e| e.topic == "room.verdict")
            .map(|e| e.payload["source"].as_str().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(sources, ["analysis", "correction", "correction"]);
    });
}

/// The confidence of a tag in the room of a photo, by a fresh look.
fn says(staff: &Caller<'_>, photo: &[u8], tag: &str) -> (bool, Value) {
    let answer = analyze(staff, "999", &[photo]).json(200);
    (labels(&answer).contains(&tag), answer)
}

#[test]
fn what_is_corrected_is_learnt_promoted_and_taken_back() {
    let (messy, clean) = (photographs("messy", "messy"), photographs("messy", "clean"));
    if messy.is_empty() || clean.is_empty() {
        return;
    }
    // Encoded again: the shipped head learnt from these photographs, and knows their files by their hash.
    let again = |all: Vec<Vec<u8>>| -> Vec<Vec<u8>> {
        all.iter().map(|photo| jpeg(&image::load_from_memory(photo).expect("a photograph"))).collect()
    };
    let (messy, clean) = (again(messy), again(clean));
    let house = house();
    let server = house.serve();
    let staff = server.role("staff", "h1");
    // A tag that no shipped head knows: the hotel teaches it. What stands for it here is a messy room.
    let half = |all: &[Vec<u8>]| all[..all.len().min(24)].to_vec();
    correct_all(&staff, &half(&messy), |i| format!("1{i:02}"), "needs_two_people", true);
    correct_all(&staff, &half(&clean), |i| format!("3{i:02}"), "needs_two_people", false);
    let (unseen, unseen_clean) = (&messy[messy.len() - 1], &clean[clean.len() - 1]);
    assert!(!says(&staff, unseen, "needs_two_people").0);

    let data = house.data();
    let at_home = |args: &[&str]| {
        let all: Vec<&str> = args
            .iter()
            .copied()
            .chain(["--hotel", "h1", "--data-dir", data.to_str().expect("text")])
            .collect();
        house.run(&all)
    };
    let curve = house.desk().join("curve.svg");
    let trained =
        at_home(&["train", "room-tags", "--labels", "--json", "--curve", curve.to_str().expect("text")])
            .good();
    let trained: Value = serde_json::from_str(&trained).expect("JSON");
    assert_eq!(trained["promoted"], true, "{trained}");
    assert_eq!(trained["control"]["promote"], true, "shuffled labels taught as much: {trained}");
    let version = trained["version"].as_str().expect("a version").to_owned();
    assert!(std::fs::read_to_string(&curve).is_ok_and(|svg| svg.contains("<svg")), "no curve");
    // The running server sees it without a restart.
    let named = format!("room-tags@{version}");
    let answer = eventually("the new head answers", || {
        let (found, answer) = says(&staff, unseen, "needs_two_people");
        let new = answer["models"].as_array()?.iter().any(|m| *m == named.as_str());
        new.then_some((found, answer))
    });
    assert!(answer.0, "{}", answer.1);
    assert!(!says(&staff, unseen_clean, "needs_two_people").0);
    // Another hotel's rooms are judged as before.
    let theirs = says(&server.role("staff", "h2"), unseen, "needs_two_people");
    assert!(!theirs.0 && theirs.1["models"].to_string().contains("room-tags@shipped"), "{}", theirs.1);
    assert_eq!(staff.get("/api/v1/cv/room/100").json(200)["open_corrections"], json!([]));

    let scientist = server.role("data-scientist", "h1");
    let versions = scientist.get(MODEL).json(200);
    assert_eq!((&versions["in_force"], &versions["previous"]), (&json!(version), &json!("1")), "{versions}");
    let back = scientist.post_json(&format!("{MODEL}/rollback"), &json!({})).json(200);
    assert_eq!(back["before"], json!(version));
    assert!(!says(&staff, unseen, "needs_two_people").0, "the answer did not change back");
    scientist.post_json(&format!("{MODEL}/rollback"), &json!({})).problem(409, "nothing_to_roll_back");
    let promote = format!("{MODEL}/promote");
    scientist.post_json(&promote, &json!({"version": "77"})).problem(404, "model_not_found");
    scientist.post_json(&promote, &json!({"version": "../1"})).problem(404, "model_not_found");
    scientist.get("/api/v1/models/ocr").problem(404, "model_not_found");
    let told = at_home(&["models", "promote", "room-tags", &version]).good();
    assert!(told.contains(&named), "{told}");
    assert!(at_home(&["models", "versions", "room-tags"]).good().contains("in use"));
    assert!(at_home(&["models", "rollback", "room-tags"]).good().contains("room-tags@1"));
    check_unharmed(&server);
}

#[test]
fn without_the_network_rooms_say_what_to_install_and_the_rest_answers() {
    let empty = tempfile::tempdir().expect("a folder");
    let house = house().with("models.dir", empty.path().display());
    let server = house.serve();
    let staff = server.role("staff", "h1");
    let refused = analyze(&staff, "201", &[&drawn(1)]).problem(503, "model_not_installed");
    assert!(refused["detail"].as_str().expect("a detail").contains("innkeeper models pull"), "{refused}");
    staff.post("/api/v1/cv/room/201/reference", "image/jpeg", drawn(1)).problem(503, "model_not_installed");
    assert!(staff.get("/api/v1/cv/room/201").json(200)["status"].is_null());
    let cleaning = json!({"started_at": "2025-01-01T10:00:00Z", "finished_at": "2025-01-01T10:20:00Z"});
    staff.post_json("/api/v1/cv/room/201/cleaning", &cleaning).json(200);
}
