//! Which version of the model `room-tags` answers for which hotel: the one its registry calls champion, else the
//! one that is shipped. Another process may promote; the change is seen within a second, without a restart.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use innkeeper_core::{HotelId, ModelRef};
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
    /// So that the log tells once that it is passed over, not at each photo.
    told: Once,
}

/// The head that answers on the features of an embedder.
pub(crate) struct Answering {
    pub head: Option<Arc<HeadInForce>>,
    /// Why it is not the hotel's champion.
    pub passed_over: Option<String>,
}

impl HeadInForce {
    fn new(head: Head, version: Option<Version>, learnt_until: Option<DateTime<Utc>>) -> Self {
        Self { head: Arc::new(head), version, learnt_until, told: Once::new() }
    }

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
            Ok(head) => Some(Arc::new(HeadInForce::new(head, None, None))),
            Err(error) => {
                tracing::error!(%error, "the shipped head of {ROOM_TAGS} cannot be read");
                None
            }
        };
        Self { folder: data_dir.join(FOLDER), shipped, champions: ArcSwap::default() }
    }

    /// What answers for a hotel whose photos go through this embedder. A champion of another embedder cannot: the head
    /// of the build does then, if it can.
    pub fn for_embedder(&self, hotel: &HotelId, embedder: &ModelRef) -> Answering {
        let fits = |head: &Arc<HeadInForce>| head.head.embedder() == embedder;
        let Some(head) = self.of(hotel) else { return Answering { head: None, passed_over: None } };
        if fits(&head) {
            return Answering { head: Some(head), passed_over: None };
        }
        let why = format!(
            "{} was trained on {}, and photos go through {embedder}",
            head.name(),
            head.head.embedder()
        );
        head.told.call_once(|| {
            tracing::warn!(%hotel, "{why}; the head of the build answers, until `innkeeper train {ROOM_TAGS}` is run");
        });
        Answering { head: self.shipped().filter(fits), passed_over: Some(why) }
    }

    /// What is to answer for a hotel: its champion, else the head of the build.
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
        let metrics: Value =
            serde_json::from_slice(&registry.read(&name, version, METRICS)?).unwrap_or_default();
        if metrics[SHIPPED] == true {
            // Going back to it is going back to the head of the build, which may be a newer one by now.
            return Ok(None);
        }
        let head = read_head(&registry, version)?;
        let mut sources = metrics["sources"].as_array().into_iter().flatten();
        let registered_at = registry.record(&name, version)?.registered_at;
        let learnt_until = sources.any(|source| source["source"] == OWN).then_some(registered_at);
        Ok(Some(Arc::new(HeadInForce::new(head, Some(version), learnt_until))))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use innkeeper_learning::File;
    use serde_json::json;

    use super::*;

    /// A registry below a data directory whose champion is this head.
    pub(crate) fn champion_of(data_dir: &Path, hotel: &HotelId, head: &str, metrics: &Value) -> Registry {
        let registry = Registry::open(&registry_folder(data_dir, hotel)).unwrap();
        let name = ROOM_TAGS.parse().unwrap();
        let files = [File { name: room_tags::HEAD, bytes: head.as_bytes() }];
        let record = registry.register(&name, &files, metrics, "# card").unwrap();
        registry.promote(&name, record.version, "seed").unwrap();
        registry
    }

    /// The shipped head, as if it were of another embedder.
    pub(crate) fn foreign() -> String {
        let shipped = innkeeper_heads::shipped_room_tags().unwrap();
        let text = shipped.to_json().unwrap();
        let foreign = text.replace(&shipped.embedder().to_string(), "another-network@9");
        assert_ne!(text, foreign);
        foreign
    }

    #[test]
    fn a_champion_of_another_embedder_leaves_the_room_to_the_head_of_the_build() {
        let data = tempfile::tempdir().unwrap();
        let hotel: HotelId = "h1".parse().unwrap();
        champion_of(data.path(), &hotel, &foreign(), &json!({}));
        let heads = Heads::new(data.path());
        heads.refresh();
        assert_eq!(heads.of(&hotel).unwrap().name(), "room-tags@1");
        let embedder = heads.shipped().unwrap().head.embedder().clone();
        let answering = heads.for_embedder(&hotel, &embedder);
        assert_eq!(answering.head.unwrap().name(), "room-tags@shipped");
        assert!(answering.passed_over.unwrap().contains("another-network@9"));
        let theirs = heads.for_embedder(&hotel, &"another-network@9".parse().unwrap());
        assert_eq!((theirs.head.unwrap().name(), theirs.passed_over), ("room-tags@1".to_owned(), None));
        let nobody = heads.for_embedder(&hotel, &"third-network@1".parse().unwrap());
        assert!(nobody.head.is_none() && nobody.passed_over.is_some());
    }

    #[test]
    fn a_copy_of_the_shipped_head_in_a_registry_does_not_outlive_its_build() {
        let data = tempfile::tempdir().unwrap();
        let hotel: HotelId = "h1".parse().unwrap();
        champion_of(data.path(), &hotel, &foreign(), &json!({ "shipped": true }));
        let heads = Heads::new(data.path());
        heads.refresh();
        assert_eq!(heads.of(&hotel).unwrap().name(), "room-tags@shipped");
    }
}
