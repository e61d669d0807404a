use std::fmt;
use std::str::FromStr;

use innkeeper_core::{EmployeeId, HotelId};
use object_store::path::Path;
use uuid::Uuid;

/// The text is not a key that this room makes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a media key")]
pub struct KeyError;

/// Where one picture lies: `hotel/<hotel>/faces/<employee>/<uuid>.jpg`, or `hotel/<hotel>/unknown/<uuid>.jpg`.
///
/// Made of identifiers that hold no `/` and do not start with a dot, so it cannot point anywhere else.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(String);

impl Key {
    /// An enrolled photo of an employee, JPEG.
    pub fn face(hotel: &HotelId, employee: &EmployeeId, photo: Uuid) -> Self {
        Self(format!("{}/{photo}.jpg", Prefix::faces_of(hotel, employee)))
    }

    /// A face that nobody could name, JPEG.
    pub fn unknown(hotel: &HotelId, photo: Uuid) -> Self {
        Self(format!("hotel/{hotel}/unknown/{photo}.jpg"))
    }

    /// The key as text; [`str::parse`] reads it back.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whose picture it is: the hotel, the employee, and the picture's own id.
    ///
    /// # Errors
    /// [`KeyError`] for the picture of an unknown face, which is nobody's.
    pub fn parts(&self) -> Result<(HotelId, EmployeeId, Uuid), KeyError> {
        parts(&self.0)
    }

    /// Whether [`Media::list`](crate::Media::list) would give the key for this prefix.
    pub fn is_below(&self, prefix: &Prefix) -> bool {
        self.0.strip_prefix(prefix.0.as_str()).is_some_and(|rest| rest.starts_with('/'))
    }

    pub(crate) fn path(&self) -> Path {
        Path::from(self.0.as_str())
    }
}

fn parts(text: &str) -> Result<(HotelId, EmployeeId, Uuid), KeyError> {
    let parts: Vec<&str> = text.split('/').collect();
    let ["hotel", hotel, "faces", employee, file] = parts.as_slice() else { return Err(KeyError) };
    Ok((hotel.parse().map_err(|_| KeyError)?, employee.parse().map_err(|_| KeyError)?, photo(file)?))
}

fn photo(file: &str) -> Result<Uuid, KeyError> {
    file.strip_suffix(".jpg").ok_or(KeyError)?.parse().map_err(|_| KeyError)
}

impl FromStr for Key {
    type Err = KeyError;
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let key = match parts(text) {
            Ok((hotel, employee, photo)) => Self::face(&hotel, &employee, photo),
            Err(_) => match text.split('/').collect::<Vec<&str>>().as_slice() {
                ["hotel", hotel, "unknown", file] => {
                    Self::unknown(&hotel.parse().map_err(|_| KeyError)?, photo(file)?)
                }
                _ => return Err(KeyError),
            },
        };
        // A uuid can be spelt in several ways; a key only in one.
        if key.0 == text { Ok(key) } else { Err(KeyError) }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A part of the keys: those of a hotel, or of one employee. Whole names only: `EMP1` is not a prefix
/// of `EMP10`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Prefix(String);

impl Prefix {
    /// Everything there is.
    pub fn every_hotel() -> Self {
        Self("hotel".to_owned())
    }

    /// Everything a hotel has.
    pub fn hotel(hotel: &HotelId) -> Self {
        Self(format!("hotel/{hotel}"))
    }

    /// The enrolled photos of all employees of a hotel.
    pub fn faces(hotel: &HotelId) -> Self {
        Self(format!("hotel/{hotel}/faces"))
    }

    /// The unknown faces of a hotel.
    pub fn unknown(hotel: &HotelId) -> Self {
        Self(format!("hotel/{hotel}/unknown"))
    }

    /// The enrolled photos of one employee.
    pub fn faces_of(hotel: &HotelId, employee: &EmployeeId) -> Self {
        Self(format!("hotel/{hotel}/faces/{employee}"))
    }

    pub(crate) fn path(&self) -> Path {
        Path::from(self.0.as_str())
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_never_leads_out_of_its_folder() {
        let photo = Uuid::nil();
        for bad in [
            String::new(),
            "hotel".to_owned(),
            format!("hotel/a/faces/../{photo}.jpg"),
            format!("hotel/../faces/EMP1/{photo}.jpg"),
            format!("/hotel/a/faces/EMP1/{photo}.jpg"),
            format!("hotel/a/faces/EMP1/x/{photo}.jpg"),
            format!("hotel//faces/EMP1/{photo}.jpg"),
            format!("hotel/a/unknown/../{photo}.jpg"),
            format!("hotel/../unknown/{photo}.jpg"),
            format!("hotel/a/faces/EMP1/{photo}.png"),
            format!("hotel/a/faces/EMP1/{photo}.jpg#1"),
            format!("hotel/a/faces/EMP1/{}.jpg", photo.simple()),
            "hotel/a/faces/EMP1/..jpg".to_owned(),
            "hotel/a/faces/EMP1/%2e%2e.jpg".to_owned(),
        ] {
            assert_eq!(bad.parse::<Key>(), Err(KeyError), "{bad:?}");
        }
    }

    #[test]
    fn a_key_written_to_a_table_can_be_read_back() {
        let (hotel, employee) = ("grand.hotel:1".parse().expect("an id"), "EMP-1_a".parse().expect("an id"));
        let key = Key::face(&hotel, &employee, Uuid::from_u128(7));
        assert_eq!(
            key.as_str(),
            "hotel/grand.hotel:1/faces/EMP-1_a/00000000-0000-0000-0000-000000000007.jpg"
        );
        assert_eq!(key.as_str().parse(), Ok(key.clone()));
        assert_eq!(key.parts(), Ok((hotel.clone(), employee, Uuid::from_u128(7))));
        assert_eq!(key.path().as_ref(), key.as_str(), "the store would spell it differently");
        let unknown = Key::unknown(&hotel, Uuid::from_u128(7));
        assert_eq!(unknown.as_str().parse(), Ok(unknown.clone()));
    }
}
