//! How well a found thing answers to a report of loss.
//!
//! The score is a weighted mean of what both sides tell: how alike their pictures are (the cosine of the descriptors), kind,
//! colour, place and time. What one side does not tell counts as [`UNKNOWN`], so that little evidence gives a middling score.
//! The weights are chosen and not fitted: no hotel's desk has published its matches. What was confirmed and dismissed is kept,
//! so that they can be fitted.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

const PICTURE: f32 = 0.45;
const KIND: f32 = 0.3;
const COLOUR: f32 = 0.12;
const PLACE: f32 = 0.06;
const TIME: f32 = 0.07;
/// What a part counts that one side does not tell.
const UNKNOWN: f32 = 0.4;
/// Pictures so alike make up for words of different languages: people call one thing by many names.
const ALIKE: f32 = 0.7;
/// A thing may be handed in a little before its owner says it was last seen: people remember times badly.
const SLACK: TimeDelta = TimeDelta::hours(24);
/// After so many days the time says nothing in favour of a match.
const FADES: f32 = 30.0;

/// What one side tells.
#[derive(Debug, Clone, Default)]
pub(crate) struct Item {
    pub kind: Option<String>,
    pub colour: Option<String>,
    pub place: Option<String>,
    pub room: Option<String>,
    pub words: Option<String>,
    pub at: Option<DateTime<Utc>>,
}

/// Why two sides may speak of one thing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Agreement {
    /// 0 to 1: the weighted mean of the parts, see the module. No probability.
    pub score: f32,
    /// The parts that both tell, in words.
    pub reasons: Vec<String>,
}

/// The words of a text, in lower case, without the plural.
fn words(text: &str) -> BTreeSet<String> {
    text.to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| word.strip_suffix('s').filter(|stem| stem.len() > 2).unwrap_or(word).to_owned())
        .collect()
}

/// How much of the shorter text the longer one holds, 0 to 1; none when a side says nothing.
fn overlap(a: Option<&str>, b: Option<&str>) -> Option<f32> {
    let (a, b) = (words(a?), words(b?));
    let shorter = a.len().min(b.len());
    (shorter > 0).then(|| a.intersection(&b).count() as f32 / shorter as f32)
}

/// Whether a thing that was found may be one that is missed; none when it cannot be: it was found before it was lost, or it is
/// something else, or neither pictures nor kinds speak for it.
pub(crate) fn agreement(found: &Item, lost: &Item, cosine: Option<f32>) -> Option<Agreement> {
    let mut reasons = Vec::new();
    let time = match (found.at, lost.at) {
        (Some(found), Some(lost)) if found + SLACK < lost => return None,
        (Some(found), Some(lost)) => {
            let days = (found - lost).num_hours().max(0) as f32 / 24.0;
            reasons.push(match days.floor() as u32 {
                0 => "found within a day of the loss".to_owned(),
                1 => "found a day after the loss".to_owned(),
                days => format!("found {days} days after the loss"),
            });
            Some((1.0 - days / FADES).max(0.0))
        }
        _ => None,
    };
    // A kind may stand in the other side's description.
    let said = |item: &Item| {
        let parts = [item.kind.as_deref(), item.words.as_deref()];
        item.kind.as_ref().map(|_| parts.into_iter().flatten().collect::<Vec<_>>().join(" "))
    };
    let kind = overlap(found.kind.as_deref(), said(lost).as_deref())
        .into_iter()
        .chain(overlap(lost.kind.as_deref(), said(found).as_deref()))
        .reduce(f32::max);
    let alike = cosine.map(|c| c.max(0.0));
    match (kind, alike) {
        (None, None) => return None,
        (Some(0.0), alike) if alike.is_none_or(|a| a < ALIKE) => return None,
        _ => {}
    }
    // What pictures so alike contradict is a matter of language.
    let kind = kind.filter(|share| *share > 0.0);
    if let Some(alike) = alike {
        reasons.push(format!("pictures alike by {alike:.2}"));
    }
    if let Some(kind) = kind {
        let named = found.kind.as_deref().or(lost.kind.as_deref()).unwrap_or_default();
        reasons.push(if kind < 1.0 { format!("kind partly: {named}") } else { format!("kind: {named}") });
    }
    let colour = overlap(found.colour.as_deref(), lost.colour.as_deref());
    if let (Some(share), Some(named)) = (colour, found.colour.as_deref()) {
        reasons.push(if share > 0.0 { format!("colour: {named}") } else { "another colour".to_owned() });
    }
    let rooms = match (&found.room, &lost.room) {
        (Some(found), Some(lost)) => Some(f32::from(u8::from(found == lost))),
        _ => None,
    };
    let place =
        rooms.into_iter().chain(overlap(found.place.as_deref(), lost.place.as_deref())).reduce(f32::max);
    if place.is_some_and(|p| p > 0.0) {
        reasons.push("the same place".to_owned());
    }
    let parts = [(PICTURE, alike), (KIND, kind), (COLOUR, colour), (PLACE, place), (TIME, time)];
    let score = parts.iter().map(|(weight, part)| weight * part.unwrap_or(UNKNOWN)).sum::<f32>();
    Some(Agreement { score: score.clamp(0.0, 1.0), reasons })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(kind: &str, colour: &str, day: u32) -> Item {
        Item {
            kind: (!kind.is_empty()).then(|| kind.to_owned()),
            colour: (!colour.is_empty()).then(|| colour.to_owned()),
            at: format!("2025-01-{day:02}T12:00:00Z").parse().ok(),
            ..Item::default()
        }
    }

    #[test]
    fn nothing_is_found_before_it_is_lost() {
        let (found, lost) = (item("umbrella", "blue", 10), item("umbrella", "blue", 12));
        assert_eq!(agreement(&found, &lost, Some(0.9)), None);
        assert!(agreement(&found, &item("umbrella", "blue", 11), None).is_some(), "a day is forgiven");
        assert!(agreement(&lost, &found, None).is_some());
    }

    #[test]
    fn another_thing_is_no_match_unless_the_pictures_say_so() {
        let (found, lost) = (item("phone", "black", 12), item("umbrella", "black", 10));
        assert_eq!(agreement(&found, &lost, None), None);
        assert_eq!(agreement(&found, &lost, Some(0.5)), None);
        assert!(agreement(&item("brolly", "black", 12), &lost, Some(0.9)).is_some());
        assert_eq!(agreement(&item("", "black", 12), &lost, None), None, "a colour is no thing");
    }

    #[test]
    fn more_agreement_scores_higher_and_says_from_what() {
        let lost = item("black umbrella", "black", 10);
        let score = |found: &Item, cosine| agreement(found, &lost, cosine).unwrap().score;
        let plain = score(&item("umbrellas", "", 12), None);
        let coloured = score(&item("umbrella", "black", 12), None);
        let seen = score(&item("umbrella", "black", 12), Some(0.9));
        let wrong = score(&item("umbrella", "red", 12), None);
        assert!(wrong < plain && plain < coloured && coloured < seen, "{wrong} {plain} {coloured} {seen}");
        assert!(score(&item("umbrella", "black", 29), None) < coloured, "time fades");
        let told = agreement(&item("umbrella", "black", 12), &lost, Some(0.9)).unwrap();
        assert_eq!(
            told.reasons,
            ["found 2 days after the loss", "pictures alike by 0.90", "kind: umbrella", "colour: black"]
        );
    }

    #[test]
    fn a_kind_in_the_other_ones_description_counts() {
        let lost = Item {
            kind: Some("bag".to_owned()),
            words: Some("a leather rucksack".to_owned()),
            ..item("", "", 1)
        };
        let found = item("rucksack", "", 2);
        assert!(agreement(&found, &lost, None).is_some());
    }
}
