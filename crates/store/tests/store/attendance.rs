use innkeeper_store::{Action, Attendance};
use proptest::prelude::*;

use super::*;

async fn staffed(people: &[&str]) -> House {
    let house = House::new().await;
    for (n, id) in people.iter().enumerate() {
        house.hotel().enrol(enrolment(id, vec![template(n as u32, 0.5)])).await.expect("enrolled");
    }
    let enrolments: Vec<Uuid> =
        house.store.outbox_pending(100).await.expect("a read").iter().map(|e| e.id).collect();
    house.store.outbox_delivered(&enrolments).await.expect("reported");
    house
}

async fn all(house: &House) -> Vec<Attendance> {
    let mut rows = house
        .hotel()
        .attendance(None, DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC, usize::MAX)
        .await
        .expect("a read");
    rows.reverse();
    rows
}

async fn events(house: &House) -> usize {
    house.store.outbox_pending(usize::MAX).await.expect("a read").len()
}

#[tokio::test]
async fn frames_of_one_sighting_make_one_row_and_one_event() {
    let house = staffed(&["EMP001"]).await;
    let first = house.hotel().record_sighting(sighting("EMP001", Some("lobby"), noon())).await.expect("good");
    assert!(first.is_new && first.event_id.is_some());
    // Each frame within the window of the one before, far beyond the window of the first.
    for n in 1..=10 {
        let next = house
            .hotel()
            .record_sighting(sighting("EMP001", Some("lobby"), noon() + seconds(50 * n)))
            .await
            .expect("good");
        assert_eq!((next.attendance_id, next.is_new, next.event_id), (first.attendance_id, false, None));
    }
    let rows = all(&house).await;
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].timestamp, rows[0].last_seen_at), (noon(), noon() + seconds(500)));
    assert_eq!((rows[0].confidence, rows[0].score, rows[0].is_alive), (0.98, 0.61, Some(true)));
    assert_eq!(events(&house).await, 1);
    // After a longer silence it is a new sighting; the window itself still belongs to the old one.
    for (after, new) in [(560, false), (621, true)] {
        let frame = sighting("EMP001", Some("lobby"), noon() + seconds(after));
        assert_eq!(house.hotel().record_sighting(frame).await.expect("good").is_new, new, "{after} s");
    }
    assert_eq!(events(&house).await, 2);
}

#[tokio::test]
async fn the_event_carries_what_the_contract_names() {
    let house = staffed(&["EMP001"]).await;
    let outcome =
        house.hotel().record_sighting(sighting("EMP001", Some("cam_lobby_01"), noon())).await.expect("good");
    let event = house.store.outbox_pending(1).await.expect("a read").remove(0);
    assert_eq!(Some(event.id), outcome.event_id);
    assert_eq!(event.topic, innkeeper_store::ATTENDANCE_RECORDED);
    assert_eq!(event.hotel, hotel("default"));
    assert_eq!(
        event.payload,
        serde_json::json!({
            "attendance_id": outcome.attendance_id, "employee_id": "EMP001",
            "timestamp": "2025-01-17T12:00:00Z", "action": "check_in", "camera_id": "cam_lobby_01",
            "location": "cam_lobby_01", "confidence": 0.98, "score": 0.61, "is_alive": true,
            "liveness_reason": null, "model": "face@1", "source": "camera",
        })
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_frames_of_one_person_make_one_row_and_one_event() {
    let house = staffed(&["EMP001", "EMP002"]).await;
    let tasks: Vec<_> = (0..32)
        .map(|n| {
            let hotel = house.hotel();
            let id = if n % 2 == 0 { "EMP001" } else { "EMP002" };
            let frame = sighting(id, Some("lobby"), noon() + seconds((n * 7) % 30));
            tokio::spawn(async move { hotel.record_sighting(frame).await })
        })
        .collect();
    let mut opened = 0;
    for task in tasks {
        opened += usize::from(task.await.expect("no panic").expect("no lock error").is_new);
    }
    assert_eq!(opened, 2, "one a person");
    let rows = all(&house).await;
    assert_eq!(rows.len(), 2);
    assert_eq!(events(&house).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_processes_on_one_database_do_not_double_a_sighting() {
    let house = staffed(&["EMP001"]).await;
    let other = house.again().await.expect("a second opening");
    let tasks: Vec<_> = (0..32)
        .map(|n| {
            let store = if n % 2 == 0 { &house.store } else { &other };
            let hotel = store.hotel(&hotel("default"));
            let frame = sighting("EMP001", Some("lobby"), noon() + seconds(n % 30));
            tokio::spawn(async move { hotel.record_sighting(frame).await })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic").expect("no lock error");
    }
    assert_eq!(all(&house).await.len(), 1);
    assert_eq!(events(&house).await, 1);
}

#[tokio::test]
async fn frames_out_of_order_join_their_sighting() {
    let house = staffed(&["EMP001"]).await;
    for offset in [100, 60, 20, 130, 5, 80] {
        let frame = sighting("EMP001", Some("lobby"), noon() + seconds(offset));
        house.hotel().record_sighting(frame).await.expect("good");
    }
    let rows = all(&house).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].timestamp, noon() + seconds(100), "what the event said stands");
    assert_eq!((rows[0].first_seen_at, rows[0].last_seen_at), (noon() + seconds(5), noon() + seconds(130)));
    // A late frame between two sightings goes to the nearer one.
    house
        .hotel()
        .record_sighting(sighting("EMP001", Some("lobby"), noon() + seconds(230)))
        .await
        .expect("good");
    let late = sighting("EMP001", Some("lobby"), noon() + seconds(185));
    let late = house.hotel().record_sighting(late).await.expect("good");
    let rows = all(&house).await;
    assert_eq!(rows.len(), 2);
    assert_eq!(late.attendance_id, rows[1].id);
    assert_eq!(rows[1].first_seen_at, noon() + seconds(185));
}

#[tokio::test]
async fn one_person_at_two_cameras_or_none_is_three_sightings() {
    let house = staffed(&["EMP001", "EMP002"]).await;
    for camera in [Some("lobby"), Some("garden"), None, None] {
        house.hotel().record_sighting(sighting("EMP001", camera, noon())).await.expect("good");
    }
    house.hotel().record_sighting(sighting("EMP002", Some("lobby"), noon())).await.expect("good");
    let rows = all(&house).await;
    assert_eq!(rows.len(), 4);
    let of_one = house
        .hotel()
        .attendance(Some(&person("EMP001")), noon(), noon() + seconds(1), 10)
        .await
        .expect("a read");
    assert_eq!(of_one.len(), 3);
    let before = house.hotel().attendance(None, noon() - seconds(9), noon(), 10).await.expect("a read");
    assert!(before.is_empty(), "until is excluded");
}

#[tokio::test]
async fn without_a_window_only_the_same_instant_is_the_same_sighting() {
    let house = staffed(&["EMP001"]).await;
    for (micros, new) in [(0, true), (0, false), (1, true), (-1, true)] {
        let mut frame = sighting("EMP001", Some("lobby"), noon() + TimeDelta::microseconds(micros));
        frame.window = Duration::ZERO;
        assert_eq!(house.hotel().record_sighting(frame).await.expect("good").is_new, new, "{micros} us");
    }
    assert_eq!(events(&house).await, 3);
    // An endless window must not overflow.
    let mut frame = sighting("EMP001", Some("lobby"), noon());
    frame.window = Duration::MAX;
    assert!(!house.hotel().record_sighting(frame).await.expect("good").is_new);
}

#[tokio::test]
async fn the_first_sighting_of_the_local_day_checks_in() {
    let house = staffed(&["EMP001"]).await;
    let zone = chrono_tz::Tz::Asia__Ho_Chi_Minh;
    let mut seen = Vec::new();
    // 17:00 UTC is midnight in Vietnam.
    for (camera, text, forced) in [
        ("lobby", "2025-01-17T01:00:00Z", None),
        ("garden", "2025-01-17T02:00:00Z", None),
        ("exit", "2025-01-17T10:00:00Z", Some(Action::CheckOut)),
        ("lobby", "2025-01-17T16:59:30Z", None),
        ("lobby", "2025-01-17T17:00:10Z", None),
        ("lobby", "2025-01-17T23:00:00Z", None),
        ("lobby", "2025-01-18T01:00:00Z", None),
    ] {
        let mut frame = sighting("EMP001", Some(camera), at(text));
        let day = innkeeper_store::local_day(frame.seen_at, zone);
        (frame.day_start, frame.day_end, frame.action) = (day.start, day.end, forced);
        let outcome = house.hotel().record_sighting(frame).await.expect("good");
        seen.push((outcome.action, outcome.is_new));
    }
    assert_eq!(
        seen,
        [
            (Action::CheckIn, true),
            (Action::Seen, true),
            (Action::CheckOut, true),
            (Action::Seen, true),
            (Action::Seen, false), // over midnight, still the sighting before
            (Action::CheckIn, true),
            (Action::Seen, true),
        ]
    );
}

#[tokio::test]
async fn a_stranger_or_a_deleted_person_gets_no_row() {
    let house = staffed(&["EMP001"]).await;
    house.hotel().delete_person(&person("EMP001"), "manager", noon()).await.expect("deleted");
    let before = events(&house).await;
    for id in ["EMP001", "EMP777"] {
        let refused = house.hotel().record_sighting(sighting(id, None, noon())).await;
        assert!(matches!(refused, Err(StoreError::UnknownEmployee)), "{refused:?}");
    }
    assert!(all(&house).await.is_empty());
    assert_eq!(events(&house).await, before);
}

#[tokio::test]
async fn numbers_out_of_range_are_refused() {
    let house = staffed(&["EMP001"]).await;
    let with = |change: fn(&mut Sighting)| {
        let mut s = sighting("EMP001", None, noon());
        change(&mut s);
        s
    };
    for (bad, field) in [
        (with(|s| s.confidence = 1.01), "confidence"),
        (with(|s| s.confidence = f32::NAN), "confidence"),
        (with(|s| s.score = f32::INFINITY), "score"),
        (with(|s| s.day_end = s.seen_at), "seen_at"),
    ] {
        match house.hotel().record_sighting(bad).await {
            Err(StoreError::Invalid { field: found, .. }) => assert_eq!(found, field),
            other => panic!("{field}: {other:?}"),
        }
    }
    assert_eq!(events(&house).await, 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn sightings_are_the_gaps_longer_than_the_window(
        gaps in prop::collection::vec(0_i64..200, 1..20), window in 0_u64..120,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let house = staffed(&["EMP001"]).await;
            let mut seen_at = noon();
            house.hotel().record_sighting(sighting("EMP001", Some("lobby"), seen_at)).await.expect("good");
            for gap in &gaps {
                seen_at += seconds(*gap);
                let mut frame = sighting("EMP001", Some("lobby"), seen_at);
                frame.window = Duration::from_secs(window);
                house.hotel().record_sighting(frame).await.expect("good");
            }
            let expected = 1 + gaps.iter().filter(|gap| **gap > window as i64).count();
            let rows = all(&house).await;
            assert_eq!(rows.len(), expected);
            assert_eq!(events(&house).await, expected);
            assert_eq!(rows.iter().filter(|r| r.action == Action::CheckIn).count(), 1);
            house.store.close().await;
        });
    }
}
