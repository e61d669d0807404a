use std::collections::HashSet;

use chrono::Utc;
use innkeeper_core::{EmployeeId, HotelId, ModelRef, WriteStage};
use sea_query::{Expr, ExprTrait, OnConflict, Order, Query};
use uuid::Uuid;

use crate::engine::{CHUNK, at_most, count, execute, fetch_all, fetch_some, get, parse};
use crate::schema::{Col, Table};
use crate::scope::Scope;
use crate::seal::TEMPLATE;
use crate::time::micros;
use crate::{Store, StoreError};

/// What the vector index must do with one template.
#[derive(Debug, Clone, PartialEq)]
pub enum VectorChange {
    /// Write the vector.
    Upsert {
        /// Whose face it is.
        employee: EmployeeId,
        /// The vector.
        vector: Vec<f32>,
    },
    /// Remove the vector.
    Delete,
}

/// A change of the tables that the vector index has not seen yet.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorTask {
    /// Id of the template and of its vector.
    pub template_id: Uuid,
    /// The hotel.
    pub hotel: HotelId,
    /// The model, which names the collection.
    pub model: ModelRef,
    /// What to do.
    pub kind: VectorChange,
}

/// A photo that the media room must remove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaTask {
    /// The hotel.
    pub hotel: HotelId,
    /// Where the photo lies.
    pub photo_key: String,
}

impl Store {
    /// What the vector index must still do, deletions first, then the oldest templates. Apply the tasks in
    /// one worker, then report them with [`Store::vectors_done`]; both kinds can be repeated without harm. A
    /// template that does not open waits on, told in the log, and keeps no other from its turn.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pending_vectors(&self, limit: usize) -> Result<Vec<VectorTask>, StoreError> {
        let mut conn = self.reader().await?;
        let deletes = Query::select()
            .columns([Col::TemplateId, Col::HotelId, Col::Model])
            .from(Table::VectorDeletes)
            .order_by(Col::QueuedAt, Order::Asc)
            .order_by(Col::TemplateId, Order::Asc)
            .limit(at_most(limit))
            .take();
        let mut tasks: Vec<VectorTask> = fetch_all(&mut conn, &deletes)
            .await?
            .iter()
            .map(|row| {
                Ok(VectorTask {
                    template_id: parse(row, "template_id")?,
                    hotel: parse(row, "hotel_id")?,
                    model: parse(row, "model")?,
                    kind: VectorChange::Delete,
                })
            })
            .collect::<Result<_, StoreError>>()?;
        let upserts = Query::select()
            .columns([Col::Id, Col::HotelId, Col::EmployeeId, Col::Model, Col::Vector, Col::Dimension])
            .from(Table::FaceTemplates)
            .and_where(Expr::col(Col::VectorState).eq("pending"))
            .order_by(Col::CreatedAt, Order::Asc)
            .order_by(Col::Id, Order::Asc)
            .take();
        let left = limit - tasks.len();
        let upserts = fetch_some(&mut conn, &upserts, left, |row| {
            let hotel: HotelId = parse(row, "hotel_id")?;
            let Some(vector) = self.readable(TEMPLATE, row, self.vector(TEMPLATE, &hotel, row))? else {
                return Ok(None);
            };
            Ok(Some(VectorTask {
                template_id: parse(row, "id")?,
                hotel,
                model: parse(row, "model")?,
                kind: VectorChange::Upsert { employee: parse(row, "employee_id")?, vector },
            }))
        });
        tasks.extend(upserts.await?);
        Ok(tasks)
    }

    /// Reports what the vector index has done, once it is safe on its disk: written and removed templates.
    /// An upsert of a template that was deleted meanwhile is ignored here; its deletion is in the queue.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn vectors_done(&self, upserts: &[Uuid], deletes: &[Uuid]) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for ids in upserts.chunks(CHUNK) {
            let update = Query::update()
                .table(Table::FaceTemplates)
                .value(Col::VectorState, "indexed")
                .and_where(Expr::col(Col::Id).is_in(ids.iter().map(Uuid::to_string)))
                .take();
            execute(&mut tx, &update).await?;
        }
        for ids in deletes.chunks(CHUNK) {
            let delete = Query::delete()
                .from_table(Table::VectorDeletes)
                .and_where(Expr::col(Col::TemplateId).is_in(ids.iter().map(Uuid::to_string)))
                .take();
            execute(&mut tx, &delete).await?;
        }
        tx.commit().await?;
        if !upserts.is_empty() {
            WriteStage::VectorAcknowledged.reached();
        }
        if !deletes.is_empty() {
            WriteStage::RemovalAcknowledged.reached();
        }
        Ok(())
    }

    /// Those of these ids that no template has (any more): the index was told of them while somebody deleted them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn without_template(&self, ids: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
        let mut conn = self.reader().await?;
        let mut there = HashSet::new();
        for ids in ids.chunks(CHUNK) {
            let query = Query::select()
                .column(Col::Id)
                .from(Table::FaceTemplates)
                .and_where(Expr::col(Col::Id).is_in(ids.iter().map(Uuid::to_string)))
                .take();
            for row in fetch_all(&mut conn, &query).await? {
                there.insert(parse::<Uuid>(&row, "id")?);
            }
        }
        Ok(ids.iter().copied().filter(|id| !there.contains(id)).collect())
    }

    /// Puts templates back into the queue because the index was found without them; returns how many. Ids
    /// that are no template are ignored.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn requeue_vectors(&self, ids: &[Uuid]) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let mut queued = 0;
        for ids in ids.chunks(CHUNK) {
            let update = Query::update()
                .table(Table::FaceTemplates)
                .value(Col::VectorState, "pending")
                .and_where(Expr::col(Col::Id).is_in(ids.iter().map(Uuid::to_string)))
                .take();
            queued += execute(&mut tx, &update).await?;
        }
        tx.commit().await?;
        Ok(queued)
    }

    /// Queues the removal of vectors that the index holds and no table knows.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn discard_vectors(
        &self,
        hotel: &HotelId,
        model: &ModelRef,
        ids: &[Uuid],
    ) -> Result<(), StoreError> {
        let at = Utc::now();
        let mut tx = self.hotel(hotel).begin(at).await?;
        for id in ids {
            let queue = Scope(hotel)
                .insert(
                    Table::VectorDeletes,
                    [
                        (Col::TemplateId, Expr::value(id.to_string())),
                        (Col::Model, Expr::value(model.to_string())),
                        (Col::QueuedAt, Expr::value(micros(at))),
                    ],
                )?
                .on_conflict(OnConflict::column(Col::TemplateId).do_nothing().to_owned())
                .take();
            execute(&mut tx, &queue).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Photos that the media room must still remove, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn media_deletes(&self, limit: usize) -> Result<Vec<MediaTask>, StoreError> {
        let query = Query::select()
            .columns([Col::HotelId, Col::PhotoKey])
            .from(Table::MediaDeletes)
            .order_by(Col::QueuedAt, Order::Asc)
            .order_by(Col::PhotoKey, Order::Asc)
            .limit(at_most(limit))
            .take();
        let rows = self.rows(&query).await?;
        rows.iter()
            .map(|row| Ok(MediaTask { hotel: parse(row, "hotel_id")?, photo_key: get(row, "photo_key")? }))
            .collect()
    }

    /// Reports photos that are gone from the media room.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn media_deleted(&self, done: &[MediaTask]) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for task in done {
            let delete = Scope(&task.hotel)
                .delete(Table::MediaDeletes)
                .and_where(Expr::col(Col::PhotoKey).eq(task.photo_key.as_str()))
                .take();
            execute(&mut tx, &delete).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Every template of `model` with its hotel, by id, to compare with the index at the start.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn all_template_ids(&self, model: &ModelRef) -> Result<Vec<(Uuid, HotelId)>, StoreError> {
        let query = Query::select()
            .columns([Col::Id, Col::HotelId])
            .from(Table::FaceTemplates)
            .and_where(Expr::col(Col::Model).eq(model.to_string()))
            .order_by(Col::Id, Order::Asc)
            .take();
        let rows = self.rows(&query).await?;
        rows.iter().map(|row| Ok((parse(row, "id")?, parse(row, "hotel_id")?))).collect()
    }

    /// The models that templates come from, with how many, over all hotels, by model.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn template_models(&self) -> Result<Vec<(ModelRef, u64)>, StoreError> {
        let query = Query::select()
            .column(Col::Model)
            .expr_as(Expr::col(Col::Id).count(), "templates")
            .from(Table::FaceTemplates)
            .group_by_col(Col::Model)
            .order_by(Col::Model, Order::Asc)
            .take();
        let rows = self.rows(&query).await?;
        rows.iter().map(|row| Ok((parse(row, "model")?, count(row, "templates")?))).collect()
    }
}
