//! Forecasts over HTTP and on the command line: who asks what, from which rows, and what is told.

mod answers;
mod backtest;
mod desk;
mod engine;
mod housekeeping;
mod known;
mod question;
mod report;

use innkeeper_core::HotelId;

pub(crate) use answers::{ForecastAnswer, KeptForecast};
pub(crate) use backtest::{BacktestAnswer, BacktestAsked};
pub(crate) use desk::{ForecastDesk, answer_once, describe_metrics};
pub(crate) use engine::rounded;
pub(crate) use known::Known;
pub(crate) use question::{Asked, Question, Shift, Target, day_of, last_known, level_of, today};
pub(crate) use report::{DataReport, ForecastHealth};

/// The name of the model in rows, metrics and the registry.
const MODEL: &str = "forecast";
/// Its version: it is fitted anew for each question, so that the program is the version.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Name and version.
fn model() -> String {
    format!("{MODEL}@{VERSION}")
}

/// What brings bookings.
fn no_bookings(hotel: &HotelId) -> String {
    format!(
        "hotel {hotel} has no bookings; `innkeeper import bookings FILE` brings them, `innkeeper simulate` makes some up"
    )
}
