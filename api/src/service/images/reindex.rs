//! From one model of descriptors to another: every kept picture is described anew.

use std::sync::Arc;

use chrono::Utc;
use innkeeper_core::{HotelId, Picture};
use innkeeper_media::{Key, MediaError};
use innkeeper_runtime::Ticket;
use innkeeper_store::{ImageVector, Undescribed};
use serde::Serialize;
use uuid::Uuid;

use super::ImageGallery;
use crate::admission::Admission;
use crate::config::Images;
use crate::problem::Problem;
use crate::service::Visual;

/// Pictures that are asked for at once.
const BATCH: usize = 128;

/// What became of one picture.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Reindexing {
    pub hotel: HotelId,
    pub image_id: Uuid,
    /// Why it still has the vector of the former model; null when it has one of the running model.
    pub problem: Option<String>,
}

impl ImageGallery {
    /// Describes every kept picture that has no vector of the running model, one after the other, and tells of each.
    pub async fn reindex(
        &self,
        visual: &Arc<Visual>,
        settings: &Images,
        admission: &Admission,
        mut told: impl FnMut(Reindexing),
    ) -> Result<usize, Problem> {
        let model = visual.describer.model();
        let (mut after, mut moved) = (None, 0);
        loop {
            let batch = self.engines.store.images_without(&model, after, BATCH).await?;
            let Some(last) = batch.last() else { break };
            after = Some(last.image_id);
            for Undescribed { hotel, image_id: id, photo_key } in batch {
                let problem =
                    match self.describe_again(visual, settings, admission, &hotel, id, &photo_key).await {
                        Ok(()) => None,
                        // The process ends or is overloaded: nothing is wrong with the picture.
                        Err(problem) if problem.retry_after.is_some() => return Err(problem),
                        Err(problem) => Some(problem.detail),
                    };
                moved += usize::from(problem.is_none());
                told(Reindexing { hotel, image_id: id, problem });
            }
            self.catch_up().await?;
        }
        self.catch_up().await?;
        Ok(moved)
    }

    async fn describe_again(
        &self,
        visual: &Arc<Visual>,
        settings: &Images,
        admission: &Admission,
        hotel: &HotelId,
        id: Uuid,
        photo_key: &str,
    ) -> Result<(), Problem> {
        let missing = || super::image_not_found();
        let key: Key = photo_key.parse().map_err(|_| missing())?;
        let bytes = match self.engines.media.get(&key).await {
            Ok(bytes) => bytes,
            Err(MediaError::NotFound { .. }) => return Err(missing()),
            Err(error) => return Err(error.into()),
        };
        let (visual, limits) = (Arc::clone(visual), settings.limits());
        let describe = move |ticket: &Ticket| {
            let picture = Picture::decode(&bytes, &limits)?;
            Ok(visual.describer.describe(&picture, ticket)?.descriptor)
        };
        let descriptor = admission.run(describe).await?;
        let vector = ImageVector { model: descriptor.model().clone(), vector: descriptor.into_vector() };
        self.engines.store.hotel(hotel).replace_image_vector(id, &vector, Utc::now()).await?;
        Ok(())
    }
}
