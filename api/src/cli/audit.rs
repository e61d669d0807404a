use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use innkeeper_store::AuditFault;
use serde_json::json;

use super::{Outcome, say};
use crate::app::{data_keys, installed, open_store};
use crate::config::Settings;

#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// Read the whole log and say where it was altered, cut or added to. Ends with status 1 if it was.
    #[command(
        after_help = "Keep the printed heads outside of this machine: a log that was rebuilt from its beginning\nis only noticed by comparing its head with an earlier one."
    )]
    Verify {
        /// The data directory [default: storage.data_dir, ./data].
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
        /// One JSON object instead of lines.
        #[arg(long)]
        json: bool,
    },
}

fn words(fault: AuditFault) -> &'static str {
    match fault {
        AuditFault::Missing => "a row is missing before this one",
        AuditFault::Unlinked => "the row does not follow the one before it",
        AuditFault::Changed => "the row was changed",
        AuditFault::WrongEnd => "rows at the end are gone, or were added by somebody else",
    }
}

pub(super) fn run(command: Audit, settings: Settings) -> Outcome {
    let Audit::Verify { data_dir, json } = command;
    let settings = settings.with_data_dir(data_dir);
    installed(&settings)?;
    let verdict = tokio::runtime::Runtime::new()?.block_on(async {
        let store = open_store(&settings, data_keys(&settings)?).await?;
        let verdict = store.verify_audit().await;
        store.close().await;
        Ok::<_, super::Failure>(verdict?)
    })?;
    if json {
        let heads: Vec<_> = verdict
            .heads
            .iter()
            .map(|h| json!({ "hotel": h.hotel, "rows": h.rows, "hash": h.hash }))
            .collect();
        let breaks: Vec<_> = verdict
            .breaks
            .iter()
            .map(|b| json!({ "hotel": b.hotel, "row": b.seq, "fault": words(b.fault) }))
            .collect();
        say(
            json!({ "intact": verdict.is_intact(), "rows": verdict.rows, "heads": heads, "breaks": breaks }),
        )?;
    } else {
        for head in &verdict.heads {
            say(format!("{}: {} rows, head {}", head.hotel, head.rows, head.hash))?;
        }
        for broken in &verdict.breaks {
            say(format!("{}: row {}: {}", broken.hotel, broken.seq, words(broken.fault)))?;
        }
        let end = if verdict.is_intact() { "intact" } else { "ALTERED" };
        say(format!("{} rows read: {end}", verdict.rows))?;
    }
    Ok(if verdict.is_intact() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
