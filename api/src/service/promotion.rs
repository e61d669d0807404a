//! Versions of trained models: which there are, which answers, and changing that. The registry is files; the audit log
//! learns of a change before it is made.

use std::path::Path;
use std::sync::Arc;

use chrono::Utc;
use innkeeper_core::{ErrorCode, HotelId};
use innkeeper_learning::{Registry, RegistryError, Version, VersionRecord};
use innkeeper_store::{AuditSubject, Store};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::feedback::instant;
use super::heads::{ROOM_TAGS, SHIPPED, read_head, registry_folder};
use crate::problem::Problem;

/// Models that are trained into a registry.
pub(crate) const NAMES: [&str; 1] = [ROOM_TAGS];

/// A version of a model.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VersionReport {
    #[schema(example = "3")]
    pub version: String,
    /// When it was registered, RFC 3339.
    pub registered_at: String,
    /// Whether it answers now.
    pub champion: bool,
    /// What it was measured to do on what it did not learn from, and the gate's verdict.
    #[schema(value_type = Object)]
    pub metrics: Value,
}

/// The versions of a model of a hotel.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelReport {
    #[schema(example = "room-tags")]
    pub name: String,
    /// What answers: a version, or `shipped` for the one of the build.
    #[schema(example = "shipped")]
    pub in_force: String,
    /// What a roll back goes to; null when there is nothing.
    pub previous: Option<String>,
    /// Newest first.
    pub versions: Vec<VersionReport>,
}

/// What answers from now on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PromotedAnswer {
    #[schema(example = "room-tags")]
    pub name: String,
    /// What answers now.
    pub in_force: String,
    /// What answered before.
    pub before: String,
}

impl From<RegistryError> for Problem {
    fn from(error: RegistryError) -> Self {
        Self::internal(&error)
    }
}

fn check_name(name: &str) -> Result<(), Problem> {
    if NAMES.contains(&name) {
        return Ok(());
    }
    let detail = format!("models with versions are {}", NAMES.join(", "));
    Err(Problem::new(ErrorCode::ModelNotFound, detail))
}

/// The registry of a hotel, when anything was ever trained there.
pub(crate) fn registry(data_dir: &Path, hotel: &HotelId) -> Result<Option<Registry>, Problem> {
    let folder = registry_folder(data_dir, hotel);
    if !folder.is_dir() {
        return Ok(None);
    }
    Ok(Some(Registry::open(&folder)?))
}

fn in_force(champion: Option<&Version>) -> String {
    champion.map_or_else(|| SHIPPED.to_owned(), ToString::to_string)
}

/// The versions of a model. Blocks on files.
pub(crate) fn versions(data_dir: &Path, hotel: &HotelId, name: &str) -> Result<ModelReport, Problem> {
    check_name(name)?;
    let Some(registry) = registry(data_dir, hotel)? else {
        let (name, in_force) = (name.to_owned(), SHIPPED.to_owned());
        return Ok(ModelReport { name, in_force, previous: None, versions: Vec::new() });
    };
    let champion = registry.champion(name)?;
    let report = |record: VersionRecord| VersionReport {
        champion: champion.as_ref() == Some(&record.version),
        version: record.version.to_string(),
        registered_at: instant(record.registered_at),
        metrics: record.metrics,
    };
    let mut versions: Vec<VersionReport> = registry.versions(name)?.into_iter().map(report).collect();
    versions.sort_by(|a, b| b.registered_at.cmp(&a.registered_at));
    Ok(ModelReport {
        name: name.to_owned(),
        in_force: in_force(champion.as_ref()),
        previous: registry.previous(name)?.map(|v| v.to_string()),
        versions,
    })
}

/// What is to become of a model.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// This version answers.
    Promote(String),
    /// The one before answers again.
    RollBack,
}

/// Lets another version of a model answer. The audit log learns of it first: a change that then fails has an entry
/// too much, never one too few.
pub(crate) async fn change(
    store: &Store,
    data_dir: &Path,
    hotel: &HotelId,
    actor: &str,
    name: &str,
    change: Change,
) -> Result<PromotedAnswer, Problem> {
    check_name(name)?;
    let no_version = || Problem::new(ErrorCode::ModelNotFound, format!("{name} has no such version"));
    let nothing = || Problem::new(ErrorCode::NothingToRollBack, format!("{name} has no earlier champion"));
    let opening = (data_dir.to_owned(), hotel.clone());
    let registry =
        tokio::task::spawn_blocking(move || registry(&opening.0, &opening.1)).await??;
    let registry = Arc::new(match (registry, &change) {
        (Some(registry), _) => registry,
        (None, Change::Promote(_)) => return Err(no_version()),
        (None, Change::RollBack) => return Err(nothing()),
    });
    let (looking, looked_for, name_there) = (Arc::clone(&registry), change.clone(), name.to_owned());
    let found = tokio::task::spawn_blocking(move || -> Result<_, Problem> {
        let to = match looked_for {
            Change::Promote(version) => {
                let known = looking.versions(&name_there)?;
                known.into_iter().map(|record| record.version).find(|v| v.to_string() == version)
            }
            Change::RollBack => looking.previous(&name_there)?,
        };
        // A version that cannot be read must not answer.
        if let Some(to) = &to {
            read_head(&looking, to).map_err(|e| Problem::internal(&e))?;
        }
        Ok((looking.champion(&name_there)?, to))
    });
    let (before, to) = found.await??;
    let to = to.ok_or_else(|| match change {
        Change::Promote(_) => no_version(),
        Change::RollBack => nothing(),
    })?;
    let before = in_force(before.as_ref());
    let action = match change {
        Change::Promote(_) => "model.promoted",
        Change::RollBack => "model.rolled_back",
    };
    let details = json!({ "model": name, "version": to.to_string(), "before": before, "at": instant(Utc::now()) });
    let subject = AuditSubject::Thing(format!("model:{name}"));
    store.hotel(hotel).audit(actor, action, subject, details).await?;
    let (writing, name_there, version) = (registry, name.to_owned(), to.clone());
    tokio::task::spawn_blocking(move || match change {
        Change::Promote(_) => writing.promote(&name_there, &version).map(|_| ()),
        Change::RollBack => writing.rollback(&name_there).map(|_| ()),
    })
    .await??;
    Ok(PromotedAnswer { name: name.to_owned(), in_force: to.to_string(), before })
}
