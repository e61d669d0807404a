//! Which way up lines stand.

use innkeeper_core::Picture;
use innkeeper_runtime::{Model, Tensor, Ticket};

use super::sampling;
use crate::OcrError;

const HEIGHT: u32 = 48;
const WIDTH: u32 = 192;
/// Lines of one call.
const BATCH: usize = 8;

/// The probability of each line that it stands on its head, 0 to 1.
pub(super) fn upside_down(model: &Model, lines: &[&Picture], ticket: &Ticket) -> Result<Vec<f32>, OcrError> {
    let row = (3 * HEIGHT * WIDTH) as usize;
    let mut answers = Vec::with_capacity(lines.len());
    for batch in lines.chunks(BATCH) {
        let mut numbers = vec![0.0; row * batch.len()];
        for (line, planes) in batch.iter().zip(numbers.chunks_exact_mut(row)) {
            let ratio = f64::from(line.width()) / f64::from(line.height());
            let width = ((f64::from(HEIGHT) * ratio).ceil() as u32).clamp(1, WIDTH);
            sampling::write_planes(&sampling::scaled(line, width, HEIGHT)?, planes, WIDTH as usize);
        }
        let input = Tensor::new(vec![batch.len(), 3, HEIGHT as usize, WIDTH as usize], numbers)?;
        let outputs = model.run(vec![input], ticket)?;
        let scores = outputs.first().filter(|scores| scores.shape() == [batch.len(), 2]);
        let scores = scores.ok_or_else(|| OcrError::UnexpectedOutput {
            model: "text angle",
            got: format!("{:?}", outputs.iter().map(Tensor::shape).collect::<Vec<_>>()),
            expected: "two probabilities for each line",
        })?;
        answers.extend((0..batch.len()).map(|i| scores.row(i).get(1).copied().unwrap_or(0.0)));
    }
    Ok(answers)
}
