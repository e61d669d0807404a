//! What models said, for as long as the installation keeps it.

use chrono::{DateTime, NaiveDate, Utc};
use innkeeper_hotel::GuestId;
use sea_query::{Expr, ExprTrait, Order, Query};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::engine::{Conn, Row, execute, fetch_some, get, parse, parse_optional};
use crate::enrolment::invalid;
use crate::outbox::NewEvent;
use crate::schema::{Col, Table};
use crate::seal::PREDICTION;
use crate::store::commit;
use crate::time::{day, micros, optional_day, time};
use crate::{HotelStore, Store, StoreError, outbox};

/// What a model said.
#[derive(Clone, PartialEq)]
pub struct Prediction {
    /// Its id; version 7.
    pub id: Uuid,
    /// The model by its name in the registry.
    pub model_name: String,
    /// Its version.
    pub model_version: String,
    /// What kind of thing was said: `forecast`, `pricing`, `churn`, …
    pub prediction_type: String,
    /// The guest it is about, when it is about one; forgetting the guest removes it.
    pub guest: Option<GuestId>,
    /// What it was computed from; sealed.
    pub input: Value,
    /// What was said; sealed.
    pub output: Value,
    /// How sure the model was, 0 to 1; `None` where it cannot tell.
    pub confidence: Option<f64>,
    /// The day at whose end everything was known that it knew.
    pub as_of: Option<NaiveDate>,
    /// When it was said.
    pub created_at: DateTime<Utc>,
}

impl std::fmt::Debug for Prediction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prediction")
            .field("id", &self.id)
            .field("model_name", &self.model_name)
            .field("model_version", &self.model_version)
            .field("prediction_type", &self.prediction_type)
            .field("as_of", &self.as_of)
            .field("created_at", &self.created_at)
            .finish_non_exhaustive()
    }
}

/// What of a prediction is sealed.
#[derive(Serialize, Deserialize)]
struct Content<V> {
    input: V,
    output: V,
}

const COLUMNS: [Col; 9] = [
    Col::Id,
    Col::ModelName,
    Col::ModelVersion,
    Col::PredictionType,
    Col::GuestId,
    Col::Content,
    Col::Confidence,
    Col::AsOf,
    Col::CreatedAt,
];

/// `None` when the content does not open.
fn prediction(hotel: &HotelStore, row: &Row) -> Result<Option<Prediction>, StoreError> {
    let opened = hotel.store.unseal_row(PREDICTION, hotel.hotel.as_str(), row).and_then(|plain| {
        serde_json::from_slice(&plain).map_err(|_| StoreError::Corrupt { column: "content" })
    });
    let Some(Content { input, output }) = hotel.store.readable(PREDICTION, row, opened)? else {
        return Ok(None);
    };
    Ok(Some(Prediction {
        id: parse(row, "id")?,
        model_name: get(row, "model_name")?,
        model_version: get(row, "model_version")?,
        prediction_type: get(row, "prediction_type")?,
        guest: parse_optional(row, "guest_id")?,
        input,
        output,
        confidence: get(row, "confidence")?,
        as_of: optional_day(row, "as_of")?,
        created_at: time(row, "created_at")?,
    }))
}

impl HotelStore {
    /// Writes down what models said, all of it in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a confidence outside 0 to 1, [`StoreError::Duplicate`] when an id is taken. Nothing is
    /// written then.
    pub async fn insert_predictions(&self, predictions: &[Prediction]) -> Result<(), StoreError> {
        let Some(first) = predictions.first() else { return Ok(()) };
        let mut tx = self.begin(first.created_at).await?;
        for new in predictions {
            self.insert_prediction(&mut tx, new).await?;
        }
        commit(tx).await
    }

    async fn insert_prediction(&self, conn: &mut Conn, new: &Prediction) -> Result<(), StoreError> {
        if new.confidence.is_some_and(|c| !(0.0..=1.0).contains(&c)) {
            return Err(invalid("confidence", "must be between 0 and 1"));
        }
        let id = new.id.to_string();
        let plain = serde_json::to_vec(&Content { input: &new.input, output: &new.output })?;
        let [content, sealed_by] = self.store.seal(PREDICTION, self.hotel.as_str(), &id, &plain)?;
        let insert = self.scope().insert(
            Table::MlPredictions,
            [
                (Col::Id, Expr::value(id)),
                (Col::ModelName, Expr::value(new.model_name.as_str())),
                (Col::ModelVersion, Expr::value(new.model_version.as_str())),
                (Col::PredictionType, Expr::value(new.prediction_type.as_str())),
                (Col::GuestId, Expr::value(new.guest.as_ref().map(GuestId::as_str))),
                content,
                sealed_by,
                (Col::Confidence, Expr::value(new.confidence)),
                (Col::AsOf, Expr::value(new.as_of.map(day))),
                (Col::CreatedAt, Expr::value(micros(new.created_at))),
            ],
        )?;
        execute(conn, &insert).await?;
        Ok(())
    }

    /// Writes down what a model said together with the event that tells of it, in one transaction. Returns the id of the
    /// event.
    ///
    /// # Errors
    /// As [`Self::insert_predictions`].
    pub async fn record_prediction(
        &self,
        new: &Prediction,
        topic: &'static str,
        payload: &Value,
    ) -> Result<Uuid, StoreError> {
        let mut tx = self.begin(new.created_at).await?;
        self.insert_prediction(&mut tx, new).await?;
        let event = NewEvent { topic, person: None, at: new.created_at, forget: false };
        let event_id = outbox::emit(&mut tx, self, event, payload).await?;
        commit(tx).await?;
        Ok(event_id)
    }

    /// What was said under an id. `None` when nothing was, or not any more, or it does not open, of which the log tells.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn prediction(&self, id: Uuid) -> Result<Option<Prediction>, StoreError> {
        let query = self
            .scope()
            .select(Table::MlPredictions, &COLUMNS)
            .and_where(Expr::col(Col::Id).eq(id.to_string()))
            .take();
        self.rows(&query).await?.first().map_or(Ok(None), |row| prediction(self, row))
    }

    /// What was said since a moment by one model or by all, newest first, at most `limit`; less those that do not open, of
    /// which the log tells.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn predictions(
        &self,
        model: Option<&str>,
        since: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<Prediction>, StoreError> {
        let mut query = self
            .scope()
            .select(Table::MlPredictions, &COLUMNS)
            .and_where(Expr::col(Col::CreatedAt).gte(micros(since)))
            .order_by(Col::CreatedAt, Order::Desc)
            .order_by(Col::Id, Order::Desc)
            .take();
        if let Some(model) = model {
            query.and_where(Expr::col(Col::ModelName).eq(model));
        }
        fetch_some(&mut *self.reader().await?, &query, limit, |row| prediction(self, row)).await
    }
}

impl Store {
    /// Removes what models of every hotel said before a moment; how much it was.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn prune_predictions(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let delete = Query::delete()
            .from_table(Table::MlPredictions)
            .and_where(Expr::col(Col::CreatedAt).lt(micros(before)))
            .take();
        let mut tx = self.begin().await?;
        let removed = execute(&mut tx, &delete).await?;
        tx.commit().await?;
        if removed > 0 {
            self.scrub_after_deletion().await;
        }
        Ok(removed)
    }
}
