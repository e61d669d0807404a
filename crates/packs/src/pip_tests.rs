//! Archives of the package index: the real pip on a wheel made here, and a stand-in for source archives.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::digest::Digest;
use crate::error::PackError;
use crate::library::Library;
use crate::manifest::Manifest;
use crate::progress::Silent;
use crate::pull::{PullOptions, Selection};
use crate::testing::{Log, make_sdist, make_zip};

fn manifest(package: &str, extra: &str, files: &[(&str, &str, &[u8])]) -> Manifest {
    let mut text = r#"
schema = 1
[tasks.see]
about = "Sees."
prefer = ["eye"]
[[item]]
name = "eye"
version = "1"
task = "see"
licence = "MIT"
card = "eye.md"
"#
    .to_owned();
    for (name, member, content) in files {
        let (sha256, size) = (Digest::of(content), content.len());
        let _ = write!(
            text,
            "[[item.file]]\nname = \"{name}\"\nsource = \"pypi:{package}==1.0!{member}\"\n\
             sha256 = \"{sha256}\"\nsize = {size}\n{extra}\n"
        );
    }
    Manifest::parse(&text).expect("a valid manifest")
}

fn make_wheel(dir: &Path) {
    let info = "innkeeper_test_eye-1.0.dist-info";
    make_zip(
        &dir.join("innkeeper_test_eye-1.0-cp311-cp311-manylinux_2_28_aarch64.whl"),
        &[
            ("eye/a.bin", b"alpha"),
            ("eye/b.bin", b"beta"),
            (&format!("{info}/METADATA"), b"Metadata-Version: 2.1\nName: innkeeper-test-eye\nVersion: 1.0\n"),
            (
                &format!("{info}/WHEEL"),
                b"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp311-cp311-manylinux_2_28_aarch64\n",
            ),
            (&format!("{info}/RECORD"), b""),
        ],
    );
}

#[test]
fn pip_fetches_one_wheel_for_several_files_and_for_a_machine_that_is_not_this_one() {
    let (dir, index) = (tempfile::tempdir().expect("dir"), tempfile::tempdir().expect("index"));
    make_wheel(index.path());
    let files: [(&str, &str, &[u8]); 2] = [("a.bin", "eye/a.bin", b"alpha"), ("b.bin", "eye/b.bin", b"beta")];
    let tag = "wheel_tag = \"cp311-cp311-manylinux_2_28_aarch64\"";
    let library = Library::new(manifest("innkeeper-test-eye", tag, &files), dir.path().to_owned());
    let pip_args = vec!["--no-index".into(), "--find-links".into(), index.path().display().to_string()];
    let options = PullOptions { pip_args, ..PullOptions::default() };
    let log = Log::default();
    let done = library.pull(&Selection::Item("eye".into()), &options, &log).expect("pulled with pip");
    assert_eq!(log.count("begin innkeeper-test-eye==1.0 (pip)"), 1);
    assert_eq!(fs::read(done[0].dir.join("b.bin")).expect("installed"), b"beta");
    let left: Vec<_> = fs::read_dir(dir.path().join(".staging")).expect("staging").collect();
    assert!(left.is_empty(), "archives are not kept: {left:?}");
}

#[test]
fn a_package_the_index_lacks_is_named_with_pips_words() {
    let (dir, index) = (tempfile::tempdir().expect("dir"), tempfile::tempdir().expect("index"));
    let manifest = manifest("innkeeper-test-eye", "", &[("a.bin", "eye/a.bin", b"alpha")]);
    let library = Library::new(manifest, dir.path().to_owned());
    let pip_args = vec!["--no-index".into(), "--find-links".into(), index.path().display().to_string()];
    let options = PullOptions { pip_args, ..PullOptions::default() };
    let error = library.pull(&Selection::Item("eye".into()), &options, &Silent).expect_err("nothing there");
    let text = error.to_string();
    assert!(text.contains("innkeeper-test-eye==1.0") && text.contains("No matching distribution"), "{text}");
}

/// A `python3` that gives `archive` to whoever asks pip for it, and keeps its arguments and the requirements.
fn stand_in(dir: &Path, archive: &Path) -> std::path::PathBuf {
    let script = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$@\" > {log}\nwhile [ $# -gt 0 ]; do\n  case \"$1\" in\n    \
         --dest) dest=\"$2\";;\n    -r) cat \"$2\" >> {log};;\n  esac\n  shift\ndone\ncp {archive} \"$dest\"\n",
        log = dir.join("args").display(),
        archive = archive.display(),
    );
    let path = dir.join("python3");
    fs::write(&path, script).expect("a script");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
    path
}

#[test]
fn a_source_archive_is_pinned_before_its_code_can_run() {
    let (dir, index) = (tempfile::tempdir().expect("dir"), tempfile::tempdir().expect("index"));
    let archive = index.path().join("eye-1.0.tar.gz");
    make_sdist(&archive, &[("eye-1.0/data/a.bin", b"alpha")]);
    let pin = Digest::of(b"the archive pip must find");
    let extra = format!("sdist_sha256 = \"{pin}\"");
    let manifest = manifest("eye", &extra, &[("a.bin", "data/a.bin", b"alpha")]);
    let library = Library::new(manifest, dir.path().to_owned());
    let options = PullOptions { python: stand_in(index.path(), &archive), ..PullOptions::default() };
    let done = library.pull(&Selection::Item("eye".into()), &options, &Silent).expect("pulled");
    assert_eq!(fs::read(done[0].dir.join("a.bin")).expect("installed"), b"alpha");
    let args = fs::read_to_string(index.path().join("args")).expect("arguments");
    for wanted in
        ["--no-deps", "--no-binary=eye", "--require-hashes", &format!("eye==1.0 --hash=sha256:{pin}")]
    {
        assert!(args.lines().any(|l| l == wanted), "{wanted} is missing in\n{args}");
    }
}

#[test]
fn another_file_inside_the_right_archive_is_not_installed() {
    let (dir, index) = (tempfile::tempdir().expect("dir"), tempfile::tempdir().expect("index"));
    let archive = index.path().join("eye-1.0.tar.gz");
    make_sdist(&archive, &[("eye-1.0/data/a.bin", b"ALPHA")]);
    let extra = format!("sdist_sha256 = \"{}\"", Digest::of(b""));
    let manifest = manifest("eye", &extra, &[("a.bin", "data/a.bin", b"alpha")]);
    let library = Library::new(manifest, dir.path().to_owned());
    let options = PullOptions { python: stand_in(index.path(), &archive), ..PullOptions::default() };
    let error = library.pull(&Selection::Item("eye".into()), &options, &Silent).expect_err("other content");
    assert!(matches!(error, PackError::Digest { .. }), "{error}");
    assert!(!dir.path().join("eye").exists());
}
