//! Versions of trained models: which there are, which answers, and changing that. The registry is files; the audit log
//! learns of a change before it is made.

use std::path::Path;

use innkeeper_core::{ErrorCode, HotelId, ModelRef};
use innkeeper_learning::{METRICS, Name, Registry, RegistryError, Version};
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

fn known(name: &str) -> Result<Name, Problem> {
    if NAMES.contains(&name)
        && let Ok(name) = name.parse()
    {
        return Ok(name);
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

fn in_force(champion: Option<Version>) -> String {
    champion.map_or_else(|| SHIPPED.to_owned(), |v| v.to_string())
}

/// The versions of a model. Blocks on files.
pub(crate) fn versions(data_dir: &Path, hotel: &HotelId, name: &str) -> Result<ModelReport, Problem> {
    let known = known(name)?;
    let name = name.to_owned();
    let Some(registry) = registry(data_dir, hotel)? else {
        return Ok(ModelReport { name, in_force: SHIPPED.to_owned(), previous: None, versions: Vec::new() });
    };
    let choice = registry.choice(&known)?;
    let mut versions = Vec::new();
    for record in registry.versions(&known)?.into_iter().rev() {
        // What cannot be read is told as nothing; the version itself is checked when it is promoted.
        let metrics = registry.read(&known, record.version, METRICS).unwrap_or_default();
        versions.push(VersionReport {
            champion: choice.champion == Some(record.version),
            version: record.version.to_string(),
            registered_at: instant(record.registered_at),
            metrics: serde_json::from_slice(&metrics).unwrap_or_default(),
        });
    }
    let previous = choice.previous.map(|v| v.to_string());
    Ok(ModelReport { name, in_force: in_force(choice.champion), previous, versions })
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
/// too much, never one too few. A version that was trained on another embedder than this cannot answer, and is refused;
/// where no embedder runs, that of the build's head stands for it.
pub(crate) async fn change(
    store: &Store,
    data_dir: &Path,
    hotel: &HotelId,
    embedder: Option<ModelRef>,
    actor: &str,
    name: &str,
    change: Change,
) -> Result<PromotedAnswer, Problem> {
    let known = known(name)?;
    let no_version = || Problem::new(ErrorCode::ModelNotFound, format!("{name} has no such version"));
    let nothing = || Problem::new(ErrorCode::NothingToRollBack, format!("{name} has no earlier champion"));
    let (looking, wanted, of) = ((data_dir.to_owned(), hotel.clone()), change.clone(), known.clone());
    let found = tokio::task::spawn_blocking(move || -> Result<_, Problem> {
        let Some(registry) = registry(&looking.0, &looking.1)? else { return Ok(None) };
        let choice = registry.choice(&of)?;
        let to = match wanted {
            Change::Promote(text) => {
                let there = |v: &Version| registry.record(&of, *v).is_ok();
                text.parse().ok().filter(there)
            }
            Change::RollBack => choice.previous,
        };
        let Some(to) = to else { return Ok(None) };
        // A version that cannot be read must not answer.
        let head = read_head(&registry, to).map_err(|e| Problem::internal(&e))?;
        let of_build = || innkeeper_heads::shipped_room_tags().ok().map(|head| head.embedder().clone());
        if let Some(embedder) = embedder.or_else(of_build).filter(|embedder| head.embedder() != embedder) {
            let detail = format!(
                "version {to} was trained on {}, and photos go through {embedder}: train it again",
                head.embedder()
            );
            return Err(Problem::new(ErrorCode::ModelChanged, detail));
        }
        Ok(Some((registry, choice.champion, to)))
    });
    let (registry, before, to) = found.await??.ok_or_else(|| match change {
        Change::Promote(_) => no_version(),
        Change::RollBack => nothing(),
    })?;
    let before = in_force(before);
    let action = match change {
        Change::Promote(_) => "model.promoted",
        Change::RollBack => "model.rolled_back",
    };
    let details = json!({ "model": name, "version": to.to_string(), "before": before });
    let subject = AuditSubject::Thing(format!("model:{name}"));
    store.hotel(hotel).audit(actor, action, subject, details).await?;
    let by = actor.to_owned();
    let chosen = tokio::task::spawn_blocking(move || match change {
        Change::Promote(_) => registry.promote(&known, to, &by),
        Change::RollBack => registry.rollback(&known, &by),
    })
    .await??;
    if chosen.champion != Some(to) {
        // Somebody changed it in between, so that a roll back went to another version than the log was told.
        let details = json!({ "model": name, "version": in_force(chosen.champion), "before": null });
        let subject = AuditSubject::Thing(format!("model:{name}"));
        store.hotel(hotel).audit(actor, action, subject, details).await?;
    }
    Ok(PromotedAnswer { name: name.to_owned(), in_force: in_force(chosen.champion), before })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::heads::tests::{champion_of, foreign};

    #[test]
    fn a_version_of_another_embedder_is_neither_promoted_nor_gone_back_to() {
        let data = tempfile::tempdir().unwrap();
        let hotel: HotelId = "h1".parse().unwrap();
        let registry = champion_of(data.path(), &hotel, &foreign(), &json!({}));
        let shipped = innkeeper_heads::shipped_room_tags().unwrap().to_json().unwrap();
        champion_of(data.path(), &hotel, &shipped, &json!({}));
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let keys = innkeeper_sealing::KeyRing::open(None, data.path()).unwrap();
            let store = Store::open(&data.path().join("innkeeper.db"), keys).await.unwrap();
            for what in [Change::RollBack, Change::Promote("1".to_owned())] {
                let told = change(&store, data.path(), &hotel, None, "seed", ROOM_TAGS, what).await;
                assert_eq!(told.unwrap_err().code, ErrorCode::ModelChanged);
            }
            let theirs = Some("another-network@9".parse().unwrap());
            let back = change(&store, data.path(), &hotel, theirs, "seed", ROOM_TAGS, Change::RollBack).await;
            assert_eq!(back.unwrap().in_force, "1");
        });
        assert_eq!(registry.champion(&ROOM_TAGS.parse().unwrap()).unwrap().unwrap().to_string(), "1");
    }
}
