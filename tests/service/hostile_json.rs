//! JSON that is wrong, ambiguous, huge or in another encoding, and paths that pretend to be something else.

use serde_json::{Value, json};

use crate::hostile::check_unharmed;
use crate::pictures::{OBAMA, photo};
use crate::server::{Answer, ENROL, House, RECOGNISE, enrolment};

/// The answer to a request that cannot be understood: short, and with nothing of the request in it.
#[track_caller]
fn check_refused(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 400, "{what}: {}", answer.text());
    assert!(answer.body.len() < 1000, "{what}: the answer repeats the request");
    answer.problem(400, "bad_request");
}

#[test]
fn a_name_that_stands_twice_is_refused_wherever_it_stands() {
    let house = House::new("default").with("rate_limits.enabled", false);
    let server = house.serve();
    let (camera, manager) = (server.camera(), server.manager());
    for twice in [
        r#"{"image": "", "image": ""}"#,
        r#"{"image": "", "camera_id": "a", "camera_id": "a"}"#,
        r#"{"image": "", "timestamp": null, "timestamp": "2025-01-17T08:30:00Z"}"#,
        r#"{"image": "", "im\u0061ge": ""}"#,
    ] {
        check_refused(&camera.post(RECOGNISE, "application/json", twice), twice);
    }
    let good = enrolment("EMP001", &[&photo(OBAMA[0])]).to_string();
    for (name, again) in [
        ("employee_id", r#""employee_id": "EMP002","#),
        ("images", r#""images": [],"#),
        ("metadata", r#""metadata": {},"#),
        ("consent", r#""consent": null,"#),
    ] {
        check_refused(
            &manager.post(ENROL, "application/json", good.replacen('{', &format!("{{{again}"), 1)),
            name,
        );
    }
    for (object, again) in [
        ("consent", r#""policy_version": "another","#),
        ("consent", r#""given_at": "2001-01-01T00:00:00Z","#),
        ("metadata", r#""name": "somebody","#),
    ] {
        let head = format!("\"{object}\":{{");
        let twice = good.replacen(&head, &format!("{head}{again}"), 1);
        check_refused(&manager.post(ENROL, "application/json", twice), again);
    }
    // A field of a form may hold an object too.
    let form = |name: &str, value: &str| {
        let part = |name: &str, value: &str| {
            format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let others: String =
            [("employee_id", "EMP001"), ("image", "x")].iter().map(|(n, v)| part(n, v)).collect();
        manager.post(
            ENROL,
            "multipart/form-data; boundary=x",
            format!("{others}{}--x--\r\n", part(name, value)),
        )
    };
    let consent = r#""given_at": "2025-01-17T08:30:00Z", "policy_version": "1""#;
    form("consent", &format!("{{{consent}}}")).problem(415, "unsupported_image");
    check_refused(&form("consent", &format!("{{{consent}, \"policy_version\": \"2\"}}")), "a form");
    check_refused(&form("metadata", r#"{"name": "a", "name": "b"}"#), "a form");
    manager.embedding("EMP001").problem(404, "employee_not_enrolled");
    check_unharmed(&server);
}

#[test]
fn json_that_is_none_is_refused_in_every_encoding() {
    let house = House::new("default").with("rate_limits.enabled", false);
    let server = house.serve();
    let camera = server.camera();
    let plain = r#"{"image": ""}"#;
    let wide: Vec<u16> = plain.encode_utf16().collect();
    let little: Vec<u8> = wide.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    let big: Vec<u8> = wide.iter().flat_map(|unit| unit.to_be_bytes()).collect();
    let around = |before: &str, after: &str| format!("{before}{plain}{after}").into_bytes();
    let mut bodies: Vec<(String, Vec<u8>)> = vec![
        ("a mark at the beginning".to_owned(), around("\u{FEFF}", "")),
        ("UTF-16".to_owned(), little.clone()),
        ("UTF-16 of the other order".to_owned(), big),
        ("UTF-16 with a mark".to_owned(), [&[0xFF, 0xFE], &little[..]].concat()),
        ("half a letter".to_owned(), b"{\"image\": \"\xC3\"}".to_vec()),
        ("a letter in too many bytes".to_owned(), b"{\"image\": \"\xC0\xAF\"}".to_vec()),
        ("half a pair as bytes".to_owned(), b"{\"image\": \"\xED\xA0\x80\"}".to_vec()),
        ("a very long number".to_owned(), format!("{{\"image\": {}}}", "1".repeat(100_000)).into_bytes()),
        ("a very exact number".to_owned(), format!("{{\"image\": 0.{}}}", "1".repeat(100_000)).into_bytes()),
        ("a very long field".to_owned(), format!("{{\"{}\": 1}}", "a".repeat(1_000_000)).into_bytes()),
        ("many fields".to_owned(), format!("{{{}\"b\": 1}}", "\"a\": 1, ".repeat(100_000)).into_bytes()),
        ("only blanks".to_owned(), vec![b' '; 1_000_000]),
    ];
    for (before, after) in [
        ("", "x"),
        ("", plain),
        ("", ","),
        ("", "\0"),
        ("[", "]"),
        ("/* hello */", ""),
        ("", "// hello"),
        (")]}',\n", ""),
        ("callback(", ")"),
        ("\0", ""),
    ] {
        bodies.push((format!("{before}…{after}"), around(before, after)));
    }
    for value in [
        "1e400",
        "-1e400",
        "1e-400",
        "-0",
        "NaN",
        "Infinity",
        "-Infinity",
        "undefined",
        "true",
        "01",
        "+1",
        ".5",
        "0x10",
        "'aGVsbG8='",
        "`aGVsbG8=`",
        "\"aGVs\nbG8=\"",
        r#""\x41""#,
        r#""\ud800""#,
        r#""\udc00\ud800""#,
        r#""\u00""#,
        "{}",
        "[]",
        "null",
        r#"{"$ref": "file:///etc/passwd"}"#,
        "\"a\", \"__proto__\": {\"admin\": true}",
        "\"a\", \"constructor\": {}",
        "\"a\", \"camera_id\": []",
        "\"a\", \"timestamp\": 1737102600",
        "\"a\",",
    ] {
        bodies.push((value.to_owned(), format!("{{\"image\": {value}}}").into_bytes()));
    }
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for deep in [130, 100_000] {
            let nested = format!("{}1{}", open.repeat(deep), close.repeat(deep));
            bodies.push((format!("{open} {deep} deep"), format!("{{\"image\": {nested}}}").into_bytes()));
            bodies.push((format!("{open} {deep} deep, not closed"), open.repeat(deep).into_bytes()));
        }
    }
    for (what, body) in bodies {
        check_refused(&camera.post(RECOGNISE, "application/json", body), &what);
    }
    check_unharmed(&server);
}

#[test]
fn every_field_of_an_enrolment_is_of_its_type_or_refused() {
    let house = House::new("default").with("rate_limits.enabled", false);
    let server = house.serve();
    let manager = server.manager();
    let good = enrolment("EMP001", &[&b"GIF89a"[..]]);
    let deep = |n: usize| (0..n).fold(json!(1), |inner, _| json!({ "a": inner }));
    let wrong =
        [json!(1), json!(-1.5e300), json!(true), json!(["a"]), json!({"a": "b"}), json!("\0"), deep(60)];
    for pointer in [
        "/employee_id",
        "/images",
        "/images/0",
        "/metadata",
        "/metadata/name",
        "/metadata/department",
        "/consent",
        "/consent/given_at",
        "/consent/policy_version",
    ] {
        for value in &wrong {
            // What is not kept of the metadata is not looked at.
            let fits = pointer == "/metadata" && value.is_object();
            let mut body = good.clone();
            *body.pointer_mut(pointer).expect("the field") = value.clone();
            let answer = manager.post_json(ENROL, &body);
            let status = answer.status;
            let as_expected =
                if fits { status == 422 } else { status == 400 || (status == 422 && *value == json!("\0")) };
            assert!(as_expected, "{pointer} is {value}: {}", answer.text());
            assert!(answer.body.len() < 1500, "{pointer}: the answer repeats the request");
        }
    }
    // More pictures than anybody sends are not counted to their end.
    for many in [json!(vec![""; 100_000]), json!(vec![Value::Null; 100_000]), json!(vec![json!([]); 100_000])]
    {
        let mut body = good.clone();
        body["images"] = many;
        check_refused(&manager.post_json(ENROL, &body), "a hundred thousand pictures");
    }
    manager.embedding("EMP001").problem(404, "employee_not_enrolled");
    check_unharmed(&server);
}

#[test]
fn a_path_that_pretends_to_be_another_leads_nowhere() {
    let house = House::new("default").with("rate_limits.enabled", false);
    let server = house.serve();
    let manager = server.manager();
    manager.enrol("EMP001", &[&photo(OBAMA[0])]).json(201);
    for bad in [
        "EMP001%00",
        "EMP001%0A",
        "%00",
        "EMP001%2F",
        "..%2FEMP001",
        "%2e%2e%2fEMP001",
        "..%5CEMP001",
        "EMP%E2%80%8B001",
        "EMP001%EF%BC%8F",
        "%EF%BC%A5MP001",
        "E%CC%81MP001",
        "%F0%9F%98%80",
        "%FF%FE",
        "%C0%AE",
        "EMP001%20",
        "EMP001'%20OR%20'1'='1",
        "EMP001;--",
        "EMP001%25",
        "*",
        "%25",
        "_%25",
        &"E".repeat(10_000),
    ] {
        for answer in [manager.embedding(bad), manager.forget(bad)] {
            let shown: String = bad.chars().take(40).collect();
            assert_eq!(answer.status, 400, "{shown}: {}", answer.text());
            assert!(answer.body.len() < 1000, "{shown}: the answer repeats the request");
            answer.problem(400, "invalid_id");
        }
    }
    // Ids are exact: no other spelling, no pattern.
    for other in ["emp001", "EMP00", "EMP0010", "EMP_01", "EMP001.", "EMP001:"] {
        manager.embedding(other).problem(404, "employee_not_enrolled");
        manager.forget(other).problem(404, "employee_not_enrolled");
    }
    // The same id in another spelling of the path is the same id.
    manager.embedding("EMP%3001").json(200);
    let long = format!("/api/v1/cv/face/embedding/{}", "E".repeat(60_000));
    let answer = manager.get(&long);
    assert!((400..500).contains(&answer.status), "{}", answer.status);
    check_unharmed(&server);
}
