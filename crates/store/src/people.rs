use chrono::{DateTime, Utc};
use innkeeper_core::{EmployeeId, ModelRef};
use sea_query::{Expr, ExprTrait, Order};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::engine::{Conn, Row, fetch_optional, get, parse, parse_optional};
use crate::schema::{Col, Table};
use crate::scope::Scope;
use crate::seal::{PROFILE, TEMPLATE};
use crate::time::{optional_time, time};
use crate::{HotelStore, StoreError};

/// A person on the hotel's staff list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Employee {
    /// The hotel's own number for the person.
    pub id: EmployeeId,
    /// Name, when it was given.
    pub name: Option<String>,
    /// Department, when it was given.
    pub department: Option<String>,
    /// Role, when it was given.
    pub role: Option<String>,
    /// The template of best quality among those enrolled last.
    pub face_embedding_id: Option<Uuid>,
    /// First enrolment.
    pub created_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
}

/// A face of a person as one model saw it.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// Id, the same in the vector index.
    pub id: Uuid,
    /// The model that computed the vector.
    pub model: ModelRef,
    /// The vector.
    pub vector: Vec<f32>,
    /// Quality of the photo, on the scale of the caller.
    pub quality: f32,
    /// Where the photo lies in the media room, when it was kept.
    pub photo_key: Option<String>,
    /// Hex SHA-256 of the photo's bytes.
    pub photo_sha256: String,
    /// When it was enrolled.
    pub created_at: DateTime<Utc>,
    /// Whether the vector index has it.
    pub indexed: bool,
    /// When it last was the best of a match, to the day; see [`HotelStore::touch_template`].
    pub last_matched_at: Option<DateTime<Utc>>,
}

/// What is sealed of a person's staff entry.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Profile {
    pub name: Option<String>,
    pub department: Option<String>,
    pub role: Option<String>,
}

/// Little-endian 32-bit floats, one after the other.
pub(crate) fn to_bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// A vector of `dimension` numbers.
pub(crate) fn from_bytes(bytes: &[u8], dimension: u64) -> Result<Vec<f32>, StoreError> {
    let (floats, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() || floats.len() as u64 != dimension {
        return Err(StoreError::Corrupt { column: "vector" });
    }
    Ok(floats.iter().map(|b| f32::from_le_bytes(*b)).collect())
}

pub(crate) const TEMPLATE_COLUMNS: [Col; 10] = [
    Col::Id,
    Col::Model,
    Col::Vector,
    Col::Dimension,
    Col::Quality,
    Col::PhotoKey,
    Col::PhotoSha256,
    Col::CreatedAt,
    Col::VectorState,
    Col::LastMatchedAt,
];

/// `None` when the vector does not open.
pub(crate) fn template(hotel: &HotelStore, row: &Row) -> Result<Option<Template>, StoreError> {
    let vector = hotel.store.vector(TEMPLATE, &hotel.hotel, row);
    let Some(vector) = hotel.store.readable(TEMPLATE, row, vector)? else { return Ok(None) };
    Ok(Some(Template {
        id: parse(row, "id")?,
        model: parse(row, "model")?,
        vector,
        quality: get::<f64>(row, "quality")? as f32,
        photo_key: get(row, "photo_key")?,
        photo_sha256: get(row, "photo_sha256")?,
        created_at: time(row, "created_at")?,
        indexed: get::<String>(row, "vector_state")? == "indexed",
        last_matched_at: optional_time(row, "last_matched_at")?,
    }))
}

pub(crate) async fn exists(
    conn: &mut Conn,
    scope: Scope<'_>,
    employee: &EmployeeId,
) -> Result<bool, StoreError> {
    let query =
        scope.select(Table::Employees, &[Col::Id]).and_where(Expr::col(Col::Id).eq(employee.as_str())).take();
    Ok(fetch_optional(conn, &query).await?.is_some())
}

pub(crate) async fn consented(
    conn: &mut Conn,
    scope: Scope<'_>,
    employee: &EmployeeId,
) -> Result<bool, StoreError> {
    let query = scope
        .select(Table::Consents, &[Col::Id])
        .and_where(Expr::col(Col::EmployeeId).eq(employee.as_str()))
        .and_where(Expr::col(Col::WithdrawnAt).is_null())
        .limit(1)
        .take();
    Ok(fetch_optional(conn, &query).await?.is_some())
}

/// The sealed part of a staff entry that was read with its id.
pub(crate) fn profile(hotel: &HotelStore, row: &Row) -> Result<Profile, StoreError> {
    let json = hotel.store.unseal_row(PROFILE, hotel.hotel.as_str(), row)?;
    serde_json::from_slice(&json).map_err(|_| StoreError::Corrupt { column: "sealed_profile" })
}

impl HotelStore {
    /// One person, or none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn employee(&self, employee: &EmployeeId) -> Result<Option<Employee>, StoreError> {
        const COLUMNS: [Col; 5] =
            [Col::Id, Col::SealedProfile, Col::FaceEmbeddingId, Col::CreatedAt, Col::UpdatedAt];
        let query = self
            .scope()
            .select(Table::Employees, &COLUMNS)
            .and_where(Expr::col(Col::Id).eq(employee.as_str()))
            .take();
        let Some(row) = self.rows(&query).await?.pop() else {
            return Ok(None);
        };
        let Profile { name, department, role } = profile(self, &row)?;
        Ok(Some(Employee {
            id: parse(&row, "id")?,
            name,
            department,
            role,
            face_embedding_id: parse_optional(&row, "face_embedding_id")?,
            created_at: time(&row, "created_at")?,
            updated_at: time(&row, "updated_at")?,
        }))
    }

    /// Every template of a person, of every model, best quality first; less those that do not open, of which
    /// the log tells.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn templates(&self, employee: &EmployeeId) -> Result<Vec<Template>, StoreError> {
        let query = self
            .scope()
            .select(Table::FaceTemplates, &TEMPLATE_COLUMNS)
            .and_where(Expr::col(Col::EmployeeId).eq(employee.as_str()))
            .order_by(Col::Quality, Order::Desc)
            .order_by(Col::Id, Order::Asc)
            .take();
        let rows = self.rows(&query).await?;
        rows.iter().filter_map(|row| template(self, row).transpose()).collect()
    }

    /// Everyone who has a template of `model`, by id: whom a change of models must visit.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn enrolled(&self, model: &ModelRef) -> Result<Vec<EmployeeId>, StoreError> {
        let query = self
            .scope()
            .select(Table::FaceTemplates, &[Col::EmployeeId])
            .distinct()
            .and_where(Expr::col(Col::Model).eq(model.to_string()))
            .order_by(Col::EmployeeId, Order::Asc)
            .take();
        let rows = self.rows(&query).await?;
        rows.iter().map(|row| parse(row, "employee_id")).collect()
    }

    /// Whether the person gave a consent that was not withdrawn.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn has_active_consent(&self, employee: &EmployeeId) -> Result<bool, StoreError> {
        consented(&mut *self.reader().await?, self.scope(), employee).await
    }
}
