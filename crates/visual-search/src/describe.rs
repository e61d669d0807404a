use std::sync::Arc;

use innkeeper_core::{Embedding, ModelRef, Picture};
use innkeeper_image_embedding::{CHANNELS, EmbedderSettings, ImageEmbedder};
use innkeeper_runtime::Ticket;

use crate::colour::{BINS, histogram};
use crate::{Centre, CentreError, PerceptualHash, SearchError};

/// The side that pictures are embedded at for search: larger ones find rooms and things no better
/// (docs/adr/0012-image-search.md) and cost more.
const SIDE: u32 = 224;
/// Length of a thing's colour part beside its content part's 1; a room has none.
const COLOUR: f32 = 0.6;
/// Raised when a picture gets another vector though network, size and centre stay.
const SCHEME: u32 = 1;

/// What is known of a picture for finding it again.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// Content and colour as one unit vector; the cosine of two is how alike their pictures are, about 0 for
    /// pictures that share nothing.
    pub descriptor: Embedding,
    /// The coarse structure, for telling copies.
    pub hash: PerceptualHash,
}

/// Describes pictures with an image embedder, fed at its own side whatever that of the given one is. Cloning is
/// cheap.
#[derive(Debug, Clone)]
pub struct Describer {
    embedder: Arc<ImageEmbedder>,
    centre: Arc<Centre>,
}

impl Describer {
    /// With the centre that this build carries.
    ///
    /// # Errors
    /// [`SearchError::Centre`] when the centre belongs to another network or another size of pictures;
    /// [`SearchError::Features`] when the network does not take pictures of 224 pixels a side.
    pub fn new(embedder: Arc<ImageEmbedder>) -> Result<Self, SearchError> {
        Self::with_centre(embedder, Centre::shipped()?)
    }

    /// With a centre that was measured elsewhere.
    ///
    /// # Errors
    /// As [`Describer::new`].
    pub fn with_centre(embedder: Arc<ImageEmbedder>, centre: Centre) -> Result<Self, SearchError> {
        let ready = embedder.settings().side == SIDE;
        let embedder = if ready { embedder } else { Arc::new(Self::embedder_for_search(&embedder)?) };
        if *centre.model() != embedder.model() {
            let (centre, embedder) = (centre.model().clone(), embedder.model());
            return Err(CentreError::OtherModel { centre, embedder }.into());
        }
        Ok(Self { embedder, centre: Arc::new(centre) })
    }

    /// The same network, fed as descriptors and centres need it.
    ///
    /// # Errors
    /// [`SearchError::Features`] when the network does not take pictures of 224 pixels a side.
    pub fn embedder_for_search(embedder: &ImageEmbedder) -> Result<ImageEmbedder, SearchError> {
        Ok(embedder.fed_with(EmbedderSettings { side: SIDE })?)
    }

    /// Describes a picture. Blocks until the network has answered.
    ///
    /// # Errors
    /// See [`SearchError`].
    pub fn describe(&self, picture: &Picture, ticket: &Ticket) -> Result<Description, SearchError> {
        let features = self.embedder.features(picture, ticket)?;
        // Across a swap another version of the network may have answered.
        if features.model() != self.centre.model() {
            let (centre, embedder) = (self.centre.model().clone(), features.model().clone());
            return Err(CentreError::OtherModel { centre, embedder }.into());
        }
        let pooled = features.root_mean_square();
        let seen = self.centre.seen(&pooled);
        let mut vector = Embedding::normalised(features.model().clone(), seen)?.into_vector();
        let weight = COLOUR * self.centre.thing(&pooled);
        vector.extend(histogram(picture)?.into_iter().map(|share| share * weight));
        let descriptor = Embedding::normalised(self.model(), vector)?;
        Ok(Description { descriptor, hash: PerceptualHash::of(picture) })
    }

    /// The centre in use.
    pub fn centre(&self) -> &Centre {
        &self.centre
    }

    /// What the descriptors belong to: the network, the size it is fed at, the scheme and the centre. Only
    /// descriptors of the same model can be compared.
    pub fn model(&self) -> ModelRef {
        let network = self.centre.model();
        let version = format!("{}-s{SCHEME}-{}", network.version(), self.centre.digest());
        // A version that can be written can be written with letters and digits behind it.
        ModelRef::new(network.name(), &version).unwrap_or_else(|_| network.clone())
    }

    /// Length of the descriptors.
    pub fn dimension(&self) -> usize {
        CHANNELS + BINS
    }
}
