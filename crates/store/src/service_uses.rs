//! Services that guests used during their stays.

use std::ops::Range;

use chrono::{DateTime, NaiveDate, Utc};
use innkeeper_hotel::{Money, ServiceUse};
use sea_query::{Expr, ExprTrait, Order};
use uuid::Uuid;

use crate::batch::check_size;
use crate::bulk::{BulkTable, Cell, last_of_each};
use crate::engine::{Row, get, parse, parse_optional};
use crate::money;
use crate::schema::{Col, Kind, Table};
use crate::time::{day, read_day};
use crate::{HotelStore, HotelTable, StoreError, Upserted};

const SERVICE_USES: BulkTable = BulkTable {
    table: Table::ServiceUses,
    key: &[(Col::BookingId, Kind::Text), (Col::Service, Kind::Text), (Col::UsedOn, Kind::Int)],
    values: &[
        (Col::GuestId, Kind::Text),
        (Col::Quantity, Kind::Int),
        (Col::Amount, Kind::Int),
        (Col::Currency, Kind::Text),
    ],
    stamped: false,
};

fn service_use(row: &Row) -> Result<ServiceUse, StoreError> {
    let amount: Option<i64> = get(row, "amount")?;
    let amount = match amount {
        Some(_) => Some(money::money(row, "amount")?),
        None => None,
    };
    Ok(ServiceUse {
        booking: parse(row, "booking_id")?,
        guest: parse_optional(row, "guest_id")?,
        service: get(row, "service")?,
        used_on: read_day(row, "used_on")?,
        quantity: u32::try_from(get::<i64>(row, "quantity")?)
            .map_err(|_| StoreError::Corrupt { column: "quantity" })?,
        amount,
    })
}

fn amount(charged: Option<Money>) -> Result<[Cell<'static>; 2], StoreError> {
    charged.map_or(Ok([Cell::Null, Cell::Null]), |charged| money::cells("amount", charged))
}

impl HotelStore {
    /// Writes up to [`crate::MAX_BATCH`] uses of services in one transaction, as [`Self::upsert_bookings`] writes bookings;
    /// no event tells of it. One booking, service and day has one row: what a source lists several times a day must be
    /// added up before.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for too many rows, an amount that the tables cannot hold exactly, a text over 256 bytes or
    /// an import that was not begun. Nothing is written then.
    pub async fn upsert_service_uses(
        &self,
        uses: &[ServiceUse],
        import: Option<Uuid>,
        at: DateTime<Utc>,
    ) -> Result<Upserted, StoreError> {
        check_size("service_uses", uses.len())?;
        let mut rows = Vec::with_capacity(uses.len() * SERVICE_USES.width());
        for used in last_of_each(uses, |used| (&used.booking, &used.service, used.used_on)) {
            let [amount, currency] = amount(used.amount)?;
            rows.extend([
                Cell::Text(used.booking.as_str()),
                Cell::text(Col::Service, &used.service)?,
                Cell::Int(day(used.used_on)),
                used.guest.as_ref().map_or(Cell::Null, |guest| Cell::Text(guest.as_str())),
                Cell::Int(used.quantity.into()),
                amount,
                currency,
            ]);
        }
        self.write_batch(HotelTable::ServiceUses, &SERVICE_USES, &rows, uses.len(), import, at).await
    }

    /// What was used on these days (the last one left out), by day.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn service_uses(&self, days: Range<NaiveDate>) -> Result<Vec<ServiceUse>, StoreError> {
        let columns =
            SERVICE_USES.key.iter().chain(SERVICE_USES.values).map(|(column, _)| *column).collect::<Vec<_>>();
        let query = self
            .scope()
            .select(Table::ServiceUses, &columns)
            .and_where(Expr::col(Col::UsedOn).gte(day(days.start)))
            .and_where(Expr::col(Col::UsedOn).lt(day(days.end)))
            .order_by(Col::UsedOn, Order::Asc)
            .order_by(Col::BookingId, Order::Asc)
            .order_by(Col::Service, Order::Asc)
            .take();
        self.rows(&query).await?.iter().map(service_use).collect()
    }
}
