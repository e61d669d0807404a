//! A night whose demand is known, written down as TOML: what policies are measured on.

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::{Demand, Sale, SaleError};
use crate::learn::PastDay;
use crate::{Response, ResponseError};

/// Most prices of a grid.
const MOST_PRICES: f64 = 10_000.0;
/// Most past dates that are drawn.
const MOST_DATES: u32 = 10_000;

/// A night, the requests for it and what is known of others like it. Money is in any unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it is called.
    pub name: String,
    /// Rooms that can be sold.
    pub rooms: u32,
    /// Days on sale; the last one is day 1.
    pub days: u32,
    /// What a sold room costs the hotel.
    #[serde(default)]
    pub cost: f64,
    /// The price that the hotel asks by habit: past dates and the rule of thumb go out from it.
    pub base_price: f64,
    /// Prices that may be asked.
    pub grid: Grid,
    /// Requests of each day.
    pub requests: Requests,
    /// Who asks; shares that are left out are what the others leave.
    #[serde(rename = "segment")]
    pub segments: Vec<Segment>,
    /// What is known before the night goes on sale.
    #[serde(default)]
    pub past: Past,
}

/// Prices from one to another.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// Lowest price.
    pub lowest: f64,
    /// Highest price, itself included where a step falls on it.
    pub highest: f64,
    /// Distance of two prices.
    pub step: f64,
}

impl Grid {
    /// The prices, ascending; none where the numbers make no grid.
    pub fn prices(&self) -> Vec<f64> {
        let steps = ((self.highest - self.lowest) / self.step + 1e-9).floor();
        if !(0.0..MOST_PRICES).contains(&steps) || self.step.is_nan() || self.step <= 0.0 {
            return Vec::new();
        }
        (0..=steps as u32).map(|place| self.lowest + f64::from(place) * self.step).collect()
    }
}

/// How many ask on each day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Requests {
    /// The same number each day.
    Daily(f64),
    /// A total that fades with the days left: each day's part is as `exp(-days_left / days)`.
    Fading {
        /// Requests of all days.
        total: f64,
        /// Days after which a day's part is 1/e of it.
        days: f64,
    },
    /// One number a day, the last day first; days beyond the list have none.
    ByDay(Vec<f64>),
}

/// A kind of guest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    /// What it is called.
    pub name: String,
    /// How it answers to a price.
    pub response: Response,
    /// Its share of the requests, by days left: the first entry that reaches so far counts. Empty: what the others leave.
    #[serde(default)]
    pub share: Vec<Share>,
}

/// A share of the requests up to so many days before arrival.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// The share, 0 to 1.
    pub share: f64,
    /// Most days left that it counts for; left out: all that are left.
    #[serde(default)]
    pub until_day: Option<u32>,
}

/// Past dates that can be learnt from: each was sold at one price.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Past {
    /// How many.
    pub dates: u32,
    /// Each date's price is the base price times a number drawn evenly from between these two.
    pub ratio: [f64; 2],
}

impl Default for Past {
    fn default() -> Self {
        Self { dates: 60, ratio: [0.7, 1.3] }
    }
}

/// Why a scenario is none.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ScenarioError {
    /// Not the TOML of a scenario.
    #[error("not a scenario: {0}")]
    Toml(String),
    /// What is sold is wrong.
    #[error(transparent)]
    Sale(#[from] SaleError),
    /// A segment answers to prices in no way.
    #[error("segment {segment}: {error}")]
    Response {
        /// Its name.
        segment: String,
        /// What is wrong.
        error: ResponseError,
    },
    /// Another number is out of its range.
    #[error("{what} must be {wanted}, not {given}")]
    Number {
        /// Which one.
        what: &'static str,
        /// Its range.
        wanted: &'static str,
        /// What it is.
        given: f64,
    },
    /// Shares of the segments on a day do not add up to 1.
    #[error("shares of the segments add up to {sum} on day {day}")]
    Shares {
        /// The day.
        day: u32,
        /// Their sum.
        sum: f64,
    },
}

impl Scenario {
    /// Reads and checks a scenario.
    ///
    /// # Errors
    /// [`ScenarioError`] says what is wrong.
    pub fn from_toml(text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self = toml::from_str(text).map_err(|error| ScenarioError::Toml(error.to_string()))?;
        scenario.check()?;
        Ok(scenario)
    }

    /// The scenarios that come with Innkeeper: A, B and C.
    ///
    /// # Errors
    /// None that a test has not ruled out.
    pub fn shipped() -> Result<Vec<Self>, ScenarioError> {
        [
            include_str!("../../scenarios/a.toml"),
            include_str!("../../scenarios/b.toml"),
            include_str!("../../scenarios/c.toml"),
        ]
        .into_iter()
        .map(Self::from_toml)
        .collect()
    }

    /// What is sold.
    pub fn sale(&self) -> Sale {
        Sale { rooms: self.rooms, days: self.days, cost: self.cost, prices: self.grid.prices() }
    }

    /// Requests on a day.
    pub fn requests(&self, days_left: u32) -> f64 {
        match &self.requests {
            Requests::Daily(daily) => *daily,
            Requests::Fading { total, days } => {
                // The sum of all days' parts is geometric.
                let first = (-1.0 / days).exp_m1() / (-f64::from(self.days) / days).exp_m1();
                total * first * (-f64::from(days_left.saturating_sub(1)) / days).exp()
            }
            Requests::ByDay(list) => {
                list.get(days_left.saturating_sub(1) as usize).copied().unwrap_or_default()
            }
        }
    }

    /// Shares of the segments on a day, in their order.
    pub fn shares(&self, days_left: u32) -> Vec<f64> {
        let told: Vec<Option<f64>> = self
            .segments
            .iter()
            .map(|segment| {
                let reaches = |share: &&Share| share.until_day.is_none_or(|until| days_left <= until);
                let share = segment.share.iter().find(reaches).map_or(0.0, |share| share.share);
                (!segment.share.is_empty()).then_some(share)
            })
            .collect();
        let open = told.iter().filter(|share| share.is_none()).count().max(1) as f64;
        let rest = 1.0 - told.iter().flatten().sum::<f64>();
        told.into_iter().map(|share| share.unwrap_or(rest / open)).collect()
    }

    fn check(&self) -> Result<(), ScenarioError> {
        self.sale().check()?;
        let number = |what, wanted, given: f64, holds: bool| {
            if holds { Ok(()) } else { Err(ScenarioError::Number { what, wanted, given }) }
        };
        let base = self.base_price;
        number("base_price", "above 0", base, base.is_finite() && base > 0.0)?;
        let dates = self.past.dates;
        number("past.dates", "1 to 10,000", f64::from(dates), (1..=MOST_DATES).contains(&dates))?;
        let [low, high] = self.past.ratio;
        number(
            "past.ratio",
            "two ascending numbers above 0",
            low,
            low > 0.0 && low <= high && high.is_finite(),
        )?;
        if self.segments.is_empty() {
            return Err(ScenarioError::Number { what: "segments", wanted: "at least one", given: 0.0 });
        }
        for segment in &self.segments {
            segment
                .response
                .check()
                .map_err(|error| ScenarioError::Response { segment: segment.name.clone(), error })?;
        }
        if let Requests::Fading { days, .. } = self.requests {
            number("requests.fading.days", "above 0", days, days.is_finite() && days > 0.0)?;
        }
        let cheapest = self.grid.lowest.min(base * low);
        for day in 1..=self.days {
            let requests = self.requests(day);
            number("requests", "0 to 1,000,000 a day", requests, (0.0..=1e6).contains(&requests))?;
            let shares = self.shares(day);
            let sum: f64 = shares.iter().sum();
            // Shares of some families are relative: at low prices as many guests as one likes.
            let asked = |(segment, share): (&Segment, &f64)| {
                let came = requests * share.max(0.0);
                if came > 0.0 { came * segment.response.share(cheapest).max(1.0) } else { 0.0 }
            };
            let asked = self.segments.iter().zip(&shares).map(asked).sum();
            if shares.iter().any(|share| !(-1e-9..=1.0 + 1e-9).contains(share)) || (sum - 1.0).abs() > 1e-6 {
                return Err(ScenarioError::Shares { day, sum });
            }
            number(
                "requests at the lowest price",
                "at most 1,000,000 a day",
                asked,
                (0.0..=1e6).contains(&asked),
            )?;
        }
        Ok(())
    }

    /// Draws what the hotel saw on its past dates.
    pub fn past(&self, random: &mut impl Rng) -> Vec<PastDay> {
        let mut seen = Vec::new();
        for date in 0..self.past.dates {
            let [low, high] = self.past.ratio;
            let price = self.base_price * (low + (high - low) * random.random::<f64>());
            let mut left = self.rooms;
            for days_left in (1..=self.days).rev() {
                if left == 0 {
                    break;
                }
                let wanted = draw(self.expected(days_left, price), random);
                let booked = wanted.min(u64::from(left)) as u32;
                left -= booked;
                seen.push(PastDay { date, days_left, price, booked, sold_out: left == 0 });
            }
        }
        seen
    }
}

impl Demand for Scenario {
    fn expected(&self, days_left: u32, price: f64) -> f64 {
        let buy: f64 = self
            .shares(days_left)
            .iter()
            .zip(&self.segments)
            .map(|(share, segment)| share.max(0.0) * segment.response.share(price))
            .sum();
        self.requests(days_left) * buy
    }
}

/// A Poisson number; 0 for a mean that has none.
fn draw(mean: f64, random: &mut impl Rng) -> u64 {
    rand_distr::Poisson::new(mean)
        .map_or(0, |poisson| rand_distr::Distribution::<f64>::sample(&poisson, random) as u64)
}
