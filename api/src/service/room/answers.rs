//! The answers about rooms: built here, documented by the same types.

use std::collections::BTreeMap;

use innkeeper_core::Rect;
use innkeeper_room::{CleaningEstimate, PhotoVerdict, RoomStatus, RoomVerdict, SourceUse, Tag, TagSource};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::service::cleanings::CleaningReport;
use crate::service::images::Links;

/// A box in pixels of the photo, after EXIF rotation.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = RoomBox)]
pub(crate) struct BoxReport {
    x: f32,
    y: f32,
    w: f32,
    h: f32,
}

impl From<Rect> for BoxReport {
    fn from(rect: Rect) -> Self {
        Self { x: rect.x, y: rect.y, w: rect.w, h: rect.h }
    }
}

/// Something that holds for a room, or may hold.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = RoomTagReport)]
pub(crate) struct TagReport {
    /// What, such as `messy`, `bed_unmade`, `spill` or `towel_missing`.
    #[schema(example = "bed_unmade")]
    pub label: String,
    /// 0 to 1: of the head the calibrated probability, of objects the measured share of right boxes at this score, of
    /// the comparison the strength of the difference; null for what a person said.
    pub confidence: Option<f32>,
    /// `tag_head`, `objects`, `reference` or `person`.
    pub source: TagSource,
    /// Where; null where the source does not know.
    #[serde(rename = "box")]
    pub area: Option<BoxReport>,
    /// Which photo shows it, counted from 1; null where none does.
    pub photo: Option<usize>,
}

impl From<&Tag> for TagReport {
    fn from(tag: &Tag) -> Self {
        Self {
            label: tag.label.clone(),
            confidence: tag.confidence,
            source: tag.source,
            area: tag.area.map(BoxReport::from),
            photo: (tag.photo > 0).then_some(tag.photo),
        }
    }
}

/// Whether a source had its say, over all photos.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = RoomSourceReport)]
pub(crate) struct SourceReport {
    /// `tag_head`, `objects` or `reference`.
    pub source: TagSource,
    /// The model behind it; null where there is none.
    pub model: Option<String>,
    /// The photos on which it was asked and could answer, counted from 1.
    pub photos: Vec<usize>,
    /// Why it was not asked on the others, or why another version of it was; else empty.
    pub reasons: Vec<String>,
}

/// The sources of all photos, each once.
fn sources<'a>(photos: impl Iterator<Item = (usize, &'a [SourceUse])>, models: &Models) -> Vec<SourceReport> {
    let mut all: BTreeMap<TagSource, SourceReport> = BTreeMap::new();
    for (photo, uses) in photos {
        for one in uses {
            let report = all.entry(one.source).or_insert_with(|| SourceReport {
                source: one.source,
                model: None,
                photos: Vec::new(),
                reasons: Vec::new(),
            });
            report.model = report.model.take().or_else(|| one.model.clone());
            if one.used {
                report.photos.push(photo);
            }
            if let Some(reason) = one.reason.as_ref().filter(|reason| !report.reasons.contains(reason)) {
                report.reasons.push(reason.clone());
            }
        }
    }
    if let Some(report) = all.get_mut(&TagSource::TagHead) {
        // The head has versions; the network below it is among the models.
        report.model = models.head.clone().or(report.model.take());
        report.reasons.extend(models.passed_over.clone());
    }
    all.into_values().collect()
}

/// What photos say of a room, whoever asked.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RoomView {
    /// The worst status that a photo gives.
    pub status: RoomStatus,
    /// Whether a guest may come in.
    pub ready_for_guest: bool,
    /// What holds, by each source, most confident first.
    pub tags: Vec<TagReport>,
    /// What may hold: somebody should look.
    pub unsure: Vec<TagReport>,
    /// What the reference photos have and the room lacks.
    pub missing: Vec<String>,
    /// Minutes that cleaning will take; null with `no_estimate`.
    pub estimated_cleaning_time_minutes: Option<f32>,
    /// The same with its interval and what it rests on.
    pub cleaning_time: Option<CleaningEstimate>,
    /// Why there is no estimate.
    pub no_estimate: Option<String>,
    /// Why status and readiness are what they are.
    pub reasons: Vec<String>,
    /// Each photo's part, in the order they came: its quality with hints, objects, comparison.
    pub photos: Vec<PhotoVerdict>,
    /// Which sources had their say, and why others had not.
    pub sources: Vec<SourceReport>,
    /// Name and version of every model that was asked.
    pub models: Vec<String>,
    /// Milliseconds from the decoded body to the verdict.
    pub time_ms: f64,
}

/// What answers.
pub(crate) struct Models {
    /// The networks, `name@version`.
    pub networks: Vec<String>,
    /// The head on them, `room-tags@version`.
    pub head: Option<String>,
    /// Why it is not the hotel's champion.
    pub passed_over: Option<String>,
}

impl RoomView {
    pub fn new(verdict: RoomVerdict, models: Models, time_ms: f64) -> Self {
        let uses = verdict.photos.iter().map(|photo| (photo.photo, photo.sources.as_slice()));
        Self {
            status: verdict.status,
            ready_for_guest: verdict.ready_for_guest,
            tags: verdict.tags.iter().map(TagReport::from).collect(),
            unsure: verdict.unsure.iter().map(TagReport::from).collect(),
            missing: verdict.missing,
            estimated_cleaning_time_minutes: verdict.estimate.as_ref().map(|e| e.minutes),
            cleaning_time: verdict.estimate,
            no_estimate: verdict.no_estimate,
            reasons: verdict.reasons,
            sources: sources(uses, &models),
            photos: verdict.photos,
            models: models.networks.into_iter().chain(models.head).collect(),
            time_ms,
        }
    }
}

/// What photos say of a room.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RoomAnswer {
    /// Id of this answer and of its verdict, for `POST /api/v1/feedback`.
    pub answer_id: Uuid,
    #[schema(example = "201")]
    pub room_number: String,
    /// The kind of room, as asked or as last known.
    pub room_type: Option<String>,
    #[serde(flatten)]
    pub view: RoomView,
    /// When the photos were taken, RFC 3339.
    pub taken_at: String,
    /// Until when the answer can be corrected; null where nothing is kept.
    pub kept_until: Option<String>,
    /// Whether this is how the room stands now. False for photos that are older than its last verdict: this one joins
    /// the history, and there is no event.
    pub current: bool,
    /// Id of the event `room.verdict`; null where there is none.
    pub event_id: Option<Uuid>,
    /// The photos in the image index, when they were to be kept.
    pub image_ids: Vec<Uuid>,
    /// Why photos that were to be kept are not in the image index; null where all are.
    pub not_saved: Option<String>,
}

/// A verdict as it was written down.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VerdictReport {
    pub verdict_id: Uuid,
    /// The answer it comes from, or that it corrects.
    pub answer_id: Option<Uuid>,
    pub status: String,
    pub ready_for_guest: bool,
    /// `analysis` of photos, or the `correction` of a person.
    pub source: String,
    /// Who asked, or who corrected.
    pub by: String,
    /// When, RFC 3339.
    pub at: String,
    pub room_type: Option<String>,
    /// As in the answer.
    #[schema(value_type = Vec<TagReport>)]
    pub tags: serde_json::Value,
    pub missing: Vec<String>,
    pub estimated_cleaning_time_minutes: Option<f64>,
    /// Why there is no estimate.
    pub no_estimate: Option<String>,
    pub reasons: Vec<String>,
    pub models: Vec<String>,
}

/// A reference photo.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReferenceReport {
    pub reference_id: Uuid,
    pub description: Option<String>,
    /// When it was kept, RFC 3339.
    pub created_at: String,
    /// When it was taken, RFC 3339; null where that was not said.
    pub taken_at: Option<String>,
    pub created_by: String,
    pub width: Option<u32>,
    pub height: Option<u32>,
    /// Where the photo is fetched, for a while.
    #[serde(flatten)]
    pub links: Links,
}

/// What is known of a room.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RoomReport {
    #[schema(example = "201")]
    pub room_number: String,
    /// As the last verdict says; null when there is none.
    pub status: Option<String>,
    pub ready_for_guest: Option<bool>,
    /// The last verdict.
    pub verdict: Option<VerdictReport>,
    /// Those before it, newest first.
    pub history: Vec<VerdictReport>,
    pub references: Vec<ReferenceReport>,
    /// Corrections of the verdicts above that the model in force has not learnt from.
    pub open_corrections: Vec<Uuid>,
    /// The version of the model `room-tags` that answers for this hotel; null where none is there.
    pub model: Option<String>,
    pub last_cleaning: Option<CleaningReport>,
    /// Why something above is null or empty.
    #[schema(value_type = Object)]
    pub reasons_for_null: BTreeMap<&'static str, String>,
}

/// A reference photo was kept.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReferenceAnswer {
    #[schema(example = "201")]
    pub room_number: String,
    #[serde(flatten)]
    pub reference: ReferenceReport,
    /// Reference photos that the room has now, and how many it may have.
    pub references: usize,
    pub max_references: usize,
    /// Id of the event `image.indexed`.
    pub event_id: Uuid,
}

/// The reference photos of a room.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReferencesAnswer {
    #[schema(example = "201")]
    pub room_number: String,
    /// Oldest first.
    pub references: Vec<ReferenceReport>,
    pub max_references: usize,
}

/// A reference photo was removed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RemovedReference {
    #[schema(example = "201")]
    pub room_number: String,
    pub reference_id: Uuid,
    /// Whether the photo is gone from the disk too. When false the removal is queued and the server goes on with it.
    pub complete: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_saw_one_photo_of_two_says_which_and_why_not_the_other() {
        let use_of = |used: bool| SourceUse {
            source: TagSource::Reference,
            model: Some("x@1".to_owned()),
            used,
            reason: (!used).then(|| "no reference shows this view".to_owned()),
        };
        let (first, second) = ([use_of(false)], [use_of(true)]);
        let models = Models { networks: Vec::new(), head: None, passed_over: None };
        let told = sources([(1, first.as_slice()), (2, second.as_slice())].into_iter(), &models);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].photos, [2]);
        assert_eq!(told[0].reasons, ["no reference shows this view"]);
    }
}
