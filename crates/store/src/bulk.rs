//! Many rows into one table at once, in the form that each engine takes fastest: long `VALUES` on `SQLite`, one array a
//! column on `PostgreSQL`. Names come from `schema`; every value is bound.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::hash::Hash;
use std::ops::AddAssign;
use std::sync::Arc;

use innkeeper_core::HotelId;
use sea_query::IdenStatic;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe};

use crate::StoreError;
use crate::engine::Conn;
use crate::enrolment::invalid;
use crate::schema::{Col, Kind, Table};

/// Most rows that one batch may hold.
pub const MAX_BATCH: usize = 10_000;
/// Longest text of a column that other systems fill, in bytes.
const MAX_TEXT: usize = 256;
/// Values that one statement of `SQLite` binds at most; it allows 32,766. Longer statements are hardly faster, and
/// prepared ones stay in memory.
const BOUND: usize = 8_000;

/// What a batch did. The four sum to the rows that were given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Upserted {
    /// New rows.
    pub inserted: u64,
    /// Rows that were there and are different now.
    pub changed: u64,
    /// Rows that were there just so.
    pub unchanged: u64,
    /// Rows of the batch after which the same batch has another of the same key: the last one stands.
    pub repeated: u64,
}

impl AddAssign for Upserted {
    fn add_assign(&mut self, more: Self) {
        self.inserted += more.inserted;
        self.changed += more.changed;
        self.unchanged += more.unchanged;
        self.repeated += more.repeated;
    }
}

/// Refuses a text that a table does not take.
pub(crate) fn check_text(field: &'static str, text: &str) -> Result<(), StoreError> {
    if text.len() > MAX_TEXT {
        return Err(invalid(field, "must be at most 256 bytes long"));
    }
    // PostgreSQL keeps none.
    if text.as_bytes().contains(&0) {
        return Err(invalid(field, "must not hold a NUL character"));
    }
    Ok(())
}

/// One value of a row, of the kind that its column has.
#[derive(Debug, Clone)]
pub(crate) enum Cell<'a> {
    Null,
    Text(&'a str),
    Owned(String),
    Int(i64),
    Bool(bool),
    Bytes(Vec<u8>),
}

impl<'a> Cell<'a> {
    /// A text that other systems gave.
    pub(crate) fn text(column: Col, text: &'a str) -> Result<Self, StoreError> {
        check_text(column.as_str(), text)?;
        Ok(Self::Text(text))
    }

    pub(crate) fn optional_text(column: Col, text: Option<&'a str>) -> Result<Self, StoreError> {
        text.map_or(Ok(Self::Null), |text| Self::text(column, text))
    }

    pub(crate) fn int(number: Option<impl Into<i64>>) -> Self {
        number.map_or(Self::Null, |number| Self::Int(number.into()))
    }

    fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Owned(text) => Some(text),
            _ => None,
        }
    }

    fn as_int(&self) -> Option<i64> {
        if let Self::Int(number) = self { Some(*number) } else { None }
    }

    fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(flag) = self { Some(*flag) } else { None }
    }

    fn as_bytes(&self) -> Option<&[u8]> {
        if let Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }
}

/// A table whose rows come in batches.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BulkTable {
    pub table: Table,
    /// What tells its rows apart within the hotel.
    pub key: &'static [(Col, Kind)],
    /// What may change.
    pub values: &'static [(Col, Kind)],
    /// Whether rows keep when they were made and with which change they were written.
    pub stamped: bool,
}

/// What is the same for every row of a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stamp<'a> {
    pub hotel: &'a HotelId,
    pub at: i64,
    pub number: i64,
}

/// Rows that a batch wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Written {
    pub inserted: u64,
    pub changed: u64,
}

impl BulkTable {
    fn name(&self) -> &'static str {
        self.table.as_str()
    }

    fn columns(&self) -> impl Iterator<Item = (Col, Kind)> {
        self.key.iter().chain(self.values).copied()
    }

    /// Cells of a row.
    pub(crate) fn width(&self) -> usize {
        self.key.len() + self.values.len()
    }

    /// Up to the columns' closing bracket. The first one or three are the [`Stamp`].
    fn insert_into(&self) -> String {
        let mut sql = format!("INSERT INTO \"{}\" (\"hotel_id\"", self.name());
        if self.stamped {
            sql.push_str(", \"created_at\", \"change_number\"");
        }
        for (column, _) in self.columns() {
            let _ = write!(sql, ", \"{}\"", column.as_str());
        }
        sql.push(')');
        sql
    }

    /// A row that is there just so is not written, and not counted.
    fn on_conflict(&self) -> String {
        let mut sql = " ON CONFLICT (\"hotel_id\"".to_owned();
        for (column, _) in self.key {
            let _ = write!(sql, ", \"{}\"", column.as_str());
        }
        if self.values.is_empty() {
            sql.push_str(") DO NOTHING");
            return sql;
        }
        sql.push_str(") DO UPDATE SET ");
        let stamp = self.stamped.then_some("change_number");
        let names = || self.values.iter().map(|(column, _)| column.as_str());
        for (n, name) in names().chain(stamp).enumerate() {
            let _ = write!(sql, "{}\"{name}\" = excluded.\"{name}\"", if n == 0 { "" } else { ", " });
        }
        for (n, name) in names().enumerate() {
            let word = if n == 0 { " WHERE" } else { " OR" };
            let _ = write!(sql, "{word} \"{}\".\"{name}\" IS DISTINCT FROM excluded.\"{name}\"", self.name());
        }
        sql
    }

    /// The statement for so many rows.
    fn sqlite(&self, rows: usize) -> String {
        // Not numbered, since the stamp is given with each row: sqlx counts what has no number from the first value.
        let row = format!("({}?{})", if self.stamped { "?, ?, " } else { "" }, ", ?".repeat(self.width()));
        let mut sql = self.insert_into();
        for n in 0..rows {
            sql.push_str(if n == 0 { " VALUES " } else { ", " });
            sql.push_str(&row);
        }
        sql + &self.on_conflict()
    }

    /// The statement for any number of rows, which tells how many were written and how many of them are new: a row
    /// that was there has been locked by this transaction before it was written again.
    fn postgres(&self) -> String {
        let stamp = if self.stamped { "$1::text, $2::bigint, $3::bigint" } else { "$1::text" };
        let first = if self.stamped { 4 } else { 2 };
        let mut arrays = String::new();
        for (n, (_, kind)) in self.columns().enumerate() {
            let kind = match kind {
                Kind::Text => "text",
                Kind::Int => "bigint",
                Kind::Real => "float8",
                Kind::Bool => "boolean",
                Kind::Bytes => "bytea",
            };
            let _ = write!(arrays, "{}${}::{kind}[]", if n == 0 { "" } else { ", " }, n + first);
        }
        format!(
            "WITH written AS ({} SELECT {stamp}, sent.* FROM UNNEST({arrays}) AS sent{} RETURNING (xmax = 0) AS fresh) \
             SELECT count(*), count(*) FILTER (WHERE fresh) FROM written",
            self.insert_into(),
            self.on_conflict(),
        )
    }

    /// Writes the rows, which have no key twice: `cells` row after row, key first.
    pub(crate) async fn write(
        &self,
        conn: &mut Conn,
        stamp: Stamp<'_>,
        cells: &[Cell<'_>],
    ) -> Result<Written, StoreError> {
        if cells.is_empty() {
            return Ok(Written::default());
        }
        match conn {
            Conn::Sqlite(tx) => {
                let top = format!("SELECT COALESCE(max(rowid), 0) FROM \"{}\"", self.name());
                let top: Arc<str> = top.into();
                let top_row = || sqlx::query_scalar::<_, i64>(AssertSqlSafe(Arc::clone(&top)));
                let before = top_row().fetch_one(&mut **tx).await?;
                let rows_each = (BOUND / self.width()).max(1);
                let full: Arc<str> = self.sqlite(rows_each.min(cells.len() / self.width())).into();
                let mut written = 0;
                for chunk in cells.chunks(rows_each * self.width()) {
                    let rows = chunk.len() / self.width();
                    let whole = rows == rows_each;
                    let sql = if whole || written == 0 && chunk.len() == cells.len() {
                        Arc::clone(&full)
                    } else {
                        self.sqlite(rows).into()
                    };
                    let arguments = self.sqlite_arguments(stamp, chunk)?;
                    // A statement of another length would only drive others out of the connection's memory.
                    let query = sqlx::query_with(AssertSqlSafe(sql), arguments).persistent(whole);
                    written += query.execute(&mut **tx).await?.rows_affected();
                }
                // Nobody else writes meanwhile, and a new row is numbered one above the highest.
                let inserted = top_row().fetch_one(&mut **tx).await?.abs_diff(before);
                Ok(Written { inserted, changed: written.saturating_sub(inserted) })
            }
            Conn::Postgres(tx) => {
                let arguments = self.postgres_arguments(stamp, cells)?;
                let query = sqlx::query_as_with(AssertSqlSafe(self.postgres()), arguments);
                let (written, inserted): (i64, i64) = query.fetch_one(&mut **tx).await?;
                let (written, inserted) = (written.unsigned_abs(), inserted.unsigned_abs());
                Ok(Written { inserted, changed: written.saturating_sub(inserted) })
            }
        }
    }

    fn sqlite_arguments(&self, stamp: Stamp<'_>, cells: &[Cell<'_>]) -> Result<SqliteArguments, StoreError> {
        let mut arguments = SqliteArguments::default();
        arguments.reserve(cells.len() / self.width() * (self.width() + 3), 0);
        let hotel: Arc<str> = stamp.hotel.as_str().into();
        for row in cells.chunks(self.width()) {
            arguments.add(Arc::clone(&hotel)).map_err(encode)?;
            if self.stamped {
                arguments.add(stamp.at).map_err(encode)?;
                arguments.add(stamp.number).map_err(encode)?;
            }
            for cell in row {
                match cell {
                    Cell::Null => arguments.add(None::<i64>),
                    Cell::Text(text) => arguments.add(*text),
                    Cell::Owned(text) => arguments.add(text.as_str()),
                    Cell::Int(number) => arguments.add(*number),
                    Cell::Bool(flag) => arguments.add(*flag),
                    Cell::Bytes(bytes) => arguments.add(bytes.as_slice()),
                }
                .map_err(encode)?;
            }
        }
        Ok(arguments)
    }

    fn postgres_arguments(&self, stamp: Stamp<'_>, cells: &[Cell<'_>]) -> Result<PgArguments, StoreError> {
        let mut arguments = PgArguments::default();
        arguments.add(stamp.hotel.as_str()).map_err(encode)?;
        if self.stamped {
            arguments.add(stamp.at).map_err(encode)?;
            arguments.add(stamp.number).map_err(encode)?;
        }
        for (n, (_, kind)) in self.columns().enumerate() {
            let column = cells.iter().skip(n).step_by(self.width());
            match kind {
                Kind::Text => arguments.add(column.map(Cell::as_text).collect::<Vec<_>>()),
                Kind::Int => arguments.add(column.map(Cell::as_int).collect::<Vec<_>>()),
                // No batch brings any.
                Kind::Real => arguments.add(vec![None::<f64>; column.count()]),
                Kind::Bool => arguments.add(column.map(Cell::as_bool).collect::<Vec<_>>()),
                Kind::Bytes => arguments.add(column.map(Cell::as_bytes).collect::<Vec<_>>()),
            }
            .map_err(encode)?;
        }
        Ok(arguments)
    }
}

fn encode(source: Box<dyn std::error::Error + Send + Sync>) -> StoreError {
    StoreError::Database(sqlx::Error::Encode(source))
}

/// The last row of each key, in the order of the rows.
pub(crate) fn last_of_each<'a, T, K: Hash + Eq>(rows: &'a [T], key: impl Fn(&'a T) -> K) -> Vec<&'a T> {
    let mut last = HashMap::with_capacity(rows.len());
    for (n, row) in rows.iter().enumerate() {
        last.insert(key(row), n);
    }
    if last.len() == rows.len() {
        return rows.iter().collect();
    }
    rows.iter().enumerate().filter(|(n, row)| last.get(&key(row)) == Some(n)).map(|(_, row)| row).collect()
}
