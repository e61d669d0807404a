use innkeeper_core::ModelRef;

use crate::EmbeddingError;

/// Numbers of one cell, and of the vector of the whole picture.
pub const CHANNELS: usize = 1280;

/// What the network sees in one picture.
///
/// The picture is laid under a grid of `rows x columns` equal cells, whatever its shape: the cell at `(row,
/// column)` covers `height / rows` by `width / columns` of its pixels, and knows more or less of what is
/// around it.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    rows: usize,
    columns: usize,
    /// Row by row, the channels of a cell together.
    cells: Vec<f32>,
    pooled: Vec<f32>,
    model: ModelRef,
}

impl Features {
    /// From one row of the network's output: planes, `channels x rows x columns`. The caller has checked that
    /// `planes` is that long.
    pub(crate) fn from_planes(
        model: ModelRef,
        planes: &[f32],
        rows: usize,
        columns: usize,
    ) -> Result<Self, EmbeddingError> {
        let count = rows * columns;
        let mut cells = vec![0.0; count * CHANNELS];
        for (channel, plane) in planes.chunks_exact(count.max(1)).enumerate() {
            for (at, &value) in plane.iter().enumerate() {
                cells[at * CHANNELS + channel] = value;
            }
        }
        Self::new(model, cells, rows, columns)
    }

    /// From the cells, row by row with the [`CHANNELS`] numbers of a cell together: for features that were
    /// kept, or made up in a test.
    ///
    /// # Errors
    /// [`EmbeddingError::UnexpectedModel`] when the numbers do not fill the grid,
    /// [`EmbeddingError::NoDirection`] when one is not finite or all are zero.
    pub fn new(
        model: ModelRef,
        cells: Vec<f32>,
        rows: usize,
        columns: usize,
    ) -> Result<Self, EmbeddingError> {
        let wanted = rows.checked_mul(columns).and_then(|count| count.checked_mul(CHANNELS));
        if wanted != Some(cells.len()) || cells.is_empty() {
            return Err(EmbeddingError::UnexpectedModel {
                model: model.to_string(),
                got: format!("{} numbers for {rows} x {columns} cells", cells.len()),
                expected: "1280 numbers a cell",
            });
        }
        let mut sums = vec![0.0_f64; CHANNELS];
        for cell in cells.chunks_exact(CHANNELS) {
            for (sum, &value) in sums.iter_mut().zip(cell) {
                *sum += f64::from(value);
            }
        }
        let norm = sums.iter().map(|sum| sum * sum).sum::<f64>().sqrt();
        if !norm.is_finite() || norm <= f64::from(f32::MIN_POSITIVE) {
            return Err(EmbeddingError::NoDirection);
        }
        let pooled = sums.iter().map(|sum| (sum / norm) as f32).collect();
        Ok(Self { rows, columns, cells, pooled, model })
    }

    /// Rows of cells, at least 1.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns of cells, at least 1.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Numbers of a cell: [`CHANNELS`].
    pub fn channels(&self) -> usize {
        CHANNELS
    }

    /// The numbers of one cell, 0 to 6 each, not normalised; empty outside the map.
    pub fn cell(&self, row: usize, column: usize) -> &[f32] {
        if row >= self.rows || column >= self.columns {
            return &[];
        }
        let at = (row * self.columns + column) * CHANNELS;
        self.cells.get(at..at + CHANNELS).unwrap_or(&[])
    }

    /// All cells row by row, the numbers of a cell together.
    pub fn cells(&self) -> &[f32] {
        &self.cells
    }

    /// The mean of all cells, scaled to unit length: [`CHANNELS`] numbers, none negative. The scalar product of
    /// two of them is their cosine.
    pub fn pooled(&self) -> &[f32] {
        &self.pooled
    }

    /// The root of the mean square of each channel over all cells, scaled to unit length: generalised-mean pooling
    /// with exponent 2 (Radenovic, Tolias and Chum, "Fine-tuning CNN Image Retrieval with No Human Annotation",
    /// 2018). Between the mean and the largest cell, it gives more weight to what fills a part of the picture.
    pub fn root_mean_square(&self) -> Vec<f32> {
        let mut sums = vec![0.0_f64; CHANNELS];
        for cell in self.cells.chunks_exact(CHANNELS) {
            for (sum, &value) in sums.iter_mut().zip(cell) {
                *sum += f64::from(value) * f64::from(value);
            }
        }
        // The sum of the roots' squares: not zero, since some cell is not.
        let norm = sums.iter().sum::<f64>().sqrt();
        sums.iter().map(|sum| (sum.sqrt() / norm) as f32).collect()
    }

    /// The network and how it was fed. Features of different models cannot be compared, and a head belongs
    /// to one of them.
    pub fn model(&self) -> &ModelRef {
        &self.model
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> ModelRef {
        ModelRef::new("made-up", "1").unwrap()
    }

    #[test]
    fn planes_become_cells_in_reading_order() {
        let (rows, columns) = (2, 3);
        let planes: Vec<f32> = (0..CHANNELS * 6).map(|at| (at % 6) as f32 + (at / 6) as f32 * 10.0).collect();
        let features = Features::from_planes(model(), &planes, rows, columns).unwrap();
        assert_eq!(features.cell(0, 0)[..2], [0.0, 10.0]);
        assert_eq!(features.cell(1, 2)[..3], [5.0, 15.0, 25.0]);
        assert!(features.cell(2, 0).is_empty() && features.cell(0, 3).is_empty());
        assert_eq!(features.cells().len(), 6 * features.channels());
    }

    #[test]
    fn the_pooled_vector_is_the_direction_of_the_mean_cell() {
        let mut cells = vec![0.0; 2 * CHANNELS];
        cells[0] = 6.0;
        cells[CHANNELS + 1] = 8.0;
        let features = Features::new(model(), cells, 1, 2).unwrap();
        assert!((features.pooled()[0] - 0.6).abs() < 1e-6 && (features.pooled()[1] - 0.8).abs() < 1e-6);
    }

    #[test]
    fn the_root_mean_square_favours_what_stands_out() {
        let mut cells = vec![0.0; 2 * CHANNELS];
        (cells[0], cells[1], cells[CHANNELS + 1]) = (6.0, 3.0, 3.0);
        let features = Features::new(model(), cells, 1, 2).unwrap();
        let (mean, square) = (features.pooled(), features.root_mean_square());
        assert!((mean[0] - mean[1]).abs() < 1e-6 && square[0] > 1.3 * square[1]);
        assert!((square.iter().map(|v| v * v).sum::<f32>() - 1.0).abs() < 1e-5);
    }

    #[test]
    fn numbers_without_direction_or_of_another_count_are_refused() {
        let mut broken = vec![1.0; CHANNELS];
        broken[7] = f32::NAN;
        assert!(matches!(Features::new(model(), broken, 1, 1), Err(EmbeddingError::NoDirection)));
        assert!(matches!(
            Features::new(model(), vec![0.0; CHANNELS], 1, 1),
            Err(EmbeddingError::NoDirection)
        ));
        for (count, rows, columns) in [(CHANNELS, 1, 2), (0, 0, 5), (CHANNELS, usize::MAX, 2)] {
            let refused = Features::new(model(), vec![1.0; count], rows, columns);
            assert!(matches!(refused, Err(EmbeddingError::UnexpectedModel { .. })));
        }
    }
}
