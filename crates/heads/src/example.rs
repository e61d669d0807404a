use std::collections::BTreeMap;

use crate::HeadError;

/// Most characters in the name of a label.
const LONGEST_LABEL: usize = 64;
/// How far from 1 the length of an embedding may be: rounding of 32-bit numbers, no more.
const LENGTH_SLACK: f32 = 1e-2;

/// A picture that somebody judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// The embedding, of Euclidean length 1.
    pub embedding: Vec<f32>,
    /// What is known: the label is there (`true`) or is not (`false`). Labels nobody judged are left out.
    pub labels: BTreeMap<String, bool>,
    /// What must not stand on both sides of a split: the room, or the picture this one was made from.
    pub group: String,
    /// Where it comes from: a hotel, a data set.
    pub source: String,
    /// Which picture it is: its SHA-256, or an id that stays with it. A head remembers a digest of it.
    pub picture: String,
}

/// Whether `label` may name a label: 1 to 64 of `a-z 0-9 _ -`.
pub(crate) fn check_label(label: &str) -> Result<(), HeadError> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    if label.is_empty() || label.len() > LONGEST_LABEL || !label.bytes().all(plain) {
        return Err(HeadError::LabelName(label.chars().take(LONGEST_LABEL).collect()));
    }
    Ok(())
}

/// Whether `embedding` has `dimension` finite numbers and unit length.
pub(crate) fn check_embedding(embedding: &[f32], dimension: usize) -> Result<(), HeadError> {
    if embedding.len() != dimension {
        return Err(HeadError::Dimension { wanted: dimension, found: embedding.len() });
    }
    let length = embedding.iter().map(|v| v * v).sum::<f32>().sqrt();
    if (length - 1.0).abs() <= LENGTH_SLACK { Ok(()) } else { Err(HeadError::NotNormalised { length }) }
}

/// Checks all examples and returns the length of their embeddings.
pub(crate) fn check_all(examples: &[Example]) -> Result<usize, HeadError> {
    let dimension = examples.first().map_or(0, |e| e.embedding.len());
    for example in examples {
        check_embedding(&example.embedding, dimension)?;
        for label in example.labels.keys() {
            check_label(label)?;
        }
    }
    Ok(dimension)
}
