use std::sync::Arc;
use std::time::Instant;

use innkeeper_core::{ModelRef, Picture, Rect, Resampling};
use innkeeper_runtime::{Model, Stage, Tensor, Ticket, stage};
use serde::Serialize;

use crate::calibration::{DetectorSettings, Group};
use crate::{LABELS, ObjectError};

/// Side in pixels of the square that the network sees.
pub const INPUT_SIDE: u32 = 416;
const STRIDES: [u32; 3] = [8, 16, 32];
/// Centre, size and objectness, before the scores of the kinds.
const BOX_NUMBERS: usize = 5;
const ROW: usize = BOX_NUMBERS + LABELS.len();
/// What the network saw beyond the picture when it was trained.
const PADDING: f32 = 114.0;
/// Most boxes that go into the suppression; a picture of noise does not cost seconds.
const MAX_CANDIDATES: usize = 1000;
const EXPECTED: &str = "one input [1, 3, 416, 416] and one output [1, 3549, 85]";

/// An object in a picture.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = RoomObject))]
pub struct Object {
    /// What it is: one of [`LABELS`].
    pub label: &'static str,
    /// How likely the box is right, 0 to 1: the share of right boxes among boxes of this score and group, as
    /// measured on labelled pictures. See [`Group::confidence`].
    pub confidence: f32,
    /// The network's own score, objectness times the kind's score, 0 to 1. Not a probability.
    pub score: f32,
    /// Where, in pixels of the picture that was given, inside it.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub area: Rect,
}

impl Object {
    /// The group whose measured figures hold for it.
    pub fn group(&self) -> Group {
        Group::of(self.label)
    }

    /// Whether a decision may rest on it: its group is good enough and its score high enough.
    pub fn decides(&self) -> bool {
        self.group().decides(self.score)
    }

    /// Whether somebody should look because of it, although no decision may rest on it.
    pub fn raises_doubt(&self) -> bool {
        !self.decides() && self.group().raises_doubt(self.score)
    }
}

/// A warm YOLOX-nano (Ge et al.: "YOLOX: Exceeding YOLO Series in 2021").
#[derive(Debug, Clone)]
pub struct ObjectDetector {
    model: Arc<Model>,
    settings: DetectorSettings,
}

impl ObjectDetector {
    /// Takes a loaded model. Its input is 416 pixels square and one row at a time.
    ///
    /// # Errors
    /// [`ObjectError::Unexpected`] when inputs or outputs are not those of YOLOX at 416 pixels with 80 kinds.
    pub fn new(model: Arc<Model>, settings: DetectorSettings) -> Result<Self, ObjectError> {
        let (inputs, outputs) = (model.inputs(), model.outputs());
        let side = INPUT_SIDE as usize;
        let fits = |shape: &[Option<usize>], want: &[usize]| {
            shape.len() == want.len()
                && shape.iter().zip(want).all(|(have, want)| have.is_none_or(|n| n == *want))
        };
        let right = matches!((inputs.as_slice(), outputs.as_slice()), ([input], [output])
            if fits(&input.shape, &[1, 3, side, side]) && fits(&output.shape, &[1, cells(), ROW]));
        if right {
            Ok(Self { model, settings })
        } else {
            Err(ObjectError::Unexpected {
                model: model.model().to_string(),
                got: format!("inputs {inputs:?} and outputs {outputs:?}"),
                expected: EXPECTED,
            })
        }
    }

    /// Which model answers.
    pub fn model(&self) -> ModelRef {
        self.model.model()
    }

    /// The settings in use.
    pub fn settings(&self) -> &DetectorSettings {
        &self.settings
    }

    /// Finds objects, most confident first, at most [`DetectorSettings::max_objects`].
    ///
    /// # Errors
    /// When the model run fails or `ticket` ends.
    pub fn detect(&self, picture: &Picture, ticket: &Ticket) -> Result<Vec<Object>, ObjectError> {
        let started = Instant::now();
        let (input, scale) = input(picture)?;
        stage(self.model.name(), Stage::Preprocess, started.elapsed());
        let outputs = self.model.run(vec![input], ticket)?;
        let started = Instant::now();
        let rows = match outputs.as_slice() {
            [output] if output.data().len() == cells() * ROW => output.data(),
            other => {
                return Err(ObjectError::Unexpected {
                    model: self.model.model().to_string(),
                    got: format!("{:?}", other.iter().map(Tensor::shape).collect::<Vec<_>>()),
                    expected: EXPECTED,
                });
            }
        };
        let objects = decode(rows, scale, picture, &self.settings);
        stage(self.model.name(), Stage::Postprocess, started.elapsed());
        Ok(objects)
    }
}

/// Cells of the three grids.
fn cells() -> usize {
    STRIDES.iter().map(|stride| (INPUT_SIDE / stride).pow(2) as usize).sum()
}

/// The picture in the top left corner of the square, blue first, values 0 to 255; and square pixels per picture
/// pixel.
fn input(picture: &Picture) -> Result<(Tensor, f32), ObjectError> {
    let side = INPUT_SIDE as usize;
    let scale = INPUT_SIDE as f32 / picture.width().max(picture.height()) as f32;
    let length = |n: u32| ((n as f32 * scale) as u32).clamp(1, INPUT_SIDE);
    let small = picture.resized(length(picture.width()), length(picture.height()), Resampling::Triangle)?;
    let plane = side * side;
    let mut data = vec![PADDING; 3 * plane];
    let (blue, rest) = data.split_at_mut(plane);
    let (green, red) = rest.split_at_mut(plane);
    let width = small.width() as usize;
    for (y, row) in small.rgb().chunks_exact(width * 3).enumerate() {
        let at = y * side..y * side + width;
        let targets = red[at.clone()].iter_mut().zip(green[at.clone()].iter_mut()).zip(blue[at].iter_mut());
        for (((r, g), b), pixel) in targets.zip(row.chunks_exact(3)) {
            (*r, *g, *b) = (f32::from(pixel[0]), f32::from(pixel[1]), f32::from(pixel[2]));
        }
    }
    Ok((Tensor::new(vec![1, 3, side, side], data)?, scale))
}

/// A box before suppression.
struct Candidate {
    kind: usize,
    score: f32,
    area: Rect,
}

fn decode(rows: &[f32], scale: f32, picture: &Picture, settings: &DetectorSettings) -> Vec<Object> {
    let mut found = Vec::new();
    let grid = STRIDES.into_iter().flat_map(|stride| {
        let columns = INPUT_SIDE / stride;
        (0..columns * columns)
            .map(move |cell| (stride as f32, (cell % columns) as f32, (cell / columns) as f32))
    });
    for (row, (stride, column, line)) in rows.chunks_exact(ROW).zip(grid) {
        let objectness = row[4];
        // No kind's score is above 1, so nothing is lost.
        if objectness.is_nan() || objectness < settings.min_score {
            continue;
        }
        let kinds = row[BOX_NUMBERS..].iter().enumerate();
        let Some((kind, best)) = kinds.max_by(|a, b| a.1.total_cmp(b.1)) else { continue };
        let score = objectness * best;
        let (x, y) = ((row[0] + column) * stride / scale, (row[1] + line) * stride / scale);
        let (w, h) = (row[2].exp() * stride / scale, row[3].exp() * stride / scale);
        if score < settings.min_score || ![score, x, y, w, h].iter().all(|v| v.is_finite()) {
            continue;
        }
        let area = Rect::from_corners(x - w / 2.0, y - h / 2.0, x + w / 2.0, y + h / 2.0);
        found.push(Candidate { kind, score, area: area.clipped(picture.width(), picture.height()) });
    }
    found.retain(|candidate| candidate.area.area() > 0.0);
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    found.truncate(MAX_CANDIDATES);
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in found {
        let free =
            |k: &Candidate| k.kind != candidate.kind || k.area.iou(&candidate.area) <= settings.overlap;
        if kept.iter().all(free) {
            kept.push(candidate);
        }
    }
    let mut objects: Vec<Object> = kept
        .into_iter()
        .filter_map(|candidate| {
            let label = *LABELS.get(candidate.kind)?;
            let confidence = Group::of(label).confidence(candidate.score);
            Some(Object { label, confidence, score: candidate.score, area: candidate.area })
        })
        .collect();
    objects.sort_by(|a, b| b.confidence.total_cmp(&a.confidence).then(b.score.total_cmp(&a.score)));
    objects.truncate(settings.max_objects);
    objects
}

#[cfg(test)]
mod tests;
