//! A rule as a hotel writes it, and as numbers.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, NaiveDate, Weekday};
use innkeeper_hotel::{Currency, MAX_NIGHTS, RoomTypeName};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Deserializer, Serialize, de};

use super::{MOST_PERCENT, MOST_PRICE};

/// Longest identifier of a rule, in bytes.
const LONGEST_ID: usize = 64;
/// Longest note, kind of event or name of a channel, in bytes.
const LONGEST_TEXT: usize = 512;
/// One, in the ten-thousandths of a percent that percentages are counted in.
pub(super) const WHOLE: i64 = 1_000_000;

/// Why a text names no rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the id of a rule has 1 to {LONGEST_ID} bytes and no control characters")]
pub struct RuleIdError;

/// What a hotel calls a rule: 1 to 64 bytes without control characters and without white space at its ends.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RuleId(String);

impl RuleId {
    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RuleId {
    type Err = RuleIdError;
    fn from_str(text: &str) -> Result<Self, RuleIdError> {
        let text = text.trim();
        if text.is_empty() || text.len() > LONGEST_ID || text.chars().any(char::is_control) {
            return Err(RuleIdError);
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for RuleId {
    type Error = RuleIdError;
    fn try_from(text: String) -> Result<Self, RuleIdError> {
        text.parse()
    }
}

impl From<RuleId> for String {
    fn from(id: RuleId) -> String {
        id.0
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a rule holds: on each night and room type that every part which is given names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// Room types; without it, all. An order of room types names its own and takes none here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room_types: Option<Vec<RoomTypeName>>,
    /// First night.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<NaiveDate>,
    /// Last night, itself included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<NaiveDate>,
    /// Weekdays on which the night begins (the night to Sunday is `Sat`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weekdays: Option<Vec<Weekday>>,
    /// Kinds of events; the rule holds on nights with at least one of them. Two kinds may fall on one night.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_kinds: Option<Vec<String>>,
}

/// What a rule asks. Prices are per room and night, in major units of the hotel's currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum RuleKind {
    /// No price below.
    Floor {
        /// Lowest price, above 0.
        price: Decimal,
    },
    /// No price above.
    Ceiling {
        /// Highest price, above 0.
        price: Decimal,
    },
    /// This price and no other.
    FixedPrice {
        /// The price, above 0.
        price: Decimal,
    },
    /// The price differs from the one on sale by at most this share of it for each day since that one was set, one day at
    /// least. It does not bind where nothing is on sale.
    MaxChangePerDay {
        /// Above 0, to 1000; a change of 0 is a freeze.
        percent: Decimal,
    },
    /// Prices are `offset` plus a multiple of `step`: step 10 and offset 9 for prices that end in 9, step 1 and offset 0.99 for
    /// prices that end in .99, step 50000 for multiples of 50,000.
    PriceEnding {
        /// Above 0.
        step: Decimal,
        /// From 0 to below `step`.
        #[serde(default)]
        offset: Decimal,
    },
    /// On each night the price of `higher` is at least that of `lower` and so much more.
    Order {
        /// The cheaper room type.
        lower: RoomTypeName,
        /// The dearer room type.
        higher: RoomTypeName,
        /// Share of the price of `lower`, 0 to 1000.
        #[serde(default)]
        at_least_percent: Decimal,
    },
    /// Stays that begin on the night have at least so many nights. The longest one counts where several hold.
    MinimumStay {
        /// 1 to the longest stay that a booking may have.
        nights: u32,
    },
    /// The public sees one price: where a channel keeps a price of its own, that one differs from the answer by at most this
    /// share of the answer. Channels without a price of their own sell at the answer.
    RateParity {
        /// Names of channels.
        channels: Vec<String>,
        /// 0 to below 100.
        #[serde(default)]
        tolerance_percent: Decimal,
    },
    /// The price on sale stays. Where nothing is on sale there is nothing to keep, and no price is answered.
    Freeze {},
}

/// A rule of a hotel: where it holds and what it asks.
///
/// As JSON it is one flat object: `{"id": "weekend", "scope": {"weekdays": ["Fri", "Sat"]}, "kind": "floor", "price": 900000}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// What the hotel calls it.
    pub id: RuleId,
    /// Why it is there, in the hotel's words; at most 512 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Where it holds.
    pub scope: Scope,
    /// What it asks.
    #[serde(flatten)]
    pub kind: RuleKind,
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A flattened enum would take any field that nobody knows; what is left of the map goes to the kind, which refuses it.
        let mut fields = serde_json::Map::deserialize(deserializer)?;
        let id = fields.remove("id").ok_or_else(|| de::Error::missing_field("id"))?;
        let note = fields.remove("note").unwrap_or_default();
        let scope = fields.remove("scope").map_or_else(|| Ok(Scope::default()), serde_json::from_value);
        Ok(Self {
            id: serde_json::from_value(id).map_err(de::Error::custom)?,
            note: serde_json::from_value(note).map_err(de::Error::custom)?,
            scope: scope.map_err(de::Error::custom)?,
            kind: serde_json::from_value(fields.into()).map_err(de::Error::custom)?,
        })
    }
}

/// Why an amount is no price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// Zero or less.
    #[error("{0} is not above 0")]
    NotAboveZero(Decimal),
    /// Above [`MOST_PRICE`].
    #[error("{0} is above {MOST_PRICE}")]
    TooHigh(Decimal),
    /// More decimals than the currency has minor units.
    #[error("{0} has more than {1} decimals")]
    TooFine(Decimal, u32),
}

/// What is wrong with one rule on its own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// An amount that is no price.
    #[error("{0}: {1}")]
    Price(&'static str, PriceError),
    /// An offset outside 0 to below the step.
    #[error("offset: {offset} is not from 0 to below {step}, with at most {decimals} decimals")]
    Offset {
        /// The offset.
        offset: Decimal,
        /// The step.
        step: Decimal,
        /// Minor units of the currency.
        decimals: u32,
    },
    /// A percentage outside its range or with more than four decimals.
    #[error("{field}: {percent} is not {range}, with at most 4 decimals")]
    Percent {
        /// The field.
        field: &'static str,
        /// Its value.
        percent: Decimal,
        /// What is allowed.
        range: &'static str,
    },
    /// A list that names nothing, and so would hold nowhere.
    #[error("{0}: the list is empty; leave it out to mean all")]
    EmptyList(&'static str),
    /// A text that is empty or too long.
    #[error("{0}: a text has 1 to {LONGEST_TEXT} bytes and no control characters")]
    Text(&'static str),
    /// The last night is before the first.
    #[error("until: {until} is before {from}")]
    Backwards {
        /// First night.
        from: NaiveDate,
        /// Last night.
        until: NaiveDate,
    },
    /// The dates hold none of the weekdays.
    #[error("no night from `from` to `until` begins on one of the weekdays")]
    NoNight,
    /// An order of a room type over itself.
    #[error("an order has two room types")]
    SameRoomType,
    /// An order with room types in its scope.
    #[error("scope.room_types: an order names its room types itself")]
    OrderScope,
    /// A stay of no night, or longer than any booking.
    #[error("nights: {0} is not from 1 to {MAX_NIGHTS}")]
    Nights(u32),
}

/// The price in minor units, 1 or more.
pub(super) fn price_in_minor(price: Decimal, currency: Currency) -> Result<i64, PriceError> {
    if price <= Decimal::ZERO {
        return Err(PriceError::NotAboveZero(price));
    }
    if price > Decimal::from(MOST_PRICE) {
        return Err(PriceError::TooHigh(price));
    }
    in_minor(price, currency).ok_or(PriceError::TooFine(price, currency.minor_units()))
}

/// An amount of at most [`MOST_PRICE`] in minor units, where it has no finer decimals.
fn in_minor(amount: Decimal, currency: Currency) -> Option<i64> {
    let fits = amount.scale() <= currency.minor_units();
    let amount = if fits { amount } else { amount.normalize() };
    let more = currency.minor_units().checked_sub(amount.scale())?;
    amount.mantissa().checked_mul(10_i128.checked_pow(more)?)?.try_into().ok()
}

/// A percentage in ten-thousandths, where it lies in `least..=most` of them.
fn in_ten_thousandths(
    field: &'static str,
    percent: Decimal,
    least: i64,
    most: i64,
    range: &'static str,
) -> Result<i64, Fault> {
    let fault = Fault::Percent { field, percent, range };
    let Some(scaled) = percent.checked_mul(Decimal::from(10_000)) else { return Err(fault) };
    match scaled.to_i64() {
        Some(whole) if scaled.is_integer() && (least..=most).contains(&whole) => Ok(whole),
        _ => Err(fault),
    }
}

fn text(field: &'static str, text: &str) -> Result<(), Fault> {
    let fits = !text.trim().is_empty() && text.len() <= LONGEST_TEXT && !text.chars().any(char::is_control);
    if fits { Ok(()) } else { Err(Fault::Text(field)) }
}

/// What a rule asks, in minor units, ten-thousandths of a percent and positions of room types.
#[derive(Debug, Clone)]
pub(super) enum Asked {
    Floor(i64),
    Ceiling(i64),
    Fixed(i64),
    MaxChange(i64),
    Ending { step: i64, offset: i64 },
    Order { lower: usize, higher: usize, percent: i64 },
    MinimumStay(u32),
    Parity { channels: Vec<String>, tolerance: i64 },
    Freeze,
}

/// Where a rule holds, as numbers.
#[derive(Debug, Clone)]
pub(super) struct Reach {
    /// By position of the room type; `None` is all.
    pub room_types: Option<Vec<bool>>,
    pub from: Option<NaiveDate>,
    pub until: Option<NaiveDate>,
    /// A bit for each weekday from Monday on.
    weekdays: u8,
    event_kinds: Option<Vec<String>>,
}

impl Reach {
    /// Whether it holds on the night if the night has the events it asks for.
    pub fn may_hold_on(&self, night: NaiveDate) -> bool {
        self.from.is_none_or(|from| from <= night)
            && self.until.is_none_or(|until| night <= until)
            && self.weekdays & (1 << night.weekday().num_days_from_monday()) != 0
    }

    /// Whether it holds on the night with these events.
    pub fn holds_on(&self, night: NaiveDate, events: &[String]) -> bool {
        self.may_hold_on(night)
            && self.event_kinds.as_ref().is_none_or(|kinds| events.iter().any(|event| kinds.contains(event)))
    }

    /// Whether it holds for the room type at this position.
    pub fn holds_for(&self, room_type: usize) -> bool {
        self.room_types.as_ref().is_none_or(|held| held.get(room_type).copied().unwrap_or(false))
    }
}

/// What can be wrong with a rule before it meets others.
pub(super) enum Refusal {
    Fault(Fault),
    UnknownRoomType(RoomTypeName),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Rule {
    /// The rule as numbers. `position` finds a room type among those of the hotel, `room_types` of them.
    pub(super) fn read(
        &self,
        currency: Currency,
        room_types: usize,
        position: &dyn Fn(&RoomTypeName) -> Option<usize>,
    ) -> Result<(Reach, Asked), Refusal> {
        let find = |name: &RoomTypeName| position(name).ok_or_else(|| Refusal::UnknownRoomType(name.clone()));
        if let Some(note) = &self.note {
            text("note", note)?;
        }
        let price =
            |price: &Decimal| price_in_minor(*price, currency).map_err(|why| Fault::Price("price", why));
        let asked = match &self.kind {
            RuleKind::Floor { price: p } => Asked::Floor(price(p)?),
            RuleKind::Ceiling { price: p } => Asked::Ceiling(price(p)?),
            RuleKind::FixedPrice { price: p } => Asked::Fixed(price(p)?),
            RuleKind::MaxChangePerDay { percent } => Asked::MaxChange(in_ten_thousandths(
                "percent",
                *percent,
                1,
                MOST_PERCENT * 10_000,
                "above 0, to 1000 (a change of 0 is a freeze)",
            )?),
            RuleKind::PriceEnding { step, offset } => {
                let whole = price_in_minor(*step, currency).map_err(|why| Fault::Price("step", why))?;
                let rest = (*offset >= Decimal::ZERO && offset < step).then(|| in_minor(*offset, currency));
                let Some(offset) = rest.flatten() else {
                    let decimals = currency.minor_units();
                    return Err(Fault::Offset { offset: *offset, step: *step, decimals }.into());
                };
                Asked::Ending { step: whole, offset }
            }
            RuleKind::Order { lower, higher, at_least_percent } => {
                if lower == higher {
                    return Err(Fault::SameRoomType.into());
                }
                if self.scope.room_types.is_some() {
                    return Err(Fault::OrderScope.into());
                }
                let most = MOST_PERCENT * 10_000;
                let percent =
                    in_ten_thousandths("at_least_percent", *at_least_percent, 0, most, "from 0 to 1000")?;
                Asked::Order { lower: find(lower)?, higher: find(higher)?, percent }
            }
            RuleKind::MinimumStay { nights } => {
                if *nights == 0 || i64::from(*nights) > i64::from(MAX_NIGHTS) {
                    return Err(Fault::Nights(*nights).into());
                }
                Asked::MinimumStay(*nights)
            }
            RuleKind::RateParity { channels, tolerance_percent } => {
                if channels.is_empty() {
                    return Err(Fault::EmptyList("channels").into());
                }
                for channel in channels {
                    text("channels", channel)?;
                }
                let range = "from 0 to below 100";
                let tolerance =
                    in_ten_thousandths("tolerance_percent", *tolerance_percent, 0, WHOLE - 1, range)?;
                Asked::Parity { channels: channels.clone(), tolerance }
            }
            RuleKind::Freeze {} => Asked::Freeze,
        };
        Ok((self.scope.read(room_types, &find)?, asked))
    }
}

impl Scope {
    fn read(
        &self,
        room_types: usize,
        find: &dyn Fn(&RoomTypeName) -> Result<usize, Refusal>,
    ) -> Result<Reach, Refusal> {
        let held = match &self.room_types {
            None => None,
            Some(names) if names.is_empty() => return Err(Fault::EmptyList("scope.room_types").into()),
            Some(names) => {
                let mut held = vec![false; room_types];
                for name in names {
                    if let Some(slot) = held.get_mut(find(name)?) {
                        *slot = true;
                    }
                }
                Some(held)
            }
        };
        let weekdays = match &self.weekdays {
            None => 0b111_1111,
            Some(days) if days.is_empty() => return Err(Fault::EmptyList("scope.weekdays").into()),
            Some(days) => days.iter().fold(0_u8, |mask, day| mask | 1 << day.num_days_from_monday()),
        };
        if let Some(kinds) = &self.event_kinds {
            if kinds.is_empty() {
                return Err(Fault::EmptyList("scope.event_kinds").into());
            }
            for kind in kinds {
                text("scope.event_kinds", kind)?;
            }
        }
        let reach = Reach {
            room_types: held,
            from: self.from,
            until: self.until,
            weekdays,
            event_kinds: self.event_kinds.clone(),
        };
        if let (Some(from), Some(until)) = (self.from, self.until) {
            if until < from {
                return Err(Fault::Backwards { from, until }.into());
            }
            // A week holds every weekday; from then on there is nothing to find out.
            if !from.iter_days().take(7).any(|night| reach.may_hold_on(night)) {
                return Err(Fault::NoNight.into());
            }
        }
        Ok(reach)
    }
}
