use innkeeper_core::Picture;
use proptest::prelude::*;

use super::*;
use crate::answer::LabelProbability;
use crate::{Cleaning, ObjectCount, PhotoQuality, PreviousVerdict, QualitySettings, SourceUse};

/// A photograph that was read, without the models.
fn reading(labels: &[(&str, f32, Option<bool>)], usable: bool) -> PhotoReading {
    let grain: Vec<u8> = (0..400 * 300 * 3_u64).map(|i| (i * 7919 % 251) as u8).collect();
    let picture = Picture::from_rgb(400, 300, grain).expect("a picture");
    let mut quality = PhotoQuality::measure(&picture, None, &QualitySettings::default());
    quality.usable = usable;
    let tag = |label: &str, probability| Tag {
        label: label.to_owned(),
        confidence: Some(probability),
        source: TagSource::TagHead,
        area: None,
        photo: 1,
    };
    let those = |wanted: Option<bool>| {
        labels.iter().filter(|(_, _, holds)| *holds == wanted).map(|(label, p, _)| tag(label, *p)).collect()
    };
    let said = labels.iter().map(|(label, probability, holds)| LabelProbability {
        label: (*label).to_owned(),
        probability: *probability,
        holds: *holds,
    });
    PhotoReading {
        quality,
        tags: those(Some(true)),
        unsure: those(None),
        probabilities: said.collect(),
        objects: Vec::new(),
        comparison: None,
        features: None,
        sources: Vec::new(),
    }
}

fn clean() -> PhotoReading {
    reading(&[("messy", 0.03, Some(false)), ("bed_unmade", 0.02, Some(false))], true)
}

fn messy() -> PhotoReading {
    reading(&[("messy", 0.97, Some(true)), ("bed_unmade", 0.02, Some(false))], true)
}

fn nothing() -> RoomContext {
    RoomContext::default()
}

#[test]
fn the_worst_photo_decides_and_is_named() {
    let verdict = verdict(&[clean(), messy(), clean()], &nothing()).expect("a verdict");
    assert_eq!(verdict.status, RoomStatus::Dirty);
    assert!(!verdict.ready_for_guest);
    assert_eq!(verdict.tags.len(), 1);
    assert_eq!(verdict.tags[0].photo, 2);
    assert!(verdict.reasons[0].starts_with("Photo 2:"), "{:?}", verdict.reasons);
    let statuses: Vec<RoomStatus> = verdict.photos.iter().map(|photo| photo.status).collect();
    assert_eq!(statuses, [RoomStatus::Clean, RoomStatus::Dirty, RoomStatus::Clean]);
}

#[test]
fn a_room_is_not_ready_while_one_of_its_photos_cannot_be_judged() {
    let blurred = reading(&[("messy", 0.99, Some(true))], false);
    let both = verdict(&[blurred.clone(), clean()], &nothing()).expect("a verdict");
    assert_eq!((both.status, both.ready_for_guest), (RoomStatus::Clean, false));
    assert!(both.tags.is_empty(), "an unusable photo had its say: {:?}", both.tags);
    assert!(both.reasons.iter().any(|reason| reason.starts_with("Photo 1 cannot be judged")));
    let alone = verdict(&[blurred], &nothing()).expect("a verdict");
    assert_eq!((alone.status, alone.ready_for_guest), (RoomStatus::UnusablePhoto, false));
    assert_eq!(alone.no_estimate.as_deref(), Some("no photo can be judged"));
}

#[test]
fn a_spill_counts_on_a_photo_that_shows_no_room_and_nothing_else_does() {
    let said = [("spill", 0.98, Some(true)), ("messy", 0.9, Some(true))];
    let mut floor = reading(&said, false);
    floor.quality.problems = vec![PhotoProblem::NoRoom];
    let verdict = verdict(&[clean(), floor.clone()], &nothing()).expect("a verdict");
    assert_eq!((verdict.status, verdict.ready_for_guest), (RoomStatus::Maintenance, false));
    assert_eq!(verdict.tags.iter().map(|tag| tag.label.as_str()).collect::<Vec<_>>(), ["spill"]);
    assert_eq!(
        super::verdict(&[floor.clone()], &nothing()).expect("a verdict").status,
        RoomStatus::Maintenance
    );
    floor.quality.problems.push(PhotoProblem::TooDark);
    let dark = super::verdict(&[floor], &nothing()).expect("a verdict");
    assert_eq!((dark.status, dark.tags.len()), (RoomStatus::UnusablePhoto, 0));
}

#[test]
fn fewer_photos_than_at_a_dirty_look_make_no_room_ready() {
    let previous = |photos, tags: &[&str]| RoomContext {
        previous: Some(PreviousVerdict {
            status: RoomStatus::Dirty,
            tags: tags.iter().map(|label| (*label).to_owned()).collect(),
            photos,
        }),
        ..nothing()
    };
    let fewer = verdict(&[clean()], &previous(2, &["messy"])).expect("a verdict");
    assert!(!fewer.ready_for_guest);
    assert!(fewer.reasons.iter().any(|r| r.starts_with("At the last look")), "{:?}", fewer.reasons);
    assert!(verdict(&[clean(), clean()], &previous(2, &["messy"])).expect("a verdict").ready_for_guest);
    let before = PreviousVerdict { status: RoomStatus::Clean, tags: Vec::new(), photos: 5 };
    let after_clean = RoomContext { previous: Some(before), ..nothing() };
    assert!(verdict(&[clean()], &after_clean).expect("a verdict").ready_for_guest);
}

fn source(source: TagSource, reason: Option<&str>) -> SourceUse {
    SourceUse { source, model: None, used: reason.is_none(), reason: reason.map(str::to_owned) }
}

/// A photograph that the detector looked at.
fn searched(mut reading: PhotoReading, objects: &[&'static str]) -> PhotoReading {
    reading.sources.push(source(TagSource::Objects, None));
    let count = |label| ObjectCount { label, count: 1, confidence: 0.8, decides: true, areas: Vec::new() };
    reading.objects = objects.iter().map(|label| count(label)).collect();
    reading
}

#[test]
fn a_photo_without_a_bed_says_nothing_of_a_bed_that_was_unmade() {
    let tags = vec!["messy".to_owned(), "bed_unmade".to_owned()];
    let context = RoomContext {
        previous: Some(PreviousVerdict { status: RoomStatus::Dirty, tags, photos: 1 }),
        ..nothing()
    };
    let ask =
        |photo, objects: &[&'static str]| verdict(&[searched(photo, objects)], &context).expect("a verdict");
    let bathroom = ask(messy(), &["sink"]);
    assert_eq!(bathroom.status, RoomStatus::Dirty, "{:?}", bathroom.reasons);
    assert_eq!(ask(messy(), &["bed"]).status, RoomStatus::InProgress);
    let tidy_bathroom = ask(clean(), &["sink"]);
    assert!(!tidy_bathroom.ready_for_guest);
    assert!(tidy_bathroom.reasons.iter().any(|r| r.contains("no photo shows a bed")), "{tidy_bathroom:?}");
    assert!(ask(clean(), &["bed"]).ready_for_guest);
}

#[test]
fn references_that_no_photo_shows_ask_for_a_look() {
    let with = |reason: Option<&str>| {
        let mut reading = clean();
        reading.sources.push(source(TagSource::Reference, reason));
        reading
    };
    let lost = verdict(&[with(Some(NO_VIEW))], &nothing()).expect("a verdict");
    assert_eq!((lost.status, lost.ready_for_guest), (RoomStatus::Clean, false));
    assert!(lost.reasons.iter().any(|r| r.contains("reference photo")), "{:?}", lost.reasons);
    assert!(verdict(&[with(Some(NO_VIEW)), with(None)], &nothing()).expect("a verdict").ready_for_guest);
    let none = with(Some("the room has no reference photos"));
    assert!(verdict(&[none], &nothing()).expect("a verdict").ready_for_guest);
}

#[test]
fn a_missing_detector_is_told_among_the_reasons() {
    let mut photo = clean();
    photo.sources.push(source(TagSource::Objects, Some("no object detector is installed")));
    let without = verdict(&[photo], &nothing()).expect("a verdict");
    assert!(without.ready_for_guest);
    assert!(
        without.reasons.iter().any(|r| r.starts_with("No object detector is installed, so")),
        "{:?}",
        without.reasons
    );
    let with = verdict(&[searched(clean(), &[])], &nothing()).expect("a verdict");
    assert!(!with.reasons.iter().any(|r| r.contains("detector")), "{:?}", with.reasons);
}

#[test]
fn what_makes_a_room_dirty_is_work_in_its_minutes_too() {
    let times = |count: usize| Cleaning {
        room_type: None,
        minutes: 20.0 + 20.0 * count as f32,
        tags: ["messy", "bed_unmade"][..count].iter().map(|label| (*label).to_owned()).collect(),
    };
    let history: Vec<Cleaning> = (0..30).map(|i| times(i % 3)).collect();
    let context = RoomContext { history, ..nothing() };
    let minutes = |photo| verdict(&[photo], &context).expect("a verdict").estimate.expect("minutes").minutes;
    let likely = reading(&[("messy", 0.97, Some(true)), ("bed_unmade", 0.6, None)], true);
    let unlikely = reading(&[("messy", 0.97, Some(true)), ("bed_unmade", 0.4, None)], true);
    let sure = reading(&[("messy", 0.97, Some(true)), ("bed_unmade", 0.9, Some(true))], true);
    assert!((minutes(likely.clone()) - minutes(sure)).abs() < 0.01);
    assert!(minutes(likely) > minutes(unlikely) + 5.0);
}

#[test]
fn a_cleaning_that_was_reported_to_have_begun_reaches_the_rooms_status() {
    let begun = RoomContext { cleaning_started: true, ..nothing() };
    assert_eq!(verdict(&[messy()], &begun).expect("a verdict").status, RoomStatus::InProgress);
    assert_eq!(verdict(&[messy()], &nothing()).expect("a verdict").status, RoomStatus::Dirty);
}

#[test]
fn no_photo_is_no_verdict() {
    assert!(matches!(verdict(&[], &nothing()), Err(RoomError::NoPhoto)));
}

#[test]
fn a_room_is_in_progress_once_less_is_left_than_at_the_last_look() {
    let previous = |photos| RoomContext {
        previous: Some(PreviousVerdict {
            status: RoomStatus::Dirty,
            tags: vec!["messy".to_owned(), "bed_unmade".to_owned()],
            photos,
        }),
        ..nothing()
    };
    let now = verdict(&[messy()], &previous(1)).expect("a verdict");
    assert_eq!(now.status, RoomStatus::InProgress);
    assert!(now.reasons.iter().any(|r| r.contains("bed unmade is no longer seen")), "{:?}", now.reasons);
    // One photo of a room that two showed may just not show the bed.
    assert_eq!(verdict(&[messy()], &previous(2)).expect("a verdict").status, RoomStatus::Dirty);
    assert_eq!(verdict(&[clean()], &previous(1)).expect("a verdict").status, RoomStatus::Clean);
}

#[test]
fn minutes_come_from_the_hotels_cleanings_or_not_at_all() {
    let without = verdict(&[messy()], &nothing()).expect("a verdict");
    assert_eq!((without.estimate, without.no_estimate.as_deref()), (None, Some("no cleaning times yet")));
    let history = vec![Cleaning { room_type: None, minutes: 30.0, tags: vec!["messy".to_owned()] }; 10];
    let with = verdict(&[messy()], &RoomContext { history, ..nothing() }).expect("a verdict");
    let estimate = with.estimate.expect("an estimate");
    assert!((estimate.minutes - 30.0).abs() < 1.0, "{estimate:?}");
}

prop_compose! {
    fn any_reading()(
        messy in 0.0f32..1.0,
        bed in 0.0f32..1.0,
        wet in 0.0f32..1.0,
        usable in prop::bool::weighted(0.8),
    ) -> PhotoReading {
        let side = |p: f32| if p > 0.7 { Some(true) } else if p < 0.3 { Some(false) } else { None };
        reading(&[("messy", messy, side(messy)), ("bed_unmade", bed, side(bed)), ("spill", wet, side(wet))], usable)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn one_more_photo_never_makes_a_room_better(
        photos in prop::collection::vec(any_reading(), 1..5),
        more in any_reading(),
        cleaning_started: bool,
    ) {
        let context = RoomContext { cleaning_started, ..RoomContext::default() };
        let before = verdict(&photos, &context).expect("a verdict");
        let after = verdict(&[photos, vec![more]].concat(), &context).expect("a verdict");
        // What no photo could show may turn out to be clean.
        if before.status != RoomStatus::UnusablePhoto {
            prop_assert!(after.status.badness() >= before.status.badness());
            prop_assert!(before.ready_for_guest || !after.ready_for_guest);
        }
    }

    #[test]
    fn the_order_of_the_photos_does_not_matter(
        photos in prop::collection::vec(any_reading(), 1..5),
        by in 0usize..5,
    ) {
        let mut turned = photos.clone();
        turned.rotate_left(by % photos.len());
        turned.reverse();
        let (a, b) = (
            verdict(&photos, &RoomContext::default()).expect("a verdict"),
            verdict(&turned, &RoomContext::default()).expect("a verdict"),
        );
        prop_assert_eq!((a.status, a.ready_for_guest, &a.missing), (b.status, b.ready_for_guest, &b.missing));
        let labels = |tags: &[Tag]| -> Vec<(String, Option<f32>)> {
            tags.iter().map(|tag| (tag.label.clone(), tag.confidence)).collect()
        };
        prop_assert_eq!(labels(&a.tags), labels(&b.tags));
        prop_assert_eq!(labels(&a.unsure), labels(&b.unsure));
        prop_assert_eq!(a.estimate, b.estimate);
    }
}
