use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What an attendance row says the person did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Came to work.
    CheckIn,
    /// Left work.
    CheckOut,
    /// Was seen again.
    Seen,
}

impl Action {
    /// The action as tables and events write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CheckIn => "check_in",
            Self::CheckOut => "check_out",
            Self::Seen => "seen",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is no attendance action.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an attendance action is check_in, check_out or seen, not {0:?}")]
pub struct ActionError(String);

impl FromStr for Action {
    type Err = ActionError;
    fn from_str(text: &str) -> Result<Self, ActionError> {
        [Self::CheckIn, Self::CheckOut, Self::Seen]
            .into_iter()
            .find(|action| action.as_str() == text)
            .ok_or_else(|| ActionError(text.to_owned()))
    }
}

/// How an attendance row came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A camera saw somebody it knew.
    Camera,
    /// A camera saw somebody who was given a name afterwards.
    NamedLater,
    /// Somebody gave the row to another person.
    Corrected,
}

impl Source {
    /// The source as tables and events write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Camera => "camera",
            Self::NamedLater => "named_later",
            Self::Corrected => "corrected",
        }
    }
}

/// The text is no source of an attendance row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an attendance row comes from camera, named_later or corrected, not {0:?}")]
pub struct SourceError(String);

impl FromStr for Source {
    type Err = SourceError;
    fn from_str(text: &str) -> Result<Self, SourceError> {
        [Self::Camera, Self::NamedLater, Self::Corrected]
            .into_iter()
            .find(|source| source.as_str() == text)
            .ok_or_else(|| SourceError(text.to_owned()))
    }
}
