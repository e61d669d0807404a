//! The same tables on both engines.

use std::collections::BTreeSet;

use crate::{Dwelling, postgres, sqlite};

/// Table, column, type, whether it is never null.
type Columns = BTreeSet<(String, String, String, bool)>;

#[tokio::test]
async fn both_engines_have_the_same_columns_and_indexes() {
    let (here, there) = (Dwelling::<sqlite::Place>::new().await, Dwelling::<postgres::Place>::new().await);
    let columns: Vec<(String, String, String, bool)> = sqlx::query_as(
        "SELECT t.name, c.name, c.type, c.\"notnull\" OR c.pk FROM sqlite_master t, pragma_table_info(t.name) c
         WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name <> '_sqlx_migrations'",
    )
    .fetch_all(&mut here.raw().await)
    .await
    .expect("a read");
    let same = |kind: String| match kind.as_str() {
        "BLOB" => "BYTEA".to_owned(),
        // The rowid, of 64 bits.
        "INTEGER" => "BIGINT".to_owned(),
        _ => kind,
    };
    let sqlite: Columns = columns.into_iter().map(|(t, c, kind, never)| (t, c, same(kind), never)).collect();
    let columns: Vec<(String, String, String, bool)> = sqlx::query_as(
        "SELECT table_name::text, column_name::text, upper(data_type), is_nullable = 'NO'
         FROM information_schema.columns
         WHERE table_schema = current_schema() AND table_name <> '_sqlx_migrations'",
    )
    .fetch_all(&mut there.raw().await)
    .await
    .expect("a read");
    let postgres: Columns = columns.into_iter().collect();
    assert_eq!(sqlite.symmetric_difference(&postgres).collect::<Vec<_>>(), Vec::<&_>::new());

    // Those of keys have names of the engine's own on SQLite.
    let indexes: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
            .fetch_all(&mut here.raw().await)
            .await
            .expect("a read");
    let others: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
         WHERE c.relnamespace = current_schema()::regnamespace
         AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = i.indexrelid)",
    )
    .fetch_all(&mut there.raw().await)
    .await
    .expect("a read");
    let (sqlite, postgres): (BTreeSet<_>, BTreeSet<_>) =
        (indexes.into_iter().collect(), others.into_iter().collect());
    assert_eq!(sqlite, postgres);
}
