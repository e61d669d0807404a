//! A process that is killed while it registers, promotes and rolls back leaves a registry that can be used.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use innkeeper_learning::{File, Name, Registry, Version};
use serde_json::json;

const FOLDER: &str = "INNKEEPER_TEST_REGISTRY";

fn name() -> Name {
    "room-tags".parse().unwrap()
}

/// The process that is killed: without the variable it is a test that does nothing.
#[test]
fn writer() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let registry = Registry::open(folder.as_ref()).unwrap();
    loop {
        let head = vec![b'x'; 200_000];
        let record = registry
            .register(&name(), &[File { name: "head.json", bytes: &head }], &json!({}), "card")
            .unwrap();
        registry.promote(&name(), record.version, "writer").unwrap();
        if record.version.number().is_multiple_of(3) {
            registry.rollback(&name(), "writer").unwrap();
        }
    }
}

#[test]
fn a_writer_killed_at_any_point_leaves_whole_versions_and_a_champion_that_answers() {
    let folder = tempfile::tempdir().unwrap();
    let (mut champion_before, mut versions_before) = (None::<Version>, 0);
    for round in 0u64..8 {
        let mut writer = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "writer", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Wait until it writes, then kill it somewhere in the middle.
        let registry = Registry::open(folder.path()).unwrap();
        let deadline = Instant::now() + Duration::from_mins(1);
        while registry.versions(&name()).unwrap().len() < versions_before + 2 {
            assert!(Instant::now() < deadline, "the writer wrote nothing");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(round * 3));
        writer.kill().unwrap();
        writer.wait().unwrap();

        let registry = Registry::open(folder.path()).unwrap();
        let versions = registry.versions(&name()).unwrap();
        for record in &versions {
            for file in &record.files {
                registry
                    .read(&name(), record.version, &file.name)
                    .expect("every version that is there is whole");
            }
        }
        let choice = registry.choice(&name()).expect("the choice is never half written");
        let champion = choice.champion.expect("it promoted at least once");
        registry.read(&name(), champion, "head.json").unwrap();
        assert!(champion_before.is_none_or(|before| choice.history.iter().any(|c| c.to == before)));
        assert!(versions.len() > versions_before);
        (champion_before, versions_before) = (Some(champion), versions.len());
    }
}
