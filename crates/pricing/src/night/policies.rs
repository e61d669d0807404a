//! Ways to set the price of a day.

use super::{Demand, Sale, SaleError, solve::worth};

/// Says the price of a day.
pub trait PricePolicy {
    /// The price on the day that is `days_left` before arrival (1 is the last), with so many rooms left (1 or more).
    fn price(&self, days_left: u32, rooms_left: u32) -> f64;
}

/// One price from the first day to the last.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FixedPrice(pub f64);

impl PricePolicy for FixedPrice {
    fn price(&self, _: u32, _: u32) -> f64 {
        self.0
    }
}

/// What revenue managers do without a model: the fuller the night, the dearer; in the last days cheaper where it is empty and
/// dearer where it is nearly full.
///
/// The base price times .9 below 30 % sold, 1 below 50 %, 1.1 below 70 %, 1.25 below 85 %, and 1.5 from there; in the last three
/// days times .9 below 50 % sold and 1.1 from 80 %; rounded to the step of the prices.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RuleOfThumb {
    /// The base price.
    pub base: f64,
    /// Rooms there are.
    pub rooms: u32,
    /// Prices are multiples of this; 0 for prices as they come out.
    pub step: f64,
}

impl PricePolicy for RuleOfThumb {
    fn price(&self, days_left: u32, rooms_left: u32) -> f64 {
        let rooms = f64::from(self.rooms.max(1));
        let sold = (rooms - f64::from(rooms_left)) / rooms;
        let by_sold = match sold {
            sold if sold < 0.3 => 0.9,
            sold if sold < 0.5 => 1.0,
            sold if sold < 0.7 => 1.1,
            sold if sold < 0.85 => 1.25,
            _ => 1.5,
        };
        let by_day = match (days_left <= 3, sold) {
            (true, sold) if sold < 0.5 => 0.9,
            (true, sold) if sold >= 0.8 => 1.1,
            _ => 1.0,
        };
        let price = self.base * by_sold * by_day;
        if self.step > 0.0 { (price / self.step).round() * self.step } else { price }
    }
}

/// A policy with what it brings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Best<P> {
    /// The policy.
    pub policy: P,
    /// Expected profit.
    pub worth: f64,
}

/// The fixed price that brings most under a demand.
///
/// # Errors
/// [`SaleError`] for a sale whose numbers are wrong.
pub fn best_fixed_price(sale: &Sale, demand: &dyn Demand) -> Result<Best<FixedPrice>, SaleError> {
    sale.check()?;
    let mut best: Option<Best<FixedPrice>> = None;
    for price in &sale.prices {
        let policy = FixedPrice(*price);
        let worth = worth(sale, demand, &policy)?;
        if best.is_none_or(|best| worth > best.worth) {
            best = Some(Best { policy, worth });
        }
    }
    best.ok_or(SaleError::Prices)
}
