//! `/api/v1/cv/lost-found/…`: reports of loss, and what may be the thing that was found.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use innkeeper_core::{ErrorCode, WriteStage};
use innkeeper_store::{MatchFilter, MatchState};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::corrections::{uuid, uuid_in_path};
use crate::app::App;
use crate::extract::{Allowed, Form, FormFields, IndexImages, JsonBody, SearchImages, lenient};
use crate::problem::{Problem, ProblemDocument};
use crate::service::images::{IndexAnswer, Metadata, NewPicture, OnDuplicate, prepare};
use crate::service::lost_found::{PairReport, PairsAnswer};

const TAG: &str = "lost and found";

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(report)).routes(routes!(matches)).routes(routes!(decide))
}

/// A thing that a guest misses.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReportBody {
    /// A picture of it, when there is one: base64, or a data URI.
    image: Option<String>,
    /// What it is. Needed without a picture.
    #[schema(example = "umbrella", max_length = 120)]
    kind: Option<String>,
    #[schema(example = "blue", max_length = 120)]
    colour: Option<String>,
    /// Where it was last seen.
    #[schema(example = "lobby", max_length = 120)]
    place: Option<String>,
    #[schema(example = "201")]
    room_number: Option<String>,
    /// When it was last seen, RFC 3339. A thing found before then is another one.
    occurred_at: Option<String>,
    #[schema(max_length = 2000)]
    description: Option<String>,
    /// Words to find it by.
    #[serde(default, deserialize_with = "lenient::list")]
    tags: Vec<String>,
}

impl FormFields for ReportBody {
    const IMAGES: &'static str = "image";
    const MANY: bool = false;
    const OPTIONAL: bool = true;
    fn take_images(&mut self) -> Vec<String> {
        self.image.take().into_iter().collect()
    }
}

/// The same as a form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the form; the fields are read by name")]
struct ReportForm {
    /// The picture file.
    #[schema(value_type = Option<String>, format = Binary)]
    image: Option<Vec<u8>>,
    kind: Option<String>,
    colour: Option<String>,
    place: Option<String>,
    room_number: Option<String>,
    occurred_at: Option<String>,
    description: Option<String>,
    tags: Option<String>,
}

/// Report a loss.
///
/// With or without a picture. It is compared with what was found since (`matches`), and everything that is found from now on
/// is compared with it; each match is the event `lost_found.matched`. Found things come by `POST /api/v1/cv/image/index` with
/// category `lost_found`. `DELETE /api/v1/cv/image/{image_id}` withdraws the report.
#[utoipa::path(
    post, path = "/api/v1/cv/lost-found/reports", tag = TAG,
    security(("bearer" = ["cv:index"]), ("api_key" = ["cv:index"])),
    params(
        ("kind" = Option<String>, Query, description = "With a raw picture, as the further fields of the body."),
        ("colour" = Option<String>, Query, description = "With a raw picture."),
    ),
    request_body(content(
        (ReportBody = "application/json"), (ReportForm = "multipart/form-data"), (Vec<u8> = "image/jpeg")
    )),
    responses(
        (status = 201, body = IndexAnswer),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn report(
    allowed: Allowed<IndexImages>,
    State(app): State<App>,
    Form { fields, images, room: _room }: Form<ReportBody>,
) -> Result<(StatusCode, Json<IndexAnswer>), Problem> {
    let image = images.into_iter().next();
    if image.is_none() && fields.kind.as_deref().is_none_or(|kind| kind.trim().is_empty()) {
        let detail = "a report without a picture says what is missed: kind";
        return Err(Problem::new(ErrorCode::BadRequest, detail));
    }
    let known = Metadata {
        category: "lost_found".to_owned(),
        side: Some("lost".to_owned()),
        room_number: fields.room_number,
        tags: fields.tags,
        description: fields.description,
        taken_at: None,
        kind: fields.kind,
        colour: fields.colour,
        place: fields.place,
        occurred_at: fields.occurred_at,
    }
    .check()?;
    let picture = match image {
        Some(bytes) => {
            let (visual, settings) = (app.visual()?, app.settings.images.clone());
            Some(
                app.photograph_admission
                    .run(move |ticket| prepare(&visual, &settings, &bytes, ticket))
                    .await?,
            )
        }
        None => None,
    };
    let new = NewPicture { known, picture, on_duplicate: OnDuplicate::Report };
    let kept = app.images.add(&allowed.caller, new).await?;
    WriteStage::Answering.reached();
    Ok((StatusCode::CREATED, Json(kept)))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct MatchesQuery {
    /// Only `open`, `confirmed` or `dismissed` ones.
    state: Option<String>,
    /// Only those of this thing or report.
    image_id: Option<String>,
    /// Most pairs, 1 to 100.
    #[serde(default = "twenty")]
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: usize,
    /// Where a page begins: `next_cursor` of the page before.
    cursor: Option<String>,
}

fn twenty() -> usize {
    20
}

/// Found things and reports of loss that may belong together, newest first.
#[utoipa::path(
    get, path = "/api/v1/cv/lost-found/matches", tag = TAG,
    security(("bearer" = ["cv:read"]), ("bearer" = ["cv:index"]), ("api_key" = ["cv:read"]), ("api_key" = ["cv:index"])),
    params(MatchesQuery),
    responses(
        (status = 200, body = PairsAnswer),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn matches(
    allowed: Allowed<SearchImages>,
    State(app): State<App>,
    query: Result<Query<MatchesQuery>, QueryRejection>,
) -> Result<Json<PairsAnswer>, Problem> {
    let bad = |detail: String| Problem::new(ErrorCode::BadRequest, detail);
    let Query(query) = query.map_err(|e| bad(e.body_text()))?;
    if !(1..=100).contains(&query.limit) {
        return Err(bad("limit is 1 to 100".to_owned()));
    }
    let state = query.state.as_deref().map(str::parse::<MatchState>).transpose();
    let state = state.map_err(|_| bad("state is open, confirmed or dismissed".to_owned()))?;
    let image = query.image_id.as_deref().map(uuid).transpose()?;
    let filter = MatchFilter { image, state };
    let hotel = &allowed.caller.hotel;
    Ok(Json(app.images.pairs(hotel, filter, query.cursor.as_deref(), query.limit).await?))
}

/// Whether it is the thing.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DecisionBody {
    /// `confirmed`, `dismissed`, or `open` again.
    #[schema(example = "confirmed", pattern = "^(confirmed|dismissed|open)$")]
    state: String,
}

/// Say whether a found thing is the lost one.
///
/// A confirmed thing and its report are compared with nothing any more. The decision is in the audit log.
#[utoipa::path(
    post, path = "/api/v1/cv/lost-found/matches/{match_id}", tag = TAG,
    security(("bearer" = ["cv:index"]), ("api_key" = ["cv:index"])),
    params(("match_id" = String, Path, description = "As an answer told it.")),
    request_body = DecisionBody,
    responses(
        (status = 200, body = PairReport),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn decide(
    allowed: Allowed<IndexImages>,
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
    JsonBody(body): JsonBody<DecisionBody>,
) -> Result<Json<PairReport>, Problem> {
    let id = uuid_in_path(path)?;
    let state: MatchState = body
        .state
        .parse()
        .map_err(|_| Problem::new(ErrorCode::BadRequest, "state is confirmed, dismissed or open"))?;
    let caller = &allowed.caller;
    Ok(Json(app.images.decide(&caller.hotel, id, state, &caller.subject).await?))
}
