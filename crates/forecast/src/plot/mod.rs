//! Forecasts and back-tests as pictures.
//!
//! Every line differs from the others by its dashes, too.

mod backtest;
mod forecast;

pub use backtest::{BacktestPlot, HorizonPoint, LevelShare};
pub use forecast::{ForecastPlot, PlotDay};
pub use innkeeper_plot::{Picture, PlotError};

#[cfg(test)]
mod tests;
