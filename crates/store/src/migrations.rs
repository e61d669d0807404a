use sqlx::SqlStr;
use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};

use crate::StoreError;

/// Number, what it does, statements. A released entry never changes: its checksum is stored in the database.
type Step = (i64, &'static str, &'static str);

pub(crate) const SQLITE: [Step; 6] = [
    (
        1,
        "people, attendance, audit and outbox",
        include_str!("../migrations/sqlite/0001_people_attendance_audit_outbox.sql"),
    ),
    (
        2,
        "sealed fields, API keys, unknown faces and negatives",
        include_str!("../migrations/sqlite/0002_sealed_fields_unknown_faces_api_keys.sql"),
    ),
    (
        4,
        "answers that can be corrected, and labels",
        include_str!("../migrations/sqlite/0004_answers_and_labels.sql"),
    ),
    (
        5,
        "images, matches of lost things, room verdicts and cleanings",
        include_str!("../migrations/sqlite/0005_images_matches_verdicts_cleanings.sql"),
    ),
    (
        6,
        "rooms, guests, bookings, prices, calendar, services, predictions and imports",
        include_str!("../migrations/sqlite/0006_hotel_tables.sql"),
    ),
    (
        7,
        "rules for prices, suggested prices and what became of them",
        include_str!("../migrations/sqlite/0007_pricing.sql"),
    ),
];

pub(crate) const POSTGRES: [Step; 5] = [
    (
        1,
        "every table, with a policy per hotel",
        include_str!("../migrations/postgres/0001_tables_and_policies.sql"),
    ),
    (
        4,
        "answers that can be corrected, and labels",
        include_str!("../migrations/postgres/0004_answers_and_labels.sql"),
    ),
    (
        5,
        "images, matches of lost things, room verdicts and cleanings",
        include_str!("../migrations/postgres/0005_images_matches_verdicts_cleanings.sql"),
    ),
    (
        6,
        "rooms, guests, bookings, prices, calendar, services, predictions and imports",
        include_str!("../migrations/postgres/0006_hotel_tables.sql"),
    ),
    (
        7,
        "rules for prices, suggested prices and what became of them",
        include_str!("../migrations/postgres/0007_pricing.sql"),
    ),
];

/// Brings the database to the newest schema, or refuses a newer one, in the caller's transaction, which keeps
/// other processes out.
pub(crate) async fn migrate<C: Migrate>(conn: &mut C, steps: &[Step]) -> Result<(), StoreError> {
    let migrations = steps
        .iter()
        .map(|&(version, description, sql)| {
            let sql = SqlStr::from_static(sql);
            Migration::new(version, description.into(), MigrationType::Simple, sql, false)
        })
        .collect();
    let mut migrator = Migrator::with_migrations(migrations);
    migrator.set_locking(false);
    let supported = steps.last().map_or(0, |step| step.0);
    // `run` itself cannot be awaited in a spawned task on a borrowed connection: its `Acquire` bound is not
    // general enough for the compiler.
    migrator.run_direct(None, conn, false).await.map_err(|error| match error {
        MigrateError::VersionMissing(found) if found > supported => {
            StoreError::NewerSchema { found, supported }
        }
        error => StoreError::Migration(error),
    })
}
