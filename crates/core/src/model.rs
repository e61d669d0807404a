use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A model by name and version, written `name@version`. Two embeddings may be compared only if their
/// `ModelRef`s are equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModelRef {
    name: String,
    version: String,
}

/// The text is not of the form `name@version`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a model is written name@version in lower-case letters, digits, '.', '_' and '-', not {0:?}")]
pub struct ModelRefError(String);

impl ModelRef {
    /// Joins a name and a version.
    ///
    /// # Errors
    /// When either part is empty or holds anything but `a-z 0-9 . _ -`.
    pub fn new(name: &str, version: &str) -> Result<Self, ModelRefError> {
        let plain = |s: &str| {
            !s.is_empty()
                && s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
        };
        if plain(name) && plain(version) {
            Ok(Self { name: name.to_owned(), version: version.to_owned() })
        } else {
            Err(ModelRefError(format!("{name}@{version}")))
        }
    }

    /// The model's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The model's version.
    pub fn version(&self) -> &str {
        &self.version
    }
}

impl fmt::Display for ModelRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.version)
    }
}

impl FromStr for ModelRef {
    type Err = ModelRefError;
    fn from_str(text: &str) -> Result<Self, ModelRefError> {
        let (name, version) = text.split_once('@').ok_or_else(|| ModelRefError(text.to_owned()))?;
        Self::new(name, version)
    }
}

impl TryFrom<String> for ModelRef {
    type Error = ModelRefError;
    fn try_from(text: String) -> Result<Self, ModelRefError> {
        text.parse()
    }
}

impl From<ModelRef> for String {
    fn from(model: ModelRef) -> String {
        model.to_string()
    }
}
