//! Prices that somebody set instead of the suggested ones.

use std::ops::Range;

use chrono::{DateTime, NaiveDate, Utc};
use innkeeper_hotel::{Money, RoomTypeName};
use rust_decimal::Decimal;
use sea_query::{Expr, ExprTrait, Order};
use serde_json::json;
use uuid::Uuid;

use crate::audit::NewEntry;
use crate::engine::{CHUNK, Row, execute, fetch_all, get, parse};
use crate::money;
use crate::outbox::{NewEvent, PRICE_OVERRIDDEN};
use crate::price_schedules::{check_note, subject};
use crate::price_words::ScheduleStatus;
use crate::schema::{Col, Table};
use crate::store::commit;
use crate::time::{day, micros, read_day, time};
use crate::{HotelStore, PriceSchedule, StoreError, audit, outbox};

/// A price that somebody set instead of the suggested one.
#[derive(Debug, Clone, PartialEq)]
pub struct PriceOverride {
    /// Its id; version 7.
    pub id: Uuid,
    /// The schedule that suggests another one.
    pub schedule: Uuid,
    /// The night.
    pub night: NaiveDate,
    /// What is sold.
    pub room_type: RoomTypeName,
    /// What was suggested; `None` where nothing was. Of the same currency.
    pub suggested: Option<Decimal>,
    /// The price.
    pub price: Money,
    /// Why.
    pub note: String,
    /// Who set it.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// What became of an override.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Overridden {
    /// It was written down.
    Done {
        /// The event that tells of it.
        event_id: Uuid,
    },
    /// It was not: the schedule is decided.
    Refused(ScheduleStatus),
}

const COLUMNS: [Col; 10] = [
    Col::Id,
    Col::ScheduleId,
    Col::Night,
    Col::RoomType,
    Col::Suggested,
    Col::Price,
    Col::Currency,
    Col::Note,
    Col::CreatedAt,
    Col::CreatedBy,
];

fn price_override(row: &Row) -> Result<PriceOverride, StoreError> {
    Ok(PriceOverride {
        id: parse(row, "id")?,
        schedule: parse(row, "schedule_id")?,
        night: read_day(row, "night")?,
        room_type: parse(row, "room_type")?,
        suggested: get::<Option<i64>>(row, "suggested")?.map(money::amount),
        price: money::money(row, "price")?,
        note: get(row, "note")?,
        created_by: get(row, "created_by")?,
        created_at: time(row, "created_at")?,
    })
}

impl HotelStore {
    /// Sets another price than the suggested one, in a schedule that is not decided yet, with a row in the audit log and an
    /// event `price.overridden`. Later ones of the same night and room type take its place; all are kept. `None` when there is
    /// no such schedule.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a note over 2000 bytes or an amount that the tables cannot hold exactly,
    /// [`StoreError::Duplicate`] when the id is taken. Nothing is written then.
    pub async fn override_price(&self, new: &PriceOverride) -> Result<Option<Overridden>, StoreError> {
        check_note(&new.note)?;
        let price = money::millionths("price", new.price.amount)?;
        let suggested = new.suggested.map(|amount| money::millionths("suggested", amount)).transpose()?;
        let Some(mut tx) = self.begin_known().await? else { return Ok(None) };
        let Some(schedule) = self.find_schedule(&mut tx, new.schedule).await? else { return Ok(None) };
        if schedule.status != ScheduleStatus::Proposed {
            return Ok(Some(Overridden::Refused(schedule.status)));
        }
        let insert = self.scope().insert(
            Table::PriceOverrides,
            [
                (Col::Id, Expr::value(new.id.to_string())),
                (Col::ScheduleId, Expr::value(new.schedule.to_string())),
                (Col::Night, Expr::value(day(new.night))),
                (Col::RoomType, Expr::value(new.room_type.as_str())),
                (Col::Suggested, Expr::value(suggested)),
                (Col::Price, Expr::value(price)),
                (Col::Currency, Expr::value(new.price.currency.code())),
                (Col::Note, Expr::value(new.note.as_str())),
                (Col::CreatedAt, Expr::value(micros(new.created_at))),
                (Col::CreatedBy, Expr::value(new.created_by.as_str())),
            ],
        )?;
        execute(&mut tx, &insert).await?;
        let details = json!({
            "override_id": new.id, "date": new.night, "room_type": new.room_type, "suggested": new.suggested,
            "price": new.price.amount, "currency": new.price.currency, "note": new.note,
        });
        let (subject, at) = (subject(new.schedule), new.created_at);
        let entry = NewEntry {
            at,
            actor: &new.created_by,
            action: PRICE_OVERRIDDEN,
            subject: &subject,
            details: &details,
        };
        audit::append(&mut tx, self, entry).await?;
        let event = NewEvent { topic: PRICE_OVERRIDDEN, person: None, at, forget: false };
        let payload = json!({
            "schedule_id": new.schedule, "override_id": new.id, "date": new.night, "room_type": new.room_type,
            "suggested": new.suggested, "price": new.price.amount, "currency": new.price.currency,
            "created_by": new.created_by, "at": at,
        });
        let event_id = outbox::emit(&mut tx, self, event, &payload).await?;
        commit(tx).await?;
        Ok(Some(Overridden::Done { event_id }))
    }

    /// Every override of a schedule, by night and room type, the one that counts last.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn price_overrides(&self, schedule: Uuid) -> Result<Vec<PriceOverride>, StoreError> {
        let mut query = self
            .scope()
            .select(Table::PriceOverrides, &COLUMNS)
            .and_where(Expr::col(Col::ScheduleId).eq(schedule.to_string()))
            .take();
        for column in [Col::Night, Col::RoomType, Col::CreatedAt, Col::Id] {
            query.order_by(column, Order::Asc);
        }
        self.rows(&query).await?.iter().map(price_override).collect()
    }

    /// The overrides that went on sale for these nights (the last one left out): those that count, of schedules that were
    /// published, each with its schedule; at most `limit`, the latest nights.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn published_overrides(
        &self,
        nights: Range<NaiveDate>,
        limit: usize,
    ) -> Result<Vec<(PriceOverride, PriceSchedule)>, StoreError> {
        let mut query = self
            .scope()
            .select(Table::PriceOverrides, &COLUMNS)
            .and_where(Expr::col(Col::Night).gte(day(nights.start)))
            .and_where(Expr::col(Col::Night).lt(day(nights.end)))
            .order_by(Col::Night, Order::Desc)
            .take();
        for column in [Col::ScheduleId, Col::RoomType, Col::CreatedAt, Col::Id] {
            query.order_by(column, Order::Desc);
        }
        let mut conn = self.reader().await?;
        let rows = fetch_all(&mut conn, &query).await?;
        let mut found: Vec<PriceOverride> = rows.iter().map(price_override).collect::<Result<_, _>>()?;
        // The first of each night and room type of a schedule is the last that was set.
        found.dedup_by(|later, first| {
            (later.schedule, later.night, &later.room_type) == (first.schedule, first.night, &first.room_type)
        });
        let mut ids: Vec<String> = found.iter().map(|found| found.schedule.to_string()).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut schedules = Vec::new();
        for ids in ids.chunks(CHUNK) {
            schedules.extend(self.schedules_by_ids(&mut conn, ids).await?);
        }
        let published = |found: PriceOverride| {
            let schedule = schedules.iter().find(|schedule| schedule.id == found.schedule)?;
            (schedule.status == ScheduleStatus::Published).then(|| (found, schedule.clone()))
        };
        Ok(found.into_iter().filter_map(published).take(limit).collect())
    }
}
