//! Image descriptors for search, near-duplicates, lost and found.
//!
//! In comes a decoded [`Picture`](innkeeper_core::Picture); out comes a [`Description`]: one unit vector whose
//! cosine with another says how alike two pictures are in content and colour, and a [`PerceptualHash`] that two
//! encodings of the same picture share. [`dominant_colour`] names the colour of a thing that was photographed;
//! [`evaluation`] computes how often the nearest pictures are the right ones. The vector is that of
//! `innkeeper-image-embedding`, taken about a [`Centre`] that was measured beforehand, joined with a histogram of
//! colours. This room runs that one network and touches nothing else: no index, no files, no network.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod centre;
mod colour;
mod describe;
mod duplicate;
mod error;
pub mod evaluation;
mod hash;

pub use centre::Centre;
pub use colour::{Colour, DominantColour, dominant_colour};
pub use describe::{Describer, Description};
pub use duplicate::near_duplicate;
pub use error::{CentreError, SearchError};
pub use hash::{HashError, PerceptualHash};
