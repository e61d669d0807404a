use std::sync::Arc;
use std::time::Instant;

use innkeeper_core::{ModelRef, Picture, Resampling};
use innkeeper_runtime::{Model, Port, Stage, Tensor, Ticket, stage};

use crate::{CHANNELS, EmbeddingError, Features};

/// Pixels that one cell stands for.
const STRIDE: u32 = 32;
const MIN_SIDE: u32 = 64;
const MAX_SIDE: u32 = 640;

/// How pictures are fed to the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmbedderSettings {
    /// The side in pixels that every picture is brought to, a multiple of 32 from 64 to 640; the cost grows
    /// with its square. Features made with different sides are not comparable, so the side is part of
    /// [`Features::model`].
    pub side: u32,
}

impl Default for EmbedderSettings {
    /// 384 pixels (12 x 12 cells): the smallest side from which a head tells tidy from messy rooms as well as
    /// from any; what others give is in the model's card.
    fn default() -> Self {
        Self { side: 384 }
    }
}

/// An image embedding network that is loaded and warm. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct ImageEmbedder {
    model: Arc<Model>,
    settings: EmbedderSettings,
}

impl ImageEmbedder {
    /// Joins a running EfficientNet-Lite0 with the default settings.
    ///
    /// # Errors
    /// [`EmbeddingError::UnexpectedModel`] when the model is no image embedder.
    pub fn new(model: Arc<Model>) -> Result<Self, EmbeddingError> {
        Self::with_settings(model, EmbedderSettings::default())
    }

    /// As [`ImageEmbedder::new`], with settings.
    ///
    /// # Errors
    /// [`EmbeddingError::Side`] when the side is none that the network takes, otherwise as
    /// [`ImageEmbedder::new`].
    pub fn with_settings(model: Arc<Model>, settings: EmbedderSettings) -> Result<Self, EmbeddingError> {
        let side = settings.side;
        if !side.is_multiple_of(STRIDE) || !(MIN_SIDE..=MAX_SIDE).contains(&side) {
            return Err(EmbeddingError::Side { side, min: MIN_SIDE, max: MAX_SIDE });
        }
        let unexpected = |got: &[Port], expected| EmbeddingError::UnexpectedModel {
            model: model.model().to_string(),
            got: format!("{got:?}"),
            expected,
        };
        let cells = (side / STRIDE) as usize;
        let (inputs, outputs) = (model.inputs(), model.outputs());
        if !is_port(&inputs, [3, side as usize, side as usize]) {
            return Err(unexpected(&inputs, "one input: rows of RGB planes of the side that is set"));
        }
        if !is_port(&outputs, [CHANNELS, cells, cells]) {
            return Err(unexpected(&outputs, "one output: rows of 1280 planes of the cells"));
        }
        Ok(Self { model, settings })
    }

    /// The shape of one picture's input, for the warm-up of a session: `[1, 3, side, side]`.
    pub fn input_shape(settings: &EmbedderSettings) -> Vec<usize> {
        vec![1, 3, settings.side as usize, settings.side as usize]
    }

    /// The same running network with another setting.
    ///
    /// # Errors
    /// As [`ImageEmbedder::with_settings`].
    pub fn fed_with(&self, settings: EmbedderSettings) -> Result<Self, EmbeddingError> {
        Self::with_settings(Arc::clone(&self.model), settings)
    }

    /// The settings it was made with.
    pub fn settings(&self) -> EmbedderSettings {
        self.settings
    }

    /// The features of one picture. Its whole area is brought to the square, whatever its shape. Blocks until
    /// they are there.
    ///
    /// # Errors
    /// [`EmbeddingError::Runtime`] when the model fails, is overloaded, or the ticket is cancelled or late;
    /// [`EmbeddingError::NoDirection`] when it answers with no finite numbers.
    pub fn features(&self, picture: &Picture, ticket: &Ticket) -> Result<Features, EmbeddingError> {
        ticket.check()?;
        let started = Instant::now();
        let side = self.settings.side;
        let square = picture.resized(side, side, Resampling::Bicubic)?;
        let input = Tensor::new(Self::input_shape(&self.settings), planes(&square))?;
        stage(self.model.name(), Stage::Preprocess, started.elapsed());
        let answer = self.model.answer(vec![input], ticket)?;
        let started = Instant::now();
        let model = self.fed(&answer.model);
        let cells = (side / STRIDE) as usize;
        let output = answer.outputs.first().filter(|map| map.shape() == [1, CHANNELS, cells, cells]);
        let output = output.ok_or_else(|| EmbeddingError::UnexpectedModel {
            model: model.to_string(),
            got: format!("{:?}", answer.outputs.first().map(Tensor::shape)),
            expected: "1280 planes of the cells",
        })?;
        let features = Features::from_planes(model, output.data(), cells, cells);
        stage(self.model.name(), Stage::Postprocess, started.elapsed());
        features
    }

    /// The network and the side it is fed at, such as `efficientnet-lite0@0.1.0-384`: what the features and the
    /// heads on them belong to.
    pub fn model(&self) -> ModelRef {
        self.fed(&self.model.model())
    }

    fn fed(&self, model: &ModelRef) -> ModelRef {
        // A version that can be written can be written with a number behind it.
        ModelRef::new(model.name(), &format!("{}-{}", model.version(), self.settings.side))
            .unwrap_or_else(|_| model.clone())
    }
}

/// Whether there is one port of rows with these axes, fixed or free.
fn is_port(ports: &[Port], axes: [usize; 3]) -> bool {
    let [port] = ports else { return false };
    let free = |have: &Option<usize>, want: usize| have.is_none_or(|have| have == want);
    // A fixed count of rows would not take one picture; only a batch of one does.
    matches!(port.shape.as_slice(), [rows, rest @ ..] if free(rows, 1) && rest.len() == 3
        && rest.iter().zip(axes).all(|(have, want)| free(have, want)))
}

/// `[3, height, width]` numbers, red first, `(x - 127) / 128`.
fn planes(picture: &Picture) -> Vec<f32> {
    let pixels = picture.rgb().chunks_exact(3);
    let mut out = Vec::with_capacity(picture.rgb().len());
    for channel in 0..3 {
        out.extend(pixels.clone().map(|pixel| (f32::from(pixel[channel]) - 127.0) / 128.0));
    }
    out
}
