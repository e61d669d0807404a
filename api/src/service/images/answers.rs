//! The answers about pictures: built here, documented by the same types.

use chrono::{DateTime, Utc};
use innkeeper_store::{Image, ImageContent, ItemSide};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Where the files of a picture are fetched, without a token, for a while.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub(crate) struct Links {
    /// The picture, JPEG without metadata; null for a report without a picture. Without `http.public_url` a path on this
    /// server.
    #[schema(
        example = "/api/v1/cv/image/0193…/file?hotel=default&variant=picture&expires=1737103800&signature=…"
    )]
    pub url: Option<String>,
    /// The same small.
    pub thumbnail_url: Option<String>,
    /// Until when both work.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What is known of a picture.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct MetadataReport {
    #[schema(example = "room")]
    pub category: &'static str,
    #[schema(example = "201")]
    pub room_number: Option<String>,
    pub tags: Vec<String>,
    pub upload_time: DateTime<Utc>,
    pub taken_at: Option<DateTime<Utc>>,
    pub description: Option<String>,
    /// Of lost property: `found` or `lost`.
    pub side: Option<&'static str>,
    pub kind: Option<String>,
    pub colour: Option<String>,
    pub place: Option<String>,
    pub occurred_at: Option<DateTime<Utc>>,
    /// Of the kept picture, in pixels.
    pub width: Option<u32>,
    pub height: Option<u32>,
}

impl From<&Image> for MetadataReport {
    fn from(image: &Image) -> Self {
        let ImageContent { tags, description, place, colour, kind, occurred_at, width, height, .. } =
            image.content.clone();
        Self {
            category: image.category.as_str(),
            room_number: image.room_number.as_ref().map(ToString::to_string),
            tags,
            upload_time: image.uploaded_at,
            taken_at: image.taken_at,
            description,
            side: image.side.map(ItemSide::as_str),
            kind,
            colour,
            place,
            occurred_at,
            width,
            height,
        }
    }
}

/// One picture.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ImageReport {
    pub image_id: Uuid,
    pub metadata: MetadataReport,
    /// Whose words and pixels these are.
    pub uploaded_by: String,
    /// The model of its vector; null when it has no picture.
    pub model: Option<String>,
    #[serde(flatten)]
    pub links: Links,
}

impl ImageReport {
    pub fn new(image: Image, links: Links) -> Self {
        Self {
            image_id: image.id,
            metadata: MetadataReport::from(&image),
            uploaded_by: image.created_by,
            model: image.model.map(|m| m.to_string()),
            links,
        }
    }
}

/// A picture that was found.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SearchHit {
    pub image_id: Uuid,
    /// The cosine of the two descriptors, -1 to 1; 1 is the same picture. It is no probability. Null where nothing was
    /// compared: pictures found by words, or listed.
    pub similarity: Option<f32>,
    pub metadata: MetadataReport,
    #[serde(flatten)]
    pub links: Links,
}

/// What a search found.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SearchAnswer {
    /// Best first; without a query, newest first.
    pub results: Vec<SearchHit>,
    /// What was compared: `image`, `tags` (words of the query in tags and descriptions), or `newest` (nothing: a list).
    pub matched_by: &'static str,
    /// The least similarity that was asked for; null where nothing was compared.
    pub threshold: Option<f32>,
    /// Where the next page begins, to be sent as `cursor`; null at the end. Without a query image a page looks through 5,000
    /// pictures at most, so one that is filtered by words or tags may be short, or empty, though another follows.
    pub next_cursor: Option<String>,
    /// The model whose descriptors were compared; null where nothing was compared.
    pub model: Option<String>,
    pub took_ms: f64,
}

/// A receipt.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct DeletedImage {
    pub success: bool,
    /// Nothing is left to find in tables, index and picture store. If false, the rest is queued and goes within half a minute.
    pub complete: bool,
    pub image_id: Uuid,
    /// Rows that are gone.
    pub rows: u64,
    /// Vectors that are out of the index.
    pub vectors: u64,
    /// Files that are gone: the picture and its thumbnail.
    pub pictures: usize,
    /// Matches with lost or found things that went with it.
    pub matches: u64,
    pub event_id: Uuid,
}
