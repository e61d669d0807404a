use super::deletion::holds;
use super::*;

#[tokio::test]
async fn the_folder_of_a_new_database_is_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("deep").join("er").join("innkeeper.db");
    Store::open(&path).await.expect("folders are created");
    assert!(path.is_file());
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_with_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("innkeeper.db");
    std::fs::write(&path, vec![7; 4096]).expect("written");
    let error = Store::open(&path).await.expect_err("refused");
    assert!(error.to_string().contains("innkeeper.db"), "{error}");
    assert_eq!(std::fs::read(&path).expect("a file"), vec![7; 4096], "left alone");
}

#[cfg(unix)]
#[tokio::test]
async fn the_files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let house = House::new().await;
    house.hotel().enrol(enrolment("EMP001", vec![template(1, 0.5)])).await.expect("enrolled");
    for entry in std::fs::read_dir(house.place.0.path()).expect("the folder") {
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
    let mut raw = house.raw().await;
    let mut reader = raw.begin().await.expect("a transaction");
    sqlx::query("SELECT * FROM employees").fetch_all(&mut *reader).await.expect("a snapshot");
    let gone = hotel.delete_person(&person("EMP001"), "m", noon()).await.expect("no failure");
    assert!(gone.is_some());
    assert!(!house.store.scrub().await.expect("no failure"), "the snapshot is still held");
    reader.rollback().await.expect("done");
    assert!(house.store.scrub().await.expect("no failure"));
    assert!(!holds(&bytes(&house), b"Name of EMP001"));
}
