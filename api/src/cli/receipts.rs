//! Labelled receipts on disk: the layout of the ICDAR 2019 SROIE task, which `evaluate` and `train` read.

use std::path::{Path, PathBuf};
use std::time::Instant;

use innkeeper_core::{DecodeLimits, Picture};
use innkeeper_ocr::invoice::{DateOrder, Example, ItemLabel, Labels, PartyLabel, parse_amount, parse_date};
use innkeeper_ocr::{PageText, TextReader};
use innkeeper_runtime::Ticket;
use rust_decimal::Decimal;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Failure;
use super::each::each;

/// A picture, and the files that say what is on it.
pub(super) struct Receipt {
    pub picture: PathBuf,
    pub stem: String,
}

/// A picture that was read.
pub(super) struct ReadReceipt {
    pub stem: String,
    /// Hex SHA-256 of the picture.
    pub sha256: String,
    pub page: PageText,
    pub milliseconds: f64,
}

/// The folder with `img`: the one that was named, or `sroie` below it.
pub(super) fn folder(data: &Path) -> Result<PathBuf, Failure> {
    [data.to_owned(), data.join("sroie")].into_iter().find(|f| f.join("img").is_dir()).ok_or_else(|| {
        format!("{} has no folder sroie/img; datasets/README.md describes the format", data.display()).into()
    })
}

/// The pictures of a folder by name.
pub(super) fn pictures(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let listed = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut found: Vec<PathBuf> = listed.filter_map(|entry| entry.ok().map(|e| e.path())).collect();
    let kinds = ["jpg", "jpeg", "png", "webp", "bmp", "gif"];
    found.retain(|p| p.extension().is_some_and(|e| kinds.iter().any(|k| e.eq_ignore_ascii_case(k))));
    found.sort();
    Ok(found)
}

/// The receipts that have a file of labels with this ending in this folder.
pub(super) fn receipts(folder: &Path, labels: &str, ending: &str) -> Result<Vec<Receipt>, Failure> {
    let mut found = Vec::new();
    for picture in pictures(&folder.join("img"))? {
        let stem = picture.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        if folder.join(labels).join(format!("{stem}.{ending}")).is_file() {
            found.push(Receipt { picture, stem });
        }
    }
    if found.is_empty() {
        return Err(format!("{} has no picture with labels in {labels}", folder.display()).into());
    }
    Ok(found)
}

/// Reads them all, over the cores.
pub(super) fn read(
    receipts: &[Receipt],
    reader: &TextReader,
    limits: &DecodeLimits,
) -> Result<Vec<ReadReceipt>, Failure> {
    each(receipts.len(), "receipts", |i| -> Result<ReadReceipt, String> {
        let Receipt { picture: path, stem } = &receipts[i];
        let failed = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
        let bytes = std::fs::read(path).map_err(|e| failed(&e))?;
        let started = Instant::now();
        let picture = Picture::decode(&bytes, limits).map_err(|e| failed(&e))?;
        let page = reader.read(&picture, &Ticket::unlimited()).map_err(|e| failed(&e))?.text;
        Ok(ReadReceipt {
            stem: stem.clone(),
            sha256: hex::encode(Sha256::digest(&bytes)),
            page,
            milliseconds: started.elapsed().as_secs_f64() * 1e3,
        })
    })?
    .into_iter()
    .map(|read| read.map_err(Into::into))
    .collect()
}

/// What `key` and `items` say of a receipt.
pub(super) fn labels(folder: &Path, stem: &str) -> Result<Labels, Failure> {
    let path = folder.join("key").join(format!("{stem}.json"));
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let key: Value = serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?;
    let text = |name: &str| key[name].as_str().map(str::to_owned);
    let mut labels = Labels {
        date: text("date").and_then(|d| parse_date(&d, DateOrder::DayFirst)),
        total_amount: text("total").and_then(|t| parse_amount(&t)),
        vendor: Some(PartyLabel { name: text("company"), address: text("address"), tax_id: None }),
        ..Labels::default()
    };
    // Not every receipt has its items written down.
    let Ok(text) = std::fs::read_to_string(folder.join("items").join(format!("{stem}.json"))) else {
        return Ok(labels);
    };
    let file: Value = serde_json::from_str(&text).map_err(|e| format!("items/{stem}.json: {e}"))?;
    let number =
        |value: &Value| value.as_f64().and_then(|f| Decimal::try_from(f).ok()).map(|d| d.round_dp(4));
    let item = |item: &Value| ItemLabel {
        description: item["name"].as_str().unwrap_or_default().to_owned(),
        quantity: number(&item["quantity"]),
        unit_price: number(&item["unit_price"]),
        amount: number(&item["amount"]),
        tax_rate: None,
    };
    labels.currency = file["currency"].as_str().map(str::to_owned);
    labels.items = file["items"].as_array().map(|items| items.iter().map(item).collect());
    Ok(labels)
}

/// Read receipts with their labels; those of one vendor are one group.
pub(super) fn examples(folder: &Path, read: Vec<ReadReceipt>) -> Result<Vec<Example>, Failure> {
    read.into_iter()
        .map(|receipt| {
            let labels = labels(folder, &receipt.stem)?;
            let group = labels.group().unwrap_or(receipt.stem);
            Ok(Example { pages: vec![receipt.page], labels, group })
        })
        .collect()
}
