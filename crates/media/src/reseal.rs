//! Pictures whose key changed: sealing them anew, counting them by key, moving them to another store.

use std::collections::BTreeMap;

use innkeeper_core::WriteStage;
use innkeeper_sealing::{KeyId, KeyRing};
use object_store::{ObjectStoreExt, PutMode, UpdateVersion};

use crate::{Key, Media, MediaError};

/// More than enough of a picture to see which key sealed it, in bytes.
const HEAD: u64 = 64;

/// What one call of [`Media::reseal`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Pictures that are sealed with the active key now and were not before.
    pub resealed: usize,
    /// How many of those were not sealed at all.
    pub of_those_plain: usize,
    /// Pictures that could not be opened and stay as they are; the log names them.
    pub unreadable: usize,
    /// Where to go on; `None` when everything was looked at.
    pub next: Option<Key>,
}

/// A picture as it lay in the store, with what is needed to replace that one and no other.
struct Found {
    bytes: bytes::Bytes,
    version: UpdateVersion,
}

impl Media {
    /// Seals with the active key whatever is sealed with another one or not at all, in the order of the keys,
    /// starting at `from`, until `batch` pictures were sealed. Each is replaced in one step; one that is
    /// deleted meanwhile stays deleted. Dropping the call or killing the process loses nothing.
    ///
    /// # Errors
    /// [`MediaError::Store`], [`MediaError::Folder`], [`MediaError::Interrupted`]. A picture that cannot be
    /// opened is counted, not an error.
    pub async fn reseal(&self, from: Option<&Key>, batch: usize) -> Result<Resealed, MediaError> {
        let mut done = Resealed::default();
        let keys = self.keys_below(None).await?;
        let start = from.map_or(0, |from| keys.partition_point(|key| key < from));
        for key in &keys[start..] {
            if done.resealed >= batch {
                done.next = Some(key.clone());
                break;
            }
            match self.sealed_by(key).await? {
                None => continue,
                Some(Some(id)) if id == self.keys.active() => continue,
                Some(_) => {}
            }
            match self.reseal_one(key).await {
                Ok(None) => {}
                Ok(Some(before)) => {
                    done.resealed += 1;
                    done.of_those_plain += usize::from(before.is_none());
                    WriteStage::PictureResealed.reached();
                }
                Err(error @ MediaError::Sealing { .. }) => {
                    tracing::error!(%error, "a picture cannot be sealed anew");
                    done.unreadable += 1;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    /// Seals one picture anew; says which key sealed it before, or `None` when there was nothing to do.
    async fn reseal_one(&self, key: &Key) -> Result<Option<Option<KeyId>>, MediaError> {
        let _held = self.locks.one(key).await;
        let Some(found) = self.find(key).await? else { return Ok(None) };
        let before = KeyRing::key_of(&found.bytes);
        if before == Some(self.keys.active()) {
            return Ok(None);
        }
        let replaced = self.replace(key, found).await?;
        Ok(replaced.then_some(before))
    }

    async fn find(&self, key: &Key) -> Result<Option<Found>, MediaError> {
        match self.store.get(&key.path()).await {
            Ok(found) => {
                let version =
                    UpdateVersion { e_tag: found.meta.e_tag.clone(), version: found.meta.version.clone() };
                Ok(Some(Found { bytes: found.bytes().await?, version }))
            }
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Puts the same picture in place of the one that was found, sealed with the active key; whether that one
    /// was still there.
    async fn replace(&self, key: &Key, found: Found) -> Result<bool, MediaError> {
        use object_store::Error as E;
        let plain = match KeyRing::key_of(&found.bytes) {
            Some(_) => self.open(key, found.bytes).await?,
            None => found.bytes,
        };
        let sealed = self.seal(key, plain).await?;
        // Where other processes write too, the store compares. A folder cannot, and has one writer.
        match self.write(key, sealed.clone(), PutMode::Update(found.version)).await {
            Ok(()) => Ok(true),
            Err(MediaError::Store(E::NotImplemented { .. })) => {
                self.write(key, sealed, PutMode::Overwrite).await?;
                Ok(true)
            }
            Err(MediaError::Store(E::Precondition { .. } | E::NotFound { .. })) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Which key sealed a picture, `Some(None)` when none did; `None` when there is no picture.
    async fn sealed_by(&self, key: &Key) -> Result<Option<Option<KeyId>>, MediaError> {
        let path = key.path();
        let read = async {
            // A range of an empty file is an error.
            let size = self.store.head(&path).await?.size.min(HEAD);
            if size == 0 { Ok(bytes::Bytes::new()) } else { self.store.get_range(&path, 0..size).await }
        };
        match read.await {
            Ok(head) => Ok(Some(KeyRing::key_of(&head))),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// How many pictures each key has sealed; under `None` those that are not sealed.
    ///
    /// # Errors
    /// [`MediaError::Store`].
    pub async fn seal_counts(&self) -> Result<BTreeMap<Option<KeyId>, usize>, MediaError> {
        let mut counts = BTreeMap::new();
        for key in self.keys_below(None).await? {
            if let Some(by) = self.sealed_by(&key).await? {
                *counts.entry(by).or_default() += 1;
            }
        }
        Ok(counts)
    }

    /// Copies every picture to another store, sealed with that one's key, in place of what lies there under
    /// the same key; says how many there were. `progress` hears how many are done, of how many. Nobody may
    /// delete meanwhile: a picture could be gone here and still arrive there.
    ///
    /// # Errors
    /// Any [`MediaError`], also for the first picture that does not open; what is copied stays then, and
    /// copying again is fine.
    pub async fn copy_to(
        &self,
        other: &Self,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<usize, MediaError> {
        let keys = self.keys_below(None).await?;
        for (done, key) in keys.iter().enumerate() {
            other.put(key, self.get(key).await?).await?;
            progress(done + 1, keys.len());
        }
        Ok(keys.len())
    }
}

#[cfg(test)]
#[path = "reseal_tests.rs"]
mod tests;
