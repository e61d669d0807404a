//! Whole-service tests: the real binary, real models and real photographs, over HTTP and the command line.
//!
//! Every test has a data directory of its own and, where it needs one, a server of its own on a free port; a
//! start takes a third of a second. What they stand on, and how to add one, is in `tests/README.md`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod command_line;
mod corrections;
#[cfg(feature = "kill-points")]
mod crash;
mod documents;
mod engines;
mod enrol;
mod forecast;
mod forecast_hostile;
mod forged;
mod hostile;
mod hostile_json;
mod hostile_pictures;
mod hotel_data;
mod images;
#[cfg(feature = "kill-points")]
mod images_crash;
mod index_folder;
mod interface;
mod lifecycle;
mod load;
mod lost_found;
mod matrix;
#[path = "../../crates/ocr/tests/rendered/pdf.rs"]
#[allow(dead_code, reason = "these tests draw only some of it")]
mod pdf;
mod pictures;
mod pricing;
mod pricing_hostile;
mod recognise;
mod room_history;
mod rooms;
mod scenes;
mod server;
mod slow;
mod tenants;
mod trust;
