use innkeeper_core::Picture;
use proptest::prelude::*;

use super::*;
use crate::answer::LabelProbability;
use crate::{Cleaning, PhotoQuality, PreviousVerdict, QualitySettings};

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
fn an_unusable_photo_is_named_and_the_others_decide() {
    let blurred = reading(&[("messy", 0.99, Some(true))], false);
    let both = verdict(&[blurred.clone(), clean()], &nothing()).expect("a verdict");
    assert_eq!((both.status, both.ready_for_guest), (RoomStatus::Clean, true));
    assert!(both.tags.is_empty(), "an unusable photo had its say: {:?}", both.tags);
    assert!(both.reasons.iter().any(|reason| reason.starts_with("Photo 1 cannot be judged")));
    let alone = verdict(&[blurred], &nothing()).expect("a verdict");
    assert_eq!((alone.status, alone.ready_for_guest), (RoomStatus::UnusablePhoto, false));
    assert_eq!(alone.no_estimate.as_deref(), Some("no photo can be judged"));
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
