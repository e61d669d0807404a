use chrono::{DateTime, Utc};
use innkeeper_core::HotelId;
use sea_query::{Expr, ExprTrait, Order, Query};
use serde_json::json;

use crate::audit::{AuditSubject, NewEntry};
use crate::engine::{Row, execute, get, parse};
use crate::schema::{Col, Table};
use crate::store::commit;
use crate::time::{micros, optional_time, time};
use crate::{HotelStore, Store, StoreError, audit};

/// A key with which a program speaks for a hotel, without the key itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The public half of the key, by which it is found.
    pub id: String,
    /// The hotel it speaks for.
    pub hotel: HotelId,
    /// Whom it stands for in logs and limits.
    pub subject: String,
    /// Its role, by name.
    pub role: String,
    /// What it may do, when that is less than its role may.
    pub permissions: Option<Vec<String>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Who made it.
    pub created_by: String,
    /// From when on it is not accepted; `None` for never.
    pub expires_at: Option<DateTime<Utc>>,
    /// When somebody took it back.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// A key to be kept. Its secret half is known to the store by its hash only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiKey {
    /// As [`ApiKey::id`]; not empty.
    pub id: String,
    /// As [`ApiKey::subject`].
    pub subject: String,
    /// As [`ApiKey::role`].
    pub role: String,
    /// As [`ApiKey::permissions`].
    pub permissions: Option<Vec<String>>,
    /// As [`ApiKey::expires_at`].
    pub expires_at: Option<DateTime<Utc>>,
    /// As [`ApiKey::created_by`].
    pub created_by: String,
    /// As [`ApiKey::created_at`].
    pub created_at: DateTime<Utc>,
}

const COLUMNS: [Col; 9] = [
    Col::Id,
    Col::HotelId,
    Col::Subject,
    Col::Role,
    Col::Permissions,
    Col::CreatedAt,
    Col::CreatedBy,
    Col::ExpiresAt,
    Col::RevokedAt,
];

fn api_key(row: &Row) -> Result<ApiKey, StoreError> {
    let permissions: Option<String> = get(row, "permissions")?;
    Ok(ApiKey {
        id: get(row, "id")?,
        hotel: parse(row, "hotel_id")?,
        subject: get(row, "subject")?,
        role: get(row, "role")?,
        permissions: permissions
            .map(|list| serde_json::from_str(&list))
            .transpose()
            .map_err(|_| StoreError::Corrupt { column: "permissions" })?,
        created_at: time(row, "created_at")?,
        created_by: get(row, "created_by")?,
        expires_at: optional_time(row, "expires_at")?,
        revoked_at: optional_time(row, "revoked_at")?,
    })
}

/// The audit log names a key by its public half.
fn subject(id: &str) -> AuditSubject {
    AuditSubject::Thing(format!("api-key:{id}"))
}

impl HotelStore {
    /// Keeps a new key under the hash of its secret half, with an audit row `api_key.created`.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] when the id is empty or the hash is not 64 lower-case hex digits,
    /// [`StoreError::Duplicate`] when the id is taken. Nothing is written then.
    pub async fn add_api_key(&self, new: NewApiKey, hash_hex: &str) -> Result<ApiKey, StoreError> {
        if new.id.is_empty() {
            return Err(StoreError::Invalid { field: "id", reason: "must not be empty" });
        }
        crate::enrolment::check_sha256("hash", hash_hex)?;
        let permissions = new.permissions.as_ref().map(serde_json::to_string).transpose()?;
        let mut tx = self.begin(new.created_at).await?;
        let insert = self.scope().insert(
            Table::ApiKeys,
            [
                (Col::Id, Expr::value(new.id.as_str())),
                (Col::Subject, Expr::value(new.subject.as_str())),
                (Col::Role, Expr::value(new.role.as_str())),
                (Col::Permissions, Expr::value(permissions)),
                (Col::Hash, Expr::value(hash_hex)),
                (Col::CreatedAt, Expr::value(micros(new.created_at))),
                (Col::CreatedBy, Expr::value(new.created_by.as_str())),
                (Col::ExpiresAt, Expr::value(new.expires_at.map(micros))),
            ],
        )?;
        execute(&mut tx, &insert).await?;
        let details =
            json!({ "role": new.role, "permissions": new.permissions, "expires_at": new.expires_at });
        let entry = NewEntry {
            at: new.created_at,
            actor: &new.created_by,
            action: "api_key.created",
            subject: &subject(&new.id),
            details: &details,
        };
        audit::append(&mut tx, self, entry).await?;
        commit(tx).await?;
        Ok(ApiKey {
            id: new.id,
            hotel: self.hotel.clone(),
            subject: new.subject,
            role: new.role,
            permissions: new.permissions,
            created_at: new.created_at,
            created_by: new.created_by,
            expires_at: new.expires_at,
            revoked_at: None,
        })
    }

    /// Every key of the hotel, newest first, those that were revoked or expired too.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn api_keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        let query = self
            .scope()
            .select(Table::ApiKeys, &COLUMNS)
            .order_by(Col::CreatedAt, Order::Desc)
            .order_by(Col::Id, Order::Desc)
            .take();
        self.rows(&query).await?.iter().map(api_key).collect()
    }

    /// Takes a key back for good, with an audit row `api_key.revoked`. `false` when the hotel has no such key
    /// or it was revoked before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke_api_key(&self, id: &str, actor: &str, at: DateTime<Utc>) -> Result<bool, StoreError> {
        let mut tx = self.begin(at).await?;
        let revoke = self
            .scope()
            .update(Table::ApiKeys)
            .value(Col::RevokedAt, micros(at))
            .and_where(Expr::col(Col::Id).eq(id))
            .and_where(Expr::col(Col::RevokedAt).is_null())
            .take();
        if execute(&mut tx, &revoke).await? == 0 {
            return Ok(false);
        }
        let (subject, details) = (subject(id), json!({}));
        let entry = NewEntry { at, actor, action: "api_key.revoked", subject: &subject, details: &details };
        audit::append(&mut tx, self, entry).await?;
        commit(tx).await?;
        Ok(true)
    }
}

impl Store {
    /// The key with this id, whichever hotel it is of, and the hash of its secret half: for authentication,
    /// which must also look at [`ApiKey::expires_at`] and [`ApiKey::revoked_at`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn api_key(&self, id: &str) -> Result<Option<(ApiKey, String)>, StoreError> {
        let query = Query::select()
            .columns(COLUMNS)
            .column(Col::Hash)
            .from(Table::ApiKeys)
            .and_where(Expr::col(Col::Id).eq(id))
            .take();
        let row = self.rows(&query).await?.pop();
        row.map(|row| Ok((api_key(&row)?, get(&row, "hash")?))).transpose()
    }
}
