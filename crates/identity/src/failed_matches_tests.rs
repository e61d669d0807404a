use governor::clock::FakeRelativeClock;
use proptest::prelude::*;

use super::*;

fn throttle(config: &FailedMatchConfig) -> (FailedMatches<FakeRelativeClock>, FakeRelativeClock) {
    let clock = FakeRelativeClock::default();
    (FailedMatches::with_clock(config, clock.clone()).expect("good settings"), clock)
}

fn usual() -> (FailedMatches<FakeRelativeClock>, FakeRelativeClock) {
    throttle(&FailedMatchConfig::default())
}

fn seconds(n: u64) -> Throttled {
    Throttled { retry_after: Duration::from_secs(n) }
}

#[test]
fn the_delay_starts_at_the_published_limit_doubles_and_ends_at_the_longest() {
    for (with_pad, limit) in [(false, 5), (true, 10)] {
        let (throttle, clock) = usual();
        for n in 1..limit {
            assert_eq!(throttle.failed("a", with_pad), None, "failure {n}");
            assert_eq!(throttle.check("a"), Ok(()));
        }
        for wait in [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600] {
            assert_eq!(throttle.failed("a", with_pad), Some(seconds(wait)));
            assert_eq!(throttle.check("a"), Err(seconds(wait)));
            clock.advance(Duration::from_millis(1000 * wait - 1));
            let early = throttle.check("a").expect_err("a try came too early");
            assert_eq!(early.retry_after, Duration::from_millis(1));
            assert_eq!(early.retry_after_seconds(), 1, "a header of 0 invites a busy loop");
            clock.advance(early.retry_after);
            assert_eq!(throttle.check("a"), Ok(()), "the promised time was not true");
        }
    }
}

#[test]
fn one_face_that_was_not_checked_for_being_alive_brings_the_lower_limit() {
    let (throttle, _) = usual();
    for _ in 0..6 {
        assert_eq!(throttle.failed("a", true), None);
    }
    assert_eq!(throttle.failed("a", false), Some(seconds(30 * 4)), "the seventh, two beyond the fifth");
    assert_eq!(throttle.failed("a", true), Some(seconds(30 * 8)), "the lower limit did not stay");
}

#[test]
fn a_success_ends_the_run_and_a_refused_try_does_not_prolong_it() {
    let (throttle, clock) = usual();
    for _ in 0..5 {
        throttle.failed("a", false);
    }
    for _ in 0..100 {
        assert_eq!(throttle.check("a"), Err(seconds(30)));
    }
    clock.advance(Duration::from_secs(30));
    assert_eq!(throttle.check("a"), Ok(()));
    throttle.succeeded("a");
    assert_eq!(throttle.clients(), 0);
    for _ in 0..4 {
        assert_eq!(throttle.failed("a", false), None, "old failures still count");
    }
}

#[test]
fn after_a_delay_callers_at_the_same_time_get_one_try_between_them() {
    let (throttle, clock) = usual();
    for _ in 0..5 {
        throttle.failed("a", false);
    }
    clock.advance(Duration::from_secs(30));
    let let_through = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..16).map(|_| scope.spawn(|| throttle.check("a").is_ok())).collect();
        tries.into_iter().map(|t| t.join().expect("no panic")).filter(|ok| *ok).count()
    });
    assert_eq!(let_through, 1);
    // A try that ended without an outcome (no face in the picture) costs the shortest delay, not the turn.
    assert_eq!(throttle.check("a"), Err(seconds(30)));
    clock.advance(Duration::from_secs(30));
    assert_eq!(throttle.check("a"), Ok(()));
}

#[test]
fn failures_at_the_same_time_are_each_counted_once() {
    let (throttle, _) = usual();
    let mut waits = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..12).map(|_| scope.spawn(|| throttle.failed("a", false))).collect();
        tries.into_iter().map(|t| t.join().expect("no panic")).collect::<Vec<_>>()
    });
    waits.sort_by_key(|w| w.map(|t| t.retry_after));
    let want: Vec<_> =
        [None; 4].into_iter().chain((0..8).map(|n| Some(seconds((30 << n).min(3600))))).collect();
    assert_eq!(waits, want);
}

#[test]
fn a_flood_of_clients_neither_wipes_out_a_run_nor_grows_the_memory() {
    let config = FailedMatchConfig { max_clients: 100, ..FailedMatchConfig::default() };
    let (throttle, _) = throttle(&config);
    for _ in 0..5 {
        throttle.failed("known", false);
    }
    for n in 0..20_000 {
        let client = format!("flood{n}");
        throttle.failed(&client, false);
        if n % 3 == 0 {
            throttle.succeeded(&client);
        }
    }
    assert_eq!(throttle.check("known"), Err(seconds(30)));
    assert!(throttle.clients() <= 100 + SHARED as usize, "{}", throttle.clients());
    for _ in 0..5 {
        throttle.failed("late", false);
    }
    assert!(throttle.check("late").is_err(), "clients beyond the table are not counted");
    throttle.succeeded("late");
    assert!(throttle.check("late").is_err(), "one success freed everybody who shares the run");
}

#[test]
fn room_that_becomes_free_does_not_wipe_out_a_shared_run() {
    let config = FailedMatchConfig { max_clients: 1, ..FailedMatchConfig::default() };
    let (throttle, clock) = throttle(&config);
    throttle.failed("first", false);
    for _ in 0..5 {
        throttle.failed("second", false);
    }
    throttle.succeeded("first");
    assert_eq!(throttle.check("second"), Err(seconds(30)));
    assert_eq!(throttle.failed("second", false), Some(seconds(60)));
    // Only time does; then the client has a run of its own, which a success ends.
    clock.advance(Duration::from_secs(config.forget_seconds));
    for _ in 0..4 {
        assert_eq!(throttle.failed("second", false), None);
    }
    throttle.succeeded("second");
    assert_eq!(throttle.failed("second", false), None);
}

#[test]
fn idle_clients_are_forgotten_but_waiting_never_pays() {
    let config = FailedMatchConfig { max_clients: 10, ..FailedMatchConfig::default() };
    let (throttle, clock) = throttle(&config);
    for n in 0..2000 {
        throttle.failed(&n.to_string(), false);
    }
    let full = throttle.clients();
    clock.advance(Duration::from_secs(config.forget_seconds));
    for _ in 0..SWEEP_EVERY {
        throttle.failed("new", false);
        throttle.succeeded("new");
    }
    assert!(throttle.clients() < full / 100, "{} of {full} are still there", throttle.clients());

    let tries_by_waiting = config.limit_with_pad.get() as u64;
    let tries_at_the_longest_delay = config.forget_seconds / config.longest_delay_seconds;
    assert!(tries_by_waiting <= tries_at_the_longest_delay);
}

#[test]
fn settings_looser_than_the_publication_are_refused() {
    let read = |text: &str| {
        let config: FailedMatchConfig = serde_json::from_str(text).map_err(|e| e.to_string())?;
        config.validate().map(|()| config).map_err(|e| e.to_string())
    };
    assert_eq!(read("{}"), Ok(FailedMatchConfig::default()));
    assert!(read(r#"{"limit": 1, "limit_with_pad": 1, "first_delay_seconds": 60}"#).is_ok());
    for bad in [
        r#"{"limit": 6}"#,
        r#"{"limit": 0}"#,
        r#"{"limit_with_pad": 11}"#,
        r#"{"limit_with_pad": 4}"#,
        r#"{"first_delay_seconds": 29}"#,
        r#"{"longest_delay_seconds": 29}"#,
        r#"{"longest_delay_seconds": 86401}"#,
        r#"{"forget_seconds": 35999}"#,
        r#"{"max_clients": 0}"#,
        r#"{"limits": 3}"#,
    ] {
        assert!(read(bad).is_err(), "{bad}");
    }
}

#[test]
fn the_throttle_can_be_switched_off() {
    let config = FailedMatchConfig { enabled: false, ..FailedMatchConfig::default() };
    let (throttle, _) = throttle(&config);
    assert!((0..100).all(|_| throttle.failed("a", false).is_none() && throttle.check("a").is_ok()));
    assert_eq!(throttle.clients(), 0);
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Check(u8),
    Failed(u8, bool),
    Succeeded(u8),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => (0..4_u8).prop_map(Step::Check),
        5 => (0..4_u8, any::<bool>()).prop_map(|(c, pad)| Step::Failed(c, pad)),
        1 => (0..4_u8).prop_map(Step::Succeeded),
        2 => prop_oneof![0..100_u64, 0..5000_u64, 0..200_000_u64].prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 0..120)
}

proptest! {
    /// Every client is answered as if it were alone: what the others do, successes above all, neither
    /// resets nor delays it.
    #[test]
    fn what_others_do_changes_nothing(steps in steps()) {
        let (together, clock) = usual();
        let alone: Vec<_> = (0..4).map(|_| usual()).collect();
        for step in steps {
            match step {
                Step::Check(c) => {
                    prop_assert_eq!(together.check(&c.to_string()), alone[c as usize].0.check("x"));
                }
                Step::Failed(c, pad) => {
                    let answer = together.failed(&c.to_string(), pad);
                    prop_assert_eq!(answer, alone[c as usize].0.failed("x", pad));
                }
                Step::Succeeded(c) => {
                    together.succeeded(&c.to_string());
                    alone[c as usize].0.succeeded("x");
                }
                Step::Wait(s) => {
                    let s = Duration::from_secs(s);
                    clock.advance(s);
                    for (_, clock) in &alone {
                        clock.advance(s);
                    }
                }
            }
        }
    }

    /// Within a run, however the failures are spread over less than the time of forgetting, no delay is
    /// shorter than the one before it, and none is missing from the limit on.
    #[test]
    fn delays_never_shrink_within_a_run(tries in prop::collection::vec((any::<bool>(), 0..80_000_u64), 1..60)) {
        let (throttle, clock) = usual();
        let mut before = None;
        let mut unchecked = false;
        for (n, (pad, wait)) in tries.into_iter().enumerate() {
            let answer = throttle.failed("a", pad).map(|t| t.retry_after);
            unchecked |= !pad;
            prop_assert_eq!(answer.is_some(), n + 1 >= if unchecked { 5 } else { 10 });
            prop_assert!(answer >= before, "{:?} came after {:?}", answer, before);
            before = answer;
            clock.advance(Duration::from_secs(wait));
        }
    }
}
