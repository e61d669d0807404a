//! Whether what the model expected came.

use chrono::{Days, NaiveDate};
use serde::Serialize;

use super::cells::Ground;
use super::input::{DemandError, History};
use super::layout::Night;
use super::model::DemandModel;

/// The level of the intervals that are measured.
const LEVEL: f64 = 0.8;
/// Fewest nights and room types, and fewest bookings, from which a coverage is said.
const FEWEST: (usize, f64) = (60, 100.0);

/// What a model that knew only an earlier day expected of the days after it, beside what came.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibration {
    /// The last day that it knew.
    pub until: NaiveDate,
    /// Nights and room types that were compared.
    pub nights: usize,
    /// Bookings that came for them after that day.
    pub came: f64,
    /// Bookings that were expected, at the prices that were then on sale.
    pub expected: f64,
    /// Came over expected.
    pub ratio: f64,
    /// The probability that the intervals were made for.
    pub level: f64,
    /// Share of nights and room types whose count lay within its interval.
    pub reached: f64,
    /// The share that should have: counts are whole, so that an interval holds a little more than its level.
    pub intended: f64,
}

/// Why there is no calibration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Uncalibrated {
    /// No model could be fitted to what was known on the earlier day.
    #[error("no model could be fitted to what was known on {until}: {error}")]
    NoModel {
        /// The day.
        until: NaiveDate,
        /// Why.
        error: DemandError,
    },
    /// Too little came afterwards.
    #[error(
        "{bookings} bookings for {nights} nights and room types are too few to say how good the model is"
    )]
    TooLittle {
        /// Nights and room types.
        nights: usize,
        /// Bookings that came.
        bookings: u64,
    },
}

impl DemandModel {
    /// Fits to what was known `holdout_days` before the last day, and compares what that model expects of the nights since
    /// then with what came. Prices and free rooms of those days are taken as they were.
    ///
    /// # Errors
    /// [`Uncalibrated`]: why it could not be measured.
    pub fn calibration(history: &History<'_>, holdout_days: u16) -> Result<Calibration, Uncalibrated> {
        let back = Days::new(u64::from(holdout_days.max(1)));
        let until = history.as_of.checked_sub_days(back).unwrap_or(NaiveDate::MIN);
        let no_model = |error| Uncalibrated::NoModel { until, error };
        let model = Self::fit(&History { as_of: until, ..*history }).map_err(no_model)?;
        let mut ground = Ground::read(history).map_err(no_model)?;
        let known = ground.as_of - i32::from(holdout_days.max(1));
        let cells = ground.cells(Some(known));
        let mut totals: std::collections::BTreeMap<(usize, usize), (f64, f64)> =
            std::collections::BTreeMap::new();
        for cell in &cells {
            let date = ground.first + cell.night as i32;
            let after = date - i32::from(cell.far) > known;
            // Nights to come are not over, and types that are new to the model have no rate in it.
            let name = &ground.stays.kinds[cell.kind];
            let kind = model.room_types().iter().position(|of| of.room_type == *name);
            let Some(kind) = kind.filter(|_| after && date <= ground.as_of) else { continue };
            let reference = model.room_types()[kind].reference_price;
            let ratio = cell.price.map_or(1.0, |price| price / reference);
            let seen = cell.competitor.filter(|seen| seen.by_then).map(|seen| seen.ratio);
            let rate = model.rate_of(Night::of_day(date), kind, cell.bucket, ratio, seen);
            let total = totals.entry((cell.night, kind)).or_default();
            *total = (total.0 + cell.count, total.1 + rate * cell.exposure);
        }
        totals.retain(|_, (_, expected)| *expected > 0.0);
        let (mut came, mut expected, mut held, mut intended) = (0.0, 0.0, 0.0, 0.0);
        for ((night, kind), (count, mean)) in &totals {
            let night = Night::of_day(ground.first + *night as i32);
            let variance = model.dispersion() * mean + model.night_variance(night, *kind) * mean * mean;
            let interval = interval(*mean, variance, LEVEL);
            came += count;
            expected += mean;
            held += f64::from(u8::from((interval.lower..=interval.upper).contains(count)));
            intended += interval.mass;
        }
        let nights = totals.len();
        if nights < FEWEST.0 || came < FEWEST.1 {
            return Err(Uncalibrated::TooLittle { nights, bookings: came as u64 });
        }
        let many = nights as f64;
        Ok(Calibration {
            until,
            nights,
            came,
            expected,
            ratio: came / expected,
            level: LEVEL,
            reached: held / many,
            intended: intended / many,
        })
    }
}

/// An interval of whole counts.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Counts {
    lower: f64,
    upper: f64,
    /// Its probability.
    mass: f64,
}

/// The central interval of a negative binomial count; of a Poisson count where the variance is no more than the mean.
fn interval(mean: f64, variance: f64, level: f64) -> Counts {
    let tail = (1.0 - level) / 2.0;
    let spread = variance - mean;
    // Chances by recursion from that of 0: p(n + 1) = p(n) (a + b n) / (n + 1), Panjer's (1981) form of both families.
    let (none, a, b) = if spread > 1e-9 * mean {
        let size = mean * mean / spread;
        let miss = spread / variance;
        (size * (mean / variance).ln(), size * miss, miss)
    } else {
        (-mean, mean, 0.0)
    };
    let (mut log, mut below, mut n) = (none, 0.0, 0.0);
    let (mut lower, mut under) = (None, 0.0);
    // Far beyond the mean there is nothing left to find.
    let most = mean + 40.0 * variance.sqrt() + 100.0;
    while n <= most {
        let chance = log.exp();
        if lower.is_none() && below + chance > tail {
            lower = Some(n);
            under = below;
        }
        below += chance;
        if below >= 1.0 - tail {
            break;
        }
        log += ((a + b * n) / (n + 1.0)).ln();
        n += 1.0;
    }
    Counts { lower: lower.unwrap_or(0.0), upper: n, mass: (below - under).clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_the_distributions() {
        // Poisson of 4: P(X <= 1) is 0.0916, P(X <= 2) 0.238, P(X <= 6) 0.889, P(X <= 7) 0.949.
        let poisson = interval(4.0, 4.0, 0.8);
        assert_eq!((poisson.lower, poisson.upper), (2.0, 7.0));
        assert!((poisson.mass - (0.948_87 - 0.091_58)).abs() < 1e-4, "{poisson:?}");
        // A variance far above the mean is mostly zeros and a long tail.
        let wide = interval(1.0, 10.0, 0.8);
        assert!(wide.lower == 0.0 && wide.upper >= 2.0 && wide.mass >= 0.8, "{wide:?}");
        let great = interval(50_000.0, 60_000.0, 0.8);
        assert!(
            great.lower > 49_000.0 && great.upper < 51_000.0 && (great.mass - 0.8).abs() < 0.01,
            "{great:?}"
        );
    }
}
