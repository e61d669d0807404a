use std::cmp::{max, min};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use innkeeper_core::{CameraId, EmployeeId, ModelRef};
use sea_query::{Expr, ExprTrait, Order};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::engine::{Conn, Row, at_most, execute, fetch_all, fetch_optional, get, parse, parse_optional};
use crate::outbox::{ATTENDANCE_RECORDED, NewEvent};
use crate::people::exists;
use crate::schema::{Col, Table};
use crate::scope::Scope;
use crate::time::{micros, span, time};
use crate::{HotelStore, StoreError, outbox};

/// What an attendance row says the person did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Came to work.
    CheckIn,
    /// Left work.
    CheckOut,
    /// Was seen again.
    Seen,
}

impl Action {
    /// The action as tables and events write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CheckIn => "check_in",
            Self::CheckOut => "check_out",
            Self::Seen => "seen",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is no attendance action.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an attendance action is check_in, check_out or seen, not {0:?}")]
pub struct ActionError(String);

impl FromStr for Action {
    type Err = ActionError;
    fn from_str(text: &str) -> Result<Self, ActionError> {
        [Self::CheckIn, Self::CheckOut, Self::Seen]
            .into_iter()
            .find(|action| action.as_str() == text)
            .ok_or_else(|| ActionError(text.to_owned()))
    }
}

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

/// The sighting that the frame belongs to: same person and camera, no more than `window` away. A late frame
/// may lie between two; it goes to the nearer, of equals to the earlier, and never joins them.
async fn find_open(
    conn: &mut Conn,
    scope: Scope<'_>,
    s: &Sighting,
) -> Result<Option<(Uuid, Action, i64, i64)>, StoreError> {
    let (seen, window) = (micros(s.seen_at), span(s.window));
    let camera = match &s.camera_id {
        Some(camera) => Expr::col(Col::CameraId).eq(camera.as_str()),
        None => Expr::col(Col::CameraId).is_null(),
    };
    let query = scope
        .select(Table::AttendanceLogs, &[Col::Id, Col::Action, Col::FirstSeenAt, Col::LastSeenAt])
        .and_where(Expr::col(Col::EmployeeId).eq(s.employee_id.as_str()))
        .and_where(camera)
        .and_where(Expr::col(Col::LastSeenAt).gte(seen.saturating_sub(window)))
        .and_where(Expr::col(Col::FirstSeenAt).lte(seen.saturating_add(window)))
        .order_by(Col::FirstSeenAt, Order::Asc)
        .order_by(Col::Id, Order::Asc)
        .take();
    let mut nearest: Option<(i64, (Uuid, Action, i64, i64))> = None;
    for row in fetch_all(conn, &query).await? {
        let (first, last): (i64, i64) = (get(&row, "first_seen_at")?, get(&row, "last_seen_at")?);
        let away = max(0, max(first.saturating_sub(seen), seen.saturating_sub(last)));
        if nearest.as_ref().is_none_or(|(best, _)| away < *best) {
            nearest = Some((away, (parse(&row, "id")?, parse(&row, "action")?, first, last)));
        }
    }
    Ok(nearest.map(|(_, row)| row))
}

async fn was_seen_that_day(conn: &mut Conn, scope: Scope<'_>, s: &Sighting) -> Result<bool, StoreError> {
    let query = scope
        .select(Table::AttendanceLogs, &[Col::Id])
        .and_where(Expr::col(Col::EmployeeId).eq(s.employee_id.as_str()))
        .and_where(Expr::col(Col::Timestamp).gte(micros(s.day_start)))
        .and_where(Expr::col(Col::Timestamp).lt(micros(s.day_end)))
        .limit(1)
        .take();
    Ok(fetch_optional(conn, &query).await?.is_some())
}

fn attendance(row: &Row) -> Result<Attendance, StoreError> {
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
        let (now, seen, scope) = (Utc::now(), micros(s.seen_at), self.scope());
        let Some(mut tx) = self.begin_known().await? else {
            return Err(StoreError::UnknownEmployee);
        };
        if !exists(&mut tx, scope, &s.employee_id).await? {
            return Err(StoreError::UnknownEmployee);
        }
        if let Some((attendance_id, action, first, last)) = find_open(&mut tx, scope, &s).await? {
            if seen < first || seen > last {
                let extend = scope
                    .update(Table::AttendanceLogs)
                    .value(Col::FirstSeenAt, min(first, seen))
                    .value(Col::LastSeenAt, max(last, seen))
                    .and_where(Expr::col(Col::Id).eq(attendance_id.to_string()))
                    .take();
                execute(&mut tx, &extend).await?;
                tx.commit().await?;
            }
            return Ok(SightingOutcome { attendance_id, is_new: false, action, event_id: None });
        }

        let action = match s.action {
            Some(action) => action,
            None if was_seen_that_day(&mut tx, scope, &s).await? => Action::Seen,
            None => Action::CheckIn,
        };
        let attendance_id = Uuid::now_v7();
        let insert = scope.insert(
            Table::AttendanceLogs,
            [
                (Col::Id, Expr::value(attendance_id.to_string())),
                (Col::EmployeeId, Expr::value(s.employee_id.as_str())),
                (Col::Timestamp, Expr::value(seen)),
                (Col::FirstSeenAt, Expr::value(seen)),
                (Col::LastSeenAt, Expr::value(seen)),
                (Col::Action, Expr::value(action.as_str())),
                (Col::CameraId, Expr::value(s.camera_id.as_ref().map(|c| c.as_str().to_owned()))),
                (Col::Confidence, Expr::value(f64::from(s.confidence))),
                (Col::Score, Expr::value(f64::from(s.score))),
                (Col::IsAlive, Expr::value(s.is_alive)),
                (Col::LivenessReason, Expr::value(s.liveness_reason.clone())),
                (Col::Model, Expr::value(s.model.to_string())),
                (Col::CreatedAt, Expr::value(micros(now))),
            ],
        )?;
        execute(&mut tx, &insert).await?;
        let payload = Recorded {
            attendance_id,
            employee_id: &s.employee_id,
            timestamp: s.seen_at.to_rfc3339_opts(SecondsFormat::AutoSi, true),
            action,
            camera_id: s.camera_id.as_ref(),
            location: s.camera_id.as_ref(),
            confidence: s.confidence,
            score: s.score,
            is_alive: s.is_alive,
            liveness_reason: s.liveness_reason.as_deref(),
            model: &s.model,
        };
        let event = NewEvent { topic: ATTENDANCE_RECORDED, person: &s.employee_id, at: now, forget: false };
        let event_id = outbox::emit(&mut tx, scope, event, &payload).await?;
        tx.commit().await?;
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
        const COLUMNS: [Col; 13] = [
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
            Col::CreatedAt,
        ];
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
        fetch_all(&mut *self.reader().await?, &query).await?.iter().map(attendance).collect()
    }
}
