//! Shares of room types by context.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// Share of the bookings, the latest, on which the depth of the context is chosen.
const JUDGED: f64 = 0.2;

/// Bookings that a choice of the depth needs on either side.
const LEAST_JUDGED: usize = 50;

/// Types on a list: a depth is better when the type booked is among so many more often.
const LISTED: usize = 3;

/// Parties are told apart up to this many heads of a kind.
const MOST_HEADS: u32 = 6;

/// Paid prices that "usual" needs.
const LEAST_PRICES: usize = 5;

/// The circumstances of a stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stay {
    /// Which house, where there are several; any word, also an empty one.
    pub property: String,
    /// Adults.
    pub adults: u32,
    /// Children.
    pub children: u32,
    /// Nights, at least 1 for revenue.
    pub nights: u32,
    /// Days from booking to arrival.
    pub lead_days: u32,
    /// The hotel's word for the kind of guest.
    pub segment: Option<String>,
}

/// A booking of the past.
#[derive(Debug, Clone, PartialEq)]
pub struct RoomBooking {
    /// Day of arrival.
    pub arrival: NaiveDate,
    /// What was booked; not empty.
    pub room_type: String,
    /// Its circumstances.
    pub stay: Stay,
    /// Price of a night in the hotel's currency; finite, at least 0, `None` when not known.
    pub price: Option<f64>,
}

/// How shares are smoothed and utilities are made.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RoomSettings {
    /// Bookings that the wider context counts against a narrower one; above 0.
    pub smoothing: f64,
    /// Contexts to tell shares apart by; `None` lets the latest fifth of the bookings decide.
    pub depth: Option<Depth>,
    /// Loss of log-odds for a price that is e times what such a party usually pays; at least 0. An assumption:
    /// bookings alone do not tell how guests answer to a price.
    pub price_sensitivity: f64,
    /// Log-odds for each wish that a room fulfils; at least 0.
    pub wish: f64,
    /// Weight, 0 to 1, of showing another room type rather than a further room of one already on the list.
    pub diversity: f64,
}

impl Default for RoomSettings {
    fn default() -> Self {
        Self { smoothing: 5.0, depth: None, price_sensitivity: 1.0, wish: 1.0, diversity: 0.5 }
    }
}

/// Contexts that were kept beyond the party.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Depth {
    /// House and party alone.
    Party,
    /// And the segment.
    Segment,
    /// And the nights.
    Nights,
    /// And the lead time.
    Lead,
}

const DEPTHS: [Depth; 4] = [Depth::Party, Depth::Segment, Depth::Nights, Depth::Lead];

/// Why no shares came out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoomFitError {
    /// There are no bookings.
    #[error("there are no bookings to learn from")]
    NoBookings,
    /// A booking names no room type.
    #[error("booking {row} names no room type")]
    NoType {
        /// Place in the rows, from 0.
        row: usize,
    },
    /// A price is not a finite number of at least 0.
    #[error("booking {row}: the price is not a finite number of at least 0")]
    Price {
        /// Place in the rows, from 0.
        row: usize,
    },
    /// A setting is outside its range.
    #[error("smoothing lies above 0, diversity within 0 to 1, the other settings at 0 or above")]
    Settings,
}

/// What was learnt.
#[derive(Debug, Clone)]
pub struct RoomModel {
    pub(super) settings: RoomSettings,
    types: Vec<String>,
    counts: HashMap<String, Vec<f64>>,
    depth: Depth,
    prices: HashMap<String, Vec<f64>>,
}

/// Learns shares and usual prices.
///
/// # Errors
/// Without bookings, or when a booking or a setting is unsound.
pub fn fit(bookings: &[RoomBooking], settings: &RoomSettings) -> Result<RoomModel, RoomFitError> {
    let at_least_0 = |value: f64| value.is_finite() && value >= 0.0;
    let sound = at_least_0(settings.smoothing)
        && settings.smoothing > 0.0
        && at_least_0(settings.price_sensitivity)
        && at_least_0(settings.wish)
        && (0.0..=1.0).contains(&settings.diversity);
    if !sound {
        return Err(RoomFitError::Settings);
    }
    for (row, booking) in bookings.iter().enumerate() {
        if booking.room_type.trim().is_empty() {
            return Err(RoomFitError::NoType { row });
        }
        if booking.price.is_some_and(|price| !at_least_0(price)) {
            return Err(RoomFitError::Price { row });
        }
    }
    if bookings.is_empty() {
        return Err(RoomFitError::NoBookings);
    }
    let mut days: Vec<NaiveDate> = bookings.iter().map(|booking| booking.arrival).collect();
    days.sort_unstable();
    let cut = days.get(((1.0 - JUDGED) * days.len() as f64) as usize).copied();
    let (before, after): (Vec<&RoomBooking>, Vec<&RoomBooking>) =
        bookings.iter().partition(|booking| cut.is_some_and(|cut| booking.arrival < cut));
    let depth = if before.len() >= LEAST_JUDGED && after.len() >= LEAST_JUDGED {
        let judged = RoomModel::count(&before, *settings);
        let found = |depth| -> usize {
            after
                .iter()
                .filter(|booking| {
                    let share = judged.share_at(&booking.stay, &booking.room_type, depth);
                    let ahead = judged
                        .types
                        .iter()
                        .filter(|name| judged.share_at(&booking.stay, name, depth) > share)
                        .count();
                    ahead < LISTED
                })
                .count()
        };
        DEPTHS
            .into_iter()
            .map(|depth| (found(depth), depth))
            .reduce(|best, next| if next.0 > best.0 { next } else { best })
            .map_or(Depth::Party, |(_, depth)| depth)
    } else {
        Depth::Party
    };
    let mut model = RoomModel::count(&bookings.iter().collect::<Vec<_>>(), *settings);
    model.depth = settings.depth.unwrap_or(depth);
    Ok(model)
}

/// Keys of the contexts of a stay, the widest first.
fn keys(stay: &Stay, depth: Depth) -> Vec<String> {
    let party = format!(
        "{}\u{1f}{}\u{1f}{}",
        stay.property,
        stay.adults.min(MOST_HEADS),
        stay.children.min(MOST_HEADS)
    );
    let mut keys = vec![String::new(), format!("{}\u{1f}", stay.property), party.clone()];
    if let Some(segment) = stay.segment.as_ref().filter(|_| depth != Depth::Party) {
        let segment = format!("{party}\u{1f}s{segment}");
        keys.push(segment.clone());
        match depth {
            Depth::Nights => keys.push(format!("{segment}\u{1f}n{}", stay.nights.min(8))),
            Depth::Lead => {
                let band = [3, 14, 60, 180].iter().filter(|end| stay.lead_days > **end).count();
                keys.push(format!("{segment}\u{1f}l{band}"));
            }
            Depth::Party | Depth::Segment => {}
        }
    }
    keys
}

impl RoomModel {
    fn count(bookings: &[&RoomBooking], settings: RoomSettings) -> Self {
        let places: BTreeMap<&str, usize> =
            bookings.iter().map(|booking| (booking.room_type.as_str(), 0)).collect();
        let types: Vec<String> = places.keys().map(|name| (*name).to_owned()).collect();
        let mut counts: HashMap<String, Vec<f64>> = HashMap::new();
        let mut prices: HashMap<String, Vec<f64>> = HashMap::new();
        for booking in bookings {
            let Ok(place) = types.binary_search(&booking.room_type) else { continue };
            let mut all: Vec<String> = DEPTHS.iter().flat_map(|depth| keys(&booking.stay, *depth)).collect();
            all.sort_unstable();
            all.dedup();
            for key in all {
                if let Some(count) =
                    counts.entry(key).or_insert_with(|| vec![0.0; types.len()]).get_mut(place)
                {
                    *count += 1.0;
                }
            }
            if let Some(price) = booking.price.filter(|price| *price > 0.0) {
                for key in keys(&booking.stay, Depth::Party) {
                    prices.entry(key).or_default().push(price);
                }
            }
        }
        for paid in prices.values_mut() {
            paid.sort_by(f64::total_cmp);
        }
        Self { settings, types, counts, depth: Depth::Party, prices }
    }

    /// Contexts that shares are told apart by.
    pub fn depth(&self) -> Depth {
        self.depth
    }

    /// Room types seen, sorted.
    pub fn types(&self) -> &[String] {
        &self.types
    }

    /// Share of a room type among the bookings of such a stay, 0 to 1; above 0 for a type never seen too.
    pub fn share(&self, stay: &Stay, room_type: &str) -> f64 {
        self.share_at(stay, room_type, self.depth)
    }

    /// Share of a room type among all bookings.
    pub fn overall_share(&self, room_type: &str) -> f64 {
        self.shrunk(std::iter::once(String::new()), room_type)
    }

    /// Room types by share, the largest first.
    pub fn ranking(&self, stay: &Stay) -> Vec<(&str, f64)> {
        let mut order: Vec<(&str, f64)> =
            self.types.iter().map(|name| (name.as_str(), self.share(stay, name))).collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
        order
    }

    /// Price of a night at this place among those that such a party paid, 0 the lowest and 1 the highest; of the
    /// house, then of all, where too few such parties booked. `None` without enough prices.
    pub fn price_paid(&self, stay: &Stay, at: f64) -> Option<f64> {
        let paid = keys(stay, Depth::Party)
            .into_iter()
            .rev()
            .find_map(|key| self.prices.get(&key).filter(|paid| paid.len() >= LEAST_PRICES))?;
        paid.get((at.clamp(0.0, 1.0) * (paid.len() - 1) as f64).round() as usize).copied()
    }

    fn share_at(&self, stay: &Stay, room_type: &str, depth: Depth) -> f64 {
        self.shrunk(keys(stay, depth).into_iter(), room_type)
    }

    /// From equal shares inwards, each context counted against the one around it.
    fn shrunk(&self, keys: impl Iterator<Item = String>, room_type: &str) -> f64 {
        let place = self.types.binary_search_by(|name| name.as_str().cmp(room_type)).ok();
        let mut share = 1.0 / (self.types.len() + usize::from(place.is_none())) as f64;
        for key in keys {
            if let Some(counts) = self.counts.get(&key) {
                let seen = place.and_then(|place| counts.get(place)).copied().unwrap_or(0.0);
                let all: f64 = counts.iter().sum();
                share = (seen + self.settings.smoothing * share) / (all + self.settings.smoothing);
            }
        }
        share
    }
}
