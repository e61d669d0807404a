//! What people say a verdict should have been. The human's word holds at once: while the room's last verdict is of the
//! same answer it becomes a verdict of its own, with its event; it always becomes a label from which `innkeeper train room-tags` learns.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use innkeeper_core::{ErrorCode, HotelId, RoomNumber};
use innkeeper_room::rules::{Meaning, meaning};
use innkeeper_room::{RoomContext, RoomStatus, Tag, TagSource, judge};
use innkeeper_store::{KeptAnswer, NewLabel, Store, Verdict, VerdictSource};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::answers::TagReport;
use super::desk::{status_of, tags_of};
use crate::problem::Problem;
use crate::service::feedback::{FeedbackAnswer, not_found};
use crate::service::heads::ROOM_TAGS;
use crate::service::room_labels::is_label;
use crate::service::value::value;

/// Most labels of one correction.
const MOST: usize = 64;
/// Labels that say the opposite of another one: people say `clean`, the head learns `messy`.
const OPPOSITES: [(&str, &str); 2] = [("clean", "messy"), ("bed_made", "bed_unmade")];

/// What a verdict on a room should have been.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoomCorrection {
    /// Tags that hold, and tags that do not. Others stay as they are.
    #[serde(default)]
    tags: BTreeMap<String, bool>,
    /// What the room is; without it the tags say.
    #[serde(default)]
    status: Option<RoomStatus>,
    /// The photo the tags are about, from 1.
    #[serde(default)]
    photo: Option<usize>,
}

/// A correction against the answer it is about.
#[derive(Debug, PartialEq)]
struct Checked {
    tags: BTreeMap<String, bool>,
    status: Option<RoomStatus>,
    photo: Option<usize>,
}

fn bad(detail: impl Into<String>) -> Problem {
    Problem::new(ErrorCode::BadRequest, detail)
}

impl RoomCorrection {
    /// Reads a correction. Nothing of a value comes back in a problem.
    fn read(correction: Value) -> Result<Self, Problem> {
        serde_json::from_value(correction).map_err(|error| {
            let mut problem = crate::extract::broken(&error);
            if error.to_string().starts_with("unknown field") {
                problem.code = ErrorCode::UnknownField;
            }
            problem
        })
    }

    /// In the words of the head, against an answer of so many photos that spoke of these labels.
    fn check(self, photos: usize, spoken: &[String]) -> Result<Checked, Problem> {
        if self.tags.is_empty() && self.status.is_none() {
            return Err(bad("the correction names neither a tag nor a status"));
        }
        if self.tags.len() > MOST || !self.tags.keys().all(|label| is_label(label)) {
            let detail =
                format!("tags are at most {MOST} labels of letters, digits and underscores, 64 bytes each");
            return Err(bad(detail));
        }
        if self.status == Some(RoomStatus::UnusablePhoto) {
            return Err(bad("a person says what the room is; unusable_photo is said of photos"));
        }
        if self.photo.is_some_and(|photo| photo == 0 || photo > photos) {
            return Err(bad(format!("photo is 1 to {photos}, as in the answer")));
        }
        let mut tags = BTreeMap::new();
        for (label, holds) in self.tags {
            // One thing has one name, however it is written.
            let label = label.to_ascii_lowercase();
            let opposite = OPPOSITES.iter().find(|(said, _)| *said == label);
            let (label, holds) = match opposite {
                Some((_, learnt)) => ((*learnt).to_owned(), !holds),
                None => (label, holds),
            };
            if tags.insert(label, holds).is_some_and(|before| before != holds) {
                return Err(bad("the correction contradicts itself"));
            }
        }
        let new = |(label, holds): (&String, &bool)| *holds && !spoken.contains(label);
        if photos > 1 && self.photo.is_none() && tags.iter().any(new) {
            // Nobody could say from which photo the new tag is to be learnt.
            let detail = "the answer is about several photos and said nothing of one of these tags: name the photo \
                          that shows it as `photo`";
            return Err(bad(detail));
        }
        Ok(Checked { tags, status: self.status, photo: self.photo })
    }
}

impl Checked {
    /// Whether a tag is of the photo that the person speaks of.
    fn about(&self, tag: &Tag) -> bool {
        self.photo.is_none_or(|photo| tag.photo == photo || tag.photo == 0)
    }

    /// What may hold, less what the person knows.
    fn left_unsure(&self, before: &[Tag]) -> Vec<Tag> {
        let known = |tag: &Tag| self.tags.contains_key(&tag.label) && self.about(tag);
        before.iter().filter(|tag| !known(tag)).cloned().collect()
    }

    /// The status that a person said last, now or in an earlier correction of the answer. Who says afterwards that
    /// something is to be done takes a `clean` back.
    fn status_after(&self, earlier: Option<RoomStatus>) -> Option<RoomStatus> {
        let dirt = self.tags.iter().any(|(label, holds)| *holds && meaning(label) > Meaning::Plain);
        self.status.or(earlier.filter(|status| !(dirt && *status == RoomStatus::Clean)))
    }

    /// The tags of a verdict with what the person said.
    fn apply(&self, before: &[Tag]) -> Vec<Tag> {
        let about = |tag: &Tag| self.about(tag);
        let denied = |tag: &Tag| self.tags.get(&tag.label) == Some(&false) && about(tag);
        let mut tags: Vec<Tag> = before.iter().filter(|tag| !denied(tag)).cloned().collect();
        for label in self.tags.iter().filter(|(_, holds)| **holds).map(|(label, _)| label) {
            if !tags.iter().any(|tag| tag.label == *label && about(tag)) {
                tags.push(Tag { photo: self.photo.unwrap_or(0), ..Tag::of_person(label.as_str()) });
            }
        }
        tags
    }

    /// As it is kept as a label: by photo where one was named, so that a second correction adds to it.
    fn stored(&self) -> Value {
        let place = self.photo.map_or_else(|| "room".to_owned(), |photo| photo.to_string());
        let mut stored = json!({ "photos": { place: self.tags } });
        if let Some(status) = self.status {
            stored["status"] = json!(status.as_str());
        }
        stored
    }

    fn fields(&self) -> Vec<String> {
        let tags = self.tags.keys().map(|label| format!("tags.{label}"));
        self.status.map(|_| "status".to_owned()).into_iter().chain(tags).collect()
    }

    /// What the room is after the correction of an answer whose verdict, or the last correction of it, stands.
    fn verdict(
        &self,
        answer: &Value,
        standing: &Verdict,
        actor: &str,
        now: DateTime<Utc>,
    ) -> Result<Verdict, Problem> {
        // What was said of this answer before is in the verdict that came of it.
        let earlier = (standing.source == VerdictSource::Correction).then_some(&standing.content);
        let (tags, unsure) = match earlier {
            Some(content) => (tags_of(&content["kept_tags"])?, tags_of(&content["kept_unsure"])?),
            None => (tags_of(&answer["tags"])?, tags_of(&answer["unsure"])?),
        };
        let (tags, unsure) = (self.apply(&tags), self.left_unsure(&unsure));
        let said = self.status_after(earlier.and_then(|content| status_of(content["said"].as_str()?)));
        let room_type = answer["room_type"].as_str().map(str::to_owned);
        let context = RoomContext { room_type: room_type.clone(), ..RoomContext::default() };
        let mut judgement = judge(&tags, &unsure, &context);
        if let Some(status) = said {
            let by_person =
                |tag: &Tag| tag.source == TagSource::Person && meaning(&tag.label) > Meaning::Plain;
            judgement.ready_for_guest =
                status == RoomStatus::Clean && judgement.missing.is_empty() && !tags.iter().any(by_person);
            judgement.reasons.insert(0, format!("A person says that the room is {status}."));
            judgement.status = status;
        } else if answer["blocked"] != false && judgement.status == RoomStatus::Clean {
            if answer["usable"] == 0 {
                judgement.status = RoomStatus::UnusablePhoto;
            }
            judgement.ready_for_guest = false;
            let why = "The photos do not show enough; that the room is clean is for a person to say, as its status.";
            judgement.reasons.push(why.to_owned());
        }
        let told: Vec<TagReport> = tags.iter().map(TagReport::from).collect();
        let models = answer["models"].as_array().into_iter().flatten();
        Ok(Verdict {
            id: Uuid::now_v7(),
            room_number: standing.room_number.clone(),
            room_type,
            status: judgement.status.as_str().to_owned(),
            ready: judgement.ready_for_guest,
            source: VerdictSource::Correction,
            answer_id: standing.answer_id,
            models: models.filter_map(|m| Some(m.as_str()?.to_owned())).collect(),
            content: json!({
                "tags": value(&told)?, "kept_tags": value(&tags)?, "kept_unsure": value(&unsure)?,
                "said": said.map(RoomStatus::as_str), "missing": judgement.missing, "reasons": judgement.reasons,
                "photos": answer["usable"],
                "no_estimate": "a correction estimates no time; the next photos of the room do",
            }),
            created_by: actor.to_owned(),
            created_at: now,
        })
    }
}

/// Labels that the answer said anything of, in whichever photo.
fn spoken_of(content: &Value) -> Vec<String> {
    let photos = content["photos"].as_array().into_iter().flatten();
    let said = photos.flat_map(|photo| photo["probabilities"].as_array().into_iter().flatten());
    let label = |said: &Value| Some(said["label"].as_str()?.to_owned());
    said.filter_map(label).collect()
}

/// Makes a verdict, an event and a label of a correction.
pub(crate) async fn correct(
    store: &Store,
    hotel: &HotelId,
    actor: &str,
    answer: KeptAnswer,
    correction: Value,
) -> Result<FeedbackAnswer, Problem> {
    let rows = store.hotel(hotel);
    let content = &answer.content;
    let photos = content["photos"].as_array().map_or(0, Vec::len);
    let checked = RoomCorrection::read(correction)?.check(photos, &spoken_of(content))?;
    let room: RoomNumber = serde_json::from_value(content["room_number"].clone())
        .map_err(|_| Problem::internal(&"a kept answer names no room"))?;
    let now = Utc::now();
    let label = NewLabel {
        answer_id: answer.id,
        correction: checked.stored(),
        fields: checked.fields(),
        actor: actor.to_owned(),
        at: now,
    };
    let judge = |standing: &Verdict| checked.verdict(content, standing, actor, now);
    // It may have expired in between.
    let done = rows.correct_verdict(&room, label, judge).await?.ok_or_else(not_found)?;
    metrics::counter!("innkeeper_feedback_total", "model" => ROOM_TAGS).increment(1);
    let verdict_id = done.recorded.as_ref().map(|(verdict, _)| verdict.id);
    let why = "the room's last verdict is of another answer and stands; the correction is learnt from";
    let no_verdict = verdict_id.is_none().then(|| why.to_owned());
    let stands = done.recorded.map(|(verdict, _)| verdict).or(done.before);
    Ok(FeedbackAnswer {
        answer_id: answer.id,
        model: answer.model.clone(),
        label_id: done.labelled.label_id,
        replaced: done.labelled.replaced,
        fields: checked.fields(),
        labels: done.labelled.labels,
        verdict_id,
        no_verdict,
        status: stands.as_ref().map(|verdict| verdict.status.clone()),
        ready_for_guest: stands.map(|verdict| verdict.ready),
    })
}

#[cfg(test)]
mod tests {
    use innkeeper_room::TagSource;

    use super::*;

    fn checked(correction: Value, photos: usize) -> Result<Checked, Problem> {
        RoomCorrection::read(correction)?.check(photos, &["messy".to_owned(), "bed_unmade".to_owned()])
    }

    fn seen(label: &str, photo: usize) -> Tag {
        Tag { confidence: Some(0.9), source: TagSource::TagHead, photo, ..Tag::of_person(label) }
    }

    #[test]
    fn a_tag_that_is_denied_goes_and_one_that_is_said_comes() {
        let said = checked(json!({"tags": {"bed_unmade": false, "minibar_open": true}}), 1).unwrap();
        let after = said.apply(&[seen("bed_unmade", 1), seen("messy", 1)]);
        let labels: Vec<&str> = after.iter().map(|t| t.label.as_str()).collect();
        assert_eq!(labels, ["messy", "minibar_open"]);
        assert_eq!((after[1].source, after[1].confidence), (TagSource::Person, None));
    }

    #[test]
    fn what_is_said_of_one_photo_leaves_the_others() {
        let said = checked(json!({"tags": {"bed_unmade": false}, "photo": 2}), 2).unwrap();
        let after = said.apply(&[seen("bed_unmade", 1), seen("bed_unmade", 2)]);
        assert_eq!(after.iter().map(|t| t.photo).collect::<Vec<_>>(), [1]);
        assert_eq!(said.stored(), json!({"photos": {"2": {"bed_unmade": false}}}));
    }

    #[test]
    fn people_say_clean_and_the_head_learns_messy() {
        let said = checked(json!({"tags": {"clean": true, "bed_made": false}}), 1).unwrap();
        assert_eq!(said.tags, BTreeMap::from([("messy".to_owned(), false), ("bed_unmade".to_owned(), true)]));
        let said = checked(json!({"tags": {"Minibar_Open": true}}), 1).unwrap();
        assert_eq!(said.tags, BTreeMap::from([("minibar_open".to_owned(), true)]));
        // Tapped after the cleaning, it says nothing of the photo, which was taken before.
        let said = checked(json!({"status": "clean"}), 1).unwrap();
        assert_eq!(
            (said.stored(), said.fields()),
            (json!({"photos": {"room": {}}, "status": "clean"}), vec!["status".to_owned()])
        );
    }

    /// An answer about so many photos, with the verdict that came of it.
    fn answered(photos: usize, tags: &[Tag], unsure: &[Tag], blocked: bool) -> (Value, Verdict) {
        let kept = json!({
            "room_number": "201", "room_type": null, "models": ["m@1"], "usable": photos,
            "photos": vec![json!({}); photos], "tags": tags, "unsure": unsure, "blocked": blocked,
        });
        let verdict = Verdict {
            id: Uuid::nil(),
            room_number: "201".parse().unwrap(),
            room_type: None,
            status: "dirty".to_owned(),
            ready: false,
            source: VerdictSource::Analysis,
            answer_id: Some(Uuid::nil()),
            models: Vec::new(),
            content: json!({}),
            created_by: "seed".to_owned(),
            created_at: DateTime::UNIX_EPOCH,
        };
        (kept, verdict)
    }

    /// How the room is after each of these corrections, one upon the other.
    fn after(mut answer: (Value, Verdict), corrections: &[Value], photos: usize) -> Vec<(String, bool)> {
        let mut all = Vec::new();
        for correction in corrections {
            let said = checked(correction.clone(), photos).unwrap();
            answer.1 = said.verdict(&answer.0, &answer.1, "seed", DateTime::UNIX_EPOCH).unwrap();
            all.push((answer.1.status.clone(), answer.1.ready));
        }
        all
    }

    fn is(status: &str, ready: bool) -> (String, bool) {
        (status.to_owned(), ready)
    }

    #[test]
    fn a_status_that_a_person_said_outlives_a_correction_of_a_tag() {
        let answer = || answered(1, &[seen("messy", 1)], &[], false);
        let broken = [json!({"status": "maintenance"}), json!({"tags": {"messy": false}})];
        assert_eq!(after(answer(), &broken, 1)[1], is("maintenance", false));
        let clean = [
            json!({"status": "clean"}),
            json!({"tags": {"minibar_open": true}}),
            json!({"tags": {"trash": true}}),
        ];
        let dirty = is("dirty", false);
        assert_eq!(after(answer(), &clean, 1), [is("clean", true), is("clean", true), dirty]);
    }

    #[test]
    fn what_is_denied_of_one_photo_still_holds_for_the_room_by_the_other() {
        let answer = answered(2, &[seen("messy", 1), seen("messy", 2)], &[], false);
        let said =
            [json!({"tags": {"messy": false}, "photo": 2}), json!({"tags": {"messy": false}, "photo": 1})];
        assert_eq!(after(answer, &said, 2), [is("dirty", false), is("clean", true)]);
    }

    #[test]
    fn what_nobody_could_see_keeps_a_room_from_being_ready_until_a_person_says_clean() {
        let denied = json!({"tags": {"messy": false}});
        let doubtful = answered(1, &[seen("messy", 1)], &[seen("bed_unmade", 1)], false);
        assert!(
            !after(doubtful.clone(), std::slice::from_ref(&denied), 1)[0].1,
            "an unsure bed was forgotten"
        );
        let both = [json!({"tags": {"messy": false, "bed_unmade": false}})];
        assert_eq!(after(doubtful, &both, 1), [is("clean", true)]);
        let blocked = answered(2, &[seen("messy", 1)], &[], true);
        let said = [denied, json!({"status": "clean"})];
        assert_eq!(after(blocked, &said, 2), [is("clean", false), is("clean", true)]);
        let (mut kept, verdict) = answered(1, &[], &[], true);
        kept["usable"] = json!(0);
        let unseen = after((kept, verdict), &[json!({"tags": {"messy": false}})], 1);
        assert_eq!(unseen, [is("unusable_photo", false)]);
    }

    #[test]
    fn corrections_that_mean_nothing_are_refused() {
        for (correction, photos) in [
            (json!({}), 1),
            (json!({"tags": {}}), 1),
            (json!({"tags": {"clean": true, "messy": true}}), 1),
            (json!({"tags": {"a b": true}}), 1),
            (json!({"tags": {"messy": "yes"}}), 1),
            (json!({"tags": {"messy": true}, "photo": 2}), 1),
            (json!({"tags": {"messy": true}, "photo": 0}), 1),
            (json!({"tags": {"minibar_open": true}}), 2),
            (json!({"status": "unusable_photo"}), 1),
            (json!({"status": "spotless"}), 1),
        ] {
            assert_eq!(
                checked(correction.clone(), photos).unwrap_err().code,
                ErrorCode::BadRequest,
                "{correction}"
            );
        }
        let told = checked(json!({"tgs": {"secret": true}}), 1).unwrap_err();
        assert_eq!(told.code, ErrorCode::UnknownField);
        assert!(!told.detail.contains("secret"), "{}", told.detail);
        // Of several photos only one can have taught the head a label it knows.
        assert!(checked(json!({"tags": {"messy": true}}), 2).is_ok());
    }
}
