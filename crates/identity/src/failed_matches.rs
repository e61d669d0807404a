use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock, Reference};
use serde::{Deserialize, Serialize};

/// What the publication allows: failures in a row, and the shortest first delay.
const MAX_LIMIT: u32 = 5;
const MAX_LIMIT_WITH_PAD: u32 = 10;
const MIN_DELAY_SECONDS: u64 = 30;

/// Runs that clients share once there are `max_clients` others.
const SHARED: u64 = 1024;

/// When the table is full, idle runs are looked for after this many failures.
const SWEEP_EVERY: u32 = 1024;

/// How failed matches slow a client down. Stricter than NIST SP 800-63B, section 5.2.3, is possible, looser
/// is not; `enabled = false` is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FailedMatchConfig {
    /// Whether failed matches are counted at all.
    pub enabled: bool,
    /// Failures in a row before the first delay, where faces are not checked for being alive: 1 to 5.
    pub limit: NonZeroU32,
    /// The same where every failed face was checked for being alive: from `limit` to 10.
    pub limit_with_pad: NonZeroU32,
    /// The first delay; each further failure doubles it. At least 30 s.
    pub first_delay_seconds: u64,
    /// The longest delay: from the first one to a day.
    pub longest_delay_seconds: u64,
    /// A client that failed nothing for this long starts anew: at least `limit_with_pad` times the longest
    /// delay, so that nobody tries more often by waiting, and at most 30 days.
    pub forget_seconds: u64,
    /// Clients that are told apart, about 50 bytes each. The ones beyond share 1,024 runs of failures, so that
    /// a flood of clients costs neither the memory nor the runs that are known.
    pub max_clients: usize,
}

impl Default for FailedMatchConfig {
    fn default() -> Self {
        let number = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        Self {
            enabled: true,
            limit: number(MAX_LIMIT),
            limit_with_pad: number(MAX_LIMIT_WITH_PAD),
            first_delay_seconds: MIN_DELAY_SECONDS,
            longest_delay_seconds: 3600,
            forget_seconds: 24 * 3600,
            max_clients: 100_000,
        }
    }
}

/// A setting of [`FailedMatchConfig`] is out of its range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} {problem}")]
pub struct FailedMatchConfigError {
    /// Which setting.
    pub key: &'static str,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl FailedMatchConfig {
    /// Checks every range.
    ///
    /// # Errors
    /// The first setting that is out of its range.
    pub fn validate(&self) -> Result<(), FailedMatchConfigError> {
        const DAY: u64 = 24 * 3600;
        let least = self.longest_delay_seconds.saturating_mul(self.limit_with_pad.get().into());
        let rules = [
            ("limit", self.limit.get() <= MAX_LIMIT, "is 1 to 5"),
            (
                "limit_with_pad",
                (self.limit.get()..=MAX_LIMIT_WITH_PAD).contains(&self.limit_with_pad.get()),
                "is between limit and 10",
            ),
            ("first_delay_seconds", self.first_delay_seconds >= MIN_DELAY_SECONDS, "is at least 30"),
            (
                "longest_delay_seconds",
                (self.first_delay_seconds..=DAY).contains(&self.longest_delay_seconds),
                "is between first_delay_seconds and a day",
            ),
            (
                "forget_seconds",
                (least..=30 * DAY).contains(&self.forget_seconds),
                "is between limit_with_pad times longest_delay_seconds and 30 days",
            ),
            ("max_clients", self.max_clients >= 1, "is at least 1"),
        ];
        match rules.into_iter().find(|(_, good, _)| !good) {
            Some((key, _, problem)) => Err(FailedMatchConfigError { key, problem }),
            None => Ok(()),
        }
    }
}

/// The client failed too often in a row and must wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many failed matches in a row; the next try is possible in {} s", self.retry_after_seconds())]
pub struct Throttled {
    /// After this time one more try is let through.
    pub retry_after: Duration,
}

impl Throttled {
    /// `retry_after` in whole seconds for the HTTP header: rounded up, at least 1.
    pub fn retry_after_seconds(&self) -> u64 {
        self.retry_after.as_millis().div_ceil(1000).max(1) as u64
    }
}

/// A run of failures. Times count from the start of the throttle.
#[derive(Debug, Clone, Copy)]
struct Run {
    failures: u32,
    /// Whether one of the faces was not checked for being alive; the lower limit holds then.
    without_pad: bool,
    last: Duration,
    blocked_until: Duration,
}

#[derive(Debug, Default)]
struct Runs {
    /// By keyed hash of the client: long keys cost no memory, and nobody outside can make two collide.
    own: HashMap<u64, Run>,
    shared: HashMap<u64, Run>,
    /// Since the start.
    failures: u32,
}

impl Runs {
    /// A client that once shared a run stays with it until that is forgotten, so that room which becomes
    /// free does not wipe out its failures.
    fn of(&mut self, client: u64) -> Option<&mut Run> {
        self.own.get_mut(&client).or_else(|| self.shared.get_mut(&(client % SHARED)))
    }
}

/// Counts the failed matches of each client in a row, in the memory of this process, and makes it wait as
/// NIST SP 800-63B, section 5.2.3, asks: after 5 failures, or 10 where presentation attacks are detected, at
/// least 30 seconds, twice as long after each further failure. Free to share between threads.
///
/// Ask [`Self::check`] before a match, then report [`Self::failed`] or [`Self::succeeded`]. Tries that are on
/// their way at the same time all count when they fail; once a client had to wait, it has one try at a time.
/// The caller chooses what a client is: for a one-to-one match the account that is claimed, together with the
/// caller; otherwise somebody could wipe out failures with a face of their own.
#[derive(Debug)]
pub struct FailedMatches<C: Clock = DefaultClock> {
    config: FailedMatchConfig,
    hasher: RandomState,
    clock: C,
    start: C::Instant,
    runs: Mutex<Runs>,
}

impl FailedMatches {
    /// Starts without any failure.
    ///
    /// # Errors
    /// As [`FailedMatchConfig::validate`].
    pub fn new(config: &FailedMatchConfig) -> Result<Self, FailedMatchConfigError> {
        Self::with_clock(config, DefaultClock::default())
    }
}

impl<C: Clock> FailedMatches<C> {
    /// As [`FailedMatches::new`], by another clock; tests move a [`crate::FakeRelativeClock`].
    ///
    /// # Errors
    /// As [`FailedMatchConfig::validate`].
    pub fn with_clock(config: &FailedMatchConfig, clock: C) -> Result<Self, FailedMatchConfigError> {
        config.validate()?;
        Ok(Self {
            config: config.clone(),
            hasher: RandomState::new(),
            start: clock.now(),
            clock,
            runs: Mutex::default(),
        })
    }

    /// Whether this client may try now. After a delay one try is let through; until its outcome is known the
    /// others wait for the shortest delay.
    ///
    /// # Errors
    /// [`Throttled`] while the client must wait. That is not a failure and does not prolong it.
    pub fn check(&self, client_key: &str) -> Result<(), Throttled> {
        if !self.config.enabled {
            return Ok(());
        }
        let (now, client) = (self.now(), self.hasher.hash_one(client_key));
        let mut runs = self.lock();
        let Some(run) = runs.of(client) else { return Ok(()) };
        if self.forgotten(run, now) || run.failures < self.limit(run) {
            return Ok(());
        }
        let retry_after = run.blocked_until.saturating_sub(now);
        if !retry_after.is_zero() {
            return Err(Throttled { retry_after });
        }
        run.blocked_until = now + Duration::from_secs(self.config.first_delay_seconds);
        Ok(())
    }

    /// Counts a match that failed; `with_pad` says whether the face was checked for being alive. Returns how
    /// long the client must wait now, if it must.
    pub fn failed(&self, client_key: &str, with_pad: bool) -> Option<Throttled> {
        if !self.config.enabled {
            return None;
        }
        let (now, client) = (self.now(), self.hasher.hash_one(client_key));
        let mut runs = self.lock();
        let shared = client % SHARED;
        self.sweep(&mut runs, now);
        if runs.own.get(&client).is_some_and(|run| self.forgotten(run, now)) {
            runs.own.remove(&client);
        }
        if runs.shared.get(&shared).is_some_and(|run| self.forgotten(run, now)) {
            runs.shared.remove(&shared);
        }
        if runs.of(client).is_none() {
            let fresh = Run { failures: 0, without_pad: false, last: now, blocked_until: Duration::ZERO };
            if runs.own.len() < self.config.max_clients {
                runs.own.insert(client, fresh);
            } else {
                runs.shared.insert(shared, fresh);
            }
        }
        let run = runs.of(client)?;
        run.failures = run.failures.saturating_add(1);
        run.without_pad |= !with_pad;
        run.last = now;
        let beyond = run.failures.checked_sub(self.limit(run))?;
        let delay = self.delay(beyond);
        run.blocked_until = now + delay;
        Some(Throttled { retry_after: delay })
    }

    /// Ends the client's run of failures. A run that it shares with others stays.
    pub fn succeeded(&self, client_key: &str) {
        if self.config.enabled {
            self.lock().own.remove(&self.hasher.hash_one(client_key));
        }
    }

    /// How many runs of failures are remembered.
    pub fn clients(&self) -> usize {
        let runs = self.lock();
        runs.own.len() + runs.shared.len()
    }

    fn now(&self) -> Duration {
        self.clock.now().duration_since(self.start).into()
    }

    /// No call leaves the table half changed, so one that panicked left it whole.
    fn lock(&self) -> MutexGuard<'_, Runs> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn limit(&self, run: &Run) -> u32 {
        if run.without_pad { self.config.limit.get() } else { self.config.limit_with_pad.get() }
    }

    fn delay(&self, beyond: u32) -> Duration {
        let seconds = self.config.first_delay_seconds.saturating_mul(1 << beyond.min(32));
        Duration::from_secs(seconds.min(self.config.longest_delay_seconds))
    }

    fn forgotten(&self, run: &Run, now: Duration) -> bool {
        now.saturating_sub(run.last) >= Duration::from_secs(self.config.forget_seconds)
    }

    /// Forgets idle runs, when there is no room for a new one; looks through a full table only now and then.
    fn sweep(&self, runs: &mut Runs, now: Duration) {
        runs.failures = runs.failures.wrapping_add(1);
        if runs.own.len() < self.config.max_clients || !runs.failures.is_multiple_of(SWEEP_EVERY) {
            return;
        }
        runs.own.retain(|_, run| !self.forgotten(run, now));
        runs.shared.retain(|_, run| !self.forgotten(run, now));
        if runs.own.len() >= self.config.max_clients {
            tracing::warn!(self.config.max_clients, "too many clients failed; new ones share runs");
        }
    }
}

#[cfg(test)]
#[path = "failed_matches_tests.rs"]
mod tests;
