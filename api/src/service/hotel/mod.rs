//! The hotel's own tables: what is known of it as frames take it, files that are read in, and a simulated hotel.

mod import;
mod simulation;
mod rows;

pub(crate) use import::{Checked, HotelWritten, ImportFile, check, write};
pub(crate) use simulation::{Simulated, simulate};
pub(crate) use rows::{known_until, tables};
