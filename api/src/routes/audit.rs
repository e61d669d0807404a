//! `/api/v1/audit`: the hotel's privileged acts.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use chrono::{DateTime, Utc};
use innkeeper_core::ErrorCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::extract::{Allowed, ReadAudit};
use crate::problem::{Problem, ProblemDocument};

/// Most rows in one answer.
const MOST: usize = 1000;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(audit))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AuditQuery {
    /// Rows after this number; 0 begins at the first.
    #[serde(default)]
    after: u64,
    /// Most rows, 1 to 1000.
    #[serde(default = "hundred")]
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: usize,
}

fn hundred() -> usize {
    100
}

/// One row of the log.
#[derive(Debug, Serialize, ToSchema)]
struct AuditRow {
    /// Number of the row in this hotel, from 1 without gaps.
    seq: u64,
    at: DateTime<Utc>,
    actor: String,
    #[schema(example = "face.enrolled")]
    action: String,
    /// To whom or what; a person is a pseudonym.
    subject: String,
    /// More about it; null when there is nothing more.
    #[schema(value_type = Option<Object>)]
    details: serde_json::Value,
    /// SHA-256 over the hash before it and every field above.
    hash: String,
}

/// Read the audit log.
///
/// Rows in order; `innkeeper audit verify` proves that none was altered.
#[utoipa::path(
    get, path = "/api/v1/audit", tag = "audit", security(("bearer" = ["audit:read"]), ("api_key" = ["audit:read"])),
    params(AuditQuery),
    responses(
        (status = 200, body = Vec<AuditRow>),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn audit(
    allowed: Allowed<ReadAudit>,
    State(app): State<App>,
    query: Result<Query<AuditQuery>, QueryRejection>,
) -> Result<Json<Vec<AuditRow>>, Problem> {
    let Query(query) = query.map_err(|e| Problem::new(ErrorCode::BadRequest, e.body_text()))?;
    if !(1..=MOST).contains(&query.limit) {
        return Err(Problem::new(ErrorCode::BadRequest, format!("limit must be 1 to {MOST}")));
    }
    let rows = app.engines.store.hotel(&allowed.caller.hotel);
    let entries = rows.audit_entries(query.after, query.limit).await?;
    Ok(Json(
        entries
            .into_iter()
            .map(|e| AuditRow {
                seq: e.seq,
                at: e.at,
                actor: e.actor,
                action: e.action,
                subject: e.subject,
                details: e.details,
                hash: e.hash,
            })
            .collect(),
    ))
}
