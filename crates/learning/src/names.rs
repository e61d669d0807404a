use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest name.
const LONGEST: usize = 64;

/// Name of a model in the registry, and of its folder: 1 to 64 of `a-z 0-9 - _`, beginning with a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

/// Version of a model: a number from 1, counted up by the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Version(u64);

/// The text is no name of a model, a file or a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} is {allowed}, not {text:?}")]
pub struct NameError {
    what: &'static str,
    allowed: &'static str,
    text: String,
}

impl NameError {
    fn new(what: &'static str, allowed: &'static str, text: &str) -> Self {
        Self { what, allowed, text: text.chars().take(LONGEST).collect() }
    }
}

/// Whether `text` is safe as the name of a file or folder anywhere.
fn plain(text: &str, also: &[u8]) -> bool {
    let first = text.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let rest = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || also.contains(&b);
    first && text.len() <= LONGEST && text.bytes().all(rest)
}

/// Whether `text` may name a file of a version.
pub(crate) fn check_file(text: &str) -> Result<(), NameError> {
    if plain(text, b"._-") && !text.ends_with('.') {
        Ok(())
    } else {
        Err(NameError::new("the name of a file", "1 to 64 of a-z 0-9 . _ -", text))
    }
}

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        if plain(text, b"_-") {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError::new("the name of a model", "1 to 64 of a-z 0-9 _ -", text))
        }
    }
}

impl TryFrom<String> for Name {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> String {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Version {
    /// The first version of a model.
    pub const FIRST: Self = Self(1);

    /// The number.
    pub fn number(self) -> u64 {
        self.0
    }

    pub(crate) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl FromStr for Version {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        let error = || NameError::new("a version", "a number from 1", text);
        // "01", "+1" and " 1" would be a second name of the folder "1".
        if !text.bytes().all(|b| b.is_ascii_digit()) || text.starts_with('0') {
            return Err(error());
        }
        text.parse::<u64>().ok().filter(|n| *n > 0).map(Self).ok_or_else(error)
    }
}

impl TryFrom<u64> for Version {
    type Error = NameError;
    fn try_from(number: u64) -> Result<Self, NameError> {
        number.to_string().parse()
    }
}

impl From<Version> for u64 {
    fn from(version: Version) -> u64 {
        version.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_leave_the_folder_are_no_names() {
        for bad in [
            "",
            ".",
            "..",
            "../x",
            "a/b",
            "a\\b",
            "/etc",
            "A",
            "a b",
            "a\0",
            "-rf",
            ".new-1",
            "ä",
            &"a".repeat(65),
        ] {
            assert!(bad.parse::<Name>().is_err(), "{bad:?}");
            assert!(check_file(bad).is_err(), "{bad:?}");
        }
        assert!("room-tags".parse::<Name>().is_ok() && check_file("model.json").is_ok());
        for bad in ["0", "01", "+1", " 1", "-1", "1.0", "", "99999999999999999999", "../1"] {
            assert!(bad.parse::<Version>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_name_is_one_component_of_a_path(text in "\\PC{0,80}") {
            if let Ok(name) = text.parse::<Name>() {
                prop_assert_eq!(std::path::Path::new(name.as_str()).components().count(), 1);
            }
        }
    }
}
