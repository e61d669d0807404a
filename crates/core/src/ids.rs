use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest identifier that is accepted, in bytes.
const MAX_LEN: usize = 64;

/// Why a string is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The string is empty.
    #[error("{kind} must not be empty")]
    Empty {
        /// Which identifier was expected, in the words of the API.
        kind: &'static str,
    },
    /// The string is longer than 64 bytes.
    #[error("{kind} must be at most {MAX_LEN} bytes long")]
    TooLong {
        /// Which identifier was expected, in the words of the API.
        kind: &'static str,
    },
    /// The string holds a character outside `A-Z a-z 0-9 . _ : -`, or does not start with a letter or digit.
    #[error("{kind} may hold letters, digits and . _ : - and starts with a letter or digit")]
    Character {
        /// Which identifier was expected, in the words of the API.
        kind: &'static str,
    },
}

fn check(kind: &'static str, text: &str) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty { kind });
    }
    if text.len() > MAX_LEN {
        return Err(IdError::TooLong { kind });
    }
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'-');
    if !text.bytes().all(allowed) || !text.as_bytes()[0].is_ascii_alphanumeric() {
        return Err(IdError::Character { kind });
    }
    Ok(())
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        ///
        /// 1 to 64 bytes of `A-Z a-z 0-9 . _ : -`, starting with a letter or digit, so that it can stand
        /// in a path, a query and a log line without quoting.
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                check($kind, text)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                check($kind, &text)?;
                Ok(Self(text))
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// A person who works in the hotel, by the identifier of the hotel's own staff list.
    EmployeeId,
    "employee_id"
);
id!(
    /// A camera, by the name the hotel gave it.
    CameraId,
    "camera_id"
);
id!(
    /// A hotel: the tenant that owns rows, vectors and images.
    HotelId,
    "hotel"
);
id!(
    /// A room, by the number on its door.
    RoomNumber,
    "room_number"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_that_could_escape_a_path_or_a_query_are_refused() {
        for bad in ["", "../x", "a/b", "a b", "-rm", ".hidden", "a'b", "é", "a\0b", &"x".repeat(65)] {
            assert!(bad.parse::<EmployeeId>().is_err(), "{bad:?} was accepted");
        }
        for good in ["EMP001", "cam_lobby_01", "a.b:c-d"] {
            assert_eq!(good.parse::<EmployeeId>().expect(good).as_str(), good);
        }
    }

    #[test]
    fn deserialising_checks_too() {
        assert!(serde_json::from_str::<EmployeeId>("\"a/b\"").is_err());
    }
}
