//! `PostgreSQL`: a server that several processes share. Three locks keep what `SQLite` gives by having one
//! writer:
//!
//! - Writers of one hotel queue for its row in `hotels`, which also holds the end of its audit chain. Each
//!   later statement sees what the one before committed (READ COMMITTED), so it decides on the newest rows.
//! - Work over every hotel excludes every other writer by an advisory lock that writers of a hotel share.
//!   So it may read, think and write; and no two transactions lock rows in opposite order.
//! - Migrations have a lock of their own: of several pods that start at once one migrates.

use std::str::FromStr;
use std::time::Duration;

use innkeeper_core::HotelId;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection as _, PgPool, Postgres};

use crate::engine::Whose;
use crate::store::ACQUIRE_TIMEOUT;
use crate::{StoreError, migrations};

/// Names of advisory locks within the database; any two numbers that nobody else takes.
const WRITE_LOCK: i64 = 0x1ee_0001;
const MIGRATE_LOCK: i64 = 0x1ee_0002;

/// How long a statement waits for a lock: as long as a writer waits for its turn on the other engine.
const LOCK_TIMEOUT: Duration = ACQUIRE_TIMEOUT;
/// A transaction that does nothing for so long was left behind by a process that hangs. It holds up its
/// hotel, so the server ends it.
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);

/// How the store uses a `PostgreSQL` server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresSettings {
    /// Connections that write, at least 1. Writers of one hotel queue, those of others do not.
    pub writers: u32,
    /// Connections that read, at least 1; apart from the writers, so that a queue of these keeps no reader out.
    pub readers: u32,
    /// Longest time one statement may take, in steps of a millisecond; longer than 15 s, the wait for a
    /// lock.
    pub statement_timeout: Duration,
}

impl Default for PostgresSettings {
    /// 8 writers, 8 readers, 30 s.
    fn default() -> Self {
        Self { writers: 8, readers: 8, statement_timeout: Duration::from_secs(30) }
    }
}

/// A connection within a transaction, which is rolled back when it returns to its pool without [`commit`].
pub(crate) type PgTx = PoolConnection<Postgres>;

#[derive(Debug, Clone)]
pub(crate) struct PostgresPools {
    writers: PgPool,
    readers: PgPool,
}

impl PostgresPools {
    pub(crate) async fn connect(url: &str, settings: &PostgresSettings) -> Result<Self, StoreError> {
        if settings.writers == 0 || settings.readers == 0 {
            return Err(StoreError::Invalid { field: "connections", reason: "must be at least 1" });
        }
        // The engine's own message could quote the URL, which may hold a password.
        let options = PgConnectOptions::from_str(url).map_err(|_| StoreError::Invalid {
            field: "the database URL",
            reason: "must look like postgres://user@host:5432/database",
        })?;
        let place = place(&options);
        let options = options.application_name("innkeeper").options([
            ("lock_timeout", LOCK_TIMEOUT.as_millis()),
            ("statement_timeout", settings.statement_timeout.as_millis()),
            ("idle_in_transaction_session_timeout", IDLE_TIMEOUT.as_millis()),
        ]);
        // Else every ROLLBACK after a COMMIT would be logged as a warning.
        let options = options.options([("client_min_messages", "error")]);
        // Not through a pool, which would go on trying where nobody listens and then only say that it took
        // too long.
        let mut first = PgConnection::connect_with(&options)
            .await
            .map_err(|source| StoreError::Connect { place, source })?;
        migrate(&mut first).await?;
        warn_of_privilege(&mut first).await?;
        first.close().await?;
        let pool = |connections| {
            PgPoolOptions::new()
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .max_connections(connections)
                // Whatever its last holder left unfinished, wherever the call was dropped.
                .after_release(|conn, _| {
                    Box::pin(async move { sqlx::raw_sql("ROLLBACK").execute(conn).await.map(|_| true) })
                })
                .connect_lazy_with(options.clone())
        };
        Ok(Self { writers: pool(settings.writers), readers: pool(settings.readers) })
    }

    pub(crate) async fn read(&self, whose: Whose<'_>) -> Result<PgTx, StoreError> {
        begin(&self.readers, "ISOLATION LEVEL REPEATABLE READ READ ONLY", whose, "").await
    }

    pub(crate) async fn write(&self, whose: Whose<'_>) -> Result<PgTx, StoreError> {
        let shared = if whose.is_some() { "_shared" } else { "" };
        let lock = format!("; SELECT pg_advisory_xact_lock{shared}({WRITE_LOCK})");
        begin(&self.writers, "ISOLATION LEVEL READ COMMITTED", whose, &lock).await
    }

    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writers.close().await;
    }
}

/// Where a server is, without the user's name or password.
fn place(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or_else(|| options.get_username());
    match options.get_socket() {
        Some(folder) => format!("{database} in {}", folder.display()),
        None => format!("{database} on {}:{}", options.get_host(), options.get_port()),
    }
}

/// All in one transaction, so that a migration that fails half-way leaves the old schema.
async fn migrate(conn: &mut PgConnection) -> Result<(), StoreError> {
    let mut tx = conn.begin().await?;
    let alone = format!(
        "SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0; SELECT pg_advisory_xact_lock({MIGRATE_LOCK})"
    );
    sqlx::raw_sql(AssertSqlSafe(alone)).execute(&mut *tx).await?;
    migrations::migrate(&mut *tx, &migrations::POSTGRES).await?;
    tx.commit().await?;
    Ok(())
}

/// Statements name their hotel in any case; the policies are the second wall, and some roles walk through it.
async fn warn_of_privilege(conn: &mut PgConnection) -> Result<(), StoreError> {
    let query = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user";
    if sqlx::query_scalar(query).fetch_one(conn).await? {
        tracing::warn!(
            "the database role bypasses row-level security: give the service a role that is no superuser and \
             has no BYPASSRLS"
        );
    }
    Ok(())
}

/// Begins, says for whom and takes the lock in one round trip. Not the engine's own transaction: that one forgets
/// a BEGIN that was cancelled or refused a lock, and hands the next caller a connection in the middle of it.
async fn begin(pool: &PgPool, mode: &str, whose: Whose<'_>, then: &str) -> Result<PgTx, StoreError> {
    let mut conn = pool.acquire().await?;
    // A hotel's id holds nothing that would end the quotes, and is never a star.
    let hotel = whose.map_or("*", HotelId::as_str);
    let sql = format!("BEGIN {mode}; SET LOCAL innkeeper.hotel = '{hotel}'{then}");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *conn).await?;
    Ok(conn)
}

/// The server answers COMMIT in a failed transaction with a silent rollback; the query before it does not.
pub(crate) async fn commit(mut tx: PgTx) -> Result<(), StoreError> {
    sqlx::raw_sql("SELECT 1; COMMIT").execute(&mut *tx).await?;
    Ok(())
}
