use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use innkeeper_store::BookingFilter;

use super::*;

#[tokio::test]
async fn a_store_that_was_dropped_without_closing_comes_back_whole() {
    let place = Place::new().await;
    let outcome = {
        let store = Place::open(&place.name()).await.expect("a new database");
        let hotel = store.hotel(&hotel("default"));
        hotel.enrol(enrolment("EMP001", vec![template(1, 0.5)])).await.expect("enrolled");
        hotel.record_sighting(sighting("EMP001", None, noon())).await.expect("good")
    };
    let store = Place::open(&place.name()).await.expect("opens again");
    let hotel = store.hotel(&hotel("default"));
    assert_eq!(hotel.templates(&person("EMP001")).await.expect("a read").len(), 1);
    assert!(hotel.has_active_consent(&person("EMP001")).await.expect("a read"));
    assert_eq!(store.pending_vectors(10).await.expect("a read").len(), 1);
    let events = store.outbox_pending(10).await.expect("a read");
    assert_eq!(events.last().map(|e| e.id), outcome.event_id);
    let again = hotel.record_sighting(sighting("EMP001", None, noon() + seconds(5))).await.expect("good");
    assert_eq!((again.attendance_id, again.is_new), (outcome.attendance_id, false));
    assert!(store.verify_audit().await.expect("a read").is_intact());
}

/// Not a test by itself: the process that the next test kills. Prints a row's id once it is accepted.
#[tokio::test]
#[ignore = "the victim of a_killed_process_loses_nothing_it_accepted"]
async fn victim() {
    let Ok(name) = std::env::var("INNKEEPER_STORE_VICTIM") else { return };
    let store = Place::open(&name).await.expect("opens");
    let hotel = store.hotel(&hotel("default"));
    hotel.enrol(enrolment("EMP001", vec![template(1, 0.5)])).await.expect("enrolled");
    for n in 0.. {
        let frame = sighting("EMP001", None, noon() + seconds(61 * (n % 500)));
        let mut frame = Sighting { window: Duration::ZERO, ..frame };
        frame.camera_id = Some(format!("cam{n}").parse().expect("a camera"));
        let outcome = hotel.record_sighting(frame).await.expect("accepted");
        let event = outcome.event_id.expect("a new camera is a new sighting");
        writeln!(std::io::stdout(), "accepted {} {event}", outcome.attendance_id).expect("a reader");
    }
}

/// This binary again, with nothing but the victim of that name, of the same engine.
fn start(place: &Place, victim: &str) -> Child {
    // The path begins with the name of this binary.
    let (_, module) = module_path!().split_once("::").expect("a module within the binary");
    Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", &format!("{module}::{victim}"), "--ignored", "--nocapture"])
        .env("INNKEEPER_STORE_VICTIM", place.name())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the victim starts")
}

#[tokio::test]
async fn a_killed_process_loses_nothing_it_accepted() {
    let place = Place::new().await;
    let mut child = start(&place, "victim");
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
    let accepted: Vec<(Uuid, Uuid)> = lines
        .filter_map(|line| {
            let (attendance, event) = line.split_once("accepted ")?.1.split_once(' ')?;
            Some((attendance.parse().ok()?, event.parse().ok()?))
        })
        .take(40)
        .collect();
    child.kill().expect("killed");
    child.wait().expect("dead");
    assert_eq!(accepted.len(), 40, "the victim worked");

    let store = Place::open(&place.name()).await.expect("opens after the kill");
    let hotel = store.hotel(&hotel("default"));
    let rows: Vec<Uuid> = hotel
        .attendance(None, DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC, usize::MAX)
        .await
        .expect("a read")
        .iter()
        .map(|row| row.id)
        .collect();
    let events: Vec<Uuid> =
        store.outbox_pending(usize::MAX).await.expect("a read").iter().map(|e| e.id).collect();
    for (attendance, event) in &accepted {
        assert!(rows.contains(attendance) && events.contains(event));
    }
    assert_eq!(events.len(), rows.len() + 1, "one event a row, and the enrolment");
    assert!(store.verify_audit().await.expect("a read").is_intact());
}

/// Not a test by itself: the process that the next test kills. Prints the number of each batch that was accepted.
#[tokio::test]
#[ignore = "the victim of a_process_killed_while_it_imports_leaves_whole_batches"]
async fn importing_victim() {
    let Ok(name) = std::env::var("INNKEEPER_STORE_VICTIM") else { return };
    let store = Place::open(&name).await.expect("opens");
    let hotel = store.hotel(&hotel("default"));
    let import = import_of_the_victim();
    hotel.begin_import(&import).await.expect("begun");
    for n in 0.. {
        let batch: Vec<Booking> = (n * VICTIMS_BATCH..(n + 1) * VICTIMS_BATCH).map(booking).collect();
        hotel.upsert_bookings(&batch, Some(import.id), noon()).await.expect("accepted");
        writeln!(std::io::stdout(), "accepted {n}").expect("a reader");
    }
}

/// Not a whole number of statements.
const VICTIMS_BATCH: u32 = 2_500;

fn import_of_the_victim() -> NewImport {
    NewImport {
        id: Uuid::from_u128(7),
        kind: "bookings".to_owned(),
        file_name: None,
        file_sha256: None,
        started_by: "manager".to_owned(),
        started_at: noon(),
    }
}

#[tokio::test]
async fn a_process_killed_while_it_imports_leaves_whole_batches() {
    let place = Place::new().await;
    let mut child = start(&place, "importing_victim");
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
    let accepted = lines.filter(|line| line.contains("accepted ")).take(3).count() as u64;
    // Now it is in the middle of the next one.
    child.kill().expect("killed");
    child.wait().expect("dead");
    assert_eq!(accepted, 3, "the victim worked");

    let store = Place::open(&place.name()).await.expect("opens after the kill");
    let hotel = store.hotel(&hotel("default"));
    let rows = hotel.count_bookings(&BookingFilter::default()).await.expect("a count");
    let size = u64::from(VICTIMS_BATCH);
    assert!(rows.is_multiple_of(size) && rows / size >= accepted, "{rows} rows");
    let print = hotel.bookings_fingerprint().await.expect("a read");
    assert_eq!((print.rows, print.changes), (rows, rows / size));
    let import = hotel.imports(9).await.expect("a read").remove(0);
    assert_eq!((import.inserted, import.finished_at), (rows, None), "it says that it was cut short");
    assert_eq!(
        store.outbox_pending(999).await.expect("a read").len() as u64,
        rows / size,
        "one event a batch"
    );
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused_and_left_alone() {
    let house = House::new().await;
    sqlx::raw_sql(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         SELECT 9000, 'from the future', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1",
    )
    .execute(&mut house.raw().await)
    .await
    .expect("the row");
    match house.again().await {
        Err(StoreError::NewerSchema { found: 9000, supported }) => assert!(supported < 9000),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_migration_that_was_edited_after_its_release_is_noticed() {
    let house = House::new().await;
    sqlx::raw_sql("UPDATE _sqlx_migrations SET checksum = substr(checksum, 2)")
        .execute(&mut house.raw().await)
        .await
        .expect("the row");
    let error = house.again().await.expect_err("refused");
    assert!(matches!(error, StoreError::Migration(_)), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn stores_that_open_at_once_migrate_once() {
    let place = Place::new().await;
    let tasks: Vec<_> = (0..6)
        .map(|_| {
            let name = place.name();
            tokio::spawn(async move { Place::open(&name).await })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic").expect("waits for its turn");
    }
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let house = House::new().await;
    let hotel = house.hotel();
    house.store.clone().close().await;
    let write = hotel.enrol(enrolment("EMP001", vec![template(1, 0.5)])).await;
    assert!(matches!(write, Err(StoreError::Closed)), "{write:?}");
    assert!(matches!(hotel.employee(&person("EMP001")).await, Err(StoreError::Closed)));
}

#[tokio::test]
async fn a_caller_who_goes_away_leaves_the_writer_free() {
    let house = House::new().await;
    let hotel = house.hotel();
    hotel.enrol(enrolment("EMP001", vec![template(1, 0.5)])).await.expect("enrolled");
    for polls in 0..60 {
        let call = hotel.record_sighting(sighting("EMP001", None, noon() + seconds(600 * polls)));
        let mut call = Box::pin(call);
        // Poll a few times, giving the engine's thread room in between, then drop the call where it stands.
        for _ in 0..polls {
            let step = std::future::poll_fn(|context| {
                std::task::Poll::Ready(std::future::Future::poll(call.as_mut(), context).is_ready())
            });
            if step.await {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    hotel.record_sighting(sighting("EMP001", Some("after"), noon())).await.expect("the writer is free");
    let rows = hotel
        .attendance(None, DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC, usize::MAX)
        .await
        .expect("a read");
    let events = house.store.outbox_pending(usize::MAX).await.expect("a read");
    assert_eq!(events.len(), rows.len() + 1, "a row and its event, or neither");
}

#[tokio::test]
async fn every_call_can_be_made_from_a_spawned_task() {
    fn spawnable<F: Future + Send>(_: F) {}
    let house = House::new().await;
    let (store, hotel, id) = (&house.store, &house.hotel(), &person("EMP001"));
    spawnable(store.hotels());
    spawnable(store.pending_vectors(1));
    spawnable(store.vectors_done(&[], &[]));
    spawnable(store.requeue_vectors(&[]));
    spawnable(store.media_deletes(1));
    spawnable(store.media_deleted(&[]));
    spawnable(store.outbox_pending(1));
    spawnable(store.outbox_delivered(&[]));
    spawnable(store.verify_audit());
    spawnable(store.template_models());
    spawnable(store.all_template_ids(&model("face")));
    spawnable(hotel.enrol(enrolment("EMP001", vec![])));
    spawnable(hotel.replace_templates(id, &model("face"), vec![], "m", noon()));
    spawnable(hotel.delete_person(id, "m", noon()));
    spawnable(hotel.withdraw_consent(id, "m", noon()));
    spawnable(hotel.employee(id));
    spawnable(hotel.templates(id));
    spawnable(hotel.attendance(None, noon(), noon(), 1));
    spawnable(hotel.record_sighting(sighting("EMP001", None, noon())));
    spawnable(hotel.audit_entries(0, 1));
    spawnable(store.reseal(1));
    spawnable(store.seal_counts());
    spawnable(store.secret("x"));
    spawnable(store.installation());
    spawnable(store.is_empty());
    spawnable(store.api_key("x"));
    spawnable(store.expire_unknown(noon()));
    spawnable(store.keep_newest_unknown(&hotel_of("default"), 1));
    spawnable(store.copy_to(store, |_, _, _| ()));
    spawnable(hotel.api_keys());
    spawnable(hotel.revoke_api_key("x", "m", noon()));
    spawnable(hotel.add_templates(id, vec![], 1, "m", noon()));
    spawnable(hotel.record_unknown(unknown_face(1, noon()), Duration::ZERO));
    spawnable(hotel.unknown_faces(noon(), 1));
    spawnable(hotel.forget_unknown(&[]));
    spawnable(hotel.known_faces(std::slice::from_ref(id), &model("face")));
    spawnable(hotel.correct(negative(1), None, "m", noon()));
    spawnable(hotel.remove_negative(id, Uuid::nil(), "m", noon()));
    spawnable(hotel.other_models(&model("face")));
    spawnable(hotel.keep_answer(kept_answer(Uuid::nil(), noon())));
    spawnable(hotel.kept_answer(Uuid::nil(), noon()));
    spawnable(hotel.label(correction_of(Uuid::nil(), json!({}))));
    spawnable(hotel.labels("x", 1));
    spawnable(hotel.forget_answer(Uuid::nil(), "m", noon()));
    spawnable(store.expire_answers(noon()));
    spawnable(hotel.touch_template(Uuid::nil(), noon()));
    spawnable(hotel.upsert_bookings(&[], None, noon()));
    spawnable(hotel.upsert_guests(&[], None, noon()));
    spawnable(hotel.upsert_rooms(&[], None, noon()));
    spawnable(hotel.upsert_rates(&[], None, noon()));
    spawnable(hotel.upsert_competitor_prices(&[], None, noon()));
    spawnable(hotel.upsert_events(&[], None, noon()));
    spawnable(hotel.upsert_closures(&[], None, noon()));
    spawnable(hotel.upsert_service_uses(&[], None, noon()));
    spawnable(hotel.put_booking(&booking(1), noon()));
    spawnable(hotel.for_each_booking(&BookingFilter::default(), |_| Ok::<_, StoreError>(())));
    spawnable(hotel.forget_guest(&guest_of_the_house().id, "m", noon()));
    spawnable(hotel.room_states());
    spawnable(hotel.insert_predictions(&[]));
    spawnable(store.prune_predictions(noon()));
}
