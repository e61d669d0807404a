//! `/api/v1/ml/forecast`: what will be, and how good such forecasts were.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use innkeeper_core::ErrorCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::corrections::uuid_in_path;
use crate::app::App;
use crate::extract::{Allowed, JsonBody, ReadForecasts};
use crate::problem::{Problem, ProblemDocument};
use crate::service::forecast::{
    Asked, BacktestAnswer, BacktestAsked, DataReport, ForecastAnswer, KeptForecast, Question, Shift, Target,
};

const TAG: &str = "forecast";

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(occupancy))
        .routes(routes!(revenue))
        .routes(routes!(housekeeping_demand))
        .routes(routes!(backtest))
        .routes(routes!(data))
        .routes(routes!(kept))
}

/// How far, for which rooms, and how sure.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ForecastBody {
    /// Days ahead, 1 to 365.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 365, default = 30, example = 30)]
    forecast_days: Option<u16>,
    /// `all`, or a kind of room that the hotel has.
    #[serde(default)]
    #[schema(default = "all", example = "all", max_length = 64)]
    room_type: Option<String>,
    /// The last day of which everything is taken as known: a day, or an RFC 3339 time, in the hotel's time zone. Today when
    /// it is left out; where the bookings end earlier, the forecast begins there.
    #[serde(default)]
    #[schema(example = "2025-01-31")]
    as_of: Option<String>,
    /// Share of outcomes that the intervals should hold.
    #[serde(default)]
    #[schema(minimum = 0.5, maximum = 0.99, default = 0.8, example = 0.8)]
    level: Option<f64>,
}

impl ForecastBody {
    fn asked(self) -> Asked {
        Asked {
            days: self.forecast_days,
            room_type: self.room_type,
            as_of: self.as_of,
            level: self.level,
            shifts: None,
        }
    }
}

/// The same, with the shifts of the housekeepers.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct HousekeepingBody {
    /// Days ahead, 1 to 365.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 365, default = 30, example = 7)]
    forecast_days: Option<u16>,
    /// `all`, or a kind of room that the hotel has.
    #[serde(default)]
    #[schema(default = "all", example = "all", max_length = 64)]
    room_type: Option<String>,
    /// The last day of which everything is taken as known; today when it is left out.
    #[serde(default)]
    #[schema(example = "2025-01-31")]
    as_of: Option<String>,
    /// Share of outcomes that the intervals should hold.
    #[serde(default)]
    #[schema(minimum = 0.5, maximum = 0.99, default = 0.8, example = 0.8)]
    level: Option<f64>,
    /// The shifts of a day; without them the usual ones, which the answer names.
    #[serde(default)]
    #[schema(min_items = 1, max_items = 6)]
    shifts: Option<Vec<ShiftBody>>,
}

/// A shift.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ShiftBody {
    #[schema(example = "early", max_length = 40)]
    name: String,
    /// Minutes that one person cleans in it.
    #[schema(minimum = 10, maximum = 1440, example = 420)]
    minutes: f64,
    /// Share of the day's work that falls into it; all shifts together 1.
    #[schema(minimum = 0, maximum = 1, example = 1)]
    share: f64,
}

fn occupancy_example() -> serde_json::Value {
    json!({
        "answer_id": "01949c2e-7c00-7000-8000-000000000001", "forecast_id": "01949c2e-7c00-7000-8000-000000000001",
        "event_id": "01949c2e-7c00-7000-8000-000000000002", "as_of": "2025-01-31", "room_type": "all",
        "currency": "EUR", "level": 0.8, "model": "forecast@0.1.0",
        "method": {
            "name": "booking curves: what is booked and will stay, and what comes still; members weighed by recent error",
            "members": [{"name": "recent_pickup", "weight": 0.4}, {"name": "boosted", "weight": 0.6}]
        },
        "accuracy": [{
            "of": null, "days_ahead": [1, 1], "mae": 3.4, "coverage": 0.81, "compared": 126, "reason": null,
            "members": [{"name": "recent_pickup", "weight": 0.4}, {"name": "boosted", "weight": 0.6}]
        }],
        "notes": [],
        "forecasts": [{
            "date": "2025-02-01", "predicted_occupancy": 0.78, "lower_bound": 0.70, "upper_bound": 0.85,
            "confidence": 0.81, "confidence_reason": null, "predicted_rooms": 78.0, "lower_rooms": 70.0,
            "upper_rooms": 85.0, "rooms": 100, "on_the_books": 71.0, "closed": false,
            "drivers": [
                {"name": "on_the_books", "effect": 71.0, "words": "71 rooms are on the books"},
                {"name": "recent_pickup", "effect": 7.0, "words": "7 rooms are expected to be booked still"}
            ]
        }],
        "time_ms": 412.0
    })
}

/// How full the hotel will be.
///
/// One night after the other, beginning after the last day that is known: a share of the rooms that can be sold, with an
/// interval and what moves it. `confidence` is the share of nights at this distance that the interval held in back-test;
/// without one it is null, and says why. Too few days of bookings are 422 `history_too_short`, a kind of room the hotel
/// has not 422 `unknown_room_type`, a hotel of which no rooms are known 422 `rooms_unknown`. Every answer is kept and told
/// as an event `forecast.made`.
#[utoipa::path(
    post, path = "/api/v1/ml/forecast/occupancy", tag = TAG,
    security(("bearer" = ["ml:read"]), ("api_key" = ["ml:read"])),
    request_body(content = ForecastBody, example = json!({"forecast_days": 30, "room_type": "all"})),
    responses(
        (status = 200, body = ForecastAnswer, example = json!(occupancy_example())),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn occupancy(
    allowed: Allowed<ReadForecasts>,
    State(app): State<App>,
    JsonBody(body): JsonBody<ForecastBody>,
) -> Result<Json<ForecastAnswer>, Problem> {
    answer(&app, &allowed, Target::Occupancy, body.asked()).await
}

/// What the rooms will bring in.
///
/// As the forecast of occupancy, in the currency of the bookings: rooms taken times the rate a room taken brings.
#[utoipa::path(
    post, path = "/api/v1/ml/forecast/revenue", tag = TAG,
    security(("bearer" = ["ml:read"]), ("api_key" = ["ml:read"])),
    request_body(content = ForecastBody, example = json!({"forecast_days": 30, "room_type": "all"})),
    responses(
        (status = 200, body = ForecastAnswer),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn revenue(
    allowed: Allowed<ReadForecasts>,
    State(app): State<App>,
    JsonBody(body): JsonBody<ForecastBody>,
) -> Result<Json<ForecastAnswer>, Problem> {
    answer(&app, &allowed, Target::Revenue, body.asked()).await
}

/// How much there will be to clean, and how many people it takes.
///
/// Minutes a day of the guests who come, leave and stay, each as long as cleaning took in this hotel, divided among the
/// shifts; the people each shift takes, rounded up.
#[utoipa::path(
    post, path = "/api/v1/ml/forecast/housekeeping_demand", tag = TAG,
    security(("bearer" = ["ml:read"]), ("api_key" = ["ml:read"])),
    request_body(content = HousekeepingBody, example = json!({
        "forecast_days": 7, "room_type": "all", "shifts": [{"name": "day", "minutes": 420, "share": 1.0}]
    })),
    responses(
        (status = 200, body = ForecastAnswer),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn housekeeping_demand(
    allowed: Allowed<ReadForecasts>,
    State(app): State<App>,
    JsonBody(body): JsonBody<HousekeepingBody>,
) -> Result<Json<ForecastAnswer>, Problem> {
    let shift = |shift: ShiftBody| Shift { name: shift.name, minutes: shift.minutes, share: shift.share };
    let asked = Asked {
        days: body.forecast_days,
        room_type: body.room_type,
        as_of: body.as_of,
        level: body.level,
        shifts: body.shifts.map(|shifts| shifts.into_iter().map(shift).collect()),
    };
    answer(&app, &allowed, Target::HousekeepingDemand, asked).await
}

async fn answer(
    app: &App,
    allowed: &Allowed<ReadForecasts>,
    target: Target,
    asked: Asked,
) -> Result<Json<ForecastAnswer>, Problem> {
    let question = Question::new(target, asked, app.settings.hotel.timezone)?;
    Ok(Json(app.forecasts.answer(&allowed.caller, question).await?))
}

/// Which forecasts to make again, as if their future were not known.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BacktestBody {
    /// `occupancy`, `revenue` or `checkouts`.
    #[serde(default)]
    #[schema(default = "occupancy", example = "occupancy")]
    target: Option<String>,
    /// The first night that is not known, of each forecast.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, example = json!(["2025-01-05", "2025-01-19"]))]
    origins: Option<Vec<String>>,
    /// How many origins, where none are named: the last ones that leave a whole horizon to compare with, 19 days apart.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 52, default = 6, example = 6)]
    count: Option<u16>,
    /// Days ahead, 1 to 365.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 365, default = 28, example = 28)]
    horizon: Option<u16>,
    /// Share of outcomes that the intervals should hold.
    #[serde(default)]
    #[schema(minimum = 0.5, maximum = 0.99, default = 0.8, example = 0.8)]
    level: Option<f64>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct BacktestQuery {
    /// `svg` or `png`: answers with the picture of the forecasts against what came, instead of the numbers.
    plot: Option<String>,
}

/// A picture instead of numbers.
#[derive(Debug, Clone, Copy)]
enum Plot {
    Svg,
    Png,
}

impl BacktestQuery {
    fn plot(self) -> Result<Option<Plot>, Problem> {
        match self.plot.as_deref() {
            None => Ok(None),
            Some("svg") => Ok(Some(Plot::Svg)),
            Some("png") => Ok(Some(Plot::Png)),
            Some(_) => Err(Problem::new(ErrorCode::BadRequest, "plot is svg or png")),
        }
    }
}

/// How good forecasts were.
///
/// Makes the forecasts of each origin again from what was known the evening before, and compares them with what came: errors,
/// coverage and width of the intervals by how far ahead. It takes seconds for each origin; where another one runs already it
/// waits, and beyond that answers 503 with `Retry-After`.
#[utoipa::path(
    post, path = "/api/v1/ml/forecast/backtest", tag = TAG,
    security(("bearer" = ["ml:read"]), ("api_key" = ["ml:read"])),
    params(BacktestQuery),
    request_body(content = BacktestBody, example = json!({"target": "occupancy", "count": 6, "horizon": 28})),
    responses(
        (status = 200, content(
            (BacktestAnswer = "application/json"), (String = "image/svg+xml"), (Vec<u8> = "image/png")
        )),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn backtest(
    allowed: Allowed<ReadForecasts>,
    State(app): State<App>,
    query: Result<Query<BacktestQuery>, QueryRejection>,
    JsonBody(body): JsonBody<BacktestBody>,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|e| Problem::new(ErrorCode::BadRequest, e.body_text()))?;
    let plot = query.plot()?;
    let asked = BacktestAsked {
        target: body.target,
        origins: body.origins,
        count: body.count,
        horizon: body.horizon,
        level: body.level,
    };
    let done = app.forecasts.backtest(&allowed.caller, asked).await?;
    Ok(match plot {
        None => Json(&done.answer).into_response(),
        Some(Plot::Svg) => {
            ([(header::CONTENT_TYPE, "image/svg+xml")], app.forecasts.svg(done).await?).into_response()
        }
        Some(Plot::Png) => {
            ([(header::CONTENT_TYPE, "image/png")], app.forecasts.png(done).await?).into_response()
        }
    })
}

/// What is known to forecast from.
///
/// How many bookings and which days they span, the rooms by kind, and the last imports.
#[utoipa::path(
    get, path = "/api/v1/ml/forecast/data", tag = TAG,
    security(("bearer" = ["ml:read"]), ("api_key" = ["ml:read"])),
    responses(
        (status = 200, body = DataReport),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn data(allowed: Allowed<ReadForecasts>, State(app): State<App>) -> Result<Json<DataReport>, Problem> {
    Ok(Json(app.forecasts.data(&allowed.caller.hotel).await?))
}

/// Read an answer back.
///
/// As it was given, with what was asked. One that is not kept any more, or is another hotel's, is 404 `answer_not_found`.
#[utoipa::path(
    get, path = "/api/v1/ml/forecast/{forecast_id}", tag = TAG,
    security(("bearer" = ["ml:read"]), ("api_key" = ["ml:read"])),
    params(("forecast_id" = String, Path, description = "As the answer told it.")),
    responses(
        (status = 200, body = KeptForecast),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json")
    )
)]
async fn kept(
    allowed: Allowed<ReadForecasts>,
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<KeptForecast>, Problem> {
    let id = uuid_in_path(path)?;
    Ok(Json(app.forecasts.kept(&allowed.caller.hotel, id).await?))
}
