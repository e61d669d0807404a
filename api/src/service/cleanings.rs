//! How long cleanings took: what the estimates of minutes come from.

use chrono::{DateTime, TimeDelta, Utc};
use innkeeper_core::{ErrorCode, HotelId, RoomNumber};
use innkeeper_store::{Cleaning, HotelStore, Store};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::feedback::instant;
use super::room_labels::is_label;
use crate::problem::Problem;

/// Longest cleaning that is believed.
const LONGEST: TimeDelta = TimeDelta::hours(24);
/// Most tags of one cleaning.
const MOST_TAGS: usize = 64;
/// How old a verdict may be to say what there was to clean.
const VERDICT_HOLDS: TimeDelta = TimeDelta::hours(24);

/// A cleaning that is done.
#[derive(Debug, Clone)]
pub(crate) struct CleaningInput {
    pub room: RoomNumber,
    pub room_type: Option<String>,
    pub started_at: DateTime<Utc>,
    pub finished_at: DateTime<Utc>,
    /// None: as the last verdict before it said.
    pub tags: Option<Vec<String>>,
}

/// What was noted of a cleaning.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CleaningAnswer {
    #[schema(example = "201")]
    pub room_number: String,
    /// Minutes from its start to its end.
    pub minutes: f32,
    /// What was to be cleaned.
    pub tags: Vec<String>,
    /// False when this cleaning was known already.
    pub recorded: bool,
}

/// A cleaning as answers tell it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CleaningReport {
    /// RFC 3339.
    pub started_at: String,
    /// RFC 3339.
    pub finished_at: String,
    pub minutes: f32,
    pub room_type: Option<String>,
    pub tags: Vec<String>,
}

impl From<Cleaning> for CleaningReport {
    fn from(cleaning: Cleaning) -> Self {
        Self {
            started_at: instant(cleaning.started_at),
            finished_at: instant(cleaning.finished_at),
            minutes: cleaning.minutes(),
            room_type: cleaning.room_type,
            tags: cleaning.tags,
        }
    }
}

/// Why a cleaning is not believed, in one sentence.
pub(crate) fn doubt(input: &CleaningInput) -> Option<String> {
    let took = input.finished_at.signed_duration_since(input.started_at);
    if took <= TimeDelta::zero() {
        return Some("finished_at is not after started_at".to_owned());
    }
    if took > LONGEST {
        return Some(format!("a cleaning takes {} hours at most", LONGEST.num_hours()));
    }
    let tags = input.tags.as_deref().unwrap_or_default();
    if tags.len() > MOST_TAGS || !tags.iter().all(|tag| is_label(tag)) {
        return Some(format!(
            "tags are at most {MOST_TAGS} labels of letters, digits and underscores, 64 bytes each"
        ));
    }
    None
}

/// The labels of the last verdict before a cleaning began.
async fn seen_before(
    rows: &HotelStore,
    room: &RoomNumber,
    started: DateTime<Utc>,
) -> Result<Vec<String>, Problem> {
    // A verdict given after the cleaning began tells of what is left.
    let page = rows.verdicts(room, None, 20).await?;
    let before = page.verdicts.into_iter().find(|verdict| verdict.created_at <= started);
    let Some(verdict) = before.filter(|v| started.signed_duration_since(v.created_at) <= VERDICT_HOLDS)
    else {
        return Ok(Vec::new());
    };
    let tags = verdict.content["tags"].as_array().into_iter().flatten();
    let mut labels: Vec<String> = tags.filter_map(|tag| Some(tag["label"].as_str()?.to_owned())).collect();
    labels.sort();
    labels.dedup();
    Ok(labels)
}

/// The row of a cleaning.
pub(crate) fn row(input: CleaningInput, tags: Vec<String>, actor: &str) -> Cleaning {
    Cleaning {
        id: Uuid::now_v7(),
        room_number: input.room,
        room_type: input.room_type,
        started_at: input.started_at,
        finished_at: input.finished_at,
        tags,
        recorded_by: actor.to_owned(),
    }
}

/// Notes a cleaning.
pub(crate) async fn record(
    store: &Store,
    hotel: &HotelId,
    actor: &str,
    input: CleaningInput,
) -> Result<CleaningAnswer, Problem> {
    if let Some(detail) = doubt(&input) {
        return Err(Problem::new(ErrorCode::BadRequest, detail));
    }
    let rows = store.hotel(hotel);
    let tags = match input.tags.clone() {
        Some(tags) => tags,
        None => seen_before(&rows, &input.room, input.started_at).await?,
    };
    let took = input.finished_at.signed_duration_since(input.started_at);
    let room_number = input.room.to_string();
    let written = rows.record_cleanings(&[row(input, tags.clone(), actor)], Utc::now()).await?;
    Ok(CleaningAnswer {
        room_number,
        minutes: (took.num_milliseconds() as f64 / 60_000.0) as f32,
        tags,
        recorded: written == 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaning(minutes: i64, tags: &[&str]) -> CleaningInput {
        let started_at = DateTime::UNIX_EPOCH;
        CleaningInput {
            room: "201".parse().unwrap(),
            room_type: None,
            started_at,
            finished_at: started_at + TimeDelta::minutes(minutes),
            tags: Some(tags.iter().map(|t| (*t).to_owned()).collect()),
        }
    }

    #[test]
    fn cleanings_that_end_before_they_begin_or_never_end_are_not_believed() {
        assert_eq!(doubt(&cleaning(25, &["bed_unmade"])), None);
        for (minutes, tags) in
            [(0, vec![]), (-5, vec![]), (24 * 60 + 1, vec![]), (25, vec!["a b"]), (25, vec![""])]
        {
            assert!(doubt(&cleaning(minutes, &tags)).is_some(), "{minutes} {tags:?}");
        }
    }
}
