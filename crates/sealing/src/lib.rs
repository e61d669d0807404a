//! Encryption at rest.
//!
//! In come plain bytes and the context they belong to (which row, which file); out come sealed bytes that
//! name their key, or the plain bytes again. The cipher is AES-256-GCM with a random 96-bit nonce
//! (NIST SP 800-38D); the context is authenticated, so that sealed bytes moved to another row or file do not
//! open. A [`KeyRing`] holds the key that seals and those that only open, so that a key can be changed while
//! the service runs. The room touches one file, `<data dir>/secrets/data.key`, and knows no table.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod error;
mod file;
mod ring;

pub use error::{KeyError, SealError};
pub use ring::{KeyId, KeyRing};
