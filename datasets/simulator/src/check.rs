//! Ranges of the truth's numbers.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use crate::truth::{Mix, Truth};
use crate::{MAX_LEAD, SimulatorError};

/// Highest price or base price that is believed, in major units; the highest rate a booking may carry is 1e9.
const MAX_PRICE: f64 = 1e8;
/// Longest name, in bytes.
const MAX_NAME: usize = 64;

fn wrong(field: impl Into<String>, reason: impl Into<String>) -> SimulatorError {
    SimulatorError::Truth { field: field.into(), reason: reason.into() }
}

/// NaN is in no range.
fn within(field: &str, value: f64, range: RangeInclusive<f64>) -> Result<(), SimulatorError> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(wrong(field, format!("{value} is not between {} and {}", range.start(), range.end())))
}

fn weights(field: &str, values: &[f64], most: usize) -> Result<(), SimulatorError> {
    if values.is_empty() || values.len() > most {
        return Err(wrong(field, format!("{} weights; 1 to {most} are needed", values.len())));
    }
    for value in values {
        within(field, *value, 0.0..=1e6)?;
    }
    if values.iter().sum::<f64>() <= 0.0 {
        return Err(wrong(field, "the weights are all 0"));
    }
    Ok(())
}

fn mix(field: &str, values: &Mix) -> Result<(), SimulatorError> {
    for key in values.keys() {
        name(field, key)?;
    }
    weights(field, &values.values().copied().collect::<Vec<_>>(), 300)
}

fn name(field: &str, text: &str) -> Result<(), SimulatorError> {
    if text.trim().is_empty() || text.len() > MAX_NAME || text.chars().any(char::is_control) {
        return Err(wrong(field, format!("a name has 1 to {MAX_NAME} bytes and no control characters")));
    }
    Ok(())
}

fn days(field: &str, values: &[u16], most: u16) -> Result<(), SimulatorError> {
    match values.iter().find(|day| **day > most) {
        Some(day) => Err(wrong(field, format!("{day} days are more than {most}"))),
        None => Ok(()),
    }
}

impl Truth {
    /// Checks that every number is in its range and every name is known.
    ///
    /// # Errors
    /// [`SimulatorError::Truth`] with the place of the first that is not.
    pub fn check(&self) -> Result<(), SimulatorError> {
        if self.max_lead == 0 || self.max_lead > MAX_LEAD {
            return Err(wrong("max_lead", format!("{} is not between 1 and {MAX_LEAD}", self.max_lead)));
        }
        within("demand, trend", self.demand.trend, -1.0..=1.0)?;
        within("demand, shock_sd", self.demand.shock_sd, 0.0..=2.0)?;
        within("demand, shock_memory", self.demand.shock_memory, 0.0..=0.999)?;
        within("market, sd", self.market.sd, 0.0..=2.0)?;
        within("market, memory", self.market.memory, 0.0..=0.999)?;
        days("market, seen", &self.market.seen, self.max_lead)?;
        self.check_price()?;
        for competitor in &self.competitors {
            let at = |key: &str| format!("competitor {}, {key}", competitor.name);
            name("competitor, name", &competitor.name)?;
            within(&at("level"), competitor.level, 0.01..=100.0)?;
            within(&at("noise"), competitor.noise, 0.0..=2.0)?;
        }
        self.check_room_types()?;
        self.check_segments()?;
        within("deposit, refundable", self.deposit.refundable, 0.0..=10.0)?;
        within("deposit, non_refundable", self.deposit.non_refundable, 0.0..=10.0)?;
        self.check_events()?;
        within("cleaning, spread", self.cleaning.spread, 0.0..=1.0)?;
        within("cleaning, room_spread", self.cleaning.room_spread, 0.0..=1.0)?;
        within("cleaning, housekeeper_spread", self.cleaning.housekeeper_spread, 0.0..=1.0)?;
        within("cleaning, refused", self.cleaning.refused, 0.0..=1.0)?;
        for service in &self.services {
            let at = |key: &str| format!("service {}, {key}", service.name);
            name("service, name", &service.name)?;
            within(&at("price"), service.price, 0.0..=MAX_PRICE)?;
            self.by_segment(&at("chance"), &service.chance, 1.0)?;
        }
        mix("countries", &self.countries)
    }

    fn check_price(&self) -> Result<(), SimulatorError> {
        let price = &self.price;
        let smallest = 10_f64.powi(-(self.currency.minor_units().min(4) as i32));
        within("price, step", price.step, smallest..=MAX_PRICE)?;
        for ratio in price.months {
            within("price, months", ratio, 0.1..=10.0)?;
        }
        for ratio in price.weekdays {
            within("price, weekdays", ratio, 0.1..=10.0)?;
        }
        within("price, follow_market", price.follow_market, 0.0..=2.0)?;
        within("price, sensitivity", price.sensitivity, 0.0..=5.0)?;
        within("price, target", price.target, 0.0..=1.0)?;
        within("price, floor", price.floor, 0.1..=1.0)?;
        within("price, ceiling", price.ceiling, 1.0..=10.0)?;
        within("price, test_share", price.test_share, 0.0..=1.0)?;
        days("price, reviews", &price.reviews, self.max_lead)?;
        if price.reviews.contains(&0) {
            return Err(wrong("price, reviews", "a price that is set at the end of the night is for nobody"));
        }
        if price.test_levels.len() > 100 || (price.test_share > 0.0 && price.test_levels.is_empty()) {
            return Err(wrong("price, test_levels", "a price test needs 1 to 100 levels"));
        }
        for level in &price.test_levels {
            within("price, test_levels", *level, 0.1..=10.0)?;
        }
        Ok(())
    }

    fn check_room_types(&self) -> Result<(), SimulatorError> {
        weights("room_type, share", &self.room_types.iter().map(|t| t.share).collect::<Vec<_>>(), 64)?;
        let mut seen = BTreeSet::new();
        for room_type in &self.room_types {
            let at = |key: &str| format!("room_type {}, {key}", room_type.name);
            if !seen.insert(&room_type.name) {
                return Err(wrong(at("name"), "stands there twice"));
            }
            within(&at("price"), room_type.price, self.price.step..=MAX_PRICE)?;
            within(&at("demand"), room_type.demand, 0.0..=20.0)?;
            within(&at("elasticity"), room_type.elasticity, 0.0..=10.0)?;
            within(&at("departure_minutes"), room_type.departure_minutes, 1.0..=240.0)?;
            within(&at("stay_over_minutes"), room_type.stay_over_minutes, 1.0..=240.0)?;
        }
        Ok(())
    }

    fn check_segments(&self) -> Result<(), SimulatorError> {
        weights("segment, share", &self.segments.iter().map(|s| s.share).collect::<Vec<_>>(), 16)?;
        let mut seen = BTreeSet::new();
        for segment in &self.segments {
            name("segment, name", &segment.name)?;
            let at = |key: &str| format!("segment {}, {key}", segment.name);
            if !seen.insert(&segment.name) {
                return Err(wrong(at("name"), "stands there twice"));
            }
            for (room_type, lean) in &segment.room_types {
                if !self.room_types.iter().any(|t| t.name.as_str() == room_type) {
                    return Err(wrong(at("room_types"), format!("there is no room type {room_type}")));
                }
                within(&at("room_types"), *lean, 0.0..=1e6)?;
            }
            weights(&at("weekdays"), &segment.weekdays, 7)?;
            weights(&at("months"), &segment.months, 12)?;
            within(&at("lead_median"), segment.lead_median, 0.05..=3650.0)?;
            within(&at("lead_shape"), segment.lead_shape, 0.2..=20.0)?;
            weights(&at("nights"), &segment.nights, 60)?;
            weights(&at("rooms"), &segment.rooms, 50)?;
            within(&at("elasticity"), segment.elasticity, 0.0..=10.0)?;
            within(&at("market_elasticity"), segment.market_elasticity, 0.0..=10.0)?;
            within(&at("cancel_daily"), segment.cancel_daily, 0.0..=1.0)?;
            within(&at("cancel_late"), segment.cancel_late, 0.0..=1000.0)?;
            within(&at("cancel_late_days"), segment.cancel_late_days, 0.01..=3650.0)?;
            within(&at("no_show"), segment.no_show, 0.0..=1.0)?;
            let deposits = segment.deposits;
            weights(&at("deposits"), &[deposits.none, deposits.refundable, deposits.non_refundable], 3)?;
            mix(&at("channels"), &segment.channels)?;
            mix(&at("payments"), &segment.payments)?;
            weights(&at("adults"), &segment.adults, 10)?;
            within(&at("children"), segment.children, 0.0..=10.0)?;
            within(&at("special_requests"), segment.special_requests, 0.0..=10.0)?;
            within(&at("changes"), segment.changes, 0.0..=10.0)?;
            within(&at("parking"), segment.parking, 0.0..=1.0)?;
            let repeat = segment.repeat;
            within(&at("repeat, r"), repeat.r, 0.01..=1000.0)?;
            within(&at("repeat, alpha"), repeat.alpha, 0.01..=1e6)?;
            within(&at("repeat, a"), repeat.a, 0.01..=1000.0)?;
            within(&at("repeat, b"), repeat.b, 0.01..=1000.0)?;
        }
        for room_type in &self.room_types {
            let lean = |s: &crate::truth::Segment| {
                s.share * s.room_types.get(room_type.name.as_str()).copied().unwrap_or(1.0)
            };
            if self.segments.iter().map(lean).sum::<f64>() <= 0.0 {
                return Err(wrong(format!("room_type {}", room_type.name), "no segment asks for it"));
            }
        }
        Ok(())
    }

    fn check_events(&self) -> Result<(), SimulatorError> {
        for event in &self.events {
            name("event, name", &event.name)?;
            name("event, kind", &event.kind)?;
            let at = |key: &str| format!("event {}, {key}", event.name);
            within(&at("days"), f64::from(event.days), 1.0..=60.0)?;
            if let Some(text) = &event.yearly
                && crate::calendar::month_and_day(text).is_none()
            {
                return Err(wrong(at("yearly"), format!("{text:?} is not a month and a day, MM-DD")));
            }
            if event.yearly.is_some() != event.starts.is_empty() {
                return Err(wrong(at("yearly"), "either `yearly` or `starts` says when it begins"));
            }
            self.by_segment(&at("demand"), &event.demand, 20.0)?;
        }
        within("fairs, per_year", self.fairs.per_year, 0.0..=100.0)?;
        within("fairs, days", f64::from(self.fairs.days), 1.0..=60.0)?;
        self.by_segment("fairs, demand", &self.fairs.demand, 20.0)
    }

    fn by_segment(&self, field: &str, values: &Mix, most: f64) -> Result<(), SimulatorError> {
        for (segment, value) in values {
            if !self.segments.iter().any(|s| &s.name == segment) {
                return Err(wrong(field, format!("there is no segment {segment}")));
            }
            within(field, *value, 0.0..=most)?;
        }
        Ok(())
    }
}
