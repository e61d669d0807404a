//! Pictures to embeddings and feature maps by a frozen network.
//!
//! In comes a decoded [`Picture`](innkeeper_core::Picture); out come [`Features`]: a map of cells with
//! [`CHANNELS`] numbers each, so that a head can say where in the picture it sees something, and the mean
//! of the cells scaled to unit length, so that whole pictures can be compared and heads trained on few
//! examples. The network is EfficientNet-Lite0 (Tan and Le, 2019) as trained on ImageNet; nothing here
//! changes its weights. This room runs one model through `innkeeper-runtime` and touches nothing else.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod embedder;
mod error;
mod features;

pub use embedder::{EmbedderSettings, ImageEmbedder};
pub use error::EmbeddingError;
pub use features::{CHANNELS, Features};
