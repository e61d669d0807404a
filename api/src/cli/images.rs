use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Subcommand;

use super::{Failure, Outcome, say};
use crate::admission::Admission;
use crate::app::Engines;
use crate::config::Settings;
use crate::models::Loader;
use crate::problem::Problem;
use crate::service::Gallery;
use crate::service::images::{ImageGallery, Reindexing};

#[derive(Debug, Subcommand)]
pub(super) enum Images {
    /// Describe every kept picture with the running model. A server does so by itself after its start; this is for doing it
    /// before. Stop the server first.
    Reindex {
        /// The data directory [default: storage.data_dir, ./data].
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
    },
}

pub(super) fn run(command: Images, settings: Settings) -> Outcome {
    let Images::Reindex { data_dir } = command;
    tokio::runtime::Runtime::new()?.block_on(reindex(settings.with_data_dir(data_dir)))
}

async fn reindex(settings: Settings) -> Outcome {
    let loading = settings.clone();
    let visual = tokio::task::spawn_blocking(move || Loader::new(&loading, None)?.visual()).await??;
    let visual = Arc::new(visual);
    let engines = Engines::open(&settings).await?;
    let faces = Arc::new(Gallery::new(engines.clone()));
    // Pictures of a version that did not seal them are read only after they were.
    faces.seal_again().await?;
    faces.reconcile().await?;
    let gallery = ImageGallery::new(engines.clone(), faces, &settings);
    gallery.reconcile().await?;
    let admission = Admission::new(settings.inference.workers(), 1, Duration::from_hours(1));
    let mut left = 0;
    let told = |picture: Reindexing| {
        left += usize::from(picture.problem.is_some());
        // A closed pipe is the reader's wish.
        let _ = say(serde_json::to_string(&picture).unwrap_or_default());
    };
    let failed = |problem: Problem| -> Failure { problem.detail.into() };
    let moved = gallery.reindex(&visual, &settings.images, &admission, told).await.map_err(failed)?;
    gallery.scrub().await?;
    eprintln!("{moved} pictures described by {}, {left} not", visual.describer.model());
    drop(gallery);
    engines.close().await;
    Ok(if left == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
