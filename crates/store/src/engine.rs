//! The only file that names the SQL engine: types of connections and rows, and how a built statement runs.

use std::str::FromStr;

use sea_query::SqliteQueryBuilder;
use sea_query_sqlx::{SqlxBinder, SqlxValues};
use sqlx::{AssertSqlSafe, Row as _};

use crate::StoreError;

pub(crate) type Db = sqlx::Sqlite;
pub(crate) type Conn = sqlx::SqliteConnection;
pub(crate) type Row = sqlx::sqlite::SqliteRow;
pub(crate) type Tx = sqlx::Transaction<'static, Db>;

/// Takes the write lock at once: a transaction that reads first and writes later could be refused in
/// between, after its reads went stale.
pub(crate) const BEGIN_WRITE: &str = "BEGIN IMMEDIATE";

/// Ids bound in one statement; the engine allows 32,766.
pub(crate) const CHUNK: usize = 500;

/// The text holds only names from `schema` and placeholders; every value is bound.
fn build(statement: &impl SqlxBinder) -> (AssertSqlSafe<String>, SqlxValues) {
    let (sql, values) = statement.build_sqlx(SqliteQueryBuilder);
    (AssertSqlSafe(sql), values)
}

pub(crate) async fn execute(
    conn: &mut Conn,
    statement: &(impl SqlxBinder + Sync),
) -> Result<u64, StoreError> {
    let (sql, values) = build(statement);
    Ok(sqlx::query_with(sql, values).execute(conn).await?.rows_affected())
}

pub(crate) async fn fetch_all(
    conn: &mut Conn,
    statement: &(impl SqlxBinder + Sync),
) -> Result<Vec<Row>, StoreError> {
    let (sql, values) = build(statement);
    Ok(sqlx::query_with(sql, values).fetch_all(conn).await?)
}

pub(crate) async fn fetch_optional(
    conn: &mut Conn,
    statement: &(impl SqlxBinder + Sync),
) -> Result<Option<Row>, StoreError> {
    let (sql, values) = build(statement);
    Ok(sqlx::query_with(sql, values).fetch_optional(conn).await?)
}

/// A column of a type the engine knows.
pub(crate) fn get<T>(row: &Row, column: &'static str) -> Result<T, StoreError>
where
    T: for<'r> sqlx::Decode<'r, Db> + sqlx::Type<Db>,
{
    row.try_get(column).map_err(|_| StoreError::Corrupt { column })
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

/// A limit that the engine can be told; its numbers end at 2^63 - 1.
pub(crate) fn at_most(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX).min(i64::MAX as u64)
}
