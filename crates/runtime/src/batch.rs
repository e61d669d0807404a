use crate::Tensor;

/// Whether two requests may share one call of a session: as many inputs, equal but for the rows.
pub(crate) fn alike(a: &[Tensor], b: &[Tensor]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.trailing() == b.trailing())
}

/// Puts the rows of several requests under one another, input by input. The requests are alike.
pub(crate) fn join<'a>(requests: &(impl Iterator<Item = &'a [Tensor]> + Clone)) -> Vec<Tensor> {
    let inputs = requests.clone().next().map_or(0, <[Tensor]>::len);
    (0..inputs)
        .map(|i| {
            let members = requests.clone().filter_map(|request| request.get(i));
            let rows = members.clone().map(Tensor::rows).sum();
            let mut data = Vec::with_capacity(members.clone().map(|t| t.data().len()).sum());
            let mut shape = vec![rows];
            for (position, tensor) in members.enumerate() {
                if position == 0 {
                    shape.extend_from_slice(tensor.trailing());
                }
                data.extend_from_slice(tensor.data());
            }
            Tensor::derived(shape, data)
        })
        .collect()
}

/// Gives each request its rows back. `None` when an output does not have one row for each row that went in,
/// for then nobody can say whose row is whose.
pub(crate) fn split(outputs: &[Tensor], rows: &[usize]) -> Option<Vec<Vec<Tensor>>> {
    let total = rows.iter().sum();
    if !row_wise(outputs, total) {
        return None;
    }
    let mut from = 0;
    let requests = rows.iter().map(|&rows| {
        let range = from..from + rows;
        from = range.end;
        outputs.iter().map(|output| slice(output, range.clone())).collect()
    });
    Some(requests.collect())
}

/// Cuts one request into several of at most `size` rows.
pub(crate) fn cut(inputs: &[Tensor], rows: usize, size: usize) -> Vec<Vec<Tensor>> {
    (0..rows)
        .step_by(size.max(1))
        .map(|from| {
            let range = from..rows.min(from.saturating_add(size));
            inputs.iter().map(|input| slice(input, range.clone())).collect()
        })
        .collect()
}

/// Whether each output has one row for each of `rows`.
pub(crate) fn row_wise(outputs: &[Tensor], rows: usize) -> bool {
    outputs.iter().all(|output| output.shape().first() == Some(&rows))
}

fn slice(tensor: &Tensor, rows: std::ops::Range<usize>) -> Tensor {
    let stride = tensor.stride();
    let mut shape = tensor.shape().to_vec();
    if let Some(first) = shape.first_mut() {
        *first = rows.len();
    }
    let data = tensor.data().get(rows.start * stride..rows.end * stride).unwrap_or(&[]);
    Tensor::derived(shape, data.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(shape: &[usize], from: f32) -> Tensor {
        let count: usize = shape.iter().product();
        Tensor::new(shape.to_vec(), (0..count).map(|i| from + i as f32).collect()).expect("fits")
    }

    #[test]
    fn joining_and_splitting_gives_every_request_its_own_rows_back() {
        let requests = [
            vec![tensor(&[1, 3], 0.0), tensor(&[1, 2, 2], 100.0)],
            vec![tensor(&[2, 3], 50.0), tensor(&[2, 2, 2], 200.0)],
        ];
        let joined = join(&requests.iter().map(Vec::as_slice));
        assert_eq!(joined[0].shape(), [3, 3]);
        assert_eq!(joined[1].shape(), [3, 2, 2]);
        assert_eq!(split(&joined, &[1, 2]).expect("row-wise"), requests);
    }

    #[test]
    fn outputs_without_a_row_for_each_input_row_are_not_split() {
        assert!(split(&[tensor(&[4, 1], 0.0)], &[1, 2]).is_none());
        assert!(split(&[tensor(&[], 0.0)], &[1]).is_none());
    }

    #[test]
    fn cutting_keeps_the_short_last_part() {
        let inputs = vec![tensor(&[5, 2], 0.0)];
        let parts = cut(&inputs, 5, 2);
        assert_eq!(parts.iter().map(|p| p[0].rows()).collect::<Vec<_>>(), [2, 2, 1]);
        assert_eq!(join(&parts.iter().map(Vec::as_slice)), inputs);
    }

    #[test]
    fn requests_of_other_sizes_are_not_alike() {
        assert!(alike(&[tensor(&[1, 3], 0.0)], &[tensor(&[4, 3], 0.0)]));
        assert!(!alike(&[tensor(&[1, 3], 0.0)], &[tensor(&[1, 4], 0.0)]));
        assert!(!alike(&[tensor(&[1, 3], 0.0)], &[]));
    }
}
