//! `/api/v1/keys`: API keys for programs that cannot renew a token.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use innkeeper_core::ErrorCode;
use innkeeper_identity::{Permission, Role};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::extract::{Allowed, JsonBody, ManageKeys};
use crate::problem::{Problem, ProblemDocument};
use crate::service::api_keys::{self, ApiKeyCreated, ApiKeyReport, NewApiKeyInput};

const TAG: &str = "keys";

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create)).routes(routes!(list)).routes(routes!(revoke))
}

/// What a new key may do, and until when.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewKeyBody {
    /// Who or what will use it.
    #[schema(example = "channel-manager")]
    subject: String,
    #[schema(value_type = String, example = "staff")]
    role: Role,
    /// Exactly these permissions instead of the role's.
    #[schema(value_type = Option<Vec<String>>)]
    permissions: Option<Vec<Permission>>,
    /// RFC 3339; without it the key is good until it is revoked.
    expires_at: Option<DateTime<Utc>>,
}

/// Make an API key.
///
/// The key is told once, in this answer; only its hash is kept.
#[utoipa::path(
    post, path = "/api/v1/keys", tag = TAG, security(("bearer" = ["admin:keys"]), ("api_key" = ["admin:keys"])),
    request_body = NewKeyBody,
    responses(
        (status = 201, body = ApiKeyCreated),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn create(
    allowed: Allowed<ManageKeys>,
    State(app): State<App>,
    JsonBody(body): JsonBody<NewKeyBody>,
) -> Result<(StatusCode, Json<ApiKeyCreated>), Problem> {
    let input = NewApiKeyInput {
        subject: body.subject,
        role: body.role,
        permissions: body.permissions,
        expires_at: body.expires_at,
    };
    let created =
        api_keys::create(&app.engines.store, &allowed.caller.hotel, &allowed.caller.subject, input).await?;
    Ok((StatusCode::CREATED, Json(created)))
}

/// The hotel's API keys, without the keys themselves.
#[utoipa::path(
    get, path = "/api/v1/keys", tag = TAG, security(("bearer" = ["admin:keys"]), ("api_key" = ["admin:keys"])),
    responses(
        (status = 200, body = Vec<ApiKeyReport>),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn list(
    allowed: Allowed<ManageKeys>,
    State(app): State<App>,
) -> Result<Json<Vec<ApiKeyReport>>, Problem> {
    Ok(Json(api_keys::list(&app.engines.store, &allowed.caller.hotel).await?))
}

/// Revoke an API key. It is refused from the next request on.
#[utoipa::path(
    delete, path = "/api/v1/keys/{id}", tag = TAG, security(("bearer" = ["admin:keys"]), ("api_key" = ["admin:keys"])),
    params(("id" = String, Path)),
    responses(
        (status = 204),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn revoke(
    allowed: Allowed<ManageKeys>,
    State(app): State<App>,
    id: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Problem> {
    let Path(id) = id.map_err(|e| Problem::new(ErrorCode::InvalidId, e.body_text()))?;
    api_keys::revoke(&app.engines.store, &allowed.caller.hotel, &id, &allowed.caller.subject).await?;
    Ok(StatusCode::NO_CONTENT)
}
