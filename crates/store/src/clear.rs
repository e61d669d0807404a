//! A hotel's own tables, emptied.

use chrono::{DateTime, Utc};

use crate::changes::{before, count_change};
use crate::engine::execute;
use crate::schema::Table;
use crate::store::commit;
use crate::{HotelStore, HotelTable, StoreError};

impl HotelStore {
    /// Removes the hotel's rooms, guests, bookings, prices, events, closures, services used and cleanings, all in one
    /// transaction; how many rows. The list of imports, the staff, pictures, verdicts and the audit log stay.
    ///
    /// # Errors
    /// When the database fails. Nothing is removed then.
    pub async fn clear_hotel_tables(&self, at: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut tx = self.begin(at).await?;
        let mut removed = 0;
        for table in HotelTable::ALL {
            let was = before(&mut tx, self.scope(), table).await?;
            let rows = execute(&mut tx, &self.scope().delete(table.table())).await?;
            if rows > 0 {
                count_change(&mut tx, self.scope(), table, was, (0, rows)).await?;
                removed += rows;
            }
        }
        removed += execute(&mut tx, &self.scope().delete(Table::Cleanings)).await?;
        commit(tx).await?;
        self.store.scrub_after_deletion().await;
        Ok(removed)
    }
}
