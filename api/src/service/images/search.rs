//! Pictures like a picture, pictures by words, or the newest ones.

use std::collections::HashMap;
use std::time::Instant;

use chrono::{DateTime, Utc};
use innkeeper_core::{Embedding, ErrorCode, HotelId, RoomNumber};
use innkeeper_store::{Image, ImageCategory, ImageFilter, ItemSide};
use innkeeper_vectors::{CATEGORY, Filter, Hit, ROOM_NUMBER, SIDE, TAGS, UPLOADED_AT, VectorError};
use uuid::Uuid;

use super::answers::{MetadataReport, SearchAnswer, SearchHit};
use super::{ImageGallery, image_not_found};
use crate::problem::Problem;

/// How deep pages of similar pictures go.
const DEEPEST: usize = 10_000;

/// What is asked.
pub(crate) enum Query {
    /// Pictures like this descriptor.
    Like(Embedding),
    /// Pictures like one that is here.
    LikeImage(Uuid),
    /// Pictures whose tags or descriptions hold every one of these words.
    Words(Vec<String>),
    /// The newest.
    Newest,
}

/// Which pictures count.
#[derive(Debug, Clone, Default)]
pub(crate) struct Question {
    /// All but references when empty.
    pub categories: Vec<ImageCategory>,
    pub room: Option<RoomNumber>,
    pub side: Option<ItemSide>,
    pub all_tags: Vec<String>,
    pub any_tags: Vec<String>,
    pub from: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
}

/// A search, checked.
pub(crate) struct SearchInput {
    pub query: Query,
    pub question: Question,
    pub top_k: usize,
    pub threshold: f32,
    pub cursor: Option<String>,
}

/// What is looked through when no category is named: reference photographs are asked for by name only.
const EVERYWHERE: [ImageCategory; 3] =
    [ImageCategory::Room, ImageCategory::LostFound, ImageCategory::Amenity];

impl Question {
    fn categories(&self) -> &[ImageCategory] {
        if self.categories.is_empty() { &EVERYWHERE } else { &self.categories }
    }

    /// In the words of the index.
    fn filter(&self, hotel: &HotelId) -> Filter {
        let categories: Vec<&str> = self.categories().iter().map(|c| c.as_str()).collect();
        let mut filter = Filter::hotel(hotel).any_of(CATEGORY, &categories);
        if let Some(room) = &self.room {
            filter = filter.matching(ROOM_NUMBER, room.as_str());
        }
        if let Some(side) = self.side {
            filter = filter.matching(SIDE, side.as_str());
        }
        if !self.all_tags.is_empty() {
            filter = filter.all_of(TAGS, &self.all_tags);
        }
        if !self.any_tags.is_empty() {
            filter = filter.any_of(TAGS, &self.any_tags);
        }
        if self.from.is_some() || self.until.is_some() {
            // As exactly as the tables compare.
            let micros = |at: DateTime<Utc>| at.timestamp_micros();
            filter = filter.range(UPLOADED_AT, self.from.map(micros), self.until.map(micros));
        }
        filter
    }

    /// In the words of the tables.
    fn rows(&self, words: Vec<String>) -> ImageFilter {
        ImageFilter {
            categories: self.categories().to_vec(),
            rooms: self.room.clone().into_iter().collect(),
            side: self.side,
            from: self.from,
            until: self.until,
            any_tags: self.any_tags.clone(),
            all_tags: self.all_tags.clone(),
            words,
            ..ImageFilter::default()
        }
    }
}

fn bad_cursor() -> Problem {
    Problem::new(ErrorCode::BadRequest, "cursor is not one that an answer gave")
}

impl ImageGallery {
    /// The nearest points of a descriptor, best first. A collection that is not there yet holds nothing.
    pub(in crate::service) async fn nearest(
        &self,
        probe: &Embedding,
        filter: &Filter,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<Hit>, Problem> {
        let dimension = probe.vector().len();
        let collection = self.collection(probe.model().clone(), dimension).await?;
        let veiled = self.veil(dimension).await?.apply(probe.vector())?;
        match self.engines.vectors.search_page(&collection, &veiled, filter, offset, limit, false).await {
            Ok(hits) => Ok(hits),
            Err(VectorError::UnknownCollection { .. }) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    /// Answers a search of one hotel.
    pub async fn search(&self, hotel: &HotelId, input: SearchInput) -> Result<SearchAnswer, Problem> {
        let started = Instant::now();
        let SearchInput { query, question, top_k, threshold, cursor } = input;
        let mut answer = match query {
            Query::Like(probe) => {
                self.similar(hotel, &probe, None, &question, top_k, threshold, cursor).await?
            }
            Query::LikeImage(id) => {
                let rows = self.engines.store.hotel(hotel);
                let stored = rows.image_vector(id).await?.ok_or_else(image_not_found)?;
                let probe = Embedding::normalised(stored.model, stored.vector)?;
                self.similar(hotel, &probe, Some(id), &question, top_k, threshold, cursor).await?
            }
            Query::Words(words) => self.listed(hotel, &question, words, "tags", top_k, cursor).await?,
            Query::Newest => self.listed(hotel, &question, Vec::new(), "newest", top_k, cursor).await?,
        };
        answer.took_ms = started.elapsed().as_secs_f64() * 1e3;
        Ok(answer)
    }

    #[expect(clippy::too_many_arguments, reason = "one question, taken apart once")]
    async fn similar(
        &self,
        hotel: &HotelId,
        probe: &Embedding,
        itself: Option<Uuid>,
        question: &Question,
        top_k: usize,
        threshold: f32,
        cursor: Option<String>,
    ) -> Result<SearchAnswer, Problem> {
        let offset: usize = cursor.map_or(Ok(0), |c| c.parse().map_err(|_| bad_cursor()))?;
        if offset >= DEEPEST {
            return Err(bad_cursor());
        }
        // Two more: the picture itself, which is passed over, and one that says whether there is a further page.
        let limit = (top_k + 2).min(DEEPEST - offset);
        let mut hits = self.nearest(probe, &question.filter(hotel), offset, limit).await?;
        hits.retain(|hit| hit.score >= threshold);
        let (mut seen, mut shown) = (0, Vec::with_capacity(top_k));
        while shown.len() < top_k && seen < hits.len() {
            if Some(hits[seen].id) != itself {
                shown.push(hits[seen].clone());
            }
            seen += 1;
        }
        let more = hits.iter().skip(seen).any(|hit| Some(hit.id) != itself);
        let next = (more && offset + seen < DEEPEST).then(|| (offset + seen).to_string());
        let ids: Vec<Uuid> = shown.iter().map(|hit| hit.id).collect();
        let scores: HashMap<Uuid, f32> = shown.into_iter().map(|hit| (hit.id, hit.score)).collect();
        // What was deleted a moment ago has no row any more.
        let rows = self.engines.store.hotel(hotel).images(&ids).await?;
        Ok(SearchAnswer {
            results: self.hits(hotel, rows, &scores).await?,
            matched_by: "image",
            threshold: Some(threshold),
            next_cursor: next,
            model: Some(probe.model().to_string()),
            took_ms: 0.0,
        })
    }

    async fn listed(
        &self,
        hotel: &HotelId,
        question: &Question,
        words: Vec<String>,
        matched_by: &'static str,
        top_k: usize,
        cursor: Option<String>,
    ) -> Result<SearchAnswer, Problem> {
        let after = cursor.map(|c| c.parse().map_err(|_| bad_cursor())).transpose()?;
        let rows = self.engines.store.hotel(hotel);
        let page = rows.list_images(&question.rows(words), after, top_k).await?;
        Ok(SearchAnswer {
            results: self.hits(hotel, page.images, &HashMap::new()).await?,
            matched_by,
            threshold: None,
            next_cursor: page.next.map(|next| next.to_string()),
            model: None,
            took_ms: 0.0,
        })
    }

    async fn hits(
        &self,
        hotel: &HotelId,
        rows: Vec<Image>,
        scores: &HashMap<Uuid, f32>,
    ) -> Result<Vec<SearchHit>, Problem> {
        let mut hits = Vec::with_capacity(rows.len());
        for row in rows {
            hits.push(SearchHit {
                image_id: row.id,
                similarity: scores.get(&row.id).copied(),
                metadata: MetadataReport::from(&row),
                links: self.links(hotel, row.id, row.photo.as_ref()).await?,
            });
        }
        Ok(hits)
    }
}
