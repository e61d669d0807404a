//! Several photographs to one verdict.

use std::collections::BTreeMap;

use crate::answer::PhotoVerdict;
use crate::reader::NO_VIEW;
use crate::rules::{Meaning, counts_as_dirt, meaning};
use crate::{
    PhotoProblem, PhotoReading, RoomContext, RoomError, RoomStatus, RoomVerdict, SourceUse, Tag, TagSource,
    estimate_minutes, judge,
};

/// See [`crate::RoomReader::verdict`].
pub(crate) fn verdict(photos: &[PhotoReading], context: &RoomContext) -> Result<RoomVerdict, RoomError> {
    if photos.is_empty() {
        return Err(RoomError::NoPhoto);
    }
    let usable = photos.iter().filter(|photo| photo.quality.usable).count();
    let numbered = |tags: &[Tag], photo: usize| -> Vec<Tag> {
        tags.iter().map(|tag| Tag { photo, ..tag.clone() }).collect()
    };
    let (mut tags, mut unsure, mut parts) = (Vec::new(), Vec::new(), Vec::new());
    for (i, photo) in photos.iter().enumerate() {
        let number = i + 1;
        let (mut holds, mut may) = (numbered(&photo.tags, number), numbered(&photo.unsure, number));
        if !photo.quality.usable {
            let close_up = photo.quality.problems == [PhotoProblem::NoRoom];
            for tags in [&mut holds, &mut may] {
                tags.retain(|tag| close_up && meaning(&tag.label) == Meaning::Maintenance);
            }
        }
        let alone = RoomContext { previous: None, ..context.clone() };
        let status = judge(&holds, &may, &alone).status;
        parts.push(PhotoVerdict {
            photo: number,
            status: if photo.quality.usable || status == RoomStatus::Maintenance {
                status
            } else {
                RoomStatus::UnusablePhoto
            },
            quality: photo.quality.clone(),
            hints: photo.quality.problems.iter().map(|problem| as_sentence(problem.hint())).collect(),
            tags: holds.clone(),
            objects: photo.objects.clone(),
            comparison: photo.comparison.clone(),
            sources: photo.sources.clone(),
        });
        tags.extend(holds);
        unsure.extend(may);
    }
    let mut judgement = judge(&tags, &unsure, context);
    if usable == 0 && judgement.status != RoomStatus::Maintenance {
        judgement.status = RoomStatus::UnusablePhoto;
        judgement.reasons = vec!["No photo can be judged.".to_owned()];
    } else if judgement.status == RoomStatus::Dirty
        && let Some(gone) = progress(photos, usable, &tags, context)
    {
        judgement.status = RoomStatus::InProgress;
        judgement
            .reasons
            .push(format!("Less is left to do than at the last look: {gone} is no longer seen."));
    }
    let (unseen, unasked) = (not_seen(photos, usable, context), not_asked(photos));
    // What an unusable photo was to show is not known, however clean the others are.
    judgement.ready_for_guest &= usable == photos.len() && unseen.is_empty() && !no_view(photos);
    judgement.reasons.extend(unseen.into_iter().chain(unasked));
    for part in parts.iter().filter(|part| !part.quality.usable) {
        let hints = part.hints.join(" ");
        judgement
            .reasons
            .push(format!("Photo {} cannot be judged. {hints}", part.photo).trim_end().to_owned());
    }
    // What made the room dirty is work, however sure the head is of it.
    let work: Vec<Tag> =
        tags.iter().chain(unsure.iter().filter(|tag| counts_as_dirt(tag))).cloned().collect();
    let estimate = estimate_minutes(&work, judgement.status, context);
    let tags = clearest(tags);
    let (estimate, no_estimate) = match estimate {
        Ok(estimate) => (Some(estimate), None),
        Err(reason) => (None, Some(reason)),
    };
    Ok(RoomVerdict {
        status: judgement.status,
        ready_for_guest: judgement.ready_for_guest,
        tags,
        unsure: clearest(unsure),
        missing: judgement.missing,
        estimate,
        no_estimate,
        reasons: judgement.reasons,
        photos: parts,
    })
}

/// The labels that were dirt at the last look and that every photograph now denies, where there are as many
/// photographs as then; `None` where nothing is gone. Fewer photographs may just not show it, and neither may photographs
/// of another corner: of the bed only those speak that show one.
fn progress(photos: &[PhotoReading], usable: usize, tags: &[Tag], context: &RoomContext) -> Option<String> {
    let previous = context.previous.as_ref()?;
    if !matches!(previous.status, RoomStatus::Dirty | RoomStatus::InProgress) || usable < previous.photos {
        return None;
    }
    let denied = |label: &str| {
        let usable = photos.iter().filter(|photo| photo.quality.usable);
        usable.into_iter().all(|photo| {
            photo.probabilities.iter().any(|said| said.label == label && said.holds == Some(false))
        })
    };
    let was = previous.tags.iter().filter(|label| meaning(label) == Meaning::Dirty);
    let mut gone: Vec<String> = was
        .filter(|label| !tags.iter().any(|tag| tag.label == **label) && denied(label))
        .filter(|label| label.as_str() != BED_UNMADE || bed_in_view(photos) != Some(false))
        .map(|label| label.replace('_', " "))
        .collect();
    gone.sort();
    gone.dedup();
    (!gone.is_empty()).then(|| gone.join(", "))
}

/// The label that only a photograph of a bed can deny.
const BED_UNMADE: &str = "bed_unmade";

/// Whether a usable photograph shows a bed; `None` where no detector looked.
fn bed_in_view(photos: &[PhotoReading]) -> Option<bool> {
    let mut looked = photos.iter().filter(|photo| photo.quality.usable && asked(photo, TagSource::Objects));
    let first = looked.next()?;
    let shows = |photo: &PhotoReading| photo.objects.iter().any(|kind| kind.label == "bed");
    Some(shows(first) || looked.any(shows))
}

fn asked(photo: &PhotoReading, source: TagSource) -> bool {
    photo.sources.iter().any(|one| one.source == source && one.used)
}

/// What was to be cleaned at the last look and was not looked at again, each a sentence: a clean corridor says nothing of
/// the bed.
fn not_seen(photos: &[PhotoReading], usable: usize, context: &RoomContext) -> Vec<String> {
    let Some(previous) = &context.previous else { return Vec::new() };
    let work = |label: &String| matches!(meaning(label), Meaning::Dirty | Meaning::Maintenance);
    let dirty =
        matches!(previous.status, RoomStatus::Dirty | RoomStatus::InProgress | RoomStatus::Maintenance);
    if !dirty && !previous.tags.iter().any(work) {
        return Vec::new();
    }
    let mut missing = Vec::new();
    if usable < previous.photos {
        missing.push(format!(
            "At the last look there was something to do on {} photos, and now {usable} can be judged; take all of them again.",
            previous.photos
        ));
    }
    if previous.tags.iter().any(|label| label == BED_UNMADE) && bed_in_view(photos) == Some(false) {
        missing.push("The bed was not made at the last look, and no photo shows a bed now.".to_owned());
    }
    missing
}

/// Whether the room has reference photographs and no usable photograph shows the view of one.
fn no_view(photos: &[PhotoReading]) -> bool {
    let lost = |photo: &&PhotoReading| {
        let of_reference = |one: &&SourceUse| one.source == TagSource::Reference;
        photo.sources.iter().find(of_reference).is_some_and(|one| one.reason.as_deref() == Some(NO_VIEW))
    };
    let mut usable = photos.iter().filter(|photo| photo.quality.usable).peekable();
    usable.peek().is_some() && usable.all(|photo| lost(&photo))
}

/// What could not be asked of any usable photograph and matters, each a sentence.
fn not_asked(photos: &[PhotoReading]) -> Vec<String> {
    let mut reasons = Vec::new();
    let unused = |photo: &PhotoReading| {
        photo.sources.iter().find(|one| one.source == TagSource::Objects && !one.used)?.reason.clone()
    };
    let mut usable = photos.iter().filter(|photo| photo.quality.usable).peekable();
    if usable.peek().is_some()
        && let Some(reason) =
            usable.map(unused).collect::<Option<Vec<_>>>().and_then(|all| all.into_iter().next())
    {
        let reason = crate::rules::capitalised(&reason);
        reasons.push(format!("{reason}, so whether somebody is in the room was not looked at."));
    }
    if no_view(photos) {
        reasons.push(
            "No photo shows the view of a reference photo, so what is missing or was left is not known; have a look."
                .to_owned(),
        );
    }
    reasons
}

/// One tag for each label and source, of the photograph where it is clearest; every place for what the comparison
/// found. Most confident first.
fn clearest(tags: Vec<Tag>) -> Vec<Tag> {
    let mut kept: BTreeMap<(String, TagSource), Tag> = BTreeMap::new();
    let mut places = Vec::new();
    for tag in tags {
        if tag.source == TagSource::Reference {
            places.push(tag);
            continue;
        }
        match kept.entry((tag.label.clone(), tag.source)) {
            std::collections::btree_map::Entry::Occupied(mut slot) => {
                if tag.confidence > slot.get().confidence {
                    slot.insert(tag);
                }
            }
            std::collections::btree_map::Entry::Vacant(slot) => {
                slot.insert(tag);
            }
        }
    }
    let mut all: Vec<Tag> = kept.into_values().chain(places).collect();
    all.sort_by(|a, b| {
        let confidence = |tag: &Tag| tag.confidence.unwrap_or(1.0);
        confidence(b).total_cmp(&confidence(a)).then(a.label.cmp(&b.label)).then(a.source.cmp(&b.source))
    });
    all
}

/// A capital in front and a full stop behind.
fn as_sentence(hint: &str) -> String {
    let text = crate::rules::capitalised(hint.trim_end_matches('.'));
    format!("{text}.")
}

#[cfg(test)]
mod tests;
