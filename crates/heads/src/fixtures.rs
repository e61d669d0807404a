//! Heads and examples for the tests.

use std::collections::BTreeMap;

use innkeeper_core::ModelRef;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::logistic::Unit;
use crate::{Band, Example, FitSettings, Head, LabelHead, Platt};

pub(crate) fn embedder() -> ModelRef {
    ModelRef::new("lite", "1").unwrap()
}

pub(crate) fn settings() -> FitSettings {
    FitSettings::new(embedder())
}

pub(crate) fn head_of(label: &str, weights: Vec<f32>, bias: f64) -> Head {
    let dimension = weights.len();
    let label = LabelHead {
        label: label.to_owned(),
        unit: Unit { weights, bias },
        platt: Platt::default(),
        band: Band { present_from: Some(0.8), absent_to: Some(0.25) },
        strength: 0.1,
        examples: 10,
        positives: 4,
        groups: 10,
        figures: None,
    };
    Head { embedder: embedder(), dimension, labels: vec![label], trained_on: Vec::new() }
}

pub(crate) fn unit_length(mut v: Vec<f32>) -> Vec<f32> {
    let length = v.iter().map(|x| x * x).sum::<f32>().sqrt();
    for x in &mut v {
        *x /= length;
    }
    v
}

/// Pictures of rooms, three a room, drawn by `seed`: `signal` says how far the two kinds lie apart in units of the noise, and
/// `turn` (radians) in which direction they do.
pub(crate) fn rooms(
    label: &str,
    source: &str,
    count: usize,
    signal: f32,
    turn: f32,
    seed: u64,
) -> Vec<Example> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count)
        .map(|i| {
            let truth = (i / 3) % 2 == 0;
            let side = if truth { signal } else { -signal };
            let mut v: Vec<f32> = (0..16).map(|_| rng.random_range(-1.0f32..1.0)).collect();
            v[0] += side * turn.cos();
            v[1] += side * turn.sin();
            v[2] += 3.0;
            Example {
                embedding: unit_length(v),
                labels: BTreeMap::from([(label.to_owned(), truth)]),
                group: format!("room {}", i / 3),
                source: source.to_owned(),
                picture: format!("{source} {seed} {i}"),
            }
        })
        .collect()
}
