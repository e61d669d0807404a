//! How long a cleaning takes, learnt from the cleanings that were timed.
//!
//! A mean that a forgotten stopwatch cannot move, drawn from each room type towards the house and from the house towards a
//! default, the more so the fewer cleanings stand behind it (James and Stein's idea in its empirical Bayes form: Efron and
//! Morris, *Data analysis using Stein's estimator*, 1975).

use std::collections::BTreeMap;
use std::fmt;

use innkeeper_hotel::RoomTypeName;
use serde::{Deserialize, Serialize};

use super::CleaningKind;

/// No cleaning takes longer than a day.
const LONGEST: f64 = 1_440.0;
/// Cleanings that the default counts as much as.
const DEFAULT_COUNTS: f64 = 10.0;
/// Cleanings that the house counts as much as, where the types do not say how different they are.
const HOUSE_COUNTS: f64 = 10.0;
/// Spread of single cleanings against their mean where none was timed.
const DEFAULT_SPREAD: f64 = 0.35;
/// Doubt about a default, against its mean.
const DEFAULT_DOUBT: f64 = 0.25;

/// A cleaning that was timed.
#[derive(Debug, Clone, PartialEq)]
pub struct Cleaning {
    /// Type of the room; `None` where nobody wrote it down: it then speaks for the house only.
    pub room_type: Option<RoomTypeName>,
    /// What was done; `None` where nobody wrote it down: it is then counted and left out.
    pub kind: Option<CleaningKind>,
    /// Minutes, above 0 and at most a day; others are counted and left out.
    pub minutes: f64,
}

/// Minutes that are believed before the hotel has timed anything.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DefaultMinutes {
    /// After a departure.
    pub full: f64,
    /// While the guest stays.
    pub light: f64,
    /// Before an arrival.
    pub arrival: f64,
}

impl Default for DefaultMinutes {
    /// Half an hour, a quarter and five minutes: round figures of the trade, not of any one hotel.
    fn default() -> Self {
        Self { full: 30.0, light: 15.0, arrival: 5.0 }
    }
}

impl DefaultMinutes {
    fn of(&self, kind: CleaningKind) -> f64 {
        match kind {
            CleaningKind::Full => self.full,
            CleaningKind::Light => self.light,
            CleaningKind::Arrival => self.arrival,
        }
    }
}

/// Whose time it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Mostly of this room type's own cleanings.
    Own,
    /// Mostly of the hotel's other room types.
    House,
    /// Mostly the default: not the hotel's own.
    Default,
}

/// Minutes of one cleaning.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MinutesEach {
    /// Expected minutes.
    pub mean: f64,
    /// Standard deviation from one cleaning to the next.
    pub deviation: f64,
    /// Standard error of the mean.
    pub error: f64,
    /// Cleanings of this room type and kind.
    pub n: usize,
    /// Whose time it mostly is.
    pub source: Source,
}

/// Something to know about the times.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "note")]
pub enum TimesNote {
    /// No cleaning of this kind was timed: the default is used.
    Default {
        /// The kind.
        kind: CleaningKind,
        /// Its minutes.
        minutes: f64,
    },
    /// No cleaning of this kind was timed and there is no default.
    Unknown {
        /// The kind.
        kind: CleaningKind,
    },
    /// Cleanings without a kind, which were left out.
    NoKind {
        /// How many.
        cleanings: usize,
    },
    /// Cleanings whose minutes cannot be, which were left out.
    NoTime {
        /// How many.
        cleanings: usize,
    },
}

impl fmt::Display for TimesNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default { kind, minutes } => {
                write!(
                    f,
                    "no {kind:?} cleaning has been timed: {minutes} minutes are a default, not the hotel's own"
                )
            }
            Self::Unknown { kind } => write!(f, "no {kind:?} cleaning has been timed"),
            Self::NoKind { cleanings } => {
                write!(f, "{cleanings} cleanings do not say what was done, and were left out")
            }
            Self::NoTime { cleanings } => {
                write!(f, "{cleanings} cleanings took no time or more than a day, and were left out")
            }
        }
    }
}

/// Cleaning times of a hotel.
#[derive(Debug, Clone, PartialEq)]
pub struct CleaningTimes {
    own: BTreeMap<(RoomTypeName, CleaningKind), MinutesEach>,
    house: BTreeMap<CleaningKind, MinutesEach>,
    notes: Vec<TimesNote>,
}

impl CleaningTimes {
    /// Learns from cleanings in any order. Without `defaults`, a kind that was never timed has no time at all.
    pub fn learn(cleanings: &[Cleaning], defaults: Option<&DefaultMinutes>) -> Self {
        let mut notes = Vec::new();
        let possible = |cleaning: &&Cleaning| cleaning.minutes > 0.0 && cleaning.minutes <= LONGEST;
        let left_out = cleanings.iter().filter(|c| !possible(c)).count();
        if left_out > 0 {
            notes.push(TimesNote::NoTime { cleanings: left_out });
        }
        let no_kind = cleanings.iter().filter(possible).filter(|c| c.kind.is_none()).count();
        if no_kind > 0 {
            notes.push(TimesNote::NoKind { cleanings: no_kind });
        }
        let mut times = Self { own: BTreeMap::new(), house: BTreeMap::new(), notes };
        for kind in CleaningKind::ALL {
            let of_kind: Vec<&Cleaning> =
                cleanings.iter().filter(possible).filter(|c| c.kind == Some(kind)).collect();
            times.learn_kind(kind, &of_kind, defaults);
        }
        times
    }

    /// Minutes of one cleaning; a room type that was never timed has the house's. `None` where nothing is known.
    pub fn of(&self, room_type: &RoomTypeName, kind: CleaningKind) -> Option<MinutesEach> {
        let house = || self.house.get(&kind).map(|house| MinutesEach { n: 0, ..*house });
        self.own.get(&(room_type.clone(), kind)).copied().or_else(house)
    }

    /// Minutes of one cleaning in a room of no known type.
    pub fn house(&self, kind: CleaningKind) -> Option<MinutesEach> {
        self.house.get(&kind).copied()
    }

    /// What to know about them.
    pub fn notes(&self) -> &[TimesNote] {
        &self.notes
    }

    fn learn_kind(&mut self, kind: CleaningKind, cleanings: &[&Cleaning], defaults: Option<&DefaultMinutes>) {
        let default = defaults.map(|defaults| defaults.of(kind)).filter(|m| *m > 0.0 && *m <= LONGEST);
        let minutes: Vec<f64> = cleanings.iter().map(|c| c.minutes).collect();
        let n = minutes.len() as f64;
        let Some((lowest, highest)) = fences(&minutes) else {
            if let Some(mean) = default {
                self.notes.push(TimesNote::Default { kind, minutes: mean });
                let each = MinutesEach {
                    mean,
                    deviation: DEFAULT_SPREAD * mean,
                    error: DEFAULT_DOUBT * mean,
                    n: 0,
                    source: Source::Default,
                };
                self.house.insert(kind, each);
            } else {
                self.notes.push(TimesNote::Unknown { kind });
            }
            return;
        };
        let all: Vec<f64> = minutes.iter().map(|m| m.clamp(lowest, highest)).collect();
        let mut types: BTreeMap<&RoomTypeName, Vec<f64>> = BTreeMap::new();
        for (cleaning, minutes) in cleanings.iter().zip(&all) {
            if let Some(room_type) = &cleaning.room_type {
                types.entry(room_type).or_default().push(*minutes);
            }
        }
        let mean = mean_of(&all);
        let (prior, doubt) = default.map_or((mean, 0.0), |d| (d, DEFAULT_COUNTS));
        let house_mean = (n * mean + doubt * prior) / (n + doubt);
        // What single cleanings of one type differ by, drawn towards a usual spread while there are few.
        let inside: f64 = types.values().map(|t| spread_sum(t)).sum();
        let freedom: f64 = types.values().map(|t| t.len() as f64 - 1.0).sum();
        let usual = (DEFAULT_SPREAD * house_mean).powi(2);
        let variance = (inside + 5.0 * usual) / (freedom + 5.0);
        let house = MinutesEach {
            mean: house_mean,
            deviation: variance.sqrt(),
            error: (variance / (n + doubt)).sqrt(),
            n: all.len(),
            source: if n < doubt { Source::Default } else { Source::House },
        };
        let borrowed = pooled(&types, mean, variance);
        for (room_type, own) in &types {
            let count = own.len() as f64;
            let each = MinutesEach {
                mean: (count * mean_of(own) + borrowed * house.mean) / (count + borrowed),
                deviation: house.deviation,
                error: (variance / (count + borrowed)).sqrt(),
                n: own.len(),
                source: if count >= borrowed { Source::Own } else { house.source },
            };
            self.own.insert(((*room_type).clone(), kind), each);
        }
        self.house.insert(kind, house);
    }
}

/// Cleanings that the house counts as much as: the variance of single cleanings over that between room types.
fn pooled(types: &BTreeMap<&RoomTypeName, Vec<f64>>, mean: f64, variance: f64) -> f64 {
    if types.len() < 3 {
        return HOUSE_COUNTS;
    }
    let n = types.len() as f64;
    let between = types.values().map(|t| (mean_of(t) - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let by_chance = types.values().map(|t| variance / t.len() as f64).sum::<f64>() / n;
    let real = (between - by_chance).max(variance / 100.0);
    (variance / real).clamp(0.5, 100.0)
}

/// Beyond three times the middle half's width nothing is believed as it stands (Tukey, *Exploratory data analysis*, 1977).
fn fences(minutes: &[f64]) -> Option<(f64, f64)> {
    let mut sorted = minutes.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    let at = |share: usize| sorted.get(last * share / 4).copied();
    let (first, third) = (at(1)?, at(3)?);
    let reach = 3.0 * (third - first);
    Some(((first - reach).max(0.0), third + reach))
}

fn mean_of(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn spread_sum(values: &[f64]) -> f64 {
    let mean = mean_of(values);
    values.iter().map(|v| (v - mean).powi(2)).sum()
}
