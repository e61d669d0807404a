//! Rooms: what there is to sell, how it is, and how long cleaning it took.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use chrono::{DateTime, Utc};
use innkeeper_core::RoomNumber;
use innkeeper_hotel::{Room, RoomTypeName};
use sea_query::{Expr, ExprTrait, Order};
use uuid::Uuid;

use crate::batch::check_size;
use crate::bulk::{BulkTable, Cell, last_of_each};
use crate::engine::{Conn, Row, fetch_all, get, parse};
use crate::schema::{Col, Kind, Table};
use crate::time::{micros, time};
use crate::{HotelStore, HotelTable, StoreError, Upserted};

/// A room and what is known of it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomState {
    /// The room.
    pub room: Room,
    /// How it is, by the latest verdict; `None` where nobody ever looked.
    pub status: Option<String>,
    /// Whether a guest can have it, by the same verdict.
    pub ready: Option<bool>,
    /// Who asked for that verdict, or gave it.
    pub last_checked_by: Option<String>,
    /// The moment it speaks of.
    pub last_checked_at: Option<DateTime<Utc>>,
    /// When its last cleaning ended.
    pub last_cleaned_at: Option<DateTime<Utc>>,
}

/// How long one cleaning took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CleaningTime {
    /// The room.
    pub room_number: RoomNumber,
    /// Its type as the cleaning was told, or else as the hotel's list of rooms says.
    pub room_type: Option<String>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When the room was done; later.
    pub finished_at: DateTime<Utc>,
}

const ROOMS: BulkTable = BulkTable {
    table: Table::Rooms,
    key: &[(Col::RoomNumber, Kind::Text)],
    values: &[(Col::RoomType, Kind::Text), (Col::Floor, Kind::Int)],
    stamped: false,
};

fn room(row: &Row) -> Result<Room, StoreError> {
    let floor: Option<i64> = get(row, "floor")?;
    let floor = floor.map(i32::try_from).transpose();
    Ok(Room {
        number: parse(row, "room_number")?,
        room_type: parse(row, "room_type")?,
        floor: floor.map_err(|_| StoreError::Corrupt { column: "floor" })?,
    })
}

impl HotelStore {
    /// Writes up to [`crate::MAX_BATCH`] rooms in one transaction, as [`Self::upsert_bookings`] writes bookings; no event
    /// tells of it.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for too many rows or an import that was not begun. Nothing is written then.
    pub async fn upsert_rooms(
        &self,
        rooms: &[Room],
        import: Option<Uuid>,
        at: DateTime<Utc>,
    ) -> Result<Upserted, StoreError> {
        check_size("rooms", rooms.len())?;
        let mut rows = Vec::new();
        for room in last_of_each(rooms, |room| &room.number) {
            rows.extend([
                Cell::Text(room.number.as_str()),
                Cell::Text(room.room_type.as_str()),
                Cell::int(room.floor),
            ]);
        }
        self.write_batch(HotelTable::Rooms, &ROOMS, &rows, rooms.len(), import, at).await
    }

    async fn read_rooms(&self, conn: &mut Conn) -> Result<Vec<Room>, StoreError> {
        let query = self
            .scope()
            .select(Table::Rooms, &[Col::RoomNumber, Col::RoomType, Col::Floor])
            .order_by(Col::RoomNumber, Order::Asc)
            .take();
        fetch_all(conn, &query).await?.iter().map(room).collect()
    }

    /// Every room, by its number.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rooms(&self) -> Result<Vec<Room>, StoreError> {
        self.read_rooms(&mut *self.reader().await?).await
    }

    /// How many rooms there are of each type, by type.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn room_types(&self) -> Result<Vec<(RoomTypeName, u64)>, StoreError> {
        let mut types = BTreeMap::new();
        for room in self.rooms().await? {
            *types.entry(room.room_type).or_insert(0) += 1;
        }
        Ok(types.into_iter().collect())
    }

    /// Every room with its latest verdict and the end of its last cleaning, by its number.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn room_states(&self) -> Result<Vec<RoomState>, StoreError> {
        let mut conn = self.reader().await?;
        let rooms = self.read_rooms(&mut conn).await?;
        let cleaned = self
            .scope()
            .select(Table::Cleanings, &[Col::RoomNumber])
            .expr_as(Expr::col(Col::FinishedAt).max(), "finished_at")
            .group_by_col(Col::RoomNumber)
            .take();
        let mut last: HashMap<RoomNumber, DateTime<Utc>> = HashMap::new();
        for row in fetch_all(&mut conn, &cleaned).await? {
            last.insert(parse(&row, "room_number")?, time(&row, "finished_at")?);
        }
        drop(conn);
        let verdicts = self.latest_verdicts(usize::MAX).await?;
        let mut verdicts: HashMap<_, _> =
            verdicts.into_iter().map(|verdict| (verdict.room_number.clone(), verdict)).collect();
        let states = rooms.into_iter().map(|room| {
            let verdict = verdicts.remove(&room.number);
            RoomState {
                last_cleaned_at: last.get(&room.number).copied(),
                ready: verdict.as_ref().map(|verdict| verdict.ready),
                last_checked_at: verdict.as_ref().map(|verdict| verdict.created_at),
                last_checked_by: verdict.as_ref().map(|verdict| verdict.created_by.clone()),
                status: verdict.map(|verdict| verdict.status),
                room,
            }
        });
        Ok(states.collect())
    }

    /// Cleanings that ended within these moments (the end itself left out), by their end.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn cleaning_times(
        &self,
        finished: Range<DateTime<Utc>>,
    ) -> Result<Vec<CleaningTime>, StoreError> {
        let mut conn = self.reader().await?;
        let rooms = self.read_rooms(&mut conn).await?;
        let types: HashMap<_, _> =
            rooms.iter().map(|room| (room.number.as_str(), room.room_type.as_str())).collect();
        let query = self
            .scope()
            .select(Table::Cleanings, &[Col::RoomNumber, Col::RoomType, Col::StartedAt, Col::FinishedAt])
            .and_where(Expr::col(Col::FinishedAt).gte(micros(finished.start)))
            .and_where(Expr::col(Col::FinishedAt).lt(micros(finished.end)))
            .order_by(Col::FinishedAt, Order::Asc)
            .order_by(Col::Id, Order::Asc)
            .take();
        let rows = fetch_all(&mut conn, &query).await?;
        let read = |row: &Row| -> Result<CleaningTime, StoreError> {
            let room_number: RoomNumber = parse(row, "room_number")?;
            let told: Option<String> = get(row, "room_type")?;
            Ok(CleaningTime {
                room_type: told.or_else(|| types.get(room_number.as_str()).map(|&name| name.to_owned())),
                room_number,
                started_at: time(row, "started_at")?,
                finished_at: time(row, "finished_at")?,
            })
        };
        rows.iter().map(read).collect()
    }
}
