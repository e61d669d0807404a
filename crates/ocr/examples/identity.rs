//! Reads identity documents, one JSON line a picture, then the figures where the truth is known.
//!
//! `identity LIBRARY DETECTION ANGLE RECOGNITION FOLDER [PICTURE...]`
//!
//! LIBRARY is ONNX Runtime's shared library, DETECTION, ANGLE and RECOGNITION are PP-OCR models. FOLDER holds
//! `mrz_gt.tsv`, `pdf417/` and `aamva/` (`-` for none). PICTUREs show no zone unless the truth lists them: they are
//! searched for inventions. `IDENTITY_FULL=1` prints everything that was read from the PICTUREs.
#![expect(clippy::print_stdout, reason = "a command that reports to its caller")]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

use chrono::NaiveDate;
use innkeeper_core::{DecodeLimits, ModelRef, Picture};
use innkeeper_ocr::identity::evaluation::{LicenceTruth, Read, Truth, evaluate};
use innkeeper_ocr::identity::{IdentityDocument, IdentityReader, barcode};
use innkeeper_ocr::{Characters, OcrError, TextModels, TextReader, TextSettings};
use innkeeper_runtime::{Model, OnnxRuntime, PoolOptions, Session, SessionOptions, Ticket};
use serde_json::json;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [library, detection, angle, recognition, folder, pictures @ ..] = arguments.as_slice() else {
        return Err("identity LIBRARY DETECTION ANGLE RECOGNITION FOLDER [PICTURE...]".into());
    };
    let runtime = OnnxRuntime::load(Path::new(library))?;
    let models = TextModels {
        detection: model(&runtime, "text-detection", detection, vec![1, 3, 736, 736])?,
        angle: Some(model(&runtime, "text-angle", angle, vec![1, 3, 48, 192])?),
        recognition: model(&runtime, "text-recognition", recognition, vec![1, 3, 48, 320])?,
        characters: Characters::of_model(&std::fs::read(recognition)?)?,
    };
    let text = TextReader::new(models, TextSettings::default())?;
    let reader = IdentityReader::new(&text);
    let full = std::env::var_os("IDENTITY_FULL").is_some();
    let mut pairs: Vec<(Truth, Read)> = Vec::new();
    if folder != "-" {
        let folder = Path::new(folder);
        for (path, truth) in zones(folder)? {
            let (read, _, seconds) = document(&reader, &path)?;
            println!("{}", zone_line(&path, &truth, &read, seconds));
            pairs.push((truth, read));
        }
        for (path, truth) in symbols(folder)?.into_iter().chain(licences(folder)?) {
            let started = Instant::now();
            let symbol = barcode::read(&picture(&path)?, &Ticket::unlimited())?;
            let seconds = started.elapsed().as_secs_f64();
            let kind = symbol.as_ref().map(barcode::Barcode::kind);
            println!("{}", json!({ "file": path, "barcode": kind, "seconds": seconds }));
            pairs.push((truth, Read { mrz: None, barcode: symbol }));
        }
    }
    for path in pictures {
        let (read, answer, seconds) = document(&reader, Path::new(path))?;
        match answer.filter(|_| full) {
            Some(answer) => println!("{}", json!({ "file": path, "seconds": seconds, "document": answer })),
            None => println!("{}", zone_line(Path::new(path), &Truth::NoMrz, &read, seconds)),
        }
        pairs.push((Truth::NoMrz, read));
    }
    println!("{}", serde_json::to_string(&evaluate(pairs.iter().map(|(t, r)| (t, r))))?);
    Ok(())
}

fn model(runtime: &OnnxRuntime, name: &str, file: &str, warm: Vec<usize>) -> Result<Model, Failure> {
    let options = PoolOptions { workers: 1, warm_shapes: vec![vec![warm]], ..PoolOptions::default() };
    let (runtime, file) = (runtime.clone(), file.to_owned());
    let factory = move || -> Result<Box<dyn Session>, innkeeper_runtime::RuntimeError> {
        Ok(Box::new(runtime.session(Path::new(&file), &SessionOptions::default())?))
    };
    Ok(Model::start(name, ModelRef::new(name, "0")?, Box::new(factory), options)?)
}

fn picture(path: &Path) -> Result<Picture, Failure> {
    Ok(Picture::decode(&std::fs::read(path)?, &DecodeLimits::default())?)
}

fn document(
    reader: &IdentityReader<'_>,
    path: &Path,
) -> Result<(Read, Option<IdentityDocument>, f64), Failure> {
    let picture = picture(path)?;
    let today = NaiveDate::from_ymd_opt(2026, 1, 1).ok_or("a date")?;
    let started = Instant::now();
    let answer = match reader.read(&picture, None, today, &[], &Ticket::unlimited()) {
        Ok(answer) => Some(answer),
        Err(OcrError::DocumentNotFound) => None,
        Err(e) => return Err(e.into()),
    };
    let mrz = answer.as_ref().and_then(|a| a.mrz.as_ref()).map(|m| (m.format, m.lines.clone(), m.valid));
    Ok((Read { mrz, barcode: None }, answer, started.elapsed().as_secs_f64()))
}

fn zone_line(path: &Path, truth: &Truth, read: &Read, seconds: f64) -> serde_json::Value {
    let verdict = match (truth, &read.mrz) {
        (Truth::Mrz { .. }, None) => "not found",
        (Truth::Mrz { lines, .. }, Some((_, read, true))) if read == lines => "exact",
        (Truth::Mrz { lines, valid: false }, Some((_, read, false))) if read == lines => "invalid as printed",
        (Truth::Mrz { .. }, Some((_, _, true))) => "VALID BUT WRONG",
        (Truth::Mrz { .. }, Some(_)) => "invalid",
        (_, Some(_)) => "INVENTED",
        (_, None) => "none",
    };
    let lines = read.mrz.as_ref().map(|(_, lines, _)| lines);
    json!({ "file": path, "verdict": verdict, "lines": lines, "seconds": seconds })
}

/// `mrz_gt.tsv`: path, type, valid as printed, lines parted by `|`. Pictures beside them that it does not list
/// show no zone.
fn zones(folder: &Path) -> Result<Vec<(PathBuf, Truth)>, Failure> {
    let table = std::fs::read_to_string(folder.join("mrz_gt.tsv"))?;
    let mut out = BTreeMap::new();
    for row in table.lines().skip(1) {
        let columns: Vec<&str> = row.split('\t').collect();
        let [path, _, valid, lines, ..] = columns.as_slice() else {
            return Err("mrz_gt.tsv: a short row".into());
        };
        let lines = lines.split('|').map(str::to_owned).collect();
        out.insert(folder.join(path), Truth::Mrz { lines, valid: *valid == "1" });
    }
    for entry in std::fs::read_dir(folder.join("mrz"))? {
        out.entry(entry?.path()).or_insert(Truth::NoMrz);
    }
    Ok(out.into_iter().collect())
}

/// `pdf417/`: pictures with their text, or their bytes where those are no text, beside them.
fn symbols(folder: &Path) -> Result<Vec<(PathBuf, Truth)>, Failure> {
    let mut out = Vec::new();
    for path in pictures_in(&folder.join("pdf417"))? {
        let text = match std::fs::read_to_string(path.with_extension("txt")) {
            Ok(text) => text,
            Err(_) => std::fs::read(path.with_extension("bin"))?.iter().map(|b| char::from(*b)).collect(),
        };
        out.push((path, Truth::Symbol(text)));
    }
    Ok(out)
}

/// `aamva/`: pictures named `DOCUMENT__VARIANT.png`, and `expected.json` by DOCUMENT.
fn licences(folder: &Path) -> Result<Vec<(PathBuf, Truth)>, Failure> {
    let folder = folder.join("aamva");
    let expected: BTreeMap<String, LicenceTruth> =
        serde_json::from_str(&std::fs::read_to_string(folder.join("expected.json"))?)?;
    let mut out = Vec::new();
    for path in pictures_in(&folder)? {
        let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
        let name = stem.split("__").next().unwrap_or_default();
        let truth = expected.get(name).ok_or_else(|| format!("expected.json lacks {name}"))?;
        out.push((path.clone(), Truth::Licence(Box::new(truth.clone()))));
    }
    Ok(out)
}

fn pictures_in(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "png" || e == "jpg") {
            out.push(path);
        }
    }
    out.sort();
    Ok(out)
}
