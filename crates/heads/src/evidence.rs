//! Where in the picture a label shows.

use crate::logistic::dot;
use crate::{Head, HeadError};

/// Most cells of a map.
const MOST_CELLS: usize = 1 << 16;

/// What each cell of a feature map says about one label.
///
/// A logistic unit on the mean of the cells is a 1x1 convolution on the map. The embedding is that mean divided by its length,
/// and so is every cell here: the mean of the values is the logit of the whole picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// Rows of the map.
    pub rows: usize,
    /// Columns of the map.
    pub columns: usize,
    /// Logit of each cell, row by row, uncalibrated. Above zero speaks for the label.
    pub values: Vec<f32>,
}

/// A part of the picture where a label shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    /// Left edge, in widths of the picture, 0 to 1.
    pub x: f32,
    /// Upper edge, in heights of the picture, 0 to 1.
    pub y: f32,
    /// Width, in widths of the picture.
    pub width: f32,
    /// Height, in heights of the picture.
    pub height: f32,
    /// Mean logit of its cells.
    pub logit: f32,
}

impl Head {
    /// What each cell says about `label`. `cells` are `rows * columns * channels` numbers, row by row, as many channels as
    /// the head has dimensions.
    ///
    /// # Errors
    /// [`HeadError::UnknownLabel`], [`HeadError::FeatureMap`] for a map of another size or without direction.
    pub fn evidence(
        &self,
        label: &str,
        cells: &[f32],
        rows: usize,
        columns: usize,
    ) -> Result<Evidence, HeadError> {
        let head =
            self.label(label).ok_or_else(|| HeadError::UnknownLabel(label.chars().take(64).collect()))?;
        let bad = |reason| HeadError::FeatureMap { rows, columns, reason };
        let count = rows
            .checked_mul(columns)
            .filter(|n| (1..=MOST_CELLS).contains(n))
            .ok_or(bad("no sensible size"))?;
        if count.checked_mul(self.dimension) != Some(cells.len()) {
            return Err(bad("rows times columns times channels is not its length"));
        }
        let mut mean = vec![0f64; self.dimension];
        for cell in cells.chunks_exact(self.dimension) {
            for (m, c) in mean.iter_mut().zip(cell) {
                *m += f64::from(*c) / count as f64;
            }
        }
        let length = mean.iter().map(|m| m * m).sum::<f64>().sqrt();
        if !length.is_finite() || length <= f64::from(f32::MIN_POSITIVE) {
            return Err(bad("its mean has no direction"));
        }
        let values = cells
            .chunks_exact(self.dimension)
            .map(|cell| (f64::from(dot(&head.unit.weights, cell)) / length + head.unit.bias) as f32)
            .collect();
        Ok(Evidence { rows, columns, values })
    }
}

impl Evidence {
    /// Rectangles around the connected cells (by an edge) of at least `least`, strongest first.
    pub fn areas(&self, least: f32) -> Vec<Area> {
        let strong = |at: usize| self.values.get(at).is_some_and(|v| *v >= least);
        let mut seen = vec![false; self.values.len()];
        let mut areas = Vec::new();
        for start in 0..self.values.len() {
            if !strong(start) || seen[start] {
                continue;
            }
            seen[start] = true;
            let (mut open, mut members) = (vec![start], Vec::new());
            while let Some(at) = open.pop() {
                members.push(at);
                let (row, column) = (at / self.columns, at % self.columns);
                let beside = [
                    (column > 0).then(|| at - 1),
                    (column + 1 < self.columns).then_some(at + 1),
                    (row > 0).then(|| at - self.columns),
                    (row + 1 < self.rows).then_some(at + self.columns),
                ];
                for next in beside.into_iter().flatten() {
                    if strong(next) && !seen[next] {
                        seen[next] = true;
                        open.push(next);
                    }
                }
            }
            areas.push(self.around(&members));
        }
        areas.sort_by(|a, b| b.logit.total_cmp(&a.logit));
        areas
    }

    fn around(&self, members: &[usize]) -> Area {
        let (mut top, mut left, mut bottom, mut right, mut sum) = (self.rows, self.columns, 0, 0, 0.0);
        for at in members {
            let (row, column) = (at / self.columns, at % self.columns);
            (top, left) = (top.min(row), left.min(column));
            (bottom, right) = (bottom.max(row + 1), right.max(column + 1));
            sum += self.values[*at];
        }
        let (rows, columns) = (self.rows as f32, self.columns as f32);
        Area {
            x: left as f32 / columns,
            y: top as f32 / rows,
            width: (right - left) as f32 / columns,
            height: (bottom - top) as f32 / rows,
            logit: sum / members.len().max(1) as f32,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixtures::{head_of, unit_length};

    #[test]
    fn an_area_is_drawn_around_the_cells_that_speak_for_the_label() {
        let mut values = vec![-1.0; 16];
        for at in [5, 6, 10, 15] {
            values[at] = 2.0;
        }
        values[15] = 3.0;
        let areas = Evidence { rows: 4, columns: 4, values }.areas(0.5);
        assert_eq!(areas[0], Area { x: 0.75, y: 0.75, width: 0.25, height: 0.25, logit: 3.0 });
        assert_eq!(areas[1], Area { x: 0.25, y: 0.25, width: 0.5, height: 0.5, logit: 2.0 });
        assert_eq!(areas.len(), 2, "cells that touch at a corner are two areas");
    }

    #[test]
    fn a_map_of_another_size_is_refused() {
        let head = head_of("messy", vec![1.0, -1.0, 0.5], 0.1);
        for (cells, rows, columns) in [(11, 2, 2), (12, 0, 4), (12, usize::MAX, 2), (0, 0, 0)] {
            assert!(matches!(
                head.evidence("messy", &vec![1.0; cells], rows, columns),
                Err(HeadError::FeatureMap { .. })
            ));
        }
        assert!(matches!(head.evidence("messy", &[0.0; 12], 2, 2), Err(HeadError::FeatureMap { .. })));
        assert!(matches!(head.evidence("messy", &[f32::NAN; 12], 2, 2), Err(HeadError::FeatureMap { .. })));
        assert!(matches!(head.evidence("clean", &[1.0; 12], 2, 2), Err(HeadError::UnknownLabel(_))));
    }

    proptest! {
        #[test]
        fn the_mean_of_the_cells_is_the_logit_of_the_picture(cells in prop::collection::vec(0.0f32..6.0, 24), weights in prop::collection::vec(-5.0f32..5.0, 4)) {
            let mean: Vec<f32> = (0..4).map(|c| cells.iter().skip(c).step_by(4).sum::<f32>() / 6.0).collect();
            prop_assume!(mean.iter().any(|m| *m > 0.1));
            let head = head_of("messy", weights, -0.3);
            let evidence = head.evidence("messy", &cells, 2, 3).unwrap();
            let whole = head.label("messy").unwrap().unit.logit(&unit_length(mean));
            let of_cells = f64::from(evidence.values.iter().sum::<f32>() / 6.0);
            prop_assert!((whole - of_cells).abs() < 1e-3, "{whole} {of_cells}");
        }
    }
}
