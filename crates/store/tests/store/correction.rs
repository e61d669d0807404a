use innkeeper_store::{ATTENDANCE_CORRECTED, Action, Corrected, MAX_NEGATIVES, RowOutcome, Source};

use super::*;

/// A face that was taken for `from` and is in truth `shows`.
fn mistaken(from: &str, shows: Option<&str>) -> NewNegative {
    NewNegative { employee: person(from), shows: shows.map(person), ..negative(1) }
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
        let done = hotel.correct(negative(n), None, "manager", at).await.expect("kept");
        assert_eq!(done, Corrected { is_kept: true, row: None });
    }
    let (id, face) = (person("EMP001"), model("face"));
    let kept = not_them(&hotel, &id, &face).await;
    assert_eq!(kept.len(), MAX_NEGATIVES);
    assert_eq!((&kept[0], &kept[MAX_NEGATIVES - 1]), (&vec![34.0, 0.5], &vec![3.0, 0.5]));
    assert!(not_them(&hotel, &id, &model("other")).await.is_empty());
    assert!(not_them(&hotel, &person("EMP002"), &face).await.is_empty());
    let log = hotel.audit_entries(0, 99).await.expect("a read");
    assert_eq!(log.iter().filter(|e| e.action == "face.not_this_person").count(), MAX_NEGATIVES + 3);
    let nobody = NewNegative { employee: person("EMP777"), ..negative(1) };
    let nobody = hotel.correct(nobody, None, "m", noon()).await;
    assert!(matches!(nobody, Err(StoreError::UnknownEmployee)), "{nobody:?}");
    // They go with the face.
    let withdrawn = hotel.withdraw_consent(&id, "m", noon()).await.expect("done").expect("there");
    assert_eq!(withdrawn.negatives, MAX_NEGATIVES as u64);
    assert!(not_them(&hotel, &id, &face).await.is_empty());
    hotel.correct(negative(1), None, "m", noon()).await.expect("kept");
    let deleted = hotel.delete_person(&id, "m", noon()).await.expect("done").expect("there");
    // The enrolment's event went with the consent; the withdrawal's is left.
    assert_eq!((deleted.negatives, deleted.outbox_events), (1, 1));
    assert_eq!(house.rows("SELECT count(*) FROM not_this_person").await, 0);
}

#[tokio::test]
async fn what_is_known_of_some_people_leaves_out_other_people_models_and_hotels() {
    let house = staffed().await;
    let (hotel, face) = (house.hotel(), model("face"));
    let more = vec![template(5, 0.9), template(6, 0.7)];
    hotel.add_templates(&person("EMP001"), more, 8, "m", noon()).await.expect("added");
    let old = NewTemplate { model: model("old"), ..template(7, 0.99) };
    hotel.enrol(enrolment("EMP001", vec![old])).await.expect("enrolled");
    hotel.enrol(enrolment("EMP003", vec![template(8, 0.5)])).await.expect("enrolled");
    house
        .store
        .hotel(&hotel_of("south"))
        .enrol(enrolment("EMP001", vec![template(9, 0.5)]))
        .await
        .expect("so");
    for (n, id) in ["EMP002", "EMP002", "EMP003"].into_iter().enumerate() {
        let at = noon() + seconds(n as i64);
        hotel
            .correct(NewNegative { employee: person(id), ..negative(n) }, None, "m", at)
            .await
            .expect("kept");
    }
    let asked = ["EMP001", "EMP002", "EMP777"].map(person);
    let known = hotel.known_faces(&asked, &face).await.expect("a read");
    assert_eq!(known.keys().collect::<Vec<_>>(), asked[..2].iter().collect::<Vec<_>>());
    let all = hotel.templates(&asked[0]).await.expect("a read");
    assert_eq!(known[&asked[0]].templates, all.into_iter().filter(|t| t.model == face).collect::<Vec<_>>());
    assert_eq!(known[&asked[0]].vectors().len(), 3);
    assert!(known[&asked[0]].negatives.is_empty());
    assert_eq!(known[&asked[1]].templates.len(), 1);
    assert_eq!(known[&asked[1]].negatives, [negative(1).vector, negative(0).vector]);
    assert!(hotel.known_faces(&[], &face).await.expect("a read").is_empty());
}

#[tokio::test]
async fn a_face_of_somebody_else_goes_with_them_too() {
    let house = staffed().await;
    let (hotel, id, face) = (house.hotel(), person("EMP001"), model("face"));
    hotel.enrol(enrolment("EMP003", vec![template(3, 0.5)])).await.expect("enrolled");
    for shows in [Some("EMP002"), Some("EMP003"), None] {
        hotel.correct(mistaken("EMP001", shows), None, "m", noon()).await.expect("kept");
    }
    let withdrawn = hotel.withdraw_consent(&person("EMP002"), "m", noon()).await.expect("done");
    assert_eq!(withdrawn.expect("there").negatives, 1);
    assert_eq!(not_them(&hotel, &id, &face).await.len(), 2);
    let deleted = hotel.delete_person(&person("EMP003"), "m", noon()).await.expect("done");
    assert_eq!(deleted.expect("there").negatives, 1);
    assert_eq!(not_them(&hotel, &id, &face).await.len(), 1, "the stranger's is not theirs");

    // Nor does a later correction bring the face back of whom it must not be kept.
    let seen = hotel.record_sighting(sighting("EMP001", Some("lobby"), noon())).await.expect("seen");
    let late = mistaken("EMP001", Some("EMP002"));
    let late = hotel.correct(late, Some(row(seen.attendance_id)), "m", noon()).await.expect("fine");
    let reassigned = Some(RowOutcome::Reassigned { joined: false });
    assert_eq!(late, Corrected { is_kept: false, row: reassigned });
    assert_eq!(not_them(&hotel, &id, &face).await.len(), 1);
}

#[tokio::test]
async fn a_wrong_correction_can_be_taken_back_once() {
    let house = staffed().await;
    let (hotel, id) = (house.hotel(), person("EMP001"));
    let (wrong, right) = (negative(1), negative(2));
    for new in [&wrong, &right] {
        hotel.correct(new.clone(), None, "m", noon()).await.expect("kept");
    }
    let south = house.store.hotel(&hotel_of("south"));
    assert!(!south.remove_negative(&id, wrong.id, "m", noon()).await.expect("fine"), "another hotel's");
    assert!(!hotel.remove_negative(&person("EMP002"), wrong.id, "m", noon()).await.expect("fine"));
    assert!(hotel.remove_negative(&id, wrong.id, "m", noon()).await.expect("fine"));
    assert!(!hotel.remove_negative(&id, wrong.id, "m", noon()).await.expect("fine"));
    assert_eq!(not_them(&hotel, &id, &model("face")).await, [right.vector]);
    let log = hotel.audit_entries(0, 99).await.expect("a read");
    let taken_back: Vec<_> = log.iter().filter(|e| e.action == "face.negative_removed").collect();
    assert_eq!(taken_back.len(), 1);
    assert_eq!(taken_back[0].subject, hotel.pseudonym(&id));
}

#[tokio::test]
async fn a_wrong_attendance_row_goes_with_a_trace() {
    let house = staffed().await;
    let hotel = house.hotel();
    let seen = hotel.record_sighting(sighting("EMP001", Some("lobby"), noon())).await.expect("seen");
    let id = seen.attendance_id;
    let of_another = hotel.correct(mistaken("EMP002", None), Some(row(id)), "m", noon()).await.expect("fine");
    assert_eq!(of_another, Corrected { is_kept: true, row: Some(RowOutcome::Gone) });
    let done = hotel.correct(negative(1), Some(row(id)), "m", noon()).await.expect("fine");
    assert_eq!(done, Corrected { is_kept: true, row: Some(RowOutcome::Removed) });
    assert_eq!(house.rows("SELECT count(*) FROM attendance_logs").await, 0);
    let events = house.store.outbox_pending(9).await.expect("a read");
    let last = events.last().expect("an event");
    assert_eq!(last.topic, ATTENDANCE_CORRECTED);
    assert_eq!(last.payload["attendance_id"], id.to_string());
    assert_eq!(
        (&last.payload["change"], &last.payload["employee_id"]),
        (&"removed".into(), &"EMP001".into())
    );
    let log = hotel.audit_entries(0, 9).await.expect("a read");
    assert_eq!(log.last().expect("a row").action, "attendance.removed");
    let again = hotel.correct(negative(2), Some(row(id)), "m", noon()).await.expect("fine");
    assert_eq!(
        again,
        Corrected { is_kept: true, row: Some(RowOutcome::Gone) },
        "the face is kept all the same"
    );
    assert_eq!(not_them(&hotel, &person("EMP001"), &model("face")).await.len(), 2);
}

#[tokio::test]
async fn another_hotels_attendance_row_cannot_be_put_right() {
    let house = staffed().await;
    let seen = house.hotel().record_sighting(sighting("EMP001", None, noon())).await.expect("seen");
    let south = house.store.hotel(&hotel_of("south"));
    south.enrol(enrolment("EMP001", vec![template(9, 0.5)])).await.expect("enrolled");
    let done = south.correct(negative(1), Some(row(seen.attendance_id)), "m", noon()).await.expect("fine");
    assert_eq!(done.row, Some(RowOutcome::Gone));
    assert_eq!(house.rows("SELECT count(*) FROM attendance_logs").await, 1);
}

#[tokio::test]
async fn a_refused_correction_changes_neither_faces_nor_attendance() {
    let house = staffed().await;
    let hotel = house.hotel();
    let seen = hotel.record_sighting(sighting("EMP001", Some("lobby"), noon())).await.expect("seen");
    let kept = negative(1);
    hotel.correct(kept.clone(), None, "m", noon()).await.expect("kept");
    let (rows, log) = (Some(row(seen.attendance_id)), hotel.audit_entries(0, 99).await.expect("a read"));
    let nobody = hotel.correct(mistaken("EMP001", Some("EMP777")), rows, "m", noon()).await;
    assert!(matches!(nobody, Err(StoreError::UnknownEmployee)), "{nobody:?}");
    let same = hotel.correct(mistaken("EMP001", Some("EMP001")), rows, "m", noon()).await;
    assert!(matches!(same, Err(StoreError::Invalid { field: "shows", .. })), "{same:?}");
    let again = NewNegative { id: kept.id, ..mistaken("EMP001", Some("EMP002")) };
    let again = hotel.correct(again, rows, "m", noon()).await;
    assert!(matches!(again, Err(StoreError::Duplicate { what: "the negative" })), "{again:?}");
    assert_eq!(not_them(&hotel, &person("EMP001"), &model("face")).await.len(), 1);
    assert_eq!(hotel.audit_entries(0, 99).await.expect("a read"), log);

    // The row cannot be written: the face must not be kept either.
    sqlx::raw_sql("ALTER TABLE outbox RENAME TO outbox_away")
        .execute(&mut house.raw().await)
        .await
        .expect("renamed");
    let failed = hotel.correct(negative(2), rows, "m", noon()).await;
    assert!(failed.is_err(), "{failed:?}");
    assert_eq!(not_them(&hotel, &person("EMP001"), &model("face")).await.len(), 1);
    assert_eq!(hotel.audit_entries(0, 99).await.expect("a read"), log);
}

#[tokio::test]
async fn a_row_given_to_another_is_theirs_and_each_hears_of_it_alone() {
    let house = staffed().await;
    let hotel = house.hotel();
    hotel.record_sighting(sighting("EMP002", Some("garden"), noon() - seconds(600))).await.expect("seen");
    let seen = hotel.record_sighting(sighting("EMP001", Some("lobby"), noon())).await.expect("seen");
    assert_eq!(seen.action, Action::CheckIn);
    let id = seen.attendance_id;
    let wrong = mistaken("EMP001", Some("EMP002"));
    let done = hotel.correct(wrong, Some(row(id)), "m", noon()).await.expect("fine");
    assert_eq!(done.row, Some(RowOutcome::Reassigned { joined: false }));
    let rows =
        hotel.attendance(Some(&person("EMP002")), noon(), noon() + seconds(1), 9).await.expect("a read");
    assert_eq!((rows[0].id, rows[0].action, rows[0].source), (id, Action::Seen, Source::Corrected));
    let events = house.store.outbox_pending(9).await.expect("a read");
    let told: Vec<_> = events.iter().filter(|e| e.topic == ATTENDANCE_CORRECTED).collect();
    assert_eq!(
        told.iter().map(|e| e.payload["change"].as_str()).collect::<Vec<_>>(),
        [Some("removed"), Some("assigned")]
    );
    assert!(!told[0].payload.to_string().contains("EMP002"), "who goes takes nobody else's event along");
    assert!(!told[1].payload.to_string().contains("EMP001"));
    hotel.delete_person(&person("EMP001"), "m", noon()).await.expect("done").expect("there");
    let left = house.store.outbox_pending(9).await.expect("a read");
    assert!(left.iter().any(|e| e.id == told[1].id) && !left.iter().any(|e| e.id == told[0].id));
    assert!(house.store.verify_audit().await.expect("a read").is_intact());
}

#[tokio::test]
async fn a_row_given_to_one_who_was_seen_there_doubles_nothing() {
    let house = staffed().await;
    let hotel = house.hotel();
    let wrong = hotel.record_sighting(sighting("EMP001", Some("lobby"), noon())).await.expect("seen");
    let late = sighting("EMP002", Some("lobby"), noon() + seconds(40));
    let right = hotel.record_sighting(late).await.expect("seen");
    let done = hotel
        .correct(mistaken("EMP001", Some("EMP002")), Some(row(wrong.attendance_id)), "m", noon())
        .await
        .expect("fine");
    assert_eq!(done.row, Some(RowOutcome::Reassigned { joined: true }));
    let events = house.store.outbox_pending(9).await.expect("a read");
    assert_eq!(events.iter().filter(|e| e.topic == ATTENDANCE_CORRECTED).count(), 1);
    let rows =
        hotel.attendance(None, DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC, 9).await.expect("a read");
    assert_eq!((rows.len(), rows[0].id), (1, right.attendance_id));
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
        let before = hotel.templates(&id).await.expect("a read").remove(0);
        assert_eq!(before.is_due(at), noted, "{after} s");
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
