use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use aes_gcm::aead::{Aead, Generate, Payload};
use aes_gcm::{Aes256Gcm, Key, KeyInit, Nonce};
use arc_swap::ArcSwap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{KeyError, SealError, file};

/// What sealed bytes begin with; no picture, no text and no vector does.
const MAGIC: [u8; 4] = [0x89, b'I', b'K', 1];
const NONCE: usize = 12;
const TAG: usize = 16;
const HEAD: usize = MAGIC.len() + 4 + NONCE;
const KEY: usize = 32;

/// Names a key without telling it: the first four bytes of its SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId([u8; 4]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for KeyId {
    type Err = KeyError;
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let mut id = [0; 4];
        hex::decode_to_slice(text, &mut id).map_err(|_| KeyError::NotAnId)?;
        Ok(Self(id))
    }
}

struct SealingKey {
    id: KeyId,
    cipher: Aes256Gcm,
}

/// Never empty; the first one seals.
struct Keys(Vec<SealingKey>);

impl Keys {
    /// One key a line in base64; empty lines and those that begin with `#` do not count.
    fn parse(text: &str) -> Result<Self, KeyError> {
        let mut keys: Vec<SealingKey> = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let bytes = decode(line).ok_or(KeyError::NotAKey { line: at + 1 })?;
            let id = id_of(&bytes);
            if keys.iter().any(|k| k.id == id) {
                return Err(KeyError::Twice(id));
            }
            let cipher = Aes256Gcm::new_from_slice(&bytes).map_err(|_| KeyError::NotAKey { line: at + 1 })?;
            keys.push(SealingKey { id, cipher });
        }
        if keys.is_empty() { Err(KeyError::Empty) } else { Ok(Self(keys)) }
    }

    fn ids(&self) -> Vec<KeyId> {
        self.0.iter().map(|k| k.id).collect()
    }
}

fn decode(line: &str) -> Option<Zeroizing<Vec<u8>>> {
    let bytes = Zeroizing::new(STANDARD.decode(line).ok()?);
    (bytes.len() == KEY).then_some(bytes)
}

fn id_of(key: &[u8]) -> KeyId {
    let digest = Sha256::digest(key);
    KeyId([digest[0], digest[1], digest[2], digest[3]])
}

/// The id of a key as it stands in a line, when it is one.
pub(crate) fn id_of_line(line: &str) -> Option<KeyId> {
    decode(line.trim()).map(|key| id_of(&key))
}

/// A fresh key as a line.
pub(crate) fn fresh_line() -> Result<Zeroizing<String>, KeyError> {
    let key = Key::<Aes256Gcm>::try_generate().map_err(|_| KeyError::Random)?;
    Ok(Zeroizing::new(STANDARD.encode(key)))
}

/// The keys of an installation: one seals, all open. Clones share the keys, also after a change.
#[derive(Clone)]
pub struct KeyRing {
    keys: Arc<ArcSwap<Keys>>,
    /// Where the keys lie, unless the environment gave them.
    path: Option<PathBuf>,
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").field("ids", &self.ids()).finish_non_exhaustive()
    }
}

impl KeyRing {
    /// Within this time after a change every process of the installation has read the file again.
    pub const SETTLING: Duration = Duration::from_mins(2);

    /// Keys of 32 bytes in base64, one a line; the first one seals. Empty lines and lines that begin with
    /// `#` do not count.
    ///
    /// # Errors
    /// [`KeyError::Empty`], [`KeyError::NotAKey`], [`KeyError::Twice`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        Ok(Self { keys: Arc::new(ArcSwap::from_pointee(Keys::parse(text)?)), path: None })
    }

    /// One fresh key that is kept nowhere: for tests and for what need not outlive the process.
    ///
    /// # Errors
    /// [`KeyError::Random`].
    pub fn ephemeral() -> Result<Self, KeyError> {
        Self::parse(&fresh_line()?)
    }

    /// The keys that the environment gave, or else those in `<data_dir>/secrets/data.key`, which is created
    /// with one fresh key (mode 0600) when it is missing. Keys that were given but are none are an error,
    /// never a reason to take the file.
    ///
    /// # Errors
    /// As [`Self::parse`], and [`KeyError::File`].
    pub fn open(given: Option<&str>, data_dir: &Path) -> Result<Self, KeyError> {
        if let Some(text) = given {
            // One line in an environment variable may hold several keys.
            return Self::parse(&Zeroizing::new(text.replace([',', ' '], "\n")));
        }
        let path = file::path(data_dir);
        let text = file::read_or_create(&path)?;
        Ok(Self { path: Some(path), ..Self::parse(&text)? })
    }

    /// The key that seals.
    pub fn active(&self) -> KeyId {
        self.keys.load().0[0].id
    }

    /// Every key of the ring, the one that seals first.
    pub fn ids(&self) -> Vec<KeyId> {
        self.keys.load().ids()
    }

    /// Seals `plain` with the active key. `context` says where the bytes belong and is needed to open them.
    ///
    /// # Errors
    /// [`SealError::Refused`].
    pub fn seal(&self, plain: &[u8], context: &[u8]) -> Result<Vec<u8>, SealError> {
        let keys = self.keys.load();
        let key = &keys.0[0];
        let nonce = Nonce::try_generate().map_err(|e| SealError::Refused(e.to_string()))?;
        let sealed = key
            .cipher
            .encrypt(&nonce, Payload { msg: plain, aad: context })
            .map_err(|e| SealError::Refused(e.to_string()))?;
        let mut out = Vec::with_capacity(HEAD + sealed.len());
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&key.id.0);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
        Ok(out)
    }

    /// Opens what [`Self::seal`] sealed with the same context.
    ///
    /// # Errors
    /// [`SealError::NotSealed`], [`SealError::UnknownKey`], [`SealError::Tampered`].
    pub fn open_sealed(&self, sealed: &[u8], context: &[u8]) -> Result<Vec<u8>, SealError> {
        let id = Self::key_of(sealed).ok_or(SealError::NotSealed)?;
        let keys = self.keys.load();
        let key = keys.0.iter().find(|k| k.id == id).ok_or(SealError::UnknownKey(id))?;
        let nonce = Nonce::try_from(&sealed[HEAD - NONCE..HEAD]).map_err(|_| SealError::NotSealed)?;
        key.cipher
            .decrypt(&nonce, Payload { msg: &sealed[HEAD..], aad: context })
            .map_err(|_| SealError::Tampered)
    }

    /// The key that sealed these bytes; `None` when they are not sealed.
    pub fn key_of(sealed: &[u8]) -> Option<KeyId> {
        let rest = sealed.strip_prefix(&MAGIC)?;
        if sealed.len() < HEAD + TAG {
            return None;
        }
        rest.first_chunk().map(|id| KeyId(*id))
    }

    /// Reads the file again, because somebody may have rotated the keys; whether they changed. A file that
    /// cannot be read or is broken changes nothing.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn reload(&self) -> Result<bool, KeyError> {
        let Some(path) = &self.path else { return Ok(false) };
        let fresh = Keys::parse(&file::read(path)?)?;
        let changed = fresh.ids() != self.keys.load().ids();
        if changed {
            self.keys.store(Arc::new(fresh));
        }
        Ok(changed)
    }

    /// Adds a fresh key that seals from now on; the old ones still open. What they sealed must be sealed
    /// again before they are retired.
    ///
    /// # Errors
    /// [`KeyError::FromEnvironment`], [`KeyError::File`].
    pub fn rotate(&self) -> Result<KeyId, KeyError> {
        let path = self.path.as_deref().ok_or(KeyError::FromEnvironment)?;
        file::prepend(path, &fresh_line()?)?;
        self.reload()?;
        Ok(self.active())
    }

    /// Takes a key out of the file for good. What it sealed is lost, so count that first. Within
    /// [`KeyRing::SETTLING`] of the last change of the file it refuses: a process that has not read the file
    /// again yet may still seal with that key.
    ///
    /// # Errors
    /// [`KeyError::Active`], [`KeyError::Unknown`], [`KeyError::TooSoon`], [`KeyError::FromEnvironment`],
    /// [`KeyError::File`].
    pub fn retire(&self, id: KeyId) -> Result<(), KeyError> {
        let path = self.path.as_deref().ok_or(KeyError::FromEnvironment)?;
        self.reload()?;
        if id == self.active() {
            return Err(KeyError::Active(id));
        }
        if !self.ids().contains(&id) {
            return Err(KeyError::Unknown(id));
        }
        if let Some(wait) = Self::SETTLING.checked_sub(file::age(path)?).filter(|w| !w.is_zero()) {
            return Err(KeyError::TooSoon { seconds: wait.as_secs() + 1 });
        }
        file::remove(path, id)?;
        self.reload().map(drop)
    }
}

#[cfg(test)]
#[path = "ring_tests.rs"]
mod tests;
