//! Settings of pictures: what is read, what is kept of it, how it is found again.

use innkeeper_core::DecodeLimits;
use serde::Deserialize;

use super::ConfigError;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Images {
    pub max_bytes: usize,
    pub max_pixels: u64,
    pub max_side: u32,
    /// Longest side of a picture that is kept, in pixels.
    pub kept_side: u32,
    /// JPEG quality of a picture that is kept.
    pub kept_quality: u8,
    /// Longest side of its thumbnail, in pixels.
    pub thumbnail_side: u32,
    /// How long an address of a picture works.
    pub address_seconds: u32,
    pub deadline_ms: u64,
    pub max_waiting: usize,
}

impl Images {
    pub fn limits(&self) -> DecodeLimits {
        DecodeLimits { max_bytes: self.max_bytes, max_pixels: self.max_pixels, max_side: self.max_side }
    }

    /// Numbers with their ranges.
    pub(super) fn ranges(&self) -> [(&'static str, u64, std::ops::RangeInclusive<u64>); 9] {
        [
            ("images.max_bytes", self.max_bytes as u64, 1..=1 << 30),
            ("images.max_pixels", self.max_pixels, 1..=500_000_000),
            ("images.max_side", self.max_side.into(), 1..=65_535),
            ("images.kept_side", self.kept_side.into(), 224..=16_384),
            ("images.kept_quality", self.kept_quality.into(), 30..=100),
            ("images.thumbnail_side", self.thumbnail_side.into(), 32..=2048),
            ("images.address_seconds", self.address_seconds.into(), 1..=7 * 86_400),
            ("images.deadline_ms", self.deadline_ms, 1..=3_600_000),
            ("images.max_waiting", self.max_waiting as u64, 0..=100_000),
        ]
    }
}

/// Finding pictures.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Search {
    pub threshold: f32,
}

/// Found things against reports of loss.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LostFound {
    pub min_score: f32,
    pub window_days: u32,
}

/// Whether shares are shares.
pub(super) fn check(search: &Search, lost_found: &LostFound) -> Result<(), ConfigError> {
    let shares = [("search.threshold", search.threshold), ("lost_found.min_score", lost_found.min_score)];
    match shares.into_iter().find(|(_, share)| !(0.0..=1.0).contains(share)) {
        Some((key, _)) => Err(ConfigError::Value { key, problem: "must be between 0 and 1".to_owned() }),
        None => Ok(()),
    }
}

/// Whether a text may stand before `/api/…` in an address.
pub(super) fn is_public_url(text: &str) -> bool {
    text.parse::<axum::http::Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some() && uri.query().is_none()
    })
}
