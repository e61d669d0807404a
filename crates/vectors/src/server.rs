use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use qdrant_client::qdrant::{
    CountPointsBuilder, CreateCollectionBuilder, CreateFieldIndexCollectionBuilder, DeletePointsBuilder,
    Distance, GetPointsBuilder, PointId, PointStruct, PointsOperationResponse,
    QuantizationSearchParamsBuilder, QueryPointsBuilder, ScalarQuantizationBuilder, ScrollPointsBuilder,
    SearchParamsBuilder, UpdateStatus, UpsertPointsBuilder, VectorParamsBuilder, WriteOrdering,
    WriteOrderingType,
};
use qdrant_client::{Qdrant, QdrantError};
use tonic::Code;
use uuid::Uuid;

use crate::index::page;
use crate::point::check_vector;
use crate::{Collection, Filter, Hit, IndexState, VectorError, VectorIndex, VectorPoint, wire};

/// Most points in one request.
const GROUP: usize = 512;

/// Most bytes of vectors in one request; a server refuses messages beyond 32 MiB.
const GROUP_BYTES: usize = 4 << 20;

/// Ids in one page when all are listed.
const PAGE: u32 = 4096;

/// A call is repeated this often when the server cannot be reached: after 100, 200 and 400 ms.
const REPEATS: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Width of the beam through the graph, and how many times the limit is scored again with whole vectors.
const BEAM: u64 = 512;
const OVERSAMPLING: f64 = 4.0;

/// Where a Qdrant server or cluster is, and how it shall keep the collections that are made through it.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// Its gRPC address, such as `https://qdrant.example:6334`; `http` sends everything in the clear.
    pub url: String,
    /// Key of the server, when it wants one. Visible ASCII; never printed or logged.
    pub api_key: Option<String>,
    /// How long one call may take, repeats included. More than zero.
    pub timeout: Duration,
    /// Copies of each shard, on as many nodes. 1 or more; 1 survives the loss of no node.
    pub replication_factor: u32,
    /// Parts a collection is cut into, spread over the nodes. 1 or more.
    pub shard_number: u32,
    /// Copies that must have a write before it counts. 1 to `replication_factor`.
    pub write_consistency: u32,
}

impl ServerConfig {
    /// A single node without a key: 10 seconds a call, one copy, one shard.
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            api_key: None,
            timeout: Duration::from_secs(10),
            replication_factor: 1,
            shard_number: 1,
            write_consistency: 1,
        }
    }

    fn check(&self) -> Result<(), VectorError> {
        let key = self.api_key.as_deref();
        let wrong = if self.url.contains('@') {
            "the address must not hold a password; set the key apart from it"
        } else if !["http://", "https://"].iter().any(|scheme| self.url.starts_with(scheme)) {
            "the address must start with http:// or https://"
        } else if key.is_some_and(|key| key.is_empty() || !key.bytes().all(|b| b.is_ascii_graphic())) {
            "the key must be visible ASCII"
        } else if self.timeout.is_zero() {
            "the timeout must be longer than zero"
        } else if self.shard_number == 0 || self.replication_factor == 0 {
            "there must be at least one shard and one copy of it"
        } else if !(1..=self.replication_factor).contains(&self.write_consistency) {
            "a write can wait for 1 to replication_factor copies"
        } else {
            return Ok(());
        };
        Err(VectorError::InvalidServer(wrong))
    }
}

impl fmt::Debug for ServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, api_key, timeout, replication_factor, shard_number, write_consistency } = self;
        f.debug_struct("ServerConfig")
            .field("url", url)
            .field("api_key", &api_key.as_ref().map(|_| "(set)"))
            .field("timeout", timeout)
            .field("replication_factor", replication_factor)
            .field("shard_number", shard_number)
            .field("write_consistency", write_consistency)
            .finish()
    }
}

/// A Qdrant server or cluster, over gRPC.
///
/// Collections bear their [`Collection::key`]. Every call here may be repeated without harm, so a call
/// that found no server is repeated a few times, within its timeout. A write returns when the server has
/// applied it to as many copies as the configuration asks for, in one order for all writers.
#[derive(Clone)]
pub struct QdrantServer {
    inner: Arc<Inner>,
}

struct Inner {
    client: Qdrant,
    config: ServerConfig,
    closed: AtomicBool,
}

impl fmt::Debug for QdrantServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QdrantServer").field("config", &self.inner.config).finish_non_exhaustive()
    }
}

impl QdrantServer {
    /// Connects, and asks for the collections once: a wrong address or key shows here.
    ///
    /// # Errors
    /// [`VectorError::InvalidServer`] for a setting out of its range; [`VectorError::Unreachable`],
    /// [`VectorError::Denied`], [`VectorError::Timeout`].
    pub async fn connect(config: ServerConfig) -> Result<Self, VectorError> {
        config.check()?;
        // The client's own checks print to the standard output.
        let client = Qdrant::from_url(&config.url)
            .api_key(config.api_key.clone())
            .timeout(config.timeout)
            .connect_timeout(config.timeout)
            .skip_compatibility_check()
            .build()
            .map_err(|_| VectorError::InvalidServer("the address is no URL"))?;
        let inner = Arc::new(Inner { client, config, closed: AtomicBool::new(false) });
        let server = Self { inner };
        server.inner.names().await?;
        Ok(server)
    }

    /// Runs a write to its end, also when the caller stops waiting for it.
    async fn write<F>(&self, write: impl FnOnce(Arc<Inner>) -> F) -> Result<(), VectorError>
    where
        F: Future<Output = Result<(), VectorError>> + Send + 'static,
    {
        let task = tokio::spawn(write(Arc::clone(&self.inner)));
        task.await.unwrap_or_else(|e| Err(VectorError::Engine(e.to_string())))
    }
}

/// `true` for a failure that a moment later may be gone: no server, or none of its nodes fit to answer.
fn is_passing(error: &QdrantError) -> bool {
    match error {
        QdrantError::ResponseError { status } => match status.code() {
            Code::Unavailable | Code::Unknown => true,
            // How the client reports that it could not connect.
            Code::Internal => status.message().starts_with("Failed to connect"),
            _ => false,
        },
        QdrantError::ResourceExhaustedError { .. } => true,
        _ => false,
    }
}

fn is_code(error: &QdrantError, code: Code) -> bool {
    matches!(error, QdrantError::ResponseError { status } if status.code() == code)
}

fn strong() -> WriteOrdering {
    WriteOrdering { r#type: WriteOrderingType::Strong.into() }
}

/// An answer that does not say "completed" comes from a node that gave up waiting.
fn completed(answer: &PointsOperationResponse) -> Result<(), VectorError> {
    match answer.result.as_ref().map(qdrant_client::qdrant::UpdateResult::status) {
        Some(UpdateStatus::Completed) => Ok(()),
        other => Err(VectorError::Engine(format!("the write was not completed: {other:?}"))),
    }
}

impl Inner {
    async fn call<T, F>(&self, request: impl Fn(Qdrant) -> F) -> Result<T, VectorError>
    where
        F: Future<Output = Result<T, QdrantError>>,
    {
        if self.closed.load(Ordering::SeqCst) {
            return Err(VectorError::Closed);
        }
        let attempts = async {
            let mut pause = FIRST_PAUSE;
            for _ in 0..REPEATS {
                match request(self.client.clone()).await {
                    Err(error) if is_passing(&error) => {
                        tracing::warn!(server = %self.config.url, "the vector server does not answer; trying again");
                        tokio::time::sleep(pause).await;
                        pause *= 2;
                    }
                    result => return result,
                }
            }
            request(self.client.clone()).await
        };
        match tokio::time::timeout(self.config.timeout, attempts).await {
            Ok(result) => result.map_err(|error| self.explain(error)),
            Err(_) => Err(self.timed_out()),
        }
    }

    fn timed_out(&self) -> VectorError {
        VectorError::Timeout { url: self.config.url.clone(), after: self.config.timeout }
    }

    fn explain(&self, error: QdrantError) -> VectorError {
        let passing = is_passing(&error);
        let status = match error {
            QdrantError::ResponseError { status } | QdrantError::ResourceExhaustedError { status, .. } => {
                status
            }
            other => return VectorError::Engine(other.to_string()),
        };
        let (url, reason) = (self.config.url.clone(), status.message().to_owned());
        match status.code() {
            Code::Unauthenticated | Code::PermissionDenied => VectorError::Denied { url, reason },
            Code::DeadlineExceeded | Code::Cancelled => self.timed_out(),
            _ if passing => VectorError::Unreachable { url, reason },
            _ => VectorError::Engine(reason),
        }
    }

    /// [`Self::call`] about one collection, which may be missing.
    async fn call_on<T, F>(
        &self,
        collection: &Collection,
        request: impl Fn(Qdrant) -> F,
    ) -> Result<T, VectorError>
    where
        F: Future<Output = Result<T, QdrantError>>,
    {
        self.call(|client| {
            let answer = request(client);
            async {
                match answer.await {
                    Err(error) if is_code(&error, Code::NotFound) => Ok(None),
                    answer => answer.map(Some),
                }
            }
        })
        .await?
        .ok_or_else(|| VectorError::UnknownCollection { collection: collection.key() })
    }

    async fn names(&self) -> Result<Vec<String>, VectorError> {
        let list = self.call(async |client: Qdrant| client.list_collections().await).await?;
        Ok(list.collections.into_iter().map(|c| c.name).collect())
    }

    /// What the server says about a collection, `None` when there is no such collection.
    async fn info(&self, key: &str) -> Result<Option<qdrant_client::qdrant::CollectionInfo>, VectorError> {
        let answer = self
            .call(async |client: Qdrant| match client.collection_info(key).await {
                Err(error) if is_code(&error, Code::NotFound) => Ok(None),
                answer => answer.map(Some),
            })
            .await?;
        Ok(answer.and_then(|a| a.result))
    }
}

#[async_trait]
impl VectorIndex for QdrantServer {
    async fn ensure(&self, collection: &Collection) -> Result<(), VectorError> {
        let collection = collection.clone();
        self.write(async move |inner| inner.ensure(&collection).await).await
    }

    async fn collections(&self) -> Result<Vec<Collection>, VectorError> {
        let mut found = Vec::new();
        for name in self.inner.names().await? {
            // The name is judged first: a server may hold collections of others.
            if Collection::from_key(&name, 1).is_none() {
                continue;
            }
            // Gone since it was listed is gone.
            let Some(info) = self.inner.info(&name).await? else { continue };
            let dimension = wire::dimension_of(&info)
                .ok_or_else(|| VectorError::Engine(format!("{name} is a collection of another kind")))?;
            found.extend(Collection::from_key(&name, dimension));
        }
        found.sort_by_key(Collection::key);
        Ok(found)
    }

    async fn drop_collection(&self, collection: &Collection) -> Result<(), VectorError> {
        let key = collection.key();
        self.write(async move |inner| {
            // The answer says whether there was one.
            inner.call(async |client: Qdrant| client.delete_collection(key.as_str()).await).await.map(drop)
        })
        .await
    }

    async fn upsert(&self, collection: &Collection, points: Vec<VectorPoint>) -> Result<(), VectorError> {
        for point in &points {
            point.check(collection.dimension())?;
        }
        let group = (GROUP_BYTES / (size_of::<f32>() * collection.dimension())).clamp(1, GROUP);
        let (collection, mut points) = (collection.clone(), points.into_iter());
        self.write(async move |inner| {
            loop {
                let group: Vec<PointStruct> = points.by_ref().take(group).map(wire::point).collect();
                if group.is_empty() {
                    return Ok(());
                }
                let request = UpsertPointsBuilder::new(collection.key(), group).wait(true).ordering(strong());
                let request = request.build();
                let answer = inner
                    .call_on(&collection, async |c: Qdrant| c.upsert_points(request.clone()).await)
                    .await?;
                completed(&answer)?;
            }
        })
        .await
    }

    async fn delete(&self, collection: &Collection, ids: &[Uuid]) -> Result<(), VectorError> {
        let (collection, ids) = (collection.clone(), ids.to_vec());
        self.write(async move |inner| {
            for group in ids.chunks(GROUP) {
                let ids: Vec<PointId> = group.iter().copied().map(wire::id_of).collect();
                let request =
                    DeletePointsBuilder::new(collection.key()).points(ids).wait(true).ordering(strong());
                let request = request.build();
                let answer = inner
                    .call_on(&collection, async |c: Qdrant| c.delete_points(request.clone()).await)
                    .await?;
                completed(&answer)?;
            }
            Ok(())
        })
        .await
    }

    async fn search_page(
        &self,
        collection: &Collection,
        vector: &[f32],
        filter: &Filter,
        offset: usize,
        limit: usize,
        exact: bool,
    ) -> Result<Vec<Hit>, VectorError> {
        check_vector(vector, collection.dimension())?;
        let filter = wire::filter(filter)?;
        let (skipped, last) = page(offset, limit);
        if skipped == last {
            return Ok(Vec::new());
        }
        let again = QuantizationSearchParamsBuilder::default().rescore(true).oversampling(OVERSAMPLING);
        let params = SearchParamsBuilder::default().exact(exact).hnsw_ef(BEAM).quantization(again);
        let request = QueryPointsBuilder::new(collection.key())
            .query(vector.to_vec())
            .filter(filter)
            .limit(last as u64)
            .params(params)
            .with_payload(true)
            .build();
        // Boxed: a query is a large message, and this future lies inside the caller's.
        let answer = self.inner.call_on(collection, async |c: Qdrant| c.query(request.clone()).await);
        let found = Box::pin(answer).await?;
        let mut hits = found.result.into_iter().map(wire::hit).collect::<Result<Vec<_>, _>>()?;
        crate::point::rank(&mut hits);
        Ok(hits.split_off(skipped.min(hits.len())))
    }

    async fn ids(&self, collection: &Collection, filter: &Filter) -> Result<Vec<Uuid>, VectorError> {
        let filter = wire::filter(filter)?;
        let mut ids = Vec::new();
        let mut next: Option<PointId> = None;
        loop {
            let mut page = ScrollPointsBuilder::new(collection.key())
                .filter(filter.clone())
                .limit(PAGE)
                .with_payload(false)
                .with_vectors(false);
            if let Some(offset) = next {
                page = page.offset(offset);
            }
            let request = page.build();
            let page =
                self.inner.call_on(collection, async |c: Qdrant| c.scroll(request.clone()).await).await?;
            for record in page.result {
                ids.push(wire::uuid_of(record.id)?);
            }
            next = page.next_page_offset;
            if next.is_none() {
                return Ok(ids);
            }
        }
    }

    async fn count(&self, collection: &Collection, filter: &Filter) -> Result<usize, VectorError> {
        let request =
            CountPointsBuilder::new(collection.key()).filter(wire::filter(filter)?).exact(true).build();
        let answer = self.inner.call_on(collection, async |c: Qdrant| c.count(request.clone()).await).await?;
        Ok(answer.result.map_or(0, |r| r.count as usize))
    }

    async fn get(&self, collection: &Collection, ids: &[Uuid]) -> Result<Vec<VectorPoint>, VectorError> {
        let mut found = Vec::new();
        for group in ids.chunks(GROUP) {
            let wanted: Vec<PointId> = group.iter().copied().map(wire::id_of).collect();
            let request =
                GetPointsBuilder::new(collection.key(), wanted).with_payload(true).with_vectors(true).build();
            let answer =
                self.inner.call_on(collection, async |c: Qdrant| c.get_points(request.clone()).await).await?;
            let points = answer.result.into_iter().map(wire::read_back).collect::<Result<Vec<_>, _>>()?;
            // A cluster answers in the order of its shards.
            found.extend(group.iter().filter_map(|id| points.iter().find(|p| p.id == *id).cloned()));
        }
        Ok(found)
    }

    /// Nothing to do: a write returns when the server has it in its log and applied.
    async fn flush(&self) -> Result<(), VectorError> {
        if self.inner.closed.load(Ordering::SeqCst) { Err(VectorError::Closed) } else { Ok(()) }
    }

    /// Nothing to be asked for: a server builds its graph and clears deleted points away in the background.
    async fn state(&self, collection: &Collection) -> Result<IndexState, VectorError> {
        let info = self.inner.info(&collection.key()).await?;
        let info = info.ok_or_else(|| VectorError::UnknownCollection { collection: collection.key() })?;
        let points = info.points_count.unwrap_or(0) as usize;
        let indexed = info.indexed_vectors_count.unwrap_or(0) as usize;
        Ok(IndexState { points, unindexed: points.saturating_sub(indexed), needs_optimize: false })
    }

    /// Does nothing but see that the collection exists: a server optimises by itself, and has no call for it.
    async fn optimize(&self, collection: &Collection) -> Result<(), VectorError> {
        self.state(collection).await.map(drop)
    }

    async fn close(&self) -> Result<(), VectorError> {
        self.inner.closed.store(true, Ordering::SeqCst);
        Ok(())
    }
}

impl Inner {
    async fn ensure(&self, collection: &Collection) -> Result<(), VectorError> {
        let key = collection.key();
        let mut found = self.info(&key).await?;
        if found.is_none() {
            self.create(collection).await?;
            found = self.info(&key).await?;
        }
        let info = found.ok_or_else(|| VectorError::UnknownCollection { collection: key.clone() })?;
        let stored = wire::dimension_of(&info)
            .ok_or_else(|| VectorError::Engine(format!("{key} is a collection of another kind")))?;
        if stored != collection.dimension() {
            let wanted = collection.dimension();
            return Err(VectorError::StoredDimension { collection: key, stored, wanted });
        }
        for (field, lookup) in collection.fields() {
            if info.payload_schema.contains_key(*field) {
                continue;
            }
            let request =
                CreateFieldIndexCollectionBuilder::new(key.as_str(), *field, wire::kind_of(*lookup))
                    .field_index_params(wire::index_of(field, *lookup))
                    .wait(true)
                    .ordering(strong())
                    .build();
            let answer = self
                .call_on(collection, async |c: Qdrant| c.create_field_index(request.clone()).await)
                .await?;
            completed(&answer)?;
        }
        Ok(())
    }

    async fn create(&self, collection: &Collection) -> Result<(), VectorError> {
        let request = CreateCollectionBuilder::new(collection.key())
            .vectors_config(VectorParamsBuilder::new(collection.dimension() as u64, Distance::Cosine))
            .quantization_config(ScalarQuantizationBuilder::default().always_ram(true))
            .shard_number(self.config.shard_number)
            .replication_factor(self.config.replication_factor)
            .write_consistency_factor(self.config.write_consistency)
            .on_disk_payload(false)
            .build();
        self.call(async |client: Qdrant| match client.create_collection(request.clone()).await {
            // By another process, or by a request whose answer was lost.
            Err(error) if is_code(&error, Code::AlreadyExists) => Ok(()),
            answer => answer.map(drop),
        })
        .await
    }
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
