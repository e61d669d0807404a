//! Whether prices keep the rules, computed from the rules as they were written and from nothing that finds prices.

use std::collections::HashMap;

use chrono::{Datelike, NaiveDate};
use innkeeper_hotel::RoomTypeName;
use rust_decimal::Decimal;
use serde::Serialize;

use super::MOST_DAYS;
use super::cell::Cell;
use super::rule::{Rule, RuleId, RuleKind, price_in_minor};
use super::set::RuleSet;

/// A cell with the price that is to go on sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Priced {
    /// Which night and room type.
    pub cell: Cell,
    /// The price; `None` leaves what is on sale, which no rule is held against except beside a price that changes.
    pub price: Option<Decimal>,
}

/// A rule that a price breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// The night.
    pub night: NaiveDate,
    /// The room type whose price breaks it; for an order, the dearer one.
    pub room_type: RoomTypeName,
    /// The rule; `None` where the price is none, or the room type or price on sale is not known as one.
    pub rule: Option<RuleId>,
    /// What is wrong, in words.
    pub why: String,
}

/// A percentage as a share of one, in exact decimals.
fn hundredth(percent: Decimal) -> Decimal {
    percent * Decimal::new(1, 2)
}

impl Rule {
    fn covers(&self, cell: &Cell) -> bool {
        let scope = &self.scope;
        scope.room_types.as_ref().is_none_or(|names| names.contains(&cell.room_type))
            && scope.from.is_none_or(|from| cell.night >= from)
            && scope.until.is_none_or(|until| cell.night <= until)
            && scope.weekdays.as_ref().is_none_or(|days| days.contains(&cell.night.weekday()))
            && scope
                .event_kinds
                .as_ref()
                .is_none_or(|kinds| cell.event_kinds.iter().any(|kind| kinds.contains(kind)))
    }

    /// What is wrong with this price of a cell that the rule covers.
    fn complaint(&self, cell: &Cell, price: Decimal) -> Option<String> {
        let name = || self.kind.name();
        match &self.kind {
            RuleKind::Floor { price: floor } if price < *floor => {
                Some(format!("{price} is below {}", name()))
            }
            RuleKind::Ceiling { price: ceiling } if price > *ceiling => {
                Some(format!("{price} is above {}", name()))
            }
            RuleKind::FixedPrice { price: fixed } if price != *fixed => {
                Some(format!("{price} is not {}", name()))
            }
            RuleKind::MaxChangePerDay { percent } => {
                let sale = cell.on_sale.as_ref()?;
                let (start, days) = match sale.at_start_of_day {
                    Some(start) => (start, 1),
                    None => (sale.price, sale.days.clamp(1, MOST_DAYS)),
                };
                ((price - start).abs() > start * Decimal::from(days) * hundredth(*percent))
                    .then(|| format!("from {start} to {price} is more than {} allows", name()))
            }
            RuleKind::PriceEnding { step, offset } if !((price - offset) % step).is_zero() => {
                Some(format!("{price} breaks {}", name()))
            }
            RuleKind::RateParity { channels, tolerance_percent } => {
                let away =
                    cell.channels.iter().filter(|own| channels.contains(&own.channel)).find(|own| {
                        own.price <= Decimal::ZERO
                            || own.price > Decimal::from(super::MOST_PRICE)
                            || (own.price - price).abs() > price * hundredth(*tolerance_percent)
                    })?;
                Some(format!("{} sells at {} beside {price} and breaks {}", away.channel, away.price, name()))
            }
            RuleKind::Freeze {} if cell.on_sale.is_none_or(|sale| sale.price != price) => {
                Some(format!("{price} is not the price on sale, in spite of {}", name()))
            }
            _ => None,
        }
    }
}

impl RuleSet {
    /// The rules that a schedule breaks: none for what [`Self::settle`] answers, and those that a price set by hand or by a
    /// channel breaks. Orders of room types are looked at between the cells of one night that are given, so an override is
    /// checked together with the other room types of its night. Never fails: what is no price is reported as such.
    pub fn broken(&self, schedule: &[Priced]) -> Vec<Broken> {
        let mut broken = Vec::new();
        let mut nights: HashMap<(NaiveDate, &RoomTypeName), &Priced> = HashMap::new();
        for priced in schedule {
            let cell = &priced.cell;
            let mut report = |rule: Option<&Rule>, why: String| {
                let rule = rule.map(|rule| rule.id.clone());
                broken.push(Broken { night: cell.night, room_type: cell.room_type.clone(), rule, why });
            };
            if !self.room_types.contains(&cell.room_type) {
                report(None, format!("{} is no room type of the hotel", cell.room_type));
                continue;
            }
            let sale = cell.on_sale.iter().flat_map(|sale| [Some(sale.price), sale.at_start_of_day]);
            let amounts = sale.flatten().chain(priced.price);
            if let Some(why) = amounts.map(|price| price_in_minor(price, self.currency)).find_map(Result::err)
            {
                report(None, why.to_string());
                continue;
            }
            if nights.insert((cell.night, &cell.room_type), priced).is_some() {
                report(None, format!("{} comes twice on {}", cell.room_type, cell.night));
            }
            let Some(price) = priced.price else { continue };
            for rule in self.rules.iter().filter(|rule| rule.covers(cell)) {
                if let Some(why) = rule.complaint(cell, price) {
                    report(Some(rule), why);
                }
            }
        }
        let orders = self.rules.iter().filter_map(|rule| match &rule.kind {
            RuleKind::Order { lower, higher, at_least_percent } => {
                Some((rule, lower, higher, at_least_percent))
            }
            _ => None,
        });
        for (rule, lower, higher, percent) in orders {
            for above in schedule.iter().filter(|priced| priced.cell.room_type == *higher) {
                let Some(below) = nights.get(&(above.cell.night, lower)) else { continue };
                let untouched = above.price.is_none() && below.price.is_none();
                if untouched || !rule.covers(&above.cell) || !rule.covers(&below.cell) {
                    continue;
                }
                let held = |priced: &Priced| priced.price.or(priced.cell.on_sale.map(|sale| sale.price));
                let (Some(low), Some(high)) = (held(below), held(above)) else { continue };
                let too_low = high <= Decimal::ZERO
                    || low.checked_mul(Decimal::ONE + hundredth(*percent)).is_none_or(|least| high < least);
                if too_low {
                    broken.push(Broken {
                        night: above.cell.night,
                        room_type: higher.clone(),
                        rule: Some(rule.id.clone()),
                        why: format!(
                            "{higher} at {high} beside {lower} at {low} breaks {}",
                            rule.kind.name()
                        ),
                    });
                }
            }
        }
        broken
    }
}
