//! What a guest's transactions come down to.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// Most repeat purchases of one guest: one a day for 270 years.
pub const MOST_FREQUENCY: u32 = 100_000;

/// One purchase, or one stay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transaction {
    /// Whose.
    pub guest: String,
    /// When.
    pub date: NaiveDate,
    /// What was paid, not negative; `None` where it is not known.
    pub amount: Option<f64>,
}

/// What times are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeUnit {
    /// Days.
    Day,
    /// Seven days.
    Week,
    /// A twelfth of 365.25 days.
    Month,
}

impl TimeUnit {
    /// Days in one unit.
    pub fn days(self) -> f64 {
        match self {
            Self::Day => 1.0,
            Self::Week => 7.0,
            Self::Month => 365.25 / 12.0,
        }
    }
}

/// Repeat purchases, the time of the last one and the age, in one unit of time: sufficient for the BG/NBD model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct History {
    frequency: u32,
    recency: f64,
    age: f64,
    spend: Option<f64>,
}

/// A history as it is read, before it is checked.
#[derive(Deserialize)]
struct Unchecked {
    frequency: u32,
    recency: f64,
    age: f64,
    spend: Option<f64>,
}

impl TryFrom<Unchecked> for History {
    type Error = HistoryError;

    fn try_from(read: Unchecked) -> Result<Self, HistoryError> {
        let history = Self::new(read.frequency, read.recency, read.age)?;
        read.spend.map_or(Ok(history), |spend| history.with_spend(spend))
    }
}

impl History {
    /// A guest with `frequency` purchases after the first, the last of them `recency` after the first, looked at `age` after
    /// the first. Recency is 0 where frequency is.
    ///
    /// # Errors
    /// [`HistoryError`] where a number is none, negative, or contradicts another one.
    pub fn new(frequency: u32, recency: f64, age: f64) -> Result<Self, HistoryError> {
        for (what, value) in [("recency", recency), ("age", age)] {
            if !value.is_finite() || value < 0.0 {
                return Err(HistoryError::Time { what, value });
            }
        }
        if frequency > MOST_FREQUENCY {
            return Err(HistoryError::Frequency(frequency));
        }
        if recency > age {
            return Err(HistoryError::RecencyBeyondAge { recency, age });
        }
        if (frequency == 0) != (recency == 0.0) {
            return Err(HistoryError::Contradiction { frequency, recency });
        }
        Ok(Self { frequency, recency, age, spend: None })
    }

    /// The same with the mean amount of the purchases after the first.
    ///
    /// # Errors
    /// [`HistoryError`] where the amount is negative or no number, or there was no such purchase.
    pub fn with_spend(self, mean: f64) -> Result<Self, HistoryError> {
        if !mean.is_finite() || mean < 0.0 {
            return Err(HistoryError::Amount(mean));
        }
        if self.frequency == 0 {
            return Err(HistoryError::SpendWithoutRepeat);
        }
        Ok(Self { spend: Some(mean), ..self })
    }

    /// Purchases after the first, one a day at most.
    pub fn frequency(&self) -> u32 {
        self.frequency
    }

    /// Time from the first purchase to the last one, 0 where there was one only.
    pub fn recency(&self) -> f64 {
        self.recency
    }

    /// Time from the first purchase to the end of what is known.
    pub fn age(&self) -> f64 {
        self.age
    }

    /// Mean amount of the purchases after the first; `None` where it is not known, or there was none.
    pub fn spend(&self) -> Option<f64> {
        self.spend
    }
}

/// A guest and what its transactions come down to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Guest {
    /// As in [`Transaction::guest`].
    pub guest: String,
    /// Its history.
    pub history: History,
}

/// Brings transactions up to and with the day `end` down to one history a guest, by guest. Purchases of one day are one, with
/// their sum; later transactions are not looked at.
///
/// # Errors
/// [`HistoryError`] where an amount is negative or no number, also after `end`.
pub fn summarise(
    transactions: &[Transaction],
    end: NaiveDate,
    unit: TimeUnit,
) -> Result<Vec<Guest>, HistoryError> {
    if let Some(bad) = transactions.iter().filter_map(|t| t.amount).find(|a| !a.is_finite() || *a < 0.0) {
        return Err(HistoryError::Amount(bad));
    }
    let mut guests: BTreeMap<&str, BTreeMap<NaiveDate, Option<f64>>> = BTreeMap::new();
    for transaction in transactions.iter().filter(|t| t.date <= end) {
        let days = guests.entry(&transaction.guest).or_default();
        let amount = days.entry(transaction.date).or_insert(Some(0.0));
        *amount = amount.zip(transaction.amount).map(|(sum, more)| sum + more);
    }
    let span = |from: NaiveDate, to: NaiveDate| (to - from).num_days() as f64 / unit.days();
    let mut known = Vec::with_capacity(guests.len());
    for (guest, days) in guests {
        let (Some((first, _)), Some((last, _))) = (days.first_key_value(), days.last_key_value()) else {
            continue;
        };
        let frequency = u32::try_from(days.len() - 1).unwrap_or(u32::MAX);
        let mut history = History::new(frequency, span(*first, *last), span(*first, end))?;
        let sum: Option<f64> = days.values().skip(1).copied().sum();
        if let Some(sum) = sum.filter(|_| frequency > 0) {
            history = history.with_spend(sum / f64::from(frequency))?;
        }
        known.push(Guest { guest: guest.to_owned(), history });
    }
    Ok(known)
}

/// Why there is no history.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum HistoryError {
    /// A time that is negative or no number.
    #[error("a {what} of {value} is not a time from 0 on")]
    Time {
        /// `recency` or `age`.
        what: &'static str,
        /// The value.
        value: f64,
    },
    /// The last purchase after the end.
    #[error("a recency of {recency} is beyond the age of {age}")]
    RecencyBeyondAge {
        /// Time of the last purchase.
        recency: f64,
        /// Time of the end.
        age: f64,
    },
    /// A recency without a repeat purchase, or a repeat purchase at the time of the first.
    #[error("{frequency} repeat purchases and a recency of {recency} contradict each other")]
    Contradiction {
        /// Purchases after the first.
        frequency: u32,
        /// Time of the last purchase.
        recency: f64,
    },
    /// More repeat purchases than [`MOST_FREQUENCY`].
    #[error("{0} repeat purchases are more than {MOST_FREQUENCY}")]
    Frequency(u32),
    /// An amount that is negative or no number.
    #[error("an amount of {0} is not a number from 0 on")]
    Amount(f64),
    /// A mean of repeat purchases where there was none.
    #[error("a mean amount of repeat purchases without a repeat purchase")]
    SpendWithoutRepeat,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bought(guest: &str, date: &str, amount: Option<f64>) -> Transaction {
        Transaction { guest: guest.into(), date: date.parse().expect("a date"), amount }
    }

    #[test]
    fn a_day_counts_once_and_the_first_purchase_is_not_in_the_mean() {
        let transactions = [
            bought("b", "2026-01-01", Some(100.0)),
            bought("a", "2026-01-15", Some(30.0)),
            bought("a", "2026-01-01", Some(1_000.0)),
            bought("a", "2026-01-15", Some(10.0)),
            bought("a", "2026-01-29", Some(20.0)),
            bought("a", "2026-03-01", Some(5_000.0)),
            bought("late", "2026-03-01", Some(1.0)),
        ];
        let end = "2026-02-05".parse().expect("a date");
        let guests = summarise(&transactions, end, TimeUnit::Week).expect("histories");
        assert_eq!(guests.len(), 2);
        assert_eq!(
            guests[0].history,
            History::new(2, 4.0, 5.0).and_then(|h| h.with_spend(30.0)).expect("valid")
        );
        assert_eq!(guests[1].history, History::new(0, 0.0, 5.0).expect("valid"));
    }

    #[test]
    fn an_amount_that_is_not_known_leaves_the_mean_unknown() {
        let transactions = [bought("a", "2026-01-01", None), bought("a", "2026-01-03", None)];
        let end = "2026-01-08".parse().expect("a date");
        let guests = summarise(&transactions, end, TimeUnit::Day).expect("histories");
        assert_eq!((guests[0].history.frequency(), guests[0].history.spend()), (1, None));
        for bad in [f64::NAN, -0.01, f64::INFINITY] {
            let refused = summarise(&[bought("a", "2026-01-01", Some(bad))], end, TimeUnit::Day);
            assert!(matches!(refused, Err(HistoryError::Amount(_))));
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        assert!(matches!(History::new(1, f64::NAN, 2.0), Err(HistoryError::Time { what: "recency", .. })));
        assert!(matches!(History::new(1, 1.0, -2.0), Err(HistoryError::Time { what: "age", .. })));
        assert!(matches!(History::new(1, 3.0, 2.0), Err(HistoryError::RecencyBeyondAge { .. })));
        assert!(matches!(History::new(0, 1.0, 2.0), Err(HistoryError::Contradiction { .. })));
        assert!(matches!(History::new(2, 0.0, 2.0), Err(HistoryError::Contradiction { .. })));
        assert!(matches!(History::new(u32::MAX, 1.0, 2.0), Err(HistoryError::Frequency(_))));
        let once = History::new(0, 0.0, 0.0).expect("the day of the first purchase");
        assert_eq!(once.with_spend(3.0), Err(HistoryError::SpendWithoutRepeat));
        assert!(
            serde_json::from_str::<History>(r#"{"frequency":1,"recency":9,"age":2,"spend":null}"#).is_err()
        );
        assert!(serde_json::from_str::<History>(r#"{"frequency":1,"recency":1,"age":2,"spend":5}"#).is_ok());
    }
}
