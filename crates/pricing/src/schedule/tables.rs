//! What is known of each night to come: rooms sold, the price on sale, what competitors ask, events.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{Days, NaiveDate};
use innkeeper_hotel::{BookingStatus, KnownAt, Money, RoomTypeName};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::kept::Kept;
use crate::history::{History, MAX_LEAD};
use crate::rules::{MOST_PRICE, OnSale};

/// Days after which what a competitor asked is not believed to be asked any more.
const COMPETITOR_DAYS: i64 = 30;
/// Shares of the prices seen between which a price is usual.
const USUAL: (f64, f64) = (0.02, 0.98);

/// Bookings of a night and room type.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Books {
    /// Rooms booked.
    pub rooms: u32,
    /// Rooms whose booking will not be cancelled, as expected.
    pub kept: f64,
    /// Rooms whose guests will come, or are in the house, as expected.
    pub come: f64,
    /// Variance of what they pay.
    pub revenue_variance: f64,
    /// What those who come will pay for the night, as expected.
    pub revenue: f64,
}

/// A competitor's price: when it was seen, and what it was.
type Seen = (NaiveDate, Decimal);

/// What is known of nights to come.
#[derive(Debug, Clone)]
pub(super) struct Tables {
    pub books: HashMap<(NaiveDate, usize), Books>,
    pub on_sale: HashMap<(NaiveDate, usize), (NaiveDate, Decimal)>,
    /// By night and room type; `None` compares with all of ours.
    competitors: HashMap<(NaiveDate, Option<usize>), BTreeMap<String, Seen>>,
    pub has_feed: bool,
    /// Kinds of events by day.
    events: Vec<(NaiveDate, NaiveDate, String, String)>,
    /// Nights to come that are not sold, by room type.
    closed: HashSet<(NaiveDate, usize)>,
    /// Bookings to come without a rate in the hotel's currency.
    pub unpriced: u64,
    /// Prices between which those on sale lay, by room type.
    pub usual: Vec<Option<(f64, f64)>>,
    pub kept: Kept,
}

impl Tables {
    pub fn read(history: &History<'_>, room_types: &[RoomTypeName], references: &[f64]) -> Self {
        let as_of = history.as_of;
        let place: HashMap<&RoomTypeName, usize> =
            room_types.iter().enumerate().map(|(place, name)| (name, place)).collect();
        let kept = Kept::count(history.bookings, as_of);
        let last = as_of.checked_add_days(Days::new(u64::from(MAX_LEAD) + 31)).unwrap_or(NaiveDate::MAX);
        let mut unpriced = 0;
        let mut books: HashMap<(NaiveDate, usize), Books> = HashMap::new();
        let mut paid: Vec<Vec<f64>> = vec![Vec::new(); room_types.len()];
        for booking in history.bookings {
            let Some(kind) = place.get(&booking.room_type).filter(|_| booking.check().is_ok()) else {
                continue;
            };
            let known = booking.known_at(as_of);
            if !matches!(known, KnownAt::Known(BookingStatus::Confirmed | BookingStatus::Completed)) {
                continue;
            }
            let priced = booking.currency.is_none_or(|currency| currency == history.currency);
            let rate = booking.rate.filter(|_| priced).and_then(|rate| rate.to_f64());
            paid[*kind].extend(rate.filter(|rate| *rate > 0.0));
            // A guest who has left takes no room, however long the stay was meant to be.
            let left = known == KnownAt::Known(BookingStatus::Completed);
            if left || booking.stay.departure() <= as_of || booking.stay.arrival > last {
                continue;
            }
            // A guest who is in the house stays.
            let (stays, comes) = match (booking.stay.arrival - as_of).num_days() {
                days if days <= 0 => (1.0, 1.0),
                days => (kept.standing_booking(days), kept.shows()),
            };
            if rate.is_none() {
                unpriced += 1;
            }
            let (chance, rate) = (stays * comes, rate.unwrap_or(references[*kind]));
            let nights = booking.stay.arrival.iter_days().take(usize::from(booking.stay.nights));
            for night in nights.filter(|night| *night > as_of) {
                let night = books.entry((night, *kind)).or_default();
                night.rooms += 1;
                night.kept += stays;
                night.come += chance;
                night.revenue += chance * rate;
                night.revenue_variance += chance * (1.0 - chance) * rate * rate;
            }
        }
        let mut on_sale: HashMap<(NaiveDate, usize), (NaiveDate, Decimal)> = HashMap::new();
        let mut asked: Vec<Vec<f64>> = vec![Vec::new(); room_types.len()];
        for rate in history.rates {
            let usable = rate.price.currency == history.currency && payable(&rate.price);
            let Some(kind) = place.get(&rate.room_type).filter(|_| usable && rate.set_on <= as_of) else {
                continue;
            };
            asked[*kind].extend(rate.price.amount.to_f64());
            if rate.night > as_of {
                let standing = on_sale.entry((rate.night, *kind)).or_insert((rate.set_on, rate.price.amount));
                if standing.0 <= rate.set_on {
                    *standing = (rate.set_on, rate.price.amount);
                }
            }
        }
        let mut competitors: HashMap<(NaiveDate, Option<usize>), BTreeMap<String, Seen>> = HashMap::new();
        let mut has_feed = false;
        for price in history.competitors {
            let usable = price.price.currency == history.currency
                && price.price.amount > Decimal::ZERO
                && price.price.amount <= Decimal::from(MOST_PRICE);
            let age = (as_of - price.seen_on).num_days();
            has_feed |= usable && age >= 0;
            if !usable || price.night <= as_of || !(0..=COMPETITOR_DAYS).contains(&age) {
                continue;
            }
            let kind = match &price.room_type {
                None => None,
                Some(name) => match place.get(name) {
                    Some(kind) => Some(*kind),
                    None => continue,
                },
            };
            let of = competitors.entry((price.night, kind)).or_default();
            let seen = of.entry(price.competitor.clone()).or_insert((price.seen_on, price.price.amount));
            if seen.0 <= price.seen_on {
                *seen = (price.seen_on, price.price.amount);
            }
        }
        let known = |event: &&innkeeper_hotel::Event| {
            event.known_on.is_none_or(|on| on <= as_of) && event.until > as_of && event.from <= last
        };
        let usual = asked.into_iter().zip(paid).map(|(asked, paid)| usual(asked).or_else(|| usual(paid)));
        Self {
            books,
            on_sale,
            competitors,
            has_feed,
            events: history
                .events
                .iter()
                .filter(known)
                .map(|event| (event.from, event.until, event.kind.clone(), event.name.clone()))
                .collect(),
            closed: closed(history, &place, last),
            unpriced,
            usual: usual.collect(),
            kept,
        }
    }

    /// The price on sale at the end of the last known day.
    pub fn on_sale(&self, night: NaiveDate, kind: usize, as_of: NaiveDate) -> Option<OnSale> {
        let (set_on, price) = self.on_sale.get(&(night, kind))?;
        let days = u32::try_from((as_of - *set_on).num_days()).unwrap_or(0);
        Some(OnSale { price: *price, days, at_start_of_day: None })
    }

    /// Mean of what competitors asked for the night when they were last seen: for our room type where they are compared with
    /// it, otherwise for any.
    pub fn competitors(&self, night: NaiveDate, kind: usize) -> Option<Decimal> {
        let of =
            self.competitors.get(&(night, Some(kind))).or_else(|| self.competitors.get(&(night, None)))?;
        let mut prices = of.values().map(|(_, price)| *price);
        let sum = prices.try_fold(Decimal::ZERO, Decimal::checked_add)?;
        sum.checked_div(Decimal::from(of.len()))
    }

    /// Kinds and names of the events of a night.
    pub fn events(&self, night: NaiveDate) -> impl Iterator<Item = (&str, &str)> {
        let on = move |event: &&(NaiveDate, NaiveDate, String, String)| (event.0..=event.1).contains(&night);
        self.events.iter().filter(on).map(|(_, _, kind, name)| (kind.as_str(), name.as_str()))
    }

    pub fn is_closed(&self, night: NaiveDate, kind: usize) -> bool {
        self.closed.contains(&(night, kind))
    }
}

/// Whether an amount is a price that can be asked: above 0, believed, and no finer than the currency.
fn payable(price: &Money) -> bool {
    let most = Decimal::from(MOST_PRICE);
    price.amount > Decimal::ZERO && price.amount <= most && Money::new(price.amount, price.currency).is_ok()
}

/// Nights to come that are not sold.
fn closed(
    history: &History<'_>,
    place: &HashMap<&RoomTypeName, usize>,
    last: NaiveDate,
) -> HashSet<(NaiveDate, usize)> {
    let mut closed = HashSet::new();
    for closure in history.closures {
        let kinds = match &closure.room_type {
            None => 0..place.len(),
            Some(name) => match place.get(name) {
                Some(kind) => *kind..kind + 1,
                None => continue,
            },
        };
        let (from, until) = (closure.from.max(history.as_of), closure.until.min(last));
        for night in from.iter_days().take_while(|night| *night <= until) {
            closed.extend(kinds.clone().map(|kind| (night, kind)));
        }
    }
    closed
}

/// Between which prices nearly all lie; `None` of none.
fn usual(mut prices: Vec<f64>) -> Option<(f64, f64)> {
    prices.sort_by(f64::total_cmp);
    let at = |share: f64| prices.get(((prices.len() - 1) as f64 * share).round() as usize).copied();
    if prices.is_empty() { None } else { at(USUAL.0).zip(at(USUAL.1)) }
}
