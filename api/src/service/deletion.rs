//! A person goes: from tables, index, pictures, and from the unknown faces that were theirs. Works without any
//! model, as the gallery does.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use innkeeper_core::{EmployeeId, HotelId, ModelRef};
use innkeeper_face::Calibration;
use innkeeper_face::matching::fused;
use innkeeper_media::Prefix;
use innkeeper_store::UnknownFace;
use innkeeper_vectors::Filter;
use tracing::Instrument;
use uuid::Uuid;

use super::answers::DeletedAnswer;
use super::gallery::{CatchUpError, Gallery, not_enrolled};
use crate::problem::Problem;

impl Gallery {
    /// Removes a person from tables, index and pictures. When this answers `complete`, nothing is left to
    /// find. A deletion that has begun is finished, whether or not the caller waits for the answer.
    pub async fn delete(
        self: &Arc<Self>,
        hotel: &HotelId,
        employee: &EmployeeId,
        actor: &str,
    ) -> Result<DeletedAnswer, Problem> {
        let (this, hotel, employee) = (Arc::clone(self), hotel.clone(), employee.clone());
        let actor = actor.to_owned();
        tokio::spawn(async move { this.forget(&hotel, &employee, &actor).await }.in_current_span()).await?
    }

    async fn forget(
        &self,
        hotel: &HotelId,
        employee: &EmployeeId,
        actor: &str,
    ) -> Result<DeletedAnswer, Problem> {
        let _one = self.change().await;
        let before = self.vectors_of(hotel, employee).await?;
        let unknown_faces = self.forget_unknown_of(hotel, employee).await?;
        let deleted = self.engines.store.hotel(hotel).delete_person(employee, actor, Utc::now()).await?;
        let Some(deleted) = deleted else { return Err(not_enrolled(employee)) };
        self.recent.forget(hotel, employee);
        // The rows are gone and the rest is queued: from here on the answer is a receipt, not an error.
        let carried = self.catch_up().await;
        self.deleted.notify_one();
        let left = self.vectors_of(hotel, employee).await;
        let pictures = self.engines.media.delete_all(&Prefix::faces_of(hotel, employee)).await;
        let complete = carried.is_ok() && pictures.is_ok() && matches!(left, Ok(0));
        if !complete {
            tracing::error!(
                ?carried,
                ?pictures,
                "a deletion is queued but not complete; the sweep goes on with it"
            );
        }
        Ok(DeletedAnswer {
            success: true,
            complete,
            employee_id: employee.to_string(),
            templates: deleted.templates.len(),
            vectors: before.saturating_sub(left.unwrap_or(before)),
            photos: if complete { deleted.photo_keys.len() } else { 0 },
            consents: deleted.consents,
            attendance_rows: deleted.attendance_rows,
            negatives: deleted.negatives,
            unknown_faces,
            outbox_events: deleted.outbox_events,
            event_id: deleted.event_id,
        })
    }

    /// Forgets the unknown faces that are this person's by the bar of one face against one person; how many. The
    /// templates say it, so this comes before they go; a deletion that ends here is asked for again.
    async fn forget_unknown_of(&self, hotel: &HotelId, employee: &EmployeeId) -> Result<u64, Problem> {
        let rows = self.engines.store.hotel(hotel);
        let mut own: BTreeMap<ModelRef, Vec<Vec<f32>>> = BTreeMap::new();
        for template in rows.templates(employee).await? {
            own.entry(template.model).or_default().push(template.vector);
        }
        // What no evaluation covers is compared with nobody.
        own.retain(|model, _| Calibration::shipped(model).is_ok());
        if own.is_empty() {
            return Ok(0);
        }
        let theirs = |face: &UnknownFace| {
            let vectors: Vec<&[f32]> = own.get(&face.model)?.iter().map(Vec::as_slice).collect();
            let threshold = Calibration::shipped(&face.model).ok()?.threshold;
            Some(fused(&face.vector, &vectors)? >= threshold)
        };
        let kept = rows.unknown_faces(DateTime::<Utc>::MIN_UTC, usize::MAX).await?;
        let ids: Vec<Uuid> = kept.iter().filter(|face| theirs(face) == Some(true)).map(|f| f.id).collect();
        if ids.is_empty() {
            return Ok(0);
        }
        let forgotten = rows.forget_unknown(&ids).await?;
        self.unknown.forget(hotel).await;
        Ok(forgotten)
    }

    /// How many vectors the index holds of a person, over all models.
    async fn vectors_of(&self, hotel: &HotelId, employee: &EmployeeId) -> Result<usize, CatchUpError> {
        let filter = Filter::hotel(hotel).owner(employee.as_str());
        let mut count = 0;
        let name = self.collection_name().await?;
        for collection in self.engines.vectors.collections().await? {
            if collection.name() == name {
                count += self.engines.vectors.count(&collection, &filter).await?;
            }
        }
        Ok(count)
    }
}
