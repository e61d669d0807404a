//! How often the pictures found are the right ones: the figures behind `innkeeper evaluate visual-search`.

use std::collections::BTreeMap;

use innkeeper_core::{Embedding, EmbeddingError};
use serde::Serialize;

/// Pictures found for each query that count as found.
const FEW: usize = 5;

/// How well a set finds itself: each picture is asked for, the others are the index.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Retrieval {
    /// Share of queries whose most similar picture has the query's label; `None` without queries.
    pub r1: Option<f64>,
    /// Share of queries with at least one picture of their label among the five most similar.
    pub r5: Option<f64>,
    /// Queries: pictures whose label another picture has too.
    pub n: usize,
    /// Pictures that are alone with their label: found by nobody, so they are no queries, but stand in the way of the
    /// others as pictures in an index do.
    pub alone: usize,
}

/// Asks for each picture among all others. `pictures` are labels with descriptors of one model.
///
/// # Errors
/// [`EmbeddingError::DifferentModels`] when two descriptors cannot be compared.
pub fn leave_one_out(pictures: &[(String, Embedding)]) -> Result<Retrieval, EmbeddingError> {
    let mut labels: BTreeMap<&str, usize> = BTreeMap::new();
    for (label, _) in pictures {
        *labels.entry(label).or_default() += 1;
    }
    let (mut first, mut few, mut n) = (0_usize, 0_usize, 0_usize);
    for (at, (label, query)) in pictures.iter().enumerate() {
        if labels.get(label.as_str()).is_none_or(|&count| count < 2) {
            continue;
        }
        let mut others = Vec::with_capacity(pictures.len());
        for (other, (_, descriptor)) in pictures.iter().enumerate().filter(|(other, _)| *other != at) {
            others.push((query.cosine(descriptor)?, other));
        }
        // Equal similarities by place, so that the same set always gives the same figure.
        others.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut right = others.iter().map(|(_, other)| pictures.get(*other).is_some_and(|p| p.0 == *label));
        let nearest = right.next().unwrap_or(false);
        n += 1;
        first += usize::from(nearest);
        few += usize::from(nearest || right.take(FEW - 1).any(|right| right));
    }
    let share = |count: usize| (n > 0).then(|| count as f64 / n as f64);
    Ok(Retrieval { r1: share(first), r5: share(few), n, alone: pictures.len() - n })
}

#[cfg(test)]
mod tests {
    use innkeeper_core::ModelRef;

    use super::*;

    fn at(label: &str, degrees: f32) -> (String, Embedding) {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let model = ModelRef::new("m", "1").unwrap();
        (label.to_owned(), Embedding::normalised(model, vec![cos, sin]).unwrap())
    }

    #[test]
    fn the_nearest_and_the_five_nearest_are_counted_apart() {
        // Of the three `a`, two are each other's nearest; the third has five others before it finds one.
        let mut pictures = vec![at("a", 0.0), at("a", 1.0), at("a", 60.0)];
        pictures.extend((0..5).map(|i| at("b", 61.0 + 2.0 * i as f32)));
        let found = leave_one_out(&pictures).unwrap();
        assert_eq!((found.n, found.alone), (8, 0));
        // The nearest of the `b` at 61 degrees is the `a` at 60, its second a `b`.
        assert_eq!((found.r1, found.r5), (Some(6.0 / 8.0), Some(7.0 / 8.0)));
    }

    #[test]
    fn a_label_that_stands_alone_is_no_query() {
        let found = leave_one_out(&[at("a", 0.0), at("b", 10.0), at("b", 12.0)]).unwrap();
        assert_eq!(found, Retrieval { r1: Some(1.0), r5: Some(1.0), n: 2, alone: 1 });
        let nothing = leave_one_out(&[at("a", 0.0)]).unwrap();
        assert_eq!(nothing, Retrieval { r1: None, r5: None, n: 0, alone: 1 });
        assert_eq!(leave_one_out(&[]).unwrap().r1, None);
    }

    #[test]
    fn descriptors_of_two_models_are_an_error() {
        let other = Embedding::normalised(ModelRef::new("m", "2").unwrap(), vec![1.0, 0.0]).unwrap();
        assert!(leave_one_out(&[at("a", 0.0), ("a".to_owned(), other)]).is_err());
    }
}
