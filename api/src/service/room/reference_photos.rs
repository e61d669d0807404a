//! Reference photos come and go.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use innkeeper_core::{ErrorCode, HotelId, Picture, RoomNumber};
use innkeeper_identity::Principal;
use innkeeper_room::PhotoVerdict;
use innkeeper_store::{AddedReference, Image, ImageCategory, ImageContent};
use sha2::{Digest, Sha256};
use tracing::Instrument;
use uuid::Uuid;

use super::RoomView;
use super::answers::{ReferenceAnswer, ReferenceReport, ReferencesAnswer, RemovedReference};
use super::desk::{RoomDesk, RoomQuestion};
use super::reading::{reader, unusable};
use crate::app::App;
use crate::problem::Problem;
use crate::service::feedback::instant;
use crate::service::images::{ImageGallery, Known, NewPicture, OnDuplicate, prepare, prepare_picture};

/// A reference photo as answers tell it.
pub(super) async fn reference_report(
    app: &App,
    hotel: &HotelId,
    image: &Image,
) -> Result<ReferenceReport, Problem> {
    Ok(ReferenceReport {
        reference_id: image.id,
        description: image.content.description.clone(),
        created_at: instant(image.uploaded_at),
        taken_at: image.taken_at.map(instant),
        created_by: image.created_by.clone(),
        width: image.content.width,
        height: image.content.height,
        links: app.images.links(hotel, image.id, image.photo.as_ref()).await?,
    })
}

/// The same of every one.
pub(super) async fn reference_reports(
    app: &App,
    hotel: &HotelId,
    images: &[Image],
) -> Result<Vec<ReferenceReport>, Problem> {
    let mut reports = Vec::with_capacity(images.len());
    for image in images {
        reports.push(reference_report(app, hotel, image).await?);
    }
    Ok(reports)
}

impl RoomDesk {
    fn too_many(&self, references: u64) -> Problem {
        let detail = format!("the room has {references} reference photos already; remove one first");
        Problem::new(ErrorCode::TooManyReferences, detail)
            .with("references", references.into())
            .with("max_references", self.settings.max_references.into())
    }

    /// Keeps a photo of a room as it should look. What has begun is finished, whether or not the caller waits.
    pub async fn add_reference(
        &self,
        app: &App,
        caller: &Principal,
        room: RoomNumber,
        photo: Bytes,
        description: Option<String>,
        taken_at: Option<DateTime<Utc>>,
    ) -> Result<ReferenceAnswer, Problem> {
        let visual = app.visual()?;
        let most = self.settings.max_references;
        let references = self.engines.store.hotel(&caller.hotel).references(&room).await?.len();
        if references >= most {
            // Before anybody looks at the photo; a race is settled where the row is written.
            return Err(self.too_many(references as u64));
        }
        let head = self.heads.for_embedder(&caller.hotel, &visual.embedder.model()).head;
        let head = head.map(|head| Arc::clone(&head.head));
        let reader = reader(&visual, head)?;
        let settings = app.settings.images.clone();
        let prepared = app
            .photograph_admission
            .run(move |ticket| {
                let picture = Picture::decode(&photo, &settings.limits())?;
                let reading = reader.read(&picture, &[], ticket)?;
                if !reading.quality.usable {
                    let problems = &reading.quality.problems;
                    let codes: Vec<String> = problems.iter().map(|p| p.code().to_owned()).collect();
                    let hints: Vec<String> = problems.iter().map(|p| p.hint().to_owned()).collect();
                    return Err(unusable(&codes, &hints));
                }
                let sha256 = hex::encode(Sha256::digest(&photo));
                prepare_picture(&visual, &settings, &picture, sha256, ticket)
            })
            .await?;
        let content = ImageContent { description, ..ImageContent::default() };
        let category = ImageCategory::Reference;
        let known = Known { category, room_number: Some(room.clone()), side: None, taken_at, content };
        let (images, hotel, actor) = (Arc::clone(&app.images), caller.hotel.clone(), caller.subject.clone());
        let kept = async move {
            let (id, now) = (Uuid::now_v7(), Utc::now());
            let (row, files) = ImageGallery::row(&hotel, &actor, id, now, known, Some(prepared));
            let keys = files.iter().map(|(key, _)| key.clone()).collect();
            let rows = images.engines.store.hotel(&hotel);
            let added = Box::pin(images.keep(files, rows.add_reference(row, most))).await?;
            if let AddedReference::Full { .. } = &added
                && let Err(error) = images.remove_strays(keys).await
            {
                tracing::warn!(%error, "files of a photo that was not kept stay until the next start");
            }
            let image = rows.image(id).await?;
            Ok::<_, Problem>((added, image, rows.references(&room).await?.len(), room))
        };
        let (added, image, references, room) = tokio::spawn(kept.in_current_span()).await??;
        match (added, image) {
            (AddedReference::Full { references }, _) => Err(self.too_many(references)),
            (AddedReference::Added(added), Some(image)) => Ok(ReferenceAnswer {
                room_number: room.to_string(),
                reference: reference_report(app, &caller.hotel, &image).await?,
                references,
                max_references: most,
                event_id: added.event_id,
            }),
            // Somebody removed it in the same moment.
            (AddedReference::Added(_), None) => Err(not_found()),
        }
    }

    /// The reference photos of a room.
    pub async fn references(
        &self,
        app: &App,
        hotel: &HotelId,
        room: &RoomNumber,
    ) -> Result<ReferencesAnswer, Problem> {
        let images = self.engines.store.hotel(hotel).references(room).await?;
        Ok(ReferencesAnswer {
            room_number: room.to_string(),
            references: reference_reports(app, hotel, &images).await?,
            max_references: self.settings.max_references,
        })
    }

    /// Removes a reference photo of this room.
    pub async fn remove_reference(
        &self,
        app: &App,
        caller: &Principal,
        room: &RoomNumber,
        id: Uuid,
    ) -> Result<RemovedReference, Problem> {
        let image = self.engines.store.hotel(&caller.hotel).image(id).await?;
        let is_reference = |image: &Image| {
            image.category == ImageCategory::Reference && image.room_number.as_ref() == Some(room)
        };
        if !image.as_ref().is_some_and(is_reference) {
            return Err(not_found());
        }
        let deleted = app.images.delete(&caller.hotel, id, &caller.subject).await?;
        if let Ok(visual) = app.visual() {
            self.references.forget(&caller.hotel, id, &visual.embedder.model());
        }
        Ok(RemovedReference { room_number: room.to_string(), reference_id: id, complete: deleted.complete })
    }

    /// Puts the photos of an answer into the image index, each with what it shows itself. The verdict is written
    /// already and stands whatever becomes of them.
    pub(super) async fn save(&self, app: &App, question: &RoomQuestion, view: &RoomView) -> Saved {
        let mut saved = Saved::default();
        for (photo, part) in question.photos.iter().zip(&view.photos) {
            match save_one(app, question, photo, part).await {
                Ok(id) => saved.ids.push(id),
                Err(problem) => {
                    tracing::warn!(
                        photo = part.photo,
                        reason = problem.detail,
                        "a photo of a room is not kept"
                    );
                    saved.reason = Some(format!("photo {}: {}", part.photo, problem.detail));
                    break;
                }
            }
        }
        saved
    }
}

/// What became of the photos of an answer.
#[derive(Default)]
pub(super) struct Saved {
    pub ids: Vec<Uuid>,
    /// Why the first that is missing is missing.
    pub reason: Option<String>,
}

async fn save_one(
    app: &App,
    question: &RoomQuestion,
    photo: &Bytes,
    part: &PhotoVerdict,
) -> Result<Uuid, Problem> {
    let (bytes, settings, visual) = (photo.clone(), app.settings.images.clone(), app.visual()?);
    let prepared =
        app.photograph_admission.run(move |ticket| prepare(&visual, &settings, &bytes, ticket)).await?;
    let known = Known {
        category: ImageCategory::Room,
        room_number: Some(question.room.clone()),
        side: None,
        taken_at: Some(question.taken_at),
        content: ImageContent { tags: words_of(part), ..ImageContent::default() },
    };
    let new = NewPicture { known, picture: Some(prepared), on_duplicate: OnDuplicate::Report };
    Ok(app.images.add(&question.caller, new).await?.image_id)
}

/// What a photo is found by: its own status and tags, not those of the room.
fn words_of(part: &PhotoVerdict) -> Vec<String> {
    let labels = part.tags.iter().map(|tag| tag.label.clone());
    let mut words: Vec<String> = labels.chain([part.status.as_str().to_owned()]).collect();
    words.sort();
    words.dedup();
    words
}

fn not_found() -> Problem {
    Problem::new(ErrorCode::ReferenceNotFound, "the room has no such reference photo")
}
