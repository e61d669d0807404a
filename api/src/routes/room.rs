//! `/api/v1/cv/room`: what a photo says of a room, and what is known of it.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use chrono::{DateTime, Utc};
use innkeeper_core::{ErrorCode, RoomNumber};
use innkeeper_identity::Permission;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::face::instant;
use crate::app::App;
use crate::extract::{Allowed, Form, FormFields, Pictures, SeeRooms, flag};
use crate::problem::{Problem, ProblemDocument};
use crate::service::{RoomAnswer, RoomQuestion, RoomReport};

pub(super) const TAG: &str = "room";

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(analyze)).routes(routes!(room))
}

/// Photos of one room, taken at one time.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AnalyzeBody {
    /// The photo: base64, or a data URI. JPEG, PNG, WebP, BMP or GIF.
    #[serde(default)]
    image: Option<String>,
    /// Several photos of the room, up to `room.max_photos`: the verdict is the worst of them.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    images: Pictures,
    /// The room, by the hotel's number for it.
    #[schema(example = "201", pattern = "^[A-Za-z0-9][A-Za-z0-9._:-]*$", max_length = 64)]
    room_number: String,
    /// The kind of room, as in `room.standard_minutes` and the cleanings; without it the room's last cleaning says.
    #[schema(example = "deluxe", max_length = 64)]
    room_type: Option<String>,
    /// When the photos were taken, RFC 3339; now when it is left out. Older than the room's last verdict, they join its
    /// history and do not change how it stands.
    #[schema(example = "2025-01-17T08:30:00Z")]
    taken_at: Option<String>,
    /// Keep the photos in the image index, category `room`; this needs `cv:index`.
    #[serde(default, deserialize_with = "flag")]
    save: bool,
}

impl FormFields for AnalyzeBody {
    const IMAGES: &'static str = "images";
    const MANY: bool = true;
    fn take_images(&mut self) -> Vec<String> {
        self.image.take().into_iter().chain(std::mem::take(&mut self.images.0)).collect()
    }
}

/// The same as a form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the form; the fields are read by name")]
struct AnalyzeForm {
    /// The photo file; the part may stand several times.
    #[schema(value_type = String, format = Binary)]
    image: Vec<u8>,
    room_number: String,
    room_type: Option<String>,
    taken_at: Option<String>,
    save: Option<bool>,
}

/// A room as a path or a field names it.
pub(super) fn room_number(text: &str) -> Result<RoomNumber, Problem> {
    let number: RoomNumber = text
        .parse()
        .map_err(|e: innkeeper_core::IdError| Problem::new(ErrorCode::InvalidId, e.to_string()))?;
    // The path of that name is another operation.
    if number.as_str() == "analyze" {
        return Err(Problem::new(ErrorCode::InvalidId, "no room may be called analyze"));
    }
    Ok(number)
}

pub(super) fn room_in_path(path: Result<Path<String>, PathRejection>) -> Result<RoomNumber, Problem> {
    let Path(text) = path.map_err(|e| Problem::new(ErrorCode::InvalidId, e.body_text()))?;
    room_number(&text)
}

/// Longest name of a kind of room, in bytes.
const LONGEST_TYPE: usize = 64;

/// A kind of room: whatever words the hotel uses, in one line.
pub(super) fn room_type(text: Option<String>) -> Result<Option<String>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let text = text.trim();
    if text.is_empty() || text.len() > LONGEST_TYPE || text.chars().any(char::is_control) {
        let detail = format!("room_type is one line of at most {LONGEST_TYPE} bytes");
        return Err(Problem::new(ErrorCode::BadRequest, detail));
    }
    Ok(Some(text.to_owned()))
}

/// When photos were taken. What lies ahead is a clock that is wrong.
fn taken_at(text: Option<&str>, ahead: u64) -> Result<DateTime<Utc>, Problem> {
    text.map_or_else(|| Ok(Utc::now()), |text| instant("taken_at", text, ahead))
}

/// What photos say of a room.
///
/// Status, tags with where each comes from, what is missing, whether a guest may come in, and how long cleaning will
/// take. Three sources are joined, each named in the answer: tags on what a network sees, objects, and the comparison
/// with the room's reference photos; `sources` says which ran and why others did not. A photo that is too dark, blurred
/// or shows no room is `unusable_photo` with a hint. The verdict is kept as a row and told as an event `room.verdict`;
/// `answer_id` takes corrections through `POST /api/v1/feedback`. `save` needs `cv:index`; without it such a call is 403.
#[utoipa::path(
    post, path = "/api/v1/cv/room/analyze", tag = TAG,
    security(
        ("bearer" = ["cv:read"]), ("bearer" = ["cv:index"]), ("api_key" = ["cv:read"]), ("api_key" = ["cv:index"])
    ),
    params(
        ("room_number" = Option<String>, Query, description = "With a raw picture: the room."),
        ("room_type" = Option<String>, Query, description = "With a raw picture: the kind of room."),
        ("taken_at" = Option<String>, Query, description = "With a raw picture: when it was taken."),
        ("save" = Option<bool>, Query, description = "With a raw picture: keep it in the image index; needs cv:index.")
    ),
    request_body(content(
        (AnalyzeBody = "application/json"), (AnalyzeForm = "multipart/form-data"), (Vec<u8> = "image/jpeg")
    )),
    responses(
        (status = 200, body = RoomAnswer),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn analyze(
    allowed: Allowed<SeeRooms>,
    State(app): State<App>,
    Form { fields, images, room: _room }: Form<AnalyzeBody>,
) -> Result<Json<RoomAnswer>, Problem> {
    if fields.save && !allowed.caller.may(Permission::CvIndex) {
        let detail = "keeping photos in the image index (`save`) needs the permission cv:index";
        return Err(Problem::new(ErrorCode::Forbidden, detail));
    }
    let room = room_number(&fields.room_number)?;
    let most = app.settings.room.max_photos;
    if images.is_empty() || images.len() > most {
        let detail = format!("send one photo as `image`, or 1 to {most} as `images`");
        return Err(Problem::new(ErrorCode::BadRequest, detail));
    }
    let question = RoomQuestion {
        caller: allowed.caller,
        room,
        room_type: room_type(fields.room_type)?,
        taken_at: taken_at(fields.taken_at.as_deref(), app.settings.attendance.max_future_seconds)?,
        save: fields.save,
        photos: images,
    };
    Ok(Json(app.rooms.analyze(&app, question).await?))
}

/// What is known of a room.
///
/// The last verdict and those before it, the reference photos, corrections that no model has learnt from yet, and the
/// last cleaning. Of a room that was never photographed every field is null or empty, with a reason.
#[utoipa::path(
    get, path = "/api/v1/cv/room/{room_number}", tag = TAG,
    security(
        ("bearer" = ["cv:read"]), ("bearer" = ["cv:index"]), ("api_key" = ["cv:read"]), ("api_key" = ["cv:index"])
    ),
    params(("room_number" = String, Path, description = "The room, by the hotel's number for it.")),
    responses(
        (status = 200, body = RoomReport),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn room(
    allowed: Allowed<SeeRooms>,
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<RoomReport>, Problem> {
    let room = room_in_path(path)?;
    Ok(Json(app.rooms.report(&app, &allowed.caller.hotel, &room).await?))
}
