//! SHA-256 as the identity of a file.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A SHA-256, written as 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    /// Digest of a byte string.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Digest and length of a file, read in pieces.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn of_file(path: &Path) -> io::Result<(Self, u64)> {
        copy_hashed(&mut File::open(path)?, &mut io::sink(), &mut |_| {})
    }
}

/// Copies everything from `from` to `to` and returns the digest and the length of what passed.
/// `seen` is told the length of each piece.
pub(crate) fn copy_hashed(
    from: &mut dyn Read,
    to: &mut dyn Write,
    seen: &mut dyn FnMut(u64),
) -> io::Result<(Digest, u64)> {
    let mut hash = Sha256::new();
    let mut piece = vec![0_u8; 128 * 1024];
    let mut length = 0;
    loop {
        let n = match from.read(&mut piece) {
            Ok(0) => return Ok((Digest(hash.finalize().into()), length)),
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        hash.update(&piece[..n]);
        to.write_all(&piece[..n])?;
        length += n as u64;
        seen(n as u64);
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl From<Digest> for String {
    fn from(value: Digest) -> Self {
        value.to_string()
    }
}

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let mut bytes = [0; 32];
        let lower = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        match hex::decode_to_slice(&text, &mut bytes) {
            Ok(()) if lower => Ok(Self(bytes)),
            _ => Err(format!("a sha256 is 64 lower-case hexadecimal digits, not {text:?}")),
        }
    }
}
