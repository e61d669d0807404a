//! What was said of rooms.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use innkeeper_core::RoomNumber;
use sea_query::{Expr, ExprTrait, Order, SelectStatement};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::engine::{Conn, Row, at_most, execute, fetch_optional, get, parse, parse_optional};
use crate::enrolment::invalid;
use crate::outbox::{NewEvent, ROOM_VERDICT};
use crate::page::Cursor;
use crate::schema::{Col, Table};
use crate::seal::VERDICT;
use crate::store::commit;
use crate::time::{micros, time};
use crate::{HotelStore, Labelled, NewKeptAnswer, NewLabel, StoreError, VerdictSource, outbox};

/// Longest word for how a room is; the schema says so too.
const MAX_STATUS: usize = 32;

/// How a room is.
#[derive(Clone, PartialEq)]
pub struct Verdict {
    /// Its id; version 7.
    pub id: Uuid,
    /// The room.
    pub room_number: RoomNumber,
    /// Its type, when the caller named one.
    pub room_type: Option<String>,
    /// How it is: 1 to 32 of `a-z _`.
    pub status: String,
    /// Whether a guest can have it.
    pub ready: bool,
    /// Who says so.
    pub source: VerdictSource,
    /// The answer in which it was told, or that was put right.
    pub answer_id: Option<Uuid>,
    /// The models that had a say, with their versions.
    pub models: Vec<String>,
    /// Tags, reasons, estimate; sealed.
    pub content: Value,
    /// Who asked or decided.
    pub created_by: String,
    /// The moment it speaks of: when the photos were taken, or the person said it. The latest one stands.
    pub created_at: DateTime<Utc>,
}

impl std::fmt::Debug for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verdict")
            .field("id", &self.id)
            .field("room_number", &self.room_number)
            .field("status", &self.status)
            .field("ready", &self.ready)
            .field("source", &self.source)
            .field("created_at", &self.created_at)
            .finish_non_exhaustive()
    }
}

/// What writing a verdict did.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedVerdict {
    /// The event `room.verdict`; `None` where a later verdict stands already, and this one only joins the history.
    pub event_id: Option<Uuid>,
    /// What stood for the room until then.
    pub previous: Option<Verdict>,
}

/// What a correction did.
#[derive(Debug, Clone, PartialEq)]
pub struct CorrectedVerdict {
    /// The verdict that it became, and its event; `None` where the room's last verdict is of another answer.
    pub recorded: Option<(Verdict, RecordedVerdict)>,
    /// What stood for the room until then; `None` when nothing did, or it does not open.
    pub before: Option<Verdict>,
    /// The label that it became.
    pub labelled: Labelled,
}

/// Some verdicts, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct VerdictPage {
    /// The verdicts.
    pub verdicts: Vec<Verdict>,
    /// Where the next page begins; `None` when there are no more.
    pub next: Option<Cursor>,
}

const COLUMNS: [Col; 11] = [
    Col::Id,
    Col::RoomNumber,
    Col::RoomType,
    Col::Status,
    Col::Ready,
    Col::Source,
    Col::AnswerId,
    Col::Models,
    Col::Content,
    Col::CreatedAt,
    Col::CreatedBy,
];

/// `None` when the content does not open.
fn verdict(hotel: &HotelStore, row: &Row) -> Result<Option<Verdict>, StoreError> {
    let opened = hotel.store.unseal_row(VERDICT, hotel.hotel.as_str(), row).and_then(|plain| {
        serde_json::from_slice(&plain).map_err(|_| StoreError::Corrupt { column: "content" })
    });
    let Some(content) = hotel.store.readable(VERDICT, row, opened)? else { return Ok(None) };
    let models = serde_json::from_str(&get::<String>(row, "models")?);
    Ok(Some(Verdict {
        id: parse(row, "id")?,
        room_number: parse(row, "room_number")?,
        room_type: get(row, "room_type")?,
        status: get(row, "status")?,
        ready: get(row, "ready")?,
        source: parse(row, "source")?,
        answer_id: parse_optional(row, "answer_id")?,
        models: models.map_err(|_| StoreError::Corrupt { column: "models" })?,
        content,
        created_by: get(row, "created_by")?,
        created_at: time(row, "created_at")?,
    }))
}

fn check(new: &Verdict) -> Result<(), StoreError> {
    let plain = new.status.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    if new.status.is_empty() || new.status.len() > MAX_STATUS || !plain {
        return Err(invalid("status", "must be 1 to 32 of a-z and _"));
    }
    Ok(())
}

impl HotelStore {
    fn verdicts_of(&self, room: &RoomNumber) -> SelectStatement {
        self.scope()
            .select(Table::RoomVerdicts, &COLUMNS)
            .and_where(Expr::col(Col::RoomNumber).eq(room.as_str()))
            .order_by(Col::CreatedAt, Order::Desc)
            .order_by(Col::Id, Order::Desc)
            .take()
    }

    /// The verdict that stands: `None` when there is none, or it does not open; and its moment either way.
    async fn standing(
        &self,
        conn: &mut Conn,
        room: &RoomNumber,
    ) -> Result<(Option<Verdict>, Option<DateTime<Utc>>), StoreError> {
        let Some(row) = fetch_optional(conn, &self.verdicts_of(room).limit(1).take()).await? else {
            return Ok((None, None));
        };
        Ok((verdict(self, &row)?, Some(time(&row, "created_at")?)))
    }

    async fn insert_verdict(&self, conn: &mut Conn, new: &Verdict) -> Result<RecordedVerdict, StoreError> {
        let (previous, stands_since) = self.standing(conn, &new.room_number).await?;
        let id = new.id.to_string();
        let plain = serde_json::to_vec(&new.content)?;
        let [content, sealed_by] = self.store.seal(VERDICT, self.hotel.as_str(), &id, &plain)?;
        let insert = self.scope().insert(
            Table::RoomVerdicts,
            [
                (Col::Id, Expr::value(id)),
                (Col::RoomNumber, Expr::value(new.room_number.as_str())),
                (Col::RoomType, Expr::value(new.room_type.as_deref())),
                (Col::Status, Expr::value(new.status.as_str())),
                (Col::Ready, Expr::value(new.ready)),
                (Col::Source, Expr::value(new.source.as_str())),
                (Col::AnswerId, Expr::value(new.answer_id.map(|id| id.to_string()))),
                (Col::Models, Expr::value(serde_json::to_string(&new.models)?)),
                content,
                sealed_by,
                (Col::CreatedAt, Expr::value(micros(new.created_at))),
                (Col::CreatedBy, Expr::value(new.created_by.as_str())),
            ],
        )?;
        execute(conn, &insert).await?;
        if stands_since.is_some_and(|since| micros(since) > micros(new.created_at)) {
            // Whoever follows the events is told how a room is, not how it was.
            return Ok(RecordedVerdict { event_id: None, previous });
        }
        let at = new.created_at;
        let event = NewEvent { topic: ROOM_VERDICT, person: None, at, forget: false };
        let payload = json!({
            "verdict_id": new.id, "room_number": new.room_number, "room_type": new.room_type,
            "status": new.status, "previous_status": previous.as_ref().map(|p| p.status.as_str()),
            "ready_for_guest": new.ready, "source": new.source, "models": new.models,
            "created_by": new.created_by, "at": at,
        });
        let event_id = outbox::emit(conn, self, event, &payload).await?;
        Ok(RecordedVerdict { event_id: Some(event_id), previous })
    }

    /// Writes what is said of a room, the event `room.verdict` and, so that it can be put right, the answer in which
    /// it is told, in one transaction. Where a later verdict stands, it joins the history and there is no event.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a status that is none, [`StoreError::Duplicate`] when an id is taken. Nothing is
    /// written then.
    pub async fn record_verdict(
        &self,
        new: Verdict,
        kept: Option<NewKeptAnswer>,
    ) -> Result<RecordedVerdict, StoreError> {
        check(&new)?;
        let mut tx = self.begin(Utc::now()).await?;
        if let Some(kept) = kept {
            self.insert_answer(&mut tx, kept).await?;
        }
        let recorded = self.insert_verdict(&mut tx, &new).await?;
        commit(tx).await?;
        Ok(recorded)
    }

    /// Makes a label of the correction of an answer (see [`Self::label`]). Where the room's last verdict came of the
    /// same answer, `judge` makes of it what the room is now, which is written with the event `room.verdict` in the
    /// same transaction; photos of last week say nothing of today. `None` when there is no such answer any more.
    ///
    /// # Errors
    /// As [`Self::record_verdict`], and what `judge` returns. Nothing is written then.
    pub async fn correct_verdict<E: From<StoreError>>(
        &self,
        room: &RoomNumber,
        label: NewLabel,
        judge: impl FnOnce(&Verdict) -> Result<Verdict, E>,
    ) -> Result<Option<CorrectedVerdict>, E> {
        let Some(mut tx) = self.begin_known().await? else { return Ok(None) };
        let answer_id = label.answer_id;
        let Some(labelled) = self.insert_label(&mut tx, label).await? else { return Ok(None) };
        let (before, _) = self.standing(&mut tx, room).await?;
        let recorded = match before.as_ref().filter(|verdict| verdict.answer_id == Some(answer_id)) {
            Some(standing) => {
                let new = judge(standing)?;
                check(&new)?;
                let recorded = self.insert_verdict(&mut tx, &new).await?;
                Some((new, recorded))
            }
            None => None,
        };
        commit(tx).await?;
        Ok(Some(CorrectedVerdict { recorded, before, labelled }))
    }

    /// What was last said of a room. `None` when nothing was, or it does not open, of which the log tells.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn latest_verdict(&self, room: &RoomNumber) -> Result<Option<Verdict>, StoreError> {
        let rows = self.rows(self.verdicts_of(room).limit(1)).await?;
        rows.first().map_or(Ok(None), |row| verdict(self, row))
    }

    /// A verdict. `None` when there is none, or it does not open, of which the log tells.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn verdict(&self, id: Uuid) -> Result<Option<Verdict>, StoreError> {
        let query = self
            .scope()
            .select(Table::RoomVerdicts, &COLUMNS)
            .and_where(Expr::col(Col::Id).eq(id.to_string()))
            .take();
        self.rows(&query).await?.first().map_or(Ok(None), |row| verdict(self, row))
    }

    /// What was said of a room, newest first, at most `limit`, beginning `after` where the page before ended; less
    /// those that do not open, of which the log tells.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn verdicts(
        &self,
        room: &RoomNumber,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<VerdictPage, StoreError> {
        let mut query = self.verdicts_of(room);
        if let Some(after) = after {
            query.cond_where(after.older(Col::CreatedAt));
        }
        let rows = self.rows(query.limit(at_most(limit.saturating_add(1)))).await?;
        let mut page = VerdictPage { verdicts: Vec::new(), next: None };
        for row in rows.iter().take(limit) {
            page.verdicts.extend(verdict(self, row)?);
            if rows.len() > limit {
                page.next = Some(Cursor::new(time(row, "created_at")?, parse(row, "id")?));
            }
        }
        Ok(page)
    }

    /// What was last said of each room, by room number, at most `limit` rooms.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn latest_verdicts(&self, limit: usize) -> Result<Vec<Verdict>, StoreError> {
        let newest = self
            .scope()
            .select(Table::RoomVerdicts, &[Col::RoomNumber])
            .expr(Expr::col(Col::CreatedAt).max())
            .group_by_col(Col::RoomNumber)
            .order_by(Col::RoomNumber, Order::Asc)
            .limit(at_most(limit))
            .take();
        let place = Expr::tuple([Expr::col(Col::RoomNumber), Expr::col(Col::CreatedAt)]);
        let query = self
            .scope()
            .select(Table::RoomVerdicts, &COLUMNS)
            .and_where(place.in_subquery(newest))
            .order_by(Col::Id, Order::Asc)
            .take();
        // Of two at one moment the higher id stands, as in `latest_verdict`.
        let mut rooms = BTreeMap::new();
        for row in self.rows(&query).await? {
            if let Some(verdict) = verdict(self, &row)? {
                rooms.insert(verdict.room_number.clone(), verdict);
            }
        }
        Ok(rooms.into_values().collect())
    }
}
