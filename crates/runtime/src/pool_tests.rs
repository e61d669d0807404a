use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::scope;
use std::time::Duration;

use crate::fixtures::{
    BAD, PANIC, Watch, await_queued, factory, hold, input, one_worker, queue_up, start, sums, until, version,
};
use crate::{Model, PoolOptions, RuntimeError, Session, Tensor, Ticket};

fn unlimited() -> Ticket {
    Ticket::unlimited()
}

#[test]
fn requests_that_wait_are_computed_in_one_call_and_each_gets_its_own_rows() {
    let watch = Watch::new();
    let model = start(&watch, |_| (), one_worker());
    scope(|s| {
        let held = hold(s, &model, &watch);
        let a = queue_up(s, &model, input(1, &[1.0, 2.0]), &unlimited(), 1);
        let b = queue_up(s, &model, input(3, &[10.0, 20.0]), &unlimited(), 2);
        let c = queue_up(s, &model, input(2, &[5.0, 5.0]), &unlimited(), 3);
        watch.open();
        assert_eq!(sums(&held.join().expect("ends").expect("answers")), [14.0]);
        assert_eq!(sums(&a.join().expect("ends").expect("answers")), [3.0]);
        assert_eq!(sums(&b.join().expect("ends").expect("answers")), [30.0; 3]);
        assert_eq!(sums(&c.join().expect("ends").expect("answers")), [10.0; 2]);
    });
    assert_eq!(watch.calls(), [1, 6]);
}

#[test]
fn unless_joining_is_asked_for_every_request_is_a_call_of_its_own() {
    let watch = Watch::new();
    let apart = PoolOptions { max_joined: PoolOptions::default().max_joined, ..one_worker() };
    let model = start(&watch, |_| (), apart);
    scope(|s| {
        let held = hold(s, &model, &watch);
        for place in 1..=2 {
            queue_up(s, &model, input(1, &[1.0, 2.0]), &unlimited(), place);
        }
        // The rows of one request stay together.
        queue_up(s, &model, input(3, &[1.0, 2.0]), &unlimited(), 3);
        watch.open();
        held.join().expect("ends").expect("answers");
    });
    assert_eq!(watch.calls(), [1, 1, 1, 3]);
}

#[test]
fn one_caller_has_several_models_at_work_at_once() {
    let watches = [Watch::new(), Watch::new()];
    let models = watches.each_ref().map(|watch| start(watch, |_| (), one_worker()));
    for watch in &watches {
        watch.shut();
    }
    let pending = models.each_ref().map(|m| m.begin(input(1, &[1.0, 2.0]), &unlimited()).expect("accepted"));
    // Both have begun although neither can end.
    for watch in &watches {
        watch.await_calls(1);
        watch.open();
    }
    for pending in pending {
        assert_eq!(sums(&pending.wait().expect("answers").outputs), [3.0]);
    }
}

#[test]
fn a_request_that_its_caller_drops_leaves_the_queue_uncomputed() {
    let watch = Watch::new();
    let model = start(&watch, |_| (), one_worker());
    scope(|s| {
        let held = hold(s, &model, &watch);
        let pending = model.begin(input(1, &[1.0, 2.0]), &unlimited()).expect("accepted");
        await_queued(&model, 1);
        drop(pending);
        assert_eq!(model.queued(), 0);
        watch.open();
        held.join().expect("ends").expect("answers");
    });
    assert_eq!(watch.calls(), [1]);
}

#[test]
fn a_call_never_has_more_rows_than_max_batch() {
    let watch = Watch::new();
    let model = start(&watch, |_| (), PoolOptions { max_batch: 2, ..one_worker() });
    scope(|s| {
        let held = hold(s, &model, &watch);
        for place in 1..=5 {
            queue_up(s, &model, input(1, &[1.0, 2.0]), &unlimited(), place);
        }
        watch.open();
        held.join().expect("ends").expect("answers");
    });
    assert_eq!(watch.calls(), [1, 2, 2, 1]);
}

#[test]
fn requests_of_another_size_are_not_mixed_into_a_batch() {
    let watch = Watch::new();
    let model = start(&watch, |_| (), one_worker());
    scope(|s| {
        let _held = hold(s, &model, &watch);
        let a = queue_up(s, &model, input(1, &[1.0, 1.0]), &unlimited(), 1);
        let b = queue_up(s, &model, input(1, &[1.0, 1.0, 1.0]), &unlimited(), 2);
        let c = queue_up(s, &model, input(1, &[2.0, 2.0]), &unlimited(), 3);
        watch.open();
        let got = [a, b, c].map(|caller| caller.join().expect("ends").expect("answers")[0].data()[0]);
        assert_eq!(got.as_slice(), [2.0, 3.0, 4.0]);
    });
    assert_eq!(watch.calls(), [1, 2, 1]);
}

#[test]
fn a_model_of_one_row_a_call_is_never_batched_and_longer_requests_are_cut() {
    let watch = Watch::new();
    let model = start(&watch, |session| session.rows = Some(1), one_worker());
    let three = vec![Tensor::new(vec![3, 2], vec![1.0, 1.0, 2.0, 2.0, 3.0, 3.0]).expect("fits")];
    scope(|s| {
        let _held = hold(s, &model, &watch);
        let a = queue_up(s, &model, input(1, &[1.0, 2.0]), &unlimited(), 1);
        let b = queue_up(s, &model, three, &unlimited(), 4);
        watch.open();
        assert_eq!(sums(&a.join().expect("ends").expect("answers")), [3.0]);
        assert_eq!(sums(&b.join().expect("ends").expect("answers")), [2.0, 4.0, 6.0]);
    });
    assert_eq!(watch.calls(), [1; 5]);
}

#[test]
fn a_request_longer_than_a_batch_comes_back_whole_and_in_order() {
    let watch = Watch::new();
    let model = start(&watch, |_| (), PoolOptions { max_batch: 4, queue: 1, ..one_worker() });
    let rows: Vec<f32> = (0..11).map(|i| i as f32).collect();
    let answer = model.run(vec![Tensor::new(vec![11, 1], rows.clone()).expect("fits")], &unlimited());
    let answer = answer.expect("answers");
    assert_eq!(answer[0].shape(), [11, 1]);
    assert_eq!(sums(&answer), rows);
    assert_eq!(watch.calls(), [1, 4, 4, 3]);
}

#[test]
fn with_a_delay_a_lone_request_waits_for_company() {
    let watch = Watch::new();
    let options = PoolOptions { max_batch: 2, max_delay: Duration::from_hours(1), ..one_worker() };
    let model = start(&watch, |_| (), options);
    scope(|s| {
        let callers = [1.0, 2.0].map(|x| {
            let model = &model;
            s.spawn(move || model.run(input(1, &[x, x]), &unlimited()).expect("answers")[0].data()[0])
        });
        let got = callers.map(|caller| caller.join().expect("ends"));
        assert_eq!(got.as_slice(), [2.0, 4.0]);
    });
    assert_eq!(watch.calls(), [1, 2]);
}

#[test]
fn outputs_that_do_not_follow_the_rows_turn_batching_off_instead_of_mixing_answers() {
    let watch = Watch::new();
    let model = start(
        &watch,
        |session| session.loose = true,
        PoolOptions { warm_shapes: Vec::new(), ..one_worker() },
    );
    scope(|s| {
        let _held = hold(s, &model, &watch);
        let a = queue_up(s, &model, input(1, &[1.0, 2.0]), &unlimited(), 1);
        let b = queue_up(s, &model, input(1, &[3.0, 4.0]), &unlimited(), 2);
        watch.open();
        assert_eq!(sums(&a.join().expect("ends").expect("answers")), [3.0, 0.0]);
        assert_eq!(sums(&b.join().expect("ends").expect("answers")), [7.0, 0.0]);
    });
    assert_eq!(watch.calls(), [1, 2, 1, 1]);
    assert_eq!(model.run(input(9, &[1.0, 2.0]), &unlimited()).expect("answers")[0].rows(), 10);
}

#[test]
fn a_full_queue_turns_callers_away_at_once_and_says_when_to_come_back() {
    let watch = Watch::new();
    let model = start(&watch, |_| (), PoolOptions { queue: 2, ..one_worker() });
    scope(|s| {
        let _held = hold(s, &model, &watch);
        queue_up(s, &model, input(1, &[1.0, 1.0]), &unlimited(), 1);
        queue_up(s, &model, input(1, &[1.0, 1.0]), &unlimited(), 2);
        match model.run(input(1, &[1.0, 1.0]), &unlimited()) {
            Err(RuntimeError::Overloaded { retry_after }) => assert!(retry_after > Duration::ZERO),
            other => panic!("{other:?}"),
        }
        watch.open();
    });
    assert!(model.run(input(1, &[1.0, 1.0]), &unlimited()).is_ok());
}

#[test]
fn a_caller_wakes_at_its_deadline_and_its_request_is_never_computed() {
    let watch = Watch::new();
    let model = start(&watch, |_| (), one_worker());
    scope(|s| {
        let _held = hold(s, &model, &watch);
        // Returns although the worker is held: nobody but the deadline can have woken it.
        let late = model.run(input(1, &[1.0, 1.0]), &Ticket::within(Duration::from_millis(20)));
        assert!(matches!(late, Err(RuntimeError::DeadlineExceeded)));
        assert_eq!(model.queued(), 0, "a request given up must hold no place");
        watch.open();
    });
    assert_eq!(watch.calls(), [1]);
    let late = model.run(input(1, &[1.0, 1.0]), &Ticket::within(Duration::ZERO));
    assert!(matches!(late, Err(RuntimeError::DeadlineExceeded)));
    assert_eq!(watch.calls(), [1]);
}

#[test]
fn a_cancelled_caller_wakes_and_its_request_is_never_computed() {
    let watch = Watch::new();
    let model = start(&watch, |_| (), one_worker());
    let ticket = unlimited();
    scope(|s| {
        let _held = hold(s, &model, &watch);
        let a = queue_up(s, &model, input(1, &[1.0, 1.0]), &ticket, 1);
        let b = queue_up(s, &model, input(20, &[1.0, 1.0]), &ticket, 4);
        let c = queue_up(s, &model, input(1, &[2.0, 2.0]), &unlimited(), 5);
        drop(ticket.cancel_on_drop());
        assert!(matches!(a.join().expect("ends"), Err(RuntimeError::Cancelled)));
        assert!(matches!(b.join().expect("ends"), Err(RuntimeError::Cancelled)));
        assert_eq!(model.queued(), 1);
        watch.open();
        assert_eq!(sums(&c.join().expect("ends").expect("answers")), [4.0]);
    });
    assert_eq!(watch.calls(), [1, 1]);
}

#[test]
fn a_caller_who_is_cancelled_while_its_request_is_computed_does_not_wait_for_the_end() {
    let watch = Watch::new();
    let model = start(&watch, |_| (), one_worker());
    watch.shut();
    let ticket = unlimited();
    scope(|s| {
        let caller = s.spawn(|| model.run(input(1, &[1.0, 1.0]), &ticket));
        watch.await_calls(1);
        ticket.cancel();
        assert!(matches!(caller.join().expect("ends"), Err(RuntimeError::Cancelled)));
        watch.open();
    });
}

#[test]
fn one_bad_input_in_a_batch_fails_alone() {
    let watch = Watch::new();
    let model = start(&watch, |_| (), one_worker());
    scope(|s| {
        let _held = hold(s, &model, &watch);
        let a = queue_up(s, &model, input(1, &[1.0, 1.0]), &unlimited(), 1);
        let b = queue_up(s, &model, input(1, &[BAD, 1.0]), &unlimited(), 2);
        let c = queue_up(s, &model, input(1, &[2.0, 2.0]), &unlimited(), 3);
        watch.open();
        assert_eq!(sums(&a.join().expect("ends").expect("answers")), [2.0]);
        assert!(matches!(b.join().expect("ends"), Err(RuntimeError::Inference { .. })));
        assert_eq!(sums(&c.join().expect("ends").expect("answers")), [4.0]);
    });
    assert_eq!(watch.calls(), [1, 3, 1, 1, 1]);
}

#[test]
fn a_panic_fails_only_the_request_that_caused_it_and_the_session_is_loaded_again() {
    let watch = Watch::new();
    let model = start(&watch, |_| (), one_worker());
    scope(|s| {
        let _held = hold(s, &model, &watch);
        let a = queue_up(s, &model, input(1, &[1.0, 1.0]), &unlimited(), 1);
        let b = queue_up(s, &model, input(1, &[PANIC, 1.0]), &unlimited(), 2);
        let c = queue_up(s, &model, input(1, &[2.0, 2.0]), &unlimited(), 3);
        watch.open();
        assert_eq!(sums(&a.join().expect("ends").expect("answers")), [2.0]);
        match b.join().expect("ends") {
            Err(RuntimeError::Panicked { detail }) => assert!(detail.contains("poisoned")),
            other => panic!("{other:?}"),
        }
        assert_eq!(sums(&c.join().expect("ends").expect("answers")), [4.0]);
    });
    assert_eq!(watch.alive.load(Ordering::SeqCst), 1);
    assert_eq!(
        watch.loaded.load(Ordering::SeqCst),
        3,
        "the first, one after the batch, one after the culprit"
    );
}

#[test]
fn a_model_that_cannot_be_loaded_again_answers_with_an_error_and_recovers_when_it_can() {
    let watch = Watch::new();
    let model = start(&watch, |_| (), one_worker());
    watch.unloadable.store(true, Ordering::SeqCst);
    let panicked = model.run(input(1, &[PANIC]), &unlimited());
    assert!(matches!(panicked, Err(RuntimeError::Panicked { .. })));
    match model.run(input(1, &[1.0]), &unlimited()) {
        Err(RuntimeError::NoSession { detail, .. }) => assert!(detail.contains("gone"), "{detail}"),
        other => panic!("{other:?}"),
    }
    watch.unloadable.store(false, Ordering::SeqCst);
    until(|| model.run(input(1, &[1.0]), &unlimited()).is_ok());
}

#[test]
fn a_worker_without_a_session_leaves_the_work_to_those_who_have_one() {
    let watch = Watch::new();
    let model = start(&watch, |_| (), PoolOptions { workers: 2, ..one_worker() });
    watch.unloadable.store(true, Ordering::SeqCst);
    assert!(matches!(model.run(input(1, &[PANIC]), &unlimited()), Err(RuntimeError::Panicked { .. })));
    until(|| watch.alive.load(Ordering::SeqCst) == 1);
    for _ in 0..50 {
        assert!(model.run(input(1, &[1.0]), &unlimited()).is_ok());
    }
}

#[test]
fn a_model_is_ready_only_after_every_worker_has_run_its_warm_up() {
    let watch = Watch::new();
    let options =
        PoolOptions { workers: 3, warm_shapes: vec![vec![vec![1, 2]], vec![vec![4, 2]]], ..one_worker() };
    let model = start(&watch, |_| (), options);
    let mut calls = watch.calls();
    calls.sort_unstable();
    assert_eq!(calls, [1, 1, 1, 4, 4, 4]);
    assert_eq!((model.name(), model.model()), ("sums", version(1)));
    assert_eq!((model.inputs().len(), model.outputs().len()), (1, 2));
}

#[test]
fn a_model_that_fails_its_load_or_warm_up_does_not_start_and_leaves_nothing_behind() {
    let watch = Watch::new();
    let shapes = |shape: &[usize]| PoolOptions {
        workers: 3,
        warm_shapes: vec![vec![shape.to_vec()]],
        ..PoolOptions::default()
    };
    let wrong_shape = Model::start("sums", version(1), factory(&watch, |_| ()), shapes(&[1, 2, 3]));
    assert!(matches!(wrong_shape, Err(RuntimeError::Shape { .. })));
    let panics = Box::new(|| -> Result<Box<dyn Session>, RuntimeError> { panic!("no such luck") });
    let panics = Model::start("sums", version(1), panics, shapes(&[1, 2]));
    assert!(matches!(panics, Err(RuntimeError::Panicked { .. })));
    watch.unloadable.store(true, Ordering::SeqCst);
    let gone = Model::start("sums", version(1), factory(&watch, |_| ()), shapes(&[1, 2]));
    assert!(matches!(gone, Err(RuntimeError::ModelLoad { .. })));
    until(|| watch.alive.load(Ordering::SeqCst) == 0);
}

#[test]
fn inputs_that_do_not_fit_are_refused_before_they_reach_a_session() {
    let watch = Watch::new();
    let model = start(&watch, |_| (), one_worker());
    let wrong = [
        vec![],
        [input(1, &[1.0]), input(1, &[1.0])].concat(),
        vec![Tensor::new(vec![2], vec![1.0, 2.0]).expect("fits")],
        vec![Tensor::new(vec![0, 2], vec![]).expect("fits")],
    ];
    for inputs in wrong {
        assert!(matches!(model.run(inputs, &unlimited()), Err(RuntimeError::Shape { .. })));
    }
    assert_eq!(watch.calls(), [1], "the warm-up only");
}

#[test]
fn requests_queued_before_a_swap_are_answered_by_the_old_model_whose_sessions_then_end() {
    let (old, new) = (Watch::new(), Watch::new());
    let model = start(&old, |_| (), one_worker());
    scope(|s| {
        let _held = hold(s, &model, &old);
        let before = queue_up(s, &model, input(1, &[1.0, 1.0]), &unlimited(), 1);
        let swapped = model.swap(version(2), factory(&new, |session| session.factor = 10.0));
        assert_eq!(swapped.expect("swaps"), version(1));
        let after = model.answer(input(1, &[1.0, 1.0]), &unlimited()).expect("the new model is free");
        assert_eq!((after.model, sums(&after.outputs)), (version(2), [20.0].as_slice()));
        old.open();
        assert_eq!(sums(&before.join().expect("ends").expect("answers")), [2.0]);
    });
    until(|| old.alive.load(Ordering::SeqCst) == 0);
    assert_eq!(new.alive.load(Ordering::SeqCst), 1);
}

#[test]
fn a_swap_to_a_model_that_does_not_load_leaves_the_old_one_at_work() {
    let watch = Watch::new();
    let model = start(&watch, |_| (), one_worker());
    watch.unloadable.store(true, Ordering::SeqCst);
    assert!(model.swap(version(2), factory(&watch, |_| ())).is_err());
    let answer = model.answer(input(1, &[1.0, 1.0]), &unlimited()).expect("answers");
    assert_eq!(answer.model, version(1));
}

#[test]
fn stopping_answers_what_is_queued_and_refuses_what_comes_after() {
    let watch = Watch::new();
    let model = start(&watch, |_| (), one_worker());
    scope(|s| {
        let _held = hold(s, &model, &watch);
        let queued = queue_up(s, &model, input(1, &[1.0, 1.0]), &unlimited(), 1);
        let stopping = s.spawn(|| model.stop());
        let refused =
            |wait| matches!(model.run(input(1, &[1.0]), &Ticket::within(wait)), Err(RuntimeError::Stopped));
        until(|| refused(Duration::from_millis(1)));
        watch.open();
        stopping.join().expect("ends");
        assert_eq!(sums(&queued.join().expect("ends").expect("answers")), [2.0]);
    });
    assert!(matches!(model.run(input(1, &[1.0]), &unlimited()), Err(RuntimeError::Stopped)));
    let swapped = model.swap(version(2), factory(&watch, |_| ()));
    assert!(matches!(swapped, Err(RuntimeError::Stopped)));
    assert_eq!(watch.alive.load(Ordering::SeqCst), 0);
}

#[test]
fn dropping_the_last_handle_ends_the_threads() {
    let watch = Watch::new();
    let model = start(&watch, |_| (), PoolOptions { workers: 3, ..one_worker() });
    drop(model.clone());
    assert!(model.run(input(1, &[1.0]), &unlimited()).is_ok());
    drop(model);
    until(|| watch.alive.load(Ordering::SeqCst) == 0);
}

/// Counts what is recorded, by name and labels.
#[derive(Clone, Default)]
struct Tally(Arc<Mutex<HashMap<String, Vec<f64>>>>);

impl Tally {
    fn key(key: &metrics::Key) -> String {
        let mut labels: Vec<String> = key.labels().map(|l| format!("{}={}", l.key(), l.value())).collect();
        labels.sort();
        format!("{}{{{}}}", key.name(), labels.join(","))
    }

    fn of(&self, key: &str) -> Vec<f64> {
        self.0.lock().expect("sound").get(key).cloned().unwrap_or_default()
    }
}

struct Cell(Tally, String);

impl Cell {
    fn put(&self, value: f64) {
        self.0.0.lock().expect("sound").entry(self.1.clone()).or_default().push(value);
    }
}

impl metrics::CounterFn for Cell {
    fn increment(&self, value: u64) {
        self.put(value as f64);
    }
    fn absolute(&self, value: u64) {
        self.put(value as f64);
    }
}

impl metrics::HistogramFn for Cell {
    fn record(&self, value: f64) {
        self.put(value);
    }
}

impl metrics::Recorder for Tally {
    fn describe_counter(&self, _: metrics::KeyName, _: Option<metrics::Unit>, _: metrics::SharedString) {}
    fn describe_gauge(&self, _: metrics::KeyName, _: Option<metrics::Unit>, _: metrics::SharedString) {}
    fn describe_histogram(&self, _: metrics::KeyName, _: Option<metrics::Unit>, _: metrics::SharedString) {}
    fn register_counter(&self, key: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Counter {
        metrics::Counter::from_arc(Arc::new(Cell(self.clone(), Self::key(key))))
    }
    fn register_gauge(&self, _: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Gauge {
        metrics::Gauge::noop()
    }
    fn register_histogram(&self, key: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Histogram {
        metrics::Histogram::from_arc(Arc::new(Cell(self.clone(), Self::key(key))))
    }
}

/// The recorder of this process; other tests' models have other names.
fn tally() -> &'static Tally {
    static TALLY: OnceLock<Tally> = OnceLock::new();
    TALLY.get_or_init(|| {
        let tally = Tally::default();
        assert!(metrics::set_global_recorder(tally.clone()).is_ok());
        tally
    })
}

#[test]
fn queue_and_inference_time_batch_rows_and_dropped_requests_are_each_recorded_once() {
    let tally = tally();
    crate::describe_metrics();
    let watch = Watch::new();
    let options = PoolOptions { queue: 3, ..one_worker() };
    let model = Model::start("metered", version(1), factory(&watch, |_| ()), options).expect("starts");
    let cancelled = unlimited();
    scope(|s| {
        let _held = hold(s, &model, &watch);
        queue_up(s, &model, input(2, &[1.0, 1.0]), &unlimited(), 1);
        queue_up(s, &model, input(1, &[1.0, 1.0]), &unlimited(), 2);
        assert!(model.run(input(1, &[1.0, 1.0]), &Ticket::within(Duration::from_millis(5))).is_err());
        queue_up(s, &model, input(1, &[1.0, 1.0]), &cancelled, 3);
        assert!(model.run(input(1, &[1.0, 1.0]), &unlimited()).is_err());
        cancelled.cancel();
        await_queued(&model, 2);
        watch.open();
    });
    model.stop();
    crate::stage("metered", crate::Stage::Preprocess, Duration::from_millis(1500));
    assert_eq!(tally.of("innkeeper_stage_seconds{model=metered,stage=queue}").len(), 3);
    assert_eq!(tally.of("innkeeper_stage_seconds{model=metered,stage=inference}").len(), 3);
    assert_eq!(tally.of("innkeeper_stage_seconds{model=metered,stage=preprocess}"), [1.5]);
    assert_eq!(tally.of("innkeeper_batch_rows{model=metered}"), [1.0, 3.0]);
    for reason in ["cancelled", "deadline", "overloaded"] {
        let key = format!("innkeeper_requests_dropped_total{{model=metered,reason={reason}}}");
        assert_eq!(tally.of(&key), [1.0], "{reason}");
    }
}
