//! Reading what dlib wrote with `serialize`: networks and shape predictors.

mod reader;
pub(crate) mod resnet;
mod shape_predictor;
#[cfg(test)]
mod tests;

pub use reader::Reader;
pub use shape_predictor::{PixelRect, ShapePredictor};
