//! The desk for lost things: what was found against what is missed, both ways.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::images::{house, keep};
use crate::scenes::{drawn, drawn_again};
use crate::server::{Caller, tables};

const REPORTS: &str = "/api/v1/cv/lost-found/reports";
const MATCHES: &str = "/api/v1/cv/lost-found/matches";

fn found(caller: &Caller<'_>, seed: u64, more: &Value) -> Value {
    let mut metadata = json!({"category": "lost_found", "occurred_at": "2025-01-12T10:00:00Z"});
    for (name, value) in more.as_object().expect("fields") {
        metadata[name] = value.clone();
    }
    keep(caller, &drawn(seed), &metadata).json(201)
}

fn lost(caller: &Caller<'_>, report: &Value) -> Value {
    caller.post_json(REPORTS, report).json(201)
}

#[test]
fn whoever_comes_second_is_told_of_the_first_and_so_is_the_outbox() {
    let house = house();
    let server = house.serve();
    let staff = server.role("staff", "h1");
    // A report by words, then the thing.
    let missed = lost(
        &staff,
        &json!({
            "kind": "Umbrella", "colour": "blue", "place": "lobby", "occurred_at": "2025-01-11T09:00:00Z"
        }),
    );
    assert_eq!(missed["matches"], json!([]), "{missed}");
    let thing = found(&staff, 1, &json!({"kind": "umbrella", "colour": "blue", "place": "lobby"}));
    let told = &thing["matches"][0];
    assert_eq!(told["image_id"], missed["image_id"], "{thing}");
    assert!(told["score"].as_f64() > Some(0.65) && told["similarity"].is_null(), "{thing}");
    let reasons = told["reasons"].to_string();
    assert!(reasons.contains("kind: umbrella") && reasons.contains("colour: blue"), "{reasons}");
    // The thing, then a report with a picture of it.
    let ring = found(&staff, 2, &json!({"kind": "ring"}));
    assert_eq!(ring["matches"], json!([]), "a ring is no umbrella: {ring}");
    let picture = STANDARD.encode(drawn_again(2));
    let missed_ring =
        lost(&staff, &json!({"kind": "jewellery", "image": picture, "occurred_at": "2025-01-12T08:00:00Z"}));
    let told = &missed_ring["matches"][0];
    assert_eq!(told["image_id"], ring["image_id"], "{missed_ring}");
    assert!(told["similarity"].as_f64() > Some(0.8), "{missed_ring}");
    // Found before it was lost.
    let early =
        lost(&staff, &json!({"kind": "umbrella", "colour": "blue", "occurred_at": "2025-01-20T09:00:00Z"}));
    assert_eq!(early["matches"], json!([]), "{early}");
    staff.post_json(REPORTS, &json!({"colour": "blue"})).problem(400, "bad_request");

    let open = staff.get(&format!("{MATCHES}?state=open")).json(200);
    let open = open["matches"].as_array().expect("a list").clone();
    assert_eq!(open.len(), 2, "{open:?}");
    let pair = open.iter().find(|m| m["lost"]["image_id"] == missed["image_id"]).expect("the umbrella");
    assert_eq!(pair["found"]["image_id"], thing["image_id"], "{pair}");
    assert!(pair["found"]["url"].is_string() && pair["lost"]["url"].is_null(), "{pair}");
    let decide = format!("{MATCHES}/{}", pair["match_id"].as_str().expect("an id"));
    let decided = staff.post_json(&decide, &json!({"state": "confirmed"})).json(200);
    assert_eq!(
        (&decided["state"], &decided["decided_by"]),
        (&json!("confirmed"), &json!("staff-1")),
        "{decided}"
    );
    staff.post_json(&decide, &json!({"state": "perhaps"})).problem(400, "bad_request");
    let nobody = format!("{MATCHES}/00000000-0000-7000-8000-000000000000");
    staff.post_json(&nobody, &json!({"state": "confirmed"})).problem(404, "match_not_found");
    // What was given back is looked for no more.
    let second = found(&staff, 3, &json!({"kind": "umbrella", "colour": "blue"}));
    assert_eq!(second["matches"], json!([]), "{second}");
    // A report that is withdrawn takes its matches along.
    let path = format!("/api/v1/cv/image/{}", missed_ring["image_id"].as_str().expect("an id"));
    assert_eq!(staff.delete(&path).json(200)["matches"], 1);
    let left = staff.get(MATCHES).json(200);
    assert_eq!(left["matches"].as_array().map(Vec::len), Some(1), "{left}");
    server.stop();
    tables(&house, async |store| {
        let events = store.outbox_pending(100).await.expect("the events are read");
        let matched: Vec<_> = events.iter().filter(|e| e.topic == "lost_found.matched").collect();
        let told =
            |id: &Value| matched.iter().any(|e| e.payload.to_string().contains(id.as_str().expect("an id")));
        assert!(told(&missed["image_id"]) && told(&thing["image_id"]), "{matched:?}");
    });
}

#[test]
fn a_colour_that_nobody_said_is_taken_from_the_picture() {
    let house = house();
    let server = house.serve();
    let staff = server.role("staff", "h1");
    let red = image::RgbImage::from_pixel(200, 200, image::Rgb([190, 20, 25]));
    let red = crate::pictures::jpeg(&image::DynamicImage::ImageRgb8(red));
    let kept = keep(&staff, &red, &json!({"category": "lost_found", "kind": "scarf"})).json(201);
    assert_eq!(kept["colour"], "red", "{kept}");
    let said =
        keep(&staff, &red, &json!({"category": "lost_found", "kind": "scarf", "colour": "Maroon"})).json(201);
    assert_eq!(said["colour"], "maroon", "{said}");
}
