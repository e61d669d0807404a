//! Images by their ids, their rooms, their bytes and their looks.

use std::collections::{HashMap, HashSet};

use innkeeper_core::RoomNumber;
use sea_query::{Expr, ExprTrait, Order, UnionType};
use uuid::Uuid;

use crate::engine::{CHUNK, fetch_all, get, parse};
use crate::enrolment::invalid;
use crate::images::{BANDS, COLUMNS, band, image, with_vectors};
use crate::schema::{Col, Table};
use crate::seal::IMAGE_VECTOR;
use crate::{HotelStore, Image, ImageCategory, ImageVector, StoreError};

/// Hashes that differ in more bits need not share one of their four parts.
const MAX_BITS: u32 = 3;
/// Rows that are compared at most, newest first: pictures of one plain colour all share a part.
const MAX_SHARING: u64 = 1_000;

/// An image whose perceptual hash is near another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NearImage {
    /// The image.
    pub id: Uuid,
    /// What it is kept for.
    pub category: ImageCategory,
    /// Its hash.
    pub hash: u64,
    /// Bits that differ.
    pub distance: u32,
}

impl HotelStore {
    /// The reference photos of a room, oldest first; less those that do not open, of which the log tells.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn references(&self, room: &RoomNumber) -> Result<Vec<Image>, StoreError> {
        let query = self
            .scope()
            .select(Table::Images, &COLUMNS)
            .and_where(Expr::col(Col::RoomNumber).eq(room.as_str()))
            .and_where(Expr::col(Col::Category).eq(ImageCategory::Reference.as_str()))
            .order_by(Col::UploadedAt, Order::Asc)
            .order_by(Col::Id, Order::Asc)
            .take();
        let mut conn = self.reader().await?;
        let mut found = Vec::new();
        for row in fetch_all(&mut conn, &query).await? {
            found.extend(image(self, &row)?);
        }
        with_vectors(&mut conn, self.scope(), &mut found).await?;
        Ok(found)
    }

    /// An image. `None` when there is none, or it does not open, of which the log tells.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn image(&self, id: Uuid) -> Result<Option<Image>, StoreError> {
        Ok(self.images(&[id]).await?.pop())
    }

    /// The images with these ids, in the order asked for; missing ones and those that do not open are left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn images(&self, ids: &[Uuid]) -> Result<Vec<Image>, StoreError> {
        let mut conn = self.reader().await?;
        let mut found = HashMap::new();
        for ids in ids.chunks(CHUNK) {
            let query = self
                .scope()
                .select(Table::Images, &COLUMNS)
                .and_where(Expr::col(Col::Id).is_in(ids.iter().map(Uuid::to_string)))
                .take();
            for row in fetch_all(&mut conn, &query).await? {
                found.extend(image(self, &row)?.map(|image| (image.id, image)));
            }
        }
        let mut images: Vec<Image> = ids.iter().filter_map(|id| found.remove(id)).collect();
        with_vectors(&mut conn, self.scope(), &mut images).await?;
        Ok(images)
    }

    /// The images of a category that were sent as exactly these bytes, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn images_by_sha256(
        &self,
        sha256: &str,
        category: ImageCategory,
    ) -> Result<Vec<Uuid>, StoreError> {
        let query = self
            .scope()
            .select(Table::Images, &[Col::Id])
            .and_where(Expr::col(Col::PhotoSha256).eq(sha256))
            .and_where(Expr::col(Col::Category).eq(category.as_str()))
            .order_by(Col::UploadedAt, Order::Asc)
            .order_by(Col::Id, Order::Asc)
            .take();
        self.rows(&query).await?.iter().map(|row| parse(row, "id")).collect()
    }

    /// Images of these categories (of all, when there is none) whose perceptual hash differs in at most `within`
    /// bits, 0 to 3, nearest first. Of two 64-bit numbers that differ in three bits, one of four 16-bit parts is
    /// the same, and the parts are indexed: multi-index hashing, Norouzi, Punjani and Fleet, 2012. Of those that share
    /// a part the 1,000 with the latest ids are compared.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] when `within` is more, or the database's failure.
    pub async fn near_images(
        &self,
        hash: u64,
        within: u32,
        categories: &[ImageCategory],
        limit: usize,
    ) -> Result<Vec<NearImage>, StoreError> {
        if within > MAX_BITS {
            return Err(invalid("within", "must be at most 3"));
        }
        let sharing = |n: usize| {
            let mut select = self.scope().select(Table::Images, &[Col::Id, Col::Category, Col::Hash]);
            select.and_where(Expr::col(BANDS[n]).eq(band(hash, n)));
            if !categories.is_empty() {
                select.and_where(Expr::col(Col::Category).is_in(categories.iter().map(|c| c.as_str())));
            }
            select
        };
        let mut query = sharing(0);
        for n in 1..BANDS.len() {
            query.union(UnionType::Distinct, sharing(n));
        }
        query.order_by(Col::Id, Order::Desc).limit(MAX_SHARING);
        let mut near = Vec::new();
        for row in self.rows(&query).await? {
            let theirs = get::<i64>(&row, "hash")?.cast_unsigned();
            let distance = (theirs ^ hash).count_ones();
            if distance <= within {
                let (id, category) = (parse(&row, "id")?, parse(&row, "category")?);
                near.push(NearImage { id, category, hash: theirs, distance });
            }
        }
        near.sort_by_key(|n| (n.distance, n.id));
        near.truncate(limit);
        Ok(near)
    }

    /// The vectors of these images, in the order asked for; those that have none, or whose vector does not open,
    /// are left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn image_vectors(&self, ids: &[Uuid]) -> Result<Vec<(Uuid, ImageVector)>, StoreError> {
        let mut found = HashMap::new();
        for ids in ids.chunks(CHUNK) {
            let query = self
                .scope()
                .select(Table::ImageVectors, &[Col::ImageId, Col::Model, Col::Vector, Col::Dimension])
                .and_where(Expr::col(Col::ImageId).is_in(ids.iter().map(Uuid::to_string)))
                .take();
            for row in self.rows(&query).await? {
                let vector = self.store.vector(IMAGE_VECTOR, &self.hotel, &row);
                if let Some(vector) = self.store.readable(IMAGE_VECTOR, &row, vector)? {
                    found.insert(
                        parse::<Uuid>(&row, "image_id")?,
                        ImageVector { model: parse(&row, "model")?, vector },
                    );
                }
            }
        }
        Ok(ids.iter().filter_map(|id| Some((*id, found.remove(id)?))).collect())
    }

    /// The vector of an image, when it has one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn image_vector(&self, id: Uuid) -> Result<Option<ImageVector>, StoreError> {
        Ok(self.image_vectors(&[id]).await?.pop().map(|(_, vector)| vector))
    }

    /// Where the pictures and small pictures of every image lie, to find those that no row names.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn image_media_keys(&self) -> Result<HashSet<String>, StoreError> {
        let query = self
            .scope()
            .select(Table::Images, &[Col::PhotoKey, Col::ThumbnailKey])
            .and_where(Expr::col(Col::PhotoKey).is_not_null())
            .take();
        let mut keys = HashSet::new();
        for row in self.rows(&query).await? {
            keys.extend(get::<Option<String>>(&row, "photo_key")?);
            keys.extend(get::<Option<String>>(&row, "thumbnail_key")?);
        }
        Ok(keys)
    }
}
