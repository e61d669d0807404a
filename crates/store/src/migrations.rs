use sqlx::SqlStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

use crate::StoreError;
use crate::engine::{BEGIN_WRITE, Db};

/// Number, what it does, statements. A released entry never changes: its checksum is stored in the database.
const MIGRATIONS: [(i64, &str, &str); 2] = [
    (
        1,
        "people, attendance, audit and outbox",
        include_str!("../migrations/sqlite/0001_people_attendance_audit_outbox.sql"),
    ),
    (
        2,
        "sealed fields, api keys, unknown faces and negatives",
        include_str!("../migrations/sqlite/0002_sealed_fields_unknown_faces_api_keys.sql"),
    ),
];

/// Brings the database to the newest schema, or refuses a newer one, in one transaction: of two processes
/// that start at once one waits, and a migration that fails half-way leaves the old schema.
pub(crate) async fn migrate(pool: &sqlx::Pool<Db>) -> Result<(), StoreError> {
    let migrator = Migrator::with_migrations(
        MIGRATIONS
            .into_iter()
            .map(|(version, description, sql)| {
                let sql = SqlStr::from_static(sql);
                Migration::new(version, description.into(), MigrationType::Simple, sql, false)
            })
            .collect(),
    );
    let supported = MIGRATIONS[MIGRATIONS.len() - 1].0;
    let mut tx = pool.begin_with(BEGIN_WRITE).await?;
    // `run` itself cannot be awaited in a spawned task on a borrowed connection: its `Acquire` bound is not
    // general enough for the compiler.
    migrator.run_direct(None, &mut *tx, false).await.map_err(|error| match error {
        MigrateError::VersionMissing(found) if found > supported => {
            StoreError::NewerSchema { found, supported }
        }
        error => StoreError::Migration(error),
    })?;
    tx.commit().await?;
    Ok(())
}
