//! The models that look at photographs of rooms and things, shared by all that ask them.

use std::sync::Arc;

use innkeeper_core::ModelRef;
use innkeeper_image_embedding::ImageEmbedder;
use innkeeper_objects::ObjectDetector;
use innkeeper_visual_search::Describer;

/// Loaded once, replaced by nothing: what is learnt from corrections stands beside it.
pub(crate) struct Visual {
    /// The frozen network.
    pub embedder: Arc<ImageEmbedder>,
    /// Descriptors for search, on the same network.
    pub describer: Arc<Describer>,
    /// Boxes of objects, or the reason every answer gives instead.
    pub objects: Result<Arc<ObjectDetector>, String>,
}

impl Visual {
    /// Name and version of every running model.
    pub fn models(&self) -> Vec<ModelRef> {
        let mut models = vec![self.embedder.model()];
        models.extend(self.objects.iter().map(|detector| detector.model()));
        models
    }

    /// `installed`, or why objects are not counted.
    pub fn objects_note(&self) -> &str {
        self.objects.as_ref().map_or_else(String::as_str, |_| "installed")
    }
}
