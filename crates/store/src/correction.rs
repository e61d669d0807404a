use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use innkeeper_core::{EmployeeId, ModelRef};
use sea_query::{Expr, ExprTrait, Order};
use serde_json::json;
use uuid::Uuid;

use crate::attendance::{COLUMNS, Presence, action_of_day, attendance, extend, find_open, rfc3339};
use crate::audit::{AuditSubject, NewEntry};
use crate::engine::{CHUNK, Conn, execute, fetch_all, fetch_optional, parse};
use crate::enrolment::check_vector;
use crate::outbox::{ATTENDANCE_CORRECTED, NewEvent};
use crate::people::{exists, to_bytes};
use crate::schema::{Col, Table};
use crate::scope::Scope;
use crate::seal::NEGATIVE;
use crate::store::commit;
use crate::time::{local_day, micros};
use crate::{Action, Attendance, HotelStore, Source, StoreError, audit, outbox};

/// Negatives that are kept of one person and model; of more the oldest go.
pub const MAX_NEGATIVES: usize = 32;

/// A face of which somebody says that it is not this person.
#[derive(Debug, Clone, PartialEq)]
pub struct NewNegative {
    /// A fresh id.
    pub id: Uuid,
    /// Who it is not.
    pub employee: EmployeeId,
    /// The model that computed the vector.
    pub model: ModelRef,
    /// The vector: not empty, finite.
    pub vector: Vec<f32>,
}

/// An attendance row that was taken away from a person.
#[derive(Debug, Clone, PartialEq)]
pub struct Removed {
    /// The row as it was.
    pub attendance: Attendance,
    /// The event `attendance.corrected`.
    pub event_id: Uuid,
}

/// An attendance row that is to be another person's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reassignment {
    /// The row.
    pub attendance_id: Uuid,
    /// Whose it is.
    pub from: EmployeeId,
    /// Whose it should be.
    pub to: EmployeeId,
    /// Longest silence within one sighting.
    pub window: Duration,
    /// Where the hotel's days begin and end.
    pub zone: Tz,
    /// Who says so.
    pub actor: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// What the reassignment of an attendance row did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reassigned {
    /// The row that now holds the sighting: the same, or one of the person that covered it already.
    pub attendance_id: Uuid,
    /// Whether it joined a row that was there.
    pub joined: bool,
    /// The events `attendance.corrected`: who lost the sighting and, unless it joined, who got it.
    pub events: Vec<Uuid>,
}

/// What `attendance.corrected` tells. A deleted person's events go, so each names one person only.
async fn tell(
    conn: &mut Conn,
    hotel: &HotelStore,
    row: &Attendance,
    change: &str,
    at: DateTime<Utc>,
) -> Result<Uuid, StoreError> {
    let payload = json!({
        "attendance_id": row.id, "employee_id": row.employee_id, "change": change,
        "timestamp": rfc3339(row.timestamp), "action": row.action, "camera_id": row.camera_id,
        "source": row.source, "at": rfc3339(at),
    });
    let event = NewEvent { topic: ATTENDANCE_CORRECTED, person: &row.employee_id, at, forget: false };
    outbox::emit(conn, hotel, event, &payload).await
}

/// The row, when it is this person's.
async fn row_of(
    conn: &mut Conn,
    scope: Scope<'_>,
    id: Uuid,
    employee: &EmployeeId,
) -> Result<Option<Attendance>, StoreError> {
    let query = scope
        .select(Table::AttendanceLogs, &COLUMNS)
        .and_where(Expr::col(Col::Id).eq(id.to_string()))
        .and_where(Expr::col(Col::EmployeeId).eq(employee.as_str()))
        .take();
    fetch_optional(conn, &query).await?.as_ref().map(attendance).transpose()
}

async fn remove_row(conn: &mut Conn, scope: Scope<'_>, id: Uuid) -> Result<(), StoreError> {
    let delete = scope.delete(Table::AttendanceLogs).and_where(Expr::col(Col::Id).eq(id.to_string())).take();
    execute(conn, &delete).await?;
    Ok(())
}

impl HotelStore {
    /// Remembers a face that is not this person, with an audit row `face.not_this_person`; returns how many
    /// such faces of the model are kept now, at most [`MAX_NEGATIVES`].
    ///
    /// # Errors
    /// [`StoreError::UnknownEmployee`], [`StoreError::Invalid`] for a vector that is none,
    /// [`StoreError::Duplicate`] when the id is taken. Nothing is written then.
    pub async fn add_not_this_person(
        &self,
        new: NewNegative,
        actor: &str,
        at: DateTime<Utc>,
    ) -> Result<usize, StoreError> {
        check_vector(&new.vector)?;
        let scope = self.scope();
        let mut tx = self.begin(at).await?;
        if !exists(&mut tx, scope, &new.employee).await? {
            return Err(StoreError::UnknownEmployee);
        }
        let id = new.id.to_string();
        let [vector, sealed_by] =
            self.store.seal(NEGATIVE, self.hotel.as_str(), &id, &to_bytes(&new.vector))?;
        let insert = scope.insert(
            Table::NotThisPerson,
            [
                (Col::Id, Expr::value(id)),
                (Col::EmployeeId, Expr::value(new.employee.as_str())),
                (Col::Model, Expr::value(new.model.to_string())),
                vector,
                sealed_by,
                (Col::Dimension, Expr::value(new.vector.len() as i64)),
                (Col::CreatedAt, Expr::value(micros(at))),
                (Col::CreatedBy, Expr::value(actor)),
            ],
        )?;
        execute(&mut tx, &insert).await?;
        let held = scope
            .select(Table::NotThisPerson, &[Col::Id])
            .and_where(Expr::col(Col::EmployeeId).eq(new.employee.as_str()))
            .and_where(Expr::col(Col::Model).eq(new.model.to_string()))
            .order_by(Col::CreatedAt, Order::Desc)
            .order_by(Col::Id, Order::Desc)
            .take();
        let mut held: Vec<Uuid> =
            fetch_all(&mut tx, &held).await?.iter().map(|row| parse(row, "id")).collect::<Result<_, _>>()?;
        for old in held.split_off(held.len().min(MAX_NEGATIVES)).chunks(CHUNK) {
            let delete = scope
                .delete(Table::NotThisPerson)
                .and_where(Expr::col(Col::Id).is_in(old.iter().map(Uuid::to_string)))
                .take();
            execute(&mut tx, &delete).await?;
        }
        let details = json!({ "model": new.model, "negatives": held.len() });
        let subject = AuditSubject::Person(new.employee);
        let action = "face.not_this_person";
        let entry = NewEntry { at, actor, action, subject: &subject, details: &details };
        audit::append(&mut tx, self, entry).await?;
        commit(tx).await?;
        Ok(held.len())
    }

    /// The faces of a model that are not this person, newest first.
    ///
    /// # Errors
    /// [`StoreError::Seal`], or the database's failure.
    pub async fn negatives(
        &self,
        employee: &EmployeeId,
        model: &ModelRef,
    ) -> Result<Vec<Vec<f32>>, StoreError> {
        let query = self
            .scope()
            .select(Table::NotThisPerson, &[Col::Id, Col::Vector, Col::Dimension])
            .and_where(Expr::col(Col::EmployeeId).eq(employee.as_str()))
            .and_where(Expr::col(Col::Model).eq(model.to_string()))
            .order_by(Col::CreatedAt, Order::Desc)
            .order_by(Col::Id, Order::Desc)
            .take();
        let rows = fetch_all(&mut *self.reader().await?, &query).await?;
        rows.iter().map(|row| self.store.vector(NEGATIVE, &self.hotel, row)).collect()
    }

    /// Takes an attendance row away from a person it is not of, with an audit row `attendance.removed` and the
    /// event `attendance.corrected`. The event that told of the sighting stays, so consumers hear both, in
    /// order. `None` when the person has no such row.
    ///
    /// # Errors
    /// When the database fails; nothing is changed then.
    pub async fn correct_attendance(
        &self,
        attendance_id: Uuid,
        employee: &EmployeeId,
        actor: &str,
        at: DateTime<Utc>,
    ) -> Result<Option<Removed>, StoreError> {
        let scope = self.scope();
        let mut tx = self.begin(at).await?;
        let Some(row) = row_of(&mut tx, scope, attendance_id, employee).await? else { return Ok(None) };
        remove_row(&mut tx, scope, attendance_id).await?;
        let details = json!({ "attendance_id": attendance_id });
        let subject = AuditSubject::Person(employee.clone());
        let action = "attendance.removed";
        let entry = NewEntry { at, actor, action, subject: &subject, details: &details };
        audit::append(&mut tx, self, entry).await?;
        let event_id = tell(&mut tx, self, &row, "removed", at).await?;
        commit(tx).await?;
        self.store.scrub_after_deletion().await;
        Ok(Some(Removed { attendance: row, event_id }))
    }

    /// Gives an attendance row to another person, with an audit row `attendance.reassigned` and the events
    /// `attendance.corrected`. Where one of that person's rows covers the sighting already, it joins that row.
    /// `None` when the first person has no such row.
    ///
    /// The numbers stay those of the frame, as the model gave them; the source becomes `corrected`. What was
    /// a check-in or a later sighting of the one may be the other of the two for the other person; a
    /// check-out, which the camera's place says, stays one.
    ///
    /// # Errors
    /// [`StoreError::UnknownEmployee`] when the other person is not on the staff list. Nothing is changed then.
    pub async fn reassign_attendance(&self, to: Reassignment) -> Result<Option<Reassigned>, StoreError> {
        let Reassignment { attendance_id, from, to, window, zone, actor, at } = to;
        let scope = self.scope();
        let mut tx = self.begin(at).await?;
        if !exists(&mut tx, scope, &to).await? {
            return Err(StoreError::UnknownEmployee);
        }
        let row = row_of(&mut tx, scope, attendance_id, &from).await?;
        let Some(mut row) = row.filter(|_| from != to) else { return Ok(None) };
        let seen = Presence {
            employee: &to,
            camera: row.camera_id.as_ref(),
            first: micros(row.first_seen_at),
            last: micros(row.last_seen_at),
        };
        let open = find_open(&mut tx, scope, seen, window).await?;
        let subject = AuditSubject::Person(from.clone());
        let details = json!({
            "attendance_id": attendance_id, "to": self.pseudonym(&to), "joined": open.is_some(),
        });
        let action = "attendance.reassigned";
        let entry = NewEntry { at, actor: &actor, action, subject: &subject, details: &details };
        audit::append(&mut tx, self, entry).await?;
        let mut events = vec![tell(&mut tx, self, &row, "removed", at).await?];
        if let Some(open) = open {
            extend(&mut tx, scope, &open, seen).await?;
            remove_row(&mut tx, scope, attendance_id).await?;
            commit(tx).await?;
            self.store.scrub_after_deletion().await;
            return Ok(Some(Reassigned { attendance_id: open.id, joined: true, events }));
        }
        let action = match row.action {
            Action::CheckOut => Action::CheckOut,
            Action::CheckIn | Action::Seen => {
                action_of_day(&mut tx, scope, &to, local_day(row.timestamp, zone)).await?
            }
        };
        let update = scope
            .update(Table::AttendanceLogs)
            .value(Col::EmployeeId, to.as_str())
            .value(Col::Action, action.as_str())
            .value(Col::Source, Source::Corrected.as_str())
            .and_where(Expr::col(Col::Id).eq(attendance_id.to_string()))
            .take();
        execute(&mut tx, &update).await?;
        (row.employee_id, row.action, row.source) = (to, action, Source::Corrected);
        events.push(tell(&mut tx, self, &row, "assigned", at).await?);
        commit(tx).await?;
        Ok(Some(Reassigned { attendance_id, joined: false, events }))
    }
}
