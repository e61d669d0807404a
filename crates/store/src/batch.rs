//! One batch of one table, in one transaction with all that belongs to it.

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use crate::bulk::{BulkTable, Cell, MAX_BATCH, Stamp, Upserted};
use crate::changes::{before, count_change};
use crate::engine::Tx;
use crate::enrolment::invalid;
use crate::imports::count_batch;
use crate::outbox::{BOOKINGS_IMPORTED, NewEvent};
use crate::store::commit;
use crate::time::micros;
use crate::{HotelStore, HotelTable, StoreError, outbox};

/// Refuses more rows than a transaction should hold.
pub(crate) fn check_size(field: &'static str, rows: usize) -> Result<(), StoreError> {
    if rows > MAX_BATCH {
        return Err(invalid(field, "must be at most 10000 in one batch"));
    }
    Ok(())
}

impl HotelStore {
    /// Writes rows whose keys are distinct; `given` is how many there were with those that were passed over.
    pub(crate) async fn write_batch(
        &self,
        of: HotelTable,
        table: &BulkTable,
        rows: &[Cell<'_>],
        given: usize,
        import: Option<Uuid>,
        at: DateTime<Utc>,
    ) -> Result<Upserted, StoreError> {
        if given == 0 {
            return Ok(Upserted::default());
        }
        let mut tx = self.begin(at).await?;
        let kept = rows.len() / table.width();
        let done = self.write_rows(&mut tx, of, table, rows, (given, kept), import, at).await?;
        commit(tx).await?;
        Ok(done)
    }

    /// The same within the caller's transaction. Of `given` rows `kept` have a key of their own, of which `rows` are
    /// those that may have to be written.
    #[expect(clippy::too_many_arguments, reason = "the caller's arguments, and what it found out")]
    pub(crate) async fn write_rows(
        &self,
        tx: &mut Tx,
        of: HotelTable,
        table: &BulkTable,
        rows: &[Cell<'_>],
        (given, kept): (usize, usize),
        import: Option<Uuid>,
        at: DateTime<Utc>,
    ) -> Result<Upserted, StoreError> {
        let was = before(tx, self.scope(), of).await?;
        let number = was.unwrap_or_default().changes as i64 + 1;
        let stamp = Stamp { hotel: &self.hotel, at: micros(at), number };
        let written = table.write(tx, stamp, rows).await?;
        let kept = kept as u64;
        let done = Upserted {
            inserted: written.inserted,
            changed: written.changed,
            unchanged: kept.saturating_sub(written.inserted + written.changed),
            repeated: (given as u64).saturating_sub(kept),
        };
        let wrote = written.inserted + written.changed > 0;
        if wrote {
            count_change(tx, self.scope(), of, was, (written.inserted, 0)).await?;
        }
        if let Some(import) = import {
            count_batch(tx, self.scope(), import, done).await?;
        }
        if wrote && of == HotelTable::Bookings {
            let event = NewEvent { topic: BOOKINGS_IMPORTED, person: None, at, forget: false };
            let payload = json!({
                "import_id": import,
                "inserted": done.inserted,
                "changed": done.changed,
                "unchanged": done.unchanged,
                "at": at,
            });
            outbox::emit(tx, self, event, &payload).await?;
        }
        Ok(done)
    }
}
