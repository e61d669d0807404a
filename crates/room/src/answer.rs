use std::sync::Arc;

use innkeeper_core::Rect;
use innkeeper_image_embedding::Features;
use serde::{Deserialize, Serialize};

use crate::{Comparison, PhotoQuality};

/// What a room is, as the hotel's software knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum RoomStatus {
    /// Nothing was seen that has to be done.
    Clean,
    /// Dirty, and a cleaning has begun.
    InProgress,
    /// Something has to be cleaned, put away or brought.
    Dirty,
    /// Somebody is in the room, or has left luggage in it.
    Occupied,
    /// Something is broken, wet or leaking.
    Maintenance,
    /// No photograph can be judged.
    UnusablePhoto,
}

impl RoomStatus {
    /// How far a room of this status is from being let, 0 for a clean one; `None` where nothing is known. The
    /// status of a room is the worst that one of its photographs gives. A room that is being cleaned is not
    /// cleaner than a dirty one before somebody has looked again.
    pub fn badness(self) -> Option<u8> {
        match self {
            Self::Clean => Some(0),
            Self::InProgress | Self::Dirty => Some(1),
            Self::Occupied => Some(2),
            Self::Maintenance => Some(3),
            Self::UnusablePhoto => None,
        }
    }

    /// As it stands in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::InProgress => "in_progress",
            Self::Dirty => "dirty",
            Self::Occupied => "occupied",
            Self::Maintenance => "maintenance",
            Self::UnusablePhoto => "unusable_photo",
        }
    }
}

impl std::fmt::Display for RoomStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who says that a tag holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum TagSource {
    /// The head on the photograph's embedding.
    TagHead,
    /// The object detector.
    Objects,
    /// The comparison with reference photographs of the room.
    Reference,
    /// A person, by a correction.
    Person,
}

/// Something that holds for a room, or may hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = RoomTag))]
pub struct Tag {
    /// What, such as `messy`, `bed_unmade`, `spill`, `luggage` or `towel_missing`.
    pub label: String,
    /// 0 to 1. Of the head: the calibrated probability. Of the detector: the measured share of right boxes at this
    /// score. Of the comparison: the strength of the difference, computed, not a probability. `null` for what a
    /// person said.
    pub confidence: Option<f32>,
    /// Who says so.
    pub source: TagSource,
    /// Where, in pixels of the photograph; `null` where the source does not know.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    #[serde(rename = "box", alias = "area")]
    pub area: Option<Rect>,
    /// Which photograph of the room shows it, counted from 1; 0 where no photograph does.
    pub photo: usize,
}

impl Tag {
    /// A tag that a person gave.
    pub fn of_person(label: impl Into<String>) -> Self {
        Self { label: label.into(), confidence: None, source: TagSource::Person, area: None, photo: 0 }
    }
}

/// How many objects of a kind the detector sees. A count of a kind that the detector often gets wrong decides
/// nothing.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = RoomObjectCount))]
pub struct ObjectCount {
    /// The kind, one of [`innkeeper_objects::LABELS`].
    pub label: &'static str,
    /// How many.
    pub count: usize,
    /// The most confident of them: the measured share of right boxes at its score, 0 to 1.
    pub confidence: f32,
    /// Whether the detector is reliable enough on this kind for its answer to decide something.
    pub decides: bool,
    /// Where, in pixels of the photograph.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Object>))]
    #[serde(rename = "boxes")]
    pub areas: Vec<Rect>,
}

/// Whether a source had its say on a photograph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = RoomSource))]
pub struct SourceUse {
    /// Which.
    pub source: TagSource,
    /// The model behind it, `name@version`; `null` where there is none.
    pub model: Option<String>,
    /// Whether it was asked and could answer.
    pub used: bool,
    /// Why it was not, in a sentence; `null` where it was.
    pub reason: Option<String>,
}

/// What the head says of one label.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = RoomLabelProbability))]
pub struct LabelProbability {
    /// The label.
    pub label: String,
    /// Calibrated probability that it holds, 0 to 1.
    pub probability: f32,
    /// `true`: it holds; `false`: it does not; `null`: the head abstains.
    pub holds: Option<bool>,
}

/// What one photograph shows.
#[derive(Debug, Clone, Serialize)]
pub struct PhotoReading {
    /// Whether the photograph can be judged at all, and what is wrong with it.
    pub quality: PhotoQuality,
    /// What holds. Of a photograph that shows no room, such as a close-up of the floor, only damage and water count.
    pub tags: Vec<Tag>,
    /// What may hold: the head abstains.
    pub unsure: Vec<Tag>,
    /// Every label of the head, so that a correction can be compared with what was said.
    pub probabilities: Vec<LabelProbability>,
    /// What the detector counted.
    pub objects: Vec<ObjectCount>,
    /// The comparison with the reference photograph of the same view; `None` where there is none.
    pub comparison: Option<Comparison>,
    /// The photograph's feature map, for search, near-duplicates and corrections; `None` where the photograph is too
    /// poor to be embedded.
    #[serde(skip)]
    pub features: Option<Arc<Features>>,
    /// Which sources had their say, and why others had not.
    pub sources: Vec<SourceUse>,
}

/// One photograph's part in a verdict.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = RoomPhotoVerdict))]
pub struct PhotoVerdict {
    /// Which photograph, counted from 1 in the order they came.
    pub photo: usize,
    /// What the room would be by this photograph alone.
    pub status: RoomStatus,
    /// Whether it can be judged, and what is wrong with it.
    pub quality: PhotoQuality,
    /// What to do about an unusable photograph, each a sentence.
    pub hints: Vec<String>,
    /// What holds by this photograph.
    pub tags: Vec<Tag>,
    /// What the detector counted in it.
    pub objects: Vec<ObjectCount>,
    /// How it compares with the reference photograph of the same view.
    pub comparison: Option<Comparison>,
    /// Which sources had their say, and why others had not.
    pub sources: Vec<SourceUse>,
}

/// How long cleaning the room will take.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = RoomCleaningEstimate))]
pub struct CleaningEstimate {
    /// Minutes: the median of the predictive distribution.
    pub minutes: f32,
    /// Lower end of the interval in minutes; `null` before enough cleanings are known.
    pub low: Option<f32>,
    /// Upper end of the interval in minutes; `null` before enough cleanings are known.
    pub high: Option<f32>,
    /// The share of cleanings that the interval is meant to hold, 0.8.
    pub level: f32,
    /// Cleanings of the hotel that the estimate rests on.
    pub cleanings: usize,
    /// What the estimate rests on, in a sentence.
    pub basis: String,
}

/// A room as its photographs show it.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RoomVerdict {
    /// The worst status that a photograph gives.
    pub status: RoomStatus,
    /// Whether the guest may come in: the room is clean, nothing that matters is in doubt, every photograph can be
    /// judged, no reference photograph differs, one was recognised where the room has some, and what was dirty at
    /// the last look was looked at again.
    pub ready_for_guest: bool,
    /// What holds, by each source, most confident first.
    pub tags: Vec<Tag>,
    /// What may hold: somebody should look.
    pub unsure: Vec<Tag>,
    /// Names of what the room lacks, such as `towel`; `item` where it has no name.
    pub missing: Vec<String>,
    /// How long cleaning will take; `null` with a reason beside it.
    pub estimate: Option<CleaningEstimate>,
    /// Why there is no estimate, in a sentence; `null` where there is one.
    pub no_estimate: Option<String>,
    /// Why the status and the readiness are what they are, each a sentence.
    pub reasons: Vec<String>,
    /// Each photograph's part, in the order they came.
    pub photos: Vec<PhotoVerdict>,
}

/// A cleaning that the hotel recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cleaning {
    /// The room's type, such as `deluxe`; `None` where unknown.
    pub room_type: Option<String>,
    /// How long it took; what is not above zero and finite is left out of account.
    pub minutes: f32,
    /// The room's tags before the cleaning.
    pub tags: Vec<String>,
}

/// What is known of a room besides its photographs. The default is: nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RoomContext {
    /// The room's type, such as `deluxe`.
    pub room_type: Option<String>,
    /// Cleanings of the same hotel, in any order.
    pub history: Vec<Cleaning>,
    /// What the hotel says cleaning a room of this type takes.
    pub standard_minutes: Option<f32>,
    /// Whether a cleaning of the room was reported to have begun and not to have ended: the best evidence there is
    /// for `in_progress`, since a half-cleaned room looks like a dirty one. Where a hotel reports cleanings only once they
    /// have ended it is never set, and `in_progress` is what two looks tell.
    pub cleaning_started: bool,
    /// The verdict before this one, where it is of the same stay or cleaning.
    pub previous: Option<PreviousVerdict>,
}

/// The last verdict on a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviousVerdict {
    /// What the room was.
    pub status: RoomStatus,
    /// The labels of its tags.
    pub tags: Vec<String>,
    /// How many usable photographs it rested on.
    pub photos: usize,
}
