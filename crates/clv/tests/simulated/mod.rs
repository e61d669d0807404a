//! Guests drawn from the models themselves.
#![allow(clippy::expect_used, reason = "for tests")]

use innkeeper_clv::{BgNbd, GammaGamma, History};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Beta, Distribution, Exp, Gamma};

/// A guest: what is known of it at its age, and what it then does.
pub struct Simulated {
    pub history: History,
    /// Times after the age, and amounts.
    pub future: Vec<(f64, f64)>,
}

/// Guests of ages from 20 to 80, followed for `after` more.
pub fn guests(model: BgNbd, spend: GammaGamma, count: usize, after: f64, seed: u64) -> Vec<Simulated> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let rates = Gamma::new(model.r, 1.0 / model.alpha).expect("rates");
    let leaving = (model.a > 0.0).then(|| Beta::new(model.a, model.b).expect("leaving"));
    let levels = Gamma::new(spend.q, 1.0 / spend.v).expect("levels");
    let one = |random: &mut ChaCha8Rng| {
        let age = random.random_range(20.0..80.0);
        let rate: f64 = rates.sample(random);
        let p = leaving.map_or(0.0, |leaving| leaving.sample(random));
        let amounts = Gamma::new(spend.p, 1.0 / levels.sample(random)).expect("amounts");
        let (mut time, mut before, mut future) = (0.0, Vec::new(), Vec::new());
        loop {
            time += Exp::new(rate.max(1e-12)).expect("a rate").sample(random);
            if time > age + after {
                break;
            }
            let bought = (time, amounts.sample(random));
            if time <= age {
                before.push(bought);
            } else {
                future.push((time - age, bought.1));
            }
            if random.random::<f64>() < p {
                break;
            }
        }
        let recency = before.last().map_or(0.0, |(time, _)| *time);
        let mut history = History::new(before.len() as u32, recency, age).expect("valid");
        if !before.is_empty() {
            let mean = before.iter().map(|(_, amount)| amount).sum::<f64>() / before.len() as f64;
            history = history.with_spend(mean).expect("valid");
        }
        Simulated { history, future }
    };
    (0..count).map(|_| one(&mut random)).collect()
}

pub fn histories(guests: &[Simulated]) -> Vec<History> {
    guests.iter().map(|guest| guest.history).collect()
}
