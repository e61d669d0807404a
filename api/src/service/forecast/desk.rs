//! From a question to an answer: the hotel's tables once, the forecast once, a row and an event each time.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use chrono_tz::Tz;
use innkeeper_core::{ErrorCode, HotelId};
use innkeeper_identity::Principal;
use innkeeper_store::{FORECAST_MADE, HotelStore, HotelTable, Prediction, Store};
use serde_json::{Value, json};
use uuid::Uuid;

use super::answers::{ForecastAnswer, KeptForecast, Made};
use super::backtest::Backtest;
use super::known::{Known, Mark, Rows};
use super::question::{Question, Target, today, word_of};
use super::report::{DataReport, ForecastHealth, ImportReport};
use super::{MODEL, VERSION, engine};
use crate::admission::Admission;
use crate::config::{Forecast, Settings};
use crate::problem::Problem;
use crate::service::recognise::ms;
use crate::service::value::value;
use crate::service::weighted_cache::WeightedCache;

/// Locks under which tables are loaded: hotels that share one wait for each other, and no more.
const LOADERS: usize = 2;
/// Imports that are shown.
const IMPORTS: usize = 5;
/// When to come back while a forecast is still being computed.
const SOON: Duration = Duration::from_secs(2);
/// What a forecast weighs in memory, in bytes a day.
const DAY_BYTES: usize = 1200;

/// Forecasts of every hotel of this process.
pub(crate) struct ForecastDesk {
    pub(super) store: Store,
    pub(super) zone: Tz,
    pub(super) settings: Forecast,
    pub(super) default_hotel: HotelId,
    admission: Admission,
    pub(super) backtests: Admission,
    hotels: WeightedCache<HotelId, Arc<Known>>,
    made: Arc<WeightedCache<String, Arc<Made>>>,
    pub(super) tested: Arc<WeightedCache<String, Arc<Backtest>>>,
    loaders: [tokio::sync::Mutex<()>; LOADERS],
}

impl ForecastDesk {
    pub fn new(settings: &Settings, store: Store) -> Self {
        let forecast = settings.forecast.clone();
        // A forecast keeps one core busy for a while; half of them leave the cameras room.
        let workers = (settings.inference.workers() / 2).max(1);
        let bytes = forecast.cache_mib.saturating_mul(1 << 20);
        Self {
            store,
            zone: settings.hotel.timezone,
            default_hotel: settings.hotel.default.clone(),
            admission: Admission::new(workers, forecast.max_waiting, forecast.deadline()),
            backtests: Admission::new(forecast.backtests, 1, forecast.backtest_deadline()),
            hotels: WeightedCache::new(bytes / 4 * 3),
            made: Arc::new(WeightedCache::new(bytes / 8)),
            tested: Arc::new(WeightedCache::new(bytes / 8)),
            loaders: std::array::from_fn(|_| tokio::sync::Mutex::new(())),
            settings: forecast,
        }
    }

    /// What will be: computed once for the same tables, written down and told each time.
    pub async fn answer(&self, caller: &Principal, question: Question) -> Result<ForecastAnswer, Problem> {
        let (started, target) = (Instant::now(), question.target);
        let outcome = self.give(caller, question, started).await;
        let status = if outcome.is_ok() { "success" } else { "failure" };
        metrics::counter!("ml_predictions_total", "prediction_type" => target.as_str(), "status" => status)
            .increment(1);
        metrics::histogram!("ml_prediction_duration_seconds", "prediction_type" => target.as_str())
            .record(started.elapsed());
        outcome
    }

    async fn give(
        &self,
        caller: &Principal,
        question: Question,
        started: Instant,
    ) -> Result<ForecastAnswer, Problem> {
        let known = self.known(&caller.hotel).await?;
        let made = self.made(known, &question).await?;
        let answer_id = Uuid::now_v7();
        let row = Prediction {
            id: answer_id,
            model_name: MODEL.to_owned(),
            model_version: VERSION.to_owned(),
            prediction_type: question.target.as_str().to_owned(),
            guest: None,
            input: value(&question)?,
            output: value(&*made)?,
            confidence: made.forecasts.mean_confidence(),
            as_of: Some(made.as_of),
            created_at: Utc::now(),
        };
        let event = event_of(answer_id, &question, &made, &caller.subject);
        let event_id = self.store.hotel(&caller.hotel).record_prediction(&row, FORECAST_MADE, &event).await?;
        tracing::info!(
            %answer_id,
            target = question.target.as_str(),
            days = question.days,
            ms = ms(started.elapsed()),
            "a forecast was made"
        );
        Ok(ForecastAnswer {
            answer_id,
            forecast_id: answer_id,
            event_id,
            made: Arc::unwrap_or_clone(made),
            time_ms: ms(started.elapsed()),
        })
    }

    /// The forecast, from memory where the same was asked of the same tables.
    async fn made(&self, known: Arc<Known>, question: &Question) -> Result<Arc<Made>, Problem> {
        let as_of = question.last_known(known.until()?, today(self.zone))?;
        let key = format!("{} {as_of} {}", known.mark, value(question)?);
        if let Some(made) = self.made.get(&key) {
            metrics::counter!("innkeeper_forecast_cache_total", "outcome" => "hit").increment(1);
            return Ok(made);
        }
        let (kept, question) = (Arc::clone(&self.made), question.clone());
        let work = self.admission.run(move |_| {
            // Whoever waited with the same question finds it answered.
            if let Some(made) = kept.get(&key) {
                metrics::counter!("innkeeper_forecast_cache_total", "outcome" => "hit").increment(1);
                return Ok(made);
            }
            metrics::counter!("innkeeper_forecast_cache_total", "outcome" => "miss").increment(1);
            let made = Arc::new(engine::make(&known, &question, as_of)?);
            kept.put(key, Arc::clone(&made), usize::from(question.days) * DAY_BYTES);
            Ok(made)
        });
        // What is begun is finished, and remembered for who comes back.
        tokio::time::timeout(self.settings.deadline(), work).await.unwrap_or_else(|_| {
            let detail = "the forecast is still being computed; ask again";
            Err(Problem::new(ErrorCode::DeadlineExceeded, detail).retry(SOON))
        })
    }

    /// The hotel's tables, read again where a row of them changed.
    pub async fn known(&self, hotel: &HotelId) -> Result<Arc<Known>, Problem> {
        let rows = self.store.hotel(hotel);
        let current = |mark: &Mark| self.hotels.get(hotel).filter(|known| known.mark == *mark);
        if let Some(known) = current(&Mark::of(&rows, hotel).await?) {
            return Ok(known);
        }
        let place = BuildHasherDefault::<DefaultHasher>::default().hash_one(hotel) as usize % LOADERS;
        let _turn = match self.loaders.get(place) {
            Some(loader) => Some(loader.lock().await),
            None => None,
        };
        if let Some(known) = current(&Mark::of(&rows, hotel).await?) {
            return Ok(known);
        }
        let (rows, zone) = (Rows::read(&rows, hotel).await?, self.zone);
        let known = Arc::new(tokio::task::spawn_blocking(move || Known::new(rows, zone)).await?);
        self.hotels.put(hotel.clone(), Arc::clone(&known), known.bytes());
        Ok(known)
    }

    /// An answer that was given before.
    pub async fn kept(&self, hotel: &HotelId, id: Uuid) -> Result<KeptForecast, Problem> {
        let row = self.store.hotel(hotel).prediction(id).await?;
        let row = row.filter(|row| row.model_name == MODEL);
        let row = row.ok_or_else(|| {
            Problem::new(
                ErrorCode::AnswerNotFound,
                "there is no such forecast in this hotel, or not any more",
            )
        })?;
        Ok(KeptForecast {
            answer_id: row.id,
            target: row.prediction_type,
            model: format!("{}@{}", row.model_name, row.model_version),
            created_at: row.created_at,
            as_of: row.as_of,
            request: row.input,
            answer: row.output,
        })
    }

    /// What is known to forecast from.
    pub async fn data(&self, hotel: &HotelId) -> Result<DataReport, Problem> {
        let rows = self.store.hotel(hotel);
        let imports = rows.imports(IMPORTS).await?.into_iter().map(ImportReport::from).collect();
        let known = self.known(hotel).await?;
        Ok(known.report(imports))
    }

    /// Whether there is anything to forecast from in the hotel of the settings.
    pub async fn health(&self) -> ForecastHealth {
        let rows = self.store.hotel(&self.default_hotel);
        let looked = async {
            let bookings = rows.fingerprint(HotelTable::Bookings).await?;
            Ok::<_, innkeeper_store::StoreError>((bookings.rows > 0, rows.imports(1).await?))
        };
        match looked.await {
            Ok((known, imports)) => {
                let last = imports.into_iter().next();
                ForecastHealth {
                    state: if known { "ready" } else { "absent" },
                    detail: (!known).then(|| super::no_bookings(&self.default_hotel)),
                    hotel: self.default_hotel.to_string(),
                    last_import: last.and_then(|import| import.finished_at),
                    models: vec![super::model()],
                }
            }
            Err(error) => {
                tracing::error!(%error, "the tables do not say whether there are bookings");
                ForecastHealth {
                    state: "unknown",
                    detail: Some("the tables cannot be read; the log says why".to_owned()),
                    hotel: self.default_hotel.to_string(),
                    last_import: None,
                    models: vec![super::model()],
                }
            }
        }
    }
}

/// What consumers of events are told: which forecast there is, not its numbers.
fn event_of(id: Uuid, question: &Question, made: &Made, subject: &str) -> Value {
    let ends = made.forecasts.ends();
    json!({
        "answer_id": id, "target": question.target, "room_type": word_of(question.room_type.as_ref()),
        "as_of": made.as_of, "from": ends.map(|(from, _)| from), "until": ends.map(|(_, until)| until),
        "level": made.level, "model": made.model, "created_by": subject,
    })
}

/// One forecast for a command line: nothing is remembered, nothing written down.
pub(crate) async fn answer_once(
    rows: &HotelStore,
    hotel: &HotelId,
    question: Question,
    zone: Tz,
) -> Result<Made, Problem> {
    let rows = Rows::read(rows, hotel).await?;
    tokio::task::spawn_blocking(move || {
        let known = Known::new(rows, zone);
        let as_of = question.last_known(known.until()?, today(zone))?;
        engine::make(&known, &question, as_of)
    })
    .await?
}

/// Metrics that are there before anything happened, so that an alert on them can fire.
pub(crate) fn describe_metrics() {
    metrics::describe_counter!("ml_predictions_total", "Answers of the ML service by kind and outcome.");
    metrics::describe_histogram!(
        "ml_prediction_duration_seconds",
        "Wall time of an answer of the ML service by kind, waiting included."
    );
    metrics::describe_counter!("innkeeper_forecast_cache_total", "Forecasts by whether they were in memory.");
    metrics::describe_gauge!(
        "ml_model_error",
        "Mean absolute error of the last back-test of the hotel of the settings, by model, target and days ahead."
    );
    metrics::describe_gauge!(
        "ml_model_coverage",
        "Share of days that the interval held in the last back-test of the hotel of the settings."
    );
    for target in [Target::Occupancy, Target::Revenue, Target::HousekeepingDemand] {
        for status in ["success", "failure"] {
            metrics::counter!("ml_predictions_total", "prediction_type" => target.as_str(), "status" => status)
                .increment(0);
        }
    }
    for outcome in ["hit", "miss"] {
        metrics::counter!("innkeeper_forecast_cache_total", "outcome" => outcome).increment(0);
    }
}
