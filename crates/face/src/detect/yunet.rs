//! YuNet (Wu, Peng, Yu: "YuNet: a tiny millisecond-level face detector", 2023). Pre- and
//! post-processing as in libfacedetection.train: BGR 0..255, an anchor-free cell per stride.

use std::time::Instant;

use innkeeper_core::{Point, Rect};
use innkeeper_runtime::{Model, Stage, Ticket, stage};

use super::{Canvas, Detection, output, suppress_detections};
use crate::FaceError;

const STRIDES: [u32; 3] = [8, 16, 32];
const NMS_IOU: f32 = 0.3;
const NAME: &str = "yunet";
const EXPECTED: &str = "cls, obj, bbox and kps for the strides 8, 16 and 32";

/// `started` is when the canvas was begun, which counts as preparation.
pub(super) fn detect(
    model: &Model,
    canvas: &Canvas,
    min_score: f32,
    started: Instant,
    ticket: &Ticket,
) -> Result<Vec<Detection>, FaceError> {
    let input = canvas.tensor(true, 0.0, 1.0)?;
    stage(model.name(), Stage::Preprocess, started.elapsed());
    let outputs = model.run(vec![input], ticket)?;
    let started = Instant::now();
    let mut found = Vec::new();
    for (i, stride) in STRIDES.into_iter().enumerate() {
        let columns = canvas.width() / stride;
        let cells = (columns * (canvas.height() / stride)) as usize;
        let class = output(&outputs, i, cells, NAME, EXPECTED)?;
        let object = output(&outputs, 3 + i, cells, NAME, EXPECTED)?;
        let boxes = output(&outputs, 6 + i, cells * 4, NAME, EXPECTED)?;
        let points = output(&outputs, 9 + i, cells * 10, NAME, EXPECTED)?;
        let s = stride as f32;
        for cell in 0..cells {
            let score = (class[cell].clamp(0.0, 1.0) * object[cell].clamp(0.0, 1.0)).sqrt();
            if score < min_score {
                continue;
            }
            let (col, row) = ((cell as u32 % columns) as f32, (cell as u32 / columns) as f32);
            let b = &boxes[cell * 4..cell * 4 + 4];
            let (cx, cy) = ((col + b[0]) * s, (row + b[1]) * s);
            let (w, h) = (b[2].exp() * s, b[3].exp() * s);
            let p = &points[cell * 10..cell * 10 + 10];
            found.push(Detection {
                rect: canvas.to_picture(&Rect { x: cx - w / 2.0, y: cy - h / 2.0, w, h }),
                score,
                landmarks: std::array::from_fn(|k| Point {
                    x: (col + p[2 * k]) * s / canvas.scale(),
                    y: (row + p[2 * k + 1]) * s / canvas.scale(),
                }),
            });
        }
    }
    found.retain(|d| d.rect.area().is_finite());
    let faces = suppress_detections(found, NMS_IOU);
    stage(model.name(), Stage::Postprocess, started.elapsed());
    Ok(faces)
}
