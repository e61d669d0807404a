//! The hotel's own tables: what is known of it as frames take it, files that are read in, and a simulated hotel.

mod import;
mod rows;
mod simulation;

pub(crate) use import::{Checked, HotelWritten, ImportFile, check, of_file, write};
pub(crate) use rows::tables;
pub(crate) use simulation::{Simulated, simulate};
