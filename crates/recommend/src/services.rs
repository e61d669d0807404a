//! Services to offer a guest, from what guests took: an item model, tables of context, and the guest's own habit.
//!
//! The item model is `EASE` (Steck 2019, "Embarrassingly Shallow Autoencoders for Sparse Data"): one regularised
//! inverse of the matrix that counts, for each two items, the guests who took both. Its score, how the item
//! has been doing lately, and how much more often than elsewhere it is taken in this context are weighed
//! against each other by a conditional logit, learnt on the last slice of the time that is known; what a
//! guest took before has a model of its own, because taking again follows other laws than taking anew.

mod context;
mod ease;
mod features;
mod fit;
mod history;
mod learnt;
mod recommend;
mod slate;
mod tables;

pub use context::{Context, Party, StayStage};
pub use ease::EaseSettings;
pub use fit::{FitError, ServiceModel, Settings, Summary, fit};
pub use history::{Interaction, Past};
pub use recommend::{Evidence, NoProbability, Reason, Recommendation, Request};

pub(crate) use learnt::{Instance, best_first, instances};
