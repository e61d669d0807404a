use innkeeper_store::{Action, NamedFace, Naming, Source};

use super::*;

const WINDOW: Duration = Duration::from_mins(1);

fn naming(faces: &[Uuid]) -> Naming {
    let face = |id: &Uuid| NamedFace { id: *id, confidence: 0.9, score: 0.5, attends: true, action: None };
    Naming {
        employee: person("EMP001"),
        faces: faces.iter().map(face).collect(),
        window: WINDOW,
        zone: chrono_tz::Tz::UTC,
        actor: "manager".to_owned(),
        at: noon() + seconds(9999),
    }
}

async fn photos_to_remove(house: &House) -> Vec<String> {
    let mut keys: Vec<String> =
        house.store.media_deletes(99).await.expect("a read").into_iter().map(|t| t.photo_key).collect();
    keys.sort();
    keys
}

#[tokio::test]
async fn frames_of_one_stranger_make_one_row_that_shows_the_best_of_them() {
    let house = House::new().await;
    let hotel = house.hotel();
    let group = Uuid::now_v7();
    let frame = |n: u32, quality: f32, at: i64| NewUnknown {
        group_id: group,
        quality,
        ..unknown_face(n, noon() + seconds(at))
    };
    let first = frame(1, 0.5, 0);
    let opened = hotel.record_unknown(first.clone(), WINDOW).await.expect("kept");
    assert_eq!((opened.id, opened.is_new, opened.is_best, opened.frames), (first.id, true, true, 1));
    let better = hotel.record_unknown(frame(2, 0.8, 30), WINDOW).await.expect("kept");
    assert_eq!((better.id, better.is_new, better.is_best, better.frames), (first.id, false, true, 2));
    let worse = hotel.record_unknown(frame(3, 0.6, -20), WINDOW).await.expect("kept");
    assert_eq!((worse.id, worse.is_best, worse.frames), (first.id, false, 3));
    assert_eq!(photos_to_remove(&house).await, ["photo-1", "photo-3"], "the losers' photos go");
    let faces = hotel.unknown_faces(noon(), 9).await.expect("a read");
    assert_eq!(faces.len(), 1);
    let (face, best) = (&faces[0], frame(2, 0.8, 30));
    assert_eq!((&face.vector, face.quality, &face.photo_key), (&best.vector, 0.8, &best.photo_key));
    assert_eq!(
        (face.seen_at, face.last_seen_at, face.frames),
        (noon() - seconds(20), noon() + seconds(30), 3)
    );
    assert_eq!(face.expires_at, best.expires_at, "the longest of the frames");

    // Another camera, a longer silence, another group: each a sighting of its own.
    let mut elsewhere = frame(4, 0.9, 10);
    elsewhere.camera = None;
    let other = NewUnknown { group_id: Uuid::now_v7(), ..frame(6, 0.9, 10) };
    for new in [elsewhere, frame(5, 0.9, 91), other] {
        assert!(hotel.record_unknown(new, WINDOW).await.expect("kept").is_new);
    }
    assert_eq!(hotel.unknown_group(group).await.expect("a read").len(), 3);
    let newest = hotel.unknown_faces(noon(), 2).await.expect("a read");
    assert_eq!(newest[0].photo_key.as_deref(), Some("photo-5"), "newest first");
    assert_eq!(newest.len(), 2);
}

#[tokio::test]
async fn a_frame_sent_twice_keeps_its_photo() {
    let house = House::new().await;
    let frame = unknown_face(1, noon());
    for _ in 0..2 {
        house.hotel().record_unknown(frame.clone(), WINDOW).await.expect("kept");
    }
    assert!(photos_to_remove(&house).await.is_empty());
    let twice = house.hotel().record_unknown(NewUnknown { group_id: Uuid::now_v7(), ..frame }, WINDOW).await;
    assert!(matches!(twice, Err(StoreError::Duplicate { what: "the unknown face" })), "{twice:?}");
    for bad in [
        NewUnknown { vector: vec![], ..unknown_face(2, noon()) },
        NewUnknown { vector: vec![f32::NAN], ..unknown_face(2, noon()) },
        NewUnknown { quality: f32::NAN, ..unknown_face(2, noon()) },
        NewUnknown { photo_sha256: "x".to_owned(), ..unknown_face(2, noon()) },
    ] {
        let refused = house.hotel().record_unknown(bad, WINDOW).await;
        assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn strangers_are_forgotten_when_their_time_comes_or_there_are_too_many() {
    let house = House::new().await;
    let (here, south) = (house.hotel(), house.store.hotel(&hotel("south")));
    let mut ids = Vec::new();
    for n in 1..=6 {
        let face = unknown_face(n, noon() + seconds(100 * i64::from(n)));
        ids.push(face.id);
        let at = if n == 6 { &south } else { &here };
        at.record_unknown(face, WINDOW).await.expect("kept");
    }
    let left =
        |faces: Vec<innkeeper_store::UnknownFace>| -> Vec<Uuid> { faces.iter().map(|f| f.id).collect() };
    assert_eq!(south.forget_unknown(&ids[..1]).await.expect("done"), 0, "another hotel's");
    assert_eq!(here.forget_unknown(&ids[..1]).await.expect("done"), 1);
    assert_eq!(house.store.keep_newest_unknown(&hotel("default"), 2).await.expect("done"), 2);
    assert_eq!(left(here.unknown_faces(noon(), 9).await.expect("a read")), [ids[4], ids[3]]);
    assert_eq!(house.store.keep_newest_unknown(&hotel("default"), 2).await.expect("done"), 0);
    // They expire a day after they were seen.
    let day = seconds(86_400);
    assert_eq!(house.store.expire_unknown(noon() + day).await.expect("done"), 0);
    assert_eq!(house.store.expire_unknown(noon() + day + seconds(400)).await.expect("done"), 1);
    assert_eq!(left(here.unknown_faces(noon(), 9).await.expect("a read")), [ids[4]]);
    assert_eq!(house.store.expire_unknown(noon() + day + seconds(600)).await.expect("done"), 2);
    assert!(south.unknown_faces(noon(), 9).await.expect("a read").is_empty());
    assert_eq!(photos_to_remove(&house).await.len(), 6);
}

#[tokio::test]
async fn a_stranger_who_gets_a_name_was_at_work_and_is_no_stranger() {
    let house = House::new().await;
    let hotel = house.hotel();
    hotel.enrol(enrolment("EMP001", vec![template(50, 0.5)])).await.expect("enrolled");
    hotel.record_sighting(sighting("EMP001", Some("lobby"), noon() + seconds(1000))).await.expect("seen");
    let mut ids = Vec::new();
    // The second lies within the window of the row that is there, the third goes on from the first.
    for (n, at) in [(1, 0), (2, 950), (3, 50), (4, 90_000), (5, 200_000)] {
        let face = unknown_face(n, noon() + seconds(at));
        ids.push(face.id);
        hotel.record_unknown(face, WINDOW).await.expect("kept");
    }
    let mut request = naming(&ids);
    request.faces[4].attends = false;
    request.faces.push(NamedFace { id: Uuid::now_v7(), ..request.faces[0].clone() });
    let named = hotel.name_unknown(request).await.expect("named");
    assert_eq!((named.faces.len(), named.opened.len(), named.joined.len(), named.events.len()), (5, 2, 1, 2));
    assert!(hotel.unknown_faces(DateTime::<Utc>::MIN_UTC, 9).await.expect("a read").is_empty());
    assert_eq!(photos_to_remove(&house).await.len(), 5);

    let mut rows = hotel
        .attendance(Some(&person("EMP001")), DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC, 9)
        .await
        .expect("a read");
    rows.reverse();
    let told: Vec<_> = rows.iter().map(|r| (r.first_seen_at, r.last_seen_at, r.action, r.source)).collect();
    assert_eq!(
        told,
        [
            // The day had its check-in when this was written.
            (noon(), noon() + seconds(50), Action::Seen, Source::NamedLater),
            (noon() + seconds(950), noon() + seconds(1000), Action::CheckIn, Source::Camera),
            (noon() + seconds(90_000), noon() + seconds(90_000), Action::CheckIn, Source::NamedLater),
        ]
    );
    assert_eq!((rows[0].confidence, rows[0].score), (0.9, 0.5));
    let events = house.store.outbox_pending(9).await.expect("a read");
    let later: Vec<_> = events.iter().filter(|e| e.payload["source"] == "named_later").collect();
    assert_eq!(later.iter().map(|e| e.id).collect::<Vec<_>>(), named.events);
    assert!(later.iter().all(|e| e.topic == innkeeper_store::ATTENDANCE_RECORDED));
    let log = hotel.audit_entries(0, 9).await.expect("a read");
    let last = log.last().expect("a row");
    assert_eq!(
        (last.action.as_str(), &last.subject),
        ("face.unknown_named", &hotel.pseudonym(&person("EMP001")))
    );

    // Again, or for nobody: nothing.
    let again = hotel.name_unknown(naming(&ids)).await.expect("fine");
    assert!(again.faces.is_empty() && again.events.is_empty());
    assert_eq!(hotel.audit_entries(0, 9).await.expect("a read").len(), log.len());
    let nobody = Naming { employee: person("EMP777"), ..naming(&ids) };
    let nobody = hotel.name_unknown(nobody).await;
    assert!(matches!(nobody, Err(StoreError::UnknownEmployee)), "{nobody:?}");
}

#[tokio::test]
async fn a_named_strangers_photo_stays_when_a_template_shows_it() {
    let house = House::new().await;
    let hotel = house.hotel();
    let id = person("EMP001");
    let new = || vec![template(1, 0.7)];
    let add = |who: &'static str| {
        let hotel = hotel.clone();
        async move { hotel.add_templates(&person(who), new(), 8, "manager", noon()).await }
    };
    assert!(matches!(add("EMP001").await, Err(StoreError::UnknownEmployee)));
    hotel.enrol(enrolment("EMP001", vec![template(9, 0.5)])).await.expect("enrolled");
    hotel.withdraw_consent(&id, "manager", noon()).await.expect("done").expect("there");
    assert!(matches!(add("EMP001").await, Err(StoreError::NoConsent)));
    hotel.enrol(enrolment("EMP001", vec![template(9, 0.5)])).await.expect("enrolled");
    let face = unknown_face(1, noon());
    hotel.record_unknown(face.clone(), WINDOW).await.expect("kept");
    let added = add("EMP001").await.expect("added");
    assert_eq!((added.templates, added.added.len()), (2, 1));
    hotel.name_unknown(naming(&[face.id])).await.expect("named");
    assert!(photos_to_remove(&house).await.is_empty());
    let entry = hotel.employee(&id).await.expect("a read").expect("there");
    assert_eq!(entry.face_embedding_id, Some(added.added[0]), "the better photo");
    assert_eq!(entry.name.as_deref(), Some("Name of EMP001"));
    let log = hotel.audit_entries(0, 9).await.expect("a read");
    assert!(log.iter().any(|e| e.action == "face.templates_added"));
}
