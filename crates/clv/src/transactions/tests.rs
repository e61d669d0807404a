use super::*;
use crate::gauss_hypergeometric;

fn cdnow() -> BgNbd {
    BgNbd::new(0.242_6, 4.413_6, 0.792_9, 2.425_9).expect("positive")
}

fn history(frequency: u32, recency: f64, age: f64) -> History {
    History::new(frequency, recency, age).expect("valid")
}

/// Equation 10 as it is printed.
fn printed(model: &BgNbd, history: &History, time: f64) -> f64 {
    let BgNbd { r, alpha, a, b } = *model;
    let (x, age) = (f64::from(history.frequency()), history.age());
    let f =
        gauss_hypergeometric(r + x, b + x, a + b + x - 1.0, time / (alpha + age + time)).expect("defined");
    let inner = 1.0 - ((alpha + age) / (alpha + age + time)).powf(r + x) * f;
    (a + b + x - 1.0) / (a - 1.0) * inner * model.probability_alive(history)
}

#[test]
fn the_example_of_the_paper() {
    // Fader, Hardie & Lee: x = 2, recency 30.43, age 38.86; 1.226 transactions are expected in 39 weeks.
    let expected = cdnow().expected_transactions(&history(2, 30.43, 38.86), 39.0);
    assert!((expected - 1.226).abs() < 5e-4, "{expected}");
}

#[test]
fn it_is_the_printed_equation_where_that_can_be_computed() {
    for a in [1.2, 1.7, 4.0] {
        let model = BgNbd::new(0.7, 6.0, a, 2.1).expect("positive");
        for (x, recency, age) in [(0, 0.0, 12.0), (1, 4.0, 12.0), (9, 11.0, 12.0), (60, 50.0, 52.0)] {
            for time in [0.5, 10.0, 200.0, 1e5] {
                let of = history(x, recency, age);
                let (got, want) = (model.expected_transactions(&of, time), printed(&model, &of, time));
                assert!((got / want - 1.0).abs() < 1e-7, "a {a} x {x} time {time}: {got} {want}");
            }
        }
    }
}

#[test]
fn nothing_breaks_where_the_printed_equation_divides_by_nothing_or_overflows() {
    let around = [1.0 - 1e-7, 1.0, 1.0 + 1e-7].map(|a| {
        BgNbd::new(0.7, 6.0, a, 2.1).expect("positive").expected_transactions(&history(3, 9.0, 12.0), 40.0)
    });
    assert!(
        (around[0] / around[1] - 1.0).abs() < 1e-6 && (around[2] / around[1] - 1.0).abs() < 1e-6,
        "{around:?}"
    );
    let ages = cdnow().expected_transactions(&history(1_000, 99.0, 100.0), 1e7);
    assert!(ages.is_finite() && ages > 100.0, "{ages}");
    // Without leaving the expectation is the rate times the time.
    let stays = BgNbd::new(2.0, 10.0, 0.0, 1.0).expect("valid");
    let expected = stays.expected_transactions(&history(4, 1.0, 20.0), 1e7);
    assert!((expected - 6.0 / 30.0 * 1e7).abs() < 1e-3, "{expected}");
    assert!((stays.probability_alive(&history(4, 1.0, 20.0)) - 1.0).abs() < 1e-15);
    // The limit is reached continuously.
    let hardly =
        BgNbd::new(2.0, 10.0, 1e-9, 1.0).expect("valid").expected_transactions(&history(4, 19.0, 20.0), 30.0);
    assert!((hardly - 6.0).abs() < 1e-6, "{hardly}");
}

#[test]
fn a_longer_silence_and_a_shorter_horizon_leave_less() {
    let model = cdnow();
    let alive: Vec<f64> =
        (1..=40).map(|week| model.probability_alive(&history(5, f64::from(week), 40.0))).collect();
    assert!(alive.windows(2).all(|pair| pair[0] < pair[1]), "{alive:?}");
    assert!(alive[0] < 0.01 && alive[39] > 0.8);
    let of = history(5, 35.0, 40.0);
    let (mut before, mut kept) = (0.0, 0.0);
    for time in [0.1, 1.0, 10.0, 100.0, 1e4, 1e7] {
        let (expected, retention) = (model.expected_transactions(&of, time), model.retention(&of, time));
        assert!(
            expected > before && retention > kept && retention <= expected,
            "{time}: {expected} {retention}"
        );
        assert!(retention <= model.probability_alive(&of));
        (before, kept) = (expected, retention);
    }
    for time in [0.0, -1.0, f64::NAN] {
        assert!(model.expected_transactions(&of, time).abs() < 1e-300);
    }
}

#[test]
fn parameters_outside_of_the_model_are_refused() {
    assert_eq!(BgNbd::new(0.0, 1.0, 1.0, 1.0).map_err(|error| error.name), Err("r"));
    assert_eq!(BgNbd::new(1.0, f64::NAN, 1.0, 1.0).map_err(|error| error.name), Err("alpha"));
    assert_eq!(BgNbd::new(1.0, 1.0, -1.0, 1.0).map_err(|error| error.name), Err("a"));
    assert_eq!(BgNbd::new(1.0, 1.0, 0.0, f64::INFINITY).map_err(|error| error.name), Err("b"));
}

#[test]
fn the_series_and_the_mean_agree() {
    let (mut both, mut slow) = (0, 0);
    for (r, a, b) in [
        (0.24, 0.79, 2.43),
        (0.24, 1.0, 2.43),
        (3.0, 1e-4, 0.3),
        (0.1, 5.0, 1.0),
        (40.0, 2.0, 90.0),
        (0.5, 1e-9, 1.0),
    ] {
        let model = BgNbd::new(r, 4.0, a, b).expect("positive");
        for x in [0, 1, 4, 50, 2_000] {
            let of = history(x, if x == 0 { 0.0 } else { 9.0 }, 10.0);
            let alive = Alive::new(model, &of);
            for stretch in [1e-8, 0.01, 0.9, 6.0, 40.0, 1e4, 1e7] {
                let mean = alive.mean(stretch);
                if let Some(series) = alive.series(stretch) {
                    both += 1;
                    assert!((series / mean - 1.0).abs() < 1e-8, "{model:?} {x} {stretch}: {series} {mean}");
                } else {
                    slow += 1;
                }
            }
        }
    }
    assert!(both > 100 && slow > 10, "{both} {slow}");
}
