use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use innkeeper_core::EmployeeId;
use serde_json::json;
use uuid::Uuid;

use crate::attendance::{NewRow, Presence, action_of_day, extend, find_open, open_sighting};
use crate::audit::{AuditSubject, NewEntry};
use crate::enrolment::invalid;
use crate::people::exists;
use crate::store::commit;
use crate::time::{local_day, micros};
use crate::{Action, HotelStore, Source, StoreError, audit, unknown};

/// One sighting of an unknown face that gets a name.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedFace {
    /// The sighting.
    pub id: Uuid,
    /// Probability that it is this person, 0 to 1, as the caller takes it.
    pub confidence: f32,
    /// The raw score behind it.
    pub score: f32,
    /// Whether it counts as attendance. A photo held before the camera does not.
    pub attends: bool,
    /// What the camera's place says; `None` lets the store decide.
    pub action: Option<Action>,
}

/// Who the unknown faces were.
#[derive(Debug, Clone, PartialEq)]
pub struct Naming {
    /// Who.
    pub employee: EmployeeId,
    /// The sightings.
    pub faces: Vec<NamedFace>,
    /// Longest silence within one sighting.
    pub window: Duration,
    /// Where the hotel's days begin and end.
    pub zone: Tz,
    /// Who says so.
    pub actor: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// What naming unknown faces did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Named {
    /// Sightings that were still there; they are no unknown faces any more.
    pub faces: Vec<Uuid>,
    /// Attendance rows that were opened.
    pub opened: Vec<Uuid>,
    /// Attendance rows of the person that covered a sighting already, and reach to it now.
    pub joined: Vec<Uuid>,
    /// The events `attendance.recorded`, one for each row that was opened.
    pub events: Vec<Uuid>,
}

impl HotelStore {
    /// Gives unknown faces to a person, in one transaction: attendance rows with the source `named_later` and
    /// their events, an audit row `face.unknown_named`, and the unknown faces go, their photos queued for
    /// removal. A sighting that lies within the window of one of the person's rows at the same camera joins
    /// it, as a frame would. Without an action from the camera the first sighting of a day is `check_in`, in
    /// the order in which they are written.
    ///
    /// A sighting that is not there any more is left out. When none is, nothing is written.
    ///
    /// # Errors
    /// [`StoreError::UnknownEmployee`], [`StoreError::Invalid`] for numbers out of range. Nothing is written
    /// then.
    pub async fn name_unknown(&self, naming: Naming) -> Result<Named, StoreError> {
        let Naming { employee, faces, window, zone, actor, at } = naming;
        for face in &faces {
            if !(0.0..=1.0).contains(&face.confidence) {
                return Err(invalid("confidence", "must be between 0 and 1"));
            }
            if !face.score.is_finite() {
                return Err(invalid("score", "must be a finite number"));
            }
        }
        let asked: HashMap<Uuid, NamedFace> = faces.into_iter().map(|f| (f.id, f)).collect();
        let ids: Vec<Uuid> = asked.keys().copied().collect();
        let scope = self.scope();
        let mut tx = self.begin(at).await?;
        if !exists(&mut tx, scope, &employee).await? {
            return Err(StoreError::UnknownEmployee);
        }
        let mut named = Named::default();
        for face in self.unknown_by_ids(&mut tx, &ids).await? {
            named.faces.push(face.id);
            let Some(asked) = asked.get(&face.id).filter(|f| f.attends) else { continue };
            let seen = Presence {
                employee: &employee,
                camera: face.camera_id.as_ref(),
                first: micros(face.seen_at),
                last: micros(face.last_seen_at),
            };
            if let Some(open) = find_open(&mut tx, scope, seen, window).await? {
                extend(&mut tx, scope, &open, seen).await?;
                if !named.opened.contains(&open.id) && !named.joined.contains(&open.id) {
                    named.joined.push(open.id);
                }
                continue;
            }
            let action = match asked.action {
                Some(action) => action,
                None => action_of_day(&mut tx, scope, &employee, local_day(face.seen_at, zone)).await?,
            };
            let row = NewRow {
                seen,
                timestamp: face.seen_at,
                action,
                confidence: asked.confidence,
                score: asked.score,
                is_alive: face.is_alive,
                liveness_reason: face.liveness_reason.as_deref(),
                model: &face.model,
                source: Source::NamedLater,
            };
            let (attendance, event) = open_sighting(&mut tx, self, row).await?;
            named.opened.push(attendance);
            named.events.push(event);
        }
        if named.faces.is_empty() {
            return Ok(named);
        }
        unknown::remove(&mut tx, scope, &named.faces, at).await?;
        let details = json!({
            "faces": named.faces.len(), "attendance_opened": named.opened.len(),
            "attendance_joined": named.joined.len(),
        });
        let subject = AuditSubject::Person(employee);
        let action = "face.unknown_named";
        let entry = NewEntry { at, actor: &actor, action, subject: &subject, details: &details };
        audit::append(&mut tx, self, entry).await?;
        commit(tx).await?;
        self.store.scrub_after_deletion().await;
        Ok(named)
    }
}
