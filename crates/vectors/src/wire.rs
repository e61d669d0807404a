//! This room's points, filters and hits as messages of a Qdrant server, and back.

use std::collections::HashMap;

use qdrant_client::Payload;
use qdrant_client::qdrant::point_id::PointIdOptions;
use qdrant_client::qdrant::vectors_config::Config;
use qdrant_client::qdrant::{
    CollectionInfo, Condition, Distance, Filter as Message, PointId, PointStruct, RetrievedPoint,
    ScoredPoint, Value, VectorsConfig, vector_output,
};
use uuid::Uuid;

use crate::point::path_of;
use crate::{Filter, Hit, OWNER, VectorError, VectorPoint};

pub(crate) fn id_of(id: Uuid) -> PointId {
    PointId::from(id.to_string())
}

pub(crate) fn uuid_of(id: Option<PointId>) -> Result<Uuid, VectorError> {
    match id.and_then(|id| id.point_id_options) {
        Some(PointIdOptions::Uuid(text)) => {
            text.parse().map_err(|_| VectorError::Engine(format!("point {text:?} has no UUID")))
        }
        other => Err(VectorError::Engine(format!("point {other:?} was not written by this room"))),
    }
}

pub(crate) fn point(point: VectorPoint) -> PointStruct {
    PointStruct::new(id_of(point.id), point.vector, Payload::from(point.payload))
}

fn payload(message: HashMap<String, Value>) -> serde_json::Map<String, serde_json::Value> {
    Payload::from(message).into()
}

pub(crate) fn read_back(record: RetrievedPoint) -> Result<VectorPoint, VectorError> {
    let id = uuid_of(record.id)?;
    match record.vectors.and_then(|v| v.get_vector()) {
        Some(vector_output::Vector::Dense(dense)) => {
            Ok(VectorPoint { id, vector: dense.data, payload: payload(record.payload) })
        }
        _ => Err(VectorError::Engine(format!("point {id} has no vector"))),
    }
}

pub(crate) fn hit(found: ScoredPoint) -> Result<Hit, VectorError> {
    Ok(Hit { id: uuid_of(found.id)?, score: found.score.clamp(-1.0, 1.0), payload: payload(found.payload) })
}

pub(crate) fn filter(filter: &Filter) -> Result<Message, VectorError> {
    // The server would refuse a broken key too, with a text of its own.
    filter.equal.iter().try_for_each(|(key, _)| path_of(key).map(drop))?;
    let must = filter.equal.iter().map(|(key, text)| Condition::matches(key.as_str(), text.clone()));
    let must_not = match filter.except_owners.as_slice() {
        [] => None,
        owners => Some(Condition::matches(OWNER, owners.to_vec())),
    };
    Ok(Message { must: must.collect(), must_not: must_not.into_iter().collect(), ..Message::default() })
}

/// Numbers a vector in a collection of the server; `None` when it is of another kind than ours.
pub(crate) fn dimension_of(info: &CollectionInfo) -> Option<usize> {
    let params = info.config.as_ref()?.params.as_ref()?;
    match params.vectors_config.as_ref()? {
        VectorsConfig { config: Some(Config::Params(vectors)) } => {
            (vectors.distance() == Distance::Cosine).then_some(vectors.size as usize)
        }
        _ => None,
    }
}
