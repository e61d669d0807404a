//! SCRFD with key points (Guo et al.: "Sample and Computation Redistribution for Efficient Face
//! Detection", 2021), decoded as `InsightFace` does: two anchors a cell, distances to the four sides.

use std::time::Instant;

use innkeeper_core::{Point, Rect};
use innkeeper_runtime::{Model, Stage, Ticket, stage};

use super::{Canvas, Detection, output, suppress_detections};
use crate::FaceError;

const STRIDES: [u32; 3] = [8, 16, 32];
const ANCHORS: usize = 2;
const NMS_IOU: f32 = 0.4;
const NAME: &str = "scrfd";
const EXPECTED: &str = "scores, boxes and key points for the strides 8, 16 and 32";

/// `started` is when the canvas was begun, which counts as preparation.
pub(super) fn detect(
    model: &Model,
    canvas: &Canvas,
    min_score: f32,
    started: Instant,
    ticket: &Ticket,
) -> Result<Vec<Detection>, FaceError> {
    let input = canvas.tensor(false, 127.5, 1.0 / 128.0)?;
    stage(model.name(), Stage::Preprocess, started.elapsed());
    let outputs = model.run(vec![input], ticket)?;
    let started = Instant::now();
    let mut found = Vec::new();
    for (i, stride) in STRIDES.into_iter().enumerate() {
        let columns = (canvas.width() / stride) as usize;
        let anchors = columns * (canvas.height() / stride) as usize * ANCHORS;
        let scores = output(&outputs, i, anchors, NAME, EXPECTED)?;
        let sides = output(&outputs, 3 + i, anchors * 4, NAME, EXPECTED)?;
        let points = output(&outputs, 6 + i, anchors * 10, NAME, EXPECTED)?;
        let s = stride as f32;
        for (anchor, &score) in scores.iter().enumerate() {
            if score < min_score {
                continue;
            }
            let cell = anchor / ANCHORS;
            let (cx, cy) = ((cell % columns) as f32 * s, (cell / columns) as f32 * s);
            let d = &sides[anchor * 4..anchor * 4 + 4];
            let p = &points[anchor * 10..anchor * 10 + 10];
            found.push(Detection {
                rect: canvas.to_picture(&Rect::from_corners(
                    cx - d[0] * s,
                    cy - d[1] * s,
                    cx + d[2] * s,
                    cy + d[3] * s,
                )),
                score,
                landmarks: std::array::from_fn(|k| Point {
                    x: (cx + p[2 * k] * s) / canvas.scale(),
                    y: (cy + p[2 * k + 1] * s) / canvas.scale(),
                }),
            });
        }
    }
    let faces = suppress_detections(found, NMS_IOU);
    stage(model.name(), Stage::Postprocess, started.elapsed());
    Ok(faces)
}
