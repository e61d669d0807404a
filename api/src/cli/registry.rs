//! `models versions`, `promote` and `rollback`: models that were trained here.

use std::path::PathBuf;

use innkeeper_core::HotelId;
use serde_json::Value;

use super::table::table;
use super::{Failure, Outcome, say};
use crate::app::{data_keys, open_store};
use crate::config::Settings;
use crate::problem::Problem;
use crate::service::heads::{Heads, ROOM_TAGS};
use crate::service::promotion::{self, Change, ModelReport};

/// Who the audit log says it was.
const ACTOR: &str = "innkeeper models";

/// Whose registry.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Place {
    /// The hotel [default: hotel.default].
    #[arg(long)]
    pub hotel: Option<HotelId>,
    /// The data directory [default: storage.data_dir, ./data].
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

impl Place {
    /// The hotel, and the settings with its data directory.
    pub fn of(&self, settings: &Settings) -> (HotelId, Settings) {
        let settings = settings.clone().with_data_dir(self.data_dir.clone());
        (self.hotel.clone().unwrap_or_else(|| settings.hotel.default.clone()), settings)
    }
}

/// A problem as a command says it.
pub(super) fn failed(problem: Problem) -> Failure {
    problem.detail.into()
}

/// The line of a version of the hotel: what the gate said, where it said anything.
fn verdict(metrics: &Value) -> String {
    metrics["verdict"]["reason"].as_str().unwrap_or_default().to_owned()
}

pub(super) fn versions(name: &str, json: bool, place: &Place, settings: &Settings) -> Outcome {
    let (hotel, settings) = place.of(settings);
    let report = promotion::versions(&settings.storage.data_dir, &hotel, name).map_err(failed)?;
    if json {
        return say(serde_json::to_string_pretty(&report)?);
    }
    let ModelReport { in_force, previous, versions, .. } = report;
    let rows: Vec<Vec<String>> = versions
        .into_iter()
        .map(|v| {
            let state = if v.champion {
                "in use"
            } else if previous.as_ref() == Some(&v.version) {
                "before"
            } else {
                ""
            };
            vec![v.version, v.registered_at, state.to_owned(), verdict(&v.metrics)]
        })
        .collect();
    if rows.is_empty() {
        return say(format!("{name}@{in_force} answers; nothing was trained here"));
    }
    say(table(&["version", "registered", "", "gate"], &rows))
}

/// Makes a change and says what answers now.
pub(super) fn change(name: &str, what: Change, place: &Place, settings: &Settings) -> Outcome {
    let (hotel, settings) = place.of(settings);
    let told = apply(name, what, &hotel, &settings, ACTOR)?;
    say(told)
}

/// The same, told to whoever goes on with it.
pub(super) fn apply(
    name: &str,
    what: Change,
    hotel: &HotelId,
    settings: &Settings,
    actor: &str,
) -> Result<String, Failure> {
    std::fs::create_dir_all(&settings.storage.data_dir)?;
    let data_dir = &settings.storage.data_dir;
    let told = tokio::runtime::Runtime::new()?.block_on(async {
        let store = open_store(settings, data_keys(settings)?).await?;
        let told = promotion::change(&store, data_dir, hotel, None, actor, name, what).await;
        store.close().await;
        told.map_err(failed)
    })?;
    Ok(format!("{}@{} answers, before {}", told.name, told.in_force, told.before))
}

/// What answers for the default hotel, for `models list`: name, and why.
pub(super) fn in_force(settings: &Settings) -> Option<(String, String)> {
    let heads = Heads::new(&settings.storage.data_dir);
    heads.refresh();
    let hotel = &settings.hotel.default;
    let head = heads.of(hotel)?;
    let why = match head.version {
        Some(_) => {
            format!("champion of hotel {hotel}; `innkeeper models versions {ROOM_TAGS}` lists the others")
        }
        None => "the one of this build; `innkeeper train room-tags` makes a hotel's own".to_owned(),
    };
    Some((head.name(), why))
}
