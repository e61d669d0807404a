//! Prices: ours as they were on sale, and what competitors asked.

use std::ops::Range;

use chrono::{DateTime, NaiveDate, Utc};
use innkeeper_hotel::{CompetitorPrice, Rate, RoomTypeName};
use sea_query::{Expr, ExprTrait, Order, SelectStatement};
use uuid::Uuid;

use crate::batch::check_size;
use crate::bulk::{BulkTable, Cell, last_of_each};
use crate::engine::{Row, get, parse};
use crate::money;
use crate::schema::{Col, Kind, Table};
use crate::time::{day, read_day};
use crate::{HotelStore, HotelTable, StoreError, Upserted};

const PRICE: &[(Col, Kind)] = &[(Col::Price, Kind::Int), (Col::Currency, Kind::Text)];

pub(crate) const RATES: BulkTable = BulkTable {
    table: Table::Rates,
    key: &[(Col::Night, Kind::Int), (Col::RoomType, Kind::Text), (Col::SetOn, Kind::Int)],
    values: PRICE,
    stamped: false,
};

const COMPETITOR_PRICES: BulkTable = BulkTable {
    table: Table::CompetitorPrices,
    key: &[
        (Col::Night, Kind::Int),
        (Col::Competitor, Kind::Text),
        (Col::RoomType, Kind::Text),
        (Col::SeenOn, Kind::Int),
    ],
    values: PRICE,
    stamped: false,
};

/// A room type of a column in which none at all is an empty text.
pub(crate) fn room_type_or_all(row: &Row) -> Result<Option<RoomTypeName>, StoreError> {
    let text: String = get(row, "room_type")?;
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| StoreError::Corrupt { column: "room_type" })
}

fn rate(row: &Row) -> Result<Rate, StoreError> {
    Ok(Rate {
        night: read_day(row, "night")?,
        room_type: parse(row, "room_type")?,
        set_on: read_day(row, "set_on")?,
        price: money::money(row, "price")?,
    })
}

fn competitor_price(row: &Row) -> Result<CompetitorPrice, StoreError> {
    Ok(CompetitorPrice {
        competitor: get(row, "competitor")?,
        night: read_day(row, "night")?,
        room_type: room_type_or_all(row)?,
        seen_on: read_day(row, "seen_on")?,
        price: money::money(row, "price")?,
    })
}

/// The last of each run of rows that belong together.
fn newest<T>(
    rows: impl Iterator<Item = Result<T, StoreError>>,
    same: impl Fn(&T, &T) -> bool,
) -> Result<Vec<T>, StoreError> {
    let mut kept: Vec<T> = Vec::new();
    for row in rows {
        let row = row?;
        match kept.last_mut() {
            Some(last) if same(last, &row) => *last = row,
            _ => kept.push(row),
        }
    }
    Ok(kept)
}

/// The values of the last row of each key.
pub(crate) fn rate_cells(rates: &[Rate]) -> Result<Vec<Cell<'_>>, StoreError> {
    let mut rows = Vec::with_capacity(rates.len() * RATES.width());
    for rate in last_of_each(rates, |rate| (rate.night, &rate.room_type, rate.set_on)) {
        let [price, currency] = money::cells("price", rate.price)?;
        rows.extend([
            Cell::Int(day(rate.night)),
            Cell::Text(rate.room_type.as_str()),
            Cell::Int(day(rate.set_on)),
            price,
            currency,
        ]);
    }
    Ok(rows)
}

impl HotelStore {
    /// Writes up to [`crate::MAX_BATCH`] prices of ours in one transaction, as [`Self::upsert_bookings`] writes bookings; no
    /// event tells of it. One night, room type and day has one price.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for too many rows, an amount that the tables cannot hold exactly or an import that was not
    /// begun. Nothing is written then.
    pub async fn upsert_rates(
        &self,
        rates: &[Rate],
        import: Option<Uuid>,
        at: DateTime<Utc>,
    ) -> Result<Upserted, StoreError> {
        check_size("rates", rates.len())?;
        let rows = rate_cells(rates)?;
        self.write_batch(HotelTable::Rates, &RATES, &rows, rates.len(), import, at).await
    }

    /// Writes up to [`crate::MAX_BATCH`] prices of competitors in one transaction, as [`Self::upsert_rates`]. One
    /// competitor, night, room type and day has one price.
    ///
    /// # Errors
    /// As [`Self::upsert_rates`], and for a competitor's name over 256 bytes.
    pub async fn upsert_competitor_prices(
        &self,
        prices: &[CompetitorPrice],
        import: Option<Uuid>,
        at: DateTime<Utc>,
    ) -> Result<Upserted, StoreError> {
        check_size("prices", prices.len())?;
        let mut rows = Vec::with_capacity(prices.len() * COMPETITOR_PRICES.width());
        let kept = last_of_each(prices, |p| (p.night, &p.competitor, &p.room_type, p.seen_on));
        for seen in kept {
            let [price, currency] = money::cells("price", seen.price)?;
            rows.extend([
                Cell::Int(day(seen.night)),
                Cell::text(Col::Competitor, &seen.competitor)?,
                Cell::Text(seen.room_type.as_ref().map_or("", RoomTypeName::as_str)),
                Cell::Int(day(seen.seen_on)),
                price,
                currency,
            ]);
        }
        let (of, table) = (HotelTable::CompetitorPrices, &COMPETITOR_PRICES);
        self.write_batch(of, table, &rows, prices.len(), import, at).await
    }

    /// Prices of these nights, by night and what else tells them apart, the newest last.
    fn prices(&self, table: &BulkTable, nights: &Range<NaiveDate>) -> SelectStatement {
        let columns: Vec<Col> = table.key.iter().chain(table.values).map(|(column, _)| *column).collect();
        let mut query = self
            .scope()
            .select(table.table, &columns)
            .and_where(Expr::col(Col::Night).gte(day(nights.start)))
            .and_where(Expr::col(Col::Night).lt(day(nights.end)))
            .take();
        for (column, _) in table.key {
            query.order_by(*column, Order::Asc);
        }
        query
    }

    /// Every price of ours for these nights (the last one left out), by night, room type and the day it was set.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rates(&self, nights: Range<NaiveDate>) -> Result<Vec<Rate>, StoreError> {
        self.rows(&self.prices(&RATES, &nights)).await?.iter().map(rate).collect()
    }

    /// The price of each of these nights and room types that was on sale at the end of a day.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rates_as_of(
        &self,
        nights: Range<NaiveDate>,
        as_of: NaiveDate,
    ) -> Result<Vec<Rate>, StoreError> {
        let mut query = self.prices(&RATES, &nights);
        query.and_where(Expr::col(Col::SetOn).lte(day(as_of)));
        let rows = self.rows(&query).await?;
        newest(rows.iter().map(rate), |a, b| (a.night, &a.room_type) == (b.night, &b.room_type))
    }

    /// What competitors asked for these nights (the last one left out), by night, competitor, room type and the day on
    /// which it was seen.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn competitor_prices(
        &self,
        nights: Range<NaiveDate>,
    ) -> Result<Vec<CompetitorPrice>, StoreError> {
        self.rows(&self.prices(&COMPETITOR_PRICES, &nights)).await?.iter().map(competitor_price).collect()
    }

    /// What each competitor was last seen to ask for these nights at the end of a day.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn competitor_prices_as_of(
        &self,
        nights: Range<NaiveDate>,
        as_of: NaiveDate,
    ) -> Result<Vec<CompetitorPrice>, StoreError> {
        let mut query = self.prices(&COMPETITOR_PRICES, &nights);
        query.and_where(Expr::col(Col::SeenOn).lte(day(as_of)));
        let rows = self.rows(&query).await?;
        newest(rows.iter().map(competitor_price), |a, b| {
            (a.night, &a.competitor, &a.room_type) == (b.night, &b.competitor, &b.room_type)
        })
    }
}
