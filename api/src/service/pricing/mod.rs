//! Prices over HTTP: what is suggested and why, what people decide about it, and where it goes.

pub(crate) mod amount;
mod answers;
mod current;
mod decisions;
mod desk;
mod engine;
mod export;
mod known;
mod question;
mod rules;
mod scores;
mod simulate;
mod webhook;

pub(crate) use answers::{
    ChangeAnswer, CurrentPrice, ExplainAnswer, KeptSchedule, OverrideAnswer, PricingAnswer, PublishAnswer,
    SchedulesAnswer,
};
pub(crate) use decisions::NewPrice;
pub(crate) use desk::{PricingDesk, describe_metrics};
pub(crate) use export::ExportFormat;
pub(crate) use question::{PricingAsked, PricingQuestion, room_type};
pub(crate) use rules::RulesAnswer;
pub(crate) use scores::ScoresAnswer;
pub(crate) use simulate::{SimulatedAnswer, WhatIf};

/// The name of the model in rows, metrics and the registry.
const MODEL: &str = "pricing";
/// Its version: demand is learnt anew for each question, so that the program is the version.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Name and version.
fn model() -> String {
    format!("{MODEL}@{VERSION}")
}
