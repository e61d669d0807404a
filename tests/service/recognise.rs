//! What a frame is answered with: who, how sure, alive or not, and what became of the sighting.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use reqwest::Method;
use reqwest::blocking::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::pictures::{BIDEN, NOBODY, OBAMA, STRANGER, photo, side_by_side};
use crate::server::{House, RECOGNISE, Server, extended_is_installed, send};

/// What differs between two answers to the same frame.
pub(crate) fn comparable(mut answer: Value) -> Value {
    let fields = answer.as_object_mut().expect("an answer");
    for key in ["answer_id", "recognition_time_ms", "timings_ms", "attendance"] {
        assert!(fields.remove(key).is_some(), "{key} is missing");
    }
    for face in fields["faces"].as_array_mut().expect("faces") {
        face.as_object_mut().expect("a face").remove("attendance");
    }
    answer
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is not a number"))
}

/// The liveness part of an answer that shows a face, by what is installed.
fn check_liveness(answer: &Value, installed: bool) {
    let liveness = &answer["liveness"];
    assert_eq!(liveness["is_alive"], answer["is_alive"]);
    if installed {
        let alive = answer["is_alive"].as_bool().expect("a verdict where models are installed");
        let (score, threshold) = (number(&liveness["score"]), number(&liveness["threshold"]));
        assert!((0.0..=1.0).contains(&score), "{liveness}");
        assert_eq!(alive, score >= threshold, "{liveness}");
        assert!(!liveness["models"].as_array().expect("models").is_empty(), "{liveness}");
        assert_eq!(liveness["models"], answer["models"]["liveness"]);
    } else {
        assert!(answer["is_alive"].is_null(), "nobody looked, yet: {liveness}");
        assert_eq!(liveness["reason"], "model_not_installed");
        assert_eq!(liveness["models"], json!([]));
    }
}

/// The main job: a stranger before and after, the enrolled people, both at once, and nobody.
fn a_day_at_the_lobby(pack: &str, has_liveness: bool) {
    let house = House::new(pack);
    let server = house.serve();
    let (camera, manager) = (server.camera(), server.manager());
    let threshold = number(&camera.get("/api/v1/cv/health").json(200)["faces"]["thresholds"]["threshold"]);

    let empty = camera.recognise(&photo(OBAMA[1])).json(200);
    assert_eq!((&empty["success"], &empty["reason"]), (&json!(false), &json!("nobody_enrolled")));

    for (employee, name) in [("EMP001", OBAMA[0]), ("EMP002", BIDEN)] {
        let enrolled = manager.enrol(employee, &[&photo(name)]).json(201);
        assert_eq!(enrolled["success"], true);
        assert_eq!(enrolled["employee_id"], employee);
        assert_eq!((&enrolled["enrolled"], &enrolled["templates"]), (&json!(1), &json!(1)));
        assert_eq!(enrolled["photos"][0]["accepted"], true);
    }

    for other in &OBAMA[1..] {
        let known = camera.recognise(&photo(other)).json(200);
        assert_eq!(known["employee_id"], "EMP001", "{other}: {known}");
        check_liveness(&known, has_liveness);
        assert_eq!(known["success"], json!(known["is_alive"] != false), "{other}");
        assert!(number(&known["score"]) >= threshold, "{known}");
        assert!((0.5..=1.0).contains(&number(&known["confidence"])), "{known}");
        assert!(number(&known["second_best_score"]) < number(&known["score"]), "{known}");
        assert!(number(&known["recognition_time_ms"]) > 0.0);
        let face = &known["faces"][0];
        assert_eq!(face["landmarks"].as_array().map(Vec::len), Some(5));
        assert_eq!(face["quality"]["passed"], true);
        let (x, y) = (number(&face["box"]["x"]), number(&face["box"]["y"]));
        let nose = &face["landmarks"][2];
        let inside = |at: f64, from: f64, size: &Value| at > from && at < from + number(size);
        assert!(inside(number(&nose["x"]), x, &face["box"]["w"]), "the nose is outside the box: {face}");
        assert!(inside(number(&nose["y"]), y, &face["box"]["h"]), "the nose is outside the box: {face}");
    }

    let stranger = camera.recognise(&photo(STRANGER)).json(200);
    assert_eq!((&stranger["success"], &stranger["employee_id"]), (&json!(false), &Value::Null), "{stranger}");
    assert_eq!(stranger["reason"], "below_threshold");
    assert!(stranger["confidence"].is_null() && stranger["attendance"].is_null(), "{stranger}");
    assert!(number(&stranger["score"]) < threshold, "{stranger}");
    check_liveness(&stranger, has_liveness);

    // The smaller person stands first, so that the place in the picture cannot decide.
    let two = camera.recognise(&side_by_side(&[(BIDEN, 1100), (OBAMA[1], 1100)])).json(200);
    let names: Vec<&Value> =
        two["faces"].as_array().expect("faces").iter().map(|f| &f["employee_id"]).collect();
    assert_eq!(names, [&json!("EMP001"), &json!("EMP002")], "{two}");
    assert_eq!(two["employee_id"], "EMP001", "the largest face speaks for the frame: {two}");
    assert_eq!(two["score"], two["faces"][0]["score"]);

    let nobody = camera.recognise(&photo(NOBODY)).json(200);
    assert_eq!((&nobody["success"], &nobody["reason"]), (&json!(false), &json!("no_face")));
    assert_eq!(nobody["faces"], json!([]));
}

#[test]
fn the_default_pack_names_the_enrolled_and_nobody_else() {
    a_day_at_the_lobby("default", false);
}

#[test]
fn the_extended_pack_names_the_enrolled_and_judges_liveness() {
    if extended_is_installed() {
        a_day_at_the_lobby("extended", true);
    }
}

#[test]
fn one_frame_has_one_answer_in_every_form_it_can_be_sent_in() {
    let house = House::new("default");
    let server = house.serve();
    let camera = server.camera();
    server.manager().enrol("EMP001", &[&photo(OBAMA[0])]).json(201);
    let frame = photo(OBAMA[1]);
    let (at, cam) = ("2025-01-17T08:30:00Z", "cam_lobby_01");
    let part =
        |bytes: &[u8]| Part::bytes(bytes.to_vec()).file_name("frame.jpg").mime_str("image/jpeg").unwrap();

    let json_form = |image: String| json!({"image": image, "camera_id": cam, "timestamp": at});
    let raw = format!("{RECOGNISE}?camera_id={cam}&timestamp={at}");
    let form = Form::new().part("image", part(&frame)).text("camera_id", cam).text("timestamp", at);
    let answers = [
        ("base64", camera.post_json(RECOGNISE, &json_form(STANDARD.encode(&frame)))),
        ("base64 without padding", camera.post_json(RECOGNISE, &json_form(STANDARD_NO_PAD.encode(&frame)))),
        (
            "data URI",
            camera.post_json(
                RECOGNISE,
                &json_form(format!("data:image/jpeg;base64,{}", STANDARD.encode(&frame))),
            ),
        ),
        ("raw", camera.post(&raw, "image/jpeg", frame.clone())),
        ("raw of no kind", camera.post(&raw, "application/octet-stream", frame.clone())),
        ("form", send(camera.request(Method::POST, RECOGNISE).multipart(form))),
    ]
    .map(|(how, answer)| (how, answer.json(200)));
    let first = &answers[0].1;
    assert_eq!(first["employee_id"], "EMP001");
    for (how, answer) in &answers[1..] {
        assert_eq!(comparable(answer.clone()), comparable(first.clone()), "{how}");
        // Camera and time arrived as well: otherwise this would be another sighting.
        assert_eq!(answer["attendance"]["id"], first["attendance"]["id"], "{how}");
        assert_eq!(answer["attendance"]["is_new"], false, "{how}");
    }
}

fn attendance_of(server: &Server<'_>, camera: Option<&str>, at: &str) -> Value {
    let mut body = json!({"image": STANDARD.encode(photo(OBAMA[1])), "timestamp": at});
    if let Some(camera) = camera {
        body["camera_id"] = json!(camera);
    }
    server.camera().post_json(RECOGNISE, &body).json(200)["attendance"].clone()
}

#[test]
fn frames_of_one_sighting_share_one_attendance_row() {
    let house = House::new("default").with("attendance.cameras.cam_staff_exit", "check_out");
    let server = house.serve();
    server.manager().enrol("EMP001", &[&photo(OBAMA[0])]).json(201);
    let lobby = |at| attendance_of(&server, Some("cam_lobby_01"), at);

    let first = lobby("2025-01-17T08:30:00Z");
    assert_eq!((&first["recorded"], &first["is_new"]), (&json!(true), &json!(true)), "{first}");
    assert_eq!(first["action"], "check_in");
    assert_eq!(first["reason"], "liveness_not_checked", "the row must say that nobody checked");
    let again = lobby("2025-01-17T08:31:00Z");
    assert_eq!((&again["id"], &again["is_new"]), (&first["id"], &json!(false)), "{again}");
    // A camera that resends an earlier frame does not make a second sighting of it.
    let late = lobby("2025-01-17T08:30:30Z");
    assert_eq!((&late["id"], &late["is_new"]), (&first["id"], &json!(false)), "{late}");

    let later = lobby("2025-01-17T09:30:00Z");
    assert_eq!((&later["is_new"], &later["action"]), (&json!(true), &json!("seen")), "{later}");
    assert_ne!(later["id"], first["id"]);
    let elsewhere = attendance_of(&server, Some("cam_corridor_02"), "2025-01-17T09:30:10Z");
    assert_eq!(elsewhere["is_new"], true, "another camera is another sighting: {elsewhere}");
    let out = attendance_of(&server, Some("cam_staff_exit"), "2025-01-17T17:00:00Z");
    assert_eq!((&out["is_new"], &out["action"]), (&json!(true), &json!("check_out")), "{out}");
    let next_day = attendance_of(&server, None, "2025-01-18T08:30:00+00:00");
    assert_eq!((&next_day["is_new"], &next_day["action"]), (&json!(true), &json!("check_in")), "{next_day}");
}

#[test]
fn a_hotel_that_insists_on_liveness_records_nothing_without_a_verdict() {
    let house = House::new("default").with("attendance.require_liveness", true);
    let server = house.serve();
    server.manager().enrol("EMP001", &[&photo(OBAMA[0])]).json(201);
    let attendance = attendance_of(&server, Some("cam_lobby_01"), "2025-01-17T08:30:00Z");
    assert_eq!((&attendance["recorded"], &attendance["id"]), (&json!(false), &Value::Null));
    assert_eq!(attendance["reason"], "liveness_required");
}

#[test]
fn a_threshold_of_the_settings_decides_who_is_recognised() {
    let house = House::new("default").with("face.threshold", "0.999");
    let server = house.serve();
    server.manager().enrol("EMP001", &[&photo(OBAMA[0])]).json(201);
    let strict = server.camera().recognise(&photo(OBAMA[1])).json(200);
    assert_eq!((&strict["employee_id"], &strict["reason"]), (&Value::Null, &json!("below_threshold")));
    let health = server.anyone().get("/api/v1/cv/health").json(200);
    assert_eq!(health["faces"]["thresholds"]["overridden"], true);
}
