//! From shares and free rooms to a list.

use serde::{Deserialize, Serialize};

use super::shares::{RoomModel, Stay};
use crate::regression::dot;

/// What the guest may spend on a night.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Budget {
    /// No more than the lower third of what such parties paid.
    Low,
    /// No more than the upper third begins with.
    Middle,
    /// Whatever it costs: prices do not count.
    High,
    /// No more than this; finite, at least 0.
    AtMost {
        /// Price of a night.
        night: f64,
    },
}

/// A room as it stands for the dates asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoomOffer {
    /// Its number.
    pub room: String,
    /// Its type, in the words of the bookings.
    pub room_type: String,
    /// Heads it sleeps.
    pub capacity: u32,
    /// Free on every night of the stay.
    pub available: bool,
    /// Price of a night; finite, at least 0, `None` when not known.
    pub price: Option<f64>,
    /// What it has ("ocean"), compared without case.
    pub features: Vec<String>,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct RoomRequest<'a> {
    /// The stay.
    pub stay: &'a Stay,
    /// What may be spent.
    pub budget: Option<Budget>,
    /// Features wished for.
    pub wishes: &'a [String],
    /// Entries wanted.
    pub k: usize,
}

/// What speaks for a room.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum RoomReason {
    /// Such guests book this type more than others do.
    UsualForSuchStays {
        /// Share of the type among such stays, 0 to 1.
        share: f64,
    },
    /// The type is booked more than the mean type.
    Popular {
        /// Share of the type among all bookings, 0 to 1.
        share: f64,
    },
    /// It has what was wished for.
    HasWish {
        /// The wish.
        wish: String,
    },
    /// It costs less than such parties usually pay.
    BelowUsualPrice {
        /// What they usually pay for a night.
        usual: f64,
    },
    /// It fits the party and the dates; nothing else speaks for it.
    Fits,
}

/// A reason and its part in the utility.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoomEvidence {
    /// What speaks for the room.
    pub reason: RoomReason,
    /// Log-odds, above 0.
    pub utility: f64,
}

/// An entry of the list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoomRecommendation {
    /// The room's number.
    pub room: String,
    /// Its type.
    pub room_type: String,
    /// Share of the room among the rooms that fit, by utility, 0 to 1. Not a probability of booking.
    pub score: f64,
    /// Share of its type among the bookings of such stays, 0 to 1.
    pub type_share: f64,
    /// The largest contribution.
    pub reason: RoomReason,
    /// All contributions above 0, the largest first.
    pub evidence: Vec<RoomEvidence>,
    /// Price of a night x nights; `None` without a price or without a night.
    pub estimated_revenue: Option<f64>,
}

/// Rooms that were not considered, by the first reason that applied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Not free on every night.
    pub not_available: usize,
    /// Too small for the party.
    pub too_small: usize,
    /// Above the budget.
    pub over_budget: usize,
    /// Without a price, so that the budget cannot be kept.
    pub price_unknown: usize,
}

/// The list and what is not on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoomAnswer {
    /// The best first.
    pub recommendations: Vec<RoomRecommendation>,
    /// Rooms that do not fit.
    pub left_out: LeftOut,
    /// The highest price of a night that the budget allowed; `None` without a limit.
    pub limit: Option<f64>,
}

/// Why there is no list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RoomRequestError {
    /// Nobody comes.
    #[error("a stay needs at least one adult")]
    NoParty,
    /// No night.
    #[error("a stay needs at least one night")]
    NoNight,
    /// The budget is not a finite number of at least 0.
    #[error("the budget is not a finite number of at least 0")]
    Budget,
    /// A low or middle budget means nothing without prices paid before.
    #[error("too few prices were paid before to tell what a low or middle budget is")]
    NoPrices,
    /// An offer's price is not a finite number of at least 0.
    #[error("offer {offer}: the price is not a finite number of at least 0")]
    Price {
        /// Place in the offers, from 0.
        offer: usize,
    },
}

impl RoomModel {
    /// Rooms for a stay. Further rooms of a type already on the list are put off by the setting's diversity.
    ///
    /// # Errors
    /// Without a party or a night, with an unsound budget or price, or when a budget in words has no prices to
    /// stand on.
    pub fn recommend(
        &self,
        request: &RoomRequest<'_>,
        offers: &[RoomOffer],
    ) -> Result<RoomAnswer, RoomRequestError> {
        let stay = request.stay;
        if stay.adults == 0 {
            return Err(RoomRequestError::NoParty);
        }
        if stay.nights == 0 {
            return Err(RoomRequestError::NoNight);
        }
        for (offer, room) in offers.iter().enumerate() {
            if room.price.is_some_and(|price| !price.is_finite() || price < 0.0) {
                return Err(RoomRequestError::Price { offer });
            }
        }
        let limit = self.limit(request)?;
        let usual = self.price_paid(stay, 0.5).filter(|_| request.budget != Some(Budget::High));
        let heads = stay.adults.saturating_add(stay.children);
        let mut left_out = LeftOut::default();
        let mut entries: Vec<(f64, RoomRecommendation)> = Vec::new();
        for offer in offers {
            if !offer.available {
                left_out.not_available += 1;
            } else if offer.capacity < heads {
                left_out.too_small += 1;
            } else if limit.is_some() && offer.price.is_none() {
                left_out.price_unknown += 1;
            } else if offer.price.zip(limit).is_some_and(|(price, limit)| price > limit) {
                left_out.over_budget += 1;
            } else {
                entries.push(self.entry(request, usual, offer));
            }
        }
        let top = entries.iter().map(|(utility, _)| *utility).fold(f64::NEG_INFINITY, f64::max);
        let masses: Vec<f64> = entries.iter().map(|(utility, _)| (utility - top).exp()).collect();
        let total = dot(&masses, &vec![1.0; masses.len()]);
        for ((_, entry), mass) in entries.iter_mut().zip(masses) {
            entry.score = mass / total;
        }
        entries.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.room.cmp(&b.1.room)));
        Ok(RoomAnswer { recommendations: self.spread(entries, request.k), left_out, limit })
    }

    fn limit(&self, request: &RoomRequest<'_>) -> Result<Option<f64>, RoomRequestError> {
        let paid = |at| self.price_paid(request.stay, at).ok_or(RoomRequestError::NoPrices).map(Some);
        match request.budget {
            None | Some(Budget::High) => Ok(None),
            Some(Budget::Low) => paid(1.0 / 3.0),
            Some(Budget::Middle) => paid(2.0 / 3.0),
            Some(Budget::AtMost { night }) if night.is_finite() && night >= 0.0 => Ok(Some(night)),
            Some(Budget::AtMost { .. }) => Err(RoomRequestError::Budget),
        }
    }

    /// The utility of a room and what it is made of; the score is filled in when all are known.
    fn entry(
        &self,
        request: &RoomRequest<'_>,
        usual: Option<f64>,
        offer: &RoomOffer,
    ) -> (f64, RoomRecommendation) {
        let settings = self.settings;
        let type_share = self.share(request.stay, &offer.room_type);
        let overall = self.overall_share(&offer.room_type);
        let mean = 1.0 / self.types().len().max(1) as f64;
        let mut parts = vec![
            (RoomReason::UsualForSuchStays { share: type_share }, (type_share / overall).ln()),
            (RoomReason::Popular { share: overall }, (overall / mean).ln()),
        ];
        // A price of 0 has no logarithm; a hundredth of the usual is as good as a gift.
        if let (Some(price), Some(usual)) = (offer.price, usual) {
            let fall = -settings.price_sensitivity * (price.max(usual / 100.0) / usual).ln();
            parts.push((RoomReason::BelowUsualPrice { usual }, fall));
        }
        for (place, wish) in request.wishes.iter().enumerate() {
            let wanted = wish.trim().to_lowercase();
            let again = request.wishes.iter().take(place).any(|other| other.trim().to_lowercase() == wanted);
            if !again && offer.features.iter().any(|feature| feature.trim().to_lowercase() == wanted) {
                parts.push((RoomReason::HasWish { wish: wish.clone() }, settings.wish));
            }
        }
        let utility = parts.iter().map(|(_, part)| part).sum();
        let mut evidence: Vec<RoomEvidence> = parts
            .into_iter()
            .filter(|(_, part)| *part > 0.0)
            .map(|(reason, utility)| RoomEvidence { reason, utility })
            .collect();
        evidence.sort_by(|a, b| b.utility.total_cmp(&a.utility));
        let entry = RoomRecommendation {
            room: offer.room.clone(),
            room_type: offer.room_type.clone(),
            score: 0.0,
            type_share,
            reason: evidence.first().map_or(RoomReason::Fits, |strongest| strongest.reason.clone()),
            evidence,
            estimated_revenue: offer
                .price
                .map(|price| price * f64::from(request.stay.nights))
                .filter(|revenue| revenue.is_finite()),
        };
        (utility, entry)
    }

    /// Takes the best again and again, a type losing with every room of it that is on the list.
    fn spread(&self, entries: Vec<(f64, RoomRecommendation)>, k: usize) -> Vec<RoomRecommendation> {
        let mut shown = std::collections::HashMap::<String, f64>::new();
        let mut left = entries;
        let mut list = Vec::new();
        while list.len() < k {
            let worth = |(utility, entry): &(f64, RoomRecommendation)| {
                let same = shown.get(&entry.room_type).copied().unwrap_or(0.0);
                utility - 4.0 * self.settings.diversity * same
            };
            let best = left
                .iter()
                .enumerate()
                .map(|(place, entry)| (worth(entry), place))
                .reduce(|best, next| if next.0 > best.0 { next } else { best });
            let Some((_, place)) = best else { break };
            let (_, entry) = left.remove(place);
            *shown.entry(entry.room_type.clone()).or_default() += 1.0;
            list.push(entry);
        }
        list
    }
}
