//! Segments of guests by rule, each with its reason.

use serde::{Deserialize, Serialize};

use crate::history::History;
use crate::value::LifetimeValue;

/// What kind of guest it is, and what one would do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Segment {
    /// Very likely still a guest, came back, and is worth more than most.
    Champion,
    /// Likely still a guest, came back more than once, and is worth more than the middle.
    Loyal,
    /// Likely to return, but of little value yet.
    Occasional,
    /// First seen lately, and not back yet: nothing more can be said.
    New,
    /// May not return.
    AtRisk,
    /// Will hardly return.
    Lapsed,
}

/// Where the borders are.
///
/// The rules are tried in this order: without repeat purchase and not older than `new_within`, New; chance below
/// `lapsed_below`, Lapsed; chance below `at_risk_below`, `AtRisk`; back at least once and worth more than a share of
/// `champion_rank` of the guests, Champion; back at least twice and worth more than a share of `loyal_rank`, Loyal; the rest is
/// Occasional. The chance is the probability to be still a guest. For those who never came back the model cannot tell, and the
/// chance is that of a purchase within the horizon of the value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SegmentRules {
    /// Age up to which a guest without repeat purchase is new, in the unit of the histories.
    pub new_within: f64,
    /// Chance, 0 to 1.
    pub lapsed_below: f64,
    /// Chance, `lapsed_below` to 1.
    pub at_risk_below: f64,
    /// Share of guests, 0 to 1.
    pub champion_rank: f64,
    /// Share of guests, 0 to `champion_rank`.
    pub loyal_rank: f64,
}

impl SegmentRules {
    /// Lapsed below .2, at risk below .5, champions among the upper fifth, loyal in the upper half.
    pub fn new_within(age: f64) -> Self {
        Self { new_within: age, lapsed_below: 0.2, at_risk_below: 0.5, champion_rank: 0.8, loyal_rank: 0.5 }
    }

    fn check(&self) -> Result<(), SegmentsError> {
        let Self { new_within, lapsed_below, at_risk_below, champion_rank, loyal_rank } = *self;
        let age = new_within.is_finite() && new_within >= 0.0;
        let chances = 0.0 <= lapsed_below && lapsed_below <= at_risk_below && at_risk_below <= 1.0;
        let ranks = 0.0 <= loyal_rank && loyal_rank <= champion_rank && champion_rank <= 1.0;
        if age && chances && ranks { Ok(()) } else { Err(SegmentsError::Rules) }
    }
}

/// A segment and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Segmented {
    /// The segment.
    pub segment: Segment,
    /// Share of the guests who are worth less, 0 to 1.
    pub rank: f64,
    /// The rule that decided, with the numbers of the guest.
    pub reason: String,
}

/// Puts each guest into a segment; the answers are in the order of the guests, and ranks are among them.
///
/// # Errors
/// [`SegmentsError`] where the rules contradict themselves or a value is no number.
pub fn segment(
    guests: &[(History, LifetimeValue)],
    rules: &SegmentRules,
) -> Result<Vec<Segmented>, SegmentsError> {
    rules.check()?;
    let mut values: Vec<f64> = guests.iter().map(|(_, value)| value.expected).collect();
    if let Some(bad) = values.iter().find(|value| !value.is_finite()) {
        return Err(SegmentsError::Value(*bad));
    }
    values.sort_by(f64::total_cmp);
    let of = |(history, value): &(History, LifetimeValue)| {
        let less = values.partition_point(|other| *other < value.expected);
        let rank = less as f64 / values.len() as f64;
        let (segment, reason) = decide(history, value, rank, rules);
        Segmented { segment, rank, reason }
    };
    Ok(guests.iter().map(of).collect())
}

fn decide(history: &History, value: &LifetimeValue, rank: f64, rules: &SegmentRules) -> (Segment, String) {
    let back = history.frequency();
    let (chance, of) = if back == 0 {
        (value.retention, "a purchase within the horizon")
    } else {
        (value.probability_alive, "being still a guest")
    };
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let worth = format!("worth more than {} of the guests", percent(rank));
    if back == 0 && history.age() <= rules.new_within {
        let (age, within) = (history.age(), rules.new_within);
        return (Segment::New, format!("first seen {age:.1} ago, within {within:.1}, and not back yet"));
    }
    let told = format!("chance of {of} {}", percent(chance));
    if chance < rules.lapsed_below {
        return (Segment::Lapsed, format!("{told}, below {}", percent(rules.lapsed_below)));
    }
    if chance < rules.at_risk_below {
        return (Segment::AtRisk, format!("{told}, below {}", percent(rules.at_risk_below)));
    }
    if back >= 1 && rank >= rules.champion_rank {
        return (Segment::Champion, format!("{told}; back {back} times; {worth}"));
    }
    if back >= 2 && rank >= rules.loyal_rank {
        return (Segment::Loyal, format!("{told}; back {back} times; {worth}"));
    }
    (Segment::Occasional, format!("{told}; back {back} times; {worth}"))
}

/// Why there are no segments.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum SegmentsError {
    /// Borders that are no shares, or not in order.
    #[error("the borders of the segments are not shares in order, or the age is no time")]
    Rules,
    /// A value that is no finite number.
    #[error("a value of {0} cannot be ranked")]
    Value(f64),
}

#[cfg(test)]
mod tests {
    use super::Segment::{AtRisk, Champion, Lapsed, Loyal, New, Occasional};
    use super::*;

    fn guest(
        frequency: u32,
        age: f64,
        alive: f64,
        retention: f64,
        expected: f64,
    ) -> (History, LifetimeValue) {
        let recency = if frequency == 0 { 0.0 } else { age / 2.0 };
        let value = LifetimeValue {
            expected,
            lower: 0.0,
            upper: expected,
            level: 0.8,
            expected_transactions: 1.0,
            expected_amount: expected,
            probability_alive: alive,
            retention,
            parameters_included: true,
        };
        (History::new(frequency, recency, age).expect("valid"), value)
    }

    #[test]
    fn each_rule_decides_somebody() {
        let guests = [
            guest(0, 3.0, 1.0, 0.9, 5.0),
            guest(0, 30.0, 1.0, 0.1, 1.0),
            guest(4, 30.0, 0.3, 0.2, 40.0),
            guest(4, 30.0, 0.9, 0.9, 90.0),
            guest(2, 30.0, 0.8, 0.7, 50.0),
            guest(1, 30.0, 0.8, 0.7, 55.0),
        ];
        let found = segment(&guests, &SegmentRules::new_within(8.0)).expect("segments");
        let kinds: Vec<Segment> = found.iter().map(|of| of.segment).collect();
        assert_eq!(kinds, [New, Lapsed, AtRisk, Champion, Loyal, Occasional]);
        assert!(
            found[1].reason.contains("10 %") && found[1].reason.contains("below 20 %"),
            "{}",
            found[1].reason
        );
        assert!(
            found[3].reason.contains("back 4 times") && found[3].reason.contains("83 %"),
            "{}",
            found[3].reason
        );
    }

    #[test]
    fn borders_out_of_order_and_values_that_are_none_are_refused() {
        let rules = SegmentRules::new_within(8.0);
        for bad in [
            SegmentRules { lapsed_below: 0.9, ..rules },
            SegmentRules { loyal_rank: f64::NAN, ..rules },
            SegmentRules { new_within: -1.0, ..rules },
        ] {
            assert_eq!(segment(&[], &bad), Err(SegmentsError::Rules));
        }
        let bad = segment(&[guest(0, 3.0, 1.0, 0.9, f64::NAN)], &rules);
        assert!(matches!(bad, Err(SegmentsError::Value(_))));
        assert_eq!(segment(&[], &rules), Ok(Vec::new()));
    }
}
