//! Who is enrolled: rows in the tables, vectors in the index, photos in the picture store, and what keeps
//! the three in line. Rows are the truth; the index is derived from them. Works without any model, so that
//! a person can be removed from a server that cannot recognise anybody.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use chrono::Utc;
use innkeeper_core::{EmployeeId, ErrorCode, HotelId, ModelRef, WriteStage};
use innkeeper_media::{Key, Prefix};
use innkeeper_store::{StoreError, VectorChange, VectorTask};
use innkeeper_vectors::{Collection, Filter, VectorError, VectorPoint, Veil};
use tokio::sync::{Mutex, MutexGuard, Notify};
use tracing::Instrument;
use uuid::Uuid;

use super::answers::{DeletedAnswer, EmbeddingAnswer, TemplateReport};
use super::recent::RecentAnswers;
use crate::app::{Engines, StartError};
use crate::problem::Problem;

/// Name of the index collections that hold faces; one per embedder.
pub(super) const COLLECTION: &str = "veiled-faces";
/// Their name before vectors were veiled; what is left of them goes at the next start.
const UNVEILED: &str = "faces";
/// Name of the secret that turns vectors before they reach the index.
const VEIL: &str = "vector-veil";
/// How long the number of a hotel's templates is believed.
const COUNTED: Duration = Duration::from_secs(30);
/// From so many vectors on, rewriting a collection takes seconds in which nobody can be enrolled...
const LARGE: usize = 20_000;
/// ... and is done no more often than this. Deleted vectors are never found meanwhile; their bytes wait.
const REWRITE_EVERY: Duration = Duration::from_mins(10);
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
    /// Wakes whoever rewrites them.
    pub deleted: Notify,
    /// The faces of recent answers.
    pub(super) recent: RecentAnswers,
    /// When each collection was rewritten last.
    written: std::sync::Mutex<HashMap<Collection, Instant>>,
    veils: Mutex<HashMap<usize, Arc<Veil>>>,
    sizes: std::sync::Mutex<HashMap<(Collection, HotelId), (Instant, usize)>>,
}

impl Gallery {
    pub fn new(engines: Engines) -> Self {
        Self {
            engines,
            changes: Mutex::new(()),
            carrier: Mutex::new(()),
            deleted: Notify::new(),
            recent: RecentAnswers::default(),
            written: std::sync::Mutex::default(),
            veils: Mutex::default(),
            sizes: std::sync::Mutex::default(),
        }
    }

    /// What turns vectors of this length on their way to the index, and probes on their way to a search.
    pub(super) async fn veil(&self, dimension: usize) -> Result<Arc<Veil>, StoreError> {
        let mut veils = self.veils.lock().await;
        if let Some(veil) = veils.get(&dimension) {
            return Ok(Arc::clone(veil));
        }
        let veil = Arc::new(Veil::new(&self.engines.store.secret(VEIL).await?, dimension));
        veils.insert(dimension, Arc::clone(&veil));
        Ok(veil)
    }

    /// How many templates of a collection a hotel has, at most half a minute ago.
    pub(super) async fn size(&self, collection: &Collection, hotel: &HotelId) -> Result<usize, VectorError> {
        let key = (collection.clone(), hotel.clone());
        let known = self.sizes.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied();
        if let Some((_, size)) = known.filter(|(at, _)| at.elapsed() < COUNTED) {
            return Ok(size);
        }
        let size = self.engines.vectors.count(collection, &Filter::hotel(hotel)).await?;
        self.sizes.lock().unwrap_or_else(PoisonError::into_inner).insert(key, (Instant::now(), size));
        Ok(size)
    }

    /// Waits for other changes of the gallery to end, and keeps further ones waiting.
    pub(super) async fn change(&self) -> MutexGuard<'_, ()> {
        self.changes.lock().await
    }

    /// Brings the index in line with the tables after a start: vectors without a row go, rows without a
    /// vector get one.
    pub async fn reconcile(&self) -> Result<(), CatchUpError> {
        let mut indexed = self.engines.vectors.collections().await?;
        for plain in indexed.extract_if(.., |c| c.name() == UNVEILED) {
            tracing::warn!(collection = %plain, "removing vectors of a version that did not veil them");
            self.engines.vectors.drop_collection(&plain).await?;
        }
        let mut templates: HashSet<Uuid> = HashSet::new();
        let mut models: HashSet<ModelRef> =
            self.engines.store.template_models().await?.into_iter().map(|(m, _)| m).collect();
        models.extend(indexed.iter().filter(|c| c.name() == COLLECTION).map(|c| c.model().clone()));
        for model in models {
            let rows: HashSet<Uuid> =
                self.engines.store.all_template_ids(&model).await?.into_iter().map(|(id, _)| id).collect();
            templates.extend(&rows);
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
            }
            if !missing.is_empty() {
                tracing::warn!(model = %model, templates = missing.len(), "indexing templates without a vector");
                self.engines.store.requeue_vectors(&missing).await?;
            }
        }
        self.catch_up().await?;
        // Most pictures have the id of their template; only the others are looked up.
        let mut strays = self.engines.media.list(&Prefix::every_hotel()).await?;
        strays.retain(|key| key.parts().is_ok_and(|(.., photo)| !templates.contains(&photo)));
        self.remove_strays(&strays).await
    }

    /// Removes those of these pictures that no template has. An enrolment writes pictures before rows, so that
    /// whoever is told of it finds both; what is left of one that was cut off goes here.
    pub(super) async fn remove_strays(&self, keys: &[Key]) -> Result<(), CatchUpError> {
        for key in keys {
            // A key we did not write names nothing of ours.
            let Ok((hotel, employee, _)) = key.parts() else { continue };
            let templates = self.engines.store.hotel(&hotel).templates(&employee).await?;
            if !templates.iter().any(|t| t.photo_key.as_deref() == Some(key.as_str())) {
                tracing::warn!("removing a picture without a template");
                self.engines.media.delete(key).await?;
            }
        }
        Ok(())
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
                    Ok(key) => {
                        self.engines.media.delete(&key).await?;
                        WriteStage::PictureRemoved.reached();
                    }
                    // A key we did not write names nothing of ours.
                    Err(error) => tracing::warn!(%error, "a queued picture has no usable key"),
                }
            }
            self.engines.store.media_deleted(&tasks).await?;
        }
    }

    /// Rewrites files that still hold bytes of what was deleted, and lays out vectors that came since: the index
    /// says whether it is worth it. The database keeps old pages until its log is cut.
    pub async fn scrub(&self) -> Result<(), CatchUpError> {
        let mut failed = Ok(());
        for collection in self.engines.vectors.collections().await? {
            let state = self.engines.vectors.state(&collection).await?;
            if !state.needs_optimize || self.wrote_lately(&collection, state.points) {
                continue;
            }
            if let Err(error) = self.engines.vectors.optimize(&collection).await {
                failed = Err(error.into());
            }
        }
        if !self.engines.store.scrub().await? {
            tracing::debug!("the database log is being read; the next round cuts it");
        }
        failed
    }

    /// Whether a collection so large that its rewriting holds up enrolments was rewritten a while ago. Otherwise
    /// it counts as rewritten now.
    fn wrote_lately(&self, collection: &Collection, points: usize) -> bool {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let lately = written.get(collection).is_some_and(|at| at.elapsed() < REWRITE_EVERY);
        if points > LARGE && lately {
            return true;
        }
        written.insert(collection.clone(), Instant::now());
        false
    }

    /// Seals whatever is plain or sealed by an older key again, in short steps. How many rows and pictures.
    pub async fn seal_again(&self) -> Result<u64, CatchUpError> {
        let mut sealed = 0;
        loop {
            match self.engines.store.reseal(BATCH).await? {
                0 => break,
                rows => sealed += rows,
            }
        }
        let mut from = None;
        loop {
            let step = self.engines.media.reseal(from.as_ref(), BATCH).await?;
            sealed += step.resealed as u64;
            if step.unreadable > 0 {
                tracing::error!(
                    pictures = step.unreadable,
                    "pictures cannot be opened with any key of the ring"
                );
            }
            from = step.next;
            if from.is_none() {
                return Ok(sealed);
            }
        }
    }

    /// Forgets unknown faces whose time is over, and the oldest of a hotel that has too many.
    pub async fn forget_old_unknown(&self, max_kept: usize) -> Result<(), CatchUpError> {
        self.engines.store.expire_unknown(Utc::now()).await?;
        for hotel in self.engines.store.hotels().await? {
            self.engines.store.keep_newest_unknown(&hotel, max_kept).await?;
        }
        Ok(())
    }

    async fn carry(&self, tasks: Vec<VectorTask>) -> Result<(), CatchUpError> {
        let known = self.engines.vectors.collections().await?;
        self.sizes.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let mut upserts: BTreeMap<(ModelRef, usize), Vec<VectorPoint>> = BTreeMap::new();
        let mut deletes: BTreeMap<ModelRef, Vec<Uuid>> = BTreeMap::new();
        for task in tasks {
            match task.kind {
                VectorChange::Upsert { employee, vector } => {
                    let veiled = self.veil(vector.len()).await?.apply(&vector)?;
                    let point = VectorPoint::new(task.template_id, veiled, &task.hotel, employee.as_str());
                    upserts.entry((task.model, vector.len())).or_default().push(point);
                }
                VectorChange::Delete => deletes.entry(task.model).or_default().push(task.template_id),
            }
        }
        for (model, ids) in deletes {
            if let Some(c) = known.iter().find(|c| c.name() == COLLECTION && *c.model() == model) {
                self.engines.vectors.delete(c, &ids).await?;
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
            needs_new_photos: None,
            templates: templates
                .into_iter()
                .map(|t| TemplateReport {
                    template_id: t.id,
                    model: t.model.to_string(),
                    quality: t.quality,
                    created_at: t.created_at,
                    last_matched_at: t.last_matched_at,
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
        self.recent.forget(hotel, employee);
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
            negatives: deleted.negatives,
            outbox_events: deleted.outbox_events,
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
        Ok(others.iter().map(ToString::to_string).collect())
    }
}

pub(super) fn not_enrolled(employee: &EmployeeId) -> Problem {
    Problem::new(ErrorCode::EmployeeNotEnrolled, format!("no face of {employee} is enrolled"))
}
