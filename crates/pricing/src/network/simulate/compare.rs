use serde::{Deserialize, Serialize};

use super::{Outcome, Policy, Stage};
use crate::experiment::student_quantile;
use crate::network::error::{NetworkError, size};

/// A mean difference with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Paired {
    /// Mean of the differences.
    pub mean: f64,
    /// Lower end of the 95 % interval, by Student's t on the paired differences.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Means of a policy over the replications.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PolicyFigures {
    /// What it is called.
    pub name: String,
    /// Profit of a replication.
    pub profit: f64,
    /// Revenue of a replication.
    pub revenue: f64,
    /// Share of rooms and nights in use.
    pub occupancy: f64,
    /// Guests with a booking who were sent away.
    pub walked: f64,
    /// Profit of the first policy less this one's; `None` for the first.
    pub first_is_better_by: Option<Paired>,
}

/// What each policy made of the same requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Replications.
    pub replications: usize,
    /// The policies, as they were given.
    pub policies: Vec<PolicyFigures>,
}

/// Plays all policies on the requests of each seed; the first is compared with the others.
///
/// # Errors
/// [`NetworkError`] without a policy, or for less than 2 or more than 1,000,000 replications.
pub fn compare(
    stage: &Stage<'_>,
    policies: &mut [&mut dyn Policy],
    seeds: std::ops::Range<u64>,
) -> Result<Comparison, NetworkError> {
    size("policies", policies.len(), 1, 100)?;
    let replications = usize::try_from(seeds.end.saturating_sub(seeds.start)).unwrap_or(usize::MAX);
    size("replications", replications, 2, 1_000_000)?;
    let mut outcomes: Vec<Vec<Outcome>> = vec![Vec::with_capacity(replications); policies.len()];
    for seed in seeds {
        let requests = stage.requests(seed);
        for (policy, outcomes) in policies.iter_mut().zip(&mut outcomes) {
            outcomes.push(stage.play(&requests, &mut **policy));
        }
    }
    let mut figures = Vec::with_capacity(policies.len());
    for (place, policy) in policies.iter().enumerate() {
        let mean =
            |of: fn(&Outcome) -> f64| outcomes[place].iter().map(of).sum::<f64>() / replications as f64;
        let differences: Vec<f64> = outcomes[0]
            .iter()
            .zip(&outcomes[place])
            .map(|(first, other)| first.profit - other.profit)
            .collect();
        figures.push(PolicyFigures {
            name: policy.name().to_owned(),
            profit: mean(|outcome| outcome.profit),
            revenue: mean(|outcome| outcome.revenue),
            occupancy: mean(|outcome| outcome.occupancy),
            walked: mean(|outcome| f64::from(outcome.walked)),
            first_is_better_by: if place == 0 { None } else { paired(&differences) },
        });
    }
    Ok(Comparison { replications, policies: figures })
}

/// Mean of paired differences with its 95 % interval; `None` for less than 2.
pub fn paired(differences: &[f64]) -> Option<Paired> {
    if differences.len() < 2 {
        return None;
    }
    let count = differences.len() as f64;
    let mean = differences.iter().sum::<f64>() / count;
    let variance =
        differences.iter().map(|difference| (difference - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let half = student_quantile(0.975, count - 1.0) * (variance / count).sqrt();
    Some(Paired { mean, low: mean - half, high: mean + half })
}
