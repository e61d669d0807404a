//! Pictures of rooms, amenities and lost property: rows in the tables, vectors in the index, files in the picture store, and
//! what keeps the three in line. Rows are the truth. Looking at a new picture needs a model; listing, fetching and removing
//! need none.
//!
//! Vectors are veiled like those of faces: a picture of a room says much of who stays in it.

mod answers;
mod carry;
mod duplicates;
mod index;
mod metadata;
mod prepare;
mod reindex;
mod search;
mod turns;

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use innkeeper_core::{ErrorCode, HotelId, ModelRef};
use innkeeper_media::{AddressError, AddressSigner, Key, MediaError, Variant};
use innkeeper_store::{ImagePhoto, StoreError};
use innkeeper_vectors::{Collection, Veil};
use tokio::sync::{Mutex, OnceCell};
use tracing::Instrument;
use uuid::Uuid;

pub(crate) use answers::{DeletedImage, ImageReport, Links, SearchAnswer};
pub(crate) use index::{IndexAnswer, NewPicture, OnDuplicate};
pub(crate) use metadata::{Known, Metadata, category, moment, room, side, tags};
pub(crate) use prepare::{Prepared, describe, prepare, prepare_picture};
pub(crate) use reindex::{ReindexReport, Reindexing};
pub(crate) use search::{Query, Question, SearchInput};

use reindex::Progress;
use turns::Turns;

use super::gallery::{CatchUpError, Gallery};
use crate::app::Engines;
use crate::config::{LostFound, Settings};
use crate::problem::Problem;
use crate::service::Visual;

/// How names of index collections that hold pictures begin; the installation follows, and there is one per model.
const COLLECTION: &str = "veiled-images";
/// Name of the secret that turns vectors before they reach the index.
const VEIL: &str = "image-vector-veil";
/// Name of the secret that signs addresses of pictures.
const ADDRESSES: &str = "media-addresses";

/// The pictures of every hotel of this process.
pub(crate) struct ImageGallery {
    pub(crate) engines: Engines,
    /// The queue of pictures to remove is one for faces and these.
    faces: Arc<Gallery>,
    /// In each hotel one change at a time where two must see each other.
    changes: Turns<HotelId>,
    /// One file of the same sum at a time, in each hotel.
    twins: Turns<(HotelId, String)>,
    /// One carrier between tables and index at a time.
    carrier: Mutex<()>,
    veils: Mutex<HashMap<usize, Arc<Veil>>>,
    signer: OnceCell<AddressSigner>,
    pub(super) lost_found: LostFound,
    /// How far the pictures are described by the running model.
    pub(crate) progress: Progress,
    /// What addresses of pictures begin with.
    base: String,
    /// How long an address of a picture works.
    valid: TimeDelta,
}

/// No such picture, in this hotel.
pub(crate) fn image_not_found() -> Problem {
    Problem::new(ErrorCode::ImageNotFound, "there is no such picture")
}

impl ImageGallery {
    pub fn new(engines: Engines, faces: Arc<Gallery>, settings: &Settings) -> Self {
        Self {
            engines,
            faces,
            changes: Turns::default(),
            twins: Turns::default(),
            carrier: Mutex::default(),
            veils: Mutex::default(),
            signer: OnceCell::new(),
            lost_found: settings.lost_found.clone(),
            progress: Progress::default(),
            base: settings.http.public_url.clone().unwrap_or_default().trim_end_matches('/').to_owned(),
            valid: TimeDelta::seconds(i64::from(settings.images.address_seconds)),
        }
    }

    async fn veil(&self, dimension: usize) -> Result<Arc<Veil>, StoreError> {
        let mut veils = self.veils.lock().await;
        if let Some(veil) = veils.get(&dimension) {
            return Ok(Arc::clone(veil));
        }
        let secret = self.engines.store.secret(VEIL).await?;
        let made = tokio::task::spawn_blocking(move || Veil::new(&secret, dimension)).await;
        let veil = Arc::new(made.map_err(|_| StoreError::Closed)?);
        veils.insert(dimension, Arc::clone(&veil));
        Ok(veil)
    }

    /// What this installation's collections of pictures are called.
    async fn collection_name(&self) -> Result<String, StoreError> {
        Ok(format!("{COLLECTION}-{}", self.engines.store.installation().await?))
    }

    /// The collection of a model's vectors.
    async fn collection(&self, model: ModelRef, dimension: usize) -> Result<Collection, Problem> {
        Ok(Collection::new(&self.collection_name().await?, model, dimension)?)
    }

    /// Makes the index of a model's vectors, when it is not there yet. To be done before the first picture is written: the
    /// index carries the name of the installation, and says after a crash whose the pictures are.
    pub async fn open_index(&self, visual: &Visual) -> Result<(), Problem> {
        let describer = &visual.describer;
        let collection = self.collection(describer.model(), describer.dimension()).await?;
        Ok(self.engines.vectors.ensure(&collection).await?)
    }

    async fn signer(&self) -> Result<&AddressSigner, StoreError> {
        let made = async || Ok(AddressSigner::new(&self.engines.store.secret(ADDRESSES).await?));
        self.signer.get_or_try_init(made).await
    }

    /// The address of a file of a picture, good for a while and for nothing else.
    fn address(
        &self,
        signer: &AddressSigner,
        hotel: &HotelId,
        id: Uuid,
        variant: Variant,
        until: i64,
    ) -> String {
        let signature = signer.sign(hotel, id, variant, until);
        format!(
            "{}/api/v1/cv/image/{id}/file?hotel={hotel}&variant={}&expires={until}&signature={signature}",
            self.base,
            variant.as_str()
        )
    }

    /// The addresses of a picture's files from now on.
    pub async fn links(
        &self,
        hotel: &HotelId,
        id: Uuid,
        photo: Option<&ImagePhoto>,
    ) -> Result<Links, Problem> {
        let Some(photo) = photo else { return Ok(Links::default()) };
        let signer = self.signer().await?;
        let until = Utc::now() + self.valid;
        let of = |variant| self.address(signer, hotel, id, variant, until.timestamp());
        Ok(Links {
            url: Some(of(Variant::Picture)),
            thumbnail_url: photo.thumbnail_key.is_some().then(|| of(Variant::Thumbnail)),
            expires_at: Some(until),
        })
    }

    /// The bytes behind an address, JPEG, and until when it works.
    pub async fn file(
        &self,
        hotel: &HotelId,
        id: Uuid,
        variant: Variant,
        expires: i64,
        signature: &str,
    ) -> Result<(bytes::Bytes, DateTime<Utc>), Problem> {
        let now = Utc::now().timestamp();
        self.signer().await?.verify(hotel, id, variant, expires, signature, now).map_err(|error| {
            let code = match error {
                AddressError::Expired => ErrorCode::AddressExpired,
                AddressError::Altered => ErrorCode::AddressInvalid,
            };
            Problem::new(code, error.to_string())
        })?;
        let image = self.engines.store.hotel(hotel).image(id).await?.ok_or_else(image_not_found)?;
        let photo = image.photo.ok_or_else(image_not_found)?;
        let key = match variant {
            Variant::Picture => Some(photo.photo_key),
            Variant::Thumbnail => photo.thumbnail_key,
        };
        let key = key.and_then(|k| k.parse::<Key>().ok()).ok_or_else(image_not_found)?;
        match self.engines.media.get(&key).await {
            Ok(bytes) => Ok((bytes, DateTime::from_timestamp(expires, 0).unwrap_or_default())),
            Err(MediaError::NotFound { .. }) => Err(image_not_found()),
            Err(error) => Err(error.into()),
        }
    }

    /// One picture and what is known of it.
    pub async fn show(&self, hotel: &HotelId, id: Uuid) -> Result<ImageReport, Problem> {
        let image = self.engines.store.hotel(hotel).image(id).await?.ok_or_else(image_not_found)?;
        let links = self.links(hotel, id, image.photo.as_ref()).await?;
        Ok(ImageReport::new(image, links))
    }

    /// Removes a picture from tables, index and picture store. When this answers `complete`, nothing is left to find. A
    /// deletion that has begun is finished, whether or not the caller waits.
    pub async fn delete(
        self: &Arc<Self>,
        hotel: &HotelId,
        id: Uuid,
        actor: &str,
    ) -> Result<DeletedImage, Problem> {
        let (this, hotel, actor) = (Arc::clone(self), hotel.clone(), actor.to_owned());
        tokio::spawn(async move { this.forget(&hotel, id, &actor).await }.in_current_span()).await?
    }

    async fn forget(&self, hotel: &HotelId, id: Uuid, actor: &str) -> Result<DeletedImage, Problem> {
        let deleted = self.engines.store.hotel(hotel).delete_image(id, actor, Utc::now()).await?;
        let deleted = deleted.ok_or_else(image_not_found)?;
        // The rows are gone and the rest is queued: from here on the answer is a receipt, not an error.
        let carried: Result<(), CatchUpError> = async {
            self.catch_up().await?;
            self.faces.catch_up().await
        }
        .await;
        self.faces.deleted.notify_one();
        if let Err(error) = &carried {
            tracing::error!(%error, "a deletion is queued but not complete; the sweep goes on with it");
        }
        let complete = carried.is_ok();
        Ok(DeletedImage {
            success: true,
            complete,
            image_id: id,
            rows: deleted.rows,
            vectors: if complete { deleted.vectors } else { 0 },
            pictures: if complete { deleted.photo_keys.len() } else { 0 },
            matches: deleted.matches,
            event_id: deleted.event_id,
        })
    }
}
