//! How often a hotel's tables changed, so that what was computed from them can be kept until they do.

use std::fmt;

use sea_query::{Expr, ExprTrait, IdenStatic};
use uuid::Uuid;

use crate::engine::{Conn, Row, count, execute, fetch_optional, get, parse};
use crate::schema::{Col, Table};
use crate::scope::Scope;
use crate::{HotelStore, StoreError};

/// A table of the hotel whose changes are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HotelTable {
    /// Rooms that can be sold.
    Rooms,
    /// Guests.
    Guests,
    /// Bookings.
    Bookings,
    /// Prices that were on sale.
    Rates,
    /// What competitors asked.
    CompetitorPrices,
    /// Events of the calendar.
    Events,
    /// Days without sale.
    Closures,
    /// Services that guests used.
    ServiceUses,
}

impl HotelTable {
    /// Every such table.
    pub const ALL: [Self; 8] = [
        Self::Rooms,
        Self::Guests,
        Self::Bookings,
        Self::Rates,
        Self::CompetitorPrices,
        Self::Events,
        Self::Closures,
        Self::ServiceUses,
    ];

    pub(crate) fn table(self) -> Table {
        match self {
            Self::Rooms => Table::Rooms,
            Self::Guests => Table::Guests,
            Self::Bookings => Table::Bookings,
            Self::Rates => Table::Rates,
            Self::CompetitorPrices => Table::CompetitorPrices,
            Self::Events => Table::EventsCalendar,
            Self::Closures => Table::Closures,
            Self::ServiceUses => Table::ServiceUses,
        }
    }

    /// Its name in the schema.
    pub fn as_str(self) -> &'static str {
        self.table().as_str()
    }
}

/// The state of a table: two that are equal are of the same rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Fingerprint {
    /// Rows of the hotel.
    pub rows: u64,
    /// Transactions that changed them.
    pub changes: u64,
    /// Made by the last one; nil where nothing was ever written. Two copies of a database that went different ways
    /// have none in common.
    pub mark: Uuid,
}

impl fmt::Display for Fingerprint {
    /// `ROWS-CHANGES-MARK`, which can be a file's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.rows, self.changes, self.mark.simple())
    }
}

const COLUMNS: [Col; 4] = [Col::Name, Col::RowCount, Col::ChangeCount, Col::Mark];

fn fingerprint(row: &Row) -> Result<Fingerprint, StoreError> {
    Ok(Fingerprint {
        rows: count(row, "row_count")?,
        changes: count(row, "change_count")?,
        mark: parse(row, "mark")?,
    })
}

/// As the table stands before the caller's transaction changes it; `None` where it never was changed.
pub(crate) async fn before(
    conn: &mut Conn,
    scope: Scope<'_>,
    table: HotelTable,
) -> Result<Option<Fingerprint>, StoreError> {
    let query =
        scope.select(Table::ChangeCounts, &COLUMNS).and_where(Expr::col(Col::Name).eq(table.as_str())).take();
    fetch_optional(conn, &query).await?.as_ref().map(fingerprint).transpose()
}

/// Counts the change that the caller's transaction made.
pub(crate) async fn count_change(
    conn: &mut Conn,
    scope: Scope<'_>,
    table: HotelTable,
    before: Option<Fingerprint>,
    (inserted, removed): (u64, u64),
) -> Result<(), StoreError> {
    let was = before.unwrap_or_default();
    let rows = was.rows.saturating_add(inserted).saturating_sub(removed) as i64;
    let changes = was.changes as i64 + 1;
    let mark = Uuid::now_v7().to_string();
    if before.is_some() {
        let update = scope
            .update(Table::ChangeCounts)
            .value(Col::RowCount, rows)
            .value(Col::ChangeCount, changes)
            .value(Col::Mark, mark)
            .and_where(Expr::col(Col::Name).eq(table.as_str()))
            .take();
        execute(conn, &update).await?;
    } else {
        let insert = scope.insert(
            Table::ChangeCounts,
            [
                (Col::Name, Expr::value(table.as_str())),
                (Col::RowCount, Expr::value(rows)),
                (Col::ChangeCount, Expr::value(changes)),
                (Col::Mark, Expr::value(mark)),
            ],
        )?;
        execute(conn, &insert).await?;
    }
    Ok(())
}

impl HotelStore {
    /// The state of one table, without reading it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn fingerprint(&self, table: HotelTable) -> Result<Fingerprint, StoreError> {
        let found = before(&mut *self.reader().await?, self.scope(), table).await?;
        Ok(found.unwrap_or_default())
    }

    /// The state of the bookings, which changes whenever one of them does.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn bookings_fingerprint(&self) -> Result<Fingerprint, StoreError> {
        self.fingerprint(HotelTable::Bookings).await
    }

    /// The state of every table at one moment, in the order of [`HotelTable::ALL`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn fingerprints(&self) -> Result<Vec<(HotelTable, Fingerprint)>, StoreError> {
        let rows = self.rows(&self.scope().select(Table::ChangeCounts, &COLUMNS)).await?;
        let mut found: Vec<_> = HotelTable::ALL.map(|table| (table, Fingerprint::default())).into();
        for row in &rows {
            let name: String = get(row, "name")?;
            for (table, state) in &mut found {
                if table.as_str() == name {
                    *state = fingerprint(row)?;
                }
            }
        }
        Ok(found)
    }
}
