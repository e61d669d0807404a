//! From the tables to the index: what is queued, and what a start finds missing or left over.

use std::collections::{BTreeMap, HashMap, HashSet};

use innkeeper_core::{HotelId, ModelRef};
use innkeeper_media::{Key, Prefix};
use innkeeper_store::{ImageVectorChange, ImageVectorTask, IndexedImage};
use innkeeper_vectors::{CATEGORY, Collection, Filter, ROOM_NUMBER, SIDE, TAGS, UPLOADED_AT, VectorPoint};
use uuid::Uuid;

use super::ImageGallery;
use crate::service::gallery::CatchUpError;

/// Changes that are carried to the index at once.
const BATCH: usize = 256;

/// A point of the index: the vector, veiled, and what is filtered by.
fn point(id: Uuid, hotel: &HotelId, veiled: Vec<f32>, image: &IndexedImage) -> VectorPoint {
    let category = image.category.as_str();
    let mut point = VectorPoint::new(id, veiled, hotel, category)
        .with(CATEGORY, category)
        .with(TAGS, image.tags.clone())
        .with(UPLOADED_AT, image.uploaded_at.timestamp_micros());
    if let Some(room) = &image.room_number {
        point = point.with(ROOM_NUMBER, room.as_str());
    }
    if let Some(side) = image.side {
        point = point.with(SIDE, side.as_str());
    }
    point
}

impl ImageGallery {
    /// Carries what the tables queued to the index. Safe to repeat and to interrupt. Many that come at once are carried
    /// together by the first of them.
    pub async fn catch_up(&self) -> Result<(), CatchUpError> {
        let _one = self.carrier.lock().await;
        loop {
            let tasks = self.engines.store.pending_image_vectors(BATCH).await?;
            if tasks.is_empty() {
                return Ok(());
            }
            self.carry(tasks).await?;
        }
    }

    async fn carry(&self, tasks: Vec<ImageVectorTask>) -> Result<(), CatchUpError> {
        let name = self.collection_name().await?;
        let known = self.engines.vectors.collections().await?;
        let mut upserts: BTreeMap<(ModelRef, usize), Vec<VectorPoint>> = BTreeMap::new();
        let mut deletes: BTreeMap<ModelRef, Vec<Uuid>> = BTreeMap::new();
        for task in tasks {
            match task.kind {
                ImageVectorChange::Upsert(image) => {
                    let dimension = image.vector.len();
                    let veiled = self.veil(dimension).await?.apply(&image.vector)?;
                    let point = point(task.image_id, &task.hotel, veiled, &image);
                    upserts.entry((task.model, dimension)).or_default().push(point);
                }
                ImageVectorChange::Delete => deletes.entry(task.model).or_default().push(task.image_id),
            }
        }
        for (model, ids) in deletes {
            if let Some(c) = known.iter().find(|c| c.name() == name && *c.model() == model) {
                self.engines.vectors.delete(c, &ids).await?;
            }
            self.engines.store.image_vectors_done(&model, &[], &ids).await?;
        }
        for ((model, dimension), points) in upserts {
            let collection = Collection::new(&name, model.clone(), dimension)?;
            self.engines.vectors.ensure(&collection).await?;
            let ids: Vec<Uuid> = points.iter().map(|p| p.id).collect();
            self.engines.vectors.upsert(&collection, points).await?;
            self.engines.store.image_vectors_done(&model, &ids, &[]).await?;
            // Deleted by another process while they were written.
            let gone = self.engines.store.without_image_vector(&model, &ids).await?;
            if !gone.is_empty() {
                self.engines.vectors.delete(&collection, &gone).await?;
            }
        }
        Ok(())
    }

    /// Brings index and files in line with the tables after a start: vectors and files without a row go, rows without a
    /// vector get one. Whether these are the right tables has been asked before.
    pub async fn reconcile(&self) -> Result<(), CatchUpError> {
        let name = self.collection_name().await?;
        let mut indexed = self.engines.vectors.collections().await?;
        indexed.retain(|c| c.name() == name);
        let models = self.engines.store.image_models().await?;
        let mut models: HashSet<ModelRef> = models.into_iter().map(|(model, _)| model).collect();
        models.extend(indexed.iter().map(|c| c.model().clone()));
        for model in models {
            let found = indexed.iter().find(|c| *c.model() == model);
            // Vectors first: what another process indexes meanwhile has a row by the time rows are read.
            let vectors: HashSet<Uuid> = match found {
                Some(c) => self.engines.vectors.ids(c, &Filter::every_hotel()).await?.into_iter().collect(),
                None => HashSet::new(),
            };
            let rows = self.engines.store.all_image_ids(&model).await?;
            let rows: HashSet<Uuid> = rows.into_iter().map(|(id, _)| id).collect();
            let orphans: Vec<Uuid> = vectors.difference(&rows).copied().collect();
            let missing: Vec<Uuid> = rows.difference(&vectors).copied().collect();
            if let Some(c) = found.filter(|_| !orphans.is_empty()) {
                tracing::warn!(%model, vectors = orphans.len(), "removing vectors of pictures without a row");
                self.engines.vectors.delete(c, &orphans).await?;
            }
            if !missing.is_empty() {
                tracing::warn!(%model, images = missing.len(), "indexing pictures without a vector");
                self.engines.store.requeue_image_vectors(&model, &missing).await?;
            }
        }
        self.catch_up().await?;
        self.remove_strays(self.engines.media.list(&Prefix::every_hotel()).await?).await
    }

    /// Removes those of these files that no row names. A picture is written before its row, so that whoever is told of it
    /// finds both; what is left of one that was cut off goes here.
    pub(crate) async fn remove_strays(&self, keys: Vec<Key>) -> Result<(), CatchUpError> {
        let mut of_hotels: HashMap<HotelId, Vec<Key>> = HashMap::new();
        for key in keys {
            if let Ok((hotel, ..)) = key.image_parts() {
                of_hotels.entry(hotel).or_default().push(key);
            }
        }
        for (hotel, keys) in of_hotels {
            let kept = self.engines.store.hotel(&hotel).image_media_keys().await?;
            let strays: Vec<&Key> = keys.iter().filter(|key| !kept.contains(key.as_str())).collect();
            for stray in strays {
                tracing::warn!("removing a picture without a row");
                self.engines.media.delete(stray).await?;
            }
        }
        Ok(())
    }

    /// Rewrites what still holds bytes of deleted vectors, and lays out those that came since, where it is worth it.
    pub async fn scrub(&self) -> Result<(), CatchUpError> {
        let name = self.collection_name().await?;
        for collection in self.engines.vectors.collections().await? {
            if collection.name() != name {
                continue;
            }
            let state = self.engines.vectors.state(&collection).await?;
            if state.needs_optimize && !self.faces.wrote_lately(&collection, state.points) {
                self.engines.vectors.optimize(&collection).await?;
            }
        }
        Ok(())
    }
}
