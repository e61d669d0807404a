//! One row whose sealed value does not open, among others that do.

use super::*;

/// Gives the rows that match a sealed value that belongs elsewhere.
async fn damage(house: &House, sql: &'static str) {
    let done = sqlx::raw_sql(sql).execute(&mut house.raw().await).await.expect(sql);
    assert!(done.rows_affected() > 0, "{sql}");
}

async fn staffed(people: u32) -> House {
    let house = House::new().await;
    for n in 0..people {
        let request = enrolment(&format!("EMP{n:03}"), vec![template(n, 0.5)]);
        house
            .hotel()
            .enrol(NewEnrolment { at: noon() + seconds(n.into()), ..request })
            .await
            .expect("enrolled");
    }
    house
}

#[tokio::test]
async fn templates_that_do_not_open_keep_no_other_from_the_index() {
    let house = staffed(5).await;
    damage(
        &house,
        "UPDATE face_templates SET vector = (SELECT vector FROM face_templates WHERE employee_id = 'EMP004')
         WHERE employee_id IN ('EMP000', 'EMP001', 'EMP002')",
    )
    .await;
    // The oldest three are first in the queue, and more than a batch.
    for (limit, readable) in [(1, 1), (2, 2), (9, 2)] {
        let tasks = house.store.pending_vectors(limit).await.expect("a read");
        assert_eq!(tasks.len(), readable, "of {limit}");
        assert_eq!(
            tasks[0].template_id,
            house.hotel().templates(&person("EMP003")).await.expect("a read")[0].id
        );
    }
    let done: Vec<Uuid> =
        house.store.pending_vectors(2).await.expect("a read").iter().map(|t| t.template_id).collect();
    house.store.vectors_done(&done, &[]).await.expect("reported");
    assert!(house.store.pending_vectors(1).await.expect("a read").is_empty(), "a queue that never ends");
    assert!(house.hotel().templates(&person("EMP000")).await.expect("a read").is_empty());
    // A person can still go, and the index is told.
    house.hotel().delete_person(&person("EMP000"), "m", noon()).await.expect("done").expect("there");
    assert_eq!(house.store.pending_vectors(9).await.expect("a read").len(), 1);
}

#[tokio::test]
async fn an_event_that_does_not_open_holds_no_other_up() {
    let house = staffed(4).await;
    damage(
        &house,
        "UPDATE outbox SET sealed_payload = (SELECT sealed_payload FROM outbox WHERE person = 'EMP003')
         WHERE person IN ('EMP000', 'EMP001')",
    )
    .await;
    for (limit, readable) in [(1, &["EMP002"][..]), (9, &["EMP002", "EMP003"])] {
        let events = house.store.outbox_pending(limit).await.expect("a read");
        let people: Vec<&str> = events.iter().filter_map(|e| e.payload["employee_id"].as_str()).collect();
        assert_eq!(people, readable);
    }
    assert_eq!(house.store.outbox_prune(DateTime::<Utc>::MAX_UTC).await.expect("pruned").pending, 4);
}

#[tokio::test]
async fn faces_that_do_not_open_hide_no_others() {
    let house = staffed(1).await;
    let (hotel, id, face) = (house.hotel(), person("EMP000"), model("face"));
    let group_id = Uuid::now_v7();
    let (mut faces, mut negatives) = (Vec::new(), Vec::new());
    for n in 0..3 {
        let seen_at = noon() + seconds(n);
        let unknown = NewUnknown { group_id, ..unknown_face(n as u32, seen_at) };
        faces.push(hotel.record_unknown(unknown, Duration::ZERO).await.expect("kept").id);
        let negative = NewNegative { employee: id.clone(), ..negative(n as usize) };
        negatives.push(negative.vector.clone());
        hotel.correct(negative, None, "m", seen_at).await.expect("kept");
    }
    for sql in [
        "UPDATE unknown_faces SET vector = (SELECT vector FROM face_templates)
         WHERE seen_at = (SELECT max(seen_at) FROM unknown_faces)",
        "UPDATE not_this_person SET vector = (SELECT vector FROM face_templates)
         WHERE created_at = (SELECT max(created_at) FROM not_this_person)",
    ] {
        damage(&house, sql).await;
    }
    for (limit, readable) in [(1, &[faces[1]][..]), (9, &[faces[1], faces[0]])] {
        let found = hotel.unknown_faces(noon(), limit).await.expect("a read");
        assert_eq!(found.iter().map(|f| f.id).collect::<Vec<_>>(), readable);
    }
    let group = hotel.unknown_group(group_id).await.expect("a read");
    assert_eq!(group.iter().map(|f| f.id).collect::<Vec<_>>(), faces[..2]);
    let found = not_them(&hotel, &id, &face).await;
    assert_eq!(found, [negatives[1].clone(), negatives[0].clone()]);
}

#[tokio::test]
async fn a_change_of_keys_passes_over_what_does_not_open_and_still_counts_it() {
    let house = staffed(8).await;
    for sql in [
        "UPDATE face_templates SET vector = (SELECT vector FROM face_templates WHERE employee_id = 'EMP007')
         WHERE employee_id IN ('EMP000', 'EMP003', 'EMP004')",
        "UPDATE outbox SET sealed_payload = (SELECT sealed_payload FROM outbox WHERE person = 'EMP007')
         WHERE person = 'EMP001'",
    ] {
        damage(&house, sql).await;
    }
    let old = house.keys.active();
    house.keys.rotate().expect("a new key");
    let mut resealed = 0;
    // Eight of three kinds and the secret, less four; a batch holds fewer than do not open.
    for _ in 0..99 {
        resealed += match house.store.reseal(2).await.expect("no failure") {
            0 => break,
            some => some,
        };
    }
    assert_eq!(resealed, 3 * 8 + 1 - 4);
    assert_eq!(house.store.reseal(2).await.expect("no failure"), 0);
    let counts = house.store.seal_counts().await.expect("a read");
    let left: Vec<_> = counts.iter().filter(|c| c.key == old).map(|c| (c.table, c.rows)).collect();
    assert_eq!(left, [("face_templates", 3), ("outbox", 1)], "their key must not go unnoticed");
    assert_eq!(house.store.pending_vectors(99).await.expect("a read").len(), 5);
    assert_eq!(house.store.outbox_pending(99).await.expect("a read").len(), 7);
}

#[tokio::test]
async fn only_a_database_in_which_no_hotel_ever_wrote_is_empty() {
    let house = House::new().await;
    assert!(house.store.is_empty().await.expect("a read"));
    house.store.installation().await.expect("made");
    assert!(house.store.is_empty().await.expect("a read"), "a secret is nobody's data");
    house.hotel().enrol(enrolment("EMP001", vec![])).await.expect_err("no photo");
    assert!(house.store.is_empty().await.expect("a read"));
    house.hotel().enrol(enrolment("EMP001", vec![template(1, 0.5)])).await.expect("enrolled");
    house.hotel().delete_person(&person("EMP001"), "m", noon()).await.expect("done").expect("there");
    assert!(!house.store.is_empty().await.expect("a read"), "its audit log is left");
}
