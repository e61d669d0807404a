//! What rules do, in words.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::rule::{RuleId, RuleKind};

/// What a rule does to a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Without it the price would be lower.
    HoldsUp,
    /// Without it the price would be higher.
    HoldsDown,
    /// It moves the price to one that may be written.
    Rounds,
}

/// A rule that made a price differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Effect {
    /// Which rule.
    pub rule: RuleId,
    /// What it does.
    pub action: Action,
    /// The same in words: "the floor of 900,000 holds the price up".
    pub words: String,
}

/// Digits in groups of three, without zeros at the end.
fn grouped(amount: Decimal) -> String {
    let text = amount.normalize().to_string();
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let mut words = String::with_capacity(text.len() + 4);
    for (position, digit) in whole.chars().enumerate() {
        if position > 0 && (whole.len() - position).is_multiple_of(3) {
            words.push(',');
        }
        words.push(digit);
    }
    if !rest.is_empty() {
        words.push('.');
        words.push_str(rest);
    }
    words
}

impl RuleKind {
    /// What the rule is, to follow an article or a preposition: "the floor of 900,000".
    pub(super) fn name(&self) -> String {
        match self {
            Self::Floor { price } => format!("the floor of {}", grouped(*price)),
            Self::Ceiling { price } => format!("the ceiling of {}", grouped(*price)),
            Self::FixedPrice { price } => format!("the fixed price of {}", grouped(*price)),
            Self::MaxChangePerDay { percent } => {
                format!("the limit of {} % on the change per day", grouped(*percent))
            }
            Self::PriceEnding { step, offset } if offset.is_zero() => {
                format!("the rule that prices are multiples of {}", grouped(*step))
            }
            Self::PriceEnding { step, offset } => {
                format!(
                    "the rule that prices are {} above a multiple of {}",
                    grouped(*offset),
                    grouped(*step)
                )
            }
            Self::Order { lower, higher, at_least_percent } if at_least_percent.is_zero() => {
                format!("the order of {higher} over {lower}")
            }
            Self::Order { lower, higher, at_least_percent } => {
                format!("the order of {higher} at least {} % over {lower}", grouped(*at_least_percent))
            }
            Self::MinimumStay { nights } => format!("the minimum stay of {nights}"),
            Self::RateParity { channels, tolerance_percent } if tolerance_percent.is_zero() => {
                format!("the parity with {}", channels.join(", "))
            }
            Self::RateParity { channels, tolerance_percent } => {
                format!("the parity within {} % with {}", grouped(*tolerance_percent), channels.join(", "))
            }
            Self::Freeze {} => "the freeze".to_owned(),
        }
    }

    /// What the rule does to a price, as a sentence without a full stop.
    pub(super) fn sentence(&self, action: Action) -> String {
        let name = self.name();
        match action {
            Action::HoldsUp => format!("{name} holds the price up"),
            Action::HoldsDown => format!("{name} holds the price down"),
            Action::Rounds => format!("{name} moves the price"),
        }
    }
}

/// "a", "a and b", "a, b and c".
pub(super) fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [only] => only.clone(),
        [before @ .., last] => format!("{} and {last}", before.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_groups_and_no_zeros_at_the_end() {
        let shown = |mantissa, scale| grouped(Decimal::new(mantissa, scale));
        assert_eq!(
            [shown(90_000_000, 2), shown(1_234_567, 0), shown(99_950, 3), shown(5, 2)],
            ["900,000", "1,234,567", "99.95", "0.05"]
        );
    }
}
