//! Input that is wrong, broken or meant to hurt: every kind has its own answer, none is a 500.

use std::io::{BufReader, Cursor, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use reqwest::Method;
use reqwest::blocking::Body;
use reqwest::blocking::multipart::{Form, Part};
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::pictures::{NOBODY, OBAMA, claiming, photo};
use crate::server::{ENROL, House, RECOGNISE, Server, enrolment, send};

/// The server still does its main job, and nothing failed inside.
pub(crate) fn check_unharmed(server: &Server<'_>) {
    let seen = server.camera().recognise(&photo(OBAMA[0])).json(200);
    assert_eq!(seen["faces"].as_array().map(Vec::len), Some(1), "{seen}");
    let log = server.log().join("\n");
    assert!(!log.contains("\"ERROR\"") && !log.contains("panicked"), "something failed inside: {log}");
}

#[test]
fn what_is_not_a_readable_picture_says_so() {
    let house = House::new("default");
    let server = house.serve();
    let camera = server.camera();
    let whole = photo(OBAMA[0]);
    let mut scrambled = photo(NOBODY);
    let middle = scrambled.len() / 2;
    scrambled[middle..middle + 64].fill(0xA5);
    camera.recognise(&whole[..whole.len() / 2]).problem(422, "broken_image");
    camera.recognise(&whole[..300]).problem(422, "broken_image");
    camera.recognise(&scrambled).problem(422, "broken_image");
    camera.recognise(b"\xFF\xD8\xFF\xE0").problem(422, "broken_image");
    camera.recognise(b"GIF89a").problem(422, "broken_image");
    camera.recognise(b"a poem about faces").problem(415, "unsupported_image");
    camera.recognise(b"<svg xmlns='http://www.w3.org/2000/svg'/>").problem(415, "unsupported_image");
    camera.recognise(b"%PDF-1.7").problem(415, "unsupported_image");
    camera.recognise(b"").problem(415, "unsupported_image");
    camera.post_json(RECOGNISE, &json!({"image": ""})).problem(415, "unsupported_image");
    camera.post_json(RECOGNISE, &json!({"image": "not base64!"})).problem(400, "invalid_base64");
    camera.post_json(RECOGNISE, &json!({"image": "data:image/png,raw"})).problem(400, "invalid_base64");
    check_unharmed(&server);
}

#[test]
fn a_picture_of_too_many_pixels_is_refused_by_its_header() {
    let house = House::new("default");
    let server = house.serve();
    let camera = server.camera();
    camera.recognise(&claiming(50_000, 50_000)).problem(413, "image_too_large");
    camera.recognise(&claiming(50_000, 8)).problem(413, "image_too_large");
    camera.recognise(&claiming(8, 50_000)).problem(413, "image_too_large");
    let mut gif = b"GIF89a".to_vec();
    gif.extend(50_000u16.to_le_bytes());
    gif.extend(50_000u16.to_le_bytes());
    // Two colours, one frame of one pixel, the end.
    gif.extend([0x80, 0, 0, 0, 0, 0, 255, 255, 255]);
    gif.extend([b',', 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0, b';']);
    camera.recognise(&gif).problem(413, "image_too_large");
    let mut png = Cursor::new(Vec::new());
    image::GrayImage::new(50_000, 1).write_to(&mut png, image::ImageFormat::Png).expect("a long picture");
    camera.recognise(&png.into_inner()).problem(413, "image_too_large");
    server.manager().enrol("EMP001", &[&claiming(50_000, 50_000)]).problem(413, "image_too_large");
    check_unharmed(&server);
}

#[test]
fn a_body_over_the_limit_is_answered_and_not_cut_off() {
    let house = House::new("default").with("http.max_body_bytes", 300_000);
    let server = house.serve();
    let camera = server.camera();
    let large = vec![0xFF; 900_000];
    let told = camera.recognise(&large).problem(413, "payload_too_large");
    assert_eq!(told["limit_bytes"], 300_000);
    // Without a declared length the size shows only while it arrives.
    let chunked = camera.post(RECOGNISE, "image/jpeg", Body::new(Cursor::new(large.clone())));
    chunked.problem(413, "payload_too_large");
    let form = Form::new().part("image", Part::bytes(large));
    send(camera.request(Method::POST, RECOGNISE).multipart(form)).problem(413, "payload_too_large");
    server.manager().enrol("EMP001", &[&photo("obama3.jpg")]).problem(413, "payload_too_large");
    // The picture itself fits, so the same connection goes on.
    check_unharmed(&server);
}

#[test]
fn a_refusal_reaches_whoever_is_still_sending() {
    let house = House::new("default");
    let server = house.serve();
    let large = vec![0xFF; 20_000_000];
    for _ in 0..3 {
        server.anyone().recognise(&large).problem(401, "unauthenticated");
        server.role("guest", "h1").recognise(&large).problem(403, "forbidden");
        server.camera().post(RECOGNISE, "video/mp4", large.clone()).problem(415, "unsupported_media_type");
        server.anyone().post("/nowhere", "image/jpeg", large.clone()).problem(404, "not_found");
    }
    check_unharmed(&server);
}

#[test]
fn a_refusal_does_not_wait_for_the_body_it_refuses() {
    let house = House::new("default");
    let server = house.serve();
    for (head, status) in [
        (format!("POST {RECOGNISE}"), "401"),
        ("POST /nowhere".to_owned(), "404"),
        ("PATCH /metrics".to_owned(), "405"),
    ] {
        let wire = TcpStream::connect(server.address).expect("a connection");
        wire.set_read_timeout(Some(Duration::from_secs(20))).expect("a limit");
        let mut sender = wire.try_clone().expect("a second hand");
        write!(sender, "{head} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\n\r\nabc")
            .expect("sent");
        // The rest never comes. The answer does, and then the connection ends.
        let mut answer = Vec::new();
        let ended = BufReader::new(wire).read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{head}: {answer}");
        assert!(
            !matches!(ended, Err(e) if e.kind() == ErrorKind::WouldBlock),
            "{head}: the connection stays"
        );
    }
    check_unharmed(&server);
}

#[test]
fn invented_methods_leave_no_trace_in_the_metrics() {
    let house = House::new("default");
    let server = house.serve();
    for n in 0..5 {
        let method = Method::from_bytes(format!("EVIL{n}").as_bytes()).expect("a method");
        send(server.anyone().request(method.clone(), "/nowhere")).problem(404, "not_found");
        let told = send(server.anyone().request(method, "/metrics")).problem(405, "method_not_allowed");
        assert!(!told.to_string().contains("EVIL"), "{told}");
    }
    let metrics = server.anyone().get("/metrics").text();
    assert!(metrics.contains("method=\"OTHER\"") && !metrics.contains("EVIL"), "{metrics}");
    assert!(!server.log().join("\n").contains("EVIL"), "the log repeats them");
}

#[test]
fn a_file_over_the_limit_of_pictures_is_refused() {
    let house = House::new("default").with("images.max_bytes", 200_000);
    let server = house.serve();
    server.camera().recognise(&photo(OBAMA[0])).problem(413, "payload_too_large");
    let refused = server.manager().enrol("EMP001", &[&photo(OBAMA[0])]).problem(413, "payload_too_large");
    assert_eq!(refused["photos"][0]["code"], "payload_too_large");
    server.camera().recognise(&photo(OBAMA[1])).json(200);
}

#[test]
fn a_content_type_nobody_reads_is_named() {
    let house = House::new("default");
    let server = house.serve();
    let camera = server.camera();
    let frame = photo(OBAMA[0]);
    for kind in
        ["text/plain", "application/xml", "application/x-www-form-urlencoded", "video/mp4", ";;", "image"]
    {
        let told = camera.post(RECOGNISE, kind, frame.clone()).problem(415, "unsupported_media_type");
        assert!(told["detail"].as_str().is_some_and(|d| d.contains("application/json")), "{told}");
    }
    send(camera.request(Method::POST, RECOGNISE).body(frame)).problem(415, "unsupported_media_type");
    camera.post(RECOGNISE, "multipart/form-data", "no boundary").problem(400, "bad_request");
    camera.post(RECOGNISE, "multipart/form-data; boundary=x", "--x\r\nbroken").problem(400, "bad_request");
    check_unharmed(&server);
}

#[test]
fn json_that_is_not_what_was_asked_for_is_a_400() {
    let house = House::new("default");
    let server = house.serve();
    let (camera, manager) = (server.camera(), server.manager());
    let deep = format!("{{\"image\": {}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_metadata = format!(
        "{{\"employee_id\": \"E1\", \"images\": [], \"metadata\": {}{}}}",
        "{\"a\":".repeat(100_000),
        "}".repeat(100_000)
    );
    let bodies = [
        String::new(),
        "null".to_owned(),
        "[]".to_owned(),
        "{".to_owned(),
        "{}".to_owned(),
        r#"{"image": null}"#.to_owned(),
        r#"{"image": 1e999}"#.to_owned(),
        format!(r#"{{"image": {}}}"#, "9".repeat(100_000)),
        r#"{"image": ["aGVsbG8="]}"#.to_owned(),
        r#"{"image": "aGVsbG8=", "image": "aGVsbG8="}"#.to_owned(),
        r#"{"image": "aGVsbG8=", "camera": "cam"}"#.to_owned(),
        r#"{"image": "aGVsbG8=", "camera_id": 7}"#.to_owned(),
        format!(r#"{{"image": "aGVsbG8=", "{}": 7}}"#, "x".repeat(100_000)),
        "{\"image\": \"aGVs\0bG8=\"}".to_owned(),
        r#"{"image": "aGVs\ud800bG8="}"#.to_owned(),
        deep,
    ];
    for body in bodies {
        let start: String = body.chars().take(60).collect();
        let answer = camera.post(RECOGNISE, "application/json", body);
        assert_eq!(answer.status, 400, "{start}: {}", answer.text());
        assert!(answer.body.len() < 1000, "{start}: the answer repeats the request");
        answer.problem(400, "bad_request");
    }
    camera.post(RECOGNISE, "application/json", b"{\"image\": \"\xFF\"}".to_vec()).problem(400, "bad_request");
    camera.post_json(RECOGNISE, &json!({"image": "aGVs\0bG8="})).problem(400, "invalid_base64");
    manager.post(ENROL, "application/json", deep_metadata).problem(400, "bad_request");

    let good = enrolment("EMP001", &[&photo(OBAMA[0])]);
    let with = |pointer: &str, value: Value| {
        let mut body = good.clone();
        *body.pointer_mut(pointer).expect("the field") = value;
        body
    };
    for (pointer, value) in [
        ("/metadata", json!("reception")),
        ("/metadata/name", json!("a\0b")),
        ("/metadata/name", json!("x".repeat(100_000))),
        ("/metadata/department", json!({"deep": 1})),
        ("/images", json!("aGVsbG8=".repeat(100_000))),
        ("/images/0", json!(1)),
        ("/consent", json!(true)),
        ("/consent/policy_version", json!(1)),
    ] {
        let answer = manager.post_json(ENROL, &with(pointer, value.clone()));
        assert!(answer.status == 400, "{pointer}: {} {}", answer.status, answer.text());
        assert!(answer.body.len() < 1000, "{pointer}: the answer repeats the request");
    }
    for wording in ["", "2025\0", &"x".repeat(65)] {
        manager
            .post_json(ENROL, &with("/consent/policy_version", json!(wording)))
            .problem(422, "consent_required");
    }
    manager.embedding("EMP001").problem(404, "employee_not_enrolled");
    check_unharmed(&server);
}

#[test]
fn identifiers_that_could_be_something_else_are_refused() {
    let house = House::new("default");
    let server = house.serve();
    let (camera, manager) = (server.camera(), server.manager());
    let long = "x".repeat(65);
    for bad in ["", " ", "../x", "a/b", "a b", "-rm", ".hidden", "a'--", "é", "a\0b", "a\nb", &long] {
        manager.enrol(bad, &[&photo(OBAMA[0])]).problem(400, "invalid_id");
        let frame = json!({"image": "aGVsbG8=", "camera_id": bad});
        camera.post_json(RECOGNISE, &frame).problem(400, "invalid_id");
    }
    for bad in ["a%20b", "a%00b", "%2Fetc%2Fpasswd", "..%2Fx", "-rm", "a%27--", "%C3%A9", &long] {
        manager.embedding(bad).problem(400, "invalid_id");
        manager.forget(bad).problem(400, "invalid_id");
    }
    // Not even text.
    for answer in [manager.embedding("%FF"), manager.forget("%FF")] {
        answer.problem(400, "invalid_id");
    }
    let query = format!("{RECOGNISE}?camera_id=a%00b");
    camera.post(&query, "image/jpeg", photo(OBAMA[0])).problem(400, "invalid_id");
    check_unharmed(&server);
}

#[test]
fn fields_of_forms_and_queries_are_checked_like_json() {
    let house = House::new("default");
    let server = house.serve();
    let camera = server.camera();
    let frame = photo(OBAMA[0]);
    for query in
        ["camera=x", "camera_id=a&camera_id=b", "image=aGVsbG8%3D", "camera_id.x=1", "camera_id=%7B", "%FF=1"]
    {
        let answer = camera.post(&format!("{RECOGNISE}?{query}"), "image/jpeg", frame.clone());
        assert_eq!(answer.status, 400, "{query}: {}", answer.text());
        answer.problem(400, "bad_request");
    }
    let part = || Part::bytes(frame.clone());
    for (why, form) in [
        ("no picture", Form::new().text("camera_id", "cam")),
        ("two pictures", Form::new().part("image", part()).part("image", part())),
        ("an unknown field", Form::new().part("image", part()).text("camera", "cam")),
        ("a field twice", Form::new().part("image", part()).text("camera_id", "a").text("camera_id", "b")),
        ("a huge field", Form::new().part("image", part()).text("camera_id", "a".repeat(100_000))),
    ] {
        let answer = send(camera.request(Method::POST, RECOGNISE).multipart(form));
        assert_eq!(answer.status, 400, "{why}: {}", answer.text());
        answer.problem(400, "bad_request");
    }
    check_unharmed(&server);
}

#[test]
fn a_clock_that_is_wrong_is_noticed() {
    let house = House::new("default");
    let server = house.serve();
    let camera = server.camera();
    let frame = photo(OBAMA[0]);
    let bad = [
        "",
        "now",
        "2025-01-17",
        "2025-01-17T08:30:00",
        "2025-02-30T08:30:00Z",
        "2999-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "-9999-01-01T00:00:00Z",
        "99999-01-01T00:00:00Z",
        "1737102600",
    ];
    for at in bad {
        let query = format!("{RECOGNISE}?timestamp={at}");
        camera.post(&query, "image/jpeg", frame.clone()).problem(400, "invalid_timestamp");
    }
    // A few seconds ahead happen to every clock; a sign has to be written as %2B in a query.
    let soon = (chrono::Utc::now() + chrono::TimeDelta::seconds(60))
        .to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    for at in [soon.as_str(), "2025-01-17T15:30:00%2B07:00", "2025-01-17t08:30:00z"] {
        camera.post(&format!("{RECOGNISE}?timestamp={at}"), "image/jpeg", frame.clone()).json(200);
    }
}

#[test]
fn a_header_cannot_forge_the_log() {
    let house = House::new("default");
    let server = house.serve();
    let camera = server.camera();
    let ask = |id: &str| {
        let request = camera.request(Method::POST, RECOGNISE).header("x-request-id", id);
        send(request.header(CONTENT_TYPE, "text/plain").body("x")).problem(415, "unsupported_media_type")
    };
    assert_eq!(ask("lobby-7:42")["request_id"], "lobby-7:42");
    for forged in ["a b", "\"},{\"level\":\"ERROR\"", &"x".repeat(65), "ünicode"] {
        let given = ask(forged)["request_id"].clone();
        assert_ne!(given, forged);
        assert!(given.as_str().is_some_and(|id| id.len() == 36), "{given}");
    }
}
