use std::collections::HashSet;

use innkeeper_sealing::SealError;
use innkeeper_store::{SealCount, StoreError};
use sqlx::SqlStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

use crate::deletion::{bytes, holds};
use crate::*;

/// The keys as an installation has them, which can be rotated.
fn keys_in(folder: &TempDir) -> KeyRing {
    KeyRing::open(None, folder.path()).expect("keys")
}

async fn count_by(store: &Store, key: innkeeper_sealing::KeyId) -> u64 {
    let counts: Vec<SealCount> = store.seal_counts().await.expect("a read");
    counts.iter().filter(|c| c.key == key).map(|c| c.rows).sum()
}

/// A database as version 1 of the schema left it, with one person, one template and one event.
async fn version_one(path: &std::path::Path, vector: &[u8]) {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true).foreign_keys(true);
    let mut raw = options.pragma("journal_mode", "WAL").connect().await.expect("a new file");
    let sql = include_str!("../../migrations/sqlite/0001_people_attendance_audit_outbox.sql");
    let sql = SqlStr::from_static(sql);
    let first = Migration::new(1, "people".into(), MigrationType::Simple, sql, false);
    Migrator::with_migrations(vec![first]).run_direct(None, &mut raw, false).await.expect("the tables");
    for sql in [
        "INSERT INTO hotels VALUES ('default', 1, 0, '0000000000000000000000000000000000000000000000000000000000000000')",
        "INSERT INTO employees VALUES ('default', 'EMP001', 'Nguyen Van A', 'Housekeeping', NULL, NULL, 1, 1)",
        "INSERT INTO outbox (id, hotel_id, topic, payload, person, forget, created_at, attempts)
         VALUES ('01946f00-0000-7000-8000-000000000001', 'default', 'face.enrolled', '{\"told\":\"the-old-event\"}', 'EMP001', FALSE, 1, 0)",
    ] {
        sqlx::raw_sql(sql).execute(&mut raw).await.expect(sql);
    }
    for n in 0..3 {
        sqlx::query(
            "INSERT INTO face_templates VALUES (?, 'default', 'EMP001', 'face@1', ?, ?, 0.5, NULL, ?, 1, 'pending')",
        )
        .bind(Uuid::now_v7().to_string())
        .bind(vector)
        .bind((vector.len() / 4) as i64)
        .bind(format!("{n:064x}"))
        .execute(&mut raw)
        .await
        .expect("a template");
    }
    sqlx::Connection::close(raw).await.expect("closed");
}

#[tokio::test]
async fn what_version_one_wrote_plain_is_sealed_and_leaves_no_byte_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("innkeeper.db");
    let floats: Vec<f32> = (0..128).map(|n| 0.031_25 + n as f32).collect();
    let vector: Vec<u8> = floats.iter().flat_map(|v| v.to_le_bytes()).collect();
    version_one(&path, &vector).await;
    let before = std::fs::read(&path).expect("the file");
    let plain = [&b"Nguyen Van A"[..], b"Housekeeping", b"the-old-event", &vector[..64]];
    assert!(plain.iter().all(|p| holds(&before, p)), "the test looks for what was written");

    let keys = KeyRing::ephemeral().expect("a key");
    let store = Store::open(&path, keys.clone()).await.expect("opens");
    let house = House { folder, keys, store };
    for plain in plain {
        assert!(!holds(&bytes(&house), plain), "{:?}", String::from_utf8_lossy(plain));
    }
    let person = house.hotel().employee(&person("EMP001")).await.expect("a read").expect("there");
    assert_eq!(
        (person.name.as_deref(), person.department.as_deref()),
        (Some("Nguyen Van A"), Some("Housekeeping"))
    );
    assert_eq!(person.role, None);
    let templates = house.hotel().templates(&person.id).await.expect("a read");
    assert!(templates.len() == 3 && templates.iter().all(|t| t.vector == floats));
    let event = house.store.outbox_pending(9).await.expect("a read").remove(0);
    assert_eq!(event.payload, serde_json::json!({ "told": "the-old-event" }));
    assert_eq!(house.store.reseal(9).await.expect("nothing to do"), 0);

    // As if the first start had been interrupted: one row is still plain, the mark of the end is not set.
    house.store.clone().close().await;
    let mut raw = house.raw().await;
    sqlx::raw_sql("DELETE FROM secrets").execute(&mut raw).await.expect("not there yet");
    sqlx::query("UPDATE face_templates SET vector = ?, sealed_by = '' WHERE id = ?")
        .bind(&vector)
        .bind(templates[0].id.to_string())
        .execute(&mut raw)
        .await
        .expect("plain again");
    sqlx::Connection::close(raw).await.expect("closed");
    let store = Store::open(&house.path(), house.keys.clone()).await.expect("goes on");
    let house = House { store, ..house };
    let again = house.hotel().templates(&person.id).await.expect("a read");
    assert!(again.len() == 3 && again.iter().all(|t| t.vector == floats));
    house.store.clone().close().await;
    for plain in plain {
        assert!(!holds(&bytes(&house), plain), "{:?}", String::from_utf8_lossy(plain));
    }
}

#[tokio::test]
async fn a_name_a_vector_and_an_event_are_in_no_byte_of_the_files() {
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
    };
    house.hotel().add_not_this_person(negative, "manager", noon()).await.expect("kept");
    let secret = house.store.secret("of-the-test").await.expect("made");
    for plain in [&b"Name of EMP001"[..], b"Housekeeping", b"attendance_id", &vector[..32], &secret] {
        assert!(!holds(&bytes(&house), plain), "{:?}", String::from_utf8_lossy(plain));
    }
}

#[tokio::test]
async fn a_plain_moved_or_changed_value_is_refused() {
    let house = House::new().await;
    let hotel = house.hotel();
    hotel.enrol(enrolment("EMP001", vec![template(1, 0.5)])).await.expect("enrolled");
    hotel.enrol(enrolment("EMP002", vec![template(2, 0.5)])).await.expect("enrolled");
    let seal_error = |result: Result<Vec<innkeeper_store::Template>, StoreError>| match result {
        Err(StoreError::Seal { column: "vector", source }) => source,
        other => panic!("{other:?}"),
    };
    let mut raw = house.raw().await;
    sqlx::raw_sql(
        "UPDATE face_templates SET vector = (SELECT vector FROM face_templates WHERE employee_id = 'EMP001')
         WHERE employee_id = 'EMP002'",
    )
    .execute(&mut raw)
    .await
    .expect("moved");
    let moved = hotel.templates(&person("EMP002")).await;
    assert_eq!(seal_error(moved), SealError::Tampered, "another's face passes for theirs");
    sqlx::raw_sql(
        "UPDATE face_templates SET vector = zeroblob(16), sealed_by = '' WHERE employee_id = 'EMP001'",
    )
    .execute(&mut raw)
    .await
    .expect("plain");
    assert_eq!(seal_error(hotel.templates(&person("EMP001")).await), SealError::NotSealed);
    // Nor is it sealed at the next start, which would make it look like ours.
    house.store.clone().close().await;
    let refused = Store::open(&house.path(), house.keys.clone()).await;
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
    let error = Store::open(&house.path(), KeyRing::ephemeral().expect("a key")).await.expect_err("refused");
    let key = house.keys.active().to_string();
    assert!(error.to_string().contains(&key) && error.to_string().contains("secrets/data.key"), "{error}");
    match error {
        StoreError::MissingKeys { keys, rows } => assert_eq!((keys, rows), (vec![key], 4)),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_rotation_among_enrolments_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = keys_in(&folder);
    let store = Store::open(&folder.path().join("innkeeper.db"), keys.clone()).await.expect("opens");
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
    let store = Store::open(&folder.path().join("innkeeper.db"), keys_in(&folder)).await.expect("opens");
    assert_eq!(store.pending_vectors(999).await.expect("a read").len(), 60);
}

#[tokio::test]
async fn a_process_that_missed_a_rotation_neither_fails_nor_undoes_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("innkeeper.db");
    let serving = Store::open(&path, keys_in(&folder)).await.expect("opens");
    let here = serving.hotel(&hotel("default"));
    here.enrol(enrolment("EMP001", vec![template(1, 0.5)])).await.expect("enrolled");
    let keys = keys_in(&folder);
    let other = Store::open(&path, keys.clone()).await.expect("opens");
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
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("innkeeper.db");
    let keys = keys_in(&folder);
    let store = Store::open(&path, keys.clone()).await.expect("opens");
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
    keys.retire(old).expect("gone");
    store.close().await;
    let store = Store::open(&path, keys_in(&folder)).await.expect("opens");
    assert!(seen.contains(&store.secret("turn").await.expect("read")));
    assert_eq!(store.hotel(&hotel("default")).pseudonym(&person("EMP001")), name);
    // Another installation names the same person otherwise.
    assert_ne!(House::new().await.hotel().pseudonym(&person("EMP001")), name);
}
