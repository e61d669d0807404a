//! The face pipeline joined with the gallery.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use innkeeper_core::{EmployeeId, HotelId, ModelRef};
use innkeeper_face::templates::{PhotoReason, Template, needs_new_photos};
use innkeeper_face::{Calibration, FacePipeline};
use innkeeper_store::{Source, StoreError};
use innkeeper_vectors::Collection;

use super::answers::ThresholdsReport;
use super::gallery::Gallery;
use crate::app::StartError;
use crate::config::{Attendance, FaceSettings, Images, Settings};
use crate::problem::Problem;

/// How far back sightings speak of the templates' condition, and how many of them.
const RECENT: TimeDelta = TimeDelta::days(90);
const MOST_SCORES: usize = 100;

/// Recognition and enrolment for every hotel of this process.
pub(crate) struct FaceService {
    pub(super) pipeline: Arc<FacePipeline>,
    pub(super) calibration: Calibration,
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
        let name = gallery.collection_name().await?;
        let collection = Collection::new(&name, embedder, pipeline.dimension())?;
        gallery.engines.vectors.ensure(&collection).await?;
        Ok(Self {
            pipeline: Arc::new(pipeline),
            calibration,
            settings: settings.face.clone(),
            attendance: settings.attendance.clone(),
            timezone: settings.hotel.timezone,
            images: settings.images.clone(),
            gallery,
            collection,
        })
    }

    /// What finds the faces.
    pub fn pipeline(&self) -> &FacePipeline {
        &self.pipeline
    }

    /// The embedder that runs.
    pub fn embedder(&self) -> ModelRef {
        self.collection.model().clone()
    }

    /// The lowest cosine of two photos of one person.
    pub(super) fn pair_threshold(&self) -> f32 {
        self.settings.threshold.unwrap_or(self.calibration.threshold)
    }

    /// Why new photos of an employee should be taken, from the templates and the scores of the last sightings.
    pub async fn photo_reasons(
        &self,
        hotel: &HotelId,
        employee: &EmployeeId,
    ) -> Result<Vec<PhotoReason>, Problem> {
        let rows = self.gallery.engines.store.hotel(hotel);
        let (now, here) = (Utc::now(), self.embedder());
        let known = rows.known_faces(std::slice::from_ref(employee), &here).await?;
        let templates: Vec<Template> = known
            .values()
            .flat_map(|face| &face.templates)
            .map(|t| Template {
                quality: t.quality,
                age_days: now.signed_duration_since(t.created_at).num_minutes() as f64 / 1440.0,
            })
            .collect();
        let seen = rows.attendance(Some(employee), now - RECENT, now, MOST_SCORES).await?;
        // What somebody named or put right says nothing of how well the templates match.
        let seen = seen.iter().rev().filter(|a| a.model == here && a.source == Source::Camera);
        let scores: Vec<f32> = seen.map(|a| a.score).collect();
        let limits = self.limits_at(hotel, None).await?;
        Ok(needs_new_photos(&templates, &scores, &limits))
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
            threshold: self.settings.threshold.unwrap_or(self.calibration.threshold),
            margin: self.settings.margin.unwrap_or(self.calibration.margin),
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
