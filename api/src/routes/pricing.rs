//! `/api/v1/ml/pricing`: prices for nights to come, the price on sale, what other prices would bring, and the hotel's rules.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use innkeeper_core::ErrorCode;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::corrections::uuid;
use crate::app::App;
use crate::extract::{Allowed, JsonBody, ReadPrices, SetPrices, Strict};
use crate::problem::{Problem, ProblemDocument};
use crate::service::forecast::day_of;
use crate::service::pricing::{
    CurrentPrice, PricingAnswer, PricingAsked, PricingQuestion, RulesAnswer, SimulatedAnswer, WhatIf, amount,
    room_type,
};

pub(super) const TAG: &str = "pricing";

/// Most rules in a body; the hotel may have fewer.
const MOST_RULES: usize = 1000;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(optimize))
        .routes(routes!(current))
        .routes(routes!(simulate))
        .routes(routes!(rules, add_rule, put_rules))
        .routes(routes!(remove_rule))
}

/// Nights.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DateRange {
    /// The first night: a day, or an RFC 3339 time, in the hotel's time zone.
    #[schema(example = "2025-02-01")]
    start: String,
    /// The last night, itself included.
    #[schema(example = "2025-02-28")]
    end: String,
}

/// For which nights and rooms.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OptimizeBody {
    date_range: DateRange,
    /// Kinds of room that the hotel has; all of them when it is empty or left out.
    #[serde(default)]
    #[schema(max_items = 64, example = json!(["deluxe", "suite", "standard"]))]
    room_types: Option<Vec<String>>,
    /// The last day of which everything is taken as known. Today when it is left out; where the bookings end earlier, that day.
    #[serde(default)]
    #[schema(example = "2025-01-31")]
    as_of: Option<String>,
    /// Probability that the intervals of revenue shall hold.
    #[serde(default)]
    #[schema(minimum = 0.5, maximum = 0.99, default = 0.8, example = 0.8)]
    level: Option<f64>,
}

fn cell_example() -> serde_json::Value {
    json!({
        "date": "2025-02-01", "room_type": "deluxe", "suggested_price": 2_500_000, "no_price_reason": null,
        "current_price": 2_000_000, "expected_occupancy": 0.85, "competitor_avg": 2_300_000,
        "competitor_reason": null, "confidence": 0.82, "confidence_reason": null, "rooms": 40, "on_the_books": 21,
        "rooms_left": 19.6, "expected_bookings": 13.2,
        "expected_revenue": {"mean": 78_400_000, "lower": 70_100_000, "upper": 86_900_000, "level": 0.8},
        "bid_price": 410_000.0, "minimum_stay": null,
        "binding_rules": [{"rule": "weekend", "words": "the floor of 2,500,000 holds the price up"}],
        "reasons": [{"name": "pace", "effect": 180_000, "words": "bookings come in faster than usual"}]
    })
}

fn schedule_example() -> serde_json::Value {
    json!({
        "schedule_id": "01949c2e-7c00-7000-8000-000000000001", "event_id": "01949c2e-7c00-7000-8000-000000000002",
        "as_of": "2025-01-31", "currency": "VND", "tax_inclusive": true, "level": 0.8, "model": "pricing@0.1.0",
        "demand": {
            "identified": true, "words": "the hotel's own price changes tell what a price does",
            "elasticities": [{"room_type": "deluxe", "mean": 1.4, "sd": 0.2}], "family": "logit",
            "naive_elasticity": 0.3, "bookings": 41_203
        },
        "notes": [], "pricing_schedule": [cell_example()], "time_ms": 812.0
    })
}

/// Prices to ask.
///
/// For each night and kind of room the price that is expected to bring the most for the hotel, given what is booked, what guests
/// answer to prices, what competitors ask and the hotel's rules; why, and what it is expected to bring. Amounts are in the
/// currency of the hotel's prices, with its own decimals; `tax_inclusive` says what they hold. What cannot be computed is null
/// with a reason. Every answer is kept as a schedule, `proposed` until somebody decides, and told as an event
/// `price.schedule_made`. A range that runs backwards or has more than `pricing.max_nights` is 400; an unknown kind of room 422
/// `unknown_room_type`; a hotel without bookings 422 `history_too_short`, without rooms 422 `rooms_unknown`, without any price
/// 422 `prices_unknown`.
#[utoipa::path(
    post, path = "/api/v1/ml/pricing/optimize", tag = TAG,
    security(("bearer" = ["ml:price"]), ("api_key" = ["ml:price"])),
    request_body(content = OptimizeBody, example = json!({
        "date_range": {"start": "2025-02-01", "end": "2025-02-28"}, "room_types": ["deluxe", "suite", "standard"]
    })),
    responses(
        (status = 200, body = PricingAnswer, example = json!(schedule_example())),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn optimize(
    allowed: Allowed<SetPrices>,
    State(app): State<App>,
    JsonBody(body): JsonBody<OptimizeBody>,
) -> Result<Json<PricingAnswer>, Problem> {
    let asked = PricingAsked {
        start: body.date_range.start,
        end: body.date_range.end,
        room_types: body.room_types.unwrap_or_default(),
        as_of: body.as_of,
        level: body.level,
    };
    let question = PricingQuestion::new(&asked, &app.settings.pricing, app.settings.hotel.timezone)?;
    Ok(Json(app.prices.optimize(&allowed.caller, question).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct CurrentQuery {
    /// The night; the coming one when it is left out.
    #[param(example = "2025-02-01")]
    date: Option<String>,
}

/// The price on sale.
///
/// What was imported or published last for the night. A kind of room that the hotel has not is 422 `unknown_room_type`; where no
/// price is known `current_price` is null, with a reason.
#[utoipa::path(
    get, path = "/api/v1/ml/pricing/current/{room_type}", tag = TAG,
    security(("bearer" = ["ml:read"]), ("api_key" = ["ml:read"])),
    params(("room_type" = String, Path, example = "deluxe"), CurrentQuery),
    responses(
        (status = 200, body = CurrentPrice),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn current(
    allowed: Allowed<ReadPrices>,
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<CurrentQuery>, QueryRejection>,
) -> Result<Json<CurrentPrice>, Problem> {
    let Path(name) = path.map_err(|e| Problem::new(ErrorCode::BadRequest, e.body_text()))?;
    let Query(query) = query.map_err(|e| Problem::new(ErrorCode::BadRequest, e.body_text()))?;
    let zone = app.settings.hotel.timezone;
    let date = query.date.as_deref().map(|text| day_of("date", text, zone)).transpose()?;
    Ok(Json(app.prices.current(&allowed.caller.hotel, &room_type(&name)?, date).await?))
}

/// A price to try.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WhatIfBody {
    #[schema(example = "2025-02-01")]
    date: String,
    #[schema(example = "deluxe")]
    room_type: String,
    /// Above zero, with no more decimals than the currency has.
    #[serde(with = "amount")]
    #[schema(value_type = f64, example = 2_400_000)]
    price: Decimal,
}

/// Prices to try.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SimulateBody {
    /// The schedule by whose curves they are judged; without it by what is known now.
    #[serde(default)]
    #[schema(format = Uuid)]
    schedule_id: Option<String>,
    #[schema(min_items = 1, max_items = 5000)]
    prices: Vec<WhatIfBody>,
}

/// What other prices would bring.
///
/// Bookings, revenue and occupancy that are expected at the given prices, beside those at the suggested price and at the one on
/// sale. Nothing is written down.
#[utoipa::path(
    post, path = "/api/v1/ml/pricing/simulate", tag = TAG,
    security(("bearer" = ["ml:price"]), ("api_key" = ["ml:price"])),
    request_body(content = SimulateBody, example = json!({
        "prices": [{"date": "2025-02-01", "room_type": "deluxe", "price": 2_400_000}]
    })),
    responses(
        (status = 200, body = SimulatedAnswer),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn simulate(
    allowed: Allowed<SetPrices>,
    State(app): State<App>,
    JsonBody(body): JsonBody<SimulateBody>,
) -> Result<Json<SimulatedAnswer>, Problem> {
    let zone = app.settings.hotel.timezone;
    let tried = body.prices.into_iter().map(|what_if| {
        Ok(WhatIf {
            night: day_of("date", &what_if.date, zone)?,
            room_type: room_type(&what_if.room_type)?,
            price: what_if.price,
        })
    });
    let tried = tried.collect::<Result<Vec<_>, Problem>>()?;
    let schedule = body.schedule_id.as_deref().map(uuid).transpose()?;
    Ok(Json(app.prices.simulate(&allowed.caller, schedule, tried).await?))
}

/// A rule for prices. Which fields it has, its kind says.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the rule, which another crate reads")]
struct PricingRule {
    /// What the hotel calls it.
    #[schema(example = "weekend", min_length = 1, max_length = 64)]
    id: String,
    /// Why it is there.
    #[schema(max_length = 512)]
    note: Option<String>,
    /// Where it holds; everywhere when it is left out.
    scope: Option<RuleScope>,
    /// `floor`, `ceiling` and `fixed_price` with `price`; `max_change_per_day` with `percent`; `price_ending` with `step` and
    /// `offset`; `order` with `lower`, `higher` and `at_least_percent`; `minimum_stay` with `nights`; `rate_parity` with
    /// `channels` and `tolerance_percent`; `freeze`.
    #[schema(example = "floor")]
    kind: String,
    #[schema(example = 900_000)]
    price: Option<f64>,
    percent: Option<f64>,
    step: Option<f64>,
    offset: Option<f64>,
    lower: Option<String>,
    higher: Option<String>,
    at_least_percent: Option<f64>,
    nights: Option<u16>,
    channels: Option<Vec<String>>,
    tolerance_percent: Option<f64>,
}

/// Nights and rooms of which a rule speaks: those that every given part names.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the rule, which another crate reads")]
struct RuleScope {
    room_types: Option<Vec<String>>,
    /// First night.
    #[schema(example = "2025-02-01")]
    from: Option<String>,
    /// Last night, itself included.
    until: Option<String>,
    /// `Mon` to `Sun`: on which the night begins.
    #[schema(example = json!(["Fri", "Sat"]))]
    weekdays: Option<Vec<String>>,
    /// Nights with an event of one of these kinds.
    event_kinds: Option<Vec<String>>,
}

/// The hotel's rules for prices.
#[utoipa::path(
    get, path = "/api/v1/ml/pricing/rules", tag = TAG,
    security(("bearer" = ["ml:read"]), ("api_key" = ["ml:read"])),
    responses(
        (status = 200, body = RulesAnswer),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn rules(allowed: Allowed<ReadPrices>, State(app): State<App>) -> Result<Json<RulesAnswer>, Problem> {
    Ok(Json(app.prices.rules(&allowed.caller).await?))
}

/// Add a rule.
///
/// Every price that is suggested from now on keeps it, and so does every price that somebody sets. A rule of the same name is 409
/// `rule_exists`; one that contradicts another on some night is 409 `rules_clash`, with both in `rules`; one that asks for what
/// no rule can ask is 422 `invalid_rule`. The change is in the audit log, and told as an event `price.rules_changed`.
#[utoipa::path(
    post, path = "/api/v1/ml/pricing/rules", tag = TAG,
    security(("bearer" = ["ml:price"]), ("api_key" = ["ml:price"])),
    request_body(content = PricingRule, example = json!({
        "id": "weekend", "scope": {"weekdays": ["Fri", "Sat"]}, "kind": "floor", "price": 900_000
    })),
    responses(
        (status = 201, body = RulesAnswer),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn add_rule(
    allowed: Allowed<SetPrices>,
    State(app): State<App>,
    JsonBody(Strict(rule)): JsonBody<Strict>,
) -> Result<(StatusCode, Json<RulesAnswer>), Problem> {
    Ok((StatusCode::CREATED, Json(app.prices.add_rule(&allowed.caller, rule).await?)))
}

/// All rules of the hotel.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RulesBody {
    #[schema(value_type = Vec<PricingRule>, max_items = 200)]
    rules: Vec<Strict>,
}

/// Replace all rules.
///
/// The given ones are the hotel's rules from then on, in their order; an empty list removes all. What is refused, and how, is as
/// for one rule; nothing changes then.
#[utoipa::path(
    put, path = "/api/v1/ml/pricing/rules", tag = TAG,
    security(("bearer" = ["ml:price"]), ("api_key" = ["ml:price"])),
    request_body(content = RulesBody, example = json!({"rules": [
        {"id": "weekend", "scope": {"weekdays": ["Fri", "Sat"]}, "kind": "floor", "price": 900_000},
        {"id": "order", "kind": "order", "lower": "standard", "higher": "deluxe", "at_least_percent": 10}
    ]})),
    responses(
        (status = 200, body = RulesAnswer),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn put_rules(
    allowed: Allowed<SetPrices>,
    State(app): State<App>,
    JsonBody(body): JsonBody<RulesBody>,
) -> Result<Json<RulesAnswer>, Problem> {
    if body.rules.len() > MOST_RULES {
        return Err(Problem::new(ErrorCode::BadRequest, format!("rules holds at most {MOST_RULES}")));
    }
    let rules = body.rules.into_iter().map(|rule| rule.0).collect();
    Ok(Json(app.prices.put_rules(&allowed.caller, rules).await?))
}

/// Remove a rule.
#[utoipa::path(
    delete, path = "/api/v1/ml/pricing/rules/{rule_id}", tag = TAG,
    security(("bearer" = ["ml:price"]), ("api_key" = ["ml:price"])),
    params(("rule_id" = String, Path, example = "weekend")),
    responses(
        (status = 200, body = RulesAnswer),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn remove_rule(
    allowed: Allowed<SetPrices>,
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<RulesAnswer>, Problem> {
    let Path(id) = path.map_err(|e| Problem::new(ErrorCode::BadRequest, e.body_text()))?;
    Ok(Json(app.prices.remove_rule(&allowed.caller, id).await?))
}
