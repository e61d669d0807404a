use std::collections::BTreeMap;
use std::sync::Arc;

use innkeeper_core::{Picture, Rect};
use innkeeper_heads::{Decision, Head};
use innkeeper_image_embedding::{Features, ImageEmbedder};
use innkeeper_objects::{Group, Object, ObjectDetector};
use innkeeper_runtime::Ticket;
use serde::{Deserialize, Serialize};

use crate::quality::PhotoProblem;
use crate::rules::{Meaning, ROOM, meaning};
use crate::verdict::verdict;
use crate::{
    CompareSettings, Comparison, DifferenceKind, LabelProbability, ObjectCount, PhotoQuality, PhotoReading,
    QualitySettings, Reference, RoomContext, RoomError, RoomVerdict, SourceUse, Tag, TagSource, compare,
};

/// Why the references had no say although there are some.
pub(crate) const NO_VIEW: &str = "no reference photo shows this view";
const NO_HEAD: RoomError =
    RoomError::NotInstalled { what: "a head for room tags", command: "innkeeper train room-tags" };

/// How rooms are read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RoomSettings {
    /// When a photograph is too poor to be judged.
    pub quality: QualitySettings,
    /// When a photograph differs from a reference.
    pub compare: CompareSettings,
}

/// Reads photographs of rooms. Cloning is cheap.
#[derive(Clone)]
pub struct RoomReader {
    embedder: Arc<ImageEmbedder>,
    head: Option<Arc<Head>>,
    objects: Option<Arc<ObjectDetector>>,
    settings: Arc<RoomSettings>,
}

impl RoomReader {
    /// Joins what is installed. Without `head` photographs are still compared and searched for objects, but
    /// [`RoomReader::verdict`] refuses; without `objects` nobody says who or what is in the room.
    ///
    /// # Errors
    /// [`RoomError::Head`] when the head was made for embeddings of another model.
    pub fn new(
        embedder: Arc<ImageEmbedder>,
        head: Option<Arc<Head>>,
        objects: Option<Arc<ObjectDetector>>,
        settings: RoomSettings,
    ) -> Result<Self, RoomError> {
        let reader = Self { embedder, head: None, objects, settings: Arc::new(settings) };
        reader.with_head(head)
    }

    /// The same reader with another head, such as a hotel's own.
    ///
    /// # Errors
    /// As [`RoomReader::new`].
    pub fn with_head(&self, head: Option<Arc<Head>>) -> Result<Self, RoomError> {
        if let Some(head) = &head
            && *head.embedder() != self.embedder.model()
        {
            return Err(RoomError::Head(innkeeper_heads::HeadError::Embedder {
                head: head.embedder().to_string(),
                given: self.embedder.model().to_string(),
            }));
        }
        Ok(Self { head, ..self.clone() })
    }

    /// The networks that answer, `name@version`.
    pub fn models(&self) -> Vec<String> {
        let objects = self.objects.as_ref().map(|detector| detector.model().to_string());
        std::iter::once(self.embedder.model().to_string()).chain(objects).collect()
    }

    /// The head in use.
    pub fn head(&self) -> Option<&Arc<Head>> {
        self.head.as_ref()
    }

    /// The settings in use.
    pub fn settings(&self) -> &RoomSettings {
        &self.settings
    }

    /// The embedder in use.
    pub fn embedder(&self) -> &Arc<ImageEmbedder> {
        &self.embedder
    }

    /// Reads one photograph. `references` are the room's reference photographs, empty where there are none. Tags say
    /// photograph 1; [`RoomReader::verdict`] numbers them.
    ///
    /// # Errors
    /// When a model run fails or `ticket` ends. A photograph that cannot be judged is no error: its quality says so.
    pub fn read(
        &self,
        photo: &Picture,
        references: &[Reference],
        ticket: &Ticket,
    ) -> Result<PhotoReading, RoomError> {
        let features = Arc::new(self.embedder.features(photo, ticket)?);
        let probabilities = self.probabilities(&features)?;
        let room = probabilities.iter().find(|said| said.label == ROOM);
        let quality = PhotoQuality::measure(photo, room, &self.settings.quality);
        let mut reading = PhotoReading {
            quality,
            tags: Vec::new(),
            unsure: Vec::new(),
            probabilities,
            objects: Vec::new(),
            comparison: None,
            features: Some(features.clone()),
            sources: Vec::new(),
        };
        if !reading.quality.usable {
            // A puddle that fills the picture is no room, and all the same the one thing to know of it.
            if reading.quality.problems == [PhotoProblem::NoRoom] {
                self.ask_head(&mut reading, photo, &features)?;
                for tags in [&mut reading.tags, &mut reading.unsure] {
                    tags.retain(|tag| meaning(&tag.label) == Meaning::Maintenance);
                }
            } else {
                reading.sources.push(unused(TagSource::TagHead, "the photo cannot be judged"));
            }
            for source in [TagSource::Objects, TagSource::Reference] {
                reading.sources.push(unused(source, "the photo cannot be judged"));
            }
            return Ok(reading);
        }
        self.ask_head(&mut reading, photo, &features)?;
        self.ask_detector(&mut reading, photo, ticket)?;
        self.ask_references(&mut reading, photo, &features, references, ticket)?;
        Ok(reading)
    }

    fn probabilities(&self, features: &Features) -> Result<Vec<LabelProbability>, RoomError> {
        let Some(head) = &self.head else { return Ok(Vec::new()) };
        let said = head.predict(features.pooled())?.into_iter().map(|said| LabelProbability {
            label: said.label,
            probability: said.probability,
            holds: match said.decision {
                Decision::Present => Some(true),
                Decision::Absent => Some(false),
                Decision::Unsure => None,
            },
        });
        Ok(said.collect())
    }

    fn ask_head(
        &self,
        reading: &mut PhotoReading,
        photo: &Picture,
        features: &Features,
    ) -> Result<(), RoomError> {
        let Some(head) = &self.head else {
            reading.sources.push(unused(TagSource::TagHead, "no head for room tags is installed"));
            return Ok(());
        };
        for said in &reading.probabilities {
            let sure = match said.holds {
                // That is what a photograph is expected to show.
                Some(true) if said.label == ROOM => continue,
                Some(true) => true,
                None => false,
                Some(false) => continue,
            };
            let tag = Tag {
                label: said.label.clone(),
                confidence: Some(said.probability),
                source: TagSource::TagHead,
                area: if sure { strongest_area(head, &said.label, features, photo)? } else { None },
                photo: 1,
            };
            if sure { reading.tags.push(tag) } else { reading.unsure.push(tag) }
        }
        reading.sources.push(used(TagSource::TagHead, Some(self.embedder.model().to_string())));
        Ok(())
    }

    fn ask_detector(
        &self,
        reading: &mut PhotoReading,
        photo: &Picture,
        ticket: &Ticket,
    ) -> Result<(), RoomError> {
        let Some(detector) = &self.objects else {
            reading.sources.push(unused(TagSource::Objects, "no object detector is installed"));
            return Ok(());
        };
        let objects = detector.detect(photo, ticket)?;
        // Of luggage the boxes are wrong too often: it is only counted.
        for object in objects.iter().filter(|object| object.group() == Group::Person) {
            let tag = Tag {
                label: "person".to_owned(),
                confidence: Some(object.confidence),
                source: TagSource::Objects,
                area: Some(object.area),
                photo: 1,
            };
            if object.decides() {
                reading.tags.push(tag);
            } else if object.raises_doubt() {
                reading.unsure.push(tag);
            }
        }
        reading.objects = counts(&objects);
        reading.sources.push(used(TagSource::Objects, Some(detector.model().to_string())));
        Ok(())
    }

    fn ask_references(
        &self,
        reading: &mut PhotoReading,
        photo: &Picture,
        features: &Features,
        references: &[Reference],
        ticket: &Ticket,
    ) -> Result<(), RoomError> {
        if references.is_empty() {
            reading.sources.push(unused(TagSource::Reference, "the room has no reference photos"));
            return Ok(());
        }
        let settings = &self.settings.compare;
        let found = compare(photo, features, references, Some(self.embedder.as_ref()), settings, ticket)?;
        let Some(comparison) = found else {
            reading.sources.push(unused(TagSource::Reference, NO_VIEW));
            return Ok(());
        };
        reading.tags.extend(self.difference_tags(&comparison, references, ticket)?);
        reading.sources.push(used(TagSource::Reference, Some(self.embedder.model().to_string())));
        reading.comparison = Some(comparison);
        Ok(())
    }

    /// A tag for each difference. What is missing is named where the detector reliably knows what stood there.
    fn difference_tags(
        &self,
        comparison: &Comparison,
        references: &[Reference],
        ticket: &Ticket,
    ) -> Result<Vec<Tag>, RoomError> {
        let removed = comparison.differences.iter().any(|d| d.kind == DifferenceKind::Removed);
        let reference = references.iter().find(|reference| reference.id == comparison.reference);
        let there = match (&self.objects, reference) {
            (Some(detector), Some(reference)) if removed => detector.detect(&reference.picture, ticket)?,
            _ => Vec::new(),
        };
        let tags = comparison.differences.iter().map(|difference| Tag {
            label: match difference.kind {
                DifferenceKind::Added => "item_left".to_owned(),
                DifferenceKind::Changed => "changed".to_owned(),
                DifferenceKind::Removed => name_of(&there, &difference.in_reference)
                    .map_or_else(|| "item_missing".to_owned(), |name| format!("{name}_missing")),
            },
            confidence: Some(difference.score),
            source: TagSource::Reference,
            area: Some(difference.area),
            photo: 1,
        });
        Ok(tags.collect())
    }

    /// The room's verdict: the worst that one of its photographs gives, with reasons. The order of the photographs
    /// does not matter, and one more photograph that shows something worse never makes the room better.
    ///
    /// # Errors
    /// [`RoomError::NoPhoto`] without photographs; [`RoomError::NotInstalled`] without a head: who is in a room and
    /// what has changed would still be known, but not whether it is clean.
    pub fn verdict(&self, photos: &[PhotoReading], context: &RoomContext) -> Result<RoomVerdict, RoomError> {
        if self.head.is_none() {
            return Err(NO_HEAD);
        }
        verdict(photos, context)
    }
}

/// Two boxes speak of one thing when one covers this much of the other.
const SAME_THING: f32 = 0.5;

fn name_of(objects: &[Object], area: &Rect) -> Option<&'static str> {
    let shared = |object: &Object| {
        let (a, b) = (&object.area, area);
        let w = (a.right().min(b.right()) - a.x.max(b.x)).max(0.0);
        let h = (a.bottom().min(b.bottom()) - a.y.max(b.y)).max(0.0);
        // Of the object, so that a large box round everything names nothing by chance, and of the place.
        (w * h / a.area().max(f32::MIN_POSITIVE)).min(w * h / b.area().max(f32::MIN_POSITIVE))
    };
    let sure = objects.iter().filter(|object| object.decides() && object.group() != Group::Person);
    sure.map(|object| (shared(object), object.label))
        .filter(|(share, _)| *share >= SAME_THING)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, label)| label)
}

fn used(source: TagSource, model: Option<String>) -> SourceUse {
    SourceUse { source, model, used: true, reason: None }
}

fn unused(source: TagSource, reason: &str) -> SourceUse {
    SourceUse { source, model: None, used: false, reason: Some(reason.to_owned()) }
}

fn counts(objects: &[Object]) -> Vec<ObjectCount> {
    let mut kinds: BTreeMap<&'static str, ObjectCount> = BTreeMap::new();
    for object in objects {
        let none =
            ObjectCount { label: object.label, count: 0, confidence: 0.0, decides: false, areas: Vec::new() };
        let kind = kinds.entry(object.label).or_insert(none);
        kind.count += 1;
        kind.confidence = kind.confidence.max(object.confidence);
        kind.decides |= object.decides();
        kind.areas.push(object.area);
    }
    kinds.into_values().collect()
}

/// Where the head sees a label most clearly, in pixels of the photograph.
fn strongest_area(
    head: &Head,
    label: &str,
    features: &Features,
    photo: &Picture,
) -> Result<Option<Rect>, RoomError> {
    let evidence = head.evidence(label, features.cells(), features.rows(), features.columns())?;
    let (width, height) = (photo.width() as f32, photo.height() as f32);
    Ok(evidence.areas(0.0).first().map(|area| Rect {
        x: area.x * width,
        y: area.y * height,
        w: area.width * width,
        h: area.height * height,
    }))
}
