//! The commands beside `serve`: what they print, and how they end.

use std::path::Path;

use serde_json::{Value, json};

use crate::pictures::{NOBODY, OBAMA, path};
use crate::server::{House, innkeeper};

#[test]
fn a_token_is_printed_alone() {
    let house = House::new("default");
    let data = house.data();
    let args = ["token", "--subject", "lobby", "--role", "camera", "--data-dir", data.to_str().unwrap()];
    // In the wrong folder nothing would ever accept the token, and nobody would know why.
    let said = house.run(&args).stderr;
    assert!(said.contains("warning: ") && said.contains(data.to_str().unwrap()), "{said}");
    for _ in 0..2 {
        let ran = house.run(&args);
        let printed = ran.stdout.clone();
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
        let token = printed.strip_suffix('\n').expect("a line");
        assert!(token.split('.').count() == 3 && !token.contains(char::is_whitespace), "{token}");
    }
    for wrong in [
        ["--role", "root", "--ttl", "8h"],
        ["--role", "camera", "--ttl", "forever"],
        ["--role", "camera", "--hotel", "../x"],
        ["--role", "camera", "--permissions", "cv:everything"],
    ] {
        let mut all = vec!["token", "--subject", "x", "--data-dir", data.to_str().unwrap()];
        all.extend(wrong);
        let ran = house.run(&all);
        assert!(ran.code != Some(0) && ran.stdout.is_empty(), "{wrong:?} printed {}", ran.stdout);
    }
    let short = house.command(&args).env("INNKEEPER_JWT_SECRET", "too short").output().expect("it runs");
    assert!(!short.status.success() && short.stdout.is_empty());
}

#[cfg(unix)]
#[test]
fn only_the_owner_reads_the_secret() {
    use std::os::unix::fs::PermissionsExt;
    let house = House::new("default");
    house.token("camera", "h1");
    let mode =
        std::fs::metadata(house.data().join("secrets/jwt.key")).expect("the secret").permissions().mode();
    assert_eq!(mode & 0o077, 0, "{mode:o}");
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
}

#[test]
fn predict_prints_one_line_a_file_and_fails_when_one_is_broken() {
    let house = House::new("default");
    let (face, nobody) = (path(OBAMA[0]), path(NOBODY));
    let (face, nobody) = (face.to_str().unwrap(), nobody.to_str().unwrap());
    let good = lines(&house.run(&["predict", "face", face, nobody, "--json"]).good());
    assert_eq!(good.len(), 2);
    assert_eq!((&good[0]["file"], good[0]["faces"].as_array().map(Vec::len)), (&json!(face), Some(1)));
    assert_eq!((&good[1]["file"], &good[1]["reason"]), (&json!(nobody), &json!("no_face")));
    assert!(good[0]["employee_id"].is_null() && good[0]["is_alive"].is_null(), "{}", good[0]);

    let broken = house.desk().join("broken.jpg");
    std::fs::write(&broken, "not a picture").expect("a file");
    let ran = house.run(&["predict", "face", broken.to_str().unwrap(), "nowhere.jpg", face, "--json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let all = lines(&ran.stdout);
    assert_eq!(all.len(), 3, "{}", ran.stdout);
    assert_eq!(
        (&all[0]["error"]["code"], &all[0]["error"]["status"]),
        (&json!("unsupported_image"), &json!(415))
    );
    assert_eq!(all[1]["error"]["code"], "not_found");
    assert_eq!(all[2]["faces"].as_array().map(Vec::len), Some(1), "the file after the broken ones");

    let words = house.run(&["predict", "face", face, nobody]).good();
    assert_eq!(words.lines().count(), 2, "{words}");
}

#[test]
fn the_doctor_says_what_is_missing_and_what_mends_it() {
    let house = House::new("default");
    let data = house.data();
    let doctor = ["doctor", "--data-dir", data.to_str().unwrap()];
    let well = house.run(&doctor).good();
    assert!(well.contains("optional") && !well.contains("missing "), "{well}");
    assert!(!data.exists(), "looking must not create anything");

    let empty = house.desk().join("no-models");
    let ill = house.with("models.dir", empty.display()).run(&doctor);
    assert_eq!(ill.code, Some(1), "{}", ill.stdout);
    for task in ["face-detection", "face-embedding", "runtime-library"] {
        let line = ill.stdout.lines().find(|line| line.contains(task)).expect(task);
        assert!(line.starts_with("missing") && line.contains("innkeeper models pull"), "{line}");
    }
}

#[test]
fn the_printed_defaults_are_a_settings_file() {
    let house = House::new("default");
    let file = house.desk().join("mine.toml");
    let defaults = house.run(&["config", "--default"]).good();
    std::fs::write(&file, &defaults).expect("a file");
    let (file, data) = (file.to_str().unwrap().to_owned(), house.data());
    let token = [
        "--config",
        &file,
        "token",
        "--subject",
        "x",
        "--role",
        "camera",
        "--data-dir",
        data.to_str().unwrap(),
    ];
    house.run(&token).good();
    std::fs::write(&file, defaults.replace("max_templates", "max_template")).expect("a file");
    let ran = house.run(&token);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("max_template"), "{}", ran.stderr);
    let gone = house.run(&["--config", "nowhere.toml", "doctor"]);
    assert!(gone.code == Some(1) && gone.stderr.contains("nowhere.toml"), "{}", gone.stderr);
    // A file in the working folder is read without being named.
    std::fs::write(house.desk().join("innkeeper.toml"), "[http]\nlissten = \"127.0.0.1:1\"\n")
        .expect("a file");
    let here = house.run(&["doctor"]);
    assert!(here.code == Some(1) && here.stderr.contains("lissten"), "{}", here.stderr);
    house.run(&["config", "--default"]).good();
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("the folder").map(|entry| entry.expect("an entry")) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

#[test]
fn a_damaged_model_file_is_found() {
    let house = House::new("default");
    let good = house.run(&["models", "verify"]).good();
    assert!(good.contains("mtcnn") && good.lines().last().is_some_and(|l| l.contains("good")), "{good}");

    let installed = innkeeper().args(["models", "path", "mtcnn"]).output().expect("it runs");
    let installed = String::from_utf8(installed.stdout).expect("a path");
    let installed = Path::new(installed.trim_end());
    let models = house.desk().join("models");
    let ours = models.join("mtcnn").join(installed.file_name().expect("a version"));
    copy(installed, &ours);
    let models = models.to_str().unwrap();
    let verify = ["--models-dir", models, "models", "verify"];
    house.run(&verify).good();
    let file = ours.join("pnet.onnx");
    let mut bytes = std::fs::read(&file).expect("a model");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).expect("a file");
    let ran = house.run(&verify);
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    assert!(ran.stdout.lines().any(|l| l.contains("pnet.onnx") && !l.ends_with("good")), "{}", ran.stdout);
    assert!(ran.stderr.contains("innkeeper models pull"), "{}", ran.stderr);
}

#[test]
fn a_list_says_which_model_does_what_and_why() {
    let house = House::new("default");
    let listed: Vec<Value> =
        serde_json::from_str(&house.run(&["models", "list", "--json"]).good()).expect("a JSON list");
    let chosen: Vec<&str> =
        listed.iter().filter(|m| m["chosen"] == true).filter_map(|m| m["task"].as_str()).collect();
    for task in ["face-detection", "face-embedding", "runtime-library"] {
        assert_eq!(chosen.iter().filter(|t| **t == task).count(), 1, "{task}: {listed:#?}");
    }
    assert!(!chosen.contains(&"liveness"), "the default pack has no liveness model");
    for model in &listed {
        for key in ["model", "licence", "state", "why"] {
            assert!(model[key].as_str().is_some_and(|text| !text.is_empty()), "{key}: {model}");
        }
    }
    let table = house.run(&["models", "list"]).good();
    assert!(table.contains("in use") && table.lines().count() >= listed.len(), "{table}");
}
