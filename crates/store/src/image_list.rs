//! Images by what is known of them, page by page.

use std::borrow::Borrow;

use chrono::{DateTime, Utc};
use innkeeper_core::RoomNumber;
use sea_query::{Expr, ExprTrait, Order, SelectStatement};

use crate::engine::{CHUNK, count, fetch_all};
use crate::images::{COLUMNS, image, with_vectors};
use crate::page::Cursor;
use crate::schema::{Col, Table};
use crate::time::micros;
use crate::{HotelStore, Image, ImageCategory, ImageContent, ItemSide, StoreError};

/// Rows that are opened for one page at most: tags and words are sealed, so that only an opened row tells.
const MAX_OPENED: usize = 20_000;

/// Which images count. All conditions hold at once; the default is every image.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageFilter {
    /// One of these; all, when there is none.
    pub categories: Vec<ImageCategory>,
    /// One of these rooms; any, when there is none.
    pub rooms: Vec<RoomNumber>,
    /// Found or lost.
    pub side: Option<ItemSide>,
    /// Came at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Came before this time.
    pub until: Option<DateTime<Utc>>,
    /// Whether it has no picture.
    pub without_photo: Option<bool>,
    /// Has one of these tags, when there are any. Case does not matter.
    pub any_tags: Vec<String>,
    /// Has all of these tags.
    pub all_tags: Vec<String>,
    /// Each of these stands in its tags, description, place, kind or colour. Case does not matter.
    pub words: Vec<String>,
}

/// Some images, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct ImagePage {
    /// The images.
    pub images: Vec<Image>,
    /// Where the next page begins; `None` when there are no more.
    pub next: Option<Cursor>,
}

impl ImageContent {
    /// Whether one of the tags is this one; case does not matter.
    pub fn has_tag(&self, tag: &str) -> bool {
        let tag = tag.to_lowercase();
        self.tags.iter().any(|t| t.to_lowercase() == tag)
    }

    /// Whether a word stands in the tags, the description, the place, the kind or the colour; case does not matter.
    pub fn tells(&self, word: &str) -> bool {
        let word = word.to_lowercase();
        let texts = [&self.description, &self.place, &self.kind, &self.colour];
        let mut texts = texts.into_iter().flatten().chain(&self.tags);
        texts.any(|text| Borrow::<str>::borrow(text).to_lowercase().contains(&word))
    }
}

impl ImageFilter {
    fn passes(&self, content: &ImageContent) -> bool {
        (self.any_tags.is_empty() || self.any_tags.iter().any(|t| content.has_tag(t)))
            && self.all_tags.iter().all(|t| content.has_tag(t))
            && self.words.iter().all(|w| content.tells(w))
    }

    /// The conditions that the database can answer.
    fn narrow(&self, select: &mut SelectStatement) {
        if !self.categories.is_empty() {
            select.and_where(Expr::col(Col::Category).is_in(self.categories.iter().map(|c| c.as_str())));
        }
        if !self.rooms.is_empty() {
            select.and_where(Expr::col(Col::RoomNumber).is_in(self.rooms.iter().map(RoomNumber::as_str)));
        }
        let conditions = [
            self.side.map(|side| Expr::col(Col::Side).eq(side.as_str())),
            self.from.map(|from| Expr::col(Col::UploadedAt).gte(micros(from))),
            self.until.map(|until| Expr::col(Col::UploadedAt).lt(micros(until))),
            self.without_photo.map(|without| {
                let key = Expr::col(Col::PhotoKey);
                if without { key.is_null() } else { key.is_not_null() }
            }),
        ];
        for condition in conditions.into_iter().flatten() {
            select.and_where(condition);
        }
    }
}

impl HotelStore {
    /// Images that pass the filter, newest first, at most `limit`, beginning `after` where the page before ended;
    /// less those that do not open, of which the log tells.
    ///
    /// At most 20,000 rows are opened for one page, so a page may be short although another follows.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_images(
        &self,
        filter: &ImageFilter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<ImagePage, StoreError> {
        let mut conn = self.reader().await?;
        let (mut images, mut after, mut opened) = (Vec::new(), after, 0);
        let next = loop {
            let mut query = self.scope().select(Table::Images, &COLUMNS);
            filter.narrow(&mut query);
            if let Some(after) = after {
                query.cond_where(after.older(Col::UploadedAt));
            }
            query.order_by(Col::UploadedAt, Order::Desc).order_by(Col::Id, Order::Desc).limit(CHUNK as u64);
            let rows = fetch_all(&mut conn, &query).await?;
            let mut full = false;
            for row in &rows {
                let place =
                    Cursor::new(crate::time::time(row, "uploaded_at")?, crate::engine::parse(row, "id")?);
                let found = image(self, row)?.filter(|image| filter.passes(&image.content));
                // One more than is asked for says that another page follows.
                if found.is_some() && images.len() == limit {
                    full = true;
                    break;
                }
                images.extend(found);
                after = Some(place);
            }
            opened += rows.len();
            if full || opened >= MAX_OPENED && rows.len() == CHUNK {
                break after;
            }
            if rows.len() < CHUNK {
                break None;
            }
        };
        with_vectors(&mut conn, self.scope(), &mut images).await?;
        Ok(ImagePage { images, next })
    }

    /// How many images pass the filter, whose tags and words do not count here.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_images(&self, filter: &ImageFilter) -> Result<u64, StoreError> {
        let mut query = self.scope().select(Table::Images, &[]);
        filter.narrow(&mut query);
        query.expr_as(Expr::col(Col::Id).count(), "found");
        self.rows(&query).await?.first().map_or(Ok(0), |row| count(row, "found"))
    }
}
