//! A house that outgrows its data directory: tables on a `PostgreSQL` server.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use uuid::Uuid;

use crate::pictures::{BIDEN, OBAMA, photo};
use crate::server::House;

/// An empty database with an owner of its own.
struct Database {
    url: String,
    /// The server, where the whole run has none. It stops when its standard input closes.
    _server: Option<Child>,
}

/// A server of this test alone, and the URL of its superuser.
fn start() -> (String, Child) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/postgres.sh");
    let mut server =
        Command::new(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut url = String::new();
    BufReader::new(server.stdout.take().expect("its output")).read_line(&mut url).expect("a URL");
    assert!(!url.is_empty(), "PostgreSQL is not installed: apt-get install postgresql");
    (url.trim().to_owned(), server)
}

impl Database {
    fn new() -> Self {
        let (superuser, server) = std::env::var("INNKEEPER_TEST_POSTGRES").map_or_else(
            |_| {
                let (url, server) = start();
                (url, Some(server))
            },
            |url| (url, None),
        );
        let name = format!("innkeeper_{}", Uuid::now_v7().simple());
        let options: PgConnectOptions = superuser.parse().expect("a URL");
        let host = options.get_socket().expect("a socket").display().to_string();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut conn = options.connect().await.expect("the server answers");
            for sql in [format!("CREATE ROLE {name} LOGIN"), format!("CREATE DATABASE {name} OWNER {name}")] {
                sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut conn).await.expect("it is made");
            }
        });
        let url = format!("postgres:///{name}?host={host}&port={}&user={name}", options.get_port());
        Self { url, _server: server }
    }
}

#[test]
fn a_house_moves_to_postgresql_with_everybody_and_everything_in_it() {
    let mut house = House::new("default");
    let data = house.data();
    let data = data.to_str().unwrap();
    let at = "2025-03-04T08:00:00Z";
    let path = format!("{}?camera_id=lobby&timestamp={at}", crate::server::RECOGNISE);
    let server = house.serve();
    let (manager, camera) = (server.manager(), server.camera());
    manager.enrol("EMP001", &[&photo(OBAMA[0])]).json(201);
    manager.enrol("EMP002", &[&photo(BIDEN)]).json(201);
    let seen = camera.post(&path, "image/jpeg", photo(OBAMA[1])).json(200);
    let before = manager.embedding("EMP001").json(200);

    let database = Database::new();
    let migrate = ["migrate-engine", "--database-url", &database.url, "--data-dir", data];
    let running = house.run(&migrate);
    assert_eq!(running.code, Some(1), "the server still writes");
    assert!(running.stderr.contains("in use"), "{}", running.stderr);
    server.stop();
    let report = house.run(&migrate).good();
    assert!(report.contains("face_templates: 2 rows"), "{report}");
    let again = house.run(&migrate);
    assert_eq!(again.code, Some(1), "a second copy into the same tables");

    house.set("storage.database_url", &database.url);
    let nowhere = house.run(&migrate);
    assert_eq!(nowhere.code, Some(1), "from a place to itself");
    assert!(nowhere.stderr.contains("settings"), "{}", nowhere.stderr);
    let server = house.serve();
    let (manager, camera) = (server.manager(), server.camera());
    assert_eq!(manager.embedding("EMP001").json(200), before);
    let joined = camera.post(&path, "image/jpeg", photo(OBAMA[1])).json(200);
    assert_eq!(joined["attendance"]["id"], seen["attendance"]["id"], "the sighting did not move along");
    assert_eq!(joined["attendance"]["is_new"], false);
    let receipt = manager.forget("EMP001").json(200);
    assert_eq!((&receipt["complete"], &receipt["attendance_rows"]), (&json!(true), &json!(1)), "{receipt}");
    assert_eq!(camera.recognise(&photo(OBAMA[1])).json(200)["employee_id"], Value::Null);
    assert_eq!(camera.recognise(&photo(BIDEN)).json(200)["employee_id"], "EMP002");
    server.stop();

    let verdict: Value =
        serde_json::from_str(&house.run(&["audit", "verify", "--json", "--data-dir", data]).good()).unwrap();
    assert_eq!(
        (&verdict["intact"], &verdict["heads"][0]["hotel"]),
        (&json!(true), &json!("h1")),
        "{verdict}"
    );
    let server = house.serve();
    assert_eq!(server.camera().recognise(&photo(BIDEN)).json(200)["employee_id"], "EMP002");
    server.manager().embedding("EMP001").problem(404, "employee_not_enrolled");
}

#[test]
fn a_forecast_is_the_same_on_postgresql() {
    let mut house = crate::forecast::house();
    let body = json!({"forecast_days": 14});
    let ask = |house: &House, path: &str| {
        let server = house.serve_only("ml");
        let answer = server.manager().post_json(path, &body).json(200);
        server.stop();
        answer
    };
    let paths = [crate::forecast::OCCUPANCY, crate::forecast::REVENUE, crate::forecast::HOUSEKEEPING];
    let before: Vec<Value> = paths.iter().map(|path| ask(&house, path)["forecasts"].clone()).collect();
    let database = Database::new();
    let data = house.data();
    house
        .run(&["migrate-engine", "--database-url", &database.url, "--data-dir", data.to_str().unwrap()])
        .good();
    house.set("storage.database_url", &database.url);
    for (path, before) in paths.iter().zip(before) {
        assert_eq!(ask(&house, path)["forecasts"], before, "{path}");
    }
    let server = house.serve_only("ml");
    let answer = server.manager().post_json(paths[0], &body).json(200);
    let id = answer["answer_id"].as_str().expect("an id").to_owned();
    assert_eq!(
        server.manager().get(&format!("/api/v1/ml/forecast/{id}")).json(200)["answer"]["forecasts"],
        answer["forecasts"]
    );
}

#[test]
fn empty_tables_beside_a_full_house_are_refused_and_nothing_is_cleared_away() {
    let house = House::new("default");
    let server = house.serve();
    server.manager().enrol("EMP001", &[&photo(OBAMA[0])]).json(201);
    server.stop();
    let data = house.data();
    let start = ["serve", "--listen", "127.0.0.1:0", "--data-dir", data.to_str().unwrap()];
    let database = data.join("innkeeper.db");
    std::fs::rename(&database, data.join("elsewhere.db")).unwrap();
    let refused = house.run(&start);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("the tables are empty"), "{}", refused.stderr);
    assert_eq!(crate::server::files(&data.join("media")).len(), 1, "the photograph is gone");
    for name in ["innkeeper.db", "innkeeper.db-wal", "innkeeper.db-shm"] {
        let _ = std::fs::remove_file(data.join(name));
    }
    std::fs::rename(data.join("elsewhere.db"), &database).unwrap();
    let server = house.serve();
    assert_eq!(server.camera().recognise(&photo(OBAMA[1])).json(200)["employee_id"], "EMP001");
}

#[test]
fn commands_that_only_look_make_no_installation() {
    let house = House::new("default");
    let nowhere = house.desk().join("typo");
    for command in [&["audit", "verify"][..], &["keys", "list"], &["keys", "rotate"], &["api-key", "list"]] {
        let ran = house.run(&[command, &["--data-dir", nowhere.to_str().unwrap()]].concat());
        assert_eq!(ran.code, Some(1), "{command:?}");
        assert!(ran.stderr.contains("holds no installation"), "{command:?}: {}", ran.stderr);
        assert!(!nowhere.exists(), "{command:?} made one");
    }
}

#[test]
fn servers_that_do_not_answer_are_named_without_their_passwords() {
    let house = House::new("default");
    let data = house.data();
    let start = ["serve", "--listen", "127.0.0.1:0", "--data-dir", data.to_str().unwrap()];
    for (key, url) in [
        ("storage.database_url", "postgres://who:hunter2@127.0.0.1:1/innkeeper"),
        ("storage.qdrant.url", "http://127.0.0.1:1"),
    ] {
        let mut lost = House::new("default");
        lost.set(key, url);
        let ran = lost.run(&start);
        assert_eq!(ran.code, Some(1), "{key}");
        assert!(ran.stderr.contains("127.0.0.1:1"), "{key}: {}", ran.stderr);
        assert!(!ran.stderr.contains("hunter2"), "{key}: {}", ran.stderr);
    }
}
