use std::fs;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use innkeeper_sealing::SealError;
use object_store::memory::InMemory;
use uuid::Uuid;

use super::*;
use crate::Prefix;

const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0 a face that nobody else may see, and more of it";

fn key(n: u128) -> Key {
    let employee = format!("EMP{}", n % 3).parse().expect("an id");
    Key::face(&"a".parse().expect("an id"), &employee, Uuid::from_u128(n))
}

fn picture(n: u128) -> Bytes {
    [JPEG, &n.to_be_bytes()].concat().into()
}

fn everything() -> Prefix {
    Prefix::hotel(&"a".parse().expect("an id"))
}

struct House {
    dir: tempfile::TempDir,
    ring: KeyRing,
    media: Media,
}

impl House {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let ring = KeyRing::open(None, dir.path()).expect("keys");
        let media = Media::local(&dir.path().join("media"), ring.clone()).expect("opened");
        Self { dir, ring, media }
    }

    async fn with(pictures: std::ops::Range<u128>) -> Self {
        let house = Self::new();
        for n in pictures {
            house.media.put(&key(n), picture(n)).await.expect("kept");
        }
        house
    }

    /// As if the keys had not changed for a while.
    fn settle(&self) {
        let path = self.dir.path().join("secrets/data.key");
        let file = fs::File::options().write(true).open(path).expect("the keys");
        file.set_modified(std::time::SystemTime::now() - KeyRing::SETTLING).expect("the file's time");
    }

    fn file(&self, n: u128) -> std::path::PathBuf {
        self.dir.path().join("media").join(key(n).as_str())
    }

    /// A picture as earlier versions kept it.
    fn put_plain(&self, n: u128) {
        fs::create_dir_all(self.file(n).parent().expect("a folder")).expect("created");
        fs::write(self.file(n), picture(n)).expect("written");
    }

    async fn reseal_all(&self, batch: usize) -> Vec<Resealed> {
        let mut done: Vec<Resealed> = Vec::new();
        loop {
            let from = done.last().and_then(|d| d.next.clone());
            if !done.is_empty() && from.is_none() {
                return done;
            }
            done.push(self.media.reseal(from.as_ref(), batch).await.expect("resealed"));
        }
    }
}

fn every_file(dir: &Path, into: &mut Vec<Vec<u8>>) {
    for entry in fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            every_file(&path, into);
        } else {
            into.push(fs::read(path).expect("read"));
        }
    }
}

#[tokio::test]
async fn no_file_on_disk_shows_a_picture() {
    let house = House::with(0..3).await;
    house.put_plain(3);
    house.reseal_all(10).await;
    let mut files = Vec::new();
    every_file(&house.dir.path().join("media"), &mut files);
    assert_eq!(files.len(), 4);
    for file in files {
        assert!(!file.windows(3).any(|w| w == b"\xff\xd8\xff"), "the start of a JPEG");
        // Eight bytes do not meet by chance.
        assert!(JPEG.windows(8).all(|part| !file.windows(8).any(|w| w == part)), "plain bytes");
    }
}

#[tokio::test]
async fn a_picture_in_anothers_place_or_changed_does_not_open() {
    let house = House::with(0..3).await;
    fs::rename(house.file(0), house.file(1)).expect("moved");
    let mut changed = fs::read(house.file(2)).expect("read");
    *changed.last_mut().expect("a byte") ^= 1;
    fs::write(house.file(2), changed).expect("written");
    for n in [1, 2] {
        let refused = house.media.get(&key(n)).await;
        assert!(matches!(refused, Err(MediaError::Sealing { source: SealError::Tampered, .. })), "{n}");
    }
}

#[tokio::test]
async fn a_picture_from_before_encryption_is_an_error_until_it_is_sealed() {
    let house = House::with(0..1).await;
    house.put_plain(1);
    house.put_plain(2);
    fs::write(house.file(2), b"").expect("emptied");
    assert!(matches!(house.media.get(&key(1)).await, Err(MediaError::NotSealed { key: k }) if k == key(1)));
    let done = house.media.reseal(None, 10).await.expect("resealed");
    assert_eq!(done, Resealed { resealed: 2, of_those_plain: 2, unreadable: 0, next: None });
    assert_eq!(house.media.get(&key(1)).await.expect("opened"), picture(1));
    assert_eq!(house.media.reseal(None, 10).await.expect("again"), Resealed::default());
}

#[cfg(unix)]
#[tokio::test]
async fn a_resealed_picture_stays_closed_to_other_users() {
    use std::os::unix::fs::PermissionsExt;
    let house = House::new();
    house.put_plain(1);
    fs::set_permissions(house.file(1), fs::Permissions::from_mode(0o644)).expect("opened to all");
    house.reseal_all(1).await;
    assert_eq!(fs::metadata(house.file(1)).expect("it exists").permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn after_a_rotation_every_picture_opens_without_the_old_key() {
    let house = House::with(0..5).await;
    house.put_plain(5);
    let old = house.ring.active();
    let new = house.ring.rotate().expect("rotated");
    house.media.put(&key(6), picture(6)).await.expect("kept");
    let counts = house.media.seal_counts().await.expect("counted");
    assert_eq!(counts, [(Some(old), 5), (None, 1), (Some(new), 1)].into());

    let done = house.reseal_all(2).await;
    assert!(done.iter().all(|d| d.resealed <= 2), "a batch was exceeded: {done:?}");
    assert_eq!(done.iter().map(|d| d.resealed).sum::<usize>(), 6);
    assert_eq!(house.media.seal_counts().await.expect("counted"), [(Some(new), 7)].into());
    house.settle();
    house.ring.retire(old).expect("nothing needs it");
    for n in 0..7 {
        assert_eq!(house.media.get(&key(n)).await.expect("opened"), picture(n), "{n}");
    }
}

#[tokio::test]
async fn one_unreadable_picture_does_not_keep_the_others_from_being_sealed() {
    let house = House::with(0..4).await;
    let foreign = KeyRing::ephemeral().expect("a key");
    let strange = foreign.seal(b"x", key(1).as_str().as_bytes()).expect("sealed");
    fs::write(house.file(1), &strange).expect("written");
    fs::write(house.file(2), fs::read(house.file(0)).expect("read")).expect("written");
    house.ring.rotate().expect("rotated");
    let done = house.media.reseal(None, 10).await.expect("resealed");
    assert_eq!(done, Resealed { resealed: 2, of_those_plain: 0, unreadable: 2, next: None });
    assert_eq!(fs::read(house.file(1)).expect("read"), strange, "what cannot be opened was overwritten");
    let counts = house.media.seal_counts().await.expect("counted");
    assert_eq!(counts[&Some(foreign.active())], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_picture_deleted_while_it_is_sealed_anew_does_not_come_back() {
    let house = House::new();
    for round in 0..60 {
        for n in 0..8 {
            house.put_plain(n);
        }
        let (media, deleting) = (house.media.clone(), house.media.clone());
        let reseal = tokio::spawn(async move { media.reseal(None, 100).await });
        let delete = tokio::spawn(async move {
            for n in (0..8).rev() {
                deleting.delete(&key(n)).await.expect("deleted");
            }
        });
        reseal.await.expect("no panic").expect("resealed");
        delete.await.expect("no panic");
        let left = house.media.list(&everything()).await.expect("listed");
        assert!(left.is_empty(), "round {round}: {left:?} came back");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_picture_replaced_while_it_is_sealed_anew_is_not_put_back() {
    let house = House::new();
    for round in 0..60 {
        for n in 0..8 {
            house.put_plain(n);
        }
        let (media, writing) = (house.media.clone(), house.media.clone());
        let reseal = tokio::spawn(async move { media.reseal(None, 100).await });
        for n in (0..8).rev() {
            writing.put(&key(n), picture(n + 100)).await.expect("kept");
        }
        reseal.await.expect("no panic").expect("resealed");
        for n in 0..8 {
            let kept = house.media.get(&key(n)).await.expect("there");
            assert_eq!(kept, picture(n + 100), "round {round}: the old picture is back");
        }
    }
}

#[tokio::test]
async fn a_store_that_compares_keeps_what_another_process_did() {
    let store = Arc::new(InMemory::new());
    let ring = KeyRing::ephemeral().expect("a key");
    let media = Media::on(store.clone(), ring.clone());
    for n in 0..3 {
        store.put(&key(n).path(), picture(n).into()).await.expect("kept");
    }
    let [deleted, replaced, quiet] = [0, 1, 2].map(key);
    let found = |key| {
        let media = media.clone();
        async move { media.find(key).await.expect("read").expect("there") }
    };
    let (a, b, c) = (found(&deleted).await, found(&replaced).await, found(&quiet).await);
    let other = Media::on(store.clone(), ring);
    other.delete(&deleted).await.expect("deleted");
    other.put(&replaced, picture(9)).await.expect("replaced");
    assert!(!media.replace(&deleted, a).await.expect("noticed"));
    assert!(!media.replace(&replaced, b).await.expect("noticed"));
    assert!(media.replace(&quiet, c).await.expect("sealed"));
    assert!(matches!(media.get(&deleted).await, Err(MediaError::NotFound { .. })), "it came back");
    assert_eq!(media.get(&replaced).await.expect("there"), picture(9));
    assert_eq!(media.get(&quiet).await.expect("there"), picture(2));
}

#[tokio::test]
async fn a_deletion_takes_what_an_interrupted_write_left() {
    let house = House::with(0..6).await;
    let left = |n: u128| house.file(n).with_extension("jpg#1");
    for n in [0, 3, 1] {
        fs::write(left(n), b"a face on its way").expect("written");
    }
    house.media.delete(&key(0)).await.expect("deleted");
    assert!(!left(0).exists(), "a part of the deleted picture is still there");
    assert!(left(3).exists(), "another picture's write was disturbed");
    // Pictures 0 and 3 are of one person, 1 and 4 of another.
    let person =
        |n: u128| Prefix::faces_of(&"a".parse().expect("an id"), &format!("EMP{n}").parse().expect("an id"));
    assert_eq!(house.media.delete_all(&person(0)).await.expect("deleted"), 1);
    let folder = house.file(3).parent().expect("a folder").to_owned();
    assert!(!folder.exists(), "something of the person is still there");
    assert!(left(1).exists() && house.file(4).exists());
    // A person of whom nothing but an interrupted write is left.
    house.put_plain(0);
    fs::rename(house.file(0), left(0)).expect("moved");
    assert_eq!(house.media.delete_all(&person(0)).await.expect("deleted"), 0);
    assert!(!folder.exists(), "something of the person is still there");
}

#[tokio::test]
async fn pictures_move_to_another_store_and_another_key() {
    let house = House::with(0..5).await;
    let other = Media::on(Arc::new(InMemory::new()), KeyRing::ephemeral().expect("a key"));
    for again in [false, true] {
        let mut heard = Vec::new();
        let copied = house.media.copy_to(&other, |done, of| heard.push((done, of))).await;
        assert_eq!(copied.expect("copied"), 5, "again: {again}");
        assert_eq!(heard, [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]);
    }
    for n in 0..5 {
        assert_eq!(other.get(&key(n)).await.expect("there"), picture(n));
    }
    assert_eq!(other.seal_counts().await.expect("counted").into_values().collect::<Vec<_>>(), [5]);
    house.put_plain(5);
    assert!(house.media.copy_to(&other, |_, _| ()).await.is_err(), "a picture was left out in silence");
}
