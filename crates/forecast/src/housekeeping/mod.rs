//! Housekeeping work of the days ahead: minutes and people a shift.
//!
//! In come, for each day and room type, the departures, stay-overs and arrivals that are expected, with their intervals, and
//! what the hotel knows of its own cleaning times; out go minutes with an interval, by room type and in all, and the people
//! each shift needs. The minutes of the room types always add up to those of the house.

mod times;

use std::collections::BTreeSet;

use chrono::NaiveDate;
use innkeeper_hotel::RoomTypeName;
use serde::{Deserialize, Serialize};

pub use times::{Cleaning, CleaningTimes, DefaultMinutes, MinutesEach, Source, TimesNote};

/// What is done to a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CleaningKind {
    /// After a departure: everything.
    Full,
    /// While the guest stays on: beds, bath, waste.
    Light,
    /// Before an arrival: a last look, the welcome.
    Arrival,
}

impl CleaningKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Full, Self::Light, Self::Arrival];
}

/// An expected number and the interval around it, at the level of the [`Demand`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Expected value, at least 0.
    pub value: f64,
    /// Lower bound, not above `value`.
    pub lower: f64,
    /// Upper bound, not below `value`.
    pub upper: f64,
}

impl Estimate {
    /// A number that is known.
    pub fn exactly(value: f64) -> Self {
        Self { value, lower: value, upper: value }
    }
}

/// What is expected of the rooms of one type.
#[derive(Debug, Clone, PartialEq)]
pub struct RoomTypeDemand {
    /// The type.
    pub room_type: RoomTypeName,
    /// Rooms whose guests leave that day.
    pub departures: Estimate,
    /// Rooms whose guests stay on.
    pub stay_overs: Estimate,
    /// Rooms that guests come to.
    pub arrivals: Estimate,
}

/// What is expected of a day.
#[derive(Debug, Clone, PartialEq)]
pub struct Demand {
    /// The day.
    pub date: NaiveDate,
    /// Probability that the intervals claim, in (0, 1).
    pub level: f64,
    /// Each room type once.
    pub room_types: Vec<RoomTypeDemand>,
}

/// A shift of the housekeepers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shift {
    /// What it is called.
    pub name: String,
    /// How long one person is there, in minutes; more than 0, at most a day.
    pub minutes: f64,
    /// Share of that time which is spent in rooms, above 0 and at most 1: the rest is breaks, ways and linen.
    pub productive: f64,
    /// Share of the day's work that falls into this shift, 0 to 1; the shares of all shifts add up to 1.
    pub share: f64,
}

/// How a hotel organises the work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HousekeepingSettings {
    /// The shifts of a day.
    pub shifts: Vec<Shift>,
}

impl Default for HousekeepingSettings {
    /// One morning shift of eight hours, 85 % of it in rooms.
    fn default() -> Self {
        let morning = Shift { name: "morning".into(), minutes: 480.0, productive: 0.85, share: 1.0 };
        Self { shifts: vec![morning] }
    }
}

/// Work of one room type.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RoomTypeWork {
    /// The type.
    pub room_type: RoomTypeName,
    /// Minutes; `None` where a time is not known, with the reason in [`Work::reason`].
    pub minutes: Option<Estimate>,
}

/// People that a shift needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShiftStaff {
    /// The shift.
    pub shift: String,
    /// People for the expected minutes.
    pub staff: u32,
    /// People for the lower bound.
    pub lower: u32,
    /// People for the upper bound.
    pub upper: u32,
}

/// Work of one day.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Work {
    /// The day.
    pub date: NaiveDate,
    /// Probability that the intervals claim.
    pub level: f64,
    /// Minutes of the house: the sum of the room types. `None` where a time is not known.
    pub minutes: Option<Estimate>,
    /// Minutes by room type, in the order of the demand.
    pub room_types: Vec<RoomTypeWork>,
    /// People by shift, in the order of the settings; empty where the minutes are not known.
    pub staff: Vec<ShiftStaff>,
    /// Why there are no minutes.
    pub reason: Option<String>,
}

/// Why work cannot be forecast.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum HousekeepingError {
    /// A number that is negative, not finite, or outside its own interval.
    #[error("{what} of {room_type} on {date} is no number of rooms with an interval around it")]
    Count {
        /// `departures`, `stay_overs`, `arrivals`.
        what: &'static str,
        /// The room type.
        room_type: RoomTypeName,
        /// The day.
        date: NaiveDate,
    },
    /// A room type twice on one day.
    #[error("room type {room_type} occurs twice on {date}")]
    Twice {
        /// The room type.
        room_type: RoomTypeName,
        /// The day.
        date: NaiveDate,
    },
    /// A level outside (0, 1).
    #[error("{0} is no level; a level is a probability between 0 and 1")]
    Level(f64),
    /// Shifts that cannot be worked.
    #[error("shift {0:?} has no length, no productive time or no share of the work")]
    Shift(String),
    /// Shares that do not add up to 1, or no shift at all.
    #[error("the shares of the shifts add up to {0}, not to 1")]
    Shares(f64),
}

/// Work of each day.
///
/// The counts of a day are taken to go wrong together (a full house is full in every type), the single cleanings to vary each by
/// itself: so the bounds of the counts add up, and the spread of the minutes shrinks against the sum.
///
/// # Errors
/// [`HousekeepingError`] when a count, a level or a shift makes no sense.
pub fn forecast(
    days: &[Demand],
    times: &CleaningTimes,
    settings: &HousekeepingSettings,
) -> Result<Vec<Work>, HousekeepingError> {
    check_shifts(settings)?;
    days.iter().map(|day| work(day, times, settings)).collect()
}

/// Mean, what the counts can be off by downwards and upwards, and the variance of the minutes of single cleanings.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    value: f64,
    down: f64,
    up: f64,
    variance: f64,
}

impl Sum {
    fn add(&mut self, other: Self) {
        self.value += other.value;
        self.down += other.down;
        self.up += other.up;
        self.variance += other.variance;
    }

    fn estimate(self, z: f64) -> Estimate {
        let noise = z * self.variance.sqrt();
        let lower = (self.value - self.down.hypot(noise)).max(0.0);
        Estimate { value: self.value, lower, upper: self.value + self.up.hypot(noise) }
    }
}

fn work(
    day: &Demand,
    times: &CleaningTimes,
    settings: &HousekeepingSettings,
) -> Result<Work, HousekeepingError> {
    if !(day.level > 0.0 && day.level < 1.0) {
        return Err(HousekeepingError::Level(day.level));
    }
    let z = distrs::Normal::ppf(f64::midpoint(1.0, day.level), 0.0, 1.0);
    let mut seen = BTreeSet::new();
    let mut house = Sum::default();
    let mut reason = None;
    let mut room_types = Vec::with_capacity(day.room_types.len());
    for demand in &day.room_types {
        let room_type = &demand.room_type;
        if !seen.insert(room_type) {
            return Err(HousekeepingError::Twice { room_type: room_type.clone(), date: day.date });
        }
        let mut sum = Some(Sum::default());
        let counts = [
            ("departures", demand.departures, CleaningKind::Full),
            ("stay_overs", demand.stay_overs, CleaningKind::Light),
            ("arrivals", demand.arrivals, CleaningKind::Arrival),
        ];
        for (what, count, kind) in counts {
            if !sound(count) {
                return Err(HousekeepingError::Count { what, room_type: room_type.clone(), date: day.date });
            }
            match times.of(room_type, kind) {
                Some(each) => {
                    if let Some(sum) = &mut sum {
                        sum.add(minutes(count, &each));
                    }
                }
                None if count.upper == 0.0 => {}
                None => {
                    sum = None;
                    reason = Some(
                        format!("no {kind:?} cleaning has been timed, and no default is set").to_lowercase(),
                    );
                }
            }
        }
        if let Some(sum) = sum {
            house.add(sum);
        }
        room_types
            .push(RoomTypeWork { room_type: room_type.clone(), minutes: sum.map(|sum| sum.estimate(z)) });
    }
    let minutes = reason.is_none().then(|| house.estimate(z));
    let people = |minutes: Estimate| settings.shifts.iter().map(|shift| staff(shift, minutes)).collect();
    Ok(Work {
        date: day.date,
        level: day.level,
        minutes,
        room_types,
        staff: minutes.map(people).unwrap_or_default(),
        reason,
    })
}

fn minutes(count: Estimate, each: &MinutesEach) -> Sum {
    Sum {
        value: count.value * each.mean,
        down: (count.value - count.lower) * each.mean,
        up: (count.upper - count.value) * each.mean,
        variance: count.value * each.deviation.powi(2) + (count.value * each.error).powi(2),
    }
}

fn staff(shift: &Shift, minutes: Estimate) -> ShiftStaff {
    let each = shift.minutes * shift.productive;
    // A hair less, so that 8.000000001 people are 8.
    let people =
        |minutes: f64| (minutes * shift.share / each - 1e-9).ceil().clamp(0.0, f64::from(u32::MAX)) as u32;
    ShiftStaff {
        shift: shift.name.clone(),
        staff: people(minutes.value),
        lower: people(minutes.lower),
        upper: people(minutes.upper),
    }
}

fn sound(count: Estimate) -> bool {
    let finite = count.value.is_finite() && count.lower.is_finite() && count.upper.is_finite();
    finite && 0.0 <= count.lower && count.lower <= count.value && count.value <= count.upper
}

fn check_shifts(settings: &HousekeepingSettings) -> Result<(), HousekeepingError> {
    for shift in &settings.shifts {
        let long = shift.minutes > 0.0 && shift.minutes <= 1_440.0;
        let productive = shift.productive > 0.0 && shift.productive <= 1.0;
        if !(long && productive && (0.0..=1.0).contains(&shift.share)) {
            return Err(HousekeepingError::Shift(shift.name.clone()));
        }
    }
    let shares: f64 = settings.shifts.iter().map(|shift| shift.share).sum();
    if (shares - 1.0).abs() < 1e-6 { Ok(()) } else { Err(HousekeepingError::Shares(shares)) }
}

#[cfg(test)]
mod tests;
