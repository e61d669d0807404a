use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

fn name(text: &str) -> RoomTypeName {
    text.parse().unwrap()
}

fn date() -> NaiveDate {
    "2026-03-01".parse().unwrap()
}

fn timed(room_type: &str, kind: CleaningKind, minutes: f64) -> Cleaning {
    Cleaning { room_type: Some(name(room_type)), kind: Some(kind), minutes }
}

fn demand(room_types: &[(&str, f64, f64, f64)]) -> Demand {
    let of = |(room_type, departures, stay_overs, arrivals): &(&str, f64, f64, f64)| RoomTypeDemand {
        room_type: name(room_type),
        departures: Estimate::exactly(*departures),
        stay_overs: Estimate::exactly(*stay_overs),
        arrivals: Estimate::exactly(*arrivals),
    };
    Demand { date: date(), level: 0.8, room_types: room_types.iter().map(of).collect() }
}

fn one(demand: Demand, times: &CleaningTimes) -> Work {
    forecast(&[demand], times, &HousekeepingSettings::default()).unwrap().remove(0)
}

#[test]
fn minutes_are_counts_times_times_and_people_are_minutes_over_a_shift() {
    let times = CleaningTimes::learn(&[], Some(&DefaultMinutes::default()));
    let work = one(demand(&[("standard", 20.0, 30.0, 10.0), ("suite", 2.0, 4.0, 0.0)]), &times);
    let minutes = work.minutes.unwrap();
    assert!((minutes.value - (22.0 * 30.0 + 34.0 * 15.0 + 10.0 * 5.0)).abs() < 1e-9);
    // 1,220 minutes over 408 productive ones are three people.
    assert_eq!(work.staff[0].staff, 3);
    assert!(work.staff[0].lower <= 3 && work.staff[0].upper >= 3);
    assert!(times.notes().iter().any(|note| note.to_string().contains("not the hotel's own")));
}

#[test]
fn without_history_and_without_a_default_there_is_a_reason_and_no_number() {
    let times = CleaningTimes::learn(&[timed("standard", CleaningKind::Full, 25.0)], None);
    let work = one(demand(&[("standard", 3.0, 5.0, 0.0)]), &times);
    assert!(work.minutes.is_none() && work.staff.is_empty());
    assert!(work.reason.unwrap().contains("light"));
    // What is not needed need not be known.
    let work = one(demand(&[("standard", 3.0, 0.0, 0.0)]), &times);
    assert!((work.minutes.unwrap().value - 75.0).abs() < 1e-9);
}

#[test]
fn a_thin_room_type_borrows_and_a_thick_one_keeps_its_own_time() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut cleanings = Vec::new();
    for (room_type, minutes, n) in [("standard", 24.0, 300), ("deluxe", 34.0, 200), ("suite", 55.0, 150)] {
        for _ in 0..n {
            cleanings.push(timed(room_type, CleaningKind::Full, minutes * (0.8 + 0.4 * rng.random::<f64>())));
        }
    }
    cleanings.push(timed("attic", CleaningKind::Full, 90.0));
    let times = CleaningTimes::learn(&cleanings, Some(&DefaultMinutes::default()));
    let of = |room_type: &str| times.of(&name(room_type), CleaningKind::Full).unwrap();
    assert!((of("standard").mean - 24.0).abs() < 1.0 && (of("suite").mean - 55.0).abs() < 2.0);
    assert_eq!(of("suite").source, Source::Own);
    let house = times.house(CleaningKind::Full).unwrap().mean;
    assert!(of("attic").mean > house && of("attic").mean < 90.0, "{:?}", of("attic"));
    assert_eq!(of("never seen").n, 0);
    assert!((of("never seen").mean - house).abs() < 1e-9);
}

#[test]
fn a_forgotten_stopwatch_does_not_move_the_time() {
    let mut cleanings: Vec<Cleaning> =
        (0..100).map(|i| timed("standard", CleaningKind::Light, 12.0 + f64::from(i % 5))).collect();
    let before = CleaningTimes::learn(&cleanings, None).house(CleaningKind::Light).unwrap().mean;
    cleanings.push(timed("standard", CleaningKind::Light, 1_400.0));
    for impossible in [f64::NAN, f64::INFINITY, -5.0, 0.0, 1e300] {
        cleanings.push(timed("standard", CleaningKind::Light, impossible));
    }
    cleanings.push(Cleaning { room_type: None, kind: None, minutes: 20.0 });
    let times = CleaningTimes::learn(&cleanings, None);
    assert!((times.house(CleaningKind::Light).unwrap().mean - before).abs() < 0.5);
    assert!(times.notes().contains(&TimesNote::NoTime { cleanings: 5 }));
    assert!(times.notes().contains(&TimesNote::NoKind { cleanings: 1 }));
}

#[test]
fn the_interval_holds_the_minutes_that_come() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut draw = |mean: f64| mean * (0.5 + rng.random::<f64>());
    let history: Vec<Cleaning> =
        (0..400).map(|_| timed("standard", CleaningKind::Full, draw(30.0))).collect();
    let times = CleaningTimes::learn(&history, None);
    let work = one(demand(&[("standard", 40.0, 0.0, 0.0)]), &times).minutes.unwrap();
    let held = (0..1_000)
        .filter(|_| {
            let minutes: f64 = (0..40).map(|_| draw(30.0)).sum();
            work.lower <= minutes && minutes <= work.upper
        })
        .count();
    assert!((760..=850).contains(&held), "{held} of 1,000 at a level of 0.8");
}

#[test]
fn a_wider_forecast_of_guests_is_a_wider_forecast_of_work() {
    let times = CleaningTimes::learn(&[], Some(&DefaultMinutes::default()));
    let narrow = one(demand(&[("standard", 20.0, 30.0, 10.0)]), &times).minutes.unwrap();
    let mut unsure = demand(&[("standard", 20.0, 30.0, 10.0)]);
    unsure.room_types[0].departures = Estimate { value: 20.0, lower: 5.0, upper: 60.0 };
    let wide = one(unsure, &times).minutes.unwrap();
    assert!(wide.lower < narrow.lower && wide.upper > narrow.upper);
    assert!((wide.value - narrow.value).abs() < 1e-9);
    assert!(wide.upper - wide.value >= 40.0 * 30.0);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let times = CleaningTimes::learn(&[], Some(&DefaultMinutes::default()));
    let settings = HousekeepingSettings::default();
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        let said = forecast(&[demand(&[("standard", bad, 0.0, 0.0)])], &times, &settings);
        assert!(matches!(said, Err(HousekeepingError::Count { what: "departures", .. })), "{said:?}");
    }
    let twice = forecast(&[demand(&[("a", 1.0, 0.0, 0.0), ("a", 1.0, 0.0, 0.0)])], &times, &settings);
    assert!(matches!(twice, Err(HousekeepingError::Twice { .. })));
    let certain = Demand { level: 1.0, ..demand(&[]) };
    assert_eq!(forecast(&[certain], &times, &settings), Err(HousekeepingError::Level(1.0)));
    let shift = |minutes, productive, share| Shift { name: "x".into(), minutes, productive, share };
    for bad in
        [shift(0.0, 0.8, 1.0), shift(480.0, 0.0, 1.0), shift(480.0, 1.1, 1.0), shift(f64::NAN, 0.8, 1.0)]
    {
        let settings = HousekeepingSettings { shifts: vec![bad] };
        assert!(matches!(forecast(&[], &times, &settings), Err(HousekeepingError::Shift(_))));
    }
    let half = HousekeepingSettings { shifts: vec![shift(480.0, 0.8, 0.5)] };
    assert_eq!(forecast(&[], &times, &half), Err(HousekeepingError::Shares(0.5)));
}

proptest! {
    #[test]
    fn the_minutes_of_the_room_types_are_those_of_the_house(
        counts in prop::collection::vec((0.0_f64..300.0, 0.0_f64..300.0, 0.0_f64..300.0), 0..12),
    ) {
        let names: Vec<String> = (0..counts.len()).map(|i| format!("type {i}")).collect();
        let rows: Vec<_> = names.iter().zip(&counts).map(|(n, c)| (n.as_str(), c.0, c.1, c.2)).collect();
        let times = CleaningTimes::learn(&[timed("type 1", CleaningKind::Full, 44.0)], Some(&DefaultMinutes::default()));
        let work = one(demand(&rows), &times);
        let house = work.minutes.unwrap();
        let types: f64 = work.room_types.iter().map(|t| t.minutes.unwrap().value).sum();
        prop_assert!((house.value - types).abs() < 1e-6);
        prop_assert!(0.0 <= house.lower && house.lower <= house.value && house.value <= house.upper);
        prop_assert!(house.upper <= work.room_types.iter().map(|t| t.minutes.unwrap().upper).sum::<f64>() + 1e-6);
    }
}
