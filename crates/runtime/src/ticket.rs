use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, at, bounded, never};

use crate::RuntimeError;

/// A request's deadline and its wish to go on. Cloning is cheap; cancelling one clone cancels all.
#[derive(Clone, Debug)]
pub struct Ticket {
    deadline: Option<Instant>,
    wish: Arc<Wish>,
}

/// Nothing is ever sent: dropping the sender is what wakes everyone who waits on the receiver.
#[derive(Debug)]
struct Wish {
    cancelled: AtomicBool,
    held: Mutex<Option<Sender<()>>>,
    gone: Receiver<()>,
}

/// Cancels its ticket when dropped, so that a caller who goes away takes the request along.
#[derive(Debug)]
pub struct CancelGuard(Ticket);

impl Ticket {
    /// A request that waits for as long as it takes.
    pub fn unlimited() -> Self {
        Self::with(None)
    }

    /// A request whose answer is worth nothing after `deadline`.
    pub fn until(deadline: Instant) -> Self {
        Self::with(Some(deadline))
    }

    /// A request whose answer is worth nothing once `time` has passed from now.
    pub fn within(time: Duration) -> Self {
        Self::with(Instant::now().checked_add(time))
    }

    fn with(deadline: Option<Instant>) -> Self {
        let (held, gone) = bounded(0);
        let wish = Wish { cancelled: AtomicBool::new(false), held: Mutex::new(Some(held)), gone };
        Self { deadline, wish: Arc::new(wish) }
    }

    /// Gives the request up and wakes whoever waits for its answer.
    pub fn cancel(&self) {
        self.wish.cancelled.store(true, Ordering::Release);
        self.wish.held.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Says whether the answer is still wanted.
    ///
    /// # Errors
    /// [`RuntimeError::Cancelled`] or [`RuntimeError::DeadlineExceeded`] when it is not.
    pub fn check(&self) -> Result<(), RuntimeError> {
        if self.wish.cancelled.load(Ordering::Acquire) {
            Err(RuntimeError::Cancelled)
        } else if self.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            Err(RuntimeError::DeadlineExceeded)
        } else {
            Ok(())
        }
    }

    /// When the answer stops being worth anything.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// A guard that cancels this ticket when it is dropped.
    pub fn cancel_on_drop(&self) -> CancelGuard {
        CancelGuard(self.clone())
    }

    /// Disconnects when the ticket is cancelled; nothing is ever sent.
    pub fn cancelled(&self) -> &Receiver<()> {
        &self.wish.gone
    }

    /// Delivers once the deadline has passed.
    pub(crate) fn expired(&self) -> Receiver<Instant> {
        self.deadline.map_or_else(never, at)
    }
}

impl Drop for CancelGuard {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cancelling_a_clone_or_dropping_the_guard_cancels_the_request() {
        let ticket = Ticket::unlimited();
        let other = ticket.clone();
        assert!(ticket.check().is_ok());
        drop(other.cancel_on_drop());
        assert!(matches!(ticket.check(), Err(RuntimeError::Cancelled)));
    }

    #[test]
    fn a_deadline_in_the_past_is_exceeded_and_an_unreachable_one_never_is() {
        let late = Ticket::within(Duration::ZERO);
        assert!(matches!(late.check(), Err(RuntimeError::DeadlineExceeded)));
        assert!(Ticket::within(Duration::MAX).check().is_ok());
        assert!(Ticket::within(Duration::MAX).deadline().is_none());
    }
}
