use std::collections::HashSet;

use chrono::{DateTime, Utc};
use innkeeper_core::{EmployeeId, ModelRef};
use sea_query::{Expr, ExprTrait, OnConflict, Order};
use serde_json::json;
use uuid::Uuid;

use crate::audit::{AuditSubject, NewEntry};
use crate::engine::{Conn, execute, fetch_all, fetch_optional, get, parse};
use crate::outbox::{FACE_ENROLLED, NewEvent};
use crate::people::{Profile, consented, exists, profile, to_bytes};
use crate::removal::{Held, keep_photos, release_photos, remove_templates};
use crate::schema::{Col, Table};
use crate::scope::Scope;
use crate::seal::{PROFILE, TEMPLATE};
use crate::store::commit;
use crate::time::micros;
use crate::{HotelStore, StoreError, audit, outbox};

/// Who is enrolled. A field that is `None` leaves what is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmployeeProfile {
    /// The hotel's own number for the person.
    pub id: EmployeeId,
    /// Name.
    pub name: Option<String>,
    /// Department.
    pub department: Option<String>,
    /// Role.
    pub role: Option<String>,
}

/// The consent without which nobody is enrolled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewConsent {
    /// When the person gave it.
    pub given_at: DateTime<Utc>,
    /// The text the person agreed to; not empty.
    pub policy_version: String,
    /// Who wrote it down.
    pub recorded_by: String,
}

/// A face to be enrolled.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTemplate {
    /// A fresh id, the same in the vector index.
    pub id: Uuid,
    /// The model that computed the vector.
    pub model: ModelRef,
    /// The vector: not empty, finite.
    pub vector: Vec<f32>,
    /// Quality of the photo, finite, higher is better, on any scale that stays the same.
    pub quality: f32,
    /// Where the photo lies in the media room, when it is kept. The key must be of this enrolment alone: a
    /// key that was deleted before may still be in the queue of photos to remove.
    pub photo_key: Option<String>,
    /// SHA-256 of the photo's bytes, 64 lower-case hex digits.
    pub photo_sha256: String,
}

/// All that one enrolment writes.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEnrolment {
    /// Who.
    pub employee: EmployeeProfile,
    /// By which right.
    pub consent: NewConsent,
    /// The faces, at least one, all of one model.
    pub templates: Vec<NewTemplate>,
    /// How many templates of that model a person keeps, at least 1.
    pub max_templates: usize,
    /// Who asked for it.
    pub actor: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// What an enrolment changed. Every template of the request is in `added`, `duplicates` or `outdone`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolled {
    /// Templates of the model that the person has now.
    pub templates: usize,
    /// New templates that were stored.
    pub added: Vec<Uuid>,
    /// Older templates that made way because of `max_templates`, queued for removal from the index.
    pub replaced: Vec<Uuid>,
    /// New templates of a photo that the person had already, or that came twice.
    pub duplicates: Vec<Uuid>,
    /// New templates that `max_templates` better ones left no room for.
    pub outdone: Vec<Uuid>,
    /// The event `face.enrolled`.
    pub event_id: Uuid,
}

/// What a change of models did to one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// New templates that were stored.
    pub added: Vec<Uuid>,
    /// Templates of the old model, queued for removal from the index.
    pub removed: Vec<Uuid>,
    /// New templates of a photo that the person has already in the new model.
    pub duplicates: Vec<Uuid>,
}

pub(crate) fn invalid(field: &'static str, reason: &'static str) -> StoreError {
    StoreError::Invalid { field, reason }
}

pub(crate) fn check_vector(vector: &[f32]) -> Result<(), StoreError> {
    if vector.is_empty() {
        return Err(invalid("vector", "must have the length that its model gives"));
    }
    if !vector.iter().all(|v| v.is_finite()) {
        return Err(invalid("vector", "must hold finite numbers"));
    }
    Ok(())
}

pub(crate) fn check_sha256(field: &'static str, text: &str) -> Result<(), StoreError> {
    let lower_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if text.len() != 64 || !text.bytes().all(lower_hex) {
        return Err(invalid(field, "must be 64 lower-case hex digits"));
    }
    Ok(())
}

fn check(templates: &[NewTemplate]) -> Result<(), StoreError> {
    let first = templates.first().ok_or_else(|| invalid("templates", "must not be empty"))?;
    for t in templates {
        if t.model != first.model {
            return Err(invalid("templates", "must all come from one model"));
        }
        if t.vector.len() != first.vector.len() {
            return Err(invalid("vector", "must have the length that its model gives"));
        }
        check_vector(&t.vector)?;
        if !t.quality.is_finite() {
            return Err(invalid("quality", "must be a finite number"));
        }
        check_sha256("photo_sha256", &t.photo_sha256)?;
    }
    Ok(())
}

/// Takes out the templates whose photo is known, or came before in the same request.
fn split_duplicates(known: &[Held], new: Vec<NewTemplate>) -> (Vec<NewTemplate>, Vec<NewTemplate>) {
    let mut photos: HashSet<String> = known.iter().map(|h| h.photo_sha256.clone()).collect();
    new.into_iter().partition(|t| photos.insert(t.photo_sha256.clone()))
}

/// Keeps the `max` templates of best quality; of equals the newer, since faces age.
/// `held` comes newest first. Returns the old ones that go, the new ones that stay, the new ones that do not.
fn keep_best(
    held: Vec<Held>,
    new: Vec<NewTemplate>,
    max: usize,
) -> (Vec<Held>, Vec<NewTemplate>, Vec<NewTemplate>) {
    enum Face {
        Old(Held),
        New(NewTemplate),
    }
    let quality = |face: &Face| match face {
        Face::Old(h) => h.quality,
        Face::New(t) => t.quality,
    };
    let mut faces: Vec<Face> =
        new.into_iter().map(Face::New).chain(held.into_iter().map(Face::Old)).collect();
    // Stable, so the order above decides between equals.
    faces.sort_by(|a, b| quality(b).total_cmp(&quality(a)));
    let (mut go, mut stay, mut outdone) = (Vec::new(), Vec::new(), Vec::new());
    for (rank, face) in faces.into_iter().enumerate() {
        match face {
            Face::Old(h) if rank >= max => go.push(h),
            Face::Old(_) => {}
            Face::New(t) if rank >= max => outdone.push(t),
            Face::New(t) => stay.push(t),
        }
    }
    (go, stay, outdone)
}

fn ids(templates: &[NewTemplate]) -> Vec<Uuid> {
    templates.iter().map(|t| t.id).collect()
}

pub(crate) async fn upsert_employee(
    conn: &mut Conn,
    hotel: &HotelStore,
    new: &EmployeeProfile,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let known = hotel
        .scope()
        .select(Table::Employees, &[Col::Id, Col::SealedProfile])
        .and_where(Expr::col(Col::Id).eq(new.id.as_str()))
        .take();
    let known = match fetch_optional(conn, &known).await? {
        Some(row) => profile(hotel, &row)?,
        None => Profile::default(),
    };
    let merged = serde_json::to_vec(&Profile {
        name: new.name.clone().or(known.name),
        department: new.department.clone().or(known.department),
        role: new.role.clone().or(known.role),
    })?;
    let [sealed, sealed_by] = hotel.store.seal(PROFILE, hotel.hotel.as_str(), new.id.as_str(), &merged)?;
    let mut insert = hotel.scope().insert(
        Table::Employees,
        [
            (Col::Id, Expr::value(new.id.as_str())),
            sealed,
            sealed_by,
            (Col::CreatedAt, Expr::value(micros(at))),
            (Col::UpdatedAt, Expr::value(micros(at))),
        ],
    )?;
    insert.on_conflict(
        OnConflict::columns([Col::HotelId, Col::Id])
            .update_columns([Col::SealedProfile, Col::SealedBy, Col::UpdatedAt])
            .to_owned(),
    );
    execute(conn, &insert).await?;
    Ok(())
}

async fn insert_consent(
    conn: &mut Conn,
    scope: Scope<'_>,
    employee: &EmployeeId,
    consent: &NewConsent,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let insert = scope.insert(
        Table::Consents,
        [
            (Col::Id, Expr::value(Uuid::now_v7().to_string())),
            (Col::EmployeeId, Expr::value(employee.as_str())),
            (Col::GivenAt, Expr::value(micros(consent.given_at))),
            (Col::PolicyVersion, Expr::value(consent.policy_version.as_str())),
            (Col::RecordedBy, Expr::value(consent.recorded_by.as_str())),
            (Col::RecordedAt, Expr::value(micros(at))),
        ],
    )?;
    execute(conn, &insert).await?;
    Ok(())
}

async fn insert_templates(
    conn: &mut Conn,
    hotel: &HotelStore,
    employee: &EmployeeId,
    templates: &[NewTemplate],
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    for t in templates {
        let id = t.id.to_string();
        let [vector, sealed_by] =
            hotel.store.seal(TEMPLATE, hotel.hotel.as_str(), &id, &to_bytes(&t.vector))?;
        let insert = hotel.scope().insert(
            Table::FaceTemplates,
            [
                (Col::Id, Expr::value(id)),
                (Col::EmployeeId, Expr::value(employee.as_str())),
                (Col::Model, Expr::value(t.model.to_string())),
                vector,
                sealed_by,
                (Col::Dimension, Expr::value(t.vector.len() as i64)),
                (Col::Quality, Expr::value(f64::from(t.quality))),
                (Col::PhotoKey, Expr::value(t.photo_key.clone())),
                (Col::PhotoSha256, Expr::value(t.photo_sha256.as_str())),
                (Col::CreatedAt, Expr::value(micros(at))),
                (Col::VectorState, Expr::value("pending")),
            ],
        )?;
        execute(conn, &insert).await?;
    }
    keep_photos(conn, hotel.scope(), templates.iter().filter_map(|t| t.photo_key.as_deref())).await
}

/// The person's templates of one model, newest first.
async fn held(
    conn: &mut Conn,
    scope: Scope<'_>,
    employee: &EmployeeId,
    model: &ModelRef,
) -> Result<Vec<Held>, StoreError> {
    let query = Held::select(scope, employee)
        .and_where(Expr::col(Col::Model).eq(model.to_string()))
        .order_by(Col::CreatedAt, Order::Desc)
        .order_by(Col::Id, Order::Desc)
        .take();
    fetch_all(conn, &query).await?.iter().map(Held::read).collect()
}

/// A model gives vectors of one length; a second one under its name would break the index.
async fn check_dimension(
    conn: &mut Conn,
    scope: Scope<'_>,
    model: &ModelRef,
    dimension: usize,
) -> Result<(), StoreError> {
    let query = scope
        .select(Table::FaceTemplates, &[Col::Dimension])
        .and_where(Expr::col(Col::Model).eq(model.to_string()))
        .limit(1)
        .take();
    match fetch_optional(conn, &query).await? {
        Some(row) if get::<i64>(&row, "dimension")? != dimension as i64 => {
            Err(invalid("vector", "must have the length that its model gives"))
        }
        _ => Ok(()),
    }
}

/// Points the contract's column at the best template of the model that was enrolled last.
async fn point_at_best(
    conn: &mut Conn,
    scope: Scope<'_>,
    employee: &EmployeeId,
    model: &ModelRef,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let best = scope
        .select(Table::FaceTemplates, &[Col::Id])
        .and_where(Expr::col(Col::EmployeeId).eq(employee.as_str()))
        .and_where(Expr::col(Col::Model).eq(model.to_string()))
        .order_by(Col::Quality, Order::Desc)
        .order_by(Col::Id, Order::Asc)
        .limit(1)
        .take();
    let best: Option<Uuid> = fetch_optional(conn, &best).await?.map(|row| parse(&row, "id")).transpose()?;
    let update = scope
        .update(Table::Employees)
        .value(Col::FaceEmbeddingId, best.map(|id| id.to_string()))
        .value(Col::UpdatedAt, micros(at))
        .and_where(Expr::col(Col::Id).eq(employee.as_str()))
        .take();
    execute(conn, &update).await?;
    Ok(())
}

/// New templates of a person who is enrolled, and the right to them: what came before in the same transaction.
struct Addition<'a> {
    employee: &'a EmployeeId,
    templates: Vec<NewTemplate>,
    max_templates: usize,
    actor: &'a str,
    at: DateTime<Utc>,
    /// The text of a consent that was given with them.
    policy: Option<&'a str>,
}

/// Stores the best of them, with an audit row and the event `face.enrolled`.
async fn add(conn: &mut Conn, hotel: &HotelStore, new: Addition<'_>) -> Result<Enrolled, StoreError> {
    let Addition { employee, templates, max_templates, actor, at, policy } = new;
    let (model, scope) = (templates[0].model.clone(), hotel.scope());
    check_dimension(conn, scope, &model, templates[0].vector.len()).await?;
    let known = held(conn, scope, employee, &model).await?;
    let before = known.len();
    let (new, duplicates) = split_duplicates(&known, templates);
    let (replaced, added, outdone) = keep_best(known, new, max_templates);
    let templates = before + added.len() - replaced.len();
    remove_templates(conn, scope, &replaced, at).await?;
    insert_templates(conn, hotel, employee, &added, at).await?;
    let unused = replaced.iter().filter_map(|h| h.photo_key.as_deref());
    let refused = duplicates.iter().chain(&outdone).filter_map(|t| t.photo_key.as_deref());
    release_photos(conn, scope, unused.chain(refused), at).await?;
    point_at_best(conn, scope, employee, &model, at).await?;

    let mut details = json!({
        "model": model, "templates": templates, "added": added.len(), "replaced": replaced.len(),
    });
    let action = match policy {
        Some(policy) => {
            details["policy_version"] = json!(policy);
            FACE_ENROLLED
        }
        None => "face.templates_added",
    };
    let subject = AuditSubject::Person(employee.clone());
    let entry = NewEntry { at, actor, action, subject: &subject, details: &details };
    audit::append(conn, hotel, entry).await?;
    let event = NewEvent { topic: FACE_ENROLLED, person: Some(employee), at, forget: false };
    let payload = json!({
        "employee_id": employee, "model": model, "templates": templates, "added": added.len(), "at": at,
    });
    let event_id = outbox::emit(conn, hotel, event, &payload).await?;
    Ok(Enrolled {
        templates,
        added: ids(&added),
        replaced: replaced.iter().map(|h| h.id).collect(),
        duplicates: ids(&duplicates),
        outdone: ids(&outdone),
        event_id,
    })
}

impl HotelStore {
    /// Enrols a person, or adds templates to one: profile, consent, templates, audit row and the event
    /// `face.enrolled` in one transaction. New vectors and those that made way are queued for the index,
    /// photos that nothing refers to any more for the media room, also those of refused templates.
    ///
    /// Of more than `max_templates` the best are kept; a photo the person has already is not added again.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a request that makes no sense, [`StoreError::Duplicate`] when a template's
    /// id is taken. Nothing is written then.
    pub async fn enrol(&self, enrolment: NewEnrolment) -> Result<Enrolled, StoreError> {
        let NewEnrolment { employee, consent, templates, max_templates, actor, at } = enrolment;
        check(&templates)?;
        if max_templates == 0 {
            return Err(invalid("max_templates", "must be at least 1"));
        }
        if consent.policy_version.is_empty() {
            return Err(invalid("policy_version", "must not be empty"));
        }
        let scope = self.scope();
        let mut tx = self.begin(at).await?;
        upsert_employee(&mut tx, self, &employee, at).await?;
        insert_consent(&mut tx, scope, &employee.id, &consent, at).await?;
        let policy = Some(consent.policy_version.as_str());
        let new = Addition { employee: &employee.id, templates, max_templates, actor: &actor, at, policy };
        let enrolled = add(&mut tx, self, new).await?;
        commit(tx).await?;
        Ok(enrolled)
    }

    /// Adds templates to an enrolled person under the consent that is there, by the same rules as
    /// [`HotelStore::enrol`]; the audit row is `face.templates_added`, the event `face.enrolled`.
    ///
    /// # Errors
    /// [`StoreError::UnknownEmployee`], [`StoreError::NoConsent`], and as [`HotelStore::enrol`]. Nothing is
    /// written then.
    pub async fn add_templates(
        &self,
        employee: &EmployeeId,
        templates: Vec<NewTemplate>,
        max_templates: usize,
        actor: &str,
        at: DateTime<Utc>,
    ) -> Result<Enrolled, StoreError> {
        check(&templates)?;
        if max_templates == 0 {
            return Err(invalid("max_templates", "must be at least 1"));
        }
        let mut tx = self.begin(at).await?;
        if !exists(&mut tx, self.scope(), employee).await? {
            return Err(StoreError::UnknownEmployee);
        }
        if !consented(&mut tx, self.scope(), employee).await? {
            return Err(StoreError::NoConsent);
        }
        let new = Addition { employee, templates, max_templates, actor, at, policy: None };
        let enrolled = add(&mut tx, self, new).await?;
        commit(tx).await?;
        Ok(enrolled)
    }

    /// Swaps one person's templates of `old_model` for `new` ones in one transaction, with an audit row
    /// `face.reindexed`: the step of a change of models. Called again after it was interrupted, it adds
    /// nothing twice.
    ///
    /// Photos stay as long as a new template refers to their key.
    ///
    /// # Errors
    /// [`StoreError::UnknownEmployee`], [`StoreError::Invalid`] when `new` is empty or mixed,
    /// [`StoreError::Duplicate`] when a template's id is taken. Nothing is written then.
    pub async fn replace_templates(
        &self,
        employee: &EmployeeId,
        old_model: &ModelRef,
        new: Vec<NewTemplate>,
        actor: &str,
        at: DateTime<Utc>,
    ) -> Result<Replaced, StoreError> {
        check(&new)?;
        let (model, scope) = (new[0].model.clone(), self.scope());
        let mut tx = self.begin(at).await?;
        if !exists(&mut tx, scope, employee).await? {
            return Err(StoreError::UnknownEmployee);
        }
        let old = held(&mut tx, scope, employee, old_model).await?;
        remove_templates(&mut tx, scope, &old, at).await?;
        check_dimension(&mut tx, scope, &model, new[0].vector.len()).await?;
        let known = held(&mut tx, scope, employee, &model).await?;
        let (new, duplicates) = split_duplicates(&known, new);
        insert_templates(&mut tx, self, employee, &new, at).await?;
        let unused = old.iter().filter_map(|h| h.photo_key.as_deref());
        let refused = duplicates.iter().filter_map(|t| t.photo_key.as_deref());
        release_photos(&mut tx, scope, unused.chain(refused), at).await?;
        point_at_best(&mut tx, scope, employee, &model, at).await?;
        let details = json!({ "from": old_model, "to": model, "removed": old.len(), "added": new.len() });
        let subject = AuditSubject::Person(employee.clone());
        let entry = NewEntry { at, actor, action: "face.reindexed", subject: &subject, details: &details };
        audit::append(&mut tx, self, entry).await?;
        commit(tx).await?;
        Ok(Replaced {
            added: ids(&new),
            removed: old.iter().map(|h| h.id).collect(),
            duplicates: ids(&duplicates),
        })
    }
}
