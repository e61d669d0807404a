#[path = "../api_keys.rs"]
mod api_keys;
#[path = "../attendance.rs"]
mod attendance;
#[path = "../audit.rs"]
mod audit;
#[path = "../bookings.rs"]
mod bookings;
#[path = "../clear.rs"]
mod clear;
mod cluster;
#[path = "../copy.rs"]
mod copy;
#[path = "../correction.rs"]
mod correction;
#[path = "../deletion.rs"]
mod deletion;
#[path = "../durability.rs"]
mod durability;
#[path = "../enrolment.rs"]
mod enrolment;
#[path = "../feedback.rs"]
mod feedback;
#[path = "../hotel_tables.rs"]
mod hotel_tables;
#[path = "../images.rs"]
mod images;
#[path = "../isolation.rs"]
mod isolation;
#[path = "../item_matches.rs"]
mod item_matches;
mod pods;
#[path = "../pricing.rs"]
mod pricing;
#[path = "../queues.rs"]
mod queues;
#[path = "../rooms.rs"]
mod rooms;
#[path = "../sealing.rs"]
mod sealing;
mod server;
#[path = "../unknown.rs"]
mod unknown;
#[path = "../unreadable.rs"]
mod unreadable;

use std::sync::Arc;

use innkeeper_store::PostgresSettings;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions};
use tempfile::TempDir;

use crate::*;
use cluster::Cluster;

/// A database with an owner of its own, who is no superuser.
pub(crate) struct Place {
    name: String,
    /// For the keys.
    folder: TempDir,
    cluster: Arc<Cluster>,
}
pub(crate) type House = Dwelling<Place>;

/// Runs to its end where nothing can be awaited.
fn wait<T: Send>(work: impl Future<Output = T> + Send) -> T {
    std::thread::scope(|scope| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        scope.spawn(move || runtime.block_on(work)).join().expect("no panic")
    })
}

async fn run(options: &PgConnectOptions, statements: &[String]) {
    let mut conn = options.connect().await.expect("the server answers");
    for sql in statements {
        sqlx::raw_sql(AssertSqlSafe(sql.as_str())).execute(&mut conn).await.expect(sql);
    }
}

impl Location for Place {
    async fn new() -> Self {
        let place = Self {
            name: format!("innkeeper_{}", Uuid::now_v7().simple()),
            folder: tempfile::tempdir().expect("a folder"),
            cluster: Cluster::shared(),
        };
        let name = &place.name;
        let statements = [
            format!("CREATE ROLE {name} LOGIN PASSWORD '{name}'"),
            format!("CREATE DATABASE {name} OWNER {name}"),
        ];
        run(&place.cluster.superuser, &statements).await;
        place
    }

    /// Folder of the keys and URL.
    fn name(&self) -> String {
        format!("{} {}", self.folder.path().display(), self.url())
    }

    fn folder(name: &str) -> &Path {
        split(name).0.as_ref()
    }

    async fn open_with(name: &str, keys: KeyRing) -> Result<Store, StoreError> {
        Store::connect(split(name).1, &PostgresSettings::default(), keys).await
    }
}

fn split(name: &str) -> (&str, &str) {
    name.rsplit_once(' ').expect("a folder and a URL")
}

impl Place {
    fn url(&self) -> String {
        let (server, name) = (&self.cluster.superuser, &self.name);
        let host = match server.get_socket() {
            Some(folder) => folder.display().to_string(),
            None => server.get_host().to_owned(),
        };
        let port = server.get_port();
        format!("postgres:///{name}?host={host}&port={port}&user={name}&password={name}")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let statements =
            [format!("DROP DATABASE {} WITH (FORCE)", self.name), format!("DROP ROLE {}", self.name)];
        wait(run(&self.cluster.superuser, &statements));
    }
}

impl Place {
    fn as_superuser(&self) -> PgConnectOptions {
        self.cluster.superuser.clone().database(&self.name)
    }
}

impl House {
    /// A connection past the store and its policies, as an intruder or an operator would have it.
    pub(crate) async fn raw(&self) -> PgConnection {
        self.place.as_superuser().connect().await.expect("the server answers")
    }

    /// A connection past the store, as the store's own user.
    async fn owner(&self) -> PgConnection {
        let options: PgConnectOptions = self.place.url().parse().expect("a URL");
        options.connect().await.expect("the server answers")
    }

    /// Rows of a table, over all hotels.
    async fn rows(&self, count: &'static str) -> i64 {
        sqlx::query_scalar(count).fetch_one(&mut self.raw().await).await.expect("a count")
    }

    /// Past the triggers and references.
    async fn tamper(&self, sql: &'static str) {
        let mut raw = self.raw().await;
        for sql in ["SET session_replication_role = replica", sql] {
            sqlx::raw_sql(sql).execute(&mut raw).await.expect(sql);
        }
    }

    async fn tables(&self) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT relname::text FROM pg_class
             WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace",
        )
        .fetch_all(&mut self.raw().await)
        .await
        .expect("a read")
    }

    /// And those without a policy that binds their owner too.
    async fn tables_without_hotel(&self) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT relname::text FROM pg_class c
             WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND NOT (
                relrowsecurity AND relforcerowsecurity
                AND EXISTS (SELECT 1 FROM pg_policy WHERE polrelid = c.oid)
                AND EXISTS (SELECT 1 FROM pg_attribute
                    WHERE attrelid = c.oid AND attname = 'hotel_id' AND attnotnull))
             ORDER BY relname",
        )
        .fetch_all(&mut self.raw().await)
        .await
        .expect("a read")
    }
}

/// Everything that the tables hold: each row as text, then each value of bytes as it is.
fn bytes(house: &House) -> Vec<u8> {
    wait(async {
        let mut raw = house.raw().await;
        let columns: Vec<(String, String)> = sqlx::query_as(
            "SELECT relname::text, 'convert_to(t::text, ''UTF8'')' FROM pg_class t
             WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
             UNION ALL SELECT table_name::text, quote_ident(column_name) FROM information_schema.columns
             WHERE table_schema = current_schema() AND data_type = 'bytea'",
        )
        .fetch_all(&mut raw)
        .await
        .expect("the catalogue");
        let mut all = Vec::new();
        for (table, value) in columns {
            let sql = format!("SELECT {value} FROM {table} t WHERE {value} IS NOT NULL");
            let values: Vec<Vec<u8>> =
                sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut raw).await.expect("a read");
            all.extend(values.concat());
        }
        all
    })
}
