use super::*;

async fn furnished() -> House {
    let house = House::new().await;
    furnish(&house.store).await;
    house
}

#[tokio::test]
async fn a_copy_in_sqlite_under_other_keys_is_the_same_database() {
    is_the_same_in::<crate::sqlite::Place>().await;
}

#[tokio::test]
async fn a_copy_in_postgres_under_other_keys_is_the_same_database() {
    is_the_same_in::<crate::postgres::Place>().await;
}

async fn is_the_same_in<P: Location>() {
    let (house, target) = (furnished().await, Dwelling::<P>::new().await);
    let secret = house.store.secret("turn").await.expect("made");
    // More rows than are copied at a time.
    for n in 0..300 {
        let frame = sighting("EMP001", Some(&format!("cam{n}")), noon());
        house.store.hotel(&hotel("north")).record_sighting(frame).await.expect("seen");
    }
    let mut heard = std::collections::BTreeMap::new();
    let report = house
        .store
        .copy_to(&target.store, |table, done, of| {
            heard.insert(table.to_owned(), (done, of));
        })
        .await
        .expect("copied");
    assert!(report.audit.is_intact() && report.audit.rows > 0);
    let mut tables = house.tables().await;
    tables.retain(|name| name != "_sqlx_migrations");
    assert_eq!(tables.len(), report.tables.len(), "a table that no copy brings over");
    for (table, rows) in &report.tables {
        assert!(*rows > 0, "the test leaves {table} empty");
        assert_eq!(heard[*table], (*rows, *rows));
    }

    let (from, to) = (&house.store, &target.store);
    assert_eq!(
        from.pending_vectors(99).await.expect("a read"),
        to.pending_vectors(99).await.expect("a read")
    );
    assert_eq!(
        from.pending_image_vectors(99).await.expect("a read"),
        to.pending_image_vectors(99).await.expect("a read")
    );
    assert_eq!(from.media_deletes(99).await.expect("a read"), to.media_deletes(99).await.expect("a read"));
    assert_eq!(
        from.outbox_pending(999).await.expect("a read"),
        to.outbox_pending(999).await.expect("a read")
    );
    assert_eq!(to.secret("turn").await.expect("read"), secret);
    // Nobody had asked for it before the copy was made.
    assert_eq!(to.installation().await.expect("read"), from.installation().await.expect("read"));
    for name in ["north", "south"] {
        let (a, b) = (from.hotel(&hotel_of(name)), to.hotel(&hotel_of(name)));
        let (id, face) = (person("EMP001"), model("face"));
        assert_eq!(a.pseudonym(&id), b.pseudonym(&id));
        assert_eq!(a.employee(&id).await.expect("a read"), b.employee(&id).await.expect("a read"));
        assert!(b.has_active_consent(&id).await.expect("a read"));
        assert_eq!(a.templates(&id).await.expect("a read"), b.templates(&id).await.expect("a read"));
        assert_eq!(not_them(&a, &id, &face).await, not_them(&b, &id, &face).await);
        assert_eq!(a.api_keys().await.expect("a read"), b.api_keys().await.expect("a read"));
        assert_eq!(
            a.unknown_faces(noon(), 9).await.expect("a read"),
            b.unknown_faces(noon(), 9).await.expect("a read")
        );
        assert_eq!(
            a.audit_entries(0, 99).await.expect("a read"),
            b.audit_entries(0, 99).await.expect("a read")
        );
        assert_eq!(
            a.labels("ocr-fields", 9).await.expect("a read"),
            b.labels("ocr-fields", 9).await.expect("a read")
        );
        let filter = innkeeper_store::ImageFilter::default();
        let (here, there) = (a.list_images(&filter, None, 9).await, b.list_images(&filter, None, 9).await);
        let (here, there) = (here.expect("a read"), there.expect("a read"));
        assert_eq!((here.images.len(), &here), (2, &there));
        let ids: Vec<Uuid> = here.images.iter().map(|i| i.id).collect();
        assert_eq!(
            a.image_vectors(&ids).await.expect("a read"),
            b.image_vectors(&ids).await.expect("a read")
        );
        let near = b.near_images(here.images[0].photo.as_ref().expect("a photo").hash, 0, &[], 9).await;
        assert_eq!(near.expect("a read").len(), 1, "the copy finds by hash");
        let every = innkeeper_store::MatchFilter::default();
        assert_eq!(
            a.matches(every, None, 9).await.expect("a read"),
            b.matches(every, None, 9).await.expect("a read")
        );
        assert_eq!(
            a.verdicts(&room("201"), None, 9).await.expect("a read"),
            b.verdicts(&room("201"), None, 9).await.expect("a read")
        );
        assert_eq!(a.cleanings(9).await.expect("a read"), b.cleanings(9).await.expect("a read"));
        let all = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
        assert_eq!(
            a.attendance(None, all.0, all.1, 999).await.expect("a read"),
            b.attendance(None, all.0, all.1, 999).await.expect("a read")
        );
    }
    let theirs: Vec<_> = to.seal_counts().await.expect("a read").into_iter().map(|c| c.key).collect();
    assert!(!house.keys.ids().contains(&target.keys.active()), "the keys differ");
    assert!(theirs.iter().all(|key| *key == target.keys.active()), "the old keys are not needed there");
    // It goes on where the original stood.
    to.hotel(&hotel("north")).enrol(enrolment("EMP009", vec![template(9, 0.5)])).await.expect("enrolled");
    assert!(to.verify_audit().await.expect("a read").is_intact());
    let last = to.outbox_pending(999).await.expect("a read").pop().expect("events");
    assert_eq!(last.payload["employee_id"], "EMP009", "new events come after the copied ones");
    let gone = to.hotel(&hotel("north")).delete_person(&person("EMP000"), "m", noon()).await.expect("done");
    assert_eq!(gone.expect("there").negatives, 1, "the copy forgot whom the face shows");
}

#[tokio::test]
async fn a_copy_never_mixes_with_what_is_there() {
    let (house, target) = (furnished().await, House::new().await);
    target.hotel().enrol(enrolment("EMP001", vec![template(1, 0.5)])).await.expect("enrolled");
    let refused = house.store.copy_to(&target.store, |_, _, _| ()).await;
    assert!(matches!(refused, Err(StoreError::NotEmpty { table: "hotels" })), "{refused:?}");
    assert_eq!(target.rows("SELECT count(*) FROM hotels").await, 1);
}

#[tokio::test]
async fn a_copy_that_fails_half_way_leaves_the_target_empty() {
    let (house, target) = (furnished().await, House::new().await);
    sqlx::query("UPDATE not_this_person SET vector = $1")
        .bind(vec![0_u8; 60])
        .execute(&mut house.raw().await)
        .await
        .expect("broken");
    let failed = house.store.copy_to(&target.store, |_, _, _| ()).await;
    assert!(matches!(failed, Err(StoreError::Seal { column: "vector", .. })), "{failed:?}");
    assert_eq!(target.rows("SELECT count(*) FROM hotels").await, 0);
    assert_eq!(target.rows("SELECT count(*) FROM secrets").await, 1, "its own secret is still there");
}

#[tokio::test]
async fn a_copy_hides_no_fault_of_the_audit_log() {
    let (house, target) = (furnished().await, House::new().await);
    house.tamper("UPDATE audit_log SET actor = 'nobody' WHERE seq = 2").await;
    let report = house.store.copy_to(&target.store, |_, _, _| ()).await.expect("copied as it stands");
    assert_eq!(report.audit.breaks.len(), 2, "one a hotel");
    assert_eq!(report.audit, house.store.verify_audit().await.expect("a read"));
    assert_eq!(report.audit, target.store.verify_audit().await.expect("a read"));
}
