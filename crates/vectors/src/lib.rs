//! Embedding indexes over Qdrant behind one trait.
//!
//! In come points (an id, a vector of finite numbers, a payload that names hotel and owner) and queries
//! with a small typed filter; out come the nearest points with their cosine. [`EmbeddedQdrant`] keeps
//! one shard folder per collection inside one directory that a single process holds; [`QdrantServer`]
//! speaks to a server or cluster; nothing else is touched. [`Veil`] turns vectors by a secret. A collection belongs to one model and one dimension, so vectors of two models never meet.
//!
//! The embedded engine (`qdrant-edge` 0.7) applies an update in memory and in its write-ahead log, but
//! does not read that log again when it opens. A write is therefore durable only after a flush, and this
//! room flushes before a write returns; docs of [`VectorIndex::upsert`] say what that guarantees.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod collection;
mod embedded;
mod error;
mod index;
mod point;
mod server;
mod shard;
#[cfg(test)]
mod suite;
mod veil;
mod wire;

pub use collection::Collection;
pub use embedded::EmbeddedQdrant;
pub use error::VectorError;
pub use index::{IndexState, VectorIndex};
pub use point::{CATEGORY, Filter, HOTEL, Hit, OWNER, ROOM_NUMBER, SIDE, TAGS, UPLOADED_AT, VectorPoint};
pub use server::{QdrantServer, ServerConfig};
pub use veil::Veil;
