use innkeeper_core::Picture;
use innkeeper_runtime::Ticket;
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::calibration::WITHOUT_MAPS;
use super::evaluation::{Camera, with_thing};
use super::*;

/// A room of rectangles: walls, floor, furniture, pictures, in muted colours with some grain.
fn room(seed: u64, width: u32, height: u32) -> Picture {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (w, h) = (width as usize, height as usize);
    let mut rgb = vec![0_u8; w * h * 3];
    let mut fill = |x0: usize, y0: usize, x1: usize, y1: usize, colour: [u8; 3]| {
        for y in y0..y1.min(h) {
            for x in x0..x1.min(w) {
                rgb[(y * w + x) * 3..][..3].copy_from_slice(&colour);
            }
        }
    };
    fill(0, 0, w, h * 6 / 10, [190, 180, 165]);
    fill(0, h * 6 / 10, w, h, [120, 95, 75]);
    for _ in 0..70 {
        let (x, y) = (random.random_range(0..w), random.random_range(0..h));
        let (a, b) = (random.random_range(w / 40..w / 8), random.random_range(h / 40..h / 8));
        let colour = [0; 3].map(|_| random.random_range(40..220));
        fill(x, y, x + a, y + b, colour);
    }
    for value in &mut rgb {
        *value = value.saturating_add_signed(random.random_range(-3..=3));
    }
    Picture::from_rgb(width, height, rgb).unwrap()
}

fn look(photo: &Picture, references: &[&Picture]) -> Option<Comparison> {
    let ranked: Vec<(usize, f32)> = (0..references.len()).map(|i| (i, 0.9)).collect();
    let settings = CompareSettings::default();
    let examined = examine(photo, &ranked, references, None, &settings, &Ticket::unlimited()).unwrap()?;
    let name = examined.reference.to_string();
    Some(examined.judged(name, &WITHOUT_MAPS, &settings))
}

fn random() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(7)
}

#[test]
fn a_camera_that_moved_and_a_lamp_that_was_switched_on_are_no_change() {
    let scene = room(1, 800, 600);
    let reference = Camera::STILL.take(&scene, &mut random()).unwrap();
    let mut still = 0;
    for (name, camera) in Camera::limits(&mut random()) {
        let photo = camera.take(&scene, &mut random()).unwrap();
        let comparison =
            look(&photo, &[&reference]).unwrap_or_else(|| panic!("{name}: the view is not found"));
        still += usize::from(comparison.changed);
        assert!(comparison.differences.len() <= 1, "{name}: {:?}", comparison.differences);
    }
    assert!(still <= 1, "{still} of the camera's changes were taken for changes of the room");
}

#[test]
fn a_thing_put_down_is_boxed_where_it_lies_and_called_added_and_one_taken_away_removed() {
    let scene = room(2, 800, 600);
    let thing = room(99, 120, 120);
    let area = Rect { x: 420.0, y: 360.0, w: 110.0, h: 110.0 };
    let cluttered = with_thing(&scene, &thing, &area).unwrap();
    let camera = Camera { shift: (0.03, -0.02), rotation: 1.5, brightness: 0.85, ..Camera::STILL };
    let truth = camera.sees(&area, &scene).unwrap().0;
    for (before, after) in [(&scene, &cluttered), (&cluttered, &scene)] {
        let reference = Camera::STILL.take(before, &mut random()).unwrap();
        let photo = camera.take(after, &mut random()).unwrap();
        let comparison = look(&photo, &[&reference]).expect("the same view");
        assert!(comparison.changed);
        let best = &comparison.differences[0];
        assert!(best.area.iou(&truth) > 0.4, "{:?} is not {truth:?}", best.area);
        assert!(best.score > 0.5 && best.score <= 1.0);
    }
}

#[test]
fn of_several_references_the_one_of_this_view_is_taken_and_none_where_there_is_none() {
    let rooms: Vec<Picture> = (10..14).map(|seed| room(seed, 640, 480)).collect();
    let camera = Camera { zoom: 1.04, shift: (-0.03, 0.02), ..Camera::STILL };
    let photo = camera.take(&rooms[2], &mut random()).unwrap();
    let all: Vec<&Picture> = rooms.iter().collect();
    assert_eq!(look(&photo, &all).map(|c| c.reference), Some("2".to_owned()));
    let others: Vec<&Picture> = vec![&rooms[0], &rooms[1], &rooms[3]];
    assert_eq!(look(&photo, &others), None);
    assert_eq!(look(&photo, &[]), None);
}

#[test]
fn boxes_are_in_pixels_of_the_photo_as_sent_whatever_its_size() {
    let scene = room(3, 1600, 1200);
    let area = Rect { x: 900.0, y: 700.0, w: 200.0, h: 200.0 };
    let cluttered = with_thing(&scene, &room(98, 120, 120), &area).unwrap();
    let reference = scene.resized(700, 525, innkeeper_core::Resampling::Area).unwrap();
    let comparison = look(&cluttered, &[&reference]).expect("the same view");
    assert!(comparison.differences[0].area.iou(&area) > 0.4, "{:?}", comparison.differences);
}

#[test]
fn a_cancelled_comparison_stops() {
    let scene = room(4, 320, 240);
    let ticket = Ticket::unlimited();
    ticket.cancel();
    let settings = CompareSettings::default();
    assert!(matches!(
        examine(&scene, &[(0, 1.0)], &[&scene], None, &settings, &ticket),
        Err(RoomError::Runtime(_))
    ));
}

#[test]
fn pictures_without_corners_are_no_view() {
    let grey = |w: u32, h: u32| Picture::from_rgb(w, h, vec![128; (w * h * 3) as usize]).unwrap();
    for (w, h) in [(1, 1), (2, 2), (1, 4000), (4000, 2), (47, 47), (300, 200), (49, 3000)] {
        assert_eq!(look(&grey(w, h), &[&grey(w, h)]), None);
        assert_eq!(look(&grey(w, h), &[&room(5, 300, 200)]), None);
        assert_eq!(look(&room(5, 300, 200), &[&grey(w, h)]), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_pair_of_pictures_breaks_the_comparison(
        (w, h) in (1_u32..400, 1_u32..400), (v, g) in (1_u32..400, 1_u32..400), seed in 0_u64..1000, step in 1_u8..90,
    ) {
        let noise = |w: u32, h: u32, seed: u64| {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let rgb = (0..w * h * 3).map(|_| random.random_range(0..=255_u8) / step * step).collect();
            Picture::from_rgb(w, h, rgb).unwrap()
        };
        for (photo, reference) in [(noise(w, h, seed), noise(v, g, seed)), (noise(w, h, seed), noise(w, h, seed + 1))] {
            if let Some(comparison) = look(&photo, &[&reference]) {
                prop_assert!((0.0..=1.0).contains(&comparison.score));
                prop_assert!((0.0..=1.0).contains(&comparison.coverage));
                prop_assert_eq!(comparison.changed, !comparison.differences.is_empty());
                for difference in &comparison.differences {
                    let area = &difference.area;
                    prop_assert!(area.x >= 0.0 && area.y >= 0.0 && area.w > 0.0 && area.h > 0.0);
                    prop_assert!(area.right() <= photo.width() as f32 && area.bottom() <= photo.height() as f32);
                }
            }
        }
    }
}

/// Photographs of the same view, tidy and cluttered, where `INNKEEPER_MIRROR` has them.
fn pairs() -> Vec<(Picture, Picture)> {
    let Some(mirror) = std::env::var_os("INNKEEPER_MIRROR") else { return Vec::new() };
    let folder = std::path::Path::new(&mirror).join("vision/pairs");
    let Ok(entries) = std::fs::read_dir(folder.join("tidy")) else { return Vec::new() };
    let open = |path: std::path::PathBuf| {
        let bytes = std::fs::read(path).ok()?;
        Picture::decode(&bytes, &innkeeper_core::DecodeLimits::default()).ok()
    };
    let mut names: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.file_name())).collect();
    names.sort();
    names
        .into_iter()
        .filter_map(|name| {
            Some((open(folder.join("tidy").join(&name))?, open(folder.join("cluttered").join(&name))?))
        })
        .collect()
}

#[test]
fn photographed_clutter_scores_above_every_moved_camera() {
    let (mut quiet, mut cluttered) = (Vec::new(), Vec::new());
    for (seed, (tidy, clutter)) in pairs().iter().enumerate() {
        let mut random = ChaCha8Rng::seed_from_u64(seed as u64);
        let reference = Camera::STILL.take(tidy, &mut random).unwrap();
        let camera = Camera::any(&mut random);
        let seen = |scene, random: &mut _| {
            look(&camera.take(scene, random).unwrap(), &[&reference]).expect("the same view")
        };
        quiet.push(seen(tidy, &mut random));
        cluttered.push(seen(clutter, &mut random));
    }
    assert!(cluttered.iter().all(|c| c.changed));
    let highest = quiet.iter().map(|c| c.score).fold(0.0, f32::max);
    assert!(cluttered.iter().all(|c| c.score > highest), "{highest} {cluttered:?}");
}
