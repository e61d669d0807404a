//! What people know better: who an unknown face is, and whom an answer got wrong.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use innkeeper_core::{EmployeeId, ErrorCode};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::face::{TAG, id, id_in_path, instant};
use crate::app::App;
use crate::extract::{Allowed, CorrectFaces, Form, FormFields, JsonBody};
use crate::problem::{Problem, ProblemDocument};
use crate::service::{NamedAnswer, NotThisPersonAnswer, NotThisPersonInput, UnknownAnswer, WrongFace};

/// Most groups in one answer.
const MOST_GROUPS: usize = 500;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(unknown))
        .routes(routes!(picture))
        .routes(routes!(name))
        .routes(routes!(forget))
        .routes(routes!(not_this_person))
        .routes(routes!(remove_negative))
}

pub(super) fn uuid(text: &str) -> Result<Uuid, Problem> {
    text.parse().map_err(|_| Problem::new(ErrorCode::InvalidId, "an id here is a UUID"))
}

pub(super) fn uuid_in_path(path: Result<Path<String>, PathRejection>) -> Result<Uuid, Problem> {
    let Path(text) = path.map_err(|e| Problem::new(ErrorCode::InvalidId, e.body_text()))?;
    uuid(&text)
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct UnknownQuery {
    /// Only faces seen since then, RFC 3339.
    since: Option<String>,
    /// Most groups, 1 to 500.
    #[serde(default = "fifty")]
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: usize,
}

fn fifty() -> usize {
    50
}

/// Faces nobody could name.
///
/// Grouped by face, newest first, with the employee who is nearest. They are kept for
/// `face.unknown.retention_hours`.
#[utoipa::path(
    get, path = "/api/v1/cv/face/unknown", tag = TAG, security(("bearer" = ["cv:enroll"]), ("api_key" = ["cv:enroll"])),
    params(UnknownQuery),
    responses(
        (status = 200, body = UnknownAnswer),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn unknown(
    allowed: Allowed<CorrectFaces>,
    State(app): State<App>,
    query: Result<Query<UnknownQuery>, QueryRejection>,
) -> Result<Json<UnknownAnswer>, Problem> {
    let Query(query) = query.map_err(|e| Problem::new(ErrorCode::BadRequest, e.body_text()))?;
    if !(1..=MOST_GROUPS).contains(&query.limit) {
        return Err(Problem::new(ErrorCode::BadRequest, format!("limit must be 1 to {MOST_GROUPS}")));
    }
    let since = query.since.as_deref().map(|text| instant("since", text, 0)).transpose()?;
    Ok(Json(app.face_service()?.unknown_faces(&allowed.caller.hotel, since, query.limit).await?))
}

/// The best picture of an unknown face, when one was kept.
#[utoipa::path(
    get, path = "/api/v1/cv/face/unknown/{group_id}/picture", tag = TAG,
    security(("bearer" = ["cv:enroll"]), ("api_key" = ["cv:enroll"])),
    params(("group_id" = Uuid, Path)),
    responses(
        (status = 200, body = Vec<u8>, content_type = "image/jpeg"),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn picture(
    allowed: Allowed<CorrectFaces>,
    State(app): State<App>,
    group: Result<Path<String>, PathRejection>,
) -> Result<impl IntoResponse, Problem> {
    let (group, caller) = (uuid_in_path(group)?, &allowed.caller);
    let jpeg = app.face_service()?.unknown_picture(&caller.hotel, group, &caller.subject).await?;
    Ok(([(header::CONTENT_TYPE, "image/jpeg"), (header::CACHE_CONTROL, "no-store")], jpeg))
}

/// Who an unknown face is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NameBody {
    /// An enrolled employee. Enrolling somebody new looks through the unknown faces by itself.
    #[schema(example = "EMP001", pattern = "^[A-Za-z0-9][A-Za-z0-9._:-]*$", max_length = 64)]
    employee_id: String,
    /// Makes the best of the faces a template of the employee.
    #[serde(default)]
    add_template: bool,
}

/// Name an unknown face.
///
/// Its sightings become attendance of the employee (`source: named_later`), and so do sightings of other
/// unknown faces that turn out to be the same person.
#[utoipa::path(
    post, path = "/api/v1/cv/face/unknown/{group_id}/name", tag = TAG,
    security(("bearer" = ["cv:enroll"]), ("api_key" = ["cv:enroll"])),
    params(("group_id" = Uuid, Path)),
    request_body = NameBody,
    responses(
        (status = 200, body = NamedAnswer),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn name(
    allowed: Allowed<CorrectFaces>,
    State(app): State<App>,
    group: Result<Path<String>, PathRejection>,
    JsonBody(body): JsonBody<NameBody>,
) -> Result<Json<NamedAnswer>, Problem> {
    let (group, employee) = (uuid_in_path(group)?, id::<EmployeeId>(&body.employee_id)?);
    let caller = &allowed.caller;
    let answer = app
        .face_service()?
        .name_unknown(&caller.hotel, group, &employee, body.add_template, &caller.subject)
        .await?;
    Ok(Json(answer))
}

/// Forget an unknown face.
#[utoipa::path(
    delete, path = "/api/v1/cv/face/unknown/{group_id}", tag = TAG,
    security(("bearer" = ["cv:enroll"]), ("api_key" = ["cv:enroll"])),
    params(("group_id" = Uuid, Path)),
    responses(
        (status = 204),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn forget(
    allowed: Allowed<CorrectFaces>,
    State(app): State<App>,
    group: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Problem> {
    let (group, caller) = (uuid_in_path(group)?, &allowed.caller);
    app.face_service()?.forget_unknown(&caller.hotel, group, &caller.subject).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A face that was called the wrong name: by the answer that did so, or by its picture.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NotThisPersonBody {
    /// The answer that called a face this employee: one of the hotel's last 2,000, at most an hour old, of the server
    /// that gave it.
    #[schema(value_type = Option<Uuid>)]
    answer_id: Option<String>,
    /// Or the picture: base64, or a data URI, with one face.
    image: Option<String>,
    /// The attendance row that was written for it; known by itself with `answer_id`.
    #[schema(value_type = Option<Uuid>)]
    attendance_id: Option<String>,
    /// Who it was in truth; the row becomes theirs. Without a name the row is removed.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9._:-]*$", max_length = 64)]
    correct_employee_id: Option<String>,
}

impl FormFields for NotThisPersonBody {
    const IMAGES: &'static str = "image";
    const MANY: bool = false;
    fn take_images(&mut self) -> Vec<String> {
        self.image.take().into_iter().collect()
    }
}

/// The same as a form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the form; the fields are read by name")]
struct NotThisPersonForm {
    /// The picture file.
    #[schema(value_type = String, format = Binary)]
    image: Vec<u8>,
    attendance_id: Option<String>,
    correct_employee_id: Option<String>,
}

/// That was not this employee.
///
/// The face is kept as a negative sample: a face like it is not called this employee again. The attendance row
/// that the wrong answer wrote is removed, or given to whom it belongs.
#[utoipa::path(
    post, path = "/api/v1/cv/face/{employee_id}/not-this-person", tag = TAG,
    security(("bearer" = ["cv:enroll"]), ("api_key" = ["cv:enroll"])),
    params(
        ("employee_id" = String, Path, example = "EMP001", pattern = "^[A-Za-z0-9][A-Za-z0-9._:-]*$", max_length = 64),
        ("attendance_id" = Option<String>, Query, description = "With a raw picture: the row."),
        ("correct_employee_id" = Option<String>, Query, description = "With a raw picture: who it was.")
    ),
    request_body(content(
        (NotThisPersonBody = "application/json"), (NotThisPersonForm = "multipart/form-data"),
        (Vec<u8> = "image/jpeg")
    )),
    responses(
        (status = 200, body = NotThisPersonAnswer),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn not_this_person(
    allowed: Allowed<CorrectFaces>,
    State(app): State<App>,
    employee: Result<Path<String>, PathRejection>,
    Form { fields, images, room: _room }: Form<NotThisPersonBody>,
) -> Result<Json<NotThisPersonAnswer>, Problem> {
    let answer = fields.answer_id.as_deref().map(uuid).transpose()?;
    let face = match (answer, images.into_iter().next()) {
        (Some(answer), None) => WrongFace::Answer(answer),
        (None, Some(image)) => WrongFace::Picture(image),
        _ => {
            let detail = "send `answer_id` or `image`, one of the two";
            return Err(Problem::new(ErrorCode::BadRequest, detail));
        }
    };
    let input = NotThisPersonInput {
        employee: id_in_path(employee)?,
        face,
        attendance: fields.attendance_id.as_deref().map(uuid).transpose()?,
        in_truth: fields.correct_employee_id.as_deref().map(id).transpose()?,
    };
    let caller = &allowed.caller;
    let service = app.face_service()?;
    Ok(Json(service.not_this_person(&app.admission, &caller.hotel, &caller.subject, input).await?))
}

/// Take such a correction back.
#[utoipa::path(
    delete, path = "/api/v1/cv/face/{employee_id}/not-this-person/{negative_id}", tag = TAG,
    security(("bearer" = ["cv:enroll"]), ("api_key" = ["cv:enroll"])),
    params(
        ("employee_id" = String, Path, example = "EMP001", pattern = "^[A-Za-z0-9][A-Za-z0-9._:-]*$", max_length = 64),
        ("negative_id" = Uuid, Path)
    ),
    responses(
        (status = 204),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn remove_negative(
    allowed: Allowed<CorrectFaces>,
    State(app): State<App>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<StatusCode, Problem> {
    let Path((employee, negative)) = path.map_err(|e| Problem::new(ErrorCode::InvalidId, e.body_text()))?;
    let caller = &allowed.caller;
    app.face_service()?
        .remove_negative(&caller.hotel, &id(&employee)?, uuid(&negative)?, &caller.subject)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
