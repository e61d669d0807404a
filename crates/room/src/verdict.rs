//! Several photographs to one verdict.

use std::collections::BTreeMap;

use crate::answer::PhotoVerdict;
use crate::rules::{Meaning, meaning};
use crate::{
    PhotoReading, RoomContext, RoomError, RoomStatus, RoomVerdict, Tag, TagSource, estimate_minutes, judge,
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
        let (holds, may) = if photo.quality.usable {
            (numbered(&photo.tags, number), numbered(&photo.unsure, number))
        } else {
            (Vec::new(), Vec::new())
        };
        let alone = RoomContext { previous: None, ..context.clone() };
        parts.push(PhotoVerdict {
            photo: number,
            status: if photo.quality.usable {
                judge(&holds, &may, &alone).status
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
    if usable == 0 {
        judgement.status = RoomStatus::UnusablePhoto;
        judgement.ready_for_guest = false;
        judgement.reasons = vec!["No photo can be judged.".to_owned()];
    } else if judgement.status == RoomStatus::Dirty
        && let Some(gone) = progress(photos, usable, &tags, context)
    {
        judgement.status = RoomStatus::InProgress;
        judgement
            .reasons
            .push(format!("Less is left to do than at the last look: {gone} is no longer seen."));
    }
    for part in parts.iter().filter(|part| !part.quality.usable) {
        let hints = part.hints.join(" ");
        judgement
            .reasons
            .push(format!("Photo {} cannot be judged. {hints}", part.photo).trim_end().to_owned());
    }
    let tags = clearest(tags);
    let estimate = estimate_minutes(&tags, judgement.status, context);
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
/// photographs as then; `None` where nothing is gone. Fewer photographs may just not show it.
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
        .map(|label| label.replace('_', " "))
        .collect();
    gone.sort();
    gone.dedup();
    (!gone.is_empty()).then(|| gone.join(", "))
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
