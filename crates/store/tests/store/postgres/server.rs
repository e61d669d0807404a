//! What the server itself enforces, and what it says when it does not let us in.

use std::sync::Mutex;

use innkeeper_store::{AuditSubject, NamedFace, Naming, RowOutcome};
use serde_json::json;

use super::*;

async fn two_hotels() -> House {
    let house = House::new().await;
    furnish(&house.store).await;
    house
}

#[tokio::test]
async fn a_statement_that_forgot_its_hotel_reaches_no_other() {
    let house = two_hotels().await;
    let mut owner = house.owner().await;
    let mut tables = house.tables().await;
    tables.retain(|name| !["_sqlx_migrations", "hotels", "secrets"].contains(&name.as_str()));
    assert_eq!(tables.len(), 33);
    for (setting, hotels) in [("north", 1), ("*", 2), ("nowhere", 0), ("", 0)] {
        let set = format!("SET innkeeper.hotel = '{setting}'");
        sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut owner).await.expect("set");
        let known: i64 =
            sqlx::query_scalar("SELECT count(*) FROM hotels").fetch_one(&mut owner).await.expect("a count");
        assert_eq!(known, hotels, "hotels as {setting:?}");
        for table in &tables {
            let sql = format!("SELECT count(DISTINCT hotel_id) FROM {table}");
            let seen: i64 =
                sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut owner).await.expect("a count");
            assert_eq!(seen, hotels, "{table} as {setting:?}");
        }
    }
    sqlx::raw_sql("SET innkeeper.hotel = 'north'").execute(&mut owner).await.expect("set");
    sqlx::raw_sql("UPDATE employees SET name = 'x'; DELETE FROM face_templates; DELETE FROM outbox")
        .execute(&mut owner)
        .await
        .expect("no WHERE");
    let south = house.store.hotel(&hotel("south"));
    let employee = south.employee(&person("EMP001")).await.expect("a read").expect("there");
    assert_ne!(employee.name.as_deref(), Some("x"));
    assert_eq!(south.templates(&person("EMP001")).await.expect("a read").len(), 1);
    assert!(house.rows("SELECT count(*) FROM outbox WHERE hotel_id = 'south'").await > 0);
    for sql in [
        "INSERT INTO employees (hotel_id, id, created_at, updated_at) VALUES ('south', 'EMP009', 0, 0)",
        "UPDATE employees SET hotel_id = 'south' WHERE id = 'EMP001'",
    ] {
        let refused = sqlx::raw_sql(sql).execute(&mut owner).await.expect_err("refused");
        assert!(refused.to_string().contains("row-level security"), "{sql}: {refused}");
    }
}

#[tokio::test]
async fn a_connection_that_names_no_hotel_sees_nothing() {
    let house = two_hotels().await;
    let mut owner = house.owner().await;
    for sql in ["SELECT count(*) FROM hotels", "SELECT count(*) FROM employees"] {
        let seen: i64 = sqlx::query_scalar(sql).fetch_one(&mut owner).await.expect("a count");
        assert_eq!(seen, 0, "{sql}");
    }
}

/// Two hotels for whose rows the star opens nothing any more.
async fn starless() -> House {
    let house = two_hotels().await;
    sqlx::raw_sql(
        "DO $$
         DECLARE t record;
         BEGIN
             FOR t IN SELECT tablename, replace(qual, '''*''', '''''') AS qual FROM pg_policies LOOP
                 EXECUTE format('ALTER POLICY one_hotel ON %I USING (%s)', t.tablename, t.qual);
             END LOOP;
         END $$",
    )
    .execute(&mut house.raw().await)
    .await
    .expect("altered");
    assert!(house.store.hotels().await.expect("a read").is_empty(), "the test closed what it meant to");
    house
}

#[tokio::test]
async fn calls_of_a_hotel_name_it_and_never_all_of_them() {
    let house = starless().await;
    let (north, id) = (house.store.hotel(&hotel("north")), person("EMP001"));
    let enrolled = north.enrol(enrolment("EMP001", vec![template(3, 0.9)])).await.expect("enrolled");
    assert_eq!(enrolled.templates, 2);
    assert!(north.employee(&id).await.expect("a read").is_some());
    assert_eq!(north.templates(&id).await.expect("a read").len(), 2);
    assert!(north.has_active_consent(&id).await.expect("a read"));
    assert_eq!(north.enrolled(&model("face")).await.expect("a read").len(), 2);
    assert!(
        !north.record_sighting(sighting("EMP001", Some("lobby"), noon())).await.expect("recorded").is_new
    );
    assert_eq!(north.attendance(None, noon(), noon() + seconds(1), 9).await.expect("a read").len(), 2);
    north.audit("admin", "x", AuditSubject::Thing("y".to_owned()), json!({})).await.expect("written");
    assert_eq!(north.audit_entries(0, 99).await.expect("a read").len(), 15);
    assert!(north.delete_person(&id, "manager", noon()).await.expect("fine").is_some());
}

#[tokio::test]
async fn calls_about_images_and_rooms_name_their_hotel_too() {
    let house = starless().await;
    let north = house.store.hotel(&hotel("north"));
    let filter = innkeeper_store::ImageFilter::default();
    let kept = north.list_images(&filter, None, 9).await.expect("a read").images;
    assert_eq!((kept.len(), north.count_images(&filter).await.expect("a read")), (2, 2));
    let ids: Vec<Uuid> = kept.iter().map(|i| i.id).collect();
    assert_eq!(north.image_vectors(&ids).await.expect("a read").len(), 2);
    assert_eq!(north.image_media_keys().await.expect("a read").len(), 4);
    let found = item(7, ItemSide::Found);
    let lost = kept.iter().find(|i| i.side == Some(ItemSide::Lost)).expect("a report").id;
    let told = north.add_image(found.clone(), &[candidate(lost)]).await.expect("kept");
    assert_eq!(told.matches.len(), 1);
    let near = north.near_images(found.photo.expect("a photo").hash, 0, &[], 9).await.expect("a read");
    assert_eq!(near.len(), 1);
    let every = innkeeper_store::MatchFilter::default();
    assert_eq!(north.matches(every, None, 9).await.expect("a read").matches.len(), 2);
    let state = innkeeper_store::MatchState::Confirmed;
    assert!(north.decide_match(told.matches[0].id, state, "m", noon()).await.expect("done").is_some());
    let other = ImageVector { model: model("large"), vector: vec![1.0] };
    assert!(north.replace_image_vector(lost, &other, noon()).await.expect("done"));
    let gone = north.delete_image(lost, "m", noon()).await.expect("done").expect("there");
    assert_eq!((gone.matches, gone.photo_keys.len()), (2, 2));
    let recorded = north.record_verdict(verdict("clean", noon() + seconds(1)), None).await.expect("written");
    assert!(recorded.previous.is_some());
    assert_eq!(north.verdicts(&room("201"), None, 9).await.expect("a read").verdicts.len(), 2);
    assert_eq!(north.latest_verdicts(9).await.expect("a read").len(), 1);
    let new = cleaning("202", noon(), 5);
    assert_eq!(north.record_cleanings(&[new], noon()).await.expect("written"), 1);
    assert_eq!(north.cleanings(9).await.expect("a read").len(), 2);
}

#[tokio::test]
async fn calls_about_strangers_corrections_and_keys_name_their_hotel_too() {
    let house = starless().await;
    let (north, id, face) = (house.store.hotel(&hotel("north")), person("EMP001"), model("face"));
    let window = Duration::from_mins(1);
    for photo in [20, 21] {
        north.record_unknown(unknown_face(photo, noon()), window).await.expect("kept");
    }
    let strangers = north.unknown_faces(noon(), 9).await.expect("a read");
    assert_eq!(strangers.len(), 3);
    assert_eq!(north.unknown_group(strangers[0].group_id).await.expect("a read").len(), 1);
    assert_eq!(north.forget_unknown(&[strangers[0].id]).await.expect("done"), 1);
    let named = NamedFace { id: strangers[1].id, confidence: 0.9, score: 0.5, attends: true, action: None };
    let naming = Naming {
        employee: id.clone(),
        faces: vec![named],
        window,
        zone: chrono_tz::Tz::UTC,
        actor: "manager".to_owned(),
        at: noon(),
    };
    assert_eq!(north.name_unknown(naming).await.expect("named").joined.len(), 1);

    let sighted =
        north.attendance(Some(&id), noon(), noon() + seconds(1), 9).await.expect("a read").remove(0);
    let theirs = NewNegative { shows: Some(person("EMP000")), ..negative(1) };
    let wrong = theirs.id;
    let done = north.correct(theirs, Some(row(sighted.id)), "manager", noon()).await.expect("fine");
    assert_eq!(done.row, Some(RowOutcome::Reassigned { joined: true }));
    assert_eq!(not_them(&north, &id, &face).await.len(), 2);
    assert!(north.remove_negative(&id, wrong, "manager", noon()).await.expect("fine"));
    let left = north.attendance(None, noon(), noon() + seconds(1), 9).await.expect("a read").remove(0);
    let nobody = NewNegative { employee: person("EMP000"), ..negative(2) };
    let done = north.correct(nobody, Some(row(left.id)), "m", noon()).await.expect("fine");
    assert_eq!(done.row, Some(RowOutcome::Removed));

    let added = north.add_templates(&id, vec![template(4, 0.5)], 8, "manager", noon()).await.expect("added");
    assert_eq!(added.templates, 2);
    assert!(north.touch_template(added.added[0], noon()).await.expect("noted"));
    assert_eq!(north.other_models(&model("other")).await.expect("a read"), [face]);
    assert!(north.withdraw_consent(&id, "manager", noon()).await.expect("fine").is_some());

    north.add_api_key(api_key("another"), &"b".repeat(64)).await.expect("kept");
    assert!(north.revoke_api_key("another", "manager", noon()).await.expect("done"));
    assert_eq!(north.api_keys().await.expect("a read").len(), 2);
}

#[tokio::test]
async fn the_log_refuses_its_owner_even_where_no_row_is_in_sight() {
    let house = two_hotels().await;
    let mut owner = house.owner().await;
    for sql in ["UPDATE audit_log SET actor = 'x'", "DELETE FROM audit_log", "TRUNCATE audit_log"] {
        let error: StoreError = sqlx::query(sql).execute(&mut owner).await.expect_err("refused").into();
        assert!(matches!(error, StoreError::Constraint { .. }), "{sql}: {error:?}");
    }
    assert!(house.store.verify_audit().await.expect("a read").is_intact());
}

#[tokio::test]
async fn a_text_that_the_server_cannot_keep_is_the_callers_fault() {
    let house = House::new().await;
    let subject = AuditSubject::Thing("a\0b".to_owned());
    let refused = house.hotel().audit("admin", "x", subject, json!({})).await;
    assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{refused:?}");
    assert!(house.store.hotels().await.expect("a read").is_empty(), "nothing was written");
}

#[tokio::test]
async fn a_server_that_does_not_let_us_in_is_named_but_never_the_password() {
    let house = House::new().await;
    let lost = house.place.url().replace(&format!("/{}?", house.place.name), "/no_such_database?");
    for (url, place) in [
        ("postgres://innkeeper:very-secret@127.0.0.1:1/hotels", "hotels on 127.0.0.1:1"),
        (&lost, "no_such_database"),
    ] {
        let error =
            Store::connect(url, &PostgresSettings::default(), house.keys.clone()).await.expect_err("refused");
        assert!(matches!(error, StoreError::Connect { .. }), "{error:?}");
        assert!(error.to_string().contains(place), "{error}");
        for text in [error.to_string(), format!("{error:?}")] {
            assert!(!text.contains("very-secret"), "{text}");
        }
    }
    for url in ["innkeeper.db", "postgres://innkeeper:very-secret@host:port/hotels"] {
        let error =
            Store::connect(url, &PostgresSettings::default(), house.keys.clone()).await.expect_err("refused");
        assert!(matches!(error, StoreError::Invalid { field: "the database URL", .. }), "{error:?}");
    }
    let nothing = PostgresSettings { readers: 0, ..PostgresSettings::default() };
    let error = Store::connect(&house.place.url(), &nothing, house.keys.clone()).await.expect_err("refused");
    assert!(matches!(error, StoreError::Invalid { field: "connections", .. }), "{error:?}");
}

/// Keeps what the program warns about.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl tracing::field::Visit for Warnings {
    fn record_debug(&mut self, _: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        self.0.lock().expect("no panic").push(format!("{value:?}"));
    }
}

impl tracing::Subscriber for Warnings {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() <= tracing::Level::WARN
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut self.clone());
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test]
async fn a_role_that_walks_through_the_policies_is_warned_about() {
    let warnings = Warnings::default();
    let _guard = tracing::subscriber::set_default(warnings.clone());
    let place = Place::new().await;
    let store = Place::open(&place.name()).await.expect("a plain role");
    store
        .hotel(&hotel("default"))
        .enrol(enrolment("EMP001", vec![template(1, 0.5)]))
        .await
        .expect("enrolled");
    store.close().await;
    let said = warnings.0.lock().expect("no panic").clone();
    assert_eq!(said, Vec::<String>::new(), "a plain role has nothing to be warned about");
    run(&place.cluster.superuser, &[format!("ALTER ROLE {} BYPASSRLS", place.name)]).await;
    Place::open(&place.name()).await.expect("only warned");
    let said = warnings.0.lock().expect("no panic").clone();
    assert!(said.iter().any(|text| text.contains("bypasses row-level security")), "{said:?}");
}
