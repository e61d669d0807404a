//! The real network, where it is installed.
#![allow(clippy::unwrap_used, reason = "for tests")]

mod installed;

use innkeeper_core::{Picture, Resampling};
use innkeeper_image_embedding::{EmbedderSettings, Features};
use innkeeper_runtime::Ticket;

/// Squares of two sizes on stripes: a picture with structure that no other `kind` shares.
fn drawn(kind: u32) -> Picture {
    let (width, height) = (640_u32, 480_u32);
    let rgb = (0..height).flat_map(|y| {
        (0..width).flat_map(move |x| {
            let stripe = (x * (kind + 1) / 64 + y * kind / 32).is_multiple_of(2);
            let square = (x % 160 < 40 + 30 * kind) && (y % 120 > 50);
            match (stripe, square) {
                (_, true) => [(40 * kind) as u8, 200, 90],
                (true, false) => [230, 220, (60 * kind) as u8],
                (false, false) => [50, 60, 80],
            }
        })
    });
    Picture::from_rgb(width, height, rgb.collect()).unwrap()
}

fn cosine(a: &Features, b: &Features) -> f32 {
    a.pooled().iter().zip(b.pooled()).map(|(a, b)| a * b).sum()
}

#[test]
fn the_same_scene_smaller_is_closer_than_another_scene() {
    let Some(embedder) = installed::embedder(EmbedderSettings::default(), 1) else { return };
    let of = |picture: &Picture| embedder.features(picture, &Ticket::unlimited()).unwrap();
    let (one, two) = (drawn(1), drawn(3));
    let small = one.resized(400, 300, Resampling::Area).unwrap();
    let (same, other) = (cosine(&of(&one), &of(&small)), cosine(&of(&one), &of(&two)));
    assert!(same > 0.95 && same > other + 0.05, "same {same}, other {other}");
}

#[test]
fn the_map_keeps_the_place_of_what_changed() {
    let Some(embedder) = installed::embedder(EmbedderSettings::default(), 1) else { return };
    let before = drawn(1);
    let mut rgb = before.rgb().to_vec();
    for y in 300..470_usize {
        let at = (y * 640 + 440) * 3;
        rgb[at..at + 190 * 3].fill(250);
    }
    let after = Picture::from_rgb(640, 480, rgb).unwrap();
    let of = |picture: &Picture| embedder.features(picture, &Ticket::unlimited()).unwrap();
    let (before, after) = (of(&before), of(&after));
    let change = |row, column| -> f32 {
        before.cell(row, column).iter().zip(after.cell(row, column)).map(|(a, b)| (a - b).powi(2)).sum()
    };
    let (last, half) = (before.rows() - 1, before.rows() / 2);
    assert!(change(last - 1, last - 1) > 4.0 * change(1, 1), "the far corner changed as much");
    assert!(change(last - 1, last - 1) > change(half, 0), "the other side changed more");
}

#[test]
fn a_hostile_picture_has_finite_features() {
    let Some(embedder) = installed::embedder(EmbedderSettings::default(), 1) else { return };
    for (width, height, value) in [(1, 1, 0), (1, 1, 255), (16_384, 1, 90), (1, 3000, 255), (500, 500, 0)] {
        let picture = Picture::from_rgb(width, height, vec![value; (width * height * 3) as usize]).unwrap();
        let features = embedder.features(&picture, &Ticket::unlimited()).unwrap();
        assert!(features.pooled().iter().all(|v| v.is_finite()));
    }
}
