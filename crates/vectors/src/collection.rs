use std::fmt;

use innkeeper_core::ModelRef;

use crate::VectorError;
use crate::point::{CATEGORY, HOTEL, OWNER, ROOM_NUMBER, SIDE, TAGS, UPLOADED_AT};

/// Longest kind of collection, in bytes.
const MAX_NAME: usize = 32;

/// Longest key, in bytes: it is one folder name.
const MAX_KEY: usize = 200;

/// Longest vector the engine takes.
const MAX_DIMENSION: usize = 65_536;

/// Between kind and model in a key. A kind cannot hold it.
const SEPARATOR: &str = "--";

/// A name with this part is of a collection of images.
const IMAGES: &str = "images";

/// How the values of an indexed payload key are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// Texts, whole; also inside lists.
    Keyword,
    /// Whole numbers, by range.
    Integer,
}

/// What every collection is asked by.
const FACE_FIELDS: [(&str, Lookup); 2] = [(HOTEL, Lookup::Keyword), (OWNER, Lookup::Keyword)];

const IMAGE_FIELDS: [(&str, Lookup); 7] = [
    (HOTEL, Lookup::Keyword),
    (OWNER, Lookup::Keyword),
    (CATEGORY, Lookup::Keyword),
    (ROOM_NUMBER, Lookup::Keyword),
    (TAGS, Lookup::Keyword),
    (SIDE, Lookup::Keyword),
    (UPLOADED_AT, Lookup::Integer),
];

/// One index: what kind of thing is in it, which model computed the vectors, and how long they are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Collection {
    name: String,
    model: ModelRef,
    dimension: usize,
}

impl Collection {
    /// Names a collection; nothing is created. `name` is the kind of thing, such as `faces`: 1 to 32
    /// bytes of `a-z 0-9 -`, starting with a letter, without `--`. `dimension` is 1 to 65,536.
    ///
    /// The name decides by which payload keys points are found fast: always by [`HOTEL`] and [`OWNER`], and where
    /// `images` is a part of it (`images`, `veiled-images-1a2b3c4d`) also by [`CATEGORY`], [`ROOM_NUMBER`], [`TAGS`],
    /// [`SIDE`] and [`UPLOADED_AT`].
    ///
    /// # Errors
    /// [`VectorError::InvalidCollection`] when one of them is out of range.
    pub fn new(name: &str, model: ModelRef, dimension: usize) -> Result<Self, VectorError> {
        let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let starts = name.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
        if !plain || !starts || name.len() > MAX_NAME || name.contains(SEPARATOR) || name.ends_with('-') {
            return Err(VectorError::InvalidCollection(format!(
                "a collection is named in lower-case letters, digits and single '-', not {name:?}"
            )));
        }
        if !(1..=MAX_DIMENSION).contains(&dimension) {
            return Err(VectorError::InvalidCollection(format!(
                "vectors have 1 to {MAX_DIMENSION} numbers, not {dimension}"
            )));
        }
        let collection = Self { name: name.to_owned(), model, dimension };
        if collection.key().len() > MAX_KEY {
            return Err(VectorError::InvalidCollection(format!(
                "the model's name is too long: {}",
                collection.model
            )));
        }
        Ok(collection)
    }

    /// The kind of thing that is indexed.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The model that computed the vectors.
    pub fn model(&self) -> &ModelRef {
        &self.model
    }

    /// Numbers a vector.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// The payload keys that the engine indexes.
    pub(crate) fn fields(&self) -> &'static [(&'static str, Lookup)] {
        if self.name.split('-').any(|part| part == IMAGES) { &IMAGE_FIELDS } else { &FACE_FIELDS }
    }

    /// The name under which the engine keeps it: `name--model@version`. Safe as a folder name and as
    /// the name of a collection on a Qdrant server.
    pub fn key(&self) -> String {
        format!("{}{SEPARATOR}{}", self.name, self.model)
    }

    /// Reads a key back. `None` when it was not made by [`Self::key`].
    pub(crate) fn from_key(key: &str, dimension: usize) -> Option<Self> {
        let (name, model) = key.split_once(SEPARATOR)?;
        Self::new(name, model.parse().ok()?, dimension).ok()
    }
}

impl fmt::Display for Collection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{SEPARATOR}{}", self.name, self.model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(text: &str) -> ModelRef {
        text.parse().expect("a model")
    }

    #[test]
    fn a_collection_cannot_be_named_out_of_its_directory() {
        for bad in ["", "..", "../x", "a/b", "a--b", "-a", "a-", "A", ".new", "é", &"x".repeat(33)] {
            assert!(Collection::new(bad, model("m@1"), 4).is_err(), "{bad:?}");
        }
        let odd = Collection::new("faces", model("..@.."), 4).expect("an odd model name");
        assert_eq!(std::path::Path::new(&odd.key()).components().count(), 1);
        assert!(Collection::new("faces", model(&format!("{}@1", "m".repeat(200))), 4).is_err());
        assert!(Collection::new("faces", model("m@1"), 0).is_err());
    }

    #[test]
    fn only_images_pay_for_the_indexes_of_images() {
        let fields = |name| Collection::new(name, model("m@1"), 4).expect("a name").fields().len();
        for name in ["faces", "veiled-faces-1a2b3c4d", "imagesque", "no-imagesque"] {
            assert_eq!(fields(name), 2, "{name}");
        }
        for name in ["images", "veiled-images-1a2b3c4d"] {
            assert_eq!(fields(name), 7, "{name}");
        }
    }

    #[test]
    fn two_models_never_share_a_collection() {
        let keys = ["edgeface@1", "edgeface@2", "edge@1", "a--b@1"]
            .map(|m| Collection::new("faces", model(m), 4).expect("valid"));
        for a in &keys {
            assert_eq!(Collection::from_key(&a.key(), 4).as_ref(), Some(a));
            assert_eq!(keys.iter().filter(|b| b.key() == a.key()).count(), 1);
        }
    }
}
