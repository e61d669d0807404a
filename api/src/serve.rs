//! The running service: open, listen, warm up, answer, drain, close.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use innkeeper_core::ErrorCode;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

use crate::app::{App, DocumentState, Engines, FaceState, Services, StartError, VisualState};
use crate::config::Settings;
use crate::models::{Loader, ModelsError};
use crate::problem::Problem;
use crate::service::images::Reindexing;
use crate::service::{CatchUpError, DocumentService, FaceService, Visual};
use crate::{connections, routes, telemetry};

/// How often leftovers (vectors and pictures of deleted people, templates without a vector) are looked for.
const SWEEP: Duration = Duration::from_secs(30);

/// How long describing pictures anew waits after a failure.
const DESCRIBE_AGAIN: Duration = Duration::from_secs(30);

/// How often the registries are asked for another champion.
const CHAMPIONS: Duration = Duration::from_secs(1);

/// How often old events are removed.
const PRUNE: Duration = Duration::from_hours(24);

/// Serves until SIGINT or SIGTERM.
pub(crate) async fn serve(settings: Settings, dev: bool, services: Services) -> Result<(), StartError> {
    let address = settings.http.listen;
    if dev && !address.ip().is_loopback() {
        return Err(StartError::DevOffLoopback(address));
    }
    let metrics = telemetry::metrics()?;
    let engines = Engines::open(&settings).await?;
    let app = App::new(settings, services, dev, engines.clone(), metrics)?;
    app.gallery.reconcile().await?;
    app.images.reconcile().await?;
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .map_err(|source| StartError::Listen { address, source })?;
    let bound = listener.local_addr().map_err(|source| StartError::Listen { address, source })?;
    if dev {
        tracing::warn!("--dev: every caller on this machine is admin, no token is asked for");
    }
    tracing::info!(address = %bound, docs = %format!("http://{bound}/docs"), "listening");

    let warm = tokio::spawn(warm_up(app.clone()));
    let sweep = tokio::spawn(sweep(app.clone()));
    let heads = tokio::spawn(watch_heads(app.clone()));
    let header_time = Duration::from_secs(app.settings.http.header_seconds);
    let drain = app.settings.http.shutdown_seconds;
    let (stopping, stopped) = tokio::sync::watch::channel(false);
    let server = connections::answer(listener, routes::router(app.clone()), header_time, stopped);
    let deadline = async move {
        stop_signal().await;
        tracing::info!("stopping: running requests finish, new ones are refused");
        let _ = stopping.send(true);
        tokio::time::sleep(Duration::from_secs(drain)).await;
    };
    tokio::select! {
        () = server => {}
        () = deadline => tracing::warn!("some requests did not finish in {drain} s"),
    }
    heads.abort();
    sweep.abort();
    warm.abort();
    engines.close().await;
    tracing::info!("stopped");
    Ok(())
}

async fn stop_signal() {
    let mut terminate = match signal(SignalKind::terminate()) {
        Ok(signal) => signal,
        Err(error) => {
            tracing::error!(%error, "SIGTERM cannot be caught");
            return std::future::pending().await;
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

/// Loads the models, and only then says ready.
async fn warm_up(app: App) {
    if !app.services.cv {
        let left_out = || Services::left_out("cv");
        app.faces.store(Arc::new(FaceState::Absent(left_out())));
        app.documents.store(Arc::new(DocumentState::Absent(left_out())));
        app.visual.store(Arc::new(VisualState::Absent(left_out())));
        return;
    }
    tokio::join!(warm_up_faces(&app), warm_up_documents(&app), warm_up_visual(&app));
}

/// Sees which head is champion in each hotel's registry, also when another process promoted it.
async fn watch_heads(app: App) {
    let mut clock = tokio::time::interval(CHAMPIONS);
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        clock.tick().await;
        let looking = app.clone();
        if let Err(error) = tokio::task::spawn_blocking(move || looking.rooms.heads.refresh()).await {
            tracing::error!(%error, "the registries could not be looked at");
        }
    }
}

/// Loads models on a thread that may block.
async fn load<T: Send + 'static>(
    app: &App,
    load: impl FnOnce(&Loader, &Settings) -> Result<T, ModelsError> + Send + 'static,
) -> Result<T, StartError> {
    let settings = app.settings.clone();
    let loaded = tokio::task::spawn_blocking(move || load(&Loader::new(&settings, None)?, &settings)).await;
    loaded.map_err(|error| StartError::Serve(std::io::Error::other(error)))?.map_err(StartError::from)
}

async fn warm_up_visual(app: &App) {
    let started = Instant::now();
    let state = match load(app, |loader, _| loader.visual()).await {
        Ok(visual) => {
            let seconds = started.elapsed().as_secs_f32();
            let models = visual.models().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            if let Err(problem) = app.images.open_index(&visual).await {
                tracing::error!(detail = problem.detail, "the index of pictures cannot be opened");
            }
            tracing::info!(seconds, models, objects = visual.objects_note(), "photographs: ready");
            VisualState::Ready(Arc::new(visual))
        }
        Err(error) => {
            tracing::error!(%error, "photographs: not available");
            VisualState::Absent(absence(&error))
        }
    };
    let ready = match &state {
        VisualState::Ready(visual) => Some(Arc::clone(visual)),
        _ => None,
    };
    app.visual.store(Arc::new(state));
    if let Some(visual) = ready {
        describe_again(app, &visual).await;
    }
}

/// Describes pictures that another model described, while requests are answered; the index of this model finds them then.
/// Goes on until every one was looked at, whatever fails meanwhile; health says how far it is.
async fn describe_again(app: &App, visual: &Arc<Visual>) {
    loop {
        let mut failed = 0_usize;
        let told = |picture: Reindexing| {
            if let Some(problem) = picture.problem {
                failed += 1;
                tracing::warn!(image = %picture.image_id, problem, "a picture keeps the vector of a former model");
            }
        };
        match app.images.reindex(visual, &app.settings.images, &app.photograph_admission, told).await {
            Ok(0) if failed == 0 => return,
            Ok(moved) => {
                tracing::info!(moved, failed, model = %visual.describer.model(), "pictures are described anew");
                return;
            }
            Err(problem) => {
                let seconds = DESCRIBE_AGAIN.as_secs();
                let detail = problem.detail;
                tracing::warn!(
                    detail,
                    seconds,
                    "not every picture is described by the running model yet; it goes on then"
                );
                app.images.progress.waits_for(Some(detail));
                tokio::time::sleep(DESCRIBE_AGAIN).await;
            }
        }
    }
}

async fn warm_up_documents(app: &App) {
    if !app.settings.ocr.enabled {
        let left_out =
            Problem::new(ErrorCode::ServiceDisabled, "ocr.enabled is false: documents are not read");
        app.documents.store(Arc::new(DocumentState::Absent(left_out)));
        return;
    }
    let started = Instant::now();
    let state = match load(app, Loader::documents).await {
        Ok(documents) => {
            let models = documents.models().join(", ");
            tracing::info!(seconds = started.elapsed().as_secs_f32(), models, "documents: ready");
            let (settings, store) = (app.settings.ocr.clone(), app.engines.store.clone());
            DocumentState::Ready(Arc::new(DocumentService::new(documents, settings, store)))
        }
        Err(error) => {
            tracing::error!(%error, "documents: not available");
            DocumentState::Absent(absence(&error))
        }
    };
    app.documents.store(Arc::new(state));
}

async fn warm_up_faces(app: &App) {
    let started = Instant::now();
    let state = match face_state(app).await {
        Ok(service) => {
            tracing::info!(
                seconds = started.elapsed().as_secs_f32(),
                embedder = %service.embedder(),
                liveness = service.liveness_note(),
                "faces: ready"
            );
            FaceState::Ready(Arc::new(service))
        }
        Err(error) => {
            tracing::error!(%error, "faces: not available");
            FaceState::Absent(absence(&error))
        }
    };
    if let FaceState::Ready(service) = &state {
        look_for_foreign(app, service).await;
    }
    app.faces.store(Arc::new(state));
}

/// What clients are told: what to install, else nothing of the inside. Nobody tries again by itself, so there
/// is no time to come back at.
fn absence(error: &StartError) -> Problem {
    match error {
        StartError::Models(ModelsError::NotInstalled { .. }) => {
            Problem::new(ErrorCode::ModelNotInstalled, error.to_string())
        }
        _ => Problem::new(ErrorCode::NotReady, "the models cannot be loaded; the server's log says why"),
    }
}

/// Remembers for health whether templates of another embedder are enrolled, in whichever hotel.
async fn look_for_foreign(app: &App, service: &FaceService) {
    match service.foreign_templates().await {
        Ok(foreign) => app.reindex_needed.store(!foreign.is_empty(), Ordering::Relaxed),
        Err(error) => tracing::warn!(%error, "whether a reindex is needed is not known"),
    }
}

async fn face_state(app: &App) -> Result<FaceService, StartError> {
    let settings = app.settings.clone();
    let pipeline = tokio::task::spawn_blocking(move || {
        Loader::new(&settings, None)?.face_pipeline(settings.face.pipeline())
    })
    .await
    .map_err(|e| StartError::Serve(std::io::Error::other(e)))??;
    FaceService::new(pipeline, &app.settings, Arc::clone(&app.gallery)).await
}

/// Removes the events that are older than `events.retention_days`. Whether that worked.
async fn prune(app: &App) -> bool {
    let days = chrono::Days::new(u64::from(app.settings.events.retention_days));
    // A limit before the first year that can be told keeps everything.
    let Some(before) = chrono::Utc::now().checked_sub_days(days) else { return true };
    match app.engines.store.outbox_prune(before).await {
        Ok(pruned) => {
            if pruned.pending > 0 {
                tracing::info!(events = pruned.pending, "nobody fetched these events in time; they are gone");
            }
            true
        }
        Err(error) => {
            tracing::warn!(%error, "old events could not be removed; the next round tries again");
            false
        }
    }
}

/// Removes the predictions that are older than `forecast.keep_answers_days`. Whether that worked.
async fn prune_predictions(app: &App) -> bool {
    let Some(before) = chrono::Utc::now().checked_sub_signed(app.settings.forecast.retention()) else {
        return true;
    };
    let pruned = app.engines.store.prune_predictions(before).await;
    if let Err(error) = &pruned {
        tracing::warn!(%error, "old predictions could not be removed; the next round tries again");
    }
    pruned.is_ok()
}

/// Removes the suggested prices that are older than `pricing.keep_schedules_days`. Whether that worked.
async fn prune_schedules(app: &App) -> bool {
    let Some(before) = chrono::Utc::now().checked_sub_signed(app.settings.pricing.retention()) else {
        return true;
    };
    let pruned = app.engines.store.prune_price_schedules(before).await;
    if let Err(error) = &pruned {
        tracing::warn!(%error, "old suggested prices could not be removed; the next round tries again");
    }
    pruned.is_ok()
}

/// Carries what is queued, and rewrites files that hold bytes of what was deleted.
async fn tidy(app: &App) -> Result<(), CatchUpError> {
    app.gallery.catch_up().await?;
    app.images.catch_up().await?;
    app.images.scrub().await?;
    app.gallery.scrub().await
}

async fn sweep(app: App) {
    let mut clock = tokio::time::interval(SWEEP);
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut pruned: Option<Instant> = None;
    // Pictures do not say by themselves that another key sealed them, so they are looked through only when the
    // keys changed, and once after a start. Of many that takes long, and nothing else waits for it.
    let mut sealed_by = None;
    let mut sealing = JoinSet::new();
    loop {
        tokio::select! {
            _ = clock.tick() => {}
            () = app.gallery.deleted.notified() => {}
        }
        if let Err(error) = app.tokens.reload() {
            tracing::warn!(%error, "the keys of the external issuer could not be read again; the old ones stay");
        }
        if let Err(error) = app.engines.keys.reload() {
            tracing::error!(%error, "the data keys could not be read again; the old ones stay");
        }
        while let Some(Ok((keys, done))) = sealing.try_join_next() {
            match done {
                Ok(0) => sealed_by = Some(keys),
                Ok(sealed) => {
                    tracing::info!(sealed, "rows and pictures are sealed with the newest key");
                    sealed_by = Some(keys);
                }
                Err(error) => tracing::warn!(%error, "not everything is sealed with the newest key yet"),
            }
        }
        let keys = app.engines.keys.ids();
        if sealing.is_empty() && sealed_by.as_ref() != Some(&keys) {
            let gallery = Arc::clone(&app.gallery);
            sealing.spawn(async move { (keys, gallery.seal_again().await) });
        }
        app.gallery.recent.forget_old();
        app.gallery.unknown.forget_idle().await;
        if let Err(error) = app.gallery.forget_old_unknown(app.settings.face.unknown.max_kept).await {
            tracing::warn!(%error, "unknown faces whose time is over could not be forgotten; the next round tries");
        }
        if let Err(error) = app.engines.store.expire_answers(chrono::Utc::now()).await {
            tracing::warn!(%error, "answers whose time is over could not be forgotten; the next round tries");
        }
        if let Err(error) = tidy(&app).await {
            tracing::warn!(%error, "leftovers could not be cleared; the next round tries again");
        }
        if let FaceState::Ready(service) = &*app.faces.load_full() {
            look_for_foreign(&app, service).await;
        }
        if pruned.is_none_or(|at| at.elapsed() >= PRUNE)
            && prune(&app).await
            && prune_predictions(&app).await
            && prune_schedules(&app).await
        {
            pruned = Some(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_learn_what_to_install_and_nothing_of_the_inside() {
        let broken = StartError::Models(ModelsError::Io {
            path: "/srv/models/secret.onnx".into(),
            source: std::io::Error::other("checksum"),
        });
        let told = absence(&broken);
        assert_eq!((told.code, told.retry_after), (ErrorCode::NotReady, None));
        assert!(!told.detail.contains("/srv") && !told.detail.contains("checksum"), "{}", told.detail);
        let command = "innkeeper models pull --pack default".to_owned();
        let missing = StartError::Models(ModelsError::NotInstalled { task: "face-detection", command });
        let told = absence(&missing);
        assert_eq!((told.code, told.retry_after), (ErrorCode::ModelNotInstalled, None));
        assert!(told.detail.contains("innkeeper models pull"), "{}", told.detail);
    }
}
