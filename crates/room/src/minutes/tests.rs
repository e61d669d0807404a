use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::TagSource;

fn tag(label: &str) -> Tag {
    Tag { label: label.to_owned(), confidence: Some(0.9), source: TagSource::TagHead, area: None, photo: 1 }
}

/// A standard normal number (Box and Muller, 1958).
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (u, v): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// A hotel with its own level, types, price of a tag and spread.
struct Hotel {
    level: f64,
    types: Vec<(String, f64)>,
    slope: f64,
    spread: f64,
}

const WORK: [&str; 4] = ["messy", "bed_unmade", "trash", "towel_missing"];

impl Hotel {
    fn drawn(rng: &mut ChaCha8Rng) -> Self {
        let types = ["standard", "deluxe", "suite"];
        Self {
            level: (30.0f64).ln() + 0.3 * normal(rng),
            types: types.iter().map(|name| ((*name).to_owned(), 0.25 * normal(rng))).collect(),
            slope: 0.1 + 0.05 * normal(rng),
            spread: 0.15 + 0.2 * rng.random::<f64>(),
        }
    }

    fn cleaning(&self, rng: &mut ChaCha8Rng) -> Cleaning {
        let (room_type, deviation) = &self.types[rng.random_range(0..self.types.len())];
        let count = rng.random_range(0..=WORK.len());
        let log = self.level + deviation + self.slope * count as f64 + self.spread * normal(rng);
        Cleaning {
            room_type: Some(room_type.clone()),
            minutes: log.exp() as f32,
            tags: WORK[..count].iter().map(|label| (*label).to_owned()).collect(),
        }
    }
}

fn ask(context: &RoomContext, labels: &[String]) -> Result<CleaningEstimate, String> {
    let tags: Vec<Tag> = labels.iter().map(|label| tag(label)).collect();
    estimate_minutes(&tags, RoomStatus::Dirty, context)
}

#[test]
fn about_four_of_five_cleanings_fall_into_the_interval() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    for cleanings in [4, 10, 60] {
        let (mut inside, mut all, mut below) = (0, 0, 0);
        for _ in 0..600 {
            let hotel = Hotel::drawn(&mut rng);
            let history: Vec<Cleaning> = (0..cleanings).map(|_| hotel.cleaning(&mut rng)).collect();
            for _ in 0..3 {
                let next = hotel.cleaning(&mut rng);
                let context = RoomContext {
                    room_type: next.room_type,
                    history: history.clone(),
                    ..RoomContext::default()
                };
                let estimate = ask(&context, &next.tags).expect("an estimate");
                let (low, high) = (estimate.low.expect("a low"), estimate.high.expect("a high"));
                assert!(low < estimate.minutes && estimate.minutes < high);
                inside += usize::from(low <= next.minutes && next.minutes <= high);
                below += usize::from(next.minutes < estimate.minutes);
                all += 1;
            }
        }
        let (coverage, half) = (inside as f64 / all as f64, below as f64 / all as f64);
        println!("{cleanings} cleanings: {coverage:.3} in the 80 % interval, {half:.3} below the median");
        assert!((0.75..=0.88).contains(&coverage), "{cleanings} cleanings: coverage {coverage}");
        assert!((0.45..=0.55).contains(&half), "{cleanings} cleanings: {half} below the median");
    }
}

#[test]
fn a_type_with_few_cleanings_borrows_from_the_others() {
    let cleaning = |room_type: &str, minutes: f32| Cleaning {
        room_type: Some(room_type.to_owned()),
        minutes,
        tags: vec!["messy".to_owned()],
    };
    let mut history: Vec<Cleaning> = (0..60).map(|i| cleaning("standard", 28.0 + (i % 5) as f32)).collect();
    history.push(cleaning("suite", 60.0));
    let minutes = |room_type: &str| {
        let context = RoomContext {
            room_type: Some(room_type.to_owned()),
            history: history.clone(),
            ..RoomContext::default()
        };
        ask(&context, &["messy".to_owned()]).expect("an estimate")
    };
    let (standard, suite, unseen) = (minutes("standard"), minutes("suite"), minutes("penthouse"));
    assert!((standard.minutes - 30.0).abs() < 1.5, "{standard:?}");
    assert!(suite.minutes > standard.minutes + 3.0 && suite.minutes < 60.0, "{suite:?}");
    let width = |e: &CleaningEstimate| e.high.unwrap_or(0.0) / e.low.unwrap_or(1.0);
    assert!(
        width(&unseen) > width(&standard),
        "of a type never cleaned one is as sure: {unseen:?} {standard:?}"
    );
}

#[test]
fn more_to_do_takes_longer_where_the_history_says_so() {
    let history: Vec<Cleaning> = (0..40)
        .map(|i| {
            let count = i % 5;
            Cleaning {
                room_type: None,
                minutes: 20.0 + 5.0 * count as f32 + (i % 3) as f32,
                tags: WORK[..count].iter().map(|label| (*label).to_owned()).collect(),
            }
        })
        .collect();
    let context = RoomContext { history, ..RoomContext::default() };
    let little = ask(&context, &["messy".to_owned()]).expect("an estimate");
    let much = ask(&context, &WORK.map(str::to_owned)).expect("an estimate");
    assert!(much.minutes > little.minutes + 8.0, "{little:?} {much:?}");
    // A tag that two sources give is one piece of work.
    let twice = ask(&context, &["messy".to_owned(), "messy".to_owned()]).expect("an estimate");
    assert_eq!(twice, little);
}

#[test]
fn the_hotels_standard_is_the_answer_until_there_are_cleanings() {
    let context = RoomContext {
        standard_minutes: Some(35.0),
        room_type: Some("deluxe".to_owned()),
        ..RoomContext::default()
    };
    let first = ask(&context, &["messy".to_owned()]).expect("an estimate");
    assert!((first.minutes - 35.0).abs() < 0.1, "{first:?}");
    assert_eq!((first.low, first.high, first.cleanings), (None, None, 0));
    let measured =
        Cleaning { room_type: Some("deluxe".to_owned()), minutes: 50.0, tags: vec!["messy".to_owned()] };
    let after =
        ask(&RoomContext { history: vec![measured; 20], ..context }, &["messy".to_owned()]).expect("one");
    assert!((45.0..=50.0).contains(&after.minutes), "{after:?}");
}

#[test]
fn nothing_is_estimated_of_nothing() {
    let none = RoomContext::default();
    assert_eq!(ask(&none, &[]).expect_err("nothing is known"), "no cleaning times yet");
    let broken = |minutes| Cleaning { room_type: None, minutes, tags: Vec::new() };
    let context = RoomContext {
        history: vec![broken(f32::NAN), broken(-3.0), broken(0.0), broken(f32::INFINITY)],
        standard_minutes: Some(f32::NAN),
        ..RoomContext::default()
    };
    assert_eq!(ask(&context, &[]).expect_err("nothing is known"), "no cleaning times yet");
    assert!(estimate_minutes(&[], RoomStatus::Clean, &none).is_err());
}

#[test]
fn a_hostile_history_neither_hangs_nor_gives_a_number_that_is_none() {
    let history: Vec<Cleaning> = (0..5000)
        .map(|i| Cleaning {
            room_type: Some(format!("type {i}")),
            minutes: if i % 2 == 0 { f32::MIN_POSITIVE } else { f32::MAX },
            tags: vec!["messy".to_owned(); i % 50],
        })
        .collect();
    let context = RoomContext { room_type: Some("type 3".to_owned()), history, ..RoomContext::default() };
    let estimate = ask(&context, &["messy".to_owned()]).expect("an estimate");
    assert!(estimate.minutes.is_finite() && estimate.minutes >= 0.0, "{estimate:?}");
    assert_eq!(estimate.cleanings, 5000);
}

#[test]
fn the_quantile_of_students_t_is_that_of_the_tables() {
    for (freedom, table) in [(5.0, 1.476), (7.0, 1.415), (10.0, 1.372), (30.0, 1.310)] {
        assert!((t_quantile_90(freedom) - table).abs() < 0.001, "{freedom}");
    }
}
