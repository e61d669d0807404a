use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;
use indicatif::ProgressBar;

use super::{Failure, Outcome, say};
use crate::app::Engines;
use crate::config::Settings;
use crate::models::Loader;
use crate::service::{FaceService, Gallery};

#[derive(Debug, Subcommand)]
pub(super) enum Face {
    /// Move every enrolled person to the running embedder, from their kept photos. Stop the server first.
    Reindex {
        /// The data directory [default: storage.data_dir, ./data].
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
    },
}

pub(super) fn run(command: Face, settings: Settings) -> Outcome {
    let Face::Reindex { data_dir } = command;
    tokio::runtime::Runtime::new()?.block_on(reindex(settings.with_data_dir(data_dir)))
}

async fn reindex(settings: Settings) -> Outcome {
    let loading = settings.clone();
    let pipeline = tokio::task::spawn_blocking(move || {
        Loader::new(&loading, None)?.face_pipeline(loading.face.pipeline())
    })
    .await??;
    let engines = Engines::open(&settings).await?;
    let gallery = Arc::new(Gallery::new(engines.clone()));
    // Pictures of a version that did not seal them are read only after they were.
    gallery.seal_again().await?;
    gallery.reconcile().await?;
    let service = FaceService::new(pipeline, &settings, Arc::clone(&gallery)).await?;
    let failed = |problem: crate::problem::Problem| -> Failure { problem.detail.into() };
    let work = service.to_reindex().await.map_err(failed)?;
    let bar = ProgressBar::new(work.len() as u64);
    let mut left = 0;
    for (hotel, employee, from) in &work {
        let report =
            service.reindex(hotel, employee, from, "innkeeper face reindex").await.map_err(failed)?;
        left += usize::from(report.templates == 0);
        bar.suspend(|| say(serde_json::to_string(&report).unwrap_or_default()))?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    // The vectors of the former model must not stay on the disk.
    gallery.scrub().await?;
    eprintln!("{} of {} moved to {}", work.len() - left, work.len(), service.embedder());
    drop((service, gallery));
    engines.close().await;
    Ok(if left == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
