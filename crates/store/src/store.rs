use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use innkeeper_core::{HotelId, WriteStage};
use innkeeper_sealing::KeyRing;
use sea_query::{Expr, ExprTrait, LockType, OnConflict, Order, Query, SelectStatement};

use crate::engine::{Engine, Row, Tx, execute, fetch_optional, parse};
use crate::postgres::{PostgresPools, PostgresSettings};
use crate::schema::{Col, Table};
use crate::scope::Scope;
use crate::secrets::PSEUDONYMS;
use crate::sqlite::SqlitePools;
use crate::time::micros;
use crate::{StoreError, audit};

/// How long a caller waits for a connection; writers queue for few.
pub(crate) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(15);

/// The tables of all hotels. Clones share the same connections.
///
/// Rows of a hotel are reached through [`Store::hotel`] only. The methods here serve background work over
/// every hotel: the vector and photo queues, the outbox, the proof of the audit log.
#[derive(Debug, Clone)]
pub struct Store {
    engine: Engine,
    pub(crate) keys: KeyRing,
    /// Under what the audit log names persons; behind a lock because a copy brings its own.
    pseudonyms: Arc<RwLock<[u8; 32]>>,
    /// Table and id of rows that do not open, so that each is told of once.
    pub(crate) unreadable: Arc<Mutex<HashSet<(&'static str, String)>>>,
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
        Self::settled(Engine::Sqlite(SqlitePools::open(path).await?), keys).await
    }

    /// Connects to a `PostgreSQL` server by a URL such as `postgres://user@host:5432/database`, and migrates
    /// the database, of which the user must be the owner. Several processes may share it. A password comes
    /// from the URL, `PGPASSWORD` or a password file, and is in no message.
    ///
    /// A commit is on the server's disk before the call that made it returns, unless the server was told
    /// otherwise (`fsync`, `synchronous_commit`). Policies keep a statement that forgot its hotel from the
    /// rows of others; a user that bypasses them is warned about. Vectors and personal fields are sealed with
    /// `keys`, which every process needs.
    ///
    /// # Errors
    /// [`StoreError::Connect`], [`StoreError::Invalid`] for a URL or settings that make no sense,
    /// [`StoreError::Migration`], [`StoreError::NewerSchema`] when a later version of the program made the
    /// tables, [`StoreError::MissingKeys`] and [`StoreError::Seal`] as [`Self::open`].
    pub async fn connect(url: &str, settings: &PostgresSettings, keys: KeyRing) -> Result<Self, StoreError> {
        Self::settled(Engine::Postgres(PostgresPools::connect(url, settings).await?), keys).await
    }

    /// Checks the keys, seals what is plain, and gets what every write needs.
    async fn settled(engine: Engine, keys: KeyRing) -> Result<Self, StoreError> {
        let store = Self { engine, keys, pseudonyms: Arc::default(), unreadable: Arc::default() };
        let sealed_before = store.has_secret(PSEUDONYMS).await?;
        store.check_seals(sealed_before).await?;
        if !sealed_before {
            // Sealed or not, old pages may still hold plain values.
            store.engine.rewrite().await?;
            store.scrub_after_deletion().await;
        }
        store.load_pseudonyms().await?;
        Ok(store)
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
        let rows = self.rows(&query).await?;
        rows.iter().map(|row| parse(row, "id")).collect()
    }

    /// Whether no hotel has ever written.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_empty(&self) -> Result<bool, StoreError> {
        Ok(self.hotels().await?.is_empty())
    }

    /// Waits for running statements and closes every connection; `SQLite`'s write-ahead log is folded into the
    /// file. Clones answer [`StoreError::Closed`] from then on.
    pub async fn close(self) {
        self.engine.close().await;
    }

    /// A snapshot of every hotel's rows.
    pub(crate) async fn reader(&self) -> Result<Tx, StoreError> {
        self.engine.read(None).await
    }

    /// The rows of one statement over every hotel.
    pub(crate) async fn rows(&self, query: &SelectStatement) -> Result<Vec<Row>, StoreError> {
        self.engine.rows(None, query).await
    }

    /// Begins a write that may touch every hotel; all others wait until it ends.
    pub(crate) async fn begin(&self) -> Result<Tx, StoreError> {
        self.engine.write(None).await
    }

    /// Empties `SQLite`'s write-ahead log, which still holds rows from before they were deleted. Every
    /// deletion does this itself; `false` says that a reader held an older snapshot for too long, and that it
    /// is worth another call later. On `PostgreSQL` always `true`: deleted rows leave with its own vacuum.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn scrub(&self) -> Result<bool, StoreError> {
        self.engine.scrub().await
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

    /// A snapshot of this hotel's rows.
    pub(crate) async fn reader(&self) -> Result<Tx, StoreError> {
        self.store.engine.read(Some(&self.hotel)).await
    }

    /// The rows of one statement of this hotel.
    pub(crate) async fn rows(&self, query: &SelectStatement) -> Result<Vec<Row>, StoreError> {
        self.store.engine.rows(Some(&self.hotel), query).await
    }

    /// Begins a write in a hotel that exists from now on. Its other writers wait until this one ends.
    pub(crate) async fn begin(&self, at: DateTime<Utc>) -> Result<Tx, StoreError> {
        let mut tx = self.store.engine.write(Some(&self.hotel)).await?;
        if !self.lock(&mut tx).await? {
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
            // Somebody else may have been first with it.
            self.lock(&mut tx).await?;
        }
        Ok(tx)
    }

    /// Begins a write that changes only what is there; `None` when the hotel never wrote and locking it told so.
    pub(crate) async fn begin_known(&self) -> Result<Option<Tx>, StoreError> {
        let mut tx = self.store.engine.write(Some(&self.hotel)).await?;
        if self.store.engine.has_one_writer() {
            return Ok(Some(tx));
        }
        Ok(self.lock(&mut tx).await?.then_some(tx))
    }

    /// Waits for the hotel's other writers, where the engine lets more than one in; `false` when there is no
    /// such hotel. References to the row need not wait, hence no stronger lock.
    async fn lock(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        let query = Query::select()
            .column(Col::Id)
            .from(Table::Hotels)
            .and_where(Expr::col(Col::Id).eq(self.hotel.as_str()))
            .lock(LockType::NoKeyUpdate)
            .take();
        Ok(fetch_optional(tx, &query).await?.is_some())
    }
}

/// Makes a write last, which the crash tests are told.
pub(crate) async fn commit(tx: Tx) -> Result<(), StoreError> {
    tx.commit().await?;
    WriteStage::Committed.reached();
    Ok(())
}
