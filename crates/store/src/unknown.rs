use std::cmp::{max, min};
use std::time::Duration;

use chrono::{DateTime, Utc};
use innkeeper_core::{CameraId, HotelId, ModelRef};
use sea_query::{Expr, ExprTrait, Order, Query, SelectStatement};
use serde_json::json;
use uuid::Uuid;

use crate::audit::{AuditSubject, NewEntry};
use crate::engine::{CHUNK, Conn, Row, count, execute, fetch_all, fetch_some, get, parse, parse_optional};
use crate::enrolment::{check_sha256, check_vector, invalid};
use crate::people::to_bytes;
use crate::removal::{keep_photos, release_photos};
use crate::schema::{Col, Table};
use crate::scope::Scope;
use crate::seal::UNKNOWN;
use crate::store::commit;
use crate::time::{micros, span, time};
use crate::{HotelStore, Store, StoreError, audit};

/// A face on one frame that nobody could name.
#[derive(Debug, Clone, PartialEq)]
pub struct NewUnknown {
    /// A fresh id, used when the frame opens a sighting.
    pub id: Uuid,
    /// Gathers the sightings of one face.
    pub group_id: Uuid,
    /// The model that computed the vector.
    pub model: ModelRef,
    /// The vector: not empty, finite.
    pub vector: Vec<f32>,
    /// Quality of the photo, finite, higher is better, on the scale of the templates.
    pub quality: f32,
    /// Where; frames without a camera count as one more camera.
    pub camera: Option<CameraId>,
    /// When the frame was taken.
    pub seen_at: DateTime<Utc>,
    /// What the liveness model said, `None` without one.
    pub is_alive: Option<bool>,
    /// Why liveness is what it is.
    pub liveness_reason: Option<String>,
    /// Where the photo lies in the media room, when it is kept. The key must be of this frame alone.
    pub photo_key: Option<String>,
    /// SHA-256 of the photo's bytes, 64 lower-case hex digits.
    pub photo_sha256: String,
    /// When the hotel's rule says that the face must be forgotten.
    pub expires_at: DateTime<Utc>,
}

/// Where a frame of an unknown face went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownOutcome {
    /// The sighting: the frame's own id, or that of the sighting it joined.
    pub id: Uuid,
    /// Whether this frame opened it.
    pub is_new: bool,
    /// Whether the sighting now shows this frame's vector and photo.
    pub is_best: bool,
    /// Frames of the sighting so far.
    pub frames: u64,
}

/// One sighting of a face that nobody could name.
#[derive(Debug, Clone, PartialEq)]
pub struct UnknownFace {
    /// Id of the sighting.
    pub id: Uuid,
    /// Gathers the sightings of one face.
    pub group_id: Uuid,
    /// The model that computed the vector.
    pub model: ModelRef,
    /// The vector of the best frame.
    pub vector: Vec<f32>,
    /// Quality of the best frame.
    pub quality: f32,
    /// Where.
    pub camera_id: Option<CameraId>,
    /// First frame.
    pub seen_at: DateTime<Utc>,
    /// Last frame.
    pub last_seen_at: DateTime<Utc>,
    /// Frames of the sighting.
    pub frames: u64,
    /// Liveness of the best frame.
    pub is_alive: Option<bool>,
    /// Why liveness is what it is.
    pub liveness_reason: Option<String>,
    /// Photo of the best frame, when it was kept.
    pub photo_key: Option<String>,
    /// Hex SHA-256 of that photo's bytes.
    pub photo_sha256: String,
    /// When it will be forgotten.
    pub expires_at: DateTime<Utc>,
}

const COLUMNS: [Col; 15] = [
    Col::Id,
    Col::GroupId,
    Col::Model,
    Col::Vector,
    Col::Dimension,
    Col::Quality,
    Col::CameraId,
    Col::SeenAt,
    Col::LastSeenAt,
    Col::Frames,
    Col::IsAlive,
    Col::LivenessReason,
    Col::PhotoKey,
    Col::PhotoSha256,
    Col::ExpiresAt,
];

/// `None` when the vector does not open.
fn unknown(hotel: &HotelStore, row: &Row) -> Result<Option<UnknownFace>, StoreError> {
    let vector = hotel.store.vector(UNKNOWN, &hotel.hotel, row);
    let Some(vector) = hotel.store.readable(UNKNOWN, row, vector)? else { return Ok(None) };
    Ok(Some(UnknownFace {
        id: parse(row, "id")?,
        group_id: parse(row, "group_id")?,
        model: parse(row, "model")?,
        vector,
        quality: get::<f64>(row, "quality")? as f32,
        camera_id: parse_optional(row, "camera_id")?,
        seen_at: time(row, "seen_at")?,
        last_seen_at: time(row, "last_seen_at")?,
        frames: count(row, "frames")?,
        is_alive: get(row, "is_alive")?,
        liveness_reason: get(row, "liveness_reason")?,
        photo_key: get(row, "photo_key")?,
        photo_sha256: get(row, "photo_sha256")?,
        expires_at: time(row, "expires_at")?,
    }))
}

/// A sighting that is stored, without its vector.
struct Stored {
    id: String,
    quality: f64,
    first: i64,
    last: i64,
    frames: u64,
    photo_key: Option<String>,
    expires_at: i64,
}

/// The sighting that a frame belongs to, by the rule of attendance.
async fn find(
    conn: &mut Conn,
    scope: Scope<'_>,
    new: &NewUnknown,
    window: Duration,
) -> Result<Option<Stored>, StoreError> {
    const COLUMNS: [Col; 7] =
        [Col::Id, Col::Quality, Col::SeenAt, Col::LastSeenAt, Col::Frames, Col::PhotoKey, Col::ExpiresAt];
    let (seen, window) = (micros(new.seen_at), span(window));
    let camera = match &new.camera {
        Some(camera) => Expr::col(Col::CameraId).eq(camera.as_str()),
        None => Expr::col(Col::CameraId).is_null(),
    };
    let query = scope
        .select(Table::UnknownFaces, &COLUMNS)
        .and_where(Expr::col(Col::GroupId).eq(new.group_id.to_string()))
        .and_where(Expr::col(Col::Model).eq(new.model.to_string()))
        .and_where(camera)
        .and_where(Expr::col(Col::LastSeenAt).gte(seen.saturating_sub(window)))
        .and_where(Expr::col(Col::SeenAt).lte(seen.saturating_add(window)))
        .order_by(Col::SeenAt, Order::Asc)
        .order_by(Col::Id, Order::Asc)
        .take();
    let stored: Vec<Stored> = fetch_all(conn, &query)
        .await?
        .iter()
        .map(|row| {
            Ok(Stored {
                id: get(row, "id")?,
                quality: get(row, "quality")?,
                first: get(row, "seen_at")?,
                last: get(row, "last_seen_at")?,
                frames: count(row, "frames")?,
                photo_key: get(row, "photo_key")?,
                expires_at: get(row, "expires_at")?,
            })
        })
        .collect::<Result<_, StoreError>>()?;
    let away = |s: &Stored| max(0, max(s.first.saturating_sub(seen), seen.saturating_sub(s.last)));
    Ok(stored.into_iter().min_by_key(away))
}

/// Removes sightings and lets go of their photos; how many there were.
pub(crate) async fn remove(
    conn: &mut Conn,
    scope: Scope<'_>,
    ids: &[Uuid],
    at: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let mut removed = 0;
    for ids in ids.chunks(CHUNK) {
        let these = || Expr::col(Col::Id).is_in(ids.iter().map(Uuid::to_string));
        let photos = scope.select(Table::UnknownFaces, &[Col::PhotoKey]).and_where(these()).take();
        let photos: Vec<Option<String>> = fetch_all(conn, &photos)
            .await?
            .iter()
            .map(|row| get(row, "photo_key"))
            .collect::<Result<_, _>>()?;
        let delete = scope.delete(Table::UnknownFaces).and_where(these()).take();
        removed += execute(conn, &delete).await?;
        release_photos(conn, scope, photos.iter().flatten().map(String::as_str), at).await?;
    }
    Ok(removed)
}

impl HotelStore {
    /// Keeps a frame of an unknown face. It joins a sighting of the same group, model and camera when it lies
    /// within `window` of the sighting's first or last frame; the sighting then shows the frame of better
    /// quality, and the other photo is queued for removal. Otherwise the frame opens a sighting.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a vector, quality or hash that is none, [`StoreError::Duplicate`] when the
    /// id is taken. Nothing is written then.
    pub async fn record_unknown(
        &self,
        new: NewUnknown,
        window: Duration,
    ) -> Result<UnknownOutcome, StoreError> {
        check_vector(&new.vector)?;
        check_sha256("photo_sha256", &new.photo_sha256)?;
        if !new.quality.is_finite() {
            return Err(invalid("quality", "must be a finite number"));
        }
        let (at, scope, seen) = (Utc::now(), self.scope(), micros(new.seen_at));
        let mut tx = self.begin(at).await?;
        let stored = find(&mut tx, scope, &new, window).await?;
        let is_best = stored.as_ref().is_none_or(|s| f64::from(new.quality) > s.quality);
        let id = stored.as_ref().map_or_else(|| new.id.to_string(), |s| s.id.clone());
        let frames = stored.as_ref().map_or(1, |s| s.frames + 1);
        let best = if is_best { self.best_frame(&id, &new)? } else { Vec::new() };
        match &stored {
            None => {
                let insert = scope.insert(
                    Table::UnknownFaces,
                    [
                        (Col::Id, Expr::value(id.as_str())),
                        (Col::GroupId, Expr::value(new.group_id.to_string())),
                        (Col::Model, Expr::value(new.model.to_string())),
                        (Col::CameraId, Expr::value(new.camera.as_ref().map(|c| c.as_str().to_owned()))),
                        (Col::SeenAt, Expr::value(seen)),
                        (Col::LastSeenAt, Expr::value(seen)),
                        (Col::Frames, Expr::value(1_i64)),
                        (Col::ExpiresAt, Expr::value(micros(new.expires_at))),
                    ]
                    .into_iter()
                    .chain(best),
                )?;
                execute(&mut tx, &insert).await?;
            }
            Some(stored) => {
                let update = scope
                    .update(Table::UnknownFaces)
                    .value(Col::SeenAt, min(stored.first, seen))
                    .value(Col::LastSeenAt, max(stored.last, seen))
                    .value(Col::Frames, frames as i64)
                    .value(Col::ExpiresAt, max(stored.expires_at, micros(new.expires_at)))
                    .values(best)
                    .and_where(Expr::col(Col::Id).eq(id.as_str()))
                    .take();
                execute(&mut tx, &update).await?;
            }
        }
        if is_best {
            keep_photos(&mut tx, scope, new.photo_key.as_deref().into_iter()).await?;
        }
        let loser = if is_best { stored.and_then(|s| s.photo_key) } else { new.photo_key };
        release_photos(&mut tx, scope, loser.as_deref().into_iter(), at).await?;
        commit(tx).await?;
        let is_new = frames == 1;
        Ok(UnknownOutcome { id: parse_id(&id)?, is_new, is_best, frames })
    }

    /// What a sighting shows of its best frame.
    fn best_frame(&self, id: &str, new: &NewUnknown) -> Result<Vec<(Col, Expr)>, StoreError> {
        let [vector, sealed_by] =
            self.store.seal(UNKNOWN, self.hotel.as_str(), id, &to_bytes(&new.vector))?;
        Ok(vec![
            vector,
            sealed_by,
            (Col::Dimension, Expr::value(new.vector.len() as i64)),
            (Col::Quality, Expr::value(f64::from(new.quality))),
            (Col::IsAlive, Expr::value(new.is_alive)),
            (Col::LivenessReason, Expr::value(new.liveness_reason.clone())),
            (Col::PhotoKey, Expr::value(new.photo_key.clone())),
            (Col::PhotoSha256, Expr::value(new.photo_sha256.as_str())),
        ])
    }

    fn unknown_select(&self) -> SelectStatement {
        self.scope().select(Table::UnknownFaces, &COLUMNS)
    }

    /// Unknown faces whose last frame is of `since` or later, newest first; less those that do not open, of
    /// which the log tells.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unknown_faces(
        &self,
        since: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<UnknownFace>, StoreError> {
        let query = self
            .unknown_select()
            .and_where(Expr::col(Col::LastSeenAt).gte(micros(since)))
            .order_by(Col::LastSeenAt, Order::Desc)
            .order_by(Col::Id, Order::Desc)
            .take();
        fetch_some(&mut *self.reader().await?, &query, limit, |row| unknown(self, row)).await
    }

    /// The sightings of one group, oldest first; less those that do not open, of which the log tells.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unknown_group(&self, group_id: Uuid) -> Result<Vec<UnknownFace>, StoreError> {
        let query = self
            .unknown_select()
            .and_where(Expr::col(Col::GroupId).eq(group_id.to_string()))
            .order_by(Col::SeenAt, Order::Asc)
            .order_by(Col::Id, Order::Asc)
            .take();
        let rows = self.rows(&query).await?;
        rows.iter().filter_map(|row| unknown(self, row).transpose()).collect()
    }

    /// The sightings with these ids, in the order in which they were seen; ids that are none are left out.
    pub(crate) async fn unknown_by_ids(
        &self,
        conn: &mut Conn,
        ids: &[Uuid],
    ) -> Result<Vec<UnknownFace>, StoreError> {
        let mut faces = Vec::with_capacity(ids.len());
        for ids in ids.chunks(CHUNK) {
            let these = Expr::col(Col::Id).is_in(ids.iter().map(Uuid::to_string));
            for row in fetch_all(conn, &self.unknown_select().and_where(these).take()).await? {
                faces.extend(unknown(self, &row)?);
            }
        }
        faces.sort_by_key(|face| (face.seen_at, face.id));
        Ok(faces)
    }

    /// Forgets the sightings of one group and queues their photos for removal, with an audit row
    /// `unknown_face.forgotten`; how many there were.
    ///
    /// # Errors
    /// When the database fails; nothing is forgotten then.
    pub async fn forget_unknown_group(
        &self,
        group_id: Uuid,
        actor: &str,
        at: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let Some(mut tx) = self.begin_known().await? else { return Ok(0) };
        let query = self
            .scope()
            .select(Table::UnknownFaces, &[Col::Id])
            .and_where(Expr::col(Col::GroupId).eq(group_id.to_string()))
            .take();
        let rows = fetch_all(&mut tx, &query).await?;
        let ids = rows.iter().map(|row| parse(row, "id")).collect::<Result<Vec<Uuid>, _>>()?;
        let removed = remove(&mut tx, self.scope(), &ids, at).await?;
        if removed > 0 {
            let details = json!({ "sightings": removed });
            let subject = AuditSubject::Thing(group_id.to_string());
            let action = "unknown_face.forgotten";
            let entry = NewEntry { at, actor, action, subject: &subject, details: &details };
            audit::append(&mut tx, self, entry).await?;
            commit(tx).await?;
            self.store.scrub_after_deletion().await;
        }
        Ok(removed)
    }

    /// Forgets sightings of unknown faces and queues their photos for removal; how many there were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_unknown(&self, ids: &[Uuid]) -> Result<u64, StoreError> {
        let Some(mut tx) = self.begin_known().await? else { return Ok(0) };
        let removed = remove(&mut tx, self.scope(), ids, Utc::now()).await?;
        if removed > 0 {
            commit(tx).await?;
            self.store.scrub_after_deletion().await;
        }
        Ok(removed)
    }
}

fn parse_id(id: &str) -> Result<Uuid, StoreError> {
    id.parse().map_err(|_| StoreError::Corrupt { column: "id" })
}

impl Store {
    /// Forgets the unknown faces of every hotel whose time has come, and queues their photos for removal; how
    /// many there were.
    ///
    /// # Errors
    /// When the database fails; what was forgotten before stays forgotten.
    pub async fn expire_unknown(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let due = Query::select()
            .columns([Col::HotelId, Col::Id])
            .from(Table::UnknownFaces)
            .and_where(Expr::col(Col::ExpiresAt).lte(micros(now)))
            .order_by(Col::HotelId, Order::Asc)
            .limit(CHUNK as u64)
            .take();
        self.forget_while(&due, u64::MAX).await
    }

    /// Forgets the oldest unknown faces of a hotel until `max` are left; how many there were.
    ///
    /// # Errors
    /// When the database fails; what was forgotten before stays forgotten.
    pub async fn keep_newest_unknown(&self, hotel: &HotelId, max: usize) -> Result<u64, StoreError> {
        let count_all = Query::select()
            .expr_as(Expr::col(Col::Id).count(), "faces")
            .from(Table::UnknownFaces)
            .and_where(Expr::col(Col::HotelId).eq(hotel.as_str()))
            .take();
        let rows = self.rows(&count_all).await?;
        let faces = rows.first().map_or(Ok(0), |row| count(row, "faces"))?;
        let oldest = Scope(hotel)
            .select(Table::UnknownFaces, &[Col::HotelId, Col::Id])
            .order_by(Col::LastSeenAt, Order::Asc)
            .order_by(Col::Id, Order::Asc)
            .limit(CHUNK as u64)
            .take();
        self.forget_while(&oldest, faces.saturating_sub(max as u64)).await
    }

    /// Removes what `query` finds, a batch at a time, up to `limit`.
    async fn forget_while(&self, query: &SelectStatement, limit: u64) -> Result<u64, StoreError> {
        let mut removed = 0;
        while removed < limit {
            let batch = query.clone().limit(min(limit - removed, CHUNK as u64)).take();
            let mut tx = self.begin().await?;
            let mut ids: std::collections::BTreeMap<String, Vec<Uuid>> = std::collections::BTreeMap::new();
            for row in fetch_all(&mut tx, &batch).await? {
                ids.entry(get(&row, "hotel_id")?).or_default().push(parse(&row, "id")?);
            }
            if ids.is_empty() {
                break;
            }
            for (hotel, ids) in &ids {
                let hotel = hotel.parse().map_err(|_| StoreError::Corrupt { column: "hotel_id" })?;
                removed += remove(&mut tx, Scope(&hotel), ids, Utc::now()).await?;
            }
            commit(tx).await?;
        }
        if removed > 0 {
            self.scrub_after_deletion().await;
        }
        Ok(removed)
    }
}
