//! What every path has in common: documents, health, metrics, errors and request ids.

use reqwest::Method;
use serde_json::{Value, json};

use crate::pictures::{NOBODY, OBAMA, photo};
use crate::server::{House, RECOGNISE, eventually, send};

#[test]
fn the_published_interface_is_the_one_that_runs() {
    let house = House::new("default");
    let server = house.serve();
    let served = server.anyone().get("/openapi.json").json(200);
    let printed: Value = serde_json::from_str(&house.run(&["openapi"]).good()).expect("JSON");
    assert_eq!(served, printed);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    let committed: Value = serde_json::from_str(&std::fs::read_to_string(path).expect(path)).expect("JSON");
    assert!(served == committed, "api/openapi.json is out of date: run `make openapi`");
    for path in [
        RECOGNISE,
        "/api/v1/cv/face/enroll",
        "/api/v1/cv/face/embedding/{employee_id}",
        "/api/v1/cv/face/{employee_id}",
        "/api/v1/cv/ocr/invoice",
        "/api/v1/cv/ocr/id",
        "/api/v1/feedback",
        "/api/v1/cv/health",
        "/api/v1/cv/metrics",
        "/api/v1/ml/forecast/occupancy",
        "/api/v1/ml/forecast/revenue",
        "/api/v1/ml/forecast/housekeeping_demand",
        "/api/v1/ml/forecast/backtest",
        "/api/v1/ml/health",
        "/api/v1/ml/metrics",
        "/metrics",
    ] {
        assert!(served["paths"][path].is_object(), "{path} is not documented");
    }
}

#[test]
fn the_documents_need_nothing_from_elsewhere() {
    let house = House::new("default");
    let server = house.serve();
    let page = server.anyone().get("/docs");
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").starts_with("text/html"), "{}", page.header("content-type"));
    let html = page.text();
    let mut loaded = 0;
    for attribute in ["src=\"", "href=\""] {
        for target in html.split(attribute).skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(!target.contains("//"), "{target} is loaded from elsewhere");
            let name = target.trim_start_matches("./");
            let answer = server.anyone().get(&format!("/docs/{name}"));
            assert_eq!(answer.status, 200, "{target} is missing");
            loaded += 1;
        }
    }
    assert!(loaded >= 3, "no scripts and styles: {html}");
    let setup = server.anyone().get("/docs/swagger-initializer.js").text();
    assert!(setup.contains("/openapi.json") && !setup.contains("https://"), "{setup}");
}

#[test]
fn health_says_what_runs_and_with_which_thresholds() {
    let house = House::new("default");
    let server = house.serve();
    let anyone = server.anyone();
    assert_eq!(anyone.get("/health/live").json(200), json!({"status": "ok"}));
    assert_eq!(anyone.get("/health/ready").json(200), json!({"status": "ok"}));
    let health = anyone.get("/api/v1/cv/health").json(200);
    assert_eq!((&health["status"], &health["faces"]["state"]), (&json!("ok"), &json!("ready")));
    assert_eq!(health["version"], env!("CARGO_PKG_VERSION"));
    assert!(health["uptime_seconds"].is_u64());
    let models = health["faces"]["models"].as_array().expect("models");
    let runs = |name: &str| {
        models.iter().any(|m| m.as_str().is_some_and(|m| m.starts_with(name) && m.contains('@')))
    };
    assert!(runs("mtcnn") && runs("dlib-resnet"), "{health}");
    assert_eq!(health["faces"]["liveness"], "model_not_installed");
    let thresholds = &health["faces"]["thresholds"];
    assert!(thresholds["threshold"].is_f64() && thresholds["margin"].is_f64(), "{thresholds}");
    assert_eq!(thresholds["overridden"], false);
    assert!(!thresholds["evaluation"].is_null(), "nobody knows where the threshold comes from: {thresholds}");
    assert_eq!(health["faces"]["reindex_needed"], false);
}

#[test]
fn metrics_count_what_happened() {
    let house = House::new("default");
    let server = house.serve();
    let value = |text: &str, name: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap_or_else(|| panic!("no {name} in {text}"));
        line.trim().parse::<u64>().expect("a count")
    };
    let success = "face_recognition_total{status=\"success\"}";
    let failure = "face_recognition_total{status=\"failure\"}";
    let fresh = server.anyone().get("/metrics").text();
    assert_eq!((value(&fresh, success), value(&fresh, failure)), (0, 0), "alerts need the zeros");

    server.manager().enrol("EMP001", &[&photo(OBAMA[0])]).json(201);
    server.camera().recognise(&photo(OBAMA[1])).json(200);
    server.camera().recognise(&photo(NOBODY)).json(200);
    server.camera().recognise(b"broken").problem(415, "unsupported_image");
    let answer = server.anyone().get("/metrics");
    assert!(answer.header("content-type").starts_with("text/plain; version=0.0.4"));
    let text = answer.text();
    assert_eq!((value(&text, success), value(&text, failure)), (1, 2));
    assert_eq!(value(&text, "face_recognition_duration_seconds_count"), 3);
    assert_eq!(value(&text, "face_enrollment_total{status=\"success\"}"), 1);
    for stage in ["queue", "inference"] {
        let named = |line: &str| line.contains("_seconds_bucket") && line.contains(stage);
        assert!(text.lines().any(named), "no histogram of {stage}: {text}");
    }
    assert!(text.contains("http_request_duration_seconds"), "{text}");
    assert!(!text.contains("EMP001"), "metrics name people");
    // Both paths of the contract show the same families.
    let families = |text: &str| -> Vec<String> {
        let mut found: Vec<String> =
            text.lines().filter(|l| l.starts_with("# TYPE")).map(str::to_owned).collect();
        found.sort();
        found
    };
    assert_eq!(families(&server.anyone().get("/api/v1/cv/metrics").text()), families(&text));
}

#[test]
fn a_wrong_path_and_a_wrong_method_are_problems_too() {
    let house = House::new("default");
    let server = house.serve();
    let anyone = server.anyone();
    for path in ["/nowhere", "/api/v1/cv/face", "/api/v1/ml/forecast", "/api/v1/cv/face/embedding/"] {
        anyone.get(path).problem(404, "not_found");
    }
    for (method, path) in [
        (Method::GET, RECOGNISE),
        (Method::PUT, "/api/v1/cv/face/enroll"),
        (Method::POST, "/health/live"),
        (Method::DELETE, "/metrics"),
    ] {
        let answer = send(anyone.request(method, path));
        answer.problem(405, "method_not_allowed");
        assert_ne!(answer.header("allow"), "", "{path} does not say what it takes");
    }
}

#[test]
fn every_answer_has_a_request_id_that_the_log_knows() {
    let house = House::new("default");
    let server = house.serve();
    let asked = send(server.anyone().request(Method::GET, "/nowhere").header("x-request-id", "lobby-7"));
    assert_eq!(asked.problem(404, "not_found")["request_id"], "lobby-7");
    let given = server.camera().recognise(&photo(OBAMA[0]));
    given.json(200);
    assert_eq!(given.header("x-request-id").len(), 36, "{}", given.header("x-request-id"));
    for id in ["lobby-7", given.header("x-request-id")] {
        // The line is written when the answer is on its way.
        eventually("the log knows the request", || server.log().iter().any(|l| l.contains(id)).then_some(()));
    }
}

#[test]
fn the_log_holds_no_secrets_and_no_people() {
    let house = House::new("default").with("log.filter", "debug");
    let server = house.serve();
    let (token, frame) = (house.token("manager", "h1"), photo(OBAMA[0]));
    server.with(&token).enrol("EMP001", &[&frame]).json(201);
    server.with(&token).recognise(&frame).json(200);
    server.with(&token).forget("EMP001").json(200);
    let log = server.log().join("\n");
    let signature = token.rsplit('.').next().unwrap();
    let secret = std::fs::read_to_string(house.data().join("secrets/jwt.key")).expect("the secret");
    for (what, text) in [
        ("a token", signature),
        ("the secret", secret.trim_end()),
        ("an employee", "EMP001"),
        ("a name", "Somebody"),
    ] {
        assert!(!log.contains(text), "{what} is in the log");
    }
}
