//! The registry of trained models, and what decides whether a new one is better.
//!
//! In come the files of a trained model with its figures and its card; out come versions that never change again, a champion,
//! and the way back to the one before ([`Registry`]). [`gate`] compares champion and candidate on the same held-out examples,
//! [`curve_svg`] draws what labels bought, [`Card`] writes the model card, and [`room_tags`] is one whole turn of the loop for
//! the tags of room photographs. This room writes below the one folder it is given and reads lists of labelled pictures; no
//! HTTP, no SQL, no models.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod card;
mod disk;
mod gate;
mod names;
mod plot;
mod registry;
pub mod room_tags;

pub use card::{Card, Table};
pub use gate::{GateSettings, Paired, Verdict, gate};
pub use names::{Name, NameError, Version};
pub use plot::{PlotError, curve_svg};
pub use registry::{
    CARD, Change, ChangeKind, Choice, File, FileRecord, METRICS, Record, Registry, RegistryError,
};
