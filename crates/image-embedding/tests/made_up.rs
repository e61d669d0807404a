//! The embedder on a made-up network: what it feeds, what it answers, and what it refuses.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "for tests")]

use std::sync::Arc;

use innkeeper_core::{ModelRef, Picture};
use innkeeper_image_embedding::{CHANNELS, EmbedderSettings, EmbeddingError, ImageEmbedder};
use innkeeper_runtime::{Model, PoolOptions, Port, RuntimeError, Session, Tensor, Ticket};
use proptest::prelude::*;

/// Channel 0 to 2 of a cell: the mean of its red, green, blue inputs plus 1; the others 0.
struct Means {
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    broken: bool,
}

impl Session for Means {
    fn inputs(&self) -> &[Port] {
        &self.inputs
    }
    fn outputs(&self) -> &[Port] {
        &self.outputs
    }
    fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, RuntimeError> {
        let &[rows, 3, height, width] = inputs[0].shape() else { panic!("{:?}", inputs[0].shape()) };
        let (down, across) = (height / 32, width / 32);
        let mut map = vec![if self.broken { f32::NAN } else { 0.0 }; rows * CHANNELS * down * across];
        for (at, value) in inputs[0].data().iter().enumerate() {
            let (channel, y, x) = (at / (height * width), at / width % height, at % width);
            map[(channel * down + y / 32) * across + x / 32] += (value + 1.0) / 1024.0;
        }
        Ok(vec![Tensor::new(vec![rows, CHANNELS, down, across], map)?])
    }
}

fn port(name: &str, shape: [Option<usize>; 4]) -> Vec<Port> {
    vec![Port { name: name.to_owned(), shape: shape.to_vec() }]
}

fn start(input: [Option<usize>; 4], output: [Option<usize>; 4], broken: bool) -> Arc<Model> {
    let factory = move || -> Result<Box<dyn Session>, RuntimeError> {
        Ok(Box::new(Means { inputs: port("input", input), outputs: port("features", output), broken }))
    };
    // Only a network that takes any RGB picture can be warmed with one.
    let warm = input == [None, Some(3), None, None];
    let warm_shapes = if warm { vec![vec![vec![1, 3, 64, 64]]] } else { Vec::new() };
    let options = PoolOptions { workers: 1, warm_shapes, ..PoolOptions::default() };
    let model = ModelRef::new("means", "1").unwrap();
    Arc::new(Model::start("means", model, Box::new(factory), options).unwrap())
}

fn means(broken: bool) -> Arc<Model> {
    start([None, Some(3), None, None], [None, Some(CHANNELS), None, None], broken)
}

fn plain(width: u32, height: u32, colour: [u8; 3]) -> Picture {
    Picture::from_rgb(width, height, colour.repeat((width * height) as usize)).unwrap()
}

#[test]
fn red_green_and_blue_are_fed_in_that_order_and_scale() {
    let embedder = ImageEmbedder::with_settings(means(false), EmbedderSettings { side: 64 }).unwrap();
    let features = embedder.features(&plain(50, 80, [255, 127, 0]), &Ticket::unlimited()).unwrap();
    assert_eq!((features.rows(), features.columns(), features.channels()), (2, 2, CHANNELS));
    for (value, expected) in features.cell(1, 1).iter().zip([2.0, 1.0, 1.0 - 127.0 / 128.0, 0.0]) {
        assert!((value - expected).abs() < 1e-4, "{value} instead of {expected}");
    }
}

#[test]
fn a_cell_lies_where_the_picture_has_it() {
    let (width, height) = (300, 100);
    let rgb =
        (0..height).flat_map(|y| (0..width).flat_map(move |x| [if x > 240 && y < 20 { 255 } else { 0 }; 3]));
    let picture = Picture::from_rgb(width, height, rgb.collect()).unwrap();
    let embedder = ImageEmbedder::with_settings(means(false), EmbedderSettings { side: 160 }).unwrap();
    let features = embedder.features(&picture, &Ticket::unlimited()).unwrap();
    for row in 0..5 {
        for column in 0..5 {
            let bright = features.cell(row, column)[0] > 1.0;
            assert_eq!(bright, (row, column) == (0, 4), "cell {row}, {column}");
        }
    }
}

#[test]
fn features_of_two_sides_do_not_pass_for_comparable() {
    let of = |side| ImageEmbedder::with_settings(means(false), EmbedderSettings { side }).unwrap();
    assert_eq!(of(224).model().to_string(), "means@1-224");
    let features = of(64).features(&plain(9, 9, [1, 2, 3]), &Ticket::unlimited()).unwrap();
    assert_eq!(*features.model(), of(64).model());
    assert_ne!(of(64).model(), of(96).model());
}

#[test]
fn a_side_that_does_not_fit_the_grid_is_refused() {
    for side in [0, 32, 100, 225, 672, u32::MAX] {
        let refused = ImageEmbedder::with_settings(means(false), EmbedderSettings { side });
        assert!(matches!(refused, Err(EmbeddingError::Side { .. })), "{side}");
    }
}

#[test]
fn a_network_of_another_kind_is_refused_when_it_is_joined() {
    for (input, output) in [
        ([None, Some(1), None, None], [None, Some(CHANNELS), None, None]),
        ([None, Some(3), None, None], [None, Some(512), None, None]),
        ([None, Some(3), Some(64), Some(64)], [None, Some(CHANNELS), None, None]),
    ] {
        let refused = ImageEmbedder::new(start(input, output, false));
        assert!(matches!(refused, Err(EmbeddingError::UnexpectedModel { .. })), "{input:?} {output:?}");
    }
}

#[test]
fn numbers_that_are_not_finite_never_leave_as_features() {
    let embedder = ImageEmbedder::with_settings(means(true), EmbedderSettings { side: 64 }).unwrap();
    let answer = embedder.features(&plain(9, 9, [0; 3]), &Ticket::unlimited());
    assert!(matches!(answer, Err(EmbeddingError::NoDirection)));
}

#[test]
fn a_cancelled_request_is_not_computed() {
    let embedder = ImageEmbedder::new(means(false)).unwrap();
    let ticket = Ticket::unlimited();
    ticket.cancel();
    let answer = embedder.features(&plain(9, 9, [0; 3]), &ticket);
    assert!(matches!(answer, Err(EmbeddingError::Runtime(RuntimeError::Cancelled))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_picture_of_any_shape_gets_a_unit_vector(
        (width, height) in prop_oneof![Just((1, 1)), Just((16_384, 1)), Just((1, 9_999)), (1_u32..200, 1_u32..200)],
        colour: [u8; 3],
    ) {
        let embedder = ImageEmbedder::with_settings(means(false), EmbedderSettings { side: 64 }).unwrap();
        let features = embedder.features(&plain(width, height, colour), &Ticket::unlimited()).unwrap();
        let norm = features.pooled().iter().map(|v| v * v).sum::<f32>();
        prop_assert!((norm - 1.0).abs() < 1e-4);
    }
}
