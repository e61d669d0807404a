//! One face against one employee, faces without a name, and answers that somebody puts right.

use reqwest::Method;
use serde_json::{Value, json};

use crate::pictures::{BIDEN, NOBODY, OBAMA, STRANGER, photo, side_by_side};
use crate::server::{Caller, House, RECOGNISE, files, send, tables};

const VERIFY: &str = "/api/v1/cv/face/verify";
const UNKNOWN: &str = "/api/v1/cv/face/unknown";

fn verify(caller: &Caller<'_>, employee: &str, picture: &[u8]) -> crate::server::Answer {
    caller.post(&format!("{VERIFY}?employee_id={employee}"), "image/jpeg", picture.to_vec())
}

/// A frame at a camera, some minutes after midnight.
fn frame(caller: &Caller<'_>, camera: &str, minute: u32, picture: &[u8]) -> Value {
    let (hour, minute) = (minute / 60, minute % 60);
    let path = format!("{RECOGNISE}?camera_id={camera}&timestamp=2025-03-04T{hour:02}:{minute:02}:00Z");
    caller.post(&path, "image/jpeg", picture.to_vec()).json(200)
}

fn not_this_person(caller: &Caller<'_>, employee: &str, body: &Value) -> crate::server::Answer {
    caller.post_json(&format!("/api/v1/cv/face/{employee}/not-this-person"), body)
}

/// Sources of the attendance rows of an employee, by time.
fn sources(house: &House, employee: &str) -> Vec<String> {
    tables(house, async |store| {
        let rows = store.hotel(&"h1".parse().unwrap());
        let (since, until) =
            ("2025-01-01T00:00:00Z".parse().unwrap(), "2025-12-31T00:00:00Z".parse().unwrap());
        let mut rows = rows.attendance(Some(&employee.parse().unwrap()), since, until, 100).await.unwrap();
        rows.reverse();
        rows.iter().map(|row| row.source.as_str().to_owned()).collect()
    })
}

#[test]
fn a_face_is_verified_against_the_named_employee_only() {
    let house = House::new("default");
    let server = house.serve();
    let (manager, camera) = (server.manager(), server.camera());
    manager.enrol("EMP001", &[&photo(OBAMA[0]), &photo(OBAMA[1])]).json(201);
    manager.enrol("EMP002", &[&photo(BIDEN)]).json(201);

    let same = verify(&camera, "EMP001", &photo(OBAMA[2])).json(200);
    assert_eq!(
        (&same["success"], &same["match"], &same["reason"]),
        (&json!(true), &json!(true), &Value::Null)
    );
    assert!(same["score"].as_f64() >= same["threshold"].as_f64(), "{same}");
    let other = verify(&camera, "EMP002", &photo(OBAMA[2])).json(200);
    assert_eq!((&other["success"], &other["reason"]), (&json!(false), &json!("below_threshold")));
    assert!(other["score"].as_f64() < other["threshold"].as_f64(), "{other}");

    verify(&camera, "EMP003", &photo(OBAMA[2])).problem(404, "employee_not_enrolled");
    verify(&camera, "EMP001", &photo(NOBODY)).problem(422, "no_face");
    let two = side_by_side(&[(OBAMA[2], 400), (BIDEN, 400)]);
    verify(&camera, "EMP001", &two).problem(422, "multiple_faces");
    camera.post_json(VERIFY, &json!({"image": "AAAA"})).problem(400, "bad_request");
    assert!(sources(&house, "EMP001").is_empty(), "verifying is no attendance");
}

#[test]
fn a_camera_with_its_own_threshold_judges_by_it() {
    let mut house = House::new("default");
    house.set("face.cameras", "{cam_strict=0.999}");
    let server = house.serve();
    server.manager().enrol("EMP001", &[&photo(OBAMA[0])]).json(201);
    let camera = server.camera();
    let (strict, other) =
        (frame(&camera, "cam_strict", 1, &photo(OBAMA[1])), frame(&camera, "cam_b", 1, &photo(OBAMA[1])));
    assert_eq!((&strict["success"], &strict["reason"]), (&json!(false), &json!("below_threshold")));
    assert!((strict["threshold"].as_f64().unwrap() - 0.999).abs() < 1e-6, "{strict}");
    assert_eq!(other["employee_id"], "EMP001");
}

#[test]
fn unknown_faces_are_grouped_named_and_become_attendance() {
    let house = House::new("default");
    let server = house.serve();
    let (manager, camera) = (server.manager(), server.camera());
    manager.enrol("EMP002", &[&photo(BIDEN)]).json(201);
    for (minute, name) in [(480, OBAMA[0]), (540, OBAMA[1]), (600, OBAMA[2]), (610, STRANGER)] {
        let answer = frame(&camera, "cam_lobby", minute, &photo(name));
        assert_eq!(answer["success"], false, "{answer}");
        assert!(answer["faces"][0]["unknown_group"].is_string(), "{answer}");
    }
    let listed = manager.get(UNKNOWN).json(200);
    let groups = listed["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 2, "{listed}");
    assert_eq!(groups[1]["sightings"].as_array().unwrap().len(), 3, "{listed}");
    assert_eq!(groups[0]["last_seen_at"], "2025-03-04T10:10:00Z");
    assert_eq!(groups[0]["nearest_employee_id"], "EMP002");

    // Naming needs somebody who agreed to be recognised.
    let group = groups[1]["group_id"].as_str().unwrap();
    let name =
        |who: &str| manager.post_json(&format!("{UNKNOWN}/{group}/name"), &json!({"employee_id": who}));
    name("EMP001").problem(404, "employee_not_enrolled");
    assert_eq!(manager.get(UNKNOWN).json(200)["groups"].as_array().unwrap().len(), 2);

    // Enrolling finds the earlier sightings by itself.
    let enrolled = manager.enrol("EMP001", &[&photo(OBAMA[0])]).json(201);
    assert_eq!(enrolled["earlier_sightings"], 3, "{enrolled}");
    assert_eq!(sources(&house, "EMP001"), ["named_later"; 3]);
    name("EMP001").problem(404, "unknown_face_not_found");

    // And the stranger turns out to be a colleague whose template does not match.
    let left = manager.get(UNKNOWN).json(200);
    let group = left["groups"][0]["group_id"].as_str().unwrap();
    let named = manager
        .post_json(
            &format!("{UNKNOWN}/{group}/name"),
            &json!({"employee_id": "EMP002", "add_template": false}),
        )
        .json(200);
    assert_eq!((&named["sightings"], &named["attendance_opened"]), (&json!(1), &json!(1)), "{named}");
    assert_eq!(sources(&house, "EMP002"), ["named_later"]);
    assert_eq!(manager.get(UNKNOWN).json(200)["groups"], json!([]));
    tables(&house, async |store| assert!(store.verify_audit().await.unwrap().is_intact()));
}

#[test]
fn who_is_deleted_is_not_left_among_the_unknown_faces() {
    let mut house = House::new("default").with("face.unknown.keep_pictures", true);
    house.set("face.cameras", "{cam_strict=0.999}");
    let server = house.serve();
    let (manager, camera) = (server.manager(), server.camera());
    manager.enrol("EMP001", &[&photo(OBAMA[0])]).json(201);
    for (minute, name) in [(480, OBAMA[1]), (490, STRANGER)] {
        let answer = frame(&camera, "cam_strict", minute, &photo(name));
        assert!(answer["faces"][0]["unknown_group"].is_string(), "{answer}");
    }
    let deleted = manager.forget("EMP001").json(200);
    assert_eq!((&deleted["complete"], &deleted["unknown_faces"]), (&json!(true), &json!(1)), "{deleted}");
    let left = manager.get(UNKNOWN).json(200);
    let left = left["groups"].as_array().unwrap();
    assert_eq!((left.len(), &left[0]["last_seen_at"]), (1, &json!("2025-03-04T08:10:00Z")), "{left:?}");
    let picture = manager.get(&format!("{UNKNOWN}/{}/picture", left[0]["group_id"].as_str().unwrap()));
    assert_eq!(picture.status, 200);
    assert_eq!(files(&house.data().join("media")).len(), 1, "a picture of whom was deleted is left");
    // The next frame opens a group of its own: memory holds nothing of the former one either.
    let again = frame(&camera, "cam_b", 500, &photo(OBAMA[1]));
    assert_eq!(again["success"], false, "{again}");
    assert_eq!(manager.get(UNKNOWN).json(200)["groups"].as_array().unwrap().len(), 2);
}

#[test]
fn unknown_faces_are_kept_only_where_the_hotel_wants_them_and_pictures_only_on_request() {
    let house = House::new("default").with("face.unknown.retention_hours", 0);
    let server = house.serve();
    let answer = frame(&server.camera(), "cam", 1, &photo(STRANGER));
    assert!(answer["faces"][0]["unknown_group"].is_null(), "{answer}");
    let listed = server.manager().get(UNKNOWN).json(200);
    assert_eq!((&listed["groups"], &listed["retention_hours"]), (&json!([]), &json!(0)));
    server.stop();

    let house = House::new("default").with("face.unknown.keep_pictures", true);
    let server = house.serve();
    let (manager, camera) = (server.manager(), server.camera());
    frame(&camera, "cam", 1, &photo(STRANGER));
    let listed = manager.get(UNKNOWN).json(200);
    let group = listed["groups"][0]["group_id"].as_str().unwrap().to_owned();
    let picture = manager.get(&format!("{UNKNOWN}/{group}/picture"));
    assert_eq!((picture.status, picture.header("content-type")), (200, "image/jpeg"));
    assert!(image::load_from_memory(&picture.body).is_ok());
    let gone = manager.delete(&format!("{UNKNOWN}/{group}"));
    assert_eq!(gone.status, 204);
    manager.delete(&format!("{UNKNOWN}/{group}")).problem(404, "unknown_face_not_found");
    manager.get(&format!("{UNKNOWN}/{group}/picture")).problem(404, "unknown_face_not_found");
    assert_eq!(files(&house.data().join("media")).len(), 0, "the picture is left");
    let told = tables(&house, async |store| {
        let entries = store.hotel(&"h1".parse().unwrap()).audit_entries(0, 99).await.unwrap();
        entries.into_iter().map(|e| (e.action, e.subject)).collect::<Vec<_>>()
    });
    assert_eq!(told, ["viewed", "forgotten"].map(|what| (format!("unknown_face.{what}"), group.clone())));
}

#[test]
fn a_wrong_answer_is_put_right_and_not_given_again() {
    let house = House::new("default");
    let server = house.serve();
    let (manager, camera) = (server.manager(), server.camera());
    // EMP001 is enrolled with the photo of somebody else: recognised, and wrong.
    manager.enrol("EMP001", &[&photo(OBAMA[0])]).json(201);
    manager.enrol("EMP002", &[&photo(BIDEN)]).json(201);
    let wrong = frame(&camera, "cam", 480, &photo(OBAMA[1]));
    assert_eq!((&wrong["employee_id"], &wrong["attendance"]["recorded"]), (&json!("EMP001"), &json!(true)));
    let id = wrong["answer_id"].clone();

    not_this_person(&manager, "EMP002", &json!({"answer_id": id})).problem(404, "answer_not_found");
    not_this_person(&manager, "EMP001", &json!({})).problem(400, "bad_request");
    not_this_person(&manager, "EMP009", &json!({"answer_id": id})).problem(404, "employee_not_enrolled");
    server
        .role("manager", "h2")
        .post_json("/api/v1/cv/face/EMP001/not-this-person", &json!({"answer_id": id}))
        .problem(404, "employee_not_enrolled");

    let put_right =
        not_this_person(&manager, "EMP001", &json!({"answer_id": id, "correct_employee_id": "EMP002"}))
            .json(200);
    assert_eq!(put_right["attendance"], "reassigned", "{put_right}");
    assert!(sources(&house, "EMP001").is_empty());
    assert_eq!(sources(&house, "EMP002"), ["corrected"]);

    let again = frame(&camera, "cam", 500, &photo(OBAMA[1]));
    assert_eq!((&again["success"], &again["reason"]), (&json!(false), &json!("not_this_person")), "{again}");
    // The same by a picture, for answers that are long gone.
    let mut form = reqwest::blocking::multipart::Form::new();
    form = form.part("image", reqwest::blocking::multipart::Part::bytes(photo(OBAMA[2])));
    let path = "/api/v1/cv/face/EMP001/not-this-person";
    let by_picture = send(manager.request(Method::POST, path).multipart(form)).json(200);
    assert_eq!(by_picture["attendance"], Value::Null);
    let again = frame(&camera, "cam", 520, &photo(OBAMA[2]));
    assert_eq!(again["reason"], "not_this_person", "{again}");
    assert_eq!(verify(&camera, "EMP001", &photo(OBAMA[2])).json(200)["reason"], "not_this_person");

    // A correction can be wrong too.
    let own = json!({"answer_id": id, "correct_employee_id": "EMP001"});
    not_this_person(&manager, "EMP001", &own).problem(400, "bad_request");
    let (first, second) = (&put_right["negative_id"], &by_picture["negative_id"]);
    let path = |id: &Value| format!("/api/v1/cv/face/EMP001/not-this-person/{}", id.as_str().unwrap());
    assert_eq!(manager.delete(&path(second)).status, 204);
    manager.delete(&path(second)).problem(404, "negative_not_found");
    assert_eq!(
        verify(&camera, "EMP001", &photo(OBAMA[2])).json(200)["reason"],
        "not_this_person",
        "the first holds"
    );
    // The first sample was said to show EMP002, so it goes with EMP002.
    assert!(first.is_string());
    assert_eq!(manager.forget("EMP002").json(200)["negatives"], 1);
    assert_eq!(verify(&camera, "EMP001", &photo(OBAMA[2])).json(200)["success"], true);
}

#[test]
fn failed_matches_in_a_row_make_a_client_wait_but_no_camera_that_sees_strangers() {
    let house = House::new("default").with("rate_limits.enabled", false);
    let server = house.serve();
    server.manager().enrol("EMP001", &[&photo(OBAMA[0])]).json(201);
    let (staff, camera) = (server.role("staff", "h1"), server.camera());
    let stranger = photo(STRANGER);
    // The default pack has no liveness model, so five is the limit; a frame without a face is no attempt.
    for _ in 0..4 {
        assert_eq!(verify(&staff, "EMP001", &stranger).json(200)["success"], false);
        verify(&staff, "EMP001", &photo(NOBODY)).problem(422, "no_face");
    }
    assert_eq!(
        verify(&staff, "EMP001", &photo(OBAMA[1])).json(200)["success"],
        true,
        "a success ends the row"
    );
    for _ in 0..5 {
        assert_eq!(verify(&staff, "EMP001", &stranger).json(200)["success"], false);
    }
    let refused = verify(&staff, "EMP001", &photo(OBAMA[1])).problem(429, "too_many_failed_matches");
    assert!((20..=30).contains(&refused["retry_after"].as_u64().unwrap()), "{refused}");
    for _ in 0..12 {
        assert_eq!(camera.recognise(&stranger).json(200)["success"], false);
    }
    // At a door a camera is where somebody claims to be somebody.
    for _ in 0..5 {
        assert_eq!(verify(&camera, "EMP001", &stranger).json(200)["success"], false);
    }
    verify(&camera, "EMP001", &stranger).problem(429, "too_many_failed_matches");
    // Recognition counts on its own.
    for _ in 0..5 {
        assert_eq!(staff.recognise(&stranger).json(200)["success"], false);
    }
    staff.recognise(&photo(OBAMA[1])).problem(429, "too_many_failed_matches");
}
