//! MTCNN (Zhang et al.: "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional
//! Networks", 2016) with the constants of facenet-pytorch: a pyramid of proposals, then two networks
//! that refine and reject.

use std::time::Instant;

use innkeeper_core::{Picture, Point, Rect};
use innkeeper_runtime::{Model, Stage, Tensor, Ticket, stage};

use super::{Canvas, Detection, output, suppress};
use crate::FaceError;

const NAME: &str = "mtcnn";
const PROPOSED: &str = "probability [1,2,h,w] and box [1,4,h,w]";
const REFINED: &str = "probability [n,2], box [n,4] and, last, landmarks [n,10]";
const MIN_FACE: f32 = 40.0;
const FACTOR: f32 = 0.709;
const PROPOSAL_SCORE: f32 = 0.6;
const REFINE_SCORE: f32 = 0.7;
const PROPOSAL_CELL: f32 = 12.0;
const PROPOSAL_STRIDE: f32 = 2.0;

/// The three networks of the cascade.
pub struct Mtcnn {
    /// Proposals over the pyramid: `[1,3,h,w]` to face probability and box regression per cell.
    pub pnet: Model,
    /// Refinement: `[n,3,24,24]`.
    pub rnet: Model,
    /// Output: `[n,3,48,48]`, with landmarks.
    pub onet: Model,
}

/// Edges in canvas pixels, 1-based and inclusive as in the original Matlab code.
#[derive(Clone, Copy)]
struct Candidate {
    edges: [f32; 4],
    score: f32,
    regression: [f32; 4],
}

impl Candidate {
    fn rect(&self) -> Rect {
        Rect::from_corners(self.edges[0], self.edges[1], self.edges[2], self.edges[3])
    }

    /// Moves the edges by the network's regression, given in units of the box size.
    fn regressed(mut self, extra: f32) -> Self {
        let w = self.edges[2] - self.edges[0] + extra;
        let h = self.edges[3] - self.edges[1] + extra;
        for (edge, (shift, size)) in self.edges.iter_mut().zip(self.regression.iter().zip([w, h, w, h])) {
            *edge += shift * size;
        }
        self
    }

    /// The square of the longer side about the same centre.
    fn squared(mut self) -> Self {
        let w = self.edges[2] - self.edges[0];
        let h = self.edges[3] - self.edges[1];
        let side = w.max(h);
        self.edges[0] += (w - side) / 2.0;
        self.edges[1] += (h - side) / 2.0;
        self.edges[2] = self.edges[0] + side;
        self.edges[3] = self.edges[1] + side;
        self
    }
}

fn suppressed(candidates: Vec<Candidate>, limit: f32) -> Vec<Candidate> {
    suppress(candidates, limit, |c| c.score, |a, b| a.rect().iou(&b.rect()))
}

/// A part of the canvas in whole pixels.
#[derive(Clone, Copy)]
struct Region {
    left: u32,
    top: u32,
    w: u32,
    h: u32,
}

/// Adaptive average pooling of a region of `picture` to `out_w x out_h`, normalised to about -1..1,
/// appended to `target` as three planes. Pixels beyond the picture count as black.
fn pooled(picture: &Picture, region: Region, (out_w, out_h): (u32, u32), target: &mut Vec<f32>) {
    let Region { left, top, w, h } = region;
    let stride = picture.width() as usize * 3;
    let base = target.len();
    let plane = (out_w * out_h) as usize;
    target.resize(base + 3 * plane, 0.0);
    let span = |i: u32, from: u32, to: u32| {
        let start = (u64::from(i) * u64::from(from) / u64::from(to)) as u32;
        let end = (u64::from(i + 1) * u64::from(from)).div_ceil(u64::from(to)) as u32;
        (start, end.max(start + 1))
    };
    for oy in 0..out_h {
        let (y0, y1) = span(oy, h, out_h);
        for ox in 0..out_w {
            let (x0, x1) = span(ox, w, out_w);
            let mut sum = [0u32; 3];
            for y in top + y0..(top + y1).min(picture.height()) {
                let end = (left + x1).min(picture.width());
                let begin = (left + x0).min(end);
                let row = &picture.rgb()
                    [y as usize * stride + begin as usize * 3..y as usize * stride + end as usize * 3];
                for px in row.chunks_exact(3) {
                    for (s, v) in sum.iter_mut().zip(px) {
                        *s += u32::from(*v);
                    }
                }
            }
            let count = ((x1 - x0) * (y1 - y0)) as f32;
            for (c, s) in sum.iter().enumerate() {
                target[base + c * plane + (oy * out_w + ox) as usize] =
                    (*s as f32 / count - 127.5) * 0.007_812_5;
            }
        }
    }
}

impl Mtcnn {
    /// Most candidates that go from one stage to the next, and so the most rows of a run of the refinement
    /// and output networks; a busy wall paper would else cost seconds.
    pub const MAX_CANDIDATES: usize = 256;

    pub(super) fn detect(
        &self,
        canvas: &Canvas,
        min_score: f32,
        started: Instant,
        ticket: &Ticket,
    ) -> Result<Vec<Detection>, FaceError> {
        let candidates = self.propose(canvas, started, ticket)?;
        let candidates = self.refine(canvas, candidates, ticket)?;
        self.finish(canvas, candidates, min_score.max(REFINE_SCORE), ticket)
    }

    /// `started` is when the canvas was begun, which counts as preparation of the first level.
    fn propose(
        &self,
        canvas: &Canvas,
        mut started: Instant,
        ticket: &Ticket,
    ) -> Result<Vec<Candidate>, FaceError> {
        let name = self.pnet.name();
        let (w, h) = (canvas.width() as f32, canvas.height() as f32);
        let mut all = Vec::new();
        let mut scale = PROPOSAL_CELL / MIN_FACE;
        while w.min(h) * scale >= PROPOSAL_CELL {
            let (sw, sh) = ((w * scale + 1.0) as u32, (h * scale + 1.0) as u32);
            let mut data = Vec::new();
            let whole = Region { left: 0, top: 0, w: canvas.width(), h: canvas.height() };
            pooled(canvas.picture(), whole, (sw, sh), &mut data);
            let input = Tensor::new(vec![1, 3, sh as usize, sw as usize], data)?;
            stage(name, Stage::Preprocess, started.elapsed());
            let outputs = self.pnet.run(vec![input], ticket)?;
            started = Instant::now();
            all.extend(suppressed(Self::cells(&outputs, scale)?, 0.5));
            stage(name, Stage::Postprocess, started.elapsed());
            started = Instant::now();
            scale *= FACTOR;
        }
        let mut kept = suppressed(all, 0.7);
        kept.truncate(Self::MAX_CANDIDATES);
        let kept = kept.into_iter().map(|c| c.regressed(0.0).squared()).collect();
        stage(name, Stage::Postprocess, started.elapsed());
        Ok(kept)
    }

    /// The cells of one pyramid level whose face probability passes.
    fn cells(outputs: &[Tensor], scale: f32) -> Result<Vec<Candidate>, FaceError> {
        let shape = outputs.first().map(|t| t.shape().to_vec()).unwrap_or_default();
        let [1, 2, rows, columns] = shape[..] else {
            return Err(FaceError::UnexpectedOutput {
                model: NAME,
                got: format!("{shape:?}"),
                expected: PROPOSED,
            });
        };
        let cells = rows * columns;
        let probability = &output(outputs, 0, 2 * cells, NAME, PROPOSED)?[cells..];
        let boxes = output(outputs, 1, 4 * cells, NAME, PROPOSED)?;
        let mut found = Vec::new();
        for (cell, &score) in probability.iter().enumerate() {
            if score < PROPOSAL_SCORE {
                continue;
            }
            let (x, y) = ((cell % columns) as f32, (cell / columns) as f32);
            let low = |v: f32| ((PROPOSAL_STRIDE * v + 1.0) / scale).floor();
            let high = |v: f32| ((PROPOSAL_STRIDE * v + PROPOSAL_CELL) / scale).floor();
            found.push(Candidate {
                edges: [low(x), low(y), high(x), high(y)],
                score,
                regression: std::array::from_fn(|k| boxes[k * cells + cell]),
            });
        }
        Ok(found)
    }

    /// The candidates cut out at `side` pixels as one batch, with those that lie outside dropped.
    fn crops(
        canvas: &Canvas,
        candidates: Vec<Candidate>,
        side: u32,
        model: &Model,
    ) -> Result<(Vec<Candidate>, Option<Tensor>), FaceError> {
        let started = Instant::now();
        let (w, h) = (canvas.width() as f32, canvas.height() as f32);
        let mut data = Vec::new();
        let mut kept = Vec::new();
        for candidate in candidates {
            let x0 = candidate.edges[0].trunc().max(1.0);
            let y0 = candidate.edges[1].trunc().max(1.0);
            let x1 = candidate.edges[2].trunc().min(w);
            let y1 = candidate.edges[3].trunc().min(h);
            if x1 < x0 || y1 < y0 {
                continue;
            }
            let (left, top) = (x0 as u32 - 1, y0 as u32 - 1);
            let region = Region { left, top, w: x1 as u32 - left, h: y1 as u32 - top };
            pooled(canvas.picture(), region, (side, side), &mut data);
            kept.push(candidate);
        }
        stage(model.name(), Stage::Preprocess, started.elapsed());
        if kept.is_empty() {
            return Ok((kept, None));
        }
        let shape = vec![kept.len(), 3, side as usize, side as usize];
        Ok((kept, Some(Tensor::new(shape, data)?)))
    }

    fn refine(
        &self,
        canvas: &Canvas,
        candidates: Vec<Candidate>,
        ticket: &Ticket,
    ) -> Result<Vec<Candidate>, FaceError> {
        let (candidates, Some(input)) = Self::crops(canvas, candidates, 24, &self.rnet)? else {
            return Ok(Vec::new());
        };
        let outputs = self.rnet.run(vec![input], ticket)?;
        let started = Instant::now();
        let n = candidates.len();
        let probability = output(&outputs, 0, 2 * n, NAME, REFINED)?;
        let boxes = output(&outputs, 1, 4 * n, NAME, REFINED)?;
        let passed = candidates
            .into_iter()
            .enumerate()
            .filter(|(i, _)| probability[2 * i + 1] > REFINE_SCORE)
            .map(|(i, c)| Candidate {
                score: probability[2 * i + 1],
                regression: std::array::from_fn(|k| boxes[4 * i + k]),
                ..c
            })
            .collect();
        let kept = suppressed(passed, 0.7).into_iter().map(|c| c.regressed(1.0).squared()).collect();
        stage(self.rnet.name(), Stage::Postprocess, started.elapsed());
        Ok(kept)
    }

    fn finish(
        &self,
        canvas: &Canvas,
        candidates: Vec<Candidate>,
        min_score: f32,
        ticket: &Ticket,
    ) -> Result<Vec<Detection>, FaceError> {
        let (candidates, Some(input)) = Self::crops(canvas, candidates, 48, &self.onet)? else {
            return Ok(Vec::new());
        };
        let outputs = self.onet.run(vec![input], ticket)?;
        let started = Instant::now();
        let n = candidates.len();
        let probability = output(&outputs, 0, 2 * n, NAME, REFINED)?;
        let boxes = output(&outputs, 1, 4 * n, NAME, REFINED)?;
        let points = output(&outputs, 2, 10 * n, NAME, REFINED)?;
        let mut passed = Vec::new();
        for (i, candidate) in candidates.into_iter().enumerate() {
            let score = probability[2 * i + 1];
            if score <= min_score {
                continue;
            }
            let [x0, y0, x1, y1] = candidate.edges;
            let (w, h) = (x1 - x0 + 1.0, y1 - y0 + 1.0);
            let p = &points[10 * i..10 * i + 10];
            let landmarks = std::array::from_fn(|k| Point {
                x: (w * p[k] + x0 - 1.0) / canvas.scale(),
                y: (h * p[5 + k] + y0 - 1.0) / canvas.scale(),
            });
            let moved =
                Candidate { score, regression: std::array::from_fn(|k| boxes[4 * i + k]), ..candidate }
                    .regressed(1.0);
            passed.push(Detection { rect: canvas.to_picture(&moved.rect()), score, landmarks });
        }
        // The last suppression measures overlap against the smaller box, so that a face inside a face goes.
        let faces = suppress(
            passed,
            0.7,
            |d| d.score,
            |a, b| {
                let smaller = a.rect.area().min(b.rect.area());
                let union = a.rect.area() + b.rect.area();
                let iou = a.rect.iou(&b.rect);
                if smaller > 0.0 { iou * union / (1.0 + iou) / smaller } else { 0.0 }
            },
        );
        stage(self.onet.name(), Stage::Postprocess, started.elapsed());
        Ok(faces)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pooling_averages_what_it_covers_and_keeps_a_flat_picture_flat() {
        let picture =
            Picture::from_rgb(4, 2, [0, 0, 0, 255, 255, 255, 0, 0, 0, 255, 255, 255].repeat(2)).unwrap();
        let mut out = Vec::new();
        pooled(&picture, Region { left: 0, top: 0, w: 4, h: 2 }, (2, 1), &mut out);
        assert_eq!(out.len(), 6);
        assert!(out.iter().all(|v| v.abs() < 1e-6), "{out:?}");
        let grey = Picture::from_rgb(7, 5, vec![200; 105]).unwrap();
        let mut out = Vec::new();
        pooled(&grey, Region { left: 1, top: 1, w: 5, h: 3 }, (24, 24), &mut out);
        assert!(out.iter().all(|v| (v - 72.5 / 128.0).abs() < 1e-6));
    }

    #[test]
    fn squaring_keeps_the_centre() {
        let c = Candidate { edges: [10.0, 20.0, 30.0, 60.0], score: 1.0, regression: [0.0; 4] }.squared();
        let off = c.edges.iter().zip([0.0, 20.0, 40.0, 60.0]).map(|(a, b)| (a - b).abs());
        assert!(off.fold(0.0, f32::max) < 1e-6, "{:?}", c.edges);
    }
}
