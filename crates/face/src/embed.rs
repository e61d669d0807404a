//! Aligned chips in, embeddings out.

use std::time::Instant;

use innkeeper_convert::dlib::{PixelRect, ShapePredictor};
use innkeeper_core::{Embedding, EmbeddingError, Picture, Point};
use innkeeper_runtime::{Model, Stage, Tensor, Ticket, stage};

use crate::align::{Similarity, chip, planes};
use crate::{Detection, Face, FaceError, TEMPLATE_112};

/// The embedders we know how to feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmbedderKind {
    /// EdgeFace (George et al., 2023): RGB 0..255, 112 pixels; the graph normalises.
    EdgeFace,
    /// MobileFaceNet (Chen et al., 2018): RGB with the mean and deviation of `ImageNet`, 112 pixels.
    MobileFaceNet,
    /// dlib's face ResNet (King, 2017): RGB 0..255, 150 pixels, aligned by its own landmarks; the graph
    /// normalises.
    DlibResnet,
}

impl EmbedderKind {
    /// Whether a face and its mirror image are embedded and the two directions averaged. It halves the
    /// errors of dlib's network for a second run and changes nothing for the others
    /// (docs/thresholds.md).
    pub fn mirrors(self) -> bool {
        self == Self::DlibResnet
    }
}

/// dlib's mean positions of the eye corners and the base of the nose, in a unit square, as its chip
/// extractor uses them for five landmarks.
const DLIB_SHAPE: [(f32, f32); 5] = [
    (0.859_567_46, 0.213_498_16),
    (0.646_060_5, 0.228_967_44),
    (0.120_575_06, 0.213_727_45),
    (0.334_085_08, 0.229_064_24),
    (0.490_112_3, 0.627_797_54),
];
const DLIB_SIZE: u32 = 150;
const DLIB_PADDING: f32 = 0.25;
const SIZE: u32 = 112;

/// A loaded embedder with what its alignment needs.
pub struct Embedder {
    kind: EmbedderKind,
    model: Model,
    predictor: Option<ShapePredictor>,
}

impl Embedder {
    /// Joins a model with its kind. `predictor` is dlib's five-point shape predictor; only
    /// [`EmbedderKind::DlibResnet`] needs one.
    ///
    /// # Errors
    /// [`FaceError::NotInstalled`] when the kind needs a predictor and there is none.
    pub fn new(
        kind: EmbedderKind,
        model: Model,
        predictor: Option<ShapePredictor>,
    ) -> Result<Self, FaceError> {
        if kind == EmbedderKind::DlibResnet && predictor.is_none() {
            return Err(FaceError::NotInstalled {
                what: "the five-point landmark predictor of the dlib embedder",
                command: "innkeeper models pull --pack default".to_owned(),
            });
        }
        Ok(Self { kind, model, predictor })
    }

    /// The running model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// What it is.
    pub fn kind(&self) -> EmbedderKind {
        self.kind
    }

    /// Length of the vectors.
    pub fn dimension(&self) -> usize {
        match self.kind {
            EmbedderKind::EdgeFace => 512,
            EmbedderKind::MobileFaceNet | EmbedderKind::DlibResnet => 128,
        }
    }

    /// The chip this embedder wants of one face. `chip_112` is the chip of the detector's landmarks.
    pub(crate) fn align(
        &self,
        picture: &Picture,
        face: &Detection,
        chip_112: &Picture,
    ) -> Result<Picture, FaceError> {
        let Some(predictor) = self.predictor.as_ref().filter(|_| self.kind == EmbedderKind::DlibResnet)
        else {
            return Ok(chip_112.clone());
        };
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let rgb = picture.rgb();
        // dlib turns RGB into grey by the plain mean; the predictor asks for a few hundred pixels only.
        let grey = |x: usize, y: usize| {
            let at = (y * width + x) * 3;
            (rgb[at..at + 3].iter().map(|v| u32::from(*v)).sum::<u32>() / 3) as u8
        };
        let edge = |v: f32| v.round() as i64;
        let rect = PixelRect {
            left: edge(face.rect.x),
            top: edge(face.rect.y),
            right: edge(face.rect.right()),
            bottom: edge(face.rect.bottom()),
        };
        let points = predictor.predict(grey, width, height, rect);
        let from: Vec<Point> = points.into_iter().map(|(x, y)| Point { x, y }).collect();
        let to = DLIB_SHAPE.map(|(x, y)| {
            let place = |v: f32| (DLIB_PADDING + v) / (2.0 * DLIB_PADDING + 1.0) * DLIB_SIZE as f32;
            Point { x: place(x), y: place(y) }
        });
        match Similarity::fit(&from, &to) {
            Some(fit) => chip(picture, &fit, DLIB_SIZE),
            None => Ok(chip_112.resized(DLIB_SIZE, DLIB_SIZE, innkeeper_core::Resampling::Triangle)?),
        }
    }

    fn tensor(&self, chips: &[Picture]) -> Result<Tensor, FaceError> {
        const MEAN: [f32; 3] = [123.675, 116.28, 103.53];
        const DEVIATION: [f32; 3] = [58.395, 57.12, 57.375];
        let (size, mean, factor) = match self.kind {
            EmbedderKind::EdgeFace => (SIZE, [0.0; 3], [1.0; 3]),
            EmbedderKind::DlibResnet => (DLIB_SIZE, [0.0; 3], [1.0; 3]),
            EmbedderKind::MobileFaceNet => (SIZE, MEAN, DEVIATION.map(|d| 1.0 / d)),
        };
        let mut data = Vec::new();
        for chip in chips {
            planes(chip, mean, factor, &mut data);
        }
        Ok(Tensor::new(vec![chips.len(), 3, size as usize, size as usize], data)?)
    }

    /// Embeds the chips that [`Embedder::align`] made since `started`, in their order.
    pub(crate) fn embed(
        &self,
        chips: &[Picture],
        started: Instant,
        ticket: &Ticket,
    ) -> Result<Vec<Embedding>, FaceError> {
        if !self.kind.mirrors() {
            return self.directions(chips, started, ticket);
        }
        let both: Vec<Picture> = chips.iter().cloned().chain(chips.iter().map(Picture::mirrored)).collect();
        let directions = self.directions(&both, started, ticket)?;
        let (faces, mirrors) = directions.split_at(chips.len());
        faces.iter().zip(mirrors).map(|(face, mirror)| Ok(mean(face, mirror)?)).collect()
    }

    /// The directions of one face and of its mirror image, apart, whatever [`EmbedderKind::mirrors`] says:
    /// what an evaluation needs to tell how much the second look gains. `None` when the landmarks lie in one
    /// spot.
    ///
    /// # Errors
    /// When the model fails, or `ticket` is cancelled or past its deadline.
    pub fn both_looks(
        &self,
        picture: &Picture,
        face: &Face,
        ticket: &Ticket,
    ) -> Result<Option<[Embedding; 2]>, FaceError> {
        let started = Instant::now();
        let Some(chip) = chip_112(picture, &face.landmarks)? else { return Ok(None) };
        let found = Detection { rect: face.rect, score: face.detection_score, landmarks: face.landmarks };
        let chip = self.align(picture, &found, &chip)?;
        let mirror = chip.mirrored();
        Ok(self.directions(&[chip, mirror], started, ticket)?.try_into().ok())
    }

    /// One unit vector a chip.
    fn directions(
        &self,
        chips: &[Picture],
        started: Instant,
        ticket: &Ticket,
    ) -> Result<Vec<Embedding>, FaceError> {
        let input = self.tensor(chips)?;
        stage(self.model.name(), Stage::Preprocess, started.elapsed());
        // Across a swap either model may answer; the embedding carries the name of the one that did.
        let answer = self.model.answer(vec![input], ticket)?;
        let started = Instant::now();
        let output = answer.outputs.first().filter(|t| t.rows() == chips.len()).ok_or_else(|| {
            FaceError::UnexpectedOutput {
                model: "face-embedding",
                got: format!("{:?}", answer.outputs.first().map(Tensor::shape)),
                expected: "one row per chip",
            }
        })?;
        let embeddings = (0..chips.len())
            .map(|i| Ok(Embedding::normalised(answer.model.clone(), output.row(i).to_vec())?))
            .collect();
        stage(self.model.name(), Stage::Postprocess, started.elapsed());
        embeddings
    }
}

/// The direction half way between two embeddings of one model.
fn mean(a: &Embedding, b: &Embedding) -> Result<Embedding, EmbeddingError> {
    let sum = a.vector().iter().zip(b.vector()).map(|(a, b)| a + b).collect();
    Embedding::normalised(a.model().clone(), sum)
}

/// The 112-pixel chip of the detector's landmarks: what quality is measured on and most embedders take.
pub(crate) fn chip_112(picture: &Picture, landmarks: &[Point; 5]) -> Result<Option<Picture>, FaceError> {
    Similarity::fit(landmarks, &TEMPLATE_112).map(|fit| chip(picture, &fit, SIZE)).transpose()
}
