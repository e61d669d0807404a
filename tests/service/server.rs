//! A house (a data directory and settings), the commands run in it, the server that runs on it, and callers.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use innkeeper_sealing::KeyRing;
use innkeeper_store::Store;
use reqwest::Method;
use reqwest::blocking::{Body, Client, RequestBuilder, Response};
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde_json::{Value, json};
use sqlx::{Connection as _, Row as _};
use tempfile::TempDir;

/// Generous: only a hang is meant to run into it.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) const RECOGNISE: &str = "/api/v1/cv/face/recognize";
pub(crate) const ENROL: &str = "/api/v1/cv/face/enroll";

/// Repeats `look` until it gives something; fails with `what` when it never does.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A command that looks neither at the settings of whoever runs the tests nor at a file in their folder.
pub(crate) fn innkeeper() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_innkeeper"));
    for (name, _) in std::env::vars_os() {
        let ours = name.to_string_lossy();
        if ours.starts_with("INNKEEPER__") || ours == "INNKEEPER_JWT_SECRET" || ours == "RUST_LOG" {
            command.env_remove(name);
        }
    }
    command.current_dir(std::env::temp_dir());
    command
}

/// What a command printed, and how it ended.
pub(crate) struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("standard output is text"),
            stderr: String::from_utf8(output.stderr).expect("standard error is text"),
        }
    }
}

impl Ran {
    /// The standard output of a command that must have succeeded.
    #[track_caller]
    pub fn good(self) -> String {
        assert_eq!(self.code, Some(0), "failed: {}{}", self.stdout, self.stderr);
        self.stdout
    }
}

/// Whether every model of the extended pack is installed; says so either way.
pub(crate) fn extended_is_installed() -> bool {
    let listed =
        Ran::from(innkeeper().args(["models", "list", "--json"]).output().expect("the binary runs")).good();
    let models: Vec<Value> = serde_json::from_str(&listed).expect("the list is JSON");
    let installed = models
        .iter()
        .filter(|m| m["packs"].as_array().is_some_and(|packs| packs.contains(&json!("extended"))))
        .all(|m| m["state"] == "installed");
    let how =
        if installed { "run" } else { "NOT run: install it with `innkeeper models pull --pack extended`" };
    eprintln!("extended pack: {how}");
    // Where the pack can be had, a test that quietly does nothing is a hole.
    let required = std::env::var_os("INNKEEPER_REQUIRE_EXTENDED").is_some();
    assert!(installed || !required, "the extended pack is required here, but not installed");
    installed
}

/// A data directory with its settings. Servers on it come and go.
pub(crate) struct House {
    dir: TempDir,
    settings: BTreeMap<String, String>,
}

impl House {
    /// An empty house that uses this pack.
    pub fn new(pack: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        Self { dir, settings: BTreeMap::new() }.with("models.pack", pack).with("log.json", true)
    }

    /// The same with `section.key` set.
    pub fn with(mut self, key: &str, value: impl Display) -> Self {
        self.set(key, value);
        self
    }

    /// Sets `section.key` for whatever is started next.
    pub fn set(&mut self, key: &str, value: impl Display) {
        let name = format!("INNKEEPER__{}", key.to_uppercase().replace('.', "__"));
        self.settings.insert(name, format!("{value}"));
    }

    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// A folder for files of the test, which is also where commands run.
    pub fn desk(&self) -> PathBuf {
        self.dir.path().to_owned()
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = innkeeper();
        command.args(args).envs(&self.settings).current_dir(self.dir.path());
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        self.command(args).output().expect("the binary runs").into()
    }

    /// A token of a role for a hotel.
    pub fn token(&self, role: &str, hotel: &str) -> String {
        self.token_with(&["--subject", &format!("{role}-1"), "--role", role, "--hotel", hotel])
    }

    pub fn token_with(&self, args: &[&str]) -> String {
        let data = self.data();
        let mut all = vec!["token", "--data-dir", data.to_str().expect("a text path")];
        all.extend(args);
        self.run(&all).good().trim_end().to_owned()
    }

    /// Starts a server and waits until it is ready.
    pub fn serve(&self) -> Server<'_> {
        self.start(&[]).ready()
    }

    /// The same without tokens.
    pub fn serve_dev(&self) -> Server<'_> {
        self.start(&["--dev"]).ready()
    }

    /// The same with these services of the contract only.
    pub fn serve_only(&self, services: &str) -> Server<'_> {
        self.start(&["--services", services]).ready()
    }

    /// Starts a server and waits until it listens; its models may still load.
    fn start(&self, more: &[&str]) -> Server<'_> {
        let mut server = self.launch(more, None);
        assert!(server.listens(), "the server ended: {:#?}", server.log());
        server
    }

    /// Starts a server with one more variable in its environment, and waits for nothing.
    #[cfg(feature = "kill-points")]
    pub fn spawn(&self, variable: Option<(&str, &str)>) -> Server<'_> {
        self.launch(&[], variable)
    }

    fn launch(&self, more: &[&str], variable: Option<(&str, &str)>) -> Server<'_> {
        let data = self.data();
        let mut args =
            vec!["serve", "--listen", "127.0.0.1:0", "--data-dir", data.to_str().expect("a text path")];
        args.extend(more);
        let mut child = self
            .command(&args)
            .envs(variable)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let log = Arc::new(Mutex::new(Vec::new()));
        let stderr = BufReader::new(child.stderr.take().expect("its standard error"));
        let sink = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                sink.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        let client = Client::builder().no_proxy().timeout(PATIENCE).build().expect("a client");
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        Server { house: self, child, address, client, log }
    }
}

/// A running server. Dropping it kills it.
pub(crate) struct Server<'h> {
    pub house: &'h House,
    child: Child,
    pub address: SocketAddr,
    client: Client,
    log: Arc<Mutex<Vec<String>>>,
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the server said:\n{}", self.log().join("\n"));
        }
    }
}

impl Server<'_> {
    fn ready(mut self) -> Self {
        assert!(self.is_ready(), "the server ended: {:#?}", self.log());
        self
    }

    /// Waits until it is ready. Whether it is: it may have ended.
    pub fn is_ready(&mut self) -> bool {
        self.listens()
            && eventually("the server is ready", || {
                let ready = self.anyone().request(Method::GET, "/health/ready").send();
                let ready = ready.is_ok_and(|answer| answer.status() == 200);
                (ready || self.has_ended()).then_some(ready)
            })
    }

    /// Waits until it listens. Whether it does: it may have ended.
    fn listens(&mut self) -> bool {
        eventually("the server listens", || {
            if self.has_ended() {
                return Some(false);
            }
            let line = self.log_line("listening")?;
            self.address = line["fields"]["address"].as_str()?.parse().ok()?;
            Some(true)
        })
    }

    /// Whether the process has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("its state").is_some()
    }

    /// The id of the process.
    #[cfg(feature = "kill-points")]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first line of the log whose message begins like this.
    pub fn log_line(&self, message: &str) -> Option<Value> {
        self.log()
            .iter()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find(|line| line["fields"]["message"].as_str().is_some_and(|text| text.starts_with(message)))
    }

    /// A caller without a token.
    pub fn anyone(&self) -> Caller<'_> {
        Caller { server: self, token: None }
    }

    /// A caller with this token.
    pub fn with(&self, token: impl Into<String>) -> Caller<'_> {
        Caller { server: self, token: Some(token.into()) }
    }

    /// A caller of a role in a hotel.
    pub fn role(&self, role: &str, hotel: &str) -> Caller<'_> {
        self.with(self.house.token(role, hotel))
    }

    /// Somebody who may enrol, in hotel `h1`.
    pub fn manager(&self) -> Caller<'_> {
        self.role("manager", "h1")
    }

    /// Somebody who may recognise as often as it likes, in hotel `h1`.
    pub fn camera(&self) -> Caller<'_> {
        self.role("camera", "h1")
    }

    /// The most memory it has held so far, in bytes. Zero where the system does not say.
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number of kB") * 1024
    }

    /// Asks the server to stop, without waiting for it.
    pub fn ask_to_stop(&self) {
        // The shell has `kill` built in; not every system has the program.
        let sent = Command::new("sh").args(["-c", &format!("kill -TERM {}", self.child.id())]).status();
        assert!(sent.expect("a shell").success(), "the signal was not sent");
    }

    /// Waits until the server has ended by itself.
    pub fn ended(&mut self) -> ExitStatus {
        eventually("the server ends", || self.child.try_wait().expect("its state"))
    }

    /// Stops it as a supervisor does.
    pub fn stop(mut self) {
        self.ask_to_stop();
        let status = self.ended();
        assert!(status.success(), "it stopped with {status}: {:#?}", self.log());
    }

    /// Kills it as a power cut does.
    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ended");
    }
}

/// A client with or without a token.
pub(crate) struct Caller<'s> {
    server: &'s Server<'s>,
    token: Option<String>,
}

impl Caller<'_> {
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.server.client.request(method, format!("http://{}{path}", self.server.address));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path))
    }

    pub fn delete(&self, path: &str) -> Answer {
        send(self.request(Method::DELETE, path))
    }

    pub fn post_json(&self, path: &str, body: &Value) -> Answer {
        send(self.request(Method::POST, path).json(body))
    }

    /// A body of this content type.
    pub fn post(&self, path: &str, content_type: &str, body: impl Into<Body>) -> Answer {
        send(self.request(Method::POST, path).header(CONTENT_TYPE, content_type).body(body))
    }

    /// Recognises a picture sent as it is.
    pub fn recognise(&self, picture: &[u8]) -> Answer {
        self.post(RECOGNISE, "application/octet-stream", picture.to_vec())
    }

    /// Enrols from photos, with consent.
    pub fn enrol(&self, employee: &str, photos: &[&[u8]]) -> Answer {
        self.post_json(ENROL, &enrolment(employee, photos))
    }

    pub fn forget(&self, employee: &str) -> Answer {
        self.delete(&format!("/api/v1/cv/face/{employee}"))
    }

    pub fn embedding(&self, employee: &str) -> Answer {
        self.get(&format!("/api/v1/cv/face/embedding/{employee}"))
    }
}

/// Sends a request that must be answered.
pub(crate) fn send(request: RequestBuilder) -> Answer {
    Answer::from(request.send().expect("the server answers"))
}

/// Every file below a folder.
pub(crate) fn files(below: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(below).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// Looks into the tables of a house, as nobody can over HTTP.
pub(crate) fn tables<T>(house: &House, look: impl AsyncFnOnce(Store) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let keys = KeyRing::open(None, &house.data()).expect("the keys");
        let store = Store::open(&house.data().join("innkeeper.db"), keys).await.expect("the tables open");
        let seen = look(store.clone()).await;
        store.close().await;
        seen
    })
}

/// A connection to the database file itself, past everything that guards it.
fn raw<T>(house: &House, look: impl AsyncFnOnce(&mut sqlx::SqliteConnection) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(house.data().join("innkeeper.db"));
        let mut conn = sqlx::SqliteConnection::connect_with(&options).await.expect("the file opens");
        let seen = look(&mut conn).await;
        conn.close().await.expect("it closes");
        seen
    })
}

/// Changes the tables as an intruder would.
pub(crate) fn tamper(house: &House, statement: &'static str) {
    raw(house, async |conn| {
        sqlx::query(statement).execute(conn).await.expect("the statement runs");
    });
}

/// The bytes in the first column of every row.
pub(crate) fn blobs(house: &House, query: &str) -> Vec<Vec<u8>> {
    raw(house, async |conn| {
        let rows = sqlx::query(sqlx::AssertSqlSafe(query)).fetch_all(conn).await.expect("the query runs");
        rows.iter().map(|row| row.get::<Vec<u8>, _>(0)).collect()
    })
}

/// The body of an enrolment with consent.
pub(crate) fn enrolment(employee: &str, photos: &[&[u8]]) -> Value {
    let images: Vec<String> = photos.iter().map(|photo| STANDARD.encode(photo)).collect();
    json!({
        "employee_id": employee,
        "images": images,
        "metadata": {"name": format!("{employee} Somebody Else"), "department": "reception"},
        "consent": {"given_at": "2025-01-17T08:30:00Z", "policy_version": "2025-01"},
    })
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, body: response.bytes().expect("the body arrives").to_vec() }
    }
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a text header"))
    }

    /// The JSON of an answer that must have this status.
    #[track_caller]
    pub fn json(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("not JSON ({e}): {}", self.text()))
    }

    /// The problem document of an answer that must have this status and code.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Value {
        let document = self.json(status);
        assert_eq!(self.header("content-type"), "application/problem+json", "{document}");
        assert_eq!(document["code"], code, "{document}");
        assert_eq!(document["status"], status, "{document}");
        assert_eq!(document["request_id"], self.header("x-request-id"), "{document}");
        for key in ["type", "title", "detail"] {
            assert!(
                document[key].as_str().is_some_and(|text| !text.is_empty()),
                "{key} is empty: {document}"
            );
        }
        if self.headers.contains_key("retry-after") {
            assert_eq!(document["retry_after"].to_string(), self.header("retry-after"), "{document}");
        }
        document
    }
}
