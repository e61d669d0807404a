//! Pictures that a hotel keeps to find them again, and reports of lost things, which may have none.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use innkeeper_core::{ModelRef, RoomNumber};
use sea_query::{Expr, ExprTrait};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::audit::{AuditSubject, NewEntry};
use crate::engine::{
    CHUNK, Conn, Row, count, execute, fetch_all, fetch_optional, get, parse, parse_optional,
};
use crate::enrolment::{check_sha256, check_vector, invalid};
use crate::outbox::{IMAGE_INDEXED, NewEvent};
use crate::people::to_bytes;
use crate::removal::keep_photos;
use crate::schema::{Col, Table};
use crate::scope::Scope;
use crate::seal::{IMAGE, IMAGE_VECTOR};
use crate::store::commit;
use crate::time::{micros, optional_time, time};
use crate::{HotelStore, ImageCategory, ItemSide, MatchCandidate, RecordedMatch, StoreError, audit, outbox};

/// The four parts of a hash.
pub(crate) const BANDS: [Col; 4] = [Col::Band1, Col::Band2, Col::Band3, Col::Band4];

/// What is told of an image. It is sealed, because a description or a contact may tell of a person.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageContent {
    /// What it shows, in words of a fixed list or of the hotel's own.
    pub tags: Vec<String>,
    /// In whole sentences.
    pub description: Option<String>,
    /// Where the thing was found or lost.
    pub place: Option<String>,
    /// When it was found or lost.
    pub occurred_at: Option<DateTime<Utc>>,
    /// Colour of the thing.
    pub colour: Option<String>,
    /// What kind of thing it is.
    pub kind: Option<String>,
    /// Whom to ask or to tell.
    pub contact: Option<String>,
    /// Width of the kept picture in pixels.
    pub width: Option<u32>,
    /// Height of the kept picture in pixels.
    pub height: Option<u32>,
    /// Size of the kept picture in bytes.
    pub bytes: Option<u64>,
    /// Anything else.
    pub more: Map<String, Value>,
}

/// `Debug` tells no words of it.
impl std::fmt::Debug for ImageContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ImageContent")
            .field("tags", &self.tags.len())
            .field("width", &self.width)
            .field("height", &self.height)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

/// The picture of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImagePhoto {
    /// Where it lies in the media room. The key must be of this image alone.
    pub photo_key: String,
    /// Where its small version lies.
    pub thumbnail_key: Option<String>,
    /// SHA-256 of the bytes that were sent, 64 lower-case hex digits.
    pub sha256: String,
    /// Perceptual hash, 64 bits.
    pub hash: u64,
}

/// What one model knows of an image.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageVector {
    /// The model that computed the vector.
    pub model: ModelRef,
    /// The vector: not empty, finite.
    pub vector: Vec<f32>,
}

/// An image to be kept.
#[derive(Debug, Clone, PartialEq)]
pub struct NewImage {
    /// A fresh id, the same in the vector index.
    pub id: Uuid,
    /// What it is kept for.
    pub category: ImageCategory,
    /// The room it shows, or where the thing was. A reference names its room.
    pub room_number: Option<RoomNumber>,
    /// Found or lost; only of the category `lost_found`.
    pub side: Option<ItemSide>,
    /// When it came.
    pub uploaded_at: DateTime<Utc>,
    /// When the picture was taken, where that is known.
    pub taken_at: Option<DateTime<Utc>>,
    /// Who sent it.
    pub created_by: String,
    /// What is told of it.
    pub content: ImageContent,
    /// The picture. Only the report of a loss may have none.
    pub photo: Option<ImagePhoto>,
    /// The vector of the picture.
    pub vector: Option<ImageVector>,
}

/// A kept image.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// Its id, the same in the vector index.
    pub id: Uuid,
    /// What it is kept for.
    pub category: ImageCategory,
    /// The room.
    pub room_number: Option<RoomNumber>,
    /// Found or lost.
    pub side: Option<ItemSide>,
    /// When it came.
    pub uploaded_at: DateTime<Utc>,
    /// When the picture was taken.
    pub taken_at: Option<DateTime<Utc>>,
    /// Who sent it.
    pub created_by: String,
    /// What is told of it.
    pub content: ImageContent,
    /// The picture.
    pub photo: Option<ImagePhoto>,
    /// The model of its vector, when it has one.
    pub model: Option<ModelRef>,
    /// Whether the vector index has it.
    pub indexed: bool,
}

/// What keeping an image wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedImage {
    /// The event `image.indexed`.
    pub event_id: Uuid,
    /// The matches that came with it.
    pub matches: Vec<RecordedMatch>,
}

/// What became of a reference photo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddedReference {
    /// It is kept.
    Added(AddedImage),
    /// The room has as many as it may; nothing was written.
    Full {
        /// Reference photos of the room.
        references: u64,
    },
}

pub(crate) const COLUMNS: [Col; 12] = [
    Col::Id,
    Col::Category,
    Col::RoomNumber,
    Col::Side,
    Col::UploadedAt,
    Col::TakenAt,
    Col::CreatedBy,
    Col::Content,
    Col::PhotoKey,
    Col::ThumbnailKey,
    Col::PhotoSha256,
    Col::Hash,
];

/// The content of a row that was read with `id` and `content`; `None` when it does not open.
pub(crate) fn content(
    store: &crate::Store,
    hotel: &str,
    row: &Row,
) -> Result<Option<ImageContent>, StoreError> {
    let opened = store.unseal_row(IMAGE, hotel, row).and_then(|plain| {
        serde_json::from_slice(&plain).map_err(|_| StoreError::Corrupt { column: "content" })
    });
    store.readable(IMAGE, row, opened)
}

/// A row of [`COLUMNS`], without its vector; `None` when it does not open.
pub(crate) fn image(hotel: &HotelStore, row: &Row) -> Result<Option<Image>, StoreError> {
    let Some(content) = content(&hotel.store, hotel.hotel.as_str(), row)? else { return Ok(None) };
    let photo = match get::<Option<String>>(row, "photo_key")? {
        Some(photo_key) => Some(ImagePhoto {
            photo_key,
            thumbnail_key: get(row, "thumbnail_key")?,
            sha256: get(row, "photo_sha256")?,
            hash: get::<i64>(row, "hash")?.cast_unsigned(),
        }),
        None => None,
    };
    Ok(Some(Image {
        id: parse(row, "id")?,
        category: parse(row, "category")?,
        room_number: parse_optional(row, "room_number")?,
        side: parse_optional(row, "side")?,
        uploaded_at: time(row, "uploaded_at")?,
        taken_at: optional_time(row, "taken_at")?,
        created_by: get(row, "created_by")?,
        content,
        photo,
        model: None,
        indexed: false,
    }))
}

/// Tells images of their vectors.
pub(crate) async fn with_vectors(
    conn: &mut Conn,
    scope: Scope<'_>,
    images: &mut [Image],
) -> Result<(), StoreError> {
    for images in images.chunks_mut(CHUNK) {
        let query = scope
            .select(Table::ImageVectors, &[Col::ImageId, Col::Model, Col::VectorState])
            .and_where(Expr::col(Col::ImageId).is_in(images.iter().map(|i| i.id.to_string())))
            .take();
        let mut known: HashMap<Uuid, (ModelRef, bool)> = HashMap::new();
        for row in fetch_all(conn, &query).await? {
            let indexed = get::<String>(&row, "vector_state")? == "indexed";
            known.insert(parse(&row, "image_id")?, (parse(&row, "model")?, indexed));
        }
        for image in images {
            if let Some((model, indexed)) = known.remove(&image.id) {
                image.model = Some(model);
                image.indexed = indexed;
            }
        }
    }
    Ok(())
}

fn check(new: &NewImage) -> Result<(), StoreError> {
    if new.side.is_some() && new.category != ImageCategory::LostFound {
        return Err(invalid("side", "is only for things that were found or lost"));
    }
    if new.category == ImageCategory::Reference && new.room_number.is_none() {
        return Err(invalid("room_number", "must name the room of a reference photo"));
    }
    match &new.photo {
        Some(photo) => check_sha256("photo_sha256", &photo.sha256)?,
        None if new.side != Some(ItemSide::Lost) => {
            return Err(invalid("photo", "may only be missing from the report of a loss"));
        }
        None if new.vector.is_some() => return Err(invalid("vector", "needs a picture")),
        None => {}
    }
    new.vector.as_ref().map_or(Ok(()), |v| check_vector(&v.vector))
}

/// A part of a hash.
pub(crate) fn band(hash: u64, n: usize) -> i64 {
    i64::from((hash >> (16 * n)) as u16)
}

/// A model gives vectors of one length; a second one under its name would break the index.
async fn check_dimension(conn: &mut Conn, scope: Scope<'_>, new: &ImageVector) -> Result<(), StoreError> {
    let query = scope
        .select(Table::ImageVectors, &[Col::Dimension])
        .and_where(Expr::col(Col::Model).eq(new.model.to_string()))
        .limit(1)
        .take();
    match fetch_optional(conn, &query).await? {
        Some(row) if count(&row, "dimension")? != new.vector.len() as u64 => {
            Err(invalid("vector", "must have the length that its model gives"))
        }
        _ => Ok(()),
    }
}

/// Writes the vector of an image that has none.
pub(crate) async fn insert_vector(
    conn: &mut Conn,
    hotel: &HotelStore,
    image: Uuid,
    new: &ImageVector,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    check_dimension(conn, hotel.scope(), new).await?;
    let id = image.to_string();
    let [vector, sealed_by] =
        hotel.store.seal(IMAGE_VECTOR, hotel.hotel.as_str(), &id, &to_bytes(&new.vector))?;
    let insert = hotel.scope().insert(
        Table::ImageVectors,
        [
            (Col::ImageId, Expr::value(id)),
            (Col::Model, Expr::value(new.model.to_string())),
            vector,
            sealed_by,
            (Col::Dimension, Expr::value(new.vector.len() as i64)),
            (Col::CreatedAt, Expr::value(micros(at))),
            (Col::VectorState, Expr::value("pending")),
        ],
    )?;
    execute(conn, &insert).await?;
    Ok(())
}

/// Writes an image, its vector, an audit row and the event `image.indexed`.
async fn insert(conn: &mut Conn, hotel: &HotelStore, new: &NewImage) -> Result<Uuid, StoreError> {
    let id = new.id.to_string();
    let plain = serde_json::to_vec(&new.content)?;
    let [content, sealed_by] = hotel.store.seal(IMAGE, hotel.hotel.as_str(), &id, &plain)?;
    let room = new.room_number.as_ref().map(RoomNumber::as_str);
    let (photo, at) = (new.photo.as_ref(), new.uploaded_at);
    let hash = photo.map(|p| p.hash);
    let bands = BANDS.iter().enumerate().map(|(n, column)| (*column, Expr::value(hash.map(|h| band(h, n)))));
    let insert = hotel.scope().insert(
        Table::Images,
        [
            (Col::Id, Expr::value(id)),
            (Col::Category, Expr::value(new.category.as_str())),
            (Col::RoomNumber, Expr::value(room)),
            (Col::Side, Expr::value(new.side.map(ItemSide::as_str))),
            (Col::UploadedAt, Expr::value(micros(at))),
            (Col::TakenAt, Expr::value(new.taken_at.map(micros))),
            (Col::CreatedBy, Expr::value(new.created_by.as_str())),
            content,
            sealed_by,
            (Col::PhotoKey, Expr::value(photo.map(|p| p.photo_key.as_str()))),
            (Col::ThumbnailKey, Expr::value(photo.and_then(|p| p.thumbnail_key.as_deref()))),
            (Col::PhotoSha256, Expr::value(photo.map(|p| p.sha256.as_str()))),
            (Col::Hash, Expr::value(hash.map(u64::cast_signed))),
        ]
        .into_iter()
        .chain(bands),
    )?;
    execute(conn, &insert).await?;
    if let Some(vector) = &new.vector {
        insert_vector(conn, hotel, new.id, vector, at).await?;
    }
    // Collected: a closure that lives across an await makes a future that nobody can spawn.
    let keys = photo.into_iter().flat_map(|p| [Some(p.photo_key.as_str()), p.thumbnail_key.as_deref()]);
    let keys: Vec<&str> = keys.flatten().collect();
    keep_photos(conn, hotel.scope(), keys.into_iter()).await?;

    let model = new.vector.as_ref().map(|v| &v.model);
    let details = json!({
        "category": new.category, "room_number": room, "side": new.side, "model": model,
        "photo": photo.is_some(),
    });
    let subject = AuditSubject::Thing(format!("image:{}", new.id));
    let entry =
        NewEntry { at, actor: &new.created_by, action: IMAGE_INDEXED, subject: &subject, details: &details };
    audit::append(conn, hotel, entry).await?;
    let event = NewEvent { topic: IMAGE_INDEXED, person: None, at, forget: false };
    let payload = json!({
        "image_id": new.id, "category": new.category, "room_number": room, "side": new.side, "at": at,
    });
    outbox::emit(conn, hotel, event, &payload).await
}

impl HotelStore {
    /// Keeps an image: row, vector, audit row, the event `image.indexed`, and the matches that `candidates` make
    /// (see [`Self::add_matches`]), in one transaction. The vector waits for the index.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for an image that makes no sense, [`StoreError::Duplicate`] when the id is taken.
    /// Nothing is written then.
    pub async fn add_image(
        &self,
        new: NewImage,
        candidates: &[MatchCandidate],
    ) -> Result<AddedImage, StoreError> {
        check(&new)?;
        let mut tx = self.begin(new.uploaded_at).await?;
        let event_id = insert(&mut tx, self, &new).await?;
        let matches = self.insert_matches(&mut tx, new.id, candidates, new.uploaded_at).await?;
        commit(tx).await?;
        Ok(AddedImage { event_id, matches })
    }

    /// Keeps all of these images or none, in one transaction; the events `image.indexed`, in the same order.
    ///
    /// # Errors
    /// As [`Self::add_image`].
    pub async fn add_images(&self, new: &[NewImage]) -> Result<Vec<Uuid>, StoreError> {
        let Some(first) = new.first() else { return Ok(Vec::new()) };
        new.iter().try_for_each(check)?;
        let mut tx = self.begin(first.uploaded_at).await?;
        let mut events = Vec::with_capacity(new.len());
        for image in new {
            events.push(insert(&mut tx, self, image).await?);
        }
        commit(tx).await?;
        Ok(events)
    }

    /// Keeps an image of the category `reference`, as long as its room has fewer than `most`.
    ///
    /// # Errors
    /// As [`Self::add_image`].
    pub async fn add_reference(&self, new: NewImage, most: usize) -> Result<AddedReference, StoreError> {
        check(&new)?;
        let Some(room) = new.room_number.as_ref().filter(|_| new.category == ImageCategory::Reference) else {
            return Err(invalid("category", "must be reference"));
        };
        let mut tx = self.begin(new.uploaded_at).await?;
        let query = self
            .scope()
            .select(Table::Images, &[])
            .expr_as(Expr::col(Col::Id).count(), "found")
            .and_where(Expr::col(Col::RoomNumber).eq(room.as_str()))
            .and_where(Expr::col(Col::Category).eq(ImageCategory::Reference.as_str()))
            .take();
        let references =
            fetch_all(&mut tx, &query).await?.first().map_or(Ok(0), |row| count(row, "found"))?;
        if references >= most as u64 {
            return Ok(AddedReference::Full { references });
        }
        let event_id = insert(&mut tx, self, &new).await?;
        commit(tx).await?;
        Ok(AddedReference::Added(AddedImage { event_id, matches: Vec::new() }))
    }
}
