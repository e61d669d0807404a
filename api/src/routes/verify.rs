//! `/api/v1/cv/face/verify`: one face against one employee.

use axum::Json;
use axum::extract::State;
use innkeeper_core::{CameraId, EmployeeId};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::face::{TAG, id};
use crate::app::App;
use crate::extract::{Allowed, Form, FormFields, Recognise};
use crate::problem::{Problem, ProblemDocument};
use crate::service::VerifyAnswer;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(verify))
}

/// A picture with one face, and who it is said to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct VerifyBody {
    #[schema(example = "EMP001", pattern = "^[A-Za-z0-9][A-Za-z0-9._:-]*$", max_length = 64)]
    employee_id: String,
    /// The picture: base64, or a data URI. JPEG, PNG, WebP, BMP or GIF.
    image: String,
    /// The camera, when it has a threshold of its own.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9._:-]*$", max_length = 64)]
    camera_id: Option<String>,
}

impl FormFields for VerifyBody {
    const IMAGES: &'static str = "image";
    const MANY: bool = false;
    fn take_images(&mut self) -> Vec<String> {
        vec![std::mem::take(&mut self.image)]
    }
}

/// The same as a form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the form; the fields are read by name")]
struct VerifyForm {
    employee_id: String,
    /// The picture file.
    #[schema(value_type = String, format = Binary)]
    image: Vec<u8>,
    camera_id: Option<String>,
}

/// Is this the employee?
///
/// Compares the one face of a picture with the templates of one employee; writes nothing. A face that does not
/// match is an answer (`success: false` with a `reason`). Failed matches in a row make the client wait.
#[utoipa::path(
    post, path = "/api/v1/cv/face/verify", tag = TAG, security(
        ("bearer" = ["cv:recognize"]), ("bearer" = ["cv:read"]),
        ("api_key" = ["cv:recognize"]), ("api_key" = ["cv:read"])
    ),
    params(
        ("employee_id" = Option<String>, Query, description = "With a raw picture: the employee."),
        ("camera_id" = Option<String>, Query, description = "With a raw picture: the camera.")
    ),
    request_body(content(
        (VerifyBody = "application/json"), (VerifyForm = "multipart/form-data"), (Vec<u8> = "image/jpeg")
    )),
    responses(
        (status = 200, body = VerifyAnswer),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn verify(
    allowed: Allowed<Recognise>,
    State(app): State<App>,
    Form { fields, images, room: _room }: Form<VerifyBody>,
) -> Result<Json<VerifyAnswer>, Problem> {
    let employee: EmployeeId = id(&fields.employee_id)?;
    let camera = fields.camera_id.as_deref().map(id::<CameraId>).transpose()?;
    let image = images.into_iter().next().unwrap_or_default();
    let service = app.face_service()?;
    let attempt = app.attempts_of(&allowed.caller, Some(&employee))?;
    let hotel = &allowed.caller.hotel;
    let answer = service.verify(&app.admission, hotel, &employee, camera.as_ref(), image).await?;
    if answer.success {
        attempt.succeeded();
    } else {
        attempt.failed(answer.is_alive.is_some());
    }
    Ok(Json(answer))
}
