//! The table that makes a status of tags.
//!
//! | tags | status |
//! |---|---|
//! | something is wet, broken or leaking | `maintenance` |
//! | a person, or luggage | `occupied`; `in_progress` for a person where a cleaning was reported to have begun |
//! | something is messy, unmade, left behind or missing | `dirty`; `in_progress` where a cleaning was reported to have begun, or where less is left to do than at the last look |
//! | anything else | `clean` |
//!
//! The first row that holds decides. A tag that the head is unsure of counts as dirt when it is more likely than not,
//! and never as damage or a guest; whatever side it falls on, somebody has to look before the room is ready. No
//! photograph alone says `in_progress`: a half-cleaned room looks like a dirty one. Where the head is unsure whether a
//! photograph shows a room at all, somebody has to look too.

use std::collections::{BTreeMap, BTreeSet};

use crate::{RoomContext, RoomStatus, Tag, TagSource};

/// The head's label that holds where a photograph shows a room at all. What it denies makes a photograph unusable;
/// what it is unsure of, a doubt.
pub(crate) const ROOM: &str = "room";

/// What a tag means for the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Meaning {
    /// Nothing: it describes the room.
    Plain,
    /// Somebody has to look before a guest comes in.
    Look,
    /// Somebody has to clean, put away or bring something.
    Dirty,
    /// A guest or a member of the staff is there.
    Person,
    /// A guest's things are there.
    Luggage,
    /// Something is broken, wet or leaking.
    Maintenance,
}

/// The labels that have a sentence of their own: what they mean, the sentence where they hold, and where they may.
const LABELS: [(&str, Meaning, &str, &str); 15] = [
    (ROOM, Meaning::Plain, "it shows a room", "it is not clear that it shows a room"),
    (
        "spill",
        Meaning::Maintenance,
        "something was spilled or leaks",
        "something may have been spilled or leak",
    ),
    (
        "water",
        Meaning::Maintenance,
        "there is water where none should be",
        "there may be water where none should be",
    ),
    ("damage", Meaning::Maintenance, "something is damaged", "something may be damaged"),
    ("person", Meaning::Person, "somebody is in the room", "somebody may be in the room"),
    ("luggage", Meaning::Luggage, "luggage was left in the room", "luggage may have been left in the room"),
    ("messy", Meaning::Dirty, "the room is messy", "the room may be messy"),
    ("bed_unmade", Meaning::Dirty, "the bed is not made", "the bed may not be made"),
    ("trash", Meaning::Dirty, "there is rubbish", "there may be rubbish"),
    ("clothes", Meaning::Dirty, "clothes lie about", "clothes may lie about"),
    ("bottles", Meaning::Dirty, "bottles stand about", "bottles may stand about"),
    ("dishes", Meaning::Dirty, "used dishes stand about", "used dishes may stand about"),
    (
        "item_left",
        Meaning::Dirty,
        "something is there that is not on the reference photo",
        "something may be there that is not on the reference photo",
    ),
    (
        "item_missing",
        Meaning::Dirty,
        "something is missing that is on the reference photo",
        "something may be missing that is on the reference photo",
    ),
    (
        "changed",
        Meaning::Look,
        "it looks different from the reference photo",
        "it may look different from the reference photo",
    ),
];

/// Endings that give a label its meaning where it has no entry of its own, so that labels which a hotel taught count
/// too.
const ENDINGS: [(&str, Meaning); 12] = [
    ("_missing", Meaning::Dirty),
    ("_incomplete", Meaning::Dirty),
    ("_left", Meaning::Dirty),
    ("_unmade", Meaning::Dirty),
    ("_dirty", Meaning::Dirty),
    ("_stained", Meaning::Dirty),
    ("_used", Meaning::Dirty),
    ("_broken", Meaning::Maintenance),
    ("_damaged", Meaning::Maintenance),
    ("_leaking", Meaning::Maintenance),
    ("_wet", Meaning::Maintenance),
    ("_changed", Meaning::Look),
];

/// What a label means for the status.
pub fn meaning(label: &str) -> Meaning {
    let own = LABELS.iter().find(|(name, ..)| *name == label).map(|(_, meaning, ..)| *meaning);
    let by_ending =
        || ENDINGS.iter().find(|(ending, _)| label.ends_with(ending)).map(|(_, meaning)| *meaning);
    own.or_else(by_ending).unwrap_or(Meaning::Plain)
}

/// What the room lacks by a label: `towel` of `towel_missing`.
pub fn missing_of(label: &str) -> Option<&str> {
    label
        .strip_suffix("_missing")
        .or_else(|| label.strip_suffix("_incomplete"))
        .filter(|name| !name.is_empty())
}

/// What the table says of a set of tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The status.
    pub status: RoomStatus,
    /// Whether the guest may come in.
    pub ready_for_guest: bool,
    /// Names of what the room lacks, in alphabetical order.
    pub missing: Vec<String>,
    /// Why, each a sentence, the weightiest first.
    pub reasons: Vec<String>,
}

/// Judges a room by what is known to hold and what may hold, whoever says so: the sources of a photograph, or a
/// person who corrects them.
pub fn judge(tags: &[Tag], unsure: &[Tag], context: &RoomContext) -> Judgement {
    let counted = || tags.iter().chain(unsure.iter().filter(|tag| counts_as_dirt(tag)));
    let worst = counted().map(|tag| meaning(&tag.label)).max().unwrap_or(Meaning::Plain);
    let mut reasons = sentences(tags, unsure);
    let status = match worst {
        Meaning::Maintenance => RoomStatus::Maintenance,
        Meaning::Person if context.cleaning_started => {
            reasons.push("A cleaning has begun, so the person is taken for the housekeeper.".to_owned());
            RoomStatus::InProgress
        }
        Meaning::Person | Meaning::Luggage => RoomStatus::Occupied,
        Meaning::Dirty if context.cleaning_started => {
            reasons.push("A cleaning has begun and was not reported to have ended.".to_owned());
            RoomStatus::InProgress
        }
        Meaning::Dirty => RoomStatus::Dirty,
        Meaning::Look | Meaning::Plain => RoomStatus::Clean,
    };
    let doubt = unsure.iter().any(is_doubt) || tags.iter().any(|tag| meaning(&tag.label) > Meaning::Plain);
    let missing: BTreeSet<String> =
        tags.iter().filter_map(|tag| missing_of(&tag.label)).map(str::to_owned).collect();
    if reasons.is_empty() {
        reasons.push("Nothing was seen that has to be done.".to_owned());
    }
    Judgement {
        status,
        ready_for_guest: status == RoomStatus::Clean && !doubt,
        missing: missing.into_iter().collect(),
        reasons,
    }
}

/// Whether somebody has to look because a tag may hold.
fn is_doubt(tag: &Tag) -> bool {
    tag.label == ROOM || meaning(&tag.label) > Meaning::Plain
}

/// Whether a tag that the head is unsure of decides between clean and dirty.
pub(crate) fn counts_as_dirt(tag: &Tag) -> bool {
    tag.source == TagSource::TagHead
        && meaning(&tag.label) == Meaning::Dirty
        && tag.confidence.is_some_and(|probability| probability >= 0.5)
}

/// A sentence for each label and source that matters, said of the photograph where it is clearest.
fn sentences(tags: &[Tag], unsure: &[Tag]) -> Vec<String> {
    let mut clearest: BTreeMap<(&str, TagSource), (bool, &Tag)> = BTreeMap::new();
    for (sure, tag) in tags.iter().map(|t| (true, t)).chain(unsure.iter().map(|t| (false, t))) {
        if meaning(&tag.label) == Meaning::Plain && (sure || !is_doubt(tag)) {
            continue;
        }
        let rank =
            |sure: bool, tag: &Tag| (sure, tag.confidence.unwrap_or(1.0), std::cmp::Reverse(tag.photo));
        let slot = clearest.entry((tag.label.as_str(), tag.source)).or_insert((sure, tag));
        if rank(sure, tag) > rank(slot.0, slot.1) {
            *slot = (sure, tag);
        }
    }
    let mut all: Vec<(bool, &Tag)> = clearest.into_values().collect();
    all.sort_by(|(a_sure, a), (b_sure, b)| {
        let weight = |sure: bool, tag: &Tag| (sure, meaning(&tag.label));
        weight(*b_sure, b)
            .cmp(&weight(*a_sure, a))
            .then(b.confidence.unwrap_or(1.0).total_cmp(&a.confidence.unwrap_or(1.0)))
            .then(a.label.cmp(&b.label))
    });
    all.into_iter().map(|(sure, tag)| sentence(tag, sure)).collect()
}

fn sentence(tag: &Tag, sure: bool) -> String {
    let own = LABELS.iter().find(|(name, ..)| *name == tag.label);
    let what = match (own, missing_of(&tag.label), sure) {
        (Some((_, _, holds, _)), _, true) => (*holds).to_owned(),
        (Some((_, _, _, may)), _, false) => (*may).to_owned(),
        (None, Some(name), true) => format!("missing: {}", words(name)),
        (None, Some(name), false) => format!("perhaps missing: {}", words(name)),
        (None, None, true) => format!("seen: {}", words(&tag.label)),
        (None, None, false) => format!("perhaps: {}", words(&tag.label)),
    };
    let place = match tag.photo {
        0 => String::new(),
        n => format!("Photo {n}: "),
    };
    let by = match (tag.source, tag.confidence) {
        (TagSource::Person, _) => ", as a person reported".to_owned(),
        (TagSource::Reference, _) | (_, None) => String::new(),
        (_, Some(confidence)) => format!(" ({:.0} %)", confidence * 100.0),
    };
    let then = if sure { "" } else { "; have a look" };
    capitalised(&format!("{place}{what}{by}{then}."))
}

fn words(label: &str) -> String {
    label.replace('_', " ")
}

/// The text with a capital in front.
pub(crate) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests;
