//! What lines say: cut out, brought to the height of the recogniser, computed together with lines of like width.

use std::collections::VecDeque;

use innkeeper_core::{Picture, PictureError, Resampling};
use innkeeper_runtime::{Model, Pending, Tensor, Ticket};

use super::ctc::{self, Choice, Emission};
use super::sampling;
use super::settings::{Padding, TextSettings};
use crate::OcrError;

/// Height of the recogniser's input in pixels.
const HEIGHT: u32 = 48;
/// Widths come in steps of so many pixels: the shapes that are ever computed stay few.
const STEP: u32 = 16;
/// Most columns of one call, which bounds the memory of its answer.
const MAX_COLUMNS: u32 = 2048;
/// Calls that are under way for one page.
const IN_FLIGHT: usize = 6;
/// From this height on shrinking averages, or strokes would fall between the samples.
const AVERAGE_FROM: u32 = 2 * HEIGHT;

/// A line as it was read. Positions are shares of its length, 0 to 1.
#[derive(Debug, Clone, Default)]
pub(super) struct Read {
    pub(super) emissions: Vec<Emission>,
    /// Time steps that the line itself took, without padding.
    pub(super) steps: f32,
}

impl Read {
    pub(super) fn text(&self) -> String {
        self.emissions.iter().map(|e| e.character).collect()
    }

    /// Mean probability of the characters; 0 without any.
    pub(super) fn confidence(&self) -> f32 {
        mean(&self.emissions)
    }

    /// A position in time steps as a share of the line.
    pub(super) fn share(&self, steps: f32) -> f32 {
        if self.steps > 0.0 { (steps / self.steps).clamp(0.0, 1.0) } else { 0.0 }
    }
}

pub(super) fn mean(emissions: &[Emission]) -> f32 {
    let sum: f32 = emissions.iter().map(|e| e.confidence).sum();
    if emissions.is_empty() { 0.0 } else { sum / emissions.len() as f32 }
}

/// A line that waits for its turn: its place in the answer, its width at the recogniser's height, and its width
/// by its height.
struct Waiting<'a> {
    place: usize,
    picture: &'a Picture,
    width: u32,
    ratio: f64,
}

/// Lines under way: place and width of each row.
struct Call {
    rows: Vec<(usize, u32)>,
    columns: u32,
    pending: Pending,
}

/// Reads lines; `None` among them, and those nothing was read from, have no emissions.
pub(super) fn read(
    model: &Model,
    lines: &[Option<Picture>],
    choice: Choice,
    settings: &TextSettings,
    ticket: &Ticket,
) -> Result<Vec<Read>, OcrError> {
    let mut answers = vec![Read::default(); lines.len()];
    let mut under_way: VecDeque<Call> = VecDeque::with_capacity(IN_FLIGHT);
    for (columns, batch) in batches(lines, settings) {
        if under_way.len() == IN_FLIGHT
            && let Some(call) = under_way.pop_front()
        {
            finish(call, choice, &mut answers)?;
        }
        let input = input(&batch, columns)?;
        let rows = batch.iter().map(|line| (line.place, line.width.min(columns))).collect();
        let pending = model.begin(vec![input], ticket)?;
        under_way.push_back(Call { rows, columns, pending });
    }
    for call in under_way {
        finish(call, choice, &mut answers)?;
    }
    Ok(answers)
}

/// Which lines are computed together, and the width of their input.
fn batches<'a>(lines: &'a [Option<Picture>], settings: &TextSettings) -> Vec<(u32, Vec<Waiting<'a>>)> {
    let most = settings.max_width.max(STEP);
    let mut waiting: Vec<Waiting> = lines
        .iter()
        .enumerate()
        .filter_map(|(place, picture)| {
            let picture = picture.as_ref()?;
            let ratio = f64::from(picture.width()) / f64::from(picture.height());
            let width = ((f64::from(HEIGHT) * ratio).ceil() as u32).clamp(1, most);
            Some(Waiting { place, picture, width, ratio })
        })
        .collect();
    waiting.sort_by(|a, b| a.ratio.total_cmp(&b.ratio));
    let batch = settings.batch.max(1);
    let mut batches: Vec<(u32, Vec<Waiting>)> = Vec::new();
    for line in waiting {
        let last = batches.last_mut().filter(|(_, lines)| lines.len() < batch);
        match settings.padding {
            Padding::Tight => {
                let columns = line.width.max(settings.min_width).next_multiple_of(STEP);
                let fits = |count: usize| columns.saturating_mul(count as u32 + 1) <= MAX_COLUMNS;
                match last.filter(|(width, lines)| *width == columns && fits(lines.len())) {
                    Some((_, lines)) => lines.push(line),
                    None => batches.push((columns, vec![line])),
                }
            }
            Padding::Shared => {
                let columns =
                    ((f64::from(HEIGHT) * line.ratio) as u32).clamp(settings.min_width.max(1), most);
                match last {
                    Some((width, lines)) => {
                        *width = columns.max(*width);
                        lines.push(line);
                    }
                    None => batches.push((columns, vec![line])),
                }
            }
        }
    }
    // The widest first, so that the last calls, which the workers may not share evenly, are short.
    batches.reverse();
    batches
}

/// Lines of one width as a tensor, grey to the right of each.
fn input(batch: &[Waiting], columns: u32) -> Result<Tensor, OcrError> {
    let row = (3 * HEIGHT * columns) as usize;
    let mut numbers = vec![0.0; row * batch.len()];
    for (line, planes) in batch.iter().zip(numbers.chunks_exact_mut(row)) {
        let scaled = at_height(line.picture, line.width.min(columns))?;
        sampling::write_planes(&scaled, planes, columns as usize);
    }
    Ok(Tensor::new(vec![batch.len(), 3, HEIGHT as usize, columns as usize], numbers)?)
}

fn at_height(picture: &Picture, width: u32) -> Result<Picture, PictureError> {
    if picture.height() > AVERAGE_FROM {
        picture.resized(width, HEIGHT, Resampling::Triangle)
    } else {
        sampling::scaled(picture, width, HEIGHT)
    }
}

fn finish(call: Call, choice: Choice, answers: &mut [Read]) -> Result<(), OcrError> {
    let Call { rows, columns, pending } = call;
    let outputs = pending.wait()?.outputs;
    let classes = choice.characters.classes();
    let probabilities = outputs.first().filter(|output| {
        matches!(output.shape(), [count, steps, width] if *count == rows.len() && *width == classes && *steps > 0)
    });
    let probabilities = probabilities.ok_or_else(|| OcrError::UnexpectedOutput {
        model: "text recognition",
        got: format!("{:?}", outputs.iter().map(Tensor::shape).collect::<Vec<_>>()),
        expected: "a row of time steps by classes for each line, as many classes as the model names characters",
    })?;
    let steps = probabilities.shape()[1] as f32;
    for (i, (place, width)) in rows.into_iter().enumerate() {
        if let Some(answer) = answers.get_mut(place) {
            answer.emissions = ctc::decode(probabilities.row(i), choice);
            answer.steps = steps * width as f32 / columns as f32;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(widths: &[u32]) -> Vec<Option<Picture>> {
        let line = |w: &u32| Picture::from_rgb(*w, 24, vec![0; (*w * 24 * 3) as usize]).ok();
        widths.iter().map(line).collect()
    }

    fn shapes(widths: &[u32], settings: &TextSettings) -> Vec<(u32, Vec<usize>)> {
        let lines = lines(widths);
        let places = |lines: Vec<Waiting>| lines.iter().map(|line| line.place).collect();
        batches(&lines, settings).into_iter().map(|(columns, lines)| (columns, places(lines))).collect()
    }

    #[test]
    fn tight_lines_share_a_call_only_where_none_is_padded_for_another() {
        let settings = TextSettings { batch: 2, ..TextSettings::default() };
        let found = shapes(&[50, 53, 100, 51, 0], &settings);
        assert_eq!(found, [(208, vec![2]), (112, vec![1]), (112, vec![0, 3])]);
        let wide = shapes(&[800, 800], &settings);
        assert_eq!(wide.len(), 2, "two rows of 1600 columns are more than a call should hold");
    }

    #[test]
    fn shared_lines_are_padded_to_the_widest_of_their_call() {
        let settings =
            TextSettings { padding: Padding::Shared, batch: 3, min_width: 320, ..TextSettings::default() };
        let found = shapes(&[300, 20, 40, 30, 250], &settings);
        assert_eq!(found, [(600, vec![4, 0]), (320, vec![1, 3, 2])]);
    }

    #[test]
    fn a_line_that_is_wider_than_any_input_is_squeezed_into_it() {
        let settings = TextSettings { max_width: 640, ..TextSettings::default() };
        let lines = lines(&[20_000]);
        let found = batches(&lines, &settings);
        assert_eq!((found[0].0, found[0].1[0].width), (640, 640));
    }
}
