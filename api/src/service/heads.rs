//! Which version of the model `room-tags` answers for which hotel: the one its registry calls champion, else the
//! one that is shipped. Another process may promote; the change is seen within a second, without a restart.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use innkeeper_core::HotelId;
use innkeeper_heads::Head;
use innkeeper_learning::{METRICS, Name, NameError, Registry, RegistryError, Version, room_tags};
use serde_json::Value;

/// The name of the model in registries.
pub(crate) const ROOM_TAGS: &str = room_tags::NAME;
/// The folder of the registries below the data directory.
const FOLDER: &str = "registry";
/// The source of what a hotel's people corrected, where sources are told apart.
pub(crate) const OWN: &str = "hotel";
/// What stands for a version where the head of the build answers.
pub(crate) const SHIPPED: &str = "shipped";

/// The registry of a hotel's models: what one hotel teaches, another does not see.
pub(crate) fn registry_folder(data_dir: &Path, hotel: &HotelId) -> PathBuf {
    data_dir.join(FOLDER).join(hotel.as_str())
}

/// A head cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HeadsError {
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("the version {version} of {ROOM_TAGS}: {source}")]
    Head { version: String, source: innkeeper_heads::HeadError },
    #[error("the version {version} of {ROOM_TAGS} is not text")]
    Text { version: String },
}

/// A head and where it comes from.
pub(crate) struct HeadInForce {
    pub head: Arc<Head>,
    /// The version in the registry; none for the shipped one.
    pub version: Option<Version>,
    /// Up to when it knows what the hotel's people corrected; none where it learnt from no correction.
    pub learnt_until: Option<DateTime<Utc>>,
}

impl HeadInForce {
    /// `room-tags@VERSION`, as answers tell it.
    pub fn name(&self) -> String {
        let version = self.version.as_ref().map_or_else(|| SHIPPED.to_owned(), ToString::to_string);
        format!("{ROOM_TAGS}@{version}")
    }
}

/// The head of a version.
pub(crate) fn read_head(registry: &Registry, version: Version) -> Result<Head, HeadsError> {
    let bytes = registry.read(&ROOM_TAGS.parse()?, version, room_tags::HEAD)?;
    let text = String::from_utf8(bytes).map_err(|_| HeadsError::Text { version: version.to_string() })?;
    Head::from_json(&text).map_err(|source| HeadsError::Head { version: version.to_string(), source })
}

/// The heads of all hotels of this process.
pub(crate) struct Heads {
    folder: PathBuf,
    shipped: Option<Arc<HeadInForce>>,
    champions: ArcSwap<HashMap<HotelId, Arc<HeadInForce>>>,
}

impl Heads {
    /// The shipped head, and what the registries below the data directory say as soon as they are looked at.
    pub fn new(data_dir: &Path) -> Self {
        let shipped = match innkeeper_heads::shipped_room_tags() {
            Ok(head) => {
                Some(Arc::new(HeadInForce { head: Arc::new(head), version: None, learnt_until: None }))
            }
            Err(error) => {
                tracing::error!(%error, "the shipped head of {ROOM_TAGS} cannot be read");
                None
            }
        };
        Self { folder: data_dir.join(FOLDER), shipped, champions: ArcSwap::default() }
    }

    /// What answers for a hotel.
    pub fn of(&self, hotel: &HotelId) -> Option<Arc<HeadInForce>> {
        self.champions.load().get(hotel).or(self.shipped.as_ref()).map(Arc::clone)
    }

    /// The head of the build.
    pub fn shipped(&self) -> Option<Arc<HeadInForce>> {
        self.shipped.clone()
    }

    /// Looks at every registry, and loads the champions that are new. What cannot be read leaves the head that
    /// answered before. Blocks on files. Whether anything changed.
    pub fn refresh(&self) -> bool {
        let before = self.champions.load_full();
        let mut after = HashMap::new();
        for hotel in self.hotels() {
            let known = before.get(&hotel);
            match self.champion(&hotel, known) {
                Ok(Some(head)) => {
                    after.insert(hotel, head);
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(%error, %hotel, "the registry cannot be read; the head stays as it was");
                    if let Some(known) = known {
                        after.insert(hotel, Arc::clone(known));
                    }
                }
            }
        }
        let version = |head: Option<&Arc<HeadInForce>>| head.and_then(|head| head.version);
        let mut changed = false;
        for hotel in before.keys().chain(after.keys()) {
            if version(before.get(hotel)) != version(after.get(hotel)) {
                let now = after.get(hotel).map_or_else(|| SHIPPED.to_owned(), |head| head.name());
                tracing::info!(%hotel, model = now, "another head answers");
                changed = true;
            }
        }
        if changed {
            self.champions.store(Arc::new(after));
        }
        changed
    }

    fn hotels(&self) -> Vec<HotelId> {
        // Most installations never trained anything: there is no folder then.
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
    }

    fn champion(
        &self,
        hotel: &HotelId,
        known: Option<&Arc<HeadInForce>>,
    ) -> Result<Option<Arc<HeadInForce>>, HeadsError> {
        let registry = Registry::open(&self.folder.join(hotel.as_str()))?;
        let name: Name = ROOM_TAGS.parse()?;
        let Some(version) = registry.champion(&name)? else { return Ok(None) };
        if let Some(known) = known.filter(|known| known.version == Some(version)) {
            return Ok(Some(Arc::clone(known)));
        }
        let head = Arc::new(read_head(&registry, version)?);
        let metrics: Value =
            serde_json::from_slice(&registry.read(&name, version, METRICS)?).unwrap_or_default();
        let mut sources = metrics["sources"].as_array().into_iter().flatten();
        let registered_at = registry.record(&name, version)?.registered_at;
        let learnt_until = sources.any(|source| source["source"] == OWN).then_some(registered_at);
        Ok(Some(Arc::new(HeadInForce { head, version: Some(version), learnt_until })))
    }
}
