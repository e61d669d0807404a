//! A pull ends with verified files in place, or with nothing changed.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::choose::{Choice, PackChoice};
use crate::digest::Digest;
use crate::error::{BoxError, PackError};
use crate::fetch::Origin;
use crate::https::Retry;
use crate::library::Library;
use crate::list::{Outcome, State};
use crate::manifest::{Item, Platform};
use crate::progress::Silent;
use crate::pull::{Converter, PullOptions, Pulled, Selection};
use crate::testing::{Answer, Log, Server, one_file};

/// A place where nobody answers.
const NOWHERE: &str = "http://127.0.0.1:9/file.bin";

fn body() -> Vec<u8> {
    (0..50_000_u32).flat_map(u32::to_le_bytes).collect()
}

fn quick(attempts: u32) -> PullOptions<'static> {
    PullOptions { retry: Retry { attempts, first_wait: Duration::ZERO }, ..PullOptions::default() }
}

fn pull(library: &Library, options: &PullOptions<'_>) -> Result<Vec<Pulled>, PackError> {
    library.pull(&Selection::Pack("default".into()), options, &Silent)
}

fn state(library: &Library) -> State {
    library.list(&PackChoice::Auto).expect("a list")[0].state
}

/// Every file below the library except its lock.
fn files_in(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = walkdir::WalkDir::new(dir)
        .into_iter()
        .map(|e| e.expect("an entry"))
        .filter(|e| e.file_type().is_file() && e.file_name() != ".lock")
        .map(|e| e.path().strip_prefix(dir).expect("below").to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_dropped_connection_is_resumed_where_it_broke() {
    let dir = tempfile::tempdir().expect("a folder");
    let server = Server::start(body(), vec![Answer::CutAfter(70_000), Answer::Whole]);
    let library = Library::new(one_file(&server.url, &body(), ""), dir.path().to_owned());
    let log = Log::default();
    let done = library.pull(&Selection::Item("eye".into()), &quick(2), &log).expect("pulled");
    assert_eq!(server.ranges(), ["-", "bytes=70000-"]);
    assert_eq!(done[0].files, [("eye.bin".to_owned(), Origin::Https)]);
    assert_eq!(fs::read(done[0].dir.join("eye.bin")).expect("installed"), body());
    let told: u64 = log
        .0
        .borrow()
        .iter()
        .filter_map(|l| l.strip_prefix("advance ").and_then(|n| n.parse::<u64>().ok()))
        .sum();
    assert_eq!(told, body().len() as u64, "each byte is reported once");
    assert_eq!(files_in(dir.path()), ["eye/1/eye.bin", "eye/1/installed.json"]);
}

#[test]
fn a_file_of_a_set_comes_into_its_folder() {
    let (dir, mirror) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    fs::write(mirror.path().join("some.name"), body()).expect("written");
    let (digest, size) = (Digest::of(&body()), body().len());
    let second = format!(
        "[[item.file]]\nname = \"set/img/eye.bin\"\nsource = \"{NOWHERE}\"\nsha256 = \"{digest}\"\nsize = {size}"
    );
    let manifest = one_file(NOWHERE, &body(), &second);
    let library = Library::new(manifest, dir.path().to_owned());
    let options = PullOptions { mirror: Some(mirror.path().to_owned()), ..quick(1) };
    pull(&library, &options).expect("pulled");
    let names = ["eye/1/eye.bin", "eye/1/installed.json", "eye/1/set/img/eye.bin"];
    assert_eq!(files_in(dir.path()), names);
    assert_eq!(state(&library), State::Installed);
}

#[test]
fn a_later_pull_goes_on_with_what_a_failed_one_fetched() {
    let dir = tempfile::tempdir().expect("a folder");
    let server = Server::start(body(), vec![Answer::CutAfter(1000), Answer::Whole]);
    let library = Library::new(one_file(&server.url, &body(), ""), dir.path().to_owned());
    pull(&library, &quick(1)).expect_err("cut");
    assert_eq!(state(&library), State::Absent);
    pull(&library, &quick(1)).expect("the rest");
    assert_eq!(server.ranges(), ["-", "bytes=1000-"]);
    assert_eq!(state(&library), State::Installed);
}

#[test]
fn a_server_that_ignores_ranges_does_not_corrupt_the_file() {
    let dir = tempfile::tempdir().expect("a folder");
    let server = Server::start(body(), vec![Answer::CutAfter(1000), Answer::IgnoreRange]);
    let library = Library::new(one_file(&server.url, &body(), ""), dir.path().to_owned());
    pull(&library, &quick(2)).expect("from the start");
    assert_eq!(library.verify(None).expect("verified")[0].outcome, Outcome::Intact);
}

#[test]
fn a_rotten_part_of_an_earlier_download_is_thrown_away() {
    let dir = tempfile::tempdir().expect("a folder");
    let server = Server::start(body(), vec![Answer::Whole]);
    let library = Library::new(one_file(&server.url, &body(), ""), dir.path().to_owned());
    let staging = dir.path().join(".staging");
    fs::create_dir_all(&staging).expect("staging");
    fs::write(staging.join(format!("{}.part", Digest::of(&body()))), [9; 500]).expect("a part");
    pull(&library, &quick(1)).expect("fetched again");
    assert_eq!(server.ranges(), ["bytes=500-", "-"]);
}

#[test]
fn other_content_than_the_manifest_names_is_not_installed() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut wrong = body();
    wrong[7] ^= 1;
    let server = Server::start(wrong, vec![Answer::Whole]);
    let library = Library::new(one_file(&server.url, &body(), ""), dir.path().to_owned());
    let error = pull(&library, &quick(3)).expect_err("wrong content");
    assert!(matches!(error, PackError::Digest { .. }), "{error}");
    assert_eq!(files_in(dir.path()), [""; 0]);
}

#[test]
fn a_server_cannot_fill_the_disk() {
    let dir = tempfile::tempdir().expect("a folder");
    let server = Server::start(body(), vec![Answer::Whole]);
    let library = Library::new(one_file(&server.url, &body()[..10], ""), dir.path().to_owned());
    let error = pull(&library, &quick(3)).expect_err("longer than announced");
    assert!(matches!(error, PackError::Size { expected: 10, .. }), "{error}");
    assert_eq!(files_in(dir.path()), [""; 0]);
}

#[test]
fn a_busy_server_is_asked_again_and_a_missing_file_is_not() {
    for (status, expected) in [(503, 2), (429, 2), (404, 1)] {
        let dir = tempfile::tempdir().expect("a folder");
        let server = Server::start(body(), vec![Answer::Status(status), Answer::Whole]);
        let library = Library::new(one_file(&server.url, &body(), ""), dir.path().to_owned());
        let done = pull(&library, &quick(3));
        assert_eq!(server.ranges().len(), expected, "{status}: {done:?}");
        assert_eq!(done.is_ok(), expected == 2, "{status}");
    }
}

#[test]
fn the_mirror_is_asked_first_and_only_content_counts() {
    let (dir, mirror) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a mirror"));
    let deep = mirror.path().join("a/b");
    fs::create_dir_all(&deep).expect("folders");
    fs::write(deep.join("eye.bin"), vec![0; body().len()]).expect("same name and length, other content");
    fs::write(deep.join("zzz"), body()).expect("the content under another name");
    let library = Library::new(one_file(NOWHERE, &body(), ""), dir.path().to_owned());
    let options = PullOptions { mirror: Some(mirror.path().to_owned()), ..quick(1) };
    let done = pull(&library, &options).expect("from the mirror");
    assert_eq!(done[0].files[0].1, Origin::Mirror);
    assert_eq!(fs::read(done[0].dir.join("eye.bin")).expect("installed"), body());
}

#[test]
fn a_check_that_fails_leaves_what_was_there_before() {
    let dir = tempfile::tempdir().expect("a folder");
    let server = Server::start(b"old".to_vec(), vec![Answer::Whole]);
    let old = Library::new(one_file(&server.url, b"old", ""), dir.path().to_owned());
    let refuse = |_: &Item, at: &Path| -> Result<(), BoxError> {
        assert!(at.join("eye.bin").exists(), "the check sees the file");
        Err("not the reference output".into())
    };
    let strict = PullOptions { check: Some(&refuse), ..quick(1) };
    let error = pull(&old, &strict).expect_err("refused");
    assert!(matches!(error, PackError::Check { .. }), "{error}");
    assert_eq!(files_in(dir.path()), [""; 0]);

    pull(&old, &quick(1)).expect("without the check");
    let before = files_in(dir.path());
    let server = Server::start(b"new".to_vec(), vec![Answer::Whole]);
    let new = Library::new(one_file(&server.url, b"new", ""), dir.path().to_owned());
    let error = pull(&new, &strict).expect_err("refused");
    assert!(matches!(error, PackError::Check { .. }), "{error}");
    assert_eq!(files_in(dir.path()), before);
    assert_eq!(state(&old), State::Installed);
    assert_eq!(state(&new), State::Incomplete);
    pull(&new, &quick(1)).expect("replaced");
    assert_eq!(fs::read(dir.path().join("eye/1/eye.bin")).expect("replaced"), b"new");
}

#[test]
fn what_a_killed_pull_left_is_neither_used_nor_kept() {
    let dir = tempfile::tempdir().expect("a folder");
    let server = Server::start(body(), vec![Answer::Whole]);
    let library = Library::new(one_file(&server.url, &body(), ""), dir.path().to_owned());
    let half = dir.path().join(".staging/eye-1");
    fs::create_dir_all(half.join("sub")).expect("left over");
    fs::write(half.join("eye.bin"), b"half").expect("left over");
    fs::create_dir_all(dir.path().join("eye/1")).expect("an empty folder");
    assert_eq!(state(&library), State::Incomplete);
    pull(&library, &quick(1)).expect("pulled");
    assert_eq!(files_in(dir.path()), ["eye/1/eye.bin", "eye/1/installed.json"]);
}

#[test]
fn a_damaged_file_is_reported_by_verify_and_mended_by_pull() {
    let dir = tempfile::tempdir().expect("a folder");
    let server = Server::start(body(), vec![Answer::Whole]);
    let library = Library::new(one_file(&server.url, &body(), ""), dir.path().to_owned());
    pull(&library, &quick(1)).expect("pulled");
    let path = dir.path().join("eye/1/eye.bin");
    let mut bytes = body();
    bytes[100] ^= 1;
    fs::write(&path, &bytes).expect("damaged");
    assert_eq!(library.verify(None).expect("verified")[0].outcome, Outcome::Changed(Digest::of(&bytes)));
    assert!(pull(&library, &quick(1)).expect("mended")[0].changed);
    assert!(!pull(&library, &quick(1)).expect("nothing to do")[0].changed);
    assert_eq!(server.ranges().len(), 2);
    fs::remove_file(&path).expect("gone");
    assert_eq!(library.verify(None).expect("verified")[0].outcome, Outcome::Missing);
}

#[test]
fn a_converted_file_is_the_converters_and_a_new_converter_writes_it_again() {
    let dir = tempfile::tempdir().expect("a folder");
    let server = Server::start(b"weights".to_vec(), vec![Answer::Whole]);
    let manifest = one_file(&server.url, b"weights", "convert = \"net\"\ninstalled_as = \"eye.onnx\"");
    let library = Library::new(manifest, dir.path().to_owned());
    let error = pull(&library, &quick(1)).expect_err("no converter");
    assert!(matches!(error, PackError::NoConverter { .. }), "{error}");
    assert_eq!(server.ranges().len(), 0, "told before anything is fetched");

    let shout = |network: &str, bytes: &[u8]| -> Result<Vec<u8>, BoxError> {
        Ok([network.as_bytes(), b":", &bytes.to_ascii_uppercase()].concat())
    };
    let with = |version| PullOptions { converter: Some(Converter { version, convert: &shout }), ..quick(1) };
    pull(&library, &with("1")).expect("converted");
    assert_eq!(fs::read(dir.path().join("eye/1/eye.onnx")).expect("installed"), b"net:WEIGHTS");
    assert_eq!(files_in(dir.path()), ["eye/1/eye.onnx", "eye/1/installed.json"]);
    assert_eq!(library.verify(None).expect("verified")[0].outcome, Outcome::Intact);
    assert!(!pull(&library, &with("1")).expect("same")[0].changed);
    assert!(pull(&library, &with("2")).expect("newer converter")[0].changed);

    let fail = |_: &str, _: &[u8]| -> Result<Vec<u8>, BoxError> { Err("layer 3 is missing".into()) };
    let bad = PullOptions { converter: Some(Converter { version: "3", convert: &fail }), ..quick(1) };
    let error = pull(&library, &bad).expect_err("refused");
    assert!(error.to_string().contains("layer 3 is missing"), "{error}");
    assert_eq!(state(&library), State::Installed, "the old file stays");
}

#[test]
fn two_pulls_at_once_fetch_once() {
    let dir = tempfile::tempdir().expect("a folder");
    let server = Server::start(body(), vec![Answer::Whole]);
    let library = Library::new(one_file(&server.url, &body(), ""), dir.path().to_owned());
    let results = std::thread::scope(|s| {
        let jobs: Vec<_> = (0..4).map(|_| s.spawn(|| pull(&library, &quick(1)))).collect();
        jobs.into_iter().map(|j| j.join().expect("no panic").expect("pulled")[0].changed).collect::<Vec<_>>()
    });
    assert_eq!(results.iter().filter(|c| **c).count(), 1);
    assert_eq!(server.ranges().len(), 1);
}

#[test]
fn another_machines_file_is_not_fetched() {
    let dir = tempfile::tempdir().expect("a folder");
    let manifest = one_file(NOWHERE, b"x", "os = \"linux\"\narch = \"aarch64\"");
    let library = Library::new(manifest, dir.path().to_owned())
        .for_platform(Platform { os: "linux".into(), arch: "riscv64".into() });
    let error = pull(&library, &quick(1)).expect_err("nothing for this machine");
    assert!(matches!(error, PackError::Platform { .. }), "{error}");
    let choice = library.choose(&PackChoice::Auto, "see").expect("a choice");
    assert!(matches!(choice, Choice::Absent { .. }), "{choice:?}");
}
