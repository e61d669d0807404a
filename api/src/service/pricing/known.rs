//! What prices need besides what forecasts read: prices that were on sale, and what competitors asked.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use chrono::NaiveDate;
use innkeeper_hotel::{CompetitorPrice, Currency, Rate, RoomTypeName};
use innkeeper_store::{Fingerprint, HotelStore, HotelTable, StoreError};

use crate::problem::Problem;
use crate::service::forecast::Known;

/// What a price weighs in memory, in bytes.
const PRICE_BYTES: usize = 96;

/// The state of the tables of prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct PriceMark {
    rates: Fingerprint,
    competitors: Fingerprint,
}

impl PriceMark {
    /// The state now.
    pub async fn of(rows: &HotelStore) -> Result<Self, StoreError> {
        let mut mark = Self::default();
        for (table, fingerprint) in rows.fingerprints().await? {
            match table {
                HotelTable::Rates => mark.rates = fingerprint,
                HotelTable::CompetitorPrices => mark.competitors = fingerprint,
                _ => {}
            }
        }
        Ok(mark)
    }
}

impl fmt::Display for PriceMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.rates, self.competitors)
    }
}

/// What the tables of a hotel hold of prices.
#[derive(Debug, Default)]
pub(super) struct Prices {
    pub mark: PriceMark,
    /// By night, room type and the day each was set.
    pub rates: Vec<Rate>,
    pub competitors: Vec<CompetitorPrice>,
}

impl Prices {
    /// Reads a hotel. What changes meanwhile is not in the mark, and read at the next question.
    pub async fn read(rows: &HotelStore) -> Result<Self, Problem> {
        let mark = PriceMark::of(rows).await?;
        let always = NaiveDate::MIN..NaiveDate::MAX;
        let rates = rows.rates(always.clone()).await?;
        Ok(Self { mark, rates, competitors: rows.competitor_prices(always).await? })
    }

    /// What it weighs in memory, in bytes.
    pub fn bytes(&self) -> usize {
        (self.rates.len() + self.competitors.len()).saturating_mul(PRICE_BYTES).saturating_add(4096)
    }

    /// Every price of a night, by the day each was set.
    pub fn of(&self, night: NaiveDate, room_type: &RoomTypeName) -> &[Rate] {
        let before = |rate: &Rate| (rate.night, &rate.room_type) < (night, room_type);
        let start = self.rates.partition_point(before);
        let end = self.rates.partition_point(|rate| (rate.night, &rate.room_type) <= (night, room_type));
        self.rates.get(start..end).unwrap_or_default()
    }
}

/// Everything that prices are computed from.
#[derive(Clone)]
pub(super) struct PricingKnown {
    pub base: Arc<Known>,
    pub prices: Arc<Prices>,
}

impl PricingKnown {
    /// The currency that prices are in: the commonest of those on sale, else that of the bookings.
    pub fn currency(&self) -> Option<Currency> {
        let mut counts: HashMap<Currency, usize> = HashMap::new();
        for rate in &self.prices.rates {
            *counts.entry(rate.price.currency).or_insert(0) += 1;
        }
        let most = counts
            .into_iter()
            .max_by(|one, other| one.1.cmp(&other.1).then_with(|| other.0.code().cmp(one.0.code())));
        most.map(|(currency, _)| currency).or(self.base.currency)
    }

    /// Kinds of the events of a night that were known on a day.
    pub fn event_kinds(&self, night: NaiveDate, as_of: NaiveDate) -> Vec<String> {
        let here = self.base.events.iter().filter(|event| {
            (event.from..=event.until).contains(&night) && event.known_on.is_none_or(|known| known <= as_of)
        });
        let mut kinds: Vec<String> = here.map(|event| event.kind.clone()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }
}

impl fmt::Display for PricingKnown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.base.mark, self.prices.mark)
    }
}

#[cfg(test)]
mod tests {
    use innkeeper_hotel::Money;

    use super::*;

    #[test]
    fn the_prices_of_a_night_are_told_by_the_day_they_were_set() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let rate = |night: &str, room_type: &str, set_on: &str, price: u32| Rate {
            night: day(night),
            room_type: room_type.parse().unwrap(),
            set_on: day(set_on),
            price: Money { amount: price.into(), currency: "EUR".parse().unwrap() },
        };
        let prices = Prices {
            rates: vec![
                rate("2025-02-01", "a", "2025-01-01", 1),
                rate("2025-02-01", "a", "2025-01-10", 2),
                rate("2025-02-01", "b", "2025-01-05", 3),
                rate("2025-02-02", "a", "2025-01-05", 4),
            ],
            ..Prices::default()
        };
        let of = |night: &str, room_type: &str| {
            let found = prices.of(day(night), &room_type.parse().unwrap());
            found.iter().map(|rate| rate.price.amount.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(of("2025-02-01", "a"), ["1", "2"]);
        assert_eq!(
            (of("2025-02-01", "b"), of("2025-02-02", "a")),
            (vec!["3".to_owned()], vec!["4".to_owned()])
        );
        assert!(of("2025-02-01", "c").is_empty() && of("2025-01-31", "a").is_empty());
    }
}
