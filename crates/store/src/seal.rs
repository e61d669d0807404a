//! Which values are sealed, and how the keys are changed under them.

use std::collections::HashSet;
use std::sync::PoisonError;

use innkeeper_core::{HotelId, WriteStage};
use innkeeper_sealing::{KeyId, KeyRing, SealError};
use sea_query::{Cond, Expr, ExprTrait, IdenStatic, Order, Query};

use crate::engine::{Conn, Row, at_most, count, execute, fetch_all, get};
use crate::people::{Profile, from_bytes};
use crate::schema::{Col, Table};
use crate::{Store, StoreError};

/// Rows that are sealed in one transaction while the store opens.
const BATCH: usize = 500;

/// A column whose values are sealed. Beside it stands `sealed_by`, the id of the key in hexadecimal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SealedColumn {
    table: Table,
    id: Col,
    pub column: Col,
    of_hotel: bool,
}

const fn column(table: Table, column: Col) -> SealedColumn {
    SealedColumn { table, id: Col::Id, column, of_hotel: true }
}

/// Name, department and role of a person, as JSON.
pub(crate) const PROFILE: SealedColumn = column(Table::Employees, Col::SealedProfile);
/// Vector of a template.
pub(crate) const TEMPLATE: SealedColumn = column(Table::FaceTemplates, Col::Vector);
/// What an event tells, as JSON.
pub(crate) const PAYLOAD: SealedColumn = column(Table::Outbox, Col::SealedPayload);
/// Vector of a face that nobody could name.
pub(crate) const UNKNOWN: SealedColumn = column(Table::UnknownFaces, Col::Vector);
/// Vector of a face that is not a certain person.
pub(crate) const NEGATIVE: SealedColumn = column(Table::NotThisPerson, Col::Vector);
/// What an answer was computed from and said, as JSON.
pub(crate) const ANSWER: SealedColumn = column(Table::KeptAnswers, Col::Content);
/// What an answer should have been, with the answer, as JSON.
pub(crate) const LABEL: SealedColumn = column(Table::Labels, Col::Content);
/// What is told of an image, as JSON.
pub(crate) const IMAGE: SealedColumn = column(Table::Images, Col::Content);
/// Vector of an image.
pub(crate) const IMAGE_VECTOR: SealedColumn =
    SealedColumn { table: Table::ImageVectors, id: Col::ImageId, column: Col::Vector, of_hotel: true };
/// Why two things may be one, as JSON.
pub(crate) const MATCH: SealedColumn = column(Table::ItemMatches, Col::Content);
/// What was said of a room, as JSON.
pub(crate) const VERDICT: SealedColumn = column(Table::RoomVerdicts, Col::Content);
/// What was seen before a cleaning, as JSON.
pub(crate) const CLEANING: SealedColumn = column(Table::Cleanings, Col::Content);
/// Name, e-mail and telephone of a guest, as JSON.
pub(crate) const GUEST: SealedColumn = column(Table::Guests, Col::Content);
/// Input and output of a prediction, as JSON.
pub(crate) const PREDICTION: SealedColumn = column(Table::MlPredictions, Col::Content);
/// A secret of the installation.
pub(crate) const SECRET: SealedColumn =
    SealedColumn { table: Table::Secrets, id: Col::Name, column: Col::Value, of_hotel: false };

const SEALED: [SealedColumn; 15] = [
    SECRET,
    PROFILE,
    TEMPLATE,
    PAYLOAD,
    UNKNOWN,
    NEGATIVE,
    ANSWER,
    LABEL,
    IMAGE,
    IMAGE_VECTOR,
    MATCH,
    VERDICT,
    CLEANING,
    GUEST,
    PREDICTION,
];

/// How many rows of a table one key has sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealCount {
    /// The table by its name in the schema.
    pub table: &'static str,
    /// The key.
    pub key: KeyId,
    /// Rows.
    pub rows: u64,
}

impl SealedColumn {
    /// Where a value belongs. Sealed bytes that were moved to another row or column do not open. No part can
    /// hold a NUL, so that they cannot run into each other.
    fn context(self, hotel: &str, id: &str) -> Vec<u8> {
        format!("innkeeper\0{}\0{}\0{hotel}\0{id}", self.table.as_str(), self.column.as_str()).into_bytes()
    }

    fn failed(self, source: SealError) -> StoreError {
        StoreError::Seal { column: self.column.as_str(), source }
    }

    /// Hotel (empty for what belongs to none) and id of a row.
    fn place(self, row: &Row) -> Result<(String, String), StoreError> {
        let hotel = if self.of_hotel { get(row, Col::HotelId.as_str())? } else { String::new() };
        Ok((hotel, get(row, self.id.as_str())?))
    }

    /// Hotel, id and the given columns of rows that match, at most `limit`.
    fn rows(self, columns: &[Col], which: Cond, limit: usize) -> sea_query::SelectStatement {
        Query::select()
            .columns(self.of_hotel.then_some(Col::HotelId))
            .column(self.id)
            .columns(columns.iter().copied())
            .from(self.table)
            .cond_where(which)
            .limit(at_most(limit))
            .take()
    }

    /// The row, as long as its value is still `before`.
    fn unchanged(self, hotel: &str, id: &str, before: (Col, Expr)) -> Cond {
        let (column, value) = before;
        Cond::all()
            .add_option(self.of_hotel.then(|| Expr::col(Col::HotelId).eq(hotel)))
            .add(Expr::col(self.id).eq(id))
            .add(Expr::col(column).eq(value))
    }
}

impl Store {
    /// Seals a value for its row. Gives the column and `sealed_by`, both to be written.
    pub(crate) fn seal(
        &self,
        column: SealedColumn,
        hotel: &str,
        id: &str,
        plain: &[u8],
    ) -> Result<[(Col, Expr); 2], StoreError> {
        let (sealed, key) = self.seal_bytes(column, hotel, id, plain)?;
        Ok([(column.column, Expr::value(sealed)), (Col::SealedBy, Expr::value(key))])
    }

    /// The same for a row of a batch: the sealed bytes, and the id of the key for `sealed_by`.
    pub(crate) fn seal_bytes(
        &self,
        column: SealedColumn,
        hotel: &str,
        id: &str,
        plain: &[u8],
    ) -> Result<(Vec<u8>, String), StoreError> {
        let sealed = self.keys.seal(plain, &column.context(hotel, id)).map_err(|e| column.failed(e))?;
        let key = KeyRing::key_of(&sealed).ok_or_else(|| column.failed(SealError::NotSealed))?;
        Ok((sealed, key.to_string()))
    }

    /// Opens the sealed value of a row. Another process may have changed the keys: an unknown one is looked
    /// for in the key file before it is an error.
    pub(crate) fn unseal(
        &self,
        column: SealedColumn,
        hotel: &str,
        id: &str,
        sealed: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        let context = column.context(hotel, id);
        let opened = match self.keys.open_sealed(sealed, &context) {
            Err(SealError::UnknownKey(_)) if matches!(self.keys.reload(), Ok(true)) => {
                self.keys.open_sealed(sealed, &context)
            }
            opened => opened,
        };
        opened.map_err(|e| column.failed(e))
    }

    /// Opens the sealed value of a row that was read with its id and the column.
    pub(crate) fn unseal_row(
        &self,
        column: SealedColumn,
        hotel: &str,
        row: &Row,
    ) -> Result<Vec<u8>, StoreError> {
        let id: String = get(row, column.id.as_str())?;
        self.unseal(column, hotel, &id, &get::<Vec<u8>>(row, column.column.as_str())?)
    }

    /// Opens the value of another store's row and seals it for the same row here.
    pub(crate) fn take_over(
        &self,
        from: &Self,
        column: SealedColumn,
        row: &Row,
    ) -> Result<[(Col, Expr); 2], StoreError> {
        let (hotel, id) = column.place(row)?;
        let plain = from.unseal_row(column, &hotel, row)?;
        self.seal(column, &hotel, &id, &plain)
    }

    /// The vector of a row that was read with `id`, `vector` and `dimension`.
    pub(crate) fn vector(
        &self,
        column: SealedColumn,
        hotel: &HotelId,
        row: &Row,
    ) -> Result<Vec<f32>, StoreError> {
        from_bytes(&self.unseal_row(column, hotel.as_str(), row)?, count(row, "dimension")?)
    }

    /// What was opened of a row, or `None` when its value does not open: the row's own damage, which is told
    /// once as an error and keeps nobody from the others.
    pub(crate) fn readable<T>(
        &self,
        column: SealedColumn,
        row: &Row,
        opened: Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let error = match opened {
            Ok(value) => return Ok(Some(value)),
            Err(error @ (StoreError::Seal { .. } | StoreError::Corrupt { .. })) => error,
            Err(error) => return Err(error),
        };
        let (table, id): (_, String) = (column.table.as_str(), get(row, column.id.as_str())?);
        let mut told = self.unreadable.lock().unwrap_or_else(PoisonError::into_inner);
        if told.insert((table, id.clone())) {
            tracing::error!(table, id, %error, "a row does not open and is passed over");
        }
        Ok(None)
    }

    /// Seals up to `batch` rows (at least one) again that another than the active key has sealed, in one short
    /// transaction. Returns how many there were; zero says that there is nothing more to do.
    ///
    /// Call it until it returns zero. A row that does not open stays as it is, told in the log: an older key
    /// may go once [`Self::seal_counts`] has no row of it. The key file is read again first, so that a process
    /// that missed a rotation does not undo it. Others may write meanwhile: a value that changed is left as it
    /// is.
    ///
    /// # Errors
    /// When the database fails, or the active key cannot seal. Nothing of the batch is written then.
    pub async fn reseal(&self, batch: usize) -> Result<u64, StoreError> {
        self.reload_keys();
        let active = self.keys.active().to_string();
        let older = || {
            let by = || Expr::col(Col::SealedBy);
            // Two ranges, which an index answers; "is not" would read every row.
            Cond::any().add(by().lt(active.as_str())).add(by().gt(active.as_str()))
        };
        let mut left = batch.max(1);
        let mut resealed = 0_u64;
        let mut tx = self.begin().await?;
        for column in SEALED {
            // What does not open is among the older rows for ever; so many more are asked for.
            let mut stuck = HashSet::new();
            while left > 0 {
                let wanted = left.saturating_add(stuck.len());
                let rows = fetch_all(&mut tx, &column.rows(&[column.column], older(), wanted)).await?;
                for row in &rows {
                    let place = column.place(row)?;
                    if left == 0 || stuck.contains(&place) {
                        continue;
                    }
                    if self.reseal_row(&mut tx, column, row).await? {
                        left -= 1;
                        resealed += 1;
                    } else {
                        stuck.insert(place);
                    }
                }
                if rows.len() < wanted {
                    break;
                }
            }
        }
        if resealed > 0 {
            WriteStage::RowsResealed.reached();
            tx.commit().await?;
        }
        Ok(resealed)
    }

    /// Whether the row opened.
    async fn reseal_row(&self, conn: &mut Conn, column: SealedColumn, row: &Row) -> Result<bool, StoreError> {
        let (hotel, id) = column.place(row)?;
        let before: Vec<u8> = get(row, column.column.as_str())?;
        let opened = self.unseal(column, &hotel, &id, &before);
        let Some(plain) = self.readable(column, row, opened)? else { return Ok(false) };
        let update = Query::update()
            .table(column.table)
            .values(self.seal(column, &hotel, &id, &plain)?)
            .cond_where(column.unchanged(&hotel, &id, (column.column, Expr::value(before))))
            .take();
        execute(conn, &update).await?;
        Ok(true)
    }

    fn reload_keys(&self) {
        if let Err(error) = self.keys.reload() {
            tracing::warn!(%error, "the key file cannot be read again; the keys in memory stay");
        }
    }

    /// How many rows each key has sealed, by table. A key may be retired once no row needs it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn seal_counts(&self) -> Result<Vec<SealCount>, StoreError> {
        let counts = self.sealed_by().await?;
        counts
            .into_iter()
            .map(|(column, key, rows)| {
                let key = key.parse().map_err(|_| column.failed(SealError::NotSealed))?;
                Ok(SealCount { table: column.table.as_str(), key, rows })
            })
            .collect()
    }

    async fn sealed_by(&self) -> Result<Vec<(SealedColumn, String, u64)>, StoreError> {
        let mut conn = self.reader().await?;
        let mut counts = Vec::new();
        for column in SEALED {
            let query = Query::select()
                .column(Col::SealedBy)
                .expr_as(Expr::col(Col::SealedBy).count(), "sealed")
                .from(column.table)
                .group_by_col(Col::SealedBy)
                .order_by(Col::SealedBy, Order::Asc)
                .take();
            for row in fetch_all(&mut conn, &query).await? {
                counts.push((column, get(&row, "sealed_by")?, count(&row, "sealed")?));
            }
        }
        Ok(counts)
    }

    /// Refuses a database whose keys are missing, and seals what version 1 of the schema wrote plain.
    /// `sealed_before` says that this was done once: a plain value is then none of ours.
    pub(crate) async fn check_seals(&self, sealed_before: bool) -> Result<(), StoreError> {
        let counts = self.sealed_by().await?;
        // Another process may have changed the keys since they were read.
        self.reload_keys();
        let known: Vec<String> = self.keys.ids().iter().map(KeyId::to_string).collect();
        let mut missing = (Vec::new(), 0);
        let mut plain = None;
        for (column, key, rows) in counts {
            if key.is_empty() {
                plain = Some(column);
            } else if !known.contains(&key) {
                missing.1 += rows;
                if !missing.0.contains(&key) {
                    missing.0.push(key);
                }
            }
        }
        match (missing, plain) {
            ((keys, rows), _) if !keys.is_empty() => Err(StoreError::MissingKeys { keys, rows }),
            (_, Some(column)) if sealed_before => Err(column.failed(SealError::NotSealed)),
            (_, Some(_)) => self.seal_plain().await,
            (_, None) => Ok(()),
        }
    }

    /// In batches, each whole or not at all: an interrupted start goes on where it was.
    async fn seal_plain(&self) -> Result<(), StoreError> {
        let plain = |column: SealedColumn, columns: &[Col]| {
            column.rows(columns, Cond::all().add(Expr::col(Col::SealedBy).eq("")), BATCH)
        };
        loop {
            let mut tx = self.begin().await?;
            let mut sealed = 0;
            for row in fetch_all(&mut tx, &plain(TEMPLATE, &[Col::Vector])).await? {
                self.seal_row(&mut tx, TEMPLATE, &row, &get::<Vec<u8>>(&row, "vector")?, &[]).await?;
                sealed += 1;
            }
            let columns = [Col::Name, Col::Department, Col::Role];
            for row in fetch_all(&mut tx, &plain(PROFILE, &columns)).await? {
                let profile = Profile {
                    name: get(&row, "name")?,
                    department: get(&row, "department")?,
                    role: get(&row, "role")?,
                };
                let empty = columns.map(|c| (c, Expr::value(Option::<String>::None)));
                self.seal_row(&mut tx, PROFILE, &row, &serde_json::to_vec(&profile)?, &empty).await?;
                sealed += 1;
            }
            for row in fetch_all(&mut tx, &plain(PAYLOAD, &[Col::Payload])).await? {
                let payload: String = get(&row, "payload")?;
                let empty = [(Col::Payload, Expr::value(""))];
                self.seal_row(&mut tx, PAYLOAD, &row, payload.as_bytes(), &empty).await?;
                sealed += 1;
            }
            if sealed == 0 {
                return Ok(());
            }
            WriteStage::RowsResealed.reached();
            tx.commit().await?;
        }
    }

    async fn seal_row(
        &self,
        conn: &mut Conn,
        column: SealedColumn,
        row: &Row,
        plain: &[u8],
        emptied: &[(Col, Expr)],
    ) -> Result<(), StoreError> {
        let (hotel, id) = column.place(row)?;
        let update = Query::update()
            .table(column.table)
            .values(self.seal(column, &hotel, &id, plain)?)
            .values(emptied.iter().cloned())
            .cond_where(column.unchanged(&hotel, &id, (Col::SealedBy, Expr::value(""))))
            .take();
        execute(conn, &update).await?;
        Ok(())
    }
}
