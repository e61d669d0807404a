//! Photos of one person in, templates out.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use innkeeper_core::{Embedding, EmployeeId, ErrorCode, HotelId, Picture, WriteStage};
use innkeeper_face::enrolment::{SamePerson, same_person};
use innkeeper_face::matching::TemplateScore;
use innkeeper_face::{Face, FacePipeline, QualityReason, Want};
use innkeeper_identity::Principal;
use innkeeper_media::Key;
use innkeeper_runtime::Ticket;
use innkeeper_store::{EmployeeProfile, Enrolled, NewConsent, NewEnrolment, NewTemplate};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tracing::Instrument;
use uuid::Uuid;

use super::FaceService;
use super::answers::{EnrolAnswer, PhotoReport, QualityReport};
use super::recognise::look;
use crate::admission::Admission;
use crate::problem::Problem;

/// A second face this much smaller than the largest, by area, is a passer-by and not a second sitter.
const PASSER_BY: f32 = 0.25;
/// Kept photos show the face with this margin, in face sizes per side, so that another detector finds it.
const PHOTO_MARGIN: f32 = 0.75;
/// Longest side of a kept photo.
const PHOTO_SIDE: u32 = 800;
const PHOTO_QUALITY: u8 = 95;

/// What the hotel knows of the person.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProfileInput {
    pub name: Option<String>,
    pub department: Option<String>,
    pub role: Option<String>,
}

/// The person's consent.
#[derive(Debug, Clone)]
pub(crate) struct ConsentInput {
    pub given_at: DateTime<Utc>,
    pub policy_version: String,
}

/// An enrolment request.
#[derive(Debug, Clone)]
pub(crate) struct EnrolInput {
    pub employee: EmployeeId,
    pub photos: Vec<Bytes>,
    pub profile: ProfileInput,
    pub consent: ConsentInput,
}

/// A photo with exactly one usable face.
struct UsablePhoto {
    index: usize,
    embedding: Embedding,
    quality: f32,
    sha256: String,
    kept: Option<Vec<u8>>,
}

/// What looking at one photo gave.
struct Looked {
    report: PhotoReport,
    usable: Option<UsablePhoto>,
}

/// The face with a margin, small enough, without metadata.
pub(super) fn portrait(picture: &Picture, face: &Face) -> Result<Vec<u8>, Problem> {
    let part = picture.cropped(&face.rect.grown(PHOTO_MARGIN));
    let part = part.as_ref().unwrap_or(picture);
    let longest = part.width().max(part.height());
    if longest <= PHOTO_SIDE {
        return Ok(part.to_jpeg(PHOTO_QUALITY)?);
    }
    let side = |s: u32| (s * PHOTO_SIDE / longest).max(1);
    Ok(part
        .resized(side(part.width()), side(part.height()), innkeeper_core::Resampling::Triangle)?
        .to_jpeg(PHOTO_QUALITY)?)
}

/// Why a photo has no usable face, and what was measured on the unusable one.
pub(super) struct Unusable {
    pub problem: Problem,
    pub quality: Option<QualityReport>,
}

/// The one face of an enrolment photo.
pub(super) fn sole_face(faces: &[Face], min_size: f32) -> Result<&Face, Box<Unusable>> {
    let unusable = |problem, quality| Box::new(Unusable { problem, quality });
    let Some(face) = faces.first() else {
        return Err(unusable(Problem::new(ErrorCode::NoFace, "no face was found in the photo"), None));
    };
    let quality = || Some(QualityReport::from(&face.quality));
    if faces.get(1).is_some_and(|second| second.rect.area() > PASSER_BY * face.rect.area()) {
        let detail = format!("{} faces were found; an enrolment photo shows one person", faces.len());
        return Err(unusable(Problem::new(ErrorCode::MultipleFaces, detail), None));
    }
    if face.quality.size < min_size {
        let detail =
            format!("the face is {:.0} pixels wide; at least {min_size:.0} are needed", face.quality.size);
        return Err(unusable(Problem::new(ErrorCode::FaceTooSmall, detail), quality()));
    }
    if !face.quality.passes() {
        let hints: Vec<&str> = face.quality.reasons.iter().map(|r: &QualityReason| r.hint()).collect();
        return Err(unusable(Problem::new(ErrorCode::FaceQuality, hints.join("; ")), quality()));
    }
    Ok(face)
}

fn rejected(index: usize, problem: &Problem, quality: Option<QualityReport>) -> PhotoReport {
    PhotoReport {
        index,
        accepted: false,
        code: Some(problem.code.as_str().to_owned()),
        detail: Some(problem.detail.clone()),
        quality,
    }
}

impl FaceService {
    /// Enrols a person from photos. When this answers, the person can be recognised. Once the photos have
    /// been looked at, the enrolment is finished whether or not the caller waits for the answer: half of one
    /// would let the same face in under a second name.
    pub async fn enrol(
        self: &Arc<Self>,
        admission: &Admission,
        caller: &Principal,
        input: EnrolInput,
    ) -> Result<EnrolAnswer, Problem> {
        let EnrolInput { employee, photos, profile, consent } = input;
        let mut reports = Vec::new();
        let mut usable = Vec::new();
        for photo in self.look_at(admission, photos).await? {
            reports.push(photo.report);
            usable.extend(photo.usable);
        }
        let (this, caller) = (Arc::clone(self), caller.clone());
        let admit = async move { this.admit(&caller, employee, profile, consent, usable, reports).await };
        tokio::spawn(admit.in_current_span()).await?
    }

    /// Takes the usable photos into the gallery: pictures, rows, vectors.
    async fn admit(
        &self,
        caller: &Principal,
        employee: EmployeeId,
        profile: ProfileInput,
        consent: ConsentInput,
        mut usable: Vec<UsablePhoto>,
        mut reports: Vec<PhotoReport>,
    ) -> Result<EnrolAnswer, Problem> {
        let hotel = &caller.hotel;
        let one = self.gallery.change().await;
        // The search below sees the index only, so the index must have seen every row.
        self.gallery.catch_up().await?;
        let foreign = self.gallery.foreign_models(hotel, &self.embedder()).await?;
        if !foreign.is_empty() {
            return Err(self.model_changed(&foreign));
        }
        self.keep_one_person(hotel, &employee, &mut usable, &mut reports).await?;
        if usable.is_empty() {
            return Err(nothing_usable(&reports));
        }
        for photo in &usable {
            if let Some(taken) = self.taken_by(hotel, &employee, &photo.embedding).await? {
                return Err(already_enrolled(caller, photo.index, &taken));
            }
        }
        let ids: Vec<Uuid> = usable.iter().map(|_| Uuid::now_v7()).collect();
        let templates = usable
            .iter()
            .zip(&ids)
            .map(|(photo, id)| NewTemplate {
                id: *id,
                model: photo.embedding.model().clone(),
                vector: photo.embedding.vector().to_vec(),
                quality: photo.quality,
                photo_key: photo.kept.as_ref().map(|_| Key::face(hotel, &employee, *id).to_string()),
                photo_sha256: photo.sha256.clone(),
            })
            .collect();
        let enrolment = NewEnrolment {
            employee: EmployeeProfile {
                id: employee.clone(),
                name: profile.name,
                department: profile.department,
                role: profile.role,
            },
            consent: NewConsent {
                given_at: consent.given_at,
                policy_version: consent.policy_version,
                recorded_by: caller.subject.clone(),
            },
            templates,
            max_templates: self.settings.max_templates,
            actor: caller.subject.clone(),
            at: Utc::now(),
        };
        let pictures: Vec<(Key, Bytes)> = usable
            .iter_mut()
            .zip(&ids)
            .filter_map(|(photo, id)| Some((Key::face(hotel, &employee, *id), photo.kept.take()?.into())))
            .collect();
        let keys: Vec<Key> = pictures.iter().map(|(key, _)| key.clone()).collect();
        let enrolled = match self.write(hotel, pictures, enrolment).await {
            Ok(enrolled) => enrolled,
            Err(problem) => {
                if let Err(error) = self.gallery.remove_strays(&keys).await {
                    tracing::warn!(%error, "pictures of a failed enrolment stay until the next start");
                }
                return Err(problem);
            }
        };
        self.gallery.catch_up().await?;
        for (photo, id) in usable.iter().zip(&ids) {
            let report = &mut reports[photo.index];
            if enrolled.duplicates.contains(id) {
                report.reject("already_enrolled", "this photo is a template of this employee already");
            } else if enrolled.outdone.contains(id) {
                report.reject("outdone", "the employee has enough better photos");
            }
        }
        // Other enrolments need not wait for the search through unknown faces.
        drop(one);
        let earlier_sightings = match self.claim_earlier(hotel, &employee, &caller.subject).await {
            Ok(sightings) => sightings,
            Err(problem) => {
                tracing::warn!(
                    detail = problem.detail,
                    "earlier sightings of an enrolled person stay unnamed"
                );
                0
            }
        };
        Ok(EnrolAnswer {
            success: true,
            earlier_sightings,
            needs_new_photos: self.photo_reasons(hotel, &employee).await?,
            employee_id: employee.to_string(),
            enrolled: enrolled.added.len(),
            templates: enrolled.templates,
            photos: reports,
            model: self.embedder().to_string(),
            event_id: enrolled.event_id,
        })
    }

    /// Pictures, then rows: a template whose picture is missing could never move to another model. Pictures of
    /// templates that were not added are queued for removal with the rows.
    async fn write(
        &self,
        hotel: &HotelId,
        pictures: Vec<(Key, Bytes)>,
        enrolment: NewEnrolment,
    ) -> Result<Enrolled, Problem> {
        for (key, bytes) in pictures {
            self.gallery.engines.media.put(&key, bytes).await?;
            WriteStage::PictureWritten.reached();
        }
        Ok(self.gallery.engines.store.hotel(hotel).enrol(enrolment).await?)
    }

    /// Looks at every photo, best effort: a broken one does not spoil the others.
    async fn look_at(&self, admission: &Admission, photos: Vec<Bytes>) -> Result<Vec<Looked>, Problem> {
        let mut looked = Vec::with_capacity(photos.len());
        for (index, bytes) in photos.into_iter().enumerate() {
            let (pipeline, limits) = (Arc::clone(&self.pipeline), self.images.limits());
            let (min_size, keep) =
                (self.settings.quality.min_size_enrol, self.settings.keep_enrolment_photos);
            looked.push(
                admission
                    .run(move |ticket| look_at_one(&pipeline, &limits, index, &bytes, min_size, keep, ticket))
                    .await?,
            );
        }
        Ok(looked)
    }

    /// Drops photos of somebody else than the rest, or than the templates that are enrolled already.
    async fn keep_one_person(
        &self,
        hotel: &HotelId,
        employee: &EmployeeId,
        usable: &mut Vec<UsablePhoto>,
        reports: &mut [PhotoReport],
    ) -> Result<(), Problem> {
        let rows = self.gallery.engines.store.hotel(hotel);
        let known = rows.known_faces(std::slice::from_ref(employee), &self.embedder()).await?;
        let mut existing = Vec::new();
        for template in known.into_values().flat_map(|face| face.templates) {
            existing.push(Embedding::normalised(template.model, template.vector)?);
        }
        let embeddings: Vec<Embedding> = usable.iter().map(|p| p.embedding.clone()).collect();
        let verdicts = same_person(&embeddings, &existing, self.pair_threshold())?;
        let mut verdicts = verdicts.into_iter();
        usable.retain(|photo| {
            let detail = match verdicts.next() {
                Some(SamePerson::Yes) => return true,
                Some(SamePerson::No) if !existing.is_empty() => {
                    "the photo does not show the person who is enrolled under this employee_id"
                }
                Some(SamePerson::No) => "the photo shows another person than most of the others",
                _ => "the photos show different people and nothing says which is right",
            };
            reports[photo.index].reject(ErrorCode::DifferentPeople.as_str(), detail);
            false
        });
        Ok(())
    }

    /// The other employee of the hotel whose face this is; one face belongs to one employee.
    pub(super) async fn taken_by(
        &self,
        hotel: &HotelId,
        employee: &EmployeeId,
        embedding: &Embedding,
    ) -> Result<Option<TemplateScore>, Problem> {
        let nearest = self.nearest(hotel, embedding.vector(), Some(employee)).await?;
        let threshold = self.limits_at(hotel, None).await?.threshold;
        Ok(nearest.into_iter().next().filter(|t| t.score >= threshold))
    }
}

/// Who it is enrolled as is told to an admin only.
fn already_enrolled(caller: &Principal, photo: usize, taken: &TemplateScore) -> Problem {
    let detail = format!("the face in photo {photo} is enrolled under another employee_id");
    let problem = Problem::new(ErrorCode::FaceAlreadyEnrolled, detail).with("photo", json!(photo));
    if caller.is_admin() {
        problem.with("enrolled_as", json!(taken.owner.as_str())).with("score", json!(taken.score))
    } else {
        problem
    }
}

fn look_at_one(
    pipeline: &FacePipeline,
    limits: &innkeeper_core::DecodeLimits,
    index: usize,
    bytes: &[u8],
    min_size: f32,
    keep: bool,
    ticket: &Ticket,
) -> Result<Looked, Problem> {
    let want = Want { liveness: false, embedding: true, despite_quality: false };
    let (picture, analysis, _) = match look(pipeline, limits, bytes, want, ticket) {
        Ok(seen) => seen,
        // What is wrong with the photo is the photo's report; what is wrong with the server is an error.
        Err(problem) if crate::problem::status(problem.code).is_client_error() => {
            return Ok(Looked { report: rejected(index, &problem, None), usable: None });
        }
        Err(problem) => return Err(problem),
    };
    let face = match sole_face(&analysis.faces, min_size) {
        Ok(face) => face,
        Err(unusable) => {
            let Unusable { problem, quality } = *unusable;
            return Ok(Looked { report: rejected(index, &problem, quality), usable: None });
        }
    };
    let Some(embedding) = face.embedding.clone() else {
        return Err(Problem::internal(&"a face that passed the gate was not embedded"));
    };
    let report = PhotoReport {
        index,
        accepted: true,
        code: None,
        detail: None,
        quality: Some((&face.quality).into()),
    };
    let usable = UsablePhoto {
        index,
        embedding,
        quality: face.quality.score,
        sha256: hex::encode(Sha256::digest(bytes)),
        kept: if keep { Some(portrait(&picture, face)?) } else { None },
    };
    Ok(Looked { report, usable: Some(usable) })
}

/// The common reason of all photos, or that each has its own.
fn nothing_usable(reports: &[PhotoReport]) -> Problem {
    let first = reports.first().and_then(|r| r.code.clone());
    let same = reports.iter().all(|r| r.code == first);
    let code = ErrorCode::ALL
        .iter()
        .copied()
        .find(|c| same && Some(c.as_str()) == first.as_deref())
        .unwrap_or(ErrorCode::NoUsablePhoto);
    let detail = match reports {
        [only] => only.detail.clone().unwrap_or_default(),
        _ => "none of the photos can be enrolled; `photos` says why for each".to_owned(),
    };
    let photos: Value = serde_json::to_value(reports).unwrap_or_default();
    Problem::new(code, detail).with("photos", photos)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(code: &str) -> PhotoReport {
        PhotoReport {
            index: 0,
            accepted: false,
            code: Some(code.to_owned()),
            detail: Some("why".to_owned()),
            quality: None,
        }
    }

    #[test]
    fn photos_that_fail_alike_answer_with_their_own_code() {
        assert_eq!(nothing_usable(&[report("no_face")]).code, ErrorCode::NoFace);
        assert_eq!(nothing_usable(&[report("no_face"), report("no_face")]).code, ErrorCode::NoFace);
        assert_eq!(
            nothing_usable(&[report("no_face"), report("broken_image")]).code,
            ErrorCode::NoUsablePhoto
        );
        assert_eq!(nothing_usable(&[report("different_people")]).code, ErrorCode::DifferentPeople);
    }
}
