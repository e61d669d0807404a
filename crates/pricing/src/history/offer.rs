//! Prices that were on sale, and what competitors asked, by night and day.

use std::collections::{BTreeMap, HashMap};

use chrono::Datelike;
use innkeeper_hotel::{Currency, Money, RoomTypeName};
use rust_decimal::prelude::ToPrimitive;

use super::input::{History, Note};
use super::stays::median;

/// Values that hold from a day on, sorted by day.
type Steps = Vec<(i32, f64)>;

/// Day on which a competitor's price was seen, of whom, and the price.
type Reading<'a> = (i32, &'a str, f64);

/// Prices by room type and night.
#[derive(Debug, Default)]
pub(super) struct Offer {
    /// First day of sale and price, by room type and night.
    prices: HashMap<(usize, i32), Steps>,
    /// Day of sight and mean of the competitors, by room type and night.
    competitors: HashMap<(usize, i32), Steps>,
    /// Whether prices on sale are known, by room type.
    pub known: Vec<bool>,
    /// What competitors usually ask, by room type; `None` without a feed.
    pub competitor_reference: Vec<Option<f64>>,
}

/// What competitors asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Seen {
    /// Log of their mean price over their usual one.
    pub ratio: f64,
    /// Whether it was known by the day that was asked for.
    pub by_then: bool,
}

fn amount(money: &Money, currency: Currency) -> Option<f64> {
    let amount = money.amount.to_f64()?;
    (money.currency == currency && amount.is_finite() && amount > 0.0).then_some(amount)
}

/// The last value that holds on a day.
fn at(steps: Option<&Steps>, day: i32) -> Option<f64> {
    let steps = steps?;
    let next = steps.partition_point(|(from, _)| *from <= day);
    next.checked_sub(1).map(|place| steps[place].1)
}

impl Offer {
    /// Reads what was known on `as_of`.
    pub fn read(history: &History<'_>, kinds: &[RoomTypeName], notes: &mut Vec<Note>) -> Self {
        let places: HashMap<&RoomTypeName, usize> =
            kinds.iter().enumerate().map(|(place, kind)| (kind, place)).collect();
        let mut offer = Self { known: vec![false; kinds.len()], ..Self::default() };
        let mut odd = 0;
        for rate in history.rates.iter().filter(|rate| rate.set_on <= history.as_of) {
            let Some(kind) = places.get(&rate.room_type).copied() else { continue };
            let Some(price) = amount(&rate.price, history.currency) else {
                odd += 1;
                continue;
            };
            offer.known[kind] = true;
            // On sale from the end of the day: whoever books on the next day meets it.
            let from = rate.set_on.num_days_from_ce().saturating_add(1);
            offer.prices.entry((kind, rate.night.num_days_from_ce())).or_default().push((from, price));
        }
        for steps in offer.prices.values_mut() {
            // Of several prices of one day the last row counts.
            steps.sort_by_key(|(from, _)| *from);
        }
        odd += offer.read_competitors(history, &places);
        offer.competitor_reference = (0..kinds.len())
            .map(|kind| {
                let means: Vec<f64> = offer
                    .competitors
                    .iter()
                    .filter(|((of, _), _)| *of == kind)
                    .flat_map(|(_, steps)| steps.iter().map(|(_, mean)| *mean))
                    .collect();
                (!means.is_empty()).then(|| median(means))
            })
            .collect();
        if odd > 0 {
            notes.push(Note::OddPrices { rows: odd });
        }
        offer
    }

    fn read_competitors(&mut self, history: &History<'_>, places: &HashMap<&RoomTypeName, usize>) -> usize {
        let mut odd = 0;
        let mut seen: HashMap<(usize, i32), Vec<Reading<'_>>> = HashMap::new();
        for row in history.competitors.iter().filter(|row| row.seen_on <= history.as_of) {
            let Some(price) = amount(&row.price, history.currency) else {
                odd += 1;
                continue;
            };
            let (night, on) = (row.night.num_days_from_ce(), row.seen_on.num_days_from_ce());
            let of = match &row.room_type {
                Some(name) => match places.get(name) {
                    Some(kind) => *kind..*kind + 1,
                    None => continue,
                },
                None => 0..places.len(),
            };
            for kind in of {
                seen.entry((kind, night)).or_default().push((on, row.competitor.as_str(), price));
            }
        }
        for (key, mut rows) in seen {
            rows.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2)));
            let mut last: BTreeMap<&str, f64> = BTreeMap::new();
            let mut steps: Steps = Vec::new();
            for (place, (on, who, price)) in rows.iter().enumerate() {
                last.insert(who, *price);
                if rows.get(place + 1).is_none_or(|next| next.0 != *on) {
                    // A price seen during a day is known from the next day on.
                    steps.push((on.saturating_add(1), last.values().sum::<f64>() / last.len() as f64));
                }
            }
            self.competitors.insert(key, steps);
        }
        odd
    }

    /// The price on sale on a day.
    pub fn price(&self, kind: usize, night: i32, day: i32) -> Option<f64> {
        at(self.prices.get(&(kind, night)), day)
    }

    /// The log of what competitors were known to ask on a day, over what they usually ask. Where none was read yet, the first
    /// reading after it stands for it: whoever set our price may have looked at the market before the feed did.
    pub fn competitor(&self, kind: usize, night: i32, day: i32) -> Option<Seen> {
        let steps = self.competitors.get(&(kind, night))?;
        let by_then = at(Some(steps), day);
        let mean = by_then.or_else(|| steps.first().map(|(_, mean)| *mean))?;
        let ratio = (mean / self.competitor_reference[kind]?).ln();
        Some(Seen { ratio, by_then: by_then.is_some() })
    }

    /// Whether there is a feed of competitors' prices.
    pub fn has_feed(&self) -> bool {
        self.competitor_reference.iter().any(Option::is_some)
    }
}
