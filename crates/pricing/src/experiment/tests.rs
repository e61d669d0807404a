use chrono::{Datelike, NaiveDate};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Normal};

use super::*;

/// Revenue with a week's shape and chance of `deviation` of the mean.
fn history(nights: usize, deviation: f64, seed: u64) -> Vec<f64> {
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    let noise = Normal::new(0.0, 1000.0 * deviation).unwrap();
    (0..nights)
        .map(|night| 800.0 + 400.0 * f64::from(night as u32 % 7 / 5) + noise.sample(&mut chance))
        .collect()
}

fn input(nights: usize, cluster: Cluster) -> TrialInput {
    TrialInput {
        first_night: NaiveDate::from_ymd_opt(2027, 3, 1).unwrap(),
        nights,
        room_types: vec!["single".into(), "double".into()],
        history: vec![history(364, 0.15, 1), history(364, 0.15, 2)],
        effect: 0.05,
        power: 0.8,
        significance: 0.05,
        cluster,
        seed: 7,
    }
}

#[test]
fn arms_are_balanced_by_weekday_and_type_and_repeat_by_seed() {
    let design = design_trial(&input(182, Cluster::Night)).unwrap();
    assert_eq!(design.assignments.len(), 364);
    for room_type in 0..2 {
        for weekday in 0..7 {
            let alike = design.assignments.iter().filter(|place| {
                place.room_type == room_type && place.night.weekday().num_days_from_monday() == weekday
            });
            let treated = alike.filter(|place| place.arm == Arm::Treatment).count();
            assert_eq!(treated, 13, "26 nights of each weekday, half of them in each arm");
        }
    }
    assert_eq!(design_trial(&input(182, Cluster::Night)).unwrap(), design);
    assert_ne!(design_trial(&TrialInput { seed: 8, ..input(182, Cluster::Night) }).unwrap(), design);
    let weeks = design_trial(&input(185, Cluster::Week)).unwrap();
    assert_eq!(weeks.assignments.len(), 26 * 7 * 2, "days after the last whole week are left alone");
    for week in weeks.assignments.chunks(14) {
        assert!(
            week.iter()
                .all(|place| week.iter().any(|other| *place == *other && other.cluster == week[0].cluster))
        );
        assert!((0..2).all(|kind| {
            let mut arms = week.iter().filter(|place| place.room_type == kind).map(|place| place.arm);
            let first = arms.next();
            arms.all(|arm| Some(arm) == first)
        }));
    }
}

#[test]
fn a_trial_of_the_size_needed_finds_the_effect_as_often_as_it_claims() {
    let mut wanted = input(400, Cluster::Night);
    wanted.nights = design_trial(&wanted).unwrap().nights_needed;
    let design = design_trial(&wanted).unwrap();
    assert!(design.detectable <= wanted.effect && design.detectable > 0.8 * wanted.effect, "{design:?}");
    let mut found = 0;
    for trial in 0..400 {
        let nights = [history(wanted.nights, 0.15, 1000 + trial), history(wanted.nights, 0.15, 9000 + trial)];
        // Outcomes without the week's shape, which the design balances.
        let mut sums = [(0.0, 0.0, 0.0); 2];
        for (place, assigned) in design.assignments.iter().enumerate() {
            let night = place / 2;
            let shape = 800.0 + 400.0 * f64::from(night as u32 % 7 / 5);
            let arm = usize::from(assigned.arm == Arm::Treatment);
            let mean = 800.0 + 400.0 * 2.0 / 7.0;
            let value =
                (nights[assigned.room_type][night] - shape) / mean + if arm == 1 { 0.05 } else { 0.0 };
            sums[arm].0 += 1.0;
            sums[arm].1 += value;
            sums[arm].2 += value * value;
        }
        let means = sums.map(|sum| sum.1 / sum.0);
        let variances = sums.map(|sum| sum.2 / sum.0 - (sum.1 / sum.0).powi(2));
        let error = (variances[0] / sums[0].0 + variances[1] / sums[1].0).sqrt();
        found += i32::from((means[1] - means[0]).abs() > 1.96 * error);
    }
    assert!((300..=350).contains(&found), "{found} of 400 at a power of 0.8");
}

#[test]
fn what_cannot_work_is_refused() {
    let error = |change: &dyn Fn(&mut TrialInput)| {
        let mut input = input(60, Cluster::Week);
        change(&mut input);
        design_trial(&input).unwrap_err()
    };
    assert_eq!(error(&|input| input.nights = 0), DesignError::Range("nights"));
    assert_eq!(error(&|input| input.nights = 3650), DesignError::Range("nights"));
    assert_eq!(error(&|input| input.effect = 0.0), DesignError::Range("effect"));
    assert_eq!(error(&|input| input.effect = f64::NAN), DesignError::Range("effect"));
    assert_eq!(error(&|input| input.effect = 1e-300), DesignError::Range("effect"));
    assert_eq!(error(&|input| input.power = 1.0), DesignError::Range("power"));
    assert_eq!(error(&|input| input.significance = 0.0), DesignError::Range("significance"));
    assert_eq!(error(&|input| input.cluster = Cluster::Nights(0)), DesignError::Range("cluster"));
    assert_eq!(error(&|input| input.room_types.clear()), DesignError::Range("room types"));
    assert_eq!(error(&|input| drop(input.history.pop())), DesignError::Histories { found: 1, expected: 2 });
    assert_eq!(error(&|input| input.history[1].clear()), DesignError::History { room_type: 1 });
    assert_eq!(error(&|input| input.history[1][5] = f64::NAN), DesignError::History { room_type: 1 });
    assert_eq!(
        error(&|input| input.history = vec![vec![5.0; 10]; 2]),
        DesignError::ShortHistory { degrees: 0 }
    );
    assert_eq!(error(&|input| input.history = vec![vec![5.0; 100]; 2]), DesignError::NoDeviation);
    assert_eq!(error(&|input| input.first_night = NaiveDate::MAX), DesignError::Range("first night"));
    let small = error(&|input| input.effect = 0.01);
    let DesignError::TooFewNights { needed, nights, detectable } = small else { panic!("{small:?}") };
    assert!(needed > nights && detectable > 0.01 && detectable < 0.2, "{needed} {detectable}");
    let mut chance = ChaCha8Rng::seed_from_u64(1);
    for _ in 0..200 {
        let mut any = input(chance.random_range(1..80), Cluster::Nights(chance.random_range(1..29)));
        any.effect = chance.random_range(0.001..1.0);
        if let Ok(design) = design_trial(&any) {
            assert!(design.clusters.0.abs_diff(design.clusters.1) <= 2 + 7, "{:?}", design.clusters);
        }
    }
}
