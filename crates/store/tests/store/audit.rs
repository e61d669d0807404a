use innkeeper_store::{AuditFault, AuditSubject};
use serde_json::json;

use super::*;

pub(super) async fn audited(rows: usize) -> House {
    let house = House::new().await;
    for n in 0..rows {
        let subject = AuditSubject::Thing(format!("setting-{n}"));
        let seq = house
            .hotel()
            .audit("admin", "config.changed", subject, json!({ "n": n }))
            .await
            .expect("written");
        assert_eq!(seq, n as u64 + 1);
    }
    let other = house.store.hotel(&hotel("other"));
    other.audit("admin", "x", AuditSubject::Thing("y".to_owned()), json!(null)).await.expect("written");
    house
}

#[tokio::test]
async fn an_untouched_log_is_intact_page_after_page() {
    let house = audited(3).await;
    let verdict = house.store.verify_audit().await.expect("a read");
    assert!(verdict.is_intact(), "{verdict:?}");
    assert_eq!(verdict.rows, 4);
    assert_eq!(verdict.heads.len(), 2);
    assert_eq!(verdict.heads[0].rows, 3);
    let entries = house.hotel().audit_entries(1, 10).await.expect("a read");
    assert_eq!(entries.len(), 2);
    assert_eq!((entries[0].seq, &entries[0].details), (2, &json!({ "n": 1 })));
    assert_eq!(entries[1].hash, verdict.heads[0].hash);
    // More rows than are read at a time.
    let long = audited(520).await;
    let verdict = long.store.verify_audit().await.expect("a read");
    assert!(verdict.is_intact(), "{verdict:?}");
    assert_eq!(verdict.rows, 521);
}

#[tokio::test]
async fn any_change_to_the_log_is_found_where_it_happened() {
    for (sql, seq, fault) in [
        (
            "UPDATE audit_log SET actor = 'nobody' WHERE hotel_id = 'default' AND seq = 2",
            2,
            AuditFault::Changed,
        ),
        ("UPDATE audit_log SET at = at + 1 WHERE hotel_id = 'default' AND seq = 2", 2, AuditFault::Changed),
        // A field's end moved into the next one.
        (
            "UPDATE audit_log SET actor = actor || 'c', action = substr(action, 2) WHERE hotel_id = 'default' AND seq = 3",
            3,
            AuditFault::Changed,
        ),
        (
            "UPDATE audit_log SET details = '{\"n\": 1}' WHERE hotel_id = 'default' AND seq = 2",
            2,
            AuditFault::Changed,
        ),
        ("UPDATE audit_log SET hash = 'x' WHERE hotel_id = 'default' AND seq = 2", 2, AuditFault::Changed),
        (
            "UPDATE audit_log SET prev_hash = 'x' WHERE hotel_id = 'default' AND seq = 2",
            2,
            AuditFault::Unlinked,
        ),
        (
            "INSERT INTO audit_log SELECT -1, hotel_id, at, actor, action, subject, details, prev_hash, hash
             FROM audit_log WHERE hotel_id = 'default' AND seq = 1",
            1,
            AuditFault::Unlinked,
        ),
        ("DELETE FROM audit_log WHERE hotel_id = 'default' AND seq = 2", 2, AuditFault::Missing),
        ("DELETE FROM audit_log WHERE hotel_id = 'default' AND seq = 1", 1, AuditFault::Missing),
        ("DELETE FROM audit_log WHERE hotel_id = 'default' AND seq = 4", 4, AuditFault::WrongEnd),
        ("DELETE FROM audit_log WHERE hotel_id = 'default'", 1, AuditFault::WrongEnd),
        ("DELETE FROM hotels WHERE id = 'default'", 5, AuditFault::WrongEnd),
        (
            "UPDATE audit_log SET seq = 9 WHERE hotel_id = 'default' AND seq = 2;
             UPDATE audit_log SET seq = 2 WHERE hotel_id = 'default' AND seq = 3;
             UPDATE audit_log SET seq = 3 WHERE hotel_id = 'default' AND seq = 9",
            2,
            AuditFault::Unlinked,
        ),
    ] {
        let house = audited(4).await;
        house.tamper(sql).await;
        let verdict = house.store.verify_audit().await.expect("a verdict");
        assert!(!verdict.is_intact(), "{sql}");
        assert_eq!(verdict.breaks.len(), 1, "{sql}");
        assert_eq!((verdict.breaks[0].seq, verdict.breaks[0].fault), (seq, fault), "{sql}");
        assert_eq!(verdict.breaks[0].hotel, hotel("default"));
        assert_eq!(verdict.heads.len(), 1, "the other hotel is intact: {sql}");
    }
}

#[tokio::test]
async fn the_log_refuses_updates_and_deletes() {
    let house = audited(1).await;
    let mut raw = house.raw().await;
    for sql in ["UPDATE audit_log SET actor = 'x'", "DELETE FROM audit_log"] {
        let error: StoreError = sqlx::query(sql).execute(&mut raw).await.expect_err("refused").into();
        assert!(matches!(error, StoreError::Constraint { .. }), "{error:?}");
    }
    assert_eq!(house.rows("SELECT count(*) FROM audit_log").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_acts_form_one_chain() {
    let house = House::new().await;
    let tasks: Vec<_> = (0..32)
        .map(|n| {
            let hotel = house.hotel();
            let subject = AuditSubject::Person(person(&format!("EMP{n}")));
            tokio::spawn(async move { hotel.audit("a", "b", subject, json!({})).await })
        })
        .collect();
    let mut seqs = Vec::new();
    for task in tasks {
        seqs.push(task.await.expect("no panic").expect("written"));
    }
    seqs.sort_unstable();
    assert_eq!(seqs, (1..=32).collect::<Vec<u64>>());
    assert!(house.store.verify_audit().await.expect("a read").is_intact());
}

#[tokio::test]
async fn a_person_has_another_pseudonym_in_another_hotel() {
    let house = House::new().await;
    let name = house.hotel().pseudonym(&person("EMP001"));
    assert_ne!(name, house.store.hotel(&hotel("other")).pseudonym(&person("EMP001")));
    assert_ne!(name, house.hotel().pseudonym(&person("EMP002")));
    assert!(!name.contains("EMP001"));
}
