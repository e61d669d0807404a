//! Documents drawn by the tests themselves, with the truth beside them: bills in five languages, passports, cards
//! and licences, QR codes, PDF files, and what cameras do to them. Everything is drawn from a seed and comes out
//! the same on every machine that has the same fonts.
//!
//! A test binary or an example takes it in with `#[path = "rendered/mod.rs"] mod rendered;`.
#![allow(dead_code, unused_imports, reason = "each test binary draws only what it needs")]
#![allow(clippy::expect_used, clippy::panic, reason = "for tests")]

pub mod bill;
pub mod camera;
pub mod codes;
pub mod error_rate;
pub mod fonts;
pub mod identity;
pub mod language;
pub mod mrz;
pub mod pdf;
pub mod sheet;

pub use bill::{Bill, Item, Kind};
pub use camera::Camera;
pub use identity::{Holder, Licence};
pub use language::Language;
pub use mrz::Form;
pub use sheet::{Drawn, Sheet, TrueLine};
