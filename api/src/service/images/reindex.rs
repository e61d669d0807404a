//! From one model of descriptors to another: every kept picture is described anew.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::Utc;
use innkeeper_core::{HotelId, Picture};
use innkeeper_media::{Key, MediaError};
use innkeeper_runtime::Ticket;
use innkeeper_store::{ImageVector, Undescribed};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::ImageGallery;
use crate::admission::Admission;
use crate::config::Images;
use crate::problem::Problem;
use crate::service::Visual;

/// Pictures that are asked for at once.
const BATCH: usize = 128;

/// Longest wait for a busy server before the next attempt.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a busy server is asked before another picture has its turn.
const ATTEMPTS: usize = 10;

/// How far the kept pictures are described by the running model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ReindexReport {
    /// `done`: every picture that can be is described; `running`; `waiting`: something is busy or fails, and it goes on by
    /// itself. Searches by a picture pass over those that are not described yet.
    pub state: &'static str,
    /// Pictures that were described anew since the start.
    pub described: usize,
    /// Pictures of which that failed, as the log says; they keep the vector of a former model, or none.
    pub failed: usize,
    /// What it waits for.
    pub detail: Option<String>,
}

/// The same while it goes on.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    described: AtomicUsize,
    failed: AtomicUsize,
    done: AtomicBool,
    waits_for: Mutex<Option<String>>,
}

impl Progress {
    /// As health tells it.
    pub fn report(&self) -> ReindexReport {
        let detail = self.waits_for.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let state = match (self.done.load(Ordering::Acquire), &detail) {
            (true, _) => "done",
            (false, Some(_)) => "waiting",
            (false, None) => "running",
        };
        let [described, failed] = [&self.described, &self.failed].map(|n| n.load(Ordering::Relaxed));
        ReindexReport { state, described, failed, detail }
    }

    /// Something is busy or fails, and the work goes on later; `None` when it goes on now.
    pub fn waits_for(&self, detail: Option<String>) {
        *self.waits_for.lock().unwrap_or_else(PoisonError::into_inner) = detail;
    }

    fn begin(&self) {
        // A second round comes by the same pictures again.
        self.failed.store(0, Ordering::Relaxed);
        self.waits_for(None);
    }
}

/// Whether an attempt is worth another one: waits as long as a busy server asked for, at most so many times in a row.
async fn worth_another(progress: &Progress, attempts: &mut usize, problem: &Problem) -> bool {
    let Some(wait) = problem.retry_after.filter(|_| *attempts + 1 < ATTEMPTS) else { return false };
    *attempts += 1;
    progress.waits_for(Some(problem.detail.clone()));
    tokio::time::sleep(wait.min(PATIENCE)).await;
    true
}

/// What became of one picture.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Reindexing {
    pub hotel: HotelId,
    pub image_id: Uuid,
    /// Why it still has the vector of the former model; null when it has one of the running model.
    pub problem: Option<String>,
}

impl ImageGallery {
    /// Describes every kept picture that has no vector of the running model, one after the other, and tells of each. While
    /// the server is busy it waits; that is nothing wrong with a picture.
    ///
    /// # Errors
    /// When the stores fail, or pictures are left because the server was busy for too long. Another call goes on with what
    /// is left.
    pub async fn reindex(
        &self,
        visual: &Arc<Visual>,
        settings: &Images,
        admission: &Admission,
        mut told: impl FnMut(Reindexing),
    ) -> Result<usize, Problem> {
        let model = visual.describer.model();
        let progress = &self.progress;
        progress.begin();
        let (mut after, mut moved, mut left) = (None, 0, None);
        loop {
            let mut attempts = 0;
            let batch = loop {
                match self.engines.store.images_without(&model, after, BATCH).await.map_err(Problem::from) {
                    Err(problem) if worth_another(progress, &mut attempts, &problem).await => {}
                    settled => break settled?,
                }
            };
            progress.waits_for(None);
            let Some(last) = batch.last() else { break };
            after = Some(last.image_id);
            for Undescribed { hotel, image_id: id, photo_key } in batch {
                let mut attempts = 0;
                let settled = loop {
                    match self.describe_again(visual, settings, admission, &hotel, id, &photo_key).await {
                        Err(problem) if worth_another(progress, &mut attempts, &problem).await => {}
                        settled => break settled,
                    }
                };
                progress.waits_for(None);
                let problem = match settled {
                    Ok(()) => None,
                    Err(problem) if problem.retry_after.is_some() => {
                        left = Some(problem);
                        continue;
                    }
                    Err(problem) => Some(problem.detail),
                };
                let counted = if problem.is_none() { &progress.described } else { &progress.failed };
                counted.fetch_add(1, Ordering::Relaxed);
                moved += usize::from(problem.is_none());
                told(Reindexing { hotel, image_id: id, problem });
            }
            self.catch_up().await?;
        }
        self.catch_up().await?;
        if let Some(problem) = left {
            return Err(problem);
        }
        progress.done.store(true, Ordering::Release);
        Ok(moved)
    }

    async fn describe_again(
        &self,
        visual: &Arc<Visual>,
        settings: &Images,
        admission: &Admission,
        hotel: &HotelId,
        id: Uuid,
        photo_key: &str,
    ) -> Result<(), Problem> {
        let missing = || super::image_not_found();
        let key: Key = photo_key.parse().map_err(|_| missing())?;
        let bytes = match self.engines.media.get(&key).await {
            Ok(bytes) => bytes,
            Err(MediaError::NotFound { .. }) => return Err(missing()),
            Err(error) => return Err(error.into()),
        };
        let (visual, limits) = (Arc::clone(visual), settings.limits());
        let describe = move |ticket: &Ticket| {
            let picture = Picture::decode(&bytes, &limits)?;
            Ok(visual.describer.describe(&picture, ticket)?.descriptor)
        };
        let descriptor = admission.run(describe).await?;
        let vector = ImageVector { model: descriptor.model().clone(), vector: descriptor.into_vector() };
        self.engines.store.hotel(hotel).replace_image_vector(id, &vector, Utc::now()).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use innkeeper_core::ErrorCode;

    use super::*;

    #[tokio::test]
    async fn describing_anew_outlasts_a_busy_server_and_health_says_that_it_waits() {
        let progress = Progress::default();
        assert_eq!(progress.report().state, "running");
        let busy = Problem::new(ErrorCode::Overloaded, "64 requests wait already").retry(Duration::ZERO);
        let mut attempts = 0;
        assert!(worth_another(&progress, &mut attempts, &busy).await, "it gave up at a busy moment");
        let told = progress.report();
        assert_eq!((told.state, told.detail.as_deref()), ("waiting", Some("64 requests wait already")));
        progress.waits_for(None);
        assert_eq!((progress.report().state, progress.report().detail), ("running", None));

        // A picture that is always too slow keeps no other from its turn for ever.
        let mut more = 0;
        while worth_another(&progress, &mut attempts, &busy).await {
            more += 1;
        }
        assert_eq!(more + 2, ATTEMPTS);
        // What no waiting helps is told at once.
        let broken = Problem::new(ErrorCode::BrokenImage, "half of it is missing");
        assert!(!worth_another(&progress, &mut 0, &broken).await);
    }
}
