//! A server for the tests: the one that `INNKEEPER_TEST_POSTGRES` names by a superuser's URL, or else one that
//! `scripts/postgres.sh` starts and that stops with the last test that uses it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, Weak};

use sqlx::postgres::PgConnectOptions;

pub(super) struct Cluster {
    pub(super) superuser: PgConnectOptions,
    server: Option<Child>,
}

static SHARED: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());

impl Cluster {
    pub(super) fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let cluster = Arc::new(Self::start());
            *shared = Arc::downgrade(&cluster);
            cluster
        })
    }

    fn start() -> Self {
        if let Ok(url) = std::env::var("INNKEEPER_TEST_POSTGRES") {
            return Self { superuser: url.parse().expect("a URL of PostgreSQL"), server: None };
        }
        let mut server = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/postgres.sh"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("scripts/postgres.sh starts");
        let mut url = String::new();
        BufReader::new(server.stdout.as_mut().expect("piped")).read_line(&mut url).expect("what it says");
        assert!(
            !url.is_empty(),
            "no PostgreSQL server for the tests: install one (apt-get install postgresql), or name a \
             superuser's URL in INNKEEPER_TEST_POSTGRES"
        );
        Self { superuser: url.trim().parse().expect("a URL of PostgreSQL"), server: Some(server) }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            // The end of its input tells the script to stop.
            drop(server.stdin.take());
            server.wait().expect("the script ends");
        }
    }
}
