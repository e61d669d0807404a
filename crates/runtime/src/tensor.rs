use crate::RuntimeError;

/// A block of `f32` numbers, row-major, with the length of each axis. The first axis counts rows, the unit
/// that requests are batched and split by.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    data: Vec<f32>,
}

impl Tensor {
    /// Joins a shape and its numbers.
    ///
    /// # Errors
    /// [`RuntimeError::Shape`] when the shape asks for another count of numbers than there are, or for more
    /// than can be counted.
    pub fn new(shape: Vec<usize>, data: Vec<f32>) -> Result<Self, RuntimeError> {
        if count(&shape) == Some(data.len()) {
            Ok(Self { shape, data })
        } else {
            Err(RuntimeError::shape(format!("{} numbers do not fill {shape:?}", data.len())))
        }
    }

    /// A tensor of zeros.
    ///
    /// # Errors
    /// [`RuntimeError::Shape`] when the shape asks for more numbers than can be counted.
    pub fn zeros(shape: Vec<usize>) -> Result<Self, RuntimeError> {
        let Some(numbers) = count(&shape) else {
            return Err(RuntimeError::shape(format!("{shape:?} is beyond counting")));
        };
        Ok(Self { shape, data: vec![0.0; numbers] })
    }

    /// For shapes derived from shapes that were checked.
    pub(crate) fn derived(shape: Vec<usize>, data: Vec<f32>) -> Self {
        debug_assert_eq!(count(&shape), Some(data.len()));
        Self { shape, data }
    }

    /// The length of each axis.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// All numbers, row-major.
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// Length of the first axis; a scalar has one row.
    pub fn rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(1)
    }

    /// The numbers of row `i`; empty when there is no such row.
    pub fn row(&self, i: usize) -> &[f32] {
        let stride = self.stride();
        i.checked_mul(stride).and_then(|from| self.data.get(from..from + stride)).unwrap_or(&[])
    }

    /// The shape and the numbers, without a copy.
    pub fn into_parts(self) -> (Vec<usize>, Vec<f32>) {
        (self.shape, self.data)
    }

    /// Numbers in one row.
    pub(crate) fn stride(&self) -> usize {
        self.shape.iter().skip(1).product()
    }

    /// Every axis but the first.
    pub(crate) fn trailing(&self) -> &[usize] {
        self.shape.get(1..).unwrap_or(&[])
    }
}

fn count(shape: &[usize]) -> Option<usize> {
    // An empty axis makes the tensor empty, but the other axes must still be countable: their product is
    // the row stride.
    let strides = shape.iter().filter(|&&n| n > 0).try_fold(1_usize, |product, &n| product.checked_mul(n))?;
    strides.checked_mul(size_of::<f32>()).filter(|&bytes| isize::try_from(bytes).is_ok())?;
    Some(if shape.contains(&0) { 0 } else { strides })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_that_its_numbers_do_not_fill_is_refused() {
        assert!(Tensor::new(vec![2, 3], vec![0.0; 6]).is_ok());
        assert!(Tensor::new(vec![2, 3], vec![0.0; 5]).is_err());
        assert!(Tensor::new(vec![0, 3], vec![]).is_ok());
        assert!(Tensor::new(vec![], vec![1.0]).is_ok());
    }

    #[test]
    fn a_shape_whose_product_overflows_is_refused_instead_of_wrapping_round() {
        assert!(Tensor::new(vec![usize::MAX, 2], vec![]).is_err());
        assert!(Tensor::new(vec![0, usize::MAX, 2], vec![]).is_err());
        assert!(Tensor::zeros(vec![usize::MAX]).is_err());
    }

    #[test]
    fn rows_are_slices_of_the_first_axis() {
        let t = Tensor::new(vec![2, 1, 2], vec![1.0, 2.0, 3.0, 4.0]).expect("fits");
        assert_eq!(t.rows(), 2);
        assert_eq!(t.row(1), [3.0, 4.0]);
        assert!(t.row(2).is_empty());
        assert!(t.row(usize::MAX).is_empty());
        assert_eq!(t.clone().into_parts(), (vec![2, 1, 2], vec![1.0, 2.0, 3.0, 4.0]));
    }
}
