//! How long cleanings took: what the estimates of minutes come from.

use chrono::{DateTime, TimeDelta, Utc};
use innkeeper_core::{ErrorCode, HotelId, RoomNumber};
use innkeeper_room::RoomStatus;
use innkeeper_store::{Cleaning, HotelStore, Store};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::feedback::instant;
use super::room_labels::is_label;
use crate::problem::Problem;

/// Shortest and longest cleaning that are believed; the tables take no others.
const SHORTEST: TimeDelta = TimeDelta::seconds(1);
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
    /// What was to be cleaned; null where nobody said and no photo did.
    pub tags: Option<Vec<String>>,
    /// False when this cleaning was known already; minutes and tags are then those that were written down.
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
    /// What was to be cleaned; null where nobody knows.
    pub tags: Option<Vec<String>>,
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
    if took < SHORTEST {
        return Some("finished_at is not after started_at, by a second at least".to_owned());
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

/// The labels of the last verdict before a cleaning began; none where no photo was looked at, or none could be judged.
async fn seen_before(
    rows: &HotelStore,
    room: &RoomNumber,
    started: DateTime<Utc>,
) -> Result<Option<Vec<String>>, Problem> {
    // A verdict given after the cleaning began tells of what is left.
    let page = rows.verdicts(room, None, 20).await?;
    let before = page.verdicts.into_iter().find(|verdict| verdict.created_at <= started);
    let Some(verdict) = before.filter(|v| started.signed_duration_since(v.created_at) <= VERDICT_HOLDS)
    else {
        return Ok(None);
    };
    if verdict.status == RoomStatus::UnusablePhoto.as_str() {
        return Ok(None);
    }
    let tags = verdict.content["tags"].as_array().into_iter().flatten();
    let mut labels: Vec<String> = tags.filter_map(|tag| Some(tag["label"].as_str()?.to_owned())).collect();
    labels.sort();
    labels.dedup();
    Ok(Some(labels))
}

/// The row of a cleaning.
pub(crate) fn row(input: CleaningInput, tags: Option<Vec<String>>, actor: &str) -> Cleaning {
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
        Some(tags) => Some(tags),
        None => seen_before(&rows, &input.room, input.started_at).await?,
    };
    let new = row(input, tags, actor);
    let recorded = rows.record_cleanings(std::slice::from_ref(&new), Utc::now()).await? == 1;
    let kept = if recorded { None } else { rows.cleaning(&new.room_number, new.started_at).await? };
    let kept = kept.unwrap_or(new);
    Ok(CleaningAnswer {
        room_number: kept.room_number.to_string(),
        minutes: kept.minutes(),
        tags: kept.tags,
        recorded,
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
        let mut short = cleaning(0, &[]);
        short.finished_at = short.started_at + TimeDelta::microseconds(1);
        assert!(doubt(&short).is_some(), "the tables take none under a second");
        short.finished_at = short.started_at + SHORTEST;
        assert_eq!(doubt(&short), None);
    }
}
