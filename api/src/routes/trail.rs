//! The outermost layer: an id for every request, one line in the log, one measurement, and the id in
//! every problem document.

use std::any::Any;
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Instrument;
use uuid::Uuid;

use crate::problem::Problem;

const HEADER: &str = "x-request-id";

/// The caller's id when it is one we can print, else a new one.
fn request_id(request: &Request) -> String {
    let plain = |s: &&str| {
        (1..=64).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b))
    };
    request
        .headers()
        .get(HEADER)
        .and_then(|v| v.to_str().ok())
        .filter(plain)
        .map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}

/// The method as metrics and logs name it. Clients may invent methods, and every new label is kept for ever.
pub(super) fn name_of(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = ["GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS", "CONNECT", "TRACE"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("OTHER")
}

pub(super) async fn trail(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(&request);
    let method = name_of(request.method());
    // The pattern and not the path: metrics and logs must not hold employee ids.
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!("request", request_id = %id);
    let mut response = next.run(request).instrument(span.clone()).await;
    let problem = response.extensions_mut().remove::<Problem>();
    let code = problem.as_ref().map(|p| p.code.as_str());
    if let Some(problem) = problem {
        response = problem.into_response_with(Some(&id));
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HEADER, value);
    }
    let status = response.status().as_u16();
    let elapsed = started.elapsed();
    metrics::histogram!(
        "http_request_duration_seconds",
        "method" => method, "route" => route.clone(), "status" => status.to_string()
    )
    .record(elapsed);
    let _in = span.enter();
    tracing::info!(method, route, status, code, ms = elapsed.as_secs_f64() * 1e3, "answered");
    response
}

/// A panic in a handler is a bug; the client learns only that.
#[expect(clippy::needless_pass_by_value, reason = "the layer's signature")]
pub(super) fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    Problem::internal(&format!("a handler panicked: {text}")).into_response()
}
