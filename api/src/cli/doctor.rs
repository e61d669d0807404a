use std::process::{Command, ExitCode};

use super::table::table;
use super::{Outcome, packs, say};
use crate::app::{data_keys, installed, open_store, open_vectors};
use crate::config::Settings;
use crate::models::{library, runtime_library};

/// What the tables of the hotel hold.
const BOOKINGS: &str = "bookings";

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

/// The keys that open what was stored: looked at, never made here.
fn keys(settings: &Settings) -> Finding {
    let what = "data keys".to_owned();
    let file = settings.storage.data_dir.join("secrets/data.key");
    if std::env::var_os("INNKEEPER_DATA_KEYS").is_none() && !file.exists() {
        let lost = settings.storage.data_dir.join("innkeeper.db").exists();
        let detail = if lost {
            format!("{} is missing; without it the tables do not open: restore the copy", file.display())
        } else {
            format!("{} will be created by `innkeeper serve`", file.display())
        };
        return Finding { what, good: !lost, detail };
    }
    match data_keys(settings) {
        Ok(ring) => {
            Finding { what, good: true, detail: format!("{} seals; keep a copy elsewhere", ring.active()) }
        }
        Err(error) => Finding { what, good: false, detail: error.to_string() },
    }
}

/// Whether the hotel of the settings has bookings: without any there is nothing to forecast from.
fn bookings(settings: &Settings) -> Result<Finding, super::Failure> {
    let what = BOOKINGS.to_owned();
    let hotel = &settings.hotel.default;
    let mends = "`innkeeper import bookings FILE` brings them, `innkeeper simulate` makes some up";
    let none = format!("hotel {hotel} has none, so there are no forecasts; {mends}");
    let keys_there = std::env::var_os("INNKEEPER_DATA_KEYS").is_some()
        || settings.storage.data_dir.join("secrets/data.key").exists();
    if installed(settings).is_err() || !keys_there {
        return Ok(Finding { what, good: false, detail: none });
    }
    let counted = tokio::runtime::Runtime::new()?.block_on(async {
        let store = open_store(settings, data_keys(settings)?).await?;
        let counted = store.hotel(hotel).bookings_fingerprint().await;
        store.close().await;
        Ok::<_, super::Failure>(counted?.rows)
    });
    let (good, detail) = match counted {
        Ok(0) => (false, none),
        Ok(n) => (true, format!("hotel {hotel} has {n}")),
        Err(error) => (false, error.to_string()),
    };
    Ok(Finding { what, good, detail })
}

/// Whether the servers that the settings name answer.
fn servers(settings: &Settings) -> Result<Vec<Finding>, super::Failure> {
    if settings.storage.database_url.is_none() && settings.storage.qdrant.url.is_none() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    let mut add = |what: &str, result: Result<(), String>| {
        let (good, detail) = result.map_or_else(|e| (false, e), |()| (true, "answers".to_owned()));
        found.push(Finding { what: what.to_owned(), good, detail });
    };
    let runtime = tokio::runtime::Runtime::new()?;
    if settings.storage.database_url.is_some() {
        let store = data_keys(settings)
            .map_err(|e| e.to_string())
            .and_then(|keys| runtime.block_on(open_store(settings, keys)).map_err(|e| e.to_string()));
        add("PostgreSQL", store.map(|store| runtime.block_on(store.close())));
    }
    if settings.storage.qdrant.url.is_some() {
        let asked = runtime.block_on(async {
            let vectors = open_vectors(settings).await.map_err(|e| e.to_string())?;
            vectors.collections().await.map(drop).map_err(|e| e.to_string())
        });
        add("Qdrant server", asked);
    }
    Ok(found)
}

pub(super) fn run(settings: &Settings) -> Outcome {
    let mut findings = vec![pip(), data_dir(settings), keys(settings)];
    findings.extend(servers(settings)?);
    findings.push(bookings(settings)?);
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
    let vietnamese = innkeeper_ocr::Tesseract::find(None);
    findings.push(Finding {
        what: "Vietnamese read twice".to_owned(),
        good: vietnamese.is_ok(),
        detail: match vietnamese {
            Ok(found) => found.program().display().to_string(),
            Err(error) => error.to_string(),
        },
    });
    // Landmarks matter to one embedder only, liveness is an answer that may be null, and pictures are read without
    // what opens PDF files or turns pages, Vietnamese with a mark less, and rooms are judged without the objects in them. Bookings are for forecasts only.
    let optional = |what: &str| {
        matches!(
            what,
            "face-landmarks"
                | "liveness"
                | "object-detection"
                | "text-angle"
                | "pdf-pages"
                | "Vietnamese read twice"
                | BOOKINGS
        )
    };
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
