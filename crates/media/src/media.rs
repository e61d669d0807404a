use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::TryStreamExt;
use innkeeper_sealing::{KeyRing, SealError};
use object_store::local::LocalFileSystem;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload};

use crate::locks::KeyLocks;
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
    /// The picture lies there in plain bytes: it is older than encryption at rest, or somebody else put it
    /// there. [`Media::reseal`] seals it.
    #[error("the picture {key} is not sealed")]
    NotSealed {
        /// The key that was asked for.
        key: Key,
    },
    /// The picture cannot be sealed or opened: its key is gone, or it was changed or moved.
    #[error("the picture {key}: {source}")]
    Sealing {
        /// The key that was asked for.
        key: Key,
        /// What the ring of keys said.
        source: SealError,
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

/// Keeps bytes under keys, sealed. Cheap to clone; calls may come from many tasks at once.
///
/// Clones see each other's writes and deletions in order; two processes on one folder do not, so only one may
/// have it open.
#[derive(Debug, Clone)]
pub struct Media {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) keys: KeyRing,
    pub(crate) locks: Arc<KeyLocks>,
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
    pub fn local(dir: &Path, keys: KeyRing) -> Result<Self, MediaError> {
        let failed = |source| MediaError::Folder { path: dir.to_owned(), source };
        local::create_private_dir(dir).and_then(|()| local::make_private(dir, 0o700)).map_err(failed)?;
        let root = dir.canonicalize().map_err(failed)?;
        let abandoned = local::remove_abandoned(&root, SystemTime::now()).map_err(failed)?;
        if abandoned > 0 {
            tracing::warn!(abandoned, "removed pictures whose writing was interrupted");
        }
        let store = LocalFileSystem::new_with_prefix(&root)?.with_fsync(true).with_automatic_cleanup(true);
        Ok(Self { root: Some(root), ..Self::on(Arc::new(store), keys) })
    }

    /// Keeps bytes in any other object store.
    pub fn on(store: Arc<dyn ObjectStore>, keys: KeyRing) -> Self {
        Self { store, keys, locks: Arc::default(), root: None }
    }

    /// Seals and keeps these bytes, in place of earlier ones under the same key. Readers see the old bytes or
    /// the new ones, nothing between; when it returns, the bytes are on stable storage. Files have mode 0600.
    ///
    /// # Errors
    /// [`MediaError::Sealing`], [`MediaError::Store`] or [`MediaError::Folder`]; the earlier bytes are still
    /// there then, unless only closing the file to others failed.
    pub async fn put(&self, key: &Key, bytes: Bytes) -> Result<(), MediaError> {
        let sealed = self.seal(key, bytes).await?;
        let _held = self.locks.one(key).await;
        self.write(key, sealed, PutMode::Overwrite).await
    }

    /// The bytes under this key.
    ///
    /// # Errors
    /// [`MediaError::NotFound`], [`MediaError::NotSealed`], [`MediaError::Sealing`], [`MediaError::Store`].
    pub async fn get(&self, key: &Key) -> Result<Bytes, MediaError> {
        match self.store.get(&key.path()).await {
            Ok(found) => self.open(key, found.bytes().await?).await,
            Err(object_store::Error::NotFound { .. }) => Err(MediaError::NotFound { key: key.clone() }),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes the bytes under this key, and what interrupted writes left of them; nothing there is fine.
    ///
    /// # Errors
    /// [`MediaError::Store`], [`MediaError::Folder`].
    pub async fn delete(&self, key: &Key) -> Result<(), MediaError> {
        let _held = self.locks.one(key).await;
        if let Some(root) = &self.root {
            on_disk(root.join(key.as_str()), local::remove_staged_of).await?;
        }
        match self.store.delete(&key.path()).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes everything below a prefix, and what interrupted writes left there, and says how many pictures
    /// that were. Those that are added meanwhile may stay.
    ///
    /// # Errors
    /// [`MediaError::Store`], [`MediaError::Folder`]; some may be gone already then.
    pub async fn delete_all(&self, prefix: &Prefix) -> Result<usize, MediaError> {
        if let Some(root) = &self.root {
            // Nothing is being written while all locks are held.
            let _held = self.locks.all().await;
            on_disk(root.join(prefix.path().as_ref()), local::remove_staged).await?;
        }
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
        self.keys_below(Some(&prefix.path())).await
    }

    /// The keys of every hotel too, without a prefix.
    pub(crate) async fn keys_below(
        &self,
        path: Option<&object_store::path::Path>,
    ) -> Result<Vec<Key>, MediaError> {
        let mut keys = Vec::new();
        let mut found = self.store.list(path);
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

    /// Writes sealed bytes; the caller holds the key's lock.
    pub(crate) async fn write(&self, key: &Key, sealed: Bytes, mode: PutMode) -> Result<(), MediaError> {
        let file = self.root.as_ref().map(|root| root.join(key.as_str()));
        if let Some(dir) = file.as_ref().and_then(|f| f.parent()).map(Path::to_owned) {
            on_disk(dir, local::create_private_dir).await?;
        }
        self.store.put_opts(&key.path(), PutPayload::from(sealed), mode.into()).await?;
        if let Some(file) = file {
            // The folder above is closed already, so nobody could look in between.
            on_disk(file, |file| local::make_private(file, 0o600)).await?;
        }
        Ok(())
    }

    /// The key is the context, so that a picture does not open in another's place.
    pub(crate) async fn seal(&self, key: &Key, plain: Bytes) -> Result<Bytes, MediaError> {
        self.crypt(key, move |ring, context| ring.seal(&plain, context)).await
    }

    pub(crate) async fn open(&self, key: &Key, sealed: Bytes) -> Result<Bytes, MediaError> {
        self.crypt(key, move |ring, context| ring.open_sealed(&sealed, context)).await
    }

    /// Off the async threads: a large picture takes milliseconds.
    async fn crypt(
        &self,
        key: &Key,
        call: impl FnOnce(&KeyRing, &[u8]) -> Result<Vec<u8>, SealError> + Send + 'static,
    ) -> Result<Bytes, MediaError> {
        let (ring, key) = (self.keys.clone(), key.clone());
        tokio::task::spawn_blocking(move || match call(&ring, key.as_str().as_bytes()) {
            Ok(bytes) => Ok(bytes.into()),
            Err(SealError::NotSealed) => Err(MediaError::NotSealed { key }),
            Err(source) => Err(MediaError::Sealing { key, source }),
        })
        .await
        .map_err(|_| MediaError::Interrupted)?
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
#[path = "media_tests.rs"]
mod tests;
