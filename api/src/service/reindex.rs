//! From one embedder to another: every kept photo becomes a template of the running model.

use std::sync::Arc;

use chrono::Utc;
use innkeeper_core::{Embedding, EmployeeId, HotelId, ModelRef};
use innkeeper_face::Want;
use innkeeper_media::{Key, MediaError};
use innkeeper_runtime::Ticket;
use innkeeper_store::{NewTemplate, Template};
use serde::Serialize;
use uuid::Uuid;

use super::FaceService;
use super::recognise::look;
use crate::problem::Problem;

/// What became of one employee's templates of one former model.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Reindexed {
    pub hotel: String,
    pub employee_id: String,
    pub from: String,
    /// Templates of the running model that were made.
    pub templates: usize,
    /// Why nothing was done, or what was left out.
    pub problem: Option<String>,
}

impl FaceService {
    /// Whom a reindex must visit.
    pub async fn to_reindex(&self) -> Result<Vec<(HotelId, EmployeeId, ModelRef)>, Problem> {
        let here = self.embedder();
        let mut work = Vec::new();
        for (model, _) in self.gallery.engines.store.template_models().await? {
            if model == here {
                continue;
            }
            for hotel in self.gallery.engines.store.hotels().await? {
                for employee in self.gallery.engines.store.hotel(&hotel).enrolled(&model).await? {
                    work.push((hotel.clone(), employee, model.clone()));
                }
            }
        }
        Ok(work)
    }

    /// Moves one employee from a former model to the running one, in one transaction. Nothing changes when
    /// no kept photo gives a face.
    pub async fn reindex(
        &self,
        hotel: &HotelId,
        employee: &EmployeeId,
        from: &ModelRef,
        actor: &str,
    ) -> Result<Reindexed, Problem> {
        let report = |templates, problem: Option<String>| Reindexed {
            hotel: hotel.to_string(),
            employee_id: employee.to_string(),
            from: from.to_string(),
            templates,
            problem,
        };
        let _one = self.gallery.change().await;
        self.gallery.catch_up().await?;
        let rows = self.gallery.engines.store.hotel(hotel);
        let old: Vec<Template> =
            rows.templates(employee).await?.into_iter().filter(|t| t.model == *from).collect();
        let mut fresh = Vec::new();
        let mut lost = 0;
        for template in &old {
            match self.again(template).await? {
                Some((embedding, quality)) => {
                    if let Some(other) = self.taken_by(hotel, employee, &embedding).await? {
                        let problem = format!("the face is enrolled as {} already", other.owner);
                        return Ok(report(0, Some(problem)));
                    }
                    fresh.push(NewTemplate {
                        id: Uuid::now_v7(),
                        model: embedding.model().clone(),
                        vector: embedding.into_vector(),
                        quality,
                        // The photo stays where it is; only the vector made from it is new.
                        photo_key: template.photo_key.clone(),
                        photo_sha256: template.photo_sha256.clone(),
                    });
                }
                None => lost += 1,
            }
        }
        if fresh.is_empty() {
            return Ok(report(0, Some("no kept photo gives a face; enrol this person again".to_owned())));
        }
        let replaced = rows.replace_templates(employee, from, fresh, actor, Utc::now()).await?;
        self.gallery.catch_up().await?;
        let problem =
            (lost > 0).then(|| format!("{lost} of {} photos were not kept or give no face", old.len()));
        Ok(report(replaced.added.len(), problem))
    }

    /// Embeds the kept photo of a template again. `None` when none was kept, or it shows no face now.
    async fn again(&self, template: &Template) -> Result<Option<(Embedding, f32)>, Problem> {
        let Some(key) = template.photo_key.as_deref().and_then(|k| k.parse::<Key>().ok()) else {
            return Ok(None);
        };
        let bytes = match self.gallery.engines.media.get(&key).await {
            Ok(bytes) => bytes,
            Err(MediaError::NotFound { .. }) => return Ok(None),
            // A disk that cannot be read now is no reason to give a template up.
            Err(other) => return Err(other.into()),
        };
        let (pipeline, limits) = (Arc::clone(&self.pipeline), self.images.limits());
        tokio::task::spawn_blocking(move || {
            let want = Want { liveness: false, embedding: true, despite_quality: true };
            let (_, analysis, _) = look(&pipeline, &limits, &bytes, want, &Ticket::unlimited())?;
            let face = analysis.faces.into_iter().next();
            Ok(face.and_then(|f| f.embedding.map(|e| (e, f.quality.score))))
        })
        .await?
    }
}
