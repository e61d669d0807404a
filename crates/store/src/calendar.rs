//! The hotel's calendar: events that move demand, days without sale.

use std::ops::Range;

use chrono::{DateTime, NaiveDate, Utc};
use innkeeper_hotel::{Closure, Event, RoomTypeName};
use sea_query::{DeleteStatement, Expr, ExprTrait, Order, SelectStatement};
use uuid::Uuid;

use crate::batch::check_size;
use crate::bulk::{BulkTable, Cell, last_of_each};
use crate::changes::{before, count_change};
use crate::engine::{Row, execute, get};
use crate::enrolment::invalid;
use crate::prices::room_type_or_all;
use crate::schema::{Col, Kind, Table};
use crate::store::commit;
use crate::time::{day, optional_day, read_day};
use crate::{HotelStore, HotelTable, StoreError, Upserted};

const EVENTS: BulkTable = BulkTable {
    table: Table::EventsCalendar,
    key: &[(Col::FirstDay, Kind::Int), (Col::Name, Kind::Text)],
    values: &[(Col::LastDay, Kind::Int), (Col::Kind, Kind::Text), (Col::KnownOn, Kind::Int)],
    stamped: false,
};

const CLOSURES: BulkTable = BulkTable {
    table: Table::Closures,
    key: &[(Col::FirstDay, Kind::Int), (Col::LastDay, Kind::Int), (Col::RoomType, Kind::Text)],
    values: &[],
    stamped: false,
};

fn event(row: &Row) -> Result<Event, StoreError> {
    Ok(Event {
        name: get(row, "name")?,
        from: read_day(row, "first_day")?,
        until: read_day(row, "last_day")?,
        kind: get(row, "kind")?,
        known_on: optional_day(row, "known_on")?,
    })
}

fn closure(row: &Row) -> Result<Closure, StoreError> {
    Ok(Closure {
        from: read_day(row, "first_day")?,
        until: read_day(row, "last_day")?,
        room_type: room_type_or_all(row)?,
    })
}

fn check_order(from: NaiveDate, until: NaiveDate) -> Result<(), StoreError> {
    if until < from { Err(invalid("until", "must not be before from")) } else { Ok(()) }
}

impl HotelStore {
    /// Writes up to [`crate::MAX_BATCH`] events in one transaction, as [`Self::upsert_bookings`] writes bookings. An event is
    /// known again by its name and first day.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for too many rows, an end before the beginning, a text over 256 bytes or an import that was
    /// not begun. Nothing is written then.
    pub async fn upsert_events(
        &self,
        events: &[Event],
        import: Option<Uuid>,
        at: DateTime<Utc>,
    ) -> Result<Upserted, StoreError> {
        check_size("events", events.len())?;
        let mut rows = Vec::new();
        for event in last_of_each(events, |event| (event.from, &event.name)) {
            check_order(event.from, event.until)?;
            rows.extend([
                Cell::Int(day(event.from)),
                Cell::text(Col::Name, &event.name)?,
                Cell::Int(day(event.until)),
                Cell::text(Col::Kind, &event.kind)?,
                Cell::int(event.known_on.map(day)),
            ]);
        }
        self.write_batch(HotelTable::Events, &EVENTS, &rows, events.len(), import, at).await
    }

    /// Writes up to [`crate::MAX_BATCH`] closures in one transaction, likewise.
    ///
    /// # Errors
    /// As [`Self::upsert_events`].
    pub async fn upsert_closures(
        &self,
        closures: &[Closure],
        import: Option<Uuid>,
        at: DateTime<Utc>,
    ) -> Result<Upserted, StoreError> {
        check_size("closures", closures.len())?;
        let mut rows = Vec::new();
        for closure in last_of_each(closures, |closure| (closure.from, closure.until, &closure.room_type)) {
            check_order(closure.from, closure.until)?;
            rows.extend([
                Cell::Int(day(closure.from)),
                Cell::Int(day(closure.until)),
                Cell::Text(closure.room_type.as_ref().map_or("", RoomTypeName::as_str)),
            ]);
        }
        self.write_batch(HotelTable::Closures, &CLOSURES, &rows, closures.len(), import, at).await
    }

    /// Rows that have a day within these, by their first day.
    fn touching(&self, table: &BulkTable, days: &Range<NaiveDate>) -> SelectStatement {
        let columns: Vec<Col> = table.key.iter().chain(table.values).map(|(column, _)| *column).collect();
        let mut query = self
            .scope()
            .select(table.table, &columns)
            .and_where(Expr::col(Col::FirstDay).lt(day(days.end)))
            .and_where(Expr::col(Col::LastDay).gte(day(days.start)))
            .take();
        for (column, _) in table.key {
            query.order_by(*column, Order::Asc);
        }
        query
    }

    /// Events that have a day within these (the last one left out), by their first day and name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn events(&self, days: Range<NaiveDate>) -> Result<Vec<Event>, StoreError> {
        self.rows(&self.touching(&EVENTS, &days)).await?.iter().map(event).collect()
    }

    /// Closures that have a night within these (the last one left out), by their first night.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn closures(&self, nights: Range<NaiveDate>) -> Result<Vec<Closure>, StoreError> {
        self.rows(&self.touching(&CLOSURES, &nights)).await?.iter().map(closure).collect()
    }

    /// Removes an event; whether there was one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remove_event(&self, name: &str, from: NaiveDate) -> Result<bool, StoreError> {
        let delete = self
            .scope()
            .delete(Table::EventsCalendar)
            .and_where(Expr::col(Col::Name).eq(name))
            .and_where(Expr::col(Col::FirstDay).eq(day(from)))
            .take();
        self.remove(HotelTable::Events, &delete).await
    }

    /// Removes a closure; whether there was such a one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remove_closure(&self, closure: &Closure) -> Result<bool, StoreError> {
        let room_type = closure.room_type.as_ref().map_or("", RoomTypeName::as_str);
        let delete = self
            .scope()
            .delete(Table::Closures)
            .and_where(Expr::col(Col::FirstDay).eq(day(closure.from)))
            .and_where(Expr::col(Col::LastDay).eq(day(closure.until)))
            .and_where(Expr::col(Col::RoomType).eq(room_type))
            .take();
        self.remove(HotelTable::Closures, &delete).await
    }

    async fn remove(&self, table: HotelTable, delete: &DeleteStatement) -> Result<bool, StoreError> {
        let Some(mut tx) = self.begin_known().await? else { return Ok(false) };
        let removed = execute(&mut tx, delete).await?;
        if removed == 0 {
            return Ok(false);
        }
        let was = before(&mut tx, self.scope(), table).await?;
        count_change(&mut tx, self.scope(), table, was, (0, removed)).await?;
        commit(tx).await?;
        Ok(true)
    }
}
