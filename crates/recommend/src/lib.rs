//! Which service or room to offer a guest.
//!
//! In come plain rows of what guests took, with the day, the context and what it brought; out go short lists with
//! a score, the reason that the score rests on, the probability with which each entry was shown and what it
//! brought before. This room touches nothing: no files, no network, no clock; chance comes from a seed.

pub mod evaluation;
mod inverse;
pub mod off_policy;
mod regression;
pub mod rooms;
pub mod services;
