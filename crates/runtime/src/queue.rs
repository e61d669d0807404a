use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

use crate::{RuntimeError, Tensor, Ticket, batch};

/// Weight of the newest measurement in the mean service time.
const NEWEST: f64 = 0.2;

/// A part of a request, counted from 0, and what became of it.
pub(crate) type Part = (usize, Result<Vec<Tensor>, RuntimeError>);

/// A piece of work small enough for one call of a session. Most requests are one piece; one with more rows
/// than a batch may have is several.
pub(crate) struct Job {
    pub(crate) request: u64,
    pub(crate) part: usize,
    pub(crate) inputs: Vec<Tensor>,
    pub(crate) rows: usize,
    pub(crate) ticket: Ticket,
    pub(crate) answer: Sender<Part>,
    pub(crate) accepted: Instant,
}

impl Job {
    pub(crate) fn wanted(&self) -> bool {
        self.ticket.check().is_ok()
    }

    /// Hands the result to the caller, if one still waits.
    pub(crate) fn finish(self, result: Result<Vec<Tensor>, RuntimeError>) {
        // The channel has room for every part; sending fails only when the caller has gone.
        let _ = self.answer.try_send((self.part, result));
    }
}

/// Why jobs were not queued.
pub(crate) enum Refused {
    /// Too many wait already.
    Full(Duration),
    /// The queue takes no more; here are the jobs back, for another queue.
    Closed(Vec<Job>),
}

/// Work that waits, shared by the callers and the workers of one lane.
pub(crate) struct Queue {
    state: Mutex<State>,
    arrived: Condvar,
    closing: Condvar,
    capacity: usize,
    workers: usize,
    max_delay: Duration,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    /// Workers that wait for work.
    idle: usize,
    /// Workers without a session.
    broken: usize,
    /// Mean seconds of a worker's time for one job.
    service: Option<f64>,
    closed: bool,
}

impl Queue {
    pub(crate) fn new(capacity: usize, workers: usize, max_delay: Duration) -> Self {
        Self {
            state: Mutex::default(),
            arrived: Condvar::new(),
            closing: Condvar::new(),
            capacity: capacity.max(1),
            workers,
            max_delay,
        }
    }

    // Nothing panics while the lock is held, so a poisoned lock still guards a sound state.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues all jobs of a request or none. A request of several jobs is let into an empty queue even if
    /// it alone is longer than the queue, for it would never fit otherwise.
    pub(crate) fn submit(&self, jobs: Vec<Job>) -> Result<(), Refused> {
        let mut state = self.state();
        if state.closed {
            return Err(Refused::Closed(jobs));
        }
        let waiting = state.waiting.len();
        if waiting > 0 && waiting + jobs.len() > self.capacity {
            return Err(Refused::Full(state.drains_in(self.workers)));
        }
        let many = jobs.len() > 1;
        state.waiting.extend(jobs);
        drop(state);
        // With a delay, the one who wakes may be collecting a batch of another shape; then someone else
        // must look too.
        if many || self.max_delay > Duration::ZERO {
            self.arrived.notify_all();
        } else {
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// Takes a request that was given up out of the queue, so that it holds no place.
    pub(crate) fn forget(&self, request: u64) {
        self.state().waiting.retain(|job| job.request != request);
    }

    /// The next jobs to compute together: alike, in the order they came, of at most `max_rows` rows unless
    /// the first alone has more. Blocks while there are none; `None` once the queue is closed and empty.
    /// Jobs nobody waits for are thrown away unseen.
    pub(crate) fn next(&self, max_rows: usize) -> Option<Vec<Job>> {
        let mut state = self.state();
        let first = loop {
            match state.waiting.pop_front() {
                Some(job) if job.wanted() => break job,
                Some(_) => {}
                None if state.closed => return None,
                None => {
                    state.idle += 1;
                    state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
                    state.idle -= 1;
                }
            }
        };
        // Without a delay, work that waits is shared with the workers who have nothing to do: two cores
        // with one row each are faster than one core with two.
        let share = if self.max_delay.is_zero() {
            (state.waiting.len() + 1).div_ceil(state.idle + 1)
        } else {
            usize::MAX
        };
        let until = first.accepted.checked_add(self.max_delay);
        let mut rows = first.rows;
        let mut jobs = vec![first];
        loop {
            state.gather(&mut jobs, &mut rows, max_rows, share);
            if rows >= max_rows || self.max_delay.is_zero() || state.closed {
                return Some(jobs);
            }
            let left = until.map_or(self.max_delay, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Some(jobs);
            }
            state = self.arrived.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Notes how long a worker took for so many jobs.
    pub(crate) fn served(&self, elapsed: Duration, jobs: usize) {
        let each = elapsed.as_secs_f64() / jobs.max(1) as f64;
        let mut state = self.state();
        state.service = Some(state.service.map_or(each, |mean| mean + NEWEST * (each - mean)));
    }

    /// Takes no more; what waits is still served.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.arrived.notify_all();
        self.closing.notify_all();
    }

    pub(crate) fn waiting(&self) -> usize {
        self.state().waiting.len()
    }

    /// A worker lost its session.
    pub(crate) fn broke(&self) {
        self.state().broken += 1;
    }

    /// A worker has a session again.
    pub(crate) fn mended(&self) {
        let mut state = self.state();
        state.broken = state.broken.saturating_sub(1);
    }

    /// What waits, if no worker has a session to serve it with.
    pub(crate) fn stranded(&self) -> Vec<Job> {
        let mut state = self.state();
        if state.broken >= self.workers { state.waiting.drain(..).collect() } else { Vec::new() }
    }

    /// Sleeps for `time`, or until the queue is closed. Says whether it is closed.
    pub(crate) fn pause(&self, time: Duration) -> bool {
        let state = self.state();
        let woken = self.closing.wait_timeout_while(state, time, |state| !state.closed);
        woken.unwrap_or_else(PoisonError::into_inner).0.closed
    }
}

impl State {
    /// Moves jobs like the first one out of the queue, passing over the others.
    fn gather(&mut self, jobs: &mut Vec<Job>, rows: &mut usize, max_rows: usize, share: usize) {
        let mut at = 0;
        while *rows < max_rows && jobs.len() < share && at < self.waiting.len() {
            let (Some(job), Some(first)) = (self.waiting.get(at), jobs.first()) else { break };
            let unwanted = !job.wanted();
            let joins = job.rows <= max_rows - *rows && batch::alike(&first.inputs, &job.inputs);
            if !unwanted && !joins {
                at += 1;
            } else if let Some(job) = self.waiting.remove(at)
                && !unwanted
            {
                *rows += job.rows;
                jobs.push(job);
            }
        }
    }

    fn drains_in(&self, workers: usize) -> Duration {
        let seconds = self.service.unwrap_or(0.0) * self.waiting.len() as f64 / workers.max(1) as f64;
        Duration::try_from_secs_f64(seconds).unwrap_or_default()
    }
}
