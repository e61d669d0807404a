//! Is the face in front of the camera, or on paper or a screen? A verdict comes from a model or not at
//! all.

use std::time::Instant;

use innkeeper_core::{ModelRef, Picture, Rect, Resampling};
use innkeeper_runtime::{Model, Pending, Stage, Tensor, Ticket, stage};
use serde::Serialize;

use crate::FaceError;

/// The liveness models we know how to feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LivenessKind {
    /// `MiniFASNetV2`, the face box scaled by 2.7 (Silent-Face-Anti-Spoofing, Minivision).
    MiniFasNetV2,
    /// `MiniFASNetV1SE`, the face box scaled by 4.0 (the same source).
    MiniFasNetV1Se,
    /// A two-class network on a square crop of 1.5 times the face (face-antispoof-onnx).
    Suri,
}

/// What the liveness models said of one face.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LivenessVerdict {
    /// True or false when a model judged, null when none did.
    pub is_alive: Option<bool>,
    /// Mean probability of a real face over the models, 0 to 1.
    pub score: Option<f32>,
    /// The score a real face must reach.
    pub threshold: Option<f32>,
    /// Whether the threshold was set on labelled attacks of this hotel's kind. The shipped one is the
    /// models' own and was not.
    pub calibrated: bool,
    /// Which models judged.
    pub models: Vec<ModelRef>,
    /// Why there is no verdict, or what speaks against a real face.
    pub reason: Option<String>,
}

impl LivenessVerdict {
    /// No verdict, and why.
    pub fn none(reason: impl Into<String>) -> Self {
        Self {
            is_alive: None,
            score: None,
            threshold: None,
            calibrated: false,
            models: Vec::new(),
            reason: Some(reason.into()),
        }
    }
}

/// The probability at which a softmax over real and attack turns: the sources take the larger class.
const THRESHOLD: f32 = 0.5;

/// One or more loaded liveness models, whose probabilities are averaged per family: the two `MiniFASNet`
/// count as one, as their authors use them.
pub struct Liveness {
    members: Vec<(LivenessKind, Model)>,
}

impl Liveness {
    /// Joins models with their kinds. `None` when there is no model.
    pub fn new(members: Vec<(LivenessKind, Model)>) -> Option<Self> {
        if members.is_empty() { None } else { Some(Self { members }) }
    }

    /// Name and version of the models that judge, each once.
    pub fn names(&self) -> Vec<ModelRef> {
        let mut names: Vec<ModelRef> = self.models().map(Model::model).collect();
        names.dedup();
        names
    }

    /// The models that judge.
    pub fn models(&self) -> impl Iterator<Item = &Model> {
        self.members.iter().map(|(_, model)| model)
    }

    /// Puts every face of a picture to all models at once; one batch per model where its graph allows.
    pub(crate) fn begin(
        &self,
        picture: &Picture,
        faces: &[Rect],
        ticket: &Ticket,
    ) -> Result<Judging, FaceError> {
        let members = if faces.is_empty() { &[][..] } else { &self.members };
        let asked = members.iter().map(|(kind, model)| ask(*kind, model, picture, faces, ticket));
        Ok(Judging { asked: asked.collect::<Result<_, _>>()?, faces: faces.len(), models: self.names() })
    }
}

/// Faces that the models are judging.
pub(crate) struct Judging {
    asked: Vec<Asked>,
    faces: usize,
    models: Vec<ModelRef>,
}

struct Asked {
    kind: LivenessKind,
    model: Model,
    pending: Pending,
}

impl Judging {
    /// Waits for the models. One verdict a face, in their order.
    pub fn verdicts(self) -> Result<Vec<LivenessVerdict>, FaceError> {
        if self.asked.is_empty() {
            return Ok(Vec::new());
        }
        // Per face: (sum, count) for the MiniFASNet family and for suri.
        let mut sums = vec![[(0.0f32, 0u8); 2]; self.faces];
        for asked in self.asked {
            let family = usize::from(asked.kind == LivenessKind::Suri);
            for (sum, real) in sums.iter_mut().zip(real_probabilities(asked, self.faces)?) {
                sum[family].0 += real;
                sum[family].1 += 1;
            }
        }
        let verdict = |families: [(f32, u8); 2]| {
            let means: Vec<f32> = families.iter().filter(|f| f.1 > 0).map(|f| f.0 / f32::from(f.1)).collect();
            let score = means.iter().sum::<f32>() / means.len() as f32;
            let alive = score >= THRESHOLD;
            LivenessVerdict {
                is_alive: Some(alive),
                score: Some(score),
                threshold: Some(THRESHOLD),
                calibrated: false,
                models: self.models.clone(),
                reason: (!alive).then(|| "presentation_attack_suspected".to_owned()),
            }
        };
        Ok(sums.into_iter().map(verdict).collect())
    }
}

/// Cuts the faces out as the model wants them and queues them.
fn ask(
    kind: LivenessKind,
    model: &Model,
    picture: &Picture,
    faces: &[Rect],
    ticket: &Ticket,
) -> Result<Asked, FaceError> {
    let side = match kind {
        LivenessKind::Suri => 128,
        _ => 80,
    };
    let started = Instant::now();
    let mut data = Vec::with_capacity(faces.len() * 3 * side * side);
    for face in faces {
        match kind {
            LivenessKind::MiniFasNetV2 => minifas_input(picture, face, 2.7, &mut data),
            LivenessKind::MiniFasNetV1Se => minifas_input(picture, face, 4.0, &mut data),
            LivenessKind::Suri => suri_input(picture, face, &mut data)?,
        }
    }
    let input = Tensor::new(vec![faces.len(), 3, side, side], data)?;
    stage(model.name(), Stage::Preprocess, started.elapsed());
    let pending = model.begin(vec![input], ticket)?;
    Ok(Asked { kind, model: model.clone(), pending })
}

/// Probability of a real face, per face.
fn real_probabilities(asked: Asked, faces: usize) -> Result<Vec<f32>, FaceError> {
    let outputs = asked.pending.wait()?.outputs;
    let started = Instant::now();
    let (classes, real_class) = if asked.kind == LivenessKind::Suri { (2, 0) } else { (3, 1) };
    let logits = outputs.first().filter(|t| t.data().len() == faces * classes).ok_or_else(|| {
        FaceError::UnexpectedOutput {
            model: "liveness",
            got: format!("{:?}", outputs.first().map(Tensor::shape)),
            expected: "2 logits (suri) or 3 (MiniFASNet) per face",
        }
    })?;
    let real = logits.data().chunks_exact(classes).map(|l| softmax(l)[real_class]).collect();
    stage(asked.model.name(), Stage::Postprocess, started.elapsed());
    Ok(real)
}

fn softmax(logits: &[f32]) -> Vec<f32> {
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exp: Vec<f32> = logits.iter().map(|l| (l - top).exp()).collect();
    let sum: f32 = exp.iter().sum();
    exp.into_iter().map(|e| e / sum).collect()
}

/// The crop `MiniFASNet` was trained on: the box scaled about its centre, shifted inside the picture, BGR
/// 0..255, bilinear without antialiasing (the texture that gives a print away is in the aliasing too).
fn minifas_input(picture: &Picture, face: &Rect, scale: f32, out: &mut Vec<f32>) {
    const SIDE: usize = 80;
    let (w, h) = (picture.width() as f32, picture.height() as f32);
    let scale = ((h - 1.0) / face.h).min((w - 1.0) / face.w).min(scale);
    let (new_w, new_h) = (face.w * scale, face.h * scale);
    let centre = face.centre();
    let place = |middle: f32, extent: f32, limit: f32| {
        let (mut low, mut high) = (middle - extent / 2.0, middle + extent / 2.0);
        if low < 0.0 {
            high -= low;
            low = 0.0;
        }
        if high > limit - 1.0 {
            low -= high - limit + 1.0;
            high = limit - 1.0;
        }
        (low.max(0.0).trunc(), high.max(0.0).trunc())
    };
    let (x0, x1) = place(centre.x, new_w, w);
    let (y0, y1) = place(centre.y, new_h, h);
    let (step_x, step_y) = ((x1 - x0 + 1.0) / SIDE as f32, (y1 - y0 + 1.0) / SIDE as f32);
    let base = out.len();
    out.resize(base + 3 * SIDE * SIDE, 0.0);
    let taps = |i: usize, step: f32, low: f32, high: f32| {
        let at = ((i as f32 + 0.5) * step - 0.5).max(0.0) + low;
        let first = at.floor().min(high);
        (first as usize, (first + 1.0).min(high) as usize, at - first)
    };
    let columns: [_; SIDE] = std::array::from_fn(|x| taps(x, step_x, x0, x1));
    let stride = picture.width() as usize * 3;
    for y in 0..SIDE {
        let (ya, yb, fy) = taps(y, step_y, y0, y1);
        let (above, below) = (&picture.rgb()[ya * stride..], &picture.rgb()[yb * stride..]);
        for (x, (xa, xb, fx)) in columns.into_iter().enumerate() {
            for c in 0..3 {
                let mix = |row: &[u8]| {
                    let value = |px: usize| f32::from(row[px * 3 + (2 - c)]);
                    value(xa) * (1.0 - fx) + value(xb) * fx
                };
                let value = mix(above) * (1.0 - fy) + mix(below) * fy;
                // The original resizes bytes, so the network saw whole numbers.
                out[base + c * SIDE * SIDE + y * SIDE + x] = f32::from((value + 0.5) as u8);
            }
        }
    }
}

/// A square of 1.5 times the longest side about the face, mirrored beyond the picture's edge, RGB 0..1 at
/// 128 pixels.
fn suri_input(picture: &Picture, face: &Rect, out: &mut Vec<f32>) -> Result<(), FaceError> {
    const SIDE: u32 = 128;
    let square = suri_area(picture, face);
    let inside = square.x >= 0.0
        && square.y >= 0.0
        && square.right() <= picture.width() as f32
        && square.bottom() <= picture.height() as f32;
    let small = if inside && square.w >= SIDE as f32 {
        // Nothing to mirror, and the mean reads no pixel beyond the square: no copy is needed.
        picture.resized_part(&square, SIDE, SIDE, Resampling::Area)?
    } else {
        let square = suri_square(picture, &square)?;
        let filter = if square.width() < SIDE { Resampling::Lanczos } else { Resampling::Area };
        square.resized(SIDE, SIDE, filter)?
    };
    crate::align::planes(&small, [0.0; 3], [1.0 / 255.0; 3], out);
    Ok(())
}

/// The square in whole pixels of the picture.
fn suri_area(picture: &Picture, face: &Rect) -> Rect {
    let (w, h) = (picture.width() as f32, picture.height() as f32);
    let side = (face.w.max(face.h) * 1.5).round().clamp(1.0, 1.5 * w.max(h));
    let (centre, half) = (face.centre(), (side / 2.0).floor());
    Rect { x: centre.x.round() - half, y: centre.y.round() - half, w: side, h: side }
}

/// Longest side of the square that is put together pixel by pixel; a larger one is shrunk to it first, or
/// a face that fills a large photograph would cost hundreds of megabytes on the way to 128 pixels.
const SURI_MOST: f32 = 512.0;

fn suri_square(picture: &Picture, square: &Rect) -> Result<Picture, FaceError> {
    let (w, h) = (picture.width() as f32, picture.height() as f32);
    let side = square.w;
    let middle = |low: f32| low + (side / 2.0).floor();
    if side <= SURI_MOST {
        return mirrored_square(picture, middle(square.x) as i64, middle(square.y) as i64, side as i64);
    }
    // What is mirrored in lies within the square too, so the rest of the picture is not needed.
    let (x, y) = (middle(square.x).clamp(0.0, w - 1.0), middle(square.y).clamp(0.0, h - 1.0));
    let part = Rect { x: x - side / 2.0, y: y - side / 2.0, w: side, h: side }
        .clipped(picture.width(), picture.height());
    let place = |v: f32| (v * SURI_MOST / side).round();
    let small = |v: f32| (place(v) as u32).max(1);
    let shrunk = picture.resized_part(&part, small(part.w), small(part.h), Resampling::Area)?;
    mirrored_square(&shrunk, place(x - part.x) as i64, place(y - part.y) as i64, SURI_MOST as i64)
}

/// The square of `side` pixels about a point, the picture mirrored beyond its edges.
fn mirrored_square(picture: &Picture, x: i64, y: i64, side: i64) -> Result<Picture, FaceError> {
    let (left, top) = (x - side / 2, y - side / 2);
    let mirror = |v: i64, limit: i64| {
        if limit == 1 {
            return 0;
        }
        let period = 2 * (limit - 1);
        let v = v.rem_euclid(period);
        if v < limit { v } else { period - v }
    };
    let (w, h) = (i64::from(picture.width()), i64::from(picture.height()));
    let columns: Vec<usize> = (left..left + side).map(|x| mirror(x, w) as usize * 3).collect();
    let mut rgb = Vec::with_capacity((side * side * 3) as usize);
    for y in top..top + side {
        let row = &picture.rgb()[(mirror(y, h) * w * 3) as usize..];
        for &at in &columns {
            rgb.extend_from_slice(&row[at..at + 3]);
        }
    }
    Ok(Picture::from_rgb(side as u32, side as u32, rgb)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_sum_to_one_for_any_logits() {
        for logits in [[0.0, 0.0, 0.0], [1000.0, -1000.0, 3.0], [-5.0, -5.0, -5.0]] {
            assert!((softmax(&logits).iter().sum::<f32>() - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn crops_at_the_edge_stay_inside_and_are_complete() {
        let rgb = (0..100 * 80).flat_map(|i| [(i % 100) as u8, (i / 100) as u8, 9]).collect();
        let picture = Picture::from_rgb(100, 80, rgb).unwrap();
        for rect in [
            Rect { x: -10.0, y: -10.0, w: 40.0, h: 50.0 },
            Rect { x: 80.0, y: 60.0, w: 40.0, h: 50.0 },
            Rect { x: 0.0, y: 0.0, w: 100.0, h: 80.0 },
            Rect { x: 50.0, y: 40.0, w: 1.0, h: 1.0 },
        ] {
            let mut out = Vec::new();
            minifas_input(&picture, &rect, 2.7, &mut out);
            assert_eq!(out.len(), 3 * 80 * 80);
            // Blue comes first and is constant, so nothing outside the picture was read.
            assert!(out[..6400].iter().all(|v| (*v - 9.0).abs() < 1e-6), "{rect:?}");
            let mut out = Vec::new();
            suri_input(&picture, &rect, &mut out).unwrap();
            assert_eq!(out.len(), 3 * 128 * 128);
            assert!(out[2 * 128 * 128..].iter().all(|v| (*v - 9.0 / 255.0).abs() < 0.005), "{rect:?}");
        }
    }

    #[test]
    fn a_square_inside_the_picture_looks_the_same_without_being_copied_first() {
        let rgb =
            (0..300 * 200).flat_map(|i| [(i % 251) as u8, (i / 300) as u8, (i * 7 % 256) as u8]).collect();
        let picture = Picture::from_rgb(300, 200, rgb).unwrap();
        let rect = Rect { x: 80.0, y: 49.0, w: 100.0, h: 80.0 };
        let square = suri_square(&picture, &suri_area(&picture, &rect)).unwrap();
        assert_eq!(square.width(), 150);
        let mut copied = Vec::new();
        let small = square.resized(128, 128, Resampling::Area).unwrap();
        crate::align::planes(&small, [0.0; 3], [1.0 / 255.0; 3], &mut copied);
        let mut straight = Vec::new();
        suri_input(&picture, &rect, &mut straight).unwrap();
        assert_eq!(copied, straight);
    }

    #[test]
    fn a_face_that_fills_a_large_photograph_costs_little_and_looks_as_in_a_small_one() {
        // The same scene, once at a tenth of the size.
        let scene = |w: u32, h: u32| {
            let rgb = (0..h)
                .flat_map(|y| (0..w).flat_map(move |x| [(255 * x / w) as u8, (255 * y / h) as u8, 60]))
                .collect();
            Picture::from_rgb(w, h, rgb).unwrap()
        };
        let (large, small) = (scene(3000, 2000), scene(300, 200));
        for rect in [
            Rect { x: 1000.0, y: 500.0, w: 700.0, h: 900.0 },
            Rect { x: 0.0, y: 0.0, w: 3000.0, h: 2000.0 },
            Rect { x: -200.0, y: 900.0, w: 1500.0, h: 1500.0 },
        ] {
            assert!(suri_square(&large, &suri_area(&large, &rect)).unwrap().width() <= 512, "{rect:?}");
            let (mut much, mut little) = (Vec::new(), Vec::new());
            suri_input(&large, &rect, &mut much).unwrap();
            let tenth = Rect { x: rect.x / 10.0, y: rect.y / 10.0, w: rect.w / 10.0, h: rect.h / 10.0 };
            suri_input(&small, &tenth, &mut little).unwrap();
            let worst = much.iter().zip(&little).map(|(a, b)| (a - b).abs()).fold(0.0f32, f32::max);
            assert!(worst < 0.03, "{rect:?}: off by {worst}");
        }
        for absurd in
            [Rect { x: -1e9, y: -1e9, w: 2e9, h: 2e9 }, Rect { x: 5000.0, y: 9000.0, w: 4000.0, h: 10.0 }]
        {
            assert!(suri_square(&large, &suri_area(&large, &absurd)).unwrap().width() <= 512, "{absurd:?}");
        }
    }

    #[test]
    fn without_a_model_nobody_is_alive_or_dead() {
        let verdict = LivenessVerdict::none("model_not_installed");
        assert_eq!((verdict.is_alive, verdict.score), (None, None));
        assert!(Liveness::new(vec![]).is_none());
    }
}
