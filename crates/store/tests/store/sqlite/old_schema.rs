use sqlx::SqlStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

use super::deletion::holds;
use super::*;

/// A database as version 1 of the schema left it, with one person, one template and one event.
async fn version_one(path: &str, vector: &[u8]) {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true).foreign_keys(true);
    let mut raw = options.pragma("journal_mode", "WAL").connect().await.expect("a new file");
    let sql = include_str!("../../../migrations/sqlite/0001_people_attendance_audit_outbox.sql");
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
    // By other means than the program, which overwrites what it deletes.
    for sql in [
        "PRAGMA secure_delete = OFF",
        "INSERT INTO consents VALUES ('c', 'default', 'EMP001', 1, 'v1', 'of-a-deleted-row', 1, NULL)",
        "DELETE FROM consents",
    ] {
        sqlx::raw_sql(sql).execute(&mut raw).await.expect(sql);
    }
    sqlx::Connection::close(raw).await.expect("closed");
}

#[tokio::test]
async fn what_version_one_wrote_plain_is_sealed_and_leaves_no_byte_behind() {
    let place = Place::new().await;
    let path = place.name();
    let floats: Vec<f32> = (0..128).map(|n| 0.031_25 + n as f32).collect();
    let vector: Vec<u8> = floats.iter().flat_map(|v| v.to_le_bytes()).collect();
    version_one(&path, &vector).await;
    let before = std::fs::read(&path).expect("the file");
    let plain = [&b"Nguyen Van A"[..], b"Housekeeping", b"the-old-event", b"of-a-deleted-row", &vector[..64]];
    assert!(plain.iter().all(|p| holds(&before, p)), "the test looks for what was written");

    let keys = Place::keys(&path);
    let store = Place::open_with(&path, keys.clone()).await.expect("opens");
    let house = House { store, keys, place };
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
    let store = house.again().await.expect("goes on");
    let house = House { store, ..house };
    let again = house.hotel().templates(&person.id).await.expect("a read");
    assert!(again.len() == 3 && again.iter().all(|t| t.vector == floats));
    house.store.clone().close().await;
    for plain in plain {
        assert!(!holds(&bytes(&house), plain), "{:?}", String::from_utf8_lossy(plain));
    }
}
