use innkeeper_store::{ATTENDANCE_CORRECTED, Action, MAX_NEGATIVES, Reassignment, Source};

use super::*;

fn to(attendance_id: Uuid, from: &str, to: &str) -> Reassignment {
    Reassignment {
        attendance_id,
        from: person(from),
        to: person(to),
        window: Duration::from_mins(1),
        zone: chrono_tz::Tz::UTC,
        actor: "manager".to_owned(),
        at: noon(),
    }
}

async fn staffed() -> House {
    let house = House::new().await;
    for (n, id) in ["EMP001", "EMP002"].into_iter().enumerate() {
        house.hotel().enrol(enrolment(id, vec![template(n as u32, 0.5)])).await.expect("enrolled");
    }
    let told: Vec<Uuid> = house.store.outbox_pending(9).await.expect("a read").iter().map(|e| e.id).collect();
    house.store.outbox_delivered(&told).await.expect("reported");
    house
}

#[tokio::test]
async fn negatives_are_kept_newest_first_and_never_too_many() {
    let house = staffed().await;
    let hotel = house.hotel();
    for n in 0..MAX_NEGATIVES + 3 {
        let at = noon() + seconds(n as i64);
        let kept = hotel.add_not_this_person(negative(n), "manager", at).await.expect("kept");
        assert_eq!(kept, (n + 1).min(MAX_NEGATIVES));
    }
    let (id, face) = (person("EMP001"), model("face"));
    let kept = hotel.negatives(&id, &face).await.expect("a read");
    assert_eq!(kept.len(), MAX_NEGATIVES);
    assert_eq!((&kept[0], &kept[MAX_NEGATIVES - 1]), (&vec![34.0, 0.5], &vec![3.0, 0.5]));
    assert!(hotel.negatives(&id, &model("other")).await.expect("a read").is_empty());
    assert!(hotel.negatives(&person("EMP002"), &face).await.expect("a read").is_empty());
    let log = hotel.audit_entries(0, 99).await.expect("a read");
    assert_eq!(log.iter().filter(|e| e.action == "face.not_this_person").count(), MAX_NEGATIVES + 3);
    let nobody = NewNegative { employee: person("EMP777"), ..negative(1) };
    let nobody = hotel.add_not_this_person(nobody, "m", noon()).await;
    assert!(matches!(nobody, Err(StoreError::UnknownEmployee)), "{nobody:?}");
    // They go with the face.
    let withdrawn = hotel.withdraw_consent(&id, "m", noon()).await.expect("done").expect("there");
    assert_eq!(withdrawn.negatives, MAX_NEGATIVES as u64);
    assert!(hotel.negatives(&id, &face).await.expect("a read").is_empty());
    hotel.add_not_this_person(negative(1), "m", noon()).await.expect("kept");
    let deleted = hotel.delete_person(&id, "m", noon()).await.expect("done").expect("there");
    // The enrolment's event went with the consent; the withdrawal's is left.
    assert_eq!((deleted.negatives, deleted.outbox_events), (1, 1));
    assert_eq!(house.rows("SELECT count(*) FROM not_this_person").await, 0);
}

#[tokio::test]
async fn a_wrong_attendance_row_goes_with_a_trace() {
    let house = staffed().await;
    let hotel = house.hotel();
    let seen = hotel.record_sighting(sighting("EMP001", Some("lobby"), noon())).await.expect("seen");
    let id = seen.attendance_id;
    let of_another = hotel.correct_attendance(id, &person("EMP002"), "m", noon()).await.expect("fine");
    assert!(of_another.is_none());
    let elsewhere = house.store.hotel(&hotel_of("south"));
    assert!(elsewhere.correct_attendance(id, &person("EMP001"), "m", noon()).await.expect("fine").is_none());
    let removed =
        hotel.correct_attendance(id, &person("EMP001"), "m", noon()).await.expect("fine").expect("there");
    assert_eq!(removed.attendance.id, id);
    assert_eq!(house.rows("SELECT count(*) FROM attendance_logs").await, 0);
    let events = house.store.outbox_pending(9).await.expect("a read");
    let last = events.last().expect("an event");
    assert_eq!((last.topic.as_str(), last.id), (ATTENDANCE_CORRECTED, removed.event_id));
    assert_eq!(last.payload["attendance_id"], id.to_string());
    assert_eq!(
        (&last.payload["change"], &last.payload["employee_id"]),
        (&"removed".into(), &"EMP001".into())
    );
    let log = hotel.audit_entries(0, 9).await.expect("a read");
    assert_eq!(log.last().expect("a row").action, "attendance.removed");
    assert!(hotel.correct_attendance(id, &person("EMP001"), "m", noon()).await.expect("fine").is_none());
}

#[tokio::test]
async fn a_row_given_to_another_is_theirs_and_each_hears_of_it_alone() {
    let house = staffed().await;
    let hotel = house.hotel();
    hotel.record_sighting(sighting("EMP002", Some("garden"), noon() - seconds(600))).await.expect("seen");
    let seen = hotel.record_sighting(sighting("EMP001", Some("lobby"), noon())).await.expect("seen");
    assert_eq!(seen.action, Action::CheckIn);
    let id = seen.attendance_id;
    let done = hotel.reassign_attendance(to(id, "EMP001", "EMP002")).await.expect("fine").expect("there");
    assert_eq!((done.attendance_id, done.joined, done.events.len()), (id, false, 2));
    let rows =
        hotel.attendance(Some(&person("EMP002")), noon(), noon() + seconds(1), 9).await.expect("a read");
    assert_eq!((rows[0].id, rows[0].action, rows[0].source), (id, Action::Seen, Source::Corrected));
    let events = house.store.outbox_pending(9).await.expect("a read");
    let told: Vec<_> = events.iter().filter(|e| e.topic == ATTENDANCE_CORRECTED).collect();
    assert_eq!(told.iter().map(|e| e.id).collect::<Vec<_>>(), done.events);
    assert_eq!(
        (&told[0].payload["change"], &told[1].payload["change"]),
        (&"removed".into(), &"assigned".into())
    );
    assert!(!told[0].payload.to_string().contains("EMP002"), "who goes takes nobody else's event along");
    assert!(!told[1].payload.to_string().contains("EMP001"));
    hotel.delete_person(&person("EMP001"), "m", noon()).await.expect("done").expect("there");
    let left = house.store.outbox_pending(9).await.expect("a read");
    assert!(left.iter().any(|e| e.id == done.events[1]) && !left.iter().any(|e| e.id == done.events[0]));
    assert!(house.store.verify_audit().await.expect("a read").is_intact());
}

#[tokio::test]
async fn a_row_given_to_one_who_was_seen_there_doubles_nothing() {
    let house = staffed().await;
    let hotel = house.hotel();
    let wrong = hotel.record_sighting(sighting("EMP001", Some("lobby"), noon())).await.expect("seen");
    let late = sighting("EMP002", Some("lobby"), noon() + seconds(40));
    let right = hotel.record_sighting(late).await.expect("seen");
    let nobody = hotel.reassign_attendance(to(wrong.attendance_id, "EMP001", "EMP777")).await;
    assert!(matches!(nobody, Err(StoreError::UnknownEmployee)), "{nobody:?}");
    let same = hotel.reassign_attendance(to(wrong.attendance_id, "EMP001", "EMP001")).await.expect("fine");
    assert!(same.is_none());
    let done = hotel
        .reassign_attendance(to(wrong.attendance_id, "EMP001", "EMP002"))
        .await
        .expect("fine")
        .expect("there");
    assert_eq!((done.attendance_id, done.joined, done.events.len()), (right.attendance_id, true, 1));
    let rows =
        hotel.attendance(None, DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC, 9).await.expect("a read");
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].first_seen_at, rows[0].last_seen_at), (noon(), noon() + seconds(40)));
}

#[tokio::test]
async fn a_match_is_noted_once_a_day_and_other_models_are_seen() {
    let house = staffed().await;
    let hotel = house.hotel();
    let id = person("EMP001");
    let t = hotel.templates(&id).await.expect("a read").remove(0);
    assert_eq!(t.last_matched_at, None);
    for (after, noted) in [(0, true), (3600, false), (86_401, true)] {
        let at = noon() + seconds(after);
        assert_eq!(hotel.touch_template(t.id, at).await.expect("fine"), noted, "{after} s");
    }
    let t = hotel.templates(&id).await.expect("a read").remove(0);
    assert_eq!(t.last_matched_at, Some(noon() + seconds(86_401)));
    assert!(
        !house
            .store
            .hotel(&hotel_of("south"))
            .touch_template(t.id, at("2026-01-01T00:00:00Z"))
            .await
            .expect("fine")
    );

    assert!(hotel.other_models(&model("face")).await.expect("a read").is_empty());
    assert_eq!(hotel.other_models(&model("aface")).await.expect("a read"), [model("face")]);
    assert_eq!(hotel.other_models(&model("zface")).await.expect("a read"), [model("face")]);
    assert!(
        house.store.hotel(&hotel_of("south")).other_models(&model("x")).await.expect("a read").is_empty()
    );
}
