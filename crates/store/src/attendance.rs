use std::cmp::{max, min};
use std::ops::Range;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use innkeeper_core::{CameraId, EmployeeId, ModelRef};
use sea_query::{Expr, ExprTrait, Order};
use serde::Serialize;
use uuid::Uuid;

use crate::engine::{Conn, Row, at_most, execute, fetch_all, fetch_optional, get, parse, parse_optional};
use crate::outbox::{ATTENDANCE_RECORDED, NewEvent};
use crate::people::exists;
use crate::schema::{Col, Table};
use crate::scope::Scope;
use crate::store::commit;
use crate::time::{micros, span, time};
use crate::{Action, HotelStore, Source, StoreError, outbox};

/// A person recognised on one frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Sighting {
    /// Who.
    pub employee_id: EmployeeId,
    /// Where; frames without a camera count as one more camera.
    pub camera_id: Option<CameraId>,
    /// When the frame was taken.
    pub seen_at: DateTime<Utc>,
    /// Calibrated probability that it is this person, 0 to 1.
    pub confidence: f32,
    /// The raw score behind it.
    pub score: f32,
    /// What the liveness model said, `None` without one.
    pub is_alive: Option<bool>,
    /// Why liveness is what it is.
    pub liveness_reason: Option<String>,
    /// The model that recognised the face.
    pub model: ModelRef,
    /// What the camera's place says, such as [`Action::CheckOut`] at the exit; `None` lets the store decide.
    pub action: Option<Action>,
    /// Longest silence within one sighting.
    pub window: Duration,
    /// First moment of the hotel's calendar day that holds `seen_at`; see [`crate::local_day`].
    pub day_start: DateTime<Utc>,
    /// First moment of the day after.
    pub day_end: DateTime<Utc>,
}

/// Where a frame went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SightingOutcome {
    /// The attendance row of the sighting.
    pub attendance_id: Uuid,
    /// Whether this frame opened it.
    pub is_new: bool,
    /// What the row says.
    pub action: Action,
    /// The event `attendance.recorded`, for the frame that opened the sighting.
    pub event_id: Option<Uuid>,
}

/// One sighting of a person.
#[derive(Debug, Clone, PartialEq)]
pub struct Attendance {
    /// Id of the row.
    pub id: Uuid,
    /// Who.
    pub employee_id: EmployeeId,
    /// Time of the frame that opened the sighting, as its event said.
    pub timestamp: DateTime<Utc>,
    /// Earliest frame of the sighting; before `timestamp` when frames came out of order.
    pub first_seen_at: DateTime<Utc>,
    /// Latest frame of the sighting.
    pub last_seen_at: DateTime<Utc>,
    /// What the person did.
    pub action: Action,
    /// Where.
    pub camera_id: Option<CameraId>,
    /// Probability of the frame that opened the sighting.
    pub confidence: f32,
    /// Raw score of that frame.
    pub score: f32,
    /// Liveness of that frame.
    pub is_alive: Option<bool>,
    /// Why liveness is what it is.
    pub liveness_reason: Option<String>,
    /// The model that recognised the face.
    pub model: ModelRef,
    /// How the row came about.
    pub source: Source,
    /// When the row was written.
    pub created_at: DateTime<Utc>,
}

/// What `attendance.recorded` tells; `location` is the camera under the name of the contract.
#[derive(Serialize)]
struct Recorded<'a> {
    attendance_id: Uuid,
    employee_id: &'a EmployeeId,
    timestamp: String,
    action: Action,
    camera_id: Option<&'a CameraId>,
    location: Option<&'a CameraId>,
    confidence: f32,
    score: f32,
    is_alive: Option<bool>,
    liveness_reason: Option<&'a str>,
    model: &'a ModelRef,
    source: Source,
}

fn check(s: &Sighting) -> Result<(), StoreError> {
    let invalid = |field, reason| Err(StoreError::Invalid { field, reason });
    if !(0.0..=1.0).contains(&s.confidence) {
        return invalid("confidence", "must be between 0 and 1");
    }
    if !s.score.is_finite() {
        return invalid("score", "must be a finite number");
    }
    if !(s.day_start..s.day_end).contains(&s.seen_at) {
        return invalid("seen_at", "must lie within day_start and day_end");
    }
    Ok(())
}

/// Where and when somebody was seen, from the first to the last frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Presence<'a> {
    pub employee: &'a EmployeeId,
    pub camera: Option<&'a CameraId>,
    pub first: i64,
    pub last: i64,
}

/// An attendance row that frames belong to.
pub(crate) struct Open {
    pub id: Uuid,
    pub action: Action,
    first: i64,
    last: i64,
}

/// The sighting that the frames belong to: same person and camera, no more than `window` away. Late frames
/// may lie between two; they go to the nearer, of equals to the earlier, and never join them.
pub(crate) async fn find_open(
    conn: &mut Conn,
    scope: Scope<'_>,
    seen: Presence<'_>,
    window: Duration,
) -> Result<Option<Open>, StoreError> {
    let window = span(window);
    let camera = match seen.camera {
        Some(camera) => Expr::col(Col::CameraId).eq(camera.as_str()),
        None => Expr::col(Col::CameraId).is_null(),
    };
    let query = scope
        .select(Table::AttendanceLogs, &[Col::Id, Col::Action, Col::FirstSeenAt, Col::LastSeenAt])
        .and_where(Expr::col(Col::EmployeeId).eq(seen.employee.as_str()))
        .and_where(camera)
        .and_where(Expr::col(Col::LastSeenAt).gte(seen.first.saturating_sub(window)))
        .and_where(Expr::col(Col::FirstSeenAt).lte(seen.last.saturating_add(window)))
        .order_by(Col::FirstSeenAt, Order::Asc)
        .order_by(Col::Id, Order::Asc)
        .take();
    let mut nearest: Option<(i64, Open)> = None;
    for row in fetch_all(conn, &query).await? {
        let (first, last): (i64, i64) = (get(&row, "first_seen_at")?, get(&row, "last_seen_at")?);
        let away = max(0, max(first.saturating_sub(seen.last), seen.first.saturating_sub(last)));
        if nearest.as_ref().is_none_or(|(best, _)| away < *best) {
            nearest =
                Some((away, Open { id: parse(&row, "id")?, action: parse(&row, "action")?, first, last }));
        }
    }
    Ok(nearest.map(|(_, open)| open))
}

/// Lets a sighting reach to frames that belong to it; whether it did not yet.
pub(crate) async fn extend(
    conn: &mut Conn,
    scope: Scope<'_>,
    open: &Open,
    seen: Presence<'_>,
) -> Result<bool, StoreError> {
    if seen.first >= open.first && seen.last <= open.last {
        return Ok(false);
    }
    let extend = scope
        .update(Table::AttendanceLogs)
        .value(Col::FirstSeenAt, min(open.first, seen.first))
        .value(Col::LastSeenAt, max(open.last, seen.last))
        .and_where(Expr::col(Col::Id).eq(open.id.to_string()))
        .take();
    execute(conn, &extend).await?;
    Ok(true)
}

/// What a new sighting is when its camera's place does not say: the first of the day checks in.
pub(crate) async fn action_of_day(
    conn: &mut Conn,
    scope: Scope<'_>,
    employee: &EmployeeId,
    day: Range<DateTime<Utc>>,
) -> Result<Action, StoreError> {
    let query = scope
        .select(Table::AttendanceLogs, &[Col::Id])
        .and_where(Expr::col(Col::EmployeeId).eq(employee.as_str()))
        .and_where(Expr::col(Col::Timestamp).gte(micros(day.start)))
        .and_where(Expr::col(Col::Timestamp).lt(micros(day.end)))
        .limit(1)
        .take();
    Ok(if fetch_optional(conn, &query).await?.is_some() { Action::Seen } else { Action::CheckIn })
}

/// A sighting that no row holds yet.
pub(crate) struct NewRow<'a> {
    pub seen: Presence<'a>,
    pub timestamp: DateTime<Utc>,
    pub action: Action,
    pub confidence: f32,
    pub score: f32,
    pub is_alive: Option<bool>,
    pub liveness_reason: Option<&'a str>,
    pub model: &'a ModelRef,
    pub source: Source,
}

/// Writes the row and its event `attendance.recorded`; returns the ids of both.
pub(crate) async fn open_sighting(
    conn: &mut Conn,
    hotel: &HotelStore,
    row: NewRow<'_>,
) -> Result<(Uuid, Uuid), StoreError> {
    let (now, attendance_id, seen) = (Utc::now(), Uuid::now_v7(), row.seen);
    let insert = hotel.scope().insert(
        Table::AttendanceLogs,
        [
            (Col::Id, Expr::value(attendance_id.to_string())),
            (Col::EmployeeId, Expr::value(seen.employee.as_str())),
            (Col::Timestamp, Expr::value(micros(row.timestamp))),
            (Col::FirstSeenAt, Expr::value(seen.first)),
            (Col::LastSeenAt, Expr::value(seen.last)),
            (Col::Action, Expr::value(row.action.as_str())),
            (Col::CameraId, Expr::value(seen.camera.map(|c| c.as_str().to_owned()))),
            (Col::Confidence, Expr::value(f64::from(row.confidence))),
            (Col::Score, Expr::value(f64::from(row.score))),
            (Col::IsAlive, Expr::value(row.is_alive)),
            (Col::LivenessReason, Expr::value(row.liveness_reason.map(str::to_owned))),
            (Col::Model, Expr::value(row.model.to_string())),
            (Col::Source, Expr::value(row.source.as_str())),
            (Col::CreatedAt, Expr::value(micros(now))),
        ],
    )?;
    execute(conn, &insert).await?;
    let payload = Recorded {
        attendance_id,
        employee_id: seen.employee,
        timestamp: rfc3339(row.timestamp),
        action: row.action,
        camera_id: seen.camera,
        location: seen.camera,
        confidence: row.confidence,
        score: row.score,
        is_alive: row.is_alive,
        liveness_reason: row.liveness_reason,
        model: row.model,
        source: row.source,
    };
    let event = NewEvent { topic: ATTENDANCE_RECORDED, person: Some(seen.employee), at: now, forget: false };
    let event_id = outbox::emit(conn, hotel, event, &payload).await?;
    Ok((attendance_id, event_id))
}

/// A time as events tell it.
pub(crate) fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

pub(crate) const COLUMNS: [Col; 14] = [
    Col::Id,
    Col::EmployeeId,
    Col::Timestamp,
    Col::FirstSeenAt,
    Col::LastSeenAt,
    Col::Action,
    Col::CameraId,
    Col::Confidence,
    Col::Score,
    Col::IsAlive,
    Col::LivenessReason,
    Col::Model,
    Col::Source,
    Col::CreatedAt,
];

pub(crate) fn attendance(row: &Row) -> Result<Attendance, StoreError> {
    Ok(Attendance {
        id: parse(row, "id")?,
        employee_id: parse(row, "employee_id")?,
        timestamp: time(row, "timestamp")?,
        first_seen_at: time(row, "first_seen_at")?,
        last_seen_at: time(row, "last_seen_at")?,
        action: parse(row, "action")?,
        camera_id: parse_optional(row, "camera_id")?,
        confidence: get::<f64>(row, "confidence")? as f32,
        score: get::<f64>(row, "score")? as f32,
        is_alive: get(row, "is_alive")?,
        liveness_reason: get(row, "liveness_reason")?,
        model: parse(row, "model")?,
        source: parse(row, "source")?,
        created_at: time(row, "created_at")?,
    })
}

impl HotelStore {
    /// Records that a person was recognised on a frame, in one transaction.
    ///
    /// A frame joins a sighting of the same person at the same camera when it lies within `window` of the
    /// sighting's first or last frame; the sighting then reaches to that frame, and frames may come in any
    /// order. Otherwise the frame opens a new row with one event `attendance.recorded`. A window of zero
    /// joins only frames within a sighting, such as the same frame sent again.
    ///
    /// Without an action from the camera the first sighting that opens on the day is `check_in` and later
    /// ones are `seen`, at whichever camera, in the order they arrive. A sighting that lasts over midnight
    /// stays one sighting of the day it opened on.
    ///
    /// # Errors
    /// [`StoreError::UnknownEmployee`] when the person is not (any more) on the staff list,
    /// [`StoreError::Invalid`] for numbers out of range. Nothing is written then.
    pub async fn record_sighting(&self, sighting: Sighting) -> Result<SightingOutcome, StoreError> {
        let s = sighting;
        check(&s)?;
        let (seen, scope) = (micros(s.seen_at), self.scope());
        let seen =
            Presence { employee: &s.employee_id, camera: s.camera_id.as_ref(), first: seen, last: seen };
        let Some(mut tx) = self.begin_known().await? else {
            return Err(StoreError::UnknownEmployee);
        };
        // Rows about a person go with the person, so an open sighting says that there is one.
        if let Some(open) = find_open(&mut tx, scope, seen, s.window).await? {
            if extend(&mut tx, scope, &open, seen).await? {
                commit(tx).await?;
            }
            return Ok(SightingOutcome {
                attendance_id: open.id,
                is_new: false,
                action: open.action,
                event_id: None,
            });
        }
        if !exists(&mut tx, scope, &s.employee_id).await? {
            return Err(StoreError::UnknownEmployee);
        }
        let action = match s.action {
            Some(action) => action,
            None => action_of_day(&mut tx, scope, &s.employee_id, s.day_start..s.day_end).await?,
        };
        let row = NewRow {
            seen,
            timestamp: s.seen_at,
            action,
            confidence: s.confidence,
            score: s.score,
            is_alive: s.is_alive,
            liveness_reason: s.liveness_reason.as_deref(),
            model: &s.model,
            source: Source::Camera,
        };
        let (attendance_id, event_id) = open_sighting(&mut tx, self, row).await?;
        commit(tx).await?;
        Ok(SightingOutcome { attendance_id, is_new: true, action, event_id: Some(event_id) })
    }

    /// Sightings that opened at or after `since` and before `until`, newest first, of one person or of all.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn attendance(
        &self,
        employee: Option<&EmployeeId>,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<Attendance>, StoreError> {
        let query = self
            .scope()
            .select(Table::AttendanceLogs, &COLUMNS)
            .and_where(Expr::col(Col::Timestamp).gte(micros(since)))
            .and_where(Expr::col(Col::Timestamp).lt(micros(until)))
            .and_where_option(employee.map(|e| Expr::col(Col::EmployeeId).eq(e.as_str())))
            .order_by(Col::Timestamp, Order::Desc)
            .order_by(Col::Id, Order::Desc)
            .limit(at_most(limit))
            .take();
        self.rows(&query).await?.iter().map(attendance).collect()
    }
}
