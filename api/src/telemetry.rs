//! Logs and metrics of the process.

use std::io::IsTerminal;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

/// Upper bounds in seconds, from a warm detector to a queue that is in trouble.
const SECONDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.125, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
const ROWS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0];

/// Starts logging to standard error; standard output belongs to results.
pub(crate) fn logs(filter: &str, json: bool) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let base = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // A second start in one process (tests) keeps the first.
    let _ = if json { base.json().try_init() } else { base.with_target(false).try_init() };
}

/// Installs the recorder that every room's metrics go to.
pub(crate) fn metrics() -> Result<PrometheusHandle, metrics_exporter_prometheus::BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_rows".to_owned()), ROWS)?
        .install_recorder()?;
    innkeeper_runtime::describe_metrics();
    metrics::describe_counter!("face_recognition_total", "Recognition answers by outcome.");
    metrics::describe_histogram!(
        "face_recognition_duration_seconds",
        "Wall time of a recognition, from the decoded body to the answer."
    );
    metrics::describe_counter!("face_enrollment_total", "Enrolment answers by outcome.");
    metrics::describe_counter!("ocr_processing_total", "Documents by kind and outcome.");
    metrics::describe_histogram!(
        "ocr_processing_duration_seconds",
        "Wall time of the reading of a document by kind, waiting included."
    );
    metrics::describe_counter!("image_index_total", "Pictures to be kept, by category and outcome.");
    metrics::describe_histogram!(
        "image_search_duration_seconds",
        "Wall time of a search for pictures, by what was compared."
    );
    metrics::describe_counter!("innkeeper_feedback_total", "Corrections that became labels, by model.");
    metrics::describe_counter!("innkeeper_requests_shed_total", "Requests refused because too many waited.");
    crate::service::forecast::describe_metrics();
    crate::service::pricing::describe_metrics();
    metrics::describe_gauge!("innkeeper_waiting_requests", "Requests that wait for a free worker.");
    metrics::describe_histogram!(
        "http_request_duration_seconds",
        "Wall time of a request by route and status."
    );
    // A counter that was never touched is absent from the text; an alert on it would never fire.
    for status in ["success", "failure"] {
        metrics::counter!("face_recognition_total", "status" => status).increment(0);
        metrics::counter!("face_enrollment_total", "status" => status).increment(0);
        for category in ["room", "lost_found", "amenity"] {
            metrics::counter!("image_index_total", "category" => category, "status" => status).increment(0);
        }
        for kind in ["invoice", "id"] {
            metrics::counter!("ocr_processing_total", "kind" => kind, "status" => status).increment(0);
        }
    }
    Ok(handle)
}
