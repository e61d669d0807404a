use std::fmt;
use std::str::FromStr;

use innkeeper_core::{EmployeeId, HotelId};
use object_store::path::Path;
use uuid::Uuid;

/// The text is not a key that this room makes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a media key")]
pub struct KeyError;

/// The text names no version of an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an image is kept as picture and thumbnail")]
pub struct VariantError;

/// In which size an image is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Variant {
    /// As it came, less what tells where and by whom it was taken.
    Picture = 0,
    /// Small, for lists.
    Thumbnail = 1,
}

impl Variant {
    /// The word for it in an address.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Picture => "picture",
            Self::Thumbnail => "thumbnail",
        }
    }

    /// The folder it lies in.
    fn folder(self) -> &'static str {
        match self {
            Self::Picture => "images",
            Self::Thumbnail => "thumbnails",
        }
    }

    fn of_folder(folder: &str) -> Result<Self, KeyError> {
        [Self::Picture, Self::Thumbnail].into_iter().find(|v| v.folder() == folder).ok_or(KeyError)
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Variant {
    type Err = VariantError;
    fn from_str(text: &str) -> Result<Self, VariantError> {
        [Self::Picture, Self::Thumbnail].into_iter().find(|v| v.as_str() == text).ok_or(VariantError)
    }
}

/// Where one picture lies: `hotel/<hotel>/faces/<employee>/<uuid>.jpg`, `hotel/<hotel>/unknown/<uuid>.jpg`, or
/// `images` and `thumbnails` in place of `unknown`.
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

    /// One version of an image, JPEG.
    pub fn of_image(hotel: &HotelId, image: Uuid, variant: Variant) -> Self {
        Self(format!("hotel/{hotel}/{}/{image}.jpg", variant.folder()))
    }

    /// The picture of an image, JPEG.
    pub fn image(hotel: &HotelId, image: Uuid) -> Self {
        Self::of_image(hotel, image, Variant::Picture)
    }

    /// The small picture of an image, JPEG.
    pub fn thumbnail(hotel: &HotelId, image: Uuid) -> Self {
        Self::of_image(hotel, image, Variant::Thumbnail)
    }

    /// The key as text; [`str::parse`] reads it back.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whose picture it is: the hotel, the employee, and the picture's own id.
    ///
    /// # Errors
    /// [`KeyError`] for the picture of an unknown face or of an image, which is nobody's.
    pub fn parts(&self) -> Result<(HotelId, EmployeeId, Uuid), KeyError> {
        parts(&self.0)
    }

    /// Which image it is of: the hotel, the image, and in which size.
    ///
    /// # Errors
    /// [`KeyError`] for the picture of a face.
    pub fn image_parts(&self) -> Result<(HotelId, Uuid, Variant), KeyError> {
        image_parts(&self.0)
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

fn image_parts(text: &str) -> Result<(HotelId, Uuid, Variant), KeyError> {
    let parts: Vec<&str> = text.split('/').collect();
    let ["hotel", hotel, folder, file] = parts.as_slice() else { return Err(KeyError) };
    let variant = Variant::of_folder(folder)?;
    Ok((hotel.parse().map_err(|_| KeyError)?, photo(file)?, variant))
}

fn photo(file: &str) -> Result<Uuid, KeyError> {
    file.strip_suffix(".jpg").ok_or(KeyError)?.parse().map_err(|_| KeyError)
}

impl FromStr for Key {
    type Err = KeyError;
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let key = if let Ok((hotel, employee, photo)) = parts(text) {
            Self::face(&hotel, &employee, photo)
        } else if let Ok((hotel, image, variant)) = image_parts(text) {
            Self::of_image(&hotel, image, variant)
        } else {
            match text.split('/').collect::<Vec<&str>>().as_slice() {
                ["hotel", hotel, "unknown", file] => {
                    Self::unknown(&hotel.parse().map_err(|_| KeyError)?, photo(file)?)
                }
                _ => return Err(KeyError),
            }
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

    /// The pictures of a hotel's images.
    pub fn images(hotel: &HotelId) -> Self {
        Self(format!("hotel/{hotel}/{}", Variant::Picture.folder()))
    }

    /// The small pictures of a hotel's images.
    pub fn thumbnails(hotel: &HotelId) -> Self {
        Self(format!("hotel/{hotel}/{}", Variant::Thumbnail.folder()))
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
            format!("hotel/a/images/../{photo}.jpg"),
            format!("hotel/../images/{photo}.jpg"),
            format!("hotel/a/thumbnails/{photo}.png"),
            format!("hotel/a/images/{}.jpg", photo.simple()),
            format!("hotel/a/pictures/{photo}.jpg"),
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
        for (variant, prefix) in
            [(Variant::Picture, Prefix::images(&hotel)), (Variant::Thumbnail, Prefix::thumbnails(&hotel))]
        {
            let key = Key::of_image(&hotel, Uuid::from_u128(7), variant);
            assert_eq!(key.as_str().parse(), Ok(key.clone()));
            assert_eq!(key.image_parts(), Ok((hotel.clone(), Uuid::from_u128(7), variant)));
            assert!(key.is_below(&prefix) && key.parts().is_err());
            assert_eq!(variant.as_str().parse(), Ok(variant));
        }
        assert!(unknown.image_parts().is_err());
        assert_ne!(Key::image(&hotel, Uuid::nil()), Key::thumbnail(&hotel, Uuid::nil()));
    }
}
