//! The state of the service that forecasts, and what was measured of it.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::health;
use crate::app::App;
use crate::service::forecast::ForecastHealth;

const TAG: &str = "health";

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(ml_health)).routes(routes!(ml_metrics))
}

/// The state of the service.
#[derive(Debug, Serialize, ToSchema)]
struct MlHealth {
    /// `ok`; `degraded` when something is missing, see `forecasts`.
    status: &'static str,
    version: &'static str,
    uptime_seconds: u64,
    forecasts: ForecastHealth,
}

/// State of the service that forecasts, and of what it forecasts from.
///
/// Nothing is installed for it: forecasts are fitted to the hotel's own bookings. It speaks of the hotel of the settings;
/// what is known of another one, its own `forecast/data` says.
#[utoipa::path(get, path = "/api/v1/ml/health", tag = TAG, responses((status = 200, body = MlHealth)))]
async fn ml_health(State(app): State<App>) -> Json<MlHealth> {
    let forecasts = app.forecasts.health().await;
    Json(MlHealth {
        status: if forecasts.state == "ready" { "ok" } else { "degraded" },
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: app.started.elapsed().as_secs(),
        forecasts,
    })
}

/// Everything that was counted and measured, as Prometheus text.
#[utoipa::path(get, path = "/api/v1/ml/metrics", tag = TAG, responses((status = 200, body = String, content_type = "text/plain")))]
async fn ml_metrics(state: State<App>) -> Response {
    health::metrics(state).await
}
