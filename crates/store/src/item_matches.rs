//! Things that were found and reports of loss that may belong together.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use sea_query::{Cond, Expr, ExprTrait, Order};
use serde_json::json;
use uuid::Uuid;

use crate::audit::{AuditSubject, NewEntry};
use crate::engine::{
    CHUNK, Conn, Row, at_most, execute, fetch_all, fetch_optional, get, parse, parse_optional,
};
use crate::enrolment::invalid;
use crate::outbox::{LOST_FOUND_MATCHED, NewEvent};
use crate::page::Cursor;
use crate::schema::{Col, Table};
use crate::seal::MATCH;
use crate::store::commit;
use crate::time::{micros, optional_time, time};
use crate::{HotelStore, ItemSide, MatchState, StoreError, audit, outbox};

/// An image of the other side that may be the same thing.
#[derive(Clone, PartialEq)]
pub struct MatchCandidate {
    /// The image.
    pub other: Uuid,
    /// Cosine of the two pictures, -1 to 1; `None` when only words speak for it.
    pub similarity: Option<f32>,
    /// What speaks for it; sealed.
    pub reasons: Vec<String>,
}

/// A match that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordedMatch {
    /// Its id.
    pub id: Uuid,
    /// The image of the other side.
    pub other: Uuid,
    /// The event `lost_found.matched`.
    pub event_id: Uuid,
}

/// A thing that was found and a report of loss.
#[derive(Clone, PartialEq)]
pub struct ItemMatch {
    /// Its id.
    pub id: Uuid,
    /// What was found.
    pub found: Uuid,
    /// The report of loss.
    pub lost: Uuid,
    /// Cosine of the two pictures; `None` when only words speak for it.
    pub similarity: Option<f32>,
    /// What speaks for it.
    pub reasons: Vec<String>,
    /// What people made of it.
    pub state: MatchState,
    /// When it was found.
    pub created_at: DateTime<Utc>,
    /// When somebody decided.
    pub decided_at: Option<DateTime<Utc>>,
    /// Who decided.
    pub decided_by: Option<String>,
}

impl std::fmt::Debug for MatchCandidate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MatchCandidate")
            .field("other", &self.other)
            .field("similarity", &self.similarity)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ItemMatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ItemMatch")
            .field("id", &self.id)
            .field("found", &self.found)
            .field("lost", &self.lost)
            .field("similarity", &self.similarity)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// Which matches count; the default is every match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MatchFilter {
    /// Only those of this image.
    pub image: Option<Uuid>,
    /// Only those in this state.
    pub state: Option<MatchState>,
}

/// Some matches, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct MatchPage {
    /// The matches.
    pub matches: Vec<ItemMatch>,
    /// Where the next page begins; `None` when there are no more.
    pub next: Option<Cursor>,
}

const COLUMNS: [Col; 9] = [
    Col::Id,
    Col::FoundId,
    Col::LostId,
    Col::Similarity,
    Col::Content,
    Col::State,
    Col::CreatedAt,
    Col::DecidedAt,
    Col::DecidedBy,
];

/// `None` when the content does not open.
fn item_match(hotel: &HotelStore, row: &Row) -> Result<Option<ItemMatch>, StoreError> {
    let opened = hotel.store.unseal_row(MATCH, hotel.hotel.as_str(), row).and_then(|plain| {
        serde_json::from_slice(&plain).map_err(|_| StoreError::Corrupt { column: "content" })
    });
    let Some(reasons) = hotel.store.readable(MATCH, row, opened)? else { return Ok(None) };
    Ok(Some(ItemMatch {
        id: parse(row, "id")?,
        found: parse(row, "found_id")?,
        lost: parse(row, "lost_id")?,
        similarity: get::<Option<f64>>(row, "similarity")?.map(|s| s as f32),
        reasons,
        state: parse(row, "state")?,
        created_at: time(row, "created_at")?,
        decided_at: optional_time(row, "decided_at")?,
        decided_by: get(row, "decided_by")?,
    }))
}

impl HotelStore {
    /// Notes that an image and these others may show the same thing, in one transaction with an event
    /// `lost_found.matched` for each pair. Left out are pairs that are known, whatever was made of them, and
    /// whoever is not a thing of the other side.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a similarity out of range. Nothing is written then.
    pub async fn add_matches(
        &self,
        image: Uuid,
        candidates: &[MatchCandidate],
        at: DateTime<Utc>,
    ) -> Result<Vec<RecordedMatch>, StoreError> {
        let Some(mut tx) = self.begin_known().await? else { return Ok(Vec::new()) };
        let matches = self.insert_matches(&mut tx, image, candidates, at).await?;
        if !matches.is_empty() {
            commit(tx).await?;
        }
        Ok(matches)
    }

    pub(crate) async fn insert_matches(
        &self,
        conn: &mut Conn,
        image: Uuid,
        candidates: &[MatchCandidate],
        at: DateTime<Utc>,
    ) -> Result<Vec<RecordedMatch>, StoreError> {
        if candidates.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<Uuid> = std::iter::once(image).chain(candidates.iter().map(|c| c.other)).collect();
        let sides = self.sides(conn, &ids).await?;
        let Some(side) = sides.get(&image).copied() else { return Ok(Vec::new()) };
        let mut recorded = Vec::new();
        for candidate in candidates {
            if candidate.similarity.is_some_and(|s| !(-1.0..=1.0).contains(&s)) {
                return Err(invalid("similarity", "must be between -1 and 1"));
            }
            let (found, lost) = match (side, sides.get(&candidate.other)) {
                (ItemSide::Found, Some(ItemSide::Lost)) => (image, candidate.other),
                (ItemSide::Lost, Some(ItemSide::Found)) => (candidate.other, image),
                _ => continue,
            };
            if !self.pair_is_known(conn, found, lost).await? {
                recorded.push(self.insert_match(conn, [found, lost, image], candidate, at).await?);
            }
        }
        Ok(recorded)
    }

    /// On which side these images are; less those that are on none.
    async fn sides(&self, conn: &mut Conn, ids: &[Uuid]) -> Result<HashMap<Uuid, ItemSide>, StoreError> {
        let mut sides = HashMap::new();
        for ids in ids.chunks(CHUNK) {
            let query = self
                .scope()
                .select(Table::Images, &[Col::Id, Col::Side])
                .and_where(Expr::col(Col::Id).is_in(ids.iter().map(Uuid::to_string)))
                .take();
            for row in fetch_all(conn, &query).await? {
                if let Some(side) = parse_optional(&row, "side")? {
                    sides.insert(parse(&row, "id")?, side);
                }
            }
        }
        Ok(sides)
    }

    async fn pair_is_known(&self, conn: &mut Conn, found: Uuid, lost: Uuid) -> Result<bool, StoreError> {
        let query = self
            .scope()
            .select(Table::ItemMatches, &[Col::Id])
            .and_where(Expr::col(Col::FoundId).eq(found.to_string()))
            .and_where(Expr::col(Col::LostId).eq(lost.to_string()))
            .take();
        Ok(fetch_optional(conn, &query).await?.is_some())
    }

    async fn insert_match(
        &self,
        conn: &mut Conn,
        [found, lost, new_image]: [Uuid; 3],
        candidate: &MatchCandidate,
        at: DateTime<Utc>,
    ) -> Result<RecordedMatch, StoreError> {
        let id = Uuid::now_v7();
        let text = id.to_string();
        let plain = serde_json::to_vec(&candidate.reasons)?;
        let [content, sealed_by] = self.store.seal(MATCH, self.hotel.as_str(), &text, &plain)?;
        let insert = self.scope().insert(
            Table::ItemMatches,
            [
                (Col::Id, Expr::value(text)),
                (Col::FoundId, Expr::value(found.to_string())),
                (Col::LostId, Expr::value(lost.to_string())),
                (Col::Similarity, Expr::value(candidate.similarity.map(f64::from))),
                content,
                sealed_by,
                (Col::State, Expr::value(MatchState::Open.as_str())),
                (Col::CreatedAt, Expr::value(micros(at))),
            ],
        )?;
        execute(conn, &insert).await?;
        let event = NewEvent { topic: LOST_FOUND_MATCHED, person: None, at, forget: false };
        let payload = json!({
            "match_id": id, "found_image_id": found, "lost_image_id": lost, "new_image_id": new_image,
            "similarity": candidate.similarity, "at": at,
        });
        let event_id = outbox::emit(conn, self, event, &payload).await?;
        Ok(RecordedMatch { id, other: candidate.other, event_id })
    }

    /// Matches that pass the filter, newest first, at most `limit`, beginning `after` where the page before ended;
    /// less those that do not open, of which the log tells.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn matches(
        &self,
        filter: MatchFilter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<MatchPage, StoreError> {
        let mut query = self.scope().select(Table::ItemMatches, &COLUMNS);
        if let Some(image) = filter.image {
            let is = |column| Expr::col(column).eq(image.to_string());
            query.cond_where(Cond::any().add(is(Col::FoundId)).add(is(Col::LostId)));
        }
        if let Some(state) = filter.state {
            query.and_where(Expr::col(Col::State).eq(state.as_str()));
        }
        if let Some(after) = after {
            query.cond_where(after.older(Col::CreatedAt));
        }
        query.order_by(Col::CreatedAt, Order::Desc).order_by(Col::Id, Order::Desc);
        let rows = self.rows(query.limit(at_most(limit.saturating_add(1)))).await?;
        let mut page = MatchPage { matches: Vec::new(), next: None };
        for row in rows.iter().take(limit) {
            page.matches.extend(item_match(self, row)?);
            if rows.len() > limit {
                page.next = Some(Cursor::new(time(row, "created_at")?, parse(row, "id")?));
            }
        }
        Ok(page)
    }

    /// The images of every confirmed match. Nothing is opened.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn confirmed_items(&self) -> Result<HashSet<Uuid>, StoreError> {
        let query = self
            .scope()
            .select(Table::ItemMatches, &[Col::FoundId, Col::LostId])
            .and_where(Expr::col(Col::State).eq(MatchState::Confirmed.as_str()))
            .take();
        let mut items = HashSet::new();
        for row in self.rows(&query).await? {
            items.extend([parse::<Uuid>(&row, "found_id")?, parse(&row, "lost_id")?]);
        }
        Ok(items)
    }

    /// A match. `None` when there is none, or it does not open, of which the log tells.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn item_match(&self, id: Uuid) -> Result<Option<ItemMatch>, StoreError> {
        let mut conn = self.reader().await?;
        self.find_match(&mut conn, id).await
    }

    async fn find_match(&self, conn: &mut Conn, id: Uuid) -> Result<Option<ItemMatch>, StoreError> {
        let query = self
            .scope()
            .select(Table::ItemMatches, &COLUMNS)
            .and_where(Expr::col(Col::Id).eq(id.to_string()))
            .take();
        match fetch_optional(conn, &query).await? {
            Some(row) => item_match(self, &row),
            None => Ok(None),
        }
    }

    /// Writes down what somebody made of a match, with an audit row `lost_found.decided`. Back to
    /// [`MatchState::Open`] is a decision too. `None` when there is no such match.
    ///
    /// # Errors
    /// When the database fails; nothing is changed then.
    pub async fn decide_match(
        &self,
        id: Uuid,
        state: MatchState,
        actor: &str,
        at: DateTime<Utc>,
    ) -> Result<Option<ItemMatch>, StoreError> {
        let Some(mut tx) = self.begin_known().await? else { return Ok(None) };
        let Some(before) = self.find_match(&mut tx, id).await? else { return Ok(None) };
        let update = self
            .scope()
            .update(Table::ItemMatches)
            .value(Col::State, state.as_str())
            .value(Col::DecidedAt, micros(at))
            .value(Col::DecidedBy, actor)
            .and_where(Expr::col(Col::Id).eq(id.to_string()))
            .take();
        execute(&mut tx, &update).await?;
        let details = json!({
            "found": before.found, "lost": before.lost, "before": before.state, "after": state,
        });
        let subject = AuditSubject::Thing(format!("match:{id}"));
        let entry =
            NewEntry { at, actor, action: "lost_found.decided", subject: &subject, details: &details };
        audit::append(&mut tx, self, entry).await?;
        let after = self.find_match(&mut tx, id).await?;
        commit(tx).await?;
        Ok(after)
    }
}
