use std::process::{Command, ExitCode};

use super::table::table;
use super::{Outcome, packs, say};
use crate::config::Settings;
use crate::models::{library, runtime_library};

/// One thing that was looked at.
struct Finding {
    what: String,
    good: bool,
    detail: String,
}

/// Whether `python3 -m pip` answers.
fn pip() -> Finding {
    let output = Command::new("python3").args(["-m", "pip", "--version"]).output();
    let (good, detail) = match output {
        Ok(o) if o.status.success() => (true, String::from_utf8_lossy(&o.stdout).trim().to_owned()),
        Ok(_) => (false, "python3 has no pip; run `apt-get install python3-pip`".to_owned()),
        Err(_) => (false, "python3 is missing; run `apt-get install python3 python3-pip`".to_owned()),
    };
    Finding { what: "pip, to fetch models".to_owned(), good, detail }
}

fn data_dir(settings: &Settings) -> Finding {
    let dir = &settings.storage.data_dir;
    let probe = dir.join(".doctor");
    let (good, detail) = if dir.exists() {
        match std::fs::write(&probe, b"").and_then(|()| std::fs::remove_file(&probe)) {
            Ok(()) => (true, dir.display().to_string()),
            Err(error) => (false, format!("{} cannot be written: {error}", dir.display())),
        }
    } else {
        (true, format!("{} will be created by `innkeeper serve`", dir.display()))
    };
    Finding { what: "data directory".to_owned(), good, detail }
}

pub(super) fn run(settings: &Settings) -> Outcome {
    let mut findings = vec![pip(), data_dir(settings)];
    let library = library(settings)?;
    for (task, state) in packs::chosen(&library, settings)? {
        let (good, detail) = match state {
            Ok(chosen) => (true, chosen),
            Err(missing) => (false, missing),
        };
        findings.push(Finding { what: task, good, detail });
    }
    if let Ok(path) = runtime_library(&library) {
        let (good, detail) = match innkeeper_runtime::OnnxRuntime::load(&path) {
            Ok(runtime) => (true, format!("version {}", runtime.version())),
            Err(error) => (false, error.to_string()),
        };
        findings.push(Finding { what: "ONNX Runtime loads".to_owned(), good, detail });
    }
    // Landmarks matter to one embedder only, and liveness is an answer that may be null.
    let optional = |what: &str| matches!(what, "face-landmarks" | "liveness");
    let rows: Vec<Vec<String>> = findings
        .iter()
        .map(|f| {
            let state = match (f.good, optional(&f.what)) {
                (true, _) => "good",
                (false, true) => "optional",
                (false, false) => "missing",
            };
            vec![state.to_owned(), f.what.clone(), f.detail.clone()]
        })
        .collect();
    say(table(&["", "what", "detail"], &rows))?;
    let missing = findings.iter().any(|f| !f.good && !optional(&f.what));
    Ok(if missing { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
