//! Settings of forecasts: how much is computed at once, and how much of it is remembered.

use std::time::Duration;

use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Forecast {
    /// Forecasts that wait for a free worker.
    pub max_waiting: usize,
    pub deadline_ms: u64,
    /// Bookings and forecasts kept in memory, in MiB.
    pub cache_mib: usize,
    /// Back-tests at once.
    pub backtests: usize,
    pub backtest_deadline_ms: u64,
    /// Most origins of one back-test.
    pub max_origins: usize,
    /// How long an answer can be read back, in days.
    pub keep_answers_days: u32,
}

impl Forecast {
    pub fn deadline(&self) -> Duration {
        Duration::from_millis(self.deadline_ms)
    }

    pub fn backtest_deadline(&self) -> Duration {
        Duration::from_millis(self.backtest_deadline_ms)
    }

    /// How long an answer is kept.
    pub fn retention(&self) -> chrono::TimeDelta {
        chrono::TimeDelta::days(i64::from(self.keep_answers_days))
    }

    /// Numbers with their ranges.
    pub(super) fn ranges(&self) -> [(&'static str, u64, std::ops::RangeInclusive<u64>); 7] {
        [
            ("forecast.max_waiting", self.max_waiting as u64, 0..=100_000),
            ("forecast.deadline_ms", self.deadline_ms, 1..=3_600_000),
            ("forecast.cache_mib", self.cache_mib as u64, 0..=1_048_576),
            ("forecast.backtests", self.backtests as u64, 1..=256),
            ("forecast.backtest_deadline_ms", self.backtest_deadline_ms, 1..=3_600_000),
            ("forecast.max_origins", self.max_origins as u64, 1..=366),
            ("forecast.keep_answers_days", self.keep_answers_days.into(), 1..=36_600),
        ]
    }
}
