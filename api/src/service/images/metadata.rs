//! What is known of a picture beside its pixels, checked before anything is written.

use chrono::{DateTime, Utc};
use innkeeper_core::{ErrorCode, RoomNumber};
use innkeeper_store::{ImageCategory, ImageContent, ItemSide};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::extract::lenient;
use crate::problem::Problem;

/// Most tags of one picture, and of one question.
const MOST_TAGS: usize = 32;
/// Longest tag, in characters.
const LONGEST_TAG: usize = 64;
/// Longest word for a kind, a colour or a place, in characters.
const LONGEST_WORD: usize = 120;
/// Longest description, in characters.
const LONGEST_DESCRIPTION: usize = 2000;

/// What the hotel knows of a picture.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Metadata {
    /// `room`, `lost_found` or `amenity`.
    #[schema(example = "room", pattern = "^(room|lost_found|amenity)$")]
    pub category: String,
    #[schema(example = "201", pattern = "^[A-Za-z0-9][A-Za-z0-9._:-]*$", max_length = 64)]
    pub room_number: Option<String>,
    /// Words to find it by, at most 32; kept in lower case. In a form or a query, one text with commas.
    #[serde(default, deserialize_with = "lenient::list")]
    #[schema(example = json!(["clean", "ready"]), max_items = 32)]
    pub tags: Vec<String>,
    /// What it shows, in the hotel's words.
    #[schema(max_length = 2000)]
    pub description: Option<String>,
    /// When it was taken, RFC 3339.
    pub taken_at: Option<String>,
    /// Of `lost_found`: `found` for a thing that somebody found, `lost` for one that is missed; `found` when it is left out.
    #[schema(pattern = "^(found|lost)$")]
    pub side: Option<String>,
    /// Of `lost_found`: what it is.
    #[schema(example = "umbrella", max_length = 120)]
    pub kind: Option<String>,
    /// Of `lost_found`: its colour; when it is left out and one colour dominates the picture, that is taken.
    #[schema(example = "blue", max_length = 120)]
    pub colour: Option<String>,
    /// Of `lost_found`: where it was found, or missed.
    #[schema(example = "lobby", max_length = 120)]
    pub place: Option<String>,
    /// Of `lost_found`: when it was found, or missed, RFC 3339.
    pub occurred_at: Option<String>,
}

/// The same, checked.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub category: ImageCategory,
    pub room_number: Option<RoomNumber>,
    pub side: Option<ItemSide>,
    pub taken_at: Option<DateTime<Utc>>,
    /// Without what only the pixels say.
    pub content: ImageContent,
}

fn bad(detail: impl Into<String>) -> Problem {
    Problem::new(ErrorCode::BadRequest, detail)
}

/// A moment by its RFC 3339 text.
pub(crate) fn moment(text: Option<&str>, field: &str) -> Result<Option<DateTime<Utc>>, Problem> {
    let Some(text) = text else { return Ok(None) };
    // A `+` in a query that was not escaped arrives as a space.
    let parsed = DateTime::parse_from_rfc3339(text.trim().replace(' ', "+").as_str());
    let parsed = parsed.map_err(|_| {
        let detail = format!("{field} is not a time like 2025-01-17T08:30:00Z");
        Problem::new(ErrorCode::InvalidTimestamp, detail)
    })?;
    Ok(Some(parsed.with_timezone(&Utc)))
}

/// A room by its number.
pub(crate) fn room(text: Option<&str>) -> Result<Option<RoomNumber>, Problem> {
    let parsed = text.filter(|t| !t.is_empty()).map(str::parse).transpose();
    parsed.map_err(|e: innkeeper_core::IdError| Problem::new(ErrorCode::InvalidId, e.to_string()))
}

/// A category by its name.
pub(crate) fn category(text: &str) -> Result<ImageCategory, Problem> {
    text.parse().map_err(|_| bad("category is room, lost_found, amenity or reference"))
}

/// A side of the desk for lost things by its name.
pub(crate) fn side(text: Option<&str>) -> Result<Option<ItemSide>, Problem> {
    text.map(|t| t.parse().map_err(|_| bad("side is found or lost"))).transpose()
}

/// Tags as they are kept and asked for: trimmed, in lower case, each once.
pub(crate) fn tags(given: Vec<String>) -> Result<Vec<String>, Problem> {
    let mut kept: Vec<String> = Vec::with_capacity(given.len().min(MOST_TAGS));
    for tag in given {
        let tag = tag.trim().to_lowercase();
        if tag.chars().count() > LONGEST_TAG || tag.chars().any(char::is_control) {
            return Err(bad(format!("a tag has at most {LONGEST_TAG} letters and no control characters")));
        }
        if !tag.is_empty() && !kept.contains(&tag) {
            kept.push(tag);
        }
    }
    if kept.len() > MOST_TAGS {
        return Err(bad(format!("there are at most {MOST_TAGS} tags")));
    }
    Ok(kept)
}

/// A text of a person, trimmed; none when it is empty.
fn text(given: Option<String>, field: &str, longest: usize) -> Result<Option<String>, Problem> {
    let Some(given) = given else { return Ok(None) };
    let given = given.trim();
    if given.chars().count() > longest || given.chars().any(|c| c.is_control() && c != '\n') {
        return Err(bad(format!("{field} has at most {longest} letters and no control characters")));
    }
    Ok((!given.is_empty()).then(|| given.to_owned()))
}

impl Metadata {
    /// Checks every field.
    pub fn check(self) -> Result<Known, Problem> {
        let category = category(&self.category)?;
        if category == ImageCategory::Reference {
            let detail =
                "reference photographs belong to a room: POST /api/v1/cv/room/{room_number}/reference";
            return Err(bad(detail));
        }
        let mut side = side(self.side.as_deref())?;
        let lost_found = category == ImageCategory::LostFound;
        if lost_found {
            side = side.or(Some(ItemSide::Found));
        } else if side.is_some() || self.kind.is_some() || self.place.is_some() || self.occurred_at.is_some()
        {
            return Err(bad("side, kind, place and occurred_at belong to category lost_found"));
        }
        let occurred_at = moment(self.occurred_at.as_deref(), "occurred_at")?;
        if occurred_at.is_some_and(|at| at > Utc::now() + chrono::TimeDelta::days(1)) {
            return Err(Problem::new(ErrorCode::InvalidTimestamp, "occurred_at lies in the future"));
        }
        Ok(Known {
            category,
            room_number: room(self.room_number.as_deref())?,
            side,
            taken_at: moment(self.taken_at.as_deref(), "taken_at")?,
            content: ImageContent {
                tags: tags(self.tags)?,
                description: text(self.description, "description", LONGEST_DESCRIPTION)?,
                place: text(self.place, "place", LONGEST_WORD)?,
                colour: text(self.colour, "colour", LONGEST_WORD)?.map(|c| c.to_lowercase()),
                kind: text(self.kind, "kind", LONGEST_WORD)?.map(|k| k.to_lowercase()),
                occurred_at,
                ..ImageContent::default()
            },
        })
    }

    /// The fields, which a form or a query names without the object.
    pub const FIELDS: [&'static str; 10] = [
        "category",
        "room_number",
        "tags",
        "description",
        "taken_at",
        "side",
        "kind",
        "colour",
        "place",
        "occurred_at",
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(category: &str) -> Metadata {
        Metadata { category: category.to_owned(), ..Metadata::default() }
    }

    #[test]
    fn tags_are_found_again_however_they_were_written() {
        let kept = tags(vec![" Clean".to_owned(), "clean".to_owned(), "READY ".to_owned(), String::new()]);
        assert_eq!(kept.unwrap(), ["clean", "ready"]);
        assert!(tags((0..40).map(|i| i.to_string()).collect()).is_err());
        assert!(tags(vec!["a".repeat(65)]).is_err());
        assert!(tags(vec!["a\u{0}b".to_owned()]).is_err());
    }

    #[test]
    fn a_found_thing_is_the_default_and_other_pictures_have_no_side() {
        assert_eq!(of("lost_found").check().unwrap().side, Some(ItemSide::Found));
        assert_eq!(of("room").check().unwrap().side, None);
        assert!(Metadata { side: Some("lost".to_owned()), ..of("room") }.check().is_err());
        assert!(of("reference").check().is_err(), "a reference without its room");
        assert!(of("passport").check().is_err());
    }

    #[test]
    fn a_thing_is_not_found_tomorrow() {
        let later = Utc::now() + chrono::TimeDelta::days(3);
        let late = Metadata { occurred_at: Some(later.to_rfc3339()), ..of("lost_found") };
        assert_eq!(late.check().unwrap_err().code, ErrorCode::InvalidTimestamp);
    }
}
