use super::*;

pub(super) fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|w| w == needle)
}

pub(super) async fn sealed_vector(house: &House, employee: &str) -> Vec<u8> {
    sqlx::query_scalar("SELECT vector FROM face_templates WHERE employee_id = $1")
        .bind(employee)
        .fetch_one(&mut house.raw().await)
        .await
        .expect("the row")
}

#[tokio::test]
async fn a_deleted_person_is_in_no_table_and_no_byte() {
    let house = House::new().await;
    let hotel = house.hotel();
    let id = person("EMP-to-forget");
    let mut t = template(1, 0.5);
    t.vector = (0..128).map(|n| 0.031_25 + n as f32).collect();
    t.photo_key = Some("key-of-the-forgotten".to_owned());
    let vector: Vec<u8> = t.vector.iter().flat_map(|v| v.to_le_bytes()).collect();
    hotel.enrol(enrolment("EMP-to-forget", vec![t.clone()])).await.expect("enrolled");
    let mut other = template(2, 0.5);
    other.vector = vec![0.5; 128];
    hotel.enrol(enrolment("EMP002", vec![other])).await.expect("enrolled");
    let told = house.store.outbox_pending(10).await.expect("a read")[0].id;
    house.store.outbox_delivered(&[told]).await.expect("reported");
    // Nobody fetches these two before the person is deleted.
    for camera in ["lobby", "garden"] {
        hotel.record_sighting(sighting("EMP-to-forget", Some(camera), noon())).await.expect("good");
    }
    for plain in [&b"EMP-to-forget"[..], b"key-of-the-forgotten"] {
        assert!(holds(&bytes(&house), plain), "the test looks for what was written");
    }
    let sealed = sealed_vector(&house, "EMP-to-forget").await;
    assert!(holds(&bytes(&house), &sealed));

    let deleted =
        hotel.delete_person(&id, "manager", noon()).await.expect("no failure").expect("the person was there");
    assert_eq!(deleted.templates, [t.id]);
    assert_eq!(deleted.photo_keys, ["key-of-the-forgotten"]);
    assert_eq!((deleted.consents, deleted.attendance_rows), (1, 2));
    assert_eq!(hotel.employee(&id).await.expect("a read"), None);
    assert!(hotel.templates(&id).await.expect("a read").is_empty());
    assert!(!hotel.has_active_consent(&id).await.expect("a read"));
    assert!(!holds(&bytes(&house), &sealed), "the vector is gone at once, sealed as it is");

    // The queues remember until their work is done.
    let tasks = house.store.pending_vectors(10).await.expect("a read");
    assert_eq!((tasks[0].template_id, &tasks[0].kind), (t.id, &innkeeper_store::VectorChange::Delete));
    house.store.vectors_done(&[], &[t.id]).await.expect("reported");
    let photos = house.store.media_deletes(10).await.expect("a read");
    assert_eq!(photos[0].photo_key, "key-of-the-forgotten");
    house.store.media_deleted(&photos).await.expect("reported");
    let events = house.store.outbox_pending(10).await.expect("a read");
    let theirs: Vec<_> = events.iter().filter(|e| e.payload["employee_id"] == "EMP-to-forget").collect();
    let topics: Vec<&str> = theirs.iter().map(|e| e.topic.as_str()).collect();
    assert_eq!(topics, ["face.deleted"], "where the person went waits for no consumer");
    assert_eq!(theirs[0].id, deleted.event_id);
    assert_eq!(events.len(), 2, "the events about others still wait");
    house.store.outbox_delivered(&[deleted.event_id]).await.expect("reported");

    let proof = hotel.audit_entries(0, 10).await.expect("a read");
    let last = proof.last().expect("rows");
    assert_eq!((last.action.as_str(), &last.subject), ("face.deleted", &hotel.pseudonym(&id)));
    assert!(house.store.verify_audit().await.expect("a read").is_intact());
    assert!(hotel.employee(&person("EMP002")).await.expect("a read").is_some(), "others stay");
    house.store.clone().close().await;
    let left = bytes(&house);
    for secret in [&b"EMP-to-forget"[..], &vector[..64], &sealed, b"key-of-the-forgotten"] {
        assert!(!holds(&left, secret), "{:?}", String::from_utf8_lossy(secret));
    }
}

#[tokio::test]
async fn deleting_nobody_changes_nothing() {
    let house = House::new().await;
    assert_eq!(house.hotel().delete_person(&person("EMP001"), "manager", noon()).await.expect("fine"), None);
    assert_eq!(
        house.hotel().withdraw_consent(&person("EMP001"), "manager", noon()).await.expect("fine"),
        None
    );
    assert!(house.store.hotels().await.expect("a read").is_empty());
    assert!(house.store.outbox_pending(1).await.expect("a read").is_empty());
}

#[tokio::test]
async fn a_photo_that_another_template_shows_is_not_removed() {
    let house = House::new().await;
    let hotel = house.hotel();
    hotel.enrol(enrolment("EMP001", vec![template(1, 0.5)])).await.expect("enrolled");
    hotel.enrol(enrolment("EMP002", vec![template(1, 0.5)])).await.expect("enrolled");
    let first = hotel.delete_person(&person("EMP001"), "m", noon()).await.expect("fine").expect("there");
    assert!(first.photo_keys.is_empty());
    assert!(house.store.media_deletes(10).await.expect("a read").is_empty());
    let second = hotel.delete_person(&person("EMP002"), "m", noon()).await.expect("fine").expect("there");
    assert_eq!(second.photo_keys, ["photo-1"]);
    // Enrolled again with the same photo before the media room got to it: the photo stays.
    hotel.enrol(enrolment("EMP001", vec![template(1, 0.5)])).await.expect("enrolled");
    assert!(house.store.media_deletes(10).await.expect("a read").is_empty());
}

#[tokio::test]
async fn a_withdrawn_consent_takes_the_face_but_not_the_working_hours() {
    let house = House::new().await;
    let hotel = house.hotel();
    let id = person("EMP001");
    hotel.enrol(enrolment("EMP001", vec![template(1, 0.5)])).await.expect("enrolled");
    hotel.record_sighting(sighting("EMP001", None, noon())).await.expect("good");
    let withdrawn = hotel.withdraw_consent(&id, "manager", noon()).await.expect("fine").expect("active");
    assert_eq!((withdrawn.templates.len(), withdrawn.photo_keys.len(), withdrawn.consents), (1, 1, 1));
    assert!(!hotel.has_active_consent(&id).await.expect("a read"));
    assert!(hotel.templates(&id).await.expect("a read").is_empty());
    let employee = hotel.employee(&id).await.expect("a read").expect("still on the list");
    assert_eq!(employee.face_embedding_id, None);
    let events = house.store.outbox_pending(9).await.expect("a read");
    assert_eq!(
        events.iter().map(|e| e.topic.as_str()).collect::<Vec<_>>(),
        ["attendance.recorded", "consent.withdrawn"],
        "the enrolment is not told any more"
    );
    let rows = hotel.attendance(Some(&id), noon(), noon() + seconds(1), 9).await.expect("a read");
    assert_eq!(rows.len(), 1);
    assert_eq!(hotel.withdraw_consent(&id, "manager", noon()).await.expect("fine"), None, "only once");
    // A new consent works again.
    hotel.enrol(enrolment("EMP001", vec![template(2, 0.5)])).await.expect("enrolled");
    assert!(hotel.has_active_consent(&id).await.expect("a read"));
}
