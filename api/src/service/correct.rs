//! Somebody says an answer was wrong: the face becomes a negative sample, the attendance row is put right.

use std::time::Duration;

use bytes::Bytes;
use chrono::Utc;
use innkeeper_core::{EmployeeId, ErrorCode, HotelId};
use innkeeper_store::{NewNegative, Reassignment};
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
    /// The negative sample: such a face is not called this employee again.
    pub negative_id: Uuid,
    /// `removed`, `reassigned`, or null when no attendance row was concerned.
    pub attendance: Option<&'static str>,
}

impl FaceService {
    /// Keeps the face as a negative sample of the employee, which changes the next answer, and corrects the
    /// attendance row that the wrong answer wrote.
    pub async fn not_this_person(
        &self,
        admission: &Admission,
        hotel: &HotelId,
        actor: &str,
        input: NotThisPersonInput,
    ) -> Result<NotThisPersonAnswer, Problem> {
        let NotThisPersonInput { employee, face, attendance, in_truth } = input;
        let rows = self.gallery.engines.store.hotel(hotel);
        for named in std::iter::once(&employee).chain(&in_truth) {
            if rows.employee(named).await?.is_none() {
                return Err(super::gallery::not_enrolled(named));
            }
        }
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
        let corrected = match row {
            Some(row) => Some(self.correct_row(hotel, row, &employee, in_truth.as_ref(), actor).await?),
            None => None,
        };
        let negative_id = Uuid::now_v7();
        let negative = NewNegative {
            id: negative_id,
            employee: employee.clone(),
            model: embedding.model().clone(),
            vector: embedding.into_vector(),
        };
        rows.add_not_this_person(negative, actor, Utc::now()).await?;
        Ok(NotThisPersonAnswer {
            success: true,
            employee_id: employee.to_string(),
            negative_id,
            attendance: corrected,
        })
    }

    async fn correct_row(
        &self,
        hotel: &HotelId,
        row: Uuid,
        wrong: &EmployeeId,
        in_truth: Option<&EmployeeId>,
        actor: &str,
    ) -> Result<&'static str, Problem> {
        let rows = self.gallery.engines.store.hotel(hotel);
        let (done, word) = match in_truth {
            Some(right) => {
                let to = Reassignment {
                    attendance_id: row,
                    from: wrong.clone(),
                    to: right.clone(),
                    window: Duration::from_secs(self.attendance.sighting_window_seconds),
                    zone: self.timezone,
                    actor: actor.to_owned(),
                    at: Utc::now(),
                };
                (rows.reassign_attendance(to).await?.is_some(), "reassigned")
            }
            None => (rows.correct_attendance(row, wrong, actor, Utc::now()).await?.is_some(), "removed"),
        };
        if done {
            return Ok(word);
        }
        let detail = format!("{wrong} has no attendance row {row}");
        Err(Problem::new(ErrorCode::AttendanceNotFound, detail))
    }
}
