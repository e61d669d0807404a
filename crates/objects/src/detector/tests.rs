use proptest::prelude::*;

use super::*;

const PERSON: usize = 0;
const BED: usize = 59;

/// An output of the network where no cell sees anything.
fn empty() -> Vec<f32> {
    vec![0.0; cells() * ROW]
}

/// The cell of the finest grid at this column and line says: this kind, centre and size in pixels of the square.
fn put(rows: &mut [f32], column: usize, line: usize, kind: usize, score: f32, size: (f32, f32)) {
    let row = &mut rows[(line * (INPUT_SIDE / STRIDES[0]) as usize + column) * ROW..][..ROW];
    row[..BOX_NUMBERS].copy_from_slice(&[0.5, 0.5, (size.0 / 8.0).ln(), (size.1 / 8.0).ln(), 1.0]);
    row[BOX_NUMBERS + kind] = score;
}

fn picture(width: u32, height: u32) -> Picture {
    Picture::from_rgb(width, height, vec![200; (width * height * 3) as usize]).expect("a picture")
}

fn read(rows: &[f32], picture: &Picture) -> Vec<Object> {
    let (_, scale) = input(picture).expect("an input");
    decode(rows, scale, picture, &DetectorSettings::default())
}

#[test]
fn a_box_is_given_in_pixels_of_the_picture_that_came() {
    let mut rows = empty();
    put(&mut rows, 10, 20, BED, 0.9, (80.0, 40.0));
    // The centre stands at (84, 164) of the square; this picture is twice as large.
    let found = read(&rows, &picture(832, 624));
    assert_eq!(found.len(), 1);
    let Object { label, area, .. } = &found[0];
    assert_eq!(*label, "bed");
    for (have, want) in [(area.x, 88.0), (area.y, 288.0), (area.w, 160.0), (area.h, 80.0)] {
        assert!((have - want).abs() < 0.01, "{area:?}");
    }
}

#[test]
fn two_kinds_may_stand_in_one_place_and_one_kind_may_not() {
    let mut rows = empty();
    put(&mut rows, 10, 20, BED, 0.9, (80.0, 40.0));
    put(&mut rows, 11, 20, BED, 0.8, (80.0, 40.0));
    put(&mut rows, 12, 20, PERSON, 0.8, (80.0, 40.0));
    let mut labels: Vec<&str> = read(&rows, &picture(416, 416)).iter().map(|object| object.label).collect();
    labels.sort_unstable();
    assert_eq!(labels, ["bed", "person"]);
}

#[test]
fn a_box_beyond_the_picture_ends_at_its_edge_or_is_none() {
    let mut rows = empty();
    put(&mut rows, 0, 0, BED, 0.9, (200.0, 200.0));
    // This one stands in the padding below a flat picture.
    put(&mut rows, 20, 50, BED, 0.9, (20.0, 20.0));
    let found = read(&rows, &picture(416, 100));
    assert_eq!(found.len(), 1);
    let area = found[0].area;
    assert!(area.x >= 0.0 && area.y >= 0.0 && area.right() <= 416.0 && area.bottom() <= 100.0, "{area:?}");
}

#[test]
fn numbers_that_are_none_find_nothing() {
    for broken in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let rows = vec![broken; cells() * ROW];
        assert!(read(&rows, &picture(100, 100)).is_empty(), "{broken}");
    }
}

#[test]
fn the_picture_stands_top_left_with_blue_first_and_grey_around() {
    let picture = Picture::from_rgb(208, 104, [10, 20, 30].repeat(208 * 104)).expect("a picture");
    let (tensor, scale) = input(&picture).expect("an input");
    assert!((scale - 2.0).abs() < 1e-6);
    let plane = (INPUT_SIDE * INPUT_SIDE) as usize;
    let data = tensor.data();
    assert_eq!((data[0], data[plane], data[2 * plane]), (30.0, 20.0, 10.0));
    let below = 208 * INPUT_SIDE as usize;
    assert_eq!((data[below - 1], data[below]), (30.0, PADDING));
}

#[test]
fn a_label_stands_where_the_network_means_it() {
    assert_eq!(
        (LABELS[PERSON], LABELS[28], LABELS[BED], LABELS[79]),
        ("person", "suitcase", "bed", "toothbrush")
    );
    let mut names = LABELS.to_vec();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 80);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn whatever_the_network_says_boxes_lie_inside_and_confidences_between_0_and_1(
        seed in prop::collection::vec(-30.0f32..30.0, ROW), width in 1u32..900, height in 1u32..900,
    ) {
        let rows: Vec<f32> = (0..cells() * ROW).map(|i| seed[(i * 31 + i / ROW) % ROW]).collect();
        let picture = picture(width, height);
        let found = read(&rows, &picture);
        prop_assert!(found.len() <= DetectorSettings::default().max_objects);
        for object in found {
            let area = object.area;
            prop_assert!(area.x >= 0.0 && area.right() <= width as f32 + 0.5 && area.bottom() <= height as f32 + 0.5);
            prop_assert!((0.0..=1.0).contains(&object.confidence), "{object:?}");
        }
    }
}
