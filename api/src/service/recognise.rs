//! One frame in, who is in it out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use innkeeper_core::{CameraId, DecodeLimits, Embedding, EmployeeId, ErrorCode, HotelId, Picture};
use innkeeper_face::matching::{Candidate, MatchLimits, Overrides, TemplateScore, candidates, decide, fused};
use innkeeper_face::{FacePipeline, FrameAnalysis, Want};
use innkeeper_runtime::{Stage, Ticket, stage};
use innkeeper_store::KnownFace;
use innkeeper_vectors::{Filter, Hit, OWNER};
use uuid::Uuid;

use super::FaceService;
use super::answers::{FaceModels, FaceReport, RecogniseAnswer, Timings};
use super::recent::NamedFace;
use crate::admission::Admission;
use crate::problem::Problem;

/// Nearest templates fetched per face. More than two people's worth of templates, so that the second
/// person is always among them.
const SECOND_PERSON: usize = 2;
/// How many of the nearest people are compared with all their templates and their negative samples.
const LOOKED_AT: usize = 3;

/// Where and when a frame was taken.
#[derive(Debug, Clone)]
pub(crate) struct Sight {
    pub hotel: HotelId,
    pub camera: Option<CameraId>,
    pub taken_at: DateTime<Utc>,
}

/// The people near some faces.
pub(super) struct Near {
    /// Those near each face, the nearest first by their best template.
    pub faces: Vec<Vec<Candidate>>,
    /// What was read of the nearest.
    known: BTreeMap<EmployeeId, KnownFace>,
}

pub(super) fn ms(duration: Duration) -> f64 {
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

pub(super) fn timings(analysis: &FrameAnalysis, decode: Duration) -> Timings {
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

pub(super) fn models(pipeline: &FacePipeline) -> FaceModels {
    FaceModels {
        detector: pipeline.detector().to_string(),
        embedder: pipeline.embedder().to_string(),
        liveness: pipeline.liveness_models().iter().map(ToString::to_string).collect(),
    }
}

/// The answer for a frame whose faces carry their names already.
fn answer(
    faces: Vec<FaceReport>,
    threshold: Option<f32>,
    models: FaceModels,
    timings: Timings,
    total: Duration,
) -> RecogniseAnswer {
    let primary = faces.iter().find(|f| f.passed_quality()).or_else(|| faces.first());
    RecogniseAnswer {
        answer_id: Uuid::now_v7(),
        success: primary.is_some_and(FaceReport::succeeded),
        employee_id: primary.and_then(|f| f.employee_id.clone()),
        confidence: primary.and_then(|f| f.confidence),
        score: primary.and_then(|f| f.score),
        second_best_score: primary.and_then(|f| f.second_best_score),
        threshold,
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
    Ok(answer(faces, None, models(pipeline), timings(&analysis, decode), started.elapsed()))
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
        let keep = self.settings.unknown.keep_pictures;
        let (picture, analysis, decode, waited) = admission
            .run(move |ticket| {
                let waited = started.elapsed();
                let (picture, analysis, decode) = look(&pipeline, &limits, &bytes, Want::ALL, ticket)?;
                Ok((keep.then_some(picture), analysis, decode, waited))
            })
            .await?;
        let mut timings = timings(&analysis, decode);
        timings.wait = ms(waited);

        let clock = Instant::now();
        let mut faces: Vec<FaceReport> = analysis.faces.iter().map(FaceReport::unnamed).collect();
        // Only faces with an embedding are looked up; `named[i]` is the face of decision i.
        let looked_up =
            analysis.faces.iter().enumerate().filter_map(|(i, f)| Some((i, f.embedding.as_ref()?)));
        let (named, embeddings): (Vec<usize>, Vec<&Embedding>) = looked_up.unzip();
        let near = self.people_like(&sight.hotel, &embeddings).await?;
        let limits = self.limits_at(&sight.hotel, sight.camera.as_ref()).await?;
        let decisions = decide(&near.faces, &limits);
        for (i, decision) in named.iter().zip(&decisions) {
            faces[*i].name(decision, |score| self.calibration.confidence(score));
        }
        if decisions.iter().any(|d| d.owner.is_none()) {
            // Whom another embedder enrolled cannot be compared with; saying "unknown" would be a lie.
            let foreign = self.gallery.foreign_models(&sight.hotel, &self.embedder()).await?;
            if !foreign.is_empty() {
                if near.faces.iter().all(Vec::is_empty) {
                    return Err(self.model_changed(&foreign));
                }
                for (i, _) in named.iter().zip(&decisions).filter(|(_, d)| d.owner.is_none()) {
                    faces[*i].reason = Some(ErrorCode::ModelChanged.as_str().to_owned());
                }
            }
        }
        timings.matching = ms(clock.elapsed());

        let clock = Instant::now();
        let mut answered = Vec::new();
        for (i, decision) in named.iter().zip(&decisions) {
            let (seen, report) = (&analysis.faces[*i], &mut faces[*i]);
            let Some(owner) = &decision.owner else {
                self.keep_unknown(sight, seen, report, picture.as_ref()).await?;
                continue;
            };
            match self.attend(&sight.hotel, sight.camera.as_ref(), sight.taken_at, owner, report).await? {
                Some(attendance) => {
                    if let Some(embedding) = seen.embedding.clone() {
                        if attendance.is_new == Some(true) {
                            let known = near.known.get(owner);
                            self.touch_best(&sight.hotel, known, &embedding, sight.taken_at).await?;
                        }
                        answered.push(NamedFace {
                            owner: owner.clone(),
                            embedding,
                            attendance: attendance.id,
                        });
                    }
                    report.attendance = Some(attendance);
                }
                None => report.unname("employee_deleted"),
            }
        }
        timings.store = ms(clock.elapsed());
        let answer =
            answer(faces, Some(limits.threshold), models(&self.pipeline), timings, started.elapsed());
        self.gallery.recent.remember(answer.answer_id, &sight.hotel, answered);
        Ok(answer)
    }

    /// What the operator set for the hotel and for this camera.
    pub(super) fn overrides(&self, camera: Option<&CameraId>) -> Overrides {
        let hotel = Overrides { threshold: self.settings.threshold, margin: self.settings.margin };
        let here = camera.and_then(|c| self.settings.cameras.get(c)).copied();
        Overrides { threshold: here, ..Overrides::default() }.or(&hotel)
    }

    /// When a best score is a match in a gallery as large as this hotel's is now, at this camera.
    pub(super) async fn limits_at(
        &self,
        hotel: &HotelId,
        camera: Option<&CameraId>,
    ) -> Result<MatchLimits, Problem> {
        let people = self.gallery.people(self.collection.model(), hotel).await?;
        Ok(self.calibration.limits(people).overridden(&self.overrides(camera)))
    }

    /// The people of a hotel who look like these faces, the most alike compared by all their templates. What is
    /// known of all of them is read at once.
    pub(super) async fn people_like(&self, hotel: &HotelId, faces: &[&Embedding]) -> Result<Near, Problem> {
        let mut near = Vec::with_capacity(faces.len());
        for face in faces {
            near.push(candidates(&self.nearest(hotel, face.vector(), None).await?));
        }
        let looked_at = near.iter().flat_map(|people: &Vec<Candidate>| people.iter().take(LOOKED_AT));
        let asked: BTreeSet<EmployeeId> = looked_at.map(|person| person.owner.clone()).collect();
        let asked: Vec<EmployeeId> = asked.into_iter().collect();
        let known = self.gallery.engines.store.hotel(hotel).known_faces(&asked, &self.embedder()).await?;
        for (face, people) in faces.iter().zip(&mut near) {
            for person in people.iter_mut().take(LOOKED_AT) {
                // Without a row the person was deleted since the search; the sighting will find out.
                let Some(known) = known.get(&person.owner) else { continue };
                person.score = fused(face.vector(), &known.vectors()).unwrap_or(person.score);
                person.negative = nearest_negative(known, face.vector());
            }
        }
        Ok(Near { faces: near, known })
    }

    /// Notes which template a match came from: one that no face comes near any more has faded.
    async fn touch_best(
        &self,
        hotel: &HotelId,
        known: Option<&KnownFace>,
        face: &Embedding,
        at: DateTime<Utc>,
    ) -> Result<(), Problem> {
        let templates = known.map_or(&[][..], |known| &known.templates);
        let best = templates
            .iter()
            .filter_map(|t| Some((t, fused(face.vector(), &[&t.vector])?)))
            .max_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((template, _)) = best.filter(|(template, _)| template.is_due(at)) {
            self.gallery.engines.store.hotel(hotel).touch_template(template.id, at).await?;
        }
        Ok(())
    }

    /// The nearest templates of a hotel, without those of `except`.
    pub(super) async fn nearest(
        &self,
        hotel: &HotelId,
        vector: &[f32],
        except: Option<&EmployeeId>,
    ) -> Result<Vec<TemplateScore>, Problem> {
        // The index holds veiled vectors, so it is asked with one.
        let vector = self.gallery.veil(vector.len()).await?.apply(vector)?;
        let mut filter = Filter::hotel(hotel);
        if let Some(employee) = except {
            filter = filter.except_owner(employee.as_str());
        }
        let limit = self.settings.max_templates * SECOND_PERSON;
        let hits =
            self.gallery.engines.vectors.search(&self.collection, &vector, &filter, limit, false).await?;
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

/// The best cosine with a face that somebody said is not this employee.
pub(super) fn nearest_negative(known: &KnownFace, face: &[f32]) -> Option<f32> {
    known.negatives.iter().filter_map(|n| fused(face, &[n])).max_by(f32::total_cmp)
}

fn template_score(hit: &Hit) -> Result<TemplateScore, Problem> {
    let owner = hit.payload.get(OWNER).and_then(serde_json::Value::as_str).unwrap_or_default();
    match owner.parse() {
        Ok(owner) => Ok(TemplateScore { owner, score: hit.score }),
        Err(error) => Err(Problem::internal(&format!("vector {} has no owner: {error}", hit.id))),
    }
}
