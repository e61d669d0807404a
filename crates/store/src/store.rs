use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use innkeeper_core::{HotelId, WriteStage};
use innkeeper_sealing::KeyRing;
use sea_query::{Expr, OnConflict, Order, Query};
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use crate::engine::{BEGIN_WRITE, Db, Tx, execute, fetch_all, get, parse};
use crate::schema::{Col, Table};
use crate::scope::Scope;
use crate::secrets::PSEUDONYMS;
use crate::time::micros;
use crate::{StoreError, audit, migrations};

/// How long a statement waits for a lock that another process holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a caller waits for a connection; writers queue for the single one.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(15);
/// Readers do not block each other or the writer in WAL mode; more than this only costs memory.
const READERS: u32 = 4;
/// How long [`Store::scrub`] may hold up writers while it waits for a reader to finish.
const SCRUB_TIMEOUT: Duration = Duration::from_millis(250);

/// The tables of all hotels. Clones share the same connections.
///
/// Rows of a hotel are reached through [`Store::hotel`] only. The methods here serve background work over
/// every hotel: the vector and photo queues, the outbox, the proof of the audit log.
#[derive(Debug, Clone)]
pub struct Store {
    writer: sqlx::Pool<Db>,
    readers: sqlx::Pool<Db>,
    scrubber: sqlx::Pool<Db>,
    pub(crate) keys: KeyRing,
    /// Under what the audit log names persons; behind a lock because a copy brings its own.
    pseudonyms: Arc<RwLock<[u8; 32]>>,
}

/// The tables as one hotel sees them: every statement names the hotel.
#[derive(Debug, Clone)]
pub struct HotelStore {
    pub(crate) store: Store,
    pub(crate) hotel: HotelId,
}

impl Store {
    /// Opens the database file, creating it and its folder when they are missing, and migrates it. On Unix a
    /// new file can be read by its owner only.
    ///
    /// A commit is on the disk before the call that made it returns (WAL, `synchronous = FULL`), and deleted
    /// content is overwritten (`secure_delete`). Vectors and personal fields are sealed with `keys`; what an
    /// older version wrote plain is sealed, and its traces removed, before the store is handed out.
    ///
    /// # Errors
    /// [`StoreError::File`], [`StoreError::Open`], [`StoreError::Migration`],
    /// [`StoreError::NewerSchema`] when a later version of the program wrote the file,
    /// [`StoreError::MissingKeys`] when `keys` lacks some that sealed rows, and [`StoreError::Seal`] when a
    /// value is plain that must not be.
    pub async fn open(path: &Path, keys: KeyRing) -> Result<Self, StoreError> {
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
            .connect_with(options.clone().journal_mode(SqliteJournalMode::Wal))
            .await
            .map_err(open)?;
        migrations::migrate(&writer).await?;
        let readers = pool()
            .max_connections(READERS)
            .connect_with(options.clone().pragma("query_only", "ON"))
            .await
            .map_err(open)?;
        let scrubber = pool().max_connections(1).connect_lazy_with(options.busy_timeout(SCRUB_TIMEOUT));
        let pseudonyms = Arc::default();
        let store = Self { writer, readers, scrubber, keys, pseudonyms };
        store.settle().await?;
        Ok(store)
    }

    /// Checks the keys, seals what is plain, and gets what every write needs.
    async fn settle(&self) -> Result<(), StoreError> {
        let sealed_before = self.has_secret(PSEUDONYMS).await?;
        self.check_seals(sealed_before).await?;
        if !sealed_before {
            // Sealed or not, old pages may still hold plain values; the file is written anew without them.
            sqlx::query("VACUUM").execute(&self.writer).await?;
            self.scrub_after_deletion().await;
        }
        self.load_pseudonyms().await
    }

    pub(crate) async fn load_pseudonyms(&self) -> Result<(), StoreError> {
        let secret = self.secret(PSEUDONYMS).await?;
        *self.pseudonyms.write().unwrap_or_else(PoisonError::into_inner) = secret;
        Ok(())
    }

    /// The key of [`HotelStore::pseudonym`].
    pub(crate) fn pseudonyms(&self) -> [u8; 32] {
        *self.pseudonyms.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tables as `hotel` sees them. The hotel need not exist: its first write creates it.
    pub fn hotel(&self, hotel: &HotelId) -> HotelStore {
        HotelStore { store: self.clone(), hotel: hotel.clone() }
    }

    /// Every hotel that has ever written, by id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn hotels(&self) -> Result<Vec<HotelId>, StoreError> {
        let query = Query::select().column(Col::Id).from(Table::Hotels).order_by(Col::Id, Order::Asc).take();
        let rows = fetch_all(&mut *self.reader().await?, &query).await?;
        rows.iter().map(|row| parse(row, "id")).collect()
    }

    /// Waits for running statements and closes every connection; the write-ahead log is folded into the file.
    /// Clones answer [`StoreError::Closed`] from then on.
    pub async fn close(self) {
        self.scrubber.close().await;
        self.readers.close().await;
        self.writer.close().await;
    }

    pub(crate) async fn reader(&self) -> Result<PoolConnection<Db>, StoreError> {
        Ok(self.readers.acquire().await?)
    }

    /// The only way to write. Dropped without a commit, nothing happened.
    pub(crate) async fn begin(&self) -> Result<Tx, StoreError> {
        Ok(self.writer.begin_with(BEGIN_WRITE).await?)
    }

    /// Empties the write-ahead log, which still holds rows from before they were deleted. Every deletion
    /// does this itself; `false` says that a reader held an older snapshot for too long, and that it is worth
    /// another call later.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn scrub(&self) -> Result<bool, StoreError> {
        let row = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&self.scrubber).await?;
        Ok(get::<i64>(&row, "busy")? == 0)
    }

    /// The same after a deletion, which is done and must not fail any more.
    pub(crate) async fn scrub_after_deletion(&self) {
        match self.scrub().await {
            Ok(true) => {}
            Ok(false) => {
                tracing::info!("a reader kept deleted rows in the write-ahead log; scrub again later");
            }
            Err(error) => tracing::warn!(%error, "deleted rows stay in the write-ahead log for now"),
        }
    }
}

impl HotelStore {
    /// The hotel whose rows these are.
    pub fn id(&self) -> &HotelId {
        &self.hotel
    }

    pub(crate) fn scope(&self) -> Scope<'_> {
        Scope(&self.hotel)
    }

    pub(crate) async fn reader(&self) -> Result<PoolConnection<Db>, StoreError> {
        self.store.reader().await
    }

    /// Begins a write in a hotel that exists from now on.
    pub(crate) async fn begin(&self, at: DateTime<Utc>) -> Result<Tx, StoreError> {
        let mut tx = self.store.begin().await?;
        let insert = Query::insert()
            .into_table(Table::Hotels)
            .columns([Col::Id, Col::CreatedAt, Col::AuditSeq, Col::AuditHash])
            .values([
                Expr::value(self.hotel.as_str()),
                Expr::value(micros(at)),
                Expr::value(0_i64),
                Expr::value(audit::GENESIS),
            ])?
            .on_conflict(OnConflict::column(Col::Id).do_nothing().to_owned())
            .take();
        execute(&mut tx, &insert).await?;
        Ok(tx)
    }
}

/// Makes a write last, which the crash tests are told.
pub(crate) async fn commit(tx: Tx) -> Result<(), StoreError> {
    tx.commit().await?;
    WriteStage::Committed.reached();
    Ok(())
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
