use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use innkeeper_core::{EmployeeId, ModelRef};
use sea_query::{Expr, ExprTrait, Order};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::attendance::{COLUMNS, Presence, action_of_day, attendance, extend, find_open, rfc3339};
use crate::audit::{AuditSubject, NewEntry};
use crate::engine::{CHUNK, Conn, execute, fetch_all, fetch_optional, parse};
use crate::enrolment::{check_vector, invalid};
use crate::outbox::{ATTENDANCE_CORRECTED, NewEvent};
use crate::people::{consented, exists, to_bytes};
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
    /// Who it is in truth, when that was said: another one of the staff list.
    pub shows: Option<EmployeeId>,
}

/// The attendance row that told of the wrong person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Correction {
    /// The row.
    pub attendance_id: Uuid,
    /// Longest silence within one sighting.
    pub window: Duration,
    /// Where the hotel's days begin and end.
    pub zone: Tz,
}

/// What became of an attendance row that was put right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowOutcome {
    /// Nobody said whose it is: it is no more.
    Removed,
    /// It is the other person's.
    Reassigned {
        /// Whether one of that person's rows covered the sighting already, and it joined that row.
        joined: bool,
    },
    /// The person has no such row, or none any more.
    Gone,
}

/// What a correction did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Corrected {
    /// Whether the face is kept as one that is not this person. It is not when it shows somebody without an
    /// active consent.
    pub is_kept: bool,
    /// What became of the attendance row, when one was named.
    pub row: Option<RowOutcome>,
}

/// What `attendance.corrected` tells. A deleted person's events go, so each names one person only.
async fn tell(
    conn: &mut Conn,
    hotel: &HotelStore,
    row: &Attendance,
    change: &str,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let payload = json!({
        "attendance_id": row.id, "employee_id": row.employee_id, "change": change,
        "timestamp": rfc3339(row.timestamp), "action": row.action, "camera_id": row.camera_id,
        "source": row.source, "at": rfc3339(at),
    });
    let event = NewEvent { topic: ATTENDANCE_CORRECTED, person: Some(&row.employee_id), at, forget: false };
    outbox::emit(conn, hotel, event, &payload).await?;
    Ok(())
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

/// Who puts something right, and when.
#[derive(Clone, Copy)]
struct By<'a> {
    actor: &'a str,
    at: DateTime<Utc>,
}

impl HotelStore {
    /// Notes that a face is not this person, and puts the attendance row right that said so, in one
    /// transaction.
    ///
    /// The face is kept, of each person and model at most [`MAX_NEGATIVES`], unless it shows somebody without
    /// an active consent. An audit row `face.not_this_person` tells of both.
    ///
    /// When nobody said whom the face shows, the attendance row goes, with an audit row `attendance.removed`.
    /// Otherwise it is that person's, with an audit row `attendance.reassigned`; where one of their rows covers
    /// the sighting already, it joins that row. The numbers stay those of the frame, as the model gave them;
    /// the source becomes `corrected`. What was a check-in or a later sighting of the one may be the other of
    /// the two for the other person; a check-out, which the camera's place says, stays one.
    ///
    /// Each of the two persons gets an event `attendance.corrected` about what changed for them. The event that
    /// told of the sighting stays, so consumers hear both, in order.
    ///
    /// # Errors
    /// [`StoreError::UnknownEmployee`] when one of the two is not on the staff list, [`StoreError::Invalid`]
    /// for a vector that is none or when both are the same, [`StoreError::Duplicate`] when the id is taken.
    /// Nothing is written then.
    pub async fn correct(
        &self,
        new: NewNegative,
        row: Option<Correction>,
        actor: &str,
        at: DateTime<Utc>,
    ) -> Result<Corrected, StoreError> {
        check_vector(&new.vector)?;
        if new.shows.as_ref() == Some(&new.employee) {
            return Err(invalid("shows", "must be somebody else"));
        }
        let (scope, by) = (self.scope(), By { actor, at });
        let mut tx = self.begin(at).await?;
        let mut is_kept = true;
        for employee in [Some(&new.employee), new.shows.as_ref()].into_iter().flatten() {
            if !exists(&mut tx, scope, employee).await? {
                return Err(StoreError::UnknownEmployee);
            }
        }
        if let Some(shown) = &new.shows {
            is_kept = consented(&mut tx, scope, shown).await?;
        }
        if is_kept {
            self.keep_negative(&mut tx, &new, by).await?;
        }
        let details = json!({
            "model": new.model, "negative_id": is_kept.then_some(new.id),
            "shows": new.shows.as_ref().map(|shown| self.pseudonym(shown)),
        });
        self.tell_audit(&mut tx, "face.not_this_person", &new.employee, &details, by).await?;
        let row = match row {
            Some(row) => Some(self.put_right(&mut tx, &new, row, by).await?),
            None => None,
        };
        commit(tx).await?;
        if matches!(row, Some(RowOutcome::Removed | RowOutcome::Reassigned { joined: true })) {
            self.store.scrub_after_deletion().await;
        }
        Ok(Corrected { is_kept, row })
    }

    async fn tell_audit(
        &self,
        conn: &mut Conn,
        action: &str,
        employee: &EmployeeId,
        details: &Value,
        By { actor, at }: By<'_>,
    ) -> Result<(), StoreError> {
        let subject = AuditSubject::Person(employee.clone());
        audit::append(conn, self, NewEntry { at, actor, action, subject: &subject, details }).await?;
        Ok(())
    }

    /// Keeps the face; of too many the oldest go.
    async fn keep_negative(&self, conn: &mut Conn, new: &NewNegative, by: By<'_>) -> Result<(), StoreError> {
        let (scope, id) = (self.scope(), new.id.to_string());
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
                (Col::CreatedAt, Expr::value(micros(by.at))),
                (Col::CreatedBy, Expr::value(by.actor)),
                (Col::ShowsEmployeeId, Expr::value(new.shows.as_ref().map(|s| s.as_str().to_owned()))),
            ],
        )?;
        execute(conn, &insert).await?;
        let held = scope
            .select(Table::NotThisPerson, &[Col::Id])
            .and_where(Expr::col(Col::EmployeeId).eq(new.employee.as_str()))
            .and_where(Expr::col(Col::Model).eq(new.model.to_string()))
            .order_by(Col::CreatedAt, Order::Desc)
            .order_by(Col::Id, Order::Desc)
            .take();
        let mut held: Vec<Uuid> =
            fetch_all(conn, &held).await?.iter().map(|row| parse(row, "id")).collect::<Result<_, _>>()?;
        for old in held.split_off(held.len().min(MAX_NEGATIVES)).chunks(CHUNK) {
            let delete = scope
                .delete(Table::NotThisPerson)
                .and_where(Expr::col(Col::Id).is_in(old.iter().map(Uuid::to_string)))
                .take();
            execute(conn, &delete).await?;
        }
        Ok(())
    }

    /// Removes the attendance row, or gives it to whom the face shows.
    async fn put_right(
        &self,
        conn: &mut Conn,
        new: &NewNegative,
        correction: Correction,
        by: By<'_>,
    ) -> Result<RowOutcome, StoreError> {
        let Correction { attendance_id, window, zone } = correction;
        let scope = self.scope();
        let Some(mut row) = row_of(conn, scope, attendance_id, &new.employee).await? else {
            return Ok(RowOutcome::Gone);
        };
        let Some(to) = &new.shows else {
            remove_row(conn, scope, attendance_id).await?;
            let details = json!({ "attendance_id": attendance_id });
            self.tell_audit(conn, "attendance.removed", &new.employee, &details, by).await?;
            tell(conn, self, &row, "removed", by.at).await?;
            return Ok(RowOutcome::Removed);
        };
        let seen = Presence {
            employee: to,
            camera: row.camera_id.as_ref(),
            first: micros(row.first_seen_at),
            last: micros(row.last_seen_at),
        };
        let open = find_open(conn, scope, seen, window).await?;
        let details = json!({
            "attendance_id": attendance_id, "to": self.pseudonym(to), "joined": open.is_some(),
        });
        self.tell_audit(conn, "attendance.reassigned", &new.employee, &details, by).await?;
        tell(conn, self, &row, "removed", by.at).await?;
        if let Some(open) = open {
            extend(conn, scope, &open, seen).await?;
            remove_row(conn, scope, attendance_id).await?;
            return Ok(RowOutcome::Reassigned { joined: true });
        }
        let action = match row.action {
            Action::CheckOut => Action::CheckOut,
            Action::CheckIn | Action::Seen => {
                action_of_day(conn, scope, to, local_day(row.timestamp, zone)).await?
            }
        };
        let update = scope
            .update(Table::AttendanceLogs)
            .value(Col::EmployeeId, to.as_str())
            .value(Col::Action, action.as_str())
            .value(Col::Source, Source::Corrected.as_str())
            .and_where(Expr::col(Col::Id).eq(attendance_id.to_string()))
            .take();
        execute(conn, &update).await?;
        (row.employee_id, row.action, row.source) = (to.clone(), action, Source::Corrected);
        tell(conn, self, &row, "assigned", by.at).await?;
        Ok(RowOutcome::Reassigned { joined: false })
    }

    /// Takes back that a face is not this person, with an audit row `face.negative_removed`. `false` when the
    /// person has no such negative. An attendance row that was put right stays so.
    ///
    /// # Errors
    /// When the database fails; nothing is changed then.
    pub async fn remove_negative(
        &self,
        employee: &EmployeeId,
        id: Uuid,
        actor: &str,
        at: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let Some(mut tx) = self.begin_known().await? else { return Ok(false) };
        let delete = self
            .scope()
            .delete(Table::NotThisPerson)
            .and_where(Expr::col(Col::Id).eq(id.to_string()))
            .and_where(Expr::col(Col::EmployeeId).eq(employee.as_str()))
            .take();
        if execute(&mut tx, &delete).await? == 0 {
            return Ok(false);
        }
        let details = json!({ "negative_id": id });
        self.tell_audit(&mut tx, "face.negative_removed", employee, &details, By { actor, at }).await?;
        commit(tx).await?;
        self.store.scrub_after_deletion().await;
        Ok(true)
    }
}
