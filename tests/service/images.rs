//! Pictures of rooms and things over HTTP: kept without metadata, found again, shown to those they belong to, removed.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use innkeeper_core::ModelRef;
use innkeeper_store::ImageVector;
use reqwest::Method;
use reqwest::blocking::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::scenes::{CAMERA, drawn, drawn_again, scene, segments, with_gps};
use crate::server::{Answer, Caller, House, Server, eventually, files, send, tables};

pub(crate) const INDEX: &str = "/api/v1/cv/image/index";
pub(crate) const SEARCH: &str = "/api/v1/cv/image/search";

pub(crate) fn house() -> House {
    House::new("default").with("rate_limits.enabled", false).with("images.deadline_ms", 600_000)
}

/// Keeps a picture with these fields.
pub(crate) fn keep(caller: &Caller<'_>, picture: &[u8], metadata: &Value) -> Answer {
    caller.post_json(INDEX, &json!({"image": STANDARD.encode(picture), "metadata": metadata}))
}

/// The id of a picture that must be kept.
#[track_caller]
pub(crate) fn kept(caller: &Caller<'_>, picture: &[u8], metadata: &Value) -> String {
    keep(caller, picture, metadata).json(201)["image_id"].as_str().expect("an id").to_owned()
}

fn ids(answer: &Value) -> Vec<String> {
    let results = answer["results"].as_array().expect("results").iter();
    results.map(|r| r["image_id"].as_str().expect("an id").to_owned()).collect()
}

/// What stands behind an address.
fn fetch(server: &Server<'_>, url: &str) -> Answer {
    assert!(url.starts_with('/'), "not a path: {url}");
    server.anyone().get(url)
}

#[test]
fn a_picture_is_found_first_by_itself_however_both_are_sent() {
    let house = house();
    let server = house.serve();
    let staff = server.role("staff", "h1");
    let other = kept(&staff, &drawn(7), &json!({"category": "room", "room_number": "7"}));
    let form = Form::new()
        .part("image", Part::bytes(drawn(1)))
        .text("category", "room")
        .text("room_number", "201")
        .text("tags", "Clean, ready");
    let raw = format!("{INDEX}?category=room&room_number=203&tags=clean");
    let answers = [
        send(staff.request(Method::POST, INDEX).multipart(form)).json(201),
        keep(&staff, &drawn(2), &json!({"category": "room", "room_number": "202", "tags": ["clean"]}))
            .json(201),
        staff.post(&raw, "image/jpeg", drawn(3)).json(201),
    ];
    for (n, answer) in answers.iter().enumerate() {
        assert_eq!(answer["category"], "room");
        assert_eq!((&answer["duplicates"], &answer["width"]), (&json!([]), &json!(320)), "{answer}");
        let picture = drawn(n as u64 + 1);
        let asked = json!({"query_image": STANDARD.encode(&picture), "category": "room", "top_k": 10, "threshold": 0.7});
        let found = staff.post_json(SEARCH, &asked).json(200);
        let first = &found["results"][0];
        assert_eq!(first["image_id"], answer["image_id"], "{found}");
        assert!(first["similarity"].as_f64().expect("a number") > 0.99, "{found}");
        assert_eq!(first["metadata"]["room_number"], format!("20{}", n + 1), "{found}");
        assert_eq!((&found["model"], &found["matched_by"]), (&answer["model"], &json!("image")));
        let form = Form::new().part("image", Part::bytes(picture.clone())).text("top_k", "1");
        let by_form = send(staff.request(Method::POST, SEARCH).multipart(form)).json(200);
        let by_bytes =
            staff.post(&format!("{SEARCH}?top_k=1&threshold=0.7"), "image/jpeg", picture).json(200);
        for same in [by_form, by_bytes] {
            assert_eq!(ids(&same), ids(&found)[..1], "{same}");
        }
    }
    // More like one that is here never shows that one.
    let like = staff.post_json(SEARCH, &json!({"image_id": other, "threshold": 0})).json(200);
    assert_eq!(like["results"].as_array().map(Vec::len), Some(3), "{like}");
    assert!(!ids(&like).contains(&other));
}

#[test]
fn nothing_of_where_and_with_what_a_picture_was_taken_is_kept() {
    let house = house();
    let server = house.serve();
    let staff = server.role("staff", "h1");
    let sent = with_gps(5);
    assert!(segments(&sent).contains(&0xe1), "the test sends no metadata");
    let told = keep(&staff, &sent, &json!({"category": "room", "room_number": "5"})).json(201);
    // Upright: the scene is 320 wide, its file was lying on its side.
    assert_eq!((&told["width"], &told["height"]), (&json!(240), &json!(320)), "{told}");
    for url in ["url", "thumbnail_url"] {
        let file = fetch(&server, told[url].as_str().expect("an address"));
        assert_eq!((file.status, file.header("content-type")), (200, "image/jpeg"), "{}", file.text());
        assert!(file.header("cache-control").starts_with("private"), "{:?}", file.headers);
        let kinds = segments(&file.body);
        // Comments and every application segment but JFIF may carry metadata.
        assert!(kinds.iter().all(|kind| !(0xe1..=0xef).contains(kind) && *kind != 0xfe), "{kinds:02x?}");
        for secret in [CAMERA.as_bytes(), b"Exif", b"GPS"] {
            assert!(!file.body.windows(secret.len()).any(|w| w == secret), "{url} keeps metadata");
        }
        let picture = image::load_from_memory(&file.body).expect("a picture");
        assert!(picture.height() > picture.width(), "{url} is not upright");
    }
    server.stop();
    for path in files(&house.data()) {
        let bytes = std::fs::read(&path).expect("it can be read");
        let found = bytes.windows(CAMERA.len()).any(|w| w == CAMERA.as_bytes());
        assert!(!found, "{} holds the name of the camera", path.display());
    }
}

#[test]
fn a_picture_that_is_here_already_is_told_refused_or_named() {
    let house = house();
    let server = house.serve();
    let staff = server.role("staff", "h1");
    let room = json!({"category": "room", "room_number": "201"});
    let first = kept(&staff, &drawn(1), &room);
    kept(&staff, &drawn(2), &room);
    // Another encoding and size of the same scene.
    let again = keep(&staff, &drawn_again(1), &room).json(201);
    let like = again["duplicates"].as_array().expect("a list");
    assert_eq!(like.len(), 1, "{again}");
    assert_eq!((&like[0]["image_id"], &like[0]["same_file"]), (&json!(first), &json!(false)), "{again}");
    assert!(like[0]["similarity"].as_f64() > Some(0.7), "{again}");
    let send = |picture: &[u8], how: &str| {
        staff.post_json(
            INDEX,
            &json!({"image": STANDARD.encode(picture), "metadata": room, "on_duplicate": how}),
        )
    };
    let refused = send(&drawn(1), "reject").problem(409, "duplicate_image");
    let named: Vec<&Value> = refused["duplicates"].as_array().expect("a list").iter().collect();
    assert!(named.iter().any(|d| d["image_id"] == first && d["same_file"] == true), "{refused}");
    let here = send(&drawn(1), "reuse").json(200);
    assert_eq!((&here["image_id"], &here["already_there"]), (&json!(first), &json!(true)), "{here}");
    assert_eq!((&here["indexed"], &here["event_id"]), (&json!(true), &Value::Null), "{here}");
    assert_eq!(send(&drawn(3), "reuse").json(201)["already_there"], false);
    // The same file of another room, or of a thing on the other side of the desk, is not this picture.
    let elsewhere = |metadata: &Value| {
        let picture = STANDARD.encode(drawn(1));
        staff.post_json(INDEX, &json!({"image": picture, "metadata": metadata, "on_duplicate": "reuse"}))
    };
    let [found, lost] =
        ["found", "lost"].map(|side| json!({"category": "lost_found", "kind": "lamp", "side": side}));
    for metadata in
        [json!({"category": "room", "room_number": "202"}), json!({"category": "room"}), found, lost]
    {
        let new = elsewhere(&metadata).json(201);
        assert_eq!((&new["already_there"], &new["indexed"]), (&json!(false), &json!(true)), "{new}");
        assert_eq!(elsewhere(&metadata).json(200)["image_id"], new["image_id"], "{metadata} is kept twice");
    }
    send(&drawn(4), "maybe").problem(400, "bad_request");
    // The same picture under another category is another thing.
    let amenity = keep(&staff, &drawn(1), &json!({"category": "amenity"})).json(201);
    assert_eq!(amenity["duplicates"], json!([]), "{amenity}");
}

#[test]
fn what_is_filtered_by_is_what_is_found() {
    let house = house();
    let server = house.serve();
    let staff = server.role("staff", "h1");
    let of = |seed: u64, metadata: Value| kept(&staff, &drawn(seed), &metadata);
    let a = of(1, json!({"category": "room", "room_number": "201", "tags": ["clean", "morning"]}));
    let b = of(2, json!({"category": "room", "room_number": "201", "tags": ["dirty"]}));
    let third = json!({"category": "room", "room_number": "202", "tags": ["clean"]});
    let third = keep(&staff, &drawn(3), &third).json(201);
    let (c, came) = (third["image_id"].as_str().expect("an id").to_owned(), &third["upload_time"]);
    let d =
        of(4, json!({"category": "amenity", "tags": ["kettle"], "description": "A steel kettle for tea"}));
    let e = of(5, json!({"category": "lost_found", "kind": "Umbrella", "colour": "blue", "tags": ["clean"]}));
    let cases = [
        (json!({}), vec![&a, &b, &c, &d, &e]),
        (json!({"category": "room"}), vec![&a, &b, &c]),
        (json!({"room_number": "201"}), vec![&a, &b]),
        (json!({"tags": ["clean"]}), vec![&a, &c, &e]),
        (json!({"tags": ["Clean", "morning"]}), vec![&a]),
        (json!({"tags_any": ["dirty", "kettle"]}), vec![&b, &d]),
        (json!({"category": "lost_found", "side": "found"}), vec![&e]),
        (json!({"category": "lost_found", "side": "lost"}), vec![]),
        (json!({"category": "reference"}), vec![]),
        (json!({"from": "2020-01-01T00:00:00Z"}), vec![&a, &b, &c, &d, &e]),
        (json!({"to": "2020-01-01T00:00:00Z"}), vec![]),
        // To the microsecond: these came within one second, or nearly.
        (json!({"from": came}), vec![&c, &d, &e]),
        (json!({"to": came}), vec![&a, &b]),
    ];
    let search = |mut body: Value| {
        body["threshold"] = json!(0);
        ids(&staff.post_json(SEARCH, &body).json(200)).into_iter().collect::<BTreeSet<String>>()
    };
    for (filter, expected) in cases {
        let expected: BTreeSet<String> = expected.into_iter().cloned().collect();
        assert_eq!(search(filter.clone()), expected, "{filter}");
        // Every picture is like itself; what is unlike it may be left out.
        let mut by_picture = BTreeSet::new();
        for seed in 1..=5 {
            let mut body = filter.clone();
            body["query_image"] = json!(STANDARD.encode(drawn(seed)));
            by_picture.append(&mut search(body));
        }
        assert_eq!(by_picture, expected, "{filter} by picture");
    }
    // Words that people wrote, newest first.
    let words = |text: &str| staff.post_json(SEARCH, &json!({"query_text": text, "match": "tags"})).json(200);
    let kettle = words("steel kettle");
    assert_eq!(ids(&kettle), [d], "{kettle}");
    assert_eq!((&kettle["matched_by"], &kettle["results"][0]["similarity"]), (&json!("tags"), &Value::Null));
    assert_eq!(ids(&words("blue umbrella")), [e]);
    assert!(ids(&words("submarine")).is_empty());
    let meaning = staff.post_json(SEARCH, &json!({"query_text": "a messy room"}));
    let told = meaning.problem(503, "model_not_installed");
    assert!(told["detail"].as_str().expect("text").contains("tags"), "{told}");
}

#[test]
fn pages_hold_every_picture_once() {
    let house = house();
    let server = house.serve();
    let staff = server.role("staff", "h1");
    // Windows of one scene: all of them are like each other.
    let whole = scene(1, 340, 260);
    let window = |n: u32| {
        let part = image::imageops::crop_imm(&whole, 3 * n, 2 * n, 320, 240).to_image();
        crate::pictures::jpeg(&image::DynamicImage::ImageRgb8(part))
    };
    let mut all: Vec<String> =
        (0..7).map(|n| kept(&staff, &window(n), &json!({"category": "room", "room_number": "1"}))).collect();
    all.reverse();
    for query in [None, Some(all[0].clone())] {
        let (mut seen, mut cursor) = (Vec::new(), Value::Null);
        loop {
            let mut body = json!({"top_k": 3, "threshold": 0, "cursor": cursor});
            if let Some(id) = &query {
                body["image_id"] = json!(id);
            }
            let page = staff.post_json(SEARCH, &body).json(200);
            seen.extend(ids(&page));
            cursor = page["next_cursor"].clone();
            if cursor.is_null() {
                break;
            }
            assert!(seen.len() < 20, "pages never end");
        }
        match &query {
            None => assert_eq!(seen, all, "newest first"),
            Some(id) => {
                let once: BTreeSet<&String> = seen.iter().collect();
                assert_eq!(once.len(), seen.len(), "a picture stands on two pages");
                let others: BTreeSet<&String> = all.iter().filter(|other| *other != id).collect();
                assert_eq!(once, others, "a picture stands on no page");
            }
        }
    }
    for body in [
        json!({"top_k": 0}),
        json!({"top_k": 101}),
        json!({"threshold": 1.5}),
        json!({"cursor": "nowhere"}),
        json!({"image_id": all[0], "cursor": "-1"}),
        json!({"image_id": all[0], "query_text": "both", "match": "tags"}),
        json!({"match": "tags"}),
        json!({"category": "passport"}),
        json!({"side": "left"}),
    ] {
        staff.post_json(SEARCH, &body).problem(400, "bad_request");
    }
    staff.post_json(SEARCH, &json!({"from": "yesterday"})).problem(400, "invalid_timestamp");
    let nobody = json!({"image_id": "00000000-0000-7000-8000-000000000000"});
    staff.post_json(SEARCH, &nobody).problem(404, "image_not_found");
}

#[test]
fn a_removed_picture_is_nowhere_and_its_address_leads_nowhere() {
    let house = house();
    let server = house.serve();
    let staff = server.role("staff", "h1");
    let told = keep(&staff, &drawn(1), &json!({"category": "room", "room_number": "201"})).json(201);
    let path = format!("/api/v1/cv/image/{}", told["image_id"].as_str().expect("an id"));
    let shown = staff.get(&path).json(200);
    assert_eq!(
        (&shown["metadata"]["room_number"], &shown["model"]),
        (&json!("201"), &told["model"]),
        "{shown}"
    );
    assert_eq!(fetch(&server, shown["url"].as_str().expect("an address")).status, 200);
    assert_eq!(files(&house.data().join("media")).len(), 2, "a picture and its thumbnail");
    let receipt = staff.delete(&path).json(200);
    assert_eq!(
        (&receipt["complete"], &receipt["vectors"], &receipt["pictures"]),
        (&json!(true), &json!(1), &json!(2)),
        "{receipt}"
    );
    for answer in
        [staff.get(&path), staff.delete(&path), fetch(&server, told["url"].as_str().expect("an address"))]
    {
        answer.problem(404, "image_not_found");
    }
    let asked = json!({"query_image": STANDARD.encode(drawn(1)), "threshold": 0});
    assert_eq!(staff.post_json(SEARCH, &asked).json(200)["results"], json!([]));
    assert_eq!(files(&house.data().join("media")).len(), 0, "a file is left");
    server.stop();
    tables(&house, async |store| {
        let entries = store.hotel(&"h1".parse().expect("a hotel")).audit_entries(0, 100).await;
        let actions: Vec<String> = entries.expect("the log is read").into_iter().map(|e| e.action).collect();
        assert_eq!(actions, ["image.indexed", "image.deleted"]);
    });
}

#[test]
fn an_address_opens_one_file_for_a_while_and_nothing_else() {
    let house = house().with("images.address_seconds", 3600);
    let server = house.serve();
    let staff = server.role("staff", "h1");
    let [one, two] = [1, 2].map(|n| keep(&staff, &drawn(n), &json!({"category": "room"})).json(201));
    let url = one["url"].as_str().expect("an address").to_owned();
    assert_eq!(fetch(&server, &url).status, 200);
    let id = |of: &Value| of["image_id"].as_str().expect("an id").to_owned();
    let parts: Vec<(String, String)> = url
        .split_once('?')
        .expect("a query")
        .1
        .split('&')
        .map(|part| part.split_once('=').expect("a value"))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let altered = |name: &str, value: &str| {
        let query: Vec<String> =
            parts.iter().map(|(n, v)| format!("{n}={}", if n == name { value } else { v })).collect();
        format!("/api/v1/cv/image/{}/file?{}", id(&one), query.join("&"))
    };
    let later = (chrono::Utc::now().timestamp() + 9_999_999).to_string();
    let signature = &parts.iter().find(|(name, _)| name == "signature").expect("a signature").1;
    let flipped: String = signature.chars().map(|c| if c == 'a' { 'b' } else { 'a' }).collect();
    for bad in [
        altered("variant", "thumbnail"),
        altered("variant", "original"),
        altered("hotel", "h2"),
        altered("hotel", "../h1"),
        altered("expires", &later),
        altered("expires", "soon"),
        altered("signature", &flipped),
        altered("signature", ""),
        altered("signature", &signature[..32]),
        url.replace(&id(&one), &id(&two)),
        url.split('?').next().expect("a path").to_owned(),
        format!("{url}&width=10"),
    ] {
        fetch(&server, &bad).problem(403, "address_invalid");
    }
    // Whoever lets time pass cannot be told from whoever alters the time, unless it was signed.
    let past = altered("expires", "1");
    let told = fetch(&server, &past);
    assert_eq!(told.status, 403, "{}", told.text());
    server.stop();
    let mut short = house;
    short.set("images.address_seconds", 1);
    let server = short.serve();
    let fresh = server.role("staff", "h1").get(&format!("/api/v1/cv/image/{}", id(&one))).json(200);
    let url = fresh["url"].as_str().expect("an address").to_owned();
    eventually("the address expires", || {
        let told = fetch(&server, &url);
        (told.status == 403).then(|| told.problem(403, "address_expired"))
    });
    // A long address that was given before the restart still works: the secret is the installation's.
    assert_eq!(fetch(&server, one["url"].as_str().expect("an address")).status, 200);
}

#[test]
fn what_is_no_picture_or_no_metadata_is_refused_before_anything_is_kept() {
    let house = house();
    let server = house.serve();
    let staff = server.role("staff", "h1");
    let room = json!({"category": "room"});
    keep(&staff, b"a poem", &room).problem(415, "unsupported_image");
    keep(&staff, &drawn(1)[..500], &room).problem(422, "broken_image");
    keep(&staff, b"", &room).problem(415, "unsupported_image");
    keep(&staff, &crate::pictures::claiming(50_000, 50_000), &room).problem(413, "image_too_large");
    let many: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    for metadata in [
        json!({}),
        json!({"category": "passport"}),
        json!({"category": "reference", "room_number": "1"}),
        json!({"category": "room", "side": "lost"}),
        json!({"category": "room", "tags": many}),
        json!({"category": "room", "tags": ["x".repeat(1000)]}),
        json!({"category": "room", "tags": ["a\u{0}b"]}),
        json!({"category": "room", "description": "x".repeat(3000)}),
        json!({"category": "room", "owner": "me"}),
        json!({"category": "lost_found", "side": "both"}),
        json!("room"),
        json!([]),
    ] {
        keep(&staff, &drawn(1), &metadata).problem(400, "bad_request");
    }
    keep(&staff, &drawn(1), &json!({"category": "room", "room_number": "../1"})).problem(400, "invalid_id");
    let late = json!({"category": "lost_found", "occurred_at": "2999-01-01T00:00:00Z"});
    keep(&staff, &drawn(1), &late).problem(400, "invalid_timestamp");
    staff.post_json(INDEX, &json!({"image": STANDARD.encode(drawn(1))})).problem(400, "bad_request");
    staff.post(INDEX, "image/jpeg", drawn(1)).problem(400, "bad_request");
    staff.post(INDEX, "text/plain", "x").problem(415, "unsupported_media_type");
    for role in ["camera", "guest"] {
        let caller = server.role(role, "h1");
        keep(&caller, &drawn(1), &room).problem(403, "forbidden");
        caller.post_json(SEARCH, &json!({})).problem(403, "forbidden");
    }
    keep(&server.anyone(), &drawn(1), &room).problem(401, "unauthenticated");
    assert_eq!(files(&house.data().join("media")).len(), 0, "something was kept");
    assert_eq!(staff.post_json(SEARCH, &json!({})).json(200)["results"], json!([]));
    let log = server.log().join("\n");
    assert!(!log.contains("\"ERROR\"") && !log.contains("panicked"), "something failed inside: {log}");
}

#[test]
fn one_hotel_finds_gets_and_removes_nothing_of_another() {
    let house = house();
    let server = house.serve();
    let (ours, theirs) = (server.role("admin", "h1"), server.role("admin", "h2"));
    let secret = json!({"category": "lost_found", "kind": "umbrella", "description": "Grace's umbrella"});
    let told = keep(&ours, &drawn(1), &secret).json(201);
    let id = told["image_id"].as_str().expect("an id");
    let path = format!("/api/v1/cv/image/{id}");
    theirs.get(&path).problem(404, "image_not_found");
    theirs.delete(&path).problem(404, "image_not_found");
    theirs.post_json(SEARCH, &json!({"image_id": id})).problem(404, "image_not_found");
    for body in [
        json!({"query_image": STANDARD.encode(drawn(1)), "threshold": 0}),
        json!({"query_text": "umbrella", "match": "tags"}),
        json!({}),
    ] {
        assert_eq!(theirs.post_json(SEARCH, &body).json(200)["results"], json!([]), "{body}");
    }
    // The same picture is new there, and no report there hears of what was found here.
    let same = keep(&theirs, &drawn(1), &json!({"category": "lost_found", "kind": "umbrella"})).json(201);
    assert_eq!((&same["duplicates"], &same["matches"]), (&json!([]), &json!([])), "{same}");
    let report = json!({"kind": "umbrella", "image": STANDARD.encode(drawn(1))});
    let matched = ours.post_json("/api/v1/cv/lost-found/reports", &report).json(201);
    let pair = matched["matches"][0]["match_id"].as_str().expect("a match");
    let decide = format!("/api/v1/cv/lost-found/matches/{pair}");
    theirs.post_json(&decide, &json!({"state": "dismissed"})).problem(404, "match_not_found");
    assert_eq!(theirs.get("/api/v1/cv/lost-found/matches").json(200)["matches"], json!([]));
    let url = told["url"].as_str().expect("an address");
    fetch(&server, &url.replace("hotel=h1", "hotel=h2")).problem(403, "address_invalid");
    let own = same["url"].as_str().expect("an address");
    let there = same["image_id"].as_str().expect("an id");
    fetch(&server, &own.replace(there, id)).problem(403, "address_invalid");
    assert_eq!(ours.get(&path).json(200)["metadata"]["description"], "Grace's umbrella");
    assert_eq!(fetch(&server, url).status, 200);
}

#[test]
fn photographs_do_not_share_the_deadline_of_cameras() {
    let mut house = House::new("default").with("rate_limits.enabled", false).with("inference.deadline_ms", 1);
    let room = json!({"category": "room"});
    let server = house.serve();
    keep(&server.role("staff", "h1"), &drawn(1), &room).json(201);
    server.stop();
    house.set("inference.deadline_ms", 600_000);
    house.set("images.deadline_ms", 1);
    let server = house.serve();
    let staff = server.role("staff", "h1");
    keep(&staff, &drawn(2), &room).problem(503, "deadline_exceeded");
    let asked = json!({"query_image": STANDARD.encode(drawn(1))});
    staff.post_json(SEARCH, &asked).problem(503, "deadline_exceeded");
    let judged = json!({"room_number": "201", "image": STANDARD.encode(drawn(1))});
    staff.post_json("/api/v1/cv/room/analyze", &judged).problem(503, "deadline_exceeded");
    let seen = server.camera().recognise(&crate::pictures::photo(crate::pictures::OBAMA[0])).json(200);
    assert_eq!(seen["faces"].as_array().map(Vec::len), Some(1), "{seen}");
}

#[test]
fn addresses_begin_with_the_public_url() {
    let house = house().with("http.public_url", "https://hotel.example/inn/");
    let server = house.serve();
    let told = keep(&server.role("staff", "h1"), &drawn(1), &json!({"category": "room"})).json(201);
    let url = told["url"].as_str().expect("an address");
    assert!(url.starts_with("https://hotel.example/inn/api/v1/cv/image/"), "{url}");
    let path = url.strip_prefix("https://hotel.example/inn").expect("a path");
    assert_eq!(fetch(&server, path).status, 200);
}

#[test]
fn a_picture_that_another_model_described_is_found_again_after_a_start_and_health_says_so() {
    let house = house();
    let server = house.serve();
    let told = keep(&server.role("staff", "h1"), &drawn(1), &json!({"category": "room"})).json(201);
    server.stop();
    let id = told["image_id"].as_str().expect("an id");
    tables(&house, async |store| {
        let former = ModelRef::new("former", "1").expect("a model");
        let vector = ImageVector { model: former, vector: vec![0.6, 0.8, 0.0] };
        let hotel = store.hotel(&"h1".parse().expect("a hotel"));
        let id = id.parse().expect("an id");
        assert!(hotel.replace_image_vector(id, &vector, chrono::Utc::now()).await.expect("a write"));
    });
    let server = house.serve();
    let health = eventually("every picture is described by the running model", || {
        let health = server.anyone().get("/api/v1/cv/health").json(200);
        (health["visual"]["reindex"]["state"] == "done").then_some(health)
    });
    let done = json!({"state": "done", "described": 1, "failed": 0, "detail": null});
    assert_eq!(health["visual"]["reindex"], done, "{health}");
    let staff = server.role("staff", "h1");
    let shown = staff.get(&format!("/api/v1/cv/image/{id}")).json(200);
    assert_eq!(shown["model"], told["model"], "{shown}");
    let asked = json!({"query_image": STANDARD.encode(drawn(1)), "threshold": 0.9});
    assert_eq!(ids(&staff.post_json(SEARCH, &asked).json(200)), [id]);
}

#[test]
fn without_the_model_pictures_are_shown_and_removed_but_none_is_kept() {
    let house = house();
    let server = house.serve();
    let staff = server.role("staff", "h1");
    let told = keep(&staff, &drawn(1), &json!({"category": "room"})).json(201);
    server.stop();
    let empty = house.desk().join("no-models");
    std::fs::create_dir(&empty).expect("a folder");
    let house = house.with("models.dir", empty.display());
    let server = house.serve();
    let staff = server.role("staff", "h1");
    keep(&staff, &drawn(2), &json!({"category": "room"})).problem(503, "model_not_installed");
    let health = server.anyone().get("/api/v1/cv/health").json(200);
    assert_eq!(health["visual"]["state"], "absent", "{health}");
    let id = told["image_id"].as_str().expect("an id");
    assert_eq!(ids(&staff.post_json(SEARCH, &json!({})).json(200)), [id]);
    assert_eq!(staff.post_json(SEARCH, &json!({"image_id": id})).json(200)["results"], json!([]));
    assert_eq!(fetch(&server, told["url"].as_str().expect("an address")).status, 200);
    // A report of loss needs no model.
    let report = staff.post_json("/api/v1/cv/lost-found/reports", &json!({"kind": "umbrella"})).json(201);
    assert_eq!((&report["url"], &report["model"]), (&Value::Null, &Value::Null), "{report}");
    assert_eq!(staff.delete(&format!("/api/v1/cv/image/{id}")).json(200)["complete"], true);
}
