//! A Qdrant server as far as the public gRPC definitions go, in memory, for the tests of the client side.
//!
//! It refuses what a real server refuses (unknown collections, wrong lengths, missing keys, filters of
//! another form) and, stricter, what this room must never send: writes that do not wait or have no order,
//! counts that are not exact. It answers in unhelpful orders, as a cluster may.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use qdrant_client::qdrant as q;
use qdrant_client::qdrant::collections_server::{Collections, CollectionsServer};
use qdrant_client::qdrant::point_id::PointIdOptions;
use qdrant_client::qdrant::points_server::{Points, PointsServer};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};
use uuid::Uuid;

type Answer<T> = Result<Response<T>, Status>;

#[derive(Default)]
pub(crate) struct Stored {
    pub(crate) made_with: q::CreateCollection,
    pub(crate) indexes: BTreeMap<String, q::CreateFieldIndexCollection>,
    points: BTreeMap<Uuid, (Vec<f32>, HashMap<String, q::Value>)>,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) collections: BTreeMap<String, Stored>,
    pub(crate) key: Option<String>,
    /// Each answer waits so long.
    pub(crate) delay: Duration,
    /// So many of the next calls are answered "unavailable".
    pub(crate) unavailable: usize,
    /// Writes are applied, and only then their answer says that the wait was given up.
    pub(crate) gives_up_waiting: bool,
    pub(crate) calls: usize,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<State>>);

pub(crate) struct FakeServer {
    shared: Shared,
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.stop();
    }
}

impl FakeServer {
    pub(crate) fn start() -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Self { shared: Shared::default(), address, runtime: None };
        server.resume();
        server
    }

    /// Listens again, at the address it had.
    pub(crate) fn resume(&mut self) {
        let listener = std::net::TcpListener::bind(self.address).expect("a free port");
        listener.set_nonblocking(true).expect("set");
        self.address = listener.local_addr().expect("bound");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let shared = self.shared.clone();
        runtime.spawn(async move {
            let incoming = TcpIncoming::from(TcpListener::from_std(listener).expect("a listener"));
            let collections = CollectionsServer::new(shared.clone());
            Server::builder()
                .add_service(collections)
                .add_service(PointsServer::new(shared))
                .serve_with_incoming(incoming)
                .await
        });
        self.runtime = Some(runtime);
    }

    /// Goes away with all its connections; what it holds stays.
    pub(crate) fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().expect("whole")
    }
}

fn bad(text: impl Into<String>) -> Status {
    Status::invalid_argument(text)
}

fn uuid_of(id: Option<q::PointId>) -> Result<Uuid, Status> {
    match id.and_then(|id| id.point_id_options) {
        Some(PointIdOptions::Uuid(text)) => text.parse().map_err(|_| bad("Unable to parse UUID")),
        _ => Err(bad("no id")),
    }
}

fn dense(vectors: Option<q::Vectors>) -> Result<Vec<f32>, Status> {
    match vectors.and_then(|v| v.vectors_options) {
        Some(q::vectors::VectorsOptions::Vector(q::Vector {
            vector: Some(q::vector::Vector::Dense(d)),
            ..
        })) => Ok(d.data),
        _ => Err(bad("no dense vector")),
    }
}

fn unit(vector: &[f32]) -> Vec<f32> {
    let length = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
    vector.iter().map(|v| v / length).collect()
}

/// `true` when the payload holds one of the texts, or the number, that the condition asks for.
fn holds(condition: &q::Condition, payload: &HashMap<String, q::Value>) -> Result<bool, Status> {
    use q::r#match::MatchValue;
    let Some(q::condition::ConditionOneOf::Field(field)) = &condition.condition_one_of else {
        return Err(bad("a condition of another form"));
    };
    let value = payload.get(&field.key).and_then(|v| v.kind.as_ref());
    if let Some(range) = &field.range {
        let number = match value {
            Some(q::value::Kind::IntegerValue(n)) => *n as f64,
            _ => return Ok(false),
        };
        return Ok(range.gte.is_none_or(|from| number >= from) && range.lt.is_none_or(|until| number < until));
    }
    // Any element of a list counts.
    let values = match value {
        Some(q::value::Kind::ListValue(list)) => list.values.iter().filter_map(|v| v.kind.as_ref()).collect(),
        value => Vec::from_iter(value),
    };
    let one = |is: &dyn Fn(&String) -> bool| {
        values.iter().any(|kind| matches!(kind, q::value::Kind::StringValue(text) if is(text)))
    };
    match field.r#match.as_ref().and_then(|m| m.match_value.as_ref()) {
        Some(MatchValue::Keyword(wanted)) => Ok(one(&|text| text == wanted)),
        Some(MatchValue::Keywords(wanted)) => Ok(one(&|text| wanted.strings.contains(text))),
        _ => Err(bad("a match of another form")),
    }
}

fn passes(filter: Option<&q::Filter>, payload: &HashMap<String, q::Value>) -> Result<bool, Status> {
    let Some(filter) = filter else { return Ok(true) };
    if !filter.should.is_empty() || filter.min_should.is_some() {
        return Err(bad("a filter of another form"));
    }
    for (conditions, wanted) in [(&filter.must, true), (&filter.must_not, false)] {
        for condition in conditions {
            if holds(condition, payload)? != wanted {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

fn sync_write(wait: Option<bool>, ordering: Option<q::WriteOrdering>) -> Result<(), Status> {
    if wait != Some(true) {
        return Err(bad("a write that does not wait"));
    }
    if ordering.map(|o| o.r#type()) != Some(q::WriteOrderingType::Strong) {
        return Err(bad("a write without strong ordering"));
    }
    Ok(())
}

impl State {
    fn of(&mut self, name: &str) -> Result<&mut Stored, Status> {
        let missing = || Status::not_found(format!("Not found: Collection `{name}` doesn't exist!"));
        self.collections.get_mut(name).ok_or_else(missing)
    }

    fn done(&self) -> Response<q::PointsOperationResponse> {
        let status =
            if self.gives_up_waiting { q::UpdateStatus::WaitTimeout } else { q::UpdateStatus::Completed };
        let result = q::UpdateResult { status: status.into(), ..q::UpdateResult::default() };
        Response::new(q::PointsOperationResponse {
            result: Some(result),
            ..q::PointsOperationResponse::default()
        })
    }
}

impl Stored {
    fn dimension(&self) -> usize {
        match self.made_with.vectors_config.as_ref().and_then(|c| c.config.as_ref()) {
            Some(q::vectors_config::Config::Params(params)) => params.size as usize,
            _ => 0,
        }
    }

    fn check_length(&self, vector: &[f32]) -> Result<(), Status> {
        let (expected, got) = (self.dimension(), vector.len());
        let text = format!("Wrong input: Vector dimension error: expected dim: {expected}, got {got}");
        if expected == got { Ok(()) } else { Err(bad(text)) }
    }
}

fn record(id: &Uuid, (vector, payload): &(Vec<f32>, HashMap<String, q::Value>)) -> q::RetrievedPoint {
    let dense = q::vector_output::Vector::Dense(q::DenseVector { data: vector.clone() });
    let vector = q::VectorOutput { vector: Some(dense), ..q::VectorOutput::default() };
    q::RetrievedPoint {
        id: Some(q::PointId::from(id.to_string())),
        payload: payload.clone(),
        vectors: Some(q::VectorsOutput {
            vectors_options: Some(q::vectors_output::VectorsOptions::Vector(vector)),
        }),
        ..q::RetrievedPoint::default()
    }
}

impl Shared {
    /// The state and the message, once the caller has shown its key and the faults of the hour are over.
    async fn admit<T>(&self, request: Request<T>) -> Result<(MutexGuard<'_, State>, T), Status> {
        let delay = {
            let mut state = self.0.lock().expect("whole");
            state.calls += 1;
            let shown = request.metadata().get("api-key").and_then(|k| k.to_str().ok());
            if state.key.is_some() && shown != state.key.as_deref() {
                return Err(Status::unauthenticated("Invalid API key or JWT"));
            }
            if state.unavailable > 0 {
                state.unavailable -= 1;
                return Err(Status::unavailable("the node is starting"));
            }
            state.delay
        };
        tokio::time::sleep(delay).await;
        Ok((self.0.lock().expect("whole"), request.into_inner()))
    }

    async fn create_(&self, request: Request<q::CreateCollection>) -> Answer<q::CollectionOperationResponse> {
        let (mut state, made_with) = self.admit(request).await?;
        let name = made_with.collection_name.clone();
        // What a server of version 1.x says about names.
        let wrong = |c: char| "<>:\"/\\|?*\0\u{1f}".contains(c);
        if name.is_empty() || name.len() > 255 || name.contains(wrong) {
            return Err(bad(format!("collection name {name:?} is not valid")));
        }
        if state.collections.contains_key(&name) {
            return Err(Status::already_exists(format!("Collection `{name}` already exists!")));
        }
        let stored = Stored { made_with, ..Stored::default() };
        if stored.dimension() == 0 {
            return Err(bad("no size"));
        }
        state.collections.insert(name, stored);
        Ok(Response::new(q::CollectionOperationResponse { result: true, ..Default::default() }))
    }

    async fn info_(
        &self,
        request: Request<q::GetCollectionInfoRequest>,
    ) -> Answer<q::GetCollectionInfoResponse> {
        let (mut state, asked) = self.admit(request).await?;
        let stored = state.of(&asked.collection_name)?;
        let params = q::CollectionParams {
            vectors_config: stored.made_with.vectors_config.clone(),
            ..q::CollectionParams::default()
        };
        let schema = stored.indexes.keys().map(|key| (key.clone(), q::PayloadSchemaInfo::default()));
        let info = q::CollectionInfo {
            config: Some(q::CollectionConfig { params: Some(params), ..q::CollectionConfig::default() }),
            payload_schema: schema.collect(),
            points_count: Some(stored.points.len() as u64),
            ..q::CollectionInfo::default()
        };
        Ok(Response::new(q::GetCollectionInfoResponse { result: Some(info), time: 0.0 }))
    }

    async fn list_(&self, request: Request<q::ListCollectionsRequest>) -> Answer<q::ListCollectionsResponse> {
        let (state, _) = self.admit(request).await?;
        let collections =
            state.collections.keys().rev().map(|name| q::CollectionDescription { name: name.clone() });
        Ok(Response::new(q::ListCollectionsResponse { collections: collections.collect(), time: 0.0 }))
    }

    async fn drop_(&self, request: Request<q::DeleteCollection>) -> Answer<q::CollectionOperationResponse> {
        let (mut state, asked) = self.admit(request).await?;
        let result = state.collections.remove(&asked.collection_name).is_some();
        Ok(Response::new(q::CollectionOperationResponse { result, ..Default::default() }))
    }

    async fn index_(
        &self,
        request: Request<q::CreateFieldIndexCollection>,
    ) -> Answer<q::PointsOperationResponse> {
        let (mut state, asked) = self.admit(request).await?;
        sync_write(asked.wait, asked.ordering)?;
        let stored = state.of(&asked.collection_name)?;
        stored.indexes.insert(asked.field_name.clone(), asked);
        Ok(state.done())
    }

    async fn upsert_(&self, request: Request<q::UpsertPoints>) -> Answer<q::PointsOperationResponse> {
        let (mut state, asked) = self.admit(request).await?;
        sync_write(asked.wait, asked.ordering)?;
        let stored = state.of(&asked.collection_name)?;
        let mut points = Vec::new();
        for point in asked.points {
            let vector = dense(point.vectors)?;
            stored.check_length(&vector)?;
            points.push((uuid_of(point.id)?, (unit(&vector), point.payload)));
        }
        if points.is_empty() {
            return Err(bad("Empty update request"));
        }
        stored.points.extend(points);
        Ok(state.done())
    }

    async fn delete_(&self, request: Request<q::DeletePoints>) -> Answer<q::PointsOperationResponse> {
        let (mut state, asked) = self.admit(request).await?;
        sync_write(asked.wait, asked.ordering)?;
        let stored = state.of(&asked.collection_name)?;
        let chosen = asked.points.and_then(|p| p.points_selector_one_of);
        let Some(q::points_selector::PointsSelectorOneOf::Points(list)) = chosen else {
            return Err(bad("not a list of ids"));
        };
        for id in list.ids {
            stored.points.remove(&uuid_of(Some(id))?);
        }
        Ok(state.done())
    }

    async fn get_(&self, request: Request<q::GetPoints>) -> Answer<q::GetResponse> {
        let (mut state, asked) = self.admit(request).await?;
        let stored = state.of(&asked.collection_name)?;
        let mut result = Vec::new();
        for id in asked.ids.into_iter().rev() {
            let id = uuid_of(Some(id))?;
            result.extend(stored.points.get(&id).map(|point| record(&id, point)));
        }
        Ok(Response::new(q::GetResponse { result, ..q::GetResponse::default() }))
    }

    async fn scroll_(&self, request: Request<q::ScrollPoints>) -> Answer<q::ScrollResponse> {
        let (mut state, asked) = self.admit(request).await?;
        let stored = state.of(&asked.collection_name)?;
        let from = asked.offset.map_or(Ok(Uuid::nil()), |id| uuid_of(Some(id)))?;
        let limit = asked.limit.unwrap_or(10) as usize;
        let mut result = Vec::new();
        for (id, point) in stored.points.range(from..) {
            if passes(asked.filter.as_ref(), &point.1)? {
                result.push(record(id, point));
            }
        }
        let next_page_offset = result.get(limit).and_then(|r| r.id.clone());
        result.truncate(limit);
        Ok(Response::new(q::ScrollResponse { next_page_offset, result, ..q::ScrollResponse::default() }))
    }

    async fn count_(&self, request: Request<q::CountPoints>) -> Answer<q::CountResponse> {
        let (mut state, asked) = self.admit(request).await?;
        if asked.exact != Some(true) {
            return Err(bad("a count that is not exact"));
        }
        let stored = state.of(&asked.collection_name)?;
        let mut count = 0;
        for (_, payload) in stored.points.values() {
            count += u64::from(passes(asked.filter.as_ref(), payload)?);
        }
        Ok(Response::new(q::CountResponse { result: Some(q::CountResult { count }), ..Default::default() }))
    }

    async fn query_(&self, request: Request<q::QueryPoints>) -> Answer<q::QueryResponse> {
        use q::vector_input::Variant::Dense;
        let (mut state, asked) = self.admit(request).await?;
        let stored = state.of(&asked.collection_name)?;
        let Some(q::query::Variant::Nearest(q::VectorInput {
            variant: Some(Dense(q::DenseVector { data })),
        })) = asked.query.and_then(|q| q.variant)
        else {
            return Err(bad("a query of another form"));
        };
        stored.check_length(&data)?;
        let limit = asked.limit.unwrap_or(10) as usize;
        let params = asked.params.unwrap_or_default();
        let rescored = params.quantization.and_then(|q| q.rescore) == Some(true);
        if limit == 0 || (params.exact != Some(true) && !rescored) {
            return Err(bad("no limit, or a rough search without a second look"));
        }
        let query = unit(&data);
        let mut result = Vec::new();
        // Backwards, so that equal scores stand in the wrong order.
        for (id, (vector, payload)) in stored.points.iter().rev() {
            if passes(asked.filter.as_ref(), payload)? {
                let score = vector.iter().zip(&query).map(|(a, b)| a * b).sum();
                let id = Some(q::PointId::from(id.to_string()));
                result.push(q::ScoredPoint { id, score, payload: payload.clone(), ..Default::default() });
            }
        }
        result.sort_by(|a, b| b.score.total_cmp(&a.score));
        result.truncate(limit);
        Ok(Response::new(q::QueryResponse { result, ..q::QueryResponse::default() }))
    }
}

/// The generated traits have a method for every call there is; those beyond ours are not implemented.
macro_rules! service {
    ($service:ident { $($name:ident $ours:ident $question:ident $answer:ident;)* }
        others { $($other:ident $asked:ident $told:ident;)* }) => {
        #[tonic::async_trait]
        impl $service for Shared {
            $(async fn $name(&self, request: Request<q::$question>) -> Answer<q::$answer> {
                self.$ours(request).await
            })*
            $(async fn $other(&self, _: Request<q::$asked>) -> Answer<q::$told> {
                Err(Status::unimplemented(stringify!($other)))
            })*
        }
    };
}

service! {
    Collections {
        get info_ GetCollectionInfoRequest GetCollectionInfoResponse;
        list list_ ListCollectionsRequest ListCollectionsResponse;
        create create_ CreateCollection CollectionOperationResponse;
        delete drop_ DeleteCollection CollectionOperationResponse;
    }
    others {
        update UpdateCollection CollectionOperationResponse;
        update_aliases ChangeAliases CollectionOperationResponse;
        list_collection_aliases ListCollectionAliasesRequest ListAliasesResponse;
        list_aliases ListAliasesRequest ListAliasesResponse;
        collection_cluster_info CollectionClusterInfoRequest CollectionClusterInfoResponse;
        collection_exists CollectionExistsRequest CollectionExistsResponse;
        update_collection_cluster_setup UpdateCollectionClusterSetupRequest UpdateCollectionClusterSetupResponse;
        create_shard_key CreateShardKeyRequest CreateShardKeyResponse;
        delete_shard_key DeleteShardKeyRequest DeleteShardKeyResponse;
        list_shard_keys ListShardKeysRequest ListShardKeysResponse;
    }
}

service! {
    Points {
        upsert upsert_ UpsertPoints PointsOperationResponse;
        delete delete_ DeletePoints PointsOperationResponse;
        get get_ GetPoints GetResponse;
        create_field_index index_ CreateFieldIndexCollection PointsOperationResponse;
        scroll scroll_ ScrollPoints ScrollResponse;
        count count_ CountPoints CountResponse;
        query query_ QueryPoints QueryResponse;
    }
    others {
        update_vectors UpdatePointVectors PointsOperationResponse;
        delete_vectors DeletePointVectors PointsOperationResponse;
        set_payload SetPayloadPoints PointsOperationResponse;
        overwrite_payload SetPayloadPoints PointsOperationResponse;
        delete_payload DeletePayloadPoints PointsOperationResponse;
        clear_payload ClearPayloadPoints PointsOperationResponse;
        delete_field_index DeleteFieldIndexCollection PointsOperationResponse;
        create_vector_name CreateVectorNameRequest PointsOperationResponse;
        delete_vector_name DeleteVectorNameRequest PointsOperationResponse;
        search SearchPoints SearchResponse;
        search_batch SearchBatchPoints SearchBatchResponse;
        search_groups SearchPointGroups SearchGroupsResponse;
        recommend RecommendPoints RecommendResponse;
        recommend_batch RecommendBatchPoints RecommendBatchResponse;
        recommend_groups RecommendPointGroups RecommendGroupsResponse;
        discover DiscoverPoints DiscoverResponse;
        discover_batch DiscoverBatchPoints DiscoverBatchResponse;
        update_batch UpdateBatchPoints UpdateBatchResponse;
        query_batch QueryBatchPoints QueryBatchResponse;
        query_groups QueryPointGroups QueryGroupsResponse;
        facet FacetCounts FacetResponse;
        search_matrix_pairs SearchMatrixPoints SearchMatrixPairsResponse;
        search_matrix_offsets SearchMatrixPoints SearchMatrixOffsetsResponse;
    }
}
