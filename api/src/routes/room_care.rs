//! `/api/v1/cv/room/{room_number}`: what the hotel teaches of a room: how it should look, how long cleaning took.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use innkeeper_core::ErrorCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::corrections::uuid;
use super::face::instant;
use super::room::{TAG, room_in_path, room_number, room_type};
use crate::app::App;
use crate::extract::{Allowed, Form, FormFields, JsonBody, SeeRooms, TeachRooms};
use crate::problem::{Problem, ProblemDocument};
use crate::service::{
    CleaningAnswer, CleaningInput, ReferenceAnswer, ReferencesAnswer, RemovedReference, cleanings,
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(add, list)).routes(routes!(remove)).routes(routes!(cleaning))
}

/// A photo of the room as it should look.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReferenceBody {
    /// The photo: base64, or a data URI. JPEG, PNG, WebP, BMP or GIF.
    image: String,
    /// What it shows, for people.
    #[schema(example = "from the door", max_length = 200)]
    description: Option<String>,
    /// When it was taken, RFC 3339.
    taken_at: Option<String>,
}

impl FormFields for ReferenceBody {
    const IMAGES: &'static str = "image";
    const MANY: bool = false;
    fn take_images(&mut self) -> Vec<String> {
        vec![std::mem::take(&mut self.image)]
    }
}

/// The same as a form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the form; the fields are read by name")]
struct ReferenceForm {
    /// The photo file.
    #[schema(value_type = String, format = Binary)]
    image: Vec<u8>,
    description: Option<String>,
    taken_at: Option<String>,
}

/// Longest description, in characters.
const LONGEST: usize = 200;

/// Keep a photo of the room as it should look.
///
/// Later photos of the same view are compared with it: what changed is a box, what it has and the photo lacks is
/// missing. It is kept sealed, without metadata. A photo that is too dark, too bright, blurred, too small or shows no
/// room is 422 `photo_quality` with hints; with `room.max_references` of them the next one is 409 `too_many_references`.
#[utoipa::path(
    post, path = "/api/v1/cv/room/{room_number}/reference", tag = TAG,
    security(("bearer" = ["cv:index"]), ("api_key" = ["cv:index"])),
    params(
        ("room_number" = String, Path, description = "The room, by the hotel's number for it."),
        ("description" = Option<String>, Query, description = "With a raw picture: what it shows."),
        ("taken_at" = Option<String>, Query, description = "With a raw picture: when it was taken.")
    ),
    request_body(content(
        (ReferenceBody = "application/json"), (ReferenceForm = "multipart/form-data"), (Vec<u8> = "image/jpeg")
    )),
    responses(
        (status = 201, body = ReferenceAnswer),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn add(
    allowed: Allowed<TeachRooms>,
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
    Form { fields, images, room: _room }: Form<ReferenceBody>,
) -> Result<(StatusCode, Json<ReferenceAnswer>), Problem> {
    let room = room_in_path(path)?;
    if fields.description.as_ref().is_some_and(|text| text.chars().count() > LONGEST) {
        let detail = format!("a description has at most {LONGEST} characters");
        return Err(Problem::new(ErrorCode::BadRequest, detail));
    }
    let ahead = app.settings.attendance.max_future_seconds;
    let taken_at = fields.taken_at.as_deref().map(|text| instant("taken_at", text, ahead)).transpose()?;
    let photo = images.into_iter().next().unwrap_or_default();
    let made =
        app.rooms.add_reference(&app, &allowed.caller, room, photo, fields.description, taken_at).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// The reference photos of a room.
#[utoipa::path(
    get, path = "/api/v1/cv/room/{room_number}/reference", tag = TAG,
    security(
        ("bearer" = ["cv:read"]), ("bearer" = ["cv:index"]), ("api_key" = ["cv:read"]), ("api_key" = ["cv:index"])
    ),
    params(("room_number" = String, Path, description = "The room, by the hotel's number for it.")),
    responses(
        (status = 200, body = ReferencesAnswer),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn list(
    allowed: Allowed<SeeRooms>,
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<ReferencesAnswer>, Problem> {
    let room = room_in_path(path)?;
    Ok(Json(app.rooms.references(&app, &allowed.caller.hotel, &room).await?))
}

/// Remove a reference photo.
///
/// The row is gone when this answers, the photo as soon as the disk confirms it.
#[utoipa::path(
    delete, path = "/api/v1/cv/room/{room_number}/reference/{reference_id}", tag = TAG,
    security(("bearer" = ["cv:index"]), ("api_key" = ["cv:index"])),
    params(
        ("room_number" = String, Path, description = "The room, by the hotel's number for it."),
        ("reference_id" = String, Path, description = "As the answer told it.")
    ),
    responses(
        (status = 200, body = RemovedReference),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn remove(
    allowed: Allowed<TeachRooms>,
    State(app): State<App>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Json<RemovedReference>, Problem> {
    let Path((room, id)) = path.map_err(|e| Problem::new(ErrorCode::InvalidId, e.body_text()))?;
    let (room, id) = (room_number(&room)?, uuid(&id)?);
    Ok(Json(app.rooms.remove_reference(&app, &allowed.caller, &room, id).await?))
}

/// A cleaning that is done.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CleaningBody {
    /// RFC 3339.
    #[schema(example = "2025-01-17T10:05:00Z")]
    started_at: String,
    /// RFC 3339.
    #[schema(example = "2025-01-17T10:32:00Z")]
    finished_at: String,
    /// The kind of room.
    #[schema(example = "deluxe", max_length = 64)]
    room_type: Option<String>,
    /// What was to be cleaned, by the labels of the tags; without it those of the room's last verdict before it began, and
    /// unknown where there is none.
    tags: Option<Vec<String>>,
}

/// Say how long a cleaning took.
///
/// The estimates of `room/analyze` come from these. A cleaning of the same room that began at the same moment is known
/// already and is not written twice; the answer then tells what was written down. One takes a second at least and a day
/// at most.
#[utoipa::path(
    post, path = "/api/v1/cv/room/{room_number}/cleaning", tag = TAG,
    security(("bearer" = ["cv:index"]), ("api_key" = ["cv:index"])),
    params(("room_number" = String, Path, description = "The room, by the hotel's number for it.")),
    request_body = CleaningBody,
    responses(
        (status = 200, body = CleaningAnswer),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn cleaning(
    allowed: Allowed<TeachRooms>,
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
    JsonBody(body): JsonBody<CleaningBody>,
) -> Result<Json<CleaningAnswer>, Problem> {
    let ahead = app.settings.attendance.max_future_seconds;
    let input = CleaningInput {
        room: room_in_path(path)?,
        room_type: room_type(body.room_type)?,
        started_at: instant("started_at", &body.started_at, ahead)?,
        finished_at: instant("finished_at", &body.finished_at, ahead)?,
        tags: body.tags,
    };
    let caller = &allowed.caller;
    Ok(Json(cleanings::record(&app.engines.store, &caller.hotel, &caller.subject, input).await?))
}
