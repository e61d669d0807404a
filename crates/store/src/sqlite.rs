//! `SQLite`: one file, one writer at a time in the whole world.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Row as _, Sqlite, SqlitePool, Transaction};

use crate::store::ACQUIRE_TIMEOUT;
use crate::{StoreError, migrations};

/// Takes the write lock at once: a transaction that reads first and writes later could be refused in
/// between, after its reads went stale.
const BEGIN_WRITE: &str = "BEGIN IMMEDIATE";
/// How long a statement waits for a lock that another process holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Readers do not block each other or the writer in WAL mode; more than this only costs memory.
const READERS: u32 = 4;
/// What the writer may keep of the file in memory, in KiB (negative is how `SQLite` tells KiB from pages).
const WRITER_CACHE: &str = "-65536";
/// How long a scrub may hold up writers while it waits for a reader to finish.
const SCRUB_TIMEOUT: Duration = Duration::from_millis(250);

#[derive(Debug, Clone)]
pub(crate) struct SqlitePools {
    writer: SqlitePool,
    readers: SqlitePool,
    scrubber: SqlitePool,
}

impl SqlitePools {
    pub(crate) async fn open(path: &Path) -> Result<Self, StoreError> {
        create(path).map_err(|source| StoreError::File { path: path.to_owned(), source })?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .synchronous(SqliteSynchronous::Full)
            .pragma("secure_delete", "ON");
        let open = |source| StoreError::Open { path: path.to_owned(), source };
        let pool = || {
            SqlitePoolOptions::new()
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .idle_timeout(None)
                .max_lifetime(None)
                .test_before_acquire(false)
        };
        let writer = pool()
            .max_connections(1)
            .connect_with(
                // An import of a million bookings goes through the whole index of their ids with each batch.
                options.clone().journal_mode(SqliteJournalMode::Wal).pragma("cache_size", WRITER_CACHE),
            )
            .await
            .map_err(open)?;
        // Of two processes that start at once one waits here.
        let mut tx = writer.begin_with(BEGIN_WRITE).await?;
        migrations::migrate(&mut *tx, &migrations::SQLITE).await?;
        tx.commit().await?;
        let readers = pool()
            .max_connections(READERS)
            .connect_with(options.clone().pragma("query_only", "ON"))
            .await
            .map_err(open)?;
        let scrubber = pool().max_connections(1).connect_lazy_with(options.busy_timeout(SCRUB_TIMEOUT));
        Ok(Self { writer, readers, scrubber })
    }

    pub(crate) async fn read(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        Ok(self.readers.begin().await?)
    }

    pub(crate) fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    pub(crate) async fn write(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        Ok(self.writer.begin_with(BEGIN_WRITE).await?)
    }

    /// Writes the file anew: pages that are free keep no old content.
    pub(crate) async fn rewrite(&self) -> Result<(), StoreError> {
        sqlx::query("VACUUM").execute(&self.writer).await?;
        Ok(())
    }

    /// Empties the write-ahead log; `false` when a reader still needs it.
    pub(crate) async fn scrub(&self) -> Result<bool, StoreError> {
        let row = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&self.scrubber).await?;
        Ok(row.try_get::<i64, _>("busy")? == 0)
    }

    /// The write-ahead log is folded into the file by the connection that closes last.
    pub(crate) async fn close(&self) {
        self.scrubber.close().await;
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Creates the file before the engine does, because the engine would let everyone on the machine read it.
/// The write-ahead log takes over the file's mode.
fn create(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}
