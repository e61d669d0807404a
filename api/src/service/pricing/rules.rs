//! The hotel's rules for prices: read, changed, and held against prices that somebody sets.

use chrono::{DateTime, NaiveDate, Utc};
use innkeeper_core::ErrorCode;
use innkeeper_hotel::{Currency, RoomTypeName};
use innkeeper_identity::Principal;
use innkeeper_pricing::rules::{Broken, Cell, OnSale, Priced, Rule, RuleError, RuleSet};
use innkeeper_store::{NewPricingRule, PricingRule};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::desk::PricingDesk;
use super::known::PricingKnown;
use crate::problem::Problem;

/// How often a change is tried while others change the rules too.
const ATTEMPTS: usize = 5;
/// Most broken rules that are told.
const TOLD: usize = 20;

/// A rule of the hotel.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PricingRuleReport)]
pub(crate) struct RuleReport {
    /// As it was written.
    #[schema(value_type = Object, example = json!({
        "id": "weekend", "scope": {"weekdays": ["Fri", "Sat"]}, "kind": "floor", "price": 900_000
    }))]
    pub rule: Value,
    pub created_by: String,
    /// When it was written, or last changed.
    pub created_at: DateTime<Utc>,
}

/// The hotel's rules, in their order.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PricingRules)]
pub(crate) struct RulesAnswer {
    /// Currency of their prices; null where nothing tells it yet.
    #[schema(example = "VND")]
    pub currency: Option<&'static str>,
    pub rules: Vec<RuleReport>,
}

impl RulesAnswer {
    fn new(currency: Option<Currency>, rules: Vec<PricingRule>) -> Self {
        let report = |rule: PricingRule| RuleReport {
            rule: rule.content,
            created_by: rule.created_by,
            created_at: rule.created_at,
        };
        Self { currency: currency.map(Currency::code), rules: rules.into_iter().map(report).collect() }
    }
}

/// A rule as a body holds it. What is wrong with it is told without repeating it.
pub(super) fn rule(value: Value) -> Result<Rule, Problem> {
    serde_json::from_value(value).map_err(|e| {
        let told = crate::extract::broken(&e).detail;
        Problem::new(ErrorCode::InvalidRule, format!("this is no rule: {told}"))
    })
}

/// The problem of rules that are no set.
pub(super) fn refusal(error: &RuleError) -> Problem {
    let code = match error {
        RuleError::DuplicateId(_) => ErrorCode::RuleExists,
        RuleError::UnknownRoomType { .. } => ErrorCode::UnknownRoomType,
        RuleError::Circle { .. } | RuleError::Clash { .. } => ErrorCode::RulesClash,
        RuleError::TooMany(_) | RuleError::Invalid { .. } => ErrorCode::InvalidRule,
    };
    let names: Vec<&str> = error.rules().into_iter().map(innkeeper_pricing::rules::RuleId::as_str).collect();
    Problem::new(code, error.to_string()).with("rules", json!(names))
}

/// The problem of prices that break rules.
pub(super) fn broken_rules(broken: &[Broken]) -> Problem {
    let told: Vec<Value> = broken
        .iter()
        .take(TOLD)
        .map(|broken| {
            json!({
                "date": broken.night, "room_type": broken.room_type,
                "rule": broken.rule.as_ref().map(innkeeper_pricing::rules::RuleId::as_str), "why": broken.why,
            })
        })
        .collect();
    let detail = broken.first().map_or_else(String::new, |first| {
        let rule = first.rule.as_ref().map_or_else(String::new, |rule| format!("rule {rule}: "));
        let more = if broken.len() > 1 { format!(" (and {} more)", broken.len() - 1) } else { String::new() };
        format!("{rule}{}{more}", first.why)
    });
    Problem::new(ErrorCode::RuleBroken, detail).with("rules", json!(told))
}

/// The currency of prices, or what tells it.
pub(super) fn currency(known: &PricingKnown) -> Result<Currency, Problem> {
    known.currency().ok_or_else(|| {
        let detail = "neither prices nor bookings tell the hotel's currency; `innkeeper import rates FILE` brings prices";
        Problem::new(ErrorCode::PricesUnknown, detail)
    })
}

/// The set that the stored rules are.
pub(super) fn set_of(known: &PricingKnown, stored: &[PricingRule]) -> Result<RuleSet, Problem> {
    let rules = stored.iter().map(|stored| rule(stored.content.clone())).collect::<Result<_, _>>()?;
    RuleSet::new(rules, currency(known)?, &known.base.room_types()).map_err(|e| refusal(&e))
}

/// A night and room type as rules see it: with what is on sale at the end of a day.
pub(super) fn cell(
    known: &PricingKnown,
    night: NaiveDate,
    room_type: &RoomTypeName,
    today: NaiveDate,
    currency: Currency,
) -> Cell {
    let rates = known.prices.of(night, room_type);
    let last = rates.iter().rfind(|rate| rate.set_on <= today && rate.price.currency == currency);
    let on_sale = last.map(|last| {
        // Of a price that was set today, the day began with another one.
        let earlier = rates.iter().rfind(|rate| rate.set_on < today && rate.price.currency == currency);
        let days = (today - last.set_on).num_days();
        OnSale {
            price: last.price.amount,
            days: u32::try_from(days).unwrap_or(u32::MAX),
            at_start_of_day: earlier.filter(|_| last.set_on == today).map(|earlier| earlier.price.amount),
        }
    });
    Cell { on_sale, event_kinds: known.event_kinds(night, today), ..Cell::new(night, room_type.clone()) }
}

/// A price for a night and room type; `None` leaves what is on sale.
pub(super) fn priced(cell: Cell, price: Option<Decimal>) -> Priced {
    Priced { cell, price }
}

/// A rule, and the JSON that it was written as: numbers stay as the hotel wrote them.
#[derive(Debug, Clone)]
struct Written {
    rule: Rule,
    content: Value,
}

impl Written {
    fn new(mut content: Value) -> Result<Self, Problem> {
        let rule = rule(content.clone())?;
        if let Some(id) = content.get_mut("id") {
            *id = rule.id.as_str().into();
        }
        Ok(Self { rule, content })
    }
}

/// What becomes of the rules.
enum Change {
    Add(Box<Written>),
    Put(Vec<Written>),
    Remove(String),
}

impl PricingDesk {
    /// The hotel's rules.
    pub async fn rules(&self, caller: &Principal) -> Result<RulesAnswer, Problem> {
        let known = self.known(&caller.hotel).await?;
        let stored = self.store.hotel(&caller.hotel).pricing_rules().await?;
        Ok(RulesAnswer::new(known.currency(), stored))
    }

    /// Adds a rule.
    pub async fn add_rule(&self, caller: &Principal, new: Value) -> Result<RulesAnswer, Problem> {
        self.change_rules(caller, Change::Add(Box::new(Written::new(new)?))).await
    }

    /// Puts other rules in the place of all.
    pub async fn put_rules(&self, caller: &Principal, rules: Vec<Value>) -> Result<RulesAnswer, Problem> {
        let rules = rules.into_iter().map(Written::new).collect::<Result<_, _>>()?;
        self.change_rules(caller, Change::Put(rules)).await
    }

    /// Removes a rule.
    pub async fn remove_rule(&self, caller: &Principal, id: String) -> Result<RulesAnswer, Problem> {
        self.change_rules(caller, Change::Remove(id)).await
    }

    /// Judges the set that would be, and writes it if nobody changed the rules meanwhile; else looks again.
    async fn change_rules(&self, caller: &Principal, change: Change) -> Result<RulesAnswer, Problem> {
        let rows = self.store.hotel(&caller.hotel);
        for _ in 0..ATTEMPTS {
            let before = rows.pricing_rules().await?;
            let mut rules: Vec<Written> =
                before.iter().map(|stored| Written::new(stored.content.clone())).collect::<Result<_, _>>()?;
            match &change {
                Change::Add(new) => rules.push(Written::clone(new)),
                Change::Put(all) => rules.clone_from(all),
                Change::Remove(id) => {
                    let all = rules.len();
                    rules.retain(|written| written.rule.id.as_str() != id.trim());
                    if rules.len() == all {
                        let detail = "the hotel has no rule of that name";
                        return Err(Problem::new(ErrorCode::RuleNotFound, detail));
                    }
                }
            }
            let known = self.known(&caller.hotel).await?;
            // What is left of a set that went together goes together.
            if !rules.is_empty() && !matches!(change, Change::Remove(_)) {
                let (currency, room_types) = (currency(&known)?, known.base.room_types());
                let judged: Vec<Rule> = rules.iter().map(|written| written.rule.clone()).collect();
                let judge = move || RuleSet::new(judged, currency, &room_types).map_err(|e| refusal(&e));
                tokio::task::spawn_blocking(judge).await??;
            }
            let written: Vec<NewPricingRule> = rules
                .into_iter()
                .map(|written| NewPricingRule { id: written.rule.id.to_string(), content: written.content })
                .collect();
            let now = Utc::now();
            if let Some(rules) = rows.replace_pricing_rules(&before, &written, &caller.subject, now).await? {
                tracing::info!(rules = rules.len(), "the rules for prices are changed");
                return Ok(RulesAnswer::new(known.currency(), rules));
            }
        }
        Err(Problem::new(ErrorCode::Overloaded, "others keep changing the rules; ask again")
            .retry(std::time::Duration::from_secs(1)))
    }
}
