//! Who gets in, which photos are refused and why, and that whoever leaves is gone.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use innkeeper_vectors::Veil;
use reqwest::Method;
use reqwest::blocking::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::pictures::{BIDEN, NOBODY, OBAMA, STRANGER, photo, shrunk, side_by_side};
use crate::server::{ENROL, House, blobs, enrolment, eventually, extended_is_installed, files, send, tables};

fn codes(answer: &Value) -> Vec<&Value> {
    answer["photos"].as_array().expect("photos").iter().map(|photo| &photo["code"]).collect()
}

#[test]
fn nobody_is_enrolled_without_consent() {
    let house = House::new("default");
    let server = house.serve();
    let manager = server.manager();
    let good = enrolment("EMP001", &[&photo(OBAMA[0])]);
    let mut without = good.clone();
    without.as_object_mut().unwrap().remove("consent");
    manager.post_json(ENROL, &without).problem(422, "consent_required");
    let mut empty = good.clone();
    empty["consent"]["policy_version"] = json!(" ");
    manager.post_json(ENROL, &empty).problem(422, "consent_required");
    let mut future = good.clone();
    future["consent"]["given_at"] = json!("2999-01-01T00:00:00Z");
    manager.post_json(ENROL, &future).problem(400, "invalid_timestamp");
    manager.embedding("EMP001").problem(404, "employee_not_enrolled");
    let nobody = server.camera().recognise(&photo(OBAMA[0])).json(200);
    assert_eq!(nobody["reason"], "nobody_enrolled");
}

#[test]
fn photos_of_somebody_else_stay_out_and_the_rest_gets_in() {
    let house = House::new("default");
    let server = house.serve();
    let manager = server.manager();
    let mixed = manager.enrol("EMP001", &[&photo(OBAMA[0]), &photo(BIDEN), &photo(OBAMA[1])]).json(201);
    assert_eq!(codes(&mixed), [&Value::Null, &json!("different_people"), &Value::Null], "{mixed}");
    assert_eq!((&mixed["enrolled"], &mixed["templates"]), (&json!(2), &json!(2)));
    assert_eq!(mixed["photos"][1]["accepted"], false);
    assert_eq!(mixed["photos"][1]["index"], 1);
    // The rejected face stays free: it was nobody's.
    manager.enrol("EMP002", &[&photo(BIDEN)]).json(201);

    // A later photo must show who is enrolled already.
    let wrong = manager.enrol("EMP001", &[&photo(STRANGER)]).problem(422, "different_people");
    assert_eq!(codes(&wrong), [&json!("different_people")]);
    let more = manager.enrol("EMP001", &[&photo(OBAMA[2]), &photo(OBAMA[0])]).json(201);
    assert_eq!(codes(&more), [&Value::Null, &json!("already_enrolled")], "{more}");
    assert_eq!((&more["enrolled"], &more["templates"]), (&json!(1), &json!(3)));
    // One against one: nothing says who is right.
    manager.enrol("EMP003", &[&photo(OBAMA[0]), &photo(BIDEN)]).problem(422, "different_people");
    manager.embedding("EMP003").problem(404, "employee_not_enrolled");
}

#[test]
fn a_face_belongs_to_one_employee_and_only_an_admin_learns_to_whom() {
    let house = House::new("default");
    let server = house.serve();
    server.manager().enrol("EMP001", &[&photo(OBAMA[0])]).json(201);
    let told =
        server.role("admin", "h1").enrol("EMP002", &[&photo(OBAMA[1])]).problem(409, "face_already_enrolled");
    assert_eq!((&told["enrolled_as"], &told["photo"]), (&json!("EMP001"), &json!(0)));
    let refused = server.manager().enrol("EMP002", &[&photo(OBAMA[1])]);
    refused.problem(409, "face_already_enrolled");
    assert!(!refused.text().contains("EMP001"), "a manager learns who it is: {}", refused.text());
    server.manager().embedding("EMP002").problem(404, "employee_not_enrolled");
    // In another hotel it is another matter.
    server.role("manager", "h2").enrol("EMP002", &[&photo(OBAMA[1])]).json(201);
}

#[test]
fn an_unusable_photo_is_refused_with_its_own_reason() {
    let house = House::new("default");
    let server = house.serve();
    let manager = server.manager();
    let two = side_by_side(&[(OBAMA[0], 1100), (BIDEN, 1600)]);
    // A face of about 50 pixels: enough to recognise, too little to enrol.
    let small = shrunk(OBAMA[0], 230);
    let half = photo(OBAMA[0])[..100_000].to_vec();
    for (code, status, bytes) in [
        ("no_face", 422, photo(NOBODY)),
        ("multiple_faces", 422, two.clone()),
        ("face_too_small", 422, small),
        ("broken_image", 422, half.clone()),
        ("unsupported_image", 415, b"good morning".to_vec()),
    ] {
        let refused = manager.enrol("EMP001", &[&bytes]).problem(status, code);
        assert_eq!(codes(&refused), [&json!(code)], "{refused}");
        manager.embedding("EMP001").problem(404, "employee_not_enrolled");
    }
    // All of one request are judged one by one.
    let none = manager.enrol("EMP001", &[&photo(NOBODY), &half]).problem(422, "no_usable_photo");
    assert_eq!(codes(&none), [&json!("no_face"), &json!("broken_image")]);
    let some = manager.enrol("EMP001", &[&two, &photo(OBAMA[0]), &half]).json(201);
    assert_eq!(codes(&some), [&json!("multiple_faces"), &Value::Null, &json!("broken_image")]);
    assert_eq!(some["enrolled"], 1);
    manager.enrol("EMP002", &[]).problem(400, "bad_request");
    let photo = photo(NOBODY);
    manager.enrol("EMP002", &[&photo[..]; 21]).problem(400, "bad_request");
}

#[test]
fn a_form_with_files_enrols_like_json() {
    let house = House::new("default");
    let server = house.serve();
    let manager = server.manager();
    let part = |name| Part::bytes(photo(name)).file_name(name);
    let form = Form::new()
        .text("employee_id", "EMP001")
        .text("metadata", r#"{"name": "Nguyễn Văn A", "department": "reception"}"#)
        .text("consent.given_at", "2025-01-17T08:30:00Z")
        .text("consent.policy_version", "2025-01")
        .part("image", part(OBAMA[0]))
        .part("images", part(OBAMA[1]));
    let enrolled = send(manager.request(Method::POST, ENROL).multipart(form)).json(201);
    assert_eq!(enrolled["templates"], 2);
    let read = manager.embedding("EMP001").json(200);
    assert_eq!((&read["name"], &read["department"]), (&json!("Nguyễn Văn A"), &json!("reception")));
    let template = &read["templates"][0];
    assert_eq!(template["model"], enrolled["model"]);
    let vector: Vec<f64> = serde_json::from_value(template["vector"].clone()).expect("numbers");
    let length: f64 = vector.iter().map(|v| v * v).sum::<f64>().sqrt();
    assert!((length - 1.0).abs() < 1e-4, "not a unit vector: {length}");
}

/// Stretches of 16 bytes: short enough that no page boundary hides them all, long enough not to occur by chance.
fn stretches(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    bytes.chunks_exact(16).map(<[u8]>::to_vec)
}

fn on_disk(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// The vectors of an answer.
fn vectors(embedding: &Value) -> Vec<Vec<f32>> {
    let templates = embedding["templates"].as_array().expect("templates");
    templates.iter().map(|t| serde_json::from_value(t["vector"].clone()).expect("numbers")).collect()
}

/// What is stored of an employee, as it lies on the disk: sealed rows, and vectors under the house's veil.
fn stored(house: &House, embedding: &Value) -> Vec<Vec<u8>> {
    let employee = embedding["employee_id"].as_str().expect("an id");
    let mut traces = Vec::new();
    for query in [
        format!("SELECT vector FROM face_templates WHERE employee_id = '{employee}'"),
        format!("SELECT sealed_profile FROM employees WHERE id = '{employee}'"),
    ] {
        traces.extend(blobs(house, &query).iter().flat_map(|blob| stretches(blob)));
    }
    let secret = tables(house, async |store| store.secret("vector-veil").await.expect("a secret"));
    for vector in vectors(embedding) {
        let veiled = Veil::new(&secret, vector.len()).apply(&vector).expect("of this length");
        traces.extend(stretches(&on_disk(&veiled)));
    }
    traces
}

/// An employee's name and vectors as nobody may find them on the disk.
fn plain(embedding: &Value) -> Vec<Vec<u8>> {
    let name = embedding["name"].as_str().expect("a name").as_bytes();
    let mut traces =
        vec![name.get(..16).expect("a name of 16 bytes or a few more, so that it is one trace").to_vec()];
    traces.extend(vectors(embedding).iter().flat_map(|v| stretches(&on_disk(v)).collect::<Vec<_>>()));
    traces
}

/// Whether one of the traces stands in these bytes. Whole pages of zeros, of which an index has many, are
/// skipped; what begins in the page before them is still seen.
fn shows(bytes: &[u8], traces: &HashSet<&[u8]>) -> bool {
    const PAGE: usize = 4096;
    bytes.chunks(PAGE).enumerate().filter(|(_, page)| **page != [0; PAGE][..page.len()]).any(|(i, page)| {
        let end = (i * PAGE + page.len() + 15).min(bytes.len());
        bytes[(i * PAGE).saturating_sub(15)..end].windows(16).any(|window| traces.contains(window))
    })
}

/// The files that hold one of the traces. A file that goes away while we look holds nothing.
fn holding(folder: &Path, traces: &[Vec<u8>]) -> Vec<PathBuf> {
    let traces = traces.iter().map(Vec::as_slice).collect();
    files(folder)
        .into_iter()
        .filter(|path| fs::read(path).is_ok_and(|bytes| shows(&bytes, &traces)))
        .collect()
}

fn deleting_leaves_nothing_behind(pack: &str) {
    let house = House::new(pack);
    let server = house.serve();
    let (camera, manager) = (server.camera(), server.manager());
    manager.enrol("EMP001", &[&photo(OBAMA[0]), &photo(OBAMA[1])]).json(201);
    manager.enrol("EMP002", &[&photo(BIDEN)]).json(201);
    let (leaving, staying) = (manager.embedding("EMP001").json(200), manager.embedding("EMP002").json(200));
    let seen = camera.recognise(&photo(OBAMA[2])).json(200);
    assert_eq!(seen["employee_id"], "EMP001");
    let rows = u64::from(seen["attendance"]["recorded"] == true);

    let media = house.data().join("media");
    assert_eq!(files(&media).len(), 3, "one photo a template");
    let gone = stored(&house, &leaving);
    let bare: Vec<Vec<u8>> = plain(&leaving).into_iter().chain(plain(&staying)).collect();
    assert_eq!(
        holding(&house.data(), &bare),
        Vec::<PathBuf>::new(),
        "a name or a template lies there unsealed"
    );
    assert!(holding(&house.data(), &gone).len() >= 2, "tables and index hold them, or the search is blind");

    let receipt = manager.forget("EMP001").json(200);
    assert_eq!((&receipt["success"], &receipt["employee_id"]), (&json!(true), &json!("EMP001")));
    let counts: Vec<&Value> = ["templates", "vectors", "photos", "consents", "attendance_rows"]
        .iter()
        .map(|key| &receipt[key])
        .collect();
    assert_eq!(counts, [&json!(2), &json!(2), &json!(2), &json!(1), &json!(rows)], "{receipt}");

    assert_eq!(files(&media).len(), 1, "photos are left");
    manager.embedding("EMP001").problem(404, "employee_not_enrolled");
    manager.forget("EMP001").problem(404, "employee_not_enrolled");
    let unknown = camera.recognise(&photo(OBAMA[0])).json(200);
    assert_eq!((&unknown["employee_id"], &unknown["reason"]), (&Value::Null, &json!("below_threshold")));
    // The index writes its files anew in the background.
    let scrubbed = || {
        let left = holding(&house.data(), &gone);
        left.is_empty().then_some(())
    };
    eventually("no file holds the vectors", scrubbed);

    assert!(holding(&house.data(), &stored(&house, &staying)).len() >= 2, "the other person went too");
    assert_eq!(camera.recognise(&photo(BIDEN)).json(200)["employee_id"], "EMP002");
    server.stop();
    for traces in [&gone, &bare] {
        assert_eq!(
            holding(&house.data(), traces),
            Vec::<PathBuf>::new(),
            "it came back when the server closed"
        );
    }
    let server = house.serve();
    let unknown = server.camera().recognise(&photo(OBAMA[0])).json(200);
    assert!(unknown["employee_id"].is_null(), "{unknown}");
    server.manager().enrol("EMP009", &[&photo(OBAMA[0])]).json(201);
}

#[test]
fn a_deleted_person_is_in_no_answer_and_no_file() {
    deleting_leaves_nothing_behind("default");
}

#[test]
fn a_deleted_person_is_in_no_file_of_the_extended_pack_either() {
    if extended_is_installed() {
        deleting_leaves_nothing_behind("extended");
    }
}

#[test]
fn a_power_cut_right_after_a_deletion_leaves_nothing_behind_either() {
    let house = House::new("default");
    let server = house.serve();
    let manager = server.manager();
    manager.enrol("EMP001", &[&photo(OBAMA[0])]).json(201);
    manager.enrol("EMP002", &[&photo(BIDEN)]).json(201);
    let gone = stored(&house, &manager.embedding("EMP001").json(200));
    manager.forget("EMP001").json(200);
    server.kill();
    let server = house.serve();
    eventually("no file holds the vectors", || holding(&house.data(), &gone).is_empty().then_some(()));
    assert_eq!(files(&house.data().join("media")).len(), 1);
    assert_eq!(server.camera().recognise(&photo(BIDEN)).json(200)["employee_id"], "EMP002");
}

#[test]
fn photos_are_kept_only_where_the_hotel_wants_them() {
    let house = House::new("default").with("face.keep_enrolment_photos", false);
    let server = house.serve();
    server.manager().enrol("EMP001", &[&photo(OBAMA[0])]).json(201);
    assert_eq!(files(&house.data().join("media")), Vec::<PathBuf>::new());
    assert_eq!(server.camera().recognise(&photo(OBAMA[1])).json(200)["employee_id"], "EMP001");
}
