use innkeeper_core::HotelId;
use qdrant_edge::JsonPath;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::VectorError;

/// Payload key of the hotel a point belongs to; indexed.
pub const HOTEL: &str = "hotel";

/// Payload key of what a point depicts: an employee, a room, a lost thing; indexed.
pub const OWNER: &str = "owner";

/// Payload key of what an image is kept for; indexed in collections of images.
pub const CATEGORY: &str = "category";

/// Payload key of the room that an image shows; indexed in collections of images.
pub const ROOM_NUMBER: &str = "room_number";

/// Payload key of a list of texts; indexed in collections of images.
pub const TAGS: &str = "tags";

/// Payload key of the side, found or lost, on which a thing is; indexed in collections of images.
pub const SIDE: &str = "side";

/// Payload key of when an image came, a whole number: microseconds since 1970 UTC; indexed in collections of images.
pub const UPLOADED_AT: &str = "uploaded_at";

/// A vector with an id and a payload that names at least [`HOTEL`] and [`OWNER`].
#[derive(Debug, Clone, PartialEq)]
pub struct VectorPoint {
    /// Identifier; a second point with the same one replaces the first.
    pub id: Uuid,
    /// As many finite numbers as the collection wants, not all zero. Kept at unit length, so it comes
    /// back scaled.
    pub vector: Vec<f32>,
    /// What is known about it. Texts `hotel` and `owner` are required.
    pub payload: Map<String, Value>,
}

impl VectorPoint {
    /// A point with the payload that every point needs.
    pub fn new(id: Uuid, vector: Vec<f32>, hotel: &HotelId, owner: &str) -> Self {
        let mut payload = Map::new();
        payload.insert(HOTEL.to_owned(), Value::from(hotel.as_str()));
        payload.insert(OWNER.to_owned(), Value::from(owner));
        Self { id, vector, payload }
    }

    /// Adds to the payload.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.payload.insert(key.to_owned(), value.into());
        self
    }

    pub(crate) fn check(&self, dimension: usize) -> Result<(), VectorError> {
        check_vector(&self.vector, dimension)?;
        for key in [HOTEL, OWNER] {
            if !self.payload.get(key).is_some_and(Value::is_string) {
                return Err(VectorError::Payload { key });
            }
        }
        Ok(())
    }
}

pub(crate) fn check_vector(vector: &[f32], dimension: usize) -> Result<(), VectorError> {
    if vector.len() != dimension {
        return Err(VectorError::Dimension { expected: dimension, found: vector.len() });
    }
    // The engine divides by the length in f32, so it must not overflow or vanish there either.
    let square: f32 = vector.iter().map(|v| v * v).sum();
    if square.is_finite() && square > f32::MIN_POSITIVE { Ok(()) } else { Err(VectorError::NoDirection) }
}

/// A payload key, as the engine and its server read it.
pub(crate) fn path_of(key: &str) -> Result<JsonPath, VectorError> {
    key.parse().map_err(|()| VectorError::FilterKey(key.to_owned()))
}

/// Best first. Equal scores stand in the order of their ids, so that the same question has the same answer.
pub(crate) fn rank(hits: &mut [Hit]) {
    hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.id.cmp(&b.id)));
}

/// A point that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The point.
    pub id: Uuid,
    /// Cosine of the angle to the query, -1 to 1.
    pub score: f32,
    /// The point's payload.
    pub payload: Map<String, Value>,
}

/// One thing that a point must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// This text, or a list with it.
    Text(String),
    /// One of these texts, or a list with one of them.
    AnyOf(Vec<String>),
    /// A number from the first to below the second.
    Range(Option<i64>, Option<i64>),
}

/// Which points count. All conditions hold at once.
///
/// There is no default: a search of one hotel starts with [`Filter::hotel`], and whoever looks across
/// hotels says [`Filter::every_hotel`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    pub(crate) must: Vec<(String, Wanted)>,
    pub(crate) except_owners: Vec<String>,
}

impl Filter {
    /// Points of one hotel.
    pub fn hotel(hotel: &HotelId) -> Self {
        Self::every_hotel().matching(HOTEL, hotel.as_str())
    }

    /// Points of all hotels: for reconciliation and reindexing, never for an answer to a client.
    pub fn every_hotel() -> Self {
        Self { must: Vec::new(), except_owners: Vec::new() }
    }

    /// The hotel, where nothing else is asked for.
    pub(crate) fn hotel_alone(&self) -> Option<&str> {
        match self.must.as_slice() {
            [(key, Wanted::Text(hotel))] if key == HOTEL && self.except_owners.is_empty() => Some(hotel),
            _ => None,
        }
    }

    /// Only points of this owner.
    #[must_use]
    pub fn owner(self, owner: &str) -> Self {
        self.matching(OWNER, owner)
    }

    fn must(mut self, key: &str, wanted: Wanted) -> Self {
        self.must.push((key.to_owned(), wanted));
        self
    }

    /// Only points whose payload holds this text under this key, by itself or in a list.
    #[must_use]
    pub fn matching(self, key: &str, text: &str) -> Self {
        self.must(key, Wanted::Text(text.to_owned()))
    }

    /// Only points whose payload holds one of these texts under this key, by itself or in a list. Of no texts
    /// no point holds one.
    #[must_use]
    pub fn any_of<T: AsRef<str>>(self, key: &str, texts: &[T]) -> Self {
        self.must(key, Wanted::AnyOf(texts.iter().map(|t| t.as_ref().to_owned()).collect()))
    }

    /// Only points whose payload holds all of these texts in the list under this key.
    #[must_use]
    pub fn all_of<T: AsRef<str>>(self, key: &str, texts: &[T]) -> Self {
        texts.iter().fold(self, |filter, text| filter.matching(key, text.as_ref()))
    }

    /// Only points whose payload holds a number under this key that is `from` or more and less than `until`. Without
    /// both, it needs to hold a number. Up to 2^53 numbers are compared exactly.
    #[must_use]
    pub fn range(self, key: &str, from: Option<i64>, until: Option<i64>) -> Self {
        self.must(key, Wanted::Range(from, until))
    }

    /// No points of this owner. May be given several times.
    #[must_use]
    pub fn except_owner(mut self, owner: &str) -> Self {
        self.except_owners.push(owner.to_owned());
        self
    }
}
