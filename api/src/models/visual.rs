//! The models that look at photographs of rooms and things: the frozen embedder, and objects where they are installed.

use std::sync::Arc;

use innkeeper_image_embedding::{EmbedderSettings, ImageEmbedder};
use innkeeper_objects::{DetectorSettings, ObjectDetector};
use innkeeper_visual_search::Describer;

use super::{Loader, ModelsError, file, installed};
use crate::service::Visual;

/// The tasks, as `models/packs.toml` names them.
const IMAGE_EMBEDDING: &str = "image-embedding";
const OBJECT_DETECTION: &str = "object-detection";
/// The side at which pictures are described for search, to be warm for it.
const DESCRIPTOR_SIDE: u32 = 224;

impl Loader {
    /// Everything that looks at photographs with the chosen pack, warm.
    pub fn visual(&self) -> Result<Visual, ModelsError> {
        let embedder = Arc::new(self.image_embedder()?);
        let describer = Arc::new(Describer::new(Arc::clone(&embedder))?);
        let objects = match self.object_detector() {
            Ok(detector) => Ok(Arc::new(detector)),
            Err(ModelsError::NotInstalled { .. }) => Err("model_not_installed".to_owned()),
            Err(error) => return Err(error),
        };
        Ok(Visual { embedder, describer, objects })
    }

    /// The frozen network that every photograph goes through.
    pub fn image_embedder(&self) -> Result<ImageEmbedder, ModelsError> {
        let item = installed(&self.library, &self.pack, IMAGE_EMBEDDING)?;
        let name = match item.item.name() {
            "efficientnet-lite0" => "efficientnet-lite0.onnx",
            _ => return Err(ModelsError::Unsupported(item.item, IMAGE_EMBEDDING)),
        };
        // Rooms are judged at the one size, descriptors are computed at the other.
        let sizes = [EmbedderSettings::default(), EmbedderSettings { side: DESCRIPTOR_SIDE }];
        let warm = sizes.iter().map(ImageEmbedder::input_shape).collect();
        let model = self.start(&item, None, file(&item, name)?, 1, warm)?;
        Ok(ImageEmbedder::new(Arc::new(model))?)
    }

    /// What finds and counts objects.
    pub fn object_detector(&self) -> Result<ObjectDetector, ModelsError> {
        let item = installed(&self.library, &self.pack, OBJECT_DETECTION)?;
        let name = match item.item.name() {
            "yolox-nano" => "yolox-nano.onnx",
            _ => return Err(ModelsError::Unsupported(item.item, OBJECT_DETECTION)),
        };
        let model = self.start(&item, None, file(&item, name)?, 1, vec![vec![1, 3, 416, 416]])?;
        Ok(ObjectDetector::new(Arc::new(model), DetectorSettings::default())?)
    }
}
