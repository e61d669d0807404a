//! The inverse of a symmetric positive definite matrix, by blocks, so that nearly all work is matrix products.

use nalgebra::DMatrix;

/// Columns worked on at once: a block of it fits the cache nearest to the core.
const BLOCK: usize = 96;

/// Replaces `matrix`, of which only the lower triangle is read, by its inverse, both triangles filled.
/// `None` when a pivot is not a positive number: the matrix is singular, indefinite or holds NaN.
///
/// Cholesky factor, inverse of the factor, product of the two inverses: n³ multiplications and additions in
/// all, half of what an inverse by LU takes.
pub(crate) fn invert(mut matrix: DMatrix<f64>) -> Option<DMatrix<f64>> {
    let size = matrix.nrows();
    if size != matrix.ncols() {
        return None;
    }
    let blocks: Vec<(usize, usize)> =
        (0..size).step_by(BLOCK).map(|start| (start, BLOCK.min(size - start))).collect();
    for &(start, width) in &blocks {
        let corner = lower_inverse_after_factor(&matrix.view((start, start), (width, width)).into_owned())?;
        // The diagonal block keeps the inverse of its factor: nothing below asks for the factor itself.
        matrix.view_mut((start, start), (width, width)).copy_from(&corner);
        let below = start + width;
        let rows = size - below;
        if rows == 0 {
            continue;
        }
        let panel = matrix.view((below, start), (rows, width)) * corner.transpose();
        let across = panel.transpose();
        for &(column, wide) in blocks.iter().filter(|(column, _)| *column >= below) {
            let mut trailing = matrix.view_mut((column, column), (size - column, wide));
            trailing.gemm(
                -1.0,
                &panel.rows(column - below, size - column),
                &across.columns(column - below, wide),
                1.0,
            );
        }
        matrix.view_mut((below, start), (rows, width)).copy_from(&panel);
    }
    for &(start, width) in blocks.iter().rev() {
        let corner = matrix.view((start, start), (width, width)).into_owned();
        let below = start + width;
        let panel = matrix.view((below, start), (size - below, width)) * &corner;
        for &(row, high) in blocks.iter().filter(|(row, _)| *row >= below) {
            let reach = row + high - below;
            let inverse = -(matrix.view((row, below), (high, reach)) * panel.rows(0, reach));
            matrix.view_mut((row, start), (high, width)).copy_from(&inverse);
        }
    }
    for &(row, high) in &blocks {
        let columns = matrix.view((row, row), (size - row, high)).transpose();
        let product = columns * matrix.view((row, 0), (size - row, row + high));
        matrix.view_mut((row, 0), (high, row + high)).copy_from(&product);
    }
    matrix.fill_upper_triangle_with_lower_triangle();
    Some(matrix)
}

/// The inverse of the Cholesky factor of a small block, its upper triangle zero.
fn lower_inverse_after_factor(block: &DMatrix<f64>) -> Option<DMatrix<f64>> {
    let size = block.nrows();
    let mut factor = DMatrix::<f64>::zeros(size, size);
    for column in 0..size {
        for row in column..size {
            let known: f64 = (0..column).map(|k| factor[(row, k)] * factor[(column, k)]).sum();
            let rest = block[(row, column)] - known;
            if row == column {
                if rest.is_nan() || rest <= 0.0 || rest.is_infinite() {
                    return None;
                }
                factor[(row, column)] = rest.sqrt();
            } else {
                factor[(row, column)] = rest / factor[(column, column)];
            }
        }
    }
    let mut inverse = DMatrix::<f64>::zeros(size, size);
    for column in 0..size {
        inverse[(column, column)] = 1.0 / factor[(column, column)];
        for row in column + 1..size {
            let sum: f64 = (column..row).map(|k| factor[(row, k)] * inverse[(k, column)]).sum();
            inverse[(row, column)] = -sum / factor[(row, row)];
        }
    }
    Some(inverse)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A symmetric matrix with a known spread, of any size.
    fn sample(size: usize) -> DMatrix<f64> {
        let mut state = 7_u64;
        let wide = DMatrix::from_fn(size + 3, size, |_, _| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f64 / f64::from(1 << 24) - 0.5
        });
        wide.transpose() * &wide + DMatrix::identity(size, size) * 0.5
    }

    #[test]
    fn the_product_with_the_inverse_is_the_identity_within_and_across_blocks() {
        for size in [1, 2, 5, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 3 * BLOCK + 17] {
            let matrix = sample(size);
            let product = &matrix * invert(matrix.clone()).unwrap();
            let worst = (product - DMatrix::identity(size, size)).abs().max();
            assert!(worst < 1e-9, "size {size}: off by {worst}");
        }
    }

    #[test]
    fn a_two_by_two_inverse_is_the_one_of_the_book() {
        let inverse = invert(DMatrix::from_row_slice(2, 2, &[4.0, 1.0, 1.0, 3.0])).unwrap();
        let expected = [3.0 / 11.0, -1.0 / 11.0, -1.0 / 11.0, 4.0 / 11.0];
        assert!(inverse.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12));
    }

    #[test]
    fn what_has_no_inverse_is_refused() {
        assert!(invert(DMatrix::from_row_slice(2, 2, &[1.0, 2.0, 2.0, 1.0])).is_none());
        assert!(invert(DMatrix::from_element(3, 3, f64::NAN)).is_none());
        assert!(invert(DMatrix::zeros(2, 2)).is_none());
        assert!(invert(DMatrix::zeros(2, 3)).is_none());
        assert_eq!(invert(DMatrix::zeros(0, 0)).unwrap().len(), 0);
    }
}
