//! A set of rules that can be kept.

use std::collections::HashMap;

use innkeeper_hotel::{Currency, RoomTypeName};
use rust_decimal::Decimal;
use serde::Serialize;

use super::cell::{Cell, CellError};
use super::domain::{Domain, share_down, share_up, within_change};
use super::order::Edge;
use super::rule::{Asked, Fault, Reach, Refusal, Rule, RuleId, WHOLE, price_in_minor};
use super::{Action, Effect, MOST_DAYS, MOST_PRICE, MOST_RULES, clash};

/// Why rules are no set that a price could keep.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// More rules than a set may have.
    #[error("{0} rules are more than {MOST_RULES}")]
    TooMany(usize),
    /// An identifier that comes twice.
    #[error("two rules are called {0}")]
    DuplicateId(RuleId),
    /// A room type that the hotel does not have.
    #[error("{rule}: {room_type} is no room type of the hotel")]
    UnknownRoomType {
        /// The rule.
        rule: RuleId,
        /// What it names.
        room_type: RoomTypeName,
    },
    /// A rule that is wrong on its own.
    #[error("{rule}: {fault}")]
    Invalid {
        /// The rule.
        rule: RuleId,
        /// What is wrong.
        fault: Fault,
    },
    /// Orders of room types that go round in a circle on some night. Orders of 0 percent are refused as well: all they leave
    /// is one price for all, which nobody asks for in this way.
    #[error("{why}")]
    Circle {
        /// The orders of the circle.
        rules: Vec<RuleId>,
        /// The same in words.
        why: String,
    },
    /// Two rules that no price keeps on some night. None of the rules can be left out of the contradiction.
    #[error("{why}")]
    Clash {
        /// The rule that holds a price up, or the first of two that ask for different prices.
        first: RuleId,
        /// The rule that holds it down.
        second: RuleId,
        /// Rules through which the two meet, such as orders of room types and price endings. Empty where the two alone clash.
        with: Vec<RuleId>,
        /// The same in words, with a night and room type.
        why: String,
    },
}

impl RuleError {
    /// The rules that are to blame.
    pub fn rules(&self) -> Vec<&RuleId> {
        match self {
            Self::TooMany(_) => Vec::new(),
            Self::DuplicateId(rule) | Self::UnknownRoomType { rule, .. } | Self::Invalid { rule, .. } => {
                vec![rule]
            }
            Self::Circle { rules, .. } => rules.iter().collect(),
            Self::Clash { first, second, with, .. } => [first, second].into_iter().chain(with).collect(),
        }
    }
}

/// The least number of nights of stays that begin on a night.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MinimumStay {
    /// Nights, 1 or more.
    pub nights: u32,
    /// The rule that asks for it.
    pub rule: RuleId,
}

/// Rules that leave a price for every room type on every night, as far as rules alone decide it.
#[derive(Debug, Clone)]
pub struct RuleSet {
    pub(super) rules: Vec<Rule>,
    pub(super) read: Vec<(Reach, Asked)>,
    pub(super) currency: Currency,
    positions: HashMap<RoomTypeName, usize>,
    pub(super) room_types: Vec<RoomTypeName>,
}

impl RuleSet {
    /// Reads the rules and refuses those that contradict each other on some night: exactly, over all dates, weekdays and room
    /// types, with each kind of event taken to be possible on each night and together with each other.
    ///
    /// # Errors
    /// [`RuleError`] for a rule that is wrong on its own, and for the rules that contradict each other: two where two do, and
    /// otherwise a set of which none can be left out.
    pub fn new(rules: Vec<Rule>, currency: Currency, room_types: &[RoomTypeName]) -> Result<Self, RuleError> {
        if rules.len() > MOST_RULES {
            return Err(RuleError::TooMany(rules.len()));
        }
        let mut names: Vec<RoomTypeName> = Vec::with_capacity(room_types.len());
        let mut positions = HashMap::new();
        for name in room_types {
            if !positions.contains_key(name) {
                positions.insert(name.clone(), names.len());
                names.push(name.clone());
            }
        }
        let mut seen: Vec<&RuleId> = Vec::with_capacity(rules.len());
        let mut read = Vec::with_capacity(rules.len());
        for rule in &rules {
            if seen.contains(&&rule.id) {
                return Err(RuleError::DuplicateId(rule.id.clone()));
            }
            seen.push(&rule.id);
            let find = |name: &RoomTypeName| positions.get(name).copied();
            read.push(rule.read(currency, names.len(), &find).map_err(|refusal| match refusal {
                Refusal::Fault(fault) => RuleError::Invalid { rule: rule.id.clone(), fault },
                Refusal::UnknownRoomType(room_type) => {
                    RuleError::UnknownRoomType { rule: rule.id.clone(), room_type }
                }
            })?);
        }
        let set = Self { rules, read, currency, positions, room_types: names };
        clash::refuse(&set)?;
        Ok(set)
    }

    /// The rules, in the order in which they came.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The currency of their prices.
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// The least number of nights of stays that begin in this cell; the longest of those asked for.
    pub fn minimum_stay(&self, cell: &Cell) -> Option<MinimumStay> {
        let position = self.positions.get(&cell.room_type)?;
        let asked = self.read.iter().zip(&self.rules).filter_map(|((reach, asked), rule)| match asked {
            Asked::MinimumStay(nights)
                if reach.holds_for(*position) && reach.holds_on(cell.night, &cell.event_kinds) =>
            {
                Some((*nights, rule))
            }
            _ => None,
        });
        asked
            .reduce(|longest, next| if next.0 > longest.0 { next } else { longest })
            .map(|(nights, rule)| MinimumStay { nights, rule: rule.id.clone() })
    }

    /// Highest price in minor units.
    pub(super) fn most(&self) -> i64 {
        10_i64.saturating_pow(self.currency.minor_units()).saturating_mul(MOST_PRICE)
    }

    /// An amount of minor units as a price.
    pub(super) fn price(&self, minor: i64) -> Decimal {
        Decimal::new(minor, self.currency.minor_units())
    }

    /// A price that came in, in minor units.
    pub(super) fn minor(&self, what: &'static str, price: Decimal) -> Result<i64, CellError> {
        price_in_minor(price, self.currency).map_err(|why| CellError::Price { what, why })
    }

    pub(super) fn position(&self, room_type: &RoomTypeName) -> Result<usize, CellError> {
        self.positions.get(room_type).copied().ok_or_else(|| CellError::UnknownRoomType(room_type.clone()))
    }

    pub(super) fn id(&self, rule: usize) -> RuleId {
        self.rules[rule].id.clone()
    }

    pub(super) fn effect(&self, rule: usize, action: Action) -> Effect {
        Effect { rule: self.id(rule), action, words: self.rules[rule].kind.sentence(action) }
    }

    /// The prices that endings, floors, ceilings and fixed prices of these rules leave to a room type.
    pub(super) fn fixed_domain(&self, room_type: usize, rules: &[usize]) -> Domain {
        let mut domain = Domain::whole(self.most());
        // Endings come first: they count on a range that nothing else has narrowed.
        for fixed in [false, true] {
            for &rule in rules {
                let (reach, asked) = &self.read[rule];
                if !reach.holds_for(room_type) {
                    continue;
                }
                match *asked {
                    Asked::Ending { step, offset } if !fixed => domain.end_in(step, offset, rule),
                    Asked::Floor(price) if fixed => domain.raise(price, rule),
                    Asked::Ceiling(price) if fixed => domain.lower(price, rule),
                    Asked::Fixed(price) if fixed => domain.pin(price, rule),
                    _ => {}
                }
            }
        }
        domain
    }

    /// The prices that all rules of one cell leave, orders apart, and the price on sale.
    pub(super) fn domain(&self, cell: &Cell) -> Result<(Domain, Option<i64>), CellError> {
        let position = self.position(&cell.room_type)?;
        let on_sale = match &cell.on_sale {
            Some(sale) => {
                let price = self.minor("price on sale", sale.price)?;
                let start =
                    sale.at_start_of_day.map(|start| self.minor("price at the start of the day", start));
                Some((price, start.transpose()?, sale.days.clamp(1, MOST_DAYS)))
            }
            None => None,
        };
        let own = cell.channels.iter().map(|own| self.minor("price of a channel", own.price));
        let own: Vec<i64> = own.collect::<Result<_, _>>()?;
        let holding: Vec<usize> = (0..self.read.len())
            .filter(|rule| {
                let reach = &self.read[*rule].0;
                reach.holds_for(position) && reach.holds_on(cell.night, &cell.event_kinds)
            })
            .collect();
        let mut domain = self.fixed_domain(position, &holding);
        for rule in holding {
            match &self.read[rule].1 {
                Asked::Freeze => match on_sale {
                    Some((price, ..)) => domain.pin(price, rule),
                    None => domain.impossible_by = Some(rule),
                },
                Asked::MaxChange(percent) => {
                    if let Some((price, start, days)) = on_sale {
                        let days = if start.is_some() { 1 } else { days };
                        let (low, high) = within_change(start.unwrap_or(price), *percent, days);
                        domain.raise(low, rule);
                        domain.lower(high, rule);
                    }
                }
                Asked::Parity { channels, tolerance } => {
                    for (theirs, price) in cell.channels.iter().zip(&own) {
                        if channels.contains(&theirs.channel) {
                            domain.raise(share_up(*price, WHOLE, WHOLE + tolerance), rule);
                            domain.lower(share_down(*price, WHOLE, WHOLE - tolerance), rule);
                        }
                    }
                }
                _ => {}
            }
        }
        Ok((domain, on_sale.map(|(price, ..)| price)))
    }

    /// The orders that hold between the cells of one night.
    pub(super) fn edges(&self, night: &[&Cell]) -> Vec<Edge> {
        let place = |room_type: usize| {
            night.iter().position(|cell| self.positions.get(&cell.room_type) == Some(&room_type))
        };
        let mut edges = Vec::new();
        for (rule, (reach, asked)) in self.read.iter().enumerate() {
            if let Asked::Order { lower, higher, percent } = *asked
                && let (Some(lower), Some(higher)) = (place(lower), place(higher))
                && [lower, higher]
                    .iter()
                    .all(|cell| reach.holds_on(night[*cell].night, &night[*cell].event_kinds))
            {
                edges.push(Edge { lower, higher, percent, rule });
            }
        }
        edges
    }
}
