//! Who is enrolled: rows in the tables, vectors in the index, photos in the picture store, and what keeps
//! the three in line. Rows are the truth; the index is derived from them. Works without any model, so that
//! a person can be removed from a server that cannot recognise anybody.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, PoisonError};

use chrono::Utc;
use innkeeper_core::{EmployeeId, ErrorCode, HotelId, ModelRef};
use innkeeper_media::{Key, Prefix};
use innkeeper_store::{StoreError, VectorChange, VectorTask};
use innkeeper_vectors::{Collection, Filter, VectorError, VectorPoint};
use tokio::sync::{Mutex, MutexGuard, Notify};
use tracing::Instrument;
use uuid::Uuid;

use super::answers::{DeletedAnswer, EmbeddingAnswer, TemplateReport};
use crate::app::{Engines, StartError};
use crate::problem::Problem;

/// Name of the index collections that hold faces; one per embedder.
pub(super) const COLLECTION: &str = "faces";
/// Changes that are carried to the index at once.
const BATCH: usize = 512;

/// Leftovers could not be cleared.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CatchUpError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Vectors(#[from] VectorError),
    #[error(transparent)]
    Media(#[from] innkeeper_media::MediaError),
}

impl From<CatchUpError> for Problem {
    fn from(error: CatchUpError) -> Self {
        match error {
            // A busy database is worth another attempt, not an alarm.
            CatchUpError::Store(error) => error.into(),
            other => Self::internal(&other),
        }
    }
}

impl From<CatchUpError> for StartError {
    fn from(error: CatchUpError) -> Self {
        match error {
            CatchUpError::Store(e) => e.into(),
            CatchUpError::Vectors(e) => e.into(),
            CatchUpError::Media(e) => e.into(),
        }
    }
}

/// The enrolled people of every hotel of this process.
pub(crate) struct Gallery {
    pub(super) engines: Engines,
    /// One change of the gallery at a time: two enrolments of one face under two names must see each other.
    changes: Mutex<()>,
    /// One carrier between tables and index at a time.
    carrier: Mutex<()>,
    /// Collections whose files still hold bytes of deleted vectors.
    stale: std::sync::Mutex<HashSet<Collection>>,
    /// Wakes whoever rewrites them.
    pub deleted: Notify,
}

impl Gallery {
    pub fn new(engines: Engines) -> Self {
        Self {
            engines,
            changes: Mutex::new(()),
            carrier: Mutex::new(()),
            stale: std::sync::Mutex::default(),
            deleted: Notify::new(),
        }
    }

    /// Waits for other changes of the gallery to end, and keeps further ones waiting.
    pub(super) async fn change(&self) -> MutexGuard<'_, ()> {
        self.changes.lock().await
    }

    /// Brings the index in line with the tables after a start: vectors without a row go, rows without a
    /// vector get one.
    pub async fn reconcile(&self) -> Result<(), CatchUpError> {
        let indexed = self.engines.vectors.collections().await?;
        // A crash may have come between a deletion and the rewriting; the index knows whether there is work.
        self.mark_stale(indexed.iter().filter(|c| c.name() == COLLECTION).cloned());
        let mut models: HashSet<ModelRef> =
            self.engines.store.template_models().await?.into_iter().map(|(m, _)| m).collect();
        models.extend(indexed.iter().filter(|c| c.name() == COLLECTION).map(|c| c.model().clone()));
        for model in models {
            let rows: HashSet<Uuid> =
                self.engines.store.all_template_ids(&model).await?.into_iter().map(|(id, _)| id).collect();
            let found = indexed.iter().find(|c| c.name() == COLLECTION && *c.model() == model);
            let vectors: HashSet<Uuid> = match found {
                Some(c) => self.engines.vectors.ids(c, &Filter::every_hotel()).await?.into_iter().collect(),
                None => HashSet::new(),
            };
            let orphans: Vec<Uuid> = vectors.difference(&rows).copied().collect();
            let missing: Vec<Uuid> = rows.difference(&vectors).copied().collect();
            if let Some(c) = found.filter(|_| !orphans.is_empty()) {
                tracing::warn!(model = %model, vectors = orphans.len(), "removing vectors without a row");
                self.engines.vectors.delete(c, &orphans).await?;
                self.mark_stale([c.clone()]);
            }
            if !missing.is_empty() {
                tracing::warn!(model = %model, templates = missing.len(), "indexing templates without a vector");
                self.engines.store.requeue_vectors(&missing).await?;
            }
        }
        self.catch_up().await
    }

    /// Carries what the tables queued to the index and the picture store. Safe to repeat and to interrupt.
    pub async fn catch_up(&self) -> Result<(), CatchUpError> {
        let _one = self.carrier.lock().await;
        loop {
            let tasks = self.engines.store.pending_vectors(BATCH).await?;
            if tasks.is_empty() {
                break;
            }
            self.carry(tasks).await?;
        }
        loop {
            let tasks = self.engines.store.media_deletes(BATCH).await?;
            if tasks.is_empty() {
                return Ok(());
            }
            for task in &tasks {
                match task.photo_key.parse::<Key>() {
                    Ok(key) => self.engines.media.delete(&key).await?,
                    // A key we did not write names nothing of ours.
                    Err(error) => tracing::warn!(%error, "a queued picture has no usable key"),
                }
            }
            self.engines.store.media_deleted(&tasks).await?;
        }
    }

    fn mark_stale(&self, collections: impl IntoIterator<Item = Collection>) {
        self.stale.lock().unwrap_or_else(PoisonError::into_inner).extend(collections);
    }

    /// Rewrites files that still hold bytes of what was deleted: the index marks vectors as gone, and the
    /// database keeps old pages until its log is cut.
    pub async fn scrub(&self) -> Result<(), CatchUpError> {
        let stale = std::mem::take(&mut *self.stale.lock().unwrap_or_else(PoisonError::into_inner));
        let mut failed = Ok(());
        for collection in stale {
            if let Err(error) = self.engines.vectors.optimize(&collection).await {
                failed = Err(error.into());
                self.mark_stale([collection]);
            }
        }
        if !self.engines.store.scrub().await? {
            tracing::debug!("the database log is being read; the next round cuts it");
        }
        failed
    }

    async fn carry(&self, tasks: Vec<VectorTask>) -> Result<(), CatchUpError> {
        let known = self.engines.vectors.collections().await?;
        let mut upserts: BTreeMap<(ModelRef, usize), Vec<VectorPoint>> = BTreeMap::new();
        let mut deletes: BTreeMap<ModelRef, Vec<Uuid>> = BTreeMap::new();
        for task in tasks {
            match task.kind {
                VectorChange::Upsert { employee, vector } => upserts
                    .entry((task.model, vector.len()))
                    .or_default()
                    .push(VectorPoint::new(task.template_id, vector, &task.hotel, employee.as_str())),
                VectorChange::Delete => deletes.entry(task.model).or_default().push(task.template_id),
            }
        }
        for (model, ids) in deletes {
            if let Some(c) = known.iter().find(|c| c.name() == COLLECTION && *c.model() == model) {
                self.engines.vectors.delete(c, &ids).await?;
                self.mark_stale([c.clone()]);
            }
            self.engines.store.vectors_done(&[], &ids).await?;
        }
        for ((model, dimension), points) in upserts {
            let collection = Collection::new(COLLECTION, model, dimension)?;
            self.engines.vectors.ensure(&collection).await?;
            let ids: Vec<Uuid> = points.iter().map(|p| p.id).collect();
            self.engines.vectors.upsert(&collection, points).await?;
            self.engines.store.vectors_done(&ids, &[]).await?;
        }
        Ok(())
    }

    /// The employee's templates.
    pub async fn templates(
        &self,
        hotel: &HotelId,
        employee: &EmployeeId,
    ) -> Result<EmbeddingAnswer, Problem> {
        let rows = self.engines.store.hotel(hotel);
        let profile = rows.employee(employee).await?;
        let templates = rows.templates(employee).await?;
        let Some(profile) = profile.filter(|_| !templates.is_empty()) else {
            return Err(not_enrolled(employee));
        };
        Ok(EmbeddingAnswer {
            employee_id: employee.to_string(),
            name: profile.name,
            department: profile.department,
            templates: templates
                .into_iter()
                .map(|t| TemplateReport {
                    template_id: t.id,
                    model: t.model.to_string(),
                    quality: t.quality,
                    created_at: t.created_at,
                    vector: t.vector,
                })
                .collect(),
        })
    }

    /// Removes a person from tables, index and pictures. When this answers `complete`, nothing is left to
    /// find. A deletion that has begun is finished, whether or not the caller waits for the answer.
    pub async fn delete(
        self: &Arc<Self>,
        hotel: &HotelId,
        employee: &EmployeeId,
        actor: &str,
    ) -> Result<DeletedAnswer, Problem> {
        let (this, hotel, employee) = (Arc::clone(self), hotel.clone(), employee.clone());
        let actor = actor.to_owned();
        tokio::spawn(async move { this.forget(&hotel, &employee, &actor).await }.in_current_span()).await?
    }

    async fn forget(
        &self,
        hotel: &HotelId,
        employee: &EmployeeId,
        actor: &str,
    ) -> Result<DeletedAnswer, Problem> {
        let _one = self.change().await;
        let before = self.vectors_of(hotel, employee).await?;
        let deleted = self.engines.store.hotel(hotel).delete_person(employee, actor, Utc::now()).await?;
        let Some(deleted) = deleted else { return Err(not_enrolled(employee)) };
        // The rows are gone and the rest is queued: from here on the answer is a receipt, not an error.
        let carried = self.catch_up().await;
        self.deleted.notify_one();
        let left = self.vectors_of(hotel, employee).await;
        let pictures = self.engines.media.delete_all(&Prefix::faces_of(hotel, employee)).await;
        let complete = carried.is_ok() && pictures.is_ok() && matches!(left, Ok(0));
        if !complete {
            tracing::error!(
                ?carried,
                ?pictures,
                "a deletion is queued but not complete; the sweep goes on with it"
            );
        }
        Ok(DeletedAnswer {
            success: true,
            complete,
            employee_id: employee.to_string(),
            templates: deleted.templates.len(),
            vectors: before.saturating_sub(left.unwrap_or(before)),
            photos: if complete { deleted.photo_keys.len() } else { 0 },
            consents: deleted.consents,
            attendance_rows: deleted.attendance_rows,
            event_id: deleted.event_id,
        })
    }

    /// How many vectors the index holds of a person, over all models.
    async fn vectors_of(&self, hotel: &HotelId, employee: &EmployeeId) -> Result<usize, VectorError> {
        let filter = Filter::hotel(hotel).owner(employee.as_str());
        let mut count = 0;
        for collection in self.engines.vectors.collections().await? {
            if collection.name() == COLLECTION {
                count += self.engines.vectors.count(&collection, &filter).await?;
            }
        }
        Ok(count)
    }

    /// The models other than `here` that hold templates of this hotel.
    pub(super) async fn foreign_models(
        &self,
        hotel: &HotelId,
        here: &ModelRef,
    ) -> Result<Vec<String>, StoreError> {
        let others = self.engines.store.hotel(hotel).other_models(here).await?;
        Ok(others.iter().map(ModelRef::to_string).collect())
    }
}

fn not_enrolled(employee: &EmployeeId) -> Problem {
    Problem::new(ErrorCode::EmployeeNotEnrolled, format!("no face of {employee} is enrolled"))
}
