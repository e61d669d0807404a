//! The best price for each day and each number of rooms left, and what a policy is worth.

use super::{Bookings, Demand, PricePolicy};

/// Most rooms of one kind, and days on sale: beyond that a night is not one hotel's.
const MOST: u32 = 10_000;
/// Most states, times prices and numbers of bookings, that are looked at.
const MOST_WORK: u64 = 2_000_000_000;
/// What the chances of a day's bookings cost to compute at least, in states.
const CHANCES_WORK: u64 = 32;
/// What the chance of one more booking costs, in states.
const CHANCE_WORK: u64 = 16;

/// What is sold, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Sale {
    /// Rooms that can be sold, 1 to 10,000.
    pub rooms: u32,
    /// Days on sale, 1 to 10,000; day `days` is the first and day 1 the last.
    pub days: u32,
    /// What a sold room costs the hotel.
    pub cost: f64,
    /// Prices that may be asked, ascending.
    pub prices: Vec<f64>,
}

/// Why nothing can be sold.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SaleError {
    /// No rooms, no days, or more than a night can have.
    #[error("{what} must be 1 to {MOST}, not {given}")]
    Size {
        /// `rooms` or `days`.
        what: &'static str,
        /// What was given.
        given: u32,
    },
    /// No price, prices out of order, negative, or not numbers.
    #[error("prices must be ascending numbers of 0 or more, and at least one")]
    Prices,
    /// A cost that is no number.
    #[error("a cost of {0} is none")]
    Cost(f64),
    /// So many states, prices and bookings that the answer would take long.
    #[error(
        "{0} states, prices and bookings are too many for one program; a coarser grid of prices or fewer rooms help"
    )]
    TooMuch(u64),
}

impl Sale {
    /// Checks the numbers.
    ///
    /// # Errors
    /// [`SaleError`] says which one is wrong.
    pub fn check(&self) -> Result<(), SaleError> {
        for (what, given) in [("rooms", self.rooms), ("days", self.days)] {
            if given == 0 || given > MOST {
                return Err(SaleError::Size { what, given });
            }
        }
        let ascending = self.prices.windows(2).all(|pair| matches!(pair, [low, high] if low < high));
        let numbers = self.prices.iter().all(|price| price.is_finite() && *price >= 0.0);
        if self.prices.is_empty() || !ascending || !numbers {
            return Err(SaleError::Prices);
        }
        if !self.cost.is_finite() {
            return Err(SaleError::Cost(self.cost));
        }
        let chances = u64::from(self.days) * self.prices.len() as u64;
        bearable((u64::from(self.rooms) + CHANCES_WORK).saturating_mul(chances))
    }

    /// Refuses a program whose days have too many bookings for its states.
    fn check_bookings(&self, demand: &dyn Demand) -> Result<(), SaleError> {
        let mut work = 0;
        for day in 1..=self.days {
            for price in &self.prices {
                work += self.work(demand.expected(day, *price));
            }
            bearable(work)?;
        }
        Ok(())
    }

    /// States of a day, times the numbers of bookings that each looks at.
    fn work(&self, expected: f64) -> u64 {
        let numbers = if expected > 0.0 { expected + 8.0 * expected.sqrt() + 16.0 } else { 1.0 };
        // A state with few rooms left looks at no more bookings than those.
        let numbers = numbers.min(0.5 * f64::from(self.rooms) + 1.0);
        (f64::from(self.rooms) * numbers) as u64 + CHANCES_WORK
    }
}

fn bearable(work: u64) -> Result<(), SaleError> {
    if work > MOST_WORK { Err(SaleError::TooMuch(work)) } else { Ok(()) }
}

/// The best price for each day and number of rooms left.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    rooms: usize,
    prices: Vec<f64>,
    /// Place of the price by day (the last day first) and rooms left (from 1).
    choices: Vec<u32>,
    /// Expected profit to come by day (nothing left to come first) and rooms left (from 0).
    values: Vec<f64>,
}

impl Plan {
    /// Expected profit from the day on with so many rooms left, under the demand that the plan was made for.
    pub fn value(&self, days_left: u32, rooms_left: u32) -> f64 {
        let place = days_left as usize * (self.rooms + 1) + (rooms_left as usize).min(self.rooms);
        self.values.get(place).copied().unwrap_or(0.0)
    }

    /// What one more room would bring: the value of the last room left. 0 without rooms.
    pub fn bid_price(&self, days_left: u32, rooms_left: u32) -> f64 {
        match rooms_left.checked_sub(1) {
            Some(fewer) => self.value(days_left, rooms_left) - self.value(days_left, fewer),
            None => 0.0,
        }
    }
}

impl PricePolicy for Plan {
    fn price(&self, days_left: u32, rooms_left: u32) -> f64 {
        let (day, left) = (days_left.max(1) as usize - 1, (rooms_left.max(1) as usize).min(self.rooms) - 1);
        let choice = self.choices.get(day * self.rooms + left).or(self.choices.last()).copied().unwrap_or(0);
        self.prices.get(choice as usize).copied().unwrap_or(f64::INFINITY)
    }
}

/// The best plan by dynamic programming over days and rooms left, exact for the demand that is given.
///
/// # Errors
/// [`SaleError`] for a sale whose numbers are wrong, or that has too many bookings a day for its size.
pub fn solve(sale: &Sale, demand: &dyn Demand) -> Result<Plan, SaleError> {
    sale.check()?;
    sale.check_bookings(demand)?;
    let rooms = sale.rooms as usize;
    let mut values = vec![0.0; rooms + 1];
    let mut choices = Vec::with_capacity(rooms * sale.days as usize);
    for day in 1..=sale.days {
        let after = values.len() - (rooms + 1);
        let mut best = vec![f64::NEG_INFINITY; rooms + 1];
        let mut choice = vec![0_u32; rooms];
        if let Some(nothing_left) = best.first_mut() {
            *nothing_left = 0.0;
        }
        for (place, price) in sale.prices.iter().enumerate() {
            let bookings = Bookings::poisson(demand.expected(day, *price), sale.rooms);
            let to_come = values.get(after..).unwrap_or_default();
            for left in 1..=rooms {
                let worth = step(&bookings, to_come, left, price - sale.cost);
                if let (Some(best), Some(choice)) = (best.get_mut(left), choice.get_mut(left - 1))
                    && worth > *best
                {
                    (*best, *choice) = (worth, place as u32);
                }
            }
        }
        values.extend(best);
        choices.extend(choice);
    }
    Ok(Plan { rooms, prices: sale.prices.clone(), choices, values })
}

/// What a policy brings on average, exact for the demand that is given.
///
/// # Errors
/// [`SaleError`] for a sale whose numbers are wrong, or that has too many bookings a day for its size.
pub fn worth(sale: &Sale, demand: &dyn Demand, policy: &dyn PricePolicy) -> Result<f64, SaleError> {
    sale.check()?;
    let rooms = sale.rooms as usize;
    let mut to_come = vec![0.0; rooms + 1];
    let mut work = 0;
    for day in 1..=sale.days {
        let mut today = vec![0.0; rooms + 1];
        // Neighbouring numbers of rooms often have one price: its chances are computed once.
        let mut known: Option<(f64, Bookings)> = None;
        for left in 1..=rooms {
            let price = policy.price(day, left as u32);
            let bookings = match known.take() {
                Some((same, bookings)) if same.total_cmp(&price).is_eq() => bookings,
                _ => {
                    let bookings = Bookings::poisson(demand.expected(day, price), sale.rooms);
                    work += CHANCE_WORK * bookings.chances().len() as u64;
                    bookings
                }
            };
            work += bookings.chances().len().min(left) as u64;
            bearable(work)?;
            if let Some(value) = today.get_mut(left) {
                *value = step(&bookings, &to_come, left, price - sale.cost);
            }
            known = Some((price, bookings));
        }
        to_come = today;
    }
    Ok(to_come.last().copied().unwrap_or(0.0))
}

/// Profit of a day and what is to come after it.
fn step(bookings: &Bookings, to_come: &[f64], left: usize, margin: f64) -> f64 {
    bookings
        .mean(left, |booked| margin * booked as f64 + to_come.get(left - booked).copied().unwrap_or_default())
}
