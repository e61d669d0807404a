use innkeeper_store::{Forgotten, Label};
use serde_json::json;

use super::deletion::holds;
use super::*;

async fn labels(hotel: &HotelStore) -> Vec<Label> {
    hotel.labels("ocr-fields", 99).await.expect("a read")
}

#[tokio::test]
async fn the_second_correction_of_an_answer_holds_where_both_name_a_field_and_both_are_in_the_audit_log() {
    let house = House::new().await;
    let hotel = house.hotel();
    let (first, other) = (Uuid::now_v7(), Uuid::now_v7());
    for id in [first, other] {
        hotel.keep_answer(kept_answer(id, noon())).await.expect("kept");
    }
    let said = |id, amount: f64| correction_of(id, json!({ "total_amount": amount }));
    let one = hotel.label(said(first, 1.0)).await.expect("done").expect("there");
    assert_eq!((one.replaced, one.labels), (false, 1));
    let two = hotel.label(said(first, 2.0)).await.expect("done").expect("there");
    assert_eq!((two.label_id, two.replaced, two.labels), (one.label_id, true, 1));
    let three = hotel.label(said(other, 3.0)).await.expect("done").expect("there");
    assert_eq!((three.replaced, three.labels), (false, 2));
    let labels = labels(&hotel).await;
    let amounts: Vec<_> =
        labels.iter().map(|l| (l.answer_id, l.correction["total_amount"].clone())).collect();
    assert_eq!(amounts, [(first, json!(2.0)), (other, json!(3.0))]);
    assert_eq!(labels[0].content, kept_answer(first, noon()).content, "the label has what was read");
    let audit = hotel.audit_entries(0, 9).await.expect("a read");
    let told: Vec<_> = audit.iter().map(|e| (e.action.as_str(), e.details["replaced"].clone())).collect();
    let said = "feedback.recorded";
    assert_eq!(told, [(said, json!(false)), (said, json!(true)), (said, json!(false))]);
    assert_eq!(audit[0].details["fields"], json!(["total_amount"]));
    assert!(audit.iter().all(|e| e.actor == "clerk"));
    let twice = hotel.keep_answer(kept_answer(first, noon())).await;
    assert!(matches!(twice, Err(StoreError::Duplicate { what: "the answer" })), "{twice:?}");
}

#[tokio::test]
async fn a_later_correction_of_another_field_takes_nothing_back() {
    let house = House::new().await;
    let hotel = house.hotel();
    let id = Uuid::now_v7();
    hotel.keep_answer(kept_answer(id, noon())).await.expect("kept");
    for correction in [
        json!({ "total_amount": 1.0, "vendor": { "name": "A", "tax_id": "1" } }),
        json!({ "date": "2025-01-17", "vendor": { "name": "B", "tax_id": null } }),
    ] {
        hotel.label(correction_of(id, correction)).await.expect("done").expect("there");
    }
    let said = json!({ "total_amount": 1.0, "date": "2025-01-17", "vendor": { "name": "B" } });
    assert_eq!(labels(&hotel).await[0].correction, said);
}

#[tokio::test]
async fn an_answer_whose_time_is_over_cannot_be_corrected_and_is_in_no_byte() {
    let house = House::new().await;
    let hotel = house.hotel();
    let (old, young) = (Uuid::now_v7(), Uuid::now_v7());
    hotel.keep_answer(kept_answer(old, noon() - TimeDelta::days(1))).await.expect("kept");
    hotel.keep_answer(kept_answer(young, noon())).await.expect("kept");
    assert_eq!(
        hotel.label(correction_of(old, json!({}))).await.expect("done"),
        None,
        "expired, not swept yet"
    );
    assert_eq!(hotel.kept_answer(old, noon()).await.expect("a read"), None);
    hotel.label(correction_of(young, json!({ "date": "2025-01-17" }))).await.expect("done").expect("there");
    assert!(holds(&bytes(&house), old.to_string().as_bytes()), "the test looks for what was written");
    assert_eq!(house.store.expire_answers(noon()).await.expect("swept"), 1);
    assert!(!holds(&bytes(&house), old.to_string().as_bytes()));
    assert!(hotel.kept_answer(young, noon()).await.expect("a read").is_some());
    assert_eq!(house.store.expire_answers(noon() + TimeDelta::days(1)).await.expect("swept"), 1);
    assert_eq!(labels(&hotel).await.len(), 1, "a label outlives its answer");
}

#[tokio::test]
async fn a_hotel_cannot_correct_or_forget_anothers_answer() {
    let house = House::new().await;
    let (north, south) = (house.store.hotel(&hotel("north")), house.store.hotel(&hotel("south")));
    let id = Uuid::now_v7();
    north.keep_answer(kept_answer(id, noon())).await.expect("kept");
    north.label(correction_of(id, json!({ "date": "x" }))).await.expect("done").expect("there");
    for known in [false, true] {
        if known {
            south.keep_answer(kept_answer(Uuid::now_v7(), noon())).await.expect("kept");
        }
        assert_eq!(south.label(correction_of(id, json!({}))).await.expect("done"), None);
        assert_eq!(south.kept_answer(id, noon()).await.expect("a read"), None);
        assert_eq!(south.forget_answer(id, "m", noon()).await.expect("done"), None);
        assert!(labels(&south).await.is_empty());
    }
    assert_eq!(labels(&north).await.len(), 1);
}

#[tokio::test]
async fn a_forgotten_answer_takes_its_label_along() {
    let house = House::new().await;
    let hotel = house.hotel();
    let id = Uuid::now_v7();
    hotel.keep_answer(kept_answer(id, noon())).await.expect("kept");
    hotel.label(correction_of(id, json!({ "date": "x" }))).await.expect("done").expect("there");
    let gone = hotel.forget_answer(id, "manager", noon()).await.expect("done");
    assert_eq!(gone, Some(Forgotten { answer: true, label: true }));
    assert!(labels(&hotel).await.is_empty());
    assert_eq!(house.rows("SELECT count(*) FROM kept_answers").await, 0);
    assert_eq!(hotel.forget_answer(id, "manager", noon()).await.expect("done"), None);
    let last = hotel.audit_entries(0, 9).await.expect("a read").pop().expect("a row");
    assert_eq!((last.action.as_str(), last.actor.as_str()), ("feedback.deleted", "manager"));
}

#[tokio::test]
async fn answers_and_labels_open_under_a_new_key_and_count_as_sealed() {
    let house = House::new().await;
    let hotel = house.hotel();
    let id = Uuid::now_v7();
    hotel.keep_answer(kept_answer(id, noon())).await.expect("kept");
    hotel.label(correction_of(id, json!({ "date": "x" }))).await.expect("done").expect("there");
    house.keys.rotate().expect("a new key");
    while house.store.reseal(1).await.expect("no failure") > 0 {}
    let counts = house.store.seal_counts().await.expect("a read");
    assert!(counts.iter().all(|c| c.key == house.keys.active()), "{counts:?}");
    for table in ["kept_answers", "labels"] {
        assert!(counts.iter().any(|c| c.table == table && c.rows == 1), "{counts:?}");
    }
    assert!(hotel.kept_answer(id, noon()).await.expect("a read").is_some());
    assert_eq!(labels(&hotel).await[0].correction, json!({ "date": "x" }));
}
