use std::path::PathBuf;

use crate::KeyId;

/// Why bytes cannot be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The bytes were not sealed by this room.
    #[error("the bytes are not sealed")]
    NotSealed,
    /// They were sealed with a key that the ring does not hold.
    #[error("sealed with the key {0}, which is not in the ring; was secrets/data.key replaced?")]
    UnknownKey(KeyId),
    /// They were changed, or belong to another context.
    #[error("the sealed bytes were changed, or belong elsewhere")]
    Tampered,
    /// The cipher refused: more bytes than one nonce may seal, or the system gave no random bytes.
    #[error("the bytes cannot be sealed: {0}")]
    Refused(String),
}

/// Why there is no ring of keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// There is no key in the text.
    #[error("no key is given; a key is 32 bytes in base64, one a line")]
    Empty,
    /// A line is not a key.
    #[error("line {line} is not a key: 32 bytes in base64 are wanted")]
    NotAKey {
        /// The line, from 1.
        line: usize,
    },
    /// Two keys cannot be told apart, most likely because one stands there twice.
    #[error("the key {0} stands there twice")]
    Twice(KeyId),
    /// The key is not in the ring.
    #[error("there is no key {0}")]
    Unknown(KeyId),
    /// The key that seals cannot be taken away.
    #[error("{0} is the key that seals; rotate first")]
    Active(KeyId),
    /// The keys were changed a moment ago, and a running server may not know yet.
    #[error(
        "the keys were changed a moment ago and a running server may still use this one; wait {seconds} s"
    )]
    TooSoon {
        /// Until when.
        seconds: u64,
    },
    /// The text does not name a key.
    #[error("a key is named by 8 hexadecimal digits")]
    NotAnId,
    /// The keys came from the environment, so the file is not the place to change them.
    #[error("the keys come from the environment; change them there and start again")]
    FromEnvironment,
    /// The file can be neither read nor written.
    #[error("cannot {doing} {path}: {source}")]
    File {
        /// What was tried.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    Random,
}
