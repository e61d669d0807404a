//! One frame in, who is in it out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use innkeeper_core::{CameraId, DecodeLimits, EmployeeId, ErrorCode, HotelId, Picture};
use innkeeper_face::matching::{TemplateScore, candidates, decide};
use innkeeper_face::{FacePipeline, FrameAnalysis, Want};
use innkeeper_runtime::{Stage, Ticket, stage};
use innkeeper_vectors::{Filter, Hit, OWNER};
use uuid::Uuid;

use super::FaceService;
use super::answers::{FaceModels, FaceReport, RecogniseAnswer, Timings};
use crate::admission::Admission;
use crate::problem::Problem;

/// Nearest templates fetched per face. More than two people's worth of templates, so that the second
/// person is always among them.
const SECOND_PERSON: usize = 2;

/// Where and when a frame was taken.
#[derive(Debug, Clone)]
pub(crate) struct Sight {
    pub hotel: HotelId,
    pub camera: Option<CameraId>,
    pub taken_at: DateTime<Utc>,
}

fn ms(duration: Duration) -> f64 {
    // Microseconds are as fine as the clock is worth.
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// Decodes and analyses on the calling thread.
pub(crate) fn look(
    pipeline: &FacePipeline,
    limits: &DecodeLimits,
    bytes: &[u8],
    want: Want,
    ticket: &Ticket,
) -> Result<(Picture, FrameAnalysis, Duration), Problem> {
    ticket.check()?;
    let started = Instant::now();
    let picture = Picture::decode(bytes, limits)?;
    let decode = started.elapsed();
    stage(Stage::FRAME, Stage::Decode, decode);
    let analysis = pipeline.analyse(&picture, want, ticket)?;
    Ok((picture, analysis, decode))
}

fn timings(analysis: &FrameAnalysis, decode: Duration) -> Timings {
    let t = analysis.timings;
    Timings {
        decode: ms(decode),
        detect: ms(t.detect),
        align: ms(t.align),
        liveness: ms(t.liveness),
        embed: ms(t.embed),
        ..Timings::default()
    }
}

fn models(pipeline: &FacePipeline) -> FaceModels {
    FaceModels {
        detector: pipeline.detector().to_string(),
        embedder: pipeline.embedder().to_string(),
        liveness: pipeline.liveness_models().iter().map(ToString::to_string).collect(),
    }
}

/// The answer for a frame whose faces carry their names already.
fn answer(faces: Vec<FaceReport>, models: FaceModels, timings: Timings, total: Duration) -> RecogniseAnswer {
    let primary = faces.iter().find(|f| f.passed_quality()).or_else(|| faces.first());
    RecogniseAnswer {
        answer_id: Uuid::now_v7(),
        success: primary.is_some_and(FaceReport::succeeded),
        employee_id: primary.and_then(|f| f.employee_id.clone()),
        confidence: primary.and_then(|f| f.confidence),
        score: primary.and_then(|f| f.score),
        second_best_score: primary.and_then(|f| f.second_best_score),
        is_alive: primary.and_then(|f| f.is_alive),
        liveness: primary.map(|f| f.liveness.clone()),
        reason: primary.map_or_else(|| Some("no_face".to_owned()), |f| f.reason.clone()),
        attendance: primary.and_then(|f| f.attendance.clone()),
        recognition_time_ms: ms(total),
        models,
        timings_ms: timings,
        faces,
    }
}

/// Faces, quality and liveness of one picture without a gallery: what `innkeeper predict face` prints.
pub(crate) fn describe_frame(
    pipeline: &FacePipeline,
    limits: &DecodeLimits,
    bytes: &[u8],
) -> Result<RecogniseAnswer, Problem> {
    let started = Instant::now();
    let (_, analysis, decode) = look(pipeline, limits, bytes, Want::ALL, &Ticket::unlimited())?;
    let mut faces: Vec<FaceReport> = analysis.faces.iter().map(FaceReport::unnamed).collect();
    for face in faces.iter_mut().filter(|f| f.passed_quality()) {
        face.reason = Some("no_gallery".to_owned());
    }
    Ok(answer(faces, models(pipeline), timings(&analysis, decode), started.elapsed()))
}

impl FaceService {
    /// Recognises the faces of a frame and writes the sightings.
    pub async fn recognise(
        &self,
        admission: &Admission,
        sight: &Sight,
        bytes: Bytes,
    ) -> Result<RecogniseAnswer, Problem> {
        let started = Instant::now();
        let (pipeline, limits) = (Arc::clone(&self.pipeline), self.images.limits());
        let (analysis, decode, waited) = admission
            .run(move |ticket| {
                let waited = started.elapsed();
                let (_, analysis, decode) = look(&pipeline, &limits, &bytes, Want::ALL, ticket)?;
                Ok((analysis, decode, waited))
            })
            .await?;
        let mut timings = timings(&analysis, decode);
        timings.wait = ms(waited);

        let clock = Instant::now();
        let mut faces: Vec<FaceReport> = analysis.faces.iter().map(FaceReport::unnamed).collect();
        // Only faces with an embedding are looked up; `named[i]` is the face of decision i.
        let mut named = Vec::new();
        let mut nearest = Vec::new();
        for (i, face) in analysis.faces.iter().enumerate() {
            if let Some(embedding) = &face.embedding {
                named.push(i);
                nearest.push(candidates(&self.nearest(&sight.hotel, embedding.vector(), None).await?));
            }
        }
        let decisions = decide(&nearest, &self.limits);
        for (i, decision) in named.iter().zip(&decisions) {
            faces[*i].name(decision, |cosine| self.calibration.confidence(cosine));
        }
        if decisions.iter().any(|d| d.owner.is_none()) {
            // Whom another embedder enrolled cannot be compared with; saying "unknown" would be a lie.
            let foreign = self.gallery.foreign_models(&sight.hotel, &self.embedder()).await?;
            if !foreign.is_empty() {
                if nearest.iter().all(Vec::is_empty) {
                    return Err(self.model_changed(&foreign));
                }
                for (i, _) in named.iter().zip(&decisions).filter(|(_, d)| d.owner.is_none()) {
                    faces[*i].reason = Some(ErrorCode::ModelChanged.as_str().to_owned());
                }
            }
        }
        timings.matching = ms(clock.elapsed());

        let clock = Instant::now();
        for (i, decision) in named.iter().zip(&decisions) {
            if let Some(owner) = &decision.owner {
                let report = self
                    .attend(&sight.hotel, sight.camera.as_ref(), sight.taken_at, owner, &faces[*i])
                    .await?;
                match report {
                    Some(report) => faces[*i].attendance = Some(report),
                    None => faces[*i].unname("employee_deleted"),
                }
            }
        }
        timings.store = ms(clock.elapsed());
        Ok(answer(faces, models(&self.pipeline), timings, started.elapsed()))
    }

    /// The nearest templates of a hotel, without those of `except`.
    pub(super) async fn nearest(
        &self,
        hotel: &HotelId,
        vector: &[f32],
        except: Option<&EmployeeId>,
    ) -> Result<Vec<TemplateScore>, Problem> {
        let mut filter = Filter::hotel(hotel);
        if let Some(employee) = except {
            filter = filter.except_owner(employee.as_str());
        }
        let limit = self.settings.max_templates * SECOND_PERSON;
        let hits =
            self.gallery.engines.vectors.search(&self.collection, vector, &filter, limit, true).await?;
        hits.iter().map(template_score).collect()
    }

    /// The hotel's gallery, or a part of it, waits for a reindex.
    pub(super) fn model_changed(&self, foreign: &[String]) -> Problem {
        let detail = format!(
            "enrolled faces belong to {}, the running model is {}; run `innkeeper face reindex`",
            foreign.join(", "),
            self.embedder()
        );
        Problem::new(ErrorCode::ModelChanged, detail)
    }
}

fn template_score(hit: &Hit) -> Result<TemplateScore, Problem> {
    let owner = hit.payload.get(OWNER).and_then(serde_json::Value::as_str).unwrap_or_default();
    match owner.parse() {
        Ok(owner) => Ok(TemplateScore { owner, score: hit.score }),
        Err(error) => Err(Problem::internal(&format!("vector {} has no owner: {error}", hit.id))),
    }
}
