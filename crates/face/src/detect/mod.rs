//! Pictures in, face boxes with five landmarks out.

mod canvas;
mod mtcnn;
mod near;
mod scrfd;
mod yunet;

use std::time::Instant;

use innkeeper_core::{Picture, Point, Rect};
use innkeeper_runtime::{Model, Tensor, Ticket};
use serde::Deserialize;

use crate::FaceError;
pub(crate) use canvas::Canvas;
use canvas::canvas_shapes;
pub use mtcnn::Mtcnn;
use near::Found;

/// A face in pixels of the picture that was given.
#[derive(Debug, Clone, PartialEq)]
pub struct Detection {
    /// The face from chin to forehead, as the detector was trained to draw it; may reach outside.
    pub rect: Rect,
    /// The detector's own score, 0 to 1. Not a probability.
    pub score: f32,
    /// Left eye, right eye, nose tip, left mouth corner, right mouth corner, as seen in the picture.
    pub landmarks: [Point; 5],
}

impl Detection {
    fn shift(&mut self, x: f32, y: f32) {
        let corner = &mut self.rect;
        (corner.x, corner.y) = (corner.x + x, corner.y + y);
        for point in &mut self.landmarks {
            (point.x, point.y) = (point.x + x, point.y + y);
        }
    }
}

/// The detectors we know how to feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DetectorKind {
    /// YuNet (Wu, Peng, Yu, 2023).
    YuNet,
    /// SCRFD with key points (Guo et al., 2021).
    Scrfd,
    /// MTCNN (Zhang et al., 2016).
    Mtcnn,
}

/// How detectors look.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DetectorSettings {
    /// Longest sides to look at, in pixels, in this order until a face is found. The picture is never
    /// enlarged. A second, smaller size finds faces that fill the frame.
    pub sizes: Vec<u32>,
    /// Longest side of a first, quick look, in pixels; 0 for none. Pictures of more than this and at most
    /// twice this are looked at so first, and as `sizes` says only when that leaves a doubt. `YuNet` only.
    pub first_size: u32,
    /// Lowest detector score of a face.
    pub min_score: f32,
    /// Most faces per frame; the largest are kept.
    pub max_faces: usize,
}

impl Default for DetectorSettings {
    fn default() -> Self {
        Self { sizes: vec![640, 256], first_size: 320, min_score: 0.6, max_faces: 32 }
    }
}

impl DetectorSettings {
    /// The shapes (height, width) that a detector of one network can meet: what a pool should warm up with,
    /// and the bound on its shape set.
    pub fn canvas_shapes(&self) -> Vec<(u32, u32)> {
        let sizes = self.sizes.iter().chain(Some(&self.first_size)).filter(|size| **size > 0);
        let mut shapes: Vec<_> = sizes.flat_map(|size| canvas_shapes(*size)).collect();
        shapes.push((near::CLOSE_CANVAS, near::CLOSE_CANVAS));
        shapes.sort_unstable();
        shapes.dedup();
        shapes
    }
}

/// A loaded detector. Its shape sets are bounded: see [`DetectorSettings::canvas_shapes`].
pub enum Detector {
    /// One network, all strides in one run.
    YuNet(Model),
    /// One network, all strides in one run.
    Scrfd(Model),
    /// Three networks in a cascade.
    Mtcnn(Mtcnn),
}

impl Detector {
    /// Finds faces, largest first.
    ///
    /// # Errors
    /// When a model run fails or `ticket` ends.
    pub fn detect(
        &self,
        picture: &Picture,
        settings: &DetectorSettings,
        ticket: &Ticket,
    ) -> Result<Vec<Detection>, FaceError> {
        let mut faces = match self {
            Self::YuNet(model) => {
                let found = match near::first_look(model, picture, settings, ticket)? {
                    Some(found) => found,
                    None => self.look(picture, settings, ticket)?,
                };
                near::close_looks(model, picture, found, settings, ticket)?
            }
            Self::Scrfd(_) | Self::Mtcnn(_) => self.look(picture, settings, ticket)?.faces,
        };
        faces.sort_by(|a, b| b.rect.area().total_cmp(&a.rect.area()));
        faces.truncate(settings.max_faces);
        Ok(faces)
    }

    /// Looks at the sizes in turn until there is a face.
    fn look(
        &self,
        picture: &Picture,
        settings: &DetectorSettings,
        ticket: &Ticket,
    ) -> Result<Found, FaceError> {
        let mut found = Found { faces: Vec::new(), scale: 1.0 };
        let mut last = None;
        for size in &settings.sizes {
            let started = Instant::now();
            let canvas = Canvas::fit(picture, *size)?;
            // A small picture gives the same canvas for every size; looking twice finds nothing new.
            if last == Some((canvas.width(), canvas.height(), canvas.scale().to_bits())) {
                continue;
            }
            last = Some((canvas.width(), canvas.height(), canvas.scale().to_bits()));
            let faces = match self {
                Self::YuNet(model) => yunet::detect(model, &canvas, settings.min_score, started, ticket)?,
                Self::Scrfd(model) => scrfd::detect(model, &canvas, settings.min_score, started, ticket)?,
                Self::Mtcnn(mtcnn) => mtcnn.detect(&canvas, settings.min_score, started, ticket)?,
            };
            found = Found { faces, scale: canvas.scale() };
            if !found.faces.is_empty() {
                break;
            }
        }
        Ok(found)
    }
}

/// Greedy non-maximum suppression, best score first. `overlap` of the lower-scored box with a kept one
/// above `limit` drops it.
fn suppress<T>(
    mut candidates: Vec<T>,
    limit: f32,
    score: impl Fn(&T) -> f32,
    overlap: impl Fn(&T, &T) -> f32,
) -> Vec<T> {
    candidates.sort_by(|a, b| score(b).total_cmp(&score(a)));
    let mut kept: Vec<T> = Vec::new();
    for candidate in candidates {
        if kept.iter().all(|k| overlap(k, &candidate) <= limit) {
            kept.push(candidate);
        }
    }
    kept
}

fn suppress_detections(candidates: Vec<Detection>, limit: f32) -> Vec<Detection> {
    suppress(candidates, limit, |d| d.score, |a, b| a.rect.iou(&b.rect))
}

/// The tensor at `index`, with as many values as the model kind must give.
fn output<'a>(
    outputs: &'a [Tensor],
    index: usize,
    len: usize,
    model: &'static str,
    expected: &'static str,
) -> Result<&'a [f32], FaceError> {
    let tensor = outputs.get(index);
    match tensor {
        Some(t) if t.data().len() == len => Ok(t.data()),
        other => Err(FaceError::UnexpectedOutput {
            model,
            got: other.map_or_else(|| "nothing".to_owned(), |t| format!("{:?}", t.shape())),
            expected,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: f32, score: f32) -> Detection {
        Detection { rect: Rect { x, y: 0.0, w: 10.0, h: 10.0 }, score, landmarks: [Point::default(); 5] }
    }

    #[test]
    fn one_face_found_twice_is_reported_once_with_its_best_score() {
        let kept = suppress_detections(vec![at(0.0, 0.7), at(1.0, 0.9), at(30.0, 0.8)], 0.3);
        assert_eq!(kept.iter().map(|d| d.score).collect::<Vec<_>>(), vec![0.9, 0.8]);
    }
}
