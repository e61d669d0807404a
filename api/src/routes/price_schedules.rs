//! `/api/v1/ml/pricing/schedules`: suggested prices, what people decide about them, and how that went.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::IntoResponse;
use innkeeper_core::ErrorCode;
use innkeeper_store::{PriceWordError, PublishTarget, ScheduleStatus};
use rust_decimal::Decimal;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::corrections::uuid_in_path;
use super::pricing::TAG;
use crate::app::App;
use crate::extract::{Allowed, JsonBody, ReadPrices, SetPrices};
use crate::problem::{Problem, ProblemDocument};
use crate::service::forecast::day_of;
use crate::service::pricing::{
    ChangeAnswer, ExplainAnswer, ExportFormat, KeptSchedule, NewPrice, OverrideAnswer, PublishAnswer,
    SchedulesAnswer, ScoresAnswer, amount, room_type,
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(schedules))
        .routes(routes!(schedule))
        .routes(routes!(export))
        .routes(routes!(explain))
        .routes(routes!(override_price))
        .routes(routes!(approve))
        .routes(routes!(reject))
        .routes(routes!(publish))
        .routes(routes!(scores))
}

fn bad(detail: impl Into<String>) -> Problem {
    Problem::new(ErrorCode::BadRequest, detail)
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SchedulesQuery {
    /// Only `proposed`, `approved`, `rejected` or `published` ones.
    status: Option<String>,
    /// Most schedules, 1 to 100.
    #[serde(default = "twenty")]
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: usize,
    /// Where a page begins: `next_cursor` of the page before.
    cursor: Option<String>,
}

fn twenty() -> usize {
    20
}

/// Schedules that were suggested, newest first.
#[utoipa::path(
    get, path = "/api/v1/ml/pricing/schedules", tag = TAG,
    security(("bearer" = ["ml:read"]), ("api_key" = ["ml:read"])),
    params(SchedulesQuery),
    responses(
        (status = 200, body = SchedulesAnswer),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn schedules(
    allowed: Allowed<ReadPrices>,
    State(app): State<App>,
    query: Result<Query<SchedulesQuery>, QueryRejection>,
) -> Result<Json<SchedulesAnswer>, Problem> {
    let Query(query) = query.map_err(|e| bad(e.body_text()))?;
    if !(1..=100).contains(&query.limit) {
        return Err(bad("limit is 1 to 100"));
    }
    let status = query.status.as_deref().map(str::parse::<ScheduleStatus>).transpose();
    let status = status.map_err(|e: PriceWordError| bad(format!("status: {e}")))?;
    let hotel = &allowed.caller.hotel;
    Ok(Json(app.prices.schedules(hotel, status, query.cursor.as_deref(), query.limit).await?))
}

/// A schedule with its prices, and what somebody set in their place.
///
/// One that is not kept any more, or is another hotel's, is 404 `schedule_not_found`.
#[utoipa::path(
    get, path = "/api/v1/ml/pricing/schedules/{schedule_id}", tag = TAG,
    security(("bearer" = ["ml:read"]), ("api_key" = ["ml:read"])),
    params(("schedule_id" = String, Path, description = "As the answer told it.")),
    responses(
        (status = 200, body = KeptSchedule),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn schedule(
    allowed: Allowed<ReadPrices>,
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<KeptSchedule>, Problem> {
    let id = uuid_in_path(path)?;
    Ok(Json(app.prices.schedule(&allowed.caller.hotel, id).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ExportQuery {
    /// `csv` or `json`.
    #[param(default = "csv")]
    format: Option<String>,
}

/// A schedule as a file.
///
/// One line a night and kind of room. In the CSV every cell is quoted and none is a formula: a text that begins like one, also
/// behind a semicolon or tab, has an apostrophe before it. What is expected is expected of the price that goes on sale: where
/// somebody set one that was not weighed, it is empty.
#[utoipa::path(
    get, path = "/api/v1/ml/pricing/schedules/{schedule_id}/export", tag = TAG,
    security(("bearer" = ["ml:read"]), ("api_key" = ["ml:read"])),
    params(("schedule_id" = String, Path, description = "As the answer told it."), ExportQuery),
    responses(
        (status = 200, content((String = "text/csv"), (KeptSchedule = "application/json"))),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn export(
    allowed: Allowed<ReadPrices>,
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<ExportQuery>, QueryRejection>,
) -> Result<impl IntoResponse, Problem> {
    let id = uuid_in_path(path)?;
    let Query(query) = query.map_err(|e| bad(e.body_text()))?;
    let format = ExportFormat::of(query.format.as_deref())?;
    let file = app.prices.export(&allowed.caller.hotel, id, format).await?;
    let name = if format == ExportFormat::Csv { "csv" } else { "json" };
    let disposition = format!("attachment; filename=\"prices-{id}.{name}\"");
    Ok((
        [
            (header::CONTENT_TYPE, format.content_type().to_owned()),
            (header::CONTENT_DISPOSITION, disposition),
        ],
        file,
    ))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ExplainQuery {
    /// The night.
    #[param(example = "2025-02-01")]
    date: Option<String>,
    #[param(example = "deluxe")]
    room_type: Option<String>,
}

/// Why a price is what it is.
///
/// The reasons and rules of one night and kind of room, what other prices would bring, and who set other prices. One that the
/// schedule does not have is 404 `cell_not_found`.
#[utoipa::path(
    get, path = "/api/v1/ml/pricing/schedules/{schedule_id}/explain", tag = TAG,
    security(("bearer" = ["ml:read"]), ("api_key" = ["ml:read"])),
    params(("schedule_id" = String, Path, description = "As the answer told it."), ExplainQuery),
    responses(
        (status = 200, body = ExplainAnswer),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn explain(
    allowed: Allowed<ReadPrices>,
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<ExplainQuery>, QueryRejection>,
) -> Result<Json<ExplainAnswer>, Problem> {
    let id = uuid_in_path(path)?;
    let Query(query) = query.map_err(|e| bad(e.body_text()))?;
    let (Some(date), Some(name)) = (query.date, query.room_type) else {
        return Err(bad("date and room_type say which price is meant"));
    };
    let night = day_of("date", &date, app.settings.hotel.timezone)?;
    Ok(Json(app.prices.explain(&allowed.caller.hotel, id, night, &room_type(&name)?).await?))
}

/// Another price.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OverrideBody {
    #[schema(example = "2025-02-01")]
    date: String,
    #[schema(example = "deluxe")]
    room_type: String,
    /// Above zero, with no more decimals than the currency has.
    #[serde(with = "amount")]
    #[schema(value_type = f64, example = 2_700_000)]
    price: Decimal,
    /// Why.
    #[schema(example = "a wedding next door", max_length = 500)]
    note: String,
}

/// Set another price.
///
/// In a schedule that is still `proposed`; the latest price of a night and kind of room counts, and all are kept. A price that
/// breaks a rule of the hotel is 422 `rule_broken` and names the rule, one that nobody can pay 422 `invalid_price`. Where the
/// hotel's prices are in another currency by now it is 409 `schedule_state`. Once the night has passed `overrides/scores` tells
/// how it went.
#[utoipa::path(
    post, path = "/api/v1/ml/pricing/schedules/{schedule_id}/override", tag = TAG,
    security(("bearer" = ["ml:price"]), ("api_key" = ["ml:price"])),
    params(("schedule_id" = String, Path, description = "As the answer told it.")),
    request_body = OverrideBody,
    responses(
        (status = 200, body = OverrideAnswer),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn override_price(
    allowed: Allowed<SetPrices>,
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
    JsonBody(body): JsonBody<OverrideBody>,
) -> Result<Json<OverrideAnswer>, Problem> {
    let id = uuid_in_path(path)?;
    let new = NewPrice {
        night: day_of("date", &body.date, app.settings.hotel.timezone)?,
        room_type: room_type(&body.room_type)?,
        price: body.price,
        note: body.note,
    };
    Ok(Json(app.prices.override_price(&allowed.caller, id, new).await?))
}

/// What is said about a decision.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DecisionNote {
    #[serde(default)]
    #[schema(example = "too dear for a rainy month", max_length = 500)]
    note: Option<String>,
}

/// Approve a schedule.
///
/// Only one that is still `proposed`: one that was approved, rejected or published before is 409 `schedule_state`.
#[utoipa::path(
    post, path = "/api/v1/ml/pricing/schedules/{schedule_id}/approve", tag = TAG,
    security(("bearer" = ["ml:price"]), ("api_key" = ["ml:price"])),
    params(("schedule_id" = String, Path, description = "As the answer told it.")),
    request_body(content = DecisionNote, example = json!({})),
    responses(
        (status = 200, body = ChangeAnswer),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn approve(
    allowed: Allowed<SetPrices>,
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
    JsonBody(body): JsonBody<DecisionNote>,
) -> Result<Json<ChangeAnswer>, Problem> {
    let id = uuid_in_path(path)?;
    Ok(Json(app.prices.decide(&allowed.caller, id, true, body.note.as_deref()).await?))
}

/// Reject a schedule.
///
/// With a note that says why. Only one that is still `proposed`: else 409 `schedule_state`.
#[utoipa::path(
    post, path = "/api/v1/ml/pricing/schedules/{schedule_id}/reject", tag = TAG,
    security(("bearer" = ["ml:price"]), ("api_key" = ["ml:price"])),
    params(("schedule_id" = String, Path, description = "As the answer told it.")),
    request_body = DecisionNote,
    responses(
        (status = 200, body = ChangeAnswer),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn reject(
    allowed: Allowed<SetPrices>,
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
    JsonBody(body): JsonBody<DecisionNote>,
) -> Result<Json<ChangeAnswer>, Problem> {
    let id = uuid_in_path(path)?;
    Ok(Json(app.prices.decide(&allowed.caller, id, false, body.note.as_deref()).await?))
}

/// Where prices go.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PublishBody {
    /// `csv`: a file for the hotel's system, which `export` gives. `webhook`: the system that the settings name is told. `rates`:
    /// the prices on sale here, and nothing else.
    #[schema(example = "rates", pattern = "^(csv|webhook|rates)$")]
    target: String,
}

/// Put approved prices on sale.
///
/// The prices of the nights that are still ahead become the prices on sale here, and go where `target` says. Only an `approved`
/// schedule can be published, or one that was published before, in the currency that the hotel's prices are in now: else 409
/// `schedule_state`. A price that breaks a rule by now is 422 `rule_broken`. `webhook` sends JSON signed in
/// `X-Innkeeper-Signature` (HMAC-SHA-256 of `X-Innkeeper-Timestamp`, a dot and the body), with the id of the schedule as
/// `Idempotency-Key` and the least stays that the rules ask for now; where the other system does not take it nothing is published
/// and the answer is 502 `publish_failed`, whose detail says so where it is not known whether the other system took it; where none
/// is named 409 `publish_target_missing`. What has begun is finished, whether or not the caller waits.
#[utoipa::path(
    post, path = "/api/v1/ml/pricing/schedules/{schedule_id}/publish", tag = TAG,
    security(("bearer" = ["ml:price"]), ("api_key" = ["ml:price"])),
    params(("schedule_id" = String, Path, description = "As the answer told it.")),
    request_body = PublishBody,
    responses(
        (status = 200, body = PublishAnswer),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn publish(
    allowed: Allowed<SetPrices>,
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
    JsonBody(body): JsonBody<PublishBody>,
) -> Result<Json<PublishAnswer>, Problem> {
    let id = uuid_in_path(path)?;
    let target: PublishTarget =
        body.target.parse().map_err(|e: PriceWordError| bad(format!("target: {e}")))?;
    Ok(Json(app.prices.publish(&allowed.caller, id, target).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ScoresQuery {
    /// The first night that is looked at; a year before the last known one when it is left out.
    #[param(example = "2025-01-01")]
    since: Option<String>,
    /// Most prices, 1 to 500; the latest nights.
    #[serde(default = "hundred")]
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: usize,
}

fn hundred() -> usize {
    100
}

/// Prices that people set, against what happened.
///
/// Of prices that went on sale before their nights and whose nights have passed: what the model expected at its own price and at
/// the one that was set, what guests did, and by how much that was more or less, cancellations left out; by person, too.
#[utoipa::path(
    get, path = "/api/v1/ml/pricing/overrides/scores", tag = TAG,
    security(("bearer" = ["ml:read"]), ("api_key" = ["ml:read"])),
    params(ScoresQuery),
    responses(
        (status = 200, body = ScoresAnswer),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn scores(
    allowed: Allowed<ReadPrices>,
    State(app): State<App>,
    query: Result<Query<ScoresQuery>, QueryRejection>,
) -> Result<Json<ScoresAnswer>, Problem> {
    let Query(query) = query.map_err(|e| bad(e.body_text()))?;
    if !(1..=500).contains(&query.limit) {
        return Err(bad("limit is 1 to 500"));
    }
    let zone = app.settings.hotel.timezone;
    let since = query.since.as_deref().map(|text| day_of("since", text, zone)).transpose()?;
    Ok(Json(app.prices.scores(&allowed.caller.hotel, since, query.limit).await?))
}
