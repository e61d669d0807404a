//! One frame through all stages.

use std::time::{Duration, Instant};

use innkeeper_core::{Embedding, ModelRef, Picture, Point, Rect};
use innkeeper_runtime::{Model, Stage, Ticket, stage};
use serde::Deserialize;

use crate::embed::chip_112;
use crate::{
    Detection, Detector, DetectorSettings, Embedder, FaceError, Liveness, LivenessVerdict, Quality,
    QualitySettings,
};

/// How frames are analysed.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PipelineSettings {
    /// Where and how faces are looked for.
    pub detector: DetectorSettings,
    /// Which faces are good enough.
    pub quality: QualitySettings,
}

/// Which stages a caller needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Want {
    /// Judge liveness.
    pub liveness: bool,
    /// Embed the faces.
    pub embedding: bool,
    /// Also embed faces that fail the quality gate, as an evaluation does.
    pub despite_quality: bool,
}

impl Want {
    /// Everything, for faces that pass the gate.
    pub const ALL: Self = Self { liveness: true, embedding: true, despite_quality: false };
}

/// Wall time per stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StageTimings {
    /// Finding faces.
    pub detect: Duration,
    /// Cutting chips and measuring quality.
    pub align: Duration,
    /// Judging liveness, but for the part of it that passed while faces were embedded.
    pub liveness: Duration,
    /// Embedding.
    pub embed: Duration,
}

/// One face of a frame.
#[derive(Debug, Clone)]
pub struct Face {
    /// Box in pixels of the frame.
    pub rect: Rect,
    /// The detector's own score, 0 to 1.
    pub detection_score: f32,
    /// Eyes, nose tip, mouth corners.
    pub landmarks: [Point; 5],
    /// What was measured and what speaks against the face.
    pub quality: Quality,
    /// The liveness verdict, or why there is none.
    pub liveness: LivenessVerdict,
    /// The embedding, when it was asked for and the face passes the gate.
    pub embedding: Option<Embedding>,
}

/// All faces of a frame, largest first.
#[derive(Debug, Clone)]
pub struct FrameAnalysis {
    /// The faces.
    pub faces: Vec<Face>,
    /// Where the time went.
    pub timings: StageTimings,
}

impl FrameAnalysis {
    /// The largest face that passes the quality gate.
    pub fn primary(&self) -> Option<usize> {
        self.faces.iter().position(|f| f.quality.passes())
    }
}

/// Detector, embedder and, where installed, liveness models, ready to run.
pub struct FacePipeline {
    detector: Detector,
    embedder: Embedder,
    liveness: Result<Liveness, String>,
    settings: PipelineSettings,
}

impl FacePipeline {
    /// Joins loaded models. `liveness` is the models, or the reason that answers carry instead.
    pub fn new(
        detector: Detector,
        embedder: Embedder,
        liveness: Result<Liveness, String>,
        settings: PipelineSettings,
    ) -> Self {
        Self { detector, embedder, liveness, settings }
    }

    /// The settings in force.
    pub fn settings(&self) -> &PipelineSettings {
        &self.settings
    }

    /// Name and version of the embedder: what templates must agree with.
    pub fn embedder(&self) -> ModelRef {
        self.embedder.model().model()
    }

    /// Length of the embedder's vectors.
    pub fn dimension(&self) -> usize {
        self.embedder.dimension()
    }

    /// Name and version of the detector.
    pub fn detector(&self) -> ModelRef {
        match &self.detector {
            Detector::YuNet(m) | Detector::Scrfd(m) => m.model(),
            Detector::Mtcnn(m) => m.onet.model(),
        }
    }

    /// Name and version of each liveness model.
    pub fn liveness_models(&self) -> Vec<ModelRef> {
        self.liveness.iter().flat_map(Liveness::names).collect()
    }

    /// Every running model.
    pub fn models(&self) -> Vec<Model> {
        let mut models = match &self.detector {
            Detector::YuNet(m) | Detector::Scrfd(m) => vec![m.clone()],
            Detector::Mtcnn(m) => vec![m.pnet.clone(), m.rnet.clone(), m.onet.clone()],
        };
        models.push(self.embedder.model().clone());
        models.extend(self.liveness.iter().flat_map(Liveness::models).cloned());
        models
    }

    /// Whether a liveness model is installed.
    ///
    /// # Errors
    /// The reason that answers carry instead of a verdict.
    pub fn liveness_available(&self) -> Result<(), &str> {
        self.liveness.as_ref().map(|_| ()).map_err(String::as_str)
    }

    /// Analyses one frame. A frame without faces is an answer, not an error.
    ///
    /// # Errors
    /// When a model fails, or `ticket` is cancelled or past its deadline; nothing further is computed then.
    pub fn analyse(
        &self,
        picture: &Picture,
        want: Want,
        ticket: &Ticket,
    ) -> Result<FrameAnalysis, FaceError> {
        let mut timings = StageTimings::default();
        let lap = |since: &mut Instant| {
            let now = Instant::now();
            now - std::mem::replace(since, now)
        };
        let mut clock = Instant::now();
        ticket.check()?;
        let detections = self.detector.detect(picture, &self.settings.detector, ticket)?;
        timings.detect = lap(&mut clock);

        let mut chips = Vec::with_capacity(detections.len());
        let mut faces = Vec::with_capacity(detections.len());
        for detection in detections {
            // Landmarks in one spot give no chip and no face.
            let Some(chip) = chip_112(picture, &detection.landmarks)? else { continue };
            let quality =
                Quality::measure(&detection.rect, &detection.landmarks, &chip, &self.settings.quality);
            chips.push(chip);
            faces.push(self.face(&detection, quality));
        }
        let chosen: Vec<usize> =
            (0..faces.len()).filter(|i| want.despite_quality || faces[*i].quality.passes()).collect();
        timings.align = lap(&mut clock);
        stage(Stage::FRAME, Stage::Align, timings.align);

        // The liveness models work while the faces are embedded: neither waits for the other.
        let judging = match &self.liveness {
            Ok(liveness) if want.liveness => {
                ticket.check()?;
                let rects: Vec<Rect> = chosen.iter().map(|i| faces[*i].rect).collect();
                Some(liveness.begin(picture, &rects, ticket)?)
            }
            _ => None,
        };
        timings.liveness = lap(&mut clock);

        if want.embedding && !chosen.is_empty() {
            ticket.check()?;
            let started = Instant::now();
            let inputs = chosen
                .iter()
                .map(|i| {
                    let f = &faces[*i];
                    let d = Detection { rect: f.rect, score: f.detection_score, landmarks: f.landmarks };
                    self.embedder.align(picture, &d, &chips[*i])
                })
                .collect::<Result<Vec<_>, _>>()?;
            for (i, embedding) in chosen.iter().zip(self.embedder.embed(&inputs, started, ticket)?) {
                faces[*i].embedding = Some(embedding);
            }
        }
        timings.embed = lap(&mut clock);

        if let Some(judging) = judging {
            for (i, verdict) in chosen.iter().zip(judging.verdicts()?) {
                faces[*i].liveness = verdict;
            }
        }
        timings.liveness += lap(&mut clock);
        Ok(FrameAnalysis { faces, timings })
    }

    fn face(&self, detection: &Detection, quality: Quality) -> Face {
        let reason = match &self.liveness {
            Err(reason) => reason.clone(),
            Ok(_) if !quality.passes() => "face_quality".to_owned(),
            Ok(_) => "not_asked".to_owned(),
        };
        Face {
            rect: detection.rect,
            detection_score: detection.score,
            landmarks: detection.landmarks,
            quality,
            liveness: LivenessVerdict::none(reason),
            embedding: None,
        }
    }
}
