//! The prices that the rules of one cell allow, exactly: a range and a step.

use super::rule::WHOLE;

/// A set of prices that can be asked for its neighbours of any amount.
pub(super) trait Prices {
    /// The lowest price from `amount` on.
    fn at_or_above(&self, amount: i64) -> Option<i64>;
    /// The highest price up to `amount`.
    fn at_or_below(&self, amount: i64) -> Option<i64>;
}

/// Prices in ascending order.
impl Prices for Vec<i64> {
    fn at_or_above(&self, amount: i64) -> Option<i64> {
        self.get(self.partition_point(|price| *price < amount)).copied()
    }

    fn at_or_below(&self, amount: i64) -> Option<i64> {
        self.partition_point(|price| *price <= amount).checked_sub(1).and_then(|last| self.get(last)).copied()
    }
}

/// Prices from `low` to `high` that are `offset` plus a multiple of `step`, in minor units, with the positions of the rules
/// that made it so.
#[derive(Debug, Clone)]
pub(super) struct Domain {
    pub low: i64,
    pub high: i64,
    step: i64,
    offset: i64,
    pub low_by: Option<usize>,
    pub high_by: Option<usize>,
    pub ending_by: Vec<usize>,
    /// A rule that cannot be kept whatever the price.
    pub impossible_by: Option<usize>,
}

impl Domain {
    /// Every price from one minor unit on.
    pub fn whole(most: i64) -> Self {
        Self {
            low: 1,
            high: most,
            step: 1,
            offset: 0,
            low_by: None,
            high_by: None,
            ending_by: Vec::new(),
            impossible_by: None,
        }
    }

    /// No price below `low`. Of rules that ask the same, the first is named.
    pub fn raise(&mut self, low: i64, rule: usize) {
        if low > self.low {
            (self.low, self.low_by) = (low, Some(rule));
        }
    }

    /// No price above `high`.
    pub fn lower(&mut self, high: i64, rule: usize) {
        if high < self.high {
            (self.high, self.high_by) = (high, Some(rule));
        }
    }

    /// No price but `price`.
    pub fn pin(&mut self, price: i64, rule: usize) {
        self.raise(price, rule);
        self.lower(price, rule);
    }

    /// Only prices that are `offset` plus a multiple of `step`, besides what already holds: the Chinese remainder theorem.
    pub fn end_in(&mut self, step: i64, offset: i64, rule: usize) {
        self.ending_by.push(rule);
        let (first, second) = (i128::from(self.step), i128::from(step));
        let (divisor, inverse) = extended_gcd(first, second);
        let apart = i128::from(offset) - i128::from(self.offset);
        if apart % divisor != 0 {
            self.impossible_by = Some(rule);
            return;
        }
        let ring = second / divisor;
        let turns = ((apart / divisor) % ring * inverse).rem_euclid(ring);
        let (offset, step) = (i128::from(self.offset) + first * turns, first / divisor * second);
        // Beyond the highest price there is room for one price at most, and no step is needed to say which.
        match (i64::try_from(offset), i64::try_from(step)) {
            (Ok(offset), Ok(step)) if step <= self.high.max(1) => (self.offset, self.step) = (offset, step),
            (Ok(only), _) if only >= 1 => {
                self.raise(only, rule);
                self.lower(only, rule);
            }
            _ => self.impossible_by = Some(rule),
        }
    }

    /// Whether the price is in the range and on the step.
    pub fn holds(&self, price: i64) -> bool {
        self.at_or_above(price) == Some(price)
    }

    /// Whether the price is on the step, wherever the range is.
    pub fn ends(&self, price: i64) -> bool {
        (price - self.offset).rem_euclid(self.step) == 0
    }

    pub fn is_empty(&self) -> bool {
        self.at_or_above(1).is_none()
    }
}

impl Prices for Domain {
    fn at_or_above(&self, amount: i64) -> Option<i64> {
        let from = amount.max(self.low);
        let price = from.checked_add((self.offset - from).rem_euclid(self.step))?;
        (price <= self.high && self.impossible_by.is_none()).then_some(price)
    }

    fn at_or_below(&self, amount: i64) -> Option<i64> {
        let from = amount.min(self.high);
        let price = from.checked_sub((from - self.offset).rem_euclid(self.step))?;
        (price >= self.low && self.impossible_by.is_none()).then_some(price)
    }
}

/// The greatest common divisor of two numbers above 0, and `x` so that `a * x` is it modulo `b`.
fn extended_gcd(a: i128, b: i128) -> (i128, i128) {
    let (mut old, mut new) = ((a, 1_i128), (b, 0_i128));
    while new.0 != 0 {
        let quotient = old.0 / new.0;
        (old, new) = (new, (old.0 - quotient * new.0, old.1 - quotient * new.1));
    }
    old
}

/// The share of `of` that `share` ten-thousandths of a percent are, rounded up.
pub(super) fn share_up(of: i64, numerator: i64, denominator: i64) -> i64 {
    let (product, denominator) = (i128::from(of) * i128::from(numerator), i128::from(denominator));
    let up = product.div_euclid(denominator) + i128::from(product.rem_euclid(denominator) != 0);
    i64::try_from(up).unwrap_or(i64::MAX)
}

/// `of * numerator / denominator`, rounded down.
pub(super) fn share_down(of: i64, numerator: i64, denominator: i64) -> i64 {
    let product = i128::from(of) * i128::from(numerator);
    i64::try_from(product.div_euclid(i128::from(denominator))).unwrap_or(i64::MAX)
}

/// Lowest and highest price within `percent` ten-thousandths a day of `price`.
pub(super) fn within_change(price: i64, percent: i64, days: u32) -> (i64, i64) {
    let change = i128::from(price) * i128::from(percent) * i128::from(days) / i128::from(WHOLE);
    let change = i64::try_from(change).unwrap_or(i64::MAX);
    (price.saturating_sub(change).max(1), price.saturating_add(change))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_meet_where_both_hold_and_nowhere_else() {
        for (a, b) in
            [((10, 9), (4, 1)), ((6, 4), (9, 1)), ((7, 0), (5, 3)), ((10, 9), (10, 5)), ((6, 1), (9, 2))]
        {
            let mut domain = Domain::whole(200);
            domain.end_in(a.0, a.1, 0);
            domain.end_in(b.0, b.1, 1);
            for price in 1..=200_i64 {
                let both = price % a.0 == a.1 && price % b.0 == b.1;
                assert_eq!(domain.holds(price), both, "{a:?} {b:?} {price}");
            }
            assert_eq!(domain.is_empty(), !(1..=200).any(|p| p % a.0 == a.1 && p % b.0 == b.1));
        }
    }

    #[test]
    fn steps_whose_common_multiple_is_beyond_all_prices_leave_one_price_or_none() {
        let mut domain = Domain::whole(1_000_000_000_000);
        for (rule, (step, offset)) in
            [(999_999_999_989, 5), (999_999_999_961, 5), (999_999_999_937, 5)].iter().enumerate()
        {
            domain.end_in(*step, *offset, rule);
        }
        assert!(domain.holds(5) && domain.at_or_above(6).is_none());
        domain.end_in(7, 3, 3);
        assert!(domain.is_empty());
    }
}
