//! Policies on the same requests: what chance does to what is computed exactly elsewhere.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Poisson};

use super::{PricePolicy, Scenario};

/// Profit of each policy on the requests of one seed. The requests are the same for all: each has its day, its segment, and
/// the highest price it would pay.
pub fn play(scenario: &Scenario, policies: &[&dyn PricePolicy], seed: u64) -> Vec<f64> {
    let days = days(scenario, seed);
    policies
        .iter()
        .map(|policy| {
            let (mut left, mut profit) = (scenario.rooms, 0.0);
            for day in &days {
                if left == 0 {
                    break;
                }
                let price = policy.price(day.days_left, left);
                let booked = day.book(scenario, price, left);
                left -= booked;
                profit += f64::from(booked) * (price - scenario.cost);
            }
            profit
        })
        .collect()
}

/// The requests of a day.
struct Day {
    days_left: u32,
    seed: u64,
    segments: Vec<Requests>,
}

/// Requests of one segment, each by its reluctance: it books where the share of the segment that books is above this.
struct Requests {
    /// Expected requests for each unit of the share.
    rate: f64,
    /// Share up to which they were drawn: the one at the lowest price of the grid, or 1.
    drawn_to: f64,
    reluctances: Vec<f64>,
}

impl Day {
    /// How many of the requests book at a price; at most `left`.
    fn book(&self, scenario: &Scenario, price: f64, left: u32) -> u32 {
        let mut booked = 0;
        for (place, (requests, segment)) in self.segments.iter().zip(&scenario.segments).enumerate() {
            let share = segment.response.share(price);
            booked += requests.reluctances.iter().filter(|reluctance| **reluctance < share).count();
            // A policy may ask less than any price of the grid. Those who book only there are drawn in bands of reluctance, each
            // with its own chance, so that they are the same whoever asks.
            let (mut low, mut band) = (requests.drawn_to, 1);
            while low < share && booked < left as usize {
                let mut random = ChaCha8Rng::seed_from_u64(self.seed);
                let place = u64::from(self.days_left) * scenario.segments.len() as u64 + place as u64;
                random.set_stream((place << 12) + band);
                let more = drawn(requests.rate, (low, 2.0 * low), &mut random);
                booked += more.into_iter().filter(|reluctance| *reluctance < share).count();
                (low, band) = (2.0 * low, band + 1);
            }
        }
        u32::try_from(booked).unwrap_or(u32::MAX).min(left)
    }
}

/// Requests by day, the first day on sale first.
fn days(scenario: &Scenario, seed: u64) -> Vec<Day> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let days = (1..=scenario.days).rev().map(|days_left| {
        let (all, shares) = (scenario.requests(days_left), scenario.shares(days_left));
        let segments = scenario.segments.iter().zip(shares).map(|(segment, share)| {
            // Shares of some families are relative, and above 1 at low prices: as many more ask there.
            let drawn_to = segment.response.share(scenario.grid.lowest).max(1.0);
            let rate = all * share.max(0.0);
            Requests { rate, drawn_to, reluctances: drawn(rate, (0.0, drawn_to), &mut random) }
        });
        Day { days_left, seed, segments: segments.collect() }
    });
    days.collect()
}

/// Requests whose reluctance is in a range; none where their number cannot be drawn.
fn drawn(rate: f64, (low, high): (f64, f64), random: &mut ChaCha8Rng) -> Vec<f64> {
    let count = Poisson::new(rate * (high - low));
    let count = count.map_or(0, |poisson| -> u64 { poisson.sample(random) as u64 });
    (0..count).map(|_| low + (high - low) * random.random::<f64>()).collect()
}
