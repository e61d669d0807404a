//! `/api/v1/cv/image/…`: pictures are kept, found, shown and removed.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use chrono::Utc;
use innkeeper_core::{ErrorCode, HotelId, WriteStage};
use innkeeper_media::Variant;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::corrections::uuid_in_path;
use crate::app::App;
use crate::extract::{Allowed, Form, FormFields, IndexImages, SearchImages};
use crate::problem::{Problem, ProblemDocument};
use crate::service::images::{
    DeletedImage, ImageReport, IndexAnswer, Metadata, NewPicture, OnDuplicate, prepare,
};

const TAG: &str = "images";

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(index)).routes(routes!(show, delete)).routes(routes!(file))
}

/// A picture to be kept.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct IndexBody {
    /// The picture: base64, or a data URI. JPEG, PNG, WebP, BMP or GIF.
    image: String,
    /// What the hotel knows of it. In a form or a query its fields stand by themselves: `category=room`.
    metadata: Metadata,
    /// `report` keeps a picture that is here already and names those it is like; `reject` answers 409; `reuse` answers 200
    /// with the picture that is here when it was made from this very file, under the same category, side and room: for
    /// whoever sends again what may have arrived.
    #[schema(default = "report", pattern = "^(report|reject|reuse)$")]
    on_duplicate: Option<String>,
}

impl FormFields for IndexBody {
    const IMAGES: &'static str = "image";
    const MANY: bool = false;
    fn object_of(field: &str) -> Option<&'static str> {
        Metadata::FIELDS.contains(&field).then_some("metadata")
    }
    fn take_images(&mut self) -> Vec<String> {
        vec![std::mem::take(&mut self.image)]
    }
}

/// The same as a form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the form; the fields are read by name")]
struct IndexForm {
    /// The picture file.
    #[schema(value_type = String, format = Binary)]
    image: Vec<u8>,
    category: String,
    room_number: Option<String>,
    /// With commas between them.
    tags: Option<String>,
    description: Option<String>,
    taken_at: Option<String>,
    side: Option<String>,
    kind: Option<String>,
    colour: Option<String>,
    place: Option<String>,
    occurred_at: Option<String>,
    on_duplicate: Option<String>,
}

fn on_duplicate(text: Option<&str>) -> Result<OnDuplicate, Problem> {
    match text {
        None | Some("report") => Ok(OnDuplicate::Report),
        Some("reject") => Ok(OnDuplicate::Reject),
        Some("reuse") => Ok(OnDuplicate::Reuse),
        Some(_) => Err(Problem::new(ErrorCode::BadRequest, "on_duplicate is report, reject or reuse")),
    }
}

/// Keep a picture, to be found again.
///
/// It is turned upright and encoded anew, so that no EXIF, GPS or other metadata is kept, with a thumbnail. When this
/// answers, the picture survives a crash and is found by searches, or `indexed` is false and it will be. Pictures of the category that it nearly is stand in
/// `duplicates`. A found thing (`lost_found`) is compared with the reports of loss, and a picture of a lost one with what
/// was found: `matches`.
#[utoipa::path(
    post, path = "/api/v1/cv/image/index", tag = TAG,
    security(("bearer" = ["cv:index"]), ("api_key" = ["cv:index"])),
    params(
        ("category" = Option<String>, Query, description = "With a raw picture, as the further fields of the form: `room`, `lost_found` or `amenity`."),
        ("room_number" = Option<String>, Query, description = "With a raw picture."),
        ("tags" = Option<String>, Query, description = "With a raw picture: words with commas between them."),
        ("on_duplicate" = Option<String>, Query, description = "With a raw picture: `report`, `reject` or `reuse`."),
    ),
    request_body(content(
        (IndexBody = "application/json"), (IndexForm = "multipart/form-data"), (Vec<u8> = "image/jpeg")
    )),
    responses(
        (status = 201, body = IndexAnswer),
        (status = 200, body = IndexAnswer, description = "With `on_duplicate=reuse`: it is here already, under the same category, side and room."),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn index(
    allowed: Allowed<IndexImages>,
    State(app): State<App>,
    Form { fields, images, room: _room }: Form<IndexBody>,
) -> Result<(StatusCode, Json<IndexAnswer>), Problem> {
    let known = fields.metadata.check()?;
    let category = known.category;
    let on_duplicate = on_duplicate(fields.on_duplicate.as_deref())?;
    let bytes = images.into_iter().next().unwrap_or_default();
    let kept = async {
        if on_duplicate == OnDuplicate::Reuse {
            let sha256 = sha256_of(bytes.clone()).await?;
            if let Some(here) = app.images.same_file(&allowed.caller.hotel, &known, &sha256).await? {
                return Ok(here);
            }
        }
        let (visual, settings) = (app.visual()?, app.settings.images.clone());
        let picture =
            app.photograph_admission.run(move |ticket| prepare(&visual, &settings, &bytes, ticket)).await?;
        let new = NewPicture { known, picture: Some(picture), on_duplicate };
        app.images.add(&allowed.caller, new).await
    }
    .await;
    let status = if kept.is_ok() { "success" } else { "failure" };
    metrics::counter!("image_index_total", "category" => category.as_str(), "status" => status).increment(1);
    WriteStage::Answering.reached();
    let kept = kept?;
    let status = if kept.already_there { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, Json(kept)))
}

/// In hex. Of a large picture it takes milliseconds, which belong to no thread that serves others too.
async fn sha256_of(bytes: Bytes) -> Result<String, Problem> {
    Ok(tokio::task::spawn_blocking(move || hex::encode(Sha256::digest(&bytes))).await?)
}

/// What is known of a picture, with fresh addresses of its files.
#[utoipa::path(
    get, path = "/api/v1/cv/image/{image_id}", tag = TAG,
    security(("bearer" = ["cv:read"]), ("bearer" = ["cv:index"]), ("api_key" = ["cv:read"]), ("api_key" = ["cv:index"])),
    params(("image_id" = String, Path, description = "As the answer to its indexing told it.")),
    responses(
        (status = 200, body = ImageReport),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn show(
    allowed: Allowed<SearchImages>,
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<ImageReport>, Problem> {
    let id = uuid_in_path(path)?;
    Ok(Json(app.images.show(&allowed.caller.hotel, id).await?))
}

/// Remove a picture.
///
/// Rows, vector, picture and thumbnail, and the matches it had; the audit log keeps that it was removed, by whom. The answer
/// is a receipt.
#[utoipa::path(
    delete, path = "/api/v1/cv/image/{image_id}", tag = TAG,
    security(("bearer" = ["cv:index"]), ("api_key" = ["cv:index"])),
    params(("image_id" = String, Path, description = "As the answer to its indexing told it.")),
    responses(
        (status = 200, body = DeletedImage),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn delete(
    allowed: Allowed<IndexImages>,
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<DeletedImage>, Problem> {
    let id = uuid_in_path(path)?;
    let caller = &allowed.caller;
    let deleted = app.images.delete(&caller.hotel, id, &caller.subject).await?;
    // It may have been a reference photo, which is kept in memory to be compared with.
    app.rooms.forget_reference(&app, &caller.hotel, id);
    Ok(Json(deleted))
}

/// What a signed address carries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Address {
    hotel: String,
    /// `picture` or `thumbnail`.
    variant: String,
    /// Unix seconds.
    expires: i64,
    signature: String,
}

/// The file behind an address that another answer gave.
///
/// The signature stands for the token. An address names one file of one hotel and works for `images.address_seconds`.
#[utoipa::path(
    get, path = "/api/v1/cv/image/{image_id}/file", tag = TAG,
    params(("image_id" = String, Path), Address),
    responses(
        (status = 200, body = Vec<u8>, content_type = "image/jpeg"),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn file(
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<Address>, QueryRejection>,
) -> Result<Response, Problem> {
    // Whatever does not read like an address was not given by this server.
    let altered = || Problem::new(ErrorCode::AddressInvalid, "this is no address that was given");
    let id = uuid_in_path(path).map_err(|_| altered())?;
    let Query(Address { hotel, variant, expires, signature }) = query.map_err(|_| altered())?;
    let hotel: HotelId = hotel.parse().map_err(|_| altered())?;
    let variant: Variant = variant.parse().map_err(|_| altered())?;
    let (bytes, until) = app.images.file(&hotel, id, variant, expires, &signature).await?;
    let left = (until - Utc::now()).num_seconds().max(0);
    let headers = [
        (header::CONTENT_TYPE, "image/jpeg".to_owned()),
        (header::CACHE_CONTROL, format!("private, max-age={left}, immutable")),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
        (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin".to_owned()),
    ];
    Ok((StatusCode::OK, headers, bytes).into_response())
}
