use proptest::prelude::*;

use super::*;

fn head(label: &str, probability: f32) -> Tag {
    Tag {
        label: label.to_owned(),
        confidence: Some(probability),
        source: TagSource::TagHead,
        area: None,
        photo: 1,
    }
}

fn nothing() -> RoomContext {
    RoomContext::default()
}

#[test]
fn the_weightiest_tag_makes_the_status() {
    let (dirty, person, wet) = (head("messy", 0.9), head("person", 0.95), head("spill", 0.9));
    let status = |tags: &[Tag]| judge(tags, &[], &nothing()).status;
    assert_eq!(status(&[]), RoomStatus::Clean);
    assert_eq!(status(std::slice::from_ref(&dirty)), RoomStatus::Dirty);
    assert_eq!(status(&[dirty.clone(), person.clone()]), RoomStatus::Occupied);
    assert_eq!(status(&[dirty, person, wet]), RoomStatus::Maintenance);
}

#[test]
fn a_doubt_keeps_a_clean_room_from_the_guest() {
    let doubt = [head("bed_unmade", 0.4)];
    let judged = judge(&[], &doubt, &nothing());
    assert_eq!((judged.status, judged.ready_for_guest), (RoomStatus::Clean, false));
    assert!(judged.reasons[0].contains("may not be made"), "{:?}", judged.reasons);
    let likelier = judge(&[], &[head("bed_unmade", 0.6)], &nothing());
    assert_eq!((likelier.status, likelier.ready_for_guest), (RoomStatus::Dirty, false));
    assert!(judge(&[], &[], &nothing()).ready_for_guest);
}

#[test]
fn no_doubt_alone_calls_the_plumber_or_says_that_a_guest_is_there() {
    for label in ["spill", "person", "luggage", "tap_leaking"] {
        let judged = judge(&[], &[head(label, 0.8)], &nothing());
        assert_eq!((judged.status, judged.ready_for_guest), (RoomStatus::Clean, false), "{label}");
    }
}

#[test]
fn a_look_at_what_changed_is_asked_for_before_the_guest_comes() {
    let changed = Tag { source: TagSource::Reference, ..head("changed", 0.7) };
    let judged = judge(&[changed], &[], &nothing());
    assert_eq!((judged.status, judged.ready_for_guest), (RoomStatus::Clean, false));
}

#[test]
fn what_is_missing_is_named_whoever_says_so() {
    let tags =
        [Tag::of_person("towel_missing"), Tag::of_person("amenity_incomplete"), head("item_missing", 0.8)];
    let judged = judge(&tags, &[], &nothing());
    assert_eq!(judged.missing, ["amenity", "item", "towel"]);
    assert_eq!(judged.status, RoomStatus::Dirty);
    assert!(
        judged.reasons.iter().any(|r| r == "Missing: towel, as a person reported."),
        "{:?}",
        judged.reasons
    );
}

#[test]
fn a_photo_alone_never_says_that_a_cleaning_is_under_way() {
    let tags = [head("messy", 0.9)];
    assert_eq!(judge(&tags, &[], &nothing()).status, RoomStatus::Dirty);
    let begun = RoomContext { cleaning_started: true, ..nothing() };
    assert_eq!(judge(&tags, &[], &begun).status, RoomStatus::InProgress);
    assert_eq!(judge(&[head("person", 0.9)], &[], &begun).status, RoomStatus::InProgress);
    assert_eq!(judge(&[head("luggage", 0.9)], &[], &begun).status, RoomStatus::Occupied);
    assert_eq!(judge(&[], &[], &begun).status, RoomStatus::Clean);
}

#[test]
fn a_label_that_a_hotel_taught_counts_by_its_ending() {
    assert_eq!(meaning("curtain_stained"), Meaning::Dirty);
    assert_eq!(meaning("lamp_broken"), Meaning::Maintenance);
    assert_eq!(meaning("sea_view"), Meaning::Plain);
    assert_eq!(missing_of("_missing"), None);
}

#[test]
fn a_reason_names_the_photo_where_it_is_clearest() {
    let tags = [Tag { photo: 2, ..head("messy", 0.8) }, Tag { photo: 3, ..head("messy", 0.93) }];
    assert_eq!(judge(&tags, &[], &nothing()).reasons, ["Photo 3: the room is messy (93 %)."]);
}

#[test]
fn a_photo_that_may_show_no_room_lets_no_guest_in_and_a_person_can_say_that_it_does() {
    let judged = judge(&[], &[head("room", 0.6)], &nothing());
    assert_eq!((judged.status, judged.ready_for_guest), (RoomStatus::Clean, false));
    assert_eq!(judged.reasons, ["Photo 1: it is not clear that it shows a room (60 %); have a look."]);
    assert!(judge(&[Tag::of_person("room")], &[], &nothing()).ready_for_guest);
}

prop_compose! {
    fn any_tag()(label in prop::sample::select(vec![
        "messy", "bed_unmade", "spill", "person", "luggage", "item_left", "towel_missing", "changed", "clean", "room", "",
    ]), confidence in prop::option::of(0.0f32..=1.0), source in prop::sample::select(vec![
        TagSource::TagHead, TagSource::Objects, TagSource::Reference, TagSource::Person,
    ]), photo in 0usize..4) -> Tag {
        Tag { label: label.to_owned(), confidence, source, area: None, photo }
    }
}

proptest! {
    #[test]
    fn one_more_finding_never_makes_a_room_better(
        tags in prop::collection::vec(any_tag(), 0..6),
        unsure in prop::collection::vec(any_tag(), 0..4),
        more in any_tag(),
        sure: bool,
        cleaning_started: bool,
    ) {
        let context = RoomContext { cleaning_started, ..RoomContext::default() };
        let before = judge(&tags, &unsure, &context);
        let (mut tags, mut unsure) = (tags, unsure);
        if sure { tags.push(more) } else { unsure.push(more) }
        let after = judge(&tags, &unsure, &context);
        prop_assert!(after.status.badness() >= before.status.badness(), "{before:?} {after:?}");
        prop_assert!(before.ready_for_guest || !after.ready_for_guest);
        prop_assert!(!after.reasons.is_empty());
    }
}
