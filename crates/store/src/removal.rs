use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use innkeeper_core::EmployeeId;
use sea_query::{Expr, ExprTrait, OnConflict, SelectStatement};
use serde_json::json;
use uuid::Uuid;

use crate::audit::{AuditSubject, NewEntry};
use crate::engine::{CHUNK, Conn, Row, execute, fetch_all, fetch_optional, get, parse};
use crate::outbox::{CONSENT_WITHDRAWN, FACE_DELETED, FACE_ENROLLED, NewEvent};
use crate::people::exists;
use crate::schema::{Col, Table};
use crate::scope::Scope;
use crate::store::commit;
use crate::time::micros;
use crate::{HotelStore, StoreError, audit, outbox};

/// What the deletion of a person removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deleted {
    /// Templates, queued for removal from the vector index.
    pub templates: Vec<Uuid>,
    /// Photos, queued for removal from the media room.
    pub photo_keys: Vec<String>,
    /// Consent records.
    pub consents: u64,
    /// Attendance rows.
    pub attendance_rows: u64,
    /// Faces of which somebody had said that they are not this person, or are not another but this one.
    pub negatives: u64,
    /// Events that named the person, delivered or not.
    pub outbox_events: u64,
    /// The event `face.deleted`.
    pub event_id: Uuid,
}

/// What the withdrawal of a consent removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdrawn {
    /// Templates, queued for removal from the vector index.
    pub templates: Vec<Uuid>,
    /// Photos, queued for removal from the media room.
    pub photo_keys: Vec<String>,
    /// Consent records that were active.
    pub consents: u64,
    /// Faces of which somebody had said that they are not this person, or are not another but this one.
    pub negatives: u64,
    /// The event `consent.withdrawn`.
    pub event_id: Uuid,
}

/// A stored template without its vector.
pub(crate) struct Held {
    pub id: Uuid,
    pub model: String,
    pub quality: f32,
    pub photo_key: Option<String>,
    pub photo_sha256: String,
}

impl Held {
    /// The person's templates.
    pub(crate) fn select(scope: Scope<'_>, employee: &EmployeeId) -> SelectStatement {
        scope
            .select(
                Table::FaceTemplates,
                &[Col::Id, Col::Model, Col::Quality, Col::PhotoKey, Col::PhotoSha256],
            )
            .and_where(Expr::col(Col::EmployeeId).eq(employee.as_str()))
            .take()
    }

    pub(crate) fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: parse(row, "id")?,
            model: get(row, "model")?,
            quality: get::<f64>(row, "quality")? as f32,
            photo_key: get(row, "photo_key")?,
            photo_sha256: get(row, "photo_sha256")?,
        })
    }
}

/// Removes templates and queues their vectors for removal from the index.
pub(crate) async fn remove_templates(
    conn: &mut Conn,
    scope: Scope<'_>,
    templates: &[Held],
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    for template in templates {
        let queue = scope
            .insert(
                Table::VectorDeletes,
                [
                    (Col::TemplateId, Expr::value(template.id.to_string())),
                    (Col::Model, Expr::value(template.model.as_str())),
                    (Col::QueuedAt, Expr::value(micros(at))),
                ],
            )?
            .on_conflict(OnConflict::column(Col::TemplateId).do_nothing().to_owned())
            .take();
        execute(conn, &queue).await?;
    }
    for templates in templates.chunks(CHUNK) {
        let delete = scope
            .delete(Table::FaceTemplates)
            .and_where(Expr::col(Col::Id).is_in(templates.iter().map(|t| t.id.to_string())))
            .take();
        execute(conn, &delete).await?;
    }
    Ok(())
}

/// Queues photos for removal unless a face or an image still refers to them. Returns the queued keys, sorted.
pub(crate) async fn release_photos<'a>(
    conn: &mut Conn,
    scope: Scope<'_>,
    keys: impl Iterator<Item = &'a str>,
    at: DateTime<Utc>,
) -> Result<Vec<String>, StoreError> {
    let keys: BTreeSet<&str> = keys.collect();
    let mut released = Vec::with_capacity(keys.len());
    for key in keys {
        if photo_is_used(conn, scope, key).await? {
            continue;
        }
        let queue = scope
            .insert(
                Table::MediaDeletes,
                [(Col::PhotoKey, Expr::value(key)), (Col::QueuedAt, Expr::value(micros(at)))],
            )?
            .on_conflict(OnConflict::columns([Col::HotelId, Col::PhotoKey]).do_nothing().to_owned())
            .take();
        execute(conn, &queue).await?;
        released.push(key.to_owned());
    }
    Ok(released)
}

async fn photo_is_used(conn: &mut Conn, scope: Scope<'_>, key: &str) -> Result<bool, StoreError> {
    for table in [Table::FaceTemplates, Table::UnknownFaces, Table::Images] {
        let used =
            scope.select(table, &[Col::Id]).and_where(Expr::col(Col::PhotoKey).eq(key)).limit(1).take();
        if fetch_optional(conn, &used).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Takes photos that are in use again out of the queue: an older request must not remove them.
pub(crate) async fn keep_photos(
    conn: &mut Conn,
    scope: Scope<'_>,
    keys: impl Iterator<Item = &str>,
) -> Result<(), StoreError> {
    let keys: Vec<&str> = keys.collect();
    for keys in keys.chunks(CHUNK) {
        let keep = scope
            .delete(Table::MediaDeletes)
            .and_where(Expr::col(Col::PhotoKey).is_in(keys.iter().copied()))
            .take();
        execute(conn, &keep).await?;
    }
    Ok(())
}

/// What was known of a face, all of it gone or queued to go.
struct Biometrics {
    templates: Vec<Uuid>,
    photo_keys: Vec<String>,
    negatives: u64,
}

/// Removes every template of a person, every negative of theirs or that shows them, and lets go of the photos.
async fn remove_biometrics(
    conn: &mut Conn,
    scope: Scope<'_>,
    employee: &EmployeeId,
    at: DateTime<Utc>,
) -> Result<Biometrics, StoreError> {
    let held: Vec<Held> = fetch_all(conn, &Held::select(scope, employee))
        .await?
        .iter()
        .map(Held::read)
        .collect::<Result<_, _>>()?;
    remove_templates(conn, scope, &held, at).await?;
    let keys = held.iter().filter_map(|h| h.photo_key.as_deref());
    let photo_keys = release_photos(conn, scope, keys, at).await?;
    let named = |column| Expr::col(column).eq(employee.as_str());
    let negatives = scope
        .delete(Table::NotThisPerson)
        .and_where(named(Col::EmployeeId).or(named(Col::ShowsEmployeeId)))
        .take();
    let negatives = execute(conn, &negatives).await?;
    Ok(Biometrics { templates: held.iter().map(|h| h.id).collect(), photo_keys, negatives })
}

impl HotelStore {
    /// Deletes a person: templates, negatives, consents, attendance rows, events and the staff entry, in one
    /// transaction; vectors and photos are queued for removal. `None` when there is no such person.
    ///
    /// Left are an audit row `face.deleted` with the person's [`HotelStore::pseudonym`] and counts, and one
    /// event `face.deleted`, which names the person because consumers must forget the id too. It goes once
    /// delivered. Earlier events that were not delivered yet are not any more.
    ///
    /// # Errors
    /// When the database fails; nothing is deleted then.
    pub async fn delete_person(
        &self,
        employee: &EmployeeId,
        actor: &str,
        at: DateTime<Utc>,
    ) -> Result<Option<Deleted>, StoreError> {
        let scope = self.scope();
        let mut tx = self.begin(at).await?;
        if !exists(&mut tx, scope, employee).await? {
            return Ok(None);
        }
        let Biometrics { templates, photo_keys, negatives } =
            remove_biometrics(&mut tx, scope, employee, at).await?;
        let theirs =
            |table| scope.delete(table).and_where(Expr::col(Col::EmployeeId).eq(employee.as_str())).take();
        let consents = execute(&mut tx, &theirs(Table::Consents)).await?;
        let attendance_rows = execute(&mut tx, &theirs(Table::AttendanceLogs)).await?;
        let entry = scope.delete(Table::Employees).and_where(Expr::col(Col::Id).eq(employee.as_str())).take();
        execute(&mut tx, &entry).await?;
        let outbox_events = outbox::forget(&mut tx, scope, employee, None).await?;

        let details = json!({
            "templates": templates.len(), "photos": photo_keys.len(), "consents": consents,
            "attendance_rows": attendance_rows, "negatives": negatives, "outbox_events": outbox_events,
        });
        let subject = AuditSubject::Person(employee.clone());
        let entry = NewEntry { at, actor, action: FACE_DELETED, subject: &subject, details: &details };
        audit::append(&mut tx, self, entry).await?;
        let event = NewEvent { topic: FACE_DELETED, person: Some(employee), at, forget: true };
        let payload = json!({ "employee_id": employee, "at": at });
        let event_id = outbox::emit(&mut tx, self, event, &payload).await?;
        commit(tx).await?;
        self.store.scrub_after_deletion().await;
        Ok(Some(Deleted {
            templates,
            photo_keys,
            consents,
            attendance_rows,
            negatives,
            outbox_events,
            event_id,
        }))
    }

    /// Marks the person's consents as withdrawn and removes templates, negatives and photos, in one transaction with an
    /// audit row and the event `consent.withdrawn`. Staff entry and attendance stay, and with them the events
    /// about attendance; those about the enrolment go. `None` when there is no such person or no active
    /// consent.
    ///
    /// # Errors
    /// When the database fails; nothing is changed then.
    pub async fn withdraw_consent(
        &self,
        employee: &EmployeeId,
        actor: &str,
        at: DateTime<Utc>,
    ) -> Result<Option<Withdrawn>, StoreError> {
        let scope = self.scope();
        let mut tx = self.begin(at).await?;
        let withdraw = scope
            .update(Table::Consents)
            .value(Col::WithdrawnAt, micros(at))
            .and_where(Expr::col(Col::EmployeeId).eq(employee.as_str()))
            .and_where(Expr::col(Col::WithdrawnAt).is_null())
            .take();
        let consents = execute(&mut tx, &withdraw).await?;
        if consents == 0 {
            return Ok(None);
        }
        let Biometrics { templates, photo_keys, negatives } =
            remove_biometrics(&mut tx, scope, employee, at).await?;
        let update = scope
            .update(Table::Employees)
            .value(Col::FaceEmbeddingId, Option::<String>::None)
            .value(Col::UpdatedAt, micros(at))
            .and_where(Expr::col(Col::Id).eq(employee.as_str()))
            .take();
        execute(&mut tx, &update).await?;
        outbox::forget(&mut tx, scope, employee, Some(FACE_ENROLLED)).await?;

        let details = json!({
            "templates": templates.len(), "photos": photo_keys.len(), "consents": consents,
            "negatives": negatives,
        });
        let subject = AuditSubject::Person(employee.clone());
        let entry = NewEntry { at, actor, action: CONSENT_WITHDRAWN, subject: &subject, details: &details };
        audit::append(&mut tx, self, entry).await?;
        let event = NewEvent { topic: CONSENT_WITHDRAWN, person: Some(employee), at, forget: false };
        let payload = json!({ "employee_id": employee, "at": at });
        let event_id = outbox::emit(&mut tx, self, event, &payload).await?;
        commit(tx).await?;
        self.store.scrub_after_deletion().await;
        Ok(Some(Withdrawn { templates, photo_keys, consents, negatives, event_id }))
    }
}
