//! Starting, stopping, crashing, changing models, and starting without any.

use std::io::{Read, Write};
use std::net::TcpStream;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::pictures::{BIDEN, OBAMA, photo};
use crate::server::{House, PATIENCE, RECOGNISE, Server, eventually, extended_is_installed, files};

/// A frame of `cam_lobby_01` at a fixed time.
fn seen_in_the_lobby(server: &Server<'_>) -> Value {
    let body = json!({
        "image": STANDARD.encode(photo(OBAMA[1])), "camera_id": "cam_lobby_01", "timestamp": "2025-01-17T08:30:00Z",
    });
    server.camera().post_json(RECOGNISE, &body).json(200)
}

/// The same person and the same sighting as before.
fn check_remembered(server: &Server<'_>, before: &Value) {
    let after = seen_in_the_lobby(server);
    assert_eq!(after["employee_id"], "EMP001", "the person is forgotten: {after}");
    assert_eq!(after["score"], before["score"]);
    assert_eq!(after["attendance"]["id"], before["attendance"]["id"], "the attendance row is forgotten");
    assert_eq!(after["attendance"]["is_new"], false);
}

#[test]
fn a_restart_forgets_nobody() {
    let house = House::new("default");
    let server = house.serve();
    server.manager().enrol("EMP001", &[&photo(OBAMA[0])]).json(201);
    let before = seen_in_the_lobby(&server);
    let token = house.token("manager", "h1");
    server.stop();
    let server = house.serve();
    check_remembered(&server, &before);
    // The signing secret stays too, so that cameras need no new tokens.
    server.with(token).embedding("EMP001").json(200);
}

#[test]
fn a_power_cut_forgets_nothing_that_was_answered() {
    let house = House::new("default");
    let server = house.serve();
    server.manager().enrol("EMP001", &[&photo(OBAMA[0])]).json(201);
    server.kill();
    let server = house.serve();
    let before = seen_in_the_lobby(&server);
    assert_eq!(before["attendance"]["is_new"], true);
    server.kill();
    let server = house.serve();
    check_remembered(&server, &before);
    server.manager().forget("EMP001").json(200);
    server.kill();
    let server = house.serve();
    server.manager().embedding("EMP001").problem(404, "employee_not_enrolled");
    assert_eq!(seen_in_the_lobby(&server)["reason"], "nobody_enrolled");
}

#[test]
fn a_picture_that_belongs_to_no_template_goes_at_the_next_start() {
    let house = House::new("default");
    let server = house.serve();
    server.manager().enrol("EMP001", &[&photo(OBAMA[0])]).json(201);
    server.stop();
    let media = house.data().join("media");
    let kept = files(&media);
    // Of a person who is there, and of one in a hotel that has nobody.
    for folder in ["hotel/h1/faces/EMP001", "hotel/h9/faces/EMP009"] {
        let folder = media.join(folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("01a1fd5a-ac6d-7462-ab3a-00ae205383a8.jpg"), photo(BIDEN))
            .expect("written");
    }
    let server = house.serve();
    assert_eq!(files(&media), kept);
    server.manager().embedding("EMP001").json(200);
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let house = House::new("default");
    let server = house.serve();
    let data = house.data();
    let second = house.run(&["serve", "--listen", "127.0.0.1:0", "--data-dir", data.to_str().unwrap()]);
    assert_ne!(second.code, Some(0));
    let says = second.stderr.contains(data.to_str().unwrap()) && second.stderr.contains("in use");
    assert!(says, "it does not say what is in use: {}", second.stderr);
    let reindex = house.run(&["face", "reindex", "--data-dir", data.to_str().unwrap()]);
    assert_ne!(reindex.code, Some(0), "{}", reindex.stdout);
    server.camera().recognise(&photo(OBAMA[0])).json(200);
}

#[test]
fn a_stop_lets_running_requests_finish() {
    let house = House::new("default");
    let mut server = house.serve();
    server.manager().enrol("EMP001", &[&photo(OBAMA[0])]).json(201);
    let (frame, token) = (photo(OBAMA[1]), house.token("camera", "h1"));
    let mut running = TcpStream::connect(server.address).expect("a connection");
    running.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let head = format!(
        "POST {RECOGNISE} HTTP/1.1\r\nHost: hotel\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n",
        frame.len()
    );
    running.write_all(head.as_bytes()).expect("the head goes out");
    running.write_all(&frame[..1000]).expect("the body begins");
    // Another request after it has come back: the first one has been read by then.
    server.camera().recognise(&frame).json(200);
    server.ask_to_stop();
    eventually("it says that it stops", || server.log_line("stopping"));
    eventually("new callers are refused", || TcpStream::connect(server.address).err());
    running.write_all(&frame[1000..]).expect("the rest goes out");
    let mut answer = String::new();
    running.read_to_string(&mut answer).expect("the answer arrives and the connection ends");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("\"employee_id\":\"EMP001\""), "{answer}");
    assert!(server.ended().success());
    assert!(server.log_line("stopped").is_some(), "the engines were not closed");
}

#[test]
fn a_stop_does_not_wait_forever_for_a_silent_client() {
    let house = House::new("default").with("http.shutdown_seconds", 1);
    let mut server = house.serve();
    let mut silent = TcpStream::connect(server.address).expect("a connection");
    let token = house.token("camera", "h1");
    let head = format!(
        "POST {RECOGNISE} HTTP/1.1\r\nHost: hotel\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: image/jpeg\r\nContent-Length: 1000\r\n\r\nhalf"
    );
    silent.write_all(head.as_bytes()).expect("the head goes out");
    server.camera().recognise(&photo(OBAMA[0])).json(200);
    server.ask_to_stop();
    assert!(server.ended().success(), "{:#?}", server.log());
    drop(silent);
}

#[test]
fn another_model_compares_nothing_until_the_faces_are_moved_to_it() {
    if !extended_is_installed() {
        return;
    }
    let mut house = House::new("default");
    let data = house.data();
    let data = data.to_str().unwrap();
    let server = house.serve();
    server.manager().enrol("EMP001", &[&photo(OBAMA[0])]).json(201);
    server.manager().enrol("EMP002", &[&photo(BIDEN)]).json(201);
    server.stop();

    house.set("models.pack", "extended");
    let server = house.serve();
    let told = server.camera().recognise(&photo(OBAMA[1])).problem(409, "model_changed");
    assert!(told["detail"].as_str().is_some_and(|d| d.contains("innkeeper face reindex")), "{told}");
    let health = server.anyone().get("/api/v1/cv/health").json(200);
    assert_eq!(health["status"], "degraded", "{health}");
    assert_eq!(health["faces"]["reindex_needed"], true, "{health}");
    // The same face must not slip in under a second name while the first cannot be compared.
    server.manager().enrol("EMP009", &[&photo(OBAMA[1])]).problem(409, "model_changed");
    // What another hotel enrols with the new model makes the answer of this one no truer.
    server.role("manager", "h2").enrol("EMP001", &[&photo(BIDEN)]).json(201);
    assert_eq!(server.role("camera", "h2").recognise(&photo(BIDEN)).json(200)["employee_id"], "EMP001");
    server.camera().recognise(&photo(OBAMA[1])).problem(409, "model_changed");
    server.stop();

    let moved = house.run(&["face", "reindex", "--data-dir", data]).good();
    let lines: Vec<Value> =
        moved.lines().map(|line| serde_json::from_str(line).expect("JSON lines")).collect();
    assert_eq!(lines.len(), 2, "{moved}");
    assert!(lines.iter().all(|l| l["templates"] == 1 && l["problem"].is_null()), "{moved}");

    let server = house.serve();
    let known = server.camera().recognise(&photo(OBAMA[1])).json(200);
    assert_eq!(known["employee_id"], "EMP001", "{known}");
    let health = server.anyone().get("/api/v1/cv/health").json(200);
    assert_eq!((&health["status"], &health["faces"]["reindex_needed"]), (&json!("ok"), &json!(false)));
    let templates = server.manager().embedding("EMP001").json(200)["templates"].clone();
    assert_eq!(templates.as_array().map(Vec::len), Some(1), "{templates}");
    assert_eq!(templates[0]["model"], known["models"]["embedder"]);
    server.stop();
    assert_eq!(
        house.run(&["face", "reindex", "--data-dir", data]).good(),
        "",
        "there was nothing left to do"
    );
    // The photos were kept, so the way back is open.
    house.set("models.pack", "default");
    house.run(&["face", "reindex", "--data-dir", data]).good();
    let server = house.serve();
    assert_eq!(server.camera().recognise(&photo(OBAMA[1])).json(200)["employee_id"], "EMP001");
}

#[test]
fn a_reindex_without_photos_says_whom_to_enrol_again() {
    if !extended_is_installed() {
        return;
    }
    let mut house = House::new("default").with("face.keep_enrolment_photos", false);
    let server = house.serve();
    server.manager().enrol("EMP001", &[&photo(OBAMA[0])]).json(201);
    server.stop();
    house.set("models.pack", "extended");
    let ran = house.run(&["face", "reindex", "--data-dir", house.data().to_str().unwrap()]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let line: Value = serde_json::from_str(ran.stdout.trim_end()).expect("one JSON line");
    assert_eq!((&line["employee_id"], &line["templates"]), (&json!("EMP001"), &json!(0)));
    assert!(line["problem"].as_str().is_some_and(|p| p.contains("enrol")), "{line}");
    // Nothing was thrown away for nothing.
    house.set("models.pack", "default");
    let server = house.serve();
    assert_eq!(server.camera().recognise(&photo(OBAMA[1])).json(200)["employee_id"], "EMP001");
}

#[test]
fn without_models_the_rest_still_works_and_says_which_command_mends_it() {
    let mut house = House::new("default");
    let server = house.serve();
    server.manager().enrol("EMP001", &[&photo(OBAMA[0])]).json(201);
    server.stop();

    let empty = house.desk().join("no-models");
    house.set("models.dir", empty.display());
    let server = house.serve();
    let health = server.anyone().get("/api/v1/cv/health").json(200);
    assert_eq!(
        (&health["status"], &health["faces"]["state"]),
        (&json!("degraded"), &json!("absent")),
        "{health}"
    );
    assert!(
        health["faces"]["detail"].as_str().is_some_and(|d| d.contains("innkeeper models pull")),
        "{health}"
    );
    assert_eq!(health["documents"]["state"], "absent", "{health}");
    let invoice = server.manager().post("/api/v1/cv/ocr/invoice", "image/jpeg", photo(OBAMA[1]));
    let told = invoice.problem(503, "model_not_installed");
    assert!(
        told["detail"].as_str().is_some_and(|d| d.contains("innkeeper models pull --pack default")),
        "{told}"
    );
    for answer in
        [server.camera().recognise(&photo(OBAMA[1])), server.manager().enrol("EMP002", &[&photo(BIDEN)])]
    {
        let told = answer.problem(503, "model_not_installed");
        assert!(told["detail"].as_str().is_some_and(|d| d.contains("innkeeper models pull")), "{told}");
        assert!(!answer.headers.contains_key("retry-after"), "nothing changes by itself");
    }
    let manager = server.manager();
    manager.embedding("EMP001").json(200);
    manager.forget("EMP001").json(200);
    manager.embedding("EMP001").problem(404, "employee_not_enrolled");
}

#[test]
fn a_wrong_setting_stops_the_start_and_is_named() {
    for (key, value) in [
        ("http.lissten", "127.0.0.1:1"),
        ("face.quality.min_sise", "1"),
        ("htpp", "{listen=\"127.0.0.1:1\"}"),
        ("inference.deadline_ms", "0"),
        ("attendance.require_liveness", "sometimes"),
        ("face.threshold", "7.0"),
        ("http.max_body_bytes", "lots"),
        ("hotel.timezone", "Mars/Olympus"),
    ] {
        let house = House::new("default").with(key, value);
        let data = house.data();
        let ran = house.run(&["serve", "--listen", "127.0.0.1:0", "--data-dir", data.to_str().unwrap()]);
        assert_eq!(ran.code, Some(1), "{key}: {}", ran.stderr);
        let last = key.rsplit('.').next().unwrap();
        let said = ran.stderr.to_lowercase();
        assert!(said.contains(last), "{key} is not named: {}", ran.stderr);
        assert!(!data.exists(), "{key}: it began to work before it looked at the settings");
    }
    let house = House::new("no-such-pack");
    let data = house.data();
    let ran = house.run(&["doctor", "--data-dir", data.to_str().unwrap()]);
    assert_eq!(ran.code, Some(1), "an unknown pack: {}", ran.stdout);
    assert!(ran.stderr.contains("no-such-pack"), "{}", ran.stderr);
}
