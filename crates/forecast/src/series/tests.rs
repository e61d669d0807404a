use std::num::NonZeroUsize;

use chrono::Datelike;
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn series(values: impl IntoIterator<Item = f64>) -> Series {
    Series { first: day("2023-01-02"), values: values.into_iter().map(Some).collect() }
}

fn free(days: u16) -> SeriesRequest {
    SeriesRequest { days, bounds: Bounds { lower: None, upper: None }, ..SeriesRequest::default() }
}

/// A value from the standard normal distribution, near enough.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0
}

/// A hotel's like: weekdays, a season of the year, and what is left carries over from day to day.
fn simulated(seed: u64, days: usize, carried: f64) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let week = [0.0, -5.0, -3.0, 0.0, 10.0, 14.0, 4.0];
    let mut left = 0.0;
    let value = |t: usize| {
        left = carried * left + 6.0 * normal(&mut rng);
        let season = 30.0 * (std::f64::consts::TAU * t as f64 / 365.25).sin();
        120.0 + week[t % 7] + season + left
    };
    (0..days).map(value).collect()
}

fn sane(answer: &SeriesForecast, request: &SeriesRequest) {
    assert_eq!(answer.days.len(), usize::from(request.days));
    for day in &answer.days {
        assert!(day.value.is_finite(), "{day:?}");
        for interval in &day.intervals {
            assert!(interval.lower.is_finite() && interval.upper.is_finite(), "{day:?}");
            assert!(interval.lower <= day.value && day.value <= interval.upper, "{day:?}");
            for wider in day.intervals.iter().filter(|wider| wider.level > interval.level) {
                assert!(wider.lower <= interval.lower && interval.upper <= wider.upper, "{day:?}");
            }
        }
        for coverage in day.coverage.iter().flatten() {
            assert!((0.0..=1.0).contains(&coverage.share) && coverage.n > 0);
        }
    }
}

#[test]
fn intervals_hold_the_share_that_they_claim() {
    // Days of one path go wrong together: four of the 28 count as independent in the binomial error. All paths are at the same
    // place in the year, so that too much is held in a calm season; some is allowed for that.
    let levels = [0.5_f64, 0.8, 0.95];
    let request = SeriesRequest { levels: levels.to_vec(), ..free(28) };
    let paths = 60;
    for (carried, days) in [(0.0, 60), (0.0, 200), (0.7, 200), (0.7, 400), (0.7, 800), (0.9, 1_100)] {
        let mut held = [0.0; 3];
        for seed in 0..paths {
            let all = simulated(seed, days + 28, carried);
            let answer = forecast(&series(all[..days].iter().copied()), &request).unwrap();
            for (day, actual) in answer.days.iter().zip(&all[days..]) {
                for (held, interval) in held.iter_mut().zip(&day.intervals) {
                    *held += f64::from(u8::from(interval.lower <= *actual && *actual <= interval.upper));
                }
            }
        }
        for (held, level) in held.into_iter().zip(levels) {
            let share = held / (paths * 28) as f64;
            let error = 2.0 * (level * (1.0 - level) / (paths as f64 * 4.0)).sqrt();
            let allowed = level - error..(level + 0.13).min(1.0);
            assert!(allowed.contains(&share), "{share} of {level}, {days} days, {carried} carried over");
        }
    }
}

#[test]
fn the_reported_coverage_is_counted_and_not_the_level_itself() {
    let answer = forecast(&series(simulated(1, 500, 0.6)), &free(28)).unwrap();
    let coverage = answer.coverage[0].unwrap();
    assert!(coverage.n > 100 && (0.6..=0.95).contains(&coverage.share), "{coverage:?}");
    assert!((coverage.share * coverage.n as f64).fract().min(1e-6) < 1e-5);
    assert_ne!(coverage.share.to_bits(), coverage.level.to_bits());
}

#[test]
fn a_forecast_beats_last_weeks_values_where_there_is_a_season() {
    let (mut ours, mut naive) = (0.0, 0.0);
    for seed in 0..20 {
        let all = simulated(100 + seed, 628, 0.5);
        let answer = forecast(&series(all[..600].iter().copied()), &free(28)).unwrap();
        for (h, day) in answer.days.iter().enumerate() {
            ours += (day.value - all[600 + h]).abs();
            naive += (all[593 + h % 7] - all[600 + h]).abs();
        }
    }
    assert!(ours < 0.8 * naive, "{ours} against {naive}");
}

#[test]
fn the_weights_are_shares_and_name_each_member() {
    let answer = forecast(&series(simulated(2, 800, 0.5)), &free(60)).unwrap();
    for group in 0..3 {
        let sum: f64 = answer.members.iter().map(|member| member.weights[group]).sum();
        assert!((sum - 1.0).abs() < 1e-9, "{:?}", answer.members);
    }
    let names: Vec<&str> = answer.members.iter().map(|member| member.name).collect();
    assert!(
        names.contains(&"mstl_ets")
            && names.contains(&"damped_trend")
            && names.contains(&"yearly_regression")
    );
}

#[test]
fn three_weeks_give_a_wide_forecast_that_says_so_and_less_is_refused() {
    let answer = forecast(&series(simulated(3, 21, 0.0)), &free(28)).unwrap();
    sane(&answer, &free(28));
    assert!(answer.notes.contains(&Note::ColdStart { days: 21 }), "{:?}", answer.notes);
    assert!(answer.notes.iter().any(|note| matches!(note, Note::NotTried { from } if *from <= 8)));
    let last = answer.days.last().unwrap();
    assert!(last.intervals[0].upper - last.intervals[0].lower > 15.0, "{last:?}");
    assert_eq!(last.coverage, [None]);
    let refused = forecast(&series(simulated(3, 20, 0.0)), &free(28));
    assert_eq!(refused, Err(SeriesError::TooShort { have: 20, need: 21 }));
    let none = Series { first: day("2024-01-01"), values: vec![None; 400] };
    assert_eq!(forecast(&none, &free(7)), Err(SeriesError::TooShort { have: 0, need: 21 }));
    let empty = Series { first: day("2024-01-01"), values: vec![] };
    assert_eq!(forecast(&empty, &free(7)), Err(SeriesError::TooShort { have: 0, need: 21 }));
}

#[test]
fn a_series_of_one_value_stays_there_without_an_interval() {
    for value in [0.0, 42.0, -3.0] {
        let answer = forecast(&series(vec![value; 365]), &free(28)).unwrap();
        sane(&answer, &free(28));
        assert!(answer.days.iter().all(|d| (d.value - value).abs() < 1e-12));
        assert!(answer.days.iter().all(|d| d.intervals[0].lower.to_bits() == d.intervals[0].upper.to_bits()));
        assert!(matches!(answer.notes.last(), Some(Note::Constant { .. })));
        assert!(answer.error.is_empty() && answer.members[0].mae.is_none(), "nothing was tried");
        assert!(answer.days.iter().all(|d| d.coverage == [None]));
    }
}

#[test]
fn values_that_are_no_numbers_are_refused_by_their_place() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut values = simulated(4, 60, 0.0);
        values[17] = bad;
        assert_eq!(forecast(&series(values), &free(7)), Err(SeriesError::NotFinite { index: 17 }));
    }
}

#[test]
fn huge_values_and_ten_years_stay_numbers() {
    let huge = simulated(5, 400, 0.5).into_iter().map(|v| v * 1e300 / 200.0);
    sane(&forecast(&series(huge), &free(28)).unwrap(), &free(28));
    let mixed = (0..100).map(|t| if t % 2 == 0 { f64::MAX } else { f64::MIN });
    sane(&forecast(&series(mixed), &free(28)).unwrap(), &free(28));
    let answer = forecast(&series(simulated(6, 3_653, 0.5)), &free(365)).unwrap();
    sane(&answer, &free(365));
    assert!(answer.notes.contains(&Note::OlderLeftOut { days: 3_653 - 1_461 }));
    let one_spike = (0..300).map(|t| if t == 150 { 1e12 } else { f64::from(t % 7) });
    sane(&forecast(&series(one_spike), &free(28)).unwrap(), &free(28));
}

#[test]
fn a_gap_of_two_months_is_counted_and_not_forecast_from() {
    let full = simulated(7, 500, 0.3);
    let mut gap = series(full.iter().copied());
    gap.values[300..360].fill(None);
    gap.values[410] = None;
    let answer = forecast(&gap, &free(28)).unwrap();
    sane(&answer, &free(28));
    assert!(answer.notes.contains(&Note::Missing { days: 61, longest: 60 }), "{:?}", answer.notes);
    let whole = forecast(&series(full), &free(28)).unwrap();
    for (a, b) in answer.days.iter().zip(&whole.days) {
        assert!((a.value - b.value).abs() < 15.0, "{a:?} {b:?}");
    }
    let mut ends_blind = series(simulated(7, 500, 0.3));
    ends_blind.values[480..].fill(None);
    sane(&forecast(&ends_blind, &free(28)).unwrap(), &free(28));
}

#[test]
fn no_value_leaves_the_house() {
    let request = SeriesRequest {
        days: 90,
        levels: vec![0.95, 0.5, 0.8],
        bounds: Bounds { lower: Some(0.0), upper: Some(130.0) },
        ..SeriesRequest::default()
    };
    let full = simulated(8, 700, 0.5).into_iter().map(|v| (v - 20.0).clamp(0.0, 130.0));
    let answer = forecast(&series(full), &request).unwrap();
    sane(&answer, &request);
    assert!(answer.days.iter().flat_map(|d| &d.intervals).all(|i| i.lower >= 0.0 && i.upper <= 130.0));
    assert_eq!(answer.days[0].intervals.iter().map(|i| i.level).collect::<Vec<_>>(), [0.95, 0.5, 0.8]);
}

#[test]
fn an_event_moves_its_days_and_no_others_and_is_not_known_before_it_is() {
    let mut values = simulated(9, 400, 0.0);
    let event = |from: &str, known_on: Option<&str>| Event {
        name: "fair".into(),
        from: day(from),
        until: day(from).succ_opt().unwrap(),
        kind: "fair".into(),
        known_on: known_on.map(day),
    };
    let mut events = Vec::new();
    for place in [60_u64, 130, 200, 290] {
        let from = day("2023-01-02") + Days::new(place);
        let place = usize::try_from(place).unwrap();
        values[place] += 80.0;
        values[place + 1] += 80.0;
        events.push(event(&from.to_string(), None));
    }
    let plain =
        forecast(&series(values.clone()), &SeriesRequest { events: events.clone(), ..free(28) }).unwrap();
    let ahead = day("2023-01-02") + Days::new(410);
    events.push(event(&ahead.to_string(), Some("2023-06-01")));
    let with =
        forecast(&series(values.clone()), &SeriesRequest { events: events.clone(), ..free(28) }).unwrap();
    for (a, b) in plain.days.iter().zip(&with.days) {
        let moved = b.value - a.value;
        let inside = b.date == ahead || b.date == ahead.succ_opt().unwrap();
        assert!(
            if inside { (40.0..100.0).contains(&moved) } else { moved.abs() < 1e-9 },
            "{} {moved}",
            b.date
        );
    }
    events.pop();
    events.push(event(&ahead.to_string(), Some("2024-06-01")));
    let unknown = forecast(&series(values.clone()), &SeriesRequest { events, ..free(28) }).unwrap();
    assert_eq!(unknown.days, plain.days);
    let strange = Event { kind: "storm".into(), ..event(&ahead.to_string(), None) };
    let noted = forecast(&series(values), &SeriesRequest { events: vec![strange], ..free(28) }).unwrap();
    assert!(noted.notes.contains(&Note::EventUnknown { kind: "storm".into() }));
}

#[test]
fn requests_without_sense_are_refused() {
    let s = series(simulated(10, 100, 0.0));
    let ask = |request: SeriesRequest| forecast(&s, &request).unwrap_err();
    assert_eq!(ask(free(0)), SeriesError::Days(0));
    assert_eq!(ask(free(366)), SeriesError::Days(366));
    assert_eq!(ask(SeriesRequest { levels: vec![0.8, 1.0], ..free(7) }), SeriesError::Level(1.0));
    assert!(matches!(ask(SeriesRequest { levels: vec![f64::NAN], ..free(7) }), SeriesError::Level(_)));
    assert!(matches!(ask(SeriesRequest { levels: vec![], ..free(7) }), SeriesError::Level(_)));
    let crossed = Bounds { lower: Some(2.0), upper: Some(1.0) };
    assert_eq!(ask(SeriesRequest { bounds: crossed, ..free(7) }), SeriesError::Bounds);
    let late = Series { first: NaiveDate::MAX, values: s.values.clone() };
    assert!(matches!(forecast(&late, &free(7)), Err(SeriesError::Calendar)));
}

#[test]
fn leap_days_and_weekdays_fall_where_the_calendar_has_them() {
    let weekly = (0..420).map(|t| if t % 7 == 5 { 100.0 } else { 40.0 + f64::from(t % 3) });
    let s = Series { first: day("2023-01-02"), values: weekly.map(Some).collect() };
    let answer = forecast(&s, &free(28)).unwrap();
    assert_eq!(answer.days[3].date, day("2024-02-29"));
    for day in &answer.days {
        let saturday = day.date.weekday() == chrono::Weekday::Sat;
        assert_eq!(day.value > 70.0, saturday, "{day:?}");
    }
}

#[test]
fn many_threads_answer_as_one_does() {
    let all: Vec<Series> =
        (0..9).map(|seed| series(simulated(seed, 100 + 20 * seed as usize, 0.4))).collect();
    let one = forecast_all(&all, &free(14), NonZeroUsize::MIN);
    let many = forecast_all(&all, &free(14), NonZeroUsize::new(4).unwrap());
    assert_eq!(one, many);
    assert_eq!(one.len(), all.len());
    assert!(forecast_all(&[], &free(14), NonZeroUsize::MIN).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn quantiles_never_cross_whatever_the_past_was(
        values in prop::collection::vec(prop::option::weighted(0.9, -1e6_f64..1e6), 30..500),
        days in 1_u16..=365,
        upper in prop::option::of(0.0_f64..1e6),
    ) {
        let request = SeriesRequest {
            days,
            levels: vec![0.5, 0.95, 0.8],
            bounds: Bounds { lower: Some(0.0), upper },
            events: Vec::new(),
        };
        let s = Series { first: day("2024-02-01"), values };
        match forecast(&s, &request) {
            Ok(answer) => sane(&answer, &request),
            Err(error) => prop_assert!(matches!(error, SeriesError::TooShort { .. }), "{}", error),
        }
    }
}
