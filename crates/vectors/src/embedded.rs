use std::any::Any;
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use uuid::Uuid;

use crate::shard::{self, BUILDING, RETIRED, Shard, file_error};
use crate::{Collection, Filter, Hit, IndexState, VectorError, VectorIndex, VectorPoint};

/// Held by the process that has the directory open. The system releases it when the process ends,
/// however it ends.
pub(crate) struct DirectoryLock {
    _file: File,
}

/// Qdrant in this process, one shard folder per collection in one directory.
///
/// The engine is synchronous; each call runs on a thread for blocking work. Dropping it writes
/// everything out and lets go of the directory once the last call has ended.
pub struct EmbeddedQdrant {
    inner: Arc<Inner>,
}

struct Inner {
    root: PathBuf,
    shards: Mutex<Shards>,
}

struct Shards {
    open: HashMap<String, Arc<Shard>>,
    /// `None` once closed.
    lock: Option<Arc<DirectoryLock>>,
}

impl std::fmt::Debug for EmbeddedQdrant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedQdrant").field("root", &self.inner.root).finish_non_exhaustive()
    }
}

impl EmbeddedQdrant {
    /// Takes hold of a directory, created (mode 0700) when missing, and mends what a crash left half
    /// done. Collections are opened when they are first asked for. Blocks for a few file operations.
    ///
    /// # Errors
    /// [`VectorError::InUse`] when another process, or another value of this type, holds the directory;
    /// [`VectorError::File`] when it cannot be created or read.
    pub fn open(dir: &Path) -> Result<Self, VectorError> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(dir).map_err(|e| file_error("create", dir, e))?;
        let path = dir.join("lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|e| file_error("open", &path, e))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(VectorError::InUse { dir: dir.to_owned() }),
            Err(TryLockError::Error(e)) => return Err(file_error("lock", &path, e)),
        }
        let lock = Arc::new(DirectoryLock { _file: file });
        shard::recover(dir)?;
        let shards = Mutex::new(Shards { open: HashMap::new(), lock: Some(lock) });
        Ok(Self { inner: Arc::new(Inner { root: dir.to_owned(), shards }) })
    }

    async fn with_shard<T: Send + 'static>(
        &self,
        collection: &Collection,
        call: impl FnOnce(&Shard) -> Result<T, VectorError> + Send + 'static,
    ) -> Result<T, VectorError> {
        let (inner, collection) = (Arc::clone(&self.inner), collection.clone());
        blocking(move || {
            let shard = inner.shard(&collection, false)?;
            call(&shard)
        })
        .await
    }
}

impl Inner {
    fn shards(&self) -> std::sync::MutexGuard<'_, Shards> {
        self.shards.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shard(&self, collection: &Collection, create: bool) -> Result<Arc<Shard>, VectorError> {
        let key = collection.key();
        let mut shards = self.shards();
        let lock = shards.lock.clone().ok_or(VectorError::Closed)?;
        if let Some(shard) = shards.open.get(&key) {
            if shard.dimension() != collection.dimension() {
                return Err(VectorError::StoredDimension {
                    collection: key,
                    stored: shard.dimension(),
                    wanted: collection.dimension(),
                });
            }
            return Ok(Arc::clone(shard));
        }
        // Opened under the lock: two shards on one folder must never be.
        let shard = Shard::open(&self.root, collection, create, lock)?
            .ok_or_else(|| VectorError::UnknownCollection { collection: key.clone() })?;
        let shard = Arc::new(shard);
        shards.open.insert(key, Arc::clone(&shard));
        Ok(shard)
    }

    fn collections(&self) -> Result<Vec<Collection>, VectorError> {
        if self.shards().lock.is_none() {
            return Err(VectorError::Closed);
        }
        let read = |e| file_error("read", &self.root, e);
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.root).map_err(read)? {
            let entry = entry.map_err(read)?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if name.starts_with(BUILDING) || name.starts_with(RETIRED) || !entry.path().is_dir() {
                continue;
            }
            // The name is judged first: what somebody else put here, a `lost+found` for one, is no shard.
            if Collection::from_key(&name, 1).is_none() {
                tracing::warn!(folder = %entry.path().display(), "not a collection; left alone");
                continue;
            }
            found.extend(Collection::from_key(&name, shard::stored_dimension(&entry.path())?));
        }
        found.sort_by_key(Collection::key);
        Ok(found)
    }

    fn drop_collection(&self, collection: &Collection) -> Result<(), VectorError> {
        let mut shards = self.shards();
        if shards.lock.is_none() {
            return Err(VectorError::Closed);
        }
        let key = collection.key();
        if let Some(shard) = shards.open.remove(&key) {
            shard.close();
        }
        shard::remove_dir(&self.root.join(key))
    }
}

/// Runs a synchronous call off the async threads. The engine panics where it cannot write to its files;
/// that becomes an error here.
async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> Result<T, VectorError> + Send + 'static,
) -> Result<T, VectorError> {
    match tokio::task::spawn_blocking(call).await {
        Ok(result) => result,
        Err(error) if error.is_panic() => Err(VectorError::Engine(message_of(error.into_panic().as_ref()))),
        Err(error) => Err(VectorError::Engine(error.to_string())),
    }
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("it stopped without a message")
        .to_owned()
}

#[async_trait]
impl VectorIndex for EmbeddedQdrant {
    async fn ensure(&self, collection: &Collection) -> Result<(), VectorError> {
        let (inner, collection) = (Arc::clone(&self.inner), collection.clone());
        blocking(move || inner.shard(&collection, true).map(drop)).await
    }

    async fn collections(&self) -> Result<Vec<Collection>, VectorError> {
        let inner = Arc::clone(&self.inner);
        blocking(move || inner.collections()).await
    }

    async fn drop_collection(&self, collection: &Collection) -> Result<(), VectorError> {
        let (inner, collection) = (Arc::clone(&self.inner), collection.clone());
        blocking(move || inner.drop_collection(&collection)).await
    }

    async fn upsert(&self, collection: &Collection, points: Vec<VectorPoint>) -> Result<(), VectorError> {
        self.with_shard(collection, move |shard| shard.upsert(points)).await
    }

    async fn delete(&self, collection: &Collection, ids: &[Uuid]) -> Result<(), VectorError> {
        let ids = ids.to_vec();
        self.with_shard(collection, move |shard| shard.delete(&ids)).await
    }

    async fn search_page(
        &self,
        collection: &Collection,
        vector: &[f32],
        filter: &Filter,
        offset: usize,
        limit: usize,
        exact: bool,
    ) -> Result<Vec<Hit>, VectorError> {
        let (vector, filter) = (vector.to_vec(), filter.clone());
        self.with_shard(collection, move |shard| shard.search(vector, &filter, offset, limit, exact)).await
    }

    async fn ids(&self, collection: &Collection, filter: &Filter) -> Result<Vec<Uuid>, VectorError> {
        let filter = filter.clone();
        self.with_shard(collection, move |shard| shard.ids(&filter)).await
    }

    async fn count(&self, collection: &Collection, filter: &Filter) -> Result<usize, VectorError> {
        let filter = filter.clone();
        self.with_shard(collection, move |shard| shard.count(&filter)).await
    }

    async fn get(&self, collection: &Collection, ids: &[Uuid]) -> Result<Vec<VectorPoint>, VectorError> {
        let ids = ids.to_vec();
        self.with_shard(collection, move |shard| shard.get(&ids)).await
    }

    async fn flush(&self) -> Result<(), VectorError> {
        let inner = Arc::clone(&self.inner);
        blocking(move || {
            let shards: Vec<Arc<Shard>> = inner.shards().open.values().cloned().collect();
            shards.iter().try_for_each(|shard| shard.flush())
        })
        .await
    }

    async fn state(&self, collection: &Collection) -> Result<IndexState, VectorError> {
        self.with_shard(collection, Shard::state).await
    }

    async fn optimize(&self, collection: &Collection) -> Result<(), VectorError> {
        self.with_shard(collection, Shard::optimize).await
    }

    async fn close(&self) -> Result<(), VectorError> {
        let inner = Arc::clone(&self.inner);
        blocking(move || {
            let mut shards = inner.shards();
            let open = std::mem::take(&mut shards.open);
            for shard in open.values() {
                shard.close();
            }
            shards.lock = None;
            Ok(())
        })
        .await
    }
}

#[cfg(test)]
#[path = "embedded_tests.rs"]
mod tests;
