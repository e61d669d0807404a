//! Who may what, in whose hotel, and how often.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::pictures::{OBAMA, photo};
use crate::server::{ENROL, House, RECOGNISE, send};

/// HMAC-SHA-256 (RFC 2104), so that a test can sign what the product would never issue.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut block = [0u8; 64];
    assert!(key.len() <= block.len(), "a longer key would be hashed first");
    block[..key.len()].copy_from_slice(key);
    let inner = Sha256::new().chain_update(block.map(|b| b ^ 0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(block.map(|b| b ^ 0x5C)).chain_update(inner).finalize().to_vec()
}

/// The token with changed claims, signed with the house's own secret.
pub(crate) fn resigned(house: &House, token: &str, change: impl FnOnce(&mut Value)) -> String {
    let secret = std::fs::read(house.data().join("secrets/jwt.key")).expect("the secret");
    let mut parts = token.split('.');
    let (head, claims) = (parts.next().unwrap(), parts.next().unwrap());
    let mut claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    change(&mut claims);
    let text = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let signature = URL_SAFE_NO_PAD.encode(hmac(secret.trim_ascii_end(), text.as_bytes()));
    format!("{text}.{signature}")
}

/// The token with another algorithm in its header and nothing as its signature.
pub(crate) fn unsigned(token: &str, algorithm: &str) -> String {
    let claims = token.split('.').nth(1).expect("claims");
    format!("{}.{claims}.", URL_SAFE_NO_PAD.encode(json!({"alg": algorithm, "typ": "JWT"}).to_string()))
}

#[test]
fn a_token_that_is_missing_expired_or_forged_opens_nothing() {
    let house = House::new("default");
    let server = house.serve();
    let frame = photo(OBAMA[0]);
    let told = server.anyone().recognise(&frame);
    told.problem(401, "unauthenticated");
    assert_eq!(told.header("www-authenticate"), "Bearer");

    let good = house.token("staff", "h1");
    server.with(resigned(&house, &good, |_| ())).recognise(&frame).json(200);
    let hour_ago = |claims: &mut Value| {
        for (claim, ago) in [("iat", 7200), ("nbf", 7200), ("exp", 3600)] {
            claims[claim] = json!(chrono::Utc::now().timestamp() - ago);
        }
    };
    let (text, signature) = good.rsplit_once('.').unwrap();
    let elsewhere = House::new("default");
    for (why, token) in [
        ("expired", resigned(&house, &good, hour_ago)),
        ("no end", resigned(&house, &good, |c| drop(c.as_object_mut().unwrap().remove("exp")))),
        ("no hotel", resigned(&house, &good, |c| drop(c.as_object_mut().unwrap().remove("hotel")))),
        ("unknown role", resigned(&house, &good, |c| c["role"] = json!("root"))),
        ("unknown permission", resigned(&house, &good, |c| c["permissions"] = json!(["cv:*"]))),
        ("no permissions", resigned(&house, &good, |c| c["permissions"] = Value::Null)),
        ("unsigned", unsigned(&good, "none")),
        ("another signature", format!("{text}.{}", signature.chars().rev().collect::<String>())),
        ("another house", elsewhere.token("admin", "h1")),
        ("not a token", "letmein".to_owned()),
        ("very long", "a".repeat(10_000)),
    ] {
        let refused = server.with(token).recognise(&frame);
        assert_eq!(refused.status, 401, "{why}: {}", refused.text());
        refused.problem(401, "invalid_token");
        assert_eq!(refused.header("www-authenticate"), "Bearer", "{why}");
    }
    let basic = send(server.anyone().request(Method::POST, RECOGNISE).basic_auth("admin", Some("admin")));
    basic.problem(401, "invalid_token");
}

#[test]
fn a_role_does_its_own_work_and_no_more() {
    let house = House::new("default");
    let server = house.serve();
    let frame = photo(OBAMA[0]);
    for (role, may_recognise, may_enrol) in [
        ("camera", true, false),
        ("staff", true, false),
        ("manager", true, true),
        ("admin", true, true),
        ("guest", false, false),
        ("data-scientist", false, false),
    ] {
        let caller = server.role(role, "h1");
        let check = |answer: crate::server::Answer, may: bool, what: &str| {
            assert_eq!(answer.status != 403, may, "{role} {what}: {}", answer.text());
            if !may {
                answer.problem(403, "forbidden");
            }
        };
        check(caller.recognise(&frame), may_recognise, "recognises");
        check(caller.enrol("EMP001", &[&frame]), may_enrol, "enrols");
        check(caller.embedding("EMP001"), may_enrol, "reads embeddings");
        check(caller.forget("EMP001"), may_enrol, "deletes");
    }
}

#[test]
fn one_hotel_sees_nothing_of_another() {
    let house = House::new("default");
    let server = house.serve();
    let (ours, theirs) = (server.manager(), server.role("admin", "h2"));
    ours.enrol("EMP001", &[&photo(OBAMA[0])]).json(201);
    let seen = server.role("camera", "h2").recognise(&photo(OBAMA[0])).json(200);
    assert_eq!((&seen["employee_id"], &seen["reason"]), (&Value::Null, &json!("nobody_enrolled")));
    assert!(seen["score"].is_null() && seen["second_best_score"].is_null(), "a score leaks: {seen}");
    theirs.embedding("EMP001").problem(404, "employee_not_enrolled");
    theirs.forget("EMP001").problem(404, "employee_not_enrolled");

    // The same face under the same number there is another person, and goes alone.
    theirs.enrol("EMP001", &[&photo(OBAMA[1])]).json(201);
    let frame = photo(OBAMA[2]);
    let here = server.camera().recognise(&frame).json(200);
    let there = server.role("camera", "h2").recognise(&frame).json(200);
    assert_ne!(here["score"], there["score"], "both hotels look at the same template");
    assert_ne!(here["attendance"]["id"], there["attendance"]["id"]);
    assert_eq!(theirs.forget("EMP001").json(200)["attendance_rows"], 1);
    assert_eq!(server.camera().recognise(&frame).json(200)["employee_id"], "EMP001");
    ours.embedding("EMP001").json(200);
}

#[test]
fn a_person_at_a_screen_is_slowed_down_and_a_camera_is_not() {
    let house = House::new("default");
    let server = house.serve();
    let (staff, camera, frame) = (server.role("staff", "h1"), server.camera(), photo(OBAMA[1]));
    // A slot comes back every six seconds; on a slow machine a few more than ten calls may pass.
    let refused =
        (0..30).map(|_| staff.recognise(&frame)).enumerate().find(|(_, answer)| answer.status == 429);
    let (passed, refused) = refused.expect("the limit is never reached");
    assert!(passed >= 10, "refused after {passed} calls");
    let told = refused.problem(429, "rate_limited");
    let wait: u64 = refused.header("retry-after").parse().expect("Retry-After in seconds");
    assert!((1..=60).contains(&wait), "{told}");
    for _ in 0..15 {
        camera.recognise(&frame).json(200);
    }
    // Another person has an allowance of their own, and other calls are counted apart.
    let colleague = house.token_with(&["--subject", "colleague", "--role", "staff", "--hotel", "h1"]);
    server.with(colleague).recognise(&frame).json(200);
    staff.enrol("EMP001", &[&frame]).problem(403, "forbidden");
}

#[test]
fn guessing_tokens_is_slowed_down() {
    let house = House::new("default").with("rate_limits.general_per_minute", 5);
    let server = house.serve();
    let guess = || server.with("letmein").post_json(ENROL, &json!({}));
    let refused = (0..20).map(|_| guess()).find(|answer| answer.status == 429).expect("never slowed down");
    refused.problem(429, "rate_limited");
    // Whoever has a token does not suffer for it.
    server.manager().embedding("EMP001").problem(404, "employee_not_enrolled");
}

#[test]
fn calls_without_permission_are_counted_like_others() {
    let house = House::new("default").with("rate_limits.general_per_minute", 5);
    let server = house.serve();
    let guest = server.role("guest", "h1");
    let mut answers = (0..20).map(|_| guest.embedding("EMP001"));
    assert!(answers.any(|answer| answer.status == 429), "refusals are free");
}

#[test]
fn a_page_of_another_site_cannot_use_a_house_for_development() {
    let house = House::new("default");
    let server = house.serve_dev();
    let ask = |name: &str, value: &str| {
        let request = server.anyone().request(Method::GET, "/api/v1/cv/face/embedding/EMP001");
        send(request.header(name, value))
    };
    let own = format!("http://{}", server.address);
    for (name, value) in [("host", "evil.example"), ("origin", "https://evil.example"), ("origin", "null")] {
        ask(name, value).problem(403, "forbidden");
    }
    for (name, value) in [("host", "localhost:8000"), ("host", "[::1]:8000"), ("origin", own.as_str())] {
        ask(name, value).problem(404, "employee_not_enrolled");
    }
}

#[test]
fn a_house_for_development_needs_no_token() {
    let house = House::new("default");
    let data = house.data();
    let args = ["serve", "--dev", "--listen", "0.0.0.0:0", "--data-dir", data.to_str().unwrap()];
    let refused = house.run(&args);
    assert_ne!(refused.code, Some(0));
    assert!(refused.stderr.contains("loopback"), "{}", refused.stderr);
    assert!(!data.exists(), "it touched the data directory before it refused");
    let server = house.serve_dev();
    server.anyone().enrol("EMP001", &[&photo(OBAMA[0])]).json(201);
    for _ in 0..12 {
        server.anyone().recognise(&photo(OBAMA[1])).json(200);
    }
    assert!(server.log_line("--dev").is_some_and(|line| line["level"] == "WARN"), "it does not warn");
}
