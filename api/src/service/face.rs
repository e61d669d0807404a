//! The face pipeline joined with the gallery.

use std::collections::BTreeMap;
use std::sync::Arc;

use innkeeper_core::ModelRef;
use innkeeper_face::matching::{MatchLimits, Overrides};
use innkeeper_face::{Calibration, FacePipeline};
use innkeeper_store::StoreError;
use innkeeper_vectors::Collection;

use super::answers::ThresholdsReport;
use super::gallery::{COLLECTION, Gallery};
use crate::app::StartError;
use crate::config::{Attendance, FaceSettings, Images, Settings};

/// Recognition and enrolment for every hotel of this process.
pub(crate) struct FaceService {
    pub(super) pipeline: Arc<FacePipeline>,
    pub(super) calibration: Calibration,
    pub(super) limits: MatchLimits,
    pub(super) settings: FaceSettings,
    pub(super) attendance: Attendance,
    pub(super) timezone: chrono_tz::Tz,
    pub(super) images: Images,
    pub(super) gallery: Arc<Gallery>,
    pub(super) collection: Collection,
}

impl FaceService {
    pub async fn new(
        pipeline: FacePipeline,
        settings: &Settings,
        gallery: Arc<Gallery>,
    ) -> Result<Self, StartError> {
        let embedder = pipeline.embedder();
        let calibration = Calibration::shipped(&embedder)?;
        let set = Overrides { threshold: settings.face.threshold, margin: settings.face.margin };
        let limits = calibration.limits(0).overridden(&set);
        let collection = Collection::new(COLLECTION, embedder, pipeline.dimension())?;
        gallery.engines.vectors.ensure(&collection).await?;
        Ok(Self {
            pipeline: Arc::new(pipeline),
            calibration,
            limits,
            settings: settings.face.clone(),
            attendance: settings.attendance.clone(),
            timezone: settings.hotel.timezone,
            images: settings.images.clone(),
            gallery,
            collection,
        })
    }

    /// The embedder that runs.
    pub fn embedder(&self) -> ModelRef {
        self.collection.model().clone()
    }

    /// `installed`, or why there is no liveness verdict.
    pub fn liveness_note(&self) -> &str {
        self.pipeline.liveness_available().map_or_else(|reason| reason, |()| "installed")
    }

    /// Name and version of every running model, each once.
    pub fn models(&self) -> Vec<ModelRef> {
        let mut models: Vec<ModelRef> =
            self.pipeline.models().iter().map(innkeeper_runtime::Model::model).collect();
        models.dedup();
        models
    }

    /// The thresholds in force and where they come from, for `health`.
    pub fn thresholds(&self) -> ThresholdsReport {
        ThresholdsReport {
            threshold: self.limits.threshold,
            margin: self.limits.margin,
            evaluation: self.calibration.evaluation.clone(),
            overridden: self.settings.threshold.is_some() || self.settings.margin.is_some(),
        }
    }

    /// Templates that wait for `innkeeper face reindex` because another embedder made them.
    pub async fn foreign_templates(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let models = self.gallery.engines.store.template_models().await?;
        let here = self.embedder();
        Ok(models.into_iter().filter(|(m, _)| *m != here).map(|(m, n)| (m.to_string(), n)).collect())
    }
}
