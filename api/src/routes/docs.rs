//! `/openapi.json` and `/docs`, without any network.

use axum::Router;
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::SwaggerUi;

use crate::app::App;

pub(super) fn routes(openapi: OpenApi) -> Router<App> {
    SwaggerUi::new("/docs").url("/openapi.json", openapi).into()
}
