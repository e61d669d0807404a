//! Somebody says an answer was wrong: the face becomes a negative sample, the attendance row is put right.

use std::time::Duration;

use bytes::Bytes;
use chrono::Utc;
use innkeeper_core::{EmployeeId, ErrorCode, HotelId};
use innkeeper_store::{Correction, NewNegative, RowOutcome};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::FaceService;
use super::verify::{answer_not_found, embedded};
use crate::admission::Admission;
use crate::problem::Problem;

/// Which face it was.
#[derive(Debug)]
pub(crate) enum WrongFace {
    /// The one that this answer called the employee.
    Answer(Uuid),
    /// The one on this picture.
    Picture(Bytes),
}

/// What was wrong.
#[derive(Debug)]
pub(crate) struct NotThisPersonInput {
    pub employee: EmployeeId,
    pub face: WrongFace,
    /// The row that was written for the wrong person, when the face comes from a picture.
    pub attendance: Option<Uuid>,
    /// Who it was; the row becomes theirs. Without a name it is removed.
    pub in_truth: Option<EmployeeId>,
}

/// The correction is kept.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NotThisPersonAnswer {
    pub success: bool,
    #[schema(example = "EMP001")]
    pub employee_id: String,
    /// The negative sample: such a face is not called this employee again, until the sample is removed. Null when
    /// it shows somebody who did not agree that faces of theirs are kept.
    pub negative_id: Option<Uuid>,
    /// `removed`, `reassigned`, or null when no attendance row of the employee was concerned.
    pub attendance: Option<&'static str>,
}

impl FaceService {
    /// Keeps the face as a negative sample of the employee, which changes the next answer, and corrects the
    /// attendance row that the wrong answer wrote; both or neither.
    pub async fn not_this_person(
        &self,
        admission: &Admission,
        hotel: &HotelId,
        actor: &str,
        input: NotThisPersonInput,
    ) -> Result<NotThisPersonAnswer, Problem> {
        let NotThisPersonInput { employee, face, attendance, in_truth } = input;
        if in_truth.as_ref() == Some(&employee) {
            let detail = format!("correct_employee_id is {employee} too; then the answer was right");
            return Err(Problem::new(ErrorCode::BadRequest, detail));
        }
        let rows = self.gallery.engines.store.hotel(hotel);
        for named in std::iter::once(&employee).chain(&in_truth) {
            if rows.employee(named).await?.is_none() {
                return Err(super::gallery::not_enrolled(named));
            }
        }
        // A row that was asked for must be there; one that is known from the answer may be corrected already.
        let must_be_there = attendance.is_some();
        let (embedding, row) = match face {
            WrongFace::Answer(id) => {
                let named = self
                    .gallery
                    .recent
                    .face(id, hotel, &employee)
                    .ok_or_else(|| answer_not_found(&employee))?;
                (named.embedding, attendance.or(named.attendance))
            }
            WrongFace::Picture(bytes) => {
                let (face, _) = self.only_face(admission, bytes).await?;
                (embedded(&face)?.clone(), attendance)
            }
        };
        let id = Uuid::now_v7();
        let negative = NewNegative {
            id,
            employee: employee.clone(),
            model: embedding.model().clone(),
            vector: embedding.into_vector(),
            shows: in_truth,
        };
        let correction = row.map(|attendance_id| Correction {
            attendance_id,
            window: Duration::from_secs(self.attendance.sighting_window_seconds),
            zone: self.timezone,
        });
        let corrected = rows.correct(negative, correction, actor, Utc::now()).await?;
        let attendance = match corrected.row {
            Some(RowOutcome::Removed) => Some("removed"),
            Some(RowOutcome::Reassigned { .. }) => Some("reassigned"),
            Some(RowOutcome::Gone) if must_be_there => {
                let detail = format!("the face is kept, but {employee} has no such attendance row");
                return Err(Problem::new(ErrorCode::AttendanceNotFound, detail));
            }
            Some(RowOutcome::Gone) | None => None,
        };
        Ok(NotThisPersonAnswer {
            success: true,
            employee_id: employee.to_string(),
            negative_id: corrected.is_kept.then_some(id),
            attendance,
        })
    }

    /// Takes a negative sample back: the correction was wrong.
    pub async fn remove_negative(
        &self,
        hotel: &HotelId,
        employee: &EmployeeId,
        id: Uuid,
        actor: &str,
    ) -> Result<(), Problem> {
        let rows = self.gallery.engines.store.hotel(hotel);
        if rows.remove_negative(employee, id, actor, Utc::now()).await? {
            return Ok(());
        }
        let detail = format!("{employee} has no such negative sample");
        Err(Problem::new(ErrorCode::NegativeNotFound, detail))
    }
}
