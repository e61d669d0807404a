//! Who is enrolled: rows in the tables, vectors in the index, photos in the picture store, and what keeps
//! the three in line. Rows are the truth; the index is derived from them. Works without any model, so that
//! a person can be removed from a server that cannot recognise anybody.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use innkeeper_core::{EmployeeId, ErrorCode, HotelId, ModelRef, WriteStage};
use innkeeper_media::{Key, Prefix};
use innkeeper_store::{StoreError, VectorChange, VectorTask};
use innkeeper_vectors::{Collection, Filter, VectorError, VectorPoint, Veil};
use tokio::sync::{Mutex, MutexGuard, Notify};
use uuid::Uuid;

use super::answers::{EmbeddingAnswer, TemplateReport};
use super::recent::RecentAnswers;
use super::unknown::UnknownGroups;
use crate::app::{Engines, StartError};
use crate::problem::Problem;

/// How names of index collections that hold faces begin; the installation follows, and there is one per embedder.
const COLLECTION: &str = "veiled-faces";
/// Their name before vectors were veiled; what is left of them goes at the next start.
const UNVEILED: &str = "faces";
/// Name of the secret that turns vectors before they reach the index.
const VEIL: &str = "vector-veil";
/// How long the number of a hotel's people is believed.
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
    #[error(
        "the tables are empty, but {pictures} pictures and the vectors of an installation are here; is this the right \
         database? `innkeeper migrate-engine` fills a new one, a lost one comes from a backup"
    )]
    ForeignTables { pictures: usize },
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
            foreign @ CatchUpError::ForeignTables { .. } => Self::ForeignTables(foreign.to_string()),
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
    pub recent: RecentAnswers,
    /// The groups of unknown faces.
    pub unknown: UnknownGroups,
    /// When each collection was rewritten last.
    written: std::sync::Mutex<HashMap<Collection, Instant>>,
    veils: Mutex<HashMap<usize, Arc<Veil>>>,
    sizes: std::sync::Mutex<HashMap<(ModelRef, HotelId), (Instant, usize)>>,
}

impl Gallery {
    pub fn new(engines: Engines) -> Self {
        Self {
            engines,
            changes: Mutex::new(()),
            carrier: Mutex::new(()),
            deleted: Notify::new(),
            recent: RecentAnswers::default(),
            unknown: UnknownGroups::default(),
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

    /// How many people of a hotel have templates of this model, at most half a minute ago.
    pub(super) async fn people(&self, model: &ModelRef, hotel: &HotelId) -> Result<usize, StoreError> {
        let key = (model.clone(), hotel.clone());
        let known = self.sizes.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied();
        if let Some((_, size)) = known.filter(|(at, _)| at.elapsed() < COUNTED) {
            return Ok(size);
        }
        let size = self.engines.store.hotel(hotel).enrolled(model).await?.len();
        self.sizes.lock().unwrap_or_else(PoisonError::into_inner).insert(key, (Instant::now(), size));
        Ok(size)
    }

    /// Waits for other changes of the gallery to end, and keeps further ones waiting.
    pub(super) async fn change(&self) -> MutexGuard<'_, ()> {
        self.changes.lock().await
    }

    /// Brings index and pictures in line with the tables after a start: vectors and pictures without a row go, rows
    /// without a vector get one.
    ///
    /// # Errors
    /// [`CatchUpError::ForeignTables`] when nobody ever wrote to the tables while pictures or vectors are there:
    /// these belong to other tables, and removing them would be a disaster.
    pub async fn reconcile(&self) -> Result<(), CatchUpError> {
        let name = self.collection_name().await?;
        let mut indexed = self.engines.vectors.collections().await?;
        let pictures = self.engines.media.list(&Prefix::every_hotel()).await?;
        let embedded_vectors = self.engines.owns_index && !indexed.is_empty();
        // An index that is named after these tables is theirs: the first write of all was cut off before its rows.
        let suffix = format!("-{}", self.engines.store.installation().await?);
        let theirs = indexed.iter().any(|c| c.name().ends_with(&suffix));
        if !theirs && (embedded_vectors || !pictures.is_empty()) && self.engines.store.is_empty().await? {
            return Err(CatchUpError::ForeignTables { pictures: pictures.len() });
        }
        // Other installations may share a server; a folder has one owner.
        if self.engines.owns_index {
            for plain in indexed.extract_if(.., |c| c.name() == UNVEILED) {
                tracing::warn!(collection = %plain, "removing vectors of a version that did not veil them");
                self.engines.vectors.drop_collection(&plain).await?;
            }
        }
        indexed.retain(|c| c.name() == name);
        let mut templates: HashSet<Uuid> = HashSet::new();
        let mut models: HashSet<ModelRef> =
            self.engines.store.template_models().await?.into_iter().map(|(m, _)| m).collect();
        models.extend(indexed.iter().map(|c| c.model().clone()));
        for model in models {
            let found = indexed.iter().find(|c| *c.model() == model);
            // Vectors first: whoever is enrolled by another process meanwhile has a row by the time rows are read.
            let vectors: HashSet<Uuid> = match found {
                Some(c) => self.engines.vectors.ids(c, &Filter::every_hotel()).await?.into_iter().collect(),
                None => HashSet::new(),
            };
            let rows: HashSet<Uuid> =
                self.engines.store.all_template_ids(&model).await?.into_iter().map(|(id, _)| id).collect();
            templates.extend(&rows);
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
        self.remove_unknown_strays(&pictures).await?;
        // Most pictures have the id of their template; only the others are looked up.
        let mut strays = pictures;
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
        let name = self.collection_name().await?;
        for collection in self.engines.vectors.collections().await? {
            if collection.name() != name {
                continue;
            }
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
    pub(super) fn wrote_lately(&self, collection: &Collection, points: usize) -> bool {
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
        let mut failed = Ok(());
        for hotel in self.engines.store.hotels().await? {
            if let Err(error) = self.engines.store.keep_newest_unknown(&hotel, max_kept).await {
                failed = Err(error.into());
            }
        }
        failed
    }

    /// Removes those of these pictures that are of unknown faces and have no row: the row went while its picture
    /// was written.
    async fn remove_unknown_strays(&self, pictures: &[Key]) -> Result<(), CatchUpError> {
        for hotel in self.engines.store.hotels().await? {
            let unknown = Prefix::unknown(&hotel);
            let pictures: Vec<&Key> = pictures.iter().filter(|key| key.is_below(&unknown)).collect();
            if pictures.is_empty() {
                continue;
            }
            let ever = DateTime::<Utc>::MIN_UTC;
            let rows = self.engines.store.hotel(&hotel).unknown_faces(ever, usize::MAX).await?;
            let kept: HashSet<&str> = rows.iter().filter_map(|r| r.photo_key.as_deref()).collect();
            for stray in pictures.into_iter().filter(|key| !kept.contains(key.as_str())) {
                self.engines.media.delete(stray).await?;
            }
        }
        Ok(())
    }

    async fn carry(&self, tasks: Vec<VectorTask>) -> Result<(), CatchUpError> {
        let name = self.collection_name().await?;
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
            if let Some(c) = known.iter().find(|c| c.name() == name && *c.model() == model) {
                self.engines.vectors.delete(c, &ids).await?;
            }
            self.engines.store.vectors_done(&[], &ids).await?;
        }
        for ((model, dimension), points) in upserts {
            let collection = Collection::new(&name, model, dimension)?;
            self.engines.vectors.ensure(&collection).await?;
            let ids: Vec<Uuid> = points.iter().map(|p| p.id).collect();
            self.engines.vectors.upsert(&collection, points).await?;
            self.engines.store.vectors_done(&ids, &[]).await?;
            self.take_back(&collection, &ids).await?;
        }
        Ok(())
    }

    /// Removes vectors of templates that another process deleted while they were written.
    async fn take_back(&self, collection: &Collection, written: &[Uuid]) -> Result<(), CatchUpError> {
        let gone = self.engines.store.without_template(written).await?;
        if !gone.is_empty() {
            self.engines.vectors.delete(collection, &gone).await?;
        }
        Ok(())
    }

    /// What this installation's collections are called: on a server that others use too, theirs are left alone.
    pub(super) async fn collection_name(&self) -> Result<String, StoreError> {
        Ok(format!("{COLLECTION}-{}", self.engines.store.installation().await?))
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
