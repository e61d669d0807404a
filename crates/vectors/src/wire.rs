//! This room's points, filters and hits as messages of a Qdrant server, and back.

use std::collections::HashMap;

use qdrant_client::Payload;
use qdrant_client::qdrant::payload_index_params::IndexParams;
use qdrant_client::qdrant::point_id::PointIdOptions;
use qdrant_client::qdrant::vectors_config::Config;
use qdrant_client::qdrant::{
    CollectionInfo, Condition, Distance, FieldType, Filter as Message, IntegerIndexParamsBuilder,
    KeywordIndexParamsBuilder, PointId, PointStruct, Range, RetrievedPoint, ScoredPoint, Value,
    VectorsConfig, vector_output,
};
use uuid::Uuid;

use crate::collection::Lookup;
use crate::point::{Wanted, path_of};
use crate::{Filter, HOTEL, Hit, OWNER, VectorError, VectorPoint};

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
    let must = filter.must.iter().map(|(key, wanted)| {
        // The server would refuse a broken key too, with a text of its own.
        path_of(key)?;
        let key = key.as_str();
        Ok(match wanted {
            Wanted::Text(text) => Condition::matches(key, text.clone()),
            Wanted::AnyOf(texts) => Condition::matches(key, texts.clone()),
            Wanted::Range(from, until) => {
                let [gte, lt] = [from, until].map(|n| n.map(|n| n as f64));
                // Without both the server would take any point.
                let gte = gte.or(lt.is_none().then_some(f64::MIN));
                Condition::range(key, Range { gte, lt, ..Range::default() })
            }
        })
    });
    let must = must.collect::<Result<_, VectorError>>()?;
    let must_not = match filter.except_owners.as_slice() {
        [] => None,
        owners => Some(Condition::matches(OWNER, owners.to_vec())),
    };
    Ok(Message { must, must_not: must_not.into_iter().collect(), ..Message::default() })
}

pub(crate) fn kind_of(lookup: Lookup) -> FieldType {
    match lookup {
        Lookup::Keyword => FieldType::Keyword,
        Lookup::Integer => FieldType::Integer,
    }
}

pub(crate) fn index_of(field: &str, lookup: Lookup) -> IndexParams {
    match lookup {
        // The hotel comes first in every question but those of reconciliation.
        Lookup::Keyword => KeywordIndexParamsBuilder::default().is_tenant(field == HOTEL).into(),
        // Only ranges are asked for.
        Lookup::Integer => IntegerIndexParamsBuilder::new(false, true).into(),
    }
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
