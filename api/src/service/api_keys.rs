//! API keys: made, listed, revoked, and told apart when they come back.

use chrono::{DateTime, Utc};
use innkeeper_core::{ErrorCode, HotelId};
use innkeeper_identity::{ApiKey, ApiKeyError, ApiKeyRecord, Permission, Principal, Role};
use innkeeper_store::{ApiKey as StoredApiKey, NewApiKey, Store};
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::Problem;

/// Who will use a new key, for what and until when.
#[derive(Debug)]
pub(crate) struct NewApiKeyInput {
    pub subject: String,
    pub role: Role,
    pub permissions: Option<Vec<Permission>>,
    pub expires_at: Option<DateTime<Utc>>,
}

/// An API key, without the key itself.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApiKeyReport {
    /// Its public half, for revoking it.
    pub id: String,
    pub subject: String,
    pub role: String,
    /// Its own permissions; null stands for what the role may do.
    pub permissions: Option<Vec<String>>,
    pub created_at: DateTime<Utc>,
    pub created_by: String,
    pub expires_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
}

/// A new API key.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApiKeyCreated {
    /// Its public half, for revoking it.
    pub id: String,
    /// What to send as `X-API-Key`. It is told here and never again.
    pub key: String,
}

fn report(stored: StoredApiKey) -> ApiKeyReport {
    ApiKeyReport {
        id: stored.id,
        subject: stored.subject,
        role: stored.role,
        permissions: stored.permissions,
        created_at: stored.created_at,
        created_by: stored.created_by,
        expires_at: stored.expires_at,
        revoked_at: stored.revoked_at,
    }
}

/// Makes a key and keeps its hash.
pub(crate) async fn create(
    store: &Store,
    hotel: &HotelId,
    actor: &str,
    input: NewApiKeyInput,
) -> Result<ApiKeyCreated, Problem> {
    let now = Utc::now();
    if input.expires_at.is_some_and(|end| end <= now) {
        return Err(Problem::new(ErrorCode::InvalidTimestamp, "expires_at lies in the past"));
    }
    // The subject is checked as in a token: it ends up in logs, audit rows and rate limits.
    Principal::without_token(&input.subject, input.role, hotel.clone())
        .map_err(|e| Problem::new(ErrorCode::BadRequest, e.to_string()))?;
    let key = ApiKey::generate().map_err(|e| Problem::internal(&e))?;
    let new = NewApiKey {
        id: key.id(),
        subject: input.subject,
        role: input.role.to_string(),
        permissions: input.permissions.map(|list| list.iter().map(ToString::to_string).collect()),
        expires_at: input.expires_at,
        created_by: actor.to_owned(),
        created_at: now,
    };
    store.hotel(hotel).add_api_key(new, &key.hash()).await?;
    Ok(ApiKeyCreated { id: key.id(), key: key.reveal().to_string() })
}

/// The keys of a hotel, newest first.
pub(crate) async fn list(store: &Store, hotel: &HotelId) -> Result<Vec<ApiKeyReport>, Problem> {
    Ok(store.hotel(hotel).api_keys().await?.into_iter().map(report).collect())
}

/// Ends a key.
pub(crate) async fn revoke(store: &Store, hotel: &HotelId, id: &str, actor: &str) -> Result<(), Problem> {
    if store.hotel(hotel).revoke_api_key(id, actor, Utc::now()).await? {
        Ok(())
    } else {
        Err(Problem::new(ErrorCode::ApiKeyNotFound, "this hotel has no such API key that is still good"))
    }
}

/// Whom a key speaks for. The outer error is the server's, the inner one the caller's.
pub(crate) async fn authenticate(
    store: &Store,
    presented: &str,
) -> Result<Result<Principal, ApiKeyError>, Problem> {
    let presented: ApiKey = match presented.parse() {
        Ok(key) => key,
        Err(error) => return Ok(Err(error)),
    };
    let record = match store.api_key(&presented.id()).await? {
        None => None,
        Some((stored, hash)) => {
            let Some(record) = record(stored, hash) else { return Ok(Err(ApiKeyError::Unusable)) };
            Some(record)
        }
    };
    Ok(ApiKeyRecord::verify(record.as_ref(), &presented, Utc::now()))
}

/// `None` when a later version of the program wrote a role or permission that this one does not know.
fn record(stored: StoredApiKey, hash: String) -> Option<ApiKeyRecord> {
    let permissions = match stored.permissions {
        None => None,
        Some(list) => Some(list.iter().map(|p| p.parse()).collect::<Result<Vec<Permission>, _>>().ok()?),
    };
    Some(ApiKeyRecord {
        id: stored.id,
        hash,
        subject: stored.subject,
        role: stored.role.parse().ok()?,
        permissions,
        hotel: stored.hotel,
        expires_at: stored.expires_at,
        revoked_at: stored.revoked_at,
    })
}
