//! How many pictures are analysed at once, how many may wait, and what happens to the rest.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use innkeeper_core::ErrorCode;
use innkeeper_runtime::Ticket;
use tokio::sync::Semaphore;

use crate::problem::Problem;

/// A load shield in front of the computing threads: a few run, some wait, the rest is told to come back.
#[derive(Clone)]
pub(crate) struct Admission {
    running: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    max_waiting: usize,
    deadline: Duration,
    /// Recent mean of the time one piece of work takes, in microseconds.
    mean_micros: Arc<AtomicUsize>,
    workers: usize,
}

/// Gives its place in the waiting room back however the wait ends.
struct Waiting(Arc<AtomicUsize>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
        metrics::gauge!("innkeeper_waiting_requests").decrement(1.0);
    }
}

impl Admission {
    pub fn new(workers: usize, max_waiting: usize, deadline: Duration) -> Self {
        Self {
            running: Arc::new(Semaphore::new(workers)),
            waiting: Arc::default(),
            max_waiting,
            deadline,
            mean_micros: Arc::new(AtomicUsize::new(100_000)),
            workers,
        }
    }

    /// Runs `work` on a thread that may block, when its turn comes. If the caller goes away, the wait is
    /// given up or the ticket is cancelled, so that nobody computes an answer nobody reads.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Ticket) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let ticket = Ticket::within(self.deadline);
        let _abandoned = ticket.cancel_on_drop();
        let permit = match Arc::clone(&self.running).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => self.wait().await?,
        };
        let inner = ticket.clone();
        let mean = Arc::clone(&self.mean_micros);
        let span = tracing::Span::current();
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let _span = span.enter();
            let started = Instant::now();
            let result = work(&inner);
            let micros = started.elapsed().as_micros() as usize;
            // A plain exponential mean; a lost update between threads only shifts an estimate.
            let before = mean.load(Ordering::Relaxed);
            mean.store((before * 7 + micros) / 8, Ordering::Relaxed);
            result
        })
        .await?
    }

    async fn wait(&self) -> Result<tokio::sync::OwnedSemaphorePermit, Problem> {
        let ahead = self.waiting.fetch_add(1, Ordering::AcqRel);
        let _place = Waiting(Arc::clone(&self.waiting));
        metrics::gauge!("innkeeper_waiting_requests").increment(1.0);
        if ahead >= self.max_waiting {
            metrics::counter!("innkeeper_requests_shed_total").increment(1);
            let micros = self.mean_micros.load(Ordering::Relaxed) * (ahead / self.workers + 1);
            return Err(Problem::new(
                ErrorCode::Overloaded,
                format!("{ahead} requests wait already; more are not taken"),
            )
            .retry(Duration::from_micros(micros as u64)));
        }
        match tokio::time::timeout(self.deadline, Arc::clone(&self.running).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(Problem::new(ErrorCode::NotReady, "the server shuts down")),
            Err(_) => Err(Problem::new(ErrorCode::DeadlineExceeded, "no worker became free in time")
                .retry(Duration::from_secs(1))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_request_beyond_the_waiting_room_is_told_when_to_come_back() {
        let shield = Admission::new(1, 1, Duration::from_secs(30));
        let (open, gate) = mpsc::channel::<()>();
        let (started, has_started) = mpsc::channel::<()>();
        let busy = tokio::spawn({
            let shield = shield.clone();
            async move {
                shield
                    .run(move |_| {
                        started.send(()).unwrap();
                        gate.recv().unwrap();
                        Ok(1)
                    })
                    .await
            }
        });
        tokio::task::spawn_blocking(move || has_started.recv().unwrap()).await.unwrap();
        let waits = tokio::spawn({
            let shield = shield.clone();
            async move { shield.run(|_| Ok(2)).await }
        });
        while shield.waiting.load(Ordering::Acquire) == 0 {
            tokio::task::yield_now().await;
        }
        let refused = shield.run(|_| Ok(3)).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Overloaded);
        assert!(refused.retry_after.is_some());
        open.send(()).unwrap();
        assert_eq!(busy.await.unwrap().unwrap(), 1);
        assert_eq!(waits.await.unwrap().unwrap(), 2);
        assert_eq!(shield.run(|_| Ok(4)).await.unwrap(), 4, "the shield did not recover");
    }

    #[test]
    fn the_gauge_of_waiting_requests_falls_when_they_stop_waiting() {
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        let clock = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let shield = Admission::new(1, 1, Duration::from_millis(1));
        let _taken = shield.running.try_acquire().unwrap();
        let given_up = metrics::with_local_recorder(&recorder, || clock.block_on(shield.wait())).unwrap_err();
        assert_eq!(given_up.code, ErrorCode::DeadlineExceeded);
        let text = recorder.handle().render();
        assert!(text.contains("innkeeper_waiting_requests 0"), "{text}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn work_of_a_caller_who_left_is_told_so() {
        let shield = Admission::new(1, 1, Duration::from_secs(30));
        let (report, left) = mpsc::channel();
        let (started, has_started) = mpsc::channel::<()>();
        let call = tokio::spawn({
            let shield = shield.clone();
            async move {
                shield
                    .run(move |ticket| {
                        started.send(()).unwrap();
                        while ticket.check().is_ok() {
                            std::thread::yield_now();
                        }
                        report.send(ticket.check().is_err()).unwrap();
                        Ok(())
                    })
                    .await
            }
        });
        tokio::task::spawn_blocking(move || has_started.recv().unwrap()).await.unwrap();
        call.abort();
        assert!(tokio::task::spawn_blocking(move || left.recv().unwrap()).await.unwrap());
    }
}
