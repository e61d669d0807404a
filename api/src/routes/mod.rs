//! One module per family of paths.

mod audit;
mod corrections;
mod docs;
mod face;
mod feedback;
mod forecast;
mod health;
mod image;
mod keys;
mod lost_found;
mod ml_health;
mod models;
mod ocr;
mod price_schedules;
mod pricing;
mod problems;
mod room;
mod room_care;
mod search;
mod trail;
mod verify;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use innkeeper_core::ErrorCode;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use crate::problem::Problem;

/// Every documented route.
pub(crate) fn documented() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(crate::openapi::head())
        .merge(face::routes())
        .merge(verify::routes())
        .merge(corrections::routes())
        .merge(ocr::routes())
        .merge(room::routes())
        .merge(room_care::routes())
        .merge(search::routes())
        .merge(image::routes())
        .merge(lost_found::routes())
        .merge(feedback::routes())
        .merge(forecast::routes())
        .merge(pricing::routes())
        .merge(price_schedules::routes())
        .merge(models::routes())
        .merge(keys::routes())
        .merge(audit::routes())
        .merge(health::routes())
        .merge(ml_health::routes())
        .merge(problems::routes())
}

/// Refuses what belongs to a service that this process does not run.
async fn only_what_runs(State(app): State<App>, request: Request, next: Next) -> Response {
    match app.services.check(request.uri().path()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// The whole service.
pub(crate) fn router(app: App) -> Router {
    let (router, openapi) = documented().split_for_parts();
    router
        .merge(docs::routes(openapi))
        .fallback(|| async { Problem::new(ErrorCode::NotFound, "there is no such path; /docs lists them") })
        .method_not_allowed_fallback(|method: Method| async move {
            Problem::new(
                ErrorCode::MethodNotAllowed,
                format!("this path does not take {}", trail::name_of(&method)),
            )
        })
        .layer(axum::middleware::from_fn_with_state(app.clone(), only_what_runs))
        // The extractors read bodies themselves, up to the limit of the settings.
        .layer(DefaultBodyLimit::disable())
        .layer(CatchPanicLayer::custom(trail::panicked))
        .layer(axum::middleware::from_fn(crate::extract::finish))
        .layer(axum::middleware::from_fn(trail::trail))
        .with_state(app)
}
