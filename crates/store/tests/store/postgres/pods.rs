//! Several processes on one database.

use innkeeper_store::AuditSubject;
use serde_json::json;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_pods_that_write_at_once_lose_nothing_and_keep_one_chain() {
    const ROUNDS: i64 = 12;
    let house = House::new().await;
    let other = house.again().await.expect("a second pod");
    house.hotel().enrol(enrolment("EMP000", vec![template(0, 0.5)])).await.expect("enrolled");
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..ROUNDS {
        for store in [house.store.clone(), other.clone()] {
            let hotel = store.hotel(&hotel("default"));
            tasks.spawn(async move {
                // Both pods enrol the same person with the same photo.
                let id = format!("EMP{:03}", n + 1);
                hotel.enrol(enrolment(&id, vec![template(n as u32, 0.5)])).await.expect("enrolled");
                // And see two people in sightings of 60 s, of which every round adds one.
                let seen = noon() + seconds(600 * n);
                for (who, late) in [("EMP000", 0), (&*id, 20)] {
                    let frame = sighting(who, Some("lobby"), seen + seconds(late));
                    hotel.record_sighting(frame).await.expect("recorded");
                }
                let thing = AuditSubject::Thing(format!("setting-{n}"));
                hotel.audit("admin", "config.changed", thing, json!({})).await.expect("written");
            });
            // The workers of both pods, over every hotel.
            tasks.spawn(async move {
                for task in store.pending_vectors(5).await.expect("a read") {
                    store.vectors_done(&[task.template_id], &[]).await.expect("reported");
                }
                let events = store.outbox_pending(5).await.expect("a read");
                store
                    .outbox_delivered(&events.iter().map(|e| e.id).collect::<Vec<_>>())
                    .await
                    .expect("reported");
            });
        }
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no panic");
    }

    let rows = house
        .hotel()
        .attendance(None, DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC, usize::MAX)
        .await
        .expect("a read");
    assert_eq!(rows.len() as i64, 2 * ROUNDS, "one row a sighting, whichever pod saw it");
    let verdict = house.store.verify_audit().await.expect("a read");
    assert!(verdict.is_intact(), "{verdict:?}");
    assert_eq!(verdict.rows as i64, 1 + 4 * ROUNDS, "every enrolment and every act of both pods");
    for n in 0..ROUNDS {
        let id = person(&format!("EMP{:03}", n + 1));
        assert_eq!(house.hotel().templates(&id).await.expect("a read").len(), 1, "one photo, one template");
    }
    assert_eq!(house.rows("SELECT count(*) FROM outbox").await, 1 + 4 * ROUNDS, "an event for each effect");
    assert_eq!(
        house.rows("SELECT count(*) FROM (SELECT seq FROM outbox UNION SELECT seq FROM audit_log) s").await,
        1 + 4 * ROUNDS,
        "both number without gaps"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn hotels_wait_for_their_own_writers_only() {
    let house = House::new().await;
    let (north, south) = (house.store.hotel(&hotel("north")), house.store.hotel(&hotel("south")));
    for hotel in [&north, &south] {
        hotel.enrol(enrolment("EMP001", vec![template(1, 0.5)])).await.expect("enrolled");
    }
    let mut raw = house.raw().await;
    let hold = "BEGIN; SELECT 1 FROM hotels WHERE id = 'north' FOR NO KEY UPDATE";
    sqlx::raw_sql(hold).execute(&mut raw).await.expect("a writer that takes its time");
    let waiting = tokio::spawn({
        let north = north.clone();
        async move { north.record_sighting(sighting("EMP001", None, noon())).await }
    });
    south.record_sighting(sighting("EMP001", None, noon())).await.expect("the other hotel goes on");
    assert!(north.employee(&person("EMP001")).await.expect("readers go on").is_some());
    assert!(!waiting.is_finished());
    sqlx::raw_sql("COMMIT").execute(&mut raw).await.expect("done at last");
    assert!(waiting.await.expect("no panic").expect("its turn").is_new);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn work_over_every_hotel_and_a_hotels_writer_do_not_interleave() {
    let house = House::new().await;
    house.hotel().enrol(enrolment("EMP001", vec![template(1, 0.5)])).await.expect("enrolled");
    let mut raw = house.raw().await;
    let hold = "BEGIN; SELECT 1 FROM hotels WHERE id = 'default' FOR NO KEY UPDATE";
    sqlx::raw_sql(hold).execute(&mut raw).await.expect("a lock");
    // One writer holds the shared lock and waits for its hotel.
    let writer = tokio::spawn({
        let hotel = house.hotel();
        async move { hotel.record_sighting(sighting("EMP001", None, noon())).await }
    });
    let waits = "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event = 'transactionid'";
    while !writer.is_finished() && house.rows(waits).await == 0 {
        tokio::task::yield_now().await;
    }
    let worker = tokio::spawn({
        let store = house.store.clone();
        async move { store.requeue_vectors(&[Uuid::now_v7()]).await }
    });
    let waits = "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event = 'advisory'";
    while !worker.is_finished() && house.rows(waits).await == 0 {
        tokio::task::yield_now().await;
    }
    assert!(!worker.is_finished(), "it would see half of what the writer does");
    sqlx::raw_sql("COMMIT").execute(&mut raw).await.expect("released");
    writer.await.expect("no panic").expect("recorded");
    worker.await.expect("no panic").expect("its turn");
}

#[tokio::test]
async fn a_lock_that_takes_too_long_is_busy_and_leaves_the_connection_usable() {
    let house = House::new().await;
    house.hotel().enrol(enrolment("EMP001", vec![template(1, 0.5)])).await.expect("enrolled");
    let settings = PostgresSettings { writers: 1, readers: 1, statement_timeout: Duration::from_millis(100) };
    let pod = Store::connect(&house.place.url(), &settings, house.keys.clone()).await.expect("connected");
    let hotel = pod.hotel(&hotel("default"));
    let mut raw = house.raw().await;
    for hold in [
        "BEGIN; SELECT 1 FROM hotels FOR NO KEY UPDATE",
        // Each advisory lock that writers share.
        "BEGIN; SELECT pg_advisory_xact_lock(32374785)",
    ] {
        sqlx::raw_sql(hold).execute(&mut raw).await.expect("a lock");
        let refused = hotel.record_sighting(sighting("EMP001", None, noon())).await.expect_err("waits");
        assert!(matches!(refused, StoreError::Busy) && refused.is_transient(), "{hold}: {refused:?}");
        sqlx::raw_sql("ROLLBACK").execute(&mut raw).await.expect("released");
        hotel.record_sighting(sighting("EMP001", None, noon())).await.expect("the only connection works");
    }
}

#[tokio::test]
async fn connections_that_the_server_cut_are_replaced() {
    let house = House::new().await;
    house.hotel().enrol(enrolment("EMP001", vec![template(1, 0.5)])).await.expect("enrolled");
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    sqlx::raw_sql(cut).execute(&mut house.raw().await).await.expect("cut");
    assert!(house.hotel().employee(&person("EMP001")).await.expect("a read").is_some());
    house.hotel().record_sighting(sighting("EMP001", None, noon())).await.expect("a write");
}
