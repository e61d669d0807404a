//! Settings of prices: what they mean, how much is computed at once, and which system takes them.

use std::fmt;
use std::time::Duration;

use innkeeper_hotel::RoomTypeName;
use serde::Deserialize;

use super::ConfigError;

/// Shortest secret, in bytes.
const SHORTEST_SECRET: usize = 16;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pricing {
    /// Whether prices hold the taxes; unknown where nobody says so.
    #[serde(default)]
    pub tax_inclusive: Option<bool>,
    /// What a night that is sold costs the hotel.
    pub marginal_cost: f64,
    /// What a guest who has no room costs, as a multiple of the price.
    pub walk_cost: f64,
    /// How far a price may move from the one on sale, as a share of it.
    pub largest_change: f64,
    /// The same where the history does not tell what a price does.
    pub unproven_change: f64,
    /// Standard deviations of what is not known that a move has to be worth.
    pub caution: f64,
    /// Room types from the cheapest to the dearest; by their prices where none are named.
    #[serde(default)]
    pub room_type_order: Vec<RoomTypeName>,
    /// Most nights of one schedule.
    pub max_nights: u16,
    /// Probability that the intervals are meant to hold.
    pub level: f64,
    /// Schedules that wait for a free worker.
    pub max_waiting: usize,
    pub deadline_ms: u64,
    /// Prices and schedules kept in memory, in MiB.
    pub cache_mib: usize,
    /// How long a schedule can be read back, in days.
    pub keep_schedules_days: u32,
    /// Where prices are sent.
    #[serde(default)]
    pub webhook_url: Option<String>,
    /// What such a call is signed with.
    #[serde(default)]
    pub webhook_secret: Option<Secret>,
    pub webhook_timeout_ms: u64,
}

/// A secret that no log shows.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(String);

impl Secret {
    pub fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl Pricing {
    pub fn deadline(&self) -> Duration {
        Duration::from_millis(self.deadline_ms)
    }

    pub fn webhook_timeout(&self) -> Duration {
        Duration::from_millis(self.webhook_timeout_ms)
    }

    /// How long a schedule is kept.
    pub fn retention(&self) -> chrono::TimeDelta {
        chrono::TimeDelta::days(i64::from(self.keep_schedules_days))
    }

    /// Numbers with their ranges.
    pub(super) fn ranges(&self) -> [(&'static str, u64, std::ops::RangeInclusive<u64>); 6] {
        [
            ("pricing.max_nights", self.max_nights.into(), 1..=366),
            ("pricing.max_waiting", self.max_waiting as u64, 0..=100_000),
            ("pricing.deadline_ms", self.deadline_ms, 1..=3_600_000),
            ("pricing.cache_mib", self.cache_mib as u64, 0..=1_048_576),
            ("pricing.keep_schedules_days", self.keep_schedules_days.into(), 1..=36_600),
            ("pricing.webhook_timeout_ms", self.webhook_timeout_ms, 1..=600_000),
        ]
    }

    /// Whether shares are shares, costs are costs, and prices go only where nobody can read or change them on the way.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let need = |good: bool, key, problem: &str| {
            if good { Ok(()) } else { Err(ConfigError::Value { key, problem: problem.to_owned() }) }
        };
        let level = (0.5..=0.99).contains(&self.level);
        need(level, "pricing.level", "must be between 0.5 and 0.99")?;
        let cost = (0.0..=1e9).contains(&self.marginal_cost);
        need(cost, "pricing.marginal_cost", "must be between 0 and 1000000000")?;
        need((0.1..=100.0).contains(&self.walk_cost), "pricing.walk_cost", "must be between 0.1 and 100")?;
        let change = (0.0..=1.0).contains(&self.largest_change);
        need(change, "pricing.largest_change", "must be between 0 and 1")?;
        let change = (0.0..=1.0).contains(&self.unproven_change);
        need(change, "pricing.unproven_change", "must be between 0 and 1")?;
        need((0.0..=5.0).contains(&self.caution), "pricing.caution", "must be between 0 and 5")?;
        let order = &self.room_type_order;
        let twice = order.iter().enumerate().any(|(place, name)| order.iter().take(place).any(|o| o == name));
        need(!twice, "pricing.room_type_order", "must name no room type twice")?;
        let Some(url) = &self.webhook_url else { return Ok(()) };
        need(
            may_be_sent_to(url),
            "pricing.webhook_url",
            "must begin with https://, or with http:// and this machine's own address",
        )?;
        let secret = self.webhook_secret.as_ref().is_some_and(|s| s.bytes().len() >= SHORTEST_SECRET);
        need(
            secret,
            "pricing.webhook_secret",
            "must have 16 bytes or more where pricing.webhook_url is given; INNKEEPER__PRICING__WEBHOOK_SECRET sets it",
        )
    }
}

/// Whether what goes there or comes from there is sealed on its way, or never leaves this machine.
pub(crate) fn may_be_sent_to(text: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(text) else { return false };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let loopback = host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    let nobody = url.username().is_empty() && url.password().is_none();
    nobody && !host.is_empty() && (url.scheme() == "https" || (url.scheme() == "http" && loopback))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_sent_sealed_or_not_out_of_the_house() {
        for good in [
            "https://pms.example/prices",
            "http://127.0.0.1:9/x",
            "http://[::1]/",
            "http://localhost:8080/a?b=c",
        ] {
            assert!(may_be_sent_to(good), "{good}");
        }
        for bad in [
            "",
            "pms.example",
            "http://pms.example/prices",
            "http://10.0.0.1/",
            "http://127.0.0.1.evil.example/",
            "ftp://127.0.0.1/",
            "file:///etc/passwd",
            "https://user:word@pms.example/",
            "http://localhost@evil.example/",
            "https://",
        ] {
            assert!(!may_be_sent_to(bad), "{bad}");
        }
    }

    #[test]
    fn no_log_shows_the_secret() {
        let secret: Secret = serde_json::from_str("\"0123456789abcdef\"").unwrap();
        assert_eq!(format!("{secret:?}"), "[secret]");
    }
}
