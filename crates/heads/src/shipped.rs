//! The head that comes with the program.

use crate::{Head, HeadError};

/// The head of room tags that every install starts from. Its card is `models/cards/room-tags.md`.
///
/// # Errors
/// [`HeadError`] when the file that was built in is no head.
pub fn shipped_room_tags() -> Result<Head, HeadError> {
    Head::from_json(include_str!("../../../models/heads/room-tags/head.json"))
}

/// SHA-256 of the pictures it was trained on, in hexadecimal digits: no figures may be claimed on them without refitting.
pub fn shipped_room_tags_pictures() -> impl Iterator<Item = &'static str> {
    include_str!("../../../models/heads/room-tags/pictures").lines()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_that_is_shipped_can_be_read_and_says_what_it_was_measured_at() {
        let head = shipped_room_tags().unwrap();
        assert_eq!(head.labels().collect::<Vec<_>>(), ["bed_unmade", "messy", "room", "spill"]);
        for label in head.labels() {
            assert!(head.label(label).unwrap().figures().is_some(), "{label} has no figures");
        }
    }

    #[test]
    fn every_picture_it_was_trained_on_is_listed() {
        let head = shipped_room_tags().unwrap();
        let listed: Vec<&str> = shipped_room_tags_pictures().collect();
        assert_eq!(listed.len(), head.trained_on());
        assert!(listed.iter().all(|picture| head.was_trained_on(picture)));
    }
}
