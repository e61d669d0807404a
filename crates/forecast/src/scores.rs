//! How good a forecast was: errors of the value, and whether the interval kept its word.
//!
//! Every function refuses what is not a finite number, so that one NaN cannot turn a table of errors into an empty one.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::Serialize;

/// Days of a week, the season that daily figures of a hotel are scaled by.
pub const WEEK: usize = 7;

/// Why a score was not computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ScoreError {
    /// Nothing to score.
    #[error("there is nothing to score")]
    Empty,
    /// Actual and predicted values do not belong together.
    #[error("{actual} actual values against {predicted} predicted ones")]
    Lengths {
        /// Actual values.
        actual: usize,
        /// Predicted values.
        predicted: usize,
    },
    /// NaN or infinity.
    #[error("{what} number {index} is {value}, which is not a finite number")]
    NotFinite {
        /// What the value is: `actual`, `predicted`, `lower`, `upper`, `scale`.
        what: &'static str,
        /// Its place, from 0.
        index: usize,
        /// The value.
        value: f64,
    },
    /// A level or a quantile outside (0, 1).
    #[error("{0} is no share between 0 and 1")]
    Share(f64),
    /// An interval whose lower bound is above its upper one.
    #[error("interval number {index} begins at {lower}, above its end {upper}")]
    Crossed {
        /// Its place, from 0.
        index: usize,
        /// Lower bound.
        lower: f64,
        /// Upper bound.
        upper: f64,
    },
}

/// An interval that claims to hold the actual value with probability `level`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// Probability it claims, in (0, 1).
    pub level: f64,
    /// Lower bound.
    pub lower: f64,
    /// Upper bound, not below `lower`.
    pub upper: f64,
}

/// One forecast of one day, and what that day brought.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Days ahead, from 1.
    pub horizon: u16,
    /// What happened.
    pub actual: f64,
    /// What was predicted.
    pub predicted: f64,
    /// What [`scale`] says of the history before the origin of this forecast; `None` leaves it out of MASE.
    pub scale: Option<f64>,
    /// The intervals that were given, in any order of levels; the same levels for every outcome.
    pub intervals: Vec<Interval>,
}

/// Scores of some outcomes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scores {
    /// Outcomes that were scored.
    pub n: usize,
    /// Mean absolute error, in the unit of the values.
    pub mae: f64,
    /// Mean absolute scaled error: 1 is as good as last week's value was inside the history (Hyndman and Koehler, *Another
    /// look at measures of forecast accuracy*, 2006). `None` where no outcome has a scale.
    pub mase: Option<f64>,
    /// Outcomes that `mase` counts.
    pub mase_n: usize,
    /// Symmetric mean absolute percentage error, 0 to 2: `2 |a - p| / (|a| + |p|)`, 0 where both are 0.
    pub smape: f64,
    /// One for each level, ascending.
    pub intervals: Vec<IntervalScores>,
}

/// Scores of the intervals of one level.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IntervalScores {
    /// Probability that the intervals claim.
    pub level: f64,
    /// Intervals that were scored.
    pub n: usize,
    /// Share of the actual values inside, bounds included.
    pub coverage: f64,
    /// Mean of upper minus lower.
    pub width: f64,
    /// Mean interval score (Gneiting and Raftery, *Strictly proper scoring rules, prediction, and estimation*, 2007, section
    /// 6.2): the width, plus `2 / (1 - level)` times what an actual value lies outside.
    pub interval_score: f64,
    /// Mean pinball loss of the two bounds as quantiles `(1 - level) / 2` and `(1 + level) / 2`.
    pub pinball: f64,
}

/// Mean absolute error.
///
/// # Errors
/// [`ScoreError`] when there is nothing to score, the lengths differ or a value is not finite.
pub fn mae(actual: &[f64], predicted: &[f64]) -> Result<f64, ScoreError> {
    mean_of(actual, predicted, |a, p| (a - p).abs())
}

/// Symmetric mean absolute percentage error, 0 to 2; two zeros agree.
///
/// # Errors
/// As [`mae`].
pub fn smape(actual: &[f64], predicted: &[f64]) -> Result<f64, ScoreError> {
    mean_of(actual, predicted, symmetric)
}

/// Mean pinball loss of predictions of one quantile, in the unit of the values (Koenker and Bassett, *Regression quantiles*,
/// 1978).
///
/// # Errors
/// As [`mae`], and when `quantile` is not in (0, 1).
pub fn pinball(actual: &[f64], predicted: &[f64], quantile: f64) -> Result<f64, ScoreError> {
    share(quantile)?;
    mean_of(actual, predicted, |a, p| pinball_of(a, p, quantile))
}

/// Mean absolute difference between a value and the one `season` days before it: the error of the seasonal naive forecast
/// inside `history`, by which MASE scales. `None` when the history is not longer than a season, or when every value repeats,
/// so that nothing can be divided by it.
///
/// # Errors
/// [`ScoreError::NotFinite`].
pub fn scale(history: &[f64], season: usize) -> Result<Option<f64>, ScoreError> {
    finite("actual", history)?;
    if season == 0 || history.len() <= season {
        return Ok(None);
    }
    let later = history.iter().skip(season);
    let n = (history.len() - season) as f64;
    let mean = later.zip(history).map(|(now, before)| (now / n - before / n).abs()).sum::<f64>();
    Ok((mean > 0.0 && mean.is_finite()).then_some(mean))
}

/// Mean absolute scaled error with the scale of `history`; `None` where [`scale`] is.
///
/// # Errors
/// As [`mae`].
pub fn mase(history: &[f64], actual: &[f64], predicted: &[f64]) -> Result<Option<f64>, ScoreError> {
    let error = mae(actual, predicted)?;
    Ok(scale(history, WEEK)?.map(|scale| error / scale))
}

/// Scores of intervals of one level.
///
/// # Errors
/// [`ScoreError`] when there is nothing to score, the lengths differ, a value is not finite, a lower bound is above its upper
/// one, or the level is not in (0, 1).
pub fn intervals(
    actual: &[f64],
    lower: &[f64],
    upper: &[f64],
    level: f64,
) -> Result<IntervalScores, ScoreError> {
    share(level)?;
    same_length(actual, lower)?;
    same_length(actual, upper)?;
    finite("actual", actual)?;
    finite("lower", lower)?;
    finite("upper", upper)?;
    let n = actual.len() as f64;
    let (low, high) = (f64::midpoint(0.0, 1.0 - level), f64::midpoint(1.0, level));
    let mut scores = IntervalScores {
        level,
        n: actual.len(),
        coverage: 0.0,
        width: 0.0,
        interval_score: 0.0,
        pinball: 0.0,
    };
    let mut inside = 0_usize;
    for (index, ((&a, &lower), &upper)) in actual.iter().zip(lower).zip(upper).enumerate() {
        if lower > upper {
            return Err(ScoreError::Crossed { index, lower, upper });
        }
        inside += usize::from(lower <= a && a <= upper);
        scores.width += (upper - lower) / n;
        let outside = (lower - a).max(a - upper).max(0.0);
        scores.interval_score += (upper - lower + 2.0 / (1.0 - level) * outside) / n;
        scores.pinball += f64::midpoint(pinball_of(a, lower, low), pinball_of(a, upper, high)) / n;
    }
    scores.coverage = inside as f64 / n;
    Ok(scores)
}

/// Scores of all outcomes whose horizon lies in `horizons`.
///
/// # Errors
/// [`ScoreError`] when no outcome lies there, or one holds what cannot be scored.
pub fn over(outcomes: &[Outcome], horizons: RangeInclusive<u16>) -> Result<Scores, ScoreError> {
    let kept: Vec<&Outcome> = outcomes.iter().filter(|o| horizons.contains(&o.horizon)).collect();
    of(&kept)
}

/// Scores of each horizon that occurs.
///
/// # Errors
/// [`ScoreError`] when there are no outcomes, or one holds what cannot be scored.
pub fn by_horizon(outcomes: &[Outcome]) -> Result<BTreeMap<u16, Scores>, ScoreError> {
    let mut groups: BTreeMap<u16, Vec<&Outcome>> = BTreeMap::new();
    for outcome in outcomes {
        groups.entry(outcome.horizon).or_default().push(outcome);
    }
    if groups.is_empty() {
        return Err(ScoreError::Empty);
    }
    groups.into_iter().map(|(horizon, group)| Ok((horizon, of(&group)?))).collect()
}

fn of(outcomes: &[&Outcome]) -> Result<Scores, ScoreError> {
    let actual: Vec<f64> = outcomes.iter().map(|o| o.actual).collect();
    let predicted: Vec<f64> = outcomes.iter().map(|o| o.predicted).collect();
    let mut scaled = Vec::new();
    for (index, outcome) in outcomes.iter().enumerate() {
        match outcome.scale {
            Some(value) if !value.is_finite() || value <= 0.0 => {
                return Err(ScoreError::NotFinite { what: "scale", index, value });
            }
            Some(scale) => scaled.push((outcome.actual - outcome.predicted).abs() / scale),
            None => {}
        }
    }
    let mut levels: Vec<f64> = outcomes.iter().flat_map(|o| &o.intervals).map(|i| i.level).collect();
    levels.sort_by(f64::total_cmp);
    levels.dedup();
    let of_level = |level: f64| {
        let (mut a, mut lower, mut upper) = (Vec::new(), Vec::new(), Vec::new());
        for (outcome, interval) in outcomes.iter().flat_map(|o| o.intervals.iter().map(move |i| (o, i))) {
            if interval.level.total_cmp(&level).is_eq() {
                a.push(outcome.actual);
                lower.push(interval.lower);
                upper.push(interval.upper);
            }
        }
        intervals(&a, &lower, &upper, level)
    };
    Ok(Scores {
        n: outcomes.len(),
        mae: mae(&actual, &predicted)?,
        mase: (!scaled.is_empty()).then(|| scaled.iter().sum::<f64>() / scaled.len() as f64),
        mase_n: scaled.len(),
        smape: smape(&actual, &predicted)?,
        intervals: levels.into_iter().map(of_level).collect::<Result<_, _>>()?,
    })
}

fn mean_of(actual: &[f64], predicted: &[f64], loss: impl Fn(f64, f64) -> f64) -> Result<f64, ScoreError> {
    same_length(actual, predicted)?;
    finite("actual", actual)?;
    finite("predicted", predicted)?;
    let n = actual.len() as f64;
    // Divided before the sum, so that huge values do not overflow on the way to a mean that does not.
    Ok(actual.iter().zip(predicted).map(|(&a, &p)| loss(a, p) / n).sum())
}

fn symmetric(actual: f64, predicted: f64) -> f64 {
    // Halves, so that the sum of two huge values stays finite.
    let size = actual.abs() / 2.0 + predicted.abs() / 2.0;
    if size > 0.0 { (actual / 2.0 - predicted / 2.0).abs() / size * 2.0 } else { 0.0 }
}

fn pinball_of(actual: f64, predicted: f64, quantile: f64) -> f64 {
    let over = actual - predicted;
    (quantile * over).max((quantile - 1.0) * over)
}

fn same_length(actual: &[f64], predicted: &[f64]) -> Result<(), ScoreError> {
    if actual.len() != predicted.len() {
        return Err(ScoreError::Lengths { actual: actual.len(), predicted: predicted.len() });
    }
    if actual.is_empty() { Err(ScoreError::Empty) } else { Ok(()) }
}

fn finite(what: &'static str, values: &[f64]) -> Result<(), ScoreError> {
    match values.iter().enumerate().find(|(_, value)| !value.is_finite()) {
        Some((index, &value)) => Err(ScoreError::NotFinite { what, index, value }),
        None => Ok(()),
    }
}

fn share(value: f64) -> Result<(), ScoreError> {
    if value > 0.0 && value < 1.0 { Ok(()) } else { Err(ScoreError::Share(value)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    fn outcome(horizon: u16, actual: f64, predicted: f64) -> Outcome {
        let interval =
            |level: f64, half: f64| Interval { level, lower: predicted - half, upper: predicted + half };
        Outcome {
            horizon,
            actual,
            predicted,
            scale: Some(2.0),
            intervals: vec![interval(0.95, 4.0), interval(0.8, 2.0)],
        }
    }

    #[test]
    fn errors_are_those_worked_out_by_hand() {
        let (actual, predicted) = ([10.0, 0.0, 4.0], [8.0, 0.0, 6.0]);
        assert!(close(mae(&actual, &predicted).unwrap(), 4.0 / 3.0));
        assert!(close(smape(&actual, &predicted).unwrap(), (2.0 / 9.0 + 0.0 + 2.0 / 5.0) / 3.0));
        assert!(close(pinball(&actual, &predicted, 0.9).unwrap(), (1.8 + 0.0 + 0.2) / 3.0));
        let history: Vec<f64> = (0..14).map(f64::from).collect();
        assert_eq!(scale(&history, WEEK).unwrap(), Some(7.0));
        assert!(close(mase(&history, &actual, &predicted).unwrap().unwrap(), 4.0 / 21.0));
    }

    #[test]
    fn an_interval_score_charges_the_width_and_what_lies_outside() {
        let s = intervals(&[5.0, 12.0], &[4.0, 4.0], &[10.0, 10.0], 0.8).unwrap();
        assert!(close(s.coverage, 0.5) && close(s.width, 6.0));
        assert!(close(s.interval_score, f64::midpoint(6.0, 6.0 + 10.0 * 2.0)));
        // The two pinball losses of an interval add up to a multiple of its score.
        assert!(close(s.pinball * 4.0 / 0.2, s.interval_score));
    }

    #[test]
    fn a_history_that_repeats_has_no_scaled_error() {
        assert_eq!(scale(&[3.0; 30], WEEK).unwrap(), None);
        assert_eq!(scale(&[1.0, 2.0], WEEK).unwrap(), None);
        assert_eq!(mase(&[3.0; 30], &[1.0], &[2.0]).unwrap(), None);
    }

    #[test]
    fn a_value_that_is_no_number_is_named_and_not_averaged_away() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let said = mae(&[1.0, bad], &[1.0, 2.0]).unwrap_err();
            assert!(matches!(said, ScoreError::NotFinite { what: "actual", index: 1, .. }));
            assert!(smape(&[1.0], &[bad]).is_err());
            assert!(intervals(&[1.0], &[bad], &[2.0], 0.8).is_err());
            assert!(intervals(&[1.0], &[0.0], &[bad], 0.8).is_err());
            assert!(scale(&[bad; 20], WEEK).is_err());
            assert!(pinball(&[1.0], &[1.0], bad).is_err());
            let mut spoilt = outcome(1, 1.0, 1.0);
            spoilt.scale = Some(bad);
            assert!(over(&[spoilt], 1..=7).is_err());
        }
        assert_eq!(mae(&[], &[]), Err(ScoreError::Empty));
        assert_eq!(mae(&[1.0], &[]), Err(ScoreError::Lengths { actual: 1, predicted: 0 }));
        assert!(matches!(intervals(&[1.0], &[3.0], &[2.0], 0.8), Err(ScoreError::Crossed { .. })));
        assert_eq!(intervals(&[1.0], &[1.0], &[2.0], 1.0), Err(ScoreError::Share(1.0)));
    }

    #[test]
    fn a_range_of_horizons_counts_its_own_outcomes_only() {
        let outcomes = [outcome(1, 10.0, 9.0), outcome(7, 10.0, 7.0), outcome(8, 10.0, 0.0)];
        let week = over(&outcomes, 1..=7).unwrap();
        assert_eq!(week.n, 2);
        assert!(close(week.mae, 2.0) && close(week.mase.unwrap(), 1.0));
        assert_eq!(week.intervals.iter().map(|i| i.level).collect::<Vec<_>>(), [0.8, 0.95]);
        assert!(close(week.intervals[0].coverage, 0.5) && close(week.intervals[1].coverage, 1.0));
        assert_eq!(by_horizon(&outcomes).unwrap().keys().copied().collect::<Vec<_>>(), [1, 7, 8]);
        assert_eq!(over(&outcomes, 20..=28), Err(ScoreError::Empty));
    }

    proptest! {
        #[test]
        fn no_score_of_finite_values_is_negative_or_undefined(
            pairs in prop::collection::vec((-1e300_f64..1e300, -1e300_f64..1e300), 1..30),
        ) {
            let (actual, predicted): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
            prop_assert!(mae(&actual, &predicted).unwrap() >= 0.0);
            prop_assert!((0.0..=2.0 + 1e-9).contains(&smape(&actual, &predicted).unwrap()));
        }
    }
}
