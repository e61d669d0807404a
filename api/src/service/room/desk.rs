//! Photos of a room to a verdict: a row, an event, and an answer that can be corrected.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use innkeeper_core::RoomNumber;
use innkeeper_identity::Principal;
use innkeeper_room::rules::{Meaning, meaning};
use innkeeper_room::{Cleaning, PreviousVerdict, RoomContext, RoomStatus, Tag};
use innkeeper_store::{HotelStore, NewKeptAnswer, Verdict, VerdictSource};
use serde_json::{Value, json};
use uuid::Uuid;

use super::answers::{Models, RoomAnswer, RoomView};
use super::reading::{RoomSeen, RoomWork, reader};
use super::reference_photos::Saved;
use super::references::References;
use crate::app::{App, Engines};
use crate::config::{RoomSettings, Settings};
use crate::problem::Problem;
use crate::service::feedback::instant;
use crate::service::heads::{Heads, ROOM_TAGS};
use crate::service::recognise::ms;
use crate::service::value::value;

/// How long an earlier verdict is of the same cleaning.
const SAME_CLEANING: TimeDelta = TimeDelta::hours(6);
/// Looks that are joined, newest first.
const LAST_LOOKS: usize = 20;
/// Photos that were taken so shortly before they came are of now: phones tell the time to the second.
const JUST_TAKEN: TimeDelta = TimeDelta::seconds(2);

/// Photos of a room, and who asks.
pub(crate) struct RoomQuestion {
    pub caller: Principal,
    pub room: RoomNumber,
    pub room_type: Option<String>,
    pub taken_at: DateTime<Utc>,
    /// Whether the photos go into the image index.
    pub save: bool,
    pub photos: Vec<Bytes>,
}

/// Rooms of every hotel of this process.
pub(crate) struct RoomDesk {
    pub(super) engines: Engines,
    pub(super) settings: RoomSettings,
    pub(super) references: References,
    pub(crate) heads: Heads,
}

/// What the tables know of a room before its photos are looked at.
struct Known {
    context: RoomContext,
    room_type: Option<String>,
}

impl RoomDesk {
    pub fn new(settings: &Settings, engines: Engines) -> Self {
        Self {
            engines,
            settings: settings.room.clone(),
            references: References::new(settings.room.cache_mib),
            heads: Heads::new(&settings.storage.data_dir),
        }
    }

    /// What photos say of a room: written as a verdict, told as an event, kept to be corrected.
    pub async fn analyze(&self, app: &App, question: RoomQuestion) -> Result<RoomAnswer, Problem> {
        let started = Instant::now();
        let outcome = self.judge(app, question, started).await;
        let status = if outcome.is_ok() { "success" } else { "failure" };
        metrics::counter!("room_analysis_total", "status" => status).increment(1);
        metrics::histogram!("room_analysis_duration_seconds").record(started.elapsed());
        outcome
    }

    async fn judge(
        &self,
        app: &App,
        question: RoomQuestion,
        started: Instant,
    ) -> Result<RoomAnswer, Problem> {
        let moment = moment_of(question.taken_at, Utc::now());
        let visual = app.visual()?;
        let answering = self.heads.for_embedder(&question.caller.hotel, &visual.embedder.model());
        let head = answering.head;
        let rows = self.engines.store.hotel(&question.caller.hotel);
        let Known { context, room_type } = self.known(&rows, &question, moment).await?;
        let reader = reader(&visual, head.as_ref().map(|head| Arc::clone(&head.head)))?;
        let found = self
            .references
            .find(&self.engines, &question.caller.hotel, &question.room, &visual.embedder.model())
            .await?;
        let limits = app.settings.images.limits();
        let opener = self.references.opener(&question.caller.hotel, limits);
        let (photos, embedder) = (question.photos.clone(), Arc::clone(&visual.embedder));
        let models = Models {
            networks: reader.models(),
            head: head.as_ref().map(|head| head.name()),
            passed_over: answering.passed_over,
        };
        let seen = app
            .photograph_admission
            .run(move |ticket| {
                let references = opener.open(found, &embedder, ticket)?;
                let work =
                    RoomWork { reader: &reader, limits: &limits, references: &references, context: &context };
                work.look(&photos, ticket)
            })
            .await?;
        let RoomSeen { verdict, kept, tags, unsure, blocked } = seen;
        let answer_id = Uuid::now_v7();
        let (status, ready) = (verdict.status, verdict.ready_for_guest);
        let usable = verdict.photos.iter().filter(|photo| photo.quality.usable).count();
        let mut view = RoomView::new(verdict, models, ms(started.elapsed()));
        let content = json!({
            "tags": value(&view.tags)?, "missing": view.missing, "reasons": view.reasons,
            "estimated_cleaning_time_minutes": value(&view.estimated_cleaning_time_minutes)?,
            "no_estimate": view.no_estimate, "photos": usable, "taken_at": instant(question.taken_at),
        });
        let now = Utc::now();
        let kept_until = self.settings.retention().and_then(|days| now.checked_add_signed(days));
        let kept = match kept_until {
            Some(expires_at) => Some(NewKeptAnswer {
                id: answer_id,
                model: ROOM_TAGS.to_owned(),
                content: json!({
                    "room_number": question.room, "room_type": room_type, "photos": kept,
                    "tags": value(&tags)?, "unsure": value(&unsure)?, "blocked": blocked, "usable": usable,
                    "models": view.models, "answer": content,
                }),
                created_by: question.caller.subject.clone(),
                created_at: now,
                expires_at,
            }),
            None => None,
        };
        let new = Verdict {
            id: answer_id,
            room_number: question.room.clone(),
            room_type: room_type.clone(),
            status: status.as_str().to_owned(),
            ready,
            source: VerdictSource::Analysis,
            answer_id: Some(answer_id),
            models: view.models.clone(),
            content,
            created_by: question.caller.subject.clone(),
            created_at: moment,
        };
        let recorded = rows.record_verdict(new, kept).await?;
        metrics::counter!("innkeeper_room_verdicts_total", "status" => status.as_str()).increment(1);
        let current = recorded.event_id.is_some();
        if !current {
            let why = "These photos are older than the last verdict on this room, which stands.";
            view.reasons.push(why.to_owned());
        }
        let saved = if question.save { self.save(app, &question, &view).await } else { Saved::default() };
        tracing::info!(%answer_id, photos = question.photos.len(), %status, ready, ms = view.time_ms, "a room was judged");
        Ok(RoomAnswer {
            answer_id,
            room_number: question.room.to_string(),
            room_type,
            view,
            taken_at: instant(question.taken_at),
            kept_until: kept_until.map(instant),
            current,
            event_id: recorded.event_id,
            image_ids: saved.ids,
            not_saved: saved.reason,
        })
    }

    /// The hotel's cleanings, the rule for this kind of room, and the verdict before this one.
    async fn known(
        &self,
        rows: &HotelStore,
        question: &RoomQuestion,
        moment: DateTime<Utc>,
    ) -> Result<Known, Problem> {
        let (room, asked) = (&question.room, question.room_type.clone());
        let (last, looks) =
            (rows.last_cleaning(room).await?, rows.verdicts(room, None, LAST_LOOKS).await?.verdicts);
        let room_type = asked
            .or_else(|| looks.first().and_then(|verdict| verdict.room_type.clone()))
            .or_else(|| last.as_ref().and_then(|cleaning| cleaning.room_type.clone()));
        let history = rows.cleanings(self.settings.cleanings).await?;
        let history = history_of(history);
        let standard = room_type.as_ref().and_then(|kind| self.settings.standard_minutes.get(kind)).copied();
        let cleaned = last.as_ref().map(|cleaning| cleaning.finished_at);
        let of_this_cleaning = looks.iter().filter(|verdict| {
            let before = moment.signed_duration_since(verdict.created_at);
            TimeDelta::zero() <= before
                && before <= SAME_CLEANING
                && cleaned.is_none_or(|at| verdict.created_at > at)
        });
        let previous = unresolved(of_this_cleaning);
        let context = RoomContext {
            room_type: room_type.clone(),
            history,
            standard_minutes: standard,
            cleaning_started: false,
            previous,
        };
        Ok(Known { context, room_type })
    }
}

/// A status by its word.
pub(super) fn status_of(word: &str) -> Option<RoomStatus> {
    serde_json::from_value(Value::String(word.to_owned())).ok()
}

/// The labels of tags as they were written down.
pub(super) fn labels_of(content: &Value) -> Vec<String> {
    let tags = content["tags"].as_array().into_iter().flatten();
    tags.filter_map(|tag| Some(tag["label"].as_str()?.to_owned())).collect()
}

/// What the looks since the room was last ready have seen between them, newest first: one photo of the corridor after a
/// dirty room settles nothing, and neither does a second one.
fn unresolved<'v>(looks: impl Iterator<Item = &'v Verdict>) -> Option<PreviousVerdict> {
    let mut previous: Option<PreviousVerdict> = None;
    for verdict in looks {
        let photos = verdict.content["photos"].as_u64().unwrap_or(1) as usize;
        match &mut previous {
            None => {
                let status = status_of(&verdict.status)?;
                previous = Some(PreviousVerdict { status, tags: labels_of(&verdict.content), photos });
            }
            Some(_) if verdict.ready => break,
            Some(known) => {
                known.photos = known.photos.max(photos);
                for label in labels_of(&verdict.content) {
                    if !known.tags.contains(&label) {
                        known.tags.push(label);
                    }
                }
            }
        }
        if verdict.ready {
            break;
        }
    }
    previous
}

/// Tags as a kept answer has them.
pub(super) fn tags_of(value: &Value) -> Result<Vec<Tag>, Problem> {
    // Without them a room with dirt in it would be judged by nothing.
    let broken = |error| Problem::internal(&format!("kept tags cannot be read: {error}"));
    serde_json::from_value(value.clone()).map_err(broken)
}

/// The moment that photos speak of, as far as it goes into the order of verdicts.
fn moment_of(taken_at: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
    if now.signed_duration_since(taken_at) <= JUST_TAKEN { now } else { taken_at }
}

/// Cleanings as the estimate takes them. One of which nobody knows what there was to clean tells how long cleaning
/// takes, and nothing of what a tag adds: it counts as the middle one of the others.
fn history_of(cleanings: Vec<innkeeper_store::Cleaning>) -> Vec<Cleaning> {
    let work = |tags: &Vec<String>| {
        let mut labels: Vec<&String> = tags.iter().filter(|tag| meaning(tag) > Meaning::Look).collect();
        labels.sort();
        labels.dedup();
        labels.len()
    };
    let mut known: Vec<Vec<String>> = cleanings.iter().filter_map(|c| c.tags.clone()).collect();
    known.sort_by_key(work);
    let middle = known.get(known.len() / 2).cloned().unwrap_or_default();
    let minutes = innkeeper_store::Cleaning::minutes;
    cleanings
        .into_iter()
        .map(|c| Cleaning {
            minutes: minutes(&c),
            room_type: c.room_type,
            tags: c.tags.unwrap_or_else(|| middle.clone()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photos_that_waited_in_a_phone_are_of_when_they_were_taken() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(9);
        let before = |time: TimeDelta| moment_of(now - time, now);
        assert_eq!(before(TimeDelta::milliseconds(900)), now, "the time is told to the second");
        assert_eq!(before(TimeDelta::seconds(-30)), now, "no clock runs ahead of this one");
        assert_eq!(before(TimeDelta::hours(2)), now - TimeDelta::hours(2));
    }

    #[test]
    fn tags_that_cannot_be_read_are_no_empty_room() {
        assert!(tags_of(&json!([{"label": "messy"}])).is_err());
        assert!(tags_of(&Value::Null).is_err());
        assert!(tags_of(&json!([])).is_ok_and(|tags| tags.is_empty()));
    }

    #[test]
    fn dirt_that_was_seen_stays_open_over_looks_that_show_less() {
        let look = |status: &str, ready: bool, tags: &[&str], photos: u64| Verdict {
            id: Uuid::nil(),
            room_number: "201".parse().unwrap(),
            room_type: None,
            status: status.to_owned(),
            ready,
            source: VerdictSource::Analysis,
            answer_id: None,
            models: Vec::new(),
            content: json!({
                "tags": tags.iter().map(|label| json!({"label": label})).collect::<Vec<_>>(), "photos": photos,
            }),
            created_by: "seed".to_owned(),
            created_at: DateTime::UNIX_EPOCH,
        };
        let dirty = look("dirty", false, &["bed_unmade"], 3);
        let corridor = look("clean", false, &[], 1);
        let known = unresolved([&corridor, &dirty].into_iter()).expect("a look");
        assert_eq!((known.photos, known.tags), (3, vec!["bed_unmade".to_owned()]));
        let ready = look("clean", true, &[], 3);
        let known = unresolved([&corridor, &ready, &dirty].into_iter()).expect("a look");
        assert_eq!((known.photos, known.tags.len()), (1, 0), "it was ready since");
        let known = unresolved([&ready, &dirty].into_iter()).expect("a look");
        assert_eq!(known.tags.len(), 0);
    }

    #[test]
    fn a_cleaning_of_unknown_work_is_not_one_of_no_work() {
        let of = |minutes: i64, tags: Option<&[&str]>| innkeeper_store::Cleaning {
            id: Uuid::nil(),
            room_number: "201".parse().unwrap(),
            room_type: None,
            started_at: DateTime::UNIX_EPOCH,
            finished_at: DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes),
            tags: tags.map(|tags| tags.iter().map(|t| (*t).to_owned()).collect()),
            recorded_by: "seed".to_owned(),
        };
        let dirty: &[&str] = &["messy", "trash"];
        let history =
            history_of(vec![of(40, Some(dirty)), of(40, None), of(10, Some(&[])), of(41, Some(dirty))]);
        assert_eq!(history[1].tags, dirty);
        assert!((history[1].minutes - 40.0).abs() < 1e-3);
        assert!(history[2].tags.is_empty());
        assert!(history_of(vec![of(40, None)])[0].tags.is_empty());
    }
}
