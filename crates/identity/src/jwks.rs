use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

/// Longest key file that is read, in bytes.
const MAX_FILE: u64 = 256 * 1024;

/// Longest key identifier, in bytes.
const MAX_KEY_ID: usize = 256;

/// RSA moduli: 2048 to 8192 bits. NIST SP 800-131A forbids shorter ones, longer ones cost time at every call.
const RSA_BYTES: RangeInclusive<usize> = 256..=1024;

/// Another service whose tokens are accepted: an identity provider. It is trusted with every claim: subject,
/// role, permissions and hotel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalIssuer {
    /// A file with its public keys, a JSON Web Key Set (RFC 7517).
    pub jwks: PathBuf,
    /// What its tokens have in `iss`; not empty.
    pub issuer: String,
    /// What its tokens have in `aud` when they are meant for this installation; not empty.
    pub audience: String,
}

/// Why a file of public keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JwksError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is far longer than any set of keys.
    #[error("{0} is not a set of keys: it is longer than {MAX_FILE} bytes")]
    TooLong(PathBuf),
    /// The file is not a JSON Web Key Set.
    #[error("{path} is not a JSON Web Key Set: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file holds what must not lie in a file of public keys: an HMAC secret or a private key.
    #[error("{0} holds a secret; it takes public keys only. Replace that key: others may have read it")]
    Secret(PathBuf),
    /// Two keys go by the same name.
    #[error("{path} holds two keys with the kid {kid:?}")]
    Twice {
        /// The file.
        path: PathBuf,
        /// The name.
        kid: String,
    },
    /// There is no key that can be used.
    #[error("{0} holds no key with `kid`, `use: sig` and `alg` RS256, ES256 or EdDSA")]
    NoKey(PathBuf),
    /// The issuer or the audience is empty.
    #[error("the issuer and the audience of external tokens must not be empty")]
    Nameless,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Key>,
}

/// Members we do not know are nobody's mistake (RFC 7517, section 4).
#[derive(Deserialize)]
struct Key {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    #[serde(rename = "key_ops")]
    operations: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    /// The private part, or the key itself.
    d: Option<IgnoredAny>,
    k: Option<IgnoredAny>,
}

impl Key {
    /// The key, if it says of itself that it verifies signatures, by one algorithm that we accept.
    fn usable(&self) -> Result<(Algorithm, DecodingKey), &'static str> {
        if self.usage.as_deref() != Some("sig") {
            return Err("its use is not sig");
        }
        if self.operations.as_ref().is_some_and(|ops| !ops.iter().any(|op| op == "verify")) {
            return Err("its key_ops do not say verify");
        }
        let crv = self.crv.as_deref();
        let (algorithm, key, bytes) = match (self.kty.as_str(), self.alg.as_deref()) {
            ("RSA", Some("RS256")) => {
                let key = DecodingKey::from_rsa_components(part(self.n.as_ref())?, part(self.e.as_ref())?);
                (Algorithm::RS256, key, RSA_BYTES)
            }
            ("EC", Some("ES256")) if crv == Some("P-256") => {
                // A point is a byte that says "not compressed" and two coordinates.
                let key = DecodingKey::from_ec_components(part(self.x.as_ref())?, part(self.y.as_ref())?);
                (Algorithm::ES256, key, 65..=65)
            }
            ("OKP", Some("EdDSA")) if crv == Some("Ed25519") => {
                (Algorithm::EdDSA, DecodingKey::from_ed_components(part(self.x.as_ref())?), 32..=32)
            }
            _ => return Err("its kty, crv and alg are not one of RS256, ES256, EdDSA"),
        };
        let key = key.map_err(|_| "it is not base64url")?;
        if bytes.contains(&length(&key)) { Ok((algorithm, key)) } else { Err("its length is wrong") }
    }
}

fn part(member: Option<&String>) -> Result<&str, &'static str> {
    member.map(String::as_str).ok_or("a part of it is missing")
}

/// Of an RSA key the modulus, of another one the point, in bytes.
fn length(key: &DecodingKey) -> usize {
    match key.kind() {
        DecodingKeyKind::RsaModulusExponent { n, .. } => n.iter().skip_while(|b| **b == 0).count(),
        DecodingKeyKind::SecretOrDer(point) => point.len(),
    }
}

/// The keys, and the text they were read from.
struct Loaded {
    text: Vec<u8>,
    keys: HashMap<String, (Algorithm, DecodingKey)>,
}

/// The public keys of another issuer, read from a file.
pub(crate) struct Jwks {
    path: PathBuf,
    loaded: ArcSwap<Loaded>,
}

impl Jwks {
    pub(crate) fn open(path: &Path) -> Result<Self, JwksError> {
        let text = read(path)?;
        let keys = parse(path, &text)?;
        Ok(Self { path: path.to_owned(), loaded: ArcSwap::from_pointee(Loaded { text, keys }) })
    }

    /// Reads the file again; whether it changed. What cannot be used changes nothing.
    pub(crate) fn reload(&self) -> Result<bool, JwksError> {
        // By content, since two changes within one tick of the clock have the same time.
        let text = read(&self.path)?;
        if text == self.loaded.load().text {
            return Ok(false);
        }
        let keys = parse(&self.path, &text)?;
        self.loaded.store(Arc::new(Loaded { text, keys }));
        Ok(true)
    }

    /// The key by this name, and the one algorithm it is for.
    pub(crate) fn find(&self, kid: &str) -> Option<(Algorithm, DecodingKey)> {
        self.loaded.load().keys.get(kid).cloned()
    }
}

fn read(path: &Path) -> Result<Vec<u8>, JwksError> {
    let mut text = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut text))
        .map_err(|source| JwksError::File { path: path.to_owned(), source })?;
    if text.len() as u64 > MAX_FILE { Err(JwksError::TooLong(path.to_owned())) } else { Ok(text) }
}

fn parse(path: &Path, text: &[u8]) -> Result<HashMap<String, (Algorithm, DecodingKey)>, JwksError> {
    let set: KeySet = serde_json::from_slice(text)
        .map_err(|e| JwksError::Unreadable { path: path.to_owned(), reason: e.to_string() })?;
    if set.keys.iter().any(|key| key.kty == "oct" || key.d.is_some() || key.k.is_some()) {
        return Err(JwksError::Secret(path.to_owned()));
    }
    let mut keys = HashMap::new();
    for key in set.keys {
        let kid = key.kid.as_deref().filter(|kid| !kid.is_empty() && kid.len() <= MAX_KEY_ID);
        // Providers publish keys for other purposes in the same set.
        let (kid, usable) = match kid.ok_or("it has no kid").and_then(|kid| Ok((kid, key.usable()?))) {
            Ok(found) => found,
            Err(reason) => {
                tracing::warn!(path = %path.display(), kid = ?key.kid, reason, "passed over a key");
                continue;
            }
        };
        if keys.insert(kid.to_owned(), usable).is_some() {
            return Err(JwksError::Twice { path: path.to_owned(), kid: kid.to_owned() });
        }
    }
    if keys.is_empty() { Err(JwksError::NoKey(path.to_owned())) } else { Ok(keys) }
}

#[cfg(test)]
#[path = "jwks_tests.rs"]
mod tests;
