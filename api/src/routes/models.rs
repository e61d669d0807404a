//! `/api/v1/models`: versions of trained models, and which answers.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use innkeeper_core::ErrorCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::extract::{Allowed, JsonBody, ReadModels, TrainModels};
use crate::problem::{Problem, ProblemDocument};
use crate::service::{ModelReport, PromotedAnswer, promotion};

const TAG: &str = "models";

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(versions)).routes(routes!(promote)).routes(routes!(rollback))
}

fn name_in_path(path: Result<Path<String>, PathRejection>) -> Result<String, Problem> {
    path.map(|Path(name)| name).map_err(|e| Problem::new(ErrorCode::InvalidId, e.body_text()))
}

/// The versions of a model, what each was measured to do, and which answers for the hotel.
#[utoipa::path(
    get, path = "/api/v1/models/{name}", tag = TAG,
    security(
        ("bearer" = ["ml:read"]), ("bearer" = ["ml:train"]), ("api_key" = ["ml:read"]), ("api_key" = ["ml:train"])
    ),
    params(("name" = String, Path, description = "Its name in the registry, such as room-tags.")),
    responses(
        (status = 200, body = ModelReport),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn versions(
    allowed: Allowed<ReadModels>,
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<ModelReport>, Problem> {
    let name = name_in_path(path)?;
    let (data_dir, hotel) = (app.settings.storage.data_dir.clone(), allowed.caller.hotel.clone());
    let told = tokio::task::spawn_blocking(move || promotion::versions(&data_dir, &hotel, &name)).await??;
    Ok(Json(told))
}

/// A version of a model.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PromoteBody {
    #[schema(example = "3")]
    version: String,
}

/// Let a version of a model answer.
///
/// It answers from the next request on, without a restart; what the gate said of it stands in its metrics. A version that
/// was trained on another network than photos go through is 409 `model_changed`.
#[utoipa::path(
    post, path = "/api/v1/models/{name}/promote", tag = TAG,
    security(("bearer" = ["ml:train"]), ("api_key" = ["ml:train"])),
    params(("name" = String, Path, description = "Its name in the registry, such as room-tags.")),
    request_body = PromoteBody,
    responses(
        (status = 200, body = PromotedAnswer),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn promote(
    allowed: Allowed<TrainModels>,
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
    JsonBody(body): JsonBody<PromoteBody>,
) -> Result<Json<PromotedAnswer>, Problem> {
    change(&app, &allowed, name_in_path(path)?, promotion::Change::Promote(body.version)).await
}

/// Let the version before answer again.
#[utoipa::path(
    post, path = "/api/v1/models/{name}/rollback", tag = TAG,
    security(("bearer" = ["ml:train"]), ("api_key" = ["ml:train"])),
    params(("name" = String, Path, description = "Its name in the registry, such as room-tags.")),
    responses(
        (status = 200, body = PromotedAnswer),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn rollback(
    allowed: Allowed<TrainModels>,
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<PromotedAnswer>, Problem> {
    change(&app, &allowed, name_in_path(path)?, promotion::Change::RollBack).await
}

async fn change(
    app: &App,
    allowed: &Allowed<TrainModels>,
    name: String,
    change: promotion::Change,
) -> Result<Json<PromotedAnswer>, Problem> {
    let caller = &allowed.caller;
    let (store, data_dir) = (&app.engines.store, &app.settings.storage.data_dir);
    let embedder = app.visual().ok().map(|visual| visual.embedder.model());
    let told =
        promotion::change(store, data_dir, &caller.hotel, embedder, &caller.subject, &name, change).await?;
    let looking = app.clone();
    tokio::task::spawn_blocking(move || looking.rooms.heads.refresh()).await?;
    Ok(Json(told))
}
