use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The text is none of the words that a column holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} is one of {words}, not {found:?}")]
pub struct WordError {
    kind: &'static str,
    words: &'static str,
    found: String,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $words:literal,
     { $($(#[$word_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$word_doc])* $variant,)+
        }

        impl $name {
            /// Every one there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word as tables, events and answers write it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = WordError;
            fn from_str(text: &str) -> Result<Self, WordError> {
                let found = Self::ALL.iter().copied().find(|word| word.as_str() == text);
                found.ok_or_else(|| WordError { kind: $kind, words: $words, found: text.to_owned() })
            }
        }
    };
}

words!(
    /// What an image is kept for.
    ImageCategory, "a category", "room, lost_found, amenity and reference", {
        /// How a room was.
        Room = "room",
        /// A thing that somebody found or lost.
        LostFound = "lost_found",
        /// Something the hotel has in its rooms.
        Amenity = "amenity",
        /// How a room should be.
        Reference = "reference",
    }
);
words!(
    /// On which side of the desk a thing is.
    ItemSide, "a side", "found and lost", {
        /// The hotel has the thing and looks for its owner.
        Found = "found",
        /// Its owner looks for it.
        Lost = "lost",
    }
);
words!(
    /// What people made of a match.
    MatchState, "a state", "open, confirmed and dismissed", {
        /// Nobody has looked yet.
        Open = "open",
        /// It is the same thing.
        Confirmed = "confirmed",
        /// It is another thing.
        Dismissed = "dismissed",
    }
);
words!(
    /// Who said how a room is.
    VerdictSource, "a source", "analysis and correction", {
        /// The models, of photographs.
        Analysis = "analysis",
        /// A person, of an answer of the models.
        Correction = "correction",
    }
);
