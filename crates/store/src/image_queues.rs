//! What the vector index must still be told of images, as `queues` has it for faces. Every call names the model:
//! an image keeps its id when its vector gives way to that of another model.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use innkeeper_core::{HotelId, ModelRef, RoomNumber, WriteStage};
use sea_query::{Expr, ExprTrait, Order, Query};
use uuid::Uuid;

use crate::engine::{CHUNK, Conn, at_most, count, execute, fetch_all, get, parse, parse_optional};
use crate::image_removal::queue_vector;
use crate::images::content;
use crate::schema::{Col, Table};
use crate::seal::IMAGE_VECTOR;
use crate::time::time;
use crate::{ImageCategory, ItemSide, Store, StoreError};

/// What the index is told of an image.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexedImage {
    /// The vector.
    pub vector: Vec<f32>,
    /// What the image is kept for.
    pub category: ImageCategory,
    /// The room.
    pub room_number: Option<RoomNumber>,
    /// Found or lost.
    pub side: Option<ItemSide>,
    /// What it shows.
    pub tags: Vec<String>,
    /// When it came.
    pub uploaded_at: DateTime<Utc>,
}

/// What the vector index must do with one image.
#[derive(Debug, Clone, PartialEq)]
pub enum ImageVectorChange {
    /// Write the vector with its payload.
    Upsert(Box<IndexedImage>),
    /// Remove the vector.
    Delete,
}

/// A change of the tables that the vector index has not seen yet.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageVectorTask {
    /// Id of the image and of its vector.
    pub image_id: Uuid,
    /// The hotel.
    pub hotel: HotelId,
    /// The model, which names the collection.
    pub model: ModelRef,
    /// What to do.
    pub kind: ImageVectorChange,
}

/// A picture that has no vector of a certain model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undescribed {
    /// The hotel.
    pub hotel: HotelId,
    /// The image.
    pub image_id: Uuid,
    /// Where its picture lies.
    pub photo_key: String,
}

fn these(ids: &[Uuid]) -> Expr {
    Expr::col(Col::ImageId).is_in(ids.iter().map(Uuid::to_string))
}

fn of_model(model: &ModelRef) -> Expr {
    Expr::col(Col::Model).eq(model.to_string())
}

impl Store {
    /// What the vector index must still do, deletions first, then the oldest images. Apply the tasks in one
    /// worker, then report them with [`Store::image_vectors_done`]; both kinds can be repeated without harm. An
    /// image that does not open waits on, told in the log, and keeps no other from its turn.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pending_image_vectors(&self, limit: usize) -> Result<Vec<ImageVectorTask>, StoreError> {
        let mut conn = self.reader().await?;
        let deletes = Query::select()
            .columns([Col::ImageId, Col::HotelId, Col::Model])
            .from(Table::ImageVectorDeletes)
            .order_by(Col::QueuedAt, Order::Asc)
            .order_by(Col::ImageId, Order::Asc)
            .order_by(Col::Model, Order::Asc)
            .limit(at_most(limit))
            .take();
        let mut tasks: Vec<ImageVectorTask> = fetch_all(&mut conn, &deletes)
            .await?
            .iter()
            .map(|row| {
                Ok(ImageVectorTask {
                    image_id: parse(row, "image_id")?,
                    hotel: parse(row, "hotel_id")?,
                    model: parse(row, "model")?,
                    kind: ImageVectorChange::Delete,
                })
            })
            .collect::<Result<_, StoreError>>()?;
        let mut seen = 0;
        while tasks.len() < limit {
            let wanted = (limit - tasks.len()).min(CHUNK);
            let read = self.upserts(&mut conn, wanted, seen, &mut tasks).await?;
            seen += read as u64;
            if read < wanted {
                break;
            }
        }
        Ok(tasks)
    }

    /// Adds what the next rows ask of the index; how many rows there were.
    async fn upserts(
        &self,
        conn: &mut Conn,
        wanted: usize,
        seen: u64,
        tasks: &mut Vec<ImageVectorTask>,
    ) -> Result<usize, StoreError> {
        let vectors = Query::select()
            .columns([Col::ImageId, Col::HotelId, Col::Model, Col::Vector, Col::Dimension])
            .from(Table::ImageVectors)
            .and_where(Expr::col(Col::VectorState).eq("pending"))
            .order_by(Col::CreatedAt, Order::Asc)
            .order_by(Col::ImageId, Order::Asc)
            .limit(at_most(wanted))
            .offset(seen)
            .take();
        let vectors = fetch_all(conn, &vectors).await?;
        let ids: Vec<String> =
            vectors.iter().map(|row| get(row, "image_id")).collect::<Result<_, StoreError>>()?;
        let images = Query::select()
            .columns([Col::Id, Col::HotelId, Col::Category, Col::RoomNumber, Col::Side, Col::UploadedAt])
            .column(Col::Content)
            .from(Table::Images)
            .and_where(Expr::col(Col::Id).is_in(ids))
            .take();
        let images = if vectors.is_empty() { Vec::new() } else { fetch_all(conn, &images).await? };
        let images: HashMap<Uuid, _> =
            images.iter().map(|row| Ok((parse(row, "id")?, row))).collect::<Result<_, StoreError>>()?;
        for row in &vectors {
            let (image_id, hotel): (Uuid, HotelId) = (parse(row, "image_id")?, parse(row, "hotel_id")?);
            let Some(image) = images.get(&image_id) else { continue };
            let vector = self.vector(IMAGE_VECTOR, &hotel, row);
            let Some(vector) = self.readable(IMAGE_VECTOR, row, vector)? else { continue };
            let Some(content) = content(self, hotel.as_str(), image)? else { continue };
            let indexed = IndexedImage {
                vector,
                category: parse(image, "category")?,
                room_number: parse_optional(image, "room_number")?,
                side: parse_optional(image, "side")?,
                tags: content.tags,
                uploaded_at: time(image, "uploaded_at")?,
            };
            let kind = ImageVectorChange::Upsert(Box::new(indexed));
            tasks.push(ImageVectorTask { image_id, hotel, model: parse(row, "model")?, kind });
        }
        Ok(vectors.len())
    }

    /// Reports what the vector index has done for a model, once it is safe on its disk: written and removed
    /// images. An upsert of an image that was deleted meanwhile is ignored here; its deletion is in the queue.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn image_vectors_done(
        &self,
        model: &ModelRef,
        upserts: &[Uuid],
        deletes: &[Uuid],
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for ids in upserts.chunks(CHUNK) {
            let update = Query::update()
                .table(Table::ImageVectors)
                .value(Col::VectorState, "indexed")
                .and_where(these(ids))
                .and_where(of_model(model))
                .take();
            execute(&mut tx, &update).await?;
        }
        for ids in deletes.chunks(CHUNK) {
            let delete = Query::delete()
                .from_table(Table::ImageVectorDeletes)
                .and_where(these(ids))
                .and_where(of_model(model))
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

    /// Those of these ids that have no vector of the model (any more): the index was told of them while somebody
    /// deleted them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn without_image_vector(
        &self,
        model: &ModelRef,
        ids: &[Uuid],
    ) -> Result<Vec<Uuid>, StoreError> {
        let mut conn = self.reader().await?;
        let mut there = HashSet::new();
        for ids in ids.chunks(CHUNK) {
            let query = Query::select()
                .column(Col::ImageId)
                .from(Table::ImageVectors)
                .and_where(these(ids))
                .and_where(of_model(model))
                .take();
            for row in fetch_all(&mut conn, &query).await? {
                there.insert(parse::<Uuid>(&row, "image_id")?);
            }
        }
        Ok(ids.iter().copied().filter(|id| !there.contains(id)).collect())
    }

    /// Puts vectors of a model back into the queue because the index was found without them; returns how many.
    /// Ids that have none are ignored.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn requeue_image_vectors(&self, model: &ModelRef, ids: &[Uuid]) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let mut queued = 0;
        for ids in ids.chunks(CHUNK) {
            let update = Query::update()
                .table(Table::ImageVectors)
                .value(Col::VectorState, "pending")
                .and_where(these(ids))
                .and_where(of_model(model))
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
    pub async fn discard_image_vectors(
        &self,
        hotel: &HotelId,
        model: &ModelRef,
        ids: &[Uuid],
    ) -> Result<(), StoreError> {
        let at = Utc::now();
        let hotel = self.hotel(hotel);
        let mut tx = hotel.begin(at).await?;
        for id in ids {
            queue_vector(&mut tx, hotel.scope(), *id, &model.to_string(), at).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Every image with a vector of `model`, with its hotel, by id, to compare with the index at the start.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn all_image_ids(&self, model: &ModelRef) -> Result<Vec<(Uuid, HotelId)>, StoreError> {
        let query = Query::select()
            .columns([Col::ImageId, Col::HotelId])
            .from(Table::ImageVectors)
            .and_where(of_model(model))
            .order_by(Col::ImageId, Order::Asc)
            .take();
        let rows = self.rows(&query).await?;
        rows.iter().map(|row| Ok((parse(row, "image_id")?, parse(row, "hotel_id")?))).collect()
    }

    /// The models that vectors of images come from, with how many, over all hotels, by model.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn image_models(&self) -> Result<Vec<(ModelRef, u64)>, StoreError> {
        let query = Query::select()
            .column(Col::Model)
            .expr_as(Expr::col(Col::ImageId).count(), "images")
            .from(Table::ImageVectors)
            .group_by_col(Col::Model)
            .order_by(Col::Model, Order::Asc)
            .take();
        let rows = self.rows(&query).await?;
        rows.iter().map(|row| Ok((parse(row, "model")?, count(row, "images")?))).collect()
    }

    /// Pictures that have no vector of `model`, by id and beginning behind `after`: what a change of models must
    /// still describe.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn images_without(
        &self,
        model: &ModelRef,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<Undescribed>, StoreError> {
        let described =
            Query::select().column(Col::ImageId).from(Table::ImageVectors).and_where(of_model(model)).take();
        let mut query = Query::select()
            .columns([Col::Id, Col::HotelId, Col::PhotoKey])
            .from(Table::Images)
            .and_where(Expr::col(Col::PhotoKey).is_not_null())
            .and_where(Expr::col(Col::Id).not_in_subquery(described))
            .order_by(Col::Id, Order::Asc)
            .limit(at_most(limit))
            .take();
        if let Some(after) = after {
            query.and_where(Expr::col(Col::Id).gt(after.to_string()));
        }
        let rows = self.rows(&query).await?;
        rows.iter()
            .map(|row| {
                Ok(Undescribed {
                    hotel: parse(row, "hotel_id")?,
                    image_id: parse(row, "id")?,
                    photo_key: get(row, "photo_key")?,
                })
            })
            .collect()
    }
}
