//! `/api/v1/cv/face/…`: recognise, enrol, read and delete.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use innkeeper_core::{CameraId, EmployeeId, ErrorCode, IdError, WriteStage};
use innkeeper_store::AuditSubject;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::extract::{Allowed, Form, FormFields, ManageFaces, Pictures, Recognise};
use crate::problem::{Problem, ProblemDocument};
use crate::service::{
    ConsentInput, DeletedAnswer, EmbeddingAnswer, EnrolAnswer, EnrolInput, FaceReport, ProfileInput,
    RecogniseAnswer, Sight,
};

pub(super) const TAG: &str = "face";

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(recognize))
        .routes(routes!(enroll))
        .routes(routes!(embedding))
        .routes(routes!(delete))
}

/// Words that stand where an `employee_id` may stand in a path.
const RESERVED: [&str; 5] = ["embedding", "enroll", "recognize", "unknown", "verify"];

/// A frame of a camera.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RecognizeBody {
    /// The picture: base64, or a data URI. JPEG, PNG, WebP, BMP or GIF.
    image: String,
    /// The camera, by the hotel's name for it.
    #[schema(example = "cam_lobby_01", pattern = "^[A-Za-z0-9][A-Za-z0-9._:-]*$", max_length = 64)]
    camera_id: Option<String>,
    /// When the frame was taken, RFC 3339; now when it is left out.
    #[schema(example = "2025-01-17T08:30:00Z")]
    timestamp: Option<String>,
}

impl FormFields for RecognizeBody {
    const IMAGES: &'static str = "image";
    const MANY: bool = false;
    fn take_images(&mut self) -> Vec<String> {
        vec![std::mem::take(&mut self.image)]
    }
}

/// A picture as it is, with any `image/*` as its type; the fields stand in the query.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "documents the body, which the extractor reads")]
struct PictureFile(Vec<u8>);

/// The same as a form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the form; the fields are read by name")]
struct RecognizeForm {
    /// The picture file.
    #[schema(value_type = String, format = Binary)]
    image: Vec<u8>,
    camera_id: Option<String>,
    timestamp: Option<String>,
}

/// A record of the person's consent; enrolment needs one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ConsentBody {
    /// When the person agreed, RFC 3339.
    given_at: String,
    /// Which wording they agreed to.
    #[schema(example = "2025-01")]
    policy_version: String,
}

/// What is kept of `metadata`; the rest is passed over.
#[derive(Debug, Default, Deserialize)]
struct Metadata {
    name: Option<String>,
    department: Option<String>,
    role: Option<String>,
}

/// Photos of one person.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EnrollBody {
    #[schema(example = "EMP001", pattern = "^[A-Za-z0-9][A-Za-z0-9._:-]*$", max_length = 64)]
    employee_id: String,
    /// One to `face.max_photos` pictures, base64 or data URIs, each with one face.
    #[schema(value_type = Vec<String>, min_items = 1)]
    images: Pictures,
    /// What the hotel knows of the person: `name`, `department` and `role` are kept.
    #[serde(default)]
    #[schema(value_type = Object, example = json!({"name": "Nguyen Van A", "department": "reception"}))]
    metadata: Metadata,
    consent: Option<ConsentBody>,
}

impl FormFields for EnrollBody {
    const IMAGES: &'static str = "images";
    const MANY: bool = true;
    fn take_images(&mut self) -> Vec<String> {
        std::mem::take(&mut self.images.0)
    }
}

/// The same as a form; `metadata` and `consent` are JSON, or one part per field (`consent.given_at`).
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the form; the fields are read by name")]
struct EnrollForm {
    employee_id: String,
    /// The picture files, one part each.
    #[schema(value_type = Vec<String>, format = Binary)]
    image: Vec<Vec<u8>>,
    metadata: Option<String>,
    consent: Option<String>,
}

pub(super) fn id<T: std::str::FromStr<Err = IdError>>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|e: IdError| Problem::new(ErrorCode::InvalidId, e.to_string()))
}

/// The id that stands in the path; what is not even text names nobody.
pub(super) fn id_in_path(path: Result<Path<String>, PathRejection>) -> Result<EmployeeId, Problem> {
    let Path(text) = path.map_err(|e| Problem::new(ErrorCode::InvalidId, e.body_text()))?;
    id(&text)
}

pub(super) fn instant(field: &str, text: &str, max_ahead: u64) -> Result<DateTime<Utc>, Problem> {
    let bad = |detail: String| Problem::new(ErrorCode::InvalidTimestamp, detail);
    let at = DateTime::parse_from_rfc3339(text)
        .map_err(|e| bad(format!("{field} is not an RFC 3339 time: {e}")))?
        .with_timezone(&Utc);
    let ahead = TimeDelta::try_seconds(max_ahead as i64).unwrap_or(TimeDelta::MAX);
    if at.signed_duration_since(Utc::now()) > ahead {
        return Err(bad(format!("{field} lies in the future; is the clock right?")));
    }
    if at.timestamp() < 0 {
        return Err(bad(format!("{field} lies before 1970; is the clock right?")));
    }
    Ok(at)
}

/// Who is in the frame.
///
/// A frame without a known face is an answer (`success: false` with a `reason`), not an error. A recognised
/// employee gets one attendance row and one event per sighting, unless a liveness model objects.
#[utoipa::path(
    post, path = "/api/v1/cv/face/recognize", tag = TAG, security(
        ("bearer" = ["cv:recognize"]), ("bearer" = ["cv:read"]),
        ("api_key" = ["cv:recognize"]), ("api_key" = ["cv:read"])
    ),
    params(
        ("camera_id" = Option<String>, Query, description = "With a raw picture: the camera."),
        ("timestamp" = Option<String>, Query, description = "With a raw picture: when it was taken.")
    ),
    request_body(content(
        (RecognizeBody = "application/json"), (RecognizeForm = "multipart/form-data"), (PictureFile = "image/jpeg")
    )),
    responses(
        (status = 200, body = RecogniseAnswer),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn recognize(
    allowed: Allowed<Recognise>,
    State(app): State<App>,
    Form { fields, images, room: _room }: Form<RecognizeBody>,
) -> Result<Json<RecogniseAnswer>, Problem> {
    let started = std::time::Instant::now();
    let answer = recognise(&allowed, &app, fields, images).await;
    metrics::histogram!("face_recognition_duration_seconds").record(started.elapsed());
    let status = if answer.as_ref().is_ok_and(|a| a.success) { "success" } else { "failure" };
    metrics::counter!("face_recognition_total", "status" => status).increment(1);
    WriteStage::Answering.reached();
    answer.map(Json)
}

async fn recognise(
    allowed: &Allowed<Recognise>,
    app: &App,
    fields: RecognizeBody,
    images: Vec<bytes::Bytes>,
) -> Result<RecogniseAnswer, Problem> {
    let ahead = app.settings.attendance.max_future_seconds;
    let sight = Sight {
        hotel: allowed.caller.hotel.clone(),
        camera: fields.camera_id.as_deref().map(id::<CameraId>).transpose()?,
        taken_at: fields
            .timestamp
            .as_deref()
            .map_or_else(|| Ok(Utc::now()), |text| instant("timestamp", text, ahead))?,
    };
    let image = images.into_iter().next().unwrap_or_default();
    let service = app.face_service()?;
    let client = app.attempts_of(&allowed.caller, None)?;
    let answer = service.recognise(&app.admission, &sight, image).await?;
    // A frame without a usable face was no attempt.
    if answer.success {
        client.succeeded();
    } else if answer.faces.iter().any(FaceReport::was_compared) {
        client.failed(answer.is_alive.is_some());
    }
    Ok(answer)
}

/// Enrol an employee from photos.
///
/// Photos of somebody else, or of poor quality, are rejected one by one with the reason; a face that is
/// enrolled under another `employee_id` is refused with 409. When the answer comes, the person is recognised.
#[utoipa::path(
    post, path = "/api/v1/cv/face/enroll", tag = TAG, security(("bearer" = ["cv:enroll"]), ("api_key" = ["cv:enroll"])),
    params(
        ("employee_id" = Option<String>, Query, description = "With a raw picture: the employee."),
        ("metadata.name" = Option<String>, Query, description = "With a raw picture; `department` and `role` alike."),
        ("consent.given_at" = Option<String>, Query, description = "With a raw picture: when the person agreed."),
        ("consent.policy_version" = Option<String>, Query, description = "With a raw picture: to which wording.")
    ),
    request_body(content(
        (EnrollBody = "application/json"), (EnrollForm = "multipart/form-data"), (PictureFile = "image/jpeg")
    )),
    responses(
        (status = 201, body = EnrolAnswer),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn enroll(
    allowed: Allowed<ManageFaces>,
    State(app): State<App>,
    Form { fields, images, room: _room }: Form<EnrollBody>,
) -> Result<(StatusCode, Json<EnrolAnswer>), Problem> {
    let answer = enrol(&allowed, &app, fields, images).await;
    let status = if answer.is_ok() { "success" } else { "failure" };
    metrics::counter!("face_enrollment_total", "status" => status).increment(1);
    WriteStage::Answering.reached();
    answer.map(|a| (StatusCode::CREATED, Json(a)))
}

async fn enrol(
    allowed: &Allowed<ManageFaces>,
    app: &App,
    fields: EnrollBody,
    images: Vec<bytes::Bytes>,
) -> Result<EnrolAnswer, Problem> {
    let employee: EmployeeId = id(&fields.employee_id)?;
    if RESERVED.contains(&employee.as_str()) {
        let detail = format!("{employee} is a word of the interface and cannot be an employee_id");
        return Err(Problem::new(ErrorCode::InvalidId, detail));
    }
    let max = app.settings.face.max_photos;
    if images.is_empty() || images.len() > max {
        let detail = format!("send 1 to {max} photos, not {}", images.len());
        return Err(Problem::new(ErrorCode::BadRequest, detail));
    }
    let consent = fields.consent.ok_or_else(|| {
        let detail =
            "enrolment needs the person's consent: {\"consent\": {\"given_at\": …, \"policy_version\": …}}";
        Problem::new(ErrorCode::ConsentRequired, detail)
    })?;
    let policy_version = consent.policy_version.trim();
    if policy_version.is_empty() || policy_version.len() > 64 || policy_version.contains('\0') {
        let detail = "consent.policy_version names the wording agreed to, in 1 to 64 bytes";
        return Err(Problem::new(ErrorCode::ConsentRequired, detail));
    }
    let input = EnrolInput {
        employee,
        photos: images,
        profile: ProfileInput {
            name: text("name", fields.metadata.name)?,
            department: text("department", fields.metadata.department)?,
            role: text("role", fields.metadata.role)?,
        },
        consent: ConsentInput {
            given_at: instant(
                "consent.given_at",
                &consent.given_at,
                app.settings.attendance.max_future_seconds,
            )?,
            policy_version: policy_version.to_owned(),
        },
    };
    app.face_service()?.enrol(&app.admission, &allowed.caller, input).await
}

/// A text of the metadata, when it is there.
fn text(key: &str, value: Option<String>) -> Result<Option<String>, Problem> {
    const MAX: usize = 200;
    if value.as_ref().is_some_and(|text| text.len() > MAX || text.contains('\0')) {
        let detail = format!("metadata.{key} must be a text of at most {MAX} bytes");
        return Err(Problem::new(ErrorCode::BadRequest, detail));
    }
    Ok(value)
}

/// The employee's templates with their vectors.
#[utoipa::path(
    get, path = "/api/v1/cv/face/embedding/{employee_id}", tag = TAG, security(("bearer" = ["cv:enroll"]), ("api_key" = ["cv:enroll"])),
    params(("employee_id" = String, Path, example = "EMP001", pattern = "^[A-Za-z0-9][A-Za-z0-9._:-]*$", max_length = 64)),
    responses(
        (status = 200, body = EmbeddingAnswer),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn embedding(
    allowed: Allowed<ManageFaces>,
    State(app): State<App>,
    employee: Result<Path<String>, PathRejection>,
) -> Result<Json<EmbeddingAnswer>, Problem> {
    let employee = id_in_path(employee)?;
    let mut answer = app.gallery.templates(&allowed.caller.hotel, &employee).await?;
    if let Ok(service) = app.face_service() {
        let reasons = service.photo_reasons(&allowed.caller.hotel, &employee).await?;
        answer.needs_new_photos = Some(reasons);
    }
    app.engines
        .store
        .hotel(&allowed.caller.hotel)
        .audit(
            &allowed.caller.subject,
            "face.embedding_read",
            AuditSubject::Person(employee.clone()),
            Value::Null,
        )
        .await?;
    Ok(Json(answer))
}

/// Forget an employee: vectors, templates, photos, consents and attendance rows.
#[utoipa::path(
    delete, path = "/api/v1/cv/face/{employee_id}", tag = TAG, security(("bearer" = ["cv:enroll"]), ("api_key" = ["cv:enroll"])),
    params(("employee_id" = String, Path, example = "EMP001", pattern = "^[A-Za-z0-9][A-Za-z0-9._:-]*$", max_length = 64)),
    responses(
        (status = 200, body = DeletedAnswer),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn delete(
    allowed: Allowed<ManageFaces>,
    State(app): State<App>,
    employee: Result<Path<String>, PathRejection>,
) -> Result<Json<DeletedAnswer>, Problem> {
    let employee = id_in_path(employee)?;
    let answer = app.gallery.delete(&allowed.caller.hotel, &employee, &allowed.caller.subject).await?;
    WriteStage::Answering.reached();
    Ok(Json(answer))
}
