//! From a question to suggested prices: the hotel's tables once, the prices once, a row and an event each time.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use chrono_tz::Tz;
use innkeeper_core::{ErrorCode, HotelId};
use innkeeper_hotel::RoomTypeName;
use innkeeper_identity::Principal;
use innkeeper_store::{
    Cursor, NewPriceSchedule, PriceOverride, PriceSchedule, PricingRule, ScheduleStatus, Store,
};
use serde_json::json;
use tracing::Instrument;
use uuid::Uuid;

use super::answers::{
    CellReport, ExplainAnswer, KeptSchedule, Made, OverrideReport, PricingAnswer, SchedulesAnswer,
};
use super::engine;
use super::known::{PriceMark, Prices, PricingKnown};
use super::question::PricingQuestion;
use super::rules;
use crate::admission::Admission;
use crate::config::{Pricing, Settings};
use crate::problem::Problem;
use crate::service::forecast::{ForecastDesk, today};
use crate::service::recognise::ms;
use crate::service::value::value;
use crate::service::weighted_cache::WeightedCache;

/// Locks under which prices are loaded: hotels that share one wait for each other, and no more.
const LOADERS: usize = 2;
/// When to come back while a schedule is still being computed.
const SOON: Duration = Duration::from_secs(2);
/// What a night of a room type weighs in memory, in bytes.
const CELL_BYTES: usize = 6000;
/// As metrics spell it.
const KIND: &str = "pricing";

/// Prices of every hotel of this process. A clone is the same desk: work that outlives its caller takes one along.
#[derive(Clone)]
pub(crate) struct PricingDesk {
    pub(super) store: Store,
    pub(super) zone: Tz,
    pub(super) settings: Arc<Pricing>,
    forecasts: Arc<ForecastDesk>,
    admission: Admission,
    hotels: Arc<WeightedCache<HotelId, Arc<Prices>>>,
    /// What was learnt of a hotel, by the state of its tables and the last known day.
    learnt: Arc<WeightedCache<String, Arc<engine::Learnt>>>,
    made: Arc<WeightedCache<String, Arc<Made>>>,
    loaders: Arc<[tokio::sync::Mutex<()>; LOADERS]>,
    learners: Arc<[tokio::sync::Mutex<()>; LOADERS]>,
}

/// A schedule as it was kept, with what was set in its place.
pub(super) struct Kept {
    pub schedule: PriceSchedule,
    pub made: Made,
    /// By night and room type, the one that counts last.
    pub overrides: Vec<PriceOverride>,
}

impl Kept {
    /// The cell of a night and room type.
    pub fn cell(&self, night: chrono::NaiveDate, room_type: &RoomTypeName) -> Result<&CellReport, Problem> {
        let cells = &self.made.pricing_schedule;
        let found = cells.iter().find(|cell| cell.date == night && cell.room_type == room_type.as_str());
        found.ok_or_else(|| {
            let detail = format!(
                "the schedule has no {room_type} on {night}; it goes from {} to {}, for {}",
                self.schedule.first_night,
                self.schedule.last_night,
                self.schedule.room_types.iter().map(RoomTypeName::as_str).collect::<Vec<_>>().join(", ")
            );
            Problem::new(ErrorCode::CellNotFound, detail)
        })
    }
}

/// What is not there, or is another hotel's.
pub(super) fn not_found() -> Problem {
    let detail = "there is no such schedule of prices in this hotel, or not any more";
    Problem::new(ErrorCode::ScheduleNotFound, detail)
}

impl PricingDesk {
    pub fn new(settings: &Settings, store: Store, forecasts: Arc<ForecastDesk>) -> Self {
        let pricing = settings.pricing.clone();
        // As forecasts: a schedule keeps one core busy for a while, and cameras need some too.
        let workers = (settings.inference.workers() / 2).max(1);
        let bytes = pricing.cache_mib.saturating_mul(1 << 20);
        Self {
            store,
            zone: settings.hotel.timezone,
            forecasts,
            admission: Admission::new(workers, pricing.max_waiting, pricing.deadline()),
            hotels: Arc::new(WeightedCache::new(bytes / 4)),
            learnt: Arc::new(WeightedCache::new(bytes / 2)),
            made: Arc::new(WeightedCache::new(bytes / 4)),
            learners: Arc::new(std::array::from_fn(|_| tokio::sync::Mutex::new(()))),
            loaders: Arc::new(std::array::from_fn(|_| tokio::sync::Mutex::new(()))),
            settings: Arc::new(pricing),
        }
    }

    /// Suggests prices: computed once for the same tables and rules, written down and told each time.
    pub async fn optimize(
        &self,
        caller: &Principal,
        question: PricingQuestion,
    ) -> Result<PricingAnswer, Problem> {
        let started = Instant::now();
        let outcome = self.give(caller, question, started).await;
        let status = if outcome.is_ok() { "success" } else { "failure" };
        metrics::counter!("ml_predictions_total", "prediction_type" => KIND, "status" => status).increment(1);
        metrics::histogram!("ml_prediction_duration_seconds", "prediction_type" => KIND)
            .record(started.elapsed());
        outcome
    }

    async fn give(
        &self,
        caller: &Principal,
        question: PricingQuestion,
        started: Instant,
    ) -> Result<PricingAnswer, Problem> {
        let made = self.made_in_time(&caller.hotel, &question).await?;
        let room_types = room_types_of(&made);
        let schedule_id = Uuid::now_v7();
        let new = NewPriceSchedule {
            id: schedule_id,
            as_of: made.as_of,
            first_night: question.first,
            last_night: question.last,
            room_types,
            content: serde_json::to_vec(&*made).map_err(|e| Problem::internal(&e))?,
            created_by: caller.subject.clone(),
            created_at: Utc::now(),
        };
        let event = json!({
            "schedule_id": schedule_id, "as_of": made.as_of, "from": question.first, "until": question.last,
            "room_types": new.room_types, "currency": made.currency, "prices": made.pricing_schedule.len(),
            "confidence": made.mean_confidence(), "model": made.model, "created_by": caller.subject,
        });
        let event_id = self.store.hotel(&caller.hotel).record_price_schedule(&new, &event).await?;
        tracing::info!(
            %schedule_id,
            prices = made.pricing_schedule.len(),
            ms = ms(started.elapsed()),
            "prices were suggested"
        );
        Ok(PricingAnswer {
            schedule_id,
            event_id,
            made: Arc::unwrap_or_clone(made).brief(),
            time_ms: ms(started.elapsed()),
        })
    }

    /// The prices, from memory where the same was asked of the same tables and rules; loading is part of the time they may take.
    pub(super) async fn made_in_time(
        &self,
        hotel: &HotelId,
        question: &PricingQuestion,
    ) -> Result<Arc<Made>, Problem> {
        // What is begun is finished, and remembered for who comes back.
        let (this, hotel, question) = (self.clone(), hotel.clone(), question.clone());
        let making = tokio::spawn(async move { this.made(&hotel, &question).await }.in_current_span());
        if let Ok(made) = tokio::time::timeout(self.settings.deadline(), making).await {
            return made?;
        }
        let detail = "the prices are still being computed; ask again";
        Err(Problem::new(ErrorCode::DeadlineExceeded, detail).retry(SOON))
    }

    async fn made(&self, hotel: &HotelId, question: &PricingQuestion) -> Result<Arc<Made>, Problem> {
        let known = self.known(hotel).await?;
        let as_of = question.last_known(known.base.until()?, today(self.zone))?;
        let room_types = question.wanted(&known.base.room_types())?;
        let rules = self.store.hotel(hotel).pricing_rules().await?;
        let key = format!("{known} {as_of} {} {}", value(question)?, key_of(&rules));
        if let Some(made) = self.made.get(&key) {
            return Ok(made);
        }
        let learnt = self.learnt(hotel, &known, as_of).await?;
        let (kept, tax_inclusive, question) =
            (Arc::clone(&self.made), self.settings.tax_inclusive, question.clone());
        self.admission
            .run(move |ticket| {
                // Whoever waited with the same question finds it answered.
                if let Some(made) = kept.get(&key) {
                    return Ok(made);
                }
                ticket.check()?;
                let rules = rules::set_of(&known, &rules)?;
                let made = Arc::new(learnt.suggest(&question, room_types, &rules, tax_inclusive)?);
                kept.put(key, Arc::clone(&made), made.pricing_schedule.len() * CELL_BYTES);
                Ok(made)
            })
            .await
    }

    /// What the hotel's history tells of its guests and prices; learnt again where a row of it changed.
    async fn learnt(
        &self,
        hotel: &HotelId,
        known: &PricingKnown,
        as_of: chrono::NaiveDate,
    ) -> Result<Arc<engine::Learnt>, Problem> {
        let key = format!("{known} {as_of}");
        if let Some(learnt) = self.learnt.get(&key) {
            return Ok(learnt);
        }
        // One at a time of a hotel: bookings are many, and whoever comes second finds them read.
        let _turn = turn(&self.learners, hotel).await;
        if let Some(learnt) = self.learnt.get(&key) {
            return Ok(learnt);
        }
        let bookings = engine::bookings(&self.store.hotel(hotel)).await?;
        let (kept, known, settings) = (Arc::clone(&self.learnt), known.clone(), Arc::clone(&self.settings));
        self.admission
            .run(move |ticket| {
                // What an abandoned wait had begun may be there by now.
                if let Some(learnt) = kept.get(&key) {
                    return Ok(learnt);
                }
                ticket.check()?;
                let learnt = Arc::new(engine::Learnt::new(&known, &bookings, as_of, &settings)?);
                kept.put(key, Arc::clone(&learnt), learnt.bytes());
                Ok(learnt)
            })
            .await
    }

    /// The hotel's tables, read again where a row of them changed.
    pub(super) async fn known(&self, hotel: &HotelId) -> Result<PricingKnown, Problem> {
        let base = self.forecasts.known(hotel).await?;
        let rows = self.store.hotel(hotel);
        let current = |mark: PriceMark| self.hotels.get(hotel).filter(|prices| prices.mark == mark);
        if let Some(prices) = current(PriceMark::of(&rows).await?) {
            return Ok(PricingKnown { base, prices });
        }
        let _turn = turn(&self.loaders, hotel).await;
        if let Some(prices) = current(PriceMark::of(&rows).await?) {
            return Ok(PricingKnown { base, prices });
        }
        let prices = Arc::new(Prices::read(&rows).await?);
        self.hotels.put(hotel.clone(), Arc::clone(&prices), prices.bytes());
        Ok(PricingKnown { base, prices })
    }

    /// Schedules that were suggested, newest first.
    pub async fn schedules(
        &self,
        hotel: &HotelId,
        status: Option<ScheduleStatus>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<SchedulesAnswer, Problem> {
        let bad = || Problem::new(ErrorCode::BadRequest, "cursor is not one that an answer gave");
        let after = cursor.map(|text| text.parse::<Cursor>().map_err(|_| bad())).transpose()?;
        let page = self.store.hotel(hotel).price_schedules(status, after, limit).await?;
        Ok(SchedulesAnswer {
            schedules: page.schedules.into_iter().map(Into::into).collect(),
            next_cursor: page.next.map(|next| next.to_string()),
        })
    }

    /// A schedule as it was kept.
    pub(super) async fn read(&self, hotel: &HotelId, id: Uuid) -> Result<Kept, Problem> {
        let rows = self.store.hotel(hotel);
        let (schedule, content) = rows.price_schedule(id).await?.ok_or_else(not_found)?;
        let overrides = rows.price_overrides(id).await?;
        let mut made = content_of(content).await?;
        for set in &overrides {
            let cell = made
                .pricing_schedule
                .iter_mut()
                .find(|cell| cell.date == set.night && cell.room_type == set.room_type.as_str());
            if let Some(cell) = cell {
                cell.set = Some(set.into());
            }
        }
        Ok(Kept { schedule, made, overrides })
    }

    /// A schedule with its prices.
    pub async fn schedule(&self, hotel: &HotelId, id: Uuid) -> Result<KeptSchedule, Problem> {
        let Kept { schedule, made, .. } = self.read(hotel, id).await?;
        let made = made.brief();
        Ok(KeptSchedule {
            schedule: schedule.into(),
            currency: made.currency,
            tax_inclusive: made.tax_inclusive,
            level: made.level,
            model: made.model,
            demand: made.demand,
            notes: made.notes,
            pricing_schedule: made.pricing_schedule,
        })
    }

    /// Why a price of a schedule is what it is.
    pub async fn explain(
        &self,
        hotel: &HotelId,
        id: Uuid,
        night: chrono::NaiveDate,
        room_type: &RoomTypeName,
    ) -> Result<ExplainAnswer, Problem> {
        let kept = self.read(hotel, id).await?;
        let cell = kept.cell(night, room_type)?.clone();
        let here = |set: &&PriceOverride| set.night == night && set.room_type == *room_type;
        Ok(ExplainAnswer {
            schedule_id: id,
            as_of: kept.made.as_of,
            currency: kept.made.currency,
            tax_inclusive: kept.made.tax_inclusive,
            demand: kept.made.demand,
            cell,
            overrides: kept.overrides.iter().filter(here).map(OverrideReport::from).collect(),
        })
    }
}

/// The lock of a hotel.
async fn turn<'a>(
    locks: &'a [tokio::sync::Mutex<()>; LOADERS],
    hotel: &HotelId,
) -> Option<tokio::sync::MutexGuard<'a, ()>> {
    let place = BuildHasherDefault::<DefaultHasher>::default().hash_one(hotel) as usize % LOADERS;
    match locks.get(place) {
        Some(lock) => Some(lock.lock().await),
        None => None,
    }
}

/// Reads the content of a schedule, away from the threads that answer.
pub(super) async fn content_of(content: Vec<u8>) -> Result<Made, Problem> {
    let read = move || serde_json::from_slice::<Made>(&content);
    tokio::task::spawn_blocking(read).await?.map_err(|e| Problem::internal(&e))
}

/// The room types of a schedule, in their order.
fn room_types_of(made: &Made) -> Vec<RoomTypeName> {
    let mut names: Vec<RoomTypeName> = Vec::new();
    for cell in &made.pricing_schedule {
        // Each night has the same ones.
        if let Ok(name) = cell.room_type.parse()
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    names
}

/// What tells one set of rules from another.
fn key_of(rules: &[PricingRule]) -> String {
    let texts: Vec<String> = rules.iter().map(|rule| rule.content.to_string()).collect();
    texts.join("\n")
}

/// Metrics that are there before anything happened, so that an alert on them can fire.
pub(crate) fn describe_metrics() {
    for status in ["success", "failure"] {
        metrics::counter!("ml_predictions_total", "prediction_type" => KIND, "status" => status).increment(0);
    }
}
