use std::path::PathBuf;

use clap::Subcommand;
use innkeeper_sealing::{KeyId, KeyRing};
use innkeeper_store::AuditSubject;
use serde_json::json;

use super::table::table;
use super::{Outcome, say};
use crate::app::{data_keys, installed, open_media, open_store};
use crate::config::Settings;

/// Who the audit log says it was.
const ACTOR: &str = "innkeeper keys";

#[derive(Debug, Subcommand)]
pub(super) enum Keys {
    /// Add a key that seals from now on. A running server notices within half a minute and seals everything again.
    Rotate(Place),
    /// List the keys, and how many rows and pictures each one still holds.
    List {
        #[command(flatten)]
        place: Place,
        /// One JSON object instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Remove a key that holds nothing any more.
    Retire {
        /// Its id, as `list` prints it.
        key: KeyId,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Place {
    /// The data directory [default: storage.data_dir, ./data].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl Place {
    fn of(self, settings: Settings) -> Result<Settings, super::Failure> {
        let settings = settings.with_data_dir(self.data_dir);
        installed(&settings)?;
        Ok(settings)
    }
}

/// What one key holds.
struct Held {
    key: KeyId,
    rows: u64,
    pictures: usize,
}

pub(super) fn run(command: Keys, settings: Settings) -> Outcome {
    let runtime = tokio::runtime::Runtime::new()?;
    match command {
        Keys::Rotate(place) => {
            let settings = place.of(settings)?;
            let keys = data_keys(&settings)?;
            let key = runtime.block_on(audited(&settings, &keys, "keys.rotated", || Ok(keys.rotate()?)))?;
            say(key)
        }
        Keys::List { place, json } => {
            let settings = place.of(settings)?;
            let active = data_keys(&settings)?.active();
            let held = runtime.block_on(held(&settings))?;
            if json {
                let keys: Vec<_> = held
                    .iter()
                    .map(|h| {
                        json!({ "key": h.key.to_string(), "active": h.key == active, "rows": h.rows, "pictures": h.pictures })
                    })
                    .collect();
                return say(json!({ "keys": keys }));
            }
            let row = |h: &Held| {
                let does = if h.key == active { "seals" } else { "opens" };
                vec![h.key.to_string(), does.to_owned(), h.rows.to_string(), h.pictures.to_string()]
            };
            let rows: Vec<_> = held.iter().map(row).collect();
            say(table(&["key", "does", "rows", "pictures"], &rows))
        }
        Keys::Retire { key, place } => {
            let settings = place.of(settings)?;
            let keys = data_keys(&settings)?;
            let held = runtime.block_on(held(&settings))?;
            if let Some(h) = held.iter().find(|h| h.key == key && (h.rows > 0 || h.pictures > 0)) {
                let why = format!(
                    "the key {key} still holds {} rows and {} pictures; a running server seals them again",
                    h.rows, h.pictures
                );
                return Err(why.into());
            }
            let retire = || {
                keys.retire(key)?;
                Ok(key)
            };
            runtime.block_on(audited(&settings, &keys, "keys.retired", retire))?;
            say(format!("{key} is gone"))
        }
    }
}

/// Does something with a key and tells the log of every hotel, whose rows it seals. The tables are opened first: what
/// cannot be told is not done.
async fn audited(
    settings: &Settings,
    keys: &KeyRing,
    action: &str,
    act: impl FnOnce() -> Result<KeyId, super::Failure>,
) -> Result<KeyId, super::Failure> {
    let store = open_store(settings, keys.clone()).await?;
    let hotels = store.hotels().await?;
    let key = act()?;
    for hotel in hotels {
        let subject = AuditSubject::Thing(format!("key {key}"));
        store.hotel(&hotel).audit(ACTOR, action, subject, json!({})).await?;
    }
    store.close().await;
    Ok(key)
}

/// What each key of the ring holds, the one that seals first.
async fn held(settings: &Settings) -> Result<Vec<Held>, super::Failure> {
    let keys = data_keys(settings)?;
    let store = open_store(settings, keys.clone()).await?;
    let rows = store.seal_counts().await?;
    store.close().await;
    let pictures = open_media(settings, keys.clone())?.seal_counts().await?;
    Ok(keys
        .ids()
        .into_iter()
        .map(|key| Held {
            key,
            rows: rows.iter().filter(|c| c.key == key).map(|c| c.rows).sum(),
            pictures: pictures.get(&Some(key)).copied().unwrap_or(0),
        })
        .collect())
}
