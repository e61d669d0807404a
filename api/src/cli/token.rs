use std::path::{Path, PathBuf};

use innkeeper_core::HotelId;
use innkeeper_identity::{NewToken, Permission, Role, TokenAuthority, parse_ttl};

use super::{Outcome, say};
use crate::app::token_secret;
use crate::config::Settings;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Who or what will use it, such as a person or a camera.
    #[arg(long)]
    subject: String,
    /// admin, manager, staff, guest, camera or data-scientist.
    #[arg(long)]
    role: Role,
    /// Exactly these permissions instead of the role's, such as cv:recognize,cv:read.
    #[arg(long, value_delimiter = ',')]
    permissions: Option<Vec<Permission>>,
    /// The hotel whose data it opens [default: hotel.default].
    #[arg(long)]
    hotel: Option<HotelId>,
    /// How long it is valid: 90s, 30m, 8h, 7d.
    #[arg(long, default_value = "8h")]
    ttl: String,
    /// Where the signing secret lives [default: storage.data_dir, ./data].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

pub(super) fn print(args: Args, settings: Settings) -> Outcome {
    let data_dir = args.data_dir.unwrap_or(settings.storage.data_dir);
    let given = token_secret();
    let fresh = given.is_none() && is_fresh(&data_dir);
    let authority = TokenAuthority::open(given.as_deref(), &data_dir)?;
    if fresh {
        eprintln!(
            "warning: {} held no installation, so a new token secret was created in it; only a server that runs \
             with the same --data-dir accepts this token",
            data_dir.display()
        );
    }
    let token = authority.issue(&NewToken {
        subject: args.subject,
        role: args.role,
        permissions: args.permissions,
        hotel: args.hotel.unwrap_or(settings.hotel.default),
        ttl: parse_ttl(&args.ttl)?,
    })?;
    say(token)
}

/// Whether no server and no earlier token has used the folder.
fn is_fresh(data_dir: &Path) -> bool {
    !data_dir.join("secrets/jwt.key").exists() && !data_dir.join("innkeeper.db").exists()
}
