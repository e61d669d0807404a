//! The circumstances of a guest's stay that change what is taken.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// What is known of the stay when something is offered; `None` is "not known" and changes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Context {
    /// The hotel's own word for the kind of guest ("business").
    pub segment: Option<String>,
    /// The hotel's own word for the time of year ("high", "monsoon").
    pub season: Option<String>,
    /// Who travels.
    pub party: Option<Party>,
    /// How far the stay has come.
    pub stage: Option<StayStage>,
}

/// Who travels together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// One adult.
    Solo,
    /// Two adults.
    Couple,
    /// Adults with children.
    Family,
    /// Three adults or more.
    Group,
}

impl Party {
    /// `None` without adults.
    pub fn of(adults: u32, children: u32) -> Option<Self> {
        match (adults, children) {
            (0, _) => None,
            (_, 1..) => Some(Self::Family),
            (1, 0) => Some(Self::Solo),
            (2, 0) => Some(Self::Couple),
            (_, 0) => Some(Self::Group),
        }
    }
}

/// How far a stay has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StayStage {
    /// Booked, not yet arrived.
    BeforeArrival,
    /// The day of arrival.
    Arrival,
    /// Between arrival and the day before departure.
    During,
    /// The day before departure and the day of departure.
    Departure,
}

impl StayStage {
    /// The stage on `day` of a stay; `None` after it or when the stay ends before it starts.
    pub fn on(day: NaiveDate, check_in: NaiveDate, check_out: NaiveDate) -> Option<Self> {
        if check_out < check_in || day > check_out {
            None
        } else if day < check_in {
            Some(Self::BeforeArrival)
        } else if day == check_in {
            Some(Self::Arrival)
        } else if (check_out - day).num_days() <= 1 {
            Some(Self::Departure)
        } else {
            Some(Self::During)
        }
    }
}

/// Kinds of label a context has: segment, season, party, stage.
pub(crate) const LABELS: usize = 4;

impl Context {
    /// One key a label, for the tables.
    pub(crate) fn keys(&self) -> [Option<String>; LABELS] {
        [
            self.segment.clone(),
            self.season.clone(),
            self.party.map(|party| format!("{party:?}")),
            self.stage.map(|stage| format!("{stage:?}")),
        ]
    }

    /// The same without one label, by its place in [`Context::keys`].
    pub(crate) fn without(&self, label: usize) -> Self {
        let mut left = self.clone();
        match label {
            0 => left.segment = None,
            1 => left.season = None,
            2 => left.party = None,
            _ => left.stage = None,
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(of_march: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2025, 3, of_march).unwrap()
    }

    #[test]
    fn stages_follow_the_stay() {
        let stage = |at| StayStage::on(day(at), day(10), day(14));
        assert_eq!(stage(9), Some(StayStage::BeforeArrival));
        assert_eq!(stage(10), Some(StayStage::Arrival));
        assert_eq!(stage(12), Some(StayStage::During));
        assert_eq!(stage(13), Some(StayStage::Departure));
        assert_eq!(stage(14), Some(StayStage::Departure));
        assert_eq!(stage(15), None);
        assert_eq!(StayStage::on(day(10), day(14), day(10)), None);
    }

    #[test]
    fn parties_are_told_by_heads() {
        assert_eq!(Party::of(0, 2), None);
        assert_eq!(Party::of(1, 0), Some(Party::Solo));
        assert_eq!(Party::of(2, 0), Some(Party::Couple));
        assert_eq!(Party::of(1, 3), Some(Party::Family));
        assert_eq!(Party::of(u32::MAX, 0), Some(Party::Group));
    }
}
