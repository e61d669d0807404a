//! Fits the upper end of the scores of strangers.

use super::protocol::{People, Scores};
use crate::{TAIL_RATE, Tail};

/// People in the gallery in which a stranger's comparison must win: a hotel's staff.
const GALLERY: usize = 50;
/// Excesses without which no tail is fitted.
const LEAST_EXCESSES: f64 = 20.0;

/// Comparisons of faces with others: scores, and how many of each count.
#[derive(Debug, Default)]
pub(super) struct Comparisons {
    total: usize,
    weighted: Vec<(f32, f64)>,
}

impl Comparisons {
    /// Adds comparisons that count in full.
    pub fn add(&mut self, scores: &[f32]) {
        self.total += scores.len();
        self.weighted.extend(scores.iter().map(|s| (*s, 1.0)));
    }

    /// Adds the comparisons of every picture of the people who are `in_it` with the others of them. In a
    /// gallery a stranger is named only if the best person leads the second by `margin`, so a comparison
    /// counts with the probability that none of the people who would spoil that lead are among the [`GALLERY`].
    pub fn add_strangers(
        &mut self,
        scores: &Scores,
        people: &People,
        margin: f32,
        in_it: impl Fn(usize) -> bool,
    ) {
        let others: Vec<usize> = (0..people.pictures.len()).filter(|p| in_it(*p)).collect();
        for (picture, own) in people.own.iter().enumerate().filter(|(_, own)| in_it(**own)) {
            let row = scores.row(picture);
            let mut row: Vec<f32> = others.iter().filter(|p| *p != own).map(|p| row[*p]).collect();
            row.sort_by(|a, b| b.total_cmp(a));
            let enrolled = ((GALLERY - 1) as f64 / row.len().saturating_sub(1).max(1) as f64).min(1.0);
            for (place, score) in row.iter().enumerate() {
                let near = row.partition_point(|other| *other > score - margin);
                let rivals = near - usize::from(near > place);
                self.weighted.push((*score, (1.0 - enrolled).powi(rivals as i32)));
            }
            self.total += row.len();
        }
    }

    /// The tail beyond [`TAIL_RATE`], by maximum likelihood. `None` when too few comparisons are beyond it.
    pub fn tail(mut self) -> Option<Tail> {
        self.weighted.retain(|(_, weight)| *weight > 0.0);
        self.weighted.sort_by(|a, b| b.0.total_cmp(&a.0));
        let allowed = self.total as f64 * TAIL_RATE;
        if allowed < LEAST_EXCESSES {
            return None;
        }
        let mut sum = 0.0;
        let beyond = self.weighted.iter().position(|(_, weight)| {
            sum += weight;
            sum > allowed
        })?;
        let start = self.weighted[beyond].0;
        let excesses: Vec<(f64, f64)> =
            self.weighted[..beyond].iter().map(|(s, w)| (f64::from(s - start), *w)).collect();
        let weight: f64 = excesses.iter().map(|e| e.1).sum();
        let highest = excesses.first()?.0;
        if highest <= 0.0 {
            return None;
        }
        // Along shape / scale the best shape is the mean of ln(1 + excess * shape / scale), which leaves one
        // number to search (Grimshaw 1993). Half steps never meet zero, where shape and scale are both lost.
        let candidate = |step: i32| {
            let ratio = ((f64::from(step) + 0.5) / 200.0).exp_m1() / highest;
            let shape = excesses.iter().map(|(y, w)| w * (ratio * y).ln_1p()).sum::<f64>() / weight;
            let scale = shape / ratio;
            (-scale.ln() - shape, scale, shape)
        };
        // From an end just beyond the highest score, to a tail far heavier than faces have. Below a shape of
        // -0.5 the likelihood says nothing any more (Smith 1985).
        let (_, scale, shape) = (-1500..600)
            .map(candidate)
            .filter(|(_, scale, shape)| *scale > 0.0 && *shape > -0.5)
            .max_by(|a, b| a.0.total_cmp(&b.0))?;
        Some(Tail { start, scale: scale as f32, shape: shape as f32 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The quantiles of a generalised Pareto tail above 0.3, and as many scores below as make them a tail.
    fn comparisons(shape: f64) -> Comparisons {
        let (excesses, scale) = (1000, 0.03);
        let total = (f64::from(excesses) / TAIL_RATE) as usize;
        let beyond = |i: i32| {
            let folds = -((f64::from(i) + 0.5) / f64::from(excesses)).ln();
            let y = if shape == 0.0 { folds } else { (shape * folds).exp_m1() / shape };
            (0.3 + scale * y) as f32
        };
        let mut list: Vec<f32> = (0..excesses).map(beyond).collect();
        list.push(0.3);
        let mut found = Comparisons::default();
        found.add(&list);
        found.total = total;
        found
    }

    #[test]
    fn the_shape_of_a_tail_is_recovered_whether_it_ends_or_not() {
        for shape in [-0.3, 0.0, 0.2] {
            let tail = comparisons(shape).tail().unwrap();
            assert!((tail.start - 0.3).abs() < 1e-4, "{tail:?}");
            assert!((tail.scale - 0.03).abs() < 0.002, "{shape}: {tail:?}");
            assert!((f64::from(tail.shape) - shape).abs() < 0.04, "{shape}: {tail:?}");
        }
        let mut few = comparisons(0.0);
        few.total = 1000;
        assert!(few.tail().is_none(), "one comparison beyond is no tail");
    }

    #[test]
    fn a_comparison_counts_less_where_another_person_is_about_as_near() {
        let people = People::of(["A", "B", "C", "D"].into_iter());
        let at = |degrees: f32| vec![degrees.to_radians().cos(), degrees.to_radians().sin()];
        let faces = [at(0.0), at(20.0), at(21.0), at(90.0)];
        let templates: Vec<Vec<Vec<f32>>> = faces.iter().map(|f| vec![f.clone()]).collect();
        let faces: Vec<&[f32]> = faces.iter().map(Vec::as_slice).collect();
        let mut found = Comparisons::default();
        found.add_strangers(&Scores::of(&faces, &templates), &people, 0.02, |_| true);
        // With fewer people than a gallery all are enrolled: only a clear winner can be named.
        let named: Vec<f32> = found.weighted.iter().filter(|(_, w)| *w > 0.0).map(|(s, _)| *s).collect();
        let cos = |degrees: f32| degrees.to_radians().cos();
        let clear = |score: f32| named.iter().any(|s| (s - score).abs() < 1e-6);
        assert_eq!((found.total, named.len()), (12, 2), "{found:?}");
        assert!(clear(cos(1.0)) && !clear(cos(20.0)), "A is as near to B as to C: {found:?}");
    }
}
