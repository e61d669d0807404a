use std::fs;
use std::time::Duration;

use innkeeper_core::{EmployeeId, HotelId};
use uuid::Uuid;

use super::*;

/// A fixed key, so that a folder can be opened twice.
fn ring() -> KeyRing {
    KeyRing::parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").expect("a key")
}

fn open(dir: &Path) -> Result<Media, MediaError> {
    Media::local(dir, ring())
}

fn hotel(name: &str) -> HotelId {
    name.parse().expect("an id")
}

fn employee(name: &str) -> EmployeeId {
    name.parse().expect("an id")
}

fn key(h: &str, e: &str, n: u128) -> Key {
    Key::face(&hotel(h), &employee(e), Uuid::from_u128(n))
}

#[tokio::test]
async fn a_picture_comes_back_as_it_was_also_after_a_restart() {
    let dir = tempfile::tempdir().expect("a folder");
    let root = dir.path().join("deep/media");
    let media = open(&root).expect("opened");
    let picture = Bytes::from((0..=255).cycle().take(100_000).collect::<Vec<u8>>());
    media.put(&key("a", "EMP1", 1), picture.clone()).await.expect("kept");
    drop(media);
    let media = open(&root).expect("opened again");
    assert_eq!(media.get(&key("a", "EMP1", 1)).await.expect("found"), picture);
    media.put(&key("a", "EMP1", 1), Bytes::from_static(b"new")).await.expect("replaced");
    assert_eq!(media.get(&key("a", "EMP1", 1)).await.expect("found"), "new");
    assert!(matches!(media.get(&key("a", "EMP1", 2)).await, Err(MediaError::NotFound { .. })));
}

#[tokio::test]
async fn deleting_a_person_leaves_no_file_and_touches_nobody_else() {
    let dir = tempfile::tempdir().expect("a folder");
    let media = open(dir.path()).expect("opened");
    let gone = [key("a", "EMP1", 1), key("a", "EMP1", 2)];
    let kept = [key("a", "EMP10", 3), key("b", "EMP1", 4)];
    for key in gone.iter().chain(&kept) {
        media.put(key, Bytes::from_static(b"x")).await.expect("kept");
    }
    let person = Prefix::faces_of(&hotel("a"), &employee("EMP1"));
    assert_eq!(media.list(&person).await.expect("listed"), gone);
    assert_eq!(media.delete_all(&person).await.expect("deleted"), 2);
    assert_eq!(media.delete_all(&person).await.expect("deleted twice"), 0);
    media.delete(&gone[0]).await.expect("a missing one is fine");
    assert!(!dir.path().join("hotel/a/faces/EMP1").exists(), "the person's folder is still there");
    assert_eq!(media.list(&Prefix::hotel(&hotel("a"))).await.expect("listed"), kept[..1]);
    assert_eq!(media.list(&Prefix::faces(&hotel("b"))).await.expect("listed"), kept[1..]);
    for key in &kept {
        media.get(key).await.expect("still there");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn other_users_of_the_machine_cannot_look_at_faces() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().expect("a folder");
    let root = dir.path().join("media");
    fs::create_dir(&root).expect("created");
    fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).expect("opened to all");
    let media = open(&root).expect("opened");
    media.put(&key("a", "EMP1", 1), Bytes::from_static(b"x")).await.expect("kept");
    let mode = |p: &Path| fs::metadata(p).expect("it exists").permissions().mode() & 0o777;
    assert_eq!(mode(&root.join(key("a", "EMP1", 1).as_str())), 0o600);
    for folder in ["", "hotel", "hotel/a", "hotel/a/faces", "hotel/a/faces/EMP1"] {
        assert_eq!(mode(&root.join(folder)), 0o700, "{folder:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_never_sees_half_a_picture() {
    let dir = tempfile::tempdir().expect("a folder");
    let media = open(dir.path()).expect("opened");
    let picture = |n: u8| Bytes::from(vec![n; 200_000]);
    media.put(&key("a", "EMP1", 1), picture(0)).await.expect("kept");
    let writer = {
        let media = media.clone();
        tokio::spawn(async move {
            for n in 1..40 {
                media.put(&key("a", "EMP1", 1), picture(n)).await.expect("kept");
            }
        })
    };
    while !writer.is_finished() {
        let seen = media.get(&key("a", "EMP1", 1)).await.expect("always there");
        assert_eq!(seen.len(), 200_000);
        assert!(seen.iter().all(|b| *b == seen[0]), "two pictures were mixed");
    }
    writer.await.expect("no write failed");
}

#[tokio::test]
async fn a_write_that_a_crash_interrupted_does_not_stay_for_ever() {
    let dir = tempfile::tempdir().expect("a folder");
    let media = open(dir.path()).expect("opened");
    let kept = key("a", "EMP1", 1);
    media.put(&kept, Bytes::from_static(b"x")).await.expect("kept");
    let half = |n: &str| dir.path().join(format!("{kept}#{n}"));
    fs::write(half("1"), b"half a face").expect("written");
    fs::write(half("2"), b"a face on its way").expect("written");
    let old = SystemTime::now() - Duration::from_hours(2);
    fs::File::options().write(true).open(half("1")).and_then(|f| f.set_modified(old)).expect("aged");
    let media = open(dir.path()).expect("opened");
    assert!(!half("1").exists() && half("2").exists());
    assert_eq!(media.list(&Prefix::hotel(&hotel("a"))).await.expect("listed"), [kept]);
}

#[tokio::test]
async fn strange_files_among_the_pictures_are_neither_listed_nor_removed() {
    let dir = tempfile::tempdir().expect("a folder");
    let media = open(dir.path()).expect("opened");
    media.put(&key("a", "EMP1", 1), Bytes::from_static(b"x")).await.expect("kept");
    let strange = dir.path().join("hotel/a/faces/EMP1/notes.txt");
    fs::write(&strange, b"mine").expect("written");
    assert_eq!(media.delete_all(&Prefix::hotel(&hotel("a"))).await.expect("deleted"), 1);
    assert!(strange.exists());
    let nobody = Prefix::faces_of(&hotel("nowhere"), &employee("X"));
    assert!(media.list(&nobody).await.expect("an empty list").is_empty());
}
