//! Warm model sessions behind bounded queues.
//!
//! In come tensors with a [`Ticket`] that says until when the answer is wanted; out come tensors, or an
//! error that says what to do (come back after this long, too late, wrong shape). Between the two stand a
//! pool of sessions sized to the cores, a bounded queue, batching by size and delay, and a swap to another
//! model that drops no request. Two backends share the [`Session`] trait: ONNX Runtime ([`OnnxRuntime`])
//! for networks and candle ([`DenseHead`]) for our own small heads. Callers block, so they belong on
//! threads that may block. This room reads model files and one shared library, starts plain threads and
//! records metrics through the `metrics` facade; no network, no async runtime, no exporter.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod batch;
mod dense;
mod error;
mod lane;
mod model;
mod onnx;
mod queue;
mod session;
mod stage;
mod tensor;
mod ticket;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod load_tests;
#[cfg(test)]
mod onnx_tests;
#[cfg(test)]
mod pool_tests;

pub use dense::DenseHead;
pub use error::RuntimeError;
pub use model::{Answer, Model, Pending, PoolOptions};
pub use onnx::{OnnxRuntime, OnnxSession, SessionOptions};
pub use session::{Port, Session, SessionFactory};
pub use stage::{Stage, describe_metrics, stage};
pub use tensor::Tensor;
pub use ticket::{CancelGuard, Ticket};
