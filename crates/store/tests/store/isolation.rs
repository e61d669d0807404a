use serde_json::json;

use super::*;

#[tokio::test]
async fn a_hotel_never_sees_or_touches_anothers_rows() {
    let house = House::new().await;
    let (north, south) = (house.store.hotel(&hotel("north")), house.store.hotel(&hotel("south")));
    let id = person("EMP001");
    let (here, there) = (template(1, 0.5), template(1, 0.6));
    north.enrol(enrolment("EMP001", vec![here.clone()])).await.expect("enrolled");
    let mut twin = enrolment("EMP001", vec![there.clone()]);
    twin.employee.name = Some("Somebody else".to_owned());
    south.enrol(twin).await.expect("the same number and photo in another hotel");
    for store in [&north, &south] {
        let outcome = store.record_sighting(sighting("EMP001", Some("lobby"), noon())).await.expect("good");
        assert!(outcome.is_new, "the other hotel's sighting is not joined");
    }
    let (from, until) = (noon(), noon() + seconds(1));
    assert_eq!(north.attendance(None, from, until, 9).await.expect("a read").len(), 1);
    assert_eq!(north.templates(&id).await.expect("a read")[0].id, here.id);
    assert_eq!(north.enrolled(&model("face")).await.expect("a read").len(), 1);
    assert_eq!(north.audit_entries(0, 9).await.expect("a read").len(), 1);
    let empty = house.store.hotel(&hotel("east"));
    assert_eq!(empty.employee(&id).await.expect("a read"), None);
    assert!(!empty.has_active_consent(&id).await.expect("a read"));
    assert!(empty.attendance(None, from, until, 9).await.expect("a read").is_empty());
    assert_eq!(empty.delete_person(&id, "m", noon()).await.expect("fine"), None);

    let gone = north.delete_person(&id, "m", noon()).await.expect("fine").expect("there");
    assert_eq!((gone.templates, gone.consents, gone.attendance_rows), (vec![here.id], 1, 1));
    assert_eq!(gone.photo_keys, ["photo-1"], "the same key elsewhere is another photo");
    let left = south.employee(&id).await.expect("a read").expect("there");
    assert_eq!(left.name.as_deref(), Some("Somebody else"));
    assert_eq!(south.templates(&id).await.expect("a read")[0].id, there.id);
    assert!(south.has_active_consent(&id).await.expect("a read"));
    assert_eq!(south.attendance(None, from, until, 9).await.expect("a read").len(), 1);
    // The other hotel's delivered events stay when they are delivered.
    let events = house.store.outbox_pending(99).await.expect("a read");
    house.store.outbox_delivered(&events.iter().map(|e| e.id).collect::<Vec<_>>()).await.expect("reported");
    assert_eq!(house.rows("SELECT count(*) FROM outbox WHERE hotel_id = 'south'").await, 2);
    assert_eq!(house.rows("SELECT count(*) FROM outbox WHERE hotel_id = 'north'").await, 0);
    assert_eq!(house.store.hotels().await.expect("a read"), [hotel("north"), hotel("south")]);
}

#[tokio::test]
async fn every_table_names_the_hotel() {
    let house = House::new().await;
    let without = house.tables_without_hotel().await;
    assert_eq!(without, ["_sqlx_migrations", "hotels", "secrets"], "the installation's own");
}

#[tokio::test]
async fn ids_sort_by_their_bytes_in_any_language() {
    let house = House::new().await;
    for id in ["b", "A", "a-c", "ab", "B"] {
        let hotel = house.store.hotel(&hotel(id));
        hotel.enrol(enrolment("EMP001", vec![template(1, 0.5)])).await.expect("enrolled");
    }
    let hotels = house.store.hotels().await.expect("a read");
    assert_eq!(hotels, ["A", "B", "a-c", "ab", "b"].map(hotel));
}

#[tokio::test]
async fn text_from_outside_stays_text() {
    let house = House::new().await;
    let nasty = "x'); DROP TABLE employees; -- \" ? $1 \u{1F600}";
    let mut request = enrolment("EMP001", vec![template(1, 0.5)]);
    request.employee.name = Some(nasty.to_owned());
    request.actor = nasty.to_owned();
    house.hotel().enrol(request).await.expect("enrolled");
    let employee = house.hotel().employee(&person("EMP001")).await.expect("a read").expect("there");
    assert_eq!(employee.name.as_deref(), Some(nasty));
    let subject = innkeeper_store::AuditSubject::Thing(nasty.to_owned());
    house.hotel().audit(nasty, nasty, subject, json!({ nasty: nasty })).await.expect("written");
    assert!(house.store.verify_audit().await.expect("a read").is_intact());
}
