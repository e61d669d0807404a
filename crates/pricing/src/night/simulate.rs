//! Policies on the same requests: what chance does to what is computed exactly elsewhere.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Poisson};

use super::{PricePolicy, Scenario};

/// Profit of each policy on the requests of one seed. The requests are the same for all: each has its day, its segment, and
/// the highest price it would pay.
pub fn play(scenario: &Scenario, policies: &[&dyn PricePolicy], seed: u64) -> Vec<f64> {
    let requests = requests(scenario, &mut ChaCha8Rng::seed_from_u64(seed));
    policies
        .iter()
        .map(|policy| {
            let (mut left, mut profit) = (scenario.rooms, 0.0);
            for (place, day) in requests.iter().enumerate() {
                if left == 0 {
                    break;
                }
                let price = policy.price(scenario.days - place as u32, left);
                let booked = day.iter().filter(|request| request.books(scenario, price)).count();
                let booked = u32::try_from(booked).unwrap_or(u32::MAX).min(left);
                left -= booked;
                profit += f64::from(booked) * (price - scenario.cost);
            }
            profit
        })
        .collect()
}

/// Somebody who asks.
struct Request {
    segment: usize,
    /// Books where the share of the segment that books is above this.
    reluctance: f64,
}

impl Request {
    fn books(&self, scenario: &Scenario, price: f64) -> bool {
        scenario.segments.get(self.segment).is_some_and(|of| self.reluctance < of.response.share(price))
    }
}

/// Requests by day, the first day on sale first.
fn requests(scenario: &Scenario, random: &mut ChaCha8Rng) -> Vec<Vec<Request>> {
    let days = (1..=scenario.days).rev().map(|day| {
        let (all, shares) = (scenario.requests(day), scenario.shares(day));
        let mut came = Vec::new();
        for (segment, (of, share)) in scenario.segments.iter().zip(shares).enumerate() {
            // Shares of some families are relative, and above 1 at low prices: as many more ask there.
            let most = of.response.share(scenario.grid.lowest).max(1.0);
            let count = Poisson::new(all * share.max(0.0) * most);
            let count = count.map_or(0, |poisson| -> u64 { poisson.sample(random) as u64 });
            came.extend((0..count).map(|_| Request { segment, reluctance: most * random.random::<f64>() }));
        }
        came
    });
    days.collect()
}
