use std::path::PathBuf;
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use clap::Subcommand;
use innkeeper_core::HotelId;
use innkeeper_identity::{Permission, Role, parse_ttl};

use super::table::table;
use super::{Failure, Outcome, say};
use crate::app::{data_keys, installed, open_store};
use crate::config::Settings;
use crate::problem::Problem;
use crate::service::api_keys::{self, ApiKeyReport, NewApiKeyInput};

/// Who the audit log says it was.
const ACTOR: &str = "innkeeper api-key";

#[derive(Debug, Subcommand)]
pub(super) enum ApiKey {
    /// Make a key and print it. It is shown once; only its hash is kept.
    Create {
        /// Who or what will use it, such as a program.
        #[arg(long)]
        subject: String,
        /// admin, manager, staff, guest, camera or data-scientist.
        #[arg(long)]
        role: Role,
        /// Exactly these permissions instead of the role's, such as cv:recognize,cv:read.
        #[arg(long, value_delimiter = ',')]
        permissions: Option<Vec<Permission>>,
        /// How long it is good: 8h, 30d [default: until it is revoked].
        #[arg(long)]
        ttl: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// List the keys of a hotel.
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Revoke a key; it is refused from the next request on.
    Revoke {
        /// Its id, as `list` prints it.
        id: String,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Place {
    /// The hotel [default: hotel.default].
    #[arg(long)]
    hotel: Option<HotelId>,
    /// The data directory [default: storage.data_dir, ./data].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

fn failed(problem: Problem) -> Failure {
    problem.detail.into()
}

pub(super) fn run(command: ApiKey, settings: Settings) -> Outcome {
    tokio::runtime::Runtime::new()?.block_on(work(command, settings))
}

async fn work(command: ApiKey, settings: Settings) -> Outcome {
    let (ApiKey::Create { place, .. } | ApiKey::List { place } | ApiKey::Revoke { place, .. }) = &command;
    let settings = settings.with_data_dir(place.data_dir.clone());
    installed(&settings)?;
    let hotel = place.hotel.clone().unwrap_or_else(|| settings.hotel.default.clone());
    let store = open_store(&settings, data_keys(&settings)?).await?;
    let outcome = match command {
        ApiKey::Create { subject, role, permissions, ttl, .. } => {
            let until = |ttl: String| -> Result<DateTime<Utc>, Failure> {
                Ok((SystemTime::now() + parse_ttl(&ttl)?).into())
            };
            let expires_at = ttl.map(until).transpose()?;
            let input = NewApiKeyInput { subject, role, permissions, expires_at };
            let made = api_keys::create(&store, &hotel, ACTOR, None, input).await.map_err(failed)?;
            eprintln!("id {}; send the key as X-API-Key; it is not shown again", made.id);
            say(made.key)
        }
        ApiKey::List { .. } => {
            let minute = |at: DateTime<Utc>| at.format("%F %R").to_string();
            let row = |key: ApiKeyReport| {
                let created = minute(key.created_at);
                let end = |at: Option<DateTime<Utc>>| at.map(minute).unwrap_or_default();
                vec![key.id, key.subject, key.role, created, end(key.expires_at), end(key.revoked_at)]
            };
            let keys = api_keys::list(&store, &hotel).await.map_err(failed)?;
            let rows: Vec<_> = keys.into_iter().map(row).collect();
            say(table(&["id", "subject", "role", "created", "expires", "revoked"], &rows))
        }
        ApiKey::Revoke { id, .. } => {
            api_keys::revoke(&store, &hotel, &id, ACTOR).await.map_err(failed)?;
            say(format!("{id} is revoked"))
        }
    };
    store.close().await;
    outcome
}
