//! Whether a picture is here already, or one that differs by its encoding, its size or a few seconds.

use std::collections::HashMap;

use innkeeper_core::{Embedding, HotelId};
use innkeeper_store::{Image, ImageCategory};
use innkeeper_vectors::{CATEGORY, Filter};
use innkeeper_visual_search::{PerceptualHash, near_duplicate};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{ImageGallery, Prepared};
use crate::problem::Problem;

/// How many of the nearest by vector, and by hash, are looked at.
const NEAREST: usize = 16;
/// Bits of the hash in which the nearest by hash may differ; the index over hashes finds no further ones.
const BITS: u32 = 3;

/// A picture like the one that came.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Duplicate {
    pub image_id: Uuid,
    /// Cosine of the two descriptors.
    pub similarity: f32,
    /// Bits in which the perceptual hashes differ, 0 to 64.
    pub distance: u32,
    /// The very same file.
    pub same_file: bool,
}

impl ImageGallery {
    /// The pictures of the category that this one nearly is, most alike first. Those whose vector is of another model are
    /// not compared.
    pub(super) async fn duplicates(
        &self,
        hotel: &HotelId,
        category: ImageCategory,
        picture: &Prepared,
    ) -> Result<Vec<Duplicate>, Problem> {
        let rows = self.engines.store.hotel(hotel);
        let by_hash = rows.near_images(picture.hash.0, BITS, &[category], NEAREST).await?;
        let filter = Filter::hotel(hotel).matching(CATEGORY, category.as_str());
        let by_vector = self.nearest(&picture.descriptor, &filter, 0, NEAREST).await?;
        let mut cosines: HashMap<Uuid, f32> = by_vector.into_iter().map(|hit| (hit.id, hit.score)).collect();
        let more: Vec<Uuid> = by_hash.iter().map(|n| n.id).filter(|id| !cosines.contains_key(id)).collect();
        for (id, stored) in rows.image_vectors(&more).await? {
            let stored = Embedding::normalised(stored.model, stored.vector)?;
            if let Ok(cosine) = picture.descriptor.cosine(&stored) {
                cosines.insert(id, cosine);
            }
        }
        let ids: Vec<Uuid> = cosines.keys().copied().collect();
        let mut found = Vec::new();
        for Image { id, photo, .. } in rows.images(&ids).await? {
            let (Some(photo), Some(&similarity)) = (photo, cosines.get(&id)) else { continue };
            let hash = PerceptualHash(photo.hash);
            let same_file = photo.sha256 == picture.sha256;
            if same_file || near_duplicate(&picture.hash, &hash, similarity) {
                let distance = picture.hash.distance(&hash);
                found.push(Duplicate { image_id: id, similarity, distance, same_file });
            }
        }
        found.sort_by(|a, b| b.similarity.total_cmp(&a.similarity).then(a.image_id.cmp(&b.image_id)));
        Ok(found)
    }
}
