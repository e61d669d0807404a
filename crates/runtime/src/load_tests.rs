use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::scope;
use std::time::Duration;

use innkeeper_core::ModelRef;

use crate::fixtures::{Sums, Watch, factory, one_worker, start, until, version};
use crate::{Model, PoolOptions, Tensor, Ticket};

/// A request that differs from all others in numbers, and from most in rows and width.
fn request(thread: usize, round: usize) -> Tensor {
    let (rows, width) = (1 + (thread * 7 + round) % 11, 1 + (thread + round * 3) % 4);
    let number = |i: usize| (thread * 1000 + round * 20 + i) as f32;
    Tensor::new(vec![rows, width], (0..rows * width).map(number).collect()).expect("fits")
}

fn compare_with_serial(options: PoolOptions) {
    const THREADS: usize = 64;
    const ROUNDS: usize = 40;
    let watch = Watch::new();
    let model = start(&watch, |_| (), PoolOptions { queue: THREADS * 11, ..options });
    let serial = Sums::new(&Watch::new());
    scope(|s| {
        for thread in 0..THREADS {
            let (model, serial) = (&model, &serial);
            s.spawn(move || {
                for round in 0..ROUNDS {
                    let input = request(thread, round);
                    let expected = serial.compute(&input).expect("computes");
                    let answer = model.run(vec![input], &Ticket::unlimited()).expect("answers");
                    assert_eq!(answer, expected, "thread {thread}, round {round}");
                }
            });
        }
    });
}

#[test]
fn sixty_four_callers_get_the_answers_a_lone_caller_gets() {
    compare_with_serial(PoolOptions { workers: 4, ..one_worker() });
    compare_with_serial(PoolOptions { workers: 3, max_delay: Duration::from_micros(200), ..one_worker() });
    compare_with_serial(PoolOptions { workers: 1, max_batch: 64, ..one_worker() });
}

#[test]
fn swapping_under_load_fails_no_request_and_mixes_no_answer() {
    const CALLERS: usize = 16;
    const SWAPS: usize = 24;
    let watch = Watch::new();
    let options = PoolOptions { workers: 2, max_batch: 4, queue: CALLERS * 5, ..one_worker() };
    let model = start(&watch, |session| session.factor = 1.0, options);
    let (done, answered) = (AtomicBool::new(false), [const { AtomicUsize::new(0) }; 2]);
    scope(|s| {
        for caller in 0..CALLERS {
            let (model, done, answered) = (&model, &done, &answered);
            s.spawn(move || {
                let mut round = 0;
                while !done.load(Ordering::SeqCst) {
                    round += 1;
                    // Longer than a batch at times, so that several calls make one answer.
                    let input = request(caller, round);
                    let answer = model.answer(vec![input.clone()], &Ticket::unlimited()).expect("answers");
                    let new = is_new(&answer.model);
                    let factor = if new { 1000.0 } else { 1.0 };
                    for row in 0..input.rows() {
                        let numbers = input.row(row);
                        let sum = numbers.iter().sum::<f32>() * factor;
                        assert_eq!(answer.outputs[0].row(row), [sum]);
                        assert_eq!(answer.outputs[1].row(row), [numbers[numbers.len() - 1] * factor]);
                    }
                    answered[usize::from(new)].fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        swap_back_and_forth(&model, &watch, &answered, SWAPS);
        done.store(true, Ordering::SeqCst);
    });
    until(|| watch.alive.load(Ordering::SeqCst) == 2);
}

fn is_new(model: &ModelRef) -> bool {
    *model == version(2)
}

/// Swaps, each time after the model in place has answered someone.
fn swap_back_and_forth(
    model: &Model,
    watch: &std::sync::Arc<Watch>,
    answered: &[AtomicUsize; 2],
    swaps: usize,
) {
    for swap in 0..swaps {
        let new = swap % 2 == 0;
        let before = answered[usize::from(new)].load(Ordering::SeqCst);
        let sessions = if new {
            factory(watch, |session| session.factor = 1000.0)
        } else {
            factory(watch, |session| session.factor = 1.0)
        };
        let old = model.swap(version(if new { 2 } else { 1 }), sessions).expect("swaps");
        assert_eq!(is_new(&old), !new);
        until(|| answered[usize::from(new)].load(Ordering::SeqCst) > before);
    }
}
