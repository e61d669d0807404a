use std::collections::HashSet;

use innkeeper_sealing::SealError;
use innkeeper_store::SealCount;

use super::deletion::holds;
use super::*;

async fn count_by(store: &Store, key: innkeeper_sealing::KeyId) -> u64 {
    let counts: Vec<SealCount> = store.seal_counts().await.expect("a read");
    counts.iter().filter(|c| c.key == key).map(|c| c.rows).sum()
}

#[tokio::test]
async fn a_name_a_vector_and_an_event_are_in_no_byte_of_the_database() {
    let house = House::new().await;
    let mut t = template(1, 0.5);
    t.vector = (0..128).map(|n| 0.031_25 + n as f32).collect();
    let vector: Vec<u8> = t.vector.iter().flat_map(|v| v.to_le_bytes()).collect();
    let mut request = enrolment("EMP001", vec![t.clone()]);
    request.employee.department = Some("Housekeeping".to_owned());
    house.hotel().enrol(request).await.expect("enrolled");
    house.hotel().record_sighting(sighting("EMP001", Some("lobby"), noon())).await.expect("good");
    let unknown = NewUnknown { vector: t.vector.clone(), ..unknown_face(1, noon()) };
    house.hotel().record_unknown(unknown, Duration::ZERO).await.expect("kept");
    let negative = NewNegative {
        id: Uuid::now_v7(),
        employee: person("EMP001"),
        model: model("face"),
        vector: t.vector,
        shows: None,
    };
    house.hotel().correct(negative, None, "manager", noon()).await.expect("kept");
    let answer = Uuid::now_v7();
    house.hotel().keep_answer(kept_answer(answer, noon())).await.expect("kept");
    let right = json!({ "vendor": { "name": "The true vendor" } });
    house.hotel().label(correction_of(answer, right)).await.expect("done").expect("there");
    let mut found = item(1, ItemSide::Found);
    found.vector =
        Some(ImageVector { model: model("lite"), vector: (0..128).map(|n| 0.031_25 + n as f32).collect() });
    let id = found.id;
    house.hotel().add_image(found, &[]).await.expect("kept");
    house.hotel().add_image(report(2), &[candidate(id)]).await.expect("kept");
    house.hotel().record_verdict(verdict("dirty", noon()), None).await.expect("written");
    house.hotel().record_cleanings(&[cleaning("201", noon(), 25)], noon()).await.expect("written");
    let secret = house.store.secret("of-the-test").await.expect("made");
    for plain in [
        &b"Name of EMP001"[..],
        b"Housekeeping",
        b"attendance_id",
        b"Vendor of the receipt",
        b"The true vendor",
        b"wooden handle",
        b"guest of 201",
        b"same handle of wood",
        b"the bed of the photo",
        b"towels on the floor",
        &vector[..32],
        &secret,
    ] {
        assert!(!holds(&bytes(&house), plain), "{:?}", String::from_utf8_lossy(plain));
    }
}

#[tokio::test]
async fn a_plain_or_moved_value_is_taken_for_nobodys_face() {
    let house = House::new().await;
    let hotel = house.hotel();
    hotel.enrol(enrolment("EMP001", vec![template(1, 0.5)])).await.expect("enrolled");
    hotel.enrol(enrolment("EMP002", vec![template(2, 0.5)])).await.expect("enrolled");
    let mut raw = house.raw().await;
    sqlx::raw_sql(
        "UPDATE face_templates SET vector = (SELECT vector FROM face_templates WHERE employee_id = 'EMP001')
         WHERE employee_id = 'EMP002'",
    )
    .execute(&mut raw)
    .await
    .expect("moved");
    let moved = hotel.templates(&person("EMP002")).await.expect("a read");
    assert!(moved.is_empty(), "another's face passes for theirs");
    sqlx::query("UPDATE face_templates SET vector = $1, sealed_by = '' WHERE employee_id = 'EMP001'")
        .bind(vec![0_u8; 16])
        .execute(&mut raw)
        .await
        .expect("plain");
    assert!(hotel.templates(&person("EMP001")).await.expect("a read").is_empty());
    assert!(house.store.pending_vectors(9).await.expect("a read").is_empty(), "nor does the index get them");
    // Nor is it sealed at the next start, which would make it look like ours.
    house.store.clone().close().await;
    let refused = house.again().await;
    assert!(
        matches!(refused, Err(StoreError::Seal { column: "vector", source: SealError::NotSealed })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_database_whose_keys_are_gone_says_which() {
    let house = House::new().await;
    house.hotel().enrol(enrolment("EMP001", vec![template(1, 0.5)])).await.expect("enrolled");
    house.store.clone().close().await;
    let others = KeyRing::ephemeral().expect("a key");
    let error = Place::open_with(&house.place.name(), others).await.expect_err("refused");
    let key = house.keys.active().to_string();
    assert!(error.to_string().contains(&key) && error.to_string().contains("secrets/data.key"), "{error}");
    match error {
        StoreError::MissingKeys { keys, rows } => assert_eq!((keys, rows), (vec![key], 4)),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_rotation_among_enrolments_loses_nothing() {
    let House { store, keys, place } = House::new().await;
    let hotel = store.hotel(&hotel("default"));
    for n in 0..20 {
        hotel.enrol(enrolment(&format!("EMP{n:03}"), vec![template(n, 0.5)])).await.expect("enrolled");
    }
    let old = keys.active();
    let writers: Vec<_> = (20..60)
        .map(|n| {
            let hotel = hotel.clone();
            tokio::spawn(async move {
                let id = format!("EMP{:03}", n % 40);
                let mut request = enrolment(&id, vec![template(n, 0.5)]);
                request.employee.role = Some(format!("role {n}"));
                hotel.enrol(request).await.expect("enrolled");
                hotel.record_sighting(sighting(&id, None, noon())).await.expect("seen");
            })
        })
        .collect();
    keys.rotate().expect("a new key");
    while store.reseal(7).await.expect("no failure") > 0 {
        tokio::task::yield_now().await;
    }
    for writer in writers {
        writer.await.expect("no panic");
    }
    while store.reseal(7).await.expect("no failure") > 0 {}
    assert_eq!(count_by(&store, old).await, 0);
    Place::settle(&place.name());
    keys.retire(old).expect("not needed any more");

    let mut photos = HashSet::new();
    for n in 0..40 {
        let id = person(&format!("EMP{n:03}"));
        let entry = hotel.employee(&id).await.expect("a read").expect("there");
        assert_eq!(entry.name, Some(format!("Name of {id}")));
        assert!(entry.role.is_some(), "the later write stands");
        for t in hotel.templates(&id).await.expect("a read") {
            assert_eq!(t.vector, template(t.vector[0] as u32, 0.5).vector);
            photos.insert(t.photo_sha256);
        }
    }
    assert_eq!(photos.len(), 60);
    assert_eq!(store.outbox_pending(999).await.expect("a read").len(), 60 + 40);
    store.close().await;
    let store = Place::open(&place.name()).await.expect("opens");
    assert_eq!(store.pending_vectors(999).await.expect("a read").len(), 60);
}

#[tokio::test]
async fn a_process_that_missed_a_rotation_neither_fails_nor_undoes_it() {
    let House { store: other, keys, place } = House::new().await;
    let serving = Place::open(&place.name()).await.expect("opens");
    let here = serving.hotel(&hotel("default"));
    here.enrol(enrolment("EMP001", vec![template(1, 0.5)])).await.expect("enrolled");
    let old = keys.active();
    let new = keys.rotate().expect("a new key");
    while other.reseal(1).await.expect("no failure") > 0 {}
    assert_eq!(here.templates(&person("EMP001")).await.expect("found in the key file").len(), 1);
    assert_eq!(serving.reseal(100).await.expect("no failure"), 0);
    assert_eq!((count_by(&other, old).await, count_by(&other, new).await), (0, 4));
    for count in other.seal_counts().await.expect("a read") {
        assert_eq!(count.rows, 1, "{}", count.table);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_secret_is_one_for_all_who_ask_and_outlives_its_key() {
    let House { store, keys, place } = House::new().await;
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.secret("turn").await.expect("made") })
        })
        .collect();
    let mut seen = HashSet::new();
    for task in tasks {
        seen.insert(task.await.expect("no panic"));
    }
    assert_eq!(seen.len(), 1);
    assert_ne!(store.secret("other").await.expect("made"), store.secret("turn").await.expect("read"));
    let name = store.hotel(&hotel("default")).pseudonym(&person("EMP001"));
    let old = keys.active();
    keys.rotate().expect("a new key");
    while store.reseal(100).await.expect("no failure") > 0 {}
    Place::settle(&place.name());
    keys.retire(old).expect("gone");
    store.close().await;
    let store = Place::open(&place.name()).await.expect("opens");
    assert!(seen.contains(&store.secret("turn").await.expect("read")));
    assert_eq!(store.hotel(&hotel("default")).pseudonym(&person("EMP001")), name);
    // Another installation names the same person otherwise.
    assert_ne!(House::new().await.hotel().pseudonym(&person("EMP001")), name);
}

#[tokio::test]
async fn an_installation_has_one_name_which_is_not_that_of_another() {
    let house = House::new().await;
    let name = house.store.installation().await.expect("made");
    assert!(
        name.len() == 8 && name.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)),
        "{name}"
    );
    let other = house.again().await.expect("opens");
    assert_eq!(other.installation().await.expect("read"), name);
    assert_ne!(House::new().await.store.installation().await.expect("made"), name);
}
