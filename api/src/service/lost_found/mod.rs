//! The desk for lost things: found things against reports of loss, both ways.

mod score;

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use innkeeper_core::{Embedding, ErrorCode, HotelId, RoomNumber};
use innkeeper_store::{
    Image, ImageCategory, ImageContent, ImageFilter, ImageVector, ItemMatch, ItemSide, MatchCandidate,
    MatchFilter, MatchState, NewImage, RecordedMatch,
};
use innkeeper_vectors::{CATEGORY, Filter, SIDE};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::images::{ImageGallery, ImageReport};
use crate::problem::Problem;
use score::{Item, agreement};

/// Rows that are asked for at once.
const PAGE: usize = 500;
/// Most things of the other side that a new one is compared with, newest first.
const MOST: usize = 10_000;
/// Most matches of one new thing; a desk looks at the best ones.
const MOST_MATCHES: usize = 10;

/// A thing of the other side that may be the new one.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    other: Uuid,
    score: f32,
    similarity: Option<f32>,
    reasons: Vec<String>,
}

impl Candidate {
    /// As the tables take it. The score is not kept: both rows and the similarity say it again.
    pub fn row(&self) -> MatchCandidate {
        MatchCandidate { other: self.other, similarity: self.similarity, reasons: self.reasons.clone() }
    }
}

/// A thing that may be another one.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct MatchReport {
    pub match_id: Uuid,
    /// The thing of the other side: a report of loss for a found thing, and the other way round.
    pub image_id: Uuid,
    /// 0 to 1: a weighted mean of what both sides tell, see `reasons`; no probability.
    pub score: f32,
    /// Cosine of the pictures' descriptors; null unless both have a picture.
    pub similarity: Option<f32>,
    /// What the score is made of.
    pub reasons: Vec<String>,
    /// The event `lost_found.matched`.
    pub event_id: Uuid,
}

impl MatchReport {
    /// The matches of a new thing that were recorded with it, best first.
    pub fn of_new(recorded: &[RecordedMatch], candidates: &[Candidate]) -> Vec<Self> {
        let known: HashMap<Uuid, &Candidate> = candidates.iter().map(|c| (c.other, c)).collect();
        let mut reports: Vec<Self> = recorded
            .iter()
            .filter_map(|r| {
                let c = known.get(&r.other)?;
                Some(Self {
                    match_id: r.id,
                    image_id: r.other,
                    score: c.score,
                    similarity: c.similarity,
                    reasons: c.reasons.clone(),
                    event_id: r.event_id,
                })
            })
            .collect();
        reports.sort_by(|a, b| b.score.total_cmp(&a.score));
        reports
    }
}

/// A pair of things.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct PairReport {
    pub match_id: Uuid,
    /// `open`, `confirmed` or `dismissed`.
    pub state: &'static str,
    /// As the match told it; null when this version would not call it one any more.
    pub score: Option<f32>,
    pub similarity: Option<f32>,
    pub reasons: Vec<String>,
    pub created_at: DateTime<Utc>,
    pub decided_at: Option<DateTime<Utc>>,
    pub decided_by: Option<String>,
    pub found: Option<ImageReport>,
    pub lost: Option<ImageReport>,
}

/// A page of pairs, newest first.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct PairsAnswer {
    pub matches: Vec<PairReport>,
    /// Where the next page begins, to be sent as `cursor`; null at the end.
    pub next_cursor: Option<String>,
}

fn other_side(side: ItemSide) -> ItemSide {
    match side {
        ItemSide::Found => ItemSide::Lost,
        ItemSide::Lost => ItemSide::Found,
    }
}

fn item(content: &ImageContent, room: Option<&str>, uploaded_at: DateTime<Utc>, side: ItemSide) -> Item {
    // Nothing is handed in after it was recorded; when it was lost only its owner knows.
    let at = content.occurred_at.or((side == ItemSide::Found).then_some(uploaded_at));
    Item {
        kind: content.kind.clone(),
        colour: content.colour.clone(),
        place: content.place.clone(),
        room: room.map(str::to_owned),
        words: content.description.clone(),
        at,
    }
}

impl Item {
    fn of(image: &Image) -> Self {
        let room = image.room_number.as_ref().map(RoomNumber::as_str);
        item(&image.content, room, image.uploaded_at, image.side.unwrap_or(ItemSide::Found))
    }
}

impl ImageGallery {
    /// The things of the other side that a new one may be, best first. To be asked while nothing else changes.
    pub(super) async fn candidates(
        &self,
        hotel: &HotelId,
        new: &NewImage,
        vector: Option<&ImageVector>,
    ) -> Result<Vec<Candidate>, Problem> {
        let Some(side) = new.side else { return Ok(Vec::new()) };
        let other = other_side(side);
        let cosines = match vector {
            Some(vector) => self.cosines(hotel, vector, other).await?,
            None => HashMap::new(),
        };
        // Those that were confirmed to be another one: nobody looks for them any more.
        let settled = self.engines.store.hotel(hotel).confirmed_items().await?;
        let room = new.room_number.as_ref().map(RoomNumber::as_str);
        let this = item(&new.content, room, new.uploaded_at, side);
        let filter = ImageFilter {
            categories: vec![ImageCategory::LostFound],
            side: Some(other),
            from: Some(new.uploaded_at - TimeDelta::days(i64::from(self.lost_found.window_days))),
            ..ImageFilter::default()
        };
        let mut found = Vec::new();
        let (mut after, mut seen) = (None, 0);
        loop {
            let page = self.engines.store.hotel(hotel).list_images(&filter, after, PAGE).await?;
            seen += page.images.len();
            for image in page.images.into_iter().filter(|image| !settled.contains(&image.id)) {
                let that = Item::of(&image);
                let (thing, report) = if side == ItemSide::Found { (&this, &that) } else { (&that, &this) };
                let similarity = cosines.get(&image.id).copied();
                if let Some(agreed) = agreement(thing, report, similarity)
                    && agreed.score >= self.lost_found.min_score
                {
                    let (score, reasons) = (agreed.score, agreed.reasons);
                    found.push(Candidate { other: image.id, score, similarity, reasons });
                }
            }
            after = page.next;
            if after.is_none() || seen >= MOST {
                break;
            }
        }
        found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.other.cmp(&b.other)));
        found.truncate(MOST_MATCHES);
        Ok(found)
    }

    /// How alike the pictures of one side are to this one.
    async fn cosines(
        &self,
        hotel: &HotelId,
        vector: &ImageVector,
        side: ItemSide,
    ) -> Result<HashMap<Uuid, f32>, Problem> {
        let probe = Embedding::normalised(vector.model.clone(), vector.vector.clone())?;
        let filter = Filter::hotel(hotel)
            .matching(CATEGORY, ImageCategory::LostFound.as_str())
            .matching(SIDE, side.as_str());
        let hits = self.nearest(&probe, &filter, 0, MOST).await?;
        Ok(hits.into_iter().map(|hit| (hit.id, hit.score)).collect())
    }

    /// The pairs of a hotel, newest first.
    pub async fn pairs(
        &self,
        hotel: &HotelId,
        filter: MatchFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<PairsAnswer, Problem> {
        let bad = || Problem::new(ErrorCode::BadRequest, "cursor is not one that an answer gave");
        let after = cursor.map(|c| c.parse().map_err(|_| bad())).transpose()?;
        let page = self.engines.store.hotel(hotel).matches(filter, after, limit).await?;
        let mut matches = Vec::with_capacity(page.matches.len());
        for pair in page.matches {
            matches.push(self.pair(hotel, pair).await?);
        }
        Ok(PairsAnswer { matches, next_cursor: page.next.map(|next| next.to_string()) })
    }

    /// Says whether two things are one.
    pub async fn decide(
        &self,
        hotel: &HotelId,
        id: Uuid,
        state: MatchState,
        actor: &str,
    ) -> Result<PairReport, Problem> {
        let decided = self.engines.store.hotel(hotel).decide_match(id, state, actor, Utc::now()).await?;
        let missing = || Problem::new(ErrorCode::MatchNotFound, "there is no such match");
        self.pair(hotel, decided.ok_or_else(missing)?).await
    }

    async fn pair(&self, hotel: &HotelId, pair: ItemMatch) -> Result<PairReport, Problem> {
        let ItemMatch { id, found, lost, similarity, reasons, state, created_at, decided_at, decided_by } =
            pair;
        let images = self.engines.store.hotel(hotel).images(&[found, lost]).await?;
        let (mut reports, mut items) = (HashMap::new(), HashMap::new());
        for image in images {
            items.insert(image.id, Item::of(&image));
            let links = self.links(hotel, image.id, image.photo.as_ref()).await?;
            reports.insert(image.id, ImageReport::new(image, links));
        }
        let score = match (items.get(&found), items.get(&lost)) {
            (Some(thing), Some(report)) => agreement(thing, report, similarity).map(|agreed| agreed.score),
            _ => None,
        };
        Ok(PairReport {
            match_id: id,
            state: state.as_str(),
            score,
            similarity,
            reasons,
            created_at,
            decided_at,
            decided_by,
            found: reports.remove(&found),
            lost: reports.remove(&lost),
        })
    }
}
