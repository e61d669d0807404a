//! Small multi-label heads on frozen embeddings.
//!
//! In come [`Example`]s: an embedding, the labels that are known of it (yes or no; a label that nobody judged is simply
//! absent), a group (the room, the picture it was cut from) and a source (the hotel, the data set). Out comes a [`Head`]: for
//! each label a logistic unit, its calibration, the band in which it abstains, and the figures it reached on groups it had
//! not seen. [`fit`] makes one, [`refine`] bends one towards a hotel's own corrections, [`cross_validate`],
//! [`shuffled_control`] and [`learning_curve`] say what it is worth, [`Head::evidence`] says where in the picture. This room
//! computes and nothing else: no files, no models, no HTTP, no SQL. Everything is a function of its arguments and a seed.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod calibration;
mod curve;
mod error;
mod evidence;
mod example;
mod figures;
mod fit;
mod head;
mod json;
mod logistic;
mod shipped;
mod split;
mod validate;

#[cfg(test)]
mod fixtures;

pub use calibration::{Band, Platt};
pub use curve::{CurvePoint, CurveSettings, LearningCurve, learning_curve, own_curve};
pub use error::HeadError;
pub use evidence::{Area, Evidence};
pub use example::Example;
pub use figures::{Figures, HeldOut, area_under_curve, recall_at_false_alarms};
pub use fit::{FitSettings, fit, refine};
pub use head::{Decision, Head, LabelHead, TagProbability};
pub use shipped::{shipped_room_tags, shipped_room_tags_pictures};
pub use split::grouped_folds;
pub use validate::{
    CrossValidation, Spread, cross_validate, judge, refined_validation, repeated, shuffled, shuffled_control,
};
