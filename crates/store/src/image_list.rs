//! Images by what is known of them, page by page.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use innkeeper_core::RoomNumber;
use sea_query::{Expr, ExprTrait, Order, SelectStatement};

use crate::engine::{CHUNK, Row, count, fetch_all, parse};
use crate::images::{COLUMNS, image, with_vectors};
use crate::page::Cursor;
use crate::schema::{Col, Table};
use crate::time::{micros, time};
use crate::{HotelStore, Image, ImageCategory, ImageContent, ItemSide, StoreError};

/// Rows that are opened for one page at most: tags and words are sealed, so that only an opened row tells.
const MAX_OPENED: usize = 5_000;

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

/// What of a filter only an opened row can answer, in lower case once for all rows.
struct Wanted {
    any_tags: Vec<String>,
    all_tags: Vec<String>,
    words: Vec<String>,
}

impl Wanted {
    /// Whether every row has it.
    fn is_nothing(&self) -> bool {
        self.any_tags.is_empty() && self.all_tags.is_empty() && self.words.is_empty()
    }

    fn is_in(&self, content: &ImageContent) -> bool {
        if self.is_nothing() {
            return true;
        }
        let tags: Vec<String> = content.tags.iter().map(|tag| tag.to_lowercase()).collect();
        if !(self.any_tags.is_empty() || self.any_tags.iter().any(|tag| tags.contains(tag)))
            || !self.all_tags.iter().all(|tag| tags.contains(tag))
        {
            return false;
        }
        if self.words.is_empty() {
            return true;
        }
        let texts = [&content.description, &content.place, &content.kind, &content.colour];
        let mut texts: Vec<String> = texts.into_iter().flatten().map(|text| text.to_lowercase()).collect();
        texts.extend(tags);
        self.words.iter().all(|word| texts.iter().any(|text| text.contains(word)))
    }
}

/// What the rows of one query gave.
struct Opened {
    images: Vec<Image>,
    /// The last row that was looked at.
    last: Option<Cursor>,
    /// There is an image more than was asked for.
    full: bool,
}

/// Opens rows until `room` images pass and one more shows that there are more. Computes; it waits for nothing.
fn open(hotel: &HotelStore, rows: &[Row], wanted: &Wanted, room: usize) -> Result<Opened, StoreError> {
    let mut opened = Opened { images: Vec::new(), last: None, full: false };
    for row in rows {
        let place = Cursor::new(time(row, "uploaded_at")?, parse(row, "id")?);
        let found = image(hotel, row)?.filter(|image| wanted.is_in(&image.content));
        if found.is_some() && opened.images.len() == room {
            opened.full = true;
            break;
        }
        opened.images.extend(found);
        opened.last = Some(place);
    }
    Ok(opened)
}

impl ImageFilter {
    fn wanted(&self) -> Wanted {
        let lower = |texts: &[String]| texts.iter().map(|text| text.to_lowercase()).collect();
        Wanted { any_tags: lower(&self.any_tags), all_tags: lower(&self.all_tags), words: lower(&self.words) }
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
    /// At most 5,000 rows are opened for one page, on a thread that may block, so a page may be short, or empty,
    /// although another follows.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_images(
        &self,
        filter: &ImageFilter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<ImagePage, StoreError> {
        self.page_of_images(filter, after, limit, MAX_OPENED).await
    }

    async fn page_of_images(
        &self,
        filter: &ImageFilter,
        after: Option<Cursor>,
        limit: usize,
        most: usize,
    ) -> Result<ImagePage, StoreError> {
        let mut conn = self.reader().await?;
        let wanted = Arc::new(filter.wanted());
        // Where the database answers everything, one row more than is asked for says that another page follows.
        let chunk = if wanted.is_nothing() { limit.saturating_add(1).min(CHUNK) } else { CHUNK.min(most) };
        let (mut images, mut after, mut seen) = (Vec::new(), after, 0);
        let next = loop {
            let mut query = self.scope().select(Table::Images, &COLUMNS);
            filter.narrow(&mut query);
            if let Some(after) = after {
                query.cond_where(after.older(Col::UploadedAt));
            }
            query.order_by(Col::UploadedAt, Order::Desc).order_by(Col::Id, Order::Desc).limit(chunk as u64);
            let rows = fetch_all(&mut conn, &query).await?;
            let found = rows.len();
            let (hotel, wanted, room) = (self.clone(), Arc::clone(&wanted), limit - images.len());
            // Deciphering hundreds of rows takes milliseconds, which belong to no thread that serves others too.
            let opened = tokio::task::spawn_blocking(move || open(&hotel, &rows, &wanted, room)).await;
            let opened = opened.map_err(|_| StoreError::Closed)??;
            images.extend(opened.images);
            after = opened.last.or(after);
            seen += found;
            if opened.full {
                break after;
            }
            if found < chunk {
                break None;
            }
            if seen >= most {
                break after;
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

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use innkeeper_sealing::KeyRing;
    use uuid::Uuid;

    use super::*;
    use crate::{ImagePhoto, NewImage, Store};

    fn new(n: u32, tag: &str) -> NewImage {
        NewImage {
            id: Uuid::now_v7(),
            category: ImageCategory::Room,
            room_number: None,
            side: None,
            uploaded_at: DateTime::UNIX_EPOCH + TimeDelta::seconds(i64::from(n)),
            taken_at: None,
            created_by: "housekeeper".to_owned(),
            content: ImageContent { tags: vec![tag.to_owned()], ..ImageContent::default() },
            photo: Some(ImagePhoto {
                photo_key: format!("image-{n}"),
                thumbnail_key: None,
                sha256: format!("{n:064x}"),
                hash: 0,
            }),
            vector: None,
        }
    }

    #[tokio::test]
    async fn a_rare_tag_costs_a_page_no_more_than_its_share_and_is_found_by_turning_pages() {
        let folder = tempfile::tempdir().unwrap();
        let keys = KeyRing::open(None, folder.path()).unwrap();
        let store = Store::open(&folder.path().join("innkeeper.db"), keys).await.unwrap();
        let hotel = store.hotel(&"h1".parse().unwrap());
        // The oldest three of thirty have it, in other letters.
        let images: Vec<NewImage> = (0..30).map(|n| new(n, if n < 3 { "Kettle" } else { "clean" })).collect();
        hotel.add_images(&images).await.unwrap();
        let filter = ImageFilter { any_tags: vec!["KETTLE".to_owned()], ..ImageFilter::default() };
        let (mut after, mut pages) = (None, Vec::new());
        loop {
            let page = hotel.page_of_images(&filter, after, 2, 10).await.unwrap();
            pages.push(page.images.iter().map(|image| image.id).collect::<Vec<_>>());
            after = page.next;
            if after.is_none() {
                break;
            }
            assert!(pages.len() < 9, "pages never end");
        }
        let [a, b, c] = [0, 1, 2].map(|n: usize| images[n].id);
        // Two empty pages of ten rows; then two images, of which the second is followed by one more.
        assert!(pages[..2].iter().all(Vec::is_empty), "a page opens more rows than it may");
        assert_eq!(pages[2..].concat(), [c, b, a]);
        // What the database answers by itself needs no such share.
        let all = hotel.page_of_images(&ImageFilter::default(), None, 30, 10).await.unwrap();
        assert_eq!((all.images.len(), all.next), (30, None));
    }
}
