use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use innkeeper_core::HotelId;
use rand::TryRngCore;
use rand::rngs::OsRng;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::principal::check_subject;
use crate::{Credential, Permission, Principal, Role, SubjectError};

const PREFIX: &str = "ik_";
const ID_BYTES: usize = 8;
const SECRET_BYTES: usize = 32;
const CHECKSUM_BYTES: usize = 4;

/// Length of every API key, in bytes.
pub const API_KEY_BYTES: usize = PREFIX.len() + 2 * ID_BYTES + 1 + 2 * (SECRET_BYTES + CHECKSUM_BYTES);

/// Why an API key is not accepted. To the caller all of these are 401 `invalid_token` and read the same,
/// so that nobody learns which keys there are; [`Self::reason`] is for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the API key is not valid")]
pub enum ApiKeyError {
    /// The text is not an API key, or one with a typing mistake.
    Malformed,
    /// There is no such key.
    Unknown,
    /// The key exists, the secret half is another one.
    Wrong,
    /// The key was taken back.
    Revoked,
    /// The key's time is over.
    Expired,
    /// What is stored about the key makes no sense, so it counts as no key.
    Unusable,
}

impl ApiKeyError {
    /// What was wrong, for the log and the audit trail only.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Unknown => "unknown",
            Self::Wrong => "wrong secret",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::Unusable => "the stored record is not usable",
        }
    }
}

/// The system gave no random bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the system gave no random bytes: {0}")]
pub struct RandomError(String);

/// An API key: `ik_`, 16 digits that name it, `_`, 64 digits that prove it, 8 digits of checksum, all
/// hexadecimal in lower case.
///
/// The prefix and the checksum (the first four bytes of the SHA-256 of all before it) let a scanner tell a
/// leaked key from other text, and tell a typing mistake before any look-up. What is stored is
/// [`Self::hash`], never the key.
#[derive(Clone)]
pub struct ApiKey {
    id: [u8; ID_BYTES],
    secret: Zeroizing<[u8; SECRET_BYTES]>,
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey").field("id", &self.id()).finish_non_exhaustive()
    }
}

impl ApiKey {
    /// A fresh key from the system's random numbers.
    ///
    /// # Errors
    /// [`RandomError`].
    pub fn generate() -> Result<Self, RandomError> {
        let mut key = Self { id: [0; ID_BYTES], secret: Zeroizing::new([0; SECRET_BYTES]) };
        OsRng
            .try_fill_bytes(&mut key.id)
            .and_then(|()| OsRng.try_fill_bytes(&mut *key.secret))
            .map_err(|e| RandomError(e.to_string()))?;
        Ok(key)
    }

    /// Names the key: 16 hexadecimal digits, not secret.
    pub fn id(&self) -> String {
        hex::encode(self.id)
    }

    /// The key itself, to be shown once to whoever asked for it.
    pub fn reveal(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(API_KEY_BYTES));
        text.push_str(PREFIX);
        text.push_str(&self.id());
        text.push('_');
        text.push_str(&Zeroizing::new(hex::encode(*self.secret)));
        let checksum = checksum(&text);
        text.push_str(&hex::encode(checksum));
        text
    }

    /// What is stored of the secret half: its SHA-256 in 64 hexadecimal digits.
    ///
    /// One round of an approved hash is enough, since the secret has 256 random bits: NIST SP 800-63B,
    /// section 5.1.2.2, asks for a salt and a slow hash only below 112 bits. A slow hash would let anybody
    /// who sends wrong keys buy our time.
    pub fn hash(&self) -> String {
        hex::encode(self.digest())
    }

    fn digest(&self) -> [u8; 32] {
        Sha256::digest(*self.secret).into()
    }
}

fn checksum(before: &str) -> [u8; CHECKSUM_BYTES] {
    let digest = Sha256::digest(before);
    std::array::from_fn(|n| digest[n])
}

impl FromStr for ApiKey {
    type Err = ApiKeyError;

    /// Reads exactly what [`Self::reveal`] writes: no other case, no white space.
    fn from_str(text: &str) -> Result<Self, ApiKeyError> {
        let parse = || {
            if text.len() != API_KEY_BYTES || text.bytes().any(|b| b.is_ascii_uppercase()) {
                return None;
            }
            let (id, rest) = text.strip_prefix(PREFIX)?.split_once('_')?;
            let (secret, check) = rest.split_at_checked(2 * SECRET_BYTES)?;
            let mut key = Self { id: [0; ID_BYTES], secret: Zeroizing::new([0; SECRET_BYTES]) };
            let mut given = [0; CHECKSUM_BYTES];
            hex::decode_to_slice(id, &mut key.id).ok()?;
            hex::decode_to_slice(secret, &mut *key.secret).ok()?;
            hex::decode_to_slice(check, &mut given).ok()?;
            let before = text.get(..API_KEY_BYTES - 2 * CHECKSUM_BYTES)?;
            (given == checksum(before)).then_some(key)
        };
        parse().ok_or(ApiKeyError::Malformed)
    }
}

/// What is stored about an API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyRecord {
    /// [`ApiKey::id`].
    pub id: String,
    /// [`ApiKey::hash`].
    pub hash: String,
    /// Who it speaks for. 1 to 128 bytes, no control characters.
    pub subject: String,
    /// What kind of caller that is.
    pub role: Role,
    /// What it may do. `None` stands for what the role may do, also when that changes later; a list, the
    /// empty one too, stands for itself.
    pub permissions: Option<Vec<Permission>>,
    /// The hotel it is good for.
    pub hotel: HotelId,
    /// From this moment on it is no longer good.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was taken back. It counts from then on, also when that lies ahead by a wrong clock.
    pub revoked_at: Option<DateTime<Utc>>,
}

impl ApiKeyRecord {
    /// Whether the subject can name a caller; to be asked before the record is stored.
    ///
    /// # Errors
    /// [`SubjectError`].
    pub fn check(&self) -> Result<(), SubjectError> {
        check_subject(&self.subject)
    }

    /// Says whom a key speaks for, given what is stored under its id; `None` when nothing is.
    ///
    /// An unknown key costs the same as one with a wrong secret: a hash, and a comparison in constant time.
    ///
    /// # Errors
    /// [`ApiKeyError`].
    pub fn verify(
        record: Option<&Self>,
        presented: &ApiKey,
        now: DateTime<Utc>,
    ) -> Result<Principal, ApiKeyError> {
        // Nobody knows a secret whose SHA-256 is zero, and the answer below does not depend on that.
        let mut stored = [0; 32];
        let readable = record.map(|r| hex::decode_to_slice(&r.hash, &mut stored).is_ok());
        let same = bool::from(presented.digest().ct_eq(&stored));
        let record = record.filter(|r| r.id == presented.id()).ok_or(ApiKeyError::Unknown)?;
        if readable != Some(true) {
            return Err(ApiKeyError::Unusable);
        }
        if !same {
            return Err(ApiKeyError::Wrong);
        }
        if record.revoked_at.is_some() {
            return Err(ApiKeyError::Revoked);
        }
        if record.expires_at.is_some_and(|end| now >= end) {
            return Err(ApiKeyError::Expired);
        }
        record.check().map_err(|_| ApiKeyError::Unusable)?;
        let permissions = match &record.permissions {
            None => record.role.permissions(),
            Some(listed) => listed.iter().copied().collect(),
        };
        Ok(Principal {
            subject: record.subject.clone(),
            role: record.role,
            hotel: record.hotel.clone(),
            permissions,
            credential: Credential::ApiKey(record.id.clone()),
        })
    }
}

#[cfg(test)]
#[path = "api_key_tests.rs"]
mod tests;
