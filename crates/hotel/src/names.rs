use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Longest name, in bytes.
const MAX_LEN: usize = 64;

/// Why a text is not a name of this table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing is left after the white space around it was cut off.
    #[error("{kind} must not be empty")]
    Empty {
        /// Which name was expected, in the words of the API.
        kind: &'static str,
    },
    /// The text is longer than 64 bytes.
    #[error("{kind} must be at most {MAX_LEN} bytes long")]
    TooLong {
        /// Which name was expected, in the words of the API.
        kind: &'static str,
    },
    /// The text holds a control character.
    #[error("{kind} must not hold control characters")]
    Control {
        /// Which name was expected, in the words of the API.
        kind: &'static str,
    },
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        ///
        /// 1 to 64 bytes without control characters and without white space at its ends: other systems give these
        /// names, so letters of any language and blanks are allowed. Cloning shares the text.
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                let text = text.trim();
                if text.is_empty() {
                    return Err(NameError::Empty { kind: $kind });
                }
                if text.len() > MAX_LEN {
                    return Err(NameError::TooLong { kind: $kind });
                }
                if text.chars().any(char::is_control) {
                    return Err(NameError::Control { kind: $kind });
                }
                Ok(Self(text.into()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// A booking, by the number its own system gave it.
    BookingId,
    "booking_id"
);
name!(
    /// A guest, by the number of the hotel's own guest list.
    GuestId,
    "guest_id"
);
name!(
    /// A kind of room that is sold under one name: `deluxe`, `suite`, `A`.
    RoomTypeName,
    "room_type"
);
