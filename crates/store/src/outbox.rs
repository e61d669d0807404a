use chrono::{DateTime, Utc};
use innkeeper_core::{EmployeeId, HotelId, WriteStage};
use sea_query::{Cond, Expr, ExprTrait, Order, Query};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::engine::{CHUNK, Conn, count, execute, fetch_some, get, parse};
use crate::schema::{Col, Table};
use crate::scope::Scope;
use crate::seal::PAYLOAD;
use crate::time::{micros, time};
use crate::{HotelStore, Store, StoreError};

/// A person was enrolled, or got more templates.
pub const FACE_ENROLLED: &str = "face.enrolled";
/// A person was deleted; consumers must forget the employee id too.
pub const FACE_DELETED: &str = "face.deleted";
/// A person withdrew the consent; templates and photos are gone.
pub const CONSENT_WITHDRAWN: &str = "consent.withdrawn";
/// A sighting began.
pub const ATTENDANCE_RECORDED: &str = "attendance.recorded";
/// A sighting that was told before is not, or is no longer, this person's; or is this person's after all.
pub const ATTENDANCE_CORRECTED: &str = "attendance.corrected";

/// An image was indexed, or a lost thing reported.
pub const IMAGE_INDEXED: &str = "image.indexed";
/// An image is gone; consumers must forget what they keep of it.
pub const IMAGE_DELETED: &str = "image.deleted";
/// A thing that was found and a report of loss may belong together.
pub const LOST_FOUND_MATCHED: &str = "lost_found.matched";
/// A forecast was answered.
pub const FORECAST_MADE: &str = "forecast.made";
/// Somebody, or a model, said how a room is.
pub const ROOM_VERDICT: &str = "room.verdict";
/// A batch of bookings was read in, and some were new or different.
pub const BOOKINGS_IMPORTED: &str = "bookings.imported";
/// A booking is new or different.
pub const BOOKING_CHANGED: &str = "booking.changed";
/// A guest is forgotten; consumers must forget the guest id too.
pub const GUEST_DELETED: &str = "guest.deleted";

/// Prices were suggested.
pub const PRICE_SCHEDULE_MADE: &str = "price.schedule_made";
/// Suggested prices were approved or rejected.
pub const PRICE_SCHEDULE_DECIDED: &str = "price.schedule_decided";
/// Approved prices are on sale from now on.
pub const PRICE_SCHEDULE_PUBLISHED: &str = "price.schedule_published";
/// Somebody set another price than the suggested one.
pub const PRICE_OVERRIDDEN: &str = "price.overridden";
/// The hotel's rules for prices are others from now on.
pub const PRICE_RULES_CHANGED: &str = "price.rules_changed";

/// An event that was written in the same transaction as its effect, and waits for delivery.
#[derive(Debug, Clone, PartialEq)]
pub struct OutboxEvent {
    /// The id on which consumers recognise a second delivery; version 7.
    pub id: Uuid,
    /// The hotel where it happened.
    pub hotel: HotelId,
    /// What happened, such as [`ATTENDANCE_RECORDED`].
    pub topic: String,
    /// The facts.
    pub payload: Value,
    /// When it was accepted.
    pub created_at: DateTime<Utc>,
    /// Deliveries that failed so far.
    pub attempts: u64,
}

/// How many events were too old to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Delivered long ago.
    pub delivered: u64,
    /// Accepted long ago and never delivered.
    pub pending: u64,
}

pub(crate) struct NewEvent<'a> {
    pub topic: &'static str,
    /// Whom it is about, when it is about anybody.
    pub person: Option<&'a EmployeeId>,
    pub at: DateTime<Utc>,
    /// Remove the row once it was delivered, because the person is gone.
    pub forget: bool,
}

/// Writes an event within the caller's transaction.
pub(crate) async fn emit(
    conn: &mut Conn,
    hotel: &HotelStore,
    event: NewEvent<'_>,
    payload: &(impl Serialize + Sync),
) -> Result<Uuid, StoreError> {
    WriteStage::RowsWritten.reached();
    let id = Uuid::now_v7();
    let row = id.to_string();
    let [sealed, sealed_by] =
        hotel.store.seal(PAYLOAD, hotel.hotel.as_str(), &row, &serde_json::to_vec(payload)?)?;
    let insert = hotel.scope().insert(
        Table::Outbox,
        [
            (Col::Id, Expr::value(row)),
            (Col::Topic, Expr::value(event.topic)),
            // The column of version 1, which was plain.
            (Col::Payload, Expr::value("")),
            sealed,
            sealed_by,
            (Col::Person, Expr::value(event.person.map(EmployeeId::as_str))),
            (Col::Forget, Expr::value(event.forget)),
            (Col::CreatedAt, Expr::value(micros(event.at))),
            (Col::Attempts, Expr::value(0_i64)),
        ],
    )?;
    execute(conn, &insert).await?;
    WriteStage::OutboxWritten.reached();
    Ok(id)
}

/// Removes the events about a person, of one topic or of all, whether they were delivered or not: where
/// somebody went and how often is gone from here when the person is. The event that says so is written after.
/// Returns how many there were.
pub(crate) async fn forget(
    conn: &mut Conn,
    scope: Scope<'_>,
    person: &EmployeeId,
    topic: Option<&'static str>,
) -> Result<u64, StoreError> {
    let mut delete = scope.delete(Table::Outbox).and_where(Expr::col(Col::Person).eq(person.as_str())).take();
    if let Some(topic) = topic {
        delete.and_where(Expr::col(Col::Topic).eq(topic));
    }
    execute(conn, &delete).await
}

impl Store {
    /// Events that were not delivered yet, oldest first, of every hotel. One that does not open is passed over,
    /// told in the log, until [`Self::outbox_prune`] takes it for its age.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn outbox_pending(&self, limit: usize) -> Result<Vec<OutboxEvent>, StoreError> {
        let query = Query::select()
            .columns([Col::Id, Col::HotelId, Col::Topic, Col::SealedPayload, Col::CreatedAt, Col::Attempts])
            .from(Table::Outbox)
            .and_where(Expr::col(Col::DeliveredAt).is_null())
            .order_by(Col::Seq, Order::Asc)
            .take();
        fetch_some(&mut *self.reader().await?, &query, limit, |row| {
            let hotel: HotelId = parse(row, "hotel_id")?;
            let payload = self.unseal_row(PAYLOAD, hotel.as_str(), row).and_then(|payload| {
                serde_json::from_slice(&payload).map_err(|_| StoreError::Corrupt { column: "payload" })
            });
            let Some(payload) = self.readable(PAYLOAD, row, payload)? else { return Ok(None) };
            Ok(Some(OutboxEvent {
                id: parse(row, "id")?,
                hotel,
                topic: get(row, "topic")?,
                payload,
                created_at: time(row, "created_at")?,
                attempts: count(row, "attempts")?,
            }))
        })
        .await
    }

    /// Marks events as delivered; those about a deleted person are removed. Unknown ids are ignored.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn outbox_delivered(&self, ids: &[Uuid]) -> Result<(), StoreError> {
        let now = micros(Utc::now());
        let mut tx = self.begin().await?;
        let mut forgotten = 0;
        for ids in ids.chunks(CHUNK) {
            let these = || {
                Cond::all()
                    .add(Expr::col(Col::Id).is_in(ids.iter().map(Uuid::to_string)))
                    .add(Expr::col(Col::DeliveredAt).is_null())
            };
            let forget = Query::delete()
                .from_table(Table::Outbox)
                .cond_where(these())
                .and_where(Expr::col(Col::Forget).eq(true))
                .take();
            forgotten += execute(&mut tx, &forget).await?;
            let deliver =
                Query::update().table(Table::Outbox).value(Col::DeliveredAt, now).cond_where(these()).take();
            execute(&mut tx, &deliver).await?;
        }
        tx.commit().await?;
        if forgotten > 0 {
            self.scrub_after_deletion().await;
        }
        Ok(())
    }

    /// Counts one failed delivery for each event; they stay pending.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn outbox_failed(&self, ids: &[Uuid]) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for ids in ids.chunks(CHUNK) {
            let update = Query::update()
                .table(Table::Outbox)
                .value(Col::Attempts, Expr::col(Col::Attempts).add(1_i64))
                .and_where(Expr::col(Col::Id).is_in(ids.iter().map(Uuid::to_string)))
                .take();
            execute(&mut tx, &update).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Removes events that were delivered before `before`, and those accepted before `before` that nobody
    /// fetched: without a consumer the outbox would grow for ever, and it holds who was where. A pending
    /// event that was accepted at or after `before` always stays.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn outbox_prune(&self, before: DateTime<Utc>) -> Result<Pruned, StoreError> {
        let before = micros(before);
        let told = Expr::col(Col::DeliveredAt).lt(before);
        let unclaimed = Expr::col(Col::DeliveredAt).is_null().and(Expr::col(Col::CreatedAt).lt(before));
        let old = |which| Query::delete().from_table(Table::Outbox).and_where(which).take();
        let mut tx = self.begin().await?;
        let delivered = execute(&mut tx, &old(told)).await?;
        let pending = execute(&mut tx, &old(unclaimed)).await?;
        let pruned = Pruned { delivered, pending };
        tx.commit().await?;
        if pruned != Pruned::default() {
            self.scrub_after_deletion().await;
        }
        Ok(pruned)
    }
}
