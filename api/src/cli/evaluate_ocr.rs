//! `evaluate ocr-text`, `ocr-invoice` and `ocr-id`. The formats are described in datasets/README.md.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use chrono::{DateTime, NaiveDate, Utc};
use innkeeper_core::Picture;
use innkeeper_ocr::OcrError;
use innkeeper_ocr::identity::evaluation::{LicenceTruth, Read, Truth, evaluate};
use innkeeper_ocr::identity::{IdentityReader, barcode};
use innkeeper_ocr::invoice::InvoiceReader;
use innkeeper_ocr::invoice::evaluation::{Score, nested_cross_validation, score};
use innkeeper_ocr::text::evaluation::{Counts, compare, told, truth};
use innkeeper_runtime::Ticket;
use serde_json::{Value, json};

use super::Failure;
use super::each::each;
use super::receipts;
use super::train::trained_on;
use crate::config::Settings;
use crate::models::Loader;

/// Folds of a cross-validation, and the seed that deals the vendors out.
pub(super) const FOLDS: usize = 10;
pub(super) const SEED: u64 = 1;

fn mean(values: impl ExactSizeIterator<Item = f64>) -> Option<f64> {
    let n = values.len();
    (n > 0).then(|| values.sum::<f64>() / n as f64)
}

/// Lines of receipts against their truth.
pub(super) fn text(loader: &Loader, settings: &Settings, data: &Path) -> Result<Value, Failure> {
    let folder = receipts::folder(data)?;
    let listed = receipts::receipts(&folder, "box", "csv")?;
    let reader = loader.text_reader()?;
    let read = receipts::read(&listed, &reader, &settings.images.limits())?;
    let (mut counts, mut broken) = (Counts::default(), 0);
    for receipt in &read {
        let path = folder.join("box").join(format!("{}.csv", receipt.stem));
        let bytes = std::fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let lines = truth(&String::from_utf8_lossy(&bytes));
        broken += lines.iter().filter(|line| line.is_err()).count();
        let lines: Vec<_> = lines.into_iter().filter_map(Result::ok).collect();
        counts += compare(&lines, &told(&receipt.page));
    }
    let scores = counts.scores();
    let mut reasons = Vec::new();
    if broken > 0 {
        reasons
            .push(format!("{broken} lines of the truth are not eight numbers and a text; they are left out"));
    }
    let models: Vec<String> = reader.models().iter().map(|m| m.model().to_string()).collect();
    Ok(json!({
        "cer": scores.cer, "word_f1": scores.word_f1, "line_exact": scores.line_exact, "det_f1": scores.det_f1,
        "ms_per_image": mean(read.iter().map(|r| r.milliseconds)), "n": scores.n,
        "models": models, "reasons": reasons,
    }))
}

fn fields(score: &Score) -> Value {
    json!({
        "total": score.total.right, "date": score.date.right, "company": score.company.right,
        "total_of": score.total.of, "date_of": score.date.of, "company_of": score.company.of,
        "item_f1": score.items.f1, "item_amount_f1": score.item_amounts.f1, "n_items": score.n_items,
        "brier": score.brier, "n": score.n, "reasons": score.reasons,
    })
}

/// What fixed rules find on the same receipts.
fn beside(figures: &mut Value, rules: &Score) {
    let rules = fields(rules);
    for key in ["total", "date", "company", "item_f1"] {
        figures[format!("rules_{key}")] = rules[key].clone();
    }
}

/// Fields of receipts against their truth. Receipts from which the ranker learnt say nothing about it, so they are
/// refused unless it is to be fitted anew without each fold.
pub(super) fn invoice(
    loader: &Loader,
    settings: &Settings,
    data: &Path,
    cross_validate: bool,
) -> Result<Value, Failure> {
    let folder = receipts::folder(data)?;
    let listed = receipts::receipts(&folder, "key", "json")?;
    let invoices = Loader::invoice_reader(settings)?;
    let text = loader.text_reader()?;
    let read = receipts::read(&listed, &text, &settings.images.limits())?;
    let known = trained_on(settings)?;
    let seen = read.iter().filter(|receipt| known.contains(&receipt.sha256)).count();
    if seen > 0 && !cross_validate {
        let n = read.len();
        let detail = format!(
            "the ranker learnt from {seen} of these {n} receipts; --cross-validate fits it anew without each fold"
        );
        return Err(detail.into());
    }
    let milliseconds = mean(read.iter().map(|r| r.milliseconds));
    let examples = receipts::examples(&folder, read)?;
    let mut figures = if cross_validate {
        let folds = nested_cross_validation(&examples, None, FOLDS, SEED)?;
        let mut figures = fields(&folds.ranker);
        figures["folds"] = json!(FOLDS);
        beside(&mut figures, &folds.rules);
        figures
    } else {
        let mut figures = fields(&score(&invoices, &examples));
        beside(&mut figures, &score(&InvoiceReader::rules(), &examples));
        figures
    };
    figures["ms_per_image"] = json!(milliseconds);
    Ok(figures)
}

/// Rows of `mrz_gt.tsv`; pictures beside those it lists show no zone.
fn zones(data: &Path) -> Result<Vec<(PathBuf, Truth)>, Failure> {
    let path = data.join("mrz_gt.tsv");
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    let column = |name: &str| {
        let missing = || format!("{} has no column `{name}`", path.display());
        header.iter().position(|h| *h == name).ok_or_else(missing)
    };
    let (file, valid, zone) = (column("path")?, column("valid_as_printed")?, column("lines")?);
    let mut found = BTreeMap::new();
    for line in lines.filter(|line| !line.is_empty()) {
        let cells: Vec<&str> = line.split('\t').collect();
        let cell = |i: usize| cells.get(i).copied().unwrap_or_default();
        let lines = cell(zone).split('|').map(str::to_owned).collect();
        found.insert(data.join(cell(file)), Truth::Mrz { lines, valid: cell(valid) == "1" });
    }
    for picture in receipts::pictures(&data.join("mrz")).unwrap_or_default() {
        found.entry(picture).or_insert(Truth::NoMrz);
    }
    Ok(found.into_iter().collect())
}

/// Symbols with their text beside them, or their bytes where those are no text.
fn symbols(data: &Path) -> Result<Vec<(PathBuf, Truth)>, Failure> {
    let mut found = Vec::new();
    for picture in receipts::pictures(&data.join("pdf417"))? {
        let text = match std::fs::read_to_string(picture.with_extension("txt")) {
            Ok(text) => text,
            Err(_) => match std::fs::read(picture.with_extension("bin")) {
                Ok(bytes) => bytes.iter().map(|b| char::from(*b)).collect(),
                Err(error) => return Err(format!("{} has no text: {error}", picture.display()).into()),
            },
        };
        found.push((picture, Truth::Symbol(text)));
    }
    Ok(found)
}

/// Symbols of licences, named `DOCUMENT__VARIANT`, with their fields in `expected.json` by DOCUMENT.
fn licences(data: &Path) -> Result<Vec<(PathBuf, Truth)>, Failure> {
    let folder = data.join("aamva");
    let path = folder.join("expected.json");
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let expected: BTreeMap<String, LicenceTruth> =
        serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut found = Vec::new();
    for picture in receipts::pictures(&folder)? {
        let stem = picture.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        let name = stem.split("__").next().unwrap_or_default();
        let truth = expected.get(name).ok_or_else(|| format!("{} lacks {name}", path.display()))?;
        found.push((picture, Truth::Licence(Box::new(truth.clone()))));
    }
    Ok(found)
}

/// Specimens of identity documents against their truth.
pub(super) fn identity(loader: &Loader, settings: &Settings, data: &Path) -> Result<Value, Failure> {
    let mut reasons = Vec::new();
    let mut cases = Vec::new();
    let mut kinds = [0_usize; 3];
    for (count, found) in kinds.iter_mut().zip([zones(data), symbols(data), licences(data)]) {
        match found {
            Ok(found) => {
                *count = found.len();
                cases.extend(found);
            }
            Err(error) => reasons.push(error.to_string()),
        }
    }
    if cases.is_empty() {
        return Err(reasons.join("; ").into());
    }
    let text = loader.text_reader()?;
    let limits = settings.images.limits();
    let now: DateTime<Utc> = Utc::now();
    let today: NaiveDate = now.with_timezone(&settings.hotel.timezone).date_naive();
    let read = each(cases.len(), "pictures", |i| -> Result<(Read, f64), String> {
        let (path, shown) = &cases[i];
        let failed = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
        let bytes = std::fs::read(path).map_err(|e| failed(&e))?;
        let started = Instant::now();
        // A picture that cannot be decoded is a document that was not read, as it would be in production.
        let Ok(picture) = Picture::decode(&bytes, &limits) else { return Ok((Read::default(), 0.0)) };
        let ticket = Ticket::unlimited();
        let read = if matches!(shown, Truth::Mrz { .. } | Truth::NoMrz) {
            let document = match IdentityReader::new(&text).read(&picture, None, today, &[], &ticket) {
                Ok(document) => Some(document),
                Err(OcrError::DocumentNotFound) => None,
                Err(error) => return Err(failed(&error)),
            };
            let mrz = document.and_then(|d| d.mrz).map(|m| (m.format, m.lines, m.valid));
            Read { mrz, barcode: None }
        } else {
            Read { mrz: None, barcode: barcode::read(&picture, &ticket).map_err(|e| failed(&e))? }
        };
        Ok((read, started.elapsed().as_secs_f64() * 1e3))
    })?;
    let read = read.into_iter().collect::<Result<Vec<_>, _>>()?;
    let counted = evaluate(cases.iter().map(|c| &c.1).zip(read.iter().map(|r| &r.0)));
    let mut figures = serde_json::to_value(counted)?;
    for (n, keys) in kinds.into_iter().zip([
        &["mrz_valid", "mrz_exact", "mrz_valid_but_wrong", "mrz_invented"][..],
        &["pdf417"],
        &["aamva"],
    ]) {
        for key in keys.iter().filter(|_| n == 0) {
            figures[*key] = Value::Null;
        }
    }
    if figures["mrz_invented"].is_null() {
        reasons.push("mrz_invented: no picture without a zone was looked at".to_owned());
    }
    figures["ms_per_image"] = json!(mean(read.iter().map(|r| r.1)));
    figures["reasons"] = json!(reasons);
    Ok(figures)
}
