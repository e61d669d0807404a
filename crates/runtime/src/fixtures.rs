//! A session that computes sums, and what a test needs to hold it, watch it and break it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::ScopedJoinHandle;

use innkeeper_core::ModelRef;

use crate::{Model, PoolOptions, Port, RuntimeError, Session, SessionFactory, Tensor, Ticket};

/// An input number that makes the call fail.
pub(crate) const BAD: f32 = -1.0;
/// An input number that makes the session panic.
pub(crate) const PANIC: f32 = -2.0;

/// What the sessions of one factory share with the test.
pub(crate) struct Watch {
    shut: Mutex<bool>,
    opened: Condvar,
    /// Calls that have begun.
    entered: Mutex<Vec<usize>>,
    began: Condvar,
    /// Sessions alive.
    pub(crate) alive: AtomicUsize,
    /// Sessions ever loaded.
    pub(crate) loaded: AtomicUsize,
    /// Whether the factory fails.
    pub(crate) unloadable: AtomicBool,
}

impl Watch {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            shut: Mutex::new(false),
            opened: Condvar::new(),
            entered: Mutex::default(),
            began: Condvar::new(),
            alive: AtomicUsize::new(0),
            loaded: AtomicUsize::new(0),
            unloadable: AtomicBool::new(false),
        })
    }

    /// Lets no call end from now on, and forgets the calls so far.
    pub(crate) fn shut(&self) {
        *self.shut.lock().expect("sound") = true;
        self.entered.lock().expect("sound").clear();
    }

    pub(crate) fn open(&self) {
        *self.shut.lock().expect("sound") = false;
        self.opened.notify_all();
    }

    /// Returns once so many calls have begun.
    pub(crate) fn await_calls(&self, count: usize) {
        let entered = self.entered.lock().expect("sound");
        drop(self.began.wait_while(entered, |calls| calls.len() < count).expect("sound"));
    }

    /// The rows of each call that has begun.
    pub(crate) fn calls(&self) -> Vec<usize> {
        self.entered.lock().expect("sound").clone()
    }

    fn pass(&self, rows: usize) {
        self.entered.lock().expect("sound").push(rows);
        self.began.notify_all();
        let shut = self.shut.lock().expect("sound");
        drop(self.opened.wait_while(shut, |shut| *shut).expect("sound"));
    }
}

/// One output with the sum of each row times `factor`, one with the row's last number times `factor`.
pub(crate) struct Sums {
    pub(crate) factor: f32,
    /// The first axis of the input.
    pub(crate) rows: Option<usize>,
    /// Answers one row too many, as a detector does that lists what it found.
    pub(crate) loose: bool,
    watch: Arc<Watch>,
    ports: (Vec<Port>, Vec<Port>),
}

impl Sums {
    pub(crate) fn new(watch: &Arc<Watch>) -> Self {
        watch.alive.fetch_add(1, Ordering::SeqCst);
        watch.loaded.fetch_add(1, Ordering::SeqCst);
        let port = |name: &str, width| Port { name: name.to_owned(), shape: vec![None, width] };
        let ports = (vec![port("x", None)], vec![port("sum", Some(1)), port("last", Some(1))]);
        Self { factor: 1.0, rows: None, loose: false, watch: Arc::clone(watch), ports }
    }

    pub(crate) fn compute(&self, input: &Tensor) -> Result<Vec<Tensor>, RuntimeError> {
        assert!(!input.data().contains(&PANIC), "poisoned");
        if input.data().contains(&BAD) {
            return Err(RuntimeError::Inference { detail: "a bad number".to_owned() });
        }
        let rows = input.rows() + usize::from(self.loose);
        let sums = (0..rows).map(|i| input.row(i).iter().sum::<f32>() * self.factor).collect();
        let lasts = (0..rows).map(|i| input.row(i).last().copied().unwrap_or(0.0) * self.factor).collect();
        Ok(vec![Tensor::new(vec![rows, 1], sums)?, Tensor::new(vec![rows, 1], lasts)?])
    }
}

impl Drop for Sums {
    fn drop(&mut self) {
        self.watch.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Session for Sums {
    fn inputs(&self) -> &[Port] {
        &self.ports.0
    }

    fn outputs(&self) -> &[Port] {
        &self.ports.1
    }

    fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, RuntimeError> {
        self.watch.pass(inputs[0].rows());
        self.compute(&inputs[0])
    }
}

pub(crate) fn factory(watch: &Arc<Watch>, change: fn(&mut Sums)) -> SessionFactory {
    let watch = Arc::clone(watch);
    Box::new(move || {
        if watch.unloadable.load(Ordering::SeqCst) {
            return Err(RuntimeError::ModelLoad { path: "sums".into(), detail: "gone".to_owned() });
        }
        let mut session = Sums::new(&watch);
        change(&mut session);
        let rows = session.rows;
        for port in session.ports.0.iter_mut().chain(&mut session.ports.1) {
            port.shape[0] = rows;
        }
        Ok(Box::new(session))
    })
}

/// One worker that joins what waits, as most tests want it, warmed with one row of two numbers.
pub(crate) fn one_worker() -> PoolOptions {
    PoolOptions { workers: 1, max_joined: 8, warm_shapes: vec![vec![vec![1, 2]]], ..PoolOptions::default() }
}

pub(crate) fn version(version: usize) -> ModelRef {
    ModelRef::new("sums", &version.to_string()).expect("a valid name")
}

pub(crate) fn start(watch: &Arc<Watch>, change: fn(&mut Sums), options: PoolOptions) -> Model {
    Model::start("sums", version(1), factory(watch, change), options).expect("starts")
}

/// `rows` equal rows.
pub(crate) fn input(rows: usize, row: &[f32]) -> Vec<Tensor> {
    vec![Tensor::new(vec![rows, row.len()], row.repeat(rows)).expect("fits")]
}

pub(crate) fn sums(answer: &[Tensor]) -> &[f32] {
    answer[0].data()
}

pub(crate) type Outcome = Result<Vec<Tensor>, RuntimeError>;

/// Sends a request from its own thread and returns once it waits in the queue as number `place`.
pub(crate) fn queue_up<'s>(
    scope: &'s std::thread::Scope<'s, '_>,
    model: &Model,
    inputs: Vec<Tensor>,
    ticket: &Ticket,
    place: usize,
) -> ScopedJoinHandle<'s, Outcome> {
    let (sender, ticket) = (model.clone(), ticket.clone());
    let caller = scope.spawn(move || sender.run(inputs, &ticket));
    await_queued(model, place);
    caller
}

/// Sends a request that a worker takes, and returns once that worker is held.
pub(crate) fn hold<'s>(
    scope: &'s std::thread::Scope<'s, '_>,
    model: &Model,
    watch: &Watch,
) -> ScopedJoinHandle<'s, Outcome> {
    watch.shut();
    let sender = model.clone();
    let caller = scope.spawn(move || sender.run(input(1, &[7.0, 7.0]), &Ticket::unlimited()));
    watch.await_calls(1);
    caller
}

pub(crate) fn await_queued(model: &Model, count: usize) {
    until(|| model.queued() == count);
}

/// Waits for what must come; the test runner's time limit catches what never does.
pub(crate) fn until(condition: impl Fn() -> bool) {
    while !condition() {
        std::thread::yield_now();
    }
}
