//! Guests: what the hotel knows of them, and forgetting it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use innkeeper_hotel::{Guest, GuestId};
use sea_query::{Expr, ExprTrait, SelectStatement};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::audit::{AuditSubject, NewEntry};
use crate::batch::check_size;
use crate::bulk::{BulkTable, Cell, check_text, last_of_each};
use crate::changes::{before, count_change};
use crate::engine::{CHUNK, Conn, Row, execute, fetch_all, fetch_optional, get, parse};
use crate::outbox::{GUEST_DELETED, NewEvent};
use crate::schema::{Col, Kind, Table};
use crate::seal::GUEST;
use crate::store::commit;
use crate::time::time;
use crate::{HotelStore, HotelTable, StoreError, Upserted, audit, outbox};

/// A guest with what was computed about them.
#[derive(Debug, Clone, PartialEq)]
pub struct GuestRecord {
    /// The guest.
    pub guest: Guest,
    /// What the guest is expected to bring in from now on, in the hotel's currency; `None` where nobody computed it.
    pub clv_predicted: Option<f64>,
    /// Bookings so far; `None` where nobody counted.
    pub total_bookings: Option<u64>,
    /// When the guest was first written down.
    pub created_at: DateTime<Utc>,
}

/// What was forgotten with a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForgottenGuest {
    /// Bookings that stay without the guest.
    pub bookings: u64,
    /// Uses of services that stay without the guest.
    pub service_uses: u64,
    /// Predictions about the guest, which are gone.
    pub predictions: u64,
    /// The event `guest.deleted`.
    pub event_id: Uuid,
}

/// What of a guest is sealed.
#[derive(Serialize, Deserialize)]
struct Personal {
    name: Option<String>,
    email: Option<String>,
    phone: Option<String>,
}

const GUESTS: BulkTable = BulkTable {
    table: Table::Guests,
    key: &[(Col::Id, Kind::Text)],
    values: &[
        (Col::Segment, Kind::Text),
        (Col::Country, Kind::Text),
        (Col::Content, Kind::Bytes),
        (Col::SealedBy, Kind::Text),
    ],
    stamped: true,
};

const COLUMNS: [Col; 7] = [
    Col::Id,
    Col::Segment,
    Col::Country,
    Col::Content,
    Col::ClvPredicted,
    Col::TotalBookings,
    Col::CreatedAt,
];

/// `None` when the sealed part does not open.
fn guest(hotel: &HotelStore, row: &Row) -> Result<Option<GuestRecord>, StoreError> {
    let opened = hotel.store.unseal_row(GUEST, hotel.hotel.as_str(), row).and_then(|plain| {
        serde_json::from_slice(&plain).map_err(|_| StoreError::Corrupt { column: "content" })
    });
    let Some(Personal { name, email, phone }) = hotel.store.readable(GUEST, row, opened)? else {
        return Ok(None);
    };
    let total: Option<i64> = get(row, "total_bookings")?;
    Ok(Some(GuestRecord {
        guest: Guest {
            id: parse(row, "id")?,
            name,
            email,
            phone,
            segment: get(row, "segment")?,
            country: get(row, "country")?,
        },
        clv_predicted: get(row, "clv_predicted")?,
        total_bookings: total.and_then(|total| u64::try_from(total).ok()),
        created_at: time(row, "created_at")?,
    }))
}

impl HotelStore {
    fn guests_select(&self) -> SelectStatement {
        self.scope().select(Table::Guests, &COLUMNS)
    }

    /// Those of the guests that are there and open.
    async fn known_guests(
        &self,
        conn: &mut Conn,
        guests: &[&Guest],
    ) -> Result<HashMap<GuestId, Guest>, StoreError> {
        let mut known = HashMap::new();
        for some in guests.chunks(CHUNK) {
            let ids = some.iter().map(|guest| guest.id.as_str());
            let query = self.guests_select().and_where(Expr::col(Col::Id).is_in(ids)).take();
            for row in fetch_all(conn, &query).await? {
                if let Some(found) = guest(self, &row)? {
                    known.insert(found.guest.id.clone(), found.guest);
                }
            }
        }
        Ok(known)
    }

    fn guest_cells<'a>(&self, guest: &'a Guest, into: &mut Vec<Cell<'a>>) -> Result<(), StoreError> {
        for (field, text) in [("name", &guest.name), ("email", &guest.email), ("phone", &guest.phone)] {
            text.as_deref().map_or(Ok(()), |text| check_text(field, text))?;
        }
        let personal =
            Personal { name: guest.name.clone(), email: guest.email.clone(), phone: guest.phone.clone() };
        let (hotel, id) = (self.hotel.as_str(), guest.id.as_str());
        let (content, key) = self.store.seal_bytes(GUEST, hotel, id, &serde_json::to_vec(&personal)?)?;
        into.extend([
            Cell::Text(id),
            Cell::optional_text(Col::Segment, guest.segment.as_deref())?,
            Cell::optional_text(Col::Country, guest.country.as_deref())?,
            Cell::Bytes(content),
            Cell::Owned(key),
        ]);
        Ok(())
    }

    /// Writes up to [`crate::MAX_BATCH`] guests in one transaction, as [`Self::upsert_bookings`] writes bookings; no event
    /// tells of it. What models computed about a guest stays.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for too many rows, a text over 256 bytes or an import that was not begun. Nothing is
    /// written then.
    pub async fn upsert_guests(
        &self,
        guests: &[Guest],
        import: Option<Uuid>,
        at: DateTime<Utc>,
    ) -> Result<Upserted, StoreError> {
        check_size("guests", guests.len())?;
        if guests.is_empty() {
            return Ok(Upserted::default());
        }
        let kept = last_of_each(guests, |guest| &guest.id);
        let mut tx = self.begin(at).await?;
        // Sealed twice the same name is not the same bytes, so the rows cannot be compared where they lie.
        let known = self.known_guests(&mut tx, &kept).await?;
        let mut rows = Vec::new();
        for guest in kept.iter().filter(|guest| known.get(&guest.id) != Some(**guest)) {
            self.guest_cells(guest, &mut rows)?;
        }
        let sizes = (guests.len(), kept.len());
        let done = self.write_rows(&mut tx, HotelTable::Guests, &GUESTS, &rows, sizes, import, at).await?;
        commit(tx).await?;
        Ok(done)
    }

    /// One guest; `None` also for one whose sealed part does not open, of which the log tells.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn guest(&self, id: &GuestId) -> Result<Option<GuestRecord>, StoreError> {
        let query = self.guests_select().and_where(Expr::col(Col::Id).eq(id.as_str())).take();
        match fetch_optional(&mut *self.reader().await?, &query).await? {
            Some(row) => guest(self, &row),
            None => Ok(None),
        }
    }

    /// Forgets a guest: the entry and predictions about the guest go; bookings and uses of services stay, without the
    /// guest. The same transaction holds an audit row under a pseudonym and the event `guest.deleted`. `None` when no
    /// row names the guest. A file that names the guest again brings the number back.
    ///
    /// # Errors
    /// When the database fails; nothing is forgotten then.
    pub async fn forget_guest(
        &self,
        id: &GuestId,
        actor: &str,
        at: DateTime<Utc>,
    ) -> Result<Option<ForgottenGuest>, StoreError> {
        let scope = self.scope();
        let Some(mut tx) = self.begin_known().await? else { return Ok(None) };
        let entry = scope.delete(Table::Guests).and_where(Expr::col(Col::Id).eq(id.as_str())).take();
        let entries = execute(&mut tx, &entry).await?;
        let about = || Expr::col(Col::GuestId).eq(id.as_str());
        let bookings_before = before(&mut tx, scope, HotelTable::Bookings).await?;
        let nobody = Expr::value(Option::<String>::None);
        let unlink = scope
            .update(Table::Bookings)
            .value(Col::GuestId, nobody.clone())
            .value(Col::ChangeNumber, bookings_before.unwrap_or_default().changes as i64 + 1)
            .and_where(about())
            .take();
        let bookings = execute(&mut tx, &unlink).await?;
        let unlink = scope.update(Table::ServiceUses).value(Col::GuestId, nobody).and_where(about()).take();
        let service_uses = execute(&mut tx, &unlink).await?;
        let gone = scope.delete(Table::MlPredictions).and_where(about()).take();
        let predictions = execute(&mut tx, &gone).await?;
        if entries + bookings + service_uses + predictions == 0 {
            return Ok(None);
        }
        for (table, removed, touched) in [
            (HotelTable::Guests, entries, entries),
            (HotelTable::Bookings, 0, bookings),
            (HotelTable::ServiceUses, 0, service_uses),
        ] {
            if touched > 0 {
                let was = before(&mut tx, scope, table).await?;
                count_change(&mut tx, scope, table, was, (0, removed)).await?;
            }
        }
        let details =
            json!({ "bookings": bookings, "service_uses": service_uses, "predictions": predictions });
        let subject = AuditSubject::Guest(id.clone());
        let entry = NewEntry { at, actor, action: GUEST_DELETED, subject: &subject, details: &details };
        audit::append(&mut tx, self, entry).await?;
        let event = NewEvent { topic: GUEST_DELETED, person: None, at, forget: true };
        let event_id = outbox::emit(&mut tx, self, event, &json!({ "guest_id": id, "at": at })).await?;
        commit(tx).await?;
        self.store.scrub_after_deletion().await;
        Ok(Some(ForgottenGuest { bookings, service_uses, predictions, event_id }))
    }
}
