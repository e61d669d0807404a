//! The two SQL engines behind one face: a transaction, a row, and how a built statement runs. How each is
//! opened and locked stands in `sqlite` and `postgres`; no other file names them.

use std::ops::{Deref, DerefMut};
use std::str::FromStr;

use futures_util::TryStreamExt as _;
use innkeeper_core::HotelId;
use sea_query::{PostgresQueryBuilder, QueryBuilder, SelectStatement, SqliteQueryBuilder};
use sea_query_sqlx::{SqlxBinder, SqlxValues};
use sqlx::{AssertSqlSafe, Postgres, Row as _, Sqlite};

use crate::StoreError;
use crate::postgres::{self, PgTx, PostgresPools};
use crate::sqlite::SqlitePools;

/// Ids bound in one statement; the engines allow 32,766 and 65,535.
pub(crate) const CHUNK: usize = 500;

/// Whose rows a transaction may see; `None` is background work over every hotel.
pub(crate) type Whose<'a> = Option<&'a HotelId>;

#[derive(Debug, Clone)]
pub(crate) enum Engine {
    Sqlite(SqlitePools),
    Postgres(PostgresPools),
}

impl Engine {
    /// One snapshot of the tables, which cannot write.
    pub(crate) async fn read(&self, whose: Whose<'_>) -> Result<Tx, StoreError> {
        Ok(Tx(match self {
            Self::Sqlite(pools) => Conn::Sqlite(pools.read().await?),
            Self::Postgres(pools) => Conn::Postgres(pools.read(whose).await?),
        }))
    }

    /// A transaction in which every statement sees what was committed before it, and no other writer over
    /// every hotel comes in between. Of two in one hotel the second waits at [`crate::HotelStore::begin`].
    pub(crate) async fn write(&self, whose: Whose<'_>) -> Result<Tx, StoreError> {
        Ok(Tx(match self {
            Self::Sqlite(pools) => Conn::Sqlite(pools.write().await?),
            Self::Postgres(pools) => Conn::Postgres(pools.write(whose).await?),
        }))
    }

    /// The rows of one statement, which is a snapshot of its own. On `SQLite` nothing needs to be begun for it and
    /// ended after it; each of these is a message to the connection's thread and an answer.
    pub(crate) async fn rows(
        &self,
        whose: Whose<'_>,
        statement: &(impl SqlxBinder + Sync),
    ) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Sqlite(pools) => {
                let (sql, values) = build(statement, SqliteQueryBuilder);
                let rows = sqlx::query_with(sql, values).fetch_all(pools.readers()).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            // There the transaction says whose rows may be seen.
            Self::Postgres(_) => fetch_all(&mut *self.read(whose).await?, statement).await,
        }
    }

    /// Whether all writers of the database queue for one transaction, so that none needs to lock rows.
    pub(crate) fn has_one_writer(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(pools) => pools.close().await,
            Self::Postgres(pools) => pools.close().await,
        }
    }

    /// Writes the database anew without what was overwritten in it.
    pub(crate) async fn rewrite(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(pools) => pools.rewrite().await,
            // Nothing was ever plain there.
            Self::Postgres(_) => Ok(()),
        }
    }

    pub(crate) async fn scrub(&self) -> Result<bool, StoreError> {
        match self {
            Self::Sqlite(pools) => pools.scrub().await,
            // Nothing to order here: dead rows stay in the pages until the server's autovacuum frees them, and
            // in its log and backups for as long as those are kept. A VACUUM for each deletion would burden
            // every other session and still leave the log.
            Self::Postgres(_) => Ok(true),
        }
    }
}

/// A running transaction, where statements go.
#[derive(Debug)]
pub(crate) enum Conn {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(PgTx),
}

/// Whoever holds it decides about the transaction. Dropped without a commit, nothing happened.
#[derive(Debug)]
pub(crate) struct Tx(Conn);

impl Tx {
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        match self.0 {
            Conn::Sqlite(tx) => Ok(tx.commit().await?),
            Conn::Postgres(tx) => postgres::commit(tx).await,
        }
    }
}

impl Deref for Tx {
    type Target = Conn;
    fn deref(&self) -> &Conn {
        &self.0
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.0
    }
}

pub(crate) enum Row {
    Sqlite(sqlx::sqlite::SqliteRow),
    Postgres(sqlx::postgres::PgRow),
}

/// The text holds only names from `schema` and placeholders; every value is bound.
fn build(statement: &impl SqlxBinder, engine: impl QueryBuilder) -> (AssertSqlSafe<String>, SqlxValues) {
    let (sql, values) = statement.build_sqlx(engine);
    (AssertSqlSafe(sql), values)
}

pub(crate) async fn execute(
    conn: &mut Conn,
    statement: &(impl SqlxBinder + Sync),
) -> Result<u64, StoreError> {
    Ok(match conn {
        Conn::Sqlite(tx) => {
            let (sql, values) = build(statement, SqliteQueryBuilder);
            sqlx::query_with(sql, values).execute(&mut **tx).await?.rows_affected()
        }
        Conn::Postgres(tx) => {
            let (sql, values) = build(statement, PostgresQueryBuilder);
            sqlx::query_with(sql, values).execute(&mut **tx).await?.rows_affected()
        }
    })
}

pub(crate) async fn fetch_all(
    conn: &mut Conn,
    statement: &(impl SqlxBinder + Sync),
) -> Result<Vec<Row>, StoreError> {
    Ok(match conn {
        Conn::Sqlite(tx) => {
            let (sql, values) = build(statement, SqliteQueryBuilder);
            let rows = sqlx::query_with(sql, values).fetch_all(&mut **tx).await?;
            rows.into_iter().map(Row::Sqlite).collect()
        }
        Conn::Postgres(tx) => {
            let (sql, values) = build(statement, PostgresQueryBuilder);
            let rows = sqlx::query_with(sql, values).fetch_all(&mut **tx).await?;
            rows.into_iter().map(Row::Postgres).collect()
        }
    })
}

pub(crate) async fn fetch_optional(
    conn: &mut Conn,
    statement: &(impl SqlxBinder + Sync),
) -> Result<Option<Row>, StoreError> {
    Ok(match conn {
        Conn::Sqlite(tx) => {
            let (sql, values) = build(statement, SqliteQueryBuilder);
            sqlx::query_with(sql, values).fetch_optional(&mut **tx).await?.map(Row::Sqlite)
        }
        Conn::Postgres(tx) => {
            let (sql, values) = build(statement, PostgresQueryBuilder);
            sqlx::query_with(sql, values).fetch_optional(&mut **tx).await?.map(Row::Postgres)
        }
    })
}

/// Hands the rows on one by one as the engine finds them; how many there were. Only a few are in memory at a time.
pub(crate) async fn for_each_row<E: From<StoreError>>(
    conn: &mut Conn,
    statement: &(impl SqlxBinder + Sync),
    mut each: impl FnMut(Row) -> Result<(), E>,
) -> Result<u64, E> {
    let mut rows = 0;
    match conn {
        Conn::Sqlite(tx) => {
            let (sql, values) = build(statement, SqliteQueryBuilder);
            let mut found = sqlx::query_with(sql, values).fetch(&mut **tx);
            while let Some(row) = found.try_next().await.map_err(StoreError::from)? {
                each(Row::Sqlite(row))?;
                rows += 1;
            }
        }
        Conn::Postgres(tx) => {
            let (sql, values) = build(statement, PostgresQueryBuilder);
            let mut found = sqlx::query_with(sql, values).fetch(&mut **tx);
            while let Some(row) = found.try_next().await.map_err(StoreError::from)? {
                each(Row::Postgres(row))?;
                rows += 1;
            }
        }
    }
    Ok(rows)
}

/// What `open` makes of the rows in their order, until there are `limit`. A row of which it makes nothing is
/// looked past, so that a few such rows never fill a batch.
pub(crate) async fn fetch_some<T>(
    conn: &mut Conn,
    ordered: &SelectStatement,
    limit: usize,
    mut open: impl FnMut(&Row) -> Result<Option<T>, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let (mut found, mut seen) = (Vec::new(), 0);
    while found.len() < limit {
        let wanted = at_most(limit - found.len());
        let rows = fetch_all(conn, &ordered.clone().limit(wanted).offset(seen).take()).await?;
        for row in &rows {
            found.extend(open(row)?);
        }
        seen += rows.len() as u64;
        if (rows.len() as u64) < wanted {
            break;
        }
    }
    Ok(found)
}

/// What both engines can read out of a column.
pub(crate) trait Value:
    for<'r> sqlx::Decode<'r, Sqlite>
    + sqlx::Type<Sqlite>
    + for<'r> sqlx::Decode<'r, Postgres>
    + sqlx::Type<Postgres>
{
}

impl<T> Value for T where
    T: for<'r> sqlx::Decode<'r, Sqlite>
        + sqlx::Type<Sqlite>
        + for<'r> sqlx::Decode<'r, Postgres>
        + sqlx::Type<Postgres>
{
}

/// A column of a type the engines know.
pub(crate) fn get<T: Value>(row: &Row, column: &'static str) -> Result<T, StoreError> {
    match row {
        Row::Sqlite(row) => row.try_get(column),
        Row::Postgres(row) => row.try_get(column),
    }
    .map_err(|_| StoreError::Corrupt { column })
}

/// The same by its place among the columns that were asked for.
pub(crate) fn get_at<T: Value>(row: &Row, at: usize, column: &'static str) -> Result<T, StoreError> {
    match row {
        Row::Sqlite(row) => row.try_get(at),
        Row::Postgres(row) => row.try_get(at),
    }
    .map_err(|_| StoreError::Corrupt { column })
}

/// A text that stays where the row holds it.
pub(crate) fn text_at<'r>(
    row: &'r Row,
    at: usize,
    column: &'static str,
) -> Result<Option<&'r str>, StoreError> {
    match row {
        Row::Sqlite(row) => row.try_get(at),
        Row::Postgres(row) => row.try_get(at),
    }
    .map_err(|_| StoreError::Corrupt { column })
}

/// A text column that is one of our own types: an id, a model, an action.
pub(crate) fn parse<T: FromStr>(row: &Row, column: &'static str) -> Result<T, StoreError> {
    get::<String>(row, column)?.parse().map_err(|_| StoreError::Corrupt { column })
}

/// The same for a column that may be null.
pub(crate) fn parse_optional<T: FromStr>(row: &Row, column: &'static str) -> Result<Option<T>, StoreError> {
    get::<Option<String>>(row, column)?
        .map(|text| text.parse().map_err(|_| StoreError::Corrupt { column }))
        .transpose()
}

/// A row count or another number that is never negative.
pub(crate) fn count(row: &Row, column: &'static str) -> Result<u64, StoreError> {
    u64::try_from(get::<i64>(row, column)?).map_err(|_| StoreError::Corrupt { column })
}

/// A limit that the engines can be told; their numbers end at 2^63 - 1.
pub(crate) fn at_most(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX).min(i64::MAX as u64)
}
