use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use crossbeam_channel::{Receiver, bounded, select_biased};
use innkeeper_core::ModelRef;

use crate::lane::Lane;
use crate::queue::{Job, Part, Refused};
use crate::stage::record_dropped;
use crate::{Port, RuntimeError, SessionFactory, Tensor, Ticket, batch};

static NEXT_REQUEST: AtomicU64 = AtomicU64::new(0);

/// How many sessions, how long a queue, and how large a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolOptions {
    /// Worker threads, each with a session of its own. Default: the cores this process may use. At least 1.
    pub workers: usize,
    /// Calls that may wait before callers are turned away. Default 64, at least 1. A request cut into
    /// several calls counts as several.
    pub queue: usize,
    /// Rows of one call, default 8, at least 1. A longer request is cut.
    pub max_batch: usize,
    /// Rows of a call that serves several requests, default 1: each request is a call of its own. On a CPU
    /// a session computes rows no faster together, and callers that are answered together next ask for the
    /// same model together (benches/RESULTS.md). Above [`PoolOptions::max_batch`] is as that.
    pub max_joined: usize,
    /// How long the oldest request of a batch may wait for company, from its acceptance on. Default zero:
    /// take what waits, wait for nobody.
    pub max_delay: Duration,
    /// The shapes of each warm-up run, one per input. Empty: one row, if only the rows are free.
    pub warm_shapes: Vec<Vec<Vec<usize>>>,
}

impl Default for PoolOptions {
    fn default() -> Self {
        Self {
            workers: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            queue: 64,
            max_batch: 8,
            max_joined: 1,
            max_delay: Duration::ZERO,
            warm_shapes: Vec::new(),
        }
    }
}

/// Outputs, and the model that computed all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Which model answered: across a swap it may be either.
    pub model: ModelRef,
    /// One tensor for each output.
    pub outputs: Vec<Tensor>,
}

/// A named model: warm sessions behind a bounded queue. Cloning is cheap; when the last clone is dropped
/// the threads finish what is queued and end.
#[derive(Clone)]
pub struct Model {
    shared: Arc<Shared>,
}

struct Shared {
    name: Arc<str>,
    options: PoolOptions,
    lane: ArcSwap<Lane>,
    swapping: Mutex<()>,
    stopped: AtomicBool,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.lane.load().queue.close();
    }
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("name", &self.shared.name).field("model", &self.model()).finish()
    }
}

impl Model {
    /// Starts the workers. Returns once every one of them has loaded its session and run the warm-up.
    ///
    /// `name` is the name in the registry and the `model` label of the metrics; `model` says which version
    /// answers.
    ///
    /// # Errors
    /// The first error of a worker's factory or warm-up; then no thread is left behind.
    pub fn start(
        name: &str,
        model: ModelRef,
        factory: SessionFactory,
        options: PoolOptions,
    ) -> Result<Self, RuntimeError> {
        let name: Arc<str> = name.into();
        let lane = ArcSwap::from_pointee(Lane::start(&name, model, factory, &options)?);
        let (swapping, stopped) = (Mutex::new(()), AtomicBool::new(false));
        Ok(Self { shared: Arc::new(Shared { name, options, lane, swapping, stopped }) })
    }

    /// As [`Model::answer`], without the model's name.
    ///
    /// # Errors
    /// See [`Model::answer`].
    pub fn run(&self, inputs: Vec<Tensor>, ticket: &Ticket) -> Result<Vec<Tensor>, RuntimeError> {
        self.answer(inputs, ticket).map(|answer| answer.outputs)
    }

    /// Computes the outputs of `inputs`, which have one row per item on their first axis. Blocks until the
    /// answer is there, the ticket's deadline passes or the ticket is cancelled. Requests that differ only
    /// in rows may be computed in one call; a request with more rows than one call takes is cut, computed
    /// in parts (by several workers, if they have time) and put together again.
    ///
    /// # Errors
    /// - [`RuntimeError::Shape`] when the inputs do not fit the model,
    /// - [`RuntimeError::Overloaded`] at once when the queue is full,
    /// - [`RuntimeError::DeadlineExceeded`] and [`RuntimeError::Cancelled`] as the ticket says,
    /// - [`RuntimeError::Inference`], [`RuntimeError::Panicked`] and [`RuntimeError::NoSession`] when the
    ///   backend fails,
    /// - [`RuntimeError::Stopped`] after [`Model::stop`].
    pub fn answer(&self, inputs: Vec<Tensor>, ticket: &Ticket) -> Result<Answer, RuntimeError> {
        self.begin(inputs, ticket)?.wait()
    }

    /// Queues a request and returns at once, so that a caller may have several models at work; otherwise as
    /// [`Model::answer`].
    ///
    /// # Errors
    /// As [`Model::answer`] where the request never comes to a session: shape, overload, ticket, stopped.
    pub fn begin(&self, inputs: Vec<Tensor>, ticket: &Ticket) -> Result<Pending, RuntimeError> {
        let pending = self.seek(self.shared.lane.load_full(), inputs, ticket);
        if let Err(error) = &pending {
            record_dropped(&self.shared.name, error);
        }
        pending
    }

    /// Queues on `lane`; on the lane in its place, if `lane` was closed meanwhile.
    fn seek(
        &self,
        mut lane: Arc<Lane>,
        mut inputs: Vec<Tensor>,
        ticket: &Ticket,
    ) -> Result<Pending, RuntimeError> {
        loop {
            ticket.check()?;
            let calls = lane.calls(inputs)?;
            let request = NEXT_REQUEST.fetch_add(1, Ordering::Relaxed);
            let accepted = Instant::now();
            let parts = calls.len();
            let (answer, answers) = bounded(parts);
            let job = |(part, inputs): (usize, Vec<Tensor>)| Job {
                request,
                part,
                rows: inputs.first().map_or(1, Tensor::rows),
                inputs,
                ticket: ticket.clone(),
                answer: answer.clone(),
                accepted,
            };
            let jobs = calls.into_iter().enumerate().map(job).collect();
            drop(answer);
            match lane.queue.submit(jobs) {
                Ok(()) => {
                    let (name, ticket) = (Arc::clone(&self.shared.name), ticket.clone());
                    return Ok(Pending { name, lane, request, parts, answers, ticket, open: true });
                }
                Err(Refused::Full(retry_after)) => return Err(RuntimeError::Overloaded { retry_after }),
                Err(Refused::Closed(mut jobs)) => {
                    let current = self.shared.lane.load_full();
                    if Arc::ptr_eq(&lane, &current) {
                        return Err(RuntimeError::Stopped);
                    }
                    lane = current;
                    // Swapped between the look and the queue: the same inputs go to the new model.
                    inputs = match jobs.pop() {
                        Some(job) if jobs.is_empty() => job.inputs,
                        last => {
                            jobs.extend(last);
                            batch::join(&jobs.iter().map(|job| job.inputs.as_slice()))
                        }
                    };
                }
            }
        }
    }

    /// Puts another model in this one's place, without a moment of no service: the new sessions are loaded
    /// and warmed first, then take all new requests; requests already queued are answered by the old
    /// model, whose threads then end. Returns the old model's name. For that while both are in memory.
    ///
    /// # Errors
    /// The first error of the new factory or warm-up, or [`RuntimeError::Stopped`]; then the old model
    /// stays.
    pub fn swap(&self, model: ModelRef, factory: SessionFactory) -> Result<ModelRef, RuntimeError> {
        let _one_at_a_time = self.shared.swapping.lock().unwrap_or_else(PoisonError::into_inner);
        if self.shared.stopped.load(Ordering::Relaxed) {
            return Err(RuntimeError::Stopped);
        }
        let lane = Lane::start(&self.shared.name, model, factory, &self.shared.options)?;
        let old = self.shared.lane.swap(Arc::new(lane));
        old.queue.close();
        tracing::info!(old = %old.model, new = %self.model(), "model swapped");
        Ok(old.model.clone())
    }

    /// Takes no more requests, for good, and returns when those already queued are answered.
    pub fn stop(&self) {
        let _no_swap = self.shared.swapping.lock().unwrap_or_else(PoisonError::into_inner);
        self.shared.stopped.store(true, Ordering::Relaxed);
        self.shared.lane.load_full().stop();
    }

    /// The name it was started under.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// The model that answers new requests now.
    pub fn model(&self) -> ModelRef {
        self.shared.lane.load().model.clone()
    }

    /// What goes in, in order.
    pub fn inputs(&self) -> Vec<Port> {
        self.shared.lane.load().inputs.clone()
    }

    /// What comes out, in order.
    pub fn outputs(&self) -> Vec<Port> {
        self.shared.lane.load().outputs.clone()
    }

    /// Calls that wait for a session now.
    pub fn queued(&self) -> usize {
        self.shared.lane.load().queue.waiting()
    }
}

/// A request that was accepted and is being computed. Dropping it gives the request up.
#[must_use = "the answer comes from `wait`"]
pub struct Pending {
    name: Arc<str>,
    lane: Arc<Lane>,
    request: u64,
    parts: usize,
    answers: Receiver<Part>,
    ticket: Ticket,
    /// Whether parts may still wait in the queue.
    open: bool,
}

impl Pending {
    /// Blocks until the answer is there, the ticket's deadline passes or the ticket is cancelled.
    ///
    /// # Errors
    /// As [`Model::answer`].
    pub fn wait(mut self) -> Result<Answer, RuntimeError> {
        let outputs = collect(&self.answers, self.parts, &self.ticket);
        match &outputs {
            Ok(_) => self.open = false,
            Err(error) => record_dropped(&self.name, error),
        }
        outputs.map(|outputs| Answer { model: self.lane.model.clone(), outputs })
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if self.open {
            self.lane.queue.forget(self.request);
        }
    }
}

/// Waits for every part and puts the rows under one another.
fn collect(answers: &Receiver<Part>, parts: usize, ticket: &Ticket) -> Result<Vec<Tensor>, RuntimeError> {
    let expired = ticket.expired();
    let mut done: Vec<Part> = Vec::with_capacity(parts);
    while done.len() < parts {
        let (part, result) = select_biased! {
            recv(answers) -> answer => match answer {
                Ok(answer) => answer,
                // The job was thrown away: it was given up, or its worker died.
                Err(_) => return Err(ticket.check().err().unwrap_or(RuntimeError::Stopped)),
            },
            recv(ticket.cancelled()) -> _ => return Err(RuntimeError::Cancelled),
            recv(expired) -> _ => return Err(RuntimeError::DeadlineExceeded),
        };
        let outputs = result?;
        if parts == 1 {
            return Ok(outputs);
        }
        done.push((part, Ok(outputs)));
    }
    done.sort_by_key(|(part, _)| *part);
    let outputs = done.into_iter().map(|(_, result)| result).collect::<Result<Vec<_>, _>>()?;
    let alike = outputs.windows(2).all(|pair| matches!(pair, [a, b] if batch::alike(a, b)));
    if !alike || outputs.iter().flatten().any(|output| output.shape().is_empty()) {
        return Err(RuntimeError::shape("the model's outputs do not follow its rows; send one call's rows"));
    }
    Ok(batch::join(&outputs.iter().map(Vec::as_slice)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{Watch, factory, one_worker, start, version};

    #[test]
    fn a_request_that_finds_its_lane_closed_by_a_swap_goes_to_the_new_model_unchanged() {
        let watch = Watch::new();
        let model = start(&watch, |_| (), PoolOptions { max_batch: 4, ..one_worker() });
        for rows in [1_usize, 10] {
            let stale = model.shared.lane.load_full();
            model.swap(version(2), factory(&watch, |session| session.factor = 10.0)).expect("swaps");
            let numbers: Vec<f32> = (0..rows).map(|i| i as f32).collect();
            let inputs = vec![Tensor::new(vec![rows, 1], numbers.clone()).expect("fits")];
            let pending = model.seek(stale, inputs, &Ticket::unlimited()).expect("accepted");
            let answer = pending.wait().expect("answers");
            assert_eq!(answer.model, version(2));
            let tenfold: Vec<f32> = numbers.iter().map(|x| x * 10.0).collect();
            assert_eq!(answer.outputs[0].data(), tenfold);
        }
    }
}
