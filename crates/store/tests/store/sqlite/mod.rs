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
mod files;
#[path = "../hotel_tables.rs"]
mod hotel_tables;
#[path = "../images.rs"]
mod images;
#[path = "../isolation.rs"]
mod isolation;
#[path = "../item_matches.rs"]
mod item_matches;
mod old_schema;
#[path = "../pricing.rs"]
mod pricing;
#[path = "../queues.rs"]
mod queues;
#[path = "../rooms.rs"]
mod rooms;
#[path = "../sealing.rs"]
mod sealing;
#[path = "../unknown.rs"]
mod unknown;
#[path = "../unreadable.rs"]
mod unreadable;

use std::path::PathBuf;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use tempfile::TempDir;

use crate::*;

/// Holds the keys, and the database in a folder of its own.
pub(crate) struct Place(TempDir);
pub(crate) type House = Dwelling<Place>;

impl Location for Place {
    async fn new() -> Self {
        let place = Self(tempfile::tempdir().expect("a folder"));
        std::fs::create_dir(place.files()).expect("a folder");
        place
    }

    fn name(&self) -> String {
        self.files().join("innkeeper.db").to_str().expect("a printable path").to_owned()
    }

    fn folder(name: &str) -> &Path {
        Path::new(name).ancestors().nth(2).expect("a folder around the files")
    }

    async fn open_with(name: &str, keys: KeyRing) -> Result<Store, StoreError> {
        Store::open(name.as_ref(), keys).await
    }
}

impl Place {
    fn files(&self) -> PathBuf {
        self.0.path().join("files")
    }
}

impl House {
    /// A connection past the store, as an intruder or an operator would have it.
    pub(crate) async fn raw(&self) -> SqliteConnection {
        SqliteConnectOptions::new().filename(self.place.name()).connect().await.expect("the file opens")
    }

    /// Rows of a table, over all hotels.
    async fn rows(&self, count: &'static str) -> i64 {
        sqlx::query_scalar(count).fetch_one(&mut self.raw().await).await.expect("a count")
    }

    /// Past the triggers and references.
    async fn tamper(&self, sql: &'static str) {
        let mut raw = self.raw().await;
        for sql in [
            "DROP TRIGGER audit_log_no_update",
            "DROP TRIGGER audit_log_no_delete",
            "PRAGMA foreign_keys = OFF",
            sql,
        ] {
            sqlx::raw_sql(sql).execute(&mut raw).await.expect(sql);
        }
    }

    async fn tables(&self) -> Vec<String> {
        sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
            .fetch_all(&mut self.raw().await)
            .await
            .expect("a read")
    }

    async fn tables_without_hotel(&self) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT m.name FROM sqlite_master m WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'
             AND NOT EXISTS (SELECT 1 FROM pragma_table_info(m.name) WHERE name = 'hotel_id' AND \"notnull\" = 1)
             ORDER BY m.name",
        )
        .fetch_all(&mut self.raw().await)
        .await
        .expect("a read")
    }
}

/// Everything the folder of the database holds, write-ahead log included.
fn bytes(house: &House) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(house.place.files()).expect("the folder") {
        all.extend(std::fs::read(entry.expect("an entry").path()).expect("a file"));
    }
    all
}
