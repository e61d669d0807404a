//! One collection on disk: an engine shard, and the rules under which it may be called.
//!
//! The engine panics when it is asked to flush while an update runs, does not replay its log, never
//! shortens it, and keeps deleted vectors in its files. So: one writer at a time, a flush after each
//! write (shared by writers that wait together), and a rewrite into a fresh shard when there is
//! something to forget.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use innkeeper_core::WriteStage;
use qdrant_edge::{
    Condition, CountRequest, CreateIndex, DEFAULT_VECTOR_NAME, Distance, EdgeConfig, EdgeOptimizersConfig,
    EdgeShard, EdgeVectorParams, FieldCondition, FieldIndexOperations, HnswIndexConfig, Match, NamedQuery,
    OperationError, Payload, PayloadFieldSchema, PayloadSchemaType, PointId, PointInsertOperations,
    PointOperations, PointStructPersisted, QuantizationConfig, QuantizationSearchParams, QueryEnum, Range,
    ScalarQuantizationConfig, ScalarType, ScrollRequest, SearchParams, SearchRequest, UpdateOperation,
    VectorInternal, VectorStructInternal, VectorStructPersisted, WalOptions, WithPayloadInterface,
    WithVector,
};
use serde_json::Value;
use uuid::Uuid;

use crate::collection::Lookup;
use crate::embedded::DirectoryLock;
use crate::index::page;
use crate::point::{Wanted, path_of};
use crate::{Collection, Filter, HOTEL, Hit, IndexState, OWNER, VectorError, VectorPoint};

/// Points in one engine operation, and in one page when all are read.
const GROUP: usize = 512;

/// Log segments are allocated whole, and most collections are small.
const LOG_SEGMENT_BYTES: usize = 4 << 20;

/// How much log there may be beyond three times what the live points would take.
const SPARE_LOG_BYTES: u64 = 32 << 20;

/// The engine writes a vector's number as a tag and four bytes.
const LOG_BYTES_PER_NUMBER: u64 = 5;

/// New vectors that may pile up at full width before it is worth to make bytes of them; as many bytes
/// are scanned in about a millisecond.
const TAIL_KILOBYTES: usize = 10_000;

/// Candidates that the bytes bring forward are scored again at full width: this many times the limit,
/// and not fewer than the second number.
const OVERSAMPLING: f64 = 2.0;
const FEWEST_CANDIDATES: f64 = 64.0;

/// Left in the shard's folder from the first deletion to the next rewrite.
const DELETED_MARK: &str = "deleted";

pub(crate) const BUILDING: &str = ".new-";
pub(crate) const RETIRED: &str = ".old-";

pub(crate) struct Shard {
    collection: Collection,
    root: PathBuf,
    /// `None` after [`Shard::close`].
    engine: RwLock<Option<EdgeShard>>,
    /// Held by whoever calls the engine's `update`, `flush` or `optimize`.
    writer: Mutex<()>,
    /// Number of the last write the engine has applied.
    applied: AtomicU64,
    /// Number of the last write that is on stable storage.
    durable: Mutex<u64>,
    /// The last hotel that was asked for, and whether all points were its own, as counted after that write.
    sole: Mutex<Option<(u64, String, bool)>>,
    /// The directory stays locked until the last shard has let go of its files.
    _lock: Arc<DirectoryLock>,
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What these locks guard is whole between any two statements, so a panic in the engine leaves
    // nothing half done here.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(clippy::needless_pass_by_value, reason = "shaped for map_err")]
fn engine_error(error: OperationError) -> VectorError {
    VectorError::Engine(error.to_string())
}

pub(crate) fn file_error(doing: &'static str, path: &Path, source: std::io::Error) -> VectorError {
    VectorError::File { doing, path: path.to_owned(), source }
}

/// A renamed folder is only sure to stay renamed once its parent is synced.
fn sync_dir(dir: &Path) -> Result<(), VectorError> {
    File::open(dir).and_then(|d| d.sync_all()).map_err(|e| file_error("sync", dir, e))
}

pub(crate) fn remove_dir(dir: &Path) -> Result<(), VectorError> {
    match fs::remove_dir_all(dir) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(file_error("remove", dir, e)),
        _ => Ok(()),
    }
}

/// Numbers a vector in the shard stored at `dir`.
pub(crate) fn stored_dimension(dir: &Path) -> Result<usize, VectorError> {
    match EdgeConfig::load(dir) {
        Some(Ok(config)) => dimension_of(&config)
            .ok_or_else(|| VectorError::Engine(format!("{} is a shard of another kind", dir.display()))),
        Some(Err(error)) => Err(engine_error(error)),
        None => Err(VectorError::Engine(format!("{} is no shard", dir.display()))),
    }
}

fn dimension_of(config: &EdgeConfig) -> Option<usize> {
    let vectors = config.vectors.get(DEFAULT_VECTOR_NAME)?;
    (vectors.distance == Distance::Cosine).then_some(vectors.size)
}

/// How a collection is kept: compared one by one, in bytes where there are many, and never through a
/// graph (docs/adr/0007-matching-at-scale.md).
fn config(dimension: usize) -> EdgeConfig {
    let bytes = ScalarQuantizationConfig { r#type: ScalarType::Int8, quantile: None, always_ram: Some(true) };
    let no_graph = HnswIndexConfig { m: 0, ..HnswIndexConfig::default() };
    let vectors = EdgeVectorParams::builder(dimension, Distance::Cosine).build();
    EdgeConfig {
        on_disk_payload: false,
        vectors: HashMap::from([(DEFAULT_VECTOR_NAME.to_owned(), vectors)]),
        hnsw_config: no_graph,
        quantization_config: Some(QuantizationConfig::from(bytes)),
        optimizers: EdgeOptimizersConfig {
            indexing_threshold: Some(TAIL_KILOBYTES),
            ..EdgeOptimizersConfig::default()
        },
        wal_options: Some(WalOptions { segment_capacity: LOG_SEGMENT_BYTES, ..WalOptions::default() }),
        ..EdgeConfig::default()
    }
}

/// A new shard at `dir`, empty and with its indexes.
fn create(dir: &Path, collection: &Collection) -> Result<EdgeShard, VectorError> {
    fs::create_dir(dir).map_err(|e| file_error("create", dir, e))?;
    let engine = EdgeShard::new(dir, config(collection.dimension())).map_err(engine_error)?;
    for (key, lookup) in collection.fields() {
        let kind = match lookup {
            Lookup::Keyword => PayloadSchemaType::Keyword,
            Lookup::Integer => PayloadSchemaType::Integer,
        };
        let index = CreateIndex {
            field_name: path_of(key)?,
            field_schema: Some(PayloadFieldSchema::FieldType(kind)),
        };
        engine
            .update(UpdateOperation::FieldIndexOperation(FieldIndexOperations::CreateIndex(index)))
            .map_err(engine_error)?;
    }
    engine.flush();
    Ok(engine)
}

fn engine_filter(filter: &Filter) -> Result<Option<qdrant_edge::Filter>, VectorError> {
    let field = |key: &str, text: Match| Ok(Condition::Field(FieldCondition::new_match(path_of(key)?, text)));
    let must: Vec<Condition> = filter
        .must
        .iter()
        .map(|(key, wanted)| match wanted {
            Wanted::Text(text) => field(key, Match::from(text.clone())),
            Wanted::AnyOf(texts) => field(key, Match::from(texts.clone())),
            Wanted::Range(from, until) => {
                let [gte, lt] = [from, until].map(|n| n.map(|n| n as f64));
                // Without both the engine would take any point.
                let gte = gte.or(lt.is_none().then_some(f64::MIN));
                let range = Range { gte: gte.map(Into::into), lt: lt.map(Into::into), gt: None, lte: None };
                Ok(Condition::Field(FieldCondition::new_range(path_of(key)?, range)))
            }
        })
        .collect::<Result<_, VectorError>>()?;
    let must_not = match filter.except_owners.as_slice() {
        [] => None,
        owners => Some(vec![field(OWNER, Match::from(owners.to_vec()))?]),
    };
    if must.is_empty() && must_not.is_none() {
        return Ok(None);
    }
    Ok(Some(qdrant_edge::Filter { must: Some(must), must_not, ..qdrant_edge::Filter::new() }))
}

fn uuid_of(id: PointId) -> Result<Uuid, VectorError> {
    match id {
        PointId::Uuid(id) => Ok(id),
        PointId::NumId(id) => Err(VectorError::Engine(format!("point {id} was not written by this room"))),
    }
}

fn stored(point: VectorPoint) -> PointStructPersisted {
    PointStructPersisted {
        id: PointId::Uuid(point.id),
        vector: VectorStructPersisted::from(VectorStructInternal::Single(point.vector)),
        payload: Some(Payload(point.payload)),
    }
}

fn read_back(record: qdrant_edge::Record) -> Result<VectorPoint, VectorError> {
    let id = uuid_of(record.id)?;
    let vector = match record.vector {
        Some(VectorStructInternal::Single(vector)) => Some(vector),
        Some(VectorStructInternal::Named(mut named)) => match named.remove(DEFAULT_VECTOR_NAME) {
            Some(VectorInternal::Dense(vector)) => Some(vector),
            _ => None,
        },
        _ => None,
    };
    let vector = vector.ok_or_else(|| VectorError::Engine(format!("point {id} has no vector")))?;
    Ok(VectorPoint { id, vector, payload: record.payload.map(|p| p.0).unwrap_or_default() })
}

fn insert(engine: &EdgeShard, group: Vec<VectorPoint>) -> Result<(), VectorError> {
    let points = PointInsertOperations::PointsList(group.into_iter().map(stored).collect());
    engine
        .update(UpdateOperation::PointOperation(PointOperations::UpsertPoints(points)))
        .map_err(engine_error)
}

/// Hands all points that pass the filter to `each`, page by page in the order of their ids.
fn scroll(
    engine: &EdgeShard,
    filter: Option<&qdrant_edge::Filter>,
    whole: bool,
    mut each: impl FnMut(Vec<qdrant_edge::Record>) -> Result<(), VectorError>,
) -> Result<(), VectorError> {
    let mut offset = None;
    loop {
        let (page, next) = engine
            .scroll(ScrollRequest {
                offset,
                limit: Some(GROUP),
                filter: filter.cloned(),
                with_payload: Some(WithPayloadInterface::Bool(whole)),
                with_vector: WithVector::Bool(whole),
                order_by: None,
            })
            .map_err(engine_error)?;
        each(page)?;
        match next {
            Some(_) => offset = next,
            None => return Ok(()),
        }
    }
}

impl Shard {
    /// Opens the shard of this collection, `None` when there is none and it shall not be created.
    pub(crate) fn open(
        root: &Path,
        collection: &Collection,
        create_missing: bool,
        lock: Arc<DirectoryLock>,
    ) -> Result<Option<Self>, VectorError> {
        let dir = root.join(collection.key());
        if !dir.exists() {
            if !create_missing {
                return Ok(None);
            }
            // Made beside its place and moved there, so that half a shard never bears the name.
            let building = root.join(format!("{BUILDING}{}", collection.key()));
            remove_dir(&building)?;
            drop(create(&building, collection)?);
            fs::rename(&building, &dir).map_err(|e| file_error("create", &dir, e))?;
            sync_dir(root)?;
        }
        let found = stored_dimension(&dir)?;
        if found != collection.dimension() {
            return Err(VectorError::StoredDimension {
                collection: collection.key(),
                stored: found,
                wanted: collection.dimension(),
            });
        }
        // With the present settings: the next optimisation brings an older shard in line with them.
        let config = config(found);
        let engine = EdgeShard::load(&dir, Some(config)).map_err(engine_error)?;
        Ok(Some(Self {
            collection: collection.clone(),
            root: root.to_owned(),
            engine: RwLock::new(Some(engine)),
            writer: Mutex::new(()),
            applied: AtomicU64::new(0),
            durable: Mutex::new(0),
            sole: Mutex::new(None),
            _lock: lock,
        }))
    }

    pub(crate) fn dimension(&self) -> usize {
        self.collection.dimension()
    }

    fn dir(&self) -> PathBuf {
        self.root.join(self.collection.key())
    }

    fn read(&self) -> RwLockReadGuard<'_, Option<EdgeShard>> {
        self.engine.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, call: impl FnOnce(&EdgeShard) -> Result<T, VectorError>) -> Result<T, VectorError> {
        call(self.read().as_ref().ok_or(VectorError::Closed)?)
    }

    /// Applies a write and returns when it is on stable storage.
    fn write(
        &self,
        [applied, flushed]: [WriteStage; 2],
        apply: impl FnOnce(&EdgeShard) -> Result<(), VectorError>,
    ) -> Result<(), VectorError> {
        let number = {
            let _writer = hold(&self.writer);
            self.with(apply)?;
            applied.reached();
            self.applied.fetch_add(1, Ordering::SeqCst) + 1
        };
        let mut durable = hold(&self.durable);
        if *durable < number {
            // One flush serves all who have written while the last one ran.
            let _writer = hold(&self.writer);
            let applied = self.applied.load(Ordering::SeqCst);
            self.with(|engine| {
                engine.flush();
                Ok(())
            })?;
            *durable = applied;
        }
        flushed.reached();
        Ok(())
    }

    pub(crate) fn upsert(&self, points: Vec<VectorPoint>) -> Result<(), VectorError> {
        if points.is_empty() {
            return self.with(|_| Ok(()));
        }
        for point in &points {
            point.check(self.dimension())?;
        }
        let mut points = points.into_iter();
        self.write([WriteStage::VectorWritten, WriteStage::VectorFlushed], |engine| {
            loop {
                let group: Vec<VectorPoint> = points.by_ref().take(GROUP).collect();
                if group.is_empty() {
                    return Ok(());
                }
                insert(engine, group)?;
            }
        })
    }

    pub(crate) fn delete(&self, ids: &[Uuid]) -> Result<(), VectorError> {
        if ids.is_empty() {
            return self.with(|_| Ok(()));
        }
        self.write([WriteStage::VectorRemoved, WriteStage::RemovalFlushed], |engine| {
            // Before the deletion: a mark without one costs a rewrite, one without a mark would stay.
            let mark = self.dir().join(DELETED_MARK);
            if !mark.exists() {
                File::create(&mark).and_then(|f| f.sync_all()).map_err(|e| file_error("create", &mark, e))?;
                sync_dir(&self.dir())?;
            }
            let ids = ids.iter().copied().map(PointId::Uuid).collect();
            engine
                .update(UpdateOperation::PointOperation(PointOperations::DeletePoints { ids }))
                .map_err(engine_error)
        })
    }

    /// The hotel of a filter that asks for nothing else, if all points are its own.
    ///
    /// The engine lists all points that pass a filter before it compares the first; a small hotel, which is alone in
    /// its index, need not wait for that.
    fn sole_hotel<'f>(&self, filter: &'f Filter) -> Result<Option<&'f str>, VectorError> {
        let Some(hotel) = filter.hotel_alone() else { return Ok(None) };
        let now = self.applied.load(Ordering::SeqCst);
        let known = hold(&self.sole).clone();
        if let Some((_, _, sole)) = known.filter(|(at, of, _)| *at == now && of == hotel) {
            return Ok(sole.then_some(hotel));
        }
        let sole = self.count(filter)? == self.count(&Filter::every_hotel())?;
        *hold(&self.sole) = Some((now, hotel.to_owned(), sole));
        Ok(sole.then_some(hotel))
    }

    pub(crate) fn search(
        &self,
        vector: Vec<f32>,
        filter: &Filter,
        offset: usize,
        limit: usize,
        exact: bool,
    ) -> Result<Vec<Hit>, VectorError> {
        crate::point::check_vector(&vector, self.dimension())?;
        let (skipped, limit) = page(offset, limit);
        if skipped == limit {
            return self.with(|_| Ok(Vec::new()));
        }
        let mut hits = match self.sole_hotel(filter)? {
            Some(hotel) => {
                let hits = self.nearest(vector.clone(), None, limit, exact)?;
                // Another hotel's first point may have come since they were counted.
                let own = |hit: &Hit| hit.payload.get(HOTEL).and_then(Value::as_str) == Some(hotel);
                if hits.iter().all(own) {
                    hits
                } else {
                    self.nearest(vector, engine_filter(filter)?, limit, exact)?
                }
            }
            None => self.nearest(vector, engine_filter(filter)?, limit, exact)?,
        };
        crate::point::rank(&mut hits);
        Ok(hits.split_off(skipped.min(hits.len())))
    }

    fn nearest(
        &self,
        vector: Vec<f32>,
        filter: Option<qdrant_edge::Filter>,
        limit: usize,
        exact: bool,
    ) -> Result<Vec<Hit>, VectorError> {
        let again = QuantizationSearchParams {
            ignore: false,
            rescore: Some(true),
            oversampling: Some(OVERSAMPLING.max(FEWEST_CANDIDATES / limit as f64)),
        };
        let request = SearchRequest {
            query: QueryEnum::Nearest(NamedQuery::default_dense(vector)),
            filter,
            params: Some(SearchParams { exact, quantization: Some(again), ..SearchParams::default() }),
            limit,
            offset: 0,
            with_payload: Some(WithPayloadInterface::Bool(true)),
            with_vector: Some(WithVector::Bool(false)),
            score_threshold: None,
        };
        let found = self.with(|engine| engine.search(request).map_err(engine_error))?;
        found
            .into_iter()
            .map(|point| {
                Ok(Hit {
                    id: uuid_of(point.id)?,
                    score: point.score.clamp(-1.0, 1.0),
                    payload: point.payload.map(|p| p.0).unwrap_or_default(),
                })
            })
            .collect()
    }

    pub(crate) fn ids(&self, filter: &Filter) -> Result<Vec<Uuid>, VectorError> {
        let filter = engine_filter(filter)?;
        let mut ids = Vec::new();
        self.with(|engine| {
            scroll(engine, filter.as_ref(), false, |page| {
                for record in page {
                    ids.push(uuid_of(record.id)?);
                }
                Ok(())
            })
        })?;
        Ok(ids)
    }

    pub(crate) fn count(&self, filter: &Filter) -> Result<usize, VectorError> {
        let request = CountRequest { filter: engine_filter(filter)?, exact: true };
        self.with(|engine| engine.count(request).map_err(engine_error))
    }

    pub(crate) fn get(&self, ids: &[Uuid]) -> Result<Vec<VectorPoint>, VectorError> {
        let ids: Vec<PointId> = ids.iter().copied().map(PointId::Uuid).collect();
        let (payload, vector) = (WithPayloadInterface::Bool(true), WithVector::Bool(true));
        let records =
            self.with(|engine| engine.retrieve(&ids, Some(payload), Some(vector)).map_err(engine_error))?;
        records.into_iter().map(read_back).collect()
    }

    pub(crate) fn flush(&self) -> Result<(), VectorError> {
        let _writer = hold(&self.writer);
        self.with(|engine| {
            engine.flush();
            Ok(())
        })
    }

    pub(crate) fn state(&self) -> Result<IndexState, VectorError> {
        let info = self.with(|engine| Ok(engine.info()))?;
        let unindexed = info.points_count.saturating_sub(info.indexed_vectors_count);
        let tail = unindexed * self.dimension() * size_of::<f32>();
        let needs_optimize = tail >= TAIL_KILOBYTES * 1024 || self.wants_rewrite()?;
        Ok(IndexState { points: info.points_count, unindexed, needs_optimize })
    }

    pub(crate) fn optimize(&self) -> Result<(), VectorError> {
        let _writer = hold(&self.writer);
        if self.wants_rewrite()? {
            return self.rewrite();
        }
        self.with(|engine| {
            engine.optimize().map_err(engine_error)?;
            engine.flush();
            Ok(())
        })
    }

    /// Something was deleted whose bytes are still there, or the log has outgrown what it tells of.
    fn wants_rewrite(&self) -> Result<bool, VectorError> {
        if self.dir().join(DELETED_MARK).exists() {
            return Ok(true);
        }
        let points = self.with(|engine| Ok(engine.info().points_count))? as u64;
        let live = points * self.dimension() as u64 * LOG_BYTES_PER_NUMBER;
        let log = self.dir().join("wal");
        let read = |e| file_error("read", &log, e);
        let mut bytes = 0;
        for entry in fs::read_dir(&log).map_err(read)? {
            bytes += entry.and_then(|e| e.metadata()).map_err(read)?.len();
        }
        Ok(bytes > SPARE_LOG_BYTES + 3 * live)
    }

    /// Copies the live points into a fresh shard and puts it in the place of this one. The caller holds
    /// the writer; searches go on until the exchange. [`recover`] knows what to do after a crash between
    /// any two of these steps.
    fn rewrite(&self) -> Result<(), VectorError> {
        let key = self.collection.key();
        let building = self.root.join(format!("{BUILDING}{key}"));
        let retired = self.root.join(format!("{RETIRED}{key}"));
        remove_dir(&building)?;
        remove_dir(&retired)?;
        let fresh = create(&building, &self.collection)?;
        self.with(|engine| {
            scroll(engine, None, true, |page| {
                insert(&fresh, page.into_iter().map(read_back).collect::<Result<_, _>>()?)
            })
        })?;
        // Before the exchange, so that no search meets a shard that is not ready for it.
        fresh.optimize().map_err(engine_error)?;
        fresh.flush();
        drop(fresh);
        WriteStage::IndexRewritten.reached();

        let mut engine = self.engine.write().unwrap_or_else(PoisonError::into_inner);
        drop(engine.take().ok_or(VectorError::Closed)?);
        let exchanged = fs::rename(self.dir(), &retired)
            .and_then(|()| {
                fs::rename(&building, self.dir()).inspect_err(|_| {
                    // Back to where it was; if that fails too, the next start does it.
                    let _ = fs::rename(&retired, self.dir());
                })
            })
            .map_err(|e| file_error("replace", &self.dir(), e))
            .and_then(|()| sync_dir(&self.root));
        let config = config(self.dimension());
        *engine = Some(EdgeShard::load(&self.dir(), Some(config)).map_err(engine_error)?);
        drop(engine);
        exchanged?;
        WriteStage::IndexReplaced.reached();
        remove_dir(&retired)
    }

    /// Writes everything out and lets go of the files.
    pub(crate) fn close(&self) {
        let _writer = hold(&self.writer);
        let mut engine = self.engine.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = engine.take() {
            // Dropping flushes too; done here, a failure panics where the caller sees it.
            engine.flush();
        }
    }
}

/// Finishes or undoes what a crash interrupted: a shard that was being made, and an exchange.
pub(crate) fn recover(root: &Path) -> Result<(), VectorError> {
    let read = |e| file_error("read", root, e);
    let mut names = Vec::new();
    for entry in fs::read_dir(root).map_err(read)? {
        names.extend(entry.map_err(read)?.file_name().into_string());
    }
    for name in &names {
        if let Some(key) = name.strip_prefix(RETIRED) {
            // The old shard left its place only after the new one was complete.
            let (dir, building) = (root.join(key), root.join(format!("{BUILDING}{key}")));
            if !dir.exists() {
                let from = if building.exists() { building } else { root.join(name) };
                fs::rename(&from, &dir).map_err(|e| file_error("restore", &dir, e))?;
                sync_dir(root)?;
            }
        }
    }
    for name in &names {
        if name.starts_with(RETIRED) || name.starts_with(BUILDING) {
            remove_dir(&root.join(name))?;
        }
    }
    Ok(())
}
