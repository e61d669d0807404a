use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use serde::{Deserialize, Serialize};

use crate::{Principal, Role};

/// Clients that had nothing to say for a while are forgotten after this many calls of a class.
const SWEEP_EVERY: u32 = 1024;

/// How many allowances are shared by the clients beyond `max_clients`.
const SHARED: u64 = 1024;

/// What kind of call is counted. Each kind has its own allowance per client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallClass {
    /// Recognition for a person at a screen or a phone.
    Recognition,
    /// Recognition for a camera.
    CameraRecognition,
    /// Everything else.
    General,
}

impl CallClass {
    /// The class of a recognition call by this caller: cameras have their own limit.
    pub fn recognition_of(principal: &Principal) -> Self {
        if principal.role == Role::Camera { Self::CameraRecognition } else { Self::Recognition }
    }
}

/// Calls per minute and client. Each number is also how many calls may come at once: an allowance fills
/// up evenly over the minute and never holds more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimitConfig {
    /// Whether calls are counted at all.
    pub enabled: bool,
    /// Recognitions per minute of an interactive client; at least 1.
    pub recognition_per_minute: NonZeroU32,
    /// Recognitions per minute of a camera; at least 1.
    pub camera_recognition_per_minute: NonZeroU32,
    /// Other calls per minute; at least 1.
    pub general_per_minute: NonZeroU32,
    /// Clients that are told apart at any time in each class, about 50 bytes each. The ones beyond share
    /// 1,024 allowances, so that a flood of addresses costs the flooders and not the memory.
    pub max_clients: usize,
}

impl Default for RateLimitConfig {
    fn default() -> Self {
        let number = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        Self {
            enabled: true,
            recognition_per_minute: number(10),
            camera_recognition_per_minute: number(600),
            general_per_minute: number(100),
            max_clients: 100_000,
        }
    }
}

/// What is left of a client's allowance after a call that was let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remaining {
    /// Calls per minute in this class.
    pub limit: u32,
    /// Calls that would be let through right now.
    pub remaining: u32,
}

/// The client has used up its allowance. The refused call does not count against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than {limit} calls a minute; the next one is possible in {} s", self.retry_after_seconds())]
pub struct Limited {
    /// Calls per minute in this class.
    pub limit: u32,
    /// After this time the next call is let through, unless another one of the same client comes first.
    pub retry_after: Duration,
}

impl Limited {
    /// `retry_after` in whole seconds for the HTTP header: rounded up, at least 1.
    pub fn retry_after_seconds(&self) -> u64 {
        self.retry_after.as_millis().div_ceil(1000).max(1) as u64
    }
}

/// The key of a caller without a token: its address. IPv6 addresses count by their /64, which is what
/// one customer gets and can walk through freely.
pub fn client_key_of_address(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => format!("ip:{v4}"),
        IpAddr::V6(v6) => {
            let s = v6.segments();
            format!("ip:{:x}:{:x}:{:x}:{:x}::/64", s[0], s[1], s[2], s[3])
        }
    }
}

// Keys are kept as keyed hashes: long ones cost no memory, and nobody outside can make two collide.
type Limiter<C> = RateLimiter<u64, DefaultKeyedStateStore<u64>, C, StateInformationMiddleware>;

/// Counts the calls of each client in each class, in the memory of this process, by the generic cell
/// rate algorithm (ITU-T I.371). Free to share between threads.
#[derive(Debug)]
pub struct RateLimits<C: Clock = DefaultClock> {
    enabled: bool,
    hasher: RandomState,
    clock: C,
    recognition: Counter<C>,
    camera_recognition: Counter<C>,
    general: Counter<C>,
}

#[derive(Debug)]
struct Counter<C: Clock> {
    per_minute: NonZeroU32,
    limiter: Limiter<C>,
    max_clients: usize,
    calls: AtomicU32,
    crowded: AtomicBool,
}

impl RateLimits {
    /// Starts with every allowance full.
    pub fn new(config: &RateLimitConfig) -> Self {
        Self::with_clock(config, DefaultClock::default())
    }
}

impl<C: Clock + Clone> RateLimits<C> {
    /// As [`RateLimits::new`], by another clock; tests move a [`crate::FakeRelativeClock`].
    pub fn with_clock(config: &RateLimitConfig, clock: C) -> Self {
        let counter = |per_minute| Counter::new(per_minute, config.max_clients, clock.clone());
        Self {
            enabled: config.enabled,
            hasher: RandomState::new(),
            recognition: counter(config.recognition_per_minute),
            camera_recognition: counter(config.camera_recognition_per_minute),
            general: counter(config.general_per_minute),
            clock,
        }
    }

    /// Counts one call of this client: [`Principal::client_key`], or [`client_key_of_address`] for a
    /// caller without a token.
    ///
    /// # Errors
    /// [`Limited`] when the allowance is used up; the call does not count then.
    pub fn check(&self, client_key: &str, class: CallClass) -> Result<Remaining, Limited> {
        let counter = match class {
            CallClass::Recognition => &self.recognition,
            CallClass::CameraRecognition => &self.camera_recognition,
            CallClass::General => &self.general,
        };
        let limit = counter.per_minute.get();
        if !self.enabled {
            return Ok(Remaining { limit, remaining: limit });
        }
        counter.check(self.hasher.hash_one(client_key), &self.clock)
    }

    /// How many clients are remembered, over all classes.
    pub fn clients(&self) -> usize {
        [&self.recognition, &self.camera_recognition, &self.general].map(|c| c.limiter.len()).iter().sum()
    }
}

impl<C: Clock> Counter<C> {
    fn new(per_minute: NonZeroU32, max_clients: usize, clock: C) -> Self {
        let limiter = Limiter::new(Quota::per_minute(per_minute), DefaultKeyedStateStore::default(), clock);
        Self { per_minute, limiter, max_clients, calls: AtomicU32::new(0), crowded: AtomicBool::new(false) }
    }

    fn check(&self, key: u64, clock: &C) -> Result<Remaining, Limited> {
        if self.calls.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            // Whoever's allowance is full again is like a client never seen.
            self.limiter.retain_recent();
            let crowded = self.limiter.len() > self.max_clients;
            if crowded != self.crowded.swap(crowded, Ordering::Relaxed) && crowded {
                tracing::warn!(max_clients = self.max_clients, "too many clients; new ones share allowances");
            }
        }
        let key = if self.crowded.load(Ordering::Relaxed) { key % SHARED } else { key };
        let limit = self.per_minute.get();
        match self.limiter.check_key(&key) {
            Ok(state) => Ok(Remaining { limit, remaining: state.remaining_burst_capacity() }),
            Err(until) => Err(Limited { limit, retry_after: until.wait_time_from(clock.now()) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FakeRelativeClock;

    fn limits() -> (RateLimits<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (RateLimits::with_clock(&RateLimitConfig::default(), clock.clone()), clock)
    }

    fn passed(limits: &RateLimits<FakeRelativeClock>, key: &str, class: CallClass) -> usize {
        std::iter::repeat_with(|| limits.check(key, class)).take_while(Result::is_ok).take(10_000).count()
    }

    #[test]
    fn the_call_after_the_tenth_is_refused_with_the_true_waiting_time() {
        let (limits, clock) = limits();
        for left in (0..10).rev() {
            assert_eq!(
                limits.check("a", CallClass::Recognition),
                Ok(Remaining { limit: 10, remaining: left })
            );
        }
        let refused = limits.check("a", CallClass::Recognition).expect_err("the eleventh passed");
        assert_eq!(refused, Limited { limit: 10, retry_after: Duration::from_secs(6) });
        clock.advance(refused.retry_after.checked_sub(Duration::from_millis(1)).expect("positive"));
        let still = limits.check("a", CallClass::Recognition).expect_err("a call passed too early");
        assert_eq!(still.retry_after, Duration::from_millis(1));
        assert_eq!(still.retry_after_seconds(), 1, "a header of 0 invites a busy loop");
        clock.advance(still.retry_after);
        assert!(limits.check("a", CallClass::Recognition).is_ok(), "the promised time was not true");
        assert!(limits.check("a", CallClass::Recognition).is_err());
        clock.advance(Duration::from_mins(1));
        assert_eq!(passed(&limits, "a", CallClass::Recognition), 10, "an idle minute does not fill up");
    }

    #[test]
    fn one_clients_calls_do_not_use_up_anothers_nor_another_class() {
        let (limits, _) = limits();
        assert_eq!(passed(&limits, "a", CallClass::Recognition), 10);
        assert_eq!(passed(&limits, "b", CallClass::Recognition), 10);
        assert_eq!(passed(&limits, "a", CallClass::General), 100);
        assert_eq!(passed(&limits, "a", CallClass::CameraRecognition), 600);
        assert_eq!(passed(&limits, "a", CallClass::Recognition), 0);
    }

    #[test]
    fn a_camera_is_not_held_to_the_limit_of_a_person() {
        let of = |role| {
            let hotel = "default".parse().expect("an id");
            CallClass::recognition_of(&Principal::without_token("x", role, hotel).expect("a subject"))
        };
        assert_eq!(of(Role::Camera), CallClass::CameraRecognition);
        for role in [Role::Admin, Role::Manager, Role::Staff, Role::Guest, Role::DataScientist] {
            assert_eq!(of(role), CallClass::Recognition, "{role}");
        }
    }

    #[test]
    fn clients_that_went_away_are_forgotten() {
        let (limits, clock) = limits();
        for n in 0..5000 {
            assert!(limits.check(&format!("ip:{n}"), CallClass::General).is_ok());
        }
        assert_eq!(limits.clients(), 5000);
        clock.advance(Duration::from_secs(61));
        for _ in 0..SWEEP_EVERY {
            let _ = limits.check("one", CallClass::General);
        }
        assert_eq!(limits.clients(), 1);
    }

    #[test]
    fn a_flood_of_addresses_does_not_grow_the_memory() {
        let config = RateLimitConfig { max_clients: 2000, ..RateLimitConfig::default() };
        let limits = RateLimits::with_clock(&config, FakeRelativeClock::default());
        for n in 0..50_000 {
            let _ = limits.check(&format!("ip:{n}"), CallClass::Recognition);
        }
        assert!(limits.clients() <= 2000 + (SWEEP_EVERY as usize) + SHARED as usize, "{}", limits.clients());
        let flooded =
            (0..2000).filter(|n| limits.check(&format!("ip:new{n}"), CallClass::Recognition).is_err());
        assert!(flooded.count() > 1000, "a flood is not limited at all");
    }

    #[test]
    fn a_caller_cannot_get_fresh_allowances_by_walking_through_its_own_network() {
        let key = |text: &str| client_key_of_address(text.parse().expect("an address"));
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }

    #[test]
    fn limits_can_be_switched_off() {
        let limits = RateLimits::new(&RateLimitConfig { enabled: false, ..RateLimitConfig::default() });
        assert!((0..1000).all(|_| limits.check("a", CallClass::Recognition).is_ok()));
        assert_eq!(limits.clients(), 0);
    }

    #[test]
    fn a_misspelt_or_zero_limit_is_an_error_not_a_default() {
        let read = |text: &str| serde_json::from_str::<RateLimitConfig>(text);
        assert_eq!(read("{}").expect("defaults"), RateLimitConfig::default());
        let changed = read(r#"{"recognition_per_minute": 3}"#).expect("one changed");
        assert_eq!(changed.recognition_per_minute.get(), 3);
        assert_eq!(changed.general_per_minute.get(), 100);
        assert!(read(r#"{"recognition_per_minut": 3}"#).is_err());
        assert!(read(r#"{"recognition_per_minute": 0}"#).is_err());
    }
}
