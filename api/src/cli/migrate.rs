use std::path::PathBuf;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};

use super::{Outcome, say};
use crate::app::{Engines, installed};
use crate::config::Settings;
use crate::service::Gallery;
use crate::service::images::ImageGallery;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where the tables go; the database is empty. A password may come from PGPASSWORD or a .pgpass file.
    #[arg(long, value_name = "URL", required_unless_present = "qdrant_url")]
    database_url: Option<String>,
    /// Where the vectors go: the gRPC address. They are written from the tables, so that both agree.
    #[arg(long, value_name = "URL")]
    qdrant_url: Option<String>,
    /// The data directory [default: storage.data_dir, ./data].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

pub(super) fn run(args: Args, settings: Settings) -> Outcome {
    let settings = settings.with_data_dir(args.data_dir);
    let mut to = settings.clone();
    to.storage.database_url = args.database_url.or(to.storage.database_url);
    to.storage.qdrant.url = args.qdrant_url.or(to.storage.qdrant.url);
    if to.storage.database_url == settings.storage.database_url
        && to.storage.qdrant.url == settings.storage.qdrant.url
    {
        let why =
            "the settings name these places as the ones to move from; take them out of the settings first";
        return Err(why.into());
    }
    installed(&settings)?;
    tokio::runtime::Runtime::new()?.block_on(migrate(&settings, &to))
}

async fn migrate(from: &Settings, to: &Settings) -> Outcome {
    let source = Engines::open(from).await?;
    // The embedded index is locked by the source, so what stays there is shared and not opened twice.
    let target = source.with_servers(from, to).await?;
    if from.storage.database_url != to.storage.database_url {
        let bar =
            ProgressBar::new(0).with_style(ProgressStyle::with_template("{msg:20} {wide_bar} {pos}/{len}")?);
        let report = source
            .store
            .copy_to(&target.store, |table, done, of| {
                bar.set_length(of);
                bar.set_position(done);
                bar.set_message(table.to_owned());
            })
            .await?;
        bar.finish_and_clear();
        for (table, rows) in &report.tables {
            say(format!("{table}: {rows} rows"))?;
        }
        if !report.audit.is_intact() {
            eprintln!("warning: the audit log was altered before it was moved; see `innkeeper audit verify`");
        }
    }
    // Rows are the truth: whatever the new index lacks is written into it from them.
    let gallery = Arc::new(Gallery::new(target.clone()));
    gallery.reconcile().await?;
    ImageGallery::new(target.clone(), Arc::clone(&gallery), to).reconcile().await?;
    for collection in target.vectors.collections().await? {
        let count = target.vectors.count(&collection, &innkeeper_vectors::Filter::every_hotel()).await?;
        say(format!("{collection}: {count} vectors"))?;
    }
    drop(gallery);
    source.close().await;
    target.close().await;
    eprintln!(
        "Set storage.database_url and storage.qdrant.url to the new places and start the server. Photographs and \
         secrets stay in the data directory; remove innkeeper.db* and vectors/ when the new server runs well."
    );
    Ok(std::process::ExitCode::SUCCESS)
}
