//! Prices that were suggested, who decided about them, and where they went.

use std::io::{Read, Write};

use chrono::{DateTime, NaiveDate, Utc};
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use innkeeper_hotel::{Rate, RoomTypeName};
use sea_query::{Expr, ExprTrait, Order, Query, SelectStatement};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::audit::{AuditSubject, NewEntry};
use crate::bulk::MAX_BATCH;
use crate::engine::{Conn, Row, at_most, execute, fetch_all, fetch_optional, get, parse};
use crate::enrolment::invalid;
use crate::outbox::{NewEvent, PRICE_SCHEDULE_DECIDED, PRICE_SCHEDULE_MADE, PRICE_SCHEDULE_PUBLISHED};
use crate::page::Cursor;
use crate::price_words::{PublishTarget, ScheduleStatus};
use crate::prices::{RATES, rate_cells};
use crate::schema::{Col, Table};
use crate::store::commit;
use crate::time::{day, micros, optional_time, read_day, time};
use crate::{HotelStore, HotelTable, Store, StoreError, audit, outbox};

/// Largest content before it is compressed, in bytes.
const MOST_BYTES: usize = 256 << 20;
/// Longest note, in bytes.
pub(crate) const LONGEST_NOTE: usize = 2000;

/// Prices to be suggested.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPriceSchedule {
    /// Its id; version 7.
    pub id: Uuid,
    /// The day at whose end everything was known that they were computed from.
    pub as_of: NaiveDate,
    /// First night.
    pub first_night: NaiveDate,
    /// Last night, itself included.
    pub last_night: NaiveDate,
    /// For which rooms.
    pub room_types: Vec<RoomTypeName>,
    /// What was suggested, as JSON. It is kept compressed, and must name no person.
    pub content: Vec<u8>,
    /// Who asked.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// Suggested prices, less the prices themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceSchedule {
    /// Its id.
    pub id: Uuid,
    /// The day at whose end everything was known that they were computed from.
    pub as_of: NaiveDate,
    /// First night.
    pub first_night: NaiveDate,
    /// Last night, itself included.
    pub last_night: NaiveDate,
    /// For which rooms.
    pub room_types: Vec<RoomTypeName>,
    /// What became of it.
    pub status: ScheduleStatus,
    /// Who asked.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Who approved or rejected it.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<DateTime<Utc>>,
    /// What was said about it.
    pub note: Option<String>,
    /// Who published it last.
    pub published_by: Option<String>,
    /// When.
    pub published_at: Option<DateTime<Utc>>,
    /// Where it went.
    pub publish_target: Option<PublishTarget>,
}

/// Some schedules, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceSchedulePage {
    /// The schedules.
    pub schedules: Vec<PriceSchedule>,
    /// Where the next page begins; `None` when there is none.
    pub next: Option<Cursor>,
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScheduleChange {
    /// It was made.
    Done {
        /// The schedule as it is now.
        schedule: Box<PriceSchedule>,
        /// The event that tells of it.
        event_id: Uuid,
    },
    /// It was not: the schedule is like this already, or was decided otherwise.
    Refused(ScheduleStatus),
}

const COLUMNS: [Col; 14] = [
    Col::Id,
    Col::AsOf,
    Col::FirstNight,
    Col::LastNight,
    Col::RoomTypes,
    Col::Status,
    Col::CreatedAt,
    Col::CreatedBy,
    Col::DecidedAt,
    Col::DecidedBy,
    Col::Note,
    Col::PublishedAt,
    Col::PublishedBy,
    Col::PublishTarget,
];

fn schedule(row: &Row) -> Result<PriceSchedule, StoreError> {
    let target = get::<Option<String>>(row, "publish_target")?;
    Ok(PriceSchedule {
        id: parse(row, "id")?,
        as_of: read_day(row, "as_of")?,
        first_night: read_day(row, "first_night")?,
        last_night: read_day(row, "last_night")?,
        room_types: serde_json::from_str(&get::<String>(row, "room_types")?)
            .map_err(|_| StoreError::Corrupt { column: "room_types" })?,
        status: parse(row, "status")?,
        created_by: get(row, "created_by")?,
        created_at: time(row, "created_at")?,
        decided_by: get(row, "decided_by")?,
        decided_at: optional_time(row, "decided_at")?,
        note: get(row, "note")?,
        published_by: get(row, "published_by")?,
        published_at: optional_time(row, "published_at")?,
        publish_target: target
            .map(|word| word.parse().map_err(|_| StoreError::Corrupt { column: "publish_target" }))
            .transpose()?,
    })
}

fn compressed(content: &[u8]) -> Result<Vec<u8>, StoreError> {
    if content.len() > MOST_BYTES {
        return Err(invalid("content", "must be at most 256 MiB"));
    }
    let failed = |_| invalid("content", "cannot be compressed");
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).map_err(failed)?;
    encoder.finish().map_err(failed)
}

fn plain(row: &Row) -> Result<Vec<u8>, StoreError> {
    let stored: Vec<u8> = get(row, "content")?;
    let mut content = Vec::new();
    // What is longer was never written here.
    ZlibDecoder::new(stored.as_slice())
        .take(MOST_BYTES as u64)
        .read_to_end(&mut content)
        .map_err(|_| StoreError::Corrupt { column: "content" })?;
    Ok(content)
}

pub(crate) fn check_note(note: &str) -> Result<(), StoreError> {
    if note.len() > LONGEST_NOTE {
        return Err(invalid("note", "must be at most 2000 bytes long"));
    }
    if note.as_bytes().contains(&0) {
        return Err(invalid("note", "must not hold a NUL character"));
    }
    Ok(())
}

pub(crate) fn subject(id: Uuid) -> AuditSubject {
    AuditSubject::Thing(format!("price_schedule:{id}"))
}

impl HotelStore {
    /// Writes down suggested prices together with the event `price.schedule_made` that tells of them, in one transaction.
    /// Returns the id of the event.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the id is taken, [`StoreError::Constraint`] for nights that run backwards,
    /// [`StoreError::Invalid`] for a content over 256 MiB. Nothing is written then.
    pub async fn record_price_schedule(
        &self,
        new: &NewPriceSchedule,
        payload: &Value,
    ) -> Result<Uuid, StoreError> {
        let content = compressed(&new.content)?;
        let mut tx = self.begin(new.created_at).await?;
        let insert = self.scope().insert(
            Table::PriceSchedules,
            [
                (Col::Id, Expr::value(new.id.to_string())),
                (Col::AsOf, Expr::value(day(new.as_of))),
                (Col::FirstNight, Expr::value(day(new.first_night))),
                (Col::LastNight, Expr::value(day(new.last_night))),
                (Col::RoomTypes, Expr::value(serde_json::to_string(&new.room_types)?)),
                (Col::Status, Expr::value(ScheduleStatus::Proposed.as_str())),
                (Col::Content, Expr::value(content)),
                (Col::CreatedAt, Expr::value(micros(new.created_at))),
                (Col::CreatedBy, Expr::value(new.created_by.as_str())),
            ],
        )?;
        execute(&mut tx, &insert).await?;
        let event = NewEvent { topic: PRICE_SCHEDULE_MADE, person: None, at: new.created_at, forget: false };
        let event_id = outbox::emit(&mut tx, self, event, payload).await?;
        commit(tx).await?;
        Ok(event_id)
    }

    fn schedule_query(&self, id: Uuid, columns: &[Col]) -> SelectStatement {
        self.scope()
            .select(Table::PriceSchedules, columns)
            .and_where(Expr::col(Col::Id).eq(id.to_string()))
            .take()
    }

    pub(crate) async fn find_schedule(
        &self,
        conn: &mut Conn,
        id: Uuid,
    ) -> Result<Option<PriceSchedule>, StoreError> {
        fetch_optional(conn, &self.schedule_query(id, &COLUMNS)).await?.as_ref().map(schedule).transpose()
    }

    /// Suggested prices with their content, as it was given.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn price_schedule(&self, id: Uuid) -> Result<Option<(PriceSchedule, Vec<u8>)>, StoreError> {
        let mut query = self.schedule_query(id, &COLUMNS);
        query.column(Col::Content);
        let rows = self.rows(&query).await?;
        rows.first().map(|row| Ok((schedule(row)?, plain(row)?))).transpose()
    }

    /// Suggested prices, newest first, at most `limit`, of one status or of all; those after `after`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn price_schedules(
        &self,
        status: Option<ScheduleStatus>,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<PriceSchedulePage, StoreError> {
        let mut query = self
            .scope()
            .select(Table::PriceSchedules, &COLUMNS)
            .order_by(Col::CreatedAt, Order::Desc)
            .order_by(Col::Id, Order::Desc)
            .limit(at_most(limit.saturating_add(1)))
            .take();
        if let Some(status) = status {
            query.and_where(Expr::col(Col::Status).eq(status.as_str()));
        }
        if let Some(after) = after {
            query.cond_where(after.older(Col::CreatedAt));
        }
        let mut schedules: Vec<PriceSchedule> =
            self.rows(&query).await?.iter().map(schedule).collect::<Result<_, _>>()?;
        let more = schedules.len() > limit;
        schedules.truncate(limit);
        let next = schedules.last().filter(|_| more).map(|last| Cursor::new(last.created_at, last.id));
        Ok(PriceSchedulePage { schedules, next })
    }

    /// Approves suggested prices, or rejects them, with a row in the audit log and an event `price.schedule_decided`. Only what
    /// was not decided yet can be. `None` when there is no such schedule.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a note over 2000 bytes, or the database's failure.
    pub async fn decide_price_schedule(
        &self,
        id: Uuid,
        approved: bool,
        note: Option<&str>,
        actor: &str,
        at: DateTime<Utc>,
    ) -> Result<Option<ScheduleChange>, StoreError> {
        note.map_or(Ok(()), check_note)?;
        let Some(mut tx) = self.begin_known().await? else { return Ok(None) };
        let Some(was) = self.find_schedule(&mut tx, id).await? else { return Ok(None) };
        if was.status != ScheduleStatus::Proposed {
            return Ok(Some(ScheduleChange::Refused(was.status)));
        }
        let status = if approved { ScheduleStatus::Approved } else { ScheduleStatus::Rejected };
        let update = self
            .scope()
            .update(Table::PriceSchedules)
            .value(Col::Status, status.as_str())
            .value(Col::DecidedAt, micros(at))
            .value(Col::DecidedBy, actor)
            .value(Col::Note, note)
            .and_where(Expr::col(Col::Id).eq(id.to_string()))
            .and_where(Expr::col(Col::Status).eq(ScheduleStatus::Proposed.as_str()))
            .take();
        if execute(&mut tx, &update).await? == 0 {
            return Err(StoreError::Busy);
        }
        let details = json!({ "status": status.as_str(), "note": note });
        let action = if approved { "price.schedule_approved" } else { "price.schedule_rejected" };
        let payload = json!({
            "schedule_id": id, "status": status.as_str(), "from": was.first_night, "until": was.last_night,
            "decided_by": actor, "at": at,
        });
        let told = (action, &details, PRICE_SCHEDULE_DECIDED, &payload);
        self.tell(tx, id, told, actor, at).await.map(Some)
    }

    /// Audit row, event and commit of a change; reads back what it became.
    async fn tell(
        &self,
        mut tx: crate::engine::Tx,
        id: Uuid,
        (action, details, topic, payload): (&str, &Value, &'static str, &Value),
        actor: &str,
        at: DateTime<Utc>,
    ) -> Result<ScheduleChange, StoreError> {
        let subject = subject(id);
        audit::append(&mut tx, self, NewEntry { at, actor, action, subject: &subject, details }).await?;
        let event = NewEvent { topic, person: None, at, forget: false };
        let event_id = outbox::emit(&mut tx, self, event, payload).await?;
        let schedule =
            self.find_schedule(&mut tx, id).await?.ok_or(StoreError::Corrupt { column: "status" })?;
        commit(tx).await?;
        Ok(ScheduleChange::Done { schedule: Box::new(schedule), event_id })
    }

    /// Marks approved prices as published and writes them into the prices on sale, in one transaction with a row in the audit
    /// log and an event `price.schedule_published`. What was published can be published again, elsewhere too. `None` when
    /// there is no such schedule.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for an amount that the tables cannot hold exactly, or the database's failure. Nothing is written
    /// then.
    pub async fn publish_price_schedule(
        &self,
        id: Uuid,
        target: PublishTarget,
        rates: &[Rate],
        actor: &str,
        at: DateTime<Utc>,
    ) -> Result<Option<ScheduleChange>, StoreError> {
        let Some(mut tx) = self.begin_known().await? else { return Ok(None) };
        let Some(was) = self.find_schedule(&mut tx, id).await? else { return Ok(None) };
        if !was.status.can_be_published() {
            return Ok(Some(ScheduleChange::Refused(was.status)));
        }
        for batch in rates.chunks(MAX_BATCH) {
            let cells = rate_cells(batch)?;
            let kept = cells.len() / RATES.width();
            self.write_rows(&mut tx, HotelTable::Rates, &RATES, &cells, (batch.len(), kept), None, at)
                .await?;
        }
        let update = self
            .scope()
            .update(Table::PriceSchedules)
            .value(Col::Status, ScheduleStatus::Published.as_str())
            .value(Col::PublishedAt, micros(at))
            .value(Col::PublishedBy, actor)
            .value(Col::PublishTarget, target.as_str())
            .and_where(Expr::col(Col::Id).eq(id.to_string()))
            .and_where(Expr::col(Col::Status).eq(was.status.as_str()))
            .take();
        if execute(&mut tx, &update).await? == 0 {
            return Err(StoreError::Busy);
        }
        let details = json!({ "target": target.as_str(), "prices": rates.len() });
        let payload = json!({
            "schedule_id": id, "target": target.as_str(), "prices": rates.len(), "from": was.first_night,
            "until": was.last_night, "published_by": actor, "at": at,
        });
        let told = (PRICE_SCHEDULE_PUBLISHED, &details, PRICE_SCHEDULE_PUBLISHED, &payload);
        self.tell(tx, id, told, actor, at).await.map(Some)
    }
}

impl Store {
    /// Removes the suggested prices of every hotel that are older than a moment, and what was set in their place; how many
    /// schedules it were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn prune_price_schedules(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let old = Expr::col(Col::CreatedAt).lt(micros(before));
        let ids = Query::select().column(Col::Id).from(Table::PriceSchedules).and_where(old.clone()).take();
        let overrides = Query::delete()
            .from_table(Table::PriceOverrides)
            .and_where(Expr::col(Col::ScheduleId).in_subquery(ids))
            .take();
        let schedules = Query::delete().from_table(Table::PriceSchedules).and_where(old).take();
        let mut tx = self.begin().await?;
        execute(&mut tx, &overrides).await?;
        let removed = execute(&mut tx, &schedules).await?;
        tx.commit().await?;
        if removed > 0 {
            self.scrub_after_deletion().await;
        }
        Ok(removed)
    }
}

impl HotelStore {
    /// Several schedules with their content, by their ids.
    pub(crate) async fn schedules_by_ids(
        &self,
        conn: &mut Conn,
        ids: &[String],
    ) -> Result<Vec<PriceSchedule>, StoreError> {
        let query = self
            .scope()
            .select(Table::PriceSchedules, &COLUMNS)
            .and_where(Expr::col(Col::Id).is_in(ids))
            .take();
        fetch_all(conn, &query).await?.iter().map(schedule).collect()
    }
}
