//! How long rooms took to clean.

use chrono::{DateTime, TimeDelta, Utc};
use innkeeper_core::RoomNumber;
use sea_query::{Expr, ExprTrait, OnConflict, Order, SelectStatement};
use uuid::Uuid;

use crate::engine::{Row, execute, fetch_some, get, parse};
use crate::enrolment::invalid;
use crate::schema::{Col, Table};
use crate::seal::CLEANING;
use crate::store::commit;
use crate::time::{micros, time};
use crate::{HotelStore, StoreError};

/// Nobody cleans one room faster, or for longer.
const SHORTEST: TimeDelta = TimeDelta::seconds(1);
const LONGEST: TimeDelta = TimeDelta::days(1);

/// One cleaning of one room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cleaning {
    /// Its id; version 7.
    pub id: Uuid,
    /// The room.
    pub room_number: RoomNumber,
    /// Its type, when the caller named one.
    pub room_type: Option<String>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When the room was done: later, by a second at least and a day at most.
    pub finished_at: DateTime<Utc>,
    /// What was seen of the room before, `None` where nobody knows; sealed.
    pub tags: Option<Vec<String>>,
    /// Who wrote it down.
    pub recorded_by: String,
}

impl Cleaning {
    /// How long it took, in minutes.
    pub fn minutes(&self) -> f32 {
        (self.finished_at - self.started_at).as_seconds_f32() / 60.0
    }
}

const COLUMNS: [Col; 7] =
    [Col::Id, Col::RoomNumber, Col::RoomType, Col::StartedAt, Col::FinishedAt, Col::Content, Col::RecordedBy];

/// `None` when the content does not open.
fn cleaning(hotel: &HotelStore, row: &Row) -> Result<Option<Cleaning>, StoreError> {
    let opened = hotel.store.unseal_row(CLEANING, hotel.hotel.as_str(), row).and_then(|plain| {
        serde_json::from_slice(&plain).map_err(|_| StoreError::Corrupt { column: "content" })
    });
    let Some(tags) = hotel.store.readable(CLEANING, row, opened)? else { return Ok(None) };
    Ok(Some(Cleaning {
        id: parse(row, "id")?,
        room_number: parse(row, "room_number")?,
        room_type: get(row, "room_type")?,
        started_at: time(row, "started_at")?,
        finished_at: time(row, "finished_at")?,
        tags,
        recorded_by: get(row, "recorded_by")?,
    }))
}

impl HotelStore {
    /// Writes down cleanings, all of them in one transaction; how many are new. One that began in the same room at
    /// the same moment as a known one is left out, so that a list can be read in again.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for one that takes less than a second or more than a day,
    /// [`StoreError::Duplicate`] when an id is taken. Nothing is written then.
    pub async fn record_cleanings(
        &self,
        cleanings: &[Cleaning],
        at: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        for cleaning in cleanings {
            let took = cleaning.finished_at - cleaning.started_at;
            if took < SHORTEST || took > LONGEST {
                let why = "must be after started_at, by a second at least and a day at most";
                return Err(invalid("finished_at", why));
            }
        }
        if cleanings.is_empty() {
            return Ok(0);
        }
        let mut tx = self.begin(at).await?;
        let mut written = 0;
        for new in cleanings {
            let id = new.id.to_string();
            let plain = serde_json::to_vec(&new.tags)?;
            let [content, sealed_by] = self.store.seal(CLEANING, self.hotel.as_str(), &id, &plain)?;
            let start = [Col::HotelId, Col::RoomNumber, Col::StartedAt];
            let insert = self
                .scope()
                .insert(
                    Table::Cleanings,
                    [
                        (Col::Id, Expr::value(id)),
                        (Col::RoomNumber, Expr::value(new.room_number.as_str())),
                        (Col::RoomType, Expr::value(new.room_type.as_deref())),
                        (Col::StartedAt, Expr::value(micros(new.started_at))),
                        (Col::FinishedAt, Expr::value(micros(new.finished_at))),
                        content,
                        sealed_by,
                        (Col::RecordedBy, Expr::value(new.recorded_by.as_str())),
                        (Col::CreatedAt, Expr::value(micros(at))),
                    ],
                )?
                .on_conflict(OnConflict::columns(start).do_nothing().to_owned())
                .take();
            written += execute(&mut tx, &insert).await?;
        }
        commit(tx).await?;
        Ok(written)
    }

    fn cleanings_select(&self) -> SelectStatement {
        self.scope()
            .select(Table::Cleanings, &COLUMNS)
            .order_by(Col::FinishedAt, Order::Desc)
            .order_by(Col::Id, Order::Desc)
            .take()
    }

    /// The last cleanings of the hotel, newest first, at most `limit`; less those that do not open, of which the log
    /// tells.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn cleanings(&self, limit: usize) -> Result<Vec<Cleaning>, StoreError> {
        let mut conn = self.reader().await?;
        fetch_some(&mut conn, &self.cleanings_select(), limit, |row| cleaning(self, row)).await
    }

    /// The cleaning of a room that began at this moment.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn cleaning(
        &self,
        room: &RoomNumber,
        started_at: DateTime<Utc>,
    ) -> Result<Option<Cleaning>, StoreError> {
        let mut query = self.cleanings_select();
        query
            .and_where(Expr::col(Col::RoomNumber).eq(room.as_str()))
            .and_where(Expr::col(Col::StartedAt).eq(micros(started_at)));
        let mut conn = self.reader().await?;
        Ok(fetch_some(&mut conn, &query, 1, |row| cleaning(self, row)).await?.pop())
    }

    /// The last cleaning of a room.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn last_cleaning(&self, room: &RoomNumber) -> Result<Option<Cleaning>, StoreError> {
        let mut query = self.cleanings_select();
        query.and_where(Expr::col(Col::RoomNumber).eq(room.as_str()));
        let mut conn = self.reader().await?;
        Ok(fetch_some(&mut conn, &query, 1, |row| cleaning(self, row)).await?.pop())
    }
}
