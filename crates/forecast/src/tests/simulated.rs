//! A process whose truth is known.

use std::collections::BTreeMap;

use innkeeper_frames::curves::BookingCurves;

use super::{House, day};
use crate::{History, Rolling, Target, backtest, evaluate, rolling_origins};

#[test]
fn intervals_hold_what_they_claim() {
    let (mut inside, mut count) = ([0.0, 0.0], 0.0);
    for seed in 100..108 {
        let curves = BookingCurves::new(&House::new(seed).bookings());
        let rolling = Rolling {
            origins: rolling_origins(day("2023-11-30"), 28, 28, 6),
            days: 28,
            levels: vec![0.8, 0.95],
            known_until: day("2023-11-30"),
        };
        let made = backtest(&History::of(&curves), &[Target::Occupancy], &rolling, None).expect("a report");
        for day in &made[0].compared {
            for (inside, at) in inside.iter_mut().zip(&day.intervals) {
                *inside += f64::from(u8::from((at.lower..=at.upper).contains(&day.actual)));
            }
            count += 1.0;
        }
    }
    // 48 forecasts of 28 nights; nights three apart are nearly independent, so about 450 draws: three standard errors.
    let error = |level: f64| 3.0 * (level * (1.0 - level) / 450.0_f64).sqrt();
    for (inside, level) in inside.iter().zip([0.8, 0.95]) {
        let reached = inside / count;
        assert!((reached - level).abs() < error(level), "{level}: reached {reached} of {count}");
    }
}

#[test]
fn a_booking_curve_beats_last_week_by_far() {
    let hotels = BTreeMap::from([("one".to_owned(), BookingCurves::new(&House::new(200).bookings()))]);
    let origins = rolling_origins(day("2023-11-30"), 28, 19, 5);
    let report = evaluate(&hotels, &origins, 28, None, None);
    assert_eq!(report.reasons, Vec::<String>::new());
    for (key, figures) in &report.targets {
        assert!(figures.mase_28.is_some_and(|mase| mase < 0.75), "{key}: {figures:?}");
        assert!(figures.mae_7 <= figures.mae_28, "{key}: {figures:?}");
        assert_eq!(figures.seconds, None, "no clock was given");
    }
}
