//! Files that were read in, and what became of them.

use chrono::{DateTime, Utc};
use sea_query::{Expr, ExprTrait, Order};
use uuid::Uuid;

use crate::bulk::Upserted;
use crate::engine::{Conn, Row, at_most, count, execute, get, parse};
use crate::enrolment::invalid;
use crate::schema::{Col, Table};
use crate::scope::Scope;
use crate::store::commit;
use crate::time::{micros, optional_time, time};
use crate::{HotelStore, StoreError};

/// A file that is about to be read in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewImport {
    /// Its id; version 7.
    pub id: Uuid,
    /// What the file holds: `bookings`, `rates`, …
    pub kind: String,
    /// Its name, without folders.
    pub file_name: Option<String>,
    /// SHA-256 of its bytes: 64 hexadecimal digits.
    pub file_sha256: Option<String>,
    /// Who reads it in.
    pub started_by: String,
    /// When.
    pub started_at: DateTime<Utc>,
}

/// A file that was read in, or is being read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// As it began.
    pub new: NewImport,
    /// When it ended; `None` while it runs, or when it was cut short.
    pub finished_at: Option<DateTime<Utc>>,
    /// Rows of the file that could be read; 0 until the end.
    pub accepted: u64,
    /// Rows of the file that could not; 0 until the end.
    pub rejected: u64,
    /// Rows written so far that were new.
    pub inserted: u64,
    /// Rows written so far that were there otherwise.
    pub changed: u64,
    /// Rows so far that were there just so, or repeated in their batch.
    pub unchanged: u64,
}

const COLUMNS: [Col; 12] = [
    Col::Id,
    Col::Kind,
    Col::FileName,
    Col::FileSha256,
    Col::StartedBy,
    Col::StartedAt,
    Col::FinishedAt,
    Col::Accepted,
    Col::Rejected,
    Col::Inserted,
    Col::Changed,
    Col::Unchanged,
];

fn import(row: &Row) -> Result<Import, StoreError> {
    Ok(Import {
        new: NewImport {
            id: parse(row, "id")?,
            kind: get(row, "kind")?,
            file_name: get(row, "file_name")?,
            file_sha256: get(row, "file_sha256")?,
            started_by: get(row, "started_by")?,
            started_at: time(row, "started_at")?,
        },
        finished_at: optional_time(row, "finished_at")?,
        accepted: count(row, "accepted")?,
        rejected: count(row, "rejected")?,
        inserted: count(row, "inserted")?,
        changed: count(row, "changed")?,
        unchanged: count(row, "unchanged")?,
    })
}

/// Adds what a batch did, in its transaction.
pub(crate) async fn count_batch(
    conn: &mut Conn,
    scope: Scope<'_>,
    import: Uuid,
    done: Upserted,
) -> Result<(), StoreError> {
    let more = |column: Col, rows: u64| (column, Expr::col(column).add(rows as i64));
    let update = scope
        .update(Table::Imports)
        .values([
            more(Col::Inserted, done.inserted),
            more(Col::Changed, done.changed),
            more(Col::Unchanged, done.unchanged + done.repeated),
        ])
        .and_where(Expr::col(Col::Id).eq(import.to_string()))
        .take();
    if execute(conn, &update).await? == 0 {
        return Err(invalid("import_id", "must name an import that was begun"));
    }
    Ok(())
}

impl HotelStore {
    /// Writes down that a file is going to be read in.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the id is taken, [`StoreError::Constraint`] for a hash of another length.
    pub async fn begin_import(&self, new: &NewImport) -> Result<(), StoreError> {
        let mut tx = self.begin(new.started_at).await?;
        let zero = |column: Col| (column, Expr::value(0_i64));
        let insert = self.scope().insert(
            Table::Imports,
            [
                (Col::Id, Expr::value(new.id.to_string())),
                (Col::Kind, Expr::value(new.kind.as_str())),
                (Col::FileName, Expr::value(new.file_name.as_deref())),
                (Col::FileSha256, Expr::value(new.file_sha256.as_deref())),
                (Col::StartedBy, Expr::value(new.started_by.as_str())),
                (Col::StartedAt, Expr::value(micros(new.started_at))),
                zero(Col::Accepted),
                zero(Col::Rejected),
                zero(Col::Inserted),
                zero(Col::Changed),
                zero(Col::Unchanged),
            ],
        )?;
        execute(&mut tx, &insert).await?;
        commit(tx).await
    }

    /// Writes down the end of it, with the rows of the file that could and could not be read. Every batch before is on the
    /// disk by then. `false` when there is no such import.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn finish_import(
        &self,
        id: Uuid,
        accepted: u64,
        rejected: u64,
        at: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let Some(mut tx) = self.begin_known().await? else { return Ok(false) };
        let rows = |rows: u64| i64::try_from(rows).unwrap_or(i64::MAX);
        let update = self
            .scope()
            .update(Table::Imports)
            .value(Col::FinishedAt, micros(at))
            .value(Col::Accepted, rows(accepted))
            .value(Col::Rejected, rows(rejected))
            .and_where(Expr::col(Col::Id).eq(id.to_string()))
            .take();
        let found = execute(&mut tx, &update).await? > 0;
        commit(tx).await?;
        Ok(found)
    }

    /// The last imports, newest first, at most `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn imports(&self, limit: usize) -> Result<Vec<Import>, StoreError> {
        let query = self
            .scope()
            .select(Table::Imports, &COLUMNS)
            .order_by(Col::StartedAt, Order::Desc)
            .order_by(Col::Id, Order::Desc)
            .limit(at_most(limit))
            .take();
        self.rows(&query).await?.iter().map(import).collect()
    }
}
