use innkeeper_store::AuditFault;

use super::audit::audited;
use super::deletion::{holds, sealed_vector};
use super::*;

#[tokio::test]
async fn the_folder_of_a_new_database_is_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("deep").join("er").join("innkeeper.db");
    Store::open(&path, KeyRing::ephemeral().expect("a key")).await.expect("folders are created");
    assert!(path.is_file());
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_with_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("innkeeper.db");
    std::fs::write(&path, vec![7; 4096]).expect("written");
    let keys = KeyRing::ephemeral().expect("a key");
    let error = Store::open(&path, keys).await.expect_err("refused");
    assert!(error.to_string().contains("innkeeper.db"), "{error}");
    assert_eq!(std::fs::read(&path).expect("a file"), vec![7; 4096], "left alone");
}

#[cfg(unix)]
#[tokio::test]
async fn the_files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let house = House::new().await;
    house.hotel().enrol(enrolment("EMP001", vec![template(1, 0.5)])).await.expect("enrolled");
    for entry in std::fs::read_dir(house.place.files()).expect("the folder") {
        let entry = entry.expect("an entry");
        let mode = entry.metadata().expect("its mode").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", entry.path().display());
    }
}

#[tokio::test]
async fn a_reader_of_an_old_snapshot_neither_fails_a_deletion_nor_keeps_its_bytes_for_good() {
    use sqlx::Connection;
    let house = House::new().await;
    let hotel = house.hotel();
    hotel.enrol(enrolment("EMP001", vec![template(1, 0.5)])).await.expect("enrolled");
    let sealed = sealed_vector(&house, "EMP001").await;
    let mut raw = house.raw().await;
    let mut reader = raw.begin().await.expect("a transaction");
    sqlx::query("SELECT * FROM employees").fetch_all(&mut *reader).await.expect("a snapshot");
    let gone = hotel.delete_person(&person("EMP001"), "m", noon()).await.expect("no failure");
    assert!(gone.is_some());
    assert!(!house.store.scrub().await.expect("no failure"), "the snapshot is still held");
    reader.rollback().await.expect("done");
    assert!(house.store.scrub().await.expect("no failure"));
    assert!(!holds(&bytes(&house), &sealed));
}

#[tokio::test]
async fn a_value_of_another_type_in_the_log_is_a_change() {
    for sql in [
        "UPDATE audit_log SET actor = x'00' WHERE hotel_id = 'default' AND seq = 2",
        "UPDATE audit_log SET at = 'noon' WHERE hotel_id = 'default' AND seq = 2",
    ] {
        let house = audited(4).await;
        house.tamper(sql).await;
        let verdict = house.store.verify_audit().await.expect("a verdict");
        let faults: Vec<_> = verdict.breaks.iter().map(|b| (b.seq, b.fault)).collect();
        assert_eq!(faults, [(2, AuditFault::Changed)], "{sql}");
    }
}
