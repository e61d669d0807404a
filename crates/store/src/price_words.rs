//! Words of the tables of prices.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What became of suggested prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleStatus {
    /// Nobody decided yet.
    Proposed,
    /// Somebody took them.
    Approved,
    /// Nobody wants them.
    Rejected,
    /// They are on sale.
    Published,
}

impl ScheduleStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Proposed, Self::Approved, Self::Rejected, Self::Published];

    /// As tables and answers spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Published => "published",
        }
    }

    /// Whether such prices may go on sale, or go there again.
    pub fn can_be_published(self) -> bool {
        matches!(self, Self::Approved | Self::Published)
    }
}

/// Where prices go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PublishTarget {
    /// A file that somebody takes to the hotel's system.
    Csv,
    /// The hotel's system, by HTTP.
    Webhook,
    /// The table of prices on sale, and nowhere else.
    Rates,
}

impl PublishTarget {
    /// Every target.
    pub const ALL: [Self; 3] = [Self::Csv, Self::Webhook, Self::Rates];

    /// As tables and requests spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Webhook => "webhook",
            Self::Rates => "rates",
        }
    }
}

/// The text is none of the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is one of {0}")]
pub struct PriceWordError(&'static str);

impl FromStr for ScheduleStatus {
    type Err = PriceWordError;
    fn from_str(text: &str) -> Result<Self, PriceWordError> {
        let words = PriceWordError("proposed, approved, rejected or published");
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(words)
    }
}

impl FromStr for PublishTarget {
    type Err = PriceWordError;
    fn from_str(text: &str) -> Result<Self, PriceWordError> {
        let words = PriceWordError("csv, webhook or rates");
        Self::ALL.into_iter().find(|target| target.as_str() == text).ok_or(words)
    }
}

impl fmt::Display for ScheduleStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for PublishTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
