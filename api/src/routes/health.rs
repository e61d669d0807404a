//! Is it alive, is it ready, what runs, what was measured.

use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use innkeeper_core::ErrorCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::{App, DocumentState, FaceState, VisualState};
use crate::problem::{Problem, ProblemDocument};
use crate::service::ThresholdsReport;
use crate::service::images::ReindexReport;

const TAG: &str = "health";

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(live))
        .routes(routes!(ready))
        .routes(routes!(cv_health))
        .routes(routes!(metrics))
        .routes(routes!(cv_metrics))
}

/// What a probe reads.
#[derive(Debug, Serialize, ToSchema)]
struct Probe {
    /// `ok`.
    status: &'static str,
}

/// The state of the vision service.
#[derive(Debug, Serialize, ToSchema)]
struct CvHealth {
    /// `ok`; `starting` while models warm up; `degraded` when something is missing, see `faces`.
    status: &'static str,
    version: &'static str,
    uptime_seconds: u64,
    faces: FacesHealth,
    documents: DocumentsHealth,
    visual: VisualHealth,
    rooms: RoomsHealth,
}

/// The state of what judges rooms.
#[derive(Debug, Serialize, ToSchema)]
struct RoomsHealth {
    /// `ready`, `starting` or `absent`.
    state: &'static str,
    /// Why it is absent, and the command that mends it; or why the hotel's champion does not answer.
    detail: Option<String>,
    /// The version of `room-tags` that answers for the hotel of the settings; others may have their own.
    head: Option<String>,
}

fn rooms_health(app: &App, visual: &VisualHealth) -> RoomsHealth {
    let (heads, hotel) = (&app.rooms.heads, &app.settings.hotel.default);
    let (head, passed_over) = match app.visual() {
        Ok(running) => {
            let answering = heads.for_embedder(hotel, &running.embedder.model());
            (answering.head, answering.passed_over)
        }
        Err(_) => (heads.of(hotel), None),
    };
    let (state, detail) = match (visual.state, &head) {
        ("ready", None) => {
            let why = "the head of this build cannot be read; the log says why".to_owned();
            ("absent", Some(passed_over.unwrap_or(why)))
        }
        (state, _) => (state, visual.detail.clone().or(passed_over)),
    };
    RoomsHealth { state, detail, head: head.map(|head| head.name()) }
}

/// The state of the models that look at photographs of rooms and things.
#[derive(Debug, Default, Serialize, ToSchema)]
struct VisualHealth {
    /// `ready`, `starting` or `absent`.
    state: &'static str,
    /// Why it is absent, and the command that mends it.
    detail: Option<String>,
    /// Name and version of every running model.
    models: Vec<String>,
    /// The model whose descriptors image search compares.
    descriptors: Option<String>,
    /// What counts objects: `installed`, or why nothing does.
    objects: Option<String>,
    /// What searches pictures by a sentence: why nothing does.
    text: Option<&'static str>,
    /// How far the kept pictures are described by the running model.
    reindex: Option<ReindexReport>,
}

/// The state of the reading of documents.
#[derive(Debug, Default, Serialize, ToSchema)]
struct DocumentsHealth {
    /// `ready`, `starting`, `absent`, or `off` where the settings leave it out.
    state: &'static str,
    /// Why it is absent, and the command that mends it.
    detail: Option<String>,
    /// Name and version of everything that reads.
    models: Vec<String>,
    /// `installed`, or why PDF files are not read.
    pdf: Option<String>,
    /// What reads Vietnamese lines a second time: `installed`, or why nothing does.
    vietnamese: Option<String>,
    /// Where the faces of identity documents are looked for: `installed`, or why not.
    faces: Option<String>,
}

/// The state of the face pipeline.
#[derive(Debug, Default, Serialize, ToSchema)]
struct FacesHealth {
    /// `ready`, `starting` or `absent`.
    state: &'static str,
    /// Why it is absent, and the command that mends it.
    detail: Option<String>,
    /// Name and version of every running model.
    models: Vec<String>,
    /// `installed`, or why `is_alive` is null.
    liveness: Option<String>,
    /// The thresholds in force and the evaluation that set them.
    thresholds: Option<ThresholdsReport>,
    /// Whether templates of another model wait for `innkeeper face reindex`; looked up twice a minute.
    reindex_needed: Option<bool>,
}

/// The process runs.
#[utoipa::path(get, path = "/health/live", tag = TAG, responses((status = 200, body = Probe)))]
async fn live() -> Json<Probe> {
    Json(Probe { status: "ok" })
}

/// The models are warm, or not installed; requests are answered.
#[utoipa::path(get, path = "/health/ready", tag = TAG, responses(
    (status = 200, body = Probe), (status = 503, body = ProblemDocument, content_type = "application/problem+json")
))]
async fn ready(State(app): State<App>) -> Result<Json<Probe>, Problem> {
    app.faces.load().settled()?;
    app.documents.load().settled()?;
    app.visual.load().settled()?;
    Ok(Json(Probe { status: "ok" }))
}

/// State of the vision service, its models and thresholds.
#[utoipa::path(get, path = "/api/v1/cv/health", tag = TAG, responses((status = 200, body = CvHealth)))]
async fn cv_health(State(app): State<App>) -> Json<CvHealth> {
    let (status, faces) = match &*app.faces.load_full() {
        FaceState::Starting => ("starting", FacesHealth { state: "starting", ..FacesHealth::default() }),
        FaceState::Absent(problem) => {
            let detail = Some(problem.detail.clone());
            ("degraded", FacesHealth { state: "absent", detail, ..FacesHealth::default() })
        }
        FaceState::Ready(service) => {
            let reindex = app.reindex_needed.load(Ordering::Relaxed);
            let status = if reindex { "degraded" } else { "ok" };
            let faces = FacesHealth {
                state: "ready",
                detail: reindex.then(|| {
                    "templates of another model are enrolled; run `innkeeper face reindex`".to_owned()
                }),
                models: service.models().iter().map(ToString::to_string).collect(),
                liveness: Some(service.liveness_note().to_owned()),
                thresholds: Some(service.thresholds()),
                reindex_needed: Some(reindex),
            };
            (status, faces)
        }
    };
    let documents = match &*app.documents.load_full() {
        DocumentState::Starting => DocumentsHealth { state: "starting", ..DocumentsHealth::default() },
        DocumentState::Absent(problem) => DocumentsHealth {
            state: if problem.code == ErrorCode::ServiceDisabled { "off" } else { "absent" },
            detail: Some(problem.detail.clone()),
            ..DocumentsHealth::default()
        },
        DocumentState::Ready(service) => DocumentsHealth {
            state: "ready",
            detail: None,
            models: service.models(),
            pdf: Some(service.pdf_note()),
            vietnamese: Some(service.vietnamese_note()),
            faces: Some(match app.face_service() {
                Ok(_) => "installed".to_owned(),
                Err(problem) => problem.code.as_str().to_owned(),
            }),
        },
    };
    let visual = match &*app.visual.load_full() {
        VisualState::Starting => VisualHealth { state: "starting", ..VisualHealth::default() },
        VisualState::Absent(problem) => {
            VisualHealth { state: "absent", detail: Some(problem.detail.clone()), ..VisualHealth::default() }
        }
        VisualState::Ready(visual) => VisualHealth {
            state: "ready",
            detail: None,
            models: visual.models().iter().map(ToString::to_string).collect(),
            descriptors: Some(visual.describer.model().to_string()),
            objects: Some(visual.objects_note().to_owned()),
            text: Some("model_not_installed"),
            reindex: Some(app.images.progress.report()),
        },
    };
    let status = match (status, documents.state, visual.state) {
        ("starting", ..) | (_, "starting", _) | (.., "starting") => "starting",
        ("ok", "absent", _) | ("ok", _, "absent") => "degraded",
        (status, ..) => status,
    };
    let rooms = rooms_health(&app, &visual);
    Json(CvHealth {
        status,
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: app.started.elapsed().as_secs(),
        faces,
        documents,
        visual,
        rooms,
    })
}

/// Everything that was counted and measured, as Prometheus text.
#[utoipa::path(get, path = "/metrics", tag = TAG, responses((status = 200, body = String, content_type = "text/plain")))]
pub(super) async fn metrics(State(app): State<App>) -> Response {
    app.metrics.run_upkeep();
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (StatusCode::OK, kind, app.metrics.render()).into_response()
}

/// The same under the path of the vision service.
#[utoipa::path(get, path = "/api/v1/cv/metrics", tag = TAG, responses((status = 200, body = String, content_type = "text/plain")))]
async fn cv_metrics(state: State<App>) -> Response {
    metrics(state).await
}
