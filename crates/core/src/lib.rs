//! What every room speaks.
//!
//! In come raw bytes and strings from the outside world; out come decoded [`Picture`]s whose size was
//! checked before a pixel was allocated, boxes and points in pixel units, embeddings that name their
//! model, identifiers that are safe to put into a path, a query or a log, and the stable error codes of
//! the product. This room touches nothing: no files, no network, no clock.

mod code;
mod embedding;
mod geometry;
mod ids;
mod model;
mod picture;
mod write_stage;

pub use code::ErrorCode;
pub use embedding::{Embedding, EmbeddingError};
pub use geometry::{Point, Rect};
pub use ids::{CameraId, EmployeeId, HotelId, IdError, RoomNumber};
pub use model::{ModelRef, ModelRefError};
pub use picture::{DecodeLimits, Picture, PictureError, PictureFormat, Resampling};
pub use write_stage::WriteStage;
