//! A picture comes: looked at, compared with what is there, kept.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, SubsecRound, Utc};
use innkeeper_core::{ErrorCode, HotelId, WriteStage};
use innkeeper_identity::Principal;
use innkeeper_media::{Key, Variant};
use innkeeper_store::{Image, ImageCategory, ImagePhoto, ImageVector, MatchCandidate, NewImage, StoreError};
use serde::Serialize;
use serde_json::json;
use tracing::Instrument;
use utoipa::ToSchema;
use uuid::Uuid;

use super::answers::Links;
use super::duplicates::Duplicate;
use super::{ImageGallery, Known, Prepared};
use crate::problem::Problem;
use crate::service::lost_found::{Candidate, MatchReport};

/// What to do with a picture that is here already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum OnDuplicate {
    /// It is kept, and the answer names those it is like.
    #[default]
    Report,
    /// 409.
    Reject,
    /// The very same file is not kept twice under the same category, side and room: the answer names the picture that is
    /// here. For whoever sends again what may have arrived.
    Reuse,
}

/// A picture with what is known of it, or a report without one.
pub(crate) struct NewPicture {
    pub known: Known,
    pub picture: Option<Prepared>,
    pub on_duplicate: OnDuplicate,
}

/// A picture that was kept.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IndexAnswer {
    pub image_id: Uuid,
    #[schema(example = "room")]
    pub category: &'static str,
    /// When it was kept.
    pub upload_time: DateTime<Utc>,
    #[serde(flatten)]
    pub links: Links,
    /// Pictures of the category that this one nearly is; it is kept all the same.
    pub duplicates: Vec<Duplicate>,
    /// Lost or found things that this may be; each is told as the event `lost_found.matched` too.
    pub matches: Vec<MatchReport>,
    /// Of the kept picture, in pixels.
    pub width: Option<u32>,
    pub height: Option<u32>,
    /// Of lost property: as it was said, else the colour that dominates the picture, else null.
    pub colour: Option<String>,
    /// The model that computed its vector; null without a picture.
    pub model: Option<String>,
    /// With `on_duplicate=reuse`: this very file was kept before under the same category, side and room, and nothing was
    /// written now.
    pub already_there: bool,
    /// Whether searches by a picture find it now. False when the index could not be told: the picture is kept, and the index
    /// hears of it within half a minute, so do not send it again. Null without a picture.
    pub indexed: Option<bool>,
    /// The event `image.indexed`; null when nothing was written.
    pub event_id: Option<Uuid>,
}

impl ImageGallery {
    /// Keeps a picture. When this answers, it is on stable storage, and found by searches unless the answer says otherwise.
    /// What has begun is finished, whether or not the caller waits for the answer.
    pub async fn add(self: &Arc<Self>, caller: &Principal, new: NewPicture) -> Result<IndexAnswer, Problem> {
        let (this, hotel, actor) = (Arc::clone(self), caller.hotel.clone(), caller.subject.clone());
        let admit = async move { Box::pin(this.admit(&hotel, &actor, new)).await };
        tokio::spawn(admit.in_current_span()).await?
    }

    pub(crate) async fn admit(
        &self,
        hotel: &HotelId,
        actor: &str,
        new: NewPicture,
    ) -> Result<IndexAnswer, Problem> {
        let NewPicture { known, picture, on_duplicate } = new;
        let lost_found = known.category == ImageCategory::LostFound;
        // Two that come at once must see each other where one of them would be refused, or is what the other looks for.
        let _one = if lost_found || on_duplicate == OnDuplicate::Reject {
            let one = self.changes.of(hotel.clone()).await;
            self.catch_up().await?;
            Some(one)
        } else {
            None
        };
        let mut twin = None;
        if let Some(picture) = picture.as_ref().filter(|_| on_duplicate == OnDuplicate::Reuse) {
            twin = Some(self.twins.of((hotel.clone(), picture.sha256.clone())).await);
            if let Some(here) = self.same_file(hotel, &known, &picture.sha256).await? {
                return Ok(here);
            }
        }
        let duplicates = match &picture {
            Some(picture) => self.duplicates(hotel, known.category, picture).await?,
            None => Vec::new(),
        };
        if on_duplicate == OnDuplicate::Reject && !duplicates.is_empty() {
            let detail = "a picture like this one is here already";
            let told = json!(duplicates);
            return Err(Problem::new(ErrorCode::DuplicateImage, detail).with("duplicates", told));
        }
        let id = Uuid::now_v7();
        // As the tables keep it.
        let uploaded_at = Utc::now().trunc_subsecs(6);
        let (row, files) = Self::row(hotel, actor, id, uploaded_at, known, picture);
        let candidates =
            if lost_found { self.candidates(hotel, &row, row.vector.as_ref()).await? } else { Vec::new() };
        let (category, content) = (row.category, row.content.clone());
        let photo = row.photo.clone();
        let model = row.vector.as_ref().map(|v| v.model.to_string());
        let told: Vec<MatchCandidate> = candidates.iter().map(Candidate::row).collect();
        let rows = self.engines.store.hotel(hotel);
        // Before anything is written: from then on the answer says that the picture is kept.
        let links = self.links(hotel, id, photo.as_ref()).await?;
        let (added, carried) = Box::pin(self.keep_and_carry(files, rows.add_image(row, &told))).await?;
        drop(twin);
        Ok(IndexAnswer {
            image_id: id,
            category: category.as_str(),
            upload_time: uploaded_at,
            links,
            duplicates,
            matches: MatchReport::of_new(&added.matches, &candidates),
            width: content.width,
            height: content.height,
            colour: content.colour,
            model,
            already_there: false,
            indexed: photo.map(|_| carried),
            event_id: Some(added.event_id),
        })
    }

    /// The picture of the same category, side and room that was made from this very file, when there is one.
    pub async fn same_file(
        &self,
        hotel: &HotelId,
        known: &Known,
        sha256: &str,
    ) -> Result<Option<IndexAnswer>, Problem> {
        let rows = self.engines.store.hotel(hotel);
        let ids = rows.images_by_sha256(sha256, known.category).await?;
        let same = |image: &Image| image.side == known.side && image.room_number == known.room_number;
        let Some(image) = rows.images(&ids).await?.into_iter().find(same) else { return Ok(None) };
        Ok(Some(IndexAnswer {
            image_id: image.id,
            category: image.category.as_str(),
            upload_time: image.uploaded_at,
            links: self.links(hotel, image.id, image.photo.as_ref()).await?,
            duplicates: Vec::new(),
            matches: Vec::new(),
            width: image.content.width,
            height: image.content.height,
            colour: image.content.colour,
            model: image.model.map(|m| m.to_string()),
            already_there: true,
            indexed: Some(image.indexed),
            event_id: None,
        }))
    }

    /// The row of a new picture, and the files to write before it.
    pub(crate) fn row(
        hotel: &HotelId,
        actor: &str,
        id: Uuid,
        uploaded_at: DateTime<Utc>,
        known: Known,
        picture: Option<Prepared>,
    ) -> (NewImage, Vec<(Key, Bytes)>) {
        let Known { category, room_number, side, taken_at, mut content } = known;
        let mut files = Vec::new();
        let (mut photo, mut vector) = (None, None);
        if let Some(picture) = picture {
            content.width = Some(picture.width);
            content.height = Some(picture.height);
            content.bytes = Some(picture.jpeg.len() as u64);
            if category == ImageCategory::LostFound && content.colour.is_none() {
                content.colour = picture.colour.map(str::to_owned);
            }
            let [whole, small] =
                [Variant::Picture, Variant::Thumbnail].map(|variant| Key::of_image(hotel, id, variant));
            photo = Some(ImagePhoto {
                photo_key: whole.to_string(),
                thumbnail_key: Some(small.to_string()),
                sha256: picture.sha256,
                hash: picture.hash.0,
            });
            vector = Some(ImageVector {
                model: picture.descriptor.model().clone(),
                vector: picture.descriptor.into_vector(),
            });
            files = vec![(whole, picture.jpeg), (small, picture.thumbnail)];
        }
        let row = NewImage {
            id,
            category,
            room_number,
            side,
            uploaded_at,
            taken_at,
            created_by: actor.to_owned(),
            content,
            photo,
            vector,
        };
        (row, files)
    }

    /// Files, then rows, then the index: a row whose picture is missing could never move to another model, and what is left
    /// of a write that was cut off before its row is removed at the next start. `write` writes the row. Once it is written
    /// nothing fails any more, because whoever is told of a failure sends again.
    pub(crate) async fn keep<T>(
        &self,
        files: Vec<(Key, Bytes)>,
        write: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, Problem> {
        Ok(self.keep_and_carry(files, write).await?.0)
    }

    /// The same, and whether the index knows of it already; if not, the sweep tells it.
    async fn keep_and_carry<T>(
        &self,
        files: Vec<(Key, Bytes)>,
        write: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<(T, bool), Problem> {
        let keys: Vec<Key> = files.iter().map(|(key, _)| key.clone()).collect();
        let written: Result<T, Problem> = async {
            for (key, bytes) in files {
                self.engines.media.put(&key, bytes).await?;
                WriteStage::PictureWritten.reached();
            }
            Ok(write.await?)
        }
        .await;
        match written {
            Ok(written) => {
                let carried = self.catch_up().await;
                if let Err(error) = &carried {
                    tracing::error!(%error, "a picture is kept, but the index could not be told; the sweep goes on with it");
                }
                Ok((written, carried.is_ok()))
            }
            Err(problem) => {
                if let Err(error) = self.remove_strays(keys).await {
                    tracing::warn!(%error, "files of a picture that was not kept stay until the next start");
                }
                Err(problem)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use innkeeper_core::{Embedding, ModelRef};
    use innkeeper_store::ImageContent;
    use innkeeper_visual_search::PerceptualHash;

    use super::*;
    use crate::app::Engines;
    use crate::config::Settings;
    use crate::service::Gallery;

    #[tokio::test(flavor = "multi_thread")]
    async fn an_index_that_fails_after_the_row_is_written_makes_no_failure_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings::load(None).unwrap().with_data_dir(Some(folder.path().join("data")));
        let engines = Engines::open(&settings).await.unwrap();
        let gallery = ImageGallery::new(engines.clone(), Arc::new(Gallery::new(engines.clone())), &settings);
        let content = ImageContent::default();
        let known =
            Known { category: ImageCategory::Room, room_number: None, side: None, taken_at: None, content };
        let model = ModelRef::new("lite", "1").unwrap();
        let picture = Prepared {
            jpeg: Bytes::from_static(b"a picture"),
            thumbnail: Bytes::from_static(b"a small one"),
            width: 2,
            height: 1,
            sha256: "0".repeat(64),
            hash: PerceptualHash(7),
            descriptor: Embedding::normalised(model, vec![1.0, 0.0]).unwrap(),
            colour: None,
        };
        let (hotel, id) = ("h1".parse().unwrap(), Uuid::now_v7());
        let at = Utc::now().trunc_subsecs(6);
        let (row, files) = ImageGallery::row(&hotel, "staff", id, at, known, Some(picture));
        let rows = engines.store.hotel(&hotel);
        let write = async {
            // In the very moment of the commit the index goes away.
            engines.vectors.close().await.unwrap();
            rows.add_image(row, &[]).await
        };
        let (_, carried) = Box::pin(gallery.keep_and_carry(files, write))
            .await
            .expect("whoever is told of a failure sends again");
        assert!(!carried, "the index cannot know of it");
        let image = rows.image(id).await.unwrap().expect("it is kept");
        assert!(!image.indexed);
        assert_eq!(
            engines.store.pending_image_vectors(9).await.unwrap().len(),
            1,
            "the sweep has nothing to do"
        );
        assert_eq!(engines.media.list(&innkeeper_media::Prefix::every_hotel()).await.unwrap().len(), 2);
    }
}
