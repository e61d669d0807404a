//! Bookings: written one by one or in batches, read one by one or all of them as they come.

use std::ops::Range;

use chrono::{DateTime, NaiveDate, Utc};
use innkeeper_hotel::{Booking, BookingId};
use sea_query::{Expr, ExprTrait, Order, SelectStatement};
use serde_json::json;
use uuid::Uuid;

use crate::batch::check_size;
use crate::booking_row::{BOOKINGS, booking, cells, columns};
use crate::bulk::{Stamp, last_of_each};
use crate::changes::{before, count_change};
use crate::engine::{count, fetch_optional, for_each_row};
use crate::outbox::{BOOKING_CHANGED, NewEvent};
use crate::schema::{Col, Table};
use crate::store::commit;
use crate::time::{day, micros};
use crate::{HotelStore, HotelTable, StoreError, Upserted, outbox};

/// What writing one row did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Inserted,
    /// It was there and is different now.
    Changed,
    /// It was there just so.
    Unchanged,
}

impl Change {
    fn word(self) -> &'static str {
        match self {
            Self::Inserted => "inserted",
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
        }
    }
}

/// What writing one booking did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PutBooking {
    /// What became of the row.
    pub change: Change,
    /// The event `booking.changed`; `None` where nothing changed.
    pub event_id: Option<Uuid>,
}

/// In which order bookings are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BookingOrder {
    /// As the engine finds them, which is fastest.
    #[default]
    Any,
    /// By the day of booking, then by id.
    BookedOn,
}

/// Which bookings are read; every condition that is given must hold, and ranges end before their end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BookingFilter {
    /// First night.
    pub arrival: Option<Range<NaiveDate>>,
    /// Day of departure.
    pub departure: Option<Range<NaiveDate>>,
    /// Day of booking.
    pub booked: Option<Range<NaiveDate>>,
    /// Written after this number of changes, which an earlier [`crate::Fingerprint`] told.
    pub changed_since: Option<u64>,
    /// The order.
    pub order: BookingOrder,
}

impl BookingFilter {
    fn apply(&self, query: &mut SelectStatement) {
        let within = |value: Expr, days: &Range<NaiveDate>| {
            value.clone().gte(day(days.start)).and(value.lt(day(days.end)))
        };
        if let Some(days) = &self.arrival {
            query.and_where(within(Expr::col(Col::Arrival), days));
        }
        if let Some(days) = &self.departure {
            query.and_where(within(Expr::col(Col::Arrival).add(Expr::col(Col::Nights)), days));
            // What an index answers.
            let longest = i64::from(innkeeper_hotel::MAX_NIGHTS);
            query
                .and_where(Expr::col(Col::Arrival).gte(day(days.start) - longest))
                .and_where(Expr::col(Col::Arrival).lt(day(days.end)));
        }
        if let Some(days) = &self.booked {
            query.and_where(within(Expr::col(Col::BookedOn), days));
        }
        if let Some(changes) = self.changed_since {
            let changes = i64::try_from(changes).unwrap_or(i64::MAX);
            query.and_where(Expr::col(Col::ChangeNumber).gt(changes));
        }
        if self.order == BookingOrder::BookedOn {
            query.order_by(Col::BookedOn, Order::Asc).order_by(Col::Id, Order::Asc);
        }
    }
}

impl HotelStore {
    /// Writes up to [`crate::MAX_BATCH`] bookings in one transaction: new ones are added, known ones become as they are
    /// here, and what is there just so is left alone. With the rows come the counts of the import and the event
    /// `bookings.imported`, unless no row was written.
    ///
    /// # Errors
    /// [`StoreError::Booking`] when the parts of one do not agree, [`StoreError::Invalid`] for too many rows, a rate
    /// finer than a millionth, a text over 256 bytes or an import that was not begun. Nothing is written then.
    pub async fn upsert_bookings(
        &self,
        bookings: &[Booking],
        import: Option<Uuid>,
        at: DateTime<Utc>,
    ) -> Result<Upserted, StoreError> {
        check_size("bookings", bookings.len())?;
        let kept = last_of_each(bookings, |booking| &booking.id);
        let mut rows = Vec::with_capacity(kept.len() * BOOKINGS.width());
        for booking in kept {
            cells(booking, &mut rows)?;
        }
        self.write_batch(HotelTable::Bookings, &BOOKINGS, &rows, bookings.len(), import, at).await
    }

    /// Writes one booking and the event `booking.changed`, in one transaction. The event names the booking, its status
    /// and its nights, and not the guest.
    ///
    /// # Errors
    /// As [`Self::upsert_bookings`].
    pub async fn put_booking(&self, booking: &Booking, at: DateTime<Utc>) -> Result<PutBooking, StoreError> {
        let mut row = Vec::with_capacity(BOOKINGS.width());
        cells(booking, &mut row)?;
        let mut tx = self.begin(at).await?;
        let was = before(&mut tx, self.scope(), HotelTable::Bookings).await?;
        let number = was.unwrap_or_default().changes as i64 + 1;
        let stamp = Stamp { hotel: &self.hotel, at: micros(at), number };
        let written = BOOKINGS.write(&mut tx, stamp, &row).await?;
        let change = match (written.inserted, written.changed) {
            (0, 0) => return Ok(PutBooking { change: Change::Unchanged, event_id: None }),
            (0, _) => Change::Changed,
            _ => Change::Inserted,
        };
        count_change(&mut tx, self.scope(), HotelTable::Bookings, was, (written.inserted, 0)).await?;
        let event = NewEvent { topic: BOOKING_CHANGED, person: None, at, forget: false };
        let payload = json!({
            "booking_id": booking.id,
            "change": change.word(),
            "status": booking.status.word(),
            "status_on": booking.status_on,
            "booked_on": booking.booked_on,
            "check_in_date": booking.stay.arrival,
            "check_out_date": booking.stay.departure(),
            "room_type": booking.room_type,
            "at": at,
        });
        let event_id = outbox::emit(&mut tx, self, event, &payload).await?;
        commit(tx).await?;
        Ok(PutBooking { change, event_id: Some(event_id) })
    }

    /// One booking.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn booking(&self, id: &BookingId) -> Result<Option<Booking>, StoreError> {
        let query = self
            .scope()
            .select(Table::Bookings, &columns())
            .and_where(Expr::col(Col::Id).eq(id.as_str()))
            .take();
        fetch_optional(&mut *self.reader().await?, &query).await?.as_ref().map(booking).transpose()
    }

    /// Hands bookings on one by one as they are read, of one moment, however many there are; returns their number. An
    /// error of `each` ends it.
    ///
    /// # Errors
    /// Those of `each`; [`StoreError::Corrupt`] for a row that cannot be read back; when the database fails.
    pub async fn for_each_booking<E: From<StoreError>>(
        &self,
        filter: &BookingFilter,
        mut each: impl FnMut(Booking) -> Result<(), E> + Send,
    ) -> Result<u64, E> {
        let mut query = self.scope().select(Table::Bookings, &columns());
        filter.apply(&mut query);
        let mut conn = self.reader().await?;
        for_each_row(&mut conn, &query, |row| each(booking(&row)?)).await
    }

    /// How many bookings there are of these.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_bookings(&self, filter: &BookingFilter) -> Result<u64, StoreError> {
        let mut query = self.scope().select(Table::Bookings, &[]);
        query.expr_as(Expr::col(Col::Id).count(), "found");
        BookingFilter { order: BookingOrder::Any, ..filter.clone() }.apply(&mut query);
        self.rows(&query).await?.first().map_or(Ok(0), |row| count(row, "found"))
    }
}
