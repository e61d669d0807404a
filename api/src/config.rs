//! Settings: the commented defaults that are compiled in, then a file, then `INNKEEPER__SECTION__KEY`.
//! Unknown keys are errors, and every section checks itself before anything starts.

mod forecast;
mod pictures;
mod pricing;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format, Toml};
use innkeeper_core::{CameraId, HotelId};
use innkeeper_face::PipelineSettings;
use innkeeper_identity::{ExternalIssuer, FailedMatchConfig, RateLimitConfig};
use serde::Deserialize;

pub(crate) use forecast::Forecast;
pub(crate) use pictures::{Images, LostFound, Search};
pub(crate) use pricing::{Pricing, may_be_sent_to};

/// The commented file that `innkeeper config --default` prints.
pub(crate) const DEFAULTS: &str = include_str!("../innkeeper.default.toml");

/// Largest `face.max_photos`.
pub(crate) const MAX_PHOTOS: usize = 100;

/// The settings file that is read when none is named.
const HERE: &str = "innkeeper.toml";

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("the settings cannot be read: {0}")]
    Read(#[from] Box<figment::Error>),
    #[error("the settings file {0} does not exist")]
    Missing(PathBuf),
    #[error("setting {key}: {problem}")]
    Value { key: &'static str, problem: String },
    #[error("no home directory is known; set models.dir or --models-dir")]
    NoHome,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub http: Http,
    pub storage: Storage,
    pub hotel: Hotel,
    pub images: Images,
    pub search: Search,
    pub lost_found: LostFound,
    pub models: Models,
    pub inference: Inference,
    pub face: FaceSettings,
    pub ocr: Ocr,
    pub room: RoomSettings,
    pub forecast: Forecast,
    pub pricing: Pricing,
    pub attendance: Attendance,
    pub events: Events,
    pub rate_limits: RateLimitConfig,
    pub failed_matches: FailedMatchConfig,
    pub identity: Identity,
    pub log: Log,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Http {
    pub listen: SocketAddr,
    #[serde(default)]
    pub public_url: Option<String>,
    pub max_body_bytes: usize,
    pub max_inflight_bytes: usize,
    pub header_seconds: u64,
    pub body_seconds: u64,
    pub shutdown_seconds: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Storage {
    pub data_dir: PathBuf,
    #[serde(default)]
    pub database_url: Option<String>,
    pub qdrant: Qdrant,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Qdrant {
    #[serde(default)]
    pub url: Option<String>,
    pub timeout_ms: u64,
    pub shards: u32,
    pub replicas: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hotel {
    pub default: HotelId,
    pub timezone: chrono_tz::Tz,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Models {
    pub pack: String,
    #[serde(default)]
    pub dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Inference {
    #[serde(default)]
    pub workers: Option<usize>,
    pub max_waiting: usize,
    pub deadline_ms: u64,
    pub max_batch: usize,
    pub batch_delay_ms: u64,
}

impl Inference {
    /// Sessions per model and pictures analysed at once.
    pub fn workers(&self) -> usize {
        self.workers.unwrap_or_else(|| std::thread::available_parallelism().map_or(2, usize::from)).max(1)
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FaceSettings {
    #[serde(default)]
    pub threshold: Option<f32>,
    #[serde(default)]
    pub margin: Option<f32>,
    pub max_templates: usize,
    pub max_photos: usize,
    pub keep_enrolment_photos: bool,
    pub unknown: UnknownFaces,
    #[serde(default)]
    pub cameras: BTreeMap<CameraId, f32>,
    pub detector: innkeeper_face::DetectorSettings,
    pub quality: innkeeper_face::QualitySettings,
}

/// Which faces without a name are kept, and for how long.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnknownFaces {
    pub retention_hours: u32,
    pub keep_pictures: bool,
    pub max_kept: usize,
}

impl UnknownFaces {
    /// How long one is kept; none when none is.
    pub fn retention(&self) -> Option<chrono::TimeDelta> {
        (self.retention_hours > 0).then(|| chrono::TimeDelta::hours(i64::from(self.retention_hours)))
    }
}

impl FaceSettings {
    pub fn pipeline(&self) -> PipelineSettings {
        PipelineSettings { detector: self.detector.clone(), quality: self.quality.clone() }
    }
}

/// Reading documents.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ocr {
    pub enabled: bool,
    pub deadline_ms: u64,
    pub max_waiting: usize,
    pub keep_answers_days: u32,
    pub keep_identity_documents: bool,
    #[serde(default)]
    pub country: Option<String>,
    #[serde(default)]
    pub ranker: Option<PathBuf>,
}

impl Ocr {
    /// How long an answer is kept; none when none is.
    pub fn retention(&self) -> Option<chrono::TimeDelta> {
        (self.keep_answers_days > 0).then(|| chrono::TimeDelta::days(i64::from(self.keep_answers_days)))
    }
}

/// Photographs of rooms.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoomSettings {
    pub max_photos: usize,
    pub max_references: usize,
    pub cache_mib: usize,
    pub keep_answers_days: u32,
    pub cleanings: usize,
    pub standard_minutes: BTreeMap<String, f32>,
}

impl RoomSettings {
    /// How long an answer is kept; none when none is.
    pub fn retention(&self) -> Option<chrono::TimeDelta> {
        (self.keep_answers_days > 0).then(|| chrono::TimeDelta::days(i64::from(self.keep_answers_days)))
    }
}

/// Whether a text is shaped like an ISO 3166-1 alpha-2 code.
pub(crate) fn is_country(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase())
}

/// Whether attendance needs a liveness verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "LivenessRule")]
pub(crate) enum RequireLiveness {
    /// `true`: only a face that a model called real.
    Always,
    /// `"when_available"`: real where a model is installed; without one the row says so.
    WhenAvailable,
    /// `false`: any recognised face.
    Never,
}

/// What may stand in the file.
#[derive(Deserialize)]
#[serde(untagged)]
enum LivenessRule {
    Switch(bool),
    Word(String),
}

impl TryFrom<LivenessRule> for RequireLiveness {
    type Error = String;
    fn try_from(rule: LivenessRule) -> Result<Self, String> {
        match rule {
            LivenessRule::Switch(true) => Ok(Self::Always),
            LivenessRule::Switch(false) => Ok(Self::Never),
            LivenessRule::Word(word) if word == "when_available" => Ok(Self::WhenAvailable),
            LivenessRule::Word(word) => Err(format!("true, false or \"when_available\", not {word:?}")),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Direction {
    CheckIn,
    CheckOut,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Attendance {
    pub require_liveness: RequireLiveness,
    pub sighting_window_seconds: u64,
    pub max_future_seconds: u64,
    #[serde(default)]
    pub cameras: BTreeMap<CameraId, Direction>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Events {
    pub retention_days: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Identity {
    /// Who else signs tokens that are good here.
    #[serde(default)]
    pub external: Option<ExternalIssuer>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    pub filter: String,
    pub json: bool,
}

impl Settings {
    /// Reads the defaults, then `file` (or `./innkeeper.toml` when it exists), then the environment.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Toml::string(DEFAULTS));
        match file {
            Some(path) if !path.is_file() => return Err(ConfigError::Missing(path.to_owned())),
            Some(path) => figment = figment.merge(Toml::file_exact(path)),
            None if Path::new(HERE).is_file() => figment = figment.merge(Toml::file_exact(HERE)),
            None => {}
        }
        let settings: Self = figment
            .merge(Env::prefixed("INNKEEPER__").split("__"))
            .extract()
            .map_err(|e| ConfigError::Read(Box::new(e)))?;
        settings.check()?;
        Ok(settings)
    }

    /// The same with the data directory that the command line names, when it names one.
    pub fn with_data_dir(mut self, dir: Option<PathBuf>) -> Self {
        if let Some(dir) = dir {
            self.storage.data_dir = dir;
        }
        self
    }

    fn check(&self) -> Result<(), ConfigError> {
        let need = |good: bool, key, problem: &str| {
            if good { Ok(()) } else { Err(ConfigError::Value { key, problem: problem.to_owned() }) }
        };
        self.check_ranges()?;
        need(self.events.retention_days > 0, "events.retention_days", "must be above zero")?;
        pictures::check(&self.search, &self.lost_found)?;
        self.pricing.check()?;
        let public = self.http.public_url.as_deref().is_none_or(pictures::is_public_url);
        need(public, "http.public_url", "must begin with https:// or http:// and have no query")?;
        let unit = |v: Option<f32>| v.is_none_or(|v| (-1.0..=1.0).contains(&v));
        need(unit(self.face.threshold), "face.threshold", "must be between -1 and 1")?;
        need(unit(self.face.margin), "face.margin", "must be between -1 and 1")?;
        self.failed_matches
            .validate()
            .map_err(|e| ConfigError::Value { key: e.key, problem: e.problem.to_string() })?;
        let cameras = self.face.cameras.values().all(|v| unit(Some(*v)));
        need(cameras, "face.cameras", "must hold cosines between -1 and 1")?;
        let country = self.ocr.country.as_deref().is_none_or(is_country);
        need(country, "ocr.country", "must be two capital letters, as in ISO 3166")?;
        let postgres = |url: &String| url.starts_with("postgres://") || url.starts_with("postgresql://");
        need(
            self.storage.database_url.as_ref().is_none_or(postgres),
            "storage.database_url",
            "must begin with postgres://; without it the tables are in the data directory",
        )?;
        let minutes = self.room.standard_minutes.values().all(|m| (1.0..=1440.0).contains(m));
        need(minutes, "room.standard_minutes", "must be between 1 and 1440 minutes")?;
        let sizes = &self.face.detector.sizes;
        need(
            !sizes.is_empty() && sizes.iter().all(|s| (64..=4096).contains(s)),
            "face.detector.sizes",
            "must list sizes between 64 and 4096 pixels",
        )?;
        let first = self.face.detector.first_size;
        need(
            first == 0 || (64..=4096).contains(&first),
            "face.detector.first_size",
            "must be 0 or between 64 and 4096 pixels",
        )
    }

    /// No number may be so large that arithmetic on it, or the memory it stands for, gets out of hand.
    fn check_ranges(&self) -> Result<(), ConfigError> {
        const GIB: u64 = 1 << 30;
        const YEAR: u64 = 86_400 * 365;
        let body = self.http.max_body_bytes as u64;
        let numbers = [
            ("http.max_body_bytes", body, 1024..=GIB),
            // Less would let no body of the largest size through.
            ("http.max_inflight_bytes", self.http.max_inflight_bytes as u64, body..=1024 * GIB),
            ("http.header_seconds", self.http.header_seconds, 1..=3600),
            ("http.body_seconds", self.http.body_seconds, 1..=3600),
            ("http.shutdown_seconds", self.http.shutdown_seconds, 0..=3600),
            ("inference.workers", self.inference.workers() as u64, 1..=256),
            ("inference.max_waiting", self.inference.max_waiting as u64, 0..=100_000),
            ("inference.deadline_ms", self.inference.deadline_ms, 1..=3_600_000),
            ("inference.max_batch", self.inference.max_batch as u64, 1..=256),
            ("inference.batch_delay_ms", self.inference.batch_delay_ms, 0..=60_000),
            ("storage.qdrant.timeout_ms", self.storage.qdrant.timeout_ms, 1..=600_000),
            ("storage.qdrant.shards", self.storage.qdrant.shards.into(), 1..=1024),
            ("storage.qdrant.replicas", self.storage.qdrant.replicas.into(), 1..=64),
            ("face.unknown.retention_hours", self.face.unknown.retention_hours.into(), 0..=24 * 366),
            ("face.unknown.max_kept", self.face.unknown.max_kept as u64, 1..=100_000),
            ("face.max_templates", self.face.max_templates as u64, 1..=1000),
            ("face.max_photos", self.face.max_photos as u64, 1..=MAX_PHOTOS as u64),
            ("ocr.deadline_ms", self.ocr.deadline_ms, 1..=3_600_000),
            ("ocr.max_waiting", self.ocr.max_waiting as u64, 0..=100_000),
            ("ocr.keep_answers_days", self.ocr.keep_answers_days.into(), 0..=3660),
            ("room.max_photos", self.room.max_photos as u64, 1..=MAX_PHOTOS as u64),
            ("room.max_references", self.room.max_references as u64, 1..=100),
            ("room.cache_mib", self.room.cache_mib as u64, 0..=65_536),
            ("room.keep_answers_days", self.room.keep_answers_days.into(), 0..=3660),
            ("room.cleanings", self.room.cleanings as u64, 1..=100_000),
            ("attendance.sighting_window_seconds", self.attendance.sighting_window_seconds, 0..=YEAR),
            ("attendance.max_future_seconds", self.attendance.max_future_seconds, 0..=YEAR),
        ];
        let lost_found = ("lost_found.window_days", self.lost_found.window_days.into(), 1..=3660);
        let sections =
            self.images.ranges().into_iter().chain(self.forecast.ranges()).chain(self.pricing.ranges());
        for (key, value, range) in numbers.into_iter().chain(sections).chain([lost_found]) {
            if !range.contains(&value) {
                let problem = format!("must be between {} and {}", range.start(), range.end());
                return Err(ConfigError::Value { key, problem });
            }
        }
        Ok(())
    }

    /// Where installed models live: the setting, else the user's data folder, so that every data
    /// directory on a machine shares them.
    pub fn models_dir(&self) -> Result<PathBuf, ConfigError> {
        match &self.models.dir {
            Some(dir) => Ok(dir.clone()),
            None => Ok(user_data_dir()?.join("models")),
        }
    }
}

/// `$XDG_DATA_HOME/innkeeper`, else `~/.local/share/innkeeper`.
pub(crate) fn user_data_dir() -> Result<PathBuf, ConfigError> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
        .map(|base| base.join("innkeeper"))
        .ok_or(ConfigError::NoHome)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(text: &str) -> Result<Settings, String> {
        let settings: Settings = Figment::from(Toml::string(DEFAULTS))
            .merge(Toml::string(text))
            .extract()
            .map_err(|e| e.to_string())?;
        settings.check().map_err(|e| e.to_string())?;
        Ok(settings)
    }

    #[test]
    fn the_shipped_defaults_are_complete_and_agree_with_the_code() {
        let settings = from("").unwrap();
        assert_eq!(settings.face.pipeline(), PipelineSettings::default());
        assert_eq!(settings.images.limits(), innkeeper_core::DecodeLimits::default());
        assert_eq!(settings.attendance.require_liveness, RequireLiveness::WhenAvailable);
    }

    #[test]
    fn a_misspelt_key_is_an_error_in_every_section() {
        for text in [
            "[htpp]\nlisten='127.0.0.1:1'",
            "[http]\nlissten='127.0.0.1:1'",
            "[face.quality]\nmin_sise=1",
            "[face.detector]\nsize=1",
            "[attendance]\nrequire_livenes=true",
            "[rate_limits]\nx=1",
            "[room]\nmax_fotos=3",
            "[face]\ntreshold=0.5",
        ] {
            assert!(from(text).is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn numbers_nobody_can_mean_are_refused() {
        for (section, key, low, high) in [
            ("http", "max_body_bytes", "1023", "2000000000"),
            ("http", "max_inflight_bytes", "1000000", "9000000000000"),
            ("http", "header_seconds", "0", "3601"),
            ("http", "body_seconds", "0", "3601"),
            ("http", "shutdown_seconds", "-1", "3601"),
            ("images", "max_bytes", "0", "2000000000"),
            ("images", "max_pixels", "0", "500000001"),
            ("images", "max_side", "0", "65536"),
            ("inference", "workers", "-1", "257"),
            ("inference", "max_waiting", "-1", "100001"),
            ("inference", "deadline_ms", "0", "3600001"),
            ("inference", "max_batch", "0", "257"),
            ("inference", "batch_delay_ms", "-1", "60001"),
            ("face", "max_templates", "0", "1001"),
            ("face", "max_photos", "0", "101"),
            ("face.unknown", "retention_hours", "-1", "8785"),
            ("face.unknown", "max_kept", "0", "100001"),
            ("storage.qdrant", "timeout_ms", "0", "600001"),
            ("storage.qdrant", "shards", "0", "1025"),
            ("storage.qdrant", "replicas", "0", "65"),
            ("ocr", "deadline_ms", "0", "3600001"),
            ("ocr", "max_waiting", "-1", "100001"),
            ("ocr", "keep_answers_days", "-1", "3661"),
            ("room", "max_photos", "0", "101"),
            ("room", "max_references", "0", "101"),
            ("room", "cache_mib", "-1", "65537"),
            ("room", "keep_answers_days", "-1", "3661"),
            ("room", "cleanings", "0", "100001"),
            ("images", "kept_side", "223", "16385"),
            ("images", "kept_quality", "29", "101"),
            ("images", "thumbnail_side", "31", "2049"),
            ("images", "address_seconds", "0", "604801"),
            ("images", "deadline_ms", "0", "3600001"),
            ("images", "max_waiting", "-1", "100001"),
            ("lost_found", "window_days", "0", "3661"),
            ("forecast", "max_waiting", "-1", "100001"),
            ("forecast", "deadline_ms", "0", "3600001"),
            ("forecast", "cache_mib", "-1", "1048577"),
            ("forecast", "backtests", "0", "257"),
            ("forecast", "backtest_deadline_ms", "0", "3600001"),
            ("forecast", "max_origins", "0", "367"),
            ("forecast", "keep_answers_days", "0", "36601"),
            ("pricing", "max_nights", "0", "367"),
            ("pricing", "max_waiting", "-1", "100001"),
            ("pricing", "deadline_ms", "0", "3600001"),
            ("pricing", "cache_mib", "-1", "1048577"),
            ("pricing", "keep_schedules_days", "0", "36601"),
            ("pricing", "webhook_timeout_ms", "0", "600001"),
            ("pricing", "marginal_cost", "-1", "1000000001"),
            ("pricing", "walk_cost", "0", "101"),
            ("pricing", "level", "0.4", "1.0"),
            ("attendance", "sighting_window_seconds", "-1", "31536001"),
            ("attendance", "max_future_seconds", "-1", "31536001"),
        ] {
            for value in [low, high, "9223372036854775807"] {
                let refused = from(&format!("[{section}]\n{key}={value}")).unwrap_err();
                assert!(refused.contains(key), "{section}.{key} = {value}: {refused}");
            }
        }
    }

    #[test]
    fn values_out_of_range_name_their_key() {
        assert!(from("[face]\nthreshold=7.0").unwrap_err().contains("face.threshold"));
        assert!(from("[face.detector]\nsizes=[]").unwrap_err().contains("face.detector.sizes"));
        assert!(from("[ocr]\ncountry='Vietnam'").unwrap_err().contains("ocr.country"));
        assert!(from("[room.standard_minutes]\nsuite=0").unwrap_err().contains("room.standard_minutes"));
        assert!(from("[search]\nthreshold=1.5").unwrap_err().contains("search.threshold"));
        assert!(from("[lost_found]\nmin_score=-0.1").unwrap_err().contains("lost_found.min_score"));
        for (text, key) in [
            ("room_type_order=['suite','deluxe','suite']", "pricing.room_type_order"),
            ("webhook_url='http://pms.example/'", "pricing.webhook_url"),
            ("webhook_url='https://pms.example/'", "pricing.webhook_secret"),
            ("webhook_url='https://pms.example/'\nwebhook_secret='short'", "pricing.webhook_secret"),
        ] {
            let refused = from(&format!("[pricing]\n{text}")).unwrap_err();
            assert!(refused.contains(key) && !refused.contains("short"), "{text}: {refused}");
        }
        let both = "[pricing]\nwebhook_url='https://pms.example/'\nwebhook_secret='0123456789abcdef'";
        assert!(from(both).is_ok());
        for url in ["ftp://hotel.example", "hotel.example", "https://", "https://hotel.example/?a=b"] {
            let refused = from(&format!("[http]\npublic_url='{url}'")).unwrap_err();
            assert!(refused.contains("http.public_url"), "{url}: {refused}");
        }
        assert!(from("[events]\nretention_days=0").unwrap_err().contains("events.retention_days"));
        assert!(from("[attendance]\nrequire_liveness='sometimes'").unwrap_err().contains("when_available"));
    }
}
