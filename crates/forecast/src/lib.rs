//! Forecasts of occupancy, revenue, check-outs and housekeeping work.
//!
//! In come point-in-time frames and the day up to which they are known; out go, for each day ahead, a value,
//! an interval that covers what it claims, what drives it and how well the same method did in back-test. This room
//! touches nothing: no files, no network, no clock.

mod answer;
mod backtest;
mod drivers;
mod evaluation;
mod forecast;
pub mod housekeeping;
mod linear;
mod matrix;
mod members;
mod outlook;
mod panel;
pub mod plot;
mod prepare;
mod request;
mod room_types;
pub mod scores;
pub mod series;
mod settings;

pub use answer::{Bounds, Coverage, DayForecast, Driver, DriverName, Forecast, HorizonError, Note, Shares};
pub use backtest::{BacktestError, BacktestReport, Compared, Rolling, backtest, rolling_origins};
pub use evaluation::{EvaluationReport, TARGETS, TargetFigures, evaluate};
pub use forecast::{forecast, forecast_targets};
pub use request::{ForecastError, History, LEAST_DAYS, MOST_DAYS, Request, Target};
pub use room_types::forecast_room_types;

#[cfg(test)]
mod tests;
