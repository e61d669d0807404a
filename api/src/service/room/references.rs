//! The reference photos of rooms, ready to be compared with.

use std::sync::Arc;

use bytes::Bytes;
use innkeeper_core::{DecodeLimits, HotelId, ModelRef, Picture, RoomNumber};
use innkeeper_image_embedding::{Features, ImageEmbedder};
use innkeeper_media::{Key, MediaError};
use innkeeper_room::Reference;
use innkeeper_runtime::Ticket;
use innkeeper_store::Image;
use uuid::Uuid;

use crate::app::{App, Engines};
use crate::problem::Problem;
use crate::service::weighted_cache::WeightedCache;

/// A reference photo as the comparison needs it.
#[derive(Clone)]
struct Known {
    picture: Arc<Picture>,
    features: Arc<Features>,
}

impl Known {
    fn bytes(&self) -> usize {
        let cells = self.features.rows() * self.features.columns() * self.features.channels();
        self.picture.rgb().len() + 4 * (cells + self.features.channels())
    }
}

/// A reference photo on its way into a computing thread.
pub(super) struct Found {
    id: Uuid,
    how: Held,
}

enum Held {
    Known(Known),
    Bytes(Bytes),
}

type Place = (HotelId, Uuid, ModelRef);

/// Reference photos of every hotel of this process, decoded and looked at once as long as there is room.
pub(super) struct References {
    cache: Arc<WeightedCache<Place, Known>>,
}

impl References {
    pub fn new(mebibytes: usize) -> Self {
        Self { cache: Arc::new(WeightedCache::new(mebibytes << 20)) }
    }

    /// What there is of a room: from memory, else the bytes of the photos.
    pub async fn find(
        &self,
        engines: &Engines,
        hotel: &HotelId,
        room: &RoomNumber,
        model: &ModelRef,
    ) -> Result<Vec<Found>, Problem> {
        let mut found = Vec::new();
        for Image { id, photo, .. } in engines.store.hotel(hotel).references(room).await? {
            let place = (hotel.clone(), id, model.clone());
            if let Some(known) = self.cache.get(&place) {
                metrics::counter!("innkeeper_reference_cache_total", "outcome" => "hit").increment(1);
                found.push(Found { id, how: Held::Known(known) });
                continue;
            }
            metrics::counter!("innkeeper_reference_cache_total", "outcome" => "miss").increment(1);
            let Some(key) = photo.and_then(|photo| photo.photo_key.parse::<Key>().ok()) else { continue };
            match engines.media.get(&key).await {
                Ok(bytes) => found.push(Found { id, how: Held::Bytes(bytes) }),
                // It is being removed, or an interrupted removal left the row.
                Err(MediaError::NotFound { .. }) => {
                    tracing::warn!(reference = %id, "a reference photo has no picture; it is passed over");
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(found)
    }

    /// What makes references of what was found, on a computing thread.
    pub fn opener(&self, hotel: &HotelId, limits: DecodeLimits) -> Opener {
        Opener { cache: Arc::clone(&self.cache), hotel: hotel.clone(), limits }
    }

    /// Forgets a removed photo.
    pub fn forget(&self, hotel: &HotelId, id: Uuid, model: &ModelRef) {
        self.cache.remove(&(hotel.clone(), id, model.clone()));
    }
}

/// Decodes and embeds reference photos that are not in memory.
pub(super) struct Opener {
    cache: Arc<WeightedCache<Place, Known>>,
    hotel: HotelId,
    limits: DecodeLimits,
}

impl Opener {
    /// References ready to be compared with. One that cannot be decoded is passed over and logged: the photo was
    /// good when it was kept, and the others still are.
    pub fn open(
        &self,
        found: Vec<Found>,
        embedder: &ImageEmbedder,
        ticket: &Ticket,
    ) -> Result<Vec<Reference>, Problem> {
        let mut references = Vec::with_capacity(found.len());
        for Found { id, how } in found {
            let known = match how {
                Held::Known(known) => known,
                Held::Bytes(bytes) => {
                    let picture = match Picture::decode(&bytes, &self.limits) {
                        Ok(picture) => Arc::new(picture),
                        Err(error) => {
                            tracing::error!(%error, reference = %id, "a reference photo cannot be decoded");
                            continue;
                        }
                    };
                    let features = Arc::new(embedder.features(&picture, ticket)?);
                    let known = Known { picture, features };
                    let place = (self.hotel.clone(), id, embedder.model());
                    self.cache.put(place, known.clone(), known.bytes());
                    known
                }
            };
            references.push(Reference {
                id: id.to_string(),
                picture: known.picture,
                features: known.features,
            });
        }
        Ok(references)
    }
}

impl super::RoomDesk {
    /// Takes what memory holds of a reference photo that was removed as a picture; any other picture is fine.
    pub fn forget_reference(&self, app: &App, hotel: &HotelId, id: Uuid) {
        if let Ok(visual) = app.visual() {
            self.references.forget(hotel, id, &visual.embedder.model());
        }
    }
}
