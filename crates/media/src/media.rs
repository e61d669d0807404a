use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::{Key, Prefix, local};

/// Why bytes were not kept or found.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// There is nothing under this key.
    #[error("there is no picture {key}")]
    NotFound {
        /// The key that was asked for.
        key: Key,
    },
    /// The folder cannot be prepared.
    #[error("cannot use the media folder {path}: {source}")]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The store failed: disk full, no permission, no network.
    #[error("the media store failed: {0}")]
    Store(#[from] object_store::Error),
    /// The runtime stopped while the call was running.
    #[error("the media store was interrupted")]
    Interrupted,
}

/// Keeps bytes under keys. Cheap to clone; calls may come from many tasks at once.
#[derive(Debug, Clone)]
pub struct Media {
    store: Arc<dyn ObjectStore>,
    /// The folder, when the store is one.
    root: Option<PathBuf>,
}

impl Media {
    /// Keeps bytes in a folder, which is created when missing and closed to other users (mode 0700).
    /// Removes what writes that a crash interrupted over an hour ago have left. Blocks: it looks at
    /// every file name once.
    ///
    /// # Errors
    /// [`MediaError::Folder`] when the folder cannot be created, closed or read.
    pub fn local(dir: &Path) -> Result<Self, MediaError> {
        let failed = |source| MediaError::Folder { path: dir.to_owned(), source };
        local::create_private_dir(dir).and_then(|()| local::make_private(dir, 0o700)).map_err(failed)?;
        let root = dir.canonicalize().map_err(failed)?;
        let abandoned = local::remove_abandoned(&root, SystemTime::now()).map_err(failed)?;
        if abandoned > 0 {
            tracing::warn!(abandoned, "removed pictures whose writing was interrupted");
        }
        let store = LocalFileSystem::new_with_prefix(&root)?.with_fsync(true).with_automatic_cleanup(true);
        Ok(Self { store: Arc::new(store), root: Some(root) })
    }

    /// Keeps these bytes, in place of earlier ones under the same key. Readers see the old bytes or the
    /// new ones, nothing between; when it returns, the bytes are on stable storage. Files have mode 0600.
    ///
    /// # Errors
    /// [`MediaError::Store`] or [`MediaError::Folder`]; the earlier bytes are still there then, unless
    /// only closing the file to others failed.
    pub async fn put(&self, key: &Key, bytes: Bytes) -> Result<(), MediaError> {
        let file = self.root.as_ref().map(|root| root.join(key.as_str()));
        if let Some(dir) = file.as_ref().and_then(|f| f.parent()).map(Path::to_owned) {
            on_disk(dir, local::create_private_dir).await?;
        }
        self.store.put(&key.path(), bytes.into()).await?;
        if let Some(file) = file {
            // The folder above is closed already, so nobody could look in between.
            on_disk(file, |file| local::make_private(file, 0o600)).await?;
        }
        Ok(())
    }

    /// The bytes under this key.
    ///
    /// # Errors
    /// [`MediaError::NotFound`], [`MediaError::Store`].
    pub async fn get(&self, key: &Key) -> Result<Bytes, MediaError> {
        match self.store.get(&key.path()).await {
            Ok(found) => Ok(found.bytes().await?),
            Err(object_store::Error::NotFound { .. }) => Err(MediaError::NotFound { key: key.clone() }),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes the bytes under this key; nothing there is fine.
    ///
    /// # Errors
    /// [`MediaError::Store`].
    pub async fn delete(&self, key: &Key) -> Result<(), MediaError> {
        match self.store.delete(&key.path()).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes everything below a prefix and says how many pictures that were. Those that are added
    /// meanwhile may stay.
    ///
    /// # Errors
    /// [`MediaError::Store`]; some may be gone already then.
    pub async fn delete_all(&self, prefix: &Prefix) -> Result<usize, MediaError> {
        let keys = self.list(prefix).await?;
        for key in &keys {
            self.delete(key).await?;
        }
        Ok(keys.len())
    }

    /// The keys below a prefix, in ascending order. What others have put there is passed over.
    ///
    /// # Errors
    /// [`MediaError::Store`].
    pub async fn list(&self, prefix: &Prefix) -> Result<Vec<Key>, MediaError> {
        let mut keys = Vec::new();
        let path = prefix.path();
        let mut found = self.store.list(Some(&path));
        while let Some(object) = found.try_next().await? {
            match object.location.as_ref().parse() {
                Ok(key) => keys.push(key),
                Err(_) => {
                    tracing::warn!(path = %object.location, "a strange file lies among the pictures");
                }
            }
        }
        keys.sort();
        Ok(keys)
    }
}

/// Runs a file operation off the async threads.
async fn on_disk(
    path: PathBuf,
    call: impl FnOnce(&Path) -> std::io::Result<()> + Send + 'static,
) -> Result<(), MediaError> {
    tokio::task::spawn_blocking(move || call(&path).map_err(|source| MediaError::Folder { path, source }))
        .await
        .map_err(|_| MediaError::Interrupted)?
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use innkeeper_core::{EmployeeId, HotelId};
    use uuid::Uuid;

    use super::*;

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
        let media = Media::local(&root).expect("opened");
        let picture = Bytes::from((0..=255).cycle().take(100_000).collect::<Vec<u8>>());
        media.put(&key("a", "EMP1", 1), picture.clone()).await.expect("kept");
        drop(media);
        let media = Media::local(&root).expect("opened again");
        assert_eq!(media.get(&key("a", "EMP1", 1)).await.expect("found"), picture);
        media.put(&key("a", "EMP1", 1), Bytes::from_static(b"new")).await.expect("replaced");
        assert_eq!(media.get(&key("a", "EMP1", 1)).await.expect("found"), "new");
        assert!(matches!(media.get(&key("a", "EMP1", 2)).await, Err(MediaError::NotFound { .. })));
    }

    #[tokio::test]
    async fn deleting_a_person_leaves_no_file_and_touches_nobody_else() {
        let dir = tempfile::tempdir().expect("a folder");
        let media = Media::local(dir.path()).expect("opened");
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
        let media = Media::local(&root).expect("opened");
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
        let media = Media::local(dir.path()).expect("opened");
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
        let media = Media::local(dir.path()).expect("opened");
        let kept = key("a", "EMP1", 1);
        media.put(&kept, Bytes::from_static(b"x")).await.expect("kept");
        let half = |n: &str| dir.path().join(format!("{kept}#{n}"));
        fs::write(half("1"), b"half a face").expect("written");
        fs::write(half("2"), b"a face on its way").expect("written");
        let old = SystemTime::now() - Duration::from_hours(2);
        fs::File::options().write(true).open(half("1")).and_then(|f| f.set_modified(old)).expect("aged");
        let media = Media::local(dir.path()).expect("opened");
        assert!(!half("1").exists() && half("2").exists());
        assert_eq!(media.list(&Prefix::hotel(&hotel("a"))).await.expect("listed"), [kept]);
    }

    #[tokio::test]
    async fn strange_files_among_the_pictures_are_neither_listed_nor_removed() {
        let dir = tempfile::tempdir().expect("a folder");
        let media = Media::local(dir.path()).expect("opened");
        media.put(&key("a", "EMP1", 1), Bytes::from_static(b"x")).await.expect("kept");
        let strange = dir.path().join("hotel/a/faces/EMP1/notes.txt");
        fs::write(&strange, b"mine").expect("written");
        assert_eq!(media.delete_all(&Prefix::hotel(&hotel("a"))).await.expect("deleted"), 1);
        assert!(strange.exists());
        let nobody = Prefix::faces_of(&hotel("nowhere"), &employee("X"));
        assert!(media.list(&nobody).await.expect("an empty list").is_empty());
    }
}
