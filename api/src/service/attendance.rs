//! From a recognised face to an attendance row.

use std::time::Duration;

use chrono::{DateTime, Utc};
use innkeeper_core::{CameraId, EmployeeId, HotelId};
use innkeeper_store::{Action, Sighting, StoreError, local_day};

use super::FaceService;
use super::answers::{AttendanceReport, FaceReport};
use crate::config::{Direction, RequireLiveness};
use crate::problem::Problem;

/// Whether a liveness verdict lets attendance be written. `Err` is the reason why not.
fn allowed(rule: RequireLiveness, is_alive: Option<bool>) -> Result<(), &'static str> {
    match (rule, is_alive) {
        (RequireLiveness::Never, _) | (_, Some(true)) | (RequireLiveness::WhenAvailable, None) => Ok(()),
        (_, Some(false)) => Err("not_alive"),
        (RequireLiveness::Always, None) => Err("liveness_required"),
    }
}

impl FaceService {
    /// Whether a face with this liveness verdict counts as attendance here. `Err` is the reason why not.
    pub(super) fn may_attend(&self, is_alive: Option<bool>) -> Result<(), &'static str> {
        allowed(self.attendance.require_liveness, is_alive)
    }

    /// What a sighting at this camera means, when the settings say.
    pub(super) fn action_at(&self, camera: Option<&CameraId>) -> Option<Action> {
        camera.and_then(|c| self.attendance.cameras.get(c)).map(|direction| match direction {
            Direction::CheckIn => Action::CheckIn,
            Direction::CheckOut => Action::CheckOut,
        })
    }

    /// Writes the sighting of one recognised face, or says why not. `None` when the person was deleted since
    /// the search.
    pub(super) async fn attend(
        &self,
        hotel: &HotelId,
        camera: Option<&CameraId>,
        seen_at: DateTime<Utc>,
        employee: &EmployeeId,
        face: &FaceReport,
    ) -> Result<Option<AttendanceReport>, Problem> {
        let refused = |reason: &str| {
            Some(AttendanceReport {
                recorded: false,
                id: None,
                is_new: None,
                action: None,
                reason: Some(reason.to_owned()),
            })
        };
        if let Err(reason) = self.may_attend(face.is_alive) {
            return Ok(refused(reason));
        }
        let (Some(confidence), Some(score)) = (face.confidence, face.score) else {
            return Ok(refused("below_threshold"));
        };
        let action = self.action_at(camera);
        let day = local_day(seen_at, self.timezone);
        let unchecked = face.is_alive.is_none();
        let sighting = Sighting {
            employee_id: employee.clone(),
            camera_id: camera.cloned(),
            seen_at,
            confidence,
            score,
            is_alive: face.is_alive,
            liveness_reason: face.liveness_reason(),
            model: self.embedder(),
            action,
            window: Duration::from_secs(self.attendance.sighting_window_seconds),
            day_start: day.start,
            day_end: day.end,
        };
        match self.gallery.engines.store.hotel(hotel).record_sighting(sighting).await {
            Ok(outcome) => Ok(Some(AttendanceReport {
                recorded: true,
                id: Some(outcome.attendance_id),
                is_new: Some(outcome.is_new),
                action: Some(outcome.action.to_string()),
                reason: unchecked.then(|| "liveness_not_checked".to_owned()),
            })),
            Err(StoreError::UnknownEmployee) => Ok(None),
            Err(other) => Err(other.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_photo_never_attends_unless_the_hotel_said_that_identity_is_enough() {
        let sometimes = RequireLiveness::WhenAvailable;
        let always = RequireLiveness::Always;
        let never = RequireLiveness::Never;
        assert_eq!(allowed(sometimes, Some(false)), Err("not_alive"));
        assert_eq!(allowed(always, Some(false)), Err("not_alive"));
        assert_eq!(allowed(never, Some(false)), Ok(()));
        assert_eq!(allowed(sometimes, None), Ok(()));
        assert_eq!(allowed(always, None), Err("liveness_required"));
        assert_eq!(allowed(always, Some(true)), Ok(()));
    }
}
