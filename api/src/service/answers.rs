//! The answers of the face endpoints: built here, documented by the same types.

use chrono::{DateTime, Utc};
use innkeeper_face::matching::{Decision, UnknownReason};
use innkeeper_face::templates::PhotoReason;
use innkeeper_face::{Face, LivenessVerdict, Quality};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A point in pixels of the frame, from its top left corner.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct PointReport {
    x: f32,
    y: f32,
}

/// A box in pixels of the frame, after EXIF rotation.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct BoxReport {
    x: f32,
    y: f32,
    w: f32,
    h: f32,
}

/// What was measured on a face.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct QualityReport {
    /// Whether the face may be recognised.
    passed: bool,
    /// Shorter side of the box in pixels.
    size: f32,
    /// Variance of the Laplacian over the aligned face; below the limit it is blurred.
    sharpness: f32,
    /// Rotation in the picture plane in degrees.
    roll: f32,
    /// 0 is frontal, about 1 a profile.
    yaw: f32,
    /// Mean grey level, 0 to 255.
    brightness: f32,
    /// Standard deviation of the grey levels.
    contrast: f32,
    /// What speaks against the face: `too_small`, blurred, tilted, `turned_away`, `too_dark`, `too_bright`,
    /// `low_contrast`.
    #[schema(value_type = Vec<String>)]
    reasons: serde_json::Value,
    /// What the person at the camera can do about it.
    hints: Vec<&'static str>,
}

impl From<&Quality> for QualityReport {
    fn from(q: &Quality) -> Self {
        Self {
            passed: q.passes(),
            size: q.size,
            sharpness: q.sharpness,
            roll: q.roll,
            yaw: q.yaw,
            brightness: q.brightness,
            contrast: q.contrast,
            reasons: serde_json::to_value(&q.reasons).unwrap_or_default(),
            hints: q.reasons.iter().map(|r| r.hint()).collect(),
        }
    }
}

/// The reason as answers spell it.
pub(super) fn word(reason: UnknownReason) -> Option<String> {
    Some(serde_json::to_value(reason).ok()?.as_str()?.to_owned())
}

/// What the liveness models said, or why they did not.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct LivenessReport {
    /// True or false when a model judged, null when none did.
    is_alive: Option<bool>,
    /// Probability of a real face, 0 to 1.
    score: Option<f32>,
    /// The score a real face must reach.
    threshold: Option<f32>,
    /// Whether the threshold was set on labelled attacks; the shipped one comes from the models' sources.
    calibrated: bool,
    /// Which models judged.
    models: Vec<String>,
    /// Why there is no verdict (`model_not_installed`, `face_quality`), or what was suspected.
    reason: Option<String>,
}

impl From<&LivenessVerdict> for LivenessReport {
    fn from(v: &LivenessVerdict) -> Self {
        Self {
            is_alive: v.is_alive,
            score: v.score,
            threshold: v.threshold,
            calibrated: v.calibrated,
            models: v.models.iter().map(ToString::to_string).collect(),
            reason: v.reason.clone(),
        }
    }
}

/// What became of a sighting.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct AttendanceReport {
    /// Whether the employee has an attendance row for this sighting.
    pub recorded: bool,
    /// The row.
    pub id: Option<Uuid>,
    /// Whether this frame began the sighting; later frames of it join the row and raise no event.
    pub is_new: Option<bool>,
    /// `check_in`, `check_out` or seen.
    pub action: Option<String>,
    /// Why nothing was recorded, or what the row lacks: `not_alive`, `liveness_required`, `employee_deleted`,
    /// `liveness_not_checked`.
    pub reason: Option<String>,
}

/// One face of a frame.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct FaceReport {
    #[serde(rename = "box")]
    rect: BoxReport,
    /// Left eye, right eye, nose tip, left and right mouth corner.
    landmarks: Vec<PointReport>,
    /// The detector's own score, 0 to 1.
    detection_score: f32,
    quality: QualityReport,
    /// Who it is; null when nobody enrolled is near enough.
    pub employee_id: Option<String>,
    /// Calibrated probability that it is this person; null when nobody was recognised.
    pub confidence: Option<f32>,
    /// Cosine with the nearest person: with the mean of their templates.
    pub score: Option<f32>,
    /// The same for the second person.
    pub second_best_score: Option<f32>,
    /// The group of unknown faces it was put into, to be named later; null when it was not kept.
    pub unknown_group: Option<Uuid>,
    /// Why there is no name: `face_quality`, `nobody_enrolled`, `below_threshold`, ambiguous, `already_matched`,
    /// `not_this_person`; or `not_alive`.
    pub reason: Option<String>,
    pub is_alive: Option<bool>,
    pub liveness: LivenessReport,
    /// What became of the sighting; null when nobody was recognised.
    pub attendance: Option<AttendanceReport>,
}

impl FaceReport {
    /// The face before anybody looked for its name.
    pub fn unnamed(face: &Face) -> Self {
        Self {
            rect: BoxReport { x: face.rect.x, y: face.rect.y, w: face.rect.w, h: face.rect.h },
            landmarks: face.landmarks.iter().map(|p| PointReport { x: p.x, y: p.y }).collect(),
            detection_score: face.detection_score,
            quality: (&face.quality).into(),
            employee_id: None,
            confidence: None,
            score: None,
            second_best_score: None,
            unknown_group: None,
            reason: (!face.quality.passes()).then(|| "face_quality".to_owned()),
            is_alive: face.liveness.is_alive,
            liveness: (&face.liveness).into(),
            attendance: None,
        }
    }

    /// Adds who it is.
    pub fn name(&mut self, decision: &Decision, confidence: impl Fn(f32) -> f32) {
        self.employee_id = decision.owner.as_ref().map(ToString::to_string);
        self.score = decision.score;
        self.second_best_score = decision.second;
        self.confidence = decision.owner.as_ref().and(decision.score).map(confidence);
        self.reason = decision.reason.and_then(word);
        if self.employee_id.is_some() && self.is_alive == Some(false) {
            self.reason = Some("not_alive".to_owned());
        }
    }

    /// Takes the name back: the person was deleted while the frame was looked at.
    pub fn unname(&mut self, reason: &str) {
        self.employee_id = None;
        self.confidence = None;
        self.reason = Some(reason.to_owned());
    }

    /// Recognised, and not by a printed photo.
    pub fn succeeded(&self) -> bool {
        self.employee_id.is_some() && self.is_alive != Some(false)
    }

    /// Whether it was compared with whoever is enrolled.
    pub fn was_compared(&self) -> bool {
        self.score.is_some()
    }

    pub fn liveness_reason(&self) -> Option<String> {
        self.liveness.reason.clone()
    }

    pub fn passed_quality(&self) -> bool {
        self.quality.passed
    }
}

/// Which models answered.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct FaceModels {
    pub detector: String,
    pub embedder: String,
    pub liveness: Vec<String>,
}

/// Wall time per stage in milliseconds.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
pub(crate) struct Timings {
    pub wait: f64,
    pub decode: f64,
    pub detect: f64,
    pub align: f64,
    pub liveness: f64,
    pub embed: f64,
    #[serde(rename = "match")]
    pub matching: f64,
    pub store: f64,
}

/// Who is in the frame. The top-level fields speak of the largest face that passes the quality gate.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct RecogniseAnswer {
    /// Id of this answer, for corrections and the log.
    pub answer_id: Uuid,
    /// Whether an enrolled employee was recognised and no liveness model objected.
    pub success: bool,
    /// Who it is. Also given when `is_alive` is false: that person's face was shown.
    #[schema(example = "EMP001")]
    pub employee_id: Option<String>,
    /// Calibrated probability that it is this person, 0 to 1.
    pub confidence: Option<f32>,
    /// Cosine with the nearest person: with the mean of their templates.
    pub score: Option<f32>,
    /// The same for the second person.
    pub second_best_score: Option<f32>,
    /// The score a match must reach here: more people enrolled ask for more, and a camera may have its own. Null
    /// when nobody was compared.
    pub threshold: Option<f32>,
    /// True or false when a liveness model judged, else null with `liveness.reason`.
    pub is_alive: Option<bool>,
    pub liveness: Option<LivenessReport>,
    /// Why `success` is false: `no_face`, `face_quality`, `nobody_enrolled`, `below_threshold`, ambiguous, `not_alive`.
    pub reason: Option<String>,
    /// What became of the sighting; null when nobody was recognised.
    pub attendance: Option<AttendanceReport>,
    /// Milliseconds from the decoded body to the answer.
    pub recognition_time_ms: f64,
    /// Every face, largest first.
    pub faces: Vec<FaceReport>,
    pub models: FaceModels,
    pub timings_ms: Timings,
}

/// What became of one enrolment photo.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct PhotoReport {
    /// Place of the photo in the request, from 0.
    pub index: usize,
    /// Whether it became a template.
    pub accepted: bool,
    /// Why not: a problem code, `different_people`, `already_enrolled` or `outdone`.
    pub code: Option<String>,
    /// The same in words.
    pub detail: Option<String>,
    /// Measures of the face, when one was found.
    pub quality: Option<QualityReport>,
}

impl PhotoReport {
    /// Takes an acceptance back.
    pub fn reject(&mut self, code: &str, detail: &str) {
        self.accepted = false;
        self.code = Some(code.to_owned());
        self.detail = Some(detail.to_owned());
    }
}

/// The employee is enrolled.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct EnrolAnswer {
    pub success: bool,
    #[schema(example = "EMP001")]
    pub employee_id: String,
    /// Photos of this request that became templates.
    pub enrolled: usize,
    /// Templates the employee has now.
    pub templates: usize,
    pub photos: Vec<PhotoReport>,
    /// Sightings of unknown faces that turned out to be this person, and are attendance now.
    pub earlier_sightings: usize,
    /// Why new photos should be taken: `too_few`, `too_old`, `low_quality`; empty when there is no need.
    #[schema(value_type = Vec<String>)]
    pub needs_new_photos: Vec<PhotoReason>,
    /// The model the templates belong to.
    pub model: String,
    /// Id of the event `face.enrolled`.
    pub event_id: Uuid,
}

/// One template.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct TemplateReport {
    pub template_id: Uuid,
    /// The model it belongs to; templates of other models than the running one are not compared.
    pub model: String,
    /// Rank of the photo among the person's, 0 to 1.
    pub quality: f32,
    pub created_at: DateTime<Utc>,
    /// The last day on which it was the best of a match.
    pub last_matched_at: Option<DateTime<Utc>>,
    /// The unit vector.
    pub vector: Vec<f32>,
}

/// The employee's templates.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct EmbeddingAnswer {
    #[schema(example = "EMP001")]
    pub employee_id: String,
    pub name: Option<String>,
    pub department: Option<String>,
    /// Why new photos should be taken: `too_few`, `too_old`, `low_quality`, `scores_falling`; empty when there is no
    /// need, null when no model runs that could say.
    #[schema(value_type = Option<Vec<String>>)]
    pub needs_new_photos: Option<Vec<PhotoReason>>,
    pub templates: Vec<TemplateReport>,
}

/// What was removed, and from where.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct DeletedAnswer {
    pub success: bool,
    /// Whether every store confirmed it. When false the rest is queued and the server goes on with it.
    pub complete: bool,
    #[schema(example = "EMP001")]
    pub employee_id: String,
    /// Template rows.
    pub templates: usize,
    /// Vectors in the index.
    pub vectors: usize,
    /// Photos.
    pub photos: usize,
    /// Consent records.
    pub consents: u64,
    /// Attendance rows.
    pub attendance_rows: u64,
    /// Faces that somebody said are not this person.
    pub negatives: u64,
    /// Unknown faces that were this person's, by the lowest score of a match between one face and one person.
    pub unknown_faces: u64,
    /// Events about the person, delivered or not.
    pub outbox_events: u64,
    /// Id of the event `face.deleted`.
    pub event_id: Uuid,
}

/// The thresholds in force.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ThresholdsReport {
    /// Lowest cosine of a match.
    pub threshold: f32,
    /// Least distance to the second person, in cosine.
    pub margin: f32,
    /// The evaluation that set the shipped numbers.
    pub evaluation: String,
    /// Whether the settings say something else than the evaluation.
    pub overridden: bool,
}
