//! What every request can reach.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use innkeeper_core::ErrorCode;
use innkeeper_identity::{Principal, RateLimits, Role, TokenAuthority};
use innkeeper_media::Media;
use innkeeper_sealing::KeyRing;
use innkeeper_store::Store;
use innkeeper_vectors::{EmbeddedQdrant, VectorIndex};
use metrics_exporter_prometheus::PrometheusHandle;

use crate::admission::Admission;
use crate::config::Settings;
use crate::extract::Bodies;
use crate::problem::Problem;
use crate::service::{FaceService, Gallery};

/// The state of the process, shared by all requests.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

impl std::ops::Deref for App {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

pub(crate) struct Inner {
    pub settings: Settings,
    pub tokens: TokenAuthority,
    /// Who everybody is without tokens; only `serve --dev` sets it.
    pub everybody: Option<Principal>,
    pub limits: RateLimits,
    pub admission: Admission,
    pub bodies: Bodies,
    /// Whether templates of another embedder wait for `innkeeper face reindex`; refreshed now and then.
    pub reindex_needed: AtomicBool,
    pub engines: Engines,
    pub gallery: Arc<Gallery>,
    pub faces: ArcSwap<FaceState>,
    pub metrics: PrometheusHandle,
    pub started: Instant,
}

/// The stores behind the service.
#[derive(Clone)]
pub(crate) struct Engines {
    pub store: Store,
    pub vectors: Arc<dyn VectorIndex>,
    pub media: Media,
}

/// The face pipeline over the life of a process.
pub(crate) enum FaceState {
    /// Models load and warm up.
    Starting,
    /// Ready.
    Ready(Arc<FaceService>),
    /// There is no pipeline, and why.
    Absent(Problem),
}

/// The process cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    #[error("the data directory {path}: {source}")]
    DataDir { path: std::path::PathBuf, source: std::io::Error },
    #[error(transparent)]
    Secret(#[from] innkeeper_identity::SecretError),
    #[error(transparent)]
    Store(#[from] innkeeper_store::StoreError),
    #[error("{0}")]
    Keys(#[from] innkeeper_sealing::KeyError),
    #[error(transparent)]
    Vectors(#[from] innkeeper_vectors::VectorError),
    #[error(transparent)]
    Media(#[from] innkeeper_media::MediaError),
    #[error(transparent)]
    Models(#[from] crate::models::ModelsError),
    #[error(transparent)]
    Calibration(#[from] innkeeper_face::CalibrationError),
    #[error("metrics: {0}")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
    #[error("{address}: {source}")]
    Listen { address: std::net::SocketAddr, source: std::io::Error },
    #[error("--dev answers everybody without a token, so it listens on loopback only, not on {0}")]
    DevOffLoopback(std::net::SocketAddr),
    #[error("{0}")]
    Subject(#[from] innkeeper_identity::SubjectError),
    #[error("the server stopped: {0}")]
    Serve(std::io::Error),
}

/// The signing secret from the environment, when it is given there.
pub(crate) fn token_secret() -> Option<String> {
    std::env::var("INNKEEPER_JWT_SECRET").ok()
}

impl Engines {
    /// Opens tables, vectors and pictures below the data directory, creating what is missing.
    pub async fn open(data_dir: &Path) -> Result<Self, StartError> {
        std::fs::create_dir_all(data_dir)
            .map_err(|source| StartError::DataDir { path: data_dir.to_owned(), source })?;
        // The vector engine locks its folder, so a second process fails here before it touches a table.
        let folder = data_dir.join("vectors");
        let vectors = tokio::task::spawn_blocking(move || EmbeddedQdrant::open(&folder))
            .await
            .map_err(|e| StartError::Serve(std::io::Error::other(e)))??;
        let given = std::env::var("INNKEEPER_DATA_KEYS").ok();
        let keys = KeyRing::open(given.as_deref(), data_dir)?;
        Ok(Self {
            store: Store::open(&data_dir.join("innkeeper.db"), keys).await?,
            vectors: Arc::new(vectors),
            media: Media::local(&data_dir.join("media"))?,
        })
    }

    /// Closes in the order in which nothing is lost.
    pub async fn close(self) {
        if let Err(error) = self.vectors.close().await {
            tracing::warn!(%error, "the vector index did not close cleanly; it recovers at the next start");
        }
        self.store.close().await;
    }
}

impl App {
    pub fn new(
        settings: Settings,
        dev: bool,
        engines: Engines,
        metrics: PrometheusHandle,
    ) -> Result<Self, StartError> {
        let tokens = TokenAuthority::open(token_secret().as_deref(), &settings.storage.data_dir)?;
        let everybody = dev
            .then(|| Principal::without_token("dev", Role::Admin, settings.hotel.default.clone()))
            .transpose()?;
        let admission = Admission::new(
            settings.inference.workers(),
            settings.inference.max_waiting,
            Duration::from_millis(settings.inference.deadline_ms),
        );
        let bodies = Bodies::new(&settings.http);
        let limits = RateLimits::new(&settings.rate_limits);
        Ok(Self(Arc::new(Inner {
            settings,
            tokens,
            everybody,
            limits,
            admission,
            bodies,
            reindex_needed: AtomicBool::new(false),
            gallery: Arc::new(Gallery::new(engines.clone())),
            engines,
            faces: ArcSwap::from_pointee(FaceState::Starting),
            metrics,
            started: Instant::now(),
        })))
    }

    /// The face service, or the problem that says why not yet or not at all.
    pub fn face_service(&self) -> Result<Arc<FaceService>, Problem> {
        match &**self.faces.load() {
            FaceState::Ready(service) => Ok(Arc::clone(service)),
            FaceState::Starting => {
                Err(Problem::new(ErrorCode::NotReady, "the models are warming up")
                    .retry(Duration::from_secs(2)))
            }
            FaceState::Absent(problem) => Err(problem.clone()),
        }
    }
}
