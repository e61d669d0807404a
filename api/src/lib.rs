//! The service and its command line.
//!
//! In come HTTP requests and command lines; out come answers, problem documents, tokens, tables. This is
//! the only room that knows HTTP: it reads the settings, opens the engines (SQL, vectors, media), loads
//! the models that the packs name and wires them to the pipeline rooms. A request goes one straight way:
//! route, extractor (who may, how much, how often), pipeline, engines, answer.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod admission;
mod app;
#[expect(clippy::doc_markdown, reason = "argument docs are the help text, printed as they stand")]
pub mod cli;
mod config;
mod connections;
mod extract;
mod models;
mod openapi;
mod problem;
mod routes;
mod serve;
mod service;
mod telemetry;
