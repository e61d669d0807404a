//! Faces nobody could name: kept for a while, grouped, named later.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use innkeeper_core::{CameraId, Embedding, EmployeeId, ErrorCode, HotelId, Picture};
use innkeeper_face::Face;
use innkeeper_face::grouping::{Group, assign};
use innkeeper_face::matching::{decide, fused};
use innkeeper_media::{Key, MediaError};
use innkeeper_store::{
    AuditSubject, Named, NamedFace, Naming, NewTemplate, NewUnknown, StoreError, UnknownFace,
};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;
use utoipa::ToSchema;
use uuid::Uuid;

use super::FaceService;
use super::answers::FaceReport;
use super::enrol::portrait;
use super::recognise::Sight;
use crate::problem::Problem;

/// Groups are read again from the tables this often: other servers add to them, and old ones expire.
const REFRESH: Duration = Duration::from_mins(1);
/// A face that stays before a camera is written this often, unless it is seen better.
const REPEAT: TimeDelta = TimeDelta::seconds(10);
/// How much better, on the scale of quality, from 0 to 1.
const BETTER: f32 = 0.05;

/// A group in memory.
struct Known {
    id: Uuid,
    group: Group,
    /// The last frame that was written: where, when it was taken, and how good it is. None before the first.
    written: Option<(Option<CameraId>, DateTime<Utc>, f32)>,
}

#[derive(Default)]
struct Groups {
    read: Option<Instant>,
    known: Vec<Known>,
}

/// The groups of every hotel, to put a new face into one without reading them all again.
#[derive(Default)]
pub(crate) struct UnknownGroups(std::sync::Mutex<HashMap<HotelId, Arc<Mutex<Groups>>>>);

impl UnknownGroups {
    /// Lets go of groups that were not asked for lately: what expired in the tables must not stay in memory.
    pub async fn forget_idle(&self) {
        let hotels: Vec<_> = {
            let hotels = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            hotels.values().map(Arc::clone).collect()
        };
        for groups in hotels {
            let mut groups = groups.lock().await;
            if groups.read.is_some_and(|at| at.elapsed() > REFRESH) {
                *groups = Groups::default();
            }
        }
    }

    /// A hotel's groups: hotels do not wait for each other.
    fn of(&self, hotel: &HotelId) -> Arc<Mutex<Groups>> {
        let mut hotels = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(hotels.entry(hotel.clone()).or_default())
    }

    pub(super) async fn forget(&self, hotel: &HotelId) {
        *self.of(hotel).lock().await = Groups::default();
    }
}

/// One sighting of an unknown face.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnknownSighting {
    pub id: Uuid,
    #[schema(value_type = Option<String>)]
    pub camera_id: Option<CameraId>,
    pub first_seen_at: DateTime<Utc>,
    pub last_seen_at: DateTime<Utc>,
    pub frames: u64,
    /// Rank of its best frame, 0 to 1.
    pub quality: f32,
    pub is_alive: Option<bool>,
    /// Whether a picture was kept: `face.unknown.keep_pictures`.
    pub has_picture: bool,
}

/// Sightings that show one face, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnknownGroup {
    pub group_id: Uuid,
    pub first_seen_at: DateTime<Utc>,
    pub last_seen_at: DateTime<Utc>,
    pub frames: u64,
    pub sightings: Vec<UnknownSighting>,
    /// The employee whose templates are nearest, though not near enough, for whoever names the face.
    pub nearest_employee_id: Option<String>,
    /// The cosine with them.
    pub nearest_score: Option<f32>,
}

/// The unknown faces of a hotel.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnknownAnswer {
    /// Groups, newest first.
    pub groups: Vec<UnknownGroup>,
    /// Hours a face is kept; 0 says that none is.
    pub retention_hours: u32,
}

/// A group has a name now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NamedAnswer {
    pub success: bool,
    #[schema(example = "EMP001")]
    pub employee_id: String,
    /// Sightings that became the employee's: those of the group, and of other groups that the search found to
    /// be the same person.
    pub sightings: usize,
    /// Attendance rows that were opened for them.
    pub attendance_opened: usize,
    /// Attendance rows of the employee that covered a sighting already.
    pub attendance_joined: usize,
    /// Whether the best of the faces became a template.
    pub template_added: bool,
}

impl FaceService {
    /// Keeps a face that nobody could name, when the hotel's rule says so and it is worth keeping.
    pub(super) async fn keep_unknown(
        &self,
        sight: &Sight,
        face: &Face,
        report: &mut FaceReport,
        picture: Option<&Picture>,
    ) -> Result<(), Problem> {
        let (Some(retention), Some(embedding)) = (self.settings.unknown.retention(), &face.embedding) else {
            return Ok(());
        };
        // A printed photo is nobody, and one person stands in one place.
        if face.liveness.is_alive == Some(false) || report.reason.as_deref() == Some("already_matched") {
            return Ok(());
        }
        let groups = self.gallery.unknown.of(&sight.hotel);
        let mut groups = groups.lock().await;
        if groups.read.is_none_or(|at| at.elapsed() > REFRESH) {
            *groups = self.read_groups(&sight.hotel).await?;
        }
        let found =
            assign(embedding.vector(), groups.known.iter().map(|k| &k.group), self.calibration.grouping());
        let quality = face.quality.score;
        let at = found.map_or(groups.known.len(), |(at, _)| at);
        if found.is_none() {
            groups.known.push(Known {
                id: Uuid::now_v7(),
                group: Group::of(embedding.vector()),
                written: None,
            });
        }
        let known = &mut groups.known[at];
        report.unknown_group = Some(known.id);
        let last = known.written.as_ref().filter(|(camera, at, _)| {
            *camera == sight.camera && sight.taken_at.signed_duration_since(at).abs() < REPEAT
        });
        if last.is_some_and(|(_, _, best)| quality < best + BETTER) {
            return Ok(());
        }
        let best = last.map_or(quality, |(_, _, best)| best.max(quality));
        let id = Uuid::now_v7();
        let kept = match picture {
            Some(picture) => Some((Key::unknown(&sight.hotel, id), portrait(picture, face)?)),
            None => None,
        };
        let new = NewUnknown {
            id,
            group_id: known.id,
            model: embedding.model().clone(),
            vector: embedding.vector().to_vec(),
            quality,
            camera: sight.camera.clone(),
            seen_at: sight.taken_at,
            is_alive: face.liveness.is_alive,
            liveness_reason: face.liveness.reason.clone(),
            photo_key: kept.as_ref().map(|(key, _)| key.to_string()),
            photo_sha256: hex::encode(kept.as_ref().map_or_else(
                // Without a picture the vector stands for it: two faces must not pass for one photo.
                || {
                    Sha256::digest(
                        embedding.vector().iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>(),
                    )
                },
                |(_, jpeg)| Sha256::digest(jpeg),
            )),
            expires_at: Utc::now() + retention,
        };
        let window = Duration::from_secs(self.attendance.sighting_window_seconds);
        let rows = self.gallery.engines.store.hotel(&sight.hotel);
        let outcome = rows.record_unknown(new, window).await?;
        // The row first: a picture without one would be looked for by nobody until the next start.
        if let Some((key, jpeg)) = kept.filter(|_| outcome.is_best) {
            self.gallery.engines.media.put(&key, Bytes::from(jpeg)).await?;
        }
        if found.is_some() {
            known.group.join(embedding.vector());
        }
        known.written = Some((sight.camera.clone(), sight.taken_at, best));
        Ok(())
    }

    async fn read_groups(&self, hotel: &HotelId) -> Result<Groups, StoreError> {
        let here = self.embedder();
        let mut known: Vec<Known> = Vec::new();
        for face in self.kept(hotel).await?.iter().filter(|f| f.model == here) {
            match known.iter_mut().find(|k| k.id == face.group_id) {
                Some(k) => k.group.join(&face.vector),
                None => {
                    known.push(Known { id: face.group_id, group: Group::of(&face.vector), written: None });
                }
            }
        }
        Ok(Groups { read: Some(Instant::now()), known })
    }

    async fn kept(&self, hotel: &HotelId) -> Result<Vec<UnknownFace>, StoreError> {
        let rows = self.gallery.engines.store.hotel(hotel);
        rows.unknown_faces(DateTime::<Utc>::MIN_UTC, self.settings.unknown.max_kept).await
    }

    /// The unknown faces seen since, grouped, newest group first.
    pub async fn unknown_faces(
        &self,
        hotel: &HotelId,
        since: Option<DateTime<Utc>>,
        limit: usize,
    ) -> Result<UnknownAnswer, Problem> {
        let here = self.embedder();
        let mut groups: Vec<(UnknownGroup, Option<Vec<f32>>)> = Vec::new();
        for face in self.kept(hotel).await? {
            if since.is_some_and(|since| face.last_seen_at < since) {
                continue;
            }
            let known = groups.iter().position(|(g, _)| g.group_id == face.group_id);
            let at = known.unwrap_or(groups.len());
            if known.is_none() {
                let group = UnknownGroup {
                    group_id: face.group_id,
                    first_seen_at: face.seen_at,
                    last_seen_at: face.last_seen_at,
                    frames: 0,
                    sightings: Vec::new(),
                    nearest_employee_id: None,
                    nearest_score: None,
                };
                // Another model's vector says nothing here.
                groups.push((group, (face.model == here).then(|| face.vector.clone())));
            }
            let group = &mut groups[at].0;
            group.first_seen_at = group.first_seen_at.min(face.seen_at);
            group.last_seen_at = group.last_seen_at.max(face.last_seen_at);
            group.frames += face.frames;
            group.sightings.push(UnknownSighting {
                id: face.id,
                camera_id: face.camera_id,
                first_seen_at: face.seen_at,
                last_seen_at: face.last_seen_at,
                frames: face.frames,
                quality: face.quality,
                is_alive: face.is_alive,
                has_picture: face.photo_key.is_some(),
            });
        }
        groups.sort_by_key(|(group, _)| std::cmp::Reverse(group.last_seen_at));
        groups.truncate(limit);
        let mut answer = Vec::with_capacity(groups.len());
        for (mut group, vector) in groups {
            if let Some(vector) = vector {
                let nearest = self.nearest(hotel, &vector, None).await?.into_iter().next();
                group.nearest_score = nearest.as_ref().map(|n| n.score);
                group.nearest_employee_id = nearest.map(|n| n.owner.to_string());
            }
            answer.push(group);
        }
        Ok(UnknownAnswer { groups: answer, retention_hours: self.settings.unknown.retention_hours })
    }

    /// The kept picture of the best sighting of a group, as JPEG. The audit log tells who looked at it.
    pub async fn unknown_picture(&self, hotel: &HotelId, group: Uuid, actor: &str) -> Result<Bytes, Problem> {
        let rows = self.gallery.engines.store.hotel(hotel);
        let mut faces = rows.unknown_group(group).await?;
        faces.sort_by(|a, b| b.quality.total_cmp(&a.quality));
        for key in faces.iter().filter_map(|f| f.photo_key.as_deref()?.parse::<Key>().ok()) {
            match self.gallery.engines.media.get(&key).await {
                // Its sighting was cut off before it was written; the next best has one perhaps.
                Err(MediaError::NotFound { .. }) => {}
                found => {
                    let (picture, subject) = (found?, AuditSubject::Thing(group.to_string()));
                    rows.audit(actor, "unknown_face.viewed", subject, json!({})).await?;
                    return Ok(picture);
                }
            }
        }
        let detail = "no picture of this group was kept; `face.unknown.keep_pictures` keeps them";
        Err(Problem::new(ErrorCode::UnknownFaceNotFound, detail))
    }

    /// Gives a group the name of an enrolled employee: its sightings become attendance, and so do those of
    /// other groups that the employee's templates now match.
    pub async fn name_unknown(
        &self,
        hotel: &HotelId,
        group: Uuid,
        employee: &EmployeeId,
        add_template: bool,
        actor: &str,
    ) -> Result<NamedAnswer, Problem> {
        let _one = self.gallery.change().await;
        let rows = self.gallery.engines.store.hotel(hotel);
        let faces = rows.unknown_group(group).await?;
        if faces.is_empty() {
            return Err(no_such_group());
        }
        if !rows.has_active_consent(employee).await? {
            return Err(super::gallery::not_enrolled(employee));
        }
        let template_added =
            if add_template { self.learn_from(hotel, employee, &faces, actor).await? } else { false };
        let known: Vec<Uuid> = faces.iter().map(|f| f.id).collect();
        let mut all = faces;
        all.extend(self.earlier_sightings(hotel, employee, &known).await?);
        let named = self.attribute(hotel, employee, &all, actor).await?;
        Ok(NamedAnswer {
            success: true,
            employee_id: employee.to_string(),
            sightings: named.faces.len(),
            attendance_opened: named.opened.len(),
            attendance_joined: named.joined.len(),
            template_added,
        })
    }

    /// After an enrolment: unknown faces that turn out to be this person become their attendance. How many
    /// sightings that were.
    pub(super) async fn claim_earlier(
        &self,
        hotel: &HotelId,
        employee: &EmployeeId,
        actor: &str,
    ) -> Result<usize, Problem> {
        let faces = self.earlier_sightings(hotel, employee, &[]).await?;
        if faces.is_empty() {
            return Ok(0);
        }
        Ok(self.attribute(hotel, employee, &faces, actor).await?.faces.len())
    }

    /// Writes the sightings as the employee's.
    async fn attribute(
        &self,
        hotel: &HotelId,
        employee: &EmployeeId,
        faces: &[UnknownFace],
        actor: &str,
    ) -> Result<Named, Problem> {
        let known = self.known_face(hotel, employee).await?;
        let vectors = known.vectors();
        let here = self.embedder();
        let naming = Naming {
            employee: employee.clone(),
            faces: faces
                .iter()
                .map(|face| {
                    // Whoever names a face is surer than the model, so only the score is the model's.
                    let score = if face.model == here { fused(&face.vector, &vectors) } else { None };
                    NamedFace {
                        id: face.id,
                        confidence: score.map_or(0.0, |s| self.calibration.confidence(s)),
                        score: score.unwrap_or(0.0),
                        attends: self.may_attend(face.is_alive).is_ok(),
                        action: self.action_at(face.camera_id.as_ref()),
                    }
                })
                .collect(),
            window: Duration::from_secs(self.attendance.sighting_window_seconds),
            zone: self.timezone,
            actor: actor.to_owned(),
            at: Utc::now(),
        };
        let named = self.gallery.engines.store.hotel(hotel).name_unknown(naming).await?;
        self.gallery.unknown.forget(hotel).await;
        self.gallery.catch_up().await?;
        Ok(named)
    }

    /// Unknown faces, other than `known`, that the employee's templates match as a frame would be matched. Most are
    /// put aside by their own score before anybody else is looked at.
    async fn earlier_sightings(
        &self,
        hotel: &HotelId,
        employee: &EmployeeId,
        known: &[Uuid],
    ) -> Result<Vec<UnknownFace>, Problem> {
        let here = self.embedder();
        let own = self.known_face(hotel, employee).await?;
        let vectors = own.vectors();
        let mut found = Vec::new();
        for face in self.kept(hotel).await?.into_iter().filter(|f| f.model == here && !known.contains(&f.id))
        {
            let limits = self.limits_at(hotel, face.camera_id.as_ref()).await?;
            if fused(&face.vector, &vectors).is_none_or(|score| score < limits.threshold) {
                continue;
            }
            let embedding = Embedding::normalised(face.model.clone(), face.vector.clone())?;
            let near = self.people_like(hotel, &[&embedding]).await?;
            let decision = decide(&near.faces, &limits).pop();
            if decision.and_then(|d| d.owner).as_ref() == Some(employee) {
                found.push(face);
            }
        }
        Ok(found)
    }

    /// Makes the best of the faces a template, when it is alive and nobody else's.
    async fn learn_from(
        &self,
        hotel: &HotelId,
        employee: &EmployeeId,
        faces: &[UnknownFace],
        actor: &str,
    ) -> Result<bool, Problem> {
        let here = self.embedder();
        let best = faces
            .iter()
            .filter(|f| f.model == here && f.is_alive != Some(false))
            .max_by(|a, b| a.quality.total_cmp(&b.quality));
        let Some(best) = best else { return Ok(false) };
        let embedding = Embedding::normalised(best.model.clone(), best.vector.clone())?;
        if self.taken_by(hotel, employee, &embedding).await?.is_some() {
            let detail = "the face is enrolled under another employee_id";
            return Err(Problem::new(ErrorCode::FaceAlreadyEnrolled, detail));
        }
        let template = NewTemplate {
            id: Uuid::now_v7(),
            model: best.model.clone(),
            vector: best.vector.clone(),
            quality: best.quality,
            photo_key: None,
            photo_sha256: best.photo_sha256.clone(),
        };
        let rows = self.gallery.engines.store.hotel(hotel);
        let max = self.settings.max_templates;
        let added = rows.add_templates(employee, vec![template], max, actor, Utc::now()).await?;
        self.gallery.catch_up().await?;
        Ok(!added.added.is_empty())
    }

    /// Forgets a group.
    pub async fn forget_unknown(&self, hotel: &HotelId, group: Uuid, actor: &str) -> Result<(), Problem> {
        let rows = self.gallery.engines.store.hotel(hotel);
        if rows.forget_unknown_group(group, actor, Utc::now()).await? == 0 {
            return Err(no_such_group());
        }
        self.gallery.unknown.forget(hotel).await;
        self.gallery.catch_up().await?;
        Ok(())
    }
}

fn no_such_group() -> Problem {
    Problem::new(ErrorCode::UnknownFaceNotFound, "there is no such group of unknown faces (any more)")
}
