//! What another way of choosing would have brought, from lists that were shown with known probabilities.
//!
//! Inverse propensity scoring (Horvitz and Thompson 1952) and its self-normalised form (Swaminathan and
//! Joachims 2015); for lists, the weight of a place is the product over the places down to it (`McInerney` and
//! others 2020), which assumes that an entry's reward depends on what stands above it, not below.

use serde::{Deserialize, Serialize};

/// Standard errors either side of an estimate: 95 % of a normal distribution.
const REACH: f64 = 1.959_963_984_540_054;

/// One choice that was shown.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LoggedChoice {
    /// Probability with which it was shown, above 0 up to 1.
    pub logged: f64,
    /// Probability with which the other way would have shown it, 0 to 1.
    pub target: f64,
    /// What it brought; finite.
    pub reward: f64,
}

/// A mean and where it lies with 95 % confidence, by normal approximation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Reward a choice.
    pub value: f64,
    /// Lower end; `None` from a single choice.
    pub low: Option<f64>,
    /// Upper end; `None` from a single choice.
    pub high: Option<f64>,
}

/// What the logs say of the other way.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct OffPolicy {
    /// Unbiased, and wide where weights are uneven.
    pub ips: Estimate,
    /// Slightly biased, narrower; `None` when the other way would have shown nothing of what was shown.
    pub snips: Option<Estimate>,
    /// Choices that the weights are worth, 0 to the number of choices. A small part means: do not believe it.
    pub effective_choices: f64,
    /// Choices.
    pub choices: usize,
    /// The largest weight.
    pub largest_weight: f64,
}

/// Why there is no estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OffPolicyError {
    /// Nothing was logged.
    #[error("no choice was logged")]
    Nothing,
    /// A probability is not one.
    #[error("choice {choice}: a probability lies outside its range")]
    Probability {
        /// Place in the log, from 0.
        choice: usize,
    },
    /// A reward is not a finite number.
    #[error("choice {choice}: the reward is not a finite number")]
    Reward {
        /// Place in the log, from 0.
        choice: usize,
    },
    /// A list's columns differ in length.
    #[error("a list has {logged} logged probabilities, {target} of the other way and {rewards} rewards")]
    Lengths {
        /// Of the logged probabilities.
        logged: usize,
        /// Of those of the other way.
        target: usize,
        /// Of the rewards.
        rewards: usize,
    },
}

/// Estimates the mean reward of a choice under the other way.
///
/// # Errors
/// When nothing was logged, a probability is outside its range or a reward is not finite.
pub fn estimate(log: &[LoggedChoice]) -> Result<OffPolicy, OffPolicyError> {
    if log.is_empty() {
        return Err(OffPolicyError::Nothing);
    }
    let mut weights = Vec::with_capacity(log.len());
    for (choice, entry) in log.iter().enumerate() {
        let weight = entry.target / entry.logged;
        if !(entry.logged > 0.0
            && entry.logged <= 1.0
            && (0.0..=1.0).contains(&entry.target)
            && weight.is_finite())
        {
            return Err(OffPolicyError::Probability { choice });
        }
        if !entry.reward.is_finite() || !(weight * entry.reward).is_finite() {
            return Err(OffPolicyError::Reward { choice });
        }
        weights.push(weight);
    }
    let count = log.len() as f64;
    let sum: f64 = weights.iter().sum();
    let squares: f64 = weights.iter().map(|w| w * w).sum();
    let value = weights.iter().zip(log).map(|(w, e)| w * e.reward).sum::<f64>() / count;
    let spread = weights.iter().zip(log).map(|(w, e)| (w * e.reward - value).powi(2)).sum::<f64>();
    let ips = around(value, (spread / (count - 1.0) / count).sqrt(), log.len());
    let snips = (sum > 0.0).then(|| {
        let value = weights.iter().zip(log).map(|(w, e)| w * e.reward).sum::<f64>() / sum;
        let spread = weights.iter().zip(log).map(|(w, e)| (w * (e.reward - value)).powi(2)).sum::<f64>();
        around(value, spread.sqrt() / sum, log.len())
    });
    Ok(OffPolicy {
        ips,
        snips,
        effective_choices: if squares > 0.0 { sum * sum / squares } else { 0.0 },
        choices: log.len(),
        largest_weight: weights.iter().copied().fold(0.0, f64::max),
    })
}

/// The places of one list as choices: each probability is that of the list down to the place.
///
/// # Errors
/// When the columns differ in length.
pub fn places(logged: &[f64], target: &[f64], rewards: &[f64]) -> Result<Vec<LoggedChoice>, OffPolicyError> {
    if logged.len() != target.len() || logged.len() != rewards.len() {
        return Err(OffPolicyError::Lengths {
            logged: logged.len(),
            target: target.len(),
            rewards: rewards.len(),
        });
    }
    let (mut shown, mut would_show) = (1.0, 1.0);
    Ok(logged
        .iter()
        .zip(target)
        .zip(rewards)
        .map(|((by_log, by_target), reward)| {
            shown *= by_log;
            would_show *= by_target;
            LoggedChoice { logged: shown, target: would_show, reward: *reward }
        })
        .collect())
}

fn around(value: f64, error: f64, count: usize) -> Estimate {
    let reach = (count > 1 && error.is_finite()).then_some(REACH * error);
    Estimate { value, low: reach.map(|r| value - r), high: reach.map(|r| value + r) }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    const REWARDS: [f64; 3] = [0.1, 0.5, 0.3];
    const LOGGED: [f64; 3] = [0.6, 0.1, 0.3];
    const TARGET: [f64; 3] = [0.1, 0.8, 0.1];

    fn simulate(seed: u64, choices: usize) -> Vec<LoggedChoice> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        (0..choices)
            .map(|_| {
                let lot: f64 = rng.random();
                let arm = if lot < 0.6 {
                    0
                } else if lot < 0.7 {
                    1
                } else {
                    2
                };
                let reward = f64::from(rng.random::<f64>() < REWARDS[arm]);
                LoggedChoice { logged: LOGGED[arm], target: TARGET[arm], reward }
            })
            .collect()
    }

    #[test]
    fn the_intervals_hold_the_truth_as_often_as_they_say() {
        let truth: f64 = TARGET.iter().zip(REWARDS).map(|(p, r)| p * r).sum();
        let logged: f64 = LOGGED.iter().zip(REWARDS).map(|(p, r)| p * r).sum();
        let (mut ips, mut snips, mut plain) = (0, 0, 0);
        let inside = |e: Estimate, x: f64| e.low.unwrap() <= x && x <= e.high.unwrap();
        for seed in 0..400 {
            let found = estimate(&simulate(seed, 2_000)).unwrap();
            ips += usize::from(inside(found.ips, truth));
            snips += usize::from(inside(found.snips.unwrap(), truth));
            plain += usize::from(inside(found.ips, logged));
            assert!(found.effective_choices < 2_000.0);
        }
        assert!((365..=395).contains(&ips), "IPS held the truth {ips} times of 400");
        assert!((365..=395).contains(&snips), "SNIPS held the truth {snips} times of 400");
        assert!(plain < 20, "the reward of what was logged is not the answer, yet was held {plain} times");
    }

    #[test]
    fn the_same_way_gives_back_the_mean() {
        let log: Vec<LoggedChoice> =
            simulate(1, 50).into_iter().map(|e| LoggedChoice { target: e.logged, ..e }).collect();
        let mean = log.iter().map(|e| e.reward).sum::<f64>() / 50.0;
        let found = estimate(&log).unwrap();
        assert!((found.ips.value - mean).abs() < 1e-12);
        assert!((found.snips.unwrap().value - mean).abs() < 1e-12);
        assert!((found.effective_choices - 50.0).abs() < 1e-9);
    }

    #[test]
    fn what_cannot_be_weighed_is_refused() {
        let fine = LoggedChoice { logged: 0.5, target: 0.5, reward: 1.0 };
        assert_eq!(estimate(&[]), Err(OffPolicyError::Nothing));
        for bad in [0.0, -0.1, 1.1, f64::NAN, f64::INFINITY] {
            let wrong = LoggedChoice { logged: bad, ..fine };
            assert_eq!(estimate(&[fine, wrong]), Err(OffPolicyError::Probability { choice: 1 }));
        }
        let wrong = LoggedChoice { target: f64::NAN, ..fine };
        assert_eq!(estimate(&[wrong]), Err(OffPolicyError::Probability { choice: 0 }));
        let wrong = LoggedChoice { reward: f64::NAN, ..fine };
        assert_eq!(estimate(&[wrong]), Err(OffPolicyError::Reward { choice: 0 }));
        let none = estimate(&[LoggedChoice { target: 0.0, ..fine }]).unwrap();
        assert_eq!((none.snips, none.ips.low), (None, None));
        assert!(places(&[0.5], &[], &[1.0]).is_err());
    }

    #[test]
    fn a_place_carries_the_probability_of_the_list_above_it() {
        let list = places(&[0.5, 0.25], &[1.0, 0.5], &[0.0, 1.0]).unwrap();
        assert!((list[1].logged - 0.125).abs() < 1e-12);
        assert!((list[1].target - 0.5).abs() < 1e-12);
    }
}
