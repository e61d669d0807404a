//! One face against one employee.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use innkeeper_core::{CameraId, Embedding, EmployeeId, ErrorCode, HotelId};
use innkeeper_face::matching::{self, Candidate, fused};
use innkeeper_face::{Face, Want};
use innkeeper_store::KnownFace;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::FaceService;
use super::answers::{FaceModels, FaceReport, Timings, word};
use super::enrol::sole_face;
use super::recognise::{look, models, ms, nearest_negative, timings};
use crate::admission::Admission;
use crate::problem::Problem;

/// Whether the face is the employee's.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct VerifyAnswer {
    /// Id of this answer, for corrections and the log.
    pub answer_id: Uuid,
    /// Whether the face matches and no liveness model objected.
    pub success: bool,
    /// Whether the face matches, whatever liveness says.
    #[serde(rename = "match")]
    pub matched: bool,
    /// Whom it was compared with.
    #[schema(example = "EMP001")]
    pub employee_id: String,
    /// Calibrated probability that it is this person, 0 to 1.
    pub confidence: f32,
    /// Cosine between the face and all of the person's templates together.
    pub score: f32,
    /// The score a match must reach.
    pub threshold: f32,
    /// True or false when a liveness model judged, else null with `face.liveness.reason`.
    pub is_alive: Option<bool>,
    /// Why `success` is false: `below_threshold`, `not_this_person`, `not_alive`.
    pub reason: Option<String>,
    /// The face that was compared.
    pub face: FaceReport,
    pub models: FaceModels,
    pub timings_ms: Timings,
    /// Milliseconds from the decoded body to the answer.
    pub verification_time_ms: f64,
}

impl FaceService {
    /// Compares the one face of a picture with one employee's templates. Nothing is written.
    pub async fn verify(
        &self,
        admission: &Admission,
        hotel: &HotelId,
        employee: &EmployeeId,
        camera: Option<&CameraId>,
        bytes: Bytes,
    ) -> Result<VerifyAnswer, Problem> {
        let started = Instant::now();
        let known = self.known_face(hotel, employee).await?;
        let (face, mut timings) = self.only_face(admission, bytes).await?;
        let clock = Instant::now();
        let probe = embedded(&face)?;
        let score =
            fused(probe.vector(), &known.vectors()).ok_or_else(|| Problem::internal(&"no template"))?;
        let negative = nearest_negative(&known, probe.vector());
        let person = Candidate { owner: employee.clone(), score, negative };
        let verdict = matching::verify(&person, &self.calibration, &self.overrides(camera));
        timings.matching = ms(clock.elapsed());
        let report = FaceReport::unnamed(&face);
        let alive = report.is_alive != Some(false);
        let reason = verdict.reason.and_then(word).or_else(|| (!alive).then(|| "not_alive".to_owned()));
        Ok(VerifyAnswer {
            answer_id: Uuid::now_v7(),
            success: verdict.matched && alive,
            matched: verdict.matched,
            employee_id: employee.to_string(),
            confidence: verdict.confidence,
            score: verdict.score,
            threshold: verdict.threshold,
            is_alive: report.is_alive,
            reason,
            face: report,
            models: models(&self.pipeline),
            timings_ms: timings,
            verification_time_ms: ms(started.elapsed()),
        })
    }

    /// What the running model knows of the employee: at least one template.
    pub(super) async fn known_face(
        &self,
        hotel: &HotelId,
        employee: &EmployeeId,
    ) -> Result<KnownFace, Problem> {
        let rows = self.gallery.engines.store.hotel(hotel);
        let mut known = rows.known_faces(std::slice::from_ref(employee), &self.embedder()).await?;
        if let Some(face) = known.remove(employee).filter(|face| !face.templates.is_empty()) {
            return Ok(face);
        }
        match rows.templates(employee).await?.first() {
            Some(foreign) => Err(self.model_changed(&[foreign.model.to_string()])),
            None => Err(super::gallery::not_enrolled(employee)),
        }
    }

    /// The one usable face of a picture, with its embedding.
    pub(super) async fn only_face(
        &self,
        admission: &Admission,
        bytes: Bytes,
    ) -> Result<(Face, Timings), Problem> {
        let (pipeline, limits) = (Arc::clone(&self.pipeline), self.images.limits());
        let min_size = self.settings.quality.min_size;
        let queued = Instant::now();
        let (face, mut timings, waited) = admission
            .run(move |ticket| {
                let waited = queued.elapsed();
                let (_, analysis, decode) = look(&pipeline, &limits, &bytes, Want::ALL, ticket)?;
                let face = sole_face(&analysis.faces, min_size).map_err(|unusable| unusable.problem)?.clone();
                Ok((face, timings(&analysis, decode), waited))
            })
            .await?;
        timings.wait = ms(waited);
        Ok((face, timings))
    }
}

/// The embedding of a face that passed the gate.
pub(super) fn embedded(face: &Face) -> Result<&Embedding, Problem> {
    face.embedding.as_ref().ok_or_else(|| Problem::internal(&"a face that passed the gate was not embedded"))
}

/// What an operator asks for when the picture cannot help: the answer it came from.
pub(super) fn answer_not_found(employee: &EmployeeId) -> Problem {
    let detail = format!(
        "no recent answer with this id called a face {employee}; send the picture as `image` instead"
    );
    Problem::new(ErrorCode::AnswerNotFound, detail)
}
