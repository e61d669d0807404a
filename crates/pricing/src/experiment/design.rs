use chrono::{Datelike, Days, NaiveDate};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::quantiles::{normal_quantile, student_quantile};

/// Neighbouring nights that change arm together. Guests who stay several nights tie neighbours, so that a long stay under two
/// arms blurs the difference: take weeks unless stays are short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cluster {
    /// Each night alone.
    Night,
    /// Seven nights from the first one on.
    Week,
    /// So many nights, 1..=28.
    Nights(usize),
}

impl Cluster {
    fn nights(self) -> usize {
        match self {
            Self::Night => 1,
            Self::Week => 7,
            Self::Nights(nights) => nights,
        }
    }
}

/// A trial to be designed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialInput {
    /// First night of the trial.
    pub first_night: NaiveDate,
    /// Nights there are, 1..=730.
    pub nights: usize,
    /// Room types, 1..=50.
    pub room_types: Vec<String>,
    /// For each room type what a night brought (revenue, or bookings), 0 or more, night after night without a hole; at most
    /// 3,660 nights, of the same kind as the trial's.
    pub history: Vec<Vec<f64>>,
    /// Difference between the arms that is to be found, as a share of the mean, above 0 and at most 1.
    pub effect: f64,
    /// Probability to find it where it is, in 0.5..=0.99.
    pub power: f64,
    /// Probability, in 0.001..=0.2, to find one where none is; two-sided.
    pub significance: f64,
    /// Nights that change arm together.
    pub cluster: Cluster,
    /// The draw.
    pub seed: u64,
}

/// Whose prices a night and room type gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arm {
    /// The prices as they were.
    Control,
    /// The prices on trial.
    Treatment,
}

/// A night and room type with its arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The night.
    pub night: NaiveDate,
    /// The room type, its place in the list.
    pub room_type: usize,
    /// Nights of one cluster share it, from 0.
    pub cluster: usize,
    /// Its arm.
    pub arm: Arm,
}

/// A trial that can find what it is for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialDesign {
    /// Arms by night, then room type. Nights after the last whole cluster have none and are not in the list.
    pub assignments: Vec<Assignment>,
    /// Nights that the effect needs.
    pub nights_needed: usize,
    /// The smallest effect that the nights there are find with the wanted power, as a share of the mean.
    pub detectable: f64,
    /// Standard deviation of a cluster's mean around others of its weekday and type, as a share of the type's mean.
    pub deviation: f64,
    /// Clusters of a room type in each arm: `(control, treatment)`.
    pub clusters: (usize, usize),
}

/// Why there is no trial.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DesignError {
    /// A number or a length outside its range.
    #[error("{0} is outside its range")]
    Range(&'static str),
    /// History that is not one list for each room type.
    #[error("{found} histories for {expected} room types")]
    Histories {
        /// Lists of history.
        found: usize,
        /// Room types.
        expected: usize,
    },
    /// A number of history below 0 or not a number, or a room type that never brought anything.
    #[error("history of room type {room_type} holds nothing to compare with")]
    History {
        /// Its place in the list.
        room_type: usize,
    },
    /// History too short to know how much clusters differ.
    #[error("history leaves {degrees} degrees of freedom for the deviation between clusters, 4 are needed")]
    ShortHistory {
        /// Degrees of freedom.
        degrees: usize,
    },
    /// Clusters never differed, so that chance cannot be told from an effect.
    #[error("clusters of the history do not differ at all")]
    NoDeviation,
    /// The effect is too small for the nights there are.
    #[error(
        "{needed} nights are needed, there are {nights}; those find a difference of {detectable:.3} of the mean"
    )]
    TooFewNights {
        /// Nights the effect needs.
        needed: usize,
        /// Nights there are.
        nights: usize,
        /// The smallest effect that those find; infinite below two clusters for each arm.
        detectable: f64,
    },
}

/// Designs a trial of prices: clusters of nights, for each room type by itself, get one of two arms in pairs that follow each
/// other in time and begin on the same weekday, which of the two first being drawn (a switchback in permuted blocks).
///
/// Clusters in each arm: `2 * (t(1 - significance / 2) + t(power))^2 * deviation^2 / effect^2`, for the comparison of two means
/// (Chow, Shao & Wang 2008, Sample Size Calculations in Clinical Research, section 3.2), Student's t with the degrees of
/// freedom that the number itself gives. The deviation is that of whole clusters, so what ties neighbouring nights is in it.
///
/// # Errors
/// [`DesignError`] that names what makes the trial impossible; for too few nights with the number needed.
pub fn design_trial(input: &TrialInput) -> Result<TrialDesign, DesignError> {
    check(input)?;
    let length = input.cluster.nights();
    let types = input.room_types.len();
    let deviation = deviation(&input.history, length)?;
    let effect = |per_arm: usize| {
        let count = per_arm as f64;
        let degrees = 2.0 * count - 2.0;
        let found = student_quantile(1.0 - input.significance / 2.0, degrees)
            + student_quantile(input.power, degrees);
        found * deviation * (2.0 / count).sqrt()
    };
    let normal = normal_quantile(1.0 - input.significance / 2.0) + normal_quantile(input.power);
    let first = 2.0 * (normal * deviation / input.effect).powi(2);
    if first > 1e9 {
        return Err(DesignError::Range("effect"));
    }
    // The normal answer is the least; a few more make up for the t.
    let mut per_arm = (first.ceil() as usize).max(2);
    while effect(per_arm) > input.effect {
        per_arm += 1;
    }
    // Each room type has as many clusters in each arm: pairs of clusters.
    let nights_needed = 2 * per_arm.div_ceil(types) * length;
    let clusters = input.nights / length;
    let available = clusters * types / 2;
    let detectable = if available < 2 { f64::INFINITY } else { effect(available) };
    if clusters < 2 || available < per_arm {
        return Err(DesignError::TooFewNights { needed: nights_needed, nights: input.nights, detectable });
    }
    let (assignments, clusters) = assign(input, length, clusters);
    Ok(TrialDesign { assignments, nights_needed, detectable, deviation, clusters })
}

fn check(input: &TrialInput) -> Result<(), DesignError> {
    let range = |name, inside: bool| if inside { Ok(()) } else { Err(DesignError::Range(name)) };
    range("nights", (1..=730).contains(&input.nights))?;
    // Far from the last day that the calendar knows.
    range("first night", input.first_night.year() < 9_990)?;
    range("room types", (1..=50).contains(&input.room_types.len()))?;
    range("cluster", (1..=28).contains(&input.cluster.nights()))?;
    range("effect", input.effect > 0.0 && input.effect <= 1.0)?;
    range("power", input.power >= 0.5 && input.power <= 0.99)?;
    range("significance", input.significance >= 0.001 && input.significance <= 0.2)?;
    if input.history.len() != input.room_types.len() {
        return Err(DesignError::Histories { found: input.history.len(), expected: input.room_types.len() });
    }
    for (room_type, nights) in input.history.iter().enumerate() {
        range("history", nights.len() <= 3660)?;
        let known = nights.iter().all(|value| (0.0..=1e12).contains(value));
        if !known || nights.iter().sum::<f64>() <= 0.0 {
            return Err(DesignError::History { room_type });
        }
    }
    Ok(())
}

/// Standard deviation of cluster means around those of the same weekday and type, over the type's mean.
fn deviation(history: &[Vec<f64>], length: usize) -> Result<f64, DesignError> {
    let strata = if length.is_multiple_of(7) { 1 } else { 7 };
    let (mut squares, mut degrees) = (0.0, 0);
    for nights in history {
        let mean = nights.iter().sum::<f64>() / nights.len() as f64;
        let clusters: Vec<f64> = nights
            .chunks_exact(length)
            .map(|cluster| cluster.iter().sum::<f64>() / length as f64 / mean)
            .collect();
        for stratum in 0..strata {
            let alike: Vec<f64> = (clusters.iter().enumerate())
                .filter(|(place, _)| place * length % 7 % strata == stratum)
                .map(|(_, value)| *value)
                .collect();
            if alike.len() > 1 {
                let middle = alike.iter().sum::<f64>() / alike.len() as f64;
                squares += alike.iter().map(|value| (value - middle).powi(2)).sum::<f64>();
                degrees += alike.len() - 1;
            }
        }
    }
    if degrees < 4 {
        return Err(DesignError::ShortHistory { degrees });
    }
    let deviation = (squares / degrees as f64).sqrt();
    if deviation > 1e-9 { Ok(deviation) } else { Err(DesignError::NoDeviation) }
}

fn assign(input: &TrialInput, length: usize, clusters: usize) -> (Vec<Assignment>, (usize, usize)) {
    let types = input.room_types.len();
    let mut chance = ChaCha8Rng::seed_from_u64(input.seed);
    let mut arms = vec![Arm::Control; clusters * types];
    let mut counts = (0, 0);
    for room_type in 0..types {
        let mut open: [Option<Arm>; 7] = [None; 7];
        for cluster in 0..clusters {
            let weekday = cluster * length % 7;
            let arm = match open[weekday].take() {
                Some(Arm::Control) => Arm::Treatment,
                Some(Arm::Treatment) => Arm::Control,
                None => {
                    // A last cluster without a partner goes to the arm that has fewer.
                    let alone = cluster + pair_distance(length) >= clusters && counts.0 != counts.1;
                    let arm = match (alone, counts.0 < counts.1) {
                        (true, true) => Arm::Control,
                        (true, false) => Arm::Treatment,
                        _ if chance.random::<bool>() => Arm::Control,
                        _ => Arm::Treatment,
                    };
                    open[weekday] = Some(arm);
                    arm
                }
            };
            match arm {
                Arm::Control => counts.0 += 1,
                Arm::Treatment => counts.1 += 1,
            }
            arms[cluster * types + room_type] = arm;
        }
    }
    let mut assignments = Vec::with_capacity(clusters * length * types);
    for night in 0..clusters * length {
        let date = input.first_night + Days::new(night as u64);
        for room_type in 0..types {
            let cluster = night / length;
            let arm = arms[cluster * types + room_type];
            assignments.push(Assignment { night: date, room_type, cluster, arm });
        }
    }
    (assignments, counts)
}

/// Clusters until the next one that begins on the same weekday.
fn pair_distance(length: usize) -> usize {
    if length.is_multiple_of(7) { 1 } else { 7 }
}
