//! What every request can reach.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use innkeeper_core::{EmployeeId, ErrorCode};
use innkeeper_identity::{
    FailedMatchConfigError, FailedMatches, JwksError, Principal, RateLimits, Role, TokenAuthority,
};
use innkeeper_media::{Media, MediaError};
use innkeeper_sealing::{KeyError, KeyRing};
use innkeeper_store::{PostgresSettings, Store, StoreError};
use innkeeper_vectors::{EmbeddedQdrant, QdrantServer, ServerConfig, VectorIndex};
use metrics_exporter_prometheus::PrometheusHandle;

use crate::admission::Admission;
use crate::config::Settings;
use crate::extract::Bodies;
use crate::problem::Problem;
use crate::service::images::ImageGallery;
use crate::service::{DocumentService, FaceService, ForecastDesk, Gallery, PricingDesk, RoomDesk, Visual};

/// Which services of the contract a process runs; what belongs to none of them, it always does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Services {
    /// Computer vision.
    pub cv: bool,
    /// Forecasts and prices.
    pub ml: bool,
}

impl Services {
    /// What whoever asks for a path of a service is told that does not run here.
    pub fn check(self, path: &str) -> Result<(), Problem> {
        for (name, runs) in [("cv", self.cv), ("ml", self.ml)] {
            let rest = path.strip_prefix("/api/v1/").and_then(|rest| rest.strip_prefix(name));
            if !runs && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
                return Err(Self::left_out(name));
            }
        }
        Ok(())
    }

    /// The service was left out when the process was started.
    pub fn left_out(name: &str) -> Problem {
        let detail =
            format!("this process was started without `{name}`; `serve --services` names what it runs");
        Problem::new(ErrorCode::ServiceDisabled, detail)
    }
}

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
    pub services: Services,
    pub tokens: TokenAuthority,
    /// Who everybody is without tokens; only `serve --dev` sets it.
    pub everybody: Option<Principal>,
    pub limits: RateLimits,
    pub failed_matches: FailedMatches,
    pub admission: Admission,
    /// Documents take a second and more: they queue among themselves, and faces do not wait behind them.
    pub document_admission: Admission,
    /// The same of photographs of rooms and things, of which one request may bring many.
    pub photograph_admission: Admission,
    pub bodies: Bodies,
    /// Whether templates of another embedder wait for `innkeeper face reindex`; refreshed now and then.
    pub reindex_needed: AtomicBool,
    pub engines: Engines,
    pub gallery: Arc<Gallery>,
    pub images: Arc<ImageGallery>,
    pub faces: ArcSwap<FaceState>,
    pub documents: ArcSwap<DocumentState>,
    pub visual: ArcSwap<VisualState>,
    pub rooms: RoomDesk,
    pub forecasts: Arc<ForecastDesk>,
    pub prices: PricingDesk,
    pub metrics: PrometheusHandle,
    pub started: Instant,
}

/// The stores behind the service.
#[derive(Clone)]
pub(crate) struct Engines {
    pub store: Store,
    pub vectors: Arc<dyn VectorIndex>,
    pub media: Media,
    pub keys: KeyRing,
    /// Whether the index lies in the data directory, so that everything in it is ours.
    pub owns_index: bool,
    /// Held as long as the engines are open.
    _lock: Arc<std::fs::File>,
}

/// Keeps a second process out of a data directory, whichever engines it uses.
fn lock(data_dir: &Path) -> Result<Arc<std::fs::File>, StartError> {
    let path = data_dir.join("lock");
    let failed = |source| StartError::DataDir { path: path.clone(), source };
    let file =
        std::fs::File::options().write(true).create(true).truncate(false).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Arc::new(file)),
        Err(std::fs::TryLockError::WouldBlock) => Err(StartError::InUse(data_dir.to_owned())),
        Err(std::fs::TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// A pipeline over the life of a process.
pub(crate) enum State<S> {
    /// Models load and warm up.
    Starting,
    /// Ready.
    Ready(Arc<S>),
    /// There is no pipeline, and why.
    Absent(Problem),
}

pub(crate) type FaceState = State<FaceService>;
pub(crate) type DocumentState = State<DocumentService>;
pub(crate) type VisualState = State<Visual>;

impl<S> State<S> {
    /// The service, or the problem that says why not yet or not at all.
    fn service(&self) -> Result<Arc<S>, Problem> {
        match self {
            Self::Ready(service) => Ok(Arc::clone(service)),
            Self::Starting => {
                Err(Problem::new(ErrorCode::NotReady, "the models are warming up")
                    .retry(Duration::from_secs(2)))
            }
            Self::Absent(problem) => Err(problem.clone()),
        }
    }

    /// Nothing is being loaded, and nothing that is installed failed to load. A server without the models, or whose
    /// settings leave a part out, still
    /// serves the rest; its health says what is missing. Models that are there but broken are not what anybody
    /// wanted.
    pub fn settled(&self) -> Result<(), Problem> {
        match self {
            Self::Absent(Problem {
                code: ErrorCode::ModelNotInstalled | ErrorCode::ServiceDisabled, ..
            }) => Ok(()),
            _ => self.service().map(|_| ()),
        }
    }
}

/// The process cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    #[error("the data directory {path}: {source}")]
    DataDir { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Secret(#[from] innkeeper_identity::SecretError),
    #[error("{} is in use by another process", .0.display())]
    InUse(PathBuf),
    #[error("{0}")]
    ForeignTables(String),
    #[error("{} holds no installation; `innkeeper serve` makes one, and --data-dir names another", .0.display())]
    NotInstalled(PathBuf),
    #[error(transparent)]
    Keys(#[from] KeyError),
    #[error("identity.external: {0}")]
    Jwks(#[from] JwksError),
    #[error("failed_matches: {0}")]
    FailedMatches(#[from] FailedMatchConfigError),
    #[error(transparent)]
    Store(#[from] innkeeper_store::StoreError),
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

/// Whether there is an installation to look after: what only looks must not make one.
pub(crate) fn installed(settings: &Settings) -> Result<(), StartError> {
    let database = settings.storage.data_dir.join("innkeeper.db");
    if settings.storage.database_url.is_some() || database.exists() {
        return Ok(());
    }
    Err(StartError::NotInstalled(settings.storage.data_dir.clone()))
}

/// The keys that seal stored data: from the environment, or the file of the data directory.
pub(crate) fn data_keys(settings: &Settings) -> Result<KeyRing, KeyError> {
    KeyRing::open(std::env::var("INNKEEPER_DATA_KEYS").ok().as_deref(), &settings.storage.data_dir)
}

/// Opens the tables where the settings say they are.
pub(crate) async fn open_store(settings: &Settings, keys: KeyRing) -> Result<Store, StoreError> {
    match &settings.storage.database_url {
        Some(url) => Store::connect(url, &PostgresSettings::default(), keys).await,
        None => Store::open(&settings.storage.data_dir.join("innkeeper.db"), keys).await,
    }
}

/// Opens the pictures.
pub(crate) fn open_media(settings: &Settings, keys: KeyRing) -> Result<Media, MediaError> {
    Media::local(&settings.storage.data_dir.join("media"), keys)
}

/// Opens the vectors where the settings say they are.
pub(crate) async fn open_vectors(settings: &Settings) -> Result<Arc<dyn VectorIndex>, StartError> {
    let Some(url) = &settings.storage.qdrant.url else {
        let folder = settings.storage.data_dir.join("vectors");
        let embedded = tokio::task::spawn_blocking(move || EmbeddedQdrant::open(&folder))
            .await
            .map_err(|e| StartError::Serve(std::io::Error::other(e)))??;
        return Ok(Arc::new(embedded));
    };
    let qdrant = &settings.storage.qdrant;
    let config = ServerConfig {
        api_key: std::env::var("INNKEEPER_QDRANT_API_KEY").ok(),
        timeout: Duration::from_millis(qdrant.timeout_ms),
        replication_factor: qdrant.replicas,
        // A majority: what was deleted must not be found on another copy.
        write_consistency: qdrant.replicas / 2 + 1,
        shard_number: qdrant.shards,
        ..ServerConfig::new(url)
    };
    Ok(Arc::new(QdrantServer::connect(config).await?))
}

impl Engines {
    /// Opens tables, vectors and pictures, creating what is missing.
    pub async fn open(settings: &Settings) -> Result<Self, StartError> {
        let data_dir = &settings.storage.data_dir;
        std::fs::create_dir_all(data_dir)
            .map_err(|source| StartError::DataDir { path: data_dir.clone(), source })?;
        // A second process fails here before it touches a table.
        let lock = lock(data_dir)?;
        let vectors = open_vectors(settings).await?;
        let keys = data_keys(settings)?;
        Ok(Self {
            store: open_store(settings, keys.clone()).await?,
            vectors,
            media: open_media(settings, keys.clone())?,
            keys,
            owns_index: settings.storage.qdrant.url.is_none(),
            _lock: lock,
        })
    }

    /// The same with those engines opened anew that `to` places elsewhere than `from`.
    pub async fn with_servers(&self, from: &Settings, to: &Settings) -> Result<Self, StartError> {
        let mut target = self.clone();
        if from.storage.database_url != to.storage.database_url {
            target.store = open_store(to, self.keys.clone()).await?;
        }
        if from.storage.qdrant.url != to.storage.qdrant.url {
            target.vectors = open_vectors(to).await?;
            target.owns_index = to.storage.qdrant.url.is_none();
        }
        Ok(target)
    }

    /// Closes in the order in which nothing is lost.
    pub async fn close(self) {
        if let Err(error) = self.vectors.close().await {
            tracing::warn!(%error, "the vector index did not close cleanly; it recovers at the next start");
        }
        self.store.close().await;
    }
}

/// One attempt to match a face, of somebody whose failures are counted.
pub(crate) struct Attempt<'a> {
    book: Option<&'a FailedMatches>,
    key: String,
}

impl Attempt<'_> {
    pub fn succeeded(&self) {
        if let Some(book) = self.book {
            book.succeeded(&self.key);
        }
    }

    /// `judged` says whether a liveness model looked at the face.
    pub fn failed(&self, judged: bool) {
        if let Some(wait) = self.book.and_then(|book| book.failed(&self.key, judged)) {
            tracing::info!(
                seconds = wait.retry_after.as_secs(),
                "failed matches in a row; this client waits"
            );
        }
    }
}

impl App {
    pub fn new(
        settings: Settings,
        services: Services,
        dev: bool,
        engines: Engines,
        metrics: PrometheusHandle,
    ) -> Result<Self, StartError> {
        let mut tokens = TokenAuthority::open(token_secret().as_deref(), &settings.storage.data_dir)?;
        if let Some(external) = &settings.identity.external {
            tokens = tokens.with_external(external)?;
        }
        let failed_matches = FailedMatches::new(&settings.failed_matches)?;
        let everybody = dev
            .then(|| Principal::without_token("dev", Role::Admin, settings.hotel.default.clone()))
            .transpose()?;
        let admission = Admission::new(
            settings.inference.workers(),
            settings.inference.max_waiting,
            Duration::from_millis(settings.inference.deadline_ms),
        );
        // Each photograph is looked at by one thread, so that all workers are of use.
        let photograph_admission = Admission::new(
            settings.inference.workers(),
            settings.images.max_waiting,
            Duration::from_millis(settings.images.deadline_ms),
        );
        // One page keeps several sessions busy at once. Half of the workers leave the cameras room, and the lines
        // of one page are still read side by side.
        let document_admission = Admission::new(
            (settings.inference.workers() / 2).max(1),
            settings.ocr.max_waiting,
            Duration::from_millis(settings.ocr.deadline_ms),
        );
        let rooms = RoomDesk::new(&settings, engines.clone());
        let forecasts = Arc::new(ForecastDesk::new(&settings, engines.store.clone()));
        let prices = PricingDesk::new(&settings, engines.store.clone(), Arc::clone(&forecasts));
        let bodies = Bodies::new(&settings.http);
        let limits = RateLimits::new(&settings.rate_limits);
        let gallery = Arc::new(Gallery::new(engines.clone()));
        let images = ImageGallery::new(engines.clone(), Arc::clone(&gallery), &settings);
        Ok(Self(Arc::new(Inner {
            settings,
            services,
            tokens,
            everybody,
            limits,
            failed_matches,
            admission,
            document_admission,
            photograph_admission,
            bodies,
            reindex_needed: AtomicBool::new(false),
            gallery,
            images: Arc::new(images),
            engines,
            faces: ArcSwap::from_pointee(FaceState::Starting),
            documents: ArcSwap::from_pointee(DocumentState::Starting),
            visual: ArcSwap::from_pointee(VisualState::Starting),
            rooms,
            forecasts,
            prices,
            metrics,
            started: Instant::now(),
        })))
    }

    /// Whether a caller may try to match a face now, and where the outcome is told. Callers without a token may
    /// always, and cameras where nobody is claimed: strangers before a camera are no attempts to sign in.
    pub fn attempts_of(
        &self,
        caller: &Principal,
        employee: Option<&EmployeeId>,
    ) -> Result<Attempt<'_>, Problem> {
        if (caller.role == Role::Camera && employee.is_none()) || self.everybody.is_some() {
            return Ok(Attempt { book: None, key: String::new() });
        }
        let key = match employee {
            Some(employee) => format!("{}/{employee}", caller.client_key()),
            None => caller.client_key(),
        };
        self.failed_matches.check(&key)?;
        Ok(Attempt { book: Some(&self.failed_matches), key })
    }

    /// The face service, or the problem that says why not yet or not at all.
    pub fn face_service(&self) -> Result<Arc<FaceService>, Problem> {
        self.faces.load().service()
    }

    /// The same of documents.
    pub fn document_service(&self) -> Result<Arc<DocumentService>, Problem> {
        self.documents.load().service()
    }

    /// The models that look at photographs of rooms and things.
    pub fn visual(&self) -> Result<Arc<Visual>, Problem> {
        self.visual.load().service()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_was_left_out_says_so_and_the_others_answer() {
        let services = Services { cv: false, ml: true };
        for path in ["/api/v1/cv", "/api/v1/cv/health", "/api/v1/cv/face/recognize"] {
            assert_eq!(services.check(path).unwrap_err().code, ErrorCode::ServiceDisabled, "{path}");
        }
        for path in ["/api/v1/ml/health", "/api/v1/cvx", "/health/live", "/api/v1/models/forecast", "/docs"] {
            assert!(services.check(path).is_ok(), "{path}");
        }
    }
}
