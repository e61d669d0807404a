//! How an image goes, and how its vector gives way to that of another model.

use chrono::{DateTime, Utc};
use innkeeper_core::ModelRef;
use sea_query::{Cond, Expr, ExprTrait, OnConflict};
use serde_json::json;
use uuid::Uuid;

use crate::audit::{AuditSubject, NewEntry};
use crate::engine::{Conn, execute, fetch_optional, get};
use crate::enrolment::check_vector;
use crate::images::insert_vector;
use crate::outbox::{IMAGE_DELETED, NewEvent};
use crate::removal::release_photos;
use crate::schema::{Col, Table};
use crate::scope::Scope;
use crate::store::commit;
use crate::time::micros;
use crate::{HotelStore, ImageVector, StoreError, audit, outbox};

/// What the deletion of an image removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletedImage {
    /// Images: one.
    pub rows: u64,
    /// Vectors, queued for removal from the index.
    pub vectors: u64,
    /// Pictures, queued for removal from the media room.
    pub photo_keys: Vec<String>,
    /// Matches it was part of.
    pub matches: u64,
    /// The event `image.deleted`.
    pub event_id: Uuid,
}

/// Queues the removal of a vector from the index.
pub(crate) async fn queue_vector(
    conn: &mut Conn,
    scope: Scope<'_>,
    image: Uuid,
    model: &str,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let queue = scope
        .insert(
            Table::ImageVectorDeletes,
            [
                (Col::ImageId, Expr::value(image.to_string())),
                (Col::Model, Expr::value(model)),
                (Col::QueuedAt, Expr::value(micros(at))),
            ],
        )?
        .on_conflict(OnConflict::columns([Col::ImageId, Col::Model]).do_nothing().to_owned())
        .take();
    execute(conn, &queue).await?;
    Ok(())
}

/// Takes the vector of an image out of the tables and queues its removal from the index; how many there were.
async fn remove_vector(
    conn: &mut Conn,
    scope: Scope<'_>,
    image: Uuid,
    at: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let of_image = || Expr::col(Col::ImageId).eq(image.to_string());
    let known = scope.select(Table::ImageVectors, &[Col::Model]).and_where(of_image()).take();
    let Some(row) = fetch_optional(conn, &known).await? else { return Ok(0) };
    queue_vector(conn, scope, image, &get::<String>(&row, "model")?, at).await?;
    execute(conn, &scope.delete(Table::ImageVectors).and_where(of_image()).take()).await
}

impl HotelStore {
    /// Deletes an image, its vector and the matches it is part of, in one transaction with an audit row and the
    /// event `image.deleted`; the vector in the index and the pictures are queued for removal. `None` when there
    /// is no such image.
    ///
    /// # Errors
    /// When the database fails; nothing is deleted then.
    pub async fn delete_image(
        &self,
        id: Uuid,
        actor: &str,
        at: DateTime<Utc>,
    ) -> Result<Option<DeletedImage>, StoreError> {
        let Some(mut tx) = self.begin_known().await? else { return Ok(None) };
        let (scope, text) = (self.scope(), id.to_string());
        let columns = [Col::Category, Col::RoomNumber, Col::Side, Col::PhotoKey, Col::ThumbnailKey];
        let this = || Expr::col(Col::Id).eq(text.as_str());
        let query = scope.select(Table::Images, &columns).and_where(this()).take();
        let Some(row) = fetch_optional(&mut tx, &query).await? else { return Ok(None) };
        let part = |column| Expr::col(column).eq(text.as_str());
        let matches = scope
            .delete(Table::ItemMatches)
            .cond_where(Cond::any().add(part(Col::FoundId)).add(part(Col::LostId)))
            .take();
        let matches = execute(&mut tx, &matches).await?;
        let vectors = remove_vector(&mut tx, scope, id, at).await?;
        let rows = execute(&mut tx, &scope.delete(Table::Images).and_where(this()).take()).await?;
        let keys: [Option<String>; 2] = [get(&row, "photo_key")?, get(&row, "thumbnail_key")?];
        let keys = keys.iter().flatten().map(String::as_str);
        let photo_keys = release_photos(&mut tx, scope, keys, at).await?;

        let (category, room): (String, Option<String>) = (get(&row, "category")?, get(&row, "room_number")?);
        let side: Option<String> = get(&row, "side")?;
        let details = json!({
            "category": category, "room_number": room, "side": side, "rows": rows, "vectors": vectors,
            "photos": photo_keys.len(), "matches": matches,
        });
        let subject = AuditSubject::Thing(format!("image:{id}"));
        let entry = NewEntry { at, actor, action: IMAGE_DELETED, subject: &subject, details: &details };
        audit::append(&mut tx, self, entry).await?;
        let event = NewEvent { topic: IMAGE_DELETED, person: None, at, forget: false };
        let payload = json!({ "image_id": id, "category": category, "room_number": room, "at": at });
        let event_id = outbox::emit(&mut tx, self, event, &payload).await?;
        commit(tx).await?;
        self.store.scrub_after_deletion().await;
        Ok(Some(DeletedImage { rows, vectors, photo_keys, matches, event_id }))
    }

    /// Gives an image the vector of another model, the step of a change of models; the old one is queued for
    /// removal from the index. `false` when there is no such picture, or it has a vector of that model already.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a vector that is none. Nothing is written then.
    pub async fn replace_image_vector(
        &self,
        id: Uuid,
        new: &ImageVector,
        at: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        check_vector(&new.vector)?;
        let Some(mut tx) = self.begin_known().await? else { return Ok(false) };
        let (scope, text) = (self.scope(), id.to_string());
        let picture = scope
            .select(Table::Images, &[Col::Id])
            .and_where(Expr::col(Col::Id).eq(text.as_str()))
            .and_where(Expr::col(Col::PhotoKey).is_not_null())
            .take();
        let same = scope
            .select(Table::ImageVectors, &[Col::ImageId])
            .and_where(Expr::col(Col::ImageId).eq(text.as_str()))
            .and_where(of_model(&new.model))
            .take();
        if fetch_optional(&mut tx, &picture).await?.is_none()
            || fetch_optional(&mut tx, &same).await?.is_some()
        {
            return Ok(false);
        }
        remove_vector(&mut tx, scope, id, at).await?;
        insert_vector(&mut tx, self, id, new, at).await?;
        // The same model may have been here before, and not have left the index yet.
        let back = scope
            .delete(Table::ImageVectorDeletes)
            .and_where(Expr::col(Col::ImageId).eq(text.as_str()))
            .and_where(of_model(&new.model))
            .take();
        execute(&mut tx, &back).await?;
        commit(tx).await?;
        Ok(true)
    }
}

fn of_model(model: &ModelRef) -> Expr {
    Expr::col(Col::Model).eq(model.to_string())
}
