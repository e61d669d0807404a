use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, bounded};
use innkeeper_core::ModelRef;

use crate::queue::{Job, Queue};
use crate::session::{check_inputs, check_with};
use crate::stage::{record_batch, record_stage};
use crate::{PoolOptions, Port, RuntimeError, Session, SessionFactory, Stage, Tensor, batch};

/// First and longest pause between attempts to load a session anew.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// One version of a model at work: its queue and the threads that serve it, each with its own session.
pub(crate) struct Lane {
    pub(crate) model: ModelRef,
    pub(crate) inputs: Vec<Port>,
    pub(crate) outputs: Vec<Port>,
    pub(crate) queue: Arc<Queue>,
    axis: RowAxis,
    max_batch: usize,
    row_wise: Arc<AtomicBool>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// What the first axis of a model's ports allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RowAxis {
    /// Any count of rows, each computed for itself: requests can be joined and cut.
    Free,
    /// Exactly so many rows a call; a longer request is cut into calls.
    Fixed(usize),
    /// The first axis is not a count of independent rows: each request is one call, as it is.
    Whole,
}

impl RowAxis {
    fn of(inputs: &[Port], outputs: &[Port]) -> Self {
        let axis = |port: &Port| port.shape.first().copied();
        let Some(Some(first)) = inputs.first().map(axis) else { return Self::Whole };
        if inputs.iter().any(|port| axis(port) != Some(first)) {
            return Self::Whole;
        }
        let through = outputs.iter().all(|port| match axis(port) {
            Some(None) => true,
            other => first.is_some() && other == Some(first),
        });
        match first {
            _ if !through => Self::Whole,
            None => Self::Free,
            Some(0) => Self::Whole,
            Some(rows) => Self::Fixed(rows),
        }
    }
}

/// What a worker reports when it is warm.
struct Ready {
    inputs: Vec<Port>,
    outputs: Vec<Port>,
}

struct Worker {
    name: Arc<str>,
    factory: Arc<SessionFactory>,
    warm_shapes: Arc<Vec<Vec<Vec<usize>>>>,
    max_joined: usize,
    axis: RowAxis,
    row_wise: Arc<AtomicBool>,
    queue: Arc<Queue>,
    session: Option<Box<dyn Session>>,
}

impl Lane {
    /// Starts the workers and waits until each has loaded its session and run the warm-up.
    pub(crate) fn start(
        name: &Arc<str>,
        model: ModelRef,
        factory: SessionFactory,
        options: &PoolOptions,
    ) -> Result<Self, RuntimeError> {
        let workers = options.workers.max(1);
        let queue = Arc::new(Queue::new(options.queue, workers, options.max_delay));
        let row_wise = Arc::new(AtomicBool::new(true));
        let factory = Arc::new(factory);
        let warm_shapes = Arc::new(options.warm_shapes.clone());
        let (report, reports) = bounded(workers);
        let mut threads = Vec::with_capacity(workers);
        let closing = Unless(&queue);
        for number in 0..workers {
            let worker = Worker {
                name: Arc::clone(name),
                factory: Arc::clone(&factory),
                warm_shapes: Arc::clone(&warm_shapes),
                max_joined: options.max_joined.min(options.max_batch).max(1),
                axis: RowAxis::Whole,
                row_wise: Arc::clone(&row_wise),
                queue: Arc::clone(&queue),
                session: None,
            };
            let report = report.clone();
            let thread = Builder::new().name(format!("{name}-{number}")).spawn(move || worker.work(&report));
            threads.push(thread.map_err(RuntimeError::Thread)?);
        }
        drop(report);
        let mut ready = None;
        for _ in 0..workers {
            ready = Some(reports.recv().map_err(|_| RuntimeError::Stopped)??);
        }
        let Ready { inputs, outputs } = ready.ok_or(RuntimeError::Stopped)?;
        std::mem::forget(closing);
        let axis = RowAxis::of(&inputs, &outputs);
        let max_batch = options.max_batch.max(1);
        let threads = Mutex::new(threads);
        tracing::info!(model = %model, workers, ?axis, "model is warm");
        Ok(Self { model, inputs, outputs, queue, axis, max_batch, row_wise, threads })
    }

    /// Compares a request with the model and cuts it into calls.
    pub(crate) fn calls(&self, inputs: Vec<Tensor>) -> Result<Vec<Vec<Tensor>>, RuntimeError> {
        let size = match self.axis {
            RowAxis::Whole => {
                check_inputs(&self.inputs, &inputs)?;
                return Ok(vec![inputs]);
            }
            RowAxis::Fixed(rows) => rows,
            RowAxis::Free if self.row_wise.load(Ordering::Relaxed) => self.max_batch,
            RowAxis::Free => usize::MAX,
        };
        check_with(&self.inputs, &inputs, Port::fits_rows)?;
        let rows = inputs.first().map_or(0, Tensor::rows);
        if rows == 0 {
            return Err(RuntimeError::shape("a request without rows"));
        }
        if let Some(other) = inputs.iter().find(|input| input.rows() != rows) {
            return Err(RuntimeError::shape(format!(
                "{rows} rows in one input, {} in another",
                other.rows()
            )));
        }
        if matches!(self.axis, RowAxis::Fixed(_)) && !rows.is_multiple_of(size) {
            return Err(RuntimeError::shape(format!("the model takes {size} rows a call, {rows} given")));
        }
        Ok(if rows <= size { vec![inputs] } else { batch::cut(&inputs, rows, size) })
    }

    /// Takes no more work and waits until what was queued is done.
    pub(crate) fn stop(&self) {
        self.queue.close();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // A worker catches the panics of its session; one that dies all the same has dropped its
            // callers' channels already.
            let _ = thread.join();
        }
    }
}

/// Closes the queue on the way out, unless forgotten: a lane that did not come up leaves no thread behind.
struct Unless<'a>(&'a Queue);

impl Drop for Unless<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Worker {
    fn work(mut self, report: &Sender<Result<Ready, RuntimeError>>) {
        match self.load() {
            Ok(session) => {
                let (inputs, outputs) = (session.inputs().to_vec(), session.outputs().to_vec());
                self.axis = RowAxis::of(&inputs, &outputs);
                self.session = Some(session);
                let _ = report.send(Ok(Ready { inputs, outputs }));
            }
            Err(error) => {
                let _ = report.send(Err(error));
                return;
            }
        }
        let mut pause = RETRY.0;
        loop {
            if self.session.is_none() {
                match self.revive() {
                    Ok(()) => pause = RETRY.0,
                    Err(error) => {
                        for job in self.queue.stranded() {
                            job.finish(Err(self.no_session(&error)));
                        }
                        // Without a session this worker must not take jobs from those who have one.
                        if self.queue.pause(pause) {
                            for job in self.queue.stranded() {
                                job.finish(Err(self.no_session(&error)));
                            }
                            return;
                        }
                        pause = (pause * 2).min(RETRY.1);
                        continue;
                    }
                }
            }
            let Some(jobs) = self.queue.next(self.max_rows()) else { return };
            self.compute(jobs);
        }
    }

    /// Rows of several requests that may share a call.
    fn max_rows(&self) -> usize {
        match self.axis {
            RowAxis::Free if self.row_wise.load(Ordering::Relaxed) => self.max_joined,
            _ => 1,
        }
    }

    /// Loads a session and runs the warm-up on zeros.
    fn load(&self) -> Result<Box<dyn Session>, RuntimeError> {
        let attempt = catch_unwind(AssertUnwindSafe(|| {
            let mut session = (self.factory)()?;
            self.warm_up(session.as_mut())?;
            Ok(session)
        }));
        attempt.unwrap_or_else(|panic| Err(panicked(panic.as_ref())))
    }

    fn warm_up(&self, session: &mut dyn Session) -> Result<(), RuntimeError> {
        let mut runs = self.warm_shapes.as_ref().clone();
        if runs.is_empty() {
            let fixed: Option<Vec<Vec<usize>>> = session.inputs().iter().map(smallest).collect();
            if let Some(shapes) = fixed {
                runs.push(shapes);
            } else {
                tracing::warn!(model = %self.name, "no warm-up shape for an input of any size");
            }
        }
        for shapes in runs {
            let inputs = shapes.into_iter().map(Tensor::zeros).collect::<Result<Vec<_>, _>>()?;
            check_inputs(session.inputs(), &inputs)?;
            let begun = Instant::now();
            let outputs = session.run(&inputs)?;
            self.queue.served(begun.elapsed(), 1);
            let rows = inputs.first().map_or(1, Tensor::rows);
            if !batch::row_wise(&outputs, rows) {
                self.row_wise.store(false, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    fn revive(&mut self) -> Result<(), RuntimeError> {
        match self.load() {
            Ok(session) => {
                self.session = Some(session);
                self.queue.mended();
                Ok(())
            }
            Err(error) => {
                tracing::error!(model = %self.name, %error, "the session cannot be loaded again");
                Err(error)
            }
        }
    }

    fn no_session(&self, cause: &RuntimeError) -> RuntimeError {
        RuntimeError::NoSession { model: self.name.to_string(), detail: cause.to_string() }
    }

    fn compute(&mut self, mut jobs: Vec<Job>) {
        // While a batch was collected, some of its callers may have gone.
        jobs.retain(Job::wanted);
        for job in &jobs {
            record_stage(Arc::clone(&self.name).into(), Stage::Queue, job.accepted.elapsed());
        }
        if jobs.len() > 1 {
            jobs = self.together(jobs);
        }
        for job in jobs {
            self.alone(job);
        }
    }

    /// Computes jobs in one call. Gives them back unanswered if that failed, so that each can be tried by
    /// itself and only the one at fault fails.
    fn together(&mut self, jobs: Vec<Job>) -> Vec<Job> {
        let inputs = batch::join(&jobs.iter().map(|job| job.inputs.as_slice()));
        let rows: Vec<usize> = jobs.iter().map(|job| job.rows).collect();
        let outputs = match self.call(&inputs, jobs.len()) {
            Ok(outputs) => outputs,
            Err(error) => {
                tracing::debug!(model = %self.name, %error, jobs = jobs.len(), "a batch failed");
                return jobs;
            }
        };
        let Some(answers) = batch::split(&outputs, &rows) else {
            tracing::warn!(model = %self.name, "outputs do not follow the rows; batching is off");
            self.row_wise.store(false, Ordering::Relaxed);
            return jobs;
        };
        for (job, answer) in jobs.into_iter().zip(answers) {
            job.finish(Ok(answer));
        }
        Vec::new()
    }

    fn alone(&mut self, job: Job) {
        if !job.wanted() {
            return;
        }
        let result = if self.session.is_none() { self.revive() } else { Ok(()) };
        let result = match result {
            Ok(()) => self.call(&job.inputs, 1),
            Err(error) => Err(self.no_session(&error)),
        };
        job.finish(result);
    }

    fn call(&mut self, inputs: &[Tensor], jobs: usize) -> Result<Vec<Tensor>, RuntimeError> {
        let Some(session) = self.session.as_mut() else { return Err(RuntimeError::Stopped) };
        let begun = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| session.run(inputs)));
        let elapsed = begun.elapsed();
        self.queue.served(elapsed, jobs);
        record_batch(&self.name, inputs.first().map_or(1, Tensor::rows));
        for _ in 0..jobs {
            record_stage(Arc::clone(&self.name).into(), Stage::Inference, elapsed);
        }
        result.unwrap_or_else(|panic| {
            let error = panicked(panic.as_ref());
            tracing::error!(model = %self.name, %error, "the session is loaded again");
            let broken = self.session.take();
            // What panicked may do so again when it is dropped.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(broken)));
            self.queue.broke();
            Err(error)
        })
    }
}

/// The smallest shape that fits, if only the rows are free.
fn smallest(port: &Port) -> Option<Vec<usize>> {
    port.shape.iter().enumerate().map(|(axis, &n)| if axis == 0 { n.or(Some(1)) } else { n }).collect()
}

fn panicked(panic: &(dyn Any + Send)) -> RuntimeError {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    RuntimeError::Panicked { detail: text.unwrap_or("no message").to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(shape: &[Option<usize>]) -> Port {
        Port { name: "x".to_owned(), shape: shape.to_vec() }
    }

    #[test]
    fn only_ports_whose_rows_pass_through_are_batched() {
        let image = port(&[None, Some(3), None, None]);
        let one = port(&[Some(1), Some(3)]);
        assert_eq!(RowAxis::of(std::slice::from_ref(&image), &[port(&[None, Some(2)])]), RowAxis::Free);
        assert_eq!(RowAxis::of(std::slice::from_ref(&image), &[port(&[Some(800), Some(1)])]), RowAxis::Whole);
        assert_eq!(RowAxis::of(std::slice::from_ref(&one), &[port(&[Some(1), Some(2)])]), RowAxis::Fixed(1));
        assert_eq!(RowAxis::of(std::slice::from_ref(&one), &[port(&[Some(800), Some(1)])]), RowAxis::Whole);
        assert_eq!(RowAxis::of(&[image, one], &[port(&[None])]), RowAxis::Whole);
        assert_eq!(RowAxis::of(&[port(&[])], &[port(&[None])]), RowAxis::Whole);
        assert_eq!(RowAxis::of(&[], &[]), RowAxis::Whole);
    }
}
