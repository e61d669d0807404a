//! Descriptions by the installed network.
#![allow(clippy::unwrap_used, reason = "for tests")]

#[path = "../../image-embedding/tests/installed/mod.rs"]
mod installed;

use std::sync::Arc;

use innkeeper_core::{DecodeLimits, Picture, Resampling};
use innkeeper_image_embedding::{EmbedderSettings, ImageEmbedder};
use innkeeper_runtime::Ticket;
use innkeeper_visual_search::{Centre, Describer, Description, SearchError, near_duplicate};

fn describer() -> Option<Describer> {
    let embedder = installed::embedder(EmbedderSettings::default(), 1)?;
    Some(Describer::new(Arc::new(embedder)).unwrap())
}

/// A box with a stripe on a table: what it is by `kind`, its colour by `colour`.
fn drawn(kind: u32, colour: [u8; 3]) -> Picture {
    let (width, height) = (480_u32, 360_u32);
    let rgb = (0..height).flat_map(|y| {
        (0..width).flat_map(move |x| {
            let (dx, dy) = (x.abs_diff(240 - 30 * kind), y.abs_diff(180));
            let thing =
                if kind.is_multiple_of(2) { dx < 90 && dy < 120 } else { dx * dx + dy * dy < 110 * 110 };
            let table = [(120 + (x / 24 % 3) * 12) as u8, (90 + (x / 24 % 3) * 9) as u8, 60];
            match (thing, (x + y * (kind + 1)) % 60 < 20) {
                (false, _) => table,
                (true, true) => [240, 240, 240],
                (true, false) => colour,
            }
        })
    });
    Picture::from_rgb(width, height, rgb.collect()).unwrap()
}

fn cosine(a: &Description, b: &Description) -> f32 {
    a.descriptor.cosine(&b.descriptor).unwrap()
}

#[test]
fn a_copy_is_told_from_another_thing_and_from_another_colour() {
    let Some(describer) = describer() else { return };
    let of = |picture: &Picture| describer.describe(picture, &Ticket::unlimited()).unwrap();
    let picture = drawn(0, [180, 30, 40]);
    let original = of(&picture);
    let sent = picture.resized(400, 300, Resampling::Area).unwrap().to_jpeg(60).unwrap();
    let copy = of(&Picture::decode(&sent, &DecodeLimits::default()).unwrap());
    let (other_colour, other_thing) = (of(&drawn(0, [30, 60, 170])), of(&drawn(1, [180, 30, 40])));
    assert!(near_duplicate(&original.hash, &copy.hash, cosine(&original, &copy)));
    for (what, other) in [("thing", &other_thing), ("colour", &other_colour)] {
        let (copied, other) = (cosine(&original, &copy), cosine(&original, other));
        assert!(copied > other + 0.05, "a copy at {copied}, another {what} at {other}");
    }
    let alike = cosine(&original, &other_thing);
    assert!(!near_duplicate(&original.hash, &other_thing.hash, alike), "two things pass for one at {alike}");
}

#[test]
fn a_hostile_picture_has_a_finite_descriptor() {
    let Some(describer) = describer() else { return };
    for (width, height, value) in [(1, 1, 0), (1, 1, 255), (16_384, 1, 90), (1, 3000, 255), (500, 500, 0)] {
        let picture = Picture::from_rgb(width, height, vec![value; (width * height * 3) as usize]).unwrap();
        let description = describer.describe(&picture, &Ticket::unlimited()).unwrap();
        let vector = description.descriptor.vector();
        assert_eq!(vector.len(), describer.dimension());
        assert!(vector.iter().all(|v| v.is_finite()));
    }
}

#[test]
fn a_centre_of_another_network_is_refused() {
    let Some(embedder) = installed::embedder(EmbedderSettings::default(), 1) else { return };
    let text = Centre::shipped().unwrap().to_json().unwrap();
    let other = Centre::from_json(&text.replace("efficientnet-lite0@", "another@")).unwrap();
    let refused = Describer::with_centre(Arc::new(embedder), other);
    assert!(matches!(refused, Err(SearchError::Centre(_))));
}

#[test]
fn the_room_embedder_s_side_does_not_change_descriptions() {
    let Some(small) = installed::embedder(EmbedderSettings { side: 224 }, 1) else { return };
    let large: ImageEmbedder = small.fed_with(EmbedderSettings { side: 384 }).unwrap();
    let of = |embedder: ImageEmbedder| {
        let describer = Describer::new(Arc::new(embedder)).unwrap();
        describer.describe(&drawn(1, [20, 120, 60]), &Ticket::unlimited()).unwrap()
    };
    assert_eq!(of(small), of(large));
}
