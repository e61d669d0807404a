//! Invoices and identity documents over HTTP: what is read, what is kept of it, and what nobody may find anywhere.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use reqwest::blocking::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::hostile::check_unharmed;
use crate::pdf;
use crate::pictures::{NOBODY, claiming, photo};
use crate::server::{Answer, Caller, House, Server, files, send, tables};

pub(crate) const INVOICE: &str = "/api/v1/cv/ocr/invoice";
pub(crate) const ID: &str = "/api/v1/cv/ocr/id";
const FEEDBACK: &str = "/api/v1/feedback";

/// A document that was drawn for the demonstration: nobody's.
fn drawn(name: &str) -> Vec<u8> {
    let path = format!("{}/../demo/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).expect(&path)
}

fn receipt() -> Vec<u8> {
    drawn("receipt.jpg")
}

fn passport() -> Vec<u8> {
    drawn("passport.jpg")
}

/// A house where a slow machine is no problem.
fn house() -> House {
    House::new("default").with("rate_limits.enabled", false).with("ocr.deadline_ms", 900_000)
}

fn in_every_form(caller: &Caller<'_>, path: &str, bytes: &[u8]) -> [Answer; 3] {
    let form = Form::new().part("image", Part::bytes(bytes.to_vec()));
    [
        caller.post_json(path, &json!({"image": STANDARD.encode(bytes)})),
        send(caller.request(Method::POST, path).multipart(form)),
        caller.post(path, "image/jpeg", bytes.to_vec()),
    ]
}

/// An answer without what differs from one to the next.
fn content(mut answer: Value) -> Value {
    for name in ["answer_id", "time_ms", "kept_until"] {
        answer.as_object_mut().expect("an object").remove(name);
    }
    answer
}

fn read_invoice(server: &Server<'_>) -> Value {
    server.manager().post(INVOICE, "image/jpeg", receipt()).json(200)
}

#[test]
fn an_invoice_is_the_same_however_it_is_sent_and_says_where_each_field_stands() {
    let house = house();
    let server = house.serve();
    let answers = in_every_form(&server.manager(), INVOICE, &receipt()).map(|a| a.json(200));
    let first = &answers[0];
    assert!(first["total_amount"].is_number() && first["date"].is_string(), "{first}");
    assert!(first["items"].is_array() && first["confidence"].is_number());
    let place = &first["fields"]["total_amount"]["box"];
    let page = &first["pages"][place["page"].as_u64().expect("a page") as usize - 1];
    for (from, size, whole) in [("x", "w", "width"), ("y", "h", "height")] {
        let end = place[from].as_f64().expect("a box") + place[size].as_f64().expect("a box");
        assert!(end <= page[whole].as_f64().expect("a size") + 1.0, "{place} lies outside of {page}");
    }
    for other in &answers[1..] {
        assert_eq!(content(other.clone()), content(first.clone()));
        assert_ne!(other["answer_id"], first["answer_id"]);
    }
    check_unharmed(&server);
}

#[test]
fn an_identity_document_is_read_and_its_zone_is_proven() {
    let house = house();
    let server = house.serve();
    let read =
        server.manager().post(&format!("{ID}?document_type=passport"), "image/jpeg", passport()).json(200);
    assert_eq!(read["document_type"], "passport", "{read}");
    assert_eq!(read["mrz"]["valid"], true, "{read}");
    assert!(read["document_number"].is_string() && read["date_of_birth"].is_string(), "{read}");
    assert!(read["kept_until"].is_null(), "nothing is kept unless that is asked for");
    server
        .manager()
        .post(&format!("{ID}?document_type=library_card"), "image/jpeg", passport())
        .problem(400, "bad_request");
}

/// Every text of four letters and more that the document holds.
fn strings(document: &Value, into: &mut Vec<String>) {
    match document {
        Value::String(text) if text.chars().filter(|c| c.is_alphanumeric()).count() >= 6 => {
            into.push(text.clone());
        }
        Value::Array(all) => all.iter().for_each(|v| strings(v, into)),
        Value::Object(all) => all.values().for_each(|v| strings(v, into)),
        _ => {}
    }
}

/// What must not be found: names, numbers, dates of birth, the zone's lines.
fn secrets_of(read: &Value) -> Vec<String> {
    let mut secrets = Vec::new();
    for field in ["name", "document_number", "personal_number", "date_of_birth"] {
        strings(&read[field], &mut secrets);
    }
    strings(&read["mrz"]["lines"], &mut secrets);
    assert!(secrets.len() >= 3, "the test looks for nothing: {read}");
    secrets
}

#[test]
fn nothing_of_an_identity_document_is_in_any_file_log_or_metric() {
    let house = house().with("log.filter", "debug");
    let server = house.serve();
    let mut read = Vec::new();
    for answer in in_every_form(&server.manager(), ID, &passport()) {
        read.push(answer.json(200));
    }
    let id = read[0]["answer_id"].as_str().expect("an id").to_owned();
    server.manager().get(&format!("/api/v1/cv/ocr/answers/{id}")).problem(404, "answer_not_found");
    let secrets = secrets_of(&read[0]);
    let (log, metrics) = (server.log().join("\n"), server.anyone().get("/metrics").text());
    server.stop();
    let mut kept = vec![("the log", log.into_bytes()), ("the metrics", metrics.into_bytes())];
    for path in files(&house.desk()) {
        kept.push(("a file", std::fs::read(&path).expect("a file")));
    }
    assert!(kept.len() > 5, "the test looks into nothing");
    for (place, bytes) in &kept {
        for secret in &secrets {
            let found = bytes.windows(secret.len()).any(|w| w == secret.as_bytes());
            assert!(!found, "{secret} is in {place}");
        }
    }
    tables(&house, async |store| {
        let hotel = store.hotel(&"h1".parse().expect("a hotel"));
        let entries = hotel.audit_entries(0, 99).await.expect("the log is read");
        let told: Vec<_> = entries.iter().filter(|e| e.action == "document.read").collect();
        assert_eq!(told.len(), 3, "who read a document is written down: {entries:?}");
        assert_eq!(told[0].actor, "manager-1");
        assert_eq!(told[0].subject, format!("answer:{id}"));
        assert_eq!(told[0].details["document_type"], "passport");
        for secret in &secrets {
            assert!(!format!("{entries:?}").contains(secret), "{secret} is in the audit log");
        }
    });
}

#[test]
fn an_identity_document_is_kept_sealed_only_where_the_settings_ask_for_it() {
    let house = house().with("ocr.keep_identity_documents", true);
    let server = house.serve();
    let read = server.manager().post(ID, "image/jpeg", passport()).json(200);
    assert!(read["kept_until"].is_string(), "{read}");
    let path = format!("/api/v1/cv/ocr/answers/{}", read["answer_id"].as_str().expect("an id"));
    let kept = server.manager().get(&path).json(200);
    assert_eq!(
        (&kept["model"], &kept["answer"]["document_number"]),
        (&json!("ocr-id"), &read["document_number"])
    );
    let correction = json!({"answer_id": read["answer_id"], "correction": {"document_number": "X"}});
    server.manager().post_json(FEEDBACK, &correction).problem(422, "unknown_field");
    server.role("manager", "h2").get(&path).problem(404, "answer_not_found");
    assert_eq!(server.manager().delete(&path).json(200)["answer"], true);
    server.manager().get(&path).problem(404, "answer_not_found");
    let secrets = secrets_of(&read);
    server.stop();
    for path in files(&house.desk()) {
        let bytes = std::fs::read(&path).expect("a file");
        for secret in &secrets {
            let found = bytes.windows(secret.len()).any(|w| w == secret.as_bytes());
            assert!(!found, "{secret} is in {}", path.display());
        }
    }
}

#[test]
fn a_correction_becomes_a_label_and_the_second_one_adds_to_it() {
    let house = house();
    let server = house.serve();
    let (staff, manager) = (server.role("staff", "h1"), server.manager());
    let read = read_invoice(&server);
    let correct = |value: Value| json!({"answer_id": read["answer_id"], "correction": value});
    let said = json!({"total_amount": 12.5, "vendor": {"name": "The right vendor"}});
    let first = staff.post_json(FEEDBACK, &correct(said)).json(200);
    assert_eq!((&first["model"], &first["labels"]), (&json!("ocr-fields"), &json!(1)), "{first}");
    assert_eq!(
        (&first["replaced"], &first["fields"]),
        (&json!(false), &json!(["total_amount", "vendor.name"]))
    );
    let second = manager.post_json(FEEDBACK, &correct(json!({"date": "2025-01-17"}))).json(200);
    assert_eq!(second["label_id"], first["label_id"]);
    assert_eq!((&second["replaced"], &second["labels"]), (&json!(true), &json!(1)));

    staff.post_json(FEEDBACK, &correct(json!({"totl": 1}))).problem(422, "unknown_field");
    staff.post_json(FEEDBACK, &correct(json!({"vendor": {"nmae": "x"}}))).problem(422, "unknown_field");
    staff.post_json(FEEDBACK, &correct(json!({"date": "yesterday"}))).problem(400, "bad_request");
    staff.post_json(FEEDBACK, &correct(json!({}))).problem(400, "bad_request");
    staff.post_json(FEEDBACK, &correct(json!({"date": null}))).problem(400, "bad_request");
    let long = "x".repeat(300_000);
    staff.post_json(FEEDBACK, &correct(json!({"currency": long}))).problem(413, "payload_too_large");
    let nobody =
        json!({"answer_id": "00000000-0000-7000-8000-000000000000", "correction": {"date": "2025-01-17"}});
    staff.post_json(FEEDBACK, &nobody).problem(404, "answer_not_found");
    let elsewhere = server.role("manager", "h2");
    elsewhere.post_json(FEEDBACK, &correct(json!({"date": "2025-01-17"}))).problem(404, "answer_not_found");
    server.camera().post_json(FEEDBACK, &correct(json!({"date": "2025-01-17"}))).problem(403, "forbidden");
    staff.post(INVOICE, "image/jpeg", receipt()).problem(403, "forbidden");

    server.stop();
    for path in files(&house.desk()) {
        let bytes = std::fs::read(&path).expect("a file");
        let plain = bytes.windows(16).any(|w| w == b"The right vendor");
        assert!(!plain, "a label is not sealed in {}", path.display());
    }
    tables(&house, async |store| {
        let labels =
            store.hotel(&"h1".parse().expect("a hotel")).labels("ocr-fields", 9).await.expect("a read");
        assert_eq!(labels.len(), 1);
        let both = json!({
            "total_amount": 12.5, "vendor": {"name": "The right vendor"}, "date": "2025-01-17"
        });
        assert_eq!(labels[0].correction, both);
        assert!(labels[0].content["pages"][0]["lines"].as_array().is_some_and(|l| !l.is_empty()));
    });
}

#[test]
fn a_passport_that_is_sent_as_an_invoice_is_not_kept() {
    let house = house();
    let server = house.serve();
    let manager = server.manager();
    let read = manager.post(INVOICE, "image/jpeg", passport()).json(200);
    assert_eq!(
        (&read["kept_until"], &read["not_kept"]),
        (&Value::Null, &json!("identity_document")),
        "{read}"
    );
    let id = read["answer_id"].as_str().expect("an id");
    manager.get(&format!("/api/v1/cv/ocr/answers/{id}")).problem(404, "answer_not_found");
    let bill = read_invoice(&server);
    assert!(bill["kept_until"].is_string() && bill["not_kept"].is_null(), "{bill}");
}

#[test]
fn where_nothing_is_kept_nothing_can_be_corrected() {
    let house = house().with("ocr.keep_answers_days", 0);
    let server = house.serve();
    let read = read_invoice(&server);
    assert!(read["kept_until"].is_null(), "{read}");
    let correction = json!({"answer_id": read["answer_id"], "correction": {"total_amount": 1}});
    server.manager().post_json(FEEDBACK, &correction).problem(404, "answer_not_found");
}

#[test]
fn what_is_no_document_is_named_on_both_endpoints() {
    let house = house();
    let server = house.serve();
    let manager = server.manager();
    let whole = receipt();
    for path in [INVOICE, ID] {
        for (name, status, code, bytes) in [
            ("no bytes", 415, "unsupported_image", vec![]),
            ("a text", 415, "unsupported_image", b"a poem about receipts".to_vec()),
            ("half a picture", 422, "broken_image", whole[..whole.len() / 2].to_vec()),
            ("too many pixels", 413, "image_too_large", claiming(50_000, 50_000)),
            ("a PDF file that is cut off", 400, "broken_document", b"%PDF-1.7\n1 0 obj\n<<".to_vec()),
            ("a PDF file of nothing", 400, "broken_document", b"%PDF-1.7".to_vec()),
            ("a photograph", 422, "document_not_found", photo(NOBODY)),
        ] {
            for answer in in_every_form(&manager, path, &bytes) {
                assert_eq!(answer.status, status, "{name} on {path}: {}", answer.text());
                answer.problem(status, code);
            }
        }
        // The bytes decide what it is.
        manager.post(path, "application/pdf", b"a poem".to_vec()).problem(415, "unsupported_image");
        manager.post(&format!("{path}?nothing=x"), "image/jpeg", whole.clone()).problem(400, "bad_request");
        manager.post(path, "text/plain", whole.clone()).problem(415, "unsupported_media_type");
    }
    manager.post(&format!("{INVOICE}?country=Vietnam"), "image/jpeg", whole).problem(400, "bad_request");
    check_unharmed(&server);
}

#[test]
fn a_pdf_file_that_cannot_be_read_says_why() {
    let house = house().with("images.max_pixels", 2_000_000);
    let server = house.serve();
    let manager = server.manager();
    let page = |width, height| (pdf::written(&[], height, 0), width, height);
    let locked = {
        let mut writer = pdf::Writer::default();
        let zeros = "00".repeat(32);
        let key = writer
            .add(format!("<< /Filter /Standard /V 2 /R 3 /Length 128 /P -4 /O <{zeros}> /U <{zeros}> >>"));
        writer.trailer = format!("/ID [<00> <00>] /Encrypt {key} 0 R");
        pdf::file_of(writer, &[page(595.0, 842.0)], "", "")
    };
    let wall = pdf::file_of(pdf::Writer::default(), &[page(20_000.0, 842.0)], "", "");
    // Drawn at its full size, ten pages would be 28 megapixels.
    let empty = pdf::file_of(pdf::Writer::default(), &vec![page(595.0, 842.0); 10], "", "");
    for path in [INVOICE, ID] {
        for (status, code, file) in [
            (422, "document_locked", &locked),
            (413, "document_too_large", &wall),
            (422, "document_not_found", &empty),
        ] {
            manager.post(path, "application/pdf", file.clone()).problem(status, code);
        }
    }
    check_unharmed(&server);
}

#[test]
fn documents_can_be_left_out_and_the_rest_goes_on() {
    let house = House::new("default").with("ocr.enabled", false);
    let server = house.serve();
    let manager = server.manager();
    for path in [INVOICE, ID] {
        let problem = manager.post(path, "image/jpeg", receipt()).problem(503, "service_disabled");
        assert!(problem["detail"].as_str().expect("a detail").contains("ocr.enabled"), "{problem}");
    }
    let health = server.anyone().get("/api/v1/cv/health").json(200);
    assert_eq!((&health["documents"]["state"], &health["status"]), (&json!("off"), &json!("ok")), "{health}");
    check_unharmed(&server);
}

#[test]
fn many_callers_get_the_answers_of_one() {
    let house = house();
    let server = house.serve();
    let (manager, picture) = (server.manager(), receipt());
    let alone = content(manager.post(INVOICE, "image/jpeg", picture.clone()).json(200));
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..64)
            .map(|_| {
                let (picture, manager) = (picture.clone(), &manager);
                let request =
                    manager.request(Method::POST, INVOICE).timeout(std::time::Duration::from_mins(15));
                scope
                    .spawn(move || send(request.header("content-type", "image/jpeg").body(picture)).json(200))
            })
            .collect();
        for caller in callers {
            assert_eq!(content(caller.join().expect("an answer")), alone);
        }
    });
    check_unharmed(&server);
}

#[test]
fn a_caller_who_leaves_half_way_leaves_the_server_well() {
    let house = house().with("inference.workers", 1);
    let server = house.serve();
    let manager = server.manager();
    for milliseconds in [20, 100, 250, 400] {
        let request =
            manager.request(Method::POST, INVOICE).header("content-type", "image/jpeg").body(receipt());
        // Too fast a machine answers in time, which is as good.
        let _ = request.timeout(std::time::Duration::from_millis(milliseconds)).send();
    }
    assert!(read_invoice(&server)["total_amount"].is_number());
    check_unharmed(&server);
}

#[test]
fn a_document_that_takes_too_long_is_told_so() {
    let house = House::new("default").with("ocr.deadline_ms", 1);
    let server = house.serve();
    server.manager().post(INVOICE, "image/jpeg", receipt()).problem(503, "deadline_exceeded");
    server.manager().post(ID, "image/jpeg", passport()).problem(503, "deadline_exceeded");
    check_unharmed(&server);
}

#[test]
fn documents_are_counted_and_health_says_what_reads_them() {
    let house = house();
    let server = house.serve();
    let fresh = server.anyone().get("/metrics").text();
    assert!(
        fresh.contains("ocr_processing_total{kind=\"id\",status=\"failure\"} 0"),
        "alerts need the zeros"
    );
    read_invoice(&server);
    server.manager().post(ID, "image/jpeg", photo(NOBODY)).problem(422, "document_not_found");
    let text = server.anyone().get("/api/v1/cv/metrics").text();
    for line in [
        "ocr_processing_total{kind=\"invoice\",status=\"success\"} 1",
        "ocr_processing_total{kind=\"id\",status=\"failure\"} 1",
        "ocr_processing_duration_seconds_count{kind=\"invoice\"} 1",
    ] {
        assert!(text.contains(line), "no {line} in {text}");
    }
    let documents = server.anyone().get("/api/v1/cv/health").json(200)["documents"].clone();
    assert_eq!(
        (&documents["state"], &documents["pdf"]),
        (&json!("ready"), &json!("installed")),
        "{documents}"
    );
    assert!(documents["models"].as_array().is_some_and(|m| m.len() >= 2), "{documents}");
}

#[test]
fn the_command_line_prints_what_the_server_answers() {
    let house = house();
    let server = house.serve();
    let desk = house.desk();
    std::fs::write(desk.join("receipt.jpg"), receipt()).expect("a file");
    std::fs::write(desk.join("poem.jpg"), b"a poem").expect("a file");
    let ran = house.run(&["predict", "ocr-invoice", "receipt.jpg", "poem.jpg", "--json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let lines: Vec<Value> =
        ran.stdout.lines().map(|l| serde_json::from_str(l).expect("a JSON line")).collect();
    assert_eq!((lines.len(), &lines[0]["file"]), (2, &json!("receipt.jpg")));
    let mut printed = lines[0].clone();
    printed.as_object_mut().expect("an object").remove("file");
    assert_eq!(content(printed), content(read_invoice(&server)));
    assert_eq!(lines[1]["error"]["code"], "unsupported_image");
    let table = house.run(&["predict", "ocr-invoice", "receipt.jpg", "--csv"]).good();
    assert_eq!(table.lines().count(), 2, "{table}");
    assert!(table.starts_with("file,invoice_number,date,"), "{table}");
}
