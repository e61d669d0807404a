//! Guests who come back.
//!
//! A guest's own clock says when he wants to book again (BG/NBD); the next request of his segment after that is his. So
//! the number of requests stays what the truth states, and a guest is late by the time to the next request at most.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1};

/// A guest who calls, with what the hotel remembers of him.
#[derive(Debug, Clone)]
pub struct Caller {
    pub guest: u32,
    /// Bookings a day.
    rate: f64,
    /// Chance to drop out after a booking.
    pub dropout: f64,
    /// Stays that are over.
    pub stays: u16,
    /// Bookings that were cancelled.
    pub cancellations: u16,
    /// Bookings that still run: the day on which they end, and whether by a cancellation.
    pub open: Vec<(usize, bool)>,
}

impl Caller {
    pub fn new(guest: u32, rate: f64, dropout: f64) -> Self {
        Self { guest, rate, dropout, stays: 0, cancellations: 0, open: Vec::new() }
    }

    /// Counts what has ended by a day.
    pub fn look_back(&mut self, day: usize) {
        let (stays, cancellations) = (&mut self.stays, &mut self.cancellations);
        self.open.retain(|(on, cancelled)| {
            if *on > day {
                return true;
            }
            let count = if *cancelled { &mut *cancellations } else { &mut *stays };
            *count = count.saturating_add(1);
            false
        });
    }
}

#[derive(Debug, Clone)]
struct Due {
    at: f64,
    caller: Caller,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        self.at.total_cmp(&other.at).then(self.caller.guest.cmp(&other.caller.guest))
    }
}

/// The guests of a segment who will call again.
#[derive(Debug, Clone, Default)]
pub struct Returns {
    queue: BinaryHeap<Reverse<Due>>,
}

impl Returns {
    /// The guest who has wanted to call for longest, if one has by the end of a day.
    pub fn due(&mut self, day: usize) -> Option<Caller> {
        let Reverse(first) = self.queue.peek()?;
        if first.at >= (day + 1) as f64 {
            return None;
        }
        self.queue.pop().map(|Reverse(due)| due.caller)
    }

    /// Lets a guest call again after a time of his own; forgets him when that is after the last day.
    pub fn later(&mut self, caller: Caller, day: usize, last_day: usize, random: &mut ChaCha8Rng) {
        let wait: f64 = Exp1.sample(random);
        // In the middle of the day he has just called.
        let at = day as f64 + 0.5 + wait / caller.rate;
        if at < (last_day + 1) as f64 {
            self.queue.push(Reverse(Due { at, caller }));
        }
    }
}
